"""What is to be built, from what a person writes: tasks and options, a preset, a suite."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypedDict

from lcgen import pairs, ranges
from lcgen.errors import LcgenError, unknown
from lcgen.spec import Part, Spec, Suite

if TYPE_CHECKING:
    from typing_extensions import Unpack

    from lcgen.contract import Preset, Setting, Task

DEFAULT_LENGTHS = "4k..32k"


class Options(TypedDict, total=False):
    """What `spec` takes beside the tasks: each is the option of `lcgen build` of that name.

    Four are named otherwise than on the command line: `params` is --set, `audience` --for, `chat_template_args`
    --chat-template-arg. What is not given comes from the preset, then from the defaults.
    """

    lengths: str | int | Sequence[int] | None
    depths: str | float | Sequence[float] | None
    samples: int | None
    seed: int | str
    split: str | None
    tokenizer: str
    haystack: str | None
    lang: str
    preset: str | None
    params: Mapping[str, Any] | Sequence[str]
    """A mapping, a list being swept, or `--set` pairs such as `keys=1,2,4`."""
    template: str | Path | None
    audience: Literal["base", "chat"]
    chat_template: str
    chat_template_args: Mapping[str, Any] | None
    thinking: int
    answer_tokens: int | None
    reserve: int | None
    paired: bool
    disjoint_pools: bool
    pool_share: str | None
    questions_per_context: int
    name: str | None
    verify: Literal["none", "auto", "full"]
    format: Literal["parquet", "jsonl"]


DEFAULTS = Options(
    seed=0, tokenizer="o200k_base", lang="en", params=(), audience="chat", chat_template="auto", thinking=0, paired=False,
    disjoint_pools=False, questions_per_context=1, verify="auto", format="parquet",
)  # fmt: skip


@dataclass(frozen=True)
class _Asked:
    """Options, read, as far as each part of a build wants to know them; `tasks` are the names of all."""

    tasks: tuple[str, ...]
    lengths: str | None
    depths: str | None
    pairs: tuple[str, ...]
    options: Options

    def get(self, name: str) -> Any:
        return self.options.get(name)


def known(options: Mapping[str, Any]) -> None:
    """Raises LcgenError where an option does not exist."""
    for name in options:
        if name not in Options.__annotations__:
            raise unknown("option", name, Options.__annotations__)


def spec(tasks: str | Sequence[str], **options: Unpack[Options]) -> Spec:
    """One build: these tasks, with these options. Lengths and depths may be numbers too. Raises LcgenError for anything that cannot be."""
    from lcgen import generators

    known(options)
    whole: dict[str, Any] = {**DEFAULTS, **options}
    names = tuple(generators.get(task).name for task in ([tasks] if isinstance(tasks, str) else tasks))
    if not names:
        raise LcgenError(f"Name a task: {', '.join(generators.names())}.")
    if len(set(names)) < len(names):
        raise LcgenError("A task is named twice. Build it twice, with a --name for each.")
    preset, params = whole.get("preset"), whole["params"]
    if preset is not None and len(names) > 1:
        raise LcgenError("--preset belongs to one task. Build the tasks one by one, or without it.")
    settings = pairs.written(params)
    pairs.check(settings, names)
    whole["preset"] = preset.replace("-", "_") if preset is not None else None
    asked = _Asked(names, _text(whole.get("lengths")), _text(whole.get("depths")), tuple(settings), whole)  # type: ignore[arg-type]
    parts = [part for name in names for part in _parts(generators.get(name), asked)]
    name = whole.get("name")
    if name is None:
        name = parts[0].name if len(parts) == 1 else "_".join(filter(None, [parts[0].task, whole["preset"]]))
    return Spec(
        parts=tuple(one for part in parts for one in (part, *_siblings(part))), name=name, seed=str(whole["seed"]),
        tokenizer=whole["tokenizer"], template=_wording(whole.get("template")), audience=whole["audience"],
        chat_template=whole["chat_template"], chat_template_args=dict(whole.get("chat_template_args") or {}),
        thinking=whole["thinking"], reserve=whole.get("reserve"), paired=whole["paired"], disjoint=whole["disjoint_pools"],
        share=_share(whole.get("pool_share")), questions=whole["questions_per_context"], verify=whole["verify"], format=whole["format"],
    )  # fmt: skip


def suite(tasks: str | Sequence[str] = (), *, suite: str | None = None, **options: Unpack[Options]) -> Suite:
    """What one folder is to hold: tasks with options as for `spec`, a file of a suite (`suite.yaml`), or a shipped `suite`.

    Options that are given win over what a suite says. Raises LcgenError for anything that cannot be.
    """
    from lcgen import suites

    known(options)
    named = [tasks] if isinstance(tasks, str) else list(tasks)
    files = [name for name in named if suites.is_file(name)]
    if suite is not None or files:
        if len(named) > len(files) or len(files) + (suite is not None) > 1:
            raise LcgenError("Build tasks, or one suite: a file, or --suite NAME. A suite names its tasks itself.")
        return suites.load(suite if suite is not None else files[0], options)
    made = spec(named, **options)
    return Suite((made,), made.name)


def _parts(task: Task[Any], asked: _Asked) -> Iterator[Part]:
    """A part for each variant of the preset asked for; one where there is none."""
    preset, name, haystack = asked.get("preset"), asked.get("name"), asked.get("haystack")
    if task.records_only and haystack not in (None, task.haystack):
        raise LcgenError(f"{task.name} is filled with records of its own, not with {haystack}. Leave out --haystack.")
    chosen, variants = _preset(task, preset)
    own_splits = {setting.split for setting in variants.values() if setting and setting.split}
    if asked.get("split") is not None and own_splits:
        raise LcgenError(f"The preset {preset} has splits of its own ({', '.join(sorted(own_splits))}). Leave out --split.")
    for variant, setting in variants.items():
        own = variant or (preset.partition(":")[0] if preset else "")
        base = {**setting.params} if setting else {}
        swept = _params(task, base, asked)
        for option in ("disjoint_pools", "pool_share"):
            if asked.get(option):
                _shares(task, swept, option)
        stem = name if name is not None and len(asked.tasks) == 1 else task.name
        yield Part(
            task=task.name,
            variant=own,
            lang=asked.get("lang"),
            lengths=_lengths(
                task, swept, asked.lengths, _first(setting and setting.lengths, chosen and chosen.lengths, DEFAULT_LENGTHS)
            ),
            depths=_depths(task, _first(asked.depths, setting and setting.depths, chosen and chosen.depths)),
            samples=_first(asked.get("samples"), setting and setting.samples, chosen and chosen.samples, 1),
            haystack=_first(haystack, setting and setting.haystack, task.haystack),
            params=swept,
            name="_".join(filter(None, (stem, own if name is None or len(variants) > 1 else ""))),
            answer_tokens=_first(asked.get("answer_tokens"), setting and setting.answer_tokens, chosen and chosen.answer_tokens),
            preset=preset or "",
            split=_first(asked.get("split"), setting and setting.split, "test"),
        )


def _wording(template: str | Path | None) -> str | None:
    """The text of a template of the user's."""
    if template is None:
        return None
    try:
        return Path(template).read_text(encoding="utf-8-sig")
    except (OSError, ValueError) as error:
        raise LcgenError(
            f"Cannot read the template {template}: {getattr(error, 'strerror', None) or 'it is no UTF-8 text'}."
        ) from error


