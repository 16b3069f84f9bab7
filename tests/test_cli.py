"""Whole commands, end to end: what they print, what they write, and what can be done with it."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
import pytest

import lcgen
from lcgen import cache, generators, templates, tokens, wanted
from lcgen.builders import writer
from lcgen.cli import main
from lcgen.verbs.options import Option
from tests.runs import cli, done, process, refused, tree

SMALL = ("--haystack", "noise", "--depths", "0,1")
CHAT = "{% for m in messages %}<|{{ m.role }}|>\n{{ m.content }}<|end|>\n{% endfor %}{% if add_generation_prompt %}<|assistant|>\n{% endif %}"
# A layout as published tests have it, question at both ends, in words of our own.
FOREIGN = """{% macro needle(key, value) -%}
One of the special pass codes for {{ key }} has been set to: {{ value }}.
{%- endmacro %}
{% macro ask(keys, doubtful) -%}
What are all the special pass codes for {{ keys | join(", and ") }} that the document below sets?
{%- endmacro %}
Some special pass codes are hidden in the document below. Learn them by heart. You will be quizzed on them.
{% if place != "after" %}
{{ question }}
{% endif %}
[DOCUMENT]
{{ context }}
[/DOCUMENT]
{{ pad }}
{% if place != "before" %}
{{ question }}
{% endif %}
{{ "The special pass codes are" if audience == "base" else "List them, nothing else." }}
"""


@pytest.fixture(autouse=True)
def own_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Every test runs in a folder of its own, as a user would."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture(scope="module")
def example(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A built folder, not to be changed."""
    folder = tmp_path_factory.mktemp("example") / "needle"
    done("build", "needle", *SMALL, "--lengths", "1k,2k", "--samples", 2, "--out", folder)
    return folder


@pytest.fixture
def folder(example: Path, tmp_path: Path) -> Path:
    """A copy of it, to be changed."""
    return Path(shutil.copytree(example, tmp_path / "needle"))


def rows(folder: Path, config: str) -> list[dict[str, Any]]:
    return [row for file in sorted((folder / "data" / config).iterdir()) for row in writer.read(file)]


def made(**options: Any) -> list[dict[str, Any]]:
    return list(lcgen.generate("needle", **{"haystack": "noise", "lengths": "1k", "depths": "0.5", **options}))


# ---- first impression


def test_help_and_import_load_nothing_heavy() -> None:
    """`lcgen --help` answers at once: what computes is imported by what computes."""
    code = """
import sys, click
light = set(sys.modules)
import lcgen
from lcgen.cli import main
from lcgen.verbs.options import Option
for args in (["--help"], ["--version"], ["build", "--help"], ["show", "--help"], ["verify", "--help"], ["score", "--help"], ["corpus", "add", "--help"], ["buidl"]):
    try:
        main(args)
    except SystemExit:
        pass
own = {name for name in sys.modules if name.partition(".")[0] == "lcgen"}
print(sorted(name for name in set(sys.modules) - light if "." not in name), sorted(own), file=sys.stderr)
"""
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    loaded = set(re.findall(r"'([\w.]+)'", run.stderr))
    heavy = {
        "torch",
        "datasets",
        "pandas",
        "numpy",
        "pyarrow",
        "splintr",
        "jinja2",
        "jsonschema",
        "yaml",
        "tqdm",
        "tokenizers",
        "faker",
        "huggingface_hub",
    }
    assert not loaded & (heavy | {"asyncio", "importlib.metadata", "email", "http", "urllib3"}), loaded
    assert {name for name in loaded if name.startswith("lcgen") and not name.startswith("lcgen.verbs")} == {
        "lcgen",
        "lcgen.cli",
        "lcgen.errors",
        "lcgen.progress",
    }
    assert run.stdout.count("Usage: ") == 6 and "Did you mean" in run.stderr


def test_help_states_the_defaults_that_hold() -> None:
    """Help is written without importing what reads options, so what it says is held to it here."""
    rows = {option.name: option for option in main.commands["build"].params if isinstance(option, Option) and option.of_spec}
    stated = {
        name: option.default
        for name, option in rows.items()
        if name in wanted.DEFAULTS and not (option.multiple or option.is_flag)
    }
    assert len(stated) > 6 and {**stated, "seed": int(stated["seed"])} == {name: wanted.DEFAULTS[name] for name in stated}
    assert rows["lengths"].otherwise == wanted.DEFAULT_LENGTHS


def test_a_build_loads_no_more_than_it_needs(tmp_path: Path) -> None:
    """pandas, which Arrow imports where it is asked to read Python's own values, takes half a second of every build."""
    code = """
import sys
from lcgen.cli import main
main(["build", "needle", "--lengths", "2k", "--out", "made"], standalone_mode=False)
print(sorted({name.partition(".")[0] for name in sys.modules}), file=sys.stderr)
"""
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=tmp_path)
    assert not set(re.findall(r"'(\w+)'", run.stderr)) & {"pandas", "datasets", "torch", "transformers", "faker"}


def commands(command: click.Command, *path: str) -> Iterator[tuple[tuple[str, ...], click.Command]]:
    yield path, command
    if isinstance(command, click.Group):
        for name, child in command.commands.items():
            yield from commands(child, *path, name)


