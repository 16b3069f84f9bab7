"""Questions with short answers, for lists of them: pools that are made here without a download, and rows of files.

A pool gives questions by number, each a pure function of the pool, its number and a stream; and it reads what it wrote, so that
an answer can be found again from the text of the question alone.
"""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from typing import TYPE_CHECKING

from lcgen import languages
from lcgen.errors import LcgenError, unknown

if TYPE_CHECKING:
    from lcgen.streams import Stream

POOLS = ("problems", "subjects", "concepts")
"""Pools that are made here; each is a module of this package."""
OPTION = re.compile(r"\(([A-Z])\) (.*?)(?= \([A-Z]\) |$)", re.S)


@dataclass(frozen=True)
class Question:
    """One question with its answer, as every pool and every file gives it."""

    text: str
    """As it stands in the prompt, options in the last line."""
    answer: str
    """A number, or the letter of the right option."""
    steps: tuple[str, ...] = ()
    """How the answer comes about, one step a line."""
    letters: str = ""
    """Letters of its options, `ABCD`; empty where the answer is a number."""
    subject: str = ""
    """What it is about, in the terms of its source."""


@dataclass(frozen=True)
class Given:
    """A number that a question takes from another one's answer: its value, and what stands for it in the text."""

    value: int
    words: str


class Pool(ABC):
    """Questions of one source in one language."""

    name: str
    letters: str = ""
    """Letters of the options of all its questions; empty where answers are numbers."""
    size: int | None = None
    """How many different questions there are; None where there is no end of them."""
    cycle: int = 0
    """Where there is no end of them: how many differ in a name, so that shares of the numbers below ask about nobody in common."""
    proven: bool = True
    """Whether `solve` finds answers from the text; not where they were given with the questions."""

    @abstractmethod
    def question(self, number: int, rng: Stream, place: int = 0, given: Given | None = None) -> Question:
        """The question of this number, below `size`; its right option stands at `place`, its first number may be `given`."""

    @abstractmethod
    def solve(self, text: str, read: Callable[[str], int | None]) -> str | None:
        """The answer, from the text alone; None where it is no question of this pool.

        `read` gives the number that words stand for which another question's answer fills, None for other words.
        """


@cache
def load(name: str, lang: str) -> Pool:
    """The pool of this name: one of `POOLS`, or a file that was read before. Raises LcgenError for an unknown one, and where a
    language has no words for it."""
    if "@" in name:
        from lcgen.questions.files import Rows

        return Rows(name)
    if name not in POOLS:
        raise unknown("pool of questions", name, POOLS)
    pool: Pool = import_module(f"{__name__}.{name}").Made(lang)
    return pool


def worded(name: str, lang: str) -> bool:
    """Whether a language has the words of this pool."""
    return (languages.folder(lang) / "questions" / f"{name}.txt").is_file()


def data(name: str, lang: str) -> list[str]:
    """The lines of a pool's words in a language, remarks and blank lines left out. Raises LcgenError where it has none."""
    if not worded(name, lang):
        known = [code for code in languages.names() if worded(name, code)]
        raise LcgenError(
            f"There are no {name} in {lang!r}, only in {', '.join(map(repr, known))}. Take another source, or --lang."
        )
    text = (languages.folder(lang) / "questions" / f"{name}.txt").read_text(encoding="utf-8")
    lines = (line.strip() for line in text.splitlines())
    return [line for line in lines if line and not line.startswith("#")]


def with_options(text: str, options: Sequence[str]) -> str:
    """A question with its options in one line: `(A) this (B) that`."""
    return f"{text}\n" + " ".join(f"({chr(65 + place)}) {option}" for place, option in enumerate(options))


def options_of(text: str) -> tuple[str, dict[str, str]]:
    """A question and its options by letter, as `with_options` wrote them."""
    stem, _, line = text.rpartition("\n")
    return stem, dict(OPTION.findall(line))


def placed(right: str, others: Sequence[str], place: int) -> list[str]:
    """Options with the right one at this place."""
    return [*others[:place], right, *others[place:]]
