"""Which files of responses are one run, and what it is called."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

import lcgen
from lcgen.builders import manifest, writer
from lcgen.runs import pleasant
from tests.runs import cli, done, refused


@pytest.fixture(autouse=True)
def own_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("runs") / "mix"
    lcgen.build("needle", path, lengths="512,1k,2k", depths="0,1", haystack="noise", name="needle")
    return path


@pytest.fixture(scope="module")
def parts(folder: Path) -> dict[str, list[dict[str, Any]]]:
    """The rows of each config."""
    made = manifest.of(folder)
    return {
        config: [row for file in sorted((folder / "data" / config).iterdir()) for row in writer.read(file)]
        for config in made["configs"]
    }


def written(path: str, rows: Sequence[dict[str, Any]], right: bool = True) -> str:
    """A sample log of lm-evaluation-harness."""
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    lines = [{"doc": {"id": row["id"]}, "resps": [[row["reference_output"] if right else "no"]]} for row in rows]
    Path(path).write_text("".join(json.dumps(line) + "\n" for line in lines))
    return path


def logs(home: str, parts: dict[str, list[dict[str, Any]]], right: bool = True) -> list[str]:
    """One file for each config, with the time in its name, as that harness writes them, and its summary."""
    paths = [
        written(f"{home}/samples_lcgen_{config}_2026-11-26T15-36-09.577923.jsonl", rows, right) for config, rows in parts.items()
    ]
    Path(home, "results_2026-11-26T15-36-09.577923.json").write_text(json.dumps({"results": {}}, indent=2))
    return paths


def runs(*args: Any) -> dict[str, float]:
    """Run -> its score over all rows."""
    (total,) = json.loads(done("score", *args, "--json"))["totals"]
    return {run: found["score"]["value"] for run, found in total["runs"].items()}


def test_files_of_different_rows_are_one_run_and_it_is_said(folder: Path, parts: Any) -> None:
    files = logs("out/model", parts)
    assert runs(folder, *files) == {"model": 1}
    code, _, err = cli("score", folder, *files)
    assert (
        code == 0 and err.strip() == "Note: model: 3 files answer different rows and are taken as one run; RUN=FILE names runs."
    )


def test_a_folder_is_one_run(folder: Path, parts: Any) -> None:
    logs("out/model", parts)
    code, out, err = cli("score", folder, "out")
    assert (code, err) == (0, "") and "1.000" in out and runs(folder, "out") == runs(folder, "out/") == {"out": 1}
    Path("empty").mkdir()
    refused("score", folder, "empty", says="The folder empty holds no responses")
    Path("out/other.jsonl").write_text('{"doc": {"q": 1}, "resps": [["a"]]}\n')
    _, _, err = cli("score", folder, "out")
    assert "out: passed over: out/other.jsonl, line 1 is a sample log of another data set" in err


def test_files_of_the_same_rows_are_a_run_each(folder: Path, parts: Any) -> None:
    every = [row for rows in parts.values() for row in rows]
    assert runs(folder, written("good.jsonl", every), written("bad.jsonl", every, False)) == {"good": 1, "bad": 0}


def test_a_run_that_went_on_in_a_second_file_is_told_from_a_whole_one(folder: Path, parts: Any) -> None:
    every = [row for rows in parts.values() for row in rows]
    found = runs(folder, written("b-1.jsonl", every[:2]), written("a.jsonl", every, False), written("b-2.jsonl", every[2:]))
    assert found == {"b": 1, "a": 0} and [*found] == ["b", "a"]


def test_where_several_models_stand_in_folders_each_folder_is_a_run(folder: Path, parts: Any) -> None:
    files = [*logs("out/good", parts), *logs("out/bad", parts, False)]
    assert runs(folder, *files) == {"good": 1, "bad": 0}
    nested = [
        written(f"{model}/{config}/validation.jsonl", rows, model == "m1")
        for model in ("m1", "m2")
        for config, rows in parts.items()
    ]
    assert runs(folder, *nested) == {"m1": 1, "m2": 0}


def test_what_cannot_be_told_is_refused_and_can_be_said(folder: Path, parts: Any) -> None:
    files = [written(f"all/{model}-{config}.jsonl", rows, model == "a") for config, rows in parts.items() for model in "ab"]
    refused("score", folder, *files, says="Which files are one run cannot be told: .*RUN=FILE")
    assert runs(folder, "first=all/a-*.jsonl", "second=all/b-*.jsonl") == {"first": 1, "second": 0}
    assert runs(folder, *(f"{Path(file).name[0]}={file}" for file in files)) == {"a": 1, "b": 0}
    assert runs(folder, "first=all/a-*.jsonl", "--baseline", "second=all/b-*.jsonl") == {"first": 1, "second": 0}
    refused("score", folder, "first=all/*.jsonl", says="both answer 2 ids .* not one run")
    refused("score", folder, "all", says="both answer 2 ids")
    refused("score", folder, "first=all/c-*.jsonl", says="There is no file all/c-")
    for unnamed in ("first=", "=all", "="):
        refused("score", folder, unnamed, says=f"Cannot read the responses {unnamed}: No such file")
    refused("score", folder, "oracle=all/a-needle_1k.jsonl", "--oracle", says="what --oracle calls a run")


def test_a_file_with_a_sign_in_its_name_is_that_file(folder: Path, parts: Any) -> None:
    every = [row for rows in parts.values() for row in rows]
    assert runs(folder, written("pretrained=m/run=2.jsonl", every)) == {"run=2": 1}


def test_a_file_of_other_rows_is_refused_beside_others(folder: Path, parts: Any) -> None:
    files = logs("out/model", parts)
    Path("other.jsonl").write_text('{"id": "x", "response": "1"}\n')
    refused("score", folder, *files, "other.jsonl", says="other.jsonl holds no id of")


def test_scores_are_not_written_among_the_responses(folder: Path, parts: Any) -> None:
    logs("out/model", parts)
    refused("score", folder, "out", "--out", "out/scores.jsonl", says="lie among them")


@pytest.mark.parametrize(
    ("stem", "name"),
    [
        ("samples_lcgen_needle_2k_2026-11-26T15-36-09.577923", "lcgen_needle_2k"),
        ("2026-11-26T15-36-09+00-00_needle-1k_AbCdEfGhIjKlMnOpQrStUv", "needle-1k"),
        ("2026-11-26T15-36-09-00-00_needle-1k_AbCdEfGhIjKlMnOpQrStUv", "needle-1k"),
        ("2026-11-26T15-36-09", "2026-11-26T15-36-09"),
        ("gpt-4o-2024-08-06", "gpt-4o-2024-08-06"),
    ],
)
def test_names_tell_no_time(stem: str, name: str) -> None:
    assert (pleasant(stem) == name and not re.search("T15", pleasant(stem))) or name == stem
