"""Entries of a directory: numbers of telephones, people who are easily taken for others, and books in order.

Numbers are of our own making. In every group of digits the first two differ, so that no digit stands four times in a row.
All numbers of one format have one width, so none is part of another.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Callable, Sequence
from functools import cache, cached_property
from itertools import product
from typing import Protocol

import numpy as np

from lcgen import forms
from lcgen.atoms import Atom, Form, Joined, Table
from lcgen.contract import MOST_PLANTS
from lcgen.errors import LcgenError
from lcgen.records import Records
from lcgen.streams import Stream
from lcgen.tokens import Scale

RESERVED = 8192
"""First texts of the pools, kept for what is planted; the filler's entries start behind them."""
CODES = "20 27 30 31 32 33 34 36 39 40 41 43 45 46 47 48 49 51 52 54 55 56 57 58 60 61 62 63 64 65 66 81 82 84 90 91 92 93 94 95 98"
"""Country codes of two digits, those where the same numbers would look out of place left out."""
VOWELS = "aeiou"


class Block(Atom):
    """A form whose texts all have one width, written as one block: then its parts need not be weighed one by one."""

    def __init__(self, form: Joined) -> None:
        self.form, self.size = form, form.size
        self.name = f"block {form.name}"
        self._pieces = [atom if isinstance(atom, str) else "" for atom in form.atoms]
        widths = [len(atom.encode()) if isinstance(atom, str) else atom.width for atom in form.atoms]
        self._rows = np.dtype([(f"{place}", f"S{width}") for place, width in enumerate(widths)])
        self.width = sum(widths)

    def blocks(self, numbers: np.ndarray) -> np.ndarray:
        rows = np.empty(len(numbers), self._rows)
        drawn = iter(zip(self.tables, self.form.split(numbers)))
        for place, constant in enumerate(self._pieces):
            if constant:
                rows[f"{place}"] = constant.encode()
            else:
                table, chosen = next(drawn)
                rows[f"{place}"] = table.blocks(chosen)
        return rows.view(f"S{self.width}")

    @cached_property
    def tables(self) -> list[Table]:
        """The groups of digits."""
        return [atom for atom in self.form.atoms if isinstance(atom, Table)]

    def number(self, text: str) -> int | None:
        return self.form.number(text)

    def near(self, text: str, rng: Stream) -> str:
        return self.form.near(text, rng)

    @property
    def apart(self) -> bool:
        return self.form.apart

    @property
    def charset(self) -> frozenset[str]:
        return self.form.charset

    @property
    def pattern(self) -> str:
        return "".join(re.escape(atom) if isinstance(atom, str) else f"(?:{atom.pattern})" for atom in self.form.atoms)


def _group(name: str, heads: str, rest: int, second: str = "0123456789") -> Table:
    """Groups of 2 + `rest` digits that begin with one of `heads` and another digit of `second`."""
    starts = [head + other for head, other in product(heads, second) if head != other]
    tails = ["".join(tail) for tail in product("0123456789", repeat=rest)]
    return Table(f"{name} digits", [start + tail for start in starts for tail in tails])


@cache
def numbers(lang: str, layout: str) -> Block:
    """Telephone numbers in a layout: `plain`, `hyphens`, `country` (with its code) or `extension`; mobile ones in Chinese."""
    area, line, extension = _group("area", "23456789", 1), _group("line", "0123456789", 2), _group("extension", "123456789", 1)
    if lang == "zh":
        mobile = _group("mobile", "1", 1, "3456789")
        layouts: dict[str, tuple[str | Form, ...]] = {
            "plain": (mobile, line, line), "hyphens": (mobile, "-", line, "-", line), "country": ("+86 ", mobile, " ", line, " ", line),
            "extension": (mobile, "-", line, "-", line, "转", extension),
        }  # fmt: skip
    else:
        layouts = {
            "plain": (area, area, line), "hyphens": (area, "-", area, "-", line),
            "country": ("+", Table("country codes", CODES.split()), " ", area, " ", area, " ", line),
            "extension": (area, "-", area, "-", line, " ext. ", extension),
        }  # fmt: skip
    return Block(Joined(*layouts[layout], apart=True))


