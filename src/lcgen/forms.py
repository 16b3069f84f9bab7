"""Forms of keys and values: digits, words, codes, UUIDs, names. Distinct numbers give distinct texts, so pools need no memory.

A form is a sequence of constants and atoms. An atom is what is written at once for a whole array of numbers: a word of a
table, or a block of characters of one width.
"""

from __future__ import annotations

import hashlib
import re
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from functools import cache, cached_property
from itertools import product
from math import prod
from typing import TypeVar

import numpy as np

from lcgen.errors import unknown
from lcgen.haystack import words
from lcgen.names import apart, given, surnames
from lcgen.streams import Stream

BLOCK = 64
"""Texts that a pool makes at once: one by one they would cost ten times as much."""
WORD_LISTS = {"en": ("adjectives", "nouns", "-"), "zh": ("modifiers", "nouns", "")}
"""Per language the lists of a two-word form and what joins the words."""
DECIMAL, HEX, BASE32 = "0123456789", "0123456789abcdef", "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"
DOMAINS = ("example.com", "example.net", "example.org")
"""Domains that are kept for examples (RFC 2606): nobody's mail."""


Number = TypeVar("Number", int, np.ndarray)
WORD = (1 << 64) - 1
HIGH, LOW = 0x9E3779B97F4A7C15, 0xD1B54A32D192ED03
"""What the two halves of a UUID are mixed with."""
FEW = 16
"""Below so many numbers plain integers are faster than arrays."""


def mix(numbers: Number, salt: int) -> Number:
    """A bijection of 64-bit words that looks random (the finaliser of SplitMix64, Steele et al. 2014)."""
    z = (numbers + salt) & WORD
    z = ((z ^ z >> 30) * 0xBF58476D1CE4E5B9) & WORD
    z = ((z ^ z >> 27) * 0x94D049BB133111EB) & WORD
    return z ^ z >> 31


def unmix(number: int, salt: int) -> int:
    """The number that `mix` turned into this one."""
    z = number
    for shift, factor in ((31, 0x94D049BB133111EB), (27, 0xBF58476D1CE4E5B9), (30, 1)):
        # Three times shifted, nothing is left of 64 bits.
        z ^= z >> shift ^ z >> 2 * shift
        z = z * pow(factor, -1, 1 << 64) & WORD
    return z - salt & WORD


class Form(ABC):
    """A way to write a number below `size`: distinct numbers give distinct texts."""

    name: str
    """Equal for forms that write equal texts."""
    size: int

    @property
    @abstractmethod
    def apart(self) -> bool:
        """Whether it is known that no text is part of another, whatever their case."""

    @property
    @abstractmethod
    def atoms(self) -> tuple[str | Atom, ...]:
        """Constants and atoms, in the order of the text."""

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Form) and other.name == self.name

    def __hash__(self) -> int:
        return hash(self.name)

    @abstractmethod
    def split(self, numbers: np.ndarray) -> list[np.ndarray]:
        """For each atom the numbers that it writes (uint64), for texts of these numbers (uint64)."""

    @abstractmethod
    def number(self, text: str) -> int | None:
        """The number that is written so; None where none is."""

    @abstractmethod
    def near(self, text: str, rng: Stream) -> str:
        """A text of this form that differs from `text` in one piece."""

    def texts(self, numbers: np.ndarray) -> list[str]:
        """One text for each number (uint64)."""
        parts = iter(self.split(numbers))
        columns = [
            [atom] * len(numbers) if isinstance(atom, str) else [piece.decode() for piece in atom.blocks(next(parts)).tolist()]
            for atom in self.atoms
        ]
        return columns[0] if len(columns) == 1 else list(map("".join, zip(*columns)))

    @property
    def charset(self) -> frozenset[str]:
        """Every character that a text may hold."""
        return frozenset().union(*(set(atom) if isinstance(atom, str) else atom.charset for atom in self.atoms))


class Atom(Form):
    """A form of one piece, written for many numbers at once."""

    width: int
    """Bytes of the longest text."""

    @property
    def atoms(self) -> tuple[str | Atom, ...]:
        return (self,)

    def split(self, numbers: np.ndarray) -> list[np.ndarray]:
        return [numbers]

    @abstractmethod
    def blocks(self, numbers: np.ndarray) -> np.ndarray:
        """The texts in UTF-8, filled up with zero bytes to `width` (dtype S)."""

    @property
    @abstractmethod
    def pattern(self) -> str:
        """A regular expression of its texts, without groups."""


class Table(Atom):
    """The words of a list, by their place in it."""

    def __init__(self, name: str, entries: Sequence[str]) -> None:
        self.entries = tuple(entries)
        self.name = f"{name} {hashlib.sha256(' '.join(self.entries).encode()).hexdigest()[:12]}"
        self.size = len(self.entries)
        self.packed = np.array([entry.encode() for entry in self.entries])
        self.width = self.packed.itemsize

    def blocks(self, numbers: np.ndarray) -> np.ndarray:
        return np.take(self.packed, numbers.astype(np.intp))

    def number(self, text: str) -> int | None:
        return self._places.get(text)

    def near(self, text: str, rng: Stream) -> str:
        return rng.choice([entry for entry in self.entries if entry != text])

    @cached_property
    def apart(self) -> bool:
        whole = "\n".join(self.entries).casefold()
        return all(whole.count(entry.casefold()) == 1 for entry in self.entries)

    @cached_property
    def _places(self) -> dict[str, int]:
        return {entry: place for place, entry in enumerate(self.entries)}

    @property
    def charset(self) -> frozenset[str]:
        return frozenset("".join(self.entries))

    @cached_property
    def pattern(self) -> str:
        return "|".join(map(re.escape, sorted(self.entries, key=lambda entry: (len(entry), entry))))


