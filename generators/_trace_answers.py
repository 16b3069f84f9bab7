"""What an ancestral trace makes of responses: scores of a row, and figures over the rows of several chains."""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Mapping, Sequence

import numpy as np

from lcgen import estimates, grading
from lcgen.contract import Estimate, Row


def graded(response: str, row: Row) -> dict[str, float]:
    meta, outputs, prompt = row["metadata"], row["outputs"], row["input"]
    # A question that is said again before the answer names no answer.
    said = grading.visible(response.replace(prompt, " ").replace(row["question"], " "), prompt)
    said = _final(said, meta["marker"])
    # A digit that touches a name makes another one of it, also in a script without spaces.
    names = "|".join(re.escape(output) for output in outputs if not output.isdecimal())
    said = re.sub(rf"(?:{names})\d+|\d+(?:{names})", " ", said) if names else said
    listed = {*grading.items(said)}
    people = {name for piece in row["evidence"] for name in (piece["key"], piece["value"])}
    strangers = {item for item in listed - people if _like(item, meta["people"][0]) and item in prompt}
    numbers = set(re.findall(r"\d+", said)) if meta["ask"] == "distance" else set()
    rivals = (people | strangers | numbers) - {*outputs}
    # Who is asked about may be named in a sentence; in a mere list of names it is an answer.
    free = [] if listed <= rivals | {*outputs} else meta["people"]
    found = grading.judge(said, outputs, sorted(rivals), prompt=prompt, ordered=meta["path"], allowed=free)
    if meta["path"]:

        def breaks(count: int) -> bool:
            return grading.judge(said, outputs[:count], ordered=True)["recall"] < 1

        right = bisect_left(range(1, len(outputs) + 1), True, key=breaks)
        found["prefix"] = right / len(outputs)
        found["answer"] = float(grading.judge(said, outputs[-1:])["recall"])
    return found


def _final(said: str, marker: str) -> str:
    """What stands in the last box or behind the last marker of the answer; all of it where there is neither."""
    words = "|".join(re.escape(word) for word in {"answer", "答案", marker.strip().rstrip(":：").lower()} if word)
    at, found = -1, said
    for line in re.finditer(rf"(?:{words})[\s*_]{{0,5}}[:：][*_]{{0,5}}[^\S\n]*([^\n]*)", said, re.I):
        at, found = line.start(), line[1].strip() or said[line.end() :].strip()
    box = said.rfind("\\boxed{")
    if box > at:
        depth, end = 1, box + len("\\boxed{")
        while end < len(said) and depth:
            depth += {"{": 1, "}": -1}.get(said[end], 0)
            end += 1
        found = "" if depth else said[box + len("\\boxed{") : end - 1]
    return re.sub(r"\\(?:boxed|text\w*|math\w+)\s*\{([^{}]*)\}", r"\1", found).replace("~", " ").replace("\\ ", " ")


def _like(item: str, name: str) -> bool:
    """Whether an item is formed as a name is: as many words, as many letters where they have no spaces, and none in small letters."""
    words = item.split()
    return len(words) == len(name.split()) and not item.islower() and (len(words) > 1 or len(item) == len(name))


def figures(rows: Sequence[Row], scores: Mapping[str, np.ndarray]) -> dict[str, Estimate]:
    """The means; over several chains also NeedleBench's figures: `enl_50`, the longest chain of which half are solved (0: none), and
    `weighted`, the mean in which a chain counts by its relations."""
    found = dict(estimates.means(rows, scores))
    chains = np.array([row["metadata"]["chain"] for row in rows], np.int64)
    lengths, of_row = np.unique(chains, return_inverse=True)
    held = ~np.isnan(scores["score"])
    if len(lengths) < 2 or not held.any():
        return found
    units = np.unique(estimates.units(rows)[held], return_inverse=True)[1]
    cells, size = units * len(lengths) + of_row[held], (int(units.max()) + 1) * len(lengths)
    right, asked = np.bincount(cells, scores["score"][held], size), np.bincount(cells, minlength=size)
    flat = np.concatenate([right.reshape(-1, len(lengths)), asked.reshape(-1, len(lengths))], 1)

    def shares(drawn: np.ndarray) -> np.ndarray:
        right, asked = drawn[..., : len(lengths)], drawn[..., len(lengths) :]
        found: np.ndarray = np.divide(right, asked, out=np.zeros(right.shape), where=asked > 0)
        return found

    found["enl_50"] = estimates.bootstrap(flat, lambda drawn: np.where(shares(drawn) >= 0.5, lengths, 0).max(-1).astype(float))
    found["weighted"] = estimates.bootstrap(flat, lambda drawn: shares(drawn) @ lengths / lengths.sum())
    return found
