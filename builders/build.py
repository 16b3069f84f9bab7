"""Builds: a spec becomes a folder that `load_dataset` reads. All is made beside the folder's files and moved in at the end."""

from __future__ import annotations

import dataclasses
import errno
import json
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from lcgen import cards, proof, schemas, tokens, vault, wrapper
from lcgen.builders import batches, manifest, preview, tables, writer
from lcgen.builders.rows import RowMaker
from lcgen.builders.tables import Maker, TableMaker
from lcgen.errors import LcgenError
from lcgen.spec import Length, Spec, Suite, places
from lcgen.tokens import Tokenizer
from lcgen.wrapper import Wrapper

FILE_TOKENS = 16 * 2**20
"""A file holds as many whole indices as plan to at most so many tokens, at least one."""
STAGING = ".building"
MOVING = "moving"
"""Stands in the staging folder while files are being moved in: a folder without manifest, but with it, is an unfinished build."""


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
    split: str
    """Of the first config."""
    configs: dict[str, int]
    """Config name -> rows."""
    rows: int
    bytes: int
    written: int
    """Files written now; 0 means that the folder was up to date."""
    counted: bool
    """Whether lengths were counted in a vocabulary; rows of numbers have theirs without one."""
    tokenizer: str
    wrapper: str
    reserve: int
    elsewhere: tuple[str, ...]
    """Vocabularies as they were asked for, where the manifest must name them otherwise: a path of this machine."""
    task: str
    """Of the first config."""
    repeat: float
    """Largest share of a row's context that stands earlier in it."""
    encoded: int
    solved: int


def crew_of(suite: Suite) -> dict[str, Maker]:
    """A maker of rows for each part of a suite, by the part's name. Raises LcgenError for what cannot stand in one folder."""
    held: dict[str, tuple[Tokenizer, Wrapper]] = {}
    crew: dict[str, Maker] = {}
    for spec in suite.builds:
        key = json.dumps(
            [spec.tokenizer, spec.audience, spec.chat_template, spec.chat_template_args], sort_keys=True, default=str
        )
        made = makers(spec, *held.get(key, ()))
        first = next(iter(made.values()))
        if isinstance(first, RowMaker):
            held[key] = first.tokenizer, first.wrapper
        crew |= made
    if len({isinstance(maker, TableMaker) for maker in crew.values()}) > 1:
        raise LcgenError("Prompts and rows of numbers have other columns. Build them one by one.")
    worded: dict[str, str] = {}
    for maker in crew.values():
        for name, source in maker.templates.items():
            if worded.setdefault(name, source) != source:
                raise LcgenError(f"Two builds word {name} in two ways, but a folder keeps one. Build them one by one.")
    return crew


def makers(spec: Spec, tokenizer: Tokenizer | None = None, frame: Wrapper | None = None) -> dict[str, Maker]:
    """A maker of rows for each part of a spec, by the part's name."""
    held = {part.name: tables.of(part) for part in spec.parts}
    if all(held.values()):
        return {part.name: TableMaker(spec, part, held[part.name]) for part in spec.parts}
    if any(held.values()):
        raise LcgenError("Prompts and rows of numbers have other columns. Build them one by one.")
    if spec.audience == "base" and spec.chat_template not in ("auto", "none"):
        raise LcgenError("--for base sends no chat wrapper, so --chat-template has no meaning there. Leave one of them out.")
    tokenizer = tokenizer or tokens.load(spec.tokenizer)
    frame = frame or (wrapper.load(spec.chat_template, tokenizer, spec.chat_template_args) if spec.audience == "chat" else None)
    frame = frame or wrapper.plain(tokenizer)
    return {part.name: RowMaker(spec, part, tokenizer, frame) for part in spec.parts}


