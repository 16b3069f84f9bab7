"""Languages: facts out of files, what a faulty file is told, and rows in languages made of files alone."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from importlib import import_module
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from lcgen import haystack, languages, prose, telephones, tokens
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


DIGITS = ["0123456789"] * 3
LINES = {layout: ["line", "#", "line"] for layout in telephones.LAYOUTS}


@pytest.fixture
def numbered(root: Path) -> Iterator[Path]:
    """The same, with telephone numbers for all languages."""
    telephones._layouts.cache_clear()
    telephones.numbers.cache_clear()
    write(root, "xx", json.dumps(FACTS))
    (root / telephones.FILE).write_text(json.dumps({"groups": {"line": DIGITS}, "layouts": LINES}), encoding="utf-8")
    yield root
    telephones._layouts.cache_clear()
    telephones.numbers.cache_clear()


def test_a_language_may_have_telephone_numbers_of_its_own(numbered: Path) -> None:
    own = {
        "groups": {"line": ["12", "0", "345"]},
        "codes": {"country": ["+7", "+8"]},
        "layouts": {**LINES, "plain": ["country", "line"]},
    }
    write(numbered, "yy", json.dumps(FACTS))
    (numbered / "yy" / telephones.FILE).write_text(json.dumps(own), encoding="utf-8")
    plain = telephones.numbers("yy", "plain")
    assert plain.size == 12 and plain.texts(np.arange(12, dtype=np.uint64))[::6] == ["+7103", "+8103"]
    shared = telephones.numbers("xx", "plain")
    assert shared.size == (10 * 9 * 10) ** 2 and shared.texts(np.zeros(1, np.uint64)) == ["010#010"]


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"groups": None}, "groups must be given"),
        ({"layouts": {"plain": ["line"]}}, "hyphens must be given"),
        ({"groups": {"line": DIGITS[:2]}}, "the group line needs three digits or more that can differ"),
        ({"groups": {"line": ["1", "1", "1"]}}, "the group line needs three digits or more that can differ"),
        ({"groups": []}, "must be objects of lists"),
        ({"codes": {"country": ["1", "44"]}}, "the codes of country differ in width"),
    ],
)
def test_a_faulty_file_of_telephone_numbers_is_named(numbered: Path, change: dict[str, Any], says: str) -> None:
    facts = {"groups": {"line": DIGITS}, "layouts": LINES, **change}
    (numbered / "xx" / telephones.FILE).write_text(
        json.dumps({k: v for k, v in facts.items() if v is not None}), encoding="utf-8"
    )
    with pytest.raises(LcgenError, match=rf"lang/xx/telephones\.json: .*{says}"):
        telephones.numbers("xx", "hyphens")


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


# ---- rows in a new language


def tokens_of(letters: str, count: int) -> list[str]:
    """Words of equal length, so that none begins or ends another."""
    return ["".join(word) for word in product(letters, repeat=3)][:count]


NEW: dict[str, dict[str, Any]] = {
    "ru": {
        "facts": {"gap": " ", "keys": ["one", "-", "two"], "stops": ".!?", "closing": "»", "opening": "«", "script": "а-яёА-ЯЁ",
                  "settled": [".", "!"], "cuts": [";", ",", ""], "titles": "им", "shortened": "г", "openers": "Он Она"},
        "words": (tokens_of("бвгдежз", 200), tokens_of("клмнопр", 200)),
        "pads": [f"Не спешите{' и снова' * n}." for n in range(40)],
        "noise": ["Река медленно течёт мимо мельницы.", "Листья падают на воду.", "За холмом звонит колокол.", "Тихо."],
        "text": "Они жили в г. Уфе на ул. им. Толстого много лет. Потом {} раз вернулись домой! ",
        "cuts": ["Они жили в г. Уфе на ул. им. Толстого много лет.", "Потом 0 раз вернулись домой!"],
        "template": ("Запись для {{ key }} такова: {{ value }}.", "Что записано для {{ keys | join(' и ') }}?", "Ответьте кратко."),
    },
    "ja": {
        "facts": {"gap": "", "keys": ["one", "", "two"], "stops": "。！", "closing": "」", "script": "ぁ-ヿ一-龠", "settled": ["。"],
                  "cuts": ["", "、", ""]},
        "words": (tokens_of("あいうえおかき", 200), tokens_of("サシスセソタチ", 200)),
        "pads": [f"ゆっくり{'とても' * n}読んでください。" for n in range(40)],
        "noise": ["川は水車のそばをゆっくり流れていく。", "木の葉が水の上に落ちる。", "丘の向こうで鐘が鳴る。", "静かだ。"],
        "text": "その人たちは長い間この小さな町に静かに住んでいました。それから{}回も家に帰ってきて話をしました。",
        "cuts": ["その人たちは長い間この小さな町に静かに住んでいました。", "それから0回も家に帰ってきて話をしました。"],
        "template": ("登録簿によれば「{{ key }}」の項は「{{ value }}」である。", "「{{ keys | join('」と「') }}」の項は何ですか。", "短く答えてください。"),
    },
}  # fmt: skip
ROWS = """
import json, sys, lcgen
from lcgen.sentences import units
lang, text, out = sys.argv[1:]
found = {"units": list(units(open(text, encoding="utf-8").read(), lang))[:2]}
for haystack in ("noise", "records", text):
    report = lcgen.build("needle", f"{out}/{haystack[-5:]}", lengths="1k", depths="0,0.5", lang=lang, haystack=haystack, verify="full",
                         params={"keys": 2, "similar_keys": 1})
    assert not lcgen.verify(report.folder).faults
    found[haystack] = list(lcgen.generate("needle", lengths="1k", depths="0,0.5", lang=lang, haystack=haystack))
