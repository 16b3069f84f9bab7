"""The page: one HTML file that needs nothing else, within a size that can be sent by mail."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Iterable, Sequence
from importlib.resources import files
from typing import Any

import jinja2

import lcgen
from lcgen.contract import Estimate
from lcgen.errors import LcgenError
from lcgen.reporting import drawing
from lcgen.reporting.charts import Bars, Chart, Heat, Lines, Points
from lcgen.reporting.checked import Check
from lcgen.reporting.gather import Gathered, lowest
from lcgen.scoreboard import label

MOST_BYTES = 4_800_000
"""Of a page, all told."""
MOST_DRAWN = 3_000_000
"""Bytes of figures; what is left is for rows."""
HEAVY, DOTS = 100_000, 100
"""Bytes of a figure from which on it stands in the page as PNG with so many dots to the inch, if that is smaller."""


def page(found: Gathered, charts: Sequence[Chart], check: Check | None, folder: str) -> str:
    """The page of a gathered folder. Raises LcgenError where its figures alone are too large for one."""
    figures = [_figure(chart, number) for number, chart in enumerate(charts)]
    if (size := sum(len(one["drawn"].encode()) + len(one["picture"]) for one in figures)) > MOST_DRAWN:
        raise LcgenError(
            f"The figures of {len(found.runs)} runs take {size / 1e6:.1f} MB, more than a page of {MOST_BYTES / 1e6:.1f} MB has room for. "
            "Report fewer runs at once (--scores), or fewer tasks."
        )
    here = files(__name__.rpartition(".")[0])
    script, style = (here.joinpath(f"page.{kind}").read_text(encoding="utf-8") for kind in ("js", "css"))
    environment = jinja2.Environment(undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True, autoescape=True)
    total = sum(found.scored.configs.values())
    facts = {
        "name": found.made["name"], "folder": folder, "lcgen": lcgen.__version__, "total": total, "runs": [label(run) for run in found.runs],
        "configs": _configs(found), "tokenizer": ", ".join(dict.fromkeys(entry["tokenizer"]["name"] for entry in found.made["counted"])), "notes": [label_long(note) for note in found.notes],
        "figures": figures, "check": check, "style": style, "script": script, "policy": _policy(script), "failed": _failed(found),
    }  # fmt: skip
    template = environment.from_string(here.joinpath("page.html.j2").read_text(encoding="utf-8"))
    bare = template.render(facts, data="", shown=0)
    rows = _fitting(found, MOST_BYTES - len(bare.encode()) - 20_000)
    return template.render(facts, data=embedded({"runs": list(found.runs), "rows": rows}), shown=len(rows))


def embedded(value: Any) -> str:
    """JSON that ends no element of a page, whatever texts it holds."""
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    text = text.replace("&", "\\u0026").replace("<", "\\u003c").replace(">", "\\u003e")
    return text.encode("utf-8", "replace").decode()


def label_long(text: str) -> str:
    """A sentence for the page: what cannot be printed becomes a question mark."""
    return "".join(sign if sign.isprintable() else "?" for sign in text)


def _policy(script: str) -> str:
    """What the page may do: run its own script, show its own style and pictures, and nothing else, and nothing from elsewhere."""
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    return f"default-src 'none'; script-src 'sha256-{digest}'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'none'"


def _figure(chart: Chart, number: int) -> dict[str, Any]:
    drawn, picture = drawing.inline(chart, number), ""
    if len(drawn) > HEAVY:
        picture = base64.b64encode(drawing.saved(chart, "png", DOTS)).decode()
        drawn, picture = ("", picture) if len(picture) < len(drawn) else (drawn, "")
    return {
        "name": chart.name, "title": chart.title, "about": chart.about, "drawn": drawn, "picture": picture, "table": list(_numbers(chart))
    }  # fmt: skip


def _numbers(chart: Chart) -> Iterable[Sequence[str]]:
    """The figures of a chart as lines of a table, the head first."""
    if isinstance(chart, Heat):
        yield ["run", chart.y, *chart.columns]
        for run, rows in chart.maps.items():
            for name, row in zip(chart.lines, rows):
                yield [label(run), name, *(_said(one, False) for one in row)]
    elif isinstance(chart, Lines):
        yield [chart.x, *map(label, chart.curves)]
        for place, column in enumerate(chart.columns):
            yield [column, *(_said(curve[place], True) for curve in chart.curves.values())]
    elif isinstance(chart, Bars):
        yield [chart.x, *chart.counts]
        for place, counts in enumerate(zip(*chart.counts.values())):
            yield [f"{place / 20:.2f}..{(place + 1) / 20:.2f}", *(f"{count:,}" for count in counts)]
    elif isinstance(chart, Points):
        yield ["task", "pairs", f"largest difference of {chart.y} from {chart.x}"]
        for task, points in chart.points.items():
            gap = max((abs(y - x) for x, y in points), default=0.0)
            yield [label(task), f"{len(points):,}", f"{gap:.4g}"]


def _said(one: Estimate | None, interval: bool) -> str:
    if one is None:
        return "-"
    if not interval or one.low is None or one.high is None:
        return f"{one.value:.3f}"
    return f"{one.value:.3f} [{one.low:.3f}, {one.high:.3f}]"


def _configs(found: Gathered) -> list[dict[str, Any]]:
    sizes: dict[str, list[int]] = {}
    tasks: dict[str, str] = {}
    for sheet in found.scored.sheets:
        for row in sheet.rows:
            sizes.setdefault(row["config"], []).append(row["length"])
            tasks[row["config"]] = sheet.task.name
    return [
        {
            "name": label(name),
            "task": tasks[name],
            "rows": len(lengths),
            "low": min(lengths),
            "high": max(lengths),
            "tokens": sum(lengths),
        }
        for name, lengths in sizes.items()
    ]


def _failed(found: Gathered) -> dict[str, int]:
    """Rows of each run that score less than 1."""
    failed = dict.fromkeys(found.runs, 0)
    for sheet in found.scored.sheets:
        for run, metrics in sheet.runs.items():
            scores = metrics.columns().get("score")
            failed[run] += len(sheet.rows) if scores is None else int((~(scores >= 1)).sum())
    return {label(run): count for run, count in failed.items()}


def _fitting(found: Gathered, room: int) -> list[dict[str, Any]]:
    """As many rows as there is room for, failed ones first."""
    kept = []
    for entry in found.entries:
        room -= len(embedded(entry).encode()) + 1
        if room < 0:
            break
        kept.append(entry)
    order = {config: place for place, config in enumerate(found.scored.configs)}
    return sorted(kept, key=lambda entry: (lowest(entry), order[entry["config"]]))
