"""Part 11: what it costs to score a long document, held against one pass of the word splitter over it.

Run as `documents.py OUT ROUNDS` with lcgen's Python, it measures and leaves a JSON file; `check` runs it and reports.
"""

from __future__ import annotations

import json
import re
import sys
import time
from argparse import Namespace
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import Any

from clock import spend, tell
from tables import Claim, Section, short, table

import lcgen
from lcgen import grading
from lcgen.generators import get

ENTRIES = 365
TIMES = (1, 2, 4, 8)
"""How often the document stands in a reply."""
WANTED, LINEAR = 20.0, 1.5


def replies(row: dict[str, Any]) -> dict[str, Callable[[int], str]]:
    """Replies of as many documents, by what they are."""
    whole: str = row["reference_output"]
    everything = " ".join(event["event"] for event in row["metadata"]["events"])
    marked = re.sub(r"([.。])\s", rf"\1 {everything}\1\n", whole)
    return {"complying": lambda times: whole * times, "everything in every sentence": lambda times: marked * times}


def measure(out: Path, rounds: int) -> None:
    """Writes one entry for each reply and size: CPU of `score` and of one pass of `grading.words`."""
    found, task = [], get("golden_thread")
    for lang in ("en", "zh"):
        (row,) = lcgen.generate("golden_thread", lengths="32k", lang=lang, params={"entries": ENTRIES}, samples=1)
        for name, make in replies(row).items():
            for times in TIMES:
                said = make(times)
                score, words = [], []
                for _ in range(rounds):
                    start = time.process_time()
                    task.score(said, row)
                    score.append(time.process_time() - start)
                    start = time.process_time()
                    grading.words(said)
                    words.append(time.process_time() - start)
                found.append(
                    {
                        "lang": lang,
                        "reply": name,
                        "times": times,
                        "size": len(said),
                        "score": median(score),
                        "words": median(words),
                    }
                )
    out.write_text(json.dumps(found), encoding="utf-8")


def check(args: Namespace, work: Path, env: dict[str, str]) -> Section:
    """Runs the measurement in a process of its own."""
    tell("documents")
    out = work / "documents.json"
    spend([sys.executable, __file__, str(out), "5" if args.quick else "15"], env)
    found: list[dict[str, Any]] = json.loads(out.read_text())
    lines = [
        [
            f"{one['lang']}, {one['reply']}", str(one["times"]), f"{one['size']:,}", short(one["score"] * 1e3), short(one["words"] * 1e3),
            f"{short(one['score'] / one['words'])}x", short(one["score"] / one["size"] * 1e9),
        ]
        for one in found
    ]  # fmt: skip
    text = (
        f"`golden_thread`: CPU of scoring one reply to a row of 32k tokens and {ENTRIES} entries, against one pass of the word splitter "
        "(`grading.words`) over the same reply; the document stands in it once and more often. Medians.\n\n"
    )
    head = ["reply", "documents", "characters", "score CPU ms", "splitter CPU ms", "ratio", "ns per character"]
    once = {one["lang"]: one["score"] / one["words"] for one in found if one["reply"] == "complying" and one["times"] == 1}
    each = [one["score"] / one["size"] for one in found]
    growth = max(many / few for few, many in zip(each[:: len(TIMES)], each[len(TIMES) - 1 :: len(TIMES)]))
    claims = [
        Claim(f"score of a 32k document / one pass of the splitter, {lang}", ratio, WANTED, "x") for lang, ratio in once.items()
    ]
    claims.append(Claim("score per character, eight documents / one", growth, LINEAR, "x"))
    return Section("Scoring of long documents", text + table(head, lines), claims)


if __name__ == "__main__":
    measure(Path(sys.argv[1]), int(sys.argv[2]))
