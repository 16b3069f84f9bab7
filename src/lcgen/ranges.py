"""Lengths, depths, fractions and sweeps, parsed from what a person writes. Standard library only."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product
from math import prod
from typing import Any

from lcgen.errors import LcgenError

UNITS = {"": 1, "k": 1024, "m": 1024 * 1024}
LENGTH_HELP = "Write 4k, 1m or a plain number; a..b doubles, a..b:step steps, a~b draws evenly, commas join."
DEPTH_HELP = "Write 0,0.5,1 or 50% or 0..1:0.1, or random."
MOST_TOKENS = 64 * UNITS["m"]
MOST_VALUES = 10_000
"""Most lengths, depths or parameter sets of one part."""


@dataclass(frozen=True)
class Length:
    """One asked length in tokens, or a range `low~high` from which each row draws its own; or a native size in units."""

    low: int
    high: int
    native: bool = False
    """Whether it counts units of the task (pairs, entries, elements), so that tokens are measured."""

    @property
    def config(self) -> str:
        """How configs name it: `4k`, `1k-16k`, `n25`."""
        if self.native:
            return f"n{self.low}"
        return size_label(self.low) if self.low == self.high else f"{size_label(self.low)}-{size_label(self.high)}"

    @property
    def split(self) -> str:
        """How splits name it, where a dash is not allowed: `4k`, `1k_16k`."""
        return self.config.replace("-", "_")


def size_label(tokens: int) -> str:
    """Tokens as a person writes them: `4k`, `1m`, `1000`."""
    for letter in ("m", "k"):
        if tokens % UNITS[letter] == 0:
            return f"{tokens // UNITS[letter]}{letter}"
    return str(tokens)


def counted(text: str) -> float | None:
    """The tokens that a person writes as `4k`, `1.5m` or `1000`; None for what is written otherwise."""
    match = re.fullmatch(r"(\d{1,12}(?:\.\d{1,12})?)([km]?)", text.strip().lower())
    return float(match[1]) * UNITS[match[2]] if match else None


def _tokens(text: str, part: str) -> int:
    tokens = counted(text)
    if tokens is None:
        raise LcgenError(
            f"Cannot read the length {text.strip()!r}{'' if text == part else f' of {part.strip()!r}'}. {LENGTH_HELP}"
        )
    if tokens != int(tokens) or not 1 <= tokens <= MOST_TOKENS:
        raise LcgenError(f"The length {text.strip()!r} must be a whole number of tokens from 1 to {size_label(MOST_TOKENS)}.")
    return int(tokens)


def lengths(text: str) -> tuple[Length, ...]:
    """The lengths of `4k..1m` and the like, in the order written. Raises LcgenError for what cannot be read."""
    found: list[Length] = []
    for part in text.split(","):
        if "~" in part:
            least, _, most = part.partition("~")
            found.append(Length(*_ordered(_tokens(least, part), _tokens(most, part), part)))
        elif ".." in part:
            first, _, rest = part.partition("..")
            last, colon, step = rest.partition(":")
            low, high = _ordered(_tokens(first, part), _tokens(last, part), part)
            if colon:
                found += [Length(n, n) for n in _few(range(low, high + 1, _tokens(step, part)), part)]
            else:
                found += [Length(low << n, low << n) for n in range(64) if low << n <= high]
        else:
            found.append(Length(_tokens(part, part), _tokens(part, part)))
    if len(set(found)) < len(found):
        raise LcgenError(f"--lengths {text!r} names a length twice.")
    return tuple(found)


def _few(values: range, part: str) -> range:
    if len(values) > MOST_VALUES:
        raise LcgenError(
            f"{part.strip()!r} names {len(values):,} values; at most {MOST_VALUES:,} are possible. Take a longer step."
        )
    return values


def _ordered(low: int, high: int, part: str) -> tuple[int, int]:
    if low >= high:
        raise LcgenError(f"The range {part.strip()!r} is empty: {size_label(low)} is not below {size_label(high)}. {LENGTH_HELP}")
    return low, high


def depths(text: str) -> tuple[float | None, ...]:
    """Depths 0..1 as written; (None,) for `random`. Raises LcgenError for what cannot be read or lies outside 0..1."""
    if text.strip().lower() == "random":
        return (None,)
    found: list[float | None] = []
    for part in text.split(","):
        first, dots, rest = part.partition("..")
        if dots:
            last, _, step = rest.partition(":")
            low, high, by = _depth(first), _depth(last), _depth(step or "0.1")
            if low > high or by <= 0:
                raise LcgenError(f"The depth range {part.strip()!r} is empty. {DEPTH_HELP}")
            found += [round(low + n * by, 6) for n in _few(range(int((high - low) / by + 1e-9) + 1), part)]
        else:
            found.append(_depth(part))
    if len(set(found)) < len(found):
        raise LcgenError(f"--depths {text!r} names a depth twice.")
    return tuple(found)


def _depth(text: str) -> float:
    match = re.fullmatch(r"(-?)(\d*\.?\d+|\d+\.)(%?)", text.strip())
    if not match:
        raise LcgenError(f"Cannot read the depth {text.strip()!r}. {DEPTH_HELP}")
    depth = round(float(match[2]) / (100 if match[3] else 1), 6)
    if match[1] or depth > 1:
        raise LcgenError(f"The depth {text.strip()} lies outside 0..1 (0 is the start of the context, 1 its end). {DEPTH_HELP}")
    return depth


def fraction(text: str, option: str) -> tuple[int, int]:
    """`i/n` as numbers, i from 0: a shard of a build, a share of a pool. Raises LcgenError for what is none."""
    match = re.fullmatch(r"\s*(\d{1,6})\s*/\s*(\d{1,6})\s*", text, re.ASCII)
    what = option.rpartition("-")[2]
    if not match:
        raise LcgenError(f"{option} {text!r} is no {what}. Write i/n, with i from 0: 0/4, 1/4, 2/4, 3/4.")
    which, of = int(match[1]), int(match[2])
    if of < 1 or which >= of:
        raise LcgenError(
            f"{option} {text}: there is no {what} {which} of {of}. "
            + (f"They go from 0/{of} to {of - 1}/{of}." if of > 1 else "Write 0/1 for all.")
        )
    return which, of


def sweep(sets: Sequence[tuple[str, Sequence[Any]]]) -> tuple[dict[str, Any], ...]:
    """All combinations of swept values, the last key varying fastest. Raises LcgenError for too many."""
    keys = [key for key, _ in sets]
    if (count := prod(len(values) for _, values in sets)) > MOST_VALUES:
        raise LcgenError(f"--set sweeps over {count:,} combinations; at most {MOST_VALUES:,} are possible.")
    return tuple(dict(zip(keys, values)) for values in product(*(values for _, values in sets)))
