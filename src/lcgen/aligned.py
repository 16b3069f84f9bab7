"""Answers that give a value for each of several keys: which value goes with which key, whatever the layout.

JSON objects, lines, tables, sentences ("A has 1, B has 2"; "A and B have 1 and 2") and bare lists are read alike: keys and
values are found with their places, and a value belongs to the key that stands next to it. Where no key is named, values go
by order. All is linear in the text, which may be anything. Denials and corrections are those of `grading`.
"""

from __future__ import annotations

import re
import unicodedata
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from typing import Any

from lcgen import grading

NONE = ""
"""A value that says that there is none."""
PLACES = ((1, 1), (2, 2), (3, 4), (5, 8), (9, 16), (17, 32), (33, 64))
"""Places in the answer, from 1, over which accuracy is told."""

_CJK = "\u3400-\u9fff\uf900-\ufaff"
_TOKEN = re.compile(f"[{_CJK}]|[^\\W_{_CJK}]+(?:-[^\\W_{_CJK}]+)*")
_ONE_CJK = re.compile(f"[{_CJK}]").match
_PART = "[ .\\-\u2010-\u2015/()]{0,2}|,? ?(?:ext(?:ension)?|x|转|分机)[.:]? ?"
"""What may stand between two digits of one number."""
_STOP = re.compile(r"[.!?](?=\s|$)|[\n;。；！？]")
BESIDE = 80
"""Characters before and after a value in which it may be denied."""


@dataclass(frozen=True, order=True)
class Hit:
    """A key or a value that was found in a text."""

    start: int
    text: str
    """In the spelling in which it is compared."""
    end: int = field(default=0, compare=False)


def flat(text: str) -> str:
    """The text with decimal digits of all scripts as ASCII."""
    return text if text.isascii() else re.sub(r"\d", lambda digit: str(unicodedata.decimal(digit[0])), text)


def digits(text: str) -> str:
    """The digits of a number, however it is grouped."""
    return re.sub(r"\D", "", text)


def numbers(text: str, width: int) -> list[Hit]:
    """Numbers of so many digits in a flat text, however grouped, and other numbers that are hardly shorter, or longer.

    A number that stands inside a longer one is none.
    """
    whole = re.compile(rf"(?<!\d)(?<!\d[-.])\d(?:(?:{_PART})\d){{{width - 1}}}(?!\d)(?![-.]\d)", re.I)
    other = re.compile(rf"\d(?:[ .-]?\d){{{max(1, width - 2)},}}")
    found = [Hit(match.start(), digits(match[0]), match.end()) for match in whole.finditer(text)]
    rest = whole.sub(lambda match: "_" * len(match[0]), text)
    return sorted([*found, *(Hit(match.start(), digits(match[0]), match.end()) for match in other.finditer(rest))])


def folded(name: str) -> str:
    """A name as it is compared: letters and digits without case, one space between words, none between characters."""
    return _joined([token.casefold() for token in _TOKEN.findall(name)])


def names(text: str, known: Collection[str]) -> list[Hit]:
    """Where whole names (folded, at most four words or characters) stand in a text; the longest where several begin."""
    tokens = [(match.start(), match[0].casefold(), match.end()) for match in _TOKEN.finditer(text)]
    words = [token for _, token, _ in tokens]
    found, at = [], 0
    while at < len(tokens):
        for size in range(min(4, len(tokens) - at), 0, -1):
            if (name := _joined(words[at : at + size])) in known:
                found.append(Hit(tokens[at][0], name, tokens[at + size - 1][2]))
                at += size
                break
        else:
            at += 1
    return found


def _joined(tokens: Sequence[str]) -> str:
    return ("" if tokens and _ONE_CJK(tokens[0]) else " ").join(tokens)


def refusals(text: str, said: Sequence[str]) -> list[Hit]:
    """Where one of some phrases stands, all of which say that there is no value."""
    ranked = sorted(filter(None, said), key=lambda phrase: (-len(phrase), phrase))
    if not ranked:
        return []
    parts = (rf"\b{re.escape(phrase)}\b" if phrase.isascii() else re.escape(phrase) for phrase in ranked)
    return [Hit(match.start(), NONE, match.end()) for match in re.finditer("|".join(parts), text, re.I)]


def claimed(text: str, values: Sequence[Hit]) -> list[Hit]:
    """Those of the values of a text that it does not deny: "not 1", "1 is not the number"; nor takes back: "1, 2; no, not 2"."""
    if not grading.may_deny(text):
        return [*values]

    def words(start: int, end: int) -> str:
        return re.sub("[‘’ʼ＇]", "'", re.sub('[*_"`(“”「」]', "", text[start:end])).casefold()

    held = [
        hit
        for hit, following in zip(values, [*(hit.start for hit in values[1:]), len(text)])
        if hit.text == NONE
        or not grading.denies(
            _STOP.split(words(max(0, hit.start - BESIDE), hit.start))[-1],
            _STOP.split(words(hit.end, min(following, hit.end + BESIDE)))[0],
        )
    ]
    # From the last correction before a denial on, what holds must be named again.
    places, last = grading.corrections(text)[::-1], {hit.text: hit.start for hit in held}
    since: dict[str, int] = {}
    for hit in {*values} - {*held}:
        if at := bisect_right(places, hit.start):
            since[hit.text] = max(since.get(hit.text, 0), places[at - 1])
    return [hit for hit in held if last[hit.text] >= since.get(hit.text, 0)]


