"""What a model found about the rows themselves: the file that `lcgen check --json` wrote."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from lcgen.errors import LcgenError
from lcgen.reporting.gather import Gathered


def read(path: Path, found: Gathered) -> Mapping[str, Any]:
    """Raises LcgenError for a file that cannot be read or is about another folder."""
    try:
        plain = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise LcgenError(f"Cannot read {path}: {error}") from error
    raise LcgenError(f"{path} holds no check: {type(plain).__name__}")
