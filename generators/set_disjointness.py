"""Set disjointness: two sets stand in the prompt, and the question is whether, in which elements, or in how many they meet.

Follows Just Read Twice (Arora et al. 2024, arXiv:2407.05483), whose task is to find the one shared element of two lists
of integers: `style=tokens`. In text the same sets hold numbers, words, codes, names or addresses, half of the pairs are
disjoint, and twins show one pair in both orders, once and again, and with the question in other places. Left out: the
data sets of the paper's prompting study, which are other people's texts.
"""

from __future__ import annotations

import string
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import product
from typing import Any

import numpy as np

from lcgen import forms
from lcgen.contract import Cell, Context, Draft, Drawn, Estimate, Lane, Plant, Preset, Puzzle, Row, Setting, Source, Task
from lcgen.contrasts import Contrast
from lcgen.generators import _set_answers as answers
from lcgen.generators import _set_contrast as contrasting
from lcgen.generators import _set_reading as reading
from lcgen.generators._set_elements import Mixed, Tagged, deal
from lcgen.generators._set_params import SetParams
from lcgen.generators._set_tokens import TokenSets
from lcgen.records import Records
from lcgen.shares import Selection
from lcgen.streams import Stream
from lcgen.wording import Wording

KINDS = {"number": "digits", "word": "words", "code": "codes", "hex": "hex", "name": "names", "email": "emails"}
"""Kinds of elements, and the forms that write them."""
ORDERS = ("short_first", "long_first")
PLACES = ("after", "before", "both")
ROUNDS = 8
"""Rounds of filler that must fit where both sets grow: then their sizes keep the ratio."""


@dataclass(frozen=True)
class Pair:
    """What pose must know of the sets that were drawn. Sets are numbered: the short one 0, the long one 1, others from 2."""

    names: Sequence[str]
    shared: Sequence[str]
    depths: tuple[float, float]
    """Of the first shared element in both sets, as asked; a fresh element stands there where the sets are disjoint."""
    places: Sequence[int]
    """The sets as they stand, but for the order of the first two."""
    order: str = ""
    """Of sets that stand in one text; elsewhere puzzles order them."""
    entries: tuple[int, int] = (0, 0)
    """Elements of sets that stand in one text."""


