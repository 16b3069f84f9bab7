"""Exact token counts in the vocabulary of the user's model, whichever engine reads it.

A `Tokenizer` has two readings of a text: *ordinary*, which never takes a piece of the text for a control token, and
*rendered*, which does, as a served model reads a chat prompt. `Scale` turns counts into weights of units that add up
inside a running text. The engines are in `engines.py`, where vocabularies come from in `bundled.py` and
`vocabularies.py`.
"""

from __future__ import annotations

import hashlib
import re
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lcgen.errors import LcgenError, unknown

Counts = NDArray[np.int64]

# Scripts, numbers, code, quotes, line breaks, and chat markers that must stay ordinary text. All of it is in Unicode
# normal form C, so that a file that normalises and a rank table that does not get one fingerprint. Never change it.
SNIPPETS = (
    "The harbour master wrote the day's tide into his ledger.", "Naïve façades, coöperation and Ångström units",
    "don't they'll I'VE we'd", "Straße, Größe, Übung", "¿Dónde está la biblioteca?", "Zażółć gęślą jaźń",
    "Съешь ещё этих мягких булок", "Ξεσκεπάζω την ψυχοφθόρα", "视野无限广，窗外有蓝天。", "灯塔在雾里一闪一闪",
    "いろはにほへと、ちりぬるを。", "カタカナとひらがな", "키스의 고유조건은 입술끼리", "نص حكيم له سر قاطع",
    "דג סקרן שט בים", "ऋषियों को सताने वाले दुष्ट", "นายสังฆภัณฑ์ เฮงพิทักษ์ฝั่ง", "Ⅷ ½ x² → ∞ ≠ ≤", "🙂🙃",
    "👩‍👩‍👧‍👦", "🇩🇪🇯🇵", "💡️", "0", "7", "42", "365", "1024", "65536", "1048576", "3.14159", "1,234,567.89",
    "2024-02-29", "+49 30 901820", "0xDEADBEEF", '{"key": "value", "n": [1, 2, 3]}',
    "for (int i = 0; i < n; ++i) { a[i] += b[i]; }", "def f(x):\n    return x ** 2\n", "<td>cell</td>",
    "https://example.org/a_b?c=d&e=%20#f", "e4c1b2aa-77f0-4d5e-9b1c-0a1b2c3d4e5f",
    "CamelCaseName snake_case_name SCREAMING_CASE", "<|endoftext|>", "<|im_start|>user", "<|im_end|>",
    "<|start_header_id|>", "<|eot_id|>", "[INST]", "[/INST]", "<s>", "</s>", "<bos>", "<start_of_turn>", "<think>",
    "</think>", "<｜User｜>", "<｜end_of_sentence｜>", "<|system|>", " ", "  ", "    ", "\t", "\n",
    "\n\n", "\n\n\n", "\r\n", " \n", ".\n", "...", "!?", "—", "“quoted”", "‘so’", "(a)", "--", "==", "//", "***",
)  # fmt: skip

# What the fingerprint text leaves out and a stand-in engine must read like the reference all the same.
ODDITIES = (
    "e\u0301a\u0308", "ﬁ ﬂ ① Å Ｆｕｌｌ", "\x00", "\x07\x1b", "\ufeff", "\u200b\u200d", "\u00a0\u2003", "▁", "▁▁a",
    "\r", "\x85", "\u2028", "İı ſ ǅ", "ا\u064bلعربية", "\u1112\u1161\u11ab", "𝔘𝔫𝔦", "𠜎𠜱", "\ufffd",
    "a" * 300, "=" * 90, "9" * 40, "哈" * 60, "x  y   z    w",
    *(" " * n for n in (3, 5, 7, 8, 9, 12, 15, 16, 17, 24, 31, 40)), *("\n" * n for n in (4, 5, 9)), "\t\t", "\t" * 8,
)  # fmt: skip


def mixed(snippets: Sequence[str], draws: int) -> str:
    """A text of `draws` snippets in an order that is the same everywhere (64-bit linear congruence, high bits)."""
    return "".join(snippets[i] for i in _draws(draws, len(snippets)))


def _draws(n: int, bound: int) -> Iterator[int]:
    state = 1
    for _ in range(n):
        state = (state * 6364136223846793005 + 1442695040888963407) % 2**64
        yield (state >> 33) % bound


