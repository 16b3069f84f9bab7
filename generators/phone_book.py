"""Phone book: names and numbers, one entry a line, and a question for the numbers of some of the people.

Follows the phone books of Repeat After Me (Jelassi et al. 2024) and of Birdie (Blouir et al. 2024, section 4.3) in what can
be set; the wording is our own. In theirs a name may stand twice; here names and numbers are unique by construction.
"""

from __future__ import annotations

import json
import re
from bisect import bisect_right
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from os.path import commonprefix
from typing import Any, Literal

from lcgen import aligned, forms, grading
from lcgen.contract import Cell, Context, Draft, Plant, Preset, Puzzle, Role, Row, Setting, Source, Task
from lcgen.directory import Book, Roster, order
from lcgen.naming import naming
from lcgen.streams import Stream
from lcgen.telephones import numbers
from lcgen.wording import Wording

MOST_QUERIES = 64
"""Numbers of one question."""


@dataclass(frozen=True)
class PhoneBookParams:
    """What can be set of a phone book."""

    style: Literal["json", "instruction", "completion"] = "json"
    """How it is asked: for a JSON object, for a list in the order of the question, or by a name alone after two solved examples."""
    k_queries: int = 1
    """People asked for in one question (K), from 1 to 64."""
    entries: int = 0
    """Lines of the book, whose tokens are then measured; 0: as many as the length holds."""
    question: Literal["after", "before", "both"] = "after"
    """Where the question stands, seen from the book."""
    copies: int = 1
    """How often the whole book stands in the prompt (Just Read Twice: 2)."""
    length_basis: Literal["final", "once"] = "final"
    """Whether the length asked for holds all copies, or the prompt with one; then the rest comes on top and is measured."""
    order: Literal["random", "surname", "number"] = "random"
    """Order of the entries."""
    shared_surname: int = 0
    """For each person asked for, others with the same family name."""
    shared_given: int = 0
    """For each person asked for, others with the same given name."""
    near_miss: int = 0
    """For each person asked for, others whose name differs in a letter or by an initial (reverse: whose number, in a group)."""
    number_format: Literal["hyphens", "plain", "country", "extension"] = "hyphens"
    """How numbers are written: 212-555-0187, digits alone, with a country code, with an extension."""
    reverse: bool = False
    """Whether numbers are given and names asked for."""
    absent: float = 0.0
    """Share of the people asked for who are not in the book; right is the no-answer word. A multiple of 0.05."""
    updates: int = 0
    """Corrections of each number asked for, of which the last one holds; as many stand for people whom nobody asks for."""

    def __post_init__(self) -> None:
        for name, least, most in (("k_queries", 1, MOST_QUERIES), ("entries", 0, 1 << 20), ("copies", 1, 16), ("shared_surname", 0, 64),
                                  ("shared_given", 0, 64), ("near_miss", 0, 16), ("updates", 0, 16)):  # fmt: skip
            if not least <= (found := getattr(self, name)) <= most:
                raise ValueError(f"{name} must be from {least:,} to {most:,}, and is {found:,}")
        if not 0 <= self.absent <= 1 or round(self.absent * 20) != round(self.absent * 20, 6):
            raise ValueError(f"absent must be a multiple of 0.05 from 0 to 1, and is {self.absent:g}")
        plain = (("k_queries", 1), ("question", "after"), ("absent", 0))
        if self.style == "completion" and (wrong := [f"{k}={getattr(self, k)}" for k, v in plain if getattr(self, k) != v]):
            needed = ", ".join(f"{name}={value}" for name, value in plain)
            raise ValueError(
                f"style=completion ends with one name and has no words for {', '.join(wrong)}; it needs {needed}, or take style=instruction"
            )
        if self.updates and self.order != "random":
            raise ValueError(
                f"updates={self.updates} needs order=random, for a correction stands later than its entry; order={self.order} needs updates=0"
            )
        self.check(1)

    def check(self, questions: int) -> None:
        """Raises ValueError where the entries that the questions need are more than the book has lines."""
        each, others = (
            1 + 3 * self.updates + self.shared_surname + self.shared_given + self.near_miss,
            2 * (self.style == "completion"),
        )
        asked = questions * self.k_queries
        if self.entries and (needed := asked * each + others) > self.entries:
            most = (self.entries - others) // each // questions
            instead = f", or k_queries={most}" if 1 <= most < self.k_queries else ""
            said = f" in {questions} questions" if questions > 1 else ""
            raise ValueError(
                f"k_queries={self.k_queries}{said} takes {needed:,} lines, {each} for each number asked for"
                f"{' and 2 for the solved examples' if others else ''}, but entries={self.entries:,}; ask for entries={needed:,}{instead}"
            )


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
        "entry": ("name~line", "number~line"), "correction": ("name~line", "number~line"), "quoted": ("item~line",),
        "complete": ("item~line", "value~line"), "ask": ("items*", "reverse?", "updates?", "absent?"), "no_answer": (), "refusals": (),
    }  # fmt: skip

    def count(self, params: PhoneBookParams) -> int | None:
        return params.entries or None

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

        items, answers, found = [], [], []
        for slot, (entry, depth) in enumerate(zip(entries, depths)):
            # Somebody who is not asked for stands where the person asked for would: counts say nothing.
            absent = params.absent > 0 and _turn(cell, slot) < round(params.absent * 20)
            made = listed(entry, depth, "distractor" if absent else "gold", slot)
            asked = (roster.name(), roster.number()) if absent else entry
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
        said = [_solved(wording, other, params.reverse) for other in examples]
        filler = source.filler(rng.child("filler"), lambda: Book(names, telephones, wording.parts("entry"), by))
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
                filler=filler,
                sep="\n",
                copies=params.copies if params.length_basis == "final" else 1,
                count=params.entries or None,
                avoid=frozenset(roster.made),
                sort=filler.sorter(lines, source.lang) if isinstance(filler, Book) else None,
                state=(asks, said),
            )
        ]

    def _depths(self, rng: Stream, cell: Cell, slots: int) -> list[float]:
        """The first person asked for stands at the depth asked for, the others evenly round the book from there on; or one anywhere in
        each of so many parts of the book."""
        turn = rng.shuffle(range(slots if cell.depth is None else slots - 1))
        if cell.depth is None:
            return [round((place + rng.unit()) / slots, 9) for place in turn]
        ahead = [cell.depth + (1 + place) / slots for place in turn]
        return [cell.depth, *(round(depth - 1 if depth > 1 else depth, 9) for depth in ahead)]

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
        asks, examples = draft.state
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
                    "examples": examples,
                },
                answers=ask.answers,
                depth=ask.depth,
                parts=ask.parts,
                prefix=ask.cue,
                lanes=(0,) * params.copies if params.length_basis == "once" else None,
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
        held: dict[str, list[str]] = {}
        for name, number, correction in _read(context, wording):
            held[name] = [number] if correction else [*held.get(name, []), number]
        items = _items(question, wording)
        if not any(item in held for item in items):
            turned: dict[str, list[str]] = {}
            for name, found in held.items():
                for number in found:
                    turned.setdefault(number, []).append(name)
            held = turned if any(item in turned for item in items) else {}
        none = wording.pattern("no_answer").search(question)
        missing = [none.group()] if none else []
        # A book that stands twice says everything twice.
        return [value for item in items for value in dict.fromkeys(held.get(item, missing))]

    def score(self, response: str, row: Row) -> Mapping[str, float]:
        metadata, outputs, evidence = row["metadata"], row["outputs"], row["evidence"]
        reverse, none = metadata["reverse"], metadata["no_answer"]
        said = grading.visible(response.replace(row["input"], " ").replace(row["question"], " "), row["input"])
        if metadata["style"] == "completion":
            said = said.strip().partition("\n")[0]
        said = aligned.flat(f"{row['gen_prefix'].strip()} {said}" if row["gen_prefix"] else said)
        key_as, value_as = (aligned.digits, aligned.folded) if reverse else (aligned.folded, aligned.digits)
        keys = [key_as(item) for item in metadata["asked"]]
        gold = [aligned.NONE if output == none else value_as(output) for output in outputs]
        book = aligned.stated(row, value_as) if reverse else set[str]()
        told = aligned.numbers(said, len(aligned.digits(evidence[0]["key" if reverse else "value"])))
        people = aligned.names(said, book if reverse else set(keys))
        key_hits, values = ([hit for hit in told if hit.text in keys], people) if reverse else (people, told)
        values = sorted([*values, *aligned.refusals(said, [none, *metadata["refusals"]] if none else [])])
        start = aligned.final(said, values)
        key_hits, values = ([hit for hit in hits if hit.start >= start] for hits in (key_hits, values))
        given, strays = aligned.assign(keys, key_hits, values)
        judged = aligned.judge(gold, given, strays)
        old = {value_as(piece["value"]) for piece in evidence if piece["role"] != "gold" and piece["key"] in metadata["asked"]}
        if not reverse and not {*judged.missed} <= {*gold, *old}:
            book = aligned.stated(row, value_as)
        kinds = [
            "swap" if value in gold else "outdated" if value in old else "confusion" if value in book else "hallucination"
            for value in judged.missed
        ]
        if reverse and (len(gold) == 1 or key_hits):
            # Names are known by the book: where a number is given something else, that was a name of nobody's.
            kinds += ["hallucination"] * sum(not some and bool(said.strip()) for some in given)
        found = {
            "score": judged.score,
            "exclusive": judged.score,
            "per_number": sum(judged.right) / len(gold),
            "all_correct": float(all(judged.right) and not judged.cost),
            "set_recall": sum(wanted in {*judged.slots, *strays} for wanted in gold) / len(gold),
        }
        for kind in ("swap", "outdated", "confusion", "hallucination"):
            found[f"{kind}_rate"] = kinds.count(kind) / max(1, judged.returned, len(kinds))
        for name, lost in (("refused", True), ("false_refusal", False)) if none else ():
            if slots := [value for wanted, value in zip(gold, judged.slots) if (wanted == aligned.NONE) == lost]:
                found[name] = slots.count(aligned.NONE) / len(slots)
        if metadata["style"] == "completion":
            found["first_line"] = float(response.partition("\n")[0].strip() == outputs[0])
        return found | aligned.spread(judged.right, metadata["asked"], evidence) if len(gold) > 1 else found

    def oracle(self, row: Row) -> str:
        if row["metadata"]["style"] == "json" and not row.get("gen_prefix"):
            return json.dumps(dict(zip(row["metadata"]["asked"], row["outputs"])), ensure_ascii=False)
        return ", ".join(row["outputs"])


