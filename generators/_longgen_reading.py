"""How a list of questions is read out of its prompt, and shortcuts that answer each from its looks."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Any

from lcgen import questions
from lcgen.wording import Wording

GAP = "\n\n"
"""What stands between two questions, and between two answers."""


def posed(prompt: str, wording: Wording) -> list[tuple[int, str]]:
    """The questions of a prompt that it does not answer itself, with their numbers."""
    shown = {found["number"] for found in wording.pattern("answer_header").finditer(prompt)}
    heads = [head for head in wording.pattern("question_header").finditer(prompt) if prompt[head.end() : head.end() + 1] == "\n"]
    ends = [head.start() for head in heads[1:]] + [len(prompt)]
    return [
        (int(head["number"]), prompt[head.end() : end].strip().partition(GAP)[0])
        for head, end in zip(heads, ends)
        if head["number"] not in shown and head["number"].isdecimal()
    ]


def _replied(guess: Callable[[str], str]) -> Any:
    """A shortcut that gives every question a guess from its text alone."""

    def shortcut(context: str, question: str, wording: Wording) -> Sequence[str]:
        said = [(number, guess(text), re.search(r"\n\([A-Z]\) ", text)) for number, text in posed(question, wording)]
        blocks = ("letter_answer" if options else "number_answer" for _, _, options in said)
        told = [
            f"{wording.say('answer_header', number=number)}\n{wording.say(block, value=one)}"
            for (number, one, _), block in zip(said, blocks)
        ]
        return [GAP.join(told)]

    return shortcut


def _last_number(text: str) -> str:
    return "A" if "\n(A) " in text else (re.findall(r"\d+", text) or ["0"])[-1]


def _largest(text: str) -> str:
    numbers = list(map(int, re.findall(r"\d+", text.rpartition("\n")[2] if "\n(A) " in text else text))) or [0]
    if "\n(A) " not in text:
        return str(sum(numbers))
    options = questions.options_of(text)[1]
    return max(options, key=lambda letter: len(options[letter]))


def _nearest(text: str) -> str:
    """The option that stands nearest to another one, or the first number."""
    options = questions.options_of(text)[1] if "\n(A) " in text else {}
    if not options:
        first = re.search(r"\d+", text)
        return first[0] if first else "0"
    if not all(map(str.isdecimal, options.values())):
        return "B"
    numbers = {letter: int(option) for letter, option in options.items()}
    return min(numbers, key=lambda one: min(abs(numbers[one] - numbers[other]) for other in numbers if other != one))


BASELINES = {
    "last_number": _replied(_last_number), "sum_or_longest": _replied(_largest), "first_or_nearest": _replied(_nearest),
}  # fmt: skip
