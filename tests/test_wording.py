"""Templates: what they must print, what they may not do, and that a sentence and its pattern are one."""

from __future__ import annotations

import re
import time
import tracemalloc
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from pathlib import Path

import jinja2
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import lcgen
from lcgen import generators, templates, wrapper
from lcgen.errors import LcgenError
from lcgen.sandbox import Sandbox
from lcgen.slots import CONTEXT, MARK, PAD
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


HEEDING = {
    "as it is": "{{ question }}",
    "twice": "{{ question }} {{ question }}",
    "joined": "{{ question ~ '' }}",
    "in a filter": "{{ question }}{{ question | upper }}",
    "in a filter block": "{% filter upper %}{{ question }}{% endfilter %}{{ question }}",
    "in a test": "{% if question is string and question | length > 12 %}Long: {% endif %}{{ question }}",
    "in a condition": "{% if extra | default('') %}a {{ question }}{% elif place %}b {{ question }}{% else %}{{ question }}{% endif %}",
    "in a macro": "{% macro said() %}{{ question | upper }}{% endmacro %}{{ question }}{{ said() }}",
    "in a set block": "{% set said %}{{ question }}{% endset %}{{ said | upper }}{{ question }}",
    "in a namespace": "{% set ns = namespace(a='') %}{% set ns.a = question %}{{ ns.a | upper }}{{ question }}",
    "in a call": "{% macro said() %}{{ caller() | upper }}{% endmacro %}{% call said() %}{{ question }}{% endcall %}{{ question }}",
    "in a block": "{{ question }}{% block said %}{{ question }}{% endblock %}{{ self.said() | upper }}",
    "in a loop": "{% for n in range(3) %}{{ question }}{% endfor %}",
    "in a loop of loops": "{% for n in [[[]]] recursive %}{{ question }}{{ loop(n) | upper }}{% endfor %}",
    "where it changes": "{% for n in range(3) %}{% if loop.changed(question) %}{{ question }}{% endif %}{% endfor %}",
    "a variable of a loop": "{{ question }}{% for question in 'ab' %}{{ question }}{% endfor %}",
    "set anew": "{{ question }}{% set question = 'Who?' %}{{ question }}",
    "set within": "{{ question }}{% with question = 'Who?' %}{{ question }}{% endwith %}",
    "a name of a macro": "{{ question }}{% macro question() %}{% endmacro %}{{ question() }}",
    "without space": "  {{- question -}}  \n .",
    "escaped": "{% autoescape true %}{{ question }}{% endautoescape %}",
    "beside its own mark": "{{ question }}{{ '\\ue000question\\ue001' }}",
    "beside a mark that is made": "{{ question }}{{ '%cquestion%c' % (57344, 57345) }}",
    "a thousand times": "{% for n in range(1000) %}{{ question }}{% endfor %}",
    "a hundred times": "{{ question }}" * 100,
}
"""Bodies that heed the words of a question, or only seem to."""


@cache
def heeding(how: str) -> Wording:
    return Wording(f"{HEEDING[how]}\n{{{{ context }}}}\n{{{{ pad }}}}\n{{{{ extra | default('') }}}}", "en", {}, ours=True)


@pytest.mark.parametrize("how", HEEDING)
@FEW
@given(
    question=st.text("aZ ?{}%<\n\ufeff灯\ue000\ue001", max_size=20)
    | st.sampled_from([*map(MARK.format, ("context", "pad", "question")), "x" * 900, "x" * 9990, "x" * 10100]),
    extra=st.sampled_from(["", "no", "{{ question }}"]),
)
def test_a_frame_is_what_rendering_it_gives(how: str, question: str, extra: str) -> None:
    made = heeding(how)
    slots = {"question": question, "place": "after", "audience": "chat", "extra": extra}
    try:
        whole = made.rendered(slots)
        wrong = made.demands(whole, slots)
    except LcgenError as error:
        whole, wrong = "", [str(error)]
    if wrong:
        with pytest.raises(LcgenError) as raised:
            made.frame(**slots)
        assert wrong[0] in str(raised.value)
    else:
        before, between, after = made.frame(**slots)
        assert f"{before}{CONTEXT}{between}{PAD}{after}" == whole == made.rendered(slots)


