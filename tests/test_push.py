"""Pushing to a Hub on the loopback: what is published is whole, whatever goes wrong, and is what was built."""

from __future__ import annotations

import copy
import errno
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

import lcgen
from lcgen import cards, remote
from lcgen.builders import manifest, writer
from tests.loopback import OWNER, STRANGER, Hub, Repository
from tests.runs import cli, done, refused, tree

BUILD: dict[str, Any] = {"lengths": "1k,2k", "depths": "0,0.5", "haystack": "noise"}
# Ends without the interpreter's farewell: Arrow's reading threads may want its lock then, which ends the process with an abort.
LOADS = """
import json, os, sys, datasets
repository, config, revision, streaming = sys.argv[1:]
rows = datasets.load_dataset(repository, config, split="test", revision=revision or None, streaming=bool(streaming))
print(json.dumps([[row["id"], row["input"], row["answer"]] for row in rows]), flush=True)
os._exit(0)
"""


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("push") / "needle"
    lcgen.build("needle", out, **BUILD)
    return out


@pytest.fixture(scope="module")
def other(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same with another seed, and one length less."""
    out = tmp_path_factory.mktemp("push") / "needle"
    lcgen.build("needle", out, **{**BUILD, "lengths": "1k"}, seed=1)
    return out


@pytest.fixture(scope="module")
def kept() -> dict[str, Any]:
    """What a Hub holds once `built` was pushed to it, for `published`."""
    return {}


@pytest.fixture
def published(hub: Hub, built: Path, kept: dict[str, Any]) -> Hub:
    """The Hub with `built` in org/one, tagged v1: pushed for the first test that asks, for others what it left is put there."""
    if not kept:
        done("push", built, "org/one", "--tag", "v1")
        kept.update(copy.deepcopy({"repositories": hub.repositories, "store": hub.store}))
    hub.repositories.update(copy.deepcopy(kept["repositories"]))
    hub.store.update(kept["store"])
    hub.log.clear()
    return hub


def load(hub: Hub, tmp: Path, *args: str, token: str = OWNER) -> subprocess.CompletedProcess[str]:
    """`load_dataset` in a fresh process with a fresh cache."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("HF_")}
    env = {**kept, "HF_ENDPOINT": hub.url, "HF_HOME": str(tmp), "HF_HUB_DISABLE_XET": "1", "HF_HUB_DISABLE_TELEMETRY": "1"}
    env |= {"HF_TOKEN": token} if token else {}
    return subprocess.run([sys.executable, "-c", LOADS, *args], env=env, capture_output=True, text=True, timeout=120, check=False)


def whole(repository: Repository, folder: Path, revision: str = "main") -> bool:
    """Whether a revision holds the data of the folder and nothing else's."""
    commit = repository.at(revision)
    assert commit is not None
    there = {path: blob.data for path, blob in commit.tree.items() if path.startswith(("data/", "manifest"))}
    return there == {
        path: data
        for path, data in (tree(folder) or {}).items()
        if path.startswith(("data/", "manifest")) and data != b"(folder)"
    }


def test_push_tags_and_loads_equal_rows(hub: Hub, built: Path, tmp_path: Path) -> None:
    import json

    out = done("push", built, "org/one", "--tag", "v1")
    assert "read back and tagged v1" in out and OWNER not in out
    found = re.search(r'^Load: datasets\.load_dataset\("[^"]+", "(\w+)", split="(\w+)", revision="v1"\)$', out, re.M)
    assert found and list((built / "data" / found[1]).glob(f"{found[2]}-*"))
    assert whole(hub["org/one"], built, "v1") and len(hub["org/one"].history()) == 2
    local = [row for path in sorted((built / "data" / "needle_1k").iterdir()) for row in writer.read(path)]
    for streaming in ("", "yes"):
        ran = load(hub, tmp_path / f"home{streaming}", "org/one", "needle_1k", "v1", streaming)
        assert ran.returncode == 0, ran.stderr
        assert json.loads(ran.stdout) == [[row["id"], row["input"], row["answer"]] for row in local]


def test_the_same_again_is_a_no_op(hub: Hub, built: Path) -> None:
    done("push", built, "org/one")
    before, writes = len(hub["org/one"].history()), hub.count("POST", "/commit/")
    assert "up to date" in done("push", built, "org/one")
    assert (len(hub["org/one"].history()), hub.count("POST", "/commit/")) == (before, writes)


def test_an_old_version_keeps_its_bytes(published: Hub, built: Path, other: Path) -> None:
    hub = published
    done("push", other, "org/one", "--tag", "v2")
    assert whole(hub["org/one"], built, "v1") and whole(hub["org/one"], other, "v2") and whole(hub["org/one"], other)
    assert "tags are not moved" in refused("push", other, "org/one", "--tag", "v1")


def test_a_dry_run_lists_and_writes_nothing(hub: Hub, built: Path, other: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    out = done("push", built, "org/one", "--dry-run")
    assert "Would create" in out and "+ data/needle_1k/test-000000.parquet" in out and "org/one" not in hub.repositories
    done("push", built, "org/one")
    out = done("push", other, "org/one", "--dry-run")
    assert "- data/needle_2k/test-000000.parquet" in out and "~ manifest.json" in out
    assert whole(hub["org/one"], built)


@pytest.mark.parametrize(("private", "gated"), [(True, None), (False, "auto"), (False, "manual")])
def test_strangers_are_refused(hub: Hub, built: Path, tmp_path: Path, private: bool, gated: str | None) -> None:
    done("push", built, "org/one", "--tag", "v1", *(["--private"] if private else []), *(["--gated", gated] if gated else []))
    assert (hub["org/one"].private, hub["org/one"].gated) == (private, gated or False)
    for token in ("", STRANGER):
        assert load(hub, tmp_path / f"home{token}", "org/one", "needle_1k", "v1", "", token=token).returncode != 0
    assert load(hub, tmp_path / "own", "org/one", "needle_1k", "v1", "").returncode == 0
    # The gate was shut before anything stood behind it.
    if gated:
        methods = [path for method, path, _ in hub.log if method in ("PUT", "POST")]
        assert next(n for n, path in enumerate(methods) if "settings" in path) < next(
            n for n, p in enumerate(methods) if "/lfs" in p
        )


def test_what_does_not_hold_is_not_published(hub: Hub, built: Path, tmp_path: Path) -> None:
    bad = tmp_path / "bad"
    shutil.copytree(built, bad)
    path = next((bad / "data" / "needle_1k").iterdir())
    path.write_bytes(path.read_bytes()[:-1] + b"x")
    refused("push", bad, "org/one", code=1, says="does not hold, so nothing was published")
    assert not hub.repositories


def test_who_may_not_is_told(hub: Hub, built: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HF_TOKEN", STRANGER)
    assert STRANGER not in refused("push", built, "org/one", says="may not")
    monkeypatch.setenv("HF_TOKEN", "hf_expired")
    assert "hf_expired" not in refused("push", built, "org/one", says="expired")
    monkeypatch.delenv("HF_TOKEN")
    refused("push", built, "org/one", says="no Hub token")
    assert not hub.repositories
    (tmp_path / "token").write_text(OWNER)
    done("push", built, "org/one")


def test_somebody_elses_repository_is_left_alone(hub: Hub, built: Path) -> None:
    import huggingface_hub

    api = huggingface_hub.HfApi(endpoint=hub.url, token=OWNER)
    api.create_repo("org/one", repo_type="dataset")
    api.upload_file(path_or_fileobj=b"a,b", path_in_repo="theirs.csv", repo_id="org/one", repo_type="dataset")
    refused("push", built, "org/one", says="holds other files, such as theirs.csv")
    refused("push", built, "one", says="ORG/NAME")
    refused("push", built, "../one", says="no repository")


def test_private_is_never_published_publicly(hub: Hub, built: Path, other: Path) -> None:
    done("push", built, "org/one")
    refused("push", other, "org/one", "--private", says="public, but --private")


STEPS = [
    ("GET", r"/api/datasets/org/one(/revision/main)?$"),
    ("GET", r"/tree/"),
    ("GET", r"/refs"),
    ("POST", r"/validate-yaml"),
    ("POST", r"/preupload/"),
    ("POST", r"/objects/batch"),
    ("PUT", r"/lfs/"),
    ("POST", r"/lfs/.*/verify"),
    ("POST", r"/commit/main"),
    ("POST", r"/tag/"),
    ("GET", r"/resolve/"),
]


@pytest.mark.parametrize("how", [500, 503, 429, "cut", "cut after"])
@pytest.mark.parametrize(("method", "path"), STEPS)
def test_a_fault_at_any_step_passes(
    published: Hub, built: Path, other: Path, method: str, path: str, how: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One fault is tried over, makes no second commit, and readers see the old version or the new one."""
    import huggingface_hub.utils._http as http

    hub = published
    monkeypatch.setattr(http.time, "sleep", lambda seconds: None)
    hub.fail(method, path, how)
    done("push", other, "org/one", "--tag", "v2")
    assert not hub.faults[0].times, "the fault was met"
    assert whole(hub["org/one"], other, "v2") and whole(hub["org/one"], built, "v1")
    assert len(hub["org/one"].history()) == 3, "one commit for each version"


# A second try finds what was sent, so an upload whose verification alone fails comes through.
@pytest.mark.parametrize(("method", "path"), [step for step in STEPS if "verify" not in step[1] or "yaml" in step[1]])
def test_a_fault_that_stays_leaves_the_version_whole(
    published: Hub, built: Path, other: Path, method: str, path: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    import huggingface_hub.utils._http as http

    hub = published
    monkeypatch.setattr(http.time, "sleep", lambda seconds: None)
    hub.fail(method, path, 503, 1000)
    code, out, err = cli("push", other, "org/one", "--tag", "v2")
    assert code in (1, 2) and "Traceback" not in err and "org/one" in err and OWNER not in err + out, err
    hub.faults.clear()
    repository = hub["org/one"]
    assert whole(repository, built) or whole(repository, other)
    assert "v2" not in repository.tags and whole(repository, built, "v1")
    done("push", other, "org/one", "--tag", "v2")
    assert whole(repository, other, "v2") and len(repository.history()) == 3


def test_a_commit_in_the_meantime_is_not_overwritten(published: Hub, built: Path, other: Path) -> None:
    hub = published
    repository = hub["org/one"]

    def theirs() -> None:
        now = repository.at("main")
        assert now is not None
        repository.commit("main", "theirs", {**now.tree, "NOTES.md": now.tree["README.md"]})

    hub.fail("POST", "/commit/main", theirs)
    refused("push", other, "org/one", "--tag", "v2", code=1, says="Somebody else wrote")
    assert repository.history()[0].title == "theirs" and whole(repository, built)
    done("push", other, "org/one", "--tag", "v2")
    commit = repository.at("v2")
    assert commit is not None and "NOTES.md" in commit.tree and whole(repository, other)


def test_a_damaged_download_leaves_no_tag(hub: Hub, built: Path) -> None:
    hub.fail("GET", "/resolve/.*parquet", "corrupt", 1000)
    refused("push", built, "org/one", "--tag", "v1", code=1, says="not what was sent|does not hold")
    assert not hub["org/one"].tags and whole(hub["org/one"], built)
    hub.faults.clear()
    done("push", built, "org/one", "--tag", "v1")
    assert len(hub["org/one"].history()) == 2


def test_a_version_is_seen_by_its_tag(hub: Hub, built: Path) -> None:
    """What a reader gets who names the tag, not what its commit holds alone."""
    hub.fail("GET", r"/resolve/v1/manifest.json", "corrupt", 1000)
    refused("push", built, "org/one", "--tag", "v1", code=1, says="The tag v1 of org/one does not give")
    hub.faults.clear()
    assert "up to date" in done("push", built, "org/one", "--tag", "v1")


def test_a_full_disk_is_told(hub: Hub, built: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import huggingface_hub

    def full(*args: Any, **kwargs: Any) -> str:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(huggingface_hub, "hf_hub_download", full)
        refused("push", built, "org/one", "--tag", "v1", says="disk is full")
    assert not hub["org/one"].tags
    done("push", built, "org/one", "--tag", "v1")


def test_large_folders_are_staged_and_become_visible_at_once(hub: Hub, built: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(remote, "COMMIT_FILES", 2)
    hub.multipart = True
    hub.fail("POST", "/commit/main", 503, 1000)
    refused("push", built, "org/one", "--tag", "v1", says="Run the same command again")
    assert remote.STAGE in hub["org/one"].branches and len(hub["org/one"].history()) == 1
    hub.faults.clear()
    puts = hub.count("PUT", "/lfs/")
    done("push", built, "org/one", "--tag", "v1")
    assert hub.count("PUT", "/lfs/") == puts, "what was staged is not sent again"
    assert len(hub["org/one"].history()) == 2 and whole(hub["org/one"], built, "v1")
    assert remote.STAGE not in hub["org/one"].branches


def test_without_xet_routes_nothing_is_published(hub: Hub, built: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The client takes Xet where it is there and does not fall back; the error says so."""
    import huggingface_hub.constants

    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_DISABLE_XET", False)
    refused("push", built, "org/one", says="HF_HUB_DISABLE_XET=1")
    assert len(hub["org/one"].history()) == 1 and not hub["org/one"].tags


def test_the_card_is_valid_and_shows_scores(hub: Hub, built: Path) -> None:
    done("push", built, "org/one", "--tag", "v1")
    commit = hub["org/one"].at("v1")
    assert commit is not None
    card = commit.tree["README.md"].data.decode()
    head = yaml.safe_load(card.split("---\n")[1])
    assert 'load_dataset("org/one", revision="v1", name="needle_1k"' in card
    made = manifest.load(built)
    assert made is not None
    scores = card.partition("## Baselines")[2]
    infos = {info["config_name"]: info for info in head["dataset_info"]}
    assert set(infos) == {config["config_name"] for config in head["configs"]}
    for config, entry in made["configs"].items():
        assert infos[config]["splits"][0]["num_examples"] == entry["rows"]
        line = next(line for line in scores.splitlines() if line.startswith(f"| `{config}` |"))
        assert line.split("|")[3].strip() == "1.000", "the oracle"
    assert "first_match" in card and "no_context" in card and hub.count("POST", "validate-yaml")


def test_a_card_that_the_hub_refuses_is_told(hub: Hub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    bad = tmp_path / "bad"
    monkeypatch.setattr(cards, "SIZES", [(10**3, "a few")])
    lcgen.build("needle", bad, lengths="1k", depths="0.5", haystack="noise")
    refused("push", bad, "org/one", code=1, says="refuses the card")


def test_somebodys_text_needs_a_license(hub: Hub, tmp_path: Path) -> None:
    text = tmp_path / "text.txt"
    text.write_text(
        "\n".join(f"The {n}th line of a text that is mine says nothing of note." for n in range(400)), encoding="utf-8"
    )
    lcgen.build("needle", tmp_path / "mine", lengths="1k", depths="0.5", haystack=str(text))
    refused("push", tmp_path / "mine", "org/one", says="--license")
    refused("push", tmp_path / "mine", "org/one", "--license", "My Own", says="Unknown license 'My Own'")
    refused("push", tmp_path / "mine", "org/one", "--license", "apache2", says="Did you mean apache-2.0")
    assert "org/one" not in hub.repositories, "before anything is read or sent"
    done("push", tmp_path / "mine", "org/one", "--license", "cc-by-4.0")
    card = hub["org/one"].at("main").tree["README.md"].data.decode()  # type: ignore[union-attr]
    assert "license: cc-by-4.0" in card and "Published under the license `cc-by-4.0`." in card and "CC0" not in card
