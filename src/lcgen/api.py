"""The verbs as Python calls. The command line is a thin skin over these."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from lcgen import ranges, wanted
from lcgen.errors import LcgenError
from lcgen.progress import Progress
from lcgen.wanted import Options

if TYPE_CHECKING:
    from typing_extensions import Unpack

    from lcgen.builders.build import Report
    from lcgen.builders.exports import Exported
    from lcgen.builders.forecast import Line
    from lcgen.builders.push import Pushed
    from lcgen.builders.reading import Verified
    from lcgen.builders.refresh import Refreshed
    from lcgen.checking.findings import Findings
    from lcgen.reporting import Page
    from lcgen.scoreboard import Scores
    from lcgen.scoring import Missing

Answers = str | Path | Mapping[str, str | Sequence[str]]
"""Responses: a file or folder of a run, `-` for standard input, or a mapping from id to response."""


def generate(tasks: str | Sequence[str], **options: Unpack[Options]) -> Iterator[dict[str, Any]]:
    """The rows of a build, one after another, nothing written; options as `lcgen.wanted.Options` lists them. Raises LcgenError."""
    from lcgen.builders.build import generate as rows

    return rows(wanted.spec(tasks, **options))


def build(
    tasks: str | Sequence[str] = (),
    out: str | Path | None = None,
    *,
    force: bool = False,
    progress: Progress | None = None,
    jobs: int = 1,
    shard: str | None = None,
    executor: Literal["local", "ray"] = "local",
    suite: str | None = None,
    **options: Unpack[Options],
) -> Report:
    """Builds the folder or fsspec URL `out` (default `./<name>`); tasks and options as for `lcgen.wanted.suite`.

    `jobs` processes make it, of all of it or of one `shard` (`i/n`, i from 0; `lcgen.finish` joins them), here or on the Ray
    cluster that RAY_ADDRESS names. `progress` is called with the tokens planned in all and the tokens just written.

    Raises LcgenError for what cannot be, CheckFailed for a row that does not hold. Nothing half-made is left; what is
    finished stays, and the same call goes on from there.
    """
    from lcgen.builders.build import build as make

    part = ranges.fraction(shard, "--shard") if shard is not None else None
    if executor == "ray" and jobs != 1:
        raise LcgenError(
            "--jobs is of this machine; how many files a Ray cluster makes at once is its own affair. Leave --jobs out."
        )
    made = wanted.suite(tasks, suite=suite, **options)
    if out is None and len(made.builds) == 1 and len({part.task for part in made.parts}) > 1:
        raise LcgenError("Several tasks in one build need a folder: name it with --out.")
    return make(made, out, force, progress, workers(jobs), part, executor)


def plan(tasks: str | Sequence[str] = (), *, suite: str | None = None, **options: Unpack[Options]) -> list[Line]:
    """What a build would hold, cost and tell, config by config and in all; nothing is written. Options as for `suite`."""
    from lcgen.builders.forecast import forecast

    return forecast(wanted.suite(tasks, suite=suite, **options))


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
    progress: Progress | None = None,
    jobs: int = 1,
) -> Verified:
    """Reads a built folder again, in `jobs` processes, and holds it to everything that it promises. Raises LcgenError where it is no build."""
    from lcgen.builders.recheck import recheck

    return recheck(Path(folder), full, tokenizer, progress, workers(jobs))


def score(
    folder: str | Path,
    responses: Answers | Sequence[Answers] = (),
    *,
    by: str | Sequence[str] = "config",
    baseline: Answers | None = None,
    oracle: bool = False,
    missing: Missing = "zero",
    threshold: float | None = None,
    out: str | Path | None = None,
    progress: Progress | None = None,
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
    from lcgen.scoreboard import table
    from lcgen.scoring import modelless
    from lcgen.scoring import score as scored

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
    """Writes the rows of a built folder in another harness's format; `lcgen.builders.formats.FORMATS` names them.

    `size` is the most MiB of a file of batch requests. Raises LcgenError for what cannot be, before the old files go.
    """
    from lcgen.builders.exports import export as write
    from lcgen.builders.formats import Options

    options = Options(prompts_only, model, endpoint, temperature, size * 2**20, history)
    return write(Path(folder), to, None if out is None else Path(out), options, configs, force)


def report(
    folder: str | Path,
    *,
    scores: Answers | Sequence[Answers] = (),
    check: str | Path | None = None,
    out: str | Path | None = None,
    figures: str | Path | None = None,
    progress: Progress | None = None,
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
    trust_remote_code: bool = False,
    progress: Progress | None = None,
) -> Findings:
    """Shows a model each row of a built folder whole, with its evidence alone, and with its evidence replaced.

    `model` is `induction` (the reference model: no weights, no download), a Hub id, a model folder or a GGUF file.
    `candidates` fresh values are drawn for each answer; `limit` rows at most are spread over cells. With `generate`, the
    model also answers, and its task scores that. `trust_remote_code` lets a model run code of its own. `progress` is called for each
    row with 0 and its tokens. Ctrl-C ends it early, with what was found.

    Needs PyTorch (`pip install 'lcgen[check]'`). Raises LcgenError where the folder is no build, or the model cannot be had.
    """
    from lcgen.checking.run import Job, run

    job = Job(Path(folder), model, tokenizer, device, dtype, attention, chunk, candidates, generate, limit, trust_remote_code)
    return run(job, progress)


def push(
    folder: str | Path,
    repository: str,
    *,
    private: bool = False,
    gated: Literal["auto", "manual"] | None = None,
    tag: str | None = None,
    license: str | None = None,
    dry_run: bool = False,
    full: bool = False,
    tokenizer: str | Sequence[str] | None = None,
    progress: Progress | None = None,
) -> Pushed:
    """Publishes a built folder as one commit of the dataset repository `repository` (ORG/NAME), reads it back and tags it.

    `license` is asked for where text or questions are somebody's. `dry_run` only lists what would change, `full` encodes and
    solves every row before. Raises CheckFailed for rows that do not hold, LcgenError for what the Hub refuses; readers see
    the old version or the new one, nothing between.
    """
    from lcgen.builders.push import push as publish

    return publish(
        Path(folder), repository, private=private, gated=gated, tag=tag, license=license, dry_run=dry_run, full=full,
        tokenizer=tokenizer, progress=progress,
    )  # fmt: skip


def refresh(
    suite: str | Path,
    *,
    epoch: str = "month",
    out: str | Path | None = None,
    push: bool = False,
    keep: int | None = None,
    check: int | None = None,
    progress: Progress | None = None,
) -> Refreshed:
    """Builds a new epoch of a suite, whose rows no earlier one has, and with `push` publishes it where its `hub` says.

    `epoch` is `day`, `week`, `month` or a name, `out` the folder of the epochs (default `./<name>_epochs`), `keep` how many
    tags of epochs stay on the Hub. `check` rows are shown to the reference model of `lcgen.check`, whose verdicts stand in the
    change log; where they leak nothing is published. Raises as `lcgen.push` does.
    """
    from lcgen.builders.refresh import refresh as renew

    place = None if out is None else Path(out)
    return renew(str(suite), epoch=epoch, out=place, publish=push, keep=keep, check=check, progress=progress)


def reveal(suite: str | Path, epoch: str, *, held_out: bool = False, out: str | Path | None = None) -> Pushed:
    """Publishes the secret seed of a published epoch, or, with `held_out`, that of the rows which it held out, and their manifest.

    Those rows are built in `out`, the folder of the epochs, where they are not there. Raises LcgenError where LCGEN_SALT, or
    LCGEN_HELD_OUT, is not the secret.
    """
    from lcgen.builders.reveal import reveal as publish

    return publish(str(suite), epoch, held_out=held_out, out=None if out is None else Path(out))
