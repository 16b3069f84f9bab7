"""Tables of scores: rows put into cells by any of their fields, each cell with its figures, for people and machines."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from lcgen import estimates
from lcgen.contract import Estimate, Row
from lcgen.errors import LcgenError, unknown
from lcgen.responses import some
from lcgen.scoring import ENDS, HEAVY, Joined, Scored, Sheet, listed

MOST_VALUES = 21
"""A field of numbers that has more values than this is cut into bins."""
BINS = 10
OBJECTS = ("params", "metadata")
ALL = "all"
NOTHING = "-"
"""What stands where a cell lacks a figure."""
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


@dataclass(frozen=True)
class Scores:
    """What `lcgen.score` gives: cells in the order of the build, and one of all rows for each task."""

    folder: str
    by: tuple[str, ...]
    missing: str
    baseline: str | None
    joined: Sequence[Joined]
    cells: Sequence[Cell]
    totals: Sequence[Cell]
    effective: Mapping[str, Mapping[str, int | None]]
    """Task -> run -> the longest target up to which all mean scores reach `threshold`; None where the shortest does not."""
    threshold: float | None
    notes: Sequence[str]
    """See `notes`."""

    @property
    def runs(self) -> list[str]:
        """Names of all runs: files first, the baseline last of them, then what answers without a model."""
        return list(dict.fromkeys(run for cell in self.totals for run in cell.figures))

    def plain(self) -> dict[str, Any]:
        """Everything as JSON values."""
        return {
            "folder": self.folder, "by": list(self.by), "interval": estimates.LEVEL, "missing": self.missing, "baseline": self.baseline,
            "files": [
                {"run": one.name, "responses": one.responses, "missing": {k: n for k, n in one.missing.items() if n}, "unknown": len(one.unknown),
                 "unread": len(one.unread), **{name: one.ends[name] for name in ENDS}}
                for one in self.joined
            ],
            "threshold": self.threshold, "effective": {task: dict(runs) for task, runs in self.effective.items()},
            "cells": [_plain(cell) for cell in self.cells],
            "totals": [_plain(cell) for cell in self.totals],
        }  # fmt: skip

    def text(self, metric: str | None = None) -> str:
        """The table to read: all figures of one run, or one figure (default `score`) of several runs.

        Raises LcgenError for a figure that no cell has.
        """
        cells = [*self.cells, *(total for total in self.totals if sum(cell.task == total.task for cell in self.cells) > 1)]
        grouped = any(cell.units != cell.rows for cell in cells)
        columns = self._columns(cells, metric)
        one = len({column.figure for column in columns}) == 1
        # A table for each task: tasks have figures and shortcuts of their own.
        groups = [[cell for cell in cells if cell.task == task] for task in dict.fromkeys(cell.task for cell in cells)]
        blocks = []
        for own in groups:
            held = [column for column in columns if len(groups) == 1 or any(column.of(cell) != NOTHING for cell in own)]
            blocks.append("\n".join(_aligned(self._lines(own, held or columns[:1], grouped), len(self.by))))
        shown = f"{columns[0].figure}, " if one else ""
        shared = "; rows that share a context, group or puzzle are one unit" if grouped else ""
        reach = [
            f"Effective length at {self.threshold:g}, {task}: "
            + ", ".join(f"{run} {'none' if length is None else f'{length:,}'}" for run, length in runs.items()) + "."
            for task, runs in self.effective.items()
        ]  # fmt: skip
        return "\n".join(["\n\n".join(blocks), *reach, f"{shown}95 % intervals{shared}."])

    def _lines(self, cells: Sequence[Cell], columns: Sequence[Column], grouped: bool) -> list[list[str]]:
        """A head and a line for each cell."""
        lines = [[*self.by, "rows", *(["units"] if grouped else []), *(column.head for column in columns)]]
        for cell in cells:
            total = ALL if len(self.totals) == 1 else f"{ALL} {cell.task}"
            labels = [label(value) for value in cell.by.values()] or [total, *[""] * len(self.by)][: len(self.by)]
            counts = {cell.scored[column.run] for column in columns if column.run in cell.scored}
            rows = f"{min(counts):,} of {cell.rows:,}" if len(counts) == 1 and counts != {cell.rows} else f"{cell.rows:,}"
            lines.append([*labels, rows, *([f"{cell.units:,}"] if grouped else []), *(column.of(cell) for column in columns)])
        return lines

    def _columns(self, cells: Sequence[Cell], metric: str | None) -> list[Column]:
        runs = self.runs
        known = list(dict.fromkeys(figure for cell in cells for run in runs for figure in cell.figures.get(run, ())))
        if metric is not None and metric not in known:
            raise unknown("figure", metric, known)
        if len(runs) == 1 and metric is None:
            # What papers call `score` is shown once.
            twice = {cell.metric for cell in cells} - {"score"}
            return [Column(figure, runs[0], figure) for figure in known if figure not in twice]
        figure = metric or "score"
        compared = [run for run in runs if any(figure in cell.differences.get(run, ()) for cell in cells)]
        differences = [Column(f"{run} - {self.baseline}", run, figure, True) for run in compared]
        return [*(Column(run, run, figure) for run in runs), *differences]


@dataclass(frozen=True)
class Column:
    """One figure of one run, or its difference from the baseline."""

    head: str
    run: str
    figure: str
    difference: bool = False

    def of(self, cell: Cell) -> str:
        """What stands in the line of a cell: `0.909 [0.722, 0.975]`."""
        figures = cell.differences if self.difference else cell.figures
        estimate = figures.get(self.run, {}).get(self.figure)
        if estimate is None or math.isnan(estimate.value):
            return NOTHING
        if estimate.low is None or estimate.high is None:
            return self._number(estimate.value)
        return f"{self._number(estimate.value)} [{self._number(estimate.low)}, {self._number(estimate.high)}]"

    def _number(self, value: float) -> str:
        # A difference has its sign, unless it is none.
        value = round(value, 3) or 0.0
        return f"{value:+.3f}" if self.difference and value else f"{value:.3f}"


def table(
    scored: Scored, by: Sequence[str], baseline: str | None, missing: str, folder: str, threshold: float | None = None
) -> Scores:
    """The cells of the scored rows by these fields. Raises LcgenError for a field that no row has."""
    every = [row for sheet in scored.sheets for row in sheet.rows]
    by = _fields(by, every)
    if len(scored.sheets) > 1 and not {"task", "config"} & {*by}:
        by = ["task", *by]
    levels = [_levels(field, {value(row, field) for row in every}, scored.configs) for field in by]
    compared = [one.name for one in scored.joined if one.name != baseline]
    cells, totals = [], []
    reach: dict[str, dict[str, int | None]] = {}
    for sheet in scored.sheets:
        columns = {run: metrics.columns() for run, metrics in sheet.runs.items()}
        places: dict[tuple[tuple[int, Any], ...], list[int]] = {}
        for number, row in enumerate(sheet.rows):
            places.setdefault(tuple(level[value(row, field)] for field, level in zip(by, levels)), []).append(number)
        for key in sorted(places, key=lambda key: [rank for rank, _ in key]):
            cells.append(_cell(sheet, columns, places[key], dict(zip(by, (value for _, value in key))), baseline, compared))
        if threshold is not None:
            reach[sheet.task.name] = _effective(sheet, columns, threshold)
        totals.append(_cell(sheet, columns, range(len(sheet.rows)), {}, baseline, compared))
    return Scores(folder, tuple(by), missing, baseline, scored.joined, cells, totals, reach, threshold, notes(scored, missing))


def _effective(sheet: Sheet, columns: Mapping[str, Mapping[str, np.ndarray]], threshold: float) -> dict[str, int | None]:
    """For each run the longest target such that the mean score reaches the threshold there and at every shorter one."""
    targets = np.array([row["target"] for row in sheet.rows])
    found: dict[str, int | None] = {}
    for run, metrics in columns.items():
        found[run] = None
        for target in np.unique(targets):
            scores = metrics["score"][targets == target] if "score" in metrics else np.array([np.nan])
            if np.isnan(scores).all() or np.nanmean(scores) < threshold:
                break
            found[run] = int(target)
    return found


def _cell(
    sheet: Sheet,
    columns: Mapping[str, Mapping[str, np.ndarray]],
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


def notes(scored: Scored, missing: str) -> list[str]:
    """What whoever reads the figures must know: rows without a response, responses without a row."""
    rows, said = sum(scored.configs.values()), []
    for one in scored.joined:
        if lost := one.missing.total():
            how = "count as empty answers (--missing zero)" if missing == "zero" else "are left out (--missing skip)"
            said.append(
                f"{one.name}: {lost:,} of {rows:,} rows have no response and {how}: {listed(one.missing, scored.configs)}."
            )
        if len(one.forms) > 1:
            kinds = ", ".join(f"{count:,} of {form}" for form, count in one.forms.items())
            said.append(f"{one.name}: answers in several formats ({kinds}); all count. Were files of two runs joined?")
        said += [f"{one.name}: {note}." for note in one.notes]
        if one.unread:
            more = "" if len(one.unread) <= 3 else f" and {len(one.unread) - 3:,} more"
            said.append(f"{one.name}: passed over: {'; '.join(one.unread[:3])}{more}.")
        if one.ends["truncated"] or one.ends["unclosed"]:
            cut = f"{one.ends['truncated']:,} were cut off by the budget" if one.tells else "why they ended is not told"
            said.append(f"{one.name}: of its answers {cut}, {one.ends['unclosed']:,} never closed their thinking.")
        if one.unknown:
            said.append(f"{one.name}: {some(one.unknown, 'id')} of no row here, passed over.")
    return said


def _plain(cell: Cell) -> dict[str, Any]:
    def figures(runs: Mapping[str, Figures]) -> dict[str, Any]:
        return {run: {name: _numbers(estimate) for name, estimate in found.items()} for run, found in runs.items()}

    return {"task": cell.task, "by": dict(cell.by), "rows": cell.rows, "units": cell.units, "scored": dict(cell.scored),
            "runs": figures(cell.figures), "differences": figures(cell.differences)}  # fmt: skip


def _numbers(estimate: Estimate) -> dict[str, float | None]:
    """Rounded so far that no linear algebra library can be seen in it."""

    def number(value: float | None) -> float | None:
        return None if value is None or math.isnan(value) else round(value, 6)

    return {"value": number(estimate.value), "low": number(estimate.low), "high": number(estimate.high), "n": estimate.n}


def label(value: Any) -> str:
    """A value of a row for the terminal: rows come from outside and may hold anything."""
    if value is None:
        return "-"
    text = f"{value:g}" if isinstance(value, float) else str(value)
    text = "".join(sign if sign.isprintable() else "?" for sign in text)
    return text if len(text) <= 40 else text[:39] + "…"


def _aligned(lines: Sequence[Sequence[str]], left: int) -> list[str]:
    """Columns side by side: the first `left` to the left, the others to the right."""
    widths = [max(map(len, column)) for column in zip(*lines)]
    return [
        "  ".join(
            f"{text:{'<' if place < left else '>'}{width}}" for place, (text, width) in enumerate(zip(line, widths))
        ).rstrip()
        for line in lines
    ]
