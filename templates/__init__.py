"""Prompt wordings, one file per task and language: `<task>.<lang>.j2`."""

from __future__ import annotations

from importlib.resources import files

from lcgen.errors import unknown


def names() -> list[str]:
    """The stems of all templates, such as `needle.en`."""
    return sorted(path.name[: -len(".j2")] for path in files(__name__).iterdir() if path.name.endswith(".j2"))


def source(task: str, lang: str) -> str:
    """The template of a task in a language. Raises LcgenError where there is none, with the languages that exist."""
    known = {name.partition(".")[2] for name in names() if name.partition(".")[0] == task}
    if lang not in known:
        raise unknown(f"language of {task}", lang, known)
    return files(__name__).joinpath(f"{task}.{lang}.j2").read_text(encoding="utf-8")