class SetDisjointness(Task[SetParams]):
    """Comparing two sets."""

    name = "set_disjointness"
    about = "Compares two sets: whether they share an element, which, or how many."
    papers = ("arXiv:2407.05483",)
    tags = ("set-disjointness", "just-read-twice")
    Params = SetParams
    shares = True
    revision = 2
    metric = "exclusive"
    depths = False
    haystack = "records"
    limits = "shared elements, their depths and sets of a fixed size stay equal; the sets that fill the length grow."
    blocks = {
        "set": ("name", "elements*"), "mixed": ("elements*",), "tagged": ("parts*",), "again": (), "yes": (), "no": (), "nothing": (),
        "yes_said": (), "no_said": (), "idle": (), "denials": (), "refusals": (), "numbers": (),
        "ask_decide": ("first", "second"), "ask_one": ("first", "second", "doubtful?"), "ask_all": ("first", "second", "doubtful?"),
        "ask_count": ("first", "second"),
    }  # fmt: skip

    def count(self, params: SetParams) -> int | None:
        return sum(TokenSets(params).sizes) if params.style == "tokens" else params.count

    def table(self, params: SetParams) -> TokenSets | None:
        return TokenSets(params) if params.style == "tokens" else None

    def draw(self, rng: Stream, params: SetParams, cell: Cell, source: Source, wording: Wording) -> Sequence[Draft]:
        if cell.questions > 1:
            raise ValueError("two sets have one question: leave out --questions-per-context")
        if (source.kind == "records") == (params.padding == "haystack"):
            raise ValueError(
                "padding=haystack puts the sets into a text: name one, such as --haystack prose"
                if params.padding == "haystack"
                else f"padding={params.padding} fills the length with elements, not with {source.kind}: leave out --haystack, or set padding=haystack"
            )
        kind = source.share(forms.form(KINDS[params.element], source.lang, params.width))
        if kind.size < (need := max(params.least, params.universe)):
            raise ValueError(
                f"only {kind.size:,} elements of this kind exist, but {need:,} are needed for size_small={params.size_small}, "
                f"size_ratio={params.size_ratio} and universe={params.universe}: another element or a greater width, or less of these"
            )
        pool = forms.Pool(Selection(kind, params.universe) if params.universe else kind, rng.child("elements"))
        number = 2 + (params.other_sets if params.padding == "distractor_sets" else 0)
        # The short set comes first by name in half of the rows, and no name is always asked for.
        names = [string.ascii_uppercase[place] for place in rng.child("names").sample(number, number)]
        places = rng.child("places").sample(number, number)
        depths = (
            params.depth_short if params.depth_short >= 0 else round(rng.child("short").unit(), 6),
            params.depth_long if params.depth_long >= 0 else round((cell.turn(10) + rng.child("long").unit()) / 10, 6),
        )
        sets, shared, near, apart = deal(rng, params, pool, self._common(params, cell))
        pair = Pair(names, shared, depths, places)
        if params.padding == "haystack":
            return self._in_text(rng, params, source, wording, pair, sets)
        plants = list(self._plants(rng, params, wording, pair, sets, near, apart))
        return [self._listed(rng, params, wording, pair, pool, plants, near)]

    def _common(self, params: SetParams, cell: Cell) -> int:
        """How many elements the sets share: by blocks of the index, so that every run of rows is balanced."""
        if params.answer_mode == "count":
            return cell.turn(params.overlap + 1)
        share = Fraction(round(params.intersecting * 20), 20)
        return params.overlap if cell.turn(share.denominator) < share.numerator else 0

    def _plants(
        self,
        rng: Stream,
        params: SetParams,
        wording: Wording,
        pair: Pair,
        sets: Sequence[Sequence[str]],
        near: Sequence[str],
        apart: Sequence[tuple[str, str]],
    ) -> Iterator[Plant]:
        """The planted elements of all sets, each in the lane of its set; interleaved sets have one lane, and tags."""
        mixed, known, hidden = params.order == "interleaved", {*pair.shared}, {*near}
        _, between, _ = reading.around(wording, "tagged")

        def plant(text: str, depth: float, number: int) -> Plant:
            role = "gold" if text in known and number < 2 else "distractor" if text in hidden or number > 1 else "decoy"
            said = f"{pair.names[number]}{between}{text}" if mixed else text
            # What is right in two places is wrong in none: a shared element in a third set is no rival of itself.
            value = text if role == "gold" or (params.lists_elements and text not in known) else ""
            return Plant(said, depth, role, number, "", value, 0 if mixed else number)  # type: ignore[arg-type]  # a Role

        for number, members in enumerate(sets):
            places, grows = rng.child("depths", number), not params.sizes[number] or (number == 1 and params.filled)
            size = params.sizes[number] + params.within_dup if params.sizes[number] else 0
            lead = _place(pair.depths[number], size)
            slots = iter(places.shuffle([slot for slot in range(len(members)) if slot != lead]))
            for place, text in enumerate(members):
                first = lead / max(1, size - 1) if size else pair.depths[number]
                yield plant(text, first if place == 0 else places.unit() if grows else next(slots) / max(1, size - 1), number)
            if params.padding == "distractor_sets":
                # Elements of either set stand in others too, and where less is shared, as many more are shared by others: how many
                # elements come again is the same in every row.
                asked = {*members[: params.overlap]}
                rest = list(dict.fromkeys(text for text in members if text not in asked))
                for place in rng.child("elsewhere", number).sample(len(rest), min(params.overlap, len(rest))):
                    yield plant(rest[place], places.unit(), 2 + places.below(params.other_sets))
        elsewhere = rng.child("apart")
        for two in apart:
            for text, number in zip(two, elsewhere.sample(params.other_sets, 2)):
                yield plant(text, elsewhere.unit(), 2 + number)

    def _listed(
        self, rng: Stream, params: SetParams, wording: Wording, pair: Pair, pool: forms.Pool, plants: Sequence[Plant], near: Sequence[str]
    ) -> Draft:  # fmt: skip
        """One draft of lists side by side, or of one mixed list."""
        ratio, mixed = max(1, params.size_ratio), params.order == "interleaved"
        _, sep, _ = reading.around(wording, "mixed" if mixed else "set")
        shares = {"pad_long": [0, 1], "pad_both": [1, ratio]}.get(params.padding, [0, 0, *[1] * params.other_sets])
        lanes = [
            Lane(head, tail, share)
            for (head, _, tail), share in zip((reading.around(wording, "set", name) for name in pair.names), shares)
        ]
        filler = Records(pool, sep=sep, start=params.dealt)
        if mixed:
            _, between, _ = reading.around(wording, "tagged")
            filler = Mixed(Tagged(pool, pair.names, shares, between, params.dealt, rng.child("tags")), sep, params.dealt)
            head, _, tail = reading.around(wording, "mixed")
            lanes = [Lane(head, tail)]
        short, rounds = params.sizes[0], ROUNDS if params.padding == "pad_both" else params.sizes[0]
        least = rounds * sum(shares)

        def why(fits: int) -> str:
            if params.padding == "pad_both":
                most = fits // ROUNDS - 1
                held = f": size_ratio at most {most}" if most > 0 else ""
                return f"size_ratio={ratio} takes at least {least} elements beside those planted, and about {fits} fit{held}."
            return f"The {short} elements of the short set ask for {least} more to compare them with, and about {fits} fit."

        return Draft(
            plants=tuple(plants), filler=filler, sep=sep, lanes=tuple(lanes), copies=params.copies if params.length_basis == "final" else 1,
            again=f"\n{wording.say('again')}\n", count=params.count, least=0 if params.count else least, why=why, distinct=True,
            avoid=frozenset(near), state=pair,
        )  # fmt: skip

    def _in_text(
        self, rng: Stream, params: SetParams, source: Source, wording: Wording, pair: Pair, sets: Sequence[Sequence[str]]
    ) -> Sequence[Draft]:
        """Both sets as sentences of a text; where twins differ in their order, a draft for each."""
        known = {*pair.shared}
        depths = sorted(round(rng.child("text", number).unit(), 6) for number in range(2))
        lists = []
        for number, members in enumerate(sets):
            lead, rest = _place(pair.depths[number], len(members)), rng.child("depths", number).shuffle(members[1:])
            lists.append([*rest[:lead], members[0], *rest[lead:]])
        orders = ORDERS if params.twins in ("order", "all") else (params.order,)
        drafts = []
        for order in orders:
            plants = []
            for depth, number in zip(depths, (0, 1) if order == "short_first" else (1, 0)):
                value = next((text for text in lists[number] if text in known), "")
                said = wording.say("set", name=pair.names[number], elements=lists[number])
                plants.append(Plant(said, depth, "gold" if value else "decoy", number, pair.names[number], value))
            drafts.append(Draft(
                plants=tuple(plants), filler=source.filler(rng.child("filler")), sep=wording.sep,
                copies=params.copies if params.length_basis == "final" else 1, again=f"\n{wording.say('again')}\n",
                avoid=frozenset(text for members in sets for text in members), role=order if len(orders) > 1 else "",
                state=Pair(pair.names, pair.shared, pair.depths, pair.places, order, (len(lists[0]), len(lists[1]))),
            ))  # fmt: skip
        return drafts

    def pose(self, rng: Stream, params: SetParams, draft: Draft, context: Context, wording: Wording) -> Sequence[Puzzle]:
        pair: Pair = draft.state
        question = reading.ask(wording, params.answer_mode, pair.names[:2], params.intersecting < 1)
        said = {"decide": wording.say("yes" if pair.shared else "no"), "count": str(len(pair.shared))}.get(params.answer_mode)
        orders = ORDERS if params.twins in ("order", "all") and not pair.order else (pair.order or params.order,)
        copies = (1, params.most_copies) if params.twins in ("copies", "all") else (params.copies,)
        places = PLACES if params.twins in ("question", "all") else (params.question,)
        levels = (orders, copies, places)
        return [
            Puzzle(
                slots={"question": question, "place": place},
                answers=[said] if said else list(pair.shared) or [wording.say("nothing")],
                lanes=_order(pair.places if len(draft.lanes) > 1 else [0], order, times, params.swap),
                role="_".join(
                    level
                    for level, every in zip((order, "once" if times == 1 else "again", place), levels)
                    if len(every) > 1
                ),
                metadata={
                    "answer_mode": params.answer_mode, "short": pair.names[0], "long": pair.names[1], "order": order, "copies": times,
                    "question": place, "shared": len(pair.shared), "depth_short": pair.depths[0], "depth_long": pair.depths[1],
                    "near_misses": params.near,
                    **answers.phrases(params.answer_mode, wording),
                },
            )
            for order, times, place in product(*levels)
        ]  # fmt: skip

    def drawn(self, row: Row) -> Drawn:
        # Elements alone: the question is worded alike in all rows, and sets are called by letters.
        pieces = row["evidence"]
        return Drawn(values=[piece["value"] or piece["text"] for piece in pieces])

    def settle(self, draft: Draft, puzzle: Puzzle, ids: Sequence[np.ndarray]) -> Mapping[str, Any]:
        pair: Pair = draft.state
        if pair.order:
            short, long = pair.entries
        elif isinstance(draft.filler, Mixed):
            order = ids[0]
            sets = [*draft.filler.tagged.sets(order[order >= 0]).tolist(), *(plant.part for plant in draft.plants)]
            short, long = sets.count(0), sets.count(1)
        else:
            short, long = len(ids[0]), len(ids[1])
        return {**puzzle.metadata, "size_short": short, "size_long": long}

    def solve(self, context: str, question: str, wording: Wording) -> Sequence[str]:
        return reading.solved(wording, context, question)

    def score(self, response: str, row: Row) -> Mapping[str, float]:
        return answers.graded(response, row)

    def oracle(self, row: Row) -> str:
        return ", ".join(row["outputs"])

    def contrast(self, row: Row) -> Contrast | None:
        return contrasting.contrast(row)

    def summary(self, rows: Sequence[Row], scores: Mapping[str, np.ndarray]) -> Mapping[str, Estimate]:
        return answers.figures(rows, scores)


