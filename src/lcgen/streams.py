"""Randomness: one class, keyed by what it is for, equal on every machine and every numpy."""

from __future__ import annotations

import hashlib
import json
import struct
from collections.abc import Sequence
from functools import cached_property
from typing import Any, TypeVar

import numpy as np

Item = TypeVar("Item")

canonical = json.JSONEncoder(sort_keys=True, separators=(",", ":"), ensure_ascii=True).encode
"""JSON of a value, the same for equal values; one encoder for all, since a row writes a dozen keys."""


class Stream:
    """An endless sequence of random draws that is a pure function of its key.

    `key` is anything that JSON can write. The bits are SHAKE-128 of the key and a counter, a published standard that
    no library can change; all distributions are made here, because numpy and the standard library may change theirs.
    """

    def __init__(self, *key: Any) -> None:
        self._of, self._blocks = key, 0
        self._words: list[int] = []
        try:
            hash(key)
        except TypeError:
            # A dictionary or list may be another one by the time that the stream is drawn from.
            self.key = self._hashed()

    @cached_property
    def key(self) -> str:
        """What the stream is a function of, in 64 hex digits: hashed when it is first asked for, since many streams never are."""
        return self._hashed()

    def _hashed(self) -> str:
        return hashlib.sha256(canonical(self._of).encode()).hexdigest()

    def _block(self) -> bytes:
        """The next block of words. Blocks grow, since most streams need a few words and some need many."""
        size = 16 << min(self._blocks, 8)
        block = hashlib.shake_128(f"{self.key}:{self._blocks}".encode()).digest(8 * size)
        self._blocks += 1
        return block

    def _word(self) -> int:
        """The next 64-bit word."""
        if not self._words:
            self._words = self._fresh()
        return self._words.pop()

    def _fresh(self) -> list[int]:
        """The words of the next block, the last one first."""
        block = self._block()
        return list(struct.unpack(f"<{len(block) // 8}Q", block))[::-1]

    def _ahead(self, count: int) -> list[int]:
        """The next `count` words, which still are to be taken."""
        while len(self._words) < count:
            self._words[:0] = self._fresh()
        return self._words[: -count - 1 : -1]

    def child(self, *key: Any) -> Stream:
        """A stream of its own for a part of this one's purpose; draws here do not move draws there."""
        return Stream(self.key, *key)

    def again(self) -> Stream:
        """This stream from its beginning."""
        fresh = Stream()
        fresh._of = self._of
        if "key" in self.__dict__:
            fresh.key = self.key
        return fresh

    def raw(self, count: int) -> np.ndarray:
        """The next `count` 64-bit words, uint64."""
        begun = [self._words.pop() for _ in range(min(count, len(self._words)))]
        blocks, lacks = [], count - len(begun)
        while lacks > 0:
            blocks.append(np.frombuffer(self._block(), "<u8"))
            lacks -= len(blocks[-1])
        if lacks < 0:
            self._words = blocks[-1][lacks:].tolist()[::-1]
        return np.concatenate([np.array(begun, np.uint64), *blocks])[:count].astype(np.uint64, copy=False)

    def below(self, limit: int) -> int:
        """A whole number 0 <= n < limit, without bias."""
        if limit < 1:
            raise ValueError(f"below({limit}) has nothing to choose from")
        if limit > 1 << 64:
            raise ValueError(f"below({limit}) is more than one word of 64 bits can say")
        while True:
            word = self._words.pop() if self._words else self._word()
            # The lowest words would be one too many for some numbers. How many they are need not be known of a word above the limit.
            if word >= limit or word >= (1 << 64) % limit:
                return word % limit

    def unit(self) -> float:
        """A float in [0, 1) of 53 random bits."""
        return (self._word() >> 11) * 2.0**-53

    def units(self, count: int) -> list[float]:
        """The next `count` floats in [0, 1), as `unit` gives them."""
        words = self._ahead(count)
        del self._words[len(self._words) - count :]
        return [(word >> 11) * 2.0**-53 for word in words]

    def each(self, limits: Sequence[int]) -> list[int]:
        """A whole number below each of the limits, in their order: those that `below` gives one after another."""
        words = self._ahead(len(limits))
        if words and min(words) >= max(limits):
            # None of them is refused (see below), so they are taken at once.
            del self._words[-len(words) :]
            return [word % limit for word, limit in zip(words, limits)]
        return [self.below(limit) for limit in limits]

    def belows(self, limit: int, count: int) -> np.ndarray:
        """`count` whole numbers below `limit` (int64). The bias of at most limit / 2**64 is below any test's reach."""
        return np.asarray(self.raw(count) % np.uint64(limit), np.int64)

    def choice(self, items: Sequence[Item]) -> Item:
        """One of the items."""
        return items[self.below(len(items))]

    def sample(self, limit: int, count: int) -> list[int]:
        """`count` distinct whole numbers below `limit`, in random order; ValueError where there are too few."""
        if count > limit:
            raise ValueError(f"cannot draw {count} distinct numbers below {limit}")
        moved: dict[int, int] = {}
        drawn = []
        for place, step in enumerate(self.each(range(limit, limit - count, -1))):
            other = place + step
            drawn.append(moved.get(other, other))
            moved[other] = moved.get(place, place)
        return drawn

    def shuffle(self, items: Sequence[Item]) -> list[Item]:
        """The items in random order, as a new list."""
        found = list(items)
        for place, step in enumerate(self.each(range(len(found), 0, -1))):
            found[place], found[place + step] = found[place + step], found[place]
        return found
