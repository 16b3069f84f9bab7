"""Part 10: what `lcgen check` costs: the reference model on long rows, and answers that share what was read of their prompt.

Run as `checking.py OUT QUICK` with lcgen's Python, it measures and leaves a JSON file; `check` runs it and reports. The model
of the second half has random weights: what it says does not matter, what it costs does.
"""

from __future__ import annotations

import json
import sys
import time
from argparse import Namespace
from importlib.util import find_spec
from pathlib import Path
from statistics import median
from typing import Any

from clock import spend, tell
from tables import Claim, Section, short, table

LENGTHS = {"128k": 131072, "1m": 1048576}
ANSWERS, PROMPT = 16, 4096
WANTED_ROW, WANTED_SHARED = 1.0, 8.0


def measure(out: Path, rounds: int) -> None:
    """The measurements, as a JSON file."""
    found = {"rows": [_row(name, tokens, rounds) for name, tokens in LENGTHS.items()], "shared": _shared(rounds)}
    out.write_text(json.dumps(found))


def _row(name: str, length: int, rounds: int) -> dict[str, Any]:
    """CPU seconds of one row under the reference model: of its whole prompt, and of all three with everything around them."""
    import lcgen
    from lcgen import generators, tokens
    from lcgen.checking.induction import Induction
    from lcgen.checking.prompts import FRESH, prompts
    from lcgen.checking.trials import check

    (row,) = lcgen.generate("needle", lengths=length, depths="0.5")
    judge = Induction(tokens.load("o200k_base"))
    contrast = generators.get("needle").contrast(row)
    assert contrast is not None
    read, weigh, whole = [], [], []
    for _ in range(rounds):
        start = time.process_time()
        judge.reader.prompt(row["input"])
        read.append(time.process_time() - start)
        made = next(iter(prompts(row, contrast, judge.reader)))
        start = time.process_time()
        judge.weigh([made])
        weigh.append(time.process_time() - start)
        start = time.process_time()
        (record,) = check([("needle", row)], judge, FRESH, False)
        whole.append(time.process_time() - start)
        assert record.trials["full"][0].hit
    return {"name": name, "read": median(read), "weigh": median(weigh), "whole": median(whole)}


def _shared(rounds: int) -> dict[str, float]:
    """CPU seconds of a prompt of 4k with 16 answers, once read, and in 16 passes of their own."""
    import numpy as np
    import torch
    from transformers import LlamaConfig, LlamaForCausalLM

    from lcgen.checking.causal import Causal
    from lcgen.checking.prompts import Prompt, Tokens, Told

    rng = np.random.default_rng(0)
    ids = rng.integers(0, 1000, PROMPT)
    branches = [rng.integers(0, 1000, 12) for _ in range(ANSWERS)]
    told = Told([str(n) for n in range(ANSWERS)], 0, branches, 4, "", False, False)
    prompt = Prompt("full", Tokens("", ids, ids), PROMPT, [told])
    torch.manual_seed(0)
    config = LlamaConfig(
        vocab_size=1000, hidden_size=256, intermediate_size=512, num_hidden_layers=4, num_attention_heads=8, num_key_value_heads=4,
        max_position_embeddings=2 * PROMPT,
    )  # fmt: skip
    judge = Causal.of(LlamaForCausalLM(config).eval())
    once, apart, differ = [], [], 0.0
    for _ in range(rounds):
        start = time.process_time()
        (found,) = judge.weigh([prompt])
        once.append(time.process_time() - start)
        start = time.process_time()
        with torch.inference_mode():
            for branch, logprobs in zip(branches, found[0].logprobs):
                whole = torch.from_numpy(np.concatenate([ids, branch]))[None]
                likely = judge.model(input_ids=whole, logits_to_keep=len(branch) + 1).logits[0].log_softmax(-1)
                plain = likely[:-1].gather(-1, whole[0, -len(branch) :, None])[4:, 0]
                differ = max(differ, float((plain - torch.tensor(logprobs)).abs().max()))
        apart.append(time.process_time() - start)
    return {"once": median(once), "apart": median(apart), "differ": differ}


def check(args: Namespace, work: Path, env: dict[str, str]) -> Section:
    """Runs the measurement in a process of its own."""
    tell("checking")
    if not find_spec("torch") or not find_spec("transformers"):
        return Section("Checks", "Skipped: `pip install 'lcgen[check]'` was not run.\n")
    out = work / "checking.json"
    spend([sys.executable, __file__, str(out), "1" if args.quick else "5"], env)
    found: dict[str, Any] = json.loads(out.read_text())
    lines = [[row["name"], *(short(row[key]) for key in ("read", "weigh", "whole"))] for row in found["rows"]]
    shared, million = found["shared"], found["rows"][-1]
    text = (
        "The reference model on one needle row of generated prose: CPU seconds of encoding its prompt, of weighing one answer and "
        "19 fresh values over it, and of the whole check (three prompts, encoded and weighed).\n\n"
        + table(["row", "encode s", "weigh s", "whole check s"], lines)
        + f"\nA Llama of 4 layers with random weights, a prompt of {PROMPT:,} tokens with {ANSWERS} answers of 12: {short(shared['once'])} s where "
        f"the prompt is read once, {short(shared['apart'])} s in {ANSWERS} passes of their own. Log-probabilities differ by at most {shared['differ']:.1g}.\n"
    )
    claims = [
        Claim("reference model, one prompt of 1m, encoded and weighed", million["read"] + million["weigh"], WANTED_ROW, "s CPU"),
        Claim(
            f"{ANSWERS} answers over a 4k prompt: apart / shared",
            shared["apart"] / shared["once"],
            WANTED_SHARED,
            "x",
            least=True,
        ),
    ]
    return Section("Checks", text, claims)


if __name__ == "__main__":
    measure(Path(sys.argv[1]), int(sys.argv[2]))
