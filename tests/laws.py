"""What the laws run on: every registered task, with its defaults and with every variant of every preset."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from lcgen import generators
from lcgen.api import spec
from lcgen.builders.build import makers
from lcgen.builders.rows import RowMaker
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
    def breaks(self) -> set[int]:
        """Laws that a faithful preset breaks on purpose."""
        preset = generators.get(self.task).presets.get((self.preset or "").partition(":")[0])
        return set(preset.breaks) if preset else set()

    def maker(self, **options: Any) -> RowMaker:
        """A row maker of this case; short lengths unless others are asked for."""
        task = generators.get(self.task)
        base: dict[str, Any] = {"lengths": "1500,4k", "lang": self.lang, "preset": self.preset}
        if spec(self.task, lang=self.lang, preset=self.preset).parts[0].lengths[0].native:
            options.pop("lengths", None)
            del base["lengths"]
        if task.depths and "depths" not in options:
            base["depths"] = "0,0.3,1"
        made = spec(self.task, **{**base, **options})
        return makers(made)[made.parts[0].name]

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


def cases() -> list[Case]:
    """Defaults in both languages, and every variant of every preset."""
    found = []
    for name in generators.names():
        found += [Case(name, None), Case(name, None, "zh")]
        for preset, entry in generators.get(name).presets.items():
            found += [Case(name, f"{preset}:{variant}" if variant else preset) for variant in entry.settings]
    return found
