"""The phone book: what its books hold, how its questions are solved, and how answers are scored."""

from __future__ import annotations

import json
import re
from collections import Counter
from functools import cache
from itertools import groupby
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lcgen import aligned, generators, proof, schemas
from lcgen.builders.build import makers
from lcgen.builders.rows import RowMaker
from lcgen.errors import LcgenError
from lcgen.forms import Pool
from lcgen.ledger import Ledger
from lcgen.naming import naming
from lcgen.spec import Place
from lcgen.streams import Stream
from lcgen.telephones import numbers
from lcgen.wanted import spec
from tests.runs import refused

TASK = generators.get("phone_book")
ENTRY = re.compile(r"^(?!Correction|更正)(.+?)(?:: |：)(.+)$", re.M)


def maker(lang: str = "en", **options: Any) -> RowMaker:
    given = {"depths": "0.5", **({} if options.get("params", {}).get("entries") else {"lengths": "3k"}), **options}
    made = spec("phone_book", lang=lang, **given)
    return makers(made)[made.parts[0].name]


def made(count: int = 1, lang: str = "en", questions: int = 1, **params: Any) -> list[dict[str, Any]]:
    by = maker(lang, params=params, questions_per_context=questions)
    part = by.part
    return [row for index in range(count) for depth in part.depths for row in by.rows(Place(part.lengths[0], depth, 0, index))]


def book(row: dict[str, Any]) -> list[tuple[str, str]]:
    """Names and numbers of one copy of the book, corrections left out, read without the template."""
    lists = row["input"][row["context_start"] : row["context_end"]].split("\n\n")
    return next(found for part in lists if (found := ENTRY.findall(part)))


def answered(row: dict[str, Any], text: str) -> dict[str, float]:
    return dict(TASK.score(text, row))


# --- what a book holds ------------------------------------------------------------------------------------------------

PARAMS = st.fixed_dictionaries(
    {
        "style": st.sampled_from(["json", "instruction", "completion"]),
        "k_queries": st.sampled_from([1, 2, 7, 16]),
        "question": st.sampled_from(["after", "before", "both"]),
        "copies": st.sampled_from([1, 1, 2]),
        "length_basis": st.sampled_from(["final", "once"]),
        "order": st.sampled_from(["random", "surname", "number"]),
        "shared_surname": st.sampled_from([0, 2]),
        "shared_given": st.sampled_from([0, 1]),
        "near_miss": st.sampled_from([0, 3]),
        "number_format": st.sampled_from(["hyphens", "plain", "country", "extension"]),
        "reverse": st.booleans(),
        "absent": st.sampled_from([0.0, 0.0, 0.3, 1.0]),
        "updates": st.sampled_from([0, 0, 1, 3]),
        "entries": st.sampled_from([0, 0, 300]),
        "distractor_text": st.sampled_from(["none", "none", "emails", "addresses", "both"]),
    }
)


@settings(max_examples=40, deadline=None, derandomize=True)
@given(
    params=PARAMS,
    lang=st.sampled_from(["en", "zh"]),
    audience=st.sampled_from(["chat", "base"]),
    questions=st.sampled_from([1, 2]),
)
def test_any_book_is_exact_and_has_one_answer(params: dict[str, Any], lang: str, audience: str, questions: int) -> None:
    if params["style"] == "completion":
        params |= {"k_queries": 1, "question": "after", "absent": 0.0}
    if params["order"] != "random":
        params |= {"updates": 0}
    if params["question"] != "after":
        questions = 1
    if params["distractor_text"] != "none":
        params |= {"order": "random", "entries": 0}
    length = {} if params["entries"] else {"lengths": "8k"}
    by = maker(lang, params=params, audience=audience, questions_per_context=questions, depths="0.3", **length)
    for row in by.rows(Place(by.part.lengths[0], 0.3, 0, 0)):
        schemas.validate_row(row)
        proof.shape(row)
        proof.encode(row, by.tokenizer, by.wrapper)
        proof.solve(row, by.task, by.wording)
        assert row["context_start"] <= row["context_end"] <= len(row["input"])
        if params["length_basis"] == "final" and not params["entries"]:
            assert row["length"] == 8192
        entries = book(row)
        names, digits = [name for name, _ in entries], [aligned.digits(number) for _, number in entries]
        assert len({name.casefold() for name in names}) == len(names)
        assert len(set(digits)) == len(digits) and len({len(number) for number in digits}) == 1
        assert not any(len(list(run)) > 3 for number in digits for _, run in groupby(number))
        if params["order"] == "number":
            assert digits == sorted(digits)
        if params["order"] == "surname":
            assert names == _sorted(names, lang)
        whole = row["input"][row["context_start"] : row["context_end"]]
        if params["entries"]:
            assert len([line for line in whole.split("\n\n")[0].splitlines() if line]) == 300
        assert row["group_id"] == "" and len(row["metadata"]["asked"]) == params["k_queries"]