class Order(Protocol):
    """Where entries belong in a book that is in order: each has a key, and keys rise."""

    size: int
    """All keys lie below."""

    by: Form
    """The form of what decides."""

    def keys(self, pieces: Sequence[np.ndarray]) -> np.ndarray:
        """Keys (int64) of entries that write these numbers in the atoms of that form (uint64)."""

    def key(self, name: str, number: str) -> int:
        """The key of one entry, whose name may be none of the form's."""

    def at(self, share: float) -> tuple[str, str]:
        """The name or the number that has this share of all that there are before it; the other one is empty."""


class ByNumber:
    """In the order of the digits."""

    def __init__(self, by: Block) -> None:
        self.by: Form = by
        self.size = by.size

    def keys(self, pieces: Sequence[np.ndarray]) -> np.ndarray:
        return pieces[0].astype(np.int64)

    def key(self, name: str, number: str) -> int:
        found = self.by.number(number)
        assert found is not None, "every number of a book is of its format"
        return found

    def at(self, share: float) -> tuple[str, str]:
        return "", self.by.texts(np.array([int(share * (self.size - 1))], np.uint64))[0]


class BySurname:
    """In the order of family names, then given names. Chinese family names go by their list, which is in order of pinyin.

    A name of a table has an odd rank, one that is none of them the even rank between two.
    """

    def __init__(self, by: Joined, lang: str) -> None:
        self.lang = lang
        self.by: Form = by
        atoms = [part for part in by.parts if isinstance(part, Table)]
        self._turn = [0, 1, 2] if lang == "zh" else [1, 0]
        self._tables = [self._ranked(atoms[place], lang == "zh" and place == 0) for place in self._turn]
        self._bases = [2 * len(entries) + 1 for entries, _ in self._tables]
        self.size = int(np.prod(self._bases, dtype=np.int64))

    @staticmethod
    def _ranked(table: Table, listed: bool) -> tuple[list[str], np.ndarray]:
        """The words of a table in order, and the rank of each in that order."""
        order = list(range(table.size)) if listed else sorted(range(table.size), key=lambda n: table.entries[n].casefold())
        ranks = np.empty(table.size, np.int64)
        ranks[order] = 2 * np.arange(table.size) + 1
        return [table.entries[number] for number in order], ranks

    def keys(self, pieces: Sequence[np.ndarray]) -> np.ndarray:
        found = np.zeros(len(pieces[0]), np.int64)
        for (_, ranks), base, place in zip(self._tables, self._bases, self._turn):
            found = found * base + ranks[pieces[place].astype(np.intp)]
        return found

    def key(self, name: str, number: str) -> int:
        found, listed = 0, True
        for words, (entries, _), base in zip(parts(name, self.lang), self._tables, self._bases):
            if listed and words in entries:
                rank = 2 * entries.index(words) + 1
            else:
                # Between two words of the table no name of the filler's stands: the parts behind tell nothing more.
                rank = 2 * bisect_left([entry.casefold() for entry in entries], words.casefold()) if listed else 0
                listed = False
            found = found * base + rank
        return found

    def at(self, share: float) -> tuple[str, str]:
        place, chosen = int(share * (self.by.size - 1)), []
        for entries, _ in reversed(self._tables):
            place, rank = divmod(place, len(entries))
            chosen.append(entries[rank])
        return whole(chosen[::-1], self.lang), ""


@cache
def order(kind: str, lang: str, layout: str) -> Order | None:
    """The order of this name; None for `random`."""
    if kind == "random":
        return None
    return BySurname(forms.names(lang), lang) if kind == "surname" else ByNumber(numbers(lang, layout))


