"""The harness files of a built folder, run by the real harnesses where they are installed.

`LCGEN_HARNESS_PYTHON` names a Python that has lm-eval and inspect-ai, and no lcgen: the copy in the folder must do.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

import lcgen
from lcgen import generators
from lcgen.builders import harness, manifest
from lcgen.builders.reading import every_row
from lcgen.builders.vendor import vendored
from tests.loopback import OWNER, Hub

SCRIPTS = Path(__file__).parent / "harness"
PYTHON = os.environ.get("LCGEN_HARNESS_PYTHON", "")
# Tasks of rows with text, at settings that are quick to build.
LENGTHS = dict.fromkeys(generators.names(), "1k") | {"ancestral_trace": "2k", "multi_thread": "2k", "set_disjointness": "2k"}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("harness") / "built"
    lcgen.build(["needle", "phone_book"], path, lengths="1k,2k", depths="0,1", samples=1, name="mix")
    return path


def _plain(path: Path) -> dict[str, Any]:
    return harness._Plain.read(path.read_text(encoding="utf-8"))


def _rows(folder: Path) -> list[dict[str, Any]]:
    made = manifest.load(folder)
    assert made is not None
    return [row for _, row in every_row(folder, made)]


def test_sheets_and_groups_cover_every_config(folder: Path) -> None:
    made = manifest.load(folder)
    assert made is not None
    for config in made["configs"]:
        sheet = _plain(folder / f"lm_eval/{config}.yaml")
        row = next(row for _, row in every_row(folder, {**made, "configs": [config]}))
        assert (
            sheet["generation_kwargs"]["max_gen_toks"] == row["max_new_tokens"]
            and sheet["generation_kwargs"]["until"] == row["stop"]
        )
        assert sheet["dataset_kwargs"] == {"config": config}
    groups = {path.stem: _plain(path)["task"] for path in (folder / "lm_eval").glob("*.yaml") if "group" in _plain(path)}
    assert groups["needle"] == ["lcgen_needle_1k", "lcgen_needle_2k"]
    assert groups["mix_all_2k"] == ["lcgen_needle_2k", "lcgen_phone_book_2k"]
    assert set(groups["mix_all"]) == {f"lcgen_{config}" for config in made["configs"]}


def test_eval_yaml_has_configs_of_one_answer_only(tmp_path: Path) -> None:
    lcgen.build("needle", tmp_path / "one", lengths="1k", depths="0.5")
    lcgen.build("needle", tmp_path / "two", lengths="1k", depths="0.5", params={"keys": 2, "queries": 2})
    one, two = (yaml.safe_load((tmp_path / name / "eval.yaml").read_text()) for name in ("one", "two"))
    assert [task["id"] for task in one["tasks"]] == ["needle_1k"] and one["evaluation_framework"] == "inspect-ai"
    assert two["tasks"] == []


def test_sheets_that_name_repository_and_tag(folder: Path) -> None:
    found = harness.pinned(folder, "org/name", "v1")
    made = manifest.load(folder)
    assert made is not None and {Path(path).stem for path in found} == {*made["configs"], "lcgen_rows"}
    sheet = harness._Plain.read(found["lm_eval/hub/needle_1k.yaml"])
    assert sheet["dataset_path"] == "org/name" and sheet["dataset_kwargs"] == {"revision": "v1"} and sheet["test_split"] == "test"
    assert (
        "custom_dataset" not in sheet and (folder / "lm_eval/needle_1k.yaml").read_text() != found["lm_eval/hub/needle_1k.yaml"]
    )


def test_a_harness_file_that_is_changed_or_missing_is_a_fault_and_is_made_again(folder: Path, tmp_path: Path) -> None:
    made = manifest.load(folder)
    assert made is not None
    noted = [name for name in made["derived"] if not name.startswith(("schemas/", "data/"))]
    assert set(noted) == {path.relative_to(folder).as_posix() for path in _harness_files(folder)}
    built = tmp_path / "built"
    shutil.copytree(folder, built)
    names = ("lm_eval/lcgen/generators/needle.py", "lm_eval/needle_1k.yaml", "lm_eval/lcgen_rows.py", "inspect_tasks.py")
    others = (harness.EVAL, "schemas/row.schema.json", "data/preview/preview-000000.parquet")
    for name in (*others, *names[1:], names[0]):  # the last stays away
        kept = (built / name).read_bytes()
        (built / name).write_bytes(kept[:9] + bytes([kept[9] ^ 1]) + kept[10:])
        assert lcgen.verify(built).faults == [f"{name} is not the file that the manifest names."]
        (built / name).unlink()
        assert lcgen.verify(built).faults == [f"{name} is missing."]
        if name != names[0]:
            (built / name).write_bytes(kept)
    (built / "lm_eval/mix_all.yaml").write_text("group: another\n")
    card = (built / "README.md").read_bytes()
    for old, new in (
        (b"cc0-1.0", b"cc0-1.0\nextra: x"),
        (b"## Papers", b"## Papers\n\nMine is best."),
        (b"config_name: needle", b"config_name: x"),
    ):
        assert old in card
        (built / "README.md").write_bytes(card.replace(old, new, 1))
        assert "README.md is not the card that the manifest names." in lcgen.verify(built).faults
    (built / "README.md").write_bytes(b"\xff---\n: [")
    assert "README.md is not the card that the manifest names." in lcgen.verify(built).faults
    again = lcgen.build(["needle", "phone_book"], built, lengths="1k,2k", depths="0,1", samples=1, name="mix")
    assert again.written == 0 and not lcgen.verify(built).faults
    assert all((built / name).read_bytes() == (folder / name).read_bytes() for name in noted)


def _harness_files(folder: Path) -> list[Path]:
    sheets = [path for path in (folder / "lm_eval").rglob("*") if path.is_file() and "__pycache__" not in path.parts]
    return [*sheets, *folder.glob("*.py"), folder / harness.EVAL]


def test_a_manifest_names_no_file_outside_the_folder(folder: Path, tmp_path: Path) -> None:
    built = tmp_path / "built"
    shutil.copytree(folder, built)
    text = (built / manifest.FILE).read_text()
    for bad in ("../eval.yaml", "/etc/passwd", "lm_eval/../../x", "README/x", ".ssh"):
        (built / manifest.FILE).write_text(text.replace('"eval.yaml"', json.dumps(bad)))
        with pytest.raises(lcgen.LcgenError, match="damaged"):
            lcgen.verify(built)


def test_force_takes_harness_files_of_the_old_build_away(tmp_path: Path) -> None:
    lcgen.build("needle", tmp_path / "a", lengths="1k", depths="0.5", name="first")
    lcgen.build("phone_book", tmp_path / "a", lengths="1k", depths="0.5", force=True)
    assert not (tmp_path / "a/lm_eval/first_1k.yaml").exists() and (tmp_path / "a/lm_eval/phone_book_1k.yaml").exists()
    assert not (tmp_path / "a/lm_eval/lcgen/generators/needle.py").exists()


SCORE = """
import importlib.util, json, sys
class NoLcgen:
    def find_spec(self, name, path=None, target=None):
        # The copy is found on sys.path by the usual finder; an installed lcgen is as if it were not there.
        if name == "lcgen" and not any(entry.endswith("lm_eval") for entry in sys.path):
            raise ModuleNotFoundError(name)
