"""Pairs of sets as integer tokens, for training small models: the paper's form, with disjoint pairs if they are asked for.

A row is `1 first set 2 second set 3`, and its answer is the element that stands in both. `labels[i]` is what a model is
to say behind `input_ids[i]` (not shifted): IGNORED everywhere but at the end.
"""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction

import numpy as np

from lcgen.contract import Columns, Table
from lcgen.errors import CheckFailed
from lcgen.generators._set_params import FIRST, IDS, SetParams
from lcgen.streams import Stream

NONE, PREFIX, BETWEEN, ASK = range(FIRST)
"""Special ids as published: mask, before the first set, between the sets, before the answer; elements begin at FIRST. The mask never stands in a published row; here it is the answer where the sets are disjoint."""
SOME = 1
"""The answer of `decide` where the sets meet; NONE where they do not."""
IGNORED = -100
"""Label of what is not to be learned, as PyTorch's cross entropy leaves it out."""


class TokenSets(Table):
    """Rows of one pair of sizes."""

    schema = "set_tokens"

    def __init__(self, params: SetParams) -> None:
        self.mode, self.swap, self.copies = params.answer_mode, params.swap, params.copies
        short, long = params.sizes
        self.ids, self.least = params.universe or IDS, short
        self.sizes = (long, short) if params.order == "long_first" else (short, long)
        self.share = Fraction(round(params.intersecting * 20), 20)
        self.slice = f"{self.sizes[0]}_{self.sizes[1]}"
        self.width = self.copies * (short + long + 2) + 1

    def draw(self, rng: Stream) -> dict[str, np.ndarray]:
        """A block: sets of distinct ids, then one of the first set written over one of the second, in as many rows as share one.

        The paper halves the ids at random and draws a set from each half, which gives every pair of sets the same chance as here.
        """
        rows, (first, second) = self.BLOCK, self.sizes
        drawn = self._sample(rng.child("elements"), first + second)
        meeting = self._meeting(rng.child("meeting"))
        source, target = (rng.child("place", number).belows(size, rows) for number, size in enumerate(self.sizes))
        every = np.arange(rows)
        shared = drawn[every, source]
        drawn[every[meeting], first + target[meeting]] = shared[meeting]
        inputs = np.empty((rows, self.width), np.int32)
        for copy in range(self.copies):
            at = copy * (first + second + 2)
            sets = (drawn[:, :first], drawn[:, first:])
            one, two = sets[::-1] if self.swap and copy % 2 else sets
            inputs[:, at], inputs[:, at + 1 : at + 1 + one.shape[1]] = PREFIX, one
            inputs[:, at + 1 + one.shape[1]], inputs[:, at + 2 + one.shape[1] : at + 2 + first + second] = BETWEEN, two
        inputs[:, -1] = ASK
        return self._answered(inputs, np.where(meeting, shared if self.mode == "intersect_one" else SOME, NONE))

    def _answered(self, inputs: np.ndarray, answers: np.ndarray) -> dict[str, np.ndarray]:
        labels = np.full_like(inputs, IGNORED)
        labels[:, -1] = answers
        return {"input_ids": inputs, "labels": labels, "answer": answers.astype(np.int32)}

    def _sample(self, rng: Stream, count: int) -> np.ndarray:
        """Distinct elements, shape (rows, count): the first steps of a Fisher-Yates shuffle in all rows at once."""
        rows, limit = self.BLOCK, self.ids - FIRST
        words = rng.raw(-(-count * rows // 2)).view("<u4")[: count * rows].reshape(count, rows).astype(np.uint64)
        # The bias of at most limit / 2**32 is far below what a training set can show.
        others = (words * (limit - np.arange(count, dtype=np.uint64))[:, None] >> np.uint64(32)).astype(np.intp)
        deck = np.repeat(np.arange(FIRST, self.ids, dtype=np.int32)[:, None], rows, 1)
        every = np.arange(rows)
        for place in range(count):
            other = others[place] + place
            taken = deck[other, every]
            deck[other, every] = deck[place]
            deck[place] = taken
        return np.ascontiguousarray(deck[:count].T)

    def _meeting(self, rng: Stream) -> np.ndarray:
        """Which rows share an element: the same number in every run of as many rows as the share's denominator."""
        run = self.share.denominator
        ranks = rng.raw(-(-self.BLOCK // run) * run).reshape(-1, run).argsort(axis=1).argsort(axis=1)
        return np.asarray((ranks < self.share.numerator).reshape(-1)[: self.BLOCK], bool)

    def solve(self, columns: Columns) -> np.ndarray:
        first, second = self._sets(columns["input_ids"])
        common = first & second
        found = np.where(common.any(1), common.argmax(1), NONE)
        return found if self.mode == "intersect_one" else np.where(common.any(1), SOME, NONE)

    def _sets(self, inputs: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Which ids stand in both sets of the first copy, two masks of shape (rows, ids)."""
        first, second = self.sizes
        found = []
        for begin, size in ((1, first), (2 + first, second)):
            mask = np.zeros((len(inputs), self.ids), bool)
            np.put_along_axis(mask, inputs[:, begin : begin + size].astype(np.intp), True, 1)
            found.append(mask)
        return found[0], found[1]

    def check(self, columns: Columns) -> None:
        inputs, labels, answers = (columns[name] for name in ("input_ids", "labels", "answer"))
        if inputs.shape[1:] != (self.width,) or labels.shape != inputs.shape or inputs.min() < 0 or inputs.max() >= self.ids:
            raise CheckFailed(f"A row of {self.slice} does not hold {self.width} ids below {self.ids} and as many labels.")
        first, second = self.sizes
        body = first + second + 2
        for copy in range(self.copies):
            one, two = inputs[:, 1 : 1 + first], inputs[:, 2 + first : body]
            size = first
            if self.swap and copy % 2:
                one, two, size = two, one, second
            shown = inputs[:, copy * body : (copy + 1) * body]
            if (
                not (shown[:, 0] == PREFIX).all()
                or not (shown[:, 1 + size] == BETWEEN).all()
                or not ((shown[:, 1 : 1 + size] == one).all() and (shown[:, 2 + size :] == two).all())
            ):
                raise CheckFailed(
                    f"A row of {self.slice} does not show its two sets between the special ids, in every copy alike."
                )
        held = self._sets(inputs)
        if any((mask.sum(1) != size).any() or mask[:, :FIRST].any() for mask, size in zip(held, self.sizes)):
            raise CheckFailed(f"A row of {self.slice} holds a set with an element twice, or a special id in a set.")
        if not (inputs[:, -1] == ASK).all() or not (labels[:, :-1] == IGNORED).all() or not (labels[:, -1] == answers).all():
            raise CheckFailed(f"A row of {self.slice} does not end in the question and its label.")
        if (self.solve(columns) != answers).any() or ((held[0] & held[1]).sum(1) > 1).any():
            raise CheckFailed(f"A row of {self.slice} does not hold: what its sets share is not its answer.")

    def score(self, said: np.ndarray, columns: Columns) -> Mapping[str, np.ndarray]:
        right = (np.asarray(said) == columns["answer"]).astype(float)
        if self.mode == "decide":
            return {"score": right, "positive": (np.asarray(said) == SOME).astype(float)}
        # Whoever names any element of the short set is right in one of so many rows that share one.
        return {"score": right, "uplift": right - (columns["answer"] != NONE) / self.least}