def _place(depth: float, size: int) -> int:
    """Of so many places the one at a depth: each has the same share of all depths, and 1 is the last."""
    return max(0, min(size - 1, int(depth * size)))


def _order(places: Sequence[int], order: str, copies: int, swap: bool) -> list[int]:
    """The sets as they stand in all copies."""
    turned = iter(sorted((0, 1), reverse=order == "long_first"))
    whole = [next(turned) if number < 2 else number for number in places] if len(places) > 1 else list(places)
    return [number for copy in range(copies) for number in (whole[::-1] if swap and copy % 2 else whole)]


SetDisjointness.baselines = {
    "first_element": reading.shortcut(0),
    "last_element": reading.shortcut(-1),
    "nothing": reading.shortcut(None),
}

TRAIN = ("4_16", "16_4", "8_32", "32_8", "64_16", "16_64", "4_128", "128_4", "16_256", "256_16", "4_256", "256_4")
TEST = (
    "1_32", "32_1", "4_32", "32_4", "4_128", "128_4", "16_256", "256_16", "4_256", "256_4", "16_512", "512_16", "4_512", "512_4",
    "8_768", "768_8", "16_768", "768_16", "4_768", "768_4",
)  # fmt: skip
"""Sizes of the first and of the second set, as published; those of the test go beyond those of training."""