@pytest.mark.parametrize(
    ("path", "command"), list(commands(main)), ids=lambda value: " ".join(value) if isinstance(value, tuple) else ""
)
def test_every_verb_has_help_worth_reading(path: tuple[str, ...], command: click.Command) -> None:
    text = done(*path, "--help")
    assert text == done(*path, "-h")
    assert command.help and re.match(r"[A-Z].*\.", command.help), "a sentence"
    assert all(len(line) <= 110 for line in text.splitlines())
    assert "..." not in re.sub(r"TASK\.\.\.|\[ARGS\]\.\.\.|\[RESPONSES\]\.\.\.", "", text), "nothing is cut off"
    for param in command.params:
        if isinstance(param, click.Option) and param.name not in ("help", "version"):
            # A sentence, or values as they are typed; what holds without the option stands behind it, in one spelling.
            assert re.match(r"[A-Z]|[a-z]+, ", param.help or "") and (param.help or "").endswith("."), param
            assert isinstance(param, Option) and param.group != "Other" and param.show_default is None, param
    assert "default:" not in text and "FOLDER" not in text
    for param in command.params:
        assert not isinstance(param, click.Argument) or param.name != "folder" or param.metavar == "DIR"


@pytest.mark.parametrize(
    ("path", "command"),
    [(p, c) for p, c in commands(main) if not isinstance(c, click.Group)],
    ids=lambda v: " ".join(v) if isinstance(v, tuple) else "",
)
def test_every_verb_speaks_to_machines_too(path: tuple[str, ...], command: click.Command) -> None:
    """`--json` is one option with one heading."""
    (found,) = [param for param in command.params if "--json" in param.opts]
    assert isinstance(found, Option) and found.group == "Where it goes" and found.name == "as_json"
    assert re.search(r"^Where it goes:\n(?:  .*\n)*?  --json +\S", done(*path, "--help"), re.M)


def test_show_offers_nothing_that_one_row_has_not() -> None:
    text = " ".join(done("show", "--help").split())
    assert "--samples" not in text and "[4k, or the native size]" in text and "random. [0.5]" in text
    refused("show", "needle", "--samples", "2", says="No such option", code=2)


def test_options_stand_under_headings() -> None:
    text = done("build", "--help")
    headings = re.findall(r"^([A-Z][\w ]+):$", text, re.M)
    assert headings == ["What to build", "What a model gets", "Where it goes", "How it is done", "Other"]
    for option in ("--lengths", "--depths", "--samples", "--seed", "--split", "--tokenizer", "--haystack", "--lang", "--preset", "--set", "--template", "--for", "--chat-template", "--chat-template-arg", "--thinking", "--answer-tokens", "--reserve", "--paired", "--disjoint-pools", "--pool-share", "--questions-per-context", "--name", "--out", "--verify", "--format", "--force"):  # fmt: skip
        assert re.search(rf"^  {option}\b", text, re.M), option


def test_a_build_in_a_process_ends_with_four_lines(tmp_path: Path) -> None:
    first = process("build", "needle", *SMALL, "--lengths", "1k..2k", cwd=tmp_path)
    assert first.returncode == 0, first
    assert re.fullmatch(r"Note: up to \d\d% of a row's text stands earlier in it \(column haystack_repeat\)\.\n", first.stderr)
    lines = first.stdout.splitlines()
    assert len(lines) == 4
    assert re.fullmatch(r"\./needle: 4 rows, [\d.]+ [kM]B, built in [\d.]+ s; \d encoded and solved again\.", lines[0])
    assert lines[1].startswith("Counted in o200k_base with no chat wrapper, 64 tokens in reserve; for your model")
    assert lines[1].endswith(": --tokenizer ORG/MODEL.")
    assert lines[2] == 'Load: datasets.load_dataset("./needle", "needle_1k", split="test")'
    assert lines[3] == "Next: lcgen verify ./needle   or   lcgen tasks needle"
    before = {path: path.stat().st_mtime_ns for path in (tmp_path / "needle").rglob("*")}
    second = process("build", "needle", *SMALL, "--lengths", "1k..2k", cwd=tmp_path)
    assert re.search(r"up to date; \d encoded and solved again when they were made\.$", second.stdout.splitlines()[0])
    assert second.returncode == 0 and "built in" not in second.stdout
    assert second.stdout.splitlines()[1:] == lines[1:]
    assert {path: path.stat().st_mtime_ns for path in (tmp_path / "needle").rglob("*")} == before
    checked = process("verify", "./needle", cwd=tmp_path)
    assert (checked.returncode, checked.stderr) == (0, "") and checked.stdout.endswith("all hold.\n")


def test_the_folder_is_named_as_it_can_be_typed(tmp_path: Path) -> None:
    out = done("build", "needle", *SMALL, "--lengths", "1k", "--out", "my 'own' \"data\"").splitlines()
    assert 'load_dataset("./my \'own\' \\"data\\"", "needle_1k"' in out[2]
    target = out[3].removeprefix("Next: lcgen verify ").partition("   or")[0]
    assert subprocess.run(["ls", "-d", "--", "my 'own' \"data\""], check=True, capture_output=True, text=True, cwd=tmp_path)
    assert subprocess.run(f"ls -d {target}", shell=True, check=True, capture_output=True, text=True, cwd=tmp_path)
    (tmp_path / "here").mkdir()
    os.chdir(tmp_path / "here")
    assert done("build", "needle", *SMALL, "--lengths", "1k", "--out", ".").startswith(".: 2 rows")
    assert done("build", "needle", *SMALL, "--lengths", "1k", "--out", "../there").startswith("../there: 2 rows")


def test_a_pipe_that_closes_is_no_error(tmp_path: Path) -> None:
    command = f"'{sys.executable}' -m lcgen show needle --haystack noise --full --lengths 128k | head -c 10"
    run = subprocess.run(["bash", "-c", command], capture_output=True, text=True, cwd=tmp_path, check=False)
    assert len(run.stdout) == 10 and "Traceback" not in run.stderr and "Error" not in run.stderr


# ---- build


def test_json_says_what_was_done(tmp_path: Path) -> None:
    found = json.loads(done("build", "needle", *SMALL, "--lengths", "1k,2k", "--json"))
    assert found["folder"] == str(tmp_path / "needle") and found["configs"] == {"needle_1k": 2, "needle_2k": 2}
    assert (found["rows"], found["written"], found["tokenizer"], found["wrapper"], found["reserve"]) == (
        4,
        2,
        "o200k_base",
        "none",
        64,
    )
    assert json.loads(done("build", "needle", *SMALL, "--lengths", "1k,2k", "--json")) == {**found, "written": 0}


