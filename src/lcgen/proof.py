"""The proof of one row: its tokens counted again, its spans read again, its puzzle solved again."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from lcgen.compose import context_id
from lcgen.errors import CheckFailed

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


def shape(row: Mapping[str, Any]) -> None:
    """What every row must hold, at no cost: sums of tokens, spans inside the input, the context's hash. Raises CheckFailed."""
    _hold(row, "length", row["length"], row["prompt_tokens"] + row["max_new_tokens"] + row["reserve"])
    _hold(row, "target", row["length"], row["target"])
    _hold(row, "n_chars", row["n_chars"], len(row["input"]))
    for piece in row["evidence"]:
        _hold(row, "evidence text", row["input"][piece["char_start"] : piece["char_end"]], piece["text"])
        _hold(row, "evidence value", piece["value"] in piece["text"], True)
        inside = row["context_start"] <= piece["char_start"] and piece["char_end"] <= row["context_end"]
        _hold(row, "evidence inside the context", inside, True)


def encode(row: Mapping[str, Any], tokenizer: Tokenizer, wrapper: Wrapper) -> None:
    """Counts the whole prompt again and reads every token span again. Raises CheckFailed."""
    text = row["input"]
    starts = np.append(tokenizer.starts(text), len(text.encode()))
    # Where nothing stands round the input, its token borders are its count.
    bare = not (wrapper.before or wrapper.after or row["gen_prefix"])
    counted = len(starts) - 1 if bare else wrapper.count(tokenizer, text, row["gen_prefix"])
    _hold(row, "prompt_tokens", row["prompt_tokens"], counted)
    for piece in row["evidence"]:
        _hold(row, "token span", bool(0 <= piece["token_start"] < piece["token_end"] < len(starts)), True)
        low = len(text[: piece["char_start"]].encode())
        high = low + len(piece["text"].encode())
        # The separator before a unit, at most two characters, belongs to the unit's first token.
        lead = len(text[max(0, piece["char_start"] - 2) : piece["char_start"]].encode())
        _hold(row, "token_start", bool(low - lead <= starts[piece["token_start"]] <= low), True)
        _hold(row, "token_end", bool(starts[piece["token_end"] - 1] < high <= starts[piece["token_end"]]), True)


def solve(row: Mapping[str, Any], task: Task[Any], wording: Wording) -> None:
    """Solves the row from its two texts and compares with the gold answers. Raises CheckFailed."""
    context = row["input"][row["context_start"] : row["context_end"]]
    _hold(row, "context_id", row["context_id"], context_id(context.encode()))
    found = task.solve(context, row["question"], wording)
    _hold(row, "the solver's answers", sorted(found), sorted(row["outputs"]))
    _hold(row, "the oracle's score", task.score(task.oracle(row), row)["score"], 1.0)


def _hold(row: Mapping[str, Any], what: str, found: Any, wanted: Any) -> None:
    if found != wanted:
        raise CheckFailed(f"Row {row['id']} does not hold: {what} is {str(found)[:200]}, but must be {str(wanted)[:200]}.")
