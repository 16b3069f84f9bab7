"""What must hold of a template before anything is worded with it: it prints what it must, and its sentences can be read back."""

from __future__ import annotations

from itertools import product
from typing import TYPE_CHECKING

from lcgen.errors import LcgenError
from lcgen.slots import KINDS, SLOT, TURNS, kind, stem

if TYPE_CHECKING:
    from lcgen.wording import Wording

PLACES, AUDIENCES = ("before", "after", "both"), ("chat", "base")
"""Where a question may stand, and to whom a prompt may speak."""
START = "Begin with a copy of templates/TASK.LANG.j2 in the folder of any build, and change its words."
"""What to do about a template that lacks much; `docs/template.md` says what each part is for."""


def probe(wording: Wording, axis: str) -> None:
    """Raises LcgenError for a template that loses a slot, words two macros alike, or whose body lacks what a prompt is made of."""
    for block, slots in wording.blocks.items():
        if not wording.has(block):
            continue
        printed = set(SLOT.findall(wording.open(block)))
        if lost := {stem(slot) for slot in slots if not slot.endswith("?")} - printed:
            raise LcgenError(f"The macro {block!r} of template {wording.name} does not print {', '.join(sorted(lost))}.")
        if block in wording.plain:
            _read_back(wording, block)
    _tell_apart(wording)
    _whole(wording, axis)
    # A template that lacks macros serves some puzzles alone, and may not know the flags of others.
    if all(map(wording.has, wording.blocks)):
        for block, slots in wording.blocks.items():
            wording.heed(block, {slot.rstrip("?"): True for slot in slots if slot.endswith("?")})


def _read_back(wording: Wording, block: str) -> None:
    """Raises LcgenError for a macro that alters its slots, words them by their value, or lets them run together."""
    for turn in range(TURNS):
        values = _values(wording, block, turn)
        said = wording.say(block, **values)
        found = wording.pattern(block).fullmatch(said)
        if said != wording.run(block, values) or found is None or found.groupdict() != values:
            raise LcgenError(
                f"The macro {block!r} of template {wording.name} must print its slots as they are, with words or spaces "
                f"between them, and the same words for all values; with {values} it makes {wording.run(block, values)[:200]!r}."
            )


def _values(wording: Wording, block: str, turn: int) -> dict[str, str]:
    """A value for each slot of a macro, another one in every turn."""
    found = {}
    for number, slot in enumerate(wording.blocks[block]):
        _, probes = KINDS[kind(slot)]
        found[stem(slot)] = probes[(turn + number) % len(probes)]
    return found


def _tell_apart(wording: Wording) -> None:
    """Raises LcgenError for a pattern that finds anything but its own macro's sentences, in full, between others."""
    spoken = [
        block
        for block, slots in wording.blocks.items()
        if slots and block in wording.plain and wording.has(block) and "line" not in map(kind, slots)
    ]
    for turn, block, other in product(range(TURNS), spoken, spoken):
        own, beside = (wording.say(name, **_values(wording, name, turn)) for name in (block, other))
        found = wording.pattern(block)
        if other != block and (inside := found.search(beside)):
            raise LcgenError(
                f"The macros {block!r} and {other!r} of template {wording.name} cannot be told apart: in {beside[:200]!r}, a sentence "
                f"of {other!r}, {inside.group()[:200]!r} reads like one of {block!r}. Word one of them in another way."
            )
        # Other text stands next to a sentence, so a slot at its end must be closed by a mark or a space.
        text = wording.sep.join(["字", beside, own, "字"])
        if [m.group() for m in found.finditer(text)] != [own] * (1 + (other == block)):
            raise LcgenError(
                f"A sentence of the macro {block!r} of template {wording.name} runs together with the text next to it, in {text[:300]!r}. "
                "Let it begin and end with words or marks of its own."
            )


def _whole(wording: Wording, axis: str) -> None:
    """Raises LcgenError, with all that is wrong at once, for a body that does not print what a prompt is made of."""
    wrong: dict[str, list[str]] = {}
    for place, audience in product(PLACES, AUDIENCES):
        slots = {"question": wording.asked, "place": place, "audience": audience}
        for demand in wording.demands(wording.rendered(slots), slots, axis):
            wrong.setdefault(demand, []).append(f"{place}/{audience}")
    if not wrong:
        return
    every = len(PLACES) * len(AUDIENCES)
    said = [d if len(where) == every else f"{d} (place/audience {', '.join(where)})" for d, where in wrong.items()]
    lost = [name for name in wording.blocks if not wording.has(name)]
    macros = f" It has no macros {', '.join(map(wording.signature, lost))}, of which every puzzle needs some." if lost else ""
    raise LcgenError(f"The template {wording.name} {'; '.join(said)}.{macros} {START}")