def _share(text: str | None) -> str | None:
    """A share as rows name it. Raises LcgenError for what is none."""
    return None if text is None else "{}/{}".format(*ranges.fraction(text, "--pool-share"))


def _shares(task: Task[Any], swept: Sequence[Mapping[str, Any]], option: str) -> None:
    """Raises LcgenError where a task has no keys, values or names that could be shared out."""
    from lcgen.params import parse

    tables = any(task.table(parse(task, params)) for params in swept)
    if not task.shares or tables:
        raise LcgenError(
            f"{task.name} {'with these parameters ' if tables else ''}draws nothing that could be shared out. Leave out --{option.replace('_', '-')}."
        )


def _siblings(part: Part) -> Iterator[Part]:
    """The configs that the task builds beside this one."""
    from lcgen import generators

    task = generators.get(part.task)
    for name, setting in task.siblings.items():
        sets: list[Mapping[str, Any]] = []
        for params in part.params:
            if (own := {**params, **setting.params}) not in [*sets, *part.params]:
                sets.append(own)
        if sets:
            yield dataclasses.replace(
                part,
                variant="_".join(filter(None, (part.variant, name))),
                lengths=_lengths(task, sets, None, DEFAULT_LENGTHS),
                samples=part.samples * (setting.samples or 1),
                params=tuple(sets),
                name=f"{part.name}_{name}",
                answer_tokens=_first(part.answer_tokens, setting.answer_tokens),
            )


