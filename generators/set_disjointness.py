"""Set disjointness: two sets stand in the prompt, and the question is whether, in which elements, or in how many they meet.

Follows Just Read Twice (Arora et al. 2024, arXiv:2407.05483), whose task is to find the one shared element of two lists
of integers: `style=tokens`. In text the same sets hold numbers, words, codes, names or addresses, half of the pairs are
disjoint, and twins show one pair in both orders, once and again, and with the question in other places. Left out: the
data sets of the paper's prompting study, which are other people's texts.
"""

from __future__ import annotations

import string
from collections.abc import Mapping, Sequence
from dataclasses import replace
from fractions import Fraction
from functools import partial
from itertools import product
from typing import Any

import numpy as np

from lcgen import forms
from lcgen.atoms import Form
from lcgen.contract import Cell, Context, Draft, Drawn, Estimate, Puzzle, Row, Source, Task
from lcgen.contrasts import Contrast
from lcgen.generators import _set_answers as answers
from lcgen.generators import _set_contrast as contrasting
from lcgen.generators import _set_reading as reading
from lcgen.generators._set_drafts import Pair, in_text, listed, planted
from lcgen.generators._set_elements import Mixed, deal
from lcgen.generators._set_params import MOST_WIDTH, ORDERS, SetParams
from lcgen.generators._set_presets import PRESETS
from lcgen.generators._set_tokens import TokenSets
from lcgen.shares import Selection
from lcgen.streams import Stream
from lcgen.wording import Wording

KINDS = {"number": "digits", "word": "words", "code": "codes", "hex": "hex", "name": "names", "email": "emails"}
"""Kinds of elements, and the forms that write them."""
PLACES = ("after", "before", "both")


class SetDisjointness(Task[SetParams]):
    """Comparing two sets."""

    name = "set_disjointness"
    about = "Compares two sets: whether they share an element, which, or how many."
    papers = ("arXiv:2407.05483",)
    tags = ("set-disjointness", "just-read-twice")
    Params = SetParams
    shares = True
    revision = 3
    metric = "exclusive"
    depths = False
    haystack = "records"
    presets = PRESETS
    baselines = {"first_element": reading.shortcut(0), "last_element": reading.shortcut(-1), "nothing": reading.shortcut(None)}
    limits = "shared elements, their depths and sets of a fixed size stay equal; the sets that fill the length grow."
    blocks = {
        "set": ("name", "elements*"), "mixed": ("elements*",), "tagged": ("parts*",), "again": (), "yes": (), "no": (), "nothing": (),
        "yes_said": (), "no_said": (), "idle": (), "denials": (), "refusals": (), "numbers": (),
        "ask_decide": ("first", "second"), "ask_one": ("first", "second", "doubtful?"), "ask_all": ("first", "second", "doubtful?"),
        "ask_count": ("first", "second"),
    }  # fmt: skip

    def count(self, params: SetParams) -> int | None:
        return sum(TokenSets(params).sizes) if params.style == "tokens" else params.count

    def less(self, params: SetParams) -> Mapping[str, Sequence[int]]:
        return {"size_small": range(max(params.overlap, params.within_dup), params.sizes[0])}

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
        kind = _kind(params, source, params.width)
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
            params.depth_long if params.depth_long >= 0 else round(cell.stratum(rng.child("long")), 6),
        )
        sets, shared, near, apart = deal(rng, params, pool, self._common(params, cell))
        pair = Pair(names, shared, depths, places)
        if params.padding == "haystack":
            return in_text(rng, params, source, wording, pair, sets)
        plants = list(planted(rng, params, wording, pair, sets, near, apart))
        return [replace(listed(rng, params, wording, pair, pool, plants, near), more=partial(_more, params, source))]

    def _common(self, params: SetParams, cell: Cell) -> int:
        """How many elements the sets share: by blocks of the index, so that every run of rows is balanced."""
        if params.answer_mode == "count":
            return cell.turn(params.overlap + 1)
        share = Fraction(round(params.intersecting * 20), 20)
        return params.overlap if cell.turn(share.denominator) < share.numerator else 0

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
            planted = np.array([plant.part for plant in draft.plants], np.int64)
            sets = np.concatenate([draft.filler.tagged.sets(order[order >= 0]), planted])
            short, long = (int(np.count_nonzero(sets == number)) for number in (0, 1))
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


def _order(places: Sequence[int], order: str, copies: int, swap: bool) -> list[int]:
    """The sets as they stand in all copies."""
    turned = iter(sorted((0, 1), reverse=order == "long_first"))
    whole = [next(turned) if number < 2 else number for number in places] if len(places) > 1 else list(places)
    return [number for copy in range(copies) for number in (whole[::-1] if swap and copy % 2 else whole)]


def _kind(params: SetParams, source: Source, width: int) -> Form:
    """The elements that there are, at a width."""
    return source.share(forms.form(KINDS[params.element], source.lang, width))


def _more(params: SetParams, source: Source, units: int) -> str:
    """What would give so many elements beside those that are planted."""
    needed = units + params.dealt
    width = next((width for width in range(params.width, MOST_WIDTH + 1) if _kind(params, source, width).size >= needed), None)
    if width is None:
        return ""
    said = [f"universe at least {needed:,}"] * bool(params.universe) + [f"width at least {width}"] * (width > params.width)
    return f"So many tokens take about {needed:,} elements: {' and '.join(said)}."


TASK = SetDisjointness()
