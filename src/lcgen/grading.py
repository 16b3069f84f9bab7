"""What a response says, and how much of it is right: the core of every task's `score`.

Standard library only and no import from lcgen, so that the file can be copied into a harness folder as it is. Every
function takes any string (megabytes, NUL, lone surrogates, invisible or combining characters) in linear time.

A text is compared as tokens: a word or number as far as it reaches ("blue-green", "1234567.5", a UUID), one CJK
character, or one mark of punctuation. A value is mentioned where all its tokens stand in a row; so a longer word or
number that contains it never counts.
"""

from __future__ import annotations

import json
import re
import unicodedata
from bisect import bisect_left
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Sequence
from itertools import pairwise

Value = tuple[str, ...]  # the tokens of one value

# --- what the model finally says --------------------------------------------------------------------------------------

_THINK = r"(?:think|thinking|thoughts?|reason|reasoning|reflection|scratchpad|analysis)"
_THOUGHT = re.compile(
    rf"(?P<angle><\|?\s{{0,3}}/?\s{{0,3}}(?:\w{{1,20}}[:_])?{_THINK}(?:\s[^<>/]{{0,99}})?\|?>)"
    r"|(?P<bar><\|(?:start|begin|end)_(?:of_)?(?:thought|think|thinking)\|>)"
    r"|(?P<square>\[/?think(?:ing)?\])|(?P<triangle>◁/?think(?:ing)?▷)|(?P<channel><\|channel>|<channel\|>)",
    re.I,
)
_CLOSING = re.compile(r"[^/]{0,9}/|<\|end_|<channel", re.I)
_CHANNEL = re.compile(
    r"<\|channel\|>\s{0,9}(analysis|commentary|final|\w{1,20})"
    r"(?:[^<\n]{0,99}(?:<\|constrain\|>\w{0,99})?<\|message\|>)?",
    re.I,
)
_TURN_END = re.compile(r"<\|(?:end|return|call|start)\|>", re.I)
_BARE_CHANNELS = re.compile(r"\s{0,9}analysis(?=[A-Z])")  # gpt-oss decoded without its special tokens
_SPECIAL = re.compile(r"<\|[\w-]{1,40}\|>|<｜[^<>｜]{1,40}｜>|</s>|<eos>|<end_of_turn>", re.I)


def visible(response: str, prompt: str = "") -> str:
    """What `response` finally says: without thinking, an echo of `prompt`, special tokens, a code fence round it all.

    A thinking block that is never closed hides all that follows; a closing tag without an opening one, all before it.
    Anything that is no string says nothing.
    """
    if not isinstance(response, str):
        return ""
    said = _outside_thoughts(_final_channel(_without_echo(response, prompt)))
    if said != response:
        said = _without_echo(said, prompt)
    said = _SPECIAL.sub(" ", said).strip()
    for fence in ("```", "~~~"):
        if said.startswith(fence):
            body = said.partition("\n")[2] if "\n" in said else said.strip(fence[0])
            body = body.rstrip().removesuffix(fence)
            if fence not in body:
                said = body.strip()
    return said


def _final_channel(text: str) -> str:
    if bare := _BARE_CHANNELS.match(text):
        return text[bare.end() :].rpartition("assistantfinal")[2] if "assistantfinal" in text else ""
    heads = list(_CHANNEL.finditer(text))
    if not heads:
        return text
    kept = [text[: heads[0].start()].removesuffix("<|start|>assistant")]
    for head, following in zip(heads, [*(head.start() for head in heads[1:]), len(text)]):
        if head[1].lower() == "final":
            end = _TURN_END.search(text, head.end(), following)
            kept.append(text[head.end() : end.start() if end else following])
    return "\n".join(kept)


def _outside_thoughts(text: str) -> str:
    kept: list[str] = []
    family, depth, at = "", 0, 0
    for tag in _THOUGHT.finditer(text):
        if depth and tag.lastgroup != family:  # inside a thought, tags of another family are only talked about
            continue
        if _CLOSING.match(tag[0]):
            if not depth:
                kept.clear()
            depth, at = max(0, depth - 1), tag.end()
        else:
            if not depth:
                kept.append(text[at : tag.start()])
            family, depth = tag.lastgroup or "", depth + 1
    return "\n".join(kept if depth else [*kept, text[at:]])


