"""Builds: a spec becomes a folder that `load_dataset` reads. All is made beside the folder's files and moved in at the end."""

from __future__ import annotations

import dataclasses
import errno
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lcgen import cards, proof, schemas, tokens, wrapper
from lcgen.builders import manifest, preview, writer
from lcgen.builders.rows import RowMaker
from lcgen.errors import LcgenError
from lcgen.spec import Length, Place, Spec, places
from lcgen.tokens import Tokenizer
from lcgen.wrapper import Wrapper

FILE_TOKENS = 16 * 2**20
"""A file holds as many whole indices as plan to at most so many tokens, at least one."""
STAGING = ".building"


@dataclass(frozen=True)
class FilePlan:
    """One data file: a run of whole indices of one config."""

    part: str
    length: Length
    path: str
    first: int
    count: int


@dataclass(frozen=True)
class Report:
    """What a build did."""

    folder: Path
    name: str
    configs: dict[str, int]
    """Config name -> rows."""
    rows: int
    bytes: int
    written: int
    """Files written now; 0 means that the folder was up to date."""
    tokenizer: str
    wrapper: str
    reserve: int
    encoded: int
    solved: int


def makers(spec: Spec, tokenizer: Tokenizer | None = None, frame: Wrapper | None = None) -> dict[str, RowMaker]:
    """A row maker for each part of a spec, by the part's name."""
    tokenizer = tokenizer or tokens.load(spec.tokenizer)
    frame = frame or (wrapper.load(spec.chat_template, tokenizer, spec.chat_template_args) if spec.audience == "chat" else None)
    frame = frame or wrapper.plain(tokenizer)
    return {part.name: RowMaker(spec, part, tokenizer, frame) for part in spec.parts}


