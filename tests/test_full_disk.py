"""A disk that fills up anywhere on the way to the Hub, a real one: what is published is whole, and the next run finishes the work."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from lcgen import epochs
from tests.loopback import Hub
from tests.runs import cli, done

SUITE = """name: demo
hub: {repository: org/demo, visibility: public}
builds:
  - {task: needle, lengths: 1k, depths: "0,0.5", samples: 2, haystack: noise}
"""
ROOMS = (0, 4, 16, 64, 128, 256, 512)
"""KiB that are left: of some the build fails, of others the record, the read-back, or nothing."""


@pytest.fixture
def small(tmp_path: Path) -> Iterator[Path]:
    """A file system of 3 MiB."""
    place = tmp_path / "small"
    place.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=3m", "tmpfs", str(place)]
    if shutil.which("mount") is None or subprocess.run(command, capture_output=True, check=False).returncode:
        pytest.skip("no file system may be mounted here")
    yield place
    subprocess.run(["umount", "-l", str(place)], check=True)


def leave(place: Path, room: int) -> Path:
    """Fills a file system up to so many KiB."""
    space = os.statvfs(place)
    ballast = place / "ballast"
    ballast.write_bytes(b"x" * max(0, space.f_bavail * space.f_frsize - room * 1024))
    return ballast


@pytest.mark.parametrize("which", ["folder of the epochs", "temporary folder"])
def test_a_disk_that_fills_up(which: str, hub: Hub, small: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name in (epochs.SALT, epochs.HELD_OUT):
        monkeypatch.delenv(name, raising=False)
    Path("demo.yaml").write_text(SUITE, encoding="utf-8")
    home = small / "epochs" if which.startswith("folder") else tmp_path / "epochs"
    if which.startswith("temporary"):
        monkeypatch.setattr(tempfile, "tempdir", str(small))
    command = ("refresh", "demo.yaml", "--push", "--out", home)
    done(*command, "--epoch", "0")
    failed = 0
    for number, room in enumerate(ROOMS, 1):
        before = hub["org/demo"].tags.copy()
        ballast = leave(small, room)
        code, _, said = cli(*command, "--epoch", str(number))
        ballast.unlink()
        if code:
            failed += 1
            assert code == 2 and "disk" in said and ("is full" in said or "no room" in said) and "Traceback" not in said, said
            assert "same command again" in said, said
            assert hub["org/demo"].tags in (before, {**before, str(number): hub["org/demo"].branches["main"]}), (
                "a tag is given to a whole alone"
            )
        done(*command, "--epoch", str(number))
        assert str(number) in hub["org/demo"].tags and not list(home.glob("**/*.part"))
        shutil.rmtree(home / str(number - 1))
    assert 0 < failed < len(ROOMS), failed
