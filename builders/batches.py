"""Files of rows of numbers, which come and go in batches. A file is whole or it is not there."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from lcgen.builders import arrow
from lcgen.builders.writer import GROUP_BYTES, Written
from lcgen.errors import CheckFailed
from lcgen.vault import file_hash

ROWS = 1024
"""Rows of a batch that is read."""


def unflat(row: Mapping[str, Any]) -> dict[str, Any]:
    """A row of a file with its parameters as an object."""
    return {**row, "params": json.loads(row["params"])}


def columns(batch: pa.RecordBatch) -> dict[str, np.ndarray]:
    """The columns of numbers, lists as shape (rows, n). Raises CheckFailed where lists differ in length or a value lacks."""
    found = {}
    for field, values in zip(batch.schema, batch.columns):
        if values.null_count:
            raise CheckFailed(f"The column {field.name} lacks values.")
        if pa.types.is_list(field.type):
            ends = np.frombuffer(values.buffers()[1], np.int32)[values.offset : values.offset + len(values) + 1]
            if (np.diff(ends) != ends[1] - ends[0]).any():
                raise CheckFailed(f"The lists of {field.name} are not all of one length.")
            found[field.name] = _numbers(values.values)[ends[0] : ends[-1]].reshape(len(values), -1)
        elif pa.types.is_integer(field.type):
            found[field.name] = _numbers(values)
    return found


def _numbers(values: pa.Array) -> np.ndarray:
    held = np.frombuffer(values.buffers()[1], values.type.to_pandas_dtype())
    found: np.ndarray = held[values.offset : values.offset + len(values)]
    return found


def contents(batch: pa.RecordBatch) -> bytes:
    """SHA-256 of each row, one after another: equal however rows are batched, and in whatever format they lie."""
    numbers = [np.ascontiguousarray(values, "<i8" if values.ndim == 1 else "<i4") for values in columns(batch).values()]
    texts = [batch.column(field.name).to_pylist() for field in batch.schema if pa.types.is_string(field.type)]
    hashed = []
    for place in range(len(batch)):
        one = hashlib.sha256("\0".join(column[place] for column in texts).encode())
        for values in numbers:
            one.update(values[place].tobytes())
        hashed.append(one.digest())
    return b"".join(hashed)


def write(path: Path, batches: Iterable[pa.RecordBatch], schema: pa.Schema, format: str) -> Written:
    """Writes batches as they come, at most one row group in memory; the file takes its name only when it is whole."""
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(path.name + ".part")
    hashed, count = hashlib.sha256(), 0

    def seen() -> Iterator[pa.RecordBatch]:
        nonlocal count
        for batch in batches:
            hashed.update(contents(batch))
            count += len(batch)
            yield batch

    try:
        if format == "jsonl":
            with part.open("w", encoding="utf-8", newline="\n") as file:
                file.writelines(json.dumps(row, ensure_ascii=False) + "\n" for batch in seen() for row in batch.to_pylist())
        else:
            _groups(part, seen(), schema)
        size, sha256 = part.stat().st_size, file_hash(part)
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)
    return Written(count, size, sha256, hashed.hexdigest(), 0.0)


def _groups(path: Path, batches: Iterable[pa.RecordBatch], schema: pa.Schema) -> None:
    texts = [field.name for field in schema if pa.types.is_string(field.type)]
    with pq.ParquetWriter(
        path, schema, compression="zstd", compression_level=1, use_dictionary=texts, write_statistics=texts
    ) as file:
        group: list[pa.RecordBatch] = []
        for batch in batches:
            if group and sum(one.nbytes for one in group) + batch.nbytes > GROUP_BYTES:
                file.write_table(pa.Table.from_batches(group))
                group.clear()
            group.append(batch)
        if group:
            file.write_table(pa.Table.from_batches(group))


def read(path: Path, schema: pa.Schema) -> Iterator[pa.RecordBatch]:
    """The rows of a file in batches. Raises CheckFailed where its columns are other ones."""
    if path.suffix == ".jsonl":
        with path.open(encoding="utf-8") as lines:
            while rows := [json.loads(line) for line in islice(lines, ROWS)]:
                if any(list(row) != schema.names for row in rows):
                    raise CheckFailed(f"The rows of {path.name} do not have the columns of their kind.")
                yield arrow.batch(rows, schema)
        return
    with pq.ParquetFile(path) as file:
        if file.schema_arrow.remove_metadata() != schema:
            raise CheckFailed(f"The rows of {path.name} do not have the columns of their kind.")
        yield from file.iter_batches(ROWS)
