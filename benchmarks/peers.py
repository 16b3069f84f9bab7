"""The generators that lcgen is measured against: they stay where whoever runs this put them, here are adaptors only."""

from __future__ import annotations

import json
import shutil
import subprocess
from argparse import Namespace
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from clock import Command, Failed, Runner, spend, tell

ADAPTORS = Path(__file__).parent / "adaptors"
TOKENS = 131_072
RULER, HAYSTACK2 = "RULER, essay", "needlehaystack 2.0"
SINGLE, MULTI = "NeedleBench v2, single", "NeedleBench v2, multi"
DEPTHS = list(range(0, 101, 10))


@dataclass
class Peers:
    """What can be run here, why the rest cannot, and what has to be known of the former."""

    runners: list[Runner] = field(default_factory=list)
    skipped: dict[str, str] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)


def find(args: Namespace, work: Path) -> Peers:
    """Readies each peer whose place was given; `work` holds the haystack of all in `essays/*.txt`."""
    found = Peers()
    env = {"TIKTOKEN_CACHE_DIR": str(args.tiktoken_cache)} if args.tiktoken_cache else {}
    if args.ruler or args.opencompass:
        said = versions(args.peer_python, ("tiktoken", "nltk", "wonderwords", "datasets"))
        found.notes.append(f"RULER and NeedleBench run with {said}.")
    if args.ruler is None:
        found.skipped[RULER] = "no checkout of NVIDIA/RULER given with --ruler"
    else:
        try:
            _ruler(args, work, env, found)
        except (Failed, OSError) as error:
            found.skipped[RULER] = str(error)
    if args.opencompass is None:
        reason = "no checkout of open-compass/opencompass given with --opencompass"
        found.skipped |= dict.fromkeys((SINGLE, MULTI), reason)
    else:
        _needlebench(args, work, env, found)
    if args.needlehaystack_python is None:
        found.skipped[HAYSTACK2] = "no Python with needlehaystack 2.0 given with --needlehaystack-python"
    else:
        _haystack2(args, work, env, found)
    return found


def after(*script: object) -> Command:
    """The script with rows, tokens and folder behind it."""
    return lambda rows, out: [*map(str, script), str(rows), str(TOKENS), str(out)]


def _ruler(args: Namespace, work: Path, env: Mapping[str, str], found: Peers) -> None:
    """RULER's scripts in a copy, so that its essay file can be put beside them where the checkout has none."""
    data, script = work / "ruler", [args.peer_python, ADAPTORS / "ruler.py"]
    shutil.copytree(args.ruler / "scripts" / "data", data, ignore=shutil.ignore_patterns("__pycache__"))
    file = data / "synthetic" / "json" / "PaulGrahamEssays.json"
    own = file.is_file()
    whole = "\n\n".join(path.read_text(encoding="utf-8") for path in sorted((work / "essays").glob("*.txt")))
    if not own:
        file.write_text(json.dumps({"text": whole}), encoding="utf-8")
    found.notes.append(
        f"RULER is NVIDIA/RULER at {commit(args.ruler)}, `niah.py` unmodified, haystack `essay`, tokenizer type "
        "`openai`; its essay file is "
        + ("the checkout's." if own else "not in its repository and was made of the haystack above.")
    )
    tell("sentence splitter for RULER")
    text, nltk = work / "train.txt", work / "nltk_data"
    text.write_text(whole[:1_000_000], encoding="utf-8")
    nltk.mkdir()
    spend([*map(str, script), "--punkt", str(text), str(nltk)], {"NLTK_DATA": str(nltk)})
    if any(nltk.iterdir()):
        found.notes.append(
            "RULER needs NLTK's pretrained sentence splitter. It was not installed, so NLTK's own trainer made one of "
            "the same haystack; the algorithm is the same, the abbreviations that it knows differ."
        )
        env = {**env, "NLTK_DATA": str(nltk)}
    found.runners.append(Runner(RULER, after(*script, data), 2, 12 if args.quick else 62, env))


def _needlebench(args: Namespace, work: Path, env: Mapping[str, str], found: Peers) -> None:
    found.notes.append(
        f"NeedleBench v2 is OpenCompass at {commit(args.opencompass)}: its own `load` functions, framework imports "
        "stood in for, data files of the same form made of the haystack above. Its rows end in memory."
    )
    script = [args.peer_python, ADAPTORS / "needlebench.py", args.opencompass]
    for name, kind in ((SINGLE, "single"), (MULTI, "multi")):
        command = after(*script, kind, work / "essays")
        found.runners.append(Runner(name, command, 2, 12 if args.quick else 42, env))


def _haystack2(args: Namespace, work: Path, env: Mapping[str, str], found: Peers) -> None:
    """needlehaystack 2.0 with its fake provider: it composes each cell and writes a recipe of it, not the text."""
    app = [str(args.needlehaystack_python), "-c", "from needlehaystack.cli.main import app; app()"]
    try:
        spend([*app, "--help"], env)
    except Failed as error:
        found.skipped[HAYSTACK2] = str(error)
        return
    found.notes.append(
        "needlehaystack 2.0 runs `niah run`, task `uuid`, 11 depths, with its fake provider. It tokenises the haystack "
        "once, splices token lists, writes recipes of 1.7 kB instead of prompts, checks nothing, and its prompts are "
        "longer than asked."
    )

    def command(rows: int, out: Path) -> Sequence[str]:
        plan = {
            "run_name": "benchmark", "model": str(out / "model.yaml"), "task": {"type": "uuid"},
            "haystack": {"type": "files", "path": str(work / "essays")},
            "sweep": {"context_lengths": [TOKENS], "depth_percents": DEPTHS, "seeds": [*range(rows // len(DEPTHS))]},
            "store": {"type": "jsonl", "path": str(out / "rows.jsonl")},
        }  # fmt: skip
        model = {"id": "fake", "runtime": {"sdk": "fake", "api": "fake"}, "request": {"model": "fake"}}
        # JSON is YAML.
        (out / "model.yaml").write_text(json.dumps(model), encoding="utf-8")
        (out / "run.yaml").write_text(json.dumps(plan), encoding="utf-8")
        return [*app, "run", str(out / "run.yaml")]

    found.runners.append(Runner(HAYSTACK2, command, 11, 55 if args.quick else 220, env))


def versions(python: Path, packages: Sequence[str]) -> str:
    """Versions of what is installed for a Python."""
    code = "import sys, importlib.metadata as m\nfor p in sys.argv[1:]: print(p, m.version(p), sep=' ', end=', ')"
    said = subprocess.run([str(python), "-c", code, *packages], capture_output=True, text=True, check=False).stdout
    return said.rstrip(", ") or "unknown versions"


def commit(checkout: Path) -> str:
    """The commit that a checkout stands at, as far as it says."""
    git = checkout / ".git"
    head = git / "HEAD"
    said = head.read_text(encoding="utf-8").strip() if head.is_file() else "ref: nothing"
    if said.startswith("ref: ") and (git / said[5:]).is_file():
        said = (git / said[5:]).read_text(encoding="utf-8").strip()
    return "an unknown commit" if said.startswith("ref: ") else f"`{said[:8]}`"
