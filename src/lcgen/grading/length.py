"""How long a response is beside what was asked: S_L of LongBench-Write (Bai et al. 2024), for every task with long outputs."""

from __future__ import annotations

import re

_COUNTED = re.compile("[\u4e00-\u9fff]|[A-Za-z]+")


def words(text: str) -> int:
    """Words as LongBench-Write counts them: runs of Latin letters, and each Chinese character."""
    return len(_COUNTED.findall(text))


def length_score(asked: float, written: float) -> float:
    """S_L as a share: 1 where what was written is as long as what was asked for, 0 from four times of it on and down to a
    third of it. Both in one unit; 0 where nothing was written, ValueError where nothing was asked for."""
    if asked <= 0:
        raise ValueError(f"no length was asked for: {asked}")
    if written <= 0:
        return 0.0
    return max(0.0, 1 - (written / asked - 1) / 3 if written > asked else 1 - (asked / written - 1) / 2)
