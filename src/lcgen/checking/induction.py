"""The reference model: attention that looks up and copies, made by hand. It has no weights and needs no download.

Two heads of the kind that induction is made of (Olsson et al. 2022, "In-context Learning and Induction Heads"). The anchor
head ranks candidates: rare n-grams of the question attend to where else they stand, and a candidate is as good as what
stands closely before it is attended to; the wording of the question does not matter. The suffix head foretells tokens: it
attends to where the last tokens stood before, the longer the match the better, and copies what followed.
"""

from __future__ import annotations

import math
import re
import string
import time
from collections.abc import Sequence
from functools import cached_property

import torch

from lcgen.checking.judge import Cost, Judge, Weighed, peak
from lcgen.checking.prompts import Plain, Prompt, Tokens, Told
from lcgen.contract import Row
from lcgen.generators import get
from lcgen.tokens import Tokenizer

GRAMS = 3
"""Tokens of the longest n-grams that attend."""
RARE = 64
"""Places above which an n-gram is too common to point anywhere."""
REACH = 32
"""Tokens before a candidate that count for it, the nearer the more."""
MOST_MATCH = 12
"""Tokens of the longest match that is looked for."""
TRUST = (0.0, 0.25, 0.5, 0.75, 0.98)
"""How far a match of so many tokens is trusted; longer ones as the last."""
MOST_ANSWER = 96
"""Tokens of an answer that is copied."""
ENDS = re.compile(r"[\n\",;}\]]|[.](?=\s|$)|[。；，」]")
"""Where a copied answer ends."""
MIXER = 0x9E3779B1
"""What n-grams are hashed with; two of them meet once in some 2**60 pairs."""
PRESENT = 1e-3
"""What a candidate that stands in a prompt without evidence ranks by, and one that does not lacks."""
LEAST_PART = 5
"""Letters and digits of a value of which all but one tell something."""
SEPARATORS = (string.whitespace + string.punctuation).encode()


class Induction(Judge):
    """The reference model over a vocabulary of lcgen's."""

    name, window, copies = "induction", None, True
    reader: Plain

    def __init__(self, tokenizer: Tokenizer, device: str = "cpu") -> None:
        self.reader, self.device, self.cost = Plain(tokenizer), torch.device(device), Cost()

    def weigh(self, prompts: Sequence[Prompt]) -> list[list[Weighed]]:
        began, found = time.perf_counter(), []
        for prompt in prompts:
            text = Anchor(prompt.tokens, self.reader, self.device)
            found.append([self._weigh(text, prompt, told) for told in prompt.told])
            self.cost.tokens += len(prompt)
        self._spent(began)
        return found

    def _weigh(self, text: Anchor, prompt: Prompt, told: Told) -> Weighed:
        suffix = Suffix(text.ids[: prompt.stem], self.reader.vocabulary)
        logprobs = [suffix.follow(branch.tolist(), told.scored) for branch in told.branches]
        # What must be worked out, labels too, cannot be looked up: where its letters stand says nothing.
        marks = text.marks(told.asked, told.keyed, told.texts) if told.literal else [0.0] * len(told.texts)
        # Without the evidence, what stands in the prompt at all is easier to name than what does not.
        held = (
            [PRESENT * part for part in text.held(told.texts)] if told.fresh and prompt.kind == "removed" else [0.0] * len(marks)
        )
        return Weighed(logprobs, [mark + more for mark, more in zip(marks, held)])

    def follow(self, prompt: str, answer: str) -> list[float]:
        began = time.perf_counter()
        stem = self.reader.prompt(prompt).ids.tolist()
        joined = self.reader.encode(f"{prompt}{answer}")
        suffix = Suffix(torch.tensor(joined[: len(stem)], dtype=torch.int64, device=self.device), self.reader.vocabulary)
        found = suffix.follow(joined[len(stem) :], 0)
        self.cost.tokens += len(joined)
        self._spent(began)
        return found

    def answer(self, prompt: Prompt, row: Row) -> str:
        """What the task itself would answer with the values that stand behind the cues; nothing where there are none."""
        text = Anchor(prompt.tokens, self.reader, self.device)
        copied = {told.texts[0]: self._copied(text, prompt, told) for told in prompt.told if told.cued}
        outputs = [copied.get(output, "") for output in row["outputs"]]
        if not any(outputs):
            return ""
        return get(row["task"]).oracle({**row, "outputs": outputs, "answer": ", ".join(outputs)})

    def _copied(self, text: Anchor, prompt: Prompt, told: Told) -> str:
        begun = told.branches[0][: told.scored].tolist()
        place = Suffix(text.ids[: prompt.stem], self.reader.vocabulary).best(begun)
        if place is None:
            return ""
        copied = prompt.tokens.text[prompt.tokens.at(place + 1) : prompt.tokens.at(min(place + MOST_ANSWER, len(prompt.tokens)))]
        copied = copied.lstrip(" \"'")
        end = ENDS.search(copied)
        return copied[: end.start()] if end else copied

    def _spent(self, began: float) -> None:
        self.cost.seconds += time.perf_counter() - began
        self.cost.peak = peak(self.device.type)


