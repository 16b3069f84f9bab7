"""Ids of rows: what they tell a person, and what is read back from them."""

from __future__ import annotations

import re

from lcgen.contract import Row

TURN = re.compile(r"\.(\d+)-[0-9a-f]{16}\Z")
"""The number of a question among those of its context, between the index and the hash."""


def row_id(task: str, lang: str, config: str, split: str, index: int, turn: int, hashed: str) -> str:
    """An id. `hashed` is the hash of all that decides the row; `turn`, from 1, counts the questions over its context, and is 0 where it has one."""
    return f"{task}-{lang}-{config}-{split}-{index}{f'.{turn}' if turn else ''}-{hashed}"


def turn(row: Row) -> int:
    """The number of a row's question among those over its context, from 1. Twins ask the same question, so they are no turns."""
    found = TURN.search(row["id"])
    return int(found[1]) if found else 1
