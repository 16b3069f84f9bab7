"""Text from outside: where it lies, what of it is plain text, and how that falls into sentences.

Everything read here is untrusted: it may be damaged, binary, endless, or full of characters that no one can see.
"""

from __future__ import annotations

import gzip
import hashlib
import html
import json
import lzma
import os
import re
import tempfile
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from functools import partial
from importlib.resources import files
from itertools import groupby
from pathlib import Path
from typing import IO, Any

import click

from lcgen import cache
from lcgen.errors import LcgenError, unknown

REVISION = 1  # raise it when the same files would give other units
BUILT_IN = ("prose", "noise", "records")
SPACELESS = frozenset({"zh", "ja", "th"})  # languages whose sentences follow each other without a space

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
        return "" if not self.hub or self.path.exists() else self.path.as_posix()


def _place(source: str) -> _Place:
    hub = source.startswith("hf:")
    rest = source.removeprefix("hf:")
    path, mark, column = rest.rpartition(":")
    # A colon belongs to the path where such a path exists, or where what stands before it cannot have columns.
    if not mark or Path(rest).expanduser().exists() or not (hub or _kind(path) == ".jsonl"):
        path, column = rest, "text"
    if not path or not column:
        raise LcgenError(f"{source!r} names no text. {_POSSIBLE}")
    return _Place(Path(path).expanduser(), column, hub)


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
            raise LcgenError(f"{path} is of a kind that is not read. {_POSSIBLE} Plain text of another name: rename it.")
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
    packed = path.suffix.lower()
    return gzip.open(path) if packed == ".gz" else lzma.open(path) if packed == ".xz" else path.open("rb")


def _parts(stream: IO[bytes], path: Path) -> Iterator[str]:
    """Text of a stream in parts of about 8 MiB, cut at blank lines, else at line ends, else at spaces."""
    start, rest, more = 0, b"", True
    while more:
        block = stream.read(_BLOCK)
        more, data = bool(block), rest + block
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
    try:
        if name:
            owner, _, config = name.partition("/")
            repository, _, config = config.partition("/")
            data = datasets.load_dataset(
                f"{owner}/{repository}".rstrip("/"), config or None, revision=_revision(name), streaming=True
            )
        elif (path / "dataset_dict.json").exists() or (path / "state.json").exists():
            data = datasets.load_from_disk(str(path))
        else:
            data = datasets.load_dataset(str(path))
        if isinstance(data, dict):
            data = data["train"] if "train" in data else next(iter(data.values()))
        rows = iter(data)
        number = 0
        while (row := next(rows, None)) is not None:
            yield _cell(row, place.column, f"{name or path}, row {number}")
            number += 1
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
    _replace(seen, commit)
    return commit


# A fence of code is dropped whole, as are tables, rules, comments, front matter and definitions of links.
_FENCE = re.compile(r"^ {0,3}(```+|~~~+)")
_LEFT_OUT = re.compile(r"\s*(?:\|.*\||[-*_=]{2,}[-*_=\s]*|(?:[-*_]\s){2,}[-*_]|\[[^\]]*\]:\s.*)\s*")
_OWN_LINE = re.compile(r"^\s*(?:#{1,6}\s+|[-*+]\s+(?:\[[ xX]\]\s+)?|\d{1,9}[.)]\s+)")
_INLINE = [
    (re.compile(r"!\[[^\[\]]*\]\([^()]*\)|\[\^[^\[\]]*\]|<[a-z]+:[^<>\s]*>|</?[A-Za-z][^<>]{0,400}>"), ""),
    (re.compile(r"\[([^\[\]]*)\](?:\([^()\n]*\)|\[[^\[\]]*\])"), r"\1"),
    (re.compile(r"`+([^`]+)`+"), r"\1"),
    (re.compile(r"\*{1,3}(?=\S)([^*]*[^*\s])\*{1,3}"), r"\1"),
    (re.compile(r"(?<![^\W_])_{1,3}(?=\S)([^_]*[^_\s])_{1,3}(?![^\W_])"), r"\1"),
    (re.compile(r"~~([^~]+)~~"), r"\1"),
    (re.compile(r"\\([!-/:-@\[-`{-~])"), r"\1"),
]


