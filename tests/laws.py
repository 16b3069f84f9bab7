"""What the laws run on: every registered task, with its defaults and with every variant of every preset."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import cache, cached_property
from typing import Any

from lcgen import generators
from lcgen.builders import tables as tabled
from lcgen.builders.build import makers
from lcgen.builders.rows import RowMaker
from lcgen.builders.tables import TableMaker
from lcgen.contract import Setting
from lcgen.errors import LcgenError
from lcgen.params import described
from lcgen.spec import Place
from lcgen.wanted import spec


@dataclass(frozen=True)
class Case:
    """One way to build one task."""

    task: str
    preset: str | None
    lang: str = "en"
    params: tuple[tuple[str, Any], ...] = ()
    """Parameters that are not the task's own defaults."""

    def __str__(self) -> str:
        said = "-".join(f"{name}={value}" for name, value in self.params)
        return f"{self.task}-{self.preset or said or 'defaults'}-{self.lang}"

    @property
    def setting(self) -> Setting | None:
        """The variant of the preset."""
        preset, _, variant = (self.preset or "").partition(":")
        return generators.get(self.task).presets[preset].settings[variant] if preset else None

    @cached_property
    def short(self) -> Sequence[str]:
        """Two short lengths that it can hold; none where it has a size of its own."""
        if spec(self.task, preset=self.preset, params=dict(self.params)).parts[0].lengths[0].native:
            return ()
        # A grid that begins later is of puzzles that a shorter text cannot hold.
        return self.setting.lengths.split(",")[:2] if self.setting and self.setting.lengths else ("1500", "4k")

    @property
    def breaks(self) -> set[int]:
        """Laws that a faithful preset breaks on purpose."""
        preset = generators.get(self.task).presets.get((self.preset or "").partition(":")[0])
        return {*(preset.breaks if preset else ()), *(self.setting.breaks if self.setting else ())}

    def maker(self, **options: Any) -> RowMaker:
        """A row maker of this case; short lengths unless others are asked for."""
        task = generators.get(self.task)
        base: dict[str, Any] = {"lang": self.lang, "preset": self.preset, "params": dict(self.params)}
        if not self.short:
            options.pop("lengths", None)
        elif "lengths" in options and self.setting and self.setting.lengths:
            options["lengths"] = self.short[0]
        else:
            base["lengths"] = ",".join(self.short)
        setting = self.setting
        # A variant whose depths are random may have none that all its threads can be given.
        if task.depths and "depths" not in options and not (setting and setting.depths == "random"):
            base["depths"] = "0,0.3,1"
        made = spec(self.task, **{**base, **options})
        part = dataclasses.replace(made.parts[0], params=_few(made.parts[0].params))
        measured = part.answer_tokens is None and (task.axis == "input" or part.lengths[0].native)
        if measured:
            part = dataclasses.replace(part, answer_tokens=_BUDGETS.get(self))
        maker = makers(dataclasses.replace(made, parts=(part,)))[part.name]
        assert isinstance(maker, RowMaker)
        if measured and self not in _BUDGETS:
            _BUDGETS[self] = maker.answer_tokens(part.lengths[0])
        return maker

    def rows(self, count: int = 2, maker: RowMaker | None = None, **options: Any) -> list[dict[str, Any]]:
        """The rows of `count` indices of every cell."""
        return [*self.each(count, maker, **options)]

    def each(self, count: int, maker: RowMaker | None = None, **options: Any) -> Iterator[dict[str, Any]]:
        """The same one by one, for who takes the first of them alone."""
        maker = maker or self.maker(**options)
        for length in maker.part.lengths:
            for index in range(count):
                for depth in maker.part.depths:
                    for params in range(len(maker.part.params)):
                        yield from maker.rows(Place(length, depth, params, index))


_BUDGETS: dict[Case, int] = {}
"""The answer budget of each case, which 64 draws measure: the first maker of a case does, all others are told."""

RIVALS: dict[str, tuple[tuple[str, Any], ...]] = {
    "needle": (("keys", 4), ("similar_keys", 2)),
    "phone_book": (("shared_surname", 2), ("shared_given", 2)),
}
"""Of a task whose defaults plant the gold alone, parameters that plant what looks like it beside it."""


