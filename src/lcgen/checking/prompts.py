"""Prompts as a model reads them: whole, with the evidence alone, and with the evidence replaced token for token."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Literal

import numpy as np
from numpy.typing import NDArray

from lcgen.contract import Row
from lcgen.contrasts import Choice, Contrast
from lcgen.likeness import fresh
from lcgen.streams import Stream

if TYPE_CHECKING:
    from lcgen.tokens import Tokenizer

Ids = NDArray[np.int64]
Kind = Literal["full", "evidence", "removed"]
KINDS: tuple[Kind, ...] = ("full", "evidence", "removed")
FRESH = 19
"""Fresh values that a right one is told from: naming it by chance is one in twenty."""
TAILS = (12, 48, 192)
"""Tokens at the end of a prompt that are encoded anew with an answer, the fewest that read alone as they read there."""
MOST_DRAWS = 400
"""Fresh values tried for one of as many tokens as the value that it replaces."""


@dataclass(frozen=True)
class Tokens:
    """A text and its tokens: ids, and the character at which each begins."""

    text: str
    ids: Ids
    starts: Ids

    def __len__(self) -> int:
        return len(self.ids)

    @cached_property
    def points(self) -> NDArray[np.uint32]:
        """The characters as numbers."""
        return np.frombuffer(self.text.encode("utf-32-le", "surrogatepass"), "<u4")

    def within(self, start: int, end: int) -> tuple[int, int]:
        """The tokens that hold these characters."""
        return int(np.searchsorted(self.starts, start, "right")) - 1, int(np.searchsorted(self.starts, end, "left"))

    def at(self, token: int) -> int:
        """The character at which a token begins; behind the last one the end."""
        return int(self.starts[token]) if token < len(self.starts) else len(self.text)


class Reader(ABC):
    """One vocabulary, and what stands round a user prompt for its model."""

    name: str
    vocabulary: int
    """Distinct tokens."""
    before: str = ""
    after: str = ""

    @abstractmethod
    def read(self, text: str) -> Tokens:
        """The tokens of a whole text."""

    @abstractmethod
    def encode(self, text: str) -> list[int]:
        """Ids of a text, nothing added round it."""

    def prompt(self, text: str) -> Tokens:
        """A user prompt as the model gets it."""
        return self.read(f"{self.before}{text}{self.after}")


class Plain(Reader):
    """A vocabulary of lcgen's, with nothing round the prompt."""

    def __init__(self, tokenizer: Tokenizer) -> None:
        self.tokenizer, self.name = tokenizer, tokenizer.name
        self.vocabulary = 1 << 18

    def read(self, text: str) -> Tokens:
        ids = np.asarray(self.tokenizer.encode(text), np.int64)
        starts = np.asarray(self.tokenizer.starts(text), np.int64)
        if not text.isascii():
            # A byte that goes on a character belongs to the character before it.
            leads = (np.frombuffer(text.encode(), np.uint8) & 0xC0) != 0x80
            starts = np.cumsum(leads)[np.minimum(starts, len(leads) - 1)] - 1
        return Tokens(text, ids, starts)

    def encode(self, text: str) -> list[int]:
        return self.tokenizer.encode(text)


@dataclass(frozen=True)
class Told:
    """One choice over one prompt: its candidates as tokens behind the stem of the prompt."""

    texts: Sequence[str]
    """Candidates, the right one first, then rivals, then fresh ones; of labels all."""
    fresh: int
    """How many of them are fresh."""
    branches: Sequence[Ids]
    """What follows on the stem: the rest of the prompt, cue and candidate."""
    scored: int
    """Tokens of each branch before the first one that tells candidates apart."""
    asked: str
    """What the answer is looked up by: its key, or the question."""
    keyed: bool
    """Whether that is the key, all of which must stand before the answer."""
    cued: bool
    """Whether words of the evidence stand before the candidates."""
    changed: str | None = None
    literal: bool = False


@dataclass(frozen=True)
class Prompt:
    """One prompt with all that is told over it. Its first `stem` tokens are shared by all branches."""

    kind: Kind
    tokens: Tokens
    stem: int
    told: Sequence[Told]
    turned: bool = False
    """Whether the labels of the question stand in the other order."""

    def __len__(self) -> int:
        """Tokens of the prompt with its longest branch."""
        return self.stem + max((len(branch) for told in self.told for branch in told.branches), default=0)


