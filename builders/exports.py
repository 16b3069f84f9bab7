"""`lcgen export`: the rows of a built folder in the formats of other harnesses, one function for each."""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import groupby
from pathlib import Path
from typing import Any, Literal, get_args

import yaml

from lcgen.builders import manifest, tables
from lcgen.builders.reading import every_row
from lcgen.contract import Row
from lcgen.errors import LcgenError, unknown

Endpoint = Literal["chat", "completions"]
History = Literal["none", "gold"]
ANSWERS = frozenset(
    (
        "outputs",
        "answer",
        "answers",
        "expected_answer",
        "ideal",
        "reference_output",
        "evidence",
        "metadata",
        "token_position_answer",
    )
)
"""Keys that `--prompts-only` leaves out, in whatever format."""
BATCH_ROWS = 50_000
MARK = ".lcgen-export"
"""Stands in an exported folder and names its files, so that `--force` takes away what an export wrote and nothing else."""
Files = Iterable[tuple[str, "Iterable[Mapping[str, Any]] | str"]]
"""Names with their lines or their text, each written before the next is asked for."""


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


def _with_history(rows: Iterator[dict[str, Any]], history: History) -> Iterator[tuple[dict[str, Any], list[dict[str, str]]]]:
    """Each row with the messages that ask it."""
    for _, shared in groupby(rows, key=lambda row: row["context_id"] or row["id"]):
        before: list[dict[str, str]] = []
        for row in shared:
            asked = {"role": "user", "content": row["question"] if before else prompt(row)}
            yield row, [*before, asked]
            if history == "gold":
                before += [asked, {"role": "assistant", "content": row["reference_output"]}]


def _turns(config: Config, options: Options) -> Files:
    """Conversations over one context: each later turn is the question alone, behind the model's own answers or, `gold`, the right ones."""

    def lines() -> Iterator[dict[str, Any]]:
        for _, shared in groupby(config.rows(), key=lambda row: row["context_id"] or row["id"]):
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


@dataclass(frozen=True)
class Exported:
    """What was written."""

    folder: Path
    files: dict[str, int]
    """Name -> rows; sheets have none."""
    notes: tuple[str, ...] = ()
    """What was asked for and changed nothing."""


class Contextless(LcgenError):
    """A row without a context apart from its question, in a format that needs one."""


def export(
    folder: Path,
    to: str,
    out: Path | None = None,
    options: Options | None = None,
    configs: Iterable[str] = (),
    force: bool = False,
) -> Exported:
    """Writes the rows of a built folder in another format, into a folder of its own (default `./<folder>_<to>`).

    Raises LcgenError for an unknown format or config, for rows that the format cannot hold, and where something stands at
    `out`; `force` replaces an older export alone.
    """
    options = options or Options()
    if to not in FORMATS:
        raise unknown("format of --to", to, FORMATS)
    if options.endpoint not in get_args(Endpoint) or options.history not in get_args(History):
        raise LcgenError(
            f"--endpoint is one of {', '.join(get_args(Endpoint))}, --history one of {', '.join(get_args(History))}."
        )
    if options.history == "gold" and (to not in ("batch", "turns") or options.endpoint != "chat"):
        raise LcgenError("A history of answers exists --to turns, and --to batch with --endpoint chat. Leave --history out.")
    if options.history == "gold" and options.prompts_only:
        raise LcgenError("--history gold sends answers, which --prompts-only leaves out. Leave out one of them.")
    made = manifest.of(folder)
    if tables.promised(made):
        raise LcgenError(f"{folder} holds rows of numbers, which no harness reads. Read them with load_dataset.")
    chosen = list(configs) or list(made["configs"])
    for name in chosen:
        if name not in made["configs"]:
            raise unknown("config", name, made["configs"])
    target = out or Path(f"{folder.resolve().name}_{to}")
    _free(target, folder, force)
    written: dict[str, int] = {}
    lacking: list[str] = []
    shared = False

    def rows(name: str) -> Iterator[dict[str, Any]]:
        nonlocal shared
        before = None
        for _, row in every_row(folder, {**made, "configs": [name]}):
            shared |= bool(row["context_id"]) and row["context_id"] == before
            before = row["context_id"]
            yield row

    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=f".{target.name}-", dir=target.parent) as place:
            part = Path(place) / target.name
            for name in chosen:
                config = Config(name, partial(rows, name))
                try:
                    for path, content in FORMATS[to](config, options):
                        written[path] = _write(part / path, content, options)
                except Contextless:
                    lacking.append(name)
            if lacking:
                raise _contextless(lacking, chosen, to)
            (part / MARK).write_text("".join(f"{path}\n" for path in written), encoding="utf-8")
            if target.is_dir():
                shutil.rmtree(target)
            part.replace(target)
    except OSError as error:
        raise LcgenError(f"Cannot write {target}: {error.strerror or error}. Choose another --out.") from error
    turns = options.history == "gold" or to == "turns"
    return Exported(target, written, (_alone(folder, to, options.history),) if turns and not shared else ())


def _free(target: Path, folder: Path, force: bool) -> None:
    """Raises LcgenError where the folder itself, or anything that this export may not replace, stands at the target."""
    if target.resolve() == folder.resolve():
        raise LcgenError(f"{target} is the dataset itself. Choose another --out.")
    if not target.exists() or (target.is_dir() and not any(target.iterdir())):
        return
    if not force:
        raise LcgenError(f"{target} is there already. Choose another --out, or replace an older export with --force.")
    try:
        ours = {MARK, *(target / MARK).read_text(encoding="utf-8").splitlines()}
    except (OSError, ValueError):
        raise LcgenError(f"{target} was not made by an export, so --force does not replace it. Choose another --out.") from None
    there = (path.relative_to(target).as_posix() for path in target.rglob("*") if path.is_symlink() or not path.is_dir())
    if foreign := sorted(set(there) - ours):
        raise LcgenError(
            f"{target} also holds {foreign[0]}, which no export wrote, so --force does not replace it. Move it, or choose another --out."
        )


def _contextless(lacking: Sequence[str], chosen: Sequence[str], to: str) -> LcgenError:
    """What to say where rows of some configs have no context, and how to export the others."""
    others = [name for name in chosen if name not in lacking]
    more = f", and {len(others) - 5:,} more" if len(others) > 5 else ""
    way = f"Export the others: {' '.join(f'--config {name}' for name in others[:5])}{more}; or all" if others else "Export them"
    held = f"{', '.join(lacking[:5])}{', ...' if len(lacking) > 5 else ''}"
    return LcgenError(
        f"Rows of {held} have no context apart from their question, which {to} needs. {way} --to jsonl or --to batch."
    )


def _alone(folder: Path, to: str, history: str) -> str:
    """What to say where no rows share a context, so that nothing can stand before a question."""
    effect = f"--history {history} changes nothing" if history == "gold" else "each conversation has one turn"
    return f"No rows of {folder} that stand side by side share a context, so {effect}. `lcgen build --questions-per-context Q` makes such rows."


def _write(path: Path, content: Iterable[Mapping[str, Any]] | str, options: Options) -> int:
    path.parent.mkdir(parents=True, exist_ok=True)
    count = 0
    with path.open("w", encoding="utf-8", newline="\n", errors="surrogatepass") as file:
        if isinstance(content, str):
            file.write(content)
            return 0
        for line in content:
            kept = {key: value for key, value in line.items() if not (options.prompts_only and key in ANSWERS)}
            file.write(json.dumps(kept, ensure_ascii=False) + "\n")
            count += 1
    return count
