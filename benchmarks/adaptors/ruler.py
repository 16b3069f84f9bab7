"""Runs the essay generator of a RULER checkout as it stands, with the prompt template of its own task list.

Run as `ruler.py DATA ROWS TOKENS OUT`, DATA being a copy of RULER's `scripts/data`; or as `ruler.py --punkt TEXT
FOLDER` with FOLDER as NLTK_DATA: trains the sentence splitter that NLTK would have to download, with its own trainer.
"""

from __future__ import annotations

import runpy
import sys
from importlib import import_module
from pathlib import Path


def generate(data: Path, rows: int, tokens: int, out: Path) -> None:
    """Starts `niah.py` on the command line of RULER's own `prepare.py`."""
    folder = data / "synthetic"
    sys.path.insert(0, str(folder))
    task = import_module("constants").TASKS["niah"]
    options = {
        "save_dir": out, "save_name": "niah", "tokenizer_path": "cl100k_base", "tokenizer_type": "openai",
        "max_seq_length": tokens, "tokens_to_generate": task["tokens_to_generate"], "num_samples": rows,
        "template": task["template"] + task["answer_prefix"], "type_haystack": "essay",
    }  # fmt: skip
    sys.argv = ["niah.py", *(f"--{name}={value}" for name, value in options.items())]
    runpy.run_path(str(folder / "niah.py"), run_name="__main__")


def punkt(text: Path, folder: Path) -> None:
    """Leaves NLTK's `punkt_tab` data for English in the folder, unless NLTK has it somewhere else."""
    data = import_module("nltk").data
    try:
        data.find("tokenizers/punkt_tab/english/")
    except LookupError:
        module = import_module("nltk.tokenize.punkt")
        trainer = module.PunktTrainer(text.read_text(encoding="utf-8"))
        target = folder / "tokenizers" / "punkt_tab" / "english"
        target.mkdir(parents=True)
        module.save_punkt_params(trainer.get_params(), dir=str(target))


if __name__ == "__main__":
    if sys.argv[1] == "--punkt":
        punkt(Path(sys.argv[2]), Path(sys.argv[3]))
    else:
        generate(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]), Path(sys.argv[4]))
