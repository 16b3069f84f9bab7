"""Exports, and the day without a harness: requests go out, a server answers, `lcgen score` reads what came back."""

from __future__ import annotations

import io
import json
import re
import struct
import zipfile
import zlib
from pathlib import Path
from typing import Any

import pyarrow
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import lcgen
from lcgen import answers
from lcgen.builders import exports, formats, manifest
from lcgen.builders.reading import every_row
from lcgen.streams import Stream
from lcgen.verbs.export import FORMATS
from tests.model_server import Said, run_batch, serving
from tests.runs import cli, done, refused, tree


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("export") / "built"
    lcgen.build(["needle", "phone_book"], path, lengths="1k,2k", depths="0,1", samples=1, name="mix")
    return path


@pytest.fixture(scope="module")
def rows(folder: Path) -> dict[str, dict[str, Any]]:
    made = manifest.load(folder)
    assert made is not None
    return {row["id"]: row for _, row in every_row(folder, made)}


def _lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").split("\n") if line]


def test_the_command_line_names_every_format() -> None:
    assert set(FORMATS) == set(formats.FORMATS)


@pytest.mark.parametrize("to", FORMATS)
def test_every_format_holds_every_row_and_leaves_answers_out_when_asked(
    to: str, folder: Path, rows: dict[str, Any], tmp_path: Path
) -> None:
    whole, bare = tmp_path / "whole", tmp_path / "bare"
    done("export", folder, "--to", to, "--out", whole)
    done("export", folder, "--to", to, "--out", bare, "--prompts-only")
    held = [line for path in sorted(whole.rglob("*.jsonl")) for line in _lines(path)]
    assert len(held) == len(rows)
    text = "\n".join(path.read_text(encoding="utf-8") for path in bare.rglob("*.jsonl"))
    for row in rows.values():
        for line in map(json.loads, filter(None, text.split("\n"))):
            assert row["outputs"] not in [value for value in line.values() if isinstance(value, list)]
            assert row["answer"] not in [value for value in line.values() if isinstance(value, str)]


def test_ruler_rows_have_the_keys_of_that_format(folder: Path, rows: dict[str, Any], tmp_path: Path) -> None:
    lcgen.export(folder, "ruler", tmp_path / "out", configs=["needle_1k"])
    lines = _lines(tmp_path / "out/needle_1k/validation.jsonl")
    assert [line["index"] for line in lines] == [0, 1]
    for line in lines:
        row = rows[line["others"]["id"]]
        assert line["input"] == row["input"] and line["outputs"] == row["outputs"] and line["length"] == 1024
        assert line["token_position_answer"] == row["evidence"][0]["token_start"]


def test_contexts_stand_apart_where_a_harness_wants_them(folder: Path, rows: dict[str, Any], tmp_path: Path) -> None:
    lcgen.export(folder, "kvpress", tmp_path / "out")
    for path in (tmp_path / "out").glob("*.jsonl"):
        for line in _lines(path):
            assert line["context"] + line["question"] == rows[line["id"]]["input"]


def test_batches_keep_to_their_size(folder: Path, tmp_path: Path) -> None:
    options = formats.Options(size=6_000)
    found = exports.export(folder, "batch", tmp_path / "out", options, ["needle_1k"])
    assert len(found.files) > 1 and sum(found.files.values()) == 2
    assert all((tmp_path / "out" / name).stat().st_size <= options.size for name in found.files)
    with pytest.raises(lcgen.LcgenError, match="more than the 1,000 of --size"):
        exports.export(folder, "batch", tmp_path / "small", formats.Options(size=1000))
    assert not (tmp_path / "small").exists()


