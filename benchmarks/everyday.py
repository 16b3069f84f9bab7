"""Parts 4 to 6: what a person meets at the terminal. The first command, the memory of a long run, the help page."""

from __future__ import annotations

import sys
from argparse import Namespace
from pathlib import Path
from statistics import median

from clock import Cost, inside, tell
from speed import lcgen
from tables import Claim, Section, short, table

FIRST = "4k..1m"


def first(args: Namespace, work: Path, env: dict[str, str]) -> Section:
    """The README's first command, with an empty cache and with the cache that it left."""
    lengths = "4k..64k" if args.quick else FIRST
    times: dict[str, list[Cost]] = {"cold": [], "warm": []}
    for turn in range(args.repeats):
        cache = work / f"cache-{turn}"
        for state, costs in times.items():
            tell(f"round {turn + 1} of {args.repeats}: first command, {state}")
            own = {**env, "LCGEN_CACHE": str(cache)}
            costs.append(
                inside(
                    work,
                    lambda _, out: [lcgen(), "build", "needle", "--lengths", lengths, "--out", str(out / "set")],
                    0,
                    own,
                )
            )
    lines = [
        [state, short(median(cost.cpu for cost in costs)), f"{short(min(c.cpu for c in costs))}–{short(max(c.cpu for c in costs))}",
         short(median(cost.peak for cost in costs))]
        for state, costs in times.items()
    ]  # fmt: skip
    text = f"`lcgen build needle --lengths {lengths}`, `--verify auto`; cold: `LCGEN_CACHE` is an empty folder, warm: as the cold run left it.\n\n"
    text += table(["cache", "CPU s", "lowest–highest", "peak MB"], lines)
    claims = [
        Claim(f"first command, {lengths}, {state}", median(cost.cpu for cost in times[state]), wanted, "s CPU")
        for state, wanted in (("cold", 15), ("warm", 8))
    ]
    return Section("The first command", text, claims)


def memory(args: Namespace, work: Path, env: dict[str, str]) -> Section:
    """Peak resident memory of ten rows and of a hundred."""
    length, few, many = ("256k", 5, 25) if args.quick else ("1m", 10, 100)
    peaks = {}
    for rows in (few, many):
        tell(f"memory of {rows} rows of {length}")
        command = [lcgen(), "build", "needle", "--lengths", length, "--depths", "0.5", "--samples", str(rows)]
        peaks[rows] = inside(
            work, lambda _, out, command=command: [*command, "--out", str(out / "set")], rows, env
        ).peak  # type: ignore[misc]
    text = f"Largest resident memory of the process, rows of {length} tokens, `--verify auto`, memory-mapped corpus pages included.\n\n"
    text += table(["rows", "peak MB"], [[str(rows), short(peak)] for rows, peak in peaks.items()])
    claims = [
        Claim(f"peak memory, {many} rows of {length}", peaks[many], 500, "MB"),
        Claim(f"peak memory, {many} rows − {few} rows", peaks[many] - peaks[few], 50, "MB"),
    ]
    return Section("Memory", text, claims)


def startup(args: Namespace, work: Path, env: dict[str, str]) -> Section:
    """The help page against the import of click, which no command line written with it can go below."""
    commands = {"lcgen --help": [lcgen(), "--help"], "import click": [sys.executable, "-c", "import click"]}
    times: dict[str, list[float]] = {name: [] for name in commands}
    for _ in range(5 if args.quick else 25):
        for name, command in commands.items():
            times[name].append(inside(work, lambda *_, command=command: command, 0, env).cpu)  # type: ignore[misc]
    middle = {name: median(found) for name, found in times.items()}
    text = 'Medians of interleaved runs of `lcgen --help` and `python -c "import click"`.\n\n'
    text += table(["command", "CPU ms"], [[f"`{name}`", short(value * 1e3)] for name, value in middle.items()])
    ratio = middle["lcgen --help"] / middle["import click"]
    return Section("Start-up", text, [Claim("lcgen --help / import click", ratio, 2, "x")])
