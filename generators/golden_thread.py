"""Spinning the golden thread: one long document of numbered entries, in which events must be told where they belong and nowhere else.

Follows Spinning the Golden Thread of Wu et al. 2024 (arXiv:2409.02076), which was also published as LongGenBench; another
benchmark of that name (Liu et al. 2024, arXiv:2410.04199) is the task `longgenbench` here. What differs: each event has a coined
name that nothing else has, so a rule says whether an entry tells it, where the paper asks a model (`grading.judge_prompt` still
words that question). Places collide only where `rules=published` asks for it, and the least words of an entry follow
from a document that was written, so that they fit its tokens.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from math import isqrt
from typing import Any, Literal, get_args

import numpy as np

from lcgen import documents, estimates, grading, languages, schedules
from lcgen.contract import Cell, Context, Draft, Estimate, Lane, Plant, Preset, Puzzle, Row, Setting, Source, Task
from lcgen.documents import KINDS, Sentences
from lcgen.grading.denial import CLASSES
from lcgen.grading.document import checks, figures
from lcgen.schedules import SIZES, Event
from lcgen.streams import Stream
from lcgen.wording import Wording

PER_ENTRY = 100
"""Tokens of the target for each entry, where their number is not given."""
FEWEST, MOST = 16, 1000
WINDOWS = {"diary": 1, "menu": 0, "floors": 0, "blocks": 0}
"""Entries beside a right one in which a mention is excused: who keeps a diary looks forward and back."""
Scenarios = Literal["diary", "menu", "floors", "blocks"]


@dataclass(frozen=True)
class GoldenThreadParams:
    """What can be set of a document."""

    scenario: Scenarios = "diary"
    """What is written: a diary, the menus of a restaurant, a tower floor by floor, a city block by block."""
    entries: int = 0
    """Numbered entries (N), for blocks a square number; 0: one for every 100 tokens of the length, 16 to 1000, or the paper's with rules of the paper."""
    words: int = 0
    """Least words of an entry; 0: as many as every entry of the reference has."""
    once: int = 5
    """Events that take place in one entry."""
    ranges: int = 1
    """Events that take place in several entries in a row."""
    periodic: int = 1
    """Events that come back at an interval up to the end."""
    rules: Literal["fair", "mended", "published"] = "fair"
    """Where events fall: no two in one entry; as the paper's scripts draw, what collides moved on; or as drawn."""

    def __post_init__(self) -> None:
        if self.entries and not FEWEST <= self.entries <= MOST:
            raise ValueError(f"entries must be from {FEWEST} to {MOST}, or 0 for as many as suit the length")
        if self.entries and self.scenario == "blocks" and isqrt(self.entries) ** 2 != self.entries:
            low = isqrt(self.entries)
            raise ValueError(f"blocks make a square: entries must be {low**2} or {(low + 1) ** 2}, not {self.entries}")
        for name, most in (("once", 200), ("ranges", 40), ("periodic", 40)):
            if not 0 <= getattr(self, name) <= most:
                raise ValueError(f"{name} must be from 0 to {most}")
        if self.once + self.ranges + self.periodic == 0:
            raise ValueError("a document needs an event: once, ranges and periodic are all 0")
        if not 0 <= self.words <= 100_000:
            raise ValueError("words must be from 0 to 100000")
        if self.rules != "fair":
            if self.entries and self.entries not in SIZES[self.scenario]:
                raise ValueError(
                    f"rules={self.rules} has {' or '.join(map(str, SIZES[self.scenario]))} entries for {self.scenario}"
                )
            if (self.once, self.ranges, self.periodic) != (5, 1, 1):
                raise ValueError(f"rules={self.rules} has counts of its own: leave out once, ranges and periodic")


@dataclass(frozen=True)
class Story:
    """What draw decided of a document."""

    scenario: documents.Scenario
    entries: int
    unit: str
    events: Sequence[tuple[Event, str, str]]
    """Each event with its coined word and its full name, by kind."""
    outside: int


