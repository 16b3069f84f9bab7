"""The documents tell the truth: their commands run, and they run what CI runs."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

from tests.runs import typed

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
SCALE = (ROOT / "docs" / "scale.md").read_text(encoding="utf-8")
COMMANDS = [
    line[2:]
    for block in re.findall(r"```console\n(.*?)```", README, re.S)
    for line in block.splitlines()
    if line.startswith("$ ")
]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One folder for all commands, since later ones use what earlier ones made."""
    path = tmp_path_factory.mktemp("docs")
    (path / "README.md").write_text(README, encoding="utf-8")
    return path


@pytest.mark.parametrize("command", COMMANDS)
def test_readme_commandstyped(command: str, folder: Path) -> None:
    if command.startswith("lcgen check") and not find_spec("torch"):
        pytest.skip("lcgen check needs PyTorch")
    # The first command is the benchmark's; here it runs at a sixteenth of its size.
    assert typed(command.replace("4k..1m", "4k..64k"), folder)


def test_readme_python_runs(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(folder)
    for block in re.findall(r"```python\n(.*?)```", README, re.S):
        exec(compile(block, "README.md", "exec"), {})


def test_the_suite_of_the_docs_is_one(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(folder)
    (found,) = re.findall(r"```yaml\n(.*?)```", SCALE, re.S)
    Path("mine.yaml").write_text(found, encoding="utf-8")
    Path("notes.txt").write_text("The boats went out at dawn. The nets were full at noon. " * 40, encoding="utf-8")
    assert "birdie_k1" in typed("lcgen build mine.yaml --plan", folder)


@pytest.mark.skipif(os.name != "posix", reason="a recipe for shells")
def test_the_recipes_for_shellstyped(tmp_path: Path) -> None:
    shell, slurm, _, ray = re.findall(r"```sh\n(.*?)```", SCALE, re.S)
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    env = {**os.environ, "PATH": path}
    done = subprocess.run(["sh", "-ec", shell], cwd=tmp_path, env=env, capture_output=True, text=True, check=False)
    assert done.returncode == 0 and "./shards: 44 rows" in done.stdout, done.stderr
    # The array's script as Slurm would run its second task, with everything smaller.
    script = (
        slurm.replace("/shared/", f"{tmp_path}/").replace("srun ", "").replace("/64", "/2").replace("export LCGEN_CACHE", "OTHER")
    )
    script = script.replace("--suite card", "--suite card --lengths 4k --samples 1")
    for number in ("1", "0"):
        tasks = {**env, "SLURM_ARRAY_TASK_ID": number, "SLURM_CPUS_PER_TASK": "2"}
        done = subprocess.run(["bash", "-ec", script], cwd=tmp_path, env=tasks, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
    assert "rows" in typed(f"lcgen finish {tmp_path}/card", tmp_path) and "--executor ray" in ray


def test_ci_runs_the_test_command_of_the_readme() -> None:
    command = re.search(r"<!-- tests -->\n```sh\n(.*?)\n```", README)
    assert command and command[1] in (ROOT / ".ci" / "run").read_text(encoding="utf-8")


def test_every_verb_is_in_the_readme_and_has_help() -> None:
    listed = typed("lcgen --help", ROOT)
    for verb in re.findall(r"^  (\w+) {2,}\S", listed.partition("Commands:")[2], re.M):
        assert f"lcgen {verb}" in README
        assert "Usage: " in typed(f"lcgen {verb} --help", ROOT)
