"""Tables: the rows of one part in columns, a block of indices at a time, from the draw to the file and back."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from lcgen import epochs, generators, schemas
from lcgen.builders import arrow, batches, manifest
from lcgen.builders.maker import FilePlan
from lcgen.builders.rows import canary, digest
from lcgen.contract import Columns, Preset, Table, Task
from lcgen.errors import CheckFailed, LcgenError
from lcgen.params import parse, plain
from lcgen.ranges import Length
from lcgen.spec import Part, Place, Spec
from lcgen.streams import Stream

IDS = "ids"
"""Stands where a manifest names the vocabulary that was counted in: lengths are numbers of ids."""


def of(part: Part) -> list[Table]:
    """The tables of a part, one for each parameter set; none where its rows are prompts. Raises LcgenError for what cannot be."""
    task = generators.get(part.task)
    found = [task.table(parse(task, params)) for params in part.params]
    made = [table for table in found if table is not None]
    if made and (len(made) < len(found) or len({table.width for table in made}) > 1):
        raise LcgenError(
            f"--set asks for rows of several forms or widths of {part.name}, but a config has one. Build them one by one."
        )
    return made


class TableMaker:
    """Makes the rows of one part. Raises LcgenError where options are given that have no meaning for rows of numbers."""

    def __init__(self, spec: Spec, part: Part, tables: Sequence[Table]) -> None:
        self.spec, self.part, self.tables = spec, part, tables
        self.task: Task[Any] = generators.get(part.task)
        odd = [
            name
            for name, given in (
                ("--template", spec.template is not None), ("--thinking", spec.thinking > 0), ("--for base", spec.audience != "chat"),
                ("--chat-template", spec.chat_template != "auto"), ("--questions-per-context", spec.questions > 1),
                ("--haystack", part.haystack != self.task.haystack), ("--answer-tokens", part.answer_tokens is not None),
                ("--reserve", spec.reserve is not None),
            )
            if given
        ]  # fmt: skip
        if odd:
            raise LcgenError(
                f"The rows of {part.name} are numbers, not prompts: {', '.join(odd)} has no meaning there. Leave it out."
            )
        self.plain = [plain(parse(self.task, params)) for params in part.params]
        cells = [[self.task.name, self.task.revision, params, part.split, spec.seed] for params in self.plain]
        self._keys = [digest("table", cell) for cell in cells]
        self._streams = [Stream("table", cell) for cell in cells]
        self._said = [json.dumps(params, ensure_ascii=False, sort_keys=True) for params in self.plain]
        self.schema = schema(tables[0])

    @property
    def preset(self) -> Preset | None:
        """The published grid that this part follows."""
        return self.task.presets.get(self.part.preset.partition(":")[0]) if self.part.preset else None

    @property
    def rows_per_index(self) -> int:
        """Rows of one index: one of each parameter set."""
        return len(self.tables)

    def tokens(self, length: Length) -> int:
        """Ids in the input of a row."""
        return self.tables[0].width

    def batches(self, first: int, count: int) -> Iterator[pa.RecordBatch]:
        """The rows of a run of indices, by index, then parameter set; a batch for each block that the run meets."""
        size = self.tables[0].BLOCK
        for block in range(first // size, -(-(first + count) // size)):
            low, high = max(first, block * size), min(first + count, (block + 1) * size)
            cut = slice(low - block * size, high - block * size)
            drawn = [
                {name: values[cut] for name, values in table.draw(stream.child(block)).items()}
                for table, stream in zip(self.tables, self._streams)
            ]
            yield self._batch(low, drawn)

    def _batch(self, first: int, drawn: Sequence[Columns]) -> pa.RecordBatch:
        count, each = len(drawn[0]["answer"]), len(drawn)
        indices = np.arange(first, first + count)
        columns = {
            name: np.stack([one[name] for one in drawn], 1).reshape(count * each, *drawn[0][name].shape[1:]) for name in drawn[0]
        }
        config = f"{self.task.name}-{self.part.lengths[0].config}-{self.part.split}"
        texts: dict[str, list[str]] = {
            "id": [f"{config}-{n}-{_short(key, n)}" for n in indices.tolist() for key in self._keys],
            "slice": [table.slice for table in self.tables] * count,
            "params": self._said * count,
        }
        same = {
            "task": self.task.name, "variant": self.part.variant, "split": self.part.split, "seed": epochs.shown(self.spec.seed), "canary": canary(self.part.split),
            "revision": self.task.revision, "length": self.tables[0].width,
        }  # fmt: skip
        numbers = {"index": np.repeat(indices, each)}

        def made(field: pa.Field) -> pa.Array:
            if field.name in columns:
                return arrow.numbers(columns[field.name], field.type)
            if field.name in numbers:
                return arrow.numbers(numbers[field.name], field.type)
            return arrow.array(texts.get(field.name) or [same[field.name]] * (count * each), field.type)

        return pa.RecordBatch.from_arrays([made(field) for field in self.schema], schema=self.schema)

    def rows(self, place: Place) -> list[dict[str, Any]]:
        """The row of one index and parameter set, as the one in a list."""
        (batch,) = self.batches(place.index, 1)
        return [batches.unflat(row) for row in batch.slice(place.params, 1).to_pylist()]

    def checked(self, first: int, count: int, progress: Callable[[int], Any] | None = None) -> Iterator[pa.RecordBatch]:
        """The same on their way to a file, each held to its promises unless nothing is to be verified."""
        for batch in self.batches(first, count):
            if self.spec.verify != "none":
                check(batch, self.tables, self._said)
            yield batch
            if progress:
                progress(len(batch) * self.tables[0].width)

    def write(self, path: Path, file: FilePlan, progress: Callable[[int], Any] | None) -> dict[str, Any]:
        """Writes one data file; gives what a manifest notes of it. Raises CheckFailed for a row that does not hold."""
        made = batches.write(path, self.checked(file.first, file.count, progress), self.schema, self.spec.format)
        seen = made.rows if self.spec.verify != "none" else 0
        return {**dataclasses.asdict(made), "encoded": seen, "solved": seen}

    def measured(self, path: Path, length: Length) -> tuple[float, float, float]:
        """Ids, bytes and seconds of a row, files and checks included; writes to `path`."""
        began = time.perf_counter()
        made = batches.write(path, self.checked(0, min(self.part.samples, 1024)), self.schema, self.spec.format)
        return self.tokens(length), made.bytes / made.rows, (time.perf_counter() - began) / made.rows

    def proven(self, place: Place) -> dict[str, Any]:
        """The row of one index and parameter set, after the first ones have been checked."""
        self.preflight()
        return self.rows(place)[0]

    def each(self) -> Iterator[dict[str, Any]]:
        """All rows, one after another."""
        for batch in self.checked(0, self.part.samples):
            yield from map(batches.unflat, batch.to_pylist())

    def preflight(self) -> None:
        """Checks the first rows of each parameter set."""
        for batch in self.batches(0, 1):
            check(batch, self.tables, self._said)

    @property
    def templates(self) -> dict[str, str]:
        """None: there are no words."""
        return {}

    @property
    def schemas(self) -> Sequence[str]:
        """Names of the schemas that the rows keep."""
        return (self.tables[0].schema,)

    def described(self) -> dict[str, Any]:
        """What a manifest says of the part beside its spec."""
        return {"haystack": "none", "revision": self.task.revision, "wording": None, "answer_tokens": None}

    def counted(self) -> dict[str, dict[str, Any]]:
        """Lengths are numbers of ids, and nothing stands round them."""
        wrapper = {"name": "none", "fingerprint": "none", "before": "", "after": "", "tokens": 0}
        return {"tokenizer": {"name": IDS, "fingerprint": IDS, "engine": "none"}, "wrapper": wrapper}

    def overlap(self, length: Length) -> float:
        """No text is shared."""
        return 0.0

    def facts(self) -> dict[str, dict[str, Any]]:
        """Nothing beside: no haystack, no template, no budget."""
        return {}

    def answer_tokens(self, length: Length) -> int:
        """No answer is written."""
        return 0

    def max_new_tokens(self, length: Length) -> int:
        """One id answers."""
        return 1

    of_prompts = False
    layout = "tables.md.j2"
    own = True
    """Numbers are free of rights."""
    reserve = 0
    """Nothing is left free."""
    elsewhere = None


def _short(key: str, index: int) -> str:
    return hashlib.sha256(f"{key}:{index}".encode()).hexdigest()[:16]


def schema(table: Table) -> pa.Schema:
    """The columns of a file: those of the house round those of the table."""
    columns = table.draw(Stream("schema"))
    own = [(name, pa.int32() if values.ndim == 1 else pa.list_(pa.int32())) for name, values in columns.items()]
    before = [("id", pa.string()), ("task", pa.string()), ("revision", pa.int32()), ("variant", pa.string()), ("split", pa.string()), ("slice", pa.string())]  # fmt: skip
    after = [
        ("length", pa.int64()),
        ("index", pa.int64()),
        ("seed", pa.string()),
        ("params", pa.string()),
        ("canary", pa.string()),
    ]
    return pa.schema([*before, *own, *after])


def check(batch: pa.RecordBatch, tables: Sequence[Table], said: Sequence[str]) -> None:
    """Holds a batch to what its rows promise, all of them at once. Raises CheckFailed.

    `said` are the parameters of the tables as the rows name them.
    """
    first = batches.unflat(batch.slice(0, 1).to_pylist()[0])
    schemas.validate(tables[0].schema, first)
    held, given = batches.columns(batch), batch.column("params").to_pylist()
    if (held["length"] != tables[0].width).any():
        raise CheckFailed(f"A row near {first['id']} does not have the length of its input.")
    if not set(given) <= set(said):
        raise CheckFailed(f"A row near {first['id']} has parameters that the manifest does not name.")
    names = np.array(given)
    for table, params in zip(tables, said):
        mine = np.flatnonzero(names == params)
        if len(mine):
            table.check({name: values[mine] for name, values in held.items()})


def promised(made: Mapping[str, Any]) -> dict[str, tuple[list[Table], list[str]]]:
    """Of each config of a manifest its tables, and their parameters as rows name them; none where rows are prompts."""
    found: dict[str, tuple[list[Table], list[str]]] = {}
    for part in made["spec"]["parts"]:
        task = generators.get(part["task"])
        params = [parse(task, one) for one in part["params"]]
        held = [table for one in params if (table := task.table(one)) is not None]
        if held:
            said = [json.dumps(plain(one), ensure_ascii=False, sort_keys=True) for one in params]
            found |= dict.fromkeys(manifest.configs_of(part), (held, said))
    return found
