"""What a template may run and build: lines of Python, the size of one value, the size of all values together.

The limits hold on every machine and in every thread alike and touch nothing else in the process. What an operation will
make is reckoned from its arguments before it runs.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, ItemsView, Iterator, KeysView, ValuesView
from contextlib import contextmanager
from contextvars import ContextVar
from functools import wraps
from itertools import islice
from types import FrameType
from typing import Any, TypeVar

from jinja2.exceptions import SecurityError
from jinja2.utils import Namespace

STEPS = 1_000_000
"""Lines of a compiled template that may run: thousands of times what a prompt needs, about half a second."""
LONGEST = 1_000_000
"""Characters of one value, written out."""
MOST = 8 * LONGEST
"""Characters of all values that one rendering reads and makes."""
ITEM = 8
"""Characters that an item of a list counts as, beside its own."""
DEEPEST = 32
"""Levels of lists in lists."""
Result = TypeVar("Result")
_left: ContextVar[list[int] | None] = ContextVar("characters left", default=None)


def within_limits(call: Callable[[], Result]) -> Result:
    """What the call gives; TimeoutError after STEPS lines of Python, SecurityError after MOST characters."""
    left = STEPS

    def step(frame: FrameType, event: str, _: Any) -> Any:
        nonlocal left
        if frame.f_code.co_filename == __file__:  # the limits' own lines are paid for by size
            return None
        left -= 1
        if left < 0:
            raise TimeoutError("it does not come to an end")
        return step

    traced = sys.gettrace()
    with limited():
        sys.settrace(step)
        try:
            return call()
        finally:
            sys.settrace(traced)


def within_sizes(call: Callable[[], Result]) -> Result:
    """The same without counting lines, which takes ten times as long as a rendering: for lcgen's own templates, which end."""
    with limited():
        return call()


@contextmanager
def limited() -> Iterator[None]:
    """Inside, all values together may have MOST characters."""
    before = _left.set([MOST])
    try:
        yield
    finally:
        _left.reset(before)


def spend(size: int, what: str) -> None:
    """Takes `size` characters off what is left. Raises SecurityError where it is too much, at once or in all."""
    left = _left.get()
    if left is not None:
        left[0] -= size
    if size > LONGEST:
        raise SecurityError(f"{what} builds too much: no value may be longer than {LONGEST:,} characters")
    if left is not None and left[0] < 0:
        raise SecurityError(f"{what} builds too much: all values together may have {MOST:,} characters")


def extent(value: Any) -> int:
    """About the characters that a value has written out. Raises SecurityError beyond LONGEST, without writing it out."""
    if isinstance(value, str):
        return len(value)
    size, level = 0, [value]
    for _ in range(DEEPEST):
        deeper: list[Any] = []
        for item in level:
            if isinstance(item, str):
                size += len(item)
            elif isinstance(item, int):
                size += item.bit_length() // 3
            elif isinstance(item, dict):
                deeper += [*item, *item.values()]
            elif isinstance(item, (list, tuple, set, frozenset, range, KeysView, ValuesView, ItemsView)):
                deeper += [*item]
            elif isinstance(item, Namespace):
                deeper += item._Namespace__attrs.values()
            size += ITEM
            if size + ITEM * len(deeper) > LONGEST:
                raise SecurityError(f"it builds too much: no value may be longer than {LONGEST:,} characters")
        level = deeper
        if not level:
            return size
    raise SecurityError(f"it builds lists in lists, more than {DEEPEST} deep")


# What an operation makes beyond what it reads, from its arguments; 0 where it makes no more than it reads.


def _padded(value: Any, width: int, *_: Any, **__: Any) -> int:
    return int(width)


def _replaced(text: str, old: str, new: str, *_: Any, **__: Any) -> int:
    return str(text).count(str(old)) * len(str(new))


def _stripped(text: Any, chars: str | None = None) -> int:
    return len(str(text)) * len(chars or "")  # time, not size


