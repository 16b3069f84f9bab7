"""Telephone numbers of our own making, in the layouts of a language, which stand in a file of it.

In every group of digits the first two differ and the last three are not all the same, so that no digit stands four times in
a row. All numbers of one layout have
one width, so none is part of another.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from functools import cache, cached_property
from itertools import product

import numpy as np

from lcgen import languages
from lcgen.atoms import Atom, Form, Joined, Table
from lcgen.errors import LcgenError
from lcgen.streams import Stream

FILE = "telephones.json"
LAYOUTS = ("hyphens", "plain", "country", "extension")
"""Ways to write a number, which each language has: with hyphens, digits alone, with the country's code, with an extension."""


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

    def text(self, number: int) -> str:
        return self.form.text(number)

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


@cache
def _layouts(lang: str) -> dict[str, tuple[str | Form, ...]]:
    """The layouts of a language by name: constants, groups of digits and codes, in their order.

    They stand in `lang/<code>/telephones.json`, and for languages without that file in `lang/telephones.json`. Raises
    LcgenError for a file that is not as it should be.
    """
    where, text = languages.shared(lang, FILE)
    try:
        found = json.loads(text)
        groups = {name: _group(name, digits) for name, digits in found["groups"].items()}
        codes = {name: Table(f"{name} codes", entries) for name, entries in found.get("codes", {}).items()}
        if ragged := [name for name, table in codes.items() if len({len(entry) for entry in table.entries}) > 1]:
            raise ValueError(f"the codes of {', '.join(ragged)} differ in width")
        known: dict[str, str | Form] = {**groups, **codes}
        return {layout: tuple(known.get(part, part) for part in found["layouts"][layout]) for layout in LAYOUTS}
    except KeyError as error:
        raise LcgenError(f"{where}: {error.args[0]} must be given.") from error
    except ValueError as error:
        raise LcgenError(f"{where}: {error}.") from error
    except (TypeError, AttributeError) as error:
        raise LcgenError(f"{where}: groups, codes and layouts must be objects of lists of texts.") from error


def _group(name: str, digits: Sequence[str]) -> Table:
    """Groups of digits, each one of those that stand at its place; the first two differ, the last three are not three of a kind."""
    groups = ("".join(group) for group in product(*digits))
    kept = [group for group in groups if group[0] != group[1] and len(set(group[-3:])) > 1] if len(digits) > 2 else []
    if not kept:
        raise ValueError(f"the group {name} needs three digits or more that can differ")
    return Table(f"{name} digits", kept)


@cache
def numbers(lang: str, layout: str) -> Block:
    """Telephone numbers in one of LAYOUTS. Raises LcgenError for a language whose file of them is faulty."""
    return Block(Joined(*_layouts(lang)[layout], apart=True))