def test_the_python_calls_do_the_same(example: Path, tmp_path: Path) -> None:
    report = lcgen.build("needle", tmp_path / "b", haystack="noise", depths="0,1", lengths="1k,2k", samples=2)
    assert report.rows == 8 and tree(tmp_path / "b") == tree(example)
    given = list(lcgen.generate("needle", haystack="noise", depths="0,1", lengths="1k,2k", samples=2))
    assert given == [*rows(example, "needle_1k"), *rows(example, "needle_2k")]
    assert lcgen.verify(example).faults == [] and lcgen.verify(str(example), full=True).solved == 8


def test_a_folder_holds_what_the_plan_says(example: Path) -> None:
    held = sorted(name for name, data in (tree(example) or {}).items() if data != b"(folder)")
    assert [name for name in held if not name.startswith("lm_eval/lcgen/")] == [
        "README.md",
        "data/needle_1k/test-000000.parquet",
        "data/needle_2k/test-000000.parquet",
        "data/preview/preview-000000.parquet",
        "eval.yaml",
        "inspect_tasks.py",
        "lighteval_tasks.py",
        "lm_eval/lcgen_rows.py",
        "lm_eval/needle.yaml",
        "lm_eval/needle_1k.yaml",
        "lm_eval/needle_2k.yaml",
        "manifest.json",
        "opencompass_lcgen.py",
        "opencompass_tasks.py",
        "schemas/needle.schema.json",
        "schemas/row.schema.json",
        "templates/needle.en.j2",
    ]
    text = (example / "manifest.json").read_text("utf-8") + (example / "README.md").read_text("utf-8")
    assert str(example) not in text and str(Path.home()) not in text, "no path of this machine"


def test_lengths_and_samples_extend_a_folder(folder: Path) -> None:
    before = tree(folder) or {}
    known = {row["id"]: row for config in ("needle_1k", "needle_2k") for row in rows(folder, config)}
    out = done("build", "needle", *SMALL, "--lengths", "512", "--samples", 3, "--out", folder)
    assert "18 rows" in out and "up to date" not in out
    assert sorted(path.name for path in (folder / "data").iterdir()) == ["needle_1k", "needle_2k", "needle_512", "preview"]
    grown = [row for config in ("needle_512", "needle_1k", "needle_2k") for row in rows(folder, config)]
    assert len(grown) == 18 and all(row == known[row["id"]] for row in grown if row["id"] in known)
    assert len(known) == 8 == sum(row["id"] in known for row in grown)
    assert before["manifest.json"] != (tree(folder) or {})["manifest.json"] and lcgen.verify(folder, full=True).faults == []
    assert "up to date" in done("build", "needle", *SMALL, "--lengths", "2k", "--samples", 3, "--out", folder), (
        "a part of it is there already"
    )


def test_a_new_length_leaves_the_other_files_alone(folder: Path) -> None:
    files = [path for path in (folder / "data").rglob("test-*") if path.is_file()]
    before = [(path.stat().st_mtime_ns, path.read_bytes()) for path in files]
    done("build", "needle", *SMALL, "--lengths", "512", "--samples", 2, "--out", folder)
    assert [(path.stat().st_mtime_ns, path.read_bytes()) for path in files] == before


@pytest.mark.parametrize(
    ("other", "says"),
    [
        (("--seed", 1), "seed is 0, not 1"),
        (("--haystack", "records"), "haystack is noise.*not records"),
        (("--tokenizer", "llama3"), "tokenizer is o200k_base.*not llama3"),
        (("--set", "keys=2"), "needle: params is the defaults, not keys=2"),
        (("--depths", "0.5"), "depths is 0.0,1.0, not 0.5"),
        (("--split", "train"), "split is test, not train"),
        (("--lang", "zh"), "lang is en, not zh"),
        (("--for", "base"), "audience is chat, not base"),
        (("--thinking", 64), "thinking is 0, not 64"),
        (("--answer-tokens", 64), "answer_tokens is .*, not 64"),
        (("--reserve", 0), "reserve is none, not 0"),
        (("--paired",), "paired is false, not true"),
        (("--format", "jsonl"), "format is parquet, not jsonl"),
        (("--name", "mine"), "name is needle, not mine"),
        (("--preset", "passkey", "--name", "needle"), "preset is none, not passkey"),
        (("--template", "mine.j2"), "template is none, not"),
    ],
    ids=lambda value: str(value[0]) if isinstance(value, tuple) else "",
)
def test_another_build_is_refused_by_its_difference(example: Path, other: tuple[Any, ...], says: str) -> None:
    Path("mine.j2").write_text(FOREIGN, encoding="utf-8")
    before = tree(example)
    message = refused("build", "needle", *SMALL, "--lengths", "1k,2k", "--samples", 2, *other, "--out", example, says=says)
    assert "another build" in message and "--force" in message and "--out" in message
    assert tree(example) == before


def test_force_replaces_the_build_and_nothing_else(folder: Path) -> None:
    (folder / "notes.txt").write_text("mine")
    (folder / "data" / "mine.txt").write_text("mine too")
    (folder / ".git" / "refs" / "heads").mkdir(parents=True)
    done("build", "needle", *SMALL, "--lengths", "512", "--seed", 1, "--name", "other", "--out", folder, "--force")
    assert sorted(path.name for path in (folder / "data").iterdir()) == ["mine.txt", "other_512", "preview"]
    assert (folder / "notes.txt").read_text() == "mine" and (folder / "data" / "mine.txt").read_text() == "mine too"
    # Git needs its folders also where they are empty.
    assert (folder / ".git" / "refs" / "heads").is_dir()
    (folder / "data" / "mine.txt").unlink()
    assert lcgen.verify(folder, full=True).faults == [] and {row["seed"] for row in rows(folder, "other_512")} == {"1"}


