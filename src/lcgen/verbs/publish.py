"""`lcgen push`: a folder goes to the Hub."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click

from lcgen.errors import many
from lcgen.verbs.options import Grouped, json_option, option
from lcgen.verbs.terminal import progress_bar


@click.command(cls=Grouped)
@click.argument("folder", type=click.Path(path_type=Path), metavar="DIR")
@click.argument("repository", metavar="ORG/NAME")
@option("What is made", "--private", is_flag=True, help="Create the repository for you and your organisation alone.")
@option(
    "What is made",
    "--gated",
    type=click.Choice(["auto", "manual"]),
    help="Readers must ask: let in at once, or one by one.",
)
@option("What is made", "--tag", metavar="NAME", help="Name of the version.", otherwise="v- and a hash of the manifest")
@option("What is made", "--license", metavar="ID", help="Asked for where text or questions are somebody's.")
@option("How it is done", "--dry-run", is_flag=True, help="Verify, and only list what would change.")
@option("How it is done", "--full", is_flag=True, help="Encode and solve every row before, not 5 %.")
@option(
    "How it is done", "--tokenizer", multiple=True, metavar="NAME", help="Where to find a vocabulary that the manifest names."
)
@json_option()
def push(folder: Path, repository: str, as_json: bool, **options: Any) -> None:
    """Publish a folder on the Hub.

    It is verified, sent as one commit, read back and tagged.

    The token is that of `hf auth login` or HF_TOKEN. The same folder again changes nothing.
    """
    import lcgen
    from lcgen.builders import manifest

    with progress_bar("pushing") as progress:
        found = lcgen.push(folder, repository, progress=progress, **options)
    if as_json:
        click.echo(json.dumps(found.__dict__))
        return
    if options["dry_run"]:
        click.echo(f"{'Would create' if found.created else 'Would change'} {found.page}, tag {found.tag}:")
    for sign, paths in (("+", found.added), ("~", found.changed), ("-", found.deleted)) if options["dry_run"] else ():
        for path in paths:
            click.echo(f"{sign} {path}")
    if options["dry_run"]:
        return
    if not found.done:
        click.echo(f"{found.page}: up to date; {found.tag} is {str(found.commit)[:8]}.")
        return
    click.echo(
        f"{found.page}: {many(len(found.added), 'file')} new, {len(found.changed)} changed, {len(found.deleted)} gone; read back and tagged {found.tag}."
    )
    config, part = next(iter(manifest.parts_of(manifest.of(folder)).items()))
    click.echo(f'Load: datasets.load_dataset("{repository}", "{config}", split="{part["split"]}", revision="{found.tag}")')