def _without_echo(text: str, prompt: str) -> str:
    asked, said = prompt.strip(), text.strip()
    if not asked:
        return text
    if len(said) >= 200 and asked.startswith(said):  # an echo cut off by the budget
        return ""
    anywhere = len(asked) >= 200  # a short prompt may well be quoted inside an answer
    at = text.find(asked) if anywhere else len(text) - len(text.lstrip())
    if at >= 0 and text.startswith(asked, at):
        return f"{text[:at]}\n{text[at + len(asked) :]}"
    squashed = "".join(text.split())
    if "".join(asked[:400].split())[:32] not in squashed:  # spares squashing a long prompt for a short answer
        return text
    asked = "".join(asked.split())
    at = squashed.find(asked)
    if at < 0 or (at and not anywhere):
        return text
    return f"{text[: _place(text, at)]}\n{text[_place(text, at + len(asked) - 1) + 1 :]}"


def _place(text: str, count: int) -> int:
    """Where the character stands that has `count` characters before it, white space not counted."""
    for run in re.finditer(r"\S+", text):
        if count < len(run[0]):
            return run.start() + count
        count -= len(run[0])
    return len(text)


# --- text to tokens ---------------------------------------------------------------------------------------------------

# Scripts without spaces between words. Hangul has spaces, but its particles follow a value directly.
_CJK = (
    "\u0e01-\u0eff\u1000-\u109f\u1780-\u17ff\u3005-\u3007\u3041-\u309f\u30a1-\u30fa\u30fc-\u312f\u31a0-\u31bf"
    "\u31f0-\u31ff\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7a3\uf900-\ufaff\U00020000-\U0003ffff"
)
_BLOCKS = ((0x300, 0xE00), (0xF00, 0x1000), (0x1AB0, 0x1B00), (0x1DC0, 0x1E00), (0x20D0, 0x2100))
_MARKS = "".join(chr(c) for low, high in _BLOCKS for c in range(low, high) if unicodedata.category(chr(c))[0] == "M")
# More than 30 marks on one letter are no text (UAX 15), and normalize() takes the square of their number to sort them.
_MARK_RUN = re.compile(r"((?:[^\w\s\x00-\x7f]|[ﾞﾟ]){30})(?:[^\w\s\x00-\x7f]|[ﾞﾟ])+")
_CIRCLED = re.compile("[\u2116\u2460-\u24ff\u2776-\u2793]|[0-9]\ufe0f?\u20e3")  # NFKC would glue these to an item
_COMMA = re.compile(r"，(?![０-９])")  # it groups full-width digits only
_ESCAPE = re.compile(r"\{,\}|,\\!|\\[A-Za-z]{1,20}\s{0,3}(?=\{)|\\[ntr](?![a-z]{0,20}\s{0,3}\{)|\\[,;:!]|\\(?=[^A-Za-z0-9\s])")
_UNESCAPED = {"{,}": ",", r",\!": ",", r"\n": "\n", r"\r": "\n", r"\t": " ", r"\,": " ", r"\;": " ", r"\:": " "}


class _Plain(dict[int, "str | None"]):
    """For `str.translate`: one spelling of spaces, line ends, dashes, quotes and digits; invisible characters go."""

    def __missing__(self, code: int) -> str | None:
        char, kind = chr(code), unicodedata.category(chr(code))
        plain: str | None = char
        if kind == "Cf" or 0xFE00 <= code <= 0xFE0F or code >= 0xE0000 or code in (0x34F, 0x115F, 0x1160, 0x3164):
            plain = None
        elif kind == "Zs" or char == "\t":
            plain = " "
        elif kind in ("Cc", "Zl", "Zp"):
            plain = "\n"
        elif char in "\u2010\u2011\u2012\u2013\u2043\u2212\ufe63\uff0d":  # an em dash parts words, these may join them
            plain = "-"
        elif char in "‘’‛′ʼ＇":
            plain = "'"
        elif char in "“”„«»「」『』":
            plain = '"'
        elif kind == "Nd":
            plain = str(unicodedata.decimal(char))
        self[code] = plain
        return plain


