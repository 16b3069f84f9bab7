"""Draws: the prompts of one cell of a spec, of exactly the tokens that are left beside budgets."""

from __future__ import annotations

import dataclasses
from bisect import bisect_left
from collections import Counter
from collections.abc import Iterator, Sequence
from functools import cached_property, partial
from itertools import product
from typing import Any

from lcgen import generators, reference, templates
from lcgen.compose import Composer, Lacking, Pose, TooShort
from lcgen.contract import MOST_PLANTS, Cell, Context, Draft, Puzzle, Task
from lcgen.errors import LcgenError
from lcgen.frames import Unwritten
from lcgen.haystack import Haystack
from lcgen.ledger import TooLong
from lcgen.params import parse, plain
from lcgen.ranges import Length
from lcgen.shares import Share
from lcgen.spec import Part, Place, Spec
from lcgen.streams import Stream
from lcgen.tokens import Tokenizer
from lcgen.wording import Wording
from lcgen.wrapper import Wrapper

ORACLES = 64
"""Oracle responses whose longest decides the default answer budget."""
TRIED, SPARED = 3, 32
"""Draws of the first and of the last depth that must hold less of a parameter before it is named, and the part of the room that they leave,
since other draws take a little more."""


def reserve(asked: int | None, audience: str, wrapper: str) -> int:
    """Tokens left free in the window: as asked, else 0 where the wrapper is counted, else room for one."""
    if asked is not None:
        return asked
    return 0 if audience == "chat" and wrapper != "none" else 64


