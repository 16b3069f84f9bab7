"""The figures of a text that serves as a haystack."""

from __future__ import annotations

import re
import zlib
from typing import Any

import numpy as np
import pyarrow as pa

from lcgen import languages, tokens
from lcgen.haystack import Haystack


def stats(kind: str, lang: str) -> dict[str, Any]:
    """The four figures of a text over its first million tokens or 5 MB, and ten of its paragraphs. Raises LcgenError."""
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
    found["text"] = "\n".join(
        [
            f"{store.name}: {len(store):,} units, {found['tokens']:,} o200k_base tokens, {found['tokens_per_unit']} a unit (fingerprint {store.fingerprint})",
            f"{what} in a million tokens: {forms:,}",
            f"share of units repeated within a million tokens: {repeated:.6f}",
            f"zstd-3 ratio of 5 MB: {ratio:.2f}",
            *(f"\n{paragraph}" for paragraph in paragraphs),
        ]
    )
    return found


def _after(breaks: list[int], at: int, end: int) -> int:
    return next((place for place in breaks if place > at), end)
