"""What can be set of an ancestral trace."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from lcgen.contract import MOST_PLANTS
from lcgen.errors import agreed, many
from lcgen.kinship import Ask, Plan
from lcgen.records import RESERVED


@dataclass(frozen=True)
class AncestralTraceParams:
    """What can be set of an ancestral trace."""

    ask: Literal["mixed", "eldest", "ancestor", "descendant", "distance"] = "mixed"
    """What is asked: the eldest ancestor, an ancestor or descendant so many generations off, the generations between two people, or each in turn."""
    chain: int = 8
    """Relations on the chain from the person asked about to the answer (2 to 512)."""
    generations: int = 0
    """Generations that the chain spans, from one to two for each relation; 0: each number as likely."""
    beyond: int = 2
    """Relations by which a family's line goes on beyond the ends of the chain."""
    branches: int = 4
    """Relations of each family to people beside its line: other children, and second parents with families of their own."""
    families: int = 3
    """Families that nobody asks about, planted like the one that is asked about."""
    order: Literal["shuffled", "forward", "backward", "apart"] = "shuffled"
    """Order of the chain's relations in the text: any; as they are followed, or the other way round; neighbours as far apart as can be."""
    gap: float = 0.0
    """Depth from one relation of the chain to the next in the text, from the depth asked for on; 0: the others stand anywhere."""
    path: bool = False
    """Whether everyone on the way is asked for too; then `prefix` says how far the trace is right."""
    bare: bool = False
    """Whether the planted relations are the whole context, its tokens being measured."""

    def __post_init__(self) -> None:
        for name, least in (("generations", 0), ("beyond", 0), ("branches", 0), ("families", 0)):
            if getattr(self, name) < least:
                raise ValueError(f"{name} is {getattr(self, name)}, but must be at least {least}")
        if not 2 <= self.chain <= 512:
            raise ValueError(f"chain is {self.chain}, but must be 2 to 512: take chain={min(max(self.chain, 2), 512)}")
        if self.generations and not self.chain <= self.generations <= 2 * self.chain:
            near = min(max(self.generations, self.chain), 2 * self.chain)
            other = -(-self.generations // 2) if self.generations > self.chain else self.generations
            raise ValueError(
                f"generations is {self.generations}, beyond a chain of {self.chain} relations, which spans {self.chain} to {2 * self.chain} generations: "
                f"take generations={near}" + (f", or chain={other}" if 2 <= other <= 512 else "")
            )
        if self.generations and self.ask in ("distance", "mixed"):
            raise ValueError(f"generations is the answer to a question for the distance: leave it out with ask={self.ask}")
        if not 0 <= self.gap * (self.chain - 1) <= 1:
            raise ValueError(
                f"{self.chain} relations at gaps of {self.gap:g} need {self.gap * (self.chain - 1):g} texts: "
                f"take gap={int(10_000 / (self.chain - 1)) / 10_000:g} or less"
                + (f", or chain={int(1 / self.gap + 1e-9) + 1}" if 0 < self.gap <= 1 else "")
            )
        self.fits(1)

    def plan(self, ask: Ask) -> Plan:
        """What the families of a row are drawn by."""
        return Plan(ask, self.chain, self.generations, self.beyond, self.branches, self.order, self.gap)

    def fits(self, questions: int) -> int:
        """Relations that are planted for so many questions. Raises ValueError where a row cannot hold them."""
        each = self.plan("eldest").relations
        count = each * (self.families + questions)
        if count > MOST_PLANTS:
            raise ValueError(
                f"{many(self.families + questions, 'family', 'families')} of {many(each, 'relation')} {agreed(self.families + questions, 'is', 'are')} {count:,}, but a row holds at most {MOST_PLANTS:,} of them: "
                f"take {self._fewer(questions, MOST_PLANTS)}"
            )
        return count

    def named(self, questions: int, names: int) -> None:
        """Raises ValueError where the people of a row are more than the names, of which the first `RESERVED` are kept from filler."""
        families, most = self.families + questions, names - RESERVED
        if (people := families * (self.plan("eldest").relations + 1)) > most:
            raise ValueError(
                f"{many(families, 'family', 'families')} {agreed(families, 'has', 'have')} {people:,} people, but of {names:,} names {max(0, most):,} are left for as many, "
                f"beside {RESERVED:,} that are kept: "
                + (f"take {self._fewer(questions, most - families)}" if most > families else "take a larger share of the names")
            )

    def _fewer(self, questions: int, most: int) -> str:
        """What keeps a row within so many relations."""
        families = most // self.plan("eldest").relations - questions
        chain = most // (self.families + questions) - self.beyond - self.branches
        return " or ".join([f"families={families}"] * (families >= 0) + [f"chain={chain}"] * (chain >= 2) + ["fewer branches"])
