"""Sort order: segments of a text are shown, and the question is in which order they stand in it.

Follows SORT and Book-SORT (Pink et al. 2024, arXiv:2410.08133) in what is asked; the wording is our own. There, segments are cut from
books, whose story tells the order too. Here the text is by default a stream of events that could stand in any order, with people and things
that come up once, so that their place is all there is to know. Left out: the paper's human study, retrieval, and titles of books.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import product
from typing import Any

import numpy as np

from lcgen.contract import (
    Cell,
    Context,
    Draft,
    Drawn,
    Estimate,
    Plant,
    Puzzle,
    Quote,
    Row,
    Source,
    Task,
    Units,
)
from lcgen.contrasts import Contrast
from lcgen.errors import CheckFailed
from lcgen.generators import _sort_answers as answers
from lcgen.generators import _sort_choice as choice
from lcgen.generators import _sort_contrast as contrasting
from lcgen.generators._sort_events import Events, Excerpt
from lcgen.generators._sort_params import SortOrderParams
from lcgen.generators._sort_presets import PRESETS
from lcgen.generators._sort_shortcuts import BASELINES
from lcgen.generators._sort_text import Cut, Segments
from lcgen.generators._sort_words import Words, joined
from lcgen.streams import Stream
from lcgen.wording import Wording

ATTEMPTS = 100
"""Excerpts that are tried where their size is given in words: the first that holds such segments is taken."""
PLACES = 32
"""Places of a book that are tried where the length is given: the first at which it holds such segments is taken."""
ASKS = {True: {"first": "ask_first", "last": "ask_last"}, False: {"first": "ask_forward", "last": "ask_backward"}}
"""Macros that ask, of a pair and of more segments."""


@dataclass(frozen=True)
class Plan:
    """What pose must know of a draft."""

    lang: str
    wishes: Sequence[choice.Wish]


class SortOrder(Task[SortOrderParams]):
    """Putting segments of a text into order."""

    name = "sort_order"
    about = "Shows segments of a text and asks which of them comes first, or for their order."
    papers = ("arXiv:2410.08133",)
    tags = ("sequence-order", "book-sort", "episodic-memory")
    Params = SortOrderParams
    shares = True
    revision = 1
    metric = "accuracy"
    depths = False
    haystack = "records"
    presets = PRESETS
    baselines = BASELINES
    limits = "segments are chosen anew in the text of each length; distances and depths keep their shares of it."
    blocks = {
        "event": ("person~name", "deed", "thing", "place"), "deeds": (), "labels": (), "segment": ("label", "text~line"), "lead": (),
        "ask_first": (), "ask_last": (), "ask_forward": (), "ask_backward": (), **dict.fromkeys(answers.PHRASES, ()),
    }  # fmt: skip

    def count(self, params: SortOrderParams) -> int | None:
        return params.words or None

    def turns(self, params: SortOrderParams) -> int:
        return params.turns

    def draw(self, rng: Stream, params: SortOrderParams, cell: Cell, source: Source, wording: Wording) -> Sequence[Draft]:
        if len(wording.choices("labels")) < params.segments:
            raise ValueError(f"the template has fewer than {params.segments} labels: take fewer segments, or add to its labels")
        if source.shared.split and source.kind != "records":
            raise ValueError(
                "segments of a text are nothing that splits could share out: leave out --disjoint-pools, or --haystack"
            )
        plan = Plan(source.lang, list(choice.wishes(rng, params, cell)))

        def text(attempt: int) -> Units:
            stream = rng.child("filler", attempt)
            return source.filler(stream, lambda: Events(source, wording, stream))

        def fitted(place: int) -> Draft:
            held = text(place)
            draft = _fitted(params, cell.questions, source, held, wording.sep, plan)
            # A book may have a part without sentences, or one that it repeats.
            more = held.documents and place + 1 < PLACES
            return replace(draft, elsewhere=(lambda: fitted(place + 1)) if more else None)

        if not params.words:
            return [fitted(0)]
        params.fits(params.words, cell.questions)
        for attempt in range(ATTEMPTS):
            excerpt = Excerpt(text(attempt), source.lang, params.words)
            if excerpt.limit < params.words:
                raise ValueError(
                    f"words is {params.words:,}, but the {'longest document' if excerpt.source.documents else 'text'} has {excerpt.limit:,} "
                    f"words in all: take words={excerpt.limit} or less, or a longer text"
                )
            draft = Draft(plants=(), filler=excerpt, sep=wording.sep, count=params.words, distinct=True, state=plan)
            held, gap = excerpt.words[: params.words], len(wording.sep)
            begins = np.cumsum([0, *(len(word) + gap for word in held)])[:-1]
            opens = begins[excerpt.opens[excerpt.opens < params.words]]
            # Tokens are not known here: a segment of so many is taken to have as many words as it may have.
            segments = Segments(wording.sep.join(held), source.lang, opens, Cut(params.segment_length, None, params.ngram))
            chosen = choice.chosen(segments, params, plan.wishes, params.words)
            if all(chosen):
                return [draft]
        lack = choice.lack(params, plan.wishes, chosen, segments, params.words)
        raise ValueError(
            f"of {ATTEMPTS} excerpts none holds such segments. Of the last one: {lack.removeprefix('sort_order: ').rstrip('.')}"
        )

    def pose(self, rng: Stream, params: SortOrderParams, draft: Draft, context: Context, wording: Wording) -> Sequence[Puzzle]:
        (spans,), (ids,) = context.spans, context.ids
        plan: Plan = draft.state
        opens = spans[:, 0] if not isinstance(draft.filler, Excerpt) else spans[np.isin(ids, draft.filler.opens), 0]
        cut = Cut(params.segment_length, context.tokens if params.segment_unit == "tokens" else None, params.ngram)
        segments = Segments(context.text, plan.lang, opens, cut)
        whole = len(segments.words) / context.share
        chosen = choice.chosen(segments, params, plan.wishes, whole)
        lacks = choice.lack(params, plan.wishes, chosen, segments, whole)
        found: list[Puzzle] = []
        phrases = answers.phrases(wording)
        for number, (wish, words) in enumerate(zip(plan.wishes, chosen)):
            # A glimpse that lacks something still shows how long the question will be.
            avoid = frozenset[str]()
            if draft.count is None:
                avoid = frozenset(run for word in words for run in segments.runs(word, spans[:, 0]))
            words = words or segments.some(params.segments)
            for puzzle in self._puzzles(params, wording, segments, whole, wish, words):
                known = {"pair": number, "words": len(segments.words), "units": len(ids), **phrases}
                found.append(replace(puzzle, avoid=avoid, lacks=lacks, metadata={**puzzle.metadata, **known}))
        return found

    def _puzzles(
        self, params: SortOrderParams, wording: Wording, segments: Segments, whole: float, wish: choice.Wish, words: Sequence[int]
    ) -> Iterator[Puzzle]:
        """One question: a puzzle for each order in which the segments are shown, and for each condition."""
        text, sep, pair = segments.words.text, wording.sep, params.segments == 2
        stretches = [segments.span(word) for word in words]
        texts = [joined(text[low:high], sep) for low, high in stretches]
        labels = wording.choices("labels")[: params.segments]
        orders: dict[str, Sequence[int]] = {"": wish.shown}
        if params.twins:
            orders = (
                {"earlier_first": (0, 1), "later_first": (1, 0)} if pair else {"dealt": wish.shown, "reversed": wish.shown[::-1]}
            )
        conditions = ("context", "memory") if params.condition == "both" else (params.condition,)
        lead, ask = wording.say("lead") if pair else "", ASKS[params.segments == 2][wish.ask]
        for (role, shown), condition in product(orders.items(), conditions):
            names = dict(zip(shown, labels))
            gold = [names[place] for place in range(params.segments)][:: 1 if wish.ask == "first" else -1]
            lines = [wording.say("segment", label=names[place], text=texts[place]) for place in shown]
            quotes = [
                Quote(Plant(text[low:high], segments.depth(word, whole), "gold", place, names[place]), low)
                for place, (word, (low, high)) in enumerate(zip(words, stretches))
            ]
            hidden = condition == "memory"
            yield Puzzle(
                slots={"question": "\n".join([*lines, wording.say(ask)]), "place": "after", "memory": hidden},
                answers=[gold[0] if pair else ", ".join(gold)],
                depth=None if hidden else quotes[0].plant.depth,
                prefix=lead,
                lanes=() if hidden else None,
                role="_".join(filter(None, (role, condition if len(conditions) > 1 else ""))),
                evidence=() if hidden else quotes,
                metadata={
                    "ask": wish.ask, "condition": condition, "labels": labels, "gold": gold, "shown": list(shown),
                    "texts": [texts[place] for place in shown], "twins": params.twins, "bin": choice.named(wish.bin), "places": list(words),
                    "prefix": lead, "continuations": [f"{sep if lead else ''}{label}" for label in labels],
                },
            )  # fmt: skip

    def drawn(self, row: Row) -> Drawn:
        # Segments are quoted in the question; the labels that they have there are letters.
        return Drawn(questions=[row["question"]])

    def contrast(self, row: Row) -> Contrast | None:
        return contrasting.contrast(row)

    def settle(self, draft: Draft, puzzle: Puzzle, ids: Sequence[np.ndarray]) -> Mapping[str, Any]:
        known = dict(puzzle.metadata)
        # What closed the text stands behind what was known of it.
        closing = draft.filler.text(ids[0][known.pop("units") :])
        known["words"] += len(Words("\n".join(closing), draft.state.lang))
        return {**known, "distance": round((known["places"][-1] - known["places"][0]) / known["words"], 6)}

    def solve(self, context: str, question: str, wording: Wording) -> Sequence[str]:
        lines = [wording.pattern("segment").fullmatch(line) for line in question.split("\n")]
        text, shown = joined(context, wording.sep), [(line["label"], line["text"]) for line in lines if line]
        for _, segment in shown:
            if (number := text.count(segment)) != 1:
                raise CheckFailed(f"The segment {segment[:80]!r} stands {number} times in the context, not once.")
        forward = [label for label, _ in sorted(shown, key=lambda one: text.index(one[1]))]
        for pair, asks in ASKS.items():
            for ask, macro in asks.items():
                if wording.pattern(macro).search(question):
                    found = forward[:: 1 if ask == "first" else -1]
                    return [found[0] if pair else ", ".join(found)]
        raise CheckFailed("The question is none that this task asks.")

    def provable(self, row: Row) -> bool:
        return bool(row["metadata"]["condition"] == "context")

    def score(self, response: str, row: Row) -> Mapping[str, float]:
        return answers.graded(response, row)

    def oracle(self, row: Row) -> str:
        return str(row["outputs"][0])

    def summary(self, rows: Sequence[Row], scores: Mapping[str, np.ndarray]) -> Mapping[str, Estimate]:
        return answers.figures(rows, scores)


def _fitted(params: SortOrderParams, questions: int, source: Source, filler: Units, sep: str, plan: Plan) -> Draft:
    """The draft of a text whose length is asked for, with the least of it that can hold the segments."""
    sample = filler.text(np.arange(min(64, filler.limit or 64)))
    each = len(Words("\n".join(sample), plan.lang)) / len(sample)
    count = questions * params.segments
    # A segment of tokens has at least half as many words.
    length = params.segment_length if params.segment_unit == "words" else max(1, params.segment_length // 2)
    # Each begins where a sentence does.
    least = max(count, int(count * length / each))

    def why(fits: int) -> str:
        most = params.segment_length * fits // max(1, least)
        return (
            f"{count} segments of {params.segment_length:,} {params.segment_unit} take {least:,} sentences of this text at least, and about {fits:,} fit"
            + (
                f": segment_length at most {most:,}."
                if most > 0 and least > count
                else ", since its sentences are long or do not end: take another text."
                if not fits
                else ""
            )
        )

    return Draft(plants=(), filler=filler, sep=sep, least=least, why=why, distinct=source.kind == "records", state=plan)


TASK = SortOrder()
