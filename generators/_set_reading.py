"""How sets are worded, and how they are read back: from the text and the template's words alone."""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import combinations, product
from typing import Any

from lcgen.slots import WORD
from lcgen.wording import Wording

ASKS = {"decide": "ask_decide", "intersect_one": "ask_one", "intersect_all": "ask_all", "count": "ask_count"}
"""Answer modes, and the macros that ask."""
GAP, NAME = "\ue002", "\ue003"
"""Stand for an item and a name where a macro is asked what it prints round them: private-use characters, which no text holds."""


def around(wording: Wording, block: str, name: str = "") -> tuple[str, str, str]:
    """What the macro of a list prints before, between and after its items."""
    items = {"parts": [GAP] * 2} if block == "tagged" else {"elements": [GAP] * 2, **({"name": name} if block == "set" else {})}
    head, between, tail = wording.say(block, **items).split(GAP)
    return head, between, tail


def ask(wording: Wording, mode: str, names: Sequence[str], doubtful: bool) -> str:
    """The question about two sets; where elements are asked for and there may be none, it says what to answer then."""
    first, second = sorted(names)
    flags = {"doubtful": doubtful} if mode in ("intersect_one", "intersect_all") else {}
    return wording.say(ASKS[mode], first=first, second=second, **flags)


def asked(wording: Wording, question: str, names: Sequence[str]) -> tuple[str, Sequence[str]]:
    """Mode and sets of a question: those for which these words are said. ValueError where there are none."""
    for mode, pair, doubtful in product(ASKS, combinations(sorted(names), 2), (False, True)):
        if ask(wording, mode, pair, doubtful) == question:
            return mode, pair
    raise ValueError(f"no question about two of the sets {', '.join(names)} is worded {question[:200]!r}")


def read(wording: Wording, context: str) -> dict[str, list[str]]:
    """The sets of a context by name, as they are listed, one copy behind another."""
    held: dict[str, list[str]] = {}
    head, sep, tail = around(wording, "set", NAME)
    begin = re.escape(head).replace(NAME, f"(?P<name>{WORD})")
    for found in re.finditer(f"{begin}(?P<elements>.+?)(?:{re.escape(tail) or '$'})", context, re.M):
        held.setdefault(found["name"], []).extend(found["elements"].split(sep))
    head, sep, tail = around(wording, "mixed")
    _, between, _ = around(wording, "tagged")
    for found in re.finditer(f"{re.escape(head)}(?P<elements>.+?)(?:{re.escape(tail) or '$'})", context, re.M):
        for text in found["elements"].split(sep):
            tag, _, element = text.partition(between)
            held.setdefault(tag, []).append(element)
    return held


def solved(wording: Wording, context: str, question: str) -> Sequence[str]:
    """The answers."""
    held = read(wording, context)
    mode, (first, second) = asked(wording, question, [*held])
    shared = {*held[first]} & {*held[second]}
    if mode == "decide":
        return [wording.say("yes" if shared else "no")]
    return [str(len(shared))] if mode == "count" else [*shared] or [wording.say("nothing")]


def shortcut(pick: int | None) -> Any:
    """An element of the smaller set by its place, and that there is one; None: that there is none."""

    def taken(context: str, question: str, wording: Wording) -> Sequence[str]:
        held = read(wording, context)
        mode, pair = asked(wording, question, [*held])
        if mode == "decide":
            return [wording.say("no" if pick is None else "yes")]
        if mode == "count":
            return ["0" if pick is None else "1"]
        smaller = min((held[name] for name in pair), key=len)
        return [wording.say("nothing") if pick is None else smaller[pick]]

    return taken
