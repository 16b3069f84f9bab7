"""Forms of keys and values: digits, words, UUIDs. Distinct numbers give distinct texts, so pools need no memory."""

from __future__ import annotations

from abc import ABC, abstractmethod
from functools import cache
from typing import TypeVar

import numpy as np

from lcgen import languages
from lcgen.errors import unknown
from lcgen.streams import Stream

BLOCK = 64
"""Texts that a pool makes at once: one by one they would cost ten times as much."""


Number = TypeVar("Number", int, np.ndarray)
WORD = (1 << 64) - 1
FEW = 16
"""Below so many numbers plain integers are faster than arrays."""


def mix(numbers: Number, salt: int) -> Number:
    """A bijection of 64-bit words that looks random (the finaliser of SplitMix64, Steele et al. 2014)."""
    z = (numbers + salt) & WORD
    z = ((z ^ z >> 30) * 0xBF58476D1CE4E5B9) & WORD
    z = ((z ^ z >> 27) * 0x94D049BB133111EB) & WORD
    return z ^ z >> 31


class Form(ABC):
    """A way to write a number below `size`. No text of one form is a prefix or suffix of another."""

    size: int

    @abstractmethod
    def texts(self, numbers: np.ndarray) -> list[str]:
        """One text for each number (uint64)."""

    @abstractmethod
    def near(self, text: str, rng: Stream) -> str:
        """A text of this form that differs from `text` in one piece."""


class Digits(Form):
    """Decimal numbers of one width, with zeros in front if `zeros`."""

    def __init__(self, width: int, zeros: bool) -> None:
        self.width, self.low = width, 0 if zeros else 10 ** (width - 1)
        self.size = 10**width - self.low

    def texts(self, numbers: np.ndarray) -> list[str]:
        return [f"{number:0{self.width}d}" for number in (numbers + np.uint64(self.low)).tolist()]

    def near(self, text: str, rng: Stream) -> str:
        # The first digit stays: it must not become zero.
        if self.width == 1:
            return str((int(text) - self.low + 1 + rng.below(self.size - 1)) % self.size + self.low)
        place = 1 + rng.below(self.width - 1)
        digit = (int(text[place]) + 1 + rng.below(9)) % 10
        return f"{text[:place]}{digit}{text[place + 1 :]}"


class Words(Form):
    """Two words of a language: `amber-lantern`."""

    def __init__(self, lang: str) -> None:
        first, self.join, second = languages.load(lang).keys
        # A noun that begins another one, or a modifier that ends another one, would make one text part of another.
        self.second = _apart(languages.words(lang, second))
        self.first = [word[::-1] for word in _apart([word[::-1] for word in languages.words(lang, first)])]
        self.size = len(self.first) * len(self.second)

    def texts(self, numbers: np.ndarray) -> list[str]:
        lead, tail = np.divmod(numbers.astype(np.int64), len(self.second))
        return [f"{self.first[a]}{self.join}{self.second[b]}" for a, b in zip(lead.tolist(), tail.tolist())]

    def near(self, text: str, rng: Stream) -> str:
        if self.join:
            lead, _, tail = text.partition(self.join)
        else:
            lead, tail = next(
                (text[:cut], text[cut:]) for cut in range(1, len(text)) if text[cut:] in self.second and text[:cut] in self.first
            )
        if rng.below(2):
            return lead + self.join + rng.choice([word for word in self.second if word != tail])
        return rng.choice([word for word in self.first if word != lead]) + self.join + tail


def _apart(words: list[str]) -> list[str]:
    """The words, less those that begin another one."""
    ranked = sorted(set(words))
    return [word for word, after in zip(ranked, [*ranked[1:], ""]) if not after.startswith(word)]


class Uuids(Form):
    """Version 4 UUIDs."""

    size = 1 << 62

    def texts(self, numbers: np.ndarray) -> list[str]:
        high, low = mix(numbers, 0x9E3779B97F4A7C15), mix(numbers, 0xD1B54A32D192ED03)
        high = high & np.uint64(0xFFFFFFFFFFFF0FFF) | np.uint64(0x4000)
        low = low & np.uint64(0x3FFFFFFFFFFFFFFF) | np.uint64(0x8000000000000000)
        found = []
        for a, b in zip(high.tolist(), low.tolist()):
            text = f"{a:016x}{b:016x}"
            found.append(f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}")
        return found

    def near(self, text: str, rng: Stream) -> str:
        place = rng.choice([p for p in range(len(text)) if text[p] != "-" and p not in (14, 19)])
        return text[:place] + rng.choice([c for c in "0123456789abcdef" if c != text[place]]) + text[place + 1 :]


KINDS = ("digits", "words", "uuids")


@cache
def form(kind: str, lang: str, width: int = 7, zeros: bool = False) -> Form:
    """The form of this name. Raises LcgenError for an unknown one."""
    if kind not in KINDS:
        raise unknown("kind of keys and values", kind, KINDS)
    return Digits(width, zeros) if kind == "digits" else Words(lang) if kind == "words" else Uuids()


class Pool:
    """Texts of a form in an order of a stream's own, addressed by id from `first` on: distinct ids give distinct texts."""

    def __init__(self, form: Form, stream: Stream, first: int = 0) -> None:
        self.form, self.first = form, first
        self._salts = [int(word) for word in stream.raw(4)]
        self._half = max(1, ((form.size - 1).bit_length() + 1) // 2)
        self._blocks: dict[int, list[str]] = {}

    def texts(self, ids: np.ndarray) -> list[str]:
        """The texts of these ids; `first` + id must lie below the form's size."""
        if len(ids) <= FEW:
            return self.form.texts(np.array([self._walk(int(number) + self.first) for number in ids], np.uint64))
        found = self._shuffled(np.asarray(ids + self.first, np.uint64))
        while (outside := np.flatnonzero(found >= self.form.size)).size:
            found[outside] = self._shuffled(found[outside])
        return self.form.texts(found)

    def text(self, number: int) -> str:
        """The text of one id."""
        block, place = divmod(number, BLOCK)
        if block not in self._blocks:
            self._blocks[block] = self.texts(np.arange(block * BLOCK, min((block + 1) * BLOCK, self.form.size - self.first)))
        return self._blocks[block][place]

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
