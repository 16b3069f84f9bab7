"""Part 10: what a row of 1m tokens costs in each family of records, held against one encoding of as much text in the same process.

Run as `families.py texts OUT ROUNDS`, then `families.py measure OUT ROUNDS`, with lcgen's Python, it measures and leaves a JSON file; `check` runs it and reports. A row
is drawn, composed and put into columns; the proof (encoding and solving it again) and the writing are reported apart. Last comes the
peak memory of builds of few rows and of many.
"""

from __future__ import annotations

import json
import sys
import time
from argparse import Namespace
from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Any

from clock import spend, tell
from everyday import FLAT, peaks
from tables import Claim, Section, short, table

from lcgen import generators, proof, tokens, wanted
from lcgen.builders.build import makers
from lcgen.builders.rows import RowMaker
from lcgen.builders.writer import GROUP_BYTES, write
from lcgen.spec import Place

VOCABULARY = "o200k_base"
WANTED = 2.0
FAMILIES: dict[str, tuple[str, dict[str, Any]]] = {
    "multi_thread, JSON": ("multi_thread", {}),
    "multi_thread, branched": ("multi_thread", {"variant": "branched"}),
    "multi_thread, 25 conditional": ("multi_thread", {"variant": "conditional", "threads": 25}),
    "phone_book": ("phone_book", {}),
    "phone_book, 32 numbers": ("phone_book", {"k_queries": 32}),
    "phone_book, by surname": ("phone_book", {"order": "surname"}),
    "phone_book, by number": ("phone_book", {"order": "number"}),
    "phone_book, by surname, 32 near": ("phone_book", {"order": "surname", "near_miss": 4, "k_queries": 32}),
    "phone_book, other directories": ("phone_book", {"distractor_text": "both"}),
    "set_disjointness, numbers": ("set_disjointness", {}),
    "set_disjointness, words": ("set_disjointness", {"element": "word"}),
    "set_disjointness, hex codes": ("set_disjointness", {"element": "hex"}),
    "set_disjointness, in proportion": ("set_disjointness", {"padding": "pad_both"}),
    "set_disjointness, other sets": ("set_disjointness", {"padding": "distractor_sets"}),
    "set_disjointness, interleaved": ("set_disjointness", {"order": "interleaved"}),
    "sort_order": ("sort_order", {}),
    "sort_order, 8 segments": ("sort_order", {"segments": 8}),
    "sort_order, no twins": ("sort_order", {"twins": False}),
    "ancestral_trace": ("ancestral_trace", {}),
    "ancestral_trace, chain of 512": ("ancestral_trace", {"chain": 512}),
}
HELD = ("multi_thread, JSON", "phone_book", "set_disjointness, numbers", "sort_order", "ancestral_trace")
"""Families whose builds are weighed in memory: one for each task, with its defaults."""
COUNTS = (2, 24, 72)
"""Rows of these builds. From the second on they are more than a row group of text in each family: fewer grow with what it holds."""


