"""Phone book: names and numbers, one entry a line, and a question for the numbers of some of the people.

Follows the phone books of Repeat After Me (Jelassi et al. 2024) and of Birdie (Blouir et al. 2024, section 4.3) in what can
be set; the wording is our own. In theirs a name may stand twice; here names and numbers are unique by construction.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from lcgen import forms
from lcgen.contract import Cell, Context, Draft, Plant, Preset, Puzzle, Role, Row, Setting, Source, Task, wrapped
from lcgen.directory import Book, Roster, order
from lcgen.generators import _phone_reading as reading
from lcgen.generators._phone_answers import graded
from lcgen.generators._phone_directories import Directories
from lcgen.generators._phone_params import PhoneBookParams
from lcgen.naming import naming
from lcgen.streams import Stream
from lcgen.telephones import numbers
from lcgen.wording import Wording


@dataclass(frozen=True)
class Ask:
    """One question of a draft."""

    items: Sequence[str]
    """Names, or in reverse numbers, as they stand in the question."""
    answers: Sequence[str]
    depth: float | None
    parts: Sequence[int]
    cue: str


class PhoneBook(Task[PhoneBookParams]):
    """Retrieval of many numbers by name at once."""

    name = "phone_book"
    about = "Finds the numbers of one or many people in a phone book."
    papers = ("arXiv:2402.01032", "arXiv:2411.01030", "arXiv:2407.05483")
    tags = ("phone-book", "retrieval", "multi-query")
    Params = PhoneBookParams
    shares = True
    revision = 1
    metric = "exclusive"
    haystack = "records"
    records_only = True
    blocks = {
        "entry": ("name~line", "number~line"), "mailbox": ("name~line", "mail~line"), "address": ("name~line", "house", "street"),
        "book_head": (), "email_head": (), "address_head": (), "correction": ("name~line", "number~line"), "quoted": ("item~line",),
        "complete": ("item~line", "value~line"), "ask": ("items*", "reverse?", "updates?", "absent?"), "no_answer": (), "refusals": (),
    }  # fmt: skip

    def count(self, params: PhoneBookParams) -> int | None:
        return params.entries or None

    def less(self, params: PhoneBookParams) -> Mapping[str, Sequence[int]]:
        others = {name: range(getattr(params, name)) for name in ("shared_surname", "shared_given", "near_miss", "updates")}
        return {"k_queries": range(1, params.k_queries), **others}

    def draw(self, rng: Stream, params: PhoneBookParams, cell: Cell, source: Source, wording: Wording) -> Sequence[Draft]:
        if cell.questions > 1 and params.question != "after":
            raise ValueError(f"several questions per context need question=after, not {params.question}")
        params.check(cell.questions)
        slots = params.k_queries * cell.questions
        names = forms.Pool(source.share(naming(source.lang).form), rng.child("names"))
        telephones = forms.Pool(source.share(numbers(source.lang, params.number_format)), rng.child("numbers"))
        by = order(params.order, source.lang, params.number_format)
        roster = Roster(names, telephones, source.lang, by, rng.child("roster"))
        depths = self._depths(rng.child("depths"), cell, slots)
        # In a book in order the depth asks for a name that belongs there: not always for the same one.
        shift = rng.unit()
        entries = [roster.entry(depth + (shift - depth) / (50 * slots)) for depth in depths]
        lines: list[tuple[str, str]] = []
        plants: list[Plant] = []

        def plant(entry: tuple[str, str], depth: float, role: Role = "distractor", slot: int = 0, block: str = "entry") -> Plant:
            name, number = entry
            key, value = (number, name) if params.reverse else (name, number)
            made = Plant(wording.say(block, name=name, number=number), depth, role, slot, key, value)
            lines.append(entry)
            plants.append(made)
            return made

        def listed(entry: tuple[str, str], depth: float, role: Role, slot: int) -> Plant:
            """An entry and its corrections, the last of which stands at the depth."""
            earlier = sorted(depth * rng.unit() for _ in range(params.updates))
            said = [entry, *((entry[0], roster.number()) for _ in earlier)]
            made = [
                plant(one, at, role if place == params.updates else "distractor", slot, "correction" if place else "entry")
                for place, (one, at) in enumerate(zip(said, [*earlier, depth]))
            ]
            return made[-1]

        items, answers, found, people = [], [], [], []
        for slot, (entry, depth) in enumerate(zip(entries, depths)):
            # Somebody who is not asked for stands where the person asked for would: counts say nothing.
            absent = params.absent > 0 and _turn(cell, slot) < round(params.absent * 20)
            made = listed(entry, depth, "distractor" if absent else "gold", slot)
            asked = (roster.name(), roster.number()) if absent else entry
            people.append(asked[0])
            items.append(asked[params.reverse] if absent else made.key)
            answers.append(wording.say("no_answer") if absent else made.value)
            found.append(None if absent else made)
            for other in self._others(params, roster, asked[0], items[-1] if params.reverse else asked[1]):
                plant(other, roster.depth(*other))
            for _ in range(params.updates):
                aside = (roster.name(), roster.number())
                first, second = sorted((rng.unit(), rng.unit()))
                plant(aside, first)
                plant((aside[0], roster.number()), second, block="correction")
        examples = [(roster.name(), roster.number()) for _ in range(2 * (params.style == "completion"))]
        for other in examples:
            plant(other, roster.depth(*other))
        said = [reading.solved(wording, other, params.reverse) for other in examples]
        beside = Directories(params.directories, names, source, wording, rng.child("directories"))
        plants += beside.plants(people, slots)
        book = source.filler(rng.child("filler"), lambda: Book(names, telephones, wording.parts("entry"), by))
        if book.limit and params.entries > book.limit:
            raise ValueError(f"entries={params.entries:,} is more than there are different names: entries at most {book.limit:,}")
        asks = []
        for first in range(0, slots, params.k_queries):
            span = range(first, first + params.k_queries)
            present = [made for made in found[first : span.stop] if made]
            asks.append(
                Ask(
                    [items[slot] for slot in span],
                    [answers[slot] for slot in span],
                    present[0].depth if present else None,
                    [made.part for made in present],
                    "" if params.updates or params.absent or params.style == "completion" else present[0].cue,
                )
            )
        return [
            Draft(
                plants=tuple(plants),
                filler=beside.filler(book),
                sep="\n",
                lanes=beside.lanes,
                join="\n\n",
                copies=params.copies if params.length_basis == "final" else 1,
                count=params.entries or None,
                avoid=frozenset(roster.made),
                sort=book.sorter(lines, source.lang) if isinstance(book, Book) else None,
                distinct=True,
                state=(asks, said, beside.order()),
            )
        ]

    def _depths(self, rng: Stream, cell: Cell, slots: int) -> list[float]:
        """The first person asked for stands at the depth asked for, the others evenly round the book from there on; or one anywhere in
        each of so many parts of the book."""
        turn = rng.shuffle(range(slots if cell.depth is None else slots - 1))
        if cell.depth is None:
            return [round((place + rng.unit()) / slots, 9) for place in turn]
        ahead = [cell.depth + (1 + place) / slots for place in turn]
        return [cell.depth, *(wrapped(depth) for depth in ahead)]

    def _others(self, params: PhoneBookParams, roster: Roster, name: str, number: str) -> Sequence[tuple[str, str]]:
        """Entries that are easily taken for one asked for."""
        made = [(roster.sharing(name, family=True), roster.number()) for _ in range(params.shared_surname)]
        made += [(roster.sharing(name, family=False), roster.number()) for _ in range(params.shared_given)]
        for _ in range(params.near_miss):
            made.append(
                (roster.name(), roster.near_number(number)) if params.reverse else (roster.near_name(name), roster.number())
            )
        return made

    def pose(self, rng: Stream, params: PhoneBookParams, draft: Draft, context: Context, wording: Wording) -> Sequence[Puzzle]:
        asks, examples, order = draft.state
        copies = params.copies if params.length_basis == "once" or len(order) > 1 else 0
        absent = params.absent > 0
        return [
            Puzzle(
                slots={
                    "question": wording.cue("complete", item=ask.items[0])
                    if params.style == "completion"
                    else wording.say("ask", items=ask.items, reverse=params.reverse, updates=params.updates > 0, absent=absent),
                    "place": params.question,
                    "style": params.style,
                    "reverse": params.reverse,
                    "directories": len(order) > 1,
                    "examples": examples,
                },
                answers=ask.answers,
                depth=ask.depth,
                parts=ask.parts,
                prefix=ask.cue,
                lanes=order * copies if copies else None,
                metadata={
                    "asked": list(ask.items),
                    "style": params.style,
                    "reverse": params.reverse,
                    "no_answer": wording.say("no_answer") if absent else None,
                    "refusals": wording.choices("refusals") if absent else [],
                },
            )
            for ask in asks
        ]

    def solve(self, context: str, question: str, wording: Wording) -> Sequence[str]:
        return reading.answers(context, question, wording)

    def score(self, response: str, row: Row) -> Mapping[str, float]:
        return graded(response, row)

    def oracle(self, row: Row) -> str:
        if row["metadata"]["style"] == "json" and not row.get("gen_prefix"):
            return json.dumps(dict(zip(row["metadata"]["asked"], row["outputs"])), ensure_ascii=False)
        return ", ".join(row["outputs"])


def _turn(cell: Cell, slot: int) -> int:
    """Balanced blocks of 20 indices, each slot's in an order of its own."""
    return replace(cell, blocks=cell.blocks and cell.blocks.child("absent", slot)).turn(20)


