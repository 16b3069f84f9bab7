"""Reading the pairs of a context and following them: the solver, and what a reader might take instead of the end of a thread."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence

from lcgen.contract import Shortcut
from lcgen.errors import CheckFailed
from lcgen.wording import Wording


def answers(context: str, question: str, wording: Wording) -> Sequence[str]:
    """The answers to a question, found by following the pairs. Raises CheckFailed where they lead nowhere certain."""
    pairs = list(_read(context, wording))
    if condition := wording.pattern("ask_condition").search(question):
        return [value for key, value in pairs if condition["sign"] in key]
    links: dict[str, list[str]] = {}
    for key, value in pairs:
        links.setdefault(key, []).append(value)
    forked = wording.pattern("longest").search(question)
    for key, values in links.items():
        if len(values) > 1 and not forked:
            raise CheckFailed(f"The key {key} stands {len(values)} times, with {values[0]} and {values[1]}.")
    every = wording.pattern("every").search(question) or wording.pattern("assignment").search(context)
    answers: list[str] = []
    for start in sorted((key for key in links if key in question), key=question.index):
        thread = _longest(start, links)
        answers += thread if every else thread[-1:]
    return answers


def _read(context: str, wording: Wording) -> Iterator[tuple[str, str]]:
    """All pairs of a context, from JSON, whose repeated keys are kept, or from sentences."""
    if context[:1] in ("{", "["):
        try:
            yield from json.loads(context, object_pairs_hook=list)
            return
        except (ValueError, RecursionError):
            pass  # a text that begins with a bracket
    for block in ("link", "assignment"):
        for found in wording.pattern(block).finditer(context):
            yield found["key"], found["value"]


def _longest(start: str, links: Mapping[str, Sequence[str]]) -> list[str]:
    """The values on the longest way from a key. Raises CheckFailed where two are as long, or one has no end."""
    ways, best, ties = [[start]], [start], 0
    while ways:
        way = ways.pop()
        if len(way) > len(best) or len(way) == len(best) > 1:
            ties = len(way) == len(best)
            best = way
        for value in links.get(way[-1], ()):
            if value in way:
                raise CheckFailed(f"The way from {start} comes back to {value}.")
            ways.append([*way, value])
    if ties:
        raise CheckFailed(f"Two ways from {start} have {len(best) - 1} pairs.")
    return best[1:]


def walked(said: str, key: str, thread: Sequence[str]) -> bool:
    """Whether a response goes from a key along all values of its thread, in their order, and comes back to none but the last."""
    said, at = said.casefold(), -1
    for value in (key, *thread):
        at = said.find(value.casefold(), at + 1)
        if at < 0:
            return False
    end = said.rfind(thread[-1].casefold())
    return all(said.rfind(value.casefold()) < end for value in thread[:-1])


def _by_place(pick: int) -> Shortcut:
    def shortcut(context: str, question: str, wording: Wording) -> Sequence[str]:
        values = [value for _, value in _read(context, wording)]
        return values[pick : pick + 1 or None]

    return shortcut


def _one_hop(context: str, question: str, wording: Wording) -> Sequence[str]:
    """The values of the keys asked for, where these are keys too."""
    links = dict(_read(context, wording))
    return [links[key] for key in links if key in question and links[key] in links]


def _next_pair(context: str, question: str, wording: Wording) -> Sequence[str]:
    """The value that stands behind the pair of each key asked for."""
    pairs = list(_read(context, wording))
    return [after for (key, _), (_, after) in zip(pairs, pairs[1:]) if key in question]


def _majority(context: str, question: str, wording: Wording) -> Sequence[str]:
    return [value for value, _ in Counter(value for _, value in _read(context, wording)).most_common(1)]


def _every_value(context: str, question: str, wording: Wording) -> Sequence[str]:
    return [value for _, value in _read(context, wording)]


def _chain_ends(context: str, question: str, wording: Wording) -> Sequence[str]:
    """The ends of all threads, whichever is asked for: the values that are no keys, of pairs whose keys are values."""
    pairs = list(_read(context, wording))
    keys, values = {key for key, _ in pairs}, {value for _, value in pairs}
    return [value for key, value in pairs if key in values and value not in keys]


BASELINES: Mapping[str, Shortcut] = {
    "first_value": _by_place(0), "last_value": _by_place(-1), "one_hop": _one_hop, "next_pair": _next_pair, "majority": _majority,
    "every_value": _every_value, "chain_ends": _chain_ends,
}  # fmt: skip