def test_verify_options_decide_how_much_is_checked(tmp_path: Path) -> None:
    for mode, checked in (("none", 0), ("full", 2)):
        done("build", "needle", *SMALL, "--lengths", "1k", "--verify", mode, "--out", mode)
        found = json.loads((tmp_path / mode / "manifest.json").read_text("utf-8"))["verification"]
        assert found == {"mode": mode, "rows": 2, "encoded": checked, "solved": checked}
    assert (tmp_path / "none/data/needle_1k/test-000000.parquet").read_bytes() == (
        tmp_path / "full/data/needle_1k/test-000000.parquet"
    ).read_bytes()


def test_a_name_names_folder_and_configs(tmp_path: Path, example: Path) -> None:
    out = done("build", "needle", *SMALL, "--lengths", "1k", "--name", "my-data.v2")
    assert out.startswith("./my-data.v2: ") and '"my-data.v2_1k"' in out
    named, plain = rows(tmp_path / "my-data.v2", "my-data.v2_1k"), rows(example, "needle_1k")
    assert named == plain[:2], "a name is no part of a row"


# ---- load_dataset


@pytest.fixture(scope="module")
def load(tmp_path_factory: pytest.TempPathFactory) -> Any:
    import datasets

    datasets.disable_progress_bars()
    cached = tmp_path_factory.mktemp("datasets")
    return lambda folder, *args, **options: datasets.load_dataset(str(folder), *args, cache_dir=str(cached), **options)


def test_every_view_loads(example: Path, load: Any) -> None:
    """The first line that a user types, for a config of one length, the view over all, and the preview."""
    one = load(example, "needle_1k", split="test")
    assert [dict(row, **{name: json.loads(row[name]) for name in ("params", "metadata")}) for row in one] == rows(
        example, "needle_1k"
    )
    whole = load(example, "needle")
    assert {split: data["target"] for split, data in whole.items()} == {"1k": [1024] * 4, "2k": [2048] * 4}
    assert whole["1k"]["id"] == one["id"] and set(load(example, "needle_2k")) == {"test"}
    default = load(example)
    assert set(default) == {"preview"} and default["preview"].num_rows == 8
    assert default["preview"].column_names == ["id", "task", "length", "depth", "asked", "gold", "head", "window", "tail"]
    assert set(load(example, "preview")) == {"preview"}


def test_the_preview_shows_where_the_answer_stands(example: Path, load: Any) -> None:
    for row in load(example, "preview", split="preview"):
        assert row["gold"] in row["window"] and len(row["window"]) < 1000 and row["asked"] in row["tail"] + row["head"]
    assert not {"input", "outputs", "answer", "question"} & set(load(example, "preview", split="preview").column_names)


def test_json_lines_load_too(tmp_path: Path, load: Any) -> None:
    done("build", "needle", *SMALL, "--lengths", "1k,2k", "--format", "jsonl", "--out", "lines")
    lines = (tmp_path / "lines/data/needle_1k/test-000000.jsonl").read_text("utf-8").splitlines()
    assert [json.loads(line)["target"] for line in lines] == [1024, 1024]
    assert lcgen.verify(tmp_path / "lines", full=True).faults == []
    assert load(tmp_path / "lines", "needle_1k", split="test")["input"] == [
        row["input"] for row in rows(tmp_path / "lines", "needle_1k")
    ]
    assert {split: data.num_rows for split, data in load(tmp_path / "lines", "needle").items()} == {"1k": 2, "2k": 2}
    assert load(tmp_path / "lines")["preview"].num_rows == 4


def test_lengths_of_a_range_and_a_split_to_train_on(tmp_path: Path, load: Any) -> None:
    done(
        "build", "needle", "--haystack", "noise", "--lengths", "1k~4k", "--depths", "random", "--samples", 40, "--split", "train"
    )
    assert "the same" not in done(
        "build", "needle", "--haystack", "noise", "--lengths", "1k~4k", "--depths", "random", "--samples", 40, "--split", "train"
    )
    data = load(tmp_path / "needle", "needle_1k-4k", split="train")
    assert min(data["length"]) >= 1024 and max(data["length"]) <= 4096 and len(set(data["length"])) > 30
    assert data["length"] == data["target"] and set(data["split"]) == {"train"}
    assert set(load(tmp_path / "needle", "needle")) == {"1k_4k"} and data.num_rows == 40
    counts = [sum(n / 10 <= depth <= (n + 1) / 10 for depth in data["depth"]) for n in range(10)]
    assert counts == [4] * 10, "depths are stratified"


def test_presets_build_whole(tmp_path: Path, load: Any) -> None:
    """All eight settings of one published grid in one folder, small."""
    found = json.loads(
        done("build", "needle", "--preset", "ruler", "--haystack", "noise", "--lengths", "2k", "--samples", 1, "--json")
    )
    names = ["single_1", "single_2", "single_3", "multikey_1", "multikey_2", "multikey_3", "multivalue", "multiquery"]
    assert found["configs"] == {f"needle_{name}_2k": 1 for name in names} and found["folder"] == str(tmp_path / "needle_ruler")
    many = load(tmp_path / "needle_ruler", "needle_multiquery_2k", split="test")[0]
    assert len(many["outputs"]) == 4 and many["variant"] == "multiquery" and many["max_new_tokens"] == 128
    assert len(load(tmp_path / "needle_ruler", "needle_multivalue", split="2k")[0]["outputs"]) == 4
    assert lcgen.verify(tmp_path / "needle_ruler", full=True).faults == []


