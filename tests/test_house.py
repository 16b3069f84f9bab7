"""The layers of CONTRIBUTING: no module imports what stands above it."""

from __future__ import annotations

import ast
import os
import re
from collections.abc import Iterator
from pathlib import Path

import lcgen

HOME = Path(lcgen.__file__).parent
CORE = "(core)"


def layers() -> list[list[str]]:
    """The layers as CONTRIBUTING lists them, the lowest first; the core, which has no line there, before them."""
    (block,) = re.findall(r"```layers\n(.*?)```", (HOME.parents[1] / "CONTRIBUTING.md").read_text(encoding="utf-8"), re.S)
    named = [re.split(r"\s{2,}", line)[0].split() for line in block.splitlines()]
    return [[CORE], *reversed(named)]


def modules() -> dict[str, ast.Module]:
    """Every module of lcgen by its name below the package; the package itself is empty."""
    found = {}
    # `rglob` does not enter generators, builders and cards, which are links in a checkout.
    for folder, _, files in os.walk(HOME, followlinks=True):
        for path in (Path(folder) / name for name in files if name.endswith(".py")):
            name = ".".join(path.relative_to(HOME).with_suffix("").parts)
            found[name.removesuffix("__init__").rstrip(".")] = ast.parse(path.read_text(encoding="utf-8"))
    return found


def imported(node: ast.AST, known: dict[str, ast.Module]) -> Iterator[str]:
    """The modules of lcgen that run because this one does, those imported in functions too."""
    if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
        return
    if isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == "lcgen":
        base = (node.module or "").partition(".")[2]
        for alias in node.names:
            inner = f"{base}.{alias.name}".lstrip(".")
            yield inner if inner in known else base
    if isinstance(node, ast.Import):
        yield from (alias.name.partition(".")[2] for alias in node.names if alias.name.startswith("lcgen."))
    for child in ast.iter_child_nodes(node):
        yield from imported(child, known)


def place(module: str, levels: list[list[str]]) -> int:
    """The layer of a module: that of its longest name that stands in a line."""
    parts = module.split(".")
    for end in range(len(parts), 0, -1):
        for level, names in enumerate(levels):
            if ".".join(parts[:end]) in names:
                return level
    return 0


def test_no_module_imports_what_stands_above_it() -> None:
    found, levels = modules(), layers()
    assert {name for names in levels[1:] for name in names} <= set(found), "a line names a module that is not there"
    upward = [
        f"{module} imports {other}"
        for module, tree in found.items()
        if module not in ("", "__main__")
        for other in imported(tree, found)
        # The package itself is imported for its version.
        if other and place(other, levels) > place(module, levels)
    ]
    assert not upward


def test_a_generator_knows_nothing_of_tokens_and_grading_nothing_of_lcgen() -> None:
    found = modules()
    for module, tree in found.items():
        names = set(imported(tree, found))
        if module.startswith("generators."):
            assert not names & {
                "tokens",
                "wrapper",
                "vocabularies",
                "bundled",
                "hub",
                "vault",
                "cache",
                "corpus",
                "sources",
                "texts",
            }, module
        if module.startswith("grading"):
            assert all(name.startswith("grading") for name in names), module


def test_nothing_below_the_command_line_prints() -> None:
    for module, tree in modules().items():
        if place(module, layers()) < place("cli", layers()):
            called = {node.func for node in ast.walk(tree) if isinstance(node, ast.Call)}
            assert not {ast.unparse(function) for function in called} & {
                "print",
                "click.echo",
                "sys.stderr.write",
                "sys.stdout.write",
            }, module
            assert "click" not in {
                alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names
            }, module
