"""Generated prose: the figures that it promises, and that it is the same everywhere."""

from __future__ import annotations

import hashlib
import json
import re
from pathlib import Path

import pyarrow as pa
import pytest

from lcgen import generators, prose, templates, tokens
from lcgen.haystack import words
from lcgen.wording import Wording

SENTENCES = 60_000
TASK_WORDS = [
    "key",
    "code",
    "number",
    "value",
    "passkey",
    "password",
    "secret",
    "magic",
    "phone",
    "none",
    "answer",
    "question",
    "registry",
]


@pytest.fixture(scope="module", params=["en", "zh"])
def sample(request: pytest.FixtureRequest) -> tuple[str, list[str]]:
    """A language and 60,000 of its sentences, more than a million tokens."""
    made = prose.write(prose.load(request.param), SENTENCES)
    borders = made.borders.tolist()
    return request.param, [b"".join([made.table[p] for p in made.pieces[a:b]]).decode() for a, b in zip(borders, borders[1:])]


def _million(sentences: list[str]) -> list[str]:
    counted = tokens.load().counts(sentences).cumsum()
    assert counted[-1] > 10**6
    return sentences[: int((counted < 10**6).sum())]


def test_sentences_hardly_repeat(sample: tuple[str, list[str]]) -> None:
    held = _million(sample[1])
    assert len(held) - len(set(held)) <= len(held) / 1000


def test_prose_does_not_compress_better_than_it_should(sample: tuple[str, list[str]]) -> None:
    lang, sentences = sample
    text = ("" if lang == "zh" else " ").join(sentences).encode()[: 5 * 10**6]
    assert len(text) / len(pa.Codec("zstd", compression_level=3).compress(text)) < 4


def test_english_has_many_word_forms(sample: tuple[str, list[str]]) -> None:
    lang, sentences = sample
    if lang == "en":
        assert len(set(re.findall(r"[a-z]+", " ".join(_million(sentences)).lower()))) > 6000
    else:
        assert len(set("".join(_million(sentences)))) > 1000


def test_sentences_keep_the_alphabet(sample: tuple[str, list[str]]) -> None:
    """One full stop at the end and none before it; no digit, hyphen or quote; no word that a task uses."""
    lang, sentences = sample
    shape = r"[A-Z][a-z]*(,? [A-Za-z]+)*\." if lang == "en" else r"[\u4e00-\u9fff]+([，、][\u4e00-\u9fff]+)*。"
    strange = [text for text in sentences if not re.fullmatch(shape, text)]
    assert not strange, strange[:5]
    if lang == "en":
        used = set(re.findall(r"[a-z]+", " ".join(sentences).lower()))
        assert not used & set(TASK_WORDS)


def test_prose_never_says_what_a_task_plants(sample: tuple[str, list[str]]) -> None:
    lang, sentences = sample
    text = "\n".join(sentences)
    for name in generators.names():
        wording = Wording(templates.source(name, lang), lang, generators.get(name).blocks)
        for block, slots in wording.blocks.items():
            if slots and not any(slot.endswith(("*", "?")) for slot in slots):
                assert not wording.pattern(block).search(text)


def test_prose_is_the_same_everywhere(sample: tuple[str, list[str]], request: pytest.FixtureRequest) -> None:
    """The first sentences of each grammar, by hash: equal on every Python and numpy."""
    lang, sentences = sample
    path = Path(__file__).parent / "golden" / "prose.json"
    found = hashlib.sha256("\n".join(sentences[:5000]).encode()).hexdigest()
    known = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    if request.config.getoption("--update-golden"):
        known[lang] = found
        path.write_text(json.dumps(dict(sorted(known.items())), indent=1) + "\n", encoding="utf-8")
    assert known.get(lang) == found, "the grammar changed: run pytest --update-golden"


@pytest.mark.parametrize(("lang", "lists"), [("en", ("adjectives", "nouns")), ("zh", ("modifiers", "nouns"))])
def test_word_lists_are_distinct(lang: str, lists: tuple[str, str]) -> None:
    first, second = (words(lang, kind) for kind in lists)
    assert len(set(first)) == len(first) >= 300 and len(set(second)) == len(second) >= 600
    assert len(first) * len(second) >= 300_000
