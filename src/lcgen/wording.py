"""Wording: a task's template in one language, rendered in a sandbox, and the patterns that its sentences leave.

The template is a Jinja file. Its macros word the planted sentences and the question; its body is the complete user
prompt. Templates may come from outside, so they run in an immutable sandbox with undefined names refused.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping, Sequence
from functools import cached_property
from importlib.resources import files
from typing import Any

import jinja2
from jinja2.exceptions import SecurityError
from jinja2.sandbox import ImmutableSandboxedEnvironment

from lcgen.errors import LcgenError

# Private-use characters: no haystack, key or value holds them, so a slot can be told from the words around it.
MARK = "\ue000{}\ue001"
SLOT = re.compile("\ue000(.*?)\ue001")
CONTEXT = MARK.format("context")
PAD = MARK.format("pad")
# A slot is one run of letters, digits and hyphens: it never crosses a space or a mark of punctuation.
WORD = r"[^\W_]+(?:-[^\W_]+)*"


class Wording:
    """How one task speaks in one language.

    `blocks` are the macros the task needs, each with the slots that it must print; `slot*` takes a list, `slot?` is a
    flag that is not printed. Raises LcgenError, with the place, for a template that does not parse, lacks a macro,
    loses a slot, or does what the sandbox forbids.
    """

    def __init__(self, template: str, lang: str, blocks: Mapping[str, Sequence[str]], name: str = "template") -> None:
        self.source, self.lang, self.name, self.blocks = template, lang, name, blocks
        self.hash = hashlib.sha256(template.encode()).hexdigest()[:16]
        environment = ImmutableSandboxedEnvironment(
            undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True, autoescape=False
        )
        try:
            self._template = environment.from_string(template)
            # A macro sees the variables of the body only when it is called, so the module is made with the slots open.
            self._module = self._template.make_module(
                {"context": CONTEXT, "question": MARK.format("question"), "pad": PAD, "place": "after", "audience": "chat"}
            )
        except jinja2.TemplateSyntaxError as error:
            raise LcgenError(f"The template {name} does not parse: line {error.lineno}: {error.message}.") from error
        except Exception as error:
            raise self._refused(error) from error
        for block, slots in blocks.items():
            if not hasattr(self._module, block):
                raise LcgenError(
                    f"The template {name} has no macro {block!r}. The task needs: "
                    + ", ".join(f"{b}({', '.join(s)})" for b, s in blocks.items())
                    + "."
                )
            printed = set(SLOT.findall(self._open(block)))
            if lost := {slot.rstrip("*") for slot in slots if not slot.endswith("?")} - printed:
                raise LcgenError(f"The macro {block!r} of template {name} does not print {', '.join(sorted(lost))}.")
        for place in ("before", "after", "both"):
            for audience in ("chat", "base"):
                self.frame(question=MARK.format("question"), place=place, audience=audience)

    def _refused(self, error: Exception) -> LcgenError:
        what = "does something that is not allowed" if isinstance(error, SecurityError) else "cannot be rendered"
        return LcgenError(f"The template {self.name} {what}: {error}.")

    def say(self, block: str, **slots: Any) -> str:
        """One macro as text, without white space at its ends."""
        try:
            return str(getattr(self._module, block)(**slots)).strip()
        except Exception as error:
            raise self._refused(error) from error

    def _open(self, block: str) -> str:
        """One macro with its slots marked."""
        marks: dict[str, Any] = {}
        for slot in self.blocks[block]:
            stem = slot.rstrip("*?")
            marks[stem] = False if slot.endswith("?") else [MARK.format(stem)] if slot.endswith("*") else MARK.format(stem)
        return self.say(block, **marks)

    def has(self, block: str) -> bool:
        """Whether the template brings this macro, which the task can do without."""
        return hasattr(self._module, block)

    def frame(self, **slots: Any) -> tuple[str, str, str]:
        """The prompt around the context: what stands before it, between it and the pad, and after the pad."""
        try:
            text = self._template.render(context=CONTEXT, pad=PAD, **slots).strip()
        except Exception as error:
            raise self._refused(error) from error
        before, found, rest = text.partition(CONTEXT)
        between, pad, after = rest.partition(PAD)
        if not found or not pad or CONTEXT in rest or PAD in after or PAD in before:
            raise LcgenError(
                f"The template {self.name} must print {{{{ context }}}} once and {{{{ pad }}}} once after it "
                f"(question placed {slots.get('place')!r}, for {slots.get('audience')!r})."
            )
        if MARK.format("question") == slots.get("question") and MARK.format("question") not in text:
            raise LcgenError(f"The template {self.name} does not print {{{{ question }}}} when it is placed {slots['place']!r}.")
        return before, between, after

    def pattern(self, block: str) -> re.Pattern[str]:
        """The macro as a regular expression with a named group for each slot: all that generator and solver share."""
        if block not in self._patterns:
            seen: set[str] = set()
            parts = []
            for number, piece in enumerate(SLOT.split(self._open(block))):
                if number % 2 == 0:
                    parts.append(re.escape(piece))
                elif piece in seen:
                    parts.append(f"(?P={piece})")
                else:
                    seen.add(piece)
                    parts.append(f"(?P<{piece}>{WORD})")
            self._patterns[block] = re.compile("".join(parts))
        return self._patterns[block]

    def parts(self, block: str) -> list[tuple[str, str]]:
        """The macro in parts for writing many: (text, "") for its words, ("", slot) for its slots."""
        return [(piece, "") if n % 2 == 0 else ("", piece) for n, piece in enumerate(SLOT.split(self._open(block)))]

    def cue(self, block: str, **slots: Any) -> str:
        """The words of a macro that stand before its value, with no space after them."""
        return self.say(block, value=MARK.format("value"), **slots).partition(MARK.format("value"))[0].rstrip()

    @cached_property
    def _patterns(self) -> dict[str, re.Pattern[str]]:
        return {}

    @cached_property
    def pads(self) -> list[str]:
        """Neutral sentences of many lengths, for the slot that closes what units of filler cannot."""
        return (files("lcgen") / "lang" / self.lang / "pads.txt").read_text(encoding="utf-8").split("\n")[:-1]
