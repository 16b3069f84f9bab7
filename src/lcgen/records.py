"""Records: filler that is drawn, weighed and written in columns, never record by record.

A kind of record is a sequence of constants and pools: `Records(keys, ": ", values, sep="\\n")`. What a record costs in
tokens is the sum over its columns where a probe shows that columns add up in this vocabulary; elsewhere (UUIDs, hex) it is
read from one encoding of the joined text.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from lcgen.atoms import Table
from lcgen.contract import Units, mark
from lcgen.errors import LcgenError
from lcgen.forms import Pool
from lcgen.shapes import Run, Shape, shape

if TYPE_CHECKING:
    from lcgen.tokens import Counts, Scale, Tokenizer

BLOCK = 8192
"""Records that are written and weighed at once: what stands between the steps stays in the processor's cache."""
FEW = 512
"""Records that are written and searched faster than it is told what they can hold."""
DRAWN = 16 * BLOCK
"""Records that are drawn at once. Numbers that fall outside their form walk on, fewer in every step: of many, the steps cost less."""
RESERVED = 8192
"""First texts of a pool, kept for what a task plants; its filler starts behind them."""
SAMPLE = 256
"""Records of a probe that are weighed one by one."""
WIDE = (1024, 8192)
"""Records of a probe's running text, at least and at most; between them, four for each word of the longest table."""


class Weigher:
    """How records of one shape are weighed in one vocabulary: found by a probe, never assumed."""

    def __init__(self, shape: Shape, tokenizer: Tokenizer) -> None:
        # A task is loaded where nothing is weighed: a generator knows nothing of tokens.
        from lcgen.tokens import Scale

        self.shape, self.tokenizer = shape, tokenizer
        longest = max((atom.size for atom in shape.atoms if isinstance(atom, Table)), default=0)
        sample = shape.sample(min(max(WIDE[0], 4 * longest), WIDE[1]))
        run, back = shape.render(sample), shape.render([numbers[::-1] for numbers in sample])
        self.scale = Scale(tokenizer, run.units()[:SAMPLE])
        self._context = self.scale.context
        self._lead: int | None = None
        self._mark: int | None = None
        marginal = self.scale.weights(run.units()[:SAMPLE])
        read, again = self._read(run), self._read(back)
        steady = read is not None and again is not None and bool((read == again[::-1]).all())
        self.how: Literal["columns", "joined", "units"] = "units"
        if read is not None and steady and (read[:SAMPLE] == marginal).all():
            self.how = "joined"
            self._base = int(marginal[0])
            self._mark = self._marking(run, read)
            self._columns = self._tables(sample)
            if not shape.touching and (self._added(sample) == read).all():
                self.how = "columns"
        self.additive = self.how != "units" or self._adds_up(run)
        """Whether weights added up to the tokens of the running text."""
        self.report: dict[str, Any] = {"records": len(run.borders) - 1, "weighed": self.how, "additive": self.additive}

    def weights(self, numbers: Sequence[np.ndarray], run: Run | None = None) -> Counts:
        """Tokens that each record adds to a text of such records; `run` is their text, where it is at hand."""
        if self.how == "columns":
            return self._added(numbers)
        run = self.shape.render(numbers) if run is None else run
        read = self._read(run) if self.how == "joined" else None
        return self.scale.weights(run.units()) if read is None else read

    def _tables(self, sample: Sequence[np.ndarray]) -> list[np.ndarray | None]:
        """Of each table what its words weigh more than the word of the first record, in that record; None for blocks."""
        found: list[np.ndarray | None] = []
        for place, atom in enumerate(self.shape.atoms):
            more = None
            if isinstance(atom, Table):
                numbers = [np.repeat(drawn[:1], atom.size) for drawn in sample]
                numbers[place] = np.arange(atom.size, dtype=np.uint64)
                more = self.scale.weights(self.shape.render(numbers).units()) - self._base
            found.append(more)
        return found

    def _added(self, numbers: Sequence[np.ndarray]) -> Counts:
        """Weights by columns: blocks all weigh the same."""
        found = np.full(len(numbers[0]), self._base, np.int64)
        for more, drawn in zip(self._columns, numbers):
            if more is not None:
                found += np.take(more, drawn.astype(np.intp))
        return found

    def _read(self, run: Run) -> Counts | None:
        """Weights out of one encoding of the run; None where its borders do not all stand alike between tokens."""
        if self._mark is not None:
            ids = self.tokenizer.ids(self._context + run.text.decode())
            places = np.flatnonzero(ids == self._mark)
            if len(places) == len(run.borders) - 1:
                return np.diff(places, append=len(ids))
        try:
            starts = self.tokenizer.starts(self._context + run.text.decode())
        except LcgenError:
            return None
        if not len(run.borders[1:]):
            return np.zeros(0, np.int64)
        borders = run.borders + len(self._context.encode())
        if self._lead is None:
            # A record begins with a token; or the token that holds its separator began before it, and then at every border.
            at = int(np.searchsorted(starts, borders[0]))
            self._lead = int(starts[at] - borders[0]) if at < len(starts) else 0
        # To look up which tokens begin where a record does is faster than to search them.
        begins = np.zeros(int(borders[-1]) + self._lead, bool)
        for more in range(self._lead + 1):
            begins[borders[:-1] + more] = True
        places = np.flatnonzero(begins.take(starts))
        if len(places) < len(borders) - 1 or (starts[places] != borders[:-1] + self._lead).any():
            return None
        return np.diff(places, append=len(starts))

    def _marking(self, run: Run, read: Counts) -> int | None:
        """The token with which each record begins, if it begins with a character that stands nowhere else: where as many of it are found
        as there are records, each begins one, and no token need be placed."""
        if not self.shape.lead or self.shape.lead in self._context or self._lead:
            return None
        ids = self.tokenizer.ids(self._context + run.text.decode())
        first = ids[len(ids) - int(read.sum()) + np.cumsum(read) - read]
        return int(first[0]) if (first == first[0]).all() else None

    def _adds_up(self, run: Run) -> bool:
        total = self.tokenizer.count(self._context + run.text.decode()) - self.tokenizer.count(self._context)
        return int(self.scale.weights(run.units()).sum()) == total


