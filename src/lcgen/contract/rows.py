"""What a task is told of finished rows and says of them; rows of numbers, which are made in columns."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

if TYPE_CHECKING:
    from lcgen.streams import Stream

Row = Mapping[str, Any]
Columns = Mapping[str, np.ndarray]
"""Rows in columns: one number for each row, shape (rows,), or as many for all, shape (rows, n); int32."""


@dataclass(frozen=True)
class Estimate:
    """A figure with its 95 % interval."""

    value: float
    """nan where the rows do not say, such as an agreement where all labels are equal."""
    low: float | None
    high: float | None
    """None where one unit alone cannot tell how much units differ."""
    n: int
    """Independent units behind it; see `lcgen.estimates.units`."""


@dataclass(frozen=True)
class Drawn:
    """What was drawn from pools for a row."""

    keys: Collection[str] = ()
    values: Collection[str] = ()
    facts: Collection[tuple[str, str]] = ()
    """Keys with their values."""
    questions: Collection[str] = ()


class Table(ABC):
    """Rows of numbers, made a block of indices at a time: many small ones, as training wants them."""

    BLOCK: ClassVar[int] = 1024
    """Rows of a block, which is a pure function of its number."""
    schema: ClassVar[str]
    """Name of the schema that the rows keep."""
    slice: str
    """What results are to be told apart by."""
    width: int
    """Numbers in the input of a row: its length."""

    @abstractmethod
    def draw(self, rng: Stream) -> dict[str, np.ndarray]:
        """The columns of one block."""

    @abstractmethod
    def solve(self, columns: Columns) -> np.ndarray:
        """The answers, from the inputs alone."""

    @abstractmethod
    def check(self, columns: Columns) -> None:
        """Raises CheckFailed where rows are not as promised: form, labels, answers as `solve` finds them."""

    @abstractmethod
    def score(self, said: np.ndarray, columns: Columns) -> Mapping[str, np.ndarray]:
        """The metrics of what was said to each row, `score` first."""