def test_frames_of_many_slots_are_kept_apart() -> None:
    made = Wording("{{ context }}{{ pad }}{{ question }}{{ extra | default('') }}", "en", {})
    for extra in [*range(200), True, "True", 1.0, None, [1], (1,)]:
        for question in ("Who?", "Where?"):
            *_, after = made.frame(question=question, place="after", audience="chat", extra=extra)
            assert after == f"{question}{extra}"


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
    made = Wording(templates.source(task, lang), lang, generators.get(task).blocks, name, generators.get(task).axis)
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


HUGE = "{% set x = 'ab' * 400000 %}{% set ns = namespace(s='ab', l=[1]) %}"
LOOP = "{% for i in range(9999) %}"
BOMBS = {
    "product": "{{ 'x' * 1000000000 }}",
    "product of a list": "{{ [0] * 1000000000 }}",
    "list of one text": "{% set l = [x] * 1000 %}{{ l }}",
    "range": "{{ range(1000000000) | list }}",
    "center": "{{ 'x' | center(1000000000) }}",
    "center of a method": "{{ 'x'.center(1000000000) }}",
    "center of a name": "{{ ('x' | attr('center'))(1000000000) }}",
    "center of many": "{{ ['x'] | map('center', 1000000000) | list }}",
    "center of a block": "{% filter center(1000000000) %}x{% endfilter %}",
    "ljust": "{{ 'x'.ljust(1000000000) }}",
    "zfill": "{{ 'x'.zfill(1000000000) }}",
    "expandtabs": "{{ '\t'.expandtabs(1000000000) }}",
    "encode": "{{ 'x'.encode().center(1000000000) }}",
    "to_bytes": "{{ (5).to_bytes(1000000000, 'big') }}",
    "translate": "{{ x.translate({97: x}) }}",
    "replace": "{{ ('a' * 9999) | replace('a', 'b' * 9999) }}",
    "replace of a method": "{{ ('a' * 9999).replace('', 'b' * 9999) }}",
    "join": "{{ range(9999) | join('b' * 9999) }}",
    "join by name": "{{ range(9999) | join(d='b' * 9999) }}",
    "join of a method": "{{ ('b' * 9999).join('a' * 9999) }}",
    "indent": "{{ 'a\nb' | indent(1000000000) }}",
    "indent by text": "{{ ('a\u2028' * 999) | indent('b' * 99999) }}",
    "wordwrap": "{{ ('a ' * 9999) | wordwrap(1, wrapstring='b' * 9999) }}",
    "batch": "{{ [1] | batch(1000000000, 'x') | list }}",
    "slice": "{{ [1] | slice(1000000000) | list }}",
    "round": "{{ 1.5 | round(1000000000, 'ceil') }}",
    "sum": "{{ ([range(9999) | list] * 999) | select | sum(start=[]) | length }}",
    "percent": "{{ '%1000000000d' % 1 }}",
    "percent with a star": "{{ '%*d' % (1000000000, 1) }}",
    "percent with digits": "{{ '%.1000000000f' % 1.0 }}",
    "percent with a bracket": "{{ '%((a))1000000000d' % {'(a)': 1} }}",
    "percent again and again": "{{ ('%(a)s' * 9999) % {'a': 'b' * 9999} }}",
    "format filter": "{{ '%1000000000d' | format(1) }}",
    "format": "{{ '{:1000000000}'.format(1) }}",
    "format in format": "{{ '{:{w}}'.format(1, w=1000000000) }}",
    "format again and again": "{{ ('{0}' * 999).format('b' * 99999) }}",
    "format of a list": "{{ '{0!r}'.format([x] * 999) }}",
    "tojson": "{{ [[1]] | tojson(indent=1000000000) }}",
    "tojson of one text": "{{ ([x] * 999) | tojson }}",
    "doubling by ~": "{% for i in range(64) %}{% set ns.s = ns.s ~ ns.s %}{% endfor %}",
    "doubling by +": "{% for i in range(64) %}{% set ns.s = ns.s + ns.s %}{% endfor %}",
    "doubling a list": "{% for i in range(64) %}{% set ns.l = ns.l + ns.l %}{% endfor %}",
    "doubling a nest": "{% for i in range(64) %}{% set ns.l = [ns.l, ns.l] %}{% endfor %}{{ ns.l }}",
    "doubling a block": "{% for i in range(64) %}{% set ns.s %}{{ ns.s }}{{ ns.s }}{% endset %}{% endfor %}",
    "doubling a macro": "{% macro m(s) %}{{ s }}{{ s }}{% endmacro %}{% for i in range(64) %}{% set ns.s = m(ns.s) %}{% endfor %}",
    "doubling a number": "{% set ns.n = 9 %}{% for i in range(64) %}{% set ns.n = ns.n * ns.n %}{% endfor %}",
    "many sums": LOOP + "{% set ns.l = [ns.l, x ~ i] %}{% endfor %}",
    "many slices": LOOP + "{% set ns.l = [ns.l, x[1:]] %}{% endfor %}",
    "many capitals": LOOP + "{% set ns.l = [ns.l, x.upper()] %}{% endfor %}",
    "many dicts": "{% set d = dict(range(9998) | map('string') | batch(2)) %}" + LOOP + "{% set ns.l = [ns.l, namespace(d)] %}{% endfor %}",
    "many prints": LOOP + "{{ x }}{% endfor %}",
    "many prints of a list": "{% set l = [x] %}{% set y %}" + LOOP + "{{ l }}{% endfor %}{% endset %}",
    "constants": "{% set l = [" + "'x' | center(999999), " * 3000 + "] %}",
    "long search": "{% set y = 'a' * 450000 ~ 'b' %}" + LOOP + "{{ y in 'a' * 900000 }}{% endfor %}",
    "long strip": "{{ x.strip('c' * 500000 ~ 'ab') }}",
}  # fmt: skip