@pytest.mark.parametrize(
    ("preset", "lengths"),
    [("passkey", "256,10k"), ("stuffed_mamba", "1k,128k"), ("single-fact", "1000"), ("needlebench:multi", "4000")],
)
def test_other_presets_build_their_ends(tmp_path: Path, preset: str, lengths: str) -> None:
    done(
        "build",
        "needle",
        "--preset",
        preset,
        "--haystack",
        "noise",
        "--lengths",
        lengths,
        "--samples",
        2,
        "--out",
        "out",
        "--verify",
        "full",
    )
    assert lcgen.verify(tmp_path / "out").faults == []


def test_a_sweep_stays_in_its_config(tmp_path: Path) -> None:
    done(
        "build",
        "needle",
        "--haystack",
        "noise",
        "--depths",
        "0.5",
        "--lengths",
        "2k",
        "--set",
        "keys=1,4",
        "--set",
        "needle.values=1,2",
        "--samples",
        2,
    )
    found = rows(tmp_path / "needle", "needle_2k")
    assert [(row["index"], row["params"]["keys"], row["params"]["values"]) for row in found] == [
        (i, k, v) for i in (0, 1) for k in (1, 4) for v in (1, 2)
    ]
    assert len({row["max_new_tokens"] for row in found}) == 1, "one budget for a config"


# ---- what rows are


def test_paired_keeps_the_needles_over_lengths() -> None:
    found = made(lengths="1k,2k,8k", paired=True, samples=3, params=["keys=3", "values=2", "queries=2", "similar_keys=1"])
    for index in range(3):
        group = [row for row in found if row["index"] == index]
        assert [row["length"] for row in group] == [1024, 2048, 8192]
        for name in ("puzzle_id", "answer", "outputs", "question", "depth"):
            assert len({json.dumps(row[name]) for row in group}) == 1, name
        assert len({tuple(piece["text"] for piece in row["evidence"]) for row in group}) == 1
        assert len({tuple(piece["depth_requested"] for piece in row["evidence"]) for row in group}) == 1
        assert len({row["id"] for row in group}) == 3
    assert len({row["puzzle_id"] for row in found}) == 3
    alone = made(lengths="1k,2k", samples=1)
    assert alone[0]["answer"] != alone[1]["answer"] and alone[0]["puzzle_id"] != alone[1]["puzzle_id"]


def test_paired_rows_are_equal_over_tokenizers_too() -> None:
    one, other = (made(tokenizer=name, paired=True)[0] for name in ("o200k_base", "llama3"))
    assert (one["puzzle_id"], one["answer"], one["question"]) == (other["puzzle_id"], other["answer"], other["question"])
    assert one["id"] != other["id"]


def test_questions_share_one_context() -> None:
    found = made(lengths="2k", questions_per_context=4, samples=2, params=["values=2"])
    assert [row["index"] for row in found] == [0] * 4 + [1] * 4, "rows of one context stand next to each other"
    for group in (found[:4], found[4:]):
        assert len({row["context_id"] for row in group}) == 1 and len({row["id"] for row in group}) == 4
        assert len({row["input"][: row["context_end"]] for row in group}) == 1, "byte-identical up to the end of the context"
        shared = os.path.commonprefix([row["input"] for row in group])
        assert len(shared) >= group[0]["context_end"] and all(
            row["input"].index(row["question"]) > row["context_end"] for row in group
        )
        assert len({row["question"] for row in group}) == len({row["answer"] for row in group}) == 4
        assert {row["length"] for row in group} == {2048} and len({row["puzzle_id"] for row in group}) == 4
        for row in group:
            gold = [piece["value"] for piece in row["evidence"] if piece["role"] == "gold"]
            assert sorted(gold) == sorted(row["outputs"]) and len(row["evidence"]) == 8
    assert found[0]["context_id"] != found[4]["context_id"]


def test_twins_differ_in_the_fact_alone() -> None:
    for group in (made(params=["twins=true", "keys=2"], samples=3)[n : n + 4] for n in (0, 4, 8)):
        role = {row["group_role"]: row for row in group}
        assert list(role) == ["present", "absent", "moved", "contradicted"]
        assert len({row["group_id"] for row in group}) == 1 and len({row["question"] for row in group}) == 1
        assert role["present"]["outputs"] == role["moved"]["outputs"] and role["absent"]["outputs"] == ["not given"]
        assert role["contradicted"]["outputs"][0] not in (role["present"]["answer"], "not given")
        assert role["present"]["answer"] in role["contradicted"]["input"], "what was corrected still stands there"
        key = role["present"]["metadata"]["keys"][0]
        absent = role["absent"]
        assert key not in absent["input"][absent["context_start"] : absent["context_end"]] and role["absent"]["depth"] is None
        assert abs(role["moved"]["depth"] - role["present"]["depth"]) == 0.5
        assert all("not given" in row["question"] for row in group), "the question never tells which twin it is"
    assert not made()[0]["group_id"]


def test_absent_keys_come_in_their_share() -> None:
    found = made(params=["absent=0.25"], samples=40, depths="random")
    lost = [row for row in found if row["outputs"] == ["not given"]]
    assert len(lost) == 10 and sum(row["outputs"] == ["not given"] for row in found[:20]) == 5, "in every block of twenty"
    for row in lost:
        key = row["metadata"]["keys"][0]
        assert key not in row["input"][: row["context_end"]] and key in row["question"]
        assert not [piece for piece in row["evidence"] if piece["role"] == "gold"] and row["depth"] is None
    assert {row["question"].replace(row["metadata"]["keys"][0], "KEY") for row in found} == {
        lost[0]["question"].replace(lost[0]["metadata"]["keys"][0], "KEY")
    }
    assert made(lang="zh", params=["absent=1"])[0]["outputs"] == ["未载明"]