if sys.argv[2] == "copy":
    sys.path[:] = [entry for entry in sys.path if not entry.endswith("/src")]
    sys.meta_path[:] = [NoLcgen(), *(finder for finder in sys.meta_path if "ditable" not in repr(finder))]
spec = importlib.util.spec_from_file_location("rows", sys.argv[1] + "/lm_eval/lcgen_rows.py")
rows = importlib.util.module_from_spec(spec); spec.loader.exec_module(rows)
found = [rows.score(row, said) for row, said in json.load(sys.stdin)]
print(json.dumps({"scores": found, "where": sys.modules["lcgen"].__file__}))
"""


@pytest.mark.parametrize("task", LENGTHS)
def test_the_copy_scores_as_the_package(task: str, tmp_path: Path) -> None:
    built = tmp_path / "built"
    lcgen.build(task, built, lengths=LENGTHS[task], samples=1)
    cases = [
        (row, said)
        for row in _rows(built)[:3]
        for said in (row["reference_output"], "", row["question"], f"<think>{row['answer']}", "It is 7.")
    ]
    scores = {}
    for which in ("copy", "package"):
        shutil.move(built, tmp_path / which)
        run = subprocess.run(
            [sys.executable, "-c", SCORE, str(tmp_path / which), which],
            input=json.dumps(cases), capture_output=True, text=True, cwd=tmp_path, check=False,
        )  # fmt: skip
        assert run.returncode == 0, run.stderr
        said = json.loads(run.stdout)
        assert ("lm_eval/lcgen" in said["where"]) == (which == "copy")
        scores[which] = said["scores"]
        shutil.move(tmp_path / which, built)
    assert scores["copy"] == scores["package"] == [dict(generators.get(task).score(said, row)) for row, said in cases]


@pytest.mark.parametrize(
    ("file", "package"),
    [
        ("inspect_tasks.py", "inspect_ai"),
        ("lighteval_tasks.py", "lighteval"),
        ("opencompass_lcgen.py", "opencompass"),
        ("lm_eval/lcgen_rows.py", "lm_eval"),
    ],
)
def test_a_harness_that_is_too_old_is_told(file: str, package: str, folder: Path, tmp_path: Path) -> None:
    """Before anything of the harness is imported, which might fail in its own words."""
    info = tmp_path / "site" / f"{package}-0.0.1.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {package}\nVersion: 0.0.1\n")
    (tmp_path / "site" / package).mkdir()
    (tmp_path / "site" / package / "__init__.py").write_text(
        "" if package == "lm_eval" else "raise SystemExit('imported too early')"
    )
    code = "import sys, runpy; sys.path.insert(0, sys.argv[1])\nif sys.argv[2] == 'lm_eval': import lm_eval\nrunpy.run_path(sys.argv[3])"
    command = [sys.executable, "-c", code, str(tmp_path / "site"), package, str(folder / file)]
    run = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, check=False)
    assert (
        run.returncode and f"ImportError: {package} 0.0.1 is too old for the files of this folder: run pip install" in run.stderr
    )


def test_the_copy_holds_no_builder() -> None:
    held = vendored(["needle"])
    assert "generators/needle.py" in held and "grading/metric.py" in held
    assert not [name for name in held if name.startswith(("builders", "verbs", "cli"))]


def _harness(script: str, *args: Any, cwd: Path, module: str, **more: str) -> dict[str, Any]:
    """Runs a script in the Python of the harnesses; skips where that has none."""
    python = PYTHON or sys.executable
    there = subprocess.run([python, "-c", f"import {module}"], capture_output=True, check=False)
    if there.returncode:
        pytest.skip(f"{module} is not installed; LCGEN_HARNESS_PYTHON names a Python that has it")
    environment = {**os.environ, "HF_HUB_OFFLINE": "1", "HF_HOME": str(cwd / "home"), **more}
    run = subprocess.run(
        [python, str(SCRIPTS / script), *map(str, args)], cwd=cwd, env=environment, capture_output=True, text=True, check=False
    )
    assert run.returncode == 0, run.stderr[-3000:]
    found: dict[str, Any] = json.loads(run.stdout.strip().splitlines()[-1])
    return found


@pytest.mark.slow
@pytest.mark.parametrize(("mode", "score"), [("oracle", 1.0), ("empty", 0.0), ("dummy", 0.0)])
def test_lm_eval_runs_a_moved_copy(mode: str, score: float, folder: Path, tmp_path: Path) -> None:
    shutil.copytree(folder, tmp_path / "moved")
    found = _harness("lm_eval_run.py", tmp_path / "moved", "lcgen_mix_all", mode, cwd=tmp_path, module="lm_eval")
    assert set(found["scores"].values()) == {score} and len(found["scores"]) == 5
    assert sum(found["samples"].values()) == len(_rows(folder))
    if mode != "dummy":
        prompt, arguments = found["first"][0]
        assert prompt in {row["input"] for row in _rows(folder)} and arguments["until"] == []


@pytest.mark.slow
@pytest.mark.parametrize(("mode", "score"), [("oracle", 1.0), ("empty", 0.0)])
def test_inspect_runs_a_moved_copy_and_its_log_is_scored(mode: str, score: float, folder: Path, tmp_path: Path) -> None:
    shutil.copytree(folder, tmp_path / "moved")
    found = _harness(
        "inspect_run.py", tmp_path / "moved", "needle_1k", mode, tmp_path / "logs", cwd=tmp_path, module="inspect_ai"
    )
    assert found["mean"] == score and found["samples"] == 2
    scored = lcgen.score(folder, found["log"], missing="skip")
    assert scored.totals[0].figures[scored.runs[0]]["score"].value == score


@pytest.mark.slow
@pytest.mark.parametrize(("mode", "score"), [("oracle", 100.0), ("empty", 0.0)])
def test_opencompass_runs_a_moved_copy(mode: str, score: float, folder: Path, tmp_path: Path) -> None:
    shutil.copytree(folder, tmp_path / "moved")
    found = _harness("opencompass_run.py", tmp_path / "moved", mode, cwd=tmp_path, module="opencompass")
    assert len(found) == 4 and set(found.values()) == {score}


@pytest.mark.slow
def test_lighteval_reads_a_moved_copy_and_judges_by_it(folder: Path, tmp_path: Path) -> None:
    shutil.copytree(folder, tmp_path / "moved")
    found = _harness("lighteval_run.py", tmp_path / "moved", "needle_1k", cwd=tmp_path, module="lighteval")
    assert found == {"oracle": [1.0, 1.0], "empty": [0.0, 0.0]}


@pytest.mark.slow
def test_what_lm_eval_sends_fits_the_window(tmp_path: Path) -> None:
    """A chat template, BOS and the budget of the answer, counted by that harness with a tokenizer and a tiny model of its own."""
    found = _harness("lm_eval_length.py", "make", tmp_path / "model", cwd=tmp_path, module="lm_eval.models.huggingface")
    assert found["made"]
    for audience in ("chat", "base"):
        built = tmp_path / audience
        lcgen.build("needle", built, lengths="1k", depths="0,1", tokenizer=str(tmp_path / "model"), audience=audience)
        sent = _harness(
            "lm_eval_length.py", "run", tmp_path / "model", built, audience, cwd=tmp_path, module="lm_eval.models.huggingface"
        )
        rows = {row["id"]: row for row in _rows(built)}
        assert set(sent["tokens"]) == set(rows) and sent["scores"]
        for name, tokens in sent["tokens"].items():
            row = rows[name]
            assert tokens + row["max_new_tokens"] <= row["max_length"] == 1024
            if audience == "chat":
                assert tokens == row["prompt_tokens"]


@pytest.mark.slow
def test_lm_eval_runs_sheets_that_name_a_repository(hub: Hub, folder: Path, tmp_path: Path) -> None:
    """The sheets alone, with rows pulled from the Hub by tag; and a snapshot of the repository, as it is."""
    lcgen.push(folder, "org/mix", tag="v1")
    commit = hub["org/mix"].at("v1")
    assert commit is not None
    for path, blob in commit.tree.items():
        for place in ("snapshot", *(["sheets"] if path.startswith("lm_eval/") else [])):
            (tmp_path / place / path).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / place / path).write_bytes(blob.data)
    online = {"HF_HUB_OFFLINE": "0", "HF_ENDPOINT": hub.url, "HF_TOKEN": OWNER, "HF_HUB_DISABLE_XET": "1"}
    for place, task, more in (("sheets", "lcgen_needle_1k_hub", online), ("snapshot", "lcgen_mix_all", {})):
        found = _harness("lm_eval_run.py", tmp_path / place, task, "oracle", cwd=tmp_path, module="lm_eval", **more)
        assert set(found["scores"].values()) == {1.0}
