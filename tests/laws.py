"""What the laws run on: every registered task, with its defaults and with every variant of every preset."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from lcgen import generators
from lcgen.api import spec
from lcgen.builders.build import makers
from lcgen.builders.rows import RowMaker
from lcgen.contract import Setting
from lcgen.spec import Place


@dataclass(frozen=True)
class Case:
    """One way to build one task."""

    task: str
    preset: str | None
    lang: str = "en"

    def __str__(self) -> str:
        return f"{self.task}-{self.preset or 'defaults'}-{self.lang}"

    @property
    def setting(self) -> Setting | None:
        """The variant of the preset."""
        preset, _, variant = (self.preset or "").partition(":")
        return generators.get(self.task).presets[preset].settings[variant] if preset else None

    @property
    def short(self) -> Sequence[str]:
        """Two short lengths that it can hold; none where it has a size of its own."""
        if spec(self.task, preset=self.preset).parts[0].lengths[0].native:
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
        base: dict[str, Any] = {"lang": self.lang, "preset": self.preset}
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
        return makers(dataclasses.replace(made, parts=(part,)))[part.name]

    def rows(self, count: int = 2, maker: RowMaker | None = None, **options: Any) -> list[dict[str, Any]]:
        """The rows of `count` indices of every cell."""
        maker = maker or self.maker(**options)
        return [
            row
            for length in maker.part.lengths
            for index in range(count)
            for depth in maker.part.depths
            for params in range(len(maker.part.params))
            for row in maker.rows(Place(length, depth, params, index))
        ]


def cheap(task: str) -> str:
    """The haystack that costs least."""
    return "records" if generators.get(task).records_only else "noise"


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


def cases() -> list[Case]:
    """Defaults in both languages, and every variant of every preset."""
    found = []
    for name in generators.names():
        found += [Case(name, None), Case(name, None, "zh")]
        for preset, entry in generators.get(name).presets.items():
            found += [Case(name, f"{preset}:{variant}" if variant else preset) for variant in entry.settings]
    return found
