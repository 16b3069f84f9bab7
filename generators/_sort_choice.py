"""Which segments of a text a row of sort_order asks about, and what to say where it has none."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from lcgen.contract import Cell
from lcgen.generators._sort_params import SortOrderParams
from lcgen.generators._sort_text import Segments
from lcgen.streams import Stream

MARGIN = 0.01
"""Share of the text by which distances keep away from the edges of their bin, a tenth of it at most: what closes the text makes it a little
longer or shorter than is known when segments are chosen."""


@dataclass(frozen=True)
class Wish:
    """One question of a draft, before its text is known."""

    ask: str
    bin: tuple[float, float]
    depth: float
    shown: Sequence[int]
    """The segments by their place in the text, as they are shown; twins show them also the other way round."""
    draws: Sequence[float]
    """What varies the distances between neighbours."""


def wishes(rng: Stream, params: SortOrderParams, cell: Cell) -> Iterator[Wish]:
    """The questions of a row: bins, ends asked for and orders shown are dealt in turns, and so is the depth."""
    asks, ranges, count = ("first", "last") if params.ask == "mixed" else (params.ask,), params.ranges, params.segments
    parts = params.turns
    # An odd number of depths takes turns of its own.
    turn, ninth = cell.turn(parts), cell.turn(9)
    for number in range(cell.questions):
        own = rng.child("question", number)
        rest, place = divmod((turn + number) % parts, len(ranges))
        ask, turned = divmod(rest, 2)
        depth = params.depth if params.depth >= 0 else ((ninth + 4 * number) % 9 + own.unit()) / 9
        shown = ((1, 0) if turned else (0, 1)) if count == 2 else tuple(own.shuffle(range(count)))
        yield Wish(asks[ask], ranges[place], depth, shown, [own.unit() for _ in range(count - 1)])


def chosen(segments: Segments, params: SortOrderParams, wishes: Sequence[Wish], whole: float) -> list[tuple[int, ...]]:
    """The segments of each question, in a text that will have about so many words; none is asked about twice.

    Behind a question for which there are none, and where there are too few for all, nothing is looked for: empty.
    """
    found: list[tuple[int, ...]] = []
    for wish in wishes if len(segments.starts) >= len(wishes) * params.segments else ():
        low, high = wish.bin
        margin = 0.0 if params.words else min(MARGIN, (high - low) / 10)
        apart = (low + margin) * whole, (high - margin) * whole
        taken = [word for words in found for word in words]
        found.append(segments.choose(params.segments, apart, wish.depth, wish.draws, taken))
        if not found[-1]:
            break
    return [*found, *[()] * (len(wishes) - len(found))]


def lack(
    params: SortOrderParams, wishes: Sequence[Wish], chosen: Sequence[tuple[int, ...]], segments: Segments, whole: float
) -> str:
    """Why a text does not hold the questions, and what would do; empty where it does."""
    needs = params.segments * len(wishes)
    size = f"{params.segment_length} {params.segment_unit}"
    try:
        params.fits(whole, len(wishes), segments.reach // params.segment_length)
    except ValueError as error:
        return f"sort_order: {error}."
    if all(chosen):
        return ""
    for held, what in (
        (segments.within, f"has {len(segments.within):,} {'sentence' if len(segments.within) == 1 else 'sentences'} at whose beginning a segment of {size} fits"),
        (segments.starts, f"has {len(segments.within):,} sentences at whose beginning a segment of {size} fits, but {len(segments.starts):,} of these "
         f"segments are unique, with no run of {segments.run} words that stands elsewhere too"),
    ):  # fmt: skip
        if len(held) < needs:
            most = segments.most(needs)
            return (
                f"sort_order: {needs} segments are asked about, but the text {what}: "
                + (
                    f"take segment_length={most} or less, "
                    if most
                    else "take a lower or higher ngram, "
                    if held is segments.starts
                    else "take "
                )
                + "a longer text, or another one"
                + (", whose sentences end with a stop." if len(segments.within) < 2 else ".")
            )
    wish = wishes[[bool(words) for words in chosen].index(False)]
    nearest = ""
    if params.segments == 2:
        far = segments.nearest(wish.bin[0] * whole, wish.bin[1] * whole)
        nearest = f"; the nearest to that stand {far / whole:.3g} of it apart"
    return (
        f"sort_order: of the {len(segments.starts):,} unique segments of {size}, no {params.segments} that nothing is asked about yet stand "
        f"{named(wish.bin)} of the text apart{nearest}: take wider bins, a longer text, or fewer questions or segments."
    )


def named(bin: tuple[float, float]) -> str:
    return f"{bin[0]:g}..{bin[1]:g}"
