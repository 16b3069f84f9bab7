"""lcgen: synthetic long-context benchmark data with exact lengths, proven answers and known evidence."""

from lcgen.api import build, finish, generate, plan, push, refresh, reveal, score, verify
from lcgen.errors import CheckFailed, LcgenError

__version__ = "0.1.0"
__all__ = [
    "CheckFailed",
    "LcgenError",
    "__version__",
    "build",
    "finish",
    "generate",
    "plan",
    "push",
    "refresh",
    "reveal",
    "score",
    "verify",
]
