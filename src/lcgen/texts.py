"""What of a source is plain text, read document by document.

Everything read here is untrusted: it may be damaged, binary, endless, or full of characters that no one can see.
"""

from __future__ import annotations

import gzip
import json
import lzma
import sys
import tempfile
import zlib
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import IO, Any, cast

from lcgen import cache, hub, sources
from lcgen.errors import LcgenError, unknown
from lcgen.markup import plain
from lcgen.sources import Place

_BLOCK = 8 << 20
_LONGEST_RUN = 64 << 20


def documents(source: str) -> Iterator[str]:
    """Plain text of every document of a source: a file, a folder, `path.jsonl:column` or `hf:DATASET[:column]`.

    `hf:DATASET/CONFIG` names a configuration of a Hub dataset; a local dataset folder may stand in place of DATASET.
    A file of many megabytes comes in parts, cut at a blank line. Raises LcgenError for what is missing, empty,
    damaged, binary or unreadable, and where a row lacks the column.
    """
    return (text for _, text in parts(source))


def parts(source: str) -> Iterator[tuple[bool, str]]:
    """The same texts, each with whether a document begins with it. Raises LcgenError as `documents` does."""
    place, empty, begins = sources.find(source), True, False
    for first, text in ((True, row) for row in _rows(place)) if place.hub else _texts(place):
        begins |= first
        if text.strip():
            yield begins, text
            empty = begins = False
    if empty:
        raise LcgenError(f"{source} holds no text.")


def _texts(place: Place) -> Iterator[tuple[bool, str]]:
    for _, path in sources.files(place):
        kind = sources.kind(path.name)
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
        sources.files(place)
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
