"""Spinning the golden thread: one long document of numbered entries, in which events must be told where they belong and nowhere else.

Follows Spinning the Golden Thread of Wu et al. 2024 (arXiv:2409.02076), which was also published as LongGenBench; another
benchmark of that name (Liu et al. 2024, arXiv:2410.04199) is the task `longgenbench` here. What differs: each event has a coined
name that nothing else has, so a rule says whether an entry tells it, where the paper asks a model (`grading.judge_prompt` still
words that question). Places collide only where `rules=published` asks for it, and the least words of an entry follow
from a document that was written, so that they fit its tokens.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import isqrt
from typing import Any

import numpy as np

from lcgen import documents, estimates, grading, languages, schedules
from lcgen.contract import Cell, Context, Draft, Estimate, Lane, Plant, Puzzle, Row, Source, Task
from lcgen.documents import KINDS, Sentences
from lcgen.generators._golden_params import FEWEST, MOST, PER_ENTRY, WINDOWS, GoldenThreadParams
from lcgen.generators._golden_presets import PRESETS
from lcgen.generators._golden_reading import BASELINES, read
from lcgen.grading.denial import CLASSES
from lcgen.grading.document import checks, figures
from lcgen.schedules import SIZES, Event
from lcgen.streams import Stream
from lcgen.wording import Wording


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
    presets = PRESETS
    baselines = BASELINES
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
        return [f"{entry}: {event}" for event, entries in read(question, wording) for entry in entries]

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
            found["stic_1_micro"] = estimates.bootstrap(sums, lambda s: estimates.divided(s[..., 0], s[..., 1]))
            found["stic_2_micro"] = estimates.bootstrap(sums, lambda s: estimates.divided(s[..., 0], s[..., 2]))
            found["wavg_micro"] = estimates.bootstrap(
                sums, lambda s: estimates.divided(s[..., 3], s[..., 4]) * estimates.divided(s[..., 0], s[..., 2])
            )
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


TASK = GoldenThread()
