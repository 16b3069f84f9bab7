"""lcgen: synthetic long-context benchmark data with exact lengths, proven answers and known evidence."""

from lcgen.api import build, check, export, finish, generate, plan, push, refresh, report, reveal, score, verify
from lcgen.errors import CheckFailed, LcgenError

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
