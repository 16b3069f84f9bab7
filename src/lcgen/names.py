"""Names of people: tables that are the same for all, so that rows are.

Some are tables of faker, read as data: none of its random functions is called, and a table that a later faker changed is
refused by its hash. Those of other languages are word lists of our own, `given` and `surnames`.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from functools import cache
from importlib import import_module

from lcgen import languages
from lcgen.errors import LcgenError

FROZEN = {"en": ("en_US", "517608c1a3c85c3724981e56cee7275e2c2c0034841d30b98fdce97416591fc2")}
"""Languages whose names are faker's: its locale, and the SHA-256 of both tables, one name a line, given names first."""


def given(lang: str) -> tuple[str, ...]:
    """Given names, or what they are made of. Raises LcgenError where the language has none."""
    return _frozen(lang)[0] if lang in FROZEN else tuple(languages.words(lang, "given"))


def surnames(lang: str) -> tuple[str, ...]:
    """Family names. Raises LcgenError where the language has none."""
    return _frozen(lang)[1] if lang in FROZEN else tuple(languages.words(lang, "surnames"))


@cache
def _frozen(lang: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
    locale, frozen = FROZEN[lang]
    provider = import_module(f"faker.providers.person.{locale}").Provider
    # Of one part and plain letters; and no name begins or ends another, so that no full name is part of another.
    first, last = (
        [name for name in table if name.isascii() and name.isalpha()] for table in (provider.first_names, provider.last_names)
    )
    found = apart(first, ends=True), apart(last)
    if (held := hashlib.sha256("\n".join([*found[0], *found[1]]).encode()).hexdigest()) != frozen:
        raise LcgenError(
            f"The names of faker {import_module('faker').VERSION} are not those that lcgen's rows are made of ({held[:12]} "
            f"instead of {frozen[:12]}). Install a faker that lcgen was tested with: pip install 'faker>=25,<41'."
        )
    return found


def apart(names: Iterable[str], ends: bool = False) -> tuple[str, ...]:
    """The names in order, less those that begin another one, or with `ends` end another one, whatever their case."""
    turn = slice(None, None, -1 if ends else 1)
    ranked = sorted({name.casefold()[turn]: name for name in sorted(names)}.items())
    return tuple(name for (key, name), (after, _) in zip(ranked, [*ranked[1:], ("", "")]) if not after.startswith(key))
