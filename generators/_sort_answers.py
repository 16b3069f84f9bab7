"""What a response says of the order of segments, and how right that is."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator, Mapping, Sequence
from itertools import combinations, islice
from typing import Any

import numpy as np

from lcgen import estimates, grading
from lcgen.contract import Estimate, Row
from lcgen.wording import Wording

SENTENCE = re.compile(r"[\n.!?。！？;；]+")
ANSWER = re.compile(r"(?:final answer|answer|答案)[\s*_]{0,5}(?:is|是|为|[:：=])[\s*_]{0,5}([^\n]*)", re.I)
LINE = 80
"""Characters of the longest line that can be a mere label."""
MARKS = 32
"""Labels in one sentence beyond which it is no answer."""
NEAR = 16
"""Characters over which a word denies what follows."""
ALNUM = "[A-Za-z0-9]"
BOX = re.compile(r"\\boxed\s*\{([^{}]*(?:\{[^{}]*\}[^{}]*)*)\}")
PHRASES = ("called", "earlier", "later", "never", "unsure", "beside", "copula", "goes_on")
"""Macros of words that answers are read with."""


def phrases(wording: Wording) -> dict[str, list[str]]:
    """What the scorer must know of the wording: how a label is called, and how one text is said to come before another."""
    return {macro: wording.choices(macro) for macro in PHRASES}


def tau(said: Sequence[str], gold: Sequence[str]) -> float:
    """Kendall's tau of an order: pairs in order less pairs out of order, over all pairs; one that is not said counts for neither."""
    place = {label: number for number, label in enumerate(said)}
    pairs = [pair for pair in combinations(gold, 2) if pair[0] in place and pair[1] in place]
    agree = sum(1 if place[one] < place[other] else -1 for one, other in pairs)
    return agree / math.comb(len(gold), 2)


def graded(response: str, row: Row) -> dict[str, float]:
    """All metrics of one response."""
    metadata = row["metadata"]
    labels, gold = metadata["labels"], metadata["gold"]
    said = grading.visible(response, row["input"], row["question"])
    for text in metadata["texts"]:
        said = said.replace(text, " ")
    if len(labels) > 2:
        order = _ordered(_final(said), metadata)
        once = len({*order}) == len(order)
        return {
            "score": float(order == gold),
            "kendall_tau": tau(order, gold) if once else 0.0,
            "answered": float(once and {*order} == {*labels}),
        }
    likely = _likelihoods(said, labels)
    label = max(likely, key=lambda one: likely[one]) if likely else _picked(_final(said), metadata)
    if likely and len({*likely.values()}) < 2:
        label = ""
    found = {"score": float(label == gold[0]), "answered": float(bool(label)), "first_label": float(label == labels[0])}
    if likely:
        found["margin"] = likely[gold[0]] - likely[gold[1]]
    return found


def _likelihoods(said: str, labels: Sequence[str]) -> dict[str, float]:
    """A response that gives a log-probability for each label, `{"A": -0.2, "B": -1.9}`; empty where it is none."""
    try:
        found = json.loads(said)
    except (ValueError, RecursionError):
        return {}
    if not isinstance(found, dict) or {*found} != {*labels} or not all(type(value) in (int, float) for value in found.values()):
        return {}
    # Whole numbers may be too large for a float.
    numbers = {label: float(min(max(found[label], -1e300), 1e300)) for label in labels}
    return {} if any(map(math.isnan, numbers.values())) else numbers


def _final(said: str) -> str:
    """What stands in the last box or behind the last "answer:"; all of it where there is neither."""
    ends = [(found.start(), found.end(), found[1]) for found in ANSWER.finditer(said)][-1:]
    ends += [(found.start(), found.end(), found[1]) for found in [BOX.match(said, max(0, said.rfind("\\boxed")))] if found]
    if not ends:
        return said
    _, end, final = max(ends)
    box = BOX.search(final)
    final = re.sub(r"\\(?:text\w*|math\w+)\s*\{([^{}]*)\}", r"\1", box[1] if box else final)
    # What a line promises may stand below it.
    return final if re.search(r"\w", final) else said[end:] if re.search(r"\w", said[end:]) else said


