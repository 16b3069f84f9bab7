"""Measures lcgen against other generators, against the floor of the machine, and against what it promises.

    python benchmarks/run.py --quick               a look at everything that needs no other generator
    python benchmarks/run.py --ruler ~/RULER ...   the whole, with the generators that you fetched

Run it with the Python that lcgen is installed in. Other generators are no part of this repository: fetch checkouts of
NVIDIA/RULER and open-compass/opencompass, and install needlehaystack 2.0 in an environment of its own. What is absent
is skipped, and the report says so. Prints a Markdown report and writes it to RESULTS.md beside this file.
"""

from __future__ import annotations

import argparse
import datetime
import json
import os
import platform
import sys
import tempfile
from pathlib import Path

import checking
import documents
import everyday
import exact
import examples
import families
import jobs
import peers
import records
import speed
from clock import Failed, spend, tell
from tables import Section, verdicts

RESULTS = Path(__file__).with_name("RESULTS.md")
PARTS = (
    "rows",
    "million",
    "first",
    "memory",
    "startup",
    "exact",
    "records",
    "examples",
    "jobs",
    "checking",
    "families",
    "documents",
)


def arguments() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    add = parser.add_argument
    add("--quick", action="store_true", help="few rows, one round: a look, not a figure")
    add("--repeats", type=int, help="interleaved rounds [5; 1 with --quick]")
    add("--only", nargs="+", choices=PARTS, default=PARTS, metavar="PART", help=f"some of {', '.join(PARTS)}")
    add("--ruler", type=Path, metavar="FOLDER", help="a checkout of NVIDIA/RULER")
    add("--opencompass", type=Path, metavar="FOLDER", help="a checkout of open-compass/opencompass")
    add("--peer-python", type=Path, default=Path(sys.executable), metavar="FILE",
        help="a Python with tiktoken, nltk, wonderwords, tqdm, tenacity, datasets for both [this one]")  # fmt: skip
    add("--needlehaystack-python", type=Path, metavar="FILE", help="a Python (3.12 or later) with needlehaystack 2.0")
    add("--mistral-python", type=Path, metavar="FILE", help="a Python with mistral-common and sentencepiece")
    add("--tiktoken-cache", type=Path, metavar="FOLDER", help="TIKTOKEN_CACHE_DIR of the peers, without a network")
    add("--text", type=Path, metavar="FOLDER", help="texts for the peers' haystacks [lcgen's prose, the same for all]")
    add("--out", type=Path, metavar="FILE", help="where the report goes [RESULTS.md beside this file, if whole]")
    args = parser.parse_args()
    args.repeats = args.repeats or (1 if args.quick else 5)
    for name, path in list(vars(args).items()):
        if isinstance(path, Path) and name != "out":
            kind, there = ("file", path.is_file()) if name.endswith("python") else ("folder", path.is_dir())
            if not there:
                parser.error(f"--{name.replace('_', '-')}: there is no {kind} {path}")
            # Not resolved: a virtual environment is known by its link, not by what it points to.
            setattr(args, name, path.absolute())
    return args


def main() -> None:
    """Runs the parts asked for, one after another."""
    args = arguments()
    whole = not args.quick and set(args.only) == set(PARTS)
    with tempfile.TemporaryDirectory(prefix="lcgen-benchmark-") as name:
        work = Path(name)
        env = {"LCGEN_CACHE": str(work / "cache"), "TOKENIZERS_PARALLELISM": "false"}
        tell("text for all")
        script = [sys.executable, str(Path(__file__).with_name("texts.py")), str(work)]
        spend([*script, str(args.text)] if args.text else script, env)
        sections = list(parts(args, work, env))
        report = write(args, json.loads((work / "facts.json").read_text()), sections)
    print(report)
    if target := args.out or (RESULTS if whole else None):
        target.write_text(report, encoding="utf-8")


def parts(args: argparse.Namespace, work: Path, env: dict[str, str]) -> list[Section]:
    """The sections of the report, in its order."""
    found = []
    if "rows" in args.only:
        found.append(speed.rows_128k(args, work, env, peers.find(args, work)))
    if "million" in args.only:
        found.append(speed.rows_1m(args, work, env))
    for part, make in (
        ("first", everyday.first),
        ("memory", everyday.memory),
        ("startup", everyday.startup),
        ("exact", exact.check),
        ("records", records.check),
        ("checking", checking.check),
        ("examples", examples.check),
        ("families", families.check),
        ("documents", documents.check),
        ("jobs", jobs.check),
    ):
        if part in args.only:
            found.append(make(args, work, env))
    return found


def write(args: argparse.Namespace, facts: dict[str, object], sections: list[Section]) -> str:
    """The report."""
    versions = facts["versions"]
    assert isinstance(versions, dict)
    said = ", ".join(f"{package} {number}" for package, number in versions.items())
    text = "the essays given with --text" if args.text else "lcgen's own generated prose, the same for all"
    lines = [
        "# Benchmark results", "",
        f"Written by `python benchmarks/run.py{' --quick' if args.quick else ''}` on {datetime.date.today()}. CPU "
        "seconds are user + system of a process and its children, since wall time says little on a busy machine. "
        f"Figures are medians of {args.repeats} rounds in which all take turns; ratios hold within this run only.", "",
        f"- Machine: {machine()}.", f"- Software: Python {facts['python']}, {said}.",
        f"- The peers' haystack: {text}, {facts['essays']:,} characters.", "",
        "## Figures against those wanted", "", verdicts(sections),
    ]  # fmt: skip
    for section in sections:
        lines += [f"## {section.title}", "", section.text]
    return "\n".join(lines).rstrip() + "\n"


def machine() -> str:
    """Class of the machine, without any name of its own."""
    model, memory = platform.machine(), ""
    info = Path("/proc/cpuinfo")
    if info.is_file():
        names = [line.partition(":")[2].strip() for line in info.read_text().splitlines() if line.startswith("model name")]
        model = names[0] if names else model
    if hasattr(os, "sysconf") and "SC_PHYS_PAGES" in os.sysconf_names:
        memory = f", {os.sysconf('SC_PHYS_PAGES') * os.sysconf('SC_PAGE_SIZE') / 2**30:.0f} GiB memory"
    load = f", load average {os.getloadavg()[0]:.1f} at the end" if hasattr(os, "getloadavg") else ""
    return f"{os.cpu_count()} cores of {model}{memory}, {platform.system()}{load}"


if __name__ == "__main__":
    try:
        main()
    except Failed as error:
        sys.exit(f"The benchmark cannot run: {error}")
