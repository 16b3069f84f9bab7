"""Contrasts: what a row asks, without its evidence and with nothing else, for whoever checks that the evidence decides.

`lcgen.check` shows a model three prompts of a row: whole, with the evidence alone, and with the evidence replaced. A task
says here what is right in each; what most tasks say follows from the spans of the evidence (`by_spans`).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from lcgen.contract import Row
from lcgen.likeness import alike

UNSTATED = "no piece of the evidence states the answer"
MOST_SHOWN, MOST_SAID = 60, 200
"""Characters of a value that a message shows, and of one that is read behind the words of another."""
MOST_RIVALS = 12
"""Wrong values of the prompt that one answer is told from; more tell no more."""


@dataclass(frozen=True)
class Choice:
    """One answer to be told from others."""

    gold: str
    cue: str = ""
    """Words of the evidence before the answer, which a model that goes on from them would say next; with the white space that
    stands before them. Empty: the answer follows on the prompt."""
    lead: str = " "
    """What stands between cue and answer."""
    rivals: Sequence[str] = ()
    """Wrong answers that the prompt holds."""
    labels: Sequence[str] = ()
    """All answers that there are, the right one among them; then no fresh ones are drawn."""
    key: str = ""
    """What it is looked up by: a key that the question names, or the key of a step between others. Empty: the question itself."""
    changed: str | None = None
    """What is right where the evidence is removed; None: nothing is."""
    literal: bool = False
    """Whether the evidence states the answer behind words that the question, or the key, has too: to look it up is enough."""


@dataclass(frozen=True)
class Contrast:
    """The prompts and answers of one row."""

    choices: Sequence[Choice] = ()
    evidence: str | None = None
    """A prompt with the evidence as its whole context; None where there is none."""
    removed: Sequence[tuple[int, int]] = ()
    """Spans of `input` that carry the answers, to be replaced by filler of as many tokens; none where nothing can be removed."""
    values: bool = False
    """Whether those spans are values, replaced by fresh ones of their form, instead of filler of the same document."""
    turned: tuple[str, Sequence[str]] | None = None
    """The question with its labels in the other order, and the right one of each choice in it."""
    reference: str | None = None
    """A long answer, weighed by position instead of against others."""
    why: str = ""
    """Why a prompt is left out, for people."""
    fault: str = ""
    """What of the row is at odds with its own evidence, whatever a model says of it: then the row is broken."""


def by_spans(row: Row, keyed: bool = True) -> Contrast | None:
    """What the spans of the evidence say: each value of a gold piece or a step is told from the others after its own cue.

    Beside the gold pieces, those are removed that hold a gold value or one that looks like it, since they would give
    away a part of it. Where no piece is said to state the answer, it is told from what they do state; None where that is
    nothing. An output that none states, although some should, is told behind the words of one that states something else.
    `keyed` says whether the question names a key of the evidence.
    """
    if row["reference_output"] and row["axis"] == "output":
        return Contrast(
            reference=row["reference_output"], why="their answer is a document to be written: no evidence stands in the prompt"
        )
    text, pieces = row["input"], row["evidence"]
    gold = [piece for piece in pieces if piece["role"] in ("gold", "step")]
    valued = [piece for piece in gold if piece["copy"] == 0 and piece["value"]]
    changed = row["metadata"].get("no_answer")
    if not valued:
        labels = [row["answer"], *rivals(pieces, row["outputs"])]
        # Tasks that know what to say where nothing is stated must say that.
        fault = unlike(row["answer"]) if "no_answer" in row["metadata"] and row["outputs"] != [changed] else ""
        choices = [Choice(row["answer"], labels=labels)] if len(labels) > 1 else []
        return Contrast(choices, why=UNSTATED, fault=fault) if choices or fault else None
    stated = {piece["value"] for piece in valued if piece["value"] in piece["text"]}
    unstated = [output for output in row["outputs"] if output not in stated and output != changed]
    spare = [piece["value"] for piece in valued if piece["value"] not in row["outputs"]]
    claims = dict(zip(reversed(spare), reversed(unstated)))
    others = {piece["value"]: said for piece in valued if (said := _said_too(text, piece, pieces))}
    held = {*unstated, *(piece["value"] for piece in valued)}
    wrong = [*claims, *(said for values in others.values() for said in values), *rivals(pieces, held)]
    choices = [
        Choice(claims.get(piece["value"], piece["value"]), words, lead, wrong, key=key, changed=changed, literal=bool(words))
        for piece in valued
        for words, lead in [cue(text, piece)]
        for key in [piece["key"] if piece["key"] in row["question"] else ""]
    ]
    keys = [piece["key"] for piece in valued if piece["key"]]
    fault = ""
    if unstated:
        fault = unlike(unstated[0])
    elif row["question"] not in text:
        fault = "its question does not stand in its prompt"
    elif keyed and keys and not any(key in row["question"] for key in keys):
        fault = "its question names nothing that its evidence tells of"
    elif others:
        value, (other, *_) = next(iter(others.items()))
        fault = f"behind the words that state {quoted(value)} its prompt also says {quoted(other)}"
    return Contrast(choices, alone(row, gold), telling(pieces, held), fault=fault)


def unlike(answer: str) -> str:
    """The fault of a row whose evidence does not say what it is said to say."""
    return f"its answer {quoted(answer)} is not what its evidence says"


def quoted(value: str) -> str:
    """A value for a message: rows may come from outside and hold anything."""
    return repr(value if len(value) <= MOST_SHOWN else f"{value[:MOST_SHOWN]}...")


def _said_too(text: str, piece: Any, pieces: Sequence[Any]) -> list[str]:
    """What else the prompt says outside the evidence behind the words that state a value, where they name its key."""
    before, found, after = piece["text"].partition(piece["value"])
    if not found or not piece["key"] or piece["key"] not in before:
        return []
    said: dict[str, None] = {}
    at = text.find(before)
    while at >= 0:
        end = at + len(before)
        # Words that go on from other letters are other words, and a value that goes on is another value.
        inside = _joined(text[at - 1 : at] + before[0]) or any(one["char_start"] <= at < one["char_end"] for one in pieces)
        same = text.startswith(piece["value"], end) and not _joined(
            text[end + len(piece["value"]) - 1 : end + len(piece["value"]) + 1]
        )
        if not inside and not same:
            rest = text[end : end + MOST_SAID].partition("\n")[0]
            said[(rest.partition(after[0])[0] if after else rest).strip()] = None
        at = text.find(before, end)
    return [value for value in said if value]


def _joined(signs: str) -> bool:
    """Whether two signs belong to one word, or one number."""
    return len(signs) == 2 and signs.isascii() and signs.isalnum()


def rivals(pieces: Iterable[Any], gold: Iterable[str]) -> list[str]:
    """Values that the evidence states and that are not right: those of distractors and decoys, as they stand."""
    right = {*gold}
    found = dict.fromkeys(piece["value"] for piece in pieces if piece["value"] and piece["role"] in ("distractor", "decoy"))
    return [value for value in found if not any(value in one or one in value for one in right)][:MOST_RIVALS]


def cue(text: str, piece: Any) -> tuple[str, str]:
    """The words before the first place of a piece's value, and what stands between them and it."""
    said, found, _ = piece["text"].partition(piece["value"])
    words = said.rstrip()
    before = text[piece["char_start"] - 1 : piece["char_start"]]
    return (before if before.isspace() else "") + words if words else "", said[len(words) :] if found else " "


