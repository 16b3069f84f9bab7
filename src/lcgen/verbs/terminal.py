"""What verbs do alike: bars, sizes, what the library logs, and how they end after Ctrl-C."""

from __future__ import annotations

import logging
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import click

from lcgen.progress import Progress

STOPPED = 130
"""Exit code after Ctrl-C, as shells have it."""


class _Said(logging.Handler):
    """Says on stderr what is logged."""

    def emit(self, record: logging.LogRecord) -> None:
        click.echo(f"lcgen: {record.getMessage()}", err=True)


@contextmanager
def told() -> Iterator[None]:
    """What the library logs is told meanwhile."""
    logger, said = logging.getLogger("lcgen"), _Said(logging.WARNING)
    logger.addHandler(said)
    try:
        yield
    finally:
        logger.removeHandler(said)


@contextmanager
def progress_bar(what: str) -> Iterator[Progress]:
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


def size(count: int) -> str:
    """Bytes as a person reads them."""
    return f"{count / 1e6:.1f} MB" if count >= 1e5 else f"{count / 1e3:.1f} kB"
