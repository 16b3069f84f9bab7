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
from lcgen.options import Grouped, option, rows_options, scalars
from lcgen.verbs.terminal import progress_bar, size


@click.command(cls=Grouped)
@click.argument("tasks", nargs=-1, required=True, metavar="TASK...")
@rows_options
@option("Where it goes", "--out", type=click.Path(), metavar="DIR", help="The folder.  [./NAME]")
@option("Where it goes", "--name", metavar="NAME", help="Name of the build and its configs.  [the task]")
@option(
    "Where it goes",
    "--format",
    type=click.Choice(["parquet", "jsonl"]),
    default="parquet",
    show_default=True,
    help="Format of the data files.",
)
@option("Where it goes", "--force", is_flag=True, help="Replace another build in the folder.")
@option(
    "How it is done",
    "--verify",
    type=click.Choice(["none", "auto", "full"]),
    default="auto",
    show_default=True,
    help="Encode and solve again: nothing, the first row of each config and 5 %, or every row.",
)
@option("How it is done", "--json", "as_json", is_flag=True, help="Report as JSON.")  # fmt: skip
def build(
    tasks: tuple[str, ...], out: str | None, force: bool, as_json: bool, template_args: tuple[str, ...], **options: Any
) -> None:
    """Build a dataset folder of one task or several.

    `lcgen tasks` lists them. The same command again says "up to date"; more lengths or samples extend the folder.
    """
    began = time.monotonic()
    with progress_bar("building") as progress:
        report = lcgen.build(tasks, out, force=force, progress=progress, chat_template_args=scalars(template_args), **options)
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
    again = (
        ""
        if report.tokenizer == options["tokenizer"] or not report.counted
        else f" --tokenizer {shlex.quote(options['tokenizer'])}"
    )
    if report.repeat > 0.05:
        click.echo(f"Note: up to {report.repeat:.0%} of a row's text stands earlier in it (column haystack_repeat).", err=True)
    if report.counted:
        click.echo(f"{shown}: {report.rows:,} rows, {size(report.bytes)}, {done}; {report.encoded:,} encoded and solved again.")
        click.echo(f"Counted in {report.tokenizer} with {wrapped}, {report.reserve} tokens in reserve{model}.")
    else:
        click.echo(f"{shown}: {report.rows:,} rows of numbers, {size(report.bytes)}, {done}; {report.solved:,} solved again.")
    click.echo(f'Load: datasets.load_dataset({json.dumps(shown, ensure_ascii=False)}, "{config}", split="{report.split}")')
    click.echo(f"Next: lcgen verify {shlex.quote(shown)}{again}   or   lcgen tasks {tasks[0]}")
