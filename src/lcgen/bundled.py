"""The vocabularies that come with splintr: what they are called, and what a model's tokenizer does beside them."""

from __future__ import annotations

import re
from functools import cache
from typing import Any

from lcgen.engines import Splintr
from lcgen.tokens import Tokenizer

# name: family, BOS that the model's tokenizer puts before a plain text, EOS, what lcgen's tests compare the ids with.
BUNDLED = {
    "o200k_base": ("bpe", "", "<|endoftext|>", "tiktoken"),
    "cl100k_base": ("bpe", "", "<|endoftext|>", "tiktoken"),
    "gpt_oss": ("bpe", "", "<|return|>", "tiktoken"),
    "llama3": ("bpe", "<|begin_of_text|>", "<|eot_id|>", "tiktoken"),
    "qwen3": ("bpe", "", "<|im_end|>", "tiktoken"),
    "deepseek_v3": ("bpe", "<｜begin▁of▁sentence｜>", "<｜end▁of▁sentence｜>", "tokenizers"),
    "mistral_v1": ("sentencepiece", "<s>", "</s>", "sentencepiece"),
    "mistral_v2": ("sentencepiece", "<s>", "</s>", "sentencepiece"),
    "mistral_v3": ("bpe", "<s>", "</s>", "tiktoken"),
    "llama2": ("sentencepiece", "<s>", "</s>", "self-checked"),
    "codellama": ("sentencepiece", "<s>", "</s>", "self-checked"),
    "gemma2": ("sentencepiece", "<bos>", "<eos>", "self-checked"),
    "gemma3": ("sentencepiece", "<bos>", "<eos>", "self-checked"),
    "gemma4": ("bpe", "<bos>", "<eos>", "self-checked"),
    "phi4": ("bpe", "", "<|im_end|>", "self-checked"),
    "olmo2": ("bpe", "", "<|endoftext|>", "self-checked"),
    "glm4": ("bpe", "", "<|endoftext|>", "self-checked"),
    "kimi_k2": ("bpe", "", "[EOS]", "self-checked"),
    "kimi_k3": ("bpe", "", "[EOS]", "self-checked"),
    "whisper": ("bpe", "", "<|endoftext|>", "self-checked"),
}
ALIASES = {
    "o200k_harmony": "gpt_oss", "gpt_4o": "o200k_base", "gpt_4": "cl100k_base", "tekken": "mistral_v3",
    "llama3.1": "llama3", "llama3.2": "llama3", "llama3.3": "llama3", "glm4.5": "glm4",
}  # fmt: skip
# Gemma's vocabularies hold turn marks and HTML tags that splintr does not list as special: ids to look at, and the
# tags among them, which SentencePiece reads in any text. The others are control tokens.
GEMMA = {
    "gemma2": ((*range(345), 255968, 255999), range(169, 217)),
    "gemma3": ((*range(366), 255999), range(168, 238)),
    "gemma4": ((*range(107), 255999, 256000), range(0)),
}


@cache
def load(name: str) -> Tokenizer:
    """The vocabulary `name` of BUNDLED."""
    import splintr

    handle = splintr.Tokenizer.from_pretrained(name)
    size = splintr.base_vocab_size(name)
    # Ids from `size` on are splintr's own inventions, which no model has.
    control, always = {text for text, i in handle.special_tokens().items() if i < size}, {}
    ids, tags = GEMMA.get(name, ((), range(0)))
    for i in ids:
        text = handle.decode_with_special([i])
        if i in tags:
            always[text] = i
        elif re.fullmatch(r"[<\[].+[>\]]", text) and handle.encode_ordinary(text) != [i]:
            control.add(text)
    _, bos, eos, reference = BUNDLED[name]
    tokenizer = Splintr(name, name, handle, control, always)
    tokenizer.reference, tokenizer.bos, tokenizer.affixes = reference, bos, len(bos) and 1
    tokenizer.special_texts = {"bos_token": bos, "eos_token": eos} if bos else {"eos_token": eos}
    # A dummy space and a line break are two tokens, a line break alone is one.
    after_bos = len(handle.encode_with_special(f"{bos}\n")) - 1
    tokenizer.dummy_once = handle.family == "Spm" and after_bos < len(handle.encode_ordinary("\n"))
    tokenizer.strips = len(handle.encode_with_special(f"a \n{eos}")) == 2
    tokenizer.by_words = handle.family == "Spm"
    tokenizer.facts = {"engine": tokenizer.engine, "reference": _check(reference)}
    return tokenizer


def _check(reference: str) -> str:
    return reference if reference == "self-checked" else f"checked against {reference} in the tests"


def listing() -> list[dict[str, Any]]:
    """See `tokens.listing`."""
    import splintr

    engine = f"splintr {splintr.__version__}"
    return [
        {
            "name": name,
            "vocabulary": splintr.base_vocab_size(name),
            "family": family,
            "engine": engine,
            "reference": _check(reference),
        }
        for name, (family, _, _, reference) in BUNDLED.items()
    ]
