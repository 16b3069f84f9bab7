"""Figures and their intervals: by hand where a hand suffices, by simulation where it does not."""

from __future__ import annotations

import math
import time
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lcgen import estimates
from lcgen.contract import Estimate
from lcgen.estimates import balanced_accuracy, bootstrap, difference, gap, matthews, mean, share, units
from lcgen.streams import Stream


def rows(*shared: tuple[str, str, str]) -> list[dict[str, Any]]:
    return [dict(zip(estimates.SHARED, each)) for each in shared]


def uniforms(stream: Stream, count: int) -> np.ndarray:
    return np.array([stream.unit() for _ in range(count)])


# ---- units


def test_rows_that_share_nothing_are_units() -> None:
    assert units(rows(("a", "", "p"), ("b", "", "q"), ("c", "", "r"))).tolist() == [0, 1, 2]
    assert units([]).tolist() == []
    assert units([{}, {"context_id": None}, {"group_id": ""}]).tolist() == [0, 1, 2], "what is empty is shared with nobody"


@pytest.mark.parametrize("place", range(3))
def test_rows_that_share_one_column_are_one_unit(place: int) -> None:
    made = [["a", "g", "p"], ["b", "h", "q"], ["c", "i", "r"]]
    made[2][place] = made[0][place]
    found = units(rows(*map(tuple, made)))  # type: ignore[arg-type]
    assert found[0] == found[2] != found[1]


def test_rows_hang_together_by_way_of_others() -> None:
    found = units(rows(("a", "", "p"), ("b", "", "q"), ("c", "g", "q"), ("d", "g", "s"), ("d", "", "p"), ("e", "", "z")))
    assert len(set(found[:5])) == 1 and found[5] != found[0]


def test_a_name_in_another_column_is_another_name() -> None:
    assert len(set(units(rows(("x", "", ""), ("", "x", ""), ("", "", "x"))))) == 3


# ---- means


def test_a_share_has_wilsons_interval() -> None:
    # The example of Newcombe 1998, table I: 81 of 263, 15 of 148, 0 of 20, 1 of 29.
    for successes, trials, low, high in ((81, 263, 0.2553, 0.3662), (15, 148, 0.0624, 0.1605), (0, 20, 0, 0.1611), (1, 29, 0.0061, 0.1718)):  # fmt: skip
        found = share(successes, trials)
        assert found.low == pytest.approx(low, abs=5e-5) and found.high == pytest.approx(high, abs=5e-5)
        assert found.value == successes / trials and found.n == trials
    assert share(20, 20).high == 1.0
    for wrong in ((1, 0), (-1, 3), (4, 3)):
        with pytest.raises(ValueError):
            share(*wrong)


def test_yes_and_no_of_single_rows_are_a_share() -> None:
    assert mean([1, 0, 1, 1]) == share(3, 4)
    assert mean([1, 0, math.nan, 1]) == share(2, 3), "what is not there does not count"
    assert mean([1, 0, 1, 1], [0, 1, 2, 2]) != share(3, 4), "rows of one unit are no trials"


def test_agreement_of_all_rows_is_no_certainty() -> None:
    assert mean([1, 1, 1, 1], [0, 0, 1, 1]) == Estimate(1.0, share(2, 2).low, 1.0, 2)
    assert mean([0, 0, 0, 0], [0, 0, 1, 1]) == Estimate(0.0, 0.0, share(0, 2).high, 2)


def test_a_mean_weighs_rows_and_draws_units() -> None:
    found = mean([0.5, 0.25, 0.75, 0.0], [7, 7, 7, 9])
    assert found.value == 0.375 and found.n == 2
    # Draws of two units are both the first, both the second, or one of each.
    assert (found.low, found.high) == (0.0, 0.5)


def test_one_unit_has_no_interval_and_none_no_value() -> None:
    assert mean([0.25, 0.75], [3, 3]) == Estimate(0.5, None, None, 1)
    nothing = mean([math.nan])
    assert math.isnan(nothing.value) and (nothing.low, nothing.high, nothing.n) == (None, None, 0)
    assert mean([]).n == 0


def test_equal_values_have_no_spread() -> None:
    found = mean([0.1] * 7)
    assert found.low == pytest.approx(0.1) == found.high
    assert found.low is not None and found.high is not None and found.low <= found.value <= found.high


@given(st.lists(st.tuples(st.integers(0, 5), st.floats(-3, 3)), min_size=1, max_size=40))
def test_the_interval_holds_the_mean_and_lies_among_the_values(pairs: list[tuple[int, float]]) -> None:
    values = [value for _, value in pairs]
    found = mean(values, [unit for unit, _ in pairs])
    assert found.value == pytest.approx(sum(values) / len(values))
    assert found.n == len({unit for unit, _ in pairs})
    if found.low is not None and found.high is not None and not {*values} <= {0, 1}:
        assert min(values) - 1e-9 <= found.low <= found.value <= found.high <= max(values) + 1e-9


