"""`lcgen report`: a page to look at."""

from __future__ import annotations

import json
from pathlib import Path

import click

import lcgen
from lcgen.errors import many
from lcgen.verbs.options import Grouped, json_option, option
from lcgen.verbs.terminal import progress_bar, size


@click.command(cls=Grouped)
@click.argument("folder", type=click.Path(path_type=Path), metavar="DIR")
@click.argument("more", nargs=-1, type=click.Path(), metavar="")
@option(
    "What is shown",
    "--scores",
    multiple=True,
    type=click.Path(),
    metavar="FILES",
    help="What models answered: files or folders, as `lcgen score` takes them, or what its --out wrote.",
)
@option("What is shown", "--check", type=click.Path(), metavar="FILE", help="What `lcgen check --out` wrote.")
@option("Where it goes", "--out", type=click.Path(), metavar="FILE", help="The page.", otherwise="./DIR_report.html")
@option(
    "Where it goes",
    "--figures",
    type=click.Path(),
    metavar="DIR",
    help="A folder for the figures as SVG and PNG.",
    otherwise="none",
)
@json_option()
def report(
    folder: Path,
    more: tuple[str, ...],
    scores: tuple[str, ...],
    check: str | None,
    out: str | None,
    figures: str | None,
    as_json: bool,
) -> None:
    """Make one HTML page of the figures and rows of a folder.

    The page needs no network and no other file. Several runs may stand behind one --scores: --scores a.jsonl b.jsonl.
    """
    if more and not scores:
        raise click.UsageError(f"Unexpected argument {more[0]!r}. Files of responses or scores stand behind --scores.")
    with progress_bar("reading") as progress:
        made = lcgen.report(folder, scores=[*scores, *more], check=check, out=out, figures=figures, progress=progress)
    for note in made.notes:
        click.echo(f"Note: {note}", err=True)
    if as_json:
        files = [str(path) for path in made.figures]
        click.echo(
            json.dumps({"page": str(made.path), "bytes": made.bytes, "rows": made.rows, "figures": files, "notes": made.notes})
        )
        return
    click.echo(f"{made.path}: {many(made.rows, 'row')}, {size(made.bytes)}; open it in a browser.")
    if made.figures:
        click.echo(f"{len(made.figures) // 2} figures as SVG and PNG in {figures}.")