def test_questions_over_one_context_follow_each_other(tmp_path: Path) -> None:
    lcgen.build("needle", tmp_path / "shared", lengths="2k", depths="0.5", questions_per_context=3, params={"keys": 4})
    lcgen.export(tmp_path / "shared", "turns", tmp_path / "turns")
    (talk,) = _lines(next((tmp_path / "turns").glob("*.jsonl")))
    assert talk["history"] == "model" and len(talk["turns"]) == 3
    assert len(talk["turns"][1]["content"]) < 500 < len(talk["turns"][0]["content"])
    lcgen.export(tmp_path / "shared", "batch", tmp_path / "gold", history="gold")
    asked = [line["body"]["messages"] for line in _lines(next((tmp_path / "gold").glob("*.jsonl")))]
    assert [len(messages) for messages in asked] == [1, 3, 5]
    assert asked[2][:4] == [*asked[1], asked[2][3]] and asked[2][3]["role"] == "assistant"
    assert cli("export", tmp_path / "shared", "--to", "turns", "--out", tmp_path / "again")[2] == ""


def test_twins_over_one_context_are_conversations_of_their_own(tmp_path: Path) -> None:
    """The answer of one twin is that of the other, which asks the same in the opposite order."""
    lcgen.build("sort_order", tmp_path / "orders", lengths="4k", samples=1, questions_per_context=2)
    lcgen.export(tmp_path / "orders", "turns", tmp_path / "turns", history="gold")
    talks = _lines(next((tmp_path / "turns").glob("*.jsonl")))
    assert [len(talk["turns"]) for talk in talks] == [2, 2]
    assert all(a["reply"] != b["reply"] for a, b in zip(talks[0]["turns"], talks[1]["turns"]))
    lcgen.export(tmp_path / "orders", "batch", tmp_path / "gold", history="gold")
    asked = {line["custom_id"]: line["body"]["messages"] for line in _lines(next((tmp_path / "gold").glob("*.jsonl")))}
    for talk in talks:
        first, second = (asked[turn["id"]] for turn in talk["turns"])
        assert [len(first), len(second)] == [1, 3] and second[0] == first[0]
        assert second[1]["content"] == talk["turns"][0]["reply"]