class Letters(Atom):
    """Numbers of one width in the digits of an alphabet of ASCII characters."""

    def __init__(self, alphabet: str, width: int) -> None:
        self.alphabet, self.width, self.low = alphabet, width, 0
        self.name, self.size = f"{alphabet}^{width}", len(alphabet) ** width
        self._lone = len({letter.casefold() for letter in alphabet}) == len(alphabet)
        # Four or two characters are looked up at once, the odd ones in front.
        step = 4 if len(alphabet) ** 4 <= 1 << 14 else 2
        self._steps = [width % step] * (width % step > 0) + [step] * (width // step)
        self._fields = np.dtype([(f"{place}", f"S{size}") for place, size in enumerate(self._steps)])

    def blocks(self, numbers: np.ndarray) -> np.ndarray:
        rest, found = numbers + np.uint64(self.low), np.empty(len(numbers), self._fields)
        for place in reversed(range(len(self._steps))):
            table = _chunks(self.alphabet, self._steps[place])
            upper = rest // np.uint64(len(table))
            found[f"{place}"] = np.take(table, (rest - upper * np.uint64(len(table))).astype(np.intp))
            rest = upper
        return found.view(f"S{self.width}")

    def number(self, text: str) -> int | None:
        if len(text) != self.width or not set(text) <= self.charset:
            return None
        found = -self.low
        for place, letter in enumerate(reversed(text)):
            found += self.alphabet.index(letter) * len(self.alphabet) ** place
        return found if found >= 0 else None

    @property
    def apart(self) -> bool:
        return self._lone

    def near(self, text: str, rng: Stream) -> str:
        place = rng.below(self.width)
        return text[:place] + rng.choice([c for c in self.alphabet if c != text[place]]) + text[place + 1 :]

    @property
    def charset(self) -> frozenset[str]:
        return frozenset(self.alphabet)

    @property
    def pattern(self) -> str:
        return f"[{self.alphabet}]{{{self.width}}}"


@cache
def _chunks(alphabet: str, width: int) -> np.ndarray:
    """Every text of `width` characters of the alphabet, in the order of its numbers."""
    return np.array(["".join(letters).encode() for letters in product(alphabet, repeat=width)])


class Digits(Letters):
    """Decimal numbers of one width, with zeros in front if `zeros`."""

    def __init__(self, width: int, zeros: bool) -> None:
        super().__init__(DECIMAL, width)
        self.low = 0 if zeros else 10 ** (width - 1)
        self.name, self.size = f"digits:{width}:{self.low}", 10**width - self.low

    def near(self, text: str, rng: Stream) -> str:
        # The first digit stays: it must not become zero.
        if self.width == 1:
            return str((int(text) - self.low + 1 + rng.below(self.size - 1)) % self.size + self.low)
        place = 1 + rng.below(self.width - 1)
        digit = (int(text[place]) + 1 + rng.below(9)) % 10
        return f"{text[:place]}{digit}{text[place + 1 :]}"


class Uuids(Atom):
    """Version 4 UUIDs."""

    name, size, width, apart = "uuids", 1 << 62, 36, True

    def blocks(self, numbers: np.ndarray) -> np.ndarray:
        high, low = mix(numbers, HIGH), mix(numbers, LOW)
        high = high & np.uint64(0xFFFFFFFFFFFF0FFF) | np.uint64(0x4000)
        low = low & np.uint64(0x3FFFFFFFFFFFFFFF) | np.uint64(0x8000000000000000)
        octets = np.stack([high, low], 1).astype(">u8").view(np.uint8)
        # Two characters are taken as one number: four times as fast as taking texts.
        digits = np.take(_chunks(HEX, 2).view(np.uint16), octets).view(np.uint8)
        found = np.full((len(numbers), self.width), ord("-"), np.uint8)
        for place, (begin, end) in enumerate(((0, 8), (8, 12), (12, 16), (16, 20), (20, 32))):
            found[:, begin + place : end + place] = digits[:, begin:end]
        return found.view(f"S{self.width}").ravel()

    def number(self, text: str) -> int | None:
        if not re.fullmatch(self.pattern, text):
            return None
        low = int(text.replace("-", "")[16:], 16) & 0x3FFFFFFFFFFFFFFF
        # The two bits that say "UUID" took the place of two others.
        for lost in range(4):
            number = unmix(low | lost << 62, LOW)
            if number < self.size and self.texts(np.array([number], np.uint64)) == [text]:
                return number
        return None

    def near(self, text: str, rng: Stream) -> str:
        place = rng.choice([p for p in range(len(text)) if text[p] != "-" and p not in (14, 19)])
        return text[:place] + rng.choice([c for c in HEX if c != text[place]]) + text[place + 1 :]

    @property
    def charset(self) -> frozenset[str]:
        return frozenset(HEX + "-")

    @property
    def pattern(self) -> str:
        return "[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}"


class Joined(Form):
    """Constants and forms in a row: every choice of their texts, the last one varying fastest."""

    def __init__(self, *parts: str | Form, apart: bool = False) -> None:
        """`apart` is the promise that no text is part of another, which the tests hold it to."""
        self.parts = [part for part in parts if not isinstance(part, str)]
        self._atoms = tuple(atom for part in parts for atom in ([part] if isinstance(part, str) else part.atoms) if atom)
        self.name = " ".join(repr(atom) if isinstance(atom, str) else atom.name for atom in self._atoms)
        self._columns = [atom for atom in self._atoms if not isinstance(atom, str)]
        self.size, self._apart = prod(part.size for part in self.parts), apart

    @property
    def atoms(self) -> tuple[str | Atom, ...]:
        return self._atoms

    @property
    def apart(self) -> bool:
        return self._apart

    def split(self, numbers: np.ndarray) -> list[np.ndarray]:
        found: list[np.ndarray] = []
        for part in reversed(self.parts):
            upper = numbers // np.uint64(part.size)
            found = part.split(numbers - upper * np.uint64(part.size)) + found
            numbers = upper
        return found

    def pieces(self, text: str) -> list[str]:
        """What each atom wrote of a text; empty where it is not of this form."""
        match = self._pattern.fullmatch(text)
        return list(match.groups()) if match else []

    def number(self, text: str) -> int | None:
        pieces, found = self.pieces(text), 0
        for atom, piece in zip(self._columns, pieces):
            place = atom.number(piece)
            if place is None:
                return None
            found = found * atom.size + place
        return found if pieces else None

    def near(self, text: str, rng: Stream) -> str:
        pieces = self.pieces(text)
        if not pieces:
            raise ValueError(f"{text!r} is not of the form {self.name}")
        place = rng.below(len(pieces)) if len(pieces) > 1 else 0
        pieces[place] = self._columns[place].near(pieces[place], rng)
        rest = iter(pieces)
        return "".join(atom if isinstance(atom, str) else next(rest) for atom in self._atoms)

    @cached_property
    def _pattern(self) -> re.Pattern[str]:
        return re.compile("".join(re.escape(atom) if isinstance(atom, str) else f"({atom.pattern})" for atom in self.atoms))


class Words(Joined):
    """Two words of a language: `amber-lantern`."""

    def __init__(self, lang: str) -> None:
        if lang not in WORD_LISTS:
            raise unknown("language for keys of words", lang, WORD_LISTS)
        lead, tail, self.join = WORD_LISTS[lang]
        # A noun that begins another one, or a modifier that ends another one, would make one text part of another.
        self.first = Table(f"{lang} {lead}", apart(words(lang, lead), ends=True))
        self.second = Table(f"{lang} {tail}", apart(words(lang, tail)))
        super().__init__(self.first, self.join, self.second, apart=True)


@cache
def numbers(mask: str) -> Joined:
    """Numbers in groups: each `#` of the mask is a digit, the first of them never zero (`(###) ###-####`)."""
    groups = [group for group in re.split("(#+)", mask) if group]
    first = next(place for place, group in enumerate(groups) if group[0] == "#")
    return Joined(
        *(Digits(len(group), place != first) if group[0] == "#" else group for place, group in enumerate(groups)), apart=True
    )


@cache
def names(lang: str, initials: bool = False) -> Joined:
    """Full names of a language, with a middle initial for more of them. Raises LcgenError where it has no names."""
    last = Table(f"{lang} surnames", surnames(lang))
    first = Table(f"{lang} given", given(lang))
    if lang == "zh":
        return Joined(last, first, first, apart=True)
    if initials:
        return Joined(first, " ", Table("initials", [f"{letter}." for letter in BASE32[:26]]), " ", last, apart=True)
    return Joined(first, " ", last, apart=True)


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
        self.form, self.first = form, first
        self._salts = [int(word) for word in stream.raw(4)]
        self._half = max(1, ((form.size - 1).bit_length() + 1) // 2)
        self._blocks: dict[int, list[str]] = {}
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
        while (outside := np.flatnonzero(found >= self.form.size)).size:
            found[outside] = self._shuffled(found[outside])
        return found

    def texts(self, ids: np.ndarray) -> list[str]:
        """The texts of these ids."""
        return self.form.texts(self.numbers(ids))

    def text(self, number: int) -> str:
        """The text of one id."""
        block, place = divmod(number, BLOCK)
        if block not in self._blocks:
            self._blocks[block] = self.texts(np.arange(block * BLOCK, min((block + 1) * BLOCK, self.form.size - self.first)))
        return self._blocks[block][place]

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
                left, right = right, left ^ np.take(mixed, right.astype(np.intp))
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
                return near
        raise ValueError(f"there are not enough look-alikes of {text}")