def prompts(row: Row, contrast: Contrast, reader: Reader, count: int = FRESH) -> Iterator[Prompt]:
    """The prompts of a row that have a meaning, with their candidates.

    Candidates are the same in all prompts of a row, so that only the prompt differs. `count` fresh values are drawn for
    each choice, from a stream of the row's own.
    """
    rng = Stream("check", row["id"])
    listed = [_candidates(row, choice, rng.child(number), count) for number, choice in enumerate(contrast.choices)]
    # A choice with nothing to be told from tells nothing.
    kept = [number for number, (texts, _) in enumerate(listed) if len(texts) > 1]
    choices, listed = [contrast.choices[number] for number in kept], [listed[number] for number in kept]
    if not choices:
        return
    full = reader.prompt(row["input"])
    texts: dict[Kind, Tokens] = {"full": full}
    if contrast.evidence is not None:
        texts["evidence"] = reader.prompt(contrast.evidence)
    if contrast.removed and (without := removed(full, len(reader.before), row, contrast, reader, rng)) is not None:
        texts["removed"] = without
    for kind, tokens in texts.items():
        yield _prompt(kind, tokens, row["question"], choices, listed, reader)
        if contrast.turned:
            question, gold = contrast.turned
            again = reader.read(tokens.text.replace(row["question"], question))
            other = [replace(choice, gold=gold[number]) for number, choice in zip(kept, choices)]
            yield replace(_prompt(kind, again, question, other, listed, reader), turned=True)


def _candidates(row: Row, choice: Choice, rng: Stream, count: int) -> tuple[list[str], int]:
    """The right answer, then wrong ones of the prompt, then fresh ones, and how many of these; or all labels."""
    if choice.labels:
        return list(dict.fromkeys(choice.labels)), 0
    rivals = [rival for rival in dict.fromkeys(choice.rivals) if rival != choice.gold]
    stated = [piece["value"] for piece in row["evidence"] if piece["value"]]
    taken = {*rivals, *row["outputs"], *stated, *(word for piece in row["evidence"] for word in (piece["key"],))}
    drawn = fresh(choice.gold, row["lang"], count, rng, taken, stated)
    held = [text for text in drawn if text not in row["input"]]
    return [choice.gold, *rivals, *held], len(held)


def _prompt(
    kind: Kind, tokens: Tokens, question: str, choices: Sequence[Choice], listed: Sequence[tuple[list[str], int]], reader: Reader
) -> Prompt:
    begun, said = tail(tokens, reader), []
    end = tokens.text[tokens.at(begun) :]
    for choice, (candidates, count) in zip(choices, listed):
        texts = [choice.gold, *(text for text in candidates if text != choice.gold)]
        cue, lead = _behind(end, choice, bool(reader.after))
        said.append((choice, texts, count, [reader.encode(f"{end}{cue}{lead}{text}") for text in texts]))
    # What all branches share of the prompt is its stem. Its last token is left to the branches, since it foretells their first.
    last = tokens.ids[begun:].tolist()
    shared = max(0, common([last, *(one for *_, joined in said for one in joined)]) - 1)
    told = [
        Told(
            texts,
            count,
            [np.asarray(one[shared:], np.int64) for one in joined],
            common(joined) - shared,
            choice.key or question,
            bool(choice.key),
            bool(choice.cue),
            choice.changed,
            choice.literal,
        )
        for choice, texts, count, joined in said
    ]
    return Prompt(kind, tokens, begun + shared, told)


def _behind(end: str, choice: Choice, wrapped: bool) -> tuple[str, str]:
    """Cue and lead of a choice as they go on from the end of a prompt: with one white space at the seam, and none where a model's
    own answer begins."""
    closed = wrapped or end[-1:].isspace()
    if not choice.cue:
        return "", "" if closed else choice.lead or " "
    if closed:
        return choice.cue.lstrip(), choice.lead
    return choice.cue if choice.cue[0].isspace() or not choice.cue.isascii() else f" {choice.cue}", choice.lead


def common(lists: Sequence[Sequence[int]]) -> int:
    """How many items all lists begin with."""
    shortest = min(map(len, lists))
    return next((place for place in range(shortest) if len({one[place] for one in lists}) > 1), shortest)


def tail(tokens: Tokens, reader: Reader) -> int:
    """The token from which on the end of a prompt reads alone as it reads there."""
    for count in TAILS:
        begun = len(tokens) - count
        if begun > 0 and reader.encode(tokens.text[tokens.at(begun) :]) == tokens.ids[begun:].tolist():
            return begun
    return 0


