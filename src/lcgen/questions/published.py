"""The two rules by which figures were published, with all that they get wrong, for comparison with those figures."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from lcgen.questions.answers import Item


def figures(items: Sequence[Item], said: str) -> Mapping[str, float]:
    """`liu` and `scope` where the questions are of one kind, so that those rules say what to look for."""
    if len({bool(item.letters) for item in items}) > 1:
        return {}
    return {"liu": liu(items, said), "scope": scope(items, said)}


def liu(items: Sequence[Item], said: str) -> float:
    """The rule of the scripts of Liu et al. 2024: texts behind a colon at a line's end, up to a blank line, paired with the questions
    by place. The share of pairs that agree; 0 without a pair. Questions that got no pair leave the denominator.

    Of the re-asking of unanswered questions, which throws away what was answered, nothing is kept: it needs the model.
    """
    joined = "\n".join(said.split("Answer_"))
    pairs = [*zip(items, re.findall(r"(?<=:\n)(.*?)(?=\n\n|$)", joined, re.S))]
    hits = 0
    for at, (item, text) in enumerate(pairs):
        # The scripts write each text to a file under a line of their own, and search that line too.
        written = f"A_model:Q_{at}\n{text.strip()}\n"
        form = r"A|B|C|D" if item.letters else r"\d*\.?\d+"
        told = re.findall(form, written if item.letters else written.replace(",", ""))
        gold = re.findall(form, item.answer)
        hits += bool(told and gold) and told[-1] == gold[-1]
    return hits / len(pairs) if pairs else 0.0


def scope(items: Sequence[Item], said: str) -> float:
    """The rule of the SCOPE repository (Linking-ai/SCOPE): what stands behind `answer is` after each header, paired by place; the share
    of all that was asked. A number is read up to its first sign that is no digit, a letter in brackets in one line alone.

    Written as a walk, since as one regular expression it takes time that grows with the square of a reply.
    """
    told: list[str] = []
    at, end, spent = 0, -1, -1
    while head := _SCOPE_HEAD.search(said, at):
        if items[0].letters:
            at = head.end()
            end = end if at <= end else _end_of_line(said, at)
            opened = -1 if spent == end else said.find(_SCOPE_LETTER, at, end)
            closed = -1 if opened < 0 else said.find(")", opened + len(_SCOPE_LETTER), end)
            if closed < 0:
                # Neither has any later header of this line.
                spent = end
            else:
                told.append(said[opened + len(_SCOPE_LETTER) : closed])
                at = closed + 1
        elif found := _SCOPE_NUMBER.search(said, head.end()):
            told.append(found[1])
            at = found.end()
        else:
            break
    golds = [item.answer if item.letters else (re.match(r"\s*(\d*)", item.answer) or [""])[0].strip() for item in items]
    return sum(bool(gold) and one == gold for one, gold in zip(told, golds)) / len(items)


_SCOPE_HEAD = re.compile(r"Answer_\d+:\s*")
_SCOPE_NUMBER = re.compile(r"answer is (\d+)")
_SCOPE_LETTER = "answer is ("


def _end_of_line(text: str, start: int) -> int:
    end = text.find("\n", start)
    return len(text) if end < 0 else end
