"""Templates from outside, run so that none hangs, builds without bound, or prints something else on another run."""

from __future__ import annotations

import sys
from collections.abc import Callable
from types import FrameType
from typing import Any, TypeVar

import jinja2
from jinja2.exceptions import SecurityError
from jinja2.sandbox import ImmutableSandboxedEnvironment

STEPS = 1_000_000
"""Lines of a compiled template that may run: thousands of times what a prompt needs, about half a second."""
LONGEST = 1_000_000
"""Characters or items of what `*` may build."""
Result = TypeVar("Result")


class Sandbox(ImmutableSandboxedEnvironment):
    """Jinja's immutable sandbox, with names that are not defined refused, and no chance, `**`, or `*` without bound."""

    intercepted_binops = frozenset({"*", "**"})

    def __init__(self, **options: Any) -> None:
        options.setdefault("undefined", jinja2.StrictUndefined)
        super().__init__(trim_blocks=True, lstrip_blocks=True, autoescape=False, **options)
        del self.filters["random"], self.globals["lipsum"]

    def call_binop(self, context: Any, operator: str, left: Any, right: Any) -> Any:
        size = [len(side) if hasattr(side, "__len__") else abs(side) for side in (left, right)]
        if operator == "**" or size[0] * size[1] > LONGEST:
            raise SecurityError(f"{operator} builds too much")
        return super().call_binop(context, operator, left, right)


def within_steps(call: Callable[[], Result]) -> Result:
    """What the call gives, but TimeoutError after STEPS lines of Python, on any machine at the same one."""
    left = STEPS

    def step(frame: FrameType, event: str, _: Any) -> Any:
        nonlocal left
        left -= 1
        if left < 0:
            raise TimeoutError("it does not come to an end")
        return step

    traced = sys.gettrace()
    sys.settrace(step)
    try:
        return call()
    finally:
        sys.settrace(traced)