def test_what_changes_nothing_here_is_said(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for args, says in (
        (["--to", "batch", "--history", "gold"], "over one context, so --history gold changes nothing"),
        (["--to", "turns"], "over one context, so each conversation has one turn"),
    ):
        code, out, err = cli("export", folder, *args)
        assert code == 0 and f"{folder.name}_{args[1]}" in out and re.search(f"^Note: .*{says}", err)
    assert cli("export", folder, "--to", "batch", "--out", "plain")[2] == ""


def test_configs_without_a_context_are_named_with_the_others(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    lcgen.build("longgenbench", "lists", lengths="1k", samples=1)
    refused("export", "lists", "--to", "kvpress", says="Rows of longgenbench_1k.* have no context .* Export them --to jsonl")
    (tmp_path / "both.yaml").write_text(
        "name: both\nbuilds:\n- {task: longgenbench, lengths: 1k}\n- {task: needle, lengths: 512, haystack: noise, depths: 0.5}\n"
    )
    lcgen.build("both.yaml", "both")
    refused("export", "both", "--to", "kvpress", says="Export the others: --config needle_512; or all --to jsonl")
    assert done("export", "both", "--to", "kvpress", "--config", "needle_512").startswith("both_kvpress/needle_512.jsonl")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["both", "both.yaml", "both_kvpress", "lists"]


def _oracle(row: dict[str, Any]) -> Said:
    return row["reference_output"], "stop"


MODELS = {
    "oracle": _oracle,
    "wrong": lambda row: ("It is 12.", "stop"),
    "truncated": lambda row: ("", "length"),
    "closed": lambda row: (f"<think>Where is it?</think>{row['reference_output']}", "stop"),
    "open": lambda row: (f"<think>It may be {row['reference_output']}, but", "length"),
}


@pytest.mark.parametrize("endpoint", ["chat", "completions"])
@pytest.mark.parametrize("name", MODELS)
def test_a_batch_goes_out_and_is_scored(name: str, endpoint: Any, folder: Path, rows: dict[str, Any], tmp_path: Path) -> None:
    lcgen.export(folder, "batch", tmp_path / "asked", endpoint=endpoint, prompts_only=True)
    asked = {formats.prompt(row): row for row in rows.values()}
    with serving(lambda prompt: MODELS[name](asked[prompt])) as url:
        for path in sorted((tmp_path / "asked").glob("*.jsonl")):
            run_batch(path, url, tmp_path / "said.jsonl")
    found = lcgen.score(folder, tmp_path / "said.jsonl")
    right = name in ("oracle", "closed")
    for total in found.totals:
        assert total.figures["said"]["score"].value == float(right)
    ends = found.plain()["files"][0]
    assert ends["missing"] == {} and ends["unknown"] == 0
    assert ends["truncated"] == (len(rows) if name in ("truncated", "open") else 0)
    assert ends["unclosed"] == (len(rows) if name == "open" else 0)
    assert ("truncated" in found.totals[0].figures["said"]) == (name in ("truncated", "open"))


def _written(rows: dict[str, Any], form: str, path: Path) -> Path:
    """A run of the oracle as a harness writes it down."""
    said = [(row, row["reference_output"]) for row in rows.values()]
    samples = [
        {
            "id": row["id"],
            "epoch": 1,
            "messages": [],
            "output": {"choices": [{"message": {"content": text}, "stop_reason": "stop"}]},
        }
        for row, text in said
    ]
    if form == "eval":
        with zipfile.ZipFile(path / "log.eval", "w") as archive:
            for number, sample in enumerate(samples):
                archive.writestr(f"samples/{number}_epoch_1.json", json.dumps(sample))
        return path / "log.eval"
    if form == "zstd":
        members = {f"samples/{number}_epoch_1.json": json.dumps(sample).encode() for number, sample in enumerate(samples)}
        return zstd_archive(path / "log.eval", members)
    if form == "inspect":
        (path / "log.json").write_text(json.dumps({"eval": {}, "samples": samples}))
        return path / "log.json"
    lines = {
        "own": [{"id": row["id"], "response": text} for row, text in said],
        "lm_eval": [{"doc": {"id": row["id"]}, "resps": [[text]], "filtered_resps": [text]} for row, text in said],
        "ruler": [{"index": 0, "input": "", "outputs": [], "pred": text, "others": {"id": row["id"]}} for row, text in said],
        "batch": [
            {"custom_id": row["id"], "response": {"body": {"choices": [{"message": {"content": text}, "finish_reason": "stop"}]}}}
            for row, text in said
        ],
    }[form]
    (path / "run.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")
    return path / "run.jsonl"


def zstd_archive(path: Path, members: dict[str, bytes], damaged: str = "") -> Path:
    """A log as Inspect writes it today: a ZIP whose members are packed with Zstandard, which old Pythons cannot write."""
    with zipfile.ZipFile(path, "w") as archive:
        for name, data in members.items():
            packed = pyarrow.compress(data, codec="zstd", asbytes=True)
            archive.writestr(name, packed[:-3] + b"???" if damaged == "packed" else packed)
        infos = archive.infolist()
    raw, directory = bytearray(path.read_bytes()), 0
    for info, data in zip(infos, members.values()):
        directory = raw.index(b"PK\x01\x02", directory + 1)
        crc, size = zlib.crc32(data) ^ (damaged == "crc"), len(data) + (damaged == "size")
        for header, shift in ((info.header_offset, 0), (directory, 2)):
            raw[header + shift + 8 : header + shift + 10] = struct.pack("<H", 93)
            raw[header + shift + 14 : header + shift + 18] = struct.pack("<L", crc)
            raw[header + shift + 22 : header + shift + 26] = struct.pack("<L", size)
        if damaged == "header":
            raw[info.header_offset : info.header_offset + 4] = b"none"
    path.write_bytes(raw)
    return path


@pytest.mark.parametrize("form", ["own", "lm_eval", "ruler", "batch", "inspect", "eval", "zstd"])
def test_every_format_of_answers_gives_the_same_scores(form: str, folder: Path, rows: dict[str, Any], tmp_path: Path) -> None:
    found = lcgen.score(folder, _written(rows, form, tmp_path))
    assert not found.notes
    (run,) = found.runs
    assert all(cell.figures[run]["score"].value == 1.0 for cell in found.cells)


def test_samples_and_epochs_are_means(folder: Path, rows: dict[str, Any], tmp_path: Path) -> None:
    samples = [
        {"id": row["id"], "messages": [], "output": {"choices": [{"message": {"content": text}, "stop_reason": "stop"}]}}
        for row in rows.values()
        for text in (row["reference_output"], "")
    ]
    (tmp_path / "log.json").write_text(json.dumps({"samples": samples}))
    found = lcgen.score(folder, tmp_path / "log.json")
    assert {total.figures["log"]["score"].value for total in found.totals} == {0.5}


def test_what_cannot_be_read_is_named_and_the_rest_is_scored(folder: Path, rows: dict[str, Any], tmp_path: Path) -> None:
    lines = [json.dumps({"id": name, "response": row["reference_output"]}) for name, row in rows.items()]
    lines[1] = lines[1][:-9]
    lines.insert(3, json.dumps({"pred": "x", "others": {}}))
    (tmp_path / "run.jsonl").write_text("\n".join(lines))
    found = lcgen.score(folder, tmp_path / "run.jsonl")
    notes = " ".join(found.notes)
    assert "line 2 cannot be read" in notes and "line 4 is a RULER prediction without others.id" in notes
    assert f"1 of {len(rows)} rows has no response" in notes
    (tmp_path / "none.jsonl").write_text('{"id": \n')
    assert "line 1 cannot be read" in refused("score", folder, tmp_path / "none.jsonl")
    (tmp_path / "bad.eval").write_bytes(b"no archive")
    says = r"cannot be read as a log of Inspect: .*inspect log convert \S*bad.eval --to json --output-dir DIR"
    refused("score", folder, tmp_path / "bad.eval", says=says)


@pytest.mark.parametrize("place", ["packed", "crc", "size", "header"])
def test_a_damaged_member_of_a_log_is_said(place: str, folder: Path, rows: dict[str, Any], tmp_path: Path) -> None:
    path = zstd_archive(tmp_path / "log.eval", {"samples/1.json": json.dumps({"id": next(iter(rows))}).encode() * 9}, place)
    refused("score", folder, path, says="cannot be read as a log of Inspect: samples/1.json is damaged|Bad magic number")


def _choices(message: Any, stop: Any = "stop") -> dict[str, Any]:
    return {"choices": [{"message": message, "stop_reason": stop, "finish_reason": stop}]}


ODD = {
    "a reason to stop that must be a string": {"response": "x", "finish_reason": [["a"]]},
    "10 reasons to stop for 1 response": {"response": "x", "finish_reason": ["length"] * 10},
    "a reason to stop that must be a string, not int": {"output": _choices({"content": "x"}, 5), "messages": []},
    "a choice without a message": {"output": _choices("hi"), "messages": []},
    "a list of parts whose texts are strings": {"output": _choices({"content": [{"type": "text", "text": 5}]}), "messages": []},
    "a message whose content must be a string": {"output": _choices({"content": {"text": "x"}}), "messages": []},
    "a reason to stop that must be a string, not dict": {
        "custom_id": 0,
        "response": {"body": _choices({"content": "x"}, {"a": 1})},
    },
    "a choice that is no object": {"custom_id": 0, "response": {"body": {"choices": ["x"]}}},
    "must be a string, or a list of strings": {"response": [{"a": 1}]},
    "its doc has no id": {"doc": 5, "resps": 5},
    "others.id": {"pred": "x", "others": 5},
}
"""What is said of a line, and the line without its id."""


@pytest.mark.parametrize("says", ODD)
def test_an_odd_line_is_named_and_the_rest_is_scored(says: str, folder: Path, rows: dict[str, Any], tmp_path: Path) -> None:
    first, *others = rows
    odd = {**ODD[says], "custom_id": first} if "custom_id" in ODD[says] else {"id": first, **ODD[says]}
    lines = [odd, *({"id": name, "response": rows[name]["reference_output"]} for name in others)]
    (tmp_path / "run.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    found = lcgen.score(folder, tmp_path / "run.jsonl")
    assert re.search(rf"run: passed over: line 1 .*{re.escape(says)}", " ".join(found.notes))
    assert sum(total.figures["run"]["score"].value * total.rows for total in found.totals) == pytest.approx(len(others))


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.sampled_from(["x", "length", "text"]),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["id", "text", "type", "content", "message"]), inner)
    ),
    max_leaves=8,
)
KEYS = (
    "id",
    "response",
    "finish_reason",
    "custom_id",
    "body",
    "choices",
    "message",
    "output",
    "messages",
    "doc",
    "resps",
    "pred",
)


