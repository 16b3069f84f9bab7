"""Elements of sets: a universe of them, those that are planted, and elements that carry the tag of their set."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import islice

import numpy as np

from lcgen import atoms, forms
from lcgen.generators._set_params import SetParams
from lcgen.mixing import mix
from lcgen.records import Records
from lcgen.streams import Stream


def deal(
    rng: Stream, params: SetParams, pool: forms.Pool, common: int
) -> tuple[list[list[str]], list[str], list[str], list[tuple[str, str]]]:
    """The elements to be planted in both sets, the one at the asked depth first; those shared, the near misses, and pairs for two
    sets that nobody asks for, which share as many as are missing from `overlap`.

    Where fewer are shared, fresh elements stand in their place in the long set: both sets hold as many in every row.
    """
    short, long = params.sizes
    drawn = pool.texts(np.arange(params.dealt))
    hand = iter(drawn)
    pairs, others = list(islice(hand, params.overlap)), list(islice(hand, params.overlap))
    first = [*pairs, *islice(hand, short - params.overlap if short else params.near)]
    models = rng.child("near").sample(len(first), params.near) if short else range(params.overlap, len(first))
    fresh = forms.Fresh(pool, pool, 0, 0, drawn, [])
    near = [fresh.near_key(first[place], rng.child("near", place)) for place in models]
    second = [*pairs[:common], *others[common:], *near]
    if not params.filled:
        second += islice(hand, long - len(second))
    for number, (elements, size) in enumerate(((first, short), (second, 0 if params.filled else long))):
        # A set of planted elements repeats any that are never shared, if there are enough, so that none comes a third time; where filler
        # stands beside them, fresh ones come twice.
        lead = params.overlap if size - params.overlap >= params.within_dup else 0
        again = [lead + place for place in rng.child("again", number).sample(size - lead, params.within_dup)] if size else []
        elements += [elements[place] for place in again] or [text for text in islice(hand, params.within_dup) for _ in range(2)]
    two = list(islice(hand, 2 * params.overlap)) if params.padding == "distractor_sets" else []
    apart = [(one, other if place < common else one) for place, (one, other) in enumerate(zip(two[::2], two[1::2]))]
    return [first, second], pairs[:common], near, apart


class Tagged(forms.Pool):
    """The texts of a pool, each behind the tag of its set: in every round each set has its share of them, wherever the round begins."""

    def __init__(
        self, pool: forms.Pool, names: Sequence[str], shares: Sequence[int], between: str, first: int, rng: Stream
    ) -> None:
        """Elements from `first` on are dealt to the sets; `between` stands between tag and element."""
        super().__init__(atoms.Joined(atoms.Table("tags", names), between, pool.form), rng)
        self.pool, self._from, self._salt = pool, first, int(rng.raw(1)[0])
        self._turns = np.tile(np.repeat(np.arange(len(names)), shares), 2)
        """The sets of one round, twice, so that it may begin at any of them."""

    def sets(self, ids: np.ndarray) -> np.ndarray:
        """Of units of filler, by id, the number of the set that each falls to."""
        rounds, places = atoms.parted(np.asarray(ids, np.uint64), len(self._turns) // 2)
        _, turned = atoms.parted(mix(rounds, self._salt), len(self._turns) // 2)
        found: np.ndarray = self._turns.take(atoms.places(places + turned))
        return found

    def numbers(self, ids: np.ndarray) -> np.ndarray:
        tags = self.sets(np.asarray(ids, np.int64) - self._from).astype(np.uint64)
        found: np.ndarray = tags * np.uint64(self.pool.form.size) + self.pool.numbers(ids)
        return found


class Mixed(Records):
    """Tagged elements as filler: as many as there are elements, each with one tag."""

    def __init__(self, tagged: Tagged, sep: str, start: int) -> None:
        super().__init__(tagged, sep=sep, start=start)
        self.tagged, self.limit = tagged, tagged.pool.form.size - start
