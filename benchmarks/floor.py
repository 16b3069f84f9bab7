"""What no generator can go below: documents copied out of a text and written to Parquet, nothing composed or checked.

Run as `floor.py TEXT BYTES ROWS OUT [VOCABULARY]`: ROWS documents of BYTES bytes each, from places all over TEXT, with the
settings with which lcgen writes its prompts (zstd-1, no dictionary, no statistics, page index, groups of 32 MiB out of one
buffer). With a vocabulary each document is encoded once by splintr, the fastest way: the floor of whoever checks every row.
"""

from __future__ import annotations

import mmap
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

GROUP_BYTES = 32 * 2**20
SCHEMA = pa.schema([("input", pa.large_string())])


def write(text: memoryview, size: int, rows: int, out: Path, encode: Callable[[str], Any] | None) -> None:
    """Writes `rows` documents of `size` bytes, each encoded if that is asked for."""
    # A stride without a common factor with the text's length, so that documents start at ever new places.
    places = [(number * 7_368_787) % (len(text) - size) for number in range(rows)]
    run = max(1, GROUP_BYTES // size)
    data = np.empty(run * size, np.uint8)
    with pq.ParquetWriter(
        out,
        SCHEMA,
        compression="zstd",
        compression_level=1,
        use_dictionary=False,
        write_statistics=False,
        write_page_index=True,
    ) as writer:
        for first in range(0, rows, run):
            group = places[first : first + run]
            for number, place in enumerate(group):
                if encode:
                    encode(str(text[place : place + size], "utf-8", "replace"))
                data[number * size : (number + 1) * size] = np.frombuffer(text[place : place + size], np.uint8)
            ends = pa.py_buffer(np.arange(len(group) + 1, dtype=np.int64) * size)
            column = pa.LargeStringArray.from_buffers(len(group), ends, pa.py_buffer(data[: size * len(group)]))
            writer.write_batch(pa.record_batch([column], SCHEMA))


if __name__ == "__main__":
    source, size, rows, out, *vocabulary = sys.argv[1:]
    encoder = None
    if vocabulary:
        from splintr import Tokenizer

        encoder = Tokenizer.from_pretrained(vocabulary[0]).encode_flat
    with (
        Path(source).open("rb") as file,
        mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as mapped,
        memoryview(mapped) as text,
    ):
        write(text, int(size), int(rows), Path(out), encoder)
