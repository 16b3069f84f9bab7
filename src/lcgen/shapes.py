"""Shapes of records: constants and forms in a row, written for many records at once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import takewhile

import numpy as np

from lcgen.atoms import Atom, Form, Table, Words, places
from lcgen.errors import LcgenError
from lcgen.forms import Pool
from lcgen.streams import Stream


@dataclass(frozen=True)
class Run:
    """Records in UTF-8, each behind its separator: record i is `text[borders[i] : borders[i + 1]]`."""

    text: bytes
    borders: np.ndarray

    def units(self) -> list[str]:
        """The records one by one, separators included."""
        cuts = self.borders.tolist()
        return [self.text[low:high].decode() for low, high in zip(cuts[:-1], cuts[1:])]

    def part(self, low: int, high: int) -> Run:
        """The records from `low` up to `high`, or to the last one."""
        borders = self.borders[low : high + 1]
        return Run(self.text[borders[0] : borders[-1]], borders - borders[0])


class Column:
    """What is written in one go: a constant, the words of a table with the constants before them, or another atom."""

    def __init__(self, what: Words | Atom, place: int = -1) -> None:
        """`place` is the number of the atom among those of the shape; a constant has none."""
        self.what, self.place, self.width = what, place, what.width
        sizes = what.sizes if isinstance(what, Words) else np.array([self.width])
        self.sizes = None if (sizes == self.width).all() else sizes
        """Bytes of each word of a table; None where all fill the width."""


class Shape:
    """What all records of a kind share: a separator, constants and forms, in their order."""

    def __init__(self, parts: Sequence[str | Form], sep: str) -> None:
        flat = [sep, *(atom for part in parts for atom in ([part] if isinstance(part, str) else part.atoms))]
        flat = [part for part in flat if part]
        self.forms = [part for part in parts if not isinstance(part, str)]
        self.atoms = [atom for atom in flat if not isinstance(atom, str)]
        self.name = " ".join(repr(part) if isinstance(part, str) else part.name for part in flat)
        self.charset = frozenset[str]().union(*(set(part) if isinstance(part, str) else part.charset for part in flat))
        """Every character that a record may hold."""
        if not self.atoms or "\0" in self.charset:
            raise LcgenError("A record needs a column beside its constants, and no zero byte.")
        self.touching = any(isinstance(a, Atom) and isinstance(b, Atom) for a, b in zip(flat, [*flat[1:], flat[0]]))
        """Whether two columns stand side by side, so that tokens may reach from one into the other."""
        lead, rest = sep[:1], {*sep[1:]}.union(*(set(part) if isinstance(part, str) else part.charset for part in parts))
        self.lead = lead if lead.isascii() and lead not in rest else ""
        """The character with which a record begins, where it is ASCII and a record holds it once; else empty."""
        self._between = _between([sep, *parts])
        self._flat = [part if isinstance(part, Atom) else Table(part, [part]) for part in flat]
        self.columns: list[Column] = []
        held, place = "", 0
        for part in flat:
            if isinstance(part, str):
                held += part
                continue
            if held and not isinstance(part, Table):
                self.columns.append(Column(Words([held])))
            what = Words([held + entry for entry in part.entries]) if isinstance(part, Table) else part
            self.columns.append(Column(what, place))
            held, place = "", place + 1
        if held:
            self.columns.append(Column(Words([held])))
        self._width = sum(column.width for column in self.columns)
        self._ragged = [column for column in self.columns if column.sizes is not None]

    def admits(self, word: str) -> bool:
        """Whether a word may stand in a text of such records, or across some of them; sure where it says no."""
        if any(part.admits(word) for part in self._flat):
            return True
        # Where parts may begin, once so many characters of the word stand before them.
        reached = set[tuple[int, int]]()
        for place, part in enumerate(self._flat):
            sizes = takewhile(lambda size: part.admits(word[:size]), range(1, len(word)))  # noqa: B023
            reached |= {((place + 1) % len(self._flat), size) for size in sizes if part.admits(word[:size], ends=True)}
        pending = [*reached]
        while pending:
            place, at = pending.pop()
            part = self._flat[place]
            if part.admits(word[at:], begins=True):
                return True
            ends = takewhile(lambda end: part.admits(word[at:end], begins=True), range(at + 1, len(word)))  # noqa: B023
            after = {((place + 1) % len(self._flat), end) for end in ends if part.admits(word[at:end], begins=True, ends=True)}
            pending += after - reached
            reached |= after
        return False

    def bounds(self, word: str) -> bool:
        """Whether a word can stand nowhere but within the text of one form: it is in no constant, nor reaches into one."""
        return not any(not text or _overlap(text, word) for text in self._between)

    def split(self, drawn: Sequence[np.ndarray]) -> list[np.ndarray]:
        """For each atom the numbers that it writes, of records that write these numbers in each form."""
        return [found for form, numbers in zip(self.forms, drawn, strict=True) for found in form.split(numbers)]

    def sample(self, count: int) -> list[np.ndarray]:
        """Numbers of records by which the shape is probed, the same for all its records."""
        ids = np.arange(count)
        drawn = [Pool(form, Stream("sample", place)).numbers(ids % form.size) for place, form in enumerate(self.forms)]
        return self.split(drawn)

    def render(self, numbers: Sequence[np.ndarray]) -> Run:
        """Records that write these numbers, one array for each atom."""
        count, low = len(numbers[0]), 0
        rows = np.empty((count, self._width), np.uint8)
        for column in self.columns:
            # A constant is the one text of its words, whatever the numbers.
            column.what.write(numbers[column.place], rows[:, low : low + column.width])
            low += column.width
        if not self._ragged:
            return Run(rows.tobytes(), np.arange(count + 1, dtype=np.int64) * self._width)
        # Words are filled up with zero bytes to the width of the longest: without them the rows are the text.
        return Run(rows.tobytes().translate(None, b"\0"), np.concatenate([[0], np.cumsum(self.sizes(numbers))]))

    def sizes(self, numbers: Sequence[np.ndarray]) -> np.ndarray:
        """Bytes of each record that writes these numbers (int64)."""
        found = np.full(len(numbers[0]), self._width, np.int64)
        for column in self._ragged:
            assert column.sizes is not None
            found += (column.sizes - column.width).take(places(numbers[column.place]))
        return found


def _between(row: Sequence[str | Form]) -> list[str]:
    """The constant text behind each form, up to the next one; behind the last, up to the first of the next record."""
    first = next(place for place, part in enumerate(row) if isinstance(part, Form))
    found: list[str] = []
    for part in [*row[first:], *row[:first]]:
        if isinstance(part, Form):
            found.append("")
        else:
            found[-1] += part
    return found


def _overlap(text: str, word: str) -> bool:
    """Whether one can hold the other, or the end of one be the beginning of the other."""
    cuts = range(1, min(len(text), len(word)))
    return text in word or word in text or any(text[-n:] == word[:n] or text[:n] == word[-n:] for n in cuts)


@lru_cache(maxsize=256)
def shape(parts: tuple[str | Form, ...], sep: str) -> Shape:
    """The shape of these parts, made once for all rows."""
    return Shape(parts, sep)
