"""UUIDs as a form: each a function of its number, and read back."""

from __future__ import annotations

import re
from functools import cached_property

import numpy as np

from lcgen.atoms import HEX, Atom, chunks
from lcgen.mixing import mix, unmix
from lcgen.streams import Stream

HIGH, LOW = 0x9E3779B97F4A7C15, 0xD1B54A32D192ED03
"""What the two halves of a UUID are mixed with."""


class Uuids(Atom):
    """Version 4 UUIDs."""

    name, size, width, apart = "uuids", 1 << 62, 36, True

    def blocks(self, numbers: np.ndarray) -> np.ndarray:
        high, low = mix(numbers, HIGH), mix(numbers, LOW)
        high = high & np.uint64(0xFFFFFFFFFFFF0FFF) | np.uint64(0x4000)
        low = low & np.uint64(0x3FFFFFFFFFFFFFFF) | np.uint64(0x8000000000000000)
        octets = np.stack([high, low], 1).astype(">u8").view(np.uint8)
        # Two characters are taken as one number: four times as fast as taking texts.
        digits = np.take(chunks(HEX, 2).view(np.uint16), octets).view(np.uint8)
        found = np.full((len(numbers), self.width), ord("-"), np.uint8)
        for place, (begin, end) in enumerate(((0, 8), (8, 12), (12, 16), (16, 20), (20, 32))):
            found[:, begin + place : end + place] = digits[:, begin:end]
        return found.view(f"S{self.width}").ravel()

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
