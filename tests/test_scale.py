"""Builds by many workers: in any order, stopped at any moment, here or elsewhere, they end in the same bytes."""

from __future__ import annotations

import contextlib
import json
import os
import random
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import lcgen
from lcgen import wanted
from lcgen.builders import build as building
from lcgen.builders import locks
from lcgen.builders.objects import Store
from tests.runs import cli, done, process, refused, tree

# Twelve files, each of some tens of milliseconds.
BUILD = ("build", "needle", "--haystack", "noise", "--depths", "0,0.5,1", "--lengths", "1k..12k:1k")
FEW = ("build", "needle", "--haystack", "noise", "--depths", "0,1", "--lengths", "1k,2k,3k")
OPTIONS: dict[str, Any] = {"haystack": "noise", "depths": "0,1", "lengths": "1k,2k,3k"}
posix = pytest.mark.skipif(os.name != "posix", reason="sends signals")


@pytest.fixture(autouse=True)
def own_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    return tmp_path


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """The files of BUILD, built without interruption."""
    folder = tmp_path_factory.mktemp("whole") / "out"
    done(*BUILD, "--out", folder)
    assert not lcgen.verify(folder, full=True).faults
    return tree(folder) or {}


@pytest.fixture(scope="module")
def few(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """The files of FEW."""
    folder = tmp_path_factory.mktemp("few") / "out"
    done(*FEW, "--out", folder)
    return tree(folder) or {}


@contextlib.contextmanager
def running(*args: Any, **env: str) -> Iterator[subprocess.Popen[str]]:
    """The command line in a process of its own, which is ended with the block."""
    command = [sys.executable, "-m", "lcgen", *map(str, args)]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True, env={**os.environ, **env}
    ) as run:
        try:
            yield run
        finally:
            if run.poll() is None:
                run.kill()


def finished(out: Path) -> dict[str, int]:
    """Files that are made and noted, with their inodes."""
    notes = out / ".building" / "notes"
    names = [path.relative_to(notes).as_posix()[: -len(".json")] for path in notes.rglob("*.json")]
    return {name: (out / ".building" / name).stat().st_ino for name in names}


def until(condition: Any, run: subprocess.Popen[str], seconds: float = 60) -> None:
    end = time.monotonic() + seconds
    while not condition() and run.poll() is None and time.monotonic() < end:
        time.sleep(0.01)


def children(process_id: int) -> list[int]:
    found = subprocess.run(["ps", "-o", "pid=", "--ppid", str(process_id)], capture_output=True, text=True, check=False)
    return [int(line) for line in found.stdout.split()]


def workers(process_id: int) -> list[int]:
    """The processes that make files; not the one that counts semaphores."""
    found = []
    for child in children(process_id):
        with contextlib.suppress(OSError):
            if b"spawn_main" in Path(f"/proc/{child}/cmdline").read_bytes():
                found.append(child)
    return found


