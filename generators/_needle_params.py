"""What can be set of a needle puzzle, and which of it goes together."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from lcgen.retrieval import MOST_DIGITS, Spread


@dataclass(frozen=True)
class NeedleParams:
    """What can be set of a needle puzzle."""

    keys: int = 1
    """Keys with a needle in the text (k); raised to what is asked."""
    values: int = 1
    """Needles for each key, each with a value of its own (v)."""
    queries: int = 1
    """Keys asked for in one question (q)."""
    key_kind: Literal["words", "digits", "uuids", "none"] = "words"
    """Form of keys; `none` is the passkey test: one needle without a key."""
    value_kind: Literal["digits", "words", "uuids"] = "digits"
    """Form of values."""
    digits: int = 7
    """Width of numbers, the same for all."""
    leading_zeros: bool = False
    """Whether numbers may begin with zero (they are strings)."""
    spread: Spread = "even"
    """Where the needles beside the first one stand: evenly from it on, within 5 % of the text around it, or anywhere."""
    similar_keys: int = 0
    """Hard negatives whose key shares a word (or all but one digit) with a key asked for, or with another one of them."""
    similar_values: int = 0
    """Hard negatives whose value differs in one piece from a right one, or from another one of them."""
    other_subjects: int = 0
    """Hard negatives that say the same of something beside a key asked for."""
    question: Literal["after", "before", "both"] = "after"
    """Where the question stands, seen from the text."""
    copies: int = 1
    """How often the whole text stands in the prompt (Just Read Twice: 2)."""
    length_basis: Literal["final", "once"] = "final"
    """Whether the length asked for holds all copies, or the prompt with one; then the rest comes on top and is measured."""
    absent: float = 0.0
    """Share of rows whose keys the text does not hold; right is the no-answer word. A multiple of 0.05."""
    twins: bool = False
    """Four rows for each sample: the fact present, absent, moved by half the text, contradicted by a later correction."""

    def __post_init__(self) -> None:
        for name in ("keys", "values", "queries", "digits", "copies"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} must be at least 1")
        for name in ("similar_keys", "similar_values", "other_subjects"):
            if getattr(self, name) < 0:
                raise ValueError(f"{name} must be at least 0")
        if self.digits > MOST_DIGITS:
            raise ValueError(f"digits must be at most {MOST_DIGITS}")
        if not 0 <= self.absent <= 1 or round(self.absent * 20) != round(self.absent * 20, 6):
            raise ValueError("absent must be a multiple of 0.05 from 0 to 1")
        alone = (self.keys, self.values, self.queries, self.similar_keys, self.other_subjects) == (1, 1, 1, 0, 0)
        if self.key_kind == "none" and not alone:
            raise ValueError("key_kind=none has one needle: keys, values and queries are 1, and no negative can share its key")
        if (self.twins or self.absent) and self.key_kind == "none":
            raise ValueError("twins and absent need keys: key_kind=none has none")
        if self.twins and (self.values, self.queries, self.absent) != (1, 1, 0):
            raise ValueError("twins ask for one value of one key: values and queries are 1, absent is 0")

    @property
    def doubtful(self) -> bool:
        """Whether the question must say what to do where the text holds no answer, or two."""
        return self.twins or self.absent > 0
