"""What a card tells of the rows themselves: where gold pieces came to stand, the columns and their types, rows to look at."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from lcgen.builders import arrow, manifest, preview, tables, writer

GOLD = arrow.array(["gold"], pa.string())[0]
"""Made by hand: to compare with a Python string, Arrow would import pandas, which takes half a second."""
BINS = 10
"""Parts of the depth; a piece is counted at the border nearest to it, of which there is one more."""


@dataclass(frozen=True)
class Survey:
    """The figures of a finished build."""

    coverage: Mapping[str, list[int]]
    """Config -> gold pieces at each tenth of the depth, where they stand; configs without any are left out."""
    info: list[dict[str, Any]]
    """The card's `dataset_info`, without the views."""
    examples: list[dict[str, Any]]
    """A row of the preview for each task."""


def survey(folder: Path, data: Callable[[str], Path], made: Mapping[str, Any]) -> Survey:
    """Looks through the small columns of all data files; `folder` holds the preview, `data` gives the path of a data file."""
    coverage: dict[str, np.ndarray] = {}
    info: dict[str, dict[str, Any]] = {}
    numbers = tables.promised(made)
    shown = folder / preview.file(made["spec"]["format"])
    rows = list(writer.read(shown))
    head = _info("preview", features(preview.SCHEMA), "preview", len(rows), shown.stat().st_size, _raw(shown))
    parts = manifest.parts_of(made)
    for name, entry in made["files"].items():
        config, path = manifest.config_of(name), data(name)
        schema = tables.schema(numbers[config][0][0]) if config in numbers else writer.SCHEMA
        if config not in info:
            info[config] = _info(config, features(schema), parts[config]["split"], 0, 0, 0)
        part = info[config]
        part["splits"][0]["num_examples"] += entry["rows"]
        part["download_size"] += entry["bytes"]
        raw = _raw(path)
        part["dataset_size"] += raw
        part["splits"][0]["num_bytes"] += raw
        if config not in numbers:
            coverage[config] = coverage.get(config, np.zeros(BINS + 1, np.int64)) + _gold(path)
    first: dict[str, dict[str, Any]] = {}
    for row in rows:
        first.setdefault(row["task"], row)
    return Survey(
        {config: counts.tolist() for config, counts in coverage.items() if counts.any()},
        [head, *info.values()],
        list(first.values()),
    )


def _info(config: str, columns: list[dict[str, Any]], split: str, rows: int, stored: int, raw: int) -> dict[str, Any]:
    return {
        "config_name": config,
        "features": columns,
        "splits": [{"name": split, "num_bytes": raw, "num_examples": rows}],
        "download_size": stored,
        "dataset_size": raw,
    }


def _raw(path: Path) -> int:
    """Bytes of a file's rows, unpacked."""
    if path.suffix == ".jsonl":
        return path.stat().st_size
    found = pq.read_metadata(path)
    return sum(found.row_group(number).total_byte_size for number in range(found.num_row_groups))


def _gold(path: Path) -> np.ndarray:
    """How many gold pieces of a file stand at each tenth of the depth."""
    found = np.zeros(BINS + 1, np.int64)
    if path.suffix == ".jsonl":
        for row in writer.read(path):
            found += _tenths([piece["depth"] for piece in row["evidence"] if piece["role"] == "gold"])
        return found
    with pq.ParquetFile(path) as file:
        for batch in file.iter_batches(columns=["evidence"]):
            pieces = batch.column("evidence").flatten()
            found += _tenths(pieces.field("depth").filter(pc.equal(pieces.field("role"), GOLD)).to_pylist())
    return found


def _tenths(depths: list[float]) -> np.ndarray:
    return np.bincount(np.rint(np.array(depths, float) * BINS).astype(np.int64), minlength=BINS + 1)


def features(schema: pa.Schema) -> list[dict[str, Any]]:
    """The columns of a schema in the card's own words for types."""
    return [_feature(field) for field in schema]


def _feature(field: pa.Field) -> dict[str, Any]:
    kind = field.type
    if pa.types.is_list(kind):
        inner = kind.value_type
        within = features(pa.schema(list(inner))) if pa.types.is_struct(inner) else _dtype(inner)
        return {"name": field.name, "list": within}
    return {"name": field.name, "dtype": _dtype(kind)}


def _dtype(kind: pa.DataType) -> str:
    return {"double": "float64", "float": "float32"}.get(str(kind), str(kind))
