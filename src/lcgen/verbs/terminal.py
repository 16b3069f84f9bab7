"""What verbs do alike: bars, sizes, and how they end after Ctrl-C."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager

from lcgen.progress import Progress

STOPPED = 130
"""Exit code after Ctrl-C, as shells have it."""


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
