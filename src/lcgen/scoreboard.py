"""The scoreboard: what `lcgen score` gives, for people and machines."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from lcgen import estimates
from lcgen.cells import Cell, Figures, cells, effective, fields
from lcgen.contract import Estimate
from lcgen.errors import agreed, many, unknown
from lcgen.responses import some
from lcgen.scoring import ENDS, Joined, Scored, listed

ALL = "all"
NOTHING = "-"
"""What stands where a cell lacks a figure."""


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
        known = _families(dict.fromkeys(figure for cell in cells for run in runs for figure in cell.figures.get(run, ())))
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


def _families(figures: Iterable[str]) -> list[str]:
    """The figures as they come, but `place_1`, `place_2`, `place_3_4` side by side and rising: not every row has each of them."""
    first: dict[str, int] = {}
    ranks: dict[str, tuple[int, list[int]]] = {}
    for figure in figures:
        stem = re.sub(r"(_\d+)+$", "", figure)
        ranks[figure] = first.setdefault(stem, len(first)), [int(number) for number in figure[len(stem) :].split("_")[1:]]
    return sorted(ranks, key=ranks.__getitem__)


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
    held = fields(by, scored)
    found, totals = cells(scored, held, baseline)
    reach = {} if threshold is None else {sheet.task.name: effective(sheet, threshold) for sheet in scored.sheets}
    return Scores(folder, tuple(held), missing, baseline, scored.joined, found, totals, reach, threshold, notes(scored, missing))


def notes(scored: Scored, missing: str) -> list[str]:
    """What whoever reads the figures must know: rows without a response, responses without a row."""
    rows, said = sum(scored.configs.values()), []
    for one in scored.joined:
        if lost := one.missing.total():
            zero = agreed(lost, "counts as an empty answer", "count as empty answers")
            how = f"{zero} (--missing zero)" if missing == "zero" else f"{agreed(lost, 'is', 'are')} left out (--missing skip)"
            said.append(
                f"{one.name}: {lost:,} of {many(rows, 'row')} {agreed(lost, 'has', 'have')} no response and {how}: {listed(one.missing, scored.configs)}."
            )
        if len(one.forms) > 1:
            kinds = ", ".join(f"{count:,} of {form}" for form, count in one.forms.items())
            said.append(f"{one.name}: answers in several formats ({kinds}); all count. Were files of two runs joined?")
        said += [f"{one.name}: {note}." for note in one.notes]
        if one.unread:
            more = "" if len(one.unread) <= 3 else f" and {len(one.unread) - 3:,} more"
            said.append(f"{one.name}: passed over: {'; '.join(one.unread[:3])}{more}.")
        if one.ends["truncated"] or one.ends["unclosed"]:
            cut = (
                f"{one.ends['truncated']:,} {agreed(one.ends['truncated'], 'was', 'were')} cut off by the budget"
                if one.tells
                else "why they ended is not told"
            )
            said.append(
                f"{one.name}: of its answers {cut}, {one.ends['unclosed']:,} never closed {agreed(one.ends['unclosed'], 'its', 'their')} thinking."
            )
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
