"""Rows to check, spoilt on purpose or not, and a small model made on the spot."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import lcgen
from lcgen import tokens
from lcgen.checking.findings import Findings, gather
from lcgen.checking.induction import Induction
from lcgen.checking.judge import Judge
from lcgen.checking.prompts import FRESH
from lcgen.checking.trials import check

Rows = list[dict[str, Any]]


def rows(task: str = "needle", **options: Any) -> Rows:
    """Rows, few and short unless asked for more."""
    return [copy.deepcopy(row) for row in lcgen.generate(task, **{"lengths": "512", **options})]


def reference() -> Induction:
    """The reference model."""
    return Induction(tokens.load("o200k_base"))


def checked(made: Sequence[dict[str, Any]], judge: Judge | None = None, generate: bool = False) -> Findings:
    """What a check finds in rows that stand in no folder."""
    judge = judge or reference()
    records = list(check([(f"{row['task']}_{row['target']}", row) for row in made], judge, FRESH, generate))
    return gather("rows", judge.name, "cpu", records, judge.cost, len(records), [], False)


def whole(found: Findings, task: str = "needle") -> Any:
    """What is said of all rows of a task."""
    return next(cell.judged for cell in found.cells if cell.level == "task" and cell.by["task"] == task)


def shifted(row: dict[str, Any], at: int, said: str) -> dict[str, Any]:
    """The row with a text put into its context, all places moved along."""
    row["input"] = row["input"][:at] + said + row["input"][at:]
    for name in ("context_start", "context_end"):
        row[name] += len(said) * (row[name] >= at)
    for piece in row["evidence"]:
        moved = len(said) * (piece["char_start"] >= at)
        piece["char_start"], piece["char_end"] = piece["char_start"] + moved, piece["char_end"] + moved
    return row


def reworded(row: dict[str, Any], change: Callable[[dict[str, Any]], str]) -> dict[str, Any]:
    """The row with its gold sentences worded anew, in the text and in the column."""
    for number, piece in enumerate(row["evidence"]):
        if piece["role"] == "gold":
            text, start, end = change(piece), piece["char_start"], piece["char_end"]
            row["input"] = row["input"][:start] + text + row["input"][end:]
            moved = len(text) - (end - start)
            row["context_end"] += moved
            piece["text"], piece["char_end"] = text, start + len(text)
            for other in [*row["evidence"][:number], *row["evidence"][number + 1 :]]:
                if other["char_start"] > start:
                    other["char_start"], other["char_end"] = other["char_start"] + moved, other["char_end"] + moved
    return row


def small_model(folder: Path, seed: int = 0, window: int = 4096) -> Path:
    """A folder with a Llama of two layers and random weights, and a vocabulary of 600 pieces."""
    import torch
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
    from transformers import LlamaConfig, LlamaForCausalLM

    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    text = [row["input"] for row in rows(samples=2, depths="0.5", haystack="noise")]
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(vocab_size=600, special_tokens=["<s>", "</s>"], initial_alphabet=alphabet, show_progress=False)
    tokenizer.train_from_iterator(text, trainer)
    folder.mkdir(exist_ok=True)
    tokenizer.save(str(folder / "tokenizer.json"))
    config = {"tokenizer_class": "PreTrainedTokenizerFast", "bos_token": "<s>", "eos_token": "</s>"}
    (folder / "tokenizer_config.json").write_text(json.dumps(config))
    torch.manual_seed(seed)
    made = LlamaConfig(
        vocab_size=600, hidden_size=32, intermediate_size=64, num_hidden_layers=2, num_attention_heads=4, num_key_value_heads=2,
        max_position_embeddings=window, initializer_range=0.3,
    )  # fmt: skip
    LlamaForCausalLM(made).save_pretrained(folder)
    return folder
