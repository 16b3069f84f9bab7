"""Items with five options over everyday things: a closed table of facts, with wrong options that the table rules out.

The table stands in `lang/<code>/questions/concepts.txt`. A wrong option is a value of the same relation that belongs to a concept
of another field, to none of this one's, and of which the table does not say that it is true of this concept too.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

from lcgen.errors import LcgenError
from lcgen.questions import Given, Pool, Question, data, options_of, placed, with_options

if TYPE_CHECKING:
    from lcgen.streams import Stream


@dataclass(frozen=True)
class Fact:
    """Something that holds of a concept."""

    field: str
    concept: str
    article: str
    relation: str
    value: str


class Made(Pool):
    """Items in one language: each fact asked for in each of the ways that its relation has."""

    name, letters = "concepts", "ABCDE"

    def __init__(self, lang: str) -> None:
        self.ways: dict[str, list[str]] = {}
        self.facts: list[Fact] = []
        self.also: dict[tuple[str, str], set[str]] = {}
        field = ""
        for line in data("concepts", lang):
            relation, mark, way = line.partition(" ? ")
            value, also, true = line.partition(" ! ")
            concept, colon, facts = line.partition(": ")
            if line.startswith("["):
                field = line.strip("[]")
            elif mark and not field:
                self.ways.setdefault(relation, []).append(way)
            elif also and not field:
                relation, _, value = value.partition(" ")
                self.also[relation, value] = {one.strip() for one in true.split(",")}
            elif colon:
                name = concept.removeprefix("~")
                article = "" if name != concept else "an" if name[0] in "aeiou" else "a"
                self.facts += [Fact(field, name, article, *fact.strip().split(" ", 1)) for fact in facts.split(";")]
            else:
                raise LcgenError(
                    f"lang/{lang}/questions/concepts.txt: {line!r} is no `concept: relation value; ...` and no `relation value ! concept, ...`."
                )
        self._known(lang)
        self.asked = [(fact, way) for way in (0, 1) for fact in self.facts]
        self.size = len(self.asked)
        self.true = {(fact.concept, fact.relation, fact.value) for fact in self.facts}
        self.patterns = [
            (relation, re.compile(re.escape(_worded(way, "{a}", "{c}")).replace(r"\{a\}\ \{c\}", "(?:an? )?(?P<c>.+?)").replace(r"\{c\}", "(?P<c>.+?)")))
            for relation, ways in self.ways.items()
            for way in ways
        ]  # fmt: skip
        # The values of a relation by field, from which wrong options are drawn.
        self.values: dict[str, dict[str, list[str]]] = {}
        for fact in self.facts:
            self.values.setdefault(fact.relation, {}).setdefault(fact.field, []).append(fact.value)

    def _known(self, lang: str) -> None:
        """Raises LcgenError for an exception of what the table does not hold."""
        known = {(fact.relation, fact.value) for fact in self.facts}
        asked = {(fact.relation, fact.concept) for fact in self.facts}
        for (relation, value), concepts in self.also.items():
            for name in [value] * ((relation, value) not in known) + [one for one in concepts if (relation, one) not in asked]:
                raise LcgenError(
                    f"lang/{lang}/questions/concepts.txt: '{relation} {value} ! ...' names {name!r}, of which nothing is said with {relation!r}."
                )

    def wrong(self, fact: Fact) -> list[list[str]]:
        """Values that can stand beside this one, by field: of other fields, not true of its concept, and without a word in common."""
        own = {one.value for one in self.facts if one.relation == fact.relation and one.field == fact.field}
        said = _stems(fact.value) | _stems(fact.concept)
        return [
            [
                value
                for value in values
                if value not in own and fact.concept not in self.also.get((fact.relation, value), ()) and not said & _stems(value)
            ]
            for field, values in self.values[fact.relation].items()
            if field != fact.field
        ]

    def question(self, number: int, rng: Stream, place: int = 0, given: Given | None = None) -> Question:
        fact, way = self.asked[number]
        # Each from another field, so that no two wrong options have something in common that the right one lacks.
        others: list[str] = []
        for values in rng.shuffle(self.wrong(fact)):
            fresh = [value for value in values if value not in others]
            if fresh and len(others) < len(self.letters) - 1:
                others.append(rng.choice(fresh))
        ways = self.ways[fact.relation]
        text = with_options(_worded(ways[way], fact.article, fact.concept), placed(fact.value, others, place))
        return Question(text, self.letters[place], (f"{fact.concept}: {fact.value}",), self.letters, fact.concept)

    def solve(self, text: str, read: Callable[[str], int | None]) -> str | None:
        stem, options = options_of(text)
        for relation, pattern in self.patterns:
            if found := pattern.fullmatch(stem):
                true = [letter for letter, option in options.items() if (found["c"], relation, option) in self.true]
                if len(true) == 1:
                    return true[0]
        return None


def _worded(way: str, article: str, concept: str) -> str:
    return way.replace("{a}", article).replace("{c}", concept).replace("  ", " ")


@cache
def _stems(text: str) -> frozenset[str]:
    """The beginnings of its longer words, by which `tired employees` is known to say `tiredness`."""
    return frozenset(word[:5] for word in re.findall(r"\w{5,}", text.lower()))
