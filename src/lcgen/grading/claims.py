"""What a response claims of the values that it names: which key each is given to, which are called void or denied, and where it
corrects itself."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from itertools import groupby, takewhile

from .values import Value

AROUND = 12
"""Tokens before and after a value in which it may be called void."""
_BE = r"(?:is|was|are|were|has been|had been|became|got)"
# Words that turn a value void stand before it ("replacing 1") or after it ("1 was replaced"), never across a comma, and
# never so that they speak of the other value ("was replaced by 1").
_VOID_BEFORE = re.compile(
    r"\b(?:(?:originally|initially|previously|at first) ,(?= )|earlier|previous(?:ly)?|prior|former(?:ly)?|old|original(?:ly)?|initial(?:ly)?|first|outdated|voids|voiding|corrects"
    r"|correcting|(?<!\bis )(?<!\bwas )(?<!\bare )(?<!\bwere )(?<!\bbeen )(?<!\bgot )(?:replac|supersed)(?:es?|ed|ing)|overrid(?:es?|ing)|overrode|no longer|not|instead of|rather than"
    r"|in place of|(?:changed|corrected|updated|revised) from)(?: (?!(?:by|with|to|but|than|then|now|and|or)\b)[^\W\d]+){0,4} ?:? ?$"
    r"|(?:此前|之前|先前|原来|原先|原本|原|旧|作废的|而非|而不是|不是|不再是)(?:所载)?的?(?:登记项|答案|值)?[为是]?[:：]?$"
    r"|(?<!被)(?:取代|替代|代替)了?(?:此前|之前|先前|原来|原先|旧)?的?(?:登记项)?$"
)
_VOID_AFTER = re.compile(
    rf"[ ,]*(?:which |that )?{_BE}(?: now| since| later| then)? (?:void|voided|replaced|superseded|corrected|cancell?ed|overridden"
    r"|withdrawn|invalid|outdated|no longer)\b|[ ,]*(?:void(?:ed)?|invalid|outdated|no longer)\b"
    r"|[ ,]*(?:(?:and|but|then|later|now|since) ){0,2}(?:replaced|superseded|corrected|changed|updated|revised|amended) (?:to|by|with)\b"
    r"|[ ,]*(?:but|however ,?|though) (?:(?:this|it|that|a|the|later|subsequent|then|is|was|has|been) ){0,5}"
    r"(?:corrections?|corrected|voids|voided|replaced|superseded|changed|updated)\b"
    r"|[，,]?(?:现|均|一律|已经?|则)*(?:被(?:更正|取代|替代|作废)|作废|失效|无效|不再)"
)
_NOUN = "answer|value|number|code|key|word|name|entry|result|element|one"
# A denial touches the value: "not 1", "1 is not the answer". What stands between is one of these words, so that "not sure, 1" and "1 is
# not far off" deny nothing.
_DENIED_BEFORE = re.compile(
    r"(?:\b(?:not|never|neither|nor|cannot|instead of|rather than|as opposed to|no longer)|\b\w{2,7}n't)"
    rf"(?: (?:is|was|be|been|the|an?|as|to|its|correct|right|final|actual(?:ly)?|really|equal|given|listed|stated|of|for|by"
    rf"|confused with|mistaken for|{_NOUN})){{0,4}} ?$"
    r"|(?<!是)(?<!难道)(?:并?不是|并非|而非|绝非|不可能是|不会是|不应该?[是为]|不等于|不为|不再是)(?:正确)?的?(?:答案|值|号码)?[是为]?$"
)
_DENIED_AFTER = re.compile(
    r" ?,? ?(?:which |that )?(?:is|was|are|were)(?:n't| not| never)(?: (?:the|an?|my))?(?: (?:right|correct|final|actual))?"
    rf" (?:right|correct|it|{_NOUN})\b(?! ?[?？])"
    r"| ?,? ?(?:which |that )?(?:is|was) (?:wrong|incorrect|false)\b"
    # What ought to be another value, which stands next.
    r"| ?,? ?(?:which |that )?(?:should|ought to)(?: actually| really| instead)? (?:be|read|say|have been|have read|have said) ?:? ?$"
    r"|[，,]?(?:其实|实际上?)?应(?:该|当)?(?:[是为]|[改写][为成])[:：]?$"
    r"|[，,]?(?:并|也)?不[是为](?:正确)?的?(?:答案|值|号码|密码|词)|[，,]?是?(?:错的|错误的|不对的?|不正确的?|有误)"
)
_MAY_DENY = re.compile(
    r"n['’ʼ＇]t|\b(?:no[tr]|never|neither|cannot|instead|rather|opposed|longer|wrong|incorrect|false|should|ought)\b|[不非误错应]",
    re.I,
)
_CORRECTION = re.compile(
    r"(?:^|[.!?;,\n…—–-])[\s*_(\"]{0,4}(?:oh,? |ah,? )?(?:"
    r"(?:nope|no|wait|sorry|actually|correction|hold on|scratch that|strike that|my mistake|i mean|on second thought)[,.!:;…—–]"
    r"|(?:no|wait|sorry) (?=(?:no|wait|actually|sorry|it is|it's|that is|that's)\b)|actually )"
    r"|(?:^|[。！？；，,.!?;\n…—])\s{0,4}(?:(?:不对|不是的?|不|错了|等等|等一下|抱歉|对不起|更正|纠正|我?说错了)[，,。.！!：:、…]"
    r"|(?:其实)?应该?是|其实是|实际上?是)",
    re.I,
)
_NO_TO_IT = re.compile(r"[?？][\s*_\")]{0,4}(?:no|nope|不是|不对|不|否)[\s.!。！*_]*\Z", re.I)


def bindings(lines: Iterable[Sequence[Value | str]], owner: Mapping[Value, Value]) -> set[tuple[Value, Value]]:
    """The pairs of key and value that a response states; `owner` gives the right key of each value.

    "key: value", "value for key", a key as heading over its values, a table, a JSON object. Values that follow several
    keys, or come before several, are a list and given to none, unless it says "respectively".
    """
    keys = {*owner.values()}
    pairs: set[tuple[Value, Value]] = set()
    heading: Value | None = None
    keys_lead: bool | None = None
    for line in lines:
        marks = [mark for mark in line if isinstance(mark, tuple) and (mark in keys or mark in owner)]
        runs = [[*run] for _, run in groupby(marks, key=keys.__contains__)]
        if not runs:
            continue
        if keys_lead is None:
            keys_lead = runs[0][0] in keys
        if len(runs) > 1:
            heading = None
            pairs.update(zip(runs[0], runs[1]) if _respectively(line, runs) else _paired(runs, keys))
        elif marks[0] in keys:
            heading = marks[0] if len({*marks}) == 1 else None
        elif heading and keys_lead:
            pairs.update((heading, value) for value in marks)
    return pairs


def _respectively(line: Sequence[Value | str], runs: Sequence[Sequence[Value]]) -> bool:
    said = "respectively" in line or {"分", "别"} <= {*line}
    return said and len(runs) == 2 and len(runs[0]) == len(runs[1])


def _paired(runs: Sequence[Sequence[Value]], keys: set[Value]) -> Iterator[tuple[Value, Value]]:
    """Pairs of one line, whose runs of keys and of values alternate."""
    if runs[0][0] in keys:
        for at in range(0, len(runs) - 1, 2):
            names, held = runs[at], runs[at + 1]
            if len(names) == 1 or names[-1] in names[:-1]:  # else a list of keys before a list of values
                # A key at the end may own the value before it: "x for a and y for b" after "a".
                last = held[-1:] if at + 3 == len(runs) and len(held) > 1 else []
                yield from ((names[-1], value) for value in held[: len(held) - len(last)])
        return
    if len(runs) % 2:  # "x for a, and for b y"; a single key between two values may belong to either
        for held, names, after in zip(runs[::2], runs[1::2], runs[2::2]):
            if len(names) == 2:
                yield from ((names[0], held[-1]), (names[1], after[0]))
        return
    for held, names in zip(runs[::2], runs[1::2]):
        if len(names) == 1:
            yield names[0], held[-1]


def by_key(said: str, keys: Sequence[str], owned: Sequence[Sequence[str]]) -> str:
    """`said` with what it says of each of `keys` in their order, and without the keys themselves: to be judged as a list.

    `owned` holds the values of each key. Of a key that is given none of its own, values of the other keys are no answer.
    Text that names no key comes back as it is.
    """
    outputs = [value for own in owned for value in own]
    named = re.compile("|".join(rf"(?<![A-Za-z0-9-]){re.escape(key)}(?![A-Za-z0-9-])" for key in keys), re.I)
    texts, found = named.split(said), [key.lower() for key in named.findall(said)]
    if not found:
        return said
    # A value stands behind its key, unless the response begins with one.
    first = any(value.lower() in texts[0].lower() for value in outputs)
    bare, pieces = (texts[-1], texts[:-1]) if first else (texts[0], texts[1:])
    sorted_ = [bare]
    for key, own in zip(keys, owned):
        piece = "\n".join(text for name, text in zip(found, pieces) if name == key.lower())
        if not any(value.lower() in piece.lower() for value in own):
            piece = re.sub("|".join(map(re.escape, outputs)), " ", piece, flags=re.I)
        sorted_.append(piece)
    return "\n".join(sorted_)


def called_void(said: Sequence[Value | str], value: Value) -> bool:
    """Whether every mention of the value stands in words that call it void: "the earlier 1", "replacing 1", "1 is void"."""
    places = [at for at, mark in enumerate(said) if mark == value]
    return bool(places) and all(_void_at(said, at) for at in places)


def denied(lines: Iterable[Sequence[Value | str]], named: Collection[Value | str]) -> set[Value | str]:
    """Those of `named` of which each mention is denied: "not 1", "not 1 or 2", "1 is not the answer"."""
    found: dict[Value | str, bool] = {}
    for line in lines:
        last, behind = False, 0
        for at, mark in enumerate(line):
            if mark in named:
                joined = [*line[behind:at]] in (["or"], ["nor"], ["或"], ["或", "者"])
                last, behind = denies(*_beside(line, at)) or (last and joined), at + 1
                found[mark] = found.get(mark, True) and last
    return {mark for mark, never in found.items() if never}


def denies(before: str, after: str) -> bool:
    """Whether the words next to a value, folded and of its own sentence, deny it."""
    return bool(_DENIED_BEFORE.search(before) or _DENIED_AFTER.match(after))


def may_deny(said: str) -> bool:
    """Whether a text has any word that could deny something, so that it must be read for denials."""
    return _MAY_DENY.search(said) is not None


def corrections(said: str, start: int = 0) -> list[int]:
    """Where a text goes on, from `start` on, behind words that take back what stands before them ("No, actually"), the last first."""
    return [found.end() for found in _CORRECTION.finditer(said, start)][::-1]


def answered_no(said: str) -> bool:
    """Whether a text ends in a question that it answers with no."""
    return _NO_TO_IT.search(said[-99:]) is not None


def _void_at(said: Sequence[Value | str], at: int) -> bool:
    before, after = _beside(said, at)
    return bool(_VOID_BEFORE.search(before) or _VOID_AFTER.match(after))


def _beside(said: Sequence[Value | str], at: int) -> tuple[str, str]:
    """The words before and after a place, as far as the next value on each side."""
    before = [*takewhile(lambda mark: isinstance(mark, str), reversed(said[max(0, at - AROUND) : at]))][::-1]
    after = [*takewhile(lambda mark: isinstance(mark, str), said[at + 1 : at + 1 + AROUND])]
    return _text(before), _text(after)


def _text(tokens: Sequence[Value | str]) -> str:
    """Tokens as text, without spaces between characters that are not ASCII."""
    return re.sub(r"(?<![\x00-\x7f]) | (?![\x00-\x7f])", "", " ".join(map(str, tokens)))
