"""What to build: lengths, depths and cells, parsed from what a person writes. Standard library only."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from itertools import product
from math import prod
from typing import Any, Literal

from lcgen.errors import LcgenError

UNITS = {"": 1, "k": 1024, "m": 1024 * 1024}
LENGTH_HELP = "Write 4k, 1m or a plain number; a..b doubles, a..b:step steps, a~b draws evenly, commas join."
DEPTH_HELP = "Write 0,0.5,1 or 50% or 0..1:0.1, or random."
MOST_TOKENS = 64 * UNITS["m"]
MOST_VALUES = 10_000
"""Most lengths, depths or parameter sets of one part."""
MOST_SAMPLES = 1_000_000
"""Six digits of an index: file names sort as numbers."""

SHARES = ("train", "validation", "test")
"""Splits that `--disjoint-pools` gives a share of all keys, values and names each."""


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
            + (f"They go from 0/{of} to {of - 1}/{of}." if of else "Write 0/1 for all.")
        )
    return which, of


def check_name(name: str) -> None:
    """Raises LcgenError for what cannot name a build, a suite or a config: names become folders, so none may lead out of one."""
    if not re.fullmatch(r"[A-Za-z0-9][\w.-]{0,95}", name, re.ASCII):
        raise LcgenError(
            f"--name {name[:120]!r} is no name: at most 96 letters, digits, _, - and . only, a letter or digit first."
        )


@dataclass(frozen=True)
class Part:
    """One variant of one task: all its rows share template, haystack and answer budget."""

    task: str
    variant: str
    lang: str
    lengths: tuple[Length, ...]
    depths: tuple[float | None, ...]
    samples: int
    haystack: str
    params: tuple[Mapping[str, Any], ...]
    """The parameter sets of a sweep; one where nothing is swept."""
    name: str
    """Name of its configs, before the length."""
    answer_tokens: int | None = None
    preset: str = ""
    split: str = "test"

    def config(self, length: Length) -> str:
        """The name of the config of one length."""
        return f"{self.name}_{length.config}"

    @property
    def configs(self) -> tuple[str, ...]:
        """The names of all of them, in the order of the lengths."""
        return tuple(map(self.config, self.lengths))


@dataclass(frozen=True)
class Spec:
    """One build. Everything here but `name`, `verify` and `format` decides what the rows are."""

    parts: tuple[Part, ...]
    name: str
    seed: str = "0"
    tokenizer: str = "o200k_base"
    template: str | None = None
    audience: Literal["base", "chat"] = "chat"
    chat_template: str = "auto"
    chat_template_args: Mapping[str, Any] = field(default_factory=dict)
    thinking: int = 0
    reserve: int | None = None
    paired: bool = False
    disjoint: bool = False
    """Whether train, validation and test draw from shares of all keys, values and names that have none in common."""
    share: str | None = None
    """The share of all keys, values and names that is drawn from, such as 3/12; None: the whole."""
    questions: int = 1
    verify: Literal["none", "auto", "full"] = "auto"
    format: Literal["parquet", "jsonl"] = "parquet"

    def __post_init__(self) -> None:
        for split in {part.split for part in self.parts}:
            if not re.fullmatch(r"[A-Za-z0-9]\w*(\.\w+)*", split, re.ASCII) or split == "all":
                raise LcgenError(
                    f"--split {split!r} is no split name: letters, digits, _ and . only, a letter or digit first, and not 'all', which loads every split."
                )
            if self.disjoint and split not in SHARES:
                raise LcgenError(
                    f"--disjoint-pools shares keys and values out between {', '.join(SHARES)}, and --split is {split!r}. Take one of them."
                )
        if self.share is not None:
            fraction(self.share, "--pool-share")
        for name in (self.name, *(part.name for part in self.parts)):
            check_name(name)
        if not self.seed.isprintable() or not 1 <= len(self.seed) <= 100:
            raise LcgenError(f"--seed {ascii(self.seed)[:120]} is no seed: 1 to 100 printable characters, such as a number.")
        for what, value, least in (
            ("--thinking", self.thinking, 0), ("--reserve", self.reserve or 0, 0), ("--questions-per-context", self.questions, 1),
            *(("--samples", part.samples, 1) for part in self.parts),
            *(("--answer-tokens", part.answer_tokens, 1) for part in self.parts if part.answer_tokens is not None),
        ):  # fmt: skip
            if value < least:
                raise LcgenError(f"{what} is {value}, but must be at least {least}.")
        if (most := max(part.samples for part in self.parts)) > MOST_SAMPLES:
            raise LcgenError(f"--samples is {most}, but must be at most {MOST_SAMPLES:,}.")
        distinct(self.parts)


def distinct(parts: Sequence[Part], seen: set[str] | None = None) -> None:
    """Raises LcgenError where two configs would have one name, or one that is `seen` already; adds their names to it."""
    seen = set() if seen is None else seen
    for config in (name for part in parts for name in (part.name, *part.configs)):
        if config in seen or config == "preview":
            raise LcgenError(f"Two configs of this build would both be named {config}. Give one of them another name.")
        seen.add(config)


@dataclass(frozen=True)
class Hub:
    """Where a suite is published (`hub:`)."""

    repository: str
    visibility: Literal["public", "private", "gated"] = "private"
    license: str | None = None
    """An identifier of the Hub's; asked for where text or questions are the user's."""


@dataclass(frozen=True)
class Suite:
    """All that one folder holds: one build or several, of one seed, one format and one way of verifying."""

    builds: tuple[Spec, ...]
    name: str
    hub: Hub | None = None
    epochs_apart: int = 12
    """Shares into which a refresh parts all keys, values and names: so many epochs in a row have none in common."""

    def __post_init__(self) -> None:
        assert len({(spec.seed, spec.verify, spec.format) for spec in self.builds}) == 1, "they are the suite's, not a build's"
        check_name(self.name)
        distinct(self.parts)

    @property
    def parts(self) -> tuple[Part, ...]:
        """The parts of all builds."""
        return tuple(part for spec in self.builds for part in spec.parts)

    @property
    def seed(self) -> str:
        """Of all rows."""
        return self.builds[0].seed

    @property
    def verify(self) -> Literal["none", "auto", "full"]:
        """How far rows are verified while they are made."""
        return self.builds[0].verify

    @property
    def format(self) -> Literal["parquet", "jsonl"]:
        """Of the data files."""
        return self.builds[0].format


def plain(suite: Suite) -> dict[str, Any]:
    """A suite as JSON values."""
    return asdict(suite)


def from_plain(found: Mapping[str, Any]) -> Suite:
    """The suite that `plain` made values of. Raises KeyError or TypeError for anything else."""

    def part(values: Mapping[str, Any]) -> Part:
        lists = {"depths": tuple(values["depths"]), "params": tuple(values["params"])}
        return Part(**{**values, **lists, "lengths": tuple(Length(**length) for length in values["lengths"])})

    builds = tuple(Spec(**{**spec, "parts": tuple(map(part, spec["parts"]))}) for spec in found["builds"])
    return Suite(builds, found["name"], Hub(**found["hub"]) if found["hub"] else None, found["epochs_apart"])


@dataclass(frozen=True)
class Place:
    """The cell of one draw: everything that varies inside a config."""

    length: Length
    depth: float | None
    params: int
    """Which of the part's parameter sets."""
    index: int


def places(part: Part, length: Length, first: int, count: int) -> Iterator[Place]:
    """The draws of a run of indices in row order: by index, then depth, then swept values."""
    for index, depth, params in product(range(first, first + count), part.depths, range(len(part.params))):
        yield Place(length, depth, params, index)


def sweep(sets: Sequence[tuple[str, Sequence[Any]]]) -> tuple[dict[str, Any], ...]:
    """All combinations of swept values, the last key varying fastest. Raises LcgenError for too many."""
    keys = [key for key, _ in sets]
    if (count := prod(len(values) for _, values in sets)) > MOST_VALUES:
        raise LcgenError(f"--set sweeps over {count:,} combinations; at most {MOST_VALUES:,} are possible.")
    return tuple(dict(zip(keys, values)) for values in product(*(values for _, values in sets)))
