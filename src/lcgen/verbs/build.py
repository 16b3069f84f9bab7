"""`lcgen build`."""

from __future__ import annotations

import time
from typing import Any, Literal

import click

import lcgen
from lcgen.errors import LcgenError
from lcgen.verbs.finish import show, tell
from lcgen.verbs.options import Grouped, given, json_option, of_spec, option, rows_options
from lcgen.verbs.terminal import progress_bar


@click.command(cls=Grouped)
@click.argument("tasks", nargs=-1, metavar="TASK...|SUITE.yaml")
@rows_options()
@option(
    "What to build", "--suite", metavar="NAME", help="Builds of several tasks that come with lcgen: card, needlebench, ruler."
)
@option("What to build", "--print", "as_yaml", is_flag=True, help="Print the suite's YAML, to start one of your own.")
@option(
    "Where it goes", "--out", metavar="DIR", help="The folder, or a URL that fsspec knows: s3://BUCKET/NAME.", otherwise="./NAME"
)
@of_spec("Where it goes", "--name", metavar="NAME", help="Name of the build and its configs.", otherwise="the task")
@of_spec(
    "Where it goes",
    "--format",
    type=click.Choice(["parquet", "jsonl"]),
    default="parquet",
    help="Format of the data files.",
)
@option("Where it goes", "--force", is_flag=True, help="Replace another build in the folder.")
@of_spec(
    "How it is done",
    "--verify",
    type=click.Choice(["none", "auto", "full"]),
    default="auto",
    help="Encode and solve again: nothing, the first row of each config and 5 %, or every row.",
)
@option("How it is done", "--plan", is_flag=True, help="Only say what would be built: rows, tokens, size, time, intervals.")
@option("How it is done", "--jobs", type=int, default=1, metavar="N", help="Processes that make files.")
@option("How it is done", "--shard", metavar="I/N", help="Make every N-th file, from I on (I from 0); then `lcgen finish`.")
@option(
    "How it is done",
    "--executor",
    type=click.Choice(["local", "ray"]),
    default="local",
    help="This machine, or the Ray cluster of RAY_ADDRESS.",
)
@json_option()
@click.pass_context
def build(
    ctx: click.Context,
    /,
    tasks: tuple[str, ...],
    suite: str | None,
    as_yaml: bool,
    out: str | None,
    force: bool,
    plan: bool,
    jobs: int,
    shard: str | None,
    executor: Literal["local", "ray"],
    as_json: bool,
    **_: Any,
) -> None:
    """Build a dataset folder of one task or several, or of a suite.

    `lcgen tasks` lists the tasks. The same command again says "up to date"; more lengths or samples extend the folder.
    The manifest.json of a folder in place of a suite makes its rows again.
    """
    from lcgen import api, generators, suites

    if as_yaml:
        click.echo(suites.source(_named(tasks, suite)), nl=False)
        return
    if not tasks and suite is None:
        raise LcgenError(
            f"Name a task ({', '.join(generators.names())}), a file of a suite, or --suite: {', '.join(suites.names())}."
        )
    if plan:
        if shard is not None:
            raise LcgenError("--plan tells of the whole build. Leave --shard out.")
        api.workers(jobs)
        show(lcgen.plan(tasks, suite=suite, **given(ctx)), jobs, as_json)
        return
    began = time.monotonic()
    with progress_bar("building") as progress:
        report = lcgen.build(
            tasks, out, suite=suite, force=force, progress=progress, jobs=jobs, shard=shard, executor=executor, **given(ctx)
        )
    tell(report, began, as_json, shard)


def _named(tasks: tuple[str, ...], suite: str | None) -> str:
    """The one suite that is named. Raises LcgenError where there is none, or more."""
    from lcgen import suites

    named = [*tasks, *([suite] if suite is not None else [])]
    if len(named) != 1:
        raise LcgenError(f"--print takes one suite: a file, or --suite {' or --suite '.join(suites.names())}.")
    return named[0]