def test_intervals_are_the_same_each_time_and_in_any_order_of_names() -> None:
    values = uniforms(Stream("values"), 60)
    own = np.arange(60) // 3
    first = mean(values, own)
    estimates._draws.cache_clear()
    assert mean(values, own) == first == mean(values, own * 10 + 5)


def test_more_units_tell_more() -> None:
    values = uniforms(Stream("width"), 400)
    widths = [found.high - found.low for count in (10, 40, 400) if (found := mean(values[:count])).low is not None and found.high is not None]  # fmt: skip
    assert widths[0] > widths[1] > widths[2]
    together = mean(values[:40].repeat(10), np.arange(40).repeat(10))
    once = mean(values[:40])
    assert together.n == 40 and (together.low, together.high) == pytest.approx((once.low, once.high)), (
        "rows said again tell nothing"
    )


@pytest.mark.parametrize("count", [8, 30])
@pytest.mark.parametrize("kind", ["uneven", "yes and no", "single yes and no"])
def test_intervals_cover(kind: str, count: int) -> None:
    """95 % intervals hold the truth about 95 times in 100: 600 experiments, each with rows that hang together."""
    stream, runs = Stream("coverage", kind, count), 600
    truth, held = 2 / 3, 0
    for _ in range(runs):
        # The larger of two uniform numbers has mean 2/3.
        levels = np.maximum(uniforms(stream, count), uniforms(stream, count))
        if kind == "uneven":
            found = mean(levels)
        else:
            own = np.arange(count).repeat(1 if kind.startswith("single") else 4)
            found = mean(uniforms(stream, len(own)) < levels[own], own)
        assert found.low is not None and found.high is not None
        held += found.low <= truth <= found.high
    assert 0.92 <= held / runs <= 0.98, held / runs


def test_intervals_without_units_would_not_cover() -> None:
    """What the units are for: eight answers to one context taken for eight contexts give an interval far too narrow."""
    stream, held = Stream("no units"), [0, 0]
    for _ in range(200):
        levels = (uniforms(stream, 20) < 0.5).astype(float).repeat(8)
        values = np.abs(levels - 0.1 * uniforms(stream, 160))
        for place, own in enumerate((np.arange(20).repeat(8), None)):
            found = mean(values, own)
            assert found.low is not None and found.high is not None
            held[place] += found.low <= 0.5 <= found.high
    assert held[0] >= 184 > 120 > held[1]


def test_ten_thousand_rows_take_well_under_a_second() -> None:
    values = uniforms(Stream("many"), 10_000)
    estimates._draws.cache_clear()
    began = time.process_time()
    mean(values)
    assert time.process_time() - began < 1.5, "0.3 s where nothing else runs"
    began = time.process_time()
    mean(values)
    assert time.process_time() - began < 0.3, "the draws are made once"


# ---- differences