class GoldenThread(Task[GoldenThreadParams]):
    """One document, events that run through it."""

    name = "golden_thread"
    about = (
        "Writes one long document of numbered entries and keeps rules of what belongs where: Spinning the Golden Thread, later "
        "named LongGenBench (Wu et al.; that of Liu et al. is longgenbench)."
    )
    papers = ("arXiv:2409.02076",)
    tags = ("long-form-generation", "instruction-following")
    Params = GoldenThreadParams
    shares = True
    revision = 2
    axis = "output"
    metric = "event_f1"
    depths = False
    haystack = "records"
    records_only = True
    lengths = (1024, 262144)
    limits = (
        "Two benchmarks are called LongGenBench: this is that of Wu et al. (arXiv:2409.02076), first named Spinning the Golden Thread; that "
        "of Liu et al. (arXiv:2410.04199) is longgenbench. A longer document has more entries and other rules unless --set entries fixes "
        "them, and asks for more words in each entry."
    )
    blocks = {
        "header": ("unit~line", "number"), "start": (), "finish": (), "size": ("entries", "words"), "place": ("unit~line", "number"),
        "block": ("unit~line", "number", "column", "row"), "once": ("place~line", "event~line"),
        "run": ("first~line", "last~line", "event~line"), "column": ("first~line", "step", "last~line", "event~line"),
        "every": ("first~line", "step", "last~line", "event~line"), **dict.fromkeys(CLASSES, ()),
    }  # fmt: skip

    def draw(self, rng: Stream, params: GoldenThreadParams, cell: Cell, source: Source, wording: Wording) -> Sequence[Draft]:
        if cell.questions > 1:
            raise ValueError("a document is one question: --questions-per-context must be 1")
        scenario = documents.load(params.scenario, source.lang)
        entries = params.entries or _entries(params, cell.target)
        drawn = _events(rng.child("events"), params, entries)
        events = [kept for event in drawn if (kept := event.within(entries))]
        outside = sum(len(event.entries) for event in drawn) - sum(len(event.entries) for event in events)
        coined = source.share(documents.coinage(source.lang))
        if len(events) > coined.size:
            raise ValueError(
                f"each of {len(events)} events has a coined name, of which there are {coined.size:,} here: ask for fewer events"
            )
        keys = coined.texts(np.array(rng.child("keys").sample(coined.size, len(events)), np.uint64))
        told = rng.child("told")
        named = [(event, key, scenario.event(key, event.kind, told)) for event, key in zip(events, keys)]
        story = Story(scenario, entries, scenario.unit(entries), named, outside)
        plants = [
            Plant(scenario.tell(name, told), told.unit(), key=name, value=key, lane=entry - 1, part=part)
            for part, (event, key, name) in enumerate(named)
            for entry in event.entries
        ]
        finish = "\n\n" + wording.say("finish")
        lanes = [
            Lane(wording.say("header", unit=story.unit, number=number) + "\n", finish if number == entries else "")
            for number in range(1, entries + 1)
        ]
        filler = Sentences(scenario, rng.child("filler"))
        # Without a space between them a stop and the word behind it may be one token, which no line end lets happen.
        sep = languages.load(source.lang).gap or "\n"
        return [Draft(tuple(plants), filler, sep=sep, lanes=tuple(lanes), join="\n\n", level=True, distinct=True, state=story)]

    def pose(self, rng: Stream, params: GoldenThreadParams, draft: Draft, context: Context, wording: Wording) -> Sequence[Puzzle]:
        story: Story = draft.state
        least = _least(params, story, context)
        side = isqrt(story.entries) if params.scenario == "blocks" else 0

        def place(number: int) -> str:
            if not side:
                return wording.say("place", unit=story.unit, number=number)
            row, column = divmod(number - 1, side)
            return wording.say("block", unit=story.unit, number=number, column=column, row=row)

        rules = [_rule(event, name, place, wording) for event, _, name in story.events]
        opener = wording.say("header", unit=story.unit, number=1)
        before, _, behind = wording.say("header", unit=story.unit, number="\0").partition("\0")
        told = [{"kind": event.kind, "event": name, "key": key, "entries": [*event.entries]} for event, key, name in story.events]
        wanted = checks(told)
        example = Sentences(story.scenario, Stream("example", params.scenario)).text(np.arange(2))
        return [
            Puzzle(
                slots={
                    "question": "\n".join(rules), "place": "after", "scenario": params.scenario, "side": side,
                    "asked": wording.say("size", entries=story.entries, words=least), "opener": opener, "example": draft.sep.join(example),
                },
                answers=[f"{check.entry}: {check.event}" for check in wanted],
                prefix=opener,
                stop=[wording.say("finish").rstrip("* ")],
                metadata={
                    "scenario": params.scenario, "entries": story.entries, "words": least, "header": [before, behind],
                    "finish": wording.say("finish"), "window": WINDOWS[params.scenario], "checks": len(wanted),
                    "outside": story.outside, "events": told, "denials": {name: wording.choices(name) for name in CLASSES},
                },
            )
        ]  # fmt: skip

    def solve(self, context: str, question: str, wording: Wording) -> Sequence[str]:
        return [f"{entry}: {event}" for event, entries in _read(question, wording) for entry in entries]

    def score(self, response: str, row: Row) -> Mapping[str, float]:
        asked = row["metadata"]
        said = grading.resumed(grading.visible(response, row["input"]), row["gen_prefix"])
        length = grading.length_score(grading.words(row["reference_output"]), grading.words(said))
        given = (asked[name] for name in ("events", "entries", "words", "header", "finish", "window", "denials"))
        return {**figures(said, *given), "length_score": length}

    def oracle(self, row: Row) -> str:
        reference: str = row["reference_output"]
        return reference

    def summary(self, rows: Sequence[Row], scores: Mapping[str, np.ndarray]) -> Mapping[str, Estimate]:
        """Means, and the paper's figures over all checks of all rows, where a scenario with more checks weighs more: `stic_1_micro`,
        `stic_2_micro`, and `wavg_micro`, which is the mean of `cr` times the latter."""
        found = dict(estimates.means(rows, scores))
        count = np.array([row["metadata"]["checks"] for row in rows], float)
        passed, asked = count * scores["stic_2"], count * scores["asked"]
        sums = np.stack([passed, asked, count, scores["cr"], np.ones(len(rows))], -1)[~np.isnan(passed)]
        if len(sums):
            found["stic_1_micro"] = estimates.bootstrap(sums, lambda s: _over(s[..., 0], s[..., 1]))
            found["stic_2_micro"] = estimates.bootstrap(sums, lambda s: _over(s[..., 0], s[..., 2]))
            found["wavg_micro"] = estimates.bootstrap(sums, lambda s: _over(s[..., 3], s[..., 4]) * _over(s[..., 0], s[..., 2]))
        return found


