"""What a response says, and how much of it is right: the core of every task's `score`.

Standard library only and no import from lcgen, so that the file can be copied into a harness folder as it is. Every function
takes any string (megabytes, NUL, lone surrogates, invisible or combining characters) in time linear in its length.

A text is compared as tokens: a word or number as far as it reaches ("blue-green", "1234567.5", a UUID), one CJK character, or
one mark of punctuation. A value is mentioned where its whole tokens stand in a row, so no longer word or number that contains
it counts.
"""

from __future__ import annotations

import json
import re
import unicodedata
from bisect import bisect_left
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Sequence

# --- what the model finally says --------------------------------------------------------------------------------------

_THINK = r"(?:think|thinking|thoughts?|reason|reasoning|reflection|scratchpad|analysis)"
_THOUGHT = re.compile(
    rf"(?P<angle><\|?\s{{0,3}}/?\s{{0,3}}(?:\w{{1,20}}:)?{_THINK}(?:\s[^<>/]{{0,99}})?\|?>)"
    r"|(?P<bar><\|(?:start|begin|end)_(?:of_)?(?:thought|think|thinking)\|>)"
    r"|(?P<square>\[/?think(?:ing)?\])|(?P<triangle>◁/?think(?:ing)?▷)|(?P<channel><\|channel>|<channel\|>)",
    re.I,
)
_CLOSING = re.compile(r"[^/]{0,9}/|<\|end_|<channel", re.I)
_CHANNEL = re.compile(r"<\|channel\|>\s{0,9}(analysis|commentary|final|\w{1,20})(?:[^<\n]{0,99}(?:<\|constrain\|>\w{0,99})?<\|message\|>)?", re.I)
_TURN_END = re.compile(r"<\|(?:end|return|call|start)\|>", re.I)
_SPECIAL = re.compile(r"<\|[\w-]{1,40}\|>|<｜[^<>｜]{1,40}｜>|</s>|<eos>|<end_of_turn>", re.I)
_BARE_CHANNELS = re.compile(r"\s{0,9}analysis(?=[A-Z])")  # gpt-oss decoded without its special tokens


