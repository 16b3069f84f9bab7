"""`lcgen verify`: a finished folder is read again and held to everything that it promises."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from lcgen import generators, proof, schemas, tokens, vault
from lcgen.builders import batches, manifest, preview, tables, writer
from lcgen.contract import Table
from lcgen.errors import CheckFailed, LcgenError
from lcgen.tokens import Tokenizer
from lcgen.wording import Wording
from lcgen.wrapper import Wrapper, plain

MOST_FAULTS = 20
"""Faults after which reading stops."""


@dataclass
class Findings:
    """What was looked at, and what did not hold."""

    rows: int = 0
    encoded: int = 0
    solved: int = 0
    files: int = 0
    faults: list[str] = field(default_factory=list)


def recheck(
    folder: Path, full: bool = False, tokenizer: str | None = None, progress: Callable[[int, int], Any] | None = None
) -> Findings:
    """Checks file hashes, schemas, lengths, spans and ids of every row; encodes and solves the first
    of each file and the 5 % sample, or all if `full`.

    `tokenizer` names the vocabulary again where the manifest's name cannot be found here; its fingerprint must be the
    same. Raises LcgenError where the folder is no build.
    """
    made = manifest.of(folder)
    of_numbers = tables.promised(made)
    counted = None if of_numbers else _counted(made, tokenizer)
    found = Findings()
    wordings: dict[str, Wording] = {}
    try:
        wordings = wordings_of(folder, made)
    except CheckFailed as error:
        found.faults.append(str(error))
    found.faults += _strays(folder, made)
    ids: set[str] = set()
    contents: dict[str, str] = {}
    for name in sorted(made["files"]):
        if ".." in Path(name).parts or Path(name).is_absolute():
            raise LcgenError(f"The manifest names a file outside the folder: {name}.")
        entry = made["files"][name]
        if not _there(folder / name, entry, found):
            contents[name] = ""
        elif counted is None:
            contents[name] = _numbers(folder / name, entry, *of_numbers[name.split("/")[1]], ids, found, progress)
        else:
            contents[name] = _file(folder / name, entry, *counted, wordings, full, ids, found, progress)
        if len(found.faults) >= MOST_FAULTS:
            break
    for config, entry in made["configs"].items():
        whole = "".join(contents.get(name, "") for name in sorted(made["files"]) if name.split("/")[1] == config)
        if len(found.faults) < MOST_FAULTS and hashlib.sha256(whole.encode()).hexdigest() != entry["hash"]:
            found.faults.append(f"The rows of {config} are not those that the manifest names.")
    return found


def _counted(made: dict[str, Any], tokenizer: str | None) -> tuple[Tokenizer, Wrapper]:
    """The vocabulary and the wrapper in which a manifest counts. Raises LcgenError where they cannot be had."""
    try:
        vocabulary = tokens.load(tokenizer or made["tokenizer"]["name"])
    except LcgenError as error:
        raise LcgenError(
            f"{error} The rows were counted with {made['tokenizer']['name']}; say where it is with --tokenizer."
        ) from error
    if vocabulary.fingerprint != made["tokenizer"]["fingerprint"]:
        raise LcgenError(
            f"The rows were counted with {made['tokenizer']['name']} (fingerprint {made['tokenizer']['fingerprint']}), but "
            f"{vocabulary.name} here has {vocabulary.fingerprint}. Name the right one with --tokenizer."
        )
    frame = made["wrapper"]
    bare = frame["name"] == "none"
    return vocabulary, plain(vocabulary) if bare else Wrapper(
        frame["name"], frame["fingerprint"], frame["before"], frame["after"]
    )


def _there(path: Path, entry: dict[str, Any], found: Findings) -> bool:
    """Whether a file is there; a fault where it is not, or is another one."""
    if not path.is_file():
        found.faults.append(f"{path.name} of {path.parent.name} is missing.")
        return False
    found.files += 1
    if path.stat().st_size != entry["bytes"] or vault.file_hash(path) != entry["sha256"]:
        found.faults.append(f"{path.name} of {path.parent.name} is not the file that the manifest names.")
    return True


def _strays(folder: Path, made: dict[str, Any]) -> list[str]:
    """Data files that the card's patterns would load and the manifest does not name; card and preview where they are missing."""
    shown = preview.file(made["spec"]["format"])
    known = {*made["files"], shown}
    there = {path.relative_to(folder).as_posix() for path in (folder / "data").rglob("*") if path.is_file()}
    faults = [f"{name} is not in the manifest, but would be loaded." for name in sorted(there - known)]
    return faults + [f"{name} is missing." for name in ("README.md", shown) if not (folder / name).is_file()]


