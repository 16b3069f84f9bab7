"""Writing the files of a store: units of a corpus one by one, generated prose all at once."""

from __future__ import annotations

import hashlib
import mmap
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from lcgen import languages, vault
from lcgen.errors import LcgenError

if TYPE_CHECKING:
    from lcgen.prose import Sentences

BREAK = "\n\n"  # the lead of a unit that opens a paragraph

Ints = NDArray[np.int64]


class Writer:
    """Writes the files of one store into a folder: text.bin, borders.npy, leads.npy, first.npy, meta.json."""

    def __init__(self, folder: Path, lang: str, section: int) -> None:
        self.folder, self.lang, self.section = folder, lang, section
        self.size = 0  # bytes added
        self.charset: set[str] = set()
        self.lengths: list[Ints] = []
        self.leads = bytearray()
        self.begins: list[int] = []  # units with which documents begin
        self._waiting: list[bytes] = []
        self._digest = hashlib.sha256()
        self._notes: dict[str, Any] = {}
        self._stream = (folder / "text.bin").open("wb")

    def __len__(self) -> int:
        return len(self.leads)

    def add(self, before: str, unit: str) -> None:
        """One unit behind its lead."""
        data = (before + unit).encode()
        self._waiting.append(data)
        self.leads.append(len(before))
        self.size += len(data)
        if len(self._waiting) == 10_000:
            self._flush()

    def _flush(self) -> None:
        data = b"".join(self._waiting)
        self.charset.update(data.decode())
        self.lengths.append(np.array([*map(len, self._waiting)], np.int64))
        self._waiting = []
        self.write(data)

    def write(self, data: bytes) -> None:
        """Text as it is; whoever writes it so also fills charset, lengths and leads."""
        self._digest.update(data)
        self._stream.write(data)

    def put(self, name: str, data: bytes) -> None:
        """A file of its own, noted in meta.json."""
        (self.folder / name).write_bytes(data)
        self._notes[name] = vault.note(self.folder / name)

    def close(self) -> None:
        self._stream.close()

    def finish(self) -> None:
        """Writes what is left, meta.json last."""
        self._flush()
        self.close()
        path = self.folder / "text.bin"
        self._notes["text.bin"] = vault.note(path)
        borders = np.concatenate([np.zeros(1, np.int64), np.cumsum(np.concatenate(self.lengths))])
        leads = np.frombuffer(bytes(self.leads), np.uint8)
        self.put("borders.npy", vault.npy(borders))
        self.put("leads.npy", vault.npy(leads))
        self.put("begins.npy", vault.npy(np.array(self.begins or [0], np.int64)))
        with path.open("rb") as stream, mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ) as text:
            first, starts, ends = first_places(text, borders, leads), *kinds(text, borders, leads)
        if first is not None:
            self.put("first.npy", vault.npy(first))
        meta = {
            "lang": self.lang,
            "section": self.section,
            "fingerprint": identity(self._digest, borders, leads),
            "charset": "".join(sorted(self.charset)),
            "kinds": [starts, ends],
            "files": self._notes,
        }
        (self.folder / "meta.json").write_bytes(vault.dump(meta))


def identity(text: Any, borders: Ints, leads: NDArray[np.uint8]) -> str:
    """Fingerprint of a store, given the running SHA-256 of its text."""
    text.update(borders.astype("<i8").tobytes())
    text.update(leads.tobytes())
    return str(text.hexdigest()[:16])


def first_places(text: Any, borders: Ints, leads: NDArray[np.uint8]) -> NDArray[np.int32] | None:
    """Of each unit the first place where its text stands; None where all differ. `text` is a buffer of bytes."""
    data = np.frombuffer(text, np.uint8)
    try:
        # A polynomial of its bytes for each unit; bytes of the lead count nothing.
        longest = int(np.diff(borders).max())
        powers = np.concatenate([np.zeros(2, np.uint64), np.full(longest, 0x9E3779B97F4A7C15, np.uint64)])
        np.cumprod(powers[2:], out=powers[2:])
        hashes = np.empty(len(leads), np.uint64)
        cuts = np.searchsorted(borders, np.arange(0, int(borders[-1]) + (1 << 17), 1 << 17)).clip(0, len(leads))
        cuts = np.unique(cuts)
        for low, high in zip(cuts[:-1].tolist(), cuts[1:].tolist()):
            start, stop = borders[low], borders[high]
            skip = borders[low:high] - start + leads[low:high]
            place = np.arange(2, 2 + stop - start) - np.repeat(skip, np.diff(borders[low : high + 1]))
            terms = (data[start:stop].astype(np.uint64) + np.uint64(1)) * powers[place]
            hashes[low:high] = np.add.reduceat(terms, borders[low:high] - start)
    finally:
        del data  # a mapped file cannot be closed while an array looks into it
    _, index, number = np.unique(hashes, return_inverse=True, return_counts=True)
    first = np.arange(len(leads), dtype=np.int32)
    seen: dict[bytes, int] = {}
    for unit in np.flatnonzero(number[index] > 1).tolist():
        first[unit] = seen.setdefault(bytes(text[borders[unit] + leads[unit] : borders[unit + 1]]), unit)
    return first if (first != np.arange(len(leads))).any() else None


