"""Haystacks: where filler comes from, bound to a language and a tokenizer."""

from __future__ import annotations

from collections.abc import Callable, Collection
from copy import copy
from functools import cached_property, lru_cache
from math import gcd
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from lcgen import languages
from lcgen.contract import Units, mark
from lcgen.errors import LcgenError
from lcgen.shares import WHOLE, Share

if TYPE_CHECKING:
    from lcgen.atoms import Form
    from lcgen.store import Store
    from lcgen.streams import Stream
    from lcgen.tokens import Scale, Tokenizer


class Haystack:
    """One source of filler in one language, weighed in one vocabulary.

    `kind` is `prose`, `noise`, `records`, the name of an added corpus, a file or folder of text, or
    `hf:DATASET[:column]`. Raises LcgenError where the text cannot be had.
    """

    def __init__(self, kind: str, lang: str, tokenizer: Tokenizer, shared: Share = WHOLE) -> None:
        """`shared` is the share of all keys, values and names that is drawn from."""
        self.shared = shared
        self.kind, self.lang, self.tokenizer = kind, lang, tokenizer
        self.store = None if kind == "records" else _store(kind, lang)
        if self.store is not None:
            self._same_language()
        self.own = kind in ("prose", "noise", "records")
        """Whether the text is lcgen's own, free of rights, or somebody's."""
        self.name = self.store.name if self.store else "records"
        self.fingerprint = self.store.fingerprint if self.store else "records"

    def _same_language(self) -> None:
        assert self.store is not None
        sample = bytes(self.store.text[:20_000]).decode(errors="ignore")
        found = [self.store.lang] if self.store.lang != self.lang else languages.possible(sample)
        if self.lang not in found:
            raise LcgenError(
                f"The haystack {self.store.name} is in {' or '.join(map(repr, found))}, but the prompts are in {self.lang!r}. "
                f"Ask for --lang {' or '.join(found)}."
            )

    @cached_property
    def clean(self) -> np.ndarray | None:
        """Places of the units that hold no control token of the vocabulary; None where all are clean."""
        assert self.store is not None
        hold = [text for text in self.tokenizer.specials if set(text) <= self.store.charset]
        if not hold:
            return None
        whole = bytes(self.store.text)
        dirty = np.zeros(len(self.store), bool)
        for text in hold:
            mark(dirty, whole, self.store.borders, text.encode())
        return np.flatnonzero(~dirty) if dirty.any() else None

    @cached_property
    def twins(self) -> tuple[np.ndarray, np.ndarray] | None:
        """Which units stand more than once, a byte of each, and the first place of each; None where all differ."""
        assert self.store is not None
        first = self.store.distinct()
        if first is None:
            return None
        return np.bincount(first, minlength=len(first))[first] > 1, first

    def sharing(self, shared: Share) -> Haystack:
        """The same with another share."""
        other = copy(self)
        other.shared = shared
        return other

    def share(self, form: Form) -> Form:
        """See Source.share."""
        return self.shared.form(form)

    def filler(self, stream: Stream, records: Callable[[], Units] | None = None) -> Units:
        """Units of this haystack from a place of the stream's own; `records` where the haystack is `records`."""
        if self.store is not None:
            return Passage(self, stream)
        if records is None:
            raise LcgenError("This task has no records of its own. Take --haystack prose, noise, or a text.")
        return records()

    @cached_property
    def tokens(self) -> int:
        """Tokens of the whole text; 0 for records, which have no end."""
        return int(self.store.weights(self.tokenizer).sum(dtype=np.int64)) if self.store is not None else 0

    def facts(self) -> dict[str, Any]:
        """What the manifest says of it."""
        found: dict[str, Any] = {"name": self.name, "lang": self.lang, "fingerprint": self.fingerprint}
        if self.store is not None:
            found |= {"units": len(self.store), "tokens": self.tokens, "probe": self.store.probe(self.tokenizer)}
        return found


@lru_cache(maxsize=8)
def _built_in(kind: str, lang: str) -> Store:
    from lcgen import store

    return store.from_prose(lang) if kind == "prose" else store.noise(lang)


def _store(kind: str, lang: str) -> Store:
    from lcgen import store

    if kind in ("prose", "noise"):
        return _built_in(kind, lang)
    # A text of somebody's may have changed since it was last read.
    if (Path(kind) / "manifest.json").is_file():
        raise LcgenError(f"{kind} is a built dataset, no text for a haystack. Name a folder of texts.")
    return store.from_corpus(kind, lang)


