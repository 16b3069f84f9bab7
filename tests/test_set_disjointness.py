"""Set disjointness: what the sets hold, what twins share, what says nothing of the answer, and how answers are read."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import lcgen
from lcgen import generators, proof
from lcgen.builders import batches, writer
from lcgen.builders.build import makers
from lcgen.builders.rows import RowMaker
from lcgen.builders.tables import TableMaker
from lcgen.errors import CheckFailed, LcgenError
from lcgen.generators._set_answers import heard
from lcgen.generators._set_params import SetParams
from lcgen.generators._set_tokens import FIRST, NONE, SOME, TokenSets
from lcgen.ranges import Length
from lcgen.spec import Place
from lcgen.streams import Stream
from lcgen.wanted import spec
from tests.runs import done, refused

TASK = generators.get("set_disjointness")
FEW = settings(max_examples=25, deadline=None, derandomize=True)
VOCABULARIES = ("o200k_base", "llama3", "qwen3", "mistral_v1")


@cache
def maker(*params: str, **options: Any) -> RowMaker:
    native = {name.partition("=")[0] for name in params} >= {"size_small", "size_ratio"} and "padding" not in "".join(params)
    whole: dict[str, Any] = {"params": list(params), **({} if native else {"lengths": "1500"}), **options}
    made = makers(spec(TASK.name, **whole))[TASK.name]
    assert isinstance(made, RowMaker)
    return made


def rows(*params: str, count: int = 1, first: int = 0, length: int | None = None, **options: Any) -> list[dict[str, Any]]:
    """Rows of so many indices, as they come out of a file."""
    made = maker(*params, **options)
    size = made.part.lengths[0] if length is None else Length(length, length)
    drawn = [row for index in range(first, first + count) for row in made.rows(Place(size, None, 0, index))]
    return [writer.unflat(writer.flat(row)) for row in drawn]


def sets(row: Mapping[str, Any]) -> dict[str, list[list[str]]]:
    """Of each set its elements in every copy, read from the prompt by a parser of this test."""
    context = row["input"][row["context_start"] : row["context_end"]]
    found: dict[str, list[list[str]]] = {}
    for name, held in re.findall(r"(?:Set |集合)([A-Z])(?:: |：)\{(.*?)\}", context):
        found.setdefault(name, []).append(re.split(", |，", held))
    for held in re.findall(r"(?:mixed: |混排：)\{(.*?)\}", context):
        copy: dict[str, list[str]] = {}
        for text in re.split(", |，", held):
            copy.setdefault(text[0], []).append(re.split("[:：]", text, maxsplit=1)[1])
        for name, elements in copy.items():
            found.setdefault(name, []).append(elements)
    return found


def pair(row: Mapping[str, Any]) -> tuple[list[str], list[str]]:
    """The short and the long set of the first copy, as listed."""
    found = sets(row)
    return found[row["metadata"]["short"]][0], found[row["metadata"]["long"]][0]


# ---- what the sets hold

PARAMS = st.fixed_dictionaries({
    "answer_mode": st.sampled_from(["decide", "intersect_all", "count"]),
    "overlap": st.integers(1, 4),
    "size_small": st.integers(4, 12),
    "order": st.sampled_from(["short_first", "long_first", "interleaved"]),
    "near_misses": st.integers(0, 3),
    "within_dup": st.integers(0, 3),
    "element": st.sampled_from(["number", "word", "code", "hex", "name", "email"]),
    "padding": st.sampled_from(["pad_long", "pad_both", "distractor_sets"]),
    "size_ratio": st.sampled_from([0, 3]),
    "copies": st.sampled_from([1, 1, 2]),
    "question": st.sampled_from(["after", "before", "both"]),
})  # fmt: skip


@FEW
@given(params=PARAMS, lang=st.sampled_from(["en", "zh"]), index=st.integers(0, 1000))
def test_sets_hold_what_was_asked(params: dict[str, Any], lang: str, index: int) -> None:
    params = {**params}
    if params["padding"] == "pad_both":
        del params["size_small"]
    native = params["padding"] == "pad_long" and params["size_ratio"]
    options = {} if native else {"lengths": "3000"}
    made = makers(spec(TASK.name, params=params, lang=lang, **options))[TASK.name]
    assert isinstance(made, RowMaker)
    (row,) = made.rows(Place(made.part.lengths[0], None, 0, index))
    proof.encode(row, made.tokenizer, made.wrapper)
    proof.solve(row, made.task, made.wording)
    metadata, (short, long) = row["metadata"], pair(row)
    every = sets(row)
    assert all(copies == [copies[0]] * params["copies"] for copies in every.values())
    assert (metadata["size_short"], metadata["size_long"]) == (len(short), len(long))
    shared = set(short) & set(long)
    assert metadata["shared"] == len(shared)
    assert len(shared) in (range(params["overlap"] + 1) if params["answer_mode"] == "count" else (0, params["overlap"]))
    assert len(short) - len(set(short)) == len(long) - len(set(long)) == params["within_dup"]
    near = [
        piece["text"] for piece in row["evidence"] if piece["role"] == "distractor" and piece["part"] == 1 and not piece["copy"]
    ]
    assert len(set(near)) == params["near_misses"] == metadata["near_misses"]
    if "size_small" in params:
        assert len(set(short)) == params["size_small"]
    if native or params["padding"] == "distractor_sets":
        assert len(set(long)) == params["size_small"] * max(1, params["size_ratio"])
    if params["padding"] == "pad_both":
        ratio = max(1, params["size_ratio"])
        assert abs(len(long) - ratio * len(short)) <= (ratio + 1) * (len(near) + 10) + 4 * ratio
    if params["padding"] == "distractor_sets":
        assert len(every) == 6
    first = row["metadata"]["order"]
    context = row["input"][row["context_start"] : row["context_end"]]
    if first != "interleaved":
        found = re.findall(r"(?:Set |集合)([A-Z])(?:: |：)\{", context)
        shown = [name for name in found if name in (metadata["short"], metadata["long"])]
        assert (shown[0] == metadata["short"]) == (first == "short_first")
    assert row["input"].count(row["question"]) == (2 if params["question"] == "both" else 1)
    assert (row["input"].index(row["question"]) < row["context_start"]) == (params["question"] != "after")


@pytest.mark.parametrize("element", ["number", "word", "code", "hex", "name", "email"])
@pytest.mark.parametrize("lang", ["en", "zh"])
def test_near_misses_differ_in_one_piece(element: str, lang: str) -> None:
    (row,) = rows(f"element={element}", "near_misses=0.5", "size_small=6", lang=lang)
    short, long = pair(row)
    near = [piece["text"] for piece in row["evidence"] if piece["role"] == "distractor"]
    assert len(near) == 3 and set(near) <= set(long) and not set(near) & set(short)

    def pieces(text: str) -> list[str]:
        return re.split(r"[-. @]", text) if element in ("word", "name", "email") and text.isascii() else list(text)

    for text in near:
        differ = [
            sum(a != b for a, b in zip(pieces(text), pieces(other))) for other in short if len(pieces(other)) == len(pieces(text))
        ]
        assert 1 in differ or not text.isascii()


def test_the_shared_element_stands_where_it_was_asked_to() -> None:
    for short, long in ((0, 1), (0.5, 0.25), (1, 0)):
        (row,) = rows(f"depth_short={short}", f"depth_long={long}", "intersecting=1", "size_small=21", length=4000)
        gold = {piece["lane"]: piece for piece in row["evidence"] if piece["role"] == "gold"}
        assert abs(gold[0]["depth"] - short) < 0.03 and abs(gold[1]["depth"] - long) < 0.01
        assert (row["metadata"]["depth_short"], row["metadata"]["depth_long"]) == (short, long)


@pytest.mark.parametrize(
    "params", [("size_small=3",), ("size_small=4", "padding=haystack"), ("size_small=3", "size_ratio=1")], ids=str
)
def test_every_place_of_a_set_is_as_likely(params: tuple[str, ...]) -> None:
    """Within 5 standard deviations: nobody gains by naming the middle."""
    count, native = 300, "size_ratio=1" in params
    options: dict[str, Any] = {"haystack": "noise"} if "padding=haystack" in params else {}
    found = rows(
        "answer_mode=intersect_one", "intersecting=1", *params, count=count, **options, **({"length": None} if native else {})
    )
    for number in range(1 + native):
        sets_of = [pair(row)[number] for row in found]
        size = len(sets_of[0])
        places = np.bincount([held.index(row["answer"]) for held, row in zip(sets_of, found)], minlength=size)
        assert np.abs(places - count / size).max() < 5 * (count / size) ** 0.5, places


@pytest.mark.parametrize("overlap", [1, 2])
def test_among_other_sets_as_many_elements_come_again_in_every_row(overlap: int) -> None:
    """Whoever does not look which sets are asked for learns nothing, however often each element comes."""
    seen: dict[bool, set[tuple[int, ...]]] = {True: set(), False: set()}
    for row in rows("padding=distractor_sets", f"overlap={overlap}", count=20):
        every = Counter(text for copies in sets(row).values() for text in copies[0])
        seen[row["metadata"]["shared"] > 0].add(tuple(sorted(times for times in every.values() if times > 1)))
        assert all(len(members) == len({*members}) for copies in sets(row).values() for members in copies)
    assert seen[True] == seen[False] == {(2,) * 3 * overlap}


def test_a_universe_is_the_same_in_every_row() -> None:
    seen = [{*one, *two} for one, two in (pair(row) for row in rows("universe=400", "element=word", count=12))]
    assert len(set().union(*seen)) <= 400 < sum(map(len, seen))
    free = [{*one, *two} for one, two in (pair(row) for row in rows("element=word", count=12))]
    assert len(set().union(*free)) > 1000


def test_copies_may_swap_and_may_come_on_top() -> None:
    (once,) = rows()
    (final,) = rows("copies=2")
    (top,) = rows("copies=2", "length_basis=once", "swap=true")
    assert once["length"] == final["length"] == 1500 and 2500 < top["length"] == top["target"]
    assert [len(copies) for copies in sets(top).values()] == [2, 2]
    order = re.findall(r"Set ([A-Z]):", top["input"])
    assert order == [*order[:2], *order[1::-1]] and "The same once more:" in top["input"]
    assert top["prompt_tokens"] == maker().wrapper.count(maker().tokenizer, top["input"])


def test_sets_may_stand_in_a_text() -> None:
    found = rows("padding=haystack", "twins=order", "size_small=5", "size_ratio=3", count=4, length=3000, haystack="noise")
    for one, two in zip(found[::2], found[1::2]):
        assert one["group_id"] == two["group_id"] and (one["group_role"], two["group_role"]) == ("short_first", "long_first")
        assert pair(one) == pair(two) and [len(members) for members in pair(one)] == [5, 15]
        first = [min(row["evidence"], key=lambda piece: int(piece["char_start"]))["key"] for row in (one, two)]
        assert first == [one["metadata"]["short"], one["metadata"]["long"]]


# ---- twins


def test_twins_differ_in_what_they_say_and_in_nothing_else() -> None:
    found = rows("twins=all", "length_basis=once", count=4)
    assert len(found) == 48
    for group in (found[at : at + 12] for at in range(0, 48, 12)):
        assert len({row["group_id"] for row in group}) == 1 and len({row["group_role"] for row in group}) == 12
        assert len({json.dumps(pair(row)) for row in group}) == 1 and len({row["answer"] for row in group}) == 1
        for row in group:
            metadata = row["metadata"]
            times = "once" if metadata["copies"] == 1 else "again"
            assert row["group_role"] == f"{metadata['order']}_{times}_{metadata['question']}"
            assert (row["length"] == 1500) == (metadata["copies"] == 1) and row["length"] == row["target"]
            assert [len(copies) for copies in sets(row).values()] == [metadata["copies"]] * 2
        assert len({row["context_id"] for row in group}) == 4


@pytest.mark.parametrize("twins, members", [("none", 1), ("order", 2), ("question", 3), ("copies", 2)])
def test_twins_of_one_factor(twins: str, members: int, tmp_path: Path) -> None:
    report = lcgen.build(TASK.name, tmp_path / "out", lengths="1500", samples=2, params={"twins": twins, "length_basis": "once"})
    assert report.rows == 2 * members
    again = lcgen.build(TASK.name, tmp_path / "out", lengths="1500", samples=2, params={"twins": twins, "length_basis": "once"})
    assert again.written == 0 and not lcgen.verify(tmp_path / "out", full=True).faults


# ---- nothing but the sets says the answer


@pytest.mark.parametrize("share, run", [(0.5, 2), (0.25, 4), (0.35, 20), (0.0, 5), (1.0, 5)])
def test_labels_are_balanced_in_every_run_of_rows(share: float, run: int) -> None:
    labels = [row["metadata"]["shared"] > 0 for row in rows(f"intersecting={share}", count=40)]
    assert all(sum(labels[at : at + run]) == share * run for at in range(0, 40, run))
    counts = [row["metadata"]["shared"] for row in rows("answer_mode=count", "overlap=4", count=20)]
    assert all(sorted(counts[at : at + 5]) == [0, 1, 2, 3, 4] for at in range(0, 20, 5))


@pytest.mark.parametrize("params", [(), ("element=word", "near_misses=2", "within_dup=1"), ("padding=pad_both",), ("order=interleaved",),
                                    ("padding=distractor_sets", "element=name")], ids=str)  # fmt: skip
def test_nothing_but_the_sets_says_the_answer(params: tuple[str, ...]) -> None:
    """No figure of the prompt's shape goes with the label: each correlation of 300 rows is within what chance does."""
    count = 300
    found = rows(*params, count=count)
    labels = np.array([row["metadata"]["shared"] > 0 for row in found], float)
    assert labels.mean() == 0.5

    def figures(row: Mapping[str, Any]) -> dict[str, float]:
        short, long = pair(row)
        pad = row["input"][row["context_end"] :].split("\n")[2]
        pieces = {lane: [piece for piece in row["evidence"] if piece["lane"] == lane] for lane in (0, 1)}
        return {
            "name": float(row["metadata"]["short"] < row["metadata"]["long"]), "characters": row["n_chars"], "pad": len(pad),
            "short": len(short), "long": len(long), "ratio": len(long) / len(short), "plants": len(row["evidence"]),
            "plants of the long set": len(pieces[1]), "depth in the short": row["metadata"]["depth_short"],
            "depth in the long": row["metadata"]["depth_long"], "first of the short": hash_of(short[0]), "last of the long": hash_of(long[-1]),
            "first of the long": hash_of(long[0]), "letters of the short": sum(map(len, short)) / len(short),
            "letters of the long": sum(map(len, long)) / len(long), "sets": len(sets(row)), "middle": hash_of(long[len(long) // 2]),
        }  # fmt: skip

    def hash_of(text: str) -> float:
        return Stream(text).unit()

    shapes = [figures(row) for row in found]
    for name in shapes[0]:
        values = np.array([shape[name] for shape in shapes], float)
        if values.std():
            assert abs(np.corrcoef(values, labels)[0, 1]) < 4 / count**0.5, name


# ---- lengths


@pytest.mark.parametrize("vocabulary", VOCABULARIES)
def test_elements_of_one_cost_are_closed_by_the_pad(vocabulary: str) -> None:
    """Numbers of one width weigh alike, so units alone reach one length in several; the pad reaches all others."""
    made = maker("copies=2", tokenizer=vocabulary)
    for target in range(1200, 1230):
        (row,) = made.rows(Place(Length(target, target), None, 0, target))
        assert row["length"] == target
        proof.encode(row, made.tokenizer, made.wrapper)


def test_native_sizes_are_counted_and_their_tokens_measured() -> None:
    made = maker("size_small=16", "size_ratio=16", "within_dup=2")
    (length,) = made.part.lengths
    assert (length.config, length.native) == ("n276", True)
    (row,) = made.rows(Place(length, None, 0, 3))
    assert [len(members) for members in pair(row)] == [18, 258] and row["length"] == row["target"]
    assert refused(
        "build", TASK.name, "--set", "size_small=4", "--set", "size_ratio=4", "--lengths", "4k", says="--lengths cannot"
    )


# ---- what cannot be

BAD = [
    ("overlap=9", "overlap=9 is more than the 8 elements of the short set: overlap at most 8, or size_small at least 9", {}),
    ("near_misses=12 size_small=5", "near_misses=12 is more than the 5 .* at most 5, or size_small at least 12", {}),
    ("within_dup=9", "within_dup=9 is more than the 8", {}),
    ("answer_mode=intersect_one overlap=2", "overlap=2: overlap=1, or answer_mode=intersect_all", {}),
    ("answer_mode=count overlap=21", "overlap at most 20", {}),
    ("intersecting=0.51", "multiple of 0.05", {}),
    ("intersecting=1.5", "from 0 to 1", {}),
    ("depth_long=2", "from 0 to 1, or -1", {}),
    ("near_misses=inf", "near_misses must be at least 0, and is inf", {}),
    ("near_misses=nan", "near_misses must be at least 0, and is nan", {}),
    ("size_small=2000000", "size_small must be at least 0 and at most 1,048,576, and is 2,000,000", {}),
    ("size_small=8 size_ratio=1000000 element=hex width=12", "make 8,000,008 entries, .* at most 1,048,576: size_ratio at most 131,071", {}),
    ("padding=distractor_sets other_sets=1", "other_sets must be at least 2 and at most 24, and is 1", {}),
    ("near_misses=2.5", "a share below 1 or a whole number", {}),
    ("copies=0", "copies must be at least 1", {}),
    ("width=13", "width must be at least 1 and at most 12", {}),
    ("padding=pad_both size_small=4", "which size_small=4 would take as known: leave out size_small, or take padding=pad_long", {}),
    ("padding=pad_both near_misses=0.5", "which near_misses=0.5 would take as known: give near misses as a number, or", {}),
    ("element=word width=8", "element=word has no width: leave it out, or take element=number, code, hex", {}),
    ("order=interleaved swap=true copies=2", "interleaved sets have no order", {}),
    ("twins=all", "set length_basis=once", {}),
    ("size_small=5000", "planted elements, but a row holds at most 4,096: size_small at most 4,095", {}),
    ("size_small=2000 copies=3", "6,003 planted elements, .*size_small at most 1,364", {}),
    ("size_small=4 size_ratio=1 near_misses=4 overlap=2", "take 6 elements of the long set, which has 4: size_ratio at least 2", {}),
    ("universe=100 size_small=10 size_ratio=16", "universe=100 is too small for sets of 10 and 160 elements: universe at least 170, or size_small at most 5", {}),
    ("universe=320 size_small=65 size_ratio=4 overlap=2", "universe at least 325, or size_small at most 64", {}),
    ("width=2 size_small=16 size_ratio=16", "only 90 elements of this kind exist, but 272 are needed", {}),
    ("width=3", r"too long for this puzzle.*\d+ different units.*Ask for at most \d+ \(--lengths\).* elements: width at least 5\.", {"lengths": "64k"}),
    ("universe=500", r"too long for this puzzle.*491 different units.*Ask for at most (\d+).*about \d,\d+ elements: universe at least \d,", {"lengths": "8k"}),
    ("padding=pad_both size_ratio=192", r"too short .* Ask for at least \d+ .*size_ratio=192 takes at least 1544 elements .* about \d+ fit: size_ratio at most \d+", {"lengths": "2k"}),
    ("size_small=200", "The 200 elements of the short set ask for 200 more to compare them with, and about", {"lengths": "1500"}),
    ("padding=haystack", "name one, such as --haystack prose", {}),
    ("overlap=1", "padding=pad_long fills the length with elements, not with noise", {"haystack": "noise"}),
    ("overlap=1", "--depths cannot be asked for", {"depths": "0.5"}),
    ("overlap=1", "two sets have one question", {"questions_per_context": 2}),
]  # fmt: skip


@pytest.mark.parametrize(("params", "says", "options"), BAD, ids=lambda value: str(value)[:40])
def test_what_clashes_is_named_with_what_would_do(params: str, says: str, options: dict[str, Any], tmp_path: Path) -> None:
    with pytest.raises(LcgenError, match=says):
        lcgen.build(TASK.name, tmp_path / "out", params=params.split(), **options)
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(("params", "options"), [("universe=500", {"lengths": "8k"}), ("padding=pad_both size_ratio=20", {"lengths": "600"}), ("width=3", {"lengths": "64k"}),
                                                 ("padding=distractor_sets size_small=60", {"lengths": "1k"}), ("size_small=200", {"lengths": "1500"})])  # fmt: skip
def test_the_length_that_is_named_does(params: str, options: dict[str, Any]) -> None:
    with pytest.raises(LcgenError) as error:
        rows(*params.split(), **options)
    found = re.search(r"Ask for at (?:most|least) (\d+)", str(error.value))
    assert found is not None
    (row,) = rows(*params.split(), **options, length=int(found[1]))
    assert row["length"] == int(found[1])


# ---- what answers say


@pytest.mark.parametrize(
    ("said", "right"),
    [
        ("yes", 1), ("Yes.", 1), ("**Yes**", 1), ("YES!", 1), ('{"answer": "yes"}', 1), ("Answer: yes", 1), ("The answer is yes", 1),
        ("Let me see. No, wait.\nYes", 1), ("<think>no</think>yes", 1), ("They do: the sets intersect.", 1), ("They are not disjoint", 1),
        ("```\nyes\n```", 1), ("Yes, there is no doubt", 1), ("Do set A and set B share any element? yes", 1), ("yes, 483920 is in both", 1),
        ("no", 0), ("yes, no", 0), ("no, yes", 0), ("yes or no", 0), ("yesterday", 0), ("yes7", 0), ("7yes", 0), ("ye", 0), ("", 0), ("disjoint", 0),
        ("They share no element, so no.", 0), ("<think>yes", 0), ("Yes. On second thought, no.", 0), ("not intersecting", 0), ("noyes", 0), ("yes-no", 0),
        ("They share an element.", 1), ("They do share an element.", 1), ("The answer is not no.", 1), ('The answer is not "no".', 1), ("ＹＥＳ", 1),
        ("They have one element in common.", 1), ("The answer is not yes.", 0), ("They don’t share an element.", 0), ("Not yes", 0),
        ("They do not share an element.", 0), ("They share no elements.", 0), ("They have no element in common.", 0), ("They never overlap", 0),
        ("Common element: none", 0), ("1. yes\n2. no", 0),
    ],
)  # fmt: skip
def test_yes_is_read_as_it_is_said(said: str, right: int) -> None:
    row = next(row for row in rows("element=number", count=2) if row["answer"] == "yes")
    scores = TASK.score(said, row)
    assert scores["score"] == right
    assert TASK.score(row["input"], row)["score"] == 0 and TASK.score(row["input"] + said, row)["score"] == right


@pytest.mark.parametrize(
    ("said", "right"),
    [("不相交", 1), ("答案：不相交。", 1), ("两个集合没有共同元素", 1), ("否", 1), ("它们相交吗？不相交", 1), ("**不相交**", 1), ("没有交集", 1),
     ("相交", 0), ("是", 0), ("有共同元素", 0), ("相交，不相交", 0), ("不相", 0),
     ("未相交", 1), ("不会相交", 1), ("两集合无相交元素", 1), ("没有相交", 1), ("并不相交", 1), ("没有任何交集", 1), ("不是相交", 1), ("两者并没有共同元素。", 1),
     ("不是不相交", 0), ("并非没有交集", 0), ("是否有交集？有", 0), ("有交集", 0), ("存在交集", 0), ("未必相交", 0), ("不相交7", 0), ("", 0), ("相交或不相交", 0)],
)  # fmt: skip
def test_no_is_read_in_chinese(said: str, right: int) -> None:
    row = next(row for row in rows(count=2, lang="zh") if row["answer"] == "不相交")
    assert TASK.score(said, row)["score"] == right


def test_the_last_sentence_with_a_label_decides() -> None:
    labels = {"yes": ["yes", "not disjoint"], "no": ["no", "disjoint"]}
    assert heard("no. well yes", labels) == "yes" and heard("yes no", labels) == "" and heard("not disjoint", labels) == "yes"
    assert heard("nothing here", labels) == "" and heard("no\n\n  \n...", labels) == "no" and heard("x" * 10**6, labels) == ""


def test_counts_are_read_as_digits_and_as_words() -> None:
    row = next(row for row in rows("answer_mode=count", "overlap=4", count=5) if row["answer"] == "3")
    for said, right in (("3", 1), ("three", 1), ("There are 3 shared elements.", 1), ("**3**", 1), ("3 of 814", 1), ("4", 0), ("33", 0), ("3, 4", 0),
                        ("13", 0), ("none", 0), ("", 0), ("It was 4. No: 3", 1), ("3.5", 0), ("-3", 0),
                        ("３", 1), ("3.0", 1), ("3.", 1), ("Count: 3\n\nThey are 12, 13 and 14.", 1), ("They share 3 elements: 12, 13 and 14.", 1),
                        ("1. a\n2. b\n3. c", 0), ("1. a\n2. b\n3. c\n\nTotal: 3", 1), ("The count is not 3.", 0), ("not 3 but 4", 0), ("not 4 but 3", 1),
                        ("2 or 3", 0), ("3.05", 0), ("2.3", 0), ("3 (12, 13, 14)", 1), ("Set A has 8 and set B 20. They share 3.", 1)):  # fmt: skip
        assert TASK.score(said, row)["score"] == right, said
    row = next(
        row for row in rows("answer_mode=count", "overlap=12", "size_small=12", count=13, lang="zh") if row["answer"] == "12"
    )
    for said, right in (
        ("十二", 1),
        ("共有十二个。", 1),
        ("１２", 1),
        ("答案：十二", 1),
        ("共12个", 1),
        ("二", 0),
        ("十", 0),
        ("十一个", 0),
        ("不是十二个", 0),
    ):
        assert TASK.score(said, row)["score"] == right, said
    row = next(
        row for row in rows("answer_mode=count", "overlap=12", "size_small=12", count=13, lang="zh") if row["answer"] == "2"
    )
    for said, right in (("二", 1), ("两个", 1), ("答案是：二", 1), ("十二", 0), ("2个", 1)):
        assert TASK.score(said, row)["score"] == right, said


@pytest.mark.parametrize("element", ["number", "word", "code", "hex", "name", "email"])
@pytest.mark.parametrize("lang", ["en", "zh"])
def test_lists_are_scored_as_sets(element: str, lang: str) -> None:
    found = rows("answer_mode=intersect_all", "overlap=3", f"element={element}", count=2, lang=lang)
    row = next(row for row in found if len(row["outputs"]) == 3)
    none = next(row for row in found if len(row["outputs"]) == 1)
    one, two, three = row["outputs"]
    short, long = pair(row)
    other = next(text for text in short if text not in row["outputs"])
    filler = next(text for text in long if text not in [piece["text"] for piece in row["evidence"]])
    for said in (
        f"{three}, {one}, {two}",
        f"- {one}\n- {two}\n- {three}",
        json.dumps([one, two, three], ensure_ascii=False),
        f"{one}\n{two}\n{three}\n",
    ):
        scores = TASK.score(said, row)
        assert (scores["score"], scores["precision"], scores["recall"], scores["f1"]) == (1, 1, 1, 1), said
    scores = TASK.score(f"{one}, {two}", row)
    assert scores["recall"] == pytest.approx(2 / 3) and scores["precision"] == 1 and scores["score"] < 1
    for wrong in (other, filler):
        scores = TASK.score(", ".join([*row["outputs"], wrong]), row)
        assert scores["score"] < 1 and scores["recall"] == 1 and scores["precision"] == pytest.approx(3 / 4), wrong
        assert scores["hallucination"] == 0
    said = ", ".join(TASK.score("", row).keys())
    assert TASK.score(said, row)["score"] == 0 and TASK.score(", ".join(short), row)["score"] < 0.5
    assert (
        TASK.score(none["metadata"]["nothing"], none)["score"] == 1 and TASK.score(none["metadata"]["nothing"], row)["score"] == 0
    )
    assert TASK.score(f"{none['metadata']['nothing']}, {pair(none)[0][0]}", none)["score"] < 1
    assert TASK.score(pair(none)[0][0], none)["score"] == 0


@pytest.mark.parametrize("element", ["number", "word", "code", "hex", "name", "email"])
@pytest.mark.parametrize("lang", ["en", "zh"])
@pytest.mark.parametrize("padding", ["pad_long", "pad_both"])
def test_elements_are_read_inside_sentences(element: str, lang: str, padding: str) -> None:
    """Names and words look like other words, and beside Chinese ones no space tells where they begin."""
    found = rows("answer_mode=intersect_one", f"element={element}", f"padding={padding}", count=2, lang=lang)
    row = next(row for row in found if row["metadata"]["shared"])
    (gold,) = row["outputs"]
    filler = [element for members in pair(row) for element in members if element != gold]
    forms = {
        "The common element is {}.": 1, "Set A and set B share {}": 1, "Of both lists, the only one that stands in both is {}, I think.": 1,
        "共同元素是{}。": 1, '```json\n["{}"]\n```': 1, "{} or {}": 0, "Either {1} or {0}.": 0, "The answer is {} or {}": 0, "maybe {1} or {2} or {0}": 0,
        "共同元素是{}或{}。": 0, "共同元素是{1}和{0}": 0, "可能是{1}，也可能是{0}": 0, "The common element is {1}": 0, "共同元素是{1}": 0,
    }  # fmt: skip
    for wrong in (filler[:2], filler[-2:]):
        for form, right in forms.items():
            assert TASK.score(form.format(gold, *wrong), row)["score"] == right, (form, wrong)
    assert TASK.score(json.dumps([gold]), row)["score"] == 1


def test_a_word_that_is_said_again_does_not_deny_itself() -> None:
    row = next(row for row in rows(count=2) if row["answer"] == "yes")
    assert TASK.score("no no no no", row)["score"] == 0 == TASK.score("No no", row)["score"]


@pytest.mark.parametrize(
    "params",
    [
        ("universe=40", "size_ratio=4"), ("universe=30", "size_small=6", "size_ratio=4"), ("universe=40", "size_ratio=4", "near_misses=3"),
        ("universe=14", "size_ratio=1", "size_small=7"),
    ],
)  # fmt: skip
def test_the_least_universe_of_sets_of_native_sizes_is_enough(params: tuple[str, ...]) -> None:
    """What a refusal names as possible is: elements that are planted need no filler."""
    sizes = [part for part in params if not part.startswith("universe")] + ["size_small=8"] * ("size_small" not in str(params))
    (least,) = (part for part in params if part.startswith("universe"))
    found = rows(*sizes, least, lengths=None, count=4)
    short, long = pair(found[0])
    assert len({*short} | {*long}) + (found[0]["metadata"]["shared"] > 0) == len(short) + len(long)
    with pytest.raises(LcgenError, match=f"universe at least {least.partition('=')[2]}\\b"):
        rows(*sizes, f"universe={int(least.partition('=')[2]) - 1}", lengths=None, count=4)


def test_elements_of_no_set_are_hallucinated() -> None:
    row = next(row for row in rows("answer_mode=intersect_all", count=2) if row["metadata"]["shared"])
    invented = next(f"{n}" for n in range(100_000, 200_000) if f"{n}" not in row["input"])
    scores = TASK.score(f"{row['answer']}, {invented}", row)
    assert scores["hallucination"] == 0.5 and scores["precision"] == 0.5 and scores["score"] < 1


def test_uplift_is_over_naming_any_element_of_the_short_set() -> None:
    row = next(row for row in rows("answer_mode=intersect_one", "size_small=4", count=2) if row["metadata"]["shared"])
    short, _ = pair(row)
    scored = [TASK.score(text, row) for text in short]
    assert sum(scores["score"] for scores in scored) == 1 and sum(scores["uplift"] for scores in scored) == pytest.approx(0)


def test_the_summary_has_gaps_and_agreement() -> None:
    found = rows("twins=all", "length_basis=once", count=20)
    for row in found:
        # Right where the short set comes first, or is shown again; wrong elsewhere.
        wrong = {"yes": "no", "no": "yes"}[row["answer"]]
        metadata = row["metadata"]
        row["said"] = row["answer"] if metadata["order"] == "short_first" or metadata["copies"] > 1 else wrong
    scores = [TASK.score(row["said"], row) for row in found]
    columns = {name: np.array([one[name] for one in scores]) for name in scores[0]}
    summary = TASK.summary(found, columns)
    assert (
        summary["score"].value == 0.75
        and summary["balanced_accuracy"].value == 0.75
        and summary["matthews"].value == pytest.approx(0.5)
    )
    assert summary["order_gap"].value == pytest.approx(0.5) and summary["repetition_gain"].value == pytest.approx(0.5)
    assert summary["order_gap"].n == 20 and summary["repetition_tokens"].value > 1000
    blind = {name: np.array([TASK.score("yes", row)[name] for row in found]) for name in scores[0]}
    said = TASK.summary(found, blind)
    assert said["balanced_accuracy"].value == 0.5 and said["matthews"].value == 0 and said["order_gap"].value == 0


# ---- integer tokens


def table(**params: Any) -> TokenSets:
    return TokenSets(SetParams(style="tokens", **params))


@FEW
@given(
    short=st.integers(1, 20), ratio=st.integers(1, 20), share=st.sampled_from([0.0, 0.25, 0.5, 1.0]), mode=st.sampled_from(["decide", "intersect_one"]),
    order=st.sampled_from(["short_first", "long_first"]), copies=st.integers(1, 3), swap=st.booleans(), block=st.integers(0, 10**6),
)  # fmt: skip
def test_tokens_are_two_sets_between_special_ids(
    short: int, ratio: int, share: float, mode: Any, order: Any, copies: int, swap: bool, block: int
) -> None:
    made = table(size_small=short, size_ratio=ratio, intersecting=share, answer_mode=mode, order=order, copies=copies, swap=swap)
    drawn = made.draw(Stream("block", block))
    made.check(drawn)
    answers, first, second = drawn["answer"], *made.sizes
    assert sorted((first, second)) == sorted((short, short * ratio)) and (first <= second or order == "long_first")
    assert ((answers != NONE).reshape(-1, 4).sum(1) == 4 * share).all()
    for row, answer in list(zip(drawn["input_ids"].tolist(), answers.tolist()))[:20]:
        one, two = row[1 : 1 + first], row[2 + first : 2 + first + second]
        common = set(one) & set(two)
        assert (row[0], row[1 + first], row[-1], len(row)) == (1, 2, 3, made.width)
        assert len(set(one)) == first and len(set(two)) == second and min(*one, *two) >= FIRST
        assert answer == (min(common) if common and mode == "intersect_one" else SOME if common else NONE) and len(common) <= 1
        assert made.slice == f"{first}_{second}"


def test_tokens_have_all_ids_and_all_places_alike() -> None:
    made = table(size_small=4, size_ratio=8, answer_mode="intersect_one", intersecting=1.0, universe=64)
    drawn = [made.draw(Stream("place", block)) for block in range(20)]
    rows = np.concatenate([one["input_ids"] for one in drawn])
    answers = np.concatenate([one["answer"] for one in drawn])
    ids = np.bincount(rows[:, [*range(1, 5), *range(6, 38)]].ravel(), minlength=64)[FIRST:]
    assert abs(ids / ids.mean() - 1).max() < 0.03
    for begin, size in ((1, 4), (6, 32)):
        places = np.bincount((rows[:, begin : begin + size] == answers[:, None]).argmax(1), minlength=size)
        assert abs(places / places.mean() - 1).max() < 5 * (size / len(rows)) ** 0.5
    counts = np.bincount(answers, minlength=64)[FIRST:]
    assert abs(counts / counts.mean() - 1).max() < 5 * (60 / len(rows)) ** 0.5


def test_tokens_without_a_shared_element_are_half_and_say_nothing_by_place() -> None:
    made = table(size_small=16, size_ratio=16)
    drawn = [made.draw(Stream("half", block)) for block in range(4)]
    rows, labels = (np.concatenate([one[name] for one in drawn]) for name in ("input_ids", "answer"))
    assert labels.mean() == 0.5
    for column in (1, 2, 16, 18, 100, 273):
        assert abs(np.corrcoef(rows[:, column], labels)[0, 1]) < 4 / len(labels) ** 0.5


@pytest.mark.parametrize(
    ("params", "says"),
    [
        ("size_small=64 size_ratio=64", "universe=2048 holds 2044 elements .* too few for sets of 64 and 4096: universe at least 4164, or size_ratio at most 30"),
        ("universe=10", "universe=10 holds 6 elements"),
        ("universe=100000000000", "universe=100,000,000,000 and sets of 16 and 256 .* together at most 65,536"),
        ("size_small=100 size_ratio=700", "sets of 100 and 70,000 elements are too many .*, size_ratio at most 654"),
        ("size_small=100000", "sets of 100,000 and 1,600,000 elements are too many for integer tokens"),
        ("element=word", "style=tokens has no element"), ("near_misses=2", "has no near_misses"), ("answer_mode=count", "knows answer_mode=decide"),
        ("order=interleaved", "knows answer_mode"), ("twins=order", "has no twins"),
    ],
)  # fmt: skip
def test_tokens_that_cannot_be(params: str, says: str) -> None:
    with pytest.raises(LcgenError, match=says):
        lcgen.build(TASK.name, "nowhere", params=["style=tokens", *params.split()])
    assert not Path("nowhere").exists()


@pytest.mark.parametrize(
    ("options", "says"),
    [({"thinking": 5}, "--thinking has no meaning"), ({"haystack": "prose"}, "--haystack has no meaning"), ({"audience": "base"}, "--for base"),
     ({"lengths": "4k"}, "--lengths cannot be asked for"), ({"questions_per_context": 2}, "--questions-per-context")],
)  # fmt: skip
def test_options_of_prompts_have_no_meaning_for_tokens(options: dict[str, Any], says: str, tmp_path: Path) -> None:
    with pytest.raises(LcgenError, match=says):
        lcgen.build(TASK.name, tmp_path / "out", params=["style=tokens"], **options)


def test_prompts_and_tokens_are_built_one_by_one(tmp_path: Path) -> None:
    with pytest.raises(LcgenError, match=r"several (native sizes|forms)"):
        lcgen.build(TASK.name, tmp_path / "out", params={"style": ["text", "tokens"]})
    with pytest.raises(LcgenError, match="one by one"):
        lcgen.build(["needle", TASK.name], tmp_path / "out", params=["set_disjointness.style=tokens"])


def test_tokens_are_swept_inside_a_config(tmp_path: Path) -> None:
    params = ["style=tokens", "size_small=4", "size_ratio=4", "order=short_first,long_first"]
    report = lcgen.build(TASK.name, tmp_path / "out", params=params, samples=1500)
    assert report.rows == 3000 and not lcgen.verify(tmp_path / "out").faults
    found = list(lcgen.generate(TASK.name, params=params, samples=3))
    assert [(row["index"], row["slice"]) for row in found] == [(n, pair) for n in range(3) for pair in ("4_16", "16_4")]


@pytest.mark.parametrize("format", ["parquet", "jsonl"])
def test_tokens_are_built_verified_extended_and_loaded(format: str, tmp_path: Path) -> None:
    out = tmp_path / "out"
    args = (
        "build",
        TASK.name,
        "--set",
        "style=tokens",
        "--set",
        "size_small=4",
        "--set",
        "size_ratio=8",
        "--format",
        format,
        "--out",
        out,
    )
    said = done(*args, "--samples", 1500)
    assert "1,500 rows of numbers" in said and "Counted in" not in said
    assert "up to date" in done(*args, "--samples", 1500) and "2,500 rows" in done(*args, "--samples", 2500)
    assert "2,500 rows in 1 file read, 2,500 encoded, 2,500 solved; all hold" in done("verify", out)
    from datasets import load_dataset

    data = load_dataset(str(out), f"{TASK.name}_n36", split="test", cache_dir=str(tmp_path / "cache"))
    assert len(data) == 2500 and data[7]["labels"][-1] == data[7]["answer"] and len(data[7]["input_ids"]) == 39
    shown = load_dataset(str(out), cache_dir=str(tmp_path / "cache"))["preview"]
    assert shown.column_names == ["id", "task", "length", "depth", "asked", "gold", "head", "window", "tail"]
    assert (out / "README.md").read_text("utf-8").count("not shifted") == 1
    assert "input_ids" in done("show", TASK.name, "--set", "style=tokens")


def test_damaged_tokens_are_found(tmp_path: Path) -> None:
    out = tmp_path / "out"
    lcgen.build(TASK.name, out, params=["style=tokens", "size_small=4", "size_ratio=8"], samples=50)
    path = next((out / "data").rglob("test-*.parquet"))
    made = makers(spec(TASK.name, params=["style=tokens", "size_small=4", "size_ratio=8"], samples=50))[TASK.name]
    assert isinstance(made, TableMaker)
    (batch,) = made.batches(0, 50)
    rows = batch.to_pylist()
    rows[3]["answer"] = 1 - rows[3]["answer"]
    rows[3]["labels"][-1] = rows[3]["answer"]
    from lcgen.builders import arrow

    batches.write(path, [arrow.batch(rows, made.schema)], made.schema, "parquet")
    faults = lcgen.verify(out).faults
    assert any("not the file" in fault for fault in faults) and any("not its answer" in fault for fault in faults)


def _changed(columns: Mapping[str, np.ndarray], name: str, at: Sequence[int], value: int) -> dict[str, np.ndarray]:
    changed = {key: values.copy() for key, values in columns.items()}
    changed[name][tuple(at)] = value
    return changed


@pytest.mark.parametrize(
    ("name", "at", "value"),
    [("input_ids", (2, 0), 2), ("input_ids", (2, 5), 7), ("input_ids", (2, 22), 1), ("input_ids", (2, 1), 3), ("labels", (2, 4), 0), ("labels", (2, 22), 9),
     ("answer", (2,), 99), ("input_ids", (2, 3), 5000), ("input_ids", (2, 3), -1)],
)  # fmt: skip
def test_every_promise_of_a_table_is_checked(name: str, at: tuple[int, ...], value: int) -> None:
    made = table(size_small=4, size_ratio=4, answer_mode="intersect_one")
    drawn = made.draw(Stream("promises"))
    made.check(drawn)
    with pytest.raises(CheckFailed):
        made.check(_changed(drawn, name, at, value))


def test_the_published_grid(tmp_path: Path) -> None:
    whole = spec(TASK.name, preset="just-read-twice")
    assert [(part.split, part.samples) for part in whole.parts] == [("train", 20_000)] * 12 + [("test", 1_000)] * 20
    made = makers(whole)
    assert all(isinstance(one, TableMaker) and one.tables[0].ids == 2048 for one in made.values())  # type: ignore[attr-defined]
    slices = [one.tables[0].slice for one in made.values() if isinstance(one, TableMaker)]
    assert slices[:4] == ["4_16", "16_4", "8_32", "32_8"] and slices[-2:] == ["4_768", "768_4"] and len(slices) == 32
    lcgen.build(TASK.name, tmp_path / "out", preset="just-read-twice", samples=20)
    assert (tmp_path / "out" / "data" / "set_disjointness_train_4_128_n132" / "train-000000.parquet").is_file()
    assert not lcgen.verify(tmp_path / "out").faults
    train, test = (
        {tuple(row["input_ids"]) for row in lcgen.generate(TASK.name, preset=f"just-read-twice:{split}_4_128", samples=200)}
        for split in ("train", "test")
    )
    assert len(train) == len(test) == 200 and not train & test
    assert all(row["answer"] >= FIRST for row in lcgen.generate(TASK.name, preset="just-read-twice:test_1_32", samples=100))
    assert sum(row["answer"] == NONE for row in lcgen.generate(TASK.name, preset="disjoint-or-not:test_1_32", samples=100)) == 50
    with pytest.raises(LcgenError, match=r"splits of its own \(test, train\)"):
        spec(TASK.name, preset="just-read-twice", split="test")


@pytest.mark.parametrize("element", ["word", "name", "number"])
def test_elements_inside_sentences_count_and_other_words_do_not(element: str) -> None:
    found = rows("answer_mode=intersect_all", "overlap=2", f"element={element}", count=2)
    row = next(row for row in found if len(row["outputs"]) == 2)
    one, two = row["outputs"]
    scores = TASK.score(f"After a side-by-side look, The Answer: the shared elements are {one} and {two}.", row)
    assert (scores["score"], scores["precision"], scores["recall"], scores["hallucination"]) == (1, 1, 1, 0)
    other = next(text for text in pair(row)[1] if text not in row["outputs"])
    scores = TASK.score(f"The shared elements are {one} and {other}.", row)
    assert scores["precision"] == scores["recall"] == 0.5 and scores["score"] == 0


def test_rows_of_numbers_are_not_scored_by_responses(tmp_path: Path) -> None:
    lcgen.build(TASK.name, tmp_path / "out", params=["style=tokens"], samples=3)
    (tmp_path / "said.jsonl").write_text('{"id": "x", "response": "y"}\n', encoding="utf-8")
    assert refused(
        "score", tmp_path / "out", tmp_path / "said.jsonl", says="rows of numbers, which are scored where the model runs"
    )