PhoneBook.baselines = reading.BASELINES

OWN = "Our own wording, names and numbers; no name stands twice, no number is part of another, lengths are exact."

PhoneBook.presets = {
    "repeat_after_me": Preset(
        "the phone book of Repeat After Me: two solved examples, then a name, for base models",
        "arXiv:2402.01032",
        {f"n{count}": Setting({"style": "completion", "number_format": "plain", "entries": count}) for count in (20, 50, 100, 200, 500, 1000)},
        "", 96, "random", 50,
        f"{OWN} 20 entries and 3 x 32 books are the paper's; it goes on to longer books, whose sizes we set. Numbers begin with 2 to 9, "
        "depths are stratified, and a neutral sentence stands between book and examples. Build it with --for base.",
    ),
    "birdie": Preset(
        "Birdie's phone book: 1 to 32 numbers at once from a book that fills 16,384 tokens",
        "arXiv:2411.01030",
        {f"k{count}": Setting({"style": "instruction", "question": "both", "k_queries": count}) for count in (1, 2, 4, 8, 16, 32)},
        "16k", 1024, "random", None,
        f"{OWN} 1,024 books, which the paper names for one number, stand for every K, and each stands one in each K-th of the book.",
    ),
}  # fmt: skip

TASK = PhoneBook()