MODES: dict[str, tuple[dict[str, Any], ...]] = {
    "phone_book": (
        {"style": "instruction", "question": "both", "k_queries": 4},
        {"style": "completion", "number_format": "plain"},
        {"order": "surname", "k_queries": 3, "near_miss": 1, "shared_surname": 1},
        {"order": "number", "reverse": True, "near_miss": 1, "number_format": "country"},
        {"updates": 1, "absent": 0.5, "k_queries": 2, "shared_given": 1, "number_format": "extension"},
        {"distractor_text": "both", "copies": 2},
    ),
    "set_disjointness": (
        {"answer_mode": "intersect_one", "order": "long_first", "within_dup": 1},
        {"answer_mode": "intersect_all", "overlap": 2, "element": "word", "near_misses": 2},
        {"answer_mode": "count", "element": "hex", "padding": "pad_both", "copies": 2, "swap": True},
        {"order": "interleaved", "element": "code"},
        {"padding": "distractor_sets", "element": "email", "question": "both"},
        {"twins": "all", "length_basis": "once", "element": "name"},
    ),
    "sort_order": (
        {"segments": 3, "twins": False, "ask": "last"},
        {"segment_unit": "tokens", "condition": "both", "depth": 0.2, "bins": "0..0.5"},
    ),
    "multi_thread": (
        {"variant": "conditional", "alphabet": "hex", "decoys": 1},
        {"variant": "branched", "alphabet": "words", "walk": True},
        {"variant": "multiple", "alphabet": "consonants", "placement": "clustered"},
    ),
}
"""Parameters that together make other kinds of rows than the defaults do, of tasks that have several kinds."""


def _few(sets: Sequence[Mapping[str, Any]]) -> tuple[Mapping[str, Any], ...]:
    """Of a sweep as many sets of parameters as its longest list has values: each value of each list comes up."""
    lists = {
        name: list(dict.fromkeys(given.get(name) for given in sets)) for name in {name: 0 for given in sets for name in given}
    }
    picks = [
        {name: values[turn % len(values)] for name, values in lists.items()}
        for turn in range(max(map(len, lists.values()), default=1))
    ]
    return tuple(given for given in sets if {name: given.get(name) for name in lists} in picks)


@cache
def cases() -> tuple[Case, ...]:
    """Defaults in both languages, rivals beside the gold, and every variant of every preset whose rows are prompts."""
    found = []
    for name in generators.names():
        found += [Case(name, None), Case(name, None, "zh")]
        found += [Case(name, None, params=RIVALS[name])] if name in RIVALS else []
        found += [Case(name, preset) for preset in presets(name) if not tabled.of(spec(name, preset=preset).parts[0])]
    return tuple(found)


def styles(name: str) -> list[Case]:
    """`MODES`, and each parameter by itself off its default, in every way that it names or in one, where the task takes it alone."""
    found = [Case(name, None, ("en", "zh")[turn % 2], tuple(mode.items())) for turn, mode in enumerate(MODES.get(name, ()))]
    for entry in described(generators.get(name)):
        kind, usual = entry["type"], entry["default"]
        if kind == "bool":
            values: list[Any] = [not usual]
        elif kind in ("int", "float"):
            values = [usual + 2 if kind == "int" else 0.5 if usual != 0.5 else 1.0]
        else:
            values = [value for value in kind.split("|") if value not in ("str", str(usual))]
        for value in values:
            with suppress(LcgenError):
                part = spec(name, params={entry["name"]: value}).parts[0]
                found += [] if tabled.of(part) else [Case(name, None, params=((entry["name"], value),))]
    return found


def presets(name: str) -> list[str]:
    """Every variant of every preset of a task."""
    return [
        f"{preset}:{variant}" if variant else preset
        for preset, entry in generators.get(name).presets.items()
        for variant in entry.settings
    ]


@dataclass(frozen=True)
class Tabled:
    """One way to build one task as rows of numbers: a variant of a preset."""

    task: str
    preset: str

    def __str__(self) -> str:
        return f"{self.task}-{self.preset}"

    def maker(self, **options: Any) -> TableMaker:
        """A maker of its rows."""
        made = spec(self.task, preset=self.preset, **options)
        maker = makers(made)[made.parts[0].name]
        assert isinstance(maker, TableMaker)
        return maker


@cache
def tables() -> tuple[Tabled, ...]:
    """Every variant of every preset whose rows are numbers."""
    return tuple(
        Tabled(name, preset)
        for name in generators.names()
        for preset in presets(name)
        if tabled.of(spec(name, preset=preset).parts[0])
    )


def filler(name: str) -> dict[str, str]:
    """The haystack that is made fastest, for a task that stands in a text."""
    return {"haystack": "noise"} if generators.get(name).haystack == "prose" else {}


def roomy(name: str) -> dict[str, int]:
    """An answer budget for who asks nothing of it: to measure one takes longer than a few rows. On the output axis none is measured."""
    return {"answer_tokens": 1024} if generators.get(name).axis == "input" else {}


def haystacks(name: str) -> list[dict[str, str]]:
    """The fastest haystack of each mode: a task that makes records by itself stands in a text too where a preset of it does."""
    texts = [
        {"haystack": setting.haystack}
        for preset in generators.get(name).presets.values()
        for setting in preset.settings.values()
        if setting.haystack == "noise"
    ]
    return [filler(name), *([text for text in texts[:1] if text != filler(name)])]