def removed(full: Tokens, shift: int, row: Row, contrast: Contrast, reader: Reader, rng: Stream) -> Tokens | None:
    """The prompt with each span replaced by as many tokens, all others as they are; None where there is nothing to put there.

    Filler is a stretch of the same document that begins and ends as the span does, so that it is units of the same
    kind where such units exist; else it is cut to size.
    """
    start, end = full.within(shift + row["context_start"], shift + row["context_end"])
    spans = [full.within(shift + low, shift + high) for low, high in contrast.removed]
    evidence = [full.within(shift + piece["char_start"], shift + piece["char_end"]) for piece in row["evidence"]]
    free = np.ones(len(full), bool)
    for low, high in [*spans, *evidence]:
        free[low:high] = False
    free[:start] = free[end:] = False
    pieces: list[tuple[int, int, Ids, str]] = []
    used: set[str] = set()
    for number, ((low, high), (first, last)) in enumerate(zip(spans, contrast.removed)):
        if pieces and low < pieces[-1][1]:
            continue
        own = rng.child("removed", number)
        if contrast.values:
            found = _other_value(full, low, high, (shift + first, shift + last), row, reader, own, used)
        else:
            found = _stretch(full, low, high, free, own)
        if found is None:
            return None
        pieces.append((low, high, *found))
    ids, text, at = [], [], 0
    for low, high, new, said in pieces:
        ids += [full.ids[at:low], new]
        text += [full.text[full.at(at) : full.at(low)], said]
        at = high
    whole = "".join([*text, full.text[full.at(at) :]])
    return Tokens(whole, np.concatenate([*ids, full.ids[at:]]), _starts(full, pieces))


def _starts(full: Tokens, pieces: Sequence[tuple[int, int, Ids, str]]) -> Ids:
    """Where tokens begin once pieces are replaced: inside a piece evenly, outside where they began, moved by what differs."""
    starts: Ids = full.starts.copy()
    moved = 0
    for number, (low, high, _, said) in enumerate(pieces):
        begin = full.at(low) + moved
        starts[low:high] = begin + np.arange(high - low) * max(1, len(said)) // max(1, high - low)
        moved += len(said) - (full.at(high) - full.at(low))
        until = pieces[number + 1][0] if number + 1 < len(pieces) else len(starts)
        starts[high:until] += moved
    return starts


def _stretch(full: Tokens, low: int, high: int, free: NDArray[np.bool_], rng: Stream) -> tuple[Ids, str] | None:
    """As many tokens of free text as a span has, with the same signs at both borders where there are such."""
    size = high - low
    blocked = np.concatenate([[0], np.cumsum(~free)])
    places = np.flatnonzero(blocked[size:] == blocked[:-size]) if size <= len(free) else np.zeros(0, np.int64)
    if not len(places):
        return None
    points = np.concatenate([[0], full.points, [0]])

    def border(tokens: Ids, before: bool, after: bool) -> NDArray[np.int64]:
        """The characters before and behind the borders in front of these tokens, as one number."""
        at = np.append(full.starts, len(full.text))[tokens]
        found: NDArray[np.int64] = points[at].astype(np.int64) * before << 24 | points[at + 1].astype(np.int64) * after
        return found

    for before, after, both in ((True, True, True), (False, True, True), (False, True, False)):
        like = border(places, before, after) == border(np.array([low]), before, after)
        if both:
            like &= border(places + size, True, after) == border(np.array([high]), True, after)
        if like.any():
            places = places[like]
            break
    place = int(places[rng.below(len(places))])
    return full.ids[place : place + size], full.text[full.at(place) : full.at(place + size)]


def _other_value(
    full: Tokens, low: int, high: int, span: tuple[int, int], row: Row, reader: Reader, rng: Stream, used: set[str]
) -> tuple[Ids, str] | None:
    """Another value of the same form and as many tokens, that nothing in the prompt is."""
    value = full.text[span[0] : span[1]]
    before, after = full.text[full.at(low) : span[0]], full.text[span[1] : full.at(high)]
    for text in fresh(value, row["lang"], MOST_DRAWS, rng, used):
        ids = reader.encode(f"{before}{text}{after}")
        if len(ids) == high - low and text not in row["input"]:
            used.add(text)
            return np.asarray(ids, np.int64), f"{before}{text}{after}"
    return None
