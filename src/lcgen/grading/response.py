"""What a response finally says: without thinking, echo and wrapping, and as the items of a list."""

from __future__ import annotations

import json
import re

from .values import unlisted

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
ECHO = 200
"""Characters from which on a text of the prompt is an echo of it; shorter ones may well be quoted in an answer."""
WINDOWS = 64
"""Pieces of a text that are looked for in the prompt."""
_STRUCK = re.compile(r"(?<!~)~~(?![~\s])[^~\n]{1,999}(?<!\s)~~(?!~)")  # Markdown: ~~not this~~
_REASONS = re.compile(rf"{_THINK}|chain_of_thought|thought_process|rationale|cot", re.I)
_MEMBER = re.compile(r'[\s,]*"((?:[^"\\]|\\.)*)"\s*:\s*')
_CLOSED = re.compile(r"[\s,]*\}")
_DECODE = json.JSONDecoder(parse_int=str, parse_float=str).raw_decode
_ESCAPED = re.compile(r"\\u(?!00[0-7]|d[89a-f])([0-9a-f]{4})", re.I)  # JSON of what is not ASCII, but for halves of a character
_SPECIAL = re.compile(r"<\|[\w-]{1,40}\|>|<｜[^<>｜]{1,40}｜>|</s>|<eos>|<end_of_turn>", re.I)


def visible(response: str, prompt: str = "", question: str = "") -> str:
    """What `response` finally says: without thinking, echoes of `prompt` and `question`, special tokens, what is struck out, a fence round it.
    Characters that JSON escapes stand as themselves.

    A thinking block that is never closed hides all that follows; a closing tag without an opening one, all before it. A member of a
    JSON object whose name is that of such a block is left out, where another member answers.
    Anything that is no string says nothing.
    """
    if not isinstance(response, str):
        return ""
    for echo in (prompt if len(prompt) >= ECHO else "", question):
        response = response.replace(echo, "\n") if echo.strip() else response
    said = _outside_thoughts(_final_channel(_without_echo(response, prompt)))
    if said != response:
        said = _without_echo(said, prompt)
    said = _STRUCK.sub(" ", _SPECIAL.sub(" ", said)).strip()
    said = _ESCAPED.sub(lambda code: chr(int(code[1], 16)), said)
    for fence in ("```", "~~~"):
        if said.startswith(fence):
            body = said.partition("\n")[2] if "\n" in said else said.strip(fence[0])
            body = body.rstrip().removesuffix(fence)
            if fence not in body:
                said = body.strip()
    return _without_reasons(said)


def _without_reasons(said: str) -> str:
    """A JSON object without the members in which it thinks, if it has others; any other text as it is."""
    if not said.startswith("{") or not _REASONS.search(said):
        return said
    kept, at = [], 1
    try:
        while member := _MEMBER.match(said, at):
            _, end = _DECODE(said, member.end())
            kept += [] if _REASONS.fullmatch(member[1]) else [said[at:end].strip(", \n")]
            at = end
    except (ValueError, RecursionError):
        return said  # no JSON, or cut off
    closed = _CLOSED.match(said, at)
    return f"{{{', '.join(kept)}}}{said[closed.end() :]}" if kept and closed else said


def resumed(said: str, prefix: str) -> str:
    """The whole answer of which `said` goes on from `prefix`, the words given to the model; as it is where it repeats them, or is empty."""
    prefix = prefix.strip()
    if not prefix or not said or said.startswith(prefix):
        return said
    return f"{prefix}{'' if said.startswith((' ', chr(10))) else ' '}{said}"


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


def unclosed(response: str) -> bool:
    """Whether a response ends inside its thinking, so that it says nothing."""
    if not isinstance(response, str):
        return False
    if _BARE_CHANNELS.match(response):
        return "assistantfinal" not in response
    heads = [head[1].lower() for head in _CHANNEL.finditer(response)]
    return _thoughts(response)[1] or (bool(heads) and "final" not in heads)


def _outside_thoughts(text: str) -> str:
    return _thoughts(text)[0]


def _thoughts(text: str) -> tuple[str, bool]:
    """What stands outside of thinking, and whether thinking is open at the end."""
    if not any(mark in text for mark in "<[◁"):  # spares a search through a long document
        return text, False
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
    return "\n".join(kept if depth else [*kept, text[at:]]), depth > 0


def _without_echo(text: str, prompt: str) -> str:
    asked, said = prompt.strip(), text.strip()
    if not asked:
        return text
    if len(said) >= ECHO and asked.startswith(said):  # an echo cut off by the budget
        return ""
    anywhere = len(asked) >= ECHO  # a short prompt may well be quoted inside an answer
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


def recited(said: str, prompt: str, answer: int) -> bool:
    """Whether a text that is longer than an answer of `answer` characters needs is copied from the prompt, more or less."""
    if len(said) > ECHO + 2 * answer and said in prompt:
        return True
    if not prompt or len(said) <= 2 * ECHO + 12 * answer:
        return False
    copy, source = (re.sub(r"[\W_]+", "", text).casefold() for text in (said, prompt))
    width = 16 if len(copy.encode(errors="replace")) < 2 * len(copy) else 6  # about three words
    windows = [copy[at : at + width] for at in range(0, len(copy) - width, max(1, len(copy) // WINDOWS))]
    return 2 * sum(window in source for window in windows) > len(windows)


def _place(text: str, count: int) -> int:
    """Where the character stands that has `count` characters before it, white space not counted."""
    for run in re.finditer(r"\S+", text):
        if count < len(run[0]):
            return run.start() + count
        count -= len(run[0])
    return len(text)


# Lists

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


def after_lead_in(said: str) -> str:
    """The answer itself, without "The answer is:" or tags round it."""
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
    text = after_lead_in(text).strip()
    if text[:1] in ("[", "{", "("):
        text = text.strip("[]{}(). ")
    parts = _SEPARATOR.split(unlisted(text))
    bare = (re.sub(r"^\s*[-*+•·‣◦–—]\s", "", part).strip(" \t*_`\"'“”‘’「」『』") for part in parts)
    return [item for part in bare if (item := part.rstrip(".。!*_`\"'”’」』"))]
