"""Word problems: a graph of two quantities is walked step by step, each step is worded by a sentence of a scene.

What can happen stands in `lang/<code>/questions/problems.txt`. A second quantity comes out of the first one, may change, and
flows back into it, so that every sentence counts. All quantities are whole and positive.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import count
from math import gcd
from typing import TYPE_CHECKING

import numpy as np

from lcgen import forms, languages
from lcgen.errors import LcgenError
from lcgen.questions import Given, Pool, Question, data
from lcgen.questions.arithmetic import Formula, value

if TYPE_CHECKING:
    from lcgen.streams import Stream

HISTOGRAM = {2: 351, 3: 357, 4: 281, 5: 134, 6: 55, 7: 21, 8: 9}
"""Steps of a solution -> how many of 1,290 test questions of GSM8K have so many; fewer than two are left out."""
MOST = 20_000
"""No quantity is larger."""
NUMBER, WORDS = r"\d+|\[[^\]]*\]", r"[^\d.,?!，。？！]+?"
"""What stands in the slots of a sentence: a number or words in brackets that stand for one, a name or thing."""
TRIES = 12
"""Draws of the numbers of one sentence before another sentence is taken."""


@dataclass(frozen=True)
class Line:
    """One thing that can happen in a scene."""

    target: str
    """x, y, or ? for the question."""
    formula: Formula
    ranges: tuple[tuple[str, tuple[int, ...]], ...]
    sentence: str

    @property
    def role(self) -> str:
        """What it does: `open`, `go` (on with x), `part` (y out of x), `other` (on with y), `join` (both into x), `ask`."""
        used = self.formula.names & {"x", "y"}
        if self.target == "?":
            return "ask"
        if self.target == "y":
            return "other" if "y" in used else "part"
        return "open" if not used else "join" if "y" in used else "go"

    @cached_property
    def pattern(self) -> re.Pattern[str]:
        """The sentence as a regular expression with a group for each slot."""
        parts = re.split(r"\{(\w+)\}", self.sentence)
        seen: set[str] = set()
        found = []
        for place, part in enumerate(parts):
            if place % 2 == 0:
                found.append(re.escape(part))
            elif part in seen:
                found.append(f"(?P={part})")
            else:
                found.append(f"(?P<{part}>{NUMBER if part in 'ab' else WORDS})")
                seen.add(part)
        return re.compile("".join(found))


@dataclass(frozen=True)
class Scene:
    """A setting with its things and its lines by role."""

    name: str
    things: tuple[str, ...]
    lines: tuple[Line, ...]

    def of(self, role: str) -> list[Line]:
        """The lines of one role."""
        return [line for line in self.lines if line.role == role]


class Made(Pool):
    """Word problems in one language, without end: the full name of each person is another one."""

    name = "problems"

    def __init__(self, lang: str) -> None:
        self.scenes = _scenes(lang)
        self.gap = languages.load(lang).gap
        self.names = forms.names(lang)
        self.cycle = self.names.size
        # A step that shares no divisor with their number goes through all names, far from one to the next.
        self.stride = next(step for step in count(int(self.names.size * 0.618)) if gcd(step, self.names.size) == 1)

    def question(self, number: int, rng: Stream, place: int = 0, given: Given | None = None) -> Question:
        name = self._name(number * self.stride)
        scene = self.scenes[rng.below(len(self.scenes))]
        words = {"name": name, "first": name.split(" ")[0], "things": rng.choice(scene.things)}
        while (other := self._name(rng.below(self.names.size)).split(" ")[0]) == words["first"]:
            pass
        walk = Walk(scene, {**words, "other": other}, rng)
        walk.run(_steps(rng), given)
        return Question(self.gap.join(walk.said), str(walk.values["x"]), tuple(walk.steps), subject=scene.name)

    def _name(self, number: int) -> str:
        return self.names.texts(np.array([number % self.names.size], np.uint64))[0]

    def solve(self, text: str, read: Callable[[str], int | None]) -> str | None:
        return next(filter(None, (self._read(scene, text, read) for scene in self.scenes)), None)

    def _read(self, scene: Scene, text: str, read: Callable[[str], int | None]) -> str | None:
        """The answer, if this is a problem of this scene."""
        at, first, values = 0, "", dict[str, int]()
        while at < len(text):
            for line in scene.lines:
                found = line.pattern.match(text, at)
                said = found.groupdict() if found else {}
                # Of two sentences that differ in who stands where, the one fits that means the person of the first sentence.
                if found and (line.role == "open") == (at == 0) and said.get("first", first) == first != said.get("other"):
                    break
            else:
                return None
            assert found is not None
            first = said["name"].split(" ")[0] if at == 0 else first
            at = found.end() + len(self.gap) * text.startswith(self.gap, found.end())
            numbers = {slot: int(said[slot]) if said[slot].isdecimal() else read(said[slot]) for slot in "ab" if slot in said}
            known = {**values, **{slot: number for slot, number in numbers.items() if number is not None}}
            if not line.formula.names <= known.keys() or (come := value(line.formula.written(known))) < 1:
                return None
            if line.target == "?":
                return str(come) if at == len(text) else None
            values[line.target] = int(come)
        return None


class Walk:
    """One problem while it is made: what was said, what was computed, and what the quantities are."""

    def __init__(self, scene: Scene, words: dict[str, str], rng: Stream) -> None:
        self.scene, self.words, self.rng = scene, words, rng
        self.values: dict[str, int] = {}
        self.said: list[str] = []
        self.steps: list[str] = []

    def run(self, steps: int, given: Given | None) -> None:
        """Makes a problem of so many steps, or a few more where it must close what it opened."""
        openers = self.scene.of("open")
        if given is not None:
            openers = [line for line in openers if line.formula.text == "a"]
        self._take(self.rng.shuffle(openers), given)
        branches = self.rng.below(2) == 1
        last = ""
        while len(self.steps) < steps:
            left = steps - len(self.steps)
            roles = ["go"]
            if "y" in self.values:
                roles = ["join"] if left == 1 else ["other", "go", "join"]
            elif branches and left >= 2:
                roles = ["part", "go"]
            role = self.rng.choice(roles)
            lines = [line for line in self.rng.shuffle(self.scene.of(role)) if line.sentence != last]
            # Where nothing of a role can happen with whole positive numbers, something else does.
            taken = self._take(lines, None) or self._take(self.rng.shuffle(self.scene.of("go")), None)
            if taken is None:
                break
            last = taken.sentence
            if taken.role == "join":
                del self.values["y"]
                branches = False
        if "y" in self.values:
            self._take(self.scene.of("join"), None)
        self._take(self.scene.of("ask"), None)

    def _take(self, lines: Sequence[Line], given: Given | None) -> Line | None:
        """Says the first line that can happen, with numbers of the stream; None where none can."""
        for line in lines:
            for _ in range(TRIES if line.ranges else 1):
                numbers = {slot: self.rng.choice(range_) for slot, range_ in line.ranges}
                if given is not None:
                    numbers["a"] = given.value
                values = {**self.values, **numbers}
                come = line.formula.value(values)
                if come.denominator == 1 and 1 <= come <= max(MOST, given.value if given else 0):
                    self._say(line, numbers, values, int(come), given)
                    return line
        return None

    def _say(self, line: Line, numbers: dict[str, int], values: dict[str, int], come: int, given: Given | None) -> None:
        shown = {slot: str(number) for slot, number in numbers.items()}
        if given is not None:
            shown["a"] = given.words
        self.said.append(line.sentence.format(**self.words, **shown))
        if line.target == "?":
            return
        if len(line.formula.text) > 1:
            self.steps.append(f"{line.formula.written(values)} = {come}")
        self.values[line.target] = come


def _steps(rng: Stream) -> int:
    """A number of steps, as often as in real questions."""
    drawn = rng.below(sum(HISTOGRAM.values()))
    for steps, often in HISTOGRAM.items():
        drawn -= often
        if drawn < 0:
            return steps
    raise AssertionError("a draw below the sum of all")


def _scenes(lang: str) -> list[Scene]:
    """The scenes of a language. Raises LcgenError, with the line, for what cannot be read."""
    found: list[tuple[str, tuple[str, ...], list[Line]]] = []
    for text in data("problems", lang):
        if text.startswith("["):
            name, _, things = text.strip("[]").partition(":")
            found.append((name.strip(), tuple(thing.strip() for thing in things.split(",")), []))
            continue
        try:
            formula, ranges, sentence = (part.strip() for part in text.split("|"))
            target, _, right = formula.partition("=")
            read = tuple(_range(one.split()) for one in ranges.split(";") if one.strip())
            found[-1][2].append(Line(target.strip(), Formula(right.strip()), read, sentence))
        except (ValueError, IndexError, SyntaxError) as error:
            raise LcgenError(
                f"lang/{lang}/questions/problems.txt: {text!r} is no `formula | numbers | sentence` ({error})."
            ) from error
    return [Scene(name, things, tuple(lines)) for name, things, lines in found]


def _range(words: Sequence[str]) -> tuple[str, tuple[int, ...]]:
    slot, numbers = words
    low, dash, high = numbers.partition("-")
    return slot, tuple(range(int(low), int(high) + 1)) if dash else tuple(map(int, numbers.split(",")))
