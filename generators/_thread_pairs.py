"""The pairs of a threading puzzle: those on threads, whose values are keys, and those that nobody asks for."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from lcgen import forms, published
from lcgen.atoms import CONSONANTS, Form, Letters
from lcgen.contract import Cell, Source, Units
from lcgen.errors import LcgenError
from lcgen.generators._thread_params import MultiThreadParams
from lcgen.records import RESERVED, Records
from lcgen.streams import Stream


class Pairs(Records):
    """Pairs that nobody asks for; where there are no more distinct ones it says so, since no key may stand twice."""

    def numbers(self, ids: np.ndarray) -> list[np.ndarray]:
        if len(ids) and int(ids.max()) >= self.limit:
            raise LcgenError(
                f"There are {self.limit:,} pairs of distinct keys of this alphabet, too few for this length. Take alphabet=uuids."
            )
        return super().numbers(ids)


def texts_of(
    rng: Stream,
    params: MultiThreadParams,
    cell: Cell,
    source: Source,
    places: Sequence[Sequence[int]],
    parted: Sequence[tuple[int, int]],
) -> tuple[list[list[str]], Callable[[], Units]]:
    """Of each thread its first key and its values, each of which but the last is the next key; and all other pairs, which have none of
    these. Behind the threads come the branches, each with the thread and the pair before which it leaves it."""
    filler: Callable[[], Units]
    if params.alphabet == "published":
        number = published.repetition(cell, rng)
        drawn = published.UuidPairs(number)
        nodes = [[*(drawn.pair(place)[0] for place in thread), drawn.pair(thread[-1])[1]] for thread in places]
        filler = lambda: published.UuidPairs(number, [place for thread in places for place in thread])  # noqa: E731
    else:
        if params.alphabet == "consonants":
            form: Form = Letters(CONSONANTS, params.width)
        else:
            form = forms.form(params.alphabet, source.lang, params.width)
        form = source.share(form)
        keys, values = (forms.Pool(form, rng.child("pool"), first) for first in (0, form.size // 2))
        texts = iter(keys.texts(np.arange(sum(len(thread) + 1 for thread in places))))
        nodes = [[next(texts) for _ in range(len(thread) + 1)] for thread in places]
        before, between, after = pair(params, "|", "|").split("|")
        filler = lambda: Pairs(before, keys, between, values, after, sep=", ", start=RESERVED)  # noqa: E731
    whole = len(places) - len(parted)
    for branch, (thread, step) in zip(nodes[whole:], parted):
        branch[0] = nodes[thread][step]
    if params.links == "assignments":
        starts = forms.Pool(source.share(forms.form("digits", source.lang, 5)), rng.child("starts")).texts(np.arange(whole))
        nodes = [[start, *texts[1:]] for start, texts in zip(starts, nodes)]
    if params.variant == "conditional":
        marks = [params.sign(min(number // params.n, cell.questions)) for number in range(whole)]
        nodes = [[_signed(texts[0], mark, rng), *texts[1:]] for mark, texts in zip(marks, nodes)]
    return nodes, filler


def pair(params: MultiThreadParams, key: str, value: str) -> str:
    """A pair in JSON: a member of an object, or a row of a list, in which keys may come again."""
    return f'["{key}", "{value}"]' if params.variant == "branched" else f'"{key}": "{value}"'


def _signed(key: str, sign: str, rng: Stream) -> str:
    """The key with the sign between two of its letters; distinct keys stay distinct."""
    place = rng.choice([number for number in range(1, len(key)) if key[number - 1 : number + 1].isalnum()])
    return key[:place] + sign + key[place:]
