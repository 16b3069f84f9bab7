"""How the names of people are put together, and which are easily taken for each other."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from string import ascii_uppercase

from lcgen import forms
from lcgen.atoms import Table

VOWELS = "aeiou"


class Naming:
    """How the names of a language are put together."""

    def __init__(self, lang: str) -> None:
        self.form = forms.names(lang)
        self.tables = [atom for atom in self.form.atoms if isinstance(atom, Table)]
        family = f"{lang} surnames"
        self.family = next(place for place, table in enumerate(self.tables) if table.name.startswith(family))
        self.gap = " " if " " in self.form.atoms else ""

    def parts(self, name: str) -> list[str]:
        """A name in the parts by which it is put in order, the family name first. All middle parts go with a given name."""
        if not self.gap:
            pieces = self.form.pieces(name)
            return [pieces[self.family], *pieces[: self.family], *pieces[self.family + 1 :]]
        if self.family:
            given, _, family = name.rpartition(self.gap)
        else:
            family, _, given = name.partition(self.gap)
        return [family, given]

    def whole(self, parts: Sequence[str]) -> str:
        """The name that has these parts, the family name first."""
        family, *given = parts
        return self.gap.join([*given[: self.family], family, *given[self.family :]])

    def near(self, name: str) -> tuple[list[str], list[str]]:
        """Names that are easily taken for this one: by a middle initial, and by a letter. Without spaces, by a character alone."""
        family, *given = self.parts(name)
        if not self.gap:
            words = [table.entries for place, table in enumerate(self.tables) if place != self.family]
            changed = [
                [*given[:place], word, *given[place + 1 :]]
                for place, entries in enumerate(words)
                for word in entries
                if word != given[place]
            ]
            return [], [self.whole([family, *other]) for other in changed]
        around, within = (self.whole(parts).split("\0") for parts in ([family, "\0"], ["\0", *given]))
        initials = [f"{given[0]} {letter}.".join(around) for letter in ascii_uppercase]
        letters = [other.join(around) for other in _misspelt(given[0])]
        return initials, letters + [other.join(within) for other in _misspelt(family)]


@cache
def naming(lang: str) -> Naming:
    """How names are put together in a language. Raises LcgenError for one that has no names."""
    return Naming(lang)


def _misspelt(word: str) -> list[str]:
    """The word with one letter inside it doubled, left out, exchanged with the next one, or, a vowel, for another vowel."""
    found: list[str] = []
    for at in range(1, len(word) - 1):
        letter = word[at]
        found += [word[:at] + letter + word[at:], word[:at] + word[at + 1 :]]
        found.append(word[:at] + word[at + 1] + letter + word[at + 2 :])
        found += [word[:at] + vowel + word[at + 1 :] for vowel in VOWELS if letter in VOWELS]
    return sorted(set(found) - {word})
