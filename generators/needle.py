"""Needle in a haystack: sentences that state a value for a key, hidden at known depths, and a question for some of them.

Follows G. Kamradt's test, RULER (Hsieh et al. 2024, section 3), NeedleBench (Li et al. 2024), the passkey test of
Landmark Attention (Mohtashami and Jaggi 2023) and Just Read Twice (Arora et al. 2024) in what can be set; the wording
is our own. Left out: variable tracking and word counting, which are other puzzles.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from lcgen import contrasts, forms, grading
from lcgen.contract import Cell, Context, Draft, Drawn, Plant, Puzzle, Row, Source, Task, wrapped
from lcgen.generators._needle_params import NeedleParams
from lcgen.generators._needle_presets import PRESETS
from lcgen.records import RESERVED, Records
from lcgen.retrieval import chain, judged, pools, scattered, shortcuts
from lcgen.streams import Stream
from lcgen.wording import Wording


@dataclass(frozen=True)
class Ask:
    """One question of a draft."""

    keys: Sequence[str]
    answers: Sequence[str]
    depth: float | None
    parts: Sequence[int]


def records(keys: forms.Pool, values: forms.Pool, wording: Wording) -> Records:
    """Needles for keys that nobody asks for, as many as there are words for."""
    slots = {"key": keys, "value": values}
    return Records(*(slots.get(slot) or text for text, slot in wording.parts("needle")), sep=wording.sep, start=RESERVED)


class Needle(Task[NeedleParams]):
    """Retrieval of values by key."""

    name = "needle"
    about = "Finds stated values by their key in a long text."
    papers = ("arXiv:2404.06654", "arXiv:2407.11963", "arXiv:2305.16300", "arXiv:2407.05483")
    tags = ("needle-in-a-haystack", "retrieval")
    Params = NeedleParams
    shares = True
    revision = 1
    metric = "exclusive"
    presets = PRESETS
    blocks = {
        "needle": ("key", "value"), "correction": ("key", "value"), "neighbour": ("key", "value"), "passkey": ("value",),
        "ask": ("keys*", "doubtful?"), "no_answer": (), "refusals": (),
    }  # fmt: skip

    def less(self, params: NeedleParams) -> Mapping[str, Sequence[int]]:
        first = {"keys": 1, "values": 1, "queries": 1, "similar_keys": 0, "similar_values": 0, "other_subjects": 0}
        return {name: range(least, getattr(params, name)) for name, least in first.items()}

    def draw(self, rng: Stream, params: NeedleParams, cell: Cell, source: Source, wording: Wording) -> Sequence[Draft]:
        if cell.questions > 1 and (params.question != "after" or params.twins or params.key_kind == "none"):
            raise ValueError("several questions per context need keys, no twins, and the question after the text")
        asked = params.queries * cell.questions
        count = max(params.keys, asked)
        negatives = params.similar_keys + params.similar_values + params.other_subjects
        keys, values = pools(
            rng,
            source,
            ("words" if params.key_kind == "none" else params.key_kind, params.value_kind),
            (params.digits, params.leading_zeros),
            count * params.values + negatives,
            RESERVED,
        )
        start = cell.start(rng)
        names = [""] if params.key_kind == "none" else keys.texts(np.arange(count))
        every = values.texts(np.arange(count * params.values))
        gold = [every[at : at + params.values] for at in range(0, len(every), params.values)]
        # The first value of each question's first key has a depth of its own; the other needles are spread beside them.
        leads = {m * params.queries: wrapped(start + m / cell.questions) for m in range(cell.questions)}
        beside = iter(scattered(rng, params.spread, start, len(every) - len(leads)))
        depths = [
            [leads[part] if value == 0 and part in leads else next(beside) for value in range(params.values)]
            for part in range(count)
        ]
        taken = forms.Fresh(keys, values, count, len(every), names, every)
        # Where the fact is absent, its sentence stands all the same, for a key that nobody asks for.
        nobody = [taken.key() for _ in range(asked)] if params.doubtful else []

        def needles(missing: bool = False, first: float | None = None) -> list[Plant]:
            """All needles; with those asked for missing, or the first at another depth."""
            made = []
            for part, (name, held, places) in enumerate(zip(names, gold, depths)):
                lost = missing and part < asked
                name = nobody[part] if lost else name
                for value, depth in zip(held, places):
                    text = wording.say("needle", key=name, value=value) if name else wording.say("passkey", value=value)
                    place = first if first is not None and part == 0 else depth
                    made.append(Plant(text, place, "distractor" if lost else "gold", part, name, value))
            return made

        absent = params.absent > 0 and cell.turn(20) < round(params.absent * 20)
        asks = []
        for number in range(cell.questions):
            parts = range(number * params.queries, (number + 1) * params.queries)
            found = [wording.say("no_answer")] if absent else [value for part in parts for value in gold[part]]
            asks.append(Ask([names[part] for part in parts], found, None if absent else depths[parts[0]][0], parts))
        distractors = self._negatives(rng, params, names[:asked], gold[:asked], taken, wording)
        filler = source.filler(rng.child("filler"), lambda: records(keys, values, wording))
        roles: dict[str, tuple[list[Plant], list[Ask]]] = {"": (needles(absent), asks)}
        if params.twins:
            moved, later, fixed = (start + 0.5) % 1, start + (1 - start) * (0.25 + 0.75 * rng.unit()), taken.value()

            def correction(key: str, value: str, depth: float, role: Literal["gold", "distractor"]) -> Plant:
                return Plant(wording.say("correction", key=key, value=value), depth, role, 0, key, value)

            # A correction of something else stands in all four, so that the word itself says nothing.
            distractors.append(correction(taken.key(), taken.value(), rng.unit(), "distractor"))
            ask, (first, *others) = asks[0], needles()
            void = replace(first, role="distractor")
            roles = {
                "present": ([first, *others], [ask]),
                "absent": (needles(missing=True), [Ask(ask.keys, [wording.say("no_answer")], None, [])]),
                "moved": (needles(first=moved), [Ask(ask.keys, ask.answers, moved, [0])]),
                "contradicted": (
                    [void, *others, correction(names[0], fixed, later, "gold")],
                    [Ask(ask.keys, [fixed], later, [0])],
                ),
            }
        # Twins skip the same filler, so that they differ in the fact alone.
        planted = [*distractors, *(plant for made, _ in roles.values() for plant in made)]
        avoid = {word for plant in planted for word in (plant.key, plant.value)} | set(names)
        if params.key_kind == "none":
            avoid.add(wording.cue("passkey"))
        return [
            Draft(
                plants=(*made, *distractors),
                filler=filler,
                sep=wording.sep,
                copies=params.copies if params.length_basis == "final" else 1,
                avoid=frozenset(avoid - {""}),
                role=role,
                state=posed,
            )
            for role, (made, posed) in roles.items()
        ]

    def _negatives(
        self,
        rng: Stream,
        params: NeedleParams,
        names: Sequence[str],
        gold: Sequence[Sequence[str]],
        taken: forms.Fresh,
        wording: Wording,
    ) -> list[Plant]:
        """Sentences that look like the right ones; each at a random depth."""
        made: list[Plant] = []
        if not params.similar_keys + params.similar_values + params.other_subjects:
            return made
        rng = rng.child("negatives")

        def add(block: str, key: str, value: str) -> None:
            made.append(Plant(wording.say(block, key=key, value=value), rng.unit(), "distractor", 0, key, value))

        for name, count in Counter(rng.choice(names) for _ in range(params.similar_keys)).items():
            for near in chain(rng, [[name]], count, taken.near_key):
                add("needle", near, taken.value())
        for near in chain(rng, gold, params.similar_values, taken.near_value):
            add("needle", taken.key(), near)
        for _ in range(params.other_subjects):
            add("neighbour", rng.choice(names), taken.value())
        return made

    def pose(self, rng: Stream, params: NeedleParams, draft: Draft, context: Context, wording: Wording) -> Sequence[Puzzle]:
        cue = wording.cue("passkey") if params.key_kind == "none" else ""
        return [
            Puzzle(
                slots={
                    "question": wording.say("ask", keys=[key for key in ask.keys if key], doubtful=params.doubtful),
                    "place": params.question,
                },
                answers=ask.answers,
                depth=ask.depth,
                parts=ask.parts,
                lanes=(0,) * params.copies if params.length_basis == "once" else None,
                # Where there may be no answer, or a later one, words before it would say that there is, and which.
                prefix="" if params.doubtful else cue or wording.cue("needle", key=ask.keys[0]),
                metadata={
                    "keys": [key for key in ask.keys if key],
                    "needles": len(draft.plants),
                    "no_answer": wording.say("no_answer") if params.doubtful else None,
                    "refusals": wording.choices("refusals") if params.doubtful else [],
                },
            )
            for ask in draft.state
        ]

    def solve(self, context: str, question: str, wording: Wording) -> Sequence[str]:
        said = [(m.start(), m["key"], m["value"], False) for m in wording.pattern("needle").finditer(context)]
        said += [(m.start(), m["key"], m["value"], True) for m in wording.pattern("correction").finditer(context)]
        asked = {key for _, key, _, _ in said if key in question and grading.mentions(question, key)}
        held: dict[str, list[str]] = {}
        for _, key, value, correction in sorted(said):
            if key in asked:
                held[key] = [value] if correction else [*held.get(key, []), value]
        answers = [value for values in held.values() for value in values]
        if not answers and (said_none := wording.pattern("no_answer").search(question)):
            return [said_none.group()]
        if not answers:
            answers = [m["value"] for m in wording.pattern("passkey").finditer(context)]
        return list(dict.fromkeys(answers))

    def score(self, response: str, row: Row) -> Mapping[str, float]:
        asked = row["metadata"]["keys"]
        corrected = row["group_role"] == "contradicted"
        void = [piece["value"] for piece in row["evidence"] if piece["key"] in asked and piece["role"] != "gold" and corrected]
        return judged(response, row, void)

    def oracle(self, row: Row) -> str:
        return ", ".join(row["outputs"])

    def contrast(self, row: Row) -> contrasts.Contrast | None:
        found = contrasts.by_spans(row)
        if found is None or row["group_role"] != "contradicted":
            return found
        # Without the correction that holds, what it voids is right.
        void = [
            piece["value"] for piece in row["evidence"] if piece["key"] in row["metadata"]["keys"] and piece["role"] != "gold"
        ]
        return replace(found, choices=[replace(choice, changed=void[0]) for choice in found.choices])

    def drawn(self, row: Row) -> Drawn:
        found = super().drawn(row)
        # Where needles have no keys the question is the same in all rows.
        return found if row["metadata"]["keys"] else replace(found, questions=())

    def longest(self, row: Row) -> str:
        keys, outputs = row["metadata"]["keys"], row["outputs"]
        if len(outputs) < 2:
            return self.oracle(row)
        # Asked for several values, models name the key of each, in a list.
        return "\n".join(f"- **{keys[number * len(keys) // len(outputs)]}**: {value}" for number, value in enumerate(outputs))


Needle.baselines = shortcuts("needle", "passkey")

TASK = Needle()
