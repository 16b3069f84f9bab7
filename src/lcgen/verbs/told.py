"""What the library logs, as the command line tells it. Apart from what verbs import, because help needs no logging."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager

import click


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
