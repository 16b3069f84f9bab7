"""Needle in a haystack: sentences that state a value for a key, hidden at known depths, and a question for some of them.

Follows G. Kamradt's test, RULER (Hsieh et al. 2024, section 3), NeedleBench (Li et al. 2024), the passkey test of
Landmark Attention (Mohtashami and Jaggi 2023) and Just Read Twice (Arora et al. 2024) in what can be set; the wording
is our own. Left out: variable tracking and word counting, which are other puzzles.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from lcgen import forms, grading
from lcgen.contract import Cell, Context, Draft, Plant, Preset, Puzzle, Row, Setting, Source, Task
from lcgen.records import Records
from lcgen.streams import Stream
from lcgen.wording import WORD, Wording

CLUSTER = 0.05
"""Share of the text over which clustered needles stand."""
RESERVED = 8192
"""Pool ids kept for plants; the task's own records start behind them."""


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
    spread: Literal["even", "clustered", "random"] = "even"
    """Where the needles beside the first one stand: evenly from it on, within 5 % of the text around it, or anywhere."""
    similar_keys: int = 0
    """Hard negatives whose key shares a word (or all but one digit) with a key asked for."""
    similar_values: int = 0
    """Hard negatives whose value differs from a right one in one piece."""
    other_subjects: int = 0
    """Hard negatives that say the same of something beside a key asked for."""
    question: Literal["after", "before", "both"] = "after"
    """Where the question stands, seen from the text."""
    copies: int = 1
    """How often the whole text stands in the prompt (Just Read Twice: 2)."""
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
        if self.key_kind == "none" and (self.keys, self.values, self.queries, self.similar_keys, self.other_subjects) != (
            1,
            1,
            1,
            0,
            0,
        ):
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


def records(keys: forms.Pool, values: forms.Pool, wording: Wording, sep: str) -> Records:
    """Needles for keys that nobody asks for, as many as there are words for."""
    slots = {"key": keys, "value": values}
    return Records(*(slots.get(slot) or text for text, slot in wording.parts("needle")), sep=sep, start=RESERVED)


