"""What goes wrong: one clear message, the right exit code, and nothing half-written that looks whole."""

from __future__ import annotations

import errno
import gzip
import json
import os
import random
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from referencing.exceptions import Unresolvable

import lcgen
from lcgen import cards, errors, generators, haystack, schemas, vault
from lcgen.builders import manifest, preview, writer
from lcgen.builders import rows as row_makers
from lcgen.errors import CheckFailed, LcgenError
from tests.runs import cli, done, refused, tree

BUILD = ("build", "needle", "--haystack", "noise", "--depths", "0.5", "--lengths", "1k")
DOUBLING = "{% set ns = namespace(s='ab') %}{% for i in range(64) %}{% set ns.s = ns.s ~ ns.s %}{% endfor %}"
TEXT = "\n\n".join(
    " ".join(f"The crew of boat {n} mended the {what} and went home." for what in ("nets", "sails", "ropes", "oars"))
    for n in range(30)
)


@pytest.fixture(autouse=True)
def own_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Every test runs in a folder of its own, with no network to wait for."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    return tmp_path


@pytest.fixture(scope="module")
def example(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("example") / "needle"
    done(*BUILD, "--samples", 2, "--out", folder)
    return folder


@pytest.fixture
def folder(example: Path, tmp_path: Path) -> Path:
    """A built folder, to be damaged."""
    return Path(shutil.copytree(example, tmp_path / "built"))


def forget_texts() -> None:
    """Drops what the process keeps of haystacks, as a new process would."""
    for name in vars(haystack).values():
        if hasattr(name, "cache_clear"):
            name.cache_clear()


def refused_without_a_trace(*args: Any, code: int = 2, says: str = "") -> str:
    """Refused, and every file below the current folder as it was."""
    before = tree(Path.cwd())
    message = refused(*args, code=code, says=says)
    assert tree(Path.cwd()) == before
    return message


# ---- words on the command line


@pytest.mark.parametrize(
    ("args", "says"),
    [
        (("buidl",), "No such command 'buidl'. Did you mean 'build'"),
        (("build",), "Name a task"),
        (("build", "nedle"), "Unknown task 'nedle'. Did you mean needle"),
        (("build", "../needle"), "Unknown task"),
        (("build", "needle", "--lenghts", "4k"), "No such option '?--lenghts'?.*--lengths"),
        (("build", "needle", "needle", "--out", "x"), "named twice"),
        ((*BUILD, "--lengths", ""), "Cannot read the length ''. Write 4k"),
        ((*BUILD, "--lengths", "4q"), "Cannot read the length '4q'. Write 4k"),
        ((*BUILD, "--lengths", "4k.."), "Cannot read the length '' of '4k..'. Write 4k"),
        ((*BUILD, "--lengths", "8k..4k"), "'8k..4k' is empty: 8k is not below 4k"),
        ((*BUILD, "--lengths", "4k,4096"), "names a length twice"),
        ((*BUILD, "--lengths", "100"), "100 tokens are too short for this puzzle.*Ask for at least \\d+"),
        ((*BUILD, "--lengths", "64..4k"), "64 tokens are too short"),
        ((*BUILD, "--lengths", "100~4k"), "100 tokens are too short"),
        ((*BUILD, "--lengths", "4k", "--thinking", "4096"), "4096 tokens are too short.*4128 are kept for the answer"),
        ((*BUILD, "--depths", "1.5"), "depth 1.5 lies outside 0..1"),
        ((*BUILD, "--depths", "-0.1"), "depth -0.1 lies outside 0..1"),
        ((*BUILD, "--depths", "-0.5"), "depth '?-0.5'?"),
        ((*BUILD, "--depths", "middle"), "Cannot read the depth 'middle'"),
        ((*BUILD, "--samples", "0"), "--samples is 0"),
        ((*BUILD, "--samples", "many"), "Invalid value for '--samples'"),
        ((*BUILD, "--set", "keys"), "name=value"),
        ((*BUILD, "--set", "kyes=2"), "Unknown parameter of needle 'kyes'. Did you mean keys"),
        (("build", "needle", "phone_book", "--set", "keys=4"), "phone_book has no parameter 'keys'.* --set needle.keys=4"),
        (("build", "needle", "multi_thread", "--set", "kyes=4"), "Unknown parameter of needle 'kyes'. Did you mean keys"),
        (("build", "--suite", "card", "--set", "keys=3"), "^(?!suite card line).*has no parameter 'keys'.* --set needle.keys=3"),
        ((*BUILD, "--set", "keys=4097"), "4,?097 .* are asked for, but a row holds at most 4,?096"),
        ((*BUILD, "--set", "keys=300"), "1024 tokens are too short for this puzzle"),
        ((*BUILD, "--set", "digits=2", "--set", "keys=60"), "only 90 keys or values of this kind exist, too few for 60"),
        ((*BUILD, "--set", "digits=2", "--set", "similar_values=20"), "not enough look-alikes"),
        ((*BUILD, "--set", "copies=1000"), "too short for this puzzle"),
        ((*BUILD, "--questions-per-context", "2", "--set", "twins=true"), "no twins"),
        (
            (*BUILD, "--answer-tokens", "1"),
            "takes (\\d+) tokens of o200k_base, but the budget is 1. Ask for --answer-tokens \\1 or more",
        ),
        ((*BUILD, "--preset", "ruller"), "Unknown preset of needle 'ruller'. Did you mean ruler"),
        ((*BUILD, "--lang", "xx"), "Unknown language of needle 'xx'. Known: en, zh"),
        ((*BUILD, "--lang", "../en"), "Unknown language"),
        ((*BUILD, "--split", "all"), "--split 'all'"),
        ((*BUILD, "--name", "../x"), "--name '../x'"),
        ((*BUILD, "--name", "preview"), "preview"),
        ((*BUILD, "--seed", ""), "--seed '' is no seed"),
        ((*BUILD, "--format", "csv"), "'csv' is not one of 'parquet', 'jsonl'"),
        ((*BUILD, "--chat-template-arg", "x"), "NAME=VALUE"),
        (("show", "needle", "--index", "-1"), "-1 is not in the range"),
        (("show", "needle", "--haystack", "noise", "--lengths", "64"), "too short"),
        (("tasks", "nedle"), "Did you mean needle"),
        (("verify", "nowhere"), "nowhere is no lcgen build: it has no manifest.json"),
        (("corpus", "remove", "boats"), "Unknown corpus 'boats'"),
        (("corpus", "stats", "boats"), "boats"),
    ],
    ids=lambda value: " ".join(map(str, value[-2:])) if isinstance(value, tuple) else "",
)
def test_wrong_use_is_said_in_one_message(args: tuple[str, ...], says: str) -> None:
    refused_without_a_trace(*args, says=says)


def test_counts_of_one_are_said_in_the_singular() -> None:
    assert [errors.many(count, "row") for count in (0, 1, 2, 1200)] == ["0 rows", "1 row", "2 rows", "1,200 rows"]
    assert [errors.many(count, "family", "families") for count in (1, 2)] == ["1 family", "2 families"]
    assert [errors.agreed(count, "has", "have") for count in (0, 1, 2)] == ["have", "has", "have"]
    refused(
        "build",
        "ancestral_trace",
        "--set",
        "branches=4000",
        "--set",
        "chain=512",
        "--set",
        "families=0",
        says="1 family of 4,51[0-9] relations is 4,51",
    )


def test_the_length_that_is_named_as_enough_is_enough() -> None:
    message = refused(*BUILD, "--lengths", "100", "--set", "keys=3")
    enough = message.partition("Ask for at least ")[2].split()[0]
    done(*BUILD, "--lengths", enough, "--set", "keys=3", "--samples", 5)
    assert lcgen.verify("needle", full=True).faults == []


# ---- texts


def text_files() -> dict[str, tuple[Callable[[Path], Any], str]]:
    """Name of a haystack -> how to make it, and what is said of it."""
    return {
        "nowhere.txt": (lambda path: None, "no file or folder 'nowhere.txt'.*A haystack is"),
        "empty.txt": (lambda path: path.write_text(""), "holds no text"),
        "blank.md": (lambda path: path.write_text(" \n\n\t\n"), "holds no"),
        "binary.txt": (lambda path: path.write_bytes(bytes(range(256)) * 40), "not UTF-8 text: byte 0 is NUL.*binary"),
        "latin.txt": (lambda path: path.write_bytes("Größe und Höhe.".encode("latin-1")), "not UTF-8 text: byte 2"),
        "wide.txt": (lambda path: path.write_text("A text of today.", encoding="utf-16"), "UTF-16; save it as UTF-8"),
        "picture.png": (lambda path: path.write_bytes(b"\x89PNG"), "of a kind that is not read"),
        "folder": (lambda path: path.mkdir(), "holds nothing"),
        "pictures": (lambda path: (path.mkdir(), (path / "a.png").write_bytes(b"x")), "only 1 file of other kinds"),
        "cut.txt.gz": (lambda path: path.write_bytes(gzip.compress(TEXT.encode())[:-20]), "damaged or cut short"),
        "fake.txt.xz": (lambda path: path.write_text("no xz at all"), "damaged or cut short"),
        "rows.jsonl:body": (
            lambda path: Path("rows.jsonl").write_text('{"text": "A line."}\n'),
            "no column 'body'. It has 'text'",
        ),
        "broken.jsonl": (lambda path: path.write_text('{"text": "A line."}\n{"text": \n'), "line 2: not JSON"),
        "numbers.jsonl": (lambda path: path.write_text('{"text": 5}\n'), "column 'text' holds int, not text"),
        "dangling.txt": (lambda path: path.symlink_to("gone.txt"), "no file or folder"),
        "hf:./gone": (lambda path: None, "gone"),
        "": (lambda path: None, "names no text"),
    }


@pytest.mark.parametrize("name", text_files())
def test_a_text_that_cannot_be_read_is_said(name: str) -> None:
    make, says = text_files()[name]
    make(Path(name))
    for verb in (("build", "needle", "--lengths", "1k", "--depths", "0.5"), ("show", "needle", "--lengths", "1k")):
        refused_without_a_trace(*verb, "--haystack", name, says=says)
    if name:
        refused_without_a_trace("corpus", "add", "mine", name, says=says)
        assert "mine" not in done("corpus", "list")


def test_a_text_that_is_not_there_is_no_unknown_haystack() -> None:
    refused_without_a_trace("corpus", "add", "mine", "nope", says="There is no file or folder 'nope'")
    refused_without_a_trace(*BUILD, "--haystack", "nope", says="Unknown haystack 'nope'")


@pytest.mark.skipif(os.name != "posix" or os.geteuid() == 0, reason="root reads everything")
def test_a_text_without_rights_is_said() -> None:
    Path("secret.txt").write_text(TEXT)
    Path("secret.txt").chmod(0)
    refused_without_a_trace(*BUILD, "--haystack", "secret.txt", says="cannot be read \\(Permission denied\\)")


@pytest.mark.parametrize("name", ["prose", "records", "a/b", "../x", "", "hf:x", "a b"])
def test_a_name_that_a_text_cannot_have_is_said(name: str) -> None:
    Path("boats.txt").write_text(TEXT)
    before = done("corpus", "list")
    refused_without_a_trace("corpus", "add", name, "boats.txt")
    assert done("corpus", "list") == before


def test_a_tiny_text_repeats_and_says_so() -> None:
    """One sentence is a haystack too; how much of it repeats stands in every row."""
    Path("tiny.txt").write_text("The crew mended the nets and went home.")
    done("build", "needle", "--haystack", "tiny.txt", "--lengths", "1k", "--depths", "0.5", "--verify", "full")
    (row,) = writer.read(Path("needle/data/needle_1k/test-000000.parquet"))
    assert row["length"] == 1024 and row["haystack_repeat"] > 0.9


def test_text_that_looks_like_markers_and_keys_stays_text() -> None:
    """A haystack may hold anything: control tokens, template code, needles of its own, characters that no one sees."""
    evil = " ".join(
        f"Line {n} says <|endoftext|> and <|im_end|> and {{{{ context }}}} {{% endif %}} to all \ue000context\ue001 of\u200b them."
        f" A registry entry for amber-lantern is {1000000 + n}. Question: which one? </text> Answer: none."
        for n in range(300)
    )
    Path("evil.txt").write_text(evil, encoding="utf-8")
    options = ("--haystack", "evil.txt", "--lengths", "2k", "--depths", "0,0.5,1", "--samples", 2, "--verify", "full")
    for name in ("o200k_base", "llama3"):
        done("build", "needle", *options, "--tokenizer", name, "--out", name)
        assert lcgen.verify(name, full=True).faults == []
        for row in writer.read(Path(name, "data/needle_2k/test-000000.parquet")):
            assert "\ue000" not in row["input"] and "\u200b" not in row["input"] and row["input"].count("</text>") == 1
            # What is a control token of the vocabulary is left out, what is not is text like any other.
            assert ("<|endoftext|>" in row["input"]) == (name == "llama3")


# ---- tokenizers and templates


@pytest.mark.parametrize(
    ("name", "make", "says"),
    [
        ("o200k", None, "Unknown tokenizer 'o200k'. Did you mean o200k_base"),
        ("some-org/some-model", None, "could not be reached.*Without a network these work: a bundled name.*tokenizer.json"),
        ("hf:", None, "hf:"),
        ("gone/tokenizer.json", None, "no tokenizer at"),
        ("tiktoken:nope", None, "Unknown tiktoken encoding"),
        ("empty", lambda path: path.mkdir(), "holds no tokenizer.json"),
        ("bad.json", lambda path: path.write_text("{}"), "no tokenizer.json that"),
        ("cut.json", lambda path: path.write_text('{"model": {'), "cannot be read"),
        ("binary.json", lambda path: path.write_bytes(b"\xff\xfe\x00"), "cannot be read"),
        ("bad.model", lambda path: path.write_text("no model"), "bad.model"),
        ("", None, "tokenizer"),
    ],
)
def test_a_tokenizer_that_cannot_be_had_is_said(name: str, make: Callable[[Path], Any] | None, says: str) -> None:
    if make:
        make(Path(name))
    message = refused_without_a_trace(*BUILD, "--tokenizer", name, says=says)
    assert "http" not in message, "no address of any server"


@pytest.mark.parametrize(
    ("template", "says"),
    [
        ("{% if %}", "does not parse: line 1"),
        ("{{ nothing_of_the_kind }}", "nothing_of_the_kind"),
        ("{{ ''.__class__.__mro__ }}", "not allowed"),
        ("{{ context.__init__.__globals__['os'].system('touch owned') }}", "given by --template"),
        (
            "{{ context }} {{ question }}",
            r"{{ pad }} once after it\. It has no macros needle\(key, value\), .*ask\(keys, doubtful\).*Begin with a copy of templates/",
        ),
        ("{% import 'x.j2' as x %}", "given by --template cannot be rendered: it reads another file"),
        ("{% for i in range(99999) %}{% for j in range(99999) %}{% endfor %}{% endfor %}", "does not come to an end"),
        (DOUBLING, "~ builds too much|it builds too much"),
        ("{{ 'x' | center(1000000000) }}", "center builds too much: no value may be longer than 1,000,000 characters"),
        ("{% include '/etc/passwd' %}", "cannot be rendered"),
        ("{{ context }}{{ context }}", "once"),
        ("{{ context }}{{ pad }}{{ question }}", "no macro 'ask'|no macro 'needle'"),
        ("", "context"),
    ],
)
def test_a_faulty_template_is_said(template: str, says: str) -> None:
    Path("mine.j2").write_text(template, encoding="utf-8")
    refused_without_a_trace(*BUILD, "--template", "mine.j2", says=says)
    assert not Path("owned").exists()


def test_a_template_that_is_no_text_is_said() -> None:
    Path("binary.j2").write_bytes(b"\xff\xfe\x00")
    refused_without_a_trace(*BUILD, "--template", "binary.j2", says="Cannot read the template binary.j2: it is no UTF-8 text")
    refused_without_a_trace(*BUILD, "--template", "gone.j2", says="Cannot read the template gone.j2: No such file")
    Path("folder.j2").mkdir()
    refused_without_a_trace(*BUILD, "--template", "folder.j2", says="directory")


@pytest.mark.parametrize(
    ("template", "says"),
    [
        ("{% if %}", "cannot be rendered"),
        ("no message at all", "drops or alters"),
        ("{{ messages[0].content }}{{ messages[0].content }}", "repeats the user message"),
        ("{{ messages[0].content | upper }}", "drops or alters"),
        ("{{ missing }}{{ messages[0].content }}", "missing.*--chat-template-arg"),
        ("{{ raise_exception('Only tools.') }}", "Only tools"),
        (
            "{% for i in range(99999) %}{% for j in range(99999) %}{% endfor %}{% endfor %}{{ messages[0].content }}",
            "come to an end",
        ),
        (DOUBLING + "{{ messages[0].content }}", "builds too much"),
        ("{{ messages[0].content }}{{ range(9999) | join('x' * 9999) }}", "join builds too much"),
        ("{{ ''.__class__.__base__.__subclasses__() }}", "cannot be rendered"),
    ],
)
def test_a_faulty_chat_template_is_said(template: str, says: str) -> None:
    Path("chat.jinja").write_text(template, encoding="utf-8")
    refused_without_a_trace(*BUILD, "--chat-template", "chat.jinja", says=says)


def test_a_chat_template_that_is_not_there_is_said() -> None:
    refused_without_a_trace(*BUILD, "--chat-template", "gone.jinja", says="no chat template at 'gone.jinja'")


# ---- where it goes


def test_a_folder_of_other_things_is_left_alone(tmp_path: Path) -> None:
    Path("mine").mkdir()
    Path("mine/thesis.txt").write_text("three years of work")
    Path("mine/data").mkdir()
    for force in ((), ("--force",)):
        refused_without_a_trace(*BUILD, "--out", "mine", *force, says="holds files that are no lcgen build")
    Path("file").write_text("x")
    refused_without_a_trace(*BUILD, "--out", "file", says="is a file")
    refused_without_a_trace(*BUILD, "--out", "file/below", says="Cannot write to .*file/below: Not a directory")
    refused_without_a_trace(*BUILD, "--out", "/proc/lcgen", says="Cannot write to /proc/lcgen")


def test_a_name_too_long_for_the_disk_is_said() -> None:
    refused_without_a_trace(*BUILD, "--out", "n" * 300, says="name too long")


def test_force_is_refused_before_any_work(monkeypatch: pytest.MonkeyPatch) -> None:
    Path("mine").mkdir()
    Path("mine/thesis.txt").write_text("three years of work")

    def work(*_: Any) -> Any:
        raise AssertionError("rows are made for a folder that cannot be written")

    monkeypatch.setattr(writer, "write", work)
    refused_without_a_trace(*BUILD, "--out", "mine", "--force", says="holds files that are no lcgen build")


def test_an_empty_folder_is_taken(tmp_path: Path) -> None:
    Path("empty").mkdir()
    assert "1 row," in done(*BUILD, "--out", "empty")


def test_a_failed_build_leaves_folders_as_they_were(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(writer, "write", failing(OSError(errno.ENOSPC, "No space left on device")))
    Path("empty").mkdir()
    refused_without_a_trace(*BUILD, "--out", "empty", says="is full")
    refused_without_a_trace(*BUILD, "--out", "a/b/c", says="is full")


def test_a_cache_that_cannot_be_written_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    Path("boats.txt").write_text(TEXT)
    Path("file").write_text("x")
    forget_texts()
    monkeypatch.setenv("LCGEN_CACHE", str(Path("file/cache").absolute()))
    refused_without_a_trace(*BUILD, "--haystack", "boats.txt", says="Cannot make the cache folder .*LCGEN_CACHE")


# ---- stopped half-way


def outside(found: dict[str, bytes] | None) -> dict[str, bytes]:
    """Of a tree what is no finished file that waits for the next command."""
    return {name: data for name, data in (found or {}).items() if ".building" not in name.split("/") and not name.endswith("new")}


def failing(error: BaseException, after: int = 0) -> Callable[..., Any]:
    """A function that raises, from its call number `after` on; it does nothing before."""
    calls = iter(range(10**9))

    def fail(*_: Any, **__: Any) -> Any:
        if next(calls) >= after:
            raise error

    return fail


def stages() -> dict[str, tuple[Any, str, Callable[..., Any]]]:
    """The steps of a build at which it may be stopped: what is replaced to stop it there."""

    def later(real: Callable[..., Any], calls: int) -> Callable[[BaseException], Callable[..., Any]]:
        def make(error: BaseException) -> Callable[..., Any]:
            count = iter(range(10**9))

            def step(*args: Any, **options: Any) -> Any:
                if next(count) == calls:
                    raise error
                return real(*args, **options)

            return step

        return make

    return {
        "the first row": (schemas, "validate_row", later(schemas.validate_row, 0)),
        "a later row": (schemas, "validate_row", later(schemas.validate_row, 2)),
        "the first file": (writer, "write", later(writer.write, 0)),
        "the second file": (writer, "write", later(writer.write, 1)),
        "composing a row": (row_makers.RowMaker, "_row", later(row_makers.RowMaker._row, 3)),
        "the preview": (preview, "write", later(preview.write, 0)),
        "the card": (cards, "dataset", later(cards.dataset, 0)),
        "moving a file": (Path, "replace", later(Path.replace, 4)),
        "moving a later file": (Path, "replace", later(Path.replace, 7)),
        "the manifest": (manifest, "save", later(manifest.save, 0)),
    }


@pytest.mark.parametrize("stage", stages())
@pytest.mark.parametrize("where", ["fresh", "extended", "forced"])
def test_a_full_disk_leaves_nothing_that_looks_whole(
    folder: Path, monkeypatch: pytest.MonkeyPatch, stage: str, where: str
) -> None:
    owner, name, make = stages()[stage]
    monkeypatch.setattr(owner, name, make(OSError(errno.ENOSPC, "No space left on device")))
    args = (*BUILD, "--samples", 2, "--lengths", "512,1k,2k", "--out", "new" if where == "fresh" else folder)
    if where == "forced":
        args = (*args, "--force", "--seed", "1")
    before = outside(tree(Path.cwd()))
    message = refused(*args, says="disk of .* is full. Free some space")
    assert outside(tree(Path.cwd())) == before
    assert "Errno" not in message and lcgen.verify(folder).faults == []
    monkeypatch.undo()
    os.chdir(folder.parent)
    assert "rows" in done(*args), "the same command goes on"
    out = Path(args[args.index("--out") + 1])
    assert lcgen.verify(out, full=True).faults == [] and not (out / ".building").exists()


@pytest.mark.parametrize("stage", ["a later row", "the second file", "the card", "moving a later file", "the manifest"])
def test_ctrl_c_at_any_step_leaves_nothing_that_looks_whole(folder: Path, monkeypatch: pytest.MonkeyPatch, stage: str) -> None:
    owner, name, make = stages()[stage]
    before = outside(tree(Path.cwd()))
    for out in ("new", folder):
        with monkeypatch.context() as patch:
            patch.setattr(owner, name, make(KeyboardInterrupt()))
            code, said, err = cli(*BUILD, "--samples", 2, "--lengths", "512,1k,2k", "--out", out)
        assert (code, said) == (130, "") and err.strip() == "Stopped. Nothing half-made was left; the same command goes on."
        assert outside(tree(Path.cwd())) == before


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    disk = tmp_path / "disk"
    disk.mkdir()
    if (
        sys.platform != "linux"
        or subprocess.run(["mount", "-t", "tmpfs", "-o", "size=900k", "tmpfs", disk], capture_output=True, check=False).returncode
    ):
        pytest.skip("mounting a small disk needs root on Linux")
    yield disk
    subprocess.run(["umount", disk], check=True)


def test_a_disk_that_is_really_full(small_disk: Path) -> None:
    """Parquet and JSON lines, a new folder and one to be extended, on a disk of 900 kB."""
    args = ("build", "needle", "--haystack", "records", "--depths", "0..1:0.1")
    done(*args, "--lengths", "1k", "--out", small_disk / "old")
    kept = outside(tree(small_disk))
    for out, format in (("new", "parquet"), ("new", "jsonl"), ("old", "parquet")):
        refused(
            *args,
            "--lengths",
            "1k,64k",
            "--format",
            format,
            "--out",
            small_disk / out,
            says=f"disk of .*{out} is full. Free some space and run",
        )
        assert outside(tree(small_disk)) == kept
        shutil.rmtree(small_disk / out / ".building", ignore_errors=True)
    assert lcgen.verify(small_disk / "old", full=True).faults == []


@pytest.mark.skipif(os.name != "posix", reason="sends SIGINT")
@pytest.mark.parametrize("where", ["fresh", "extended"])
def test_ctrl_c_in_the_middle_of_a_real_build(folder: Path, where: str) -> None:
    out = folder if where == "extended" else Path("new")
    before = tree(Path.cwd())
    command = [sys.executable, "-m", "lcgen", *BUILD, "--samples", "9000", "--out", str(out)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True) as run:
        until = time.monotonic() + 60
        while not list(out.glob(".building/parts/*")) and run.poll() is None and time.monotonic() < until:
            time.sleep(0.02)
        assert run.poll() is None, run.communicate()
        run.send_signal(signal.SIGINT)
        said, err = run.communicate(timeout=30)
    assert (run.returncode, said) == (
        130,
        "",
    ) and err.strip() == "Stopped. Nothing half-made was left; the same command goes on."
    assert tree(Path.cwd()) == before


@pytest.mark.skipif(os.name != "posix", reason="sends SIGKILL")
def test_what_a_killed_build_leaves_is_no_build_and_no_hindrance() -> None:
    out = Path("new")
    command = [sys.executable, "-m", "lcgen", *BUILD, "--samples", "9000", "--out", "new"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as run:
        until = time.monotonic() + 60
        while not list(out.glob(".building/parts/*")) and run.poll() is None and time.monotonic() < until:
            time.sleep(0.02)
        run.kill()
    assert {path.name for path in out.iterdir()} == {".building"}, "nothing has the name of a finished file"
    for verb in (("verify", "new"), ("score", "new", "--oracle"), ("report", "new"), ("export", "new", "--to", "ruler")):
        refused(*verb, says="In new a build was begun and is not finished.*The same `lcgen build` command goes on")
    assert "1 row," in done(*BUILD, "--out", "new") and not (out / ".building").exists()


def test_a_staging_folder_left_behind_unguards_nothing(folder: Path) -> None:
    kept = tree(folder)
    (folder / ".building/data/needle_2k").mkdir(parents=True)
    (folder / ".building/data/needle_2k/test-000000.parquet.part").write_bytes(b"x")
    refused(*BUILD, "--samples", 2, "--seed", 1, "--out", folder, says="another build")
    done(*BUILD, "--samples", 2, "--lengths", "2k", "--out", folder)
    now = tree(folder) or {}
    assert all(now[name] == data for name, data in (kept or {}).items() if name.startswith("data/needle_1k"))
    found = manifest.load(folder)
    assert found and list(found["configs"]) == ["needle_1k", "needle_2k"] and not (folder / ".building").exists()


def test_a_staging_folder_in_a_folder_of_other_things_is_no_permission() -> None:
    Path("mine/.building").mkdir(parents=True)
    Path("mine/README.md").write_text("my thesis")
    refused_without_a_trace(*BUILD, "--out", "mine", says="holds files that are no lcgen build")


# ---- damage


def files_of(cache: Path) -> list[Path]:
    return sorted(path for path in (cache / "stores").rglob("*") if path.is_file())


def test_a_damaged_cache_is_made_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever file of the cache is cut, flipped, emptied or gone: the rows are the same, or the cache says what it is."""
    monkeypatch.setenv("LCGEN_CACHE", str(tmp_path / "cache"))
    Path("boats.txt").write_text(TEXT)

    def built() -> list[dict[str, Any]]:
        forget_texts()
        return list(lcgen.generate("needle", haystack="boats.txt", lengths="1k", depths="0.5", verify="full"))

    good = built()
    names = [path.relative_to(tmp_path / "cache") for path in files_of(tmp_path / "cache")]
    assert len(names) >= 4
    for number, name in enumerate(names):
        for damage in ("cut", "flipped", "empty", "gone", "folder")[: 5 if number == 0 else 2]:
            path = tmp_path / "cache" / name
            data = path.read_bytes()
            if damage in ("gone", "folder"):
                path.unlink()
                if damage == "folder":
                    path.mkdir()
            else:
                spot = len(data) // 2
                path.write_bytes(
                    {"cut": data[:spot], "flipped": data[:spot] + bytes([data[spot] ^ 1]) + data[spot + 1 :], "empty": b""}[
                        damage
                    ]
                )
            assert built() == good, (name, damage)
            if path.is_dir():
                shutil.rmtree(tmp_path / "cache")
                assert built() == good
    forget_texts()


def test_a_damaged_manifest_is_said_in_sentences(folder: Path) -> None:
    (folder / "manifest.json").write_text("{}", encoding="utf-8")
    message = refused("verify", folder, code=1, says="is damaged: Not a valid manifest at .*Remove the folder")
    assert ".." not in message.replace(str(folder), "")


def test_damaged_data_files_are_found(folder: Path) -> None:
    """A bit anywhere, a cut anywhere: never a traceback, never 'all hold'."""
    path = folder / "data/needle_1k/test-000000.parquet"
    good, rng = path.read_bytes(), random.Random(1)
    spots = [0, 5, len(good) - 1, len(good) - 6, *(rng.randrange(len(good)) for _ in range(12))]
    for data in (
        *(good[:spot] + bytes([good[spot] ^ 1 << rng.randrange(8)]) + good[spot + 1 :] for spot in spots),
        b"",
        good[:99],
        good[:-1],
        good + b"x",
    ):
        path.write_bytes(data)
        code, out, err = cli("verify", folder)
        assert code == 1 and "test-000000.parquet of needle_1k" in err and "all hold" not in out


DAMAGES: dict[str, tuple[str, Callable[[Path], Any], str]] = {
    "manifest cut": ("manifest.json", lambda path: path.write_text(path.read_text()[:200]), "manifest.json is damaged"),
    "manifest of another form": ("manifest.json", lambda path: path.write_text("{}"), "manifest.json is damaged"),
    "manifest binary": ("manifest.json", lambda path: path.write_bytes(b"\xff\xfe\x00"), "manifest.json is damaged"),
    "template changed": (
        "templates/needle.en.j2",
        lambda path: path.write_text(path.read_text() + " "),
        "needle.en.j2 is not the template",
    ),
    "template gone": ("templates/needle.en.j2", lambda path: path.unlink(), "needle.en.j2 is missing"),
    "data file gone": ("data/needle_1k/test-000000.parquet", lambda path: path.unlink(), "needle_1k is missing"),
    "manifest a folder": ("manifest.json", lambda path: [path.unlink(), path.mkdir()], "manifest.json"),
    "manifest too deep": ("manifest.json", lambda path: path.write_text("[" * 200_000), "manifest.json is damaged"),
    "template broken": ("templates/needle.en.j2", lambda path: path.write_text("{% if"), "needle.en.j2 is not the template"),
    "template binary": ("templates/needle.en.j2", lambda path: path.write_bytes(b"\xff\xfe\x00"), "needle.en.j2"),
    "card gone": ("README.md", lambda path: path.unlink(), "README.md"),
    "preview gone": ("data/preview/preview-000000.parquet", lambda path: path.unlink(), "preview"),
    "a file too many": (
        "data/needle_1k/test-000000.parquet",
        lambda path: shutil.copy(path, path.with_name("test-000001.parquet")),
        "test-000001.parquet",
    ),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_damage_is_found_and_named(folder: Path, damage: str) -> None:
    name, harm, says = DAMAGES[damage]
    harm(folder / name)
    code, out, err = cli("verify", folder)
    assert code == 1 and says in err and "all hold" not in out and "did not expect" not in err, (out, err)


@pytest.mark.parametrize("words", [("verify",), ("score", "--oracle"), (*BUILD, "--out")])
def test_a_folder_of_a_later_lcgen_is_not_called_damaged(folder: Path, words: tuple[str, ...]) -> None:
    """Whoever is told that a good folder is damaged removes it."""
    path = folder / "manifest.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "format": 2}))
    assert "damaged" not in refused(*words, folder, says="is of a later lcgen: its format is 2.*Update lcgen")


def test_what_is_advised_for_a_damaged_manifest_works(folder: Path) -> None:
    (folder / "manifest.json").write_text("{")
    message = refused(*BUILD, "--samples", 2, "--out", folder, code=1, says="manifest.json is damaged")
    assert "--force" not in message or cli(*BUILD, "--samples", 2, "--out", folder, "--force")[0] == 0


def edited(folder: Path, change: Callable[[dict[str, Any]], Any]) -> None:
    path = folder / "manifest.json"
    made = json.loads(path.read_text("utf-8"))
    change(made)
    path.write_text(json.dumps(made), encoding="utf-8")


@pytest.mark.parametrize(
    "name", ["../victim", "ABSOLUTE", "data/../../victim", "data/needle_1k/../../../victim", "victim", "data"]
)
@pytest.mark.parametrize("entry", ["files", "templates"])
def test_a_manifest_cannot_reach_out_of_its_folder(folder: Path, name: str, entry: str) -> None:
    """A folder from elsewhere is untrusted: verify reads, and --force deletes, nothing outside it."""
    victim = folder.parent / "victim"
    victim.write_text("precious")
    name = str(victim) if name == "ABSOLUTE" else name
    edited(folder, lambda made: made[entry].update({name: next(iter(made[entry].values()))}))
    code, out, err = cli("verify", folder)
    assert code in (1, 2) and "all hold" not in out and "did not expect" not in err and "precious" not in out + err
    cli(*BUILD, "--seed", 1, "--out", folder, "--force")
    assert victim.read_text() == "precious"


@pytest.mark.skipif(os.name != "posix", reason="makes a link")
def test_a_link_cannot_reach_out_of_its_folder(folder: Path) -> None:
    victim = folder.parent / "home" / "needle_1k" / "test-000000.parquet"
    shutil.move(folder / "data", folder.parent / "home")
    (folder / "data").symlink_to(folder.parent / "home")
    cli(*BUILD, "--seed", 1, "--lengths", "512", "--out", folder, "--force")
    assert victim.is_file()


TAMPERED: dict[str, Callable[[dict[str, Any]], Any]] = {
    "another answer": lambda row: row.update(outputs=["1234567"], answer="1234567"),
    "another context": lambda row: row.update(input=row["input"].replace("river", "rover")),
    "one token more": lambda row: row.update(input=row["input"] + " x", n_chars=row["n_chars"] + 2),
    "another id": lambda row: row.update(id="abc"),
    "no input": lambda row: row.pop("input"),
    "no evidence": lambda row: row.update(evidence=None),
    "metadata of another form": lambda row: row.update(metadata="[1]"),
    "metadata that is no JSON": lambda row: row.update(metadata="{"),
    "a task that is a path": lambda row: row.update(task="../../etc/passwd"),
    "a language without template": lambda row: row.update(lang="zh"),
    "a span before its text": lambda row: row["evidence"][0].update(token_end=1),
    "a span behind the end": lambda row: row["evidence"][0].update(token_start=10**9, token_end=10**9 + 5),
}


@pytest.fixture(scope="module")
def lines(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("lines") / "needle"
    done(*BUILD, "--format", "jsonl", "--out", folder)
    return folder


def tampered(lines: Path, tmp_path: Path, change: Callable[[dict[str, Any]], Any]) -> Path:
    """A folder whose row was changed, file hash and size in its manifest made to fit."""
    folder, name = Path(shutil.copytree(lines, tmp_path / "lines")), "data/needle_1k/test-000000.jsonl"
    path = folder / name
    row = json.loads(path.read_text("utf-8"))
    change(row)
    path.write_text(json.dumps(row, ensure_ascii=False) + "\n", encoding="utf-8")
    edited(folder, lambda made: made["files"][name].update(bytes=path.stat().st_size, sha256=vault.file_hash(path)))
    return folder


@pytest.mark.parametrize("change", TAMPERED)
def test_a_tampered_row_is_found(lines: Path, tmp_path: Path, change: str) -> None:
    """Also where the manifest was made to fit: the row itself does not hold."""
    code, out, err = cli("verify", tampered(lines, tmp_path, TAMPERED[change]), "--full")
    assert code == 1 and "did not expect" not in err and len(err.splitlines()) >= 1 and "all hold" not in out, err


READERS = {
    "verify": ("verify", "FOLDER"),
    "score": ("score", "FOLDER", "--oracle"),
    "report": ("report", "FOLDER", "--out", "page"),
    "export": ("export", "FOLDER", "--to", "turns", "--out", "files"),
}


@pytest.mark.parametrize("reader", READERS)
@pytest.mark.parametrize("task", ["EVIL", "../EVIL", "evil", "manifest", "needle\n", "Needle", "", 5, None, ["needle"]])
def test_a_task_from_outside_is_no_path_and_no_address(
    lines: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, reader: str, task: Any
) -> None:
    """Whatever a row says of its task: nothing is opened by that name, nothing is fetched, nothing is written."""
    Path("evil.schema.json").write_text('{"$ref": "http://127.0.0.1:9/secret.json"}')
    monkeypatch.setattr("urllib.request.urlopen", lambda *args, **options: pytest.fail("fetched"))
    opened: list[str] = []
    real = Path.read_text
    monkeypatch.setattr(
        Path, "read_text", lambda path, *args, **options: (opened.append(path.name), real(path, *args, **options))[1]
    )
    if isinstance(task, str):
        task = task.replace("EVIL", str(tmp_path / "evil"))
    folder = tampered(lines, tmp_path, lambda row: row.update(task=task))
    code, out, err = cli(*(str(folder) if word == "FOLDER" else word for word in READERS[reader]))
    assert code == 1 and "did not expect" not in err and "all hold" not in out, (out, err)
    assert "evil.schema.json" not in opened and not Path("page").exists() and not Path("files").exists()


@pytest.mark.parametrize("task", ["/etc/passwd", "../needle", "needle.en", "manifest"])
def test_show_takes_a_task_alone(task: str) -> None:
    refused_without_a_trace("show", task, says="Unknown task")


def test_a_schema_fetches_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """A reference out of a schema is an error, for the compiled validator and for the one that words faults."""
    monkeypatch.setattr("urllib.request.urlopen", lambda *args, **options: pytest.fail("fetched"))
    for address in (
        "http://127.0.0.1:9/a.json",
        "https://127.0.0.1:9/a.json",
        "file:///etc/passwd",
        "ftp://127.0.0.1/a",
        "data:,1",
    ):
        schema = {"$ref": address}
        monkeypatch.setattr(schemas, "text", lambda name, schema=schema: json.dumps(schema))
        schemas._compiled.cache_clear()
        with pytest.raises(CheckFailed, match="may not fetch"):
            schemas.validate("row", {})
        with pytest.raises(Unresolvable):
            list(schemas.faults(schema, {}))
    schemas._compiled.cache_clear()
    monkeypatch.undo()
    with pytest.raises(CheckFailed, match="Unknown schema"):
        schemas.text(str(Path("evil").absolute()))


def test_a_data_file_changed_by_hand_stops_an_extension_or_is_found(folder: Path) -> None:
    path = folder / "data/needle_1k/test-000000.parquet"
    path.write_bytes(path.read_bytes()[:-1])
    assert "up to date" not in done(*BUILD, "--samples", 2, "--out", folder), "a file of another size is made again"
    assert lcgen.verify(folder, full=True).faults == []


@pytest.mark.parametrize(
    ("given", "says"), [(1.0, "the score of an empty answer is 1.0, but must be 0.0"), (0.0, "the oracle's score is 0.0")]
)
def test_a_scorer_that_gives_all_the_same_stops_the_build(monkeypatch: pytest.MonkeyPatch, given: float, says: str) -> None:
    monkeypatch.setattr(type(generators.get("needle")), "score", lambda task, response, row: {"score": given})
    refused_without_a_trace(*BUILD, code=1, says=says)


def test_an_error_that_nobody_thought_of_has_no_traceback(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("LCGEN_DEBUG", raising=False)
    monkeypatch.setattr(writer, "write", failing(RuntimeError("odd")))
    code, out, err = cli(*BUILD)
    assert code == 1 and out == "" and "RuntimeError: odd" in err and "LCGEN_DEBUG=1" in err and not Path("needle").exists()
    monkeypatch.setenv("LCGEN_DEBUG", "1")
    with pytest.raises(RuntimeError, match="odd"):
        cli(*BUILD)


# ---- lengths that are too short


@pytest.mark.parametrize(
    ("task", "params", "clash", "named"),
    [
        ("multi_thread", {"threads": 5, "thread_length": 10}, "", {"thread_length"}),
        ("multi_thread", {"threads": 5, "decoys": 5, "thread_length": 2}, "", {"threads", "decoys"}),
        ("phone_book", {"k_queries": [1, 64]}, " with k_queries=64", {"k_queries"}),
        ("needle", {"keys": 120, "values": 2}, "", {"keys", "values"}),
        ("set_disjointness", {"size_small": 300}, "", {"size_small"}),
    ],
)
def test_a_length_that_is_too_short_names_what_clashes_and_the_most_that_it_holds(
    task: str, params: dict[str, Any], clash: str, named: set[str]
) -> None:
    options: dict[str, Any] = {"haystack": "noise"} if task == "needle" else {}

    def build(name: str = "", most: int = 0) -> None:
        swept = params.get(name, [])
        capped = {name: sorted({min(value, most) for value in (swept if isinstance(swept, list) else [swept])})} if name else {}
        lcgen.build(task, f"{name}_{most}", lengths="2k", params={**params, **capped}, **options)

    with pytest.raises(LcgenError, match=f"2048 tokens are too short for this puzzle{clash}\\.") as error:
        build()
    nearest = str(error.value).partition("This length holds")[2]
    found = {name: int(most) for name, most in re.findall(r"(\w+) at most (\d+)", nearest)}
    assert {*found} == named
    for name, most in found.items():
        build(name, most)
        with pytest.raises(LcgenError, match="too short"):
            build(name, most + 2 + most // 4)


@pytest.mark.parametrize(
    "params", [{"digits": 2}, {"digits": 1, "keys": 30}, {"digits": 2, "key_kind": "digits", "leading_zeros": True}]
)
def test_numbers_that_are_too_few_name_the_least_width_that_works(params: dict[str, Any]) -> None:
    def build(digits: int) -> None:
        lcgen.build("needle", f"of_{digits}", lengths="8k", haystack="records", depths="0.5", params={**params, "digits": digits})

    with pytest.raises(LcgenError, match="too few for [0-9]+ needles among records") as error:
        build(params["digits"])
    (least,) = re.findall(r"digits at least (\d+)\.", str(error.value))
    build(int(least))
    with pytest.raises(LcgenError, match="too few for"):
        build(int(least) - 1)
