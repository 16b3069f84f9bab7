"""Generated prose: reads a language's words and sentence shapes, writes paragraphs of sentences from a fixed stream.

Nothing here knows a language: spaces, articles and the full stop come from the data files. The same grammar gives the
same bytes on every Python and numpy, since only the raw words of the Philox generator are used.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from importlib.resources import files
from itertools import product

import numpy as np
from numpy.typing import NDArray

from lcgen.errors import LcgenError

Ints = NDArray[np.int64]
Pieces = NDArray[np.uint16] | NDArray[np.uint32]

REVISION = "2"  # part of every stream's key: raise it when a change here changes the text
PARAGRAPHS = 1024  # paragraphs a block
SHORTEST, LONGEST = 5, 9  # sentences a paragraph
LEXICON, TOPICS, SENTENCES = "lexicon.txt", "topics.txt", "sentences.txt"
_MARKS = 1021  # marks a paragraph, shared by the words with the same remainder: a rare needless step, a small table
_SLOT = re.compile(r"\{(?:(\w+)=)?([\w|]+)(?:\(([\w,]+)\))?(?:\.(\w+))?\}")


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
    """A language's prose, ready to be written: lang, version (a hash of its files and the engine), piece table.

    Reading checks everything the data can get wrong, so that writing cannot fail; LcgenError names file and line.
    """

    def __init__(self, lang: str, texts: dict[str, str]) -> None:
        self.lang = lang
        self.version = _version(texts)
        self._classes: dict[str, int] = {"": 0}
        self._columns: list[list[str]] = [[]]  # by class: names of its forms
        self._members: list[list[int]] = [[]]  # by class: its entries
        self._groups: dict[str, list[str]] = {}
        self._related: set[int] = set()  # classes whose words fit words
        self._forms: list[list[str]] = [[]]  # by entry (a word in a class); entry 0 is no word
        self._class: list[int] = [0]
        self._fits: list[tuple[set[int], set[int]]] = [(set(), set())]
        self._topics: list[dict[int, list[int]]] = []
        self._pools: list[list[int]] = []  # what a draw chooses from
        self._pool_index: dict[tuple[int, ...], int] = {}
        self._pieces: dict[str, int] = {}
        self._literals: list[int] = []
        self._rows: list[list[int]] = []  # print map: by form and place in the sentence, the piece of each entry
        self._row_index: dict[tuple[str, str, str, bool, bool], int] = {}
        self._set = {"space": "yes", "stop": "."}
        self._cast: dict[str, int] = {}  # name -> column
        self._cast_kinds: list[set[int]] = [set()]  # by column: classes the member may have
        self._known: set[int] = set()
        self._read_lexicon(texts[LEXICON])
        self._read_topics(texts[TOPICS])
        self._finish(self._read_sentences(texts[SENTENCES]))

    def _error(self, name: str, line: int, what: str) -> LcgenError:
        return LcgenError(f"lang/{self.lang}/prose/{name}, line {line}: {what}")

    def _lines(self, name: str, text: str) -> Iterator[tuple[int, str, str]]:
        """Yields line number, section header, line; the line is empty where a section opens."""
        head = ""
        for no, line in enumerate(text.splitlines(), 1):
            line = line.strip()
            if line.startswith("[") and line.endswith("]"):
                head = line[1:-1].strip()
                yield no, head, ""
            elif line and not line.startswith("#"):
                if not head:
                    raise self._error(name, no, "a line before the first [section]")
                yield no, head, line

    def _resolve(self, words: Iterable[str], name: str, no: int) -> list[int]:
        """Class ids of class and group names, in order, each once."""
        out: list[int] = []
        for word in words:
            if word not in self._groups and word not in self._classes:
                raise self._error(name, no, f"no class or group is called {word!r}")
            group = self._groups.get(word)
            out += [self._classes[word]] if group is None else self._resolve(group, name, no)
        return list(dict.fromkeys(out))

    def _read_lexicon(self, text: str) -> None:
        fits = [(0, "")]
        for no, head, line in self._lines(LEXICON, text):
            if head == "groups":
                name, _, parts = line.partition("=")
                self._groups |= {name.strip(): parts.split()} if line else {}
                continue
            title, columns, arguments = re.fullmatch(r"([^:|]*):?([^|]*)\|?(.*)", head).groups()  # type: ignore[union-attr]
            title = title.strip()
            if not line:
                if title in self._classes or not columns.split():
                    raise self._error(LEXICON, no, f"class {title!r} has no columns or comes a second time")
                self._classes[title] = len(self._columns)
                self._columns.append(columns.split())
                self._members.append([])
                self._related |= {self._classes[title]} if arguments else set()
                continue
            left, _, right = line.partition("|")
            forms, kind = [f.replace("_", " ") for f in left.split()], self._classes[title]
            if len(forms) != len(self._columns[kind]) or bool(right.strip()) != (kind in self._related):
                raise self._error(LEXICON, no, f"{line!r} does not fill [{head}]")
            self._members[kind].append(len(self._forms))
            self._forms.append(forms)
            self._class.append(kind)
            fits.append((no, right))
        for no, right in fits[1:]:  # only now, since a class may stand below the words that name it
            one, *two = [set(self._resolve(p.split(), LEXICON, no)) for p in right.split(">")] if right else [set()]
            self._fits.append((one, two[0] if two else {0}))

    def _read_topics(self, text: str) -> None:
        for no, _, line in self._lines(TOPICS, text):
            if not line:
                self._topics.append({})
                continue
            title, _, words = line.partition(":")
            for kind in self._resolve([title.strip()], TOPICS, no):
                known = {self._forms[e][0]: e for e in self._members[kind]}
                for word in words.replace("_", "\0").split():
                    if (entry := known.get(word.replace("\0", " "))) is None:
                        raise self._error(TOPICS, no, f"the lexicon has no {title.strip()} {word!r}")
                    self._topics[-1].setdefault(kind, []).append(entry)

    def _free_pool(self, kinds: list[int]) -> int:
        """First of one pool a topic: its words of these classes, or all their words if it lists none."""
        if (at := (-1, *kinds)) not in self._pool_index:
            self._pool_index[at] = len(self._pools)
            for topic in self._topics:
                pool = [e for k in kinds for e in topic.get(k, [])]
                self._pools.append(pool or [e for k in kinds for e in self._members[k]])
        return self._pool_index[at]

    def _fit_pool(self, kinds: list[int]) -> int:
        """First of one pool a pair of classes (the second 0 for a lone argument): the words that fit it."""
        if (at := tuple(kinds)) not in self._pool_index:
            base = self._pool_index[at] = len(self._pools)
            width = len(self._columns)
            self._pools += [[] for _ in range(width * width)]
            for e in (e for k in kinds for e in self._members[k]):
                for one, two in product(*self._fits[e]):
                    self._pools[base + one * width + two].append(e)
        return self._pool_index[at]

    def _read_sentences(self, text: str) -> list[_Shape]:
        """All shapes; the first is no sentence but the drawing of the cast."""
        shapes = [_Shape(0, "cast", 1)]
        for no, head, line in self._lines(SENTENCES, text):
            left, _, right = (part.strip() for part in line.partition("="))
            if not line:
                continue
            if head == "language":
                self._set[left] = right
            elif head == "cast":
                kinds = self._resolve(right.removesuffix("(known)").split(), SENTENCES, no)
                base = self._free_pool(kinds)
                pools = self._pools[base : base + len(self._topics)]
                if left in self._classes or left in self._groups or not all(pools):
                    raise self._error(SENTENCES, no, f"{left!r} names a class too, or has no word under some topic")
                column = self._cast[left] = len(self._cast) + 1
                self._cast_kinds.append({self._class[e] for pool in pools for e in pool})
                self._known |= {column} if right.endswith("(known)") else set()
                shapes[0].draws.append((base, 0, 0, 1))
            elif head in ("open", "body", "close"):
                line, _, weight = line.partition("*")
                if weight and not weight.strip().isdigit():
                    raise self._error(SENTENCES, no, "after * stands the weight of the line, a whole number")
                shapes.append(_Shape(no, head, int(weight or 1)))
                self._read_shape(shapes[-1], line.strip())
            else:
                raise self._error(SENTENCES, no, f"no section may be called [{head}]")
        return shapes

    def _read_shape(self, shape: _Shape, line: str) -> None:
        no, stop, slots = shape.line, self._set["stop"], list(_SLOT.finditer(line))
        bare = _SLOT.sub("", line)
        if not line.endswith(stop) or bare.count(stop) != 1 or "{" in bare or "}" in bare:
            raise self._error(SENTENCES, no, f"a slot cannot be read, or {stop!r} does not stand once, at the end")
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
            chosen = self._resolve(m[2].split("|"), SENTENCES, no)
            if label in self._cast:
                shape.only[columns[label]] = set(chosen)
                kinds[columns[label]] = [k for k in kinds[columns[label]] if k in chosen]
            elif label in columns or label in names[:-1]:
                raise self._error(SENTENCES, no, f"{label!r} is given twice")
            elif bool(m[3]) != any(k in self._related for k in chosen):
                raise self._error(SENTENCES, no, f"{m[0]} must have arguments if, and only if, its class has them")
            elif m[3]:
                later.append((label, chosen, m[3].split(",")))
            else:
                self._add_draw(shape, columns, kinds, label, chosen, (self._free_pool(chosen), 0, 0, 1))
        while later:  # a word is drawn after the words it must fit
            ready = next((job for job in later if len(job[2]) < 3 and all(a in columns for a in job[2])), None)
            if ready is None:
                raise self._error(SENTENCES, no, f"{later[0][2]} are not labels or cast names to fit")
            later.remove(ready)
            label, chosen, given = ready
            base, (one, two) = self._fit_pool(chosen), [columns[a] for a in [*given, ""][:2]]
            for pair in product(kinds[one], kinds[two]):
                if not self._pools[base + pair[0] * len(self._columns) + pair[1]]:
                    title = [list(self._classes)[k] for k in (chosen[0], *pair)]
                    raise self._error(SENTENCES, no, f"no {title[0]} fits {' > '.join(title[1:])}")
            shape.uses |= {one, two} & set(self._cast.values())
            self._add_draw(shape, columns, kinds, label, chosen, (base, one, two, 0))
        self._read_items(shape, line, [(m, columns[n], kinds[columns[n]]) for m, n in zip(slots, names, strict=True)])
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

    def _read_items(self, shape: _Shape, line: str, slots: list[tuple[re.Match[str], int, list[int]]]) -> None:
        """What the shape prints: runs of its own text, words, and the articles before words."""
        spaced, articles, end = self._set["space"] == "yes", self._set.get("article", "").split(), 0
        gap = " " if spaced else ""
        for m, column, kinds in slots:
            run = gap.join(line[end : m.start()].split())
            article = bool(articles) and run.lower().split(" ")[-1] == articles[0]
            self._add_text(shape, run[: -len(articles[0])].rstrip() if article else run, gap)
            # In a spaced language the mark after a slot goes into its piece, so that pieces start where tokens do.
            trail = re.match(r"[^\s{\w]*", line[m.end() :])[0] if spaced else ""  # type: ignore[index]
            end = m.end() + len(trail)
            if spaced and (line[end : end + 1].strip() or line[: m.start()][-1:].strip()):
                raise self._error(SENTENCES, shape.line, f"{m[0]} must stand between spaces or marks")
            form = m[4] or self._columns[kinds[0]][0]
            if not all(form in self._columns[k] for k in kinds):
                raise self._error(SENTENCES, shape.line, f"{m[0]} asks for a form that some class lacks")
            for art in [True, False] if article else [False]:
                first = not shape.items
                row = self._row(form, "" if first else gap, "" if art else trail, first, art)
                shape.items.append((row * len(self._forms), column))
        self._add_text(shape, gap.join(line[end:].split()), gap)

    def _add_text(self, shape: _Shape, text: str, gap: str) -> None:
        if text:
            text = gap + text if shape.items else text[0].upper() + text[1:]
            self._literals.append(self._pieces.setdefault(text, len(self._pieces)))
            shape.items.append((-len(self._literals), 0))

    def _row(self, form: str, lead: str, trail: str, first: bool, article: bool) -> int:
        """Row of the print map: for each entry the piece that shows this form, or the article before that form."""
        at = (form, lead, trail, first, article)
        if at not in self._row_index:
            self._row_index[at] = len(self._rows)
            self._rows.append(row := [])
            for kind, forms in zip(self._class, self._forms, strict=True):
                if form not in self._columns[kind]:
                    row.append(0)
                    continue
                text = forms[self._columns[kind].index(form)]
                if article:
                    word, odd = text.split()[0], self._set.get("article_exceptions", "").split()
                    second = (word[0] in self._set.get("article_second_before", "")) != (word in odd)
                    text = self._set["article"].split()[second]
                text = lead + (text[0].upper() + text[1:] if first else text) + trail
                row.append(self._pieces.setdefault(text, len(self._pieces)))
        return self._row_index[at]

    def _finish(self, shapes: list[_Shape]) -> None:
        """Turns everything into arrays."""
        self.table = [p.encode() for p in self._pieces]
        flat = [piece for row in self._rows for piece in row]
        self._print = np.array(flat + self._literals, np.uint16 if len(self.table) <= 1 << 16 else np.uint32)
        items = [(start if start >= 0 else len(flat) - start - 1, column) for s in shapes for start, column in s.items]
        self._item_print, self._item_column = np.array(items).T.copy()
        self._item_count = np.array([len(s.items) for s in shapes])
        self._item_start = np.cumsum(self._item_count) - self._item_count
        self._draw_count = np.array([len(s.draws) for s in shapes])
        self._plan = np.zeros((int(self._draw_count.max()), 4, len(shapes)), np.int64)
        for i, s in enumerate(shapes):
            self._plan[: len(s.draws), :, i] = np.array(s.draws).reshape(-1, 4)
        self._pool_stack = _stack(self._pools)
        self._class_of = np.array(self._class)
        words: dict[str, int] = {}
        self._mark_of = np.array([words.setdefault("".join(f[:1]), len(words)) % _MARKS for f in self._forms])
        self._follow(shapes)

    def _follow(self, shapes: list[_Shape]) -> None:
        """Which shapes may open a paragraph of a cast, and which may follow an opening."""
        pivots = sorted({c for s in shapes for c in s.only})  # cast members whose class decides what may be said
        casts = list(product(*(sorted(self._cast_kinds[c]) for c in pivots)))
        self._casts, self._pivots, step = len(casts), list[tuple[int, Ints]](), len(casts)
        for c in pivots:
            step //= len(self._cast_kinds[c])
            rank = np.zeros(len(self._columns), np.int64)
            rank[sorted(self._cast_kinds[c])] = np.arange(len(self._cast_kinds[c])) * step
            self._pivots.append((c, rank))
        ids = {kind: [i for i, s in enumerate(shapes) if s.kind == kind] for kind in ("open", "body", "close")}
        masks = sorted({tuple(sorted(shapes[i].uses | self._known)) for i in ids["open"]})
        self._mask_of = np.array([masks.index(m) if (m := tuple(sorted(s.uses | self._known))) in masks else 0 for s in shapes])
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
            at = int(self._mask_of[i]) * len(casts) + cast
            if len(set(body[at])) < LONGEST or not close[at]:
                raise self._error(SENTENCES, shapes[i].line, "too few body or close lines may follow this opening")
        if not all(first):
            raise self._error(SENTENCES, 1, "some cast has no opening line")
        self._open, self._body, self._close = _stack(first), _stack(body), _stack(close)

    def _fill(
        self, rng: np.random.Philox, words: NDArray[np.int32], shape: Ints, topic: Ints, paragraph: Ints, first: int
    ) -> None:
        """Draws into rows first... of words (entries: columns x sentences) what each sentence's shape asks for.

        A word that the paragraph already has gives way to the next of its pool; a pool with nothing else may repeat.
        """
        order = np.argsort(-self._draw_count[shape], kind="stable")  # so that those that draw on are always in front
        shape, topic, paragraph, held = shape[order], topic[order], paragraph[order], words[:, order]
        owner = np.zeros(PARAGRAPHS * _MARKS, np.int32)  # by paragraph and mark of a word: the draw that has it
        owner[paragraph * _MARKS + self._mark_of[held[:first]]] = -1
        starts, sizes, entries = self._pool_stack
        for d in range(int(self._draw_count[shape[0]])):
            n = int(np.count_nonzero(self._draw_count[shape] > d))
            base, one, two, by_topic = self._plan[d][:, shape[:n]]
            check = np.arange(n)
            pool = base + self._class_of[held[one, check]] * len(self._columns) + self._class_of[held[two, check]]
            pool += topic[:n] * by_topic
            start, size = starts[pool], sizes[pool]
            at = _below(rng, size)
            entry = entries[start + at]
            for _ in range(LONGEST):
                mark, mine = paragraph[check] * _MARKS + self._mark_of[entry[check]], check + (d * len(shape) + 1)
                free = np.flatnonzero(owner[mark] == 0)
                owner[mark[free]] = mine[free]
                check = check[owner[mark] != mine]
                if not check.size:
                    break
                at[check] = (at[check] + 1) % size[check]
                entry[check] = entries[start[check] + at[check]]
            held[first + d, :n] = entry
        words[:, order] = held

    def block(self, number: int) -> tuple[Pieces, Ints, NDArray[np.bool_]]:
        """A block of whole paragraphs: pieces, count of pieces by sentence, where paragraphs start."""
        digest = hashlib.sha256(f"{self.version} {number}".encode()).digest()
        rng = np.random.Philox(key=np.frombuffer(digest[:16], "<u8"))
        n, cast = PARAGRAPHS, len(self._cast)
        topic = _below(rng, np.full(n, len(self._topics)))
        members = np.zeros((1 + cast, n), np.int32)
        self._fill(rng, members, np.zeros(n, np.int64), topic, np.arange(n), 1)
        state = np.zeros(n, np.int64)
        for column, rank in self._pivots:
            state += rank[self._class_of[members[column]]]
        grid = np.full((LONGEST, n), -1, np.int64)
        grid[0] = _pick(rng, self._open, state, grid[:0])
        state += self._mask_of[grid[0]] * self._casts
        for j in range(1, LONGEST - 1):
            grid[j] = _pick(rng, self._body, state, grid[:j])
        length = SHORTEST + _below(rng, np.full(n, LONGEST - SHORTEST + 1))
        grid[length - 1, np.arange(n)] = _pick(rng, self._close, state, grid[:0])
        shape, paragraph = grid.T[np.arange(LONGEST) < length[:, None]], np.repeat(np.arange(n), length)
        words = np.zeros((1 + cast + len(self._plan), len(shape)), np.int32)
        words[: 1 + cast] = members[:, paragraph]
        self._fill(rng, words, shape, topic[paragraph], paragraph, 1 + cast)
        count = self._item_count[shape]
        item = np.arange(count.sum()) + np.repeat(self._item_start[shape] - np.cumsum(count) + count, count)
        word = words.ravel()[self._item_column[item] * len(shape) + np.repeat(np.arange(len(shape)), count)]
        return self._print[self._item_print[item] + word], count, np.diff(paragraph, prepend=-1) > 0


def _stack(lists: list[list[int]]) -> tuple[Ints, Ints, Ints]:
    """Lists end to end: starts, sizes, values."""
    size = np.array([len(values) for values in lists])
    return np.cumsum(size) - size, size, np.array([v for values in lists for v in values])


def _below(rng: np.random.Philox, size: Ints) -> Ints:
    """A draw from 0 .. size - 1 for each size, from the upper halves of raw words."""
    raw = np.asarray(rng.random_raw(len(size)), np.uint64) >> np.uint64(32)
    drawn: Ints = ((raw * size.astype(np.uint64)) >> np.uint64(32)).astype(np.int64)
    return drawn


def _pick(rng: np.random.Philox, stack: tuple[Ints, Ints, Ints], state: Ints, taken: Ints) -> Ints:
    """A value of each state's list, none of those its column of taken has."""
    start, size = stack[0][state], stack[1][state]
    at = _below(rng, size)
    while (again := (taken == stack[2][start + at]).any(axis=0)).any():
        at = np.where(again, (at + 1) % size, at)
    chosen: Ints = stack[2][start + at]
    return chosen


