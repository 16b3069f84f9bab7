"""Entries of a directory: telephone numbers, people who are easily taken for others, and books in order.

Numbers are of our own making. In every group of digits the first two differ, so that no digit stands four times in a row.
All numbers of one format have one width, so none is part of another.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Callable, Sequence
from functools import cache, cached_property
from itertools import product
from string import ascii_uppercase
from typing import Protocol

import numpy as np

from lcgen import forms
from lcgen.atoms import Atom, Form, Joined, Table
from lcgen.contract import MOST_PLANTS
from lcgen.errors import LcgenError
from lcgen.records import Records
from lcgen.streams import Stream
from lcgen.tokens import Counts, Scale

RESERVED = 8192
"""First texts of the pools, kept for what is planted; the filler's entries start behind them."""
CODES = (20, 27, 30, 31, 32, 34, 36, 39, 41, 43, 45, 46, 47, 48, 49, 51, 52, 54, 56, 57, 58, 60, 61, 62, 63, 64, 65, 81, 82, 84)
"""Country codes of two different digits."""
VOWELS = "aeiou"

# --- telephone numbers ------------------------------------------------------------------------------------------------


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
        drawn = zip(self.tables, self.form.split(numbers))
        for place, constant in enumerate(self._pieces):
            if constant:
                rows[f"{place}"] = constant.encode()
            else:
                table, chosen = next(drawn)
                rows[f"{place}"] = table.blocks(chosen)
        return rows.view(f"S{self.width}")

    @property
    def tables(self) -> list[Table]:
        """Its groups of digits."""
        return _tables(self.form)

    def number(self, text: str) -> int | None:
        return self.form.number(text)

    def near(self, text: str, rng: Stream) -> str:
        return self.form.near(text, rng)

    @property
    def apart(self) -> bool:
        return self.form.apart

    @cached_property
    def charset(self) -> frozenset[str]:
        return self.form.charset

    @property
    def pattern(self) -> str:
        return "".join(re.escape(atom) if isinstance(atom, str) else f"(?:{atom.pattern})" for atom in self.form.atoms)


def _tables(form: Form) -> list[Table]:
    return [atom for atom in form.atoms if isinstance(atom, Table)]


def _group(name: str, heads: str, seconds: str = "0123456789", rest: int = 1) -> Table:
    """Groups of 2 + `rest` digits that begin with one of `heads` and another digit of `seconds`."""
    starts = [head + second for head, second in product(heads, seconds) if head != second]
    tails = ["".join(tail) for tail in product("0123456789", repeat=rest)]
    return Table(f"{name} digits", [start + tail for start in starts for tail in tails])


@cache
def _layouts() -> dict[str, dict[str, tuple[str | Form, ...]]]:
    """Per language the layouts of its numbers; the empty language is any other."""
    area, line, extension = _group("area", "23456789"), _group("line", "0123456789", rest=2), _group("extension", "123456789")
    mobile = _group("mobile", "1", "3456789")
    codes = Table("country codes", [str(code) for code in CODES])
    return {
        "": {
            "hyphens": (area, "-", area, "-", line), "plain": (area, area, line),
            "country": ("+", codes, " ", area, " ", area, " ", line), "extension": (area, "-", area, "-", line, " ext. ", extension),
        },
        "zh": {
            "hyphens": (mobile, "-", line, "-", line), "plain": (mobile, line, line),
            "country": ("+86 ", mobile, " ", line, " ", line), "extension": (mobile, "-", line, "-", line, "转", extension),
        },
    }  # fmt: skip


@cache
def numbers(lang: str, layout: str) -> Block:
    """Telephone numbers in a layout: `hyphens`, `plain`, `country` (with its code) or `extension`; in Chinese mobile ones."""
    return Block(Joined(*_layouts().get(lang, _layouts()[""])[layout], apart=True))


# --- names ------------------------------------------------------------------------------------------------------------


