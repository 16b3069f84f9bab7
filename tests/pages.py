"""Folders with answers, and the reports about them."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from lcgen import generators
from lcgen.builders import writer

HOSTILE = (
    "</script><script>window.hacked = 1</script>",
    "<img src=x onerror='window.hacked = 1'>",
    "<!-- <script> --!><svg onload=window.hacked=1>",
    "\u2028\u2029\x00\x1b[31m\u202e \ufffe ]]> ${window.hacked=1} {{ 7*7 }} {% raw %} &lt;script&gt;",
    "javascript:window.hacked=1 \ud800 lone $x^2$ \\frac",
)


def rows(folder: Path) -> Iterator[dict[str, Any]]:
    """All rows of a folder but those of the preview."""
    for path in sorted((folder / "data").rglob("*.parquet")):
        if path.parent.name != "preview":
            yield from writer.read(path)


def answered(folder: Path, path: Path, says: Callable[[int, dict[str, Any], str], str | None]) -> Path:
    """A file of responses: what `says` makes of the number of a row, the row, and its right answer; None is no response."""
    lines = []
    for number, row in enumerate(rows(folder)):
        said = says(number, row, generators.get(row["task"]).oracle(row))
        if said is not None:
            lines.append(json.dumps({"id": row["id"], "response": said}) + "\n")
    path.write_text("".join(lines), encoding="utf-8")
    return path


def emptied(folder: Path) -> None:
    """Takes all rows from a folder and its manifest."""
    path = folder / "manifest.json"
    made = json.loads(path.read_text(encoding="utf-8"))
    for name, entry in made["files"].items():
        written = writer.write(folder / name, [], "parquet")
        entry.update(rows=0, bytes=written.bytes, sha256=written.sha256)
    for entry in made["configs"].values():
        entry["rows"] = 0
    path.write_text(json.dumps(made), encoding="utf-8")


def data(page: Path) -> dict[str, Any]:
    """What a page holds for its browser of rows."""
    text = page.read_text(encoding="utf-8").partition('<script type="application/json" id="data">')[2].partition("</script>")[0]
    found: dict[str, Any] = json.loads(text)
    return found