def _turn(cell: Cell, slot: int) -> int:
    """Balanced blocks of 20 indices, each slot's in an order of its own."""
    return replace(cell, blocks=cell.blocks and cell.blocks.child("absent", slot)).turn(20)


def _solved(wording: Wording, entry: tuple[str, str], reverse: bool) -> str:
    """A solved example."""
    return wording.say("complete", item=entry[reverse], value=entry[not reverse])


def _read(context: str, wording: Wording) -> Iterator[tuple[str, str, bool]]:
    """Name and number of each line of a book, and whether it is a correction."""
    entry, correction = (
        re.compile(f"^(?:{wording.pattern(block).pattern})$", re.M).finditer(context) for block in ("entry", "correction")
    )
    corrected = {match.start(): match for match in correction}
    for match in entry:
        late = corrected.pop(match.start(), None)
        yield (late or match)["name"], (late or match)["number"], late is not None
    for match in corrected.values():
        yield match["name"], match["number"], True


def _items(question: str, wording: Wording) -> list[str]:
    """What a question asks for."""
    if items := [match["item"] for match in wording.pattern("quoted").finditer(question)]:
        return items
    match = wording.pattern("complete").fullmatch(f"{question} 0")
    return [match["item"]] if match else []


def _shortcut(pick: Callable[[Sequence[tuple[str, str]], Sequence[str]], Sequence[str]]) -> Any:
    """A baseline over the pairs of key and value of a book, without corrections, and the items asked for."""

    def shortcut(context: str, question: str, wording: Wording) -> Sequence[str]:
        items = _items(question, wording)
        pairs = [(name, number) for name, number, late in _read(context, wording) if not late]
        if any(any(letter.isdigit() for letter in item) for item in items):
            pairs = [(number, name) for name, number in pairs]
        return pick(pairs, items)

    return shortcut


def _after(pairs: Sequence[tuple[str, str]], items: Sequence[str]) -> list[str]:
    """For each item the value of the key that follows it in the alphabet."""
    ranked = sorted(pairs)
    return [ranked[min(bisect_right(ranked, (item, "\U0010ffff")), len(ranked) - 1)][1] for item in items if ranked]


def _alike(pairs: Sequence[tuple[str, str]], items: Sequence[str]) -> list[str]:
    """For each item the value of the key that is most like it, itself left out: by the letters in common at both ends."""

    def common(item: str, key: str) -> int:
        ends = (len(commonprefix([item, key])), len(commonprefix([item[::-1], key[::-1]])))
        return sum(ends) if item != key else -1

    return [max(pairs, key=lambda pair: common(item, pair[0]))[1] for item in items if pairs]


PhoneBook.baselines = {
    "first_entries": _shortcut(lambda pairs, items: [value for _, value in pairs[: len(items)]]),
    "last_entries": _shortcut(lambda pairs, items: [value for _, value in pairs[-len(items) :]]),
    "next_in_alphabet": _shortcut(_after),
    "most_similar": _shortcut(_alike),
}

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
