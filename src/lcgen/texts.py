"""Text from outside: where it lies, and what of it is plain text.

Everything read here is untrusted: it may be damaged, binary, endless, or full of characters that no one can see.
"""

from __future__ import annotations

import gzip
import hashlib
import json
import lzma
import os
import re
import sys
import tempfile
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import IO, Any, cast

from lcgen import cache, hub
from lcgen.errors import LcgenError, unknown
from lcgen.markup import plain

REVISION = 2  # raise it when the same files would give other units (see also sentences, markup, store)

PACKED = (".gz", ".xz")
KINDS = (".txt", ".md", ".markdown", ".jsonl")
POSSIBLE = "A haystack is .txt, .md or .jsonl (each also as .gz or .xz), a folder of these, or hf:DATASET[:column]."
_BLOCK = 8 << 20
_LONGEST_RUN = 64 << 20


# ---- where it lies


@dataclass(frozen=True)
class Place:
    """Where a source lies. `column` is what is read of it, where it has columns."""

    path: Path
    column: str
    hub: bool
    """Read through `datasets`: a name on the Hub, or a local dataset folder."""

    @property
    def dataset(self) -> str:
        """Name on the Hub; empty for what lies on this machine."""
        named = self.hub and not self.path.exists() and re.fullmatch(r"\w[\w.-]*(/[\w.-]+)*", self.path.as_posix())
        return self.path.as_posix() if named else ""


def find(source: str) -> Place:
    """The place that a source names; whether anything lies there is seen later. LcgenError for what names no place."""
    remote = source.startswith("hf:")
    rest = source.removeprefix("hf:")
    path, mark, column = rest.rpartition(":")
    try:
        # A colon belongs to the path where such a path exists, or where what stands before it cannot have columns.
        if not mark or Path(rest).expanduser().exists() or not (remote or _kind(path) == ".jsonl"):
            path, column = rest, "text"
        found = Path(path).expanduser()
        found.exists()
    except (OSError, RuntimeError) as error:  # no rights to look, no such home folder, a name too long
        raise LcgenError(f"{rest[:200]!r} cannot be looked up ({error}). {POSSIBLE}") from error
    if not path or not column:
        raise LcgenError(f"{source!r} names no text. {POSSIBLE}")
    return Place(found, column, remote)


def _kind(name: str) -> str:
    """Suffix that says what a file holds, lower case, packing left out; empty for what is not read."""
    name = name.lower()
    for packed in PACKED:
        name = name.removesuffix(packed)
    return next((kind for kind in KINDS if name.endswith(kind)), "")


def _files(place: Place) -> list[tuple[str, Path]]:
    """(relative name, path) of every file of a source, sorted by name; the same on every machine."""
    path = place.path
    if not path.exists():
        raise LcgenError(f"There is no file or folder {str(path)!r}. {POSSIBLE}")
    if path.is_file():
        if not _kind(path.name) and not place.hub:
            raise LcgenError(f"{path} is of a kind that is not read. {POSSIBLE} Rename plain text to .txt.")
        return [(path.name, path)]
    if not path.is_dir():
        raise LcgenError(f"{path} is neither a file nor a folder. {POSSIBLE}")

    def unreadable(error: OSError) -> None:
        raise LcgenError(f"The folder {error.filename} cannot be read ({error.strerror}).")

    found, others = [], 0
    for root, folders, names in os.walk(path, onerror=unreadable):
        folders[:] = [name for name in folders if not name.startswith(".")]
        for name in names:
            file = Path(root, name)
            if name.startswith(".") or not file.is_file():
                continue
            if _kind(name) or place.hub:
                found.append((file.relative_to(path).as_posix(), file))
            else:
                others += 1
    if not found:
        rest = f"only {others} files of other kinds" if others else "nothing"
        raise LcgenError(f"The folder {path} holds {rest}. {POSSIBLE}")
    return sorted(found)


def fingerprint(source: str) -> str:
    """SHA-256 (hex) of what a source holds: names and contents of its files, or name and commit of a Hub dataset.

    Two sources of one fingerprint give the same documents. Raises LcgenError as `documents` does.
    """
    place = find(source)
    digest = hashlib.sha256(json.dumps([REVISION, place.column, place.hub]).encode())
    if place.dataset:
        digest.update(f"{place.dataset}@{hub.dataset_commit(place.dataset)}".encode())
        return digest.hexdigest()
    for name, path in _files(place):
        try:
            digest.update(json.dumps([name, path.stat().st_size]).encode())
            with path.open("rb") as stream:
                while block := stream.read(1 << 20):
                    digest.update(block)
        except OSError as error:
            raise LcgenError(f"{path} cannot be read ({error.strerror}).") from error
    return digest.hexdigest()


# ---- what of it is plain text


def documents(source: str) -> Iterator[str]:
    """Plain text of every document of a source: a file, a folder, `path.jsonl:column` or `hf:DATASET[:column]`.

    `hf:DATASET/CONFIG` names a configuration of a Hub dataset; a local dataset folder may stand in place of DATASET.
    A file of many megabytes comes in parts, cut at a blank line. Raises LcgenError for what is missing, empty,
    damaged, binary or unreadable, and where a row lacks the column.
    """
    return (text for _, text in parts(source))


def parts(source: str) -> Iterator[tuple[bool, str]]:
    """The same texts, each with whether a document begins with it. Raises LcgenError as `documents` does."""
    place, empty, begins = find(source), True, False
    for first, text in ((True, row) for row in _rows(place)) if place.hub else _texts(place):
        begins |= first
        if text.strip():
            yield begins, text
            empty = begins = False
    if empty:
        raise LcgenError(f"{source} holds no text.")


