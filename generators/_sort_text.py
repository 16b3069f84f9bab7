"""Segments of a text: where they can begin, how far they reach, and which of them stand how far apart. All of it in columns."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import product

import numpy as np

from lcgen import languages
from lcgen.generators._sort_words import Words, joined

TRIES = 64
"""Earliest segments that are tried, those nearest to the depth asked for first."""
DENSE = 2
"""Characters of a script without spaces that one token of a segment may hold."""


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
        self._begins, self._repeats = begins, self.words.repeated(run)
        self.within, self.starts = self._unique(self.reach)
        """Words at which a sentence begins and a segment fits; and those of them whose segment is unique."""

    def _unique(self, reach: int) -> tuple[np.ndarray, np.ndarray]:
        """The same of segments of so many words."""
        within = self._begins[self._begins + reach <= len(self.words)]
        first, behind = (np.searchsorted(self._repeats, bound) for bound in (within, within + reach - self.run + 1))
        return within, within[first == behind]

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
            keep[own] = ~np.isin(self.starts[own], self.words.repeated(size))
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
            inside = slice(np.searchsorted(borders, low, side="right"), np.searchsorted(borders, high))
            cuts = [low, *borders[inside].tolist(), high]
            # Of a run over several units, the longest piece: who repeats the run repeats that.
            pieces = [self.words.text[a:b].strip() for a, b in zip(cuts[:-1], cuts[1:])]
            found.append(max(pieces, key=len))
        return list(dict.fromkeys(found))
