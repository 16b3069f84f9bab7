"""Cells of scores: rows put together by any of their fields, each cell with its figures."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from lcgen import estimates
from lcgen.contract import Estimate, Row
from lcgen.errors import LcgenError, unknown
from lcgen.scoring import HEAVY, Scored, Sheet

MOST_VALUES = 21
"""A field of numbers that has more values than this is cut into bins."""
BINS = 10
OBJECTS = ("params", "metadata")
Columns = Mapping[str, Mapping[str, np.ndarray]]
"""Run -> metric -> its value of each row."""
Figures = Mapping[str, Estimate]


@dataclass(frozen=True)
class Cell:
    """Rows of one task that agree in the fields of the table; all of them where `by` is empty."""

    task: str
    metric: str
    """The task's name for what `score` is."""
    by: Mapping[str, Any]
    rows: int
    units: int
    """Independent ones among the rows; see `lcgen.estimates.units`."""
    scored: Mapping[str, int]
    """Run -> rows that its figures are of; fewer than all where rows without a response are left out."""
    figures: Mapping[str, Figures]
    """Run -> figure -> estimate."""
    differences: Mapping[str, Figures]
    """Run -> metric -> run less baseline, paired by row, for the runs that were read from files; empty without a baseline."""


def fields(by: Sequence[str], scored: Scored) -> list[str]:
    """The fields of a table as rows have them, the task first where there are several. Raises LcgenError for a field that no row has."""
    found = _fields(by, (row for sheet in scored.sheets for row in sheet.rows))
    return ["task", *found] if len(scored.sheets) > 1 and not {"task", "config"} & {*found} else found


def cells(scored: Scored, by: Sequence[str], baseline: str | None) -> tuple[list[Cell], list[Cell]]:
    """The cells of all rows by these fields, and of each task one of all its rows. Both in the order of the build."""
    every = [row for sheet in scored.sheets for row in sheet.rows]
    levels = [_levels(field, {value(row, field) for row in every}, scored.configs) for field in by]
    compared = [one.name for one in scored.joined if one.name != baseline]
    found, totals = [], []
    for sheet in scored.sheets:
        columns = {run: metrics.columns() for run, metrics in sheet.runs.items()}
        places: dict[tuple[tuple[int, Any], ...], list[int]] = {}
        for number, row in enumerate(sheet.rows):
            places.setdefault(tuple(level[value(row, field)] for field, level in zip(by, levels)), []).append(number)
        for key in sorted(places, key=lambda key: [rank for rank, _ in key]):
            found.append(_cell(sheet, columns, places[key], dict(zip(by, (value for _, value in key))), baseline, compared))
        totals.append(_cell(sheet, columns, range(len(sheet.rows)), {}, baseline, compared))
    return found, totals


def _cell(
    sheet: Sheet,
    columns: Columns,
    places: Sequence[int],
    by: dict[str, Any],
    baseline: str | None,
    compared: Sequence[str],
) -> Cell:
    rows, chosen = [sheet.rows[place] for place in places], np.asarray(places)
    own = estimates.units(rows)
    here = {run: {metric: values[chosen] for metric, values in metrics.items()} for run, metrics in columns.items()}
    figures: dict[str, Figures] = {}
    differences: dict[str, Figures] = {}
    counts: dict[str, int] = {}
    for run, metrics in here.items():
        # A row that was left out has no metric at all.
        held = ~np.isnan(metrics["score"]) if metrics else np.zeros(len(rows), bool)
        counts[run] = int(held.sum())
        scored = [row for row, kept in zip(rows, held) if kept]
        figures[run] = sheet.task.summary(scored, {metric: values[held] for metric, values in metrics.items()}) if scored else {}
    if baseline is not None:
        for run in compared:
            shared = [metric for metric in here[run] if metric in here[baseline]]
            found = {metric: estimates.difference(here[run][metric], here[baseline][metric], own) for metric in shared}
            differences[run] = {metric: estimate for metric, estimate in found.items() if estimate.n}
    return Cell(sheet.task.name, sheet.task.metric, by, len(rows), int(own.max()) + 1, counts, figures, differences)


def effective(sheet: Sheet, threshold: float) -> dict[str, int | None]:
    """For each run the longest target such that the mean score reaches the threshold there and at every shorter one."""
    targets = np.array([row["target"] for row in sheet.rows])
    found: dict[str, int | None] = {}
    for run, held in sheet.runs.items():
        found[run], metrics = None, held.columns()
        for target in np.unique(targets):
            scores = metrics["score"][targets == target] if "score" in metrics else np.array([np.nan])
            if np.isnan(scores).all() or np.nanmean(scores) < threshold:
                break
            found[run] = int(target)
    return found


def _fields(asked: Sequence[str], rows: Iterable[Row]) -> list[str]:
    """The fields as rows have them; `-` and `_` are the same. Raises LcgenError for an unknown one."""
    known: dict[str, None] = {}
    for row in rows:
        known |= dict.fromkeys(row)
        known |= {f"{name}.{key}": None for name in OBJECTS for key in row[name]}
    names = [name for name in known if name not in OBJECTS]
    found = []
    for field in asked:
        stem = field.strip().replace("-", "_")
        if stem in HEAVY:
            raise LcgenError(f"--by {stem}: {stem} is too long to put rows together by. Possible: {', '.join(sorted(names))}.")
        if stem not in names:
            raise unknown("field of --by", field, names)
        found.append(stem)
    return list(dict.fromkeys(found))


def value(row: Row, field: str) -> Any:
    """What a row holds in a field: a column, `params.NAME` or `metadata.NAME`; lists as JSON."""
    owner, _, key = field.partition(".")
    found = row[owner].get(key) if key else row.get(field)
    return json.dumps(found, ensure_ascii=False) if isinstance(found, (list, dict)) else found


def _levels(field: str, values: set[Any], configs: Mapping[str, int]) -> dict[Any, tuple[int, Any]]:
    """For each value its place in the table and what stands there: the value, or the bin that holds it."""
    if field == "config":
        return {config: (rank, config) for rank, config in enumerate(configs)}
    numbers = sorted(value for value in values if isinstance(value, (int, float)) and not isinstance(value, bool))
    others = sorted(values - {*numbers}, key=lambda value: (value is None, str(value)))
    levels: dict[Any, tuple[int, Any]] = {value: (len(numbers) + rank, value) for rank, value in enumerate(others)}
    if len(numbers) <= MOST_VALUES:
        return levels | {value: (rank, value) for rank, value in enumerate(numbers)}
    low, high = (0, 1) if field == "depth" else (numbers[0], numbers[-1])
    edges = [low + (high - low) * place / BINS for place in range(BINS + 1)]
    for value in numbers:
        place = min(BINS - 1, int((value - low) / (high - low) * BINS))
        levels[value] = (place, f"{edges[place]:.6g}..{edges[place + 1]:.6g}")
    return levels