@lru_cache(maxsize=64)
def weigher(shape: Shape, tokenizer: Tokenizer) -> Weigher:
    """How records of this shape are weighed in this vocabulary, probed once for all rows."""
    return Weigher(shape, tokenizer)


class Records(Units):
    """Record i writes text `start` + i of each of its pools between its constants.

    Distinct ids give distinct records as long as there are texts (`limit`); then they come again. What is drawn, written
    and weighed is kept for as long as the object lives, as one text, so that rows of many lengths and twins share it.
    """

    def __init__(self, *parts: str | Pool, sep: str, start: int = 0) -> None:
        """`sep` stands before each record. Raises ValueError where a pool ends before `start`."""
        self.parts, self.sep, self.start = parts, sep, start
        self.pools = [part for part in parts if not isinstance(part, str)]
        self.shape = shape(tuple(part if isinstance(part, str) else part.form for part in parts), sep)
        self.form = f"records {self.shape.name}"
        self.limit: int = min(pool.form.size - pool.first for pool in self.pools) - start
        if self.limit < 1:
            raise ValueError(f"a pool of these records has fewer than {start + 1} texts")
        self._numbers = [np.zeros(0, np.uint64) for _ in self.shape.atoms]
        self._run = Run(b"", np.zeros(1, np.int64))
        self._weighed: tuple[Weigher | None, Counts] = None, np.zeros(0, np.int64)

    def numbers(self, ids: np.ndarray) -> list[np.ndarray]:
        """For each atom of the shape the numbers that it writes in the records of these ids."""
        places = self._places(ids)
        return self.shape.split([pool.numbers(places) for pool in self.pools])

    def _places(self, ids: np.ndarray) -> np.ndarray:
        """Which of its texts each pool writes in the records of these ids: behind the last record they come again."""
        # Nearly always they do not, and to divide takes longer than to look.
        return (ids if int(ids.max(initial=0)) < self.limit else ids % self.limit) + self.start

    def _drawn(self, ids: np.ndarray) -> tuple[list[np.ndarray], np.ndarray]:
        """Numbers of records among which these are, and their places there: those kept, unless they lie far outside them."""
        have, top = len(self._numbers[0]), int(ids.max()) + 1 if len(ids) else 0
        if top > 4 * (have + len(ids)) + BLOCK // 8:
            return self.numbers(ids), np.arange(len(ids))
        if top > have:
            drawn = [self.numbers(np.arange(low, min(low + DRAWN, top))) for low in range(have, top, DRAWN)]
            self._numbers = [np.concatenate([kept, *more]) for kept, *more in zip(self._numbers, *drawn)]
        return self._numbers, ids

    def _laid(self, ids: np.ndarray) -> tuple[Run, np.ndarray]:
        """A run that holds these records, and their places in it: the run that is kept, unless they are few of what it lacks."""
        numbers, places = self._drawn(ids)
        have, top = len(self._run.borders) - 1, int(places.max()) + 1 if len(places) else 0
        if numbers is not self._numbers or top - have > BLOCK + 8 * len(ids):
            return self.shape.render([drawn[places] for drawn in numbers]), np.arange(len(ids))
        if top > have:
            # Whole blocks, so that units which are asked for one by one do not copy the run each time.
            lows = range(have, min(top + BLOCK, len(numbers[0])), BLOCK)
            runs = [self._run, *(self.shape.render([drawn[low : low + BLOCK] for drawn in numbers]) for low in lows)]
            ends = np.cumsum([run.borders[-1] for run in runs]) - [run.borders[-1] for run in runs]
            borders = [run.borders[1:] + end for run, end in zip(runs, ends.tolist())]
            self._run = Run(b"".join(run.text for run in runs), np.concatenate([[0], *borders]))
        return self._run, places

    def text(self, ids: np.ndarray) -> list[str]:
        run, places = self._laid(ids)
        lows, highs = run.borders[places] + len(self.sep.encode()), run.borders[places + 1]
        return [run.text[low:high].decode() for low, high in zip(lows.tolist(), highs.tolist())]

    def slices(self, ids: np.ndarray, sep: str) -> list[bytes | memoryview]:
        if sep != self.sep:
            return self._parted(sep).slices(ids, sep)
        cuts = np.flatnonzero(np.diff(ids, prepend=-2) != 1)
        if len(cuts) > max(len(ids) // 8, BLOCK // 64):
            # Where ids alternate, as in lanes, or stand in another order, to write them is faster than to cut each record out.
            numbers, places = self._drawn(ids)
            blocks = np.split(places, range(BLOCK, len(places), BLOCK))
            return [self.shape.render([drawn[block] for drawn in numbers]).text for block in blocks]
        run, places = self._laid(ids)
        lows, highs = run.borders[places[cuts]], run.borders[places[np.append(cuts, len(places))[1:] - 1] + 1]
        text = memoryview(run.text)
        return [text[low:high] for low, high in zip(lows.tolist(), highs.tolist())]

    def led(self, unit: int, sep: str) -> str:
        borders = self._run.borders
        if sep != self.sep or unit >= len(borders) - 1:
            return super().led(unit, sep)
        return self._run.text[borders[unit] : borders[unit + 1]].decode()

    def sizes(self, ids: np.ndarray, sep: str) -> tuple[np.ndarray, np.ndarray]:
        if sep != self.sep:
            return self._parted(sep).sizes(ids, sep)
        numbers, places = self._drawn(ids)
        return self.shape.sizes([drawn[places] for drawn in numbers]), np.full(len(ids), len(sep.encode()), np.int64)

    def _parted(self, sep: str) -> Records:
        """The same records behind another separator."""
        return Records(*self.parts, sep=sep, start=self.start)

    def sample(self, count: int, sep: str) -> list[str]:
        probed = self.shape if sep == self.sep else self._parted(sep).shape
        return probed.render(probed.sample(count)).units()

    def weights(self, ids: np.ndarray, scale: Scale, sep: str) -> Counts:
        if sep != self.sep:
            return self._parted(sep).weights(ids, scale, sep)
        by = weigher(self.shape, scale.tokenizer)
        numbers, places = self._drawn(ids)
        if numbers is not self._numbers:
            return by.weights(numbers)
        known = self._weighed[1] if self._weighed[0] is by else np.zeros(0, np.int64)
        if len(known) < len(numbers[0]):
            # What is not the sum of its columns is read from the text, which is wanted later anyhow.
            run = None if by.how == "columns" else self._laid(np.arange(len(numbers[0])))[0]
            found = [known]
            for low in range(len(known), len(numbers[0]), BLOCK):
                block = [drawn[low : low + BLOCK] for drawn in numbers]
                found.append(by.weights(block, run and run.part(low, low + BLOCK)))
            known = np.concatenate(found)
            self._weighed = by, known
        taken: Counts = known[places]
        return taken

    def additive(self, tokenizer: Tokenizer) -> bool:
        return weigher(self.shape, tokenizer).additive

    def holding(self, ids: np.ndarray, words: Collection[str]) -> np.ndarray:
        sought, places = [], list[int]()
        for word in words:
            found = self._found(word) if set(word) <= self.shape.charset else []
            # Nearly all that pools do not tell, such as the lines of a template, can stand in no such record: then nothing is
            # written to search it.
            if found is None and (len(ids) <= FEW or self.shape.admits(word)):
                sought.append(word)
            places += found or ()
        hit: np.ndarray = np.isin(self._places(ids), np.array(places, np.int64))
        if sought:
            run, laid = self._laid(ids)
            # Of a long text only the part in which these records stand.
            low, high = int(laid.min(initial=len(run.borders) - 1)), int(laid.max(initial=-1)) + 1
            part = run.part(low, max(low, high))
            marked = np.zeros(len(part.borders) - 1, bool)
            for word in sought:
                mark(marked, part.text, part.borders, word.encode())
            hit |= marked[laid - low]
        return hit

    def _found(self, word: str) -> list[int] | None:
        """Where the pools hold this word, if it can stand in a record only as a whole text of theirs; else None."""
        if not self.shape.bounds(word):
            return None
        found = []
        for pool in self.pools:
            if set(word) <= pool.form.charset:
                place = pool.find(word) if pool.form.apart else None
                if place is None:
                    return None
                found.append(place)
        return found
