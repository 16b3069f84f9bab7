"""`lcgen check` with the reference model: sound rows are solved and accused of nothing, spoilt ones are found."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Sequence
from itertools import islice
from pathlib import Path
from typing import Any

import pytest

import lcgen
from lcgen import contrasts, generators, likeness
from lcgen.checking import verdicts
from lcgen.checking.verdicts import ALPHA, Trial, at_least, at_most
from lcgen.contrasts import Choice
from lcgen.streams import Stream
from tests.laws import Case, cases
from tests.runs import cli, done, process, refused

pytest.importorskip("torch", reason="lcgen check needs PyTorch")

from lcgen.checking.induction import Induction
from lcgen.checking.judge import Weighed
from lcgen.checking.prompts import Prompt, prompts, tail
from lcgen.checking.trials import NUMBERLESS
from tests.checks import checked, reference, reworded, rows, shifted, whole

HEAVY = ("birdie", "thread_safety", "multiple", "n1000", "needlebench_atc")
"""Presets with many answers or long books, of which a few rows take long."""
LIGHT = [case for case in cases() if not any(name in str(case) for name in HEAVY)]


# ---- the reference model over every task


@pytest.mark.parametrize("case", LIGHT, ids=str)
def test_what_is_literal_is_solved_and_nothing_is_accused(case: Case) -> None:
    found = checked([*islice(case.each(1), 4)])
    assert not found.faults
    for record in found.records:
        for kind in ("full", "evidence"):
            for trial in record.trials.get(kind, ()):
                assert trial.hit or not trial.copied or (kind == "full" and record.where["group_role"] == "contradicted")


@pytest.mark.parametrize("options", [
    {"task": "needle", "params": {"keys": 4, "similar_keys": 2, "similar_values": 2}, "haystack": "noise"},
    {"task": "needle", "params": {"copies": 2}, "haystack": "noise"}, {"task": "needle", "haystack": "records"},
    {"task": "needle", "params": {"question": "before"}, "haystack": "noise"}, {"task": "needle", "audience": "base", "haystack": "noise"},
    {"task": "phone_book", "params": {"k_queries": 4, "shared_surname": 1, "shared_given": 1}},
    {"task": "phone_book", "params": {"style": "completion"}, "audience": "base"},
    {"task": "multi_thread", "params": {"variant": "thread", "decoys": 1}, "lengths": "1500"},
], ids=str)  # fmt: skip
def test_retrieval_is_sound_whatever_stands_beside_it(options: dict[str, Any]) -> None:
    task = options.pop("task")
    found = checked(
        rows(task, **{"lengths": "1k", "samples": 3, **({"depths": "0.2,0.8"} if task != "multi_thread" else {}), **options})
    )
    judged = whole(found, task)
    assert judged.verdict == "sound" and judged.full.hits == judged.full.n == judged.evidence.hits
    assert not found.faults


def test_answers_that_are_not_there_to_be_copied_are_beyond_the_reference_model() -> None:
    for task, options in (
        ("set_disjointness", {}),
        ("sort_order", {"lengths": "1500"}),
        ("ancestral_trace", {"depths": "0.5", "haystack": "noise"}),
    ):
        found = checked(rows(task, **{"lengths": "1k", "samples": 8, **options}))
        assert whole(found, task).verdict in ("beyond this model", "no meaning") and not found.faults


def test_without_evidence_the_right_value_ranks_as_chance_has_it() -> None:
    made = rows(lengths="400", depths="0.5", samples=300, haystack="noise")
    judged = whole(checked(made))
    assert judged.removed.n == 300 and judged.removed.chance == pytest.approx(1 / 20)
    assert 0.001 < judged.removed.p < 0.999 and judged.verdict == "sound"


def test_many_sound_builds_are_accused_of_nothing() -> None:
    accused = []
    for seed in range(25):
        made = rows(lengths="400", depths="0,0.5,1", samples=2, seed=seed, haystack="noise")
        made += rows("phone_book", lengths="400", depths="0.3,0.7", samples=2, seed=seed)
        accused += checked(made).faults
    assert not accused


def _hint_in_text(row: dict[str, Any]) -> dict[str, Any]:
    return shifted(row, row["context_end"], f" Somebody said {row['answer']} once, for no reason.")


def _hint_in_question(row: dict[str, Any]) -> dict[str, Any]:
    row["input"] = row["input"].replace(row["question"], f"{row['question']} (Not that it matters, but it is {row['answer']}.)")
    return row


def _hint_spaced(row: dict[str, Any]) -> dict[str, Any]:
    return shifted(row, row["context_end"], f" The digits are {' '.join(row['answer'])}.")


def _hint_short(row: dict[str, Any]) -> dict[str, Any]:
    return shifted(row, row["context_end"], f" Not {row['answer'][:-1]}.")


@pytest.mark.parametrize(
    "leak",
    [_hint_in_text, _hint_in_question, _hint_spaced, _hint_short],
    ids=["in the text", "in the question", "spaced", "short"],
)
def test_planted_leaks_are_found(leak: Any) -> None:
    for seed in range(10):
        made = [leak(row) for row in rows(depths="0.1,0.4,0.8", samples=2, seed=seed, haystack="noise")]
        found = checked(made)
        assert whole(found).verdict == "leaking" and found.faults and found.verdict == "leaking"


def test_a_leak_in_one_config_is_found_there_and_not_elsewhere() -> None:
    made = rows(lengths="512,700", depths="0.1,0.4,0.8", samples=3, haystack="noise")
    found = checked([_hint_in_text(row) if row["target"] == 700 else row for row in made])
    said = {cell.by["config"]: cell.judged.verdict for cell in found.cells if cell.level == "config"}
    assert said == {"needle_512": "sound", "needle_700": "leaking"}


def _other_key(piece: dict[str, Any]) -> str:
    return str(piece["text"].replace(piece["key"], "unheard-of"))


def _no_value(piece: dict[str, Any]) -> str:
    return str(piece["text"].replace(piece["value"], "a secret"))


def _distracted(row: dict[str, Any]) -> str:
    return str(next(piece["value"] for piece in row["evidence"] if piece["role"] in ("distractor", "decoy")))


def _wrong(row: dict[str, Any], answer: str) -> dict[str, Any]:
    return {**row, "outputs": [answer], "answer": answer}


KINDS: dict[str, tuple[dict[str, Any], Any]] = {
    "needle": ({"depths": "0.1,0.4,0.8", "haystack": "noise", "params": {"keys": 4}}, _distracted),
    "phone_book": ({"depths": "0.2,0.7"}, lambda row: "555-867-5309"),
    "multi_thread": ({"lengths": "1500"}, lambda row: "1b4e28ba-2fa1-11d2-883f-0016d3cca427"),
    "ancestral_trace": ({"haystack": "noise", "lengths": "1k"}, lambda row: "Nemo Nautilus"),
    "set_disjointness": ({"lengths": "600"}, lambda row: "no" if row["answer"] == "yes" else "yes"),
}
"""For each task what rows are made of, and another answer than the right one."""


@pytest.mark.parametrize("task", KINDS)
def test_answers_that_their_evidence_does_not_give_are_broken(task: str) -> None:
    options, other = KINDS[task]
    made = rows(task, **{"samples": 6, **options})
    found = checked([_wrong(row, other(row)) for row in made])
    assert whole(found, task).verdict == found.verdict == "broken" and all(record.fault for record in found.records)
    one = checked([_wrong(row, other(row)) if number == 1 else row for number, row in enumerate(made)])
    assert whole(one, task).faults == 1 and one.verdict == "broken"
    assert [record.id for record in one.records if record.wrong] == [made[1]["id"]]
    assert one.text().count("is not what its evidence says") == 1 and repr(made[1]["id"]) in one.text()
    assert [row["id"] for row in one.plain()["rows"] if "wrong" in row] == [made[1]["id"]]


def test_a_wrong_answer_is_told_from_what_the_evidence_states() -> None:
    (row,) = rows(depths="0.5", haystack="noise", params={"keys": 3})
    right = row["answer"]
    contrast = generators.get("needle").contrast(_wrong(row, _distracted(row)))
    assert contrast is not None and contrast.evidence is not None and right in contrast.evidence and contrast.removed
    (choice,) = contrast.choices
    assert choice.gold == _distracted(row) and choice.rivals[0] == right and choice.literal
    record = checked([_wrong(row, "7777777")]).records[0]
    assert {kind: [trial.hit for trial in trials] for kind, trials in record.trials.items()} == {
        "full": [False], "evidence": [False], "removed": [False],
    }  # fmt: skip


def _contradicted(row: dict[str, Any]) -> dict[str, Any]:
    piece = next(piece for piece in row["evidence"] if piece["role"] == "gold")
    return shifted(row, row["context_end"], " " + piece["text"].replace(piece["value"], "9081726"))


def _keyless(row: dict[str, Any]) -> dict[str, Any]:
    question = row["question"].replace(row["metadata"]["keys"][0], "thing")
    return {**row, "input": row["input"].replace(row["question"], question), "question": question}


def _questionless(row: dict[str, Any]) -> dict[str, Any]:
    return {**row, "input": row["input"].replace(row["question"], "")}


@pytest.mark.parametrize(("change", "says"), [
    (_contradicted, "its prompt also says '9081726'"), (_keyless, "names nothing that its evidence"), (_questionless, "does not stand in its prompt"),
    (lambda row: {**row, "context_start": len(row["input"]) + 5}, "does not stand where"),
    (lambda row: {**row, "context_start": None}, "does not stand where"), (lambda row: {**row, "evidence": []}, "is not what its evidence says"),
    (lambda row: {**row, "evidence": [{**piece, "char_start": 5} for piece in row["evidence"]]}, "does not stand where"),
], ids=["contradicted", "keyless", "questionless", "out of place", "placeless", "without evidence", "elsewhere"])  # fmt: skip
def test_rows_at_odds_with_themselves_are_broken_and_listed(change: Any, says: str) -> None:
    made = rows(depths="0.1,0.4,0.8", samples=2, haystack="noise")
    found = checked([change(row) if number == 3 else row for number, row in enumerate(made)])
    assert [record.wrong != "" for record in found.records] == [number == 3 for number in range(6)]
    assert whole(found).verdict == "broken" and says in found.text()
    assert [cell.by["depth"] for cell in found.faults if cell.level == "cell"] == [made[3]["depth"]]


def test_what_the_prompt_says_behind_the_same_words_is_a_candidate() -> None:
    (row,) = rows(depths="0.5", haystack="noise")
    contrast = generators.get("needle").contrast(_contradicted(row))
    assert contrast is not None and "9081726" in contrast.choices[0].rivals
    (full,) = checked([row]).records[0].trials["full"]
    assert not full.hit and full.said in (row["answer"], "9081726")
    # The same sentence once more contradicts nothing.
    (again,) = rows(depths="0.5", haystack="noise")
    assert checked([shifted(again, again["context_end"], f" {again['evidence'][0]['text']}")]).records[0].fault == ""


def test_at_most_a_few_rows_at_fault_are_listed() -> None:
    made = [_wrong(row, "7777777") for row in rows(depths="0.1,0.4,0.8", samples=5, haystack="noise")]
    said = checked(made).text()
    assert said.count("is not what its evidence says") == 8 and "7 more such rows" in said


@pytest.mark.parametrize("fault", [_other_key, _no_value], ids=["another key", "no value"])
def test_planted_broken_rows_are_found(fault: Any) -> None:
    for seed in range(10):
        made = rows(depths="0.1,0.4,0.8", samples=4, seed=seed, haystack="noise")
        found = checked([reworded(row, fault) if number == seed else row for number, row in enumerate(made)])
        bad = [cell for cell in found.faults if cell.level == "cell"]
        assert [cell.judged.verdict for cell in bad] == ["broken"]
        assert bad[0].by["depth"] == made[seed]["depth"]


class _Numberless(Induction):
    """The reference model, of some rows without a number."""

    def __init__(self, ids: Sequence[str], value: float) -> None:
        super().__init__(reference().reader.tokenizer)
        self.ids, self.value = ids, value

    def weigh(self, given: Sequence[Prompt]) -> list[list[Weighed]]:
        found = super().weigh(given)
        for prompt, own in zip(given, found):
            if prompt.kind == "removed" and any(name in prompt.tokens.text for name in self.ids):
                own[0] = Weighed([[self.value] * len(one) for one in own[0].logprobs], own[0].marks)
        return found

    def follow(self, prompt: str, answer: str) -> list[float]:
        return [self.value, *super().follow(prompt, answer)]


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_rows_of_which_a_model_gives_no_numbers_are_counted_and_not_judged(value: float) -> None:
    made = rows(depths="0.1,0.4,0.8", samples=8, haystack="noise")
    asked = [row["question"] for row in made]
    found = checked(made, _Numberless(asked[:5], value))
    assert [record.skipped for record in found.records] == [NUMBERLESS] * 5 + [""] * 19
    assert found.verdict == "sound" and whole(found).removed.n == 19 and found.plain()["skipped"] == {NUMBERLESS: 5}
    none = checked([*made, *rows("longgenbench", lengths="1k", samples=1)[:1]], _Numberless(asked, value))
    assert none.verdict == "no meaning" and not none.cells and not none.faults
    for one in (found, none):
        json.dumps(one.plain(), allow_nan=False)


def test_the_reference_model_answers_and_is_scored() -> None:
    made = rows(depths="0,0.5,1", haystack="noise", params={"keys": 3, "queries": 2})
    found = checked([*made, *rows("phone_book", depths="0.5", params={"k_queries": 3})], generate=True)
    assert all(record.scores == {"full": 1.0, "evidence": 1.0, "removed": 0.0} for record in found.records)


# ---- prompts


@pytest.mark.parametrize("lang", ["en", "zh"])
@pytest.mark.parametrize("task", ["needle", "phone_book", "multi_thread", "set_disjointness", "ancestral_trace"])
def test_removing_evidence_moves_nothing_else(task: str, lang: str) -> None:
    judge = reference()
    for row in rows(task, lengths="1500", lang=lang, samples=2)[:4]:
        contrast = generators.get(task).contrast(row)
        assert contrast is not None
        made = {prompt.kind: prompt.tokens for prompt in prompts(row, contrast, judge.reader) if not prompt.turned}
        full = made["full"]
        assert len(full) == row["prompt_tokens"] and full.text == row["input"]
        assert "".join(full.text[full.at(n) : full.at(n + 1)] for n in range(len(full))) == full.text
        if not contrast.removed:
            continue
        without = made["removed"]
        assert len(without) == len(full)
        touched = {token for span in contrast.removed for token in range(*full.within(*span))}
        assert {n for n in range(len(full)) if full.ids[n] != without.ids[n]} <= touched
        for choice in contrast.choices:
            if not choice.labels:
                assert choice.gold in full.text and choice.gold not in without.text


def test_the_evidence_alone_is_short_and_holds_every_gold_piece() -> None:
    for row in rows(lengths="1k", depths="0.5", params={"keys": 4, "queries": 3}, haystack="noise"):
        contrast = generators.get("needle").contrast(row)
        assert contrast is not None and contrast.evidence is not None
        gold = [piece["text"] for piece in row["evidence"] if piece["role"] == "gold"]
        assert (
            len(gold) == 3 and all(text in contrast.evidence for text in gold) and len(contrast.evidence) < len(row["input"]) / 3
        )


def test_branches_are_the_prompt_with_cue_and_candidate() -> None:
    judge = reference()
    for row in rows(depths="0,1", haystack="noise", params={"keys": 3}):
        contrast = generators.get("needle").contrast(row)
        assert contrast is not None
        for prompt in prompts(row, contrast, judge.reader):
            for choice, told in zip(contrast.choices, prompt.told):
                for text, branch in zip(told.texts, told.branches):
                    joined = [*prompt.tokens.ids[: prompt.stem].tolist(), *branch.tolist()]
                    assert joined == judge.reader.encode(f"{prompt.tokens.text}{choice.cue}{choice.lead}{text}")
                    assert 0 < told.scored < len(branch)


def test_a_passkey_is_not_said_by_its_own_cue() -> None:
    (row,) = rows(preset="passkey", lengths="512", samples=1, depths="0.5")
    contrast = generators.get("needle").contrast(row)
    assert contrast is not None and row["answer"] not in contrast.choices[0].cue


def test_the_end_of_a_prompt_reads_alone_as_it_reads_there() -> None:
    reader = reference().reader
    tokens = reader.read("A long text of many words. " * 40 + "Answer:")
    begun = tail(tokens, reader)
    assert reader.encode(tokens.text[tokens.at(begun) :]) == tokens.ids[begun:].tolist()


def test_contrasts_of_twins_say_what_is_right_without_the_fact() -> None:
    made = {row["group_role"]: row for row in rows(params={"twins": True}, depths="0.5", haystack="noise", lengths="1k")}
    found = {role: generators.get("needle").contrast(row) for role, row in made.items()}
    present, absent, later = found["present"], found["absent"], found["contradicted"]
    assert present and absent and later
    assert present.choices[0].changed == made["present"]["metadata"]["no_answer"]
    assert absent.choices[0].labels and not absent.removed and absent.why
    assert later.choices[0].changed == made["present"]["answer"]


def test_labels_are_told_in_both_orders() -> None:
    made = rows("set_disjointness", lengths="600", samples=4)
    for row in made:
        contrast = generators.get("set_disjointness").contrast(row)
        assert contrast is not None and contrast.turned is not None
        assert contrast.choices[0].labels == ["yes", "no"] and '"no" or "yes"' in contrast.turned[0]
        kinds = [(prompt.kind, prompt.turned) for prompt in prompts(row, contrast, reference().reader)]
        assert kinds[:2] == [("full", False), ("full", True)]
        assert (("removed", True) in kinds) == (row["answer"] == "yes")
    yes = next(row for row in made if row["answer"] == "yes")
    contrast = generators.get("set_disjointness").contrast(yes)
    assert contrast is not None and contrast.choices[0].changed == "no"
    without = next(prompt for prompt in prompts(yes, contrast, reference().reader) if prompt.kind == "removed")
    start, end = yes["context_start"], yes["context_end"]
    first, second = (item.split(", ") for item in contrasts.re.findall(r"\{([^}]*)\}", without.tokens.text[start:end]))
    assert not {*first} & {*second}


def test_segments_are_told_in_both_orders() -> None:
    for lang in ("en", "zh"):
        for row in rows("sort_order", lengths="1500", lang=lang, samples=2):
            contrast = generators.get("sort_order").contrast(row)
            assert contrast is not None and contrast.turned is not None and len(contrast.removed) == 2
            question, (gold,) = contrast.turned
            assert {gold, contrast.choices[0].gold} == {"A", "B"} and len(question) == len(row["question"])
            one, other = (piece["text"] for piece in row["evidence"])
            assert (row["question"].index(one) < row["question"].index(other)) != (question.index(one) < question.index(other))
            assert contrast.evidence is not None and contrast.evidence.index(one) < contrast.evidence.index(other)


# ---- fresh values


@pytest.mark.parametrize("value", ["4836201", "0420", "amber-lantern", "3f2b9c1e-0a4d-4c55-9e07-5b1d2a8c6f10", "Ada Stone", "212-555-0187",
                                   "ada.stone@example.com", "BCDFG", "ab12cd", "f-81!x", "x"])  # fmt: skip
def test_fresh_values_have_the_form_of_the_right_one(value: str) -> None:
    found = likeness.fresh(value, "en", 19, Stream("fresh", value), ["7"])
    assert len({*found}) == len(found) and value not in found and "7" not in found
    assert len(found) == 19 or len(value) == 1
    digits = [sum(sign.isdecimal() for sign in text) for text in [value, *found]]
    if value.isdecimal() or value == "212-555-0187":
        assert {len(text) for text in found} == {len(value)} and {*digits} == {digits[0]}
    assert found == likeness.fresh(value, "en", 19, Stream("fresh", value), ["7"])


def test_values_look_alike_where_one_gives_a_part_of_the_other_away() -> None:
    assert (
        likeness.alike("4836201", "4836901") and likeness.alike("amber-lantern", "amber-kettle") and likeness.alike("12", "3124")
    )
    assert not likeness.alike("4836201", "9173544") and not likeness.alike("amber-lantern", "furrowed-shallot")


# ---- tests of chance


def test_binomial_tails_are_exact() -> None:
    for n, chance in ((1, 0.05), (7, 0.5), (40, 0.05), (300, 0.3)):
        terms = [math.comb(n, k) * chance**k * (1 - chance) ** (n - k) for k in range(n + 1)]
        for hits in range(0, n + 1, max(1, n // 9)):
            assert at_least(hits, n, chance) == pytest.approx(sum(terms[hits:]), rel=1e-9)
            assert at_most(hits, n, chance) == pytest.approx(sum(terms[: hits + 1]), rel=1e-9)
    assert at_least(0, 5, 0.2) == 1 and at_most(5, 5, 0.2) == pytest.approx(1) and at_most(-1, 5, 0.2) == 0


def _trials(rng: Stream, n: int, full: float, removed: float, number: int) -> dict[str, list[Trial]]:
    def trial(hit: float, guess: float, place: int) -> Trial:
        return Trial(rng.unit() < hit, 1 / 20, rng.unit() < guess, 1 / 20, unit=f"{number} {place}", gold=str(place))

    return {"full": [trial(full, 1, p) for p in range(n)], "evidence": [trial(full, 1, p) for p in range(n)],
            "removed": [trial(0, removed, p) for p in range(n)]}  # fmt: skip


def test_of_sound_runs_at_most_one_in_a_hundred_is_accused() -> None:
    rng, accused = Stream("sound runs"), 0
    for number in range(400):
        cells = [_trials(rng, 6, 0.9, 1 / 20, number) for _ in range(20)]
        ability = verdicts.able([trial for cell in cells for trial in cell["evidence"]])
        accused += any(verdicts.judge(cell, ability, len(cells)).verdict in verdicts.FAULTS for cell in cells)
    assert accused <= 400 * ALPHA + 3 * math.sqrt(400 * ALPHA)


def test_what_is_guessed_or_not_solved_is_told_from_what_is_hard() -> None:
    rng = Stream("verdicts")
    assert verdicts.judge(_trials(rng, 30, 0.9, 0.9, 0), 0.8, 10).verdict == "leaking"
    assert verdicts.judge(_trials(rng, 30, 0.1, 0.05, 1), 0.8, 10).verdict == "broken"
    assert verdicts.judge(_trials(rng, 30, 0.05, 0.05, 2), None, 10).verdict == "beyond this model"
    assert verdicts.judge(_trials(rng, 30, 0.9, 0.05, 3), 0.8, 10).verdict == "sound"
    assert verdicts.judge({}, None, 10).verdict == "no meaning"


def test_a_model_that_always_says_one_label_solves_and_leaks_nothing() -> None:
    golds = ["yes", "no"] * 20
    trials = [Trial(gold == "yes", 0.5, said="yes", gold=gold) for gold in golds]
    judged = verdicts.judge({"full": trials, "evidence": trials, "removed": [t for t in trials if t.gold == "yes"]}, None, 5)
    assert judged.verdict == "beyond this model"
    right = [Trial(True, 0.5, said=gold, gold=gold) for gold in golds]
    assert verdicts.judge({"full": right, "evidence": right}, None, 5).verdict == "sound"
    assert verdicts.judge({"full": right, "removed": right}, None, 5).verdict == "leaking"


def test_twins_that_ask_for_one_value_are_one_guess() -> None:
    twins = [Trial(True, 0.05, True, 0.05, unit="group", gold="7")] * 4
    assert verdicts.guessed(twins).n == 1


# ---- the verb


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("check") / "needle"
    lcgen.build("needle", path, lengths="512,700", depths="0,0.5,1", samples=2, haystack="noise")
    return path


def test_the_table_and_the_json_say_the_same(folder: Path, tmp_path: Path) -> None:
    table = done("check", folder)
    assert "all needle" in table and "Verdict: sound." in table and "tokens/s" in table
    code, out, _ = cli("check", folder, "--json", "--out", tmp_path / "check.json")
    found = json.loads(out)
    assert code == 0 and json.loads((tmp_path / "check.json").read_text())["cells"] == found["cells"]
    assert found["verdict"] == "sound" and found["checked"] == found["planned"] == 12 and len(found["rows"]) == 12
    cells = [cell for cell in found["cells"] if cell["level"] == "cell"]
    assert {(cell["length"], cell["depth"]) for cell in cells} == {(n, d) for n in (512, 700) for d in (0.0, 0.5, 1.0)}
    assert all(cell["full"]["rate"] == 1 and cell["full"]["margin"] > 10 for cell in cells)
    assert found["tokens"] > 12 * 1000 and found["peak_bytes"] > 0


def test_a_leak_ends_with_exit_code_1(tmp_path: Path) -> None:
    lcgen.build("needle", tmp_path / "leak", lengths="512", depths="0.2,0.8", samples=4, haystack="noise", format="jsonl")
    (file,) = (tmp_path / "leak/data/needle_512").glob("*.jsonl")
    lines = [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()]
    for row in lines:
        row["input"] = row["input"].replace(row["question"], f"{row['question']} It is {row['answer']}.")
    file.write_text("".join(json.dumps(row) + "\n" for row in lines), encoding="utf-8")
    code, out, _ = cli("check", tmp_path / "leak")
    assert code == 1 and "leaking" in out


@pytest.mark.parametrize(("column", "value", "says"), [
    ("depth", math.nan, "Row 3 of data/needle_512/.*a depth is NaN"), ("depth", math.inf, "Row 3 of data/needle_512/.*depth"),
    ("evidence", math.nan, "Row 3 of data/needle_512/.*a depth is NaN"), ("outputs", [], "Row 3 of data/needle_512/.*outputs"),
])  # fmt: skip
@pytest.mark.parametrize("kind", ["jsonl", "parquet"])
def test_a_row_that_is_no_valid_one_is_named(tmp_path: Path, kind: Any, column: str, value: Any, says: str) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    lcgen.build("needle", tmp_path / "odd", lengths="512", depths="0.2,0.8", samples=2, haystack="noise", format=kind)
    (file,) = (tmp_path / "odd/data/needle_512").iterdir()

    def spoilt(row: dict[str, Any]) -> None:
        if column == "evidence":
            row["evidence"][0]["depth"] = value
        else:
            row[column] = value

    if kind == "jsonl":
        lines = [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()]
        spoilt(lines[2])
        file.write_text("".join(json.dumps(row) + "\n" for row in lines), encoding="utf-8")
    else:
        table = pq.read_table(file)
        lines = table.to_pylist()
        spoilt(lines[2])
        pq.write_table(pa.Table.from_pylist(lines, table.schema), file)
    refused("check", tmp_path / "odd", code=1, says=says)


def test_a_limit_is_spread_over_cells(folder: Path) -> None:
    for limit, cells in ((6, 6), (2, 2), (50, 6)):
        found = lcgen.check(folder, limit=limit)
        assert len(found.records) == found.planned == min(limit, 12)
        assert len({(r.where["config"], r.where["depth"]) for r in found.records}) == cells
    two = lcgen.check(folder, limit=2)
    assert {record.where["config"] for record in two.records} == {"needle_512", "needle_700"}
    said = (
        "--limit 2 is below the 6 cells: 4 of them get no row (needle_512 2 of 3, needle_700 2 of 3). --limit 6 gives each one."
    )
    assert two.notes == [said] and not lcgen.check(folder, limit=6).notes
    assert "1 of them gets no row" in lcgen.check(folder, limit=5).notes[0]
    (one,) = lcgen.check(folder, limit=1).notes
    assert "5 of them get no row (needle_700 3 of 3, needle_512 2 of 3); of 1 config nothing is checked." in one
    assert f"Note: {said}" in cli("check", folder, "--limit", 2)[2]


def test_several_devices_share_the_rows(folder: Path) -> None:
    alone, shared = lcgen.check(folder, limit=5), lcgen.check(folder, limit=5, device="cpu,cpu")
    assert [record.id for record in alone.records] == [record.id for record in shared.records]
    assert [cell.plain() for cell in alone.cells] == [cell.plain() for cell in shared.cells]


def test_a_suite_of_several_vocabularies_needs_one_named(tmp_path: Path) -> None:
    suite = tmp_path / "two.yaml"
    suite.write_text(
        "name: two\nbuilds:\n  - {task: needle, lengths: 1k, depths: 0.5, haystack: noise, tokenizer: [qwen3, llama3]}\n"
    )
    lcgen.build(str(suite), tmp_path / "two")
    refused("check", tmp_path / "two", says=r"several vocabularies \(qwen3, llama3\).*--tokenizer qwen3")
    assert {record.where["config"] for record in lcgen.check(tmp_path / "two", tokenizer="qwen3").records} == {
        "needle_qwen3_1k",
        "needle_llama3_1k",
    }


def test_another_vocabulary_is_said(folder: Path) -> None:
    found = lcgen.check(folder, tokenizer="llama2")
    assert found.verdict == "sound" and any("times as many tokens" in note for note in found.notes)
    assert not lcgen.check(folder).notes


def test_what_is_found_before_ctrl_c_is_kept(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from lcgen.checking import run

    def stops(planned: int, tokens: int) -> None:
        seen.append(tokens)
        if len(seen) == 7:
            raise KeyboardInterrupt

    seen: list[int] = []
    monkeypatch.setattr(run, "BLOCK_ROWS", 2)
    found = lcgen.check(folder, progress=stops)
    assert found.stopped and len(found.records) == 7 and found.verdict == "sound"
    assert any("Stopped after 7 of 12 rows" in note for note in found.notes)


def test_long_answers_are_weighed_by_position() -> None:
    found = checked(rows("longgenbench", lengths="1k", samples=1)[:2])
    assert len(found.records[0].deciles) == 10 and whole(found, "longgenbench").verdict == "no meaning"
    assert "tenths" in found.text() and re.search("rows of longgenbench_1024.*, because their answer is a document", found.text())


@pytest.mark.parametrize(("args", "says"), [
    (["nothing"], "is no lcgen build"), (["{folder}", "--model", "no-such-model"], "There is no model"),
    (["{folder}", "--device", "cuda"], "sees no CUDA device"), (["{folder}", "--limit", "0"], "at least 1"),
    (["{folder}", "--tokenizer", "nope"], "Unknown tokenizer"), (["{folder}", "--out", "no/where/x.json"], "is in no folder"),
    (["{folder}", "--device", "toaster"], "no device of this name"), (["{folder}", "--candidates", "0"], "at least 1"),
])  # fmt: skip
def test_bad_input_is_told_plainly(
    folder: Path, args: list[str], says: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    import torch

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    refused("check", *(str(folder) if arg == "{folder}" else arg for arg in args), says=says)


def test_rows_of_numbers_have_no_prompt(tmp_path: Path) -> None:
    lcgen.build("set_disjointness", tmp_path / "numbers", params={"style": "tokens"}, samples=4)
    refused("check", tmp_path / "numbers", says="rows of numbers")


def test_without_pytorch_it_says_what_to_install(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "torch.py").write_text("raise ImportError('none here')\n")
    found = process("check", folder, PYTHONPATH=str(tmp_path))
    assert found.returncode == 2 and "lcgen[check]" in found.stderr


def test_pytorch_is_imported_by_check_alone() -> None:
    code = "import sys, lcgen, lcgen.cli, lcgen.contrasts, lcgen.generators as g; g.get('needle'); print('torch' in sys.modules)"
    import subprocess
    import sys

    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip() == "False"


def test_a_choice_with_nothing_to_be_told_from_tells_nothing() -> None:
    (row,) = rows(depths="0.5", haystack="noise")
    contrast = contrasts.Contrast([Choice("", labels=[""])])
    assert list(prompts(row, contrast, reference().reader)) == []