def _sorted(names: list[str], lang: str) -> list[str]:
    """By family name in the order of its list, then by the rest."""
    listed = naming(lang).tables[naming(lang).family].entries
    if lang == "zh":
        return sorted(names, key=lambda name: (listed.index(name[0]), name[1:]))
    return sorted(names, key=lambda name: (name.split()[-1].casefold(), name.rpartition(" ")[0].casefold()))


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_no_name_is_part_of_another_at_any_length(lang: str) -> None:
    by = maker(lang, lengths="256k", params={"k_queries": 16})
    (row,) = by.rows(Place(by.part.lengths[0], 0.5, 0, 0))
    names = [name.casefold() for name, _ in book(row)]
    assert len(names) > 15_000
    whole = "\n".join(names)
    for asked in row["metadata"]["asked"]:
        assert whole.count(asked.casefold()) == 1
    assert all(row["input"][row["context_start"] : row["context_end"]].count(number) == 1 for number in row["outputs"])


def test_a_million_tokens_hold_each_name_and_number_once() -> None:
    by = maker(lengths="1m", depths="1")
    (row,) = by.rows(Place(by.part.lengths[0], 1.0, 0, 0))
    entries = book(row)
    assert len(entries) > 60_000 and len({name for name, _ in entries}) == len({number for _, number in entries}) == len(entries)
    assert row["length"] == 1 << 20 and row["evidence"][0]["depth"] == 1
    proof.solve(row, by.task, by.wording)


@pytest.mark.parametrize(
    ("lang", "layout", "form"),
    [
        ("en", "hyphens", r"[2-9]\d\d-[2-9]\d\d-\d{4}"),
        ("en", "plain", r"[2-9]\d\d[2-9]\d{6}"),
        ("en", "country", r"\+\d\d [2-9]\d\d [2-9]\d\d \d{4}"),
        ("en", "extension", r"[2-9]\d\d-[2-9]\d\d-\d{4} ext\. [1-9]\d\d"),
        ("zh", "hyphens", r"1[3-9]\d-\d{4}-\d{4}"),
        ("zh", "plain", r"1[3-9]\d{9}"),
        ("zh", "country", r"\+86 1[3-9]\d \d{4} \d{4}"),
        ("zh", "extension", r"1[3-9]\d-\d{4}-\d{4}转[1-9]\d\d"),
    ],
)
def test_numbers_have_their_format_and_no_run_of_four(lang: str, layout: str, form: str) -> None:
    block = numbers(lang, layout)
    ids = np.concatenate([np.arange(3000), block.size - 1 - np.arange(3000)]).astype(np.uint64)
    texts = block.texts(ids) + Pool(block, Stream("numbers")).texts(np.arange(3000))
    assert all(re.fullmatch(form, text) for text in texts)
    assert len(set(texts)) == 9000 and texts[:3000] == sorted(texts[:3000])
    assert not any(re.search(r"(\d)\1{3}", aligned.digits(text)) for text in texts)
    assert [block.number(text) for text in texts[:20]] == list(range(20)) and block.number("1") is None
    heads = Counter(aligned.digits(text)[2 * (layout == "country") :][lang == "zh"] for text in texts[6000:])
    assert min(heads.values()) > 0.7 * max(heads.values()), "leading digits are about equally often"


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_who_is_easily_taken_for_another(lang: str) -> None:
    (row,) = made(lang=lang, shared_surname=3, shared_given=2, near_miss=4)
    (asked,) = row["metadata"]["asked"]
    others = [piece["key"] for piece in row["evidence"] if piece["role"] == "distractor"]
    family, *rest = naming(lang).parts(asked)
    split = [naming(lang).parts(other) for other in others]
    assert len(set(others)) == 9 and asked not in others
    assert sum(parts[0] == family and parts[1:] != rest for parts in split) >= 3
    assert sum(parts[0] != family and parts[1:] == rest for parts in split) >= 2
    near = {name for kind in naming(lang).near(asked) for name in kind}
    assert sum(other in near for other in others) >= 4
    listed = [name for name, _ in book(row)]
    assert all(listed.count(name) == 1 for name in [asked, *others])


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_other_directories_have_the_same_people_and_no_numbers(lang: str) -> None:
    """Whoever is asked for stands in all of them, in the book or not, so that to find the name is not enough."""
    orders = set()
    for row in made(count=6, lang=lang, k_queries=4, absent=0.5, distractor_text="both"):
        lists = row["input"][row["context_start"] : row["context_end"]].split("\n\n")
        heads = [part.partition("\n")[0] for part in lists]
        orders.add(tuple(heads))
        assert len(heads) == len(set(heads)) == 3 and max(part.count("\n") for part in lists) < 3 * min(
            part.count("\n") for part in lists
        )
        none, gold = row["metadata"]["no_answer"], dict(zip(row["metadata"]["asked"], row["outputs"]))
        (numbered,) = filter(ENTRY.search, lists)
        for name, number in gold.items():
            assert [part.count(name) for part in lists if part is not numbered] == [1, 1]
            assert numbered.count(name) == (number != none)
        decoys = [piece for piece in row["evidence"] if piece["role"] == "decoy"]
        assert sorted(piece["key"] for piece in decoys) == sorted(2 * row["metadata"]["asked"])
        assert TASK.score(TASK.oracle(row), row)["score"] == 1
        wrong = json.dumps(dict.fromkeys(gold, decoys[0]["value"]), ensure_ascii=False)
        assert TASK.score(wrong, row)["score"] == 0
    assert len(orders) > 1, "the book is not always the first"


