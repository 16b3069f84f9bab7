"""What `Task.pose` sees and gives: the composed context, and the questions over it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np

from lcgen.contract.drafts import Plant


class Context:
    """What `pose` may see of the composed context. Nothing is built before it is asked for."""

    def __init__(
        self,
        build: Callable[[], tuple[str, Sequence[np.ndarray], Sequence[np.ndarray]]],
        tokens: Callable[[str], int],
        share: float = 1.0,
        closed: bool = False,
    ) -> None:
        self._build = build
        self.closed = closed
        """Whether this is the finished document of the output axis, of which promises can be made, and no glimpse of it."""
        self.seen = False
        self.tokens = tokens
        """Tokens of a text, for what is to be cut to a size."""
        self.share = share
        """About how much of the finished context this is; what closes it comes behind."""

    @cached_property
    def _built(self) -> tuple[str, Sequence[np.ndarray], Sequence[np.ndarray]]:
        self.seen = True
        return self._build()

    @property
    def text(self) -> str:
        """One copy of the context, its lanes as drafted."""
        return self._built[0]

    @property
    def spans(self) -> Sequence[np.ndarray]:
        """Of each lane the character spans of its units, shape (n, 2)."""
        return self._built[1]

    @property
    def ids(self) -> Sequence[np.ndarray]:
        """Of each unit of each lane the filler id, or -1 - (number of the plant); shape (n,)."""
        return self._built[2]


@dataclass(frozen=True)
class Quote:
    """A stretch of the composed context that a question is about: evidence that was found there, not planted."""

    plant: Plant
    """What a planted text would say of itself: its text as it stands, the depth aimed at, its role, part, key, value and lane."""
    start: int
    """Its first character, counted from the beginning of its lane, head included."""


@dataclass(frozen=True)
class Puzzle:
    """One question over a context, ready to be worded."""

    slots: Mapping[str, Any]
    """What the template's body prints beside context, pad and audience: `question`, `place`, and the task's own."""
    answers: Sequence[str]
    depth: float | None = None
    """Requested depth of the first gold piece of this question."""
    parts: Sequence[int] | None = None
    """Which parts of the plants are gold here; other gold plants count as distractors. None: all."""
    prefix: str = ""
    """The words that an answer goes on from, for `--for base`: the cue of the first value asked for."""
    lanes: Sequence[int] | None = None
    """The lanes in the order in which they stand, over all copies; None: as drafted, in every copy. Where this shows more copies
    than the draft is fitted for, the prompt is longer than was asked for, and its length is its target; so it is where none is shown."""
    role: str = ""
    """Which of several twins over one draft this is."""
    avoid: frozenset[str] = frozenset()
    """What the units that close the context may not hold, beside what the draft avoids: texts of the context that the question quotes."""
    evidence: Sequence[Quote] = ()
    """What the question is about, where it was found in the context. Only of drafts without plants: closing moves none of that."""
    lacks: str = ""
    """What the context lacks for this puzzle, with the numbers that clash and the nearest that work; such a row is refused."""
    stop: Sequence[str] = ("\n",)
    """Where a base model's answer ends."""
    reference: str | None = None
    """On the output axis a full answer, where it is not the composed document itself."""
    metadata: Mapping[str, Any] = field(default_factory=dict)
