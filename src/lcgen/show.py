"""What the terminal shows: one row with its evidence marked, the tasks, the figures of a text."""

from __future__ import annotations

import re
import zlib
from collections.abc import Mapping
from typing import Any

import click

from lcgen import excerpt, generators, params, proof
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


def listed() -> dict[str, Any]:
    """All tasks with what they measure."""
    found = [{"name": name, "about": generators.get(name).about} for name in generators.names()]
    return {
        "tasks": found,
        "text": "\n".join(f"{entry['name']:<18} {entry['about']}" for entry in found)
        + "\n\nlcgen tasks TASK shows parameters and presets.",
    }


def described(name: str) -> dict[str, Any]:
    """One task: parameters with meaning, type and default; presets with paper, grid, and when to choose them."""
    task = generators.get(name)
    fields = params.described(task)
    presets: list[dict[str, Any]] = [
        {
            "name": key, "about": preset.about, "paper": preset.paper, "lengths": preset.lengths, "samples": preset.samples,
            "depths": preset.depths, "answer_tokens": preset.answer_tokens, "differs": preset.differs,
            "variants": {variant: dict(setting.params)
                | {key: value for key in ("haystack", "depths", "samples", "lengths") if (value := getattr(setting, key)) is not None}
                | ({"breaks": dict(setting.breaks)} if setting.breaks else {}) for variant, setting in preset.settings.items()},
            "breaks": dict(preset.breaks),
        }
        for key, preset in task.presets.items()
    ]  # fmt: skip
    lines = [f"{task.name}: {task.about}", f"Papers: {', '.join(task.papers)}"]
    lines += [f"Where nothing else is asked for: haystack {task.haystack}{f', depths {task.grid}' if task.depths else ''}"]
    lines += ["", "Parameters (--set NAME=VALUE):"]
    for entry in fields:
        lines.append(f"  {entry['name']:<16} {entry['type']}, default {entry['default']}")
        lines += click.wrap_text(entry["about"], 100, "      ", "      ").split("\n")
    lines += ["", "Presets (--preset NAME, or NAME:VARIANT for one):"]
    for entry in presets:
        short = shortened(entry["lengths"]) or "as the parameters count"
        lines.append(f"  {entry['name']:<16} {entry['about']} ({entry['paper']})")
        lines.append(
            f"      lengths {short}; {shortened(entry['depths'] or 'default')} depths; {entry['samples']} samples; {entry['answer_tokens'] or 'measured'} answer tokens"
        )
        lines += [
            f"      {variant or '-'}: {', '.join(f'{k}={swept(v)}' for k, v in setting.items() if k != 'breaks') or 'defaults'}"
            + "".join(f"\n        breaks law {law}: {why}" for law, why in setting.get("breaks", {}).items())
            for variant, setting in entry["variants"].items()
        ]
        lines += click.wrap_text(entry["differs"], 100, "      ", "      ").split("\n")
        lines += [f"      breaks law {law}: {why}" for law, why in entry["breaks"].items()]
    if task.limits:
        lines += ["", f"--paired: {task.limits}"]
    return {
        "name": task.name,
        "about": task.about,
        "papers": list(task.papers),
        "params": fields,
        "presets": presets,
        "text": "\n".join(lines),
    }


def swept(value: Any) -> str:
    """A value of a parameter, or those that a preset sweeps."""
    return ",".join(map(str, value)) if isinstance(value, tuple) else shortened(str(value))


def shortened(spec: str) -> str:
    """A list of lengths or depths, if it is long by its count and ends."""
    items = spec.split(",")
    return spec if len(spec) < 60 else f"{len(items)} from {items[0]} to {items[-1]}"


def stats(kind: str, lang: str) -> dict[str, Any]:
    """The four figures of a text over its first million tokens or 5 MB, and ten of its paragraphs. Raises LcgenError."""
    import numpy as np
    import pyarrow as pa

    from lcgen import languages, tokens
    from lcgen.haystack import Haystack

    store = Haystack(kind, lang, tokens.load()).store
    if store is None:
        return {"name": kind, "text": "records are made by each task and have no text of their own."}
    weights = np.asarray(store.weights(tokens.load()), np.int64)
    count = int(np.searchsorted(np.cumsum(weights), 10**6)) or len(store)
    units = [store.unit(place) for place in range(min(count, len(store)))]
    whole = bytes(store.text[: int(store.borders[len(units)])]).decode()
    spaced = bool(languages.load(store.lang).gap)
    forms = len(set(re.findall(r"[^\W\d_]+", whole.lower()))) if spaced else len(set(whole))
    sample = bytes(store.text[: 5 * 10**6])
    ratio = len(sample) / len(pa.Codec("zstd", compression_level=3).compress(sample))
    repeated = (len(units) - len(set(units))) / len(units)
    breaks = [0, *(np.flatnonzero(np.asarray(store.leads[: len(units)]) == 2).tolist())]
    picks = [breaks[zlib.crc32(bytes([n])) % len(breaks)] for n in range(10)] if len(breaks) > 10 else []
    paragraphs = [
        "".join(bytes(store.text[int(store.borders[at]) : int(store.borders[_after(breaks, at, len(units))])]).decode().strip())
        for at in picks
    ]
    found = {
        "name": store.name, "fingerprint": store.fingerprint, "units": len(store), "tokens": int(weights.sum()),
        "word_forms": forms, "repeated": round(repeated, 6), "zstd3_ratio": round(ratio, 3), "tokens_per_unit": round(float(weights.mean()), 2),
        "paragraphs": paragraphs,
    }  # fmt: skip
    what = "distinct word forms" if spaced else "distinct characters"
    found["text"] = "\n".join([
        f"{store.name}: {len(store):,} units, {found['tokens']:,} o200k_base tokens, {found['tokens_per_unit']} a unit (fingerprint {store.fingerprint})",
        f"{what} in a million tokens: {forms:,}",
        f"share of units repeated within a million tokens: {repeated:.6f}",
        f"zstd-3 ratio of 5 MB: {ratio:.2f}",
        *(f"\n{paragraph}" for paragraph in paragraphs),
    ])  # fmt: skip
    return found


def _after(breaks: list[int], at: int, end: int) -> int:
    return next((place for place in breaks if place > at), end)
