"""The manifest: what a folder holds, how it was made, and by which hashes to know it."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import lcgen
from lcgen import epochs, schemas, vault
from lcgen.builders.depot import STAGING
from lcgen.builders.maker import Maker
from lcgen.builders.rows import canary
from lcgen.errors import CheckFailed, LcgenError, clause, many
from lcgen.ranges import Length
from lcgen.spec import Part, Spec, Suite

FILE = "manifest.json"
FORMAT = 1
"""The form of manifests that this lcgen writes and reads."""


def load(folder: Path) -> dict[str, Any] | None:
    """The manifest of a folder, None where it has none. Raises CheckFailed for one that is damaged."""
    path = folder / FILE
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        return None
    except OSError as error:
        raise _damaged(str(path), error) from error
    return parse(data, str(path))


def parse(data: bytes, shown: str) -> dict[str, Any]:
    """The manifest in a file. Raises CheckFailed for one that is damaged, LcgenError for one of a later lcgen."""
    try:
        found: dict[str, Any] = json.loads(data.decode())
        made = found.get("format") if isinstance(found, dict) else None
        if isinstance(made, int) and made > FORMAT:
            raise LcgenError(
                f"{shown} is of a later lcgen: its format is {made}, and this lcgen reads {FORMAT}. Update lcgen to use the folder."
            )
        schemas.validate("manifest", found)
        _agree(found)
    except (json.JSONDecodeError, UnicodeDecodeError, RecursionError, CheckFailed) as error:
        raise _damaged(shown, error) from error
    return found


def _agree(made: Mapping[str, Any]) -> None:
    """Raises CheckFailed for a config that one part of a manifest names and another does not: it would be passed over."""
    counted = {config for entry in made["counted"] for config in entry["configs"]}
    named = [counted, set(made["configs"]), set(map(config_of, made["files"]))]
    if odd := sorted(set.union(*named) - set.intersection(*named)):
        raise CheckFailed(f"{odd[0]} has no vocabulary, no count of rows or no files there")


def _damaged(shown: str, error: Exception) -> CheckFailed:
    return CheckFailed(f"{shown} is damaged: {clause(error)}. Remove the folder, or build into another one.")


def of(folder: Path) -> dict[str, Any]:
    """The manifest of a built folder. Raises LcgenError where it is none, CheckFailed for one that is damaged."""
    made = load(folder) if folder.is_dir() else None
    if made is None and (folder / STAGING).is_dir():
        raise LcgenError(
            f"In {folder} a build was begun and is not finished: it has no {FILE} yet. The same `lcgen build` command goes on; where "
            "shards made its files, `lcgen finish` joins them."
        )
    if made is None:
        raise LcgenError(f"{folder} is no lcgen build: it has no {FILE}.")
    return made


def of_prompts(folder: Path, otherwise: str) -> dict[str, Any]:
    """The manifest of a built folder of prompts. Raises LcgenError where its rows are numbers, and says what holds of those."""
    made = of(folder)
    if any(map(of_numbers, made["spec"]["parts"])):
        raise LcgenError(f"{folder} holds rows of numbers, {otherwise}")
    return made


def of_numbers(part: Mapping[str, Any]) -> bool:
    """Whether the rows of a part, as a manifest describes it, are numbers, which no template words."""
    return part.get("wording", "") is None


def save(folder: Path, manifest: Mapping[str, Any]) -> None:
    """Writes the manifest; it takes its name only when it is whole."""
    schemas.validate("manifest", manifest)
    part = folder / f"{FILE}.part"
    part.write_text(json.dumps(manifest, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    part.replace(folder / FILE)


_SHARED = ("seed", "verify", "format")
FREE = ("verify", "lengths", "samples")
"""What may differ between a folder and what is to be added to it."""


def described(suite: Suite, crew: Mapping[str, Maker]) -> dict[str, Any]:
    """A suite as JSON: what all builds share, and each part with the settings of its build.

    Names and fingerprints stand in place of what lies on one machine: tokenizer, template, haystacks.
    """
    parts = [described_part(crew[part.name]) for part in suite.parts]
    return {"name": suite.name, **{key: getattr(suite, key) for key in _SHARED}, "seed": epochs.shown(suite.seed), "parts": parts}


def described_part(maker: Maker) -> dict[str, Any]:
    """One part with the settings of its build."""
    spec, part, counted, own = maker.spec, maker.part, maker.counted(), maker.described()
    settings = {key: value for key, value in dataclasses.asdict(spec).items() if key not in (*_SHARED, "name", "parts")}
    named = {
        "tokenizer": _named(counted["tokenizer"]),
        "chat_template": _named(counted["wrapper"]),
        "template": own["wording"] if spec.template is not None else None,
    }
    return dict(json.loads(json.dumps({**settings, **dataclasses.asdict(part), **named, **own})))


def _named(counted: Mapping[str, Any]) -> str:
    return f"{counted['name']} {counted['fingerprint']}"


def differences(old: Mapping[str, Any], fresh: Mapping[str, Any]) -> list[str]:
    """What differs between two described suites beside added lengths, samples or builds, in words."""
    differ = [
        f"{key} is {_said(old.get(key))}, not {_said(fresh[key])}"
        for key in ("name", *_SHARED)
        if key not in FREE and old.get(key) != fresh[key]
    ]
    before = {part["name"]: part for part in old["parts"]}
    now = {part["name"]: part for part in fresh["parts"]}
    settings = {field.name for field in dataclasses.fields(Spec)}
    for name, was in before.items():
        if name not in now:
            differ.append(f"it also holds {name}")
            continue
        for key in now[name]:
            if key not in FREE and was.get(key) != now[name][key]:
                # Settings of a build differ in all of its parts alike.
                whose = "" if key in settings else f"{name}: "
                differ.append(f"{whose}{key} is {_said(was.get(key))}, not {_said(now[name][key])}")
    differ = list(dict.fromkeys(differ))
    return [*differ[:5], *([f"and {len(differ) - 5} more"] if len(differ) > 5 else [])]


def _said(value: Any) -> str:
    """A setting as a person writes it: keys=8 queries=2, a list with commas; sets of parameters that are swept with `or`."""
    if isinstance(value, Mapping):
        return " ".join(f"{key}={_said(one)}" for key, one in value.items()) or "the defaults"
    if isinstance(value, list):
        return (" or " if any(isinstance(one, Mapping) for one in value) else ",").join(map(_said, value))
    if value is None or value == "":
        return "none"
    return {True: "true", False: "false"}[value] if isinstance(value, bool) else str(value)


def lacking(old: Mapping[str, Any], fresh: Mapping[str, Any]) -> list[str]:
    """What a described suite has less of than another, in words: builds, lengths, samples, verification."""
    degrees = ("none", "auto", "full")
    less = []
    if degrees.index(fresh["verify"]) < degrees.index(old["verify"]):
        less.append(f"verify is {old['verify']}, not {fresh['verify']}")
    now = {part["name"]: part for part in fresh["parts"]}
    for part in old["parts"]:
        name, mine = part["name"], now.get(part["name"], {"lengths": [], "samples": part["samples"]})
        if gone := [Length(**length).config for length in part["lengths"] if length not in mine["lengths"]]:
            less.append(f"{name} has also {', '.join(gone)}")
        if mine["samples"] < part["samples"]:
            less.append(f"{name} has {many(part['samples'], 'sample')}, not {mine['samples']:,}")
    return less


def merge(old: Mapping[str, Any], new: Suite, crew: Mapping[str, Maker]) -> Suite:
    """The suite of a folder that holds the old one and is to hold the new one too.

    Raises LcgenError, naming each difference, where more differs than added lengths, samples or builds.
    """
    if differ := differences(old, described(new, crew)):
        raise LcgenError(
            f"The folder holds another build: {'; '.join(differ)}. A build can be extended by lengths, samples and builds of a suite. "
            "Choose another --out, or replace it with --force."
        )
    before = {part["name"]: part for part in old["parts"]}

    def grown(part: Part) -> Part:
        was = before.get(part.name)
        if was is None:
            return part
        lengths = {*part.lengths, *(Length(**length) for length in was["lengths"])}
        ranked = tuple(sorted(lengths, key=lambda length: (length.low, length.high)))
        return dataclasses.replace(part, lengths=ranked, samples=max(part.samples, was["samples"]))

    builds = (dataclasses.replace(spec, parts=tuple(map(grown, spec.parts))) for spec in new.builds)
    return dataclasses.replace(new, builds=tuple(builds))


def data_file(config: str, split: str, first: str, format: str) -> str:
    """The name of a data file in its folder; `first` is the first index that it holds, in six digits, or `*` for all of them."""
    return f"data/{config}/{split}-{first}.{format}"


def config_of(file: str) -> str:
    """The config of a data file, by the file's name."""
    return file.split("/")[1]


