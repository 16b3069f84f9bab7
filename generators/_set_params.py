"""What can be set of a pair of sets, and what follows from it: how many elements are drawn, and how many are planted."""

from __future__ import annotations

from dataclasses import dataclass, fields
from math import isfinite
from typing import Literal

from lcgen.contract import MOST_PLANTS

ORDERS = ("short_first", "long_first")
"""Orders of two sets that stand apart."""
SMALL = 8
"""Elements of the short set where nobody says how many."""
FIRST, IDS = 4, 2048
"""Of integer tokens: the first id of an element, and ids in all where nobody says how many."""
TOKEN_PAIR = (16, 16)
"""Of integer tokens: size of the short set and ratio where nobody says them."""
OF_TOKENS = {"style", "answer_mode", "size_small", "size_ratio", "order", "intersecting", "universe", "copies", "swap"}
"""Parameters that have a meaning for integer tokens."""
MOST_WIDTH, MOST_OTHERS, MOST_COUNT = 12, 24, 20
MOST_ENTRIES, MOST_IDS = 1 << 20, 1 << 16
"""Entries of sets of native sizes, and ids of integer tokens, of which 1,024 decks are shuffled at once."""


@dataclass(frozen=True)
class SetParams:
    """What can be set of a pair of sets."""

    style: Literal["text", "tokens"] = "text"
    """text: a prompt in words; tokens: rows of integer ids for training, in columns of their own (input_ids, labels)."""
    answer_mode: Literal["decide", "intersect_one", "intersect_all", "count"] = "decide"
    """What is asked: whether the sets share an element, which one, which ones, or how many."""
    size_small: int = 0
    """Elements of the short set; 0: 8, with pad_both as many as the length gives. Set with size_ratio, the sizes are native."""
    size_ratio: int = 0
    """Elements of the long set for each one of the short set; 0: as many as the length leaves, elsewhere 1."""
    order: Literal["short_first", "long_first", "interleaved"] = "short_first"
    """Which set stands first; interleaved is the control: all elements in one list, each tagged with its set."""
    overlap: int = 1
    """Elements that the sets share where they share any; count deals 0 to overlap evenly."""
    intersecting: float = 0.5
    """Share of rows whose sets share elements, exact in each run of rows. A multiple of 0.05."""
    depth_short: float = -1.0
    """Place of the shared element in the short set, 0 first, 1 last; -1: drawn."""
    depth_long: float = -1.0
    """Place of the shared element in the long set; -1: drawn, evenly over each ten rows."""
    near_misses: float = 0.0
    """Elements of the long set that differ in one piece from one of the short set; below 1: that share of the short set."""
    within_dup: int = 0
    """Elements that each of the two sets lists twice, so that an element that comes again says nothing."""
    element: Literal["number", "word", "code", "hex", "name", "email"] = "number"
    """What elements are."""
    width: int = 6
    """Digits of a number, characters of a code."""
    universe: int = 0
    """Elements that there are in all, the same in every row; 0: all of their kind. With tokens: all ids, special ones included."""
    padding: Literal["pad_long", "pad_both", "distractor_sets", "haystack"] = "pad_long"
    """What fills the length: the long set, both sets, sets that nobody asks for, or a text in which both stand (--haystack)."""
    other_sets: int = 4
    """With distractor_sets, how many of them."""
    question: Literal["after", "before", "both"] = "after"
    """Where the question stands, seen from the sets."""
    copies: int = 1
    """How often the sets stand in the prompt (Just Read Twice: 2)."""
    swap: bool = False
    """Whether every second copy shows the sets in reverse order."""
    length_basis: Literal["final", "once"] = "final"
    """What has the length asked for: the whole prompt, or the prompt with one copy, so that the others come on top."""
    twins: Literal["none", "order", "copies", "question", "all"] = "none"
    """Rows of one pair that differ in order, in copies (once and again), in the place of the question, or in all: 12 rows."""

    def __post_init__(self) -> None:
        for name, least, most in (
            ("overlap", 1, 0), ("copies", 1, 0), ("width", 1, MOST_WIDTH), ("other_sets", 2, MOST_OTHERS), ("size_small", 0, MOST_ENTRIES),
            ("size_ratio", 0, MOST_ENTRIES), ("near_misses", 0, 0), ("within_dup", 0, 0), ("universe", 0, 0),
        ):  # fmt: skip
            if not (isfinite(found := getattr(self, name)) and least <= found <= (most or found)):
                raise ValueError(f"{name} must be at least {least}{f' and at most {most:,}' if most else ''}, and is {found:,}")
        if not 0 <= self.intersecting <= 1 or round(self.intersecting * 20) != round(self.intersecting * 20, 6):
            raise ValueError("intersecting must be a multiple of 0.05 from 0 to 1")
        if any(depth != -1 and not 0 <= depth <= 1 for depth in (self.depth_short, self.depth_long)):
            raise ValueError("depth_short and depth_long must be from 0 to 1, or -1 for any")
        if self.near_misses >= 1 and self.near_misses != int(self.near_misses):
            raise ValueError(f"near_misses={self.near_misses} must be a share below 1 or a whole number")
        if self.answer_mode == "intersect_one" and self.overlap > 1:
            raise ValueError(
                f"intersect_one has one shared element, overlap={self.overlap}: overlap=1, or answer_mode=intersect_all"
            )
        if self.answer_mode == "count" and (self.intersecting != 0.5 or self.overlap > MOST_COUNT):
            raise ValueError(f"count deals the numbers 0 to overlap evenly: overlap at most {MOST_COUNT}, intersecting left out")
        if self.style == "tokens":
            self._hold_tokens()
            return
        if self.padding == "pad_both" and (self.size_small or 0 < self.near_misses < 1):
            raise ValueError(
                f"pad_both grows both sets, which size_small={self.size_small} and near_misses={self.near_misses} would take as known: "
                "leave out size_small, give near misses as a number, or take padding=pad_long"
            )
        if self.order == "interleaved" and (self.padding == "haystack" or self.swap or self.twins in ("order", "all")):
            raise ValueError("interleaved sets have no order: no haystack, no swap, and twins=none, copies or question")
        if self.twins in ("copies", "all") and self.length_basis == "final":
            raise ValueError(
                f"twins={self.twins} shows one context once and again, so the length is that of once: set length_basis=once"
            )
        self._hold_sizes()

    def _hold_tokens(self) -> None:
        """Raises ValueError for what has no meaning for integer tokens, and for numbers that clash."""
        odd = [field.name for field in fields(self) if field.name not in OF_TOKENS and getattr(self, field.name) != field.default]
        if odd:
            raise ValueError(f"style=tokens has no {', '.join(odd)}: leave it out, or take style=text")
        if self.answer_mode not in ("decide", "intersect_one") or self.order == "interleaved":
            raise ValueError("style=tokens knows answer_mode=decide and intersect_one, order=short_first and long_first")
        (short, long), ids = self.sizes, self.universe or IDS
        if max(ids, short + long + FIRST) > MOST_IDS:
            ratio = (MOST_IDS - FIRST) // short - 1
            raise ValueError(
                f"universe={ids:,} and sets of {short:,} and {long:,} elements are too many for integer tokens: universe and both sets "
                f"together at most {MOST_IDS:,}" + (f", size_ratio at most {ratio:,}" if 0 < ratio < long // short else "")
            )
        if (room := ids - FIRST) < short + long:
            ratio = room // short - 1
            raise ValueError(
                f"universe={ids} holds {room} elements beside {FIRST} special ids, too few for sets of {short} and {long}: universe at "
                f"least {short + long + FIRST}" + (f", or size_ratio at most {ratio}" if ratio > 0 else "")
            )

    def _hold_sizes(self) -> None:
        """Raises ValueError for numbers that clash, with the nearest that work."""
        short, long = self.sizes
        for name, value in (("overlap", self.overlap), ("near_misses", self.near), ("within_dup", self.within_dup)):
            if short and value > short:
                raise ValueError(
                    f"{name}={value} is more than the {short} elements of the short set: {name} at most {short}, or "
                    f"size_small at least {value}"
                )
        own = self.overlap + self.near + (self.within_dup if self.filled else 0)
        if long and long < own:
            raise ValueError(
                f"overlap={self.overlap}, near_misses={self.near} and within_dup={self.within_dup} take {own} elements of the long set, "
                f"which has {long}: size_ratio at least {-(-own // short)}"
            )
        most = MOST_PLANTS // self.most_copies
        if self.planted > most:
            each = 1 if self.filled else 1 + max(1, self.size_ratio)
            raise ValueError(
                f"size_small={short} and size_ratio={self.size_ratio} in {self.most_copies} copies make {self.planted * self.most_copies:,} "
                f"planted elements, but a row holds at most {MOST_PLANTS:,}: size_small at most {short - -(-(self.planted - most) // each):,}"
            )
        if self.count and self.count > MOST_ENTRIES:
            ratio = (MOST_ENTRIES - 2 * self.within_dup) // short - 1
            raise ValueError(
                f"size_small={short:,} and size_ratio={self.size_ratio:,} make {self.count:,} entries, but a context holds at most "
                f"{MOST_ENTRIES:,}: size_ratio at most {ratio:,}"
            )
        if self.universe and self.universe < self.least:
            most = short - -(-(self.least - self.universe) // (1 + (long // short if short else 0)))
            raise ValueError(
                f"universe={self.universe:,} is too small for sets of {short or 'any number of'} and {long or 'any number of'} elements: "
                f"universe at least {self.least:,}"
                + (f", or size_small at most {most:,}" if most >= max(self.overlap, self.near, self.within_dup) else "")
            )

    @property
    def sizes(self) -> tuple[int, int]:
        """Different elements of the short and of the long set; 0 where the length says how many."""
        if self.style == "tokens":
            short = self.size_small or TOKEN_PAIR[0]
            return short, short * (self.size_ratio or TOKEN_PAIR[1])
        if self.padding == "pad_both":
            return 0, 0
        short = self.size_small or SMALL
        if self.padding == "pad_long":
            return short, short * self.size_ratio if self.size_small else 0
        return short, short * max(1, self.size_ratio)

    @property
    def filled(self) -> bool:
        """Whether the long set is made of filler, beside what is planted in it."""
        return self.padding in ("pad_long", "pad_both")

    @property
    def near(self) -> int:
        """How many near misses there are."""
        return round(self.near_misses * self.sizes[0]) if self.near_misses < 1 else int(self.near_misses)

    @property
    def most_copies(self) -> int:
        """Copies in the longest of the twins."""
        return max(2, self.copies) if self.twins in ("copies", "all") else self.copies

    @property
    def lists_elements(self) -> bool:
        """Whether the answer names elements."""
        return self.answer_mode in ("intersect_one", "intersect_all")

    @property
    def dealt(self) -> int:
        """Different elements that are drawn for plants; near misses are made of them."""
        short, long = self.sizes
        rest = short - self.overlap if short else self.near
        behind = self.within_dup if self.filled else long - self.overlap - self.near
        apart = 2 * self.overlap if self.padding == "distractor_sets" else 0
        return 2 * self.overlap + rest + behind + (0 if short else self.within_dup) + apart

    @property
    def planted(self) -> int:
        """Plants in one copy of the context."""
        if self.padding == "haystack":
            return 2
        short, long = self.sizes
        first = short + self.within_dup if short else self.overlap + self.near + 2 * self.within_dup
        second = self.overlap + self.near + 2 * self.within_dup if self.filled else long + self.within_dup
        return first + second + (4 * self.overlap if self.padding == "distractor_sets" else 0)

    @property
    def count(self) -> int | None:
        """Entries of both sets where their sizes are native."""
        short, long = self.sizes
        return short + long + 2 * self.within_dup if self.padding == "pad_long" and long else None

    @property
    def least(self) -> int:
        """Different elements that there must be, what fills a length not counted."""
        return self.dealt + self.near + max(1, (self.count or 0) - self.planted)
