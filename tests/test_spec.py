"""Lengths, depths, sweeps and names, from what a person writes."""

from __future__ import annotations

import re
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lcgen import ranges
from lcgen.errors import LcgenError
from lcgen.ranges import MOST_TOKENS, Length, lengths
from lcgen.spec import Spec, places
from lcgen.wanted import spec

FEW = settings(max_examples=200, deadline=None, derandomize=True)


def counts(text: str) -> list[int]:
    return [length.low for length in lengths(text)]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("4k", [4096]),
        ("1m", [1048576]),
        ("4096", [4096]),
        ("0.5k", [512]),
        ("1.5K", [1536]),
        (" 4k , 8k ", [4096, 8192]),
        ("8k,4k", [8192, 4096]),
        ("4k..32k", [4096, 8192, 16384, 32768]),
        ("4k..33k", [4096, 8192, 16384, 32768]),
        ("3k..10k", [3072, 6144]),
        ("4k..1m", [4096 << n for n in range(9)]),
        ("1k..4k:1k", [1024, 2048, 3072, 4096]),
        ("1k..4k:2k", [1024, 3072]),
        ("1000..1010:5,2k", [1000, 1005, 1010, 2048]),
        ("1", [1]),
        ("64m", [MOST_TOKENS]),
    ],
)
def test_lengths(text: str, found: list[int]) -> None:
    assert counts(text) == found
    assert all(length.low == length.high for length in lengths(text))


def test_a_range_of_lengths_is_one_length() -> None:
    assert lengths("1k~16k,32k") == (Length(1024, 16384), Length(32768, 32768))


@pytest.mark.parametrize(
    ("length", "config", "split"),
    [
        (Length(4096, 4096), "4k", "4k"),
        (Length(1 << 20, 1 << 20), "1m", "1m"),
        (Length(1536, 1536), "1536", "1536"),
        (Length(1000, 1000), "1000", "1000"),
        (Length(1024, 16384), "1k-16k", "1k_16k"),
        (Length(3 << 20, 3 << 20), "3m", "3m"),
    ],
)
def test_lengths_name_configs_and_splits(length: Length, config: str, split: str) -> None:
    assert (length.config, length.split) == (config, split)


@pytest.mark.parametrize(
    "text",
    [
        *("", " ", ",", "4k,", ",4k", "4q", "k", "4kk", "4 k 8", "-4k", "4k..", "..4k", "4k..8k:", "4k..8k:0", "4k...8k", "4k-8k", "1e3"),
        *("8k..4k", "4k..4k", "8k~4k", "4k~4k", "4k~", "4k~8k:1k", "0", "0k", "1.5", "0.3k", "65m", "9" * 400, "4k,4096", "1k..4k,2k", "∞", "nan"),
        *("1..64m:1", "4k\n..8k\n8k", "\0"),
    ],
)  # fmt: skip
def test_bad_lengths_are_refused_with_what_is_possible(text: str) -> None:
    with pytest.raises(LcgenError) as error:
        lengths(text)
    assert len(str(error.value)) < 900 and error.value.exit_code == 2


@FEW
@given(st.text("0123456789kKmM.~:, -", max_size=14))
def test_any_text_is_lengths_or_refused(text: str) -> None:
    try:
        found = lengths(text)
    except LcgenError:
        return
    assert found and all(1 <= length.low <= length.high <= MOST_TOKENS for length in found)
    assert len({length.config for length in found}) == len(found), "configs of different names"


@FEW
@given(st.integers(1, MOST_TOKENS))
def test_the_name_of_a_length_is_a_length(tokens: int) -> None:
    assert counts(Length(tokens, tokens).config) == [tokens]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("0.5", (0.5,)),
        ("50%", (0.5,)),
        ("0,0.5,1", (0.0, 0.5, 1.0)),
        ("1,0", (1.0, 0.0)),
        ("0..1:0.25", (0.0, 0.25, 0.5, 0.75, 1.0)),
        ("0..1:10%", tuple(n / 10 for n in range(11))),
        ("0..1", tuple(n / 10 for n in range(11))),
        ("0..1:0.3", (0.0, 0.3, 0.6, 0.9)),
        ("0.1..0.1", (0.1,)),
        (".5,1.", (0.5, 1.0)),
        ("random", (None,)),
        (" Random ", (None,)),
    ],
)
def test_depths(text: str, found: tuple[float | None, ...]) -> None:
    assert ranges.depths(text) == found


@pytest.mark.parametrize(
    "text",
    [
        *("", "x", "1.1", "-0.1", "101%", "0.5,50%", "1..0", "0..1:0", "0..1:-0.1", "0..2:0.5", "0..", "nan", "1e-1", "0,random", "0.5,", "%"),
        *("0..1:0.0000001", "0..1:0.00001", "0.1,0.1000001"),
    ],
)  # fmt: skip
def test_bad_depths_are_refused(text: str) -> None:
    with pytest.raises(LcgenError):
        ranges.depths(text)


@FEW
@given(st.text("0123456789.%:, random-", max_size=12))
def test_any_text_is_depths_or_refused(text: str) -> None:
    try:
        found = ranges.depths(text)
    except LcgenError:
        return
    assert all(depth is None or 0 <= depth <= 1 for depth in found) and len(set(found)) == len(found) > 0


