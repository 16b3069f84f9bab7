"""Texts of the task's own: a stream of events in which nothing but the place tells the order, and excerpts counted in words."""

from __future__ import annotations

import re
from itertools import count
from typing import TYPE_CHECKING

import numpy as np

from lcgen import forms, languages
from lcgen.atoms import Table
from lcgen.contract import SPARES, Source, Units
from lcgen.errors import LcgenError
from lcgen.generators._sort_words import Words
from lcgen.mixing import mix
from lcgen.records import Records
from lcgen.streams import Stream
from lcgen.wording import Wording

if TYPE_CHECKING:
    from lcgen.tokens import Scale, Tokenizer

SOLID = re.compile(r"[^\x00-\x20]+")
"""A word between white space, as `Words` finds it; of one sentence by itself this is ten times as fast."""
BLOCK = 256
"""Sentences that an excerpt reads at once."""


class Events(Records):
    """Event i: somebody who comes up nowhere else does something with a thing and at a place that come up nowhere else."""

    def __init__(self, source: Source, wording: Wording, stream: Stream) -> None:
        """Raises LcgenError where the template's event names somebody or something twice, or does not let it happen."""
        deeds = wording.choices("deeds")
        if not deeds:
            raise LcgenError(f"The template {wording.name} has no deeds, which its events need. Take a text as --haystack.")
        self.deeds = forms.Pool(Table("deeds", deeds), Stream("deeds"))
        self.people = forms.Pool(source.share(forms.names(source.lang)), stream.child("people"))
        # Places are the second half of one pool with the things, so that no place is a thing.
        words = forms.form("words", source.lang)
        self.things, self.places = (forms.Pool(words, stream.child("things"), first) for first in (0, words.size // 2))
        pools = {"person": self.people, "deed": self.deeds, "thing": self.things, "place": self.places}
        slots = [slot for _, slot in wording.parts("event") if slot]
        if sorted(slots) != sorted(pools):
            raise LcgenError(
                f"The macro 'event' of template {wording.name} must print {', '.join(pools)} once each, not {', '.join(slots)}."
            )
        super().__init__(*(text or pools[slot] for text, slot in wording.parts("event")), sep=wording.sep)
        self.salt = stream.child("deeds").below(1 << 62)
        self.limit = min(self.people.form.size, words.size // 2)

    def numbers(self, ids: np.ndarray) -> list[np.ndarray]:
        places = np.asarray(ids, np.int64) % self.limit
        done = mix(places.astype(np.uint64), self.salt) % np.uint64(self.deeds.form.size)
        return self.shape.split([done if pool is self.deeds else pool.numbers(places) for pool in self.pools])


class Excerpt(Units):
    """The words of a text from the beginning of a sentence on, each a unit: an excerpt has as many as it is asked for.

    Of documents, such as the books of a folder, it is in one: where too little of one is left, it begins with the next that is long enough.
    """

    def __init__(self, text: Units, lang: str, size: int) -> None:
        """Reads at least `size` words and what a ledger holds beside them, or all that one document has (`limit`); where none has
        so many, those of the longest."""
        self.source, self.lang, self.gap = text, lang, languages.load(lang).gap
        self.form = f"words of {text.form}"
        self.words, opens = self._read(size)
        self.opens = np.array(opens, np.int64)
        """Words that begin a unit of the text."""
        self.limit: int = len(self.words)

    def _read(self, size: int) -> tuple[list[str], list[int]]:
        """The words, and those that begin a unit of the text."""
        text = self.source
        # Twice round, so that the document in whose midst the walk begins is read from its own beginning too.
        most = None if text.limit is None else text.limit * (1 + text.documents)
        longest: tuple[list[str], list[int]] = [], []
        words, opens = longest
        for low in count(0, BLOCK):
            ids = np.arange(low, low + BLOCK if most is None else max(low, min(low + BLOCK, most)))
            for unit, begins in zip(text.text(ids), text.begins(ids).tolist()):
                if begins:
                    if len(words) >= size:
                        return words, opens
                    words, opens = [], []
                opens.append(len(words))
                words += self._split(unit)
                if len(words) > len(longest[0]):
                    longest = words, opens
            if not len(ids) or len(words) >= size + 2 * SPARES:
                break
        return longest

    def _split(self, unit: str) -> list[str]:
        if self.gap:
            return SOLID.findall(unit)
        words = Words(unit, self.lang)
        starts = words.starts.tolist()
        # Where no gap stands between words, one that has a space behind it keeps that.
        return [unit[low:high] for low, high in zip(starts, [*starts[1:], *words.ends[-1:].tolist()])]

    def text(self, ids: np.ndarray) -> list[str]:
        return [self.words[unit % self.limit] for unit in ids.tolist()]

    def sample(self, count: int, sep: str) -> list[str]:
        found = [word for unit in self.source.sample(count, sep) for word in self._split(unit)]
        return [sep + word for word in found[:count]]

    def weights(self, ids: np.ndarray, scale: Scale, sep: str) -> np.ndarray:
        words, kinds = np.unique([self.words[unit % self.limit] for unit in ids.tolist()], return_inverse=True)
        return np.asarray(scale.weights([sep + str(word) for word in words]), np.int64)[kinds]

    def additive(self, tokenizer: Tokenizer) -> bool:
        # How words are cut into tokens hangs on those beside them more often than a probe of a few could find.
        return False
