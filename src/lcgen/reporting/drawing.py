"""Figures, drawn by matplotlib: for the page as SVG that takes its colours from the page, for papers as SVG and PNG.

Labels come from outside (names of files, values of parameters): they are drawn as plain text, never as formulas.
"""

from __future__ import annotations

import io
import math
import re
import warnings
import xml.etree.ElementTree as ET
from collections.abc import Iterable, Mapping, Sequence
from functools import singledispatch
from typing import TYPE_CHECKING, Any

from lcgen.contract import Estimate
from lcgen.errors import LcgenError
from lcgen.ranges import size_label
from lcgen.reporting.charts import Bars, Chart, Curve, Heat, Lines, Points
from lcgen.scoreboard import label

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

SERIES = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#7f7f7f", "#e69f00", "#56b4e9")
"""Told apart by eyes of all kinds, on light and on dark (Okabe and Ito 2008, without black and yellow)."""
MARKERS = "osD^vPX"
INK, LINES = "#010203", "#d0d1d2"
"""Text and grid: on the page the variables of its style stand in their place."""
ABREAST = 3
"""Maps side by side."""
APART = 1.6
"""Lengths named on an axis are so many times as long as the one before."""
ANNOTATED = 150
"""Cells of a map up to which each has its number in it."""
_LONG = re.compile(r"-?\d+\.\d{3,}")
_PLACES = {"d", "transform", "x", "y", "points"}


def library() -> None:
    """Raises LcgenError where matplotlib is not there."""
    try:
        import matplotlib  # noqa: F401
    except ImportError as error:
        raise LcgenError('Figures need matplotlib. Install it: pip install "lcgen[report]".') from error


def inline(chart: Chart, number: int) -> str:
    """The figure as an SVG element to stand in a page; `number` makes its names its own."""
    root = ET.fromstring(_saved(chart, "svg", {"svg.fonttype": "none", "svg.hashsalt": chart.name}))
    prefix = f"f{number}-"
    for node in root.iter():
        node.tag = node.tag.rpartition("}")[2]
        for name, value in list(node.attrib.items()):
            del node.attrib[name]
            name = name.rpartition("}")[2]
            if name == "id":
                value = prefix + value
            elif name == "href" and value.startswith("#"):
                value = f"#{prefix}{value[1:]}"
            value = value.replace("url(#", f"url(#{prefix}").replace(INK, "var(--ink)").replace(LINES, "var(--line)")
            node.set(name, _LONG.sub(lambda found: f"{float(found[0]):.2f}", value) if name in _PLACES else value)
        # Half of the file is what sets it out for reading.
        node.text, node.tail = (None if text is None or text.isspace() else text for text in (node.text, node.tail))
    for name in ("metadata", "title"):
        for node in root.findall(name):
            root.remove(node)
    root.set("role", "img")
    root.set("aria-label", f"{chart.title}. {chart.about}")
    for name in ("width", "height"):
        root.attrib.pop(name, None)
    root.set("style", f"width: {root.attrib['viewBox'].split()[2]}pt")
    return ET.tostring(root, encoding="unicode", short_empty_elements=False)


def saved(chart: Chart, kind: str, dots: int = 200) -> bytes:
    """The figure as a file, `svg` or `png` (with so many dots to the inch), on white."""
    return _saved(chart, kind, {"svg.fonttype": "path", "svg.hashsalt": chart.name, "savefig.dpi": dots})


def _saved(chart: Chart, kind: str, settings: Mapping[str, Any]) -> bytes:
    import matplotlib
    from matplotlib.figure import Figure

    colours = dict.fromkeys(("text.color", "axes.labelcolor", "axes.edgecolor", "xtick.color", "ytick.color"), INK)
    plain = {"text.parse_math": False, "font.size": 9, "axes.spines.top": False, "axes.spines.right": False, "grid.color": LINES,
             "axes.titlesize": 10, "legend.frameon": False, "figure.constrained_layout.use": True}  # fmt: skip
    file = io.BytesIO()
    with matplotlib.rc_context({**matplotlib.rcParamsDefault, **plain, **colours, **settings}), warnings.catch_warnings():
        # The own font of the library lacks the signs of many scripts; it then draws a box, and says so.
        warnings.simplefilter("ignore")
        figure = Figure()
        draw(chart, figure)
        page = kind == "svg" and settings["svg.fonttype"] == "none"
        meta = {"Date": None, "Creator": None} if kind == "svg" else {"Software": None}
        figure.savefig(file, format=kind, transparent=page, metadata=meta)
    return file.getvalue()


@singledispatch
def draw(chart: Chart, figure: Figure) -> None:
    """Draws a chart into an empty figure."""
    raise TypeError(type(chart).__name__)


@draw.register(Heat)
def _(chart: Heat, figure: Figure) -> None:
    many = len(chart.columns) > ABREAST * 4
    width = max(2.2, (0.24 if many else 0.42) * len(chart.columns) + 0.9, 0.7 * _wide(chart.maps) + 0.5)
    height = max(1.6, 0.24 * len(chart.lines) + 0.8)
    across = 1 if many else min(ABREAST, len(chart.maps))
    down = math.ceil(len(chart.maps) / across)
    figure.set_size_inches(width * across + 0.5, height * down)
    grid = figure.subplots(down, across, squeeze=False, sharex=True, sharey=True)
    places = list(grid.flat)
    for axes, (run, rows) in zip(places, chart.maps.items()):
        values = [[math.nan if one is None else one.value for one in row] for row in rows]
        last = axes.pcolormesh(values, vmin=0, vmax=1, cmap="cividis", edgecolors="face", linewidth=0.3)
        axes.set_title(label(run), fontsize=8)
        if len(chart.lines) * len(chart.columns) <= ANNOTATED:
            _annotate(axes, values)
    for axes in places[len(chart.maps) :]:
        axes.set_axis_off()
    for place, axes in enumerate(places[: len(chart.maps)]):
        axes.tick_params(labelbottom=place + across >= len(chart.maps))
        axes.set_xticks(
            [at + 0.5 for at in range(len(chart.columns))], chart.columns, rotation=90 if len(chart.columns) > 6 else 0
        )
        axes.set_yticks([at + 0.5 for at in range(len(chart.lines))], chart.lines)
    places[0].invert_yaxis()
    figure.supxlabel(chart.x, fontsize=9)
    figure.supylabel(chart.y, fontsize=9)
    figure.colorbar(last, ax=places, label="score", fraction=0.04, pad=0.01)


