"""What two epochs have in common: rows and facts, which must be nothing, and the words that they are made of."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import xxhash

from lcgen.builders import tables, writer

KINDS = ("rows", "facts", "keys", "values", "questions")
"""Prompts; keys with their values; and each alone. Keys, values and questions are drawn from lists that all epochs share."""
NONE = ("rows", "facts")
"""Of these no two epochs may share any."""
Prints = Mapping[str, np.ndarray]


def prints(folder: Path, made: Mapping[str, Any]) -> dict[str, np.ndarray]:
    """64-bit hashes of all that a folder holds of each kind, sorted, each once; of rows of numbers their inputs alone."""
    found: dict[str, set[int]] = {kind: set() for kind in KINDS}
    numbers = bool(tables.promised(made))
    for name in made["files"]:
        for row in writer.read(folder / name):
            found["rows"].add(_hash(*map(str, row["input_ids"])) if numbers else _hash(row["input"]))
            if numbers:
                continue
            found["questions"].add(_hash(row["question"]))
            for piece in row["evidence"]:
                kinds = (("keys", (piece["key"],)), ("values", (piece["value"],)), ("facts", (piece["key"], piece["value"])))
                for kind, texts in kinds:
                    if all(texts):
                        found[kind].add(_hash(*texts))
    return {kind: np.array(sorted(hashes), "<u8") for kind, hashes in found.items()}


def _hash(*texts: str) -> int:
    return xxhash.xxh3_64_intdigest("\0".join(texts).encode())


def shared(one: Prints, others: list[Prints]) -> dict[str, int]:
    """How many of one epoch's stand in any of the others."""
    return {
        kind: int(np.isin(one[kind], np.concatenate([other[kind] for other in others])).sum()) if others else 0 for kind in KINDS
    }


def pack(found: Prints) -> bytes:
    """Prints as bytes: the number of each kind, then the hashes."""
    counts = np.array([len(found[kind]) for kind in KINDS], "<u8")
    return counts.tobytes() + b"".join(found[kind].tobytes() for kind in KINDS)


def unpack(data: bytes) -> dict[str, np.ndarray]:
    """What `pack` packed. Raises ValueError for anything else."""
    words = np.frombuffer(data, "<u8")
    ends = np.cumsum(words[: len(KINDS)], dtype=np.int64) + len(KINDS)
    if len(words) < len(KINDS) or ends[-1] != len(words):
        raise ValueError("these are no prints of an epoch")
    return {kind: words[low:high] for kind, low, high in zip(KINDS, [len(KINDS), *ends[:-1]], ends)}
