"""`lcgen check`: whether rows can be solved from their evidence, and cannot be guessed without it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click

import lcgen
from lcgen.errors import LcgenError
from lcgen.verbs.options import Grouped, json_option, option
from lcgen.verbs.terminal import STOPPED, progress_bar


@click.command(cls=Grouped)
@click.argument("folder", type=click.Path(path_type=Path), metavar="DIR")
@option(
    "What judges",
    "--model",
    default="induction",
    metavar="NAME",
    help="The reference model (induction, nothing to download), a Hub id, a model folder, or a .gguf file.",
)
@option("What judges", "--generate", is_flag=True, help="Also let the model answer, and score its answers.")
@option("What judges", "--tokenizer", metavar="NAME", help="Vocabulary of the reference model.", otherwise="the build's")
@option("What judges", "--trust-remote-code", is_flag=True, help="Run code that a model brings along.")
@option(
    "What is checked",
    "--limit",
    type=int,
    metavar="N",
    help="Rows at most, spread evenly over cells; below the number of cells, some get none, which is said.",
    otherwise="all",
)
@option(
    "What is checked",
    "--candidates",
    type=int,
    default=19,
    metavar="N",
    help="Fresh values that a right answer is told from.",
)
@option(
    "How it runs",
    "--device",
    default="auto",
    metavar="NAMES",
    help="auto, cpu, cuda, or several that share the rows: cuda:0,cuda:1.",
)
@option(
    "How it runs",
    "--dtype",
    type=click.Choice(["auto", "float32", "bfloat16", "float16"]),
    default="auto",
    help="With auto: bfloat16 on CUDA where it can be, float32 on a CPU.",
)
@option(
    "How it runs",
    "--attention",
    type=click.Choice(["auto", "sdpa", "flash_attention_2", "eager"]),
    default="auto",
    help="Which attention the model runs with.",
)
@option(
    "How it runs",
    "--chunk",
    type=int,
    default=0,
    metavar="N",
    help="Tokens of a prompt read at once; halved where memory ends.",
    otherwise="2048; CUDA 8192",
)
@option(
    "Where it goes",
    "--out",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE",
    help="Everything as JSON, rows included: what `lcgen report --check` reads.",
)
@json_option("Everything as JSON on the terminal.")
def check(folder: Path, out: Path | None, as_json: bool, **options: Any) -> None:
    """Show a model rows with and without their evidence.

    Each row is shown whole, with its evidence alone, and with its evidence replaced.

    \b
    sound                solved, and not guessed without the evidence
    leaking              guessed without the evidence
    broken               not solved from the evidence alone, or at odds with it
    beyond this model    not solved, which says nothing of the rows

    Rows at odds with their own evidence are listed, whatever the model says. The reference model knows a leaked value by its letters and
    digits, all or all but one: what is leaked in other words takes a --model.

    Exit code 1 where anything is leaking or broken.
    """
    if out is not None and (out.is_dir() or not out.parent.is_dir()):
        raise LcgenError(f"Cannot write {out}: it is {'a' if out.is_dir() else 'in no'} folder. Choose another --out.")
    with progress_bar("checking") as progress:
        found = lcgen.check(folder, progress=progress, **options)
    said = json.dumps(found.plain(), ensure_ascii=False)
    if out is not None:
        part = out.with_name(f"{out.name}.part")
        try:
            part.write_text(said + "\n", encoding="utf-8")
            part.replace(out)
        except OSError as error:
            raise LcgenError(f"Cannot write {out}: {error.strerror or error}. Choose another --out.") from error
    for note in found.notes:
        click.echo(f"Note: {note}", err=True)
    head, _, body = found.text().partition("\n")
    click.echo(said if as_json else f"{click.style(head, bold=True)}\n{body}")
    if found.stopped:
        raise SystemExit(STOPPED)
    if found.faults:
        raise SystemExit(1)