_PLAIN = _Plain()


def _fold(text: str) -> str:
    """One spelling of everything that differs without meaning: Unicode forms, case, escapes (LaTeX, Markdown, JSON)."""
    if text.isascii():
        text = text.translate(_PLAIN)
    else:
        text = _COMMA.sub(", ", _MARK_RUN.sub(r"\1", _CIRCLED.sub("\n", text)))
        text = unicodedata.normalize("NFKC", text.translate(_PLAIN))
    text = _ESCAPE.sub(lambda found: _UNESCAPED.get(found[0], ""), text)
    text = re.sub(r"(?<=[A-Za-z0-9])\.(?=[A-Z][a-z])", ". ", text).casefold()  # no space after a full stop
    return text if text.isascii() else unicodedata.normalize("NFKC", text)


_NUMBERED = re.compile(r"^[ \t*>]*\(?(\d{1,3})(?:\)|、|\.[ \t*])[ \t*]*(?=\S)", re.M)
_DASHED = re.compile(r"^[ \t]*-(?=\d)", re.M)
_ONE_CJK = re.compile(f"([{_CJK}])")
_RAW = re.compile(rf"[\w{_MARKS}.,'-]+|[^\w\s*`~\"(){{}}\[\]$#<>\\]")
_SPACED = re.compile(r"(?<![\w.,'-])\(?\d+(?:(?:\)[ -]?| |-)\d+){1,32}(?!\w|[.,'-]\d)")
_USUAL = re.compile(r"\(?\d{3}[) -]{1,2}\d{3}[ -]\d{4}|\d{1,3}(?: \d{3})+")
_THOUSANDS = re.compile(r"-?\d{1,3}(?:(?:,\d{3})+(?:\.\d+)?|(?:'\d{3})+|(?:_\d{3})+|(?:\.\d{3}){2,})")


def _unlisted(text: str) -> str:
    """`text` without what looks like numbers and signs and only marks the items of a list."""
    if len(_DASHED.findall(text)) > 1:
        text = _DASHED.sub("- ", text)
    marks = [int(mark) for mark in _NUMBERED.findall(text)]
    if len(marks) > 1 and marks[0] < 2 and all(after in (1, before + 1) for before, after in pairwise(marks)):
        return _NUMBERED.sub("", text)
    return text


def _digits(text: str) -> str:
    """The digits of one whole number, however grouped; "" for anything else."""
    digits = re.sub(r"[ \-.,'()_]", "", text)
    return digits if digits.isdecimal() and text.count(".") != 1 and text[:1] != "-" else ""


def _tokens(folded: str, numbers: Collection[str] = (), forms: Collection[str] = ()) -> list[str]:
    """Tokens of a folded text. Groups of digits are one number where they make one of `numbers`, where they are grouped
    in threes without spaces, or where the usual spacing makes a number of one of `forms`."""
    if not folded.isascii():
        folded = _ONE_CJK.sub(r" \1 ", folded)

    def joined(found: re.Match[str]) -> str:
        digits = _digits(found[0])
        usual = f"digits {len(digits)}" in forms and _USUAL.fullmatch(found[0])
        return digits if usual or (digits in numbers and len(digits) > 3) else found[0]

    out: list[str] = []
    for raw in _RAW.findall(_SPACED.sub(joined, _unlisted(folded))):
        if raw.isalnum() or len(raw) == 1:
            out.append(raw)
        else:
            out.extend(_split(raw, numbers))
    return out


