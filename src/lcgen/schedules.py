"""Schedules: in which entries of a numbered document events fall, each once, in a run, or at an interval.

`fair` places events so that no two share an entry and none falls outside. `published` draws as the scripts of Wu et al. do
(arXiv:2409.02076, github.com/mozhu621/LongGenBench): the same draws in the same order from pools of the same sizes, so
that a generator that begins as theirs does gives their entries; what they let collide collides here too. `mended` moves what
collides or falls outside to the nearest place where it does not.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import isqrt
from typing import Literal, Protocol

Kind = Literal["once", "range", "periodic"]
LONGEST = 7
"""Entries of the longest run."""
ONCE_A_YEAR = 365
# Days of 2018 from 0, of the thirty feasts of a menu: the others move, and are drawn. The last one moves in a weekly menu.
FIXED = (0, 13, 31, 44, 59, 75, 90, 110, 120, 133, 156, 171, 184, 206, 227, 243, 262, 285, 303, 325, 358, 347)
PERIODS = (2, 3, 3, 3, 4, 4, 5, 4, 3, 2)
"""Weeks between two of each of the ten recurring dishes of a weekly menu."""
DAYS = (14, 30, 14, 14, 14, 14, 21, 14, 21, 14)
"""Days, in a daily one."""
SIZES = {"diary": (52, 365), "menu": (52, 365), "floors": (100, 300), "blocks": (100, 361)}
"""Entries of the published documents: the short one, the long one."""


class Draws(Protocol):
    """What draws: a `Stream`, or in the tests a generator that begins as the published one did."""

    def below(self, limit: int) -> int:
        """A whole number from 0 to `limit` - 1."""

    def sample(self, limit: int, count: int) -> list[int]:
        """`count` distinct ones, in the order drawn."""


@dataclass(frozen=True)
class Event:
    """One thing that must stand in some entries: `first`, and every `step`-th one after it up to `last`."""

    kind: Kind
    first: int
    last: int
    step: int = 1

    @property
    def entries(self) -> range:
        """Numbers of the entries, from 1."""
        return range(self.first, self.last + 1, self.step)

    def within(self, entries: int) -> Event | None:
        """What of it lies inside a document of so many entries; None where nothing does."""
        kept = [entry for entry in self.entries if 1 <= entry <= entries]
        return replace(self, first=kept[0], last=kept[-1]) if kept else None


def fair(rng: Draws, entries: int, once: int, ranges: int, periodic: int) -> list[Event]:
    """Events of which no two share an entry, none in the first. Raises ValueError with the least entries that would do.

    Events at an interval come first: each takes a place of its own within one common interval, which it repeats at every
    turn or at every second one. Runs stand between them, and what happens once takes what is left.
    """
    if not _fits(entries, once, ranges, periodic):
        enough = next((more for more in range(entries, 20_001) if _fits(more, once, ranges, periodic)), None)
        raise ValueError(
            f"{once} events that happen once, {ranges} in a run and {periodic} at an interval do not fit into {entries} entries without "
            + (f"sharing one; take at least {enough} entries, or fewer events" if enough else "sharing one; take fewer events")
        )
    shortest, longest = _intervals(entries, periodic)
    interval = shortest + rng.below(longest - shortest + 1)
    made = []
    for place in rng.sample(interval, periodic):
        step = interval * (1 + rng.below(2)) if entries > 4 * interval else interval
        first = 2 + place
        made.append(Event("periodic", first, last_of(first, step, entries), step))
    taken = {entry for event in made for entry in event.entries}
    for _ in range(ranges):
        size = 2 + rng.below(_longest(shortest, periodic) - 1)
        starts = [start for start in range(2, entries - size + 2) if taken.isdisjoint(range(start, start + size))]
        start = starts[rng.below(len(starts))]
        made.append(Event("range", start, start + size - 1))
        taken.update(range(start, start + size))
    free = [entry for entry in range(2, entries + 1) if entry not in taken]
    made += [Event("once", free[pick], free[pick]) for pick in sorted(rng.sample(len(free), once))]
    return made


def last_of(first: int, step: int, entries: int) -> int:
    """The last entry that an interval from `first` on meets."""
    return first + (entries - first) // step * step


def _intervals(entries: int, periodic: int) -> tuple[int, int]:
    """The shortest and the longest common interval: 8 to 16 times in a document, with room for a run between two events."""
    shortest = max(3 * periodic, 3, entries // 16)
    return shortest, max(shortest, 5, entries // 8)


def _longest(interval: int, periodic: int) -> int:
    """Entries of the longest run that surely fits between events at this interval."""
    return min(LONGEST, (interval - periodic) // periodic) if periodic else LONGEST


def _fits(entries: int, once: int, ranges: int, periodic: int) -> bool:
    """Whether the events fit, however they are drawn."""
    shortest, longest = _intervals(entries, periodic)
    size = _longest(shortest, periodic) if ranges else 0
    # Each turn has a gap for a run; a run elsewhere can spoil two of them. What comes at an interval comes twice at least.
    room = 2 * ranges <= (entries - 1) // longest and (not periodic or 2 * longest < entries)
    return room and once + ranges * size + periodic * -(-(entries - 1) // shortest) <= entries - 1


def published(rng: Draws, scenario: str, entries: int) -> list[Event]:
    """Events as the published scripts draw them, those outside the document included.

    Raises ValueError for a size that was not published.
    """
    if entries not in SIZES[scenario]:
        short, long = SIZES[scenario]
        raise ValueError(f"rules=published has {short} or {long} entries for scenario={scenario}, not {entries}")
    drawn = {"diary": _diary, "menu": _menu, "floors": _floors, "blocks": _blocks}[scenario](rng, entries)
    # Of what happens once, two in one entry were one check.
    single = {event.first: event for event in drawn if event.kind == "once"}
    return [*single.values(), *(event for event in drawn if event.kind != "once")]


def mended(events: Sequence[Event], scenario: str, entries: int) -> list[Event]:
    """The events, each moved on as little as it takes to lie inside the document, not in its first entry, and beside no other.

    A week or a menu may hold something of every kind, so there only events that happen once give way to each other.
    """
    apart, side = scenario in ("floors", "blocks"), isqrt(entries)
    taken: set[int] = set()
    once: set[int] = set()

    def free(first: int, event: Event) -> Event | None:
        last = last_of(first, event.step, entries) if event.kind == "periodic" else first + event.last - event.first
        moved = Event(event.kind, first, last, event.step)
        if scenario == "blocks" and event.kind != "once":
            # Along a row it stays in its row, along a column in its column.
            if event.kind == "periodic":
                moved = Event(event.kind, first, last_of(first, event.step, -(-first // side) * side), event.step)
            elif event.step == 1 and (first - 1) // side != (last - 1) // side:
                return None
        if moved.last > entries or len(moved.entries) < min(2, len(event.entries)):
            return None
        held = taken if apart else once if event.kind == "once" else set()
        return None if not held.isdisjoint(moved.entries) else moved

    found = []
    for event in sorted(events, key=lambda event: ("periodic", "range", "once").index(event.kind)):
        starts = (2 + (event.first - 2 + more) % (entries - 1) for more in range(entries - 1))
        moved = next(filter(None, (free(first, event) for first in starts)))
        found.append(moved)
        taken.update(moved.entries)
        once.update(moved.entries if moved.kind == "once" else ())
    return sorted(found, key=lambda event: ("once", "range", "periodic").index(event.kind))


def _between(rng: Draws, low: int, high: int) -> int:
    return low + rng.below(high - low + 1)


def _one_of(rng: Draws, items: Sequence[int]) -> int:
    return items[rng.below(len(items))]


def _diary(rng: Draws, entries: int) -> list[Event]:
    """A year of somebody with five relations, whose birthdays are kept."""
    weekly = entries != ONCE_A_YEAR
    rng.below(10), rng.below(10), rng.below(3)  # name, work, children
    # 2018 began on a Monday, and its last day is of the first week of the next year.
    days = [rng.below(ONCE_A_YEAR) for _ in range(5)]
    made = [Event("once", entry, entry) for entry in (day // 7 % 52 + 1 if weekly else day + 1 for day in days)]
    if weekly:
        rng.below(50)  # which event
        start = _between(rng, 2, 51)
        made.append(Event("range", start, start + 1))
        step, first = _one_of(rng, (3, 4, 5)), _between(rng, 10, 19)
    else:
        day = rng.below(ONCE_A_YEAR) + 1
        rng.below(50)
        made.append(Event("once", day, day))
        start, size = rng.below(ONCE_A_YEAR) + 1, _between(rng, 2, 7)
        rng.below(50)
        made.append(Event("range", start, start + size - 1))
        step = _one_of(rng, (30, 40, 60))
        first = _between(rng, 30, ONCE_A_YEAR - step)
    return [*made, Event("periodic", first, last_of(first, step, entries), step)]


def _menu(rng: Draws, entries: int) -> list[Event]:
    """A year of dishes: five feasts, a season, a habit."""
    weekly = entries != ONCE_A_YEAR
    made = []
    for pick in rng.sample(30, 5):
        day = (
            FIXED[pick] if pick < len(FIXED) - weekly else _between(rng, 0, 364) if weekly else _between(rng, 1, ONCE_A_YEAR) - 1
        )
        entry = day // 7 + 1 if weekly else day + 1
        made.append(Event("once", entry, entry))
    rng.below(10)  # which dishes
    start = _between(rng, 1, 52 if weekly else ONCE_A_YEAR)
    size = _between(rng, 1, 4) if weekly else _between(rng, 7, 14)
    made.append(Event("range", start, start + size - 1))
    step = _one_of(rng, PERIODS if weekly else DAYS)
    first = _between(rng, 1, (30 if weekly else ONCE_A_YEAR) - step)
    return [*made, Event("periodic", first, last_of(first, step, entries), step)]


def _floors(rng: Draws, entries: int) -> list[Event]:
    """A tower: five floors with a use of their own, a facility over several, another at an interval."""
    lowest, begin = (2, 2) if entries == 100 else (5, 20)
    floors = [lowest + place for place in rng.sample(entries + 1 - lowest, 5)]
    made = [Event("once", floor, floor) for floor in floors]
    for _ in floors:
        rng.below(29)  # which use
    size = _between(rng, 3, 7)
    start = _between(rng, begin, entries - size)
    made.append(Event("range", start, start + size - 1))
    rng.below(7)
    step = _one_of(rng, (15, 20, 25, 30))
    rng.below(6)
    return [*made, Event("periodic", 20 + step, last_of(20 + step, step, entries), step)]


def _blocks(rng: Draws, entries: int) -> list[Event]:
    """A square of blocks, numbered row by row: five single uses, one along a line, one at an interval along a row."""
    side = isqrt(entries)
    cells = [place % side * side + place // side + 1 for place in rng.sample(entries, 5)]
    made = [Event("once", cell, cell) for cell in cells]
    for _ in cells:
        rng.below(20)  # which use
    down, fixed = rng.below(2) == 0, rng.below(side)
    begin, size = _between(rng, 0, 6 if side == 10 else 14), _between(rng, 2, 4)
    first, step = (begin * side + fixed + 1, side) if down else (fixed * side + begin + 1, 1)
    made.append(Event("range", first, first + (size - 1) * step, step))
    rng.below(7)
    row, step = _one_of(rng, (5,) if side == 10 else (5, 10, 15)), _one_of(rng, (2, 4))
    rng.below(5)
    first = row * side + 1
    return [*made, Event("periodic", first, last_of(first, step, row * side + side), step)]
