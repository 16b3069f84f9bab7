"""What a pair of sets comes down to: the planted elements alone, and the sets with nothing in common."""

from __future__ import annotations

import re
from collections.abc import Iterator

from lcgen.contract import Row
from lcgen.contrasts import MOST_RIVALS, Choice, Contrast, alone, swapped, unlike

LIST, SEP = re.compile(r"\{([^{}]*)\}"), re.compile("(, |，|、)")


def contrast(row: Row) -> Contrast:
    """The shared elements become others of their kind, so that the sets share nothing: then `no`, 0 or none is right."""
    metadata, outputs, text, pieces = row["metadata"], row["outputs"], row["input"], row["evidence"]
    shared = list(dict.fromkeys(piece["value"] for piece in pieces if piece["role"] == "gold"))
    spans = [span for value in shared for span in _places(row, value)]
    labels = [ways[0] for ways in metadata["labels"]]
    if metadata["answer_mode"] == "count":
        labels = labels[: max(int(row["params"]["overlap"]), len(shared)) + 1]
    if labels:
        changed = labels[-1] if metadata["answer_mode"] == "decide" else labels[0]
        turned = (swapped(row["question"], *labels), outputs) if len(labels) == 2 else None
        choices = [Choice(outputs[0], labels=labels, changed=changed if shared else None)]
        right = labels[not shared] if metadata["answer_mode"] == "decide" else str(len(shared))
        fault = "" if outputs == [right] else unlike(outputs[0])
        why = "" if shared else "their sets share no element, so that there is no evidence to show alone or to take away"
        return Contrast(choices, _planted(row), sorted(spans), True, turned, why=why, fault=fault)
    fault = next((unlike(output) for output in outputs if output not in (shared or [metadata["nothing"]])), "")
    if not shared:
        return Contrast(why="their sets share no element, so that no element is a right answer", fault=fault)
    others = [item for found in LIST.finditer(text, row["context_start"]) for item in SEP.split(found[1])[::2]]
    rivals = list(dict.fromkeys(item for item in others if item and not any(value in item for value in shared)))[:MOST_RIVALS]
    choices = [Choice(value, rivals=rivals, changed=metadata["nothing"] or None) for value in shared]
    return Contrast(choices, _planted(row), sorted(spans), True, fault=fault)


def _places(row: Row, value: str) -> Iterator[tuple[int, int]]:
    """Where an element stands in the context, in whichever set."""
    end = row["context_end"]
    for found in re.finditer(rf"(?<![\w@.-]){re.escape(value)}(?![\w@-])", row["input"][row["context_start"] : end]):
        yield row["context_start"] + found.start(), row["context_start"] + found.end()


def _planted(row: Row) -> str | None:
    """The prompt with what was planted alone; None where its sets are worded in a way that cannot be read."""
    text, start, end = row["input"], row["context_start"], row["context_end"]
    if row["params"]["padding"] == "haystack":
        return alone(row, row["evidence"])
    planted = {piece["text"] for piece in row["evidence"]}

    def kept(found: re.Match[str]) -> str:
        items = SEP.split(found[1])
        return "{" + "".join(items[1:2]).join(item for item in items[::2] if item in planted) + "}"

    context = text[start:end]
    return text[:start] + LIST.sub(kept, context) + text[end:] if LIST.search(context) else None
