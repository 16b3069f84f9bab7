"""What a model must be able to do to judge rows."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, field

from lcgen.check.prompts import Prompt, Reader
from lcgen.contract import Row


@dataclass
class Cost:
    """What it took."""

    tokens: int = 0
    """Tokens read, those of branches included."""
    seconds: float = 0.0
    peak: int = 0
    """Bytes of device memory at most, or of the process where there is no device."""
    notes: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Weighed:
    """One choice, weighed."""

    logprobs: Sequence[Sequence[float]]
    """Of each candidate the natural log-probability of each of its tokens."""
    marks: Sequence[float]
    """Of each candidate what ranks it; higher is better."""


class Judge(ABC):
    """A model that tells answers apart."""

    name: str
    reader: Reader
    window: int | None = None
    """Tokens that it can read; None: any number."""
    copies: bool = False
    """Whether all that it can do is to look up and copy, which it then does without fail."""
    cost: Cost

    @abstractmethod
    def weigh(self, prompts: Sequence[Prompt]) -> list[list[Weighed]]:
        """For each prompt its choices. Raises LcgenError where a prompt does not fit."""

    @abstractmethod
    def follow(self, prompt: str, answer: str) -> list[float]:
        """The log-probability of each token of a long answer."""

    @abstractmethod
    def answer(self, prompt: Prompt, row: Row) -> str:
        """What the model says by itself, each next token the likeliest."""

    def batches(self, sizes: Sequence[int]) -> list[list[int]]:
        """Prompts that are best weighed together, by their places."""
        return [[place] for place in range(len(sizes))]
