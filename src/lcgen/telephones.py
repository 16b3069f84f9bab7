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
from lcgen.atoms import Atom, Form, Joined, Table, Words
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
        # A group of digits is written with the constants behind it, the first one with those before it too.
        said = [""]
        for atom in form.atoms:
            said = [*said[:-1], said[-1] + atom] if isinstance(atom, str) else [*said, ""]
        heads = [said[0], *[""] * len(said)]
        self._groups = [
            Words([head + entry + tail for entry in table.entries]) for head, table, tail in zip(heads, self.tables, said[1:])
        ]
        self.width = sum(group.width for group in self._groups)

    def write(self, numbers: np.ndarray, rows: np.ndarray) -> None:
        low = 0
        for group, drawn in zip(self._groups, self.form.split(numbers)):
            group.write(drawn, rows[:, low : low + group.width])
            low += group.width

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
