"""A text as tokens, and where a value is mentioned in it.

Tokens are a word or number as far as it reaches ("blue-green", "1234567.5", a UUID), one CJK character, or one mark of
punctuation. A value is mentioned where all its tokens stand in a row; so a longer word or number that contains it never
counts.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection, Iterator, Sequence
from itertools import pairwise

Value = tuple[str, ...]  # the tokens of one value

# Scripts without spaces between words. Hangul has spaces, but its particles follow a value directly.
CJK = (
    "\u0e01-\u0eff\u1000-\u109f\u1780-\u17ff\u3005-\u3007\u3041-\u309f\u30a1-\u30fa\u30fc-\u312f\u31a0-\u31bf"
    "\u31f0-\u31ff\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7a3\uf900-\ufaff\U00020000-\U0003ffff"
)
_BLOCKS = ((0x300, 0xE00), (0xF00, 0x1000), (0x1AB0, 0x1B00), (0x1DC0, 0x1E00), (0x20D0, 0x2100))
_MARKS = "".join(chr(c) for low, high in _BLOCKS for c in range(low, high) if unicodedata.category(chr(c))[0] == "M")
# More than 30 marks on one letter are no text (UAX 15), and normalize() takes the square of their number to sort them.
_MARK_RUN = re.compile(r"((?:[^\w\s\x00-\x7f]|[ﾞﾟ]){30})(?:[^\w\s\x00-\x7f]|[ﾞﾟ])+")
_CIRCLED = re.compile("[\u2116\u2460-\u24ff\u2776-\u2793]|[0-9]\ufe0f?\u20e3")  # NFKC would glue these to an item
_COMMA = re.compile(r"，(?![０-９])")  # it groups full-width digits only
_ESCAPE = re.compile(r"\{,\}|,\\!|\\[A-Za-z]{1,20}\s{0,3}(?=\{)|\\[ntr](?![a-z]{0,20}\s{0,3}\{)|\\[,;:!]|\\(?=[^A-Za-z0-9\s])")
_UNESCAPED = {"{,}": ",", r",\!": ",", r"\n": "\n", r"\r": "\n", r"\t": " ", r"\,": " ", r"\;": " ", r"\:": " "}


class _Plain(dict[int, "str | None"]):
    """For `str.translate`: one spelling of spaces, line ends, dashes, quotes and digits; invisible characters go."""

    def __missing__(self, code: int) -> str | None:
        char, kind = chr(code), unicodedata.category(chr(code))
        plain: str | None = char
        if kind == "Cf" or 0xFE00 <= code <= 0xFE0F or code >= 0xE0000 or code in (0x34F, 0x115F, 0x1160, 0x3164):
            plain = None
        elif kind == "Zs" or char == "\t":
            plain = " "
        elif kind in ("Cc", "Zl", "Zp"):
            plain = "\n"
        elif char in "\u2010\u2011\u2012\u2013\u2043\u2212\ufe63\uff0d":  # an em dash parts words, these may join them
            plain = "-"
        elif char in "‘’‛′ʼ＇":
            plain = "'"
        elif char in "“”„«»「」『』":
            plain = '"'
        elif char in "\u066b\u066c":  # what parts and groups Arabic-Indic digits
            plain = "," if char == "\u066c" else "."
        elif kind == "Nd":
            plain = str(unicodedata.decimal(char))
        self[code] = plain
        return plain


_PLAIN = _Plain()


def fold(text: str) -> str:
    """One spelling of everything that differs without meaning: Unicode forms, case, escapes (LaTeX, Markdown, JSON)."""
    if text.isascii():
        text = text.translate(_PLAIN)
    else:
        text = _COMMA.sub(", ", _MARK_RUN.sub(r"\1", _CIRCLED.sub("\n", text)))
        text = unicodedata.normalize("NFKC", text.translate(_PLAIN))
    text = _ESCAPE.sub(lambda found: _UNESCAPED.get(found[0], ""), text)
    text = re.sub(r"(?<=[A-Za-z0-9])\.(?=[A-Z][a-z])", ". ", text).casefold()  # no space after a full stop
    return text if text.isascii() else unicodedata.normalize("NFKC", text)


_NUMBERED = re.compile(r"^[ \t*>]*\(?(\d{1,3})(?:\)|、|\.[ \t*])[ \t*]*(?=\S)", re.M)
_DASHED = re.compile(r"^[ \t]*-(?=\d)", re.M)
_ONE_CJK = re.compile(f"([{CJK}])")
_RAW = re.compile(rf"[\w{_MARKS}.,'-]+|[^\w\s*`~\"(){{}}\[\]$#<>\\]")
_SPACED = re.compile(r"(?<![\w.,'-])\(?\d+(?:(?:\)[ -]?| |-)\d+){1,32}(?!\w|[.,'-]\d)")
_USUAL = re.compile(r"\(?\d{3}[) -]{1,2}\d{3}[ -]\d{4}|\d{1,3}(?: \d{3})+")
_THOUSANDS = re.compile(r"-?\d{1,3}(?:(?:,\d{3})+(?:\.\d+)?|(?:'\d{3})+|(?:_\d{3})+|(?:\.\d{3}){2,})")


def unlisted(text: str) -> str:
    """`text` without what looks like numbers and signs and only marks the items of a list."""
    if len(_DASHED.findall(text)) > 1:
        text = _DASHED.sub("- ", text)
    marks = [int(mark) for mark in _NUMBERED.findall(text)]
    if len(marks) > 1 and marks[0] < 2 and all(after in (1, before + 1) for before, after in pairwise(marks)):
        return _NUMBERED.sub("", text)
    return text


def _digits(text: str) -> str:
    """The digits of one whole number, however grouped; "" for anything else."""
    digits = re.sub(r"[ \-.,'()_]", "", text)
    return digits if digits.isdecimal() and text.count(".") != 1 and text[:1] != "-" else ""


def tokens(folded: str, numbers: Collection[str] = (), forms: Collection[str] = ()) -> list[str]:
    """Tokens of a folded text. Groups of digits are one number where they make one of `numbers`, where they are grouped
    in threes without spaces, or where the usual spacing makes a number of one of `forms`."""
    if not folded.isascii():
        folded = _ONE_CJK.sub(r" \1 ", folded)

    def joined(found: re.Match[str]) -> str:
        digits = _digits(found[0])
        usual = f"digits {len(digits)}" in forms and _USUAL.fullmatch(found[0])
        return digits if usual or (digits in numbers and len(digits) > 3) else found[0]

    out: list[str] = []
    for raw in _RAW.findall(_SPACED.sub(joined, unlisted(folded))):
        if raw.isalnum() or len(raw) == 1:
            out.append(raw)
        else:
            out.extend(_split(raw, numbers))
    return out


def _split(raw: str, numbers: Collection[str]) -> Iterator[str]:
    core = raw.rstrip(".,'_-")
    tail = raw[len(core) :]
    core = core.lstrip(",'_")
    if not re.fullmatch(r"-\d[\d.,]*|\.\d+", core):  # a sign or decimal point belongs to the number
        core = core.lstrip(".,'_-")
    digits = _digits(core)
    if len(digits) > 3 and digits in numbers:
        yield digits
    elif _THOUSANDS.fullmatch(core) and not all(piece in numbers for piece in core.split(",")):
        yield _number(re.sub(r"[,'_]", "", core) if core.count(".") < 2 else core.replace(".", ""))
    elif len(pieces := re.split(r",+|--+|\.\.+", core)) > 1:
        for piece in pieces:
            yield from _split(piece, numbers)
            yield ","
    elif core:
        yield _number(core.removesuffix("'s"))
    if "," in tail or not core:
        yield "," if "," in tail else raw[:1]
    elif "." in tail and len(core) > 1:  # "B." is an initial, no end of a sentence
        yield "."


def _number(token: str) -> str:
    whole, _, part = token.partition(".")
    return whole if part and whole.lstrip("-").isdecimal() and not part.strip("0") else token


def value_of(text: str) -> Value:
    """The tokens of one value without outer punctuation; () if it holds none."""
    folded = fold(text).strip()
    found = tokens(folded, {_digits(folded)})
    kept = [i for i, token in enumerate(found) if token not in ".,;:!?"]
    return tuple(found[kept[0] : kept[-1] + 1] if kept else found)


# Parts of everyday compounds ("well-known", "word-based"), which are no values of the form word-word.
_COMPOUND = re.compile(
    r"\b(?:well|non|self|re|pre|post|co|ex|sub|semi|multi|anti|so|follow|step|one|two|three|four|five|six|seven|eight"
    r"|nine|ten|twenty|thirty|forty|fifty|sixty|seventy|eighty|ninety|in|on|off|up|out|by|to|based|related|like"
    r"|specific|only|free|aware|known|term|time|level|end)\b"
)


def form_of(token: str) -> str:
    """What tokens of one form share: the number of digits, the sizes of the parts of a code or UUID, the number of
    hyphenated words. "" for a plain word."""
    parts = token.split("-")
    if not token.isascii() or not all(part.isalnum() for part in parts):
        return ""
    if token.replace("-", "").isdecimal():
        return f"digits {sum(map(len, parts))}"
    if not all(part.isalpha() for part in parts):
        return f"code {[len(part) for part in parts]}"
    return f"words {len(parts)}" if len(parts) > 1 and not _COMPOUND.search(token) else ""


def spoken(pieces: Sequence[str], values: Collection[Value]) -> list[Value | str]:
    """What a text says, in order: values as tuples, the longest where several begin, and the tokens between them."""
    sizes: dict[str, list[int]] = {}
    for size, first in sorted({(len(value), value[0]) for value in values}, reverse=True):
        sizes.setdefault(first, []).append(size)
    said: list[Value | str] = []
    at = 0
    while at < len(pieces):
        for size in sizes.get(pieces[at], ()):
            if (value := tuple(pieces[at : at + size])) in values:
                said.append(value)
                at += size
                break
        else:
            said.append(pieces[at])
            at += 1
    return said


def mentions(text: str, value: str) -> int:
    """How often `value` stands in `text` as a whole; 0 for a value without content."""
    key = value_of(value)
    return spoken(tokens(fold(text), key), {key}).count(key) if key else 0


def normal(text: str) -> str:
    """The form in which two answers are equal: folded, without quotes, emphasis, brackets and outer punctuation; a
    number without grouping."""
    return " ".join(value_of(text))
