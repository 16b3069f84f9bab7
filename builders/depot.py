"""Where a build is written: a folder, or any URL of fsspec. What is not finished stands below `.building` alone."""

from __future__ import annotations

import contextlib
import errno
import os
import secrets
import shutil
import socket
import tempfile
import weakref
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

from lcgen import vault
from lcgen.builders import locks
from lcgen.errors import LcgenError

STAGING = ".building"
MOVING = "moving"
"""Stands in the staging folder while files are being moved in: a folder without manifest, but with it, is an unfinished build."""
OURS = ("data", "schemas", "templates", "lm_eval")
"""Folders of a build."""


class Depot(Protocol):
    """One output folder. Names are relative to it, with `/`; what is staged has the same name below STAGING."""

    shown: str

    def read(self, name: str) -> bytes | None:
        """A small file; None where there is none."""

    def write(self, name: str, data: bytes) -> None:
        """Writes a small file, whole or not at all."""

    def names(self, below: str) -> list[str]:
        """All files below a folder."""

    def empty(self) -> bool:
        """Whether nothing stands there, staged files apart."""

    def making(self, name: str) -> contextlib.AbstractContextManager[Path]:
        """A path to write a large file to, which takes its name when the block ends well."""

    def stands(self, name: str, entry: Mapping[str, Any]) -> bool:
        """Whether a file is the one that `bytes` and `sha256` of an entry say."""

    def owns(self, name: str) -> bool:
        """Whether a file stands there, and does not lead elsewhere."""

    def local(self, name: str) -> Path:
        """A path to read a file from, good until `lock` ends."""

    def workplace(self) -> contextlib.AbstractContextManager[Path]:
        """A folder for files that `settle` is to take."""

    def lock(self, shard: str | None = None) -> contextlib.AbstractContextManager[None]:
        """Holds the folder, or one shard of it. Raises LcgenError where somebody else does."""

    def settle(self, data: Sequence[str], made: Path, others: Sequence[str], gone: Sequence[str]) -> None:
        """Moves staged data in, then other files from the folder `made`, in that order; removes what is gone, and what was staged."""

    def clear(self) -> None:
        """Removes what is staged."""


def depot(out: str | Path) -> Depot:
    """The depot at a path or URL. Raises LcgenError for a URL that cannot be used."""
    text = str(out)
    if "://" not in text and "::" not in text:
        return Folder(Path(text))
    if text.startswith("file://"):
        return Folder(Path(text[len("file://") :]))
    return Store(text)


@contextlib.contextmanager
def trouble(shown: str) -> Iterator[None]:
    """Turns what can go wrong with files into LcgenError."""
    try:
        yield
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise Stopped(
                f"The disk of {shown} is full. Free some space and run the same command again; finished files are kept."
            ) from error
        raise Stopped(f"Cannot write to {shown}: {error.strerror or error}. Choose another --out.") from error


class Stopped(LcgenError):
    """A build that cannot go on now, through no fault of what was asked: the same command goes on."""


class Folder:
    """A folder of this machine, or one that several share."""

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


class Store:
    """A place that fsspec knows: an object store, or another machine. An object is there whole or not at all.

    Moving one is a copy and a removal, and no move is taken back: the manifest comes last, and a build that stops before
    it goes on with the same command.
    """

    def __init__(self, url: str) -> None:
        import fsspec

        self.shown = url
        try:
            self._system, self._root = fsspec.core.url_to_fs(url)
        except (ImportError, ValueError) as error:
            raise LcgenError(
                f"Cannot use {url}: {' '.join(str(error).split())[:200]}. Name a folder, or a URL that fsspec knows."
            ) from error
        self._root = self._root.rstrip("/")
        # Copies of what lies there: a folder of this depot's own, so that nobody finds what another left.
        self._copies = Path(tempfile.mkdtemp(prefix="lcgen-"))
        weakref.finalize(self, shutil.rmtree, self._copies, ignore_errors=True)

    def _at(self, name: str) -> str:
        return f"{self._root}/{name}"

    @contextlib.contextmanager
    def _asked(self) -> Iterator[None]:
        """Clients of stores raise errors of their own families."""
        try:
            yield
        except (LcgenError, OSError, AssertionError):
            raise
        except Exception as error:
            raise OSError(f"{type(error).__name__}: {' '.join(str(error).split())[:200]}") from error

    def read(self, name: str) -> bytes | None:
        with self._asked():
            try:
                return bytes(self._system.cat_file(self._at(name)))
            except FileNotFoundError:
                return None

    def write(self, name: str, data: bytes) -> None:
        with self._asked():
            self._system.makedirs(self._at(name).rpartition("/")[0], exist_ok=True)
            self._system.pipe_file(self._at(name), data)

    def names(self, below: str) -> list[str]:
        with self._asked():
            self._system.invalidate_cache()
            try:
                found = self._system.find(self._at(below))
            except FileNotFoundError:
                return []
        return sorted(path[path.index(self._root) + len(self._root) + 1 :] for path in found)

    def empty(self) -> bool:
        return all(name.startswith(f"{STAGING}/") for name in self.names(""))

    @contextlib.contextmanager
    def making(self, name: str) -> Iterator[Path]:
        with tempfile.TemporaryDirectory(prefix="lcgen-") as folder:
            path = Path(folder) / name.rpartition("/")[2]
            yield path
            self._put(path, name)

    def _put(self, path: Path, name: str) -> None:
        with self._asked():
            self._system.makedirs(self._at(name).rpartition("/")[0], exist_ok=True)
            self._system.put_file(str(path), self._at(name))

    def stands(self, name: str, entry: Mapping[str, Any]) -> bool:
        # Whether it was sent whole is the store's promise; `lcgen verify` reads it again.
        with self._asked():
            try:
                return bool(self._system.info(self._at(name))["size"] == entry["bytes"])
            except FileNotFoundError:
                return False

    def owns(self, name: str) -> bool:
        with self._asked():
            return bool(self._system.isfile(self._at(name)))

    def local(self, name: str) -> Path:
        path = self._copies / name
        if not path.is_file():
            path.parent.mkdir(parents=True, exist_ok=True)
            with self._asked():
                self._system.get_file(self._at(name), str(path))
        return path

    @contextlib.contextmanager
    def workplace(self) -> Iterator[Path]:
        with tempfile.TemporaryDirectory(prefix="lcgen-") as folder:
            yield Path(folder)

    @contextlib.contextmanager
    def lock(self, shard: str | None = None) -> Iterator[None]:
        name = f"{STAGING}/lock{f'-{shard}' if shard else ''}"
        # What was copied before others could not write any more may be old.
        shutil.rmtree(self._copies, ignore_errors=True)
        with locks.object_lock(
            self.shown,
            lambda: self.read(name),
            lambda data: self.write(name, data),
            lambda: self._system.rm_file(self._at(name)),
        ):
            yield

    def settle(self, data: Sequence[str], made: Path, others: Sequence[str], gone: Sequence[str]) -> None:
        self.write(f"{STAGING}/{MOVING}", b"")
        with self._asked():
            for name in data:
                self._system.makedirs(self._at(name).rpartition("/")[0], exist_ok=True)
                self._system.mv(self._at(f"{STAGING}/{name}"), self._at(name))
            for name in gone:
                self._system.rm_file(self._at(name))
        for name in others:
            self._put(made / name, name)
        self.clear()

    def clear(self) -> None:
        for name in self.names(STAGING):
            if not name.startswith(f"{STAGING}/lock"):
                with self._asked():
                    self._system.rm_file(self._at(name))
