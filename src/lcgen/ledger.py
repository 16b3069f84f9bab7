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
        self.plant_weights = scale.weights([draft.sep + plant.text for plant in draft.plants]) if draft.plants else np.zeros(0, np.int64)
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

    def text(self, units: np.ndarray, leads: bool) -> bytes:
        """Units as UTF-8 with the separators before them, the first without where it leads the context."""
        sep = self.draft.sep
        if units[0] < 0:
            text = (sep + self.draft.plants[-1 - int(units[0])].text).encode()
        else:
            text = self.draft.filler.joined(units, sep)
        return text.lstrip() if leads else text

    def runs(self, order: np.ndarray) -> Iterator[tuple[int, bytes]]:
        """Place and text of each run of the order: every plant alone, filler as far as it goes."""
        cuts = np.flatnonzero(order < 0)
        bounds = np.unique(np.concatenate([[0], cuts, cuts + 1, [len(order)]])).tolist()
        for start, end in zip(bounds[:-1], bounds[1:]):
            yield start, self.text(order[start:end], leads=start == 0)

    def skeleton(self, order: np.ndarray) -> bytes:
        """The shortest context with the same units at its borders, one copy."""
        first = self.text(order[:1], leads=True)
        return first + self.text(order[-1:], leads=False) if len(order) > 1 else first

    def repeat(self, order: np.ndarray) -> float:
        """Share of the tokens of all copies that stand earlier in the context."""
        copies, weights = self.draft.copies, self.weigh(order)
        again = np.zeros(len(order), bool)
        again[order >= 0] = self.draft.filler.repeats(order[order >= 0])
        return float((copies - 1 + weights[again].sum() / weights.sum()) / copies)

    def context(self, ids: np.ndarray) -> Context:
        """What pose may see with this filler; laid only when it is looked at."""

        def build() -> tuple[str, np.ndarray, np.ndarray]:
            order = self.order(ids)
            texts = [self.text(order[place : place + 1], leads=place == 0).decode() for place in range(len(order))]
            ends = np.cumsum([len(text) for text in texts], dtype=np.int64)
            starts = ends - [len(text.lstrip()) for text in texts]
            return "".join(texts), np.stack([starts, ends], 1), order

        return Context(build)


class Layout:
    """One order of units, laid out: its text, and where each plant stands in every copy."""

    def __init__(self, ledger: Ledger, order: np.ndarray) -> None:
        self.ledger, self.order = ledger, order
        self.skeleton = ledger.skeleton(order)
        self.weights = ledger.weigh(order)
        self.middle = int(self.weights[1:-1].sum())

    @cached_property
    def _runs(self) -> list[tuple[int, bytes]]:
        return list(self.ledger.runs(self.order))

    @cached_property
    def context(self) -> bytes:
        """All copies of the context, UTF-8."""
        return self.copied(b"".join([text for _, text in self._runs]))

    @cached_property
    def characters(self) -> list[int]:
        """Characters of one copy before each run, and of all."""
        return [0, *accumulate(len(text) if text.isascii() else len(text.decode()) for _, text in self._runs)]

    def copied(self, text: bytes) -> bytes:
        """As many copies of a context as the draft asks for."""
        copies = self.ledger.draft.copies
        return COPY_SEP.encode().join([text] * copies) if copies > 1 else text

    def pieces(self, before: str, tokenizer: Tokenizer) -> list[Piece]:
        """Where the plants stand in an input that begins with `before` and this context.

        A token span holds all tokens of the unit; the separator before a unit belongs to its first token.
        """
        plants, copies = self.ledger.draft.plants, self.ledger.draft.copies
        first = len(self.ledger.text(self.order[:1], leads=True))
        # Token borders at the first unit of a copy are read where that unit stands, in the skeleton.
        starts = tokenizer.starts(before + self.copied(self.skeleton).decode())
        stride = len(self.skeleton) + len(COPY_SEP)
        behind = np.cumsum(self.weights) - self.weights - self.weights[0]
        found = []
        for copy in range(copies):
            byte = len(before.encode()) + copy * stride
            lane = int(np.searchsorted(starts, byte, side="right")) - 1 + copy * self.middle
            second = int(np.searchsorted(starts, byte + first)) + copy * self.middle
            length = second - lane + int(self.weights[1:].sum())
            shift = len(before) + copy * (self.characters[-1] + len(COPY_SEP))
            for (place, _), end in zip(self._runs, self.characters[1:]):
                if self.order[place] >= 0:
                    continue
                number = -1 - int(self.order[place])
                token, size = (lane, second - lane) if place == 0 else (second + int(behind[place]), int(self.weights[place]))
                depth = (token - lane) / (length - size) if length > size else 0.0
                end += shift
                found.append(Piece(number, copy, end - len(plants[number].text), end, token, token + size, depth))
        return found