def test_copies_come_on_top_where_the_length_is_that_of_one() -> None:
    (once,) = made(params=["copies=3", "length_basis=once"])
    (plain,) = made()
    assert once["length"] == once["target"] and once["length"] > 2.5 * plain["length"]
    context = once["input"][once["context_start"] : once["context_end"]]
    third = (len(context) - 4) // 3
    assert context == "\n\n".join([context[:third]] * 3)
    assert [piece["copy"] for piece in once["evidence"]] == [0, 1, 2] and context.count(once["answer"]) == 3


def test_copies_repeat_the_whole_context() -> None:
    (row,) = made(params=["copies=2", "keys=2"])
    context = row["input"][row["context_start"] : row["context_end"]]
    one, _, two = context.partition("\n\n")
    assert one == two and row["length"] == 1024 and row["haystack_repeat"] > 0.5
    assert [piece["copy"] for piece in row["evidence"] if piece["part"] == 0] == [0, 1]
    for piece in row["evidence"]:
        assert row["input"][piece["char_start"] : piece["char_end"]] == piece["text"]


@pytest.mark.parametrize("place", ["after", "before", "both"])
def test_the_question_stands_where_it_is_asked_for(place: str) -> None:
    (row,) = made(params=[f"question={place}"])
    before, after = row["input"][: row["context_start"]], row["input"][row["context_end"] :]
    assert (row["question"] in before, row["question"] in after) == (place != "after", place != "before")


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_base_models_go_on_from_the_cue(lang: str) -> None:
    counted = tokens.load()
    rows_of = {values: made(audience="base", lang=lang, params=[f"values={values}", "keys=2"])[0] for values in (1, 3)}
    for row in rows_of.values():
        gold = [piece for piece in row["evidence"] if piece["value"] == row["outputs"][0]][0]
        assert row["gen_prefix"] == f" {gold['cue']}" and row["gen_prefix"].endswith(gold["cue"])
        tail = row["input"][row["context_end"] :]
        assert gold["cue"] not in tail and not row["input"].endswith(gold["cue"]), "written once, by whoever runs the model"
        assert (
            row["prompt_tokens"] == counted.count(row["input"] + row["gen_prefix"])
            and row["stop"] == ["\n"]
            and row["reserve"] == 64
        )
        assert not any(value in row["gen_prefix"] or value in row["question"] for value in row["outputs"])
        assert (row["input"] + row["gen_prefix"] + " " + ", ".join(row["outputs"])).count(row["outputs"][0]) == 2
    # Only keys differ between a question for one value and for three: no number, no plural tells how many there are.
    bare = {
        re.sub("|".join(map(re.escape, row["metadata"]["keys"])), "KEY", row["question"] + row["gen_prefix"])
        for row in rows_of.values()
    }
    assert len(bare) == 1
    for chat in (made(lang=lang, params=[f"values={values}"])[0] for values in (1, 3)):
        assert chat["gen_prefix"] == "" and chat["stop"] == []


def test_budgets_are_written_as_lengths_are() -> None:
    base = ("build", "needle", "--haystack", "noise", "--lengths", "8k", "--depths", "0.5")
    done(*base, "--thinking", "2k", "--answer-tokens", "0.5K", "--reserve", " 1k", "--out", "short")
    assert "up to date" in done(*base, "--thinking", 2048, "--answer-tokens", "512", "--reserve", "1024", "--out", "short")
    for bad in ("5kb", "0.3", "k", "five", "1e3"):
        refused(*base, "--thinking", bad, says=f"'--thinking': '{bad}' is not a whole number of tokens, such as 5000 or 5k")
    refused(*base, "--reserve", "-1", says="--reserve is -1, but must be at least 0")


def test_a_thinking_model_at_128k_gets_what_is_left(tmp_path: Path) -> None:
    (tmp_path / "chat.jinja").write_text(CHAT, encoding="utf-8")
    shown = done(
        "show",
        "needle",
        "--haystack",
        "noise",
        "--lengths",
        "128k",
        "--thinking",
        16384,
        "--chat-template",
        "chat.jinja",
        "--json",
    )
    row = json.loads(shown)
    answer = row["max_new_tokens"] - row["thinking"]
    assert (row["length"], row["thinking"], row["reserve"], answer % 32) == (131072, 16384, 0, 0) and answer > 0
    assert row["prompt_tokens"] == 131072 - 16384 - answer - row["reserve"]
    counted = tokens.load()
    around = ("<|user|>\n", "<|end|>\n<|assistant|>\n")
    assert counted.count(around[0] + row["input"] + around[1]) == row["prompt_tokens"] and "<|user|>" not in row["input"]
    assert row["wrapper_tokens"] == counted.count(around[0]) + counted.count(around[1])


def test_wrapper_arguments_and_budgets_are_counted(tmp_path: Path) -> None:
    (tmp_path / "chat.jinja").write_text("{{ date }} {{ 'deep' if think else '' }}\n" + CHAT, encoding="utf-8")
    options = (
        "build",
        "needle",
        *SMALL,
        "--lengths",
        "2k",
        "--chat-template",
        "chat.jinja",
        "--chat-template-arg",
        "date=2024-07-26",
        "--answer-tokens",
        50,
    )
    done(*options, "--chat-template-arg", "think=true", "--reserve", 10, "--out", "deep")
    done(*options, "--chat-template-arg", "think=false", "--out", "shallow")
    deep, shallow = rows(tmp_path / "deep", "needle_2k")[0], rows(tmp_path / "shallow", "needle_2k")[0]
    assert (deep["prompt_tokens"], shallow["prompt_tokens"]) == (2048 - 60, 2048 - 50) and deep["wrapper_tokens"] > shallow[
        "wrapper_tokens"
    ]
    wrapped = json.loads((tmp_path / "deep/manifest.json").read_text("utf-8"))["counted"][0]["wrapper"]
    assert wrapped["before"].startswith("2024-07-26 deep\n<|user|>") and wrapped["name"] == "chat.jinja"
    assert "chat wrapper chat.jinja, 10 tokens in reserve" in done(
        *options, "--chat-template-arg", "think=true", "--reserve", 10, "--out", "deep"
    )
    for name in ("deep", "shallow"):
        assert lcgen.verify(tmp_path / name, full=True).faults == []


