"""`epochs_apart`: each epoch draws from a share of its own of all keys, values and names, and has no question of another's."""

from __future__ import annotations

import json
from itertools import combinations, product
from pathlib import Path
from typing import Any

import pytest

import lcgen
from lcgen import epochs, forms, generators
from lcgen.builders import overlap
from lcgen.builders.chronicle import Chronicle
from lcgen.builders.manifest import of
from lcgen.contract import Drawn
from lcgen.shares import WHOLE, Share, apart
from lcgen.spec import SHARES
from lcgen.streams import Stream
from tests.loopback import Hub
from tests.runs import done, refused, tree

SALT, OTHER = "0123456789abcdef" * 4, "fedcba9876543210" * 4
ALL = """name: all
hub: {repository: org/all, visibility: public}
defaults: {lengths: 2k}
builds:
  - {task: [needle, phone_book, ancestral_trace], depths: "0.5"}
  - {task: [multi_thread, set_disjointness]}
  - {task: sort_order, samples: 2}
  - {task: [golden_thread, longgenbench]}
  - {task: needle, name: hard, set: {similar_keys: 2, similar_values: 2, keys: 4}, depths: "0", split: train, disjoint_pools: true}
  - {task: phone_book, name: alike, set: {shared_surname: 2, shared_given: 1, near_miss: 2, k_queries: 2}, depths: "0"}
"""


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    for name in (epochs.SALT, epochs.HELD_OUT):
        monkeypatch.delenv(name, raising=False)
    return tmp_path


def suite(home: Path, text: str) -> Path:
    path = home / "suite.yaml"
    path.write_text(text, encoding="utf-8")
    return path


def shares_of(folder: str) -> list[str]:
    records = Chronicle(Path(folder), None).records
    return [record["share"] for record in records.values()]