def visible(response: str, prompt: str = "") -> str:
    """What `response` finally says: without thinking, an echo of `prompt`, special tokens, and a code fence round the whole.

    A thinking block that is never closed hides all that follows, a closing tag without an opening one all before it. Anything
    that is no string says nothing.
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
    for head, following in zip(heads, [*(h.start() for h in heads[1:]), len(text)]):
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
    first, last = _place(text, at, False), _place(text, at + len(asked), True)
    return f"{text[:first]}\n{text[last:]}"


def _place(text: str, count: int, end: bool) -> int:
    """Where the character after `count` characters that are no white space stands; with `end`, where the one before ends."""
    for run in re.finditer(r"\S+", text):
        if count < len(run[0]) or (end and count == len(run[0])):
            return run.start() + count
        count -= len(run[0])
    return len(text)


# --- text to tokens ---------------------------------------------------------------------------------------------------

# Scripts written without spaces between words. Hangul has spaces, but its particles follow a value directly.
_CJK = (
    "\u0e01-\u0eff\u1000-\u109f\u1780-\u17ff\u3005-\u3007\u3041-\u309f\u30a1-\u30fa\u30fc-\u312f\u31a0-\u31bf\u31f0-\u31ff"
    "\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7a3\uf900-\ufaff\U00020000-\U0003ffff"
)
_BLOCKS = ((0x300, 0xE00), (0xF00, 0x1000), (0x1AB0, 0x1B00), (0x1DC0, 0x1E00), (0x20D0, 0x2100))
_MARKS = "".join(chr(c) for low, high in _BLOCKS for c in range(low, high) if unicodedata.category(chr(c))[0] == "M")
# More than 30 marks on one letter are no text (UAX 15), and sorting them costs normalize() the square of their number.
_MARK_RUN = re.compile(r"((?:[^\w\s\x00-\x7f]|[ﾞﾟ]){30})(?:[^\w\s\x00-\x7f]|[ﾞﾟ])+")
_CIRCLED = re.compile("[\u2460-\u24ff\u2776-\u2793]|[0-9]\ufe0f?\u20e3")  # list markers; NFKC would glue them to the item
_COMMA = re.compile(r"，(?![０-９])")  # it groups full-width digits only
_LATEX = re.compile(r"\{,\}|,\\!|\\[A-Za-z]{1,20}\s{0,3}(?=\{)|\\[ntr](?![a-z]{0,20}\s{0,3}\{)|\\[,;:!]|\\(?=[^A-Za-z0-9\s])")
_UNESCAPED = {"{,}": ",", r",\!": ",", r"\n": "\n", r"\r": "\n", r"\t": " ", r"\,": " ", r"\;": " ", r"\:": " ", r"\!": " "}
_ONE_CJK = re.compile(f"([{_CJK}])")
_RAW = re.compile(rf"[\w{_MARKS}.,'-]+|[^\w\s*`~\"(){{}}\[\]$#<>\\]")
_SPACED = re.compile(r"(?<![\w.,'-])\(?\d+(?:(?:\)[ -]?| |-)\d+){1,32}(?!\w|[.,'-]\d)")
_TELEPHONE = re.compile(r"\(?\d{3}[) -]{1,2}\d{3}[ -]\d{4}|\d{1,3}(?: \d{3})+")
_THOUSANDS = re.compile(r"-?\d{1,3}(?:,\d{3})+(?:\.\d+)?|\d{1,3}(?:'\d{3})+|\d{1,3}(?:_\d{3})+|\d{1,3}(?:\.\d{3}){2,}")
_BETWEEN_DIGITS = re.compile(r"[ \-.,'()_]")


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
    """One spelling of everything that differs without meaning: Unicode forms, case, LaTeX and Markdown escapes."""
    if text.isascii():
        text = text.translate(_PLAIN)
    else:
        text = _COMMA.sub(", ", _MARK_RUN.sub(r"\1", _CIRCLED.sub("\n", text)))
        text = unicodedata.normalize("NFKC", text.translate(_PLAIN))
    text = _LATEX.sub(lambda found: _UNESCAPED.get(found[0], ""), text)
    text = re.sub(r"(?<=[a-z0-9])\.(?=[A-Z][a-z])", ". ", text).casefold()  # no space after a full stop
    return text if text.isascii() else unicodedata.normalize("NFKC", text)


_NUMBERED = re.compile(r"^[ \t*>]*\(?(\d{1,3})(?:\)|、|\.[ \t*])[ \t*]*(?=\S)", re.M)
_DASHED = re.compile(r"^[ \t]*-(?=\d)", re.M)


def _unlisted(text: str) -> str:
    """`text` without the markers of a numbered list, which are no numbers, and dashes that are no signs."""
    if len(_DASHED.findall(text)) > 1:
        text = _DASHED.sub("- ", text)
    numbers = [int(found) for found in _NUMBERED.findall(text)]
    counted = len(numbers) > 1 and numbers[0] < 2 and all(b in (1, a + 1) for a, b in zip(numbers, numbers[1:]))
    return _NUMBERED.sub("", text) if counted else text


def _digits(text: str) -> str:
    """The digits of one number however they are grouped, "" for anything else (a decimal or negative number too)."""
    digits = _BETWEEN_DIGITS.sub("", text)
    plain = digits.isdecimal() and text.count(".") != 1 and text[:1] != "-"
    return digits if plain else ""


def _tokens(folded: str, numbers: Collection[str] = (), lengths: Collection[int] = ()) -> list[str]:
    """Tokens of a folded text. Digits in groups are one number if they make one of `numbers`, if they are grouped in threes
    without spaces, or if they are grouped as is usual and have one of `lengths`."""
    if not folded.isascii():
        folded = _ONE_CJK.sub(r" \1 ", folded)

    def joined(found: re.Match[str]) -> str:
        digits = _digits(found[0])
        usual = len(digits) in lengths and _TELEPHONE.fullmatch(found[0])
        return digits if digits in numbers or usual else found[0]

    out: list[str] = []
    for raw in _RAW.findall(_SPACED.sub(joined, _unlisted(folded))):
        if raw.isalnum():
            out.append(raw)
        else:
            out.extend(_split(raw, numbers))
    return out


def _split(raw: str, numbers: Collection[str]) -> Iterator[str]:
    core = raw.rstrip(".,'_-").lstrip(",'_")
    tail = raw[len(raw.rstrip(".,'_-")) :]
    if not re.fullmatch(r"-\d[\d.,]*|\.\d+", core):  # a sign or decimal point is part of the number, a stray one is not
        core = core.lstrip(".,'_-")
    if _digits(core) in numbers and core:
        yield _digits(core)
    elif _THOUSANDS.fullmatch(core):
        yield _number(re.sub(r"[,'_]", "", core) if core.count(".") < 2 else core.replace(".", ""))
    elif len(pieces := re.split(r",+|--+|\.\.+", core)) > 1:
        for piece in pieces:
            yield from _split(piece, numbers)
            yield ","
    elif core:
        yield _number(core.removesuffix("'s"))
    if not core or (("." in tail and len(core) > 1) or "," in tail):  # "B." is an initial, no end of a sentence
        yield "," if "," in tail else "." if "." in tail else raw[:1]


def _number(token: str) -> str:
    whole, point, part = token.partition(".")
    return whole if point and whole.lstrip("-").isdecimal() and part and not part.strip("0") else token


def _value(text: str) -> tuple[str, ...]:
    """The tokens of one value as a key for `_find`; () if it holds none."""
    folded = _fold(text).strip()
    tokens = _tokens(folded, {_digits(folded)} - {""})
    if not any(char.isalnum() for token in tokens for char in token):
        return tuple(tokens)
    while tokens[0] in ".,;:!?":
        tokens.pop(0)
    while tokens[-1] in ".,;:!?":
        tokens.pop()
    return tuple(tokens)


def _groupable(values: Iterable[tuple[str, ...]]) -> set[str]:
    return {value[0] for value in values if len(value) == 1 and value[0].isdecimal() and len(value[0]) > 3}


def _find(tokens: Sequence[str], values: Collection[tuple[str, ...]]) -> tuple[list[tuple[str, ...]], list[str]]:
    """The values that stand in `tokens`, in order, the longest where several begin; and the tokens left over."""
    sizes: dict[str, list[int]] = {}
    for first, size in sorted({(value[0], len(value)) for value in values if value}, key=lambda pair: -pair[1]):
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
    return len(_find(_tokens(_fold(text), _groupable([key])), {key})[0]) if key else 0


def normal(text: str) -> str:
    """The form in which two answers are equal: folded, without quotes, emphasis, brackets and outer punctuation; digits of
    one number without grouping."""
    return " ".join(_value(text))


# --- lists and judgement ----------------------------------------------------------------------------------------------

_NOUN = r"(?:answers?|values?|numbers?|results?|outputs?|response|solution|words?|uuids?|names?|keys?|items?|elements?|codes?)"
_LEAD_IN = re.compile(
    r"""[\s*_#>`"'(\[{]{0,20}(?:"""
    r"(?:(?:so|thus|therefore|hence|sure|okay|ok|certainly)\b[,!.\s]{0,3})?(?:(?:the|my|all|final|correct|requested|special"
    rf"|magic|hidden|only|two|three|four)\s{{1,3}}){{0,6}}{_NOUN}(?:\s(?:for|of|to|in|mentioned|that)\b[^\n:：]{{0,150}}?)?"
    r"""(?:\s{0,3}\b(?:is|are)\b|[*_"'\s]{0,5}[:：=]|\s{0,3}\n)"""
    r"|(?:it|they|that|these|this)\s(?:is|are|would be)\b|(?:it|that)['’]s\b"
    r"|(?:所以|因此|那么)?[，,]?(?:最终|正确|最后)?的?(?:答案|结果|回答)(?:应该|应当)?(?:是|为|就是|如下)?"
    r")[\s:：=*_]{0,9}",
    re.I,
)
_TAGGED = re.compile(r"\s{0,9}<(\w{1,30})>([^<]*)</\1>\s{0,9}")
_SEPARATOR = re.compile(
    r"[\n\r\v\f\x85\u2028\u2029;；、，&]|(?<!\d),|,(?!\d{3}(?!\d))|(?<=\d{4}),|(?<![\w-])and(?![\w-])|以及|[和与及]", re.I
)
_GLUE = {",", ";", ".", ":", "!", "、", "。", "&", "-", "•", "·", "+", "=", "|", "and", "和", "与", "及", "以"}
# Parts of everyday compounds ("well-known", "word-based"), which are no values of the form word-word.
_COMPOUND = frozenset(
    "well non self re pre post co ex sub semi multi anti so follow step one two three four five six seven eight nine ten twenty "
    "thirty forty fifty sixty seventy eighty ninety in on off up out by to based related like specific only free aware known "
    "term time level end".split()
)