def telling(pieces: Iterable[Any], gold: Iterable[str]) -> list[tuple[int, int]]:
    """The spans, in order, of pieces that are gold, hold a gold value, or state one that looks like it."""
    right = {*gold}
    return sorted(
        (piece["char_start"], piece["char_end"])
        for piece in pieces
        if piece["role"] in ("gold", "step")
        or any(value in piece["text"] for value in right)
        or (piece["value"] and any(alike(piece["value"], value) for value in right))
    )


def alone(row: Row, pieces: Sequence[Any]) -> str:
    """The prompt with these pieces as its whole context, between the brackets that it stands in."""
    text, start, end = row["input"], row["context_start"], row["context_end"]
    once = sorted((piece for piece in pieces if piece["copy"] == 0), key=lambda piece: int(piece["char_start"]))
    gaps = [text[max(start, piece["char_start"] - 2) : piece["char_start"]] for piece in once]
    seps = [found[0] for gap in gaps if (found := re.search(r",?\s+$", gap))]
    sep = max(dict.fromkeys(seps), key=seps.count) if seps else " " if text.isascii() else ""
    head, tail = (sign if sign in "[]{}" else "" for sign in (text[start], text[end - 1]))
    return f"{text[:start]}{head}{sep.join(piece['text'] for piece in once)}{tail}{text[end:]}"


def swapped(text: str, one: str, other: str) -> str:
    """The text with two words in each other's place."""
    return re.sub(rf"(?<!\w)(?:{re.escape(one)}|{re.escape(other)})(?!\w)", lambda found: other if found[0] == one else one, text)
