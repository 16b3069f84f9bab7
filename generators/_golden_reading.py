"""How the rules of a document are read out of its prompt, and shortcuts that know them and tell no story."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from lcgen import documents, grading
from lcgen.documents import Sentences
from lcgen.streams import Stream
from lcgen.wording import Wording


def read(prompt: str, wording: Wording) -> list[tuple[str, range]]:
    """The rules of a prompt: each event with the entries that it belongs into."""
    places = [wording.pattern(name) for name in ("block", "place")]

    def number(text: str) -> int:
        found = next(filter(None, (pattern.fullmatch(text) for pattern in places)), None)
        return int(found["number"]) if found and found["number"].isdecimal() else 0

    rules = []
    for line in prompt.splitlines():
        found = next(filter(None, (wording.pattern(block).fullmatch(line) for block in ("every", "column", "run", "once"))), None)
        if found:
            rule = found.groupdict()
            first = number(rule.get("first") or rule["place"])
            last = number(rule["last"]) if "last" in rule else first
            step = int(rule["step"]) if rule.get("step", "").isdecimal() else 1
            rules.append((rule["event"], range(first, last + 1, max(1, step))))
    return rules


def _written(belongs: Callable[[int, range], bool]) -> Any:
    """A shortcut that fills all entries as long as asked and tells an event where `belongs` says so."""

    def shortcut(context: str, question: str, wording: Wording) -> Sequence[str]:
        size, opener = wording.pattern("size").search(question), wording.pattern("header").search(question)
        if not size or not opener:
            return [""]
        filler, rules = Sentences(documents.load("diary", wording.lang), Stream("shortcut")), read(question, wording)
        parts, unit = [], 0
        for entry in range(1, int(size["entries"]) + 1):
            text = " ".join(event for event, entries in rules if belongs(entry, entries))
            while grading.words(text) < int(size["words"]):
                text += " " + filler.text(np.array([unit]))[0]
                unit += 1
            parts.append(f"{wording.say('header', unit=opener['unit'], number=entry)}\n{text.strip()}")
        return ["\n\n".join(parts)]

    return shortcut


BASELINES = {
    "everywhere": _written(lambda entry, entries: True),
    "first_time": _written(lambda entry, entries: entry == entries[0]),
}
