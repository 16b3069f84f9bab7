"""What can be set of a phone book, and which of it goes together."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

MOST_QUERIES = 64
"""Numbers of one question."""


@dataclass(frozen=True)
class PhoneBookParams:
    """What can be set of a phone book."""

    style: Literal["json", "instruction", "completion"] = "json"
    """How it is asked: for a JSON object, for a list in the order of the question, or by a name alone after two solved examples."""
    k_queries: int = 1
    """People asked for in one question (K), from 1 to 64."""
    entries: int = 0
    """Lines of the book, whose tokens are then measured; 0: as many as the length holds."""
    question: Literal["after", "before", "both"] = "after"
    """Where the question stands, seen from the book."""
    copies: int = 1
    """How often the whole book stands in the prompt (Just Read Twice: 2)."""
    length_basis: Literal["final", "once"] = "final"
    """Whether the length asked for holds all copies, or the prompt with one; then the rest comes on top and is measured."""
    order: Literal["random", "surname", "number"] = "random"
    """Order of the entries; in one, depths are met within a few entries, and each row tells its real depth."""
    shared_surname: int = 0
    """For each person asked for, others with the same family name."""
    shared_given: int = 0
    """For each person asked for, others with the same given name."""
    near_miss: int = 0
    """For each person asked for, others whose name differs in a letter or by an initial (reverse: whose number, in a group)."""
    number_format: Literal["hyphens", "plain", "country", "extension"] = "hyphens"
    """How numbers are written: 212-555-0187, digits alone, with a country code, with an extension."""
    reverse: bool = False
    """Whether numbers are given and names asked for."""
    absent: float = 0.0
    """Share of the people asked for who are not in the book; right is the no-answer word. A multiple of 0.05."""
    distractor_text: Literal["none", "emails", "addresses", "both"] = "none"
    """Other directories beside the book, with the same people and those asked for: of e-mail addresses, of street addresses."""
    updates: int = 0
    """Corrections of each number asked for, of which the last one holds; as many stand for people whom nobody asks for."""

    def __post_init__(self) -> None:
        for name, least, most in (("k_queries", 1, MOST_QUERIES), ("entries", 0, 1 << 20), ("copies", 1, 16), ("shared_surname", 0, 64),
                                  ("shared_given", 0, 64), ("near_miss", 0, 16), ("updates", 0, 16)):  # fmt: skip
            if not least <= (found := getattr(self, name)) <= most:
                raise ValueError(f"{name} must be from {least:,} to {most:,}, and is {found:,}")
        if not 0 <= self.absent <= 1 or round(self.absent * 20) != round(self.absent * 20, 6):
            raise ValueError(f"absent must be a multiple of 0.05 from 0 to 1, and is {self.absent:g}")
        plain = (("k_queries", 1), ("question", "after"), ("absent", 0))
        if self.style == "completion" and (wrong := [f"{k}={getattr(self, k)}" for k, v in plain if getattr(self, k) != v]):
            needed = ", ".join(f"{name}={value}" for name, value in plain)
            raise ValueError(
                f"style=completion ends with one name and has no words for {', '.join(wrong)}; it needs {needed}, or take style=instruction"
            )
        if self.updates and self.order != "random":
            raise ValueError(
                f"updates={self.updates} needs order=random, for a correction stands later than its entry; order={self.order} needs updates=0"
            )
        if self.distractor_text != "none" and (self.order != "random" or self.entries):
            raise ValueError(
                f"distractor_text={self.distractor_text} adds directories as long as the book, in no order: it needs order=random "
                f"and entries=0, not order={self.order} and entries={self.entries}"
            )
        self.check(1)

    @property
    def directories(self) -> Sequence[str]:
        """The directories beside the book."""
        return {"none": (), "both": ("emails", "addresses")}.get(self.distractor_text, (self.distractor_text,))

    def check(self, questions: int) -> None:
        """Raises ValueError where the entries that the questions need are more than the book has lines."""
        each, others = (
            1 + 3 * self.updates + self.shared_surname + self.shared_given + self.near_miss,
            2 * (self.style == "completion"),
        )
        asked = questions * self.k_queries
        if self.entries and (needed := asked * each + others) > self.entries:
            most = (self.entries - others) // each // questions
            instead = f", or k_queries={most}" if 1 <= most < self.k_queries else ""
            said = f" in {questions} questions" if questions > 1 else ""
            raise ValueError(
                f"k_queries={self.k_queries}{said} takes {needed:,} lines, {each} for each number asked for"
                f"{' and 2 for the solved examples' if others else ''}, but entries={self.entries:,}; ask for entries={needed:,}{instead}"
            )
