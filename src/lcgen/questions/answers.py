"""Numbered answers in one long reply, held against the right ones and put into figures."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from lcgen.questions.arithmetic import number
from lcgen.questions.replies import MARK, OPTIONS, read, said_letter, said_number

FAILED = "first_failure"


@dataclass(frozen=True)
class Item:
    """One question that was asked."""

    number: int
    answer: str
    letters: str = ""
    """Letters of its options; empty where the answer is a number."""
    source: str = ""
    after: int | None = None
    """The number whose answer it builds on."""


def right(item: Item, body: str) -> bool:
    """Whether the body of an answer comes to the right one."""
    said = _said(item, body)
    if item.letters or said is None:
        return said == item.answer
    return number(said) is not None and number(said) == number(item.answer)


def _said(item: Item, body: str) -> str | None:
    return said_letter(body, item.letters) if item.letters else said_number(body)


def _first(items: Sequence[Item], said: str) -> tuple[dict[int, str], list[int], bool]:
    """Of each number that was asked the first body that holds anything; all numbers in their order; and whether the answers stood
    under a word. Where one question was asked alone, a reply without numbers is its answer."""
    known = {item.number for item in items}
    bodies, worded = read(said, [*known], {item.number: item.after for item in items if item.after is not None})
    first: dict[int, str] = {}
    for key, body in bodies:
        if key in known and not first.get(key, "").strip():
            first[key] = body
    if not bodies and len(items) == 1:
        options = [*OPTIONS.finditer(said)]
        alone = said[options[-1].end() :] if options else said
        if _said(items[0], alone) is not None:
            return {items[0].number: alone}, [items[0].number], False
    return first, [key for key, _ in bodies], worded


def figures(items: Sequence[Item], said: str) -> dict[str, float]:
    """What a reply is worth: every share is of all that was asked, but `answered_accuracy`, which is of what was answered.

    `score` and `accuracy`: right ones. `completion`: numbers that came up. `format_rate`: those under a word and with an `answer is`
    or its like. `duplicate_rate`: answers under a number that came before. `extra_rate`: those under a number that was
    not asked. `order_violations`: numbers that came after a later one. `decile_1` .. `decile_10`: accuracy by place in the list.
    `first_failure`: place of the first that is not right, from 1; one behind the last where all are. `accuracy_SOURCE` where
    several sources are mixed. Of a number that stands twice the first that says anything counts.
    """
    place = {item.number: at for at, item in enumerate(items)}
    first, keys, worded = _first(items, said)
    marks = [item.number in first and right(item, first[item.number]) for item in items]
    count = len(items)
    seen = [place[key] for key in first]
    known = sum(key in place for key in keys)
    found = {
        "score": sum(marks) / count,
        "accuracy": sum(marks) / count,
        "completion": len(first) / count,
        "format_rate": sum(worded and MARK.search(body) is not None for body in first.values()) / count,
        "duplicate_rate": min(1.0, (known - len(first)) / count),
        "extra_rate": min(1.0, (len(keys) - known) / count),
        "order_violations": sum(after < before for before, after in zip(seen, seen[1:])) / count,
        FAILED: float(next((at for at, mark in enumerate(marks, 1) if not mark), count + 1)),
    }
    if first:
        found["answered_accuracy"] = sum(marks) / len(first)
    for tenth in range(10):
        if part := [mark for at, mark in enumerate(marks) if at * 10 // count == tenth]:
            found[f"decile_{tenth + 1}"] = sum(part) / len(part)
    sources = Counter(item.source for item in items)
    if len(sources) > 1:
        for source, asked in sources.items():
            found[f"accuracy_{source}"] = sum(mark for mark, item in zip(marks, items) if item.source == source) / asked
    return found
