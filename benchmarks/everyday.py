"""Parts 4 to 6: what a person meets at the terminal. The first command, the memory of a long run, the help page."""

from __future__ import annotations

import sys
from argparse import Namespace
from collections.abc import Sequence
from pathlib import Path
from statistics import median

from clock import Command, Cost, inside, spend, tell
from speed import lcgen
from tables import Claim, Section, short, span, table

FIRST = "4k..1m"
"""Lengths of the README's first command."""
FLAT = 50
"""MB by which peak memory may grow with rows."""


def into(*words: str) -> Command:
    """An lcgen command that writes into the folder it is given."""
    return lambda _, out: [lcgen(), *words, "--out", str(out / "set")]


def first(args: Namespace, work: Path, env: dict[str, str]) -> Section:
    """The README's first command, with an empty cache and with the cache that it left."""
    lengths = "4k..64k" if args.quick else FIRST
    times: dict[str, list[Cost]] = {"cold": [], "warm": []}
    for turn in range(args.repeats):
        own = {**env, "LCGEN_CACHE": str(work / f"cache-{turn}")}
        for state, costs in times.items():
            tell(f"round {turn + 1} of {args.repeats}: first command, {state}")
            costs.append(inside(work, into("build", "needle", "--lengths", lengths), 0, own))
    lines, claims = [], []
    for (state, costs), wanted in zip(times.items(), (15, 8)):
        cpu = [cost.cpu for cost in costs]
        lines.append([state, short(median(cpu)), span(cpu), short(median(cost.peak for cost in costs))])
        claims.append(Claim(f"first command, {lengths}, {state}", median(cpu), wanted, "s CPU"))
    text = (
        f"`lcgen build needle --lengths {lengths}`, `--verify auto`, written to Parquet; cold: `LCGEN_CACHE` is an "
        "empty folder, warm: as the cold run left it.\n\n"
    )
    text += table(["cache", "CPU s", "lowest–highest", "peak MB"], lines)
    return Section("The first command", text, claims)


def memory(args: Namespace, work: Path, env: dict[str, str]) -> Section:
    """Peak resident memory of ten rows and of a hundred."""
    length, few, many = ("256k", 5, 25) if args.quick else ("1m", 10, 100)
    held = peaks(("needle", "--lengths", length, "--depths", "0.5"), (few, many), work, env)
    text = (
        f"Largest resident memory of the process, rows of {length} tokens, `--verify auto`; pages of the memory-mapped "
        "corpus count too.\n\n"
    )
    text += table(["rows", "peak MB"], [[str(rows), short(peak)] for rows, peak in held.items()])
    claims = [
        Claim(f"peak memory, {many} rows of {length}", held[many], 500, "MB"),
        Claim(f"peak memory, {many} rows − {few} rows", held[many] - held[few], FLAT, "MB"),
    ]
    return Section("Memory", text, claims)


def peaks(words: Sequence[str], counts: Sequence[int], work: Path, env: dict[str, str], each: int = 1) -> dict[int, float]:
    """Peak resident memory, in MB, of builds that differ in nothing but their rows, of which a sample is `each`."""
    found = {}
    for rows in counts:
        tell(f"memory of {rows} rows: {' '.join(words)}")
        found[rows] = inside(work, into("build", *words, "--samples", str(rows // each)), rows, env).peak
    return found


def startup(args: Namespace, work: Path, env: dict[str, str]) -> Section:
    """The help page against the import of click, below which no command line written with it can go."""
    commands = {"lcgen --help": [lcgen(), "--help"], "import click": [sys.executable, "-c", "import click"]}
    times: dict[str, list[float]] = {name: [] for name in commands}
    for _ in range(5 if args.quick else 25):
        for name, command in commands.items():
            times[name].append(spend(command, env, work).cpu)
    text = 'Medians of interleaved runs of `lcgen --help` and `python -c "import click"`.\n\n'
    lines = [[f"`{name}`", short(median(cpu) * 1e3), span([value * 1e3 for value in cpu])] for name, cpu in times.items()]
    text += table(["command", "CPU ms", "lowest–highest"], lines)
    ratio = median(times["lcgen --help"]) / median(times["import click"])
    return Section("Start-up", text, [Claim("lcgen --help / import click", ratio, 2, "x")])
