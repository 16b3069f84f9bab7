"""Reading a phone book by the wording of its entries: the solver, and what a reader might take instead of the right entry."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Callable, Iterator, Mapping, Sequence
from os.path import commonprefix

from lcgen.contract import Shortcut
from lcgen.wording import Wording


def answers(context: str, question: str, wording: Wording) -> Sequence[str]:
    """The answers to a question, found by reading."""
    held: dict[str, list[str]] = {}
    for name, number, correction in read(context, wording):
        held[name] = [number] if correction else [*held.get(name, []), number]
    items = asked(question, wording)
    if not any(item in held for item in items):
        turned: dict[str, list[str]] = {}
        for name, found in held.items():
            for number in found:
                turned.setdefault(number, []).append(name)
        held = turned if any(item in turned for item in items) else {}
    none = wording.pattern("no_answer").search(question)
    missing = [none.group()] if none else []
    # A book that stands twice says everything twice.
    return [value for item in items for value in dict.fromkeys(held.get(item, missing))]


def solved(wording: Wording, entry: tuple[str, str], reverse: bool) -> str:
    """A solved example."""
    return wording.say("complete", item=entry[reverse], value=entry[not reverse])


def read(context: str, wording: Wording) -> Iterator[tuple[str, str, bool]]:
    """Name and number of each line of a book, and whether it is a correction."""
    entry, correction = (
        re.compile(f"^(?:{wording.pattern(block).pattern})$", re.M).finditer(context) for block in ("entry", "correction")
    )
    corrected = {match.start(): match for match in correction}
    for match in entry:
        late = corrected.pop(match.start(), None)
        yield (late or match)["name"], (late or match)["number"], late is not None
    for match in corrected.values():
        yield match["name"], match["number"], True


def asked(question: str, wording: Wording) -> list[str]:
    """What a question asks for."""
    if items := [match["item"] for match in wording.pattern("quoted").finditer(question)]:
        return items
    match = wording.pattern("complete").fullmatch(f"{question} 0")
    return [match["item"]] if match else []


def _shortcut(pick: Callable[[Sequence[tuple[str, str]], Sequence[str]], Sequence[str]]) -> Shortcut:
    """A baseline over the pairs of key and value of a book, without corrections, and the items asked for."""

    def shortcut(context: str, question: str, wording: Wording) -> Sequence[str]:
        items = asked(question, wording)
        pairs = [(name, number) for name, number, late in read(context, wording) if not late]
        if any(any(letter.isdigit() for letter in item) for item in items):
            pairs = [(number, name) for name, number in pairs]
        return pick(pairs, items)

    return shortcut


def _after(pairs: Sequence[tuple[str, str]], items: Sequence[str]) -> list[str]:
    """For each item the value of the key that follows it in the alphabet."""
    ranked = sorted(pairs)
    return [ranked[min(bisect_right(ranked, (item, "\U0010ffff")), len(ranked) - 1)][1] for item in items if ranked]


def _alike(pairs: Sequence[tuple[str, str]], items: Sequence[str]) -> list[str]:
    """For each item the value of the key that is most like it, itself left out: by the letters in common at both ends."""

    def common(item: str, key: str) -> int:
        ends = (len(commonprefix([item, key])), len(commonprefix([item[::-1], key[::-1]])))
        return sum(ends) if item != key else -1

    return [max(pairs, key=lambda pair: common(item, pair[0]))[1] for item in items if pairs]


BASELINES: Mapping[str, Shortcut] = {
    "first_entries": _shortcut(lambda pairs, items: [value for _, value in pairs[: len(items)]]),
    "last_entries": _shortcut(lambda pairs, items: [value for _, value in pairs[-len(items) :]]),
    "next_in_alphabet": _shortcut(_after),
    "most_similar": _shortcut(_alike),
}
