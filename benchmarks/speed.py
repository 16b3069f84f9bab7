"""Parts 1 to 3: what one more row costs, here, elsewhere, and at the least."""

from __future__ import annotations

import json
import sys
from argparse import Namespace
from pathlib import Path

import peers
from clock import Command, Marginal, Runner, race
from tables import Claim, Section, short, table

FLOOR = "floor"
WANTED = (
    (peers.RULER, "auto", 100),
    (peers.SINGLE, "auto", 30),
    (peers.HAYSTACK2, "auto", 3),
    (peers.RULER, "full", 30),
)
MODES = ("none", "auto", "full")
DEPTHS = 11


def lcgen() -> str:
    """The command `lcgen` of this Python."""
    return str(Path(sys.executable).with_name("lcgen"))


def build(length: str, verify: str, tokenizer: str, workload: str = "needle") -> Command:
    """Builds rows of one length over 11 depths; the number of rows is a multiple of 11."""
    return lambda rows, out: [
        lcgen(), "build", workload, "--lengths", length, "--depths", "0..1:0.1", "--samples", str(rows // DEPTHS), "--verify", verify,
        "--tokenizer", tokenizer, "--out", str(out / "set"),
    ]  # fmt: skip


def floor(work: Path, size: int) -> Command:
    """Copies and writes as many rows of as many bytes."""
    script = str(Path(__file__).with_name("floor.py"))
    return lambda rows, out: [
        sys.executable,
        script,
        str(work / "pool.txt"),
        str(size),
        str(rows),
        str(out / "floor.parquet"),
    ]


def rows_128k(args: Namespace, work: Path, env: dict[str, str], others: peers.Peers) -> Section:
    """Parts 1 and 2 at 128k: all in one race, one vocabulary for all."""
    size = json.loads((work / "facts.json").read_text())["bytes"]["128k cl100k_base"]
    many = 55 if args.quick else 440
    own = [
        Runner(f"lcgen, verify {mode}", build("128k", mode, "cl100k_base"), 11, 55 if mode == "full" else many)
        for mode in MODES
    ]
    own.append(Runner("lcgen, verify auto, o200k_base", build("128k", "auto", "o200k_base"), 11, many))
    own.append(Runner(FLOOR, floor(work, size), 11, 110 if args.quick else 880))
    found = race([*own, *others.runners], args.repeats, work, env)
    skipped = {**others.skipped, **{name: cost for name, cost in found.items() if isinstance(cost, str)}}
    costs = {name: cost for name, cost in found.items() if isinstance(cost, Marginal)}
    ours = {mode: costs.get(f"lcgen, verify {mode}") for mode in MODES}
    lines = [
        [name, short(cost.each * 1e3), f"{short(cost.low * 1e3)}–{short(cost.high * 1e3)}", short(cost.start),
         *(f"{short(cost.each / base.each)}x" if base else "–" for base in ours.values())]
        for name, cost in costs.items()
    ]  # fmt: skip
    head = [
        "generator",
        "CPU ms per row",
        "lowest–highest",
        "start-up CPU s",
        *(f"divided by lcgen {mode}" for mode in MODES),
    ]
    text = (
        "CPU of one more row of 131,072 tokens: (CPU of many rows − CPU of few) / rows between; medians of "
        f"{args.repeats} interleaved rounds. All count in cl100k_base unless named; lcgen and the floor write Parquet. Start-up is the same "
        "line at no rows: imports, vocabulary, corpus, and RULER's search for the length.\n\n" + table(head, lines)
    )
    text += "".join(f"\n- {name}: skipped, {why}." for name, why in skipped.items())
    text += "".join(f"\n- {note}" for note in others.notes) + "\n"
    claims = []
    for name, mode, wanted in WANTED:
        peer, base = costs.get(name), ours[mode]
        if peer and base:
            claims.append(
                Claim(f"128k row: {name} / lcgen verify {mode}", peer.each / base.each, wanted, "x", least=True)
            )
    return Section("One more 128k row", text + _floor(costs, size, 131_072), claims)


def rows_1m(args: Namespace, work: Path, env: dict[str, str]) -> Section:
    """Parts 2 and 3 at 1m."""
    size = json.loads((work / "facts.json").read_text())["bytes"]["1m o200k_base"]
    many = 22 if args.quick else 66
    runners = [Runner(f"lcgen, verify {mode}", build("1m", mode, "o200k_base"), 11, many) for mode in MODES[:2]]
    found = race([*runners, Runner(FLOOR, floor(work, size), 11, 2 * many)], args.repeats, work, env)
    costs = {name: cost for name, cost in found.items() if isinstance(cost, Marginal)}
    base = costs.get(FLOOR)
    lines = [
        [name, short(cost.each * 1e3), f"{short(cost.low * 1e3)}–{short(cost.high * 1e3)}", short(cost.each / 1_048_576 * 1e9),
         f"{short(cost.each / base.each)}x" if base else "–"]
        for name, cost in costs.items()
    ]  # fmt: skip
    text = "CPU of one more row of 1,048,576 tokens, counted in o200k_base, otherwise as above.\n\n"
    text += table(["generator", "CPU ms per row", "lowest–highest", "CPU ns per token", "divided by the floor"], lines)
    text += "".join(f"\n- {name}: failed, {cost}." for name, cost in found.items() if isinstance(cost, str))
    claims = []
    if base and "lcgen, verify none" in costs:
        claims.append(
            Claim("1m row: lcgen verify none / floor", costs["lcgen, verify none"].each / base.each, 1.5, "x")
        )
    return Section("One more 1m row", text + _floor(costs, size, 1_048_576), claims)


def _floor(costs: dict[str, Marginal], size: int, tokens: int) -> str:
    base = costs.get(FLOOR)
    if base is None:
        return ""
    return (
        f"\nThe floor copies {size:,} bytes of the same prose per row and writes them with plain pyarrow and the same settings "
        f"(zstd-1), nothing composed or checked: {short(size / base.each / 1e6)} MB/s, {short(base.each / tokens * 1e9)} ns per token.\n"
    )