@pytest.mark.parametrize("name", BOMBS)
def test_what_would_fill_the_memory_is_stopped_in_any_thread(name: str) -> None:
    """Both kinds of template stop at the same size; no limit of the process is involved."""

    def prompt() -> None:
        refused(GOOD + HUGE + BOMBS[name], "builds|not allowed|not come to an end|cannot be rendered")

    def chat() -> None:
        with pytest.raises(LcgenError, match="chat.jinja.*(build|format|access|Range too big|come to an end)"):
            wrapper._split("chat.jinja", "{{ messages[0].content }}" + HUGE + BOMBS[name], {})

    tracemalloc.start()
    began = time.process_time()
    try:
        with ThreadPoolExecutor(1) as thread:
            thread.submit(prompt).result()
            thread.submit(chat).result()
        assert tracemalloc.get_traced_memory()[1] < 64 << 20
    finally:
        tracemalloc.stop()
    # Far more than any takes while memory is traced, and far less than what does not end.
    assert time.process_time() - began < 60


def test_lines_are_counted_for_templates_from_outside_alone(tmp_path: Path) -> None:
    """Our own ones end; their sizes are held to all the same."""
    loops = "{% for i in range(2000) %}{% for j in range(1000) %}{% endfor %}{% endfor %}"
    refused(GOOD + loops, "come to an end")
    assert Wording(GOOD + loops, "en", BLOCKS, ours=True).say("nothing") == "no hours"
    with pytest.raises(LcgenError, match="builds too much"):
        Wording(GOOD + BOMBS["product"], "en", BLOCKS, ours=True)
    mine = tmp_path / "mine.j2"
    mine.write_text(templates.source("needle", "en") + loops, encoding="utf-8")
    with pytest.raises(LcgenError, match="come to an end"):
        next(lcgen.generate("needle", lengths="1k", template=mine))


