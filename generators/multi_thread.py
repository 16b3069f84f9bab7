"""Needle threading: pairs of keys and values in which the value of one pair is the key of another, and questions that follow them.

Follows Needle Threading (Roberts et al. 2024, sections 3 and 4) in its tasks, and the variable tracking of RULER (Hsieh et al. 2024,
section 3.2) as threads of assignments in prose; the wording is our own. With the haystack `records` the context is JSON of pairs that
all look alike; with any text the pairs of the puzzle are sentences in it.
"""

from __future__ import annotations

import json
from bisect import bisect_left
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from operator import itemgetter
from typing import Literal

import numpy as np

from lcgen import contrasts, forms, grading, published
from lcgen.atoms import CONSONANTS, Form, Letters
from lcgen.contract import (
    MOST_PLANTS,
    Cell,
    Context,
    Draft,
    Lane,
    Plant,
    Preset,
    Puzzle,
    Role,
    Row,
    Setting,
    Shortcut,
    Source,
    Task,
    Units,
)
from lcgen.errors import CheckFailed, LcgenError
from lcgen.records import Records
from lcgen.streams import Stream
from lcgen.threads import Line, lay
from lcgen.wording import Wording

SIGNS = "*&#@%+~!"
"""Characters that mark the keys asked for, of which neither JSON nor any alphabet makes use."""
RESERVED = 8192
"""Pool ids kept for plants; pairs of filler start behind them."""
SHAPES, SENTENCES = {"{": "object", "[": "rows"}, {"pairs": "link", "assignments": "assignment"}
THREADS = {"multiple": 3, "conditional": 3, "multi_thread": 2}
LENGTHS = {"thread": 4, "multi_thread": 3, "branched": 3}


