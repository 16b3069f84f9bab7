"""What reads a vocabulary: splintr, `tokenizers`, tiktoken, SentencePiece. `bundled.py` and `vocabularies.py` choose among them."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cached_property
from importlib import import_module
from itertools import accumulate
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lcgen.errors import LcgenError
from lcgen.tokens import Counts, Tokenizer, alternatives

SPACE = "▁"  # SentencePiece's own spelling of a space


class Splintr(Tokenizer):
    """splintr. `control` is read as control tokens in rendered prompts; `always` (text to id) is read in every text."""

    def __init__(
        self, name: str, source: str, handle: Any, control: Iterable[str], always: Mapping[str, int] | None = None
    ) -> None:
        import splintr

        self.name, self.source, self.engine = name, source, f"splintr {splintr.__version__}"
        self.specials, self._always, self._handle = frozenset(control), dict(always or {}), handle
        self._tags = alternatives(self._always)
        space: bytes = handle.decode_token_bytes(handle.encode_ordinary("a b")[-1])
        self._metaspace = handle.family == "Spm" or SPACE.encode() in space
        self._lengths = np.full(handle.vocab_size, -1, dtype=np.int32)
        self._dummy = int(self._sizes(self.encode("a")).sum()) - 1
        self.exact: Callable[[], Tokenizer] | None = None  # who reads a tokenizer.json where splintr stands in
        self.by_words = False
        # `encode_flat` is the fast way, but it reads every special token, splintr's own inventions included: it is only
        # for texts that hold none of their heads.
        specials = {*handle.special_tokens(), *self.specials, *self._always, *([SPACE] if self._metaspace else [])}
        heads = sorted({text[:3] for text in specials})
        self._heads = {first: tuple(head for head in heads if head[0] == first) for first in {head[0] for head in heads}}

    def _safe(self, text: str) -> bool:
        # One search for each first character, and a look at the heads only where it stands: a search for each head
        # takes several times as long as the encoding.
        for first, heads in self._heads.items():
            at = text.find(first)
            while at >= 0:
                if text.startswith(heads, at):
                    return False
                at = text.find(first, at + 1)
        return True

    def encode(self, text: str) -> list[int]:
        ids: list[int] = []
        end = 0
        for match in self._tags.finditer(text) if self._always else ():
            ids += [*self._handle.encode_ordinary(text[end : match.start()]), self._always[match.group()]]
            end = match.end()
        return ids + list(self._handle.encode_ordinary(text[end:])) if end else list(self._handle.encode_ordinary(text))

    def count(self, text: str) -> int:
        if not self._safe(text):
            return len(self.encode(text))
        if self._falls_apart(text):
            first, _, borders, order = self._words(text)
            return len(first) + int((borders[1:] - borders[:-1])[order].sum())
        return len(self._handle.encode_flat(text)) // 4

    def _falls_apart(self, text: str) -> bool:
        # Save a few known ones, no piece of these vocabularies holds a space after anything but spaces. So a text falls
        # apart before its spaces, and equal words have equal ids: 8 times as fast as splintr on a long text.
        return self.by_words and len(text) > 10_000 and text[-1] != " " and not any(p in text for p in self._across)

    def _words(self, text: str) -> tuple[Counts, Counts, Counts, Counts]:
        """Ids of the first word; ids of all other distinct words, their borders, and the order in which these stand."""
        units = re.findall(r" *[^ ]+", text)
        numbers: dict[str, int] = {}
        order = np.fromiter((numbers.setdefault(unit, len(numbers)) for unit in units[1:]), dtype=np.int64)
        # Where a dummy space is put before a text, it stands in for the word's own.
        packed = self._handle.encode_batch_flat([units[0], *(word[self._dummy :] for word in numbers)])
        ids, borders = (np.frombuffer(data, kind).astype(np.int64) for data, kind in zip(packed, ("<u4", "<u8")))
        return ids[: borders[1]], ids[borders[1] :], borders[1:] - borders[1], order

    @cached_property
    def _across(self) -> list[str]:
        pieces = (
            self._handle.decode_token_bytes(i).decode(errors="replace").replace(SPACE, " ")
            for i in range(self._handle.vocab_size)
        )
        return [piece for piece in pieces if " " in piece.lstrip(" ")]

    def counts(self, texts: Sequence[str]) -> Counts:
        if not self._safe("\n".join(texts)):
            return super().counts(texts)
        borders = np.frombuffer(self._handle.encode_batch_flat(list(texts))[1], dtype="<u8").astype(np.int64)
        return borders[1:] - borders[:-1]

    def seams(self, heads: Sequence[str], tails: Sequence[str]) -> tuple[Counts, Counts]:
        texts = [head + tail for head, tail in zip(heads, tails, strict=True)]
        if self._metaspace or not self._safe("\n".join(texts)):
            return super().seams(heads, tails)
        packed = self._handle.encode_batch_flat([*texts, *heads])
        ids, borders = (np.frombuffer(data, kind).astype(np.int64) for data, kind in zip(packed, ("<u4", "<u8")))
        ends = np.concatenate([[0], np.cumsum(self._sizes(ids))])
        found, sizes = ends[borders], [len(text.encode()) for text in [*texts, *heads]]
        if found.tolist() != [0, *accumulate(sizes)]:
            return super().seams(heads, tails)
        count = len(heads)
        counts = borders[1:] - borders[:-1]
        before = ends.searchsorted(found[:count] + sizes[count:]) - borders[:count]
        return counts[:count] - counts[count:], before - counts[count:]

    def _sizes(self, ids: Sequence[int] | NDArray[Any]) -> NDArray[np.int32]:
        array = np.asarray(ids, np.intp)
        sizes: NDArray[np.int32] = self._lengths.take(array)
        if len(sizes) and sizes.min() < 0:
            for i in np.unique(array[sizes < 0]).tolist():
                data: bytes = self._handle.decode_token_bytes(i)
                self._lengths[i] = len(data.replace(SPACE.encode(), b" ") if self._metaspace else data)
            sizes = self._lengths.take(array)
        return sizes

    def ids(self, text: str) -> NDArray[np.integer[Any]]:
        if not self._safe(text):
            return super().ids(text)
        if not self._falls_apart(text):
            return np.frombuffer(self._handle.encode_flat(text), dtype="<u4")
        first, rest, borders, order = self._words(text)
        tokens = (borders[1:] - borders[:-1])[order]
        moved = np.repeat(borders[order] - np.cumsum(tokens) + tokens, tokens) + np.arange(tokens.sum())
        return np.concatenate((first, rest[moved]))

    def starts(self, text: str) -> Counts:
        try:
            return place(self._sizes(self.ids(text)), text, self._metaspace, self.name)
        except LcgenError:
            if self.exact is None:
                raise
            return self.exact().starts(text)


class Hugging(Tokenizer):
    """`tokenizers`, on a file whose control tokens are all marked special: one switch turns their reading off."""

    def __init__(self, name: str, source: str, text: str, control: Iterable[str]) -> None:
        tokenizers = import_module("tokenizers")
        self.name, self.source, self.engine = name, source, f"tokenizers {tokenizers.__version__}"
        self.specials, self._handle = frozenset(control), tokenizers.Tokenizer.from_str(text)
        self._handle.encode_special_tokens = True
        ids, framed = self.encode("a"), self._handle.encode("a").ids
        front = next((i for i in range(len(framed) - len(ids) + 1) if framed[i : i + len(ids)] == ids), 0)
        self.affixes = len(framed) - len(ids)
        self.bos = "".join(self._handle.id_to_token(i) for i in framed[:front])

    def encode(self, text: str) -> list[int]:
        ids: list[int] = self._handle.encode(text, add_special_tokens=False).ids
        return ids

    def counts(self, texts: Sequence[str]) -> Counts:
        batch = self._handle.encode_batch_fast(list(texts), add_special_tokens=False)
        return np.fromiter(map(len, batch), dtype=np.int64, count=len(texts))

    def count_parts(self, parts: Sequence[tuple[str, bool]]) -> int:
        joint = "".join(text for text, _ in parts)
        if len(self._control.findall(joint)) != sum(len(self._control.findall(text)) for text, rendered in parts if rendered):
            return super().count_parts(parts)
        return len(self.rendered(joint))

    def rendered(self, text: str) -> list[int]:
        """Ids with control texts read as control tokens, no BOS added."""
        self._handle.encode_special_tokens = False
        try:
            return self.encode(text)
        finally:
            self._handle.encode_special_tokens = True

    def starts(self, text: str) -> Counts:
        encoding = self._handle.encode(text, add_special_tokens=False)
        # A byte-level vocabulary spells a byte as a character; offsets alone cannot part tokens inside a character.
        sizes = np.fromiter(map(len, encoding.tokens), dtype=np.int64, count=len(encoding.tokens))
        if "ByteLevel" in repr(self._handle.decoder) and sizes.sum() == len(text.encode()):
            return np.cumsum(sizes) - sizes
        return byte_offsets(text)[np.array([start for start, _ in encoding.offsets], dtype=np.int64)]


class Tiktoken(Tokenizer):
    """tiktoken, which fetches its rank files."""

    def __init__(self, name: str, encoding: Any) -> None:
        self.name = self.source = f"tiktoken:{name}"
        self.engine = f"tiktoken {import_module('tiktoken').__version__}"
        self.specials, self._handle = frozenset(encoding.special_tokens_set), encoding

    def encode(self, text: str) -> list[int]:
        ids: list[int] = self._handle.encode_ordinary(text)
        return ids

    def counts(self, texts: Sequence[str]) -> Counts:
        return np.fromiter(map(len, self._handle.encode_ordinary_batch(list(texts))), dtype=np.int64, count=len(texts))

    def starts(self, text: str) -> Counts:
        sizes = np.array([len(piece) for piece in self._handle.decode_tokens_bytes(self.encode(text))], dtype=np.int64)
        return np.cumsum(sizes) - sizes


class SentencePiece(Tokenizer):
    """The `sentencepiece` package on a .model file. It reads user-defined symbols in every text."""

    def __init__(self, name: str, source: str, handle: Any) -> None:
        self.name, self.source, self.engine = (
            name,
            source,
            f"sentencepiece {import_module('sentencepiece').__version__}",
        )
        self._handle = handle
        self.specials = frozenset(handle.id_to_piece(i) for i in range(handle.get_piece_size()) if handle.is_control(i))

    def encode(self, text: str) -> list[int]:
        ids: list[int] = self._handle.encode(text)
        return ids

    def counts(self, texts: Sequence[str]) -> Counts:
        return np.fromiter(map(len, self._handle.encode(list(texts))), dtype=np.int64, count=len(texts))

    def starts(self, text: str) -> Counts:
        ids, pieces = self.encode(text), self._handle.encode(text, out_type=str)
        sizes = [
            1 if self._handle.is_byte(i) else len(piece.replace(SPACE, " ").encode())
            for i, piece in zip(ids, pieces, strict=True)
        ]
        return place(np.array(sizes, dtype=np.int64), text, True, self.name)


def place(sizes: NDArray[np.integer[Any]], text: str, metaspace: bool, name: str) -> Counts:
    """UTF-8 byte offset of each token (tokens,), from the bytes each stands for; a dummy space stands at 0.

    Raises LcgenError if the tokens do not spell the text.
    """
    plain = text.replace(SPACE, " ") if metaspace else text
    ends = np.zeros(len(sizes) + 1, np.int64)
    np.cumsum(sizes, out=ends[1:])
    dummy = int(ends[-1]) - (len(plain) if plain.isascii() else len(plain.encode())) if len(sizes) else 0
    if dummy not in (0, int(metaspace)):
        raise LcgenError(f"Cannot place tokens in a text: {name} rewrites the text while reading it.")
    starts: Counts = ends[:-1]
    if dummy:
        np.maximum(starts - dummy, 0, out=starts)
    if plain != text:
        marks = [match.start() for match in re.finditer(SPACE, text)]
        starts += 2 * np.searchsorted(byte_offsets(plain)[marks], starts)
    return starts


def byte_offsets(text: str) -> Counts:
    """UTF-8 byte offset of each character, and of the end (len(text) + 1,)."""
    codes = np.frombuffer(text.encode("utf-32-le"), dtype="<u4")
    sizes = 1 + (codes > 0x7F).astype(np.int64) + (codes > 0x7FF) + (codes > 0xFFFF)
    return np.concatenate((np.zeros(1, dtype=np.int64), np.cumsum(sizes)))