def test_other_directories_need_a_book_without_order() -> None:
    for params in ({"order": "surname"}, {"entries": 100}):
        with pytest.raises(LcgenError, match="distractor_text=emails adds directories .* needs order=random and entries=0"):
            made(distractor_text="emails", **params)


def test_near_misses_of_names_are_one_step_away() -> None:
    initials, letters = naming("en").near("Maria Lopez")
    assert len(initials) == 26 and initials[0] == "Maria A. Lopez"
    assert {"Marria Lopez", "Mara Lopez", "Maira Lopez", "Maria Lopz", "Maria Lepez"} <= {*letters}
    assert "Maria Lopez" not in letters and len(set(letters)) == len(letters)
    assert all(name[0] == "张" and sum(a != b for a, b in zip(name, "张伟明")) == 1 for name in naming("zh").near("张伟明")[1])


def test_reverse_asks_for_names_and_near_misses_are_numbers() -> None:
    (row,) = made(k_queries=3, reverse=True, near_miss=2)
    held = {number: name for name, number in book(row)}
    assert [held[number] for number in row["metadata"]["asked"]] == row["outputs"]
    for piece in row["evidence"]:
        if piece["role"] == "distractor":
            groups = [number.split("-") for number in (piece["key"], *row["metadata"]["asked"])]
            assert any(sum(a != b for a, b in zip(groups[0], other)) == 1 for other in groups[1:])


def test_a_book_in_order_is_put_in_order_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """As many entries are drawn at first as the scarcest stretch between two people asked for needs."""
    passes: list[int] = []
    put = Ledger._sorted

    def counted(self: Ledger, ids: np.ndarray, weights: np.ndarray) -> np.ndarray:
        passes.append(len(ids))
        return put(self, ids, weights)

    monkeypatch.setattr(Ledger, "_sorted", counted)
    by = maker(lengths="64k", answer_tokens=1024, params={"order": "surname", "k_queries": 32})
    for index in range(4):
        (row,) = by.rows(Place(by.part.lengths[0], 0.5, 0, index))
        assert row["length"] == 65536
    assert len(passes) == 4 and min(passes) > 4000


@pytest.mark.parametrize("copies", [1, 2])
def test_the_last_correction_holds(copies: int) -> None:
    rows = made(3, k_queries=2, updates=2, copies=copies)
    for row in rows:
        lines = row["input"][row["context_start"] : row["context_end"]].split("\n\n")[0].splitlines()
        asked = row["metadata"]["asked"]
        corrected = [line for line in lines if line.startswith("Correction")]
        assert len(corrected) == 2 * 2 * 2, "as many corrections stand for people whom nobody asks for"
        for name, number in zip(asked, row["outputs"]):
            about = [line for line in lines if name in line]
            assert len(about) == 3 and about[0].startswith(name) and number in about[-1]
        assert "correction" in row["question"].casefold()
        old = next(p["value"] for p in row["evidence"] if p["role"] == "distractor" and p["key"] == asked[0])
        said = answered(row, json.dumps({asked[0]: old, asked[1]: row["outputs"][1]}))
        assert said["outdated_rate"] == 0.5 and said["score"] == 0 and said["per_number"] == 0.5


def test_repeated_books_are_held_by_the_length_or_come_on_top() -> None:
    (once,) = made(copies=3, length_basis="once")
    (final,) = made(copies=3)
    (plain,) = made()
    assert final["length"] == plain["length"] == 3072 and once["length"] == once["target"] > 3 * 2500
    for row in (once, final):
        context = row["input"][row["context_start"] : row["context_end"]]
        assert len(set(context.split("\n\n"))) == 1 and context.count("\n\n") == 2
        assert Counter(piece["copy"] for piece in row["evidence"]) == {0: 1, 1: 1, 2: 1}
    assert len(book(once)) > 2 * len(book(final))


# --- depths and balance -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("order", ["random", "surname", "number"])
def test_entries_stand_in_each_part_of_the_book(order: str) -> None:
    by = maker(params={"k_queries": 8, "order": order}, depths="random", lengths="8k")
    seen = []
    for index in range(4):
        (row,) = by.rows(Place(by.part.lengths[0], None, 0, index))
        depths = [next(p for p in row["evidence"] if p["key"] == name)["depth_requested"] for name in row["metadata"]["asked"]]
        assert sorted(int(depth * 8) for depth in depths) == list(range(8))
        seen.append(depths)
    assert len({tuple(np.argsort(depths)) for depths in seen}) == 4, "the order of the question says nothing of places"


