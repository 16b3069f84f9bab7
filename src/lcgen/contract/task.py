"""What a file in `generators/` is: the puzzle, its solver, its scorer and its oracle."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, Generic, Literal, TypeVar

import numpy as np

from lcgen.contract.drafts import Cell, Draft
from lcgen.contract.filler import Source
from lcgen.contract.presets import Preset, Setting
from lcgen.contract.puzzles import Context, Puzzle
from lcgen.contract.rows import Drawn, Estimate, Row, Table

if TYPE_CHECKING:
    from lcgen.contrasts import Contrast
    from lcgen.streams import Stream
    from lcgen.wording import Wording

P = TypeVar("P")
Shortcut = Callable[[str, str, "Wording"], Sequence[str]]
"""Context, question and wording -> what a reader would answer who takes the shortcut."""


class Task(ABC, Generic[P]):
    """One family of puzzles: a file in `generators/` that ends with `TASK = ...`."""

    name: ClassVar[str]
    about: ClassVar[str]
    """What it measures, in one sentence."""
    papers: ClassVar[Sequence[str]]
    tags: ClassVar[Sequence[str]] = ()
    """How the Hub should find it, beside what all datasets of lcgen are tagged with."""
    Params: type[P]
    """Frozen dataclass; a doc line under each field. `__post_init__` raises ValueError for what cannot be."""
    revision: ClassVar[int]
    """Grows only when the task's rows change."""
    axis: ClassVar[Literal["input", "output"]] = "input"
    """What the composed document is, and so what a length measures: the context of the prompt, or the reference answer. On the output
    axis the template prints no context, and `solve` gets an empty one and the whole prompt as the question."""
    metric: ClassVar[str]
    blocks: ClassVar[Mapping[str, Sequence[str]]]
    """Macros that every template of the task must have, with the slots each must print."""
    presets: ClassVar[Mapping[str, Preset]] = {}
    depths: ClassVar[bool] = True
    """Whether a row has one depth that can be asked for."""
    grid: ClassVar[str] = "0..1:0.1"
    """The depths of a build that asks for none."""
    haystack: ClassVar[str] = "prose"
    """The haystack of a build that asks for none."""
    shares: ClassVar[bool] = False
    """Whether all that it asks for is drawn through `Source.share`, so that splits and epochs can have shares of their own."""
    records_only: ClassVar[bool] = False
    """Whether the task's own records alone can fill its context, so that no other haystack can be asked for."""
    lengths: ClassVar[tuple[int, int] | None] = None
    """The shortest and the longest length that can be asked for, in tokens; None: any."""
    limits: ClassVar[str] = ""
    """What `--paired` cannot keep equal, printed by `lcgen tasks`."""
    siblings: ClassVar[Mapping[str, Setting]] = {}
    """Configs built beside each one, by the name that theirs takes on, such as single questions to hold lists of them against. Their
    `samples` are for each of its samples."""
    baselines: ClassVar[Mapping[str, Shortcut]] = {}
    """Shortcuts that a model might take instead of reading; run by the contract test and for the card."""

    def count(self, params: P) -> int | None:
        """The native size that the parameters give the context (pairs, entries, elements); None: it is fitted to a length."""
        return None

    def turns(self, params: P) -> int:
        """Indices in a row over which what is asked for goes round (kinds of questions, distances): a build makes one of each at its
        shortest length before it writes anything, so that what cannot be is refused then."""
        return 1

    def less(self, params: P) -> Mapping[str, Sequence[int]]:
        """Parameters of which less takes fewer tokens, each with its smaller values, rising: of what a length cannot hold it is told how
        much it can."""
        return {}

    def own(self, params: P) -> bool:
        """Whether what the task brings of its own is lcgen's, free of rights; not where it reads somebody's questions."""
        return True

    def table(self, params: P) -> Table | None:
        """The rows as numbers, where the parameters ask for those instead of prompts."""
        return None

    @abstractmethod
    def draw(self, rng: Stream, params: P, cell: Cell, source: Source, wording: Wording) -> Sequence[Draft]:
        """The puzzle before any size is known: one draft, or one for each twin."""

    @abstractmethod
    def pose(self, rng: Stream, params: P, draft: Draft, context: Context, wording: Wording) -> Sequence[Puzzle]:
        """The questions over the composed context, one for each of `cell.questions`."""

    def settle(self, draft: Draft, puzzle: Puzzle, ids: Sequence[np.ndarray]) -> Mapping[str, Any]:
        """Metadata of a finished prompt. `ids` are the units of each lane, as in `Context`, those included with which it was closed."""
        return puzzle.metadata

    @abstractmethod
    def solve(self, context: str, question: str, wording: Wording) -> Sequence[str]:
        """The answers, from the two texts and the template's patterns alone; no bookkeeping of draw or pose."""

    def provable(self, row: Row) -> bool:
        """Whether the answers follow from the prompt; not where they were given with questions from outside."""
        return True

    @abstractmethod
    def score(self, response: str, row: Row) -> Mapping[str, float]:
        """`score` in 0..1, the exclusive metric, and the papers' own metrics under their names."""

    @abstractmethod
    def oracle(self, row: Row) -> str:
        """A response that scores 1."""

    def longest(self, row: Row) -> str:
        """The longest response that a model which is right may well give: the answer budget is 1.5 times its tokens."""
        return self.oracle(row)

    def contrast(self, row: Row) -> Contrast | None:
        """What `lcgen.check` holds against each other: the evidence alone, and the prompt without it; see `lcgen.contrasts`.

        None where no such contrast has a meaning.
        """
        from lcgen import contrasts

        return contrasts.by_spans(row)

    def drawn(self, row: Row) -> Drawn:
        """What of a row was drawn for it, of which epochs with shares of their own have nothing in common.

        A task leaves out what is one of a few for all rows: labels, counts, a question that names nothing.
        """
        pieces = row["evidence"]
        keys, values = ([piece[side] for piece in pieces if piece[side]] for side in ("key", "value"))
        facts = [(piece["key"], piece["value"]) for piece in pieces if piece["key"] and piece["value"]]
        return Drawn(keys, values, facts, [row["question"]])

    def summary(self, rows: Sequence[Row], scores: Mapping[str, np.ndarray]) -> Mapping[str, Estimate]:
        """The figures of a set of rows, such as one cell of a table: the mean of every metric.

        `rows` lack what is long (`lcgen.scoring.HEAVY`) and have `config` and `turn`, the number of the question over its
        context, beside their columns; `scores` holds for each metric of `score` an array parallel to them, the mean over
        samples, nan where a row has no such metric. A task adds what is no mean over rows with `lcgen.estimates`, and
        leaves out what this set of rows cannot tell.
        """
        from lcgen import estimates

        return estimates.means(rows, scores)
