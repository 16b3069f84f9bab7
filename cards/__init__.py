"""What stands in an output folder for people and harnesses: the dataset card, and templates of the harness files."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from functools import cache
from importlib.resources import files
from itertools import groupby
from typing import TYPE_CHECKING, Any

import jinja2
import yaml

from lcgen import schemas
from lcgen.builders.manifest import data_file
from lcgen.errors import CheckFailed, LcgenError, unknown

if TYPE_CHECKING:
    from lcgen.builders.maker import Maker
    from lcgen.builders.survey import Survey
    from lcgen.spec import Spec, Suite

HERE = "PATH OR REPOSITORY"
"""Stands for the place that the data is loaded from, until it is published."""
SHADES = " ░▒▓█"
SIZES = [(10**3, "n<1K"), (10**4, "1K<n<10K"), (10**5, "10K<n<100K"), (10**6, "100K<n<1M"), (10**7, "1M<n<10M")]


def _front(suite: Suite, manifest: Mapping[str, Any], crew: Mapping[str, Maker], survey: Survey) -> str:
    """The YAML head: every config by its files, a view over all lengths, the preview first."""
    configs: list[dict[str, Any]] = [
        {
            "config_name": "preview",
            "default": True,
            "data_files": [{"split": "preview", "path": data_file("preview", "preview", "*", suite.format)}],
        }
    ]
    for maker in crew.values():
        part = maker.part
        paths = {length: data_file(part.config(length), part.split, "*", suite.format) for length in part.lengths}
        configs += [
            {"config_name": part.config(length), "data_files": [{"split": part.split, "path": path}]}
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
        "dataset_info": [*survey.info, *_views(crew, survey)],
    }
    # Types that stand in many configs are written out in each: aliases are no YAML that every reader knows.
    return yaml.dump(head, Dumper=_Plain, sort_keys=False, allow_unicode=True)


_Loader: type[yaml.SafeLoader] = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
"""libyaml reads the head of a card in a tenth of the time, where PyYAML was built with it."""


class _Plain(yaml.SafeDumper):
    def ignore_aliases(self, data: Any) -> bool:
        return True


def _views(crew: Mapping[str, Maker], survey: Survey) -> list[dict[str, Any]]:
    """What the views over all lengths hold: the same files, as splits."""
    by = {info["config_name"]: info for info in survey.info}
    found = []
    for maker in crew.values():
        held = {length.split: by[maker.part.config(length)] for length in maker.part.lengths}
        found.append(
            {
                "config_name": maker.part.name,
                "features": next(iter(held.values()))["features"],
                "splits": [{**info["splits"][0], "name": split} for split, info in held.items()],
                **{key: sum(info[key] for info in held.values()) for key in ("download_size", "dataset_size")},
            }
        )
    return found


def _shade(count: int, most: int) -> str:
    """A cell of a heat map: its count, and how full it is."""
    return f"{SHADES[-(-count * (len(SHADES) - 1) // most)]} {count}" if count else "·"


def _fenced(text: str) -> str:
    """A text as a block of code, whatever it holds."""
    fence = "`" * (max((len(run) for run in re.findall("`+", text)), default=0) + 1)
    return f"{fence:`<3}text\n{text}\n{fence:`<3}"


def _meanings(crew: Mapping[str, Maker]) -> list[tuple[str, str]]:
    """What each column of the rows means, as its schema says."""
    said = json.loads(schemas.text(next(iter(crew.values())).schemas[0]))["properties"]
    own = {"id": "Task, language, length, split, index, and a hash of all that decides the row."}
    return [(name, str(entry.get("description", own.get(name, ""))).replace("|", "\\|")) for name, entry in said.items()]


def dataset(suite: Suite, manifest: Mapping[str, Any], crew: Mapping[str, Maker], survey: Survey) -> str:
    """The card of a finished build."""
    first = next(iter(crew.values()))
    return rendered(
        first.layout, front=_front(suite, manifest, crew, survey), suite=suite, manifest=manifest, parts=list(crew.values()), spec=first.spec, first=first, answers=_answers,
        followed=list(dict.fromkeys(_followed(maker) for maker in crew.values() if maker.preset)),
        reserves={name: maker.reserve for name, maker in crew.items()}, builds=_builds(suite),
        survey=survey, meanings=_meanings(crew), shade=_shade, fenced=_fenced, here=HERE, most=max(map(max, survey.coverage.values()), default=0),
        output=all(maker.task.axis == "output" for maker in crew.values()), splits=sorted({maker.part.split for maker in crew.values()}),
    )  # fmt: skip


def _builds(suite: Suite) -> list[Spec]:
    """The first of each run of builds with the same settings: a manifest, which lists parts, knows no more of them."""
    return [next(alike) for _, alike in groupby(suite.builds, lambda spec: {**vars(spec), "parts": None, "name": None})]


def rendered(name: str, **facts: Any) -> str:
    """One of the templates here, filled."""
    return _template(name).render(**facts)


@cache
def _template(name: str) -> jinja2.Template:
    """Compiled once for all folders that a process makes: that takes longer than the rows of a small one."""
    environment = jinja2.Environment(
        undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True, autoescape=False, keep_trailing_newline=True
    )
    return environment.from_string(files(__name__).joinpath(name).read_text(encoding="utf-8"))


def _followed(maker: Maker) -> str:
    """Which paper a part follows, and how it differs."""
    assert maker.preset is not None
    return f"Follows {maker.preset.paper}. {maker.preset.differs}"


def _answers(maker: Any) -> str:
    """The answer budgets of a part, each once."""
    return ", ".join(dict.fromkeys(f"{maker.answer_tokens(length):,}" for length in maker.part.lengths))


FILLED = ("license", "baselines", "rebuild", "history")
"""What publishing writes into a card, each between its marks."""


def fingerprint(card: str) -> str:
    """SHA-256 of what a card says before and after it is published: all but what publishing writes."""
    match = re.match(r"---\n(.*?\n)---\n", card, re.S)
    try:
        head = yaml.load(match[1], _Loader) if match else {}
    except (yaml.YAMLError, ValueError, RecursionError):
        head = {}
    body = card[match.end() :] if match else card
    for mark in FILLED:
        body = between(body, mark, "")
    body = re.sub(r'load_dataset\("[^"\n]*", (revision="[^"\n]*", name=)?', "load_dataset(", body)
    said = {key: value for key, value in head.items() if not str(key).startswith("license")} if isinstance(head, dict) else {}
    return hashlib.sha256((json.dumps(said, sort_keys=True, default=str) + body).encode(errors="surrogatepass")).hexdigest()


def check_license(name: str) -> None:
    """Raises LcgenError for what the Hub does not know as the identifier of a license."""
    known = (files(__name__) / "licenses.txt").read_text(encoding="utf-8").split()
    if name not in known:
        raise unknown("license", name[:80], known)


def published(
    card: str,
    repository: str,
    tag: str,
    license: str | None = None,
    measured: Sequence[Mapping[str, Any]] = (),
    history: str = "",
) -> str:
    """The card as it stands in a repository: it names repository and tag, and shows what was measured of the rows.

    `measured` are lines of run -> score, with `config` first. Raises LcgenError where somebody's text needs a license.
    """
    match = re.match(r"---\n(.*?\n)---\n", card, re.S)
    head = yaml.load(match[1], _Loader) if match else None
    if match is None or not isinstance(head, dict):
        raise CheckFailed("README.md has no YAML head. Build the folder again.")
    if license is not None:
        head = {**{key: value for key, value in head.items() if not key.startswith("license")}, "license": license}
    elif head.get("license") == "other":
        raise LcgenError(
            "Text or questions of this dataset are somebody's, so say under which license it is published: --license cc-by-4.0, or "
            "`license` under `hub` in the suite."
        )
    loads = f"load_dataset({json.dumps(repository)}, revision={json.dumps(tag)}, name="
    body = card[match.end() :].replace(f'load_dataset("{HERE}", ', loads)
    body = between(body, "rebuild", _rebuild(repository, tag))
    body = between(body, "license", f"Published under the license `{license}`.") if license else body
    body = between(body, "baselines", _scores(measured)) if measured else body
    body = between(body, "history", history) if history else body
    return f"---\n{yaml.dump(head, Dumper=_Plain, sort_keys=False, allow_unicode=True)}---\n{body}"


def _rebuild(repository: str, tag: str) -> str:
    """The commands that make a published version again, from its manifest and the wording that goes with it."""
    fetch = f'hf download {repository} --repo-type dataset --revision {tag} --include manifest.json --include "templates/*" --local-dir again'
    return f"```sh\n{fetch}\nlcgen build again/manifest.json --out again/built\n```"


def between(text: str, mark: str, said: str) -> str:
    """The text with what stands between two marks exchanged."""
    before, opening, rest = text.partition(f"<!-- {mark} -->")
    _, closing, after = rest.partition(f"<!-- /{mark} -->")
    return f"{before}{opening}\n{said}\n{closing}{after}" if closing else text


def _scores(measured: Sequence[Mapping[str, Any]]) -> str:
    """What needs no model, by config: the right answers, shortcuts, and the commonest answer said to every row."""
    runs = list(dict.fromkeys(run for line in measured for run in line if run not in ("config", "rows")))
    lines = [["config", "rows", *runs], ["---", *["---:"] * (len(runs) + 1)]]
    for line in measured:
        lines.append([f"`{line['config']}`", str(line["rows"]), *(f"{line[run]:.3f}" if run in line else "-" for run in runs)])
    table = "\n".join(f"| {' | '.join(line)} |" for line in lines)
    return (
        "`score` of what needs no model. `oracle`: the right answers. `no_context`: the commonest answer of the config, said to every row "
        f"without reading it. The others are shortcuts that read the context and not the question.\n\n{table}"
    )
