"""The generators that lcgen is measured against. They stay where whoever runs this put them; here are thin adaptors only."""

from __future__ import annotations

import json
import shutil
from argparse import Namespace
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from clock import Failed, Runner, spend, tell

ADAPTORS = Path(__file__).parent / "adaptors"
TOKENS = 131_072
RULER, SINGLE, MULTI, HAYSTACK2 = (
    "RULER, essay",
    "NeedleBench v2, single",
    "NeedleBench v2, multi",
    "needlehaystack 2.0",
)
DEPTHS = list(range(0, 101, 10))


@dataclass
class Peers:
    """What can be run here, why the rest cannot, and what has to be known of the former."""

    runners: list[Runner] = field(default_factory=list)
    skipped: dict[str, str] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)


def find(args: Namespace, work: Path) -> Peers:
    """Readies each peer whose place was given, and tries it once."""
    found = Peers()
    env = {"TIKTOKEN_CACHE_DIR": str(args.tiktoken_cache)} if args.tiktoken_cache else {}
    essays = work / "essays"
    quick = args.quick
    if args.ruler is None:
        found.skipped[RULER] = "no checkout of NVIDIA/RULER given with --ruler"
    else:
        try:
            found.runners.append(_ruler(args, essays, work, env, found.notes))
        except (Failed, OSError) as error:
            found.skipped[RULER] = str(error)
    if args.opencompass is None:
        found.skipped |= dict.fromkeys(
            (SINGLE, MULTI), "no checkout of open-compass/opencompass given with --opencompass"
        )
    else:
        found.notes.append(
            f"NeedleBench v2 is OpenCompass at {commit(args.opencompass)}: its own `load` functions, framework imports stood in "
            "for, data files of the same form made from the text above. It writes no file; its rows end in memory."
        )
        for name, kind in ((SINGLE, "single"), (MULTI, "multi")):
            script = [str(args.peer_python), str(ADAPTORS / "needlebench.py"), str(args.opencompass), kind, str(essays)]
            found.runners.append(
                Runner(
                    name,
                    lambda rows, out, script=script: [*script, str(rows), str(TOKENS), str(out)],
                    2,
                    12 if quick else 42,
                    env,
                )  # type: ignore[misc]
            )
    if args.needlehaystack_python is None:
        found.skipped[HAYSTACK2] = "no Python with needlehaystack 2.0 given with --needlehaystack-python"
    else:
        _haystack2(args, essays, env, found)
    return found


def _ruler(args: Namespace, essays: Path, work: Path, env: dict[str, str], notes: list[str]) -> Runner:
    """RULER's scripts in a copy, so that its essay file can be put beside them where the checkout has none."""
    data = work / "ruler"
    shutil.copytree(args.ruler / "scripts" / "data", data, ignore=shutil.ignore_patterns("__pycache__"))
    file = data / "synthetic" / "json" / "PaulGrahamEssays.json"
    own = file.is_file()
    whole = "\n\n".join(path.read_text(encoding="utf-8") for path in sorted(essays.glob("*.txt")))
    if not own:
        file.write_text(json.dumps({"text": whole}), encoding="utf-8")
    notes.append(
        f"RULER is NVIDIA/RULER at {commit(args.ruler)}, `niah.py` unmodified, haystack `essay`, tokenizer type `openai`; its essay file is "
        + ("the checkout's." if own else "not in the repository and was built from the text above.")
    )
    (work / "train.txt").write_text(whole[:1_000_000], encoding="utf-8")
    tell("sentence splitter for RULER")
    script = [str(args.peer_python), str(ADAPTORS / "ruler.py")]
    nltk = work / "nltk_data"
    nltk.mkdir()
    spend([*script, "--punkt", str(work / "train.txt"), str(nltk)], {"NLTK_DATA": str(nltk)})
    if any(nltk.iterdir()):
        notes.append(
            "NLTK's pretrained sentence splitter was not installed; one was trained on the same text with NLTK's own trainer."
        )
        env = {**env, "NLTK_DATA": str(nltk)}
    return Runner(
        RULER,
        lambda rows, out: [*script, str(data), str(rows), str(TOKENS), str(out)],
        2,
        12 if args.quick else 32,
        env,
    )


def _haystack2(args: Namespace, essays: Path, env: dict[str, str], found: Peers) -> None:
    """needlehaystack 2.0 with its fake provider: it composes each cell and writes a recipe of it, not the text."""
    python = str(args.needlehaystack_python)
    try:
        spend([python, "-c", "from needlehaystack.cli.main import app"], env)
    except Failed as error:
        found.skipped[HAYSTACK2] = str(error)
        return
    found.notes.append(
        "needlehaystack 2.0 runs `niah run` with task `uuid`, 11 depths, and its fake provider; it tokenises the haystack once, splices "
        "token lists, and writes recipes of 1.7 kB instead of prompts; it checks nothing, and its prompts are longer than asked."
    )

    def command(rows: int, out: Path) -> Sequence[str]:
        plan = {
            "run_name": "benchmark", "model": str(out / "model.yaml"), "task": {"type": "uuid"},
            "haystack": {"type": "files", "path": str(essays)},
            "sweep": {"context_lengths": [TOKENS], "depth_percents": DEPTHS, "seeds": list(range(rows // len(DEPTHS)))},
            "store": {"type": "jsonl", "path": str(out / "rows.jsonl")},
        }  # fmt: skip
        model = {"id": "fake", "runtime": {"sdk": "fake", "api": "fake"}, "request": {"model": "fake"}}
        # JSON is YAML.
        (out / "model.yaml").write_text(json.dumps(model), encoding="utf-8")
        (out / "run.yaml").write_text(json.dumps(plan), encoding="utf-8")
        return [python, "-c", "from needlehaystack.cli.main import app; app()", "run", str(out / "run.yaml")]

    found.runners.append(Runner(HAYSTACK2, command, 11, 55 if args.quick else 220, env))


def commit(checkout: Path) -> str:
    """The commit that a checkout stands at, as far as it says."""
    head = checkout / ".git" / "HEAD"
    if not head.is_file():
        return "an unknown commit"
    said = head.read_text(encoding="utf-8").strip()
    if said.startswith("ref: ") and (checkout / ".git" / said[5:]).is_file():
        said = (checkout / ".git" / said[5:]).read_text(encoding="utf-8").strip()
    return f"`{said[:8]}`" if not said.startswith("ref:") else "an unknown commit"
