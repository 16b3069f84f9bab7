"""Generated prose: writes paragraphs of sentences from the grammar of a language and a fixed stream.

Nothing here, in grammar, spelling or lexicon knows a language: spaces, articles and the full stop come from the data
files. The same grammar gives the same bytes on every Python and numpy, since only the raw words of the Philox generator
are used.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lcgen import languages
from lcgen.errors import LcgenError
from lcgen.grammar import LONGEST, SHORTEST, Grammar, Ints, Stack
from lcgen.lexicon import Data, Lexicon
from lcgen.spelling import Pieces

REVISION = "2"  # part of every stream's key: raise it when a change of code changes the text
PARAGRAPHS = 1024  # paragraphs a block
LEXICON, TOPICS, SENTENCES = "lexicon.txt", "topics.txt", "sentences.txt"
_MARKS = 1021  # marks a paragraph, shared by the words with the same remainder: a rare needless step, a small table


@dataclass(frozen=True)
class Sentences:
    """Sentences as ids of text pieces.

    pieces: flat uint16 or uint32 array of ids; borders: int64, n + 1, sentence k is pieces[borders[k]:borders[k + 1]];
    table: the UTF-8 bytes of each id; breaks: bool, n, true where a sentence starts a paragraph.
    """

    pieces: Pieces
    borders: Ints
    table: list[bytes]
    breaks: NDArray[np.bool_]

    def text(self, k: int) -> str:
        """Text of sentence k, without a leading space."""
        return b"".join(self.table[i] for i in self.pieces[self.borders[k] : self.borders[k + 1]]).decode()


def version(lang: str) -> str:
    """A hash of the engine and a language's files, read but not checked; LcgenError for an unknown language."""
    return hashlib.sha256("\0".join([REVISION, *(data.text for data in _read(lang))]).encode()).hexdigest()


def load(lang: str) -> Grammar:
    """Reads and checks the prose of a language (a code such as "en"); LcgenError for an unknown one or a bad file."""
    words, topics, sentences = _read(lang)
    return Grammar(Lexicon(words, topics), sentences, version(lang))


def _read(lang: str) -> list[Data]:
    have = [code for code in languages.names() if (languages.folder(code) / "prose" / SENTENCES).is_file()]
    if lang not in have:
        raise LcgenError(f"There is no prose in language {lang!r}; there is {', '.join(have)}.")
    return [Data(lang, name, languages.text(lang, "prose", name)) for name in (LEXICON, TOPICS, SENTENCES)]


def write(grammar: Grammar, sentences: int) -> Sentences:
    """The first sentences of the grammar's one stream: sentence i is the same however many are asked for."""
    blocks = [_block(grammar, 0)]
    while sum(len(block[1]) for block in blocks) < sentences:
        blocks.append(_block(grammar, len(blocks)))
    pieces, counts, breaks = (np.concatenate(part) for part in zip(*blocks, strict=True))
    borders = np.concatenate([[0], np.cumsum(counts[:sentences])])
    return Sentences(pieces[: borders[-1]], borders, grammar.table, breaks[:sentences])


