"""`lcgen verify`: a finished folder is read again and held to everything that it promises."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from lcgen import cards
from lcgen.builders import executors, manifest
from lcgen.builders.folder import Folder
from lcgen.builders.reading import MOST_FAULTS, Read, Reader, Verified, wordings_of
from lcgen.errors import CheckFailed
from lcgen.progress import Progress


def recheck(
    folder: Path,
    full: bool = False,
    tokenizer: str | Sequence[str] | None = None,
    progress: Progress | None = None,
    jobs: int = 1,
) -> Verified:
    """Checks hashes of all files, schemas, lengths, spans and ids of every row; encodes and solves the first
    of each file and the 5 % sample, or all if `full`.

    `tokenizer` names vocabularies again whose names in the manifest cannot be found here; their fingerprints must be the
    same. Raises LcgenError where the folder is no build, CheckFailed where its manifest is damaged.
    """
    made = manifest.of(folder)
    found = Verified()
    try:
        wordings_of(folder, made)
    except CheckFailed as error:
        found.faults.append(str(error))
    found.faults += [*_strays(folder, made), *_derived(folder, made)]
    names = [tokenizer] if isinstance(tokenizer, str) else list(tokenizer or [])
    reader = Reader(folder, made, names, full)
    if not reader.of_numbers:
        # Before any file is read, so that a vocabulary that is missing is one error.
        _ = reader.frames
    read: dict[str, Read] = {}
    for name, one in executors.spread(reader, sorted(made["files"]), jobs, progress and partial(progress, 0)):
        read[name] = one
        if len(found.faults) + sum(len(each.found.faults) for each in read.values()) >= MOST_FAULTS:
            break
    return _joined(found, made, read)


def _joined(found: Verified, made: dict[str, Any], read: Mapping[str, Read]) -> Verified:
    """What was found in files of their own, by name, and over all of them."""
    ids: set[str] = set()
    for name in sorted(read):
        one = read[name].found
        found.rows, found.encoded, found.solved = found.rows + one.rows, found.encoded + one.encoded, found.solved + one.solved
        found.files += one.files
        found.faults += one.faults
        again = ids.intersection(read[name].ids)
        found.faults += [f"The id {id} stands twice." for id in sorted(again)]
        ids |= read[name].ids
    for config, entry in made["configs"].items():
        whole = "".join(read[name].content for name in manifest.files_of(read, config))
        if len(found.faults) < MOST_FAULTS and hashlib.sha256(whole.encode()).hexdigest() != entry["hash"]:
            found.faults.append(f"The rows of {config} are not those that the manifest names.")
    return found


def _strays(folder: Path, made: dict[str, Any]) -> list[str]:
    """Data files that the card's patterns would load and the manifest does not name."""
    there = {path.relative_to(folder).as_posix() for path in (folder / "data").rglob("*") if path.is_file()}
    return [f"{name} is not in the manifest, but would be loaded." for name in sorted(there - {*made["files"], *made["derived"]})]


def _derived(folder: Path, made: dict[str, Any]) -> list[str]:
    """Preview, schemas and harness files that are missing or changed, and the card."""
    names = ["README.md", *made["derived"]]
    faults = [f"{name} is missing." for name in names if not (folder / name).is_file()]
    there, place = [name for name in made["derived"] if (folder / name).is_file()], Folder(folder)
    card = folder / "README.md"
    if card.is_file() and cards.fingerprint(card.read_bytes().decode(errors="replace")) != made["card"]:
        faults.append("README.md is not the card that the manifest names.")
    return faults + [
        f"{name} is not the file that the manifest names." for name in there if not place.stands(name, made["derived"][name])
    ]
