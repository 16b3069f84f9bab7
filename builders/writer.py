"""Files of rows: Parquet in small row groups, or JSON lines. A file is whole or it is not there."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from lcgen.builders import arrow
from lcgen.vault import file_hash

GROUP_BYTES = 32 * 2**20
"""Most raw text in a row group, where one row is not more; each costs the small columns of a row over again."""
PAGE_BYTES = 2**20
"""Raw text that a page holds, unless one text is longer: Parquet's own default."""
PROMPTS = ("input", "question", "reference_output")
TEXTS = (*PROMPTS[1:], "params", "metadata")
"""What else of a row may be long."""
OBJECTS = ("params", "metadata")
_opened = json.JSONEncoder(ensure_ascii=False, sort_keys=True).encode
_hashed = json.JSONEncoder(sort_keys=True).encode

_PIECE = pa.struct(
    [("role", pa.string()), ("part", pa.int32()), ("copy", pa.int32()), ("lane", pa.int32()), ("text", pa.string()), ("key", pa.string()),
     ("value", pa.string()), ("cue", pa.string()), ("char_start", pa.int64()), ("char_end", pa.int64()), ("token_start", pa.int64()),
     ("token_end", pa.int64()), ("depth_requested", pa.float64()), ("depth", pa.float64())]
)  # fmt: skip
SCHEMA = pa.schema(
    [("id", pa.string()), ("task", pa.string()), ("revision", pa.int32()), ("variant", pa.string()), ("lang", pa.string()),
     ("split", pa.string()), ("input", pa.large_string()), ("question", pa.large_string()), ("context_start", pa.int64()),
     ("context_end", pa.int64()), ("context_id", pa.string()), ("outputs", pa.list_(pa.string())), ("answer", pa.string()),
     ("gen_prefix", pa.string()), ("stop", pa.list_(pa.string())), ("prompt_tokens", pa.int64()), ("wrapper_tokens", pa.int64()),
     ("thinking", pa.int64()), ("max_new_tokens", pa.int64()), ("reserve", pa.int64()), ("length", pa.int64()), ("target", pa.int64()),
     ("max_length", pa.int64()), ("axis", pa.string()), ("output_tokens", pa.int64()), ("haystack_repeat", pa.float64()),
     ("n_chars", pa.int64()), ("depth", pa.float64()), ("index", pa.int64()), ("seed", pa.string()), ("tokenizer", pa.string()),
     ("haystack", pa.string()), ("evidence", pa.list_(_PIECE)), ("metric", pa.string()), ("params", pa.string()),
     ("metadata", pa.string()), ("reference_output", pa.large_string()), ("group_id", pa.string()), ("group_role", pa.string()),
     ("puzzle_id", pa.string()), ("canary", pa.string())]
)  # fmt: skip


@dataclass(frozen=True)
class Written:
    """What one file holds. `content` hashes its rows, whatever the file's format."""

    rows: int
    bytes: int
    sha256: str
    content: str
    repeat: float
    """Largest `haystack_repeat` of a row."""


def flat(row: Mapping[str, Any]) -> dict[str, Any]:
    """A row as its files hold it: params and metadata as JSON texts, since their keys are open."""
    return {**row, **{name: _opened(row[name]) for name in OBJECTS}}


def unflat(row: Mapping[str, Any]) -> dict[str, Any]:
    """A row of a file with params and metadata as objects again."""
    return {**row, **{name: json.loads(row[name]) for name in OBJECTS if name in row}}


def content(row: Mapping[str, Any]) -> bytes:
    """SHA-256 of a row. The context, most of its bytes, is in it by `context_id`, its own hash."""
    whole = dict(row)
    if row["context_id"] is not None:
        whole["input"] = [row["input"][: row["context_start"]], row["input"][row["context_end"] :]]
    return hashlib.sha256(_hashed(whole).encode()).digest()


def write(path: Path, rows: Iterable[dict[str, Any]], format: str) -> Written:
    """Writes rows as they come, at most one row group in memory; the file takes its name only when it is whole."""
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(path.name + ".part")
    hashed, count, repeat = hashlib.sha256(), 0, 0.0

    def seen() -> Iterator[dict[str, Any]]:
        nonlocal count, repeat
        for row in rows:
            hashed.update(content(row))
            count += 1
            repeat = max(repeat, row["haystack_repeat"])
            yield flat(row)

    try:
        (_jsonl if format == "jsonl" else _parquet)(part, seen())
        size, sha256 = part.stat().st_size, file_hash(part)
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)
        # Arrow keeps the memory of a file for a while, beside that of the next one.
        pa.default_memory_pool().release_unused()
    return Written(count, size, sha256, hashed.hexdigest(), repeat)


def _jsonl(path: Path, rows: Iterable[dict[str, Any]]) -> None:
    with path.open("w", encoding="utf-8", newline="\n") as file:
        for row in rows:
            file.write(json.dumps(row, ensure_ascii=False) + "\n")


def _parquet(path: Path, rows: Iterable[dict[str, Any]]) -> None:
    small = [field.name for field in SCHEMA if field.name not in PROMPTS and field.name != "evidence"]
    with pq.ParquetWriter(
        path, SCHEMA, compression="zstd", compression_level=1, use_dictionary=small, write_statistics=small, write_page_index=True
    ) as writer:
        group: list[dict[str, Any]] = []
        inputs, beside = arrow.Texts(GROUP_BYTES), 0

        def close() -> None:
            nonlocal beside
            writer.write_batch(arrow.batch(group, SCHEMA, {"input": inputs.array()}))
            group.clear()
            inputs.clear()
            beside = 0

        for row in rows:
            text = row.pop("input")
            taken, others = arrow.size(text), sum(arrow.size(row[name]) for name in TEXTS)
            if group and inputs.size + taken + beside + others > GROUP_BYTES:
                close()
            inputs.add(text, taken)
            group.append(row)
            beside += others
        close()


def read(path: Path, most: int | None = None) -> Iterator[dict[str, Any]]:
    """Rows of a file, one row group in memory; the first `most` of them."""
    count = 0
    for row in _lines(path) if path.suffix == ".jsonl" else _groups(path):
        if count == most:
            return
        count += 1
        yield unflat(row)


def columns(path: Path, names: Sequence[str]) -> Iterator[dict[str, Any]]:
    """Of every row of a file these columns, which are to be small; of Parquet nothing else is read."""
    if path.suffix == ".jsonl":
        for row in _lines(path):
            yield {name: row[name] for name in names}
        return
    with pq.ParquetFile(path) as file:
        for batch in file.iter_batches(columns=list(names)):
            yield from batch.to_pylist()


def _lines(path: Path) -> Iterator[dict[str, Any]]:
    with path.open(encoding="utf-8") as file:
        for line in file:
            yield json.loads(line)


def _groups(path: Path) -> Iterator[dict[str, Any]]:
    with pq.ParquetFile(path) as file:
        for number in range(file.num_row_groups):
            group = file.metadata.row_group(number)
            # As many rows at once as are about a page of text: who wants the first few need not decode the rest.
            run = max(1, PAGE_BYTES * group.num_rows // max(1, group.total_byte_size))
            for batch in file.iter_batches(batch_size=run, row_groups=[number]):
                yield from batch.to_pylist()
