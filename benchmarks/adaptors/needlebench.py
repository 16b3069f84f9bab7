"""Calls the `load` functions of NeedleBench v2 in an OpenCompass checkout; only what the framework around them imports
is stood in for, and the Hub's files are replaced by local ones of the same form.

Run as `needlebench.py CHECKOUT single|multi ESSAYS ROWS TOKENS OUT`, ESSAYS being a folder of texts.
"""

from __future__ import annotations

import json
import sys
from importlib import import_module
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from pathlib import Path
from types import ModuleType
from typing import Any

PACKAGE = "opencompass.datasets.needlebench_v2"
RECORD = 13_000
"""Characters of a record of the essay file."""
BUFFER = 600
"""Tokens kept free for everything but the context; the published settings keep 200 to 3,000."""
PEOPLE = [f"{first} {last}" for first in ("Ada", "Ben", "Cleo", "Dora", "Emil", "Fay", "Gus", "Ida")
          for last in ("Ash", "Birch", "Cole", "Dale", "Elm", "Frost", "Glen", "Hale")]  # fmt: skip


class _StandIn:
    """Whatever a loader imports from the framework: a base class, or a registry that registers nothing."""

    @staticmethod
    def register_module(*_: Any, **__: Any) -> Any:
        return lambda kind: kind


class _Module(ModuleType):
    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return (lambda path, **_: path) if name == "get_data_path" else _StandIn


class _Framework(MetaPathFinder, Loader):
    """Answers every import of OpenCompass but those of NeedleBench itself."""

    def find_spec(self, fullname: str, path: Any, target: Any = None) -> ModuleSpec | None:
        own = fullname.split(".")[0] == "opencompass" and not fullname.startswith(PACKAGE)
        return ModuleSpec(fullname, self, is_package=True) if own else None

    def create_module(self, spec: ModuleSpec) -> ModuleType:
        return _Module(spec.name)

    def exec_module(self, module: ModuleType) -> None:
        pass


def _files(essays: Path, out: Path) -> None:
    """The three data files that the loaders read."""
    whole = "\n\n".join(path.read_text(encoding="utf-8") for path in sorted(essays.glob("*.txt")))
    with (out / "PaulGrahamEssays.jsonl").open("w", encoding="utf-8") as file:
        for at in range(0, len(whole), RECORD):
            file.write(json.dumps({"text": whole[at : at + RECORD]}) + "\n")
    with (out / "needles.jsonl").open("w", encoding="utf-8") as file:
        for name in PEOPLE:
            needle = {
                "needle": f"The lantern of {name} hangs in the old mill.", "language": "English",
                "retrieval_question": f"Where does the lantern of {name} hang?", "arg2": "the old mill",
            }  # fmt: skip
            file.write(json.dumps(needle) + "\n")
    (out / "names.json").write_text(json.dumps({"English": ",".join(PEOPLE)}), encoding="utf-8")


def load(checkout: Path, kind: str, essays: Path, rows: int, tokens: int, out: Path) -> None:
    """Loads `rows` prompts: of one needle (`single`), or of a chain of five (`multi`)."""
    _files(essays, out)
    sys.meta_path.insert(0, _Framework())
    sys.modules[PACKAGE] = package = ModuleType(PACKAGE)
    package.__path__ = [str(checkout.joinpath(*PACKAGE.split(".")))]
    asked = {
        "path": str(out), "length": tokens, "depth": 50, "tokenizer_model": "gpt-4", "num_repeats_per_file": rows,
        "file_list": ["PaulGrahamEssays.jsonl"], "length_buffer": BUFFER, "language": "English",
    }  # fmt: skip
    if kind == "single":
        module = import_module("opencompass.datasets.needlebench_v2.origin")
        found = module.NeedleBenchOriginDataset.load(**asked, needle_file_name="needles.jsonl")
    else:
        hub = import_module("huggingface_hub")
        hub.__dict__["hf_hub_download"] = lambda filename, **_: str(out / filename)
        module = import_module("opencompass.datasets.needlebench_v2.multi")
        found = module.NeedleBenchMultiDataset.load(**asked, needle_file_name="names.json", num_needles=5, diff=10)
    assert len(found) == rows


if __name__ == "__main__":
    load(Path(sys.argv[1]), sys.argv[2], Path(sys.argv[3]), int(sys.argv[4]), int(sys.argv[5]), Path(sys.argv[6]))
