"""Part 8: what records cost, held against one encoding of as many records by the same engine in the same process.

Run as `records.py OUT QUICK` with lcgen's Python, it measures and leaves a JSON file; `check` runs it and reports. Of a
context of 1,048,576 tokens it takes the CPU of drawing, weighing and writing all records, by what a ledger asks of
`Units`, and the CPU of `encode_flat`, the fastest that splintr has. Probes are made once for all rows and shown apart.
"""

from __future__ import annotations

import json
import sys
import time
from argparse import Namespace
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
from clock import spend, tell
from tables import Claim, Section, short, table

from lcgen import forms, templates, tokens
from lcgen.atoms import Form
from lcgen.forms import Pool
from lcgen.generators import get
from lcgen.records import Records, Weigher, weigher
from lcgen.streams import Stream
from lcgen.wording import Wording

TOKENS = 1 << 20
WANTED = 2.0
VOCABULARIES = ("o200k_base", "llama3", "qwen3")
SLOW = "mistral_v1"
"""SentencePiece: its encoder is some ten times as slow as lcgen's arithmetic, so its ratios say little. Run once."""


def needles(lang: str, key: str, value: str) -> Callable[[Stream], Records]:
    """Records of the needle task, in the words of its template."""
    wording = Wording(templates.source("needle", lang), lang, get("needle").blocks)
    parts, kinds = wording.parts("needle"), {"key": forms.form(key, lang), "value": forms.form(value, lang)}

    def make(stream: Stream) -> Records:
        pools = {slot: Pool(form, stream.child(slot), form.size // 2) for slot, form in kinds.items()}
        return Records(*(pools.get(slot) or text for text, slot in parts), sep="" if lang == "zh" else " ")

    return make


def phones(lang: str, mask: str) -> Callable[[Stream], Records]:
    """A phone book, one entry a line."""
    return lambda stream: Records(
        Pool(forms.names(lang), stream.child("names")), ": ", Pool(forms.numbers(mask), stream.child("numbers")), sep="\n"
    )


def pairs(form: Form) -> Callable[[Stream], Records]:
    """The inside of a JSON object."""
    return lambda stream: Records('"', Pool(form, stream), '": "', Pool(form, stream, form.size // 2), '"', sep=", ")


def listed(form: Form) -> Callable[[Stream], Records]:
    """A list of single elements."""
    return lambda stream: Records(Pool(form, stream), sep=", ")


def kinds() -> dict[str, Callable[[Stream], Records]]:
    """Every family of records, by its name in the report."""
    return {
        "needle, words and digits": needles("en", "words", "digits"),
        "needle, UUIDs": needles("en", "uuids", "uuids"),
        "needle, Chinese": needles("zh", "words", "digits"),
        "phone `First Last: ddd-ddd-dddd`": phones("en", "###-###-####"),
        "phone, Chinese": phones("zh", "###########"),
        'JSON `"uuid": "uuid"`': pairs(forms.form("uuids", "en")),
        'JSON `"hex": "hex"`': pairs(forms.form("hex", "en", 8)),
        "list of words": listed(forms.form("words", "en")),
        "list of numbers": listed(forms.form("digits", "en", 7)),
        "list of hex codes": listed(forms.form("hex", "en", 8)),
        "list of base-32 codes": listed(forms.form("codes", "en", 8)),
        "list of full names": listed(forms.names("en")),
        "list of e-mail addresses": listed(forms.emails()),
    }


def measure(out: Path, rounds: int) -> None:
    """Writes one entry for each vocabulary and kind."""
    found = []
    for name in (*VOCABULARIES, SLOW):
        tokenizer = tokens.load(name)
        for kind, make in kinds().items():
            found.append({"vocabulary": name, "kind": kind, **_one(tokenizer, make, 1 if name == SLOW else rounds)})
    out.write_text(json.dumps(found), encoding="utf-8")


def _one(tokenizer: tokens.Tokenizer, make: Callable[[Stream], Records], rounds: int) -> dict[str, Any]:
    first = make(Stream("records", "count"))
    start = time.process_time()
    by: Weigher = weigher(first.shape, tokenizer)
    probe = time.process_time() - start
    mean = first.weights(np.arange(1000), by.scale, first.sep).mean()
    ids = np.arange(int(TOKENS / mean))
    own, encode, wrong, text = [], [], 0, ""
    for turn in range(rounds):
        units = make(Stream("records", turn))
        start = time.process_time()
        weights = units.weights(ids, by.scale, units.sep)
        slices = units.slices(ids, units.sep)
        own.append(time.process_time() - start)
        text = by.scale.context + b"".join(slices).decode()
        # The encoder remembers what it has read, so it reads other records of the same shape, as new to it as these were.
        other = make(Stream("other records", turn))
        fresh = b"".join(other.slices(ids, other.sep)).decode()
        start = time.process_time()
        _encode(tokenizer, fresh)
        encode.append(time.process_time() - start)
        wrong += tokenizer.count(text) - tokenizer.count(by.scale.context) != int(weights.sum())
    return {
        "records": len(ids), "bytes": len(text.encode()), "how": by.how, "probe": probe,
        "own": median(own), "encode": median(encode), "wrong": wrong,
    }  # fmt: skip


def _encode(tokenizer: tokens.Tokenizer, text: str) -> None:
    handle: Any = tokenizer._handle  # type: ignore[attr-defined]
    handle.encode_flat(text)


def check(args: Namespace, work: Path, env: dict[str, str]) -> Section:
    """Runs the measurement in a process of its own."""
    tell("records")
    out = work / "records.json"
    spend([sys.executable, __file__, str(out), "3" if args.quick else "9"], env)
    found: list[dict[str, Any]] = json.loads(out.read_text())
    lines = [
        [
            row["kind"], row["vocabulary"], row["how"], f"{row['records']:,}", short(row["bytes"] / 1e6),
            short(row["probe"] * 1e3), short(row["own"] * 1e3), short(row["encode"] * 1e3), f"{short(row['own'] / row['encode'])}x",
        ]
        for row in found
    ]  # fmt: skip
    text = (
        "CPU of drawing, weighing and writing the records of a context of 1,048,576 tokens, against one `encode_flat` of as many "
        "other records in the same process; medians. Weighed by `columns`: sums over word tables; `joined`: one encoding of the "
        f"joined text. The probe is made once for all rows. {SLOW} ran once.\n\n"
    )
    head = ["records", "vocabulary", "weighed by", "number", "MB", "probe CPU ms", "CPU ms", "`encode_flat` CPU ms", "ratio"]
    claims = []
    for name in VOCABULARIES:
        worst = max((row for row in found if row["vocabulary"] == name), key=lambda row: row["own"] / row["encode"])
        claims.append(
            Claim(f"1m of records / one encode_flat, {name}: {worst['kind']}", worst["own"] / worst["encode"], WANTED, "x")
        )
    claims.append(Claim("contexts of records whose weights are not their count", sum(row["wrong"] for row in found), 0, "rows"))
    return Section("Records", text + table(head, lines), claims)


if __name__ == "__main__":
    measure(Path(sys.argv[1]), int(sys.argv[2]))
