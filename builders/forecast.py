"""The forecast of a build: what it will hold, cost and tell, before anything is written."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from lcgen.builders.maker import FilePlan, Maker
from lcgen.builders.workshop import crew_of, plan
from lcgen.estimates import share
from lcgen.ranges import Length
from lcgen.spec import Suite


@dataclass(frozen=True)
class Line:
    """One config, or the whole."""

    config: str
    rows: int
    files: int
    input_tokens: int
    """Tokens that a model reads in one run over all rows."""
    output_tokens: int
    """Tokens that it may write, at most."""
    bytes: int
    seconds: float
    """Of one process; both are drawn from one row of the shortest and one of the longest length, and so are estimates."""
    half_interval: float | None
    """Half of the 95 % interval of a score of these rows where it is widest: half of the independent contexts right."""


def forecast(suite: Suite) -> list[Line]:
    """A line for each config, then the total. Raises LcgenError for what cannot be built."""
    lines = [line for maker in crew_of(suite).values() for line in _part(maker)]
    return [*lines, _total(lines)]


def _units(maker: Maker) -> int:
    """Independent contexts of one length: twins, and questions over one context, are none of their own."""
    part = maker.part
    return part.samples * len(part.depths) * len(part.params)


def _part(maker: Maker) -> Iterator[Line]:
    maker.preflight()
    files: dict[Length, list[FilePlan]] = {}
    for file in plan(maker):
        files.setdefault(file.length, []).append(file)
    ends = sorted(files, key=maker.tokens)
    low, high = (_measured(maker, length) for length in (ends[0], ends[-1]))
    for length, held in files.items():
        rows, tokens = sum(file.rows for file in held), maker.tokens(length)
        # Between the two ends all grow with the tokens.
        place = (tokens - maker.tokens(ends[0])) / max(1, maker.tokens(ends[-1]) - maker.tokens(ends[0]))
        read, size, seconds = (first + place * (last - first) for first, last in zip(low, high))
        output = maker.max_new_tokens(length)
        yield Line(
            maker.part.config(length), rows, len(held), round(rows * read), rows * output, round(rows * size), rows * seconds,
            _half(_units(maker)),
        )  # fmt: skip


def _measured(maker: Maker, length: Length) -> tuple[float, float, float]:
    """Prompt tokens, bytes and seconds of a row of this length, files and checks included."""
    with tempfile.TemporaryDirectory(prefix="lcgen-") as folder:
        return maker.measured(Path(folder) / "rows", length)


def _half(units: int) -> float:
    found = share(units // 2, units)
    assert found.low is not None and found.high is not None
    return (found.high - found.low) / 2


def _total(lines: Sequence[Line]) -> Line:
    whole = {
        name: sum(getattr(line, name) for line in lines) for name in ("rows", "files", "input_tokens", "output_tokens", "bytes")
    }
    return Line("all", seconds=sum(line.seconds for line in lines), half_interval=None, **whole)