def parts(name: str, lang: str) -> list[str]:
    """A name in the parts by which it is put in order: the family name first."""
    if lang == "zh":
        return list(name)
    given, _, family = name.rpartition(" ")
    return [family, given]


def whole(parts: Sequence[str], lang: str) -> str:
    """The name that has these parts, the family name first."""
    return "".join(parts) if lang == "zh" else " ".join([*parts[1:], parts[0]])


class Book(Records):
    """Entries that nobody asks for. Raises LcgenError where there are not as many names as it is to hold."""

    def __init__(self, names: forms.Pool, numbers: forms.Pool, said: Sequence[tuple[str, str]], order: Order | None) -> None:
        """`said` is the wording of an entry in parts (see Wording.parts)."""
        self._by = order
        self._kept = np.zeros(0, np.int64)
        slots = {"name": names, "number": numbers}
        super().__init__(*(slots.get(slot) or text for text, slot in said), sep="\n", start=RESERVED)

    def keys(self, ids: np.ndarray) -> np.ndarray:
        """Where the entries of these ids belong, int64. They are kept, as what is written is."""
        assert self._by is not None
        run, places = self._laid(ids)
        if run is not self._run:
            return self._by.keys(self._of(self.numbers(ids)))
        if len(self._kept) < len(run.borders) - 1:
            more = [drawn[len(self._kept) :] for drawn in self._of(self._numbers)]
            self._kept = np.concatenate([self._kept, self._by.keys(more)])
        found: np.ndarray = self._kept[places]
        return found

    def _of(self, drawn: Sequence[np.ndarray]) -> Sequence[np.ndarray]:
        """Of the numbers of all columns those of the form that decides the order."""
        at = 0
        for pool in self.pools:
            size = sum(not isinstance(atom, str) for atom in pool.form.atoms)
            if self._by is not None and pool.form == self._by.by:
                return drawn[at : at + size]
            at += size
        raise AssertionError("the form that decides the order is one of the book's")

    def slices(self, ids: np.ndarray, sep: str) -> list[bytes | memoryview]:
        run, places = self._laid(ids)
        if self._by is None or len(ids) < 2 or sep != self.sep or run is not self._run:
            return super().slices(ids, sep)
        # Entries in order are scattered over the ids: they are written anew, not gathered one by one.
        return [self.shape.render([drawn[places] for drawn in self._numbers]).text]

    def weights(self, ids: np.ndarray, scale: Scale, sep: str) -> np.ndarray:
        if len(ids) and int(ids.max()) >= self.limit:
            raise LcgenError(f"A phone book has at most {self.limit:,} different names. Ask for a shorter length (--lengths).")
        return super().weights(ids, scale, sep)


