"""How numbers are written: an array of them at once, each text a function of its number alone, and read back.

A form is a sequence of constants and atoms. An atom is what is written in one go for a whole array of numbers: a word of a
table, or a block of characters of one width.
"""

from __future__ import annotations

import hashlib
import re
from abc import ABC, abstractmethod
from collections.abc import Sequence
from functools import cache, cached_property
from math import prod

import numpy as np

from lcgen.streams import Stream

DECIMAL, HEX, BASE32 = "0123456789", "0123456789abcdef", "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"
CONSONANTS = "BCDFGHJKLMNPQRSTVWXZ"


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

    @property
    def whole(self) -> Form:
        """The form that this one is a selection of; else itself."""
        return self

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Form) and other.name == self.name

    def __hash__(self) -> int:
        return hash(self.name)

    @abstractmethod
    def split(self, numbers: np.ndarray) -> list[np.ndarray]:
        """For each atom the numbers that it writes (uint64), for texts of these numbers (uint64)."""

    @abstractmethod
    def text(self, number: int) -> str:
        """The text of one number: a few are written faster one by one."""

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

    @cached_property
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
    def write(self, numbers: np.ndarray, rows: np.ndarray) -> None:
        """Writes the texts in UTF-8 into as many rows of `width` bytes (uint8), filled up with zero bytes."""

    def blocks(self, numbers: np.ndarray) -> np.ndarray:
        """The texts in UTF-8, filled up with zero bytes to `width` (dtype S)."""
        rows = np.empty((len(numbers), self.width), np.uint8)
        self.write(numbers, rows)
        return field(rows, 0, self.width)

    @property
    @abstractmethod
    def pattern(self) -> str:
        """A regular expression of its texts, without groups."""

    def admits(self, piece: str, begins: bool = False, ends: bool = False) -> bool:
        """Whether a text may hold this piece, at its beginning, at its end or as a whole; sure where it says no."""
        return len(piece.encode()) <= self.width and set(piece) <= self.charset


def field(rows: np.ndarray, low: int, size: int) -> np.ndarray:
    """Of each row (uint8) so many bytes from `low` on, as one text (dtype S); what is written there stands in the rows."""
    found: np.ndarray = rows[:, low : low + size].view(f"S{size}")[:, 0]
    return found


def places(numbers: np.ndarray) -> np.ndarray:
    """Numbers (uint64) below 2**63 in the kind by which numpy looks up, without a copy."""
    return numbers.view(np.int64)


def parted(numbers: np.ndarray, size: int) -> tuple[np.ndarray, np.ndarray]:
    """Numbers (uint64) divided by a size, and what is left: numpy has fast ways to divide by one number, but none for the rest."""
    upper = numbers // np.uint64(size)
    return upper, numbers - upper * np.uint64(size)


class Words:
    """Texts that are looked up by their number, filled up with zero bytes to one width.

    A machine copies 1, 2, 4, 8 or 16 bytes at once, and numpy does so several times as fast as any other number of them: texts are
    kept and written in such pieces.
    """

    def __init__(self, texts: Sequence[str]) -> None:
        packed = np.array([text.encode() for text in texts])
        self.width, rows = packed.itemsize, packed.view(np.uint8).reshape(len(packed), -1)
        self.sizes = np.char.str_len(packed)
        """Bytes of each text."""
        self._pieces: list[tuple[int, int, np.ndarray]] = []
        low = 0
        for size in (16, 8, 4, 2, 1):
            while low + size <= self.width:
                self._pieces.append((low, size, field(rows, low, size).copy()))
                low += size

    def write(self, numbers: np.ndarray, rows: np.ndarray) -> None:
        """Writes the texts of these numbers (uint64) into rows of `width` bytes."""
        for low, size, texts in self._pieces:
            field(rows, low, size)[:] = texts.take(places(numbers)) if len(texts) > 1 else texts


class Table(Atom):
    """The words of a list, by their place in it."""

    def __init__(self, name: str, entries: Sequence[str]) -> None:
        self.entries = tuple(entries)
        self.name = f"{name} {hashlib.sha256(' '.join(self.entries).encode()).hexdigest()[:12]}"
        self.size = len(self.entries)
        self._words = Words(self.entries)
        self.width = self._words.width

    def write(self, numbers: np.ndarray, rows: np.ndarray) -> None:
        self._words.write(numbers, rows)

    def text(self, number: int) -> str:
        return self.entries[number]

    def number(self, text: str) -> int | None:
        return self._places.get(text)

    def near(self, text: str, rng: Stream) -> str:
        return rng.choice([entry for entry in self.entries if entry != text])

    def admits(self, piece: str, begins: bool = False, ends: bool = False) -> bool:
        return "\0" * begins + piece + "\0" * ends in self._joined

    @cached_property
    def _joined(self) -> str:
        return "\0".join(("", *self.entries, ""))

    @cached_property
    def apart(self) -> bool:
        whole = "\n".join(self.entries).casefold()
        return all(whole.count(entry.casefold()) == 1 for entry in self.entries)

    @cached_property
    def _places(self) -> dict[str, int]:
        return {entry: place for place, entry in enumerate(self.entries)}

    @cached_property
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
        # Four or two characters are looked up at once. Where they are no divisor of the width, the first two looks overlap.
        self._step = min(width, 4 if len(alphabet) ** 4 <= 1 << 16 else 2)
        self._lows = [*range(width - self._step, 0, -self._step), 0]

    def write(self, numbers: np.ndarray, rows: np.ndarray) -> None:
        texts, rest = chunks(self.alphabet, self._step), numbers + np.uint64(self.low) if self.low else numbers
        first = rest // np.uint64(len(self.alphabet) ** (self.width - self._step))
        for low in self._lows[:-1]:
            rest, place = parted(rest, len(texts))
            field(rows, low, self._step)[:] = texts.take(places(place))
        field(rows, 0, self._step)[:] = texts.take(places(first))

    def text(self, number: int) -> str:
        letters, rest = [], number + self.low
        for _ in range(self.width):
            rest, place = divmod(rest, len(self.alphabet))
            letters.append(self.alphabet[place])
        return "".join(reversed(letters))

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

    @cached_property
    def charset(self) -> frozenset[str]:
        return frozenset(self.alphabet)

    @property
    def pattern(self) -> str:
        return f"[{self.alphabet}]{{{self.width}}}"


@cache
def chunks(alphabet: str, width: int) -> np.ndarray:
    """Every text of `width` characters of the alphabet, in the order of its numbers."""
    letters = np.frombuffer(alphabet.encode(), np.uint8)
    found = np.stack(np.meshgrid(*[letters] * width, indexing="ij"), -1).reshape(-1, width)
    return field(found, 0, width)


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


class Joined(Form):
    """Constants and forms in a row: every choice of their texts, the last one varying fastest."""

    def __init__(self, *parts: str | Form, apart: bool = False) -> None:
        """`apart` is the promise that no text is part of another, which the tests hold it to."""
        self._laid = parts
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
        for part in reversed(self.parts[1:]):
            numbers, rest = parted(numbers, part.size)
            found = part.split(rest) + found
        return self.parts[0].split(numbers) + found

    def text(self, number: int) -> str:
        said = []
        for part in reversed(self._laid):
            if isinstance(part, str):
                said.append(part)
            else:
                number, place = divmod(number, part.size)
                said.append(part.text(place))
        return "".join(reversed(said))

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
