"""Fresh values of the same form as one that is given: what a right answer is told from.

A gold value is drawn evenly from its form, and so are these. Whoever has not seen the gold cannot tell it from them.
"""

from __future__ import annotations

import re
import string
from collections.abc import Collection, Iterator, Sequence

import numpy as np

from lcgen import forms, languages, telephones
from lcgen.atoms import CONSONANTS, Form, Letters
from lcgen.streams import Stream

MOST_DIGITS, MOST_LETTERS = 18, 12
"""Signs above which there are more numbers, or codes, than a word of 64 bits can count."""
FEW_LETTERS = 6
TRIES = 50
"""Draws for each value wanted before a form is held to be used up."""


def fresh(value: str, lang: str, count: int, rng: Stream, taken: Collection[str] = (), seen: Sequence[str] = ()) -> list[str]:
    """Up to `count` distinct values of the form of `value`, none of them `taken`, or the value, or part of it.

    `seen` are other values of the same form, which show what letters one of no known form is made of. Small forms give
    fewer values.
    """
    found: dict[str, None] = {}
    drawn = _drawn(value, lang, rng, seen)
    for _ in range(TRIES * count):
        if len(found) == count:
            break
        text = next(drawn)
        if text not in value and value not in text and text not in taken:
            found[text] = None
    return list(found)


def alike(one: str, other: str) -> bool:
    """Whether two values look alike: one is part of the other, half of their signs agree, or they share a word."""
    if one in other or other in one:
        return True
    words = [{word for word in re.split(r"[\W_]+", text) if len(word) > 1} for text in (one, other)]
    if words[0] & words[1] and max(map(len, words)) > 1:
        return True
    return len(one) == len(other) and sum(a == b for a, b in zip(one, other)) * 2 >= len(one)


def form_of(value: str, lang: str) -> Form | None:
    """The narrowest form that writes such values in this language; None where none is known.

    A value that was drawn evenly from a wider form is, given that it is of a narrower one, drawn evenly from that.
    """
    width = len(value)
    known: list[Form] = [telephones.numbers(lang, layout) for layout in telephones.LAYOUTS]
    if value.isascii() and value.isdecimal() and width <= MOST_DIGITS:
        known.append(forms.form("digits", lang, width, value[0] == "0" or width == 1))
    known += [forms.form(kind, lang) for kind in ("uuids", "words", "emails")]
    if languages.load(lang).names:
        known.append(forms.form("names", lang))
    if width <= MOST_LETTERS:
        known += [Letters(CONSONANTS, width), forms.form("hex", lang, width), forms.form("codes", lang, width)]
    return next((form for form in known if form.number(value) is not None), None)


def _drawn(value: str, lang: str, rng: Stream, seen: Sequence[str]) -> Iterator[str]:
    """Endless values of the form, or where none is known of the same pattern of digits and letters."""
    form = form_of(value, lang)
    if form is not None:
        while True:
            text = form.texts(np.array([rng.below(form.size)], np.uint64))[0]
            # Of numbers with zeros in front those that begin as the value does.
            if not value.isdecimal() or (text[0] == "0") == (value[0] == "0"):
                yield text
    alphabets: dict[str, set[str]] = {"digit": {*string.digits}}
    for sign in "".join([value, *seen]):
        alphabets.setdefault(_kind(sign), set()).add(sign)
    for kind, whole in (("capital", string.ascii_uppercase), ("letter", string.ascii_lowercase)):
        # A few letters do not show an alphabet.
        if len(alphabets.get(kind, whole)) < FEW_LETTERS:
            alphabets[kind] = {*whole}
    choices = {kind: sorted(signs) for kind, signs in alphabets.items()}
    while True:
        yield "".join(sign if _kind(sign) == "other" else rng.choice(choices[_kind(sign)]) for sign in value)


def _kind(sign: str) -> str:
    if sign.isdecimal():
        return "digit"
    if not sign.isalpha():
        return "other"
    return "capital" if sign.isupper() else "letter"
