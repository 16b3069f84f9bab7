"""Wheel and sdist hold everything that the checkout has for users, and nothing else."""

from __future__ import annotations

import shutil
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
MAPPED = ("generators", "builders", "templates", "schemas", "cards")


def _tracked() -> list[str]:
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    if listed.returncode:
        pytest.skip("no git checkout")
    return [name for name in listed.stdout.splitlines() if (ROOT / name).is_file() and not (ROOT / name).is_symlink()]


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with sdist and wheel, made of a copy of the checkout without its links."""
    work = tmp_path_factory.mktemp("wheel")
    for name in _tracked():
        (work / "tree" / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, work / "tree" / name)
    code = "import sys; from setuptools import build_meta as b; out = sys.argv[1]; b.build_wheel(out); b.build_sdist(out)"
    subprocess.run([sys.executable, "-c", code, str(work)], cwd=work / "tree", check=True, capture_output=True)
    return work


def _wanted() -> set[str]:
    found = set()
    for name in _tracked():
        if name.startswith("src/lcgen/"):
            found.add(name.removeprefix("src/"))
        elif name.partition("/")[0] in MAPPED:
            found.add(f"lcgen/{name}")
    return found


def test_the_wheel_holds_every_file(built: Path) -> None:
    with zipfile.ZipFile(next(built.glob("*.whl"))) as wheel:
        held = {name for name in wheel.namelist() if ".dist-info/" not in name}
    assert held == _wanted()


def test_the_sdist_holds_every_file(built: Path) -> None:
    with tarfile.open(next(built.glob("*.tar.gz"))) as sdist:
        held = {name.partition("/")[2] for name in sdist.getnames()}
    missing = {
        name for name in _tracked() if name.startswith(("src/", *MAPPED)) or name in ("README.md", "LICENSE", "pyproject.toml")
    } - held
    assert not missing