@pytest.mark.parametrize("order", ["surname", "number"])
@pytest.mark.parametrize("depth", [0.0, 0.25, 1.0])
def test_a_book_in_order_keeps_depths_within_a_few_entries(order: str, depth: float) -> None:
    for k_queries, length in ((1, "2k"), (16, "16k")):
        by = maker(params={"k_queries": k_queries, "order": order, "near_miss": 2}, depths=str(depth), lengths=length)
        (row,) = by.rows(Place(by.part.lengths[0], depth, 0, 0))
        entries = len(book(row))
        for piece in row["evidence"]:
            if piece["role"] == "gold":
                assert abs(piece["depth"] - piece["depth_requested"]) * entries < 5
        first = next(piece for piece in row["evidence"] if piece["key"] == row["metadata"]["asked"][0])
        assert row["depth"] == first["depth_requested"] == depth


def test_absence_is_balanced_for_every_place_of_the_question() -> None:
    by = maker(params={"k_queries": 3, "absent": 0.25}, depths="random")
    lost = np.zeros(3, int)
    totals = []
    for index in range(40):
        (row,) = by.rows(Place(by.part.lengths[0], None, 0, index))
        none = np.array([output == "not listed" for output in row["outputs"]])
        lost += none
        totals.append(none.sum())
        listed = {name for name, _ in book(row)}
        assert [name in listed for name in row["metadata"]["asked"]] == (~none).tolist()
        assert len(row["evidence"]) == 3, "somebody else stands where the person asked for would"
    assert lost.tolist() == [10, 10, 10] and len(set(totals)) > 2


def test_k_is_swept_inside_one_config() -> None:
    swept = spec("phone_book", params=["k_queries=1,2,4,8"], lengths="4k", depths="random")
    assert len(swept.parts) == 1
    by = makers(swept)["phone_book"]
    rows = [by.rows(Place(by.part.lengths[0], None, number, 0))[0] for number in range(4)]
    assert [len(row["outputs"]) for row in rows] == [1, 2, 4, 8]
    assert {row["length"] for row in rows} == {4096} and len({row["max_new_tokens"] for row in rows}) == 1


def test_several_questions_share_one_book() -> None:
    rows = made(k_queries=4, questions=3)
    assert len(rows) == 3 and len({row["context_id"] for row in rows}) == 1
    assert len({name for row in rows for name in row["metadata"]["asked"]}) == 12
    for row in rows:
        assert sum(piece["role"] == "gold" for piece in row["evidence"]) == 4 and len(row["evidence"]) == 12


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_answers_do_not_depend_on_the_order_of_the_book(lang: str) -> None:
    by = maker(lang, params={"k_queries": 4})
    (row,) = by.rows(Place(by.part.lengths[0], 0.5, 0, 0))
    lines = row["input"][row["context_start"] : row["context_end"]].splitlines()
    for turn in range(3):
        shuffled = "\n".join(Stream("shuffle", turn).shuffle(lines))
        assert list(TASK.solve(shuffled, row["question"], by.wording)) == row["outputs"]
    twice = "\n".join([*lines, next(line for line in lines if row["metadata"]["asked"][0] in line)[:-1] + "x"])
    assert len(TASK.solve(twice, row["question"], by.wording)) == 5, "a second answer is found"


def test_shortcuts_do_not_find_near_misses_right() -> None:
    by = maker(params={"near_miss": 3, "shared_surname": 2}, depths="random")
    hits: Counter[str] = Counter()
    for index in range(30):
        (row,) = by.rows(Place(by.part.lengths[0], None, 0, index))
        rivals = {piece["value"] for piece in row["evidence"] if piece["role"] == "distractor"}
        for name, shortcut in TASK.baselines.items():
            found = shortcut(row["input"][row["context_start"] : row["context_end"]], row["question"], by.wording)
            assert len(found) == 1
            hits[name] += list(found) == row["outputs"]
            hits["lured"] += name == "most_similar" and found[0] in rivals
    assert all(hits[name] <= 2 for name in TASK.baselines) and hits["lured"] >= 25


# --- presets ----------------------------------------------------------------------------------------------------------


def test_repeat_after_me_is_a_book_two_examples_and_a_name() -> None:
    by = maker(preset="repeat_after_me:n20", audience="base", depths="random", lengths=None)
    (row,) = by.rows(Place(by.part.lengths[0], None, 0, 0))
    assert by.part.samples == 96 and row["max_new_tokens"] == 50 and row["gen_prefix"] == ""
    context = row["input"][row["context_start"] : row["context_end"]]
    assert len(context.splitlines()) == 20 and row["input"].startswith(context)
    pad, examples, last = row["input"][len(context) :].strip().split("\n\n")
    assert last == f"{row['metadata']['asked'][0]}:" and len(examples.splitlines()) == 2 and pad
    assert all(example in context.splitlines() and last not in example for example in examples.splitlines())
    assert re.fullmatch(r"\d{10}", row["outputs"][0])
    assert answered(row, f" {row['outputs'][0]}\nAda Stone: 2125550187")["score"] == 1
    assert (
        answered(row, f" {row['outputs'][0]}\n")["first_line"] == 1
        and answered(row, f"It is {row['outputs'][0]}")["first_line"] == 0
    )


