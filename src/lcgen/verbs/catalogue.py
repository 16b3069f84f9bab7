"""What can be built: the tasks, and the parameters and presets of one."""

from __future__ import annotations

from typing import Any

import click

from lcgen import generators, params
from lcgen.errors import many


def listed() -> dict[str, Any]:
    """All tasks with what they measure."""
    found = [{"name": name, "about": generators.get(name).about} for name in generators.names()]
    return {
        "tasks": found,
        "text": "\n".join(f"{entry['name']:<18} {entry['about']}" for entry in found)
        + "\n\nlcgen tasks TASK shows parameters and presets.",
    }


def described(name: str) -> dict[str, Any]:
    """One task: parameters with meaning, type and default; presets with paper, grid, and when to choose them."""
    task = generators.get(name)
    fields = params.described(task)
    presets: list[dict[str, Any]] = [
        {
            "name": key, "about": preset.about, "paper": preset.paper, "lengths": preset.lengths, "samples": preset.samples,
            "depths": preset.depths, "answer_tokens": preset.answer_tokens, "differs": preset.differs,
            "variants": {variant: dict(setting.params)
                | {key: value for key in ("haystack", "depths", "samples", "lengths") if (value := getattr(setting, key)) is not None}
                | ({"breaks": dict(setting.breaks)} if setting.breaks else {}) for variant, setting in preset.settings.items()},
            "breaks": dict(preset.breaks),
        }
        for key, preset in task.presets.items()
    ]  # fmt: skip
    lines = [f"{task.name}: {task.about}", f"Papers: {', '.join(task.papers)}"]
    lines += [f"Where nothing else is asked for: haystack {task.haystack}{f', depths {task.grid}' if task.depths else ''}"]
    lines += ["", "Parameters (--set NAME=VALUE):"]
    for entry in fields:
        lines.append(f"  {entry['name']:<16} {entry['type']}, default {entry['default']}")
        lines += click.wrap_text(entry["about"], 100, "      ", "      ").split("\n")
    lines += ["", "Presets (--preset NAME, or NAME:VARIANT for one):"]
    for entry in presets:
        short = shortened(entry["lengths"]) or "as the parameters count"
        lines.append(f"  {entry['name']:<16} {entry['about']} ({entry['paper']})")
        lines.append(
            f"      lengths {short}; {shortened(entry['depths'] or 'default')} depths; {many(entry['samples'], 'sample')}; {entry['answer_tokens'] or 'measured'} answer tokens"
        )
        lines += [
            f"      {variant or '-'}: {', '.join(f'{k}={swept(v)}' for k, v in setting.items() if k != 'breaks') or 'defaults'}"
            + "".join(f"\n        breaks law {law}: {why}" for law, why in setting.get("breaks", {}).items())
            for variant, setting in entry["variants"].items()
        ]
        lines += click.wrap_text(entry["differs"], 100, "      ", "      ").split("\n")
        lines += [f"      breaks law {law}: {why}" for law, why in entry["breaks"].items()]
    if task.limits:
        lines += ["", f"--paired: {task.limits}"]
    return {
        "name": task.name,
        "about": task.about,
        "papers": list(task.papers),
        "params": fields,
        "presets": presets,
        "text": "\n".join(lines),
    }


def swept(value: Any) -> str:
    """A value of a parameter, or those that a preset sweeps."""
    return ",".join(map(str, value)) if isinstance(value, tuple) else shortened(str(value))


def shortened(spec: str) -> str:
    """A list of lengths or depths, if it is long by its count and ends."""
    items = spec.split(",")
    return spec if len(spec) < 60 else f"{len(items)} from {items[0]} to {items[-1]}"
