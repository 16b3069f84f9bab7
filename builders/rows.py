"""Rows: one cell of a spec becomes the rows of one context, a pure function of everything that their ids hash."""

from __future__ import annotations

import dataclasses
import hashlib
from collections import Counter
from collections.abc import Iterator, Sequence
from functools import cached_property
from itertools import product
from typing import Any

from lcgen import epochs, generators, reference, schemas, templates
from lcgen.compose import Composer, Lacking, Pose, Prompt, TooShort
from lcgen.contract import MOST_PLANTS, Cell, Context, Draft, Plant, Preset, Puzzle, Task
from lcgen.errors import LcgenError
from lcgen.haystack import Haystack
from lcgen.ids import row_id
from lcgen.layout import Piece
from lcgen.ledger import TooLong
from lcgen.params import parse, plain
from lcgen.shares import Share
from lcgen.spec import Length, Part, Place, Spec
from lcgen.streams import Stream, canonical
from lcgen.tokens import Tokenizer
from lcgen.wording import Wording
from lcgen.wrapper import Wrapper

CANARY = "lcgen-canary-5f0b8d1e-3c57-4a0e-9b62-7d41c9e2a816: generated test data, keep it out of training corpora"
TRAIN = "train"
"""The split that is made to be trained on."""
ORACLES = 64
"""Oracle responses whose longest decides the default answer budget."""


def digest(*parts: Any) -> str:
    """64 bits of SHA-256 over the canonical JSON of the parts, in hex."""
    return hashlib.sha256(canonical(parts).encode()).hexdigest()[:16]


def reserve(asked: int | None, audience: str, wrapper: str) -> int:
    """Tokens left free in the window: as asked, else 0 where the wrapper is counted, else room for one."""
    if asked is not None:
        return asked
    return 0 if audience == "chat" and wrapper != "none" else 64


def canary(split: str) -> str:
    """The text by which leaked rows of a split are found; empty for rows that are made for training, of which it would say what is wrong."""
    return "" if split == TRAIN else CANARY


