"""`lcgen score`: the rows of a built folder, each with what was answered to it, scored by its own task."""

from __future__ import annotations

import json
import sys
from array import array
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path
from statistics import fmean
from typing import Any, Literal, get_args

import numpy as np

from lcgen import generators, grading
from lcgen.answers import Answer
from lcgen.builders import manifest, reading
from lcgen.contract import Row, Task
from lcgen.errors import CheckFailed, LcgenError, agreed, many, unknown
from lcgen.ids import turn
from lcgen.progress import Progress
from lcgen.responses import Responses, digest, some
from lcgen.wording import Wording

HEAVY = ("input", "question", "evidence", "reference_output")
"""Columns that are long: they are there while a row is scored, and gone after it."""
ENDS = ("truncated", "unclosed")
"""Shares of samples that the budget cut off, and that never closed their thinking; they stand beside the score."""
Missing = Literal["zero", "skip", "error"]
Watch = Callable[["Sheet", Row, Mapping[str, "Sequence[str] | None"], "dict[str, Mapping[str, float]]"], Any]
"""Gets the sheet of the row's task, the row with its config, what each run said, and how that was scored."""
ORACLE = "oracle"
"""Name of the run that is always right; the others without a model have the names of the task's `baselines`."""


class Metrics:
    """The metrics of one run over the rows of one task, nan where a row has no such metric."""

    def __init__(self) -> None:
        self._rows = 0
        self._columns: dict[str, array[float]] = {}

    def add(self, scores: Mapping[str, float]) -> None:
        """One row more."""
        for metric in scores:
            if metric not in self._columns:
                self._columns[metric] = array("d", [np.nan]) * self._rows
        self._rows += 1
        for metric, column in self._columns.items():
            column.append(scores.get(metric, np.nan))

    def columns(self) -> dict[str, np.ndarray]:
        """Each metric as an array over rows; of how answers end only what occurs."""
        found = {metric: np.array(column) for metric, column in self._columns.items()}
        return {metric: values for metric, values in found.items() if metric not in ENDS or np.nansum(values) > 0}


@dataclass
class Sheet:
    """The scored rows of one task, without what is long, and the metrics of each run over them."""

    task: Task[Any]
    rows: list[dict[str, Any]] = field(default_factory=list)
    runs: dict[str, Metrics] = field(default_factory=dict)


@dataclass
class Joined:
    """How well the responses of one run fit the folder."""

    name: str
    responses: int
    missing: Counter[str] = field(default_factory=Counter)
    """Config -> rows without a response."""
    unknown: list[str] = field(default_factory=list)
    """Ids that are no row's."""
    unread: list[str] = field(default_factory=list)
    """What of its files could not be read."""
    notes: list[str] = field(default_factory=list)
    """What of the run was not said but found out."""
    forms: Counter[str] = field(default_factory=Counter)
    """Whose formats its answers are written in, and how many in each."""
    ends: Counter[str] = field(default_factory=Counter)
    """Of the samples, how many were `truncated` by the budget and how many never closed their thinking (`unclosed`)."""
    tells: bool = False
    """Whether the file says why answers ended."""


@dataclass
class Scored:
    """All rows of a folder with their scores: a sheet for each task, and how each file fitted."""

    configs: dict[str, int]
    """Config -> rows, in the order of the build."""
    sheets: list[Sheet]
    joined: list[Joined]


def modelless() -> set[str]:
    """Names of the runs that answer without a model."""
    return {ORACLE, *(name for task in generators.names() for name in generators.get(task).baselines)}


def score(
    folder: Path, answers: Sequence[Responses], *, oracle: bool = False, missing: Missing = "zero", out: Path | None = None,
    progress: Progress | None = None, watch: Watch | None = None,
) -> Scored:  # fmt: skip
    """Reads the folder once, one row in memory, and scores what each run answers to each row. `watch` sees each row while it is whole.

    With `oracle`, the task's oracle and its shortcuts answer too. A row without a response counts as an empty answer
    (`zero`), is left out (`skip`), or stops the command (`error`, CheckFailed). `out` takes a line of JSON for each row and
    run. Raises LcgenError where the folder is no build, or where no id of a file is a row's.
    """
    made = manifest.of_prompts(
        folder,
        "which are scored where the model runs: hold what it says behind the last of input_ids against the column answer.",
    )
    if missing not in get_args(Missing):
        raise unknown("way with missing rows", missing, get_args(Missing))
    read = [Path(title).resolve() for run in answers for title, _ in run.parts]
    if out is not None and any(path in (out.resolve(), *out.resolve().parents) for path in read):
        raise LcgenError(f"--out {out} would replace the responses that it is about, or lie among them. Choose another --out.")
    wordings = reading.wordings_of(folder, made) if oracle else {}
    sheets: dict[str, Sheet] = {}
    runs = [Joined(run.name, len(run), unread=run.faults, notes=run.notes, forms=run.forms, tells=run.tells) for run in answers]
    found = Scored({}, [], runs)
    with _lines(out) as write:
        for config, row in reading.every_row(folder, made):
            if row["task"] not in sheets:
                sheets[row["task"]] = Sheet(generators.get(row["task"]))
            sheet = sheets[row["task"]]
            light = {name: value for name, value in row.items() if name not in HEAVY}
            sheet.rows.append(_lean({**light, "config": config, "turn": turn(row)}))
            found.configs[config] = found.configs.get(config, 0) + 1
            said = {run.name: run.get(row["id"]) for run in answers}
            for joined in found.joined:
                answer = said[joined.name]
                joined.missing[config] += answer is None
                if answer is not None:
                    joined.ends.update(_ends(answer))
            if oracle:
                said |= _references(sheet.task, row, wordings[f"{row['task']}.{row['lang']}"])
            marks: dict[str, Mapping[str, float]] = {}
            for name, answer in said.items():
                samples = answer and answer.samples
                scores = marks[name] = _scores(sheet.task, row, answer, missing)
                sheet.runs.setdefault(name, Metrics()).add(scores)
                hashed = digest(samples) if samples else None
                write({"id": row["id"], "run": name, "samples": len(samples or ()), "response": hashed, "scores": scores})
            if watch:
                texts = {name: None if answer is None else list(answer.samples) for name, answer in said.items()}
                watch(sheet, {**row, "config": config}, texts, marks)
            if progress:
                progress(0, row["length"])
        found.sheets = list(sheets.values())
        _check(folder, answers, found, missing)
    return found