def test_the_limits_of_one_thread_are_not_spent_by_another() -> None:
    template = GOOD.replace("no hours", "{{ 'x' * 400000 }}")

    def speak(_: int) -> int:
        return len(wording(template).say("nothing")) + len(wording(template).say("nothing"))

    with ThreadPoolExecutor(4) as threads:
        assert set(threads.map(speak, range(16))) == {800_000}


@pytest.mark.parametrize(
    "expression",
    [
        "'a' ~ 1 ~ [2] ~ none", "'abcdef'[1:-1]", "'abc'[::-1]", "[1, 2, 3][:2]", "'b' in 'abc'", "1 < 2 <= 2 != 3", "x == 'x y'",
        "'%05.1f|%s|%(a)s' if false else '%05.1f|%s' % (2.25, x)", "'%(a)s' | format(a=1)", "'{0} {n:>4} {0[1]}'.format('ab', 2, n=3)",
        "x.split()[-1].upper().center(9).strip('Y ')", "x | replace('x', 'zz') | trim | indent(2, true)", "d.items() | list", "d | dictsort",
        "l | map('string') | join(', ')", "l | map('float') | sum", "l | select('odd') | list", "l | batch(2) | list",
        "l | sort(reverse=true) | first", "m | selectattr('role', 'equalto', 'user') | map(attribute='content') | list",
        "m | groupby('role') | length", "(l | length) * 'ab' + 'c'", "7 // 2 % 2", "-2.5 | round | int", "l | reverse | list", "x | wordwrap(1)",
        "x is string and l is iterable and y is not defined", "d.get('k', 3) ~ d.k", "l | unique | join", "('<b>' | e) ~ '&'", "x | title | tojson",
        "range(3) | list", "'a,b'.partition(',')", "l | slice(2) | list", "l[0] is divisibleby 1", "x | truncate(2, true, '')", "5 | trim", "'' | trim('x')", "[[1, [2]], {'a': 'b'}]",
    ],
)  # fmt: skip
def test_what_templates_do_is_what_jinja_does(expression: str) -> None:
    given = {"x": "x y", "l": [1, 2, 3], "d": {"k": 1}, "m": [{"role": "user", "content": "c"}, {"role": "tool", "content": "t"}]}
    text = "{{ " + expression + " }}"
    assert Sandbox().from_string(text).render(given) == jinja2.Environment().from_string(text).render(given)


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
    # Far more than any takes while memory is traced, and far less than what does not end.
    assert time.process_time() - began < 60


def test_a_loop_that_turns_up_only_in_the_question_is_stopped() -> None:
    made = wording(
        GOOD.replace("{% macro nothing() %}no hours{% endmacro %}", "").replace(
            "{% if sure %}", "{% if sure %}{% for i in range(99999) %}{% for j in range(99999) %}{% endfor %}{% endfor %}"
        )
    )
    with pytest.raises(LcgenError, match="does not come to an end"):
        made.say("ask", keys=["a"], sure=True)
    assert made.say("ask", keys=["a"], sure=False) == "How long burn a?"


NEEDLE = generators.get("needle").blocks


def needle(lang: str = "en", **macros: str) -> Wording:
    """Our own template with some macros in other words; None leaves a macro out."""
    template = templates.source("needle", lang)
    for block, text in macros.items():
        slots = ", ".join(slot.rstrip("*?") for slot in NEEDLE[block])
        before, macro, rest = template.partition(f"{{%- macro {block}(")
        after = rest.partition("{%- endmacro -%}")[2]
        assert macro and after
        template = before + (f"{macro}{slots}) -%}}{text}{{%- endmacro -%}}" if text else "") + after
    return Wording(template, lang, NEEDLE, "mine.j2")


