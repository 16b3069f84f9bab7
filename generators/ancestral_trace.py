"""Ancestral trace: relations between people, and questions that are answered by following them from one person to the next.

Follows the Ancestral Trace Challenge and the multi-needle reasoning of NeedleBench (Li et al. 2024, version 2) in what is asked; the
wording is our own. There, the one chain of a text is all there is, so the only name without a parent, or the sum of all relations, is the
answer. Here other families, branches and relations beyond both ends of the chain make tracing the only way; the published form is a preset.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from lcgen import contrasts, estimates, forms, grading, kinship, languages
from lcgen.contract import Cell, Context, Draft, Estimate, Plant, Preset, Puzzle, Role, Row, Setting, Source, Task
from lcgen.errors import CheckFailed
from lcgen.generators._trace_params import AncestralTraceParams
from lcgen.kinship import ASKS, Ask, Family, wrap
from lcgen.records import RESERVED
from lcgen.relatives import SENTENCES, TERMS, Relatives, read, sayings
from lcgen.streams import Stream
from lcgen.wording import Wording

QUESTIONS = {"eldest": ("person",), "ancestor": ("person",), "descendant": ("person",), "distance": ("one", "other")}
"""What is asked, and the slots of the question that name people; the trace begins with the first."""


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
        if names.form.size < planted + RESERVED:
            raise ValueError(
                f"{planted} relations and those of the filler need more than the {names.form.size} names that there are"
            )
        ways = [[said for said in sayings(wording) if said.kind == kind] for kind in range(len(TERMS))]
        start = cell.depth if cell.depth is not None else (cell.turn(10) + rng.unit()) / 10
        plants: list[Plant] = []
        asks: list[Asked] = []
        for number in range(cell.questions + params.families):
            own = rng.child("family", number)
            family = kinship.grow(own, plan)
            people = names.texts(number * (plan.relations + 1) + np.arange(plan.relations + 1))
            if asked := number < cell.questions:
                place = wrap(start + number / cell.questions)
                asks.append(_asked(own, ask, family, people, place, number))
            marks = kinship.depths(own.child("depths"), plan, place if asked else own.unit())
            for at, (relation, depth) in enumerate(zip(family.relations, marks)):
                elder, younger = people[relation.elder], people[relation.younger]
                way = own.choice(ways[relation.kind])
                text = wording.say(way.sentence, elder=elder, younger=younger, term=way.term)
                # From the key the trace leads to the value.
                key, value = (elder, younger) if ask == "descendant" else (younger, elder)
                role: Role = "decoy" if not asked else "gold" if at < plan.chain else "distractor"
                plants.append(Plant(text, depth, role, number, key, value))
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
            slots = dict(zip(QUESTIONS[asked.ask], asked.people))
            if asked.ask in ("ancestor", "descendant"):
                slots["n"] = str(asked.generations)
            question = [wording.say(f"ask_{asked.ask}", **slots)]
            if params.path:
                question.append(wording.say("ask_way", person=asked.people[0]))
            found.append(
                Puzzle(
                    slots={"question": draft.sep.join(question), "place": "after"},
                    answers=_answers(asked.ask, asked.trace, asked.generations, params.path),
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
        above: dict[str, dict[str, int]] = {}
        below: dict[str, dict[str, int]] = {}
        for elder, younger, generations in read(context, wording):
            for links, one, other in ((above, younger, elder), (below, elder, younger)):
                if links.setdefault(one, {}).setdefault(other, generations) != generations:
                    raise CheckFailed(f"{elder} is both parent and grandparent of {younger}.")
        way = wording.pattern("ask_way").search(question) is not None
        for ask in ASKS:
            if not (found := wording.pattern(f"ask_{ask}").search(question)):
                continue
            start = found[QUESTIONS[ask][0]]
            up, down = _reached(start, above), _reached(start, below)
            ways = down if ask == "descendant" else {**up, **down} if ask == "distance" else up
            heights = {person: height for person, (height, _) in ways.items() if person != start}
            if ask == "distance":
                ends = [person for person in heights if person == found["other"]]
            else:
                goal = max(heights.values(), default=0) if ask == "eldest" else int(found["n"])
                ends = [person for person, height in heights.items() if height == goal]
            return [answer for end in ends for answer in _answers(ask, _trace(end, ways), heights[end], way)]
        raise CheckFailed("The question is none that this task asks.")

    def score(self, response: str, row: Row) -> Mapping[str, float]:
        meta, outputs, prompt = row["metadata"], row["outputs"], row["input"]
        # A question that is said again before the answer names no answer.
        said = grading.visible(response.replace(prompt, " ").replace(row["question"], " "), prompt)
        said = _final(said, meta["marker"])
        # A digit that touches a name makes another one of it, also in a script without spaces.
        names = "|".join(re.escape(output) for output in outputs if not output.isdecimal())
        said = re.sub(rf"(?:{names})\d+|\d+(?:{names})", " ", said) if names else said
        listed = {*grading.items(said)}
        people = {name for piece in row["evidence"] for name in (piece["key"], piece["value"])}
        strangers = {item for item in listed - people if _like(item, meta["people"][0]) and item in prompt}
        numbers = set(re.findall(r"\d+", said)) if meta["ask"] == "distance" else set()
        rivals = (people | strangers | numbers) - {*outputs}
        # Who is asked about may be named in a sentence; in a mere list of names it is an answer.
        free = [] if listed <= rivals | {*outputs} else meta["people"]
        found = grading.judge(said, outputs, sorted(rivals), prompt=prompt, ordered=meta["path"], allowed=free)
        if meta["path"]:

            def breaks(count: int) -> bool:
                return grading.judge(said, outputs[:count], ordered=True)["recall"] < 1

            right = bisect_left(range(1, len(outputs) + 1), True, key=breaks)
            found["prefix"] = right / len(outputs)
            found["answer"] = float(grading.judge(said, outputs[-1:])["recall"])
        return found

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
        """The means; over several chains also NeedleBench's figures: `enl_50`, the longest chain of which half are solved (0: none), and
        `weighted`, the mean in which a chain counts by its relations."""
        found = dict(estimates.means(rows, scores))
        chains = np.array([row["metadata"]["chain"] for row in rows], np.int64)
        lengths, of_row = np.unique(chains, return_inverse=True)
        held = ~np.isnan(scores["score"])
        if len(lengths) < 2 or not held.any():
            return found
        units = np.unique(estimates.units(rows)[held], return_inverse=True)[1]
        cells, size = units * len(lengths) + of_row[held], (int(units.max()) + 1) * len(lengths)
        right, asked = np.bincount(cells, scores["score"][held], size), np.bincount(cells, minlength=size)
        flat = np.concatenate([right.reshape(-1, len(lengths)), asked.reshape(-1, len(lengths))], 1)

        def shares(drawn: np.ndarray) -> np.ndarray:
            right, asked = drawn[..., : len(lengths)], drawn[..., len(lengths) :]
            found: np.ndarray = np.divide(right, asked, out=np.zeros(right.shape), where=asked > 0)
            return found

        found["enl_50"] = estimates.bootstrap(
            flat, lambda drawn: np.where(shares(drawn) >= 0.5, lengths, 0).max(-1).astype(float)
        )
        found["weighted"] = estimates.bootstrap(flat, lambda drawn: shares(drawn) @ lengths / lengths.sum())
        return found


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


def _answers(ask: str, trace: Sequence[str], generations: int, path: bool) -> list[str]:
    """What a full answer holds, for a trace with both its ends."""
    way = [*trace[1:-1]] if path else []
    return [*way, str(generations) if ask == "distance" else trace[-1]]


def _reached(start: str, links: Mapping[str, Mapping[str, int]]) -> dict[str, tuple[int, str]]:
    """Everyone who can be reached from a person: generations, and through whom. Raises CheckFailed where two ways lead to one."""
    found, ahead = {start: (0, "")}, [start]
    while ahead:
        person = ahead.pop()
        for other, generations in links.get(person, {}).items():
            if other in found:
                raise CheckFailed(f"Two ways lead from {start} to {other}.")
            found[other] = found[person][0] + generations, person
            ahead.append(other)
    return found


def _trace(end: str, ways: Mapping[str, tuple[int, str]]) -> list[str]:
    found = [end]
    while before := ways[found[-1]][1]:
        found.append(before)
    return found[::-1]


def _final(said: str, marker: str) -> str:
    """What stands in the last box or behind the last marker of the answer; all of it where there is neither."""
    words = "|".join(re.escape(word) for word in {"answer", "答案", marker.strip().rstrip(":：").lower()} if word)
    at, found = -1, said
    for line in re.finditer(rf"(?:{words})[\s*_]{{0,5}}[:：][*_]{{0,5}}[^\S\n]*([^\n]*)", said, re.I):
        at, found = line.start(), line[1].strip() or said[line.end() :].strip()
    box = said.rfind("\\boxed{")
    if box > at:
        depth, end = 1, box + len("\\boxed{")
        while end < len(said) and depth:
            depth += {"{": 1, "}": -1}.get(said[end], 0)
            end += 1
        found = "" if depth else said[box + len("\\boxed{") : end - 1]
    return re.sub(r"\\(?:boxed|text\w*|math\w+)\s*\{([^{}]*)\}", r"\1", found).replace("~", " ").replace("\\ ", " ")


def _like(item: str, name: str) -> bool:
    """Whether an item is formed as a name is: as many words, as many letters where they have no spaces, and none in small letters."""
    words = item.split()
    return len(words) == len(name.split()) and not item.islower() and (len(words) > 1 or len(item) == len(name))


def _roots(context: str, question: str, wording: Wording) -> Sequence[str]:
    """The first person of whom no parent is stated; where a descendant is asked for, no child."""
    pairs = [(elder, younger) for elder, younger, _ in read(context, wording)]
    if wording.pattern("ask_descendant").search(question):
        pairs = [(younger, elder) for elder, younger in pairs]
    known = {younger for _, younger in pairs}
    ends = {elder for elder, _ in pairs if elder not in known}
    return [min(ends, key=context.index)] if ends and not wording.pattern("ask_distance").search(question) else []


def _total(context: str, question: str, wording: Wording) -> Sequence[str]:
    """The generations of all relations, added up."""
    asked = wording.pattern("ask_distance").search(question)
    return [str(sum(generations for _, _, generations in read(context, wording)))] if asked else []


def _one_step(context: str, question: str, wording: Wording) -> Sequence[str]:
    """Whoever stands next to the person asked about, in the direction asked for."""
    for ask in ("eldest", "ancestor", "descendant"):
        if found := wording.pattern(f"ask_{ask}").search(question):
            down = ask == "descendant"
            for elder, younger, _ in read(context, wording):
                if found["person"] == (elder if down else younger):
                    return [younger if down else elder]
    return []


AncestralTrace.baselines = {"no_parent": _roots, "sum": _total, "one_step": _one_step}

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
