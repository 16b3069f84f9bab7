"""How generated prose is spelled: pieces of text for words in their forms, for articles, and for a shape's own text."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from lcgen.lexicon import Data, Lexicon

Pieces = NDArray[np.uint16] | NDArray[np.uint32]


class Spelling:
    """Every piece by number, and the print map: by form and place in the sentence, the piece of each entry.

    `settings` are those of the [language] section: `space` (yes or no), and, where there are articles, `article` (both
    of them), `article_second_before` (letters) and `article_exceptions` (words).
    """

    def __init__(self, words: Lexicon, data: Data, settings: Mapping[str, str]) -> None:
        self._words, self._data, self._set = words, data, settings
        self._pieces: dict[str, int] = {}
        self._literals: list[int] = []
        self._rows: list[list[int]] = []
        self._row_index: dict[tuple[str, str, str, bool, bool], int] = {}

    @property
    def table(self) -> list[bytes]:
        """UTF-8 of each piece."""
        return [piece.encode() for piece in self._pieces]

    @property
    def printed(self) -> Pieces:
        """The print map row after row, each as long as there are entries; then the pieces of all own text."""
        flat = [piece for row in self._rows for piece in row]
        return np.array(flat + self._literals, np.uint16 if len(self._pieces) <= 1 << 16 else np.uint32)

    def place(self, start: int) -> int:
        """Where in `printed` an item starts, once all are known."""
        return start if start >= 0 else len(self._rows) * len(self._words.forms) - start - 1

    def items(self, no: int, line: str, slots: Sequence[tuple[re.Match[str], int, list[int]]]) -> list[tuple[int, int]]:
        """What a line prints, as (start, column): runs of its own text, words, and the articles before words.

        A slot comes with the column of its word and the classes that word may have. LcgenError names the line `no`.
        """
        spaced, articles, end = self._set["space"] == "yes", self._set.get("article", "").split(), 0
        gap = " " if spaced else ""
        items: list[tuple[int, int]] = []
        for m, column, kinds in slots:
            run = gap.join(line[end : m.start()].split())
            article = bool(articles) and run.lower().split(" ")[-1] == articles[0]
            self._own(items, run[: -len(articles[0])].rstrip() if article else run, gap)
            # In a spaced language the mark after a slot goes into its piece, so that pieces start where tokens do.
            trail = re.match(r"[^\s{\w]*", line[m.end() :])[0] if spaced else ""  # type: ignore[index]
            end = m.end() + len(trail)
            if spaced and (line[end : end + 1].strip() or line[: m.start()][-1:].strip()):
                raise self._data.fault(no, f"{m[0]} must stand between spaces or marks")
            form = m[4] or self._words.columns[kinds[0]][0]
            if not all(form in self._words.columns[k] for k in kinds):
                raise self._data.fault(no, f"{m[0]} asks for a form that some class lacks")
            for art in [True, False] if article else [False]:
                first = not items
                row = self._row(form, "" if first else gap, "" if art else trail, first, art)
                items.append((row * len(self._words.forms), column))
        self._own(items, gap.join(line[end:].split()), gap)
        return items

    def _own(self, items: list[tuple[int, int]], text: str, gap: str) -> None:
        if text:
            text = gap + text if items else text[0].upper() + text[1:]
            self._literals.append(self._pieces.setdefault(text, len(self._pieces)))
            items.append((-len(self._literals), 0))

    def _row(self, form: str, lead: str, trail: str, first: bool, article: bool) -> int:
        """Row of the print map: for each entry the piece that shows this form, or the article before that form."""
        at = (form, lead, trail, first, article)
        if at not in self._row_index:
            self._row_index[at] = len(self._rows)
            self._rows.append(row := [])
            for kind, forms in zip(self._words.class_of, self._words.forms, strict=True):
                if form not in self._words.columns[kind]:
                    row.append(0)
                    continue
                text = forms[self._words.columns[kind].index(form)]
                if article:
                    word, odd = text.split()[0], self._set.get("article_exceptions", "").split()
                    second = (word[0] in self._set.get("article_second_before", "")) != (word in odd)
                    text = self._set["article"].split()[second]
                text = lead + (text[0].upper() + text[1:] if first else text) + trail
                row.append(self._pieces.setdefault(text, len(self._pieces)))
        return self._row_index[at]
