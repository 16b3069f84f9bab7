"""Formats of other harnesses: the rows of one config as the files that each reads, one function for each format."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import groupby
from typing import Any, Literal

import yaml

from lcgen.contract import Row
from lcgen.errors import LcgenError

Endpoint = Literal["chat", "completions"]
History = Literal["none", "gold"]
BATCH_ROWS = 50_000
"""Most requests in a file of a batch."""
Files = Iterable[tuple[str, "Iterable[Mapping[str, Any]] | str"]]
"""Names with their lines or their text, each written before the next is asked for."""


class Contextless(LcgenError):
    """A row without a context apart from its question, in a format that needs one."""


@dataclass(frozen=True)
class Options:
    """What an export is to be; `size` is the most bytes of a file of batch requests."""

    prompts_only: bool = False
    model: str = "MODEL"
    endpoint: Endpoint = "chat"
    temperature: float = 0.0
    size: int = 190 * 2**20
    history: History = "none"


@dataclass(frozen=True)
class Config:
    """One config of the folder; `rows` reads its files anew each time, one row in memory."""

    name: str
    rows: Callable[[], Iterator[dict[str, Any]]]


def prompt(row: Row) -> str:
    """What is sent as text: the prompt, and the prefix that a base model goes on from."""
    return str(row["input"] + row["gen_prefix"])


def _jsonl(config: Config, options: Options) -> Files:
    """Every column as it is, one JSON object a line."""
    return [(f"{config.name}.jsonl", config.rows())]


def _ruler(config: Config, options: Options) -> Files:
    """RULER's data files; its prediction files keep `others`, by which `lcgen score` knows the rows."""

    def lines() -> Iterator[dict[str, Any]]:
        for number, row in enumerate(config.rows()):
            gold = next((piece for piece in row["evidence"] if piece["role"] == "gold"), None)
            yield {
                "index": number, "input": row["input"], "outputs": row["outputs"], "length": row["length"],
                "length_w_model_temp": row["length"], "answer_prefix": row["gen_prefix"],
                "token_position_answer": gold["token_start"] if gold else -1, "others": {"id": row["id"]},
            }  # fmt: skip

    return [(f"{config.name}/validation.jsonl", lines())]


def _nemo(config: Config, options: Options) -> Files:
    """NeMo-Skills: a benchmark folder for each config."""
    first = next(config.rows())
    arguments = (
        f"++prompt_config=generic/default ++inference.tokens_to_generate={first['max_new_tokens']} ++start_assistant_response_key=generation "
        "++inference.endpoint_type=text ++eval_type=ruler ++eval_config.match_type=all"
    )
    head = f'DATASET_GROUP = "long-context"\nMETRICS_TYPE = "ruler"\nGENERATION_ARGS = (\n    "{arguments}"\n)\n'
    lines = (
        {"index": number, "id": row["id"], "question": row["input"], "expected_answer": row["outputs"], "length": row["length"],
         "generation": row["gen_prefix"].strip()}
        for number, row in enumerate(config.rows())
    )  # fmt: skip
    return [(f"{config.name}/test.jsonl", lines), (f"{config.name}/__init__.py", head)]


def _context(row: Row, what: str) -> str:
    if row["context_start"] is None:
        raise Contextless(
            f"{row['task']} has no context apart from its question, which {what} needs. Export it --to jsonl, or --to batch."
        )
    return str(row["input"][row["context_start"] : row["context_end"]])


def _helmet(config: Config, options: Options) -> Files:
    """HELMET: context and question apart, and a config of comma-joined lists; its template words the prompt."""
    first = next(config.rows())
    path = f"{config.name}/validation_{first['target']}.jsonl"
    lines = (
        {"id": row["id"], "context": _context(row, "helmet"), "query": row["question"], "question": row["question"],
         "answer": row["outputs"], "outputs": row["outputs"], "type_needle_v": "values", "num_v": len(row["outputs"]), "example": ""}
        for row in config.rows()
    )  # fmt: skip
    sheet = {
        "input_max_length": str(first["max_length"]), "datasets": f"ruler_niah_mv_{config.name}", "generation_max_length": str(first["max_new_tokens"]),
        "test_files": path, "demo_files": "", "use_chat_template": True, "shots": 0, "stop_new_line": False,
    }  # fmt: skip
    return [(path, lines), (f"configs/{config.name}.yaml", yaml.safe_dump(sheet, sort_keys=False))]


def _kvpress(config: Config, options: Options) -> Files:
    """kvpress: the context is what is compressed, what follows it is asked after."""

    def lines() -> Iterator[dict[str, Any]]:
        for row in config.rows():
            _context(row, "kvpress")
            end = row["context_end"]
            yield {"id": row["id"], "context": row["input"][:end], "question": row["input"][end:], "answer_prefix": row["gen_prefix"],
                   "answer": row["outputs"], "max_new_tokens": row["max_new_tokens"], "task": row["task"], "length": row["length"]}  # fmt: skip

    return [(f"{config.name}.jsonl", lines())]


