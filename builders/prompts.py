"""Prompts: the rows of one part on their way to a folder, each held to its promises before it is written."""

from __future__ import annotations

import dataclasses
import time
from collections import deque
from collections.abc import Callable, Iterator
from itertools import chain, islice
from pathlib import Path
from typing import Any

from lcgen import proof, schemas
from lcgen.builders import writer
from lcgen.builders.maker import FilePlan
from lcgen.builders.rows import RowMaker
from lcgen.ranges import Length
from lcgen.spec import Place, places

TOGETHER = 2**20
"""Tokens of the draws that are composed before the first of them is written out."""
CHECKED = {"none": 0.0, "auto": 0.05, "full": 1.0}
"""Share of rows that are encoded and solved again."""


class PromptMaker(RowMaker):
    """Makes the rows of one part, checks and writes them."""

    of_prompts = True
    layout = "dataset.md.j2"

    @property
    def elsewhere(self) -> str | None:
        """The vocabulary as it was asked for, where the manifest must name it otherwise: a path of this machine."""
        return self.spec.tokenizer if self.spec.tokenizer != self.tokenizer.name else None

    def facts(self) -> dict[str, dict[str, Any]]:
        """What a manifest says in sections of their own."""
        haystack = self.haystack
        return {
            "haystacks": {f"{haystack.name}:{haystack.lang}:{self.tokenizer.name}": haystack.facts()},
            "templates": dict.fromkeys(self.templates, self.wording.hash),
            "probes": {self.part.name: self.composer.probes},
            "budgets": {self.part.config(length): self.answer_tokens(length) for length in self.part.lengths},
        }

    def proven(self, place: Place) -> dict[str, Any]:
        """The first row of one draw, encoded and solved again. Raises CheckFailed where it does not hold."""
        row = self.rows(place)[0]
        proof.shape(row)
        self.prove(row)
        return row

    def prove(self, row: dict[str, Any]) -> bool:
        """Encodes a row again, and says whether it could be solved again too. Raises CheckFailed where it does not hold."""
        proof.encode(row, self.tokenizer, self.wrapper)
        return proof.solve(row, self.task, self.wording)

    def each(self) -> Iterator[dict[str, Any]]:
        """All rows, one after another, each verified as the spec asks."""
        checks = Checks(self)
        for length in self.part.lengths:
            yield from checks.rows(length, 0, self.part.samples)

    def write(self, path: Path, file: FilePlan, progress: Callable[[int], Any] | None) -> dict[str, Any]:
        """Writes one data file; gives what a manifest notes of it. Raises CheckFailed for a row that does not hold."""
        checks = Checks(self)
        made = writer.write(path, checks.rows(file.length, file.first, file.count, progress), self.spec.format)
        return {**dataclasses.asdict(made), "encoded": checks.encoded, "solved": checks.solved}

    def measured(self, path: Path, length: Length) -> tuple[float, float, float]:
        """Prompt tokens, bytes and seconds of a row of this length, files and checks included; writes to `path`."""
        cells = [Place(length, self.part.depths[-1], 0, index) for index in range(3)]
        one = self.rows(cells[0])
        tokens = one[0]["prompt_tokens"]
        began = time.perf_counter()
        self.prove(one[0])
        checking = time.perf_counter() - began
        alone = writer.write(path, one, self.spec.format)
        began = time.perf_counter()
        made = writer.write(path, chain.from_iterable(map(self.rows, cells)), self.spec.format)
        seconds = (time.perf_counter() - began) / made.rows + CHECKED[self.spec.verify] * checking
        # Of a file the first rows bring its frame along.
        return tokens, (made.bytes - alone.bytes) / (made.rows - alone.rows), seconds


class Checks:
    """Rows on their way to a file, each held to its promises as far as was asked for; counts what was encoded and solved."""

    def __init__(self, maker: PromptMaker) -> None:
        self.maker = maker
        self.encoded = self.solved = 0

    def rows(
        self, length: Length, first: int, count: int, progress: Callable[[int], Any] | None = None
    ) -> Iterator[dict[str, Any]]:
        """The rows of a run of indices. Raises CheckFailed at the first that does not hold."""
        wanted = places(self.maker.part, length, first, count)
        while run := list(islice(wanted, max(1, TOGETHER // self.maker.drawn(length)))):
            held: deque[dict[str, Any]] = deque()
            for place, rows in zip(run, self.maker.draws(run)):
                lead = place.index == 0 and place.depth == self.maker.part.depths[0]
                for number, row in enumerate(rows):
                    self._hold(row, lead and number == 0)
                held += rows
            # What has been given is let go, so that the next draws do not stand in memory beside these.
            while held:
                row = held.popleft()
                yield row
                if progress:
                    progress(row["length"])

    def _hold(self, row: dict[str, Any], leads: bool) -> None:
        """Checks a row; it is encoded and solved again where that was asked for, or where it leads its config or a swept value."""
        mode = self.maker.spec.verify
        schemas.validate_row(row)
        proof.shape(row)
        if mode == "full" or (mode == "auto" and (leads or proof.chosen(row["id"]))):
            self.solved += self.maker.prove(row)
            self.encoded += 1
