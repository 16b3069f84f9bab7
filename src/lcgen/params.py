"""A task's parameters: their meaning for people, and their values from text."""

from __future__ import annotations

import ast
import dataclasses
import inspect
import textwrap
import typing
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from lcgen.contract import Task
from lcgen.errors import LcgenError, unknown


def described(task: Task[Any]) -> list[dict[str, Any]]:
    """Name, type, default and meaning of each parameter; the meaning is the doc line under the field."""
    tree = ast.parse(textwrap.dedent(inspect.getsource(task.Params))).body[0]
    assert isinstance(tree, ast.ClassDef)
    docs = {
        node.target.id: after.value.value
        for node, after in zip(tree.body, tree.body[1:])
        if isinstance(node, ast.AnnAssign)
        and isinstance(node.target, ast.Name)
        and isinstance(after, ast.Expr)
        and isinstance(after.value, ast.Constant)
    }
    hints = typing.get_type_hints(task.Params)
    return [
        {"name": f.name, "type": _said(hints[f.name]), "default": f.default, "about": docs.get(f.name, "")}
        for f in dataclasses.fields(task.Params)
    ]


def _said(hint: Any) -> str:
    choices = typing.get_args(hint)
    return "|".join(map(str, choices)) if choices else str(hint.__name__)


def parse(task: Task[Any], given: Mapping[str, Any]) -> Any:
    """The task's Params with these values, read from text where they are text.

    Raises LcgenError for an unknown name, a value of another type, or values that the task refuses.
    """
    hints = typing.get_type_hints(task.Params)
    values = {}
    for name, value in given.items():
        stem = name.replace("-", "_")
        if stem not in hints:
            raise unknown(f"parameter of {task.name}", name, hints)
        values[stem] = _read(f"{task.name}.{stem}", value, hints[stem])
    try:
        return task.Params(**values)
    except ValueError as error:
        raise LcgenError(f"{task.name}: {error}.") from error


def _read(name: str, value: Any, hint: Any) -> Any:
    choices = typing.get_args(hint)
    text = str(value).strip()
    if choices:
        if text.replace("-", "_") not in choices:
            raise LcgenError(f"{name} is {text!r}, but must be one of {', '.join(choices)}.")
        return text.replace("-", "_")
    try:
        if hint is bool:
            return {"true": True, "false": False, "yes": True, "no": False, "1": True, "0": False}[text.lower()]
        return hint(text)
    except (ValueError, KeyError):
        kind = {bool: "true or false", int: "a whole number", float: "a number"}.get(hint, hint.__name__)
        raise LcgenError(f"{name} is {text!r}, but must be {kind}.") from None


def plain(params: Any) -> dict[str, Any]:
    """Params as JSON values, defaults included, so that a changed default changes rows and ids."""
    return dataclasses.asdict(params)


def shared(pairs: Sequence[str], tasks: Collection[str]) -> None:
    """Raises LcgenError for a `--set` pair that names no task, where one task of several has the parameter and another has not."""
    from lcgen import generators

    known = {
        task: [field.name for field in dataclasses.fields(generators.get(task).Params)]
        for task in sorted(tasks)
        if task in generators.names()
    }
    for pair in pairs:
        field = pair.partition("=")[0].strip().replace("-", "_")
        have = [task for task in known if field in known[task]]
        if have and len(have) < len(known):
            lack = next(task for task in known if task not in have)
            raise LcgenError(
                f"{lack} has no parameter {field!r}, so --set {pair} cannot be for all tasks. Name the task: "
                + " ".join(f"--set {task}.{pair}" for task in have)
                + "."
            )


def settings(pairs: Sequence[str], task: str, tasks: Sequence[str] = ()) -> list[tuple[str, list[str]]]:
    """`--set` pairs that are meant for this task: `k=1,2` or `needle.k=1,2`, later ones winning.

    Raises LcgenError for a pair without `=`, or for a task that is none of `tasks`.
    """
    found: dict[str, list[str]] = {}
    for pair in pairs:
        name, equals, values = pair.partition("=")
        if not equals or not values:
            raise LcgenError(f"--set takes name=value or task.name=value, values joined by commas; got {pair!r}.")
        owner, dot, field = name.rpartition(".")
        owner = owner.strip().replace("-", "_")
        if dot and owner not in (task, *tasks):
            raise unknown("task of --set", owner, {task, *tasks})
        if not dot or owner == task:
            found[field.strip().replace("-", "_")] = [value.strip() for value in values.split(",")]
    return list(found.items())
