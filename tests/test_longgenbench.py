"""Lists of questions: pools, lists, rows, the scorer, the published rules with their defects, and what is refused."""

from __future__ import annotations

import json
import re
import time
from collections import Counter
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import lcgen
from lcgen import generators, questions, tokens
from lcgen.api import build
from lcgen.errors import LcgenError
from lcgen.questions import answers, arithmetic, files, published, subjects
from lcgen.questions.answers import Item
from lcgen.questions.lists import Listed
from lcgen.streams import Stream
from lcgen.wanted import spec
from tests.runs import done, refused

FEW = settings(max_examples=12, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
POOLS = [("problems", "en"), ("problems", "zh"), ("subjects", "en"), ("subjects", "zh"), ("concepts", "en")]
TASK = generators.get("longgenbench")


@cache
def made(count: int = 1, **options: Any) -> list[dict[str, Any]]:
    """Rows of lists, without those of single questions."""
    params = options.pop("params", ())
    found = lcgen.generate("longgenbench", samples=count, params=dict(params), verify="full", **options)
    return [row for row in found if row["variant"] != "single"]


def some(number: int = 300, name: str = "problems", lang: str = "en") -> list[questions.Question]:
    pool = questions.load(name, lang)
    return [pool.question(n, Stream("some", n), n % max(1, len(pool.letters))) for n in range(number)]


# --- pools --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("name", "lang"), POOLS)
def test_answers_are_found_from_the_text_alone_and_no_question_comes_twice(name: str, lang: str) -> None:
    pool = questions.load(name, lang)
    count = pool.size or 2000
    found = some(count, name, lang)
    assert len({question.text for question in found}) == count
    assert all(pool.solve(question.text, lambda words: None) == question.answer for question in found)
    assert all(pool.solve("What is this?", lambda words: None) is None for _ in found[:1])


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_steps_of_word_problems_are_true_and_lead_to_the_answer(lang: str) -> None:
    found = some(1500, lang=lang)
    for question in found:
        assert all(arithmetic.holds(step) for step in question.steps), question
        assert question.steps[-1].endswith(f"= {question.answer}") and int(question.answer) >= 1
        # Every result but the last is used again: no sentence is idle.
        results = [step.rpartition("= ")[2] for step in question.steps[:-1]]
        assert all(any(re.search(rf"\b{r}\b", later) for later in question.steps[n + 1 :]) for n, r in enumerate(results))
    sizes = Counter(len(question.steps) for question in found)
    assert sizes[2] + sizes[3] + sizes[4] > 0.7 * len(found) and max(sizes) <= 8 and min(sizes) == 2
    assert any(any("y" in line.formula.names for line in scene.of("join")) for scene in questions.load("problems", lang).scenes)  # type: ignore[attr-defined]


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_a_sentence_of_a_scene_is_read_in_one_way_only(lang: str) -> None:
    """Of the lines that match a sentence, all but the right one put somebody else in the place of the first person."""
    for scene in questions.load("problems", lang).scenes:  # type: ignore[attr-defined]
        for line in scene.lines:
            said = line.sentence.format(name="Ann Bo", first="Ann", other="Cy", things=scene.things[0], a=5, b=6)
            for other in scene.lines:
                found = other.pattern.match(said)
                if other is line or found is None or (other.role == "open") != (line.role == "open"):
                    continue
                assert found.groupdict().get("first", "Ann") != "Ann" or found.groupdict().get("other") == "Ann", (line, other)


@pytest.mark.parametrize("name", ["subjects", "concepts"])
def test_options_are_distinct_and_neither_rank_nor_place_tells_the_right_one(name: str) -> None:
    ranks: Counter[int] = Counter()
    longest = 0
    found = some(questions.load(name, "en").size or 0, name)
    for question in found:
        stem, options = questions.options_of(question.text)
        assert stem and "".join(options) == question.letters and len(set(options.values())) == len(options)
        right = options[question.answer]
        if name == "subjects":
            ranks[sorted(map(int, options.values())).index(int(right))] += 1
        longest += max(options.values(), key=len) == right
    assert all(0.2 < often / len(found) < 0.3 for often in ranks.values())
    assert longest < 0.45 * len(found)


def test_wrong_options_of_concepts_hold_of_no_concept_of_their_field() -> None:
    pool: Any = questions.load("concepts", "en")
    fields = {fact.concept: fact.field for fact in pool.facts}
    for question in some(pool.size, "concepts"):
        _, options = questions.options_of(question.text)
        field = fields[question.subject]
        own = {fact.value for fact in pool.facts if fact.field == field}
        assert sum(option in own for option in options.values()) == 1


ALSO_TRUE = """
part: a boat=propeller; an aeroplane=rudder,fin,tyre; a shark=valve of the heart; a cow=valve of the heart; a horse=valve of the heart,saddle
part: a piano=key of a keyboard; a keyboard=key of ivory; a screw=propeller; a car=fin
causes: tiredness=overtime,hard study; tired employees=lack of sleep,heavy traffic; sick cattle=drought,infection; dark rooms=eclipses of the sun
causes: headaches in closed rooms=lack of sleep,infection; late commuters=overtime,lack of sleep; damp walls=storm surge,high tide
causes: an angry client=careless spelling,leaking pipes; darkness at noon=blown fuses; a trembling voice=infection; good marks=brilliant acting
is: warning device=traffic light,lighthouse,bell for breaks,fuel gauge; safety gear=life jacket,parachute; low seat=saddle; rider's seat=milking stool
is: desk tool=ruler,eraser; vehicle component=rudder,propeller; animal organ=valve of the heart,fin; farm implement=wheelbarrow,watering can
is: walking aid=shepherd's crook; rescue equipment=parachute,helmet; winter hazard=late frost; rotating part=tyre; cutting machine=hedge shears,hacksaw
is: section of text=act; division of a drama=chapter; illness=stage fright; unhealthy habit=overtime; extra work=hard study; navigation instrument=globe
at: operating theatre=mask; corridor of a school=wheelchair,smoke alarm; clinic corridor=smoke alarm; pencil case=compass,paper clip,calculator
at: wheat field in August=scarecrow; stubble field=scarecrow; blacksmith's forge=horseshoe; stationery dish=eraser,ruler; car boot=wheelchair,satchel
at: clerk's desk=ruler,eraser,dictionary; accountant's desk=ruler,eraser; geography room=compass; dashboard=compass; cow barn=wheelbarrow
at: living room shelf=dictionary,globe; ship's bridge=telescope,fuel gauge; bathroom=curtain; first-aid box=mask; greenhouse bench=thermometer
has: a scale in degrees=compass; a narrow bright beam=lighthouse; a revolving lamp=spotlight; a raised rim=bathtub,tyre; loops of wire=paper clip
has: a sharp bevelled edge=scalpel; a tiny very sharp edge=chisel; a bent steel wire=coat hanger,whisk; a hooked top=coat hanger; a rubbery feel=tyre
has: coarse strands along a neck=violin; many small drain holes=watering can; a rubber tread=doormat; a spout and a lid=watering can
for: checking that a shelf is straight=ruler; collecting road fees=ticket booth; hiding a face=helmet
opposite: gloomy=blazing; dim=cheerful; deceitful=blunt
"""
"""What holds across fields: relation, value, concepts."""


def test_no_option_of_a_concept_is_true_beside_the_right_one() -> None:
    pool: Any = questions.load("concepts", "en")
    offered = {(fact.concept, fact.relation, value) for fact in pool.facts for values in pool.wrong(fact) for value in values}
    asked = {(fact.concept, fact.relation) for fact in pool.facts}
    held = {(fact.relation, fact.value) for fact in pool.facts}
    for line in ALSO_TRUE.strip().splitlines():
        relation, _, pairs = line.partition(": ")
        for value, _, concepts in (pair.partition("=") for pair in pairs.split("; ")):
            assert (relation, value) in held, value
            for concept in concepts.split(","):
                assert (concept, relation) in asked, concept
                assert (concept, relation, value) not in offered
    # Each item draws from these alone, from four other fields.
    for fact in pool.facts:
        assert sum(map(bool, pool.wrong(fact))) >= 4, fact
    for question in some(pool.size, "concepts"):
        _, options = questions.options_of(question.text)
        relations = {
            fact.relation for fact in pool.facts if fact.concept == question.subject and fact.value == options[question.answer]
        }
        for letter, value in options.items():
            assert letter == question.answer or any((question.subject, relation, value) in offered for relation in relations)


def test_no_option_shares_a_word_with_the_right_one_or_with_the_concept() -> None:
    common = {"between", "under", "below", "above"}
    for question in some(questions.load("concepts", "en").size or 0, "concepts"):
        _, options = questions.options_of(question.text)
        words = {word[:5] for word in re.findall(r"\w{5,}", f"{question.subject} {options[question.answer]}".lower())} - common
        for letter, option in options.items():
            assert letter == question.answer or not words & {word[:5] for word in re.findall(r"\w{5,}", option.lower())}, question


@pytest.mark.parametrize(
    "line", ["at moon base ! ruler", "at pencil case ! unicorn", "at pencil case ! rainbow, udder", "nothing"]
)
def test_an_exception_of_what_a_table_does_not_hold_is_refused(line: str, monkeypatch: pytest.MonkeyPatch) -> None:
    from lcgen.questions import concepts

    lines = questions.data("concepts", "en")
    monkeypatch.setattr(concepts, "data", lambda name, lang: [*lines, line])
    with pytest.raises(LcgenError, match="concepts.txt"):
        concepts.Made("en")


def _ends(numbers: list[int], score: Any) -> list[bool]:
    """Which options have the highest score among all of them."""
    scores = [score(one, [other for at, other in enumerate(numbers) if at != place]) for place, one in enumerate(numbers)]
    return [one == max(scores) for one in scores]


RULES: dict[str, Any] = {
    "nearest": lambda one, others: -min(abs(one - other) for other in others),
    "loneliest": lambda one, others: min(abs(one - other) for other in others),
    "farthest": lambda one, others: sum(abs(one - other) for other in others),
    "middle": lambda one, others: -sum(abs(one - other) for other in others),
    "divides": lambda one, others: one > 1 and any(other % one == 0 for other in others),
    "multiple": lambda one, others: any(other > 1 and one % other == 0 for other in others),
    "coprime": lambda one, others: not any(min(one, other) > 1 and (one % other == 0 or other % one == 0) for other in others),
    "smallest": lambda one, others: -one,
    "largest": lambda one, others: one,
    "round": lambda one, others: one % 5 == 0,
    "even": lambda one, others: one % 2 == 0,
    "odd": lambda one, others: one % 2,
    "alike": lambda one, others: sum(one % 2 == other % 2 for other in others),
    "smooth": lambda one, others: sum(one % factor == 0 for factor in range(2, 40)),
}


@pytest.mark.parametrize("rule", RULES)
def test_no_rule_on_the_numbers_of_the_options_finds_the_right_one(rule: str) -> None:
    """By chance a quarter: within 2 % over all subjects, and at most a third in each (four errors of 560 items are 7 %)."""
    hits: dict[str, list[float]] = {}
    pool: Any = questions.load("subjects", "en")
    for number, question in enumerate(some(pool.size, "subjects")):
        options = questions.options_of(question.text)[1]
        best = _ends([*map(int, options.values())], RULES[rule])
        kind = [*subjects.KINDS][number % len(subjects.KINDS)]
        hits.setdefault(kind, []).append(best["ABCD".index(question.answer)] / sum(best))
    means = {kind: sum(found) / len(found) for kind, found in hits.items()}
    assert abs(sum(means.values()) / len(means) - 0.25) < 0.02, means
    assert max(means.values()) < 0.34, means


@pytest.mark.parametrize("source", ["subjects", "concepts", "problems+subjects+concepts"])
def test_letters_are_balanced_and_sources_dealt_evenly(source: str) -> None:
    listed = Listed(source, "en", 1, Stream("balance"))
    found = [listed.question(place) for place in range(240)]
    for letters in {question.letters for question in found} - {""}:
        own = [question.answer for question in found if question.letters == letters]
        counts = Counter(own)
        assert max(counts.values()) - min(counts[letter] for letter in letters) <= 2
        assert not re.search(r"(.)\1{4}", "".join(own))
    assert {*Counter(listed.pool(place)[0].name for place in range(240)).values()} == {240 // len(source.split("+"))}
    assert len({question.text for question in found}) == 240


@pytest.mark.parametrize(
    ("text", "wanted"),
    [("2 + 3 * 4", 14), ("(2 + 3) * 4", 20), ("100 - 10 - 20", 70), ("60 * (100 - 25) / 100", 45), ("24 / 4 / 2", 3)],
)
def test_sums_are_computed_sign_by_sign(text: str, wanted: int) -> None:
    assert arithmetic.value(text) == wanted == arithmetic.Formula(text).value({})


@pytest.mark.parametrize("text", ["", "2 +", "(2", "2)", "two", "2 3", "__import__('os')"])
def test_what_is_no_sum_is_refused(text: str) -> None:
    with pytest.raises(ValueError):
        arithmetic.value(text)
    assert not arithmetic.holds("1 + 1 = 3") and not arithmetic.holds("so 2")


# --- rows ---------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("vocabulary", ["o200k_base", "llama3", "qwen3", "mistral_v1"])
@FEW
@given(length=st.integers(512, 6000), shuffled=st.booleans())
def test_the_answers_have_the_asked_tokens(vocabulary: str, length: int, shuffled: bool) -> None:
    """Exactly; where a vocabulary cuts numbers into digits, rising numbers that pass a power of ten may save a few tokens."""
    numbers = "shuffled" if shuffled else "rising"
    for row in made(lengths=length, tokenizer=vocabulary, params=(("numbers", numbers),)):
        assert row["output_tokens"] == tokens.load(vocabulary).count(row["reference_output"])
        assert length - (0 if shuffled or vocabulary in ("o200k_base", "llama3") else 24) <= row["output_tokens"] <= length
        own = [item["number"] for item in row["metadata"]["items"]]
        assert len(set(own)) == len(own) == row["metadata"]["asked"] == len(row["outputs"])
        if shuffled:
            assert own != sorted(own) and min(own) >= 1000 and max(own) <= 9999
        else:
            assert own == [*range(5, 5 + len(own))]
        assert row["max_new_tokens"] == -(-length * 5 // 4)
        assert TASK.score(row["reference_output"], row)["score"] == 1


def test_a_list_goes_on_at_every_length_and_single_questions_are_those_of_the_lists() -> None:
    rows = [*lcgen.generate("longgenbench", lengths="1k,2k", samples=2)]
    lists = [row for row in rows if row["metadata"]["asked"] > 1]
    singles = [row for row in rows if row["metadata"]["asked"] == 1]
    assert len(lists) == 4 and len(singles) == 40 and {row["variant"] for row in singles} == {"single"}
    for short, long in ((lists[0], lists[2]), (lists[1], lists[3])):
        asked = [row["input"].partition("Questions to answer:")[2].strip() for row in (short, long)]
        assert asked[1].startswith(asked[0][: len(asked[0]) // 2])
        # The longer one holds all of the first twenty; the last few of the shorter one are chosen to close its length.
        mine = [row for row in singles if row["metadata"]["list"] == long["metadata"]["list"]]
        assert [row["metadata"]["first"] for row in mine] == [*range(4, 24)]
        for place, row in enumerate(mine):
            text = row["input"].partition("Questions to answer:\n\nQuestion_5:\n")[2]
            assert f"Question_{5 + place}:\n{text}" in long["input"]
            assert row["outputs"] == [long["outputs"][place]]
            # The same demonstrations too.
            assert row["input"].partition("Questions to answer:")[0] == long["input"].partition("Questions to answer:")[0]


def test_a_chain_feeds_answers_forward_and_is_solved() -> None:
    (row,) = made(lengths="3k", params=(("chain", 5),))
    items = row["metadata"]["items"]
    linked = [item for item in items if item["after"] is not None]
    assert len(linked) > len(items) // 2 and "in square brackets" in row["input"]
    answers_by_number = {item["number"]: answer for item, answer in zip(items, row["outputs"])}
    for item in linked:
        block = row["input"].partition(f"\nQuestion_{item['number']}:\n")[2].partition("\n\n")[0]
        assert f"[the answer to Question_{item['after']}]" in block
        told = row["reference_output"].partition(f"Answer_{item['number']}:\n")[2].partition("\n")[0]
        assert re.match(rf"{answers_by_number[item['after']]}\b", told)
    runs = "".join("x" if item["after"] is not None else "." for item in items)
    assert "xxxxx" not in runs


def test_mixed_sources_come_in_turn_and_are_scored_apart() -> None:
    (row,) = made(lengths="3k", params=(("source", "problems+subjects+concepts"),))
    items = row["metadata"]["items"]
    counts = Counter(item["source"] for item in items)
    assert set(counts) == {"problems", "subjects", "concepts"} and max(counts.values()) - min(counts.values()) <= 12
    got = TASK.score(row["reference_output"].replace("The answer is (", "The answer is (Z"), row)
    assert got["accuracy_problems"] == 1 and got["accuracy_subjects"] == got["accuracy_concepts"] == 0
    assert "liu" not in got and "scope" not in got


def test_a_row_for_a_base_model_has_a_prefix_and_stops_that_fit() -> None:
    (row,) = made(lengths="1k", audience="base")
    first, last = row["metadata"]["items"][0]["number"], row["metadata"]["items"][-1]["number"]
    assert row["gen_prefix"] == f" Answer_{first}:" and row["stop"] == ["\nQuestion_", f"\nAnswer_{last + 1}:"]
    # The prefix is prepended before scoring, unless the reply repeats it.
    rest = row["reference_output"].removeprefix(f"Answer_{first}:")
    assert TASK.score(rest, row)["score"] == TASK.score(row["reference_output"], row)["score"] == 1
    assert not any(stop in row["reference_output"] for stop in row["stop"])


def test_degradation_is_the_accuracy_that_lists_cost() -> None:
    rows = [*lcgen.generate("longgenbench", lengths="1k", samples=3)]
    singles = {row["metadata"]["list"]: 0 for row in rows}
    said = {}
    for row in rows:
        # Every fourth single question goes wrong, and half of each list.
        if row["metadata"]["asked"] == 1:
            singles[row["metadata"]["list"]] += 1
            said[row["id"]] = "" if singles[row["metadata"]["list"]] % 4 == 0 else row["reference_output"]
        else:
            said[row["id"]] = TASK.oracle(row)[: len(TASK.oracle(row)) // 2]
    scores = [TASK.score(said[row["id"]], row) for row in rows]
    import numpy as np

    columns = {"score": np.array([one["score"] for one in scores])}
    found = TASK.summary(rows, columns)
    lists = [one["score"] for one, row in zip(scores, rows) if row["metadata"]["asked"] > 1]
    assert found["degradation"].value == pytest.approx(0.75 - sum(lists) / 3)
    assert found["degradation_relative"].value == pytest.approx(1 - sum(lists) / 3 / 0.75)
    assert found["degradation"].n == 3
    only = [number for number, row in enumerate(rows) if row["metadata"]["asked"] > 1]
    assert "degradation" not in TASK.summary([rows[n] for n in only], {"score": columns["score"][only]})


# --- the scorer -----------------------------------------------------------------------------------------------------------

ITEMS = [Item(9, "30"), Item(10, "1,200"), Item(11, "-5")]
LETTERS = [Item(6, "C", "ABCD"), Item(7, "A", "ABCD"), Item(8, "E", "ABCDE")]


@pytest.mark.parametrize(
    "reply",
    [
        "Answer_9:\n24 + 6 = 30\nThe answer is 30.\n\nAnswer_10:\nThe answer is 1200.\n\nAnswer_11:\nThe answer is -5.",
        "**Answer_9:** The answer is $30.00.\n**Answer_10:** 1,200\n**Answer_11:** \u22125",
        "### Answer 9\nstep\n\n\nmore\n\nThe answer is **30**.\n### Answer 10\n1 200 dollars\n### Answer 11\n- 5",
        "answer 9) 30; answer 10) 1,200; answer 11) -5",
        "> Answer_11: -5\n> Answer_9: 30\n> Answer_10: $1,200.00",
        '{"Answer_9": 30, "Answer_10": "1,200", "Answer_11": -5}',
        '```json\n[{"id": 9, "answer": "30"}, {"id": 10, "answer": 1200}, {"id": 11, "answer": "-5"}]\n```',
        "9. 30\n10. 1200\n11. -5",
        "| 9 | 30 |\n| 10 | 1,200 |\n| 11 | -5 |",
        "<think>Answer_9: 4</think>Answer_9: It is 5 * 6 = 30.\nAnswer_10: \\boxed{1200}\nAnswer_11: #### -5",
        "Sure! Here you go.\n\nAnswer_9: The answer is 60/2.\nAnswer_10: The answer is 1200.\nAnswer_11: The answer is 5 - 10 = -5",
        "答案_9：答案是 30。\n答案_10：答案是１２００。\n答案_11：答案是 -5。",
        "Question_9:\nHow many are 99?\nAnswer_9:\nThe answer is 30.\nQuestion_10: 7?\nAnswer_10:\nThe answer is 1200\nQuestion_11:\n8?\nAnswer_11: -5",
        "Question_9:\n24 + 6 = 30\nThe answer is 30.\n\nQuestion_10:\nThe answer is 1200.\n\nQuestion_11:\nThe answer is -5.",
        "**Question 9:** How many are 99?\n**Answer:** 30\n\n**Question 10:** How many?\n**Answer:** 1,200\n\n**Question 11:** 8?\n**Answer:** -5",
        "Question_9: 30\nQuestion_10: 1,200\nQuestion_11: -5",
        "Q9: 30\nQ10: 1200\nQ11: -5",
        "A9: 30\nA10: 1200\nA11: -5",
        "Q9. 30; Q10. 1200; Q11. -5",
        "Answer_9 -> 30\nAnswer_10 → 1200\nAnswer_11 => -5",
        "9 -> 30\n10 → 1200\n11 => -5",
        "9 - 30\n10 - 1,200\n11 - -5",
        "[9] 30\n[10] 1200\n[11] -5",
        "<answer_9>30</answer_9>\n<answer_10>1200</answer_10>\n<answer_11>-5</answer_11>",
        "Solution 9: 30\nSolution 10: 1200\nSolution 11: -5",
        "The answer to Question_9 is 30.\nThe answer to Question_10 is 1,200.\nThe answer to Question_11 is -5.",
        "For Question_9, the answer is 30.\nFor Question_10, it is 1200.\nFor Question_11, the answer is -5.",
        "[Answer 9] 30\n[Answer 10] 1200\n[Answer 11] -5",
        "Answer to Question 9: 30\nAnswer to Question 10: 1200\nAnswer to Question 11: -5",
        "Problem 9: 30\nProblem 10: 1200\nProblem 11: -5",
        "Answer_9: The answer is not 3 but 30.\nAnswer_10: It is 1200, not 1300.\nAnswer_11: The answer isn't 5, but rather -5.",
        "Answer_9: The answer is \\(30\\).\nAnswer_10: $1{,}200$\nAnswer_11: \\boxed{\\text{-5}}",
        "Answer_9:\nAnswer_10:\nAnswer_11:\n\nAnswer_9: 30\nAnswer_10: 1200\nAnswer_11: -5",
        "Answer_9:\n5 * 6 = 30\nSo Answer_9 is 30.\nAnswer_10:\nAs in Answer_9: 30, then 30 * 40 = 1200\nAnswer_11:\nUnlike Question_10, it is -5.",
    ],
)
def test_right_answers_are_right_in_any_layout(reply: str) -> None:
    from lcgen import grading

    found = answers.figures(ITEMS, grading.visible(reply))
    assert found["score"] == found["completion"] == 1 and found["first_failure"] == 4


@pytest.mark.parametrize(
    ("reply", "right"),
    [
        ("", 0), ("30\n1200\n-5", 0), ("The answer is 30. The answer is 1200. The answer is -5.", 0),
        ("Answer_9: 30.5\nAnswer_10: 12000\nAnswer_11: 5", 0), ("Answer_9: 130\nAnswer_10: 200\nAnswer_11: -55", 0),
        ("Answer_9: none\nAnswer_10: unknown\nAnswer_11:", 0), ("Answer_10: 30\nAnswer_11: 1200\nAnswer_12: -5", 0),
        ("Answer_9: 31\nAnswer_9: 30\nAnswer_10: 1200", 1), ("Answer_9: 30\nAnswer_9: 31\nAnswer_10: 1200", 2),
        ("Question_9: Are there 30?\nQuestion_10: Are there 1200?\nQuestion_11: Is it -5?", 0),
        ("Answer_9: The answer is not 30.\nAnswer_10: not 1200 but 12\nAnswer_11: rather than -5, it is 5", 0),
        ("Answer_9:\nI know that 31 - 1 holds.\nQuestion_10: 1200\nQuestion_11: -5", 0), ("9 - 39 = 30\n10 * 120 = 1200", 0),
        ("[30, 1200, -5]", 0), ("Answer_90: 30", 0), ("{" * 100, 0), ("Answer_9: NaN\nAnswer_10: Infinity", 0),
    ],
)  # fmt: skip
def test_wrong_answers_are_wrong(reply: str, right: int) -> None:
    assert answers.figures(ITEMS, reply)["score"] == pytest.approx(right / 3)


@pytest.mark.parametrize(
    "reply",
    [
        "Answer_6: The answer is (C).\nAnswer_7: The answer is (A).\nAnswer_8: The answer is (E).",
        "Answer_6: Not (A), since B is odd. The answer is C. Done\nAnswer_7: A\nAnswer_8: (e)",
        "Answer_6: C) forty\nAnswer_7: **A**\nAnswer_8: I choose (E)",
        "Answer_6: the answer is option C\nAnswer_7: answer is: (A) seven\nAnswer_8: The answer is **(E)**",
        "Answer_6:\nThe correct option is C.\nAnswer_7:\nOption A.\nAnswer_8:\nThus the correct choice: E",
        "Answer_6: 3 * 4 = 12, so C.\nAnswer_7: The answer is (**A**).\nAnswer_8: The answer is \\(E\\).",
        "6 - C\n7 -> A\n8 → E",
        "Answer_6 -> C\nAnswer_7 → A\nAnswer_8 => (E)",
        "Q6: C\nQ7: A\nQ8: E",
        "Question_6: C\nQuestion_7: (A)\nQuestion_8: E.",
        "Question_6:\nWhich?\n(A) x (B) y (C) z (D) v\nThe answer is (C).\nQuestion_7:\nAnd?\n(A) x (B) y\nA\nQuestion_8:\nThe answer is E.",
        "Answer_6:\n\\boxed{\\text{C}}\nAnswer_7:\nThe answer is $\\boxed{(A)}$\nAnswer_8:\nIt fits.\n\n**E**",
        "Answer_6: (A) is wrong, hence option C is right.\nAnswer_7: The answer is not B but A.\nAnswer_8: I choose E, not (D).",
    ],
)
def test_letters_are_read_in_any_layout(reply: str) -> None:
    assert answers.figures(LETTERS, reply)["score"] == 1


@pytest.mark.parametrize(
    "reply",
    [
        "Question_6:\nWhich?\n(A) a (B) b (C) c\nQuestion_7:\n(A) a (B) b",
        "Answer_6: The answer is not C.",
        "Answer_6: A cat",
        "Answer_6: The answer is (E).",
        "Answer_6: The answer is (C7).",
        "Answer_6: Choose",
        "Answer_6: D",
    ],
)
def test_letters_of_other_items_and_of_copied_options_are_no_answers(reply: str) -> None:
    assert answers.figures(LETTERS, reply)["score"] == 0


CITING = (
    "From above, Answer_{n} is {v}.", "Answer_{n} is {v}.", "Answer_{n} = {v}", "Answer_{n}: {v}", "(Question_{n}: {v})", "Question_{n}: {v}",
    "Question_{n} = {v}, so we start with {v}.", "First, Question_{n} is {v}.", "The answer to Question_{n} is {v}.",
    "Answer to Question_{n} is {v}.", "(Answer_{n}: {v})", "We take Answer_{n}: {v}.", "[the answer to Question_{n}] = {v}",
    "[the answer to Question_{n}]", "The answer to Question_{n}, {v}, is where we start.", "For Question_{n}, we found {v}.", "[Answer_{n}] {v}",
)  # fmt: skip


@pytest.mark.parametrize("citing", CITING)
def test_an_answer_may_cite_the_one_that_it_builds_on(citing: str) -> None:
    (row,) = made(params=(("questions", 12), ("chain", 3)))
    said = row["reference_output"]
    found = dict(zip((item["number"] for item in row["metadata"]["items"]), row["outputs"]))
    linked = [item for item in row["metadata"]["items"] if item["after"] is not None]
    assert len(linked) >= 7
    for item in linked:
        header = f"Answer_{item['number']}:\n"
        said = said.replace(header, header + citing.format(n=item["after"], v=found[item["after"]]) + "\n")
    got = TASK.score(said, row)
    assert got["score"] == got["completion"] == 1 and got["duplicate_rate"] == got["order_violations"] == 0
    # Under copied headers of questions too.
    if "Question_{n}: {v}" not in citing and "Answer" not in citing:
        assert TASK.score(said.replace("Answer_", "Question_"), row)["score"] == 1


def test_what_stands_twice_is_no_citation() -> None:
    items = [Item(9, "30"), Item(10, "40", after=9)]
    for reply in (
        "Answer_9: 30\nAnswer_10: 40\nAnswer_9: 31",
        "Answer_9: 30; Answer_10: 40; Answer_9: 31",
        "Answer_9 is 30.\nAnswer_10 is 40.\nAnswer_9 is 31.",
    ):
        found = answers.figures(items, reply)
        assert found["score"] == 1 and found["duplicate_rate"] == 0.5, reply


@pytest.mark.parametrize(
    ("reply", "score"),
    [
        ("171", 1), ("The answer is 171.", 1), ("\\boxed{171}", 1), ("23 * 2 = 46\n46 + 125 = 171", 1), ("Answer_5: 171", 1), ("Q5: 171", 1),
        ("1. 23 * 2 = 46\n2. 46 + 125 = 171\n\nThe answer is 171.", 1), ("5. 171", 1), ("Answer: 171", 1), ("171.00 dollars", 1),
        ("", 0), ("none", 0), ("17", 0), ("not 171", 0), ("Answer_6: 171", 0), ("The answer is 170. It is 171 otherwise.", 0),
    ],
)  # fmt: skip
def test_a_question_that_is_asked_alone_needs_no_header(reply: str, score: int) -> None:
    found = answers.figures([Item(5, "171")], reply)
    assert found["score"] == found["decile_1"] == score and found["completion"] == (
        reply not in ("", "none", "not 171", "Answer_6: 171")
    )
    assert answers.figures([Item(5, "171"), Item(6, "3")], "171")["score"] == 0
    lettered = [Item(5, "B", "ABCD")]
    assert all(answers.figures(lettered, said)["score"] == 1 for said in ("B", "(B)", "**B**", "Option B", "The answer is (B)."))
    assert answers.figures(lettered, "Which?\n(A) 1 (B) 2")["score"] == 0


def test_what_is_skipped_doubled_invented_or_out_of_order_is_counted_apart() -> None:
    skipped = answers.figures(ITEMS, "Answer_9: 30\nAnswer_11: -5")
    assert skipped["completion"] == pytest.approx(2 / 3) == skipped["score"] and skipped["first_failure"] == 2
    assert skipped["answered_accuracy"] == 1
    doubled = answers.figures(ITEMS, "Answer_9: 30\nAnswer_9: 31\nAnswer_10: 1200\nAnswer_11: -5\nAnswer_12: 1")
    assert doubled["score"] == 1 and doubled["duplicate_rate"] == doubled["extra_rate"] == pytest.approx(1 / 3)
    turned = answers.figures(ITEMS, "Answer_11: -5\nAnswer_10: 1200\nAnswer_9: 30")
    assert turned["score"] == 1 and turned["order_violations"] == pytest.approx(2 / 3)
    assert "answered_accuracy" not in answers.figures(ITEMS, "")


def test_the_curve_is_by_tenths_of_the_list() -> None:
    items = [Item(n, str(n)) for n in range(1, 41)]
    reply = "\n".join(f"Answer_{n}: {n if n <= 20 else 0}" for n in range(1, 31))
    found = answers.figures(items, reply)
    assert [found[f"decile_{tenth}"] for tenth in range(1, 11)] == [1] * 5 + [0] * 5
    assert found["first_failure"] == 21 and found["completion"] == 0.75 and found["answered_accuracy"] == pytest.approx(2 / 3)


@pytest.mark.parametrize(
    ("one", "other", "equal"),
    [("1,200", "$1,200.00", True), ("-5", "5", False), ("18.00", "18", True), ("0.75", "3/4", True), ("1 200", "1200", True), ("12", "120", False)],
)  # fmt: skip
def test_numbers_are_compared_as_decimals(one: str, other: str, equal: bool) -> None:
    assert isinstance(arithmetic.number(one), Decimal) and (arithmetic.number(one) == arithmetic.number(other)) is equal


# What the published rules get wrong: case, items, reply, what they give, and what is right.
DEFECTS = [
    ("one line", [Item(9, "30")], "Answer_9: The answer is 30.", 0, 1, 1),
    ("bold header", [Item(9, "30")], "**Answer_9:**\nThe answer is 30.", 0, 1, 1),
    ("bold header, letters", [Item(6, "C", "ABCD")], "**Answer_6:**\nThe answer is (C).", 0, 0, 1),
    ("blank line", [Item(9, "30")], "Answer_9:\n24 + 5 = 29\n\nThe answer is 30.", 0, 1, 1),
    ("several lines, letters", [Item(6, "C", "ABCD")], "Answer_6:\nIt is so.\nThe answer is (C).", 1, 0, 1),
    ("skipped", [Item(9, "1"), Item(10, "2"), Item(11, "3")], "Answer_9:\nThe answer is 1.\n\nAnswer_11:\nThe answer is 3.", 1 / 2, 1 / 3, 2 / 3),
    ("skipped, shifted", [Item(9, "1"), Item(10, "3"), Item(11, "4")], "Answer_9:\nThe answer is 1.\n\nAnswer_11:\nThe answer is 3.", 1, 2 / 3, 1 / 3),
    ("comma in the gold", [Item(9, "1,200")], "Answer_9:\nThe answer is 1,200.", 0, 1, 1),
    ("any thousand", [Item(9, "1,200")], "Answer_9:\nThe answer is 1,999.", 0, 1, 0),
    ("dollars", [Item(9, "18")], "Answer_9:\nThe answer is $18.", 1, 0, 1),
    ("dollars swallow", [Item(9, "18"), Item(10, "7")], "Answer_9:\nThe answer is $18.\n\nAnswer_10:\nThe answer is 7.", 1, 0, 1),
    ("decimals", [Item(9, "18")], "Answer_9:\nThe answer is 18.00.", 0, 1, 1),
    ("sign", [Item(9, "5")], "Answer_9:\nThe answer is -5.", 1, 0, 0),
    ("empty, gold A", [Item(6, "A", "ABCD")], "Answer_6:\n\n", 1, 0, 0),
    ("word after", [Item(6, "C", "ABCD")], "Answer_6:\nThe answer is (C). Done", 0, 1, 1),
    ("no digit", [Item(9, "0")], "Answer_9:\nI do not know.\n\n", 1, 0, 0),
]  # fmt: skip


@pytest.mark.parametrize(("case", "items", "reply", "liu", "scope", "ours"), DEFECTS, ids=[case[0] for case in DEFECTS])
def test_the_published_rules_are_kept_with_their_defects(
    case: str, items: list[Item], reply: str, liu: float, scope: float, ours: float
) -> None:
    assert published.liu(items, reply) == pytest.approx(liu), "Liu"
    assert published.scope(items, reply) == pytest.approx(scope), "SCOPE"
    assert answers.figures(items, reply)["score"] == pytest.approx(ours)


def test_the_walk_of_scope_finds_what_its_regular_expressions_find() -> None:
    numeric, lettered = r"Answer_\d+:\s*.*?answer is (\d+)", r"Answer_\d+:\s*.*?answer is \((.*?)\)"
    pieces = ["Answer_1:", " ", "\n", "\n\n", "answer is 7", "answer is (B)", "answer is ", "x", "Answer_2:\n", "answer is (C"]
    for number in range(3000):
        rng = Stream("scope", number)
        text = "".join(rng.choice(pieces) for _ in range(rng.below(14)))
        for letters, told in (("", re.findall(numeric, text, re.S)), ("ABC", re.findall(lettered, text))):
            items = [Item(n, one or "?", letters) for n, one in enumerate(told)] or [Item(0, "9", letters)]
            wanted = sum(bool(one) for one in told) / len(items)
            assert published.scope(items, text) == pytest.approx(wanted), text


def test_every_metric_of_a_row_is_there_and_length_is_one_of_them() -> None:
    (row,) = made(lengths="1k")
    found = TASK.score(row["reference_output"], row)
    assert (
        found["length_score"]
        == found["liu"]
        == found["scope"]
        == found["score"]
        == found["accuracy"]
        == found["format_rate"]
        == 1
    )
    twice = TASK.score(row["reference_output"] * 2, row)
    assert twice["length_score"] == pytest.approx(2 / 3) and twice["score"] == 1 and twice["duplicate_rate"] == 1
    assert TASK.score("", row)["length_score"] == 0


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_any_reply_has_a_score_in_time(lang: str) -> None:
    (row,) = made(lengths="2k", lang=lang)
    oracle = row["reference_output"]
    begun = time.monotonic()
    for reply in (
        oracle * 100, "Answer_5:" * 100_000, "Answer_5: The answer is (" * 40_000, "The answer is " * 100_000, "#" * 500_000,
        "答案_5：" * 100_000, "9" * 300_000, "Answer_5:\n" + "1,234" * 100_000, "\ud800\0\u202e", "{" * 50_000, "[" * 50_000, "<think>",
        "Answer_" + "5" * 5000 + ":", "- " * 200_000, "Answer_5: " + "1/0", "Answer_5: 1e999999", ":\n" * 200_000, None, 5, b"x", [],
    ):  # fmt: skip
        found = TASK.score(reply, row)  # type: ignore[arg-type]
        assert 0 <= found["score"] <= 1 and all(value == value for value in found.values())
    assert TASK.score(oracle * 100, row)["score"] == 1
    assert time.monotonic() - begun < 30


# --- files --------------------------------------------------------------------------------------------------------------


def jsonl(path: Path, rows: list[dict[str, Any]]) -> Path:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
    return path


GSM = [
    {"question": f"Ann has {n} nuts\nand finds {n}. How many?", "answer": f"She has {n}+{n}=<<{n}+{n}={2 * n}>>{2 * n:,}.\n#### {2 * n:,}"}
    for n in range(500, 900)
]  # fmt: skip
MMLU = [{"question": f"Pick {n}.", "subject": "s", "choices": [f"{n}", "x", "y", "z"], "answer": 0} for n in range(400)]
CSQA = [
    {"id": f"q{n}", "question": f"Which {n}?", "question_concept": "c", "choices": {"label": [*"ABCDE"], "text": [*"vwxyz"]}, "answerKey": "D"}
    for n in range(400)
]  # fmt: skip


@pytest.mark.parametrize(("name", "rows", "answer"), [("gsm", GSM, "1,000"), ("mmlu", MMLU, "A"), ("csqa", CSQA, "D")])
def test_rows_of_the_published_sets_become_questions(name: str, rows: list[dict[str, Any]], answer: str, tmp_path: Path) -> None:
    path = jsonl(tmp_path / f"{name}.jsonl", rows)
    (row,) = [
        one for one in lcgen.generate("longgenbench", params={"source": str(path), "questions": 12}) if one["variant"] != "single"
    ]
    assert row["metadata"]["asked"] == len(row["outputs"]) == 12 and not row["metadata"]["proven"]
    assert TASK.score(TASK.oracle(row), row)["score"] == 1
    stem, _, mark = row["params"]["source"].partition("@")
    assert stem == name and re.fullmatch("[0-9a-f]{16}", mark) and str(tmp_path) not in json.dumps(row)
    assert not re.search(r"nuts\n\s*\n", row["input"]) and "<<" not in row["input"]
    # The same file again is the same name; in csv or parquet it is the same too.
    assert files.kept(str(path)) == row["params"]["source"]
    assert questions.load(row["params"]["source"], "en").size == 400
    first = questions.load(row["params"]["source"], "en").question(0, Stream("x"))
    assert first.answer == answer and first.subject == {"gsm": "", "mmlu": "s", "csqa": "c"}[name]


def test_a_folder_of_a_file_is_built_verified_and_up_to_date(tmp_path: Path) -> None:
    path = jsonl(tmp_path / "mine.jsonl", GSM)
    options: dict[str, Any] = {"params": {"source": str(path), "questions": 10}, "verify": "full"}
    report = build("longgenbench", tmp_path / "out", **options)
    assert report.configs == {"longgenbench_n10": 1, "longgenbench_single_n1": 20} and report.encoded == 21 and report.solved == 0
    assert not lcgen.verify(tmp_path / "out", full=True).faults
    assert build("longgenbench", tmp_path / "out", **options).written == 0
    held = b"".join(file.read_bytes() for file in (tmp_path / "out").rglob("*") if file.is_file())
    assert str(tmp_path).encode() not in held


@pytest.mark.parametrize(
    ("rows", "says"),
    [
        ([{"question": "Why?"}], "row 0: the answer is ''"),
        ([{"answer": "#### 3"}], "row 0: no text under 'question'"),
        ([{"question": "  ", "answer": "#### 3"}], "no text under 'question'"),
        ([GSM[0], {"question": "Q", "answer": "many"}], "row 1: the answer is 'many'"),
        ([{"question": "Q", "choices": ["a", "b"], "answer": "C"}], "must be one of A, B"),
        ([{"question": "Q", "choices": ["a", "b"], "answer": 2}], "must be one of A, B"),
        ([{"question": "Q", "choices": ["a"], "answer": 0}], "2 to 26 texts"),
        ([{"question": "Q", "choices": ["x", "y ", " y"], "answer": "A"}], "row 0: two options are 'y'"),
        ([{"question": "Q", "choices": [], "answer": 3}], "2 to 26 texts"),
        ([{"question": "Q", "options": [], "answer": "#### 3"}], "2 to 26 texts"),
        ([{**CSQA[0], "answerKey": ""}], "must be one of A, B, C, D, E"),
        ([{**CSQA[0], "choices": {"label": [*"BACDE"], "text": [*"vwxyz"]}}], "the options are called"),
        ([CSQA[0], {**CSQA[1], "id": "q0"}], "rows 0 and 1 have the same id 'q0'"),
        ([GSM[0], GSM[0]], "rows 0 and 1 ask the same question"),
        ([{"question": "One\nQuestion_12: two", "answer": "#### 3"}], "begins like the number"),
        ([GSM[0], {"question": "Two ships.\nOne sails.\n \t\nHow many stay?", "answer": "#### 1"}], "row 1: line 3 of the question is blank"),
        ([{"question": "Two ships.\r\n\r\nHow many stay?", "answer": "#### 1"}], "row 0: line 2 of the question is blank"),
        ([{"question": "A\u0000B", "answer": "#### 3"}], "control characters|cannot be read"),
    ],
)  # fmt: skip
def test_rows_that_are_no_questions_are_refused_with_their_number(rows: list[dict[str, Any]], says: str, tmp_path: Path) -> None:
    with pytest.raises(LcgenError, match=says):
        files.kept(str(jsonl(tmp_path / "bad.jsonl", rows)))


@pytest.mark.parametrize("content", [b"", b"\n\n", b"\xff\xfe\x00", b"{not json", b"[1, 2]"])
def test_files_that_cannot_be_read_are_refused(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "bad.jsonl"
    path.write_bytes(content)
    with pytest.raises(LcgenError):
        files.kept(str(path))


@pytest.mark.parametrize("name", ["empty.jsonl", "empty.json", "empty.csv", "empty.parquet"])
@pytest.mark.parametrize("content", [b"", b"\n \n"])
def test_an_empty_file_is_called_empty(name: str, content: bytes, tmp_path: Path) -> None:
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(LcgenError, match="is empty. A question set is"):
        files.kept(str(path))


def test_csv_and_parquet_are_read_too(tmp_path: Path) -> None:
    import csv

    import pyarrow as pa
    import pyarrow.parquet as pq

    with (tmp_path / "gsm.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, ["question", "answer"])
        writer.writeheader()
        writer.writerows(GSM[:20])
    pq.write_table(pa.Table.from_pylist(GSM[:20]), tmp_path / "gsm.parquet")
    assert files.kept(str(tmp_path / "gsm.csv")) == files.kept(str(tmp_path / "gsm.parquet"))


# --- what cannot be -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--lengths", "300"], "300 tokens are too short for this puzzle, whose lengths go from 512 to 131072"),
        (["--lengths", "4k,1m"], "1048576 tokens are too long for this puzzle, whose lengths go from 512 to 131072"),
        (["--lengths", "4k", "--set", "questions=9"], "--lengths cannot be"),
        (["--set", "questions=5001"], "questions must be from 0 to 5000"),
        (["--set", "demos=-1"], "demos must be from 0 to 50"),
        (["--set", "chain=0"], "chain must be from 1 to 100"),
        (["--set", "source=subjects", "--set", "chain=3"], "source is problems alone"),
        (["--set", "source=problems+problems"], "each source once"),
        (["--set", "source="], "name=value"),
        (["--set", "source=gsm8k"], "no question file 'gsm8k', and no pool of that name"),
        (["--set", "source=gone@0123456789abcdef"], "not in the cache any more"),
        (["--set", "source=x@../../../etc/passwd"], "not in the cache any more"),
        (["--set", "source=concepts", "--set", "questions=2000"], "has 9.. questions beside 4 demonstrations, too few for a list of 2000"),
        (["--set", "source=concepts", "--lengths", "64k"], "too few for a list of"),
        (["--set", "source=concepts", "--lang", "zh"], "There are no concepts in 'zh', only in 'en'"),
        (["--haystack", "prose"], "records of its own"),
        (["--depths", "0.5"], "no single depth"),
        (["--questions-per-context", "2"], "--questions-per-context is 1"),
    ],
)  # fmt: skip
def test_what_cannot_be_is_said(arguments: list[str], says: str, tmp_path: Path) -> None:
    refused("build", "longgenbench", "--out", tmp_path / "out", *arguments, says=says)
    assert not (tmp_path / "out").exists()


def test_siblings_stand_beside_every_build_but_their_own() -> None:
    assert [part.name for part in spec("longgenbench").parts] == ["longgenbench", "longgenbench_single"]
    assert [part.name for part in spec("longgenbench", params={"questions": 1}).parts] == ["longgenbench"]
    assert [part.name for part in spec("needle").parts] == ["needle"]
    swept = spec("longgenbench", params={"source": ["problems", "subjects"]}).parts
    assert len(swept[1].params) == 2 and swept[1].samples == 20
    names = [part.name for part in spec("longgenbench", preset="liu").parts]
    assert names == ["longgenbench_gsm8k", "longgenbench_gsm8k_single", "longgenbench_mmlu", "longgenbench_mmlu_single"]


def test_a_build_from_the_command_line_is_scored_with_degradation(tmp_path: Path) -> None:
    done("build", "longgenbench", "--lengths", "1k", "--out", tmp_path / "out", "--verify", "full")
    assert not lcgen.verify(tmp_path / "out", full=True).faults
    said = done("score", tmp_path / "out", "--oracle", "--by", "lang", "--json")
    figures = json.loads(said)
    text = json.dumps(figures)
    assert "degradation_relative" in text and "length_score" in text and "decile_10" in text
    assert "LongGenBench" in done("tasks", "longgenbench") and "golden_thread" in done("tasks", "longgenbench")
    done("show", "longgenbench", "--lengths", "1k")


def test_a_dataset_folder_is_read_split_by_split(tmp_path: Path) -> None:
    folder = tmp_path / "set"
    (folder / "data").mkdir(parents=True)
    jsonl(folder / "data" / "train.jsonl", GSM[:30])
    jsonl(folder / "data" / "test.jsonl", GSM[30:50])
    assert questions.load(files.kept(f"hf:{folder}"), "en").size == 20
    assert questions.load(files.kept(f"hf:{folder}:train"), "en").size == 30
    with pytest.raises(LcgenError, match="split of .* 'dev'"):
        files.kept(f"hf:{folder}:dev")
    for source in ("hf:", "hf:a b", str(folder), "x" * 5000):
        with pytest.raises(LcgenError):
            files.kept(source)


def test_a_card_says_whose_the_questions_are(tmp_path: Path) -> None:
    done("build", "longgenbench", "--lengths", "512", "--out", tmp_path / "own")
    card = (tmp_path / "own" / "README.md").read_text("utf-8")
    assert (
        "cc0-1.0" in card
        and "that of Wu et al. is golden_thread" in card
        and "2410.04199" in card
        and "what is not asked" not in card
    )
    path = jsonl(tmp_path / "theirs.jsonl", GSM)
    done("build", "longgenbench", "--set", f"source={path}", "--set", "questions=5", "--out", tmp_path / "theirs")
    card = (tmp_path / "theirs" / "README.md").read_text("utf-8")
    assert "license: other" in card and "0 were solved again" in card


@pytest.mark.parametrize("source", ["problems", "subjects"])
def test_the_full_answers_have_full_marks_by_the_published_rules_too(source: str) -> None:
    (row,) = made(lengths="1k", params=(("source", source),))
    found = TASK.score(row["reference_output"], row)
    assert found["liu"] == found["scope"] == found["score"] == 1
