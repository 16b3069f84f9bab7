"""How relations between people are worded, read back, and written as filler in columns."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from os.path import commonprefix
from typing import NamedTuple

import numpy as np

from lcgen import forms, kinship
from lcgen.atoms import Table
from lcgen.errors import LcgenError
from lcgen.kinship import Plan
from lcgen.mixing import mix
from lcgen.records import RESERVED, Records
from lcgen.slots import WORD
from lcgen.streams import Stream
from lcgen.wording import Wording

TERMS = ("mother", "father", "grandmother", "grandfather")
"""Macros with the terms of a relation, by its kind (`kinship.Relation`)."""
SENTENCES = ("elder_first", "younger_first")


class Said(NamedTuple):
    """One way to word a relation."""

    kind: int
    """As in TERMS."""
    sentence: str
    term: str


def sayings(wording: Wording) -> list[Said]:
    """All wordings of a relation in a template. Raises LcgenError where the terms do not tell generations apart."""
    found = [
        Said(kind, sentence, term)
        for sentence in SENTENCES
        for kind, macro in enumerate(TERMS)
        for term in wording.choices(macro)
    ]
    kinds = {said.term: said.kind for said in found}
    for said in found:
        if kinds[said.term] != said.kind or not re.fullmatch(WORD, said.term):
            raise LcgenError(
                f"The term {said.term!r} of template {wording.name} must be one word and stand in one of the macros {', '.join(TERMS)}."
            )
    if missing := [macro for kind, macro in enumerate(TERMS) if kind not in kinds.values()]:
        raise LcgenError(f"The template {wording.name} has no term in the macro {missing[0]!r}, which this puzzle needs.")
    return found


def worded(wording: Wording, said: Said) -> Callable[[str, str], str]:
    """What writes this wording of a relation, given elder and younger: planted relations may be thousands."""
    slots = {"term": said.term, "elder": "{0}", "younger": "{1}"}
    parts = wording.parts(said.sentence)
    return "".join(slots[slot] if slot else text.replace("{", "{{").replace("}", "}}") for text, slot in parts).format


def read(context: str, wording: Wording) -> Iterator[tuple[str, str, int]]:
    """Elder, younger and generations of every relation that a text states."""
    generations = {term: 1 + kind // 2 for kind, macro in enumerate(TERMS) for term in wording.choices(macro)}
    for sentence in SENTENCES:
        for found in wording.pattern(sentence).finditer(context):
            if found["term"] in generations:
                yield found["elder"], found["younger"], generations[found["term"]]


def _cut(wording: Wording, said: Said) -> tuple[bool, list[str]]:
    """Whether the elder is named first, and the words before, between and after the two names."""
    texts, slots = [""], []
    for text, slot in wording.parts(said.sentence):
        if slot in ("elder", "younger"):
            slots.append(slot)
            texts.append("")
        else:
            texts[-1] += said.term if slot else text
    if len(slots) != 2:
        raise LcgenError(
            f"The macro {said.sentence!r} of template {wording.name} must name each person once for --haystack records. Take another haystack."
        )
    return slots[0] == "elder", texts


def _columns(texts: Sequence[str]) -> list[str | forms.Pool]:
    """Texts of which each wording has one as a column; what they begin and end with alike are constants, at which tokens can part."""
    head = commonprefix(texts)
    tail = commonprefix([text[len(head) :][::-1] for text in texts])[::-1]
    own = [text[len(head) : len(text) - len(tail)] for text in texts]
    columns: list[str | forms.Pool] = [head, forms.Pool(Table("kin", own), Stream("kin")) if any(own) else "", tail]
    return [column for column in columns if column]


class Relatives(Records):
    """Relations of families that nobody asks about, woven into each other, as many as there are names for."""

    def __init__(self, names: forms.Pool, plan: Plan, wording: Wording, salt: int, sep: str) -> None:
        self.names, self.bank, self.salt = names, kinship.bank(plan), salt
        self.said = sayings(wording)
        self._of_kind = [np.array([at for at, said in enumerate(self.said) if said.kind == kind]) for kind in range(len(TERMS))]
        cut = [_cut(wording, said) for said in self.said]
        self._leads = np.array([elder_leads for elder_leads, _ in cut])
        before, between, after = (_columns([texts[at] for _, texts in cut]) for at in range(3))
        super().__init__(*before, names, *between, names, *after, sep=sep)
        self.block = self.bank.elder.shape[1]
        self.limit = (names.form.size - RESERVED) // self.bank.people * self.block

    def numbers(self, ids: np.ndarray) -> list[np.ndarray]:
        if len(ids) and int(ids.max()) >= self.limit:
            raise LcgenError(
                f"{self.names.form.size:,} names are enough for {self.limit:,} relations between different people, too few for this "
                "length. Ask for a shorter one, or take a text as --haystack."
            )
        block, place = np.divmod(np.asarray(ids, np.int64), self.block)
        drawn = mix(block.astype(np.uint64), self.salt) % np.uint64(len(self.bank.elder))
        at = drawn.astype(np.int64), place
        ways = mix(np.asarray(ids, np.uint64), self.salt + 1)
        kinds = self.bank.kind[at]
        picked = np.empty(len(ids), np.int64)
        for kind, own in enumerate(self._of_kind):
            held = kinds == kind
            picked[held] = own[(ways[held] % np.uint64(len(own))).astype(np.int64)]
        first = RESERVED + block * self.bank.people
        elder, younger = (self.names.numbers(first + people[at]) for people in (self.bank.elder, self.bank.younger))
        leads = self._leads[picked]
        people = iter((np.where(leads, elder, younger), np.where(leads, younger, elder)))
        said = picked.astype(np.uint64)
        return self.shape.split([next(people) if pool is self.names else said for pool in self.pools])

    def _found(self, word: str) -> list[int] | None:
        # A person stands in several relations, so no pool says where: what can stand in a record at all is searched for.
        return None
