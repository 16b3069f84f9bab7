"""A directory: entries that nobody asks for, at random or in order, and those that are planted among them."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Sequence
from functools import cache
from typing import Protocol

import numpy as np

from lcgen import forms
from lcgen.atoms import Form, Table
from lcgen.contract import MOST_PLANTS
from lcgen.naming import Naming, naming
from lcgen.records import RESERVED, Records
from lcgen.shares import TRIES, Selection
from lcgen.streams import Stream
from lcgen.telephones import Block, numbers


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
        tables = naming.tables
        self._turn = [naming.family, *(place for place in range(len(tables)) if place != naming.family)]
        self._words = [self._ranked(tables[place], place == naming.family) for place in self._turn]
        self._places = [{word: place for place, word in enumerate(words)} for words, _ in self._words]
        self._folded = [[word.casefold() for word in words] for words, _ in self._words]
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
        for word, places, folded, base in zip(self.naming.parts(name), self._places, self._folded, self._bases):
            if known and word in places:
                rank = 2 * places[word] + 1
            else:
                # Between two words of the table no name of the filler's stands: the parts behind tell nothing more.
                rank = 2 * bisect_left(folded, word.casefold()) if known else 0
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

    def keys(self, ids: np.ndarray) -> np.ndarray:
        """Where the entries of these ids belong, int64. They are kept, as what is written is."""
        assert self._order is not None
        numbers, places = self._drawn(ids)
        if numbers is not self._numbers:
            return self._order.keys(self._deciding(numbers))
        if len(self._kept) < len(numbers[0]):
            more = [drawn[len(self._kept) :] for drawn in self._deciding(numbers)]
            self._kept = np.concatenate([self._kept, self._order.keys(more)])
        found: np.ndarray = self._kept[places]
        return found

    def _deciding(self, drawn: Sequence[np.ndarray]) -> Sequence[np.ndarray]:
        """Of the numbers of all columns those of the form that decides the order."""
        assert self._order is not None
        sizes = [sum(not isinstance(atom, str) for atom in pool.form.atoms) for pool in self.pools]
        place = [pool.form.whole for pool in self.pools].index(self._order.by)
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


class Roster:
    """Hands out names and numbers that nobody else in the book has."""

    def __init__(self, names: forms.Pool, numbers: forms.Pool, lang: str, order: Order | None, rng: Stream) -> None:
        self._names, self._numbers, self._order, self._rng = names, numbers, order, rng
        self._naming = naming(lang)
        self._ahead = {id(pool): pool.each() for pool in (names, numbers)}
        self._held: set[str] = set()
        self._near: dict[str, tuple[list[str], list[str]]] = {}
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
        name, number = self._belonging(share) if self._order else ("", "")
        self._take(name or number)
        return name or self.name(), number or self.number()

    def _belonging(self, share: float) -> tuple[str, str]:
        """The first name or number from there on that the pools hold and nobody has; towards the middle."""
        assert self._order is not None
        towards = -1 if share > 0.5 else 1
        for step in range(TRIES):
            name, number = self._order.at(share + towards * step / self._order.by.size)
            pool = self._names if name else self._numbers
            if pool.form.number(name or number) is not None and (name or number) not in self._held:
                return name, number
        raise ValueError(f"there are not so many entries about depth {share:.2f} of a book in order")

    def depth(self, name: str, number: str) -> float:
        """Where an entry comes to stand: anywhere, or about where it belongs."""
        return self._order.key(name, number) / self._order.size if self._order else self._rng.unit()

    def sharing(self, name: str, family: bool) -> str:
        """A name that shares the family name, or else the given name."""
        own, text = self._naming.parts(name), name
        while text in self._held or not _belongs(self._names, text):
            other = self._naming.parts(self._anybody())
            text = self._naming.whole([own[0], *other[1:]] if family else [other[0], *own[1:]])
        return self._take(text)

    def _anybody(self) -> str:
        """A name of which parts are taken. Of a share many are tried, and none is used up."""
        form = self._names.form
        return form.texts(np.array([self._rng.below(form.size)], np.uint64))[0] if isinstance(form, Selection) else self.name()

    def near_name(self, name: str) -> str:
        """A name that differs in one letter or character, or by a middle initial. Raises ValueError where all are taken."""
        if name not in self._near:
            self._near[name] = self._naming.near(name)
        kinds = self._rng.shuffle(self._near[name])
        for near in (near for kind in kinds for near in self._rng.shuffle(kind)):
            if near not in self._held and _belongs(self._names, near):
                return self._take(near)
        raise ValueError(f"there are not so many names that look like {name}")

    def near_number(self, number: str) -> str:
        """A number that differs in one group of digits. Raises ValueError where all are taken."""
        block = self._numbers.form.whole
        assert isinstance(block, Block)
        pieces = block.form.pieces(number)
        # Country codes are few, and a digit more or less in them is no look-alike.
        place = self._rng.choice([place for place, table in enumerate(block.tables) if table.size > 64])
        groups = block.tables[place].entries
        first = self._rng.below(len(groups))
        for group in (*groups[first:], *groups[:first]):
            rest = iter([*pieces[:place], group, *pieces[place + 1 :]])
            near = "".join(atom if isinstance(atom, str) else next(rest) for atom in block.form.atoms)
            if near not in self._held and _belongs(self._numbers, near):
                return self._take(near)
        raise ValueError(f"there are not so many numbers that look like {number}")

    def _fresh(self, pool: forms.Pool) -> str:
        text = next((text for text in self._ahead[id(pool)] if text not in self._held), None)
        if text is None:
            raise ValueError(
                f"there are no more than {pool.form.size:,} different {'names' if pool is self._names else 'numbers'}"
            )
        self._held.add(text)
        return text

    def _take(self, text: str) -> str:
        self._held.add(text)
        if text and any(pool.form.number(text) is not None for pool in (self._names, self._numbers)):
            self.made.add(text)
        return text


def _belongs(pool: forms.Pool, text: str) -> bool:
    """Whether a look-alike belongs to no other share than the pool's."""
    return not isinstance(pool.form, Selection) or pool.form.holds(text)
