"""What a report is about: the rows of a folder, read once, with their scores, their evidence and an excerpt of each."""

from __future__ import annotations

import heapq
import math
from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from lcgen import proof, scoring
from lcgen.builders import manifest
from lcgen.cells import MOST_VALUES
from lcgen.contract import Row
from lcgen.errors import LcgenError, many
from lcgen.progress import Progress
from lcgen.reporting import told
from lcgen.reporting.entries import Entry, entry
from lcgen.responses import shown, some
from lcgen.runs import opened
from lcgen.scoreboard import notes
from lcgen.scoring import Metrics, Scored, Sheet

SIZE, BAND = "size", "band"
"""Fields of light rows by which lengths and depths are told apart: the size in the name of the config; the depth, or of depths anywhere the
tenth that holds it."""
MOST_ROWS = 2000
"""Rows whose excerpts are held; of more, as many from each cell, half of them failed ones."""
MOST_POINTS = 2000
"""Rows of a task whose lengths and depths are drawn as points."""


@dataclass
class Places:
    """Where the rows of one task and their evidence came to stand."""

    output: bool
    """Whether lengths are those of the reference answer."""
    lengths: Counter[tuple[int, int]] = field(default_factory=Counter)
    """(target, tokens that are held against it) -> rows."""
    depths: list[tuple[float, float]] = field(default_factory=list)
    """(requested, realised) of the gold pieces of the first rows."""
    spread: list[int] = field(default_factory=lambda: [0] * 20)
    """Gold pieces of all rows by twentieth of their realised depth."""


@dataclass
class Gathered:
    """All that the page shows."""

    made: Mapping[str, Any]
    """The manifest."""
    scored: Scored
    runs: Sequence[str]
    """Names of the runs, in the order in which they were given."""
    places: Mapping[str, Places]
    """Of each task."""
    sizes: Sequence[str]
    """Of all configs, such as `4k` and `n25`, the shortest rows first."""
    entries: Sequence[Entry]
    """What the browser shows, the first of each cell before the second."""
    notes: Sequence[str]
    """What a reader must know: rows without a response, responses without a row."""


class Collector:
    """Takes rows as they are scored, and keeps of them what fits."""

    def __init__(self, given: Sequence[tuple[str | Path, told.Told]]) -> None:
        self.given = given
        self.places: dict[str, Places] = {}
        self.sizes: dict[str, int] = {}
        self._kept: list[tuple[tuple[int, int, int], Entry]] = []
        self._seen: Counter[tuple[Any, ...]] = Counter()
        self._count = 0
        self._hits = [0] * len(given)

    def __call__(
        self, sheet: Sheet, row: Row, said: Mapping[str, Sequence[str] | None], scores: dict[str, Mapping[str, float]]
    ) -> None:
        """One row, whole, with what each run said and how it was scored. Raises CheckFailed for one that is not as promised."""
        proof.shape(row)
        for number, (_, runs) in enumerate(self.given):
            self._hits[number] += any(row["id"] in lines for lines in runs.values())
            for run, lines in runs.items():
                scores[run] = lines.get(row["id"], {})
                sheet.runs.setdefault(run, Metrics()).add(scores[run])
        # Measured lengths differ from row to row; what was asked for is the size in the config's name.
        sheet.rows[-1][SIZE] = size = row["config"].rpartition("_")[2]
        self.sizes[size] = min(self.sizes.get(size, row["target"]), row["target"])
        self._place(row)
        failed = any(found.get("score", 0.0) < 1 for found in scores.values())
        cell = (row["config"], row["depth"], failed)
        self._seen[cell] += 1
        self._count += 1
        # The heap gives up the row that stands latest in its cell.
        rank = (-self._seen[cell], failed, -self._count)
        if len(self._kept) < MOST_ROWS:
            heapq.heappush(self._kept, (rank, entry(row, said, scores)))
        elif rank > self._kept[0][0]:
            heapq.heapreplace(self._kept, (rank, entry(row, said, scores)))

    def _place(self, row: Row) -> None:
        places = self.places.setdefault(row["task"], Places(row["axis"] == "output"))
        # Where a size in units was asked for, the target is the length that came out, also on the output axis.
        tokens = row["length"] if row["target"] == row["length"] or row["output_tokens"] is None else row["output_tokens"]
        places.lengths[row["target"], tokens] += 1
        for piece in row["evidence"]:
            if piece["role"] == "gold":
                places.spread[min(19, max(0, int(piece["depth"] * 20)))] += 1
                if len(places.depths) < MOST_POINTS:
                    places.depths.append((piece["depth_requested"], piece["depth"]))

    def entries(self) -> list[Entry]:
        """Those that were kept, the ones that would be kept among fewer first."""
        return [found for _, found in sorted(self._kept, key=lambda pair: pair[0], reverse=True)]

    def check(self, folder: Path) -> None:
        """Raises LcgenError where a file of scores knows no row of the folder."""
        for (path, runs), hits in zip(self.given, self._hits):
            if not hits:
                ids = dict.fromkeys(name for lines in runs.values() for name in lines)
                raise LcgenError(
                    f"{path} holds scores of no row of {folder}: it has {some(ids, 'id')}. Name the folder that was scored."
                )


def gather(folder: Path, files: Sequence[str | Path | Mapping[str, Any]], progress: Progress | None) -> Gathered:
    """Reads the folder once, one row in memory, and joins it with files of responses or of scores.

    Raises LcgenError where the folder is no build, where a file cannot be read or is about other rows, or where two runs
    have one name.
    """
    given = [(path, told.read(path)) for path in files if not isinstance(path, Mapping) and told.is_told(path)]
    scores = {str(path) for path, _ in given}
    sources = [source for source in files if isinstance(source, Mapping) or str(source) not in scores]
    collector = Collector(given)
    with ExitStack() as stack:
        answers = opened(stack, sources)
        names = [*(run.name for run in answers), *(run for _, lines in given for run in lines)]
        if len({*names}) < len(names):
            raise LcgenError(f"Two runs are named {max(names, key=names.count)}. Name each run once: RUN=FILE.")
        found = scoring.score(folder, answers, progress=progress, watch=collector)
    for sheet in found.sheets:
        _band(sheet.rows)
    made = manifest.of(folder)
    collector.check(folder)
    said = notes(found, "zero")
    for path, lines in given:
        rows, total = len({name for run in lines.values() for name in run}), sum(found.configs.values())
        if rows != total:
            said.append(f"{shown(path)} has scores of {many(rows, 'row')}; the folder has {total:,}.")
    return Gathered(
        made, found, names, collector.places, sorted(collector.sizes, key=collector.sizes.__getitem__), collector.entries(), said
    )


def _band(rows: Sequence[dict[str, Any]]) -> None:
    """Puts depths into tenths where they are no grid."""
    depths = {row["depth"] for row in rows if row["depth"] is not None}
    grid = len(depths) <= MOST_VALUES and all(round(depth, 3) == depth for depth in depths)
    for row in rows:
        low = None if row["depth"] is None else min(9, int(row["depth"] * 10)) / 10
        row[BAND] = row["depth"] if grid or low is None else f"{low:.1f}..{low + 0.1:.1f}"


def lowest(found: Entry) -> tuple[float, float]:
    """The lowest score of any run and the mean of all, 0 for none where there are runs; infinite without runs."""
    every = [score for run in found["runs"] if (score := run["scores"].get("score")) is not None]
    none = 0.0 if found["runs"] else math.inf
    return (min(every), sum(every) / len(every)) if every else (none, none)
