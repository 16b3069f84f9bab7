"""The pages of docs/: their commands and examples run, and what they teach works when it is followed to the letter."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import lcgen
from lcgen import generators
from lcgen.cli import main
from lcgen.wanted import spec
from tests.runs import typed

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
PAGES = sorted(path.relative_to(DOCS).as_posix() for path in DOCS.rglob("*.md"))
BLOCK = re.compile(r"(?:^\*\*`(?P<path>[^`]+)`\*\*\n\n)?^```(?P<kind>\w+)\n(?P<text>.*?)^```$", re.M | re.S)
HEADINGS = (
    "What it measures",
    "Scoring",
    "What differs from the papers, and why",
    "Known limits",
    "Diffusion and scope",
    "Parameters",
)


def blocks(page: str, *kinds: str) -> list[re.Match[str]]:
    return [found for found in BLOCK.finditer((DOCS / page).read_text(encoding="utf-8")) if found["kind"] in kinds]


def commands(text: str) -> list[str]:
    return [line.removeprefix("$ ") for line in text.splitlines() if line.strip()]


def run(command: str, folder: Path, **env: str) -> str:
    words = shlex.split(command)
    start = {"lcgen": [sys.executable, "-m", "lcgen"], "python": [sys.executable]}[words[0]]
    done = subprocess.run(
        [*start, *words[1:]],
        cwd=folder,
        env={**os.environ, **env},
        capture_output=True,
        text=True,
        encoding="utf-8",
        check=False,
        timeout=600,
    )
    assert done.returncode == 0, f"{command}\n{done.stdout[-3000:]}\n{done.stderr[-3000:]}"
    return done.stdout


@pytest.mark.parametrize("page", [page for page in PAGES if blocks(page, "console")])
def test_commands_run(page: str, tmp_path: Path) -> None:
    if page == "report.md":
        pytest.importorskip("matplotlib", reason="no matplotlib here, so no report is drawn")
    for block in blocks(page, "console"):
        for command in commands(block["text"]):
            assert typed(command, tmp_path)


@pytest.mark.skipif(os.name != "posix", reason="a recipe for shells")
def test_the_page_on_templates_runs(tmp_path: Path) -> None:
    """The template that the page shows is whole: it builds, and its rows hold."""
    (tmp_path / "bells.j2").write_text(blocks("template.md", "jinja")[0]["text"], encoding="utf-8")
    env = {**os.environ, "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"}
    for block in blocks("template.md", "sh"):
        done = subprocess.run(["sh", "-ec", block["text"]], cwd=tmp_path, env=env, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
    assert "all hold" in done.stdout


def test_the_page_on_templates_names_every_macro_of_needle() -> None:
    text = (DOCS / "template.md").read_text(encoding="utf-8")
    for name, slots in generators.get("needle").blocks.items():
        assert f"| `{name}({', '.join(slot.rstrip('*?') for slot in slots)})` |" in text, name


def test_python_examples_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.chdir(tmp_path)
    names: dict[str, object] = {}
    for block in blocks("python.md", "python"):
        exec(compile(block["text"], "python.md", "exec"), names)
    assert re.search(r"^1024 +1 +1 +1\.000", capsys.readouterr().out, re.M), (
        "the model of the example is right at the end of the text"
    )


def test_every_call_is_on_the_page() -> None:
    text = (DOCS / "python.md").read_text(encoding="utf-8")
    for name in lcgen.__all__:
        assert name.startswith("__") or f"`lcgen.{name}" in text, name


def test_from_generate_to_score_is_ten_lines() -> None:
    lines = [line for line in blocks("python.md", "python")[0]["text"].splitlines() if line.strip()]
    assert len(lines) <= 10


@pytest.mark.parametrize("page", PAGES)
def test_commands_inside_sentences_are_possible(page: str) -> None:
    """What is named in a line of text is not run, but can be: its task, its preset and its options exist."""
    text = (DOCS / page).read_text(encoding="utf-8")
    for command in re.findall(r"`(lcgen \w+[^`\n]*)`", BLOCK.sub("", text)):
        words = shlex.split(command)
        verb = main.commands[words[1]]
        options = {name for param in verb.params for name in param.opts}
        for word in words[2:]:
            assert not word.startswith("--") or word in options or "DIR" in command, command
        if words[1] == "build" and "--preset" in words:
            assert spec(words[2], preset=words[words.index("--preset") + 1]).parts, command
    for preset in re.findall(r"`--preset ([\w:]+)`", text):
        assert any(_has(task, preset) for task in generators.names()), preset


def _has(task: str, preset: str) -> bool:
    stem, _, variant = preset.partition(":")
    presets = generators.get(task).presets
    return stem in presets and (not variant or variant in presets[stem].settings)


@pytest.mark.parametrize("name", generators.names())
def test_every_task_has_a_page_with_all_of_it(name: str) -> None:
    page = (DOCS / "tasks" / f"{name}.md").read_text(encoding="utf-8")
    assert set(HEADINGS) <= set(re.findall(r"^## (.+)$", page, re.M))
    assert f"tasks/{name}.md" in (ROOT / "mkdocs.yml").read_text(encoding="utf-8")


def test_every_page_is_reached() -> None:
    listed = re.findall(r"[\w/-]+\.md", (ROOT / "mkdocs.yml").read_text(encoding="utf-8"))
    assert sorted(listed) == PAGES
    linked = re.findall(r"\(([\w-]+\.md)\)", (DOCS / "index.md").read_text(encoding="utf-8"))
    assert sorted([*linked, "index.md"]) == [page for page in PAGES if "/" not in page], "the front page links every page"


def test_links_of_pages_stay_within_the_pages() -> None:
    """What lies outside docs/ is no page of the site."""
    for page in PAGES:
        for target in re.findall(r"\]\(([^)\s]+)\)", BLOCK.sub("", (DOCS / page).read_text(encoding="utf-8"))):
            path = target.partition("#")[0]
            assert "//" in target or not path or ((DOCS / page).parent / path).resolve().relative_to(DOCS).as_posix() in PAGES, (
                page,
                target,
            )


def checkout(home: Path) -> Path:
    """A copy of the repository, as a person has it who follows a page."""
    skipped = shutil.ignore_patterns(
        ".git", ".venv", "__pycache__", "*.egg-info", ".mypy_cache", ".ruff_cache", ".pytest_cache", ".hypothesis", "build"
    )
    return Path(shutil.copytree(ROOT, home / "checkout", symlinks=True, ignore=skipped))


def followed(page: str, home: Path) -> Path:
    """A copy in which every file of a page is written, every example run, and every command."""
    copy = checkout(home)
    env = {"PYTHONPATH": str(copy / "src"), "PYTEST_ADDOPTS": "-p no:cacheprovider"}
    for block in BLOCK.finditer((DOCS / page).read_text(encoding="utf-8")):
        if block["path"]:
            (copy / block["path"]).parent.mkdir(parents=True, exist_ok=True)
            (copy / block["path"]).write_text(block["text"], encoding="utf-8", newline="\n")
        elif block["kind"] == "python":
            (copy / "step.py").write_text(block["text"], encoding="utf-8")
            run("python step.py", copy)
        elif block["kind"] == "sh":
            assert str(copy) in run("python -c 'import lcgen; print(lcgen.__file__)'", copy, **env)
            for command in commands(block["text"]):
                assert run(command, copy, **env)
    return copy


@pytest.mark.slow
def test_a_task_is_added_in_one_file(tmp_path: Path) -> None:
    copy = followed("add-a-task.md", tmp_path)
    assert (copy / "tests" / "golden" / "parcel.json").is_file() and (copy / "parcels" / "manifest.json").is_file()
    code = (copy / "generators" / "parcel.py").read_text(encoding="utf-8")
    assert len(code.splitlines()) < 100


@pytest.mark.slow
def test_a_language_is_added_with_files_alone(tmp_path: Path) -> None:
    copy = followed("add-a-language.md", tmp_path)
    assert (copy / "esperante" / "manifest.json").is_file()
    before, after = (
        {path.relative_to(home) for path in home.rglob("*.py") if path.name != "step.py"}
        for home in (ROOT / "src" / "lcgen", copy / "src" / "lcgen")
    )
    assert after <= before, "files alone, no code"


def test_a_stale_gallery_is_refused(tmp_path: Path) -> None:
    copy = checkout(tmp_path)
    code = "import sys; sys.path.insert(0, 'docs'); import gallery; gallery.generators.names = lambda: ['needle']; sys.exit(gallery.main('--check' in sys.argv))"
    env = {**os.environ, "PYTHONPATH": str(copy / "src")}

    def check(*more: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run([sys.executable, "-c", code, *more], cwd=copy, env=env, capture_output=True, text=True, check=False)

    check()
    assert check("--check").returncode == 0
    page = copy / "docs" / "tasks" / "needle.md"
    page.write_text(page.read_text(encoding="utf-8").replace("| int | 1 |", "| int | 2 |", 1), encoding="utf-8")
    stale = check("--check")
    assert stale.returncode == 1 and "docs/tasks/needle.md is stale" in stale.stdout and "python docs/gallery.py" in stale.stdout


def test_the_site_builds(tmp_path: Path) -> None:
    pytest.importorskip("mkdocs", reason="no mkdocs here, so the pages are not built")
    run(f"python -m mkdocs build --strict --quiet --site-dir {tmp_path / 'site'}", ROOT, NO_MKDOCS_2_WARNING="1")
    assert (tmp_path / "site" / "tasks" / "needle" / "index.html").is_file()
