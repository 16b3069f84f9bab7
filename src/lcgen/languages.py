"""What is true of a language, read from `lang/<code>/language.json`: a folder there is all that adds one."""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import MISSING, dataclass, fields
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING, Any

from lcgen.errors import LcgenError, unknown

if TYPE_CHECKING:
    from importlib.abc import Traversable

FILE = "language.json"
TOLD = 0.3
"""Share of a text above which its letters tell the language."""


@dataclass(frozen=True)
class Language:
    """The facts of one language: but for `code`, each field is a key of its file."""

    code: str
    gap: str
    """What stands between two sentences: a space, or nothing where a script is written without spaces."""
    keys: tuple[str, str, str]
    """Keys of two words: the list of the first word, what joins them, the list of the second (see `words`)."""
    stops: str
    """Marks that end a sentence. After a full stop (.) the words below decide."""
    names: tuple[str, ...] = ()
    """A full name: the tables `given` and `surnames` in their order (see `lcgen.names`), and what stands between them."""
    closing: str = ""
    """Quotes and brackets that may stand behind the mark."""
    opening: str = ""
    """Quotes and brackets that may stand before the next sentence."""
    cuts: tuple[str, str, str] = ("", "", "")
    """Marks after which a sentence that is too long may be cut: the weightiest, lighter ones, the lightest."""
    settled: tuple[str, ...] = ()
    """Ends of a unit, after a letter, behind which whatever comes next costs the same tokens in every vocabulary. What
    is missing here costs text or speed, never exactness: each text is probed."""
    script: str = ""
    """Letters that tell the language from others, single or as ranges (`a-zé`); empty where it shares its letters with many."""
    titles: str = ""
    """Words whose full stop never ends a sentence (`Mr`); like those below, separated by spaces and without the stop."""
    numbered: str = ""
    """Words whose full stop ends no sentence before a digit (`No`)."""
    shortened: str = ""
    """Words whose full stop ends a sentence only before one of `openers` (`etc`)."""
    openers: str = ""
    """Words that open many sentences."""
    letters: str = ""
    """Words of one letter; any other single letter before a full stop is an initial."""


def names() -> list[str]:
    """Codes of all languages, sorted."""
    return sorted(folder.name for folder in _root().iterdir() if (folder / FILE).is_file())


def folder(code: str) -> Traversable:
    """The folder of a language: its facts, word lists, pads, noise, and prose. Raises LcgenError for an unknown one."""
    if code not in names():
        raise unknown("language", code, names())
    return _root() / code


@cache
def load(code: str) -> Language:
    """The facts of a language. Raises LcgenError for an unknown one, and for a file that is not as it should be."""
    try:
        found = json.loads(text(code, FILE))
        if not isinstance(found, dict):
            raise ValueError("a JSON object is needed")
        return Language(code, **_checked(found))
    except ValueError as error:
        raise LcgenError(f"lang/{code}/{FILE}: {error}.") from error


@cache
def version(code: str) -> str:
    """8 hex digits over the facts of a language, for what is kept of texts that were split by them."""
    return hashlib.sha256((folder(code) / FILE).read_bytes()).hexdigest()[:8]


def text(code: str, *path: str) -> str:
    """What stands in a file of a language's folder. Raises LcgenError where there is none."""
    file = folder(code).joinpath(*path)
    if not file.is_file():
        raise LcgenError(f"The language {code!r} has no {'/'.join(path)}.")
    return file.read_text(encoding="utf-8")


def shared(code: str, name: str) -> tuple[str, str]:
    """Name and text of a file of a language; of the one beside the languages, which is for all that have none of their own."""
    own = _root() / code / name
    if code in names() and own.is_file():
        return f"lang/{code}/{name}", own.read_text(encoding="utf-8")
    return f"lang/{name}", (_root() / name).read_text(encoding="utf-8")


def words(code: str, kind: str) -> list[str]:
    """A word list of a language, `words/<kind>.txt`, in its fixed order. Raises LcgenError where there is none."""
    return text(code, "words", f"{kind}.txt").split()


def possible(text: str) -> list[str]:
    """Languages that a text can be in by its letters: those whose script fills it, else those without one of their own."""
    scripts = {code: load(code).script for code in names()}
    told = [code for code, script in scripts.items() if script and _share(text, script) > TOLD]
    return told or [code for code, script in scripts.items() if not script]


def _share(text: str, script: str) -> float:
    return len(re.findall(_letter(script), text)) / max(1, len(text))


def _letter(script: str) -> str:
    return "[" + re.sub(r"[\\\[\]^]", r"\\\g<0>", script) + "]"


def _root() -> Traversable:
    return files("lcgen") / "lang"


def _checked(found: dict[str, Any]) -> dict[str, Any]:
    """The facts in a file. Raises ValueError for one that is missing, unknown, or of another form."""
    known = {field.name: field for field in fields(Language) if field.name != "code"}
    if strange := sorted(found.keys() - known.keys()):
        raise ValueError(f"unknown {', '.join(strange)}; there may be {', '.join(known)}")
    if missing := [name for name, field in known.items() if field.default is MISSING and name not in found]:
        raise ValueError(f"{', '.join(missing)} must be given")
    for name, value in found.items():
        many = isinstance(known[name].default, tuple) or name == "keys"
        if not (isinstance(value, list) and all(isinstance(part, str) for part in value) if many else isinstance(value, str)):
            raise ValueError(f"{name} must be {'a list of texts' if many else 'a text'}")
        if name in ("keys", "cuts") and len(value) != 3:
            raise ValueError(f"{name} must have three parts")
    if found["gap"] not in ("", " "):
        raise ValueError("gap must be a space or nothing")
    if not found["stops"]:
        raise ValueError("stops must name a mark")
    try:
        re.compile(_letter(found.get("script") or "a"))
    except re.error as error:
        raise ValueError(f"script must be letters and ranges of letters ({error})") from error
    return {name: tuple(value) if isinstance(value, list) else value for name, value in found.items()}