class Naming:
    """How the names of a language are put together."""

    def __init__(self, lang: str) -> None:
        self.form = forms.names(lang)
        family = f"{lang} surnames"
        self.family = next(place for place, table in enumerate(_tables(self.form)) if table.name.startswith(family))
        self.gap = " " if " " in self.form.atoms else ""

    def parts(self, name: str) -> list[str]:
        """A name in the parts by which it is put in order, the family name first. All middle parts go with a given name."""
        if not self.gap:
            pieces = self.form.pieces(name)
            return [pieces[self.family], *pieces[: self.family], *pieces[self.family + 1 :]]
        if self.family:
            given, _, family = name.rpartition(self.gap)
        else:
            family, _, given = name.partition(self.gap)
        return [family, given]

    def whole(self, parts: Sequence[str]) -> str:
        """The name that has these parts, the family name first."""
        family, *given = parts
        return self.gap.join([*given[: self.family], family, *given[self.family :]])

    def near(self, name: str) -> tuple[list[str], list[str]]:
        """Names that are easily taken for this one: by a middle initial, and by a letter. Without spaces, by a character alone."""
        family, *given = self.parts(name)
        if not self.gap:
            words = [table.entries for place, table in enumerate(_tables(self.form)) if place != self.family]
            changed = [
                [*given[:place], word, *given[place + 1 :]]
                for place, entries in enumerate(words)
                for word in entries
                if word != given[place]
            ]
            return [], [self.whole([family, *other]) for other in changed]
        initials = [self.whole([family, f"{given[0]} {letter}."]) for letter in ascii_uppercase]
        letters = [self.whole([family, other]) for other in _misspelt(given[0])]
        return initials, letters + [self.whole([other, *given]) for other in _misspelt(family)]


@cache
def naming(lang: str) -> Naming:
    """How names are put together in a language. Raises LcgenError for one that has no names."""
    return Naming(lang)


def _misspelt(word: str) -> list[str]:
    """The word with one letter inside it doubled, left out, exchanged with the next one, or, a vowel, for another vowel."""
    found: list[str] = []
    for at in range(1, len(word) - 1):
        letter = word[at]
        found += [word[:at] + letter + word[at:], word[:at] + word[at + 1 :]]
        found.append(word[:at] + word[at + 1] + letter + word[at + 2 :])
        found += [word[:at] + vowel + word[at + 1 :] for vowel in VOWELS if letter in VOWELS]
    return sorted(set(found) - {word})


# --- books in order ---------------------------------------------------------------------------------------------------


class Order(Protocol):
    """Where entries belong in a book that is in order: each has a key, and keys rise."""

    by: Form
    """The form of what decides."""
    size: int
    """All keys lie below."""

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
    """In the order of family names as their list has them (alphabetical, or by pinyin), then of given names.

    A word of a table has an odd rank, one that is none of them the even rank between two.
    """

    def __init__(self, naming: Naming) -> None:
        self.naming = naming
        self.by: Form = naming.form
        tables = _tables(self.by)
        self._turn = [naming.family, *(place for place in range(len(tables)) if place != naming.family)]
        self._words = [self._ranked(tables[place], place == naming.family) for place in self._turn]
        self._bases = [2 * len(words) + 1 for words, _ in self._words]
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
        for (_, ranks), base, place in zip(self._words, self._bases, self._turn):
            found = found * base + ranks[pieces[place].astype(np.intp)]
        return found

    def key(self, name: str, number: str) -> int:
        found, known = 0, True
        for word, (words, _), base in zip(self.naming.parts(name), self._words, self._bases):
            if known and word in words:
                rank = 2 * words.index(word) + 1
            else:
                # Between two words of the table no name of the filler's stands: the parts behind tell nothing more.
                rank = 2 * bisect_left([other.casefold() for other in words], word.casefold()) if known else 0
                known = False
            found = found * base + rank
        return found

    def at(self, share: float) -> tuple[str, str]:
        place, chosen = int(share * (self.by.size - 1)), list[str]()
        for words, _ in reversed(self._words):
            place, rank = divmod(place, len(words))
            chosen.append(words[rank])
        return self.naming.whole(chosen[::-1]), ""


@cache
def order(kind: str, lang: str, layout: str) -> Order | None:
    """The order of this name; None for `random`."""
    if kind == "random":
        return None
    return BySurname(naming(lang)) if kind == "surname" else ByNumber(numbers(lang, layout))


