"""Schedules of events: fair ones, those of the published scripts draw by draw, and those mended."""

from __future__ import annotations

import random
from collections import Counter
from itertools import pairwise
from math import isqrt

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from lcgen import schedules
from lcgen.streams import Stream

FEW = settings(max_examples=150, deadline=None, derandomize=True)


class Seeded:
    """Draws as the published scripts make them, from the same generator."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)

    def below(self, limit: int) -> int:
        return self.random.randrange(limit)

    def sample(self, limit: int, count: int) -> list[int]:
        return self.random.sample(range(limit), count)


@FEW
@given(
    entries=st.integers(10, 1000),
    once=st.integers(0, 12),
    ranges=st.integers(0, 4),
    periodic=st.integers(0, 4),
    seed=st.integers(0),
)
def test_fair_events_share_no_entry_and_lie_inside(entries: int, once: int, ranges: int, periodic: int, seed: int) -> None:
    try:
        found = schedules.fair(Stream(seed), entries, once, ranges, periodic)
    except ValueError as error:
        assert "do not fit into" in str(error)
        assume(False)
    cells = [entry for event in found for entry in event.entries]
    assert len({*cells}) == len(cells) and all(2 <= cell <= entries for cell in cells)
    assert Counter(event.kind for event in found) == Counter({"once": once, "range": ranges, "periodic": periodic})
    for event in found:
        assert event.entries[-1] == event.last
        if event.kind == "range":
            assert event.step == 1 and 2 <= len(event.entries) <= schedules.LONGEST
        if event.kind == "periodic":
            assert len(event.entries) >= 2 and event.last + event.step > entries


def test_what_cannot_be_placed_is_said_with_what_would_do() -> None:
    with pytest.raises(
        ValueError, match="5 events that happen once, 1 in a run and 3 at an interval do not fit into 12 entries"
    ) as told:
        schedules.fair(Stream(0), 12, 5, 1, 3)
    enough = int(str(told.value).partition("at least ")[2].split()[0])
    assert schedules.fair(Stream(0), enough, 5, 1, 3)
    with pytest.raises(ValueError):
        schedules.fair(Stream(0), enough - 1, 5, 1, 3)


@pytest.mark.parametrize(
    ("scenario", "entries", "once", "ranges", "periodic"),
    [
        ("diary", 52, 478, 200, 1010), ("diary", 365, 596, 458, 550), ("floors", 100, 500, 516, 353),
        ("floors", 300, 500, 503, 1334), ("blocks", 100, 500, 295, 394), ("blocks", 361, 500, 296, 760),
    ],
)  # fmt: skip
def test_the_published_seeds_give_the_published_numbers_of_checks(
    scenario: str, entries: int, once: int, ranges: int, periodic: int
) -> None:
    """Counted in the released data, over the hundred seeds of each set: equal only if every draw is made in its place."""
    found: Counter[str] = Counter()
    for seed in range(100):
        for event in schedules.published(Seeded(seed), scenario, entries):
            found[event.kind] += len(event.entries)
    assert found == Counter({"once": once, "range": ranges, "periodic": periodic})


@pytest.mark.parametrize("entries", [52, 365])
def test_menus_are_drawn_from_pools_of_the_published_sizes(entries: int) -> None:
    """Which of the published feasts move is not known, so seeds give other entries; means are near."""
    sizes: Counter[str] = Counter()
    for seed in range(100):
        for event in schedules.published(Seeded(seed), "menu", entries):
            sizes[event.kind] += len(event.entries)
    wanted = {52: (475, 245, 1239), 365: (498, 995, 1225)}[entries]
    assert all(abs(sizes[kind] - count) < 0.15 * count for kind, count in zip(("once", "range", "periodic"), wanted))


@pytest.mark.parametrize("scenario", [*schedules.SIZES])
@pytest.mark.parametrize("long", [0, 1])
def test_mended_events_collide_no_more_and_most_stand_where_they_were_drawn(scenario: str, long: int) -> None:
    entries = schedules.SIZES[scenario][long]
    side, moved, total = isqrt(entries), 0, 0
    for seed in range(200):
        drawn = schedules.published(Stream("mend", seed), scenario, entries)
        found = schedules.mended(drawn, scenario, entries)
        assert Counter(event.kind for event in found) == Counter(event.kind for event in drawn)
        cells = [entry for event in found for entry in event.entries if scenario in ("floors", "blocks") or event.kind == "once"]
        assert len({*cells}) == len(cells)
        assert all(2 <= entry <= entries for event in found for entry in event.entries)
        for event in found:
            moved, total = moved + (event not in drawn), total + 1
            if event.kind == "range":
                assert len(event.entries) >= 1
            if scenario == "blocks" and event.kind != "once":
                rows = [(entry - 1) // side for entry in event.entries]
                columns = [(entry - 1) % side for entry in event.entries]
                assert len({*rows}) == 1 or len({*columns}) == 1
                assert all(after - before == event.step for before, after in pairwise(event.entries))
    assert 0 < moved < 0.3 * total


def test_other_sizes_were_not_published() -> None:
    with pytest.raises(ValueError, match="rules=published has 52 or 365 entries for scenario=diary, not 60"):
        schedules.published(Stream(0), "diary", 60)
