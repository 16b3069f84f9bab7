"""Shared fixtures: a cache of the test session's own, and one small store of prose for all."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--update-golden", action="store_true", help="write tests/golden anew; a change obliges a new task revision")


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
