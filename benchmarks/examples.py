"""Part 9: examples of integer tokens, fast enough to be made while a model trains on them."""

from __future__ import annotations

from argparse import Namespace
from pathlib import Path

from clock import Command, Marginal, Runner, race
from speed import lcgen
from tables import Claim, Section, short, span, table

PAIRS = ((4, 16), (16, 256), (16, 768))
"""Sizes of the two sets; the claim is about the second."""
WANTED = 200_000
FEW = 2_000


def build(pair: tuple[int, int], verify: str) -> Command:
    """Builds examples of one pair of sizes, Parquet included."""
    short_set, long_set = pair
    sizes = {"size_small": short_set, "size_ratio": long_set // short_set, "style": "tokens", "answer_mode": "intersect_one"}
    chosen = [word for name, value in sizes.items() for word in ("--set", f"{name}={value}")]
    return lambda rows, out: [
        lcgen(), "build", "set_disjointness", *chosen, "--samples", str(rows), "--verify", verify, "--out", str(out / "set"),
    ]  # fmt: skip


def check(args: Namespace, work: Path, env: dict[str, str]) -> Section:
    """What one more example costs, each solved again on its way, and not."""
    many = 52_000 if args.quick else 402_000
    runners = [
        Runner(f"({one}, {two}), verify {mode}", build((one, two), mode), FEW, many)
        for one, two in PAIRS
        for mode in ("auto", "none")
    ]
    found = race(runners, args.repeats, work, env)
    costs = {name: cost for name, cost in found.items() if isinstance(cost, Marginal)}
    lines = [
        [name, short(60 / cost.each), short(cost.each * 1e6), span([cost.low * 1e6, cost.high * 1e6])]
        for name, cost in costs.items()
    ]
    text = (
        "`lcgen build set_disjointness --set style=tokens`, written to Parquet: CPU of one more example, and how many a core "
        "makes in a minute of it. With `--verify auto` every example is checked and solved again.\n\n"
    )
    text += table(["sizes", "examples per minute and core", "CPU µs per example", "lowest–highest"], lines)
    text += "".join(f"\n- {name}: failed, {cost}." for name, cost in found.items() if isinstance(cost, str))
    name = f"({PAIRS[1][0]}, {PAIRS[1][1]}), verify auto"
    claims = []
    if name in costs:
        claims.append(Claim(f"examples of {name}, per minute and core", 60 / costs[name].each, WANTED, "examples", least=True))
    return Section("Examples of integer tokens", text, claims)