def _after_lead_in(said: str) -> str:
    if tagged := _TAGGED.fullmatch(said):
        said = tagged[2]
    lead_in = _LEAD_IN.match(said)
    return said[lead_in.end() :] if lead_in else said


def items(text: str) -> list[str]:
    """The items of an answer that is a list: JSON, one per line with or without markers, or parted by commas, semicolons,
    "and", "、", "和". Items keep their spelling; compare them with `normal`. A conjunction inside an item parts it too."""
    text = visible(text)
    if text[:1] in ("[", "{"):
        try:
            nodes = [json.loads(text, parse_int=str, parse_float=str)]
        except (ValueError, RecursionError):
            text = text.strip("[]{}. ")
        else:
            found: list[str] = []
            while nodes:
                node = nodes.pop()
                if isinstance(node, (list, dict)):
                    nodes.extend(reversed(list(node.values() if isinstance(node, dict) else node)))
                elif node is not None:
                    found.append(str(node).strip())
            return [item for item in found if item]
    parts = (re.sub(r"^\s*[-*+•·‣◦–—]\s", "", part) for part in _SEPARATOR.split(_unlisted(_after_lead_in(text))))
    stripped = (part.strip(" \t*_`\"'“”‘’「」『』").rstrip(".。!").rstrip("*_`\"'”’」』") for part in parts)
    return [part for part in stripped if part]


