"""lcgen: synthetic long-context benchmark data with exact lengths, proven answers and known evidence."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lcgen.errors import CheckFailed, LcgenError

if TYPE_CHECKING:
    from lcgen.api import build, check, export, finish, generate, plan, push, refresh, report, reveal, score, verify

__version__ = "1.0.0rc1"
__all__ = [
    "CheckFailed",
    "LcgenError",
    "__version__",
    "build",
    "check",
    "export",
    "finish",
    "generate",
    "plan",
    "push",
    "refresh",
    "report",
    "reveal",
    "score",
    "verify",
]


def __getattr__(name: str) -> Any:
    # The calls are imported when one is asked for: a shell that completes a word, or shows help, waits for none of them.
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from lcgen import api

    found = globals()[name] = getattr(api, name)
    return found


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
