"""`lcgen check`: the rows of a built folder, each shown to a model three times."""

from __future__ import annotations

import multiprocessing
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from lcgen import tokens
from lcgen.builders import manifest
from lcgen.builders.reading import every_row
from lcgen.checking.findings import Findings, gather
from lcgen.checking.judge import Cost, Judge
from lcgen.checking.prompts import FRESH
from lcgen.checking.trials import NUMBERLESS, Record, check
from lcgen.contract import Row
from lcgen.errors import LcgenError, agreed, many
from lcgen.progress import Progress

INDUCTION = "induction"
"""Name of the reference model."""
BLOCK_ROWS, BLOCK_TOKENS = 32, 1 << 18
"""Rows, and tokens of rows, that are in memory together."""


@dataclass(frozen=True)
class Job:
    """What is to be checked, with what: all that a worker needs."""

    folder: Path
    model: str = INDUCTION
    tokenizer: str | None = None
    device: str = "auto"
    dtype: str = "auto"
    attention: str = "auto"
    chunk: int = 0
    candidates: int = FRESH
    generate: bool = False
    limit: int | None = None
    trust: bool = False
    shard: tuple[int, int] = (0, 1)


def run(job: Job, progress: Progress | None = None) -> Findings:
    """Checks a folder; several devices, joined by commas, share its rows.

    Ctrl-C ends it early with what was found so far. Raises LcgenError where the folder is no build of prompts, or the model
    cannot be had.
    """
    made = manifest.of_prompts(job.folder, "which have no prompt to show. Check a build of prompts.")
    if job.candidates < 1 or (job.limit is not None and job.limit < 1):
        raise LcgenError("--candidates and --limit must be at least 1.")
    devices = _devices(job)
    chosen, spared = _chosen(job, made)
    planned = len(chosen) if chosen is not None else sum(config["rows"] for config in made["configs"].values())
    if len(devices) > 1:
        records, costs, names, stopped = _spread(job, devices)
    else:
        judge = load(replace(job, device=devices[0]), made)
        found, stopped = _checked(job, made, judge, chosen, progress)
        records, costs, names = found, [judge.cost], [judge.name]
    cost = Cost(
        sum(c.tokens for c in costs), max((c.seconds for c in costs), default=0.0), max((c.peak for c in costs), default=0)
    )
    if records and all(record.skipped == NUMBERLESS for record in records):
        raise LcgenError(
            f"{names[0]} judges none of {many(len(records), 'row')}: {NUMBERLESS}. Try --dtype float32, or another model; `lcgen check` without "
            "--model takes the reference model."
        )
    order = {record.id: number for number, record in enumerate(records)} if len(devices) == 1 else _order(job, made)
    records = sorted(records, key=lambda record: order[record.id])
    notes = [*spared, *_notes(records, made, planned, stopped)]
    return gather(str(job.folder), names[0], ",".join(devices), records, cost, planned, notes, stopped)


def load(job: Job, made: dict[str, Any]) -> Judge:
    """The model of a job. Raises LcgenError where it, or what it needs, cannot be had."""
    try:
        import torch
    except ImportError as error:
        raise LcgenError("`lcgen check` needs PyTorch: run `pip install 'lcgen[check]'`.") from error
    if job.device.startswith("cuda") and not torch.cuda.is_available():
        raise LcgenError(f"--device {job.device}: PyTorch sees no CUDA device here. Take --device cpu, or leave it out.")
    try:
        torch.empty(0, device=job.device)
    except (RuntimeError, AssertionError) as error:
        raise LcgenError(
            f"--device {job.device}: PyTorch has no device of this name here. Take cpu, cuda, or cuda:0,cuda:1."
        ) from error
    if job.model == INDUCTION:
        from lcgen.checking.induction import Induction

        return Induction(_vocabulary(job, made), job.device)
    from lcgen.checking.causal import Causal

    return Causal(job, made["spec"]["parts"][0]["audience"])


def _vocabulary(job: Job, made: dict[str, Any]) -> tokens.Tokenizer:
    names = list(dict.fromkeys(entry["tokenizer"]["name"] for entry in made["counted"]))
    if job.tokenizer is None and len(names) > 1:
        raise LcgenError(
            f"The rows of {job.folder} were counted in several vocabularies ({', '.join(names)}), and the reference model reads all rows "
            f"in one. Name it: --tokenizer {names[0]}."
        )
    name = job.tokenizer or names[0]
    try:
        return tokens.load(name)
    except LcgenError as error:
        raise LcgenError(f"{error} Name the vocabulary to read with: --tokenizer NAME, such as o200k_base.") from error


def _devices(job: Job) -> list[str]:
    if job.device != "auto":
        return [name.strip() for name in job.device.split(",") if name.strip()] or ["cpu"]
    try:
        import torch
    except ImportError:
        return ["cpu"]
    # The reference model is done before a second process has begun.
    count = torch.cuda.device_count() if torch.cuda.is_available() else 0
    return [f"cuda:{number}" for number in range(count)][: 1 if job.model == INDUCTION else None] or ["cpu"]


