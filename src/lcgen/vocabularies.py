"""Vocabularies from the Hub, a model folder or a file, and which engine reads them. Bundled ones: see `bundled.py`.

splintr stands in for `tokenizers` on a `tokenizer.json` at some 30 times its speed, but only where both read a
probe alike.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from functools import cache, lru_cache
from importlib import import_module
from pathlib import Path
from typing import Any

from lcgen.bundled import ALIASES, BUNDLED
from lcgen.engines import Hugging, SentencePiece, Splintr, Tiktoken
from lcgen.errors import LcgenError, unknown
from lcgen.hub import LOCAL_FORMS, MODEL_FILES, model_folder
from lcgen.tokens import ODDITIES, SNIPPETS, Tokenizer, mixed

TIKTOKEN_ONLY = ("gpt2", "r50k_base", "p50k_base", "p50k_edit")


def tiktoken(name: str) -> Tokenizer:
    """A tiktoken encoding by name."""
    package = _package("tiktoken", f"tiktoken:{name}")
    if name not in package.list_encoding_names():
        raise unknown("tiktoken encoding", name, package.list_encoding_names())
    try:
        tokenizer = Tiktoken(name, package.get_encoding(name))
    except Exception:
        same = f" {name} is bundled: ask for it without 'tiktoken:'." if ALIASES.get(name, name) in BUNDLED else ""
        raise LcgenError(f"tiktoken could not fetch the rank file of {name!r}.{same} {LOCAL_FORMS}") from None
    tokenizer.reference, tokenizer.facts = "tiktoken", {"engine": tokenizer.engine, "reference": "tiktoken itself"}
    return tokenizer


def local(path: Path) -> Tokenizer:
    """A tokenizer.json, a SentencePiece .model, or a folder that holds one."""
    path = path.absolute()
    if not path.exists():
        raise LcgenError(
            f"There is no tokenizer at {str(path)!r}. Give a tokenizer.json, a SentencePiece .model, or their folder."
        )
    if path.is_dir():
        return _model(_tokenizer_file(path, str(path)), path.name, str(path), "", _stamp(path))
    return _model(path, f"{path.parent.name}/{path.name}", str(path), "", _stamp(path.parent))


def hub(name: str) -> Tokenizer:
    """The tokenizer of the Hub repository `org/name[@revision]`; its `source` holds the commit."""
    repo, _, revision = name.partition("@")
    folder, commit = model_folder(repo, revision or None)
    file = _tokenizer_file(folder, f"hf:{name}")
    return _model(file, f"hf:{name}", f"hf:{repo}@{commit}", commit, _stamp(folder))


def chat(folder: Path) -> tuple[str | None, dict[str, Any]]:
    """The default chat template of a model folder, if it has one, and its tokenizer_config.json."""
    config = _json(folder / "tokenizer_config.json") if (folder / "tokenizer_config.json").is_file() else {}
    template = config.get("chat_template")
    if isinstance(template, list):
        template = {entry.get("name"): entry.get("template") for entry in template if isinstance(entry, dict)}.get("default")
    if (folder / "chat_template.jinja").is_file():
        template = (folder / "chat_template.jinja").read_text("utf-8")
    return template if isinstance(template, str) else None, config


def special_texts(config: Mapping[str, Any]) -> dict[str, str]:
    """What a chat template may print as `bos_token` and so on, out of a tokenizer_config.json; empty where not set."""
    texts = {}
    for key in ("bos_token", "eos_token", "unk_token", "pad_token", "sep_token", "cls_token", "mask_token"):
        value = config.get(key)
        texts[key] = str(value.get("content", "") if isinstance(value, dict) else value or "")
    return texts


def _tokenizer_file(folder: Path, name: str) -> Path:
    for file in ("tokenizer.json", "tokenizer.model"):
        if (folder / file).is_file():
            return folder / file
    raise LcgenError(f"{name!r} holds no tokenizer.json and no tokenizer.model, so its tokens cannot be counted. {LOCAL_FORMS}")


@lru_cache(maxsize=4)
def _model(file: Path, name: str, source: str, revision: str, stamp: tuple[int, ...]) -> Tokenizer:
    """The tokenizer in `file`, with what stands beside it; `stamp` tells versions of a folder apart."""
    tokenizer = _from_json(file, name, source) if file.suffix == ".json" else _from_model(file, name, source)
    tokenizer.facts = {"engine": tokenizer.engine, **tokenizer.facts, **({"revision": revision} if revision else {})}
    tokenizer.chat_template, config = chat(file.parent)
    tokenizer.special_texts = special_texts(config)
    bos, adds = tokenizer.special_texts["bos_token"], config.get("add_bos_token")
    if adds is True and bos in tokenizer.specials and not tokenizer.bos:
        tokenizer.bos, tokenizer.affixes = bos, tokenizer.affixes + 1
    # Only these classes rebuild the template of the file from their configuration.
    rebuilt = re.match("(Code)?Llama|Gemma|Cohere", str(config.get("tokenizer_class")))
    if adds is False and bos and tokenizer.bos == bos and rebuilt:
        tokenizer.bos, tokenizer.affixes = "", tokenizer.affixes - 1
    return tokenizer


def _stamp(folder: Path) -> tuple[int, ...]:
    found = ((folder / name).stat() for name in MODEL_FILES if (folder / name).is_file())
    return tuple(number for stat in found for number in (stat.st_mtime_ns, stat.st_size))


def _from_json(file: Path, name: str, source: str) -> Tokenizer:
    _package("tokenizers", name)
    data = _json(file)
    try:
        vocabulary = data["model"]["vocab"]
        pieces = set(vocabulary) if isinstance(vocabulary, dict) else {piece for piece, _ in vocabulary}
        added = {token["content"]: token for token in data.get("added_tokens") or ()}
        # Marks such as <think> are not always flagged special. Runs of spaces, and pieces of the vocabulary proper, are
        # ordinary text.
        control = {text for text in added if added[text]["special"] or not (text in pieces or text.isspace())}
        for text in control:
            added[text]["special"] = True
        data["truncation"] = data["padding"] = None
        whole = json.dumps(data)
        slow = Hugging(name, source, whole, control)
        slow.reference = "tokenizers"
    except Exception:
        raise LcgenError(f"{name!r} {_has(file, name)} no tokenizer.json that the tokenizers package can read.") from None
    bare = json.dumps({**data, "post_processor": None})  # splintr's ordinary reading would add its tokens
    fast, probed = _stand_in(slow, bare, sorted(set(added) - control))
    if fast is None:
        slow.facts = {"reference": f"tokenizers itself; splintr reads the probe differently ({probed} characters)"}
        return slow
    fast.exact = cache(lambda: Hugging(name, source, whole, control))
    fast.bos, fast.affixes, fast.reference = slow.bos, slow.affixes, slow.reference
    fast.facts = {"reference": f"ids equal to {slow.engine} on a probe of {probed} characters"}
    return fast


def _stand_in(slow: Hugging, text: str, ordinary: Sequence[str]) -> tuple[Splintr | None, int]:
    """splintr on the same file if it reads a probe like `slow`, and the probe's length.

    The probe holds control texts as plain text and as such, and the `ordinary` added tokens of the file. How a rendered
    prompt falls apart at its control tokens is settled for both engines.
    """
    marks = sorted(slow.specials, key=lambda mark: (len(mark), mark))[:60]
    rare = (*SNIPPETS, *ODDITIES, *ordinary[:60])
    plain = [mixed(SNIPPETS, 400), mixed(rare, 1200), mixed((*SNIPPETS[:40], *marks), 500), *rare, *marks]
    shown = [mixed((*SNIPPETS, *marks), 500), *(mark + after for mark, after in zip(marks, rare, strict=False))]
    shown += [f"a {mark} b" for mark in marks]
    counts = [len(slow.rendered(text)) for text in shown]
    probed = sum(map(len, plain)) + sum(map(len, shown))

    def settled(tokenizer: Tokenizer) -> bool:
        for tokenizer.dummy_once, tokenizer.strips in ((False, False), (False, True), (True, False)):
            if [Tokenizer.count_parts(tokenizer, [(text, True)]) for text in shown] == counts:
                return True
        return False

    settled(slow)
    try:
        import splintr

        fast = Splintr(slow.name, slow.source, splintr.from_json_bytes(text.encode()), slow.specials)
        same = all(fast.encode(text) == slow.encode(text) for text in plain) and settled(fast)
    except Exception:  # a file that splintr does not know
        return None, probed
    return (fast if same else None), probed


def _has(file: Path, name: str) -> str:
    """What a name does that turned out to be no tokenizer: a file is none, a folder or a model of the Hub holds none."""
    return "is" if name.endswith(file.name) else "holds"


def _from_model(file: Path, name: str, source: str) -> Tokenizer:
    package = _package("sentencepiece", name)
    try:
        tokenizer = SentencePiece(name, source, package.SentencePieceProcessor(model_file=str(file)))
    except Exception:
        raise LcgenError(
            f"{name!r} {_has(file, name)} no SentencePiece model (tiktoken rank files have the same ending). Give its tokenizer.json."
        ) from None
    tokenizer.reference, tokenizer.facts = "sentencepiece", {"reference": "sentencepiece itself"}
    return tokenizer


def _json(file: Path) -> dict[str, Any]:
    try:
        data = json.loads(file.read_bytes())
    except (OSError, ValueError):
        data = None
    if not isinstance(data, dict):
        raise LcgenError(f"{file.name} in the folder {file.parent.name} cannot be read as a JSON object.")
    return data


def _package(package: str, name: str) -> Any:
    try:
        return import_module(package)
    except ImportError:
        raise LcgenError(
            f"{name!r} needs a package: run `pip install {package}`, or take a bundled name (`lcgen tokenizers`)."
        ) from None
