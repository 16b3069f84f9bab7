"""Rows of question sets that exist: GSM8K, MMLU, CommonsenseQA, or a file in one of their forms, brought into one record.

Read through `datasets`, checked, and kept in the cache under the hash of what was read: a source is then named `NAME@HASH`, which is
what rows hold, and no path. Everything read is untrusted.
"""

from __future__ import annotations

import hashlib
import json
import re
import sys
import tempfile
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lcgen import cache, sources, texts
from lcgen.errors import LcgenError
from lcgen.questions import Given, Pool, Question, with_options
from lcgen.questions.arithmetic import number
from lcgen.vault import replace

if TYPE_CHECKING:
    from lcgen.streams import Stream

FORMS = {".jsonl": "json", ".json": "json", ".csv": "csv", ".parquet": "parquet"}
POSSIBLE = (
    "A question set is a .jsonl, .json, .csv or .parquet file, or hf:DATASET[/CONFIG][:SPLIT] (a folder may stand in its place), with the columns of GSM8K (question, "
    "answer), MMLU (question, choices, answer, subject) or CommonsenseQA (question, choices, answerKey)."
)
MOST = 100_000
"""Questions that are read of one set."""
MARGIN = 4096
"""Bytes of a file within which it may hold nothing but blank lines."""
HEADER = re.compile(r"^\W*[^\W\d]{1,12}[ _]\d+\s*[:：]", re.M)
"""What looks like the number of a question or an answer at the start of a line."""


def kept(source: str) -> str:
    """Reads a set of questions, keeps it, and gives the name under which `Rows` finds it again.

    Raises LcgenError for a set that cannot be read, and for the first row that is no question, with its number.
    """
    found = [question_of(row, f"{source}, row {place}") for place, row in enumerate(_rows(source))]
    _distinct(source, found)
    text = "\n".join(json.dumps(asdict(one), sort_keys=True) for one in found)
    hashed = hashlib.sha256(text.encode()).hexdigest()[:16]
    stem = re.sub(r"[^\w.-]+", "-", Path(source.removeprefix("hf:")).stem if not source.startswith("hf:") else source[3:]).strip(
        "-"
    )
    replace(cache.folder("questions") / f"{hashed}.jsonl", text.encode())
    return f"{stem[:60] or 'questions'}@{hashed}"


class Rows(Pool):
    """The questions of a set that was kept, in its own order and with its own options."""

    proven = False

    def __init__(self, name: str) -> None:
        self.name = name
        file = cache.folder("questions") / f"{name.rpartition('@')[2]}.jsonl"
        if not re.fullmatch(r"[0-9a-f]{16}", name.rpartition("@")[2]) or not file.is_file():
            raise LcgenError(f"The questions {name} are not in the cache any more. Name their file again: --set source=FILE.")
        text = file.read_text(encoding="utf-8")
        if hashlib.sha256(text.encode()).hexdigest()[:16] != name.rpartition("@")[2]:
            file.unlink()
            raise LcgenError(f"The questions {name} were damaged in the cache. Name their file again: --set source=FILE.")
        self.rows = [Question(**{**row, "steps": tuple(row["steps"])}) for row in map(json.loads, text.split("\n"))]
        self.size = len(self.rows)
        self.letters = max((row.letters for row in self.rows), key=len)

    def question(self, number: int, rng: Stream, place: int = 0, given: Given | None = None) -> Question:
        return self.rows[number]

    def solve(self, text: str, read: Callable[[str], int | None]) -> str | None:
        return None


def question_of(row: Mapping[str, Any], where: str) -> Question:
    """One row of any of the forms as a question. Raises LcgenError, with the place, for what is none."""
    text = _text(row, "question", where)
    if HEADER.search(text):
        raise LcgenError(f"{where}: a line of the question begins like the number of a question or an answer. Take that row out.")
    choices = row.get("options") if row.get("choices") is None else row["choices"]
    if choices is None:
        return _numeric(row, text, where)
    labels = choices.get("label") if isinstance(choices, Mapping) else None
    options = choices.get("text") if isinstance(choices, Mapping) else choices
    if (
        not isinstance(options, list)
        or not 2 <= len(options) <= 26
        or not all(isinstance(one, str) and one.strip() for one in options)
    ):
        raise LcgenError(f"{where}: the options must be a list of 2 to 26 texts. {POSSIBLE}")
    options = [re.sub(r"\s+", " ", option).strip() for option in options]
    if len({*options}) < len(options):
        twice = next(option for option in options if options.count(option) > 1)
        raise LcgenError(f"{where}: two options are {twice[:60]!r}, so that two letters are right or none. Take that row out.")
    letters = "".join(chr(65 + place) for place in range(len(options)))
    if labels is not None and list(labels) != list(letters):
        raise LcgenError(f"{where}: the options are called {labels!r}, but must be {', '.join(letters)}.")
    answer = row.get("answerKey", row.get("answer"))
    if isinstance(answer, int) and not isinstance(answer, bool) and 0 <= answer < len(letters):
        answer = letters[answer]
    if not isinstance(answer, str) or len(answer.strip()) != 1 or answer.strip().upper() not in letters:
        raise LcgenError(f"{where}: the answer is {answer!r}, but must be one of {', '.join(letters)}, or its place from 0.")
    subject = row.get("subject") or row.get("question_concept") or ""
    return Question(with_options(text, options), answer.strip().upper(), (), letters, str(subject))


