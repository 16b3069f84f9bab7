"""Sort order: segments that are unique and stand where they are said to, distances in their bins, fair labels, and a scorer that reads."""

from __future__ import annotations

import itertools
import random
import re
import time
from collections import Counter
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import lcgen
from lcgen import generators, proof, templates, tokens
from lcgen.errors import LcgenError
from lcgen.generators import _sort_words
from lcgen.generators._sort_answers import tau
from lcgen.generators._sort_text import Cut, Segments
from lcgen.generators._sort_words import Words, joined
from lcgen.wording import Wording

FEW = settings(max_examples=12, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
TASK = generators.get("sort_order")


def rows(samples: int = 2, lengths: str = "1500", lang: str = "en", params: dict[str, Any] | None = None, **options: Any) -> Any:
    return list(
        lcgen.generate("sort_order", lengths=lengths, samples=samples, lang=lang, params=params or {}, verify="full", **options)
    )


def native(params: dict[str, Any], samples: int = 2, **options: Any) -> Any:
    return list(lcgen.generate("sort_order", samples=samples, params=params, verify="full", **options))


@cache
def pairs(lang: str = "en") -> list[dict[str, Any]]:
    return rows(96, "1500", lang)


def context(row: dict[str, Any]) -> str:
    return str(row["input"][row["context_start"] : row["context_end"]])


@FEW
@given(
    lang=st.sampled_from(["en", "zh"]), haystack=st.sampled_from(["records", "prose"]), count=st.integers(2, 8), length=st.integers(5, 24),
    unit=st.sampled_from(["words", "tokens"]), questions=st.integers(1, 3), twins=st.booleans(), depth=st.sampled_from([-1.0, 0.0, 1.0]),
)  # fmt: skip
def test_segments_are_unique_apart_and_where_they_are_said_to_be(
    lang: str, haystack: str, count: int, length: int, unit: str, questions: int, twins: bool, depth: float
) -> None:
    """Read again from the text alone: begins, sizes, uniqueness by n-gram, distances, labels."""
    params = {
        "segments": count, "segment_length": length, "segment_unit": unit, "twins": twins, "depth": depth, "bins": "0.2..0.5..0.8",
    }  # fmt: skip
    counter = tokens.load("o200k_base")
    for row in rows(1, "8k", lang, params, haystack=haystack, questions_per_context=questions):
        text, found, pieces = context(row), row["metadata"], row["evidence"]
        words = Words(text, lang)
        assert found["words"] == len(words) and len(pieces) == count
        taken: list[tuple[int, int]] = []
        for piece, place in zip(pieces, found["places"]):
            start = piece["char_start"] - row["context_start"]
            assert words.starts[place] == start and text[start:].startswith(piece["text"])
            before = text[:start].rstrip()
            assert not before or before[-1] in ".!?…。！？；\"'”’)"
            size = len(Words(piece["text"], lang))
            if unit == "words":
                assert size == length
            else:
                assert counter.count(piece["text"]) <= length or size == 1
            run = min(8, size)
            for first in range(size - run + 1):
                gram = text[words.starts[place + first] : words.ends[place + first + run - 1]]
                assert text.count(gram) == 1, gram
            taken.append((place, place + size))
        assert all(one[1] <= other[0] for one, other in itertools.pairwise(taken))
        low, high = map(float, found["bin"].split(".."))
        assert low - 0.005 <= found["distance"] < high + 0.005
        assert found["distance"] == round((found["places"][-1] - found["places"][0]) / len(words), 6)
        assert [found["shown"][found["labels"].index(label)] for label in found["gold"]] == sorted(
            range(count), reverse=found["ask"] == "last"
        )
        assert row["answer"] == (found["gold"][0] if count == 2 else ", ".join(found["gold"]))


def test_nothing_but_the_place_tells_the_order() -> None:
    """Events could stand in any order: who and what come up once, and no word is more common early than late."""
    row = rows(1, "32k")[0]
    sentences = [sentence for sentence in context(row).split(". ") if sentence]
    people = [" ".join(sentence.split()[:2]) for sentence in sentences]
    things = [word.strip(".") for sentence in sentences for word in sentence.split() if "-" in word]
    assert len({*people}) == len(people) and len({*things}) == len(things) == 2 * len(sentences)
    halves = [Counter(sentence.split()[2] for sentence in part) for part in (sentences[::2], sentences[1::2])]
    early, late = (Counter(sentence.split()[2] for sentence in part) for part in np.array_split(np.array(sentences), 2))
    assert {*early} == {*late} == {*halves[0]} and max(abs(early[deed] - late[deed]) for deed in early) < 60


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_labels_bins_ends_and_depths_are_balanced(lang: str) -> None:
    made = pairs(lang)
    assert Counter(row["answer"] for row in made) == {"A": 96, "B": 96}
    assert {*Counter(row["metadata"]["bin"] for row in made).values()} == {48}
    assert {*Counter(row["metadata"]["ask"] for row in made).values()} == {96}
    # What is as late as the distance allows is 1: ninths of that are dealt in turns.
    held = [row["evidence"][0]["depth"] / (1 - row["metadata"]["distance"]) for row in made]
    assert 0.3 < float(np.mean(held)) < 0.6 and min(held) < 0.1 < 0.75 < max(held)
    alone = rows(32, params={"twins": False})
    assert Counter((row["answer"], row["metadata"]["ask"]) for row in alone) == dict.fromkeys(
        itertools.product("AB", ("first", "last")), 8
    )


def test_twins_show_one_pair_in_both_orders() -> None:
    for one, other in itertools.batched(pairs(), 2) if hasattr(itertools, "batched") else zip(pairs()[::2], pairs()[1::2]):
        assert context(one) == context(other) and one["group_id"] == other["group_id"]
        assert (one["group_role"], other["group_role"]) == ("earlier_first", "later_first")
        assert one["metadata"]["texts"] == other["metadata"]["texts"][::-1] and {one["answer"], other["answer"]} == {"A", "B"}
        assert one["length"] == other["length"] == 1500
    dealt, turned = rows(1, params={"segments": 5})
    assert dealt["metadata"]["texts"] == turned["metadata"]["texts"][::-1]
    assert (dealt["group_role"], turned["group_role"]) == ("dealt", "reversed")


def test_several_pairs_share_one_context_and_one_beginning() -> None:
    made = rows(1, "8k", questions_per_context=4)
    assert len(made) == 8 and len({row["context_id"] for row in made}) == 1 and len({row["group_id"] for row in made}) == 1
    assert len({row["input"][: row["context_end"]] for row in made}) == 1
    assert Counter(row["metadata"]["pair"] for row in made) == dict.fromkeys(range(4), 2)
    assert len({text for row in made for text in row["metadata"]["texts"]}) == 8
    assert len({row["metadata"]["bin"] for row in made}) == 4


def test_memory_shows_the_question_alone() -> None:
    made = rows(1, params={"condition": "both"})
    assert [row["group_role"] for row in made] == [
        "earlier_first_context",
        "earlier_first_memory",
        "later_first_context",
        "later_first_memory",
    ]
    for shown, hidden in (made[:2], made[2:]):
        assert hidden["question"] == shown["question"] and hidden["answer"] == shown["answer"] and hidden["length"] < 400
        assert context(hidden) == "" and hidden["context_id"] is None and not hidden["evidence"] and hidden["depth"] is None
        assert "<text>" not in hidden["input"] and not TASK.provable(hidden)
    alone = rows(1, params={"condition": "memory", "twins": False})
    assert len(alone) == 1 and context(alone[0]) == "" and alone[0]["group_id"] == ""


def test_a_label_goes_on_from_the_prefix_of_a_base_model() -> None:
    row = rows(1, audience="base")[0]
    assert row["input"].endswith("Answer:") and row["gen_prefix"] == " Segment"
    assert row["metadata"]["prefix"] == "Segment" and row["metadata"]["continuations"] == [" A", " B"]
    chinese = rows(1, lang="zh", audience="base")[0]
    assert chinese["gen_prefix"] == " 片段" and chinese["metadata"]["continuations"] == ["A", "B"]


# ---- texts


def test_words_and_segments_of_a_text_made_by_hand() -> None:
    text = "One two three. Four five\n\nsix! One two three. Seven."
    words = Words(text, "en")
    assert [text[low:high] for low, high in zip(words.starts, words.ends)] == text.split()
    assert words.repeated(3).tolist() == [0, 6]
    assert joined(text, " ") == " ".join(text.split())
    opens = np.array([0, 15, 31, 46])
    held = Segments(text, "en", opens, Cut(2, None, 2))
    assert held.within.tolist() == [0, 3, 6] and held.starts.tolist() == [3]
    assert text[slice(*held.span(3))] == "Four five"
    chinese = "他在2026年用GPT。她走了。"
    assert [chinese[low:high] for low, high in zip(Words(chinese, "zh").starts, Words(chinese, "zh").ends)] == [
        *"他在", "2026", *"年用", "GPT", *"。她走了。"
    ]  # fmt: skip


@FEW
@given(
    st.lists(
        st.sampled_from(["a", "bb", "a very", "灯塔", "extraordinarily", "extraordinary", "e-mail."]), min_size=1, max_size=60
    ),
    st.integers(1, 9),
)
def test_runs_that_repeat_are_found(parts: list[str], run: int) -> None:
    words = Words(" ".join(parts), "en")
    said = " ".join(parts).split()
    runs = [tuple(said[place : place + run]) for place in range(len(said) - run + 1)]
    counts = Counter(runs)
    assert words.repeated(run).tolist() == [place for place, one in enumerate(runs) if counts[one] > 1]


@pytest.mark.parametrize(("lang", "length"), [("en", 4), ("en", 6), ("zh", 4)])
def test_segments_of_few_tokens_stand_once(lang: str, length: int) -> None:
    """Fewer words than a run: the segment itself is looked for, as the solver does, as part of longer words too."""
    params = {"segment_length": length, "segment_unit": "tokens"}
    for row in rows(8, "8k", lang, params, haystack="prose", seed=2):
        gap = " " if lang == "en" else ""
        text = re.sub(r"\s*\n\s*", gap, context(row))
        assert [text.count(segment) for segment in row["metadata"]["texts"]] == [1, 1]


def test_a_segment_within_longer_words_is_not_unique() -> None:
    """Whole words tell 'to the' from 'to them'; a text that is searched for it holds it twice."""
    text = "He went to the mill. He went to them all. We stayed at home. You slept at noon."
    opens = np.array([0, 21, 42, 61])
    segments = Segments(text, "en", opens, Cut(4, None, 4))
    assert len(segments.starts) == 4
    few = Segments(text, "en", opens, Cut(3, lambda said: len(said.split()), 8))
    for held, alone in ((segments, {5, 10, 14}), (few, {10, 14})):
        chosen = [held.choose(2, (0, 20), depth, [draw], []) for depth in (0.0, 0.5, 1.0) for draw in (0.0, 0.5, 1.0)]
        assert {word for words in chosen for word in words} == alone and all(chosen)


def test_a_choice_keeps_to_its_range_and_its_depth() -> None:
    rng = random.Random(4)
    vocabulary = [f"w{number}" for number in range(4000)]
    sentences = [" ".join(rng.sample(vocabulary, rng.randint(4, 30))) + "." for _ in range(400)]
    text = " ".join(sentences)
    opens = np.cumsum([0, *(len(one) + 1 for one in sentences[:-1])])
    held = Segments(text, "en", opens, Cut(12, None, 8))
    whole = len(held.words)
    for count, (low, high), depth in itertools.product((2, 3, 8), ((0.1, 0.2), (0.5, 0.8)), (0.0, 0.5, 1.0)):
        found = held.choose(count, (low * whole, high * whole), depth, [0.5] * (count - 1), [])
        assert len(found) == count and low * whole <= found[-1] - found[0] < high * whole
        assert all(one + 12 <= other for one, other in itertools.pairwise(found))
        assert abs(found[0] - depth * (whole - (found[-1] - found[0]))) < 0.05 * whole
        again = held.choose(count, (low * whole, high * whole), depth, [0.5] * (count - 1), found)
        assert not {*again} & {*found}
    assert held.choose(2, (0.999 * whole, whole), 0.5, [0.5], []) == ()


# ---- Book-SORT


def test_book_sort_has_the_published_sizes_and_bins() -> None:
    variants = TASK.presets["book_sort"].settings
    assert [*variants] == [f"{size}_{length}" for size in (250, 1000, 2500, 10000, 20000) for length in (20, 50)]
    edges = {
        name: [round(float(edge) * int(name.split("_")[0])) for edge in setting.params["bins"].split("..")]
        for name, setting in variants.items()
    }
    assert edges["250_20"] == [0, 62, 83, 125, 200] and edges["1000_50"] == [0, 250, 333, 500, 800]
    assert edges["2500_20"] == [0, 625, 833, 1250, 2000] and edges["10000_20"] == [0, 1000, 2500, 5000, 8000]
    assert edges["20000_50"] == [0, 1000, 5000, 10000, 16000]


@pytest.mark.parametrize("variant", ["250_50", "1000_20"])
def test_excerpts_of_a_book_folder_have_their_words(variant: str, tmp_path: Path) -> None:
    """Words are counted exactly, and distances lie in their bins to the word."""
    rng = random.Random(9)
    vocabulary = [f"{rng.choice('bcdfghklmnprst')}{rng.choice('aeiou')}{number:x}" for number in range(900)]
    for name in ("one.txt", "two.txt"):
        book = [" ".join(rng.sample(vocabulary, rng.randint(6, 24))).capitalize() + "." for _ in range(300)]
        (tmp_path / name).write_text("\n\n".join(" ".join(book[at : at + 7]) for at in range(0, 300, 7)), encoding="utf-8")
    size, length = map(int, variant.split("_"))
    made = list(lcgen.generate("sort_order", preset=f"book_sort:{variant}", samples=8, haystack=str(tmp_path), verify="full"))
    assert len(made) == 8 and Counter(row["metadata"]["bin"] for row in made).most_common(1)[0][1] == 2
    for row in made:
        places, (low, high) = row["metadata"]["places"], (float(edge) for edge in row["metadata"]["bin"].split(".."))
        assert len(context(row).split()) == size == row["metadata"]["words"] and "\n" not in context(row)
        assert max(low * size, length) <= places[1] - places[0] < high * size
        assert all(len(text.split()) == length for text in row["metadata"]["texts"]) and row["metadata"]["ask"] == "first"


def test_each_excerpt_is_from_one_book(tmp_path: Path) -> None:
    """Books that share no word, one of them too short, one that ends without a stop: no excerpt has words of two."""
    for mark, sentences in (("a", 60), ("b", 12), ("c", 45), ("d", 50)):
        book = [" ".join(f"{mark}{number}x{place}" for place in range(8)).capitalize() + "." for number in range(sentences)]
        (tmp_path / f"{mark}.txt").write_text(" ".join(book).rstrip("." if mark == "c" else ""), encoding="utf-8")
    made = list(lcgen.generate("sort_order", preset="book_sort:250_20", samples=40, haystack=str(tmp_path), verify="full"))
    books = [{word[0].lower() for word in context(row).split()} for row in made]
    assert all(len(book) == 1 for book in books)
    assert {"a", "c", "d"} == set.union(*books), "the second has 96 words, fewer than an excerpt"


def test_books_of_which_none_is_long_enough_are_refused(tmp_path: Path) -> None:
    for mark, sentences in (("a", 20), ("b", 30), ("c", 10)):
        book = [" ".join(f"{mark}{number}x{place}" for place in range(8)).capitalize() + "." for number in range(sentences)]
        (tmp_path / f"{mark}.txt").write_text(" ".join(book), encoding="utf-8")
    with pytest.raises(LcgenError, match="words is 250, but the longest document has 240 words in all: take words=240 or less"):
        lcgen.build("sort_order", tmp_path / "out", preset="book_sort:250_20", haystack=str(tmp_path))
    assert not (tmp_path / "out").exists()


# ---- bad input


@pytest.mark.parametrize(
    ("options", "numbers"),
    [
        ({"params": {"segments": 9}}, ["segments is 9", "2 to 8"]),
        ({"params": {"segment_length": 0}}, ["segment_length is 0"]),
        ({"params": {"ngram": 2}}, ["ngram is 2", "4 to"]),
        ({"params": {"bins": "0.5..0.2"}}, ["bins is '0.5..0.2'", "0..0.25..0.5"]),
        ({"params": {"bins": "0..nan"}}, ["bins is '0..nan'"]),
        ({"params": {"depth": 1.5}}, ["depth is 1.5"]),
        ({"depths": "0.5"}, ["depths"]),
        ({"params": {"segment_length": 2000}}, ["1024 tokens are too short", "Ask for at least"]),
        ({"params": {"segment_length": 90, "segments": 3}}, ["3 segments of 90 words take", "segment_length at most"]),
        ({"lengths": "2k", "params": {"segment_length": 180, "segments": 2}}, ["segment_length=180", "text of about", "take bins from"]),
        ({"params": {"segment_length": 60, "bins": "0..0.05..0.9"}}, ["60", "bin 0..0.05", "take bins from"]),
        ({"haystack": "noise"}, ["sentences", "0 of these segments are unique", "8 words"]),
        ({"params": {"bins": "0.99..1"}}, ["0.99..1", "the nearest to that stand", "wider bins"]),
        ({"params": {"words": 30}, "lengths": None}, ["2 segments of 20 words need 40 words", "take segment_length=15"]),
        ({"params": {"words": 250, "segments": 8, "segment_length": 40}, "lengths": None}, ["need 320 words", "about 250"]),
    ],
)  # fmt: skip
def test_what_cannot_be_is_refused_with_the_numbers(options: dict[str, Any], numbers: list[str], tmp_path: Path) -> None:
    given = {"lengths": "1k", **options}
    with pytest.raises(LcgenError) as refused:
        lcgen.build("sort_order", tmp_path / "out", **{key: value for key, value in given.items() if value is not None})
    assert all(number in str(refused.value) for number in numbers), str(refused.value)
    assert not (tmp_path / "out").exists()


def test_texts_without_sentences_of_their_own_are_refused_at_once(tmp_path: Path) -> None:
    (tmp_path / "endless.txt").write_text("just one sentence without any end and so on and so forth " * 400, encoding="utf-8")
    (tmp_path / "same.txt").write_text("The same line stands here again and again.\n" * 400, encoding="utf-8")
    start = time.process_time()
    for name, options, numbers in (
        ("endless", {"lengths": "2k"}, ["take 2 sentences of this text at least, and about 0 fit", "take another text"]),
        ("endless", {"lengths": "8k"}, ["2 segments are asked about", "has 1 sentence at", "whose sentences end with a stop"]),
        ("same", {"preset": "book_sort:1000_20"}, ["of 100 excerpts none", "0 of these segments are unique", "another one"]),
        ("", {"lengths": "2k", "questions_per_context": 200}, ["400 segments", "sentences of this text at least, and about"]),
    ):  # fmt: skip
        given: dict[str, Any] = {**options, **({"haystack": str(tmp_path / f"{name}.txt")} if name else {})}
        with pytest.raises(LcgenError) as refused:
            lcgen.build("sort_order", tmp_path / "out", **given)
        assert all(number in str(refused.value) for number in numbers), str(refused.value)
    assert time.process_time() - start < 20


def test_a_build_passes_by_the_parts_of_a_book_that_hold_no_segments(tmp_path: Path) -> None:
    """The first row is found in the good part; later ones, which would begin in the other, are as well."""
    good = [
        f"In room {number} the clerk of desk {number * 7} counted {number * 3} letters and wrote {number * 5} lines."
        for number in range(300)
    ]
    bad = {
        "again": "The same line stands here again and again.\n" * 500,
        "endless": " ".join(f"word{number}" for number in range(3000)),
    }
    for name, rest in bad.items():
        book = tmp_path / name / "book.txt"
        book.parent.mkdir()
        book.write_text(" ".join(good) + "\n\n" + rest + "\n", encoding="utf-8")
        out = tmp_path / f"{name}_out"
        assert lcgen.build("sort_order", out, lengths="2k", samples=24, haystack=str(book.parent), verify="full").rows == 48
        texts = [piece["text"] for row in pq.read_table(out / "data" / "sort_order_2k").to_pylist() for piece in row["evidence"]]
        assert texts and all(text.startswith("In room ") for text in texts)


def test_telling_what_is_unique_is_linear(monkeypatch: pytest.MonkeyPatch) -> None:
    """Counted in hashes that are stirred, once for each run of words and once more for those that may repeat."""
    stirred: list[int] = []
    monkeypatch.setattr(_sort_words, "_stir", lambda hashes, stir=_sort_words._stir: (stirred.append(len(hashes)), stir(hashes)))
    for count in (20_000, 80_000, 320_000):
        for text, most in ((" ".join(f"w{number}" for number in range(count)), 2), (" ".join(["one", "two"] * (count // 2)), 4)):
            stirred.clear()
            found = Words(text, "en").repeated(8)
            assert len(found) == (0 if most == 2 else count - 7)
            assert count - 7 <= sum(stirred) <= most * count


def test_the_length_that_a_refusal_names_works(tmp_path: Path) -> None:
    params = {"segment_length": 60, "bins": "0..0.05..0.9"}
    with pytest.raises(LcgenError) as refused:
        lcgen.build("sort_order", tmp_path / "out", lengths="1k", params=params)
    found = re.search(r"segment_length=(\d+) or less", str(refused.value))
    assert found is not None, str(refused.value)
    nearest = {**params, "segment_length": int(found[1])}
    assert lcgen.build("sort_order", tmp_path / "out", lengths="1k", params=nearest, samples=4).rows == 8


def test_the_longest_segments_that_enough_sentences_begin_are_found() -> None:
    """Of sentences with 20 words each, the last begins with no longer segment; one that repeats makes segments over it repeat."""
    own = [" ".join(f"w{number}x{place}" for place in range(20)) + "." for number in range(3)]
    opens = np.cumsum([0, *(len(sentence) + 1 for sentence in own)])[:-1]
    assert Segments(" ".join(own), "en", opens, Cut(25, None, 4)).most(3) == 20
    assert len(Segments(" ".join(own), "en", opens, Cut(20, None, 4)).starts) == 3
    again = " ".join([*own, own[0]])
    assert Segments(again, "en", opens, Cut(25, None, 4)).most(3) == 0, "the first sentence is no longer unique"
    assert Segments(again, "en", opens, Cut(25, None, 4)).most(2) == 23, "three words of a repeat are no run of four"


def test_every_bin_is_tried_before_anything_is_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A bin that the row of the first index does not ask for is refused before a file is begun."""
    from lcgen.builders import build

    monkeypatch.setattr(build, "_build", lambda *given: pytest.fail("a file was begun"))
    for bins in ("0..0.99..1", "0..0.5..0.99..1"):
        with pytest.raises(LcgenError, match="0.99..1"):
            lcgen.build("sort_order", tmp_path / "out", lengths="1k", params={"bins": bins}, samples=64)


def test_books_that_are_missing_empty_or_short_are_refused(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "short").mkdir()
    (tmp_path / "short" / "a.txt").write_text(
        "A short book. " * 3 + "It ends here, after very few words of any kind.", encoding="utf-8"
    )
    (tmp_path / "lines").mkdir()
    body = " ".join(f"word{number}" for number in range(3000))
    (tmp_path / "lines" / "b.txt").write_text(body, encoding="utf-8")
    for folder, said in (
        ("none", "no file or folder"),
        ("empty", "holds nothing"),
        ("short", "take words=19 or less"),
        ("lines", "1 sentence at whose beginning"),
    ):
        with pytest.raises(LcgenError, match=said):
            lcgen.build("sort_order", tmp_path / "out", preset="book_sort:250_20", haystack=str(tmp_path / folder))
        assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("A|B|C|D|E|F|G|H", "A", "fewer than 2 labels"),
        ("near the {{ place }}.", "near the {{ place }}, the {{ thing }}.", "once each"),
        ("painted|mended", "coloured|mended", ""),
    ],
)
def test_a_template_must_have_labels_and_an_event(old: str, new: str, said: str, tmp_path: Path) -> None:
    path = tmp_path / "mine.j2"
    path.write_text(templates.source("sort_order", "en").replace(old, new), encoding="utf-8")
    if said:
        with pytest.raises(LcgenError, match=said):
            rows(1, template=path)
    else:
        assert "coloured the" in context(rows(8, template=path)[0]) or rows(1, template=path)


# ---- solver


def test_the_solver_refuses_what_is_not_unique() -> None:
    row = pairs()[0]
    wording = Wording(templates.source("sort_order", "en"), "en", TASK.blocks)
    assert TASK.solve(context(row), row["question"], wording) == row["outputs"]
    text = row["metadata"]["texts"][0]
    for changed in (f"{context(row)} {text}", context(row).replace(text, "Gone")):
        with pytest.raises(LcgenError, match="not once"):
            TASK.solve(changed, row["question"], wording)


# ---- scorer


@cache
def asked(ask: str, gold: str, lang: str = "en") -> dict[str, Any]:
    return next(row for row in pairs(lang) if row["metadata"]["ask"] == ask and row["answer"] == gold)


RIGHT = [
    "B", "b", "B.", "(B)", "**B**", "Segment B", "segment b", "Answer: B", "The answer is B.", "**Answer:** Segment B", "\\boxed{B}",
    "\\boxed{\\text{B}}", "It is segment B.", "Segment B comes first in the text.", "Segment B appears before segment A.",
    "Segment A comes after segment B.", "A is later than B, so the answer is B", "B came first, not A.", "Not A but B.", "B, not A, came first.",
    "The segment that comes first is B.", "A careful reading shows that segment B comes first.", "B\n\nSegment A only appears near the end.",
    "First I looked for A and for B in the text. Segment A stands near the end. Segment B stands first.", '{"A": -3.2, "B": -0.1}',
    "<think>Perhaps A?</think>B", "```\nB\n```", "Final answer:\nB", "Segment A was last and segment B was first.", "- B",
    "Segment B is followed by segment A.", "Segment A is preceded by segment B.",
]  # fmt: skip
WRONG = [
    "", "A", "Segment A", "A came first.", "A or B", "A\nB", "Neither.", "I cannot tell whether A or B came first.", "Segment A precedes segment B.",
    "Segment B comes after segment A.", "C", "B7", "AB", "A but not B", "The segment that comes first is A.", '{"A": -0.1, "B": -3.2}', '{"A": -1.0, "B": -1.0}',
    "Segment B is not first.", "<think>B</think>", "Bravo", "Segment B appears last.", "Answer: A, since B is a long segment.", "A. B is shorter.",
]  # fmt: skip


@pytest.mark.parametrize("response", RIGHT)
def test_right_answers_in_many_words(response: str) -> None:
    assert TASK.score(response, asked("first", "B"))["score"] == 1


@pytest.mark.parametrize("response", WRONG)
def test_wrong_answers_in_many_words(response: str) -> None:
    assert TASK.score(response, asked("first", "B"))["score"] == 0


@pytest.mark.parametrize(
    ("response", "score"),
    [
        ("片段B", 1), ("B", 1), ("答案：B", 1), ("答案是片段B。", 1), ("片段B在片段A之前出现。", 1), ("片段A在片段B之后。", 1), ("片段B先出现。", 1), ("先出现的是B。", 1),
        ("B比A更早。", 1), ("在片段A和片段B中，先出现的是B。", 1), ("不是A，而是B。", 1), ("片段A", 0), ("片段B在片段A之后。", 0), ("无法判断A和B哪个先出现。", 0), ("片段A先出现。", 0), ("A和B", 0),
    ],
)  # fmt: skip
def test_chinese_answers(response: str, score: float) -> None:
    assert TASK.score(response, asked("first", "B", "zh"))["score"] == score


def test_the_other_end_and_echoes_of_the_prompt() -> None:
    row = asked("last", "A")
    assert TASK.score("Segment A comes last.", row)["score"] == TASK.score("Segment B comes first.", row)["score"] == 1
    assert TASK.score("Segment B comes last.", row)["score"] == 0
    for text in (row["input"], row["question"], "\n".join(row["question"].split("\n")[:2])):
        assert TASK.score(text, row)["score"] == 0
        assert TASK.score(f"{text}\nAnswer: A", row)["score"] == 1


def test_orders_of_many_segments() -> None:
    row = next(
        row for row in rows(4, "4k", params={"segments": 4, "ask": "first"}) if row["metadata"]["gold"] != ["A", "B", "C", "D"]
    )
    gold = row["metadata"]["gold"]
    right = ", ".join(gold)
    lines = "\n".join(f"{number}. Segment {label}" for number, label in enumerate(gold, 1))
    for said in (
        right,
        right.lower(),
        " > ".join(gold),
        "".join(gold),
        f"Answer: {right}",
        f"The order is {right}.",
        lines,
        str(gold),
        f"\\boxed{{{right}}}",
        f"A look at the text shows it:\n{right}",
    ):
        assert TASK.score(said, row) == {"score": 1, "kendall_tau": 1, "answered": 1}, said
    swapped = [gold[1], gold[0], *gold[2:]]
    assert TASK.score(", ".join(swapped), row) == {"score": 0, "kendall_tau": pytest.approx(2 / 3), "answered": 1}
    assert TASK.score(", ".join(gold[::-1]), row)["kendall_tau"] == -1
    assert TASK.score(", ".join(gold[:3]), row) == {"score": 0, "kendall_tau": 0.5, "answered": 0}
    for said in ("", f"{right}, {gold[0]}", f"{right}, E", "A, A, A, A", "none"):
        assert TASK.score(said, row)["score"] == 0 == TASK.score(said, row)["answered"], said
    assert tau(["A", "C", "B"], ["A", "B", "C"]) == pytest.approx(1 / 3)


@pytest.mark.parametrize("piece", ["B ", "not B ", "A B ", "Segment B is first, ", "the answer is ", "\\boxed{A} ", "B.\n"])
def test_reading_a_response_is_linear(piece: str) -> None:
    """A model that repeats itself must not stall the scores of all others: four times the text is no sixteen times the work."""
    for row in (asked("first", "B"), rows(1, "4k", params={"segments": 8})[0]):
        spent = []
        for size in (100_000, 400_000):
            said, start = piece * (size // len(piece)), time.process_time()
            TASK.score(said, row)
            spent.append(time.process_time() - start)
        assert spent[1] < 10 * spent[0] + 0.3, spent


def test_hostile_responses_are_read_in_little_time() -> None:
    row, order = asked("first", "B"), rows(1, "4k", params={"segments": 8})[0]
    for said in ("A" * 200_000, "A " * 100_000, "\\boxed{" * 50_000, "answer: " * 50_000, "*" * 200_000 + "A", "[" * 100_000, "segment " * 50_000, '{"A": 1e999, "B": 0}', '{"A": NaN, "B": 0}', "\ud800B\0", "not " * 60_000 + "A"):  # fmt: skip
        assert set(TASK.score(said, row)) >= {"score"} and set(TASK.score(said, order)) >= {"score"}


def summary(made: list[dict[str, Any]], say: Any) -> dict[str, float]:
    told = [TASK.score(say(row), row) for row in made]
    scores = {
        name: np.array([one.get(name, np.nan) for one in told]) for name in dict.fromkeys(name for one in told for name in one)
    }
    light = [{**row, "config": "c", "turn": 1} for row in made]
    return {name: estimate.value for name, estimate in TASK.summary(light, scores).items()}


def test_figures_tell_bias_from_knowledge() -> None:
    made = pairs()
    knows = summary(made, lambda row: row["answer"])
    assert knows["score"] == knows["order_consistent"] == 1 and knows["label_bias"] == 0
    says_a = summary(made, lambda row: "A")
    assert says_a["score"] == 0.5 and says_a["order_consistent"] == 0 and says_a["label_bias"] == 0.5
    # A model that knows, with a leaning towards the first label that hides it: both orders together show what it knows.
    leans = summary(made, lambda row: '{"A": %s, "B": -2}' % (-0.5 if row["answer"] == "A" else -1.5))
    assert leans["score"] == 0.5 and leans["debiased"] == 1
    orders = rows(6, "4k", params={"segments": 4})
    assert summary(orders, lambda row: row["answer"])["kendall_tau"] == 1
    assert abs(summary(orders, lambda row: "A, B, C, D")["kendall_tau"]) < 1e-9, "of an order and its reverse"


def test_shortcuts_score_as_chance_does() -> None:
    wording = Wording(templates.source("sort_order", "en"), "en", TASK.blocks)
    for name, shortcut in TASK.baselines.items():
        right = sum([*shortcut(context(row), row["question"], wording)] == row["outputs"] for row in pairs())
        assert 70 <= right <= 122, (name, right)


def test_rows_of_a_base_folder_verify(tmp_path: Path) -> None:
    report = lcgen.build("sort_order", tmp_path / "both", lengths="1k", samples=2, params={"condition": "both"})
    assert report.rows == 8 and not lcgen.verify(report.folder, full=True).faults
    scored = lcgen.score(report.folder, oracle=True)
    assert "order_consistent" in scored.text() or scored.text()
    for row in lcgen.generate("sort_order", lengths="1k", samples=1):
        proof.shape(row)
