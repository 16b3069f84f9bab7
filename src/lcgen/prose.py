"""Generated prose: reads a language's words and sentence shapes, writes paragraphs from a fixed stream.

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

REVISION = "1"  # part of every stream's key: raise it when a change here changes the text
PARAGRAPHS = 1024  # paragraphs a block
SHORTEST, LONGEST = 5, 9  # sentences a paragraph
_SLOT = re.compile(r"\{(?:(\w+)=)?([\w|]+)(?:\(([\w,]+)\))?(?:\.(\w+))?\}")
_FILES = ("lexicon.txt", "topics.txt", "sentences.txt")


@dataclass(frozen=True)
class Sentences:
    """Sentences as ids of text pieces.

    pieces: flat uint16 or uint32 array of ids; borders: int64, n + 1, sentence k is pieces[borders[k]:borders[k + 1]];
    table: the UTF-8 bytes of each id; breaks: bool, n, true where a sentence starts a paragraph.
    """

    pieces: NDArray[np.unsignedinteger]
    borders: Ints
    table: list[bytes]
    breaks: NDArray[np.bool_]

    def text(self, k: int) -> str:
        """Text of sentence k, without a leading space."""
        return b"".join(self.table[i] for i in self.pieces[self.borders[k] : self.borders[k + 1]]).decode()


@dataclass
class _Shape:
    """One line of sentences.txt: what it prints and what it draws for that (columns: null, cast, own draws)."""

    line: int
    kind: str
    weight: int
    items: list[tuple[int, int]] = field(default_factory=list)  # offset in the print map, column
    draws: list[tuple[int, int, int, int, int, int]] = field(default_factory=list)  # pool, args, factors, topic factor
    uses: set[int] = field(default_factory=set)  # columns of cast members
    only: dict[int, set[int]] = field(default_factory=dict)  # column of a cast member -> classes it must have


class Grammar:
    """A language's prose, ready to be written: lang, version (a hash of its files and the engine), piece table.

    Reading checks everything the data can get wrong, so that writing cannot fail; LcgenError names file and line.
    """

    def __init__(self, lang: str, texts: dict[str, str]) -> None:
        self.lang = lang
        self.version = hashlib.sha256("\0".join([REVISION, *(texts[f] for f in _FILES)]).encode()).hexdigest()
        self._classes: dict[str, int] = {"": 0}
        self._groups: dict[str, list[str]] = {}
        self._columns: list[list[str]] = [[]]
        self._forms: list[list[str]] = [[]]  # by entry: a word in a class; entry 0 is no word
        self._class: list[int] = [0]
        self._fits: list[list[set[int]]] = [[]]
        self._related: set[int] = set()
        self._members: dict[int, list[int]] = {}
        self._pieces: dict[str, int] = {}
        self._pools: list[list[int]] = []
        self._pool_index: dict[tuple[object, ...], int] = {}
        self._maps: dict[tuple[str, str, str, bool, bool], int] = {}
        self._rows: list[list[int]] = []
        self._literals: list[int] = []
        self._topics: list[dict[int, list[int]]] = []
        self._read_lexicon(texts["lexicon.txt"])
        self._read_topics(texts["topics.txt"])
        self._read_sentences(texts["sentences.txt"])

    # ---- reading

    def _error(self, name: str, line: int, what: str) -> LcgenError:
        return LcgenError(f"lang/{self.lang}/prose/{name}, line {line}: {what}")

    def _lines(self, name: str, text: str) -> Iterator[tuple[int, str, str]]:
        """Yields (line number, section header, line); the line is empty where a section opens."""
        head = ""
        for no, line in enumerate(text.splitlines(), 1):
            line = line.strip()
            if line.startswith("["):
                if not line.endswith("]"):
                    raise self._error(name, no, "a section header must end with ]")
                head = line[1:-1].strip()
                yield no, head, ""
            elif line and not line.startswith("#"):
                if not head:
                    raise self._error(name, no, "a line before the first section header")
                yield no, head, line

    def _resolve(self, words: Iterable[str], name: str, no: int) -> list[int]:
        """Class ids of class and group names, in order."""
        out: list[int] = []
        for word in words:
            if word in self._groups:
                out += self._resolve(self._groups[word], name, no)
            elif word in self._classes:
                out.append(self._classes[word])
            else:
                raise self._error(name, no, f"no class or group is called {word!r}")
        return list(dict.fromkeys(out))

    def _read_lexicon(self, text: str) -> None:
        name, waiting = "lexicon.txt", []
        for no, head, line in self._lines(name, text):
            title, _, rest = head.partition(":")
            if head == "groups":
                if line:
                    group, _, parts = line.partition("=")
                    self._groups[group.strip()] = parts.split()
                continue
            columns, _, arguments = rest.partition("|")
            title = title.strip()
            if not line:
                if not columns.split() or self._classes.setdefault(title, len(self._columns)) < len(self._columns):
                    raise self._error(name, no, f"class {title!r} has no columns or comes a second time")
                self._columns.append(columns.split())
                if arguments:
                    self._related.add(self._classes[title])
                continue
            left, _, right = line.partition("|")
            forms, kind = [f.replace("_", " ") for f in left.split()], self._classes[title]
            if len(forms) != len(self._columns[kind]) or bool(right.strip()) != (kind in self._related):
                raise self._error(name, no, f"{line!r} does not fill [{head}]")
            self._members.setdefault(kind, []).append(len(self._forms))
            self._forms.append(forms)
            self._class.append(kind)
            self._fits.append([])
            if right:
                waiting.append((no, right))
            else:
                waiting.append((no, ""))
        # A group or class may be written below the words that name it.
        for entry, (no, right) in enumerate(waiting, 1):
            self._fits[entry] = [set(self._resolve(p.split(), name, no)) for p in right.split(">")] if right else []

    def _read_topics(self, text: str) -> None:
        name = "topics.txt"
        for no, _, line in self._lines(name, text):
            if not line:
                self._topics.append({})
                continue
            title, _, words = line.partition(":")
            (kind,) = self._resolve([title.strip()], name, no)[:1]
            known = {self._forms[e][0]: e for e in self._members.get(kind, [])}
            for word in words.split():
                if (entry := known.get(word.replace("_", " "))) is None:
                    raise self._error(name, no, f"the lexicon has no {title.strip()} {word!r}")
                self._topics[-1].setdefault(kind, []).append(entry)

    # ---- pools: the words a draw chooses from

    def _free_pool(self, kinds: list[int]) -> int:
        """First of one pool a topic: its words of these classes, all words if it lists none."""
        at = (*kinds, "free")
        if at not in self._pool_index:
            self._pool_index[at] = len(self._pools)
            for topic in self._topics:
                pool = [e for k in kinds for e in topic.get(k, [])]
                self._pools.append(pool or [e for k in kinds for e in self._members.get(k, [])])
        return self._pool_index[at]

    def _fit_pool(self, kinds: list[int], arguments: int) -> int:
        """First of one pool a class (or pair of classes) of the arguments: the words of these classes that fit."""
        at = (*kinds, arguments)
        if at not in self._pool_index:
            base = self._pool_index[at] = len(self._pools)
            width = len(self._columns)
            self._pools += [[] for _ in range(width**arguments)]
            for e in (e for k in kinds for e in self._members.get(k, [])):
                if len(self._fits[e]) == arguments:
                    for classes in product(*map(sorted, self._fits[e])):
                        self._pools[base + (classes[0] if arguments == 1 else classes[0] * width + classes[1])].append(
                            e
                        )
        return self._pool_index[at]

    # ---- sentences

    def _read_sentences(self, text: str) -> None:
        name = "sentences.txt"
        self._set: dict[str, str] = {"space": "yes", "stop": "."}
        self._cast: dict[str, int] = {}
        self._cast_kinds: list[set[int]] = [set()]
        self._known: set[int] = set()
        shapes = [_Shape(0, "cast", 1)]
        for no, head, line in self._lines(name, text):
            left, _, right = (part.strip() for part in line.partition("="))
            if not line:
                continue
            if head == "language":
                self._set[left] = right
            elif head == "cast":
                known = right.endswith("(known)")
                kinds = self._resolve(right.removesuffix("(known)").split(), name, no)
                if left in self._classes or left in self._groups or not kinds:
                    raise self._error(name, no, f"{left!r} cannot be a cast name: it names a class, or has none")
                base = self._free_pool(kinds)
                pools = self._pools[base : base + len(self._topics)]
                if min(map(len, pools)) < 1:
                    raise self._error(name, no, f"a topic has no word for {left!r}")
                self._cast[left] = len(self._cast) + 1
                self._cast_kinds.append({self._class[e] for pool in pools for e in pool})
                shapes[0].draws.append((base, 0, 0, 0, 0, 1))
                if known:
                    self._known.add(self._cast[left])
            elif head in ("open", "body", "close"):
                found = re.fullmatch(r"(.*?)(?:\s*\*\s*(\d+))?", line)
                assert found is not None
                shape = _Shape(no, head, int(found[2] or 1))
                self._read_shape(shape, found[1])
                shapes.append(shape)
            else:
                raise self._error(name, no, f"no section may be called [{head}]")
        self._finish(shapes)

    def _read_shape(self, shape: _Shape, line: str) -> None:
        name, no, stop, spaced = "sentences.txt", shape.line, self._set["stop"], self._set["space"] == "yes"
        if not line.endswith(stop) or line.count(stop) - sum(m[0].count(stop) for m in _SLOT.finditer(line)) != 1:
            raise self._error(name, no, f"a sentence must hold one {stop!r}, at its end")
        slots = list(_SLOT.finditer(line))
        if sum(m.end() - m.start() for m in slots) != sum(map(len, re.findall(r"\{[^}]*\}", line))):
            raise self._error(name, no, "a slot cannot be read")
        where: list[int | str] = []  # of each slot: its column, or the label that will have one
        columns = dict(self._cast)
        kinds: dict[int, list[int]] = {c: sorted(self._cast_kinds[c]) for c in columns.values()}
        labels = {m[1] for m in slots if m[1]}
        later: list[tuple[str, list[int], list[str]]] = []
        for i, m in enumerate(slots):
            label, what, arguments = m[1] or f"#{i}", m[2], m[3]
            if m[1] is None and arguments is None and (what in labels or what in self._cast):
                where.append(what)
                continue
            where.append(label)
            chosen = self._resolve(what.split("|"), name, no)
            if label in self._cast:
                column = self._cast[label]
                kinds[column] = [k for k in kinds[column] if k in chosen]
                shape.only[column] = set(kinds[column])
            elif label in columns or any(label == known for known, _, _ in later):
                raise self._error(name, no, f"{label!r} is given twice")
            elif bool(arguments) != any(k in self._related for k in chosen):
                raise self._error(name, no, f"{m[0]} must have arguments if, and only if, its class has them")
            elif arguments:
                later.append((label, chosen, arguments.split(",")))
            else:
                columns[label] = len(self._cast) + len(shape.draws) + 1
                shape.draws.append((self._free_pool(chosen), 0, 0, 0, 0, 1))
                kinds[columns[label]] = chosen
        while later:  # a word is drawn after the words it must fit
            ready = next((job for job in later if all(a in columns for a in job[2])), None)
            if ready is None or len(ready[2]) > 2:
                raise self._error(name, no, f"{(ready or later[0])[2]} are not labels or cast names to fit")
            later.remove(ready)
            label, chosen, given = ready
            base, at = self._fit_pool(chosen, len(given)), [columns[a] for a in given]
            width = len(self._columns)
            for classes in product(*(kinds[c] for c in at)):
                if not self._pools[base + (classes[0] if len(at) == 1 else classes[0] * width + classes[1])]:
                    names = [list(self._classes)[k] for k in (*chosen, *classes)]
                    raise self._error(name, no, f"no {names[0]} fits {' and '.join(names[len(chosen) :])}")
            shape.uses.update(c for c in at if c in self._cast.values())
            columns[label] = len(self._cast) + len(shape.draws) + 1
            kinds[columns[label]] = chosen
            one = len(at) == 1
            shape.draws.append((base, at[0], 1 if one else width, 0 if one else at[1], 0 if one else 1, 0))
        self._read_items(shape, line, slots, [columns[str(w)] for w in where], kinds, spaced)
        shape.uses.update({c for _, c in shape.items} & set(self._cast.values()))

    def _read_items(
        self,
        shape: _Shape,
        line: str,
        slots: list[re.Match[str]],
        columns: list[int],
        kinds: dict[int, list[int]],
        spaced: bool,
    ) -> None:
        articles = self._set.get("article", "").split()
        gap, end = " " if spaced else "", 0
        for i, m in enumerate([*slots, None]):
            run = line[end : m.start() if m else len(line)]
            run = " ".join(run.split()) if spaced else "".join(run.split())
            article = bool(m and articles and run.lower().split()[-1:] == articles[:1])
            text = run[: -len(articles[0])].rstrip() if article else run
            if text:
                first = not shape.items
                piece = text[:1].upper() + text[1:] if first else gap + text
                self._literals.append(self._pieces.setdefault(piece, len(self._pieces)))
                shape.items.append((-len(self._literals), 0))
            if m is None:
                break
            # In a spaced language the mark after a slot goes into its piece, so that pieces start where tokens do.
            found = re.match(r"[^\s{\w]*", line[m.end() :])
            trail = found[0] if found and spaced else ""
            end = m.end() + len(trail)
            if spaced and (line[end : end + 1].strip() or line[: m.start()][-1:].strip()):
                raise self._error("sentences.txt", shape.line, f"{m[0]} must stand between spaces or marks")
            form = m[4] or self._columns[kinds[columns[i]][0]][0]
            if not all(form in self._columns[k] for k in kinds[columns[i]]):
                raise self._error("sentences.txt", shape.line, f"{m[0]} asks for a form that some class lacks")
            for art in [True, False] if article else [False]:
                lead = "" if not shape.items else gap
                row = self._map(form, lead, "" if art else trail, not shape.items, art)
                shape.items.append((row * len(self._forms), columns[i]))

    def _map(self, form: str, lead: str, trail: str, first: bool, article: bool) -> int:
        """Row of the print map: for each entry the piece that shows this form, or the article before that form."""
        at = (form, lead, trail, first, article)
        if at not in self._maps:
            self._maps[at] = len(self._rows)
            row = []
            for kind, forms in zip(self._class, self._forms, strict=True):
                if form not in self._columns[kind]:
                    row.append(0)
                    continue
                text = forms[self._columns[kind].index(form)]
                if article:
                    text = self._set["article"].split()[self._takes_second(text.split()[0])]
                text = lead + (text[:1].upper() + text[1:] if first else text) + trail
                row.append(self._pieces.setdefault(text, len(self._pieces)))
            self._rows.append(row)
        return self._maps[at]

    def _takes_second(self, word: str) -> bool:
        starts = word[0] in self._set.get("article_second_before", "")
        return starts != (word in self._set.get("article_exceptions", "").split())

    def _finish(self, shapes: list[_Shape]) -> None:
        """Turns everything into arrays and works out which shapes may follow which opening."""
        size, count = len(self._rows) * len(self._forms), len(self._pieces)
        self.table = [p.encode() for p in self._pieces]
        self._id_type = np.uint16 if count <= 1 << 16 else np.uint32
        flat = [i for row in self._rows for i in row] + self._literals
        self._print = np.array(flat, self._id_type)
        items = [(o if o >= 0 else size - o - 1, c) for s in shapes for o, c in s.items]
        self._item_map, self._item_column = np.array(items, np.int32).T.copy()
        self._item_count = np.array([len(s.items) for s in shapes], np.int64)
        self._item_start = np.cumsum(self._item_count) - self._item_count
        self._draw_count = np.array([len(s.draws) for s in shapes], np.int64)
        self._plan = np.zeros((6, int(self._draw_count.max()), len(shapes)), np.int64)
        for i, s in enumerate(shapes):
            self._plan[:, : len(s.draws), i] = np.array(s.draws, np.int64).reshape(-1, 6).T
        self._pool_size = np.array([len(p) for p in self._pools], np.int64)
        self._pool_start = np.cumsum(self._pool_size) - self._pool_size
        self._pool = np.array([e for p in self._pools for e in p], np.int32)
        self._class_of = np.array(self._class, np.int64)
        words: dict[str, int] = {"": 0}
        self._word_of = np.array([words.setdefault(f[0] if f else "", len(words)) for f in self._forms], np.int32)
        self._choices(shapes)

    def _choices(self, shapes: list[_Shape]) -> None:
        name = "sentences.txt"
        pivots = sorted({c for s in shapes for c in s.only})  # cast members whose class decides what may be said
        casts = list(product(*(sorted(self._cast_kinds[c]) for c in pivots)))
        self._pivots: list[tuple[int, Ints]] = []
        step = len(casts)
        for c in pivots:
            step //= len(self._cast_kinds[c])
            rank = np.zeros(len(self._columns), np.int64)
            rank[sorted(self._cast_kinds[c])] = np.arange(len(self._cast_kinds[c])) * step
            self._pivots.append((c, rank))
        by_kind = {k: [i for i, s in enumerate(shapes) if s.kind == k] for k in ("open", "body", "close")}
        masks = sorted({tuple(sorted(shapes[i].uses | self._known)) for i in by_kind["open"]})
        self._mask_of = np.zeros(len(shapes), np.int64)
        for i in by_kind["open"]:
            self._mask_of[i] = masks.index(tuple(sorted(shapes[i].uses | self._known)))
        allowed = [[all(cast[pivots.index(c)] in k for c, k in s.only.items()) for cast in casts] for s in shapes]
        self._open = self._stack([[i for i in by_kind["open"] if allowed[i][v]] for v in range(len(casts))], shapes)
        follow: dict[str, list[list[int]]] = {"body": [], "close": []}
        for mask in masks:
            for kind, ids in by_kind.items():
                if kind != "open":
                    fit = [i for i in ids if shapes[i].uses <= {*mask, *self._known}]
                    follow[kind] += [[i for i in fit if allowed[i][v]] for v in range(len(casts))]
        for i in by_kind["open"]:
            for v in (v for v in range(len(casts)) if allowed[i][v]):
                state = int(self._mask_of[i]) * len(casts) + v
                if len(follow["body"][state]) < LONGEST or not follow["close"][state]:
                    raise self._error(name, shapes[i].line, "too few body or close lines may follow this opening")
        if not min(self._open[1]):
            raise self._error(name, 1, "some cast has no opening line")
        self._body, self._close = self._stack(follow["body"], shapes), self._stack(follow["close"], shapes)
        self._casts = len(casts)

    def _stack(self, lists: list[list[int]], shapes: list[_Shape]) -> tuple[Ints, Ints, Ints]:
        """Starts, sizes and shape ids; a shape of weight w stands w times, never twice running."""
        most = max(s.weight for s in shapes)
        full = [[i for w in range(most) for i in ids if shapes[i].weight > w] for ids in lists]
        size = np.array([len(ids) for ids in full], np.int64)
        return np.cumsum(size) - size, size, np.array([i for ids in full for i in ids], np.int64)

    # ---- writing

    def _fill(self, rng: np.random.Philox, words: NDArray[np.int32], shape: Ints, topic: Ints, first: int) -> None:
        """Draws into columns first... of words (rows x columns of entries) what each row's shape asks for."""
        for d in range(int(self._draw_count[shape].max())):
            rows = np.flatnonzero(self._draw_count[shape] > d)
            base, left, left_step, right, right_step, by_topic = self._plan[:, d].take(shape[rows], axis=1)
            pool = base + topic[rows] * by_topic
            pool += self._class_of[words[rows, left]] * left_step + self._class_of[words[rows, right]] * right_step
            size, start = self._pool_size[pool], self._pool_start[pool]
            at = _below(rng, size)
            entry = self._pool[start + at]
            taken, check = self._word_of[words[rows, : first + d]], np.arange(len(rows))
            for _ in range(LONGEST):  # step past words the row has already; a pool with nothing else may repeat
                check = check[(taken[check] == self._word_of[entry[check], None]).any(axis=1)]
                if not check.size:
                    break
                at[check] = (at[check] + 1) % size[check]
                entry[check] = self._pool[start[check] + at[check]]
            words[rows, first + d] = entry

    def _block(self, block: int) -> tuple[NDArray[np.unsignedinteger], Ints, NDArray[np.bool_]]:
        """Pieces, pieces per sentence and paragraph starts of one block of paragraphs."""
        digest = hashlib.sha256(f"{self.version} {block}".encode()).digest()
        rng = np.random.Philox(key=np.frombuffer(digest[:16], "<u8"))
        n, cast = PARAGRAPHS, len(self._cast)
        topic = _below(rng, np.full(n, len(self._topics), np.int64))
        members = np.zeros((n, 1 + cast), np.int32)
        self._fill(rng, members, np.zeros(n, np.int64), topic, 1)
        state = np.zeros(n, np.int64)
        for column, rank in self._pivots:
            state += rank[self._class_of[members[:, column]]]
        grid = np.full((n, LONGEST), -1, np.int64)
        grid[:, 0] = _pick(rng, self._open, state, grid[:, :0])
        state += self._mask_of[grid[:, 0]] * self._casts
        for j in range(1, LONGEST - 1):
            grid[:, j] = _pick(rng, self._body, state, grid[:, :j])
        length = SHORTEST + _below(rng, np.full(n, LONGEST - SHORTEST + 1, np.int64))
        grid[np.arange(n), length - 1] = _pick(rng, self._close, state, grid[:, :0])
        present = np.arange(LONGEST) < length[:, None]
        shape, paragraph = grid[present], np.repeat(np.arange(n), length)
        words = np.zeros((len(shape), 1 + cast + self._plan.shape[1]), np.int32)
        words[:, : 1 + cast] = members[paragraph]
        self._fill(rng, words, shape, topic[paragraph], 1 + cast)
        count = self._item_count[shape]
        border = np.cumsum(count) - count
        item = np.arange(int(count.sum())) + np.repeat(self._item_start[shape] - border, count)
        column = self._item_column[item] + np.repeat(np.arange(len(shape)) * words.shape[1], count)
        pieces = self._print[self._item_map[item] + words.ravel()[column]]
        return pieces, count, np.diff(paragraph, prepend=-1) > 0