print(json.dumps({"at": lcgen.__file__, "found": found}))
"""


def installed(home: Path) -> Path:
    """A copy of lcgen as it stands in site-packages."""
    copy = home / "lcgen"
    nested = ["generators", "builders", "templates", "schemas", "cards"]
    kept = shutil.ignore_patterns("__pycache__", *nested)
    shutil.copytree(Path(import_module("lcgen").__path__[0]), copy, ignore=kept)
    for name in nested:
        shutil.copytree(import_module(f"lcgen.{name}").__path__[0], copy / name, ignore=shutil.ignore_patterns("__pycache__"))
    return copy


@pytest.mark.parametrize("code", NEW)
def test_a_language_is_added_by_files_alone(tmp_path: Path, code: str) -> None:
    new, copy = NEW[code], installed(tmp_path)
    folder = copy / "lang" / code
    (folder / "words").mkdir(parents=True)
    (folder / "language.json").write_text(json.dumps(new["facts"]), encoding="utf-8")
    for name, words in zip(("one", "two"), new["words"]):
        (folder / "words" / f"{name}.txt").write_text("\n".join(words), encoding="utf-8")
    for name in ("pads", "noise"):
        (folder / f"{name}.txt").write_text("\n".join(new[name]) + "\n", encoding="utf-8")
    needle, ask, close = new["template"]
    (copy / f"templates/needle.{code}.j2").write_text(
        f"{{%- macro needle(key, value) -%}}{needle}{{%- endmacro -%}}{{%- macro ask(keys, doubtful) -%}}{ask}{{%- endmacro -%}}\n"
        f"{{% if place != 'after' %}}{{{{ question }}}}\n{{% endif %}}{{{{ context }}}}\n\n{{{{ pad }}}}\n"
        f"{{% if place != 'before' %}}{{{{ question }}}}{{% endif %}}\n{close}",
        encoding="utf-8",
    )
    text = tmp_path / "tale.txt"
    text.write_text("".join(new["text"].format(n) for n in range(200)), encoding="utf-8")
    env = {**os.environ, "PYTHONPATH": str(tmp_path), "LCGEN_CACHE": str(tmp_path / "cache")}
    run = subprocess.run(
        [sys.executable, "-c", ROWS, code, str(text), str(tmp_path / "built")],
        env=env,
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert run.returncode == 0, run.stderr
    done = json.loads(run.stdout.splitlines()[-1])
    assert Path(done["at"]).parent == copy
    assert done["found"].pop("units") == new["cuts"]
    assert len(done["found"]) == 3
    for rows in done["found"].values():
        for row in rows:
            assert row["lang"] == code and row["length"] == 1024
            context = row["input"][row["context_start"] : row["context_end"]]
            planted = row["evidence"][0]["text"]
            assert planted in context and ((" " in context.replace(planted, "")) == (new["facts"]["gap"] == " "))
            if row["depth"]:
                assert new["facts"]["gap"] + planted + new["facts"]["gap"] in context


def test_prose_is_added_by_files_alone(root: Path) -> None:
    write(root, "xx", json.dumps(FACTS))
    with pytest.raises(LcgenError, match="no prose in language 'xx'"):
        prose.version("xx")
    (root / "xx/prose").mkdir()
    for name, text in SMALL.items():
        (root / "xx/prose" / name).write_text(text, encoding="utf-8")
    made = prose.write(prose.load("xx"), 50)
    assert made.text(0).startswith(("A heron and", "An owl and")) and len(prose.version("xx")) == 64
