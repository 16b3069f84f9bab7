"""The published grids of documents with events."""

from __future__ import annotations

from typing import Any, get_args

from lcgen.contract import Preset, Setting
from lcgen.generators._golden_params import Scenarios

OWN = "Wording, events and examples are our own, and each event has a coined name, so that a rule checks it where the paper asks a model."
FITS = "The least words of an entry follow from the reference, so that they fit the answer; the paper asks for 100 to 200, which mostly do not."
GRID = {"scenario": get_args(Scenarios)}


def _preset(size: str, rules: str, entries: str, target: int, answer: int, **more: Any) -> Preset:
    how = "as drawn" if rules == "published" else "and what collides moved on"
    return Preset(
        f"the paper's {size} set of four scenarios, {entries} entries, places drawn in its order, {how}", "arXiv:2409.02076",
        {"": Setting({**GRID, "rules": rules}, lengths=str(target))}, str(target), 100, answer_tokens=answer, **more,
    )  # fmt: skip


APART = "Events that lie outside the document, in its first entry, or beside what they contradict are moved on to the next free place."
DRAWN = "Places collide as they do in the paper; what lies outside the document, which nobody could write, is left out and counted in `outside`."
PRESETS = {
    "16k": _preset("short", "mended", "52 or 100", 14_400, 16_000, differs=f"{OWN} {APART} {FITS}"),
    "32k": _preset("long", "mended", "300 to 365", 28_800, 32_000, differs=f"{OWN} {APART} {FITS}"),
    "faithful_16k": _preset("short", "published", "52 or 100", 14_400, 16_000, differs=f"{OWN} {DRAWN} {FITS}"),
    "faithful_32k": _preset("long", "published", "300 to 365", 28_800, 32_000, differs=f"{OWN} {DRAWN} {FITS}"),
}
