"""How much of a response is right."""

from __future__ import annotations

import re
from bisect import bisect_left
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence

from .claims import answered_no, bindings, called_void, corrections, denied, may_deny
from .response import after_lead_in, recited, visible
from .values import CJK, Value, fold, form_of, spoken, tokens, value_of

_FUNCTION_WORDS = {(char,) for char in "是否有无对错"}  # answers of one character that stand in many other words
_SENTENCE = re.compile(r"(?<=[.!?])\s|[\n;。；！？]")
_GLUE = {*",;.:!、。&-•·+=|和与及以", "and"}


def _unambiguous(text: str, values: Collection[Value], never: Collection[Value]) -> str:
    """`text`, folded, without what only looks like a value of one letter: the article "a", and "是" or the like inside
    a longer Chinese word where such a value also stands alone, or where it would be a no-answer word (`never`)."""
    if ("a",) in values:
        text = re.sub(r"(?<![\w'’-])a(?= [A-Za-z]{2})", " ", text)
    single = {value[0] for value in values if value in _FUNCTION_WORDS}
    text = fold(after_lead_in(text) if single else text)
    if single and not re.search(rf"(?<![{CJK}])[{''.join(single)}](?![{CJK}])", text):
        single &= {value[0] for value in never}
    if single:
        one = f"[{''.join(single)}]"
        longer = sorted({"".join(v) for v in values if len(v) > 1 and single & {*v}}, key=len, reverse=True)
        whole = "|".join(re.escape(value) for value in longer if value in text) or "(?!)"
        text = re.sub(rf"({whole})|(?<=[{CJK}]){one}|{one}(?=[{CJK}])", lambda found: found[1] or ",", text)
    return text


def _in_order(found: Iterable[Value], wanted: Sequence[Value]) -> int:
    """The length of the longest run of `wanted` that stands in `found` in the right order."""
    place = {value: i for i, value in enumerate(wanted)}
    ends: list[int] = []
    for i in (place[value] for value in found if value in place):
        at = bisect_left(ends, i)
        ends[at : at + 1] = [i]
    return len(ends)