class Tokenizer(ABC):
    """One vocabulary, read by one engine.

    `name` is what a user types to get it again, `engine` what reads it ("splintr 0.22.0"), `reference` whose ids it
    agrees with ("tiktoken", "tokenizers", "sentencepiece" or "self-checked"), `facts` these and more for a manifest.
    `specials` are the texts that become control tokens in the rendered reading. `affixes` tokens stand around a plain
    text by default; `bos` is the text of those in front. `chat_template` (Jinja) and `special_texts` (`bos_token`,
    `eos_token` ...) came with a model. Texts must be valid Unicode: a lone surrogate is a UnicodeEncodeError.
    """

    name: str
    engine: str
    reference: str
    specials: frozenset[str]
    source: str  # what `load` was given, with the machine's path: for workers, never for a manifest
    affixes: int = 0
    bos: str = ""
    chat_template: str | None = None
    special_texts: Mapping[str, str] = {}
    facts: dict[str, str]
    dummy_once: bool = False  # a dummy space stands before the text, but not after control tokens
    strips: bool = False  # control tokens take the white space around them

    @abstractmethod
    def encode(self, text: str) -> list[int]:
        """Ids of the ordinary reading, nothing added around them."""

    @abstractmethod
    def starts(self, text: str) -> Counts:
        """UTF-8 byte offset in `text` of each ordinary token (tokens,); a dummy space in front stands at 0."""

    def ids(self, text: str) -> NDArray[np.integer[Any]]:
        """`encode` as an array (tokens,)."""
        return np.asarray(self.encode(text), np.int64)

    def count(self, text: str) -> int:
        """Tokens of the ordinary reading: len(encode(text))."""
        return len(self.encode(text))

    def counts(self, texts: Sequence[str]) -> Counts:
        """`count` of each text (len(texts),)."""
        return np.fromiter((self.count(text) for text in texts), dtype=np.int64, count=len(texts))

    def seams(self, heads: Sequence[str], tails: Sequence[str]) -> tuple[Counts, Counts]:
        """Of each head the tokens that its tail adds to it, and how many more or fewer begin before the tail than without it (len(heads),)."""
        alone = self.counts(heads)
        starts = [self.starts(head + tail) for head, tail in zip(heads, tails, strict=True)]
        before = [int(np.searchsorted(found, len(head.encode()))) for found, head in zip(starts, heads)]
        return np.fromiter(map(len, starts), np.int64, len(starts)) - alone, np.array(before, np.int64) - alone

    def count_rendered(self, text: str) -> int:
        """Tokens of a rendered prompt: its control texts are read as control tokens, and no BOS is added."""
        return self.count_parts([(text, True)])

    def count_parts(self, parts: Sequence[tuple[str, bool]]) -> int:
        """Tokens of the joined parts, read as one text. Control texts count as such only inside parts marked True."""
        total, run, first = 0, [], True
        for text, rendered in parts:
            end = 0
            for match in self._control.finditer(text) if rendered else ():
                run.append(text[end : match.start()])
                total += self._count_run("".join(run), first, False) + 1
                run, first, end = [], False, match.end()
            run.append(text[end:])
        return total + self._count_run("".join(run), first, True)

    def _count_run(self, text: str, first: bool, last: bool) -> int:
        if self.strips:
            text = text if first else text.lstrip()
            text = text if last else text.rstrip()
        if not text:
            return 0
        # Where a dummy space may stand, no piece crosses a line break: the break takes it away and nothing else.
        return self.count(text) if first or not self.dummy_once else self.count("\n" + text) - self.count("\n")

    @cached_property
    def _control(self) -> re.Pattern[str]:
        return alternatives(self.specials)

    @cached_property
    def fingerprint(self) -> str:
        """16 hex digits over the ids of a fixed text in many scripts: equal for equal vocabularies, on any engine."""
        ids = np.asarray(self.encode(mixed(SNIPPETS, 2000)), dtype="<u4")
        return hashlib.sha256(ids.tobytes()).hexdigest()[:16]

    def __reduce__(self) -> tuple[Callable[[str], Tokenizer], tuple[str]]:
        return load, (self.source,)


