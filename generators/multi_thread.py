"""Needle threading: pairs of keys and values in which the value of one pair is the key of another, and questions that follow them.

Follows Needle Threading (Roberts et al. 2024, sections 3 and 4) in its tasks, and the variable tracking of RULER (Hsieh et al. 2024,
section 3.2) as threads of assignments in prose; the wording is our own. With the haystack `records` the context is JSON of pairs that
all look alike; with any text the pairs of the puzzle are sentences in it.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from operator import itemgetter

from lcgen import contrasts, grading
from lcgen.contract import Cell, Context, Draft, Drawn, Lane, Plant, Puzzle, Role, Row, Source, Task
from lcgen.generators import _thread_reading as reading
from lcgen.generators._thread_pairs import pair, texts_of
from lcgen.generators._thread_params import SIGNS, THREADS, MultiThreadParams
from lcgen.generators._thread_presets import PRESETS
from lcgen.streams import Stream
from lcgen.threads import Line, lay
from lcgen.wording import Wording

SHAPES, SENTENCES = {"{": "object", "[": "rows"}, {"pairs": "link", "assignments": "assignment"}


@dataclass(frozen=True)
class Ask:
    """One question of a draft."""

    keys: Sequence[str]
    threads: Sequence[Sequence[str]]
    """Of each key all values on its thread."""
    sign: str
    depth: float
    parts: Sequence[int]


class MultiThread(Task[MultiThreadParams]):
    """Following values that are keys."""

    name = "multi_thread"
    about = "Follows threads of pairs in which each value is the next key, one thread or several at once."
    papers = ("arXiv:2411.05000", "arXiv:2404.06654")
    tags = ("needle-threading", "multi-hop", "retrieval")
    Params = MultiThreadParams
    shares = True
    revision = 2
    metric = "exclusive"
    grid = "random"
    presets = PRESETS
    baselines = reading.BASELINES
    haystack = "records"
    blocks = {
        "link": ("key~code", "value"), "assignment": ("key", "value"), "ask_values": ("keys*",), "ask_condition": ("sign~sign",),
        "ask_ends": ("keys*", "walk?", "forks?"), "ask_variables": ("keys*",), "every": (), "longest": (),
    }  # fmt: skip

    def count(self, params: MultiThreadParams) -> int | None:
        return params.pairs or None

    def less(self, params: MultiThreadParams) -> Mapping[str, Sequence[int]]:
        return {
            "threads": range(1, params.n if params.variant in THREADS else 1),
            "thread_length": range(2, params.steps),
            "branching": range(2, params.forks + 1),
            "decoys": range(params.decoys),
        }

    def draw(self, rng: Stream, params: MultiThreadParams, cell: Cell, source: Source, wording: Wording) -> Sequence[Draft]:
        _refuse(params, cell, source)
        asked, whole = params.n * cell.questions, params.n * cell.questions + params.decoys
        # Beside a branched thread the way parts before each pair but the last, into branches that all end before the thread does.
        parted = [(thread, step) for thread in range(whole) for step in range(params.steps - 1) for _ in range(params.forks)]
        lengths = [params.steps] * whole + [1 + rng.below(params.steps - 1 - step) for _, step in parted]
        line = Line(params.direction, params.placement, params.anchor == "last", params.pairs or None, cell.depth)
        laid = lay(rng.child("places"), lengths, line, cell.stratum(rng))
        nodes, records = texts_of(rng, params, cell, source, laid.places, parted)
        bare = source.kind == "records"
        found: list[tuple[int, Plant]] = []
        for number, texts in enumerate(nodes):
            for step, (key, value) in enumerate(zip(texts, texts[1:])):
                gold = params.walk or step == params.steps - 1
                role: Role = "decoy" if number >= asked else "gold" if gold else "step"
                part = number if number < whole else parted[number - whole][0]
                text = pair(params, key, value) if bare else wording.say(SENTENCES[params.links], key=key, value=value)
                found.append((laid.places[number][step], Plant(text, laid.depths[number][step], role, part, key, value)))
        asks = []
        for number in range(cell.questions):
            parts = range(number * params.n, (number + 1) * params.n)
            depth = laid.depths[parts[0]][-1 if params.anchor == "last" else 0] if number else laid.depth
            starts, threads = [nodes[part][0] for part in parts], [nodes[part][1:] for part in parts]
            asks.append(Ask(starts, threads, params.sign(number), depth, parts))
        held = {text for texts in nodes for text in texts}
        if params.variant == "conditional":
            held |= {params.sign(number) for number in range(cell.questions + 1)}
        return [
            Draft(
                plants=tuple(plant for _, plant in sorted(found, key=itemgetter(0))),
                filler=source.filler(rng.child("filler"), records),
                sep=", " if bare else wording.sep,
                lanes=(Lane(*("[]" if params.variant == "branched" else "{}")) if bare else Lane(),),
                count=params.pairs or None,
                least=laid.least - len(found),
                # No key or value of a pool is part of another, so pairs need no search.
                avoid=frozenset() if bare else frozenset(held),
                state=asks,
            )
        ]

    def pose(self, rng: Stream, params: MultiThreadParams, draft: Draft, context: Context, wording: Wording) -> Sequence[Puzzle]:
        conditional, assigned = params.variant == "conditional", params.links == "assignments"
        cues = {(plant.key, plant.value): plant.cue for plant in draft.plants}
        return [
            Puzzle(
                slots={
                    "question": _question(params, ask, wording),
                    "place": "after",
                    "shape": SHAPES.get(draft.lanes[0].head, params.links),
                },
                answers=[value for thread in ask.threads for value in (thread if params.walk else thread[-1:])],
                depth=ask.depth,
                parts=ask.parts,
                # Where a thread is followed, the words before its end would name the last key.
                prefix="" if conditional or params.steps > 1 else cues[ask.keys[0], ask.threads[0][0]],
                metadata={
                    "variant": params.variant,
                    "keys": list(ask.keys),
                    "threads": [list(thread) for thread in ask.threads],
                    "walk": params.walk,
                    "ordered": not (conditional or assigned),
                    "condition": ask.sign if conditional else None,
                    "decoys": params.decoys,
                    "planted": len(draft.plants),
                },
            )
            for ask in draft.state
        ]

    def solve(self, context: str, question: str, wording: Wording) -> Sequence[str]:
        return reading.answers(context, question, wording)

    def score(self, response: str, row: Row) -> Mapping[str, float]:
        meta, outputs, prompt = row["metadata"], row["outputs"], row["input"]
        owned = [thread if meta["walk"] else thread[-1:] for thread in meta["threads"]]
        # A question that is said again before the answer names no answer.
        said = grading.visible(response, prompt, row["question"])
        # A base model goes on from the first key.
        said = f"{meta['keys'][0]}: {said}" if said and row["gen_prefix"] and meta["keys"][0] not in said else said
        # Who writes down a whole thread, from its key to its end, names the steps as the way, and the end alone as the answer.
        ways = () if meta["walk"] else zip(meta["keys"], meta["threads"])
        steps = [step for key, thread in ways if reading.walked(said, key, thread) for step in thread[:-1]]
        said = grading.by_key(said, meta["keys"], owned)
        rivals = {piece["value"] for piece in row["evidence"] if piece["role"] != "gold"} - {*outputs}
        found = grading.judge(
            said, outputs, sorted(rivals), prompt=prompt, ordered=meta["ordered"], allowed=[*meta["keys"], *steps]
        )

        def lacks(wanted: Sequence[str]) -> bool:
            return not found["recall"] or grading.judge(said, wanted, ordered=meta["ordered"])["recall"] < 1

        found["threads"] = sum(not lacks(own) for own in owned) / len(owned)
        if meta["walk"]:
            # Of the values asked for, those up to the first one that is missing or out of order.
            right = [bisect_left(range(1, len(own) + 1), True, key=lambda number: lacks(own[:number])) for own in owned]
            found["prefix"] = sum(right) / len(outputs)
        return found

    def oracle(self, row: Row) -> str:
        return ", ".join(row["outputs"])

    def drawn(self, row: Row) -> Drawn:
        found = super().drawn(row)
        # Keys that hold a sign are asked for by the sign alone.
        return replace(found, questions=()) if row["metadata"]["condition"] else found

    def contrast(self, row: Row) -> contrasts.Contrast | None:
        """Each step is told after its own key; where keys must be found first, or lead two ways, to look up is not enough."""
        meta = row["metadata"]
        found = contrasts.by_spans(row, keyed=not meta["condition"])
        if found is None:
            return contrasts.Contrast(why=contrasts.UNSTATED, fault=contrasts.unlike(row["answer"]))
        keys = {piece["value"]: piece["key"] for piece in row["evidence"] if piece["role"] != "decoy"}
        looked_up = meta["ordered"] and meta["variant"] != "branched"
        bare = {"cue": "", "lead": " "} if meta["condition"] else {}
        return replace(found, choices=[
            replace(choice, key=keys.get(choice.gold, choice.key), literal=looked_up and choice.literal, **bare)
            for choice in found.choices
        ])  # fmt: skip


def _refuse(params: MultiThreadParams, cell: Cell, source: Source) -> None:
    """Raises ValueError for what this haystack or so many questions do not go with."""
    params.fits(cell.questions)
    if source.shared.split and params.alphabet == "published":
        raise ValueError("alphabet=published draws the published keys, of which no split has a share: leave out --disjoint-pools")
    if source.kind == "records" and params.links == "assignments":
        raise ValueError("links=assignments words sentences, for which it needs a text: take --haystack noise or prose")
    if source.kind != "records" and params.pairs:
        raise ValueError("pairs counts those of a JSON context: leave it out with a text as haystack, or take --haystack records")
    if params.variant == "conditional" and cell.questions >= len(SIGNS):
        raise ValueError(
            f"each question of variant=conditional has a character of its own: at most {len(SIGNS) - 1} questions per context"
        )


def _question(params: MultiThreadParams, ask: Ask, wording: Wording) -> str:
    if params.variant == "conditional":
        return wording.say("ask_condition", sign=ask.sign)
    if params.links == "assignments":
        return wording.say("ask_variables", keys=ask.keys)
    if params.steps == 1:
        return wording.say("ask_values", keys=ask.keys)
    return wording.say("ask_ends", keys=ask.keys, walk=params.walk, forks=params.variant == "branched")


TASK = MultiThread()
