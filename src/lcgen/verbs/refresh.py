"""`lcgen refresh`, `reveal` and `schedule`: datasets that live on in epochs."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click

from lcgen.errors import many
from lcgen.verbs.options import Grouped, json_option, option
from lcgen.verbs.terminal import progress_bar


@click.command(cls=Grouped)
@click.argument("suite", metavar="SUITE.yaml")
@option("What is made", "--epoch", default="month", metavar="day|week|month|NAME", help="The epoch that it is.")
@option(
    "What is made",
    "--out",
    type=click.Path(path_type=Path),
    metavar="DIR",
    help="Folder of the epochs.",
    otherwise="./NAME_epochs",
)
@option("What is published", "--push", is_flag=True, help="Publish it where the suite's `hub` says.")
@option(
    "What is published",
    "--keep",
    type=int,
    metavar="N",
    help="Remove the tags of all but the newest N epochs.",
    otherwise="keep all",
)
@option(
    "How it is done",
    "--check",
    type=click.IntRange(1),
    metavar="ROWS",
    help="Show ROWS to the reference model; its verdicts stand in the change log.",
)
@json_option()
def refresh(suite: str, as_json: bool, **options: Any) -> None:
    """Build a new epoch of a suite, with fresh rows.

    No earlier epoch has any of them.

    The same epoch again changes nothing. LCGEN_SALT, a secret, makes seeds that nobody can foresee; LCGEN_HELD_OUT, another
    one, a second set of rows that is not published.
    """
    import lcgen

    with progress_bar("building") as progress:
        found = lcgen.refresh(suite, progress=progress, **options)
    if as_json:
        pushed = found.pushed and found.pushed.__dict__
        click.echo(json.dumps({**found.__dict__, "folder": str(found.folder), "pushed": pushed}))
        return
    state = (
        f"{many(found.rows, 'row')}, seed {found.seed}, share {found.share} of all keys and values"
        if found.fresh
        else "up to date"
    )
    click.echo(f"{found.epoch}: {state}.")
    if found.fresh:
        said = ", ".join(f"{count:,} {kind}" for kind, count in found.shared.items())
        click.echo(f"Shared with earlier epochs: {said}.")
    if found.pushed:
        click.echo(f"{found.pushed.page}: read back and tagged {found.pushed.tag}; main is this epoch.")
    if found.forgotten:
        click.echo(f"Tags removed: {', '.join(found.forgotten)}.")


@click.command(cls=Grouped)
@click.argument("suite", metavar="SUITE.yaml")
@click.argument("epoch")
@option("What is published", "--held-out", is_flag=True, help="The seed of the rows that it held out, with their manifest.")
@option(
    "Where it goes",
    "--out",
    type=click.Path(path_type=Path),
    metavar="DIR",
    help="Folder of the epochs.",
    otherwise="./NAME_epochs",
)
@json_option()
def reveal(suite: str, epoch: str, held_out: bool, out: Path | None, as_json: bool) -> None:
    """Publish the secret seed of an epoch.

    Then anybody can build it again.

    LCGEN_SALT, or with --held-out LCGEN_HELD_OUT, must be the secret that it was made with. No tag moves, and other epochs
    stay secret.
    """
    import lcgen

    found = lcgen.reveal(suite, epoch, held_out=held_out, out=out)
    if as_json:
        click.echo(json.dumps(found.__dict__))
        return
    what = f"the seed of {found.tag}{', held out,' if held_out else ''}"
    click.echo(f"{found.page}: {what} is {'published' if found.done else 'public already'}.")


@click.command(cls=Grouped)
@click.argument("suite", metavar="SUITE.yaml")
@option(
    "What is written", "--to", type=click.Choice(["github-actions", "cron", "systemd"]), required=True, help="What is to run it."
)
@option("What is written", "--epoch", type=click.Choice(["day", "week", "month"]), default="month", help="How often.")
@option("What is written", "--keep", type=click.IntRange(1), metavar="N", help="Passed on to `lcgen refresh`.")
@option(
    "Where it goes",
    "--out",
    type=click.Path(path_type=Path),
    default=Path(),
    metavar="DIR",
    help="Where files are written.",
    otherwise="here",
)
@option("Where it goes", "--force", is_flag=True, help="Replace files that say something else.")
@json_option()
def schedule(suite: str, to: Any, epoch: str, keep: int | None, out: Path, force: bool, as_json: bool) -> None:
    """Write the file that refreshes a suite by the calendar."""
    from lcgen.builders.schedule import schedule as made
    from lcgen.builders.schedule import write

    written = write(made(suite, to, epoch, keep), out, force)
    if as_json:
        click.echo(json.dumps({"files": list(map(str, written))}))
        return
    for path in written:
        click.echo(f"{path}")
    click.echo("Read the first lines: they say how to install it and where secrets stand.")
