"""What `Task.draw` knows and gives: a puzzle before any size is known."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from lcgen.contract.filler import Units

if TYPE_CHECKING:
    from lcgen.streams import Stream

Role = Literal["gold", "distractor", "decoy", "step"]
MOST_PLANTS = 4096
"""A row with more evidence than this is refused."""


@dataclass(frozen=True)
class Cell:
    """What a draw may know of its place in the build; never the tokenizer, and of length the tokens asked for alone."""

    depth: float | None
    """Requested depth of the first gold piece; None where the task has no single depth."""
    index: int
    questions: int = 1
    """How many questions are asked over one context."""
    seed: str = "0"
    split: str = "test"
    """For published generators alone, which begin with a number of their own; all else draws from its stream."""
    blocks: Stream | None = None
    common: Stream | None = None
    """One stream for all rows of a seed, split and language, whatever their parameters and lengths: for configs whose rows ask the same."""
    target: int = 0
    """Tokens asked for. A document has as many parts as suit its length, and its rules are drawn over them; nothing else may look at it."""

    def turn(self, parts: int) -> int:
        """0 <= n < parts, each once in every run of `parts` indices: balance that growing a build does not change."""
        block, place = divmod(self.index, parts)
        if self.blocks is None:
            return place
        return self.blocks.child("turn", parts, block).sample(parts, parts)[place]

    def stratum(self, rng: Stream) -> float:
        """A depth in [0, 1) in the tenth whose turn it is: every ten indices have one in each."""
        return (self.turn(10) + rng.unit()) / 10

    def start(self, rng: Stream) -> float:
        """The depth asked for; else one by strata."""
        return self.depth if self.depth is not None else self.stratum(rng)


def wrapped(depth: float) -> float:
    """Back into 0..1; 1 itself stays, since the end of the text is a depth of its own."""
    return round(depth - 1 if depth > 1 else depth, 9)


@dataclass(frozen=True)
class Plant:
    """A text that must stand in the context, as one unit between units of filler."""

    text: str
    depth: float
    """0 first .. 1 last, within its lane; plants of equal depth stand side by side there, in the order of the draft. Of a draft
    that counts units depth counts units too, else tokens."""
    role: Role = "gold"
    part: int = 0
    """Which of the things asked for this belongs to (key of a multi-key question, step of a thread)."""
    key: str = ""
    value: str = ""
    """The answer inside `text`; the words before it are the cue."""
    lane: int = 0

    @property
    def cue(self) -> str:
        """The words that stand before the value, with no space after them."""
        return self.text[: self.text.rindex(self.value)].rstrip() if self.value else ""


@dataclass(frozen=True)
class Lane:
    """One list of units in the context: `head`, its units and plants joined by the draft's `sep`, `tail`."""

    head: str = ""
    tail: str = ""
    share: int = 1
    """Units of filler that fall to it in every round over all lanes; 0: plants alone."""


@dataclass(frozen=True)
class Draft:
    """A puzzle before any size is known. The context is its lanes, one after another."""

    plants: tuple[Plant, ...]
    filler: Units
    sep: str = " "
    lanes: tuple[Lane, ...] = (Lane(),)
    join: str = "\n"
    """What stands between two lanes."""
    level: bool = False
    """Whether filler falls to the lane that has the fewest tokens, plants counted, instead of by shares: then lanes are equally long
    within a unit or so, and a length that leaves one without filler is too short."""
    copies: int = 1
    """How often the whole context stands in the prompt (Just Read Twice)."""
    again: str = "\n\n"
    """What stands between two copies."""
    count: int | None = None
    """Units and plants in all, where the puzzle has a native size; then tokens are measured, not asked for."""
    least: int = 0
    """Units of filler below which the puzzle is not what was asked for; a length that holds fewer is too short."""
    why: Callable[[int], str] | None = None
    """Says why so many are the least, and what would do, given how many fit."""
    distinct: bool = False
    """Whether no unit may stand twice: a length that needs more units than there are is too long."""
    more: Callable[[int], str] | None = None
    """Says which parameter keeps the units from being more, and what would do, given about how many are needed."""
    avoid: frozenset[str] = frozenset()
    """Units of filler that hold one of these are skipped."""
    sort: Callable[[np.ndarray], np.ndarray] | None = None
    """Keys of units (ids of filler, or -1 - number of a plant), by which a lane is put in order; no two are equal. Gold plants, whose keys must rise
    with their depths, then keep their depths within a few units: filler is taken from both sides in the shares that they ask for."""
    role: str = ""
    """Which of several twins this is; empty where there is one draft."""
    elsewhere: Callable[[], Draft] | None = None
    """The same puzzle over another text, where this one is too short or lacks something (`Puzzle.lacks`): a book may have a part that
    does. None where there is no other, or after as many as are worth a look."""
    state: Any = None
    """Private to the task."""
