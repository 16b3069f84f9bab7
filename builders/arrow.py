"""Arrow arrays from rows, buffer by buffer.

`pyarrow.array` would do, but it imports pandas on its first call, which costs every build half a second and fifty
megabytes, and it converts long strings one by one.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import accumulate, chain
from typing import Any

import numpy as np
import pyarrow as pa


def batch(rows: Sequence[Mapping[str, Any]], schema: pa.Schema) -> pa.RecordBatch:
    """Rows as one record batch. Raises KeyError for a row that lacks a column."""
    return pa.RecordBatch.from_arrays([array([row[field.name] for row in rows], field.type) for field in schema], schema=schema)


def array(values: Sequence[Any], kind: pa.DataType) -> pa.Array:
    """Values, None where there is none, as an array of strings, numbers, lists or structs. TypeError for other kinds."""
    count = len(values)
    held = np.array([value is not None for value in values], bool)
    mask = None if held.all() else pa.py_buffer(np.packbits(held, bitorder="little"))
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


def _offsets(lengths: Any, width: type[np.signedinteger[Any]]) -> pa.Buffer:
    return pa.py_buffer(np.array([0, *accumulate(lengths)], width))
