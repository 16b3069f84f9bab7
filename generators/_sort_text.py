"""Segments of a text: where they can begin, how far they reach, and which of them stand how far apart. All of it in columns."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import product

import numpy as np

from lcgen import languages

TRIES = 64
"""Earliest segments that are tried, those nearest to the depth asked for first."""
DENSE = 2
"""Characters of a script without spaces that one token of a segment may hold."""
BASE, STEP = 0x9E3779B97F4A7C15, 0xD1B54A32D192ED03
"""What characters of a word, and words of a run, are hashed with; odd, so that nothing is lost."""


def joined(text: str, gap: str) -> str:
    """A stretch of a text on one line: between paragraphs stands what stands between sentences."""
    return re.sub(r"\s*\n\s*", gap, text)


class Words:
    """A text in words: what stands between white space. Where a script has no spaces, each character but those of Latin words."""

    def __init__(self, text: str, lang: str) -> None:
        self.text = text
        self._codes = np.frombuffer(text.encode(), np.uint8) if text.isascii() else np.frombuffer(text.encode("utf-32-le"), "<u4")
        solid = self._codes > 32
        first, last = solid.copy(), solid.copy()
        if languages.load(lang).gap:
            first[1:] &= ~solid[:-1]
            last[:-1] &= ~solid[1:]
        else:
            latin = solid & (self._codes < 128) & ~np.isin(self._codes, [ord(mark) for mark in "!\"'(),.:;?[]{}"])
            first[1:] &= ~(latin[1:] & latin[:-1])
            last[:-1] &= ~(latin[1:] & latin[:-1])
        self.starts, self.ends = np.flatnonzero(first), np.flatnonzero(last) + 1
        """Characters at which words begin and end."""

    def __len__(self) -> int:
        return len(self.starts)

    def at(self, chars: np.ndarray) -> np.ndarray:
        """The words that begin at these characters."""
        return np.searchsorted(self.starts, chars)

    def stops(self, words: np.ndarray, lang: str) -> np.ndarray:
        """Mask over these words: whether a sentence may end with one."""
        language = languages.load(lang)
        return np.isin(self._codes[self.ends[words] - 1], [ord(mark) for mark in language.stops + language.closing])

    @cached_property
    def _hashes(self) -> np.ndarray:
        """64 bits of each word, equal for equal words: of its first and last eight bytes and its size. Long words may share them,
        which makes a run of words seem to repeat at the worst."""
        width = self._codes.itemsize
        sizes = (self.ends - self.starts) * width
        found: np.ndarray
        if (sizes == width).all():
            found = self._codes[self.starts] * np.uint64(STEP)
            return found
        padded = np.concatenate([np.zeros(8, np.uint8), self._codes.view(np.uint8), np.zeros(8, np.uint8)])
        windows: np.ndarray = np.ndarray(len(padded) - 7, "<u8", padded, strides=(1,))
        spare = (8 * (8 - np.minimum(sizes, 8))).astype(np.uint64)
        # What stands beside a word shorter than a window is pushed out of it.
        head = windows[8 + self.starts * width] << spare
        tail = windows[self.ends * width] >> spare
        found = (head * np.uint64(BASE) + tail) * np.uint64(STEP) + sizes.astype(np.uint64)
        return found

    def _runs(self, run: int) -> np.ndarray:
        """The same of each run of so many words: of its two halves, and the last word where it is odd."""
        if run == 1:
            return np.array(self._hashes)
        half, count = self._runs(run // 2), len(self) - run + 1
        found: np.ndarray = half[:count] * np.uint64(pow(STEP, run // 2, 1 << 64))
        found += half[run // 2 :][:count]
        if run % 2:
            found *= np.uint64(STEP)
            found += self._hashes[run - 1 :]
        return found

    def repeated(self, run: int) -> np.ndarray:
        """Mask over words: whether the run of so many words that begins there stands elsewhere too. Linear in the text."""
        count = len(self) - run + 1
        if count < 1:
            return np.zeros(0, bool)
        hashes = self._runs(run)
        hashes ^= hashes >> np.uint64(32)
        hashes *= np.uint64(BASE)
        # Most runs are alone in their bucket; only the others are compared.
        bits = max(8, count.bit_length() + 2)
        buckets = (hashes >> np.uint64(64 - bits)).view(np.int64)
        suspects = np.flatnonzero((np.bincount(buckets) > 1)[buckets])
        values = np.sort(hashes[suspects])
        twice = values[1:][values[1:] == values[:-1]]
        found = np.zeros(count, bool)
        if len(twice):
            places = np.minimum(np.searchsorted(twice, hashes[suspects]), len(twice) - 1)
            found[suspects] = twice[places] == hashes[suspects]
        return found


@dataclass(frozen=True)
class Cut:
    """How segments are cut."""

    length: int
    tokens: Callable[[str], int] | None
    """Counts tokens, where the length is one of tokens; None: of words."""
    run: int
    """No run of so many words of a segment stands elsewhere in the text."""


class Segments:
    """The segments of a text: each begins where a sentence does, and is unique in it."""

    def __init__(self, text: str, lang: str, opens: np.ndarray, cut: Cut) -> None:
        """`opens` are the characters at which sentences begin, in rising order."""
        self.words, self.cut, self._gap = Words(text, lang), cut, languages.load(lang).gap
        dense = DENSE if cut.tokens and not self._gap else 1
        self.reach = cut.length * dense
        """Words that a segment has at most."""
        begins = self.words.at(opens)
        begins = begins[(begins == 0) | self.words.stops(begins - 1, lang)]
        self.run = run = min(cut.run, self.reach)
        self._begins, self._repeats = begins, np.concatenate([[0], np.cumsum(self.words.repeated(run))])
        self.within, self.starts = self._unique(self.reach)
        """Words at which a sentence begins and a segment fits; and those of them whose segment is unique."""

    def _unique(self, reach: int) -> tuple[np.ndarray, np.ndarray]:
        """The same of segments of so many words."""
        within = self._begins[self._begins + reach <= len(self.words)]
        return within, within[self._repeats[within + reach - self.run + 1] == self._repeats[within]]

    def most(self, needs: int) -> int:
        """The longest length at which so many sentences begin with a unique segment; 0 where even the shortest that runs tell is too long."""
        # What is unique of a length is so of any shorter one down to the run, and may not be below.
        low, high = self.run - 1, self.reach
        while high - low > 1:
            middle = (low + high) // 2
            low, high = (middle, high) if len(self._unique(middle)[1]) >= needs else (low, middle)
        return low * self.cut.length // self.reach if low >= self.run else 0

    def size(self, word: int) -> int:
        """Words of the segment that begins with this one: as many whole words as fit."""
        begin, low, high = int(self.words.starts[word]), 1, min(self.reach, len(self.words) - word)
        tokens = self.cut.tokens
        if tokens is None:
            low = high
        while tokens and low < high:
            middle = (low + high + 1) // 2
            fits = tokens(self.words.text[begin : self.words.ends[word + middle - 1]]) <= self.cut.length
            low, high = (middle, high) if fits else (low, middle - 1)
        return low

    def span(self, word: int) -> tuple[int, int]:
        """First character of the segment that begins with this word, and the one behind its last."""
        return int(self.words.starts[word]), int(self.words.ends[word + self.size(word) - 1])

    def depth(self, word: int, whole: float) -> float:
        """Where the segment that begins with this word stands in a text of so many words, 0 first, 1 last."""
        return round(min(1.0, word / max(1.0, whole - self.size(word))), 6)

    def choose(
        self, count: int, apart: tuple[float, float], depth: float, draws: Sequence[float], taken: Sequence[int]
    ) -> tuple[int, ...]:
        """Words at which `count` segments begin, in the order of the text; none overlaps another, or one that begins at `taken`.

        The first and the last stand `apart` words apart: at least the one, less than the other. `depth` is that of the first,
        0 at the beginning, 1 as late as the last lets it; `draws`, one for each pair of neighbours, vary what is left open.
        Empty where no segments stand so.
        """
        for attempt in range(TRIES):
            found = self._stand(count, apart, depth, draws, taken)
            again = [word for word in found if not self._alone(word)]
            if not again:
                return found
            # Columns know runs of words, not segments that have fewer; they are looked at where one of those was met.
            self.starts = self._whole() if not attempt else self.starts[~np.isin(self.starts, again)]
        return ()

    def _alone(self, word: int) -> bool:
        """Whether the segment that begins with this word stands nowhere else, not even within longer words."""
        # Its first and last word may be parts of others elsewhere; a run between them is unique.
        if self.size(word) >= self.run + 2:
            return True
        low, high = self.span(word)
        segment = joined(self.words.text[low:high], self._gap)
        return self._line.find(segment, self._line.find(segment) + 1) < 0

    @cached_property
    def _line(self) -> str:
        return joined(self.words.text, self._gap)

    def _whole(self) -> np.ndarray:
        """The starts whose segment is unique also where it has fewer words than a run."""
        sizes = np.array([self.size(word) for word in self.starts.tolist()], np.int64)
        keep = np.ones(len(sizes), bool)
        for size in np.unique(sizes[sizes < self.run]).tolist():
            own = sizes == size
            keep[own] = ~self.words.repeated(size)[self.starts[own]]
        found: np.ndarray = self.starts[keep]
        return found

    def _stand(
        self, count: int, apart: tuple[float, float], depth: float, draws: Sequence[float], taken: Sequence[int]
    ) -> tuple[int, ...]:
        """Segments as `choose` wants them, of all starts."""
        starts = self._free(taken)
        low, high = max(apart[0], (count - 1) * self.reach + 1), apart[1]
        first, behind = (np.searchsorted(starts, starts + bound) for bound in (low, high))
        able = np.flatnonzero(first < behind)
        if not len(able):
            return ()
        far = starts[behind[able] - 1] - starts[able]
        wanted = min(low + draws[0] * (high - low), float(far.max()))
        latest = max(0.0, float(starts[-1] - starts[0]) - wanted)
        target = starts[0] + depth * latest
        middle = int(np.searchsorted(starts[able], target))
        near = able[max(0, middle - TRIES) : middle + TRIES]
        for place in near[np.argsort(np.abs(starts[near] - target), kind="stable")][:TRIES].tolist():
            begin = int(starts[place])
            ends = starts[first[place] : behind[place]]
            # Where the segments between do not fit so, they stand as close as they can, or the last one as far off as it may.
            for end, ways in product((self._near(ends, begin + wanted), int(ends[-1])), (draws[1:], None)):
                if chosen := self._between(starts, begin, end, count, ways):
                    return chosen
        return ()

    def _between(self, starts: np.ndarray, begin: int, end: int, count: int, draws: Sequence[float] | None) -> tuple[int, ...]:
        """Segments from one to the other: about evenly, as the draws say, or as early as can be; empty where one does not fit."""
        found = [begin]
        for step, place in enumerate(range(count - 2, 0, -1)):
            low, high = found[-1] + self.reach, end - place * self.reach
            fits = starts[np.searchsorted(starts, low) : np.searchsorted(starts, high, side="right")]
            if not len(fits):
                return ()
            wanted = found[-1] + (0.5 + draws[step]) * (end - found[-1]) / (place + 1) if draws is not None else low
            found.append(self._near(fits, wanted))
        return (*found, end)

    def _free(self, taken: Sequence[int]) -> np.ndarray:
        """The starts of segments that overlap none of those taken."""
        free = np.ones(len(self.starts), bool)
        for word in taken:
            free &= np.abs(self.starts - word) >= self.reach
        found: np.ndarray = self.starts[free]
        return found

    def _near(self, starts: np.ndarray, wanted: float) -> int:
        return int(starts[np.abs(starts - wanted).argmin()])

    def some(self, count: int) -> tuple[int, ...]:
        """Words at which as many segments may begin as are wanted, unique or not."""
        return tuple(np.linspace(0, max(0, len(self.words) - self.reach), count).astype(int).tolist())

    def nearest(self, low: float, high: float) -> float:
        """The distance between two segments that is nearest to this range."""
        starts, found = self.starts, []
        for bound in (low, high):
            places = np.searchsorted(starts, starts + max(bound, self.reach))
            for side in (places - 1, places):
                fits = (side >= 0) & (side < len(starts))
                found += (starts[side[fits]] - starts[fits])[starts[side[fits]] - starts[fits] >= self.reach].tolist()
        return float(min(found, key=lambda far: max(low - far, far - high), default=0))

    def runs(self, word: int, borders: np.ndarray) -> list[str]:
        """What no other unit of the text may hold, if the segment that begins here is to stay unique: its runs, as far as
        each lies within one unit. `borders` are the characters at which units begin."""
        stop = word + self.size(word)
        run, found = min(self.run, stop - word), []
        for first in range(word, stop - run + 1):
            low, high = int(self.words.starts[first]), int(self.words.ends[first + run - 1])
            cuts = [low, *borders[(borders > low) & (borders < high)].tolist(), high]
            # Of a run over several units, the longest piece: who repeats the run repeats that.
            pieces = [self.words.text[a:b].strip() for a, b in zip(cuts[:-1], cuts[1:])]
            found.append(max(pieces, key=len))
        return list(dict.fromkeys(found))
