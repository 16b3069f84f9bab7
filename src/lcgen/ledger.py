"""The units of one context with their weights: what fits, in which order, and where it comes to stand."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from itertools import accumulate
from typing import TYPE_CHECKING

import numpy as np

from lcgen.contract import Context, Draft
from lcgen.errors import LcgenError

if TYPE_CHECKING:
    from lcgen.tokens import Scale, Tokenizer

COPY_SEP = "\n\n"
SPARES = 120
"""Units behind the fitted ones from which the closing chooses."""


@dataclass(frozen=True)
class Piece:
    """Where one copy of a plant came to stand. Characters and tokens count from the start of the input."""

    plant: int
    copy: int
    char_start: int
    char_end: int
    token_start: int
    token_end: int
    depth: float


class Ledger:
    """The units of a draft, weighed. A unit is named by its filler id, or by -1 - (number of the plant)."""

    def __init__(self, draft: Draft, scale: Scale, tokens: int) -> None:
        """Weighs filler of so many tokens, and the spares behind it. Raises LcgenError where nearly all of it clashes."""
        self.draft, self.scale = draft, scale
        self.additive = scale.additive and draft.filler.additive(scale.tokenizer)
        texts = [draft.sep + plant.text for plant in draft.plants]
        self.plant_weights = scale.weights(texts) if texts else np.zeros(0, np.int64)
        self._fit(tokens)
        self.mean = float(self.weights[:256].mean())

    def _fit(self, tokens: int) -> None:
        count = 2 * SPARES + tokens // 16
        for _ in range(6):
            ids = np.arange(count)
            # A clash is settled on the side of the filler, at every length alike: the puzzle is never drawn anew.
            held = self.draft.filler.holding(ids, self.draft.avoid) if self.draft.avoid else np.zeros(0, bool)
            ids = ids[~held] if held.any() else ids
            weights = self.draft.filler.weights(ids, self.scale, self.draft.sep)
            ends = np.cumsum(weights, dtype=np.int64)
            if len(ids) > SPARES and ends[-SPARES - 1] >= tokens:
                self.ids, self.weights, self.ends = ids, weights, ends
                self._gapless = len(ids) == count
                return
            mean = weights.mean() if len(ids) else 1
            count = int(max(count * 1.1, tokens / mean * 1.01)) + 2 * SPARES
        raise LcgenError("Nearly every unit of this haystack holds a key or a value of the puzzle. Take another haystack.")

    def upto(self, tokens: float) -> int:
        """How many units of filler fit into so many tokens."""
        return int(np.searchsorted(self.ends, tokens, side="right"))

    def weigh(self, order: np.ndarray) -> np.ndarray:
        """Weights of units, int64."""
        found = np.empty(len(order), np.int64)
        filler = order >= 0
        ids = order[filler]
        found[filler] = self.weights[ids if self._gapless else np.searchsorted(self.ids, ids)]
        found[~filler] = self.plant_weights[-1 - order[~filler]]
        return found

    def order(self, ids: np.ndarray) -> np.ndarray:
        """Filler and plants in the order of the context: each plant at the border nearest to its depth."""
        plants = self.draft.plants
        if not plants:
            return ids
        before = np.concatenate([[0], np.cumsum(self.weigh(ids))])
        length = int(before[-1] + self.plant_weights.sum())
        gaps: list[int] = []
        placed = 0
        ranked = sorted(range(len(plants)), key=lambda number: plants[number].depth)
        for number in ranked:
            weight = int(self.plant_weights[number])
            wanted = plants[number].depth * (length - weight) - placed
            gap = int(np.searchsorted(before, wanted))
            if gap == len(before) or (gap > 0 and wanted - before[gap - 1] < before[gap] - wanted):
                gap -= 1
            gaps.append(max(gap, gaps[-1] if gaps else 0))
            placed += weight
        return np.insert(ids, gaps, [-1 - number for number in ranked])

    def unit(self, unit: int, leads: bool) -> str:
        """One unit with the separator before it, or without where it leads the context."""
        sep = self.draft.sep
        text = self.draft.filler.led(unit, sep) if unit >= 0 else sep + self.draft.plants[-1 - unit].text
        return text.lstrip() if leads else text

    def runs(self, order: np.ndarray) -> Iterator[tuple[int, list[bytes | memoryview]]]:
        """Place and text of each run of the order: the unit that leads, every plant alone, filler as far as it goes."""
        cuts = np.flatnonzero(order < 0)
        bounds = np.unique(np.concatenate([[0, 1], cuts, cuts + 1, [len(order)]])).tolist()
        for start, end in zip(bounds[:-1], bounds[1:]):
            if start == 0 or order[start] < 0:
                yield start, [self.unit(int(order[start]), leads=start == 0).encode()]
            else:
                yield start, self.draft.filler.slices(order[start:end], self.draft.sep)

    def context(self, ids: np.ndarray) -> Context:
        """What pose may see with this filler; laid only when it is looked at."""

        def build() -> tuple[str, np.ndarray, np.ndarray]:
            order = self.order(ids)
            texts = [self.unit(unit, leads=place == 0) for place, unit in enumerate(order.tolist())]
            ends = np.cumsum([len(text) for text in texts], dtype=np.int64)
            starts = ends - [len(text.lstrip()) for text in texts]
            return "".join(texts), np.stack([starts, ends], 1), order

        return Context(build)


@dataclass(frozen=True)
class Located:
    """What is known of a context once it is laid out."""

    characters: int
    """Of all copies."""
    pieces: list[Piece]


class Layout:
    """One order of units, laid out: its text, and where each plant stands in every copy."""

    def __init__(self, ledger: Ledger, order: np.ndarray) -> None:
        self.ledger, self.order = ledger, order
        self.first = ledger.unit(int(order[0]), leads=True)
        self.skeleton = self.first + (ledger.unit(int(order[-1]), leads=False) if len(order) > 1 else "")
        """The shortest context with the same units at its borders, one copy."""
        self.weights = ledger.weigh(order)
        if ledger.additive:
            self._mend()

    def _mend(self) -> None:
        """Counts the seams of plants, whose ends may be other than those of filler, and mends the weights behind them."""
        count = self.ledger.scale.tokenizer.count
        plants = np.flatnonzero(self.order < 0)
        for place in np.union1d(plants, plants + 1).tolist():
            if 0 < place < len(self.order):
                before, unit = (self.ledger.unit(int(self.order[at]), leads=at == 0) for at in (place - 1, place))
                self.weights[place] = count(before.lstrip() + unit) - count(before.lstrip())

    @cached_property
    def middle(self) -> int:
        """What the prompt weighs more than the same prompt round the skeleton, in one copy."""
        if len(self.order) < 2:
            return 0
        count = self.ledger.scale.tokenizer.count
        return int(self.weights[1:].sum()) - (count(self.skeleton) - count(self.first))

    @cached_property
    def _runs(self) -> list[tuple[int, list[bytes | memoryview]]]:
        return list(self.ledger.runs(self.order))

    @property
    def slices(self) -> list[bytes | memoryview]:
        """All copies of the context in pieces, UTF-8."""
        one = [piece for _, run in self._runs for piece in run]
        return one + [COPY_SEP.encode(), *one] * (self.ledger.draft.copies - 1)

    @property
    def context(self) -> str:
        """All copies of the context."""
        return b"".join(self.slices).decode()

    def copied(self, text: str) -> str:
        """As many copies of a context as the draft asks for."""
        return COPY_SEP.join([text] * self.ledger.draft.copies)

    @property
    def repeat(self) -> float:
        """Share of the tokens of all copies that stand earlier in the context."""
        copies, filler = self.ledger.draft.copies, self.order >= 0
        again = self.weights[filler][self.ledger.draft.filler.repeats(self.order[filler])].sum()
        return float((copies - 1 + again / self.weights.sum()) / copies)

    def located(self, before: str, tokenizer: Tokenizer, ascii: bool) -> Located:
        """Where the plants stand in an input that begins with `before` and this context, and may be all ASCII.

        A token span holds all tokens of the unit; the separator before a unit belongs to its first token.
        """
        lengths = [sum(map(len, run)) if ascii else len(b"".join(run).decode()) for _, run in self._runs]
        ends = list(accumulate(lengths))
        copies, plants = self.ledger.draft.copies, self.ledger.draft.plants
        tokens = self._tokens(before, tokenizer) if self.ledger.additive else self._read(before, tokenizer)
        found = []
        for copy in range(copies):
            shift = len(before) + copy * (ends[-1] + len(COPY_SEP))
            begin, close = tokens[copy][0], tokens[copy][-1]
            for (place, _), end in zip(self._runs, ends):
                if self.order[place] < 0:
                    number = -1 - int(self.order[place])
                    low, high = int(tokens[copy][place]), int(tokens[copy][place + 1])
                    depth = (low - begin) / (close - begin - (high - low)) if close - begin > high - low else 0.0
                    end += shift
                    found.append(Piece(number, copy, end - len(plants[number].text), end, low, high, float(depth)))
        return Located(copies * (ends[-1] + len(COPY_SEP)) - len(COPY_SEP), found)

    def _tokens(self, before: str, tokenizer: Tokenizer) -> list[np.ndarray]:
        """Of each copy the token at which each unit starts, and the one behind the last, by arithmetic."""
        # Token borders at the first unit of a copy are read where that unit stands, in the skeleton.
        starts = tokenizer.starts(before + self.copied(self.skeleton))
        found = []
        for copy in range(self.ledger.draft.copies):
            byte = len(before.encode()) + copy * len((self.skeleton + COPY_SEP).encode())
            lane = int(np.searchsorted(starts, byte, side="right")) - 1
            second = int(np.searchsorted(starts, byte + len(self.first.encode())))
            ends = np.concatenate([[lane], second + np.cumsum(self.weights) - self.weights[0]])
            found.append(ends + copy * self.middle)
        return found

    def _read(self, before: str, tokenizer: Tokenizer) -> list[np.ndarray]:
        """The same, read from the tokens of the whole text where weights do not add up."""
        starts = tokenizer.starts(before + self.context)
        texts = [self.ledger.unit(unit, leads=place == 0) for place, unit in enumerate(self.order.tolist())]
        leads = [len(text) - len(text.lstrip()) for text in texts]
        borders = np.concatenate([[0], np.cumsum([len(text.encode()) for text in texts])])
        found = []
        for copy in range(self.ledger.draft.copies):
            byte = len(before.encode()) + copy * (int(borders[-1]) + len(COPY_SEP))
            # A unit starts with the token that holds its separator, unless that token is the end of the unit before.
            low = np.searchsorted(starts, byte + borders[:-1] + leads, side="right") - 1
            found.append(np.append(low, np.searchsorted(starts, byte + borders[-1])))
        return found