def _block(grammar: Grammar, number: int) -> tuple[Pieces, Ints, NDArray[np.bool_]]:
    """A block of whole paragraphs: pieces, count of pieces by sentence, where paragraphs start."""
    digest = hashlib.sha256(f"{grammar.version} {number}".encode()).digest()
    rng = np.random.Philox(key=np.frombuffer(digest[:16], "<u8"))
    n, cast = PARAGRAPHS, grammar.cast
    topic = _below(rng, np.full(n, grammar.topics))
    members = np.zeros((1 + cast, n), np.int32)
    _fill(grammar, rng, members, np.zeros(n, np.int64), topic, np.arange(n), 1)
    state = np.zeros(n, np.int64)
    for column, rank in grammar.pivots:
        state += rank[grammar.class_of[members[column]]]
    grid = np.full((LONGEST, n), -1, np.int64)
    grid[0] = _pick(rng, grammar.openings, state, grid[:0])
    state += grammar.mask_of[grid[0]] * grammar.casts
    for j in range(1, LONGEST - 1):
        grid[j] = _pick(rng, grammar.bodies, state, grid[:j])
    length = SHORTEST + _below(rng, np.full(n, LONGEST - SHORTEST + 1))
    grid[length - 1, np.arange(n)] = _pick(rng, grammar.closings, state, grid[:0])
    shape, paragraph = grid.T[np.arange(LONGEST) < length[:, None]], np.repeat(np.arange(n), length)
    words = np.zeros((1 + cast + len(grammar.plan), len(shape)), np.int32)
    words[: 1 + cast] = members[:, paragraph]
    _fill(grammar, rng, words, shape, topic[paragraph], paragraph, 1 + cast)
    count = grammar.item_count[shape]
    item = np.arange(count.sum()) + np.repeat(grammar.item_start[shape] - np.cumsum(count) + count, count)
    word = words.ravel()[grammar.item_column[item] * len(shape) + np.repeat(np.arange(len(shape)), count)]
    return grammar.printed[grammar.item_print[item] + word], count, np.diff(paragraph, prepend=-1) > 0


def _fill(
    grammar: Grammar,
    rng: np.random.Philox,
    words: NDArray[np.int32],
    shape: Ints,
    topic: Ints,
    paragraph: Ints,
    first: int,
) -> None:
    """Draws into rows first... of words (entries: columns x sentences) what each sentence's shape asks for.

    A word that the paragraph already has gives way to the next of its pool; a pool with nothing else may repeat.
    """
    order = np.argsort(-grammar.draw_count[shape], kind="stable")  # so that those that draw on are always in front
    shape, topic, paragraph, held = shape[order], topic[order], paragraph[order], words[:, order]
    owner = np.zeros(PARAGRAPHS * _MARKS, np.int32)  # by paragraph and mark of a word: the draw that has it
    mark_of = grammar.word_of % _MARKS
    owner[paragraph * _MARKS + mark_of[held[:first]]] = -1
    starts, sizes, entries = grammar.pools
    for d in range(int(grammar.draw_count[shape[0]])):
        n = int(np.count_nonzero(grammar.draw_count[shape] > d))
        base, one, two, by_topic = grammar.plan[d][:, shape[:n]]
        check = np.arange(n)
        pool = base + grammar.class_of[held[one, check]] * grammar.classes + grammar.class_of[held[two, check]]
        pool += topic[:n] * by_topic
        start, size = starts[pool], sizes[pool]
        at = _below(rng, size)
        entry = entries[start + at]
        for _ in range(LONGEST):
            mark, mine = paragraph[check] * _MARKS + mark_of[entry[check]], check + (d * len(shape) + 1)
            free = np.flatnonzero(owner[mark] == 0)
            owner[mark[free]] = mine[free]
            check = check[owner[mark] != mine]
            if not check.size:
                break
            at[check] = (at[check] + 1) % size[check]
            entry[check] = entries[start[check] + at[check]]
        held[first + d, :n] = entry
    words[:, order] = held


def _below(rng: np.random.Philox, size: Ints) -> Ints:
    """A draw from 0 .. size - 1 for each size, from the upper halves of raw words."""
    raw = np.asarray(rng.random_raw(len(size)), np.uint64) >> np.uint64(32)
    drawn: Ints = ((raw * size.astype(np.uint64)) >> np.uint64(32)).astype(np.int64)
    return drawn


def _pick(rng: np.random.Philox, stack: Stack, state: Ints, taken: Ints) -> Ints:
    """A value of each state's list, none of those its column of taken has."""
    start, size = stack.starts[state], stack.sizes[state]
    at = _below(rng, size)
    while (again := (taken == stack.values[start + at]).any(axis=0)).any():
        at = np.where(again, (at + 1) % size, at)
    chosen: Ints = stack.values[start + at]
    return chosen