def _first(*values: Any) -> Any:
    """The first value that was given: command line, then preset, then default. An empty text is given, and wrong."""
    return next((value for value in values if value is not None), None)


def _text(value: Any) -> str | None:
    return None if value is None else pairs.swept(value)


def _preset(task: Task[Any], asked: str | None) -> tuple[Preset | None, Mapping[str, Setting | None]]:
    """The preset and its variants asked for: `ruler` is all of them, `ruler:multikey_1` one."""
    if asked is None:
        return None, {"": None}
    stem, _, variant = asked.partition(":")
    if stem not in task.presets:
        raise unknown(f"preset of {task.name}", asked, task.presets)
    preset = task.presets[stem]
    if variant and variant not in preset.settings:
        raise unknown(f"variant of the preset {stem}", variant, preset.settings)
    return preset, {variant: preset.settings[variant]} if variant else preset.settings


def _lengths(task: Task[Any], swept: Sequence[Mapping[str, Any]], asked: str | None, otherwise: str) -> tuple[ranges.Length, ...]:
    """The lengths asked for, or the native size that the parameters give."""
    from lcgen.params import parse

    counts = {task.count(parse(task, params)) for params in swept}
    if counts == {None}:
        return _within(task, ranges.lengths(otherwise if asked is None else asked))
    if asked is not None:
        raise LcgenError(
            f"The parameters of {task.name} set the size of the context in units, so its tokens are measured and --lengths cannot be "
            "asked for. Leave out --lengths, or the parameter that counts."
        )
    if len(counts) > 1:
        said = ", ".join("none" if count is None else str(count) for count in sorted(counts, key=lambda count: count or 0))
        raise LcgenError(
            f"--set asks for several native sizes ({said}), but a config has one. Build them one by one, each with its --name."
        )
    (count,) = counts
    assert count is not None
    return (ranges.Length(count, count, native=True),)


def _within(task: Task[Any], lengths: tuple[ranges.Length, ...]) -> tuple[ranges.Length, ...]:
    """The lengths, where the task can have them. Raises LcgenError with its range."""
    least, most = task.lengths or (1, ranges.MOST_TOKENS)
    for tokens in (number for length in lengths for number in (length.low, length.high)):
        if not least <= tokens <= most:
            raise LcgenError(
                f"{task.name}: {tokens} tokens are too {'short' if tokens < least else 'long'} for this puzzle, whose lengths go from "
                f"{least} to {most}. Ask for --lengths between them."
            )
    return lengths


def _depths(task: Task[Any], asked: str | None) -> tuple[float | None, ...]:
    if not task.depths:
        if asked is not None:
            raise LcgenError(f"{task.name} has no single depth, so --depths cannot be asked for. Leave it out.")
        return (None,)
    return ranges.depths(task.grid if asked is None else asked)


def _params(task: Task[Any], base: Mapping[str, Any], asked: _Asked) -> tuple[Mapping[str, Any], ...]:
    """All parameter sets of a sweep, checked, defaults left out."""
    from lcgen.params import parse, plain

    found: list[Mapping[str, Any]] = []
    sets = {name: value if isinstance(value, tuple) else (value,) for name, value in base.items()}
    for swept in ranges.sweep(list({**sets, **pairs.settings(asked.pairs, task.name, asked.tasks)}.items())):
        whole, default = plain(parse(task, swept)), plain(task.Params())
        own = {key: value for key, value in whole.items() if value != default[key]}
        if own in found:
            raise LcgenError(
                f"--set {' '.join(asked.pairs)} gives the same parameters twice, so the same rows. Name each value once."
            )
        found.append(own)
    return tuple(found)
