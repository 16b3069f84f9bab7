"""What stands between the planted texts of a context, and what a task may ask text of."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Collection
from typing import TYPE_CHECKING, Protocol

import numpy as np

if TYPE_CHECKING:
    from lcgen.atoms import Form
    from lcgen.shares import Share
    from lcgen.streams import Stream
    from lcgen.tokens import Scale, Tokenizer

SPARES = 120
"""Units behind the fitted ones from which the closing chooses."""


class Units(ABC):
    """Filler, addressed by id: unit i is a pure function of (stream, i), so that contexts nest and shards need no state."""

    form: str
    """Names the shape of the units; units of one form are weighed on one scale."""
    limit: int | None = None
    """How many ids there are before text stands a second time; None where it never does."""

    documents: bool = False
    """Whether ids walk through documents, of which `begins` tells the first units."""

    def begins(self, ids: np.ndarray) -> np.ndarray:
        """Mask over ids: whether a document begins with the unit."""
        return np.zeros(len(ids), bool)

    @abstractmethod
    def text(self, ids: np.ndarray) -> list[str]:
        """The units of these ids, without the separators between them."""

    def slices(self, ids: np.ndarray, sep: str) -> list[bytes | memoryview]:
        """All units of these ids as UTF-8, each with the separator that stands before it, in as few pieces as there are."""
        return ["".join([sep + text for text in self.text(ids)]).encode()]

    def led(self, unit: int, sep: str) -> str:
        """One unit with the separator that stands before it."""
        return b"".join(self.slices(np.array([unit]), sep)).decode()

    def sizes(self, ids: np.ndarray, sep: str) -> tuple[np.ndarray, np.ndarray]:
        """Of each unit its bytes in UTF-8 with the separator before it, and those of the separator (int64)."""
        bare, lead = np.array([len(text.encode()) for text in self.text(ids)], np.int64), len(sep.encode())
        return bare + lead, np.full(len(ids), lead, np.int64)

    def sample(self, count: int, sep: str) -> list[str]:
        """Units by which their form is probed, separators included: the same for all units of one form."""
        return [self.led(number, sep) for number in range(count)]

    def weights(self, ids: np.ndarray, scale: Scale, sep: str) -> np.ndarray:
        """Tokens that each unit adds to a context, separator included (int64)."""
        return scale.weights([sep + text for text in self.text(ids)])

    def additive(self, tokenizer: Tokenizer) -> bool:
        """Whether a wider probe than the scale's own, where there is one, found that weights add up."""
        return True

    def holding(self, ids: np.ndarray, words: Collection[str]) -> np.ndarray:
        """Mask over ids: which units hold one of the words."""
        hit = np.zeros(len(ids), bool)
        if len(words):
            # No word holds a zero byte, so none is found across two units.
            units = [text.encode() for text in self.text(ids)]
            borders = np.cumsum([0, *(len(unit) + 1 for unit in units)])
            whole = b"\0".join(units)
            for word in words:
                mark(hit, whole, borders, word.encode())
        return hit

    def repeats(self, ids: np.ndarray) -> np.ndarray:
        """Mask over ids: which units stand verbatim under an earlier id."""
        return ids >= self.limit if self.limit is not None else np.zeros(len(ids), bool)


def mark(hit: np.ndarray, text: bytes, borders: np.ndarray, word: bytes) -> None:
    """Marks the units in which the word stands, also where it crosses a border; unit i is `text[borders[i] : borders[i + 1]]`."""
    at = text.find(word)
    while at >= 0:
        first = int(np.searchsorted(borders, at, side="right")) - 1
        last = int(np.searchsorted(borders, at + len(word), side="left"))
        hit[first:last] = True
        # The rest of this unit is marked already.
        at = text.find(word, max(at + 1, int(borders[last]) - len(word) + 1))


class Source(Protocol):
    """What a task may ask text of, already bound to a language and a haystack."""

    lang: str
    kind: str
    """Name of the haystack, as it was asked for."""
    shared: Share
    """The share of all keys, values and names that the row draws from: the whole, or what no other split or epoch has."""

    def share(self, form: Form) -> Form:
        """The texts of a form that belong to it. Raises ValueError where there are none."""

    def filler(self, stream: Stream, records: Callable[[], Units] | None = None) -> Units:
        """Units of the haystack; `records` is the task's own look-alike filler, taken where the haystack is `records`."""
