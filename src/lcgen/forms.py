"""Forms of keys, values and elements: digits, words, codes, UUIDs, names. Pools put their texts in an order of a stream's own.

Distinct numbers give distinct texts, so a pool needs no memory of what it gave.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from functools import cache

import numpy as np

from lcgen import languages
from lcgen.atoms import BASE32, HEX, Digits, Form, Joined, Letters, Table, places
from lcgen.errors import LcgenError, unknown
from lcgen.mixing import Number, mix
from lcgen.names import apart, given, surnames
from lcgen.streams import Stream
from lcgen.uuids import Uuids

FEW = 16
"""Below so many numbers plain integers are faster than arrays."""
MANY = 256
"""Texts that are drawn at once where a few were not enough."""
DOMAINS = ("example.com", "example.net", "example.org")
"""Domains that are kept for examples (RFC 2606): nobody's mail."""


class Words(Joined):
    """Two words of a language: `amber-lantern`."""

    def __init__(self, lang: str) -> None:
        lead, self.join, tail = languages.load(lang).keys
        # A noun that begins another one, or a modifier that ends another one, would make one text part of another.
        self.first = Table(f"{lang} {lead}", apart(languages.words(lang, lead), ends=True))
        self.second = Table(f"{lang} {tail}", apart(languages.words(lang, tail)))
        super().__init__(self.first, self.join, self.second, apart=True)


@cache
def numbers(mask: str) -> Joined:
    """Numbers in groups: each `#` of the mask is a digit, the first of them never zero (`(###) ###-####`)."""
    if "#" not in mask:
        raise ValueError(f"the mask {mask!r} has no digit (#)")
    groups = [group for group in re.split("(#+)", mask) if group]
    first = next(place for place, group in enumerate(groups) if group[0] == "#")
    return Joined(
        *(Digits(len(group), place != first) if group[0] == "#" else group for place, group in enumerate(groups)), apart=True
    )


@cache
def names(lang: str, initials: bool = False) -> Joined:
    """Full names of a language, with a middle initial for more of them where names have spaces.

    Raises LcgenError for a language that has no names.
    """
    if not (order := languages.load(lang).names):
        raise LcgenError(f"The language {lang!r} has no names of people.")
    tables = {"given": Table(f"{lang} given", given(lang)), "surnames": Table(f"{lang} surnames", surnames(lang))}
    parts = [tables.get(part, part) for part in order]
    if initials and " " in parts:
        at = parts.index(" ")
        parts[at:at] = [" ", Table("initials", [f"{letter}." for letter in BASE32[:26]])]
    return Joined(*parts, apart=True)


def emails() -> Joined:
    """Addresses of people at domains that are kept for examples."""
    first, last = ([name.lower() for name in table] for table in (given("en"), surnames("en")))
    return Joined(Table("given", first), ".", Table("surnames", last), "@", Table("domains", DOMAINS), apart=True)


KINDS: dict[str, Callable[[str, int, bool], Form]] = {
    "digits": lambda lang, width, zeros: Digits(width, zeros),
    "words": lambda lang, width, zeros: Words(lang),
    "uuids": lambda lang, width, zeros: Uuids(),
    "hex": lambda lang, width, zeros: Letters(HEX, width),
    "codes": lambda lang, width, zeros: Letters(BASE32, width),
    "names": lambda lang, width, zeros: names(lang),
    "emails": lambda lang, width, zeros: emails(),
}
"""Kinds of keys, values and elements, by the name that a parameter gives them."""


@cache
def form(kind: str, lang: str, width: int = 7, zeros: bool = False) -> Form:
    """The form of this name; `width` is that of digits and codes. Raises LcgenError for an unknown one."""
    if kind not in KINDS:
        raise unknown("kind of keys and values", kind, KINDS)
    return KINDS[kind](lang, width, zeros)