def test_a_run_does_not_differ_from_itself() -> None:
    values = uniforms(Stream("self"), 50)
    assert difference(values, values, np.arange(50) // 2) == Estimate(0.0, 0.0, 0.0, 25)


def test_differences_are_paired() -> None:
    """Rows differ much, runs little: what the difference of two means hides, paired rows show."""
    hard = uniforms(Stream("hard"), 40)
    better = np.minimum(hard + 0.05, 1)
    found = difference(better, hard)
    assert found.value == pytest.approx((better - hard).mean()) and found.low is not None and found.low > 0
    first, second = mean(better), mean(hard)
    assert first.low is not None and second.high is not None and first.low < second.high


def test_a_difference_is_of_the_rows_that_both_have() -> None:
    found = difference([1, math.nan, 0.5, 1], [0.5, 1, math.nan, 0])
    assert found.value == 0.75 and found.n == 2
    assert math.isnan(difference([math.nan], [1]).value)


# ---- gaps


def test_a_gap_is_within_groups() -> None:
    values = [1.0, 0.0, 0.5, 0.5, 1.0, 0.5, 9.0, 9.0]
    groups = ["a", "a", "b", "b", "c", "c", "alone", ""]
    first = [True, False, True, False, True, False, True, False]
    found = gap(values, groups, first)
    assert found.value == pytest.approx((1.0 + 0.0 + 0.5) / 3) and found.n == 3
    assert gap(values, groups, [not side for side in first]).value == pytest.approx(-found.value)


def test_a_gap_takes_the_mean_of_each_side_and_leaves_out_nan() -> None:
    found = gap([1, 0, 0, math.nan, 1], ["a", "a", "a", "b", "b"], [True, True, False, True, False])
    assert found == Estimate(0.5, None, None, 1)
    assert math.isnan(gap([], [], []).value) and math.isnan(gap([1.0], ["a"], [True]).value)


def test_groups_of_one_unit_are_drawn_together() -> None:
    values, groups, first = [1.0, 0.0, 0.0, 1.0, 1.0, 0.5], ["a", "a", "b", "b", "c", "c"], [True, False] * 3
    assert gap(values, groups, first).n == 3
    assert gap(values, groups, first, [0, 0, 0, 0, 1, 1]).n == 2
    assert gap(values, groups, first, [0, 0, 0, 0, 1, 1]).value == gap(values, groups, first).value


# ---- agreement


def said(answers: list[str]) -> dict[str, np.ndarray]:
    return {label: np.array([answer == label for answer in answers], float) for label in ("yes", "no")}


CASES = [
    # labels, answers, balanced accuracy, Matthews correlation
    (["yes"] * 4 + ["no"] * 4, ["yes"] * 4 + ["no"] * 4, 1.0, 1.0),
    (["yes"] * 4 + ["no"] * 4, ["no"] * 4 + ["yes"] * 4, 0.0, -1.0),
    (["yes"] * 6 + ["no"] * 2, ["yes"] * 8, 0.5, 0.0),
    # 3 true and 1 false negative, 2 true and 2 false positives: (3*2 - 1*2) / sqrt(4*4*5*3)
    (["yes"] * 4 + ["no"] * 4, ["yes", "yes", "yes", "no", "no", "no", "yes", "yes"], 0.625, 4 / math.sqrt(240)),
    # (90*1 - 4*5) / sqrt(95*94*6*5)
    (["yes"] * 95 + ["no"] * 5, ["yes"] * 90 + ["no"] * 5 + ["yes"] * 4 + ["no"], (90 / 95 + 1 / 5) / 2, (90 * 1 - 4 * 5) / math.sqrt(95 * 94 * 6 * 5)),
]  # fmt: skip


@pytest.mark.parametrize(("labels", "answers", "accuracy", "correlation"), CASES)
def test_agreement_of_two_labels(labels: list[str], answers: list[str], accuracy: float, correlation: float) -> None:
    found = balanced_accuracy(labels, said(answers)), matthews(labels, said(answers))
    assert found[0].value == pytest.approx(accuracy) and found[1].value == pytest.approx(correlation)
    for estimate in found:
        assert estimate.n == len(labels) and estimate.low is not None and estimate.high is not None
        assert estimate.low <= estimate.value <= estimate.high


def test_no_answer_is_right_for_no_row() -> None:
    labels = ["yes", "yes", "no", "no"]
    whole, half = said(["yes", "yes", "no", "no"]), said(["yes", "", "no", ""])
    assert balanced_accuracy(labels, half).value == 0.5 < balanced_accuracy(labels, whole).value
    assert 0 < matthews(labels, half).value < matthews(labels, whole).value == 1
    assert matthews(labels, said([""] * 4)).value == 0
    assert matthews(labels, {}).value == 0 == balanced_accuracy(labels, {}).value


def test_samples_of_a_row_count_by_their_share() -> None:
    labels = ["yes", "no"] * 10
    sure = np.array([0.75, 0.25] * 10)
    found = balanced_accuracy(labels, {"yes": sure, "no": 1 - sure}), matthews(labels, {"yes": sure, "no": 1 - sure})
    assert found[0].value == pytest.approx(0.75) and found[1].value == pytest.approx(0.5)
    same = np.full(20, 0.3)
    assert matthews(labels, {"yes": same, "no": same}).value == pytest.approx(0, abs=1e-9), "rounding is no correlation"


def test_one_label_says_nothing() -> None:
    for figure in (balanced_accuracy, matthews):
        assert math.isnan(figure(["yes"] * 3, said(["yes", "no", "yes"])).value)
        assert math.isnan(figure([], {}).value)


def test_many_labels_agree_as_two_do() -> None:
    labels = ["a", "b", "c"] * 5
    right = {label: np.array([name == label for name in labels], float) for label in "abc"}
    assert matthews(labels, right).value == pytest.approx(1) == balanced_accuracy(labels, right).value
    turned = {label: np.roll(values, 1) for label, values in right.items()}
    assert matthews(labels, turned).value == pytest.approx(-0.5) and balanced_accuracy(labels, turned).value == 0


def test_chance_has_no_correlation() -> None:
    stream = Stream("chance")
    labels, answers = ([stream.choice(["yes", "no"]) for _ in range(400)] for _ in range(2))
    found = matthews(labels, said(answers))
    assert found.low is not None and found.high is not None and found.low < 0 < found.high and found.high - found.low < 0.25


def test_a_figure_of_ones_own() -> None:
    """Any function of sums has an interval: here a correlation, from sums of x, y, xx, yy, xy and rows."""
    stream = Stream("correlation")
    x = uniforms(stream, 200)
    y = x + 0.5 * uniforms(stream, 200)
    sums = np.stack([x, y, x * x, y * y, x * y, np.ones(200)], -1)

    def pearson(s: np.ndarray) -> np.ndarray:
        n = s[..., 5]
        found: np.ndarray = (n * s[..., 4] - s[..., 0] * s[..., 1]) / np.sqrt(
            (n * s[..., 2] - s[..., 0] ** 2) * (n * s[..., 3] - s[..., 1] ** 2)
        )
        return found

    found = bootstrap(sums, pearson)
    assert found.value == pytest.approx(np.corrcoef(x, y)[0, 1])
    assert found.low is not None and found.high is not None and 0.8 < found.low < found.value < found.high < 0.95