def plain(markdown: str) -> str:
    """Markdown as paragraphs of plain text: marks are taken off, code, tables and pictures left out."""
    lines = markdown.removeprefix("\ufeff").splitlines()
    if lines[:1] == ["---"] and "---" in lines[1:]:
        lines = lines[lines.index("---", 1) + 1 :]
    kept: list[str] = []
    fence = ""
    for line in lines:
        line = re.sub(r"^\s{0,3}(?:>\s?)+", "", line)
        found = _FENCE.match(line)
        if fence or found:
            if not fence and found:
                fence = found[1]
            elif found and found[1].startswith(fence) and not line[found.end() :].strip():
                fence = ""
            kept.append("")
        elif _LEFT_OUT.fullmatch(line):
            kept.append("")
        elif own := _OWN_LINE.match(line):
            heading = own[0].lstrip().startswith("#")
            text = re.sub(r"\s#+\s*$", "", line[own.end() :]) if heading else line[own.end() :]
            kept += ["", text, ""] if heading else ["", text]
        else:
            kept.append(line.rstrip("\\"))
    text = _without_comments("\n".join(kept))
    for pattern, by in _INLINE:
        text = pattern.sub(by, text)
    return html.unescape(text)


def _without_comments(text: str) -> str:
    # A search from "<!--" to "-->" by pattern would take quadratic time on a text of openings alone.
    parts, at = [], 0
    while (opening := text.find("<!--", at)) >= 0 and (closing := text.find("-->", opening)) >= 0:
        parts.append(text[at:opening])
        at = closing + 3
    return "".join(parts) + text[at:]


# ---- how it falls into sentences

# Never kept: controls, what stands for a damaged character, half surrogates, private use (templates mark their slots
# with it), and marks that no reader can see.
_UNWANTED = re.compile(
    "[\x00-\x08\x0e-\x1b\x7f-\x84\x86-\x9f\xad\u200b\u200e\u200f\u202a-\u202e\u2060-\u206f\ud800-\udfff"
    "\ue000-\uf8ff\ufdd0-\ufdef\ufeff\ufff9-\uffff\U000f0000-\U0010ffff]"
)
SHORT, LONG = 20, 600  # characters: a unit under SHORT is merged with its neighbour, one over LONG is cut
_OPENING = "\"'“‘«([{"
_CLOSING = "\"'”’»)]}"
_ENDS = frozenset(".!?…" + _CLOSING)
_TITLES = frozenset(
    "Mr Mrs Ms Messrs Dr Prof Rev Hon St Mt Ft Gen Col Capt Cpt Lt Sgt Cpl Maj Adm Cmdr Gov Sen Rep Pres Supt Atty "
    "Ven Fr Br Sr. Mme Mlle vs cf viz al approx ca dept est".split()
)
# These end a sentence now and then: they do where a word follows that opens many sentences.
_SHORTENED = frozenset(
    "etc Inc Ltd Co Corp Bros Jr Sr Esq Ave Blvd Rd Jan Feb Mar Apr Jun Jul Aug Sept Sep Oct Nov Dec Mon Tue Wed Thu "
    "Fri Sat Sun cent lb lbs oz ft in yd mi hr hrs min sec ed eds trans".split()
)
_NUMBERED = frozenset("No Nos no nos Art art Sec sec p pp vol vols Vol Vols Fig fig ch Ch chap Chap Eq eq Ex Stat".split())
_OPENERS = frozenset(
    "The This These Those That It Its We Our In But And He She They Their His Her A An As If For On At To There When "
    "While With From Since So Such What Where Who Why How No Not All Many Some Every Each Now Then By Under".split()
)


def _stops(word: str, after: str) -> bool:
    """Whether a sentence ends with `word`, given the word after it."""
    core = word.rstrip(_CLOSING)
    start = after.lstrip(_OPENING)[:1]
    if core[-1:] not in ".!?…" or not core or not start or start.islower():
        return False
    if core[-1] != "." or core.endswith(".."):
        return True
    bare = core[:-1].lstrip(_OPENING + "-—–")
    if bare in _TITLES or (bare in _NUMBERED and start.isdigit()):
        return False
    if (len(bare) == 1 and bare.isalpha() and bare != "I") or bare in _SHORTENED:
        return after in _OPENERS
    if "." in bare and max(map(len, bare.split("."))) <= 2 and not bare[-1].isdigit():  # U.S, e.g, a.m, Ph.D
        return after in _OPENERS
    return True


def _spaced(paragraph: str) -> Iterator[str]:
    words, first = paragraph.split(" "), 0
    for at in range(len(words) - 1):
        if words[at][-1] in _ENDS and _stops(words[at], words[at + 1]):
            yield " ".join(words[first : at + 1])
            first = at + 1
    yield " ".join(words[first:])


# The run of stops is bounded so that a line of stops cannot take quadratic time.
_SPACELESS_STOP = re.compile(r"[。！？；!?]{1,20}[”’」』）》】\"')]{0,8} ?")


def _unspaced(paragraph: str) -> Iterator[str]:
    first = 0
    for found in _SPACELESS_STOP.finditer(paragraph):
        yield paragraph[first : found.end()].strip()
        first = found.end()
    if first < len(paragraph):
        yield paragraph[first:].strip()