def _picked(said: str, metadata: Mapping[str, Any]) -> str:
    """The label of the segment that a response names as the one asked for; empty where it names none, or both."""
    sentences = SENTENCE.split(said)
    bare = {label for sentence in sentences if (label := _bare(sentence, metadata))}
    if bare:
        return bare.pop() if len(bare) == 1 else ""
    for sentence in reversed(sentences):
        if marks := list(islice(_marks(sentence, metadata), MARKS + 1)):
            return _claimed(sentence, marks, metadata)
    return ""


def _bare(line: str, metadata: Mapping[str, Any]) -> str:
    """The label that is all of a line, but for marks, a number of a list, and what it is called."""
    if len(line) > LINE:
        return ""
    found = re.fullmatch(
        rf"[\W_]*(?:\d{{1,2}}[.)、:：]\s*)?[\W_]*(?:{_any(metadata['called'])})?[\W_]*([A-Za-z])[\W_]*", line, re.I
    )
    return found[1].upper() if found and found[1].upper() in metadata["labels"] else ""


def _marks(sentence: str, metadata: Mapping[str, Any]) -> Iterator[tuple[int, int, str]]:
    """Where labels stand in a sentence, each with its letter, also one that is no segment's: a capital that stands alone, or any letter
    behind what labels are called. A capital that goes on as an article does ("A careful reading") is none.
    """
    name, article = _any(metadata["called"]), re.compile(rf" (?!(?:{_any(metadata['goes_on'])})(?!{ALNUM}))[a-z]")
    for match in re.finditer(
        rf"(?P<name>(?i:{name})[\W_]{{1,4}}|(?i:{name})(?=[A-Z]))?(?<!{ALNUM})(?P<letter>[A-Za-z])(?!{ALNUM})", sentence
    ):
        alone = match["letter"].isupper() and match["letter"] != "I" and not article.match(sentence, match.end())
        if match["name"] or alone:
            yield match.start(), match.end(), match["letter"].upper()


def _claimed(sentence: str, marks: Sequence[tuple[int, int, str]], metadata: Mapping[str, Any]) -> str:
    """The label that a sentence is for: by what it says of each of them, or the only one that it names."""
    labels = metadata["labels"]
    unsure, never = (re.compile(rf"(?<!{ALNUM})(?:{_any(metadata[key])})(?!{ALNUM})", re.I) for key in ("unsure", "never"))
    if len(marks) > MARKS or unsure.search(sentence) or any(label not in labels for _, _, label in marks):
        return ""
    begins = [0, *(end for _, end, _ in marks)]
    denied = {
        label for begin, (start, _, label) in zip(begins, marks) if never.search(sentence[max(begin, start - NEAR) : start])
    }
    stops = [*(start for start, _, _ in marks[1:]), len(sentence)]
    said = [sentence[end:stop] for (_, end, _), stop in zip(marks, stops)]
    beside = re.compile(rf"\W*(?:{_any(metadata['beside'])})\W*", re.I)
    told: list[tuple[str, bool]] = []
    lead, rest, passed = sentence[: marks[0][0]], "", False
    for number, (_, _, label) in enumerate(marks):
        before = _cues(lead, metadata, never)[-1:] if _promises(lead, metadata) else []
        # "A, than B, earlier": what stands behind the second label is said of the first.
        skipped, passed = passed, number + 1 < len(marks) and beside.fullmatch(said[number]) is not None
        rest = said[number + 1] if passed else said[number]
        after = [] if skipped else _cues(rest, metadata, never)
        # What ends with "is" speaks of the label that follows.
        if number + passed + 1 < len(marks) and _promises(rest, metadata):
            after = after[:-1]
        told += [(label, cue) for cue in [*before, *after[:1]] if label not in denied]
        lead = said[number]
    claims = {label if cue == (metadata["ask"] == "first") else labels[1 - labels.index(label)] for label, cue in told}
    settled = claims or {label for _, _, label in marks} - denied
    return settled.pop() if len(settled) == 1 else ""