def _split(raw: str, numbers: Collection[str]) -> Iterator[str]:
    core = raw.rstrip(".,'_-")
    tail = raw[len(core) :]
    core = core.lstrip(",'_")
    if not re.fullmatch(r"-\d[\d.,]*|\.\d+", core):  # a sign or decimal point belongs to the number
        core = core.lstrip(".,'_-")
    digits = _digits(core)
    if len(digits) > 3 and digits in numbers:
        yield digits
    elif _THOUSANDS.fullmatch(core) and not all(piece in numbers for piece in core.split(",")):
        yield _number(re.sub(r"[,'_]", "", core) if core.count(".") < 2 else core.replace(".", ""))
    elif len(pieces := re.split(r",+|--+|\.\.+", core)) > 1:
        for piece in pieces:
            yield from _split(piece, numbers)
            yield ","
    elif core:
        yield _number(core.removesuffix("'s"))
    if "," in tail or not core:
        yield "," if "," in tail else raw[:1]
    elif "." in tail and len(core) > 1:  # "B." is an initial, no end of a sentence
        yield "."


def _number(token: str) -> str:
    whole, _, part = token.partition(".")
    return whole if part and whole.lstrip("-").isdecimal() and not part.strip("0") else token


def _value(text: str) -> Value:
    """The tokens of one value without outer punctuation; () if it holds none."""
    folded = _fold(text).strip()
    tokens = _tokens(folded, {_digits(folded)})
    kept = [i for i, token in enumerate(tokens) if token not in ".,;:!?"]
    return tuple(tokens[kept[0] : kept[-1] + 1] if kept else tokens)


def _find(tokens: Sequence[str], values: Collection[Value]) -> tuple[list[Value], list[str]]:
    """The values that stand in `tokens`, in order, the longest where several begin; and the tokens left over."""
    sizes: dict[str, list[int]] = {}
    for size, first in sorted({(len(value), value[0]) for value in values}, reverse=True):
        sizes.setdefault(first, []).append(size)
    found, rest, at = [], [], 0
    while at < len(tokens):
        for size in sizes.get(tokens[at], ()):
            if (value := tuple(tokens[at : at + size])) in values:
                found.append(value)
                at += size
                break
        else:
            rest.append(tokens[at])
            at += 1
    return found, rest


def mentions(text: str, value: str) -> int:
    """How often `value` stands in `text` as a whole; 0 for a value without content."""
    key = _value(value)
    return len(_find(_tokens(_fold(text), key), {key})[0]) if key else 0


def normal(text: str) -> str:
    """The form in which two answers are equal: folded, without quotes, emphasis, brackets and outer punctuation; a
    number without grouping."""
    return " ".join(_value(text))


# --- lists and judgement ----------------------------------------------------------------------------------------------

_LEAD_IN = re.compile(
    r"""[\s*_#>`"'(\[{$]{0,20}(?:"""
    r"(?:(?:so|thus|therefore|hence|sure|okay|ok|certainly)\b[,!.\s]{0,3})?(?:here\s(?:is|are)\s)?"
    r"(?:(?:the|my|all|final|correct|requested|special|magic|hidden|only|two|three|four)\s{1,3}){0,6}"
    r"(?:answer|value|number|result|output|response|solution|word|uuid|name|key|item|element|code)s?"
    r"(?:\s(?:for|of|to|in|mentioned|that)\b[^\n:：]{0,150}?)?"
    r"""(?:\s{0,3}\b(?:is|are)\b|[*_"'\s]{0,5}[:：=]|[*_\s]{0,5}\n)"""
    r"|(?:it|they|that|these|this)\s(?:is|are|would be)\b|(?:it|that)['’]s\b"
    r"|(?:所以|因此|那么)?[，,]?(?:最终|正确|最后)?的?(?:答案|结果|回答)(?:应该|应当)?(?:是|为|就是|如下)?"
    r")[\s:：=*_]{0,9}",
    re.I,
)
_TAGGED = re.compile(r"\s{0,9}<(\w{1,30})>([^<]*)</\1>\s{0,9}")
_SEPARATOR = re.compile(
    r"[\n\r\v\f\x85\u2028\u2029;；、，]|(?<!\d),|,(?!\d{3}(?!\d))|(?<=\d{4}),"
    r"|(?<=\s)&(?=\s)|(?<![\w-])and(?![\w-])|以及|[和与及]",
    re.I,
)
_FUNCTION_WORDS = {(char,) for char in "是否有无对错"}  # answers of one character that stand in many other words
_GLUE = {*",;.:!、。&-•·+=|和与及以", "and"}
# Parts of everyday compounds ("well-known", "word-based"), which are no values of the form word-word.
_COMPOUND = re.compile(
    r"\b(?:well|non|self|re|pre|post|co|ex|sub|semi|multi|anti|so|follow|step|one|two|three|four|five|six|seven|eight"
    r"|nine|ten|twenty|thirty|forty|fifty|sixty|seventy|eighty|ninety|in|on|off|up|out|by|to|based|related|like"
    r"|specific|only|free|aware|known|term|time|level|end)\b"
)


