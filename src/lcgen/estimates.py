"""Figures with 95 % intervals: means, differences, gaps and agreement, over rows of which some stand and fall together.

Rows that share a context, a group of twins or a puzzle are one unit, and units are what is drawn again (cluster
bootstrap, Davison and Hinkley 1997). All figures are functions of sums over units, so that the
draws are one matrix product. The draws are fixed: equal scores give equal intervals.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import lru_cache
from statistics import NormalDist
from typing import Any

import numpy as np

from lcgen.contract import Estimate, Row
from lcgen.streams import Stream

LEVEL = 0.95
RESAMPLES = 2000
SHARED = ("context_id", "group_id", "puzzle_id")
"""Columns that rows of one unit share; an empty one is shared with nobody."""
BLOCK = 2**20
"""Draws made and multiplied at once."""
_Z = NormalDist().inv_cdf((1 + LEVEL) / 2)


def units(rows: Iterable[Row]) -> np.ndarray:
    """The independent unit of each row, numbered from 0 (int64, one for each row).

    Rows that share one of `SHARED` are of one unit, also where they do so by way of a third row.
    """
    parents: list[int] = []
    first: dict[tuple[str, Any], int] = {}

    def root(number: int) -> int:
        while parents[number] != number:
            parents[number] = number = parents[parents[number]]
        return number

    for number, row in enumerate(rows):
        parents.append(number)
        for field in SHARED:
            if value := row.get(field):
                parents[root(number)] = root(first.setdefault((field, value), number))
    return _numbered([root(number) for number in range(len(parents))])


def means(rows: Sequence[Row], scores: Mapping[str, np.ndarray]) -> dict[str, Estimate]:
    """The mean of each metric; a metric that no row has is left out."""
    own = units(rows)
    return {metric: mean(values, own) for metric, values in scores.items() if not np.isnan(values).all()}


def mean(values: Any, units: Any = None) -> Estimate:
    """Mean over rows. Rows whose value is nan are left out; without `units` each row is one of its own.

    Where every value is 0 or 1 and units are single rows, or agree altogether, the interval is the binomial one: draws
    of a sample without errors have no errors, which says nothing of how rare they are.
    """
    values, units = _kept(np.asarray(values, float), units)
    count = int(units.max(initial=-1)) + 1
    if count and np.isin(values, (0, 1)).all():
        if count == len(values):
            return share(int(values.sum()), count)
        if (values == values[0]).all():
            return share(count * int(values[0]), count)
    return bootstrap(_sums(units, values, np.ones_like(values)), ratio)


def share(successes: int, trials: int) -> Estimate:
    """A share of independent trials with Wilson's score interval (Wilson 1927). ValueError without a trial."""
    if not 0 <= successes <= trials or not trials:
        raise ValueError(f"{successes} of {trials} is no share")
    value, square = successes / trials, _Z * _Z
    middle = (value + square / (2 * trials)) / (1 + square / trials)
    reach = _Z * (value * (1 - value) / trials + square / (4 * trials**2)) ** 0.5 / (1 + square / trials)
    # At the ends the interval ends exactly there, whatever the last bits say.
    low, high = 0.0 if not successes else middle - reach, 1.0 if successes == trials else middle + reach
    return Estimate(value, low, high, trials)


def difference(values: Any, others: Any, units: Any = None) -> Estimate:
    """Mean over rows of `values` - `others`, paired by row; a row that lacks one of them is left out.

    Where no row differs the interval is the point 0: rows that were not drawn may differ all the same.
    """
    values, units = _kept(np.asarray(values, float) - np.asarray(others, float), units)
    return bootstrap(_sums(units, values, np.ones_like(values)), ratio)


def gap(values: Any, groups: Sequence[str], first: Any, units: Any = None) -> Estimate:
    """Mean over groups of (mean of the rows where `first`) - (mean of the others): order gap, repetition gain.

    `groups` names the group of each row and `first` is a mask over rows. Groups that lack one side, and rows of the
    group "", are left out. Groups are units unless `units` says which rows, and so which groups, belong together.
    """
    values, first, names = np.asarray(values, float), np.asarray(first, bool), np.asarray(groups, str)
    held = ~np.isnan(values) & (names != "")
    values, first, number = values[held], first[held], _numbered(names[held])
    count = int(number.max(initial=-1)) + 1
    here, there = (_sums(number[side], values[side], np.ones(int(side.sum())), size=count) for side in (first, ~first))
    both = (here[:, 1] > 0) & (there[:, 1] > 0)
    gaps = ratio(here[both]) - ratio(there[both])
    own = np.arange(count)
    if units is not None:
        own[number] = np.asarray(units)[held]
    return bootstrap(_sums(_numbered(own[both]), gaps, np.ones_like(gaps)), ratio)


def balanced_accuracy(labels: Sequence[Any], said: Mapping[Any, Any], units: Any = None) -> Estimate:
    """Mean over labels of the share of their rows that were answered with them; nan where all rows have one label.

    `said` holds for each answer an array over rows: 1 where the row was answered so, or the share of its samples that
    were. What is missing to 1 is no answer, which is right for no row.
    """
    table, kinds = _confusion(labels, said, units)

    def figure(sums: np.ndarray) -> np.ndarray:
        counts = sums.reshape(*sums.shape[:-1], kinds, -1)
        right = np.diagonal(counts, axis1=-2, axis2=-1)
        recalls: np.ndarray = divided(right, counts.sum(-1)).mean(-1)
        return recalls if kinds > 1 else recalls * np.nan

    return bootstrap(table, figure)


