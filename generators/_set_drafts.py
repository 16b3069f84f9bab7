"""The drafts of a pair of sets: lists side by side, one mixed list, or sentences of a text."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from lcgen import forms
from lcgen.contract import Draft, Lane, Plant, Source
from lcgen.generators import _set_reading as reading
from lcgen.generators._set_elements import Mixed, Tagged
from lcgen.generators._set_params import ORDERS, SetParams
from lcgen.records import Records
from lcgen.streams import Stream
from lcgen.wording import Wording

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


def planted(
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


def listed(
    rng: Stream, params: SetParams, wording: Wording, pair: Pair, pool: forms.Pool, plants: Sequence[Plant], near: Sequence[str]
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


def in_text(
    rng: Stream, params: SetParams, source: Source, wording: Wording, pair: Pair, sets: Sequence[Sequence[str]]
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


def _place(depth: float, size: int) -> int:
    """Of so many places the one at a depth: each has the same share of all depths, and 1 is the last."""
    return max(0, min(size - 1, int(depth * size)))
