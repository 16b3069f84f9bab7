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
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict, dataclass
from functools import partial
from importlib.resources import files
from pathlib import Path
from typing import IO, Any, cast

import click

from lcgen import cache
from lcgen.errors import LcgenError, unknown
from lcgen.markup import plain
from lcgen.sentences import units as units
from lcgen.vault import replace

REVISION = 1  # raise it when the same files would give other units (see also sentences, markup, store)
BUILT_IN = ("prose", "noise", "records")

_PACKED = (".gz", ".xz")
_KINDS = (".txt", ".md", ".markdown", ".jsonl")
_POSSIBLE = "A haystack is .txt, .md or .jsonl (each also as .gz or .xz), a folder of these, or hf:DATASET[:column]."
_BLOCK = 8 << 20
_LONGEST_RUN = 64 << 20


# ---- where it lies


@dataclass(frozen=True)
class _Place:
    path: Path
    column: str
    hub: bool
    """Read through `datasets`: a name on the Hub, or a local dataset folder."""

    @property
    def dataset(self) -> str:
        """Name on the Hub; empty for what lies on this machine."""
        named = self.hub and not self.path.exists() and re.fullmatch(r"\w[\w.-]*(/[\w.-]+)*", self.path.as_posix())
        return self.path.as_posix() if named else ""


def _place(source: str) -> _Place:
    hub = source.startswith("hf:")
    rest = source.removeprefix("hf:")
    path, mark, column = rest.rpartition(":")
    try:
        # A colon belongs to the path where such a path exists, or where what stands before it cannot have columns.
        if not mark or Path(rest).expanduser().exists() or not (hub or _kind(path) == ".jsonl"):
            path, column = rest, "text"
        found = Path(path).expanduser()
        found.exists()
    except (OSError, RuntimeError) as error:  # no rights to look, no such home folder, a name too long
        raise LcgenError(f"{rest[:200]!r} cannot be looked up ({error}). {_POSSIBLE}") from error
    if not path or not column:
        raise LcgenError(f"{source!r} names no text. {_POSSIBLE}")
    return _Place(found, column, hub)


def _kind(name: str) -> str:
    """Suffix that says what a file holds, lower case, packing left out; empty for what is not read."""
    name = name.lower()
    for packed in _PACKED:
        name = name.removesuffix(packed)
    return next((kind for kind in _KINDS if name.endswith(kind)), "")


def _files(place: _Place) -> list[tuple[str, Path]]:
    """(relative name, path) of every file of a source, sorted by name; the same on every machine."""
    path = place.path
    if not path.exists():
        raise LcgenError(f"There is no file or folder {str(path)!r}. {_POSSIBLE}")
    if path.is_file():
        if not _kind(path.name) and not place.hub:
            raise LcgenError(f"{path} is of a kind that is not read. {_POSSIBLE} Rename plain text to .txt.")
        return [(path.name, path)]
    if not path.is_dir():
        raise LcgenError(f"{path} is neither a file nor a folder. {_POSSIBLE}")

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
        raise LcgenError(f"The folder {path} holds {rest}. {_POSSIBLE}")
    return sorted(found)


def fingerprint(source: str) -> str:
    """SHA-256 (hex) of what a source holds: names and contents of its files, or name and commit of a Hub dataset.

    Two sources of one fingerprint give the same documents. Raises LcgenError as `documents` does.
    """
    place = _place(source)
    digest = hashlib.sha256(json.dumps([REVISION, place.column, place.hub]).encode())
    if place.dataset:
        digest.update(f"{place.dataset}@{_revision(place.dataset)}".encode())
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
    place, empty = _place(source), True
    for text in _rows(place) if place.hub else _texts(place):
        if text.strip():
            empty = False
            yield text
    if empty:
        raise LcgenError(f"{source} holds no text.")


def _texts(place: _Place) -> Iterator[str]:
    for _, path in _files(place):
        kind = _kind(path.name)
        try:
            with _opened(path) as stream:
                if kind == ".jsonl":
                    yield from _column(stream, path, place.column)
                else:
                    yield from map(plain if kind in (".md", ".markdown") else str, _parts(stream, path))
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


def _rows(place: _Place) -> Iterator[str]:
    """One column of a dataset: of its split `train`, or of its first split where it has none."""
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
                data = datasets.load_dataset("/".join(parts[:2]), config, revision=_revision(name), streaming=True)
            elif (path / "dataset_dict.json").exists() or (path / "state.json").exists():
                data = datasets.load_from_disk(str(path))
            else:
                data = datasets.load_dataset(str(path), cache_dir=kept)
            if isinstance(data, dict):
                data = data["train"] if "train" in data else next(iter(data.values()))
            for number, row in enumerate(data):
                yield _cell(row, place.column, f"{name or path}, row {number}")
    except LcgenError:
        raise
    except Exception as error:  # `datasets` raises whatever its readers, its cache and the network raise
        first = (str(error).splitlines() or [""])[0]
        raise LcgenError(f"The dataset {name or path} cannot be read ({type(error).__name__}: {first}).") from error


