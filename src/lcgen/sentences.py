"""Sentences: how plain text falls into paragraphs and units of filler, by the rules of its language."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from itertools import groupby

from lcgen import languages
from lcgen.languages import Language

# Never kept: controls, what stands for a damaged character, half surrogates, private use (templates mark their slots
# with it), and marks that no reader can see.
_UNWANTED = re.compile(
    "[\x00-\x08\x0e-\x1b\x7f-\x84\x86-\x9f\xad\u200b\u200e\u200f\u202a-\u202e\u2060-\u206f\ud800-\udfff"
    "\ue000-\uf8ff\ufdd0-\ufdef\ufeff\ufff9-\uffff\U000f0000-\U0010ffff]"
)
SHORT, LONG = 20, 600  # characters: a unit under SHORT is merged with its neighbour, one over LONG is cut


class Rules:
    """Where a sentence of one language ends, and where a long one may be cut: its facts, made ready for splitting."""

    def __init__(self, language: Language) -> None:
        self.gap, self.stops = language.gap, language.stops
        self.opening, self.closing = language.opening, language.closing
        self.ends = frozenset(language.stops + language.closing)
        self.titles, self.numbered, self.shortened, self.openers, self.letters = (
            frozenset(words.split())
            for words in (language.titles, language.numbered, language.shortened, language.openers, language.letters)
        )
        weighty, light, lightest = ([mark + self.gap for mark in marks] for marks in language.cuts)
        # Best first: (marks, how far from the middle in parts of the length).
        self.cuts = ((weighty, 4), (light, 4), ([*weighty, *light, *lightest], 2), ([" "], 2))
        # The run of stops is bounded so that a line of stops cannot take quadratic time.
        closing = f"[{re.escape(language.closing)}]{{0,8}}" if language.closing else ""
        self.unspaced_stop = re.compile(f"[{re.escape(language.stops)}]{{1,20}}{closing} ?")

    def sentences(self, paragraph: str) -> Iterator[str]:
        """Sentences of a paragraph, without white space at their ends."""
        return self._spaced(paragraph) if self.gap else self._unspaced(paragraph)

    def _spaced(self, paragraph: str) -> Iterator[str]:
        words, ends, first = paragraph.split(" "), self.ends, 0
        for at in range(len(words) - 1):
            if words[at][-1] in ends and self._stops(words[at], words[at + 1]):
                yield " ".join(words[first : at + 1])
                first = at + 1
        yield " ".join(words[first:])

    def _stops(self, word: str, after: str) -> bool:
        """Whether a sentence ends with `word`, given the word after it."""
        core = word.rstrip(self.closing)
        start = after.lstrip(self.opening)[:1]
        if core[-1:] not in self.stops or not core or not start or start.islower():
            return False
        if core[-1] != "." or core.endswith(".."):
            return True
        bare = core[:-1].lstrip(self.opening + "-—–")
        if bare in self.titles or (bare in self.numbered and start.isdigit()):
            return False
        if (len(bare) == 1 and bare.isalpha() and bare not in self.letters) or bare in self.shortened:
            return after in self.openers
        if "." in bare and max(map(len, bare.split("."))) <= 2 and not bare[-1].isdigit():  # U.S, e.g, a.m, Ph.D
            return after in self.openers
        return True

    def _unspaced(self, paragraph: str) -> Iterator[str]:
        first = 0
        for found in self.unspaced_stop.finditer(paragraph):
            yield paragraph[first : found.end()].strip()
            first = found.end()
        if first < len(paragraph):
            yield paragraph[first:].strip()

    def pieces(self, sentence: str) -> Iterator[str]:
        """The sentence, cut near its middle at the weightiest mark there as long as it is over LONG characters."""
        size = len(sentence)
        if size <= LONG:
            yield sentence
            return
        cut = middle = size // 2
        for marks, part in self.cuts:
            low, high = max(SHORT, middle - size // part), min(size - SHORT, middle + size // part)
            places = [sentence.rfind(mark, low, middle) for mark in marks]
            places += [sentence.find(mark, middle, high) for mark in marks]
            if max(places, default=-1) >= 0:
                cut = 1 + min((at for at in places if at >= 0), key=lambda at: abs(at - middle))
                break
        yield from self.pieces(sentence[:cut].strip())
        yield from self.pieces(sentence[cut:].strip())


@cache
def _rules(language: Language) -> Rules:
    return Rules(language)


def paragraphs(document: str, lang: str) -> Iterator[str]:
    """Paragraphs of a document on one line each, with single spaces; what holds no letter and no digit is left out."""
    gap = languages.load(lang).gap
    text = _UNWANTED.sub("", document.replace("\r\n", "\n").replace("\r", "\n"))
    lines = [" ".join(line.split()) for line in text.split("\n")]
    # A text wrapped by hand has no long lines, but for a few; elsewhere each line is a paragraph.
    width = 120 if gap else 60
    wrapped = 5 * sum(len(line) for line in lines if len(line) > width) < sum(map(len, lines))
    for filled, group in groupby(lines, bool):
        if filled:
            for paragraph in [gap.join(group)] if wrapped else group:
                if any(map(str.isalnum, paragraph)):
                    yield paragraph


def split(document: str, lang: str) -> Iterator[tuple[str, bool]]:
    """Units of a document, each with whether it opens a paragraph.

    A unit is a sentence; one under SHORT characters is merged with the next (a last one with the one before), one
    over LONG is cut. No unit is empty, starts with a slash, or holds a line end.
    """
    rules = _rules(languages.load(lang))
    ready: tuple[str, bool] | None = None
    unit, opens = "", True
    for paragraph in paragraphs(document, lang):
        first = True
        for sentence in rules.sentences(paragraph):
            for piece in rules.pieces(sentence):
                # A slash after a line end joins the line end in some vocabularies, so it must not come first.
                piece = piece if unit else piece.lstrip("/ ")
                if unit and (len(unit) < SHORT or piece.startswith("/")):
                    unit += rules.gap + piece
                elif piece:
                    if ready:
                        yield ready
                    ready = (unit, opens) if unit else None
                    unit, opens = piece, first
                first = False
    if ready and len(unit) < SHORT:
        ready, unit = (ready[0] + rules.gap + unit, ready[1]), ""
    if ready:
        yield ready
    if unit:
        yield unit, opens


def units(document: str, lang: str) -> Iterator[str]:
    """Units of a document: stripped sentences of a sane size (see `split`)."""
    for unit, _ in split(document, lang):
        yield unit
