"""Items with four options over subjects whose answers can be computed; among the wrong ones is what a typical mistake gives, or
something as far off.

Subjects have the names of MMLU's. The wording stands in `lang/<code>/questions/subjects.txt`. Parameters of an item are read off
its number, so that different numbers give different questions.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from fractions import Fraction
from itertools import combinations, count, product
from math import gcd
from typing import TYPE_CHECKING

from lcgen.questions import Given, Pool, Question, data, options_of, placed, with_options

if TYPE_CHECKING:
    from lcgen.streams import Stream

EACH = 560
"""Items of each kind."""
TRIES = 16
"""Draws of wrong options, the first half of them with a typical mistake."""
CONNECTIVES: dict[str, Callable[[bool, bool], bool]] = {
    "∧": lambda s, t: s and t,
    "∨": lambda s, t: s or t,
    "→": lambda s, t: not s or t,
}
MASSES = {"H": 1, "C": 12, "N": 14, "O": 16}
TOPIC = {
    "remainder": "elementary_mathematics", "divisor": "elementary_mathematics", "order": "abstract_algebra", "truth": "formal_logic",
    "median": "high_school_statistics", "dice": "high_school_statistics", "binary": "college_computer_science",
    "loop": "college_computer_science", "motion": "conceptual_physics", "current": "conceptual_physics",
    "molar": "college_chemistry", "profit": "high_school_microeconomics",
}  # fmt: skip


@dataclass(frozen=True)
class Item:
    """One item before its options are put in order."""

    slots: Mapping[str, object]
    answer: int
    mistakes: Iterable[int]
    """What goes wrong typically, the most typical first."""
    step: str
    """How the answer comes about, in signs."""
    grain: int = 1
    """What all options are alike in: the right one leaves no other remainder by it than they do."""
    least: int = 1
    most: int = 1 << 60
    """What an answer could be at all."""


def _remainder(n: int, rng: Stream) -> Item:
    b, q = 7 + n % 28, 5 + n // 28
    r = 1 + rng.below(b - 1)
    a = q * b + r
    return Item({"a": a, "b": b}, r, (q, b - r, q + r), f"{a} = {q} * {b} + {r}", least=0, most=b - 1)


def _divisor(n: int, rng: Stream) -> Item:
    g, u = 2 + n % 28, 2 + n // 28
    v = u + 1
    return Item({"a": g * u, "b": g * v}, g, (g * u * v, u, v, 2 * g), f"{g * u} = {g} * {u}, {g * v} = {g} * {v}")


def _order(n: int, rng: Stream) -> Item:
    size, a = 12 + n // 10, 2 + n % 10
    shared = gcd(size, a)
    return Item({"n": size, "a": a}, size // shared, (shared, size, a, size - a), f"{size} / {shared} = {size // shared}")


def _truth(n: int, rng: Stream) -> Item:
    # A formula with each letter once is true in 1, 3, 5 or 7 cases, and in each of them equally often here.
    n, cases = divmod(n, 4)
    first, second, outer, left_first = TRUTHS[2 * cases + 1][n % len(TRUTHS[2 * cases + 1])]
    names, signs = divmod(n // len(TRUTHS[2 * cases + 1]), 8)
    order = ("PQR", "QPR", "RPQ", "RQP", "PRQ", "QRP")[names % 6]
    one, two, three = (("¬" if signs >> place & 1 else "") + name for place, name in enumerate(order))
    formula = f"{outer}({one} {first} {two}) {second} {three}" if left_first else f"{one} {first} {outer}({two} {second} {three})"
    true = 2 * cases + 1
    return Item({"formula": formula}, true, (true - 4, true + 4), f"{true} + {8 - true} = 8", grain=2, most=7)


def _truths() -> dict[int, list[tuple[str, str, str, bool]]]:
    """Shapes of formulas by the number of cases in which they are true: two connectives, a negation, which of them is in brackets."""
    found: dict[int, list[tuple[str, str, str, bool]]] = {}
    for first, second, outer, left_first in product(CONNECTIVES, CONNECTIVES, ("", "¬"), (True, False)):
        one, two = CONNECTIVES[first], CONNECTIVES[second]
        true = sum(
            two(one(p, q) != bool(outer), r) if left_first else one(p, two(q, r) != bool(outer))
            for p, q, r in product((False, True), repeat=3)
        )
        found.setdefault(true, []).append((first, second, outer, left_first))
    return found


TRUTHS = _truths()


def _median(n: int, rng: Stream) -> Item:
    low, width = 3 + n % 28, 2 + n // 28
    gaps = [low, *(1 + rng.below(width + 4) for _ in range(3)), width + 4]
    numbers = [sum(gaps[: place + 1]) for place in range(5)]
    shown = rng.shuffle(numbers)
    right = numbers[2]
    wrong = [other for other in (shown[2], numbers[1], numbers[3], round(sum(numbers) / 5)) if other != right]
    return Item({"numbers": ", ".join(map(str, shown))}, right, wrong, " < ".join(map(str, numbers)))


def _dice(n: int, rng: Stream) -> Item:
    one, two, total = 6 + n % 9, 6 + n // 9 % 9, 5 + n // 81
    pairs = [(a, total - a) for a in range(1, one + 1) if 1 <= total - a <= two]
    return Item(
        {"n": one, "m": two, "a": total},
        len(pairs),
        (total, len(pairs) + 2, one, two),
        ", ".join(f"{a} + {b}" for a, b in pairs),
    )


def _binary(n: int, rng: Stream) -> Item:
    right = 16 + n
    powers = [1 << place for place in reversed(range(right.bit_length())) if right >> place & 1]
    return Item(
        {"a": f"{right:b}"}, right, (right * 2, right ^ 4, right ^ 8, right ^ 6), " + ".join(map(str, powers)) + f" = {right}"
    )


def _loop(n: int, rng: Stream) -> Item:
    start, taken, rounds = 6 + n % 14, 1 + n // 14 % 5, 2 + n // 70
    values = [start]
    for _ in range(rounds):
        values.append(2 * values[-1] - taken)
    wrong = (2 * values[-1] - taken, values[-2], start * 2**rounds - taken, start * 2**rounds, values[-1] + taken)
    return Item({"a": start, "b": taken, "n": rounds}, values[-1], wrong, ", ".join(map(str, values)))


def _motion(n: int, rng: Stream) -> Item:
    a, t = 2 * (1 + n % 20), 2 + n // 20
    return Item(
        {"a": a, "t": t},
        a * t * t // 2,
        (a * t * t, a * t, a * t // 2),
        f"{a} * {t} * {t} / 2 = {a * t * t // 2}",
        grain=t,
    )


def _current(n: int, rng: Stream) -> Item:
    a, b = 2 + n % 14, 3 + n // 14
    return Item({"a": a, "b": b}, a * a * b, (a * b, a * b * b), f"{a} * {a} * {b} = {a * a * b}", grain=a)


def _molar(n: int, rng: Stream) -> Item:
    counts = {"C": 1 + n % 7, "H": 2 + n // 7 % 8, "N": 1 + n // 56 % 2, "O": 1 + n // 112}
    molecule = "".join(f"{atom}{number if number > 1 else ''}" for atom, number in counts.items())
    right = sum(MASSES[atom] * number for atom, number in counts.items())
    step = " + ".join(f"{number} * {MASSES[atom]}" for atom, number in counts.items())
    wrong = (right - counts["H"], right - 12, right + 16, right + 14)
    return Item({"molecule": molecule}, right, wrong, f"{step} = {right}")


def _profit(n: int, rng: Stream) -> Item:
    units, margin = 20 + n % 140, 3 + n // 140
    cost = 3 + rng.below(12)
    fixed, price = units * margin, cost + margin
    wrong = (fixed // price, fixed // cost, fixed - price, units + margin)
    return Item({"f": fixed, "p": price, "c": cost}, units, wrong, f"{fixed} / ({price} - {cost}) = {units}")


KINDS: dict[str, Callable[[int, Stream], Item]] = {
    "remainder": _remainder, "divisor": _divisor, "order": _order, "truth": _truth, "median": _median, "dice": _dice,
    "binary": _binary, "loop": _loop, "motion": _motion, "current": _current, "molar": _molar, "profit": _profit,
}  # fmt: skip


class Made(Pool):
    """Items in one language; the kind of an item goes by its number, so that all kinds come up equally often."""

    name, letters, size = "subjects", "ABCD", EACH * len(KINDS)

    def __init__(self, lang: str) -> None:
        self.wording = dict(line.split(": ", 1) for line in data("subjects", lang))
        self.patterns = {kind: _pattern(text) for kind, text in self.wording.items()}

    def question(self, number: int, rng: Stream, place: int = 0, given: Given | None = None) -> Question:
        kind = [*KINDS][number % len(KINDS)]
        item = KINDS[kind](number // len(KINDS), rng)
        others = rng.shuffle(_others(item, rng))
        text = with_options(self.wording[kind].format(**item.slots), placed(str(item.answer), [*map(str, others)], place))
        return Question(text, self.letters[place], (item.step,), self.letters, TOPIC[kind])

    def solve(self, text: str, read: Callable[[str], int | None]) -> str | None:
        stem, options = options_of(text)
        for kind, pattern in self.patterns.items():
            if found := pattern.fullmatch(stem):
                right = str(SOLVERS[kind](found.groupdict()))
                letters = [letter for letter, option in options.items() if option == right]
                return letters[0] if len(letters) == 1 else None
        return None


def _others(item: Item, rng: Stream) -> list[int]:
    """Three wrong answers that form two pairs with the right one: a neighbour, and a mistake with a neighbour as far from it.

    The right one is any of the four ends by lot, and what makes one of them divide another is avoided whichever they are: neither
    rank nor distance nor divisibility tells it.
    """
    right, grain = item.answer, item.grain
    mistakes = [abs(other - right) for other in item.mistakes if other != right and (other - right) % grain == 0]
    for corner in rng.shuffle(range(4)):
        found: list[int] = []
        for turn in range(TRIES):
            near = grain * (1 + rng.below(max(1, min(4, right // (6 * grain)))))
            wide = grain * (2 + rng.below(max(3, min(60, right // (2 * grain)))))
            far = rng.choice(mistakes) if mistakes and turn < TRIES // 2 else wide
            first = right - near * (corner % 2) - far * (corner // 2)
            four = [first, first + near, first + far, first + near + far]
            if far == near or first < item.least or four[3] > item.most:
                continue
            found = [other for other in four if other != right]
            if not any(more % one == 0 for one, more in combinations([one for one in four if one > 1], 2)):
                break
        if found:
            return found
    raise AssertionError(f"no wrong options for {item}")


def _pattern(text: str) -> re.Pattern[str]:
    parts = re.split(r"\{(\w+)\}", text)
    kinds = {"formula": "[PQR¬∧∨→() ]+?", "molecule": "[A-Z0-9]+", "numbers": r"\d+(?:, \d+)*"}
    return re.compile(
        "".join(f"(?P<{part}>{kinds.get(part, '[0-9]+')})" if n % 2 else re.escape(part) for n, part in enumerate(parts))
    )


def _count_true(said: Mapping[str, str]) -> int:
    """By rewriting the formula until a truth value is left, in each of the eight cases."""
    rules = {"¬0": "1", "¬1": "0", "(0)": "0", "(1)": "1", "1∧1": "1", "0∧0": "0", "0∧1": "0", "1∧0": "0", "0∨0": "0", "1∨1": "1",
             "1∨0": "1", "0∨1": "1", "1→0": "0", "1→1": "1", "0→0": "1", "0→1": "1"}  # fmt: skip
    true = 0
    for case in product("01", repeat=3):
        left = said["formula"].replace(" ", "").translate(str.maketrans("PQR", "".join(case)))
        while len(left) > 1:
            # What stands in brackets comes first, a negation before all.
            inner = re.search(r"¬[01]|\([01]\)|(?<=\()[01][∧∨→][01](?=\))", left) or re.search(r"[01][∧∨→][01]", left)
            assert inner is not None
            left = left[: inner.start()] + rules[inner[0]] + left[inner.end() :]
        true += left == "1"
    return true


def _looped(said: Mapping[str, str]) -> int:
    now = int(said["a"])
    for _ in range(int(said["n"])):
        now = 2 * now - int(said["b"])
    return now


def _mass(said: Mapping[str, str]) -> int:
    found = Counter[str]()
    for atom, number in re.findall(r"([A-Z])(\d*)", said["molecule"]):
        found[atom] += int(number or 1)
    return sum({"H": 1, "C": 12, "N": 14, "O": 16}[atom] * number for atom, number in found.items())


def _smallest(least: int, fits: Callable[[int], bool]) -> int:
    return next(number for number in count(least) if fits(number))


SOLVERS: dict[str, Callable[[Mapping[str, str]], int | Fraction]] = {
    "remainder": lambda s: int(s["a"]) % int(s["b"]),
    "divisor": lambda s: max(d for d in range(1, int(s["b"]) + 1) if int(s["a"]) % d == int(s["b"]) % d == 0),
    "order": lambda s: _smallest(1, lambda k: k * int(s["a"]) % int(s["n"]) == 0),
    "truth": _count_true,
    "median": lambda s: sorted(map(int, s["numbers"].split(", ")))[2],
    "dice": lambda s: sum(
        one + two == int(s["a"]) for one in range(1, int(s["n"]) + 1) for two in range(1, int(s["m"]) + 1)
    ),
    "binary": lambda s: int(s["a"], 2),
    "loop": _looped,
    "motion": lambda s: Fraction(int(s["a"]), 2) * int(s["t"]) ** 2,
    "current": lambda s: int(s["a"]) ** 2 * int(s["b"]),
    "molar": _mass,
    "profit": lambda s: _smallest(0, lambda k: k * (int(s["p"]) - int(s["c"])) >= int(s["f"])),
}  # fmt: skip
