"""Languages: facts out of files, and what a faulty file is told."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from lcgen import haystack, languages, prose, tokens
from lcgen.errors import LcgenError
from lcgen.sentences import units
from tests.test_prose import SMALL

FACTS: dict[str, Any] = {"gap": " ", "keys": ["first", "-", "second"], "stops": ".!"}


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder of languages in the place of lcgen's own."""
    monkeypatch.setattr(languages, "_root", lambda: tmp_path)
    languages.load.cache_clear()
    yield tmp_path
    languages.load.cache_clear()


def write(root: Path, code: str, text: str) -> None:
    (root / code).mkdir()
    (root / code / languages.FILE).write_text(text, encoding="utf-8")


def test_a_language_is_a_folder_with_facts(root: Path) -> None:
    write(root, "xx", json.dumps({**FACTS, "settled": [".", "!"]}))
    (root / "yy").mkdir()
    assert languages.names() == ["xx"]
    found = languages.load("xx")
    assert (found.code, found.gap, found.keys, found.settled, found.cuts) == (
        "xx",
        " ",
        ("first", "-", "second"),
        (".", "!"),
        ("",) * 3,
    )
    with pytest.raises(LcgenError, match="Unknown language 'yy'. Known: xx"):
        languages.load("yy")
    with pytest.raises(LcgenError, match="Unknown language '../xx'"):
        languages.folder("../xx")
    with pytest.raises(LcgenError, match="'xx' has no words/first.txt"):
        languages.words("xx", "first")


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("{", "Expecting"),
        ("[]", "a JSON object is needed"),
        (json.dumps({"gap": " "}), "keys, stops must be given"),
        (json.dumps({**FACTS, "stop": "."}), "unknown stop; there may be gap"),
        (json.dumps({**FACTS, "stops": ["."]}), "stops must be a text"),
        (json.dumps({**FACTS, "stops": ""}), "stops must name a mark"),
        (json.dumps({**FACTS, "settled": "."}), "settled must be a list of texts"),
        (json.dumps({**FACTS, "keys": ["first", "second"]}), "keys must have three parts"),
        (json.dumps({**FACTS, "keys": ["first", None, "second"]}), "keys must be a list of texts"),
        (json.dumps({**FACTS, "gap": "  "}), "gap must be a space or nothing"),
        (json.dumps({**FACTS, "script": "z-a"}), "script must be letters and ranges"),
    ],
)
def test_a_faulty_file_is_named(root: Path, text: str, says: str) -> None:
    write(root, "xx", text)
    with pytest.raises(LcgenError, match=rf"lang/xx/language\.json: .*{says}"):
        languages.load("xx")


def test_letters_tell_languages_apart(root: Path) -> None:
    for code, script in {"aa": "", "bb": "", "ru": "а-яА-Я", "ja": "ぁ-ヿ\u4e00-\u9fff", "zh": "\u4e00-\u9fff"}.items():
        write(root, code, json.dumps({**FACTS, "script": script}))
    assert languages.possible("A text of letters that many share.") == ["aa", "bb"] == languages.possible("")
    assert languages.possible("Съешь ещё этих мягких булок") == ["ru"]
    assert languages.possible("他在河边等了整整一个下午") == ["ja", "zh"]
    assert languages.possible("いろはにほへとちりぬるを") == ["ja"]


@pytest.mark.parametrize(
    ("lang", "text", "looks"), [("en", "他在河边等了整整一个下午。" * 9, "zh"), ("zh", "A lamp was lit. " * 9, "en")]
)
def test_a_haystack_in_another_script_is_refused(tmp_path: Path, lang: str, text: str, looks: str) -> None:
    (tmp_path / "a.txt").write_text(text, encoding="utf-8")
    with pytest.raises(LcgenError, match=f"is in '{looks}', but the prompts are in '{lang}'. Ask for --lang {looks}"):
        haystack.Haystack(str(tmp_path / "a.txt"), lang, tokens.load())


def test_a_few_facts_are_enough_to_split_by(root: Path) -> None:
    write(root, "xx", json.dumps(FACTS))
    write(root, "yy", json.dumps({**FACTS, "gap": "", "stops": "]^。"}))
    assert list(units("The lamp was lit early! The rain came later. And so on for years.", "xx")) == [
        "The lamp was lit early!",
        "The rain came later.",
        "And so on for years.",
    ]
    first, second = "他在河边等了整整一个下午，始终没有一个人来]", "天色慢慢暗了下来，灯火一盏一盏地亮了起来。"
    assert list(units(first + second, "yy")) == [first, second]


@pytest.mark.parametrize("lang", languages.names())
def test_prose_leaves_the_gap_of_its_language(lang: str) -> None:
    """The grammar's own setting `space` says the same as the language's facts."""
    settings = languages.text(lang, "prose", prose.SENTENCES)
    assert f"space = {'yes' if languages.load(lang).gap else 'no'}\n" in settings


def test_prose_is_added_by_files_alone(root: Path) -> None:
    write(root, "xx", json.dumps(FACTS))
    with pytest.raises(LcgenError, match="no prose in language 'xx'"):
        prose.version("xx")
    (root / "xx/prose").mkdir()
    for name, text in SMALL.items():
        (root / "xx/prose" / name).write_text(text, encoding="utf-8")
    made = prose.write(prose.load("xx"), 50)
    assert made.text(0).startswith(("A heron and", "An owl and")) and len(prose.version("xx")) == 64