class Passage(Units):
    """An endless walk over a store: sections in an order of the stream's own, sentences in theirs."""

    def __init__(self, haystack: Haystack, stream: Stream) -> None:
        store = haystack.store
        assert store is not None
        self.store, self.tokenizer, self.clean, self.twins = store, haystack.tokenizer, haystack.clean, haystack.twins
        self.form = f"{store.name}:{store.fingerprint}"
        units = len(store) if self.clean is None else len(self.clean)
        if not units:
            raise LcgenError(
                f"Every unit of the haystack {store.name} holds a control token of {haystack.tokenizer.name}. Take another text."
            )
        self.section = store.section if 0 < store.section <= units else 0
        self.documents = not self.section
        # A text without sections is walked from any unit on, in its own order.
        self.sections = units // self.section if self.section else units
        self.limit = self.sections * (self.section or 1)
        self._walked = np.zeros(0, np.int64)
        draw = stream.child("passage")
        self.start, self.stride = draw.below(self.sections), 1
        if self.section:
            while gcd(step := 1 + draw.below(self.sections), self.sections) != 1:
                pass
            self.stride = step

    def places(self, ids: np.ndarray) -> np.ndarray:
        """Where in the store the units of these ids, distinct and in rising order, stand."""
        if not len(ids):
            return np.zeros(0, np.int64)
        low, high = int(ids[0]), int(ids[-1]) + 1
        if high > len(self._walked):
            self._walked = self._walk(int(high * 1.1) + 512)
        # Most often ids are a stretch without a gap, which needs no looking up one by one.
        return self._walked[low:high] if high - low == len(ids) else self._walked[ids]

    def _walk(self, count: int) -> np.ndarray:
        """Places of at least the first `count` units."""
        size = self.section or 1
        leads = (self.start + np.arange(-(-count // size)) * self.stride) % self.sections * size
        found = (leads[:, None] + np.arange(size)).ravel()
        return found if self.clean is None else self.clean[found]

    def begins(self, ids: np.ndarray) -> np.ndarray:
        if not self.documents or not len(ids):
            return super().begins(ids)
        # The first unit of a document may be left out; and behind the end of the text its beginning follows.
        places = self.places(np.concatenate([[max(0, int(ids[0]) - 1)], ids]))
        of = np.searchsorted(self.store.begins, places, side="right")
        found: np.ndarray = (of[1:] != of[:-1]) | (places[1:] < places[:-1])
        return found

    def led(self, unit: int, sep: str) -> str:
        place = int(self.places(np.array([unit]))[0])
        return str(self.store.text[self.store.borders[place] : self.store.borders[place + 1]], "utf-8")

    def sample(self, count: int, sep: str) -> list[str]:
        return self.store.led(np.unique(np.linspace(0, len(self.store) - 1, count).astype(np.int64)).tolist())

    def text(self, ids: np.ndarray) -> list[str]:
        return [self.store.unit(int(place)) for place in self.places(ids)]

    def slices(self, ids: np.ndarray, sep: str) -> list[bytes | memoryview]:
        places = self.places(ids)
        cuts = np.flatnonzero(np.diff(places) != 1) + 1
        borders = self.store.borders
        lows = borders[places[np.concatenate([[0], cuts])]].tolist()
        highs = borders[places[np.concatenate([cuts, [len(places)]]) - 1] + 1].tolist()
        text = self.store.text
        return [text[low:high] for low, high in zip(lows, highs)]

    def sizes(self, ids: np.ndarray, sep: str) -> tuple[np.ndarray, np.ndarray]:
        places, borders = self.places(ids), self.store.borders
        return borders[places + 1] - borders[places], self.store.leads[places].astype(np.int64)

    def weights(self, ids: np.ndarray, scale: Scale, sep: str) -> np.ndarray:
        return self.store.weights(self.tokenizer).take(self.places(ids)).astype(np.int64)

    def additive(self, tokenizer: Tokenizer) -> bool:
        return bool(self.store.probe(tokenizer)["additive"])

    def holding(self, ids: np.ndarray, words: Collection[str]) -> np.ndarray:
        hit = np.zeros(len(ids), bool)
        # A word with a character that the whole text lacks cannot stand in it: no search.
        able = [word for word in words if set(word) <= self.store.charset]
        able = self.store.grams.able(able, len(ids) * len(self.store.text) // len(self.store)) if able else []
        if able:
            text = b"".join(self.slices(ids, ""))
            borders = np.concatenate([[0], np.cumsum(self.sizes(ids, "")[0])])
            for word in able:
                mark(hit, text, borders, word.encode())
        return hit

    def repeats(self, ids: np.ndarray) -> np.ndarray:
        again: np.ndarray = ids >= self.limit
        if self.twins is not None:
            (twinned, first), places = self.twins, self.places(ids)
            suspects, seen = np.flatnonzero(twinned.take(places)), set()
            for suspect, lead in zip(suspects.tolist(), first[places[suspects]].tolist()):
                if lead in seen:
                    again[suspect] = True
                seen.add(lead)
        return again