def test_birdie_asks_on_both_sides() -> None:
    by = maker(preset="birdie:k32", depths="random", lengths=None)
    assert by.part.lengths[0].low == 16384 and by.part.samples == 1024
    (row,) = by.rows(Place(by.part.lengths[0], None, 0, 0))
    assert (
        row["input"].count(row["question"]) == 2
        and len(row["outputs"]) == 32
        and row["reference_output"] == ", ".join(row["outputs"])
    )
    assert (
        row["input"].index(row["question"]) < row["context_start"] and row["input"].rindex(row["question"]) > row["context_end"]
    )


# --- bad input --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("params", "says"),
    [
        ({"k_queries": 0}, r"k_queries must be from 1 to 64, and is 0"),
        ({"k_queries": 65}, r"k_queries must be from 1 to 64, and is 65"),
        ({"entries": 10, "k_queries": 16}, r"entries=10; ask for entries=16, or k_queries=10"),
        (
            {"entries": 50, "k_queries": 32, "near_miss": 2},
            r"32 takes 96 lines, 3 for each .*entries=50; ask for entries=96, or k_queries=16",
        ),
        ({"entries": 2, "style": "completion"}, r"takes 3 lines, .*2 for the solved examples.*ask for entries=3"),
        ({"entries": 3, "near_miss": 4}, r"ask for entries=5$"),
        ({"style": "completion", "k_queries": 4}, r"no words for k_queries=4.*take style=instruction"),
        ({"style": "completion", "question": "both"}, r"no words for question=both"),
        ({"style": "completion", "absent": 0.5}, r"no words for absent=0.5"),
        ({"updates": 1, "order": "surname"}, r"updates=1 needs order=random.*order=surname needs updates=0"),
        ({"absent": 0.12}, r"multiple of 0.05 from 0 to 1, and is 0.12"),
        ({"absent": 1.5}, r"multiple of 0.05 from 0 to 1, and is 1.5"),
        ({"near_miss": -1}, r"near_miss must be from 0 to 16, and is -1"),
        ({"order": "alphabet"}, r"must be one of random, surname, number"),
    ],
)
def test_what_cannot_be_is_said(params: dict[str, Any], says: str) -> None:
    with pytest.raises(LcgenError, match=says.replace("$", r"\.$")):
        spec("phone_book", params=params)


def test_other_refusals() -> None:
    refused("build", "phone_book", "--haystack", "prose", says="records of its own, not with prose")
    refused("build", "phone_book", "--set", "entries=40", "--lengths", "4k", says="--lengths cannot be")
    refused("build", "phone_book", "--set", "question=before", "--questions-per-context", "2", says="question=after, not before")
    refused("build", "phone_book", "--set", "k_queries=16", "--set", "entries=40", "--questions-per-context", "4", says="16 in 4 questions takes 64 lines.*k_queries=10")  # fmt: skip
    refused("build", "phone_book", "--lengths", "16m", says="there are 606,144 different units of it, .* Ask for at most [0-9]+ ")
    refused("build", "phone_book", "--set", "entries=1000000", says="entries=1,000,000 is more than .* entries at most 606,144")
    refused("build", "phone_book", "--set", "k_queries=64", "--set", "shared_surname=64", says="at most 4,096")


# --- scores -----------------------------------------------------------------------------------------------------------


@cache
def four() -> dict[str, Any]:
    (row,) = made(k_queries=4)
    return row


@cache
def lost() -> dict[str, Any]:
    by = maker(params={"k_queries": 4, "absent": 0.5})
    rows = (by.rows(Place(by.part.lengths[0], 0.5, 0, index))[0] for index in range(20))
    return next(row for row in rows if row["outputs"].count("not listed") == 2)