class RowMaker:
    """Makes the rows of one part of a spec. Raises LcgenError where what is asked for cannot be."""

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
        longest, source = 0, self.haystack.sharing(Share(self.haystack.shared.split))
        for params, number in product(range(len(self.params)), range(ORACLES)):
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
        return -(-longest * 3 // 2 // 32) * 32

    @property
    def preset(self) -> Preset | None:
        """The published grid that this part follows."""
        return self.task.presets.get(self.part.preset.partition(":")[0]) if self.part.preset else None

    @property
    def templates(self) -> dict[str, str]:
        """What the output folder keeps of templates: one name for each text."""
        return {f"templates/{self.part.task}.{self.part.lang}.j2": self.wording.source}

    @property
    def schemas(self) -> Sequence[str]:
        """Names of the schemas that the rows keep."""
        return "row", self.part.task

    def described(self) -> dict[str, Any]:
        """What a manifest says of the part beside its spec, none of it of one machine."""
        return {
            "haystack": f"{self.haystack.name} {self.haystack.fingerprint}",
            "revision": self.task.revision,
            "wording": self.wording.hash,
            "answer_tokens": self.part.answer_tokens,
        }

    def counted(self) -> dict[str, dict[str, Any]]:
        """The vocabulary and the wrapper that lengths were counted with."""
        tokenizer, wrapper = self.tokenizer, self.wrapper
        return {
            "tokenizer": {"name": tokenizer.name, "fingerprint": tokenizer.fingerprint, "engine": tokenizer.engine, **tokenizer.facts},
            "wrapper": {
                "name": wrapper.name, "fingerprint": wrapper.fingerprint, "before": wrapper.before, "after": wrapper.after,
                "tokens": self.wrapper_tokens,
            },
        }  # fmt: skip

    @property
    def own(self) -> bool:
        """Whether all text is lcgen's own, free of rights."""
        return self.haystack.own and all(self.task.own(params) for params in self.params)

    def overlap(self, length: Length) -> float:
        """The share of a row's text that any other row is expected to hold too."""
        pool = self.haystack.tokens
        return round(min(1.0, self.tokens(length) / pool), 4) if pool else 0.0

    @cached_property
    def rows_per_index(self) -> int:
        """Rows of one index of one length: twins and questions of every depth and parameter set."""
        first, depths = self.part.lengths[0], self.part.depths
        members = sum(
            len(self.composer.pose(draft, pose))
            for params in range(len(self.params))
            for draft, pose in self._drafts(Place(first, depths[0], params, 0), Stream("members"))
        )
        return members * len(depths)

    def preflight(self) -> None:
        """Makes one row of each parameter set, depth at either end, and turn, at the shortest length. Raises LcgenError for what cannot be built."""
        least = min(self.part.lengths, key=lambda length: length.low)
        shortest = dataclasses.replace(least, high=least.low)
        for params, parsed in enumerate(self.params):
            ends = [(depth, 0) for depth in {self.part.depths[0], self.part.depths[-1]}]
            turns = [(self.part.depths[0], index) for index in range(1, min(self.task.turns(parsed), self.part.samples))]
            for depth, index in ends + turns:
                for row in self.rows(Place(shortest, depth, params, index)):
                    schemas.validate("row", row)
                    schemas.validate(self.task.name, row["metadata"])

    def tokens(self, length: Length) -> int:
        """The tokens that a row of this length is planned to have; of a native size, those of the first one."""
        return self._first[length] if length.native else length.high

    @cached_property
    def _first(self) -> dict[Length, int]:
        """Tokens of the first row of each length."""
        return {
            length: max(row["length"] for row in self.rows(Place(length, self.part.depths[0], 0, 0)))
            for length in self.part.lengths
        }

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
        """What ids hash of shares; nothing where the whole is drawn from."""
        return ["disjoint"] * self.spec.disjoint + ([f"share {self.spec.share}"] if self.spec.share else [])

    def _drafts(self, place: Place, stream: Stream, source: Haystack | None = None) -> list[tuple[Draft, Pose]]:
        """The drafts of one draw, each with how it is posed: from the same stream however often it is asked."""
        params = self.params[place.params]
        key = self._key(place)
        common = Stream("common", self.task.name, self.task.revision, self.part.lang, self.part.split, self.spec.seed)
        cell = Cell(
            place.depth,
            place.index,
            self.spec.questions,
            self.spec.seed,
            self.part.split,
            Stream("blocks", *key[:-1]),
            common,
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

    def _composed(self, place: Place, draft: Draft, room: int) -> tuple[Draft, Sequence[Prompt]]:
        """The prompts of a draft, or of the first of those elsewhere that holds its puzzles. Raises as the composer does of the draft."""
        stream, output, fault, held = self._stream(place), self.task.axis == "output", None, draft
        while True:
            try:
                pose = self._pose(place, stream, held)
                return held, (
                    reference.compose(self.composer, held, pose, room) if output else self.composer.compose(held, pose, room)
                )
            except (TooShort, Lacking) as error:
                fault = fault or error
            if held.elsewhere is None:
                raise fault
            held = held.elsewhere()

    def _holds(self, draft: Draft, pose: Pose, room: int) -> bool:
        """Whether so many tokens are not too short for a puzzle."""
        try:
            self.composer.compose(draft, pose, room)
        except TooShort:
            return False
        except TooLong:
            pass
        return True

    def prompts(self, place: Place) -> Iterator[tuple[Draft, Prompt, int, int]]:
        """The prompts of one draw, for each twin and question: its draft, itself, its number among those of the draft, and that
        of its question, from 1; 0 where one is asked.

        Raises LcgenError where the length cannot hold the puzzle.
        """
        target, answer = self.target(place), self.max_new_tokens(place.length)
        output = self.task.axis == "output"
        room = target if output else 0 if place.length.native else target - answer - self.reserve
        for drawn, pose in self._drafts(place, self._stream(place)):
            try:
                draft, prompts = self._composed(place, drawn, room)
            except TooShort as error:
                least = target + error.needs - room
                kept = f"Of them {answer} are kept for the answer and {self.reserve} in reserve, and the prompt itself needs about {error.needs}. "
                raise LcgenError(
                    f"{self.part.name}: {target} tokens are too short for this puzzle. {'' if output else kept}Ask for at least {least} "
                    f"(--lengths), or for less in it (--set{'' if output else ', --answer-tokens, --thinking'}).{error.why and ' '}{error.why}"
                ) from error
            except TooLong as error:
                over = drawn.copies * (error.tokens - error.holds)
                if place.length.native:
                    less = "Ask for less, or for"
                elif target > over and self._holds(drawn, pose, room - over):
                    less = f"Ask for at most {target - over} (--lengths), or for"
                else:
                    less = "No length holds both it and the puzzle: ask for"
                raise LcgenError(
                    f"{self.part.name}: {'so many' if place.length.native else target} tokens are too long for this puzzle, whose filler must "
                    f"not repeat: there are {error.units:,} different units of it, {error.holds:,} tokens. "
                    f"{less} a kind of filler with more of them (--set)."
                ) from error
            asked: Counter[str] = Counter()
            for number, prompt in enumerate(prompts):
                asked[prompt.puzzle.role] += 1
                yield draft, prompt, number, asked[prompt.puzzle.role] if self.spec.questions > 1 else 0

    def _stream(self, place: Place) -> Stream:
        """The stream of a draw's puzzle; one for all lengths where the build is paired."""
        return Stream("puzzle", *self._key(place), *([] if self.spec.paired else [self.target(place)]))

    def rows(self, place: Place) -> list[dict[str, Any]]:
        """The rows of one draw: one for each twin and question, in that order. Raises LcgenError as `prompts` does."""
        return [self._row(place, *made) for made in self.prompts(place)]

    def _row(self, place: Place, draft: Draft, prompt: Prompt, number: int, turn: int) -> dict[str, Any]:
        """A row. `number` is that of the prompt among those of its draft, `turn` that of its question, 0 where there is one."""
        spec, part, puzzle, target = self.spec, self.part, prompt.puzzle, self.target(place)
        role = "_".join(filter(None, (draft.role, puzzle.role)))
        answer = self.answer_tokens(place.length)
        length = prompt.prompt_tokens + spec.thinking + answer + self.reserve
        params = self.plain[place.params]
        cell = [
            self.task.name, self.task.revision, params, part.lang, self.wording.hash, spec.seed, part.split, target, place.depth, place.index,
            self.tokenizer.name, self.tokenizer.fingerprint, self.haystack.name, self.haystack.fingerprint, part.variant, spec.audience, self.wrapper.fingerprint, spec.thinking, answer,
            self.reserve, spec.paired, spec.questions,
            *self._shares,
        ]  # fmt: skip
        outputs = list(puzzle.answers)
        stated = [*draft.plants, *(quote.plant for quote in puzzle.evidence)]
        row = {
            "id": row_id(
                self.task.name, part.lang, place.length.config, part.split, place.index, turn, digest(cell, role, number)
            ),
            "task": self.task.name,
            "revision": self.task.revision,
            "variant": part.variant,
            "lang": part.lang,
            "split": part.split,
            "input": prompt.input,
            "question": puzzle.slots["question"],
            "context_start": prompt.context_start,
            "context_end": prompt.context_end,
            "context_id": prompt.context_id,
            "outputs": outputs,
            "answer": ", ".join(outputs),
            "gen_prefix": self.composer.prefix(puzzle),
            "stop": list(puzzle.stop) if spec.audience == "base" else [],
            "prompt_tokens": prompt.prompt_tokens,
            "wrapper_tokens": self.wrapper_tokens,
            "thinking": spec.thinking,
            "max_new_tokens": spec.thinking + answer,
            "reserve": self.reserve,
            "length": length,
            "target": length if prompt.native else target,
            "max_length": length,
            "axis": self.task.axis,
            "output_tokens": prompt.output_tokens,
            "haystack_repeat": round(prompt.repeat, 6),
            "n_chars": len(prompt.input),
            "depth": None if puzzle.depth is None else round(puzzle.depth, 6),
            "index": place.index,
            "seed": epochs.shown(spec.seed),
            "tokenizer": self.tokenizer.name,
            "haystack": self.haystack.name,
            "evidence": [_evidence(stated[piece.plant], piece, puzzle.parts) for piece in prompt.pieces],
            "metric": self.task.metric,
            "params": dict(params),
            "metadata": dict(self.task.settle(draft, puzzle, prompt.ids)),
            "reference_output": prompt.reference or "",
            "group_id": digest("group", cell) if role else "",
            "group_role": role,
            "puzzle_id": digest(self._stream(place).key, role, number, spec.questions),
            "canary": canary(part.split),
        }
        if prompt.reference is None:
            row["reference_output"] = self.task.oracle(row)
        if (needed := self.tokenizer.count(row["reference_output"])) > answer:
            raise LcgenError(
                f"The answer of {row['id']} takes {needed} tokens of {self.tokenizer.name}, but the budget is {answer}. "
                f"Ask for --answer-tokens {needed} or more, or leave it out and it is measured."
            )
        return row

    @cached_property
    def wrapper_tokens(self) -> int:
        """Tokens of chat wrapper or BOS around a prompt."""
        return self.wrapper.count(self.tokenizer, "A") - self.tokenizer.count("A")


def _evidence(plant: Plant, piece: Piece, gold: Sequence[int] | None) -> dict[str, Any]:
    # What leads to the answer of another question leads astray here.
    role = "distractor" if plant.role in ("gold", "step") and gold is not None and plant.part not in gold else plant.role
    return {
        "role": role, "part": plant.part, "copy": piece.copy, "lane": plant.lane, "text": plant.text, "key": plant.key, "value": plant.value,
        "cue": plant.cue, "char_start": piece.char_start, "char_end": piece.char_end, "token_start": piece.token_start,
        "token_end": piece.token_end, "depth_requested": round(plant.depth, 6), "depth": round(piece.depth, 6),
    }  # fmt: skip
