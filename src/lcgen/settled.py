"""Units of filler that end so that whatever stands behind them costs the same.

What a lead costs depends on the end of the unit before it: a blank line joins a full stop but not a letter, and in
Chinese a stop joins the word behind it (o200k_base has a token for a stop and "he"), as a closing quote does not.
Behind each of the ends that a language gives as settled every lead cost the same in all bundled vocabularies; kimi
alone sets some quotes apart.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache

from lcgen import languages
from lcgen.pool import BREAK
from lcgen.sentences import LONG, split


def settled(parts: Iterator[tuple[bool, str]], lang: str) -> Iterator[tuple[bool, str, str]]:
    """Of all units whether a document begins with each, its lead, and itself.

    One that does not end well is joined with the next one of its document, up to a sane size.
    """
    glue = languages.load(lang).gap
    for begins, text in parts:
        whole, opened = "", True
        for unit, opens in split(text, lang):
            if whole and not ends_well(whole, lang) and len(whole) + len(unit) <= 2 * LONG:
                whole += glue + unit
                continue
            if whole:
                yield begins, BREAK if opened else glue, whole
                begins = False
            whole, opened = unit, opens
        if whole:
            yield begins, BREAK if opened else glue, whole


def ends_well(unit: str, lang: str) -> bool:
    """Whether behind this unit every lead costs the same."""
    pattern, size = _ends(lang)
    return pattern.search(unit[-size:]) is not None


@lru_cache
def _ends(lang: str) -> tuple[re.Pattern[str], int]:
    """A pattern of the settled ends of a language, and the characters that it needs to see."""
    ends = languages.load(lang).settled
    return re.compile(rf"\w(?:{'|'.join(map(re.escape, ends)) or '(?!)'})\Z"), 1 + max(map(len, ends), default=0)
