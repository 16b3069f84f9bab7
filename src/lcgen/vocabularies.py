"""Where vocabularies come from: bundled, from the Hub, a model folder, a file; and which engine reads them.

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

from lcgen.engines import Hugging, SentencePiece, Splintr, Tiktoken
from lcgen.errors import LcgenError, unknown
from lcgen.tokens import ODDITIES, SNIPPETS, Tokenizer, mixed

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
TIKTOKEN_ONLY = ("gpt2", "r50k_base", "p50k_base", "p50k_edit")
# Gemma's vocabularies hold turn marks and HTML tags that splintr does not list as special: ids to look at, and the
# tags among them, which SentencePiece reads in any text. The others are control tokens.
GEMMA = {
    "gemma2": ((*range(345), 255968, 255999), range(169, 217)),
    "gemma3": ((*range(366), 255999), range(168, 238)),
    "gemma4": ((*range(107), 255999, 256000), range(0)),
}
MODEL_FILES = ("tokenizer.json", "tokenizer_config.json", "chat_template.jinja", "tokenizer.model")
LOCAL_FORMS = (
    "Without a network these work: a bundled name (`lcgen tokenizers`), a path to a tokenizer.json, "
    "a model folder that holds one."
)


@cache
def bundled(name: str) -> Tokenizer:
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
    folder, commit = fetch(repo, revision or None)
    file = _tokenizer_file(folder, f"hf:{name}")
    return _model(file, f"hf:{name}", f"hf:{repo}@{commit}", commit, _stamp(folder))


def is_hub_id(name: str) -> bool:
    """Whether this has the form of a Hub id, `org/name` or `hf:...`."""
    return name.startswith("hf:") or bool(re.fullmatch(r"\w[\w.-]*/[\w.-]+(@[\w./-]+)?", name))


def fetch(repo: str, revision: str | None) -> tuple[Path, str]:
    """Folder with the MODEL_FILES of a Hub repository, and its commit; out of the local cache without a network."""
    package = _package("huggingface_hub", f"hf:{repo}")
    wanted = f"'hf:{repo}'" + (f" at revision {revision!r}" if revision else "")
    try:
        info = package.HfApi().model_info(repo, revision=revision, timeout=20)
        there = {sibling.rfilename for sibling in info.siblings or ()}
        paths = [package.hf_hub_download(repo, file, revision=info.sha) for file in MODEL_FILES if file in there]
        if not paths:
            raise LcgenError(f"{wanted} holds none of {', '.join(MODEL_FILES)}.")
    except LcgenError:
        raise
    except (
        Exception
    ) as error:  # the package's errors hold addresses and request ids, and differ between versions: told apart by name
        kinds = {kind.__name__ for kind in type(error).__mro__}
        if "GatedRepoError" in kinds:
            raise LcgenError(f"{wanted} is gated: accept its terms on the Hub, then run `hf auth login`.") from None
        if kinds & {"RepositoryNotFoundError", "RevisionNotFoundError", "HFValidationError"}:
            raise LcgenError(
                f"The Hub has no {wanted}, or it is private: check org/name, or run `hf auth login`. {LOCAL_FORMS}"
            ) from None
        paths = [path for file in MODEL_FILES if (path := _cached(package, repo, file, revision))]
        if not paths:
            raise LcgenError(
                f"The Hub could not be reached for {wanted}, and its local cache does not hold it. {LOCAL_FORMS}"
            ) from None
    folder = Path(paths[0]).parent
    return folder, folder.name


def _cached(package: Any, repo: str, file: str, revision: str | None) -> str | None:
    try:
        return str(package.hf_hub_download(repo, file, revision=revision, local_files_only=True))
    except Exception:
        return None


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
        raise LcgenError(f"{name!r} is no tokenizer.json that the tokenizers package can read.") from None
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


def _from_model(file: Path, name: str, source: str) -> Tokenizer:
    package = _package("sentencepiece", name)
    try:
        tokenizer = SentencePiece(name, source, package.SentencePieceProcessor(model_file=str(file)))
    except Exception:
        raise LcgenError(
            f"{name!r} is no SentencePiece model (tiktoken rank files have the same ending). Give its tokenizer.json."
        ) from None
    tokenizer.reference, tokenizer.facts = "sentencepiece", {"reference": "sentencepiece itself"}
    return tokenizer


def _json(file: Path) -> dict[str, Any]:
    try:
        data = json.loads(file.read_bytes())
    except (OSError, ValueError):
        data = None
    if not isinstance(data, dict):
        raise LcgenError(f"{file.parent.name}/{file.name} cannot be read as a JSON object.")
    return data


def _package(package: str, name: str) -> Any:
    try:
        return import_module(package)
    except ImportError:
        raise LcgenError(
            f"{name!r} needs a package: run `pip install {package}`, or take a bundled name (`lcgen tokenizers`)."
        ) from None
