"""Whether a sentence that names something says that it is so: "we went to the show", or that it is not: "the show was cancelled".

Each word of the clause is put into a class by lists of a language, and two rules of order decide. Double negations ("never missed") deny
nothing, nor does a negation that concerns something else ("I could not believe how crowded the show was").
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

CLASSES = {
    "denying": "N",
    "shunning": "S",
    "failing": "F",
    "turning": "A",
    "taking": "P",
    "happening": "T",
    "linking": "L",
    "joining": "J",
}
"""Lists of words and phrases, each with the letter of its class.

`denying`: not, never. `shunning`: what somebody does who is not there, before the name: missed, instead of. `failing`: what becomes of something
that is not: cancelled. `turning`: what affirms where it is denied: regret, wait; and phrases that deny nothing: no doubt. `taking`: what
somebody does who is there: went. `happening`: what becomes of something that is: held. `linking`: what may stand between such a word
and the name: to the. `joining`: what begins another clause: but.
"""
REACH = 80
"""Characters on both sides of a name that may deny it."""
_MARKS = re.compile(r"[,.;:!?\n。！？、…()]")
_DOUBLE = re.compile(r"N[^NX]{0,4}?[NSFA]")
_DENIED = re.compile(r"S[PTL]*X|F[PTL]*X|N[PTLw]{0,3}[PT]L*X|NL*X|X.*F|X[^N]*N[PLw]{0,2}T")


class Denials:
    """The words of one language by which a thing is denied."""

    def __init__(self, words: Mapping[str, Sequence[str]]) -> None:
        """`words` are lists by the names of `CLASSES`; where it is empty nothing denies."""
        self._letters = {word.casefold(): CLASSES[name] for name, found in words.items() for word in found}
        known = sorted(self._letters, key=len, reverse=True)
        # A Latin word is one, and so is a character of a script without spaces; the longest phrase counts.
        phrases = "|".join(re.escape(word) + (r"(?![a-z0-9'])" if word[-1].isascii() else "") for word in known)
        self._word = re.compile(rf"(?:{phrases or '(?!)'})|[a-z0-9\u00df-\u024f][a-z0-9'\u00df-\u024f-]*|[^\W_]")
        self._known: dict[tuple[str, str], bool] = {}

    def deny(self, before: str, after: str) -> bool:
        """Whether a name that stands between these texts, both folded, is denied in its clause."""
        clause = _MARKS.split(before)[-1], _MARKS.split(after, maxsplit=1)[0]
        if clause not in self._known:
            left, right = ("".join(self._letters.get(word, "w") for word in self._word.findall(side)) for side in clause)
            classes = f"{left.rpartition('J')[2]}X{right.partition('J')[0]}"
            self._known[clause] = _DENIED.search(_DOUBLE.sub("w", classes)) is not None
        return self._known[clause]
