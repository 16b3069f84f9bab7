"""`lcgen report`: what was built and how models did on it, as one HTML page and as figures for papers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lcgen.errors import LcgenError
from lcgen.progress import Progress


@dataclass(frozen=True)
class Page:
    """What was written."""

    path: Path
    bytes: int
    rows: int
    """Of the folder."""
    figures: tuple[Path, ...]
    notes: tuple[str, ...]


def make(
    folder: Path,
    scores: Sequence[str | Path | Mapping[str, Any]],
    check: Path | None,
    out: Path | None,
    figures: Path | None,
    progress: Progress | None,
) -> Page:
    """Writes the page, and the figures as SVG and PNG where a folder for them is named. Raises LcgenError, CheckFailed."""
    from lcgen.reporting import checked, drawing
    from lcgen.reporting.charts import charts
    from lcgen.reporting.gather import gather
    from lcgen.reporting.page import page

    drawing.library()
    out = out or Path(f"{folder.resolve().name}_report.html")
    read = {Path(file).resolve() for file in scores if not isinstance(file, Mapping)}
    if out.is_dir() or not out.parent.is_dir() or out.resolve() in read:
        what = "a folder" if out.is_dir() else "one of the files that it is about" if out.resolve() in read else "in no folder"
        raise LcgenError(f"Cannot write {out}: it is {what}. Choose another --out.")
    found = gather(folder, scores, progress)
    verdict = checked.read(check, found) if check is not None else None
    drawn = [*charts(found, str(folder)), *(verdict.maps if verdict else ())]
    text = page(found, drawn, verdict, folder.resolve().name).encode()
    try:
        part = out.with_name(out.name + ".part")
        part.write_bytes(text)
        part.replace(out)
        files = _figures(drawn, figures) if figures is not None else []
    except OSError as error:
        raise LcgenError(
            f"Cannot write {error.filename or out}: {error.strerror or error}. Choose another --out or --figures."
        ) from error
    return Page(out, len(text), sum(found.scored.configs.values()), tuple(files), tuple(found.notes))


def _figures(drawn: Sequence[Any], folder: Path) -> list[Path]:
    from lcgen.reporting import drawing

    folder.mkdir(parents=True, exist_ok=True)
    made = []
    for chart in drawn:
        for kind in ("svg", "png"):
            path = folder / f"{chart.name}.{kind}"
            path.write_bytes(drawing.saved(chart, kind))
            made.append(path)
    return made