class Book(Records):
    """Entries that nobody asks for."""

    def __init__(self, names: forms.Pool, numbers: forms.Pool, said: Sequence[tuple[str, str]], order: Order | None) -> None:
        """`said` is the wording of an entry in parts (see Wording.parts)."""
        self._order, self._kept = order, np.zeros(0, np.int64)
        slots = {"name": names, "number": numbers}
        super().__init__(*(slots.get(slot) or text for text, slot in said), sep="\n", start=RESERVED)

    def weights(self, ids: np.ndarray, scale: Scale, sep: str) -> Counts:
        """Raises LcgenError where there are not as many names as the book is to hold."""
        if len(ids) and int(ids.max()) >= self.limit:
            raise LcgenError(f"A phone book has at most {self.limit:,} different names. Ask for a shorter length (--lengths).")
        return super().weights(ids, scale, sep)

    def keys(self, ids: np.ndarray) -> np.ndarray:
        """Where the entries of these ids belong, int64. They are kept, as what is written is."""
        assert self._order is not None
        run, places = self._laid(ids)
        if run is not self._run:
            return self._order.keys(self._deciding(self.numbers(ids)))
        if len(self._kept) < len(run.borders) - 1:
            more = [drawn[len(self._kept) :] for drawn in self._deciding(self._numbers)]
            self._kept = np.concatenate([self._kept, self._order.keys(more)])
        found: np.ndarray = self._kept[places]
        return found

    def _deciding(self, drawn: Sequence[np.ndarray]) -> Sequence[np.ndarray]:
        """Of the numbers of all columns those of the form that decides the order."""
        assert self._order is not None
        sizes = [sum(not isinstance(atom, str) for atom in pool.form.atoms) for pool in self.pools]
        place = [pool.form for pool in self.pools].index(self._order.by)
        return drawn[sum(sizes[:place]) : sum(sizes[: place + 1])]

    def sorter(self, planted: Sequence[tuple[str, str]], lang: str) -> Callable[[np.ndarray], np.ndarray] | None:
        """Keys of units, as `Draft.sort` asks for them: of these entries, and of plants with these names and numbers."""
        order = self._order
        if order is None:
            return None
        # What stands between the same two words of a table is put in order by its letters.
        parts = naming(lang).parts
        ranked = sorted(range(len(planted)), key=lambda place: [part.casefold() for part in parts(planted[place][0])])
        own = np.empty(len(planted), np.int64)
        own[ranked] = [order.key(*planted[place]) * MOST_PLANTS + rank for rank, place in enumerate(ranked)]

        def sort(units: np.ndarray) -> np.ndarray:
            found = np.empty(len(units), np.int64)
            filler = units >= 0
            found[filler], found[~filler] = self.keys(units[filler]) * MOST_PLANTS, own[-1 - units[~filler]]
            return found

        return sort


# --- who is planted ---------------------------------------------------------------------------------------------------


class Roster:
    """Hands out names and numbers that nobody else in the book has."""

    def __init__(self, names: forms.Pool, numbers: forms.Pool, lang: str, order: Order | None, rng: Stream) -> None:
        self._names, self._numbers, self._order, self._rng = names, numbers, order, rng
        self._naming = naming(lang)
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
        name, number = self._order.at(share) if self._order else ("", "")
        self._take(name or number)
        return name or self.name(), number or self.number()

    def depth(self, name: str, number: str) -> float:
        """Where an entry comes to stand: anywhere, or about where it belongs."""
        return self._order.key(name, number) / self._order.size if self._order else self._rng.unit()

    def sharing(self, name: str, family: bool) -> str:
        """A name that shares the family name, or else the given name."""
        own, text = self._naming.parts(name), name
        while text in self._held:
            other = self._naming.parts(self.name())
            text = self._naming.whole([own[0], *other[1:]] if family else [other[0], *own[1:]])
        return self._take(text)

    def near_name(self, name: str) -> str:
        """A name that differs in one letter or character, or by a middle initial. Raises ValueError where all are taken."""
        kinds = self._rng.shuffle(self._naming.near(name))
        for near in (near for kind in kinds for near in self._rng.shuffle(kind)):
            if near not in self._held:
                return self._take(near)
        raise ValueError(f"there are not so many names that look like {name}")

    def near_number(self, number: str) -> str:
        """A number that differs in one group of digits. Raises ValueError where all are taken."""
        block = self._numbers.form
        assert isinstance(block, Block)
        pieces = block.form.pieces(number)
        # Country codes are few, and a digit more or less in them is no look-alike.
        place = self._rng.choice([place for place, table in enumerate(block.tables) if table.size > 64])
        groups = block.tables[place].entries
        first = self._rng.below(len(groups))
        for group in (*groups[first:], *groups[:first]):
            rest = iter([*pieces[:place], group, *pieces[place + 1 :]])
            near = "".join(atom if isinstance(atom, str) else next(rest) for atom in block.form.atoms)
            if near not in self._held:
                return self._take(near)
        raise ValueError(f"there are not so many numbers that look like {number}")

    def _fresh(self, pool: forms.Pool) -> str:
        text = pool.text(self._next[id(pool)])
        while text in self._held:
            self._next[id(pool)] += 1
            text = pool.text(self._next[id(pool)])
        self._held.add(text)
        return text

    def _take(self, text: str) -> str:
        self._held.add(text)
        if text and any(pool.form.number(text) is not None for pool in (self._names, self._numbers)):
            self.made.add(text)
        return text
