"""The proof of one row: its tokens counted again, its spans read again, its puzzle solved again."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from lcgen.errors import CheckFailed
from lcgen.frames import context_id

if TYPE_CHECKING:
    from lcgen.contract import Task
    from lcgen.tokens import Tokenizer
    from lcgen.wording import Wording
    from lcgen.wrapper import Wrapper

SAMPLE = 20
"""One row in so many is verified by `auto`, chosen by its id."""


def chosen(row_id: str) -> bool:
    """Whether `auto` verifies this row: 5 % of all, the same ones on every machine."""
    return int(row_id[-8:], 16) % SAMPLE == 0


def document(row: Mapping[str, Any]) -> str:
    """Where the evidence stands: the prompt, or on the output axis the reference."""
    text: str = row["input"] if row["axis"] == "input" else row["reference_output"]
    return text


def shape(row: Mapping[str, Any]) -> None:
    """What every row must hold, at no cost: sums of tokens, spans inside the document. Raises CheckFailed."""
    _hold(row, "length", row["length"], row["prompt_tokens"] + row["max_new_tokens"] + row["reserve"])
    _hold(row, "n_chars", row["n_chars"], len(row["input"]))
    if row["axis"] == "input":
        _hold(row, "target", row["length"], row["target"])
    places(row)
    for piece in row["evidence"]:
        _hold(row, "evidence value", piece["value"] in piece["text"], True)


def places(row: Mapping[str, Any]) -> None:
    """Whether each piece of evidence stands where it is said to, inside the document. Raises CheckFailed."""
    text = document(row)
    low, high = (row["context_start"], row["context_end"]) if row["axis"] == "input" else (0, len(text))
    for piece in row["evidence"]:
        _hold(row, "evidence text", text[piece["char_start"] : piece["char_end"]], piece["text"])
        _hold(row, "evidence inside the document", low <= piece["char_start"] and piece["char_end"] <= high, True)


def encode(row: Mapping[str, Any], tokenizer: Tokenizer, wrapper: Wrapper) -> None:
    """Counts the whole prompt again, on the output axis the reference too, and reads every token span again. Raises CheckFailed."""
    text = document(row)
    starts = np.append(tokenizer.starts(text), len(text.encode()))
    # Where nothing stands round the input, its token borders are its count.
    bare = text is row["input"] and not (wrapper.before or wrapper.after or row["gen_prefix"])
    counted = len(starts) - 1 if bare else wrapper.count(tokenizer, row["input"], row["gen_prefix"])
    _hold(row, "prompt_tokens", row["prompt_tokens"], counted)
    if row["output_tokens"] is not None:
        _hold(row, "output_tokens", row["output_tokens"], len(starts) - 1)
    ascii = text.isascii()
    for piece in row["evidence"]:
        _hold(row, "token span", bool(0 <= piece["token_start"] < piece["token_end"] < len(starts)), True)
        low = piece["char_start"] if ascii else len(text[: piece["char_start"]].encode())
        high = low + len(piece["text"].encode())
        # The separator before a unit, at most two characters, belongs to the unit's first token.
        lead = len(text[max(0, piece["char_start"] - 2) : piece["char_start"]].encode())
        _hold(row, "token_start", bool(low - lead <= starts[piece["token_start"]] <= low), True)
        _hold(row, "token_end", bool(starts[piece["token_end"] - 1] < high <= starts[piece["token_end"]]), True)


def solve(row: Mapping[str, Any], task: Task[Any], wording: Wording) -> bool:
    """Solves the row from its two texts and compares with the gold answers. Raises CheckFailed.

    Gives False for a row whose answers came from outside: of those the scores of oracle and empty answer alone are checked.
    """
    _hold(row, "the oracle's score", task.score(task.oracle(row), row)["score"], 1.0)
    _hold(row, "the score of an empty answer", task.score("", row)["score"], 0.0)
    if not task.provable(row):
        return False
    context, question = "", row["input"]
    if row["axis"] == "input":
        context, question = row["input"][row["context_start"] : row["context_end"]], row["question"]
        _hold(row, "context_id", row["context_id"], context_id(context.encode()))
    found = task.solve(context, question, wording)
    _hold(row, "the solver's answers", sorted(found), sorted(row["outputs"]))
    return True


def _hold(row: Mapping[str, Any], what: str, found: Any, wanted: Any) -> None:
    if found != wanted:
        raise CheckFailed(f"Row {row['id']} does not hold: {what} is {repr(found)[:200]}, but must be {repr(wanted)[:200]}.")
