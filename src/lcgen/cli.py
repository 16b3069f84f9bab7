"""The command line: each verb is one call of the Python API."""

from __future__ import annotations

import gc
import os
import sys
from typing import Any

import click

import lcgen
from lcgen.errors import LcgenError
from lcgen.verbs import build, check, corpus, export, finish, judge, look, page, publish, refresh
from lcgen.verbs.terminal import STOPPED


class Failure(click.ClickException):
    """An LcgenError on its way to the terminal."""

    def __init__(self, error: LcgenError) -> None:
        super().__init__(str(error))
        self.exit_code = error.exit_code  # type: ignore[misc]  # click declares it for the class and reads it from the instance


class Verbs(click.Group):
    """A group whose verbs never end in a traceback."""

    def invoke(self, ctx: click.Context) -> Any:
        from lcgen.verbs.told import told

        try:
            with told():
                return super().invoke(ctx)
        except LcgenError as error:
            raise Failure(error) from error
        except KeyboardInterrupt:
            click.echo("\nStopped. Nothing half-made was left; the same command goes on.", err=True)
            ctx.exit(STOPPED)
        except (click.ClickException, click.exceptions.Exit, click.Abort, BrokenPipeError):
            raise
        except Exception as error:
            if os.environ.get("LCGEN_DEBUG"):
                raise
            raise click.ClickException(
                f"lcgen met something that it did not expect ({type(error).__name__}: {error}). Set LCGEN_DEBUG=1 to see where, and report it."
            ) from error


GARBAGE = 20_000
"""Objects that are made before Python looks for cycles among them, of which rows have none: to look is a twentieth of a build."""


def run() -> None:
    """The entry point: Ctrl-C at any moment ends with its exit code, never with a traceback."""
    gc.set_threshold(GARBAGE)
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
      lcgen report ./needle                   a page to look at
    """


for verb in (
    build.build,
    look.show,
    look.tasks,
    finish.finish,
    judge.verify,
    judge.score,
    export.export,
    page.report,
    check.check,
    publish.push,
    refresh.refresh,
    refresh.reveal,
    refresh.schedule,
    corpus.corpus,
    look.tokenizers,
):
    main.add_command(verb)
