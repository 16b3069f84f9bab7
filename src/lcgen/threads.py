"""Where the pieces of threads stand: places on a line, at a depth, in a direction, far enough apart for every depth to be met."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil

from lcgen.streams import Stream

FINE = 1 << 40
"""Places of a line whose units nobody has counted yet."""


@dataclass(frozen=True)
class Line:
    """The line on which threads are laid, and what was asked of the first of them."""

    direction: str
    """forward, backward or random: whether the next piece of a thread stands later, earlier, or anywhere."""
    placement: str
    """random, stratified or clustered: anywhere, one in each of equal parts, or side by side."""
    last: bool = False
    """Whether the last piece of the first thread stands at the depth, not the first one."""
    units: int | None = None
    """Units on the line in all; None where they are not known, but fitted to tokens."""
    depth: float | None = None
    """The depth asked for; None: any, as far as the direction allows."""


@dataclass(frozen=True)
class Laid:
    """Threads on a line."""

    places: Sequence[Sequence[int]]
    """Of each thread the places of its pieces, in the order of the thread; equal to no other."""
    depths: Sequence[Sequence[float]]
    """Of each thread the depths of its pieces; those of a cluster are equal where units are not known."""
    least: int
    """Units that the line must hold for the depths to be met."""
    depth: float
    """Of the piece that was asked for."""


def lay(rng: Stream, lengths: Sequence[int], line: Line, turn: float) -> Laid:
    """Lays threads of these lengths; `turn` in [0, 1) says where the first stands if no depth is asked for.

    In random direction all orders of a thread are as likely, forward and backward ones included: each order that was left out
    would say where the end stands. Raises ValueError, with what is possible, where the depth leaves too few units for the
    pieces that must stand before or behind.
    """
    total = sum(lengths)
    forward = line.direction == "forward"
    bound = lengths[0] - 1 if line.direction != "random" else 0
    behind, ahead = (bound, 0) if forward != line.last else (0, bound)
    if line.placement == "clustered":
        depth = turn if line.depth is None else line.depth
        lead = min(max(round(depth * (total - 1)), ahead), total - 1 - behind)
        threads = _deal(rng, lengths, line, lead, list(range(lead)), list(range(lead + 1, total)), bound)
        if line.units is None:
            return Laid(threads, [[depth] * length for length in lengths], total, depth)
        shift = int(depth * (line.units - total) + 0.5)
        threads = [[place + shift for place in thread] for thread in threads]
        return Laid(threads, _depths(threads, line.units), total, depth)
    size, gap, least, depth, at = _room(total, behind, ahead, line, turn)
    share = at / max(1, size - 1)
    before = ahead + sum(rng.unit() < share for _ in range(total - 1 - bound))
    before = min(max(before, total - 1 - (size - 1 - at) // gap), at // gap)
    even = line.placement == "stratified"
    left = _spread(rng, at, before, gap, even)
    right = [at + gap + place for place in _spread(rng, size - 1 - at, total - 1 - before, gap, even)]
    threads = _deal(rng, lengths, line, at, left, right, bound)
    depths = _depths(threads, size)
    if line.units is None:
        depths[0][-1 if line.last else 0] = depth
    return Laid(threads, depths, least, depth)


def _room(total: int, behind: int, ahead: int, line: Line, turn: float) -> tuple[int, int, int, float, int]:
    """Places of the line, how far pieces stand apart, units needed, and the depth and place of the piece asked for."""
    counted = line.units is not None
    size = FINE if line.units is None else line.units
    # A quarter more units than pieces leave room to place them; where units are counted, all may be pieces.
    least = size if counted else total + total // 4 + 2
    edge = max(1, size - 1) if counted else least - 2
    low, high = ahead / edge, 1 - behind / edge
    depth = low + turn * (high - low) if line.depth is None else line.depth
    at = int(depth * (size - 1) + 0.5)
    if not ahead <= at <= size - 1 - behind:
        most = (
            f"from {low:.4g} on" if ahead and counted else "above 0" if ahead else f"up to {high:.4g}" if counted else "below 1"
        )
        raise ValueError(
            f"direction={line.direction} puts {behind or ahead} pairs {'behind' if behind else 'before'} the one whose depth is asked "
            f"for, and depth {depth:g} leaves no room for them: ask for --depths {most} or random, or take "
            f"anchor={'first' if line.last else 'last'}"
        )
    if counted:
        return size, 1, least, depth, at
    # The nearer to an end, the more units the few that must stand beyond need.
    least = max(least, ceil(behind / (1 - depth)) + 2 if behind else 0, ceil(ahead / depth) + 2 if ahead else 0)
    return size, FINE // (least - 1), least, depth, at


def _spread(rng: Stream, width: int, count: int, gap: int, even: bool) -> list[int]:
    """`count` places below `width`, in their order, each `gap` away from the next and from the end."""
    if even:
        cuts = [number * width // count for number in range(count)] + [width]
        return [low + rng.below(max(1, high - low - gap + 1)) for low, high in zip(cuts, cuts[1:])] if count else []
    return [place + number * (gap - 1) for number, place in enumerate(sorted(rng.sample(width - count * (gap - 1), count)))]


def _deal(
    rng: Stream, lengths: Sequence[int], line: Line, at: int, left: Sequence[int], right: Sequence[int], bound: int
) -> list[list[int]]:
    """The places of each thread in the order of the thread; those that the first one needs on one side it gets there."""
    forward = line.direction == "forward"
    if bound:
        side = right if forward != line.last else left
        own = [side[number] for number in rng.sample(len(side), bound)]
        free = rng.shuffle([place for place in (*left, *right) if place not in own])
    else:
        free = rng.shuffle([*left, *right])
        own, free = free[: lengths[0] - 1], free[lengths[0] - 1 :]
    threads = [[*own, at] if line.last else [at, *own]]
    for length in lengths[1:]:
        threads.append(free[:length])
        free = free[length:]
    return threads if line.direction == "random" else [sorted(thread, reverse=not forward) for thread in threads]


def _depths(threads: Sequence[Sequence[int]], size: int) -> list[list[float]]:
    return [[place / max(1, size - 1) for place in thread] for thread in threads]