def _shape(token: str) -> tuple[object, ...] | None:
    """What tokens of one form have in common: digits by number, codes and UUIDs by the sizes of their parts, hyphenated words."""
    parts = token.split("-")
    if not token.isascii() or not all(part.isalnum() for part in parts):
        return None
    if token.replace("-", "").isdecimal():
        return ("digits", sum(map(len, parts)))
    if not all(part.isalpha() for part in parts):
        return ("code", *map(len, parts))
    return ("words", len(parts)) if len(parts) > 1 and not _COMPOUND.intersection(parts) else None


def _unambiguous(text: str, values: Collection[tuple[str, ...]], never: Collection[tuple[str, ...]]) -> str:
    """`text`, folded, without what only looks like a value of one letter: the article "a", and one CJK character inside a word
    ("是" in "答案是否") where such a value also stands alone, or where it would be a no-answer word (`never`)."""
    if ("a",) in values:
        text = re.sub(r"(?<![\w'’-])a(?= [A-Za-z]{2})", " ", text)
    single = {value[0] for value in values if len(value) == 1 and _ONE_CJK.fullmatch(value[0])}
    text = _fold(_after_lead_in(text) if single else text)
    if single and not re.search(rf"(?<![{_CJK}])[{''.join(single)}](?![{_CJK}])", text):
        single = {value[0] for value in never if value[0] in single and len(value) == 1}
    if single:
        one = f"[{''.join(single)}]"
        longer = sorted({"".join(v) for v in values if len(v) > 1 and single & set(v)}, key=len, reverse=True)
        whole = "|".join(map(re.escape, longer)) or "(?!)"
        text = re.sub(rf"({whole})|(?<=[{_CJK}]){one}|{one}(?=[{_CJK}])", lambda found: found[1] or ",", text)
    return text


