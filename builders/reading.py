"""One data file of a finished folder, read again: its rows are held to the manifest, to their schema and to themselves."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from lcgen import generators, proof, schemas, tokens, vault
from lcgen.builders import batches, manifest, tables, writer
from lcgen.contract import Table
from lcgen.errors import CheckFailed, LcgenError, clause, many
from lcgen.tokens import Tokenizer
from lcgen.wording import Wording
from lcgen.wrapper import Wrapper, plain

MOST_FAULTS = 20
"""Faults after which reading stops."""


@dataclass
class Verified:
    """What was looked at, and what did not hold."""

    rows: int = 0
    encoded: int = 0
    solved: int = 0
    files: int = 0
    faults: list[str] = field(default_factory=list)


@dataclass
class Read:
    """What one file holds."""

    found: Verified = field(default_factory=Verified)
    ids: set[str] = field(default_factory=set)
    content: str = ""
    """Hash of its rows; empty where it could not be read whole."""


class Reader:
    """Reads data files of a folder, one after another, in whatever process."""

    def __init__(self, folder: Path, made: dict[str, Any], tokenizers: Sequence[str], full: bool) -> None:
        self.folder, self.made, self.tokenizers, self.full = folder, made, tokenizers, full

    def __reduce__(self) -> tuple[type[Reader], tuple[Path, dict[str, Any], Sequence[str], bool]]:
        # A worker loads what it needs itself.
        return (Reader, (self.folder, self.made, self.tokenizers, self.full))

    @cached_property
    def of_numbers(self) -> dict[str, tuple[list[Table], list[str]]]:
        """The tables of configs whose rows are numbers."""
        return tables.promised(self.made)

    @cached_property
    def frames(self) -> dict[str, tuple[Tokenizer, Wrapper]]:
        """The vocabulary and the wrapper of each config. Raises LcgenError where one cannot be had."""
        return _frames(self.made, self.tokenizers)

    @cached_property
    def wordings(self) -> dict[str, Wording]:
        """The templates of the folder; none where one is missing or changed, which is a fault of its own."""
        try:
            return wordings_of(self.folder, self.made)
        except CheckFailed:
            return {}

    def make(self, name: str, progress: Callable[[int], Any] | None = None, /) -> Read:
        """Checks one file."""
        path, entry, config, read = self.folder / name, self.made["files"][name], manifest.config_of(name), Read()
        if _there(path, entry, read.found):
            if self.of_numbers:
                _numbers(path, entry, *self.of_numbers[config], read, progress)
            else:
                _file(path, entry, *self.frames[config], self.wordings, self.full, read, progress)
        return read


def _frames(made: dict[str, Any], named: Sequence[str]) -> dict[str, tuple[Tokenizer, Wrapper]]:
    """The vocabulary and the wrapper in which each config was counted. Raises LcgenError where one cannot be had."""
    given = {vocabulary.fingerprint: vocabulary for vocabulary in map(tokens.load, named)}
    found: dict[str, tuple[Tokenizer, Wrapper]] = {}
    for entry in made["counted"]:
        vocabulary, frame = _vocabulary(entry["tokenizer"], given), entry["wrapper"]
        bare = frame["name"] == "none"
        wrapper = plain(vocabulary) if bare else Wrapper(frame["name"], frame["fingerprint"], frame["before"], frame["after"])
        found |= dict.fromkeys(entry["configs"], (vocabulary, wrapper))
    return found


def _vocabulary(noted: dict[str, Any], given: Mapping[str, Tokenizer]) -> Tokenizer:
    name, fingerprint = noted["name"], noted["fingerprint"]
    if fingerprint in given:
        return given[fingerprint]
    try:
        found = next(iter(given.values())) if given else tokens.load(name)
    except LcgenError as error:
        raise LcgenError(f"{error} The rows were counted with {name}; say where it is with --tokenizer.") from error
    if found.fingerprint != fingerprint:
        raise LcgenError(
            f"The rows were counted with {name} (fingerprint {fingerprint}), but {found.name} here has {found.fingerprint}. Name the "
            "right one with --tokenizer."
        )
    return found


def _there(path: Path, entry: dict[str, Any], found: Verified) -> bool:
    """Whether a file is there; a fault where it is not, or is another one."""
    if not path.is_file():
        found.faults.append(f"{path.name} of {path.parent.name} is missing.")
        return False
    found.files += 1
    if path.stat().st_size != entry["bytes"] or vault.file_hash(path) != entry["sha256"]:
        found.faults.append(f"{path.name} of {path.parent.name} is not the file that the manifest names.")
    return True


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


def every_row(folder: Path, made: Mapping[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Every row with its config, in the order of the build. Raises CheckFailed where a file cannot be read or a row is no valid one."""
    for config in made["configs"]:
        for name in manifest.files_of(made["files"], config):
            if ".." in Path(name).parts or Path(name).is_absolute():
                raise LcgenError(f"The manifest names a file outside the folder: {name}.")
            number = 0
            try:
                for row in writer.read(folder / name):
                    number += 1
                    schemas.validate_row(row)
                    yield config, row
            except (OSError, ValueError, KeyError, TypeError, CheckFailed) as error:
                place = f"Row {number:,} of {name}" if isinstance(error, CheckFailed) else name
                raise CheckFailed(
                    f"{place} cannot be read: {clause(error)}. `lcgen verify {folder}` says what does not hold."
                ) from error


def _file(
    path: Path, entry: dict[str, Any], vocabulary: Tokenizer, wrapper: Wrapper, wordings: dict[str, Wording], full: bool, read: Read,
    progress: Callable[[int], Any] | None,
) -> None:  # fmt: skip
    """Checks the rows of one file."""
    found, hashed, count = read.found, hashlib.sha256(), 0
    try:
        for row in writer.read(path):
            count += 1
            hashed.update(writer.content(row))
            _row(row, vocabulary, wrapper, wordings, full, count == 1, read.ids, found)
            if progress:
                progress(row["length"])
            if len(found.faults) >= MOST_FAULTS:
                return
    except (OSError, ValueError, KeyError, TypeError, IndexError) as error:
        found.faults.append(f"{path.name} of {path.parent.name} cannot be read: {error}")
    if count != entry["rows"]:
        found.faults.append(f"{path.name} of {path.parent.name} has {many(count, 'row')}, not {entry['rows']:,}.")
    read.content = hashed.hexdigest()


def _numbers(
    path: Path,
    entry: dict[str, Any],
    made: Sequence[Table],
    said: Sequence[str],
    read: Read,
    progress: Callable[[int], Any] | None,
) -> None:
    """The same of a file of rows of numbers, a batch at a time; all are solved."""
    found, ids, hashed, count = read.found, read.ids, hashlib.sha256(), 0
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
                progress(len(batch) * made[0].width)
    except LcgenError as error:
        found.faults.append(f"{path.name} of {path.parent.name}: {error}")
        return
    except (OSError, ValueError, KeyError, TypeError, IndexError) as error:
        found.faults.append(f"{path.name} of {path.parent.name} cannot be read: {error}")
    if count != entry["rows"]:
        found.faults.append(f"{path.name} of {path.parent.name} has {many(count, 'row')}, not {entry['rows']:,}.")
    read.content = hashed.hexdigest()


def _row(
    row: dict[str, Any], vocabulary: Tokenizer, wrapper: Wrapper, wordings: dict[str, Wording], full: bool, first: bool, ids: set[str],
    found: Verified,
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