@pytest.mark.parametrize("audience", ["chat", "base"])
@pytest.mark.parametrize("place", ["after", "both"])
def test_a_foreign_layout_is_taken(tmp_path: Path, audience: str, place: str) -> None:
    """Whoever needs a published wording brings it; nothing of our own is left in the prompt."""
    (tmp_path / "their.j2").write_text(FOREIGN, encoding="utf-8")
    asked = (
        "build",
        "needle",
        *SMALL,
        "--lengths",
        "1k",
        "--template",
        "their.j2",
        "--for",
        audience,
        "--set",
        "keys=2",
        "--set",
        "queries=2",
        "--set",
        f"question={place}",
        "--verify",
        "full",
        "--out",
        "out",
    )
    done(*asked)
    for row in rows(tmp_path / "out", "needle_1k"):
        assert "registry" not in row["input"] and row["input"].startswith("Some special pass codes")
        assert all(
            re.fullmatch(r"One of the special pass codes for [\w-]+ has been set to: \d{7}\.", piece["text"])
            for piece in row["evidence"]
        )
        assert row["length"] == 1024 and row["question"].startswith("What are all the special pass codes for ")
        assert row["gen_prefix"] == ("" if audience == "chat" else f" {row['evidence'][0]['cue']}") or row["gen_prefix"].endswith(
            "has been set to:"
        )
    assert (tmp_path / "out/templates/needle.en.j2").read_text("utf-8") == FOREIGN
    assert lcgen.verify(tmp_path / "out", full=True).faults == []
    assert "up to date" in done(*asked)


def test_a_foreign_layout_may_lack_what_it_is_not_asked_for(tmp_path: Path) -> None:
    (tmp_path / "their.j2").write_text(FOREIGN, encoding="utf-8")
    refused(
        "build",
        "needle",
        *SMALL,
        "--lengths",
        "1k",
        "--template",
        "their.j2",
        "--set",
        "twins=true",
        says="no macro '(no_answer|correction)'",
    )
    refused(
        "build",
        "needle",
        *SMALL,
        "--lengths",
        "1k",
        "--template",
        "their.j2",
        "--set",
        "key_kind=none",
        says="no macro 'passkey'",
    )
    assert not (tmp_path / "needle").exists()


@pytest.mark.parametrize("name", ["llama3", "mistral_v1", "qwen3"])
def test_other_tokenizers_build_and_verify(tmp_path: Path, name: str) -> None:
    out = done("build", "needle", *SMALL, "--lengths", "1k", "--tokenizer", name, "--verify", "full", "--for", "base")
    assert re.search(
        rf"Counted in {name} with no chat wrapper, 64 tokens in reserve; for your model: --tokenizer ORG/MODEL\.\n", out
    )
    assert lcgen.verify(tmp_path / "needle", full=True).faults == []
    row = rows(tmp_path / "needle", "needle_1k")[0]
    assert row["tokenizer"] == name and row["wrapper_tokens"] == bool(tokens.load(name).bos)


# ---- the other verbs


def test_show_prints_one_row_to_read() -> None:
    out = done("show", "needle", "--haystack", "noise", "--lengths", "2k", "--set", "similar_values=1")
    row = json.loads(done("show", "needle", "--haystack", "noise", "--lengths", "2k", "--set", "similar_values=1", "--json"))
    assert f"answer  {row['answer']}" in out and "2,048 tokens = " in out and row["id"] in out and row["question"] in out
    assert re.search(r"gold  depth 0\.\d{4} \(asked 0\.5\)", out) and "distractor  depth" in out
    assert all(piece["text"] in out for piece in row["evidence"]) and re.search(r"\[… [\d,]+ characters …\]", out)
    full = done("show", "needle", "--haystack", "noise", "--lengths", "2k", "--set", "similar_values=1", "--full")
    assert full.startswith(row["input"]) and "…" not in full and len(full) > len(out)
    assert json.loads(done("show", "needle", "--haystack", "noise", "--index", 7, "--json"))["index"] == 7


def test_show_is_a_row_of_the_build(example: Path) -> None:
    row = json.loads(done("show", "needle", "--haystack", "noise", "--lengths", "2k", "--depths", "1", "--index", 1, "--json"))
    assert row in rows(example, "needle_2k")


def test_show_colours_evidence_on_a_terminal_only() -> None:
    from click.testing import CliRunner

    args = ["show", "needle", "--haystack", "noise", "--lengths", "1k"]
    assert "\x1b[" not in CliRunner().invoke(main, args).output
    assert "\x1b[32m\x1b[1mA registry entry" in CliRunner().invoke(main, args, color=True).output
    assert "\x1b[" not in CliRunner(env={"NO_COLOR": "1"}).invoke(main, args, color=True).output


def test_show_folds_the_output_axis_too_and_lets_no_text_command_the_terminal(tmp_path: Path) -> None:
    from click.testing import CliRunner

    text = tmp_path / "needle.en.j2"
    text.write_text(templates.source("needle", "en").replace("Below is", "\x07 \x1b[2J Below is"), encoding="utf-8")
    args = ["show", "needle", "--haystack", "noise", "--template", str(text), "--lengths", "1k"]
    for more in ([], ["--full"]):
        out = CliRunner().invoke(main, [*args, *more], color=True).output
        assert "\x1b[2J" not in out and "\x07" not in out and "\ufffd \ufffd[2J Below is" in out
    folded, full = (done("show", "longgenbench", "--lengths", "2k", *more) for more in ((), ("--full",)))
    assert "A right answer:" in folded and len(folded) <= len(full)


