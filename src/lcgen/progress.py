"""What a long call tells while it goes on."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

Progress = Callable[[int, int], Any]
"""Called as work goes on, with the tokens planned in all (0 where that is not known) and the tokens just done."""
