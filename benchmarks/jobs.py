"""What a second process brings, and what memory each takes."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import sys
import tempfile
import time
from argparse import Namespace
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from clock import Failed, tell
from speed import lcgen
from tables import Claim, Section, short, span, table

WANTED = 1.7
FEW, MANY = 100, 400
"""Samples of 22 rows: some 200 and 800 million tokens, 13 and 51 files."""


@dataclass(frozen=True)
class Run:
    """Seconds on the wall, CPU seconds, and MB of the largest worker: resident, and its share where pages are shared."""

    wall: float
    cpu: float
    resident: float
    own: float


def build(samples: int, jobs: int, work: Path, env: dict[str, str]) -> Run:
    """Builds rows of 64k and 128k in so many processes. Raises Failed."""
    folder = Path(tempfile.mkdtemp(dir=work))
    command = [lcgen(), "build", "needle", "--lengths", "64k,128k", "--samples", str(samples), "--jobs", str(jobs)]
    before, began = os.times(), time.monotonic()
    resident = own = 0.0
    try:
        with subprocess.Popen(
            [*command, "--out", str(folder / "set")], env={**os.environ, **env}, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
        ) as process:
            while process.poll() is None:
                for pid in _workers(process.pid) if jobs > 1 else [process.pid]:
                    now = _memory(pid)
                    resident, own = max(resident, now.get("Rss", 0.0)), max(own, now.get("Pss", 0.0))
                time.sleep(0.25)
            if process.returncode:
                raise Failed((process.stderr.read() if process.stderr else b"").decode(errors="replace").strip()[-300:])
        wall, after = time.monotonic() - began, os.times()
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    cpu = after.children_user + after.children_system - before.children_user - before.children_system
    return Run(wall, cpu, resident, own)


def _workers(parent: int) -> list[int]:
    found = []
    with contextlib.suppress(OSError):
        for child in Path(f"/proc/{parent}/task/{parent}/children").read_text().split():
            with contextlib.suppress(OSError):
                if b"spawn_main" in Path(f"/proc/{child}/cmdline").read_bytes():
                    found.append(int(child))
    return found


def _memory(pid: int) -> dict[str, float]:
    with contextlib.suppress(OSError):
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()[1:]
        return {line.split()[0].rstrip(":"): int(line.split()[1]) * 1024 / 1e6 for line in lines}
    return {}


def check(args: Namespace, work: Path, env: dict[str, str]) -> Section:
    """One process and two in turns on the wall, and two with a quarter of the rows for their memory."""
    title = "Two processes"
    if sys.platform != "linux" or (os.cpu_count() or 1) < 2:
        return Section(title, "Needs two cores, and Linux to look at the memory of workers.\n")
    many = FEW if args.quick else MANY
    runs: dict[tuple[int, int], list[Run]] = {(1, many): [], (2, many): [], (2, many // 4): []}
    for turn in range(min(args.repeats, 3)):
        for (jobs, samples), held in runs.items():
            tell(f"round {turn + 1}: --jobs {jobs}, {samples * 22:,} rows")
            held.append(build(samples, jobs, work, env))
    lines = [
        [f"--jobs {jobs}, {samples * 22:,} rows", short(median(run.wall for run in held)), span([run.wall for run in held]),
         short(median(run.cpu for run in held)), short(max(run.resident for run in held)), short(max(run.own for run in held))]
        for (jobs, samples), held in runs.items()
    ]  # fmt: skip
    ratios = [one.wall / two.wall for one, two in zip(runs[1, many], runs[2, many])]
    two, little = runs[2, many], runs[2, many // 4]
    grown = max(run.resident for run in two) - max(run.resident for run in little)
    text = (
        "Rows of 64k and 128k, on the wall and in turns, so that what else the machine does hits all. A worker's memory is the largest seen, "
        "resident and with shared pages divided among those who share them (the pool of prose is mapped, not copied).\n\n"
        + table(["build", "wall s", "lowest–highest", "CPU s", "MB of a worker", "shared pages divided"], lines)
        + f"\nOne process took {short(median(ratios))} times as long as two ({span(ratios)}).\n"
    )
    return Section(
        title,
        text,
        [
            Claim("two processes against one", median(ratios), WANTED, "x", least=True),
            Claim("memory of a worker, four times the rows", grown, 50, "MB more"),
        ],
    )
