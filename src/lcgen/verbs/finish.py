"""What `lcgen build` and `finish` say, before and after; and the verb `finish`."""

from __future__ import annotations

import dataclasses
import json
import os
import shlex
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

import lcgen
from lcgen.errors import many
from lcgen.verbs.options import Grouped, json_option
from lcgen.verbs.terminal import size

if TYPE_CHECKING:
    from lcgen.builders.build import Report
    from lcgen.builders.forecast import Line


@click.command(cls=Grouped)
@click.argument("folder", metavar="DIR")
@json_option()
def finish(folder: str, as_json: bool) -> None:
    """Join the files of shards into a dataset.

    A folder that is finished stays as it is. Where files are missing it says which, and which shards make them. DIR is the folder or URL that the shards of `lcgen build --shard` have written to.
    """
    began = time.monotonic()
    tell(lcgen.finish(folder), began, as_json, joined=True)


def tell(report: Report, began: float, as_json: bool, shard: str | None = None, joined: bool = False) -> None:
    """Says what was done: the folder, how it was counted, how to load it, what to do next."""
    shown = str(report.folder)
    if isinstance(report.folder, Path):
        shown = os.path.relpath(report.folder)
        shown = shown if shown.startswith(".") or Path(shown).is_absolute() else f"./{shown}"
    if as_json:
        click.echo(json.dumps({**dataclasses.asdict(report), "folder": str(report.folder)}))
        return
    done = "finished already" if joined else "up to date"
    if report.written:
        done = f"{'joined' if joined else 'built'} in {time.monotonic() - began:.1f} s"
    if shard is not None and (report.waits or done != "up to date"):
        waits = f"{many(len(report.waits), 'file')} of other shards still to come" if report.waits else "All files are there"
        click.echo(
            f"{shown}: {many(report.written, 'file')} of shard {shard} {done}; {many(report.rows, 'row')}, {size(report.bytes)}. {waits}."
        )
        click.echo(f"Next: lcgen finish {shlex.quote(shown)}")
        return
    wrapped = f"the chat wrapper {report.wrapper}" if report.wrapper != "none" else "no chat wrapper"
    theirs = "your model" if report.audience == "base" else "your model and its chat template"
    model = "" if report.wrapper != "none" else f"; for {theirs}: --tokenizer ORG/MODEL"
    # The manifest names a local vocabulary without its path, so whoever verifies must say where it is.
    again = "".join(f" --tokenizer {shlex.quote(name)}" for name in report.elsewhere)
    if report.repeat > 0.05:
        click.echo(f"Note: up to {report.repeat:.0%} of a row's text stands earlier in it (column haystack_repeat).", err=True)
    # What was verified was so when the rows were made: a build that finds all there does none of it.
    were = "" if report.written else " when they were made"
    if report.counted:
        click.echo(
            f"{shown}: {many(report.rows, 'row')}, {size(report.bytes)}, {done}; {report.encoded:,} encoded and solved again{were}."
        )
        click.echo(f"Counted in {report.tokenizer} with {wrapped}, {report.reserve} tokens in reserve{model}.")
    else:
        click.echo(
            f"{shown}: {many(report.rows, 'row')} of numbers, {size(report.bytes)}, {done}; {report.solved:,} solved again{were}."
        )
    if not isinstance(report.folder, Path):
        click.echo(f"Next: copy it to a folder, or to the Hub; there lcgen verify{again} reads it again.")
        return
    config = next(iter(report.configs))
    click.echo(f'Load: datasets.load_dataset({json.dumps(shown, ensure_ascii=False)}, "{config}", split="{report.split}")')
    click.echo(f"Next: lcgen verify {shlex.quote(shown)}{again}   or   lcgen tasks {report.task}")


HEADS = ("config", "rows", "files", "input tokens", "output tokens", "size", "time", "95 %")


def show(lines: Sequence[Line], jobs: int, as_json: bool) -> None:
    """Prints what would be built, a line for each config, and what the figures mean."""
    if as_json:
        click.echo(json.dumps([dataclasses.asdict(line) for line in lines]))
        return
    table = [
        (
            line.config, f"{line.rows:,}", f"{line.files:,}", f"{line.input_tokens:,}", f"{line.output_tokens:,}", size(line.bytes),
            _span(line.seconds / min(jobs, line.files)), "" if line.half_interval is None else f"±{line.half_interval:.1%}",
        )
        for line in lines
    ]  # fmt: skip
    widths = [max(map(len, column)) for column in zip(HEADS, *table)]
    for row in (HEADS, *table):
        click.echo(
            "  ".join(
                text.ljust(width) if not place else text.rjust(width) for place, (text, width) in enumerate(zip(row, widths))
            )
        )
    click.echo(
        f"Tokens of one run of one model, output at most. Size and time are estimates ({jobs} process{'es' if jobs > 1 else ''}). 95 %: "
        "half of the interval of a score, where it is widest. Nothing was written."
    )


def _span(seconds: float) -> str:
    """A time as a person reads it."""
    if seconds < 90:
        return f"{seconds:.0f} s" if seconds >= 1 else "<1 s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"