def plan(maker: Maker) -> Iterator[FilePlan]:
    """The files of one part: a function of the spec alone."""
    part = maker.part
    suffix = "jsonl" if maker.spec.format == "jsonl" else "parquet"
    for length in part.lengths:
        each = maker.tokens(length) * maker.rows_per_index
        run = max(1, FILE_TOKENS // each)
        for first in range(0, part.samples, run):
            path = f"data/{part.name}_{length.config}/{part.split}-{first:06d}.{suffix}"
            yield FilePlan(part.name, length, path, first, min(run, part.samples - first))


def build(
    suite: Suite, out: Path | None = None, force: bool = False, progress: Callable[[int, int], Any] | None = None
) -> Report:
    """Builds the folder `out` (default `./<name>`), or what is missing of it.

    `progress` is called with the tokens planned and the tokens of each row written. Raises LcgenError before any work for what cannot be,
    CheckFailed for a row that does not hold; the folder is as it was then.
    """
    folder = (out or Path(suite.name)).absolute()
    old = _standing(folder, force)
    crew = crew_of(suite)
    if old is not None:
        suite = manifest.merge(old["spec"], suite, crew)
        crew = crew_of(suite)
    for maker in crew.values():
        maker.preflight()
    wanted = [file for maker in crew.values() for file in plan(maker)]
    files: dict[str, dict[str, Any]] = {}
    for file in wanted:
        known = (old or {"files": {}})["files"].get(file.path)
        if known and _stands(folder / file.path, known, file.count * crew[file.part].rows_per_index, suite.verify):
            files[file.path] = known
    missing = [file for file in wanted if file.path not in files]
    if old is not None and not missing and all((folder / name).is_file() for name in _made(crew)):
        return _report(folder, old, crew, 0)
    planned = sum(file.count * crew[file.part].rows_per_index * crew[file.part].tokens(file.length) for file in missing)
    staging = folder / STAGING
    created = [path for path in (folder, *folder.parents) if not path.exists()]
    try:
        shutil.rmtree(staging, ignore_errors=True)
        staging.mkdir(parents=True)
        for file in missing:
            files[file.path] = _write(staging / file.path, file, crew[file.part], progress and partial(progress, planned))
        _finish(folder, staging, suite, crew, files, force)
    except OSError as error:
        if error.errno == errno.ENOSPC:
            raise LcgenError(f"The disk of {folder} is full. Free some space and run the same command again.") from error
        raise LcgenError(f"Cannot write to {folder}: {error.strerror or error}. Choose another --out.") from error
    finally:
        shutil.rmtree(staging, ignore_errors=True)
        for path in created:
            if path.is_dir() and not any(path.iterdir()):
                path.rmdir()
    found = manifest.load(folder)
    assert found is not None
    return _report(folder, found, crew, len(missing))


def _write(path: Path, file: FilePlan, maker: Maker, progress: Callable[[int], Any] | None) -> dict[str, Any]:
    """Writes one data file; gives what the manifest says of it."""
    spec = maker.spec
    if isinstance(maker, TableMaker):
        table = batches.write(path, maker.checked(file.first, file.count, progress), maker.schema, spec.format)
        seen = table.rows if spec.verify != "none" else 0
        return {**dataclasses.asdict(table), "encoded": seen, "solved": seen}
    checks = Checks(spec, maker)
    made = writer.write(path, checks.rows(file, progress), spec.format)
    return {**dataclasses.asdict(made), "encoded": checks.encoded, "solved": checks.solved}


def _stands(path: Path, known: dict[str, Any], rows: int, verify: str) -> bool:
    """Whether a file is there as the manifest says, with so many rows, and verified as far as is asked now."""
    # What is encoded again is solved again too, where it can be.
    proven = verify != "full" or known["encoded"] == rows
    return proven and known["rows"] == rows and path.is_file() and vault.file_hash(path) == known["sha256"]


def _made(crew: dict[str, Maker]) -> list[str]:
    """Everything of a folder that is made of specs and data files, README last."""
    schema_names = sorted({name for maker in crew.values() for name in maker.schemas})
    templates = sorted({name for maker in crew.values() for name in maker.templates})
    names = [*(f"schemas/{name}.schema.json" for name in schema_names), *templates]
    return [*names, preview.file(next(iter(crew.values())).spec.format), "README.md"]


def _standing(folder: Path, force: bool) -> dict[str, Any] | None:
    """The manifest of what stands at `folder`, None where nothing does or it is to be replaced.

    Raises LcgenError where something else stands there.
    """
    try:
        if folder.exists() and not folder.is_dir():
            raise LcgenError(f"{folder} is a file. Choose another --out.")
        if not folder.is_dir():
            return None
        found = manifest.load(folder)
        # A build that was killed while it moved its files in leaves them beside a staging folder that says so.
        own = found is not None or (folder / STAGING / MOVING).is_file()
        if not own and any(path.name != STAGING for path in folder.iterdir()):
            raise LcgenError(f"The folder {folder} holds files that are no lcgen build. Choose another --out.")
    except OSError as error:
        raise LcgenError(f"Cannot use the folder {folder}: {error.strerror or error}. Choose another --out.") from error
    return None if force else found


def _finish(
    folder: Path, staging: Path, suite: Suite, crew: dict[str, Maker], files: dict[str, dict[str, Any]], force: bool
) -> None:
    """Adds everything that is made of the data files, then moves all into place."""
    made = manifest.compose(suite, crew, files)
    for name in ("templates", "schemas"):
        (staging / name).mkdir()
    for maker in crew.values():
        for name, source in maker.templates.items():
            (staging / name).write_text(source, encoding="utf-8")
        for name in maker.schemas:
            (staging / "schemas" / f"{name}.schema.json").write_text(schemas.text(name), encoding="utf-8")
    preview.write(staging, folder, made)
    (staging / "README.md").write_text(cards.dataset(suite, made, crew), encoding="utf-8")
    manifest.save(staging, made)
    data = sorted(path.relative_to(staging).as_posix() for path in (staging / "data").rglob("*") if path.is_file())
    fresh = [name for name in dict.fromkeys([*data, *_made(crew), manifest.FILE]) if (staging / name).is_file()]
    _move(folder, staging, fresh, _old_files(folder) - set(fresh) if force else set())


def _old_files(folder: Path) -> set[str]:
    """What an earlier build wrote."""
    old = manifest.load(folder) if folder.is_dir() else None
    if old is None:
        return set()
    schema_files = {path.relative_to(folder).as_posix() for path in (folder / "schemas").glob("*.schema.json")}
    shown = {preview.file(old["spec"]["format"]), "README.md", manifest.FILE}
    names = {*old["files"], *old["templates"], *schema_files, *shown}
    # A link below the folder may lead out of it, and what it leads to is not ours.
    return {name for name in names if (folder / name).is_file() and (folder / name).resolve().is_relative_to(folder.resolve())}


def _move(folder: Path, staging: Path, fresh: list[str], gone: set[str]) -> None:
    """Moves fresh files in and gone ones out, data first, the manifest last; all of it or, where that fails, nothing."""
    (staging / MOVING).touch()
    folders = {path for path in folder.rglob("*") if path.is_dir()}
    moved: list[tuple[Path, Path, bool]] = []
    try:
        for name in [*fresh, *sorted(gone)]:
            target, kept = folder / name, staging / "old" / name
            for path in (target, kept):
                path.parent.mkdir(parents=True, exist_ok=True)
            moved.append((target, kept, target.is_file()))
            if target.is_file():
                target.replace(kept)
            if name not in gone:
                (staging / name).replace(target)
    except BaseException:
        for target, kept, stood in reversed(moved):
            if kept.is_file():
                kept.replace(target)
            elif not stood:
                target.unlink(missing_ok=True)
        _prune(folder, folders | {staging})
        raise
    shutil.rmtree(staging)
    _prune(folder, set())


def _prune(folder: Path, keep: set[Path]) -> None:
    """Removes empty folders of a build that are not to be kept."""
    ours = [folder / name for name in ("data", "schemas", "templates")]
    for path in sorted([*ours, *(below for own in ours for below in own.rglob("*"))], reverse=True):
        if path.is_dir() and path not in keep and not any(path.iterdir()):
            path.rmdir()


class Checks:
    """Makes rows and verifies them on their way to the file, as `--verify` asks."""

    def __init__(self, spec: Spec, maker: RowMaker) -> None:
        self.spec, self.maker = spec, maker
        self.encoded = self.solved = 0

    def rows(self, file: FilePlan, progress: Callable[[int], Any] | None) -> Iterator[dict[str, Any]]:
        """The rows of a file. Raises CheckFailed at the first that does not hold."""
        maker = self.maker
        for place in places(maker.part, file.length, file.first, file.count):
            for number, row in enumerate(maker.rows(place)):
                schemas.validate_row(row)
                proof.shape(row)
                lead = place.index == 0 and place.depth == maker.part.depths[0] and number == 0
                if self.spec.verify == "full" or (self.spec.verify == "auto" and (lead or proof.chosen(row["id"]))):
                    proof.encode(row, maker.tokenizer, maker.wrapper)
                    self.solved += proof.solve(row, maker.task, maker.wording)
                    self.encoded += 1
                yield row
                if progress:
                    progress(row["length"])


def _report(folder: Path, found: dict[str, Any], crew: dict[str, Maker], written: int) -> Report:
    maker = next(iter(crew.values()))
    return Report(
        folder=folder,
        name=found["name"],
        split=maker.part.split,
        configs={name: entry["rows"] for name, entry in found["configs"].items()},
        rows=sum(entry["rows"] for entry in found["configs"].values()),
        bytes=sum(entry["bytes"] for entry in found["files"].values()),
        written=written,
        counted=isinstance(maker, RowMaker),
        tokenizer=", ".join(dict.fromkeys(entry["tokenizer"]["name"] for entry in found["counted"])),
        wrapper=", ".join(dict.fromkeys(entry["wrapper"]["name"] for entry in found["counted"])),
        reserve=maker.reserve,
        elsewhere=tuple(
            dict.fromkeys(
                m.spec.tokenizer for m in crew.values() if isinstance(m, RowMaker) and m.spec.tokenizer != m.tokenizer.name
            )
        ),
        task=maker.task.name,
        repeat=max(entry["repeat"] for entry in found["configs"].values()),
        encoded=found["verification"]["encoded"],
        solved=found["verification"]["solved"],
    )


def generate(spec: Spec) -> Iterator[dict[str, Any]]:
    """The rows of a spec, one after another, nothing written; each is verified as the spec asks."""
    crew = makers(spec)
    for maker in crew.values():
        if isinstance(maker, TableMaker):
            yield from maker.each()
            continue
        for length in maker.part.lengths:
            yield from Checks(spec, maker).rows(FilePlan(maker.part.name, length, "", 0, maker.part.samples), None)