def files_of(files: Iterable[str], config: str) -> list[str]:
    """The data files of a config among those of a manifest, in the order of their rows."""
    return sorted(name for name in files if config_of(name) == config)


def parts_of(made: Mapping[str, Any]) -> dict[str, Mapping[str, Any]]:
    """Of each config the part that it belongs to, as a manifest describes it."""
    return {config: part for part in made["spec"]["parts"] for config in configs_of(part)}


def configs_of(part: Mapping[str, Any]) -> list[str]:
    """The configs of a part that a manifest describes."""
    return [f"{part['name']}_{Length(**length).config}" for length in part["lengths"]]


def counted(made: Mapping[str, Any], config: str) -> dict[str, Any]:
    """The vocabulary and the wrapper in which the rows of a config were counted."""
    return next(dict(entry) for entry in made["counted"] if config in entry["configs"])


def derived(folder: Path, names: Iterable[str]) -> dict[str, dict[str, Any]]:
    """What is noted of files that were made of the data files: size and SHA-256, by name."""
    return {name: {"bytes": (folder / name).stat().st_size, "sha256": vault.file_hash(folder / name)} for name in sorted(names)}


def compose(
    suite: Suite, makers: Mapping[str, Maker], files: Mapping[str, Mapping[str, Any]], partly: bool = False
) -> dict[str, Any]:
    """The manifest of a finished build, or, `partly`, of what there is.

    Configs are hashed over the content hashes of their files, in order. `repeat` is the largest `haystack_repeat` of a
    row, `overlap` the share of a row's text that any other row is expected to hold too. `derived` and `card` are added when
    those files are made.
    """
    configs: dict[str, dict[str, Any]] = {}
    alike: dict[str, dict[str, Any]] = {}
    for part in suite.parts:
        said = makers[part.name].counted()
        group = alike.setdefault(json.dumps(said, sort_keys=True), {"configs": [], **said})
        for length in part.lengths:
            config = part.config(length)
            group["configs"].append(config)
            held = [files[name] for name in files_of(files, config)]
            if partly and not held:
                continue
            configs[config] = {
                "rows": sum(file["rows"] for file in held),
                "hash": hashlib.sha256("".join(file["content"] for file in held).encode()).hexdigest(),
                "repeat": max(file["repeat"] for file in held),
                "overlap": makers[part.name].overlap(length),
            }
    facts = [maker.facts() for maker in makers.values()]

    def section(name: str) -> dict[str, Any]:
        return {key: value for one in facts for key, value in one.get(name, {}).items()}

    return {
        "lcgen": lcgen.__version__,
        "format": FORMAT,
        "name": suite.name,
        "spec": described(suite, makers),
        "seed": epochs.shown(suite.seed),
        "counted": list(alike.values()),
        "haystacks": [found for _, found in sorted(section("haystacks").items())],
        "templates": section("templates"),
        "probes": section("probes"),
        "budgets": section("budgets"),
        "verification": {"mode": suite.verify} | {key: sum(file[key] for file in files.values()) for key in ("rows", "encoded", "solved")},
        "configs": configs,
        "files": {name: dict(files[name]) for name in sorted(files)},
        "canary": max(canary(part.split) for part in suite.parts),
    }  # fmt: skip
