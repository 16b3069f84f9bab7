"""What tasks share that ask for values stated in a text: pools, depths of several plants, look-alikes, score, shortcuts."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from typing import Literal

from lcgen import forms, grading
from lcgen.contract import MOST_PLANTS, Row, Shortcut, Source, wrapped
from lcgen.slots import WORD
from lcgen.streams import Stream
from lcgen.wording import Wording

Spread = Literal["even", "clustered", "random"]
CLUSTER = 0.05
"""Share of the text over which clustered plants stand."""


def pools(
    rng: Stream, source: Source, kinds: tuple[str, str], width: tuple[int, bool], needs: int, records: int
) -> tuple[forms.Pool, forms.Pool]:
    """Keys and values to draw from, of these two kinds; `width` is that of numbers, and whether they may begin with zero.

    Raises ValueError where there are too few for `needs` plants and, in a haystack of records, `records` ids beside them.
    """
    key_form, value_form = (source.share(forms.form(kind, source.lang, *width)) for kind in kinds)
    for form in (key_form, value_form):
        most = min(form.size // 4 - (records if source.kind == "records" else 0), MOST_PLANTS)
        if needs > most:
            fewer = f"at most {most:,}, or take" if most > 0 else "take"
            raise ValueError(
                f"only {form.size:,} keys or values of this kind exist, too few for {needs:,} needles: {fewer} a kind with more of them "
                "(key_kind, value_kind), or more digits"
                if form.size < 4 * needs or most < MOST_PLANTS
                else f"{needs:,} needles are asked for, but a row holds at most {MOST_PLANTS:,}"
            )
    # Where keys and values have one form they share one pool, so that no key is a value.
    behind = value_form.size // 2 if value_form is key_form else 0
    return forms.Pool(key_form, rng.child("pool", kinds[0])), forms.Pool(value_form, rng.child("pool", kinds[1]), behind)


def scattered(rng: Stream, spread: Spread, start: float, count: int) -> list[float]:
    """Depths of `count` plants beside one at `start`: evenly from it on in any order, in a cluster round it, or anywhere."""
    if not count:
        return []
    order = rng.child("order").shuffle(range(count))
    places = rng.child("places")
    # The first plant stands anywhere in its cluster.
    window = min(max(0.0, start - CLUSTER * places.unit()), 1 - CLUSTER)
    if spread == "random":
        return [places.unit() for _ in range(count)]
    if spread == "clustered":
        return [window + CLUSTER * (1 + step) / (1 + count) for step in order]
    return [wrapped(start + (1 + step) / (1 + count)) for step in order]


def chain(rng: Stream, texts: Sequence[Sequence[str]], count: int, near: Callable[[str, Stream], str]) -> Iterator[str]:
    """`count` look-alikes of one of the texts, which are given by key: each of the look-alike before it, made by `near`.

    The text itself has any place in the chain, so that it is not the one that all others resemble.
    """
    before = rng.below(count + 1)
    last = text = rng.choice(rng.choice(texts))
    for number in range(count):
        last = near(text if number == before else last, rng)
        yield last


def judged(response: str, row: Row, void: Sequence[str] = ()) -> dict[str, float]:
    """The scorer's verdict on a row whose metadata hold `keys`, `no_answer` and `refusals`; `void` as in `grading.judge`."""
    metadata, outputs, evidence = row["metadata"], row["outputs"], row["evidence"]
    rivals = [piece["value"] for piece in evidence if piece["role"] != "gold"]
    return grading.judge(
        response,
        outputs,
        rivals + _stated(row) if row["haystack"] == "records" else rivals,
        prompt=row["input"],
        question=row["question"],
        no_answer=metadata["no_answer"] or "",
        refusals=metadata["refusals"] if outputs == [metadata["no_answer"]] else (),
        keys={key: [p["value"] for p in evidence if p["key"] == key and p["value"] in outputs] for key in metadata["keys"]},
        void=void,
        continued=bool(row["gen_prefix"]),
    )


def _stated(row: Row) -> list[str]:
    """Values of all sentences in the prompt that are formed like a planted one."""
    piece = next(piece for piece in row["evidence"] if piece["key"] and piece["text"].count(piece["value"]) == 1)
    form = re.escape(piece["text"]).replace(re.escape(piece["key"]), WORD, 1).replace(re.escape(piece["value"]), f"({WORD})")
    return re.findall(form, row["input"])


def shortcuts(*blocks: str) -> dict[str, Shortcut]:
    """Answers without the question: the first, the last, and the most frequent value that sentences of these macros state."""

    def values(context: str, wording: Wording) -> list[str]:
        return [match["value"] for block in blocks for match in wording.pattern(block).finditer(context)]

    def first(context: str, question: str, wording: Wording) -> Sequence[str]:
        return values(context, wording)[:1]

    def last(context: str, question: str, wording: Wording) -> Sequence[str]:
        return values(context, wording)[-1:]

    def majority(context: str, question: str, wording: Wording) -> Sequence[str]:
        return [value for value, _ in Counter(values(context, wording)).most_common(1)]

    return {"first_match": first, "last_match": last, "majority": majority}
