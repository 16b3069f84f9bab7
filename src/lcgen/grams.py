"""Which words a long text may hold at all, told without reading it: by its runs of eight bytes."""

from __future__ import annotations

from collections.abc import Collection

import numpy as np

WIDTH = 8
"""Bytes of a run: one machine word."""
BITS = 24
"""The table has 2 to the power of so many places, a byte each: of 60 MB of generated prose a fifteenth are taken."""
STEP = np.uint64(0x9E3779B97F4A7C15)
BLOCK = 1 << 18
"""Runs that are hashed at once: they stay in the processor's cache."""
COST = 10
"""What a byte costs to be hashed, in bytes that are searched for one word."""


class Grams:
    """The runs of a text, hashed once searches have cost as much as that: whoever has little to look for never pays."""

    def __init__(self, text: memoryview, borders: np.ndarray) -> None:
        """Unit i is `text[borders[i] : borders[i + 1]]`; others may come to stand behind it."""
        self.text, self.borders, self.spent = text, borders, 0
        self._held: np.ndarray | None = None
        self._ends = frozenset[str]()

    def able(self, words: Collection[str], size: int) -> list[str]:
        """The words that units of the text may hold, within one or across the border of two; `size` bytes will be searched for each."""
        self.spent += len(words) * size
        if self._held is None:
            if self.spent <= COST * len(self.text):
                return [*words]
            self._held, self._ends = self._read(), self._closing()
        # What lies within one unit has all its runs in the text; what crosses a border holds the end of a unit.
        encoded = [word.encode() for word in words]
        lacking = np.concatenate([[0], np.cumsum(~self._held[_hashes(b"".join(encoded))])])
        sizes = np.array([len(word) for word in encoded], np.int64)
        firsts = np.minimum(np.cumsum(sizes) - sizes, len(lacking) - 1)
        # Runs that reach into the next word are none of the word's.
        behind = np.minimum(firsts + np.maximum(0, sizes - WIDTH + 1), len(lacking) - 1)
        whole = (lacking[behind] == lacking[firsts]).tolist()
        return [word for word, held in zip(words, whole) if held or not self._ends.isdisjoint(word[:-1])]

    def _read(self) -> np.ndarray:
        held = np.zeros(1 << BITS, bool)
        for low in range(0, len(self.text), BLOCK):
            held[_hashes(bytes(self.text[low : low + BLOCK + WIDTH - 1]))] = True
        return held

    def _closing(self) -> frozenset[str]:
        """The last characters of all units."""
        data = np.frombuffer(self.text, np.uint8)
        # A character has four bytes at most.
        tails = data[np.maximum(self.borders[1:, None] - np.arange(4, 0, -1), 0)]
        found = np.unique(np.ascontiguousarray(tails).view("<u4").ravel())
        return frozenset(tail.tobytes().decode(errors="ignore")[-1:] for tail in found)


def _hashes(text: bytes) -> np.ndarray:
    """A place of the table for each run of the text; none for a text shorter than a run."""
    count = max(0, len(text) - WIDTH + 1)
    runs: np.ndarray = np.ndarray(count, "<u8", text, strides=(1,)) if count else np.zeros(0, "<u8")
    places: np.ndarray = ((runs * STEP) >> np.uint64(64 - BITS)).view(np.int64)
    return places
