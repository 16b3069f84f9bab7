"""The one family of errors that lcgen raises on purpose."""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class LcgenError(Exception):
    """An error for the user: what was asked, what is possible, what to do. `exit_code` is what the command line ends with."""

    exit_code = 2


class CheckFailed(LcgenError):
    """A dataset or a row does not hold what it promises (exit code 1)."""

    exit_code = 1


def clause(error: Exception) -> str:
    """What an error says, to be put into a sentence: without the stop that ends it."""
    return str(error).rstrip(". ")


def unknown(what: str, name: str, known: Iterable[str]) -> LcgenError:
    """An error for a name that does not exist, with close matches first and then all that exist."""
    names = sorted(known)
    close = difflib.get_close_matches(name, names, n=3)
    hint = f" Did you mean {', '.join(close)}?" if close else ""
    return LcgenError(f"Unknown {what} {name!r}.{hint} " + (f"Known: {', '.join(names)}." if names else "There are none."))


def many(count: int, what: str, whats: str = "") -> str:
    """`1 row` or `1,200 rows`; `whats` is the plural where an s does not make it."""
    return f"{count:,} {agreed(count, what, whats or f'{what}s')}"


def agreed(count: int, one: str, more: str) -> str:
    """The word that goes with a count: `has` or `have`."""
    return one if count == 1 else more
