"""`--disjoint-pools`: train, validation and test ask for no key, value or name in common."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import lcgen
from lcgen import forms
from lcgen.errors import LcgenError
from lcgen.shares import Share
from lcgen.spec import SHARES
from lcgen.streams import Stream

TASKS: list[tuple[str, dict[str, Any]]] = [
    ("needle", {"keys": 4, "similar_keys": 2}),
    ("needle", {"value_kind": "words", "key_kind": "words"}),
    ("multi_thread", {"alphabet": "hex"}),
    ("multi_thread", {"variant": "thread", "links": "assignments", "walk": True, "alphabet": "consonants"}),
    ("phone_book", {"k_queries": 4, "near_miss": 1}),
    ("phone_book", {"order": "surname"}),
    ("phone_book", {"order": "number", "reverse": True}),
    ("set_disjointness", {"answer_mode": "intersect_all", "intersecting": 1, "element": "word"}),
    ("set_disjointness", {"answer_mode": "intersect_one", "intersecting": 1, "overlap": 1, "universe": 4096}),
    ("ancestral_trace", {}),
]


def asked(task: str, params: dict[str, Any], split: str, lang: str = "en", **options: Any) -> set[str]:
    """Everything that the rows of a split ask for or answer with."""
    text = {"haystack": "noise"} if params.get("links") == "assignments" else {}
    found = set()
    for row in lcgen.generate(task, lengths="2k", samples=3, split=split, lang=lang, params=params, **text, **options):
        found |= {text for piece in row["evidence"] if piece["role"] == "gold" for text in (piece["key"], piece["value"])}
        found |= set(row["outputs"]) if task != "ancestral_trace" else set()
    return {text for text in found if len(text) > 2}


@pytest.mark.parametrize("lang", ["en", "zh"])
@pytest.mark.parametrize(("task", "params"), TASKS, ids=lambda value: value if isinstance(value, str) else "-".join(value))
def test_splits_ask_for_nothing_in_common(task: str, params: dict[str, Any], lang: str) -> None:
    shares = [asked(task, params, split, lang, disjoint_pools=True) for split in SHARES]
    assert all(len(share) >= 3 for share in shares)
    assert not (shares[0] & shares[1] or shares[1] & shares[2] or shares[0] & shares[2])


def test_the_text_of_every_record_is_of_the_share() -> None:
    """Not only what is planted: filler comes of the same pools."""
    form = forms.form("hex", "en", 8)
    for row in lcgen.generate("multi_thread", lengths="1k", disjoint_pools=True, split="train", params={"alphabet": "hex"}):
        words = row["input"][row["context_start"] : row["context_end"]].split('"')[1::2]
        assert len(words) > 50 and all(Share("train").form(form).number(word) is not None for word in words)
        assert all(Share("test").form(form).number(word) is None for word in words)


@pytest.mark.parametrize(
    "form", [forms.form("words", "zh"), forms.form("digits", "en", 4), forms.names("en"), forms.form("uuids", "en")]
)
def test_shares_of_a_form_are_apart_and_are_read_back(form: forms.Form) -> None:
    texts = {split: Share(split).form(form).texts(np.arange(300, dtype=np.uint64)) for split in SHARES}
    assert len({text for share in texts.values() for text in share}) == 900
    for split, held in texts.items():
        share = Share(split).form(form)
        assert [share.number(text) for text in held] == list(range(300))
        near = share.near(held[0], Stream("near", split))
        others = [Share(other).form(form) for other in SHARES if other != split]
        assert near != held[0] and all(other.number(near) is None for other in others)


def test_rows_say_whether_pools_were_shared_out() -> None:
    """Rows drawn from shares are other rows, so they have other ids."""
    plain, shared = (next(iter(lcgen.generate("needle", lengths="1k", disjoint_pools=on, params={}))) for on in (False, True))
    assert plain["id"] != shared["id"] and plain["puzzle_id"] != shared["puzzle_id"]


@pytest.mark.parametrize(
    ("task", "options", "said"),
    [
        ("needle", {"split": "dev"}, "train, validation, test"),
        ("set_disjointness", {"params": {"style": "tokens"}}, "with these parameters"),
        ("multi_thread", {"params": {"alphabet": "published", "pairs": 25}}, "published"),
    ],
)
def test_what_has_no_shares_is_refused(task: str, options: dict[str, Any], said: str) -> None:
    with pytest.raises(LcgenError, match=said):
        list(lcgen.generate(task, disjoint_pools=True, **options))