def _annotate(axes: Axes, values: Sequence[Sequence[float]]) -> None:
    for line, row in enumerate(values):
        for column, value in enumerate(row):
            if not math.isnan(value):
                ink = "#ffffff" if value < 0.55 else "#000000"
                text = f"{value:.2f}".removeprefix("0") if value not in (0, 1) else f"{value:.0f}"
                axes.text(column + 0.5, line + 0.5, text, ha="center", va="center", fontsize=6.5, color=ink)


@draw.register(Lines)
def _(chart: Lines, figure: Figure) -> None:
    across = len(chart.columns) * max(0.55, _wide(chart.columns) + 0.15)
    figure.set_size_inches(max(3.4, min(9.0, 1.6 + across)) + _beside(chart.curves), 2.9)
    axes = figure.subplots()
    joined = chart.x != "task"
    step = 0.5 / max(1, len(chart.curves))
    for number, (run, curve) in enumerate(chart.curves.items()):
        shift = step * (number - (len(chart.curves) - 1) / 2)
        at = [place + shift for place, one in enumerate(curve) if one is not None]
        held = [one for one in curve if one is not None]
        axes.errorbar(
            at, [one.value for one in held], yerr=_reach(held), color=SERIES[number % len(SERIES)], marker=MARKERS[number % len(MARKERS)],
            markersize=4, linewidth=1.2, elinewidth=1, capsize=2, linestyle="-" if joined else "none", label=label(run),
        )  # fmt: skip
    axes.set_xticks(range(len(chart.columns)), chart.columns, rotation=90 if sum(map(len, chart.columns)) > 60 else 0)
    axes.set_xlim(-0.6, len(chart.columns) - 0.4)
    if chart.unit:
        axes.set_ylim(-0.03, 1.03)
    else:
        axes.axhline(0, color=INK, linewidth=0.8)
    _dressed(axes, chart)
    _legend(axes)


def _reach(held: Curve) -> list[list[float]]:
    """How far intervals go below and above; not at all where there is none."""
    found = [one for one in held if one is not None]
    return [[one.value - _or(one.low, one) for one in found], [_or(one.high, one) - one.value for one in found]]


def _or(end: float | None, estimate: Estimate) -> float:
    return estimate.value if end is None or math.isnan(end) else end


@draw.register(Points)
def _(chart: Points, figure: Figure) -> None:
    figure.set_size_inches(3.4 + _beside(chart.points), 3.2)
    axes = figure.subplots()
    every = [value for points in chart.points.values() for point in points for value in point] or [0.0, 1.0]
    axes.plot([min(every), max(every)], [min(every), max(every)], color=LINES, linewidth=1, zorder=0)
    for number, (task, points) in enumerate(chart.points.items()):
        # Dots that would lie on each other are drawn once.
        seen = list(dict.fromkeys((round(x, 3), round(y, 3)) for x, y in points))
        axes.scatter(
            [x for x, _ in seen], [y for _, y in seen], s=14, color=SERIES[number % len(SERIES)], marker=MARKERS[number % len(MARKERS)],
            label=label(task), alpha=0.7, linewidth=0,
        )  # fmt: skip
    if chart.powers:
        asked = sorted({round(x) for points in chart.points.values() for x, _ in points})
        ticks = asked[:1]
        for tokens in asked:
            ticks += [tokens] if tokens > APART * ticks[-1] else []
        axes.set_xscale("log", base=2)
        axes.set_yscale("log", base=2)
        for axis in (axes.xaxis, axes.yaxis):
            axis.set_ticks(ticks, [size_label(tokens) for tokens in ticks])
            axis.set_ticks([], minor=True)
    _dressed(axes, chart)
    _legend(axes)


@draw.register(Bars)
def _(chart: Bars, figure: Figure) -> None:
    from matplotlib.ticker import MaxNLocator

    figure.set_size_inches(4.2 + _beside(chart.counts), 2.9)
    axes = figure.subplots()
    for number, (task, counts) in enumerate(chart.counts.items()):
        edges = [place / len(counts) for place in range(len(counts) + 1)]
        axes.stairs(counts, edges, color=SERIES[number % len(SERIES)], label=label(task), linewidth=1.4)
    axes.set_ylim(0)
    axes.yaxis.set_major_locator(MaxNLocator(integer=True))
    _dressed(axes, chart)
    _legend(axes)


def _dressed(axes: Axes, chart: Chart) -> None:
    axes.set_xlabel(chart.x)
    axes.set_ylabel(chart.y)
    axes.grid(axis="y", linewidth=0.6)
    axes.set_axisbelow(True)


def _wide(names: Iterable[str]) -> float:
    """Inches that the longest of these names takes, at most."""
    return 0.08 * max((len(label(name)) for name in names), default=0)


def _beside(names: Iterable[str]) -> float:
    """Inches for a legend of these names, so that it takes none from the axes."""
    return _wide(names) + 0.4


def _legend(axes: Axes) -> None:
    axes.legend(loc="upper left", bbox_to_anchor=(1.0, 1.0), fontsize=8)