def _in_order(found: Sequence[tuple[str, ...]], wanted: Sequence[tuple[str, ...]]) -> int:
    """How many of `wanted` stand in `found` in the right order (the longest such run)."""
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
    """Shares between 0 and 1 of how well `response` names `outputs`, all of them and nothing else.

    `recall`: share of `outputs` mentioned; with `ordered`, of those in order, by first and by last mention, the worse of both.
    `any`: 1 if one is mentioned. `exact`: 1 if the answer, after a short lead-in, is the outputs and nothing else.
    `exclusive`, which is also `score`: `recall` less 1/len(outputs), never below 0, for each different
    - rival named: a value of `rivals` that is no output;
    - surplus value: a token that is no value given and has the form of an output, that is as many digits, a code or UUID with
      parts of the same sizes, or as many hyphenated words;
    - and once where the text also says `no_answer` or one of `refusals`.
    Values in `allowed` (the key asked for) never cost. Where `no_answer` is the one output, it or one of `refusals` must be
    said, and the form of a surplus value is that of the rivals. `prompt` serves to tell an echo from an answer.
    """
    wanted = [_value(output) for output in outputs]
    never = {_value(phrase) for phrase in (no_answer, *refusals)} - {()}
    absent = bool(no_answer) and wanted == [_value(no_answer)] != [()]
    free = {_value(value) for value in allowed}
    others = {_value(rival) for rival in rivals} - set(wanted) - never - free
    values = {*wanted, *never, *free, *others} - {()}
    if not absent:
        never -= {*wanted, *free}
    shapes = {_shape(value[0]) for value in (others if absent else wanted) if len(value) == 1} - {None}
    numbers = _groupable(values)
    lengths = {size for form, *sizes in filter(None, shapes) for size in sizes if form == "digits" and isinstance(size, int)}

    def read(text: str) -> tuple[list[tuple[str, ...]], list[str]]:
        return _find(_tokens(_unambiguous(text, values, never), numbers, lengths), values)

    said = visible(response, prompt)
    if len(said) > 200 + 2 * sum(map(len, outputs)) and said in prompt:
        said = ""
    found, rest = read(said)
    named = set(found)
    distinct = list(dict.fromkeys(wanted))
    if absent:
        recall = float(bool(never & named))
    elif ordered:
        first, last = dict.fromkeys(found), list(dict.fromkeys(reversed(found)))[::-1]
        recall = min(_in_order(list(first), distinct), _in_order(last, distinct)) / max(1, len(distinct))
    else:
        recall = sum(value in named for value in distinct) / max(1, len(distinct))
    surplus = {token for token in set(rest) if _shape(token) in shapes}
    wrong = len(others & named) + len(surplus) + (not absent and bool(never & named))
    score = max(0.0, recall - wrong / max(1, len(outputs)))

    answer = _after_lead_in(said)
    bare, extra = (found, rest) if answer == said else read(answer)
    right = len(bare) == 1 and bare[0] in never if absent else bare == wanted if ordered else Counter(bare) == Counter(wanted)
    exact = float(bool(wanted) and right and not set(extra) - _GLUE)
    return {"score": score, "recall": recall, "any": float(recall > 0), "exact": exact, "exclusive": score}