def test_epochs_of_all_tasks_have_nothing_in_common(hub: Hub, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Three epochs, each with held-out rows: no row, fact, key, value or question stands twice, and all can be built again."""
    monkeypatch.setenv(epochs.SALT, SALT)
    monkeypatch.setenv(epochs.HELD_OUT, OTHER)
    path = suite(home, ALL)
    for name in ("1", "2", "3"):
        out = done("refresh", path, "--epoch", name, "--push")
        assert "Shared with earlier epochs: 0 rows, 0 facts, 0 keys, 0 values, 0 questions." in out
    folders = [Path("all_epochs", f"{name}{what}") for name, what in product("123", ("", ".held_out"))]
    held = [overlap.prints(folder, of(folder)) for folder in folders]
    assert all(len(found[kind]) > 10 for found in held for kind in ("facts", "keys", "values", "questions"))
    for one, other in combinations(held, 2):
        assert overlap.shared(one, [other]) == dict.fromkeys(overlap.KINDS, 0)
    assert shares_of("all_epochs") == ["0/12", "1/12", "2/12"]
    log = _at(hub, "3")["README.md"].decode()
    assert "| 2/12 | 0, 0 | 0 of" in log
    # From what is public alone, and the seed.
    public = _at(hub, "2")
    Path("theirs/templates").mkdir(parents=True)
    Path("theirs/manifest.json").write_bytes(public["manifest.json"])
    seed = epochs.seed("0", "all", "2", SALT)
    done("build", "theirs/manifest.json", "--seed", seed, "--out", "again")
    made = tree(Path("again")) or {}
    assert all(made[name] == data for name, data in public.items() if name.startswith("data/") or name == "manifest.json")
    # What was held out is opened later, tags as they were.
    assert not any(name.startswith("held_out/") for name in _at(hub, "main"))
    monkeypatch.setenv(epochs.HELD_OUT, SALT)
    refused("reveal", path, "1", "--held-out", says="LCGEN_HELD_OUT is not the secret of 1")
    monkeypatch.setenv(epochs.HELD_OUT, OTHER)
    assert "the seed of 1, held out, is published" in done("reveal", path, "1", "--held-out", "--out", "elsewhere")
    assert "public already" in done("reveal", path, "1", "--held-out")
    public, seed = _at(hub, "main"), epochs.seed("0", "all", "1", OTHER, "held out")
    assert seed in public["README.md"].decode() and public != _at(hub, "3")
    Path("opened").mkdir()
    Path("opened/manifest.json").write_bytes(public["held_out/1/manifest.json"])
    done("build", "opened/manifest.json", "--seed", seed, "--out", "seen")
    assert tree(Path("seen/data")) == tree(Path("all_epochs/1.held_out/data"))
    assert json.loads(public["epochs/1.json"])["held_out"]["configs"]["hard_2k"]["hash"] == of(Path("seen"))["configs"]["hard_2k"]["hash"]  # fmt: skip
    done("refresh", path, "--epoch", "4", "--push")
    assert "held_out/1/manifest.json" in _at(hub, "4") and seed in _at(hub, "4")["README.md"].decode(), "what is open stays so"


def _at(hub: Hub, revision: str) -> dict[str, bytes]:
    commit = hub["org/all"].at(revision)
    assert commit is not None
    return {path: blob.data for path, blob in commit.tree.items()}


ONE = """name: one
epochs_apart: {apart}
builds:
  - {{task: needle, lengths: 1k, depths: "0", samples: 3, haystack: noise, set: {{value_kind: digits, digits: 3}}}}
"""


def test_shares_go_round_and_their_number_may_change(home: Path) -> None:
    path = suite(home, ONE.format(apart=3))
    for name in "abcd":
        done("refresh", path, "--epoch", name)
    assert shares_of("one_epochs") == ["0/3", "1/3", "2/3", "0/3"]
    # Other numbers of shares: what is apart from all comes first, then what was left alone for longest.
    suite(home, ONE.format(apart=6))
    done("refresh", path, "--epoch", "e")
    assert shares_of("one_epochs")[-1] == "1/6", "a half of 1/3, whose turn it is"
    suite(home, ONE.format(apart=1))
    done("refresh", path, "--epoch", "f")
    assert shares_of("one_epochs")[-1] == "0/1"
    assert "up to date" in done("refresh", path, "--epoch", "b")


def test_apart_is_a_matter_of_remainders() -> None:
    assert apart("0/12", "1/12") and not apart("0/12", "0/12") and not apart(None, "0/12") and not apart("0/1", "3/12")
    assert apart("1/8", "0/12") and not apart("4/8", "0/12")
    size, lists = 12 * 8 * 3 * 5, {}
    for of_ in (1, 4, 6, 8, 12):
        for which in range(of_):
            share = Share(which=which, of=of_)
            lists[f"{which}/{of_}"] = {share.place(number) for number in range(share.size(size))}
            assert all(share.number(share.place(number)) == number for number in range(share.size(size)))
    for one, other in combinations(lists, 2):
        assert lists[one].isdisjoint(lists[other]) == apart(one, other), (one, other)
    assert lists["2/6"] == lists["2/12"] | lists["8/12"], "two halves of a share are the whole of it"
    for split, which in product(SHARES, range(4)):
        share = Share(split, which, 4)
        mine = {share.place(number) for number in range(share.size(size))}
        assert mine <= lists[f"{which}/4"] and len(mine) == share.size(size) == size // 12
        assert all(place % 3 == SHARES.index(split) for place in mine), "the third of the split, whatever the epoch"


@pytest.mark.parametrize("form", [forms.form("digits", "en", 5), forms.form("words", "en"), forms.form("uuids", "en")])
def test_look_alikes_stay_in_their_share(form: forms.Form) -> None:
    """Also where a share is so small that it holds few texts which differ in one piece."""
    share, others = Share("test", 3, 24), [Share(split, which, 24) for split, which in product(SHARES, range(24))]
    held, rng = share.form(form), Stream("near")
    for text in held.texts(_first(20)):
        near = held.near(text, rng)
        assert near != text
        assert not [other for other in others if other != share and other.form(form).number(near) is not None]
    assert WHOLE.form(form) is form


def _first(count: int) -> Any:
    import numpy as np

    return np.arange(count, dtype=np.uint64)


def test_pools_that_are_too_small_are_told_with_what_works(home: Path) -> None:
    small = "name: one\nepochs_apart: {apart}\nbuilds: [{{task: golden_thread, lengths: 6k, set: {{once: 30}}}}]\n"
    path = suite(home, small.format(apart=12))
    says = r"32 events has a coined name, of which there are 24 here.*one of 12 .*epochs_apart: 12\).*epochs_apart: 9 works"
    refused("refresh", path, "--epoch", "1", says=says)
    assert not Path("one_epochs/1").exists()
    suite(home, small.format(apart=9))
    done("refresh", path, "--epoch", "1")
    path = suite(home, small.replace("once: 30", "once: 200").format(apart=12))
    refused("refresh", path, "--epoch", "2", says="events")


def test_what_is_in_common_between_shares_is_refused(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A task that does not draw through shares meets its former values by and by: then nothing is published."""
    monkeypatch.setattr(type(generators.get("needle")), "drawn", lambda self, row: Drawn(values=["the same"]))
    path = suite(home, ONE.format(apart=12))
    done("refresh", path, "--epoch", "1")
    refused("refresh", path, "--epoch", "2", code=1, says="2 shares 1 values with 1, so it was not published.*epochs_apart: 1")
    suite(home, ONE.format(apart=1))
    assert "1 values" in done("refresh", path, "--epoch", "3")


def test_a_share_by_hand(home: Path) -> None:
    rows = [next(iter(lcgen.generate("needle", lengths="1k", pool_share=share))) for share in (None, "0/2", "1/2")]
    assert len({row["id"] for row in rows}) == len({row["puzzle_id"] for row in rows}) == 3
    assert len({row["answer"] for row in rows}) == 3
    assert next(iter(lcgen.generate("needle", lengths="1k", pool_share="0/1"))) == rows[0], "the one share that there is is all"
    for bad, says in (("3", "is no share"), ("3/3", "no share 3 of 3"), ("-1/3", "is no share"), ("0/0", "0/1 for all")):
        refused("build", "needle", "--pool-share", bad, says=says)
    refused("build", "set_disjointness", "--set", "style=tokens", "--pool-share", "0/2", says="nothing that could be shared out")
    refused("build", "needle", "--set", "value_kind=digits", "--set", "digits=1", "--pool-share", "0/4", says="kind")


def test_budgets_are_the_same_in_all_epochs(home: Path) -> None:
    shares = (None, "0/12", "1/12", "7/12")
    rows = [next(iter(lcgen.generate("phone_book", lengths="2k", depths="0", pool_share=share))) for share in shares]
    assert len({row["max_new_tokens"] for row in rows}) == 1


def test_held_out_rows_of_two_splits_differ(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also where the builds are alike in all but their split."""
    monkeypatch.setenv(epochs.HELD_OUT, OTHER)
    builds = "".join(
        f"  - {{task: needle, name: {split}, split: {split}, disjoint_pools: true}}\n" for split in ("train", "test")
    )
    path = suite(home, f"name: two\ndefaults: {{lengths: 1k, depths: '0', haystack: noise}}\nbuilds:\n{builds}")
    done("refresh", path, "--epoch", "1")
    made = of(Path("two_epochs/1.held_out"))
    assert {part["split"] for part in made["spec"]["parts"]} == {"held_out_train", "held_out_test"}
    assert len({entry["hash"] for entry in made["configs"].values()}) == 2
    suite(home, path.read_text(encoding="utf-8").replace("lengths: 1k", "lengths: 1k, pool_share: 0/2"))
    refused("refresh", path, "--epoch", "2", says="asks for a pool_share")
