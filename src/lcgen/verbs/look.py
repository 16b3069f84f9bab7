"""`lcgen show`, `tasks` and `tokenizers`: what can be built, and how a row looks."""

from __future__ import annotations

import json
import os
from typing import Any

import click

from lcgen.verbs.options import Grouped, json_option, option, rows_options, scalars


@click.command(cls=Grouped)
@click.argument("task")
@rows_options(lengths="4k, or the native size", depths="0.5", samples=None)
@option("How it is shown", "--index", type=click.IntRange(0), default=0, metavar="I", help="Which sample.")
@option("How it is shown", "--full", is_flag=True, help="The whole prompt, not only what stands around the evidence.")
@json_option("The row as JSON.")
def show(task: str, index: int, full: bool, as_json: bool, template_args: tuple[str, ...], **options: Any) -> None:
    """Show one row, its evidence marked.

    Of several lengths, depths or values the first is shown.
    """
    from lcgen import generators
    from lcgen.verbs.row import one, text
    from lcgen.wanted import spec

    if options["depths"] is None and options["preset"] is None and generators.get(task).depths:
        options["depths"] = "0.5"
    made = spec(task, chat_template_args=scalars(template_args), **options)
    if options["lengths"] is None and not made.parts[0].lengths[0].native:
        made = spec(task, chat_template_args=scalars(template_args), **{**options, "lengths": "4k"})
    row = one(made, index)
    # click takes colours out where the output is no terminal; whoever wants none on one says so by NO_COLOR.
    plain = False if os.environ.get("NO_COLOR") else None
    click.echo(json.dumps(row, ensure_ascii=False) if as_json else text(row, full), color=plain)


@click.command(cls=Grouped)
@click.argument("task", required=False)
@json_option()
def tasks(task: str | None, as_json: bool) -> None:
    """List tasks, or the parameters and presets of one."""
    from lcgen.verbs.catalogue import described, listed

    found = described(task) if task else listed()
    click.echo(json.dumps(found, ensure_ascii=False) if as_json else found["text"])


@click.command(cls=Grouped)
@json_option()
def tokenizers(as_json: bool) -> None:
    """List the built-in vocabularies, and how others are named."""
    from lcgen import tokens

    found = tokens.listing()
    if as_json:
        click.echo(json.dumps(found))
        return
    width = max(len(entry["name"]) for entry in found)
    for entry in found:
        click.echo(f"{entry['name']:<{width}}  {entry['vocabulary']:>7,}  {entry['family']:<13}  {entry['reference']}")
    click.echo("Others: ORG/MODEL or hf:ORG/MODEL, a path to tokenizer.json, a model folder, tiktoken:NAME.")
