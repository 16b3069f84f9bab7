"""How an ancestral trace is solved: by search over the relations as printed, and by shortcuts that do not trace."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from lcgen.errors import CheckFailed
from lcgen.kinship import ASKS
from lcgen.relatives import read
from lcgen.wording import Wording

QUESTIONS = {"eldest": ("person",), "ancestor": ("person",), "descendant": ("person",), "distance": ("one", "other")}
"""What is asked, and the slots of the question that name people; the trace begins with the first."""


def solved(context: str, question: str, wording: Wording) -> Sequence[str]:
    above: dict[str, dict[str, int]] = {}
    below: dict[str, dict[str, int]] = {}
    for elder, younger, generations in read(context, wording):
        for links, one, other in ((above, younger, elder), (below, elder, younger)):
            if links.setdefault(one, {}).setdefault(other, generations) != generations:
                raise CheckFailed(f"{elder} is both parent and grandparent of {younger}.")
    way = wording.pattern("ask_way").search(question) is not None
    for ask in ASKS:
        if not (found := wording.pattern(f"ask_{ask}").search(question)):
            continue
        start = found[QUESTIONS[ask][0]]
        up, down = _reached(start, above), _reached(start, below)
        ways = down if ask == "descendant" else {**up, **down} if ask == "distance" else up
        heights = {person: height for person, (height, _) in ways.items() if person != start}
        if ask == "distance":
            ends = [person for person in heights if person == found["other"]]
        else:
            goal = max(heights.values(), default=0) if ask == "eldest" else int(found["n"])
            ends = [person for person, height in heights.items() if height == goal]
        return [answer for end in ends for answer in answers(ask, _trace(end, ways), heights[end], way)]
    raise CheckFailed("The question is none that this task asks.")


def answers(ask: str, trace: Sequence[str], generations: int, path: bool) -> list[str]:
    """What a full answer holds, for a trace with both its ends."""
    way = [*trace[1:-1]] if path else []
    return [*way, str(generations) if ask == "distance" else trace[-1]]


def _reached(start: str, links: Mapping[str, Mapping[str, int]]) -> dict[str, tuple[int, str]]:
    """Everyone who can be reached from a person: generations, and through whom. Raises CheckFailed where two ways lead to one."""
    found, ahead = {start: (0, "")}, [start]
    while ahead:
        person = ahead.pop()
        for other, generations in links.get(person, {}).items():
            if other in found:
                raise CheckFailed(f"Two ways lead from {start} to {other}.")
            found[other] = found[person][0] + generations, person
            ahead.append(other)
    return found


def _trace(end: str, ways: Mapping[str, tuple[int, str]]) -> list[str]:
    found = [end]
    while before := ways[found[-1]][1]:
        found.append(before)
    return found[::-1]


def _roots(context: str, question: str, wording: Wording) -> Sequence[str]:
    """The first person of whom no parent is stated; where a descendant is asked for, no child."""
    pairs = [(elder, younger) for elder, younger, _ in read(context, wording)]
    if wording.pattern("ask_descendant").search(question):
        pairs = [(younger, elder) for elder, younger in pairs]
    known = {younger for _, younger in pairs}
    ends = {elder for elder, _ in pairs if elder not in known}
    return [min(ends, key=context.index)] if ends and not wording.pattern("ask_distance").search(question) else []


def _total(context: str, question: str, wording: Wording) -> Sequence[str]:
    """The generations of all relations, added up."""
    asked = wording.pattern("ask_distance").search(question)
    return [str(sum(generations for _, _, generations in read(context, wording)))] if asked else []


def _one_step(context: str, question: str, wording: Wording) -> Sequence[str]:
    """Whoever stands next to the person asked about, in the direction asked for."""
    for ask in ("eldest", "ancestor", "descendant"):
        if found := wording.pattern(f"ask_{ask}").search(question):
            down = ask == "descendant"
            for elder, younger, _ in read(context, wording):
                if found["person"] == (elder if down else younger):
                    return [younger if down else elder]
    return []


SHORTCUTS = {"no_parent": _roots, "sum": _total, "one_step": _one_step}
