"""What to build: parts, builds, suites, and the cells of their draws. Standard library only."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from itertools import product
from typing import Any, Literal

from lcgen.errors import LcgenError
from lcgen.ranges import Length, fraction

MOST_SAMPLES = 1_000_000
"""Six digits of an index: file names sort as numbers."""

SHARES = ("train", "validation", "test")
"""Splits that `--disjoint-pools` gives a share of all keys, values and names each."""


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