class _Asked:
    """The values that a question turns on, and how they are read in a text."""

    def __init__(
        self, outputs: Sequence[str], rivals: Sequence[str], no_answer: str, refusals: Sequence[str], allowed: Sequence[str]
    ) -> None:
        self.wanted = [value_of(output) for output in outputs]
        self.distinct = list(dict.fromkeys(self.wanted))
        self.count = max(1, len(self.distinct))
        self.absent = self.wanted == [value_of(no_answer)] != [()]
        """Whether right is to say that there is no answer."""
        free = {value_of(value) for value in allowed}
        self.never = {value_of(phrase) for phrase in (no_answer, *refusals)} - {()}
        if not self.absent:
            self.never -= {*self.wanted, *free}
        self.rivals = {value_of(rival) for rival in rivals} - {*self.wanted, *self.never, *free}
        self.values = {*self.wanted, *self.never, *free, *self.rivals} - {()}
        self.numbers = {value[0] for value in self.values if len(value) == 1 and value[0].isdecimal()}
        formed = self.rivals if self.absent else self.wanted
        self.forms = {form_of(value[0]) for value in formed if len(value) == 1} - {""}

    def read(self, text: str) -> list[Value | str]:
        """The values in a text, as tuples, and the tokens between them."""
        return spoken(tokens(_unambiguous(text, self.values, self.never), self.numbers, self.forms), self.values)

    def recall(self, found: Sequence[Value], ordered: bool) -> float:
        """The share of outputs found."""
        if self.absent:
            return float(not self.never.isdisjoint(found))
        if ordered:
            last = list(dict.fromkeys(reversed(found)))[::-1]
            return min(_in_order(dict.fromkeys(found), self.distinct), _in_order(last, self.distinct)) / self.count
        return sum(value in found for value in self.distinct) / self.count

    def wrong(self, stream: Sequence[Value | str]) -> set[Value | str]:
        """Rivals and surplus values."""
        surplus = {mark for mark in stream if isinstance(mark, str) and form_of(mark) in self.forms}
        return {*self.rivals.intersection(stream), *surplus}

    def sentences(self, text: str) -> list[list[Value | str]]:
        """What each sentence or line of a text says."""
        said: list[list[Value | str]] = [[]]
        for mark in self.read(_SENTENCE.sub(" ¶\n", text.replace("¶", " "))):
            if mark == "¶":
                said.append([])
            else:
                said[-1].append(mark)
        return said

    def until(self, said: str) -> str:
        """A text up to the end of the sentence in which as many values stand as there are outputs, right or wrong."""
        digits = any(letter.isdecimal() for value in self.wanted for letter in "".join(value))
        seen: set[Value | str] = set()
        ends = [*(found.start() for found in _SENTENCE.finditer(said)), len(said)]
        for stream, end in zip(self.sentences(said), ends):
            seen |= {*self.wanted}.intersection(stream) | self.wrong(stream)
            # A number of another size is a wrong answer too.
            seen |= {mark for mark in stream if digits and isinstance(mark, str) and any(map(str.isdecimal, mark))}
            if len(seen) >= self.count:
                return said[:end]
        return said

    def settled(self, said: str, size: int) -> str:
        """A text without what it takes back: from its last correction that names as much as was asked for, if it has one.

        Only the last `size` characters of a text of more than twice as many can hold one: an answer does not lie hidden.
        """
        if answered_no(said):
            return ""
        end = len(said)
        for place in corrections(said, end - size if end > 2 * size else 0):
            piece = said[place:end]
            stream = self.read(piece)
            found = {*self.wanted, *self.never}.intersection(stream) | self.wrong(stream)
            # What is only denied here is named elsewhere.
            if found and (found := found - denied(self.sentences(piece), found) if may_deny(piece) else found):
                return said[place:] if len(found) >= self.count else said
            end = place
        return said

    def taken_back(self, said: str, size: int, named: Collection[Value | str]) -> set[Value | str]:
        """Those of `named` that a correction denies, and nothing behind it names again: "1, 2, 3; no, not 2". `size` as in `settled`."""
        found: set[Value | str] = set()
        held: set[Value | str] = set()
        end = len(said)
        for place in corrections(said, end - size if end > 2 * size else 0):
            lines = self.sentences(said[place:end])
            never = denied(lines, named)
            found |= never - held
            held |= {mark for line in lines for mark in line if mark in named} - never
            end = place
        return found

    def nothing_else(self, stream: Sequence[Value | str], ordered: bool) -> bool:
        """Whether a text is the outputs, each as often as asked, and nothing else but what joins a list."""
        held = [mark for mark in stream if isinstance(mark, tuple)]
        if self.absent:
            right = len(held) == 1 and held[0] in self.never
        else:
            right = bool(self.wanted) and (held == self.wanted if ordered else Counter(held) == Counter(self.wanted))
        return right and {mark for mark in stream if isinstance(mark, str)} <= _GLUE


def _ends(said: str, size: int) -> list[str]:
    """The whole text, or its first and last `size` characters, without words cut in two, where it is longer than both."""
    if len(said) <= 2 * size:
        return [said]
    return [re.sub(r"[\w.,'-]{1,200}\Z", "", said[:size]), re.sub(r"\A[\w.,'-]{1,200}", "", said[-size:])]


