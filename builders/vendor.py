"""Which modules of lcgen it takes to score a task: what is copied into a built folder, for harnesses without lcgen."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path

ROOT = "lcgen"


def vendored(tasks: Sequence[str]) -> dict[str, str]:
    """The modules that scoring these tasks takes, as they are: path below the package -> source."""
    found: dict[str, str] = {}
    for task in tasks:
        found |= _closure(f"{ROOT}.generators.{task}")
    return dict(sorted(found.items()))


@lru_cache
def _closure(start: str) -> dict[str, str]:
    """A module with all of lcgen that is imported when it is loaded."""
    found: dict[str, str] = {}
    todo, seen = [start], set[str]()
    while todo:
        module = todo.pop()
        if module in seen or module.partition(".")[0] != ROOT:
            continue
        seen.add(module)
        file = _file(module)
        if file is None:
            continue
        package = module if file.name == "__init__.py" else module.rpartition(".")[0]
        inside = "/".join(package.split(".")[1:])
        found[f"{inside}/{file.name}".lstrip("/")] = source = file.read_text(encoding="utf-8")
        todo += [package, *_imports(ast.parse(source), package)]
    return found


def _file(module: str) -> Path | None:
    """Where a module lies; None for a name that is no module."""
    try:
        found = find_spec(module)
    except ModuleNotFoundError:
        return None
    return Path(found.origin) if found is not None and found.origin else None


def _imports(tree: ast.Module, package: str) -> Iterator[str]:
    """Names that may be modules, of all imports that run when a module is loaded: not those in functions or for types."""
    todo: list[ast.AST] = [*tree.body]
    while todo:
        node = todo.pop()
        if isinstance(node, ast.Import):
            yield from (name.name for name in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = ".".join([*([package] if node.level else []), *([node.module] if node.module else [])])
            yield base
            yield from (f"{base}.{name.name}" for name in node.names)
        elif isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
            todo += node.orelse
        elif not isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            todo += ast.iter_child_nodes(node)
