"""Orders of segments that are told without their places in the text."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from lcgen.contract import Shortcut
from lcgen.wording import Wording


def _shortcut(key: Callable[[int, str], float]) -> Shortcut:
    """The order of the segments by something else than their places; `key` gets number and text of each as shown."""

    def found(context: str, question: str, wording: Wording) -> Sequence[str]:
        lines = [line for line in map(wording.pattern("segment").fullmatch, question.split("\n")) if line]
        ranked = sorted(range(len(lines)), key=lambda number: key(number, lines[number]["text"]))
        labels = [lines[number]["label"] for number in ranked]
        return [labels[0] if len(labels) == 2 else ", ".join(labels)]

    return found


BASELINES = {
    "first_shown": _shortcut(lambda number, text: number),
    "last_shown": _shortcut(lambda number, text: -number),
    "longest": _shortcut(lambda number, text: -len(text)),
}
