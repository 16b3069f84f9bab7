"""Filler of several kinds, one for each lane of a draft."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from typing import TYPE_CHECKING

import numpy as np

from lcgen.contract import Units

if TYPE_CHECKING:
    from lcgen.tokens import Counts, Scale, Tokenizer


class Woven(Units):
    """Of n kinds of filler unit i is unit i // n of kind i % n: in a draft of n lanes with equal shares each lane has its kind."""

    def __init__(self, kinds: Sequence[Units]) -> None:
        self.kinds = kinds
        self.form = " | ".join(kind.form for kind in kinds)
        limits = [kind.limit for kind in kinds if kind.limit is not None]
        self.limit = min(limits) * len(kinds) if limits else None

    def _parted(self, ids: np.ndarray) -> Iterator[tuple[Units, np.ndarray, np.ndarray]]:
        """Each kind that has some of these units, their places among them, and their ids in that kind."""
        for number, kind in enumerate(self.kinds):
            places = np.flatnonzero(ids % len(self.kinds) == number)
            if len(places):
                yield kind, places, ids[places] // len(self.kinds)

    def text(self, ids: np.ndarray) -> list[str]:
        found = np.empty(len(ids), object)
        for kind, places, own in self._parted(ids):
            found[places] = kind.text(own)
        return list(found)

    def slices(self, ids: np.ndarray, sep: str) -> list[bytes | memoryview]:
        parted = list(self._parted(ids))
        return parted[0][0].slices(parted[0][2], sep) if len(parted) == 1 else super().slices(ids, sep)

    def led(self, unit: int, sep: str) -> str:
        return self.kinds[unit % len(self.kinds)].led(unit // len(self.kinds), sep)

    def sizes(self, ids: np.ndarray, sep: str) -> tuple[np.ndarray, np.ndarray]:
        led, leads = np.empty(len(ids), np.int64), np.empty(len(ids), np.int64)
        for kind, places, own in self._parted(ids):
            led[places], leads[places] = kind.sizes(own, sep)
        return led, leads

    def sample(self, count: int, sep: str) -> list[str]:
        each = [kind.sample(-(-count // len(self.kinds)), sep) for kind in self.kinds]
        return [unit for turn in zip(*each) for unit in turn][:count]

    def weights(self, ids: np.ndarray, scale: Scale, sep: str) -> Counts:
        found = np.empty(len(ids), np.int64)
        for kind, places, own in self._parted(ids):
            found[places] = kind.weights(own, scale, sep)
        return found

    def additive(self, tokenizer: Tokenizer) -> bool:
        return all(kind.additive(tokenizer) for kind in self.kinds)

    def holding(self, ids: np.ndarray, words: Collection[str]) -> np.ndarray:
        found = np.zeros(len(ids), bool)
        for kind, places, own in self._parted(ids):
            found[places] = kind.holding(own, words)
        return found
