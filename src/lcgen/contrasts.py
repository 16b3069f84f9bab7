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


def by_spans(row: Row) -> Contrast | None:
    """What the spans of the evidence say: each value of a gold piece or a step is told from the others after its own cue.

    Beside the gold pieces, those are removed that hold a gold value or one that looks like it, since they would give
    away a part of it. Where no piece states the answer, it is told from what they do state; None where that is nothing.
    """
    if row["reference_output"] and row["axis"] == "output":
        return Contrast(
            reference=row["reference_output"], why="their answer is a document to be written: no evidence stands in the prompt"
        )
    text, pieces = row["input"], row["evidence"]
    gold = [piece for piece in pieces if piece["role"] in ("gold", "step")]
    valued = [piece for piece in gold if piece["copy"] == 0 and piece["value"]]
    held = {piece["value"] for piece in valued}
    changed = row["metadata"].get("no_answer")
    if not held & {*row["outputs"]}:
        labels = [row["answer"], *rivals(pieces, row["outputs"])]
        return Contrast([Choice(row["answer"], labels=labels)], why=UNSTATED) if len(labels) > 1 else None
    wrong = rivals(pieces, held)
    choices = [
        Choice(piece["value"], words, lead, wrong, key=key, changed=changed, literal=bool(words))
        for piece in valued
        for words, lead in [cue(text, piece)]
        for key in [piece["key"] if piece["key"] in row["question"] else ""]
    ]
    return Contrast(choices, alone(row, gold), telling(pieces, held))


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
