"""One order of units, laid out: the text of the context, its tokens, and where each plant stands in every copy."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from itertools import accumulate, chain
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from lcgen.ledger import Ledger

if TYPE_CHECKING:
    from lcgen.contract import Quote
    from lcgen.tokens import Tokenizer


REACH = 16
"""Characters at the end of a unit, and the rest of their first word, beyond which no token depends on what follows the unit."""


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
        self.moved: dict[int, int] = {}
        """Of units behind plants: tokens by which the border before them moved when they came to stand there."""
        if ledger.additive:
            self._mend()

    def _mend(self) -> None:
        """Counts the seams of plants, whose ends may be other than those of filler, and mends the weights behind them."""
        tokenizer = self.ledger.scale.tokenizer
        plants = np.flatnonzero(self.order < 0)
        seams = np.union1d(plants, plants + 1)
        seams = seams[(seams > 0) & (seams < len(self.order))]
        if not len(seams):
            return
        near = np.union1d(seams, seams - 1)
        led, bare = self.ledger.units(self.order[near])
        behind = np.searchsorted(near, seams).tolist()
        heads = [_end(bare[place - 1]) for place in behind]
        alone = np.asarray(tokenizer.counts(heads))
        whole, before = tokenizer.seams(heads, [led[place] for place in behind])
        self.weights[seams] = whole - alone
        self.moved = dict(zip(seams.tolist(), (before - alone).tolist()))

    @cached_property
    def ends(self) -> np.ndarray:
        """Tokens up to the end of each unit, by its weight."""
        return np.cumsum(self.weights)

    @cached_property
    def middle(self) -> int:
        """What the lane weighs more than its skeleton."""
        if len(self.order) < 2:
            return 0
        count = self.ledger.scale.tokenizer.count
        return int(self.ends[-1] - self.ends[0]) - (count(self.first + self.last) - count(self.first))

    @cached_property
    def borders(self) -> np.ndarray:
        """The byte at which each unit ends, counted from behind the head."""
        return np.cumsum(self.ledger.sizes(self.order)[0], dtype=np.int64)

    @cached_property
    def runs(self) -> list[tuple[int, list[bytes | memoryview]]]:
        """Place and UTF-8 text of each run of units (see Ledger.runs)."""
        return list(self.ledger.runs(self.order))

    @cached_property
    def slices(self) -> list[bytes | memoryview]:
        """The lane in pieces, UTF-8."""
        return [self.head.encode(), *chain.from_iterable(run for _, run in self.runs), self.tail.encode()]

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
            lengths = [sum(map(len, run)) if ascii else len(b"".join(run).decode()) for _, run in lane.runs]
            extent, copy = (int(starts[0]), int(starts[-1])), place // len(self.lanes)
            begins = np.array([unit for unit, _ in lane.runs], np.int64)
            named, lows = lane.order[begins].tolist(), starts[begins].tolist()
            # A plant is one unit.
            highs = starts[np.minimum(begins + 1, len(starts) - 1)].tolist()
            for (unit, _), char_end, name, low, high in zip(lane.runs, accumulate(lengths), named, lows, highs):
                if name < 0:
                    plant, high = -1 - name, high + lane.moved.get(unit + 1, 0)
                    chars = end + char_end - len(plants[plant].text), end + char_end
                    found.append(_piece(plant, copy, chars, (low, high), extent))
            for at, quote in enumerate(quotes):
                if quote.plant.lane == number:
                    start, size = end - len(lane.head) + quote.start, len(quote.plant.text)
                    led = before if place == 0 else None
                    span = None if whole is not None else self._near(lane, quote, starts, tokenizer, led, ascii)
                    if span is None:
                        whole = self._whole(before, after, tokenizer, order) if whole is None else whole
                        byte = len((before + self.context(order))[:start].encode())
                        ends = byte, byte + len(quote.plant.text.encode())
                        span = int(np.searchsorted(whole, ends[0], side="right")) - 1, int(np.searchsorted(whole, ends[1]))
                    found.append(_piece(len(plants) + at, copy, (start, start + size), span, extent))
            end += sum(lengths) + len(lane.tail)
        return found

    def _whole(self, before: str, after: str, tokenizer: Tokenizer, order: Sequence[int]) -> np.ndarray:
        """The byte at which each token of the input starts."""
        return np.asarray(tokenizer.starts(before + self.context(order) + after))

    def _near(
        self, lane: LaidLane, quote: Quote, starts: np.ndarray, tokenizer: Tokenizer, before: str | None, ascii: bool
    ) -> tuple[int, int] | None:
        """First token of a quote and the one behind its last, read where its units stand between their neighbours.

        `starts` are the tokens at which units start, `before` is all that stands before the lane, where that is known. None where
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
        shift, passed = border - (int(ends[first - 1]) if first else 0), int(starts[first]) - at if first else 0
        return (
            passed + int(np.searchsorted(cuts, low + shift, side="right")) - 1,
            passed + int(np.searchsorted(cuts, high + shift)),
        )

    def _tokens(self, before: str, after: str, tokenizer: Tokenizer, order: Sequence[int]) -> list[np.ndarray]:
        """Of each lane shown the token at which each unit starts, and the one behind the last, by arithmetic."""
        # Token borders at the first unit of a lane are read where that unit stands, among the skeletons.
        starts = tokenizer.starts(before + self.ledger.joined(self.skeletons, order) + after)
        found, byte, passed = [], len(before.encode()), 0
        for place, number in enumerate(order):
            lane = self.lanes[number]
            first = byte + len((self.ledger.before(place) + lane.head).encode())
            second = first + len(lane.first.encode())
            low, high = np.searchsorted(starts, first, side="right") - 1, np.searchsorted(starts, second)
            # Among the skeletons another unit stands behind the first one than in the lane.
            high -= int(tokenizer.seams([lane.first], [lane.last])[1][0]) - tokenizer.count(lane.first)
            borders = np.concatenate([[low], lane.ends + (high - lane.ends[:1])])
            byte = second + len(lane.last.encode())
            if len(borders) > 2:
                # The end of the last unit may be cut in another way before what follows than before another unit.
                borders[-1] = np.searchsorted(starts, byte) + lane.middle
            borders += passed
            found.append(borders)
            byte, passed = byte + len(lane.tail.encode()), passed + lane.middle
        return found

    def _read(self, starts: np.ndarray, before: str, order: Sequence[int]) -> list[np.ndarray]:
        """The same, read from the tokens of the whole text where weights do not add up."""
        found, byte = [], len(before.encode())
        for place, number in enumerate(order):
            lane = self.lanes[number]
            byte += len((self.ledger.before(place) + lane.head).encode())
            units = [self.ledger.unit(unit, leads=at == 0).encode() for at, unit in enumerate(lane.order.tolist())]
            bare = [len(self.ledger.unit(unit, leads=True).encode()) for unit in lane.order.tolist()]
            borders = byte + np.concatenate([[0], np.cumsum([len(unit) for unit in units], dtype=np.int64)]).astype(np.int64)
            # A unit starts with the first token of its separator, unless that is the end of the unit before: then with the token that
            # holds its first character.
            low = np.searchsorted(starts, borders[1:] - np.array(bare, np.int64), side="right") - 1
            found.append(np.append(np.minimum(low, np.searchsorted(starts, borders[:-1])), np.searchsorted(starts, borders[-1])))
            byte = int(borders[-1]) + len(lane.tail.encode())
        return found


def _end(text: str) -> str:
    """All of a unit that what follows it can change: its last words."""
    return text[max(0, text.rfind(" ", 0, -REACH)) :]


def _piece(plant: int, copy: int, chars: tuple[int, int], tokens: tuple[int, int], lane: tuple[int, int]) -> Piece:
    """A piece with its depth, given the tokens of its lane."""
    rest = lane[1] - lane[0] - (tokens[1] - tokens[0])
    return Piece(plant, copy, *chars, *tokens, (tokens[0] - lane[0]) / rest if rest > 0 else 0.0, lane[1] - lane[0])
