"""The text that all generators of a run read: lcgen's own prose, or a folder of somebody's texts.

Run as `texts.py OUT [FOLDER]` with lcgen's Python. Leaves in OUT: `pool.txt`, prose for the floor; `essays/*.txt`, the
peers' haystack; `facts.json` with the bytes of a prompt at each length and the versions of what is installed.
"""

from __future__ import annotations

import json
import platform
import sys
from importlib.metadata import version
from pathlib import Path

import lcgen
from lcgen import store

ESSAYS, ESSAY = 48, 75_000
"""Files of the peers' haystack and the characters of each: about 750,000 tokens, so that 128k never repeats."""
LENGTHS, TOKENIZERS = ("128k", "1m"), ("cl100k_base", "o200k_base")
PACKAGES = ("lcgen", "splintr-rs", "numpy", "pyarrow")


def make(out: Path, source: Path | None) -> None:
    """Writes all files."""
    pool = bytes(store.from_prose("en").text)
    (out / "pool.txt").write_bytes(pool)
    if source is None:
        whole = pool[: ESSAYS * ESSAY].decode(errors="ignore")
        essays = [whole[at : at + ESSAY] for at in range(0, len(whole), ESSAY)]
    else:
        essays = [path.read_text(encoding="utf-8", errors="replace") for path in sorted(source.rglob("*.txt"))]
    (out / "essays").mkdir()
    for number, essay in enumerate(essays):
        (out / "essays" / f"{number:03d}.txt").write_text(essay, encoding="utf-8")
    facts = {
        # Each vocabulary weighs the pool once and keeps the weights: from here on all caches are warm.
        "bytes": {f"{length} {tokenizer}": _bytes(length, tokenizer) for length in LENGTHS for tokenizer in TOKENIZERS},
        "essays": sum(map(len, essays)),
        "python": platform.python_version(),
        "versions": {name: version(name) for name in PACKAGES},
    }
    (out / "facts.json").write_text(json.dumps(facts), encoding="utf-8")


def _bytes(length: str, tokenizer: str) -> int:
    """Bytes of a prompt of this length, on average."""
    rows = lcgen.generate("needle", lengths=length, depths="0,0.5,1", tokenizer=tokenizer, verify="none")
    sizes = [len(row["input"].encode()) for row in rows]
    return sum(sizes) // len(sizes)


if __name__ == "__main__":
    make(Path(sys.argv[1]), Path(sys.argv[2]) if len(sys.argv) > 2 else None)
