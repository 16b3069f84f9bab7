"""Composing: from a draft to prompts of exactly the asked number of tokens, by arithmetic on weights.

A lane of a context is `head + sep.join(units) + tail`. A unit weighs what it adds behind a real unit of the same kind, so the tokens of a
prompt are its frame, counted once with the real first and last unit of each lane in place, plus the weights of the units between.
The residue is closed with spare units of the same filler (a subset sum), and what they cannot close with the pad slot.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from lcgen.contract import SPARES, Context, Draft, Puzzle
from lcgen.errors import LcgenError
from lcgen.frames import Frame, Unwritten
from lcgen.layout import Layout
from lcgen.ledger import Ledger

if TYPE_CHECKING:
    from lcgen.tokens import Scale, Tokenizer
    from lcgen.wording import Wording
    from lcgen.wrapper import Wrapper

SAMPLE = 200
"""Units by which a form of filler is probed."""
MIDDLING = 16
"""Tokens of pad beyond the shortest that are held ready where weights do not add up."""
FITS = 5
"""Times that a puzzle is posed over a context of another size before what its question takes is left to the closing."""
TRIES = 12
"""Closings before a prompt is given up; more than two are needed only where weights do not add up."""

Pose = Callable[[Context], Sequence[Puzzle]]
Pads = dict[int, str]
"""Wordings of the pad slot by their tokens above the shortest one."""


class TooShort(LcgenError):
    """The length cannot hold the puzzle; `needs` is about how many prompt tokens could, `why` what takes them."""

    def __init__(self, has: int, needs: int, why: str = "") -> None:
        super().__init__(f"{has} prompt tokens cannot hold this puzzle, which needs about {needs}.")
        self.has, self.needs, self.why = has, needs, why


class Lacking(LcgenError):
    """The text lacks what a puzzle asks for (`Puzzle.lacks`), or units that would close it; another one may have them."""


class Composer:
    """Composes for one tokenizer, wrapper and wording."""

    def __init__(self, tokenizer: Tokenizer, wrapper: Wrapper, wording: Wording, audience: Literal["base", "chat"]) -> None:
        self.tokenizer, self.wrapper, self.wording, self.audience = tokenizer, wrapper, wording, audience
        self.scales: dict[tuple[str, str], Scale] = {}
        self._pads: dict[tuple[str, str], Pads] = {}
        self.page = io.BytesIO()
        """Where prompts are put together, one after another: memory that is used again costs no page faults."""

    def prefix(self, puzzle: Puzzle) -> str:
        """What stands after the input for a base model: the words that the answer goes on from."""
        return f" {puzzle.prefix}" if self.audience == "base" and puzzle.prefix else ""

    def pose(self, draft: Draft, pose: Pose) -> Sequence[Puzzle]:
        """The puzzles of a draft over a context of a few units, as good as any to learn the size of their answers."""
        ledger = self.ledger(draft, tokens=1)
        return pose(ledger.context(ledger.ids[: 64 if draft.count is None else draft.count - len(draft.plants)]))

    def compose(self, draft: Draft, pose: Pose, prompt_tokens: int) -> list[Unwritten]:
        """Prompts of exactly `prompt_tokens` tokens over one context, one for each puzzle; a draft that counts units has the
        tokens that it has.

        Raises TooShort where the length cannot hold the draft, TooLong where the draft cannot fill it, Lacking where its text
        lacks what a puzzle asks for, or units that close the residue.
        """
        ledger = self.ledger(draft, max(1, prompt_tokens // draft.copies))
        frames, main = self._fit(ledger, pose, prompt_tokens)
        if draft.count is None:
            layout, pads = self.close(ledger, frames, main, prompt_tokens)
        else:
            layout, pads = Layout(ledger, ledger.ids[:main]), [frame.pads[0] for frame in frames]
        return [frame.prompt(layout, pad, prompt_tokens) for frame, pad in zip(frames, pads)]

    def _fit(self, ledger: Ledger, pose: Pose, prompt_tokens: int) -> tuple[list[Frame], int]:
        """The frames of all puzzles, and how many units of filler stand with them before closing.

        A puzzle that looks at its context is posed again over what was fitted. Closing only adds units behind those.
        """
        draft, slack = ledger.draft, max(30.0, 10 * ledger.mean)
        glimpse = ledger.context(ledger.ids[:64])
        frames = [Frame(self, ledger, puzzle) for puzzle in pose(glimpse)]
        for attempt in range(FITS):
            free = room(frames, ledger, prompt_tokens)
            main = ledger.upto(free - slack * 2**attempt) if draft.count is None else draft.count - len(draft.plants)
            if draft.count is None and (free < 0 or main < draft.least):
                lacks = int(slack + 1.05 * draft.least * ledger.mean if draft.least else 4 * ledger.mean) - free
                why = draft.why(main) if draft.why and free >= 0 else ""
                raise TooShort(prompt_tokens, prompt_tokens + draft.copies * lacks, why)
            if not glimpse.seen:
                break
            filled = int(ledger.ends[main - 1]) if main else 0
            share = min(1.0, filled / max(1, free)) if draft.count is None else 1.0
            frames = [Frame(self, ledger, puzzle) for puzzle in pose(ledger.context(ledger.ids[:main], share))]
            # A question that quotes the context is as long as what it quotes: where it took what was to be closed, less is fitted.
            left = room(frames, ledger, prompt_tokens) - filled
            if draft.count is not None or 30 <= left <= SPARES // 2 * ledger.mean:
                break
        if lack := next((frame.puzzle.lacks for frame in frames if frame.puzzle.lacks), ""):
            raise Lacking(lack)
        return frames, main

    def close(self, ledger: Ledger, frames: Sequence[Frame], main: int, prompt_tokens: int) -> tuple[Layout, list[str]]:
        """A layout in which the longest frame has `prompt_tokens`, and the pad with which each frame has."""
        copies = ledger.draft.copies
        longest = max(frames, key=lambda frame: frame.base)
        filled = int(ledger.ends[main - 1]) if main else 0
        residue = prompt_tokens - longest.base - copies * (filled + int(ledger.plant_weights.sum()))
        spares = ledger.spares(main, frozenset().union(*(frame.puzzle.avoid for frame in frames)))
        weights = ledger.weigh(spares).tolist()
        for attempt in range(TRIES):
            # Other spares can meet other seams. Where that goes on, or weights do not add up, some tokens are left for
            # the pad, which closes what is found without moving anything.
            spare = MIDDLING if attempt >= TRIES // 2 or not ledger.additive else 0
            chosen = _subset(weights, residue - spare, copies, sorted(longest.pads))
            if chosen is None:
                break
            picks, extra = chosen
            ids = np.concatenate([ledger.ids[:main], spares[picks]])
            if not len(ids) and not ledger.draft.plants:
                break
            layout = Layout(ledger, ids)
            # The frame was weighed round a sample; here it stands round the real first and last units.
            missing = prompt_tokens - longest.tokens(layout, longest.pads[extra], longest.fitted)
            if missing == 0 or spare:
                pads = [
                    frame.pads[extra] if frame is longest and not missing else frame.closing(layout, prompt_tokens)
                    for frame in frames
                ]
                if None not in pads:
                    return layout, [pad for pad in pads if pad is not None]
            if missing == 0:
                break
            residue += missing - spare
        raise Lacking(
            f"The last tokens of a prompt of {prompt_tokens} cannot be closed with this haystack, template and tokenizer. "
            "Try another length or another haystack"
            + (", or fewer questions per context: theirs differ too much in tokens." if len(frames) > 1 else ".")
        )

    def ledger(self, draft: Draft, tokens: int) -> Ledger:
        """The draft, weighed. Filler that holds a fence of the template would seem to begin or end the context."""
        return Ledger(draft, self.scale(draft), tokens, self.wording.fences)

    def scale(self, draft: Draft) -> Scale:
        """The scale of the draft's form of filler, probed once."""
        from lcgen.tokens import Scale

        key = (draft.filler.form, draft.sep)
        if key not in self.scales:
            self.scales[key] = Scale(self.tokenizer, draft.filler.sample(SAMPLE, draft.sep))
        return self.scales[key]

    @property
    def probes(self) -> dict[str, Any]:
        """What was found on each form of filler weighed so far, by its name."""
        return {form: scale.report for (form, _), scale in sorted(self.scales.items())}

    def pads(self, between: str, after: str, join: str) -> Pads:
        """Pad wordings, of one sentence or two, by their tokens above the shortest one at this place of the template."""
        # Only the characters next to the slot can merge with it.
        head, tail = between[-8:], after[:8]
        if (head, tail) not in self._pads:
            costs = {pad: self.tokenizer.count(head + pad + tail) for pad in self.wording.pads}
            shortest = min(costs, key=lambda pad: costs[pad])
            for pad in [*costs]:
                both = f"{shortest}{join}{pad}"
                costs[both] = self.tokenizer.count(head + both + tail)
            found: Pads = {}
            for pad, cost in costs.items():
                found.setdefault(cost - costs[shortest], pad)
            self._pads[head, tail] = found
        return self._pads[head, tail]


def room(frames: Sequence[Frame], ledger: Ledger, prompt_tokens: int) -> int:
    """About the tokens of filler that fit into one copy of the context."""
    return (prompt_tokens - max(frame.base for frame in frames)) // ledger.draft.copies - int(ledger.plant_weights.sum())


def _subset(weights: Sequence[int], residue: int, copies: int, extras: Sequence[int]) -> tuple[list[int], int] | None:
    """Which spares, `copies` times each, make up the residue together with the smallest pad that lets them."""
    wanted = [(extra, (residue - extra) // copies) for extra in extras if extra <= residue and (residue - extra) % copies == 0]
    if not wanted:
        return None
    limit = (1 << (wanted[0][1] + 1)) - 1
    reached = [1]
    for weight in weights:
        if reached[-1] >> wanted[0][1] & 1:
            break
        reached.append((reached[-1] | reached[-1] << weight) & limit)
    for extra, total in wanted:
        if reached[-1] >> total & 1:
            picks = []
            for place in range(len(reached) - 1, 0, -1):
                if not reached[place - 1] >> total & 1:
                    picks.append(place - 1)
                    total -= weights[place - 1]
            return picks[::-1], extra
    return None
