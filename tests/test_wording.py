"""Templates: what they must print, what they may not do, and that a sentence and its pattern are one."""

from __future__ import annotations

import re
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lcgen import generators, templates
from lcgen.errors import LcgenError
from lcgen.wording import Wording

FEW = settings(max_examples=60, deadline=None, derandomize=True)
BLOCKS = {"fact": ("key", "value"), "ask": ("keys*", "sure?"), "nothing": ()}
MACROS = """{% macro fact(key, value) %}The lamp {{ key }} burns {{ value }} hours.{% endmacro %}
{% macro ask(keys, sure) %}How long burn {{ keys | join(", ") }}?{% if sure %} Be sure.{% endif %}{% endmacro %}
{% macro nothing() %}no hours{% endmacro %}
"""
BODY = """{{ question if place != "after" }}
{{ context }}
{{ pad }}
{{ question if place != "before" }}"""
GOOD = MACROS + BODY
KEYS = st.from_regex(r"[a-z]{1,8}(-[a-z]{1,8}){0,2}", fullmatch=True)
VALUES = st.from_regex(r"[0-9]{1,18}", fullmatch=True)


def wording(template: str = GOOD, lang: str = "en") -> Wording:
    return Wording(template, lang, BLOCKS, "mine.j2")


def refused(template: str, says: str) -> str:
    with pytest.raises(LcgenError, match=says) as error:
        made = wording(template)
        made.say("ask", keys=["a"], sure=True)
        made.frame(question="q?", place="after", audience="chat")
    assert "mine.j2" in str(error.value) and len(str(error.value)) < 1000 and error.value.exit_code == 2
    return str(error.value)


def test_a_good_template_speaks() -> None:
    made = wording()
    assert made.say("fact", key="amber-lantern", value="7") == "The lamp amber-lantern burns 7 hours."
    assert made.say("ask", keys=["a", "b"], sure=True) == "How long burn a, b? Be sure."
    assert made.cue("fact", key="x") == "The lamp x burns"
    assert made.frame(question="Q?", place="both", audience="chat") == ("Q?\n", "\n", "\nQ?")
    assert made.parts("fact") == [("The lamp ", ""), ("", "key"), (" burns ", ""), ("", "value"), (" hours.", "")]
    assert len(made.hash) == 16 and made.hash != wording(GOOD + " ").hash


@FEW
@given(KEYS, VALUES, st.text(" abc.,;0-9\n灯。", max_size=12), st.text(" abc.,;\n灯。", max_size=12))
def test_a_sentence_and_its_pattern_are_one(key: str, value: str, before: str, after: str) -> None:
    made = wording()
    said = made.say("fact", key=key, value=value)
    found = list(made.pattern("fact").finditer(f"{before} {said} {after}"))
    assert [(m["key"], m["value"], m.group()) for m in found] == [(key, value, said)]
    assert said.startswith(made.cue("fact", key=key))


def test_a_slot_never_crosses_a_space_or_a_mark() -> None:
    pattern = wording().pattern("fact")
    assert pattern.search("The lamp a-b-c burns 7 hours.")
    for said in (
        "The lamp a b burns 7 hours.",
        "The lamp a- burns 7 hours.",
        "The lamp a_b burns 7 hours.",
        "The lamp a burns 7, hours.",
    ):
        assert not pattern.search(said)


def test_a_slot_printed_twice_is_one_slot() -> None:
    made = wording(GOOD.replace("burns {{ value }}", "burns {{ value }}, yes {{ value }},"))
    said = made.say("fact", key="a", value="7")
    assert said == "The lamp a burns 7, yes 7, hours." and made.pattern("fact").fullmatch(said)
    assert not made.pattern("fact").search("The lamp a burns 7, yes 8, hours.")


@pytest.mark.parametrize(
    "name", [name for task in generators.names() for name in templates.names() if name.startswith(f"{task}.")]
)
def test_own_templates_hold_to_what_is_asked_of_others(name: str) -> None:
    task, _, lang = name.partition(".")
    made = Wording(templates.source(task, lang), lang, generators.get(task).blocks, name)
    assert len(made.pads) > 30 and len(set(made.pads)) == len(made.pads)
    assert all(pad == pad.strip() and pad for pad in made.pads)
    for block in made.blocks:
        made.pattern(block)


# ---- what is refused


