"""A published grid, as a task offers it: what `--preset` sets."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Setting:
    """One variant of a preset: what it sets, over what its preset sets."""

    params: Mapping[str, Any] = field(default_factory=dict)
    """A tuple of values is swept."""
    haystack: str | None = None
    depths: str | None = None
    samples: int | None = None
    lengths: str | None = None
    answer_tokens: int | None = None
    breaks: Mapping[int, str] = field(default_factory=dict)
    """As those of the preset, of this variant alone."""
    split: str | None = None
    """The split that it is, where a grid has several."""


@dataclass(frozen=True)
class Preset:
    """A published grid, in our own wording."""

    about: str
    """When to choose it, in one sentence."""
    paper: str
    settings: Mapping[str, Setting]
    """Variant name -> setting; the empty name where there is one."""
    lengths: str
    samples: int
    depths: str | None = None
    answer_tokens: int | None = None
    differs: str = ""
    """What is not as published, and why."""
    breaks: Mapping[int, str] = field(default_factory=dict)
    """Laws (3 or 10) that the published form breaks on purpose, with the reason."""
