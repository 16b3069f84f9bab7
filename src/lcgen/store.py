"""Units of filler, split once, kept as memory-mapped files in the cache, and weighed once per tokenizer."""

from __future__ import annotations

import contextlib
import errno
import hashlib
import io
import json
import mmap
import os
import re
import secrets
import shutil
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from importlib.resources import files
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import numpy as np
from numpy.typing import NDArray

from lcgen import cache, corpus
from lcgen.errors import LcgenError

if TYPE_CHECKING:
    from lcgen.prose import Sentences
    from lcgen.tokens import Scale, Tokenizer

FORMAT = 1  # of the files of a store; raise it when an older one must not be used
SECTION = 24  # sentences of generated prose whose order is kept
LIMIT = 256 << 20  # bytes taken of a corpus, about 60 million tokens
BREAK = "\n\n"

Ints = NDArray[np.int64]


@dataclass(eq=False)
class Store:
    """Units of one text, each behind its lead: the separator that stands before it.

    A lead is a blank line where a paragraph starts, else a space, or nothing in languages written without spaces. The
    units are cut so that every lead costs the same tokens behind any unit of the store (see `_settled`).
    """

    name: str
    lang: str
    fingerprint: str
    """16 hex digits of a hash over text, borders and leads: equal text has an equal fingerprint on any machine."""
    section: int
    """Units of a section, in which order is kept; 0 where the whole text is one."""
    charset: frozenset[str]
    """All characters that occur: a value with another one cannot stand in the text."""
    text: memoryview
    """UTF-8 of all units one after another, leads included."""
    borders: Ints
    """Shape (n + 1,): byte borders of the units in `text`, each with its lead."""
    leads: NDArray[np.uint8]
    """Shape (n,): bytes of each lead."""
    folder: Path | None = None
    """Where it is cached; None for what is kept in memory only."""
    _first: NDArray[np.int32] | None = None
    _weights: dict[str, NDArray[np.int32]] = field(default_factory=dict)
    _probes: dict[str, dict[str, Any]] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.leads)

    def unit(self, i: int) -> str:
        """Unit i without its lead."""
        return str(self.text[self.borders[i] + self.leads[i] : self.borders[i + 1]], "utf-8")

    def led(self, start: int, stop: int) -> list[str]:
        """Units start .. stop - 1, each with its lead."""
        borders = self.borders[start : stop + 1].tolist()
        return [str(self.text[low:high], "utf-8") for low, high in zip(borders, borders[1:])]

    def distinct(self) -> NDArray[np.int32] | None:
        """Of each unit the first place where its text stands; None where all units differ."""
        return self._first

    def weights(self, tokenizer: Tokenizer) -> NDArray[np.int32]:
        """Shape (n,): tokens that each unit, with its lead, adds behind another unit. Cached by tokenizer."""
        known = self._weights.get(tokenizer.fingerprint)
        if known is None:
            known = self._weights[tokenizer.fingerprint] = self._weighed(tokenizer)
        return known

    def probe(self, tokenizer: Tokenizer) -> dict[str, Any]:
        """Report of the scale, with a check of its own under `seams`: kinds of unit ends x kinds of leads and starts.

        `additive` holds where both find that weights add up; else rows need a full count.
        """
        known = self._probes.get(tokenizer.fingerprint)
        if known is None:
            scale, starts = self._scale(tokenizer)
            seams = self._seams(tokenizer, scale, starts)
            known = {**scale.report, "additive": bool(scale.additive) and seams["off"] == 0, "seams": seams}
            self._probes[tokenizer.fingerprint] = known
        return known

    # ---- weighing

    def _scale(self, tokenizer: Tokenizer) -> tuple[Scale, list[int]]:
        """A scale over units from all parts of the text and of every kind of start and end; and those places."""
        from lcgen.tokens import Scale

        spread = np.unique(np.linspace(0, len(self) - 1, 160).astype(np.int64))
        places = sorted({*spread.tolist(), *self._kinds(ends=False).tolist(), *self._kinds(ends=True).tolist()})
        return Scale(tokenizer, [self.led(place, place + 1)[0] for place in places]), places

    def _kinds(self, ends: bool, most: int = 96) -> Ints:
        """Places of units that differ in how they start (lead and first byte or two) or in their last four bytes."""
        kinds = np.arange(256, dtype=np.uint32)
        for first, last in (b"az", b"AZ", b"09"):
            kinds[first : last + 1] = first
        text = np.frombuffer(self.text, np.uint8)
        if ends:
            at = self.borders[1:, None] - np.arange(1, 5)
            code = kinds[text[np.maximum(at, 0)]] @ (np.uint32(1) << np.arange(0, 32, 8, dtype=np.uint32))
        else:
            at = (self.borders[:-1] + self.leads)[:, None] + np.arange(3)
            code = kinds[text[np.minimum(at, len(text) - 1)]] @ np.array([1, 1 << 8, 1 << 16], np.uint32)
            code += self.leads.astype(np.uint32) << np.uint32(24)
        found = np.sort(np.unique(code, return_index=True)[1])
        return found[np.unique(np.linspace(0, len(found) - 1, most).astype(np.int64))]

    def _seams(self, tokenizer: Tokenizer, scale: Scale, places: Sequence[int], most: int = 2400) -> dict[str, int]:
        """How many pairs (a unit of each kind of end, a unit behind it) weigh other than their parts."""
        ends = [self.unit(place) for place in self._kinds(ends=True)]
        behind = [self.led(place, place + 1)[0] for place in places[:: max(1, len(places) * len(ends) // most)]]
        # Long units cost time and add nothing: only what stands next to the seam can merge over it.
        before = [end[-24:] for end in ends]
        alone = np.asarray(tokenizer.counts(before), np.int64)
        pairs = np.asarray(tokenizer.counts([end + unit for end in before for unit in behind]), np.int64)
        expected = alone[:, None] + np.asarray(scale.weights(behind), np.int64)
        return {"pairs": pairs.size, "off": int((pairs.reshape(expected.shape) != expected).sum())}

    def _weighed(self, tokenizer: Tokenizer) -> NDArray[np.int32]:
        cached = self.folder and self.folder / f"weights-{_safe(tokenizer.fingerprint)}.npy"
        if cached and cached.with_suffix(".json").exists():
            try:
                note = _loaded(cached.with_suffix(".json"))
                if note.get("store") != self.fingerprint or note.get("tokenizer") != tokenizer.fingerprint:
                    raise _Damaged(f"{cached.name} belongs to something else")
                weights = _array(cached, note["file"], np.int32, (len(self),))
                weights.flags.writeable = False
                return weights
            except (_Damaged, KeyError, TypeError) as error:
                click.echo(f"lcgen: cached token weights in {self.folder} are not used ({error}); weighing anew.", err=True)
        weights = self._by_pieces(tokenizer)
        if weights is None:
            scale, _ = self._scale(tokenizer)
            weights = np.empty(len(self), np.int32)
            for start in range(0, len(self), 20_000):
                stop = min(start + 20_000, len(self))
                weights[start:stop] = scale.weights(self.led(start, stop))
        if cached:
            self._keep(cached, weights, tokenizer)
        weights.flags.writeable = False
        return weights

    def _keep(self, cached: Path, weights: NDArray[np.int32], tokenizer: Tokenizer) -> None:
        try:
            with _room(cached.parent):
                # The note is written last: weights without it are not looked at.
                for path, data in (
                    (cached, lambda: _npy(weights)),
                    (
                        cached.with_suffix(".json"),
                        lambda: _dumped(
                            {"store": self.fingerprint, "tokenizer": tokenizer.fingerprint, "file": _note(cached)}
                        ),
                    ),
                ):
                    temporary = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
                    try:
                        temporary.write_bytes(data())
                        temporary.replace(path)
                    finally:
                        temporary.unlink(missing_ok=True)
        except _ReadOnly as error:
            # A cache that others filled may be read-only; the weights are at hand all the same.
            click.echo(f"lcgen: {error} Token weights are not kept.", err=True)

    def _by_pieces(self, tokenizer: Tokenizer) -> NDArray[np.int32] | None:
        """Weights as sums over the pieces the text was made of; None where it has none or they do not add up."""
        if not self.folder or not (self.folder / "pieces.npy").exists():
            return None
        try:
            notes = _loaded(self.folder / "meta.json")["files"]
            pieces = _array(self.folder / "pieces.npy", notes["pieces.npy"])
            counts = _array(self.folder / "counts.npy", notes["counts.npy"], np.uint16, (len(self),))
            if not _intact(self.folder / "table.json", notes["table.json"]):
                raise _Damaged("table.json is not what was written")
            table = _loaded(self.folder / "table.json")["pieces"]
        except (_Damaged, KeyError, TypeError) as error:
            click.echo(f"lcgen: cached pieces in {self.folder} are not used ({error}).", err=True)
            return None
        ends = np.cumsum(counts, dtype=np.int64)
        used = np.zeros(len(table), bool)
        used[pieces] = True
        # Pieces start where tokens do, so any real end of a sentence will do to weigh them behind.
        stop = table[pieces[int(ends[0]) - 1]].strip()
        cost = np.zeros(len(table), np.int32)
        places = np.flatnonzero(used).tolist()
        cost[places] = np.asarray(tokenizer.counts([stop + table[place] for place in places]), np.int64)
        cost[places] -= tokenizer.count(stop)
        weights = np.add.reduceat(cost[pieces], ends - counts).astype(np.int32)
        sample = np.unique(np.linspace(0, len(self) - 1, 300).astype(np.int64))
        scale, places = self._scale(tokenizer)
        for chosen in (sample.tolist(), places):
            if (scale.weights([self.led(place, place + 1)[0] for place in chosen]) != weights[chosen]).any():
                return None
        return weights


# ---- where stores come from


def from_prose(lang: str, sentences: int = 600_000) -> Store:
    """The pool of generated prose of a language, cached by grammar; a section is SECTION sentences of whole paragraphs.

    A few of the sentences asked for may be left out at the end. LcgenError for a language without prose.
    """
    from lcgen import prose

    grammar = prose.load(lang)

    def make(folder: Path) -> None:
        _render(_Writer(folder, lang, SECTION), prose.write(grammar, sentences))

    return _kept("prose", f"prose-{lang}-{sentences}-{grammar.version[:16]}-{FORMAT}", make)


def from_corpus(source: str, lang: str) -> Store:
    """The units of a corpus (its name, a path or `hf:...`), cached by the content of its files.

    The language a named corpus was added with wins over `lang`. Raises LcgenError as `corpus.documents` does.
    """
    record = corpus.resolve(source)
    lang = record.lang or lang
    key = corpus.fingerprint(record.source)

    def make(folder: Path) -> None:
        for breaks in (True, False):
            writer, left_out = _Writer(folder, lang, 0), 0
            for lead, unit in _settled(corpus.documents(record.source), lang):
                if writer.size > LIMIT:
                    click.echo(f"lcgen: {record.name} is long; its first {LIMIT >> 20} MiB are used.", err=True)
                    break
                # Behind an end that is not settled a paragraph break would cost another number of tokens. So such
                # units (tables, lists) are left out; where they are many they stay, and the breaks become spaces.
                if breaks and not _ends_well(unit, lang):
                    left_out += len(unit)
                else:
                    writer.add(lead if breaks else _lead(lang), unit)
            if len(writer) and 20 * left_out <= writer.size:
                break
            writer.close()
        if not len(writer):
            raise LcgenError(f"{record.source} holds no sentence.")
        writer.finish()

    return _kept(record.name, f"corpus-{lang}-{key[:32]}-{corpus.REVISION}-{FORMAT}", make)


def noise(lang: str) -> Store:
    """One short passage, to be repeated: `lang/<code>/noise.txt`, a sentence a line. Kept in memory."""
    path = files("lcgen") / "lang" / lang / "noise.txt"
    if not path.is_file():
        raise LcgenError(f"There is no noise passage in language {lang!r}; take another haystack.")
    units = [line.strip() for line in path.read_text(encoding="utf-8").splitlines() if line.strip()]
    led = [_lead(lang).encode() + unit.encode() for unit in units]
    borders = np.cumsum([0, *map(len, led)], dtype=np.int64)
    leads = np.full(len(led), len(_lead(lang)), np.uint8)
    text = b"".join(led)
    digest = _identity(hashlib.sha256(text), borders, leads)
    return Store("noise", lang, digest, len(led), frozenset(text.decode()), memoryview(text), borders, leads)


def _lead(lang: str) -> str:
    return "" if lang in corpus.SPACELESS else " "


# What a lead costs depends on the end of the unit before it: a blank line joins a full stop but not a letter, and in
# Chinese a stop joins the word behind it (o200k_base has a token for a stop and "he"), as a closing quote does not.
# Behind the ends below every lead cost the same in 18 vocabularies; kimi_k2 alone sets some closing quotes apart.
_ENDS = re.compile(r"\w(?:[.?!]['\"”’]?|[,;:)\"]|\.\)|\)\.)\Z")
_SPACELESS_ENDS = re.compile(r"\w。\Z")


def _ends_well(unit: str, lang: str) -> bool:
    return (_SPACELESS_ENDS if lang in corpus.SPACELESS else _ENDS).search(unit[-4:]) is not None


def _settled(texts: Iterator[str], lang: str) -> Iterator[tuple[str, str]]:
    """(lead, unit) of all documents. A unit that does not end well is joined with the next, up to a sane size."""
    glue, whole, opened = _lead(lang), "", True
    for unit, opens in chain.from_iterable(corpus.split(text, lang) for text in texts):
        if whole and not _ends_well(whole, lang) and len(whole) + len(unit) <= 2 * corpus.LONG:
            whole += glue + unit
            continue
        if whole:
            yield BREAK if opened else glue, whole
        whole, opened = unit, opens
    if whole:
        yield BREAK if opened else glue, whole


def _render(writer: _Writer, sentences: Sentences) -> None:
    """Writes generated prose, whole paragraphs in sections, and the ids of its pieces for fast weighing."""
    order = _sections(sentences.breaks, writer.section)
    counts = np.diff(sentences.borders)[order]
    borders = np.concatenate([[0], np.cumsum(counts)])
    shift = np.repeat(sentences.borders[:-1][order] - borders[:-1], counts)
    pieces = sentences.pieces[np.arange(borders[-1]) + shift].astype(np.uint32)
    del shift
    # The first piece of a sentence becomes another one, with the lead in it.
    firsts = borders[:-1]
    kinds, of = np.unique(pieces[firsts] * np.uint32(2) + sentences.breaks[order], return_inverse=True)
    glue = _lead(writer.lang).encode()
    table = [*sentences.table, *((BREAK.encode() if kind & 1 else glue) + sentences.table[kind >> 1] for kind in kinds.tolist())]
    pieces[firsts] = len(sentences.table) + of
    if len(table) <= 1 << 16:
        pieces = pieces.astype(np.uint16)
    sizes = np.array([len(piece) for piece in table], np.int64)
    step = 1 << 20
    lengths = np.empty(len(order), np.int64)
    column = np.array(table, object)
    for start in range(0, len(order), step // 16):
        stop = min(start + step // 16, len(order))
        part = pieces[borders[start] : borders[stop]]
        lengths[start:stop] = np.add.reduceat(sizes[part], borders[start:stop] - borders[start])
        writer.write(b"".join(column[part].tolist()))
    used = np.zeros(len(table), bool)
    used[pieces] = True
    writer.charset.update(*(table[place].decode() for place in np.flatnonzero(used)))
    writer.lengths.append(lengths)
    writer.leads += np.where(sentences.breaks[order], len(BREAK), len(glue)).astype(np.uint8).tobytes()
    writer.put("pieces.npy", _npy(pieces))
    writer.put("counts.npy", _npy(counts.astype(np.uint16)))
    writer.put("table.json", _dumped({"pieces": [piece.decode() for piece in table]}))
    writer.finish()


def _sections(breaks: NDArray[np.bool_], size: int) -> Ints:
    """An order of sentences in which every `size` of them are whole paragraphs; close to the one they came in."""
    starts = np.flatnonzero(breaks)
    # The last paragraph may have been cut by the number of sentences asked for.
    lengths = np.diff(starts)
    waiting = {int(n): np.flatnonzero(lengths == n)[::-1].tolist() for n in np.unique(lengths) if n <= size}
    chosen: list[int] = []
    whole = 0  # paragraphs in complete sections
    while waiting:
        fills = [True] + [False] * size  # whether a rest of so many sentences can be filled
        for rest in range(1, size + 1):
            fills[rest] = any(n <= rest and fills[rest - n] for n in waiting)
        fit = [[n for n in waiting if n <= rest and fills[rest - n]] for rest in range(size + 1)]
        rest = size
        while fit[rest]:
            length = min(fit[rest], key=lambda n: waiting[n][-1])
            chosen.append(waiting[length].pop())
            rest -= length
            if not rest:
                whole, rest = len(chosen), size
            if not waiting[length]:
                break
        else:
            break
        del waiting[length]
        # A section that was begun goes back: what can fill its rest has changed.
        for paragraph in chosen[whole:]:
            waiting.setdefault(int(lengths[paragraph]), []).append(paragraph)
        del chosen[whole:]
    if not whole:
        raise LcgenError(f"{len(breaks)} sentences of prose make no section of {size}; ask for more.")
    taken = np.array(chosen[:whole], np.int64)
    counts = lengths[taken]
    return np.repeat(starts[taken] - (np.cumsum(counts) - counts), counts) + np.arange(counts.sum())


# ---- files


class _Damaged(Exception):
    """A cached file is not what was written."""


class _ReadOnly(LcgenError):
    """The cache cannot be written, for another reason than a full disk."""


class _Writer:
    """Writes the files of one store into a folder."""

    def __init__(self, folder: Path, lang: str, section: int) -> None:
        self.folder, self.lang, self.section = folder, lang, section
        self.charset: set[str] = set()
        self.lengths: list[Ints] = []
        self.leads = bytearray()
        self.size = 0
        self._sizes: list[int] = []
        self._waiting: list[str] = []
        self._digest = hashlib.sha256()
        self._notes: dict[str, Any] = {}
        self._stream = (folder / "text.bin").open("wb")

    def __len__(self) -> int:
        return len(self.leads)

    def write(self, data: bytes) -> None:
        self._digest.update(data)
        self._stream.write(data)
        self.size += len(data)

    def add(self, lead: str, unit: str) -> None:
        led = lead + unit
        self._waiting.append(led)
        self._sizes.append(len(led.encode()))
        self.leads.append(len(lead))
        if len(self._waiting) == 10_000:
            self._flush()

    def _flush(self) -> None:
        text = "".join(self._waiting)
        self.charset.update(text)
        self.write(text.encode())
        self.lengths.append(np.array(self._sizes, np.int64))
        self._waiting, self._sizes = [], []

    def put(self, name: str, data: bytes) -> None:
        (self.folder / name).write_bytes(data)
        self._notes[name] = _note(self.folder / name)

    def close(self) -> None:
        self._stream.close()

    def finish(self) -> None:
        self._flush()
        self.close()
        borders = np.concatenate([np.zeros(1, np.int64), np.cumsum(np.concatenate(self.lengths))])
        leads = np.frombuffer(bytes(self.leads), np.uint8)
        self._notes["text.bin"] = _note(self.folder / "text.bin")
        self.put("borders.npy", _npy(borders))
        self.put("leads.npy", _npy(leads))
        with (self.folder / "text.bin").open("rb") as stream, mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ) as text:
            first = _first_places(text, borders, leads)
        if first is not None:
            self.put("first.npy", _npy(first))
        meta = {
            "lang": self.lang,
            "section": self.section,
            "fingerprint": _identity(self._digest, borders, leads),
            "charset": "".join(sorted(self.charset)),
            "files": self._notes,
        }
        (self.folder / "meta.json").write_bytes(_dumped(meta))


def _identity(text: Any, borders: Ints, leads: NDArray[np.uint8]) -> str:
    """Fingerprint of a store, given the running hash of its text."""
    text.update(borders.astype("<i8").tobytes())
    text.update(leads.tobytes())
    return str(text.hexdigest()[:16])


def _first_places(text: Any, borders: Ints, leads: NDArray[np.uint8]) -> NDArray[np.int32] | None:
    """Of each unit the first place where its text stands; None where all differ."""
    data = np.frombuffer(text, np.uint8)
    try:
        longest = int(np.diff(borders).max())
        # Lead bytes count nothing: 0 at the places -2 and -1 before a unit.
        powers = np.concatenate([np.zeros(2, np.uint64), np.full(longest, 0x9E3779B97F4A7C15, np.uint64)])
        np.cumprod(powers[2:], out=powers[2:])
        hashes = np.empty(len(leads), np.uint64)
        cuts = np.unique(np.searchsorted(borders, np.arange(0, int(borders[-1]) + (1 << 21), 1 << 21)).clip(0, len(leads)))
        for low, high in zip(cuts.tolist(), cuts[1:].tolist()):
            start, stop = borders[low], borders[high]
            place = np.arange(2, 2 + stop - start) - np.repeat(
                borders[low:high] - start + leads[low:high], np.diff(borders[low : high + 1])
            )
            terms = (data[start:stop].astype(np.uint64) + np.uint64(1)) * powers[place]
            hashes[low:high] = np.add.reduceat(terms, borders[low:high] - start)
    finally:
        del data
    _, index, number = np.unique(hashes, return_inverse=True, return_counts=True)
    again = np.flatnonzero(number[index] > 1)
    first = np.arange(len(leads), dtype=np.int32)
    seen: dict[bytes, int] = {}
    for place in again.tolist():
        first[place] = seen.setdefault(text[borders[place] + leads[place] : borders[place + 1]], place)
    return first if (first != np.arange(len(leads))).any() else None


def _kept(name: str, key: str, make: Callable[[Path], None]) -> Store:
    """The store of a key: from the cache, or made. Two processes may make it at once: the first to finish wins."""
    stores = cache.folder("stores")
    home = stores / key
    if os.path.lexists(home):
        try:
            return _opened(home, name)
        except _Damaged as error:
            click.echo(f"lcgen: the cached text in {home} is not used ({error}); making it anew.", err=True)
    with _room(stores):
        _sweep(stores)
        building = stores / f".{key}-{os.getpid()}-{secrets.token_hex(4)}"
        try:
            building.mkdir()
            make(building)
            for _ in range(3):
                try:
                    building.rename(home)
                except OSError:
                    if not os.path.lexists(home):
                        raise
                    try:
                        return _opened(home, name)
                    except _Damaged:
                        _discard(home)
                else:
                    break
        finally:
            shutil.rmtree(building, ignore_errors=True)
        try:
            return _opened(home, name)
        except _Damaged as error:
            raise LcgenError(f"The cache {home} changes while it is written ({error}). Delete it and try again.") from error


def _discard(path: Path) -> None:
    # Renamed first: another process must not find half of it.
    aside = path.with_name(f".discarded-{os.getpid()}-{secrets.token_hex(4)}")
    path.rename(aside)
    if aside.is_dir() and not aside.is_symlink():
        shutil.rmtree(aside, ignore_errors=True)
    else:
        aside.unlink(missing_ok=True)


def _sweep(stores: Path) -> None:
    """Removes what processes that were killed a day ago or more have left half done."""
    for path in stores.glob(".*"):
        with contextlib.suppress(OSError):
            if time.time() - path.stat().st_mtime > 86_400:
                shutil.rmtree(path)


def _opened(home: Path, name: str) -> Store:
    """The store in a folder; _Damaged where something is missing or is not what was written."""
    meta = _loaded(home / "meta.json")
    try:
        notes = meta["files"]
        borders = _array(home / "borders.npy", notes["borders.npy"], np.int64)
        leads = _array(home / "leads.npy", notes["leads.npy"], np.uint8, (len(borders) - 1,))
        first = _array(home / "first.npy", notes["first.npy"], np.int32, leads.shape) if "first.npy" in notes else None
        if not _intact(home / "text.bin", notes["text.bin"]) or notes["text.bin"]["bytes"] != borders[-1]:
            raise _Damaged("text.bin is not what was written")
        with (home / "text.bin").open("rb") as stream:
            text = memoryview(mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ))
        return Store(
            name, meta["lang"], meta["fingerprint"], meta["section"], frozenset(meta["charset"]), text, borders, leads, home, first
        )
    except (OSError, KeyError, TypeError, ValueError) as error:
        raise _Damaged(f"{type(error).__name__}: {error}") from error


# A file is taken as it was written if its size, its time of change and a sample of its blocks are. That finds a file
# that was cut, replaced or edited, and holes of more than 1/64 of it that a power cut leaves. Where the time differs,
# as in a cache that was copied, the whole file is hashed. A byte that the disk itself lost between two blocks, with no
# change of time, is not found here: rows that are counted in full find it.


def _note(path: Path) -> dict[str, Any]:
    state = path.stat()
    return {"bytes": state.st_size, "changed": state.st_mtime_ns, "blocks": _blocks(path), "hash": _hash(path)}


def _intact(path: Path, note: Mapping[str, Any]) -> bool:
    state = path.stat()
    if state.st_size != note["bytes"]:
        return False
    return bool(_blocks(path) == note["blocks"] if state.st_mtime_ns == note["changed"] else _hash(path) == note["hash"])


def _blocks(path: Path, count: int = 64, size: int = 4096) -> str:
    """Hash over the first, the last and evenly spaced blocks of a file."""
    digest = hashlib.blake2b(digest_size=16)
    last = max(0, path.stat().st_size - size)
    with path.open("rb") as stream:
        for place in range(count):
            stream.seek(last * place // (count - 1))
            digest.update(stream.read(size))
    return digest.hexdigest()


def _hash(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as stream:
        while block := stream.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()


def _array(path: Path, note: Mapping[str, Any], dtype: Any = None, shape: tuple[int, ...] | None = None) -> NDArray[Any]:
    try:
        if not _intact(path, note):
            raise _Damaged(f"{path.name} is not what was written")
        array: NDArray[Any] = np.load(path)
    except (OSError, ValueError, EOFError) as error:
        raise _Damaged(f"{path.name}: {error}") from error
    if (dtype and array.dtype != dtype) or (shape and array.shape != shape):
        raise _Damaged(f"{path.name} has another form")
    return array


def _npy(array: NDArray[Any]) -> bytes:
    # Not np.save to the file: on a full disk it raises an error that does not say so.
    stream = io.BytesIO()
    np.save(stream, array)
    return stream.getvalue()


def _dumped(facts: Mapping[str, Any]) -> bytes:
    """JSON that carries its format and a hash of itself."""
    body = json.dumps(facts, sort_keys=True)
    return json.dumps({"format": FORMAT, "check": hashlib.sha256(body.encode()).hexdigest(), "body": body}).encode()


def _loaded(path: Path) -> dict[str, Any]:
    try:
        outer = json.loads(path.read_bytes())
        body = outer["body"]
        if outer["format"] != FORMAT or hashlib.sha256(body.encode()).hexdigest() != outer["check"]:
            raise _Damaged(f"{path.name} is not what was written")
        facts: dict[str, Any] = json.loads(body)
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise _Damaged(f"{path.name}: {error}") from error
    return facts


def _safe(name: str) -> str:
    return name if re.fullmatch(r"[\w-]{1,80}", name) else hashlib.sha256(name.encode()).hexdigest()[:16]


@contextlib.contextmanager
def _room(folder: Path) -> Iterator[None]:
    """Turns what can go wrong while writing below a folder into errors for people."""
    try:
        yield
    except OSError as error:
        full = error.errno in (errno.ENOSPC, errno.EDQUOT)
        why = "no room is left on its disk" if full else error.strerror or str(error)
        kind = LcgenError if full else _ReadOnly
        raise kind(
            f"The cache folder {folder} cannot be written: {why}. Make room or rights there, or set LCGEN_CACHE to another folder."
        ) from error
