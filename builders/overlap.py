"""What two epochs have in common: rows and facts, which must be nothing, and what those are made of, nothing where shares differ."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import xxhash

from lcgen import generators
from lcgen.builders import tables, writer
from lcgen.errors import CheckFailed

KINDS = ("rows", "facts", "keys", "values", "questions")
"""Prompts; keys with their values; and each alone: what `Task.drawn` says of a row."""
NONE = ("rows", "facts")
"""Of these no two epochs may share any, whatever their shares."""
Prints = Mapping[str, np.ndarray]


@dataclass(frozen=True)
class Other:
    """An earlier epoch, or what lies beside one."""

    name: str
    prints: Prints
    apart: bool
    """Whether it draws from another share of all keys, values and names."""


def prints(folder: Path, made: Mapping[str, Any]) -> dict[str, np.ndarray]:
    """64-bit hashes of all that a folder holds of each kind, sorted, each once; of rows of numbers their inputs alone."""
    found: dict[str, set[int]] = {kind: set() for kind in KINDS}
    numbers = bool(tables.promised(made))
    for name in made["files"]:
        for row in writer.read(folder / name):
            found["rows"].add(_hash(*map(str, row["input_ids"])) if numbers else _hash(row["input"]))
            if numbers:
                continue
            drawn = generators.get(row["task"]).drawn(row)
            found["facts"].update(_hash(*fact) for fact in drawn.facts)
            for kind, texts in (("keys", drawn.keys), ("values", drawn.values), ("questions", drawn.questions)):
                found[kind].update(map(_hash, texts))
    return {kind: np.array(sorted(hashes), "<u8") for kind, hashes in found.items()}


def _hash(*texts: str) -> int:
    return xxhash.xxh3_64_intdigest("\0".join(texts).encode())


def shared(one: Prints, others: Sequence[Prints]) -> dict[str, int]:
    """How many of one epoch's stand in any of the others."""
    return {
        kind: int(np.isin(one[kind], np.concatenate([other[kind] for other in others])).sum()) if others else 0 for kind in KINDS
    }


def refuse(what: str, found: Prints, others: Sequence[Other]) -> None:
    """Raises CheckFailed where rows or facts stand in another epoch too, or anything in one that draws from another share."""
    for other in others:
        common = shared(found, [other.prints])
        if bad := {kind: common[kind] for kind in (KINDS if other.apart else NONE) if common[kind]}:
            none = not any(bad.get(kind) for kind in NONE)
            raise CheckFailed(
                f"{what} shares {', '.join(f'{count:,} {kind}' for kind, count in bad.items())} with {other.name}, so it was not published. Take "
                + (
                    "another seed in the suite, or questions and tasks that draw through shares; epochs_apart: 1 states what epochs share "
                    "instead of refusing it."
                    if none
                    else "another seed in the suite, or parameters with more values."
                )
            )


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
