"""One long reply of numbered answers: which text answers which number, in whatever layout, and what that text comes to."""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

_LEAD = r"[ \t<>*#_`|\"'{\[(（\-•]{0,12}"
_ASKED = r"questions?|problems?|问题|题目"
HEADER = re.compile(
    rf"(?:^|(?<=[.;,|。；，!?！？)\]）*]))[ \t]{{0,4}}(?P<lead>{_LEAD})"
    r"(?:for[ \t])?(?:(?<![\[(])the[ \t])?"
    rf"(?:(?:(?P<kind>answers?(?:[ \t](?:to|for)[ \t](?:the[ \t])?(?:questions?|problems?))?|ans|solutions?|答案|回答|答|{_ASKED})"
    r"[ \t_#*]{0,4}(?:no\.? ?)?)|(?P<one>(?-i:[QA]))[._#]?)(?P<id>\d{1,7})(?!\d)"
    r"[ \t*_`\"')\]）]{0,6}?(?P<end>[:：.)、|>]|\](?=[ \t])|[-=]>|[→⇒=,，]|[-–—](?=\s)|$|is\b|是)",
    re.I | re.M,
)
BARE = re.compile(
    rf"^{_LEAD}(?P<id>\d{{1,7}})[\"'*_\])）]{{0,4}}[ \t]{{0,4}}"
    r"(?:[:：.)、|]|(?<=\])(?=[ \t])|[-=]>|[→⇒]|[-–—](?=[ \t]{1,4}(?:[^\s=]{1,20}[ \t]*$|[(\[]?[A-Z][)\].:])))",
    re.M,
)
"""A number alone at the start of a line: only where a reply has no header with a word. `5 - 3 = 2` is a step, `5 - B` is not."""
MARK = re.compile(
    r"\b(?:answers?|results?)[ \t]{0,4}(?:is|are|=|:|：)|答案[ \t]{0,4}(?:是|为|[:：])|\\boxed[ \t]{0,4}\{|####", re.I
)
"""What says that the answer follows."""
NUMBER = re.compile(
    r"(?:(?<![\w)\]])[-+\u2212][ \t]?)?(?:[$€£¥￥][ \t]?)?(?<![\w.])(?:\d{1,3}(?:[,_' ]\d{3})+(?!\d)|\d+)(?:\.\d+)?(?:/\d+)?|(?<![\w.])\.\d+"
)
_CHOICE = r"(?:options?|choices?|letter|选项)"
LETTER_MARK = re.compile(
    rf"{MARK.pattern}|\b{_CHOICE}[ \t]{{0,4}}(?:is|=|:|：)|{_CHOICE}[ \t]{{0,4}}(?:是|为)|(?:正确|应)[ \t]{{0,2}}(?:的是|选)",
    re.I,
)
_NAMED = r"(?:[(\[（][ \t]?(?P<held>[A-Za-z])[ \t]?[)\]）]|(?P<bare>(?-i:[A-Z]))(?![\w'’-]))"
LETTER = re.compile(rf"[\s:：*_`\"'“]{{0,6}}(?:(?:the[ \t])?{_CHOICE}[ \t:：]{{0,4}})?{_NAMED}", re.I)
CHOSEN = re.compile(
    r"[(（\[](?P<held>[A-Za-z])[)）\]]"
    rf"|{_CHOICE}[ \t:：]{{0,4}}(?P<option>(?-i:[A-Z]))(?![\w'’-])"
    r"|(?:\b(?:so|thus|therefore|hence|choose|pick|select|it is|it's)|[→⇒]|[-=]>|所以|因此|选)[ \t,:，：]{0,4}(?:it is |it's |是)?"
    r"(?P<ended>(?-i:[A-Z]))(?=[ \t]{0,4}(?:[.,;!)。，；！]|$))"
    r"|^[^\w\n]{0,8}(?P<alone>(?-i:[A-Z]))[^\w\n]{0,8}$",
    re.I | re.M,
)
"""An option that an answer names where nothing says that the answer follows; the last one counts."""
FIRST = re.compile(r"[\s*_`\"'(（\[]{0,6}([A-Z])(?:[.:：)）\]*_`\"'\s、]{1,6}|$)")
DENIED = re.compile(
    r"(?:\bnot|n't|\bnever|\brather than|\binstead of|不是|并非)[ \t]{1,3}(?:be[ \t])?(?:option[ \t])?[(\[（$*]{0,4}"
    r"(?:[-+]?\d[\d,]*(?:\.\d+)?|(?-i:[A-Z])(?![\w'’-]))[)\]）*]{0,4}(?:,?[ \t]{1,3}but(?:[ \t]rather)?\b)?|(?:不是|并非|而非)[(（]?(?:\d[\d,]*(?:\.\d+)?|[A-Z](?!\w))[)）]?",
    re.I,
)
"""A value that an answer says is not the one: `not 3 but 171`, `not (A)`."""
OPTIONS = re.compile(r"^\(A\) .*\(B\) .*$", re.M)
"""The options of a question that was copied."""


@dataclass(frozen=True)
class _Head:
    """A number in a reply where an answer, or a copied question, may begin."""

    start: int
    stop: int
    number: int
    asks: bool
    """Whether it stands as the number of a question."""
    opens: bool = True
    """Whether it begins a line, not in brackets."""
    closed: bool = True
    """Whether a sign ends it, where `is` or `=` go on in the sentence."""