def _after_lead_in(said: str) -> str:
    if tagged := _TAGGED.fullmatch(said):
        said = tagged[2]
    for _ in range(2):  # "Answer: the number is"
        lead_in = _LEAD_IN.match(said)
        said = said[lead_in.end() :] if lead_in else said
    return said


def items(text: str) -> list[str]:
    """The items of an answer that is a list: JSON, one per line with or without markers, or parted by commas,
    semicolons, "and", "、", "和" (also where a conjunction is part of an item). They keep their spelling; compare them
    with `normal`."""
    text = visible(text)
    if text[:1] in ("[", "{"):
        try:
            nodes = [json.loads(text, parse_int=str, parse_float=str)]
        except (ValueError, RecursionError):
            pass  # a Python list, or cut off
        else:
            leaves: list[str] = []
            while nodes:
                node = nodes.pop()
                if isinstance(node, (list, dict)):
                    nodes.extend(reversed(list(node.values() if isinstance(node, dict) else node)))
                elif node is not None:
                    leaves.append(str(node).strip())
            return [leaf for leaf in leaves if leaf]
    text = _after_lead_in(text).strip()
    if text[:1] in ("[", "{", "("):
        text = text.strip("[]{}(). ")
    parts = _SEPARATOR.split(_unlisted(text))
    bare = (re.sub(r"^\s*[-*+•·‣◦–—]\s", "", part).strip(" \t*_`\"'“”‘’「」『』") for part in parts)
    return [item for part in bare if (item := part.rstrip(".。!*_`\"'”’」』"))]


def _form(token: str) -> str:
    """What tokens of one form share: the number of digits, the sizes of the parts of a code or UUID, the number of
    hyphenated words. "" for a plain word."""
    parts = token.split("-")
    if not token.isascii() or not all(part.isalnum() for part in parts):
        return ""
    if token.replace("-", "").isdecimal():
        return f"digits {sum(map(len, parts))}"
    if not all(part.isalpha() for part in parts):
        return f"code {[len(part) for part in parts]}"
    return f"words {len(parts)}" if len(parts) > 1 and not _COMPOUND.search(token) else ""


def _unambiguous(text: str, values: Collection[Value], never: Collection[Value]) -> str:
    """`text`, folded, without what only looks like a value of one letter: the article "a", and "是" or the like inside
    a longer Chinese word where such a value also stands alone, or where it would be a no-answer word (`never`)."""
    if ("a",) in values:
        text = re.sub(r"(?<![\w'’-])a(?= [A-Za-z]{2})", " ", text)
    single = {value[0] for value in values if value in _FUNCTION_WORDS}
    text = _fold(_after_lead_in(text) if single else text)
    if single and not re.search(rf"(?<![{_CJK}])[{''.join(single)}](?![{_CJK}])", text):
        single &= {value[0] for value in never}
    if single:
        one = f"[{''.join(single)}]"
        longer = sorted({"".join(v) for v in values if len(v) > 1 and single & {*v}}, key=len, reverse=True)
        whole = "|".join(re.escape(value) for value in longer if value in text) or "(?!)"
        text = re.sub(rf"({whole})|(?<=[{_CJK}]){one}|{one}(?=[{_CJK}])", lambda found: found[1] or ",", text)
    return text


def _in_order(found: Iterable[Value], wanted: Sequence[Value]) -> int:
    """The length of the longest run of `wanted` that stands in `found` in the right order."""
    place = {value: i for i, value in enumerate(wanted)}
    ends: list[int] = []
    for i in (place[value] for value in found if value in place):
        at = bisect_left(ends, i)
        ends[at : at + 1] = [i]
    return len(ends)


