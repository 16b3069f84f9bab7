"""Frames: everything of one prompt but its units, how many tokens it has round them, and the prompt written out."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import xxhash

from lcgen.contract import Puzzle
from lcgen.layout import Layout, Piece
from lcgen.ledger import Ledger

if TYPE_CHECKING:
    from lcgen.compose import Composer

FOLLOWING = 16
"""Characters behind the context that decide how its end is cut into tokens."""


@dataclass(frozen=True)
class Prompt:
    """One finished prompt with everything that is known of it."""

    puzzle: Puzzle
    input: str
    prompt_tokens: int
    native: bool
    """Whether the length was measured, not asked for: the draft counts units, or the puzzle shows more copies than were fitted."""
    pieces: Sequence[Piece]
    repeat: float
    """Share of the document's tokens that stand earlier in it."""
    context_start: int | None = None
    """None on the output axis, as the two below: there the document is the reference, and the pieces stand in it."""
    context_end: int | None = None
    context_id: str | None = None
    reference: str | None = None
    output_tokens: int | None = None
    ids: Sequence[np.ndarray] = ()
    """The units of each lane, named as in `Context.ids`."""


class Unwritten(NamedTuple):
    """A prompt all of whose tokens are settled, and whose text is still to be put together."""

    puzzle: Puzzle
    write: Callable[[], Prompt]


class Frame:
    """Everything of one prompt but the units between the first and the last of each lane of its context."""

    def __init__(self, composer: Composer, ledger: Ledger, puzzle: Puzzle) -> None:
        self.composer, self.puzzle, self.ledger = composer, puzzle, ledger
        self.before, self.between, self.after = composer.wording.frame(audience=composer.audience, **puzzle.slots)
        self.pads = composer.pads(self.between, self.after, join=composer.wording.sep)
        lanes, copies = len(ledger.draft.lanes), ledger.draft.copies
        self.order = tuple(puzzle.lanes) if puzzle.lanes is not None else tuple(range(lanes)) * copies
        self.fitted = self.order[: lanes * copies] or tuple(range(lanes)) * copies
        """The lanes that the length must hold, also where this prompt shows none of them."""

    @cached_property
    def base(self) -> int:
        """About the tokens of the prompt without its units, with the shortest pad: weighed round a sample of filler."""
        draft, sample = self.ledger.draft, self.ledger.scale.context
        shown = self.ledger.joined([f"{lane.head}{sample}{lane.tail}" for lane in draft.lanes], self.fitted)
        return self._count(shown, self.pads[0]) - len(self.fitted) * self.ledger.scale.base

    def tokens(self, layout: Layout, pad: str, order: Sequence[int]) -> int:
        """Tokens of the prompt as the served model gets it, with the lanes of `order`.

        By arithmetic; by a full count where weights do not add up in this vocabulary.
        """
        if not self.ledger.additive:
            return self._count(layout.context(order), pad)
        return self._count(self.ledger.joined(layout.skeletons, order), pad) + layout.middle(order)

    def closing(self, layout: Layout, tokens: int) -> str | None:
        """The pad with which the prompt has so many tokens; None where no wording gives it."""
        wanted = tokens - self.tokens(layout, self.pads[0], self.fitted)
        if wanted == 0:
            return self.pads[0]
        pad = self.pads.get(wanted)
        return pad if pad is not None and self.tokens(layout, pad, self.fitted) == tokens else None

    def _count(self, context: str, pad: str) -> int:
        text = "".join((self.before, context, self.between, pad, self.after))
        return self.composer.wrapper.count(self.composer.tokenizer, text, self.composer.prefix(self.puzzle))

    def prompt(self, layout: Layout, pad: str, tokens: int) -> Unwritten:
        """The prompt of this layout, of so many tokens, unless its size is its own."""
        native = self.ledger.draft.count is not None or self.order != self.fitted
        tokens = self.tokens(layout, pad, self.order) if native else tokens
        return Unwritten(self.puzzle, partial(self._write, layout, pad, tokens, native, layout.repeat(self.order)))

    def _write(self, layout: Layout, pad: str, tokens: int, native: bool, repeat: float) -> Prompt:
        """The finished prompt, its plants located."""
        before, after = self.before.encode(), (self.between + pad + self.after).encode()
        page = self.composer.page
        page.seek(0)
        page.writelines((before, *layout.slices(self.order), after))
        with page.getbuffer() as data, data[: page.tell()] as whole:
            text = str(whole, "utf-8")
            # Rows that show no context share none.
            shared = context_id(whole[len(before) : len(whole) - len(after)]) if self.order else None
        return Prompt(
            puzzle=self.puzzle,
            input=text,
            context_start=len(self.before),
            context_end=len(text) - len(self.between + pad + self.after),
            context_id=shared,
            prompt_tokens=tokens,
            native=native,
            pieces=layout.located(
                self.before, self.between[:FOLLOWING], self.composer.tokenizer, self.order, text.isascii(), self.puzzle.evidence
            ),
            ids=layout.ids_by_lane,
            repeat=repeat,
        )


def context_id(context: bytes | memoryview) -> str:
    """32 hex digits of a context, UTF-8: equal where rows share it, and what row hashes hold in its place.

    XXH3 of 128 bits tells texts apart as surely as SHA-256 does and takes a tenth of the time, which is a tenth of a whole row's. What nobody
    may have touched is told by the SHA-256 of the file.
    """
    return xxhash.xxh3_128_hexdigest(context)
