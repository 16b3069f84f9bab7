"""UUIDs as a form: each a function of its number, and read back."""

from __future__ import annotations

import re
from functools import cached_property

import numpy as np

from lcgen.atoms import HEX, Atom, chunks, field, places
from lcgen.mixing import mix, unmix
from lcgen.streams import Stream

HIGH, LOW = 0x9E3779B97F4A7C15, 0xD1B54A32D192ED03
"""What the two halves of a UUID are mixed with."""


class Uuids(Atom):
    """Version 4 UUIDs."""

    name, size, width, apart = "uuids", 1 << 62, 36, True

    def write(self, numbers: np.ndarray, rows: np.ndarray) -> None:
        high, low = mix(numbers, HIGH), mix(numbers, LOW)
        high = high & np.uint64(0xFFFFFFFFFFFF0FFF) | np.uint64(0x4000)
        low = low & np.uint64(0x3FFFFFFFFFFFFFFF) | np.uint64(0x8000000000000000)
        # Four characters are looked up at once: 16 bits of either half, the highest first.
        texts, words = (
            chunks(HEX, 4),
            [half >> np.uint64(shift) & np.uint64(0xFFFF) for half in (high, low) for shift in (48, 32, 16, 0)],
        )
        for word, place in zip(words, (0, 4, 9, 14, 19, 24, 28, 32)):
            field(rows, place, 4)[:] = texts.take(places(word))
        for place in (8, 13, 18, 23):
            rows[:, place] = ord("-")

    def text(self, number: int) -> str:
        high = mix(number, HIGH) & 0xFFFFFFFFFFFF0FFF | 0x4000
        low = mix(number, LOW) & 0x3FFFFFFFFFFFFFFF | 0x8000000000000000
        digits = f"{high:016x}{low:016x}"
        return "-".join((digits[:8], digits[8:12], digits[12:16], digits[16:20], digits[20:]))

    def number(self, text: str) -> int | None:
        if not re.fullmatch(self.pattern, text):
            return None
        low = int(text.replace("-", "")[16:], 16) & 0x3FFFFFFFFFFFFFFF
        # The two bits that say "UUID" took the place of two others.
        for lost in range(4):
            number = unmix(low | lost << 62, LOW)
            if number < self.size and self.text(number) == text:
                return number
        return None

    def near(self, text: str, rng: Stream) -> str:
        place = rng.choice([p for p in range(len(text)) if text[p] != "-" and p not in (14, 19)])
        return text[:place] + rng.choice([c for c in HEX if c != text[place]]) + text[place + 1 :]

    @cached_property
    def charset(self) -> frozenset[str]:
        return frozenset(HEX + "-")

    @property
    def pattern(self) -> str:
        return "[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}"
