"""Runs: which files of responses belong together, and what a run is called.

Harnesses write a file for each task or config, so one run is often several files. `RUN=FILES` says which; a folder is one run;
of other files those that answer different rows are one run, and those that answer the same rows are several.
"""

from __future__ import annotations

import glob
import os
import re
from collections.abc import Collection, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lcgen.errors import LcgenError
from lcgen.responses import Responses, Silent, shown

Source = str | Path | Mapping[str, Any]
KINDS = (".jsonl", ".json", ".eval")
"""Files of a folder that may hold answers."""
TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d[-:]\d\d[-:]\d\d[\d.:+Z-]*")
"""A moment in a file's name, as lm-evaluation-harness and Inspect write it."""


@dataclass
class _Run:
    """Files that were read, with the run's name, and a longer one for where that is taken (none: it is numbered)."""

    name: str
    longer: str
    files: list[Responses]
    guessed: bool = False
    """Whether the files were found to belong together, which nobody said."""


def opened(
    stack: ExitStack, sources: Sequence[Source], baseline: Source | None = None, taken: Collection[str] = ()
) -> list[Responses]:
    """The runs of the sources, the baseline's last, each with a name of its own that is none of `taken`; `stack` closes them.

    Raises LcgenError for what cannot be read, for a run that answers a row twice, for two runs of one name, and where nobody
    can tell which files are one run.
    """
    found = _runs(stack, sources)
    if baseline is not None:
        (last,) = _runs(stack, [baseline])
        found.append(last)
    names = [run.name for run in found]
    names = [
        run.name if names.count(run.name) == 1 and run.name not in taken else run.longer or f"{run.name} {number}"
        for number, run in enumerate(found, 1)
    ]
    if len({*names}) < len(names):
        raise LcgenError(f"{max(names, key=names.count)} is named twice, with itself as baseline perhaps. Name each run once.")
    for name in names:
        if name in taken:
            raise LcgenError(f"{name!r} is what --oracle calls a run of its own. Choose another name: RUN=FILE.")
    return [_joined(run, name) for run, name in zip(found, names)]


def _runs(stack: ExitStack, sources: Sequence[Source]) -> list[_Run]:
    """The runs of these sources, in the order in which the first file of each is named."""
    named: dict[str, _Run] = {}
    found: list[_Run] = []
    plain: list[Responses] = []
    places: dict[int, int] = {}

    def read(source: Source) -> Responses:
        return stack.enter_context(Responses(shown(source), source))

    for source in sources:
        if isinstance(source, Mapping):
            found.append(_Run("responses", "", [read(source)]))
            continue
        run, paths = _paths(str(source))
        files = [_folder(stack, Path(path)) if Path(path).is_dir() else read(path) for path in paths]
        if run:
            if run not in named:
                found.append(named.setdefault(run, _Run(run, run, [])))
            named[run].files += files
        elif Path(paths[0]).is_dir():
            found.append(_Run(pleasant(Path(paths[0]).resolve().name), str(source), files))
        else:
            # Its place among the runs, until it is known with which others it is one.
            places[id(files[0])] = len(found)
            found.append(_Run("", "", []))
            plain += files
    for group in _parted(plain):
        found[places[id(group[0])]] = _Run(*_called(group), group, len(group) > 1)
    return [run for run in found if run.files]


def _paths(source: str) -> tuple[str, list[str]]:
    """The run that `RUN=FILES` names, or none, and the paths of its files, of which wildcards give several."""
    run, sign, path = source.partition("=")
    if not sign or not run or not path or os.path.lexists(source):
        return "", [source]
    if not os.path.lexists(path) and glob.has_magic(path):
        paths = sorted(glob.glob(path, recursive=True))  # noqa: PTH207  # a path of any form, as a shell takes it
        if not paths:
            raise LcgenError(f"There is no file {path}, from which the run {run} is to be read.")
        return run, paths
    return run, [path]


