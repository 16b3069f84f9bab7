"""Excerpts: what stands around the evidence of a long text, with the evidence marked, and the rest folded away."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

AROUND = 240
"""Characters shown on each side of evidence when the rest is folded."""
WORD = 24
"""Characters in which the end of a word is looked for."""
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


def around(spans: Iterable[Span], text: str, reach: int = AROUND) -> list[Span]:
    """The spans of a text and what stands within `reach` characters of them, to the ends of words; in order, as few as there are."""
    found: list[Span] = []
    for low, high in sorted(_whole(text, max(0, low - reach), min(high + reach, len(text))) for low, high in spans):
        if found and low <= found[-1][1] + reach:
            found[-1] = (found[-1][0], max(high, found[-1][1]))
        else:
            found.append((low, high))
    return found


def _whole(text: str, low: int, high: int) -> Span:
    """The span with the words that it cuts; as it is where no space is near, as in scripts without spaces."""
    before, after = text[max(0, low - WORD) : low], text[high : high + WORD]
    if low and not text[low : low + 1].isspace():
        low -= next((place for place, sign in enumerate(reversed(before)) if sign.isspace()), 0)
    if high < len(text) and not text[high - 1 : high].isspace():
        high += next((place for place, sign in enumerate(after) if sign.isspace()), 0)
    return low, high


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