def _promises(said: str, metadata: Mapping[str, Any]) -> bool:
    """Whether words go on to a label of which they have spoken: "the first is", "first:"."""
    tail = said[-40:].casefold().rstrip(" *_(\"'“")
    return any(
        re.search(rf"{ALNUM}\Z", tail.removesuffix(word)) is None or not word.isalnum()
        for word in metadata["copula"]
        if tail.endswith(word)
    )


def _cues(said: str, metadata: Mapping[str, Any], never: re.Pattern[str]) -> list[bool]:
    """Whether words say earlier (True) or later (False), one for each that does; what they deny is turned round."""
    said = said.casefold()
    meaning = {word.casefold(): True for word in metadata["earlier"]} | {word.casefold(): False for word in metadata["later"]}
    found = list(re.finditer(rf"(?<!{ALNUM})(?:{_any([*meaning])})(?!{ALNUM})", said))
    return [meaning[one[0]] != bool(never.search(said[max(0, one.start() - NEAR) : one.start()])) for one in found]


def _ordered(said: str, metadata: Mapping[str, Any]) -> list[str]:
    """The labels in the order of a response: of its last line with all of them, of a list with one a line, of the last line with any."""
    labels, lines = metadata["labels"], [_line(line, metadata) for line in said.split("\n")]
    for found in reversed(lines):
        if len(found) == len(labels) and {*found} == {*labels}:
            return found
    listed = [label for line in said.split("\n") if (label := _bare(line, metadata))]
    if len(listed) > 1:
        return listed
    return next((found for found in reversed(lines) if len(found) > 1), [])


def _line(line: str, metadata: Mapping[str, Any]) -> list[str]:
    """The labels of one line: "C, A, B", "C > A > B", "CAB"."""
    words = re.findall(r"[^\W_]+", line)
    if len(words) == 1 and len(words[0]) == len(metadata["labels"]):
        return [*words[0].upper()]
    if all(len(word) == 1 and word.isascii() and word.isalpha() for word in words):
        return [word.upper() for word in words]
    return [label for _, _, label in _marks(line, metadata)]


def _any(words: Sequence[str]) -> str:
    """A pattern of any of these words, the longest first; of nothing where there are none."""
    return "|".join(re.escape(word) for word in sorted(words, key=lambda word: (-len(word), word))) or "(?!)"


def figures(rows: Sequence[Row], scores: Mapping[str, np.ndarray]) -> dict[str, Estimate]:
    """Means, and what is none: `order_consistent`, the share of pairs that are right in both orders; `label_bias`, how much more often
    than half the first label is answered; `debiased`, right by the sum of both margins where log-probabilities were given."""
    found = dict(estimates.means(rows, scores))
    own = estimates.units(rows)
    found.pop("first_label", None)
    if "first_label" in scores:
        asked = ~np.isnan(scores["first_label"])
        mine = np.unique(own[asked], return_inverse=True)[1]
        sums = [np.bincount(mine, scores[name][asked]) for name in ("first_label", "answered")]
        found["label_bias"] = estimates.bootstrap(np.stack(sums, -1), lambda drawn: estimates.ratio(drawn) - 0.5)
    pairs: dict[tuple[Any, ...], list[int]] = {}
    for number, row in enumerate(rows):
        if row["metadata"]["twins"]:
            key = (row["config"], row["group_id"], row["metadata"]["pair"], row["metadata"]["condition"])
            pairs.setdefault(key, []).append(number)
    both = np.array([pair for pair in pairs.values() if len(pair) == 2], np.int64).reshape(-1, 2)
    if len(both):
        found["order_consistent"] = estimates.mean(scores["score"][both].prod(-1), own[both[:, 0]])
        if "margin" in scores:
            # What a model holds for a label whatever it stands for is in both margins, once for and once against it.
            margins = scores["margin"][both].sum(-1)
            held = ~np.isnan(margins)
            if held.any():
                found["debiased"] = estimates.mean((margins[held] > 0).astype(float), own[both[held, 0]])
    return found