def _lean(value: Any) -> Any:
    """The same value, with one object for equal texts: what stands in every row is kept once."""
    if isinstance(value, str):
        return sys.intern(value)
    if isinstance(value, list):
        return [_lean(item) for item in value]
    return {sys.intern(key): _lean(item) for key, item in value.items()} if isinstance(value, dict) else value


def _references(task: Task[Any], row: Row, wording: Wording) -> dict[str, Answer]:
    """What is answered without a model: by the oracle, and by each shortcut that a model might take."""
    # Where the document is the answer there is no context, and the whole prompt is the question.
    inside = row["context_start"] is not None
    context = row["input"][row["context_start"] : row["context_end"]] if inside else ""
    question = row["question"] if inside else row["input"]
    taken = {name: ", ".join(shortcut(context, question, wording)) for name, shortcut in task.baselines.items()}
    return {name: Answer(row["id"], (said,)) for name, said in {ORACLE: task.oracle(row), **taken}.items()}


def _scores(task: Task[Any], row: Row, answer: Answer | None, missing: Missing) -> dict[str, float]:
    """The metrics of a row, each the mean over the samples that have it; none where the row is left out."""
    if answer is None and missing != "zero":
        return {}
    said = answer or Answer(row["id"], ("",))
    every = [task.score(sample, row) for sample in said.samples]
    found = {metric: fmean(one[metric] for one in every if metric in one) for metric in dict.fromkeys(chain(*every))}
    return found | {name: count / len(said.samples) for name, count in _ends(said).items()}


def _ends(answer: Answer) -> dict[str, int]:
    """How many samples ended other than by themselves: by the budget, and inside their thinking."""
    return {"truncated": sum(answer.cut), "unclosed": sum(map(grading.unclosed, answer.samples))}


def _check(folder: Path, answers: Sequence[Responses], found: Scored, missing: Missing) -> None:
    """Ids that fit no row, and rows that no id fits. Raises LcgenError, CheckFailed."""
    ids = {row["id"] for sheet in found.sheets for row in sheet.rows}
    for run, joined in zip(answers, found.joined):
        joined.unknown = [name for name in run if name not in ids]
        for title, answered in run.parts:
            if ids.isdisjoint(answered):
                raise LcgenError(
                    f"{title} holds no id of {folder}: it has {some(answered, 'id')}, where the folder has "
                    f"{some(sorted(ids), 'row')}. Name the folder whose rows were answered; a build with other options has other ids."
                    + (f" Of the file, {run.faults[0]}." if run.faults else "")
                )
        if missing == "error" and (lost := joined.missing.total()):
            raise CheckFailed(
                f"{run.title}: {lost:,} of {many(len(ids), 'row')} {agreed(lost, 'has', 'have')} no response ({listed(joined.missing, found.configs)}). Let the "
                f"model answer {agreed(lost, 'it, or count it as an empty answer', 'them, or count them as empty answers')} (--missing zero), "
                f"or leave {agreed(lost, 'it', 'them')} out (--missing skip)."
            )


def listed(missing: Counter[str], configs: Mapping[str, int]) -> str:
    """Where rows are missing: `needle_1m 11 of 11, needle_4k 2 of 11`, most first, at most five configs."""
    most = [(config, count) for config, count in missing.most_common() if count]
    return ", ".join(f"{config} {count:,} of {configs[config]:,}" for config, count in most[:5]) + (
        ", ..." if len(most) > 5 else ""
    )


@contextmanager
def _lines(out: Path | None) -> Iterator[Callable[[Mapping[str, Any]], Any]]:
    """Writes lines of JSON; the file takes its name only when it is whole."""
    if out is None:
        yield lambda line: None
        return
    if out.is_dir() or not out.parent.is_dir():
        raise LcgenError(f"Cannot write {out}: it is {'a' if out.is_dir() else 'in no'} folder. Choose another --out.")
    part = out.with_name(out.name + ".part")
    try:
        with part.open("w", encoding="utf-8", newline="\n") as file:
            yield lambda line: file.write(json.dumps(line) + "\n")
        part.replace(out)
    except OSError as error:
        raise LcgenError(f"Cannot write {out}: {error.strerror or error}. Choose another --out.") from error
    finally:
        part.unlink(missing_ok=True)
