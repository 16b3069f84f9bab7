"""Names of people: tables that are the same for all, so that rows are.

English names are the American tables of faker, read as data: none of its random functions is called, and a table that a
later faker changed is refused by its hash. Chinese names are lists of our own.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from functools import cache

from lcgen.errors import LcgenError, unknown
from lcgen.haystack import words

FROZEN = "517608c1a3c85c3724981e56cee7275e2c2c0034841d30b98fdce97416591fc2"
"""SHA-256 of the English tables, one name a line, given names first."""
LANGS = ("en", "zh")


@cache
def given(lang: str) -> tuple[str, ...]:
    """Given names; for Chinese the characters that they are made of. Raises LcgenError where there are none."""
    return _english()[0] if _known(lang) == "en" else words("zh", "given")


@cache
def surnames(lang: str) -> tuple[str, ...]:
    """Family names. Raises LcgenError where there are none."""
    return _english()[1] if _known(lang) == "en" else words("zh", "surnames")


def _known(lang: str) -> str:
    if lang not in LANGS:
        raise unknown("language for names", lang, LANGS)
    return lang


@cache
def _english() -> tuple[tuple[str, ...], tuple[str, ...]]:
    import faker
    from faker.providers.person.en_US import Provider

    # Of one part and plain letters; and no name begins or ends another, so that no full name is part of another.
    tables = (
        (name for name in table if name.isascii() and name.isalpha()) for table in (Provider.first_names, Provider.last_names)
    )
    first, last = tables
    found = apart(first, ends=True), apart(last)
    if (held := hashlib.sha256("\n".join([*found[0], *found[1]]).encode()).hexdigest()) != FROZEN:
        raise LcgenError(
            f"The names of faker {faker.VERSION} are not those that lcgen's rows are made of ({held[:12]} instead of "
            f"{FROZEN[:12]}). Install a faker that lcgen was tested with: pip install 'faker>=25,<41'."
        )
    return found


def apart(names: Iterable[str], ends: bool = False) -> tuple[str, ...]:
    """The names in order, less those that begin another one, or with `ends` end another one, whatever their case."""
    turn = slice(None, None, -1 if ends else 1)
    ranked = sorted({name.casefold()[turn]: name for name in sorted(names)}.items())
    return tuple(name for (key, name), (after, _) in zip(ranked, [*ranked[1:], ("", "")]) if not after.startswith(key))
