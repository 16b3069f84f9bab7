"""The published grids of threads: Needle Threading's tasks, RULER's variable tracking."""

from __future__ import annotations

from lcgen.contract import Preset, Setting

COUNTS, STEPS = (1, 2, 3, 4, 5, 10, 15, 20, 25), (2, 3, 4, 5, 6, 7, 8, 9, 10, 15, 20, 25)
WAYS = ("forward", "backward", "random")
FROM_2500 = "2500,5000,10000,20000,32000,64000,128000,180000,250000,500000,630000"
FROM_5000 = FROM_2500.partition(",")[2]
ENDS = {
    10: "threads that run forward end late in the text and backward ones early; and all are asked for, so their ends answer without the question"
}
ALL_ASKED = {10: "as published, all threads are asked for: their ends answer without the question"}
FAITHFUL = {"decoys": 0}
OWN = "Our own wording, so scores are not comparable digit for digit; --template takes a published one."

VARIABLES = {
    "variant": "thread", "links": "assignments", "alphabet": "consonants", "width": 5, "direction": "forward", "walk": True,
}  # fmt: skip

PRESETS = {
    "needle_threading": Preset(
        "Needle Threading's tasks over length, depth, number and length of threads, and direction",
        "arXiv:2411.05000",
        {
            "single": Setting({**FAITHFUL, "variant": "single"}, depths="0..1:0.1"),
            "multiple": Setting(
                {**FAITHFUL, "variant": "multiple", "threads": COUNTS, "placement": ("random", "clustered")}, lengths=FROM_5000
            ),
            "conditional": Setting(
                {**FAITHFUL, "variant": "conditional", "threads": COUNTS, "placement": ("random", "clustered")}, lengths=FROM_5000
            ),
            "thread": Setting({**FAITHFUL, "variant": "thread", "thread_length": STEPS, "direction": WAYS}, depths="random", lengths=FROM_2500, breaks=ENDS),
            "multi_thread": Setting(
                {**FAITHFUL, "variant": "multi_thread", "threads": (2, 3, 4, 5), "thread_length": (2, 3, 4, 5, 10), "direction": WAYS},
                depths="random", lengths=FROM_5000,
                breaks=ENDS,
            ),
            "thread_safety": Setting(
                {**FAITHFUL, "variant": "multi_thread", "threads": (5, 10, 15, 20, 25), "thread_length": 3}, samples=10, lengths="20000", breaks=ALL_ASKED
            ),
            "branched": Setting({**FAITHFUL, "variant": "branched", "branching": (2, 3), "thread_length": (2, 3)}, lengths=FROM_2500, breaks=ALL_ASKED),
            "published": Setting({**FAITHFUL, "variant": "single", "alphabet": "published", "pairs": 25}, depths="0..1:0.1"),
        },
        f"1200,{FROM_2500}", 5, None, None,
        f"{OWN} Lengths are exact tokens of the whole row, not of the context, and UUIDs have a version; cells too short for 25 needles "
        "or for 50 pairs on threads are left out. `published` draws the published context (--set pairs=12500 and so on for other sizes). "
        "Scored by rule instead of by a judge. Branched threads are rows of a list, since parsers drop repeated keys of an object. "
        "There are no decoy threads, as published, so that the ends of threads are known without the question; by default we plant one. "
        "The published 100 answer tokens hold four UUIDs and not 25, so budgets are measured; --answer-tokens sets one.",
    ),
    "ruler_vt": Preset(
        "RULER's variable tracking: chains of assignments in a repeated passage",
        "arXiv:2404.06654",
        {
            f"chains_{chains}_hops_{hops}": Setting({**VARIABLES, "thread_length": hops + 1, "decoys": chains - 1}, "noise", "random")
            for chains, hops in ((1, 4), (2, 4), (4, 4), (1, 8))
        },
        "4k..128k", 500, "random", None,
        f"{OWN} No worked example, and the number of variables is not given away. Names are distinct and have no vowels, so none is a word. "
        "RULER's own metric is `recall`, which naming every variable would fill; `score` takes the wrong ones off. "
        "Its 30 answer tokens hold five names and not nine, so budgets are measured; --answer-tokens sets one.",
    ),
}  # fmt: skip
