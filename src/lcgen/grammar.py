"""The grammar of generated prose: sentence shapes over a lexicon, checked and turned into arrays."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from itertools import product
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from lcgen.lexicon import Data, Lexicon
from lcgen.spelling import Pieces, Spelling

Ints = NDArray[np.int64]

SHORTEST, LONGEST = 5, 9  # sentences a paragraph
_SLOT = re.compile(r"\{(?:(\w+)=)?([\w|]+)(?:\(([\w,]+)\))?(?:\.(\w+))?\}")


class Stack(NamedTuple):
    """Lists end to end."""

    starts: Ints
    sizes: Ints
    values: Ints


@dataclass
class _Shape:
    """A line of sentences.txt. Columns: 0 is no word, then the cast, then the words this shape draws for itself."""

    line: int
    kind: str  # open, body or close
    weight: int
    items: list[tuple[int, int]] = field(default_factory=list)  # what to print: start in the print map, column
    draws: list[tuple[int, int, int, int]] = field(default_factory=list)  # first pool, columns to fit, 1 if by topic
    uses: set[int] = field(default_factory=set)  # columns of cast members
    only: dict[int, set[int]] = field(default_factory=dict)  # column of a cast member -> classes it must have


class Grammar:
    """A language's prose, ready to be written: what `prose` draws from and prints, as arrays.

    Entries, classes and topics are those of the lexicon. Shapes are numbered, 0 for the drawing of the cast; a column is
    a word that a shape draws (0 none, then the cast). Reading checks everything that data can get wrong, so that
    writing cannot fail; LcgenError names file and line.
    """

    version: str
    """A hash of its files and the engine."""
    cast: int
    """Members of the cast."""
    topics: int
    classes: int
    class_of: Ints
    """Shape (entries,)."""
    word_of: Ints
    """Shape (entries,): equal for entries of one word."""
    pools: Stack
    """Entries that a draw chooses from."""
    draw_count: Ints
    """Shape (shapes,)."""
    plan: Ints
    """Shape (draws, 4, shapes): first pool, two columns whose classes are added to it, 1 if the topic is."""
    item_count: Ints
    """Shape (shapes,): items that a shape prints."""
    item_start: Ints
    """Shape (shapes,)."""
    item_print: Ints
    """Shape (items,): the place in `printed` of the item for entry 0."""
    item_column: Ints
    """Shape (items,)."""
    printed: Pieces
    """The print map, flat (see `Spelling`)."""
    table: list[bytes]
    """UTF-8 of each piece."""
    pivots: list[tuple[int, Ints]]
    """Members of the cast (columns) whose class decides what may be said; by class, what it adds to a cast's number."""
    casts: int
    """Casts that differ in what may be said."""
    mask_of: Ints
    """Shape (shapes,): number of what an opening makes known."""
    openings: Stack
    """By cast: shapes, each as often as it weighs."""
    bodies: Stack
    """By mask * casts + cast."""
    closings: Stack
    """By mask * casts + cast."""

    def __init__(self, words: Lexicon, sentences: Data, version: str) -> None:
        self._words, self._data, self.version = words, sentences, version
        self._set = {"space": "yes", "stop": "."}
        self._spelling = Spelling(words, sentences, self._set)
        self._cast: dict[str, int] = {}  # name -> column
        self._cast_kinds: list[set[int]] = [set()]  # by column: classes the member may have
        self._known: set[int] = set()
        shapes = self._read_sentences()
        self._print(shapes)
        self._draw(shapes)
        self._follow(shapes)

    def _read_sentences(self) -> list[_Shape]:
        """All shapes; the first is no sentence but the drawing of the cast."""
        words, data, shapes = self._words, self._data, [_Shape(0, "cast", 1)]
        for no, head, line in data.lines():
            left, _, right = (part.strip() for part in line.partition("="))
            if not line:
                continue
            if head == "language":
                self._set[left] = right
            elif head == "cast":
                kinds = words.resolve(right.removesuffix("(known)").split(), data, no)
                base = words.free_pool(kinds)
                pools = words.pools[base : base + len(words.topics)]
                if left in words.classes or left in words.groups or not all(pools):
                    raise data.fault(no, f"{left!r} names a class too, or has no word under some topic")
                column = self._cast[left] = len(self._cast) + 1
                self._cast_kinds.append({words.class_of[e] for pool in pools for e in pool})
                self._known |= {column} if right.endswith("(known)") else set()
                shapes[0].draws.append((base, 0, 0, 1))
            elif head in ("open", "body", "close"):
                line, _, weight = line.partition("*")
                if weight and not weight.strip().isdigit():
                    raise data.fault(no, "after * stands the weight of the line, a whole number")
                shapes.append(_Shape(no, head, int(weight or 1)))
                self._read_shape(shapes[-1], line.strip())
            else:
                raise data.fault(no, f"no section may be called [{head}]")
        return shapes

    def _read_shape(self, shape: _Shape, line: str) -> None:
        no, stop, slots = shape.line, self._set["stop"], list(_SLOT.finditer(line))
        bare = _SLOT.sub("", line)
        if not line.endswith(stop) or bare.count(stop) != 1 or "{" in bare or "}" in bare:
            raise self._data.fault(no, f"a slot cannot be read, or {stop!r} does not stand once, at the end")
        labels = {m[1] for m in slots if m[1]}
        columns = {"": 0, **self._cast}
        kinds = dict(enumerate(map(sorted, self._cast_kinds))) | {0: [0]}
        names: list[str] = []  # of each slot: the label of its word
        later: list[tuple[str, list[int], list[str]]] = []
        for i, m in enumerate(slots):
            if not m[1] and not m[3] and (m[2] in labels or m[2] in self._cast):
                names.append(m[2])
                continue
            names.append(label := m[1] or f"#{i}")
            chosen = self._words.resolve(m[2].split("|"), self._data, no)
            if label in self._cast:
                shape.only[columns[label]] = set(chosen)
                kinds[columns[label]] = [k for k in kinds[columns[label]] if k in chosen]
            elif label in columns or label in names[:-1]:
                raise self._data.fault(no, f"{label!r} is given twice")
            elif bool(m[3]) != any(k in self._words.related for k in chosen):
                raise self._data.fault(no, f"{m[0]} must have arguments if, and only if, its class has them")
            elif m[3]:
                later.append((label, chosen, m[3].split(",")))
            else:
                self._add_draw(shape, columns, kinds, label, chosen, (self._words.free_pool(chosen), 0, 0, 1))
        while later:  # a word is drawn after the words it must fit
            ready = next((job for job in later if len(job[2]) < 3 and all(a in columns for a in job[2])), None)
            if ready is None:
                raise self._data.fault(no, f"{later[0][2]} are not labels or cast names to fit")
            later.remove(ready)
            label, chosen, given = ready
            base, (one, two) = self._words.fit_pool(chosen), [columns[a] for a in [*given, ""][:2]]
            for pair in product(kinds[one], kinds[two]):
                if not self._words.pools[base + pair[0] * len(self._words.columns) + pair[1]]:
                    title = [list(self._words.classes)[k] for k in (chosen[0], *pair)]
                    raise self._data.fault(no, f"no {title[0]} fits {' > '.join(title[1:])}")
            shape.uses |= {one, two} & set(self._cast.values())
            self._add_draw(shape, columns, kinds, label, chosen, (base, one, two, 0))
        seen = [(m, columns[name], kinds[columns[name]]) for m, name in zip(slots, names, strict=True)]
        shape.items = self._spelling.items(no, line, seen)
        shape.uses |= {column for _, column in shape.items} & set(self._cast.values())

    def _add_draw(
        self,
        shape: _Shape,
        columns: dict[str, int],
        kinds: dict[int, list[int]],
        label: str,
        chosen: list[int],
        draw: tuple[int, int, int, int],
    ) -> None:
        columns[label] = len(self._cast) + len(shape.draws) + 1
        kinds[columns[label]] = chosen
        shape.draws.append(draw)

    def _print(self, shapes: list[_Shape]) -> None:
        """What shapes print, as arrays."""
        self.table, self.printed = self._spelling.table, self._spelling.printed
        items = [(self._spelling.place(start), column) for s in shapes for start, column in s.items]
        self.item_print, self.item_column = np.array(items).T.copy()
        self.item_count = np.array([len(s.items) for s in shapes])
        self.item_start = np.cumsum(self.item_count) - self.item_count

    def _draw(self, shapes: list[_Shape]) -> None:
        """What shapes draw, as arrays."""
        words = self._words
        self.cast, self.topics, self.classes = len(self._cast), len(words.topics), len(words.columns)
        self.draw_count = np.array([len(s.draws) for s in shapes])
        self.plan = np.zeros((int(self.draw_count.max()), 4, len(shapes)), np.int64)
        for i, s in enumerate(shapes):
            self.plan[: len(s.draws), :, i] = np.array(s.draws).reshape(-1, 4)
        self.pools = _stack(words.pools)
        self.class_of = np.array(words.class_of)
        numbers: dict[str, int] = {}
        self.word_of = np.array([numbers.setdefault("".join(f[:1]), len(numbers)) for f in words.forms])

    def _follow(self, shapes: list[_Shape]) -> None:
        """Which shapes may open a paragraph of a cast, and which may follow an opening."""
        pivots = sorted({c for s in shapes for c in s.only})  # cast members whose class decides what may be said
        casts = list(product(*(sorted(self._cast_kinds[c]) for c in pivots)))
        self.casts, self.pivots, step = len(casts), [], len(casts)
        for c in pivots:
            step //= len(self._cast_kinds[c])
            rank = np.zeros(self.classes, np.int64)
            rank[sorted(self._cast_kinds[c])] = np.arange(len(self._cast_kinds[c])) * step
            self.pivots.append((c, rank))
        ids = {kind: [i for i, s in enumerate(shapes) if s.kind == kind] for kind in ("open", "body", "close")}
        masks = sorted({tuple(sorted(shapes[i].uses | self._known)) for i in ids["open"]})
        self.mask_of = np.array([masks.index(m) if (m := tuple(sorted(s.uses | self._known))) in masks else 0 for s in shapes])
        fit = [[all(cast[pivots.index(c)] in k for c, k in s.only.items()) for cast in casts] for s in shapes]
        most = max(s.weight for s in shapes)

        def choice(kind: str, mask: set[int] | None, cast: int) -> list[int]:
            found = [i for i in ids[kind] if fit[i][cast] and (mask is None or shapes[i].uses <= mask)]
            return [i for w in range(most) for i in found if shapes[i].weight > w]

        states = [(set(mask), cast) for mask in masks for cast in range(len(casts))]
        first, body, close = (
            [choice("open", None, cast) for cast in range(len(casts))],
            [choice("body", *state) for state in states],
            [choice("close", *state) for state in states],
        )
        for cast, i in ((cast, i) for cast, opens in enumerate(first) for i in opens):
            at = int(self.mask_of[i]) * len(casts) + cast
            if len(set(body[at])) < LONGEST or not close[at]:
                raise self._data.fault(shapes[i].line, "too few body or close lines may follow this opening")
        if not all(first):
            raise self._data.fault(1, "some cast has no opening line")
        self.openings, self.bodies, self.closings = _stack(first), _stack(body), _stack(close)


def _stack(lists: list[list[int]]) -> Stack:
    size = np.array([len(values) for values in lists])
    return Stack(np.cumsum(size) - size, size, np.array([v for values in lists for v in values]))
