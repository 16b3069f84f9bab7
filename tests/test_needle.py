"""Needles: what stands beside the one asked for gives it no place of its own."""

from __future__ import annotations

from typing import Any

import pytest

import lcgen


def _likeness(one: str, other: str) -> float:
    """How much of two keys or values is equal: of words their number, of numbers the digits that stand alike."""
    if "-" in one:
        return len(set(one.split("-")) & set(other.split("-"))) / 2
    return sum(a == b for a, b in zip(one, other)) / len(one)


@pytest.mark.parametrize(("params", "field"), [({"similar_keys": 4}, "key"), ({"similar_values": 4}, "value"),
                                               ({"similar_keys": 4, "key_kind": "digits"}, "key")])  # fmt: skip
def test_the_gold_is_not_the_one_that_all_look_alikes_resemble(params: dict[str, Any], field: str) -> None:
    """Whoever takes the key, or the value, that is most like all others finds the right one about as often as by lot."""
    hits, rows = 0.0, list(lcgen.generate("needle", lengths="700", depths="random", samples=120, haystack="noise", params=params))
    for row in rows:
        held = [piece[field] for piece in row["evidence"]]
        (gold,) = {piece[field] for piece in row["evidence"] if piece["role"] == "gold"}
        assert len(held) == len(set(held)) == 5
        like = {text: sum(_likeness(text, other) for other in held if other != text) for text in held}
        best = [text for text in held if like[text] == max(like.values())]
        hits += (gold in best) / len(best)
    assert hits / len(rows) < 0.4
