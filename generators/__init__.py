"""The tasks: each module here is one family of puzzles and ends with `TASK = ...`. Found by name, never registered."""

from __future__ import annotations

from functools import cache
from importlib import import_module
from pkgutil import iter_modules
from typing import Any

from lcgen.contract import Task
from lcgen.errors import unknown


def names() -> list[str]:
    """All tasks, by name; nothing is imported."""
    return [*_found()]


@cache
def _found() -> tuple[str, ...]:
    """The folder is read once: a suite asks for its tasks some thousand times."""
    return tuple(sorted(module.name for module in iter_modules(__path__) if not module.name.startswith("_")))


def get(name: str) -> Task[Any]:
    """The task of this name (`-` and `_` are the same). Raises LcgenError with close matches for an unknown one."""
    stem = name.replace("-", "_")
    if stem not in names():
        raise unknown("task", name, names())
    task: Task[Any] = import_module(f"{__name__}.{stem}").TASK
    return task