def plan(spec: Spec, maker: RowMaker) -> Iterator[FilePlan]:
    """The files of one part: a function of the spec alone."""
    part = maker.part
    suffix = "jsonl" if spec.format == "jsonl" else "parquet"
    for length in part.lengths:
        each = length.high * len(part.depths) * len(part.params) * maker.members
        run = max(1, FILE_TOKENS // each)
        for first in range(0, part.samples, run):
            path = f"data/{part.name}_{length.config}/{spec.split}-{first:06d}.{suffix}"
            yield FilePlan(part.name, length, path, first, min(run, part.samples - first))


def build(spec: Spec, out: Path | None = None, force: bool = False, progress: Callable[[int], Any] | None = None) -> Report:
    """Builds the folder `out` (default `./<name>`), or what is missing of it.

    `progress` is called with the tokens of each row written. Raises LcgenError before any work for what cannot be,
    CheckFailed for a row that does not hold; the folder is as it was then.
    """
    folder = (out or Path(spec.name)).absolute()
    old = None if force else _standing(folder)
    crew = makers(spec)
    if old is not None:
        spec = manifest.merge(old["spec"], spec, crew)
        crew = makers(spec, next(iter(crew.values())).tokenizer, next(iter(crew.values())).wrapper)
    for maker in crew.values():
        maker.preflight()
    wanted = [file for maker in crew.values() for file in plan(spec, maker)]
    files: dict[str, dict[str, Any]] = {}
    for file in wanted:
        known = (old or {"files": {}})["files"].get(file.path)
        rows = file.count * crew[file.part].rows_per_index
        if known and known["rows"] == rows and (folder / file.path).is_file() and (folder / file.path).stat().st_size == known["bytes"]:
            files[file.path] = known
    missing = [file for file in wanted if file.path not in files]
    if old is not None and not missing and all((folder / name).is_file() for name in ("README.md", preview.FILE)):
        return _report(folder, old, crew, 0)
    checks = Checks(spec, crew, dict(old["verification"]) if old else {})
    staging = folder / STAGING
    try:
        shutil.rmtree(staging, ignore_errors=True)
        staging.mkdir(parents=True)
        for file in missing:
            made = writer.write(staging / file.path, checks.rows(file, progress), spec.format)
            files[file.path] = dataclasses.asdict(made)
        _finish(folder, staging, spec, crew, files, checks, force)
    except OSError as error:
        if error.errno == errno.ENOSPC:
            raise LcgenError(f"The disk of {folder} is full. Free some space and run the same command again.") from error
        raise LcgenError(f"Cannot write to {folder}: {error.strerror or error}. Choose another --out.") from error
    finally:
        shutil.rmtree(staging, ignore_errors=True)
        if folder.is_dir() and not any(folder.iterdir()):
            folder.rmdir()
    found = manifest.load(folder)
    assert found is not None
    return _report(folder, found, crew, len(missing))


def _standing(folder: Path) -> dict[str, Any] | None:
    """The manifest of what stands at `folder`. Raises LcgenError where something else stands there."""
    if folder.exists() and not folder.is_dir():
        raise LcgenError(f"{folder} is a file. Choose another --out.")
    found = manifest.load(folder) if folder.is_dir() else None
    if found is None and folder.is_dir() and any(path.name != STAGING for path in folder.iterdir()):
        raise LcgenError(f"The folder {folder} holds files that are no lcgen build. Choose another --out.")
    return found


def _finish(
    folder: Path, staging: Path, spec: Spec, crew: dict[str, RowMaker], files: dict[str, dict[str, Any]], checks: Checks, force: bool
) -> None:
    """Adds everything that is made of the data files, then moves all into place, the manifest last."""
    made = manifest.compose(spec, crew, files, checks.counts)
    for name in ("templates", "schemas"):
        (staging / name).mkdir()
    for maker in crew.values():
        (staging / maker.template_file).write_text(maker.wording.source, encoding="utf-8")
        (staging / "schemas" / f"{maker.part.task}.schema.json").write_text(schemas.text(maker.part.task), encoding="utf-8")
    (staging / "schemas" / "row.schema.json").write_text(schemas.text("row"), encoding="utf-8")
    preview.write(staging, folder, made)
    (staging / "README.md").write_text(cards.dataset(made, crew), encoding="utf-8")
    if force:
        _remove(folder)
    for path in sorted(staging.rglob("*")):
        if path.is_file():
            place = folder / path.relative_to(staging)
            place.parent.mkdir(parents=True, exist_ok=True)
            path.replace(place)
    manifest.save(folder, made)


def _remove(folder: Path) -> None:
    """Removes what an earlier build wrote, and nothing else. Raises LcgenError where there was no build."""
    try:
        old = _standing(folder)
    except LcgenError:
        if not (folder / manifest.FILE).is_file():
            raise
        raise LcgenError(f"The manifest of {folder} is damaged, so its files are not known. Remove the folder yourself, or choose another --out.") from None
    for name in (manifest.FILE, "README.md", preview.FILE, *(old["files"] if old else ()), *(old["templates"] if old else ())):
        if ".." not in Path(name).parts:
            (folder / name).unlink(missing_ok=True)
    for path in sorted((folder / "data").rglob("*"), reverse=True):
        if path.is_dir() and not any(path.iterdir()):
            path.rmdir()


class Checks:
    """Makes rows and verifies them on their way to the file, as `--verify` asks."""

    def __init__(self, spec: Spec, crew: dict[str, RowMaker], before: dict[str, Any]) -> None:
        self.spec, self.crew = spec, crew
        self._made, self._encoded, self._solved = (int(before.get(key, 0)) for key in ("rows", "encoded", "solved"))

    @property
    def counts(self) -> dict[str, Any]:
        """What the manifest says of the verification."""
        return {"mode": self.spec.verify, "rows": self._made, "encoded": self._encoded, "solved": self._solved}

    def rows(self, file: FilePlan, progress: Callable[[int], Any] | None) -> Iterator[dict[str, Any]]:
        """The rows of a file. Raises CheckFailed at the first that does not hold."""
        maker = self.crew[file.part]
        for place in places(maker.part, file.length, file.first, file.count):
            for number, row in enumerate(maker.rows(place)):
                schemas.validate_row(row)
                proof.shape(row)
                lead = place.index == 0 and place.depth == maker.part.depths[0] and number == 0
                if self.spec.verify == "full" or (self.spec.verify == "auto" and (lead or proof.chosen(row["id"]))):
                    proof.encode(row, maker.tokenizer, maker.wrapper)
                    proof.solve(row, maker.task, maker.wording)
                    self._encoded += 1
                    self._solved += 1
                self._made += 1
                yield row
                if progress:
                    progress(row["length"])


def _report(folder: Path, found: dict[str, Any], crew: dict[str, RowMaker], written: int) -> Report:
    maker = next(iter(crew.values()))
    return Report(
        folder=folder,
        name=found["name"],
        configs={name: entry["rows"] for name, entry in found["configs"].items()},
        rows=sum(entry["rows"] for entry in found["configs"].values()),
        bytes=sum(entry["bytes"] for entry in found["files"].values()),
        written=written,
        tokenizer=found["tokenizer"]["name"],
        wrapper=found["wrapper"]["name"],
        reserve=maker.reserve,
        encoded=found["verification"]["encoded"],
        solved=found["verification"]["solved"],
    )


def generate(spec: Spec) -> Iterator[dict[str, Any]]:
    """The rows of a spec, one after another, nothing written; each is verified as the spec asks."""
    crew = makers(spec)
    checks = Checks(spec, crew, {})
    for maker in crew.values():
        for length in maker.part.lengths:
            yield from checks.rows(FilePlan(maker.part.name, length, "", 0, maker.part.samples), None)


__all__ = ["FilePlan", "Place", "Report", "build", "generate", "makers", "plan"]
