"""Where lcgen keeps what it can make again: prose pools, split corpora, token weights."""

from __future__ import annotations

import os
from pathlib import Path

from lcgen.errors import LcgenError


def folder(*parts: str) -> Path:
    """The cache folder, or one below it, made on demand.

    `LCGEN_CACHE` names it; otherwise it is `lcgen` under `XDG_CACHE_HOME` or `~/.cache`.
    Raises LcgenError if it cannot be made.
    """
    home = os.environ.get("LCGEN_CACHE")
    base = Path(home) if home else Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "lcgen"
    path = base.joinpath(*parts)
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise LcgenError(
            f"Cannot make the cache folder {path} ({error.strerror}). Set LCGEN_CACHE to a folder you may write."
        ) from error
    return path