class Needle(Task[NeedleParams]):
    """Retrieval of values by key."""

    name = "needle"
    about = "Finds stated values by their key in a long text."
    papers = ("arXiv:2404.06654", "arXiv:2407.11963", "arXiv:2305.16300", "arXiv:2407.05483")
    tags = ("needle-in-a-haystack", "retrieval")
    Params = NeedleParams
    revision = 1
    metric = "exclusive"
    blocks = {
        "needle": ("key", "value"), "correction": ("key", "value"), "neighbour": ("key", "value"), "passkey": ("value",),
        "ask": ("keys*", "doubtful?"), "no_answer": (), "refusals": (),
    }  # fmt: skip

    def draw(self, rng: Stream, params: NeedleParams, cell: Cell, source: Source, wording: Wording) -> Sequence[Draft]:
        key_kind = "words" if params.key_kind == "none" else params.key_kind
        key_form, value_form = (
            forms.form(kind, source.lang, params.digits, params.leading_zeros) for kind in (key_kind, params.value_kind)
        )
        keys = forms.Pool(key_form, rng.child("pool", key_kind))
        # Where keys and values have one form they share one pool, so that no key is a value.
        values = forms.Pool(
            value_form, rng.child("pool", params.value_kind), value_form.size // 2 if value_form is key_form else 0
        )
        asked = params.queries * cell.questions
        count = max(params.keys, asked)
        if cell.questions > 1 and (params.question != "after" or params.twins or params.key_kind == "none"):
            raise ValueError("several questions per context need keys, no twins, and the question after the text")
        needles = count * params.values + params.similar_keys + params.similar_values + params.other_subjects
        for form in (key_form, value_form):
            if form.size < 4 * (needles + RESERVED if source.kind == "records" else needles):
                raise ValueError(f"only {form.size} keys or values of this kind exist, too few for {needles} needles")
        start = cell.depth if cell.depth is not None else (cell.turn(10) + rng.unit()) / 10
        names = [""] if params.key_kind == "none" else keys.texts(np.arange(count))
        every = values.texts(np.arange(count * params.values))
        gold = [every[at : at + params.values] for at in range(0, len(every), params.values)]
        depths = self._depths(rng, params, cell, start, count)
        absent = params.absent > 0 and cell.turn(20) < round(params.absent * 20)
        taken = forms.Fresh(keys, values, count, count * params.values, names, every)
        asks = []
        for number in range(cell.questions):
            parts = range(number * params.queries, (number + 1) * params.queries)
            found = [wording.say("no_answer")] if absent else [value for part in parts for value in gold[part]]
            asks.append(Ask([names[part] for part in parts], found, None if absent else depths[parts[0]][0], parts))

        # Where the fact is absent, its sentence stands all the same, for a key that nobody asks for.
        others = [taken.key() for _ in range(asked)] if params.doubtful else []

        def plants(missing: bool, first: float | None = None) -> list[Plant]:
            made = []
            for part in range(count):
                lost = missing and part < asked
                name = others[part] if lost else names[part]
                for value, depth in zip(gold[part], depths[part]):
                    place = first if first is not None and part == 0 else depth
                    text = wording.say("needle", key=name, value=value) if name else wording.say("passkey", value=value)
                    made.append(Plant(text, place, "distractor" if lost else "gold", part, name, value))
            return made

        negatives = self._negatives(rng, params, names[:asked], gold[:asked], taken, wording)
        sep = "" if source.lang == "zh" else " "
        filler = source.filler(rng.child("filler"), lambda: records(keys, values, wording, sep))
        roles: dict[str, tuple[list[Plant], Ask]] = {"": (plants(absent), asks[0])}
        if params.twins:
            moved = (start + 0.5) % 1
            fixed = taken.value()
            later = start + (1 - start) * (0.25 + 0.75 * rng.unit())
            void = Plant(wording.say("correction", key=names[0], value=fixed), later, "gold", 0, names[0], fixed)
            present = plants(False)
            # A correction of something else stands in all four, so that the word itself says nothing.
            aside, other = taken.key(), taken.value()
            text = wording.say("correction", key=aside, value=other)
            negatives = [*negatives, Plant(text, rng.unit(), "distractor", 0, aside, other)]
            roles = {
                "present": (present, asks[0]),
                "absent": (plants(True), Ask(asks[0].keys, [wording.say("no_answer")], None, [])),
                "moved": (plants(False, moved), Ask(asks[0].keys, asks[0].answers, moved, [0])),
                "contradicted": ([_distracting(present[0]), *present[1:], void], Ask(asks[0].keys, [fixed], later, [0])),
            }
        # Twins skip the same filler, so that they differ in the fact alone.
        every_plant = [*negatives, *(plant for made, _ in roles.values() for plant in made)]
        avoid = frozenset(word for plant in every_plant for word in (plant.key, plant.value) if word) | set(names) - {""}
        if params.key_kind == "none":
            avoid |= {wording.cue("passkey")}
        return [
            Draft(
                plants=(*made, *negatives),
                filler=filler,
                sep=sep,
                copies=params.copies,
                avoid=avoid,
                role=role,
                state=[ask] if params.twins else asks,
            )
            for role, (made, ask) in roles.items()
        ]

    def _depths(self, rng: Stream, params: NeedleParams, cell: Cell, start: float, count: int) -> list[list[float]]:
        """A depth for each value of each key; the first value of question m's first key stands at start + m / questions."""
        whole = count * params.values
        leads = {m * params.queries: _wrap(start + m / cell.questions) for m in range(cell.questions)}
        others = whole - len(leads)
        order = rng.child("order").shuffle(range(others)) if others else []
        free = iter(order)
        places = rng.child("places")
        # The first needle stands anywhere in its cluster.
        window = min(max(0.0, start - CLUSTER * places.unit()), 1 - CLUSTER)
        found = []
        for part in range(count):
            row = []
            for value in range(params.values):
                if value == 0 and part in leads:
                    row.append(leads[part])
                elif params.spread == "even":
                    row.append(_wrap(start + (1 + next(free)) / (1 + len(order))))
                elif params.spread == "clustered":
                    row.append(window + CLUSTER * (1 + next(free)) / (1 + len(order)))
                else:
                    row.append(places.unit())
            found.append(row)
        return found

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
        for _ in range(params.similar_keys):
            key, value = taken.near_key(rng.choice(names), rng), taken.value()
            made.append(Plant(wording.say("needle", key=key, value=value), rng.unit(), "distractor", 0, key, value))
        # Look-alikes make a chain in which the right value has any place: it is not the one that all others resemble.
        before = rng.below(params.similar_values + 1)
        right = near = rng.choice(rng.choice(gold))
        for number in range(params.similar_values):
            near = taken.near_value(right if number == before else near, rng)
            key = taken.key()
            made.append(Plant(wording.say("needle", key=key, value=near), rng.unit(), "distractor", 0, key, near))
        for _ in range(params.other_subjects):
            key, value = rng.choice(names), taken.value()
            made.append(Plant(wording.say("neighbour", key=key, value=value), rng.unit(), "distractor", 0, key, value))
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
        metadata, outputs = row["metadata"], row["outputs"]
        rivals = [piece["value"] for piece in row["evidence"] if piece["role"] != "gold"]
        if row["haystack"] == "records":
            rivals += _stated(row)
        absent = outputs == [metadata["no_answer"]]
        return grading.judge(
            # A question that is said again before the answer names neither an answer nor a refusal.
            response.replace(row["input"], " ").replace(row["question"], " "),
            outputs,
            [value for value in rivals if value not in outputs],
            prompt=row["input"],
            no_answer=metadata["no_answer"] or "",
            refusals=metadata["refusals"] if absent else (),
            allowed=metadata["keys"],
        )

    def oracle(self, row: Row) -> str:
        return ", ".join(row["outputs"])


def _stated(row: Row) -> list[str]:
    """Values of all sentences in the prompt that are formed like a planted one."""
    piece = next(piece for piece in row["evidence"] if piece["key"] and piece["text"].count(piece["value"]) == 1)
    form = re.escape(piece["text"]).replace(re.escape(piece["key"]), WORD, 1).replace(re.escape(piece["value"]), f"({WORD})")
    return re.findall(form, row["input"])


def _wrap(depth: float) -> float:
    """Back into 0..1; 1 itself stays, since the end of the text is a depth of its own."""
    return round(depth - 1 if depth > 1 else depth, 9)


def _distracting(plant: Plant) -> Plant:
    return Plant(plant.text, plant.depth, "distractor", plant.part, plant.key, plant.value)


def _by_place(pick: int) -> Any:
    def shortcut(context: str, question: str, wording: Wording) -> Sequence[str]:
        values = [m["value"] for block in ("needle", "passkey") for m in wording.pattern(block).finditer(context)]
        return values[pick : pick + 1 or None]

    return shortcut


def _majority(context: str, question: str, wording: Wording) -> Sequence[str]:
    values = Counter(m["value"] for block in ("needle", "passkey") for m in wording.pattern(block).finditer(context))
    return [value for value, _ in values.most_common(1)]


Needle.baselines = {"first_match": _by_place(0), "last_match": _by_place(-1), "majority": _majority}

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