class Roster:
    """Hands out names and numbers that nobody else in the book has."""

    def __init__(self, names: forms.Pool, numbers: forms.Pool, lang: str, order: Order | None, rng: Stream) -> None:
        self._names, self._numbers, self._lang, self.order, self._rng = names, numbers, lang, order, rng
        self._next = {id(names): 0, id(numbers): 0}
        self._held: set[str] = set()
        self.made: set[str] = set()
        """What was not taken from the pools' first texts, so that filler may hold it."""

    def name(self) -> str:
        """Any name."""
        return self._fresh(self._names)

    def number(self) -> str:
        """Any number."""
        return self._fresh(self._numbers)

    def entry(self, share: float) -> tuple[str, str]:
        """A name and a number; in a book in order those that have this share of all others before them."""
        name, number = self.order.at(share) if self.order else ("", "")
        self._take(name or number)
        return name or self.name(), number or self.number()

    def depth(self, name: str, number: str) -> float:
        """Where an entry comes to stand: anywhere, or where it belongs."""
        return self.order.key(name, number) / self.order.size if self.order else self._rng.unit()

    def sharing(self, name: str, family: bool) -> str:
        """A name that shares the family name, or else the given name."""
        while True:
            own, other = parts(name, self._lang), parts(self.name(), self._lang)
            text = whole([own[0], *other[1:]] if family else [other[0], *own[1:]], self._lang)
            if text not in self._held:
                return self._take(text)

    def near_name(self, name: str) -> str:
        """A name that differs in one letter, or by a middle initial; in Chinese in one character of the given name."""
        if self._lang == "zh":
            pieces, place = list(name), 1 + self._rng.below(2)
            table = [atom for atom in self._names.form.atoms if isinstance(atom, Table)][place]
            return self._walk(table, lambda word: "".join([*pieces[:place], word, *pieces[place + 1 :]]), name)
        family, given = parts(name, self._lang)
        initials = [f"{given} {letter}. {family}" for letter in "ABCDEFGHIJKLMNOPQRSTUVWXYZ"]
        letters = [*(f"{word} {family}" for word in _misspelt(given)), *(f"{given} {word}" for word in _misspelt(family))]
        kinds = [initials, letters] if self._rng.below(2) else [letters, initials]
        for near in (near for kind in kinds for near in self._rng.shuffle(kind)):
            if near not in self._held:
                return self._take(near)
        raise ValueError(f"there are not so many names that look like {name}")

    def near_number(self, number: str) -> str:
        """A number that differs in one group of digits."""
        block = self._numbers.form
        assert isinstance(block, Block)
        pieces = block.form.pieces(number)
        place = self._rng.below(len(pieces))

        def written(group: str) -> str:
            rest = iter([*pieces[:place], group, *pieces[place + 1 :]])
            return "".join(atom if isinstance(atom, str) else next(rest) for atom in block.form.atoms)

        return self._walk(block.tables[place], written, number)

    def _walk(self, table: Table, written: Callable[[str], str], near: str) -> str:
        """The first text that is free, from any word of a table on."""
        start = self._rng.below(table.size)
        for step in range(table.size):
            text = written(table.entries[(start + step) % table.size])
            if text not in self._held:
                return self._take(text)
        raise ValueError(f"there are not so many entries that look like {near}")

    def _fresh(self, pool: forms.Pool) -> str:
        while (text := pool.text(self._next[id(pool)])) in self._held:
            self._next[id(pool)] += 1
        self._next[id(pool)] += 1
        self._held.add(text)
        return text

    def _take(self, text: str) -> str:
        self._held.add(text)
        if any(pool.form.number(text) is not None for pool in (self._names, self._numbers)):
            self.made.add(text)
        return text


def _misspelt(word: str) -> list[str]:
    """The word with one letter inside it doubled, left out, exchanged with the next one, or, a vowel, for another vowel."""
    found: list[str] = []
    for at in range(1, len(word) - 1):
        letter = word[at]
        found += [word[:at] + letter + word[at:], word[:at] + word[at + 1 :]]
        found.append(word[:at] + word[at + 1] + letter + word[at + 2 :])
        found += [word[:at] + vowel + word[at + 1 :] for vowel in VOWELS if letter in VOWELS]
    return sorted(set(found) - {word})


def sorter(book: Book, order: Order, lang: str, planted: Sequence[tuple[str, str]]) -> Callable[[np.ndarray], np.ndarray]:
    """Keys of units, as `Draft.sort` asks for them: of the book's entries, and of plants with these names and numbers."""
    # What stands between the same two words of a table is put in order by its letters.
    letters = sorted(range(len(planted)), key=lambda place: [part.casefold() for part in parts(planted[place][0], lang)])
    own = np.empty(len(planted), np.int64)
    own[letters] = np.array([order.key(*planted[place]) for place in letters]) * MOST_PLANTS + np.arange(len(planted))

    def sort(units: np.ndarray) -> np.ndarray:
        found = np.empty(len(units), np.int64)
        filler = units >= 0
        found[filler], found[~filler] = book.keys(units[filler]) * MOST_PLANTS, own[-1 - units[~filler]]
        return found

    return sort
