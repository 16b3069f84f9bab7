"""The workshop: who makes the rows of a suite, which files they go to, and one such file made and noted down."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from functools import cached_property
from typing import Any

import lcgen
from lcgen import tokens, wrapper
from lcgen.builders import manifest, tables
from lcgen.builders.depot import STAGING, Depot, depot
from lcgen.builders.maker import FilePlan, Maker
from lcgen.builders.prompts import PromptMaker
from lcgen.builders.rows import digest
from lcgen.builders.tables import TableMaker
from lcgen.errors import LcgenError
from lcgen.spec import Spec, Suite
from lcgen.tokens import Tokenizer
from lcgen.wrapper import Wrapper

FILE_TOKENS = 16 * 2**20
"""A file holds as many whole indices as plan to at most so many tokens, at least one."""
Frames = dict[str, tuple[Tokenizer, Wrapper]]
"""Vocabularies and wrappers that builds of one suite share, by what was asked for."""
_MIXED = "Prompts and rows of numbers have other columns. Build them one by one."


def crew_of(suite: Suite) -> dict[str, Maker]:
    """A maker of rows for each part of a suite, by the part's name. Raises LcgenError for what cannot stand in one folder."""
    frames: Frames = {}
    crew = {name: maker for spec in suite.builds for name, maker in makers(spec, frames).items()}
    if len({maker.of_prompts for maker in crew.values()}) > 1:
        raise LcgenError(_MIXED)
    worded: dict[str, str] = {}
    for maker in crew.values():
        for name, source in maker.templates.items():
            if worded.setdefault(name, source) != source:
                raise LcgenError(f"Two builds word {name} in two ways, but a folder keeps one. Build them one by one.")
    return crew


def makers(spec: Spec, frames: Frames | None = None) -> dict[str, Maker]:
    """A maker of rows for each part of a spec, by the part's name; what `frames` holds is not loaded again."""
    held = {part.name: tables.of(part) for part in spec.parts}
    if all(held.values()):
        return {part.name: TableMaker(spec, part, held[part.name]) for part in spec.parts}
    if any(held.values()):
        raise LcgenError(_MIXED)
    if spec.audience == "base" and spec.chat_template not in ("auto", "none"):
        raise LcgenError("--for base sends no chat wrapper, so --chat-template has no meaning there. Leave one of them out.")
    frames = {} if frames is None else frames
    key = json.dumps([spec.tokenizer, spec.audience, spec.chat_template, spec.chat_template_args], sort_keys=True, default=str)
    if key not in frames:
        tokenizer = tokens.load(spec.tokenizer)
        chat = wrapper.load(spec.chat_template, tokenizer, spec.chat_template_args) if spec.audience == "chat" else None
        frames[key] = tokenizer, chat or wrapper.plain(tokenizer)
    return {part.name: PromptMaker(spec, part, *frames[key]) for part in spec.parts}


def plan(maker: Maker) -> Iterator[FilePlan]:
    """The files of one part: a function of the spec alone."""
    part = maker.part
    for length in part.lengths:
        each = maker.tokens(length) * maker.rows_per_index
        run = max(1, FILE_TOKENS // each)
        for first in range(0, part.samples, run):
            path = manifest.data_file(part.config(length), part.split, f"{first:06d}", maker.spec.format)
            count = min(run, part.samples - first)
            yield FilePlan(part.name, length, path, first, count, count * maker.rows_per_index, count * each)


class Workshop:
    """Makes the files of a suite, in this process."""

    def __init__(self, suite: Suite, out: str, crew: dict[str, Maker] | None = None) -> None:
        self.suite, self.out = suite, out
        self._crew = crew or {}

    def __reduce__(self) -> tuple[type[Workshop], tuple[Suite, str]]:
        # A worker loads what it needs itself.
        return (Workshop, (self.suite, self.out))

    @cached_property
    def depot(self) -> Depot:
        """Where the files go."""
        return depot(self.out)

    def maker(self, part: str) -> Maker:
        """Who makes the rows of a part: of the other builds of a suite nothing is loaded."""
        if part not in self._crew:
            spec = next(spec for spec in self.suite.builds if part in [one.name for one in spec.parts])
            self._crew |= makers(spec)
        return self._crew[part]

    def make(self, file: FilePlan, progress: Callable[[int], Any] | None = None) -> dict[str, Any]:
        """Writes one data file below STAGING, and a note of it; gives the note's entry. Raises CheckFailed for a row that does not hold."""
        maker = self.maker(file.part)
        with self.depot.making(f"{STAGING}/{file.path}") as path:
            entry = maker.write(path, file, progress)
        # The note comes last: a file without it is not looked at.
        self.depot.write(note(file), json.dumps({"of": stamp(file, maker), "entry": entry}).encode())
        return entry


def note(file: FilePlan) -> str:
    """The name of what is noted of a finished file."""
    return f"{STAGING}/notes/{file.path}.json"


def stamp(file: FilePlan, maker: Maker) -> str:
    """What a finished file must have in common with one that is asked for: all that decides its bytes."""
    spec = maker.spec
    part = {key: value for key, value in manifest.described_part(maker).items() if key not in manifest.FREE}
    return digest(
        "file",
        lcgen.__version__,
        spec.seed,
        spec.format,
        part,
        maker.answer_tokens(file.length),
        file.path,
        file.first,
        file.count,
    )
