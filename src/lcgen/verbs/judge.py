"""`lcgen verify` and `score`: whether rows hold, and what models answered."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click

import lcgen
from lcgen.errors import many
from lcgen.verbs.options import Grouped, json_option, option
from lcgen.verbs.terminal import progress_bar


@click.command(cls=Grouped)
@click.argument("folder", type=click.Path(path_type=Path), metavar="DIR")
@option("How it is done", "--full", is_flag=True, help="Encode and solve every row, not 5 %.")
@option(
    "How it is done",
    "--tokenizer",
    multiple=True,
    metavar="NAME",
    help="Where to find a vocabulary, if not under its name in the manifest.",
)
@option("How it is done", "--jobs", type=int, default=1, metavar="N", help="Processes that read files.")
@json_option()
def verify(folder: Path, full: bool, tokenizer: tuple[str, ...], jobs: int, as_json: bool) -> None:
    """Check a built folder again, from hashes to answers."""
    with progress_bar("verifying") as progress:
        found = lcgen.verify(folder, full=full, tokenizer=tokenizer, progress=progress, jobs=jobs)
    if as_json:
        click.echo(json.dumps(found.__dict__))
    else:
        for fault in found.faults:
            click.echo(f"- {fault}", err=True)
        state = many(len(found.faults), "fault") if found.faults else "all hold"
        click.echo(
            f"{folder}: {many(found.rows, 'row')} in {many(found.files, 'file')} read, {found.encoded:,} encoded, {found.solved:,} solved; {state}."
        )
    if found.faults:
        raise SystemExit(1)


@click.command(cls=Grouped)
@click.argument("folder", type=click.Path(path_type=Path), metavar="DIR")
@click.argument("responses", nargs=-1, metavar="[RESPONSES]...")
@option(
    "What is compared",
    "--by",
    multiple=True,
    metavar="FIELD",
    help="Fields that make the lines: a column of the rows, params.NAME, metadata.NAME, turn.",
    otherwise="config",
)
@option("What is compared", "--baseline", metavar="FILES", help="The run that every other is compared with, row by row.")
@option(
    "What is compared", "--oracle", is_flag=True, help="Also what needs no model: the right answers, and the task's shortcuts."
)
@option("What is compared", "--metric", metavar="NAME", help="The one figure to show.", otherwise="score; of a single run all")
@option(
    "What is compared",
    "--missing",
    type=click.Choice(["zero", "skip", "error"]),
    default="zero",
    help="Rows without a response: count as empty answers, are left out, or are an error.",
)
@option(
    "What is compared",
    "--threshold",
    type=click.FloatRange(0, 1),
    metavar="X",
    help="Also the effective length: the longest up to which the mean score is at least X.",
)
@option("Where it goes", "--out", metavar="FILE", help="Scores of single rows, a line of JSON each.")
@json_option("The table as JSON.")
def score(
    folder: Path, responses: tuple[str, ...], by: tuple[str, ...], metric: str | None, as_json: bool, **options: Any
) -> None:
    """Score what models answered to the rows of a built folder.

    RESPONSES are files or folders; `-` is standard input. JSON lines with `id` and `response` (a list of strings for
    several samples), sample logs of lm-evaluation-harness, logs of Inspect (.json, .eval), predictions of RULER, outputs
    of OpenAI batches.

    A folder is one run. Files that answer different rows are one run, too; files that answer the same rows are a run each.
    RUN=FILES names a run and all that belongs to it: gpt=out/gpt, or 'gpt=logs/gpt*.eval'.
    """
    with progress_bar("scoring") as progress:
        found = lcgen.score(folder, responses, by=",".join(by) or "config", progress=progress, **options)
    shown = json.dumps(found.plain(), ensure_ascii=False) if as_json else found.text(metric)
    for note in found.notes:
        click.echo(f"Note: {note}", err=True)
    head, _, body = shown.partition("\n")
    click.echo(shown if as_json else f"{click.style(head, bold=True)}\n{body}")