def made(**options: Any) -> Spec:
    return spec("needle", **{"lengths": "4k", **options})


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"samples": 0}, "--samples is 0"),
        ({"samples": 10**12}, "--samples is .* at most"),
        ({"thinking": -1}, "--thinking is -1"),
        ({"reserve": -1}, "--reserve is -1"),
        ({"answer_tokens": 0}, "--answer-tokens is 0"),
        ({"questions_per_context": 0}, "--questions-per-context is 0"),
        ({"split": "a b"}, "--split 'a b'"),
        ({"split": ""}, "--split ''"),
        ({"split": "all"}, "--split 'all'"),
        ({"split": "größe"}, "--split"),
        ({"split": "_x"}, "--split"),
        ({"split": ".."}, "--split"),
        ({"name": "../x"}, "--name"),
        ({"name": ""}, "--name ''"),
        ({"name": ".hidden"}, "--name"),
        ({"name": "größe"}, "--name"),
        ({"name": "n" * 97}, "at most 96"),
        ({"name": "preview"}, "preview"),
        ({"seed": ""}, "--seed '' is no seed"),
        ({"seed": "\udcff"}, "--seed"),
        ({"seed": "a\nb"}, "--seed"),
        ({"lengths": ""}, "Cannot read the length ''"),
        ({"depths": ""}, "Cannot read the depth ''"),
        ({"preset": ""}, "Unknown preset"),
        ({"preset": "ruller"}, "Did you mean ruler"),
        ({"preset": "ruler:multikey_9"}, "Did you mean multikey"),
        ({"params": ["keys"]}, "name=value"),
        ({"params": ["keys="]}, "name=value"),
        ({"params": ["kyes=3"]}, "Did you mean keys"),
        ({"params": ["nedle.keys=3"]}, "Did you mean needle"),
        ({"params": ["keys=three"]}, "whole number"),
        ({"params": ["keys=0"]}, "at least 1"),
        ({"params": ["keys=1,,2"]}, "whole number"),
        ({"params": ["keys=1,1"]}, "twice"),
        ({"params": ["keys=1,01"]}, "twice"),
        ({"params": ["absent=0.33"]}, "multiple of 0.05"),
        ({"params": ["absent=nan"]}, "absent"),
        ({"params": ["twins=perhaps"]}, "true or false"),
        ({"params": ["key_kind=emoji"]}, "one of words, digits"),
        ({"params": [f"{name}=" + ",".join(map(str, range(1, 60))) for name in ("keys", "values", "queries")]}, "combinations"),
        ({"params": ["digits=19"]}, "at most 18"),
        ({"params": ["key_kind=none", "keys=2"]}, "key_kind=none"),
    ],
)
def test_bad_specs_are_refused_by_name(options: dict[str, Any], says: str) -> None:
    with pytest.raises(LcgenError, match=says) as error:
        made(**options)
    assert error.value.exit_code == 2


def test_unknown_tasks_are_refused_with_a_suggestion() -> None:
    with pytest.raises(LcgenError, match="Did you mean needle"):
        spec("nedle")
    with pytest.raises(LcgenError, match="Name a task: .*needle"):
        spec([])
    with pytest.raises(LcgenError, match="named twice"):
        spec(["needle", "needle"])


def test_what_is_given_wins_over_the_preset_and_that_over_defaults() -> None:
    preset = spec("needle", preset="ruler:multikey-1").parts[0]
    assert (preset.samples, preset.answer_tokens, preset.params) == (500, 128, ({"keys": 4, "spread": "random"},))
    assert [length.config for length in preset.lengths] == ["4k", "8k", "16k", "32k", "64k", "128k"]
    mine = spec(
        "needle", preset="ruler:multikey-1", samples=2, lengths="1k", answer_tokens=7, params=["keys=5"], haystack="noise"
    ).parts[0]
    assert (mine.samples, mine.answer_tokens, mine.params, mine.haystack) == (2, 7, ({"keys": 5, "spread": "random"},), "noise")
    plain = spec("needle").parts[0]
    assert (plain.samples, plain.haystack, plain.answer_tokens, plain.params) == (1, "prose", None, ({},))
    assert plain.depths == tuple(n / 10 for n in range(11)) and len(plain.lengths) == 4


def test_dashes_and_underscores_are_the_same_in_names() -> None:
    assert spec("needle", preset="single-fact") == spec("needle", preset="single_fact")
    assert made(params=["key-kind=uuids"]) == made(params=["key_kind=uuids"])


def test_names_of_builds_and_configs() -> None:
    assert spec("needle").name == spec("needle").parts[0].name == "needle"
    assert spec("needle", name="mine").parts[0].name == "mine"
    assert spec("needle", preset="passkey").parts[0].name == "needle_passkey"
    assert spec("needle", preset="ruler:single_1").parts[0].name == "needle_single_1"
    both = spec("needle", preset="needlebench", name="nb")
    assert (both.name, [part.name for part in both.parts]) == ("nb", ["nb_single", "nb_multi"])
    assert spec("needle", preset="needlebench").name == "needle_needlebench"


def test_a_sweep_is_every_combination_the_last_fastest() -> None:
    found = made(params=["keys=2,4", "values=1,2"]).parts[0].params
    assert found == ({"keys": 2}, {"keys": 2, "values": 2}, {"keys": 4}, {"keys": 4, "values": 2})
    assert made(params={"keys": [2, 4], "needle.values": 1}).parts[0].params == ({"keys": 2}, {"keys": 4})
    assert made(params=["keys=2", "keys=3"]).parts[0].params == ({"keys": 3},), "the last one wins"


def test_rows_are_ordered_by_index_depth_and_swept_value() -> None:
    part = made(depths="0,1", params=["keys=1,2"], samples=2).parts[0]
    found = [(place.index, place.depth, place.params) for place in places(part, part.lengths[0], 0, 2)]
    assert found == [(i, d, p) for i in (0, 1) for d in (0.0, 1.0) for p in (0, 1)]


@pytest.mark.parametrize("name", ["a", "needle-2", "A.b_c", "9"])
def test_good_names(name: str) -> None:
    assert re.fullmatch(r"[\w.-]+", made(name=name).parts[0].name)
