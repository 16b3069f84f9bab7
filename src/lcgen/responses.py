"""Responses: what a model answered to the rows of a dataset, read from a file and kept by id."""

from __future__ import annotations

import hashlib
import json
import sys
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

from lcgen.errors import CheckFailed, LcgenError

HELD = 64 * 2**20
"""Bytes of responses held in memory; what is more lies in a temporary file, since thinking can be long."""
EXAMPLE = '{"id": "needle-en-4k-test-0-0123456789abcdef", "response": "1234567"}'
Pair = tuple[str, "list[str]"]


def read(source: str | Path | Mapping[str, Any]) -> Iterator[Pair]:
    """The (id, samples) pairs of a file, of standard input (`-`), or of a mapping from id to response, in their order.

    This is the place for other formats: a reader gives such pairs, and nothing else knows of files. Raises LcgenError,
    with the line, for what cannot be read.
    """
    if isinstance(source, Mapping):
        for number, (name, response) in enumerate(source.items(), 1):
            yield from _pair({"id": name, "response": response}, f"Response {number}")
        return
    with _open(source) as file:
        yield from _jsonl(file, shown(source))


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


def _jsonl(file: Iterable[bytes], name: str) -> Iterator[Pair]:
    """Our own format: an object a line with `id` and `response`, a string or a list of samples; other keys are free."""
    for number, line in enumerate(file, 1):
        line = line.removeprefix(b"\xef\xbb\xbf") if number == 1 else line
        if not line.strip():
            continue
        where = f"{name}, line {number}"
        try:
            entry = json.loads(line)
        except (ValueError, RecursionError) as error:
            what = error.msg if isinstance(error, json.JSONDecodeError) else "it is no JSON in UTF-8"
            raise LcgenError(f"{where} cannot be read: {what}. A line is an object such as {EXAMPLE}.") from error
        yield from _pair(entry, where)


def _pair(entry: Any, where: str) -> Iterator[Pair]:
    """One pair, or none where the response is null or a list without samples: the model did not answer."""
    if not isinstance(entry, dict) or not {"id", "response"} <= {*entry}:
        found = (
            f"an object with {', '.join(map(repr, list(entry)[:6])) or 'no keys'}"
            if isinstance(entry, dict)
            else type(entry).__name__
        )
        raise LcgenError(f"{where} is {found}, but must be an object with 'id' and 'response', such as {EXAMPLE}.")
    name, response = entry["id"], entry["response"]
    if not isinstance(name, str):
        raise LcgenError(f"{where}: the id is {str(name)[:80]!r}, but must be a string.")
    samples = [response] if isinstance(response, str) else [] if response is None else response
    if not isinstance(samples, (list, tuple)) or not all(isinstance(sample, str) for sample in samples):
        raise LcgenError(f"{where}: the response to {name[:120]!r} must be a string, or a list of strings for several samples.")
    if samples:
        yield name, list(samples)


def digest(samples: list[str]) -> str:
    """64 bits of SHA-256 over the samples as JSON, in hex: tells whether two runs said the same."""
    return hashlib.sha256(json.dumps(samples).encode()).hexdigest()[:16]


class Responses:
    """The responses of one run by row id; a context manager, since long ones lie on disk.

    Raises LcgenError for a source without responses, CheckFailed for an id that stands twice.
    """

    def __init__(self, name: str, source: str | Path | Mapping[str, Any]) -> None:
        self.name, self.source = name, source
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
        for name, samples in read(self.source):
            if name in self._places:
                twice[name] = None
                continue
            # JSON in ASCII holds lone surrogates too, which models that are cut off can write.
            text = json.dumps(samples).encode()
            self._places[name] = (self._text.tell(), len(text))
            self._text.write(text)
        if twice:
            raise CheckFailed(
                f"{shown(self.source)} answers {some(twice, 'id')} more than once. Several samples of a row are one line whose response is "
                "a list; where a run was begun anew, keep one line."
            )
        if not self._places:
            raise LcgenError(f"{shown(self.source)} holds no response. A line is an object such as {EXAMPLE}.")

    def __enter__(self) -> Responses:
        return self

    def __exit__(self, *_: object) -> None:
        self._text.close()

    def __len__(self) -> int:
        return len(self._places)

    def __iter__(self) -> Iterator[str]:
        return iter(self._places)

    def get(self, name: str) -> list[str] | None:
        """The samples of a row, None where it has no response."""
        if name not in self._places:
            return None
        place, size = self._places[name]
        self._text.seek(place)
        samples: list[str] = json.loads(self._text.read(size))
        return samples


def shown(source: str | Path | Mapping[str, Any]) -> str:
    """How messages name a source."""
    return "The mapping" if isinstance(source, Mapping) else "Standard input" if str(source) == "-" else str(source)


def some(names: Iterable[str], what: str) -> str:
    """`1 id ('a')` or `7 ids ('a', 'b', 'c', ...)`: how many, and the first three, safe to print."""
    every = list(names)
    listed = ", ".join(repr(name[:120]) for name in every[:3])
    return f"{len(every):,} {what}{'s' if len(every) > 1 else ''} ({listed}{', ...' if len(every) > 3 else ''})"
