"""Parts 1 to 3: what one more row costs, here, elsewhere, and at the least."""

from __future__ import annotations

import json
import sys
from argparse import Namespace
from collections.abc import Mapping
from pathlib import Path

import peers
from clock import Command, Marginal, Runner, race
from tables import Claim, Section, short, span, table

FLOOR = "floor"
ENCODED = "floor and one encoding"
MODES = ("none", "auto", "full")
# Peer, mode of lcgen, and how many times faster lcgen should be.
WANTED = (
    (peers.RULER, "auto", 100),
    (peers.SINGLE, "auto", 30),
    (peers.HAYSTACK2, "auto", 3),
    (peers.RULER, "full", 30),
)
DEPTHS = 11


def lcgen() -> str:
    """The command `lcgen` of this Python."""
    return str(Path(sys.executable).with_name("lcgen"))


def build(length: str, verify: str, tokenizer: str) -> Command:
    """Builds rows of one length over 11 depths; the number of rows is a multiple of 11."""
    return lambda rows, out: [
        lcgen(), "build", "needle", "--lengths", length, "--depths", "0..1:0.1", "--samples", str(rows // DEPTHS),
        "--verify", verify, "--tokenizer", tokenizer, "--out", str(out / "set"),
    ]  # fmt: skip


def floor(work: Path, size: int, *vocabulary: str) -> Command:
    """Copies and writes so many rows of `size` bytes, each encoded once where a vocabulary is named."""
    script = [sys.executable, str(Path(__file__).with_name("floor.py")), str(work / "pool.txt"), str(size)]
    return lambda rows, out: [*script, str(rows), str(out / "floor.parquet"), *vocabulary]


def rows_128k(args: Namespace, work: Path, env: dict[str, str], others: peers.Peers) -> Section:
    """Parts 1 and 2 at 128k: all in one race, one vocabulary for all."""
    size = _bytes(work, "128k cl100k_base")
    many = 55 if args.quick else 440
    own = [Runner(_own(mode), build("128k", mode, "cl100k_base"), 11, 55 if mode == "full" else many) for mode in MODES]
    own.append(Runner(f"{_own('auto')}, o200k_base", build("128k", "auto", "o200k_base"), 11, many))
    own.append(Runner(FLOOR, floor(work, size), 11, 2 * many))
    own.append(Runner(ENCODED, floor(work, size, "cl100k_base"), 11, many))
    found = race([*own, *others.runners], args.repeats, work, env)
    costs = {name: cost for name, cost in found.items() if isinstance(cost, Marginal)}
    bases = [costs.get(_own(mode)) for mode in MODES]
    head = ["generator", "CPU ms per row", "lowest–highest", "start-up CPU s", *(f"/ lcgen {mode}" for mode in MODES)]
    lines = [
        [name, *_cpu(cost), short(cost.start), *(f"{short(cost.each / base.each)}x" if base else "–" for base in bases)]
        for name, cost in costs.items()
    ]
    text = (
        "CPU of one more row of 131,072 tokens: (CPU of many rows − CPU of few) / rows between. All count in "
        "cl100k_base unless named; lcgen and the floor write Parquet. Start-up is the same line at no rows: imports, "
        "vocabulary, corpus, and RULER's search for the length.\n\n" + table(head, lines)
    )
    skipped = {**others.skipped, **{name: cost for name, cost in found.items() if isinstance(cost, str)}}
    text += "".join(f"\n- {name}: skipped, {why}." for name, why in skipped.items())
    text += "".join(f"\n- {note}" for note in others.notes) + "\n"

    def bound(name: str, mode: str) -> float | None:
        least = costs.get(ENCODED if mode == "full" else FLOOR)
        return costs[name].each / least.each if least else None

    claims = [
        Claim(f"128k row: {name} / {_own(mode)}", costs[name].each / costs[_own(mode)].each, wanted, "x", True, bound(name, mode))
        for name, mode, wanted in WANTED
        if name in costs and _own(mode) in costs
    ]
    return Section("One more 128k row", text + _floor(costs, size, 131_072), claims)


def rows_1m(args: Namespace, work: Path, env: dict[str, str]) -> Section:
    """Parts 2 and 3 at 1m."""
    size = _bytes(work, "1m o200k_base")
    many = 22 if args.quick else 121
    runners = [Runner(_own(mode), build("1m", mode, "o200k_base"), 11, many) for mode in MODES[:2]]
    found = race([*runners, Runner(FLOOR, floor(work, size), 11, 2 * many)], args.repeats, work, env)
    costs = {name: cost for name, cost in found.items() if isinstance(cost, Marginal)}
    base = costs.get(FLOOR)
    lines = [
        [name, *_cpu(cost), short(cost.each / 2**20 * 1e9), f"{short(cost.each / base.each)}x" if base else "–"]
        for name, cost in costs.items()
    ]
    text = "CPU of one more row of 1,048,576 tokens, counted in o200k_base, otherwise as above.\n\n"
    text += table(["generator", "CPU ms per row", "lowest–highest", "CPU ns per token", "/ floor"], lines)
    text += "".join(f"\n- {name}: failed, {cost}." for name, cost in found.items() if isinstance(cost, str))
    claims = []
    if base and _own("none") in costs:
        claims.append(Claim(f"1m row: {_own('none')} / floor", costs[_own("none")].each / base.each, 1.5, "x"))
    return Section("One more 1m row", text + _floor(costs, size, 2**20), claims)


def _own(mode: str) -> str:
    return f"lcgen, verify {mode}"


def _bytes(work: Path, which: str) -> int:
    return int(json.loads((work / "facts.json").read_text())["bytes"][which])


def _cpu(cost: Marginal) -> tuple[str, str]:
    return short(cost.each * 1e3), span([cost.low * 1e3, cost.high * 1e3])


def _floor(costs: Mapping[str, Marginal], size: int, tokens: int) -> str:
    base = costs.get(FLOOR)
    if base is None:
        return ""
    return (
        f"\nThe floor copies {size:,} bytes of lcgen's prose per row, as many as lcgen's rows have, and writes them "
        "with plain pyarrow and the same settings (zstd-1), nothing composed, nothing checked, no other column: "
        f"{short(size / base.each / 1e6)} MB/s, {short(base.each / tokens * 1e9)} ns per token.\n"
    )
