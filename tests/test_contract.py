"""The laws of every task: this file names none."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
from collections import Counter
from dataclasses import dataclass
from functools import cache
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from lcgen import generators, proof, schemas, templates
from lcgen.api import build, finish
from lcgen.builders import batches, writer
from lcgen.builders.manifest import load
from lcgen.builders.rows import RowMaker
from lcgen.errors import LcgenError
from lcgen.params import described
from lcgen.spec import Place
from tests.laws import Case, Tabled, cases, filler, haystacks, roomy, styles, tables
from tests.runs import tree

every_case = pytest.mark.parametrize("case", cases(), ids=str)
every_table = pytest.mark.parametrize("case", tables(), ids=str)
every_task = pytest.mark.parametrize("name", generators.names())


@cache
def rows(case: Case) -> list[dict[str, Any]]:
    return case.rows()


@cache
def kept(case: Case) -> list[dict[str, Any]]:
    """The same rows as who scores or checks them gets them: out of a file, in which objects have no order of their own."""
    return [writer.unflat(writer.flat(row)) for row in rows(case)]


@every_case
def test_law_1_rows_are_pure(case: Case) -> None:
    """Rows come out equal one by one or together, in any order, from makers that know nothing of each other."""
    known = {row["id"]: row for row in rows(case)}
    maker = case.maker()
    last = Place(maker.part.lengths[-1], maker.part.depths[-1], len(maker.part.params) - 1, 1)
    for row in maker.rows(last):
        assert row == known[row["id"]]
    first = Place(maker.part.lengths[0], maker.part.depths[0], 0, 0)
    assert maker.draws([last, first]) == [maker.rows(last), maker.rows(first)]


@every_task
def test_law_1_files_are_equal_however_they_are_made(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """At once, by processes of their own, in shards, behind one shard, or grown: the same bytes."""
    options: dict[str, Any] = {**filler(name), "lengths": "1500,2k", "samples": 2}
    options |= {"depths": "0.3"} if generators.get(name).depths else {}
    build(name, tmp_path / "whole", **options)
    # Workers begin as new processes, and hash otherwise than this one.
    monkeypatch.setenv("PYTHONHASHSEED", "1" if os.environ.get("PYTHONHASHSEED") != "1" else "2")
    build(name, tmp_path / "jobs", jobs=2, **options)
    for shard in ("1/2", "0/2"):
        build(name, tmp_path / "shards", shard=shard, **options)
    finish(tmp_path / "shards")
    build(name, tmp_path / "resumed", shard="0/2", **options)
    build(name, tmp_path / "resumed", **options)
    build(name, tmp_path / "grown", **{**options, "lengths": "1500", "samples": 1})
    build(name, tmp_path / "grown", **options)
    whole = files(tmp_path / "whole")
    assert [path for path in whole if path.startswith("data/")]
    for other in ("jobs", "shards", "resumed", "grown"):
        assert files(tmp_path / other) == whole, other


def files(folder: Path) -> dict[str, bytes]:
    """All files of a folder; of the manifest what does not say how many rows were verified when: a grown build keeps older files."""
    found = {path: content for path, content in (tree(folder) or {}).items() if content != b"(folder)"}
    made = json.loads(found.pop("manifest.json"))
    return {**found, "manifest.json": json.dumps({"files": made["files"], "configs": made["configs"]}).encode()}


@every_case
def test_law_2_rows_validate(case: Case) -> None:
    for row in rows(case):
        schemas.validate_row(row)


@every_case
def test_law_3_only_the_right_answer_scores(case: Case) -> None:
    task = generators.get(case.task)
    for row in kept(case):
        oracle = task.oracle(row)
        assert task.score(oracle, row)["score"] == 1
        assert task.score("", row)["score"] == 0
        assert task.score(f"<think>{oracle}</think>", row)["score"] == 0
        assert task.score(f"<think>no idea, perhaps 1</think>\n{oracle}", row)["score"] == 1
        if 3 in case.breaks:
            continue
        rivals = [piece["value"] for piece in row["evidence"] if piece["role"] != "gold" and piece["value"]]
        assert task.score(row["input"], row)["score"] == 0, "an echo of the prompt"
        for rival in rivals[:5]:
            assert task.score(rival, row)["score"] < 1, "a distractor"
            assert task.score(f"{oracle}, {rival}", row)["score"] < 1, "the gold and a distractor"
        if rivals:
            assert task.score(", ".join([*row["outputs"], *rivals]), row)["score"] < 1, "all candidates"
        # The last value as the oracle words it: in JSON it is not what the answer ends with.
        # Where outputs are a table of checks, the last thing that was to be told.
        wanted = [piece["value"] for piece in row["evidence"] if row["axis"] == "output"][-1:] or row["outputs"][-1:]
        start, value, end = oracle.rpartition(wanted[0])
        # A document of many answers is cut in half: its last one may be said twice, in a step and in words.
        half, long = oracle[: len(oracle) // 2], row["axis"] == "output"
        assert value and task.score(half if long else start + value[:-1] + end, row)["score"] < 1, "a clipped answer"
        assert task.score(f"{start}{value}7{end}", row)["score"] < 1, "a longer answer that holds the gold"
        if len(row["outputs"]) > 1:
            assert 0 < task.score(half if long else row["outputs"][0], row)["score"] < 1, "a part of the answer"


@every_case
def test_contrasts_hold(case: Case) -> None:
    """What `lcgen check` shows of a row: whole, its evidence alone, and without it; where one is left out, it is said why."""
    task = generators.get(case.task)
    for row in kept(case):
        contrast = task.contrast(row)
        gold = [piece for piece in row["evidence"] if piece["role"] in ("gold", "step")]
        if contrast is None:
            assert not {piece["value"] for piece in gold if piece["value"]} & {*row["outputs"]}, (
                "an answer that is stated is told"
            )
            continue
        assert contrast.choices or contrast.reference or contrast.why, "there is something to tell"
        assert not contrast.fault, "a row is at odds with its own evidence"
        assert contrast.reference in (None, row["reference_output"])
        whole = contrast.evidence is not None and contrast.removed
        assert whole or contrast.why, "a prompt that is left out"
        for choice in contrast.choices:
            others = choice.labels or choice.rivals
            assert choice.gold and choice.gold not in choice.rivals and len({*others}) == len(others)
            assert choice.gold in choice.labels or not choice.labels
            assert choice.changed is None or choice.changed != choice.gold
        if row["context_start"] is None:
            assert contrast.evidence is None and not contrast.removed, "no context"
            continue
        start, end = row["context_start"], row["context_end"]
        if contrast.evidence is not None:
            shown = contrast.evidence[start : len(contrast.evidence) - (len(row["input"]) - end)]
            assert contrast.evidence[:start] == row["input"][:start] and contrast.evidence.endswith(row["input"][end:])
            assert all(piece["text"] in shown for piece in gold if piece["copy"] == 0) and len(shown) <= end - start
        assert list(contrast.removed) == sorted(contrast.removed)
        assert all(start <= low < high <= end for low, high in contrast.removed)
        left = "".join(sign for place, sign in enumerate(row["input"]) if not any(a <= place < b for a, b in contrast.removed))
        for choice in contrast.choices if contrast.removed else ():
            # The white space before a cue is that of its place in the prompt.
            stated = (choice.cue + choice.lead + choice.gold).lstrip()
            if choice.literal:
                assert contrast.evidence is not None and stated in contrast.evidence
                assert stated not in left, "what is removed is gone"


@every_case
def test_law_4_lengths_are_exact(case: Case) -> None:
    maker = case.maker()
    for row in rows(case):
        assert row["length"] == row["max_length"] == row["prompt_tokens"] + row["max_new_tokens"] + row["reserve"]
        assert row["prompt_tokens"] == maker.wrapper.count(maker.tokenizer, row["input"], row["gen_prefix"])
        written = maker.tokenizer.count(row["reference_output"])
        assert written <= row["max_new_tokens"] - row["thinking"]
        if row["axis"] == "input":
            assert row["length"] == row["target"] and row["output_tokens"] is None
        else:
            assert row["output_tokens"] == written <= row["target"]


@every_case
def test_law_5_evidence_stands_where_its_spans_say(case: Case) -> None:
    maker = case.maker()
    for row in rows(case):
        proof.shape(row)
        proof.encode(row, maker.tokenizer, maker.wrapper)
        whole = proof.document(row)
        context = whole[row["context_start"] : row["context_end"]]
        for piece in row["evidence"]:
            assert whole[piece["char_start"] : piece["char_end"]] == piece["text"]
            assert not piece["value"] or piece["text"].startswith(piece["cue"])
            if piece["role"] == "gold" and piece["value"]:
                held = sum(other["text"].count(piece["value"]) for other in row["evidence"])
                assert context.count(piece["value"]) == held, "a gold value stands in planted text alone"


@every_case
def test_law_6_depth_is_met_within_one_unit(case: Case) -> None:
    maker = case.maker()
    places = product(maker.part.lengths, maker.part.depths, range(len(maker.part.params)))
    for length, depth, params in places:
        for draft, composed, *_ in maker.prompts(Place(length, depth, params, 0)):
            prompt = composed.write()
            sizes = [maker.tokenizer.count(text) for text in draft.filler.text(np.arange(200))]
            # A unit with its separator, and the plants that stand side by side at the same border.
            units = max(sizes) + 4 + max((piece.token_end - piece.token_start for piece in prompt.pieces), default=0)
            runs: list[list[Any]] = []
            for piece in sorted(prompt.pieces, key=lambda piece: piece.token_start):
                if runs and runs[-1][-1].token_end == piece.token_start:
                    runs[-1].append(piece)
                else:
                    runs.append([piece])
            for run in runs:
                beside = run[-1].token_end - run[0].token_start
                for piece in run:
                    own, quote = piece.token_end - piece.token_start, piece.plant - len(draft.plants)
                    stated = draft.plants[piece.plant] if quote < 0 else prompt.puzzle.evidence[quote].plant
                    # What a question quotes is chosen by words, which hold about as many tokens everywhere.
                    spare = 0.0 if quote < 0 else 0.05
                    near = (units + beside - own) / max(1, piece.lane_tokens) + spare
                    assert abs(piece.depth - stated.depth) <= near, (piece, stated.depth)


@every_case
def test_law_7_seeds_and_splits_share_nothing(case: Case) -> None:
    mine = {(row["id"], row["input"]) for row in rows(case)}
    for options in ({"seed": "1"}, {"split": "train"}):
        others = case.rows(1, None, **options)
        assert not {id for id, _ in mine} & {row["id"] for row in others}
        assert not {text for _, text in mine} & {row["input"] for row in others}
    assert len({row["id"] for row in rows(case)}) == len(rows(case)) == len({row["input"] for row in rows(case)})


@every_case
def test_law_7_growing_changes_no_row(case: Case) -> None:
    known = {row["id"]: row for row in rows(case)}
    for samples in (1, 30):
        assert all(known[row["id"]] == row for row in case.rows(1, samples=samples))


@every_case
def test_law_8_the_solver_finds_exactly_the_gold(case: Case) -> None:
    maker = case.maker()
    for row in rows(case):
        proof.solve(row, maker.task, maker.wording)


@every_case
def test_law_9_files_give_the_same_rows_back(case: Case, tmp_path: Path) -> None:
    made = rows(case)
    assert json.loads(json.dumps(made, allow_nan=False)) == made
    for format in ("parquet", "jsonl"):
        path = tmp_path / f"rows.{format}"
        written = writer.write(path, made, format)
        assert list(writer.read(path)) == made and written.rows == len(made)


@pytest.fixture(scope="module")
def many(case: Case) -> Many:
    """About 60 rows of a case, at a short length and of any depth; both halves of law 10 are held to the same ones."""
    depths = {"depths": "random"} if generators.get(case.task).depths else {}
    maker = case.maker(lengths="2k", samples=60, **depths)
    # At least 12 of each set of parameters, by which rows are judged apart too.
    return Many(maker, case.rows(max(12, 60 // len(maker.part.params)), maker))


@dataclass(frozen=True)
class Many:
    maker: RowMaker
    rows: list[dict[str, Any]]

    def by_params(self) -> list[list[dict[str, Any]]]:
        """The rows all together, and those of each set of parameters."""
        sets: dict[str, list[dict[str, Any]]] = {}
        for row in self.rows:
            sets.setdefault(json.dumps(row["params"]), []).append(row)
        return [self.rows, *(sets.values() if len(sets) > 1 else ())]


law_10 = pytest.mark.parametrize("case", [case for case in cases() if 10 not in case.breaks], ids=str, scope="module")


@law_10
def test_law_10_shortcuts_do_not_solve(case: Case, many: Many) -> None:
    """Where there are rivals, no shortcut finds the gold much more often than a draw among them would."""
    if not any(map(_rivals, many.rows)):
        pytest.skip("nothing looks like the gold: there is nothing to choose from")
    for made in many.by_params():
        # Twins stand and fall together: one of each group.
        single = [(row, _rivals(row)) for row in {row["group_id"] or row["id"]: row for row in made}.values()]
        for name, shortcut in many.maker.task.baselines.items():
            right = sum(
                sorted(shortcut(row["input"][row["context_start"] : row["context_end"]], row["question"], many.maker.wording))
                == sorted(row["outputs"])
                for row, count in single
                if count
            )
            # Who always says the same is right as often as the commonest answer.
            commonest = Counter(row["answer"] for row, _ in single).most_common(1)[0][1]
            chance = max(sum(1 / (count + 1) for _, count in single if count), commonest)
            assert right <= chance + 4 * max(1.0, chance) ** 0.5, (name, right, chance)


def _rivals(row: dict[str, Any]) -> int:
    """How many values look like the gold one: those planted, and at least 20 where filler is of records like it."""
    planted = len({piece["value"] for piece in row["evidence"] if piece["value"] not in row["outputs"]})
    return max(planted, 20 if row["haystack"] == "records" else 0)


@law_10
def test_law_10_gold_stands_anywhere_and_in_any_order(case: Case, many: Many) -> None:
    """Over many rows the gold is first, middle and last among what looks like it, about equally often."""
    ranks = [rank for row in many.rows for rank in _ranks(row)]
    if not ranks:
        pytest.skip("nothing is planted beside the gold, and filler does not look like it")
    assert 0.3 < sum(ranks) / len(ranks) < 0.7
    assert min(ranks) < 0.25 and max(ranks) > 0.75


def _ranks(row: dict[str, Any]) -> list[float]:
    """Where gold stands among what looks like it, 0 first, 1 last: among the pieces of its lane, else among the records of the filler."""
    ranks = []
    for lane in {(piece["lane"], piece["copy"]) for piece in row["evidence"]}:
        pieces = [piece for piece in row["evidence"] if (piece["lane"], piece["copy"]) == lane]
        pieces.sort(key=lambda piece: int(piece["char_start"]))
        golds = [place for place, piece in enumerate(pieces) if piece["role"] == "gold"]
        keys = sorted(piece["key"] for piece in pieces)
        if len(keys) > 1 and row["outputs"] in ([key] for key in keys):
            # Where a question shows several and asks for the label of one, its place is that of the label.
            ranks.append(keys.index(row["outputs"][0]) / (len(keys) - 1))
            continue
        if len(golds) < len(pieces):
            ranks += [place / (len(pieces) - 1) for place in golds]
        elif row["haystack"] == "records":
            ranks += [pieces[place]["depth"] for place in golds]
    return ranks


@every_task
def test_law_10_asserts_something_of_every_task(name: str) -> None:
    """Some case of each task has rivals for a shortcut to take, in rows of one place."""
    mine = [case for case in cases() if case.task == name and 10 not in case.breaks]
    assert any(_rivals(row) for case in mine for row in rows(case))
    if any(row["evidence"] for case in mine for row in rows(case)):
        assert any(_ranks(row) for case in mine for row in rows(case))


# ---- rows of numbers


@every_table
def test_laws_1_and_7_numbers_are_pure_and_grow_by_blocks(case: Tabled) -> None:
    """Equal row by row, from any maker, in any order; other seeds and splits have other rows."""
    maker = case.maker(samples=1100)
    known = list(maker.each())
    assert len(known) == 1100
    last = case.maker().rows(Place(maker.part.lengths[0], None, 0, 1099))
    assert last == [known[1099]] and known[:7] == list(case.maker(samples=7).each())
    assert len({row["id"] for row in known}) == 1100
    own = {tuple(row["input_ids"]) for row in known}
    assert len(own) >= 1099, "rows differ, but for what chance may do to the shortest"
    options: list[dict[str, Any]] = [{"seed": "1"}]
    if not any(setting.split for setting in generators.get(case.task).presets[case.preset.partition(":")[0]].settings.values()):
        options.append({"split": "train"})
    for changed in options:
        others = list(case.maker(samples=1100, **changed).each())
        assert not {row["id"] for row in known} & {row["id"] for row in others}
        assert len(own & {tuple(row["input_ids"]) for row in others}) <= 1


@every_table
def test_laws_2_and_3_numbers_validate_and_only_the_right_answer_scores(case: Tabled) -> None:
    maker = case.maker(samples=300)
    (batch,) = maker.batches(0, 300)
    for row in list(maker.each())[:20]:
        schemas.validate(maker.schemas[0], row)
    held, (table,) = batches.columns(batch), maker.tables
    answers = held["answer"]
    assert (table.solve(held) == answers).all()
    assert (table.score(answers, held)["score"] == 1).all()
    assert (table.score(answers + 1, held)["score"] == 0).all()
    if 3 not in (maker.preset.breaks if maker.preset else {}):
        for guess in (held["input_ids"][:, 1], np.zeros_like(answers), np.roll(answers, 1)):
            assert table.score(guess, held)["score"].mean() < 0.6, "a shortcut"


@every_table
@pytest.mark.parametrize("format", ["parquet", "jsonl"])
def test_law_9_files_give_the_same_numbers_back(case: Tabled, format: str, tmp_path: Path) -> None:
    maker = case.maker(samples=40)
    made = list(maker.batches(0, 40))
    written = batches.write(tmp_path / f"rows.{format}", made, maker.schema, format)
    back = list(batches.read(tmp_path / f"rows.{format}", maker.schema))
    assert [row for batch in back for row in batch.to_pylist()] == [row for batch in made for row in batch.to_pylist()]
    assert written.rows == 40 and hashlib.sha256(b"".join(map(batches.contents, back))).hexdigest() == written.content


@pytest.mark.parametrize("name", sorted({case.task for case in tables()}))
def test_law_1_files_of_numbers_grow_to_the_same_bytes(name: str, tmp_path: Path) -> None:
    preset = next(case.preset for case in tables() if case.task == name)
    for folder, samples in (("grown", 1000), ("grown", 2500), ("whole", 2500)):
        build(name, tmp_path / folder, preset=preset, samples=samples)
    (one, two) = (load(tmp_path / "grown"), load(tmp_path / "whole"))
    assert one is not None and two is not None and one["files"] == two["files"] and one["configs"] == two["configs"]
    assert all((tmp_path / "grown" / file).read_bytes() == (tmp_path / "whole" / file).read_bytes() for file in one["files"])
    code = f"import json, lcgen; print(json.dumps(list(lcgen.generate({name!r}, preset={preset!r}, samples=50))))"
    found = [
        subprocess.run(
            [sys.executable, "-c", code], env={**os.environ, "PYTHONHASHSEED": seed}, capture_output=True, check=True
        ).stdout
        for seed in ("1", "2")
    ]
    assert found[0] == found[1] and len(json.loads(found[0])) == 50


@every_task
def test_every_task_is_complete(name: str) -> None:
    """Template for each language, schema, described parameters, baselines."""
    task = generators.get(name)
    assert {stem.partition(".")[2] for stem in templates.names() if stem.startswith(f"{name}.")} >= {"en", "zh"}
    assert name in schemas.names()
    assert json.loads(schemas.text(name))["additionalProperties"] is False
    assert all(entry["about"].strip() for entry in described(task)), "a doc line under each field"
    assert task.baselines and task.papers and task.about and task.revision >= 1


@every_task
def test_too_short_is_said_before_any_work(name: str, tmp_path: Path) -> None:
    with pytest.raises(LcgenError, match="too short for this puzzle"):
        build(name, tmp_path / "out", lengths="100..200", **filler(name))
    assert not (tmp_path / "out").exists()


@every_task
def test_golden_rows(name: str, request: pytest.FixtureRequest) -> None:
    """Rows are equal on every supported Python and machine. A change of any case obliges a higher `revision` of the task."""
    path = Path(__file__).parent / "golden" / f"{name}.json"
    known = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {"revision": 0, "cases": {}}
    found, revision = golden(name), generators.get(name).revision
    old = known.get("cases", {})
    changed = [label for label in {**old, **found} if old.get(label) != found.get(label)]
    if request.config.getoption("--update-golden"):
        spoilt = [label for label in changed if label in old]
        assert not spoilt or revision > known["revision"], (
            f"rows of {', '.join(spoilt)} changed under revision {revision}: raise it. Rows that no release has made may go without: "
            f"remove {path.name} first"
        )
        path.parent.mkdir(exist_ok=True)
        written = {"revision": revision, "cases": found}
        path.write_text(json.dumps(written, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
        return
    assert not changed, f"rows of {', '.join(changed)} changed: raise the task's revision and run pytest --update-golden"
    assert revision == known["revision"]


def golden(name: str) -> dict[str, Any]:
    """Of every case and style of a task the rows of one place, hashed, and the first of them as far as a person would read."""
    found = {}
    # Budgets are measured by 64 draws: of variants with a size of their own one for each preset is enough. What parameters do by themselves needs none.
    budget = roomy(name)
    places: list[tuple[str, Case, dict[str, Any]]] = []
    for case in (case for case in cases() if case.task == name):
        seen = {(other.preset or "").partition(":")[0] for _, other, _ in places}
        spared = not case.short and (case.preset or "").partition(":")[0] in seen
        places.append((str(case), case, budget if spared else {}))
    for haystack in haystacks(name):
        places += [
            (f"{Case(name, None, lang)}-{haystack.get('haystack', 'own')}", Case(name, None, lang), haystack)
            for lang in ("en", "zh")
        ]
    places += [(str(case), case, {"lengths": "4k", **budget, **filler(name)}) for case in styles(name)]
    for label, case, options in places:
        try:
            maker = case.maker(**options)
            length, depth = maker.part.lengths[0], maker.part.depths[len(maker.part.depths) // 2]
            made = [row for number in range(len(maker.part.params)) for row in maker.rows(Place(length, depth, number, 0))]
        except LcgenError:
            # What one parameter alone cannot do.
            assert len(case.params) == 1, label
            continue
        reads = f"{made[0]['question'][:80]} {made[0]['answer'][:40]}"
        found[label] = {"reads": reads, "rows": {row["id"]: writer.content(row).hex() for row in made}}
    for table in {case.preset.partition(":")[0]: case for case in tables() if case.task == name}.values():
        for batch in table.maker(samples=2).batches(0, 2):
            held = {row["id"]: batches.contents(batch.slice(n, 1)).hex() for n, row in enumerate(batch.to_pylist())}
            found[str(table)] = {"reads": str(batch.to_pylist()[0]["input_ids"][:12]), "rows": held}
    return found