def _checked(
    job: Job, made: dict[str, Any], judge: Judge, chosen: frozenset[int] | None, progress: Progress | None
) -> tuple[list[Record], bool]:
    records: list[Record] = []
    try:
        for block in _blocks(job, made, chosen):
            for record in check(block, judge, job.candidates, job.generate):
                records.append(record)
                if progress:
                    progress(0, record.tokens)
    except KeyboardInterrupt:
        return records, True
    return records, False


def _blocks(job: Job, made: dict[str, Any], chosen: frozenset[int] | None) -> Iterator[list[tuple[str, Row]]]:
    """The rows to check, of this shard, as many as are weighed together."""
    part, parts = job.shard
    block: list[tuple[str, Row]] = []
    size = kept = 0
    for number, (config, row) in enumerate(every_row(job.folder, made)):
        if chosen is not None and number not in chosen:
            continue
        kept += 1
        if (kept - 1) % parts != part:
            continue
        block.append((config, row))
        size += row["length"]
        if len(block) >= BLOCK_ROWS or size >= BLOCK_TOKENS:
            yield block
            block, size = [], 0
    if block:
        yield block


def _chosen(job: Job, made: dict[str, Any]) -> tuple[frozenset[int] | None, list[str]]:
    """Of all rows those to check, by number: as many of each cell as can be, cells far apart first. None: all.

    Beside them a note where cells get no row.
    """
    if job.limit is None:
        return None, []
    cells: dict[str, list[int]] = {}
    owners: dict[str, str] = {}
    for number, (config, row) in enumerate(every_row(job.folder, made)):
        key = str((config, row["depth"], row["params"], row["group_role"]))
        cells.setdefault(key, []).append(number)
        owners[key] = config
    rounds = [
        [own[turn] for own in cells.values() if turn < len(own)] for turn in range(max(map(len, cells.values()), default=0))
    ]
    found: list[int] = []
    for numbers in rounds:
        room = job.limit - len(found)
        if room < len(numbers):
            numbers = [numbers[place * len(numbers) // room] for place in range(room)] if room else []
        found += numbers
    chosen = frozenset(found)
    spared = Counter(owners[key] for key, own in cells.items() if chosen.isdisjoint(own))
    return chosen, [_spared(job.limit, spared, Counter(owners.values()))] if spared else []


def _spared(limit: int, spared: Counter[str], held: Counter[str]) -> str:
    """What to say of cells without a row: which configs they are of, those first of which nothing is checked."""
    whole = [config for config in spared if spared[config] == held[config]]
    of_each = [
        f"{config} {spared[config]} of {held[config]}" for config in (*whole, *(name for name in spared if name not in whole))
    ]
    nothing = f"; of {many(len(whole), 'config')} nothing is checked" if whole else ""
    return (
        f"--limit {limit} is below the {held.total():,} cells: {spared.total():,} of them {agreed(spared.total(), 'gets', 'get')} no row ({', '.join(of_each[:5])}"
        f"{', ...' if len(of_each) > 5 else ''}){nothing}. --limit {held.total()} gives each one."
    )


def _spread(job: Job, devices: Sequence[str]) -> tuple[list[Record], list[Cost], list[str], bool]:
    """One process for each device, each with its share of the rows."""
    jobs = [replace(job, device=device, shard=(number, len(devices))) for number, device in enumerate(devices)]
    with ProcessPoolExecutor(len(devices), multiprocessing.get_context("spawn")) as pool:
        parts = list(pool.map(_worker, jobs))
    return (
        [record for records, *_ in parts for record in records],
        [cost for _, cost, _, _ in parts],
        [name for *_, name, _ in parts],
        any(stopped for *_, stopped in parts),
    )


def _worker(job: Job) -> tuple[list[Record], Cost, str, bool]:
    made = manifest.of(job.folder)
    judge = load(job, made)
    records, stopped = _checked(job, made, judge, _chosen(job, made)[0], None)
    return records, judge.cost, judge.name, stopped


def _order(job: Job, made: dict[str, Any]) -> dict[str, int]:
    return {row["id"]: number for number, (_, row) in enumerate(every_row(job.folder, made))}


def _notes(records: Sequence[Record], made: dict[str, Any], planned: int, stopped: bool) -> list[str]:
    found = []
    ratios = [record.tokens / record.counted for record in records if record.tokens and record.counted and not record.deciles]
    if ratios and max(abs(ratio - 1) for ratio in ratios) > 0.02:
        named = ", ".join(dict.fromkeys(entry["tokenizer"]["name"] for entry in made["counted"]))
        found.append(
            f"Rows were built to lengths in {named}; this model reads {min(ratios):.2f} to {max(ratios):.2f} times as many tokens. "
            "The column length shows what was asked for."
        )
    for why in dict.fromkeys(record.skipped for record in records if record.skipped):
        count = sum(record.skipped == why for record in records)
        found.append(f"{count:,} of {many(planned, 'row')} {agreed(count, 'was', 'were')} skipped: {why}.")
    if stopped:
        found.append(f"Stopped after {len(records):,} of {many(planned, 'row')}; what follows is of these.")
    return found