def _joined(items: Any, d: str = "", *_: Any, **__: Any) -> int:
    return len(items) * len(str(d))


def _indented(text: str, width: int | str = 4, *_: Any, **__: Any) -> int:
    return (len(text.splitlines()) + 1) * (width if isinstance(width, int) else len(width))


def _wrapped(text: str, width: int = 79, break_long_words: bool = True, wrapstring: str | None = None, *_: Any, **__: Any) -> int:
    return len(text) * len(wrapstring or "")


def percent(text: str, *values: Any, **named: Any) -> int:
    """What a format with `%` makes. Raises SecurityError for fields that are wide or take their width from a value."""
    text = str(text)
    if "%" in _FIELD.sub("", text):
        raise SecurityError("a format with '%' may hold only simple fields such as %s, %05d or %(name)s")
    return text.count("%") * (extent(values) + extent(named) + 1000)


def nothing(*_: Any, **__: Any) -> int:
    """What an operation makes beyond what it reads, where that is nothing, or little more."""
    return 0


_FIELD = re.compile(r"%(?:\(\w{1,60}\))?[-#0 +]{0,5}\d{0,3}(?:\.\d{1,3})?[A-Za-z%]")

METHODS: dict[str, Callable[..., int]] = dict.fromkeys(
    re.findall(
        r"\w+",
        "capitalize casefold copy count endswith find format get index is_integer isalnum isalpha isascii isdecimal isdigit "
        "isidentifier islower isnumeric isspace istitle isupper items keys lower partition removeprefix removesuffix rfind "
        "rindex rpartition rsplit split splitlines startswith swapcase title upper values",
    ),
    nothing,
)
"""Methods of text, numbers, lists and dicts that may be called."""
METHODS |= dict.fromkeys(("center", "ljust", "rjust", "zfill"), _padded) | dict.fromkeys(("strip", "lstrip", "rstrip"), _stripped)
METHODS |= {"replace": _replaced, "join": lambda sep, items: _joined(items, sep)}

FILTERS: dict[str, Callable[..., int]] = dict.fromkeys(
    re.findall(
        r"\w+",
        "abs capitalize dictsort e escape float forceescape groupby int items list lower map max min reject rejectattr reverse "
        "safe select selectattr sort string sum title truncate unique upper urlencode wordcount",
    ),
    nothing,
)
"""Filters that there are, beside those that look at no content."""
FILTERS |= {
    "batch": lambda value, linecount, *_: ITEM * linecount, "center": lambda text, width=80: int(width), "format": percent,
    "indent": _indented, "join": _joined, "replace": _replaced, "round": lambda value, precision=0, *_: abs(precision),
    "slice": lambda value, slices, *_: ITEM * slices, "trim": _stripped, "wordwrap": _wrapped,
}  # fmt: skip


def guarded(call: Any, name: str, makes: Callable[..., int]) -> Callable[..., Any]:
    """The call, its arguments weighed and what it will make reckoned before, a generator made a list after."""
    leads = int(hasattr(call, "jinja_pass_arg"))  # the environment or context that Jinja passes first

    @wraps(call)
    def held(*args: Any, **named: Any) -> Any:
        values = args[leads:]
        spend(extent([*values, *named.values()]), name)
        spend(max(0, makes(*values, **named)), name)
        made = call(*args, **named)
        if isinstance(made, Iterator):
            made = list(islice(made, LONGEST // ITEM + 1))
        return bounded(made, name)

    return held


def bounded(made: Any, name: str) -> Any:
    """A value that has been made, paid for: the texts and lists in a list were there before it."""
    if isinstance(made, int) and made.bit_length() > 4096:
        raise SecurityError(f"{name} builds too much: no number may have more than 4,096 bits")
    if isinstance(made, (str, list, tuple, dict)):
        spend(len(made) * (1 if isinstance(made, str) else ITEM), name)
    return made
