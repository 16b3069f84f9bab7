"""One order of units, laid out: the text of the context, its tokens, and where each plant stands in every copy."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from itertools import accumulate, chain
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from lcgen.errors import LcgenError
from lcgen.ledger import FEW, MANY, Ledger, planted

if TYPE_CHECKING:
    from lcgen.contract import Quote
    from lcgen.tokens import Tokenizer


class Starts(NamedTuple):
    """The token with which each unit of a lane starts, by its place; for the number of units the token behind the last one."""

    ends: np.ndarray
    """Tokens up to the end of each unit, by their weights."""
    low: int
    """Where the first unit starts."""
    high: int
    """Where the second one does, by what stands there: those behind it follow by weights."""
    end: int
    """The token behind the last one, by what stands behind it."""

    def at(self, unit: int) -> int:
        """Where one unit starts."""
        if unit == 0:
            return self.low
        return self.end if unit == len(self.ends) else self.high + int(self.ends[unit - 1]) - int(self.ends[0])

    def each(self, units: Sequence[int]) -> list[int]:
        """Where each of some units starts."""
        if len(units) <= FEW:
            return list(map(self.at, units))
        places = np.array(units)
        found = self.high + self.ends[places - 1] - self.ends[0]
        found[places == 0], found[places == len(self.ends)] = self.low, self.end
        starts: list[int] = found.tolist()
        return starts


class Piece(NamedTuple):
    """Where one copy of a plant, or of what a question quotes, came to stand. Characters and tokens count from the start of the input."""

    plant: int
    """Number of the plant; from the number of plants on, of what the puzzle quotes."""
    copy: int
    char_start: int
    char_end: int
    token_start: int
    token_end: int
    depth: float
    lane_tokens: int
    """Tokens of the lane that it stands in."""


class LaidLane:
    """One lane with its units in their order, weighed at every seam that is not between two units of filler."""

    def __init__(self, ledger: Ledger, number: int, order: np.ndarray) -> None:
        lane = ledger.draft.lanes[number]
        self.ledger, self.order, self.head, self.tail = ledger, order, lane.head, lane.tail
        self.first = ledger.unit(int(order[0]), leads=True) if len(order) else ""
        self.last = ledger.unit(int(order[-1])) if len(order) > 1 else ""
        self.skeleton = f"{self.head}{self.first}{self.last}{self.tail}"
        """The shortest lane with the same units at its borders."""
        self.weights = ledger.weigh(order)
        self.joint = self.shift = 0
        """What the last unit adds in the skeleton, and by how many tokens it moves the end of the first one."""
        self.moved: dict[int, int] = {}
        """Of units behind plants: tokens by which the border before them moved when they came to stand there."""
        if ledger.additive:
            self._mend()

    def _mend(self) -> None:
        """Counts the seams of plants, whose ends may be other than those of filler, and mends the weights behind them; and the skeleton's."""
        count = len(self.order)
        seams = sorted({place for plant in self.plants[0] for place in (plant, plant + 1) if 0 < place < count})
        if len(seams) > MANY and self._read(np.array(seams)):
            seams = []
        heads, tails = self.ledger.beside(self.order, seams)
        added, moved = self.ledger.scale.tokenizer.seams([self.first, *heads], [self.last, *tails])
        self.joint, *grown = added.tolist()
        self.shift, *shifts = moved.tolist()
        self.weights[seams] = grown
        self.moved = dict(zip(seams, shifts))

    def _read(self, seams: np.ndarray) -> bool:
        """Mends the weights at many seams by one encoding of an excerpt: the lane without the units that stand beside no plant. Each plant has
        its own neighbours there, whole, and else filler stands beside filler, which weighs the same beside any.

        Gives False, and mends nothing, where the excerpt does not bear that out: where the filler in it weighs something else, a plant does
        not begin with a token, or the first unit of the lane has other tokens than alone.
        """
        near, ledger = np.unique(np.concatenate([seams - 1, seams])), self.ledger
        excerpt, tokenizer = self.order[near], ledger.scale.tokenizer
        try:
            starts = tokenizer.starts(b"".join(chain.from_iterable(ledger.runs(excerpt, *planted(excerpt)))).decode())
        except LcgenError:
            return False
        borders = np.cumsum(ledger.sizes(excerpt)[0])
        passed = starts.searchsorted(borders)
        weights, mended, plants = np.diff(passed), np.isin(near[1:], seams), excerpt[1:] < 0
        if (
            (weights != self.weights[near[1:]])[~mended].any()
            or (np.append(starts, borders[-1])[passed] != borders)[:-1][plants].any()
            or (near[0] == 0 and passed[0] != tokenizer.count(self.first))
        ):
            return False
        self.weights[near[1:][mended]] = weights[mended]
        return True

    @cached_property
    def ends(self) -> np.ndarray:
        """Tokens up to the end of each unit, by its weight."""
        return self.weights.cumsum()

    @cached_property
    def middle(self) -> int:
        """What the lane weighs more than its skeleton."""
        return int(self.ends[-1] - self.ends[0]) - self.joint if len(self.order) > 1 else 0

    @cached_property
    def borders(self) -> np.ndarray:
        """The byte at which each unit ends, counted from behind the head."""
        return np.cumsum(self.ledger.sizes(self.order)[0], dtype=np.int64)

    @cached_property
    def plants(self) -> tuple[list[int], list[int]]:
        """Places and names of the plants."""
        return planted(self.order)

    @cached_property
    def runs(self) -> list[list[bytes | memoryview]]:
        """Filler and plants in turn, UTF-8 (see Ledger.runs)."""
        return self.ledger.runs(self.order, *self.plants)

    @cached_property
    def slices(self) -> list[bytes | memoryview]:
        """The lane in pieces, UTF-8."""
        return [self.head.encode(), *chain.from_iterable(self.runs), self.tail.encode()]

    @cached_property
    def text(self) -> str:
        """The lane."""
        return b"".join(self.slices).decode()


