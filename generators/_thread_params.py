"""What can be set of a threading puzzle, and which of it goes together."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from lcgen.contract import MOST_PLANTS
from lcgen.errors import agreed, many

MOST_PAIRS = 1 << 20
"""Pairs of a context of native size."""

SIGNS = "*&#@%+~!"
"""Characters that mark the keys asked for, of which neither JSON nor any alphabet makes use."""
SIZED = ("hex", "consonants")
"""Alphabets whose keys have a width of their own."""
THREADS = {"multiple": 3, "conditional": 3, "multi_thread": 2}
LENGTHS = {"thread": 4, "multi_thread": 3, "branched": 3}


@dataclass(frozen=True)
class MultiThreadParams:
    """What can be set of a threading puzzle."""

    variant: Literal["single", "multiple", "conditional", "thread", "multi_thread", "branched"] = "multi_thread"
    """Asks for the value of one key, of several, of all with a character in them, the end of one thread, of several, or of the longest branch."""
    pairs: int = 0
    """Pairs in the context, its tokens being measured; 0: as many as fit into --lengths."""
    threads: int = 0
    """Threads asked for (N), or keys of `multiple` and `conditional`; 0: 2 threads, or 3 keys, where the variant has several."""
    thread_length: int = 0
    """Pairs on each thread (L); 0: 4 in `thread`, 3 in `multi_thread` and `branched`, 1 where nothing is followed."""
    direction: Literal["forward", "backward", "random"] = "random"
    """Whether each next pair stands later in the text, earlier, or anywhere, in each order as often."""
    placement: Literal["random", "clustered", "stratified"] = "random"
    """Where the planted pairs stand: anywhere, side by side (--depths is then the depth of all of them), or one in each of equal parts."""
    anchor: Literal["first", "last"] = "first"
    """Which pair of the first thread stands at the depth that --depths asks for."""
    branching: int = 0
    """Pairs that share each key on the way of `branched`, of which one leads on to the end; 0: 2."""
    decoys: int = 1
    """Threads of equal length that nobody asks for; in `conditional`, keys with another character."""
    alphabet: Literal["uuids", "hex", "words", "consonants", "published"] = "uuids"
    """Form of keys and values; `published` draws the pairs that Needle Threading's own numbers give, for a fixed number of pairs."""
    width: int = 8
    """Characters of `hex` and `consonants`."""
    condition: str = "*"
    """The character of `conditional`: one of *&#@%+~!"""
    walk: bool = False
    """Whether all values on the way are asked for, not the last one alone."""
    links: Literal["pairs", "assignments"] = "pairs"
    """How prose words a pair: a key and its value, or a number or variable that is assigned to the next variable."""

    def __post_init__(self) -> None:
        several, long, asks = self.variant in THREADS, self.variant in LENGTHS, f"variant={self.variant}"
        least, name = min((getattr(self, name), name) for name in ("pairs", "threads", "thread_length", "branching", "decoys"))
        chain = self.variant in ("thread", "multi_thread") and self.walk
        for wrong, why in (
            (least < 0, f"{name} is {least}, but must be at least 0"),
            (self.pairs > MOST_PAIRS, f"pairs is {self.pairs:,}, but must be at most {MOST_PAIRS:,}"),
            (self.threads > 1 and not several, f"{asks} has one thread, not {self.threads}: take threads=1, or variant=multi_thread"),
            (long and self.thread_length == 1, f"{asks} needs a thread_length of at least 2; for single pairs take variant=multiple"),
            (self.thread_length > 1 and not long, f"{asks} follows no thread: thread_length is 1, not {self.thread_length}"),
            (self.branching and (self.branching < 2 or self.variant != "branched"), "branching is at least 2, and for variant=branched alone"),
            (not 5 <= self.width <= 14, f"width is {self.width}, but must be 5 to 14, so that there are keys for every length"),
            (self.width != 8 and self.alphabet not in SIZED, f"alphabet={self.alphabet} has no width: leave it out, or take alphabet={' or '.join(SIZED)}"),
            (self.condition not in tuple(SIGNS), f"condition is {self.condition!r}, but must be one of {' '.join(SIGNS)}"),
            (self.walk and not long, f"walk needs a thread of at least 2 pairs: {asks} has none"),
            (self.links == "assignments" and not chain, "links=assignments asks for whole chains: take walk=true and variant=thread or multi_thread"),
            (self.alphabet == "published" and not self.pairs, "alphabet=published draws a fixed number of pairs: set pairs, such as pairs=25"),
            (self.alphabet == "published" and self.variant == "branched", "alphabet=published has no branches: take another alphabet"),
        ):  # fmt: skip
            if wrong:
                raise ValueError(why)
        self.fits(1)

    @property
    def n(self) -> int:
        return self.threads or THREADS.get(self.variant, 1)

    @property
    def steps(self) -> int:
        return self.thread_length or LENGTHS.get(self.variant, 1)

    @property
    def forks(self) -> int:
        """Branches of each key on the way that do not lead to the end."""
        return (self.branching or 2) - 1 if self.variant == "branched" else 0

    def sign(self, question: int) -> str:
        """The character that the keys of a question hold; that of the one behind the last is in decoys."""
        return SIGNS[(SIGNS.index(self.condition) + question) % len(SIGNS)]

    def fits(self, questions: int) -> None:
        """Raises ValueError where so many questions need more pairs than there are."""

        def need(threads: int, steps: int) -> int:
            # A branch that leaves before pair i has at most as many pairs as are left, less one.
            return threads * (steps + self.forks * (steps - 1) * steps // 2)

        room, threads = min(self.pairs or MOST_PLANTS, MOST_PLANTS), self.n * questions + self.decoys
        if (most := need(threads, self.steps)) <= room:
            return
        each = need(1, self.steps)
        nearest = {
            "pairs": most if most <= MOST_PLANTS and self.pairs else 0,
            "threads": (room // each - self.decoys) // questions if self.variant in THREADS else 0,
            "thread_length": next((n for n in range(min(self.steps, room), 1, -1) if need(threads, n) <= room), 0),
            "branching": 1 + 2 * (room // threads - self.steps) // (self.steps * (self.steps - 1)) if self.forks > 1 else 0,
            "decoys": room // each - self.n * questions if self.decoys else 0,
        }
        planted = [many(self.n * questions, "thread"), *([many(self.decoys, "decoy")] if self.decoys else [])]
        raise ValueError(
            f"{' and '.join(planted)} of {many(self.steps, 'pair')}{' and their branches' if self.forks else ''} "
            f"{agreed(threads + self.forks, 'needs', 'need')} {most:,} pairs, but "
            + (f"pairs is {self.pairs}" if self.pairs == room else f"a row holds at most {MOST_PLANTS:,} planted ones")
            + f": possible are {', or '.join(f'{name}={value}' for name, value in nearest.items() if value > (name == 'branching')) or 'fewer of all'}"
        )
