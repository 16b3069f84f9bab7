"""Jinja for templates from outside: nothing of Python is within reach, and every operation on a value is paid for.

Operators, filters and tests are wrapped; `~`, slices and comparisons, which Jinja compiles to bare Python, are turned
into filters when a template is read; and of built-in values only methods whose cost is known may be called.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable
from string import Formatter
from types import CodeType
from typing import Any

import jinja2
from jinja2 import nodes
from jinja2.exceptions import SecurityError
from jinja2.sandbox import ImmutableSandboxedEnvironment
from jinja2.visitor import NodeTransformer

from lcgen.limits import FILTERS, METHODS, bounded, extent, guarded, limited, nothing, percent, spend

# Filters that look at no content, and cost nothing.
_FREE = ("attr", "count", "d", "default", "first", "last", "length", "tojson")
_COMPARING = ("in", "==", "eq", "equalto", "!=", "ne", ">", "gt", "greaterthan", "ge", ">=", "<", "lt", "lessthan", "<=", "le")
_PLAIN = (str, bytes, int, float, list, tuple, dict, set, frozenset, range)
_WIDE_FIELD = re.compile(r"\d{4}")


class _Reading(NodeTransformer):
    """Turns what Jinja compiles to bare Python into filters: `~`, slices, and the sides of comparisons."""

    def visit_Concat(self, node: nodes.Concat) -> nodes.Node:
        self.generic_visit(node)
        return self._filter("~", nodes.List(node.nodes, lineno=node.lineno), [])

    def visit_Getitem(self, node: nodes.Getitem) -> nodes.Node:
        self.generic_visit(node)
        if not isinstance(node.arg, nodes.Slice):
            return node
        ends = [end or nodes.Const(None) for end in (node.arg.start, node.arg.stop, node.arg.step)]
        return self._filter("[:]", node.node, ends)

    def visit_Compare(self, node: nodes.Compare) -> nodes.Node:
        self.generic_visit(node)
        node.expr = self._filter("compare", node.expr, [])
        for operand in node.ops:
            operand.expr = self._filter("compare", operand.expr, [])
        return node

    def _filter(self, name: str, value: nodes.Expr, args: list[nodes.Expr]) -> nodes.Filter:
        return nodes.Filter(value, name, args, [], None, None, lineno=value.lineno)


def _tojson(value: Any, ensure_ascii: bool = False, indent: int | None = None, **options: Any) -> str:
    """JSON as it stands in a prompt, nothing escaped for HTML."""
    if indent is not None and not (isinstance(indent, int) and 0 <= indent <= 16):
        raise SecurityError("tojson builds too much: it indents by at most 16")
    spend(extent([value, *options.values()]), "tojson")
    pieces: list[str] = []
    for piece in json.JSONEncoder(ensure_ascii=ensure_ascii, indent=indent, **options).iterencode(value):
        spend(len(piece), "tojson")
        pieces.append(piece)
    return "".join(pieces)


class _Format(Formatter):
    """`str.format` that looks up fields as the sandbox does, and pays for each."""

    def __init__(self, sandbox: Sandbox) -> None:
        self.sandbox = sandbox

    def get_field(self, field_name: str, args: Any, kwargs: Any) -> Any:
        first, *rest = re.findall(r"[^.\[\]]+|\.|\[", field_name) or [""]
        value = self.get_value(int(first) if first.isdecimal() else first, args, kwargs)
        for mark, name in zip(rest[::2], rest[1::2]):
            if mark == ".":
                value = self.sandbox.getattr(value, name)
            else:
                value = self.sandbox.getitem(value, int(name) if name.isdecimal() else name)
        return value, first

    def format_field(self, value: Any, format_spec: str) -> str:
        if _WIDE_FIELD.search(format_spec):
            raise SecurityError("a format may be at most 999 wide")
        spend(extent(value), "format")
        return str(super().format_field(value, format_spec))


class Sandbox(ImmutableSandboxedEnvironment):
    """Jinja's immutable sandbox within the limits, with names that are not defined refused, and no chance and no `**`."""

    intercepted_binops = frozenset({"+", "*", "**", "%"})

    def __init__(self, **options: Any) -> None:
        options.setdefault("undefined", jinja2.StrictUndefined)
        super().__init__(trim_blocks=True, lstrip_blocks=True, autoescape=False, finalize=self._printed, **options)
        known = {name: guarded(self.filters[name], name, makes) for name, makes in FILTERS.items()}
        self.filters = known | {name: self.filters[name] for name in _FREE} | {"tojson": _tojson}
        self.filters |= {
            "~": guarded(lambda parts: "".join(map(str, parts)), "~", nothing),
            "[:]": guarded(lambda value, *ends: value[slice(*ends)], "[:]", nothing),
            "compare": self._compared,
        }
        self.tests |= {name: guarded(self.tests[name], name, nothing) for name in _COMPARING}
        del self.globals["lipsum"]
        self.concat = self._written  # type: ignore[method-assign]

    def _parse(self, source: str, name: str | None, filename: str | None) -> nodes.Template:
        tree: nodes.Template = _Reading().visit(super()._parse(source, name, filename))
        return tree

    def from_string(self, *args: Any, **options: Any) -> jinja2.Template:
        """The template of a text; what it computes while it is compiled is held to the same sizes."""
        with limited():
            return super().from_string(*args, **options)

    def compiled(self, source: str) -> CodeType:
        """The text of a template as Python, within the same sizes."""
        with limited():
            return self.compile(source)

    def prints(self, source: str, name: str) -> int:
        """How often a template prints this variable as it is; 0 where it does anything else with it, or does so where its text may be
        caught or come again (macros, blocks, loops): where it is not 0, nothing else that is printed depends on the variable."""
        tree = self.parse(source)
        bodies: list[nodes.Node] = [tree]
        printed = 0
        while bodies:
            for node in bodies.pop().iter_child_nodes():
                if isinstance(node, nodes.If):
                    bodies.append(node)
                elif isinstance(node, nodes.Output):
                    printed += sum(isinstance(part, nodes.Name) and part.name == name for part in node.nodes)
        return printed if printed == sum(node.name == name for node in tree.find_all(nodes.Name)) else 0

    def _printed(self, value: Any) -> Any:
        """What `{{ value }}` writes."""
        if isinstance(value, (str, jinja2.Undefined)):
            return value
        spend(extent(value), "it")
        return str(value)

    def _written(self, pieces: Iterable[str]) -> str:
        """The text of a template or macro."""
        held = []
        for piece in pieces:
            spend(len(piece), "the text")
            held.append(piece)
        text = "".join(held)
        spend(len(text), "the text")
        return text

    def _compared(self, value: Any) -> Any:
        spend(extent(value), "a comparison")
        return value

    def is_safe_attribute(self, obj: Any, attr: str, value: Any) -> bool:
        known = attr in METHODS if isinstance(obj, _PLAIN) else not isinstance(obj, type)
        return known and super().is_safe_attribute(obj, attr, value)

    def wrap_str_format(self, value: Any) -> Callable[..., str] | None:
        if getattr(value, "__name__", "") == "format" and isinstance(getattr(value, "__self__", None), str):
            return lambda *args, **named: str(bounded(_Format(self).vformat(str(value.__self__), args, named), "format"))
        return None

    def call(__self, __context: Any, __obj: Any, *args: Any, **named: Any) -> Any:
        owner = getattr(__obj, "__self__", None)
        if isinstance(owner, _PLAIN):
            name = __obj.__name__
            if name not in METHODS:
                raise SecurityError(f"{name} is not allowed")
            given = {key: value for key, value in named.items() if not key.startswith("_")}  # the rest is for Jinja's own
            return guarded(lambda _, *args, **given: __obj(*args, **given), name, METHODS[name])(owner, *args, **given)
        spend(extent([*args, *named.values()]), "a call")
        return bounded(super().call(__context, __obj, *args, **named), "a call")

    def call_binop(self, context: Any, operator: str, left: Any, right: Any) -> Any:
        if operator == "**":
            raise SecurityError("** builds too much")
        if operator == "*":
            sizes = [len(side) if hasattr(side, "__len__") else abs(side) for side in (left, right)]
            numbers = isinstance(left, (int, float)) and isinstance(right, (int, float))
            spend(0 if numbers else int(sizes[0] * sizes[1]), "*")
        elif operator == "%" and isinstance(left, str):
            spend(percent(left, right), "%")
        return bounded(super().call_binop(context, operator, left, right), operator)
