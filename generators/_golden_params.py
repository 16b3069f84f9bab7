"""The parameters of a document with events."""

from __future__ import annotations

from dataclasses import dataclass
from math import isqrt
from typing import Literal

from lcgen.schedules import SIZES

PER_ENTRY = 100
"""Tokens of the target for each entry, where their number is not given."""
FEWEST, MOST = 16, 1000
WINDOWS = {"diary": 1, "menu": 0, "floors": 0, "blocks": 0}
"""Entries beside a right one in which a mention is excused: who keeps a diary looks forward and back."""
Scenarios = Literal["diary", "menu", "floors", "blocks"]


@dataclass(frozen=True)
class GoldenThreadParams:
    """What can be set of a document."""

    scenario: Scenarios = "diary"
    """What is written: a diary, the menus of a restaurant, a tower floor by floor, a city block by block."""
    entries: int = 0
    """Numbered entries (N), for blocks a square number; 0: one for every 100 tokens of the length, 16 to 1000, or the paper's with rules of the paper."""
    words: int = 0
    """Least words of an entry; 0: as many as every entry of the reference has."""
    once: int = 5
    """Events that take place in one entry."""
    ranges: int = 1
    """Events that take place in several entries in a row."""
    periodic: int = 1
    """Events that come back at an interval up to the end."""
    rules: Literal["fair", "mended", "published"] = "fair"
    """Where events fall: no two in one entry; as the paper's scripts draw, what collides moved on; or as drawn."""

    def __post_init__(self) -> None:
        if self.entries and not FEWEST <= self.entries <= MOST:
            raise ValueError(f"entries must be from {FEWEST} to {MOST}, or 0 for as many as suit the length")
        if self.entries and self.scenario == "blocks" and isqrt(self.entries) ** 2 != self.entries:
            low = isqrt(self.entries)
            raise ValueError(f"blocks make a square: entries must be {low**2} or {(low + 1) ** 2}, not {self.entries}")
        for name, most in (("once", 200), ("ranges", 40), ("periodic", 40)):
            if not 0 <= getattr(self, name) <= most:
                raise ValueError(f"{name} must be from 0 to {most}")
        if self.once + self.ranges + self.periodic == 0:
            raise ValueError("a document needs an event: once, ranges and periodic are all 0")
        if not 0 <= self.words <= 100_000:
            raise ValueError("words must be from 0 to 100000")
        if self.rules != "fair":
            if self.entries and self.entries not in SIZES[self.scenario]:
                raise ValueError(
                    f"rules={self.rules} has {' or '.join(map(str, SIZES[self.scenario]))} entries for {self.scenario}"
                )
            if (self.once, self.ranges, self.periodic) != (5, 1, 1):
                raise ValueError(f"rules={self.rules} has counts of its own: leave out once, ranges and periodic")
