"""Text sources by name (`lcgen corpus add|list|remove`)."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path

from lcgen import cache, languages, sources, texts
from lcgen.errors import LcgenError, unknown
from lcgen.sentences import units
from lcgen.vault import replace

BUILT_IN = ("prose", "noise", "records")


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
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError, OSError) as error:
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
    languages.load(lang)
    place = found(source)
    if not place.dataset:
        # The name must mean the same text in whatever folder it is used.
        column = f":{place.column}" if place.column != "text" else ""
        source = f"{'hf:' if place.hub else ''}{place.path.absolute()}{column}"
    record, records = Record(name, source, lang), _read()
    if records.get(name, record) != record:
        raise LcgenError(f"{name!r} already names {records[name].source}; first: lcgen corpus remove {name}.")
    if next((unit for text in texts.documents(source) for unit in units(text, lang)), None) is None:
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


def found(source: str) -> sources.Place:
    """What a path or hf: source names. Raises LcgenError for a path where nothing stands."""
    place = sources.find(source)
    if not place.dataset and not place.path.exists():
        raise LcgenError(f"There is no file or folder {str(place.path)!r}. {sources.POSSIBLE}")
    return place


def resolve(source: str) -> Record:
    """The record of a name, or one made for a path or hf: source; LcgenError where it is neither.

    A name wins over a file of the same name (`./name` is the file). What is no name is called after its last part.
    """
    records = _read()
    if source in records:
        place = sources.find(records[source].source)
        if not place.dataset and not place.path.exists():
            raise LcgenError(
                f"The text of the corpus {source!r} is gone: there is no file or folder {str(place.path)!r}. Put it back, or name another "
                f"text: lcgen corpus remove {source}, then lcgen corpus add {source} SOURCE."
            )
        return records[source]
    place = sources.find(source)
    if place.dataset:
        return Record(source, source, "")
    if not place.path.exists():
        if re.fullmatch(r"\w+", source):
            raise unknown("haystack", source, [*BUILT_IN, *records, "PATH", "hf:DATASET"])
        found(source)
    stem = place.path.absolute().name
    for suffix in (*sources.PACKED, *sources.KINDS):
        stem = stem.removesuffix(suffix)
    return Record(re.sub(r"\W+", "_", stem.lower()).strip("_") or "text", source, "")
