"""A task's parameters: their meaning for people, and their values from text."""

from __future__ import annotations

import ast
import dataclasses
import inspect
import textwrap
import typing
from collections.abc import Mapping
from functools import cache
from typing import Any

from lcgen.contract import Task
from lcgen.errors import LcgenError, unknown


@cache
def _hints(params: type[Any]) -> dict[str, Any]:
    """The types of the parameters, which Python compiles anew from their annotations each time it is asked."""
    return typing.get_type_hints(params)


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
    hints = _hints(task.Params)  # type: ignore[arg-type]  # mypy: a class has no hash
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
    hints = _hints(task.Params)  # type: ignore[arg-type]  # mypy: a class has no hash
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
