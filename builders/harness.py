"""Files of other harnesses inside a built folder: lm-evaluation-harness, Inspect, lighteval, OpenCompass.

They find their own folder, so that a copy of it works from anywhere, and score with the task's own `score`: from the
installed lcgen where there is one, else from the copy in `lm_eval/lcgen`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

import yaml

import lcgen
from lcgen import cards
from lcgen.builders import manifest, writer
from lcgen.builders.maker import Maker
from lcgen.builders.vendor import vendored
from lcgen.ranges import Length

PYTHON = (
    "lm_eval/lcgen_rows.py",
    "inspect_tasks.py",
    "lighteval_tasks.py",
    "opencompass_tasks.py",
    "opencompass_lcgen.py",
)
EVAL = "eval.yaml"
VENDORED = "lm_eval/lcgen"


@dataclass(frozen=True)
class Config:
    """What a harness must know of one config."""

    name: str
    part: str
    split: str
    length: str
    max_new_tokens: int
    """Most of any row, thinking included."""
    max_length: int
    stop: tuple[str, ...]
    single: bool
    """Whether each row has one answer, so that a scorer of one string can judge it."""

    @property
    def function(self) -> str:
        """The name as Python has names."""
        return re.sub(r"\W|^(?=\d)", "_", self.name)


def names(name: str, crew: Mapping[str, Maker]) -> list[str]:
    """Every file that `write` makes for a folder of this name."""
    texts = _texts(crew)
    if not texts:
        return []
    tasks = sorted({maker.task.name for maker in texts})
    configs = [config for maker in texts for config in maker.part.configs]
    sheets = [*configs, *_groups(name, texts)]
    return [*(f"lm_eval/{name}.yaml" for name in sheets), *(f"{VENDORED}/{path}" for path in vendored(tasks)), *PYTHON, EVAL]


def write(folder: Path, data: Callable[[str], Path], made: Mapping[str, Any], crew: Mapping[str, Maker]) -> None:
    """Writes into `folder` what harnesses read; `data` gives the path of a data file by its name."""
    texts = _texts(crew)
    if not texts:
        return
    configs = [_config(maker, length, data, made) for maker in texts for length in maker.part.lengths]
    tasks = sorted({maker.task.name for maker in texts})
    sheets = {f"{VENDORED}/{name}": source for name, source in vendored(tasks).items()}
    for config in configs:
        sheets[f"lm_eval/{config.name}.yaml"] = _sheet(config)
    for name, members in _groups(made["name"], texts).items():
        sheets[f"lm_eval/{name}.yaml"] = _yaml(_group(name, members))
    for path in PYTHON:
        sheets[path] = cards.rendered(f"{PurePosixPath(path).name}.j2", configs=configs, version=lcgen.__version__)
    sheets[EVAL] = _yaml(_hub(made, configs))
    for path, text in sheets.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(text, encoding="utf-8", newline="\n")


def pinned(folder: Path, repository: str, tag: str) -> dict[str, str]:
    """What `push` adds: by path, sheets of lm-evaluation-harness that name repository and tag, for use without the data files."""
    found = {}
    for path in sorted((folder / "lm_eval").glob("*.yaml")):
        sheet = _Plain.read(path.read_text(encoding="utf-8"))
        if "custom_dataset" not in sheet:
            continue
        config = sheet["dataset_kwargs"]["config"]
        del sheet["custom_dataset"]
        sheet |= {
            "task": f"{sheet['task']}_hub",
            "dataset_path": repository,
            "dataset_name": config,
            "dataset_kwargs": {"revision": tag},
        }
        sheet["test_split"] = sheet["metadata"]["split"]
        found[f"lm_eval/hub/{config}.yaml"] = _yaml(sheet)
    if found:
        found["lm_eval/hub/lcgen_rows.py"] = (folder / "lm_eval/lcgen_rows.py").read_text(encoding="utf-8")
    return found


def _texts(crew: Mapping[str, Maker]) -> list[Maker]:
    return [maker for maker in crew.values() if maker.of_prompts]


def _config(maker: Maker, length: Length, data: Callable[[str], Path], made: Mapping[str, Any]) -> Config:
    name = maker.part.config(length)
    budget = window = 0
    single, stop = True, dict[str, None]()
    for path in manifest.files_of(made["files"], name):
        for row in writer.columns(data(path), ("outputs", "stop", "max_new_tokens", "max_length")):
            budget, window = max(budget, row["max_new_tokens"]), max(window, row["max_length"])
            single &= len(row["outputs"]) == 1
            stop |= dict.fromkeys(row["stop"])
    return Config(name, maker.part.name, maker.part.split, length.config, budget, window, tuple(stop), single)


# ---- lm-evaluation-harness


class _Function(str):
    """A function in a module beside the sheet."""


class _Dumper(yaml.SafeDumper):
    """Writes `!function` as that harness reads it."""


_Dumper.add_representer(_Function, lambda dumper, name: dumper.represent_scalar("!function", str(name)))


class _Plain(yaml.SafeLoader):
    """Reads `!function` back."""

    @classmethod
    def read(cls, text: str) -> dict[str, Any]:
        found: dict[str, Any] = yaml.load(text, cls)
        return found


_Plain.add_constructor("!function", lambda loader, node: _Function(node.value))


def _yaml(value: Any) -> str:
    return yaml.dump(value, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=120)


def _sheet(config: Config) -> str:
    """The task of one config. `until` is always given: that harness would cut at a blank line."""
    return _yaml({
        "task": f"lcgen_{config.name}",
        "custom_dataset": _Function("lcgen_rows.load"),
        "dataset_kwargs": {"config": config.name},
        "test_split": "test",
        "output_type": "generate_until",
        "doc_to_text": "input",
        "doc_to_target": "answer",
        "gen_prefix": "gen_prefix",
        "process_results": _Function("lcgen_rows.process"),
        "metric_list": [{"metric": "score", "aggregation": "mean", "higher_is_better": True}],
        "generation_kwargs": {"until": list(config.stop), "do_sample": False, "temperature": 0.0, "max_gen_toks": config.max_new_tokens},
        "metadata": {"version": 1.0, "max_length": config.max_length, "split": config.split},
    })  # fmt: skip


def _group(name: str, members: Sequence[str]) -> dict[str, Any]:
    return {
        "group": f"lcgen_{name}",
        "task": [f"lcgen_{member}" for member in members],
        "aggregate_metric_list": [{"metric": "score", "aggregation": "mean", "weight_by_size": False}],
        "metadata": {"version": 1.0},
    }


def _groups(name: str, texts: Sequence[Maker]) -> dict[str, list[str]]:
    """Name of a group -> configs: one for each part; of several parts also `all`, and one for each length."""
    groups = {maker.part.name: list(maker.part.configs) for maker in texts}
    if len(groups) > 1:
        every = f"{name}_all"
        groups[every] = [config for members in [*groups.values()] for config in members]
        for maker in texts:
            for length in maker.part.lengths:
                groups.setdefault(f"{every}_{length.config}", []).append(maker.part.config(length))
    return groups


# ---- Inspect, by way of the Hub


def _hub(made: Mapping[str, Any], configs: Sequence[Config]) -> dict[str, Any]:
    """`eval.yaml`: tasks whose rows have one answer. A list would become one text there, which nobody can match."""
    return {
        "name": made["name"],
        "description": "Long-context rows with proven answers, made by lcgen; includes() looks for the one answer of a row. "
        "inspect_tasks.py judges by each task's own score, and has all configs.",
        "evaluation_framework": "inspect-ai",
        "tasks": [
            {
                "id": config.name,
                "config": config.name,
                "split": config.split,
                "field_spec": {"input": "input", "target": "answer", "metadata": ["id", "task", "target", "depth"]},
                "solvers": [{"name": "generate", "args": {}}],
                "scorers": [{"name": "includes", "args": {}}],
            }
            for config in configs
            if config.single
        ],
    }
