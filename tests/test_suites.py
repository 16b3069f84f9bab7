"""Suites: what a file of builds may say, and that its folder holds what the builds would hold alone."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

import lcgen
from lcgen import schemas, suites, wanted
from lcgen.builders import writer
from lcgen.cli import main
from tests.runs import done, refused, tree

WHOLE = """\
name: two
seed: 7
hub: {repository: me/two, visibility: private, license: cc0-1.0}
defaults:
  haystack: noise
  lengths: 1k
  depths: [0, 1]
builds:
  - task: needle
    tokenizer: [o200k_base, llama3]
    set: {keys: 2}
  - task: phone-book
    haystack: records
    name: book
"""


@pytest.fixture(autouse=True)
def own_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    (tmp_path / "two.yaml").write_text(WHOLE, encoding="utf-8")
    return tmp_path


def rows(folder: Path, config: str) -> list[dict[str, Any]]:
    return [row for path in sorted((folder / "data" / config).iterdir()) for row in writer.read(path)]


def test_a_suite_is_its_builds_in_one_folder(tmp_path: Path) -> None:
    out = done("build", "two.yaml")
    assert out.startswith("./two: 6 rows") and "Counted in o200k_base, llama3" in out
    assert not lcgen.verify("two", full=True).faults
    one = list(
        lcgen.generate("needle", lengths="1k", depths="0,1", seed=7, tokenizer="llama3", haystack="noise", params={"keys": 2})
    )
    assert rows(tmp_path / "two", "needle_llama3_1k") == one, "a suite is no part of a row"
    assert "up to date" in done("build", "two.yaml")


def test_tokenizers_of_a_suite_share_puzzles(tmp_path: Path) -> None:
    done("build", "two.yaml")
    some, others = (rows(tmp_path / "two", f"needle_{name}_1k") for name in ("o200k_base", "llama3"))
    assert len(some) == 2 and [row["puzzle_id"] for row in some] == [row["puzzle_id"] for row in others]
    assert [(row["question"], row["outputs"]) for row in some] == [(row["question"], row["outputs"]) for row in others]
    assert not {row["id"] for row in some} & {row["id"] for row in others}
    assert {row["prompt_tokens"] + row["max_new_tokens"] + row["reserve"] for row in [*some, *others]} == {1024}


def test_the_command_line_wins_over_the_suite_and_the_suite_over_defaults() -> None:
    plain = suites.load("two.yaml")
    assert [part.name for part in plain.parts] == ["needle_o200k_base", "needle_llama3", "book"]
    assert {part.samples for part in plain.parts} == {1} and plain.seed == "7" and plain.hub is not None
    assert (plain.hub.repository, plain.hub.visibility, plain.hub.license) == ("me/two", "private", "cc0-1.0")
    given = wanted.suite("two.yaml", tokenizer="qwen3", samples=3, seed=1, name="other", params=["needle.keys=4"])
    assert [part.name for part in given.parts] == ["needle", "book"] and given.name == "other" and given.seed == "1"
    assert {spec.tokenizer for spec in given.builds} == {"qwen3"} and {part.samples for part in given.parts} == {3}
    assert given.parts[0].params[0]["keys"] == 4


def test_a_suite_grows_by_lengths_samples_and_builds(tmp_path: Path) -> None:
    done("build", "two.yaml")
    before = tree(tmp_path / "two") or {}
    grown = (
        WHOLE.replace("lengths: 1k", "lengths: 1k,2k")
        + "  - task: multi_thread\n    haystack: records\n    lengths: 2k\n    depths: 0.5\n"
    )
    Path("two.yaml").write_text(grown, encoding="utf-8")
    assert lcgen.build("two.yaml").written == 4
    after = tree(tmp_path / "two") or {}
    assert {name: after[name] for name in before if name.startswith("data/needle")} == {
        name: before[name] for name in before if name.startswith("data/needle")
    }
    assert not lcgen.verify("two", full=True).faults
    refused("build", "two.yaml", "--set", "needle.keys=3", says="another build: needle_o200k_base: params is")
    Path("two.yaml").write_text(WHOLE.replace("name: book", "name: other"), encoding="utf-8")
    refused("build", "two.yaml", says="it also holds book")


@pytest.mark.parametrize("name", suites.names())
def test_shipped_suites_hold_several_tasks_and_print(name: str) -> None:
    made = suites.load(name)
    assert len({part.task for part in made.parts}) > 1 and made.name == name
    Path("copy.yaml").write_text(done("build", "--suite", name, "--print"), encoding="utf-8")
    assert suites.load("copy.yaml") == made, "what is printed is a suite of the same builds"


def test_paths_count_from_the_folder_of_the_suite(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "deep").mkdir()
    (tmp_path / "deep" / "mine.txt").write_text(
        "The boats went out at dawn. The boats came home at dusk. " * 20, encoding="utf-8"
    )
    (tmp_path / "deep" / "s.yaml").write_text(
        "name: s\nbuilds: [{task: needle, lengths: 512, depths: 0, haystack: ./mine.txt}]", encoding="utf-8"
    )
    done("build", "deep/s.yaml", "--out", "out")
    assert json.loads(Path("out/manifest.json").read_text("utf-8"))["haystacks"][0]["name"].startswith("mine")


BOMB = "a: &a [x, x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"{b}: &{b} [*{a}, *{a}, *{a}, *{a}, *{a}, *{a}, *{a}, *{a}, *{a}, *{a}]\n" for a, b in zip("abcdefgh", "bcdefghi")
)
FAULTS = {
    "no yaml": ("name: [", r"two.yaml line 1 cannot be read as YAML"),
    "a tab": ("name: x\nbuilds:\n\t- task: needle\n", r"line 3 cannot be read as YAML"),
    "an unknown key": (WHOLE.replace("samples", "").replace("depths", "deepths"), r"line 7: Unknown key of defaults 'deepths'. Did you mean depths"),
    "an unknown key of a build": (WHOLE + "    sampels: 3\n", r"line 15: Unknown key of builds 'sampels'. Did you mean samples"),
    "an unknown key of the suite": (WHOLE + "sede: 3\n", r"line 15: Unknown key of the suite 'sede'"),
    "a wrong type": (WHOLE + "    samples: many\n", r"line 15: builds.samples is 'many', but must be a whole number"),
    "a wrong kind": (WHOLE + "    lengths: {a: 1}\n", r"line 15: builds.lengths is \{'a': 1\}, but must be a text or a whole number or a list"),
    "a wrong choice": (WHOLE.replace("visibility: private", "visibility: secret"), r"line 3: hub.visibility is 'secret', but must be one of public"),
    "a license that is none": (WHOLE.replace("cc0-1.0}", "apache2}"), r"line 3: Unknown license 'apache2'. Did you mean apache-2.0\?"),
    "the other spelling": (WHOLE.replace("license:", "licence:"), r"line 3: Unknown key of hub 'licence'. Did you mean license\?"),
    "a repository without owner": (WHOLE.replace("me/two", "two"), r"line 3: hub.repository is 'two'"),
    "no builds": ("name: x\n", r"line 1: the suite lacks 'builds'"),
    "an empty list": ("name: x\nbuilds: []\n", r"line 2: builds is \[\]"),
    "a list": ("- a\n", r"line 1: the suite is \['a'\], but must be a mapping"),
    "nothing": ("", r"is empty"),
    "a key twice": (WHOLE + "    name: more\n", r"line 15 names 'name' twice"),
    "a task that is not there": (WHOLE.replace("phone-book", "phonebok"), r"line 12: Unknown task 'phonebok'. Did you mean phone_book"),
    "a build without task": ("name: x\nbuilds:\n  - lengths: 1k\n", r"line 3: a build names its task"),
    "a length that cannot be": (WHOLE.replace("lengths: 1k", "lengths: 1q"), r"line 9: Cannot read the length '1q'"),
    "a parameter that is not there": (WHOLE.replace("keys: 2", "kees: 2"), r"line 9: Unknown parameter of needle 'kees'. Did you mean keys"),
    "two builds of one name": (WHOLE.replace("    name: book\n", "  - task: phone_book\n    haystack: records\n"), r"line 14: Two configs of this build would both be named phone_book"),
    "two configs of one name": (WHOLE + "  - {task: needle, name: book_1k}\n", r"line 15: Two configs of this build would both be named book_1k"),
    "a name that leads out of the folder": (WHOLE.replace("name: two", "name: ../two"), r"line 1: --name '../two' is no name"),
    "a name that leads elsewhere": (WHOLE.replace("name: two", "name: /tmp/two"), r"line 1: --name '/tmp/two' is no name"),
    "a name of two lines": (WHOLE.replace("name: two", r'name: "a\nb"'), r"line 1: --name 'a\\nb' is no name"),
    "a repository of two lines": (WHOLE.replace("me/two", r'"me/two\n"'), r"line 3: hub.repository is"),
    "an octal number": (WHOLE.replace("seed: 7", "seed: 010"), r"line 2 writes the number '010'.*plain digits, or quotes"),
    "minutes and seconds": (WHOLE + "    samples: 1:30\n", r"line 15 writes the number '1:30'"),
    "thousands of digits": (WHOLE + f"    samples: {'9' * 5000}\n", r"line 15 writes the number '9+'"),
    "an explosion": (BOMB, r"two.yaml line \d+ holds more than 20,000 values"),
    "an anchor in itself": ("name: x\nbuilds: &a [*a]\n", r"two.yaml (line 2 holds more than|cannot be read)"),
    "a python object": ("name: !!python/object/apply:os.system [ls]\n", r"line 1 uses the YAML tag"),
    "a deep nest": ("[" * 5000, r"cannot be read as YAML: it is nested too deeply"),
    "a control character": ("name: \x07", r"cannot be read as YAML"),
}  # fmt: skip


@pytest.mark.parametrize("fault", FAULTS)
def test_a_faulty_suite_is_said_in_one_message_with_its_line(fault: str, tmp_path: Path) -> None:
    text, says = FAULTS[fault]
    Path("two.yaml").write_text(text, encoding="utf-8")
    before = tree(tmp_path)
    refused("build", "two.yaml", says=says)
    assert tree(tmp_path) == before


def test_wrong_use_of_suites_is_said() -> None:
    refused("build", "none.yaml", says="Cannot read the suite none.yaml: No such file")
    refused("build", "--suite", "rulr", says="Unknown suite 'rulr'. Did you mean ruler")
    refused("build", "needle", "--suite", "ruler", says="Build tasks, or one suite")
    refused("build", "two.yaml", "--preset", "ruler", says="--preset belongs to one task")
    refused("build", "needle", "--print", says="Unknown suite 'needle'")
    refused("build", says="Name a task")


# ---- --plan


def test_a_plan_says_what_the_build_then_holds(tmp_path: Path) -> None:
    said = json.loads(done("build", "two.yaml", "--samples", 20, "--plan", "--json"))
    assert not (tmp_path / "two").exists(), "nothing is written"
    report = lcgen.build("two.yaml", samples=20)
    assert {line["config"]: line["rows"] for line in said[:-1]} == report.configs
    held = [row for config in report.configs for row in rows(tmp_path / "two", config)]
    assert said[-1]["input_tokens"] == sum(row["prompt_tokens"] for row in held)
    assert said[-1]["output_tokens"] == sum(row["max_new_tokens"] for row in held)
    assert said[-1]["files"] == report.written
    assert 0.6 < said[-1]["bytes"] / report.bytes < 1.6 and said[-1]["seconds"] > 0


def test_a_plan_says_the_widest_interval_of_independent_contexts() -> None:
    from lcgen.estimates import share

    line, _ = lcgen.plan(
        "needle", lengths="1k", depths="0,1", samples=25, haystack="noise", questions_per_context=2, params={"keys": 2}
    )
    assert line.rows == 100, "two questions over each of 50 contexts"
    found = share(25, 50)
    assert found.low is not None and found.high is not None and line.half_interval == (found.high - found.low) / 2
    text = done("build", "needle", "--lengths", "1k,1m", "--haystack", "noise", "--plan", "--jobs", 2)
    assert "needle_1m" in text and "±25.4%" in text and "2 processes" in text and "Nothing was written" in text


def test_a_plan_of_rows_of_numbers() -> None:
    lines = lcgen.plan("set_disjointness", preset="just_read_twice:test_4_32")
    assert [line.rows for line in lines] == [1000, 1000] and lines[0].output_tokens == 1000
    refused("build", "needle", "--lengths", "64", "--plan", says="too short")


def test_the_suite_card_holds_every_family() -> None:
    from lcgen import generators

    assert {part.task for part in suites.load("card").parts} == set(generators.names())


def test_options_are_the_same_everywhere() -> None:
    """One list of options: on the command line, in Python, in a suite."""
    command = {param.name for param in main.commands["build"].params if getattr(param, "of_spec", False)}
    assert {"chat_template_args" if name == "template_args" else name for name in command} == set(wanted.Options.__annotations__)
    schema = json.loads(schemas.text("suite"))
    build, whole = set(schema["definitions"]["build"]["properties"]), set(schema["properties"])
    renamed = {"set": "params", "for": "audience"}
    assert {renamed.get(key, key) for key in build - {"task"}} | (
        whole - {"about", "hub", "defaults", "builds", "epochs_apart"}
    ) == set(wanted.Options.__annotations__)
    with pytest.raises(lcgen.LcgenError, match="Unknown option 'length'. Did you mean lengths"):
        next(lcgen.generate("needle", length="1k"))  # type: ignore[call-arg]


def test_disjoint_pools_in_a_suite(tmp_path: Path) -> None:
    path = tmp_path / "a.yaml"
    path.write_text("name: a\nbuilds: [{task: needle, lengths: 1k, split: train, disjoint-pools: true}]\n", encoding="utf-8")
    assert [spec.disjoint for spec in wanted.suite(str(path)).builds] == [True]
