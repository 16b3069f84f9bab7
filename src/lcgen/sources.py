"""Where text from outside lies: files, folders, columns of rows, datasets on the Hub."""

from __future__ import annotations

import hashlib
import json
import os
import re
from dataclasses import dataclass
from pathlib import Path

from lcgen import hub
from lcgen.errors import LcgenError, many

REVISION = 2
"""Raise it when the same files would give other units (see also texts, sentences, settled, markup, store)."""
PACKED = (".gz", ".xz")
KINDS = (".txt", ".md", ".markdown", ".jsonl")
POSSIBLE = "A haystack is .txt, .md or .jsonl (each also as .gz or .xz), a folder of these, or hf:DATASET[:column]."


@dataclass(frozen=True)
class Place:
    """Where a source lies. `column` is what is read of it, where it has columns."""

    path: Path
    column: str
    hub: bool
    """Read through `datasets`: a name on the Hub, or a local dataset folder."""

    @property
    def dataset(self) -> str:
        """Name on the Hub; empty for what lies on this machine."""
        named = self.hub and not self.path.exists() and re.fullmatch(r"\w[\w.-]*(/[\w.-]+)*", self.path.as_posix())
        return self.path.as_posix() if named else ""


def find(source: str) -> Place:
    """The place that a source names; whether anything lies there is seen later. LcgenError for what names no place."""
    remote = source.startswith("hf:")
    rest = source.removeprefix("hf:")
    path, mark, column = rest.rpartition(":")
    try:
        # A colon belongs to the path where such a path exists, or where what stands before it cannot have columns.
        if not mark or Path(rest).expanduser().exists() or not (remote or kind(path) == ".jsonl"):
            path, column = rest, "text"
        found = Path(path).expanduser()
        found.exists()
    except (OSError, RuntimeError) as error:  # no rights to look, no such home folder, a name too long
        raise LcgenError(f"{rest[:200]!r} cannot be looked up ({error}). {POSSIBLE}") from error
    if not path or not column:
        raise LcgenError(f"{source!r} names no text. {POSSIBLE}")
    return Place(found, column, remote)


def kind(name: str) -> str:
    """Suffix that says what a file of this name holds, lower case, packing left out; empty for what is not read."""
    name = name.lower()
    for packed in PACKED:
        name = name.removesuffix(packed)
    return next((suffix for suffix in KINDS if name.endswith(suffix)), "")


def files(place: Place) -> list[tuple[str, Path]]:
    """(relative name, path) of every file of a source, sorted by name; the same on every machine."""
    path = place.path
    if not path.exists():
        raise LcgenError(f"There is no file or folder {str(path)!r}. {POSSIBLE}")
    if path.is_file():
        if not kind(path.name) and not place.hub:
            raise LcgenError(f"{path} is of a kind that is not read. {POSSIBLE} Rename plain text to .txt.")
        return [(path.name, path)]
    if not path.is_dir():
        raise LcgenError(f"{path} is neither a file nor a folder. {POSSIBLE}")

    def unreadable(error: OSError) -> None:
        raise LcgenError(f"The folder {error.filename} cannot be read ({error.strerror}).")

    found, others = [], 0
    for root, folders, names in os.walk(path, onerror=unreadable):
        folders[:] = [name for name in folders if not name.startswith(".")]
        for name in names:
            file = Path(root, name)
            if name.startswith(".") or not file.is_file():
                continue
            if kind(name) or place.hub:
                found.append((file.relative_to(path).as_posix(), file))
            else:
                others += 1
    if not found:
        rest = f"only {many(others, 'file')} of other kinds" if others else "nothing"
        raise LcgenError(f"The folder {path} holds {rest}. {POSSIBLE}")
    return sorted(found)


def fingerprint(source: str) -> str:
    """SHA-256 (hex) of what a source holds: names and contents of its files, or name and commit of a Hub dataset.

    Two sources of one fingerprint give the same documents. Raises LcgenError as `documents` does.
    """
    place = find(source)
    digest = hashlib.sha256(json.dumps([REVISION, place.column, place.hub]).encode())
    if place.dataset:
        digest.update(f"{place.dataset}@{hub.dataset_commit(place.dataset)}".encode())
        return digest.hexdigest()
    for name, path in files(place):
        try:
            digest.update(json.dumps([name, path.stat().st_size]).encode())
            with path.open("rb") as stream:
                while block := stream.read(1 << 20):
                    digest.update(block)
        except OSError as error:
            raise LcgenError(f"{path} cannot be read ({error.strerror}).") from error
    return digest.hexdigest()
