"""The page in a real browser: it opens without errors, its filters work, and evidence is marked at its place."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import lcgen
from tests.browser import browser
from tests.pages import HOSTILE, answered, data, emptied, rows

pytest.importorskip("matplotlib", reason="no matplotlib here, so no report is drawn")

CONTEXT = """
const place = (node) => node.nodeType === Node.TEXT_NODE ? ["text", node.nodeValue]
  : node.className === "gap" ? ["gap", Number(node.textContent.replace(/[^0-9]/g, ""))] : [node.className, node.textContent];
return [...document.getElementById("context").childNodes].map(place);
"""


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Pages of three folders: with two runs, without scores, without rows."""
    home = tmp_path_factory.mktemp("pages")
    sets = {"similar_keys": 2, "similar_values": 2}
    lcgen.build("needle", home / "needle", lengths="2k,4k", depths="0,0.5,1", params=sets)
    good = answered(home / "needle", home / "good.jsonl", lambda n, row, oracle: oracle if n % 3 else "no idea")
    hostile = answered(home / "needle", home / "hostile.jsonl", lambda n, row, oracle: None if n == 5 else "\n".join(HOSTILE))
    lcgen.report(home / "needle", scores=[good, hostile], out=home / "scored.html")
    corpus = home / "corpus.txt"
    corpus.write_text(" ".join(f"Sentence {n} says {HOSTILE[n % 3]} and goes on." for n in range(900)), encoding="utf-8")
    lcgen.build(["needle", "longgenbench"], home / "plain", lengths="2k", params=["longgenbench.demos=2"], depths=None)
    lcgen.build("needle", home / "foreign", lengths="4k", depths="0.5", haystack=str(corpus), params=sets)
    lcgen.report(home / "foreign", out=home / "foreign.html")
    lcgen.report(home / "plain", out=home / "plain.html")
    lcgen.build("needle", home / "empty", lengths="1k", depths="0.5")
    emptied(home / "empty")
    lcgen.report(home / "empty", out=home / "empty.html")
    return {"home": home, **{name: home / f"{name}.html" for name in ("scored", "plain", "foreign", "empty")}}


