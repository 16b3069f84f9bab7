"""The one contract between a task and everything else.

A task knows its puzzle and nothing of tokens, files or the Hub. The order of work is
draw -> fit -> pose -> close -> render; a task writes `draw` and `pose`, the composer does the rest.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any, ClassVar, Generic, Literal, Protocol, TypeVar

import numpy as np

if TYPE_CHECKING:
    from lcgen.atoms import Form
    from lcgen.contrasts import Contrast
    from lcgen.shares import Share
    from lcgen.streams import Stream
    from lcgen.tokens import Scale, Tokenizer
    from lcgen.wording import Wording

P = TypeVar("P")
Row = Mapping[str, Any]
Columns = Mapping[str, np.ndarray]
"""Rows in columns: one number for each row, shape (rows,), or as many for all, shape (rows, n); int32."""
MOST_PLANTS = 4096
"""A row with more evidence than this is refused."""
Role = Literal["gold", "distractor", "decoy", "step"]
Shortcut = Callable[[str, str, "Wording"], Sequence[str]]
SPARES = 120
"""Units behind the fitted ones from which the closing chooses."""


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
class Quote:
    """A stretch of the composed context that a question is about: evidence that was found there, not planted."""

    plant: Plant
    """What a planted text would say of itself: its text as it stands, the depth aimed at, its role, part, key, value and lane."""
    start: int
    """Its first character, counted from the beginning of its lane, head included."""


def mark(hit: np.ndarray, text: bytes, borders: np.ndarray, word: bytes) -> None:
    """Marks the units in which the word stands, also where it crosses a border; unit i is `text[borders[i] : borders[i + 1]]`."""
    at = text.find(word)
    while at >= 0:
        first = int(np.searchsorted(borders, at, side="right")) - 1
        last = int(np.searchsorted(borders, at + len(word), side="left"))
        hit[first:last] = True
        # The rest of this unit is marked already.
        at = text.find(word, max(at + 1, int(borders[last]) - len(word) + 1))


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
    avoid: frozenset[str] = frozenset()
    """Units of filler that hold one of these are skipped."""
    sort: Callable[[np.ndarray], np.ndarray] | None = None
    """Keys of units (ids of filler, or -1 - number of a plant), by which a lane is put in order; no two are equal. Gold plants, whose keys must rise
    with their depths, then keep their depths within a few units: filler is taken from both sides in the shares that they ask for."""
    role: str = ""
    """Which of several twins this is; empty where there is one draft."""
    state: Any = None
    """Private to the task."""


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


@dataclass(frozen=True)
class Setting:
    """One variant of a preset: what it sets, over what its preset sets."""

    params: Mapping[str, Any] = field(default_factory=dict)
    """A tuple of values is swept."""
    haystack: str | None = None
    depths: str | None = None
    samples: int | None = None
    lengths: str | None = None
    answer_tokens: int | None = None
    breaks: Mapping[int, str] = field(default_factory=dict)
    """As those of the preset, of this variant alone."""
    split: str | None = None
    """The split that it is, where a grid has several."""


@dataclass(frozen=True)
class Preset:
    """A published grid, in our own wording."""

    about: str
    """When to choose it, in one sentence."""
    paper: str
    settings: Mapping[str, Setting]
    """Variant name -> setting; the empty name where there is one."""
    lengths: str
    samples: int
    depths: str | None = None
    answer_tokens: int | None = None
    differs: str = ""
    """What is not as published, and why."""
    breaks: Mapping[int, str] = field(default_factory=dict)
    """Laws (3 or 10) that the published form breaks on purpose, with the reason."""


@dataclass(frozen=True)
class Estimate:
    """A figure with its 95 % interval."""

    value: float
    """nan where the rows do not say, such as an agreement where all labels are equal."""
    low: float | None
    high: float | None
    """None where one unit alone cannot tell how much units differ."""
    n: int
    """Independent units behind it; see `lcgen.estimates.units`."""


@dataclass(frozen=True)
class Drawn:
    """What was drawn from pools for a row."""

    keys: Collection[str] = ()
    values: Collection[str] = ()
    facts: Collection[tuple[str, str]] = ()
    """Keys with their values."""
    questions: Collection[str] = ()


class Table(ABC):
    """Rows of numbers, made a block of indices at a time: many small ones, as training wants them."""

    BLOCK: ClassVar[int] = 1024
    """Rows of a block, which is a pure function of its number."""
    schema: ClassVar[str]
    """Name of the schema that the rows keep."""
    slice: str
    """What results are to be told apart by."""
    width: int
    """Numbers in the input of a row: its length."""

    @abstractmethod
    def draw(self, rng: Stream) -> dict[str, np.ndarray]:
        """The columns of one block."""

    @abstractmethod
    def solve(self, columns: Columns) -> np.ndarray:
        """The answers, from the inputs alone."""

    @abstractmethod
    def check(self, columns: Columns) -> None:
        """Raises CheckFailed where rows are not as promised: form, labels, answers as `solve` finds them."""

    @abstractmethod
    def score(self, said: np.ndarray, columns: Columns) -> Mapping[str, np.ndarray]:
        """The metrics of what was said to each row, `score` first."""


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
