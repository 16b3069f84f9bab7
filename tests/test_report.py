"""The page about a folder: what it holds, how it is kept small and safe, and what is refused."""

from __future__ import annotations

import json
import re
import shutil
import sys
import xml.etree.ElementTree as ET
from pathlib import Path
from typing import Any

import pytest

import lcgen
from lcgen import excerpt
from lcgen.reporting import entries
from lcgen.reporting.charts import Bars, Heat, Lines, Points, charts
from lcgen.reporting.gather import gather
from lcgen.reporting.page import MOST_BYTES, embedded
from tests.pages import HOSTILE, answered, data, emptied, rows
from tests.runs import done, refused

pytest.importorskip("matplotlib", reason="no matplotlib here, so no report is drawn")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Needles with distractors, phone books by K, threads by number and length."""
    path = tmp_path_factory.mktemp("report") / "built"
    sets = ["needle.similar_keys=2", "needle.similar_values=2", "phone_book.k_queries=1,4",
            "multi_thread.threads=1,2", "multi_thread.thread_length=2,3", "multi_thread.variant=multi_thread"]  # fmt: skip
    lcgen.build(["needle", "phone_book", "multi_thread"], path, lengths="2k,4k", depths="0,0.5,1", params=sets)
    return path


@pytest.fixture(scope="module")
def runs(folder: Path) -> list[Path]:
    """A run that is right in two of three rows and silent in every tenth, and one that names a distractor where there is one."""
    good = answered(
        folder, folder.parent / "good.jsonl", lambda n, row, oracle: None if n % 10 == 9 else oracle if n % 3 else "no idea"
    )

    def wrong(number: int, row: dict[str, Any], oracle: str) -> str:
        rivals = [piece["value"] for piece in row["evidence"] if piece["role"] == "distractor"]
        return f"It is {rivals[0]}." if rivals else oracle if number % 2 else ""

    return [good, answered(folder, folder.parent / "bad.jsonl", wrong)]


def test_a_page_needs_nothing_else(folder: Path, runs: list[Path], tmp_path: Path) -> None:
    page = lcgen.report(folder, scores=runs, out=tmp_path / "page.html").path
    text = page.read_text(encoding="utf-8")
    assert len(text.encode()) < MOST_BYTES < 5_000_000
    policy = re.search(r'Content-Security-Policy" content="([^"]*)"', text)
    assert policy and policy[1].startswith("default-src &#39;none&#39;; script-src &#39;sha256-")
    outside = {
        link for link in re.findall(r'(?:src|href|url)\s*[=(]\s*["\']?([^"\')>\s]+)', text) if not link.startswith(("#", "data:"))
    }
    assert not outside
    assert "://" not in re.sub(r"http://www\.w3\.org/\d{4}/[\w/]+", "", text.partition('id="data"')[0])


def test_figures_show_the_numbers_of_the_score_table(folder: Path, runs: list[Path]) -> None:
    found = gather(folder, runs, None)
    drawn = {chart.name: chart for chart in charts(found, "built")}
    heat = drawn["needle_depth"]
    assert isinstance(heat, Heat) and heat.columns == ["2k", "4k"] and heat.lines == ["0", "0.5", "1"]
    table = lcgen.score(folder, runs, by="target,depth")
    for cell in table.cells:
        if cell.task == "needle":
            place = heat.columns.index(f"{cell.by['target'] // 1024}k"), heat.lines.index(f"{cell.by['depth']:g}")
            for run in ("good", "bad"):
                assert heat.maps[run][place[1]][place[0]] == cell.figures[run]["score"]
    over = drawn["phone_book_by_k_queries"]
    assert isinstance(over, Lines) and over.columns == ["1", "4"]
    table = lcgen.score(folder, runs, by="task,params.k_queries")
    expected = [cell.figures["good"]["score"] for cell in table.cells if cell.task == "phone_book"]
    assert list(over.curves["good"]) == expected and expected[0].low is not None
    threads = (
        drawn["multi_thread_by_threads_thread_length"]
        if "multi_thread_by_threads_thread_length" in drawn
        else drawn["multi_thread_by_thread_length_threads"]
    )
    assert isinstance(threads, Heat) and {*threads.columns, *threads.lines} == {"1", "2", "3"}
    lengths = drawn["lengths"]
    assert isinstance(lengths, Points) and lengths.points["needle"] == [(2048, 2048), (4096, 4096)]
    spread = drawn["depths"]
    assert isinstance(spread, Bars) and spread.counts["needle"][0] == spread.counts["needle"][19] == 2


def test_order_gaps_and_curves_inside_answers_are_panels(tmp_path: Path) -> None:
    folder = tmp_path / "sets"
    lcgen.build(
        ["set_disjointness", "longgenbench"],
        folder,
        lengths="2k",
        samples=2,
        params=["set_disjointness.twins=all", "set_disjointness.length_basis=once", "longgenbench.source=problems"],
    )
    run = answered(folder, tmp_path / "run.jsonl", lambda n, row, oracle: oracle if n % 2 else "no")
    drawn = {chart.name: chart for chart in charts(gather(folder, [run], None), "sets")}
    gap = drawn["set_disjointness_order_gap"]
    assert isinstance(gap, Lines) and not gap.unit and gap.curves["run"][0] is not None
    decay = drawn["longgenbench_by_decile"]
    assert isinstance(decay, Lines) and decay.columns == [str(n) for n in range(1, 11)]


def test_depths_anywhere_are_drawn_by_tenths(tmp_path: Path) -> None:
    folder = tmp_path / "random"
    lcgen.build("needle", folder, lengths="1k", depths="random", samples=12)
    run = answered(folder, tmp_path / "run.jsonl", lambda n, row, oracle: oracle if row["depth"] >= 0.5 else "")
    drawn = {chart.name: chart for chart in charts(gather(folder, [run], None), "random")}
    heat = drawn["needle_depth"]
    assert isinstance(heat, Heat) and heat.lines == [f"{n / 10:.1f}..{n / 10 + 0.1:.1f}" for n in range(10)]
    assert [line[0].value for line in heat.maps["run"] if line[0]] == [0.0] * 5 + [1.0] * 5


def test_variants_make_one_panel_not_one_for_each_parameter(tmp_path: Path) -> None:
    folder = tmp_path / "ruler"
    lcgen.build("needle", folder, preset="ruler", lengths="2k,4k", samples=1)
    run = answered(folder, tmp_path / "run.jsonl", lambda n, row, oracle: oracle if row["variant"] != "multivalue" else "")
    drawn = {chart.name: chart for chart in charts(gather(folder, [run], None), "ruler")}
    heat = drawn["needle_variants"]
    assert isinstance(heat, Heat) and heat.columns == ["2k", "4k"] and len(heat.lines) == 8
    means = {line: [one and one.value for one in row] for line, row in zip(heat.lines, heat.maps["run"])}
    assert means == {line: [0.0, 0.0] if line == "multivalue" else [1.0, 1.0] for line in heat.lines}
    assert "needle_by_variant" in drawn and "needle_by_keys" not in drawn


def test_failed_rows_come_first_and_say_why(folder: Path, runs: list[Path], tmp_path: Path) -> None:
    found = data(lcgen.report(folder, scores=runs, out=tmp_path / "page.html").path)
    worst = [min(run["scores"]["score"] for run in row["runs"]) for row in found["rows"]]
    assert worst == sorted(worst) and worst[0] < 1
    by_id = {row["id"]: row for row in found["rows"]}
    assert len(by_id) == sum(1 for _ in rows(folder))
    whys = 0
    for row in rows(folder):
        shown = by_id[row["id"]]
        assert shown["gold"] == row["outputs"] and shown["question"] == row["question"]
        bad = next(run for run in shown["runs"] if run["name"] == "bad")
        rivals = [piece for piece in row["evidence"] if piece["role"] == "distractor"]
        if rivals:
            whys += 1
            assert bad["why"] == [
                "Names 0 of 1 answer.",
                f"Does not name: {row['answer']}",
                f"Also names: {rivals[0]['value']} (distractor)",
            ]
    assert whys


def test_excerpts_stand_where_they_say(folder: Path, tmp_path: Path) -> None:
    by_id = {row["id"]: row for row in data(lcgen.report(folder, out=tmp_path / "page.html").path)["rows"]}
    for row in rows(folder):
        shown = by_id[row["id"]]
        for start, parts in shown["passages"]:
            at = start
            for part in parts:
                text, piece = (part, None) if isinstance(part, str) else part
                assert row["input"][at : at + len(text)] == text
                if piece is not None:
                    assert (shown["pieces"][piece]["char_start"], shown["pieces"][piece]["char_end"]) == (at, at + len(text))
                at += len(text)
        marked = {part[1] for _, parts in shown["passages"] for part in parts if not isinstance(part, str)}
        assert marked == set(range(len(shown["pieces"])))
        kept = [
            (start, start + sum(len(part if isinstance(part, str) else part[0]) for part in parts))
            for start, parts in shown["passages"]
        ]
        inside = [piece for piece in row["evidence"] if any(a < piece["char_end"] and piece["char_start"] < b for a, b in kept)]
        assert len(shown["pieces"]) == len(inside) >= min(entries.SHOWN, len(row["evidence"]))


def test_overlapping_pieces_are_cut_without_losing_text() -> None:
    text = "0123456789"
    (passage,) = excerpt.passages(text, [(2, 6), (4, 8), (2, 3)], [(0, 10)])
    assert "".join(part.text for part in passage.parts) == text
    assert {part.piece for part in passage.parts} == {None, 0, 1, 2}
    assert excerpt.around([(5, 6), (90, 95)], "x" * 100, 10) == [(0, 16), (80, 100)]


def test_excerpts_cut_no_word() -> None:
    text = " ".join(["grizzled", "starched", "a"] * 200)
    for place in range(300, 340):
        ((low, high),) = excerpt.around([(place, place + 5)], text, 100)
        assert low <= place - 100 and high >= place + 105 and " " in text[low - 1 : low + 1] and " " in text[high - 1 : high + 1]
        assert high - low <= 205 + 2 * len("grizzled")
    assert excerpt.around([(300, 305)], "字" * 1000, 100) == [(200, 405)]


def test_a_row_of_a_million_tokens_is_a_few_kilobytes(tmp_path: Path) -> None:
    folder = tmp_path / "long"
    lcgen.build("needle", folder, lengths="1m", depths="0.5", params={"similar_keys": 3})
    page = lcgen.report(folder, out=tmp_path / "page.html")
    (row,) = data(page.path)["rows"]
    assert row["size"] > 3_000_000 and len(json.dumps(row)) < 12_000
    assert len(row["marks"]) == 4


def test_more_rows_than_there_is_room_for(
    folder: Path, runs: list[Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("lcgen.reporting.gather.MOST_ROWS", 18)
    page = lcgen.report(folder, scores=runs[0], out=tmp_path / "page.html").path
    found = data(page)["rows"]
    total = sum(1 for _ in rows(folder))
    assert len(found) == 18 and f"18 of {total} rows" in page.read_text(encoding="utf-8")

    failed = [min(run["scores"]["score"] for run in row["runs"]) < 1 for row in found]
    assert failed[0] and not all(failed)


def test_a_page_is_never_larger_than_it_may_be(folder: Path, tmp_path: Path) -> None:
    long = answered(folder, tmp_path / "long.jsonl", lambda n, row, oracle: "word " * 100_000)
    page = lcgen.report(folder, scores=long, out=tmp_path / "page.html")
    assert page.bytes < MOST_BYTES
    assert all(len(run["said"][0]) < 3000 for row in data(page.path)["rows"] for run in row["runs"])


def test_heavy_figures_stand_as_pictures_and_too_many_are_refused(
    folder: Path, runs: list[Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("lcgen.reporting.page.HEAVY", 1000)
    monkeypatch.setattr("lcgen.reporting.page.DOTS", 20)
    text = lcgen.report(folder, scores=runs, out=tmp_path / "page.html").path.read_text(encoding="utf-8")
    assert re.search(r'<img alt="needle: depth by length\. [^"]+" src="data:image/png;base64,iVBOR', text)
    monkeypatch.setattr("lcgen.reporting.page.MOST_DRAWN", 1000)
    refused(
        "report", folder, "--scores", *runs, "--out", tmp_path / "no.html", says="figures of 2 runs take .* Report fewer runs"
    )


def test_scores_of_lcgen_score_are_read_too(folder: Path, runs: list[Path], tmp_path: Path) -> None:
    lcgen.score(folder, runs, out=tmp_path / "scores.jsonl")
    found = data(lcgen.report(folder, scores=tmp_path / "scores.jsonl", out=tmp_path / "a.html").path)
    direct = data(lcgen.report(folder, scores=runs, out=tmp_path / "b.html").path)
    assert found["runs"] == direct["runs"] == ["good", "bad"]
    scores = [{row["id"]: [run["scores"] for run in row["runs"]] for row in one["rows"]} for one in (found, direct)]
    assert scores[0] == scores[1]
    assert all(run["said"] is None for row in found["rows"] for run in row["runs"])


def test_hostile_texts_stay_texts(tmp_path: Path) -> None:
    corpus = tmp_path / "corpus.txt"
    corpus.write_text(" ".join(f"Sentence {n} says {HOSTILE[n % 3]} and goes on." for n in range(600)), encoding="utf-8")
    folder = tmp_path / "hostile"
    lcgen.build("needle", folder, lengths="2k", depths="0.5", haystack=str(corpus))
    run = answered(folder, tmp_path / '"><img src=x onerror=hack>$x$.jsonl', lambda n, row, oracle: "\n".join(HOSTILE))
    text = lcgen.report(folder, scores=run, out=tmp_path / "page.html").path.read_text(encoding="utf-8")
    assert text.count("<script") == text.count("</script") == 2
    assert "<img src=x" not in text and "onerror" not in re.sub(
        r'<script type="application/json".*?</script>', "", text, flags=re.S
    ).replace("&lt;img src=x onerror", "")
    (row,) = data(tmp_path / "page.html")["rows"]
    assert row["runs"][0]["said"][0].startswith(HOSTILE[0])


def test_json_ends_no_element() -> None:
    assert json.loads(embedded([*HOSTILE[:4]])) == [*HOSTILE[:4]]
    assert not {"<", ">", "&"} & {*embedded([*HOSTILE])}


def test_figures_for_papers(folder: Path, runs: list[Path], tmp_path: Path) -> None:
    out = done("report", folder, "--scores", *runs, "--out", tmp_path / "page.html", "--figures", tmp_path / "figures")
    names = {path.name for path in (tmp_path / "figures").iterdir()}
    assert {"needle_depth.svg", "needle_depth.png", "models.svg", "models.png"} <= names
    assert f"{len(names) // 2} figures as SVG and PNG" in out
    assert (tmp_path / "figures" / "models.png").read_bytes().startswith(b"\x89PNG\r\n")
    for name in names:
        if name.endswith(".svg"):
            assert ET.parse(tmp_path / "figures" / name).getroot().tag.endswith("svg")


def test_equal_folders_give_equal_pages(folder: Path, runs: list[Path], tmp_path: Path) -> None:
    pages = [lcgen.report(folder, scores=runs, out=tmp_path / f"{n}.html").path.read_bytes() for n in "ab"]
    assert pages[0] == pages[1]


def check(config: str, depth: float | None, hits: tuple[int, int, int], verdict: str = "sound") -> dict[str, Any]:
    counts = {
        name: {"n": 4, "hits": hit, "rate": hit / 4, "chance": 0.05, "p": 0.5}
        for name, hit in zip(("full", "evidence", "removed"), hits)
    }
    place = {"level": "cell", "config": config, "length": 2048, "depth": depth} if config else {"level": "task"}
    return {"task": "needle", "rows": 4, "verdict": verdict, **place, **counts}


def test_a_check_is_shown(folder: Path, tmp_path: Path) -> None:
    cells = [check("needle_2k", 0.5, (4, 4, 3), "leaking"), check("needle_4k", 0.5, (4, 3, 0)), check("", None, (4, 3, 2))]
    path = tmp_path / "check.json"
    known = [{"id": row["id"]} for row in rows(folder)][:8]
    made = {"model": "<b>a model</b>", "verdict": "leaking", "checked": 8, "cells": cells, "rows": known}
    path.write_text(json.dumps(made), encoding="utf-8")
    done("report", folder, "--check", path, "--out", tmp_path / "page.html", "--figures", tmp_path / "figures")
    text = (tmp_path / "page.html").read_text(encoding="utf-8")
    assert "&lt;b&gt;a model&lt;/b&gt; looked at 8 rows: leaking." in text and "<b>" not in text
    lines = re.findall(r"<tr>(.*?)</tr>", text.partition('<section id="check">')[2].partition("</section>")[0])
    cut = [re.findall(r"<t[dh][^>]*>(.*?)</t", line) for line in lines]
    assert cut[1:] == [
        ["needle_2k", "0.5", "4", "1.00", "1.00", "0.75", "leaking"],
        ["all of needle", "", "4", "1.00", "0.75", "0.50", "sound"],
    ]
    assert (tmp_path / "figures" / "needle_check.svg").is_file()
    for wrong, says in (
        ({"model": "m"}, "holds no check"),
        ([], "holds no check"),
        (
            {"model": "m", "verdict": "v", "checked": 1, "cells": [check("other_2k", 0, (1, 1, 1))], "rows": known},
            "check of another folder: it has other_2k",
        ),
        ({**made, "rows": [*known, {"id": "a"}, {"id": "b"}]}, r"check of another build: it has 2 rows \('a', 'b'\)"),
        ({**made, "rows": [{}]}, "holds no check"),
    ):
        path.write_text(json.dumps(wrong), encoding="utf-8")
        refused("report", folder, "--check", path, "--out", tmp_path / "no.html", says=says)
    path.write_text(
        json.dumps({"model": "m", "verdict": "v", "checked": 1, "cells": [{**cells[2], "task": "../../out"}], "rows": []}),
        encoding="utf-8",
    )
    refused("report", folder, "--check", path, "--figures", tmp_path / "more", says="another folder: it has ../../out")
    refused("report", folder, "--check", tmp_path / "gone.json", "--out", tmp_path / "no.html", says="Cannot read the check")


def test_an_empty_folder_has_a_page(tmp_path: Path) -> None:
    folder = tmp_path / "empty"
    lcgen.build("needle", folder, lengths="1k", depths="0.5")
    emptied(folder)
    assert "0 rows" in done("report", folder, "--out", tmp_path / "page.html")
    assert "holds no rows" in (tmp_path / "page.html").read_text(encoding="utf-8")


def test_what_is_refused(folder: Path, runs: list[Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    refused("report", tmp_path / "nothing", says="is no lcgen build")
    refused("report", tmp_path, says="is no lcgen build")
    refused("report", folder, "more.jsonl", says="behind --scores")
    refused("report", folder, "--scores", "gone.jsonl", says="Cannot read")
    refused("report", folder, "--scores", runs[0], runs[0], says="is named twice")
    refused("report", folder, "--out", tmp_path, says="is a folder")
    refused("report", folder, "--out", tmp_path / "no" / "page.html", says="in no folder")
    refused("report", folder, "--scores", runs[0], "--out", runs[0], says="that it is about")
    other = tmp_path / "other"
    lcgen.build("needle", other, lengths="1k", depths="0.5")
    refused("report", other, "--scores", runs[0], says="holds no id of")
    lcgen.score(folder, runs[0], out=tmp_path / "scores.jsonl")
    refused("report", other, "--scores", tmp_path / "scores.jsonl", says="scores of no row of")
    (tmp_path / "bad.jsonl").write_text('{"id": "a", "run": "b", "scores": {}}\n{"id": 1}\n', encoding="utf-8")
    refused("report", folder, "--scores", tmp_path / "bad.jsonl", says="line 2 holds no scores")
    assert not list(tmp_path.glob("*.html")) and not list(tmp_path.glob("*.part"))


def test_missing_files_and_missing_library(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    copy = tmp_path / "copy"
    shutil.copytree(folder, copy)
    next((copy / "data" / "needle_2k").iterdir()).unlink()
    refused("report", copy, "--out", tmp_path / "page.html", code=1, says="cannot be read")
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    refused("report", folder, "--out", tmp_path / "page.html", says="lcgen\\[report\\]")
    assert not (tmp_path / "page.html").exists()


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"role": "<script>"}, "Not a valid row at"),
        ({"char_start": -5}, "Not a valid row at"),
        ({"char_end": 10**9}, "does not hold|outside|evidence"),
    ],
)
def test_rows_that_are_not_as_promised_are_refused(tmp_path: Path, change: dict[str, Any], says: str) -> None:
    folder = tmp_path / "foreign"
    lcgen.build("needle", folder, lengths="1k", depths="0.5", format="jsonl")
    path = next((folder / "data" / "needle_1k").iterdir())
    row = json.loads(path.read_text(encoding="utf-8"))
    row["evidence"][0] |= change
    path.write_text(json.dumps(row) + "\n", encoding="utf-8")
    refused("report", folder, "--out", tmp_path / "page.html", code=1, says=says)
    assert not (tmp_path / "page.html").exists()


def test_rows_of_numbers_are_refused(tmp_path: Path) -> None:
    folder = tmp_path / "numbers"
    lcgen.build("set_disjointness", folder, params={"style": "tokens", "size_small": 4, "size_ratio": 4, "universe": 256})
    refused("report", folder, "--out", tmp_path / "page.html", says="rows of numbers")
