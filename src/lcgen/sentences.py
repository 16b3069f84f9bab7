"""Sentences: how plain text falls into paragraphs and units of filler."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import groupby

SPACELESS = frozenset({"zh", "ja", "th"})  # languages whose sentences follow each other without a space

# Never kept: controls, what stands for a damaged character, half surrogates, private use (templates mark their slots
# with it), and marks that no reader can see.
_UNWANTED = re.compile(
    "[\x00-\x08\x0e-\x1b\x7f-\x84\x86-\x9f\xad\u200b\u200e\u200f\u202a-\u202e\u2060-\u206f\ud800-\udfff"
    "\ue000-\uf8ff\ufdd0-\ufdef\ufeff\ufff9-\uffff\U000f0000-\U0010ffff]"
)
SHORT, LONG = 20, 600  # characters: a unit under SHORT is merged with its neighbour, one over LONG is cut
_OPENING = "\"'“‘«([{"
_CLOSING = "\"'”’»)]}"
_ENDS = frozenset(".!?…" + _CLOSING)


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


_TITLES = _words(
    "Mr Mrs Ms Messrs Dr Prof Rev Hon Gen Col Capt Cpt Lt Sgt Cpl Maj Adm Cmdr Gov Sen Rep Pres Supt Atty Ven Fr Br "
    "Mme Mlle vs cf viz al approx ca"
)
# These end a sentence now and then: they do where a word follows that opens many sentences.
_SHORTENED = _words(
    "St Mt Ft etc Inc Ltd Co Corp Bros Jr Sr Esq Ave Blvd Rd Jan Feb Mar Apr Jun Jul Aug Sept Sep Oct Nov Dec Mon Tue "
    "Wed Thu Fri Sat Sun cent lb lbs oz ft yd mi hr hrs min sec ed eds trans dept est"
)
_NUMBERED = _words("No Nos no nos Art art Sec sec p pp vol vols Vol Vols Fig fig ch Ch chap Chap Eq eq Ex Stat")
_OPENERS = _words(
    "The This These Those That It Its We Our In But And He She They Their His Her A An As If For On At To There When "
    "While With From Since So Such What Where Who Why How No Not All Many Some Every Each Now Then By Under"
)


def _stops(word: str, after: str) -> bool:
    """Whether a sentence ends with `word`, given the word after it."""
    core = word.rstrip(_CLOSING)
    start = after.lstrip(_OPENING)[:1]
    if core[-1:] not in ".!?…" or not core or not start or start.islower():
        return False
    if core[-1] != "." or core.endswith(".."):
        return True
    bare = core[:-1].lstrip(_OPENING + "-—–")
    if bare in _TITLES or (bare in _NUMBERED and start.isdigit()):
        return False
    if (len(bare) == 1 and bare.isalpha() and bare != "I") or bare in _SHORTENED:
        return after in _OPENERS
    if "." in bare and max(map(len, bare.split("."))) <= 2 and not bare[-1].isdigit():  # U.S, e.g, a.m, Ph.D
        return after in _OPENERS
    return True


def _spaced(paragraph: str) -> Iterator[str]:
    words, first = paragraph.split(" "), 0
    for at in range(len(words) - 1):
        if words[at][-1] in _ENDS and _stops(words[at], words[at + 1]):
            yield " ".join(words[first : at + 1])
            first = at + 1
    yield " ".join(words[first:])


# The run of stops is bounded so that a line of stops cannot take quadratic time.
_SPACELESS_STOP = re.compile(r"[。！？；!?]{1,20}[”’」』）》】\"')]{0,8} ?")


def _unspaced(paragraph: str) -> Iterator[str]:
    first = 0
    for found in _SPACELESS_STOP.finditer(paragraph):
        yield paragraph[first : found.end()].strip()
        first = found.end()
    if first < len(paragraph):
        yield paragraph[first:].strip()


# Where a long sentence may be cut, best first: (marks, how far from the middle in parts of the length).
_CUTS = ((("; ", ": "), 4), ((", ",), 4), (("; ", ": ", ", "), 2), ((" ",), 2))
_SPACELESS_CUTS = ((("；", "："), 4), (("，",), 4), (("；", "：", "，", "、"), 2), ((" ",), 2))


def _pieces(sentence: str, spaceless: bool) -> Iterator[str]:
    """The sentence, cut near its middle at the weightiest mark there as long as it is over LONG characters."""
    size = len(sentence)
    if size <= LONG:
        yield sentence
        return
    cut = middle = size // 2
    for marks, part in _SPACELESS_CUTS if spaceless else _CUTS:
        low, high = max(SHORT, middle - size // part), min(size - SHORT, middle + size // part)
        places = [sentence.rfind(mark, low, middle) for mark in marks]
        places += [sentence.find(mark, middle, high) for mark in marks]
        if max(places) >= 0:
            cut = 1 + min((at for at in places if at >= 0), key=lambda at: abs(at - middle))
            break
    yield from _pieces(sentence[:cut].strip(), spaceless)
    yield from _pieces(sentence[cut:].strip(), spaceless)


def paragraphs(document: str, lang: str) -> Iterator[str]:
    """Paragraphs of a document on one line each, with single spaces; what holds no letter and no digit is left out."""
    spaceless = lang in SPACELESS
    text = _UNWANTED.sub("", document.replace("\r\n", "\n").replace("\r", "\n"))
    lines = [" ".join(line.split()) for line in text.split("\n")]
    # A text wrapped by hand has no long lines, but for a few; elsewhere each line is a paragraph.
    width = 60 if spaceless else 120
    wrapped = 5 * sum(len(line) for line in lines if len(line) > width) < sum(map(len, lines))
    for filled, group in groupby(lines, bool):
        if filled:
            for paragraph in [("" if spaceless else " ").join(group)] if wrapped else group:
                if any(map(str.isalnum, paragraph)):
                    yield paragraph


def split(document: str, lang: str) -> Iterator[tuple[str, bool]]:
    """Units of a document, each with whether it opens a paragraph.

    A unit is a sentence; one under SHORT characters is merged with the next (a last one with the one before), one
    over LONG is cut. No unit is empty, starts with a slash, or holds a line end.
    """
    spaceless = lang in SPACELESS
    glue = "" if spaceless else " "
    ready: tuple[str, bool] | None = None
    unit, opens = "", True
    for paragraph in paragraphs(document, lang):
        first = True
        for sentence in _unspaced(paragraph) if spaceless else _spaced(paragraph):
            for piece in _pieces(sentence, spaceless):
                # A slash after a line end joins the line end in some vocabularies, so it must not come first.
                piece = piece if unit else piece.lstrip("/ ")
                if unit and (len(unit) < SHORT or piece.startswith("/")):
                    unit += glue + piece
                elif piece:
                    if ready:
                        yield ready
                    ready = (unit, opens) if unit else None
                    unit, opens = piece, first
                first = False
    if ready and len(unit) < SHORT:
        ready, unit = (ready[0] + glue + unit, ready[1]), ""
    if ready:
        yield ready
    if unit:
        yield unit, opens


def units(document: str, lang: str) -> Iterator[str]:
    """Units of a document: stripped sentences of a sane size (see `split`)."""
    for unit, _ in split(document, lang):
        yield unit
