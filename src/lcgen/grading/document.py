"""Long documents of numbered entries, in which things must stand in some entries and in no other: read, checked, counted.

The metrics are those of Spinning the Golden Thread (Wu et al. 2024, arXiv:2409.02076), with verdicts by rule where the paper asks
a model; `judge_prompt` is for who wants to ask one all the same. All of it is linear in the text.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from statistics import fmean

from .denial import REACH, Denials
from .length import words
from .values import fold

ENOUGH = 0.8
"""Share of the words asked for from which on an entry is long enough."""
REPEATED = 0.8
"""Share of its sentences that stood before, above which an entry says nothing new."""
VARIED, LOOKED_AT = 0.1, 200
"""Least share of different words among the first so many of an entry."""
_WORD = re.compile(r"[^\W_]")
_DIGITS, _TENS = "零一二三四五六七八九〇", {"十": 10, "百": 100, "千": 1000}
_SENTENCE = re.compile(r"[.!?。！？\n\d]+")


@dataclass(frozen=True)
class Check:
    """One thing that must stand in one entry."""

    entry: int
    kind: str
    event: str
    """Its full name."""
    key: str
    """The word of the name by which it is known."""


def checks(events: Sequence[Mapping[str, object]]) -> list[Check]:
    """All checks of events that have `kind`, `event`, `key` and `entries`, in the order of the entries."""
    found = [
        Check(entry, str(event["kind"]), str(event["event"]), str(event["key"]))
        for event in events
        for entry in event["entries"]  # type: ignore[attr-defined]
    ]
    return sorted(found, key=lambda check: check.entry)


@dataclass
class Document:
    """A text cut at its headers."""

    text: str
    starts: list[int] = field(default_factory=list)
    """Where the body of each block begins; blocks stand in the order of the text."""
    ends: list[int] = field(default_factory=list)
    numbers: list[int] = field(default_factory=list)
    """The number in the header of each block; -1 where it has none."""
    marked: bool = True
    """Whether headers are marked as was asked."""
    finished: bool = False

    def written(self, block: int) -> bool:
        """Whether a block has a word below its header; else the header is a mention, as in an outline."""
        return _WORD.search(self.text, self.starts[block], self.ends[block]) is not None

    def entries(self, count: int, least: int = 0) -> dict[int, int]:
        """The block of each entry, numbers 1 to `count`, in the order of the text.

        Of a number that stands more than once the first that is long enough counts, and where none is, the first that says anything.
        """
        found: dict[int, int] = {}
        long = set[int]()
        for block, number in enumerate(self.numbers):
            if 1 <= number <= count and number not in long and self.written(block):
                found.setdefault(number, block)
                if words(self.text[self.starts[block] : self.ends[block]]) >= ENOUGH * least:
                    found[number] = block
                    long.add(number)
        return dict(sorted(found.items(), key=lambda one: one[1]))


def read(text: str, header: Sequence[str], finish: str) -> Document:
    """Cuts a text at its headers.

    `header` is what stands in one before the number and behind it, such as `#*# Week` and `:`; its first word is the mark, without
    which lines that are headers but for it are taken where no header has it. `finish` closes the last entry.
    """
    mark, _, label = header[0].strip().partition(" ")
    label = r"\s{1,3}".join(map(re.escape, label.split()))
    tail = re.escape(header[1].strip(" :："))
    number = rf"[【\[]?{label}[\s_*#]{{0,4}}(\d{{1,7}}(?!\d)|[{_DIGITS}{''.join(_TENS)}]{{1,7}})[ \t]{{0,3}}"
    marked = re.compile(rf"{re.escape(mark)}[\s*_#]{{0,8}}(?:{number}|(\d{{1,7}})(?!\d))?", re.I)
    found = Document(text)
    heads = [(head.start(), head.end(), _number(head[1] or head[2])) for head in marked.finditer(text)]
    if all(number < 0 for _, _, number in heads):
        bare = re.compile(rf"^[ \t>*#_\-]{{0,12}}{number}(?={tail}[ \t*_]{{0,4}}(?:[\]】:：(（.\n-]|$))", re.I | re.M)
        heads = [(head.start(), head.end(), _number(head[1])) for head in bare.finditer(text)]
        found.marked = False
    opening = re.compile(
        rf"[ \t*_]{{0,4}}(?:{tail})?[ \t*_]{{0,4}}[\]】]?[ \t*_]{{0,4}}(?:[(（][^()（）\n]{{0,99}}[)）])?[ \t*_]{{0,4}}[:：]?[ \t*_]{{0,4}}",
        re.I,
    )
    for start, end, number_said in heads:
        if found.starts:
            found.ends.append(start)
        body = opening.match(text, end)
        found.starts.append(body.end() if body else end)
        found.numbers.append(number_said)
    last = found.starts[-1] if heads else 0
    closing = re.compile(rf"\*{{2,3}}\s{{0,3}}{re.escape(finish.strip('* '))}", re.I).search(text, last)
    found.finished = closing is not None
    if heads:
        found.ends.append(closing.start() if closing else len(text))
    return found


def _number(text: str | None) -> int:
    """The number of a header, in digits or in Chinese characters (twelve: 十二); -1 where there is none."""
    if not text or text.isdecimal():
        return int(text or -1)
    found, held = 0, 0
    for sign in text:
        if sign in _TENS:
            found, held = found + max(1, held) * _TENS[sign], 0
        else:
            held = 10 * held + _DIGITS.index(sign) % 10
    return found + held


def figures(
    said: str,
    events: Sequence[Mapping[str, object]],
    entries: int,
    least: int,
    header: Sequence[str],
    finish: str,
    window: int = 0,
    denials: Mapping[str, Sequence[str]] | None = None,
) -> dict[str, float]:
    """What a document is worth of which `entries` entries of at least `least` words were asked for.

    `denials` are the words by which a mention is denied (see `denial.CLASSES`); without them none is.

    A check passes where its entry is there, names the key as a word of its own, and does not deny it in the same clause.
    `cr`: share of entries that are there (paper: completion rate). `cr_valid`: of those that are long enough, not made of
    sentences that stood before, and more than a few words over and over. `stic_1`: share of checks passed among those whose
    entry is there; `asked`: share of checks that those are; `stic_2`: among all; `stic_2_KIND`, `stic_1_KIND`; `stic_2_named`: denied or not. `wavg` = `cr` x `stic_2`.
    `event_f1_KIND`: over pairs of entry and event, where a pair that was not asked for is a leak unless it lies within
    `window` entries of one that was; `event_f1`: of all kinds together; `leak`: share of pairs that are leaks. `score`: mean of
    `event_f1_KIND` x `cr_valid`. `order`: share of neighbours that rise. `duplicate_rate`, `extra_rate`: headers whose number stood
    before, or was not asked for. `finished`, `marked`: 1 or 0. `length_ratio`: words written to least words asked for.
    `decile_1` .. `decile_10`: share of checks passed by place of their entry in the document.
    """
    document = read(fold(said), [fold(part) for part in header], fold(finish))
    first = document.entries(entries, least)
    counts, valid = _bodies(document, first, least)
    named, affirmed = _mentions(document, first, [str(event["key"]) for event in events], Denials(denials or {}))
    wanted = checks(events)
    passed = [(check.key, check.entry) in affirmed for check in wanted]
    asked = [check.entry in first for check in wanted]
    inside = sum(1 <= number <= entries and document.written(block) for block, number in enumerate(document.numbers))
    beside = sum(not 1 <= number <= entries for number in document.numbers)
    found = {
        "score": 0.0,
        "cr": len(first) / entries,
        "cr_valid": sum(valid) / entries,
        "stic_2": fmean(passed),
        "stic_2_named": fmean((check.key, check.entry) in named for check in wanted),
        "asked": fmean(asked),
        "wavg": len(first) / entries * fmean(passed),
        **_agreement(events, affirmed, window),
        "order": fmean(after > before for before, after in pairwise(first)) if len(first) > 1 else float(len(first)),
        "duplicate_rate": min(1.0, (inside - len(first)) / entries),
        "extra_rate": min(1.0, beside / entries),
        "finished": float(document.finished),
        "marked": float(document.marked and bool(first)),
        "length_ratio": sum(counts) / (entries * max(1, least)),
    }
    kinds = dict.fromkeys(check.kind for check in wanted)
    found["score"] = fmean(found[f"event_f1_{kind}"] for kind in kinds) * found["cr_valid"]
    for name, kind in [("", None), *((f"_{kind}", kind) for kind in kinds)]:
        own = [place for place, check in enumerate(wanted) if kind in (None, check.kind)]
        found[f"stic_2{name}"] = fmean(passed[place] for place in own)
        if there := [passed[place] for place in own if asked[place]]:
            found[f"stic_1{name}"] = fmean(there)
    for tenth in range(10):
        if part := [mark for mark, check in zip(passed, wanted) if (check.entry - 1) * 10 // entries == tenth]:
            found[f"decile_{tenth + 1}"] = fmean(part)
    return found


def _agreement(events: Sequence[Mapping[str, object]], affirmed: set[tuple[str, int]], window: int) -> dict[str, float]:
    """`event_f1`, `event_f1_KIND` and `leak`."""
    sums: dict[str, list[int]] = {}
    where: dict[str, list[int]] = {}
    for key, entry in affirmed:
        where.setdefault(key, []).append(entry)
    for event in events:
        entries: Sequence[int] = event["entries"]  # type: ignore[assignment]
        near = {entry + shift for entry in entries for shift in range(-window, window + 1)}
        own, said = {*entries}, where.get(str(event["key"]), [])
        hits, leaks = sum(entry in own for entry in said), sum(entry not in near for entry in said)
        for place, count in enumerate((hits, leaks, len(own) - hits)):
            sums.setdefault(str(event["kind"]), [0, 0, 0])[place] += count
    hits, leaks, missed = map(sum, zip(*sums.values()))
    found = {"event_f1": 2 * hits / (2 * hits + leaks + missed), "leak": leaks / max(1, hits + leaks)}
    return {**found, **{f"event_f1_{kind}": 2 * hit / (2 * hit + leak + miss) for kind, (hit, leak, miss) in sums.items()}}


def _bodies(document: Document, first: Mapping[int, int], least: int) -> tuple[list[int], list[bool]]:
    """Words of each entry that is there, and whether it is valid, in the order of the text."""
    counts, valid = [], []
    seen: set[str] = set()
    for block in first.values():
        body = document.text[document.starts[block] : document.ends[block]]
        counts.append(words(body))
        # Who only puts another number into a sentence says nothing new, so numbers part sentences too.
        sentences = [text for part in _SENTENCE.split(body) if (text := part.strip())]
        before = len(sentences)
        fresh = [text for text in dict.fromkeys(sentences) if text not in seen]
        seen.update(fresh)
        # Where words have no spaces between them, signs are as good.
        head = body[: 8 * LOOKED_AT].split()[:LOOKED_AT] if body.isascii() else [*body[:LOOKED_AT]]
        varied = len({*head}) >= VARIED * len(head)
        new = before - len(fresh) <= REPEATED * before
        valid.append(bool(before) and counts[-1] >= ENOUGH * least and varied and new)
    return counts, valid


def _mentions(
    document: Document, first: Mapping[int, int], keys: Sequence[str], denials: Denials
) -> tuple[set[tuple[str, int]], set[tuple[str, int]]]:
    """Pairs of key and entry: those in which the key is named, and those in which it is and is not denied."""
    blocks = {block: number for number, block in first.items()}
    named: set[tuple[str, int]] = set()
    affirmed: set[tuple[str, int]] = set()
    text = document.text
    for key in keys:
        word = fold(key)
        at = text.find(word)
        while at >= 0:
            end = at + len(word)
            block = bisect_right(document.starts, at) - 1
            number = blocks.get(block, 0)
            if number and at < document.ends[block] and (key, number) not in affirmed and _whole(text, at, end):
                named.add((key, number))
                low, high = max(at - REACH, document.starts[block]), min(end + REACH, document.ends[block])
                if not denials.deny(text[low:at], text[end:high]):
                    affirmed.add((key, number))
            at = text.find(word, end)
    return named, affirmed


def _whole(text: str, start: int, end: int) -> bool:
    """Whether no letter or digit of a Latin script stands next to it."""
    return not (
        re.match(r"[0-9a-z\u00df-\u024f]", text[end : end + 1])
        or re.match(r"[0-9a-z\u00df-\u024f]", text[max(0, start - 1) : start])
    )


EXAMPLES = {
    "en": (
        ("We spent the day at the Halvern flower show and came home late.", "the Halvern flower show", "yes"),
        ("The flower show was over, so we went swimming.", "the Halvern flower show", "no"),
        ("In the evening the Ostrik jazz band played for us.", "the Ostrik jazz band", "yes"),
    ),
    "zh": (
        ("我们在海尔文花展待了一整天，很晚才回家。", "海尔文花展", "是"),
        ("花展已经结束，我们就去游泳了。", "海尔文花展", "否"),
        ("晚上奥斯特爵士乐队为我们演奏。", "奥斯特爵士乐队", "是"),
    ),
}
"""Worked examples for a judge: an entry, what is asked for, the answer."""
_ASKED = {
    "en": "Entry:\n{entry}\n\nDoes this entry say that {event} takes place or stands here? Answer with yes or no alone.\nAnswer:",
    "zh": "条目：\n{entry}\n\n这一条目里是否写到了{event}？只回答“是”或“否”。\n回答：",
}


def judge_prompt(check: Check, entry: str = "{entry}", lang: str = "en", examples: bool = False) -> str:
    """What to ask a model that judges whether an entry holds what a check wants; as in the paper, without worked examples or with
    three. Without `entry` its place is left as `{entry}`."""

    def asked(text: str, event: str) -> str:
        return _ASKED[lang].replace("{event}", event).replace("{entry}", text)

    event = check.event if lang == "zh" else f"the {check.event}"
    shown = [f"{asked(text, name)} {answer}\n\n" for text, name, answer in EXAMPLES[lang]] if examples else []
    return "".join(shown) + asked(entry, event)