def settled(text: str, values: Sequence[Hit], count: int) -> int:
    """Where a text begins to say what holds: behind its last correction that gives at least `count` values; its end where it
    ends in a question that it answers with no, 0 where nothing is taken back."""
    if grading.answered_no(text):
        return len(text)
    starts = [hit.start for hit in values]
    for place in grading.corrections(text):
        if given := len(starts) - bisect_left(starts, place):
            return place if given >= count else 0
    return 0


def final(text: str, values: Sequence[Hit]) -> int:
    """Where the JSON object or list begins that ends a text and holds values; 0 where none does."""
    end = max(text.rfind("}"), text.rfind("]"))
    if end < 0 or not values or any(hit.start > end for hit in values):
        return 0
    depth = 0
    for match in re.finditer(r"[\[\]{}]", text[end::-1]):
        depth += 1 if match[0] in "}]" else -1
        if depth == 0:
            start = end - match.start()
            return start if values[-1].start > start else 0
    return 0


def assign(keys: Sequence[str], key_hits: Sequence[Hit], value_hits: Sequence[Hit]) -> tuple[list[list[str]], list[str]]:
    """For each key the values that a text gives for it, one each time that it names it, and the values that it gives for none.

    By the keys that are named; by order where none is, or where only the first one leads the list.
    """
    given: list[list[str]] = [[] for _ in keys]
    values = [hit.text for hit in value_hits]
    named = {hit.text for hit in key_hits}
    leads = named == {keys[0]} and len(values) > 1 and key_hits[-1].start < value_hits[0].start
    if not named or (leads and len(keys) > 1):
        for place, value in enumerate(values[: len(keys)]):
            given[place].append(value)
        return given, values[len(keys) :]
    events = sorted([*((hit, True) for hit in key_hits), *((hit, False) for hit in value_hits)])
    turned = not events[0][1] and events[-1][1]
    strays: list[str] = []
    for some, told in _pairs(events[::-1] if turned else events):
        # "A and B: 1 and 2" goes by order; before it, the question may have been said again.
        pairs = list(zip(some[-len(told) :], told))
        for key, value in pairs:
            given[keys.index(key)].append(value)
        strays += [value for value in told[len(pairs) :] if not pairs or value != pairs[-1][1]]
    return [entry[::-1] if turned else entry for entry in given], strays


def _pairs(events: Sequence[tuple[Hit, bool]]) -> Iterator[tuple[list[str], list[str]]]:
    """Runs of keys, each with the run of values behind it."""
    some: list[str] = []
    for is_key, run in groupby(events, key=lambda event: event[1]):
        texts = [hit.text for hit, _ in run]
        if is_key:
            some = texts
        else:
            yield some, texts
            some = []


@dataclass(frozen=True)
class Judgement:
    """What is right of the values that were given for keys."""

    slots: Sequence[str | None]
    """The value that holds for each key; None where none was given."""
    right: Sequence[bool]
    missed: Sequence[str]
    """The wrong values, those given for no key included."""
    cost: int
    """Different values that are right nowhere, and refusals beside a value: what naming more than is asked for costs."""
    returned: int
    """Values given, however often, each key's once."""

    @property
    def score(self) -> float:
        """Share of right values, less what others cost."""
        return max(0.0, sum(self.right) - self.cost) / len(self.right)


def judge(gold: Sequence[str], given: Sequence[Sequence[str]], strays: Sequence[str]) -> Judgement:
    """Holds what was assigned against the right values. What is said of a key last holds."""
    slots = [some[-1] if some else None for some in given]
    right = [value == wanted for value, wanted in zip(slots, gold)]
    settled = {wanted for wanted, hit in zip(gold, right) if hit}
    wrong = {value for some in (*given, strays) for value in some if value} - settled
    missed = [value for value, hit in zip(slots, right) if value and not hit] + [value for value in strays if value in wrong]
    cost = len(wrong) + strays.count(NONE) + sum(NONE in some and any(some) for some in given)
    return Judgement(slots, right, missed, cost, sum(map(bool, [*slots, *strays])))


def stated(row: Mapping[str, Any], written: Callable[[str], str]) -> set[str]:
    """The values of all lines of a row's context that are worded like its planted ones, the shortest wording; decoys are other lines."""
    told = [piece for piece in row["evidence"] if piece["role"] != "decoy"]
    piece = min(told, key=lambda piece: len(piece["text"]) - len(piece["key"]) - len(piece["value"]))
    key, value, form = (re.escape(piece[name]) for name in ("key", "value", "text"))
    form = form.replace(key, "[^\n]+?", 1).replace(value, "([^\n]+?)", 1)
    context = row["input"][row["context_start"] : row["context_end"]]
    return {written(found) for found in re.findall(f"^{form}$", context, re.M)}


def spread(right: Sequence[bool], asked: Sequence[str], evidence: Sequence[Mapping[str, Any]]) -> dict[str, float]:
    """Shares of right values by place in the answer, and by the quarter of the context in which they stand."""
    depths = {piece["key"]: piece["depth"] for piece in evidence if piece["role"] == "gold" and piece["copy"] == 0}
    found: dict[str, list[bool]] = {}
    for place, (item, hit) in enumerate(zip(asked, right), 1):
        low, high = next((low, high) for low, high in PLACES if low <= place <= high)
        found.setdefault(f"place_{low}" if low == high else f"place_{low}_{high}", []).append(hit)
        if item in depths:
            found.setdefault(f"quarter_{bisect_right((0.25, 0.5, 0.75), depths[item]) + 1}", []).append(hit)
    return {name: sum(hits) / len(hits) for name, hits in found.items()}
