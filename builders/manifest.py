"""The manifest: what a folder holds, how it was made, and by which hashes to know it."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import lcgen
from lcgen import schemas
from lcgen.builders.rows import CANARY, RowMaker
from lcgen.builders.tables import Maker
from lcgen.errors import CheckFailed, LcgenError
from lcgen.spec import Length, Spec

FILE = "manifest.json"


def load(folder: Path) -> dict[str, Any] | None:
    """The manifest of a folder, None where it has none. Raises CheckFailed for one that is damaged."""
    path = folder / FILE
    try:
        found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        schemas.validate("manifest", found)
    except FileNotFoundError:
        return None
    except (json.JSONDecodeError, UnicodeDecodeError, RecursionError, OSError, CheckFailed) as error:
        raise CheckFailed(f"{path} is damaged: {error}. Remove the folder, or build into another one.") from error
    return found


def of(folder: Path) -> dict[str, Any]:
    """The manifest of a built folder. Raises LcgenError where it is none, CheckFailed for one that is damaged."""
    made = load(folder) if folder.is_dir() else None
    if made is None:
        raise LcgenError(f"{folder} is no lcgen build: it has no {FILE}.")
    return made


def save(folder: Path, manifest: Mapping[str, Any]) -> None:
    """Writes the manifest; it takes its name only when it is whole."""
    schemas.validate("manifest", manifest)
    part = folder / f"{FILE}.part"
    part.write_text(json.dumps(manifest, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    part.replace(folder / FILE)


def described(spec: Spec, crew: Mapping[str, Maker]) -> dict[str, Any]:
    """A spec as JSON, with name and fingerprint in place of what lies on one machine: tokenizer, template, haystacks."""
    found: dict[str, Any] = json.loads(json.dumps(dataclasses.asdict(spec)))
    counted = next(iter(crew.values())).counted()
    for key, of in (("tokenizer", "tokenizer"), ("chat_template", "wrapper")):
        found[key] = f"{counted[of]['name']} {counted[of]['fingerprint']}"
    for part in found["parts"]:
        part |= crew[part["name"]].described()
    found["template"] = found["parts"][0]["wording"] if spec.template is not None else None
    return found


def merge(old: Mapping[str, Any], new: Spec, crew: Mapping[str, Maker]) -> Spec:
    """The spec of a folder that holds the old one and is to hold the new one too.

    Raises LcgenError, naming each difference, where more differs than added lengths, samples or parts.
    """
    fresh = described(new, crew)
    free = ("parts", "verify", "lengths", "samples")
    differ = [f"{key} is {old.get(key)!r}, not {fresh[key]!r}" for key in fresh if key not in free and old.get(key) != fresh[key]]
    before = {part["name"]: part for part in old["parts"]}
    differ += [f"it also holds {name}" for name in before if name not in crew]
    parts = []
    for part, now in zip(new.parts, fresh["parts"]):
        was = before.get(part.name, now)
        differ += [
            f"{part.name}: {key} is {was[key]!r}, not {now[key]!r}" for key in now if key not in free and was[key] != now[key]
        ]
        lengths = {*part.lengths, *(Length(**length) for length in was["lengths"])}
        ranked = tuple(sorted(lengths, key=lambda length: (length.low, length.high)))
        parts.append(dataclasses.replace(part, lengths=ranked, samples=max(part.samples, was["samples"])))
    if differ:
        raise LcgenError(
            "The folder holds another build: " + "; ".join(differ) + ". A build can be extended by lengths and samples. "
            "Choose another --out, or replace it with --force."
        )
    return dataclasses.replace(new, parts=tuple(parts))


def compose(spec: Spec, makers: Mapping[str, Maker], files: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """The manifest of a finished build.

    Configs are hashed over the content hashes of their files, in order. `repeat` is the largest `haystack_repeat` of a
    row, `overlap` the share of a row's text that any other row is expected to hold too.
    """
    configs: dict[str, dict[str, Any]] = {}
    for part in spec.parts:
        for length in part.lengths:
            config = f"{part.name}_{length.config}"
            held = [files[name] for name in sorted(files) if name.split("/")[1] == config]
            configs[config] = {
                "rows": sum(file["rows"] for file in held),
                "hash": hashlib.sha256("".join(file["content"] for file in held).encode()).hexdigest(),
                "repeat": max(file["repeat"] for file in held),
                "overlap": makers[part.name].overlap(length),
            }
    texts = [maker for maker in makers.values() if isinstance(maker, RowMaker)]
    haystacks = {f"{maker.haystack.name}:{maker.haystack.lang}": maker.haystack.facts() for maker in texts}
    return {
        "lcgen": lcgen.__version__,
        "format": 1,
        "name": spec.name,
        "spec": described(spec, makers),
        "seed": spec.seed,
        **next(iter(makers.values())).counted(),
        "haystacks": [haystacks[key] for key in sorted(haystacks)],
        "templates": {name: maker.wording.hash for maker in texts for name in maker.templates},
        "probes": {maker.part.name: maker.composer.probes for maker in texts},
        "budgets": {f"{m.part.name}_{length.config}": m.answer_tokens(length) for m in texts for length in m.part.lengths},
        "verification": {"mode": spec.verify} | {key: sum(file[key] for file in files.values()) for key in ("rows", "encoded", "solved")},
        "configs": configs,
        "files": {name: dict(files[name]) for name in sorted(files)},
        "canary": CANARY,
    }  # fmt: skip
