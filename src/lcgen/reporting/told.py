"""Scores that stand in a file already: the lines that `lcgen score --out` wrote."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from lcgen.errors import LcgenError

Told = dict[str, dict[str, Mapping[str, float]]]
"""Run -> id of a row -> its metrics."""


def is_told(path: str | Path) -> bool:
    """Whether the first line of a file is one of scores; what cannot be read is left to the reader of responses."""
    try:
        with Path(path).open(encoding="utf-8") as file:
            first = json.loads(file.readline())
    except (OSError, ValueError, RecursionError):
        return False
    return isinstance(first, dict) and {"id", "run", "scores"} <= {*first}


def read(path: str | Path) -> Told:
    """The scores of a file. Raises LcgenError, with the line, for one that is no line of scores."""
    found: Told = {}
    with Path(path).open(encoding="utf-8", errors="replace") as file:
        for number, line in enumerate(file, 1):
            try:
                entry = json.loads(line)
                name, run, scores = entry["id"], entry["run"], entry["scores"]
                found.setdefault(_text(run), {})[_text(name)] = {
                    _text(metric): _number(value) for metric, value in scores.items()
                }
            except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
                raise LcgenError(
                    f"{path}, line {number} holds no scores. `lcgen score --out` writes lines with id, run and scores."
                ) from error
    return found


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError
    return value


def _number(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not abs(value) < float("inf"):
        raise TypeError
    return float(value)
