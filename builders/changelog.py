"""The change log of a card: every epoch, the newest first, what it shares with those before, and what needs no model scores."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from lcgen.errors import many

Records = Mapping[str, Mapping[str, Any]]
"""What is said of each epoch, in the order in which they came."""


def history(records: Records) -> str:
    """The change log as Markdown."""
    lines = [
        "| epoch | rows | oracle | best shortcut | check | share | shared rows, facts | keys, values, questions | filler | seed |",
        "|---|---:|---:|---:|---|---|---:|---:|---:|---|",
    ]
    lines += [_line(name, record) for name, record in [*records.items()][::-1]]
    said = [
        "## Epochs", "", *lines, "",
        "`main` holds the newest epoch, its tag names each. `share`: an epoch draws keys, values and names from one of so many shares of all there "
        "are; epochs of different shares have none of them, and no question, in common, which is measured. `shared`: what stands in any earlier epoch "
        "too, those of the same share included. `filler` is the share of text that two rows are expected to have in common. A seed `sha256:...` "
        "is a commitment: `lcgen reveal` publishes the seed, and `lcgen build manifest.json --seed SEED`, with the manifest of the epoch's tag, then "
        "makes the same rows; the manifest has their hashes.",
    ]  # fmt: skip
    return "\n".join([*said, *_beside(records), *_held(records)])


def _line(name: str, record: Mapping[str, Any]) -> str:
    scores = [{run: value for run, value in line.items() if run not in ("config", "rows")} for line in record["scores"]]
    oracle = min((line["oracle"] for line in scores), default=1.0)
    best = max((value for line in scores for run, value in line.items() if run != "oracle"), default=0.0)
    shared, of, check = record["shared"], record["of"], record.get("check")
    words = ", ".join(f"{shared[kind]} of {of[kind]}" for kind in ("keys", "values", "questions"))
    return (
        f"| `{name}` | {record['rows']} | {oracle:.3f} | {best:.3f} | {check['verdict'] if check else '-'} | {record['share']} "
        f"| {shared['rows']}, {shared['facts']} | {words} | {record['overlap']:.2%} | `{record['revealed'] or record['seed']}` |"
    )


def _beside(records: Records) -> list[str]:
    """What needs no model, and what the reference model found, of the newest epoch and of the one before, by config."""
    names = [*records][-2:]
    found: dict[tuple[str, str], dict[str, str]] = {}
    for name in names:
        for line in records[name]["scores"]:
            for run, value in line.items():
                if run not in ("config", "rows"):
                    found.setdefault((line["config"], run), {})[name] = f"{value:.3f}"
        for config, seen in ((records[name].get("check") or {}).get("configs") or {}).items():
            for kind, value in seen.items():
                found.setdefault((config, f"check: {kind}"), {})[name] = value
    if len(names) < 2 or not found:
        return []
    lines = [f"| config | run | `{names[1]}` | `{names[0]}` |", "|---|---|---:|---:|"]
    for config in dict.fromkeys(config for config, _ in found):
        lines += [
            f"| `{config}` | {run} | {of.get(names[1], '-')} | {of.get(names[0], '-')} |"
            for (other, run), of in found.items()
            if other == config
        ]
    return ["", "The newest epoch beside the one before it; `check` counts rows that the reference model solved:", "", *lines]


def _held(records: Records) -> list[str]:
    """What is held out of each epoch: hashes, and the seed once it is revealed."""
    held = {name: record["held_out"] for name, record in records.items() if record["held_out"]}
    if not held:
        return []
    lines = ["", "Held out and private until their seed is revealed; these are hashes of their rows:", ""]
    for name, entry in [*held.items()][::-1]:
        configs = ", ".join(f"`{config}` {many(one['rows'], 'row')} `{one['hash']}`" for config, one in entry["configs"].items())
        seed = entry.get("revealed") or entry["seed"]
        how = f" (`lcgen build {HELD}/{name}/manifest.json --seed SEED`)" if entry.get("revealed") else ""
        lines.append(f"- `{name}`, seed `{seed}`{how}: {configs}")
    return lines


HELD = "held_out"
"""Folder of a repository: the manifests of held-out rows whose seed was revealed."""
