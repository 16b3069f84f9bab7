"""Suites: one YAML file that names builds, from the user or from `builders/suites/`; or the manifest of what was built."""

from __future__ import annotations

import dataclasses
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from importlib.resources import files
from itertools import product
from pathlib import Path
from typing import Any

from lcgen import cards, pairs, schemas, wanted
from lcgen.errors import LcgenError, unknown
from lcgen.marked import Marked
from lcgen.spec import Hub, Spec, Suite, check_name, distinct

MULTIPLIED = ("lang", "tokenizer", "haystack")
"""A list under these keys makes a build of each value, whose name says which."""
PATHS = ("template", "chat_template", "tokenizer", "haystack")


def names() -> list[str]:
    """The suites that come with lcgen."""
    return sorted(path.name[: -len(".yaml")] for path in _shipped().iterdir() if path.name.endswith(".yaml"))


def _shipped() -> Any:
    return files("lcgen.builders").joinpath("suites")


def is_file(name: str) -> bool:
    """Whether what stands where tasks do names a file of a suite, or a manifest."""
    return name.endswith((".yaml", ".yml")) or is_manifest(name)


def is_manifest(name: str) -> bool:
    """Whether a name is that of a manifest, which is built again as it is, wherever somebody saved it."""
    return name.endswith(".json")


def source(name: str) -> str:
    """The YAML of a suite: a file's, or that of a shipped one. Raises LcgenError."""
    if not is_file(name):
        if name not in names():
            raise unknown("suite", name, names())
        return str(_shipped().joinpath(f"{name}.yaml").read_text(encoding="utf-8"))
    try:
        return Path(name).read_text(encoding="utf-8-sig")
    except (OSError, ValueError) as error:
        raise LcgenError(
            f"Cannot read the suite {name}: {getattr(error, 'strerror', None) or 'it is no UTF-8 text'}. "
            f"Name a file, or one of lcgen's own: {', '.join(names())}."
        ) from error


def load(name: str, options: Mapping[str, Any] | None = None) -> Suite:
    """The suite in a file, or the shipped one of this name; `options`, as for `lcgen.wanted.spec`, win over what it says.

    Raises LcgenError for anything that cannot be, with the line.
    """
    if is_manifest(name):
        from lcgen.builders import again

        return again.suite_of(Path(name), options or {})
    text = source(name)
    document = Marked(text, name if is_file(name) else f"suite {name}")
    document.check(json.loads(schemas.text("suite")))
    whole, given = document.value, dict(options or {})
    if given.pop("preset", None) is not None:
        raise LcgenError("--preset belongs to one task. A suite names the presets of its builds itself.")
    called = given.pop("name", None)
    with document.at(("name",)):
        check_name(whole["name"])
    shared = {
        "seed": given.pop("seed", whole.get("seed", 0)),
        "verify": given.pop("verify", whole.get("verify", "auto")),
        "format": given.pop("format", whole.get("format", "parquet")),
    }
    settings = pairs.written(given.pop("params", ()))
    home = Path(name).parent if is_file(name) else None
    tasks = {task for entry in whole["builds"] for task in _tasks({**whole.get("defaults", {}), **entry})}
    pairs.check(settings, tasks)
    builds: list[Spec] = []
    configs, worded = set[str](), dict[tuple[str, str], str | None]()
    for number, entry in enumerate(whole["builds"]):
        place = ("builds", number)
        entry = {
            **whole.get("defaults", {}),
            **entry,
            "set": {**whole.get("defaults", {}).get("set", {}), **entry.get("set", {})},
        }
        if not _tasks(entry):
            raise document.fault(place, "a build names its task: `task: needle`.")
        with document.at(place):
            for spec in _builds(entry, {**given, **shared}, pairs.meant(settings, _tasks(entry), tasks), home):
                _worded_once(spec, worded)
                distinct(spec.parts, configs)
                builds.append(spec)
    hub = Hub(**whole["hub"]) if "hub" in whole else None
    if hub and hub.license is not None:
        with document.at(("hub", "license")):
            cards.check_license(hub.license)
    name = str(called) if called is not None else whole["name"]
    return Suite(tuple(builds), name, hub, whole.get("epochs_apart", Suite.epochs_apart))


def _tasks(entry: Mapping[str, Any]) -> list[str]:
    found = entry.get("task", [])
    return [task.replace("-", "_") for task in ([found] if isinstance(found, str) else found)]


def _builds(entry: Mapping[str, Any], given: Mapping[str, Any], settings: Sequence[str], home: Path | None) -> Iterator[Spec]:
    """The builds of one entry: one of each language, tokenizer and haystack that it lists."""
    lists = {key: entry[key] for key in MULTIPLIED if isinstance(entry.get(key), list) and key not in given}
    for values in product(*lists.values()):
        chosen = {**entry, **dict(zip(lists, values))}
        asked = {
            _option(key): _placed(key, value, home)
            for key, value in chosen.items()
            if key not in ("task", "set") and _option(key) not in given
        }
        made = wanted.spec(_tasks(entry), params=[*pairs.written(chosen["set"]), *settings], **{**asked, **given})
        said = "".join(f"_{_slug(value)}" for value in values)
        parts = tuple(dataclasses.replace(part, name=part.name + said) for part in made.parts)
        yield dataclasses.replace(made, name=made.name + said, parts=parts)


def _option(key: str) -> str:
    return {"for": "audience"}.get(key, key)


def _placed(key: str, value: Any, home: Path | None) -> Any:
    """A path beside the suite counts from its folder: every template, and what begins with ./ or ../."""
    if home is None or key not in PATHS or not (key == "template" or value.startswith(("./", "../"))):
        return value
    return str(home / Path(value).expanduser())


def _slug(value: str) -> str:
    """A value as a piece of a name: `hf:org/model` is `model`."""
    last = re.split(r"[/\\:]", value.rstrip("/\\"))[-1]
    return re.sub(r"\.(json|txt|md)$|[^\w.-]+", "", last, flags=re.ASCII) or "x"


def _worded_once(spec: Spec, worded: dict[tuple[str, str], str | None]) -> None:
    """Raises LcgenError where a build words a task otherwise than one before it."""
    for part in spec.parts:
        if worded.setdefault((part.task, part.lang), spec.template) != spec.template:
            raise LcgenError(f"{part.task} ({part.lang}) has two templates, but a folder keeps one. Make two suites of it.")