def rows(maker: RowMaker, index: int) -> list[dict[str, Any]]:
    """The rows of one index, in the middle of the depths."""
    return maker.rows(Place(maker.part.lengths[0], maker.part.depths[len(maker.part.depths) // 2], 0, index))


def maker_of(family: str, seed: int) -> RowMaker:
    """What makes the rows of a family."""
    task, params = FAMILIES[family]
    (maker,) = makers(wanted.spec(task, lengths="1m", samples=99, params=params, tokenizer=VOCABULARY, seed=seed)).values()
    assert isinstance(maker, RowMaker)
    return maker


def texts(out: Path, rounds: int) -> None:
    """Writes the prompts of other rows, which the process that measures has never read."""
    for place, family in enumerate(FAMILIES):
        maker = maker_of(family, 1)
        for index in range(rounds):
            out.with_suffix(f".{place}.{index}").write_text(rows(maker, index)[0]["input"], encoding="utf-8")


def measure(out: Path, rounds: int) -> None:
    """Writes one entry for each family."""
    tokenizer = tokens.load(VOCABULARY)
    found = []
    for place, family in enumerate(FAMILIES):
        others = [out.with_suffix(f".{place}.{index}").read_text(encoding="utf-8") for index in range(rounds)]
        found.append({"family": family, **_one(maker_of(family, 0), tokenizer, others)})
    out.write_text(json.dumps(found), encoding="utf-8")


def _one(maker: RowMaker, tokenizer: tokens.Tokenizer, others: Sequence[str]) -> dict[str, Any]:
    # The first one measures the answer budget and probes the vocabulary, once for all rows.
    start = time.process_time()
    rows(maker, 0)
    first, own, encode, proven, written = time.process_time() - start, [], [], [], []
    for index, other in enumerate(others, 1):
        start = time.process_time()
        made = rows(maker, index)
        # Twins are rows of their own.
        own.append((time.process_time() - start) / len(made))
        # The encoder remembers what it has read, so it reads another row, as new to it as this one was.
        start = time.process_time()
        _encode(tokenizer, other)
        encode.append(time.process_time() - start)
        start = time.process_time()
        for row in made:
            proof.encode(row, maker.tokenizer, maker.wrapper)
            proof.solve(row, maker.task, maker.wording)
        proven.append(time.process_time() - start)
        with TemporaryDirectory() as folder:
            start = time.process_time()
            write(Path(folder) / "rows.parquet", iter(made), "parquet")
            written.append(time.process_time() - start)
    return {
        "first": first, "own": median(own), "encode": median(encode), "proof": median(proven), "written": median(written),
        "members": len(made), "bytes": len(made[0]["input"].encode()),
    }  # fmt: skip


def _encode(tokenizer: tokens.Tokenizer, text: str) -> None:
    handle: Any = tokenizer._handle  # type: ignore[attr-defined]
    handle.encode_flat(text)


def check(args: Namespace, work: Path, env: dict[str, str]) -> Section:
    """Runs the measurement in a process of its own."""
    tell("families")
    out = work / "families.json"
    for what in ("texts", "measure"):
        spend([sys.executable, __file__, what, str(out), "3" if args.quick else "7"], env)
    found: list[dict[str, Any]] = json.loads(out.read_text())
    lines = [
        [
            row["family"], *(short(row[name] * 1e3) for name in ("own", "encode")), f"{short(row['own'] / row['encode'])}x",
            *(short(row[name] * 1e3) for name in ("proof", "written", "first")),
        ]
        for row in found
    ]  # fmt: skip
    text = (
        f"CPU ms of one row of 1,048,576 tokens, counted in {VOCABULARY}, against one `encode_flat` of as long a row of the same family in the same process; "
        "medians. Proof is encoding and solving the row again, writing is Parquet; neither is part of the row. The first row also "
        "measures the answer budget and probes the vocabulary.\n\n"
    )
    head = ["family", "row", "`encode_flat`", "ratio", "proof", "writing", "first row"]
    claims = [Claim(f"1m row / one encode_flat: {row['family']}", row["own"] / row["encode"], WANTED, "x") for row in found]
    held, flat = memory({row["family"]: row for row in found}, work, env)
    return Section("Families of records at 1m tokens", f"{text}{table(head, lines)}\n{held}", claims + flat)


def memory(found: Mapping[str, Mapping[str, Any]], work: Path, env: dict[str, str]) -> tuple[str, list[Claim]]:
    """Peak resident memory of builds of few rows and of many."""
    lines, claims = [], []
    _, few, many = COUNTS
    for family in HELD:
        task, row = FAMILIES[family][0], found[family]
        depths = ("--depths", "0.5") if generators.get(task).depths else ()
        held = peaks((task, "--lengths", "1m", "--tokenizer", VOCABULARY, *depths), COUNTS, work, env, row["members"])
        full = few * row["bytes"] / GROUP_BYTES
        assert full > 1, f"{few} rows of {family} do not fill a row group"
        lines.append([family, short(full), *map(short, held.values())])
        claims.append(Claim(f"peak memory, {many} rows − {few} rows, {family}", held[many] - held[few], FLAT, "MB"))
    text = (
        f"Largest resident memory of `lcgen build`, rows of 1m tokens, `--verify auto`, in MB. Text waits until a row group of "
        f"{GROUP_BYTES >> 20} MiB is full: {few} rows fill more than one in each family, 2 rows a part of it.\n\n"
    )
    return text + table(["family", f"row groups of {few} rows", *(f"{rows} rows" for rows in COUNTS)], lines), claims


if __name__ == "__main__":
    {"texts": texts, "measure": measure}[sys.argv[1]](Path(sys.argv[2]), int(sys.argv[3]))
