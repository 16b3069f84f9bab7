"""The verbs as Python calls. The command line is a thin skin over these."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from lcgen import spec as specs
from lcgen.errors import LcgenError, unknown
from lcgen.spec import Part, Spec, Suite

if TYPE_CHECKING:
    from lcgen.builders.build import Report
    from lcgen.builders.exports import Exported
    from lcgen.builders.forecast import Line
    from lcgen.builders.push import Pushed
    from lcgen.builders.reading import Findings
    from lcgen.builders.refresh import Refreshed
    from lcgen.checking.findings import Findings as Checked
    from lcgen.contract import Preset, Setting, Task
    from lcgen.reporting import Page
    from lcgen.scoring import Missing
    from lcgen.tables import Scores

Source = str | Path | Mapping[str, str | Sequence[str]]
"""Responses: a file or folder of a run, `-` for standard input, or a mapping from id to response."""

DEFAULT_LENGTHS = "4k..32k"


def spec(
    tasks: str | Sequence[str],
    *,
    lengths: str | int | Sequence[int] | None = None,
    depths: str | float | Sequence[float] | None = None,
    samples: int | None = None,
    seed: int | str = 0,
    split: str | None = None,
    tokenizer: str = "o200k_base",
    haystack: str | None = None,
    lang: str = "en",
    preset: str | None = None,
    params: Mapping[str, Any] | Sequence[str] = (),
    template: str | Path | None = None,
    audience: Literal["base", "chat"] = "chat",
    chat_template: str = "auto",
    chat_template_args: Mapping[str, Any] | None = None,
    thinking: int = 0,
    answer_tokens: int | None = None,
    reserve: int | None = None,
    paired: bool = False,
    disjoint_pools: bool = False,
    questions_per_context: int = 1,
    name: str | None = None,
    verify: Literal["none", "auto", "full"] = "auto",
    format: Literal["parquet", "jsonl"] = "parquet",
) -> Spec:
    """What to build, from what a person writes; every argument is the option of `lcgen build` of the same name.

    `params` is a mapping, a list being swept, or `--set` pairs such as `keys=1,2,4`. What is not given comes from the
    preset, then from the defaults. Lengths and depths may be numbers too. Raises LcgenError for anything that cannot be.
    """
    from lcgen import generators

    lengths, depths = _text(lengths), _text(depths)
    names = [generators.get(task).name for task in ([tasks] if isinstance(tasks, str) else tasks)]
    if not names:
        raise LcgenError(f"Name a task: {', '.join(generators.names())}.")
    if len(set(names)) < len(names):
        raise LcgenError("A task is named twice. Build it twice, with a --name for each.")
    if preset is not None and len(names) > 1:
        raise LcgenError("--preset belongs to one task. Build the tasks one by one, or without it.")
    preset = preset.replace("-", "_") if preset is not None else None
    pairs = list(params) if not isinstance(params, Mapping) else [f"{k}={_swept(v)}" for k, v in params.items()]
    parts: list[Part] = []
    for task_name in names:
        task = generators.get(task_name)
        if task.records_only and haystack not in (None, task.haystack):
            raise LcgenError(f"{task.name} is filled with records of its own, not with {haystack}. Leave out --haystack.")
        chosen, variants = _preset(task, preset)
        if task.records_only and haystack not in (None, task.haystack):
            raise LcgenError(f"{task.name} is filled with records of its own, not with {haystack}. Leave out --haystack.")
        own_splits = {setting.split for setting in variants.values() if setting and setting.split}
        if split is not None and own_splits:
            raise LcgenError(f"The preset {preset} has splits of its own ({', '.join(sorted(own_splits))}). Leave out --split.")
        for variant, setting in variants.items():
            if disjoint_pools:
                _shares(task, setting.params if setting else {}, pairs, names)
            own = variant or (preset.partition(":")[0] if preset else "")
            swept = _params(task, {**setting.params} if setting else {}, pairs, names)
            parts.append(
                Part(
                    task=task.name,
                    variant=own,
                    lang=lang,
                    lengths=_lengths(
                        task, swept, lengths, _first(setting and setting.lengths, chosen and chosen.lengths, DEFAULT_LENGTHS)
                    ),
                    depths=_depths(task, _first(depths, setting and setting.depths, chosen and chosen.depths)),
                    samples=_first(samples, setting and setting.samples, chosen and chosen.samples, 1),
                    haystack=_first(haystack, setting and setting.haystack, task.haystack),
                    params=swept,
                    name="_".join(
                        filter(
                            None,
                            (
                                name if name is not None and len(names) == 1 else task.name,
                                own if name is None or len(variants) > 1 else "",
                            ),
                        )
                    ),
                    answer_tokens=_first(answer_tokens, setting and setting.answer_tokens, chosen and chosen.answer_tokens),
                    preset=preset or "",
                    split=_first(split, setting and setting.split, "test"),
                )
            )
    whole = name if name is not None else parts[0].name if len(parts) == 1 else "_".join(filter(None, [parts[0].task, preset]))
    parts = [one for part in parts for one in (part, *_siblings(part))]
    source = None
    if template is not None:
        try:
            source = Path(template).read_text(encoding="utf-8-sig")
        except (OSError, ValueError) as error:
            raise LcgenError(
                f"Cannot read the template {template}: {getattr(error, 'strerror', None) or 'it is no UTF-8 text'}."
            ) from error
    return Spec(
        parts=tuple(parts), name=whole, seed=str(seed), tokenizer=tokenizer, template=source, audience=audience,
        chat_template=chat_template, chat_template_args=dict(chat_template_args or {}), thinking=thinking, reserve=reserve, paired=paired, disjoint=disjoint_pools,
        questions=questions_per_context, verify=verify, format=format,
    )  # fmt: skip


def _shares(task: Task[Any], base: Mapping[str, Any], pairs: Sequence[str], tasks: Sequence[str]) -> None:
    """Raises LcgenError where a task has no keys, values or names that splits could share out."""
    from lcgen.params import parse

    tables = any(task.table(parse(task, params)) for params in _params(task, {**base}, pairs, tasks))
    if not task.shares or tables:
        raise LcgenError(
            f"{task.name} {'with these parameters ' if tables else ''}draws nothing that splits could share out. Leave out --disjoint-pools."
        )


def _siblings(part: Part) -> Iterator[Part]:
    """The configs that the task builds beside this one."""
    from lcgen import generators

    task = generators.get(part.task)
    for name, setting in task.siblings.items():
        sets: list[Mapping[str, Any]] = []
        for params in part.params:
            if (own := {**params, **setting.params}) not in [*sets, *part.params]:
                sets.append(own)
        if sets:
            yield dataclasses.replace(
                part,
                variant="_".join(filter(None, (part.variant, name))),
                lengths=_lengths(task, sets, None, DEFAULT_LENGTHS),
                samples=part.samples * (setting.samples or 1),
                params=tuple(sets),
                name=f"{part.name}_{name}",
                answer_tokens=_first(part.answer_tokens, setting.answer_tokens),
            )


def _first(*values: Any) -> Any:
    """The first value that was given: command line, then preset, then default. An empty text is given, and wrong."""
    return next((value for value in values if value is not None), None)


def _text(value: Any) -> str | None:
    return None if value is None else _swept(value)


def _swept(value: Any) -> str:
    return ",".join(map(str, value)) if isinstance(value, (list, tuple)) else str(value)


def _preset(task: Task[Any], asked: str | None) -> tuple[Preset | None, Mapping[str, Setting | None]]:
    """The preset and its variants asked for: `ruler` is all of them, `ruler:multikey_1` one."""
    if asked is None:
        return None, {"": None}
    stem, _, variant = asked.partition(":")
    if stem not in task.presets:
        raise unknown(f"preset of {task.name}", asked, task.presets)
    preset = task.presets[stem]
    if variant and variant not in preset.settings:
        raise unknown(f"variant of the preset {stem}", variant, preset.settings)
    return preset, {variant: preset.settings[variant]} if variant else preset.settings


def _lengths(task: Task[Any], swept: Sequence[Mapping[str, Any]], asked: str | None, otherwise: str) -> tuple[specs.Length, ...]:
    """The lengths asked for, or the native size that the parameters give."""
    from lcgen.params import parse

    counts = {task.count(parse(task, params)) for params in swept}
    if counts == {None}:
        return _within(task, specs.lengths(otherwise if asked is None else asked))
    if asked is not None:
        raise LcgenError(
            f"The parameters of {task.name} set the size of the context in units, so its tokens are measured and --lengths cannot be "
            "asked for. Leave out --lengths, or the parameter that counts."
        )
    if len(counts) > 1:
        said = ", ".join("none" if count is None else str(count) for count in sorted(counts, key=lambda count: count or 0))
        raise LcgenError(
            f"--set asks for several native sizes ({said}), but a config has one. Build them one by one, each with its --name."
        )
    (count,) = counts
    assert count is not None
    return (specs.Length(count, count, native=True),)


def _within(task: Task[Any], lengths: tuple[specs.Length, ...]) -> tuple[specs.Length, ...]:
    """The lengths, where the task can have them. Raises LcgenError with its range."""
    least, most = task.lengths or (1, specs.MOST_TOKENS)
    for tokens in (number for length in lengths for number in (length.low, length.high)):
        if not least <= tokens <= most:
            raise LcgenError(
                f"{task.name}: {tokens} tokens are too {'short' if tokens < least else 'long'} for this puzzle, whose lengths go from "
                f"{least} to {most}. Ask for --lengths between them."
            )
    return lengths


def _depths(task: Task[Any], asked: str | None) -> tuple[float | None, ...]:
    if not task.depths:
        if asked is not None:
            raise LcgenError(f"{task.name} has no single depth, so --depths cannot be asked for. Leave it out.")
        return (None,)
    return specs.depths(task.grid if asked is None else asked)


def _params(task: Task[Any], base: dict[str, Any], pairs: Sequence[str], tasks: Sequence[str]) -> tuple[Mapping[str, Any], ...]:
    """All parameter sets of a sweep, checked, defaults left out."""
    from lcgen.params import parse, plain, settings

    found: list[Mapping[str, Any]] = []
    sets = {name: value if isinstance(value, tuple) else (value,) for name, value in base.items()}
    for swept in specs.sweep(list({**sets, **dict(settings(pairs, task.name, tasks))}.items())):
        whole, default = plain(parse(task, swept)), plain(task.Params())
        own = {key: value for key, value in whole.items() if value != default[key]}
        if own in found:
            raise LcgenError(f"--set {' '.join(pairs)} gives the same parameters twice, so the same rows. Name each value once.")
        found.append(own)
    return tuple(found)


def generate(tasks: str | Sequence[str], **options: Any) -> Iterator[dict[str, Any]]:
    """The rows of a build, one after another, nothing written; options as for `lcgen.api.spec`. Raises LcgenError."""
    from lcgen.builders.build import generate as rows

    return rows(spec(tasks, **options))


def suite(tasks: str | Sequence[str] = (), *, suite: str | None = None, **options: Any) -> Suite:
    """What one folder is to hold: tasks with options as for `spec`, a file of a suite (`suite.yaml`), or a shipped `suite`.

    Options that are given win over what a suite says. Raises LcgenError for anything that cannot be.
    """
    from lcgen import suites

    named = [tasks] if isinstance(tasks, str) else list(tasks)
    files = [name for name in named if suites.is_file(name)]
    if suite is not None or files:
        if len(named) > len(files) or len(files) + (suite is not None) > 1:
            raise LcgenError("Build tasks, or one suite: a file, or --suite NAME. A suite names its tasks itself.")
        return suites.load(suite if suite is not None else files[0], options)
    made = spec(named, **options)
    return Suite((made,), made.name)


def build(
    tasks: str | Sequence[str] = (),
    out: str | Path | None = None,
    *,
    force: bool = False,
    progress: Callable[[int, int], Any] | None = None,
    jobs: int = 1,
    shard: str | None = None,
    executor: Literal["local", "ray"] = "local",
    **options: Any,
) -> Report:
    """Builds the folder or fsspec URL `out` (default `./<name>`); tasks and options as for `lcgen.api.suite`.

    `jobs` processes make it, of all of it or of one `shard` (`i/n`, i from 0; `lcgen.finish` joins them), here or on the Ray
    cluster that RAY_ADDRESS names. `progress` is called with the tokens planned in all and the tokens just written.

    Raises LcgenError for what cannot be, CheckFailed for a row that does not hold. Nothing half-made is left; what is
    finished stays, and the same call goes on from there.
    """
    from lcgen.builders.build import build as make

    part = specs.shard(shard) if shard is not None else None
    if executor == "ray" and jobs != 1:
        raise LcgenError(
            "--jobs is of this machine; how many files a Ray cluster makes at once is its own affair. Leave --jobs out."
        )
    made = suite(tasks, **options)
    if out is None and len(made.builds) == 1 and len({part.task for part in made.parts}) > 1:
        raise LcgenError("Several tasks in one build need a folder: name it with --out.")
    return make(made, out, force, progress, workers(jobs), part, executor)


def plan(tasks: str | Sequence[str] = (), **options: Any) -> list[Line]:
    """What a build would hold, cost and tell, config by config and in all; nothing is written. Options as for `suite`."""
    from lcgen.builders.forecast import forecast

    return forecast(suite(tasks, **options))


def workers(asked: int) -> int:
    """How many processes are asked for. Raises LcgenError for fewer than one."""
    if asked < 1:
        raise LcgenError(f"--jobs is {asked}, but must be at least 1.")
    return asked


def finish(out: str | Path) -> Report:
    """Joins what shards have made in a folder or at a URL into a dataset with card and manifest.

    Raises CheckFailed where files are missing, and names them and their shards; LcgenError where no build was begun.
    """
    from lcgen.builders.build import finish as join

    return join(out)


def verify(
    folder: str | Path,
    *,
    full: bool = False,
    tokenizer: str | Sequence[str] | None = None,
    progress: Callable[[int, int], Any] | None = None,
    jobs: int = 1,
) -> Findings:
    """Reads a built folder again, in `jobs` processes, and holds it to everything that it promises. Raises LcgenError where it is no build."""
    from lcgen.builders.recheck import recheck

    return recheck(Path(folder), full, tokenizer, progress, workers(jobs))


def score(
    folder: str | Path,
    responses: Source | Sequence[Source] = (),
    *,
    by: str | Sequence[str] = "config",
    baseline: Source | None = None,
    oracle: bool = False,
    missing: Missing = "zero",
    threshold: float | None = None,
    out: str | Path | None = None,
    progress: Callable[[int, int], Any] | None = None,
) -> Scores:
    """Scores what models answered to the rows of a built folder, each row by its own task.

    `responses` are one run or several: mappings, folders, and files, of which those that answer different rows are one run;
    `RUN=FILES` says which belong together (see `lcgen.runs`). `by` names fields of rows: a column, `config`, `turn`, `params.NAME`,
    `metadata.NAME`. With `baseline`, each run is compared with it row by row. `oracle` adds the right answers and the
    task's shortcuts. Rows without a response count as empty answers (`zero`), are left out (`skip`), or stop (`error`).
    `threshold` asks for the effective length: the longest up to which the mean score is at least that.
    `out` takes the scores of single rows as JSON lines. `progress` is called for each row with 0 and its tokens.

    Raises LcgenError for what cannot be read, fits no row or stands twice, CheckFailed for rows that lack.
    """
    from contextlib import ExitStack

    from lcgen.runs import opened
    from lcgen.scoring import modelless
    from lcgen.scoring import score as scored
    from lcgen.tables import table

    runs = [responses] if isinstance(responses, (str, Path, Mapping)) else list(responses)
    if not runs and not oracle:
        raise LcgenError("Name a file of responses, or ask for --oracle, which needs none.")
    with ExitStack() as stack:
        answers = opened(stack, runs, baseline, modelless() if oracle else ())
        found = scored(
            Path(folder), answers, oracle=oracle, missing=missing, out=None if out is None else Path(out), progress=progress
        )
    fields = by.split(",") if isinstance(by, str) else list(by)
    return table(found, fields, answers[-1].name if baseline is not None else None, missing, str(folder), threshold)


def export(
    folder: str | Path,
    to: str,
    out: str | Path | None = None,
    *,
    configs: Sequence[str] = (),
    prompts_only: bool = False,
    history: Literal["none", "gold"] = "none",
    model: str = "MODEL",
    endpoint: Literal["chat", "completions"] = "chat",
    temperature: float = 0.0,
    size: int = 190,
    force: bool = False,
) -> Exported:
    """Writes the rows of a built folder in another harness's format; `lcgen.builders.exports.FORMATS` names them.

    `size` is the most MiB of a file of batch requests. Raises LcgenError for what cannot be, before the old files go.
    """
    from lcgen.builders.exports import Options
    from lcgen.builders.exports import export as write

    options = Options(prompts_only, model, endpoint, temperature, size * 2**20, history)
    return write(Path(folder), to, None if out is None else Path(out), options, configs, force)


def report(
    folder: str | Path,
    *,
    scores: Source | Sequence[Source] = (),
    check: str | Path | None = None,
    out: str | Path | None = None,
    figures: str | Path | None = None,
    progress: Callable[[int, int], Any] | None = None,
) -> Page:
    """Writes one HTML page about a built folder and, with `scores`, about how models did on it; it needs nothing but itself.

    `scores` are files of responses, as for `lcgen.score`, or of scores, as its `out` writes them; `check` is a file that
    `lcgen check --out` wrote. `out` is the page (default `./<folder>_report.html`), `figures` a folder for the figures as
    SVG and PNG. `progress` is called for each row with 0 and its tokens.

    Raises LcgenError for a folder that is no build, for files about other rows, and without matplotlib.
    """
    from lcgen.reporting import make

    files = [scores] if isinstance(scores, (str, Path, Mapping)) else list(scores)
    checked, page, drawn = (None if path is None else Path(path) for path in (check, out, figures))
    return make(Path(folder), files, checked, page, drawn, progress)


def check(
    folder: str | Path,
    *,
    model: str = "induction",
    generate: bool = False,
    tokenizer: str | None = None,
    limit: int | None = None,
    candidates: int = 19,
    device: str = "auto",
    dtype: Literal["auto", "float32", "bfloat16", "float16"] = "auto",
    attention: Literal["auto", "sdpa", "flash_attention_2", "eager"] = "auto",
    chunk: int = 0,
    trust: bool = False,
    progress: Callable[[int, int], Any] | None = None,
) -> Checked:
    """Shows a model each row of a built folder whole, with its evidence alone, and with its evidence replaced.

    `model` is `induction` (the reference model: no weights, no download), a Hub id, a model folder or a GGUF file.
    `candidates` fresh values are drawn for each answer; `limit` rows at most are spread over cells. With `generate`, the
    model also answers, and its task scores that. `trust` lets a model run code of its own. `progress` is called for each
    row with 0 and its tokens. Ctrl-C ends it early, with what was found.

    Needs PyTorch (`pip install 'lcgen[check]'`). Raises LcgenError where the folder is no build, or the model cannot be had.
    """
    from lcgen.checking.run import Job, run

    job = Job(Path(folder), model, tokenizer, device, dtype, attention, chunk, candidates, generate, limit, trust)
    return run(job, progress)


def push(folder: str | Path, repository: str, **options: Any) -> Pushed:
    """Publishes a built folder as one commit of the dataset repository `repository` (ORG/NAME), reads it back and tags it.

    Options: `private`, `gated` (`auto`, `manual`), `tag`, `licence`, `dry_run`, `full`, `tokenizer`, `progress`. Raises CheckFailed for
    rows that do not hold, LcgenError for what the Hub refuses; readers see the old version or the new one, nothing between.
    """
    from lcgen.builders.push import push as publish

    return publish(Path(folder), repository, **options)


def refresh(suite: str | Path, **options: Any) -> Refreshed:
    """Builds a new epoch of a suite, whose rows no earlier one has, and publishes it with `publish`.

    Options: `epoch` (`day`, `week`, `month` or a name), `out`, `publish`, `keep`, `progress`. Raises as `push` does.
    """
    from lcgen.builders.refresh import refresh as renew

    return renew(str(suite), **options)


def reveal(suite: str | Path, epoch: str) -> Pushed:
    """Publishes the secret seed of a published epoch. Raises LcgenError where LCGEN_SALT is not its secret."""
    from lcgen.builders.refresh import reveal as publish

    return publish(str(suite), epoch)
