"""What can be set of a question for an order."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

MOST = 8
"""Segments of one question."""


def edges(text: str) -> list[float]:
    """The edges of distance bins, written `0..0.25..1`. Raises ValueError for what cannot be read."""
    try:
        found = [float(part) for part in text.split("..")]
    except ValueError:
        found = []
    if len(found) < 2 or found != sorted({*found}) or not 0 <= found[0] < found[-1] <= 1:
        raise ValueError(f"bins is {text!r}, but must be two or more rising shares of the text, such as 0..0.25..0.5")
    return found


@dataclass(frozen=True)
class SortOrderParams:
    """What can be set of a question for an order."""

    segments: int = 2
    """Segments that are shown (2 to 8): of two it is asked which comes first or last, more are put into order."""
    segment_length: int = 20
    """Length of a segment, which begins where a sentence does."""
    segment_unit: Literal["words", "tokens"] = "words"
    """What segments are measured in; as many whole words as fit. In a script without spaces a word is a character."""
    bins: str = "0..0.25..0.333..0.5..0.8"
    """Edges of the distance bins, which come in turns: from the first to the last segment, as a share of the text's words."""
    depth: float = -1.0
    """Where the earliest segment stands: 0 at the beginning, 1 as late as the others let it; -1: evenly over all of that."""
    ask: Literal["mixed", "first", "last"] = "mixed"
    """Which end is asked for: the first, with the order forward; the last, with the order backward; or both in turns."""
    twins: bool = True
    """Whether each question comes a second time, its segments shown in the opposite order."""
    condition: Literal["context", "memory", "both"] = "context"
    """Whether the text stands in the prompt, does not (what is known without it, by chance or by heart), or each in a row of its own."""
    ngram: int = 8
    """No run of so many words of a segment stands elsewhere in the text; at least 4."""
    words: int = 0
    """Size of the text in words, tokens being measured; 0: the length decides."""

    def __post_init__(self) -> None:
        for name, least, most in (
            ("segments", 2, MOST),
            ("segment_length", 1, 100_000),
            ("ngram", 4, 1000),
            ("words", 0, 10_000_000),
        ):
            value = getattr(self, name)
            if not least <= value <= most:
                raise ValueError(f"{name} is {value:,}, but must be {least} to {most:,}")
        if not (self.depth == -1 or 0 <= self.depth <= 1):
            raise ValueError(f"depth is {self.depth:g}, but must be 0 to 1, or -1")
        edges(self.bins)
        if self.words:
            self.fits(self.words)

    @property
    def ranges(self) -> list[tuple[float, float]]:
        """The distance bins."""
        found = edges(self.bins)
        return list(zip(found[:-1], found[1:]))

    @property
    def turns(self) -> int:
        """Rows over which bins, ends asked for and orders shown go round."""
        return 2 * (2 if self.ask == "mixed" else 1) * len(self.ranges)

    def fits(self, words: float, questions: int = 1, dense: int = 1) -> None:
        """Raises ValueError where a text of so many words is too short for the segments or for a bin of them."""
        length, count = self.segment_length * dense, self.segments
        needs, size = questions * count * length, f"segment_length={self.segment_length}"
        if needs > words:
            most = int(words // (questions * count * dense))
            raise ValueError(
                f"{questions * count} segments of {length:,} words need {needs:,} words, but the text has about {int(words):,}: "
                + f"take segment_length={most} or less" * (most > 0)
                + ", or a longer text"
            )
        if short := [f"{low:g}..{high:g}" for low, high in self.ranges if high * words <= (count - 1) * length + 1]:
            least = (count - 1) * length / words
            room = min(high for _, high in self.ranges) * words
            most = max(0, -int(-(room - 1) // ((count - 1) * dense)) - 1)
            raise ValueError(
                f"{count} segments with {size} stand at least {least:.3g} of a text of about {int(words):,} words apart, beyond the bin "
                f"{short[0]}: take bins from {least * 1.5:.2g} on, "
                + (f"segment_length={most} or less, " if most else "fewer segments, ")
                + "or a longer text"
            )
