"""Numbered answers in one long reply: read by number in whatever layout they stand, compared, and put into figures.

Beside that, the two rules by which figures were published, with all that they get wrong, for comparison.
"""

from __future__ import annotations

import json
import re
import unicodedata
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from lcgen.questions.arithmetic import number

_LEAD = r"[ \t>*#_`|\"'{\[(（\-•]{0,12}"
HEADER = re.compile(
    rf"(?:^|(?<=[.;,|。；，!?！？)\]）*]))[ \t]{{0,4}}{_LEAD}"
    r"(?P<kind>answers?|ans|答案|回答|答|questions?|问题|题目)[ \t_#*]{0,4}(?:no\.? ?)?(?P<id>\d{1,7})(?!\d)"
    r"[ \t*_`\"')\]）]{0,6}?(?:[:：.)、|=]|[-–—](?=\s)|$|is\b|是)",
    re.I | re.M,
)
BARE = re.compile(rf"^{_LEAD}(?P<id>\d{{1,7}})[\"'*_\])）]{{0,4}}[ \t]{{0,4}}[:：.)、|]", re.M)
"""A number alone at the start of a line: only where a reply has no header with a word."""
MARK = re.compile(
    r"\b(?:answers?|results?)[ \t*_]{0,4}(?:is|are|=|:)|答案[ \t]{0,4}(?:是|为|[:：])|\\boxed[ \t]{0,4}\{|####", re.I
)
NUMBER = re.compile(
    r"(?:(?<![\w)\]])[-+\u2212][ \t]?)?(?:[$€£¥￥][ \t]?)?(?<![\w.])(?:\d{1,3}(?:[,_' ]\d{3})+(?!\d)|\d+)(?:\.\d+)?(?:/\d+)?|(?<![\w.])\.\d+"
)
LETTER = re.compile(
    r"[\s:：*_`\"'“]{0,6}(?:(?:option|choice|选项)[ \t]{0,4})?(?:[(\[（][ \t]?(?P<held>[A-Za-z])[ \t]?[)\]）]|(?P<bare>[A-Z])(?![\w'’-]))"
)
HELD = re.compile(r"[(（\[]([A-Za-z])[)）\]]")
FIRST = re.compile(r"[\s*_`\"'(（\[]{0,6}([A-Z])(?:[.:：)）\]*_`\"'\s、]{1,6}|$)")
FAILED = "first_failure"


@dataclass(frozen=True)
class Item:
    """One question that was asked."""

    number: int
    answer: str
    letters: str = ""
    """Letters of its options; empty where the answer is a number."""
    source: str = ""


def read(text: str, numbers: Sequence[int]) -> tuple[list[tuple[int, str]], bool]:
    """Numbers and bodies as they stand in a reply, those that were not asked too; and whether the numbers stood under a word.

    A number that stands twice comes twice. What stands before the first number is nobody's.
    """
    # Full-width digits and marks, which Chinese replies may have, and hard spaces.
    text = _flat(unicodedata.normalize("NFKC", text).replace("\u2212", "-"))
    heads = [(head.start(), head.end(), head["kind"].lower(), int(head["id"])) for head in HEADER.finditer(text)]
    asked = set(numbers)
    worded = any(kind[0] not in "q问题" and key in asked for _, _, kind, key in heads)
    if not worded:
        heads += [(head.start(), head.end(), "", key) for head in BARE.finditer(text) if (key := int(head["id"])) in asked]
        heads.sort()
    ends = [start for start, _, _, _ in heads[1:]] + [len(text)]
    bodies = [(key, text[end:stop]) for (_, end, kind, key), stop in zip(heads, ends) if not kind or kind[0] not in "q问题"]
    return bodies, worded


def _flat(text: str) -> str:
    """A reply in JSON as lines of `Answer 9: ...`; any other as it is."""
    if text.lstrip()[:1] not in ("{", "["):
        return text
    try:
        found = json.loads(text, parse_int=str, parse_float=str)
    except (ValueError, RecursionError):
        return text
    while isinstance(found, dict) and len(found) == 1 and isinstance([*found.values()][0], (dict, list)):
        (found,) = found.values()
    pairs: list[tuple[object, object]] = []
    if isinstance(found, dict):
        pairs = [*found.items()]
    elif isinstance(found, list):
        for entry in found:
            if isinstance(entry, dict):
                keys = [name for name in ("id", "number", "question", "n") if name in entry]
                held = [name for name in ("answer", "final_answer", "result", "value") if name in entry]
                pairs += [(entry[keys[0]], entry[held[0]])] if keys and held else [*entry.items()]
    lines = []
    for key, said in pairs:
        if digits := re.search(r"\d+", str(key)):
            said = said.get("answer", said.get("final_answer", "")) if isinstance(said, dict) else said
            lines.append(f"Answer {digits[0][:7]}: {said}")
    return "\n".join(lines) if lines else text


