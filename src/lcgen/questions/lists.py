"""Lists of questions: one or several sources dealt evenly into an endless list, in which an answer may feed the next question."""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from lcgen import languages, questions
from lcgen.contract import Units
from lcgen.questions import Given, Pool, Question
from lcgen.shares import WHOLE, Share
from lcgen.streams import Stream
from lcgen.wording import Wording

FOUR_DIGITS = 9000
"""Numbers from 1000 to 9999, which shuffled questions have."""


class Listed:
    """The questions of one list by their place in it, each made when it is asked for and then kept.

    `source` names pools, joined by `+`. In runs of `chain` questions each takes its first number from the answer before it.
    """

    def __init__(self, source: str, lang: str, chain: int, rng: Stream, share: Share = WHOLE) -> None:
        self.pools = [questions.load(name, lang) for name in source.split("+")]
        self.chain, self.rng, self.share = chain, rng, share
        self._made: dict[tuple[int, str], Question] = {}
        self._orders: dict[str, list[int]] = {}
        self._start = rng.child("start").below(1 << 40)

    @property
    def size(self) -> int | None:
        """How many different questions there are; None where there is no end of them."""
        sizes = [self.share.size(pool.size) for pool in self.pools if pool.size is not None]
        return len(self.pools) * min(sizes) if sizes else None

    @property
    def proven(self) -> bool:
        """Whether all answers can be found from the text."""
        return all(pool.proven for pool in self.pools)

    def pool(self, place: int) -> tuple[Pool, int]:
        """Where the question at this place comes from, and which of that source's it is: every source once in every round."""
        turn, within = divmod(place, len(self.pools))
        if len(self.pools) == 1:
            return self.pools[0], turn
        return self.pools[self.rng.child("deal", turn).sample(len(self.pools), len(self.pools))[within]], turn

    def question(self, place: int, link: str = "") -> Question:
        """The question at this place; `link` stands for a number that it takes from the answer before it."""
        if (place, link) not in self._made:
            pool, turn = self.pool(place)
            given = Given(int(self.question(place - 1).answer), link) if place % self.chain else None
            if given is not None and not link:
                given = Given(given.value, str(given.value))
            rng = self.rng.child("question", pool.name, turn)
            self._made[place, link] = pool.question(self._number(pool, turn), rng, self._place(pool, turn), given)
        return self._made[place, link]

    def _number(self, pool: Pool, turn: int) -> int:
        if pool.size is None:
            number = self._start + turn
            return self.share.place(number % self.share.size(pool.cycle)) if self.share else number
        # What is beyond the last question is weighed as a spare, never asked.
        size = max(1, self.share.size(pool.size))
        turn %= size
        known = self._orders.get(pool.name, [])
        if turn >= len(known):
            known = self._orders[pool.name] = self.rng.child("order", pool.name).sample(size, min(size, 2 * turn + 512))
        return self.share.place(known[turn])

    def _place(self, pool: Pool, turn: int) -> int:
        """Where the right option stands: each letter twice in every run of twice as many questions."""
        letters = len(pool.letters)
        if not letters or not pool.proven:
            return 0
        block, within = divmod(turn, 2 * letters)
        return self.rng.child("letters", pool.name, block).sample(2 * letters, 2 * letters)[within] % letters


@lru_cache(maxsize=64)
def listed(source: str, lang: str, chain: int, key: str, share: Share) -> Listed:
    """The list of this key, kept for the rows that ask of it."""
    return Listed(source, lang, chain, Stream("list", source, lang, chain, key), share)


class Answers(Units):
    """The full answers of a list as filler, behind those of its demonstrations and `skip` more: under numbers that rise from the
    demonstrations on, or any of four digits."""

    def __init__(
        self, source: str, lang: str, chain: int, key: str, wording: Wording, demos: int, skip: int, shuffled: bool, share: Share
    ) -> None:
        self.of = source, lang, chain
        self.questions = listed(source, lang, chain, key, share)
        self.wording, self.demos, self.skip, self.shuffled = wording, demos, skip, shuffled
        self.form = f"answers:{source}:{chain}:{shuffled}:{demos}"
        size = self.questions.size
        self.limit = None if size is None else max(0, size - demos - skip)
        self._numbers: list[int] = []
        self._texts: dict[int, str] = {}

    def place(self, unit: int) -> int:
        """Where the question of this id stands in its list."""
        return self.demos + self.skip + unit

    def number(self, unit: int) -> int:
        """The number under which the question of this id is asked."""
        if not self.shuffled:
            return self.demos + 1 + unit
        if unit >= len(self._numbers):
            self._numbers = self.questions.rng.child("numbers").sample(FOUR_DIGITS, min(FOUR_DIGITS, 2 * unit + 512))
        return 1000 + self._numbers[unit % FOUR_DIGITS]

    def text(self, ids: np.ndarray) -> list[str]:
        for unit in ids.tolist():
            if unit not in self._texts:
                self._texts[unit] = answered(self.questions.question(self.place(unit)), self.number(unit), self.wording)
        return [self._texts[unit] for unit in ids.tolist()]

    def sample(self, count: int, sep: str) -> list[str]:
        same = Answers(*self.of, "sample", self.wording, self.demos, 0, self.shuffled, WHOLE)
        return [sep + text for text in same.text(np.arange(count))]


def asked(question: Question, number: int, wording: Wording) -> str:
    """A question under its number."""
    return f"{wording.say('question_header', number=number)}\n{question.text}"


def answered(question: Question, number: int, wording: Wording) -> str:
    """The full answer to a question under its number: steps of a computation line by line, the reason for an option in one line
    with it, as in the demonstrations of the published sets."""
    header = wording.say("answer_header", number=number)
    if not question.letters:
        return "\n".join([header, *question.steps, wording.say("number_answer", value=question.answer)])
    language = languages.load(wording.lang)
    reason = "".join(f"{step}{language.stops[0]}{language.gap}" for step in question.steps)
    return f"{header}\n{reason}{wording.say('letter_answer', value=question.answer)}"
