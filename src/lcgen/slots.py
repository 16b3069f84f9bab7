"""Slots of a macro: how they are marked while it is open, and what may stand in each kind of them."""

from __future__ import annotations

import re

# Private-use characters: no haystack, key or value holds them, so a slot can be told from the words around it.
MARK = "\ue000{}\ue001"
SLOT = re.compile("\ue000(.*?)\ue001")
CONTEXT = MARK.format("context")
PAD = MARK.format("pad")
# A slot is one run of letters, digits and hyphens: it never crosses a space or a mark of punctuation.
WORD = r"[^\W_]+(?:-[^\W_]+)*"
# A full name has a fixed number of parts, so that it can be read where no mark stands before it.
LETTERS = r"[^\W\d_\u3400-\u9fff]"
NAME = rf"(?:(?<!{LETTERS}){LETTERS}+ {LETTERS}+|[\u3400-\u9fff]{{3}})"
# Values of several kinds, of which every macro must make the same sentence.
PROBES = ("amber-lantern", "7", "6841", "灯塔", "3f2b9c1e-0a4d-4c55-9e07-5b1d2a8c6f10")
KINDS = {
    "": (WORD, PROBES),
    # A word inside which one of these signs may stand like a hyphen.
    "code": (r"[^\W_]+(?:[-*&#@%+~!][^\W_]+)*", (*PROBES, "amb*er-lantern", "灯&塔")),
    "sign": (r"[*&#@%+~!]", ("*", "&", "~")),
    # As little as fits of a line; such a sentence fills its line, so that it is read line by line.
    "line": (r"[^\n]+?", (*PROBES, "Ada B. Stone", "+44 (718) 420-5619")),
    # A given and a family name with a space between, or three signs of a script without spaces.
    "name": (NAME, ("Ada Stone", "Bo Carver", "王小明", "李建华")),
}
"""Kinds of slots, declared as `slot~kind`: the pattern of what may stand there, and values to probe macros with."""
TURNS = max(len(probes) for _, probes in KINDS.values())
"""How many values of each kind it takes to see all of them."""


def stem(slot: str) -> str:
    """The name of a slot, without its kind and what it takes."""
    return slot.partition("~")[0].rstrip("*?")


def kind(slot: str) -> str:
    """The kind of a slot, one of KINDS."""
    return slot.partition("~")[2]
