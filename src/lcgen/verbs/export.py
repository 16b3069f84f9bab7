"""`lcgen export`: rows in the formats of other harnesses."""

from __future__ import annotations

import json
from pathlib import Path

import click

import lcgen
from lcgen.errors import many
from lcgen.verbs.options import Grouped, json_option, option

FORMATS = ("jsonl", "ruler", "nemo-skills", "helmet", "kvpress", "evals", "vllm", "sglang", "batch", "turns")
"""Named here too, since help must not load what writes them; a test holds both lists equal."""


@click.command(cls=Grouped)
@click.argument("folder", type=click.Path(path_type=Path), metavar="DIR")
@option("What is written", "--to", required=True, type=click.Choice(FORMATS), help="The format.")
@option("What is written", "--config", "configs", multiple=True, metavar="NAME", help="Only this config.", otherwise="all")
@option("What is written", "--prompts-only", is_flag=True, help="Leave the answers out.")
@option(
    "What is written",
    "--history",
    type=click.Choice(["none", "gold"]),
    default="none",
    help="Rows that share a context: ask each behind the others and their right answers (batch, turns).",
)
@option("Batch requests", "--model", default="MODEL", metavar="NAME", help="The model that is asked.")
@option(
    "Batch requests",
    "--endpoint",
    type=click.Choice(["chat", "completions"]),
    default="chat",
    help="Where requests go.",
)
@option(
    "Batch requests",
    "--temperature",
    type=click.FloatRange(0),
    default=0.0,
    metavar="T",
    help="Of the sampling.",
)
@option("Batch requests", "--size", type=click.IntRange(1), default=190, metavar="MIB", help="Most MiB of a file.")
@option("Where it goes", "--out", type=click.Path(path_type=Path), metavar="DIR", help="The folder.", otherwise="./DIR_FORMAT")
@option("Where it goes", "--force", is_flag=True, help="Replace an older export.")
@json_option()
def export(folder: Path, to: str, as_json: bool, **options: object) -> None:
    """Write rows in formats of other harnesses.

    lm-evaluation-harness, Inspect, lighteval and OpenCompass need no export: their files lie in the folder.
    """
    found = lcgen.export(folder, to, **options)  # type: ignore[arg-type]
    for note in found.notes:
        click.echo(f"Note: {note}", err=True)
    if as_json:
        click.echo(json.dumps({"folder": str(found.folder), "files": found.files, "notes": found.notes}))
        return
    for name, rows in found.files.items():
        click.echo(f"{found.folder / name}" + (f": {many(rows, 'row')}" if rows else ""))
