"""YAML as plain values of which each still knows its line, so that an error can name it."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator, Mapping
from typing import Any

import yaml

from lcgen.errors import LcgenError, unknown

MOST_BYTES = 1 << 20
MOST_VALUES = 20_000
"""Values of one document, those behind aliases counted each time: anchors within anchors double what they hold."""

_PLAIN_NUMBER = re.compile(
    r"[-+]?((0|[1-9]\d{0,30})(\.\d*)?|\.\d+)([eE][-+]?\d+)?|[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)", re.ASCII
)
"""Not 010, which is eight, nor 1:30, which is ninety, nor thousands of digits."""

Place = tuple[str | int, ...]
"""The keys and numbers that lead to a value."""


class Marked:
    """One document of YAML. Raises LcgenError for what cannot be read, with the line.

    Keys are unique, and `-` in them is `_`. Dates stay text. `value` is plain: mappings, lists, texts, numbers.
    """

    def __init__(self, text: str, name: str) -> None:
        self.name = name
        self._lines: dict[Place, int] = {}
        self._count = 0
        if len(text) > MOST_BYTES:
            raise LcgenError(f"{name} is longer than a suite can be ({MOST_BYTES >> 20} MiB).")
        try:
            # The constructor is asked for scalars only, so aliases cost nothing until they are walked.
            loader = yaml.SafeLoader(text)
            try:
                node = loader.get_single_node()
                self._loader = loader
                if node is None:
                    raise LcgenError(f"{name} is empty.")
                self.value: Any = self._walk(node, ())
            finally:
                loader.dispose()
        except yaml.MarkedYAMLError as error:
            mark = error.problem_mark or error.context_mark
            raise self._fault(
                mark.line + 1 if mark else 1, f"cannot be read as YAML: {error.problem or error.context}."
            ) from error
        except (yaml.YAMLError, RecursionError, ValueError) as error:
            said = "it is nested too deeply" if isinstance(error, RecursionError) else " ".join(str(error).split())[:200]
            raise LcgenError(f"{name} cannot be read as YAML: {said}.") from error

    def _walk(self, node: yaml.Node, place: Place) -> Any:
        line = node.start_mark.line + 1
        self._lines[place] = line
        self._count += 1
        if self._count > MOST_VALUES or len(place) > 50:
            raise self._fault(
                line, f"holds more than {MOST_VALUES:,} values, or values too deep: do its anchors hold one another?"
            )
        if not isinstance(node, yaml.ScalarNode) and node.tag not in ("tag:yaml.org,2002:map", "tag:yaml.org,2002:seq"):
            raise self._fault(line, f"uses the YAML tag {node.tag!r}; only plain values are possible.")
        if isinstance(node, yaml.MappingNode):
            found: dict[str, Any] = {}
            for key_node, value_node in node.value:
                key = self._key(key_node)
                if key in found:
                    raise self._fault(key_node.start_mark.line + 1, f"names {key!r} twice.")
                found[key] = self._walk(value_node, (*place, key))
                child: Place = (*place, key)
                self._lines[child] = key_node.start_mark.line + 1
            return found
        if isinstance(node, yaml.SequenceNode):
            return [self._walk(value, (*place, number)) for number, value in enumerate(node.value)]
        if node.tag.endswith(("int", "float")) and not _PLAIN_NUMBER.fullmatch(node.value):
            raise self._fault(
                line,
                f"writes the number {node.value[:40]!r}, which YAML reads in a way of its own. Write plain digits, or quotes.",
            )
        if node.tag.endswith(("int", "float", "bool", "null")) and node.tag.startswith("tag:yaml.org,2002:"):
            return self._loader.construct_object(node)
        if node.tag in ("tag:yaml.org,2002:str", "tag:yaml.org,2002:timestamp", "tag:yaml.org,2002:value"):
            return node.value
        raise self._fault(line, f"uses the YAML tag {node.tag!r}; only plain values are possible.")

    def _key(self, node: yaml.Node) -> str:
        if not isinstance(node, yaml.ScalarNode) or node.tag != "tag:yaml.org,2002:str":
            said = node.value if isinstance(node, yaml.ScalarNode) else "a list or mapping"
            raise self._fault(node.start_mark.line + 1, f"has the key {said!r}; keys are plain words here.")
        return str(node.value).replace("-", "_")

    def line(self, place: Place) -> int:
        """The line on which the value at a place, or what holds it, begins."""
        while place not in self._lines:
            place = place[:-1]
        return self._lines[place]

    def _fault(self, line: int, said: str) -> LcgenError:
        return LcgenError(f"{self.name} line {line} {said}")

    def fault(self, place: Place, said: str) -> LcgenError:
        """An error that names the line of a place."""
        return LcgenError(f"{self.name} line {self.line(place)}: {said}")

    @contextlib.contextmanager
    def at(self, place: Place) -> Iterator[None]:
        """Adds the line of a place to what LcgenError says."""
        try:
            yield
        except LcgenError as error:
            raise type(error)(str(self.fault(place, str(error)))) from error

    def check(self, schema: dict[str, Any]) -> None:
        """Raises LcgenError for the first place, by line, where the document does not fit a JSON Schema."""
        from lcgen import schemas

        faults = [self._said(error, schema.get("definitions", {})) for error in schemas.faults(schema, self.value)]
        if faults:
            place, said = min(faults, key=lambda fault: self.line(fault[0]))
            raise self.fault(place, said)

    def _said(self, error: Any, definitions: Mapping[str, Any]) -> tuple[Place, str]:
        place: Place = tuple(error.absolute_path)
        where = ".".join(str(step) for step in place if isinstance(step, str)) or "the suite"
        if error.validator == "additionalProperties":
            known = error.schema["properties"]
            odd = next(key for key in error.instance if key not in known)
            return (*place, odd), str(unknown(f"key of {where}", odd, known))
        if error.validator == "required":
            lacking = next(name for name in error.validator_value if name not in error.instance)
            return place, f"{where} lacks {lacking!r}."
        shown = repr(error.instance)[:60]
        if error.validator == "enum":
            return place, f"{where} is {shown}, but must be one of {', '.join(map(str, error.validator_value))}."
        if error.validator in ("type", "anyOf"):
            kinds = list(
                dict.fromkeys(_kinds(error.validator_value if error.validator == "anyOf" else [error.schema], definitions))
            )
            return place, f"{where} is {shown}, but must be {' or '.join(kinds)}."
        return place, f"{where} is {shown}: {error.message[:200]}."


_NAMES = {
    "string": "a text", "integer": "a whole number", "number": "a number", "boolean": "true or false", "array": "a list", "object": "a mapping",
}  # fmt: skip


def _kinds(allowed: Any, definitions: Mapping[str, Any]) -> Iterator[str]:
    """The types that schemas allow, in words."""
    for schema in allowed:
        if "$ref" in schema:
            schema = definitions[schema["$ref"].rpartition("/")[2]]
        if "anyOf" in schema:
            yield from _kinds(schema["anyOf"], definitions)
        types = schema.get("type", [])
        yield from (_NAMES[kind] for kind in ([types] if isinstance(types, str) else types))
