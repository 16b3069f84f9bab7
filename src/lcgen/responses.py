"""Responses: what a model answered to the rows of a dataset, read from a file and kept by id."""

from __future__ import annotations

import hashlib
import json
import shutil
import sys
import tempfile
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

from lcgen import answers
from lcgen.answers import Answer
from lcgen.errors import LcgenError

EXAMPLE = '{"id": "needle-en-4k-test-0-0123456789abcdef", "response": "1234567"}'
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


class Silent(LcgenError):
    """A source that holds no response at all."""


class Responses:
    """The responses of one run by row id; a context manager, since long ones lie on disk.

    Raises Silent for a source without responses, LcgenError for an id that stands twice.
    """

    def __init__(self, name: str, source: str | Path | Mapping[str, Any]) -> None:
        self.name, self.source = name, source
        self.faults: list[str] = []
        """What of the source could not be read, each with its line."""
        self.tells = False
        """Whether it says of any answer why it ended."""
        self.forms: Counter[str] = Counter()
        """Whose formats its answers are written in; more than one where files of several runs were joined, perhaps."""
        self.notes: list[str] = []
        """What of the run was not said but found out."""
        self.parts: list[tuple[str, list[str]]] = []
        """What it was read from, with the ids that are answered there."""
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
            raise LcgenError(
                f"{shown(self.source)} answers {some(twice, 'id')} more than once. Several samples of a row are one line whose response is "
                "a list; where a run was begun anew, keep one line."
            )
        if not self._places:
            what = f"{shown(self.source)}, {self.faults[0]}" if self.faults else f"{shown(self.source)} holds no response"
            raise Silent(f"{what}. A line is an object such as {EXAMPLE}.")
        self.parts = [(shown(self.source), list(self._places))]

    @property
    def title(self) -> str:
        """How messages name what it was read from."""
        more = len(self.parts) - 1
        return self.parts[0][0] + (f" and {more} more file{'s' if more > 1 else ''}" if more else "")

    def meets(self, other: Responses) -> bool:
        """Whether both answer a row."""
        return not self._places.keys().isdisjoint(other._places)

    def join(self, name: str, others: Sequence[Responses]) -> None:
        """Takes over what other files of the same run hold, and its name. Raises LcgenError where two of them answer one row."""
        self.name = name
        for other in others:
            if twice := [row for row in other if row in self._places]:
                before = next(title for title, ids in self.parts if twice[0] in ids)
                raise LcgenError(
                    f"{before} and {shown(other.source)} both answer {some(twice, 'id')}, so they are not one run. Keep one of them, or name "
                    "two runs: RUN=FILE."
                )
            base = self._text.seek(0, 2)
            other._text.seek(0)
            shutil.copyfileobj(other._text, self._text)
            self._places |= {row: (base + place, size) for row, (place, size) in other._places.items()}
            self.tells |= other.tells
            self.forms += other.forms
            self.parts += other.parts
            other._text.close()
        if others:
            self.faults = [f"{shown(one.source)}, {fault}" for one in (self, *others) for fault in one.faults]

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