@dataclass(frozen=True)
class MultiThreadParams:
    """What can be set of a threading puzzle."""

    variant: Literal["single", "multiple", "conditional", "thread", "multi_thread", "branched"] = "multi_thread"
    """Asks for the value of one key, of several, of all with a character in them, the end of one thread, of several, or of the longest branch."""
    pairs: int = 0
    """Pairs in the context, its tokens being measured; 0: as many as fit into --lengths."""
    threads: int = 0
    """Threads asked for (N), or keys of `multiple` and `conditional`; 0: 2 threads, or 3 keys, where the variant has several."""
    thread_length: int = 0
    """Pairs on each thread (L); 0: 4 in `thread`, 3 in `multi_thread` and `branched`, 1 where nothing is followed."""
    direction: Literal["forward", "backward", "random"] = "random"
    """Whether each next pair stands later in the text, earlier, or anywhere (from 3 pairs on never all in one direction)."""
    placement: Literal["random", "clustered", "stratified"] = "random"
    """Where the planted pairs stand: anywhere, side by side (--depths is then the depth of all of them), or one in each of equal parts."""
    anchor: Literal["first", "last"] = "first"
    """Which pair of the first thread stands at the depth that --depths asks for."""
    branching: int = 0
    """Pairs that share each key on the way of `branched`, of which one leads on to the end; 0: 2."""
    decoys: int = 0
    """Threads of equal length that nobody asks for; in `conditional`, keys with another character."""
    alphabet: Literal["uuids", "hex", "words", "consonants", "published"] = "uuids"
    """Form of keys and values; `published` draws the pairs that Needle Threading's own numbers give, for a fixed number of pairs."""
    width: int = 8
    """Characters of `hex` and `consonants`."""
    condition: str = "*"
    """The character of `conditional`: one of *&#@%+~!"""
    walk: bool = False
    """Whether all values on the way are asked for, not the last one alone."""
    links: Literal["pairs", "assignments"] = "pairs"
    """How prose words a pair: a key and its value, or a number or variable that is assigned to the next variable."""

    def __post_init__(self) -> None:
        several, long, asks = self.variant in THREADS, self.variant in LENGTHS, f"variant={self.variant}"
        least, name = min((getattr(self, name), name) for name in ("pairs", "threads", "thread_length", "branching", "decoys"))
        chain = self.variant in ("thread", "multi_thread") and self.walk
        for wrong, why in (
            (least < 0, f"{name} is {least}, but must be at least 0"),
            (self.threads > 1 and not several, f"{asks} has one thread, not {self.threads}: take threads=1, or variant=multi_thread"),
            (long and self.thread_length == 1, f"{asks} needs a thread_length of at least 2; for single pairs take variant=multiple"),
            (self.thread_length > 1 and not long, f"{asks} follows no thread: thread_length is 1, not {self.thread_length}"),
            (self.branching and (self.branching < 2 or self.variant != "branched"), "branching is at least 2, and for variant=branched alone"),
            (not 5 <= self.width <= 14, f"width is {self.width}, but must be 5 to 14, so that there are keys for every length"),
            (self.condition not in tuple(SIGNS), f"condition is {self.condition!r}, but must be one of {' '.join(SIGNS)}"),
            (self.walk and not long, f"walk needs a thread of at least 2 pairs: {asks} has none"),
            (self.links == "assignments" and not chain, "links=assignments asks for whole chains: take walk=true and variant=thread or multi_thread"),
            (self.alphabet == "published" and not self.pairs, "alphabet=published draws a fixed number of pairs: set pairs, such as pairs=25"),
            (self.alphabet == "published" and self.variant == "branched", "alphabet=published has no branches: take another alphabet"),
        ):  # fmt: skip
            if wrong:
                raise ValueError(why)
        self.fits(1)

    @property
    def n(self) -> int:
        return self.threads or THREADS.get(self.variant, 1)

    @property
    def steps(self) -> int:
        return self.thread_length or LENGTHS.get(self.variant, 1)

    @property
    def forks(self) -> int:
        """Branches of each key on the way that do not lead to the end."""
        return (self.branching or 2) - 1 if self.variant == "branched" else 0

    def sign(self, question: int) -> str:
        """The character that the keys of a question hold; that of the one behind the last is in decoys."""
        return SIGNS[(SIGNS.index(self.condition) + question) % len(SIGNS)]

    def fits(self, questions: int) -> None:
        """Raises ValueError where so many questions need more pairs than there are."""

        def need(threads: int, steps: int) -> int:
            # A branch that leaves before pair i has at most as many pairs as are left, less one.
            return threads * (steps + self.forks * (steps - 1) * steps // 2)

        room, threads = min(self.pairs or MOST_PLANTS, MOST_PLANTS), self.n * questions + self.decoys
        if (most := need(threads, self.steps)) <= room:
            return
        each = need(1, self.steps)
        nearest = {
            "pairs": most if most <= MOST_PLANTS and self.pairs else 0,
            "threads": (room // each - self.decoys) // questions if self.variant in THREADS else 0,
            "thread_length": next((n for n in range(min(self.steps, room), 1, -1) if need(threads, n) <= room), 0),
            "decoys": room // each - self.n * questions if self.decoys else 0,
        }
        raise ValueError(
            f"{self.n * questions} threads and {self.decoys} decoys of {self.steps} pairs{' and their branches' if self.forks else ''} "
            f"need {most:,} pairs, but "
            + (f"pairs is {self.pairs}" if self.pairs == room else f"a row holds at most {MOST_PLANTS:,} planted ones")
            + f": possible are {', or '.join(f'{name}={value}' for name, value in nearest.items() if value > 0) or 'fewer of all'}"
        )


@dataclass(frozen=True)
class Ask:
    """One question of a draft."""

    keys: Sequence[str]
    threads: Sequence[Sequence[str]]
    """Of each key all values on its thread."""
    sign: str
    depth: float
    parts: Sequence[int]


class Pairs(Records):
    """Pairs that nobody asks for; where there are no more distinct ones it says so, since no key may stand twice."""

    def numbers(self, ids: np.ndarray) -> list[np.ndarray]:
        if len(ids) and int(ids.max()) >= self.limit:
            raise LcgenError(
                f"There are {self.limit:,} pairs of distinct keys of this alphabet, too few for this length. Take alphabet=uuids."
            )
        return super().numbers(ids)


class MultiThread(Task[MultiThreadParams]):
    """Following values that are keys."""

    name = "multi_thread"
    about = "Follows threads of pairs in which each value is the next key, one thread or several at once."
    papers = ("arXiv:2411.05000", "arXiv:2404.06654")
    tags = ("needle-threading", "multi-hop", "retrieval")
    Params = MultiThreadParams
    shares = True
    revision = 1
    metric = "exclusive"
    grid = "random"
    haystack = "records"
    blocks = {
        "link": ("key~code", "value"), "assignment": ("key", "value"), "ask_values": ("keys*",), "ask_condition": ("sign~sign",),
        "ask_ends": ("keys*", "walk?", "forks?"), "ask_variables": ("keys*",), "every": (), "longest": (),
    }  # fmt: skip

    def count(self, params: MultiThreadParams) -> int | None:
        return params.pairs or None

    def draw(self, rng: Stream, params: MultiThreadParams, cell: Cell, source: Source, wording: Wording) -> Sequence[Draft]:
        _refuse(params, cell, source)
        asked, whole = params.n * cell.questions, params.n * cell.questions + params.decoys
        # Beside a branched thread the way parts before each pair but the last, into branches that all end before the thread does.
        parted = [(thread, step) for thread in range(whole) for step in range(params.steps - 1) for _ in range(params.forks)]
        lengths = [params.steps] * whole + [1 + rng.below(params.steps - 1 - step) for _, step in parted]
        line = Line(params.direction, params.placement, params.anchor == "last", params.pairs or None, cell.depth)
        laid = lay(rng.child("places"), lengths, line, (cell.turn(10) + rng.unit()) / 10)
        nodes, records = _texts(rng, params, cell, source, laid.places, parted)
        bare = source.kind == "records"
        found: list[tuple[int, Plant]] = []
        for number, texts in enumerate(nodes):
            for step, (key, value) in enumerate(zip(texts, texts[1:])):
                gold = params.walk or step == params.steps - 1
                role: Role = "decoy" if number >= asked else "gold" if gold else "step"
                part = number if number < whole else parted[number - whole][0]
                text = _pair(params, key, value) if bare else wording.say(SENTENCES[params.links], key=key, value=value)
                found.append((laid.places[number][step], Plant(text, laid.depths[number][step], role, part, key, value)))
        asks = []
        for number in range(cell.questions):
            parts = range(number * params.n, (number + 1) * params.n)
            depth = laid.depths[parts[0]][-1 if params.anchor == "last" else 0] if number else laid.depth
            starts, threads = [nodes[part][0] for part in parts], [nodes[part][1:] for part in parts]
            asks.append(Ask(starts, threads, params.sign(number), depth, parts))
        held = {text for texts in nodes for text in texts}
        if params.variant == "conditional":
            held |= {params.sign(number) for number in range(cell.questions + 1)}
        return [
            Draft(
                plants=tuple(plant for _, plant in sorted(found, key=itemgetter(0))),
                filler=source.filler(rng.child("filler"), records),
                sep=", " if bare else wording.sep,
                lanes=(Lane(*("[]" if params.variant == "branched" else "{}")) if bare else Lane(),),
                count=params.pairs or None,
                least=laid.least - len(found),
                # No key or value of a pool is part of another, so pairs need no search.
                avoid=frozenset() if bare else frozenset(held),
                state=asks,
            )
        ]

    def pose(self, rng: Stream, params: MultiThreadParams, draft: Draft, context: Context, wording: Wording) -> Sequence[Puzzle]:
        conditional, assigned = params.variant == "conditional", params.links == "assignments"
        cues = {(plant.key, plant.value): plant.cue for plant in draft.plants}
        return [
            Puzzle(
                slots={
                    "question": _question(params, ask, wording),
                    "place": "after",
                    "shape": SHAPES.get(draft.lanes[0].head, params.links),
                },
                answers=[value for thread in ask.threads for value in (thread if params.walk else thread[-1:])],
                depth=ask.depth,
                parts=ask.parts,
                # Where a thread is followed, the words before its end would name the last key.
                prefix="" if conditional or params.steps > 1 else cues[ask.keys[0], ask.threads[0][0]],
                metadata={
                    "variant": params.variant,
                    "keys": list(ask.keys),
                    "threads": [list(thread) for thread in ask.threads],
                    "walk": params.walk,
                    "ordered": not (conditional or assigned),
                    "condition": ask.sign if conditional else None,
                    "decoys": params.decoys,
                    "planted": len(draft.plants),
                },
            )
            for ask in draft.state
        ]

    def solve(self, context: str, question: str, wording: Wording) -> Sequence[str]:
        pairs = list(_read(context, wording))
        if condition := wording.pattern("ask_condition").search(question):
            return [value for key, value in pairs if condition["sign"] in key]
        links: dict[str, list[str]] = {}
        for key, value in pairs:
            links.setdefault(key, []).append(value)
        forked = wording.pattern("longest").search(question)
        for key, values in links.items():
            if len(values) > 1 and not forked:
                raise CheckFailed(f"The key {key} stands {len(values)} times, with {values[0]} and {values[1]}.")
        every = wording.pattern("every").search(question) or wording.pattern("assignment").search(context)
        answers: list[str] = []
        for start in sorted((key for key in links if key in question), key=question.index):
            thread = _longest(start, links)
            answers += thread if every else thread[-1:]
        return answers

    def score(self, response: str, row: Row) -> Mapping[str, float]:
        meta, outputs, prompt = row["metadata"], row["outputs"], row["input"]
        owned = [thread if meta["walk"] else thread[-1:] for thread in meta["threads"]]
        # A base model goes on from the first key.
        said = f"{meta['keys'][0]}: {response}" if row["gen_prefix"] and meta["keys"][0] not in response else response
        # A question that is said again before the answer names no answer.
        said = grading.by_key(
            grading.visible(said.replace(prompt, " ").replace(row["question"], " "), prompt), meta["keys"], owned
        )
        rivals = {piece["value"] for piece in row["evidence"] if piece["role"] != "gold"} - {*outputs}
        found = grading.judge(said, outputs, sorted(rivals), prompt=prompt, ordered=meta["ordered"], allowed=meta["keys"])

        def lacks(wanted: Sequence[str]) -> bool:
            return not found["recall"] or grading.judge(said, wanted, ordered=meta["ordered"])["recall"] < 1

        found["threads"] = sum(not lacks(own) for own in owned) / len(owned)
        if meta["walk"]:
            # Of the values asked for, those up to the first one that is missing or out of order.
            right = [bisect_left(range(1, len(own) + 1), True, key=lambda number: lacks(own[:number])) for own in owned]
            found["prefix"] = sum(right) / len(outputs)
        return found

    def oracle(self, row: Row) -> str:
        return ", ".join(row["outputs"])

    def contrast(self, row: Row) -> contrasts.Contrast | None:
        """Each step is told after its own key; where keys must be found first, or lead two ways, to look up is not enough."""
        found, meta = contrasts.by_spans(row), row["metadata"]
        if found is None:
            return None
        keys = {piece["value"]: piece["key"] for piece in row["evidence"] if piece["role"] != "decoy"}
        looked_up = meta["ordered"] and meta["variant"] != "branched"
        bare = {"cue": "", "lead": " "} if meta["condition"] else {}
        return replace(found, choices=[
            replace(choice, key=keys[choice.gold], literal=looked_up and choice.literal, **bare)
            for choice in found.choices
        ])  # fmt: skip


def _refuse(params: MultiThreadParams, cell: Cell, source: Source) -> None:
    """Raises ValueError for what this haystack or so many questions do not go with."""
    params.fits(cell.questions)
    if source.split and params.alphabet == "published":
        raise ValueError("alphabet=published draws the published keys, of which no split has a share: leave out --disjoint-pools")
    if source.kind == "records" and params.links == "assignments":
        raise ValueError("links=assignments words sentences, for which it needs a text: take --haystack noise or prose")
    if source.kind != "records" and params.pairs:
        raise ValueError("pairs counts those of a JSON context: leave it out with a text as haystack, or take --haystack records")
    if params.variant == "conditional" and cell.questions >= len(SIGNS):
        raise ValueError(
            f"each question of variant=conditional has a character of its own: at most {len(SIGNS) - 1} questions per context"
        )


def _texts(
    rng: Stream,
    params: MultiThreadParams,
    cell: Cell,
    source: Source,
    places: Sequence[Sequence[int]],
    parted: Sequence[tuple[int, int]],
) -> tuple[list[list[str]], Callable[[], Units]]:
    """Of each thread its first key and its values, each of which but the last is the next key; and all other pairs, which have none of
    these. Behind the threads come the branches, each with the thread and the pair before which it leaves it."""
    filler: Callable[[], Units]
    if params.alphabet == "published":
        number = published.repetition(cell, rng)
        drawn = published.UuidPairs(number)
        nodes = [[*(drawn.pair(place)[0] for place in thread), drawn.pair(thread[-1])[1]] for thread in places]
        filler = lambda: published.UuidPairs(number, [place for thread in places for place in thread])  # noqa: E731
    else:
        if params.alphabet == "consonants":
            form: Form = Letters(CONSONANTS, params.width)
        else:
            form = forms.form(params.alphabet, source.lang, params.width)
        form = source.share(form)
        keys, values = (forms.Pool(form, rng.child("pool"), first) for first in (0, form.size // 2))
        texts = iter(keys.texts(np.arange(sum(len(thread) + 1 for thread in places))))
        nodes = [[next(texts) for _ in range(len(thread) + 1)] for thread in places]
        before, between, after = _pair(params, "|", "|").split("|")
        filler = lambda: Pairs(before, keys, between, values, after, sep=", ", start=RESERVED)  # noqa: E731
    whole = len(places) - len(parted)
    for branch, (thread, step) in zip(nodes[whole:], parted):
        branch[0] = nodes[thread][step]
    if params.links == "assignments":
        starts = forms.Pool(source.share(forms.form("digits", source.lang, 5)), rng.child("starts")).texts(np.arange(whole))
        nodes = [[start, *texts[1:]] for start, texts in zip(starts, nodes)]
    if params.variant == "conditional":
        marks = [params.sign(min(number // params.n, cell.questions)) for number in range(whole)]
        nodes = [[_signed(texts[0], mark, rng), *texts[1:]] for mark, texts in zip(marks, nodes)]
    return nodes, filler


def _pair(params: MultiThreadParams, key: str, value: str) -> str:
    """A pair in JSON: a member of an object, or a row of a list, in which keys may come again."""
    return f'["{key}", "{value}"]' if params.variant == "branched" else f'"{key}": "{value}"'


def _question(params: MultiThreadParams, ask: Ask, wording: Wording) -> str:
    if params.variant == "conditional":
        return wording.say("ask_condition", sign=ask.sign)
    if params.links == "assignments":
        return wording.say("ask_variables", keys=ask.keys)
    if params.steps == 1:
        return wording.say("ask_values", keys=ask.keys)
    return wording.say("ask_ends", keys=ask.keys, walk=params.walk, forks=params.variant == "branched")


def _signed(key: str, sign: str, rng: Stream) -> str:
    """The key with the sign between two of its letters; distinct keys stay distinct."""
    place = rng.choice([number for number in range(1, len(key)) if key[number - 1 : number + 1].isalnum()])
    return key[:place] + sign + key[place:]


def _read(context: str, wording: Wording) -> Iterator[tuple[str, str]]:
    """All pairs of a context, from JSON, whose repeated keys are kept, or from sentences."""
    if context[:1] in ("{", "["):
        try:
            yield from json.loads(context, object_pairs_hook=list)
            return
        except (ValueError, RecursionError):
            pass  # a text that begins with a bracket
    for block in ("link", "assignment"):
        for found in wording.pattern(block).finditer(context):
            yield found["key"], found["value"]


def _longest(start: str, links: Mapping[str, Sequence[str]]) -> list[str]:
    """The values on the longest way from a key. Raises CheckFailed where two are as long, or one has no end."""
    ways, best, ties = [[start]], [start], 0
    while ways:
        way = ways.pop()
        if len(way) > len(best) or len(way) == len(best) > 1:
            ties = len(way) == len(best)
            best = way
        for value in links.get(way[-1], ()):
            if value in way:
                raise CheckFailed(f"The way from {start} comes back to {value}.")
            ways.append([*way, value])
    if ties:
        raise CheckFailed(f"Two ways from {start} have {len(best) - 1} pairs.")
    return best[1:]


def _by_place(pick: int) -> Shortcut:
    def shortcut(context: str, question: str, wording: Wording) -> Sequence[str]:
        values = [value for _, value in _read(context, wording)]
        return values[pick : pick + 1 or None]

    return shortcut


def _one_hop(context: str, question: str, wording: Wording) -> Sequence[str]:
    """The values of the keys asked for, where these are keys too."""
    links = dict(_read(context, wording))
    return [links[key] for key in links if key in question and links[key] in links]


def _next_pair(context: str, question: str, wording: Wording) -> Sequence[str]:
    """The value that stands behind the pair of each key asked for."""
    pairs = list(_read(context, wording))
    return [after for (key, _), (_, after) in zip(pairs, pairs[1:]) if key in question]


def _majority(context: str, question: str, wording: Wording) -> Sequence[str]:
    return [value for value, _ in Counter(value for _, value in _read(context, wording)).most_common(1)]


def _every_value(context: str, question: str, wording: Wording) -> Sequence[str]:
    return [value for _, value in _read(context, wording)]


MultiThread.baselines = {
    "first_value": _by_place(0), "last_value": _by_place(-1), "one_hop": _one_hop, "next_pair": _next_pair, "majority": _majority,
    "every_value": _every_value,
}  # fmt: skip

COUNTS, STEPS = (1, 2, 3, 4, 5, 10, 15, 20, 25), (2, 3, 4, 5, 6, 7, 8, 9, 10, 15, 20, 25)
WAYS = ("forward", "backward", "random")
FROM_2500 = "2500,5000,10000,20000,32000,64000,128000,180000,250000,500000,630000"
FROM_5000 = FROM_2500.partition(",")[2]
ENDS = {10: "threads that run forward end late in the text and backward ones early, as asked; direction=random tells nothing"}
OWN = "Our own wording, so scores are not comparable digit for digit; --template takes a published one."

VARIABLES = {
    "variant": "thread", "links": "assignments", "alphabet": "consonants", "width": 5, "direction": "forward", "walk": True,
}  # fmt: skip

MultiThread.presets = {
    "needle_threading": Preset(
        "Needle Threading's tasks over length, depth, number and length of threads, and direction",
        "arXiv:2411.05000",
        {
            "single": Setting({"variant": "single"}, depths="0..1:0.1"),
            "multiple": Setting(
                {"variant": "multiple", "threads": COUNTS, "placement": ("random", "clustered")}, lengths=FROM_5000
            ),
            "conditional": Setting(
                {"variant": "conditional", "threads": COUNTS, "placement": ("random", "clustered")}, lengths=FROM_5000
            ),
            "thread": Setting({"variant": "thread", "thread_length": STEPS, "direction": WAYS}, depths="random", lengths=FROM_2500, breaks=ENDS),
            "multi_thread": Setting(
                {"variant": "multi_thread", "threads": (2, 3, 4, 5), "thread_length": (2, 3, 4, 5, 10), "direction": WAYS},
                depths="random", lengths=FROM_5000,
                breaks=ENDS,
            ),
            "thread_safety": Setting(
                {"variant": "multi_thread", "threads": (5, 10, 15, 20, 25), "thread_length": 3}, samples=10, lengths="20000"
            ),
            "branched": Setting({"variant": "branched", "branching": (2, 3), "thread_length": (2, 3)}, lengths=FROM_2500),
            "published": Setting({"variant": "single", "alphabet": "published", "pairs": 25}, depths="0..1:0.1"),
        },
        f"1200,{FROM_2500}", 5, None, None,
        f"{OWN} Lengths are exact tokens of the whole row, not of the context, and UUIDs have a version; cells too short for 25 needles "
        "or for 50 pairs on threads are left out. `published` draws the published context (--set pairs=12500 and so on for other sizes). "
        "Scored by rule instead of by a judge. Branched threads are rows of a list, since parsers drop repeated keys of an object.",
    ),
    "ruler_vt": Preset(
        "RULER's variable tracking: chains of assignments in a repeated passage",
        "arXiv:2404.06654",
        {
            f"chains_{chains}_hops_{hops}": Setting({**VARIABLES, "thread_length": hops + 1, "decoys": chains - 1}, "noise", "random")
            for chains, hops in ((1, 4), (2, 4), (4, 4), (1, 8))
        },
        "4k..128k", 500, "random", None,
        f"{OWN} No worked example, and the number of variables is not given away. Names are distinct and have no vowels, so none is a word. "
        "RULER's own metric is `recall`, which naming every variable would fill; `score` takes the wrong ones off.",
    ),
}  # fmt: skip

TASK = MultiThread()