@pytest.mark.parametrize(
    ("template", "says"),
    [
        (GOOD + "{% if %}", "does not parse: line 7"),
        (GOOD + "{{ unheard_of }}", "cannot be rendered.*unheard_of"),
        (GOOD + "{{ question.colour }}", "cannot be rendered"),
        (GOOD + "{{ ''.__class__ }}", "not allowed"),
        (GOOD + "{{ ''.__class__.__mro__[1].__subclasses__() }}", "not allowed"),
        (GOOD + "{{ fact.__globals__ }}", "not allowed|cannot be rendered"),
        (GOOD + "{{ self.__init__.__globals__ }}", "not allowed"),
        (GOOD + "{{ (1).__class__ }}", "not allowed"),
        (GOOD + "{{ '%c' % 57344 }}{{ [].append(1) }}", "not allowed"),
        (GOOD + "{% set _ = {}.update(a=1) %}", "not allowed"),
        (GOOD + "{{ 'a{0.__class__}'.format(1) }}", "not allowed"),
        (GOOD + "{% include '/etc/passwd' %}", "cannot be rendered"),
        (GOOD + "{% import 'os' as os %}", "cannot be rendered"),
        (GOOD + "{% extends 'x' %}", "cannot be rendered"),
        (GOOD + "{{ [1, 2] | random }}", "random"),
        (GOOD + "{{ lipsum() }}", "lipsum"),
        (GOOD + "{{ 1 / 0 }}", "cannot be rendered.*division"),
        (GOOD + "\ue000context\ue001", "private-use"),
        ("", "context"),
        ("{{ context }}{{ pad }}{{ question }}", "no macro 'ask'"),
        (MACROS + "{{ context }}{{ pad }}", "does not print {{ question }}"),
        (MACROS + "{{ context }}{{ question }}", "{{ pad }}"),
        (MACROS + "{{ pad }}{{ context }}{{ question }}", "{{ pad }} }} once after it|{{ pad }}"),
        (GOOD + "{{ context }}", "{{ context }} once"),
        (GOOD + "{{ pad }}", "{{ pad }}"),
        (GOOD + "{{ context | upper }}{{ context }}", "once"),
        (GOOD.replace("{{ context }}", "{{ context | upper }}"), "{{ context }}"),
        (GOOD.replace("{{ context }}", "{% if audience == 'chat' %}{{ context }}{% endif %}"), "base"),
        (GOOD.replace('{{ question if place != "after" }}', ""), "before"),
        (GOOD.replace("{{ value }}", "7"), "macro 'fact'.*value"),
        (GOOD.replace("{{ key }}", "{{ key | upper }}"), "macro 'fact'.*key"),
        (GOOD.replace('keys | join(", ")', "keys | length"), "macro 'ask'.*keys"),
        (GOOD.replace("fact(key, value)", "fact(name, value)"), "key"),
        (GOOD.replace("{% macro nothing() %}no hours{% endmacro %}", "{% set nothing = 5 %}"), "cannot be rendered"),
    ],
)
def test_a_faulty_template_is_refused_by_name(template: str, says: str) -> None:
    refused(template, says)


@pytest.mark.parametrize(
    ("fact", "why"),
    [
        ("{{ key }}{{ value }}", "runs together"),
        ("lamp {{ key }}-{{ value }}", "runs together by a hyphen"),
        ("{{ key }} burns {% if value | length > 7 %}{{ value }}{% endif %}", "hidden by length"),
        ("{{ key }} burns {{ value | replace('7', 'seven') }}", "altered where there is a 7"),
        ("{{ key }} burns {% if value == '6841' %}not {% endif %}{{ value }}", "other words for one value"),
        ("{{ key | truncate(9, true, '') }} burns {{ value }}", "cut"),
        ("{{ key }} burns {{ value }} {{ loop }}", "a name from elsewhere"),
    ],
)
def test_a_macro_that_bends_its_slots_is_refused(fact: str, why: str) -> None:
    with pytest.raises(LcgenError, match="macro 'fact'|cannot be rendered"):
        wording(re.sub(r"The lamp .* hours\.", lambda _: fact, GOOD))


@pytest.mark.parametrize(
    "bomb",
    [
        "{% for i in range(1000000000) %}x{% endfor %}",
        "{% for i in range(99999) %}{% for j in range(99999) %}{% endfor %}{% endfor %}",
        "{% macro deep(n) %}{{ deep(n) }}{{ deep(n) }}{% endmacro %}{{ deep(1) }}",
        "{{ 'x' * 99999999999 }}",
        "{{ [0] * 99999999999 }}",
        "{{ 9 ** 9 ** 9 }}",
    ],
)
@pytest.mark.parametrize("place", ["body", "macro"])
def test_what_would_not_end_is_stopped(bomb: str, place: str) -> None:
    template = GOOD + bomb if place == "body" else GOOD.replace("no hours", f"no hours{bomb}")
    began = time.process_time()
    with pytest.raises(LcgenError, match="cannot be rendered|not allowed"):
        wording(template)
    assert time.process_time() - began < 10


def test_a_loop_that_turns_up_only_in_the_question_is_stopped() -> None:
    made = wording(
        GOOD.replace(
            "{% if sure %}", "{% if sure %}{% for i in range(99999) %}{% for j in range(99999) %}{% endfor %}{% endfor %}"
        )
    )
    with pytest.raises(LcgenError, match="does not come to an end"):
        made.say("ask", keys=["a"], sure=True)
    assert made.say("ask", keys=["a"], sure=False) == "How long burn a?"


@FEW
@given(st.text("{}%#- \n\"'()|.,abceiknoqrstuvxy_01\ue000", max_size=60))
def test_any_text_is_a_template_or_refused(text: str) -> None:
    for template in (text, GOOD + text, MACROS.replace("burns", text) + BODY):
        try:
            made = wording(template)
        except LcgenError:
            continue
        said = made.say("fact", key="a-b", value="77")
        assert "a-b" in said and "77" in said and made.pattern("fact").fullmatch(said)


def test_line_ends_and_marks_of_other_systems_change_nothing() -> None:
    assert wording(GOOD.replace("\n", "\r\n")).say("fact", key="a", value="1") == wording().say("fact", key="a", value="1")
