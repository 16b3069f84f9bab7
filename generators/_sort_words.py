"""A text in words: where they begin and end, and which runs of them stand elsewhere too. All of it in columns."""

from __future__ import annotations

import re
from collections.abc import Iterator

import numpy as np

from lcgen import languages

BASE, STEP = 0x9E3779B97F4A7C15, 0xD1B54A32D192ED03
"""What characters of a word, and words of a run, are hashed with; odd, so that nothing is lost."""
SPARE = np.array([0, 56, 48, 40, 32, 24, 16, 8, 0], np.uint64)
"""Bits of eight bytes that a word of so many bytes leaves free."""
BLOCK = 1 << 15
"""Words that are hashed at once: what stands between the steps stays in the processor's cache."""
ROUNDS = 3
"""Rounds in which runs that are alone in their bucket are left out; each leaves about a quarter of those that are unique."""


def joined(text: str, gap: str) -> str:
    """A stretch of a text on one line: between paragraphs stands what stands between sentences."""
    return re.sub(r"\s*\n\s*", gap, text)


class Words:
    """A text in words: what stands between white space. Where a script has no spaces, each character but those of Latin words."""

    def __init__(self, text: str, lang: str) -> None:
        self.text = text
        self._codes = np.frombuffer(text.encode(), np.uint8) if text.isascii() else np.frombuffer(text.encode("utf-32-le"), "<u4")
        solid = self._codes > 32
        self.starts: np.ndarray
        """Characters at which words begin."""
        self.ends: np.ndarray
        """Those behind their last."""
        if languages.load(lang).gap:
            # What is solid changes where a word begins and where it ends, in turns.
            edges = np.flatnonzero(np.diff(solid, prepend=False, append=False))
            self.starts, self.ends = np.ascontiguousarray(edges.reshape(-1, 2).T)
        else:
            first, last = solid.copy(), solid.copy()
            latin = solid & (self._codes < 128) & ~np.isin(self._codes, [ord(mark) for mark in "!\"'(),.:;?[]{}"])
            first[1:] &= ~(latin[1:] & latin[:-1])
            last[:-1] &= ~(latin[1:] & latin[:-1])
            self.starts, self.ends = np.flatnonzero(first), np.flatnonzero(last) + 1

    def __len__(self) -> int:
        return len(self.starts)

    def at(self, chars: np.ndarray) -> np.ndarray:
        """The words that begin at these characters."""
        return np.searchsorted(self.starts, chars)

    def stops(self, words: np.ndarray, lang: str) -> np.ndarray:
        """Mask over these words: whether a sentence may end with one."""
        language = languages.load(lang)
        return np.isin(self._codes[self.ends[words] - 1], [ord(mark) for mark in language.stops + language.closing])

    def repeated(self, run: int) -> np.ndarray:
        """The words at which a run of so many begins that stands elsewhere too, in rising order. Linear in the text, but for such runs.

        Words are hashed by their first and last eight bytes and their size: long ones may share a hash, which at the worst makes a
        run seem to repeat.
        """
        count = len(self) - run + 1
        if count < 1:
            return np.zeros(0, np.int64)
        hashes = np.empty(count, np.uint64)
        for low, words in self._hashes(run):
            found = _runs(words, run)
            _stir(found)
            hashes[low : low + len(found)] = found
        # Most runs are alone in their bucket; only the others are compared.
        places = np.arange(count)
        for _ in range(ROUNDS):
            bits = max(8, len(hashes).bit_length() + 1)
            buckets = (hashes >> np.uint64(64 - bits)).view(np.int64)
            held = np.flatnonzero((np.bincount(buckets) > 1).take(buckets))
            hashes, places = hashes.take(held), places.take(held)
            _stir(hashes)
        _, of, counts = np.unique(hashes, return_inverse=True, return_counts=True)
        return places[counts[of] > 1]

    def _hashes(self, run: int) -> Iterator[tuple[int, np.ndarray]]:
        """64 bits of each word, equal for equal words, in blocks that overlap by a run: number of the first word, hashes."""
        width, more = self._codes.itemsize, run - 1
        single = bool((self.ends - self.starts == 1).all())
        padded = np.concatenate([np.zeros(8, np.uint8), self._codes.view(np.uint8), np.zeros(8, np.uint8)])
        windows: np.ndarray = np.ndarray(len(padded) - 7, "<u8", padded, strides=(1,))
        for low in range(0, len(self) - more, BLOCK):
            starts, ends = self.starts[low : low + BLOCK + more], self.ends[low : low + BLOCK + more]
            if single:
                yield low, self._codes[starts] * np.uint64(STEP)
                continue
            sizes = (ends - starts) * width
            # What stands behind a word shorter than a window is pushed out of it.
            found = windows[8 + starts * width] << SPARE.take(sizes, mode="clip")
            found *= np.uint64(STEP)
            found += sizes.view(np.uint64)
            if len(long := np.flatnonzero(sizes > 8)):
                found[long] += windows[ends[long] * width] * np.uint64(BASE)
            yield low, found


def _runs(words: np.ndarray, run: int) -> np.ndarray:
    """Hashes of each run of so many words, from those of the words: of its two halves, and the last word where it is odd."""
    if run == 1:
        return np.array(words)
    half, count = _runs(words, run // 2), len(words) - run + 1
    found: np.ndarray = half[:count] * np.uint64(pow(STEP, run // 2, 1 << 64))
    found += half[run // 2 :][:count]
    if run % 2:
        found *= np.uint64(STEP)
        found += words[run - 1 :]
    return found


def _stir(hashes: np.ndarray) -> None:
    """Moves what tells hashes apart into their first bits, in place; different ones stay different."""
    hashes ^= hashes >> np.uint64(32)
    hashes *= np.uint64(BASE)
