"""One row as the page's browser shows it: passages round the evidence, marks for the minimap, responses and why they score so.

All is plain text and numbers; the page puts it in place as text.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from lcgen import excerpt, grading, proof
from lcgen.contract import Row
from lcgen.errors import many

Entry = dict[str, Any]
REACH = 160
"""Characters shown on each side of a piece of evidence."""
EDGE = 600
"""Characters shown of each end of a text."""
SHORT, LONG = 300, 2400
"""Characters shown of an answer or a key, and of a question or a response."""
SHOWN, MARKED = 20, 200
"""Pieces that the excerpt goes round, and pieces that are marked at all: gold first."""
RANK = {"gold": 0, "step": 1, "distractor": 2, "decoy": 3}


def entry(row: Row, said: Mapping[str, Sequence[str] | None], scores: Mapping[str, Mapping[str, float]]) -> Entry:
    """The row with what each run answered and how that was scored."""
    text, (begin, end) = proof.document(row), excerpt.extent(row)
    pieces = sorted(row["evidence"], key=lambda piece: (RANK[piece["role"]], piece["char_start"]))
    spans = [(piece["char_start"], piece["char_end"]) for piece in pieces]
    kept = excerpt.around([*_edges(0, begin), *_edges(end, len(text)), *map(_ends, spans[:SHOWN])], text, REACH)
    # Whatever else stands in what is shown is marked too.
    inside = [any(low < end and start < high for low, high in kept) for start, end in spans]
    ranked = sorted(range(min(MARKED, len(pieces))), key=lambda number: not inside[number])
    pieces, spans = [pieces[number] for number in ranked], [spans[number] for number in ranked]
    shown = pieces[: sum(inside[:MARKED])]
    output = row["axis"] == "output"
    return {
        "id": row["id"], "config": row["config"], "task": row["task"], "length": row["length"], "target": row["target"],
        "depth": row["depth"], "role": row["group_role"], "output": output,
        "tokens": [row["prompt_tokens"], row["max_new_tokens"], row["reserve"]], "reference": row["output_tokens"],
        "prompt": [clipped(row["input"], EDGE)] if output else [],
        "question": clipped(row["question"], LONG),
        "gold": [clipped(value, SHORT) for value in row["outputs"][:SHOWN]], "golds": len(row["outputs"]),
        "size": len(text), "passages": [_passage(passage) for passage in excerpt.passages(text, spans[: len(shown)], kept)],
        "pieces": [_piece(piece) for piece in shown],
        "marks": [[piece["char_start"], piece["char_end"], piece["role"]] for piece in pieces], "evidence": len(row["evidence"]),
        "params": dict(row["params"]),
        "runs": [_run(name, row, said.get(name), found) for name, found in scores.items()],
    }  # fmt: skip


def clipped(text: str, most: int) -> str:
    """The text, or its two ends where it is longer than `most` characters; lone surrogates replaced."""
    if len(text) > most:
        half = most // 2
        text = f"{text[:half]} [… {len(text) - 2 * half:,} characters …] {text[-half:]}"
    return text.encode("utf-8", "replace").decode()


def _edges(low: int, high: int) -> list[excerpt.Span]:
    """A stretch at an end of the text, or its two ends where it is long."""
    return [(low, high)] if high - low <= 2 * EDGE else [(low, low + EDGE), (high - EDGE, high)]


def _ends(span: excerpt.Span) -> excerpt.Span:
    low, high = span
    return low, min(high, low + EDGE)


def _passage(passage: excerpt.Passage) -> list[Any]:
    return [passage.start, [[part.text, part.piece] if part.piece is not None else part.text for part in passage.parts]]


def _piece(piece: Mapping[str, Any]) -> Entry:
    return {
        **{
            name: piece[name]
            for name in ("role", "depth", "depth_requested", "token_start", "token_end", "char_start", "char_end")
        },
        **{name: clipped(piece[name], SHORT) for name in ("key", "value", "text")},
    }


def _run(name: str, row: Row, said: Sequence[str] | None, scores: Mapping[str, float]) -> Entry:
    return {
        "name": name,
        "scores": {metric: round(value, 4) for metric, value in scores.items()},
        "said": None if said is None else [clipped(sample, LONG) for sample in said[:3]],
        "samples": len(said or ()),
        "why": _why(row, said[0]) if said else [],
    }


def _why(row: Row, said: str) -> list[str]:
    """What of the answer the (first) response names, and what else of the planted values."""
    visible = grading.visible(said, row["input"])
    if not visible:
        return ["Nothing is left of the response without thinking, echoes of the prompt and special tokens."]
    if row["axis"] == "output":
        return []
    lacks = [value for value in dict.fromkeys(row["outputs"]) if not grading.mentions(visible, value)]
    found = len(dict.fromkeys(row["outputs"])) - len(lacks)
    lines = [f"Names {found:,} of {many(found + len(lacks), 'answer')}."]
    if lacks:
        lines.append(f"Does not name: {_list(lacks)}")
    roles = {piece["value"]: piece["role"] for piece in row["evidence"] if piece["value"] and piece["role"] != "gold"}
    others = [
        f"{value} ({role})" for value, role in roles.items() if value not in row["outputs"] and grading.mentions(visible, value)
    ]
    if others:
        lines.append(f"Also names: {_list(others)}")
    return lines


def _list(values: Iterable[str]) -> str:
    every = [clipped(value, 120) for value in values]
    return ", ".join(every[:5]) + (f" and {len(every) - 5:,} more" if len(every) > 5 else "")