def _revision(name: str) -> str:
    """Commit of a Hub dataset. Without a network: the commit seen last, so that a text once split stays usable."""
    import huggingface_hub
    from huggingface_hub.errors import RepositoryNotFoundError

    repository = "/".join(name.split("/")[:2])
    seen = cache.folder("hub") / f"{hashlib.sha256(repository.encode()).hexdigest()[:16]}.txt"
    try:
        commit = str(huggingface_hub.HfApi().dataset_info(repository, timeout=20).sha)
    except RepositoryNotFoundError as error:
        raise LcgenError(
            f"There is no file or folder {name!r}, and no dataset {repository!r} on the Hub that you may read. "
            "For a private or gated one log in first (hf auth login)."
        ) from error
    except Exception as error:
        if seen.exists() and re.fullmatch(r"[0-9a-f]{40}", commit := seen.read_text().strip()):
            click.echo(f"lcgen: the Hub cannot be reached; taking {repository} as last seen ({commit[:8]}).", err=True)
            return commit
        first = (str(error).splitlines() or [""])[0]
        raise LcgenError(
            f"The dataset {repository!r} cannot be looked up on the Hub ({type(error).__name__}: {first}). "
            "Without a network, download it elsewhere and give its folder: hf:FOLDER."
        ) from error
    replace(seen, commit.encode())
    return commit


# ---- sources by name (`lcgen corpus add|list|remove`)


@dataclass(frozen=True)
class Record:
    """A text source: what it is called, where it lies, its language ("" where nobody said)."""

    name: str
    source: str
    lang: str


def _registry() -> Path:
    return cache.folder() / "corpora.json"


def _read() -> dict[str, Record]:
    path = _registry()
    if not path.exists():
        return {}
    try:
        known = json.loads(path.read_text(encoding="utf-8"))["corpora"]
        records = {name: Record(name, record["source"], record["lang"]) for name, record in known.items()}
        if not all(isinstance(value, str) and value for r in records.values() for value in asdict(r).values()):
            raise ValueError("a record is not as it should be")
    except (ValueError, KeyError, TypeError, AttributeError, OSError) as error:
        raise LcgenError(
            f"The list of corpora in {path} is damaged ({type(error).__name__}: {error}). "
            "Repair that file, or delete it and add the corpora again."
        ) from error
    return records


def _write(records: Iterable[Record]) -> None:
    corpora = {r.name: {"source": r.source, "lang": r.lang} for r in sorted(records, key=lambda r: r.name)}
    replace(_registry(), (json.dumps({"format": 1, "corpora": corpora}, indent=1, ensure_ascii=False) + "\n").encode())


def add(name: str, source: str, lang: str) -> Record:
    """Gives a source a name, after a look at its first text. LcgenError for a bad or taken name or a bad source."""
    if not re.fullmatch(r"[a-z0-9_]+", name):
        raise LcgenError(f"{name!r} cannot be the name of a corpus: use lower-case letters a-z, digits and _.")
    if name in BUILT_IN:
        raise LcgenError(f"{name!r} is the name of a built-in haystack ({', '.join(BUILT_IN)}); choose another.")
    languages = [folder.name for folder in (files("lcgen") / "lang").iterdir() if folder.is_dir()]
    if lang not in languages:
        raise unknown("language", lang, languages)
    place = _place(source)
    if not place.dataset:
        # The name must mean the same text in whatever folder it is used.
        column = f":{place.column}" if place.column != "text" else ""
        source = f"{'hf:' if place.hub else ''}{place.path.absolute()}{column}"
    record, records = Record(name, source, lang), _read()
    if records.get(name, record) != record:
        raise LcgenError(f"{name!r} already names {records[name].source}; first: lcgen corpus remove {name}.")
    if next((unit for text in documents(source) for unit in units(text, lang)), None) is None:
        raise LcgenError(f"{source} holds no text.")
    _write({**records, name: record}.values())
    return record


def names() -> list[Record]:
    """All sources that have a name, sorted by it."""
    return sorted(_read().values(), key=lambda record: record.name)


def remove(name: str) -> None:
    """Takes a name away; the text itself stays. LcgenError for a name that is not there."""
    records = _read()
    if name not in records:
        raise unknown("corpus", name, records)
    _write(record for record in records.values() if record.name != name)


def resolve(source: str) -> Record:
    """The record of a name, or one made for a path or hf: source; LcgenError where it is neither.

    A name wins over a file of the same name (`./name` is the file). What is no name is called after its last part.
    """
    records = _read()
    if source in records:
        return records[source]
    place = _place(source)
    if place.dataset:
        return Record(source, source, "")
    if not place.path.exists():
        if re.fullmatch(r"\w+", source):
            raise unknown("haystack", source, [*BUILT_IN, *records, "PATH", "hf:DATASET"])
        raise LcgenError(f"There is no file or folder {str(place.path)!r}. {_POSSIBLE}")
    stem = place.path.absolute().name
    for suffix in (*_PACKED, *_KINDS):
        stem = stem.removesuffix(suffix)
    return Record(re.sub(r"\W+", "_", stem.lower()).strip("_") or "text", source, "")
