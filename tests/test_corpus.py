"""Text from outside: reading it, splitting it, naming it."""

from __future__ import annotations

import gzip
import json
import lzma
import sys
import types
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lcgen import corpus, sources, texts
from lcgen.errors import LcgenError
from lcgen.markup import plain
from lcgen.sentences import LONG, split, units


@pytest.fixture(autouse=True)
def _own_cache(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LCGEN_CACHE", str(tmp_path_factory.mktemp("cache")))


def en(text: str) -> list[str]:
    return list(units(text, "en"))


# ---- sentences


@pytest.mark.parametrize(
    "sentences",
    [
        ["The boat came in before noon.", "Nobody had expected it so early."],
        ["Mr. and Mrs. Hale met Dr. J. K. Orme at St. Ives.", "They spoke for an hour about tides."],
        ["The rope was 3.5 metres long, i.e. too short.", "No. 7 on the list was longer by far."],
        ['"We leave at dawn," she said, "whatever comes."', '"Is that wise?" he asked her quietly.', "It was not."],
        [
            'He read the sign ("Mind the step.") twice over.',
            "(Nobody else had ever read it.)",
            "Then he went in at last.",
        ],
        ["The U.S. Senate sat until 4 p.m. on Oct. 3 of that year.", "The House of Lords did not sit at all."],
        [
            "What a storm that was last night!",
            "Did the old mast hold until the morning?",
            "It held, against all reason.",
        ],
        ["They waited... and waited for the ferry.", "“It will come,” he said.", "“It always comes in the end.”"],
        ["So did I.", "The others went on without us then."],
    ],
)
def test_english_sentences(sentences: list[str]) -> None:
    found = en(" ".join(sentences))
    assert " ".join(found) == " ".join(sentences)
    # A short sentence is merged with the next one, so the cuts are among those expected.
    cuts, at = set(), 0
    for sentence in sentences:
        at += len(sentence) + 1
        cuts.add(at)
    at = 0
    for unit in found:
        at += len(unit) + 1
        assert at in cuts, unit
    assert len(found) >= sum(len(sentence) >= 20 for sentence in sentences)


def test_a_short_sentence_joins_its_neighbour() -> None:
    assert en("Yes. No. They could not agree on anything at all. Fine.") == [
        "Yes. No. They could not agree on anything at all. Fine."
    ]


def test_chinese_sentences_keep_closing_quotes_and_have_no_separator() -> None:
    text = (
        "他在河边等了整整一个下午，始终没有一个人来。她走过去轻声问：“你为什么还不回到村子里去？”"
        "老人听了笑了笑，慢慢地摇着头说一点也不必着急！天色慢慢暗了下来；远处的灯火一盏一盏地亮了起来。"
    )
    found = list(units(text, "zh"))
    assert "".join(found) == text
    assert [unit[-2:] for unit in found] == ["来。", "？”", "急！", "来。"]
    assert not any(unit[0] in "”。！？；" for unit in found)


def test_chinese_lines_wrapped_by_hand_are_joined() -> None:
    assert list(units("山上的雪还没有化完，路上\n已经有人挑着担子往集市去了。", "zh")) == [
        "山上的雪还没有化完，路上已经有人挑着担子往集市去了。"
    ]


def test_lines_wrapped_by_hand_are_one_paragraph_and_long_lines_are_each_one() -> None:
    wrapped = "The tide turned late that day and the\nboats lay long on the mud.\n\nAt dusk they floated off at last."
    assert list(split(wrapped, "en")) == [
        ("The tide turned late that day and the boats lay long on the mud.", True),
        ("At dusk they floated off at last.", True),
    ]
    line = "The harbour was full of small boats that day, and none of them would move before the wind did. " * 2
    assert [opens for _, opens in split(f"{line}\n{line}", "en")] == [True, False, True, False]


@pytest.mark.parametrize(("lang", "word"), [("en", "word "), ("en", "word, "), ("zh", "大风起兮，"), ("zh", "风"), ("en", "x")])
def test_no_unit_is_huge(lang: str, word: str) -> None:
    text = (word * 4000).strip()
    found = list(units(text, lang))
    assert max(map(len, found)) <= LONG
    assert "".join("".join(found).split()) == "".join(text.split())


def test_what_cannot_be_seen_is_removed() -> None:
    text = "A \x00wide\x1b \u200bfield\ufffd lay\ue000 op\u00aden under\ud800 the sky\x07 of the north.\ufeff"
    assert en(text) == ["A wide field lay open under the sky of the north."]


def test_no_unit_starts_with_a_slash() -> None:
    text = "/usr is a folder that many machines have. /etc is another one of it.\n\n/ and so on, for ever and ever."
    found = en(text)
    assert not any(unit.startswith("/") for unit in found)
    assert "/etc is another one" in " ".join(found)


def test_rules_and_ornaments_are_no_units() -> None:
    assert en("* * *\n\nThe end of the first part came.\n\n-----\n\n***") == ["The end of the first part came."]


ODD = "ab AB.?!\"')(“”’/,;:\n\t1。！？”“，中文\x00\ufffd\ud800 "


@given(st.text(alphabet=st.sampled_from(ODD)), st.sampled_from(["en", "zh"]))
def test_units_of_any_text(text: str, lang: str) -> None:
    found = list(units(text, lang))
    for unit in found:
        unit.encode()
        assert unit == unit.strip() and unit and "\n" not in unit and "  " not in unit
        assert unit[0] != "/" and "\x00" not in unit and "\ufffd" not in unit
        assert len(unit) <= LONG + 40
    kept = [c for c in text if not c.isspace() and c not in "/\x00\ufffd\ud800"]
    # Only whole paragraphs without a letter or digit may be missing.
    assert [c for c in "".join(found) if c.isalnum()] == [c for c in kept if c.isalnum()]


def test_splitting_hostile_lines_takes_linear_time() -> None:
    for hostile in (". ", ".", "(", "a", "。", "Mr. ", '."'):
        for lang in ("en", "zh"):
            list(units(hostile * 60_000 + "a", lang))
    for hostile in ("[", "`", "*", "__", "<!--", "![a](", "[a](", "- ", "_a", "> ", "#", "| ", "\\", "<a", "=", "~"):
        plain(hostile * 60_000 + "x")


# ---- Markdown


def test_markdown_becomes_plain_paragraphs() -> None:
    text = """---
title: Boats
---
# The harbour #

A *small* boat with a **red** sail and [an anchor](http://example.org/a_(b) "x") lay ![picture](boat.png)there.
It had `two` oars &amp; a snake_case_name.<br>

Old boats
---------

> A quoted line of some length.

* first item of the list
2. second item of the list
- [x] third item of the list

```python
print("code is left out")
```

| a | b |
|---|---|
| 1 | 2 |

See [the note][n] and this[^1]. <!-- never seen --> Done \\*here\\*.

[n]: http://example.org
"""
    paragraphs = [" ".join(part.split()) for part in plain(text).split("\n\n") if part.strip()]
    assert paragraphs == [
        "The harbour",
        "A small boat with a red sail and an anchor lay there. It had two oars & a snake_case_name.",
        "Old boats",
        "A quoted line of some length.",
        "first item of the list",
        "second item of the list",
        "third item of the list",
        "See the note and this. Done *here*.",
    ]


# ---- documents

TEXT = "The first lamp was lit before the rain came. "


def write(path: Path, text: str = TEXT) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    data = text.encode()
    packers: dict[str, Callable[[bytes], bytes]] = {".gz": gzip.compress, ".xz": lzma.compress}
    packed = packers.get(path.suffix)
    path.write_bytes(packed(data) if packed else data)
    return path


@pytest.mark.parametrize("name", ["a.txt", "a.md", "a.TXT", "a.txt.gz", "a.md.xz", "a.txt.xz"])
def test_a_file(tmp_path: Path, name: str) -> None:
    assert [text.strip() for text in texts.documents(str(write(tmp_path / name)))] == [TEXT.strip()]


@pytest.mark.parametrize("packing", ["", ".gz", ".xz"])
def test_json_lines_and_their_column(tmp_path: Path, packing: str) -> None:
    rows = [{"text": "one"}, {"text": None, "body": "x"}, {"text": "two", "body": "y"}]
    path = write(tmp_path / f"a.jsonl{packing}", "\ufeff" + "\n\n".join(map(json.dumps, rows)) + "\n")
    assert list(texts.documents(str(path))) == ["one", "two"]
    with pytest.raises(LcgenError, match=r"line 1: no column 'body'.*'text'"):
        list(texts.documents(f"{path}:body"))
    assert sources.fingerprint(str(path)) != sources.fingerprint(f"{path}:body")


def test_a_folder_is_read_in_the_order_of_its_names(tmp_path: Path) -> None:
    for name in ("b/2.txt", "a.txt", "b/10.txt", "B.txt", ".hidden.txt", ".git/x.txt", "c.jsonl"):
        write(tmp_path / name, '{"text": "c.jsonl"}' if name == "c.jsonl" else name)
    (tmp_path / "picture.png").write_bytes(b"\x00\xff")
    assert list(texts.documents(str(tmp_path))) == ["B.txt", "a.txt", "b/10.txt", "b/2.txt", "c.jsonl"]


def test_a_long_file_comes_in_parts_that_lose_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(texts, "_BLOCK", 1000)
    ends = ["\n\n", *[" "] * 6]
    text = "".join(f"Paragraph {n} of the long file, with an é in it.{ends[n % 7]}" for n in range(400))
    parts = list(texts.documents(str(write(tmp_path / "a.txt", text))))
    assert "".join(parts) == text and len(parts) > 5
    assert all(part.endswith("\n\n") for part in parts[:-1])


@pytest.mark.parametrize(
    ("name", "data", "said"),
    [
        ("a.txt", b"abc\x00def", r"a\.txt is not UTF-8 text: byte 3 is NUL"),
        ("a.txt", "naïve café".encode("latin-1"), r"a\.txt is not UTF-8 text: byte 2 \(0xef\)"),
        ("a.txt", "wide".encode("utf-16"), r"UTF-16; save it as UTF-8"),
        ("a.txt", b"", "holds no text"),
        ("a.txt", b" \n\n ", "holds no text"),
        ("a.txt.gz", gzip.compress(b"some text " * 99, mtime=0)[:-12], r"a\.txt\.gz is damaged or cut short"),
        ("a.txt.gz", b"no gzip at all", "damaged or cut short"),
        ("a.txt.xz", lzma.compress(b"some text " * 99)[:-12], "damaged or cut short"),
        ("a.txt.xz", b"no xz at all", "damaged or cut short"),
        ("a.jsonl", b'{"text": "x"}\n{"text": 3}\n', r"line 2: column 'text' holds int"),
        ("a.jsonl", b'{"text": "x"}\n\n{"text"\n', r"line 3: not JSON"),
        ("a.jsonl", b'["x"]\n', r"line 1: a JSON object is needed"),
        ("a.jsonl", b"[" * 100_000, r"line 1: not JSON"),
        ("a.jsonl", b'{"text": "x"}\n{"text": "\xff"}\n', r"byte 24 \(0xff\)"),
        ("a.pdf", b"%PDF", r"not read.*\.txt, \.md or \.jsonl"),
    ],
)
def test_bad_files_are_named(tmp_path: Path, name: str, data: bytes, said: str) -> None:
    (tmp_path / name).write_bytes(data)
    with pytest.raises(LcgenError, match=said):
        list(texts.documents(str(tmp_path / name)))


def test_the_first_bad_byte_counts_from_the_start_of_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(texts, "_BLOCK", 64)
    (tmp_path / "a.txt").write_bytes(b"a line of text\n\n" * 20 + b"\xff")
    with pytest.raises(LcgenError, match=r"byte 320 "):
        list(texts.documents(str(tmp_path / "a.txt")))


def test_missing_and_empty_places_are_named(tmp_path: Path) -> None:
    with pytest.raises(LcgenError, match=r"no file or folder '.*nowhere'"):
        list(texts.documents(str(tmp_path / "nowhere")))
    with pytest.raises(LcgenError, match="holds nothing"):
        list(texts.documents(str(tmp_path)))
    (tmp_path / "a.png").touch()
    with pytest.raises(LcgenError, match="only 1 file of other kinds"):
        list(texts.documents(str(tmp_path)))
    with pytest.raises(LcgenError, match="no file or folder '/no/such'"):
        list(texts.documents("hf:/no/such"))
    for bad in ("", "hf:", "~no_such_user_here/x", "x" * 5000):
        with pytest.raises(LcgenError):
            list(texts.documents(bad))


def test_an_unreadable_file_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write(tmp_path / "a.txt")
    before = Path.open

    def refuse(self: Path, *args: Any, **kwargs: Any) -> Any:
        if self == path:
            raise PermissionError(13, "Permission denied")
        return before(self, *args, **kwargs)

    monkeypatch.setattr(Path, "open", refuse)
    for read in (sources.fingerprint, lambda source: list(texts.documents(source))):
        with pytest.raises(LcgenError, match=r"a\.txt cannot be read \(Permission denied\)"):
            read(str(path))


def test_fingerprints_go_by_names_and_contents(tmp_path: Path) -> None:
    for folder in ("one", "two"):
        write(tmp_path / folder / "a.txt")
        write(tmp_path / folder / "b.txt", "Other.")
    assert sources.fingerprint(str(tmp_path / "one")) == sources.fingerprint(str(tmp_path / "two"))
    write(tmp_path / "two/b.txt", "other.")
    assert sources.fingerprint(str(tmp_path / "one")) != sources.fingerprint(str(tmp_path / "two"))
    write(tmp_path / "two/b.txt", "Other.").rename(tmp_path / "two/c.txt")
    assert sources.fingerprint(str(tmp_path / "one")) != sources.fingerprint(str(tmp_path / "two"))


# ---- datasets


def test_a_local_dataset_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(tmp_path / "data/train.jsonl", '{"text": "one", "body": "eins"}\n{"text": "two", "body": "zwei"}\n')
    seen: dict[str, Any] = {}

    def load_dataset(path: str, **options: Any) -> Any:
        seen.update(options, path=path)
        rows = map(json.loads, (tmp_path / "data/train.jsonl").read_text().splitlines())
        return {"test": [], "train": list(rows)}

    fake = types.SimpleNamespace(load_dataset=load_dataset, disable_progress_bars=lambda: None)
    monkeypatch.setitem(sys.modules, "datasets", fake)
    assert list(texts.documents(f"hf:{tmp_path / 'data'}")) == ["one", "two"]
    assert "streaming" not in seen
    assert list(texts.documents(f"hf:{tmp_path / 'data'}:body")) == ["eins", "zwei"]
    with pytest.raises(LcgenError, match=r"row 0: no column 'nope'"):
        list(texts.documents(f"hf:{tmp_path / 'data'}:nope"))
    assert len(sources.fingerprint(f"hf:{tmp_path / 'data'}")) == 64


class Hub:
    """Stands in for `datasets` and the Hub."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.commit = "a" * 40
        self.error: Exception | None = None
        self.calls: list[Any] = []
        fake = types.SimpleNamespace(load_dataset=self.load, disable_progress_bars=lambda: None)
        monkeypatch.setitem(sys.modules, "datasets", fake)
        monkeypatch.setattr("huggingface_hub.HfApi.dataset_info", self.info)

    def info(self, *args: Any, **options: Any) -> Any:
        if self.error:
            raise self.error
        return types.SimpleNamespace(sha=self.commit)

    def load(self, *args: Any, **options: Any) -> Any:
        self.calls.append((args, options))
        return {"validation": [{"text": "from the Hub"}]}


def test_a_hub_dataset_streams_from_a_fixed_commit(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    hub = Hub(monkeypatch)
    assert list(texts.documents("hf:org/name/config:text")) == ["from the Hub"]
    assert hub.calls == [(("org/name", "config"), {"revision": "a" * 40, "streaming": True})]
    one = sources.fingerprint("hf:org/name")
    hub.commit = "b" * 40
    assert sources.fingerprint("hf:org/name") != one
    two = sources.fingerprint("hf:org/name")
    hub.error = ConnectionError("no route")
    assert sources.fingerprint("hf:org/name") == two
    assert "the Hub cannot be reached" in caplog.text
    with pytest.raises(LcgenError, match=r"'org/other' cannot be looked up on the Hub.*hf:FOLDER"):
        sources.fingerprint("hf:org/other")


def test_an_unknown_dataset_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    from huggingface_hub.errors import RepositoryNotFoundError

    hub = Hub(monkeypatch)
    hub.error = RepositoryNotFoundError.__new__(RepositoryNotFoundError)
    with pytest.raises(LcgenError, match="no dataset 'org/nme' on the Hub"):
        list(texts.documents("hf:org/nme"))
    hub.error = None
    monkeypatch.setattr(sys.modules["datasets"], "load_dataset", lambda *a, **k: 1 / 0)
    with pytest.raises(LcgenError, match=r"cannot be read \(ZeroDivisionError"):
        list(texts.documents("hf:org/nme"))


# ---- names


def test_named_corpora(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write(tmp_path / "Old Tales.txt")
    monkeypatch.chdir(tmp_path)
    record = corpus.add("tales", "Old Tales.txt", "en")
    assert corpus.names() == [record] == [corpus.resolve("tales")]
    assert record == corpus.add("tales", "Old Tales.txt", "en")
    monkeypatch.chdir(tmp_path.parent)
    assert list(texts.documents(corpus.resolve("tales").source)) == [TEXT]
    with pytest.raises(LcgenError, match="already names"):
        corpus.add("tales", str(write(tmp_path / "other.txt")), "en")
    assert corpus.resolve(str(path)) == corpus.Record("old_tales", str(path), "")
    corpus.remove("tales")
    assert corpus.names() == []
    with pytest.raises(LcgenError, match="Unknown corpus 'tales'"):
        corpus.remove("tales")


@pytest.mark.parametrize("name", ["prose", "noise", "records", "Tales", "a-b", "", "a/b", "ü"])
def test_bad_names_are_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(LcgenError):
        corpus.add(name, str(write(tmp_path / "a.txt")), "en")


def test_a_bad_source_or_language_is_refused_when_it_is_added(tmp_path: Path) -> None:
    with pytest.raises(LcgenError, match="no file or folder"):
        corpus.add("tales", str(tmp_path / "nowhere.txt"), "en")
    with pytest.raises(LcgenError, match="holds no text"):
        corpus.add("tales", str(write(tmp_path / "a.txt", "* * *")), "en")
    with pytest.raises(LcgenError, match=r"Unknown language 'xx'.*en"):
        corpus.add("tales", str(write(tmp_path / "a.txt")), "xx")
    assert corpus.names() == []


def test_an_unknown_haystack_names_what_there_is(tmp_path: Path) -> None:
    corpus.add("tales", str(write(tmp_path / "a.txt")), "en")
    with pytest.raises(LcgenError, match=r"Unknown haystack 'tale'\. Did you mean tales\?.*noise.*prose"):
        corpus.resolve("tale")
    with pytest.raises(LcgenError, match="no file or folder"):
        corpus.resolve("./tale")


@pytest.mark.parametrize(
    "damage",
    ["", "{", "[]", '{"corpora": 3}', '{"corpora": {"a": {}}}', '{"corpora": {"a": {"source": 1, "lang": ""}}}'],
)
def test_a_damaged_list_is_named(tmp_path: Path, damage: str) -> None:
    corpus.add("tales", str(write(tmp_path / "a.txt")), "en")
    corpus._registry().write_text(damage)
    for use in (corpus.resolve, corpus.remove, lambda name: corpus.names()):
        with pytest.raises(LcgenError, match=r"corpora\.json is damaged"):
            use("tales")


def test_a_named_text_that_is_gone_is_told_by_its_name(tmp_path: Path) -> None:
    file = tmp_path / "tides.txt"
    file.write_text("The tide came in. The boats went out.")
    corpus.add("tides", str(file), "en")
    assert corpus.resolve("tides").source == str(file)
    file.unlink()
    with pytest.raises(LcgenError, match=r"corpus 'tides' is gone.*tides\.txt.*lcgen corpus remove tides"):
        corpus.resolve("tides")
    assert [record.name for record in corpus.names()] == ["tides"]
    corpus.remove("tides")
