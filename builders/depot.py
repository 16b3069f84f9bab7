"""Where a build is written: a folder, or any URL of fsspec. What is not finished stands below `.building` alone."""

from __future__ import annotations

import contextlib
import errno
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

from lcgen.errors import LcgenError

STAGING = ".building"
MOVING = "moving"
"""Stands in the staging folder while files are being moved in: a folder without manifest, but with it, is an unfinished build."""


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
    from lcgen.builders.folder import Folder
    from lcgen.builders.objects import Store

    text = str(out)
    if not text.strip():
        raise LcgenError("The output has an empty name. Name a folder or a URL.")
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


@contextlib.contextmanager
def room() -> Iterator[None]:
    """Turns a full disk into LcgenError where nobody named the folder: of temporary copies, caches, records of epochs."""
    try:
        yield
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.EDQUOT):
            raise
        raise Stopped(
            f"The disk of {error.filename or tempfile.gettempdir()} is full. Free some space (TMPDIR says where temporary copies lie), and run "
            "the same command again; what is published is as it was, or whole."
        ) from error


class Stopped(LcgenError):
    """A build that cannot go on now, through no fault of what was asked: the same command goes on."""
