"""A build in a folder of this machine, or in one that several share."""

from __future__ import annotations

import contextlib
import os
import secrets
import shutil
import socket
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from lcgen import vault
from lcgen.builders import locks
from lcgen.builders.depot import MOVING, STAGING
from lcgen.errors import LcgenError

OURS = ("data", "schemas", "templates", "lm_eval")
"""Folders of a build."""


class Folder:
    """The depot of a folder. What takes a name here is whole, and moves at the end are taken back where one fails."""

    def __init__(self, path: Path) -> None:
        self.path = path.absolute()
        self.shown = str(self.path)

    def read(self, name: str) -> bytes | None:
        try:
            return (self.path / name).read_bytes()
        except (FileNotFoundError, NotADirectoryError):
            return None

    def write(self, name: str, data: bytes) -> None:
        with self.making(name) as path:
            path.write_bytes(data)

    def names(self, below: str) -> list[str]:
        found = (path for path in (self.path / below).rglob("*") if path.is_file())
        return sorted(path.relative_to(self.path).as_posix() for path in found)

    def empty(self) -> bool:
        if self.path.exists() and not self.path.is_dir():
            raise LcgenError(f"{self.path} is a file. Choose another --out.")
        return not self.path.is_dir() or all(path.name == STAGING for path in self.path.iterdir())

    @contextlib.contextmanager
    def making(self, name: str) -> Iterator[Path]:
        target = self.path / name
        part = (
            self.path
            / STAGING
            / "parts"
            / f"{target.name}.{socket.gethostname()}-{os.getpid()}-{secrets.token_hex(4)}{target.suffix}"
        )
        for path in (target, part):
            path.parent.mkdir(parents=True, exist_ok=True)
        try:
            yield part
            part.replace(target)
        finally:
            part.unlink(missing_ok=True)

    def stands(self, name: str, entry: Mapping[str, Any]) -> bool:
        path = self.path / name
        return path.is_file() and path.stat().st_size == entry["bytes"] and vault.file_hash(path) == entry["sha256"]

    def owns(self, name: str) -> bool:
        # A link below the folder may lead out of it, and what it leads to is not ours.
        path = self.path / name
        return path.is_file() and path.resolve().is_relative_to(self.path.resolve())

    def local(self, name: str) -> Path:
        return self.path / name

    @contextlib.contextmanager
    def workplace(self) -> Iterator[Path]:
        path = self.path / STAGING / "made"
        shutil.rmtree(path, ignore_errors=True)
        path.mkdir(parents=True)
        yield path

    @contextlib.contextmanager
    def lock(self, shard: str | None = None) -> Iterator[None]:
        created = [path for path in (self.path, *self.path.parents) if not path.exists()]
        staging = self.path / STAGING
        try:
            with locks.file_lock(staging / "lock", self.shown, shared=shard is not None):
                if shard is not None:
                    with locks.file_lock(staging / f"lock-{shard}", self.shown):
                        yield
                    return
                try:
                    # What processes that are dead now were about to write; and behind us, what our own were.
                    shutil.rmtree(staging / "parts", ignore_errors=True)
                    yield
                finally:
                    shutil.rmtree(staging / "parts", ignore_errors=True)
        finally:
            # Of a build that came to nothing, or to its end, nothing is left; what is finished stays for the next command.
            if not self.names(f"{STAGING}/notes"):
                with contextlib.suppress(OSError):
                    self._leave(staging, created)

    def _leave(self, staging: Path, created: Sequence[Path]) -> None:
        """Removes a staging folder without anything finished in it, unless somebody else holds it."""
        with contextlib.suppress(LcgenError), locks.file_lock(staging / "lock", self.shown):
            shutil.rmtree(staging, ignore_errors=True)
        for path in created:
            if path.is_dir() and not any(path.iterdir()):
                path.rmdir()

    def settle(self, data: Sequence[str], made: Path, others: Sequence[str], gone: Sequence[str]) -> None:
        """Either all is moved or, where that fails, nothing."""
        staging = self.path / STAGING
        (staging / MOVING).touch()
        folders = {path for path in self.path.rglob("*") if path.is_dir()}
        moved: list[tuple[Path, Path, Path | None, bool]] = []
        wanted = [
            *((name, staging / name) for name in data),
            *((name, made / name) for name in others),
            *((name, None) for name in gone),
        ]
        try:
            for name, source in wanted:
                target, kept = self.path / name, staging / "old" / name
                for path in (target, kept):
                    path.parent.mkdir(parents=True, exist_ok=True)
                moved.append((target, kept, source, target.is_file()))
                if target.is_file():
                    target.replace(kept)
                if source is not None:
                    source.replace(target)
        except BaseException:
            for target, kept, source, stood in reversed(moved):
                if source is not None and target.is_file() and not source.exists():
                    target.replace(source)
                if kept.is_file():
                    kept.replace(target)
                elif not stood:
                    target.unlink(missing_ok=True)
            (staging / MOVING).unlink(missing_ok=True)
            self._prune(folders)
            raise
        self.clear()
        self._prune(set())

    def _prune(self, keep: set[Path]) -> None:
        """Removes empty folders of a build that are not to be kept."""
        own = [self.path / name for name in OURS]
        for path in sorted([*own, *(below for each in own for below in each.rglob("*"))], reverse=True):
            if path.is_dir() and path not in keep and not any(path.iterdir()):
                path.rmdir()

    def clear(self) -> None:
        staging = self.path / STAGING
        for path in staging.iterdir() if staging.is_dir() else ():
            if path.is_dir():
                shutil.rmtree(path, ignore_errors=True)
            elif not path.name.startswith("lock"):
                path.unlink(missing_ok=True)
