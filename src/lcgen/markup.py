"""Markdown as plain text.

Every pattern takes linear time on any text: documents come from outside.
"""

from __future__ import annotations

import html
import re

_FENCE = re.compile(r"^ {0,3}(`{3,}|~{3,})")
_QUOTE = re.compile(r"^\s{0,3}(?:>\s?)+")
# Whole lines: a row of a table, a rule or an underline, the definition of a link.
_LEFT_OUT = re.compile(r"\|.*\||[-*_=][-*_=\s]*|\[[^\]]*\]:\s.*")
_OWN_LINE = re.compile(r"\s*(#{1,6}\s+|[-*+]\s+(?:\[[ xX]\]\s+)?|\d{1,9}[.)]\s+)")
_TARGET = r"\((?:[^()\n]|\([^()\n]*\))*\)"
_INLINE = [
    # Pictures, marks of notes, addresses and tags go; of the rest the text inside stays.
    (re.compile(rf"!\[[^\[\]]*\]{_TARGET}|\[\^[^\[\]]*\]|<[a-z]+:[^<>\s]*>|</?[A-Za-z][^<>]{{0,400}}>"), ""),
    (re.compile(rf"\[([^\[\]]*)\](?:{_TARGET}|\[[^\[\]]*\])"), r"\1"),
    (re.compile(r"(?<!`)`{1,3}([^`]+)`{1,3}"), r"\1"),
    (re.compile(r"(?<!\\)\*{1,3}(?=\S)([^*]*[^*\s\\])\*{1,3}"), r"\1"),
    (re.compile(r"(?<![^\W_])(?<!\\)_{1,3}(?=\S)([^_]*[^_\s\\])_{1,3}(?![^\W_])"), r"\1"),
    (re.compile(r"~~([^~]+)~~"), r"\1"),
    (re.compile(r"\\([!-/:-@\[-`{-~])"), r"\1"),
]


def plain(markdown: str) -> str:
    """Markdown as paragraphs of plain text: marks are taken off; code, tables, pictures, front matter are left out."""
    lines = markdown.removeprefix("\ufeff").splitlines()
    if lines[:1] == ["---"] and "---" in lines[1:]:
        lines = lines[lines.index("---", 1) + 1 :]
    kept: list[str] = []
    fence = ""
    for line in lines:
        line = _QUOTE.sub("", line)
        found = _FENCE.match(line)
        if fence or found:
            if not fence and found:
                fence = found[1]
            elif found and found[1].startswith(fence) and not line[found.end() :].strip():
                fence = ""
            kept.append("")
        elif _LEFT_OUT.fullmatch(line.strip()):
            kept.append("")
        elif own := _OWN_LINE.match(line):
            heading = own[1].startswith("#")
            text = line[own.end() :].strip()
            # A heading, and each item of a list, is a paragraph of its own.
            kept += ["", text.rstrip("#").rstrip() if heading else text, *([""] if heading else [])]
        else:
            kept.append(line.rstrip("\\"))
    text = _without_comments("\n".join(kept))
    for pattern, by in _INLINE:
        text = pattern.sub(by, text)
    return html.unescape(text)


def _without_comments(text: str) -> str:
    parts, at = [], 0
    while (opening := text.find("<!--", at)) >= 0 and (closing := text.find("-->", opening)) >= 0:
        parts.append(text[at:opening])
        at = closing + 3
    return "".join(parts) + text[at:]
