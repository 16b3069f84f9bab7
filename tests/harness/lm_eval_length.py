"""Run by a Python that has lm-eval[hf]: `make MODEL` writes a tiny random model, `run MODEL FOLDER AUDIENCE` measures what is sent."""

from __future__ import annotations

import json
import sys
from pathlib import Path


def make(path: str) -> None:
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers
    from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

    letters = sorted(pre_tokenizers.ByteLevel.alphabet())
    vocabulary = {token: number for number, token in enumerate(["<s>", "</s>", "<|user|>", "<|assistant|>", *letters])}
    plain = Tokenizer(models.BPE(vocabulary, []))
    plain.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    plain.decoder = decoders.ByteLevel()
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=plain,
        bos_token="<s>",
        eos_token="</s>",
        pad_token="</s>",
        additional_special_tokens=["<|user|>", "<|assistant|>"],
    )
    tokenizer.chat_template = (
        "{{ bos_token }}{% for m in messages %}{{ '<|' + m['role'] + '|>' + m['content'] + eos_token }}{% endfor %}"
        "{% if add_generation_prompt %}{{ '<|assistant|>' }}{% endif %}"
    )
    tokenizer.save_pretrained(path)
    size = {
        "hidden_size": 16,
        "intermediate_size": 32,
        "num_hidden_layers": 1,
        "num_attention_heads": 2,
        "num_key_value_heads": 2,
    }
    LlamaForCausalLM(LlamaConfig(vocab_size=len(tokenizer), max_position_embeddings=8192, **size)).save_pretrained(path)
    print(json.dumps({"made": True}))


def run(model: str, folder: str, audience: str) -> None:
    import lm_eval
    from lm_eval.models.huggingface import HFLM
    from lm_eval.tasks import TaskManager

    lm = HFLM(pretrained=model, device="cpu", max_length=1024, batch_size=1)
    sent: list[int] = []
    generate = lm._model_generate

    def spied(context, **rest):  # type: ignore[no-untyped-def]
        sent.append(int(context.shape[1]))
        return generate(context, **rest)

    lm._model_generate = spied
    found = lm_eval.simple_evaluate(
        lm, tasks=["lcgen_needle"], task_manager=TaskManager(include_path=str(Path(folder) / "lm_eval")), bootstrap_iters=0,
        apply_chat_template=audience == "chat", log_samples=True,
    )  # fmt: skip
    samples = [sample for rows in found["samples"].values() for sample in rows]
    # Requests are sorted by length; what was sent is measured again for each row, and the sums must agree.
    tokens = {sample["doc"]["id"]: len(lm.tok_encode(sample["arguments"][0][0])) for sample in samples}
    assert sorted(tokens.values()) == sorted(sent), (tokens, sent)
    print(json.dumps({"tokens": tokens, "scores": {name: value["score,none"] for name, value in found["results"].items()}}))


if sys.argv[1] == "make":
    make(sys.argv[2])
else:
    run(*sys.argv[2:5])
