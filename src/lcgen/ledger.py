"""The units of one context with their weights: how many fit, and in which order they stand."""

from __future__ import annotations

import heapq
import math
from collections.abc import Iterator, Sequence
from functools import cached_property
from itertools import chain, groupby
from typing import TYPE_CHECKING

import numpy as np

from lcgen.contract import SPARES, Context, Draft
from lcgen.errors import LcgenError

if TYPE_CHECKING:
    from lcgen.tokens import Scale

MANY = 64
"""Plants of a lane beyond which they are placed in columns, and the filler between them is written at once."""
FEW = 8
"""Seams up to which what stands beside them is read unit by unit."""


class TooLong(LcgenError):
    """A copy of the context needs more different units than there are, about `needs`; `holds` is the tokens of all of them."""

    def __init__(self, units: int, tokens: int, holds: int, needs: int) -> None:
        super().__init__(f"A context of {tokens:,} tokens needs more than the {units:,} different units that there are.")
        self.units, self.tokens, self.holds, self.needs = units, tokens, holds, needs


class Ledger:
    """The units of a draft, weighed. A unit is named by its filler id, or by -1 - (number of the plant)."""

    def __init__(self, draft: Draft, scale: Scale, tokens: int, fences: frozenset[str] = frozenset()) -> None:
        """Weighs filler of so many tokens, or of as many units as the draft counts, and the spares behind it. None of it holds one of the
        fences that a template sets round the context.

        Raises LcgenError where nearly all of it clashes, TooLong where there is too little of it.
        """
        self.draft, self.scale = draft, scale
        self.additive = scale.additive and draft.filler.additive(scale.tokenizer)
        texts = [draft.sep + plant.text for plant in draft.plants]
        self.plant_weights = scale.weights(texts) if texts else np.zeros(0, np.int64)
        self._fit(tokens, draft.avoid | fences)
        self.mean = int(self.weights[:256].sum()) / len(self.weights[:256])

    def _fit(self, tokens: int, avoid: frozenset[str]) -> None:
        wanted = 0 if self.draft.count is None else self.draft.count
        count = 2 * SPARES + (wanted or int(tokens / max(1.0, self.scale.mean) * 1.02))
        if self.draft.sort:
            # Between two gold plants stands as much as their depths ask for. The scarcest of these stretches, whose sizes vary as
            # counts do, says how much of all others is taken.
            count += int(3 * math.sqrt(count * sum(plant.role == "gold" for plant in self.draft.plants)))
        most = self.draft.filler.limit if self.draft.distinct else None
        for _ in range(6):
            count = count if most is None else min(count, most)
            ids = np.arange(count)
            # A clash is settled on the side of the filler, at every length alike: the puzzle is never drawn anew.
            held = self.draft.filler.holding(ids, avoid) if avoid else np.zeros(0, bool)
            ids = ids[~held] if held.any() else ids
            weights = self.draft.filler.weights(ids, self.scale, self.draft.sep)
            taken = self._sorted(ids, weights) if self.draft.sort else slice(None)
            self.ids, self.weights = ids[taken], weights[taken]
            self.ends = self.weights.cumsum()
            # Where there is no more, the last units are spares as far as the length leaves them.
            spares = 0 if count == most else SPARES
            # Plants count among the units wanted, which matters where there is no more filler than must stand beside them.
            needed = max(0, wanted - len(self.draft.plants)) if count == most else wanted
            held_all = len(self.ids) > spares and len(self.ids) >= needed + spares
            if held_all and (wanted or self.ends[-spares - 1] >= tokens):
                # A plant is named from behind, by its number below zero.
                if held.any():
                    weights, passed = np.zeros(count, np.int64), weights
                    weights[ids] = passed
                self._table = np.concatenate([weights, self.plant_weights[::-1]])
                return
            if count == most:
                # What is drawn of more units may be lighter.
                raise TooLong(most, tokens, int(weights.sum()), wanted or int(1.05 * tokens / max(1.0, float(weights.mean()))))
            mean = weights.mean() if len(ids) else 1
            unused = min(4.0, len(ids) / max(1, len(self.ids)))
            count = int(max(count * 1.1, (count if wanted else tokens / mean) * unused * 1.01)) + 2 * SPARES
        raise LcgenError(
            "Nearly every unit of this haystack holds a key or a value of the puzzle, or a line that the template sets round the context. "
            "Take another haystack."
        )

    def _sorted(self, ids: np.ndarray, weights: np.ndarray) -> np.ndarray:
        """Places of the filler of sorted lanes in the order in which it is taken. All units are put in order here, once."""
        assert self.draft.sort is not None
        units = np.concatenate([ids, -1 - np.arange(len(self.draft.plants))])
        ranked = _ranks(self.draft.sort(units))
        self._ranked = units[ranked]
        return self._balanced(ranked, weights)

    def _balanced(self, ranked: np.ndarray, weights: np.ndarray) -> np.ndarray:
        """Places of the filler: in every beginning each gold plant has as many tokens (or units, where the draft counts them)
        before it as its depth asks for, within about a unit on each side. `ranked` are the places of all units in their order,
        those of the plants behind those of the filler."""
        own, count = self.plant_weights, len(weights)
        if self.draft.count is not None:
            weights, own = np.ones_like(weights), np.ones_like(own)
        at = np.flatnonzero(ranked >= count)
        plants = ranked[at] - count
        gold = np.array([self.draft.plants[plant].role == "gold" for plant in plants.tolist()], bool)
        golds = plants[gold]
        depths = np.array([self.draft.plants[plant].depth for plant in golds.tolist()])
        # What plants hold before a gold one filler need not, and what they hold beside it filler must match.
        before = (np.cumsum(own[plants]) - own[plants])[gold]
        owed = depths * (own.sum() - own[golds]) - before
        shares, owed = np.diff(depths, prepend=0.0, append=1.0), np.diff(owed, prepend=0.0, append=0.0)
        bounds, mean, last = [0, *at[gold].tolist(), len(ranked)], weights.mean(), np.inf
        sides, turns = [np.zeros(0, np.int64)], [np.zeros(0)]
        for low, high, share, lacks in zip(bounds, bounds[1:], shares.tolist(), owed.tolist()):
            if share > 0:
                between = ranked[low:high]
                inside = np.sort(between[between < count])
                taken = weights[inside]
                passed = np.cumsum(taken)
                sides.append(inside)
                turns.append((passed - taken / 2 - lacks) / share)
                # Where a side has no more to give, or is one unit behind, the others must wait.
                last = min(last, (taken.sum() + mean - lacks) / share)
        # Each side rises, so that they need merging alone. Where turns are equal the first unit comes first.
        ends = [int(np.searchsorted(turn, last, side="right")) for turn in turns]
        able, when = (np.concatenate([one[:end] for one, end in zip(parts, ends)]) for parts in (sides, turns))
        merged = np.argsort(when, kind="stable")
        order, when = able[merged], when[merged]
        same = when[1:] == when[:-1]
        tied = np.flatnonzero(np.append(same, False) | np.append(False, same))
        order[tied] = order[tied][np.lexsort((order[tied], when[tied]))]
        return order

    def upto(self, tokens: float) -> int:
        """How many units of filler fit into so many tokens."""
        # A number of the array's own kind: for any other one the array would be copied.
        return int(np.searchsorted(self.ends, math.floor(tokens), side="right"))

    def spares(self, main: int, avoid: frozenset[str]) -> np.ndarray:
        """Ids of the units behind the first `main` from which a closing may choose; none holds one of the words."""
        ids = self.ids[main : main + SPARES]
        return ids[~self.draft.filler.holding(ids, avoid)] if avoid else ids

    def weigh(self, order: np.ndarray) -> np.ndarray:
        """Weights of units, int64."""
        found: np.ndarray = self._table.take(order)
        return found

    def lanes(self, ids: np.ndarray) -> Iterator[np.ndarray]:
        """Of each lane the filler and plants that stand in it, in their order."""
        plants: list[list[int]] = [[] for _ in self.draft.lanes]
        for place, plant in enumerate(self.draft.plants):
            plants[plant.lane].append(place)
        if len(plants) == 1:
            yield self._order(ids, plants[0])
            return
        filled = [place for place, lane in enumerate(self.draft.lanes) if lane.share]
        if len(filled) == 1:
            yield from (self._order(ids if place == filled[0] else ids[:0], held) for place, held in enumerate(plants))
            return
        shares = np.cumsum([lane.share for lane in self.draft.lanes])
        dealt = self._level(ids) if self.draft.level else np.searchsorted(shares, ids % shares[-1], side="right")
        # Sorted once: there may be a thousand lanes. Small numbers are sorted by their digits.
        dealt = dealt.astype(np.int16) if len(plants) < 1 << 15 else dealt
        order = np.argsort(dealt, kind="stable")
        bounds = np.searchsorted(dealt[order], np.arange(len(plants) + 1)).tolist()
        for lane, (low, high) in enumerate(zip(bounds, bounds[1:])):
            yield self._order(ids[order[low:high]], plants[lane])

    def planted(self) -> list[int]:
        """Tokens of the plants of each lane."""
        found = [0] * len(self.draft.lanes)
        for plant, weight in zip(self.draft.plants, self.plant_weights.tolist()):
            found[plant.lane] += weight
        return found

    def _level(self, ids: np.ndarray) -> np.ndarray:
        """The lane of each unit of filler: the one that has the fewest tokens when its turn comes."""
        held = [(tokens, lane) for lane, tokens in enumerate(self.planted()) if self.draft.lanes[lane].share]
        heapq.heapify(held)
        found = []
        for weight in self.weigh(ids).tolist():
            tokens, lane = held[0]
            heapq.heapreplace(held, (tokens + weight, lane))
            found.append(lane)
        return np.array(found, np.int64)

    def _order(self, ids: np.ndarray, plants: Sequence[int]) -> np.ndarray:
        """One lane: each plant at the border nearest to its depth, plants of one depth side by side; or all in order."""
        if self.draft.sort:
            held = np.zeros(len(self._table), bool)
            held[ids] = held[-1 - np.array(plants, np.int64)] = True
            found: np.ndarray = self._ranked[held[self._ranked]]
            return found
        if not plants:
            return ids
        before = np.arange(len(ids) + 1)
        if self.draft.count is None:
            self.weigh(ids).cumsum(out=before[1:])
            weights = self.plant_weights.tolist()
        else:
            weights = [1] * len(self.plant_weights)
        if len(plants) > MANY:
            return self._inserted(ids, before, np.array(plants, np.int64), np.array(weights, np.int64))
        length = int(before[-1]) + sum(weights[number] for number in plants)
        depths = [self.draft.plants[number].depth for number in plants]
        ranked = sorted(range(len(plants)), key=depths.__getitem__)
        groups, wanted, passed = [], [], 0
        for depth, equal in groupby(ranked, key=depths.__getitem__):
            group = [plants[place] for place in equal]
            tokens = sum([weights[number] for number in group])
            groups.append(group)
            wanted.append(depth * (length - tokens) - passed)
            passed += tokens
        # Searched for as whole numbers: for any others the array would be copied.
        above = np.minimum(before.searchsorted(list(map(math.ceil, wanted))), len(ids))
        ends = zip(above.tolist(), before[above - 1].tolist(), before[above].tolist())
        places, names, last = [], [], 0
        for group, want, (gap, low, high) in zip(groups, wanted, ends):
            last = max(last, gap - (gap > 0 and want - low < high - want))
            places += [last] * len(group)
            names += [-1 - number for number in group]
        return np.insert(ids, places, names)

    def _inserted(self, ids: np.ndarray, before: np.ndarray, plants: np.ndarray, weights: np.ndarray) -> np.ndarray:
        """The same for many plants, in columns. `before` is what the lane holds before each unit of filler and behind the last one."""
        depths = np.array([self.draft.plants[number].depth for number in plants.tolist()])
        ranked = np.argsort(depths, kind="stable")
        plants, depths, own = plants[ranked], depths[ranked], weights[plants[ranked]]
        firsts = np.flatnonzero(np.append(True, depths[1:] != depths[:-1]))
        group = np.add.reduceat(own, firsts)
        wanted = depths[firsts] * (int(before[-1] + own.sum()) - group) - (np.cumsum(group) - group)
        gap = np.minimum(before.searchsorted(np.ceil(wanted).astype(np.int64)), len(ids))
        places = gap - ((gap > 0) & (wanted - before[gap - 1] < before[gap] - wanted))
        return np.insert(ids, np.maximum.accumulate(places).repeat(np.diff(firsts, append=len(plants))), -1 - plants)

    def unit(self, unit: int, leads: bool = False) -> str:
        """One unit with the separator before it, or without where it leads its lane."""
        if unit < 0:
            text = self.draft.plants[-1 - unit].text
            return text if leads else self.draft.sep + text
        return self.draft.filler.text(np.array([unit]))[0] if leads else self.draft.filler.led(unit, self.draft.sep)

    def beside(self, order: np.ndarray, seams: Sequence[int]) -> tuple[list[str], list[str]]:
        """Of each seam of a lane, named by the place behind it, the unit before it alone, and the one behind it with its separator."""
        if len(seams) <= FEW:
            return [self.unit(int(order[at - 1]), leads=True) for at in seams], [self.unit(int(order[at])) for at in seams]
        near = sorted({place for at in seams for place in (at - 1, at)})
        number = {place: at for at, place in enumerate(near)}
        led, bare = self._units(order[near])
        return [bare[number[at - 1]] for at in seams], [led[number[at]] for at in seams]

    def _units(self, order: np.ndarray) -> tuple[list[str], list[str]]:
        """Units in the order of a lane, each with the separator before it, and each without."""
        filler = order[order >= 0]
        texts = [plant.text for plant in self.draft.plants]
        whole = b"".join(self.draft.filler.slices(filler, self.draft.sep)) if len(filler) else b""
        sizes, leads = self.draft.filler.sizes(filler, self.draft.sep) if len(filler) else (filler, filler)
        ends = np.cumsum(sizes)
        laid = iter(zip((ends - sizes).tolist(), (ends - sizes + leads).tolist(), ends.tolist()))
        led, bare = [], []
        for unit in order.tolist():
            if unit < 0:
                bare.append(texts[-1 - unit])
                led.append(self.draft.sep + bare[-1])
            else:
                low, start, high = next(laid)
                led.append(whole[low:high].decode())
                bare.append(whole[start:high].decode())
        return led, bare

    def joined(self, texts: Sequence[str], order: Sequence[int]) -> str:
        """Texts of the lanes as the context shows them, lanes of all copies being named by `order`."""
        return "".join(part for place, lane in enumerate(order) for part in (self.before(place), texts[lane]))

    def before(self, place: int) -> str:
        """What stands before the lane at this place of an order."""
        return "" if place == 0 else self.draft.join if place % len(self.draft.lanes) else self.draft.again

    def runs(self, order: np.ndarray, places: Sequence[int], names: Sequence[int]) -> list[list[bytes | memoryview]]:
        """A lane in UTF-8: the filler before its first plant, that plant, the filler behind it, and so on to the filler behind the last one.
        The plants are those that `planted` finds."""
        plants: list[list[bytes | memoryview]] = [[self._planted[name]] for name in names]
        if names and places[0] == 0:
            plants[0] = [self.draft.plants[names[0]].text.encode()]
        if len(names) > MANY:
            # Written at once and then cut: to ask for the filler between two plants takes longer than they do.
            filler = order[order >= 0]
            whole = memoryview(b"".join(self.draft.filler.slices(filler, self.draft.sep)) if len(filler) else b"")
            led, leads = self.draft.filler.sizes(filler, self.draft.sep)
            ends = np.append(0, np.cumsum(led))[np.append(np.array(places) - np.arange(len(places)), len(filler))].tolist()
            start = int(leads[0]) if len(filler) and places[0] > 0 else 0
            between: list[list[bytes | memoryview]] = [[whole[low:high]] for low, high in zip([start, *ends], ends)]
        else:
            bounds = zip([0, *[place + 1 for place in places]], [*places, len(order)])
            between = [self._between(order[low:high], low == 0) for low, high in bounds]
        return [run for pair in zip(between, plants) for run in pair] + between[-1:]

    def _between(self, filler: np.ndarray, leads: bool) -> list[bytes | memoryview]:
        """Filler between two plants, or at an end of a lane."""
        first: list[bytes | memoryview] = [self.unit(int(filler[0]), leads=True).encode()] if leads and len(filler) else []
        rest = filler[len(first) :]
        return first + self.draft.filler.slices(rest, self.draft.sep) if len(rest) else first

    @cached_property
    def _planted(self) -> list[bytes]:
        """The plants behind their separators, UTF-8."""
        return [(self.draft.sep + plant.text).encode() for plant in self.draft.plants]

    def sizes(self, order: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Of each unit of a lane its bytes with the separator before it, and those of the separator; none before the first."""
        led, leads = np.empty(len(order), np.int64), np.full(len(order), len(self.draft.sep.encode()), np.int64)
        filler = order >= 0
        led[filler], leads[filler] = self.draft.filler.sizes(order[filler], self.draft.sep)
        led[~filler] = np.array([*map(len, self._planted)], np.int64)[-1 - order[~filler]]
        led[:1] -= leads[:1]
        leads[:1] = 0
        return led, leads

    def context(self, ids: np.ndarray, share: float = 1.0, closed: bool = False) -> Context:
        """What pose may see with this filler, about this share of the finished context; laid only when it is looked at."""

        def build() -> tuple[str, list[np.ndarray], list[np.ndarray]]:
            orders = list(self.lanes(ids))
            pieces: list[bytes | memoryview] = []
            spans: list[np.ndarray] = []
            end = 0
            for place, (lane, order) in enumerate(zip(self.draft.lanes, orders)):
                head, (led, leads) = (self.before(place) + lane.head).encode(), self.sizes(order)
                ends = end + len(head) + np.cumsum(led, dtype=np.int64)
                spans.append(np.stack([ends - led + leads, ends], 1))
                pieces += [head, *chain.from_iterable(self.runs(order, *planted(order))), lane.tail.encode()]
                end += len(head) + int(led.sum()) + len(lane.tail.encode())
            whole = b"".join(pieces)
            text = whole.decode()
            if len(text) < len(whole):
                # Bytes that go on with a character begin with the bits 10.
                chars = np.cumsum((np.frombuffer(whole, np.uint8) & 0xC0) != 0x80, dtype=np.int64)
                spans = [np.concatenate([[0], chars])[span] for span in spans]
            return text, spans, orders

        return Context(build, self.scale.tokenizer.count, share, closed)


def planted(order: np.ndarray) -> tuple[list[int], list[int]]:
    """Places and names of the plants of a lane."""
    places = np.flatnonzero(order < 0)
    return places.tolist(), (-1 - order[places]).tolist()


def _ranks(keys: np.ndarray) -> np.ndarray:
    """The places of keys (int64), of which no two are equal, in their order."""
    bits = len(keys).bit_length()
    if int(keys.max(initial=0)) >> (63 - bits):
        return np.argsort(keys)
    # Keys that bring their places along are sorted in a third of the time.
    found: np.ndarray = np.sort(keys << bits | np.arange(len(keys))) & ((1 << bits) - 1)
    return found