def alive(process_id: int) -> bool:
    try:
        return Path(f"/proc/{process_id}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


# ---- any set of workers, in any order


def test_workers_and_shards_give_the_same_bytes(few: dict[str, bytes], tmp_path: Path) -> None:
    done(*FEW, "--jobs", 2, "--out", "jobs")
    for shard in (2, 0, 1):
        done(*FEW, "--shard", f"{shard}/3", "--out", "shards")
        assert not (tmp_path / "shards" / "manifest.json").exists() and not (tmp_path / "shards" / "data").exists()
    assert done("finish", "shards").startswith("./shards: 6 rows")
    assert tree(tmp_path / "jobs") == tree(tmp_path / "shards") == few


def test_more_shards_than_files_and_shards_made_twice(few: dict[str, bytes], tmp_path: Path) -> None:
    for shard in (4, 1, 1, 3, 0, 2):
        done(*FEW, "--shard", f"{shard}/5", "--jobs", 2, "--out", "out")
    done("finish", "out")
    assert tree(tmp_path / "out") == few
    assert "./out: 6 rows" in (again := done("finish", "out")) and "finished already" in again
    assert tree(tmp_path / "out") == few
    assert "up to date" in done(*FEW, "--out", "out")


def test_finish_says_what_is_missing(tmp_path: Path, few: dict[str, bytes]) -> None:
    done(*FEW, "--shard", "1/3", "--out", "out")
    refused("finish", "out", code=1, says=r"2 of 3 files of .*out are missing: data/needle_1k/.*Run shards 0, 2 of 3 again")
    refused("verify", "out", says="a build was begun and is not finished.*`lcgen finish` joins")
    done(*FEW, "--shard", "0/3", "--out", "out")
    refused("finish", "out", code=1, says=r"1 of 3 files of .*out is missing: data/needle_.*Run shard 2 of 3 again")
    # Whoever comes may make the rest, in shards or not.
    done(*FEW, "--out", "out")
    assert tree(tmp_path / "out") == few
    refused("finish", "nowhere", says="no build was begun")


def test_a_report_of_a_shard_says_what_waits() -> None:
    report = lcgen.build("needle", "out", shard="0/2", **OPTIONS)
    assert report.written == 2 and len(report.waits) == 1 and report.rows == 4
    assert lcgen.build("needle", "out", shard="1/2", **OPTIONS).waits == ()
    assert lcgen.finish("out").rows == 6


def test_shards_extend_a_folder(tmp_path: Path) -> None:
    done(*FEW, "--out", "out")
    for shard in ("0/2", "1/2"):
        done(*FEW, "--samples", 2, "--lengths", "1k..4k:1k", "--shard", shard, "--out", "out")
    done("finish", "out")
    done(*FEW, "--samples", 2, "--lengths", "1k..4k:1k", "--out", "at-once", "--name", "needle")
    assert tree(tmp_path / "out") == tree(tmp_path / "at-once")


def test_a_shard_that_asks_for_less_is_refused(tmp_path: Path, few: dict[str, bytes]) -> None:
    done(*FEW, "--shard", "0/2", "--out", "out")
    held, made = tmp_path / "out/.building/plan.json", finished(tmp_path / "out")
    before = held.read_bytes()
    fewer = [arg if arg != "1k,2k,3k" else "1k,3k" for arg in FEW]
    refused(
        *fewer, "--shard", "1/2", "--out", "out", says="Other shards of .*needle has also 2k. Ask for the same in every shard"
    )
    refused(*FEW, "--verify", "none", "--shard", "1/2", "--out", "out", says="verify is auto, not none")
    assert held.read_bytes() == before and finished(tmp_path / "out") == made
    done(*FEW, "--shard", "1/2", "--out", "out")
    done("finish", "out")
    assert tree(tmp_path / "out") == few
    # More may come at any time, and is then what the others must ask for too.
    done(*fewer, "--shard", "0/2", "--out", "more")
    done(*FEW, "--shard", "0/2", "--out", "more")
    refused(*fewer, "--shard", "1/2", "--out", "more", says="needle has also 2k")
    refused(
        *FEW[:-1], "1k,2k,3k,4k", "--samples", 2, "--shard", "1/2", "--lengths", "4k", "--out", "more", says="also 1k, 2k, 3k"
    )
    done(*FEW, "--shard", "1/2", "--out", "more")
    done("finish", "more")
    assert tree(tmp_path / "more") == few
    done(*FEW, "--shard", "0/2", "--out", "anew")
    done(*fewer, "--shard", "0/1", "--force", "--out", "anew")
    done("finish", "anew")
    assert not lcgen.verify(tmp_path / "anew").faults and not (tmp_path / "anew/data/needle_2k").exists()


def test_a_shard_with_fewer_samples_or_builds_is_refused(tmp_path: Path) -> None:
    two = ("build", "needle", "phone_book", "--name", "mix", "--lengths", "1k", "--depths", "0")
    done(*two, "--samples", 2, "--shard", "0/2", "--out", "out")
    refused(*two, "--shard", "1/2", "--out", "out", says="needle has 2 samples, not 1; phone_book has 2 samples, not 1")
    one = tuple(arg for arg in two if arg != "phone_book")
    refused(*one, "--samples", 2, "--shard", "1/2", "--out", "out", says="it also holds")


@pytest.mark.parametrize("name", ["", " "])
def test_an_empty_name_of_the_output_is_said(name: str, tmp_path: Path) -> None:
    refused(*FEW, "--out", name, says="--out is empty|has an empty name")
    refused("finish", name, says="has an empty name")
    with pytest.raises(lcgen.LcgenError, match="has an empty name"):
        lcgen.build("needle", name, **OPTIONS)
    refused("export", "somewhere", "--to", "jsonl", "--out", "", says="--out is empty")
    refused("report", "somewhere", "--figures", "", says="--figures is empty")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("shard", ["4/4", "-1/4", "1", "a/b", "0/0", "1/2/3", "", "1.5/3"])
def test_a_shard_that_is_none_is_refused(shard: str, tmp_path: Path) -> None:
    refused(*FEW, "--shard", shard, "--out", "out", says="--shard")
    assert not list(tmp_path.iterdir())


def test_jobs_that_cannot_be_are_refused() -> None:
    refused(*FEW, "--jobs", 0, says="--jobs is 0, but must be at least 1")
    refused(*FEW, "--jobs", 0, "--plan", says="--jobs is 0, but must be at least 1")
    refused(*FEW, "--jobs", 2, "--executor", "ray", says="Leave --jobs out")
    refused(*FEW, "--shard", "0/2", "--plan", says="Leave --shard out")
    refused("verify", ".", "--jobs", -1, says="--jobs is -1")


# ---- stopped at any moment


@posix
def test_kill_at_random_moments_and_go_on(whole: dict[str, bytes], tmp_path: Path) -> None:
    """Killed many times; nothing that was finished is made again, and the end is byte for byte the same."""
    draw, kills, seen = random.Random(20261126), 0, dict[str, int]()
    for turn in range(40):
        jobs = ("--jobs", "2") if turn % 4 == 3 else ()
        with running(*BUILD, *jobs, "--out", "out") as run:
            try:
                # Now and then at any moment, loading included; mostly while files are made.
                if turn % 5:
                    until(lambda: list((tmp_path / "out").glob(".building/parts/*")), run)
                run.wait(draw.uniform(0.0, 0.25 if turn % 5 else 1.0))
            except subprocess.TimeoutExpired:
                os.killpg(run.pid, signal.SIGKILL) if turn % 2 else run.kill()
                kills += 1
        if run.returncode == 0:
            break
        now = finished(tmp_path / "out")
        assert seen.items() <= now.items(), "a finished file stays"
        assert not (tmp_path / "out" / "manifest.json").exists() and not (tmp_path / "out" / "README.md").exists()
        seen = now
    assert kills > 3, "it was too fast to be killed"
    done(*BUILD, "--out", "out")
    made = {name: (tmp_path / "out" / name).stat().st_ino for name in seen}
    assert made == seen, "finished files were moved, not made again"
    assert tree(tmp_path / "out") == whole


@posix
def test_kill_while_a_folder_is_extended(tmp_path: Path) -> None:
    done(*FEW, "--out", "out")
    grown = (*BUILD, "--samples", "2", "--out", "out", "--depths", "0,1")
    with running(*grown) as run:
        until(lambda: len(finished(tmp_path / "out")) > 3, run)
        run.kill()
    assert not lcgen.verify("out", full=True).faults, "until the end the old build stands whole"
    kept = finished(tmp_path / "out")
    assert kept
    done(*grown)
    assert {name: (tmp_path / "out" / name).stat().st_ino for name in kept} == kept
    done(*grown[:-4], "--out", "once", "--depths", "0,1")
    assert tree(tmp_path / "out") == tree(tmp_path / "once")


@posix
@pytest.mark.parametrize("jobs", [1, 2])
def test_ctrl_c_keeps_what_is_finished(whole: dict[str, bytes], tmp_path: Path, jobs: int) -> None:
    with running(*BUILD, "--jobs", jobs, "--out", "out") as run:
        until(lambda: finished(tmp_path / "out"), run)
        mine = workers(run.pid)
        os.killpg(run.pid, signal.SIGINT)
        said, err = run.communicate(timeout=30)
    assert (run.returncode, said) == (130, "") and err.strip() == "Stopped. Nothing half-made was left; the same command goes on."
    assert not any(alive(one) for one in mine)
    kept = finished(tmp_path / "out")
    assert kept and not list((tmp_path / "out" / ".building").glob("parts/*"))
    done(*BUILD, "--out", "out")
    assert tree(tmp_path / "out") == whole


@pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")
def test_a_killed_worker_is_replaced(whole: dict[str, bytes], tmp_path: Path) -> None:
    with running(*BUILD, "--jobs", 2, "--out", "out") as run:
        until(lambda: finished(tmp_path / "out"), run)
        victims = workers(run.pid)
        os.kill(victims[0], signal.SIGKILL)
        _, err = run.communicate(timeout=60)
    assert len(victims) == 2 and run.returncode == 0, err
    assert tree(tmp_path / "out") == whole


@pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")
def test_workers_end_with_their_parent(tmp_path: Path) -> None:
    with running(*BUILD, "--samples", 200, "--jobs", 2, "--out", "out") as run:
        until(lambda: len(workers(run.pid)) == 2 and list(tmp_path.glob("out/.building/parts/*")), run)
        mine = workers(run.pid)
        run.kill()
        run.wait()
    end = time.monotonic() + 10
    while any(alive(one) for one in mine) and time.monotonic() < end:
        time.sleep(0.05)
    assert len(mine) == 2 and not any(alive(one) for one in mine)


def test_workers_that_keep_dying_stop_the_build(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    # A tokenizer file that ends every process that reads it a second time is not to be had; a spec that cannot be unpickled is.
    from lcgen.builders import executors

    with monkeypatch.context() as patch:
        patch.setattr(executors, "_begin", os._exit)
        patch.setattr(executors, "_make", os._exit)
        refused(*FEW, "--jobs", 2, "--out", "out", says="A worker process was killed, 3 times.*fewer --jobs")
    done(*FEW, "--out", "out")


# Its third sample of 2k needs six tokens; the rows that are tried before any work need fewer.
FAULTY = (*FEW, "--set", "value_kind=words", "--samples", 20, "--answer-tokens", 5)


@pytest.mark.parametrize("jobs", [1, 2])
def test_a_faulty_row_in_a_worker_is_one_message(tmp_path: Path, jobs: int) -> None:
    refused(*FAULTY, "--jobs", jobs, "--out", "out", says="takes 6 tokens of o200k_base, but the budget is 5")
    assert not (tmp_path / "out").exists(), "nobody goes on with what cannot be"


# ---- one at a time


@posix
def test_two_builds_of_one_folder_are_told_apart(whole: dict[str, bytes], tmp_path: Path) -> None:
    with running(*BUILD, "--samples", 50, "--out", "out") as run:
        until(lambda: list(tmp_path.glob("out/.building/parts/*")), run)
        refused(*BUILD, "--out", "out", says=rf"Another lcgen \(process {run.pid} on .*\) is building .*out right now")
        refused("finish", "out", says="Another lcgen")
        refused(*BUILD, "--shard", "0/2", "--out", "out", says="Another lcgen")
        assert run.poll() is None
        run.kill()
    # A lock ends with its process, and what that left is of another spec only in its number of samples.
    done(*BUILD, "--out", "out")
    assert tree(tmp_path / "out") == whole


@posix
def test_shards_run_side_by_side_but_each_once(tmp_path: Path, whole: dict[str, bytes]) -> None:
    build = (*BUILD, "--samples", 200, "--lengths", "1k,2k", "--out", "out")
    with running(*build, "--shard", "0/2") as run:
        until(lambda: list(tmp_path.glob("out/.building/parts/*")), run)
        refused(*build, "--shard", "0/2", says="Another lcgen")
        refused("finish", "out", says="Another lcgen")
        run.send_signal(signal.SIGSTOP)
        done(*build, "--shard", "1/2")
        run.send_signal(signal.SIGCONT)
        run.kill()


def test_a_stopped_build_of_another_spec_is_named_and_replaced_by_force(tmp_path: Path, few: dict[str, bytes]) -> None:
    done(*FEW, "--seed", 1, "--shard", "0/2", "--out", "out")
    before = files(tree(tmp_path) or {})
    refused(*FEW, "--out", "out", says="another build was stopped: seed is 1, not 0.*--force")
    refused(*FEW, "--seed", 1, "--tokenizer", "qwen3", "--out", "out", says="another build was stopped: tokenizer is")
    assert files(tree(tmp_path) or {}) == before
    done(*FEW, "--out", "out", "--force")
    assert tree(tmp_path / "out") == few


def test_a_finished_file_that_was_changed_is_made_again(tmp_path: Path, few: dict[str, bytes]) -> None:
    done(*FEW, "--shard", "0/1", "--out", "out")
    first, second, third = sorted(tmp_path.glob("out/.building/data/*/*.parquet"))
    first.write_bytes(first.read_bytes()[:-1])
    second.unlink()
    note = tmp_path / "out/.building/notes" / f"{third.relative_to(tmp_path / 'out/.building').as_posix()}.json"
    note.write_text("{")
    refused("finish", "out", code=1, says="3 of 3 files")
    done(*FEW, "--out", "out")
    assert tree(tmp_path / "out") == few
    done(*FEW, "--seed", 1, "--shard", "0/1", "--out", "other")
    (tmp_path / "other/.building/plan.json").write_text('{"suite": 3}')
    refused("finish", "other", code=1, says="plan.json is damaged. Begin anew with --force")


# ---- elsewhere


@pytest.fixture
def memory() -> Iterator[str]:
    import fsspec

    system = fsspec.filesystem("memory")
    system.store.clear()
    system.pseudo_dirs[:] = [""]
    yield "memory://bucket/deep/out"
    system.store.clear()


def stored(url: str) -> dict[str, bytes]:
    """All objects below a URL."""
    import fsspec

    system, root = fsspec.core.url_to_fs(url)
    return {path[len(root) + 1 :]: system.cat_file(path) for path in system.find(root)}


def files(found: dict[str, bytes]) -> dict[str, bytes]:
    return {name: data for name, data in found.items() if data != b"(folder)"}


def test_a_url_holds_the_same_bytes(memory: str, few: dict[str, bytes]) -> None:
    assert done(*FEW, "--out", memory).startswith(f"{memory}: 6 rows")
    assert stored(memory) == files(few)
    assert "up to date" in done(*FEW, "--out", memory)
    refused(*FEW, "--seed", 1, "--out", memory, says="another build: seed is 0, not 1")
    assert lcgen.build("needle", memory, **{**OPTIONS, "lengths": "1k..4k:1k"}).written == 1
    assert len([name for name in stored(memory) if name.startswith("data/needle")]) == 4
    done(*FEW, "--seed", 1, "--lengths", "1k", "--force", "--out", memory)
    assert sorted(name for name in stored(memory) if name.startswith("data/needle")) == ["data/needle_1k/test-000000.parquet"]


def test_shards_of_a_url_are_joined(memory: str, few: dict[str, bytes]) -> None:
    done(*FEW, "--shard", "0/2", "--out", memory)
    refused("finish", memory, code=1, says="1 of 3 files of memory://.* is missing.*shard 1 of 2")
    assert all(name.startswith(".building/") for name in stored(memory))
    done(*FEW, "--shard", "1/2", "--out", memory)
    done("finish", memory)
    assert stored(memory) == files(few)


def test_shards_of_what_is_finished_have_nothing_to_do(memory: str, few: dict[str, bytes], tmp_path: Path) -> None:
    for out in (memory, tmp_path / "out"):
        done(*FEW, "--out", out)
        assert "up to date" in done(*FEW, "--shard", "1/2", "--out", out)
    assert stored(memory) == files(few) and tree(tmp_path / "out") == few
    # Of more samples each file waits, of more lengths the new one.
    assert lcgen.build("needle", memory, shard="0/2", samples=2, **OPTIONS).waits == ("data/needle_2k/test-000000.parquet",)
    more = {**OPTIONS, "lengths": "1k..4k:1k"}
    assert lcgen.build("needle", tmp_path / "out", shard="0/2", **more).waits == ("data/needle_4k/test-000000.parquet",)


@pytest.mark.parametrize(("mine", "theirs"), [("lock", "lock-0-of-2"), ("lock-1-of-2", "lock")])
def test_the_lock_of_a_store_tells_the_whole_from_its_shards(memory: str, mine: str, theirs: str, few: dict[str, bytes]) -> None:
    sign = json.dumps({"owner": "x", "host": "elsewhere", "process": 1, "at": time.time()}).encode()
    place = Store(memory)
    place.write(f".building/{theirs}", sign)
    shard = ("--shard", "1/2") if mine != "lock" else ()
    refused(*FEW, *shard, "--out", memory, says=r"Another lcgen \(process 1 on elsewhere\)")
    place.write(".building/lock-0-of-2", sign)
    if theirs == "lock":
        place.write(".building/lock", b"")
    done(*FEW, "--shard", "1/2", "--out", memory)


def test_a_shard_takes_nothing_from_another_that_has_just_begun(few: dict[str, bytes], monkeypatch: pytest.MonkeyPatch) -> None:
    """Two shards look at an empty folder at once; the second writes its plan when the first has made a file."""
    from lcgen.builders import site

    real = site.planned

    def late(place: Any) -> Any:
        monkeypatch.setattr(site, "planned", real)
        assert lcgen.build("needle", "out", shard="0/2", **OPTIONS).written == 2
        return None

    monkeypatch.setattr(site, "planned", late)
    assert lcgen.build("needle", "out", shard="1/2", **OPTIONS).waits == ()
    done("finish", "out")
    assert tree(Path("out")) == few


def test_processes_write_to_a_url(tmp_path: Path, few: dict[str, bytes]) -> None:
    done(*FEW, "--jobs", 2, "--out", f"local://{tmp_path}/far")
    assert files(tree(tmp_path / "far") or {}) == files(few)
    done(*FEW, "--out", f"file://{tmp_path}/near")
    assert tree(tmp_path / "near") == few


@posix
def test_a_killed_build_to_a_url_goes_on(tmp_path: Path, whole: dict[str, bytes]) -> None:
    url = f"local://{tmp_path}/far"
    with running(*BUILD, "--out", url) as run:
        until(lambda: len(finished(tmp_path / "far")) > 3, run)
        refused(*BUILD, "--out", url, says="Another lcgen")
        run.kill()
    kept = finished(tmp_path / "far")
    times = {name: (tmp_path / "far/.building" / name).stat().st_mtime_ns for name in kept}
    done(*BUILD, "--out", url)
    assert files(tree(tmp_path / "far") or {}) == files(whole)
    assert {name: (tmp_path / "far" / name).stat().st_mtime_ns for name in kept} == times


@pytest.mark.parametrize(
    ("step", "error", "says"),
    [
        ("pipe_file", PermissionError(13, "Forbidden"), "Cannot write to memory://.*Forbidden"),
        ("put_file", RuntimeError("AccessDenied: the key has no rights"), "Cannot write to memory://.*AccessDenied"),
        ("mv", OSError(5, "the store is away"), "Cannot write to memory://.*the store is away"),
        ("find", PermissionError(13, "Forbidden"), "Cannot use the folder memory://.*Forbidden"),
    ],
)
def test_a_store_that_refuses_is_one_message(
    memory: str, few: dict[str, bytes], monkeypatch: pytest.MonkeyPatch, step: str, error: Exception, says: str
) -> None:
    from fsspec.implementations.memory import MemoryFileSystem

    def refuse(*_: Any, **__: Any) -> Any:
        raise error

    with monkeypatch.context() as patch:
        patch.setattr(MemoryFileSystem, step, refuse)
        refused(*FEW, "--out", memory, says=says)
    assert "manifest.json" not in stored(memory) and "README.md" not in stored(memory), "nothing looks whole"
    done(*FEW, "--out", memory)
    assert stored(memory) == files(few)


def test_a_store_that_fails_between_two_files_goes_on(
    memory: str, few: dict[str, bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    """While files are moved in, at each of them."""
    from fsspec.implementations.memory import MemoryFileSystem

    real = MemoryFileSystem.mv
    for calls in range(2):
        count = iter(range(100))

        def move(self: Any, *args: Any, **options: Any) -> Any:
            if next(count) == calls:  # noqa: B023  # used up in this turn
                raise OSError(5, "the store is away")
            return real(self, *args, **options)

        with monkeypatch.context() as patch:
            patch.setattr(MemoryFileSystem, "mv", move)
            refused(*FEW, "--out", memory, says="the store is away")
        assert "manifest.json" not in stored(memory)
    assert lcgen.build("needle", memory, **OPTIONS).written == 0
    assert stored(memory) == files(few)


@pytest.mark.parametrize(
    ("url", "says"),
    [
        ("nosuch://bucket/out", "Cannot use nosuch://bucket/out: Protocol not known"),
        ("s3::", "Cannot use"),
        ("http://", "Cannot"),
        ("ftp://127.0.0.1:9/out", "Cannot reach ftp://127.0.0.1:9/out: .*refused"),
    ],
)
def test_a_url_that_cannot_be_is_one_message(url: str, says: str) -> None:
    refused(*FEW, "--out", url, says=says)
    refused("finish", url, says=says)


def test_finish_says_that_a_folder_cannot_be_read(memory: str, monkeypatch: pytest.MonkeyPatch) -> None:
    from fsspec.implementations.memory import MemoryFileSystem

    def refuse(*_: Any, **__: Any) -> Any:
        raise PermissionError(13, "Forbidden")

    monkeypatch.setattr(MemoryFileSystem, "cat_file", refuse)
    refused("finish", memory, says="Cannot .*memory://.*Forbidden")


def test_a_lock_without_a_sign_of_life_is_free(memory: str, monkeypatch: pytest.MonkeyPatch) -> None:
    sign = {"owner": "x", "host": "elsewhere", "process": 1, "at": time.time()}
    place = Store(memory)
    place.write(".building/lock", json.dumps(sign).encode())
    refused(*FEW, "--out", memory, says=r"Another lcgen \(process 1 on elsewhere\)")
    place.write(".building/lock", json.dumps({**sign, "at": time.time() - locks.STALE - 1}).encode())
    done(*FEW, "--out", memory)


# ---- Ray


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A Ray of one node on this machine, which a build finds as it would find any."""
    pytest.importorskip("ray")
    # What Ray makes up for itself as a secret lies in the home folder; this cluster needs none.
    monkeypatched = pytest.MonkeyPatch()
    monkeypatched.setenv("RAY_AUTH_MODE", "disabled")
    command = Path(sys.executable).parent / "ray"
    home = Path("/tmp") / f"lcgen-ray-{os.getpid()}"
    port = 20000 + os.getpid() % 20000
    started = subprocess.run(
        [command, "start", "--head", "--num-cpus=2", "--include-dashboard=false", "--disable-usage-stats", f"--port={port}",
         f"--temp-dir={home}"],
        capture_output=True, text=True, check=False, timeout=120,
    )  # fmt: skip
    assert started.returncode == 0, started.stderr
    yield f"127.0.0.1:{port}"
    for path in Path("/proc").iterdir():
        with contextlib.suppress(OSError):
            if path.name.isdecimal() and str(home).encode() in (path / "cmdline").read_bytes():
                os.kill(int(path.name), signal.SIGKILL)
    monkeypatched.undo()
    shutil.rmtree(home, ignore_errors=True)


@pytest.mark.slow
def test_ray_makes_the_same_bytes_with_a_worker_killed_in_the_middle(
    cluster: str, whole: dict[str, bytes], tmp_path: Path
) -> None:
    out = tmp_path / "out"
    killed = 0
    with running(*BUILD, "--executor", "ray", "--out", out, RAY_ADDRESS=cluster) as run:
        until(lambda: finished(out), run)
        for path in Path("/proc").iterdir():
            with contextlib.suppress(OSError):
                if path.name.isdecimal() and b"ray::_make" in (path / "cmdline").read_bytes():
                    os.kill(int(path.name), signal.SIGKILL)
                    killed += 1
        said, err = run.communicate(timeout=180)
    assert run.returncode == 0 and "36 rows" in said, err
    assert killed, "no worker was at work"
    assert tree(out) == whole


@pytest.mark.slow
def test_ray_says_a_refusal_in_one_message(cluster: str, tmp_path: Path) -> None:
    run = process(*FAULTY, "--executor", "ray", "--out", tmp_path / "out", RAY_ADDRESS=cluster)
    assert run.returncode == 2 and "but the budget is 5" in run.stderr and "Traceback" not in run.stderr, run.stderr


def test_a_ray_address_that_does_not_answer_is_one_message(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("ray")
    monkeypatch.setenv("RAY_ADDRESS", "127.0.0.1:9")
    refused(*FEW, "--executor", "ray", "--out", "out", says="The Ray cluster at 127.0.0.1:9 does not answer .*ray start --head")
    assert not Path("out").exists()


def test_ray_that_is_not_installed_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)
    refused(*FEW, "--executor", "ray", "--out", "out", says=r'pip install "lcgen\[ray\]"')


# ---- progress


@posix
@pytest.mark.parametrize("jobs", [1, 2])
def test_a_terminal_shows_one_bar_with_speed_and_time_left(jobs: int, tmp_path: Path) -> None:
    import fcntl
    import struct
    import termios

    screen, end = os.openpty()
    fcntl.ioctl(end, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 100, 0, 0))
    command = [sys.executable, "-m", "lcgen", *BUILD, "--samples", "30", "--jobs", str(jobs), "--out", "out"]
    said = b""
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=end, start_new_session=True) as run:
        os.close(end)
        with contextlib.suppress(OSError):  # so Linux says that nobody writes any more
            while piece := os.read(screen, 4096):
                said += piece
    os.close(screen)
    shown = [line for line in said.decode().split("\r") if "tok/s" in line]
    assert run.returncode == 0 and shown, said
    # 30 samples at 3 depths of 1k to 12k, in units of a thousand.
    assert any(re.search(r"building: +\d+%.*/7\.19M \[\d\d:\d\d<\d\d:\d\d, +[\d.]+[kM]?tok/s\]", line) for line in shown), shown


# ---- verify


def test_verify_in_processes_finds_the_same(tmp_path: Path) -> None:
    done(*FEW, "--out", "out")
    assert lcgen.verify("out", full=True, jobs=2) == lcgen.verify("out", full=True)
    path = tmp_path / "out/data/needle_2k/test-000000.parquet"
    path.write_bytes(path.read_bytes()[:-20])
    (tmp_path / "out/data/needle_3k/test-000000.parquet").unlink()
    code, out, err = cli("verify", "out", "--jobs", 2)
    assert code == 1 and "faults" in out
    assert cli("verify", "out") == (code, out, err), "the same faults, in the same order"
    assert "needle_2k" in err and "needle_3k is missing" in err


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda made: made.update(configs={}), "manifest.json is damaged: needle_1k has no"),
        (lambda made: made["configs"].pop("needle_2k"), "manifest.json is damaged: needle_2k has no"),
        (lambda made: made["counted"][0]["configs"].remove("needle_3k"), "manifest.json is damaged: needle_3k has no"),
        (lambda made: made["files"].pop("data/needle_2k/test-000000.parquet"), "manifest.json is damaged: needle_2k has no"),
        (lambda made: made["spec"].update(parts=[]), "manifest.json is damaged"),
        (lambda made: made["spec"]["parts"][0].update(samples="many"), "manifest.json is damaged"),
        (lambda made: made["spec"]["parts"][0].update(lengths=[{"low": 1, "up": 2}]), "manifest.json is damaged"),
    ],
)
def test_a_manifest_that_lacks_something_does_not_look_whole(change: Any, says: str, tmp_path: Path) -> None:
    done(*FEW, "--out", "out")
    path = tmp_path / "out/manifest.json"
    made = json.loads(path.read_text("utf-8"))
    change(made)
    path.write_text(json.dumps(made), "utf-8")
    refused("verify", "out", code=1, says=says)
    refused(*FEW, "--out", "out", code=1, says=says)


def test_all_options_reach_the_python_call(tmp_path: Path, few: dict[str, bytes]) -> None:
    lcgen.build("needle", tmp_path / "out", jobs=2, shard="0/1", **OPTIONS)
    assert lcgen.finish(tmp_path / "out").rows == 6 and tree(tmp_path / "out") == few
    assert wanted.suite("needle", **OPTIONS).builds and building.STAGING == ".building"