def _folder(stack: ExitStack, folder: Path) -> Responses:
    """What the files of a folder, and of folders in it, answer. Raises LcgenError where none answers anything."""
    found: list[Responses] = []
    faults: list[str] = []
    for path in sorted(folder.rglob("*")):
        inside = path.relative_to(folder)
        if path.suffix not in KINDS or not path.is_file() or any(part.startswith(".") for part in inside.parts):
            continue
        try:
            found.append(stack.enter_context(Responses(str(path), path)))
        except Silent as error:
            # JSON of a harness that is no log is a summary, of which nobody expects answers.
            faults += [] if path.suffix == ".json" else [str(error).partition(". ")[0]]
    if not found:
        raise LcgenError(
            f"The folder {folder} holds no responses, in none of its files {', '.join(KINDS)}."
            + (f" Of them, {faults[0]}." if faults else "")
        )
    first, *others = found
    first.join(str(folder), others)
    first.source, first.parts = folder, [(str(folder), list(first))]
    first.faults += faults
    return first


def _parted(files: Sequence[Responses]) -> list[list[Responses]]:
    """Files that answer different rows together, and files that answer the same rows apart. Raises LcgenError where that is unclear."""
    apart = [
        frozenset(other for other in range(len(files)) if other == one or not files[one].meets(files[other]))
        for one in range(len(files))
    ]
    unclear = next(((one, other) for one, those in enumerate(apart) for other in those if apart[other] != those), None)
    if unclear is None:
        return [[files[one] for one in sorted(those)] for those in dict.fromkeys(apart)]
    held = _by_folder(files)
    if held is not None:
        return held
    one, other = unclear
    third = min(apart[one] ^ apart[other])
    first, last = (one, other) if third in apart[other] else (other, one)
    raise LcgenError(
        f"Which files are one run cannot be told: {files[first].name} and {files[third].name} answer the same rows, "
        f"{files[last].name} others than both. Say of each file to which run it belongs: RUN=FILE, such as "
        f"first={files[first].name}."
    )


def _by_folder(files: Sequence[Responses]) -> list[list[Responses]] | None:
    """Files by the folder that holds them, or holds their folders; None where that does not part them into runs."""
    paths = [Path(file.name).absolute() for file in files]
    above = len(Path(os.path.commonpath([path.parent for path in paths])).parts)
    groups: dict[str, list[Responses]] = {}
    for file, path in zip(files, paths):
        groups.setdefault(path.parts[above], []).append(file)
    whole = all(not one.meets(other) for group in groups.values() for one in group for other in group if one is not other)
    return [*groups.values()] if whole and max(map(len, groups.values())) > 1 else None


def _called(files: Sequence[Responses]) -> tuple[str, str]:
    """What the run of these files is called, short and long: the file, the folder that holds them, or what their names begin with."""
    stems = [file.name if file.source == "-" else pleasant(Path(file.name).stem) for file in files]
    if len(files) == 1:
        return ("stdin" if str(files[0].source) == "-" else stems[0]), files[0].name
    folder = Path(os.path.commonpath([Path(file.name).absolute().parent for file in files]))
    if folder not in (Path.cwd(), Path(folder.anchor)):
        return pleasant(folder.name), str(folder)
    shared = os.path.commonprefix(stems).rstrip("_-. ")
    return shared or "responses", shared or files[0].name


def pleasant(name: str) -> str:
    """The name of a file without the time, and without what a harness writes beside it."""
    found = TIME.search(name)
    if found is None:
        return name
    before, after = name[: found.start()], name[found.end() :]
    # lm-evaluation-harness: samples_TASK_TIME; Inspect: TIME_TASK_ID.
    rest = before.removeprefix("samples_") if before else re.sub(r"_[A-Za-z0-9]{22}$", "", after)
    return rest.strip("_-. ") or name


def _joined(run: _Run, name: str) -> Responses:
    first, *others = run.files
    first.join(name, others)
    if run.guessed:
        first.notes.append(f"{len(run.files)} files answer different rows and are taken as one run; RUN=FILE names runs")
    return first
