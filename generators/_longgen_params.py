"""The parameters of a list of questions."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from lcgen import questions


@dataclass(frozen=True)
class LongGenParams:
    """What can be set of a list of questions."""

    source: str = "problems"
    """Where questions come from: problems, subjects, concepts, several joined by +, a file, or hf:DATASET[/CONFIG][:SPLIT]."""
    questions: int = 0
    """Questions in one prompt (K); 0: as many as the length holds answers. 1 asks the first 20 questions of each list alone."""
    demos: int = 4
    """Questions shown with their answers before."""
    numbers: Literal["rising", "shuffled"] = "rising"
    """Numbers of the questions: going on from the demonstrations, or any of four digits in any order."""
    chain: int = 1
    """Questions in a row of which each takes a number from the answer before it; 1: none."""

    def __post_init__(self) -> None:
        if not 0 <= self.questions <= 5000:
            raise ValueError("questions must be from 0 to 5000")
        if not 0 <= self.demos <= 50:
            raise ValueError("demos must be from 0 to 50")
        names = [part.strip() for part in self.source.split("+")]
        if len({*names}) < len(names) or not all(names):
            raise ValueError(f"source {self.source!r} must name each source once, joined by +")
        if not 1 <= self.chain <= 100:
            raise ValueError("chain must be from 1 to 100")
        if self.chain > 1 and names != ["problems"]:
            raise ValueError("chain needs questions whose answers are numbers made here: source is problems alone")
        # A file is read here, once; from then on it is its name and the hash of its questions.
        known = (name if name in questions.POOLS or "@" in name else _kept(name) for name in names)
        object.__setattr__(self, "source", "+".join(known))


def _kept(name: str) -> str:
    from lcgen.questions import files

    return files.kept(name)
