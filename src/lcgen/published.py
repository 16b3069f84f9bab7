"""Data that others have published and that comes out of a generator of theirs: the only text that is drawn from no `Stream`."""

from __future__ import annotations

import random
import uuid
from collections.abc import Sequence

import numpy as np

from lcgen.contract import Cell, Units
from lcgen.streams import Stream


def repetition(cell: Cell, rng: Stream) -> int:
    """The number with which a published generator begins: 0, 1, 2 ... in the test split of seed 0, elsewhere one that nobody has
    published, so that no two seeds share rows."""
    known = (cell.seed, cell.split) == ("0", "test")
    return cell.index if known else rng.child("published").below(1 << 62)


class UuidPairs(Units):
    """The pairs of Needle Threading's published contexts (Roberts et al. 2024), those at the places `skip` left out, as members of a
    JSON object.

    Key and value by turns are the next 128 bits of Python's generator, written as a UUID without a version; the generator begins
    with the number of the repetition.
    """

    form = "published pairs"

    def __init__(self, number: int, skip: Sequence[int] = ()) -> None:
        self.number, self.skip, self._source = number, sorted(skip), random.Random(number)
        self._pairs: list[tuple[str, str]] = []

    def pair(self, place: int) -> tuple[str, str]:
        """The pair at a place of the published context."""
        while len(self._pairs) <= place:
            key, value = (str(uuid.UUID(int=self._source.getrandbits(128))) for _ in range(2))
            self._pairs.append((key, value))
        return self._pairs[place]

    def text(self, ids: np.ndarray) -> list[str]:
        places = np.array(ids, np.int64)
        for gone in self.skip:
            places += places >= gone
        return ['"{}": "{}"'.format(*self.pair(place)) for place in places.tolist()]

    def sample(self, count: int, sep: str) -> list[str]:
        return [sep + text for text in UuidPairs(0).text(np.arange(count))]
