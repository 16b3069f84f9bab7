"""What a response says, and how much of it is right: the core of every task's `score`.

Standard library only and no import from lcgen, so that the folder can be copied into a harness as it is. Every function
takes any string (megabytes, NUL, lone surrogates, invisible or combining characters) in linear time.
"""

from .claims import answered_no, by_key, corrections, denies, may_deny
from .document import Check, checks, judge_prompt
from .length import length_score, words
from .metric import judge
from .response import items, resumed, unclosed, visible
from .values import mentions, normal

__all__ = [
    "Check",
    "answered_no",
    "by_key",
    "checks",
    "corrections",
    "denies",
    "items",
    "judge",
    "judge_prompt",
    "length_score",
    "may_deny",
    "mentions",
    "normal",
    "resumed",
    "unclosed",
    "visible",
    "words",
]