def matthews(labels: Sequence[Any], said: Mapping[Any, Any], units: Any = None) -> Estimate:
    """Matthews correlation of labels and answers, for any number of labels (R_K of Gorodkin 2004); `said` as above.

    No answer counts as an answer of its own. 0 where all answers are equal, nan where all labels are.
    """
    table, kinds = _confusion(labels, said, units)

    def figure(sums: np.ndarray) -> np.ndarray:
        counts = sums.reshape(*sums.shape[:-1], kinds, -1)
        true, answered, whole = counts.sum(-1), counts.sum(-2), sums.sum(-1)
        agree = np.diagonal(counts, axis1=-2, axis2=-1).sum(-1) * whole - (true * answered[..., :kinds]).sum(-1)
        # Shares of samples need not sum to a whole number, so what is zero is told by its size.
        some, many = (np.where((left := whole**2 - (part**2).sum(-1)) > 1e-9 * whole**2, left, 0) for part in (true, answered))
        return np.where(some > 0, np.where(many > 0, divided(agree, np.sqrt(some * many)), 0.0), np.nan)

    return bootstrap(table, figure)


def bootstrap(sums: np.ndarray, figure: Callable[[np.ndarray], np.ndarray]) -> Estimate:
    """`figure` of the sums over units, with the interval of drawing the units again.

    `sums` has shape (units, k); `figure` maps (..., k) to (...) and gives nan where the sums do not say. The interval
    lies between percentiles of the draws, moved outward as far as few units need: by t instead of the normal, and by
    the bootstrap's own narrowness (Hesterberg 2015, "What Teachers Should Know About the Bootstrap", expanded percentiles).
    """
    count = len(sums)
    value = float(figure(sums.sum(0))) if count else np.nan
    if count < 2 or np.isnan(value):
        return Estimate(value, None, None, count)
    counts = _draws(count)
    step = max(1, BLOCK // count)
    drawn = figure(np.concatenate([counts[at : at + step] @ sums for at in range(0, RESAMPLES, step)]))
    drawn = drawn[~np.isnan(drawn)]
    if not len(drawn):
        return Estimate(value, None, None, count)
    tail = _tail(count)
    low, high = np.quantile(drawn, (tail, 1 - tail))
    return Estimate(value, min(float(low), value), max(float(high), value), count)


@lru_cache(maxsize=1)
def _draws(count: int) -> np.ndarray:
    """How often each unit is drawn in each resample, shape (RESAMPLES, count), uint8.

    One generator for all: the figures of one set of rows are drawn together, and so is their difference. Streams are
    too slow for millions of draws, so one gives the key of raw Philox words, which no numpy changes.
    """
    words = np.random.Philox(key=Stream("bootstrap", count).raw(2))
    found = np.empty((RESAMPLES, count), np.uint8)
    step = max(1, BLOCK // count)
    for at in range(0, RESAMPLES, step):
        size = min(step, RESAMPLES - at)
        # The bias of at most count / 2**32 is far below what 2,000 draws can show.
        picks = (words.random_raw(size * count) >> np.uint64(32)) * np.uint64(count) >> np.uint64(32)
        picks = picks.astype(np.int64).reshape(size, count) + count * np.arange(size)[:, None]
        found[at : at + size] = np.bincount(picks.ravel(), minlength=size * count).reshape(size, count)
    return found


def _tail(count: int) -> float:
    """The share of draws that lies beyond each end of the interval of so many units."""
    free = count - 1
    # Student's quantile by its expansion in 1 / degrees of freedom (Abramowitz and Stegun 26.7.5).
    t = (
        _Z
        + (_Z**3 + _Z) / (4 * free)
        + (5 * _Z**5 + 16 * _Z**3 + 3 * _Z) / (96 * free**2)
        + (3 * _Z**7 + 19 * _Z**5 + 17 * _Z**3 - 15 * _Z) / (384 * free**3)
    )
    return NormalDist().cdf(-t * (count / free) ** 0.5)


def _numbered(values: Any) -> np.ndarray:
    """The values as numbers from 0, equal where they are."""
    return np.asarray(np.unique(np.asarray(values), return_inverse=True)[1].reshape(-1), np.int64)


def _kept(values: np.ndarray, units: Any) -> tuple[np.ndarray, np.ndarray]:
    """Values without nan, and the units of what is left."""
    held = ~np.isnan(values)
    return values[held], _numbered(np.flatnonzero(held) if units is None else np.asarray(units)[held])


def _sums(units: np.ndarray, *columns: np.ndarray, size: int = 0) -> np.ndarray:
    """Sums of the columns over units, shape (units, columns)."""
    return np.stack([np.bincount(units, column, size) for column in columns], -1)


def ratio(sums: np.ndarray) -> np.ndarray:
    return divided(sums[..., 0], sums[..., 1])


def divided(upper: np.ndarray, lower: np.ndarray) -> np.ndarray:
    """The quotient, nan where there is none."""
    found: np.ndarray = np.divide(upper, lower, out=np.full(np.shape(upper), np.nan), where=lower > 0)
    return found


def _confusion(labels: Sequence[Any], said: Mapping[Any, Any], units: Any) -> tuple[np.ndarray, int]:
    """Sums over units of (label, answer), flat, with no answer as the last one, and how many labels there are."""
    kinds = sorted(set(labels))
    if not kinds:
        return np.empty((0, 1)), 0
    shares = [np.asarray(said.get(kind, np.zeros(len(labels))), float) for kind in kinds]
    shares.append(1 - np.sum(shares, axis=0))
    _, own = _kept(np.zeros(len(labels)), units)
    label = np.array([kinds.index(name) for name in labels])
    return _sums(own, *(np.where(label == kind, share, 0.0) for kind in range(len(kinds)) for share in shares)), len(kinds)