def version(lang: str) -> str:
    """A hash of the engine and a language's files, read but not checked; LcgenError for an unknown language."""
    return _version(_texts(lang))


def load(lang: str) -> Grammar:
    """Reads and checks the prose of a language (a code such as "en"); LcgenError for an unknown one or a bad file."""
    return Grammar(lang, _texts(lang))


def _version(texts: dict[str, str]) -> str:
    return hashlib.sha256("\0".join([REVISION, texts[LEXICON], texts[TOPICS], texts[SENTENCES]]).encode()).hexdigest()


def _texts(lang: str) -> dict[str, str]:
    folder = files("lcgen") / "lang"
    have = sorted(f.name for f in folder.iterdir() if (f / "prose" / SENTENCES).is_file())
    if lang not in have:
        raise LcgenError(f"There is no prose in language {lang!r}; there is {', '.join(have)}.")
    return {name: (folder / lang / "prose" / name).read_text(encoding="utf-8") for name in (LEXICON, TOPICS, SENTENCES)}


def write(grammar: Grammar, sentences: int) -> Sentences:
    """The first sentences of the grammar's one stream: sentence i is the same however many are asked for."""
    blocks = [grammar.block(0)]
    while sum(len(block[1]) for block in blocks) < sentences:
        blocks.append(grammar.block(len(blocks)))
    pieces, counts, breaks = (np.concatenate(part) for part in zip(*blocks, strict=True))
    borders = np.concatenate([[0], np.cumsum(counts[:sentences])])
    return Sentences(pieces[: borders[-1]], borders, grammar.table, breaks[:sentences])
