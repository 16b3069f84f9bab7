"""Excerpts: what stands around the evidence of a long text, with the evidence marked, and the rest folded away."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

AROUND = 240
"""Characters shown on each side of evidence when the rest is folded."""
Span = tuple[int, int]


@dataclass(frozen=True)
class Part:
    """Text of one kind: evidence, or what stands between."""

    text: str
    piece: int | None = None
    """Which of the pieces it is; None between them."""


@dataclass(frozen=True)
class Passage:
    """A run of text without gaps."""

    start: int
    """Characters before it in the whole text."""
    parts: Sequence[Part]


def extent(row: Mapping[str, Any]) -> Span:
    """Where the text begins and ends in which evidence stands: the context (none, in a prompt without one), or on the output axis the
    reference."""
    return (0, len(row["reference_output"])) if row["axis"] == "output" else (row["context_start"] or 0, row["context_end"] or 0)


def around(spans: Iterable[Span], size: int, reach: int = AROUND) -> list[Span]:
    """The spans and what stands within `reach` characters of them, in order, as few as there are; of a text of `size` characters."""
    found: list[Span] = []
    for low, high in sorted((max(0, low - reach), min(high + reach, size)) for low, high in spans):
        if found and low <= found[-1][1] + reach:
            found[-1] = (found[-1][0], max(high, found[-1][1]))
        else:
            found.append((low, high))
    return found


def passages(text: str, pieces: Sequence[Span], kept: Iterable[Span]) -> list[Passage]:
    """What is kept of a text, cut where pieces begin and end; where pieces overlap, the first one has what they share."""
    ranked = sorted((low, high, number) for number, (low, high) in enumerate(pieces))
    found = []
    for start, end in kept:
        at, parts = start, list[Part]()
        for low, high, number in ranked:
            low, high = max(low, at), min(high, end)
            if low < high:
                parts += [Part(text[at:low]), Part(text[low:high], number)]
                at = high
        found.append(Passage(start, [part for part in (*parts, Part(text[at:end])) if part.text]))
    return found