def _below(rng: np.random.Philox, size: Ints) -> Ints:
    """A draw from 0 .. size - 1 for each size, from the upper halves of raw words."""
    raw = np.asarray(rng.random_raw(len(size)), np.uint64) >> np.uint64(32)
    drawn: Ints = ((raw * size.astype(np.uint64)) >> np.uint64(32)).astype(np.int64)
    return drawn


def _pick(rng: np.random.Philox, stack: tuple[Ints, Ints, Ints], state: Ints, taken: Ints) -> Ints:
    """A shape for each state, other than the shapes its row has taken."""
    start, size = stack[0][state], stack[1][state]
    at = _below(rng, size)
    for _ in range(LONGEST):
        again = (stack[2][start + at][:, None] == taken).any(axis=1)
        at = np.where(again, (at + 1) % size, at)
    chosen: Ints = stack[2][start + at]
    return chosen


def load(lang: str) -> Grammar:
    """Reads and checks the prose of a language (a code such as "en"); LcgenError for an unknown one or a bad file."""
    folder = files("lcgen") / "lang"
    if not re.fullmatch(r"[a-z]+", lang) or not (folder / lang / "prose" / _FILES[2]).is_file():
        have = sorted(f.name for f in folder.iterdir() if (f / "prose" / _FILES[2]).is_file())
        raise LcgenError(f"There is no prose in language {lang!r}; there is {', '.join(have)}.")
    return Grammar(lang, {f: (folder / lang / "prose" / f).read_text(encoding="utf-8") for f in _FILES})


def write(grammar: Grammar, sentences: int) -> Sentences:
    """The first n sentences of the grammar's one stream: sentence i is the same however many are asked for."""
    pieces: list[NDArray[np.unsignedinteger]] = []
    counts: list[Ints] = []
    breaks: list[NDArray[np.bool_]] = []
    have = 0
    while have < sentences:
        block = grammar._block(len(pieces))
        pieces.append(block[0])
        counts.append(block[1])
        breaks.append(block[2])
        have += len(block[1])
    borders = np.zeros(sentences + 1, np.int64)
    if not pieces:
        return Sentences(np.zeros(0, np.uint16), borders, grammar.table, np.zeros(0, np.bool_))
    borders[1:] = np.cumsum(np.concatenate(counts)[:sentences])
    return Sentences(np.concatenate(pieces)[: borders[-1]], borders, grammar.table, np.concatenate(breaks)[:sentences])
