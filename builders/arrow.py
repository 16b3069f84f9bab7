"""Arrow arrays from rows, buffer by buffer.

`pyarrow.array` would do, but it imports pandas on its first call, which costs every build half a second and fifty
megabytes, and it converts long strings one by one.
"""

from __future__ import annotations

import ctypes
from collections.abc import Mapping, Sequence
from itertools import accumulate, chain
from typing import Any

import numpy as np
import pyarrow as pa

BLOCK = 1 << 16
"""Characters of a long string that are encoded at once: they stay in the processor's cache."""
_utf8 = ctypes.pythonapi.PyUnicode_AsUTF8
"""Where the characters of a string stand in memory, in UTF-8; of ASCII nothing is made for it."""
_utf8.argtypes, _utf8.restype = [ctypes.py_object], ctypes.c_void_p


class Texts:
    """A column of long strings, copied as they come into one buffer that is used again for every batch.

    So a prompt is held once, and its memory is warm: rows that wait as strings cost a page fault for every 4 kB.
    """

    def __init__(self, room: int) -> None:
        self._data = np.empty(room, np.uint8)
        self._ends = [0]

    @property
    def size(self) -> int:
        """Bytes held."""
        return self._ends[-1]

    def add(self, text: str, taken: int) -> None:
        """One more string, of so many bytes; there is room for one at least, however long it is."""
        place, end = self.size, self.size + taken
        if end > len(self._data):
            self._data = np.concatenate([self._data[:place], np.empty(end - place, np.uint8)])
        if text.isascii():
            # As it stands in memory: to encode it first would be one more copy.
            ctypes.memmove(self._data.ctypes.data + place, _utf8(text), taken)
        else:
            for start in range(0, len(text), BLOCK):
                block = text[start : start + BLOCK].encode()
                self._data[place : place + len(block)] = np.frombuffer(block, np.uint8)
                place += len(block)
        self._ends.append(end)

    def array(self) -> pa.LargeStringArray:
        """The strings as an Arrow array that looks into the buffer: good until the next `clear`."""
        ends = pa.py_buffer(np.array(self._ends, np.int64))
        return pa.LargeStringArray.from_buffers(len(self._ends) - 1, ends, pa.py_buffer(self._data[: self.size]))

    def clear(self) -> None:
        """Forgets the strings, not the buffer."""
        self._ends = [0]


def size(text: str) -> int:
    """Bytes of a string in UTF-8."""
    return len(text) if text.isascii() else len(text.encode())


def batch(rows: Sequence[Mapping[str, Any]], schema: pa.Schema, made: Mapping[str, pa.Array] | None = None) -> pa.RecordBatch:
    """Rows as one record batch; columns in `made` are taken as they are. Raises KeyError for a row that lacks a column."""
    made = made or {}
    columns = [
        made[field.name] if field.name in made else array([row[field.name] for row in rows], field.type) for field in schema
    ]
    return pa.RecordBatch.from_arrays(columns, schema=schema)


def array(values: Sequence[Any], kind: pa.DataType) -> pa.Array:
    """Values, None where there is none, as an array of strings, numbers, lists or structs. TypeError for other kinds."""
    count = len(values)
    mask = None
    if None in values:
        mask = pa.py_buffer(np.packbits([value is not None for value in values], bitorder="little"))
    if pa.types.is_struct(kind):
        children = [array([value[field.name] for value in values], field.type) for field in kind]
        return pa.Array.from_buffers(kind, count, [mask], children=children)
    if pa.types.is_list(kind):
        child = array(list(chain.from_iterable(value or () for value in values)), kind.value_type)
        return pa.Array.from_buffers(
            kind, count, [mask, _offsets(map(len, (value or () for value in values)), np.int32)], children=[child]
        )
    if pa.types.is_string(kind) or pa.types.is_large_string(kind):
        texts = [(value or "").encode() for value in values]
        width = np.int64 if pa.types.is_large_string(kind) else np.int32
        return pa.Array.from_buffers(kind, count, [mask, _offsets(map(len, texts), width), pa.py_buffer(b"".join(texts))])
    if pa.types.is_integer(kind) or pa.types.is_floating(kind):
        numbers = np.array([0 if value is None else value for value in values], kind.to_pandas_dtype())
        return pa.Array.from_buffers(kind, count, [mask, pa.py_buffer(numbers)])
    raise TypeError(f"no rule for columns of {kind}")


def numbers(values: np.ndarray, kind: pa.DataType) -> pa.Array:
    """Numbers as a column: of shape (rows,), or of shape (rows, n) as lists of n. TypeError where they are not of this kind."""
    if values.ndim > 1:
        ends = np.arange(len(values) + 1, dtype=np.int32) * values.shape[1]
        return pa.Array.from_buffers(
            kind, len(values), [None, pa.py_buffer(ends)], children=[numbers(values.ravel(), kind.value_type)]
        )
    if values.dtype != kind.to_pandas_dtype():
        raise TypeError(f"{values.dtype} is not {kind}")
    return pa.Array.from_buffers(kind, len(values), [None, pa.py_buffer(np.ascontiguousarray(values))])


def _offsets(lengths: Any, width: type[np.signedinteger[Any]]) -> pa.Buffer:
    return pa.py_buffer(np.array([0, *accumulate(lengths)], width))
