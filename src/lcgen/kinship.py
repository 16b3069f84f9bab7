"""Families: relations between people that make one tree, with a chain through it on which a question can be asked.

People and relations are numbers here; who they are and how they are worded is the task's. Every family of a row is drawn by the same
rules, the one that is asked about included, so that counts of people, roots, leaves and relations tell nothing.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from functools import lru_cache
from itertools import accumulate
from typing import Literal, NamedTuple

import numpy as np

from lcgen.contract import wrapped
from lcgen.streams import Stream

Ask = Literal["eldest", "ancestor", "descendant", "distance"]
Order = Literal["shuffled", "forward", "backward", "apart"]
ASKS: tuple[Ask, ...] = ("eldest", "ancestor", "descendant", "distance")
WOVEN = 4
"""Families of filler whose relations stand among each other."""
BANK = 4096
"""Relations of filler, about, before their pattern comes again with other people."""


@dataclass(frozen=True)
class Plan:
    """What all families of a row are drawn by."""

    ask: Ask
    chain: int
    """Relations on the chain."""
    generations: int
    """Generations from one end of the chain to the other; 0: any number that they can have, each as likely."""
    beyond: int
    """Relations by which the line goes on beyond the ends of the chain."""
    branches: int
    """Relations to people beside the line."""
    order: Order
    gap: float

    @property
    def relations(self) -> int:
        """Relations of one family; its people are one more."""
        return self.chain + self.beyond + self.branches


class Relation(NamedTuple):
    """The elder is the younger's parent (1 generation) or grandparent (2)."""

    elder: int
    younger: int
    generations: int
    gender: int
    """0 or 1, of the elder."""

    @property
    def kind(self) -> int:
        """One of four relations: two bits, whether it is two generations, and the elder's gender."""
        return 2 * (self.generations - 1) + self.gender


@dataclass(frozen=True)
class Family:
    """One tree of people 0, 1, ..., numbered in the order in which they were drawn."""

    relations: list[Relation]
    """The chain first, from the end that is asked about to the answer; then all others."""
    trace: list[int]
    """The people on the chain, in the same order."""
    generations: int


def grow(rng: Stream, plan: Plan) -> Family:
    """A family in which the question has one answer: nobody else stands where the answer does, as seen from the person asked about."""
    free = plan.generations - plan.chain if plan.generations else rng.below(plan.chain + 1)
    leaps = set(rng.sample(plan.chain, free))
    # The eldest of a line has nobody above; other answers may stand in the midst of theirs.
    below = plan.beyond if plan.ask == "eldest" else rng.below(plan.beyond + 1)
    line = plan.chain + plan.beyond
    chain = [1 + (at in leaps) for at in range(plan.chain)]
    beyond = [1 + more for more in rng.each([2] * plan.beyond)]
    steps = [*beyond[:below], *chain, *beyond[below:]]
    gender = rng.each([2] * (line + 1))
    found = [Relation(at + 1, at, step, gender[at + 1]) for at, step in enumerate(steps)]
    heights = [*accumulate(steps, initial=0)]
    above: dict[int, list[Relation]] = {}
    low, top = below, below + plan.chain
    downwards = plan.ask == "descendant"
    # Whoever the trace can reach from where it begins, upwards or downwards.
    reached = {*range(top + 1)} if downwards else {*range(low, line + 1)}
    for person in range(line + 1, line + 1 + plan.branches):
        beside, step = rng.below(person), 1 + rng.below(2)
        # Few of a long line have anybody beside them.
        parents = above.setdefault(beside, found[beside : beside + 1] if beside < line else [])
        upwards = len(parents) < 2 and rng.below(2) == 1
        if beside in reached and downwards != upwards:
            goal = heights[low] if downwards else heights[top]
            allowed = [
                size for size in (step, 3 - step) if _clear(plan.ask, heights[beside] + (size if upwards else -size), goal)
            ]
            if allowed:
                step = allowed[0]
                reached.add(person)
            else:
                upwards = not upwards
        if upwards:
            # Nobody has two fathers or two mothers.
            taken = [relation.gender for relation in parents if relation.generations == step == 1]
            gender.append(1 - taken[0] if taken else rng.below(2))
            found.append(Relation(person, beside, step, gender[person]))
            parents.append(found[-1])
            heights.append(heights[beside] + step)
        else:
            gender.append(rng.below(2))
            found.append(Relation(beside, person, step, gender[beside]))
            above[person] = [found[-1]]
            heights.append(heights[beside] - step)
    asked, trace = found[low:top], [*range(low, top + 1)]
    if downwards:
        asked, trace = asked[::-1], trace[::-1]
    return Family([*asked, *found[:low], *found[top:]], trace, heights[top] - heights[low])


def _clear(ask: Ask, height: int, goal: int) -> bool:
    """Whether someone whom the trace reaches at this height leaves the answer the only one."""
    return height < goal if ask == "eldest" else height != goal if ask in ("ancestor", "descendant") else True


def depths(rng: Stream, plan: Plan, start: float) -> list[float]:
    """A depth for each relation of a family, those of the chain first; one of the chain stands at `start`.

    The others of the chain follow it at equal gaps, going on from the beginning of the text behind its end, or stand anywhere.
    """
    count = plan.chain
    if plan.gap:
        marks = sorted(wrapped(start + step * plan.gap) for step in range(count))
    else:
        marks = sorted([start, *rng.units(count - 1)])
    ranks = list(range(count))
    if plan.order == "shuffled":
        ranks = rng.shuffle(ranks)
    elif plan.order == "backward":
        ranks = ranks[::-1]
    elif plan.order == "apart":
        # Neighbours on the chain stand in different halves, each as far from the next as from the one before.
        half = -(-count // 2)
        ranks = [number // 2 + (half if number % 2 else 0) for number in ranks]
    return [*(marks[rank] for rank in ranks), *rng.units(plan.relations - count)]


@dataclass(frozen=True)
class Bank:
    """Blocks of woven families, each an array of shape (blocks, relations of a block)."""

    elder: np.ndarray
    """Numbers of people within their block."""
    younger: np.ndarray
    kind: np.ndarray
    """As in `Relation`."""
    people: int
    """People of a block."""


@lru_cache(maxsize=64)
def bank(plan: Plan) -> Bank:
    """Families for filler, drawn by the plan from a stream that is the same for all rows: what differs between rows are the people."""
    found = []
    size = plan.relations + 1
    for block in range(max(4, BANK // (WOVEN * plan.relations))):
        woven: list[tuple[float, int, int, int]] = []
        for number in range(WOVEN):
            rng = Stream("kinship", asdict(plan), block, number)
            family = grow(rng, plan)
            woven += [
                (depth, number * size + held.elder, number * size + held.younger, held.kind)
                for depth, held in zip(depths(rng, plan, rng.unit()), family.relations)
            ]
        found.append([fact[1:] for fact in sorted(woven)])
    elder, younger, kind = np.moveaxis(np.array(found, np.int64), -1, 0)
    return Bank(elder, younger, kind, WOVEN * size)
