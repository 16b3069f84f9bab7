"""What a check found: cells, configs and tasks with their verdicts, for people, for machines and for heat maps."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import Any

from lcgen.checking.judge import Cost
from lcgen.checking.trials import Record
from lcgen.checking.verdicts import ALPHA, FAULTS, Judged, Verdict, able, judge, worst

MOST_DEPTHS = 21
"""Depths above which they are put into tenths."""
MOST_LINES = 40
"""Cells that the terminal shows; the JSON holds all."""
KINDS = ("full", "evidence", "removed")


@dataclass(frozen=True)
class Cell:
    """Rows that are judged together: those of one cell, of one config, or of one task."""

    level: str
    """`cell`, `config` or `task`."""
    by: Mapping[str, Any]
    rows: int
    judged: Judged
    margins: Mapping[str, float]
    """By how many nats the right answer is above the best of the others, on average, by prompt."""
    logprobs: Mapping[str, float]
    scores: Mapping[str, float]
    """Mean score of what the model said, by prompt; empty unless it was asked to."""
    deciles: Sequence[float]
    why: str

    def plain(self) -> dict[str, Any]:
        """As JSON values."""
        judged = self.judged
        prompts = {
            kind: {
                **getattr(judged, kind).plain(),
                **{name: round(of[kind], 4) for name, of in (("margin", self.margins), ("logprob", self.logprobs), ("score", self.scores)) if kind in of},
            }
            for kind in KINDS
        }  # fmt: skip
        found: dict[str, Any] = {"level": self.level, **self.by, "rows": self.rows, "verdict": judged.verdict, **prompts}
        found["broken_p"] = float(f"{judged.broken:.6g}")
        if judged.changed[1]:
            found["changed"] = {"n": judged.changed[1], "hits": judged.changed[0]}
        if self.deciles:
            found["deciles"] = [round(value, 4) for value in self.deciles]
        return found | ({"why": self.why} if self.why else {})


@dataclass(frozen=True)
class Findings:
    """What `lcgen.check` gives."""

    folder: str
    model: str
    device: str
    records: Sequence[Record]
    cells: Sequence[Cell]
    """Cells in the order of the build, then configs, then tasks."""
    cost: Cost
    planned: int
    """Rows that were to be checked."""
    notes: Sequence[str]
    """What whoever reads the verdicts must know."""
    stopped: bool = False
    """Whether it was stopped before its end."""

    @property
    def verdict(self) -> Verdict:
        """The worst of all cells."""
        return worst(cell.judged.verdict for cell in self.cells)

    @property
    def faults(self) -> list[Cell]:
        """What is leaking or broken."""
        return [cell for cell in self.cells if cell.judged.verdict in FAULTS]

    def plain(self) -> dict[str, Any]:
        """Everything as JSON values."""
        cost = self.cost
        return {
            "folder": self.folder, "model": self.model, "device": self.device, "verdict": self.verdict, "alpha": ALPHA,
            "planned": self.planned, "checked": sum(not record.skipped for record in self.records), "stopped": self.stopped,
            "skipped": dict(Counter(record.skipped for record in self.records if record.skipped)), "notes": list(self.notes),
            "tokens": cost.tokens, "seconds": round(cost.seconds, 3), "tokens_per_second": round(cost.tokens / cost.seconds) if cost.seconds else None,
            "peak_bytes": cost.peak,
            "cells": [cell.plain() for cell in self.cells],
            "rows": [record.plain() for record in self.records],
        }  # fmt: skip

    def text(self) -> str:
        """The table to read: cells that are leaking or broken, then configs and tasks, then the other cells as far as they fit."""
        bad = [cell for cell in self.faults if cell.level == "cell"]
        whole = [cell for cell in self.cells if cell.level != "cell"]
        rest = [cell for cell in self.cells if cell.level == "cell" and cell not in bad]
        shown = [*bad[:MOST_LINES], *rest[: max(0, MOST_LINES - len(bad))], *whole]
        heads = ["", "length", "depth", "set", "rows", "full", "evidence", "removed", "chance", "margin", "verdict"]
        generated = any(cell.scores for cell in shown)
        lines = [[*heads[:-1], *(["score"] if generated else []), heads[-1]]]
        for cell in shown:
            judged = cell.judged
            rates = [
                "-" if count.rate is None else f"{count.rate:.2f}" for count in (judged.full, judged.evidence, judged.removed)
            ]
            margin = f"{cell.margins['full']:+.1f}" if "full" in cell.margins else "-"
            chance = f"{judged.removed.chance:.2f}" if judged.removed.n else "-"
            label = f"all {cell.by['task']}" if cell.level == "task" else str(cell.by["config"])
            place = [_short(cell.by.get(name)) for name in ("length", "depth", "set")]
            score = [f"{cell.scores['full']:.2f}" if "full" in cell.scores else "-"] if generated else []
            lines.append([label, *place, f"{cell.rows:,}", *rates, chance, margin, *score, judged.verdict])
        widths = [max(map(len, column)) for column in zip(*lines)]
        table = ["  ".join(text.ljust(width) for text, width in zip(line, widths)).rstrip() for line in lines]
        left = len(bad) + len(rest) - min(MOST_LINES, len(bad) + len(rest))
        return "\n".join([*table, *([f"{left:,} more cells: --json shows all."] if left else []), *self._said()])

    def _said(self) -> list[str]:
        """The lines below the table."""
        cost, found = (
            self.cost,
            [
                f"Verdict: {self.verdict}. Right answers that rank first, in the whole prompt, with the evidence alone, and without it."
            ],
        )
        whys: dict[str, dict[str, None]] = {}
        for cell in self.cells:
            if cell.why and "config" in cell.by:
                whys.setdefault(cell.why, {})[str(cell.by["config"])] = None
        for why, configs in whys.items():
            named = f"{', '.join([*configs][:3])}{f' and {len(configs) - 3} more configs' if len(configs) > 3 else ''}"
            found.append(f"Not tested all three ways: rows of {named}, because {why}.")
        if any(cell.deciles for cell in self.cells):
            deciles = next(cell.deciles for cell in reversed(self.cells) if cell.deciles)
            found.append(
                "Log-probability of the reference answer by tenths of it: " + " ".join(f"{value:.2f}" for value in deciles) + "."
            )
        if cost.seconds:
            rate = f"{cost.tokens:,} tokens in {cost.seconds:.1f} s ({cost.tokens / cost.seconds:,.0f} tokens/s)"
            found.append(f"{self.model} on {self.device}: {rate}, peak memory {cost.peak / 1e6:,.0f} MB.")
        return found


def gather(
    folder: str, model: str, device: str, records: Sequence[Record], cost: Cost, planned: int, notes: Sequence[str], stopped: bool
) -> Findings:
    """Puts records into cells, configs and tasks, and judges each."""
    kept = [record for record in records if not record.skipped]
    binned = len({record.where["depth"] for record in kept}) > MOST_DEPTHS
    swept = _swept([record.where for record in kept])
    # Sizes that were counted or drawn differ from row to row; a config is one line all the same.
    longest: dict[str, int] = {}
    for record in kept:
        longest[record.where["config"]] = max(longest.get(record.where["config"], 0), record.where["target"])
    groups: dict[tuple[str, str], tuple[dict[str, Any], list[Record]]] = {}
    for level in ("cell", "config", "task"):
        for record in kept:
            by = _by(level, {**record.where, "target": longest[record.where["config"]]}, binned, swept)
            groups.setdefault((level, json.dumps(by, ensure_ascii=False)), (by, []))[1].append(record)
    cells = [(level, by, own) for (level, _), (by, own) in groups.items()]
    kin: dict[str, list[Record]] = {}
    for record in kept:
        kin.setdefault(_kin(record), []).append(record)
    ability = {name: able([trial for record in own for trial in record.trials.get("evidence", ())]) for name, own in kin.items()}
    judged = [_cell(level, by, own, ability, len(cells)) for level, by, own in cells]
    return Findings(folder, model, device, records, judged, cost, planned, notes, stopped)


def _swept(places: Sequence[Mapping[str, Any]]) -> list[str]:
    """The parameters of which rows of one config have several values."""
    held: dict[tuple[str, str], set[str]] = {}
    for where in places:
        for name, value in where["params"].items():
            held.setdefault((where["config"], name), set()).add(json.dumps(value))
    return sorted({name for (_, name), values in held.items() if len(values) > 1})


def _by(level: str, where: Mapping[str, Any], binned: bool, swept: Sequence[str]) -> dict[str, Any]:
    """What tells a group of this level from others."""
    found = {"task": where["task"]}
    if level == "task":
        return found
    found |= {"config": where["config"], "length": where["target"]}
    if level == "config":
        return found
    depth = where["depth"]
    tenth = None if depth is None else (min(9, int(depth * 10)) + 0.5) / 10 if binned else depth
    named = " ".join(f"{name}={where['params'][name]}" for name in swept if name in where["params"])
    return found | {"depth": tenth, **({"set": named} if named else {})}


def _kin(record: Record) -> str:
    """Rows whose evidence alone is equally hard."""
    return json.dumps([record.where[name] for name in ("task", "lang", "variant", "group_role", "params")])


def _cell(level: str, by: dict[str, Any], own: Sequence[Record], ability: Mapping[str, float | None], tests: int) -> Cell:
    trials = {kind: [trial for record in own for trial in record.trials.get(kind, ())] for kind in KINDS}
    known = [ability[_kin(record)] for record in own]
    # What the model cannot do of one kind of rows says nothing of the others: the least of what it can.
    least = min((one for one in known if one is not None), default=None) if None not in known else None
    changed = [hit for record in own for hit in record.changed]
    return Cell(
        level, by, len(own), judge(trials, least, tests, (sum(changed), len(changed))),
        _means(own, "margins"), _means(own, "logprobs"), _scores(own),
        [fmean(values) for values in zip(*(record.deciles for record in own if record.deciles))],
        next((record.why for record in own if record.why), ""),
    )  # fmt: skip


def _means(own: Iterable[Record], name: str) -> dict[str, float]:
    found: dict[str, list[float]] = {}
    for record in own:
        for kind, values in getattr(record, name).items():
            found.setdefault(kind, []).extend(values)
    return {kind: fmean(values) for kind, values in found.items() if values}


def _scores(own: Iterable[Record]) -> dict[str, float]:
    held = [record.scores for record in own if record.scores]
    return {kind: fmean(values) for kind in KINDS if (values := [scores[kind] for scores in held if kind in scores])}


def _short(value: Any) -> str:
    return "" if value is None else f"{value:g}" if isinstance(value, float) else str(value)