def judge(
    response: str,
    outputs: Sequence[str],
    rivals: Sequence[str] = (),
    *,
    prompt: str = "",
    question: str = "",
    ordered: bool = False,
    no_answer: str = "",
    refusals: Sequence[str] = (),
    allowed: Sequence[str] = (),
    keys: Mapping[str, Sequence[str]] | None = None,
    void: Sequence[str] = (),
    continued: bool = False,
) -> dict[str, float]:
    """How well `response` names `outputs`, all of them and nothing else. Every metric is between 0 and 1.

    `recall`: share of `outputs` mentioned; with `ordered`, of those in order, by first and by last mention, the worse.
    `any`: 1 if one is mentioned. `exact`: 1 if the answer, after a short lead-in, is the outputs and nothing else.
    `exclusive`, which is also `score`: `recall` less 1/len(outputs), never below 0, for each different
    - rival named: a value of `rivals` that is no output;
    - surplus value: a token that is none of the values given and has the form of an output: as many digits, a code or
      UUID with parts of the same sizes, or as many hyphenated words;
    - output given to a wrong key;
    - and once where the text also says `no_answer` or one of `refusals`.
    Values in `allowed` (the key asked for) never cost. Where `no_answer` is the one output, it or one of `refusals`
    must be said, and a surplus value has the form of a rival.

    `keys` are the keys asked for, each with its outputs. A bare list is right in any order; but where the response says
    which value belongs to which key, an output that is given to wrong keys only is not recalled.

    `void` are rivals that a correction in the text voids. To name one beside the right output is a hedge, unless the
    response says, each time, that it is void ("replacing 1", "the earlier 1", "1 was replaced"), which is an explanation.

    A value is named where it is claimed. One of which each mention is denied ("not 1", "1 is not the answer") is not recalled, and
    costs nothing beside one that is. What a response takes back ("1. No, actually 2") it does not say, where it then names as
    many values as there are outputs; of a list it takes back what a correction denies ("1, 2, 3; no, not 2").

    `prompt` and `question` serve to tell an echo from an answer. A text that is mostly copied from the prompt is no
    answer, and in a very long one only what its beginning and its end name is recalled: an answer does not lie hidden.

    `continued`: the response goes on from a prefix that calls for a value, as base models do. Then its first values, as
    many as there are outputs, are the answer; such models go on writing, and what follows the end of the sentence with
    the last of them is neither held against it nor counted.
    """
    asked = _Asked(outputs, (*rivals, *void), no_answer, refusals, (*allowed, *(keys or ())))
    size = sum(map(len, (*outputs, *allowed, *(keys or ()))))
    said = visible(response, prompt, question)
    if recited(said, prompt, size):
        said = ""
    edge = 500 + 8 * size
    # Base models go on writing, and behind what they say first nothing is a correction of it.
    said = _ends(asked.until(said), edge)[0] if continued else asked.settled(said, edge)
    stream = asked.read(said)

    swapped: set[tuple[Value, Value]] = set()
    lost: set[Value | str] = set()
    owner = {value_of(value): value_of(key) for key, held in (keys or {}).items() for value in held}
    if len({*owner.values()}) > 1:
        given = bindings(asked.sentences(said), owner)
        swapped = {(key, value) for key, value in given if key != owner[value]}
        lost |= {value for _, value in swapped} - {value for _, value in given - swapped}
    ends = [mark for part in _ends(said, edge) for mark in (stream if part is said else asked.read(part))]
    named = {*asked.wanted, *asked.wrong(stream)} - asked.never
    negated: set[Value | str] = set()
    if may_deny(said):
        negated = denied(asked.sentences(said), named)
        negated |= set() if continued else asked.taken_back(said, edge, named)
    lost |= negated
    recall = asked.recall([mark for mark in ends if isinstance(mark, tuple) and mark not in lost], ordered)

    if recall:
        negated |= {value for value in map(value_of, void) if called_void(stream, value)}
    explained = negated if recall else set()
    refused = not asked.absent and not asked.never.isdisjoint(stream)
    wrong = len(asked.wrong(stream) - explained) + len(swapped) + refused
    score = max(0.0, recall - wrong / asked.count)

    answer = after_lead_in(said)
    exact = float(not swapped and asked.nothing_else(stream if answer == said else asked.read(answer), ordered))
    return {"score": score, "recall": recall, "any": float(recall > 0), "exact": exact, "exclusive": score}
