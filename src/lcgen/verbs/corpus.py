"""`lcgen corpus`: texts of one's own."""

from __future__ import annotations

import json

import click

from lcgen.verbs.terminal import size


@click.group()
def corpus() -> None:
    """Texts of your own as haystacks."""


@corpus.command("add")
@click.argument("name")
@click.argument("source")
@click.option("--lang", default="en", show_default=True, metavar="CODE", help="Language, which decides how sentences end.")
def corpus_add(name: str, source: str, lang: str) -> None:
    """Give a text a name.

    SOURCE is a file, a folder, file.jsonl:column, or hf:DATASET[:column].
    """
    from lcgen import corpus as corpora
    from lcgen.store import from_corpus

    corpora.found(source)
    store = from_corpus(source, lang)
    record = corpora.add(name, source, lang)
    click.echo(f"{record.name}: {len(store):,} units, {size(int(store.borders[-1]))}. Use it: --haystack {record.name}")


@corpus.command("list")
def corpus_list() -> None:
    """List the built-in haystacks and the named texts."""
    from lcgen import corpus as corpora

    click.echo("prose     generated prose\nnoise     one repeated passage\nrecords   the task's own look-alike filler")
    for record in corpora.names():
        click.echo(f"{record.name:<9} {record.source} ({record.lang})")


@corpus.command("remove")
@click.argument("name")
def corpus_remove(name: str) -> None:
    """Forget a named text; the text itself stays."""
    from lcgen import corpus as corpora

    corpora.remove(name)
    click.echo(f"{name} is forgotten.")


@corpus.command("stats")
@click.argument("name", default="prose")
@click.option("--lang", default="en", show_default=True, metavar="CODE", help="Language.")
@click.option("--json", "as_json", is_flag=True, help="For machines.")
def corpus_stats(name: str, lang: str, as_json: bool) -> None:
    """Figures of a text, and ten paragraphs of it to read."""
    from lcgen.verbs.figures import stats

    found = stats(name, lang)
    click.echo(json.dumps(found, ensure_ascii=False) if as_json else found["text"])
