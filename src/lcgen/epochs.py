"""Epochs: what a refresh is named by, the seed that it draws from, and what is said of a seed that is still secret."""

from __future__ import annotations

import datetime
import difflib
import hashlib
import hmac
import os
import re

from lcgen.errors import LcgenError

CALENDAR = {"day": "%Y-%m-%d", "week": "%G-W%V", "month": "%Y-%m"}
SALT, HELD_OUT = "LCGEN_SALT", "LCGEN_HELD_OUT"
"""Environment variables: of the secret behind published epochs, and of that behind what stays private."""
SECRET = "secret:"
"""A seed that begins so is never shown: rows, manifest and card hold a commitment to it, revealed or not, so that who knows it
makes the very same bytes."""
LEAST = 32
"""Characters of a secret, so that it cannot be found by trying."""


def shown(seed: str) -> str:
    """A seed as rows and manifest have it: itself, or SHA-256 of a secret one."""
    return f"sha256:{hashlib.sha256(seed.encode()).hexdigest()}" if seed.startswith(SECRET) else seed


def named(asked: str, today: datetime.date) -> str:
    """The name of an epoch: of the day, week or month that it is, or as asked. Raises LcgenError for what is no name."""
    if asked not in CALENDAR and (meant := difflib.get_close_matches(asked, CALENDAR, n=1, cutoff=0.8)):
        # A tag stays for ever, and so would the slip.
        raise LcgenError(f"--epoch {asked!r} is no epoch of the calendar. Did you mean {meant[0]}? A name must be less like it.")
    name = today.strftime(CALENDAR[asked]) if asked in CALENDAR else asked
    if not re.fullmatch(r"[A-Za-z0-9][\w.-]{0,63}", name, re.ASCII) or ".." in name or name.endswith((".", ".lock")):
        raise LcgenError(
            f"--epoch {asked!r} is no epoch: day, week, month, or a name of letters, digits, _, - and . that begins with a letter or digit."
        )
    # A slip of the hand such as 2026-13 would lie behind every true month of the year, and lock them out.
    if re.match(r"\d{4}-[\dW]", name, re.ASCII) and not _dated(name):
        raise LcgenError(
            f"--epoch {name!r} looks like a date, but is none: write 2026-12 for a month, 2026-W50 for a week, 2026-12-31 for a day, "
            "or a name that begins otherwise."
        )
    return name


def _dated(name: str) -> bool:
    week = re.fullmatch(r"(\d{4})-W(\d{2})", name)
    try:
        if week:
            datetime.date.fromisocalendar(int(week[1]), int(week[2]), 1)
        else:
            datetime.datetime.strptime(name, CALENDAR["month" if len(name) == 7 else "day"])
    except ValueError:
        return False
    return len(name) in (7, 8, 10)


def earlier(one: str, other: str) -> bool:
    """Whether one epoch is known to lie before another: both of one calendar, and of an earlier date."""
    forms = (r"\d{4}-\d{2}-\d{2}", r"\d{4}-W\d{2}", r"\d{4}-\d{2}")
    return any(re.fullmatch(form, one) and re.fullmatch(form, other) for form in forms) and one < other


def secret(variable: str) -> str | None:
    """A secret of the environment, None where there is none. Raises LcgenError for one that could be guessed."""
    found = os.environ.get(variable, "")
    if not found:
        return None
    if len(found) < LEAST or len(set(found)) < 8:
        raise LcgenError(
            f"{variable} could be guessed: it needs at least {LEAST} characters. Make one: python3 -c 'import secrets; print(secrets.token_hex(32))'"
        )
    return found


def seed(base: str, suite: str, epoch: str, salt: str | None, purpose: str = "public") -> str:
    """The seed of an epoch. With a salt it tells nothing of the salt, and so nothing of any other epoch."""
    if salt is None:
        return f"{base}/{epoch}"
    said = "\0".join(("lcgen epoch", purpose, suite, base, epoch)).encode()
    return SECRET + hmac.new(salt.encode(), said, hashlib.sha256).hexdigest()
