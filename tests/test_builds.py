"""Builds as wholes: odd wordings, identities, folders that were left in the middle, verification that grows."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import lcgen
from lcgen import generators
from lcgen.builders import arrow, manifest, writer
from lcgen.builders import build as building
from lcgen.builders.manifest import load

BARE = """
{%- macro needle(key, value) -%}The code of {{ key }} = {{ value }}{%- endmacro -%}
{%- macro ask(keys, doubtful) -%}What is the code of {{ keys | join(", ") }}?{%- endmacro -%}
{{ context }}
{{ pad }} {{ question }}"""


@pytest.mark.parametrize("haystack", ["prose", "noise", "records"])
def test_plants_that_end_unlike_filler_are_counted(haystack: str, tmp_path: Path) -> None:
    """Sentences without a full stop meet paragraph breaks in another way than prose does; lengths stay exact."""
    (tmp_path / "bare.j2").write_text(BARE, encoding="utf-8")
    rows = list(
        lcgen.generate(
            "needle",
            lengths="1k,2k",
            samples=3,
            params={"keys": 4},
            template=tmp_path / "bare.j2",
            haystack=haystack,
            verify="full",
        )
    )
    assert len(rows) == 66 and all(row["length"] == row["target"] for row in rows)


def test_weights_that_do_not_add_up_close_by_full_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    from lcgen.tokens import Scale

    plain = Scale.__init__

    def doubting(self: Scale, *args: Any, **kwargs: Any) -> None:
        plain(self, *args, **kwargs)
        self.additive = False

    monkeypatch.setattr(Scale, "__init__", doubting)
    rows = list(lcgen.generate("needle", lengths="1k", haystack="noise", params={"keys": 3, "copies": 2}, verify="full"))
    assert len(rows) == 11


def test_vocabularies_with_a_dummy_space_verify(tmp_path: Path) -> None:
    lcgen.build("needle", tmp_path / "out", lengths="1k", tokenizer="mistral_v2", haystack="noise")
    assert not lcgen.verify(tmp_path / "out", full=True).faults


def test_ids_hold_all_that_rows_show_but_the_name() -> None:
    def made(**options: Any) -> dict[str, dict[str, Any]]:
        whole: dict[str, Any] = {"lengths": "1k", "depths": "0.5", "haystack": "noise", **options}
        return {row["id"]: row for row in lcgen.generate("needle", **whole)}

    one = made()
    assert made(name="other") == one
    for options in (
        {"tokenizer": "gpt_oss"},
        {"tokenizer": "llama3"},
        {"seed": 1},
        {"lang": "zh"},
        {"paired": True},
        {"answer_tokens": 48},
    ):
        assert not set(made(**options)) & set(one), options


def test_paired_puzzles_are_equal_over_lengths_and_tokenizers() -> None:
    def ids(**options: Any) -> list[str]:
        rows = lcgen.generate("needle", depths="0,0.5", haystack="noise", paired=True, params={"keys": 2}, **options)
        return [row["puzzle_id"] for row in rows]

    assert ids(lengths="1k") == ids(lengths="4k") == ids(lengths="1k", tokenizer="llama3")
    twins = [
        r["puzzle_id"] for r in lcgen.generate("needle", lengths="1k", depths="0.5", haystack="noise", params={"twins": True})
    ]
    assert len(set(twins)) == len(twins) == 4


def test_a_swept_build_is_up_to_date_the_second_time(tmp_path: Path) -> None:
    options: dict[str, Any] = {"lengths": "1k", "haystack": "noise", "params": ["twins=false,true"]}
    first = lcgen.build("needle", tmp_path / "out", **options)
    assert first.rows == 55
    assert lcgen.build("needle", tmp_path / "out", **options).written == 0


def test_a_stricter_verification_is_done_and_counted(tmp_path: Path) -> None:
    options: dict[str, Any] = {"lengths": "1k", "haystack": "noise"}
    lcgen.build("needle", tmp_path / "out", **options)
    again = lcgen.build("needle", tmp_path / "out", verify="full", samples=2, **options)
    assert again.rows == again.encoded == again.solved == 22
    made = load(tmp_path / "out")
    assert made is not None and made["verification"] == {"mode": "full", "rows": 22, "encoded": 22, "solved": 22}


def test_a_build_killed_while_moving_in_is_made_again(tmp_path: Path) -> None:
    """As `kill -9` leaves it: data in place, no manifest, the staging folder saying that files were being moved."""
    out = tmp_path / "out"
    lcgen.build("needle", out, lengths="1k", haystack="noise")
    (out / "manifest.json").unlink()
    (out / building.STAGING).mkdir()
    (out / building.STAGING / building.MOVING).touch()
    assert lcgen.build("needle", out, lengths="1k", haystack="noise").written == 1
    assert not lcgen.verify(out, full=True).faults and not (out / building.STAGING).exists()


def test_another_revision_of_a_task_is_another_build(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lcgen.build("needle", tmp_path / "out", lengths="1k", haystack="noise")
    monkeypatch.setattr(type(generators.get("needle")), "revision", 99)
    with pytest.raises(lcgen.LcgenError, match="revision"):
        lcgen.build("needle", tmp_path / "out", lengths="1k,2k", haystack="noise")


def test_a_missing_template_is_written_again(tmp_path: Path) -> None:
    out = tmp_path / "out"
    lcgen.build("needle", out, lengths="1k", haystack="noise")
    (out / "templates" / "needle.en.j2").unlink()
    faults = lcgen.verify(out).faults
    assert len(faults) == 1 and "missing" in faults[0]
    lcgen.build("needle", out, lengths="1k", haystack="noise")
    assert not lcgen.verify(out).faults


@pytest.mark.parametrize("params", [{}, {"style": "tokens"}])
def test_rows_for_training_carry_no_canary(tmp_path: Path, params: dict[str, Any]) -> None:
    """A canary says that rows are never to be trained on; of the split train it would say what is wrong."""
    for split, expected in (("train", False), ("validation", True)):
        lcgen.build("set_disjointness", tmp_path / split, params=params, split=split, **({} if params else {"lengths": "1k"}))
        made = manifest.of(tmp_path / split)
        rows = [row for name in made["files"] for row in writer.read(tmp_path / split / name)]
        assert rows and {bool(row["canary"]) for row in rows} == {expected} == {bool(made["canary"])}
        card = (tmp_path / split / "README.md").read_text(encoding="utf-8")
        assert ("carry no canary" in card) != expected and ("Canary: `lcgen-canary" in card) == expected
        assert not lcgen.verify(tmp_path / split).faults


def test_the_card_of_both_splits_says_which_rows_carry_a_canary(tmp_path: Path) -> None:
    builds = (f"  - {{task: needle, name: {split}, lengths: 1k, depths: '0', split: {split}}}" for split in ("train", "test"))
    (tmp_path / "both.yaml").write_text("\n".join(["name: both", "defaults: {haystack: noise}", "builds:", *builds]))
    lcgen.build(str(tmp_path / "both.yaml"), tmp_path / "both")
    made = manifest.of(tmp_path / "both")
    held = {row["split"]: bool(row["canary"]) for name in made["files"] for row in writer.read(tmp_path / "both" / name)}
    assert held == {"train": False, "test": True} and made["canary"]
    assert "all but the split `train`, whose rows carry no canary. Canary: `" in (tmp_path / "both" / "README.md").read_text()


def test_row_groups_hold_so_much_text_wherever_it_stands(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rows = [*lcgen.generate("golden_thread", lengths="2k", samples=6), *lcgen.generate("needle", lengths="2k,4k", lang="zh")]
    monkeypatch.setattr(writer, "GROUP_BYTES", 24_000)
    writer.write(tmp_path / "rows.parquet", iter(rows), "parquet")
    with pq.ParquetFile(tmp_path / "rows.parquet") as file:
        groups = [
            file.read_row_group(number, columns=["input", "reference_output"]).to_pylist()
            for number in range(file.num_row_groups)
        ]
    sizes = [sum(len(text.encode()) for row in group for text in row.values()) for group in groups]
    assert all(size <= 24_000 or len(group) == 1 for size, group in zip(sizes, groups)) and len(groups) < len(rows)
    assert [row["input"] for row in writer.read(tmp_path / "rows.parquet")] == [row["input"] for row in rows]


@settings(max_examples=200, deadline=None, derandomize=True)
@given(st.lists(st.text(st.characters(codec="utf-8"), max_size=40), max_size=8), st.integers(1, 64))
def test_texts_of_any_script_come_out_of_their_buffer_as_they_went_in(texts: list[str], room: int) -> None:
    """Plain ones are copied as they stand in memory, others encoded; one that is longer than the buffer makes it longer."""
    held = arrow.Texts(room)
    for _ in range(2):
        for text in texts:
            held.add(text, arrow.size(text))
        assert held.array().to_pylist() == texts
        held.clear()


def test_a_text_that_cannot_be_written_is_refused_and_nothing_of_it_stays(tmp_path: Path) -> None:
    rows = list(lcgen.generate("needle", lengths="1k", depths="0.5", verify="none"))
    with pytest.raises(UnicodeEncodeError):
        writer.write(tmp_path / "rows.parquet", iter([{**rows[0], "input": rows[0]["input"] + "\ud800"}]), "parquet")
    assert not list(tmp_path.iterdir())
