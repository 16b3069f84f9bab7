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
from lcgen.contract import Cell, Context, Draft, Drawn, Plant, Preset, Puzzle, Row, Setting, Source, Task, wrapped
from lcgen.records import RESERVED, Records
from lcgen.retrieval import Spread, chain, judged, pools, scattered, shortcuts
from lcgen.streams import Stream
from lcgen.wording import Wording


@dataclass(frozen=True)
class NeedleParams:
    """What can be set of a needle puzzle."""

    keys: int = 1
    """Keys with a needle in the text (k); raised to what is asked."""
    values: int = 1
    """Needles for each key, each with a value of its own (v)."""
    queries: int = 1
    """Keys asked for in one question (q)."""
    key_kind: Literal["words", "digits", "uuids", "none"] = "words"
    """Form of keys; `none` is the passkey test: one needle without a key."""
    value_kind: Literal["digits", "words", "uuids"] = "digits"
    """Form of values."""
    digits: int = 7
    """Width of numbers, the same for all."""
    leading_zeros: bool = False
    """Whether numbers may begin with zero (they are strings)."""
    spread: Spread = "even"
    """Where the needles beside the first one stand: evenly from it on, within 5 % of the text around it, or anywhere."""
    similar_keys: int = 0
    """Hard negatives whose key shares a word (or all but one digit) with a key asked for, or with another one of them."""
    similar_values: int = 0
    """Hard negatives whose value differs in one piece from a right one, or from another one of them."""
    other_subjects: int = 0
    """Hard negatives that say the same of something beside a key asked for."""
    question: Literal["after", "before", "both"] = "after"
    """Where the question stands, seen from the text."""
    copies: int = 1
    """How often the whole text stands in the prompt (Just Read Twice: 2)."""
    length_basis: Literal["final", "once"] = "final"
    """Whether the length asked for holds all copies, or the prompt with one; then the rest comes on top and is measured."""
    absent: float = 0.0
    """Share of rows whose keys the text does not hold; right is the no-answer word. A multiple of 0.05."""
    twins: bool = False
    """Four rows for each sample: the fact present, absent, moved by half the text, contradicted by a later correction."""

    def __post_init__(self) -> None:
        for name in ("keys", "values", "queries", "digits", "copies"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} must be at least 1")
        for name in ("similar_keys", "similar_values", "other_subjects"):
            if getattr(self, name) < 0:
                raise ValueError(f"{name} must be at least 0")
        if self.digits > 18:
            raise ValueError("digits must be at most 18")
        if not 0 <= self.absent <= 1 or round(self.absent * 20) != round(self.absent * 20, 6):
            raise ValueError("absent must be a multiple of 0.05 from 0 to 1")
        alone = (self.keys, self.values, self.queries, self.similar_keys, self.other_subjects) == (1, 1, 1, 0, 0)
        if self.key_kind == "none" and not alone:
            raise ValueError("key_kind=none has one needle: keys, values and queries are 1, and no negative can share its key")
        if (self.twins or self.absent) and self.key_kind == "none":
            raise ValueError("twins and absent need keys: key_kind=none has none")
        if self.twins and (self.values, self.queries, self.absent) != (1, 1, 0):
            raise ValueError("twins ask for one value of one key: values and queries are 1, absent is 0")

    @property
    def doubtful(self) -> bool:
        """Whether the question must say what to do where the text holds no answer, or two."""
        return self.twins or self.absent > 0


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
    blocks = {
        "needle": ("key", "value"), "correction": ("key", "value"), "neighbour": ("key", "value"), "passkey": ("value",),
        "ask": ("keys*", "doubtful?"), "no_answer": (), "refusals": (),
    }  # fmt: skip

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

RULER = {
    "single_1": Setting({}, "noise"),
    "single_2": Setting({}, "prose"),
    "single_3": Setting({"value_kind": "uuids"}, "prose"),
    "multikey_1": Setting({"keys": 4, "spread": "random"}, "prose"),
    "multikey_2": Setting({}, "records"),
    "multikey_3": Setting({"key_kind": "uuids", "value_kind": "uuids"}, "records"),
    "multivalue": Setting({"values": 4, "spread": "random"}, "prose"),
    "multiquery": Setting({"keys": 4, "queries": 4, "spread": "random"}, "prose"),
}
OWN = "Our own wording and prose instead of the essays, so scores are not comparable digit for digit; --template takes a published wording."

Needle.presets = {
    "ruler": Preset(
        "the eight needle settings of RULER, from one plain fact to all distractors",
        "arXiv:2404.06654", RULER, "4k..128k", 500, "random", 128,
        f"{OWN} Keys and values are distinct, depths are stratified, lengths exact.",
    ),
    "needlebench": Preset(
        "NeedleBench's single and multi retrieval over length and depth",
        "arXiv:2407.11963",
        {"single": Setting({}, "prose"), "multi": Setting({"keys": 11, "queries": 11}, "prose", "0", 25)},
        "1000,2000,4000,8000,16000,32000,64000,128000", 10, "0..1:0.1", None,
        f"{OWN} No fixed buffer is taken off the length, so the short cells do hold text.",
    ),
    "passkey": Preset(
        "the passkey test of Landmark Attention: one number in a repeated passage",
        "arXiv:2305.16300", {"": Setting({"key_kind": "none", "digits": 5}, "noise")},
        "256,512,1k,2k,3k,4k,5k,6k,8k,10k", 50, "random", 10,
        f"{OWN} Lengths are tokens instead of characters; numbers all have five digits.",
    ),
    "stuffed_mamba": Preset(
        "the passkey test for recurrent models, every 1k up to 128k",
        "arXiv:2410.07145", {"": Setting({"key_kind": "none", "digits": 5, "leading_zeros": True}, "noise")},
        "1k..128k:1k", 200, "random", 10,
        f"{OWN} 10 answer tokens instead of 5, since digit-wise vocabularies need more; nothing overshoots.",
    ),
    "single_fact": Preset(
        "the classic test: one fact, a fine grid of length and depth",
        "github.com/gkamradt/LLMTest_NeedleInAHaystack", {"": Setting({"value_kind": "words"}, "prose")},
        ",".join(str(round(1000 + 15000 * n / 34)) for n in range(35)), 1, ",".join(f"{n / 34:.6f}" for n in range(35)), 300,
        f"{OWN} Scored by rule instead of by a judge, and every row has its own fact.",
    ),
}  # fmt: skip

TASK = Needle()
