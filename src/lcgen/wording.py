"""Wording: a task's template in one language, rendered in a sandbox, and the patterns that its sentences leave.

The template is a Jinja file. Its macros word the planted sentences and the question; its body is the complete user
prompt. Templates may come from outside, so they run in a sandbox. Planted sentences are written from the macro's words
and slots, not by running it again: what stands in the text is then what the pattern finds.
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

from lcgen.errors import LcgenError
from lcgen.sandbox import Sandbox, within_steps

# Private-use characters: no haystack, key or value holds them, so a slot can be told from the words around it.
MARK = "\ue000{}\ue001"
SLOT = re.compile("\ue000(.*?)\ue001")
CONTEXT = MARK.format("context")
PAD = MARK.format("pad")
# A slot is one run of letters, digits and hyphens: it never crosses a space or a mark of punctuation.
WORD = r"[^\W_]+(?:-[^\W_]+)*"
# A slot declared as `name~text` is anything on one line, as far as the words that follow it.
TEXT = r"[^\n]+?"
NOTHING = re.compile(r"(?!)")
# Values of several kinds, of which every macro must make the same sentence.
PROBES = ("amber-lantern", "7", "6841", "灯塔", "3f2b9c1e-0a4d-4c55-9e07-5b1d2a8c6f10")


class Wording:
    """How one task speaks in one language.

    `blocks` are the macros of the task, each with the slots that it must print; `slot*` takes a list, `slot?` is a flag
    that is not printed, `slot~text` takes any text of one line. A template may leave out the macros of puzzles that it is not used for. Raises LcgenError, with
    the place, for a template that does not parse, loses a slot, or does what the sandbox forbids.
    """

    def __init__(self, template: str, lang: str, blocks: Mapping[str, Sequence[str]], name: str = "template") -> None:
        self.source, self.lang, self.name, self.blocks = template, lang, name, blocks
        self.hash = hashlib.sha256(template.encode()).hexdigest()[:16]
        if "\ue000" in template or "\ue001" in template:
            raise LcgenError(f"The template {name} holds private-use characters (U+E000, U+E001), which mark its slots.")
        try:
            self._template = Sandbox().from_string(template)
            # A macro sees the variables of the body only when it is called, so the module is made with the slots open.
            open_slots = {"context": CONTEXT, "question": MARK.format("question"), "pad": PAD}
            self._module = within_steps(lambda: self._template.make_module({**open_slots, "place": "after", "audience": "chat"}))
        except jinja2.TemplateSyntaxError as error:
            raise LcgenError(f"The template {name} does not parse: line {error.lineno}: {error.message}.") from error
        except Exception as error:
            raise self._refused(error) from error
        for block, slots in blocks.items():
            if not hasattr(self._module, block):
                continue
            printed = set(SLOT.findall(self._open(block)))
            if lost := {_stem(slot) for slot in slots if not slot.endswith("?")} - printed:
                raise LcgenError(f"The macro {block!r} of template {name} does not print {', '.join(sorted(lost))}.")
            if all(_stem(slot) == slot.partition("~")[0] for slot in slots):
                self._probe(block, slots)
        for place in ("before", "after", "both"):
            for audience in ("chat", "base"):
                self.frame(question=MARK.format("question"), place=place, audience=audience)

    def _refused(self, error: Exception) -> LcgenError:
        what = "does something that is not allowed" if isinstance(error, SecurityError) else "cannot be rendered"
        return LcgenError(f"The template {self.name} {what}: {error}.")

    def _probe(self, block: str, slots: Sequence[str]) -> None:
        """Raises LcgenError for a macro that alters its slots, words them by their value, or lets them run together."""
        for turn in range(len(PROBES)):
            values = {_stem(slot): PROBES[(turn + number) % len(PROBES)] for number, slot in enumerate(slots)}
            said = self.say(block, **values)
            found = self.pattern(block).fullmatch(said)
            if said != self._run(block, values) or found is None or found.groupdict() != values:
                raise LcgenError(
                    f"The macro {block!r} of template {self.name} must print its slots as they are, with words or spaces "
                    f"between them, and the same words for all values; with {values} it makes {self._run(block, values)[:200]!r}."
                )

    def say(self, block: str, **slots: Any) -> str:
        """One macro as text, without white space at its ends."""
        if all(_stem(slot) == slot.partition("~")[0] for slot in self.blocks.get(block, "*")):
            return "".join(text or str(slots[slot]) for text, slot in self.parts(block))
        return self._run(block, slots)

    def _run(self, block: str, slots: Mapping[str, Any]) -> str:
        if not hasattr(self._module, block):
            raise LcgenError(
                f"The template {self.name} has no macro {block!r}, which this puzzle needs. The task's macros: "
                + ", ".join(f"{b}({', '.join(s)})" for b, s in self.blocks.items())
                + "."
            )
        try:
            return str(within_steps(lambda: getattr(self._module, block)(**slots))).strip()
        except Exception as error:
            raise self._refused(error) from error

    def _open(self, block: str) -> str:
        """One macro with its slots marked."""
        marks: dict[str, Any] = {}
        for slot in self.blocks[block]:
            stem = _stem(slot)
            marks[stem] = False if slot.endswith("?") else [MARK.format(stem)] if slot.endswith("*") else MARK.format(stem)
        return self._run(block, marks)

    def frame(self, **slots: Any) -> tuple[str, str, str]:
        """The prompt around the context: what stands before it, between it and the pad, and after the pad."""
        try:
            text = within_steps(lambda: self._template.render(context=CONTEXT, pad=PAD, **slots)).strip()
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
        """The macro as a regular expression with a named group for each slot: all that generator and solver share.

        The pattern of a macro that the template lacks matches nothing.
        """
        if not hasattr(self._module, block):
            return NOTHING
        if block not in self._patterns:
            seen: set[str] = set()
            texts = {_stem(slot) for slot in self.blocks[block] if slot.endswith("~text")}
            parts = []
            for number, piece in enumerate(SLOT.split(self._open(block))):
                if number % 2 == 0:
                    parts.append(re.escape(piece))
                elif piece in seen:
                    parts.append(f"(?P={piece})")
                else:
                    seen.add(piece)
                    parts.append(f"(?P<{piece}>{TEXT if piece in texts else WORD})")
            self._patterns[block] = re.compile("".join(parts))
        return self._patterns[block]

    def parts(self, block: str) -> list[tuple[str, str]]:
        """The macro in parts: (text, "") for its words, ("", slot) for its slots."""
        if block not in self._parts:
            pieces = enumerate(SLOT.split(self._open(block)))
            self._parts[block] = [("", piece) if n % 2 else (piece, "") for n, piece in pieces if piece]
        return self._parts[block]

    def choices(self, block: str) -> list[str]:
        """The texts that a macro gives, separated by bars; none where the template lacks it."""
        return [text.strip() for text in self.say(block).split("|") if text.strip()] if hasattr(self._module, block) else []

    def cue(self, block: str, **slots: Any) -> str:
        """The words of a macro that stand before its value, with no space after them."""
        return self.say(block, value=MARK.format("value"), **slots).partition(MARK.format("value"))[0].rstrip()

    @cached_property
    def _patterns(self) -> dict[str, re.Pattern[str]]:
        return {}

    @cached_property
    def _parts(self) -> dict[str, list[tuple[str, str]]]:
        return {}

    @cached_property
    def pads(self) -> list[str]:
        """Neutral sentences of many lengths, for the slot that closes what units of filler cannot."""
        return (files("lcgen") / "lang" / self.lang / "pads.txt").read_text(encoding="utf-8").split("\n")[:-1]


def _stem(slot: str) -> str:
    """The name of a slot, without what says of which kind it is."""
    return slot.partition("~")[0].rstrip("*?")
