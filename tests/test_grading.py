"""The scoring core: what counts as said, what counts as a mention, and what an answer costs."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import time
import unicodedata
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

import lcgen
from lcgen import generators
from lcgen import grading as score_module
from lcgen.grading import items, judge, mentions, normal, visible

NUMBER, OTHER = "1234567", "7654321"
UUID, UUID_2 = "9f1c2d3e-4b5a-4c6d-8e7f-0a1b2c3d4e5f", "00000000-4b5a-4c6d-8e7f-0a1b2c3d4e5f"
PAIR, PAIR_2 = "quiet-forest", "loud-river"

MENTIONS = [
    # text, value, how often
    # whole numbers only
    ("1234567", NUMBER, 1),
    ("It is 1234567.", NUMBER, 1),
    ("(1234567)", NUMBER, 1),
    ("=1234567;", NUMBER, 1),
    ("$1234567", NUMBER, 1),
    ("#1234567!", NUMBER, 1),
    ("1234567...", NUMBER, 1),
    ("1234567.The end", NUMBER, 1),
    ("68844777777777", "6884477777", 0),
    ("6884477777", "6884477777", 1),
    ("12345678", NUMBER, 0),
    ("01234567", NUMBER, 0),
    ("123456", NUMBER, 0),
    ("1234568", NUMBER, 0),
    ("1234567.5", NUMBER, 0),
    ("0.1234567", NUMBER, 0),
    (".1234567", NUMBER, 0),
    ("1234567.0", NUMBER, 1),
    ("-1234567", NUMBER, 0),
    ("−1234567", NUMBER, 0),
    ("-5", "-5", 1),
    ("- 1234567", NUMBER, 1),
    ("-1234567\n-7654321", NUMBER, 1),
    ("1234567-like", NUMBER, 0),
    ("1234567th", NUMBER, 0),
    ("1234567k", NUMBER, 0),
    ("x1234567", NUMBER, 0),
    ("id_1234567", NUMBER, 0),
    ("key-1234567", NUMBER, 0),
    ("1234567.json", NUMBER, 0),
    ("1234567-7654321", NUMBER, 0),
    ("1234567e3", NUMBER, 0),
    ("0x1234567", NUMBER, 0),
    ("0034567", "0034567", 1),
    ("34567", "0034567", 0),
    ("1234567 1234567\n1234567", NUMBER, 3),
    ("1234567,1234567", NUMBER, 2),
    ("1234567/7654321", NUMBER, 1),
    # spelled numbers
    ("1,234,567", NUMBER, 1),
    ("1 234 567", NUMBER, 1),
    ("1\u00a0234\u202f567", NUMBER, 1),
    ("1'234'567", NUMBER, 1),
    ("1’234’567", NUMBER, 1),
    ("1_234_567", NUMBER, 1),
    ("1.234.567", NUMBER, 1),
    ("12,34,567", NUMBER, 1),
    ("1 2 3 4 5 6 7", NUMBER, 1),
    ("1{,}234{,}567", NUMBER, 1),
    (r"1\,234\,567", NUMBER, 1),
    (r"1,\!234,\!567", NUMBER, 1),
    ("1234567", "1,234,567", 1),
    ("1,234,567,890", NUMBER, 0),
    ("9,1,234,567", NUMBER, 0),
    ("1 234 567 890", NUMBER, 0),
    ("1,234,567.89", NUMBER, 0),
    ("1,234", "234", 0),
    ("1,234", "1", 0),
    ("123, 456", "456", 1),
    ("123，456", "456", 1),
    ("123 456 789", "456", 1),
    ("12345, 67", NUMBER, 0),
    ("12345\n67", NUMBER, 0),
    ("１２３４５６７", NUMBER, 1),
    ("１，２３４，５６７", NUMBER, 1),
    ("１２３４５６７８", NUMBER, 0),
    ("١٢٣٤٥٦٧", NUMBER, 1),
    ("123456７", NUMBER, 1),
    ("١٬٢٣٤٬٥٦٧", NUMBER, 1),
    ("١٬٢٣٤٬٥٦٧٫٥", NUMBER, 0),
    ("١٬٢٣٤٬٥٦٧٬٨٩٠", NUMBER, 0),
    ("1234567²", NUMBER, 0),
    # telephone numbers
    ("555-123-4567", "5551234567", 1),
    ("5551234567", "555-123-4567", 1),
    ("(555) 123-4567", "555-123-4567", 1),
    ("555.123.4567", "555-123-4567", 1),
    ("+1 555-123-4567", "555-123-4567", 1),
    ("555-123-45678", "555-123-4567", 0),
    ("555-123-4567-1", "555-123-4567", 0),
    # list markers are no numbers
    ("1. 1234567\n2. 7654321", "1", 0),
    ("1) 1234567\n2) 7654321", NUMBER, 1),
    ("①1234567 ②7654321", NUMBER, 1),
    ("1️⃣ 1234567", NUMBER, 1),
    ("№1234567", NUMBER, 1),
    # UUIDs
    (f"It is {UUID}.", UUID, 1),
    (UUID.upper(), UUID, 1),
    (f"`{UUID}`", UUID, 1),
    ("{" + UUID + "}", UUID, 1),
    (f"urn:uuid:{UUID}", UUID, 1),
    (UUID.replace("-", "‑"), UUID, 1),
    (UUID + "0", UUID, 0),
    (UUID + "-1", UUID, 0),
    (UUID + "_copy", UUID, 0),
    (UUID + ".json", UUID, 0),
    ("a" + UUID, UUID, 0),
    (UUID[:-1], UUID, 0),
    # words
    ("none", "one", 0),
    ("one", "none", 0),
    ("None of them", "none", 1),
    ("nonetheless", "none", 0),
    ("Parker", "Park", 0),
    ("Park's house", "Park", 1),
    ("Park’s", "Park", 1),
    ("O'Park", "Park", 0),
    ("Jane\u0301 Park", "Jane Park", 0),
    ("Jane Park", "Jane Park", 1),
    ("**Jane** Park", "Jane Park", 1),
    ("Jane\nPark", "Jane Park", 1),
    ("Jane\u00a0  Park", "jane park", 1),
    ("Jane, Park", "Jane Park", 0),
    ("Jane. Park", "Jane Park", 0),
    ("Jane Parker", "Jane Park", 0),
    ("Ann B. Lee.", "Ann B. Lee", 1),
    ("Ann B Lee", "Ann B. Lee", 1),
    ("Ann C. Lee", "Ann B. Lee", 0),
    ("quiet-forest", PAIR, 1),
    ("Quiet‐Forest", PAIR, 1),
    ("quiet–forest", PAIR, 1),
    ("**quiet-forest**", PAIR, 1),
    ("_quiet-forest_", PAIR, 1),
    (r"quiet\-forest", PAIR, 1),
    ("quiet-forests", PAIR, 0),
    ("very-quiet-forest", PAIR, 0),
    ("quiet-forest-path", PAIR, 0),
    ("quiet-forest", "forest", 0),
    ("quiet-forest", "quiet", 0),
    ("quiet—forest", "forest", 1),
    ("quiet--forest", "forest", 1),
    (r"my\_key", "my_key", 1),
    ("straße STRASSE", "Strasse", 2),
    ("ﬁsh", "fish", 1),
    ("cafe\u0301", "café", 1),
    ("café", "cafe", 0),
    ("cafe\u0327\u0301", "cafe", 0),
    ("हिन्दी", "हिन", 0),
    ("हिन्दी है", "हिन्दी", 1),
    ("yes/no", "no", 1),
    # markup
    (r"\boxed{1234567}", NUMBER, 1),
    (r"$\boxed{\text{quiet-forest}}$", PAIR, 1),
    ("**1234567**", NUMBER, 1),
    ("__1234567__", NUMBER, 1),
    ("***1234567***.", NUMBER, 1),
    ("`1234567`", NUMBER, 1),
    ("“1234567”", NUMBER, 1),
    ("<b>1234567</b>", NUMBER, 1),
    ("| 1234567 |", NUMBER, 1),
    (r"values:\n1234567\n7654321", NUMBER, 1),
    # Chinese
    ("答案是1234567。", NUMBER, 1),
    ("答案是12345678。", NUMBER, 0),
    ("共1234567个", NUMBER, 1),
    ("1234567，7654321", OTHER, 1),
    ("他叫张伟，住在北京", "张伟", 1),
    ("他叫 张伟", "张伟", 1),
    ("张，伟", "张伟", 0),
    ("答案是quiet-forest。", PAIR, 1),
    ("第3号房", "第3号", 1),
    ("第33号房", "第3号", 0),
    ("값은 1234567입니다", NUMBER, 1),
    # hidden and broken characters
    ("12\u200b34567", NUMBER, 1),
    ("\u200f1234567\u200e", NUMBER, 1),
    ("\ufeff1234567", NUMBER, 1),
    ("qui\u00adet-forest", PAIR, 1),
    ("123\x004567", NUMBER, 0),
    ("\x001234567\x00", NUMBER, 1),
    ("\ud8001234567\udfff", NUMBER, 1),
    ("a\ud800", "a\ud800", 1),
    # nothing asked
    ("anything", "", 0),
    ("", NUMBER, 0),
    ("  ", " ", 0),
]


@pytest.mark.parametrize(("text", "value", "count"), MENTIONS)
def test_mentions(text: str, value: str, count: int) -> None:
    assert mentions(text, value) == count


VISIBLE = [
    # response, what it says
    ("1234567", "1234567"),
    ("<think>7654321</think>1234567", "1234567"),
    ("<think>1234567</think>", ""),
    ("<think>1234567", ""),
    ("1234567<think>7654321", "1234567"),
    ("so 7654321 ...</think>\n1234567", "1234567"),
    ("a<think>b</think>7654321</think>1234567", "1234567"),
    ("<THINK>7654321</Think> 1234567", "1234567"),
    ("<thinking>7654321</thinking>1234567", "1234567"),
    ("<think>a<think>b</think>c</think>1234567", "1234567"),
    ("<think>a<think>b</think>1234567", ""),
    ("<think>a</think>12<think>b</think>34", "12\n34"),
    ("<think>a</think>12<think>b", "12"),
    ("<think>the user wrote [THINK] here</think>1234567", "1234567"),
    ("<think></think>\n\n1234567", "1234567"),
    ('<think budget="3">a</think>1234567', "1234567"),
    ("<seed:think>a</seed:think>1234567", "1234567"),
    ("<thought>a</thought>1234567", "1234567"),
    ("<reasoning>a</reasoning>1234567", "1234567"),
    ("[THINK]7654321[/THINK]1234567", "1234567"),
    ("7654321[/THINK]1234567", "1234567"),
    ("◁think▷7654321◁/think▷1234567", "1234567"),
    ("◁think▷1234567", ""),
    ("<|begin_of_thought|>a<|end_of_thought|>1234567", "1234567"),
    ("<|START_THINKING|>a<|END_THINKING|>1234567", "1234567"),
    ("<|channel>thought\na<channel|>1234567", "1234567"),
    ("<|channel|>analysis<|message|>a<|end|><|start|>assistant<|channel|>final<|message|>1234567<|return|>", "1234567"),
    ("<|start|>assistant<|channel|>final<|message|>1234567", "1234567"),
    ("<|channel|>analysis a <|channel|>final 1234567", "1234567"),
    ("<|channel|>analysis<|message|>1234567", ""),
    ("<|channel|>commentary to=x <|constrain|>json<|message|>{}<|call|><|channel|>final<|message|>1234567", "1234567"),
    ("<|channel|>final <|constrain|>json<|message|>[1234567]", "[1234567]"),
    ("analysisWe need 7654321.assistantfinal1234567", "1234567"),
    ("analysisWe need 1234567", ""),
    ("analysis shows 1234567", "analysis shows 1234567"),
    ("1234567<|im_end|>", "1234567"),
    ("1234567</s>", "1234567"),
    ("1234567<｜end▁of▁sentence｜>", "1234567"),
    ("```\n1234567\n```", "1234567"),
    (r'["\u738b\u5c0f\u660e", "a\u0022b\ud83d"]', r'["王小明", "a\u0022b\ud83d"]'),
    ("```json\n[1, 2]\n```\n", "[1, 2]"),
    ("~~~\n1234567\n~~~", "1234567"),
    ("```1234567```", "1234567"),
    ("```json\n[1, 2", "[1, 2"),
    ('{"reasoning": "7654321, no", "answer": 1234567}', '{"answer": 1234567}'),
    ('```json\n{"answer": ["1", "2"], "Thought": {"a": 3}}\n```', '{"answer": ["1", "2"]}'),
    ('{"a": 1,\n "rationale": ["}", 2],\n "b": {"cot": 3}} end', '{"a": 1, "b": {"cot": 3}} end'),
    ('{"reasoning": "1234567"}', '{"reasoning": "1234567"}'),
    ('{"a": "reason", "b": 1}', '{"a": "reason", "b": 1}'),
    ('{"reasoning": "7654321", "answer": 12', '{"reasoning": "7654321", "answer": 12'),
    ("see\n```\n1234567\n```", "see\n```\n1234567\n```"),
    ("```\na\n```\nor\n```\nb\n```", "```\na\n```\nor\n```\nb\n```"),
    ("", ""),
    ("   \n", ""),
]


@pytest.mark.parametrize(("response", "said"), VISIBLE)
def test_visible(response: str, said: str) -> None:
    assert visible(response) == said


LONG = f"Numbers are hidden in this text.\n\n{'The grass is green. ' * 30}The number is {NUMBER}.\nWhat is it?"


@pytest.mark.parametrize(
    ("response", "prompt", "said"),
    [
        ("What is it? 1234567", "What is it?", "1234567"),
        ("\n What  is\tit?\n1234567", "What is it?", "1234567"),
        ("I asked: What is it? 1234567", "What is it?", "I asked: What is it? 1234567"),
        (LONG, LONG, ""),
        (LONG + " 7654321", LONG, "7654321"),
        (" ".join(LONG.split()) + " 7654321", LONG, "7654321"),
        (LONG.replace(" ", "\n"), LONG, ""),
        ("<s>" + LONG + "7654321", LONG, "<s>\n7654321"),
        ("Sure: " + LONG.replace("\n", " ") + "7654321", LONG, "Sure: \n7654321"),
        ("<think>hm</think>" + LONG + " 7654321", LONG, "7654321"),
        (LONG + "<think>1234567</think>7654321", LONG, "7654321"),
        (LONG[:300], LONG, ""),
        (LONG[:30], LONG, LONG[:30]),
        ("7654321", "", "7654321"),
        ("7654321", "   ", "7654321"),
        ("", LONG, ""),
    ],
)
def test_echo(response: str, prompt: str, said: str) -> None:
    assert visible(response, prompt) == said


@pytest.mark.parametrize("nothing", [None, float("nan"), 3, b"1234567", ["1234567"]])
def test_no_string_says_nothing(nothing: Any) -> None:
    assert visible(nothing) == ""
    assert judge(nothing, [NUMBER])["score"] == 0


ITEMS = [
    ("a, b, c", ["a", "b", "c"]),
    ("a,b;c", ["a", "b", "c"]),
    ("a, b, and c.", ["a", "b", "c"]),
    ("a and b", ["a", "b"]),
    ("rock-and-roll and sand", ["rock-and-roll", "sand"]),
    ("- a\n- b\n- c", ["a", "b", "c"]),
    ("* a\n* **b**", ["a", "b"]),
    ("• a\n• b", ["a", "b"]),
    ("1. a\n2. b", ["a", "b"]),
    ("1) 7\n2) 12", ["7", "12"]),
    ("**1.** a\n**2.** b", ["a", "b"]),
    ("a\n\nb\r\nc", ["a", "b", "c"]),
    ('["a", "b, c"]', ["a", "b, c"]),
    ('```json\n["a", "b"]\n```', ["a", "b"]),
    ('{"answers": ["a", 0.50, null, true]}', ["a", "0.50", "True"]),
    ("[12345678901234567890, 007]", ["12345678901234567890", "007"]),
    ("['a', 'b']", ["a", "b"]),
    ("1,234,567, 7654321", ["1,234,567", "7654321"]),
    ("1234567,7654321", ["1234567", "7654321"]),
    ("1234567,765", ["1234567", "765"]),
    ("甲、乙和丙", ["甲", "乙", "丙"]),
    ("甲，乙；丙。", ["甲", "乙", "丙"]),
    ("The answer is: a, b", ["a", "b"]),
    ("答案是：甲、乙", ["甲", "乙"]),
    ("Sure! Here are the items: a, b", ["a", "b"]),
    ("(a, b)", ["a", "b"]),
    ("{1, 2}", ["1", "2"]),
    ("<think>x, y</think>a, b", ["a", "b"]),
    ("[" * 100000, []),
    ("", []),
    (" ,;\n", []),
]


@pytest.mark.parametrize(("text", "found"), ITEMS)
def test_items(text: str, found: list[str]) -> None:
    assert items(text) == found


@pytest.mark.parametrize(
    ("one", "other", "equal"),
    [
        ("1,234,567", "1234567", True),
        ("555 123 4567", "(555) 123-4567", True),
        ("**Quiet-Forest**.", "quiet-forest", True),
        ("“Jane  Park”", "jane park", True),
        ("1234567.0", "1234567", True),
        ("1234567.5", "1234567", False),
        ("12345678", "1234567", False),
        ("cafe\u0301", "CAFÉ", True),
        ("Jane, Park", "Jane Park", False),
        ("C++", "C", False),
        ("++", "+", False),
        ("", " ", True),
    ],
)
def test_normal(one: str, other: str, equal: bool) -> None:
    assert (normal(one) == normal(other)) is equal


# --- judgement --------------------------------------------------------------------------------------------------------

ONE: dict[str, Any] = {"outputs": [NUMBER]}
TWO: dict[str, Any] = {"outputs": [NUMBER, OTHER]}
FOUR: dict[str, Any] = {"outputs": ["1000001", "1000002", "1000003", "1000004"]}
THREE: dict[str, Any] = {"outputs": ["123", "456", "789"]}
PHONE: dict[str, Any] = {"outputs": ["555-123-4567"], "allowed": ["Jane Park"]}
NAME: dict[str, Any] = {"outputs": ["Jane Park"], "rivals": ["Jane Parker", "Ann Lee", "Jon Lee"]}
WORDS: dict[str, Any] = {"outputs": [PAIR], "allowed": ["amber-key"]}
KEYED: dict[str, Any] = {"outputs": [UUID], "allowed": [UUID_2]}
PHRASES = ["not mentioned", "no such"]
NONE: dict[str, Any] = {"outputs": ["none"], "no_answer": "none", "rivals": [NUMBER], "refusals": PHRASES}
MAYBE: dict[str, Any] = {"outputs": [NUMBER], "no_answer": "none", "refusals": PHRASES}
ZH: dict[str, Any] = {"outputs": ["张伟"], "rivals": ["张伟明", "李娜"], "no_answer": "无", "refusals": ["没有提到"]}
ZH_NONE: dict[str, Any] = {"outputs": ["无"], "rivals": ["张伟明", "李娜"], "no_answer": "无", "refusals": ["没有提到"]}
YES: dict[str, Any] = {"outputs": ["是"], "rivals": ["否"]}
NO: dict[str, Any] = {"outputs": ["否"], "rivals": ["是"]}
JIA: dict[str, Any] = {"outputs": ["甲"], "rivals": ["乙"]}
LABEL: dict[str, Any] = {"outputs": ["B"], "rivals": ["A"]}
ORDER: dict[str, Any] = {"outputs": ["red", "green", "blue"], "ordered": True}
ASKED: dict[str, Any] = {"outputs": [NUMBER], "prompt": LONG}

JUDGED: list[tuple[str, dict[str, Any], float]] = [
    # response, question, score
    # forms of a right answer
    ("1234567", ONE, 1),
    (" 1234567.\n", ONE, 1),
    ("The special magic number for amber-key mentioned in the provided text is 1234567.", ONE, 1),
    ("Answer: **1,234,567**", ONE, 1),
    ("The answer is \\boxed{1234567}.", ONE, 1),
    ("Sure! I read the whole text with care. The number you want is 1 234 567, as the third part says.", ONE, 1),
    ("1234567\n1234567\n1234567", ONE, 1),
    ("1234567 (that is 1,234,567)", ONE, 1),
    ("```\n1234567\n```", ONE, 1),
    ('{"answer": 1234567}', ONE, 1),
    ("<answer>1234567</answer>", ONE, 1),
    ("1234567, in 2024, with 12 others", ONE, 1),
    # forms of a wrong one
    ("", ONE, 0),
    ("I do not know.", ONE, 0),
    ("1234568", ONE, 0),
    ("123456", ONE, 0),
    ("12345678", ONE, 0),
    ("12345671234567", ONE, 0),
    ("7654321", ONE, 0),
    ("1234567.5", ONE, 0),
    ("12 34 56 78", ONE, 0),
    # hedges
    ("1234567 or 7654321", ONE, 0),
    ("It is either 1234567 or 7,654,321.", ONE, 0),
    ("1234567 / 7654321", ONE, 0),
    ("1234567 or 7 654 321", ONE, 0),
    ("Not 7654321 but 1234567", ONE, 1),
    ("1234567, 1234568, 1234569, 1234570", ONE, 0),
    ("\n".join(str(n) for n in range(1234000, 1235000)), ONE, 0),
    # thinking
    ("<think>maybe 7654321</think>1234567", ONE, 1),
    ("maybe 7654321</think>1234567", ONE, 1),
    ("<think>it is 1234567</think>", ONE, 0),
    ("<think>it is 1234567", ONE, 0),
    ("<think>it is 1234567</think>7654321", ONE, 0),
    ("<think>it is 1234567</think>I do not know", ONE, 0),
    ("it is 1234567</think>", ONE, 0),
    ("<|channel|>analysis<|message|>1234567<|end|><|start|>assistant<|channel|>final<|message|>None", ONE, 0),
    # echo
    (LONG, ASKED, 0),
    (LONG + " 1234567", ASKED, 1),
    (LONG + " 7654321", ASKED, 0),
    (LONG[:-20], ASKED, 0),
    (LONG[20:], ASKED, 0),
    ("The number is 1234567.", ASKED, 1),
    # several values
    ("1234567, 7654321", TWO, 1),
    ("7654321 and 1234567", TWO, 1),
    ("- 1,234,567\n- 7,654,321", TWO, 1),
    ("1. 1234567\n2. 7654321", TWO, 1),
    ("[1234567, 7654321]", TWO, 1),
    ("1234567，7654321", TWO, 1),
    ("1234567、7654321", TWO, 1),
    ("1234567", TWO, 0.5),
    ("1234567, 1111111", TWO, 0),
    ("1234567, 7654321, 1111111", TWO, 0.5),
    ("1234567-7654321", TWO, 0),
    ("1000001, 1000002, 1000003", FOUR, 0.75),
    ("1000001, 1000002, 1000003, 1000005", FOUR, 0.5),
    ("1000001, 1000002, 1000003, 1000004, 1000005, 1000005", FOUR, 0.75),
    (", ".join(str(1000000 + n) for n in range(100)), FOUR, 0),
    ("123,456,789", THREE, 1),
    ("123 456 789", THREE, 1),
    ("123，456，789", THREE, 1),
    ("123456789", THREE, 0),
    ("123,456,789,999", THREE, 0),
    # telephone numbers
    ("Jane Park: (555) 123-4567", PHONE, 1),
    ("5551234567", PHONE, 1),
    ("555-123-4567 or 555-123-4568", PHONE, 0),
    ("555-123-4567 or (555) 123-4568", PHONE, 0),
    ("555-123-45678", PHONE, 0),
    # UUIDs and pairs; the asked key is free
    (f"The value of {UUID_2} is {UUID}.", KEYED, 1),
    (f'"{UUID_2}": "{UUID}"', KEYED, 1),
    (UUID.upper(), KEYED, 1),
    (UUID + "0", KEYED, 0),
    (UUID[:-1] + "0", KEYED, 0),
    (f"{UUID} or {UUID[:-1]}0", KEYED, 0),
    (UUID_2, KEYED, 0),
    ("The word for amber-key is quiet-forest, a well-known word.", WORDS, 1),
    ("quiet-forest or loud-river", WORDS, 0),
    ("quiet-forests", WORDS, 0),
    ("dark-quiet-forest", WORDS, 0),
    # names
    ("Jane Park", NAME, 1),
    ("It was Jane Park's.", NAME, 1),
    ("Jane Parker", NAME, 0),
    ("Park", NAME, 0),
    ("Jane Park or Ann Lee", NAME, 0),
    ("Jane Park, Jane Parker, Ann Lee, Jon Lee", NAME, 0),
    # no answer
    ("none", NONE, 1),
    ("None.", NONE, 1),
    ("The answer is: none", NONE, 1),
    ("It is not mentioned in the text.", NONE, 1),
    ("There is no such number", NONE, 1),
    ("one", NONE, 0),
    ("nonetheless", NONE, 0),
    ("", NONE, 0),
    ("1234567", NONE, 0),
    ("none, but maybe 1234567", NONE, 0),
    ("none, but maybe 5555555", NONE, 0),
    ("<think>none</think>1234567", NONE, 0),
    ("1234567", MAYBE, 1),
    ("none", MAYBE, 0),
    ("none or 1234567", MAYBE, 0),
    ("It is not mentioned, but 1234567", MAYBE, 0),
    # Chinese
    ("答案是张伟。", ZH, 1),
    ("答案：张伟", ZH, 1),
    ("无论如何，答案是张伟", ZH, 1),
    ("答案是张伟明。", ZH, 0),
    ("张伟或李娜", ZH, 0),
    ("张伟。无。", ZH, 0),
    ("无", ZH, 0),
    ("无", ZH_NONE, 1),
    ("答案是无。", ZH_NONE, 1),
    ("答案：无", ZH_NONE, 1),
    ("文中没有提到。", ZH_NONE, 1),
    ("李娜", ZH_NONE, 0),
    ("无锡", ZH_NONE, 0),
    ("答案是：是", YES, 1),
    ("答案是是", YES, 1),
    ("答案是否", YES, 0),
    ("答案：否", YES, 0),
    ("答案是：否", NO, 1),
    ("答案是否", NO, 1),
    ("是", NO, 0),
    ("没有共同元素，但是有别的。\n答案：否", NO, 1),
    ("甲", JIA, 1),
    ("我选甲。", JIA, 1),
    ("答案是甲，也可能是乙", JIA, 0),
    # labels
    ("B", LABEL, 1),
    ("(b)", LABEL, 1),
    ("The answer is B, a segment near the end.", LABEL, 1),
    ("A", LABEL, 0),
    ("A or B", LABEL, 0),
    # order
    ("red, green, blue", ORDER, 1),
    ("1. red\n2. green\n3. blue", ORDER, 1),
    ("red, green, blue. Red is first, then green, and blue last.", ORDER, 1),
    ("green, red, blue", ORDER, 2 / 3),
    ("blue, green, red", ORDER, 1 / 3),
    ("blue, green, red, blue, green, red, blue, green, red", ORDER, 1 / 3),
    ("red, green, blue or blue, green, red", ORDER, 1 / 3),
]


@pytest.mark.parametrize(("response", "question", "worth"), JUDGED)
def test_judge(response: str, question: dict[str, Any], worth: float) -> None:
    judged = judge(response, **question)
    assert judged["score"] == judged["exclusive"] == pytest.approx(worth)
    assert judged["score"] <= judged["recall"]


EXACT: list[tuple[str, dict[str, Any], float]] = [
    ("1234567", ONE, 1),
    ("**1,234,567**.", ONE, 1),
    ("The answer is: 1234567", ONE, 1),
    ("Answer: 1234567", ONE, 1),
    ("**Answer:** 1234567", ONE, 1),
    ("**Answer**: The special magic number is **1234567**.", ONE, 1),
    ("### Answer\n1234567", ONE, 1),
    ("So the final answer is $\\boxed{1234567}$.", ONE, 1),
    ("It is 1234567.", ONE, 1),
    ("The special magic number for amber-key mentioned in the provided text is: 1234567.", ONE, 1),
    ("答案是：1234567。", ONE, 1),
    ("所以，最终答案为1234567", ONE, 1),
    ("<answer>1234567</answer>", ONE, 1),
    ('{"answer": "1234567"}', ONE, 1),
    ("1234567 is the answer", ONE, 0),
    ("1234567 1234567", ONE, 0),
    ("1234567 or 7654321", ONE, 0),
    ("12345678", ONE, 0),
    ("", ONE, 0),
    ("7654321, 1234567", TWO, 1),
    ("- 1234567\n- 7654321", TWO, 1),
    ("1. 1234567\n2. 7654321", TWO, 1),
    ("[1234567, 7654321]", TWO, 1),
    ("1234567 and 7654321", TWO, 1),
    ("1234567", TWO, 0),
    ("答案是1234567和7654321。", TWO, 1),
    ("red, green, blue", ORDER, 1),
    ("green, red, blue", ORDER, 0),
    ("none", NONE, 1),
    ("Not mentioned.", NONE, 1),
    ("none at all", NONE, 0),
    ("答案是无。", ZH_NONE, 1),
]


@pytest.mark.parametrize(("response", "question", "exact"), EXACT)
def test_exact(response: str, question: dict[str, Any], exact: float) -> None:
    assert judge(response, **question)["exact"] == exact


def test_table_is_large_and_balanced() -> None:
    right = sum(worth == 1 for _, _, worth in JUDGED)
    assert len(JUDGED) >= 100 and min(right, len(JUDGED) - right) >= 40


def test_metrics_of_a_partial_answer() -> None:
    assert judge("1000001 and 9999999", FOUR["outputs"]) == {
        "score": 0.0,
        "recall": 0.25,
        "any": 1.0,
        "exact": 0.0,
        "exclusive": 0.0,
    }


@pytest.mark.parametrize("outputs", [[], [""], ["  "], ["\u200b"]])
def test_outputs_that_hold_nothing_are_never_found(outputs: list[str]) -> None:
    for response in ("", "anything", " "):
        assert set(judge(response, outputs).values()) == {0.0}
        assert set(judge(response, outputs, rivals=[""], no_answer="", refusals=[""], allowed=[""]).values()) == {0.0}


def test_a_rival_that_is_an_output_or_allowed_costs_nothing() -> None:
    assert judge("1234567", [NUMBER], rivals=["1,234,567"])["score"] == 1
    assert judge("7654321: 1234567", [NUMBER], rivals=[OTHER], allowed=[OTHER])["score"] == 1
    assert judge("7654321: 1234567", [NUMBER], rivals=[OTHER])["score"] == 0
    assert judge("none, 1234567", ["none", NUMBER], no_answer="none")["score"] == 1
    assert judge("none: 1234567", [NUMBER], no_answer="none", allowed=["none"])["score"] == 1


# --- what is claimed ---------------------------------------------------------------------------------------------------

A, B = "amber-fox", "blue-owl"
PAIRS: dict[str, Any] = {"outputs": ["1000001", "1000002"], "keys": {A: ["1000001"], B: ["1000002"]}}
LABELLED = [
    "{A}: {1}, {B}: {2}",
    "{B}: {2}\n{A}: {1}",
    "{1} for {A} and {2} for {B}",
    "{1} ({A}), {2} ({B})",
    "The entries for {B} and {A} are {2} and {1}, respectively.",
    "The entries for {A} and {B} are:\n- {A}: {1}\n- {B}: {2}",
    "The entries for {A} and {B} are: {B}: {2}, {A}: {1}",
    '{{"{A}": {1}, "{B}": "{2}"}}',
    '{{\n  "{A}": "{1}",\n  "{B}": "{2}"\n}}',
    '[["{A}", "{1}"], ["{B}", "{2}"]]',
    "| Key | Entry |\n|---|---|\n| {A} | {1} |\n| {B} | {2} |",
    "**{A}**\n- {1}\n\n**{B}**\n- {2}",
    "- {A}\n  {1}\n- {B}\n  {2}",
    "{A},{1}\n{B},{2}",
    "1. {A}: {1}\n2. {B}: {2}",
    "{A} → {1}; {B} → {2}",
    "{A}={1} {B}={2}",
    "{1}, {A}; {2}, {B}",
    "{1}, {A}, {2}, {B}",
    "The entry for {A} is {1} and {2} for {B}.",
    "{1} is for {A}, and for {B} it is {2}.",
    "A registry entry for {A} is {1}. A registry entry for {B} is {2}.",
    "{A}'s entry is {1}, and that of {B} is {2}",
    "{A} has {1}; the other, {B}, has {2}",
    "「{A}」的登记项是{1}，「{B}」的登记项是{2}。",
    "{A}和{B}的登记项分别是{1}和{2}。",
    "{A}: {1}\n{B}: {2}\n\nSo: {1}, {2}",
]
BARE = [
    "{1}, {2}",
    "{2}\n{1}",
    "For {A} and {B}, the entries are {2} and {1}.",
    "{2} and {1} are the entries for {A} and {B}.",
    "Which entries does the text give for {A} and {B}? {2}, {1}",
    "| {A} | {B} |\n|---|---|\n| {1} | {2} |",
    "{1}\n{A}\n{2}\n{B}",
]


def pair(form: str, one: str, two: str) -> str:
    return form.replace("{{", "{").replace("}}", "}").replace("{A}", A).replace("{B}", B).replace("{1}", one).replace("{2}", two)


@pytest.mark.parametrize("form", LABELLED)
def test_values_belong_to_their_keys(form: str) -> None:
    assert judge(pair(form, "1000001", "1000002"), **PAIRS)["score"] == 1
    swapped = judge(pair(form, "1000002", "1000001"), **PAIRS)
    assert swapped["score"] == swapped["exact"] == 0


@pytest.mark.parametrize("form", BARE)
def test_a_bare_list_is_right_in_any_order(form: str) -> None:
    assert judge(pair(form, "1000001", "1000002"), **PAIRS)["score"] == 1
    assert judge(pair(form, "1000002", "1000001"), **PAIRS)["score"] == 1


def test_bindings_of_several_values() -> None:
    keys = {A: ["1000001", "1000002"], B: ["2000001", "2000002"]}
    outputs = [value for values in keys.values() for value in values]
    for right in (
        f"{A}: 1000001, 1000002; {B}: 2000001, 2000002",
        f"{A}: 1000002 and 1000001\n{B}: 2000001 and 2000002",
        f"1000001 and 1000002 for {A}, 2000001 and 2000002 for {B}",
        f'{{"{A}": ["1000001", "1000002"], "{B}": ["2000001", "2000002"]}}',
        f'{{\n "{A}": [\n  "1000001",\n  "1000002"\n ],\n "{B}": [\n  "2000001",\n  "2000002"\n ]\n}}',
        f"**{A}**\n* 1000001\n* 1000002\n\n**{B}**\n* 2000001\n* 2000002",
    ):
        assert judge(right, outputs, keys=keys)["score"] == 1, right
    assert judge(f"{A}: 2000001, 2000002; {B}: 1000001, 1000002", outputs, keys=keys)["score"] == 0
    assert judge(f"{A}: 1000001, 2000001; {B}: 1000002, 2000002", outputs, keys=keys)["score"] == 0
    every = ", ".join(outputs)
    assert judge(f"{A}: {every}\n{B}: {every}", outputs, keys=keys)["score"] == 0, "everything for everyone"


def test_one_swap_among_many_costs_what_one_wrong_value_costs() -> None:
    keys = {f"key-{name}": [str(1000001 + n)] for n, name in enumerate(("one", "two", "six", "ten"))}
    outputs = [value for values in keys.values() for value in values]
    said = dict(zip(keys, outputs))
    said["key-two"] = said["key-one"]
    assert judge("\n".join(f"{key}: {value}" for key, value in said.items()), outputs, keys=keys)["score"] == 0.5
    assert judge("\n".join(outputs[:1] + outputs[2:] + ["5555555"]), outputs, keys=keys)["score"] == 0.5


OLD, NEW = "1111111", "2222222"
CORRECTED: dict[str, Any] = {"outputs": [NEW], "void": [OLD], "allowed": [A]}
EXPLAINED = [
    "{new}",
    "{new}, which replaced {old}",
    "{new} (replacing {old})",
    "{new} (the earlier entry, {old}, is void)",
    "{old} was replaced by {new}",
    "The earlier entry {old} is void; the one that stands is {new}.",
    "{new}, not {old}",
    "{new} instead of {old}",
    "It was originally {old}, but a correction says {new}.",
    "The first entry was {old}. A later correction says that only {new} stands.",
    "{old} has been superseded by {new}",
    "The entry {old} is no longer valid; {new} is.",
    "changed from {old} to {new}",
    "**{new}** – the original entry ({old}) is void",
    "{new}\n\nNote: the earlier registry entry {old} was voided by the correction.",
    "Although the text first gives {old}, this is corrected to {new}.",
    "{new} (this replaces {old})",
    "Originally, the entry was {old}. A correction says that only {new} stands.",
    "It was {old}, but a correction says that only {new} stands.",
    "{old} (voided), {new}",
    "{old} (later corrected to {new})",
    "{old}, then replaced by {new}",
    "{new}，取代了{old}",
    "此前的{old}作废，现为{new}",
    "{old}已被更正为{new}",
    "{old}已作废，以{new}为准",
    "{new}，而不是{old}",
    "原为{old}，更正后为{new}。",
]
HEDGED = [
    "{new} or {old}",
    "{old}, {new}",
    "{new} and {old}",
    "The text gives {old} and {new}.",
    "{new}? {old}?",
    "{old} is the first entry, {new} the second",
    "{old}, but {new} is given too",
    "{old}, and later {new}",
    f"{A}: {{old}}; {A}: {{new}}",
    "{new}或{old}",
    "{new}、{old}",
]


@pytest.mark.parametrize("form", EXPLAINED)
def test_a_void_value_may_be_called_void(form: str) -> None:
    """And where the wrong one is called void, the answer is wrong."""
    assert judge(form.format(new=NEW, old=OLD), **CORRECTED)["score"] == 1
    assert judge(form.format(new=OLD, old=NEW), **CORRECTED)["score"] == 0


@pytest.mark.parametrize("form", HEDGED)
def test_a_void_value_beside_the_right_one_is_a_hedge(form: str) -> None:
    assert judge(form.format(new=NEW, old=OLD), **CORRECTED)["score"] == 0
    assert judge(form.format(new=OLD, old=NEW), **CORRECTED)["score"] == 0


def test_only_what_a_correction_voids_may_be_called_void() -> None:
    assert judge(f"{NEW}, which replaced {OLD}", [NEW], [OLD])["score"] == 0
    assert judge(f"{NEW}, which replaced {OLD} or 3333333", **CORRECTED)["score"] == 0
    assert judge(f"The earlier entry {OLD} is void.", **CORRECTED)["score"] == 0
    assert judge(f"{NEW}, which replaced {OLD}. Or {OLD}.", **CORRECTED)["score"] == 0


CLAIMED = [
    "It is {right}, not {wrong}.", "{wrong}. No, actually {right}.", "Not {wrong} but {right}", "It is not {wrong}. It is {right}",
    "{right}, not {wrong} or 1111111", "{right}, rather than {wrong}", "Neither {wrong} nor 1111111; {right}", "It isn’t {wrong}, it's {right}",
    "{right} instead of {wrong}", "Is it {wrong}? No. It is {right}.", "{wrong}. Wait, no: {right}", "{wrong}... Correction: {right}",
    "{wrong}? No. 1111111? No, {right}", "{wrong}, sorry, {right}", "{wrong} is not the answer; {right} is.", "It is {right}, isn't it?",
    "The answer is {right}, not to be confused with {wrong}.", "It is **{right}**, not **{wrong}**",
    "{wrong} should be {right}.", "{wrong} should have been: {right}", "{wrong}, which should read {right}", "~~{wrong}~~ {right}", "{right} (~~{wrong}~~)",
    "{wrong}应为{right}。", "{wrong}，应当改为{right}。", "~~{wrong}~~{right}",
    "是{right}，不是{wrong}。", "{wrong}。不对，是{right}。", "答案不是{wrong}，而是{right}。", "{wrong}，应该是{right}。", "{wrong}。更正：{right}",
]  # fmt: skip
DENIED = [
    "It is not {right}.", "It isn't {right}", "The answer is not {right}.", "{right} is not the answer.", "{right} is wrong.", "Is it {right}? No.",
    "It is **not {right}**", "not {right} and not {wrong}", "It is never {right}", "~~{right}~~", "不是{right}", "答案不是{right}。", "{right}不是正确答案。", "{right}？不是。",
]  # fmt: skip
DOUBTFUL = [
    "{right}, not {wrong}. {wrong}, not {right}.", "not 1111111, {wrong}, {right}", "{right}, {wrong}. No, 1111111.", "{right} or {wrong}",
    "{right}. No, {right} or {wrong}", "{right}. Not {wrong}. {wrong}",
]  # fmt: skip


@pytest.mark.parametrize("form", CLAIMED)
def test_a_denied_or_corrected_value_costs_nothing_beside_the_one_that_is_claimed(form: str) -> None:
    assert judge(form.format(right=NUMBER, wrong=OTHER), [NUMBER], [OTHER])["score"] == 1
    assert judge(form.format(right=OTHER, wrong=NUMBER), [NUMBER], [OTHER])["score"] == 0


@pytest.mark.parametrize("form", DENIED)
def test_a_denied_value_is_not_named(form: str) -> None:
    found = judge(form.format(right=NUMBER, wrong=OTHER), [NUMBER], [OTHER])
    assert found["score"] == found["recall"] == found["any"] == found["exact"] == 0


@pytest.mark.parametrize("form", DOUBTFUL)
def test_denials_hide_no_list_of_all_candidates(form: str) -> None:
    for right, wrong in ((NUMBER, OTHER), (OTHER, NUMBER)):
        assert judge(form.format(right=right, wrong=wrong), [NUMBER], [OTHER])["score"] == 0


@pytest.mark.parametrize(
    "said",
    ["If I am not mistaken, it is {}", "I'm not sure, but {}", "No other number stands there: {}", "Not only that: {}", "Wait, {}", "Actually, {}",
     "It is not stated twice: {}", "No doubt {}",
     "It should be {}", "{} should be the answer", "{} should be it.", "~{}~", "~~~\n{}\n~~~", "~~ {} ~~", "{}应该是答案", "是不是{}？是的，{}", "没有别的，就是{}", "应该是{}"],
)  # fmt: skip
def test_words_that_only_look_like_denials_deny_nothing(said: str) -> None:
    assert judge(said.format(NUMBER, NUMBER), [NUMBER], [OTHER])["score"] == 1


def test_a_correction_of_one_value_among_several_is_no_new_list() -> None:
    assert judge("1000001, 7654321. No, actually 1000001, 1000002.", ["1000001", "1000002"])["score"] == 1
    assert judge("1000001, 7654321. No, actually 1000002.", ["1000001", "1000002"])["score"] == 0.5


TAKEN_BACK = ["{a}, {b}, {c}; no, not {b}", "{a}, {b}, {c}. Wait, {b} is wrong.", "{a}\n{b}\n{c}\n\nActually, {b} is not the answer.",
              "{a}, {b}. No, not {b} but {c}.", "{a}、{b}、{c}。不对，不是{b}。", "{b}, {a}; no, not {b}. Correction: {a}, {b}, {c}. No, not {b}."]  # fmt: skip
NAMED_AGAIN = ["{a}, {b}; no, not {b}. Sorry, {b} it is.", "{a}, {b}, not {c}. No doubt.", "No, not {b}. Well, {a}, {b}.",
               "{a}, {b}; no, not {c}"]  # fmt: skip


@pytest.mark.parametrize("form", TAKEN_BACK)
def test_a_correction_takes_back_a_part_of_a_list(form: str) -> None:
    a, b, c = "1000001", "1000002", "7654321"
    said = form.format(a=a, b=b, c=c)
    assert judge(said, [a, c], [b])["score"] == 1
    assert judge(said, [a, b], [c])["recall"] == 0.5 and judge(said, [a, b], [c])["score"] == 0
    assert judge(said, [b], [a, c])["recall"] == 0


@pytest.mark.parametrize("form", NAMED_AGAIN)
def test_what_is_named_again_is_not_taken_back(form: str) -> None:
    a, b, c = "1000001", "1000002", "7654321"
    assert judge(form.format(a=a, b=b, c=c), [a, b], [c])["score"] == 1


@pytest.mark.parametrize(
    ("response", "worth"),
    [
        (" 1234567.", 1),
        (" 1234567", 1),
        ("\n1234567.", 1),
        (" 1234567. A registry entry for blue-owl is 7654321. A registry entry for", 1),
        (" 1234567! 7654321", 1),
        (" 1234567; 7654321", 1),
        ("是1234567。登记簿载明，7654321", 1),
        (" 1,234,567. 7654321", 1),
        (" 1234567.0. 7654321", 1),
        (" A registry entry for amber-fox is 1234567. A registry entry for blue-owl is 7654321.", 1),
        (" 1234567 and 7654321.", 0),
        (" 1234567, 7654321.", 0),
        (" 7654321. A registry entry for amber-fox is 1234567.", 0),
        (" 12345671. 1234567.", 0),
        (" unknown. 1234567. 7654321.", 1),
        (" 1234567.5. 1234567.", 0),
        ("", 0),
    ],
)
def test_what_follows_the_first_value_of_a_continuation_does_not_count(response: str, worth: float) -> None:
    assert judge(response, [NUMBER], [OTHER], allowed=[A, B], continued=True)["score"] == worth


@pytest.mark.parametrize(
    ("response", "worth"),
    [
        (f" 1000001. A registry entry for {B} is 1000002. A registry entry for dry-ant is 7654321.", 1),
        (" 1000002, 1000001. 7654321, 7654322.", 1),
        (f" 1000001. A registry entry for {A} is 1000001. A registry entry for {B} is 1000002. And 7654321.", 1),
        (" 1000001. 7654321. 1000002.", 0),
        (f" 1000001. A registry entry for {B} is 7654321. A registry entry for {B} is 1000002.", 0),
        (" 1000001.", 0.5),
        (" 7654321. 7654322. 1000001, 1000002", 0),
    ],
)
def test_a_continuation_may_give_its_values_in_sentences(response: str, worth: float) -> None:
    assert judge(response, **PAIRS, continued=True)["score"] == worth


def test_a_question_said_again_names_nothing() -> None:
    question = "What is in the box, 7654321 or another? If nothing is given, say: none."
    assert judge(f"{question}\n1234567", [NUMBER], [OTHER], question=question, no_answer="none")["score"] == 1
    assert judge(question, ["none"], [NUMBER], question=question, no_answer="none")["score"] == 0


# --- properties -------------------------------------------------------------------------------------------------------

ODD = "0123456789 ,.'-_()[]{}<>/\\\n\t\x00*`\"$#:;aAbZé和是，。、１٣\u200b\u200f\u0301\ud800|think◁▷"
anything = st.text(st.characters(), max_size=80) | st.text(st.sampled_from(ODD), max_size=120)
digits = st.from_regex(r"[1-9][0-9]{3,11}", fullmatch=True)
words = st.from_regex(r"[a-z]{3,9}", fullmatch=True)
names = st.text("张伟李娜王芳刘洋", min_size=2, max_size=4)
values = digits | st.uuids().map(str) | st.tuples(words, words).map("-".join) | names
FRAMES = ["{}", " {}.", "**{}**", "`{}`", "Answer: {}", "答案是{}。", '"{}"', "({})", "\\boxed{{{}}}", "{}\n", "= {};"]
frames = st.sampled_from(FRAMES)


@given(anything, st.lists(anything, max_size=4), st.lists(anything, max_size=4), anything, anything, st.booleans())
@settings(max_examples=300, deadline=None)
def test_anything_can_be_judged(
    response: str, outputs: list[str], rivals: list[str], prompt: str, word: str, ordered: bool
) -> None:
    more: dict[str, Any] = {"no_answer": word, "refusals": rivals[:2], "allowed": rivals[:1], "ordered": ordered}
    more |= {"keys": {word: outputs[:1], prompt: outputs[1:]}, "void": rivals[1:], "continued": not ordered, "question": word}
    judged = judge(response, outputs, rivals, prompt=prompt, **more)
    assert set(judged) == {"score", "recall", "any", "exact", "exclusive"}
    assert all(type(share) is float and 0 <= share <= 1 for share in judged.values())
    json.dumps(judged)
    assert isinstance(normal(response), str) and all(items(response))
    assert mentions(response, word) >= 0


@given(values, frames)
@settings(deadline=None)
def test_a_framed_value_is_found(value: str, frame: str) -> None:
    judged = judge(frame.format(value), [value])
    assert judged["score"] == judged["exact"] == judged["recall"] == 1


@given(values, st.sampled_from("0a9z"), st.booleans())
@settings(deadline=None)
def test_an_extended_value_is_not(value: str, more: str, before: bool) -> None:
    assume(value.isascii())
    longer = more + value if before else value + more
    assert mentions(f"It is {longer}.", value) == 0
    assert mentions(f"It is {value}.", longer) == 0


@given(digits, st.sampled_from([",", " ", "'", "\u00a0", "\u2009", "_"]))
@settings(deadline=None)
def test_thousands(value: str, separator: str) -> None:
    grouped = f"{int(value):,}".replace(",", separator)
    assert mentions(f"x {grouped}.", value) == mentions(value, grouped) == 1
    assert normal(grouped) == normal(value)
    assert mentions(f"x {grouped}{separator}000", value) == 0


@given(values, values)
@settings(deadline=None)
def test_a_hedge_never_scores_one(value: str, other: str) -> None:
    assume(mentions(value, other) == mentions(other, value) == 0)
    for response in (f"{value} or {other}", f"{other}, {value}"):
        assert judge(response, [value], [other])["score"] == 0
        assert judge(response, [value, other])["score"] == 1


@given(anything, values, anything)
@settings(deadline=None)
def test_folding_changes_no_count(before: str, value: str, after: str) -> None:
    assume(all(unicodedata.category(c) not in ("Cs", "Cc") for c in before + after) and value.isascii())
    text = f"{before} {value} {after}"
    wide = "".join(chr(ord(c) + 0xFEE0) if "0" <= c <= "9" else c for c in value)
    assert mentions(text.replace(value, f"\u200e{value}\u200f"), value) == mentions(text, value)
    assert mentions(wide.upper(), value) == 1
    assert normal(normal(value)) == normal(value)


@given(st.lists(values, min_size=1, max_size=6, unique=True), st.randoms(use_true_random=False))
@settings(deadline=None)
def test_every_list_style_is_the_same_answer(outputs: list[str], random: Any) -> None:
    assume(all(mentions(b, a) == 0 for a in outputs for b in outputs if a != b))
    shuffled = random.sample(outputs, len(outputs))
    styles = (
        ", ".join(shuffled),
        "\n".join(f"- {value}" for value in shuffled),
        "\n".join(f"{i}. {value}" for i, value in enumerate(shuffled, 1)) if len(shuffled) > 1 else shuffled[0],
        json.dumps(shuffled, ensure_ascii=False),
        "The answers are: " + "; ".join(shuffled),
        "、".join(shuffled),
    )
    for response in styles:
        judged = judge(response, outputs)
        assert judged["score"] == judged["exact"] == 1, response
        assert sorted(map(normal, items(response))) == sorted(map(normal, outputs)), response
    assert judge(", ".join(outputs), outputs, ordered=True)["exact"] == 1


@given(values, anything)
@settings(deadline=None)
def test_thoughts_are_never_said(value: str, thought: str) -> None:
    assume("<" not in thought and "|" not in thought)
    assert judge(f"<think>{thought}{value}</think>", [value])["score"] == 0
    assert judge(f"<think>{thought}{value}", [value])["score"] == 0
    assert judge(f"{thought}</think>{value}", [value])["score"] == 1


# --- rows -------------------------------------------------------------------------------------------------------------

SETTINGS: list[dict[str, Any]] = [
    {},
    {"lang": "zh"},
    {"audience": "base"},
    {"params": {"keys": 4, "queries": 3}},
    {"params": {"keys": 4, "queries": 3}, "lang": "zh"},
    {"params": {"values": 3, "queries": 2}},
    {"params": {"keys": 3, "similar_keys": 2, "similar_values": 2, "other_subjects": 2}},
    {"params": {"key_kind": "uuids", "value_kind": "uuids"}, "haystack": "records"},
    {"params": {"value_kind": "words"}, "audience": "base"},
    {"params": {"twins": True}},
    {"params": {"twins": True}, "lang": "zh"},
    {"params": {"absent": 1.0}},
    {"params": {"key_kind": "none"}, "audience": "base"},
]
NEEDLE = generators.get("needle")


@pytest.fixture(scope="module")
def rows() -> list[dict[str, Any]]:
    return [
        row
        for options in SETTINGS
        for row in lcgen.generate("needle", lengths="1500", depths="0.4", **{"haystack": "noise", **options})
    ]


def score_of(response: Any, row: dict[str, Any]) -> float:
    worth = NEEDLE.score(response, row)["score"]
    assert 0 <= worth <= 1
    return worth


def test_every_row_holds_to_the_laws(rows: list[dict[str, Any]]) -> None:
    for row in rows:
        oracle = NEEDLE.oracle(row)
        context = row["input"][row["context_start"] : row["context_end"]]
        assert score_of(oracle, row) == score_of(f"<think>{context}</think>{oracle}", row) == 1
        assert score_of(row["input"] + oracle, row) == score_of(f"{row['question']}\n{oracle}", row) == 1
        assert score_of(json.dumps(row["outputs"], ensure_ascii=False), row) == 1
        for nothing in ("", " ", None, row["input"], row["question"], f"<think>{oracle}", f"<think>{oracle}</think>"):
            assert score_of(nothing, row) == 0, nothing


def test_a_base_model_may_go_on_writing(rows: list[dict[str, Any]]) -> None:
    for row in (row for row in rows if row["gen_prefix"]):
        gold = next(piece for piece in row["evidence"] if piece["value"] == row["answer"])
        rest = gold["text"][gold["text"].index(row["answer"]) :]
        for more in ("", " A registry entry for any-other is 7654321. A registry entry for some-other is red-sun. A registry"):
            assert score_of(f" {rest}{more}", row) == 1
            assert score_of(f"{row['input']}{row['gen_prefix']} {rest}{more}", row) == 1
            assert score_of(f" 7654321, red-sun.{more} {rest}", row) == 0


@pytest.mark.parametrize("edit", ["as it is", "in capitals", "as a list", "word by word", "with gaps", "spaced out", "a third"])
def test_a_copy_of_the_context_is_no_answer(rows: list[dict[str, Any]], edit: str) -> None:
    for row in rows:
        context = row["input"][row["context_start"] : row["context_end"]]
        words = context.split() if row["lang"] == "en" else list(context)
        copies = {
            "as it is": context,
            "in capitals": context.upper(),
            "as a list": context.replace(". ", ".\n- ").replace("。", "。\n- "),
            "word by word": "\n".join(words),
            "with gaps": ("" if row["lang"] == "zh" else " ").join(
                word for n, word in enumerate(words) if n % (9 if row["lang"] == "en" else 12) or word[0].isdigit()
            ),
            "spaced out": f"The text says: {context.replace(' ', '   ')} That is all.",
            "a third": context[len(context) // 3 :],
        }
        assert score_of(copies[edit], row) == 0


def test_a_paraphrase_of_the_context_is_no_answer(rows: list[dict[str, Any]]) -> None:
    """A long text, reworded, in which the answer lies hidden: only its beginning and its end can hold one."""
    for row in (r for r in rows if (r["lang"], r["haystack"], len(r["outputs"]), r["depth"]) == ("en", "noise", 1, 0.4)):
        context = row["input"][row["context_start"] : row["context_end"]]
        reworded = " ".join(word if word.strip(".") in row["outputs"] else word[::-1].lower() for word in context.split())
        assert mentions(reworded, row["outputs"][0]) and score_of(reworded, row) == 0
        assert score_of(f"{reworded} So: {NEEDLE.oracle(row)}", row) == (0 if row["gen_prefix"] else 1)


@given(st.data())
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_one_wrong_value_never_scores(rows: list[dict[str, Any]], data: st.DataObject) -> None:
    row = data.draw(st.sampled_from(rows))
    held = [piece["value"] for piece in row["evidence"] if piece["value"]]
    wrong = data.draw(st.sampled_from(held) | digits | st.uuids().map(str) | st.tuples(words, words).map("-".join))
    frame = data.draw(frames)
    assume(wrong not in row["outputs"] and wrong not in row["metadata"]["keys"])
    assert score_of(frame.format(wrong), row) == 0


@given(st.data())
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_all_candidates_score_less_than_one(rows: list[dict[str, Any]], data: st.DataObject) -> None:
    """However they are ordered and joined."""
    row = data.draw(st.sampled_from(rows))
    rivals = {piece["value"] for piece in row["evidence"] if piece["role"] != "gold"} - {*row["outputs"]}
    assume(rivals)
    every = data.draw(
        st.permutations([*row["outputs"], *data.draw(st.lists(st.sampled_from(sorted(rivals)), min_size=1, unique=True))])
    )
    join = data.draw(
        st.sampled_from([", ", "\n", " or ", "; ", " / ", "\n- ", "、", " and ", ". ", ", not ", " or the earlier "])
    )
    assume(not (join.startswith((", not", " or the")) and row["group_role"] == "contradicted"))
    # Who denies all but one claims that one.
    assume(not (join == ", not " and every[:1] == row["outputs"]))
    said = f"{join}".join(every)
    assert score_of(said if not row["gen_prefix"] else said.replace("\n", ", "), row) < 1 or row["gen_prefix"]


@given(st.data())
@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_right_values_for_wrong_keys_never_score(rows: list[dict[str, Any]], data: st.DataObject) -> None:
    row = data.draw(st.sampled_from([row for row in rows if len(row["metadata"]["keys"]) > 1]))
    keys = row["metadata"]["keys"]
    owner = {piece["value"]: piece["key"] for piece in row["evidence"] if piece["value"] in row["outputs"]}
    assert owner
    shuffled = data.draw(st.permutations(keys))
    moved = dict(zip(keys, shuffled))
    form = data.draw(
        st.sampled_from(["{key}: {value}", "{value} ({key})", "- **{key}**: {value}", "{value} for {key}", '"{key}": "{value}"'])
    )
    said = "\n".join(form.format(key=moved[owner[value]], value=value) for value in row["outputs"])
    right = sum(moved[owner[value]] == owner[value] for value in row["outputs"]) / len(row["outputs"])
    assert score_of(said, row) == pytest.approx(max(0.0, 2 * right - 1))


# --- size -------------------------------------------------------------------------------------------------------------

SIZE = 500_000
HOSTILE = {
    "digits": "1" * SIZE,
    "digits then a letter": "1" * SIZE + "a",
    "digits in hyphens": "1-" * (SIZE // 2) + "a",
    "digits in spaces": "1 " * (SIZE // 2) + "a",
    "digits in commas": "1,234" * (SIZE // 5) + "a",
    "digits in dots": "1." * (SIZE // 2),
    "parentheses": "(1) " * (SIZE // 4),
    "punctuation": ". " * (SIZE // 2) + "1" + " ." * (SIZE // 2),
    "hyphens": "-" * SIZE,
    "hyphened letters": "a-" * (SIZE // 2),
    "letters": "a" * SIZE,
    "spaces": " " * SIZE + "a",
    "new lines": "\n" * SIZE + "1.",
    "numbered": "1. a\n" * (SIZE // 5),
    "numbering of spaces": ("1." + " " * 1000) * (SIZE // 1002),
    "stars": "*" * SIZE,
    "backslashes": "\\" * SIZE,
    "commands": "\\boxed" * (SIZE // 6),
    "braces": "{" * SIZE,
    "brackets": "[" * SIZE,
    "fences": "```\n" * (SIZE // 4),
    "opening thoughts": "<think>" * (SIZE // 7),
    "closing thoughts": "a</think>" * (SIZE // 9),
    "half a thought": "<think " * (SIZE // 7),
    "less-than": "<" * SIZE,
    "less-than and spaces": "< " * (SIZE // 2),
    "channels": "<|channel|>final" * (SIZE // 16),
    "half a channel": "<|channel|>analysis" + "x" * SIZE,
    "marks": "a" + "\u0301\u0323" * (SIZE // 2),
    "voiced marks": "a" + "\u0301ﾞ" * (SIZE // 2),
    "ligatures": "ﷺ" * (SIZE // 3),
    "one Chinese character": "是" * (SIZE // 3),
    "Chinese": "答案是否" * (SIZE // 12),
    "surrogates": "\ud800" * SIZE,
    "NUL": "\x00" * SIZE,
    "zero width": "\u200b" * SIZE,
    "lead-ins": "the " * (SIZE // 4),
    "values": f"{NUMBER}, " * (SIZE // 9),
    "apostrophes": "a'" * (SIZE // 2),
    "half a prompt": "The grass is green. " * (SIZE // 20),
}


@pytest.mark.slow
@pytest.mark.parametrize("name", HOSTILE)
def test_time_is_linear(name: str) -> None:
    text = HOSTILE[name]
    question: dict[str, Any] = {
        "outputs": [NUMBER, PAIR, "是", "张伟", "a"],
        "rivals": [OTHER, "Jane Park", "1", "否"],
        "no_answer": "无",
        "prompt": "The grass is green. " * (SIZE // 40) + "The end.",
        "question": "Which?",
        "keys": {"amber-fox": [NUMBER, PAIR], "是": ["是", "张伟"], "b": ["a"]},
        "void": [OTHER],
    }
    start = time.process_time()
    judge(text, **question)
    judge(text, **question, continued=True)
    items(text)
    normal(text)
    assert time.process_time() - start < 30  # seconds; one quadratic step in Python takes hours


@pytest.mark.slow
def test_a_long_answer_costs_what_its_length_does() -> None:
    """Ten times the answer may cost thirty times as much on a busy machine; what looked at it once for each of its words would cost a hundred."""
    rivals = [str(n) for n in range(2_000_000, 2_004_000)]

    def cost(sentences: int) -> float:
        text, start = "The harbour was quiet, and nobody saw the 12 boats. " * sentences + NUMBER, time.process_time()
        assert judge(text, [NUMBER], rivals)["score"] == 1
        both = judge(text + f" b: {OTHER}", [NUMBER, OTHER], rivals, keys={"amber-fox": [NUMBER], "b": [OTHER]})
        assert both["score"] == 1
        assert judge(text, [NUMBER], rivals, continued=True)["score"] == 0
        return time.process_time() - start

    assert cost(40_000) < 30 * cost(4000)


def test_stands_alone(tmp_path: Path) -> None:
    """A harness holds a copy of the folder alone: no lcgen, no other package."""
    shutil.copytree(Path(score_module.__file__).parent, tmp_path / "score")
    code = (
        f"import sys; sys.path.insert(0, {str(tmp_path)!r}); import score; "
        "assert score.judge('x 1', ['1'])['score'] == 1 and not {'lcgen', 'numpy'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-I", "-c", code], check=True)
