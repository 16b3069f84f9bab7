"""The words of generated prose: classes with their forms, what fits what, and what a topic speaks of."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import product

from lcgen.errors import LcgenError


@dataclass(frozen=True)
class Data:
    """A data file of a language's prose: sections under a [header], one thing a line; # starts a remark."""

    lang: str
    name: str
    text: str

    def lines(self) -> Iterator[tuple[int, str, str]]:
        """Yields line number, section header, line; the line is empty where a section opens."""
        head = ""
        for no, line in enumerate(self.text.splitlines(), 1):
            line = line.strip()
            if line.startswith("[") and line.endswith("]"):
                head = line[1:-1].strip()
                yield no, head, ""
            elif line and not line.startswith("#"):
                if not head:
                    raise self.fault(no, "a line before the first [section]")
                yield no, head, line

    def fault(self, line: int, what: str) -> LcgenError:
        """An error that names the file and the line."""
        return LcgenError(f"lang/{self.lang}/prose/{self.name}, line {line}: {what}")


class Lexicon:
    """Entries (a word in a class) and classes by number, 0 for none, and the pools that a draw chooses from.

    Raises LcgenError, with file and line, for what does not fit together.
    """

    def __init__(self, words: Data, topics: Data) -> None:
        self.classes: dict[str, int] = {"": 0}
        self.columns: list[list[str]] = [[]]  # by class: names of its forms
        self.members: list[list[int]] = [[]]  # by class: its entries
        self.groups: dict[str, list[str]] = {}
        self.related: set[int] = set()  # classes whose words fit words
        self.forms: list[list[str]] = [[]]  # by entry
        self.class_of: list[int] = [0]  # by entry
        self.topics: list[dict[int, list[int]]] = []  # of each, by class: the entries that it lists
        self.pools: list[list[int]] = []
        self._pool_index: dict[tuple[int, ...], int] = {}
        self._fits: list[tuple[set[int], set[int]]] = [(set(), set())]  # by entry: classes of its arguments
        self._read_words(words)
        self._read_topics(topics)

    def resolve(self, words: Iterable[str], data: Data, no: int) -> list[int]:
        """Class ids of class and group names, in order, each once."""
        out: list[int] = []
        for word in words:
            if word not in self.groups and word not in self.classes:
                raise data.fault(no, f"no class or group is called {word!r}")
            group = self.groups.get(word)
            out += [self.classes[word]] if group is None else self.resolve(group, data, no)
        return list(dict.fromkeys(out))

    def _read_words(self, data: Data) -> None:
        fits = [(0, "")]
        for no, head, line in data.lines():
            if head == "groups":
                name, _, parts = line.partition("=")
                self.groups |= {name.strip(): parts.split()} if line else {}
                continue
            title, columns, arguments = re.fullmatch(r"([^:|]*):?([^|]*)\|?(.*)", head).groups()  # type: ignore[union-attr]
            title = title.strip()
            if not line:
                if title in self.classes or not columns.split():
                    raise data.fault(no, f"class {title!r} has no columns or comes a second time")
                self.classes[title] = len(self.columns)
                self.columns.append(columns.split())
                self.members.append([])
                self.related |= {self.classes[title]} if arguments else set()
                continue
            left, _, right = line.partition("|")
            forms, kind = [f.replace("_", " ") for f in left.split()], self.classes[title]
            if len(forms) != len(self.columns[kind]) or bool(right.strip()) != (kind in self.related):
                raise data.fault(no, f"{line!r} does not fill [{head}]")
            self.members[kind].append(len(self.forms))
            self.forms.append(forms)
            self.class_of.append(kind)
            fits.append((no, right))
        for no, right in fits[1:]:  # only now, since a class may stand below the words that name it
            one, *two = [set(self.resolve(p.split(), data, no)) for p in right.split(">")] if right else [set()]
            self._fits.append((one, two[0] if two else {0}))

    def _read_topics(self, data: Data) -> None:
        for no, _, line in data.lines():
            if not line:
                self.topics.append({})
                continue
            title, _, words = line.partition(":")
            for kind in self.resolve([title.strip()], data, no):
                known = {self.forms[e][0]: e for e in self.members[kind]}
                for word in words.replace("_", "\0").split():
                    if (entry := known.get(word.replace("\0", " "))) is None:
                        raise data.fault(no, f"the lexicon has no {title.strip()} {word!r}")
                    self.topics[-1].setdefault(kind, []).append(entry)

    def free_pool(self, kinds: list[int]) -> int:
        """First of one pool a topic: its words of these classes, or all their words if it lists none."""
        if (at := (-1, *kinds)) not in self._pool_index:
            self._pool_index[at] = len(self.pools)
            for topic in self.topics:
                pool = [e for k in kinds for e in topic.get(k, [])]
                self.pools.append(pool or [e for k in kinds for e in self.members[k]])
        return self._pool_index[at]

    def fit_pool(self, kinds: list[int]) -> int:
        """First of one pool a pair of classes (the second 0 for a lone argument): the words that fit it."""
        if (at := tuple(kinds)) not in self._pool_index:
            base = self._pool_index[at] = len(self.pools)
            width = len(self.columns)
            self.pools += [[] for _ in range(width * width)]
            for e in (e for k in kinds for e in self.members[k]):
                for one, two in product(*self._fits[e]):
                    self.pools[base + one * width + two].append(e)
        return self._pool_index[at]