def said_number(body: str) -> str | None:
    """The number that an answer comes to: what stands behind its last `answer is`, else its last number."""
    marks = [*MARK.finditer(body)]
    if marks:
        for line in body[marks[-1].end() :].split("\n"):
            tail = line.rpartition("=")[2] if "=" in line and NUMBER.search(line.rpartition("=")[2]) else line
            if found := NUMBER.search(tail):
                return found[0]
    found_all = NUMBER.findall(body)
    return found_all[-1] if found_all else None


def said_letter(body: str, letters: str) -> str | None:
    """The option that an answer names: behind its last `answer is`, else its last letter in brackets, else the letter that it
    begins with. None where it names none of the item's own."""
    for mark in reversed([*MARK.finditer(body)]):
        if found := LETTER.match(body, mark.end()):
            letter: str = (found["held"] or found["bare"]).upper()
            return letter if letter in letters else None
    held = [one for one in map(str.upper, HELD.findall(body)) if one in letters]
    if held:
        return held[-1]
    first = FIRST.match(body)
    return str(first[1]) if first and first[1] in letters else None


def right(item: Item, body: str) -> bool:
    """Whether the body of an answer comes to the right one."""
    if item.letters:
        return said_letter(body, item.letters) == item.answer
    said = said_number(body)
    return said is not None and number(said) is not None and number(said) == number(item.answer)


def figures(items: Sequence[Item], said: str) -> dict[str, float]:
    """What a reply is worth: every share is of all that was asked, but `answered_accuracy`, which is of what was answered.

    `score` and `accuracy`: right ones. `completion`: numbers that came up. `format_rate`: those under a word and with an `answer is`
    or its like. `duplicate_rate`: answers under a number that came before. `extra_rate`: those under a number that was
    not asked. `order_violations`: numbers that came after a later one. `decile_1` .. `decile_10`: accuracy by place in the list.
    `first_failure`: place of the first that is not right, from 1; one behind the last where all are. `accuracy_SOURCE` where
    several sources are mixed. Of a number that stands twice the first counts.
    """
    place = {item.number: at for at, item in enumerate(items)}
    bodies, worded = read(said, [*place])
    first: dict[int, str] = {}
    for key, body in bodies:
        if key in place:
            first.setdefault(key, body)
    marks = [item.number in first and right(item, first[item.number]) for item in items]
    count = len(items)
    seen = [place[key] for key in first]
    known = sum(key in place for key, _ in bodies)
    found = {
        "score": sum(marks) / count,
        "accuracy": sum(marks) / count,
        "completion": len(first) / count,
        "format_rate": sum(worded and MARK.search(body) is not None for body in first.values()) / count,
        "duplicate_rate": min(1.0, (known - len(first)) / count),
        "extra_rate": min(1.0, (len(bodies) - known) / count),
        "order_violations": sum(after < before for before, after in zip(seen, seen[1:])) / count,
        FAILED: float(next((at for at, mark in enumerate(marks, 1) if not mark), count + 1)),
    }
    if first:
        found["answered_accuracy"] = sum(marks) / len(first)
    for tenth in range(10):
        if part := [mark for at, mark in enumerate(marks) if at * 10 // count == tenth]:
            found[f"decile_{tenth + 1}"] = sum(part) / len(part)
    sources = Counter(item.source for item in items)
    if len(sources) > 1:
        for source, asked in sources.items():
            found[f"accuracy_{source}"] = sum(mark for mark, item in zip(marks, items) if item.source == source) / asked
    return found


# --- the rules of published figures -------------------------------------------------------------------------------------


def published(items: Sequence[Item], said: str) -> Mapping[str, float]:
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
    at = 0
    while head := _SCOPE_HEAD.search(said, at):
        if items[0].letters:
            line = said[head.end() : _end_of_line(said, head.end())]
            found = _SCOPE_LETTER.search(line)
            told += [found[1]] if found else []
            at = head.end() + (found.end() if found else 0)
        elif found := _SCOPE_NUMBER.search(said, head.end()):
            told.append(found[1])
            at = found.end()
        else:
            break
    golds = [item.answer if item.letters else (re.match(r"\s*(\d*)", item.answer) or [""])[0].strip() for item in items]
    return sum(bool(gold) and one == gold for one, gold in zip(told, golds)) / len(items)


_SCOPE_HEAD = re.compile(r"Answer_\d+:\s*")
_SCOPE_NUMBER = re.compile(r"answer is (\d+)")
_SCOPE_LETTER = re.compile(r"answer is \((.*?)\)")


def _end_of_line(text: str, start: int) -> int:
    end = text.find("\n", start)
    return len(text) if end < 0 else end