LAYOUTS = [
    lambda a, n: json.dumps(dict(zip(a, n))),
    lambda a, n: "Here it is:\n```json\n" + json.dumps(dict(zip(a, n)), indent=2) + "\n```",
    lambda a, n: json.dumps(dict(zip(a[::-1], n[::-1]))),
    lambda a, n: json.dumps({"numbers": dict(zip(a, n))}),
    lambda a, n: json.dumps([{"name": name, "number": number} for name, number in zip(a, n)]),
    lambda a, n: json.dumps(list(n)),
    lambda a, n: ", ".join(n),
    lambda a, n: "\n".join(f"{place}. {number}" for place, number in enumerate(n, 1)),
    lambda a, n: "\n".join(f"{place}) {name}: {number}" for place, (name, number) in enumerate(zip(a, n), 1)),
    lambda a, n: "\n".join(f"- **{name}** - {number}" for name, number in zip(a[::-1], n[::-1])),
    lambda a, n: "| Name | Number |\n|---|---|\n" + "\n".join(f"| {name} | {number} |" for name, number in zip(a, n)),
    lambda a, n: "\n".join(f"{number} is the number of {name}." for name, number in zip(a, n)),
    lambda a, n: f"The numbers of {a[0]}, {a[1]}, {a[2]} and {a[3]} are {n[0]}, {n[1]}, {n[2]} and {n[3]}.",
    lambda a, n: "\n".join(f"{name.upper()}: ({number[:3]}) {number[4:7]}-{number[8:]}" for name, number in zip(a, n)),
    lambda a, n: "\n".join(f"{name}: {number.replace('-', '.')}" for name, number in zip(a, n)),
    lambda a, n: "\n".join(f"{name}: {number.replace('-', '')}" for name, number in zip(a, n)),
    lambda a, n: "\n".join(f"{name}: {number.replace('-', '–')}" for name, number in zip(a, n)),
    lambda a, n: f"You asked for {', '.join(a)}.\n" + "\n".join(f"{name}: {number}" for name, number in zip(a, n)),
    lambda a, n: f"<think>{a[0]}: 999-888-7766?</think>" + ", ".join(n),
]


@pytest.mark.parametrize("layout", LAYOUTS)
def test_a_right_answer_is_right_in_many_layouts(layout: Any) -> None:
    row = four()
    said = answered(row, layout(row["metadata"]["asked"], row["outputs"]))
    assert said["score"] == said["all_correct"] == said["per_number"] == said["set_recall"] == 1
    assert said["swap_rate"] == said["confusion_rate"] == said["hallucination_rate"] == 0


def test_wrong_numbers_are_told_apart() -> None:
    row = four()
    names, right = row["metadata"]["asked"], row["outputs"]
    other = next(number for _, number in book(row) if number not in right)

    def said(*numbers: str) -> dict[str, float]:
        return answered(row, json.dumps(dict(zip(names, numbers))))

    swapped = said(right[1], right[0], *right[2:])
    assert (swapped["per_number"], swapped["set_recall"], swapped["swap_rate"], swapped["score"]) == (0.5, 1, 0.5, 0)
    confused = said(other, *right[1:])
    assert (confused["per_number"], confused["confusion_rate"], confused["score"]) == (0.75, 0.25, 0.5)
    invented = said("999-888-7766", *right[1:])
    assert (invented["hallucination_rate"], invented["confusion_rate"], invented["score"]) == (0.25, 0, 0.5)
    assert answered(row, json.dumps(dict(zip(names[1:], right[1:]))))["score"] == 0.75, "what is left out costs itself alone"
    surplus = answered(row, json.dumps({**dict(zip(names, right)), "Zoe Quill": other}))
    assert surplus["per_number"] == 1 and surplus["all_correct"] == 0 and surplus["score"] == 0.75
    assert answered(row, ", ".join([right[1], right[0], *right[2:]]))["swap_rate"] == 0.5, "a list goes by order"
    assert answered(row, ", ".join(number for _, number in book(row)))["score"] == 0, "the whole book"
    clipped = answered(row, ", ".join([*right[:3], right[3][:-1]]))
    assert clipped["per_number"] == 0.75 and clipped["hallucination_rate"] == 0.25
    assert answered(row, ", ".join([*right[:3], right[3] + "7"]))["per_number"] == 0.75
    assert answered(row, ", ".join([*right[:3], "1-" + right[3]]))["per_number"] == 0.75
    dup = said(right[0], right[0], *right[2:])
    assert dup["per_number"] == 0.75 and dup["swap_rate"] == 0.25
    for nothing in ("", "I do not know.", row["input"], f"<think>{row['answer']}", "\x00\ud800" * 10):
        assert answered(row, nothing)["score"] == 0


def test_places_in_the_answer_and_quarters_of_the_book() -> None:
    row = four()
    names, right = row["metadata"]["asked"], row["outputs"]
    said = answered(row, json.dumps(dict(zip(names, [*right[:2], "999-888-7766", right[3]]))))
    assert (said["place_1"], said["place_2"], said["place_3_4"]) == (1, 1, 0.5)
    depth = next(piece["depth"] for piece in row["evidence"] if piece["key"] == names[2])
    quarters = {name: value for name, value in said.items() if name.startswith("quarter")}
    assert (
        quarters[f"quarter_{min(4, int(depth * 4) + 1)}"] < 1
        and sum(value == 1 for value in quarters.values()) >= len(quarters) - 1
    )
    assert "place_1" not in answered(made()[0], "")


