"""Shares of pools: the texts of every form that one split, or one epoch, has to itself, the same in every row and build."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from math import gcd
from typing import TYPE_CHECKING

import numpy as np

from lcgen.atoms import Atom, Form
from lcgen.forms import Pool
from lcgen.mixing import Number
from lcgen.ranges import fraction
from lcgen.spec import SHARES
from lcgen.streams import Stream

if TYPE_CHECKING:
    from lcgen.spec import Spec

TRIES = 256
"""Look-alikes that are tried until one falls into the share."""
PIECES = 3
"""Pieces by which a look-alike differs at most, where a share holds none that differs in one."""


@dataclass(frozen=True)
class Share:
    """Which places of a fixed order belong to it: of every `of` runs of three places one run, and of its three one where a split has it.

    So shares of one number `of` have nothing in common, a share is parted in two by doubling `of`, and the thirds of splits stay apart
    whatever the epoch.
    """

    split: str = ""
    """The split under `--disjoint-pools`; empty where splits have no shares."""
    which: int = 0
    of: int = 1

    @classmethod
    def of_spec(cls, spec: Spec, split: str) -> Share:
        """The share that rows of this split draw from."""
        return cls(split if spec.disjoint else "", *(fraction(spec.share, "--pool-share") if spec.share else (0, 1)))

    def __bool__(self) -> bool:
        """Whether anything is left to others."""
        return bool(self.split) or self.of > 1

    @property
    def first(self) -> int:
        """Its first place."""
        return len(SHARES) * self.which + (SHARES.index(self.split) if self.split else 0)

    @property
    def step(self) -> int:
        """How far one run is from the next."""
        return len(SHARES) * self.of

    @property
    def width(self) -> int:
        """Places of a run."""
        return 1 if self.split else len(SHARES)

    def size(self, whole: int) -> int:
        """How many of so many places belong to it."""
        return whole // self.step * self.width if self else whole

    def place(self, number: Number) -> Number:
        """Where its texts stand in the order."""
        place: Number = number // self.width * self.step + number % self.width + self.first
        return place

    def number(self, place: int) -> int | None:
        """Which of its texts stands at a place; None where it belongs to others."""
        run, within = divmod(place - self.first, self.step)
        return run * self.width + within if run >= 0 and within < self.width else None

    def form(self, form: Form) -> Form:
        """The texts of a form that belong to it. Raises ValueError where there are none."""
        return _shared(form, self) if self else form


WHOLE = Share()


def apart(one: str | None, other: str | None) -> bool:
    """Whether two shares, written as `3/12`, have no text in common; None is the whole."""
    if one is None or other is None:
        return False
    (which, of), (also, parts) = fraction(one, "--pool-share"), fraction(other, "--pool-share")
    return (which - also) % gcd(of, parts) != 0


class Selection(Form):
    """Some of the texts of a form, the same in every row: the first `size` in an order that is fixed, of those that belong to a share."""

    def __init__(self, form: Form, size: int, share: Share = WHOLE) -> None:
        self.form, self.size, self.share = form, size, share
        runs = f" in runs of {share.width}" if share.width > 1 else ""
        self.name = f"{size} of {form.name}" + (f" from {share.first} by {share.step}{runs}" if share else "")
        self._order = Pool(form, Stream("universe", form.name))

    @property
    def apart(self) -> bool:
        return self.form.apart

    @property
    def atoms(self) -> tuple[str | Atom, ...]:
        return self.form.atoms

    @property
    def whole(self) -> Form:
        return self.form.whole

    def split(self, numbers: np.ndarray) -> list[np.ndarray]:
        return self.form.split(self._chosen(numbers))

    def text(self, number: int) -> str:
        return self._order.text(self.share.place(number))

    def number(self, text: str) -> int | None:
        place = self._order.find(text)
        number = None if place is None else self.share.number(place)
        return number if number is not None and number < self.size else None

    def near(self, text: str, rng: Stream) -> str:
        """A look-alike of the share, or of nobody's. Where the share holds none that differs in one piece, it differs in few. Raises
        ValueError where there is none at all."""
        for pieces in range(1, PIECES + 1):
            for _ in range(TRIES):
                near = text
                for _ in range(pieces):
                    near = self.form.near(near, rng)
                if near != text and self.holds(near):
                    return near
        raise ValueError(
            f"the share of all keys and values that is drawn from holds no look-alikes of {text}: ask for longer ones"
        )

    def holds(self, text: str) -> bool:
        """Whether a text belongs to nobody else. What the form itself never writes, such as a UUID with one digit changed, is in nobody's share."""
        return not self.share or self.number(text) is not None or self.form.number(text) is None

    def texts(self, numbers: np.ndarray) -> list[str]:
        return self.form.texts(self._chosen(numbers))

    def _chosen(self, numbers: np.ndarray) -> np.ndarray:
        return self._order.numbers(self.share.place(numbers.astype(np.int64)))


@cache
def _shared(form: Form, share: Share) -> Form:
    size = share.size(form.size)
    if size < 1:
        raise ValueError(
            f"of {form.size:,} keys, values or names of this kind a share of one in {share.step // share.width:,} has none"
        )
    return Selection(form, size, share)