def _texts(place: Place) -> Iterator[tuple[bool, str]]:
    for _, path in _files(place):
        kind = _kind(path.name)
        try:
            with _opened(path) as stream:
                if kind == ".jsonl":
                    yield from ((True, row) for row in _column(stream, path, place.column))
                else:
                    read = plain if kind in (".md", ".markdown") else str
                    yield from ((not number, read(part)) for number, part in enumerate(_parts(stream, path)))
        except (gzip.BadGzipFile, lzma.LZMAError, zlib.error, EOFError) as error:
            raise LcgenError(f"{path} is damaged or cut short: it cannot be unpacked ({error}).") from error
        except OSError as error:
            raise LcgenError(f"{path} cannot be read ({error.strerror or error}).") from error


def _opened(path: Path) -> IO[bytes]:
    openers: dict[str, Callable[[Path, str], Any]] = {".gz": gzip.open, ".xz": lzma.open}
    return cast("IO[bytes]", openers.get(path.suffix.lower(), Path.open)(path, "rb"))


def _parts(stream: IO[bytes], path: Path) -> Iterator[str]:
    """Text of a stream in parts of about 8 MiB, cut at blank lines, else at line ends, else at spaces."""
    start, rest, more = 0, b"", True
    while more:
        block = stream.read(_BLOCK)
        more, data = len(block) == _BLOCK, rest + block
        cut = len(data)
        if more:
            marks = (b"\n\n", b"\n\r\n", b"\n", b" ")
            cut = next((at + len(mark) for mark in marks if (at := data.rfind(mark)) >= 0), 0)
            if not cut and len(data) > _LONGEST_RUN:
                raise LcgenError(f"{path} holds no line end and no space in {len(data)} bytes: this is no text.")
        yield _decoded(data[:cut], path, start)
        start, rest = start + cut, data[cut:]


def _decoded(data: bytes, path: Path, start: int) -> str:
    """Text of bytes that begin at byte `start` of a file; LcgenError that names the first bad byte."""
    bad, why = data.find(b"\0"), "is NUL"
    try:
        text = data.decode()
    except UnicodeDecodeError as error:
        if bad < 0 or error.start < bad:
            bad, why = error.start, f"(0x{data[error.start]:02x}) is not UTF-8"
    if bad < 0:
        return text
    wide = start == 0 and data[:2] in (b"\xff\xfe", b"\xfe\xff")
    hint = "It looks like UTF-16; save it as UTF-8." if wide else "Is it a binary file, or text in another encoding?"
    raise LcgenError(f"{path} is not UTF-8 text: byte {start + bad} {why}. {hint}")


def _column(stream: IO[bytes], path: Path, column: str) -> Iterator[str]:
    """One column of a JSON Lines file."""
    start = 0
    for number, line in enumerate(iter(partial(stream.readline, _LONGEST_RUN), b""), 1):
        if len(line) == _LONGEST_RUN:
            raise LcgenError(f"{path}, line {number}: longer than {_LONGEST_RUN} bytes.")
        text, start = _decoded(line, path, start).strip("\ufeff \t\r\n"), start + len(line)
        if not text:
            continue
        try:
            row = json.loads(text)
        except (ValueError, RecursionError) as error:
            raise LcgenError(f"{path}, line {number}: not JSON ({error}).") from error
        if not isinstance(row, dict):
            raise LcgenError(f"{path}, line {number}: a JSON object is needed, with the text under {column!r}.")
        yield _cell(row, column, f"{path}, line {number}")


def _cell(row: dict[str, Any], column: str, where: str) -> str:
    if column not in row:
        have = ", ".join(sorted(map(repr, row)))
        raise LcgenError(f"{where}: no column {column!r}. It has {have or 'none'}; name one as SOURCE:column.")
    value = row[column]
    if value is not None and not isinstance(value, str):
        raise LcgenError(f"{where}: column {column!r} holds {type(value).__name__}, not text.")
    return value or ""


def _rows(place: Place) -> Iterator[str]:
    """One column of a dataset: of its split `train`, or of its first split where it has none."""
    where = place.dataset or place.path
    for number, row in enumerate(rows(place, "train")):
        yield _cell(row, place.column, f"{where}, row {number}")


def rows(place: Place, split: str, strict: bool = False) -> Iterator[dict[str, Any]]:
    """Rows of a dataset on the Hub or in a folder: of this split, or of the first one where it has none of that name.

    Raises LcgenError where it cannot be read, and with `strict` for a split that it lacks.
    """
    import datasets

    name, path = place.dataset, place.path
    if not name:
        _files(place)
    if not sys.stderr.isatty():
        datasets.disable_progress_bars()
    try:
        # What `datasets` keeps of a local folder is not needed again: the units are kept.
        with tempfile.TemporaryDirectory(dir=cache.folder("datasets"), ignore_cleanup_errors=True) as kept:
            if name:
                parts = name.split("/")
                config = "/".join(parts[2:]) or None
                data = datasets.load_dataset("/".join(parts[:2]), config, revision=hub.dataset_commit(name), streaming=True)
            elif (path / "dataset_dict.json").exists() or (path / "state.json").exists():
                data = datasets.load_from_disk(str(path))
            else:
                data = datasets.load_dataset(str(path), cache_dir=kept)
            if isinstance(data, dict):
                if strict and split not in data:
                    raise unknown(f"split of {name or path}", split, data)
                data = data[split] if split in data else next(iter(data.values()))
            yield from map(dict, data)
    except LcgenError:
        raise
    except Exception as error:  # `datasets` raises whatever its readers, its cache and the network raise
        first = (str(error).splitlines() or [""])[0]
        raise LcgenError(f"The dataset {name or path} cannot be read ({type(error).__name__}: {first}).") from error