def kinds(text: Any, borders: Ints, leads: NDArray[np.uint8], most: int = 96) -> tuple[list[int], list[int]]:
    """Places of units that differ in how they start (lead and three bytes), and of such that differ in four last bytes.

    Letters a-z, A-Z and digits count as one each. `text` is a buffer of bytes.
    """
    alike = np.arange(256, dtype=np.uint32)
    for low, high in (b"az", b"AZ", b"09"):
        alike[low : high + 1] = low
    data = np.frombuffer(text, np.uint8)
    shifts = np.array([1, 1 << 8, 1 << 16, 1 << 24], np.uint32)
    begin = np.minimum((borders[:-1] + leads)[:, None] + np.arange(3), len(data) - 1)
    starts = alike[data[begin]] @ shifts[:3] + leads * shifts[3]
    ends = alike[data[np.maximum(borders[1:, None] - np.arange(1, 5), 0)]] @ shifts
    del data
    chosen = []
    for codes in (starts, ends):
        places = np.unique(codes, return_index=True)[1]
        spread = np.unique(np.linspace(0, len(places) - 1, most).astype(np.int64))
        chosen.append([int(place) for place in places[spread]])
    return chosen[0], chosen[1]


def render(writer: Writer, sentences: Sentences) -> None:
    """Writes generated prose in sections of whole paragraphs."""
    order = sections(sentences.breaks, writer.section)
    starts, counts = sentences.borders[:-1][order], np.diff(sentences.borders)[order]
    borders = np.concatenate([[0], np.cumsum(counts)])
    opens, glue = sentences.breaks[order], languages.load(writer.lang).gap
    kinds, of = np.unique(sentences.pieces[starts].astype(np.int64) * 2 + opens, return_inverse=True)
    table = list(sentences.table)
    table += [(BREAK if kind & 1 else glue).encode() + table[kind >> 1] for kind in kinds.tolist()]
    sizes, column = np.array([len(piece) for piece in table], np.int64), np.array(table, object)
    used = np.zeros(len(table), bool)
    step = 4096  # sentences whose text fits the processor's cache
    for low in range(0, len(order), step):
        high = min(low + step, len(order))
        firsts, many = borders[low:high] - borders[low], borders[high] - borders[low]
        places = np.repeat(starts[low:high] - firsts, counts[low:high]) + np.arange(many)
        part = sentences.pieces[places].astype(np.int64)
        part[firsts] = len(sentences.table) + of[low:high]  # the first piece of a unit is one with its lead
        used[part] = True
        writer.lengths.append(np.add.reduceat(sizes[part], firsts))
        writer.write(b"".join(column[part].tolist()))
    writer.leads += np.where(opens, len(BREAK), len(glue)).astype(np.uint8).tobytes()
    writer.charset.update(*(table[piece].decode() for piece in np.flatnonzero(used)))
    writer.finish()


def sections(breaks: NDArray[np.bool_], size: int) -> Ints:
    """An order of sentences in which every `size` of them are whole paragraphs; close to the one they came in.

    What fills no section at the end is left out. Raises LcgenError where there is no section.
    """
    starts = np.flatnonzero(breaks)
    # The last paragraph may have been cut by the number of sentences asked for.
    lengths = np.diff(starts)
    waiting = {int(n): np.flatnonzero(lengths == n)[::-1].tolist() for n in np.unique(lengths) if n <= size}
    first = {length: queue[-1] for length, queue in waiting.items()}
    chosen: list[int] = []
    whole, rest = 0, size  # paragraphs in complete sections; sentences that the section begun still lacks
    while True:
        fills = [True] + [False] * size  # whether so many sentences can be filled
        for n in range(1, size + 1):
            fills[n] = any(length <= n and fills[n - length] for length in waiting)
        fit = [[length for length in waiting if length <= n and fills[n - length]] for n in range(size + 1)]
        if not fit[rest]:
            if rest == size:
                break
            del chosen[whole:]  # a section that cannot be filled any more
            rest = size
        while fit[rest]:
            length = min(fit[rest], key=first.__getitem__)
            chosen.append(waiting[length].pop())
            rest -= length
            if not rest:
                whole, rest = len(chosen), size
            if not waiting[length]:
                del waiting[length]
                break
            first[length] = waiting[length][-1]
    if not whole:
        raise LcgenError(f"{len(breaks)} sentences of prose make no section of {size}; ask for more.")
    taken = np.array(chosen[:whole], np.int64)
    counts = lengths[taken]
    return np.repeat(starts[taken] - (np.cumsum(counts) - counts), counts) + np.arange(counts.sum())
