"""JSON Schemas, written by hand: the promise to readers, not derived from the code that it checks."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from functools import cache
from importlib.resources import files
from typing import Any

import fastjsonschema
from jsonschema import Draft7Validator, ValidationError
from referencing import Registry

from lcgen.errors import CheckFailed, unknown


def names() -> list[str]:
    """All schemas, such as `row` and `needle`."""
    return sorted(path.name[: -len(".schema.json")] for path in files(__name__).iterdir() if path.name.endswith(".json"))


def text(name: str) -> str:
    """A schema as it stands in its file. Raises CheckFailed for a name that is none of ours: rows from outside name their own."""
    if name not in names():
        raise CheckFailed(str(unknown("schema", name[:100], names())))
    return files(__name__).joinpath(f"{name}.schema.json").read_text(encoding="utf-8")


def _refuse(address: str) -> Any:
    raise CheckFailed(f"A schema of lcgen is whole: it may not fetch {address[:300]!r}.")


_HANDLERS = dict.fromkeys(("http", "https", "ftp", "file", "data"), _refuse)
"""Who fetches for a schema, by what `urllib` can open."""


@cache
def _compiled(name: str) -> Any:
    # Every row is checked, so the schema is compiled to code; jsonschema, 30 times slower, words the rare fault.
    return fastjsonschema.compile(json.loads(text(name)), handlers=_HANDLERS)


def faults(schema: Mapping[str, Any], value: Any) -> Iterator[ValidationError]:
    """Where a value does not fit a schema, in words. A `$ref` to what the schema does not hold is never fetched."""
    return Draft7Validator(schema, registry=Registry()).iter_errors(value)


def validate(name: str, value: Mapping[str, Any]) -> None:
    """Raises CheckFailed with the first place where the value does not fit the schema."""
    try:
        _compiled(name)(value)
    except fastjsonschema.JsonSchemaException as fault:
        error = next(faults(json.loads(text(name)), value), None)
        what = f"at {error.json_path}: {error.message[:300]}" if error else f": {fault.message[:300]}"
        raise CheckFailed(f"Not a valid {name} {what}.") from fault


def validate_row(row: Mapping[str, Any]) -> None:
    """Checks a row and its metadata. Raises CheckFailed."""
    validate("row", row)
    # NaN is in no range, and a schema that asks whether it is below or above takes it.
    depths = [row["depth"], *(piece[name] for piece in row["evidence"] for name in ("depth", "depth_requested"))]
    if any(depth != depth for depth in depths):
        raise CheckFailed("Not a valid row: a depth is NaN, which is no number.")
    validate(row["task"], row["metadata"])
