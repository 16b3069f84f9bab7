"""The words of the report: Markdown tables, and figures held against what is wanted."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field


@dataclass
class Section:
    """One part of the report; `claims` are its figures against the wanted ones."""

    title: str
    text: str
    claims: list[Claim] = field(default_factory=list)


@dataclass(frozen=True)
class Claim:
    """A figure, what it was divided by or measured on, and what was wanted; `least` where more is better."""

    what: str
    value: float
    wanted: float
    unit: str
    least: bool = False
    bound: float | None = None
    """What the floor measured beside would have, if more is better: no generator can have more."""

    @property
    def met(self) -> bool:
        """Whether the figure is as wanted."""
        return self.value >= self.wanted if self.least else self.value <= self.wanted

    @property
    def _missed(self) -> str:
        if self.bound is None:
            return "**missed**"
        verb = "forbids it" if self.bound < self.wanted else "allows it"
        return f"**missed**; the floor {verb}: {short(self.bound)}"

    def row(self) -> tuple[str, str, str, str]:
        """The figure as a line of a table."""
        sign = "at least" if self.least else "at most"
        return (
            self.what, f"{short(self.value)} {self.unit}", f"{sign} {short(self.wanted)}",
            "met" if self.met else self._missed,
        )  # fmt: skip


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A Markdown table: the first column to the left, all others to the right."""
    lines = [head, ["---", *["---:"] * (len(head) - 1)], *rows]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines) + "\n"


def short(value: float) -> str:
    """A number with three digits that matter."""
    if value == 0 or abs(value) >= 100:
        return f"{value:,.0f}"
    return f"{value:.1f}" if abs(value) >= 10 else f"{value:.2f}" if abs(value) >= 0.1 else f"{value:.2g}"


def span(values: Sequence[float]) -> str:
    """The lowest and the highest of some numbers."""
    return f"{short(min(values))}–{short(max(values))}"


def verdicts(sections: Sequence[Section]) -> str:
    """All claims of a report in one table."""
    return table(["figure", "measured", "wanted", ""], (claim.row() for section in sections for claim in section.claims))