def _entries(params: GoldenThreadParams, target: int) -> int:
    """How many entries a document of so many tokens has."""
    if params.rules != "fair":
        return SIZES[params.scenario][target > 20_000]
    entries = min(max(target // PER_ENTRY, FEWEST), MOST)
    return isqrt(entries) ** 2 if params.scenario == "blocks" else entries


def _events(rng: Stream, params: GoldenThreadParams, entries: int) -> list[Event]:
    if params.rules == "fair":
        found = schedules.fair(rng, entries, params.once, params.ranges, params.periodic)
    else:
        found = schedules.published(rng, params.scenario, entries)
        if params.rules == "mended":
            found = schedules.mended(found, params.scenario, entries)
    return sorted(found, key=lambda event: (KINDS.index(event.kind), event.first))


def _least(params: GoldenThreadParams, story: Story, context: Context) -> int:
    """The least words to ask for. Raises ValueError where the finished document has fewer than were set."""
    if not context.closed:
        return params.words or 1
    bodies = (context.text[spans[0, 0] : spans[-1, 1]] for spans in context.spans)
    counts = [grading.words(body) for body in bodies]
    shortest = min(counts)
    if params.words <= shortest:
        return params.words or (shortest if shortest < 20 else shortest // 5 * 5)
    # Other words make other rules and another document, whose shortest entry may be a sentence shorter.
    surely = shortest * 9 // 10
    fewer, longer = max(FEWEST, story.entries * surely // params.words), params.words / max(1, surely)
    raise ValueError(
        f"{story.entries} entries of at least {params.words} words do not fit into this length: it has {sum(counts):,} words, and its shortest "
        f"entry {shortest}. Ask for words={surely} or fewer, about {fewer} entries, or {longer:.1f} times the length with entries={story.entries}"
    )


def _rule(event: Event, name: str, place: Any, wording: Wording) -> str:
    first, last = place(event.first), place(event.last)
    if event.kind == "once":
        return wording.say("once", place=first, event=name)
    if event.kind == "range" and event.step == 1:
        return wording.say("run", first=first, last=last, event=name)
    return wording.say("every" if event.kind == "periodic" else "column", first=first, step=event.step, last=last, event=name)


def _read(prompt: str, wording: Wording) -> list[tuple[str, range]]:
    """The rules of a prompt: each event with the entries that it belongs into."""
    places = [wording.pattern(name) for name in ("block", "place")]

    def number(text: str) -> int:
        found = next(filter(None, (pattern.fullmatch(text) for pattern in places)), None)
        return int(found["number"]) if found and found["number"].isdecimal() else 0

    rules = []
    for line in prompt.splitlines():
        found = next(filter(None, (wording.pattern(block).fullmatch(line) for block in ("every", "column", "run", "once"))), None)
        if found:
            rule = found.groupdict()
            first = number(rule.get("first") or rule["place"])
            last = number(rule["last"]) if "last" in rule else first
            step = int(rule["step"]) if rule.get("step", "").isdecimal() else 1
            rules.append((rule["event"], range(first, last + 1, max(1, step))))
    return rules


def _over(upper: np.ndarray, lower: np.ndarray) -> np.ndarray:
    found: np.ndarray = np.divide(upper, lower, out=np.full(np.shape(upper), np.nan), where=lower > 0)
    return found


def _written(belongs: Callable[[int, range], bool]) -> Any:
    """A shortcut that fills all entries as long as asked and tells an event where `belongs` says so."""

    def shortcut(context: str, question: str, wording: Wording) -> Sequence[str]:
        size, opener = wording.pattern("size").search(question), wording.pattern("header").search(question)
        if not size or not opener:
            return [""]
        filler, rules = Sentences(documents.load("diary", wording.lang), Stream("shortcut")), _read(question, wording)
        parts, unit = [], 0
        for entry in range(1, int(size["entries"]) + 1):
            text = " ".join(event for event, entries in rules if belongs(entry, entries))
            while grading.words(text) < int(size["words"]):
                text += " " + filler.text(np.array([unit]))[0]
                unit += 1
            parts.append(f"{wording.say('header', unit=opener['unit'], number=entry)}\n{text.strip()}")
        return ["\n\n".join(parts)]

    return shortcut


GoldenThread.baselines = {
    "everywhere": _written(lambda entry, entries: True),
    "first_time": _written(lambda entry, entries: entry == entries[0]),
}

OWN = "Wording, events and examples are our own, and each event has a coined name, so that a rule checks it where the paper asks a model."
FITS = "The least words of an entry follow from the reference, so that they fit the answer; the paper asks for 100 to 200, which mostly do not."
GRID = {"scenario": get_args(Scenarios)}


def _preset(size: str, rules: str, entries: str, target: int, answer: int, **more: Any) -> Preset:
    how = "as drawn" if rules == "published" else "and what collides moved on"
    return Preset(
        f"the paper's {size} set of four scenarios, {entries} entries, places drawn in its order, {how}", "arXiv:2409.02076",
        {"": Setting({**GRID, "rules": rules}, lengths=str(target))}, str(target), 100, answer_tokens=answer, **more,
    )  # fmt: skip


APART = "Events that lie outside the document, in its first entry, or beside what they contradict are moved on to the next free place."
DRAWN = "Places collide as they do in the paper; what lies outside the document, which nobody could write, is left out and counted in `outside`."
GoldenThread.presets = {
    "16k": _preset("short", "mended", "52 or 100", 14_400, 16_000, differs=f"{OWN} {APART} {FITS}"),
    "32k": _preset("long", "mended", "300 to 365", 28_800, 32_000, differs=f"{OWN} {APART} {FITS}"),
    "faithful_16k": _preset("short", "published", "52 or 100", 14_400, 16_000, differs=f"{OWN} {DRAWN} {FITS}"),
    "faithful_32k": _preset("long", "published", "300 to 365", 28_800, 32_000, differs=f"{OWN} {DRAWN} {FITS}"),
}

TASK = GoldenThread()
