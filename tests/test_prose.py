"""Generated prose: the figures that it promises, and that it is the same everywhere."""

from __future__ import annotations

import hashlib
import json
import re
from pathlib import Path

import pyarrow as pa
import pytest

from lcgen import generators, languages, prose, templates, tokens
from lcgen.errors import LcgenError
from lcgen.grammar import Grammar
from lcgen.lexicon import Data, Lexicon
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
        task = generators.get(name)
        # Long answers have filler of their own, and so have records and events; in another text sort_order plants nothing.
        if task.axis == "output" or task.records_only or name == "sort_order":
            continue
        wording = Wording(templates.source(name, lang), lang, task.blocks, axis=task.axis)
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


@pytest.mark.parametrize("lang", languages.names())
def test_word_lists_are_distinct(lang: str) -> None:
    lists = languages.load(lang).keys
    first, second = languages.words(lang, lists[0]), languages.words(lang, lists[2])
    assert len(set(first)) == len(first) >= 300 and len(set(second)) == len(second) >= 600
    assert len(first) * len(second) >= 300_000


# ---- data files

SMALL = {
    "lexicon.txt": "[groups]\nall = bird tree\n[bird: one many]\nowl owls\nheron herons\n[tree: one many]\noak oaks\n"
    "[rest: past | of what]\nslept | all\nwatched | bird > tree\n",
    "topics.txt": "[wood]\nbird: owl heron\n",
    "sentences.txt": "[language]\narticle = a an\narticle_second_before = aeiou\n[cast]\nb = bird\n"
    "[open]\na {b} and a {x=tree} were {tree.many}.\n[body]\n"
    + "".join(f"{word} the {{b}} {{rest(b,x).past}} a {{x=tree}}.\n" for word in ("now", *map(chr, range(98, 106))))
    + "[close]\nthe {b} {rest(b).past} at {tree}, and a {x=bird} too.\n",
}


def small(**texts: str) -> Grammar:
    """The grammar of SMALL, with some of its files changed."""
    words, topics, sentences = (Data("xx", name, {**SMALL, **texts}[name]) for name in SMALL)
    return Grammar(Lexicon(words, topics), sentences, "1")


def test_articles_forms_and_arguments_are_as_the_data_says() -> None:
    made = prose.write(small(), 2000)
    said = {made.text(k) for k in range(2000)}
    assert {"A heron and an oak were oaks.", "An owl and an oak were oaks."} <= said
    assert {"Now the owl watched an oak.", "The heron slept at oak, and an owl too."} <= said
    assert not any(re.search(r"slept an|\b[aA] o|\b[aA]n h|  | [.,]", text) for text in said)
    assert all(made.text(k)[0] == "A" for k in range(2000) if made.breaks[k])


@pytest.mark.parametrize(
    ("name", "old", "new", "line", "says"),
    [
        ("lexicon.txt", "owl owls", "owl", 4, r"'owl' does not fill \[bird: one many\]"),
        ("lexicon.txt", "slept | all", "slept", 9, "does not fill"),
        ("lexicon.txt", "slept | all", "slept | fish", 9, "no class or group is called 'fish'"),
        ("lexicon.txt", "[tree: one many]", "[bird: one many]", 6, "comes a second time"),
        ("lexicon.txt", "[groups]\n", "", 1, r"before the first \[section\]"),
        ("topics.txt", "bird: owl", "bird: eagle", 2, "the lexicon has no bird 'eagle'"),
        ("sentences.txt", "[close]", "[end]", 19, r"no section may be called \[end\]"),
        ("sentences.txt", "b = bird", "tree = bird", 5, "'tree' names a class too"),
        ("sentences.txt", "too.", "too. * many", 19, "a whole number"),
        ("sentences.txt", "too.", "too", 19, "does not stand once, at the end"),
        ("sentences.txt", "{tree}, and", "{tree, and", 19, "a slot cannot be read"),
        ("sentences.txt", "at {tree}", "at {fish}", 19, "no class or group is called 'fish'"),
        ("sentences.txt", "at {tree}", "at {rest}", 19, "must have arguments if, and only if"),
        ("sentences.txt", "at {tree}", "at {tree.few}", 19, "a form that some class lacks"),
        ("sentences.txt", "at {tree}", "at-{tree}", 19, "must stand between spaces or marks"),
        ("sentences.txt", "{rest(b)", "{rest(y)", 19, "are not labels or cast names"),
        ("sentences.txt", "{rest(b)", "{rest(x,b)", 19, "no rest fits bird > bird"),
        ("sentences.txt", "at {tree}", "at {x=tree}", 19, "'x' is given twice"),
        ("sentences.txt", "[body]\n", "[body]\n#", 7, "too few body or close lines"),
    ],
)
def test_bad_data_is_named_by_file_and_line(name: str, old: str, new: str, line: int, says: str) -> None:
    assert old in SMALL[name]
    with pytest.raises(LcgenError, match=rf"lang/xx/prose/{name}, line {line}: .*{says}"):
        small(**{name: SMALL[name].replace(old, new, 1)})
