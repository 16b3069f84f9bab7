"""The command line: each verb is one call of the Python API."""

from __future__ import annotations

import json
import os
import shlex
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click

import lcgen
from lcgen.api import spec
from lcgen.errors import LcgenError
from lcgen.options import Grouped, option, rows_options, scalars

STOPPED = 130
"""Exit code after Ctrl-C, as shells have it."""


class Failure(click.ClickException):
    """An LcgenError on its way to the terminal."""

    def __init__(self, error: LcgenError) -> None:
        super().__init__(str(error))
        self.exit_code = error.exit_code  # type: ignore[misc]  # click declares it for the class and reads it from the instance


class Verbs(click.Group):
    """A group whose verbs never end in a traceback."""

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except LcgenError as error:
            raise Failure(error) from error
        except KeyboardInterrupt:
            click.echo("\nStopped. Nothing half-made was left; the same command starts again.", err=True)
            ctx.exit(STOPPED)
        except (click.ClickException, click.exceptions.Exit, click.Abort, BrokenPipeError):
            raise
        except Exception as error:
            if os.environ.get("LCGEN_DEBUG"):
                raise
            raise click.ClickException(
                f"lcgen met something that it did not expect ({type(error).__name__}: {error}). Set LCGEN_DEBUG=1 to see where, and report it."
            ) from error


@contextmanager
def _progress(what: str) -> Iterator[Callable[[int, int], Any]]:
    """A bar of tokens on a terminal, nothing elsewhere; it learns the tokens planned with the first row."""
    if not sys.stderr.isatty():
        yield lambda planned, tokens: None
        return
    from tqdm import tqdm

    with tqdm(desc=what, unit="tok", unit_scale=True, leave=False) as bar:

        def tick(planned: int, tokens: int) -> None:
            bar.total = planned or None
            bar.update(tokens)

        yield tick


def run() -> None:
    """The entry point: Ctrl-C at any moment ends with its exit code, never with a traceback."""
    try:
        main(prog_name="lcgen")
    except KeyboardInterrupt:
        sys.exit(STOPPED)


