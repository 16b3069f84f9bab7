"""Numbered documents: diaries, menus, towers and cities, in words of each language; their filler and the events that they tell.

The words stand in `lang/<code>/documents/<scenario>.txt`, coined names in `lang/<code>/words/coined.txt`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np

from lcgen import languages
from lcgen.atoms import Joined, Table
from lcgen.contract import Units
from lcgen.errors import LcgenError
from lcgen.forms import Pool
from lcgen.schedules import Kind
from lcgen.streams import Stream

SHORT = 53
"""Entries up to which a document counts weeks; beyond it counts days."""
KINDS: tuple[Kind, ...] = ("once", "range", "periodic")
SECTIONS = ("unit", *KINDS, "told", "filler", "lists")


@dataclass(frozen=True)
class Scenario:
    """The words of one kind of document in one language."""

    name: str
    lang: str
    units: Sequence[str]
    """What an entry is called, in a short document and in a long one."""
    things: Mapping[Kind, Sequence[str]]
    """What takes place, by kind: `pottery workshop`."""
    told: Sequence[str]
    """Sentences that say so, with `{event}`."""
    frames: Sequence[Joined]
    """Sentences of filler: each choice of their words is one."""

    def unit(self, entries: int) -> str:
        """What an entry of a document of so many is called."""
        return self.units[entries > SHORT]

    def event(self, key: str, kind: Kind, rng: Stream) -> str:
        """The full name of an event: its coined word, and what it is."""
        return f"{key}{languages.load(self.lang).gap}{rng.choice(self.things[kind])}"

    def tell(self, event: str, rng: Stream) -> str:
        """A sentence which says that it takes place."""
        return rng.choice(self.told).replace("{event}", event)


@cache
def load(name: str, lang: str) -> Scenario:
    """The scenario of this name. Raises LcgenError for a file that is not as it should be."""
    found: dict[str, list[str]] = {}
    for line in map(str.strip, languages.text(lang, "documents", f"{name}.txt").splitlines()):
        if line.startswith("["):
            found[line.strip("[]")] = []
        elif line and not line.startswith("#"):
            found[[*found][-1]].append(line)
    if [*found] != [*SECTIONS]:
        raise LcgenError(f"lang/{lang}/documents/{name}.txt has sections {', '.join(found)}; it must have {', '.join(SECTIONS)}.")
    lists = {}
    for line in found["lists"]:
        word, _, rest = line.partition(":")
        lists[word] = [entry.strip() for entry in rest.split("|")]
    frames = [_frame(text, f"{lang} {name}", lists) for text in found["filler"]]
    return Scenario(name, lang, found["unit"], {kind: found[kind] for kind in KINDS}, found["told"], frames)


def _frame(text: str, name: str, lists: Mapping[str, Sequence[str]]) -> Joined:
    """A sentence as constants and tables, its first letter a capital one."""
    parts: list[str | Table] = []
    for place, piece in enumerate(re.split(r"{(\w+)}", text)):
        if place % 2:
            words = lists[piece]
            parts.append(Table(f"{name} {piece}", words if parts else [word[:1].upper() + word[1:] for word in words]))
        elif piece:
            parts.append(piece)
    return Joined(*parts)


def coined(lang: str) -> list[str]:
    """Names that nobody and nothing has: no word of the language, none like another."""
    return languages.words(lang, "coined")


@cache
def coinage(lang: str) -> Table:
    """Coined names as a form, to be drawn from."""
    return Table(f"{lang} coined", coined(lang))


class Sentences(Units):
    """Filler of a scenario: sentences of all its frames in turn, no two alike."""

    def __init__(self, scenario: Scenario, rng: Stream) -> None:
        self.scenario, self.rng = scenario, rng
        self.form = f"sentences {scenario.lang} {scenario.name}"
        self._turns = min(frame.size for frame in scenario.frames)
        self.limit = len(scenario.frames) * self._turns
        self._pools = [Pool(frame, rng.child("words", place)) for place, frame in enumerate(scenario.frames)]
        self._made: list[str] = []

    def text(self, ids: np.ndarray) -> list[str]:
        count, top = len(self._pools), int(ids.max(initial=-1)) + 1
        while len(self._made) < top:
            turn = len(self._made) // count
            # Behind the last one they come again: such are weighed as spares, and never stand in a document (`distinct`).
            self._made += [
                self._pools[place].text(turn % self._turns) for place in self.rng.child("turn", turn).sample(count, count)
            ]
        return [self._made[unit] for unit in ids.tolist()]

    def sample(self, count: int, sep: str) -> list[str]:
        same = Sentences(self.scenario, Stream("sample", self.form))
        return [sep + text for text in same.text(np.arange(count))]
