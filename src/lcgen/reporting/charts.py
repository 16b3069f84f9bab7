"""Which figures a report has, as plain data: what `drawing` draws and what the page prints as tables of numbers."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from lcgen.cells import Cell, value
from lcgen.contract import Estimate
from lcgen.reporting.gather import BAND, MOST_POINTS, SIZE, Gathered, Places
from lcgen.scoreboard import Scores, label, table
from lcgen.scoring import Sheet

FIELDS = ("variant", "lang", "haystack", "group_role", "turn")
"""Fields beside parameters that make a panel where they vary."""
MOST_LEVELS = 24
"""Values above which a field makes no panel."""
Curve = Sequence[Estimate | None]


@dataclass(frozen=True)
class Chart:
    """What all figures have."""

    name: str
    """Of its files."""
    title: str
    about: str
    """What is to be seen, in a sentence."""
    x: str
    y: str


@dataclass(frozen=True)
class Heat(Chart):
    """Means over two fields, a map for each run."""

    columns: Sequence[str]
    lines: Sequence[str]
    maps: Mapping[str, Sequence[Curve]]
    """Run -> line -> column."""


@dataclass(frozen=True)
class Lines(Chart):
    """Estimates over one field, a line for each run; points alone where the values have no order."""

    columns: Sequence[str]
    curves: Mapping[str, Curve]
    unit: bool = True
    """Whether values lie between 0 and 1."""


@dataclass(frozen=True)
class Points(Chart):
    """What was asked for against what came out, by task."""

    points: Mapping[str, Sequence[tuple[float, float]]]
    powers: bool = False
    """Whether the axes are in powers of two."""


@dataclass(frozen=True)
class Bars(Chart):
    """Counts of equal steps between 0 and 1, by task."""

    counts: Mapping[str, Sequence[int]]


def charts(found: Gathered, folder: str) -> Iterator[Chart]:
    """All figures of a report: models first, then tasks one by one, then what was built."""
    if found.runs and found.scored.sheets:
        book = Book(found, folder)
        yield from _models(book)
        for sheet in found.scored.sheets:
            yield from _task(book, sheet)
    if found.places:
        yield from _places(found.places)


class Book:
    """The tables of scores that figures are drawn from, each made once."""

    def __init__(self, found: Gathered, folder: str) -> None:
        self.found, self.runs = found, found.runs
        self.folder = folder
        self._made: dict[tuple[str, ...], Scores] = {}

    def cells(self, task: str, *by: str) -> list[Cell]:
        """The cells of a task by these fields."""
        if by not in self._made:
            self._made[by] = self.table(*by)
        cells = [cell for cell in self._made[by].cells if cell.task == task]
        return sorted(cells, key=lambda cell: self.found.sizes.index(cell.by[SIZE])) if SIZE in by else cells

    def table(self, *by: str, baseline: str | None = None) -> Scores:
        """The table of all tasks by these fields."""
        return table(self.found.scored, ["task", *by], baseline, "zero", self.folder)


def _models(book: Book) -> Iterator[Chart]:
    first, *others = book.runs
    cells = book.table(baseline=first if others else None).cells
    tasks = [cell.task for cell in cells]
    yield Lines(
        "models", "Models", "Mean score of each task with its 95 % interval.", "task", "score", tasks,
        {run: [_figure(cell, run, "score") for cell in cells] for run in book.runs},
    )  # fmt: skip
    if others:
        gaps = {run: [cell.differences.get(run, {}).get("score") for cell in cells] for run in others}
        yield Lines(
            "differences", f"Difference from {label(first)}", "Paired by row: above 0 is better. An interval that leaves out 0 is a difference.",
            "task", "difference in score", tasks, gaps, unit=False,
        )  # fmt: skip


def _task(book: Book, sheet: Sheet) -> Iterator[Chart]:
    """The figures of one task."""
    task, rows, runs = sheet.task.name, sheet.rows, book.runs
    long = "tokens of the answer" if book.found.places[task].output else "tokens"
    deep = [cell for cell in book.cells(task, SIZE, BAND) if cell.by[BAND] is not None]
    if deep:
        yield _heat(
            f"{task}_depth", f"{task}: depth by length", "Mean score where the first gold piece stands at this depth, 0 first.",
            (SIZE, long), (BAND, "depth"), deep, runs,
        )  # fmt: skip
    over = book.cells(task, SIZE)
    yield _lines(
        f"{task}_length",
        f"{task}: score over length",
        "Mean score with its 95 % interval.",
        (SIZE, long),
        over,
        runs,
        "score",
    )
    of_rows = {metric for metrics in sheet.runs.values() for metric in metrics.columns()}
    whole = book.cells(task)
    # What is no mean over rows: order gaps, agreement, the longest chain. Some take rows of several lengths to tell.
    for name in dict.fromkeys(name for run in runs for name in whole[0].figures.get(run, ()) if name not in of_rows):
        by_size = any(_figure(cell, run, name) for cell in over for run in runs)
        about = f"A figure of all rows {'of a length ' if by_size else ''}together, with its 95 % interval."
        x, cells = ((SIZE, long), over) if by_size else (("task", "task"), whole)
        yield _lines(f"{task}_{name}", f"{task}: {name}", about, x, cells, runs, name, unit=False)
    yield from _families(task, whole[0], runs)
    varied = _varied(rows)
    for name in varied:
        short = name.partition(".")[2] or name
        about = f"Mean score by {short}, with its 95 % interval."
        yield _lines(
            f"{task}_by_{short}", f"{task}: score by {short}", about, (name, short), book.cells(task, name), runs, "score"
        )
    if "variant" in varied:
        yield _heat(
            f"{task}_variants", f"{task}: variant by length", "Mean score.", (SIZE, long), ("variant", "variant"),
            book.cells(task, SIZE, "variant"), runs,
        )  # fmt: skip
    numbers = [name for name in varied if name.startswith("params.") and all(_is_number(value(row, name)) for row in rows)]
    for one, other in zip(numbers, numbers[1:]):
        across, down = one.partition(".")[2], other.partition(".")[2]
        yield _heat(
            f"{task}_by_{across}_{down}", f"{task}: {across} by {down}", "Mean score.", (one, across), (other, down),
            book.cells(task, one, other), runs,
        )  # fmt: skip


def _varied(rows: Sequence[Mapping[str, Any]]) -> list[str]:
    """Fields that tell the rows of a task apart: those of FIELDS, and parameters that were swept.

    A parameter that differs between variants alone is not among them, since the variant says it all.
    """
    configs: dict[str, list[Mapping[str, Any]]] = {}
    for row in rows:
        configs.setdefault(row["config"], []).append(row)
    params = dict.fromkeys(f"params.{name}" for row in rows for name in row["params"])
    swept = [name for name in params if any(_levels(own, name) > 1 for own in configs.values())]
    return [name for name in (*FIELDS, *swept) if 1 < _levels(rows, name) <= MOST_LEVELS]


def _levels(rows: Sequence[Mapping[str, Any]], field: str) -> int:
    return len({value(row, field) for row in rows})


def _families(task: str, cell: Cell, runs: Sequence[str]) -> Iterator[Chart]:
    """Metrics with numbers at the end, such as the accuracy by tenths of a list: how the score goes on inside an answer."""
    families: dict[str, set[int]] = {}
    for name in (name for run in runs for name in cell.figures.get(run, ())):
        if match := re.fullmatch(r"([a-z_]+)_(\d+)", name):
            families.setdefault(match[1], set()).add(int(match[2]))
    for stem, found in families.items():
        if len(found) > 2:
            numbers = sorted(found)
            yield Lines(
                f"{task}_by_{stem}", f"{task}: score by {stem}", f"How the score goes on from {stem} to {stem} of one answer.", stem, "score",
                [str(number) for number in numbers], {run: [_figure(cell, run, f"{stem}_{n}") for n in numbers] for run in runs},
            )  # fmt: skip


def _places(places: Mapping[str, Places]) -> Iterator[Chart]:
    yield Points(
        "lengths", "Lengths", "Tokens asked for against tokens realised, one dot for each pair; on the line they are equal.",
        "tokens asked for", "tokens realised", {task: sorted(found.lengths)[:MOST_POINTS] for task, found in places.items()}, powers=True,
    )  # fmt: skip
    spread = {task: found.spread for task, found in places.items() if any(found.spread)}
    if spread:
        yield Bars(
            "depths",
            "Where evidence stands",
            "Gold pieces by their realised depth in twentieths.",
            "depth",
            "gold pieces",
            spread,
        )
        yield Points(
            "placing", "Depths", "Depth asked for against depth realised, one dot for each gold piece; on the line they are equal.",
            "depth asked for", "depth realised", {task: places[task].depths for task in spread},
        )  # fmt: skip


def _heat(
    name: str, title: str, about: str, x: tuple[str, str], y: tuple[str, str], cells: Sequence[Cell], runs: Sequence[str]
) -> Heat:
    columns, lines = (_ordered(field, list(dict.fromkeys(cell.by[field] for cell in cells))) for field, _ in (x, y))
    held = {(cell.by[y[0]], cell.by[x[0]]): cell for cell in cells}
    maps = {run: [[_figure(held.get((line, column)), run, "score") for column in columns] for line in lines] for run in runs}
    return Heat(name, title, about, x[1], y[1], [label(one) for one in columns], [label(one) for one in lines], maps)


def _lines(
    name: str,
    title: str,
    about: str,
    x: tuple[str, str],
    cells: Sequence[Cell],
    runs: Sequence[str],
    figure: str,
    unit: bool = True,
) -> Lines:
    curves = {run: [_figure(cell, run, figure) for cell in cells] for run in runs}
    return Lines(name, title, about, x[1], figure, [label(cell.by[x[0]]) for cell in cells], curves, unit)


def _ordered(field: str, values: list[Any]) -> list[Any]:
    """Numbers rise, and so do tenths of depth; sizes and words stay as they come."""
    if field == BAND and not all(map(_is_number, values)):
        return sorted(values, key=str)
    return sorted(values, key=lambda value: (not _is_number(value), value if _is_number(value) else 0))


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _figure(cell: Cell | None, run: str, figure: str) -> Estimate | None:
    found = cell.figures.get(run, {}).get(figure) if cell else None
    return None if found is None or math.isnan(found.value) else found
