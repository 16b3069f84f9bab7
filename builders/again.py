"""A build made again: the suite that a manifest describes, wherever its folder came from."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping
from itertools import groupby
from pathlib import Path
from typing import Any

import lcgen
from lcgen import generators
from lcgen.builders import manifest
from lcgen.builders.workshop import crew_of
from lcgen.errors import LcgenError
from lcgen.ranges import Length
from lcgen.spec import Part, Spec, Suite

PLACES = ("tokenizer", "chat_template", "haystack", "template")
"""What a manifest names without saying where it lies, or by fingerprint alone."""
MAY = ("seed", "verify", *PLACES)
"""Options that may be given beside a manifest."""


def suite_of(path: Path, given: Mapping[str, Any]) -> Suite:
    """The suite of a manifest. `given` says what a manifest cannot: a secret seed, and where texts and vocabularies lie.

    Raises LcgenError for other options, and where this lcgen or what lies here would make other rows, with each difference.
    """
    try:
        made = manifest.parse(path.read_bytes(), str(path))
    except OSError as error:
        raise LcgenError(f"Cannot read the manifest {path}: {error.strerror or error}.") from error
    if other := sorted({key for key in given if given[key] not in (None, (), {})} - {*MAY}):
        raise LcgenError(
            f"{path} says what is built, so --{other[0].replace('_', '-')} has no meaning there. Only where something lies may be said: "
            f"--{', --'.join(MAY)}.".replace("_", "-")
        )
    if made["seed"].startswith("sha256:") and "seed" not in given:
        raise LcgenError(
            f"The seed of {path} is secret: it shows {made['seed'][:20]}... alone. Give the seed with --seed secret:..."
        )
    described = made["spec"]
    shared = {
        "seed": str(given.get("seed", described["seed"])),
        "verify": given.get("verify", described["verify"]),
        "format": described["format"],
    }
    settings = [field.name for field in dataclasses.fields(Spec) if field.name not in ("parts", "name", *shared)]

    def of_build(part: Mapping[str, Any]) -> str:
        return json.dumps([part[key] for key in settings])

    builds = []
    for _, alike in groupby(described["parts"], of_build):
        parts = list(alike)
        own = {key: parts[0][key] for key in settings} | _places(path, parts[0])
        own |= {key: _given(key, given[key]) for key in PLACES if key in own and given.get(key) is not None}
        builds.append(Spec(tuple(_part(part, given.get("haystack")) for part in parts), parts[0]["name"], **own, **shared))
    if len(builds) == 1:
        builds = [dataclasses.replace(builds[0], name=described["name"])]
    suite = Suite(tuple(builds), described["name"])
    if differ := manifest.differences(described, manifest.described(suite, crew_of(suite))):
        raise LcgenError(
            f"lcgen {lcgen.__version__} and what lies here would not make the rows of {path}, which lcgen {made['lcgen']} made: "
            f"{'; '.join(differ)}."
        )
    return suite


def _places(path: Path, part: Mapping[str, Any]) -> dict[str, Any]:
    """Vocabulary, wrapper and wording of a part, as a spec has them."""
    own = {key: _unprinted(part[key]) for key in ("tokenizer", "chat_template")}
    if manifest.of_numbers(part):
        own["chat_template"] = "auto"
    wording = path.parent / "templates" / f"{part['task']}.{part['lang']}.j2"
    return own | {"template": None if part["template"] is None else _given("template", wording)}


def _given(key: str, value: Any) -> Any:
    """A value as a spec has it: of a template the text."""
    if key != "template":
        return value
    try:
        return Path(value).read_text(encoding="utf-8")
    except (OSError, ValueError) as error:
        raise LcgenError(f"Cannot read the template {value}, in which these rows are worded. Name it with --template.") from error


def _part(found: Mapping[str, Any], haystack: str | None) -> Part:
    own = {field.name: found[field.name] for field in dataclasses.fields(Part)}
    own["lengths"] = tuple(Length(**length) for length in found["lengths"])
    text = generators.get(found["task"]).haystack if manifest.of_numbers(found) else haystack or _unprinted(found["haystack"])
    return Part(**own | {"depths": tuple(found["depths"]), "params": tuple(found["params"]), "haystack": text})


def _unprinted(named: str) -> str:
    """A name without the fingerprint behind it."""
    return named.rpartition(" ")[0] or named