@pytest.fixture(scope="module")
def chromium(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    with browser(tmp_path_factory.mktemp("profile")) as driver:
        yield driver


def _open(driver: Any, page: Path) -> None:
    driver.get(page.as_uri())
    shots = os.environ.get("LCGEN_SCREENSHOTS")
    if shots:
        driver.save_screenshot(str(Path(shots) / f"{page.stem}.png"))


def _quiet(driver: Any) -> None:
    assert driver.get_log("browser") == []
    assert driver.execute_script("return window.hacked") is None


def _choose(driver: Any, name: str, value: str) -> list[str]:
    """Sets a filter; the ids that the list then has."""
    script = "const field = document.getElementById('filters').elements.namedItem(arguments[0]); field.value = arguments[1];"
    driver.execute_script(script + "field.dispatchEvent(new Event('input', {bubbles: true}));", name, value)
    found: list[str] = driver.execute_script("return [...document.querySelectorAll('#list button')].map(b => b.dataset.id)")
    return found


def _row(driver: Any, name: str) -> None:
    driver.execute_script("document.querySelector(`#list button[data-id='${arguments[0]}']`).click()", name)


@pytest.mark.parametrize("page", ["scored", "plain", "foreign", "empty"])
def test_it_opens_without_errors(chromium: Any, made: dict[str, Path], page: str) -> None:
    _open(chromium, made[page])
    for button in chromium.find_elements("css selector", "#list button"):
        chromium.execute_script("arguments[0].click()", button)
    _quiet(chromium)
    count = chromium.find_element("id", "count").text
    total = len(data(made[page])["rows"])
    assert count == f"{total} of {total} rows"
    assert ("holds no rows" in chromium.find_element("tag name", "main").text) == (page == "empty")


def test_filters(chromium: Any, made: dict[str, Path]) -> None:
    _open(chromium, made["scored"])
    every = data(made["scored"])["rows"]
    assert _choose(chromium, "length", "2048") == [row["id"] for row in every if row["target"] == 2048]
    both = [row["id"] for row in every if row["target"] == 2048 and row["depth"] == 0.5]
    assert _choose(chromium, "depth", "0.5") == both and both
    _choose(chromium, "length", "")
    assert len(_choose(chromium, "depth", "")) == len(every)
    marks = {row["id"]: ["bad" if run["scores"]["score"] < 1 else "" for run in row["runs"]] for row in every}
    for button in chromium.find_elements("css selector", "#list button"):
        shown = [mark.get_attribute("class") for mark in button.find_elements("css selector", "span span")]
        assert shown == marks[button.get_attribute("data-id")], "each run has its own mark"
    assert {"bad", ""} in map(set, marks.values())
    _choose(chromium, "run", "0")
    failed = [row["id"] for row in every if row["runs"][0]["scores"]["score"] < 1]
    assert _choose(chromium, "result", "failed") == failed and 0 < len(failed) < len(every)
    assert sorted(_choose(chromium, "result", "right") + failed) == sorted(row["id"] for row in every)
    _choose(chromium, "run", "")
    assert len(_choose(chromium, "result", "silent")) == 1
    _choose(chromium, "result", "")
    assert _choose(chromium, "text", every[3]["gold"][0]) == [every[3]["id"]]
    assert _choose(chromium, "text", "nothing holds this") == []
    _quiet(chromium)


def test_many_depths_are_filtered_by_tenths(chromium: Any, tmp_path: Path) -> None:
    lcgen.build("needle", tmp_path / "random", lengths="1k", depths="random", samples=50)
    _open(chromium, lcgen.report(tmp_path / "random", out=tmp_path / "random.html").path)
    every = data(tmp_path / "random.html")["rows"]
    found = [_choose(chromium, "depth", f"{tenth / 10:.1f}") for tenth in range(10)]
    assert sorted(id for ids in found for id in ids) == sorted(row["id"] for row in every) and all(found)
    assert {row["id"] for row in every if 0.3 <= row["depth"] < 0.4} == {*found[3]}
    _quiet(chromium)


@pytest.mark.parametrize("page", ["scored", "plain", "foreign"])
def test_evidence_is_marked_at_its_place(chromium: Any, made: dict[str, Path], page: str) -> None:
    _open(chromium, made[page])
    folder = made["home"] / ("needle" if page == "scored" else page)
    for row in rows(folder):
        _row(chromium, row["id"])
        text = row["reference_output"] if row["axis"] == "output" else row["input"]
        pieces = {(piece["char_start"], piece["char_end"]): piece["role"] for piece in row["evidence"]}
        at, marked = 0, {}
        for kind, said in chromium.execute_script(CONTEXT):
            if kind == "gap":
                at += said
                continue
            assert text[at : at + len(said)] == said
            if kind != "text":
                marked[at, at + len(said)] = kind
            at += len(said)
        assert at == len(text) and marked == pieces
        bars = chromium.execute_script("return [...document.querySelectorAll('.map a rect')].map(bar => bar.x.baseVal.value)")
        assert sorted(bars) == pytest.approx(sorted(1000 * start / len(text) for start, _ in pieces), abs=0.01)
    _quiet(chromium)


def test_hostile_responses_are_shown_as_text(chromium: Any, made: dict[str, Path]) -> None:
    _open(chromium, made["scored"])
    chromium.execute_script("document.querySelector('#list button').click()")
    shown = chromium.execute_script("return document.getElementById('row').textContent")
    assert HOSTILE[0] in shown and HOSTILE[1] in shown
    assert chromium.execute_script("return document.querySelectorAll('#row img, #row script, #row svg:not(.map)').length") == 0
    # Even what got into the page as HTML could not run.
    chromium.execute_script("document.body.insertAdjacentHTML('beforeend', `<img src=x onerror='window.hacked = 1'>`)")
    chromium.execute_async_script("setTimeout(arguments[0], 200)")
    assert chromium.execute_script("return window.hacked") is None
    chromium.get_log("browser")


def test_keyboard(chromium: Any, made: dict[str, Path]) -> None:
    from selenium.webdriver.common.keys import Keys

    _open(chromium, made["scored"])
    first, second = chromium.find_elements("css selector", "#list button")[:2]
    first.send_keys(Keys.ARROW_DOWN)
    assert chromium.switch_to.active_element == second
    second.send_keys(Keys.ENTER)
    assert chromium.find_element("id", "row").get_attribute("data-id") == second.get_attribute("data-id")
    mark = chromium.find_element("css selector", ".map a")
    mark.send_keys(Keys.ENTER)
    assert chromium.switch_to.active_element.tag_name == "mark"
    skip = chromium.find_element("css selector", "a.skip")
    chromium.execute_script("arguments[0].focus()", skip)
    assert skip.rect["x"] >= 0
    _quiet(chromium)


def test_light_dark_and_phone(made: dict[str, Path], tmp_path: Path) -> None:
    light = "return getComputedStyle(document.body).backgroundColor"
    wide = "return [document.documentElement.scrollWidth, window.innerWidth]"
    with browser(tmp_path / "phone", width=390, height=844, dark=True) as driver:
        driver.get(made["scored"].as_uri())
        driver.execute_script("document.querySelector('#list button').click()")
        assert driver.execute_script(light) == "rgb(21, 23, 27)"
        ink = driver.execute_script("return getComputedStyle(document.querySelector('.drawn svg text')).fill")
        assert ink == "rgb(231, 232, 234)"
        content, window = driver.execute_script(wide)
        assert content <= window
        driver.execute_script("document.getElementById('theme').click()")
        assert driver.execute_script(light) == "rgb(255, 255, 255)"
        assert driver.get_log("browser") == []
