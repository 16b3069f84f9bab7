"""The dataset card: the README.md of an output folder."""

from __future__ import annotations

from collections.abc import Mapping
from importlib.resources import files
from typing import TYPE_CHECKING, Any

import jinja2
import yaml

if TYPE_CHECKING:
    from lcgen.builders.tables import Maker
    from lcgen.spec import Suite

SIZES = [(10**3, "n<1K"), (10**4, "1K<n<10K"), (10**5, "10K<n<100K"), (10**6, "100K<n<1M"), (10**7, "1M<n<10M")]


def _front(suite: Suite, manifest: Mapping[str, Any], crew: Mapping[str, Maker]) -> str:
    """The YAML head: every config by its files, a view over all lengths, the preview first."""
    suffix = "jsonl" if suite.format == "jsonl" else "parquet"
    configs: list[dict[str, Any]] = [
        {
            "config_name": "preview",
            "default": True,
            "data_files": [{"split": "preview", "path": f"data/preview/preview-*.{suffix}"}],
        }
    ]
    for maker in crew.values():
        part = maker.part
        paths = {length: f"data/{part.name}_{length.config}/{part.split}-*.{suffix}" for length in part.lengths}
        configs += [
            {"config_name": f"{part.name}_{length.config}", "data_files": [{"split": part.split, "path": path}]}
            for length, path in paths.items()
        ]
        configs.append(
            {"config_name": part.name, "data_files": [{"split": length.split, "path": path} for length, path in paths.items()]}
        )
    own = all(maker.own for maker in crew.values())
    rows = sum(entry["rows"] for entry in manifest["configs"].values())
    head = {
        "pretty_name": f"{suite.name} (lcgen)",
        **({"license": "cc0-1.0"} if own else {"license": "other", "license_name": "haystack", "license_link": "README.md"}),
        "language": sorted({maker.part.lang for maker in crew.values()}),
        "task_categories": ["question-answering"],
        "size_categories": [next((name for most, name in SIZES if rows < most), "10M<n<100M")],
        "annotations_creators": ["machine-generated"],
        "source_datasets": ["original"] if own else [],
        "tags": [
            "long-context",
            "synthetic",
            "benchmark",
            *sorted({tag for maker in crew.values() for tag in maker.task.tags}),
            "lcgen",
        ],
        "configs": configs,
    }
    return str(yaml.safe_dump(head, sort_keys=False, allow_unicode=True))


def dataset(suite: Suite, manifest: Mapping[str, Any], crew: Mapping[str, Maker]) -> str:
    """The card of a finished build."""
    from lcgen.builders.rows import RowMaker

    environment = jinja2.Environment(undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True, autoescape=False)
    first = next(iter(crew.values()))
    layout = "dataset.md.j2" if isinstance(first, RowMaker) else "tables.md.j2"
    template = environment.from_string(files(__name__).joinpath(layout).read_text(encoding="utf-8"))
    return template.render(
        front=_front(suite, manifest, crew), suite=suite, manifest=manifest, parts=list(crew.values()), spec=first.spec, first=first, answers=_answers,
        followed=list(dict.fromkeys(_followed(maker) for maker in crew.values() if maker.preset)),
        reserves={maker.spec.name: maker.reserve for maker in crew.values()},
        output=all(maker.task.axis == "output" for maker in crew.values()), splits=sorted({maker.part.split for maker in crew.values()}),
    )  # fmt: skip


def _followed(maker: Maker) -> str:
    """Which paper a part follows, and how it differs."""
    assert maker.preset is not None
    return f"Follows {maker.preset.paper}. {maker.preset.differs}"


def _answers(maker: Any) -> str:
    """The answer budgets of a part, each once."""
    return ", ".join(dict.fromkeys(f"{maker.answer_tokens(length):,}" for length in maker.part.lengths))