@settings(max_examples=400, deadline=None)
@given(st.dictionaries(st.sampled_from([*KEYS, "others"]), JSON | st.dictionaries(st.sampled_from(KEYS), JSON)), JSON)
def test_any_object_is_an_answer_or_is_told(entry: dict[str, Any], deep: Any) -> None:
    body = {"choices": [deep, {"message": deep, "finish_reason": deep}], **{"x": deep}}
    for one in (entry, {**entry, "id": "a", "messages": [], "output": body}, {"custom_id": "a", "response": {"body": body}}):
        try:
            found = answers.of(one)
        except answers.Unread:
            continue
        assert all(isinstance(text, str) for text in (found.id, *found.samples))
        assert not found.samples or len(found.cut) in (0, len(found.samples))


def test_content_may_come_in_parts(folder: Path, rows: dict[str, Any], tmp_path: Path) -> None:
    lines = []
    for name, row in rows.items():
        half = len(row["reference_output"]) // 2
        texts = [row["reference_output"][:half], row["reference_output"][half:]]
        parts = [{"type": "reasoning", "reasoning": "0"}, *({"type": "text", "text": text} for text in texts)]
        lines.append({"custom_id": name, "response": {"body": _choices({"content": parts})}})
    (tmp_path / "run.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    found = lcgen.score(folder, tmp_path / "run.jsonl")
    assert not found.notes and {total.figures["run"]["score"].value for total in found.totals} == {1.0}


@pytest.mark.parametrize("packing", [zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_damage_anywhere_in_a_log_is_said(packing: int, folder: Path, rows: dict[str, Any], tmp_path: Path) -> None:
    path, stream = tmp_path / "log.eval", Stream(7, "damage", packing)
    with zipfile.ZipFile(path, "w", packing) as archive:
        archive.writestr("samples/1.json", json.dumps({"id": next(iter(rows)), "response": "x" * 60}))
    whole = path.read_bytes()
    for _ in range(150):
        damaged = bytearray(whole)
        for _ in range(3):
            damaged[stream.below(len(whole))] = stream.below(256)
        path.write_bytes(damaged)
        try:
            assert list(answers.log(path, io.BytesIO(damaged), [])) is not None
        except lcgen.LcgenError as error:
            assert "cannot be read as a log of Inspect" in str(error) or "more than 512 MiB" in str(error)


def test_the_effective_length_is_the_longest_that_all_reach(folder: Path, rows: dict[str, Any], tmp_path: Path) -> None:
    said = {name: row["reference_output"] if row["target"] == 1024 else "" for name, row in rows.items()}
    found = lcgen.score(folder, said, threshold=0.9)
    assert found.effective == {"needle": {"responses": 1024}, "phone_book": {"responses": 1024}}
    assert "Effective length at 0.9, needle: responses 1,024." in found.text()
    backward = {name: row["reference_output"] if row["target"] == 2048 else "" for name, row in rows.items()}
    assert lcgen.score(folder, backward, threshold=0.9).effective["needle"] == {"responses": None}
    assert lcgen.score(folder, said).effective == {}


def test_force_replaces_an_export_and_nothing_else(folder: Path, tmp_path: Path) -> None:
    out, again = tmp_path / "out", ("export", folder, "--to", "nemo-skills", "--out", tmp_path / "out")
    done(*again)
    before = tree(out)
    refused(*again, says="replace an older export with --force")
    done(*again, "--force")
    assert tree(out) == before and [path.name for path in tmp_path.iterdir()] == ["out"], "nothing is left beside it"
    done("export", folder, "--to", "jsonl", "--config", "needle_1k", "--out", out, "--force")
    assert {*tree(out)} == {"needle_1k.jsonl", exports.MARK}
    (out / "predictions").mkdir()
    (out / "predictions" / "mine.jsonl").write_text("mine")
    refused(*again, "--force", says="also holds predictions/mine.jsonl, which no export wrote")
    foreign = tmp_path / "foreign"
    foreign.mkdir()
    (foreign / "thesis.txt").write_text("mine")
    (tmp_path / "foreign.part").mkdir()
    (tmp_path / "file").write_text("mine")
    for place in (foreign, tmp_path / "file"):
        refused("export", folder, "--to", "jsonl", "--out", place, "--force", says="was not made by an export")
    done("export", folder, "--to", "jsonl", "--out", tmp_path / "new" / "foreign")
    assert (
        {*tree(foreign)} == {"thesis.txt"} and (out / "predictions/mine.jsonl").exists() and (tmp_path / "foreign.part").is_dir()
    )


@pytest.mark.parametrize("bad", ["../../evil", "a/b", "/tmp/x", "..", "", "a\n", "é", "x" * 97])
@pytest.mark.parametrize("place", ["name", "spec", "part", "config", "task", "lang"])
def test_names_of_a_manifest_are_no_paths(place: str, bad: str, folder: Path, tmp_path: Path) -> None:
    made = json.loads((folder / manifest.FILE).read_text(encoding="utf-8"))
    manifest.parse(json.dumps(made).encode(), "the same")
    if place == "name":
        made["name"] = bad
    elif place == "spec":
        made["spec"]["name"] = bad
    elif place == "config":
        if len(bad) > 96:
            return  # a name and a length
        made["configs"][bad] = made["configs"].pop("needle_1k")
        made["counted"][0]["configs"] = [bad if name == "needle_1k" else name for name in made["counted"][0]["configs"]]
        for name in [name for name in made["files"] if "/needle_1k/" in name]:
            made["files"][name.replace("needle_1k", bad)] = made["files"].pop(name)
    else:
        if place == "task" and len(bad) > 96:
            return  # no folder has its name
        made["spec"]["parts"][0][{"part": "name"}.get(place, place)] = bad
    with pytest.raises(lcgen.LcgenError, match="is damaged"):
        manifest.parse(json.dumps(made).encode(), "manifest.json")


def test_wrong_use_is_refused(folder: Path, tmp_path: Path) -> None:
    assert "is no lcgen build" in refused("export", tmp_path, "--to", "ruler")
    assert "Unknown config" in refused("export", folder, "--to", "ruler", "--config", "needle_3k")
    assert "which --prompts-only leaves out" in refused("export", folder, "--to", "turns", "--history", "gold", "--prompts-only")
    assert "Choose another --out" in refused("export", folder, "--to", "ruler", "--out", folder, "--force")
    (tmp_path / "there").mkdir()
    (tmp_path / "there/mine.txt").write_text("mine")
    assert "--force" in refused("export", folder, "--to", "ruler", "--out", tmp_path / "there")
    assert (tmp_path / "there/mine.txt").read_text() == "mine"
