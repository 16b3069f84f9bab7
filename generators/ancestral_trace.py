"""Ancestral trace: relations between people, and questions that are answered by following them from one person to the next.

Follows the Ancestral Trace Challenge and the multi-needle reasoning of NeedleBench (Li et al. 2024, version 2) in what is asked; the
wording is our own. There, the one chain of a text is all there is, so the only name without a parent, or the sum of all relations, is the
answer. Here other families, branches and relations beyond both ends of the chain make tracing the only way; the published form is a preset.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from lcgen import contrasts, forms, kinship, languages
from lcgen.contract import Cell, Context, Draft, Estimate, Plant, Preset, Puzzle, Role, Row, Setting, Source, Task, wrapped
from lcgen.generators import _trace_answers as answers
from lcgen.generators import _trace_reading as reading
from lcgen.generators._trace_params import AncestralTraceParams
from lcgen.kinship import ASKS, Ask, Family
from lcgen.relatives import SENTENCES, TERMS, Relatives, sayings, worded
from lcgen.streams import Stream
from lcgen.wording import Wording


@dataclass(frozen=True)
class Asked:
    """One question of a draft."""

    ask: Ask
    people: Sequence[str]
    trace: Sequence[str]
    generations: int
    depth: float
    part: int


class AncestralTrace(Task[AncestralTraceParams]):
    """Following relations between people."""

    name = "ancestral_trace"
    about = "Traces ancestors, descendants and generations through relations that are scattered over a long text."
    papers = ("arXiv:2407.11963",)
    tags = ("needle-in-a-haystack", "needlebench", "multi-hop", "reasoning")
    Params = AncestralTraceParams
    shares = True
    revision = 1
    metric = "exclusive"
    blocks = {
        **dict.fromkeys(SENTENCES, ("elder~name", "term", "younger~name")), **dict.fromkeys(TERMS, ()),
        "ask_eldest": ("person~name",), "ask_ancestor": ("n", "person~name"), "ask_descendant": ("n", "person~name"),
        "ask_distance": ("one~name", "other~name"), "ask_way": ("person~name",), "marker": (),
    }  # fmt: skip

    def count(self, params: AncestralTraceParams) -> int | None:
        return params.fits(1) if params.bare else None

    def turns(self, params: AncestralTraceParams) -> int:
        return len(ASKS) if params.ask == "mixed" else 1

    def draw(self, rng: Stream, params: AncestralTraceParams, cell: Cell, source: Source, wording: Wording) -> Sequence[Draft]:
        planted = params.fits(cell.questions)
        if params.bare and cell.questions > 1:
            raise ValueError("bare=true counts the relations of one question: ask one question per context")
        if params.bare and cell.depth is not None:
            raise ValueError(
                "with bare=true relations fill the whole context, so none has a depth to ask for: take --depths random"
            )
        ask = params.ask if params.ask != "mixed" else ASKS[cell.turn(len(ASKS))]
        plan = params.plan(ask)
        names = forms.Pool(source.share(forms.names(source.lang)), rng.child("people"))
        params.named(cell.questions, names.form.size)
        ways = [[worded(wording, said) for said in sayings(wording) if said.kind == kind] for kind in range(len(TERMS))]
        size = plan.relations + 1
        everybody = names.texts(np.arange((cell.questions + params.families) * size))
        start = cell.start(rng)
        plants: list[Plant] = []
        asks: list[Asked] = []
        for number in range(cell.questions + params.families):
            own = rng.child("family", number)
            family = kinship.grow(own, plan)
            people = everybody[number * size : (number + 1) * size]
            if asked := number < cell.questions:
                place = wrapped(start + number / cell.questions)
                asks.append(_asked(own, ask, family, people, place, number))
            marks = kinship.depths(own.child("depths"), plan, place if asked else own.unit())
            said = [ways[relation.kind] for relation in family.relations]
            for at, (relation, depth, own_ways, way) in enumerate(
                zip(family.relations, marks, said, own.each([*map(len, said)]))
            ):
                elder, younger = people[relation.elder], people[relation.younger]
                # From the key the trace leads to the value.
                key, value = (elder, younger) if ask == "descendant" else (younger, elder)
                role: Role = "decoy" if not asked else "gold" if at < plan.chain else "distractor"
                plants.append(Plant(own_ways[way](elder, younger), depth, role, number, key, value))
        sep = languages.load(source.lang).gap
        records = source.kind == "records"
        return [
            Draft(
                plants=_filling(plants) if params.bare else tuple(plants),
                filler=source.filler(
                    rng.child("filler"), lambda: Relatives(names, plan, wording, rng.child("weave").below(1 << 62), sep)
                ),
                sep=sep,
                count=planted if params.bare else None,
                # No name of the pool is part of another, so its own filler needs no search.
                avoid=frozenset() if records or params.bare else frozenset(name for asked in asks for name in asked.trace),
                state=asks,
            )
        ]

    def pose(
        self, rng: Stream, params: AncestralTraceParams, draft: Draft, context: Context, wording: Wording
    ) -> Sequence[Puzzle]:
        found = []
        for asked in draft.state:
            slots = dict(zip(reading.QUESTIONS[asked.ask], asked.people))
            if asked.ask in ("ancestor", "descendant"):
                slots["n"] = str(asked.generations)
            question = [wording.say(f"ask_{asked.ask}", **slots)]
            if params.path:
                question.append(wording.say("ask_way", person=asked.people[0]))
            found.append(
                Puzzle(
                    slots={"question": draft.sep.join(question), "place": "after"},
                    answers=reading.answers(asked.ask, asked.trace, asked.generations, params.path),
                    depth=None if params.bare else asked.depth,
                    parts=[asked.part],
                    metadata={
                        "ask": asked.ask,
                        "people": list(asked.people),
                        "generations": asked.generations,
                        "chain": params.chain,
                        "trace": list(asked.trace),
                        "path": params.path,
                        "facts": len(draft.plants),
                        "families": params.families,
                        "marker": wording.say("marker"),
                    },
                )
            )
        return found

    def solve(self, context: str, question: str, wording: Wording) -> Sequence[str]:
        return reading.solved(context, question, wording)

    def score(self, response: str, row: Row) -> Mapping[str, float]:
        return answers.graded(response, row)

    def oracle(self, row: Row) -> str:
        return f"{row['metadata']['marker']} {', '.join(row['outputs'])}"

    def contrast(self, row: Row) -> contrasts.Contrast | None:
        """The last person on the way, told from others in the text; or the distance, told from all that the chain can span."""
        meta, pieces, answer = row["metadata"], row["evidence"], row["outputs"][-1]
        spans = [str(number) for number in range(meta["chain"], 2 * meta["chain"] + 1)]
        named = dict.fromkeys(name for piece in pieces for name in (piece["key"], piece["value"]))
        rivals = [name for name in [*meta["trace"], *named] if name not in (answer, *meta["people"])]
        told = {"labels": spans} if meta["ask"] == "distance" else {"rivals": [*dict.fromkeys(rivals)][: contrasts.MOST_RIVALS]}
        choice = contrasts.Choice(answer, "\n" + meta["marker"], **told)
        gold = [piece for piece in pieces if piece["role"] == "gold"]
        told_of = spans if meta["ask"] == "distance" else [name for piece in gold for name in (piece["key"], piece["value"])]
        fault = "" if answer in told_of else contrasts.unlike(answer)
        removed = contrasts.telling(pieces, [answer, meta["trace"][-1]])
        return contrasts.Contrast([choice], contrasts.alone(row, gold), removed, fault=fault)

    def summary(self, rows: Sequence[Row], scores: Mapping[str, np.ndarray]) -> Mapping[str, Estimate]:
        return answers.figures(rows, scores)


def _filling(plants: Sequence[Plant]) -> tuple[Plant, ...]:
    """The plants in their order, at the depths that they have where nothing else stands: by characters, about as tokens are."""
    ranked = sorted(plants, key=lambda plant: plant.depth)
    sizes = np.array([len(plant.text) + 1 for plant in ranked])
    starts = (np.cumsum(sizes) - sizes) / np.maximum(1, sizes.sum() - sizes)
    return tuple(replace(plant, depth=depth) for plant, depth in zip(ranked, starts.tolist()))


def _asked(rng: Stream, ask: Ask, family: Family, people: Sequence[str], depth: float, part: int) -> Asked:
    trace = [people[number] for number in family.trace]
    if ask == "distance" and rng.below(2):
        trace.reverse()
    named = [trace[0], trace[-1]] if ask == "distance" else trace[:1]
    return Asked(ask, named, trace, family.generations, depth, part)


AncestralTrace.baselines = dict(reading.SHORTCUTS)

PLAIN = {"beyond": 0, "branches": 0, "families": 0}
OWN = "Our own wording, names without titles, a space between sentences; scores are not comparable digit for digit."
SHAPE = "one chain is all there is, so the one name without a parent, or the sum of all relations, is the answer"

AncestralTrace.presets = {
    "needlebench_atc": Preset(
        "NeedleBench's Ancestral Trace Challenge: one shuffled chain and nothing else, 2 to 512 relations, all four questions in turn",
        "arXiv:2407.11963", {f"chain_{2**n}": Setting({**PLAIN, "chain": 2**n, "bare": True}, None, "random") for n in range(1, 10)},
        "", 40, "random", None,
        f"{OWN} How many relations skip a generation is drawn evenly instead of term by term, so that the distance cannot be guessed.",
        {10: SHAPE},
    ),
    "needlebench_reasoning": Preset(
        "NeedleBench's multi-needle reasoning: 2 to 5 relations of one chain in prose, ten percent of depth apart",
        "arXiv:2407.11963", {f"{n}_needle": Setting({**PLAIN, "chain": n, "ask": "eldest", "gap": 0.1}) for n in range(2, 6)},
        "1000,2000,4000,8000,16000,32000,64000,128000", 10, "0..1:0.1", None,
        f"{OWN} Our own prose; gaps are what is said; where the text ends the chain goes on from its beginning instead of piling up; short cells do hold text.",
        {10: SHAPE},
    ),
}  # fmt: skip

TASK = AncestralTrace()