# Where a long sentence may be cut, best first: (marks, how far from the middle in parts of the length).
_CUTS = ((";:", 4), (",", 4), (";:,", 2), (" ", 2))
_SPACELESS_CUTS = (("；：", 4), ("，", 4), ("；：，、", 2), (" ", 2))


def _pieces(sentence: str, spaceless: bool) -> Iterator[str]:
    """The sentence, cut near its middle at the weightiest mark there as long as it is over LONG characters."""
    size = len(sentence)
    if size <= LONG:
        yield sentence
        return
    cut = middle = size // 2
    for marks, reach in _SPACELESS_CUTS if spaceless else _CUTS:
        places = [
            at
            for at in range(max(SHORT, middle - size // reach), min(size - SHORT, middle + size // reach))
            if sentence[at - 1] in marks and (spaceless or " " in sentence[at - 1 : at + 1])
        ]
        if places:
            cut = min(places, key=lambda at: abs(at - middle))
            break
    yield from _pieces(sentence[:cut].strip(), spaceless)
    yield from _pieces(sentence[cut:].strip(), spaceless)


def paragraphs(document: str, lang: str) -> Iterator[str]:
    """Paragraphs of a document on one line each, with single spaces; what holds no letter and no digit is left out."""
    spaceless = lang in SPACELESS
    text = _UNWANTED.sub("", document.replace("\r\n", "\n").replace("\r", "\n"))
    lines = [" ".join(line.split()) for line in text.split("\n")]
    # A text wrapped by hand has no long lines, but for a few; elsewhere each line is a paragraph.
    width = 60 if spaceless else 120
    wrapped = 5 * sum(len(line) for line in lines if len(line) > width) < sum(map(len, lines))
    for filled, group in groupby(lines, bool):
        if filled:
            for paragraph in [("" if spaceless else " ").join(group)] if wrapped else group:
                if any(map(str.isalnum, paragraph)):
                    yield paragraph


def split(document: str, lang: str) -> Iterator[tuple[str, bool]]:
    """Units of a document, each with whether it opens a paragraph.

    A unit is a sentence; one under SHORT characters is merged with the next (a last one with the one before), one
    over LONG is cut. No unit is empty, starts with a slash, or holds a line end.
    """
    spaceless = lang in SPACELESS
    glue = "" if spaceless else " "
    ready: tuple[str, bool] | None = None
    unit, opens = "", True
    for paragraph in paragraphs(document, lang):
        first = True
        for sentence in _unspaced(paragraph) if spaceless else _spaced(paragraph):
            for piece in _pieces(sentence, spaceless):
                # A slash after a line end joins the line end in some vocabularies, so it must not come first.
                piece = piece if unit else piece.lstrip("/ ")
                if unit and (len(unit) < SHORT or piece.startswith("/")):
                    unit += glue + piece
                elif piece:
                    if ready:
                        yield ready
                    ready = (unit, opens) if unit else None
                    unit, opens = piece, first
                first = False
    if ready and len(unit) < SHORT:
        ready, unit = (ready[0] + glue + unit, ready[1]), ""
    if ready:
        yield ready
    if unit:
        yield unit, opens


def units(document: str, lang: str) -> Iterator[str]:
    """Units of a document: stripped sentences of a sane size (see `split`)."""
    for unit, _ in split(document, lang):
        yield unit


# ---- sources by name (`lcgen corpus add|list|remove`)


@dataclass(frozen=True)
class Record:
    """A text source: what it is called, where it lies, its language ("" where nobody said)."""

    name: str
    source: str
    lang: str


def _registry() -> Path:
    return cache.folder() / "corpora.json"


def _replace(path: Path, text: str) -> None:
    """Writes a small file so that it is there whole or not at all; LcgenError where it cannot."""
    try:
        with tempfile.NamedTemporaryFile("w", encoding="utf-8", dir=path.parent, prefix=".", delete=False) as stream:
            temporary = Path(stream.name)
            try:
                stream.write(text)
                stream.close()
                temporary.replace(path)
            except BaseException:
                temporary.unlink(missing_ok=True)
                raise
    except OSError as error:
        raise LcgenError(
            f"{path} cannot be written ({error.strerror}). Make room or rights there, or set LCGEN_CACHE to another folder."
        ) from error


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
    _replace(_registry(), json.dumps({"format": 1, "corpora": corpora}, indent=1, ensure_ascii=False) + "\n")


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
        raise LcgenError(f"{name!r} already names {records[name].source}; remove it first (lcgen corpus remove {name}).")
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
