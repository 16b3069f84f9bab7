"""What a model found about the rows themselves: the JSON of `lcgen check`, as a table and as heat maps."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lcgen.contract import Estimate
from lcgen.errors import LcgenError, many
from lcgen.reporting.charts import Heat
from lcgen.reporting.gather import Gathered
from lcgen.responses import some
from lcgen.scoreboard import label

PROMPTS = {"full": "whole prompt", "evidence": "evidence alone", "removed": "evidence removed"}
FAULTS = ("leaking", "broken")


@dataclass(frozen=True)
class Check:
    """A check of the folder that the page is about."""

    about: str
    lines: Sequence[Sequence[str]]
    """The table, its head first: what is at fault, then configs and tasks."""
    maps: Sequence[Heat]


def read(path: Path, found: Gathered) -> Check:
    """Raises LcgenError for a file that cannot be read, holds no check, or is about other rows."""
    try:
        plain = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise LcgenError(f"Cannot read the check {path}: {getattr(error, 'strerror', None) or error}.") from error
    try:
        cells = [_cell(cell) for cell in plain["cells"]]
        model, verdict, checked = label(plain["model"]), label(plain["verdict"]), int(plain["checked"])
        ids = [str(row["id"]) for row in plain["rows"]]
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise LcgenError(f"{path} holds no check. `lcgen check DIR --out FILE` writes one.") from error
    strangers = {cell["config"] for cell in cells if cell["config"]} - {*found.scored.configs}
    strangers |= {cell["task"] for cell in cells} - {*found.places}
    if strangers:
        raise LcgenError(
            f"{path} is a check of another folder: it has {label(min(strangers))}, where this one has {', '.join(found.scored.configs) or 'none'}."
        )
    # Configs of other builds may have the same names; ids hold what a build was made of.
    here = {row["id"] for sheet in found.scored.sheets for row in sheet.rows}
    if others := [name for name in ids if name not in here]:
        raise LcgenError(
            f"{path} is a check of another build: it has {some(others, 'row')}, which {'is' if len(others) == 1 else 'are'} not here. Check this folder: "
            "`lcgen check DIR --out FILE`."
        )
    about = f"{model} looked at {many(checked, 'row')}: {verdict}. How often the right answer ranks first among candidates, in the {', '.join(PROMPTS.values())}."
    faults = [cell for cell in cells if cell["level"] == "cell" and cell["verdict"] in FAULTS]
    shown = [*faults, *(cell for cell in cells if cell["level"] != "cell")]
    head = ["config or task", "depth", "rows", *PROMPTS.values(), "verdict"]
    return Check(about, [head, *map(_line, shown)], list(_maps(cells, found)))


def _cell(cell: Mapping[str, Any]) -> dict[str, Any]:
    """A cell, its types made sure of."""
    depth = cell.get("depth")
    counts = {name: (int(cell[name]["hits"]), int(cell[name]["n"])) for name in PROMPTS}
    if depth is not None and not isinstance(depth, (int, float)):
        raise TypeError
    return {
        "level": str(cell["level"]), "task": str(cell["task"]), "config": str(cell.get("config") or ""), "depth": depth,
        "rows": int(cell["rows"]), "verdict": str(cell["verdict"]), "counts": counts,
    }  # fmt: skip


def _line(cell: Mapping[str, Any]) -> list[str]:
    where = cell["config"] or f"all of {cell['task']}"
    depth = "" if cell["depth"] is None else f"{cell['depth']:g}"
    rates = [f"{hits / n:.2f}" if n else "-" for hits, n in cell["counts"].values()]
    return [label(where), depth, f"{cell['rows']:,}", *rates, label(cell["verdict"])]


def _maps(cells: Sequence[Mapping[str, Any]], found: Gathered) -> Iterator[Heat]:
    """For each task with depths a map of each kind of prompt."""
    for task in dict.fromkeys(cell["task"] for cell in cells):
        own = [cell for cell in cells if cell["level"] == "cell" and cell["task"] == task and cell["depth"] is not None]
        held: dict[tuple[float, str], dict[str, tuple[int, int]]] = {}
        for cell in own:
            place = held.setdefault((cell["depth"], cell["config"].rpartition("_")[2]), dict.fromkeys(PROMPTS, (0, 0)))
            for name, (hits, n) in cell["counts"].items():
                place[name] = (place[name][0] + hits, place[name][1] + n)
        sizes, depths = [size for size in found.sizes if any(size == at for _, at in held)], sorted({depth for depth, _ in held})
        if held:
            maps = {
                said: [[_share(held.get((depth, size), {}).get(name)) for size in sizes] for depth in depths]
                for name, said in PROMPTS.items()
            }
            about = "How often the right answer ranks first; without evidence it should not."
            yield Heat(
                f"{label(task)}_check",
                f"{label(task)}: check by a model",
                about,
                "tokens",
                "depth",
                sizes,
                [f"{depth:g}" for depth in depths],
                maps,
            )


def _share(count: tuple[int, int] | None) -> Estimate | None:
    return Estimate(count[0] / count[1], None, None, count[1]) if count and count[1] else None