def _numeric(row: Mapping[str, Any], text: str, where: str) -> Question:
    """A row of GSM8K's form: the answer is a worked solution that ends with `#### 18`, or a number alone."""
    answer = "" if row.get("answer") is None else str(row["answer"])
    solution, mark, last = answer.rpartition("####")
    last = last.strip()
    if number(last) is None:
        raise LcgenError(
            f"{where}: the answer is {answer[-60:]!r}, but must be a number, or end with #### and a number. {POSSIBLE}"
        )
    lines = re.sub(r"<<[^<>]*>>", "", solution).splitlines() if mark else []
    return Question(text, last, tuple(line.strip() for line in lines if line.strip()), "", str(row.get("subject") or ""))


def _text(row: Mapping[str, Any], column: str, where: str) -> str:
    value = row.get(column)
    if not isinstance(value, str) or not value.strip():
        have = ", ".join(sorted(name for name, held in row.items() if held is not None))
        raise LcgenError(f"{where}: no text under {column!r}; it has {have or 'nothing'}. {POSSIBLE}")
    if any(ord(sign) < 32 and sign not in "\t\r\n" for sign in value):
        raise LcgenError(f"{where}: the {column} holds control characters.")
    lines = [line.strip() for line in value.strip().splitlines()]
    if "" in lines:
        raise LcgenError(
            f"{where}: line {lines.index('') + 1} of the {column} is blank, which would look like its end. Take blank lines out, or that row."
        )
    return "\n".join(lines)


def _distinct(source: str, found: Iterable[Question]) -> None:
    seen: dict[str, int] = {}
    for place, one in enumerate(found):
        if (first := seen.setdefault(one.text, place)) != place:
            raise LcgenError(f"{source}: rows {first} and {place} ask the same question. Take one of them out.")
    if not seen:
        raise LcgenError(f"{source} holds no questions.")


def _rows(source: str) -> Iterable[Mapping[str, Any]]:
    """Rows of a file or a dataset. Raises LcgenError where there are none, too many, or an id stands twice."""
    ids: dict[str, int] = {}
    for place, row in enumerate(_dataset(source) if source.startswith("hf:") else _file(source)):
        if place == MOST:
            raise LcgenError(f"{source} holds more than {MOST:,} questions. Take a part of it.")
        if (mark := row.get("id")) is not None and (first := ids.setdefault(str(mark), place)) != place:
            raise LcgenError(
                f"{source}: rows {first} and {place} have the same id {str(mark)[:60]!r}. Give each question its own."
            )
        yield row


def _dataset(source: str) -> Iterable[Mapping[str, Any]]:
    name, _, split = source[3:].partition(":")
    if not re.fullmatch(r"[\w./-]+", name):
        raise LcgenError(f"{source!r} names no question set. {POSSIBLE}")
    return texts.rows(sources.Place(Path(name), "question", hub=True), split or "test", strict=bool(split))


def _file(source: str) -> Iterable[Mapping[str, Any]]:
    path = Path(source).expanduser()
    try:
        if not path.is_file():
            raise LcgenError(f"There is no question file {source[:200]!r}, and no pool of that name. {POSSIBLE}")
        if path.suffix.lower() not in FORMS:
            raise LcgenError(f"{source} is of a kind that is not read. {POSSIBLE}")
        if not path.read_bytes()[:MARGIN].strip() and path.stat().st_size <= MARGIN:
            raise LcgenError(f"The question file {source[:200]} is empty. {POSSIBLE}")
        import datasets

        if not sys.stderr.isatty():
            datasets.disable_progress_bars()
        with tempfile.TemporaryDirectory(dir=cache.folder("datasets"), ignore_cleanup_errors=True) as kept:
            yield from datasets.load_dataset(
                FORMS[path.suffix.lower()], data_files=str(path), split="train", cache_dir=kept, streaming=True
            )
    except LcgenError:
        raise
    except Exception as error:  # `datasets` raises whatever its readers raise
        first = (str(error).splitlines() or [""])[0]
        raise LcgenError(
            f"The question set {source[:200]} cannot be read ({type(error).__name__}: {first}). {POSSIBLE}"
        ) from error