def judge(
    response: str,
    outputs: Sequence[str],
    rivals: Sequence[str] = (),
    *,
    prompt: str = "",
    ordered: bool = False,
    no_answer: str = "",
    refusals: Sequence[str] = (),
    allowed: Sequence[str] = (),
) -> dict[str, float]:
    """How well `response` names `outputs`, all of them and nothing else. Every metric is between 0 and 1.

    `recall`: share of `outputs` mentioned; with `ordered`, of those in order, by first and by last mention, the worse.
    `any`: 1 if one is mentioned. `exact`: 1 if the answer, after a short lead-in, is the outputs and nothing else.
    `exclusive`, which is also `score`: `recall` less 1/len(outputs), never below 0, for each different
    - rival named: a value of `rivals` that is no output;
    - surplus value: a token that is none of the values given and has the form of an output: as many digits, a code or
      UUID with parts of the same sizes, or as many hyphenated words;
    - and once where the text also says `no_answer` or one of `refusals`.
    Values in `allowed` (the key asked for) never cost. Where `no_answer` is the one output, it or one of `refusals`
    must be said, and a surplus value has the form of a rival. `prompt` serves to tell an echo from an answer.
    """
    wanted = [_value(output) for output in outputs]
    distinct = list(dict.fromkeys(wanted))
    absent = wanted == [_value(no_answer)] != [()]
    free = {_value(value) for value in allowed}
    never = {_value(phrase) for phrase in (no_answer, *refusals)} - {()}
    if not absent:
        never -= {*wanted, *free}
    others = {_value(rival) for rival in rivals} - {*wanted, *never, *free}
    values = {*wanted, *never, *free, *others} - {()}
    numbers = {value[0] for value in values if len(value) == 1 and value[0].isdecimal()}
    forms = {_form(value[0]) for value in (others if absent else wanted) if len(value) == 1} - {""}

    def read(text: str) -> tuple[list[Value], list[str]]:
        return _find(_tokens(_unambiguous(text, values, never), numbers, forms), values)

    said = visible(response, prompt)
    if len(said) > 200 + 2 * sum(map(len, outputs)) and said in prompt:  # a piece of the context is no answer
        said = ""
    found, rest = read(said)
    named = set(found)
    count = max(1, len(distinct))
    if absent:
        recall = float(bool(never & named))
    elif ordered:
        last = list(dict.fromkeys(reversed(found)))[::-1]
        recall = min(_in_order(dict.fromkeys(found), distinct), _in_order(last, distinct)) / count
    else:
        recall = sum(value in named for value in distinct) / count
    surplus = {token for token in set(rest) if _form(token) in forms}
    wrong = len(others & named) + len(surplus) + (not absent and bool(never & named))
    score = max(0.0, recall - wrong / count)

    answer = _after_lead_in(said)
    bare, extra = (found, rest) if answer == said else read(answer)
    if absent:
        right = len(bare) == 1 and bare[0] in never
    else:
        right = bool(wanted) and (bare == wanted if ordered else Counter(bare) == Counter(wanted))
    exact = float(right and not set(extra) - _GLUE)
    return {"score": score, "recall": recall, "any": float(recall > 0), "exact": exact, "exclusive": score}


# --- length -----------------------------------------------------------------------------------------------------------

_COUNTED = re.compile("[\u4e00-\u9fff]|[A-Za-z]+")


def words(text: str) -> int:
    """Words as LongBench-Write counts them (Bai et al. 2024): runs of Latin letters, and each Chinese character."""
    return len(_COUNTED.findall(text))


def length_score(asked: float, written: float) -> float:
    """S_L of LongBench-Write as a share: 1 where what was written is as long as what was asked for, 0 from four times of it
    on and down to a third of it. Both in one unit; 0 where nothing was written, ValueError where nothing was asked for."""
    if asked <= 0:
        raise ValueError(f"no length was asked for: {asked}")
    if written <= 0:
        return 0.0
    return max(0.0, 1 - (written / asked - 1) / 3 if written > asked else 1 - (asked / written - 1) / 2)
