"""`lcgen score`: from files of responses to tables, on the command line and in Python."""

from __future__ import annotations

import json
import math
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import lcgen
from lcgen import CheckFailed, LcgenError, estimates, generators, responses, scoring
from lcgen.answers import Answer
from lcgen.builders import writer
from lcgen.contract import Estimate, Row
from lcgen.estimates import share
from lcgen.responses import Responses
from lcgen.scoreboard import Scores, table
from lcgen.scoring import Metrics, Scored, Sheet
from lcgen.streams import Stream
from tests.laws import Case, cases, filler, roomy
from tests.runs import cli, done, process, refused, tree

WRONG = "1111111"


@pytest.fixture(autouse=True)
def own_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A built folder, not to be changed: two lengths, five depths, two samples."""
    path = tmp_path_factory.mktemp("scoring") / "needle"
    lcgen.build("needle", path, lengths="1k,2k", depths="0..1:0.25", samples=2, haystack="noise")
    return path


@pytest.fixture(scope="module")
def made(folder: Path) -> list[dict[str, Any]]:
    return rows(folder)


def rows(folder: Path) -> list[dict[str, Any]]:
    files = (file for file in sorted(folder.glob("data/*/*")) if file.parent.name != "preview")
    return [row for file in files for row in writer.read(file)]


def answers(made: Sequence[Mapping[str, Any]], right: Callable[[int], bool] = lambda number: True) -> dict[str, str]:
    return {row["id"]: row["answer"] if right(number) else WRONG for number, row in enumerate(made)}


def written(path: str, answered: Mapping[str, Any]) -> Path:
    lines = [json.dumps({"id": name, "response": said}) for name, said in answered.items()]
    Path(path).write_text("\n".join(lines) + "\n", encoding="utf-8")
    return Path(path)


def value(scores: Scores, run: str = "responses", figure: str = "score", cell: int | None = None) -> float:
    return (scores.totals[0] if cell is None else scores.cells[cell]).figures[run][figure].value


# ---- laws


@pytest.mark.parametrize("case", [case for case in cases() if case.lang == "en"], ids=str)
def test_the_oracle_is_always_right_and_silence_never(case: Case, tmp_path: Path) -> None:
    bound = case.setting is not None and case.setting.depths == "random"
    options: dict[str, Any] = {} if bound or not generators.get(case.task).depths else {"depths": "0.5"}
    options |= {"lengths": case.short[-1], **filler(case.task)} if case.short else {}
    options |= {"params": dict(case.params), **roomy(case.task)}
    lcgen.build(case.task, tmp_path / "out", preset=case.preset, samples=1, **options)
    found = lcgen.score(tmp_path / "out", {row["id"]: "" for row in rows(tmp_path / "out")}, oracle=True)
    for cell in (*found.cells, *found.totals):
        assert cell.figures["oracle"]["score"].value == 1 and cell.figures["responses"]["score"].value == 0
        assert {*generators.get(case.task).baselines} < {*cell.figures}
        for name in generators.get(case.task).baselines:
            assert 0 <= cell.figures[name]["score"].value <= 1


def test_a_known_mix_scores_its_mean(folder: Path, made: list[dict[str, Any]]) -> None:
    found = lcgen.score(folder, answers(made, lambda number: number % 4 != 0))
    assert value(found) == 15 / 20 and found.totals[0].figures["responses"]["score"] == share(15, 20)
    assert [cell.by["config"] for cell in found.cells] == ["needle_1k", "needle_2k"]
    for place, cell in enumerate(found.cells):
        right = [number % 4 != 0 for number, row in enumerate(made) if row["target"] == (1024, 2048)[place]]
        assert value(found, cell=place) == sum(right) / len(right) and cell.rows == len(right) == 10
    assert found.notes == [] and found.runs == ["responses"]


def test_parts_of_answers_score_as_the_task_says(tmp_path: Path) -> None:
    lcgen.build("needle", tmp_path / "four", lengths="1k", depths="0,1", params={"queries": 4}, haystack="noise")
    made = rows(tmp_path / "four")
    said = {row["id"]: ", ".join(row["outputs"][:count]) for row, count in zip(made, (1, 3))}
    found = lcgen.score(tmp_path / "four", said)
    assert value(found) == (0.25 + 0.75) / 2 and value(found, figure="any") == 1 and value(found, figure="exact") == 0


def test_samples_of_a_row_are_averaged(folder: Path, made: list[dict[str, Any]]) -> None:
    several: dict[str, Any] = dict(answers(made))
    several[made[0]["id"]] = [made[0]["answer"], WRONG, WRONG, made[0]["answer"]]
    several[made[1]["id"]] = [WRONG]
    assert value(lcgen.score(folder, several)) == pytest.approx((18 + 0.5) / 20)


def test_the_order_of_responses_does_not_matter(folder: Path, made: list[dict[str, Any]]) -> None:
    said = answers(made, lambda number: number % 3 == 0)
    names = Stream("order").shuffle(sorted(said))
    assert lcgen.score(folder, said).plain() == lcgen.score(folder, {name: said[name] for name in names}).plain()


def test_a_run_differs_from_itself_by_nothing(folder: Path, made: list[dict[str, Any]]) -> None:
    said = answers(made, lambda number: number % 3 == 0)
    found = lcgen.score(folder, written("a.jsonl", said), baseline=written("b.jsonl", said))
    for cell in (*found.cells, *found.totals):
        assert set(cell.differences["a"].values()) == {Estimate(0.0, 0.0, 0.0, cell.rows)}
    assert "0.000 [0.000, 0.000]" in found.text() and "+0.000" not in found.text() and "-0.000" not in found.text()


def test_json_lines_score_as_parquet_does(folder: Path, made: list[dict[str, Any]], tmp_path: Path) -> None:
    lcgen.build("needle", tmp_path / "lines", lengths="1k,2k", depths="0..1:0.25", samples=2, haystack="noise", format="jsonl")
    said = answers(made, lambda number: number % 3 == 0)
    one, two = (lcgen.score(path, said, oracle=True).plain() for path in (folder, tmp_path / "lines"))
    assert {**one, "folder": ""} == {**two, "folder": ""}


# ---- units: rows that stand and fall together


def test_questions_over_one_context_are_one_unit(tmp_path: Path) -> None:
    lcgen.build("needle", tmp_path / "q", lengths="1k", depths="0,1", samples=3, questions_per_context=4, haystack="noise")
    made = rows(tmp_path / "q")
    found = lcgen.score(tmp_path / "q", answers(made, lambda number: number // 4 % 2 == 0), by="turn")
    assert (found.totals[0].rows, found.totals[0].units) == (24, 6)
    assert value(found) == 0.5 and found.totals[0].figures["responses"]["score"].n == 6
    assert [(cell.by, cell.rows, cell.units) for cell in found.cells] == [({"turn": turn}, 6, 6) for turn in (1, 2, 3, 4)]
    assert "one unit" in found.text() and re.search(r"^turn +rows +units ", found.text())
    once = lcgen.score(tmp_path / "q", answers(made, lambda number: number % 2 == 0)).totals[0].figures["responses"]["score"]
    assert once.low is not None and once.low == 0.5 == once.high, "all contexts are half right: units agree"


def test_turns_are_told_by_the_rows_and_twins_are_none(tmp_path: Path) -> None:
    """Rows in any order, over any files, have the turns that they were built with; twins of a question have its turn."""
    folder = tmp_path / "orders"
    lcgen.build("sort_order", folder, lengths="4k", samples=4, questions_per_context=3, haystack="prose", format="jsonl")
    made = rows(folder)
    assert {(row["metadata"]["pair"] + 1, len({one["group_role"] for one in made})) for row in made} == {(1, 2), (2, 2), (3, 2)}
    said = answers(made, lambda number: made[number]["metadata"]["pair"] == 1)

    def by_turn() -> dict[int, tuple[int, float]]:
        found = lcgen.score(folder, said, by="turn")
        return {cell.by["turn"]: (cell.rows, value(found, cell=place)) for place, cell in enumerate(found.cells)}

    assert by_turn() == {1: (8, 0.0), 2: (8, 1.0), 3: (8, 0.0)}
    (first,) = (folder / "data/sort_order_4k").iterdir()
    lines = Stream("shuffled").shuffle(first.read_text(encoding="utf-8").splitlines(keepends=True))
    (first.parent / "test-000002.jsonl").write_text("".join(lines[:9]), encoding="utf-8")
    first.write_text("".join(lines[9:]), encoding="utf-8")
    whole = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
    whole["files"]["data/sort_order_4k/test-000002.jsonl"] = whole["files"]["data/sort_order_4k/" + first.name]
    (folder / "manifest.json").write_text(json.dumps(whole), encoding="utf-8")
    assert by_turn() == {1: (8, 0.0), 2: (8, 1.0), 3: (8, 0.0)}


@pytest.mark.parametrize("format", ["parquet", "jsonl"])
@pytest.mark.parametrize(
    ("task", "options"),
    [
        ("phone_book", {"params": {"k_queries": 2}}),
        ("multi_thread", {"params": {"threads": 2}}),
        ("multi_thread", {"haystack": "noise"}),
        ("ancestral_trace", {}),
        ("needle", {"haystack": "noise", "samples": 40, "lengths": "512,1k"}),
    ],
)
def test_each_row_of_a_context_can_be_told_its_turn(task: str, options: dict[str, Any], format: str, tmp_path: Path) -> None:
    """Questions over one context stand side by side, in the order in which a conversation asks them."""
    lcgen.build(task, tmp_path / "q", **{"lengths": "4k", "depths": "0.2,0.5", "samples": 2, **options}, questions_per_context=3, format=format)  # fmt: skip
    made = rows(tmp_path / "q")
    # Told by the text alone, not by the column that the score goes by.
    texts = [row["input"][: row["context_end"]] for row in made]
    turns = [texts[: number + 1].count(text) for number, text in enumerate(texts)]
    assert len(made) == 3 * len({*texts}) and turns == [1, 2, 3] * len({*texts})
    said = {row["id"]: row["reference_output"] if turn != 2 else "" for row, turn in zip(made, turns)}
    with Responses("model", said) as run:
        (sheet,) = scoring.score(tmp_path / "q", [run]).sheets
    assert {row["id"]: row["turn"] for row in sheet.rows} == {row["id"]: turn for row, turn in zip(made, turns)}
    answered = written("said.jsonl", said)
    cells = json.loads(done("score", tmp_path / "q", answered, "--by", "turn", "--json"))["cells"]
    assert [cell["by"]["turn"] for cell in cells] == [1, 2, 3] and {cell["rows"] for cell in cells} == {len({*texts})}
    assert [cell["runs"]["said"]["score"]["value"] for cell in cells] == [1, 0, 1]


def test_twins_and_paired_rows_are_one_unit(tmp_path: Path) -> None:
    lcgen.build("needle", tmp_path / "t", lengths="1k", depths="0,1", samples=3, params={"twins": True}, haystack="noise")
    found = lcgen.score(tmp_path / "t", (), oracle=True, by="group_role")
    assert (found.totals[0].rows, found.totals[0].units) == (24, 6)
    assert [cell.by["group_role"] for cell in found.cells] == ["absent", "contradicted", "moved", "present"]
    lcgen.build("needle", tmp_path / "p", lengths="1k,2k", depths="0,1", samples=3, paired=True, haystack="noise")
    paired = lcgen.score(tmp_path / "p", (), oracle=True)
    assert (paired.totals[0].rows, paired.totals[0].units) == (12, 6)
    assert [cell.units for cell in paired.cells] == [6, 6], "of one length each row is a puzzle of its own"


# ---- cells


@pytest.mark.parametrize(
    ("by", "cells"),
    [
        ("config", [{"config": "needle_1k"}, {"config": "needle_2k"}]),
        ("length", [{"length": 1024}, {"length": 2048}]),
        ("depth", [{"depth": depth} for depth in (0, 0.25, 0.5, 0.75, 1)]),
        ("params.keys", [{"params.keys": 1}]),
        ("metadata.needles,index", [{"metadata.needles": 1, "index": index} for index in (0, 1)]),
        (["length", "index"], [{"length": length, "index": index} for length in (1024, 2048) for index in (0, 1)]),
        ("params.value-kind", [{"params.value_kind": "digits"}]),
        ("group_id", [{"group_id": ""}]),
        ("stop", [{"stop": "[]"}]),
        ((), [{}]),
    ],
    ids=str,
)
def test_rows_go_into_cells_by_any_field(folder: Path, made: list[dict[str, Any]], by: Any, cells: list[dict[str, Any]]) -> None:
    found = lcgen.score(folder, answers(made), by=by)
    assert [cell.by for cell in found.cells] == cells
    assert sum(cell.rows for cell in found.cells) == 20 == found.totals[0].rows
    assert len({len(line) for line in found.text().splitlines()[:-1]}) == 1, "columns are aligned"


def test_configs_stand_in_the_order_of_the_build(tmp_path: Path) -> None:
    lcgen.build("needle", tmp_path / "out", lengths="2k,16k,1k", depths="0", haystack="noise")
    found = lcgen.score(tmp_path / "out", oracle=True)
    assert [cell.by["config"] for cell in found.cells] == ["needle_2k", "needle_16k", "needle_1k"]
    assert [cell.by["length"] for cell in lcgen.score(tmp_path / "out", oracle=True, by="length").cells] == [1024, 2048, 16384]


def test_many_depths_are_cut_into_tenths(tmp_path: Path) -> None:
    lcgen.build("needle", tmp_path / "out", lengths="1k", depths="random", samples=30, haystack="noise")
    made = rows(tmp_path / "out")
    found = lcgen.score(tmp_path / "out", answers(made, lambda number: made[number]["depth"] < 0.5), by="depth")
    assert [cell.by["depth"] for cell in found.cells] == ["0..0.1", *(f"0.{n}..0.{n + 1}" for n in range(1, 9)), "0.9..1"]
    assert [value(found, cell=place) for place in range(10)] == [1] * 5 + [0] * 5
    assert all(cell.rows == 3 for cell in found.cells), "random depths are stratified"


def test_many_lengths_are_cut_into_ten(tmp_path: Path) -> None:
    lcgen.build("needle", tmp_path / "out", lengths="1k~2k", depths="0", samples=30, haystack="noise")
    found = lcgen.score(tmp_path / "out", oracle=True, by="length")
    assert 5 <= len(found.cells) <= 10 and sum(cell.rows for cell in found.cells) == 30
    sizes = [[float(edge) for edge in str(cell.by["length"]).split("..")] for cell in found.cells]
    assert sizes == sorted(sizes) and all(high - low == pytest.approx(sizes[0][1] - sizes[0][0], abs=0.2) for low, high in sizes)
    every = sorted(row["length"] for row in rows(tmp_path / "out"))
    assert (sizes[0][0], sizes[-1][1]) == (every[0], every[-1])


def test_rows_without_a_depth_have_a_cell_of_their_own(tmp_path: Path) -> None:
    lcgen.build("needle", tmp_path / "out", lengths="1k", depths="0,1", samples=20, params={"absent": 0.5}, haystack="noise")
    found = lcgen.score(tmp_path / "out", oracle=True, by="depth")
    assert [cell.by["depth"] for cell in found.cells] == [0, 1, None] and found.cells[2].rows == 20
    assert re.search(r"^- +20 ", found.text(), re.M)


# ---- tasks that say more than means


class Judge(type(generators.get("needle"))):  # type: ignore[misc]
    """A task whose answers are yes or no, in two orders."""

    name = "judge"
    metric = "right"

    def summary(self, rows: Sequence[Row], scores: Mapping[str, np.ndarray]) -> Mapping[str, Estimate]:
        own = estimates.units(rows)
        said = {"yes": scores["said_yes"], "no": 1 - scores["said_yes"]}
        figures = {
            **super().summary(rows, scores),
            "balanced": estimates.balanced_accuracy([row["answer"] for row in rows], said, own),
            "order_gap": estimates.gap(scores["score"], [row["group_id"] for row in rows], [row["group_role"] == "short" for row in rows]),
        }  # fmt: skip
        return {name: figure for name, figure in figures.items() if figure.n}


def judged(run_rows: int = 40) -> Scored:
    """Rows of two tasks; of the first, all short ones are right and half of the long ones."""
    stream, sheet, other = Stream("judge"), Sheet(Judge()), Sheet(generators.get("needle"))
    metrics, others = Metrics(), Metrics()
    for number in range(run_rows):
        role, label = ("short", "long")[number % 2], ("yes", "no")[number // 2 % 2]
        sheet.rows.append({"id": str(number), "config": "judge_1k", "group_id": f"g{number // 2}", "group_role": role, "answer": label, "params": {}, "metadata": {}})  # fmt: skip
        right = role == "short" or number // 2 % 4 < 2
        metrics.add({"score": float(right), "right": float(right), "said_yes": float(right == (label == "yes"))})
        other.rows.append(
            {"id": f"o{number}", "config": "needle_1k", "length": 1024, "params": {}, "metadata": {"kind": stream.below(3)}}
        )
        others.add({"score": 1.0, "recall": 0.5})
    sheet.runs["model"], other.runs["model"] = metrics, others
    return Scored({"judge_1k": run_rows, "needle_1k": run_rows}, [sheet, other], [])


def test_a_task_adds_figures_of_its_own() -> None:
    found = table(judged(), ["config"], None, "zero", "here")
    first, second = found.cells
    assert (first.task, first.by, first.units) == ("judge", {"config": "judge_1k"}, 20)
    assert first.figures["model"]["order_gap"].value == 0.5 and first.figures["model"]["order_gap"].n == 20
    assert first.figures["model"]["balanced"].value == 0.75 == first.figures["model"]["score"].value
    assert {*second.figures["model"]} == {"score", "recall"}
    first_table, second_table = found.text().split("\n\n")
    assert first_table.splitlines()[0].split() == ["config", "rows", "units", "score", "said_yes", "balanced", "order_gap"]
    lines = second_table.splitlines()
    assert lines[0].split() == ["config", "rows", "units", "score", "recall"], "a table for each task, with its own figures"
    assert len(lines) == 3 and lines[1].split()[-3:] == ["0.500", "[0.500,", "0.500]"]
    assert "order_gap, 95 %" in found.text("order_gap")


def test_agreement_is_that_of_the_rows_of_a_folder(tmp_path: Path) -> None:
    lcgen.build("set_disjointness", tmp_path / "sets", lengths="700", samples=4)
    (total,) = lcgen.score(tmp_path / "sets", oracle=True).totals
    assert total.figures["oracle"]["balanced_accuracy"].value == 1 == total.figures["oracle"]["matthews"].value


def test_figures_of_places_stand_side_by_side_and_rise(tmp_path: Path) -> None:
    lcgen.build("phone_book", tmp_path / "book", lengths="2k", depths="0", params={"k_queries": (2, 8)})
    made = rows(tmp_path / "book")
    head = lcgen.score(tmp_path / "book", {row["id"]: row["answer"] for row in made}).text().splitlines()[0].split()
    assert head[head.index("place_1") :] == [
        *("place_1", "place_2", "place_3_4", "place_5_8"), *(f"quarter_{number}" for number in range(1, 5))
    ]  # fmt: skip


def test_cells_never_mix_tasks() -> None:
    found = table(judged(), ["length"], None, "zero", "here")
    assert found.by == ("task", "length")
    assert [(cell.task, cell.by["length"]) for cell in found.cells] == [("judge", None), ("needle", 1024)]
    both = table(judged(), ["metadata.kind"], None, "zero", "here")
    assert [total.task for total in both.totals] == ["judge", "needle"]
    assert re.search(r"^all needle ", both.text(), re.M) and not re.search(r"^all judge ", both.text(), re.M), "one cell is all"
    assert {cell.by["metadata.kind"] for cell in both.cells} == {None, 0, 1, 2}


def test_labels_from_outside_cannot_write_on_the_terminal() -> None:
    scored = judged(2)
    for row in scored.sheets[1].rows:
        row["metadata"]["kind"] = "\x1b[31mred\n" + "x" * 100
    text = table(scored, ["metadata.kind"], None, "zero", "here").text()
    assert "\x1b" not in text and len(text.splitlines()) == 6 and max(map(len, text.splitlines())) < 200


# ---- missing rows, and rows that are not there


@pytest.fixture
def part(made: list[dict[str, Any]]) -> Path:
    """All of 1k is answered and right, of 2k the first four rows."""
    return written("part.jsonl", answers(made[:14]))


def test_a_missing_response_is_an_empty_answer(folder: Path, part: Path) -> None:
    found = lcgen.score(folder, part)
    assert value(found, "part") == 14 / 20 and value(found, "part", cell=1) == 0.4
    assert found.notes == ["part: 6 of 20 rows have no response and count as empty answers (--missing zero): needle_2k 6 of 10."]
    assert found.plain()["files"] == [
        {"run": "part", "responses": 14, "missing": {"needle_2k": 6}, "unknown": 0, "unread": 0, "truncated": 0, "unclosed": 0}
    ]


def test_one_missing_response_is_said_in_the_singular(folder: Path, made: list[dict[str, Any]]) -> None:
    lone = written("lone.jsonl", answers(made[:19]))
    told = {
        "zero": "lone: 1 of 20 rows has no response and counts as an empty answer (--missing zero): needle_2k 1 of 10.",
        "skip": "lone: 1 of 20 rows has no response and is left out (--missing skip): needle_2k 1 of 10.",
    }
    assert {missing: lcgen.score(folder, lone, missing=missing).notes for missing in told} == {
        missing: [note] for missing, note in told.items()
    }
    says = r"1 of 20 rows has no response .* answer it, or count it as an empty answer .*, or leave it out"
    refused("score", folder, lone, "--missing", "error", code=1, says=says)


def test_a_file_of_several_formats_is_scored_and_said(folder: Path, made: list[dict[str, Any]]) -> None:
    ruler = [{"pred": row["answer"], "others": {"id": row["id"]}} for row in made[:3]]
    own = [{"id": row["id"], "response": row["answer"]} for row in made[3:]]
    Path("mixed.jsonl").write_text("".join(json.dumps(line) + "\n" for line in [*ruler, *own]))
    found = lcgen.score(folder, "mixed.jsonl")
    assert value(found, "mixed") == 1
    assert found.notes == [
        "mixed: answers in several formats (3 of RULER, 17 of lcgen); all count. Were files of two runs joined?"
    ]
    assert not lcgen.score(folder, written("one.jsonl", answers(made))).notes


def test_missing_rows_can_be_left_out_and_say_so(folder: Path, part: Path) -> None:
    found = lcgen.score(folder, part, missing="skip")
    assert value(found, "part") == 1 and found.totals[0].figures["part"]["score"] == share(14, 14)
    assert found.totals[0].scored == {"part": 14} and "are left out" in found.notes[0]
    assert re.search(r"^needle_2k +4 of 10 ", found.text(), re.M) and re.search(r"^needle_1k +10 ", found.text(), re.M)


def test_rows_left_out_are_left_out_of_both_sides(folder: Path, made: list[dict[str, Any]], part: Path) -> None:
    whole = written("whole.jsonl", answers(made, lambda number: number % 2 == 0))
    found = lcgen.score(folder, part, baseline=whole, missing="skip")
    assert found.totals[0].differences["part"]["score"].value == 0.5 and found.totals[0].differences["part"]["score"].n == 14
    assert lcgen.score(folder, part, baseline=whole).totals[0].differences["part"]["score"].value == 0.2


def test_a_config_that_nobody_answered_has_no_figures_where_it_is_left_out(folder: Path, made: list[dict[str, Any]]) -> None:
    found = lcgen.score(folder, answers(made[:10]), missing="skip")
    assert found.cells[1].figures == {"responses": {}} and found.cells[1].scored == {"responses": 0}
    assert re.search(r"^needle_2k +0 of 10 +- +- +- +-$", found.text(), re.M)


def test_missing_rows_can_be_an_error(folder: Path, part: Path) -> None:
    says = r"part.jsonl: 6 of 20 rows have no response \(needle_2k 6 of 10\).*--missing zero.*--missing skip"
    refused("score", folder, part, "--missing", "error", code=1, says=says)
    assert cli("score", folder, part, "--missing", "error", "--out", "scores.jsonl")[0] == 1
    assert not Path("scores.jsonl").exists() and not Path("scores.jsonl.part").exists()


def test_null_is_no_response_and_an_empty_text_is_one(folder: Path, made: list[dict[str, Any]]) -> None:
    said: dict[str, Any] = {**answers(made), made[0]["id"]: None, made[1]["id"]: [], made[2]["id"]: ""}
    found = lcgen.score(folder, written("a.jsonl", said), missing="skip")
    assert found.joined[0].missing.total() == 2 and value(found, "a") == 17 / 18
    again = json.dumps({"id": made[0]["id"], "response": made[0]["answer"]})
    path = Path("a.jsonl")
    path.write_text(path.read_text() + again + "\n")
    assert lcgen.score(folder, path, missing="skip").joined[0].missing.total() == 1, "a row asked again after it failed"


def test_ids_of_no_row_are_told_and_passed_over(folder: Path, made: list[dict[str, Any]]) -> None:
    code, out, err = cli("score", folder, written("more.jsonl", {**answers(made), "a": "1", "b": "2", "c": "3", "d": "4"}))
    assert code == 0 and "1.000" in out and "Note: more: 4 ids ('a', 'b', 'c', ...) of no row here, passed over." in err


def test_responses_to_another_dataset_are_refused(folder: Path) -> None:
    written("other.jsonl", {"needle-en-4k-test-0-0": "1", "x": "2"})
    says = r"other.jsonl holds no id of .*needle: it has 2 ids \('needle-en-4k-test-0-0', 'x'\), where the folder has 20 rows \('needle-en-1k"
    refused("score", folder, "other.jsonl", says=says)


# ---- files of responses


FAULTS = {
    "no file": (None, r"Cannot read the responses bad.jsonl: No such file or directory"),
    "empty": (b"", r"bad.jsonl holds no response. A line is an object such as \{\"id\""),
    "blank lines": (b"\n \n\r\n", "holds no response"),
    "only nulls": (b'{"id": "a", "response": null}\n', "holds no response"),
    "no json": (b'{"id": "a", "response": "1"}\n\nhello\n', "Of the file, line 3 cannot be read: Expecting value"),
    "cut off": (b'{"id": "a", "response": "1"}\n{"id": "b", "resp', "line 2 cannot be read: Unterminated string"),
    "no utf-8": (b'{"id": "a", "response": "\xff"}\n', "line 1 cannot be read: it is no JSON in UTF-8"),
    "deep": (b"[" * 100_000 + b"\n", "line 1 cannot be read"),
    "parquet": (b"PAR1\x15\x04\x15\x00", "line 1 cannot be read"),
    "a list": (b'[{"id": "a", "response": "1"}]\n', "line 1 is list, but must be an object with 'id' and 'response'"),
    "a number": (b"7\n", "line 1 is int, but must be an object"),
    "other keys": (b'{"doc_id": "a", "output": "1"}\n', "line 1 is an object with 'doc_id', 'output', but must be an object with 'id'"),
    "no keys": (b"{}\n", "line 1 is an object with no keys"),
    "id no string": (b'{"id": 7, "response": "1"}\n', "line 1 has the id '7', but it must be a string"),
    "response a number": (b'{"id": "a", "response": 7}\n', "line 1 has a response to 'a' that must be a string, or a list of strings"),
    "response an object": (b'{"id": "a", "response": {"text": "1"}}\n', "line 1 has a response to 'a' that must be a string"),
    "a sample that is none": (b'{"id": "a", "response": ["1", null]}\n', "line 1 has a response to 'a' that must be a string"),
    "escape codes": (b'{"id": "\\u001b[31m", "response": 7}\n', r"a response to '\\x1b\[31m' that must be"),
}  # fmt: skip


@pytest.mark.parametrize("name", FAULTS)
def test_a_file_that_cannot_be_read_is_said(name: str, folder: Path) -> None:
    content, says = FAULTS[name]
    if content is not None:
        Path("bad.jsonl").write_bytes(content)
    before = tree(Path.cwd())
    refused("score", folder, "bad.jsonl", says=says)
    assert tree(Path.cwd()) == before


def test_a_folder_in_the_place_of_a_file_is_said(folder: Path) -> None:
    refused("score", folder, folder, says="The folder .*needle holds no responses")


def test_an_id_that_stands_twice_is_said(folder: Path, made: list[dict[str, Any]]) -> None:
    line = json.dumps({"id": made[0]["id"], "response": "1"})
    Path("twice.jsonl").write_text(f"{line}\n{line}\n")
    says = f"twice.jsonl answers 1 id \\('{made[0]['id']}'\\) more than once. Several samples of a row are one line"
    refused("score", folder, "twice.jsonl", says=says)


def test_what_other_writers_add_is_no_fault(folder: Path, made: list[dict[str, Any]]) -> None:
    lines = [json.dumps({"usage": {"tokens": 7}, "response": row["answer"], "model": "m", "id": row["id"]}) for row in made]
    Path("own.jsonl").write_bytes(b"\xef\xbb\xbf" + "\r\n\r\n".join(lines).encode())
    assert value(lcgen.score(folder, "own.jsonl"), "own") == 1


def test_messages_say_it_once_and_end_in_one_stop(folder: Path, tmp_path: Path) -> None:
    Path("nokey.jsonl").write_text('{"question": "a"}\n')
    assert refused("score", folder, "nokey.jsonl").count("'response'") == 1 == refused("score", folder, "nokey.jsonl").count("{")
    copy = shutil.copytree(folder, tmp_path / "copy")
    (copy / "manifest.json").write_text("{}")
    assert ".." not in refused("verify", copy, code=1, says="is damaged: .* Remove the folder")


def test_any_text_can_be_a_response(folder: Path, made: list[dict[str, Any]]) -> None:
    odd = ["\ud800 cut off", "\x00", "x" * 10**6, "<think>" * 1000, "\u202e" * 100, "\n", "{}"]
    path = written("odd.jsonl", {row["id"]: text for row, text in zip(made, odd)})
    assert value(lcgen.score(folder, path, missing="skip"), "odd") == 0


def test_long_responses_lie_on_disk(monkeypatch: pytest.MonkeyPatch, folder: Path, made: list[dict[str, Any]]) -> None:
    monkeypatch.setattr(responses, "HELD", 1000)
    said = {row["id"]: f"<think>{'so ' * 500}</think>{row['answer']}" for row in made}
    with Responses("long", said) as run:
        assert (
            run._text._rolled
            and run.get(made[7]["id"]) == Answer(made[7]["id"], (said[made[7]["id"]],))
            and run.get("nobody") is None
        )
        assert len(run) == 20 and list(run) == list(said)
    assert value(lcgen.score(folder, said)) == 1


def test_standard_input_is_a_file_too(folder: Path, made: list[dict[str, Any]]) -> None:
    text = "".join(json.dumps({"id": name, "response": said}) + "\n" for name, said in answers(made).items())
    command = [sys.executable, "-m", "lcgen", "score", str(folder), "-"]
    run = subprocess.run(command, input=text, capture_output=True, text=True, check=True)
    assert run.stderr == "" and re.search(r"^all +20 +1.000 \[0.839, 1.000\]", run.stdout, re.M)
    bad = subprocess.run(command, input="nothing", capture_output=True, text=True, check=False)
    assert bad.returncode == 2 and "Standard input, line 1 cannot be read" in bad.stderr


# ---- the command line


def test_a_table_in_a_process_of_its_own(folder: Path, made: list[dict[str, Any]]) -> None:
    written("model.jsonl", answers(made, lambda number: number % 4 != 0))
    run = process("score", folder, "model.jsonl")
    assert run.returncode == 0 and run.stderr == "" and "\x1b" not in run.stdout
    lines = run.stdout.splitlines()
    assert lines[0].split() == ["config", "rows", "score", "recall", "any", "exact"], "what papers call it stands there once"
    assert [line.split()[:2] for line in lines[1:4]] == [["needle_1k", "10"], ["needle_2k", "10"], ["all", "20"]]
    assert lines[3].split()[2:5] == ["0.750", "[0.531,", "0.888]"] and lines[4] == "95 % intervals."
    assert process("score", folder, "model.jsonl").stdout == run.stdout


def test_files_stand_side_by_side(folder: Path, made: list[dict[str, Any]]) -> None:
    written("good.jsonl", answers(made))
    Path("other").mkdir()
    written("other/weak.jsonl", answers(made, lambda number: number % 2 == 0))
    out = done("score", folder, "good.jsonl", "other/weak.jsonl")
    assert out.splitlines()[0].split() == ["config", "rows", "good", "weak"] and out.splitlines()[-1] == "score, 95 % intervals."
    assert re.search(r"^all +20 +1.000 \[0.839, 1.000\] +0.500 \[0.299, 0.701\]$", out, re.M)
    recall = done("score", folder, "good.jsonl", "other/weak.jsonl", "--metric", "recall")
    assert recall.splitlines()[-1] == "recall, 95 % intervals."
    written("other/good.jsonl", answers(made))
    assert done("score", folder, "good.jsonl", "other/good.jsonl").split()[2:4] == ["good.jsonl", "other/good.jsonl"]


def test_a_baseline_is_compared_row_by_row(folder: Path, made: list[dict[str, Any]]) -> None:
    written("new.jsonl", answers(made, lambda number: number % 4 != 0))
    written("old.jsonl", answers(made, lambda number: number % 2 != 0))
    out = done("score", folder, "new.jsonl", "--baseline", "old.jsonl", "--oracle")
    head = re.split(r"  +", out.splitlines()[0])
    assert head == ["config", "rows", "new", "old", "oracle", "first_match", "last_match", "majority", "new - old"]
    last = re.split(r"  +", out.splitlines()[3])
    assert last[2].startswith("0.750") and last[3].startswith("0.500") and last[-1].startswith("+0.250 [+0.0")
    back = json.loads(done("score", folder, "old.jsonl", "--baseline", "new.jsonl", "--json"))
    whole = back["totals"][0]["differences"]
    assert list(whole) == ["old"] and whole["old"]["score"]["value"] == -0.25 and whole["old"]["score"]["high"] < 0


def test_the_oracle_needs_no_responses(folder: Path) -> None:
    out = done("score", folder, "--oracle", "--by", "length", "--by", "depth")
    assert out.splitlines()[0].split() == ["length", "depth", "rows", "oracle", "first_match", "last_match", "majority"]
    assert len(out.splitlines()) == 1 + 10 + 1 + 1


def test_shortcuts_do_not_find_one_fact_among_many(tmp_path: Path) -> None:
    lcgen.build("needle", tmp_path / "hard", lengths="4k", depths="0..1:0.25", samples=4, params={"keys": 20, "spread": "random"}, haystack="noise")  # fmt: skip
    figures = lcgen.score(tmp_path / "hard", oracle=True).totals[0].figures
    assert figures["oracle"]["score"].value == 1
    assert all(figures[name]["score"].value < 0.4 for name in ("first_match", "last_match", "majority"))


def test_a_file_may_be_called_like_a_shortcut(folder: Path, made: list[dict[str, Any]]) -> None:
    found = lcgen.score(folder, written("oracle.jsonl", answers(made, lambda number: False)), oracle=True)
    assert value(found, "oracle.jsonl") == 0 and value(found, "oracle") == 1


def test_json_is_the_whole_table(folder: Path, made: list[dict[str, Any]]) -> None:
    found = json.loads(
        done("score", folder, written("a.jsonl", answers(made, lambda n: n > 4)), "--by", "length,index", "--json")
    )
    assert found["by"] == ["length", "index"] and found["missing"] == "zero" and found["interval"] == 0.95
    first = found["cells"][0]
    assert first["by"] == {"length": 1024, "index": 0} and first["rows"] == first["units"] == first["scored"]["a"] == 5
    assert first["runs"]["a"]["score"] == {"value": 0.0, "low": 0.0, "high": pytest.approx(0.434482), "n": 5}
    assert "exclusive" in first["runs"]["a"] and found["totals"][0]["runs"]["a"]["score"]["value"] == 0.75
    assert found == lcgen.score(folder, "a.jsonl", by=["length", "index"]).plain()


def test_scores_of_single_rows_are_written(folder: Path, made: list[dict[str, Any]]) -> None:
    several: dict[str, Any] = {**answers(made[1:], lambda number: number > 4), made[1]["id"]: [made[1]["answer"], WRONG]}
    done("score", folder, written("a.jsonl", several), "--out", "scores.jsonl")
    lines = [json.loads(line) for line in Path("scores.jsonl").read_text().splitlines()]
    assert [line["id"] for line in lines] == [row["id"] for row in made] and {line["run"] for line in lines} == {"a"}
    assert (lines[0]["samples"], lines[0]["response"], lines[0]["scores"]["score"]) == (0, None, 0)
    assert lines[1]["samples"] == 2 and lines[1]["scores"]["score"] == 0.5
    hashes = {line["response"] for line in lines[2:6]}
    assert len(hashes) == 1 and all(re.fullmatch("[0-9a-f]{16}", one) for one in hashes), "the same was said"
    mean = math.fsum(line["scores"]["score"] for line in lines) / len(lines)
    assert mean == pytest.approx(value(lcgen.score(folder, "a.jsonl"), "a"))


@pytest.mark.parametrize(
    ("args", "says"),
    [
        ((), "Name a file of responses, or ask for --oracle"),
        (("a.jsonl", "--by", "lenght"), "Unknown field of --by 'lenght'. Did you mean length"),
        (("a.jsonl", "--by", "params.kyes"), "Unknown field of --by 'params.kyes'. Did you mean params.keys"),
        (("a.jsonl", "--by", "params"), "Unknown field of --by 'params'"),
        (("a.jsonl", "--by", ","), "Unknown field of --by ''"),
        (("a.jsonl", "--by", "input"), "--by input: input is too long"),
        (("a.jsonl", "--metric", "recal"), "Unknown figure 'recal'. Did you mean recall"),
        (("a.jsonl", "--missing", "never"), "Invalid value for '--missing'"),
        (("a.jsonl", "--baseline", "a.jsonl"), "a.jsonl is named twice"),
        (("a.jsonl", "--baseline", "nowhere.jsonl"), "Cannot read the responses nowhere.jsonl"),
        (("a.jsonl", "a.jsonl"), "a.jsonl is named twice"),
        (("a.jsonl", "--out", "a.jsonl"), "--out a.jsonl would replace the responses"),
        (("a.jsonl", "--out", "no/where.jsonl"), "Cannot write no/where.jsonl: it is in no folder"),
        (("a.jsonl", "--out", "."), "Cannot write .: it is a folder"),
    ],
    ids=lambda args: " ".join(args) if isinstance(args, tuple) else "",
)
def test_wrong_use_is_said_in_one_message(args: tuple[str, ...], says: str, folder: Path, made: list[dict[str, Any]]) -> None:
    written("a.jsonl", answers(made))
    before = tree(Path.cwd())
    refused("score", folder, *args, says=says)
    assert tree(Path.cwd()) == before


def test_a_folder_that_is_no_build_is_said(tmp_path: Path) -> None:
    written("a.jsonl", {"a": "1"})
    for name in (tmp_path, tmp_path / "nowhere"):
        refused("score", name, "a.jsonl", says="is no lcgen build: it has no manifest.json")


def test_damage_is_said(folder: Path, made: list[dict[str, Any]], tmp_path: Path) -> None:
    written("a.jsonl", answers(made))
    copy = Path(shutil.copytree(folder, tmp_path / "copy"))
    template = next((copy / "templates").iterdir())
    template.write_text(template.read_text("utf-8") + " ", encoding="utf-8")
    refused("score", copy, "--oracle", code=1, says="is not the template that the manifest names")
    done("score", copy, "a.jsonl")
    next((copy / "data" / "needle_2k").iterdir()).write_bytes(b"PAR1")
    refused("score", copy, "a.jsonl", code=1, says=r"data/needle_2k/.* cannot be read: .*`lcgen verify .*copy` says what")
    next((copy / "data" / "needle_2k").iterdir()).unlink()
    refused("score", copy, "a.jsonl", code=1, says="data/needle_2k/.* cannot be read")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a device that is always full")
def test_a_full_disk_is_said(folder: Path, made: list[dict[str, Any]]) -> None:
    written("a.jsonl", answers(made))
    Path("scores.jsonl.part").symlink_to("/dev/full")
    refused("score", folder, "a.jsonl", "--out", "scores.jsonl", says="Cannot write scores.jsonl: No space left on device")
    assert not Path("scores.jsonl").exists()


# ---- Python


def test_runs_may_be_mappings(folder: Path, made: list[dict[str, Any]]) -> None:
    good, weak = answers(made), answers(made, lambda number: number % 2 == 0)
    found = lcgen.score(folder, [good, weak])
    assert found.runs == ["responses 1", "responses 2"] and value(found, "responses 2") == 0.5
    compared = lcgen.score(str(folder), good, baseline=weak)
    assert compared.totals[0].differences["responses 1"]["score"].value == 0.5 and compared.baseline == "responses 2"
    with pytest.raises(LcgenError, match="Response 1 has a response to 'a' that must be a string"):
        lcgen.score(folder, {"a": 7})  # type: ignore[dict-item]
    with pytest.raises(LcgenError, match="The mapping holds no response"):
        lcgen.score(folder, {})
    with pytest.raises(LcgenError, match="Unknown way with missing rows 'never'. Known: error, skip, zero"):
        lcgen.score(folder, good, missing="never")  # type: ignore[arg-type]
    with pytest.raises(CheckFailed, match="The mapping: 19 of 20 rows have no response"):
        lcgen.score(folder, {made[0]["id"]: "1"}, missing="error")


def test_progress_sees_every_row(folder: Path, made: list[dict[str, Any]]) -> None:
    seen: list[tuple[int, int]] = []
    lcgen.score(folder, answers(made), progress=lambda planned, tokens: seen.append((planned, tokens)))
    assert seen == [(0, row["length"]) for row in made]


def test_what_is_long_is_not_kept(folder: Path, made: list[dict[str, Any]]) -> None:
    with Responses("model", answers(made)) as run:
        sheet = scoring.score(folder, [run]).sheets[0]
    assert len(sheet.rows) == 20 and not {*scoring.HEAVY} & {*sheet.rows[0]}
    assert {*made[0]} - {*scoring.HEAVY} | {"config", "turn"} == {*sheet.rows[0]}
    assert sheet.rows[0]["canary"] is sheet.rows[19]["canary"], "equal texts are one object"
    assert max(len(json.dumps(row)) for row in sheet.rows) < 2000
