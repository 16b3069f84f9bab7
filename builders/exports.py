"""`lcgen export`: the rows of a built folder in the format of another harness, in a folder of their own."""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, get_args

from lcgen.builders import manifest
from lcgen.builders.formats import FORMATS, Config, Contextless, Endpoint, History, Options
from lcgen.builders.reading import every_row
from lcgen.errors import LcgenError, unknown

ANSWERS = frozenset(
    [
        "outputs",
        "answer",
        "answers",
        "expected_answer",
        "ideal",
        "reference_output",
        "evidence",
        "metadata",
        "token_position_answer",
    ]
)
"""Keys that `--prompts-only` leaves out, in whatever format."""
MARK = ".lcgen-export"
"""Stands in an exported folder and names its files, so that `--force` takes away what an export wrote and nothing else."""


@dataclass(frozen=True)
class Exported:
    """What was written."""

    folder: Path
    files: dict[str, int]
    """Name -> rows; sheets have none."""
    notes: tuple[str, ...] = ()
    """What was asked for and changed nothing."""


def export(
    folder: Path,
    to: str,
    out: Path | None = None,
    options: Options | None = None,
    configs: Iterable[str] = (),
    force: bool = False,
) -> Exported:
    """Writes the rows of a built folder in another format, into a folder of its own (default `./<folder>_<to>`).

    Raises LcgenError for an unknown format or config, for rows that the format cannot hold, and where something stands at
    `out`; `force` replaces an older export alone.
    """
    options = options or Options()
    _possible(to, options)
    made = manifest.of_prompts(folder, "which no harness reads. Read them with load_dataset.")
    chosen = list(configs) or list(made["configs"])
    for name in chosen:
        if name not in made["configs"]:
            raise unknown("config", name, made["configs"])
    target = out or Path(f"{folder.resolve().name}_{to}")
    _free(target, folder, force)
    written: dict[str, int] = {}
    lacking: list[str] = []
    shared = False

    def rows(name: str) -> Iterator[dict[str, Any]]:
        nonlocal shared
        before = None
        for _, row in every_row(folder, {**made, "configs": [name]}):
            shared |= bool(row["context_id"]) and row["context_id"] == before
            before = row["context_id"]
            yield row

    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=f".{target.name}-", dir=target.parent) as place:
            part = Path(place) / target.name
            for name in chosen:
                config = Config(name, partial(rows, name))
                try:
                    for path, content in FORMATS[to](config, options):
                        written[path] = _write(part / path, content, options)
                except Contextless:
                    lacking.append(name)
            if lacking:
                raise _contextless(lacking, chosen, to)
            (part / MARK).write_text("".join(f"{path}\n" for path in written), encoding="utf-8")
            if target.is_dir():
                shutil.rmtree(target)
            part.replace(target)
    except OSError as error:
        raise LcgenError(f"Cannot write {target}: {error.strerror or error}. Choose another --out.") from error
    turns = options.history == "gold" or to == "turns"
    return Exported(target, written, (_alone(folder, to, options.history),) if turns and not shared else ())


def _possible(to: str, options: Options) -> None:
    """Raises LcgenError for an unknown format, and for options that have no meaning in it."""
    if to not in FORMATS:
        raise unknown("format of --to", to, FORMATS)
    if options.endpoint not in get_args(Endpoint) or options.history not in get_args(History):
        raise LcgenError(
            f"--endpoint is one of {', '.join(get_args(Endpoint))}, --history one of {', '.join(get_args(History))}."
        )
    if options.history == "gold" and (to not in ("batch", "turns") or options.endpoint != "chat"):
        raise LcgenError("A history of answers exists --to turns, and --to batch with --endpoint chat. Leave --history out.")
    if options.history == "gold" and options.prompts_only:
        raise LcgenError("--history gold sends answers, which --prompts-only leaves out. Leave out one of them.")


def _free(target: Path, folder: Path, force: bool) -> None:
    """Raises LcgenError where the folder itself, or anything that this export may not replace, stands at the target."""
    if target.resolve() == folder.resolve():
        raise LcgenError(f"{target} is the dataset itself. Choose another --out.")
    if not target.exists() or (target.is_dir() and not any(target.iterdir())):
        return
    if not force:
        raise LcgenError(f"{target} is there already. Choose another --out, or replace an older export with --force.")
    try:
        ours = {MARK, *(target / MARK).read_text(encoding="utf-8").splitlines()}
    except (OSError, ValueError):
        raise LcgenError(f"{target} was not made by an export, so --force does not replace it. Choose another --out.") from None
    there = (path.relative_to(target).as_posix() for path in target.rglob("*") if path.is_symlink() or not path.is_dir())
    if foreign := sorted(set(there) - ours):
        raise LcgenError(
            f"{target} also holds {foreign[0]}, which no export wrote, so --force does not replace it. Move it, or choose another --out."
        )


def _contextless(lacking: Sequence[str], chosen: Sequence[str], to: str) -> LcgenError:
    """What to say where rows of some configs have no context, and how to export the others."""
    others = [name for name in chosen if name not in lacking]
    more = f", and {len(others) - 5:,} more" if len(others) > 5 else ""
    way = f"Export the others: {' '.join(f'--config {name}' for name in others[:5])}{more}; or all" if others else "Export them"
    held = f"{', '.join(lacking[:5])}{', ...' if len(lacking) > 5 else ''}"
    return LcgenError(
        f"Rows of {held} have no context apart from their question, which {to} needs. {way} --to jsonl or --to batch."
    )


def _alone(folder: Path, to: str, history: str) -> str:
    """What to say where no rows share a context, so that nothing can stand before a question."""
    effect = f"--history {history} changes nothing" if history == "gold" else "each conversation has one turn"
    return f"No rows of {folder} that stand side by side share a context, so {effect}. `lcgen build --questions-per-context Q` makes such rows."


def _write(path: Path, content: Iterable[Mapping[str, Any]] | str, options: Options) -> int:
    path.parent.mkdir(parents=True, exist_ok=True)
    count = 0
    with path.open("w", encoding="utf-8", newline="\n", errors="surrogatepass") as file:
        if isinstance(content, str):
            file.write(content)
            return 0
        for line in content:
            kept = {key: value for key, value in line.items() if not (options.prompts_only and key in ANSWERS)}
            file.write(json.dumps(kept, ensure_ascii=False) + "\n")
            count += 1
    return count