def wordings_of(folder: Path, made: dict[str, Any]) -> dict[str, Wording]:
    """The templates of the folder by task and language. Raises CheckFailed for a changed one."""
    found = {}
    for name, known in made["templates"].items():
        path = folder / "templates" / Path(name).name
        task, lang = path.name.split(".")[:2]
        if not path.is_file():
            raise CheckFailed(f"{name} is missing.")
        source = path.read_bytes()
        if hashlib.sha256(source).hexdigest()[:16] != known:
            raise CheckFailed(f"{name} is not the template that the manifest names.")
        found[f"{task}.{lang}"] = Wording(source.decode(), lang, generators.get(task).blocks, name, generators.get(task).axis)
    return found


def _file(
    path: Path, entry: dict[str, Any], vocabulary: Tokenizer, wrapper: Wrapper, wordings: dict[str, Wording], full: bool, ids: set[str],
    found: Findings, progress: Callable[[int, int], Any] | None,
) -> str:  # fmt: skip
    """Checks the rows of one file; gives their hash."""
    hashed, count = hashlib.sha256(), 0
    try:
        for row in writer.read(path):
            count += 1
            hashed.update(writer.content(row))
            _row(row, vocabulary, wrapper, wordings, full, count == 1, ids, found)
            if progress:
                progress(0, row["length"])
            if len(found.faults) >= MOST_FAULTS:
                return ""
    except (OSError, ValueError, KeyError, TypeError, IndexError) as error:
        found.faults.append(f"{path.name} of {path.parent.name} cannot be read: {error}")
    if count != entry["rows"]:
        found.faults.append(f"{path.name} of {path.parent.name} has {count} rows, not {entry['rows']}.")
    return hashed.hexdigest()


def _numbers(
    path: Path, entry: dict[str, Any], made: Sequence[Table], said: Sequence[str], ids: set[str], found: Findings,
    progress: Callable[[int, int], Any] | None,
) -> str:  # fmt: skip
    """The same of a file of rows of numbers, a batch at a time; all are solved."""
    hashed, count = hashlib.sha256(), 0
    try:
        for batch in batches.read(path, tables.schema(made[0])):
            count, found.rows = count + len(batch), found.rows + len(batch)
            hashed.update(batches.contents(batch))
            mine = batch.column("id").to_pylist()
            if len(ids | {*mine}) < len(ids) + len(mine):
                found.faults.append(f"An id of {path.name} of {path.parent.name} stands twice.")
            ids.update(mine)
            tables.check(batch, made, said)
            found.encoded, found.solved = found.encoded + len(batch), found.solved + len(batch)
            if progress:
                progress(0, len(batch) * made[0].width)
    except LcgenError as error:
        found.faults.append(f"{path.name} of {path.parent.name}: {error}")
        return ""
    except (OSError, ValueError, KeyError, TypeError, IndexError) as error:
        found.faults.append(f"{path.name} of {path.parent.name} cannot be read: {error}")
    if count != entry["rows"]:
        found.faults.append(f"{path.name} of {path.parent.name} has {count} rows, not {entry['rows']}.")
    return hashed.hexdigest()


def _row(
    row: dict[str, Any], vocabulary: Tokenizer, wrapper: Wrapper, wordings: dict[str, Wording], full: bool, first: bool, ids: set[str],
    found: Findings,
) -> None:  # fmt: skip
    found.rows += 1
    try:
        schemas.validate_row(row)
        if row["id"] in ids:
            raise CheckFailed(f"The id {row['id']} stands twice.")
        ids.add(row["id"])
        proof.shape(row)
        if full or first or proof.chosen(row["id"]):
            found.encoded += 1
            proof.encode(row, vocabulary, wrapper)
            # A template that is missing or changed is a fault of its own, told once.
            if (wording := wordings.get(f"{row['task']}.{row['lang']}")) is not None:
                found.solved += proof.solve(row, generators.get(row["task"]), wording)
    except LcgenError as error:
        found.faults.append(str(error))
