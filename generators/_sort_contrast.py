"""What an order of segments comes down to: the segments alone, in order, and the text without them."""

from __future__ import annotations

from dataclasses import replace
from itertools import permutations

from lcgen.contract import Row
from lcgen.contrasts import Choice, Contrast, alone

MOST_ORDERED = 4
"""Segments of which all orders are told apart."""


def contrast(row: Row) -> Contrast | None:
    """Two segments are told by their labels, in both orders; up to four by the whole order."""
    meta, pieces = row["metadata"], row["evidence"]
    labels, first = meta["labels"], meta["continuations"][0]
    lead = first[: first.index(labels[0])]
    orders = (
        labels
        if len(labels) == 2
        else [", ".join(order) for order in permutations(labels)]
        if len(labels) <= MOST_ORDERED
        else []
    )
    if not orders:
        return None
    choice = Choice(row["outputs"][0], f" {meta['prefix']}" if meta["prefix"] else "", lead, labels=orders)
    found = Contrast([choice], why="" if pieces else "their text is not shown, so that the answer can only be known by heart")
    if pieces:
        spans = sorted((piece["char_start"], piece["char_end"]) for piece in pieces)
        found = replace(found, evidence=alone(row, pieces), removed=spans)
    if len(labels) == 2:
        one, other = meta["texts"]
        turned = other.join(part.replace(other, one) for part in row["question"].split(one))
        found = replace(found, turned=(turned, [label for label in labels if label != row["outputs"][0]]))
    return found
