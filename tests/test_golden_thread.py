"""Documents through which events run: rows, what corruptions move and by how much, rules of reading, and what is refused."""

from __future__ import annotations

import json
import re
import time
from collections import Counter
from collections.abc import Callable
from functools import cache
from itertools import combinations
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import lcgen
from lcgen import documents, generators, grading, languages, templates, tokens
from lcgen.errors import LcgenError
from lcgen.grading import denial, document
from lcgen.names import given as given_names
from lcgen.names import surnames
from tests.runs import done, refused

FEW = settings(max_examples=12, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
TASK = generators.get("golden_thread")
SCENARIOS = ["diary", "menu", "floors", "blocks"]
every_scenario = pytest.mark.parametrize("scenario", SCENARIOS)
every_language = pytest.mark.parametrize("lang", ["en", "zh"])


@cache
def made(**options: Any) -> list[dict[str, Any]]:
    params = dict(options.pop("params", ()))
    return list(lcgen.generate("golden_thread", params=params, verify="full", **{"samples": 1, **options}))


def row_of(scenario: str = "floors", lang: str = "en", **params: Any) -> dict[str, Any]:
    return made(lengths="6k", lang=lang, params=(("scenario", scenario), *params.items()))[0]


def entries(row: dict[str, Any]) -> dict[int, str]:
    """Bodies by number, cut by hand."""
    before, behind = row["metadata"]["header"]
    found = re.findall(rf"{re.escape(before)}(\d+){re.escape(behind)}\n(.*?)(?=\n\n)", row["reference_output"], re.S)
    return {int(number): body for number, body in found}


def written(row: dict[str, Any], bodies: list[tuple[int, str]], finish: bool = True) -> str:
    before, behind = row["metadata"]["header"]
    parts = [f"{before}{number}{behind}\n{body}" for number, body in bodies]
    return "\n\n".join([*parts, *([row["metadata"]["finish"]] if finish else [])])


def pairs(row: dict[str, Any], kind: str | None = None) -> list[tuple[int, str, str]]:
    return [
        (entry, event["key"], event["event"])
        for event in row["metadata"]["events"]
        if kind in (None, event["kind"])
        for entry in event["entries"]
    ]


def moved(row: dict[str, Any], reply: str) -> dict[str, float]:
    """The metrics that differ from those of the reference."""
    right, found = TASK.score(row["reference_output"], row), TASK.score(reply, row)
    return {name: value for name, value in found.items() if value != pytest.approx(right.get(name)) and name != "length_score"}


# --- words --------------------------------------------------------------------------------------------------------------


def distance(one: str, other: str) -> int:
    row = list(range(len(other) + 1))
    for i, letter in enumerate(one, 1):
        before, row[0] = row[:], i
        for j, beside in enumerate(other, 1):
            row[j] = min(before[j] + 1, row[j - 1] + 1, before[j - 1] + (letter != beside))
    return row[-1]


@every_language
def test_coined_names_are_like_nothing_else(lang: str) -> None:
    coined = documents.coined(lang)
    assert len({*coined}) == len(coined) == 320
    least, size = (3, 6) if lang == "en" else (2, 3)
    assert all(len(name) >= size for name in coined)
    assert all(abs(len(a) - len(b)) >= least or distance(a.lower(), b.lower()) >= least for a, b in combinations(coined, 2))
    assert not any(a.lower() in b.lower() or b.lower() in a.lower() for a, b in combinations(coined, 2))
    folder = Path(str(languages.folder(lang)))
    text = "\n".join(file.read_text("utf-8") for file in folder.rglob("*.txt") if file.name != "coined.txt")
    text += templates.source("golden_thread", lang) + "\n".join([*given_names(lang), *surnames(lang)])
    held = [name for name in coined if name.lower() in text.lower()]
    assert not held
    assert not any(
        name.lower() in grading.judge_prompt(document.Check(1, "once", "x", "x"), lang=lang, examples=True).lower()
        for name in coined
    )


@every_language
@every_scenario
def test_filler_sentences_are_distinct_and_need_no_other(scenario: str, lang: str) -> None:
    import numpy as np

    from lcgen.streams import Stream

    words = documents.load(scenario, lang)
    filler = documents.Sentences(words, Stream("x"))
    said = filler.text(np.arange(20_000))
    assert len({*said}) == len(said) and filler.limit and filler.limit >= 20_000
    assert all(sentence[0] == sentence[0].upper() and "{" not in sentence for sentence in said)
    assert filler.text(np.array([700, 3])) == [said[700], said[3]]
    # No word of an event stands in the filler, so that an entry without it says nothing of the kind.
    things = {thing for kind in words.things.values() for thing in kind}
    assert not any(thing in sentence for sentence in said[:3000] for thing in things)
    assert all(frame.count("{event}") == 1 for frame in words.told)


# --- rows ---------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("vocabulary", ["o200k_base", "llama3", "qwen3", "mistral_v1"])
@every_language
@FEW
@given(length=st.integers(2048, 12_000), scenario=st.sampled_from(SCENARIOS), once=st.integers(0, 6))
def test_documents_have_the_asked_tokens_and_comply(vocabulary: str, lang: str, length: int, scenario: str, once: int) -> None:
    try:
        (row,) = made(lengths=length, lang=lang, tokenizer=vocabulary, params=(("scenario", scenario), ("once", once)))
    except LcgenError as error:
        # A vocabulary that cuts Chinese into bytes needs more for each entry.
        assert vocabulary == "mistral_v1" and "too short for this puzzle" in str(error)
        return
    asked = row["metadata"]
    assert row["output_tokens"] == tokens.load(vocabulary).count(row["reference_output"]) == length
    bodies = entries(row)
    assert [*bodies] == [*range(1, asked["entries"] + 1)]
    counts = [grading.words(body) for body in bodies.values()]
    assert asked["words"] <= min(counts) and min(counts) - asked["words"] < 5
    # Dealt evenly: but for those that events make longer, entries differ by a sentence or so.
    told = {entry for entry, _, _ in pairs(row)}
    plain = [count for number, count in zip(bodies, counts) if number not in told]
    assert max(plain) - min(plain) <= 60
    wanted = {(entry, key) for entry, key, _ in pairs(row)}
    assert {(number, key) for number, body in bodies.items() for _, key, _ in pairs(row) if key in body} == wanted
    assert len({entry for entry, _, _ in pairs(row)}) == len(pairs(row)) == len(row["outputs"]) and 1 not in told
    assert all(key not in row["input"] or row["input"].count(key) == 1 for _, key, _ in pairs(row))
    found = TASK.score(row["reference_output"], row)
    assert all(
        found[name] == 1
        for name in ("score", "cr_valid", "stic_1", "stic_2", "wavg", "event_f1", "order", "finished", "marked", "length_score")
    )
    assert found["leak"] == found["duplicate_rate"] == found["extra_rate"] == 0 and 1 <= found["length_ratio"] < 2


@pytest.mark.parametrize(("length", "count"), [("2k", 20), ("16k", 163), ("256k", 1000)])
def test_entries_follow_the_length(length: str, count: int) -> None:
    (row,) = made(lengths=length)
    assert (
        row["metadata"]["entries"] == count
        and row["output_tokens"] == row["target"]
        and row["max_new_tokens"] == -(-row["target"] * 5 // 4)
    )


@pytest.mark.parametrize("preset", ["16k", "32k", "faithful_16k", "faithful_32k"])
def test_presets_have_the_sizes_of_the_paper(preset: str) -> None:
    rows = made(preset=preset, samples=12)
    sizes = {row["metadata"]["scenario"]: row["metadata"]["entries"] for row in rows}
    long = preset.endswith("32k")
    assert sizes == (
        {"diary": 365, "menu": 365, "floors": 300, "blocks": 361}
        if long
        else {"diary": 52, "menu": 52, "floors": 100, "blocks": 100}
    )
    shared = 0
    for row in rows:
        budget = row["max_new_tokens"]
        assert budget == (32_000 if long else 16_000) and row["output_tokens"] == row["target"] <= 0.9 * budget
        checks = [entry for entry, _, _ in pairs(row)]
        shared += len(checks) - len({*checks})
        if not preset.startswith("faithful") and row["metadata"]["scenario"] in ("floors", "blocks"):
            assert len({*checks}) == len(checks)
        assert preset.startswith("faithful") or (row["metadata"]["outside"] == 0 and 1 not in checks)
        assert TASK.score(row["reference_output"], row)["score"] == 1
    assert shared > 0, "a week or a menu may hold two things"


def test_rules_of_a_city_name_blocks_by_number_and_place() -> None:
    for row in made(lengths="8k", samples=6, params=(("scenario", "blocks"),)):
        side = int(row["metadata"]["entries"] ** 0.5)
        assert f"is number y * {side} + x + 1" in row["input"]
        named = re.findall(r"Block (\d+) \(column (\d+), row (\d+)\)", row["question"])
        assert named and all(int(y) * side + int(x) + 1 == int(number) for number, x, y in named)
    # 10 x 10, (4, 9) is 95; 19 x 19, (0, 1) is 20.
    assert (9 * 10 + 4 + 1, 1 * 19 + 0 + 1) == (95, 20)


def test_a_row_for_a_base_model_has_a_prefix_and_a_stop() -> None:
    (row,) = made(lengths="2k", audience="base")
    assert row["gen_prefix"] == " #*# Week 1:" and row["stop"] == ["*** finished"] and row["input"].endswith("*** started ***")
    reply = row["reference_output"].removeprefix("#*# Week 1:").partition("*** finished")[0]
    assert TASK.score(reply, row)["score"] == 1 and TASK.score(row["reference_output"], row)["score"] == 1
    assert TASK.score("", row)["score"] == 0 and TASK.score("", row)["cr"] == 0


# --- corruptions: each moves what it should, by as much as it should -------------------------------------------------------


@every_language
@every_scenario
@pytest.mark.parametrize("every", [2, 3])
def test_every_pth_mention_dropped(every: int, scenario: str, lang: str) -> None:
    row = row_of(scenario, lang)
    bodies, wanted = entries(row), pairs(row)
    dropped = [pair for place, pair in enumerate(wanted) if place % every == 0]
    for entry, key, name in dropped:
        bodies[entry] = (
            bodies[entry].replace(name if lang == "zh" else f"the {name}", "这个" if lang == "zh" else "it").replace(key, "")
        )
    got = moved(row, written(row, [*bodies.items()]))
    left = 1 - len(dropped) / len(wanted)
    assert got["stic_1"] == got["stic_2"] == got["stic_2_named"] == got["wavg"] == pytest.approx(left)
    assert got["event_f1"] == pytest.approx(2 * left / (1 + left))
    for kind in ("once", "range", "periodic"):
        own = [pair for pair in wanted if pair in pairs(row, kind)]
        gone = sum(pair in dropped for pair in own)
        recall = 1 - gone / len(own)
        if gone:
            assert got[f"stic_2_{kind}"] == pytest.approx(recall) and got[f"event_f1_{kind}"] == pytest.approx(
                2 * recall / (1 + recall)
            )
    assert {name for name in got if not name.startswith(("stic", "event_f1", "decile"))} <= {
        "score",
        "wavg",
        "length_ratio",
        "asked",
    }
    assert not {"cr", "cr_valid", "leak", "order"} & {*got}


@every_language
@every_scenario
def test_everything_marked_everywhere(scenario: str, lang: str) -> None:
    row = row_of(scenario, lang)
    asked = row["metadata"]
    names = " ".join(event["event"] for event in asked["events"])
    bodies = [(number, f"{body} {names}") for number, body in entries(row).items()]
    got = moved(row, written(row, bodies))
    count, leaks, hits = asked["entries"], 0, len(pairs(row))
    f1 = []
    for kind in ("once", "range", "periodic"):
        own = leaked = 0
        for event in asked["events"]:
            if event["kind"] == kind:
                near = {entry + shift for entry in event["entries"] for shift in range(-asked["window"], asked["window"] + 1)}
                own += len(event["entries"])
                leaked += sum(number not in near for number in range(1, count + 1))
        leaks += leaked
        f1.append(2 * own / (2 * own + leaked))
        assert got[f"event_f1_{kind}"] == pytest.approx(f1[-1])
    assert got["leak"] == pytest.approx(leaks / (leaks + hits)) and got["event_f1"] == pytest.approx(
        2 * hits / (2 * hits + leaks)
    )
    assert got["score"] == pytest.approx(sum(f1) / 3) and got["score"] < 0.6
    assert {*got} <= {"score", "leak", "event_f1", "event_f1_once", "event_f1_range", "event_f1_periodic", "length_ratio"}, (
        "recall stays"
    )


@every_scenario
@pytest.mark.parametrize("share", [0.25, 0.5, 0.8])
def test_truncated_after_a_share_of_the_entries(share: float, scenario: str) -> None:
    row = row_of(scenario)
    bodies, count = entries(row), row["metadata"]["entries"]
    kept = round(share * count)
    got = moved(row, written(row, [*bodies.items()][:kept], finish=False))
    held = sum(entry <= kept for entry, _, _ in pairs(row)) / len(pairs(row))
    assert got["cr"] == got["cr_valid"] == pytest.approx(kept / count)
    assert got["stic_2"] == got["asked"] == pytest.approx(held) and "stic_1" not in got
    assert got["wavg"] == pytest.approx(kept / count * held) and got["finished"] == 0
    assert not {"order", "leak", "duplicate_rate"} & {*got}


@every_scenario
def test_numbers_of_two_entries_swapped(scenario: str) -> None:
    row = row_of(scenario)
    bodies = [*entries(row).items()]
    told = Counter(entry for entry, _, _ in pairs(row))
    # An entry that tells one event, and one far behind it that tells none, neither of them the first or the last.
    one, other = next(
        (entry, free)
        for entry in sorted(told)
        for free in range(entry + 3, len(bodies))
        if entry > 1 and told[entry] == 1 and free not in told
    )
    swapped = [({one: other, other: one}.get(number, number), body) for number, body in bodies]
    got = moved(row, written(row, swapped))
    missed = 1 / len(pairs(row))
    assert got["stic_1"] == got["stic_2"] == pytest.approx(1 - missed)
    assert got["leak"] == pytest.approx(missed) and got["event_f1"] == pytest.approx(1 - missed)
    # Two of the neighbours fall.
    assert got["order"] == pytest.approx(1 - 2 / (len(bodies) - 1))
    assert not {"cr", "cr_valid", "duplicate_rate"} & {*got}


@every_language
@every_scenario
@pytest.mark.parametrize("count", [1, 4])
def test_entries_repeated_under_other_numbers(count: int, scenario: str, lang: str) -> None:
    row = row_of(scenario, lang)
    bodies = entries(row)
    told = {entry for entry, _, _ in pairs(row)}
    source, *rest = [number for number in bodies if number not in told]
    for number in rest[:count]:
        bodies[number] = bodies[source]
    got = moved(row, written(row, [*bodies.items()]))
    assert got["cr_valid"] == got["score"] == pytest.approx(1 - count / len(bodies))
    assert {*got} <= {"cr_valid", "score", "length_ratio"}


@every_scenario
def test_entries_written_twice_with_their_numbers(scenario: str) -> None:
    row = row_of(scenario)
    bodies = [*entries(row).items()]
    got = moved(row, written(row, [*bodies, *bodies[:5]]))
    assert got == pytest.approx({"duplicate_rate": 5 / len(bodies)})
    more = [(len(bodies) + 7, "Something else."), (0, "And this.")]
    assert moved(row, written(row, [*bodies, *more])) == pytest.approx({"extra_rate": 2 / len(bodies)})


def test_entries_too_short_or_of_few_words_are_not_valid() -> None:
    row = row_of("diary")
    bodies, least = entries(row), row["metadata"]["words"]
    told = {entry for entry, _, _ in pairs(row)}
    plain = [number for number in bodies if number not in told]
    for number, body in zip(
        plain, (" ".join(["nothing"] * least), "word " * least, " ".join(bodies[plain[2]].split()[: least // 2]))
    ):
        changed = {**bodies, number: body}
        got = moved(row, written(row, [*changed.items()]))
        assert got["cr_valid"] == pytest.approx(1 - 1 / len(bodies)) and "cr" not in got


def test_published_figures_follow_from_counts() -> None:
    """52 entries, 50 there, 17 checks, 15 of them in entries that are there, 9 passed."""
    events = [
        {
            "kind": "once",
            "event": f"Key{chr(97 + n)}{chr(97 + n)} show",
            "key": f"Key{chr(97 + n)}{chr(97 + n)}",
            "entries": [n + 1],
        }
        for n in range(17)
    ]
    said = "\n".join(
        f"#*# Week {n}:\nText {events[n - 1]['key'] if n <= 9 else ''} here" for n in range(1, 53) if n not in (16, 17)
    )
    found = document.figures(said, events, 52, 1, ["#*# Week ", ":"], "*** finished ***")
    assert found["cr"] == pytest.approx(0.9615, abs=1e-4) and found["stic_1"] == pytest.approx(0.6)
    assert found["stic_2"] == pytest.approx(0.529, abs=1e-3) and found["wavg"] == pytest.approx(0.509, abs=1e-3)


# --- reading ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "change",
    [
        lambda text: f"<think>I begin with #*# Week 1: and so on.</think>\n{text}",
        lambda text: f"Here is the diary that you asked for.\n\n{text}\n\nI hope that you like it!",
        lambda text: f"```\n{text}\n```",
        lambda text: text.upper().replace("*** FINISHED ***", "*** finished ***"),
        lambda text: re.sub(r"#\*# Week (\d+):", r"**#*# Week \1:**", text),
        lambda text: re.sub(r"#\*# Week (\d+):", r"#*# Week \1 (January 1st - January 7th):", text),
        lambda text: re.sub(r"#\*# Week (\d+):", r"#*# **Week \1**", text),
        lambda text: re.sub(r"#\*# Week (\d+):\n", r"#*# Week \1: ", text),
        lambda text: text.replace("\n", "\r\n"),
        lambda text: re.sub(r"the (\w+ \w+)", r"the **\1**", text),
        lambda text: text.replace("#*#", "\\#\\*\\#"),
    ],
)  # fmt: skip
def test_a_right_document_is_right_in_any_layout(change: Callable[[str], str]) -> None:
    (row,) = made(lengths="3k")
    found = TASK.score(change(row["reference_output"]), row)
    assert found["score"] == found["cr"] == found["stic_2"] == 1 and found["leak"] == 0


@every_language
def test_headers_without_their_mark_are_read_and_told(lang: str) -> None:
    (row,) = made(lengths="3k", lang=lang)
    bare = row["reference_output"].replace("#*# ", "## ")
    found = TASK.score(bare, row)
    assert found["score"] == found["cr"] == 1 and found["marked"] == 0


@pytest.mark.parametrize(
    ("sentence", "told"),
    [
        ("We went to the {} and liked it.", True), ("THE {} WAS GREAT", True), ("**{}** was fine.", True), ("{}'s hall is big.", True),
        ("It was not only the {} that pleased me.", True), ("I could not wait for the {}.", True), ("No rain, and the {} began.", True),
        ("There was no rain and the {} began.", True), ("No doubt the {} was best.", True),
        ("We did not go to the {}.", False), ("There was no {} this time.", False), ("We skipped the {}.", False),
        ("The {} was cancelled.", False), ("The {} did not take place.", False), ("I stayed at home instead of the {}.", False),
        ("I look forward to next week's {}.", False), ("{}s are nice.", False), ("Un{} things.", False), ("{}7 is a number.", False), ("", False),
    ],
)  # fmt: skip
def test_what_counts_as_told(sentence: str, told: bool) -> None:
    assert told_in_english(sentence) == told


def told_in_english(sentence: str) -> bool:
    events = [{"kind": "once", "event": "Orvane show", "key": "Orvane", "entries": [2]}]
    body = "We walked along the river for a while, and later on we read."
    said = f"#*# Week 1:\n{body}\n\n#*# Week 2:\n{body} {sentence.format('Orvane')}"
    return document.figures(said, events, 2, 5, ["#*# Week ", ":"], "*** finished ***", denials=denials("en"))["stic_2"] == 1


TOLD = """I never miss the {}. | We never skip the {}. | No one left the {} early. | I couldn't believe how crowded the {} was this time.
I can't stop thinking about the {}. | I can't praise the {} enough. | I didn't want the {} to end. | Despite the rain the {} was not cancelled.
No week goes by without the {}. | I had not expected the {} to be so lively. | I didn't want to miss the {}. | I don't regret going to the {}.
I couldn’t wait to go to the {}. | I had never seen anything like the {}. | I have never had so much fun as at the {}. | The {} did not disappoint.
Nobody wanted to leave the {}. | I never failed to attend the {}. | I almost missed the {}. | No sooner had the {} begun than we danced.
The {} was not as quiet as last year. | I will never forget how we went to the {}. | We had no umbrella but the {} took place. | It wasn't just the {} that I liked.
I would not have missed the {} for anything. | I skipped breakfast to be at the {}. | Not even rain stopped the {}. | The {} didn't let me down."""
DENIED = """I heard that the {} had to be called off. | I failed to attend the {}. | I gave the {} a miss. | I was too ill for the {}. | I hated to miss the {}.
The {} is next month. | Nobody went to the {}, since it fell through. | I never made it to the {}. | We couldn't go to the {}. | I didn't attend the {}.
There wasn't any {} this time. | I didn’t have time to go to the {}. | The {} fell through. | The {} was not held. | The {} has been postponed.
They cancelled the {}. | A week without the {}. | I had no time for the {}. | Rather than go to the {} we slept. | I was not at the {}. | No one came to the {}.
We forgot to go to the {} | The {} did not happen. | I will see tomorrow's {}."""


def sentences(text: str) -> list[str]:
    return [sentence.strip() for line in text.splitlines() for sentence in line.split("|")]


@pytest.mark.parametrize("sentence", sentences(TOLD))
def test_usual_sentences_tell(sentence: str) -> None:
    assert told_in_english(sentence)


@pytest.mark.parametrize("sentence", sentences(DENIED))
def test_usual_sentences_deny(sentence: str) -> None:
    assert not told_in_english(sentence)


@cache
def denials(lang: str) -> dict[str, list[str]]:
    """What the rows of a language bring along."""
    found = row_of("diary", lang)["metadata"]["denials"]
    assert {*found} == {*denial.CLASSES} and all(found.values())
    assert len({word for words in found.values() for word in words}) == sum(map(len, found.values())), "no word in two classes"
    return found


@every_language
@every_scenario
def test_no_way_to_tell_an_event_is_a_denial(scenario: str, lang: str) -> None:
    words = denial.Denials(denials(lang))
    for frame in documents.load(scenario, lang).told:
        before, _, after = frame.casefold().partition("{event}")
        assert not words.deny(before, after)


def test_a_row_without_words_of_denial_takes_every_mention() -> None:
    assert not denial.Denials({}).deny("we did not go to the ", ".")


@every_language
@pytest.mark.parametrize("scenario", ["diary", "blocks"])
def test_an_outline_before_the_document_costs_nothing(scenario: str, lang: str) -> None:
    row = row_of(scenario, lang)
    reply, asked = row["reference_output"], row["metadata"]
    before, behind = asked["header"]
    headers = [f"{before}{number}{behind}" for number in range(1, asked["entries"] + 1)]
    for lead in (
        "\n".join(headers), "\n".join(f"{header} a short plan" for header in headers),
        f"I will write {len(headers)} entries, from {headers[0]} to {headers[-1]}",
        f"({headers[0]}, {headers[1]}, {headers[2]} ...)",
    ):  # fmt: skip
        found = TASK.score(f"{lead}\n\n{reply}", row)
        assert found["score"] == found["cr_valid"] == found["stic_2"] == found["order"] == 1 and found["leak"] == 0, lead
    alone = TASK.score("\n".join(headers), row)
    assert alone["cr"] == alone["score"] == 0 and alone["duplicate_rate"] == 0


@pytest.mark.parametrize(
    "header", ["第{}周：", "【第{}周】", "## 第{}周", "#*# 【第{}周】", "#*# 第{}周：", "**第 {} 周**", "[第{}周]"]
)
@pytest.mark.parametrize("characters", [False, True])
def test_chinese_headers_in_usual_forms(header: str, characters: bool) -> None:
    row = row_of("diary", "zh")
    reply, count, unit = row["reference_output"], 0, row["metadata"]["header"][1].strip(" ：")
    for number in range(row["metadata"]["entries"], 0, -1):
        tens, ones = divmod(number, 10)
        digits = "〇一二三四五六七八九"
        name = ("" if tens < 2 else digits[tens]) + "十" * (tens > 0) + (digits[ones] if ones else "")
        count += reply.count(f"#*# 第 {number} {unit}：")
        reply = reply.replace(f"#*# 第 {number} {unit}：", header.format(name if characters else number).replace("周", unit))
    found = TASK.score(reply, row)
    assert count == row["metadata"]["entries"] and found["score"] == found["cr"] == found["stic_2"] == 1


def test_numbers_of_headers() -> None:
    named = {
        "7": 7,
        "十": 10,
        "十二": 12,
        "二十": 20,
        "九十九": 99,
        "一百零五": 105,
        "三百六十五": 365,
        "一千": 1000,
        "二三": 23,
        "一〇五": 105,
    }
    assert {text: document._number(text) for text in named} == named and document._number(None) == document._number("") == -1


TOLD_IN_CHINESE = """我去了{}陶艺课，很开心。 | {}陶艺课真不错。 | {}陶艺课没有让我失望。 | 虽然下雨，{}陶艺课没有取消。 | 没有人愿意错过{}陶艺课。
我从不错过{}陶艺课。 | 没想到{}陶艺课这么热闹。 | 我不后悔去{}陶艺课。 | 我忘不了{}陶艺课。 | 从未见过像{}陶艺课这样的课。 | 我差点错过{}陶艺课。
没有人提前离开{}陶艺课。 | 我不想{}陶艺课结束。 | 不仅有{}陶艺课，还有音乐。 | 今天下雨，但{}陶艺课照常举行。"""
DENIED_IN_CHINESE = """今天没有{}陶艺课。 | {}陶艺课取消了。 | 下周的{}陶艺课还早。 | 下个月才有{}陶艺课。 | 我没能参加{}陶艺课。 | {}陶艺课没有举行。
我错过了{}陶艺课。 | 没人去{}陶艺课。 | {}陶艺课推迟到下个月。 | 我没去成{}陶艺课。 | {}陶艺课没办成。 | 我不想去{}陶艺课。 | 我没时间去{}陶艺课。"""


@pytest.mark.parametrize(
    ("sentence", "told"),
    [(text, told) for told, texts in ((True, TOLD_IN_CHINESE), (False, DENIED_IN_CHINESE)) for text in sentences(texts)],
)
def test_what_counts_as_told_in_chinese(sentence: str, told: bool) -> None:
    events = [{"kind": "once", "event": "奥尔瑟陶艺课", "key": "奥尔瑟", "entries": [1]}]
    said = f"#*# 第 1 周：\n我们沿着河走了一会儿。{sentence.format('奥尔瑟')}"
    found = document.figures(said, events, 1, 5, ["#*# 第 ", " 周："], "*** finished ***", denials=denials("zh"))
    assert found["stic_2"] == told


@pytest.mark.parametrize("window", [0, 1])
def test_neighbours_are_excused_within_the_window(window: int) -> None:
    events = [{"kind": "once", "event": "Orvane show", "key": "Orvane", "entries": [3]}]
    said = "\n".join(f"#*# Day {n}:\nDay of {n} {'Orvane' if n in (2, 3, 5) else 'rest'} and more." for n in range(1, 7))
    found = document.figures(said, events, 6, 1, ["#*# Day ", ":"], "*** finished ***", window)
    leaks = 1 if window else 2
    assert found["leak"] == pytest.approx(leaks / (1 + leaks)) and found["event_f1"] == pytest.approx(2 / (2 + leaks))


@every_language
def test_any_reply_has_a_score_in_time(lang: str) -> None:
    row = row_of("diary", lang)
    oracle, key = row["reference_output"], row["metadata"]["events"][0]["key"]
    begun = time.monotonic()
    for reply in (
        oracle * 100, f"{key} " * 200_000, f"not {key} " * 100_000, "#*#" * 200_000, "#*# Week 1:" * 50_000, "#*# 第 1 周：" * 50_000, "*" * 500_000, "*** finished " * 50_000,
        "Week 2 " * 100_000, "Week 2\n" * 100_000, "(" * 300_000, f"#*# Week 2: {key}" * 30_000, ". " * 300_000, "#*# Week " + "9" * 5000, "\ud800\0\u202e", "<think>", "{" * 50_000,
        "字" * 300_000, "\u0301" * 100_000, None, 5, b"x", [],
    ):  # fmt: skip
        found = TASK.score(reply, row)  # type: ignore[arg-type]
        assert 0 <= found["score"] <= 1 and all(value == value for value in found.values())
    assert TASK.score(oracle * 100, row)["score"] == 1
    assert time.monotonic() - begun < 60


# --- a judge ------------------------------------------------------------------------------------------------------------


@every_language
def test_prompts_for_a_judge(lang: str) -> None:
    row = row_of("menu", lang)
    found = grading.checks(row["metadata"]["events"])
    assert [f"{check.entry}: {check.event}" for check in found] == row["outputs"]
    check, body = found[0], entries(row)[found[0].entry]
    plain, shown = (grading.judge_prompt(check, body, lang, examples) for examples in (False, True))
    assert plain.count(check.event) == 2 and body in plain and shown.endswith(plain) and len(shown) > len(plain)
    assert "{entry}" in grading.judge_prompt(check, lang=lang) and check.event in grading.judge_prompt(check, lang=lang)
    # What is put in is not read again for places to fill.
    assert grading.judge_prompt(check, "{event} {entry}", lang).count("{event} {entry}") == 1


# --- what cannot be -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--lengths", "500"], "500 tokens are too short for this puzzle, whose lengths go from 1024 to 262144"),
        (["--lengths", "1m"], "too long for this puzzle, whose lengths go from 1024 to 262144"),
        (["--lengths", "2k", "--set", "entries=1000"], r"2048 tokens are too short for this puzzle. Ask for at least \d+"),
        (["--lengths", "4k", "--set", "words=500"], r"40 entries of at least 500 words do not fit into this length: .* its shortest entry \d+"),
        (["--set", "entries=5"], "entries must be from 16 to 1000"),
        (["--set", "entries=1001"], "entries must be from 16 to 1000"),
        (["--set", "scenario=blocks", "--set", "entries=50"], "entries must be 49 or 64, not 50"),
        (["--set", "scenario=novel"], "diary"),
        (["--set", "once=0", "--set", "ranges=0", "--set", "periodic=0"], "needs an event"),
        (["--set", "once=201"], "once must be from 0 to 200"),
        (["--lengths", "2k", "--set", "once=30"], r"30 events that happen once, .* do not fit into 20 entries .* at least \d+ entries"),
        (["--set", "rules=published", "--set", "entries=60"], "rules=published has 52 or 365 entries for diary"),
        (["--set", "rules=mended", "--set", "once=3"], "counts of its own"),
        (["--haystack", "prose"], "records of its own"),
        (["--depths", "0.5"], "no single depth"),
        (["--questions-per-context", "2"], "--questions-per-context must be 1"),
    ],
)  # fmt: skip
def test_what_cannot_be_is_said(arguments: list[str], says: str, tmp_path: Path) -> None:
    refused("build", "golden_thread", "--out", tmp_path / "out", *arguments, says=says)
    assert not (tmp_path / "out").exists()


def test_the_lengths_and_words_that_errors_name_do_work() -> None:
    with pytest.raises(LcgenError) as told:
        made(lengths="2k", params=(("entries", 60),))
    enough = re.search(r"at least (\d+)", str(told.value))
    assert enough and made(lengths=int(enough[1]), params=(("entries", 60),))
    with pytest.raises(LcgenError) as told:
        made(lengths="4k", params=(("words", 90),))
    fewer = re.search(r"words=(\d+)", str(told.value))
    assert fewer and made(lengths="4k", params=(("words", int(fewer[1])),))[0]["metadata"]["words"] == int(fewer[1])


def test_a_build_is_scored_with_the_figures_of_the_paper(tmp_path: Path) -> None:
    done("build", "golden_thread", "--lengths", "2k", "--samples", "4", "--out", tmp_path / "out", "--verify", "full")
    assert not lcgen.verify(tmp_path / "out", full=True).faults
    text = json.dumps(json.loads(done("score", tmp_path / "out", "--oracle", "--json")))
    assert all(name in text for name in ("stic_2_micro", "wavg_micro", "event_f1_periodic", "length_score", "everywhere"))
    card = (tmp_path / "out" / "README.md").read_text("utf-8")
    assert "LongGenBench" in card and "longgenbench" in card and "2409.02076" in card
    assert "LongGenBench" in done("tasks", "golden_thread")
    done("show", "golden_thread", "--lengths", "2k")