class Layout:
    """The lanes of a draft laid out with this filler. An `order` names lanes as they stand, over all copies."""

    def __init__(self, ledger: Ledger, ids: np.ndarray) -> None:
        self.ledger, self.ids = ledger, ids
        self.lanes = [LaidLane(ledger, number, order) for number, order in enumerate(ledger.lanes(ids))]
        self.skeletons = [lane.skeleton for lane in self.lanes]

    @property
    def ids_by_lane(self) -> list[np.ndarray]:
        """The units of each lane, in their order."""
        return [lane.order for lane in self.lanes]

    def middle(self, order: Sequence[int]) -> int:
        """What the prompt weighs more than the same prompt round the skeletons."""
        return sum(self.lanes[lane].middle for lane in order)

    def context(self, order: Sequence[int]) -> str:
        """The whole context."""
        return self.ledger.joined([lane.text for lane in self.lanes], order)

    def slices(self, order: Sequence[int]) -> list[bytes | memoryview]:
        """The whole context in pieces, UTF-8."""
        pieces: list[bytes | memoryview] = []
        for place, lane in enumerate(order):
            pieces += [self.ledger.before(place).encode(), *self.lanes[lane].slices]
        return pieces

    def repeat(self, order: Sequence[int]) -> float:
        """Share of the tokens of all copies that stand earlier in the context."""
        mask = self.ledger.draft.filler.repeats(self.ids)
        tokens = sum(int(lane.ends[-1]) for lane in self.lanes if len(lane.ends))
        again = self.ledger.weigh(self.ids[mask]).sum() / max(1, tokens) if mask.any() else 0.0
        copies = len(order) // len(self.lanes)
        return float((copies - 1 + again) / copies) if copies else 0.0

    def located(
        self, before: str, after: str, tokenizer: Tokenizer, order: Sequence[int], ascii: bool, quotes: Sequence[Quote] = ()
    ) -> list[Piece]:
        """Where plants and quotes stand in an input that begins with `before`, this context and `after`, and may be all ASCII.

        A token span holds all tokens of the unit; the separator before a unit belongs to its first token.
        """
        whole = None if self.ledger.additive else self._whole(before, after, tokenizer, order)
        tokens = self._tokens(before, after, tokenizer, order) if whole is None else self._read(whole, before, order)
        plants = self.ledger.draft.plants
        found = []
        end = len(before)
        for place, (number, starts) in enumerate(zip(order, tokens)):
            lane = self.lanes[number]
            end += len(self.ledger.before(place)) + len(lane.head)
            lengths = [sum(map(len, run)) if ascii else len(b"".join(run).decode()) for run in lane.runs]
            extent, copy = (starts.at(0), starts.at(len(lane.order))), place // len(self.lanes)
            # Every other run is a plant, which is one unit.
            units, names = lane.plants
            behind, stops = [unit + 1 for unit in units], [*accumulate(lengths, initial=end)][2::2]
            for name, char_end, low, high, border in zip(names, stops, starts.each(units), starts.each(behind), behind):
                chars, span = (char_end - len(plants[name].text), char_end), (low, high + lane.moved.get(border, 0))
                found.append(_piece(name, copy, chars, span, extent))
            for at, quote in enumerate(quotes):
                if quote.plant.lane == number:
                    start, size = end - len(lane.head) + quote.start, len(quote.plant.text)
                    led = before if place == 0 else None
                    near = None if whole is not None else self._near(lane, quote, starts, tokenizer, led, ascii)
                    if near is None:
                        whole = self._whole(before, after, tokenizer, order) if whole is None else whole
                        byte = len((before + self.context(order))[:start].encode())
                        ends = byte, byte + len(quote.plant.text.encode())
                        near = int(np.searchsorted(whole, ends[0], side="right")) - 1, int(np.searchsorted(whole, ends[1]))
                    found.append(_piece(len(plants) + at, copy, (start, start + size), near, extent))
            end += sum(lengths) + len(lane.tail)
        return found

    def _whole(self, before: str, after: str, tokenizer: Tokenizer, order: Sequence[int]) -> np.ndarray:
        """The byte at which each token of the input starts."""
        return np.asarray(tokenizer.starts(before + self.context(order) + after))

    def _near(
        self, lane: LaidLane, quote: Quote, starts: Starts, tokenizer: Tokenizer, before: str | None, ascii: bool
    ) -> tuple[int, int] | None:
        """First token of a quote and the one behind its last, read where its units stand between their neighbours.

        `before` is all that stands before the lane, where that is known. None where
        that does not tell: at the end of a lane, or where the first of these units does not begin with a token.
        """
        ends = lane.borders
        low = quote.start if ascii else len(lane.text[: quote.start].encode())
        low -= len(lane.head.encode())
        high = low + len(quote.plant.text.encode())
        first, last = int(np.searchsorted(ends, low, side="right")), int(np.searchsorted(ends, high - 1, side="right"))
        if last + 1 >= len(ends) or (first == 0 and before is None):
            return None
        lead = (before or "") + lane.head if first == 0 else self.ledger.unit(int(lane.order[first - 1]))
        units = [
            self.ledger.unit(int(unit), leads=first + at == 0) for at, unit in enumerate(lane.order[first : last + 2].tolist())
        ]
        cuts, border = tokenizer.starts(lead + "".join(units)), len(lead.encode())
        at = int(np.searchsorted(cuts, border))
        if first and cuts[at] != border:
            return None
        # Bytes here are counted from the beginning of the lead, tokens from that of the input.
        shift, passed = border - (int(ends[first - 1]) if first else 0), starts.at(first) - at if first else 0
        return (
            passed + int(np.searchsorted(cuts, low + shift, side="right")) - 1,
            passed + int(np.searchsorted(cuts, high + shift)),
        )

    def _tokens(self, before: str, after: str, tokenizer: Tokenizer, order: Sequence[int]) -> list[Starts]:
        """Of each lane shown where its units start, by arithmetic."""
        # Token borders at the first unit of a lane are read where that unit stands, among the skeletons.
        starts = tokenizer.starts(before + self.ledger.joined(self.skeletons, order) + after)
        found: list[Starts] = []
        byte, passed = len(before.encode()), 0
        for place, number in enumerate(order):
            lane = self.lanes[number]
            first = byte + len((self.ledger.before(place) + lane.head).encode())
            second = first + len(lane.first.encode())
            low, high = starts.searchsorted(first, side="right") - 1, starts.searchsorted(second)
            # Among the skeletons another unit stands behind the first one than in the lane.
            high -= lane.shift
            byte = second + len(lane.last.encode())
            # The end of the last unit may be cut in another way before what follows than before another unit.
            end = starts.searchsorted(byte) + lane.middle if len(lane.order) > 1 else high
            found.append(Starts(lane.ends, passed + int(low), passed + int(high), passed + int(end)))
            byte, passed = byte + len(lane.tail.encode()), passed + lane.middle
        return found

    def _read(self, starts: np.ndarray, before: str, order: Sequence[int]) -> list[Starts]:
        """The same, read from the tokens of the whole text where weights do not add up."""
        found: list[Starts] = []
        byte = len(before.encode())
        for place, number in enumerate(order):
            lane = self.lanes[number]
            byte += len((self.ledger.before(place) + lane.head).encode())
            units = [self.ledger.unit(unit, leads=at == 0).encode() for at, unit in enumerate(lane.order.tolist())]
            bare = [len(self.ledger.unit(unit, leads=True).encode()) for unit in lane.order.tolist()]
            borders = byte + np.concatenate([[0], np.cumsum([len(unit) for unit in units], dtype=np.int64)]).astype(np.int64)
            # A unit starts with the first token of its separator, unless that is the end of the unit before: then with the token that
            # holds its first character.
            low = np.searchsorted(starts, borders[1:] - np.array(bare, np.int64), side="right") - 1
            begins = np.minimum(low, np.searchsorted(starts, borders[:-1]))
            ends = np.append(begins[1:], np.searchsorted(starts, borders[-1]))
            found.append(Starts(ends, *(int(at) for at in (begins[0], ends[0], ends[-1]))))
            byte = int(borders[-1]) + len(lane.tail.encode())
        return found


def _piece(plant: int, copy: int, chars: tuple[int, int], tokens: tuple[int, int], lane: tuple[int, int]) -> Piece:
    """A piece with its depth, given the tokens of its lane."""
    rest = lane[1] - lane[0] - (tokens[1] - tokens[0])
    return Piece(plant, copy, *chars, *tokens, (tokens[0] - lane[0]) / rest if rest > 0 else 0.0, lane[1] - lane[0])
