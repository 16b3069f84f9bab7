"""How answers about a phone book are scored."""

from __future__ import annotations

from collections.abc import Mapping

from lcgen import aligned, grading
from lcgen.contract import Row


def graded(response: str, row: Row) -> Mapping[str, float]:
    """What is right of a response: by number, and what the wrong ones are."""
    metadata, outputs, evidence = row["metadata"], row["outputs"], row["evidence"]
    reverse, none = metadata["reverse"], metadata["no_answer"]
    said = grading.visible(response, row["input"], row["question"])
    if metadata["style"] == "completion":
        said = said.strip().partition("\n")[0]
    said = aligned.flat(f"{row['gen_prefix'].strip()} {said}" if row["gen_prefix"] else said)
    key_as, value_as = (aligned.digits, aligned.folded) if reverse else (aligned.folded, aligned.digits)
    keys = [key_as(item) for item in metadata["asked"]]
    gold = [aligned.NONE if output == none else value_as(output) for output in outputs]
    book = aligned.stated(row, value_as) if reverse else set[str]()
    # Lines of other directories are decoys, and hold no numbers of people.
    entries = [piece for piece in evidence if piece["role"] != "decoy"]
    told = aligned.numbers(said, len(aligned.digits(entries[0]["key" if reverse else "value"])))
    people = aligned.names(said, book if reverse else set(keys))
    key_hits, values = ([hit for hit in told if hit.text in keys], people) if reverse else (people, told)
    values = sorted([*values, *aligned.refusals(said, [none, *metadata["refusals"]] if none else [])])
    values = aligned.claimed(said, values)
    start = max(aligned.final(said, values), aligned.settled(said, values, len(keys)))
    key_hits, values = ([hit for hit in hits if hit.start >= start] for hits in (key_hits, values))
    given, strays = aligned.assign(keys, key_hits, values)
    judged = aligned.judge(gold, given, strays)
    old = {value_as(piece["value"]) for piece in entries if piece["role"] != "gold" and piece["key"] in metadata["asked"]}
    if not reverse and not {*judged.missed} <= {*gold, *old}:
        book = aligned.stated(row, value_as)
    kinds = [
        "swap" if value in gold else "outdated" if value in old else "confusion" if value in book else "hallucination"
        for value in judged.missed
    ]
    if reverse and (len(gold) == 1 or key_hits):
        # Names are known by the book: where a number is given something else, that was a name of nobody's.
        kinds += ["hallucination"] * sum(not some and bool(said.strip()) for some in given)
    found = {
        "score": judged.score,
        "exclusive": judged.score,
        "per_number": sum(judged.right) / len(gold),
        "all_correct": float(all(judged.right) and not judged.cost),
        "set_recall": sum(wanted in {*judged.slots, *strays} for wanted in gold) / len(gold),
    }
    for kind in ("swap", "outdated", "confusion", "hallucination"):
        found[f"{kind}_rate"] = kinds.count(kind) / max(1, judged.returned, len(kinds))
    for name, lost in (("refused", True), ("false_refusal", False)) if none else ():
        if slots := [value for wanted, value in zip(gold, judged.slots) if (wanted == aligned.NONE) == lost]:
            found[name] = slots.count(aligned.NONE) / len(slots)
    if metadata["style"] == "completion":
        found["first_line"] = float(isinstance(response, str) and response.partition("\n")[0].strip() == outputs[0])
    return found | aligned.spread(judged.right, metadata["asked"], evidence) if len(gold) > 1 else found