def alternatives(texts: Iterable[str]) -> re.Pattern[str]:
    """A pattern for the leftmost and there the longest of `texts`; grouped by heads, because there may be thousands."""
    groups: dict[str, list[str]] = {}
    for text in texts:
        groups.setdefault(text[:2], []).append(text[2:])
    heads = sorted(groups, key=lambda head: (-len(head), head))
    tails = ("|".join(map(re.escape, sorted(groups[head], key=lambda tail: (-len(tail), tail)))) for head in heads)
    return re.compile("|".join(f"{re.escape(head)}(?:{tail})" for head, tail in zip(heads, tails, strict=True)) or r"(?!)")


def load(name: str = "o200k_base") -> Tokenizer:
    """The tokenizer called `name`.

    A bundled vocabulary (`lcgen tokenizers` lists them), a Hub id (`hf:org/name` or `org/name`, with `@revision` or
    without), a model folder, a `tokenizer.json`, a SentencePiece `.model`, or `tiktoken:encoding`. Raises LcgenError.
    """
    from lcgen import bundled, hub, vocabularies

    name = name.strip()
    plain = name.lower().replace("-", "_")
    plain = bundled.ALIASES.get(plain, plain)
    if plain in bundled.BUNDLED:
        return bundled.load(plain)
    kind, _, rest = name.partition(":")
    if kind == "tiktoken" or plain in vocabularies.TIKTOKEN_ONLY:
        return vocabularies.tiktoken(rest or plain)
    if kind == "hf":
        return vocabularies.hub(rest)
    path = Path(name).expanduser()
    if name.endswith((".json", ".model")) or path.exists():
        return vocabularies.local(path)
    if hub.is_hub_id(name):
        return vocabularies.hub(name)
    known = (*bundled.BUNDLED, *vocabularies.TIKTOKEN_ONLY)
    raise LcgenError(
        f"{unknown('tokenizer', name, known)} Also possible: a Hub id (hf:org/name), a model folder, "
        "a path to a tokenizer.json, tiktoken:<encoding>."
    )


def listing() -> list[dict[str, Any]]:
    """The bundled vocabularies: `name`, `vocabulary` (its size in the model), `family`, `engine`, `reference`."""
    from lcgen import bundled

    return bundled.listing()


class Scale:
    """Weights that add up: what each unit of a lane costs inside a running text of such units, in one vocabulary.

    A unit is given with the separator that stands before it (" Foo bar.", "\\n\\nFoo."). It weighs
    count(X + unit) - count(X), with X the shortest unit of the sample without its separator; where the plain count of
    the unit is the same on the whole sample, that is taken, the same rule in a cheaper context. `additive` says whether
    weights added up to the count of the joined text wherever it was tried: the sample in order, and 20 texts of five
    units. Where it is False, count whole texts and correct.
    """

    def __init__(self, tokenizer: Tokenizer, sample: Sequence[str]) -> None:
        units = [unit for unit in sample if unit]
        if not units:
            raise LcgenError("No text to weigh: a lane needs units with text in them.")
        self.tokenizer = tokenizer
        shortest = min(units, key=lambda unit: (len(unit), unit))
        self.context = shortest.lstrip(" \t\r\n,;|") or shortest
        self.base = tokenizer.count(self.context)
        """Tokens of the text behind which units are weighed."""
        self._plain = False
        marginal = self.weights(units)
        self._plain = bool((marginal == tokenizer.counts(units)).all())
        self.mean = float(marginal.mean())
        """Tokens of a unit of the sample, on average."""
        picks = [list(range(len(units))), *np.array(list(_draws(100, len(units)))).reshape(20, 5).tolist()]
        joined = tokenizer.counts([self.context + "".join(units[i] for i in pick) for pick in picks])
        expected = np.array([self.base + marginal[pick].sum() for pick in picks])
        self.additive = bool((joined == expected).all())
        context = "plain" if self._plain else "marginal"
        self.report: dict[str, Any] = {"units": len(units), "additive": self.additive, "context": context}

    def weights(self, units: Sequence[str]) -> Counts:
        """Tokens that each unit, given with the separator before it, adds to a text of such units (len(units),)."""
        if self._plain:
            return self.tokenizer.counts(units)
        return self.tokenizer.counts([self.context + unit for unit in units]) - self.base
