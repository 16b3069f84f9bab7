"""Shared fixtures: a cache of the test session's own, and one small store of prose for all."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests import loopback

FROM = Path.cwd()
LONG = (
    "contract",
    "docs_pages",
    "scale",
    "harness",
    "check",
    "docs",
    "check_models",
    "push",
    "golden_thread",
    "longgenbench",
    "grading",
)
"""Files that take minutes, longest first: one that began last would leave a core idle. Files stay whole, since their tests share what was built."""


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--update-golden", action="store_true", help="write tests/golden anew; a change obliges a new task revision")


def pytest_cmdline_main(config: pytest.Config) -> None:
    # Several processes would write one file over each other.
    if config.getoption("--update-golden"):
        config.option.numprocesses, config.option.dist = 0, "no"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    places = {f"test_{name}.py": place for place, name in enumerate(LONG)}
    items.sort(key=lambda item: places.get(item.path.name, len(LONG)))


@pytest.fixture(scope="session", autouse=True)
def cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The cache of a session lies in its own folder, unless LCGEN_TEST_CACHE names one to keep."""
    kept = os.environ.get("LCGEN_TEST_CACHE")
    path = Path(kept) if kept else tmp_path_factory.mktemp("cache")
    before = os.environ.get("LCGEN_CACHE")
    os.environ["LCGEN_CACHE"] = str(path)
    yield path
    if before is None:
        del os.environ["LCGEN_CACHE"]
    else:
        os.environ["LCGEN_CACHE"] = before


@pytest.fixture(autouse=True)
def tidy() -> Iterator[None]:
    """No test leaves anything in the folder that the tests are run from."""
    before = set(FROM.iterdir())
    yield
    left = [path.name for path in set(FROM.iterdir()) - before if not path.name.startswith(".")]
    assert not left, f"{', '.join(left)} was left in {FROM}"


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[loopback.Hub]:
    """A Hub on the loopback, and this process set up as one that owns `org` there, without Xet."""
    import huggingface_hub.constants

    from lcgen import remote

    for name in [name for name in os.environ if name.lower().endswith("_proxy")]:
        monkeypatch.delenv(name)
    with loopback.hub() as running:
        monkeypatch.setenv("HF_ENDPOINT", running.url)
        monkeypatch.setenv("HF_TOKEN", loopback.OWNER)
        # These are read when the package is imported.
        monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", False)
        monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_DISABLE_XET", True)
        monkeypatch.setattr(huggingface_hub.constants, "HF_TOKEN_PATH", str(tmp_path / "token"))
        monkeypatch.setattr(remote, "WAIT", 0.01)
        yield running
