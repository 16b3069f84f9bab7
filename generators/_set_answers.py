"""What a response says of two sets, and how right that is."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from lcgen import estimates, grading
from lcgen.contract import Estimate, Row
from lcgen.grading.values import fold, unlisted
from lcgen.wording import Wording

SENTENCE, CLAUSE = re.compile(r"[\n.!?。;]+"), re.compile(r"[\n.!?。;:(]+")
"""Where sentences end in a folded text; a count and the elements that it counts stand in two clauses of one sentence."""
CJK = "\u4e00-\u9fff"
LETTER = rf"[^\W\d_{CJK}]"
SHAPES = {
    "number": r"\d{%d}", "code": r"[A-Z2-7]{%d}", "hex": r"[0-9a-f]{%d}", "email": r"[a-z.]+@[a-z.]+[a-z]",
    "word": rf"{LETTER}+-{LETTER}+|[{CJK}]{{3,8}}", "name": rf"{LETTER}+ {LETTER}+|[{CJK}]{{2,4}}",
}  # fmt: skip
"""What elements look like, by kind; %d stands for their width."""
PLAIN = ("word", "name")
"""Kinds that look like other words: inside a sentence only those count that stand in a set."""
BORDER = re.compile(r"\s*[{}\[\](),，、;；:：\n]\s*")
"""What parts elements of a set, and tags from them."""


def phrases(mode: str, wording: Wording) -> dict[str, Any]:
    """What the scorer must know of the wording: each label and the ways to say it, idle phrases that hold one, ways to say none."""
    labels: list[list[str]] = []
    if mode == "decide":
        labels = [[wording.say(word), *wording.choices(f"{word}_said")] for word in ("yes", "no")]
    elif mode == "count":
        labels = [[str(number), *words.split("/")] for number, words in enumerate(wording.choices("numbers"))]
    lists = not labels
    return {
        "labels": labels,
        "idle": wording.choices("idle") if mode == "decide" else [],
        "denials": [] if lists else wording.choices("denials"),
        "nothing": wording.say("nothing") if lists else "",
        "refusals": wording.choices("refusals") if lists else [],
    }


def graded(response: str, row: Row) -> dict[str, float]:
    """All metrics of one response."""
    said = grading.visible(response, row["input"], row["question"])
    return _labelled(said, row) if row["metadata"]["labels"] else _listed(said, row)


def _labelled(said: str, row: Row) -> dict[str, float]:
    metadata = row["metadata"]
    count = metadata["answer_mode"] == "count"
    labels = {ways[0]: ways for ways in metadata["labels"]}
    label = heard(said, labels, metadata["idle"], metadata["denials"], alone=count)
    right = float(label == row["outputs"][0])
    found = {"score": right, "answered": float(bool(label))}
    if metadata["answer_mode"] == "decide":
        found["positive"] = float(label == metadata["labels"][0][0])
    return found


def heard(
    said: str, labels: Mapping[str, Sequence[str]], idle: Sequence[str] = (), denials: Sequence[str] = (), *, alone: bool = False
) -> str:
    """The label that the last sentence with any says; empty where it says several, or none says one.

    A phrase counts as a whole word; one of a single ideograph only where it is the whole sentence. Behind a word of
    `denials` it says the other of two labels, or none of more. `alone`: clauses that say several are passed over, since
    a count may stand beside a list of what it counts.
    """
    meaning = {phrase.casefold(): label for label, ways in labels.items() for phrase in ways} | {p.casefold(): "" for p in idle}
    other = dict(zip(labels, reversed(list(labels)))) if len(labels) == 2 else {}
    pattern = re.compile(
        rf"(?<![A-Za-z0-9_-])(?:(?P<denial>{_any(denials)})(?:(?<=[A-Za-z])[\s\"'*_`]{{1,4}}|(?<![A-Za-z])[\s\"'*_`]{{0,4}})(?!(?P=denial)(?![A-Za-z])))?"
        rf"(?P<phrase>{_any(phrase for phrase in meaning if len(phrase) > 1 or phrase.isascii())})(?![A-Za-z0-9_-])"
    )
    text = re.sub(r"(?<![\d.])(\d+)\.0+(?![\d.]*\d)", r"\1", unlisted(fold(said)))
    for sentence in reversed((CLAUSE if alone else SENTENCE).split(re.sub(r"\d+\.\d+", " ", text))):
        bare = re.sub(r"^\W+|\W+$", "", sentence)
        found = {meaning[bare]} if len(bare) == 1 and not bare.isascii() and bare in meaning else set()
        for match in pattern.finditer(sentence):
            label = meaning[match["phrase"]]
            found.add(other.get(label, "") if match["denial"] else label)
        found.discard("")
        if len(found) == 1 or (found and not alone):
            return found.pop() if len(found) == 1 else ""
    return ""


def _any(phrases: Iterable[str]) -> str:
    """A pattern of any of these, the longest first; of nothing where there are none."""
    return "|".join(re.escape(phrase) for phrase in sorted(map(str.casefold, phrases), key=lambda p: (-len(p), p))) or "(?!)"


def _listed(said: str, row: Row) -> dict[str, float]:
    metadata, outputs, params = row["metadata"], row["outputs"], row["params"]
    absent = outputs == [metadata["nothing"]]
    gold = {grading.normal(output) for output in outputs}
    shape, context = (
        SHAPES[params["element"]].replace("%d", str(params["width"])),
        row["input"][row["context_start"] : row["context_end"]],
    )
    items = [re.fullmatch(shape, item) for item in grading.items(said)]
    if params["element"] in PLAIN:
        # Of a text only the sentences of the sets count; all words of a list do, if it is nothing but a list.
        held = "\n".join(piece["text"] for piece in row["evidence"]) if params["padding"] == "haystack" else context
        named = _standing(said, shape, held) | ({item[0] for item in items if item} if all(items) else set())
    else:
        inside = re.findall(rf"(?<![A-Za-z0-9_@.-])(?:{shape})(?![A-Za-z0-9_@-])", said)
        named = {*inside, *(item[0] for item in items if item)}
    wrong = {element for element in named if grading.normal(element) not in gold and element != metadata["nothing"]}
    planted = {piece["value"] for piece in row["evidence"] if piece["value"] and piece["value"] in said}
    rivals = {value for value in {*wrong, *planted} if grading.normal(value) not in gold}
    found = grading.judge(
        said,
        outputs,
        sorted(rivals),
        prompt=row["input"],
        no_answer=metadata["nothing"],
        refusals=metadata["refusals"] if absent else (),
    )
    hits = found["recall"] * len(gold)
    precision = hits / max(1.0, hits + len(wrong))
    invented = sum(element not in context for element in wrong)
    found |= {
        "precision": precision, "f1": 2 * precision * found["recall"] / max(1e-12, precision + found["recall"]),
        "hallucination": invented / max(1.0, hits + len(wrong)), "answered": float(bool(named) or found["recall"] > 0),
    }  # fmt: skip
    if metadata["answer_mode"] == "intersect_one":
        # Whoever names any element of the short set is right in one of so many rows that share one.
        found["uplift"] = found["score"] - (0.0 if absent else 1 / metadata["size_short"])
    return found


def _standing(said: str, shape: str, sets: str) -> set[str]:
    """The elements of some sets that a text names anywhere, also where other words of the same look stand next to them."""
    # The words before a brace name a set.
    held = {element.casefold(): element for element in BORDER.split(re.sub(r"(?m)^[^\n{]*\{", "", sets))}
    # Without spaces between words nothing says where one begins.
    runs = [rf"(?<!{LETTER})(?=({shape})(?!{LETTER}))", *(rf"(?=([{CJK}]{{{size}}}))" for size in range(2, 9))]
    return {held[found] for run in runs for found in map(str.casefold, re.findall(run, said)) if found in held}


def figures(rows: Sequence[Row], scores: Mapping[str, np.ndarray]) -> dict[str, Estimate]:
    """Means, and what is none: agreement on the label, and what order and repetition change within groups of twins."""
    found = dict(estimates.means(rows, scores))
    own = estimates.units(rows)
    decide = np.array([row["metadata"]["answer_mode"] == "decide" for row in rows], bool)
    if "positive" in scores and decide.all():
        positive, answered = scores["positive"], scores["answered"]
        labels = [row["metadata"]["shared"] > 0 for row in rows]
        said = {True: positive, False: answered - positive}
        found |= {
            "balanced_accuracy": estimates.balanced_accuracy(labels, said, own),
            "matthews": estimates.matthews(labels, said, own),
        }
    groups = [row["group_id"] for row in rows]
    lengths = np.array([row["length"] for row in rows], float)
    twice = np.array([row["metadata"]["copies"] > 1 for row in rows], bool)
    first = np.array([row["metadata"]["order"] == "short_first" for row in rows], bool)
    for name, values, mask in (
        ("order_gap", scores["score"], first),
        ("repetition_gain", scores["score"], twice),
        ("repetition_tokens", lengths, twice),
    ):
        if (gap := estimates.gap(values, groups, mask, own)).n:
            found[name] = gap
    return found
