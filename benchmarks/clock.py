"""What a command costs: CPU seconds and peak memory of a child process, its own children included.

CPU seconds (user and system) are the figure, because a busy machine doubles the wall time and hardly changes them. What
one more row costs is the difference of two runs that differ in nothing but their rows, divided by the rows between
them, so that start-up and one-off work fall out. Runs that are compared take turns, so that a noisy minute hits all.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median

Command = Callable[[int, Path], Sequence[str]]
"""The command that makes so many rows in a folder that is new and empty."""


class Failed(Exception):
    """A command did not end well; the text is what it said last."""


@dataclass(frozen=True)
class Cost:
    """CPU seconds, and the largest resident memory in MB (10^6 bytes)."""

    cpu: float
    peak: float


@dataclass
class Runner:
    """One thing to be measured: the same command for few rows and for many."""

    name: str
    command: Command
    few: int
    many: int
    env: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Marginal:
    """CPU seconds of one more row: median over the repeats, lowest and highest; and of a run of no rows."""

    each: float
    low: float
    high: float
    start: float


def spend(command: Sequence[str], env: Mapping[str, str] | None = None, folder: Path | None = None) -> Cost:
    """Runs a command to its end. Raises Failed with the end of its output where it ends with an error."""
    with tempfile.TemporaryFile() as output:
        try:
            process = subprocess.Popen(
                list(command), stdout=output, stderr=subprocess.STDOUT, env={**os.environ, **(env or {})}, cwd=folder
            )
        except OSError as error:
            raise Failed(f"{command[0]}: {error.strerror}") from error
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode:
            output.seek(0)
            said = output.read().decode(errors="replace").strip().splitlines()
            raise Failed(said[-1] if said else f"{command[0]} ended with {process.returncode}")
    scale = 1 if sys.platform == "darwin" else 1024
    return Cost(usage.ru_utime + usage.ru_stime, usage.ru_maxrss * scale / 1e6)


def inside(work: Path, command: Command, rows: int, env: Mapping[str, str]) -> Cost:
    """Runs a command in a folder of its own, which is removed afterwards."""
    folder = Path(tempfile.mkdtemp(dir=work))
    try:
        return spend(command(rows, folder), env, folder)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def race(runners: Sequence[Runner], repeats: int, work: Path, env: Mapping[str, str]) -> dict[str, Marginal | str]:
    """What one more row costs each runner, by name; the reason instead for one that fails."""
    pairs: dict[str, list[tuple[float, float]]] = {runner.name: [] for runner in runners}
    failed: dict[str, str] = {}
    for turn in range(repeats):
        for runner in runners:
            if runner.name in failed:
                continue
            tell(f"round {turn + 1} of {repeats}: {runner.name}")
            whole = {**env, **runner.env}
            try:
                few = inside(work, runner.command, runner.few, whole).cpu
                pairs[runner.name].append((few, inside(work, runner.command, runner.many, whole).cpu))
            except Failed as error:
                failed[runner.name] = str(error)
    found: dict[str, Marginal | str] = {}
    for runner in runners:
        found[runner.name] = failed.get(runner.name) or _marginal(pairs[runner.name], runner.few, runner.many)
    return found


def _marginal(pairs: Sequence[tuple[float, float]], few: int, many: int) -> Marginal:
    each = [(more - less) / (many - few) for less, more in pairs]
    middle = (median(more for _, more in pairs) - median(less for less, _ in pairs)) / (many - few)
    return Marginal(middle, min(each), max(each), median(less for less, _ in pairs) - few * middle)


def tell(line: str) -> None:
    """Says on the terminal what is going on."""
    print(f"  {line}", file=sys.stderr, flush=True)
