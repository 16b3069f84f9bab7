"""Directories that stand beside a phone book: of the same people, with e-mail and street addresses in place of numbers."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache

from lcgen import forms, languages
from lcgen.atoms import Digits, Form, Joined, Table
from lcgen.contract import Lane, Plant, Source, Units
from lcgen.errors import LcgenError
from lcgen.records import RESERVED, Records
from lcgen.streams import Stream
from lcgen.wording import Wording
from lcgen.woven import Woven

LINES = {"emails": ("mailbox", "email_head"), "addresses": ("address", "address_head")}
"""The macros that word a line of each directory and its heading. A line has a name and, side by side, the slots of a fact."""


class Directories:
    """The directories of one book. Its own lane comes first in the draft, theirs behind it; a puzzle orders them."""

    def __init__(self, kinds: Sequence[str], names: forms.Pool, source: Source, wording: Wording, rng: Stream) -> None:
        self.kinds, self._wording, self._rng = kinds, wording, rng
        self._lines = [_line(wording.parts(LINES[kind][0]), names, source, rng.child(kind)) for kind in kinds]

    @property
    def lanes(self) -> tuple[Lane, ...]:
        """The lanes of the draft, each under its heading; a book alone has none."""
        heads = ["book_head", *(LINES[kind][1] for kind in self.kinds)]
        return tuple(Lane(f"{self._wording.say(head)}\n") for head in heads) if self.kinds else (Lane(),)

    def order(self) -> list[int]:
        """The lanes as they stand."""
        return self._rng.child("order").shuffle(range(1 + len(self.kinds)))

    def filler(self, book: Units) -> Units:
        """Lines of people whom nobody asks for, in the book and in each directory."""
        return Woven([book, *(Records(*line, sep="\n", start=RESERVED) for line in self._lines)]) if self.kinds else book

    def plants(self, people: Sequence[str], first: int) -> list[Plant]:
        """A line in each directory for everybody who is asked for, in the book or not; parts are counted from `first` on."""
        found = []
        for lane, line in enumerate(self._lines, 1):
            names, facts = (part for part in line if isinstance(part, forms.Pool))
            for number, name in enumerate(people):
                said = {id(names): name, id(facts): facts.text(number)}
                text = "".join(part if isinstance(part, str) else said[id(part)] for part in line)
                found.append(Plant(text, self._rng.unit(), "decoy", first + number, name, said[id(facts)], lane))
        return found


def _line(parts: Sequence[tuple[str, str]], names: forms.Pool, source: Source, rng: Stream) -> list[str | forms.Pool]:
    """A line in constants and two pools: names, and facts, which are what stands from the first slot beside the name to the last one."""
    places = [place for place, (_, slot) in enumerate(parts) if slot not in ("", "name")]
    inner = parts[places[0] : places[-1] + 1]
    if any(slot == "name" for _, slot in inner):
        raise LcgenError("A line of a directory must not have the name between its other slots.")
    facts = forms.Pool(source.share(_fact(source.lang, tuple(inner))), rng)
    head, tail = ([names if slot else text for text, slot in side] for side in (parts[: places[0]], parts[places[-1] + 1 :]))
    return [*head, facts, *tail]


@cache
def _fact(lang: str, parts: tuple[tuple[str, str], ...]) -> Form:
    """Addresses: of two words at domains that are kept for examples, or of houses in streets called by the nouns of a language."""
    streets = [word.title() for word in languages.words(lang, languages.load(lang).keys[2])]
    slots: dict[str, Form] = {
        "mail": Joined(forms.form("words", "en"), "@", Table("domains", forms.DOMAINS)),
        "house": Digits(4, False),
        "street": Table(f"{lang} streets", streets),
    }
    return Joined(*(slots.get(slot) or text for text, slot in parts))
