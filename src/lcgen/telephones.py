"""Telephone numbers of our own making, in the layouts of a language.

In every group of digits the first two differ and the last three are not all the same, so that no digit stands four times in
a row. All numbers of one layout have
one width, so none is part of another.
"""

from __future__ import annotations

import re
from functools import cache, cached_property
from itertools import product

import numpy as np

from lcgen.atoms import Atom, Form, Joined, Table
from lcgen.streams import Stream

CODES = (20, 27, 30, 31, 32, 34, 36, 39, 41, 43, 45, 46, 47, 48, 49, 51, 52, 54, 56, 57, 58, 60, 61, 62, 63, 64, 65, 81, 82, 84)
"""Country codes of two different digits."""


class Block(Atom):
    """A form whose texts all have one width, written as one block: then its parts need not be weighed one by one."""

    def __init__(self, form: Joined) -> None:
        self.form, self.size = form, form.size
        self.name = f"block {form.name}"
        self._pieces = [atom if isinstance(atom, str) else "" for atom in form.atoms]
        widths = [len(atom.encode()) if isinstance(atom, str) else atom.width for atom in form.atoms]
        self._rows = np.dtype([(f"{place}", f"S{width}") for place, width in enumerate(widths)])
        self.width = sum(widths)

    def blocks(self, numbers: np.ndarray) -> np.ndarray:
        rows = np.empty(len(numbers), self._rows)
        drawn = zip(self.tables, self.form.split(numbers))
        for place, constant in enumerate(self._pieces):
            if constant:
                rows[f"{place}"] = constant.encode()
            else:
                table, chosen = next(drawn)
                rows[f"{place}"] = table.blocks(chosen)
        return rows.view(f"S{self.width}")

    @property
    def tables(self) -> list[Table]:
        """Its groups of digits."""
        return [atom for atom in self.form.atoms if isinstance(atom, Table)]

    def number(self, text: str) -> int | None:
        return self.form.number(text)

    def near(self, text: str, rng: Stream) -> str:
        return self.form.near(text, rng)

    @property
    def apart(self) -> bool:
        return self.form.apart

    @cached_property
    def charset(self) -> frozenset[str]:
        return self.form.charset

    @property
    def pattern(self) -> str:
        return "".join(re.escape(atom) if isinstance(atom, str) else f"(?:{atom.pattern})" for atom in self.form.atoms)


def _group(name: str, heads: str, seconds: str = "0123456789", rest: int = 1) -> Table:
    """Groups of 2 + `rest` digits that begin with one of `heads` and another digit of `seconds`, and do not end with three of a kind."""
    groups = ("".join(digits) for digits in product(heads, seconds, *["0123456789"] * rest))
    return Table(f"{name} digits", [group for group in groups if group[0] != group[1] and len(set(group[-3:])) > 1])


@cache
def _layouts() -> dict[str, dict[str, tuple[str | Form, ...]]]:
    """Per language the layouts of its numbers; the empty language is any other."""
    area, line, extension = _group("area", "23456789"), _group("line", "0123456789", rest=2), _group("extension", "123456789")
    mobile = _group("mobile", "1", "3456789")
    codes = Table("country codes", [str(code) for code in CODES])
    return {
        "": {
            "hyphens": (area, "-", area, "-", line), "plain": (area, area, line),
            "country": ("+", codes, " ", area, " ", area, " ", line), "extension": (area, "-", area, "-", line, " ext. ", extension),
        },
        "zh": {
            "hyphens": (mobile, "-", line, "-", line), "plain": (mobile, line, line),
            "country": ("+86 ", mobile, " ", line, " ", line), "extension": (mobile, "-", line, "-", line, "转", extension),
        },
    }  # fmt: skip


@cache
def numbers(lang: str, layout: str) -> Block:
    """Telephone numbers in a layout: `hyphens`, `plain`, `country` (with its code) or `extension`; in Chinese mobile ones."""
    return Block(Joined(*_layouts().get(lang, _layouts()[""])[layout], apart=True))
