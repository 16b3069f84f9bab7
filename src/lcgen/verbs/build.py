"""`lcgen build`."""

from __future__ import annotations

import json
import os
import shlex
import time
from pathlib import Path
from typing import Any

import click

import lcgen
from lcgen.errors import LcgenError
from lcgen.options import Grouped, given, of_spec, option, rows_options
from lcgen.verbs.terminal import progress_bar, size


@click.command(cls=Grouped)
@click.argument("tasks", nargs=-1, metavar="TASK...|SUITE.yaml")
@rows_options
@option(
    "What to build", "--suite", metavar="NAME", help="Builds of several tasks that come with lcgen: card, needlebench, ruler."
)
@option("What to build", "--print", "as_yaml", is_flag=True, help="Print the suite's YAML, to start one of your own.")
@option("Where it goes", "--out", type=click.Path(), metavar="DIR", help="The folder.  [./NAME]")
@of_spec("Where it goes", "--name", metavar="NAME", help="Name of the build and its configs.  [the task]")
@of_spec(
    "Where it goes",
    "--format",
    type=click.Choice(["parquet", "jsonl"]),
    default="parquet",
    show_default=True,
    help="Format of the data files.",
)
@option("Where it goes", "--force", is_flag=True, help="Replace another build in the folder.")
@of_spec(
    "How it is done",
    "--verify",
    type=click.Choice(["none", "auto", "full"]),
    default="auto",
    show_default=True,
    help="Encode and solve again: nothing, the first row of each config and 5 %, or every row.",
)
@option("How it is done", "--json", "as_json", is_flag=True, help="Report as JSON.")  # fmt: skip
@click.pass_context
def build(
    ctx: click.Context,
    /,
    tasks: tuple[str, ...],
    suite: str | None,
    as_yaml: bool,
    out: str | None,
    force: bool,
    as_json: bool,
    **_: Any,
) -> None:
    """Build a dataset folder of one task or several, or of a suite.

    `lcgen tasks` lists the tasks. The same command again says "up to date"; more lengths or samples extend the folder.
    """
    from lcgen import generators, suites

    if as_yaml:
        click.echo(suites.source(_named(tasks, suite)), nl=False)
        return
    if not tasks and suite is None:
        raise LcgenError(
            f"Name a task ({', '.join(generators.names())}), a file of a suite, or --suite: {', '.join(suites.names())}."
        )
    began = time.monotonic()
    with progress_bar("building") as progress:
        report = lcgen.build(tasks, out, suite=suite, force=force, progress=progress, **given(ctx))
    shown = os.path.relpath(report.folder)
    shown = shown if shown.startswith(".") or Path(shown).is_absolute() else f"./{shown}"
    if as_json:
        click.echo(json.dumps({**report.__dict__, "folder": str(report.folder)}))
        return
    done = f"built in {time.monotonic() - began:.1f} s" if report.written else "up to date"
    config = next(iter(report.configs))
    wrapped = f"the chat wrapper {report.wrapper}" if report.wrapper != "none" else "no chat wrapper"
    model = "" if report.wrapper != "none" else "; for your model and its chat template: --tokenizer ORG/MODEL"
    # The manifest names a local vocabulary without its path, so whoever verifies must say where it is.
    again = "".join(f" --tokenizer {shlex.quote(name)}" for name in report.elsewhere)
    if report.repeat > 0.05:
        click.echo(f"Note: up to {report.repeat:.0%} of a row's text stands earlier in it (column haystack_repeat).", err=True)
    if report.counted:
        click.echo(f"{shown}: {report.rows:,} rows, {size(report.bytes)}, {done}; {report.encoded:,} encoded and solved again.")
        click.echo(f"Counted in {report.tokenizer} with {wrapped}, {report.reserve} tokens in reserve{model}.")
    else:
        click.echo(f"{shown}: {report.rows:,} rows of numbers, {size(report.bytes)}, {done}; {report.solved:,} solved again.")
    click.echo(f'Load: datasets.load_dataset({json.dumps(shown, ensure_ascii=False)}, "{config}", split="{report.split}")')
    click.echo(f"Next: lcgen verify {shlex.quote(shown)}{again}   or   lcgen tasks {report.task}")


def _named(tasks: tuple[str, ...], suite: str | None) -> str:
    """The one suite that is named. Raises LcgenError where there is none, or more."""
    from lcgen import suites

    named = [*tasks, *([suite] if suite is not None else [])]
    if len(named) != 1:
        raise LcgenError(f"--print takes one suite: a file, or --suite {' or --suite '.join(suites.names())}.")
    return named[0]
