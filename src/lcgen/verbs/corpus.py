"""`lcgen corpus`: texts of one's own."""

from __future__ import annotations

import dataclasses
import json

import click

from lcgen.errors import many
from lcgen.verbs.options import Grouped, json_option, option
from lcgen.verbs.terminal import size


@click.group()
def corpus() -> None:
    """Texts of your own as haystacks."""


@corpus.command("add", cls=Grouped)
@click.argument("name")
@click.argument("source")
@option("What the text is", "--lang", default="en", metavar="CODE", help="Language, which decides how sentences end.")
@json_option()
def corpus_add(name: str, source: str, lang: str, as_json: bool) -> None:
    """Give a text a name.

    SOURCE is a file, a folder, file.jsonl:column, or hf:DATASET[:column].
    """
    from lcgen import corpus as corpora
    from lcgen.store import from_corpus

    corpora.found(source)
    store = from_corpus(source, lang)
    record = corpora.add(name, source, lang)
    count, total = len(store), int(store.borders[-1])
    if as_json:
        click.echo(json.dumps({**dataclasses.asdict(record), "units": count, "bytes": total}, ensure_ascii=False))
        return
    click.echo(f"{record.name}: {many(count, 'unit')}, {size(total)}. Use it: --haystack {record.name}")


BUILT_IN = {"prose": "generated prose", "noise": "one repeated passage", "records": "the task's own look-alike filler"}


@corpus.command("list", cls=Grouped)
@json_option()
def corpus_list(as_json: bool) -> None:
    """List the built-in haystacks and the named texts."""
    from lcgen import corpus as corpora

    if as_json:
        named = [dataclasses.asdict(record) for record in corpora.names()]
        click.echo(json.dumps({"built_in": BUILT_IN, "named": named}, ensure_ascii=False))
        return
    for name, said in BUILT_IN.items():
        click.echo(f"{name:<9} {said}")
    for record in corpora.names():
        click.echo(f"{record.name:<9} {record.source} ({record.lang})")


@corpus.command("remove", cls=Grouped)
@click.argument("name")
@json_option()
def corpus_remove(name: str, as_json: bool) -> None:
    """Forget a named text; the text itself stays."""
    from lcgen import corpus as corpora

    corpora.remove(name)
    click.echo(json.dumps({"removed": name}) if as_json else f"{name} is forgotten.")


@corpus.command("stats", cls=Grouped)
@click.argument("name", default="prose")
@option("What the text is", "--lang", default="en", metavar="CODE", help="Language.")
@json_option()
def corpus_stats(name: str, lang: str, as_json: bool) -> None:
    """Figures of a text, and ten paragraphs of it to read."""
    from lcgen.verbs.figures import stats

    found = stats(name, lang)
    click.echo(json.dumps(found, ensure_ascii=False) if as_json else found["text"])