class Draws:
    """Draws the puzzles of one part of a spec and composes their prompts. Raises LcgenError where what is asked for cannot be."""

    def __init__(self, spec: Spec, part: Part, tokenizer: Tokenizer, wrapper: Wrapper) -> None:
        self.spec, self.part, self.tokenizer, self.wrapper = spec, part, tokenizer, wrapper
        self.task: Task[Any] = generators.get(part.task)
        source = templates.source(part.task, part.lang) if spec.template is None else spec.template
        self.wording = Wording(
            source,
            part.lang,
            self.task.blocks,
            "given by --template" if spec.template is not None else f"{part.task}.{part.lang}.j2",
            self.task.axis,
            ours=spec.template is None,
        )
        self.haystack = Haystack(part.haystack, part.lang, tokenizer, Share.of_spec(spec, part.split))
        self.composer = Composer(tokenizer, wrapper, self.wording, spec.audience)
        self.params = [parse(self.task, params) for params in part.params]
        self.plain = [plain(params) for params in self.params]
        self._longest: dict[Any, int] = {}
        """Tokens of the longest of the oracle's responses, for each set of parameters that was measured."""

    @cached_property
    def reserve(self) -> int:
        """Tokens left free in the window."""
        return reserve(self.spec.reserve, self.spec.audience, self.wrapper.name)

    def answer_tokens(self, length: Length) -> int:
        """The answer budget of every row of a length: as asked, else what the answers of this task need."""
        if self.part.answer_tokens is not None:
            return self.part.answer_tokens
        # On the output axis a length is one of answers: a quarter more is left for what a model says otherwise.
        return -(-length.high * 5 // 4) if self.task.axis == "output" and not length.native else self._measured

    @cached_property
    def _measured(self) -> int:
        """1.5 times the longest of 64 responses as a right model may give them, in steps of 32: the same for all epochs."""
        for number, params in enumerate(self.params):
            if params not in self._longest:
                self._longest[params] = self._response(number)
        return -(-max(self._longest[params] for params in self.params) * 3 // 2 // 32) * 32

    def _response(self, params: int) -> int:
        """Tokens of the longest of 64 responses to draws with one set of parameters."""
        longest, source = 0, self.haystack.sharing(Share(self.haystack.shared.split))
        for number in range(ORACLES):
            place = Place(self.part.lengths[0], self.part.depths[0], params, number)
            stream = Stream("answer budget", self.task.name, self.task.revision, self.plain[params], self.part.lang, number)
            for draft, pose in self._drafts(place, stream, source):
                for puzzle in self.composer.pose(draft, pose):
                    answered = {
                        "outputs": list(puzzle.answers),
                        "answer": ", ".join(puzzle.answers),
                        "metadata": puzzle.metadata,
                        "reference_output": puzzle.reference or "",
                    }
                    longest = max(longest, self.tokenizer.count(self.task.longest(answered)))
        return longest

    def max_new_tokens(self, length: Length) -> int:
        """What the model may write: thinking and answer."""
        return self.spec.thinking + self.answer_tokens(length)

    def target(self, place: Place) -> int:
        """The length of one draw, drawn evenly where a range was asked for."""
        low, high = place.length.low, place.length.high
        return low if low == high else low + Stream("target", low, high, *self._key(place)).below(high - low + 1)

    def _key(self, place: Place) -> list[Any]:
        spec = self.spec
        return [
            self.task.name,
            self.task.revision,
            self.plain[place.params],
            self.part.lang,
            self.part.split,
            spec.seed,
            place.depth,
            place.index,
            *self._shares,
        ]

    @property
    def _shares(self) -> list[str]:
        """What ids hash of shares; nothing where the whole is drawn from, as which 0/1 is taken."""
        share = self.haystack.shared
        return ["disjoint"] * self.spec.disjoint + ([f"share {share.which}/{share.of}"] if share.of > 1 else [])

    def stream(self, place: Place) -> Stream:
        """The stream of a draw's puzzle; one for all lengths where the build is paired."""
        return Stream("puzzle", *self._key(place), *([] if self.spec.paired else [self.target(place)]))

    def _drafts(self, place: Place, stream: Stream, source: Haystack | None = None) -> list[tuple[Draft, Pose]]:
        """The drafts of one draw, each with how it is posed: from the same stream however often it is asked."""
        params = self.params[place.params]
        cell = Cell(
            place.depth,
            place.index,
            self.spec.questions,
            self.spec.seed,
            self.part.split,
            Stream("blocks", *self._key(place)[:-1]),
            Stream("common", self.task.name, self.task.revision, self.part.lang, self.part.split, self.spec.seed),
            self.target(place),
        )
        try:
            drafts = self.task.draw(stream, params, cell, source or self.haystack, self.wording)
        except ValueError as error:
            raise LcgenError(f"{self.part.task}: {error}.") from error
        if (most := max(len(draft.plants) * draft.copies for draft in drafts)) > MOST_PLANTS:
            raise LcgenError(
                f"{self.part.task}: {most:,} planted sentences are asked for, but a row holds at most {MOST_PLANTS:,}."
            )

        return [(draft, self._pose(place, stream, draft)) for draft in drafts]

    def _pose(self, place: Place, stream: Stream, draft: Draft) -> Pose:
        """How a draft is posed: from the same stream however often it is asked."""
        params, rng = self.params[place.params], stream.child("pose", draft.role)

        def pose(context: Context) -> Sequence[Puzzle]:
            try:
                return self.task.pose(rng.again(), params, draft, context, self.wording)
            except ValueError as error:
                raise LcgenError(f"{self.part.task}: {error}.") from error

        return pose

    def _composed(self, place: Place, stream: Stream, draft: Draft, pose: Pose, room: int) -> tuple[Draft, Sequence[Unwritten]]:
        """The prompts of a draft, or of the first of those elsewhere that holds its puzzles. Raises as the composer does of the draft."""
        output, fault, held = self.task.axis == "output", None, draft
        while True:
            try:
                return held, (
                    reference.compose(self.composer, held, pose, room) if output else self.composer.compose(held, pose, room)
                )
            except (TooShort, Lacking) as error:
                fault = fault or error
            if held.elsewhere is None:
                raise fault
            held = held.elsewhere()
            pose = self._pose(place, stream, held)

    def _holds(self, draft: Draft, pose: Pose, room: int) -> bool:
        """Whether so many tokens are not too short for a puzzle."""
        try:
            self.composer.compose(draft, pose, room)
        except TooShort:
            return False
        except TooLong:
            pass
        return True

    def _room(self, place: Place) -> int:
        """Tokens of what is composed: the prompt, or on the output axis the reference; 0 where they are measured."""
        if self.task.axis == "output":
            return self.target(place)
        return 0 if place.length.native else self.target(place) - self.max_new_tokens(place.length) - self.reserve

    def _swept(self, place: Place) -> str:
        """Which values of a sweep a place has."""
        own = self.plain[place.params]
        said = [f"{name}={value}" for name, value in own.items() if any(other[name] != value for other in self.plain)]
        return f" with {', '.join(said)}" if said else ""

    def _nearest(self, place: Place) -> str:
        """The most of each parameter, all others as they are, that the length of a place does hold: composed, not estimated."""
        most = {}
        for name, values in self.task.less(self.params[place.params]).items():
            if held := bisect_left(values, True, key=partial(self._exceeds, place, name)):
                most[name] = values[held - 1]
        return f" This length holds {', or '.join(f'{name} at most {value:,}' for name, value in most.items())}." if most else ""

    def _exceeds(self, place: Place, name: str, most: int) -> bool:
        """Whether the length of a place cannot hold so much of a parameter, even if no more of it is asked for anywhere in a sweep."""
        capped = [
            {**given, name: most} if most in self.task.less(params).get(name, ()) else given
            for given, params in zip(self.part.params, self.params)
        ]
        ends = product({self.part.depths[0], self.part.depths[-1]}, range(TRIED))
        try:
            trial = Draws(self.spec, dataclasses.replace(self.part, params=tuple(capped)), self.tokenizer, self.wrapper)
            trial._longest = self._longest
            return not all(
                trial._holds(draft, pose, trial._room(tried) * (SPARED - 1) // SPARED)
                for tried in (dataclasses.replace(place, depth=depth, index=index) for depth, index in ends)
                for draft, pose in trial._drafts(tried, trial.stream(tried))
            )
        except LcgenError:
            return True

    def prompts(self, place: Place) -> Iterator[tuple[Draft, Unwritten, int, int]]:
        """The prompts of one draw, for each twin and question: its draft, itself, its number among those of the draft, and that
        of its question, from 1; 0 where one is asked.

        Raises LcgenError where the length cannot hold the puzzle.
        """
        target, answer = self.target(place), self.max_new_tokens(place.length)
        output, room, stream = self.task.axis == "output", self._room(place), self.stream(place)
        for drawn, pose in self._drafts(place, stream):
            try:
                draft, prompts = self._composed(place, stream, drawn, pose, room)
            except TooShort as error:
                least = target + error.needs - room
                kept = f"Of them {answer} are kept for the answer and {self.reserve} in reserve, and the prompt itself needs about {error.needs}. "
                raise LcgenError(
                    f"{self.part.name}: {target} tokens are too short for this puzzle{self._swept(place)}. {'' if output else kept}Ask for at least {least} "
                    f"(--lengths), or for less in it (--set{'' if output else ', --answer-tokens, --thinking'}).{error.why and ' '}{error.why}{self._nearest(place)}"
                ) from error
            except TooLong as error:
                over, more = drawn.copies * (error.tokens - error.holds), drawn.more(error.needs) if drawn.more else ""
                if place.length.native:
                    less = "Ask for less, or for"
                elif target > over and self._holds(drawn, pose, room - over):
                    less = f"Ask for at most {target - over} (--lengths), or for"
                else:
                    less = "No length holds both it and the puzzle: ask for"
                raise LcgenError(
                    f"{self.part.name}: {'so many' if place.length.native else target} tokens are too long for this puzzle{self._swept(place)}, whose filler must "
                    f"not repeat: there are {error.units:,} different units of it, {error.holds:,} tokens. "
                    f"{less} a kind of filler with more of them (--set).{more and ' '}{more}"
                ) from error
            asked: Counter[str] = Counter()
            for number, prompt in enumerate(prompts):
                asked[prompt.puzzle.role] += 1
                yield draft, prompt, number, asked[prompt.puzzle.role] if self.spec.questions > 1 else 0
