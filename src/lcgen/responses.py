"""Responses: what a model answered to the rows of a dataset, read from a file and kept by id."""

from __future__ import annotations

import hashlib
import json
import sys
import tempfile
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

from lcgen import answers
from lcgen.answers import EXAMPLE, Answer
from lcgen.errors import CheckFailed, LcgenError

HELD = 64 * 2**20
"""Bytes of responses held in memory; what is more lies in a temporary file, since thinking can be long."""


def read(source: str | Path | Mapping[str, Any], faults: list[str]) -> Iterator[Answer]:
    """The answers in a file, on standard input (`-`), or in a mapping from id to response, in their order.

    What cannot be read is told in `faults`, and the rest goes on. Raises LcgenError for a file that cannot be opened, and
    for a mapping that holds anything but responses.
    """
    if isinstance(source, Mapping):
        for number, (name, response) in enumerate(source.items(), 1):
            try:
                yield answers.of({"id": name, "response": response})
            except answers.Unread as error:
                raise LcgenError(f"Response {number} {error}.") from error
        return
    with _open(source) as file:
        log = None if str(source) == "-" else answers.log(Path(source), file, faults)
        yield from answers.lines(file, faults) if log is None else log


@contextmanager
def _open(source: str | Path) -> Iterator[IO[bytes]]:
    if str(source) == "-":
        yield sys.stdin.buffer
        return
    try:
        with Path(source).open("rb") as file:
            yield file
    except OSError as error:
        raise LcgenError(f"Cannot read the responses {source}: {error.strerror or error}.") from error


def digest(samples: Sequence[str]) -> str:
    """64 bits of SHA-256 over the samples as JSON, in hex: tells whether two runs said the same."""
    return hashlib.sha256(json.dumps(list(samples)).encode()).hexdigest()[:16]


class Responses:
    """The responses of one run by row id; a context manager, since long ones lie on disk.

    Raises LcgenError for a source without responses, CheckFailed for an id that stands twice.
    """

    def __init__(self, name: str, source: str | Path | Mapping[str, Any]) -> None:
        self.name, self.source = name, source
        self.faults: list[str] = []
        """What of the source could not be read, each with its line."""
        self.tells = False
        """Whether it says of any answer why it ended."""
        self.forms: Counter[str] = Counter()
        """Whose formats its answers are written in; more than one where files of several runs were joined, perhaps."""
        self._places: dict[str, tuple[int, int]] = {}
        # Given back in __exit__, whatever is read meanwhile.
        self._text = tempfile.SpooledTemporaryFile(HELD)  # noqa: SIM115
        try:
            self._fill()
        except BaseException:
            self._text.close()
            raise

    def _fill(self) -> None:
        twice: dict[str, None] = {}
        for answer in read(self.source, self.faults):
            name = answer.id
            self.forms[answer.form] += 1
            if not answer.samples:
                continue
            if name in self._places:
                twice[name] = None
                continue
            self.tells |= bool(answer.cut)
            # JSON in ASCII holds lone surrogates too, which models that are cut off can write.
            text = json.dumps([answer.samples, answer.cut]).encode()
            self._places[name] = (self._text.tell(), len(text))
            self._text.write(text)
        if twice:
            raise CheckFailed(
                f"{shown(self.source)} answers {some(twice, 'id')} more than once. Several samples of a row are one line whose response is "
                "a list; where a run was begun anew, keep one line."
            )
        if not self._places:
            if self.faults:
                raise LcgenError(f"{shown(self.source)}, {self.faults[0]}. A line is an object such as {EXAMPLE}.")
            raise LcgenError(f"{shown(self.source)} holds no response. A line is an object such as {EXAMPLE}.")

    def __enter__(self) -> Responses:
        return self

    def __exit__(self, *_: object) -> None:
        self._text.close()

    def __len__(self) -> int:
        return len(self._places)

    def __iter__(self) -> Iterator[str]:
        return iter(self._places)

    def get(self, name: str) -> Answer | None:
        """The samples of a row and how they ended, None where it has no response."""
        if name not in self._places:
            return None
        place, size = self._places[name]
        self._text.seek(place)
        samples, cut = json.loads(self._text.read(size))
        return Answer(name, tuple(samples), tuple(cut))


def shown(source: str | Path | Mapping[str, Any]) -> str:
    """How messages name a source."""
    return "The mapping" if isinstance(source, Mapping) else "Standard input" if str(source) == "-" else str(source)


def some(names: Iterable[str], what: str) -> str:
    """`1 id ('a')` or `7 ids ('a', 'b', 'c', ...)`: how many, and the first three, safe to print."""
    every = list(names)
    listed = ", ".join(repr(name[:120]) for name in every[:3])
    return f"{len(every):,} {what}{'s' if len(every) > 1 else ''} ({listed}{', ...' if len(every) > 3 else ''})"