def _evals(config: Config, options: Options) -> Files:
    """OpenAI-style evals: samples and a registry sheet; its scorer counts any one answer, so `lcgen score` is the stricter."""
    lines = (
        {"id": row["id"], "input": [{"role": "user", "content": prompt(row)}], "ideal": row["outputs"]} for row in config.rows()
    )
    name = f"lcgen_{config.name}"
    sheet = {
        name: {"id": f"{name}.test.v0", "metrics": ["accuracy"]},
        f"{name}.test.v0": {
            "class": "evals.elsuite.basic.includes:Includes",
            "args": {"samples_jsonl": f"{config.name}/samples.jsonl"},
        },
    }
    return [(f"data/{config.name}/samples.jsonl", lines), (f"evals/{config.name}.yaml", yaml.safe_dump(sheet, sort_keys=False))]


def _vllm(config: Config, options: Options) -> Files:
    """vLLM's serving bench, `--dataset-name custom --disable-shuffle`."""
    lines = ({"id": row["id"], "prompt": prompt(row), "output_tokens": row["max_new_tokens"]} for row in config.rows())
    return [(f"{config.name}.jsonl", lines)]


def _sglang(config: Config, options: Options) -> Files:
    """SGLang's serving bench: two turns, of which the second gives the length of the answer."""

    def lines() -> Iterator[dict[str, Any]]:
        for row in config.rows():
            said = "" if options.prompts_only else row["reference_output"]
            yield {"id": row["id"], "conversations": [{"from": "human", "value": prompt(row)}, {"from": "gpt", "value": said}]}

    return [(f"{config.name}.jsonl", lines())]


def _batch(config: Config, options: Options) -> Files:
    """OpenAI batch requests, `custom_id` being the row's id; with a gold history each row asks behind those of its context."""

    def requests() -> Iterator[dict[str, Any]]:
        for row, turns in _with_history(config.rows(), options.history):
            body: dict[str, Any] = {"model": options.model}
            if options.endpoint == "chat":
                body["messages"] = turns
            else:
                body["prompt"] = prompt(row)
            body |= {"max_tokens": row["max_new_tokens"], "temperature": options.temperature}
            if row["stop"]:
                body["stop"] = row["stop"][:4]
            url = "/v1/chat/completions" if options.endpoint == "chat" else "/v1/completions"
            yield {"custom_id": row["id"], "method": "POST", "url": url, "body": body}

    for number, run in enumerate(_parted(requests(), options.size)):
        yield f"{config.name}-{number:03d}.jsonl", run


def _parted(requests: Iterator[dict[str, Any]], size: int) -> Iterator[Iterator[dict[str, Any]]]:
    """Requests in runs within the limits of rows and bytes, each to be read to its end before the next."""
    held = next(requests, None)

    def run() -> Iterator[dict[str, Any]]:
        nonlocal held
        rows = taken = 0
        while held is not None:
            length = len(json.dumps(held, ensure_ascii=False).encode(errors="surrogatepass")) + 1
            if length > size:
                raise LcgenError(
                    f"The request for {held['custom_id']} has {length:,} bytes, more than the {size:,} of --size. Raise --size, or "
                    "build shorter rows."
                )
            if rows == BATCH_ROWS or (rows and taken + length > size):
                return
            rows, taken = rows + 1, taken + length
            yield held
            held = next(requests, None)

    while held is not None:
        yield run()


def _by_context(rows: Iterator[dict[str, Any]]) -> Iterator[Iterator[dict[str, Any]]]:
    """Rows that stand side by side and share a context, each run to be read to its end before the next."""
    for _, shared in groupby(rows, key=lambda row: row["context_id"] or row["id"]):
        yield shared


def _with_history(rows: Iterator[dict[str, Any]], history: History) -> Iterator[tuple[dict[str, Any], list[dict[str, str]]]]:
    """Each row with the messages that ask it."""
    for shared in _by_context(rows):
        before: list[dict[str, str]] = []
        for row in shared:
            asked = {"role": "user", "content": row["question"] if before else prompt(row)}
            yield row, [*before, asked]
            if history == "gold":
                before += [asked, {"role": "assistant", "content": row["reference_output"]}]


def _turns(config: Config, options: Options) -> Files:
    """Conversations over one context: each later turn is the question alone, behind the model's own answers or, `gold`, the right ones."""

    def lines() -> Iterator[dict[str, Any]]:
        for shared in _by_context(config.rows()):
            turns: list[dict[str, Any]] = []
            for row in shared:
                turns.append(
                    {"id": row["id"], "content": row["question"] if turns else prompt(row), "max_tokens": row["max_new_tokens"]}
                )
                if options.history == "gold":
                    turns[-1]["reply"] = row["reference_output"]
                if not options.prompts_only:
                    turns[-1]["outputs"] = row["outputs"]
            yield {"conversation": turns[0]["id"], "history": "gold" if options.history == "gold" else "model", "turns": turns}

    return [(f"{config.name}.jsonl", lines())]


FORMATS: Mapping[str, Callable[[Config, Options], Files]] = {
    "jsonl": _jsonl, "ruler": _ruler, "nemo-skills": _nemo, "helmet": _helmet, "kvpress": _kvpress, "evals": _evals, "vllm": _vllm,
    "sglang": _sglang, "batch": _batch, "turns": _turns,
}  # fmt: skip