def test_refusals_are_for_people_who_are_not_listed() -> None:
    row = lost()
    names, right = row["metadata"]["asked"], row["outputs"]
    for word in ("not listed", "Not found", "null", "There is no entry in the phone book"):
        said = answered(
            row, "\n".join(f"{name}: {word if number == 'not listed' else number}" for name, number in zip(names, right))
        )
        assert said["score"] == said["refused"] == 1 and said["false_refusal"] == 0, word
    assert answered(row, json.dumps({n: None if v == "not listed" else v for n, v in zip(names, right)}))["score"] == 1
    assert answered(row, ", ".join(right))["score"] == 1
    refusal = answered(row, "\n".join(f"{name}: not listed" for name in names))
    assert refusal["false_refusal"] == 1 and refusal["per_number"] == 0.5
    made_up = answered(row, json.dumps({n: "999-888-7766" if v == "not listed" else v for n, v in zip(names, right)}))
    assert made_up["refused"] == 0 and made_up["score"] == 0.25 and made_up["hallucination_rate"] > 0
    hedged = answered(row, "\n".join(f"{name}: {number}, or not listed" for name, number in zip(names, right)))
    assert hedged["score"] == 0.5 and hedged["all_correct"] == 0


@pytest.mark.parametrize("lang", ["en", "zh"])
@pytest.mark.parametrize("reverse", [False, True])
def test_denials_and_corrections_of_numbers(lang: str, reverse: bool) -> None:
    (row,) = made(lang=lang, near_miss=2, reverse=reverse)
    (right,), (key,) = row["outputs"], row["metadata"]["asked"]
    wrong = next(piece["value"] for piece in row["evidence"] if piece["role"] == "distractor" and piece["value"] != right)
    forms = {
        "It is {}, not {}.": 1, "{1}. No, actually {0}.": 1, "It is not {1}. It is {0}.": 1, "{0}. No, actually {1}.": 0, "It is {1}, not {0}.": 0,
        "It is not {0}.": 0, "It isn’t **{0}**.": 0, "{0} is not the answer.": 0, "Is it {0}? No.": 0, "{0} or {1}": 0, "{0}, {1}": 0,
        "{0}, not {1}. {1}, not {0}.": 0, "是{0}，不是{1}。": 1, "{1}。不对，是{0}。": 1, "不是{0}。": 0, "{0}不是正确答案。": 0, "{0}。不对，是{1}。": 0,
        "{k}: {1}. Wait, no: {0}": 1, "{k}: {0}. Wait, no: {1}": 0, "{1} should be {0}.": 1, "{0} should be {1}.": 0, "{0} should be it.": 1,
        "{k}: ~~{1}~~ {0}": 1, "{k}: ~~{0}~~ {1}": 0, "{1}应为{0}。": 1, "{0}应为{1}。": 0, "~~{0}~~": 0,
    }  # fmt: skip
    for form, worth in forms.items():
        said = form.format(right, wrong, k=key)
        assert answered(row, said)["score"] == worth, said


def test_a_whole_list_may_be_corrected() -> None:
    row = four()
    right, every = row["outputs"], ", ".join(row["outputs"])
    assert answered(row, f"{', '.join(right[::-1])}. No, actually: {every}")["score"] == 1
    assert answered(row, f"{every}. No, actually: {', '.join(right[::-1])}")["score"] == 0
    assert answered(row, f"{every}. No, actually: {right[0]}")["score"] == 1, "one value takes no list back"


def test_a_part_of_a_list_may_be_taken_back() -> None:
    row = four()
    asked, right = row["metadata"]["asked"], row["outputs"]
    wrong = right[0][:-1] + str((int(right[0][-1]) + 1) % 10)
    lines = "\n".join(f"{name}: {number}" for name, number in zip(asked, right))
    assert answered(row, f"{lines}\n{asked[0]}: {wrong}; no, not {wrong}")["score"] == 1
    lost = answered(row, f"{lines}\nNo, not {right[1]}.")
    assert lost["score"] == lost["per_number"] == 0.75 and lost["hallucination_rate"] == 0
    assert answered(row, f"{lines}\nNo, not {right[1]}. Sorry, {asked[1]}: {right[1]}.")["score"] == 1


@pytest.mark.parametrize("said", [None, 7, ["x"], {}], ids=str)
@pytest.mark.parametrize("style", ["json", "completion"])
def test_what_is_no_text_says_nothing(said: Any, style: str) -> None:
    (row,) = made(style=style)
    assert answered(row, said) == answered(row, "") and answered(row, said)["score"] == 0


