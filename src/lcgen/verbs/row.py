"""One row on the terminal, its evidence marked."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import click

from lcgen import excerpt, proof
from lcgen.builders.build import makers
from lcgen.spec import Place, Spec

COLOURS = {"gold": "green", "step": "green", "distractor": "yellow", "decoy": "magenta"}


def one(spec: Spec, index: int) -> dict[str, Any]:
    """The first row of a spec at this index, encoded and solved again. Raises LcgenError."""
    part = spec.parts[0]
    return makers(spec)[part.name].proven(Place(part.lengths[0], part.depths[0], 0, index))


def text(row: Mapping[str, Any], full: bool) -> str:
    """A row for reading: the prompt with evidence coloured and the rest folded, then what is known of it."""
    if "input" not in row:
        return "\n".join(
            f"{click.style(f'{name:>10}', dim=True)}  {' '.join(map(str, value)) if isinstance(value, list) else value}"
            for name, value in row.items()
        )
    output = row["axis"] == "output"
    # On the output axis the prompt is short and the evidence stands in the reference.
    whole, pieces = inert(proof.document(row)), sorted(row["evidence"], key=lambda piece: piece["char_start"])
    spans = [(piece["char_start"], piece["char_end"]) for piece in pieces]
    begin, end = excerpt.extent(row)
    shown: list[str] = [inert(row["input"]), "\n\n", click.style("A right answer:", bold=True), "\n"] if output else []
    last = 0
    for passage in excerpt.passages(whole, spans, [(0, len(whole))] if full else _kept(spans, begin, end, whole)):
        if passage.start > last:
            shown.append(click.style(f"\n  [… {passage.start - last:,} characters …]\n", dim=True))
        for part in passage.parts:
            colour = None if part.piece is None else COLOURS[pieces[part.piece]["role"]]
            shown.append(click.style(part.text, fg=colour, bold=True) if colour else part.text)
        last = passage.start + sum(len(part.text) for part in passage.parts)
    facts = [
        ("answer", inert(row["answer"]) if not output else f"{row['output_tokens']:,} tokens in the reference"),
        ("length", f"{row['length']:,} tokens = {row['prompt_tokens']:,} prompt + {row['max_new_tokens']:,} to write + {row['reserve']} in reserve"),
        *((piece["role"], f"depth {piece['depth']:.4f} (asked {piece['depth_requested']:g}), tokens {piece['token_start']:,}..{piece['token_end']:,}: {inert(piece['text'])}") for piece in pieces[:20]),
        *([("", f"… and {len(pieces) - 20:,} more")] if len(pieces) > 20 else []),
        ("id", row["id"]),
    ]  # fmt: skip
    if row["gen_prefix"]:
        facts.insert(0, ("prefix", repr(row["gen_prefix"])))
    return "".join(shown) + "\n\n" + "\n".join(f"{click.style(f'{name:>10}', dim=True)}  {fact}" for name, fact in facts)


def _kept(spans: list[excerpt.Span], begin: int, end: int, text: str) -> list[excerpt.Span]:
    """What is not folded: all before and after the context with its edges, and what stands around evidence."""
    return excerpt.around([(0, begin), *spans, (end, len(text))], text)


_CONTROLS = {sign: "\N{REPLACEMENT CHARACTER}" for sign in (*range(32), *range(127, 160)) if chr(sign) not in "\n\t"}


def inert(text: str) -> str:
    """The text, character for character, without those that command a terminal: haystacks come from outside."""
    return text.translate(_CONTROLS)