def _pairs(**params: Any) -> dict[str, Setting]:
    """The published sizes, 20,000 rows of each for training and 1,000 for the test."""
    found = {}
    for split, pairs, samples in (("train", TRAIN, 20_000), ("test", TEST, 1_000)):
        for pair in pairs:
            short, long = sorted(map(int, pair.split("_")))
            order = "short_first" if pair.startswith(f"{short}_") else "long_first"
            sizes = {"size_small": short, "size_ratio": long // short, "order": order}
            found[f"{split}_{pair}"] = Setting(
                {"style": "tokens", "universe": 2048, **sizes, **params}, samples=samples, split=split
            )
    return found


SetDisjointness.presets = {
    "just_read_twice": Preset(
        "integer tokens as published: find the one element that two lists share, to train and test small models",
        "arXiv:2407.05483", _pairs(answer_mode="intersect_one", intersecting=1.0), "", 1_000, None, None,
        "Sizes, ids, special ids and numbers of rows as published. The same ids are drawn in another way with the same chances; each row is "
        "kept with its answer, and train and test share no rows.",
        {
            3: "The answer is always an element of the short list: where that has one, naming it is right in every row.",
            10: "No pair is disjoint, and the shared id is the only one that stands twice, whichever list it is in.",
        },
    ),
    "disjoint_or_not": Preset(
        "the same sizes with half of the pairs disjoint (answer 0), so that there is something to decide: the better default for training",
        "arXiv:2407.05483", _pairs(answer_mode="intersect_one"), "", 1_000, None, None,
        "Half of the rows share nothing, and their answer is id 0, which the paper calls mask and never shows.",
    ),
    "order_and_repetition": Preset(
        "one pair of sets in both orders, once and twice, the question before, after and around: 12 twins",
        "arXiv:2407.05483",
        {
            mode: Setting({"answer_mode": mode, "twins": "all", "length_basis": "once", "element": "word"})
            for mode in ("decide", "intersect_one")
        },
        "1k,2k,4k,8k,16k", 50, None, None,
        "Order and repetition as paired differences. The paper repeats documents of question answering data, and shows the question first only "
        "where it repeats, so that two things change at once; here each changes alone. Half of the pairs are disjoint.",
    ),
}  # fmt: skip

TASK = SetDisjointness()
