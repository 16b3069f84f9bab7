"""The gallery: parameters, presets, variants and a small example of each, made from the registry into the pages of docs/tasks.

`python docs/gallery.py` writes it anew; `--check` says which pages are stale and ends with 1.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, get_args, get_type_hints

from lcgen import generators, wanted
from lcgen.contract import Preset, Setting, Task
from lcgen.errors import LcgenError, many
from lcgen.verbs import catalogue
from lcgen.verbs.row import one

HERE = Path(__file__).parent
MARK = "<!-- What follows is made by docs/gallery.py. -->\n"
INDEX = "gallery.md"
LENGTHS = ("1k", "2k", "4k", "8k", "16k", "32k", "64k", "128k")
"""Of an example, the first that holds the puzzle."""
CLIP, IDS, PIECES = 260, 100, 4
"""Characters of a text and of a list of ids, and pieces of evidence, that are shown."""


def pages() -> Iterator[tuple[Path, str]]:
    """Each page with the text that it should have. Raises LcgenError for a task without a page."""
    for name in generators.names():
        path = HERE / "tasks" / f"{name}.md"
        if not path.is_file():
            raise LcgenError(
                f"The task {name} has no page. Write {path.relative_to(HERE.parent)}: what it measures and what differs from its papers."
            )
        written = path.read_text(encoding="utf-8").partition(MARK)[0].rstrip()
        made = "\n".join(_task(generators.get(name)))
        yield path, f"{written}\n\n{MARK}\n{made.rstrip()}\n"
    yield HERE / INDEX, "\n".join(_index()) + "\n"


def _index() -> Iterator[str]:
    yield from (
        "# Gallery",
        "",
        MARK.strip(),
        "",
        "Every task with its presets and their variants; each links to its parameters, its citation, and an example.",
        "",
    )
    for name in generators.names():
        task = generators.get(name)
        yield f"- [**{name}**](tasks/{name}.md): {task.about}"
        for stem, preset in task.presets.items():
            link = f"tasks/{name}.md#{_anchor(f'Preset {stem}')}"
            yield f"    - [`{stem}`]({link}), {preset.paper}: {preset.about}. {_variants(preset)}"


def _variants(preset: Preset) -> str:
    names = [f"`{name}`" for name in preset.settings if name]
    shown = names if len(names) <= 12 else [*names[:5], "…", *names[-2:]]
    return f"Variants: {', '.join(shown)}." if names else ""


def _anchor(heading: str) -> str:
    return heading.lower().replace(" ", "-")


def _task(task: Task[Any]) -> Iterator[str]:
    found = catalogue.described(task.name)
    yield from ("## Parameters", "", "| `--set` | values | default | meaning |", "|---|---|---|---|")
    for entry in found["params"]:
        default = entry["default"] if entry["default"] != "" else "(empty)"
        yield f"| `{entry['name']}` | {_cell(entry['type'])} | {_cell(default)} | {_cell(entry['about'])} |"
    yield from (
        "",
        f"Where nothing else is asked for: haystack `{task.haystack}`"
        + (f", depths `{task.grid}`." if task.depths else ", no single depth."),
    )
    if task.limits:
        yield f"`--paired`: {task.limits}"
    yield from ("", "Papers: " + ", ".join(_cited(paper) for paper in task.papers) + ".", "")
    yield from _example("As it is", task, None, {})
    for name, value in _kinds(task):
        yield from _example(f"With `{name}={value}`", task, None, {name: value})
    for stem, preset in task.presets.items():
        yield from _preset(task, stem, preset)


def _kinds(task: Task[Any]) -> Iterator[tuple[str, str]]:
    """The values of a parameter that names variants, but for the default."""
    hints = get_type_hints(task.Params)
    if "variant" in hints:
        yield from (("variant", value) for value in get_args(hints["variant"]) if value != task.Params().variant)


def _preset(task: Task[Any], stem: str, preset: Preset) -> Iterator[str]:
    yield from (f"## Preset {stem}", "", f"{preset.about[0].upper()}{preset.about[1:]} ({_cited(preset.paper)}).", "")
    answer = f"{preset.answer_tokens:,}" if preset.answer_tokens else "measured"
    yield f"Lengths {catalogue.shortened(preset.lengths) or 'as the parameters count'}; depths {catalogue.shortened(preset.depths or 'default')}; {many(preset.samples, 'sample')}; answer tokens {answer}."
    if preset.differs:
        yield from ("", f"What differs: {preset.differs}")
    for law, why in preset.breaks.items():
        yield from ("", f"Breaks law {law} on purpose: {why}.")
    yield ""
    alike: dict[str, list[str]] = {}
    for variant, setting in preset.settings.items():
        alike.setdefault(repr(_facts(setting, numbers=False)), []).append(variant)
    for variants in alike.values():
        first, *others = variants
        title = f"`{stem}:{first}`" if first else f"`{stem}`"
        if others:
            title += f" and {len(others)} more"
        settings = {variant: preset.settings[variant] for variant in variants}
        yield from _example(title, task, f"{stem}:{first}" if first else stem, {}, settings)


def _facts(setting: Setting, numbers: bool = True) -> dict[str, Any]:
    """What a variant sets, by name; without numbers, what variants share that are shown as one."""
    found = dict(setting.params) | {
        name: value
        for name in ("haystack", "depths", "samples", "lengths", "answer_tokens", "split", "breaks")
        if (value := getattr(setting, name)) not in (None, {})
    }
    return found if numbers else {name: _unnumbered(value) for name, value in found.items()}


def _unnumbered(value: Any) -> Any:
    """A value with a sign in place of a number."""
    return "#" if isinstance(value, (int, float)) and not isinstance(value, bool) else value


def _table(settings: Mapping[str, Setting], names: Sequence[str]) -> Iterator[str]:
    """Variants by the numbers in which they differ."""
    yield from ("", f"| variant | {' | '.join(f'`{name}`' for name in names)} |", f"|---|{'---|' * len(names)}")
    for variant, setting in settings.items():
        facts = _facts(setting)
        yield f"| `{variant}` | {' | '.join(_cell(facts[name]) for name in names)} |"


def _example(
    title: str, task: Task[Any], preset: str | None, params: Mapping[str, Any], settings: Mapping[str, Setting] | None = None
) -> Iterator[str]:
    """A row of a task, or of the first of these variants, which differ in numbers alone."""
    row = _row(task, preset, params)
    yield from (f"### {title}", "")
    if settings:
        first = next(iter(settings.values()))
        facts = _facts(first)
        differ = [name for name, value in facts.items() if any(_facts(other)[name] != value for other in settings.values())]
        sets = [f"`{name}={catalogue.swept(value)}`" for name, value in first.params.items() if name not in differ]
        more = [
            f"{name} {catalogue.shortened(str(facts[name]))}"
            for name in ("haystack", "depths", "samples", "lengths", "split")
            if name in facts and name not in differ
        ]
        yield from (
            f"Sets {', '.join([*sets, *more]) or 'nothing'}{' else' * bool(differ and not sets and not more)}.",
            *(f"Breaks law {law} on purpose: {why}." for law, why in first.breaks.items()),
            *(_table(settings, differ) if differ else ()),
            "",
        )
    if "input" not in row:
        yield from ("```text", *(f"{key}: {_short(value, IDS)}" for key, value in row.items() if key != "id"), "```", "")
        return
    pieces = sorted(row["evidence"], key=lambda piece: (piece["role"] != "gold", piece["char_start"]))
    lines = [
        f"{row['length']:,} tokens" + (f", the answer {row['output_tokens']:,}" if row["output_tokens"] else ""),
        f"question: {_short(row['question'])}",
    ]
    lines += [f"{piece['role']} at {piece['depth']:.2f}: {_short(piece['text'])}" for piece in pieces[:PIECES]]
    if len(pieces) > PIECES:
        lines.append(f"and {len(pieces) - PIECES:,} pieces more")
    yield from ("```text", *lines, f"answer: {_short(row['answer'])}", "```", "")


def _row(task: Task[Any], preset: str | None, params: Mapping[str, Any]) -> dict[str, Any]:
    """A row of the first length that holds the puzzle; of a native size the only one."""
    options: dict[str, Any] = {"preset": preset, "params": params}
    if preset is None and task.depths:
        options["depths"] = 0.5
    made = wanted.spec(task.name, **options)
    if made.parts[0].lengths[0].native:
        return one(made, 0)
    for length in LENGTHS:
        try:
            return one(wanted.spec(task.name, lengths=length, **options), 0)
        except LcgenError as error:
            if "too short" not in str(error):
                raise
    raise LcgenError(f"No example of {task.name} {preset} is short enough for the gallery.")


def _short(value: Any, most: int = CLIP) -> str:
    """One line that ends no block of code."""
    text = " ".join(str(value).split()).replace("```", "'''")
    if len(text) <= most:
        return text
    # Cut between words, where there are any.
    head, tail = text[: most // 4 * 3], text[-most // 5 :]
    return f"{head.rpartition(' ')[0] or head} … {tail.partition(' ')[2] or tail}"


def _cell(value: Any) -> str:
    return str(value).replace("|", "\\|").replace("<", "&lt;")


def _cited(paper: str) -> str:
    number = paper.partition("arXiv:")[2]
    return f"[{paper}](https://arxiv.org/abs/{number})" if number else paper


def main(check: bool) -> int:
    stale = [(path, text) for path, text in pages() if not path.is_file() or path.read_text(encoding="utf-8") != text]
    for path, text in stale:
        print(f"{path.relative_to(HERE.parent)} is {'stale' if check else 'written'}.")
        if not check:
            path.write_text(text, encoding="utf-8", newline="\n")
    if check and stale:
        print("Write the gallery anew: python docs/gallery.py")
    return int(check and bool(stale))


if __name__ == "__main__":
    sys.exit(main("--check" in sys.argv[1:]))
