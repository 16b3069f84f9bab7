"""The preview: a small config for the dataset viewer, shaped so that no harness can score it by accident."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from lcgen import proof
from lcgen.builders import arrow, manifest, writer

ROWS = 4
"""Rows shown of each config."""
EDGE, WINDOW = 400, 300
"""Characters shown of each end of the prompt, and on each side of the first gold piece."""


def write(folder: Path, data: Callable[[str], Path], made: Mapping[str, Any]) -> None:
    """Writes the preview into `folder`; `data` gives the path of a data file by its name."""
    rows = list(_rows(data, made))
    path = folder / file(made["spec"]["format"])
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.suffix == ".jsonl":
        path.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), encoding="utf-8")
    else:
        pq.write_table(pa.Table.from_batches([arrow.batch(rows, SCHEMA)]), path, compression="zstd")


def file(format: str) -> str:
    """Where the preview lies: in the format of the data, since a dataset is read in one."""
    return manifest.data_file("preview", "preview", "000000", format)


SCHEMA = pa.schema(
    [("id", pa.string()), ("task", pa.string()), ("length", pa.int64()), ("depth", pa.float64()), ("asked", pa.string()), ("gold", pa.string()),
     ("head", pa.string()), ("window", pa.string()), ("tail", pa.string())]
)  # fmt: skip


def _rows(data: Callable[[str], Path], made: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    for config in made["configs"]:
        name = manifest.files_of(made["files"], config)[0]
        for row in writer.read(data(name), ROWS):
            if "input" not in row:
                shown = " ".join(map(str, row["input_ids"]))
                yield {
                    "id": row["id"], "task": row["task"], "length": row["length"], "depth": None, "asked": row["slice"],
                    "gold": str(row["answer"]), "head": shown[:EDGE], "window": "", "tail": shown[-EDGE:],
                }  # fmt: skip
                continue
            gold = next((piece for piece in row["evidence"] if piece["role"] == "gold"), None)
            low = max(0, gold["char_start"] - WINDOW) if gold else 0
            yield {
                "id": row["id"], "task": row["task"], "length": row["length"], "depth": row["depth"], "asked": row["question"],
                "gold": row["answer"], "head": row["input"][:EDGE], "tail": row["input"][-EDGE:],
                "window": proof.document(row)[low : gold["char_end"] + WINDOW] if gold else "",
            }  # fmt: skip
