"""A manifest makes its rows again: what a card says to run gives the very same bytes."""

from __future__ import annotations

import json
import os
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import lcgen
from tests.loopback import OWNER, Hub
from tests.runs import done, refused, tree

SECRET = "secret:" + "0123456789abcdef" * 4
BUILDS: dict[str, tuple[Any, dict[str, Any]]] = {
    "two tasks": (["needle", "phone_book"], {"name": "mix", "lengths": "1k,2k", "depths": "0,1", "tokenizer": "qwen3"}),
    "preset": ("needle", {"preset": "ruler:multikey_1", "lengths": "1k", "seed": 3, "format": "jsonl"}),
    "variants": ("needle", {"preset": "passkey", "lengths": "1k", "samples": 1}),
    "sweep": ("needle", {"lengths": "1k~2k", "params": {"keys": [1, 2]}, "depths": "random", "paired": True, "thinking": 64}),
    "base": ("needle", {"lengths": "1k", "depths": "0.5", "audience": "base", "questions_per_context": 2, "verify": "full"}),
    "numbers": ("set_disjointness", {"params": {"style": "tokens"}, "samples": 4}),
    "output": ("longgenbench", {"lengths": "1k", "lang": "zh"}),
    "shares": ("needle", {"lengths": "1k", "depths": "0.5", "disjoint_pools": True, "split": "train"}),
}


@pytest.mark.parametrize("which", BUILDS)
def test_a_manifest_makes_the_same_folder(which: str, tmp_path: Path) -> None:
    tasks, options = BUILDS[which]
    lcgen.build(tasks, tmp_path / "built", **options)
    lcgen.build(str(tmp_path / "built" / "manifest.json"), tmp_path / "again")
    assert tree(tmp_path / "built") == tree(tmp_path / "again")


def test_a_suite_is_made_again(tmp_path: Path) -> None:
    (tmp_path / "mine.yaml").write_text(
        "name: mine\nseed: 5\nbuilds:\n  - {task: needle, lengths: 1k, depths: 0.5, haystack: noise, tokenizer: [qwen3, llama3]}\n"
        "  - {task: phone-book, lengths: 1k, depths: 0.5, samples: 2}\n"
    )
    lcgen.build(str(tmp_path / "mine.yaml"), tmp_path / "built")
    lcgen.build(str(tmp_path / "built" / "manifest.json"), tmp_path / "again")
    built, again = tree(tmp_path / "built") or {}, tree(tmp_path / "again") or {}
    assert built == again and "manifest.json" in built


def test_a_secret_seed_must_be_given(tmp_path: Path) -> None:
    lcgen.build("needle", tmp_path / "built", lengths="1k", depths="0.5", seed=SECRET)
    # Wherever somebody saved it, and by whatever name.
    made = tmp_path / "of a stranger.json"
    made.write_bytes((tmp_path / "built" / "manifest.json").read_bytes())
    refused("build", made, "--out", tmp_path / "again", says="is secret.*--seed")
    refused("build", made, "--out", tmp_path / "again", "--seed", SECRET + "0", says="seed is sha256:")
    done("build", made, "--out", tmp_path / "again", "--seed", SECRET)
    assert tree(tmp_path / "built") == tree(tmp_path / "again")


def test_own_text_and_wording_are_asked_for(tmp_path: Path) -> None:
    text, wording = tmp_path / "text.txt", tmp_path / "mine.j2"
    text.write_text("\n".join(f"The {n}th line of a text that is mine says nothing of note." for n in range(400)))
    shipped = (Path(lcgen.__file__).parent / "templates" / "needle.en.j2").read_text(encoding="utf-8")
    wording.write_text("{# mine #}\n" + shipped, encoding="utf-8")
    lcgen.build("needle", tmp_path / "built", lengths="1k", depths="0.5", haystack=str(text), template=str(wording))
    made = tmp_path / "built" / "manifest.json"
    refused("build", made, "--out", tmp_path / "again", says="Unknown haystack 'text'")
    text.write_text(text.read_text() + "\nOne line more stands in it now, at the very end of all.")
    refused("build", made, "--out", tmp_path / "again", "--haystack", text, says="haystack is")
    text.write_text(text.read_text().rpartition("\n")[0])
    done("build", made, "--out", tmp_path / "again", "--haystack", text)
    assert tree(tmp_path / "built") == tree(tmp_path / "again")


def test_what_a_manifest_says_cannot_be_said_otherwise(tmp_path: Path) -> None:
    lcgen.build("needle", tmp_path / "built", lengths="1k", depths="0.5", haystack="noise")
    made = tmp_path / "built" / "manifest.json"
    refused("build", made, "--lengths", "2k", "--out", tmp_path / "again", says="--lengths has no meaning there")
    refused("build", made, "needle", "--out", tmp_path / "again", says="Build tasks, or one suite")
    refused("build", tmp_path / "manifest.json", says="Cannot read the manifest")
    found = json.loads(made.read_text())
    found["spec"]["parts"][0]["revision"] += 1
    made.write_text(json.dumps(found))
    refused("build", made, "--out", tmp_path / "again", says="would not make the rows.*revision is 2, not 1")
    assert not (tmp_path / "again").exists()


@pytest.mark.slow
def test_the_commands_of_a_published_card_make_the_same_rows(hub: Hub, tmp_path: Path) -> None:
    lcgen.build("needle", tmp_path / "built", lengths="1k", depths="0,0.5", haystack="noise")
    lcgen.push(tmp_path / "built", "org/one", tag="v1")
    commit = hub["org/one"].at("v1")
    assert commit is not None
    said = commit.tree["README.md"].data.decode().partition("<!-- rebuild -->")[2].partition("<!-- /rebuild -->")[0]
    commands = [shlex.split(line) for line in said.splitlines() if line.startswith(("hf ", "lcgen "))]
    assert [command[0] for command in commands] == ["hf", "lcgen"]
    modules = {"hf": "huggingface_hub.cli.hf", "lcgen": "lcgen"}
    online = {
        "HF_ENDPOINT": hub.url,
        "HF_TOKEN": OWNER,
        "HF_HUB_DISABLE_XET": "1",
        "HF_HOME": str(tmp_path / "home"),
        "HF_HUB_OFFLINE": "0",
    }
    for name, *arguments in commands:
        run = subprocess.run(
            [sys.executable, "-m", modules[name], *arguments], cwd=tmp_path, env={**os.environ, **online}, capture_output=True, text=True,
            check=False,
        )  # fmt: skip
        assert run.returncode == 0, run.stderr
    assert tree(tmp_path / "again" / "built") == tree(tmp_path / "built")
