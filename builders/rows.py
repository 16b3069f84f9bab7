"""Rows: one cell of a spec becomes the rows of one context, a pure function of everything that their ids hash."""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Iterable, Sequence
from functools import cached_property
from typing import Any

from lcgen import epochs, schemas
from lcgen.builders.draws import Draws
from lcgen.contract import Draft, Plant, Preset
from lcgen.errors import LcgenError
from lcgen.frames import Prompt
from lcgen.ids import row_id
from lcgen.layout import Piece
from lcgen.ranges import Length
from lcgen.spec import Place
from lcgen.streams import Stream, canonical

CANARY = "lcgen-canary-5f0b8d1e-3c57-4a0e-9b62-7d41c9e2a816: generated test data, keep it out of training corpora"
TRAIN = "train"
"""The split that is made to be trained on."""


def digest(*parts: Any) -> str:
    """64 bits of SHA-256 over the canonical JSON of the parts, in hex."""
    return hashlib.sha256(canonical(parts).encode()).hexdigest()[:16]


def canary(split: str) -> str:
    """The text by which leaked rows of a split are found; empty for rows that are made for training, of which it would say what is wrong."""
    return "" if split == TRAIN else CANARY


class RowMaker(Draws):
    """Makes the rows of one part of a spec. Raises LcgenError where what is asked for cannot be."""

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

    def drawn(self, length: Length) -> int:
        """The tokens of all rows of one draw, its twins and questions."""
        return self.tokens(length) * self.rows_per_index // len(self.part.depths)

    @cached_property
    def _first(self) -> dict[Length, int]:
        """Tokens of the first row of each length."""
        return {
            length: max(row["length"] for row in self.rows(Place(length, self.part.depths[0], 0, 0)))
            for length in self.part.lengths
        }

    def rows(self, place: Place) -> list[dict[str, Any]]:
        """The rows of one draw: one for each twin and question, in that order. Raises LcgenError as `prompts` does."""
        return self.draws([place])[0]

    def draws(self, places: Iterable[Place]) -> list[list[dict[str, Any]]]:
        """The rows of each of some draws, step by step for all of them: what composing needs is small and stays in the processor's cache,
        out of which the text of a long prompt drives it."""
        composed = [(place, [*self.prompts(place)]) for place in places]
        written = [
            (place, [(draft, made.write(), number, turn) for draft, made, number, turn in draw]) for place, draw in composed
        ]
        return [[self._row(place, *made) for made in draw] for place, draw in written]

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
            "puzzle_id": digest(self.stream(place).key, role, number, spec.questions),
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
