"""The output axis: the composed document is the reference answer, and the prompt is whatever asks for it.

The document is fitted and closed as a context is, with nothing round it; then the puzzle is posed over all of it.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from lcgen.compose import FITS, Composer, Pose, TooShort, room
from lcgen.contract import SPARES, Draft, Puzzle
from lcgen.errors import LcgenError
from lcgen.frames import Frame, Prompt, Unwritten
from lcgen.layout import Layout
from lcgen.ledger import Ledger

if TYPE_CHECKING:
    from lcgen.compose import Pads


class Alone(Frame):
    """The frame of a document that stands alone: nothing."""

    def __init__(self, composer: Composer, ledger: Ledger) -> None:
        self.composer, self.ledger, self.puzzle = composer, ledger, Puzzle({}, ())
        self.before = self.between = self.after = ""
        self.pads: Pads = {0: ""}
        self.order = self.fitted = tuple(range(len(ledger.draft.lanes)))

    def _count(self, context: str, pad: str) -> int:
        return self.composer.tokenizer.count(context)


def compose(composer: Composer, draft: Draft, pose: Pose, tokens: int) -> list[Unwritten]:
    """Prompts for one reference of `tokens` tokens, one for each puzzle; a draft that counts units has the tokens that it has.

    Where its filler cannot close the last tokens, the reference has as many units as fit. Raises TooShort where the length
    cannot hold the plants, or leaves a lane without filler whose draft is to be level.
    """
    ledger = composer.ledger(draft, tokens)
    alone = Alone(composer, ledger)
    layout = _fitted(alone, tokens) if draft.count is None else Layout(ledger, ledger.ids[: draft.count - len(draft.plants)])
    reference = layout.context(alone.order)
    measured = alone.tokens(layout, "", alone.order)
    made = []
    for puzzle in pose(ledger.context(layout.ids, closed=True)):
        text = composer.wording.page(audience=composer.audience, **puzzle.slots)
        prompt_tokens = composer.wrapper.count(composer.tokenizer, text, composer.prefix(puzzle))
        own = puzzle.reference is not None
        write = partial(
            Prompt,
            puzzle=puzzle,
            input=text,
            prompt_tokens=prompt_tokens,
            native=draft.count is not None,
            pieces=layout.located("", "", composer.tokenizer, alone.order, reference.isascii()),
            repeat=layout.repeat(alone.order),
            reference=puzzle.reference if own else reference,
            output_tokens=composer.tokenizer.count(puzzle.reference or "") if own else measured,
            ids=layout.ids_by_lane,
        )
        made.append(Unwritten(puzzle, write))
    return made


def _fitted(alone: Alone, tokens: int) -> Layout:
    """The document of exactly so many tokens, or the longest that is not longer."""
    ledger, lanes = alone.ledger, len(alone.order)
    layout = None
    for _ in range(FITS):
        free = room([alone], ledger, tokens)
        if free < 0:
            raise TooShort(tokens, tokens - free + int(4 * ledger.mean))
        main = ledger.upto(free - max(30.0, 10 * ledger.mean))
        if lanes == 1 or (layout is not None and len(layout.ids) == main):
            break
        # The frame was weighed round a sample in each lane. Where lanes are many, so are their seams with real units.
        layout = Layout(ledger, ledger.ids[:main])
        alone.base = alone.tokens(layout, "", alone.order) - int(ledger.weigh(layout.ids).sum() + ledger.plant_weights.sum())
    if ledger.draft.level and layout is not None and not all((lane.order >= 0).any() for lane in layout.lanes):
        raise TooShort(tokens, alone.base + sum(planted := ledger.planted()) + int(lanes * (max(planted) + 1.5 * ledger.mean)))
    try:
        return alone.composer.close(ledger, [alone], main, tokens)[0]
    except LcgenError:
        layout = Layout(ledger, ledger.ids[:main])
        for more in range(main + 1, main + SPARES):
            longer = Layout(ledger, ledger.ids[:more])
            if alone.tokens(longer, "", alone.order) > tokens:
                return layout
            layout = longer
        raise