def test_one_number_among_others() -> None:
    (row,) = made(near_miss=2)
    (name,), (right,) = row["metadata"]["asked"], row["outputs"]
    rival = next(piece["value"] for piece in row["evidence"] if piece["role"] == "distractor")
    assert answered(row, f"The phone number of {name} is {right}.")["score"] == 1
    assert answered(row, right)["score"] == answered(row, f'{{"{name}": {right.replace("-", "")}}}')["score"] == 1
    assert answered(row, f"+1 {right}")["score"] == 1
    assert answered(row, rival)["confusion_rate"] == 1 and answered(row, f"{right} or {rival}")["score"] == 0
    assert answered(row, f"{name}: {right}\n{name}: {rival}")["score"] == 0


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_names_are_scored_in_reverse(lang: str) -> None:
    (row,) = made(lang=lang, k_queries=3, reverse=True, style="instruction")
    numbers, right = row["metadata"]["asked"], row["outputs"]
    other = next(name for name, _ in book(row) if name not in right)
    for text in (
        ", ".join(right),
        json.dumps(dict(zip(numbers, right))),
        "\n".join(f"{a} - {b}" for a, b in zip(numbers, right)),
    ):
        assert answered(row, text)["score"] == 1
    assert answered(row, json.dumps(dict(zip(numbers, [right[1], right[0], right[2]]))))["swap_rate"] == pytest.approx(2 / 3)
    assert answered(row, json.dumps(dict(zip(numbers, [other, *right[1:]]))))["confusion_rate"] == pytest.approx(1 / 3)
    invented = answered(row, json.dumps(dict(zip(numbers, ["Zoe Quill", *right[1:]]))))
    assert invented["per_number"] == pytest.approx(2 / 3) and invented["hallucination_rate"] > 0
    assert answered(row, row["input"])["score"] == 0


def test_a_base_model_goes_on_from_the_cue() -> None:
    by = maker(params={"k_queries": 3}, audience="base")
    (row,) = by.rows(Place(by.part.lengths[0], 0.5, 0, 0))
    first = next(piece for piece in row["evidence"] if piece["key"] == row["metadata"]["asked"][0])
    assert row["gen_prefix"].strip() == first["cue"] == f"{first['key']}:"
    names, right = row["metadata"]["asked"], row["outputs"]
    for text in (row["reference_output"], f" {right[0]}, {names[1]}: {right[1]}, {names[2]}: {right[2]}"):
        assert answered(row, text)["score"] == 1
    assert answered(row, right[1])["per_number"] == 0


def test_a_megabyte_of_anything_is_scored_in_linear_time() -> None:
    row = four()
    for text in ("1" * 10**6, "1-" * 500_000, "[" * 10**6, "Ann Lee " * 120_000, "\\u0031" * 160_000, "1. " * 300_000):
        assert answered(row, text)["score"] == 0


# --- lists of keys and values -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("keys", "values", "given", "strays"),
    [
        ("", "1 2", [["1"], ["2"]], []),
        ("", "1 2 3", [["1"], ["2"]], ["3"]),
        ("", "2", [["2"], []], []),
    ],
)
def test_without_keys_values_go_by_order(keys: str, values: str, given: list[list[str]], strays: list[str]) -> None:
    hits = [aligned.Hit(place, value) for place, value in enumerate(values.split())]
    assert aligned.assign(["a", "b"], [], hits) == (given, strays)


@pytest.mark.parametrize(
    ("told", "given", "strays"),
    [
        ("a 1 b 2", [["1"], ["2"]], []),
        ("b 2 a 1", [["1"], ["2"]], []),
        ("1 a 2 b", [["1"], ["2"]], []),
        ("a b 1 2", [["1"], ["2"]], []),
        ("a b a 1 b 2", [["1"], ["2"]], []),
        ("a 1 3 b 2", [["1"], ["2"]], ["3"]),
        ("a 1 1 b 2", [["1"], ["2"]], []),
        ("a 1 b 2 a 3", [["1", "3"], ["2"]], []),
        ("3 a 1 b 2", [["1"], ["2"]], ["3"]),
        ("a b 1 2 3", [["1"], ["2"]], ["3"]),
        ("a 1 2", [["1"], ["2"]], []),
        ("b 1 2", [[], ["1"]], ["2"]),
        ("a b", [[], []], []),
    ],
)
def test_values_belong_to_the_key_beside_them(told: str, given: list[list[str]], strays: list[str]) -> None:
    hits = [aligned.Hit(place, text) for place, text in enumerate(told.split())]
    keys, values = [hit for hit in hits if hit.text.isalpha()], [hit for hit in hits if hit.text.isdecimal()]
    found, left = aligned.assign(["a", "b"], keys, values)
    assert (found, left) == (given, strays)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("212-555-0187", ["2125550187"]),
        ("(212) 555-0187 and 313.555.0199", ["2125550187", "3135550199"]),
        ("1. 212 555 0187", ["2125550187"]),
        ("212-555-01877", ["21255501877"]),
        ("212-555-018", ["212555018"]),
        ("2125550187 3135550199", ["2125550187", "3135550199"]),
        ("in 2024, on page 17 of 1,234", []),
        ("٢١٢-٥٥٥-٠١٨٧", ["2125550187"]),
    ],
)
def test_numbers_are_found_whole(text: str, found: list[str]) -> None:
    assert [hit.text for hit in aligned.numbers(aligned.flat(text), 10)] == found


def test_names_are_found_whole() -> None:
    known = {aligned.folded(name) for name in ("Ann Lee", "John R. Smith", "John Smith", "张伟明")}
    text = "ANN LEE's; Ann Leeson; Ann Lee-Smith; John R Smith; John Smith; 找张伟明。"
    assert [hit.text for hit in aligned.names(text, known)] == ["ann lee", "john r smith", "john smith", "张伟明"]
