"""What a model must be able to do to judge rows."""

from __future__ import annotations

import sys
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass

from lcgen.checking.prompts import Prompt, Reader
from lcgen.contract import Row


@dataclass
class Cost:
    """What it took."""

    tokens: int = 0
    """Tokens read, those of branches included."""
    seconds: float = 0.0
    peak: int = 0
    """Bytes of device memory at most, or of the process where there is no device."""


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


def peak(kind: str) -> int:
    """Bytes of memory at most so far: of this kind of device, or of the process; 0 where nobody counts them."""
    if kind == "cuda":
        import torch

        return max(int(torch.cuda.max_memory_allocated(number)) for number in range(torch.cuda.device_count()))
    try:
        import resource
    except ImportError:
        return 0
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)
