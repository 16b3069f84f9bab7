"""JSON Schemas, written by hand: the promise to readers, not derived from the code that it checks."""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from typing import Any

import fastjsonschema
from jsonschema import Draft7Validator

from lcgen.errors import CheckFailed


def names() -> list[str]:
    """All schemas, such as `row` and `needle`."""
    return sorted(path.name[: -len(".schema.json")] for path in files(__name__).iterdir() if path.name.endswith(".json"))


def text(name: str) -> str:
    """A schema as it stands in its file."""
    return files(__name__).joinpath(f"{name}.schema.json").read_text(encoding="utf-8")


@cache
def _compiled(name: str) -> Any:
    # Every row is checked, so the schema is compiled to code; jsonschema, 30 times slower, words the rare fault.
    return fastjsonschema.compile(json.loads(text(name)))


def validate(name: str, value: Mapping[str, Any]) -> None:
    """Raises CheckFailed with the first place where the value does not fit the schema."""
    try:
        _compiled(name)(value)
    except fastjsonschema.JsonSchemaException as fault:
        error = next(Draft7Validator(json.loads(text(name))).iter_errors(value), None)
        what = f"at {error.json_path}: {error.message[:300]}" if error else f": {fault.message[:300]}"
        raise CheckFailed(f"Not a valid {name} {what}.") from fault


def validate_row(row: Mapping[str, Any]) -> None:
    """Checks a row and its metadata. Raises CheckFailed."""
    validate("row", row)
    validate(row["task"], row["metadata"])