@pytest.mark.parametrize(
    ("lang", "macros", "says"),
    [
        ("en", {"correction": "Correction: a registry entry. A registry entry for {{ key }} is {{ value }}."}, "'needle' and 'correction'"),
        ("en", {"needle": "The entry for {{ key }} is {{ value }}.", "correction": "No: The entry for {{ key }} is {{ value }}."}, "cannot be told apart"),
        ("en", {"needle": "{{ key }} is {{ value }}."}, "'needle' and 'correction'.*'stands is 7.' reads like one of 'needle'"),
        ("en", {"neighbour": "A registry entry for {{ key }} is {{ value }}, next door."}, None),
        ("en", {"neighbour": "A registry entry for {{ key }} is {{ value }}. Next door."}, "'needle' and 'neighbour'"),
        ("en", {"correction": "{{ key }}: {{ value }}.", "needle": "Entry {{ key }}: {{ value }}."}, "'correction' and 'needle'"),
        ("en", {"passkey": "A registry entry for all is {{ value }}."}, "'needle' and 'passkey'.*mine.j2"),
        ("zh", {"correction": "更正：登记簿载明，「{{ key }}」的登记项是{{ value }}。"}, "'needle' and 'correction'"),
        ("zh", {"needle": "「{{ key }}」的登记项是{{ value }}"}, "'needle'.*runs together"),
        ("zh", {"needle": "{{ key }}的登记项：{{ value }}。"}, "runs together|told apart|must print"),
        ("en", {"needle": "Registry: {{ key }} is {{ value }}"}, None),
        ("en", {"needle": "{{ key }} holds {{ value }}"}, None),
    ],
)  # fmt: skip
def test_macros_that_are_read_as_each_other_are_refused(lang: str, macros: dict[str, str], says: str | None) -> None:
    if says is None:
        assert needle(lang, **macros).say("needle", key="a", value="1")
        return
    with pytest.raises(LcgenError, match=says) as error:
        needle(lang, **macros)
    assert len(str(error.value)) < 900


def test_macros_that_are_not_there_clash_with_nothing() -> None:
    clash = {"correction": "Correction. A registry entry for {{ key }} is {{ value }}."}
    with pytest.raises(LcgenError, match="told apart"):
        needle(**clash)
    assert needle(**clash, needle="").say("correction", key="a", value="1")


DEAF = 'Which entries of {{ keys | join(", ") }}?'


def test_a_flag_that_changes_nothing_is_refused() -> None:
    """At load where the template serves all puzzles; where it does not, as soon as the flag is up."""
    with pytest.raises(LcgenError, match="'ask' of template mine.j2 says the same whether 'doubtful' is true or not"):
        needle(ask=DEAF)
    made = needle(ask=DEAF, no_answer="")
    assert made.say("ask", keys=["a"], doubtful=False) == "Which entries of a?"
    with pytest.raises(LcgenError, match="says the same whether 'doubtful'"):
        made.say("ask", keys=["a"], doubtful=True)


@pytest.mark.parametrize(
    ("body", "fences"),
    [
        ("<text>\n{{ context }}\n</text>\n{{ pad }}{{ question }}", {"<text>", "</text>"}),
        ("Read.\n\n```\n\n{{ context }}\n\n```\n{{ pad }}{{ question }}", {"```"}),
        ("[DOCUMENT]{{ context }}[/DOCUMENT]\n{{ pad }}{{ question }}", set()),
        ("{{ context }}\n{{ pad }}{{ question }}", set()),
        ("{{ question }}\n{{ context }}\n--\n{{ pad }}", set()),
        ("{{ 'DOCUMENT' if audience == 'base' else 'TEXT:' }}\n{{ context }}\n{{ pad }}{{ question }}", {"DOCUMENT", "TEXT:"}),
    ],
)  # fmt: skip
def test_lines_next_to_the_context_are_its_fences(body: str, fences: set[str]) -> None:
    assert wording(MACROS.rstrip() + body).fences == fences


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