def read(text: str, numbers: Sequence[int], after: Mapping[int, int] | None = None) -> tuple[list[tuple[int, str]], bool]:
    """Numbers and bodies as they stand in a reply, those that were not asked too; and whether the numbers stood under the word
    for an answer.

    A number that stands twice comes twice. What stands before the first number is nobody's. Where no answer has a header of its own,
    copied headers of questions are taken for theirs. `after`: the number whose answer a question builds on; an answer may cite it.
    """
    # Full-width digits and marks, which Chinese replies may have, and hard spaces.
    text = _flat(unicodedata.normalize("NFKC", text).replace("\u2212", "-"))
    asked = set(numbers)
    heads = [_head(found, text) for found in HEADER.finditer(text)]
    firm = any(head.asks and head.opens and head.closed and head.number in asked for head in heads)
    # Under headers of questions a sentence that names an answer is no header of it.
    worded = any(not head.asks and head.number in asked and ((head.opens and head.closed) or not firm) for head in heads)
    if not worded and not any(head.number in asked for head in heads):
        bare = (_Head(head.start(), head.end(), int(head["id"]), False) for head in BARE.finditer(text))
        heads = sorted([*heads, *(head for head in bare if head.number in asked)], key=lambda head: head.start)
    kept: list[_Head] = []
    begun: set[int] = set()
    for head in heads:
        if kept and _cited(text, kept[-1], head, begun, asked, worded, after or {}):
            continue
        kept.append(head)
        if not (worded and head.asks):
            begun.add(head.number)
    ends = [head.start for head in kept[1:]] + [len(text)]
    bodies = [(head, text[head.stop : end]) for head, end in zip(kept, ends) if not (worded and head.asks)]
    return [(head.number, unasked(body) if head.asks else body) for head, body in bodies], worded


def _head(found: re.Match[str], text: str) -> _Head:
    kind = (found["kind"] or found["one"]).lower()
    opens = (found.start() == 0 or text[found.start() - 1] == "\n") and not set("([（") & set(found["lead"])
    return _Head(
        found.start(),
        found.end(),
        int(found["id"]),
        kind[0] in "qp问题",
        opens,
        found["end"].lower() not in ("is", "是", "=", ",", "，"),
    )


def _cited(text: str, body: _Head, head: _Head, begun: set[int], asked: set[int], worded: bool, after: Mapping[int, int]) -> bool:
    """Whether a number within the body of another one is cited there: `From above, Answer_7 is 42.`

    It is where it was answered before, or is what the question builds on, and stands in a weaker form than the header of the body.
    """
    source = after.get(body.number) == head.number
    if worded and head.asks:
        return head.number in begun or source or (head.number not in asked and not head.opens)
    if head.number not in begun and not source:
        return False
    if head.closed and text[head.stop : head.stop + 1] in ("", "\n"):
        return False
    if head.opens < body.opens or head.closed < body.closed:
        return head.number != body.number or not head.closed
    # In the form of a header it is cited only where nothing of an answer stands before it.
    return source and not re.search(r"[^\W_]", text[body.stop : head.start])


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


def unasked(body: str) -> str:
    """A body without the question that it begins with, up to its options or its last question mark."""
    options = [*OPTIONS.finditer(body)]
    return body[options[-1].end() :] if options else body[max(body.rfind("?"), body.rfind("？")) + 1 :]


def _plain(body: str) -> str:
    """A body without marks of bold type and of LaTeX, and without the values that it denies."""
    body = re.sub(r"\\(?:text|textbf|mathrm|mathbf)[ \t]{0,2}\{([^{}\n]{0,40})\}", r"\1", body)
    body = re.sub(r"(?<=\d)(?:\{,\}|\\,|\\!)(?=\d)", "", body)
    body = re.sub(r"</?[A-Za-z]\w{0,20}>", " ", body)
    return DENIED.sub(" ", re.sub(r"\*\*|`|\\(?=[()\[\]$])", "", body))


def said_number(body: str) -> str | None:
    """The number that an answer comes to: what stands behind its last `answer is`, else its last number."""
    body = _plain(body)
    marks = [*MARK.finditer(body)]
    if marks:
        for line in body[marks[-1].end() :].split("\n"):
            tail = line.rpartition("=")[2] if "=" in line and NUMBER.search(line.rpartition("=")[2]) else line
            if found := NUMBER.search(tail):
                return found[0]
    found_all = NUMBER.findall(body)
    return found_all[-1] if found_all else None


def said_letter(body: str, letters: str) -> str | None:
    """The option that an answer names: behind its last `answer is`, else the last that it names in brackets, behind `option` or
    `so`, or alone in a line, else the letter that it begins with. None where it names none of the item's own."""
    body = _plain(body)
    for mark in reversed([*LETTER_MARK.finditer(body)]):
        if found := LETTER.match(body, mark.end()):
            letter: str = (found["held"] or found["bare"]).upper()
            return letter if letter in letters else None
    named = [str(found[found.lastgroup or 0]).upper() for found in CHOSEN.finditer(body)]
    if named := [letter for letter in named if letter in letters]:
        return named[-1]
    first = FIRST.match(body)
    return str(first[1]) if first and first[1] in letters else None
