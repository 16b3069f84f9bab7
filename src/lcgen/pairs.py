"""`--set NAME=VALUE`: parameters as a person writes them, and the tasks that they are meant for."""

from __future__ import annotations

import dataclasses
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from lcgen.errors import LcgenError, unknown


def written(params: Mapping[str, Any] | Sequence[str]) -> list[str]:
    """Parameters as pairs; values of a list are swept."""
    return [f"{name}={swept(value)}" for name, value in params.items()] if isinstance(params, Mapping) else list(params)


def swept(value: Any) -> str:
    """A value as a person writes it: those of a list are joined by commas."""
    return ",".join(map(str, value)) if isinstance(value, (list, tuple)) else str(value)


def check(pairs: Sequence[str], tasks: Collection[str]) -> None:
    """Raises LcgenError for a pair that names no task, where one task of several has the parameter and another has not."""
    from lcgen import generators

    known = {
        task: [field.name for field in dataclasses.fields(generators.get(task).Params)]
        for task in sorted(tasks)
        if task in generators.names()
    }
    for pair in pairs:
        owner, name = _named(pair)
        have = [task for task in known if not owner and name in known[task]]
        if have and len(have) < len(known):
            lack = next(task for task in known if task not in have)
            raise LcgenError(
                f"{lack} has no parameter {name!r}, so --set {pair} cannot be for all tasks. Name the task: "
                + " ".join(f"--set {task}.{pair}" for task in have)
                + "."
            )


def meant(pairs: Sequence[str], own: Sequence[str], tasks: Collection[str]) -> list[str]:
    """The pairs for a build of the tasks `own`: not those for other tasks of its suite."""
    return [pair for pair in pairs if (owner := _named(pair)[0]) in own or owner not in tasks]


def settings(pairs: Sequence[str], task: str, tasks: Sequence[str]) -> dict[str, list[str]]:
    """The values of each parameter of this task, `k=1,2` or `needle.k=1,2`, later pairs winning.

    Raises LcgenError for a pair without `=`, or for a task that is none of `tasks`.
    """
    found: dict[str, list[str]] = {}
    for pair in pairs:
        name, equals, values = pair.partition("=")
        if not equals or not values:
            raise LcgenError(f"--set takes name=value or task.name=value, values joined by commas; got {pair!r}.")
        owner, field = _named(pair)
        if "." in name and owner not in tasks:
            raise unknown("task of --set", owner, tasks)
        if "." not in name or owner == task:
            found[field] = [value.strip() for value in values.split(",")]
    return found


def _named(pair: str) -> tuple[str, str]:
    """The task of a pair, empty where it names none, and its parameter."""
    owner, _, field = pair.partition("=")[0].rpartition(".")
    return owner.strip().replace("-", "_"), field.strip().replace("-", "_")
