"""Stores: what is kept of a text, what it weighs, and what happens to the cache."""

from __future__ import annotations

import errno
import itertools
import os
import pickle
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from lcgen import corpus, pool, prose, store, texts, tokens, vault
from lcgen.errors import LcgenError
from lcgen.prose import Sentences
from lcgen.settled import ends_well


@pytest.fixture(autouse=True)
def home(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A cache of the test's own."""
    path = tmp_path_factory.mktemp("cache")
    monkeypatch.setenv("LCGEN_CACHE", str(path))
    return path


class Words:
    """A vocabulary in which each word, each mark and each run of line ends is a token; counts how often it is asked."""

    name = "words"

    def __init__(self, fingerprint: str = "words") -> None:
        self.fingerprint, self.asked = fingerprint, 0

    def count(self, text: str) -> int:
        self.asked += 1
        return len(re.findall(r"\n+|\w+|[^\w\s]", text))

    def counts(self, texts: Sequence[str]) -> np.ndarray:
        return np.array([self.count(text) for text in texts], np.int64)


NOUNS = [
    "river",
    "mill",
    "boat",
    "lamp",
    "hill",
    "bell",
    "door",
    "lane",
    "field",
    "wall",
    "bridge",
    "orchard",
    "harbour",
    "rope",
    "anvil",
    "kettle",
]
ENDS = ['." ', ". ", ".) ", "? ", "! ", "; ", ". ", ". ", ".” ", "?’ ", "! ", ") ", "... "]


def tale(paragraphs: int = 60, plain: bool = True) -> str:
    """English text with many kinds of ends, headings between paragraphs, and one line of figures."""
    made = []
    for n in range(paragraphs):
        if n % 7 == 3:
            made.append(f"Chapter {n}")
        words = [NOUNS[(n * 5 + k * k) % len(NOUNS)] for k in range(8)]
        end = ". " if plain else ENDS[n % len(ENDS)]
        pairs = enumerate(zip(words, words[3:]))
        made.append("".join(f"Once the {w} near the {v} was older than {n + k}{end}" for k, (w, v) in pairs))
    return "\n\n".join(part.strip() for part in made)


def chinese(paragraphs: int = 40) -> str:
    starts, ends = (
        ["在", "这", "他们", "“好", "《春秋》", "此外"],
        ["。", "！", "？”", "。”", "；", "……", "。", "。", "。"],
    )
    made = []
    for n in range(paragraphs):
        middles = [f"{'山水风云花鸟虫鱼'[(n + k) % 8]}之间的第{n * 7 + k}条小路上走了很久很久" for k in range(6)]
        made.append("".join(starts[(n + k) % 6] + middles[k] + ends[(n * 3 + k) % 9] for k in range(6)))
    return "\n".join([*made, "最后大家都回到了村子里面去休息。"])


def write(path: Path, text: str) -> str:
    path.write_text(text, encoding="utf-8")
    return str(path)


# ---- what is kept


def test_a_store_holds_every_unit_behind_its_lead(tmp_path: Path) -> None:
    text = (
        "A first paragraph of one sentence.\n\nA second paragraph follows it. It holds two sentences."
        "\n\nHeading\n\nA third paragraph ends it."
    )
    found = store.from_corpus(write(tmp_path / "My Tale.txt", text), "en")
    assert (found.name, found.lang, found.section, len(found)) == ("my_tale", "en", 0, 4)
    assert bytes(found.text).decode() == (
        "\n\nA first paragraph of one sentence.\n\nA second paragraph follows it. It holds two sentences."
        "\n\nHeading A third paragraph ends it."
    )
    assert [found.unit(n) for n in range(4)] == [
        "A first paragraph of one sentence.",
        "A second paragraph follows it.",
        "It holds two sentences.",
        "Heading A third paragraph ends it.",
    ]
    assert found.leads.tolist() == [2, 2, 1, 2] and found.leads.dtype == np.uint8
    assert found.borders.dtype == np.int64 and found.borders[0] == 0 and found.borders[-1] == len(found.text)
    assert found.led([2, 3]) == [" It holds two sentences.", "\n\nHeading A third paragraph ends it."]
    assert found.charset == frozenset(bytes(found.text).decode())
    assert found.distinct() is None
    assert re.fullmatch(r"[0-9a-f]{16}", found.fingerprint)


def test_the_fingerprint_is_of_the_content_alone(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    one = store.from_corpus(write(tmp_path / "a.txt", tale()), "en")
    two = store.from_corpus(write(tmp_path / "folder/b.md", tale()), "en")
    other = store.from_corpus(write(tmp_path / "c.txt", tale() + " It was late that night."), "en")
    assert one.fingerprint == two.fingerprint != other.fingerprint


def test_repeated_units_point_to_their_first_place(tmp_path: Path) -> None:
    again, others = "The same sentence comes again.", [f"Another sentence of number {n}." for n in range(50)]
    text = " ".join([again, *others[:20], again, *others[20:], again, others[3]])
    found = store.from_corpus(write(tmp_path / "a.txt", f"{text}\n\n{again}"), "en")
    first = found.distinct()
    assert first is not None
    units = [found.unit(n) for n in range(len(found))]
    assert first.tolist() == [units.index(unit) for unit in units] and (first != np.arange(len(found))).sum() == 4


def test_first_places_over_many_blocks() -> None:
    rng = np.random.default_rng(1)
    units = [bytes(rng.integers(97, 123, rng.integers(1, 4), np.uint8)) for _ in range(3000)]
    units += [b"x" * 3_000_000, b"y", b"x" * 3_000_000]
    led = [b" " + unit if n % 3 else b"\n\n" + unit for n, unit in enumerate(units)]
    leads = np.array([1 if n % 3 else 2 for n in range(len(led))], np.uint8)
    first = pool.first_places(b"".join(led), np.cumsum([0, *map(len, led)]), leads)
    assert first is not None
    assert first.tolist() == [units.index(unit) for unit in units]


def test_a_named_corpus_keeps_its_name_and_language(tmp_path: Path) -> None:
    corpus.add("paths", write(tmp_path / "a.txt", chinese()), "zh")
    found = store.from_corpus("paths", "en")
    assert (found.name, found.lang) == ("paths", "zh")


def test_a_corpus_without_a_sentence_is_refused(tmp_path: Path, home: Path) -> None:
    with pytest.raises(LcgenError, match="holds no sentence"):
        store.from_corpus(write(tmp_path / "a.txt", "--- ***"), "en")
    assert list((home / "stores").iterdir()) == []


def test_a_long_corpus_is_cut_with_a_word(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(store, "LIMIT", 5000)
    found = store.from_corpus(write(tmp_path / "a.txt", tale()), "en")
    assert 5000 < len(found.text) < 6000
    assert "a is long; its first" in caplog.text


def test_units_that_do_not_end_well_are_joined_or_left_out(tmp_path: Path) -> None:
    figures = "row 12 34 56 78 " * 100
    one = store.from_corpus(write(tmp_path / "a.txt", f"{tale(200)}\n\n{figures}\n\n{tale(20)}"), "en")
    assert (one.leads == 2).sum() > 100 and 20 < bytes(one.text).count(b"row") < 100
    assert all(ends_well(one.unit(n), "en") for n in range(len(one)))
    two = store.from_corpus(write(tmp_path / "b.txt", figures), "en")
    assert set(two.leads.tolist()) == {1} and bytes(two.text).count(b"row") == 100


def test_a_store_goes_to_a_worker_as_its_folder(tmp_path: Path) -> None:
    found = store.from_corpus(write(tmp_path / "a.txt", tale()), "en")
    sent = pickle.dumps(found)
    assert len(sent) < 1000 and pickle.loads(sent).unit(3) == found.unit(3)
    assert pickle.loads(pickle.dumps(store.noise("zh"))).fingerprint == store.noise("zh").fingerprint


# ---- what it weighs


@pytest.mark.parametrize(
    "vocabulary", ["o200k_base", "cl100k_base", "llama3", "qwen3", "deepseek_v3", "mistral_v1", "mistral_v3", "glm4"]
)
@pytest.mark.parametrize(("text", "lang"), [(tale(plain=False), "en"), (chinese(), "zh")])
def test_weights_add_up_in_any_order(tmp_path: Path, vocabulary: str, text: str, lang: str) -> None:
    tokenizer = tokens.load(vocabulary)
    found = store.from_corpus(write(tmp_path / "a.txt", text), lang)
    assert (found.leads == 2).sum() > 5
    weights = found.weights(tokenizer)
    assert weights.dtype == np.int32 and weights.shape == (len(found),) and not weights.flags.writeable
    probe = found.probe(tokenizer)
    assert probe["additive"] and probe["seams"]["off"] == 0
    rng = np.random.default_rng(3)
    for ids in [np.arange(1, len(found)), *(rng.integers(0, len(found), 300) for _ in range(5))]:
        start = found.unit(0)
        assert tokenizer.count(start + "".join(found.led(ids))) == tokenizer.count(start) + weights[ids].sum()


def test_the_probe_says_where_weights_do_not_add_up(tmp_path: Path) -> None:
    class Glued(Words):
        def count(self, text: str) -> int:
            return super().count(text) + text.count(". Once the mill")

    found = store.from_corpus(write(tmp_path / "a.txt", tale(plain=False)), "en")
    assert found.probe(Words())["additive"]  # type: ignore[arg-type]
    probe = found.probe(Glued("glued"))  # type: ignore[arg-type]
    assert not probe["additive"] and probe["seams"]["off"] > 0


def test_weights_are_cached_by_vocabulary(tmp_path: Path) -> None:
    path = write(tmp_path / "a.txt", tale())
    first, second, other = Words(), Words(), Words("other/words")
    weights = store.from_corpus(path, "en").weights(first)  # type: ignore[arg-type]
    again = store.from_corpus(path, "en")
    assert (again.weights(second) == weights).all() and second.asked == 0  # type: ignore[arg-type]
    assert (again.weights(other) == weights).all() and other.asked > 0  # type: ignore[arg-type]
    asked = other.asked
    again.weights(other)  # type: ignore[arg-type]
    assert other.asked == asked


def test_damaged_weights_are_weighed_anew(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path = write(tmp_path / "a.txt", tale())
    one = store.from_corpus(path, "en")
    weights = one.weights(Words())  # type: ignore[arg-type]
    assert one.folder is not None
    file = one.folder / "weights-words.npy"
    whole = file.read_bytes()
    for damage in (whole[:-3], whole[:-1] + b"\x55", b"", vault.npy(np.zeros(3, np.int32))):
        file.write_bytes(damage)
        tokenizer = Words()
        assert (store.from_corpus(path, "en").weights(tokenizer) == weights).all()  # type: ignore[arg-type]
        assert tokenizer.asked > 0
        assert caplog.text.count("weighing anew") == 1
        caplog.clear()
        assert file.read_bytes() == whole


@pytest.mark.parametrize(("number", "error"), [(errno.EROFS, None), (errno.EACCES, None), (errno.ENOSPC, LcgenError)])
def test_weights_where_the_cache_cannot_be_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, number: int, error: Any
) -> None:
    found = store.from_corpus(write(tmp_path / "a.txt", tale()), "en")

    def refuse(*args: Any) -> int:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(Path, "write_bytes", refuse)
    if error:
        with pytest.raises(error, match=r"no room is left.*LCGEN_CACHE"):
            found.weights(Words())  # type: ignore[arg-type]
    else:
        assert found.weights(Words()).sum() > 0  # type: ignore[arg-type]
        assert "Token weights are not kept" in caplog.text


# ---- generated prose


def written(lang: str, count: int) -> Sentences:
    """Sentences of random words in paragraphs of five to nine."""
    rng = np.random.default_rng(count)
    glue, stop = ("", "。") if lang == "zh" else (" ", ".")
    words = ["在山上", "的小路", "他们", "走过了", "又", "一座桥"] if lang == "zh" else NOUNS
    table = [*words, *(glue + w for w in words), *(glue + w + stop for w in words)]
    lengths = rng.integers(4, 9, count)
    kinds = [[0, *[1] * (n - 2), 2] for n in lengths.tolist()]
    pieces = np.array([kind * len(words) + int(rng.integers(len(words))) for kind in itertools.chain(*kinds)], np.uint16)
    starts = np.cumsum([0, *rng.integers(5, 10, count)])
    breaks = np.isin(np.arange(count), starts)
    return Sentences(pieces, np.cumsum([0, *lengths]), [piece.encode() for piece in table], breaks)


@pytest.fixture
def grammar(monkeypatch: pytest.MonkeyPatch) -> type:
    class Grammar:
        calls = 0

        def __init__(self, lang: str) -> None:
            self.lang = lang

    def write(grammar: Any, count: int) -> Sentences:
        Grammar.calls += 1
        return written(grammar.lang, count)

    monkeypatch.setattr(prose, "version", lambda lang: "f" * 64)
    monkeypatch.setattr(prose, "load", Grammar)
    monkeypatch.setattr(prose, "write", write)
    return Grammar


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_prose_is_kept_in_sections_of_whole_paragraphs(grammar: Any, lang: str) -> None:
    made = written(lang, 3000)
    found = store.from_prose(lang, 3000)
    assert (found.name, found.section) == ("prose", 24) and len(found) % 24 == 0 and len(found) > 2900
    assert (found.leads[::24] == 2).all()
    assert set(found.leads.tolist()) == {2, 0 if lang == "zh" else 1}
    starts = np.flatnonzero(made.breaks).tolist()
    whole = {tuple(made.text(n) for n in range(a, b)) for a, b in itertools.pairwise(starts)}
    opens = [*np.flatnonzero(found.leads == 2).tolist(), len(found)]
    assert all(tuple(found.unit(n) for n in range(a, b)) in whole for a, b in itertools.pairwise(opens))
    assert len(set(opens)) == len(opens)
    assert found.charset == frozenset(bytes(found.text).decode())
    store.from_prose(lang, 3000)
    assert grammar.calls == 1


@pytest.mark.parametrize("vocabulary", ["o200k_base", "mistral_v1", "llama2"])
@pytest.mark.parametrize("lang", ["en", "zh"])
def test_weights_of_prose_add_up_to_the_count_of_a_long_text(lang: str, vocabulary: str) -> None:
    # mistral_v1 has no borders of words, and merges over those of our grammar in one Chinese sentence of 230.
    tokenizer = tokens.load(vocabulary)
    found = store.from_prose(lang, 6000)
    weights = found.weights(tokenizer)
    start = found.unit(0)
    alone = tokenizer.counts([start + unit for unit in found.led(range(len(found)))]) - tokenizer.count(start)
    assert (weights == alone).all()
    assert tokenizer.count(start + "".join(found.led(range(1, len(found))))) == tokenizer.count(start) + weights[1:].sum()


@pytest.mark.parametrize(
    "lengths", [[5, 6, 7, 8, 9] * 40, [5] * 30 + [9] * 3, [7] * 40 + [3], [24, 25, 24, 3], [23] * 9 + [1] * 4]
)
def test_sections_are_whole_paragraphs_and_waste_little(lengths: list[int]) -> None:
    starts = np.cumsum([0, *lengths, 4])
    breaks = np.isin(np.arange(starts[-1]), starts)
    try:
        order = pool.sections(breaks, 24)
    except LcgenError:
        assert lengths == [5] * 30 + [9] * 3 or (lengths[0] == 7 and 3 not in lengths)
        return
    assert len(order) % 24 == 0 and len(set(order.tolist())) == len(order) and breaks[order[::24]].all()
    runs = np.split(order, np.flatnonzero(breaks[order])[1:])
    assert all((np.diff(run) == 1).all() and (run[-1] + 1 in starts) for run in runs)
    if len(lengths) == 200:
        assert len(order) >= sum(lengths) - 48


def test_too_few_sentences_are_refused(grammar: Any) -> None:
    with pytest.raises(LcgenError, match="make no section"):
        store.from_prose("en", 20)


def test_noise_is_one_calm_passage() -> None:
    for lang, stop in (("en", "."), ("zh", "。")):
        found = store.noise(lang)
        assert found.name == "noise" and len(found) == found.section == 5 and found.distinct() is None
        assert all(found.unit(n).endswith(stop) for n in range(5)) and not any(map(str.isdigit, found.charset))
        for vocabulary in ("o200k_base", "mistral_v1"):
            tokenizer = tokens.load(vocabulary)
            text = found.unit(0) + "".join(found.led([1, 2, 3, 4, *range(5)] * 30))
            total = tokenizer.count(found.unit(0)) + int(found.weights(tokenizer)[[1, 2, 3, 4, *range(5)] * 30].sum())
            assert tokenizer.count(text) == total
            assert found.probe(tokenizer)["additive"]
            assert np.gcd.reduce(found.weights(tokenizer)) == 1
    for lang in ("xx", "../en", ""):
        with pytest.raises(LcgenError, match="Unknown language"):
            store.noise(lang)


# ---- the cache


def rebuilt(path: str, caplog: pytest.LogCaptureFixture) -> bool:
    """Opens the corpus; whether it was made anew, which takes exactly one line of warning."""
    caplog.clear()
    found = store.from_corpus(path, "en")
    assert bytes(found.text).decode().startswith("\n\nOnce the river")
    assert found.weights(tokens.load()).sum() > 1000
    lines = [line for line in caplog.messages if "making it anew" in line]
    assert len(lines) <= 1
    return bool(lines)


def flip(path: Path, at: int) -> None:
    data = bytearray(path.read_bytes())
    data[at] ^= 1
    path.write_bytes(data)


def to_file(folder: Path) -> None:
    shutil.rmtree(folder)
    folder.write_text("a file")


def to_nothing(folder: Path) -> None:
    shutil.rmtree(folder)
    folder.mkdir()


def edit(name: str, change: Callable[[bytes], bytes]) -> Callable[[Path], Any]:
    return lambda folder: (folder / name).write_bytes(change((folder / name).read_bytes()))


@pytest.mark.parametrize(
    "damage",
    [
        edit("text.bin", lambda data: data[:-1]),
        edit("text.bin", lambda data: b""),
        lambda folder: flip(folder / "text.bin", 4321),
        lambda folder: flip(folder / "borders.npy", -8),
        lambda folder: flip(folder / "borders.npy", 0),
        lambda folder: flip(folder / "leads.npy", -1),
        lambda folder: (folder / "leads.npy").unlink(),
        lambda folder: (folder / "text.bin").unlink(),
        lambda folder: (folder / "meta.json").unlink(),
        edit("meta.json", lambda data: b"{}"),
        edit("meta.json", lambda data: b"\xff\x00"),
        edit("meta.json", lambda data: data.replace(f'"format": {vault.FORMAT}'.encode(), b'"format": 0')),
        edit("meta.json", lambda data: data.replace(b"section", b"sektion")),
        to_file,
        to_nothing,
    ],
)
def test_a_damaged_or_foreign_cache_is_made_anew(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, damage: Callable[[Path], Any], home: Path
) -> None:
    path = write(tmp_path / "a.txt", tale())
    found = store.from_corpus(path, "en")
    assert found.folder is not None
    assert not rebuilt(path, caplog)
    damage(found.folder)
    assert rebuilt(path, caplog)
    assert not rebuilt(path, caplog)
    assert [entry.name for entry in (home / "stores").iterdir()] == [found.folder.name]
    assert store.from_corpus(path, "en").fingerprint == found.fingerprint


def test_holes_are_found_even_where_the_time_is_right(tmp_path: Path) -> None:
    path = tmp_path / "text.bin"
    path.write_bytes(np.random.default_rng(0).bytes(3 << 20))
    noted, times = vault.note(path), path.stat()
    with path.open("r+b") as stream:
        stream.seek(1 << 20)
        stream.write(bytes(1 << 16))
    os.utime(path, ns=(times.st_atime_ns, times.st_mtime_ns))
    assert not vault.intact(path, noted)


def test_a_copied_cache_is_used(
    tmp_path: Path, home: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    path = write(tmp_path / "a.txt", tale())
    store.from_corpus(path, "en")
    copy = tmp_path / "copied"
    shutil.copytree(home, copy, copy_function=shutil.copyfile)
    monkeypatch.setenv("LCGEN_CACHE", str(copy))
    monkeypatch.setattr(texts, "parts", lambda source: pytest.fail("was split again"))
    assert not rebuilt(path, caplog)


def test_a_changed_file_is_another_store(tmp_path: Path) -> None:
    path = write(tmp_path / "a.txt", tale())
    one = store.from_corpus(path, "en")
    write(tmp_path / "a.txt", tale() + " One more sentence stands here.")
    two = store.from_corpus(path, "en")
    assert one.fingerprint != two.fingerprint and two.unit(len(two) - 1) == "One more sentence stands here."
    assert one.unit(0)


def test_a_full_disk_is_said_and_leaves_nothing(tmp_path: Path, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write(tmp_path / "a.txt", tale())

    def full(*args: Any) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    for place, name in ((pool.Writer, "write"), (pool.Writer, "put"), (Path, "write_bytes")):
        with monkeypatch.context() as patch:
            patch.setattr(place, name, full)
            with pytest.raises(LcgenError, match=rf"{re.escape(str(home))}.*no room is left on its disk.*LCGEN_CACHE"):
                store.from_corpus(path, "en")
        assert list((home / "stores").iterdir()) == []
    assert len(store.from_corpus(path, "en")) > 50


def test_an_interrupt_leaves_nothing(tmp_path: Path, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write(tmp_path / "a.txt", tale())

    def parts(source: str) -> Any:
        yield True, tale()
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(texts, "parts", parts)
        with pytest.raises(KeyboardInterrupt):
            store.from_corpus(path, "en")
    assert list((home / "stores").iterdir()) == []


def test_what_a_killed_process_left_is_swept_after_a_day(tmp_path: Path, home: Path) -> None:
    old, young = home / "stores/.corpus-en-1-2", home / "stores/.corpus-en-3-4"
    for folder in (old, young):
        folder.mkdir(parents=True)
        (folder / "text.bin").write_text("half")
    os.utime(old, (0, 0))
    store.from_corpus(write(tmp_path / "a.txt", tale()), "en")
    assert young.exists() and not old.exists()


def test_the_loser_of_a_race_uses_what_the_winner_made(tmp_path: Path, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write(tmp_path / "a.txt", tale())
    parts = texts.parts
    winners: list[store.Store] = []

    def slow(source: str) -> Any:
        with monkeypatch.context() as patch:
            patch.setattr(texts, "parts", parts)
            winners.append(store.from_corpus(path, "en"))
        yield from parts(source)

    monkeypatch.setattr(texts, "parts", slow)
    loser = store.from_corpus(path, "en")
    assert len(winners) == 1 and winners[0].fingerprint == loser.fingerprint and winners[0].folder == loser.folder
    assert list((home / "stores").iterdir()) == [loser.folder]
    assert winners[0].unit(5) == loser.unit(5)


def test_processes_may_make_a_store_at_once(tmp_path: Path, home: Path) -> None:
    path = write(tmp_path / "a.txt", tale(300))
    code = f"s = store.from_corpus({path!r}, 'en'); print(s.fingerprint, s.weights(tokens.load()).sum())"
    command = [sys.executable, "-c", f"from lcgen import store, tokens; {code}"]
    pipe = subprocess.PIPE
    running = [subprocess.Popen(command, stdout=pipe, stderr=pipe, text=True) for _ in range(3)]
    ends = [process.communicate() for process in running]
    assert {process.returncode for process in running} == {0}, ends
    assert len({out for out, _ in ends}) == 1 and {err for _, err in ends} == {""}
    assert len(list((home / "stores").iterdir())) == 1
