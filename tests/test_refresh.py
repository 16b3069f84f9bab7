"""Epochs of a suite on a Hub on the loopback: fresh rows, secrets, what is shared, and schedules that run."""

from __future__ import annotations

import datetime
import json
import os
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

import lcgen
from lcgen import epochs
from lcgen.builders import overlap
from lcgen.builders.manifest import load
from tests.loopback import OWNER, Hub
from tests.runs import done, refused, tree

SUITE = """name: demo
hub: {repository: org/demo, visibility: public}
builds:
  - {task: needle, lengths: 1k, depths: "0,0.5", samples: 2, haystack: noise}
"""
SALT, OTHER = "0123456789abcdef" * 4, "fedcba9876543210" * 4


@pytest.fixture
def suite(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    for name in (epochs.SALT, epochs.HELD_OUT):
        monkeypatch.delenv(name, raising=False)
    path = tmp_path / "demo.yaml"
    path.write_text(SUITE, encoding="utf-8")
    return path


def bytes_at(hub: Hub, revision: str) -> dict[str, bytes]:
    commit = hub["org/demo"].at(revision)
    assert commit is not None
    return {path: blob.data for path, blob in commit.tree.items()}


def test_epochs_have_names() -> None:
    day = datetime.date(2027, 1, 1)
    assert [epochs.named(kind, day) for kind in ("day", "week", "month", "spring")] == [
        "2027-01-01",
        "2026-W53",
        "2027-01",
        "spring",
    ]
    for bad in ("", "a b", "../x", "x..y", ".x", "x.lock"):
        with pytest.raises(lcgen.LcgenError, match="no epoch"):
            epochs.named(bad, day)
    for bad in ("2026-13", "2026-W54", "2026-02-30", "2026-1", "2026-W5", "2026-12-1", "2026-12a"):
        with pytest.raises(lcgen.LcgenError, match="looks like a date, but is none"):
            epochs.named(bad, day)
    for slip, meant in (("weekk", "week"), ("Month", "month"), ("days", "day"), ("monthly", "month")):
        with pytest.raises(lcgen.LcgenError, match=f"Did you mean {meant}"):
            epochs.named(slip, day)
    assert [epochs.named(name, day) for name in ("today", "2026-12", "2026-W53", "2024-02-29", "2026_a")]
    assert (
        epochs.earlier("2026-W09", "2026-W10")
        and not epochs.earlier("spring", "summer")
        and not epochs.earlier("2026-01", "2026-W10")
    )


def test_an_epoch_is_fresh_and_the_same_again_is_a_no_op(hub: Hub, suite: Path) -> None:
    done("refresh", suite, "--epoch", "2026-01", "--push")
    first = bytes_at(hub, "2026-01")
    commits = len(hub["org/demo"].history())
    assert "up to date" in done("refresh", suite, "--epoch", "2026-01", "--push")
    assert len(hub["org/demo"].history()) == commits
    out = done("refresh", suite, "--epoch", "2026-02", "--push")
    assert "0 rows, 0 facts" in out
    second = bytes_at(hub, "2026-02")
    assert second == bytes_at(hub, "main") and bytes_at(hub, "2026-01") == first
    assert first["manifest.json"] != second["manifest.json"]
    card = second["README.md"].decode()
    assert card.index("| `2026-02` |") < card.index("| `2026-01` |")
    assert {config["config_name"] for config in yaml.safe_load(card.split("---\n")[1])["configs"]} == {
        "preview",
        "needle",
        "needle_1k",
    }
    refused("refresh", suite, "--epoch", "2026-01.", says="no epoch")
    refused("refresh", suite, "--epoch", "2025-12", "--push", says="lies before")


def test_the_commands_of_the_docs_run(hub: Hub, suite: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(epochs.SALT, SALT)
    month = epochs.named("month", datetime.datetime.now(datetime.timezone.utc).date())
    done("build", "needle", "--lengths", "1k", "--depths", "0.5", "--haystack", "noise", "--out", "hard")
    page, readme = (
        Path(__file__).parents[1].joinpath(name).read_text(encoding="utf-8") for name in ("docs/refresh.md", "README.md")
    )
    (yaml_block,) = re.findall(r"```yaml\n(.*?)```", page, re.S)
    Path("suite.yaml").write_text(yaml_block.replace("ORG/NAME", "org/monthly").replace("4k,8k", "1k"), encoding="utf-8")
    there, *_ = re.findall(r"```sh\n(.*?)```", page, re.S)
    (here,) = (block for block in re.findall(r"```sh\n(.*?)```", readme, re.S) if "lcgen push" in block)
    for line in (there + here).strip().splitlines():
        verb, *words = line.partition("#")[0].split()[1:]
        words = [word.replace("ORG/NAME", "org/hard").replace("2026-11", month) for word in words]
        assert done(verb, *words, *(["--force"] if verb == "schedule" else [])), line


def test_the_change_log_shows_an_epoch_beside_the_one_before(hub: Hub, suite: Path) -> None:
    pytest.importorskip("torch", reason="lcgen check needs PyTorch")
    done("refresh", suite, "--epoch", "1", "--push")
    assert "The newest epoch beside" not in bytes_at(hub, "1")["README.md"].decode()
    done("refresh", suite, "--epoch", "2", "--push", "--check", "4")
    done("refresh", suite, "--epoch", "3", "--push", "--check", "4")
    records = [json.loads(bytes_at(hub, "main")[f"epochs/{name}.json"]) for name in "123"]
    assert records[0]["check"] is None and records[1]["check"]["rows"] == 4
    (newest, former) = (record["scores"][0]["no_context"] for record in (records[2], records[1]))
    seen = [record["check"]["configs"]["needle_1k"]["evidence"] for record in records[1:]]
    assert seen == ["4/4", "4/4"]
    log = bytes_at(hub, "3")["README.md"].decode().partition("<!-- history -->")[2]
    assert "| config | run | `3` | `2` |" in log
    assert f"| `needle_1k` | no_context | {newest:.3f} | {former:.3f} |" in log
    assert "| `needle_1k` | check: evidence | 4/4 | 4/4 |" in log
    assert log.count(f"| {records[2]['check']['verdict']} |") >= 2 and re.search(r"\| `1` \| 4 \| 1.000 \| [\d.]+ \| - \|", log)


def test_rows_that_leak_are_not_published(hub: Hub, suite: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("torch", reason="lcgen check needs PyTorch")
    from lcgen.checking import verdicts
    from lcgen.checking.findings import Findings

    monkeypatch.setattr(Findings, "verdict", property(lambda self: verdicts.FAULTS[0]))
    refused("refresh", suite, "--epoch", "1", "--push", "--check", "4", code=1, says="1 was not published: leaking .*lcgen check")
    assert "org/demo" not in hub.repositories


def test_without_the_hub_too(suite: Path) -> None:
    assert "rows" in done("refresh", suite, "--epoch", "a")
    before = tree(Path("demo_epochs"))
    assert "up to date" in done("refresh", suite, "--epoch", "a") and tree(Path("demo_epochs")) == before
    done("refresh", suite, "--epoch", "b")
    assert load(Path("demo_epochs/a"))["configs"] != load(Path("demo_epochs/b"))["configs"]  # type: ignore[index]


def test_a_failed_run_leaves_the_last_version_and_the_next_finishes(hub: Hub, suite: Path) -> None:
    done("refresh", suite, "--epoch", "1", "--push")
    before = bytes_at(hub, "main")
    hub.fail("POST", "/commit/main", 503, 1000)
    refused("refresh", suite, "--epoch", "2", "--push", says="answers 503")
    assert bytes_at(hub, "main") == before and set(hub["org/demo"].tags) == {"1"}
    hub.faults.clear()
    done("refresh", suite, "--epoch", "2", "--push")
    assert set(hub["org/demo"].tags) == {"1", "2"}


def test_keep_removes_old_tags_alone(hub: Hub, suite: Path) -> None:
    for name in ("1", "2", "3"):
        done("refresh", suite, "--epoch", name, "--push")
    assert set(hub["org/demo"].tags) == {"1", "2", "3"}
    out = done("refresh", suite, "--epoch", "4", "--push", "--keep", "2")
    assert "Tags removed: 1, 2" in out and set(hub["org/demo"].tags) == {"3", "4"}
    refused("refresh", suite, "--epoch", "5", "--keep", "2", says="--push")


def test_a_salt_is_committed_to_revealed_and_rebuilt(hub: Hub, suite: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(epochs.SALT, SALT)
    out = done("refresh", suite, "--epoch", "1", "--push")
    seed = epochs.seed("0", "demo", "1", SALT)
    whole = b"".join(bytes_at(hub, "1").values())
    assert epochs.shown(seed) in out and epochs.shown(seed).encode() in whole
    for path in ("1", "main"):
        for data in bytes_at(hub, path).values():
            assert SALT.encode() not in data and seed.encode() not in data
    rows = list(_rows(Path("demo_epochs/1")))
    assert {row["seed"] for row in rows} == {epochs.shown(seed)}
    done("refresh", suite, "--epoch", "2", "--push")
    tagged = bytes_at(hub, "1")
    monkeypatch.setenv(epochs.SALT, OTHER)
    refused("reveal", suite, "1", says="is not the secret")
    monkeypatch.setenv(epochs.SALT, SALT)
    refused("reveal", suite, "3", says="no epoch 3")
    refused(
        "reveal", suite, "month", says=f"no epoch {epochs.named('month', datetime.datetime.now(datetime.timezone.utc).date())}"
    )
    assert "published" in done("reveal", suite, "1")
    assert "public already" in done("reveal", suite, "1")
    assert json.loads(done("reveal", suite, "1", "--json"))["done"] is False
    card = bytes_at(hub, "main")["README.md"].decode()
    assert seed in card and epochs.seed("0", "demo", "2", SALT) not in card and bytes_at(hub, "1") == tagged
    # Anybody builds it again from what is public.
    Path("theirs.yaml").write_bytes(tagged["suite.yaml"])
    monkeypatch.delenv(epochs.SALT)
    Path("theirs").mkdir()
    Path("theirs/manifest.json").write_bytes(tagged["manifest.json"])
    done("build", "theirs/manifest.json", "--seed", seed, "--out", "again")
    done("build", "theirs.yaml", "--seed", seed, "--pool-share", "0/12", "--out", "by_hand")
    for folder in ("again", "by_hand"):
        again = tree(Path(folder)) or {}
        for path, data in tagged.items():
            if path.startswith("data/") or path == "manifest.json":
                assert again[path] == data, path
    monkeypatch.setenv(epochs.SALT, SALT)
    done("refresh", suite, "--epoch", "3", "--push")
    assert seed in bytes_at(hub, "main")["README.md"].decode(), "what is revealed stays so"


def _rows(folder: Path) -> list[dict[str, Any]]:
    from lcgen.builders import writer

    return [row for path in sorted(folder.glob("data/needle_1k/*")) for row in writer.read(path)]


def test_secrets_that_can_be_guessed_are_refused(suite: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for bad in ("short", "a" * 64):
        monkeypatch.setenv(epochs.SALT, bad)
        assert bad not in refused("refresh", suite, "--epoch", "1", says="could be guessed")
    monkeypatch.setenv(epochs.SALT, SALT)
    monkeypatch.setenv(epochs.HELD_OUT, SALT)
    refused("refresh", suite, "--epoch", "1", says="same secret")


def test_held_out_rows_stay_private_and_their_hashes_are_public(hub: Hub, suite: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(epochs.HELD_OUT, OTHER)
    done("refresh", suite, "--epoch", "1", "--push")
    held = load(Path("demo_epochs/1.held_out"))
    assert held is not None
    public = bytes_at(hub, "1")
    assert held["configs"]["needle_1k"]["hash"] in public["README.md"].decode()
    assert json.loads(public["epochs/1.json"])["held_out"]["configs"]["needle_1k"]["hash"] == held["configs"]["needle_1k"]["hash"]
    rows = list(_rows(Path("demo_epochs/1.held_out")))
    assert {row["split"] for row in rows} == {"held_out"} and len(rows) == 4
    everything = b"".join(data for path, data in public.items() if not path.endswith(".parquet"))
    assert not any(row["id"].encode() in everything or row["answer"].encode() in everything for row in rows)
    assert not {row["id"] for row in rows} & {row["id"] for row in _rows(Path("demo_epochs/1"))}
    assert not any("held" in path for path in public)


@pytest.mark.parametrize("variable", [epochs.SALT, epochs.HELD_OUT])
def test_a_secret_that_is_lost_is_told(variable: str, hub: Hub, suite: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(variable, SALT)
    done("refresh", suite, "--epoch", "1", "--push")
    done("refresh", suite, "--epoch", "1", "--out", "here")
    before = bytes_at(hub, "main")
    monkeypatch.delenv(variable)
    says = rf"{variable} is not set, but 1 of org/demo has .*so 2 would go without"
    refused("refresh", suite, "--epoch", "2", "--push", says=says)
    refused("refresh", suite, "--epoch", "2", "--out", "here", says=says.replace("org/demo", "here"))
    assert bytes_at(hub, "main") == before and set(hub["org/demo"].tags) == {"1"} and not Path("here/2").exists()
    assert "up to date" in done("refresh", suite, "--epoch", "1", "--push"), "nothing is made, so nothing is missed"
    monkeypatch.setenv(variable, SALT)
    done("refresh", suite, "--epoch", "2", "--push")


@pytest.mark.parametrize("variable", [epochs.SALT, epochs.HELD_OUT])
def test_a_commitment_is_not_replaced(variable: str, hub: Hub, suite: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(variable, SALT)
    hub.fail("POST", "/tag/", 503, 1000)
    refused("refresh", suite, "--epoch", "1", "--push", "--out", "one", says="503")
    before = bytes_at(hub, "main")
    assert "epochs/1.json" in before and not hub["org/demo"].tags
    hub.faults.clear()
    monkeypatch.setenv(variable, OTHER)
    refused("refresh", suite, "--epoch", "1", "--push", "--out", "two", says=r"org/demo holds 1 with the seed sha256:\w+ already")
    assert bytes_at(hub, "main") == before
    monkeypatch.setenv(variable, SALT)
    done("refresh", suite, "--epoch", "1", "--push", "--out", "three")
    assert set(hub["org/demo"].tags) == {"1"} and bytes_at(hub, "1") == before


def test_shared_rows_stop_a_refresh(hub: Hub, suite: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Seeds that do not differ, as a broken derivation would give them, make the same rows: nothing is published."""
    monkeypatch.setattr(epochs, "seed", lambda *args: "7")
    suite.write_text(f"{SUITE}epochs_apart: 1\n", encoding="utf-8")
    done("refresh", suite, "--epoch", "1", "--push")
    refused("refresh", suite, "--epoch", "2", "--push", code=1, says="shares 4 rows, 4 facts with 1,")
    assert set(hub["org/demo"].tags) == {"1"}


def test_prints_pack(suite: Path) -> None:
    lcgen.build("needle", "one", lengths="1k", depths="0.5", haystack="noise")
    made = load(Path("one"))
    assert made is not None
    found = overlap.prints(Path("one"), made)
    again = overlap.unpack(overlap.pack(found))
    assert all((found[kind] == again[kind]).all() and len(found[kind]) == 1 for kind in overlap.KINDS)
    assert overlap.shared(found, [again]) == dict.fromkeys(overlap.KINDS, 1)
    with pytest.raises(ValueError):
        overlap.unpack(overlap.pack(found)[:-8])


def test_suites_must_say_where(suite: Path) -> None:
    suite.write_text(re.sub("hub: .*\n", "", SUITE), encoding="utf-8")
    for command in (("refresh", suite, "--push"), ("reveal", suite, "1"), ("schedule", suite, "--to", "cron")):
        refused(*command, says="does not say where")


def test_visibility_is_the_suites(hub: Hub, suite: Path) -> None:
    suite.write_text(SUITE.replace("public", "private"), encoding="utf-8")
    done("refresh", suite, "--epoch", "1", "--push")
    assert hub["org/demo"].private


def test_the_workflow_keeps_its_schema_and_its_secrets(suite: Path) -> None:
    done("schedule", "demo.yaml", "--to", "github-actions", "--epoch", "week", "--keep", "8")
    text = Path(".github/workflows/lcgen-demo.yml").read_text(encoding="utf-8")
    found = yaml.load(text, yaml.BaseLoader)
    assert found["on"]["schedule"] == [{"cron": "17 3 * * 1"}] and found["permissions"] == {"contents": "read"}
    steps = found["jobs"]["refresh"]["steps"]
    assert steps[-1]["run"] == "lcgen refresh demo.yaml --epoch week --push --keep 8"
    assert steps[-1]["env"] == {name: f"${{{{ secrets.{name} }}}}" for name in ("HF_TOKEN", epochs.SALT, epochs.HELD_OUT)}
    assert not any("secrets" in json.dumps(step) for step in steps[:-1])
    schema = pytest.importorskip("check_jsonschema")
    path = Path(schema.__file__).parent / "builtin_schemas" / "vendor" / "github-workflows.json"
    import jsonschema

    assert not list(
        jsonschema.Draft7Validator(json.loads(path.read_text(encoding="utf-8"))).iter_errors(
            yaml.load(text.replace("\non:", '\n"on":'), yaml.SafeLoader)
        )
    )
    Path(".github/workflows/lcgen-demo.yml").write_text("mine", encoding="utf-8")
    refused("schedule", "demo.yaml", "--to", "github-actions", says="--force")


def test_the_cron_line_runs(hub: Hub, suite: Path, tmp_path: Path) -> None:
    """The command of the line, as cron runs it: by sh, with next to no environment."""
    written = json.loads(done("schedule", suite, "--to", "cron", "--json"))["files"]
    assert [Path(name).name for name in written] == ["lcgen-demo.cron"]
    line = Path("lcgen-demo.cron").read_text(encoding="utf-8").splitlines()[-1]
    fields = line.split(" ", 5)
    assert fields[:5] == ["17", "3", "1", "*", "*"] and "%" not in line
    folder = tmp_path / "home" / ".config" / "lcgen"
    folder.mkdir(parents=True)
    secrets = f"HF_TOKEN={OWNER}\nHF_ENDPOINT={hub.url}\nHF_HUB_DISABLE_XET=1\nLCGEN_SALT={SALT}\nLCGEN_CACHE={os.environ['LCGEN_CACHE']}\n"
    (folder / "demo.env").write_text(secrets, encoding="utf-8")
    env = {"HOME": str(tmp_path / "home"), "PATH": "/usr/bin:/bin", "SHELL": "/bin/sh", "LOGNAME": "me"}
    ran = subprocess.run(["/bin/sh", "-c", fields[5]], env=env, capture_output=True, text=True, timeout=120, check=False)
    log = (folder / "demo.log").read_text(encoding="utf-8")
    assert ran.returncode == 0, (ran.stderr, log)
    assert "tagged" in log and OWNER not in log and SALT not in log and len(hub["org/demo"].tags) == 1


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="there is no systemd here")
def test_systemd_takes_the_units(suite: Path) -> None:
    done("schedule", suite, "--to", "systemd", "--epoch", "day")
    units = ["lcgen-demo.service", "lcgen-demo.timer"]
    ran = subprocess.run(
        ["systemd-analyze", "verify", "--user", *(f"./{unit}" for unit in units)],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    said = [line for line in ran.stderr.splitlines() if "lcgen-demo" in line]
    assert not said, said
    calendar = re.search("OnCalendar=(.*)", Path(units[1]).read_text(encoding="utf-8"))
    assert (
        calendar
        and subprocess.run(["systemd-analyze", "calendar", calendar[1]], capture_output=True, check=False).returncode == 0
    )


def test_odd_paths_are_no_schedule(suite: Path) -> None:
    odd = Path("a $(b).yaml")
    odd.write_text(SUITE, encoding="utf-8")
    for to in ("github-actions", "cron", "systemd"):
        refused("schedule", odd, "--to", to, says="cannot name safely")
    refused("schedule", suite, "--to", "github-actions", says="must lie in the repository")
