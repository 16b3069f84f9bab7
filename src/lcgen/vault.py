"""Files of the cache: whole or not there at all, checked before they are used, made anew where they are damaged."""

from __future__ import annotations

import contextlib
import errno
import hashlib
import io
import json
import logging
import os
import secrets
import shutil
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from lcgen.errors import LcgenError

LOG = logging.getLogger(__name__)
FORMAT = 2  # of all files here; raise it when older ones must not be used

Thing = TypeVar("Thing")


class Damaged(Exception):
    """A file is not what was written."""


class NotWritable(LcgenError):
    """A folder cannot be written, for another reason than a full disk."""


@contextlib.contextmanager
def room(folder: Path) -> Iterator[None]:
    """Turns what can go wrong while writing below a folder into LcgenError."""
    try:
        yield
    except OSError as error:
        full = error.errno in (errno.ENOSPC, errno.EDQUOT)
        why = "no room is left on its disk" if full else error.strerror or str(error)
        raise (LcgenError if full else NotWritable)(
            f"The cache folder {folder} cannot be written: {why}. "
            "Make room or rights there, or set LCGEN_CACHE to another folder."
        ) from error


def replace(path: Path, data: bytes) -> None:
    """Writes a small file so that it is there whole or not at all. Raises LcgenError where it cannot."""
    with room(path.parent):
        temporary = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
        try:
            temporary.write_bytes(data)
            temporary.replace(path)
        finally:
            temporary.unlink(missing_ok=True)


def kept(home: Path, make: Callable[[Path], None], read: Callable[[Path], Thing]) -> Thing:
    """What `read` finds in the folder `home`; where it is missing or Damaged, after `make` has filled such a folder.

    Two processes may make it at once: the first to finish wins, and both read its folder.
    """
    if os.path.lexists(home):
        try:
            return read(home)
        except Damaged as error:
            LOG.warning(f"the cached text in {home} is not used ({error}); making it anew.")
    with room(home.parent):
        _sweep(home.parent)
        building = home.with_name(f".{home.name}-{os.getpid()}-{secrets.token_hex(4)}")
        try:
            building.mkdir()
            make(building)
            for _ in range(3):
                try:
                    building.rename(home)
                    break
                except OSError:
                    if not os.path.lexists(home):
                        raise
                try:
                    return read(home)
                except Damaged:
                    _discard(home)
        finally:
            shutil.rmtree(building, ignore_errors=True)
        try:
            return read(home)
        except Damaged as error:
            raise LcgenError(
                f"The cache {home} is changed by others while it is written ({error}). Delete it and try again."
            ) from error


def _discard(path: Path) -> None:
    # Renamed first: another process must not find half of it.
    aside = path.with_name(f".discarded-{os.getpid()}-{secrets.token_hex(4)}")
    path.rename(aside)
    if aside.is_dir() and not aside.is_symlink():
        shutil.rmtree(aside, ignore_errors=True)
    else:
        aside.unlink(missing_ok=True)


def _sweep(folder: Path) -> None:
    """Removes what processes that were killed a day ago or more have left half done."""
    for path in folder.glob(".*"):
        with contextlib.suppress(OSError):
            if time.time() - path.stat().st_mtime > 86_400:
                shutil.rmtree(path)


# A file is taken as it was written if its size, its time of change and a sample of its blocks are. That finds a file
# that was cut, replaced or edited, and holes of more than 1/64 of it that a power cut leaves. Where the time differs,
# as in a cache that was copied, the whole file is hashed. A byte that the disk itself lost between two blocks, with no
# change of time, is not found here: rows that are counted in full find it.


def note(path: Path) -> dict[str, Any]:
    """What `intact` needs to know of a file that has just been written."""
    state = path.stat()
    return {"bytes": state.st_size, "changed": state.st_mtime_ns, "blocks": _blocks(path), "hash": file_hash(path)}


def intact(path: Path, noted: Mapping[str, Any]) -> bool:
    """Whether a file is still what was noted of it."""
    state = path.stat()
    if state.st_size != noted["bytes"]:
        return False
    if state.st_mtime_ns == noted["changed"]:
        return bool(_blocks(path) == noted["blocks"])
    return bool(file_hash(path) == noted["hash"])


def _blocks(path: Path, count: int = 64, size: int = 4096) -> str:
    """Hash over the first, the last and evenly spaced blocks of a file."""
    digest = hashlib.blake2b(digest_size=16)
    last = max(0, path.stat().st_size - size)
    with path.open("rb") as stream:
        for place in range(count):
            stream.seek(last * place // (count - 1))
            digest.update(stream.read(size))
    return digest.hexdigest()


def file_hash(path: Path) -> str:
    """SHA-256 (hex) of a file's bytes."""
    digest = hashlib.sha256()
    with path.open("rb") as stream:
        while block := stream.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()


def array(path: Path, noted: Mapping[str, Any], dtype: Any = None, shape: tuple[int, ...] | None = None) -> NDArray[Any]:
    """The array in a .npy file, read-only. Raises Damaged where it is not the file noted, or of another form."""
    try:
        if not intact(path, noted):
            raise Damaged(f"{path.name} is not what was written")
        found: NDArray[Any] = np.load(path)
    except (OSError, ValueError, EOFError) as error:
        raise Damaged(f"{path.name}: {error}") from error
    if (dtype and found.dtype != dtype) or (shape and found.shape != shape):
        raise Damaged(f"{path.name} has another form")
    found.flags.writeable = False
    return found


def npy(values: NDArray[Any]) -> bytes:
    """The array as a .npy file."""
    # Not np.save to the file itself: on a full disk it raises an error that does not say so.
    stream = io.BytesIO()
    np.save(stream, values)
    return stream.getvalue()


def dump(facts: Mapping[str, Any]) -> bytes:
    """JSON that carries its format and a hash of itself."""
    body = json.dumps(facts, sort_keys=True)
    return json.dumps({"format": FORMAT, "hash": hashlib.sha256(body.encode()).hexdigest(), "body": body}).encode()


def load(path: Path) -> dict[str, Any]:
    """What `dump` made a file of. Raises Damaged for any other file."""
    try:
        outer = json.loads(path.read_bytes())
        if outer["format"] != FORMAT or hashlib.sha256(outer["body"].encode()).hexdigest() != outer["hash"]:
            raise Damaged(f"{path.name} is not what was written")
        facts: dict[str, Any] = json.loads(outer["body"])
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise Damaged(f"{path.name}: {type(error).__name__}: {error}") from error
    return facts