def test_tasks_lists_what_exists() -> None:
    assert re.search(r"^needle +Finds", done("tasks"), re.M)
    out = done("tasks", "needle")
    for word in (
        "keys ",
        "spread ",
        "default 1",
        "even|clustered|random",
        "arXiv:2404.06654",
        "ruler",
        "passkey",
        "multikey_3",
        "single_fact",
        "35 from 1000 to 16000",
    ):
        assert word in out, word
    assert all(len(line) <= 200 for line in out.splitlines())
    found = json.loads(done("tasks", "needle", "--json"))
    assert {entry["name"] for entry in found["params"]} >= {"keys", "values", "queries"} and all(
        entry["about"] for entry in found["params"]
    )
    assert [entry["name"] for entry in json.loads(done("tasks", "--json"))["tasks"]] == generators.names()
    assert {"name", "about", "paper", "lengths", "samples", "differs", "variants"} <= set(found["presets"][0])


def test_verify_reports(folder: Path) -> None:
    assert re.fullmatch(r".*: 8 rows in 2 files read, \d encoded, \d solved; all hold\.\n", done("verify", folder))
    assert "8 encoded, 8 solved" in done("verify", folder, "--full")
    assert json.loads(done("verify", folder, "--json"))["faults"] == []
    refused("verify", folder, "--tokenizer", "llama3", says="counted with o200k_base.*--tokenizer")
    (folder / "data/needle_1k/test-000000.parquet").unlink()
    code, out, err = cli("verify", folder)
    assert code == 1 and "is missing" in err and "faults." in out
    code, out, err = cli("verify", folder, "--json")
    assert code == 1 and len(json.loads(out)["faults"]) >= 1 and err == ""


def test_verify_holds_wherever_the_folder_is(folder: Path, tmp_path: Path) -> None:
    folder.rename(tmp_path / "moved")
    assert "all hold" in done("verify", tmp_path / "moved", "--full")
    assert refused("verify", folder, says="no lcgen build")


def test_a_corpus_of_ones_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LCGEN_CACHE", str(tmp_path / "cache"))
    (tmp_path / "texts").mkdir()
    for n in range(6):
        sentences = [
            f"On day {word} the crew of boat {n} mended {what} and went home early."
            for word in ("one", "two", "three", "four")
            for what in ("nets", "sails", "ropes", "oars", "lamps")
        ]
        (tmp_path / "texts" / f"{n}.txt").write_text(
            "\n\n".join(" ".join(sentences[m : m + 5]) for m in range(0, 20, 5)), encoding="utf-8"
        )
    added = done("corpus", "add", "boats", "texts")
    assert re.match(r"boats: [\d,]+ units, [\d.]+ kB\. Use it: --haystack boats", added)
    assert re.search(r"^boats +.*texts \(en\)$", done("corpus", "list"), re.M) and "prose" in done("corpus", "list")
    listed = json.loads(done("corpus", "list", "--json"))
    assert [*listed["built_in"]] == ["prose", "noise", "records"]
    again = json.loads(done("corpus", "add", "boats", "texts", "--json"))
    assert again["units"] > 0 < again["bytes"] and listed["named"] == [{key: again[key] for key in ("name", "source", "lang")}]
    done("build", "needle", "--haystack", "boats", "--lengths", "1k", "--depths", "0.5", "--verify", "full", "--out", "named")
    done("build", "needle", "--haystack", "texts", "--lengths", "1k", "--depths", "0.5", "--verify", "full", "--out", "path")
    named, path = rows(tmp_path / "named", "needle_1k")[0], rows(tmp_path / "path", "needle_1k")[0]
    assert "mended nets and went home early." in named["input"] and named["input"] == path["input"] and named["length"] == 1024
    assert "texts" not in json.dumps(named) and str(tmp_path) not in (tmp_path / "named/manifest.json").read_text("utf-8")
    texts = (path for path in cache.folder("stores").glob("*/text.bin") if path.stat().st_size < 1e6)
    (cached,) = (path for path in texts if b"mended nets" in path.read_bytes())
    cached.write_bytes(cached.read_bytes()[:-1])
    code, out, err = cli("corpus", "stats", "boats", "--json")
    assert code == 0 and re.fullmatch(r"lcgen: the cached text in .* is not used .*; making it anew\.\n", err)
    stats = json.loads(out)
    assert stats["units"] > 50 and stats["word_forms"] > 10
    assert done("corpus", "remove", "boats") == "boats is forgotten.\n" and "boats" not in done("corpus", "list")
    assert (tmp_path / "texts" / "0.txt").exists()


def test_a_text_is_read_anew_when_it_has_changed(tmp_path: Path) -> None:
    text = tmp_path / "mine.txt"
    for word in ("herring", "lobster"):
        text.write_text(
            " ".join(f"The {word} of day {n} was sold at the {place} market." for n in range(60) for place in ("north", "south")),
            "utf-8",
        )
        (row,) = made(haystack=str(text))
        assert word in row["input"]
    done("corpus", "add", "fish", text)
    assert made(haystack="fish")
    done("corpus", "remove", "fish")
    refused("build", "needle", "--haystack", "fish", says="Unknown haystack")


def test_tokenizers_are_listed() -> None:
    out = done("tokenizers")
    assert (
        re.search(r"^o200k_base +\d{3},\d{3}  bpe +checked against tiktoken", out, re.M)
        and "self-checked" in out
        and "tokenizer.json" in out
    )
    found = json.loads(done("tokenizers", "--json"))
    assert {"name", "vocabulary", "family", "engine", "reference"} == set(found[0]) and len(found) >= 18


def test_the_version() -> None:
    run = process("--version")
    assert run.stdout == f"lcgen, version {lcgen.__version__}\n" and run.returncode == 0