@click.group(cls=Verbs, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.version_option(lcgen.__version__, prog_name="lcgen")
def main() -> None:
    """Makes long-context test data: rows of exactly the asked number of tokens, with proven answers and known evidence.

    \b
      lcgen build needle --lengths 4k..1m     a dataset folder that load_dataset reads
      lcgen show needle --lengths 4k          one row on the terminal
      lcgen tasks needle                      parameters and presets
      lcgen score ./needle answers.jsonl      what a model answered, scored
    """


@main.command(cls=Grouped)
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
    with _progress("building") as progress:
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
        click.echo(f"{shown}: {report.rows:,} rows, {_size(report.bytes)}, {done}; {report.encoded:,} encoded and solved again.")
        click.echo(f"Counted in {report.tokenizer} with {wrapped}, {report.reserve} tokens in reserve{model}.")
    else:
        click.echo(f"{shown}: {report.rows:,} rows of numbers, {_size(report.bytes)}, {done}; {report.solved:,} solved again.")
    click.echo(f'Load: datasets.load_dataset({json.dumps(shown, ensure_ascii=False)}, "{config}", split="{report.split}")')
    click.echo(f"Next: lcgen verify {shlex.quote(shown)}{again}   or   lcgen tasks {tasks[0]}")


def _size(count: int) -> str:
    return f"{count / 1e6:.1f} MB" if count >= 1e5 else f"{count / 1e3:.1f} kB"


@main.command(cls=Grouped)
@click.argument("task")
@rows_options
@option("How it is shown", "--index", type=click.IntRange(0), default=0, show_default=True, metavar="I", help="Which sample.")
@option("How it is shown", "--full", is_flag=True, help="The whole prompt, not only what stands around the evidence.")
@option("How it is shown", "--json", "as_json", is_flag=True, help="The row as JSON.")
def show(task: str, index: int, full: bool, as_json: bool, template_args: tuple[str, ...], **options: Any) -> None:
    """Show one row, its evidence marked.

    Without --lengths and --depths: 4k, or the native size, and depth 0.5.
    """
    from lcgen import generators
    from lcgen.show import one, text

    if options["depths"] is None and options["preset"] is None and generators.get(task).depths:
        options["depths"] = "0.5"
    made = spec(task, chat_template_args=scalars(template_args), **options)
    if options["lengths"] is None and not made.parts[0].lengths[0].native:
        made = spec(task, chat_template_args=scalars(template_args), **{**options, "lengths": "4k"})
    row = one(made, index)
    click.echo(json.dumps(row, ensure_ascii=False) if as_json else text(row, full))


@main.command()
@click.argument("task", required=False)
@click.option("--json", "as_json", is_flag=True, help="For machines.")
def tasks(task: str | None, as_json: bool) -> None:
    """List tasks, or the parameters and presets of one."""
    from lcgen.show import described, listed

    found = described(task) if task else listed()
    click.echo(json.dumps(found, ensure_ascii=False) if as_json else found["text"])


@main.command()
@click.argument("folder", type=click.Path(path_type=Path))
@click.option("--full", is_flag=True, help="Encode and solve every row, not 5 %.")
@click.option("--tokenizer", metavar="NAME", help="Where to find the vocabulary, if not under the name in the manifest.")
@click.option("--json", "as_json", is_flag=True, help="Report as JSON.")
def verify(folder: Path, full: bool, tokenizer: str | None, as_json: bool) -> None:
    """Check a built folder again, from hashes to answers."""
    with _progress("verifying") as progress:
        found = lcgen.verify(folder, full=full, tokenizer=tokenizer, progress=progress)
    if as_json:
        click.echo(json.dumps(found.__dict__))
    else:
        for fault in found.faults:
            click.echo(f"- {fault}", err=True)
        state = f"{len(found.faults)} faults" if found.faults else "all hold"
        click.echo(
            f"{folder}: {found.rows:,} rows in {found.files:,} files read, {found.encoded:,} encoded, {found.solved:,} solved; {state}."
        )
    if found.faults:
        raise SystemExit(1)


@main.command(cls=Grouped)
@click.argument("folder", type=click.Path(path_type=Path), metavar="DIR")
@click.argument("responses", nargs=-1, metavar="[RESPONSES]...")
@option(
    "What is compared",
    "--by",
    multiple=True,
    metavar="FIELD",
    help="Fields that make the lines: a column of the rows, params.NAME, metadata.NAME, turn.  [config]",
)
@option("What is compared", "--baseline", metavar="FILE", help="Responses that every other run is compared with, row by row.")
@option(
    "What is compared", "--oracle", is_flag=True, help="Also what needs no model: the right answers, and the task's shortcuts."
)
@option("What is compared", "--metric", metavar="NAME", help="The one figure to show.  [score; of a single run all]")
@option(
    "What is compared",
    "--missing",
    type=click.Choice(["zero", "skip", "error"]),
    default="zero",
    show_default=True,
    help="Rows without a response: count as empty answers, are left out, or are an error.",
)
@option("Where it goes", "--out", metavar="FILE", help="Scores of single rows, a line of JSON each.")
@option("Where it goes", "--json", "as_json", is_flag=True, help="The table as JSON.")
def score(
    folder: Path, responses: tuple[str, ...], by: tuple[str, ...], metric: str | None, as_json: bool, **options: Any
) -> None:
    """Score what models answered to the rows of a built folder.

    RESPONSES are files of JSON lines with `id` and `response` (a list of strings for several samples), one file for each
    run; `-` is standard input.
    """
    with _progress("scoring") as progress:
        found = lcgen.score(folder, responses, by=",".join(by) or "config", progress=progress, **options)
    shown = json.dumps(found.plain(), ensure_ascii=False) if as_json else found.text(metric)
    for note in found.notes:
        click.echo(f"Note: {note}", err=True)
    head, _, body = shown.partition("\n")
    click.echo(shown if as_json else f"{click.style(head, bold=True)}\n{body}")


@main.group()
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

    store = from_corpus(source, lang)
    record = corpora.add(name, source, lang)
    click.echo(f"{record.name}: {len(store):,} units, {_size(int(store.borders[-1]))}. Use it: --haystack {record.name}")


@corpus.command("list")
def corpus_list() -> None:
    """List the built-in haystacks and the named texts."""
    from lcgen import corpus as corpora

    click.echo(
        "prose     generated prose (en, zh)\nnoise     one repeated passage (en, zh)\nrecords   the task's own look-alike filler"
    )
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
    from lcgen.show import stats

    found = stats(name, lang)
    click.echo(json.dumps(found, ensure_ascii=False) if as_json else found["text"])


@main.command()
@click.option("--json", "as_json", is_flag=True, help="For machines.")
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