class Pool:
    """Texts of a form in an order of a stream's own, addressed by id from `first` on: distinct ids give distinct texts."""

    def __init__(self, form: Form, stream: Stream, first: int = 0) -> None:
        if form.size > 1 << 62:
            raise ValueError(f"{form.name} has more texts than a pool can number")
        self.form, self.first = form, first
        self._salts = [stream.below(1 << 64) for _ in range(4)]
        self._half = max(1, ((form.size - 1).bit_length() + 1) // 2)
        self._rounds: list[np.ndarray] = []
        """What each round mixes into every half, once there are more numbers than halves: to look up is faster."""

    def numbers(self, ids: np.ndarray) -> np.ndarray:
        """What the form writes for these ids (uint64); `first` + id must lie below the form's size."""
        if len(ids) <= FEW:
            return np.array([self._walk(int(number) + self.first) for number in ids], np.uint64)
        if not self._rounds and len(ids) >= 1 << self._half:
            halves = np.arange(1 << self._half, dtype=np.uint64)
            self._rounds = [mix(halves, salt) & ((1 << self._half) - 1) for salt in self._salts]
        found = self._shuffled(np.asarray(ids + self.first, np.uint64))
        # A walk begins inside the form and goes round a circle, so it comes back inside.
        outside = np.flatnonzero(found >= self.form.size)
        while outside.size > FEW:
            walked = self._shuffled(found[outside])
            found[outside] = walked
            outside = outside[walked >= self.form.size]
        for place in outside.tolist():
            found[place] = self._walk(int(found[place]))
        return found

    def texts(self, ids: np.ndarray) -> list[str]:
        """The texts of these ids."""
        return list(map(self.text, ids.tolist())) if len(ids) <= FEW else self.form.texts(self.numbers(ids))

    def text(self, number: int) -> str:
        """The text of one id. Raises IndexError where the form has no more."""
        if number + self.first >= self.form.size:
            raise IndexError(f"{self.form.name} has no text of number {number}")
        return self.form.text(self._walk(number + self.first))

    def each(self) -> Iterator[str]:
        """All texts from the first on, as they are asked for: few of them one by one, many in columns."""
        size = self.form.size - self.first
        yield from map(self.text, range(min(FEW, size)))
        for low in range(FEW, size, MANY):
            yield from self.form.texts(self.numbers(np.arange(low, min(low + MANY, size))))

    def find(self, text: str) -> int | None:
        """The id of a text, below zero where it stands before `first`; None where the form has no such text."""
        number = self.form.number(text)
        if number is None:
            return None
        while True:
            left, right = number >> self._half, number & (1 << self._half) - 1
            for salt in reversed(self._salts):
                left, right = right ^ (mix(left, salt) & (1 << self._half) - 1), left
            number = left << self._half | right
            if number < self.form.size:
                return number - self.first

    def _walk(self, number: int) -> int:
        # What falls outside the form walks on until it falls inside, which keeps distinct numbers distinct.
        number = self._shuffled(number)
        while number >= self.form.size:
            number = self._shuffled(number)
        return number

    def _shuffled(self, numbers: Number) -> Number:
        """A Feistel network over the least even number of bits that holds the form."""
        mask = (1 << self._half) - 1
        left, right = numbers >> self._half, numbers & mask
        if self._rounds and isinstance(numbers, np.ndarray):
            for mixed in self._rounds:
                left, right = right, left ^ mixed.take(places(right))
        else:
            for salt in self._salts:
                left, right = right, left ^ (mix(right, salt) & mask)
        return left << self._half | right


class Fresh:
    """Keys and values that are not taken yet, for what stands beside the puzzle's own."""

    def __init__(
        self, keys: Pool, values: Pool, next_key: int, next_value: int, held_keys: list[str], held_values: list[str]
    ) -> None:
        self._keys, self._values = keys, values
        self._next_key, self._next_value = next_key, next_value
        self._held = {*held_keys, *held_values}
        self._alike: dict[str, int] = {}

    def key(self) -> str:
        """A key that nothing else has."""
        text, self._next_key = self._next(self._keys, self._next_key)
        return text

    def value(self) -> str:
        """A value that nothing else has."""
        text, self._next_value = self._next(self._values, self._next_value)
        return text

    def near_key(self, key: str, rng: Stream) -> str:
        """A key that differs from this one in one piece, and from all others."""
        return self._near(self._keys.form, key, rng)

    def near_value(self, value: str, rng: Stream) -> str:
        """A value that differs from this one in one piece, and from all others."""
        return self._near(self._values.form, value, rng)

    def _next(self, pool: Pool, number: int) -> tuple[str, int]:
        while (text := pool.text(number)) in self._held:
            number += 1
        self._held.add(text)
        return text, number + 1

    def _near(self, form: Form, text: str, rng: Stream) -> str:
        for _ in range(1000):
            near = form.near(text, rng)
            if near not in self._held:
                self._held.add(near)
                self._alike[text] = self._alike.get(text, 0) + 1
                return near
        # The last ones are found by luck.
        most = self._alike.get(text, 0) * 9 // 10
        share = "" if form.whole is form else ", or for a larger share of all keys and values (--pool-share, epochs_apart)"
        raise ValueError(
            f"there are not enough look-alikes of {text}: ask for {f'at most {most} of it' if most else 'none'}, or for longer texts{share}"
        )
