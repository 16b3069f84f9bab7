"""What a folder asks of who makes its rows, whether they are prompts (`prompts.py`) or numbers (`tables.py`)."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from lcgen.contract import Preset, Task
from lcgen.ranges import Length
from lcgen.spec import Part, Place, Spec


@dataclass(frozen=True)
class FilePlan:
    """One data file: a run of whole indices of one config."""

    part: str
    length: Length
    path: str
    first: int
    count: int
    rows: int = 0
    tokens: int = 0
    """As planned, of all rows."""


class Maker(Protocol):
    """Makes the rows of one part. Two makers of one folder are of one kind, since its rows have one set of columns."""

    spec: Spec
    part: Part
    task: Task[Any]
    of_prompts: bool
    """Whether its rows are prompts, which a harness can send."""
    layout: str
    """The template of the folder's card."""

    @property
    def preset(self) -> Preset | None:
        """The published grid that this part follows."""

    @property
    def rows_per_index(self) -> int:
        """Rows of one index of one length."""

    @property
    def own(self) -> bool:
        """Whether all text is lcgen's own, free of rights."""

    @property
    def reserve(self) -> int:
        """Tokens left free in the window."""

    @property
    def elsewhere(self) -> str | None:
        """The vocabulary as it was asked for, where the manifest must name it otherwise: a path of this machine."""

    @property
    def templates(self) -> dict[str, str]:
        """Templates that the folder keeps: name -> source."""

    @property
    def schemas(self) -> Sequence[str]:
        """Names of the schemas that the rows keep."""

    def tokens(self, length: Length) -> int:
        """The tokens that a row of this length is planned to have."""

    def answer_tokens(self, length: Length) -> int:
        """Tokens that an answer may have; 0 where nothing is written."""

    def max_new_tokens(self, length: Length) -> int:
        """What the model may write, thinking included."""

    def overlap(self, length: Length) -> float:
        """The share of a row's text that any other row is expected to hold too."""

    def described(self) -> dict[str, Any]:
        """What a manifest says of the part beside its spec, none of it of one machine."""

    def counted(self) -> dict[str, dict[str, Any]]:
        """The vocabulary and the wrapper that lengths were counted with."""

    def facts(self) -> dict[str, dict[str, Any]]:
        """What a manifest says in sections of their own: `haystacks`, `templates`, `probes`, `budgets`."""

    def preflight(self) -> None:
        """Makes a few rows. Raises LcgenError for what cannot be built."""

    def rows(self, place: Place) -> list[dict[str, Any]]:
        """The rows of one draw."""

    def proven(self, place: Place) -> dict[str, Any]:
        """The first row of one draw, held to all that a build checks. Raises CheckFailed where it does not hold."""

    def each(self) -> Iterator[dict[str, Any]]:
        """All rows, one after another, each verified as the spec asks."""

    def write(self, path: Path, file: FilePlan, progress: Callable[[int], Any] | None) -> dict[str, Any]:
        """Writes one data file; gives what a manifest notes of it. Raises CheckFailed for a row that does not hold."""

    def measured(self, path: Path, length: Length) -> tuple[float, float, float]:
        """Prompt tokens, bytes and seconds of a row of this length, files and checks included; writes to `path`."""