class Anchor:
    """A prompt under the anchor head."""

    def __init__(self, tokens: Tokens, reader: Plain, device: torch.device) -> None:
        self.tokens, self.reader = tokens, reader
        self.ids = torch.from_numpy(tokens.ids).to(device)
        self._held: dict[str, torch.Tensor] = {}
        self.near = torch.linspace(1.0, 1.0 / REACH, REACH, device=device)

    @cached_property
    def grams(self) -> list[torch.Tensor]:
        """For each n the n-grams that end at each token."""
        return ngrams(self.ids)

    def marks(self, asked: str, keyed: bool, texts: Sequence[str]) -> list[float]:
        """For each candidate the greatest attention that falls on the tokens before one of its places."""
        places = [self._places(text) for text in texts]
        attended = self._attention(asked, keyed) if any(places) else self.near

        def mark(place: int) -> float:
            window = attended[max(0, place - REACH) : place].flip(0)
            return float((window * self.near[: len(window)]).sum())

        return [max(map(mark, found), default=0.0) for found in places]

    def held(self, texts: Sequence[str]) -> list[float]:
        """How much of each candidate stands in the prompt: 1 for all of it as it is; less for its letters and digits alone,
        however they are parted, and for all of these but one at an end."""

        def part(text: str) -> float:
            bare = _bare(text)
            short = len(bare) < LEAST_PART
            # Nearly always not even the middle stands there, which takes one look at a long prompt.
            if (bare if short else bare[1:-1]) not in self.bare:
                return 0.0
            if text in self.tokens.text:
                return 1.0
            return 0.9 if bare in self.bare else 0.5 * (not short and (bare[:-1] in self.bare or bare[1:] in self.bare))

        return [part(text) for text in texts]

    @cached_property
    def bare(self) -> bytes:
        """The letters and digits of the prompt."""
        return _bare(self.tokens.text)

    def _places(self, text: str) -> list[int]:
        """The tokens at which a text begins."""
        found, at = [], self.tokens.text.find(text)
        while at >= 0:
            found.append(self.tokens.within(at, at + 1)[0])
            at = self.tokens.text.find(text, at + len(text))
        return found

    def _attention(self, asked: str, keyed: bool) -> torch.Tensor:
        """What each token is attended to: the rarity of the n-grams that end there (tokens,). Of a key only the longest
        n-grams count, so that no key is taken for one that shares a word with it."""
        if asked not in self._held:
            # A word has other tokens at the beginning of a text than inside it.
            ways = [self._behind(lead, line) for line in asked.split("\n") if line for lead in ("", " ", "\n")]
            wanted = [ngrams(torch.tensor(way, dtype=torch.int64, device=self.ids.device)) for way in ways]
            attended = torch.zeros(len(self.ids), device=self.ids.device)
            for size, here in enumerate(self.grams):
                own = [grams[size][size:] for grams in wanted if not keyed or size + 1 == min(GRAMS, len(grams[0]))]
                hits = torch.isin(here, torch.cat([*own, here[:0]]).unique()).nonzero().flatten()
                if len(hits):
                    _, kinds, counts = here[hits].unique(return_inverse=True, return_counts=True)
                    rarity = torch.where(counts <= RARE, torch.log(1 + len(here) / counts), 0.0)
                    attended[hits] += rarity[kinds]
            self._held[asked] = attended
        return self._held[asked]

    def _behind(self, lead: str, line: str) -> list[int]:
        """The tokens of a line behind a lead, without those of the lead: a line's beginning is no part of a key."""
        own, joined = self.reader.encode(lead), self.reader.encode(f"{lead}{line}")
        return joined[len(own) :] if lead and joined[: len(own)] == own else joined


def _bare(text: str) -> bytes:
    """The letters and digits of a text, one case, nothing between them."""
    return text.encode("utf-8", "surrogatepass").lower().translate(None, SEPARATORS)


def ngrams(ids: torch.Tensor) -> list[torch.Tensor]:
    """For each n up to GRAMS the n-gram that ends at each token, as one number (int64); -1 where there is none."""
    found = [ids]
    for size in range(1, GRAMS):
        longer = torch.full_like(ids, -1)
        longer[size:] = found[-1][size - 1 : -1] * MIXER + ids[size:] + 1
        found.append(longer)
    return found


class Suffix:
    """A prompt under the suffix head."""

    def __init__(self, ids: torch.Tensor, vocabulary: int) -> None:
        self.ids, self.vocabulary = ids, vocabulary
        self._end = ids[-MOST_MATCH:].tolist()
        self._seen: dict[tuple[int, ...], list[torch.Tensor]] = {}

    def follow(self, branch: Sequence[int], scored: int) -> list[float]:
        """The log-probability of each token of a branch from the first scored one on."""
        return [self._logprob(self._matches(branch[:place]), branch[place]) for place in range(scored, len(branch))]

    def best(self, branch: Sequence[int]) -> int | None:
        """The last token of the longest match of prompt and branch that stands before; None where nothing matches."""
        matches = self._matches(branch)
        return int(matches[-1][-1]) if matches else None

    def _logprob(self, matches: Sequence[torch.Tensor], token: int) -> float:
        likely = 1.0 / self.vocabulary
        for size, places in enumerate(matches, 1):
            trust = TRUST[min(size, len(TRUST) - 1)]
            likely = trust * float((self.ids[places + 1] == token).float().mean()) + (1 - trust) * likely
        return math.log(likely)

    def _matches(self, branch: Sequence[int]) -> list[torch.Tensor]:
        """For each length the tokens that end a match of so many; as long as there are any."""
        words = tuple([*self._end, *branch][-MOST_MATCH:])
        if words not in self._seen:
            found: list[torch.Tensor] = []
            places = (self.ids[:-1] == words[-1]).nonzero().flatten() if words else self.ids[:0]
            for size in range(1, len(words) + 1):
                if size > 1:
                    places = places[places >= size - 1]
                    places = places[self.ids[places - size + 1] == words[-size]]
                if not len(places):
                    break
                found.append(places)
            self._seen[words] = found
        return self._seen[words]
