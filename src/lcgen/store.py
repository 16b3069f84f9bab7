"""Units of filler, split once, kept as memory-mapped files in the cache, and weighed once per tokenizer."""

from __future__ import annotations

import hashlib
import logging
import mmap
import re
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from functools import cached_property, partial
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from lcgen import cache, corpus, languages, pool, sources, texts, vault
from lcgen.errors import LcgenError
from lcgen.grams import Grams
from lcgen.settled import ends_well, settled

if TYPE_CHECKING:
    from lcgen.tokens import Scale, Tokenizer

LOG = logging.getLogger(__name__)
SECTION = 24  # sentences of generated prose whose order is kept
LIMIT = 256 << 20  # bytes taken of a corpus, about 60 million tokens


@dataclass(eq=False)
class Store:
    """Units of one text, each behind its lead: the separator that stands before it.

    A lead is a blank line where a paragraph starts, else a space, or nothing in languages written without spaces. The
    units are cut so that a lead costs the same tokens behind any unit of the store (see `settled`).
    """

    name: str
    lang: str
    fingerprint: str
    """16 hex digits of a hash over text, borders and leads: equal text has an equal fingerprint on any machine."""
    section: int
    """Units of a section, in which order is kept; 0 where the whole text is one."""
    charset: frozenset[str]
    """All characters that occur: a value with another one cannot stand in the text."""
    text: memoryview
    """UTF-8 of all units one after another, leads included."""
    borders: NDArray[np.int64]
    """Shape (n + 1,): byte borders of the units in `text`, each with its lead."""
    leads: NDArray[np.uint8]
    """Shape (n,): bytes of each lead."""
    kinds: tuple[list[int], list[int]]
    """Places of units of every kind of start, and of every kind of end (see pool.kinds)."""
    folder: Path | None = None
    """Where it is cached; None for what is kept in memory only."""
    begins: NDArray[np.int64] = field(default_factory=lambda: np.zeros(1, np.int64))
    """Places of the units with which documents begin."""
    _first: NDArray[np.int32] | None = None
    _weights: dict[str, NDArray[np.int32]] = field(default_factory=dict)
    _probes: dict[str, dict[str, Any]] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.leads)

    def __reduce__(self) -> tuple[Callable[..., Store], tuple[Any, ...]]:
        # A worker maps the same files instead of being sent the text.
        return (_opened, (self.name, self.folder)) if self.folder else (noise, (self.lang,))

    def unit(self, i: int) -> str:
        """Unit i without its lead."""
        return str(self.text[self.borders[i] + self.leads[i] : self.borders[i + 1]], "utf-8")

    def led(self, places: Sequence[int] | NDArray[Any]) -> list[str]:
        """Units at these places, each with its lead."""
        at = np.asarray(places, np.int64)
        spans = zip(self.borders[at].tolist(), self.borders[at + 1].tolist())
        return [str(self.text[low:high], "utf-8") for low, high in spans]

    @cached_property
    def grams(self) -> Grams:
        """Tells which words the text may hold."""
        return Grams(self.text, self.borders)

    def distinct(self) -> NDArray[np.int32] | None:
        """Of each unit the first place where its text stands; None where all units differ."""
        return self._first

    def weights(self, tokenizer: Tokenizer) -> NDArray[np.int32]:
        """Shape (n,): tokens that each unit, with its lead, adds behind another unit. Cached by tokenizer."""
        found = self._weights.get(tokenizer.fingerprint)
        if found is None:
            found = self._weights[tokenizer.fingerprint] = self._cached_weights(tokenizer)
        return found

    def probe(self, tokenizer: Tokenizer) -> dict[str, Any]:
        """Report of the scale, with a check of its own under `seams`: each kind of unit end x leads and starts.

        `additive` holds where both find that weights add up; else texts need a full count.
        """
        found = self._probes.get(tokenizer.fingerprint)
        if found is None:
            scale, places = self._scale(tokenizer)
            seams = self._seams(tokenizer, scale, places)
            found = {**scale.report, "additive": bool(scale.additive) and seams["off"] == 0, "seams": seams}
            self._probes[tokenizer.fingerprint] = found
        return found

    # ---- weighing

    def _scale(self, tokenizer: Tokenizer) -> tuple[Scale, list[int]]:
        """A scale over units from all parts of the text and of every kind of start and end; and their places."""
        from lcgen.tokens import Scale

        places = sorted({*self._spread(160), *chain(*self.kinds)})
        sample = self.led(places)
        # The scale weighs behind the shortest text it is given. The end of a unit will do, at half the cost.
        end = sample[0][-24:]
        return Scale(tokenizer, [*sample, languages.load(self.lang).gap + (end.split()[-1] if " " in end else end[-4:])]), places

    def _spread(self, most: int) -> list[int]:
        found: list[int] = np.unique(np.linspace(0, len(self) - 1, most).astype(np.int64)).tolist()
        return found

    def _seams(self, tokenizer: Tokenizer, scale: Scale, places: Sequence[int], most: int = 2400) -> dict[str, int]:
        """How many pairs (a unit of each kind of end, a unit behind it) weigh other than their parts."""
        # Only what stands next to the seam can merge over it.
        before = [self.unit(place)[-24:] for place in self.kinds[1]]
        behind = self.led(places[:: max(1, len(places) * len(before) // most)])
        alone, weights = np.asarray(tokenizer.counts(before)), np.asarray(scale.weights(behind))
        pairs = np.asarray(tokenizer.counts([end + unit for end in before for unit in behind]))
        off = pairs.reshape(len(before), len(behind)) != alone[:, None] + weights
        return {"pairs": off.size, "off": int(off.sum())}

    def _cached_weights(self, tokenizer: Tokenizer) -> NDArray[np.int32]:
        if self.folder is None:
            return self._weigh(tokenizer)
        path = self.folder / f"weights-{_safe(tokenizer.fingerprint)}.npy"
        whose = {"store": self.fingerprint, "tokenizer": tokenizer.fingerprint}
        if path.with_suffix(".json").exists():
            try:
                noted = vault.load(path.with_suffix(".json"))
                if any(noted.get(key) != value for key, value in whose.items()):
                    raise vault.Damaged(f"{path.name} belongs to something else")
                return vault.array(path, noted["file"], np.int32, (len(self),))
            except (vault.Damaged, KeyError, TypeError) as error:
                LOG.warning(f"cached weights in {self.folder} are not used ({error}); weighing anew.")
        weights = self._weigh(tokenizer)
        try:
            vault.replace(path, vault.npy(weights))
            # The note comes last: weights without it are not looked at.
            with vault.room(self.folder):
                noted = {**whose, "file": vault.note(path)}
            vault.replace(path.with_suffix(".json"), vault.dump(noted))
        except vault.NotWritable as error:
            # A cache that others filled may be read-only; the weights are at hand all the same.
            LOG.warning(f"{error} Token weights are not kept.")
        return weights

    def _weigh(self, tokenizer: Tokenizer) -> NDArray[np.int32]:
        # Every unit whole. Sums over the words of generated prose would be faster, but a vocabulary without borders of
        # words merges over a few of them (Chinese in mistral_v1: one sentence in 230), which no sample is sure to show.
        scale, _ = self._scale(tokenizer)
        weights = np.empty(len(self), np.int32)
        for start in range(0, len(self), 20_000):
            stop = min(start + 20_000, len(self))
            weights[start:stop] = scale.weights(self.led(range(start, stop)))
        weights.flags.writeable = False
        return weights


def _safe(name: str) -> str:
    return name if re.fullmatch(r"[\w-]{1,80}", name) else hashlib.sha256(name.encode()).hexdigest()[:16]


# ---- where stores come from


def from_prose(lang: str, sentences: int = 600_000) -> Store:
    """The pool of generated prose of a language, cached by grammar; a section is SECTION sentences of whole paragraphs.

    A few of the sentences asked for may be left out at the end. LcgenError for a language without prose.
    """
    from lcgen import prose

    def make(folder: Path) -> None:
        with closing(pool.Writer(folder, lang, SECTION)) as writer:
            pool.render(writer, prose.write(prose.load(lang), sentences))

    key = f"prose-{lang}-{languages.version(lang)}-{sentences}-{prose.version(lang)[:16]}-{vault.FORMAT}"
    return vault.kept(cache.folder("stores") / key, make, partial(_opened, "prose"))


def from_corpus(source: str, lang: str) -> Store:
    """The units of a corpus (its name, a path or `hf:...`), cached by the content of its files.

    The language a named corpus was added with wins over `lang`. Raises LcgenError as `texts.documents` does.
    """
    record = corpus.resolve(source)
    lang = record.lang or lang
    gap = languages.load(lang).gap

    def make(folder: Path) -> None:
        for breaks in (True, False):
            with closing(pool.Writer(folder, lang, 0)) as writer:
                left_out = 0
                opening = True
                for begins, before, unit in settled(texts.parts(record.source), lang):
                    opening |= begins
                    if writer.size > LIMIT:
                        LOG.warning(f"{record.name} is long; its first {LIMIT >> 20} MiB are used.")
                        break
                    # Units whose end is not settled (tables, lists) are left out; where they are many they stay,
                    # and breaks between paragraphs go instead.
                    if breaks and not ends_well(unit, lang):
                        left_out += len(unit.encode())
                        continue
                    if opening:
                        writer.begins.append(len(writer))
                    writer.add(before if breaks else gap, unit)
                    opening = False
                if len(writer) and 20 * left_out <= writer.size:
                    writer.finish()
                    return
        raise LcgenError(f"{record.source} holds no sentence.")

    key = f"corpus-{lang}-{languages.version(lang)}-{sources.fingerprint(record.source)[:32]}-{vault.FORMAT}"
    return vault.kept(cache.folder("stores") / key, make, partial(_opened, record.name))


def noise(lang: str) -> Store:
    """One short passage, to be repeated: `lang/<code>/noise.txt`, a sentence a line. Kept in memory."""
    path, gap = languages.folder(lang) / "noise.txt", languages.load(lang).gap
    if not path.is_file():
        raise LcgenError(f"There is no noise passage in language {lang!r}; take another haystack.")
    units = [line.strip() for line in path.read_text(encoding="utf-8").splitlines() if line.strip()]
    led = [(gap + unit).encode() for unit in units]
    text, borders = b"".join(led), np.cumsum([0, *map(len, led)], dtype=np.int64)
    leads = np.full(len(led), len(gap), np.uint8)
    fingerprint = pool.identity(hashlib.sha256(text), borders, leads)
    kinds, charset = pool.kinds(text, borders, leads), frozenset(text.decode())
    return Store("noise", lang, fingerprint, len(led), charset, memoryview(text), borders, leads, kinds)


def _opened(name: str, home: Path) -> Store:
    """The store in a folder. Raises vault.Damaged where something is missing or is not what was written."""
    meta = vault.load(home / "meta.json")
    try:
        noted = meta["files"]
        borders = vault.array(home / "borders.npy", noted["borders.npy"], np.int64)
        leads = vault.array(home / "leads.npy", noted["leads.npy"], np.uint8, (len(borders) - 1,))
        begins = (
            vault.array(home / "begins.npy", noted["begins.npy"], np.int64) if "begins.npy" in noted else np.zeros(1, np.int64)
        )
        first = "first.npy" in noted and vault.array(home / "first.npy", noted["first.npy"], np.int32, leads.shape)
        if not vault.intact(home / "text.bin", noted["text.bin"]) or noted["text.bin"]["bytes"] != borders[-1]:
            raise vault.Damaged("text.bin is not what was written")
        with (home / "text.bin").open("rb") as stream:
            text = memoryview(mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ))
        facts = (meta["lang"], meta["fingerprint"], meta["section"], frozenset(meta["charset"]))
        kinds = (meta["kinds"][0], meta["kinds"][1])
        return Store(name, *facts, text, borders, leads, kinds, home, begins, None if first is False else first)
    except (OSError, KeyError, TypeError, ValueError) as error:
        raise vault.Damaged(f"{type(error).__name__}: {error}") from error
