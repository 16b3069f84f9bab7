"""Arithmetic on texts: what a generator computes with variables, a solver and a check compute again from the written numbers."""

from __future__ import annotations

import ast
import operator
import re
from collections.abc import Callable, Mapping
from decimal import Decimal, InvalidOperation
from fractions import Fraction

OPERATORS: dict[type, Callable[[Fraction, Fraction], Fraction]] = {
    ast.Add: operator.add, ast.Sub: operator.sub, ast.Mult: operator.mul, ast.Div: operator.truediv,
}  # fmt: skip
STEP = re.compile(r"(?P<left>[\d+\-*/ ().]+)=\s*(?P<right>-?[\d.]+)")
_TOKEN = re.compile(r"\s*(\d+(?:\.\d+)?|[-+*/()])")


class Formula:
    """A formula of named values, read once; exact."""

    def __init__(self, text: str) -> None:
        self.text = text
        self._tree = ast.parse(text, mode="eval").body
        self.names = frozenset(node.id for node in ast.walk(self._tree) if isinstance(node, ast.Name))

    def value(self, values: Mapping[str, int]) -> Fraction:
        """Its value. Raises ValueError for what is no arithmetic, ZeroDivisionError."""
        return self._value(self._tree, values)

    def _value(self, node: ast.expr, values: Mapping[str, int]) -> Fraction:
        if isinstance(node, ast.BinOp) and type(node.op) in OPERATORS:
            return OPERATORS[type(node.op)](self._value(node.left, values), self._value(node.right, values))
        if isinstance(node, ast.Name):
            return Fraction(values[node.id])
        if isinstance(node, ast.Constant) and isinstance(node.value, int):
            return Fraction(node.value)
        raise ValueError(f"{self.text!r} is no arithmetic")

    def written(self, values: Mapping[str, int]) -> str:
        """The formula with its values in place of their names."""
        return re.sub(r"[a-z]", lambda name: str(values[name[0]]), self.text)


def value(text: str) -> Fraction:
    """What a written sum comes to, read sign by sign. Raises ValueError for what is none, ZeroDivisionError."""
    found = _TOKEN.findall(text)
    if "".join(found) != "".join(text.split()) or not found:
        raise ValueError(f"{text!r} is no sum")
    numbers: list[Fraction] = []
    signs: list[str] = []

    def reduce(least: int) -> None:
        while signs and signs[-1] != "(" and _rank(signs[-1]) >= least:
            if len(numbers) < 2:
                raise ValueError(f"{text!r} is no sum")
            right, left, sign = numbers.pop(), numbers.pop(), signs.pop()
            numbers.append(
                left + right if sign == "+" else left - right if sign == "-" else left * right if sign == "*" else left / right
            )

    for token in found:
        if token == "(":
            signs.append(token)
        elif token == ")":
            reduce(0)
            if not signs:
                raise ValueError(f"{text!r} closes what was not opened")
            signs.pop()
        elif _rank(token):
            reduce(_rank(token))
            signs.append(token)
        else:
            numbers.append(Fraction(token))
    reduce(0)
    if len(numbers) != 1 or signs:
        raise ValueError(f"{text!r} is no sum")
    return numbers[0]


def _rank(sign: str) -> int:
    return {"+": 1, "-": 1, "*": 2, "/": 2}.get(sign, 0)


def holds(step: str) -> bool:
    """Whether a written step, `24 + 6 * 3 = 42`, is true."""
    found = STEP.fullmatch(step.strip())
    return found is not None and value(found["left"]) == Fraction(found["right"])


def number(text: str) -> Decimal | None:
    """A number as people write it: `$1,200.00`, `-5`, `1 200`, `3/4`, `75 %`; None for anything else."""
    bare = re.sub(r"(?<=\d)[, _'](?=\d{3}(?!\d))", "", text.replace("\u2212", "-").strip().strip("$€£¥￥% \t").strip())
    bare = re.sub(r"^([-+]?)\s*[$€£¥￥]?\s*", r"\1", bare)
    try:
        upper, slash, lower = bare.partition("/")
        found = Decimal(upper) / Decimal(lower) if slash else Decimal(bare)
    except (InvalidOperation, ZeroDivisionError):
        return None
    return found if found.is_finite() else None
