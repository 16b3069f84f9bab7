"""Wording: a task's template in one language, rendered in a sandbox, and the patterns that its sentences leave.

The template is a Jinja file. Its macros word the planted sentences and the question; its body is the complete user
prompt. Templates may come from outside, so they run in a sandbox. Planted sentences are written from the macro's words
and slots, not by running it again: what stands in the text is then what the pattern finds.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping, Sequence
from functools import cached_property, lru_cache
from itertools import product
from types import CodeType
from typing import Any, Literal

import jinja2
from jinja2.exceptions import SecurityError

from lcgen import languages, probing
from lcgen.errors import LcgenError
from lcgen.limits import LONGEST, within_limits, within_sizes
from lcgen.probing import AUDIENCES, PLACES, START
from lcgen.sandbox import Sandbox
from lcgen.slots import CONTEXT, KINDS, MARK, PAD, SLOT, kind, stem

NOTHING = re.compile(r"(?!)")
FRAMES = 64
"""Prompts without their question that are kept at once: where other slots have the words of one row, each is used once."""


@lru_cache(maxsize=64)
def _compiled(template: str) -> tuple[CodeType, int]:
    """A template as Python, and how often it prints the question: all that wordings of one text share, for it holds nothing that they change."""
    sandbox = Sandbox()
    return sandbox.compiled(template), sandbox.prints(template, "question")


class Wording:
    """How one task speaks in one language.

    `blocks` are the macros of the task, each with the slots that it must print; `slot*` takes a list, `slot?` is a flag
    that is not printed but changes what is, `slot~kind` holds what its kind lets stand there (`slots.KINDS`), else a word.
    A template may leave out the macros of puzzles that it is not used for; one that has them all serves all puzzles.

    Raises LcgenError, with the place, for a template that does not parse, does what the sandbox forbids, or fails `probing.probe`.
    """

    def __init__(
        self,
        template: str,
        lang: str,
        blocks: Mapping[str, Sequence[str]],
        name: str = "template",
        axis: Literal["input", "output"] = "input",
        ours: bool = False,
    ) -> None:
        """`ours` is a template of lcgen's own: of others the lines that they run are counted."""
        self._within = within_sizes if ours else within_limits
        self.source, self.lang, self.name, self.blocks = template, lang, name, blocks
        self.plain = {block for block, slots in blocks.items() if not any(slot.endswith(("*", "?")) for slot in slots)}
        """Macros all of whose slots take one text each, so that their text can be read back."""
        self.hash = hashlib.sha256(template.encode()).hexdigest()[:16]
        self.asked = MARK.format(f"question {self.hash}")
        """What stands for a question where there is none yet: no template can print it but by printing the question."""
        if "\ue000" in template or "\ue001" in template:
            raise LcgenError(f"The template {name} holds private-use characters (U+E000, U+E001), which mark its slots.")
        try:
            code, self._printed = _compiled(template)
            sandbox = Sandbox()
            self._template = jinja2.Template.from_code(sandbox, code, sandbox.make_globals(None))
            # A macro sees the variables of the body only when it is called, so the module is made with the slots open.
            open_slots = {"context": CONTEXT, "question": MARK.format("question"), "pad": PAD}
            self._module = self._within(lambda: self._template.make_module({**open_slots, "place": "after", "audience": "chat"}))
        except jinja2.TemplateSyntaxError as error:
            raise LcgenError(f"The template {name} does not parse: line {error.lineno}: {error.message}.") from error
        except Exception as error:
            raise self._refused(error) from error
        probing.probe(self, axis)
        self.fences: frozenset[str] = frozenset()
        if axis == "input":
            self.fences = self._fences()

    @property
    def sep(self) -> str:
        """What stands between two sentences of the language."""
        return languages.load(self.lang).gap

    @cached_property
    def pads(self) -> list[str]:
        """Neutral sentences of many lengths, for the slot that closes what units of filler cannot."""
        return languages.text(self.lang, "pads.txt").split("\n")[:-1]

    def say(self, block: str, **slots: Any) -> str:
        """One macro as text, without white space at its ends. Raises LcgenError where it does not heed a flag."""
        if block in self.plain:
            return "".join([text or str(slots[slot]) for text, slot in self.parts(block)])
        said = self.run(block, slots)
        self.heed(block, {slot[:-1]: slots.get(slot[:-1]) for slot in self.blocks.get(block, ()) if slot.endswith("?")})
        return said

    def choices(self, block: str) -> list[str]:
        """The texts that a macro gives, separated by bars; none where the template lacks it."""
        return [text.strip() for text in self.say(block).split("|") if text.strip()] if self.has(block) else []

    def cue(self, block: str, **slots: Any) -> str:
        """The words of a macro that stand before its value, with no space after them."""
        return self.say(block, value=MARK.format("value"), **slots).partition(MARK.format("value"))[0].rstrip()

    def pattern(self, block: str) -> re.Pattern[str]:
        """The macro as a regular expression with a named group for each slot: all that generator and solver share.

        The pattern of a macro that the template lacks matches nothing.
        """
        if not self.has(block):
            return NOTHING
        if block not in self._patterns:
            seen: set[str] = set()
            kinds = {stem(slot): kind(slot) for slot in self.blocks[block]}
            parts = []
            for number, piece in enumerate(SLOT.split(self.open(block))):
                if number % 2 == 0:
                    parts.append(re.escape(piece))
                elif piece in seen:
                    parts.append(f"(?P={piece})")
                else:
                    seen.add(piece)
                    parts.append(f"(?P<{piece}>{KINDS[kinds.get(piece, '')][0]})")
            self._patterns[block] = re.compile("".join(parts))
        return self._patterns[block]

    def parts(self, block: str) -> list[tuple[str, str]]:
        """The macro in parts: (text, "") for its words, ("", slot) for its slots."""
        if block not in self._parts:
            pieces = enumerate(SLOT.split(self.open(block)))
            self._parts[block] = [("", piece) if n % 2 else (piece, "") for n, piece in pieces if piece]
        return self._parts[block]

    def frame(self, **slots: Any) -> tuple[str, str, str]:
        """The prompt around the context: what stands before it, between it and the pad, and after the pad."""
        question = slots["question"]
        plain = question == question.strip() and "\ue000" not in question and "\ue001" not in question
        if not self._printed or not question or not plain:
            return self._parted(slots)
        # To render takes as long as all else that is worded of a row, and but for the question it gives the same each time.
        unasked = {**slots, "question": self.asked}
        key = repr(sorted(unasked.items()))
        if (frame := self._frames.get(key)) is None:
            if len(self._frames) >= FRAMES:
                self._frames.clear()
            frame = self._frames[key] = self._parted(unasked)
        if sum(map(len, frame)) + self._printed * len(question) > LONGEST:
            return self._parted(slots)
        before, between, after = (part.replace(self.asked, question) for part in frame)
        return before, between, after

    def _parted(self, slots: Mapping[str, Any]) -> tuple[str, str, str]:
        before, _, rest = self._body(slots, "input").partition(CONTEXT)
        between, _, after = rest.partition(PAD)
        return before, between, after

    def page(self, **slots: Any) -> str:
        """The whole prompt of the output axis, which has no context."""
        return self._body(slots, "output")

    def rendered(self, slots: Mapping[str, Any]) -> str:
        """The body with context and pad marked."""
        try:
            return self._within(lambda: self._template.render(context=CONTEXT, pad=PAD, **slots)).strip()
        except Exception as error:
            raise self._refused(error) from error

    def demands(self, text: str, slots: Mapping[str, Any], axis: str = "input") -> list[str]:
        """What a rendered body does not print as it must, in words."""
        wrong = []
        if axis != "input":
            if CONTEXT in text or PAD in text:
                wrong.append("prints a context or a pad, but its task has none")
        elif text.count(CONTEXT) != 1 or text.count(PAD) != 1 or text.index(CONTEXT) > text.index(PAD):
            wrong.append("must print {{ context }} once and {{ pad }} once after it")
        if slots.get("question") == self.asked and self.asked not in text:
            wrong.append("does not print {{ question }}")
        return wrong

    def _body(self, slots: Mapping[str, Any], axis: str) -> str:
        """The body with a question in it. Raises LcgenError where it heeds the question's words and loses what must stand."""
        text = self.rendered(slots)
        if wrong := self.demands(text, slots, axis):
            raise LcgenError(f"The template {self.name} {'; '.join(wrong)}. {START}")
        return text

    def _fences(self) -> frozenset[str]:
        """The lines next to the context in any frame: text that held one would seem to begin or end the context.

        Lines of one or two characters are too common to be taken for a fence, and the question is none.
        """
        found = set()
        for place, audience in product(PLACES, AUDIENCES):
            before, between, _ = self.frame(question=self.asked, place=place, audience=audience)
            if before.endswith("\n"):
                found.add(before.rstrip().rpartition("\n")[2].strip())
            if between.startswith("\n"):
                found.add(between.lstrip().partition("\n")[0].strip())
        return frozenset(line for line in found if len(line) > 2 and not SLOT.search(line))

    def has(self, block: str) -> bool:
        """Whether the template has this macro."""
        return hasattr(self._module, block)

    def signature(self, block: str) -> str:
        """A macro as a template declares it."""
        return f"{block}({', '.join(map(stem, self.blocks[block]))})"

    def open(self, block: str, flag: str = "") -> str:
        """One macro with its slots marked, and this flag up."""
        if (block, flag) not in self._opened:
            marks: dict[str, Any] = {}
            for slot in self.blocks[block]:
                name = stem(slot)
                marks[name] = (
                    name == flag if slot.endswith("?") else [MARK.format(name)] if slot.endswith("*") else MARK.format(name)
                )
            self._opened[block, flag] = self.run(block, marks)
        return self._opened[block, flag]

    def heed(self, block: str, flags: Mapping[str, Any]) -> None:
        """Raises LcgenError for a flag that is up and changes nothing."""
        for flag in (flag for flag, up in flags.items() if up):
            if self.open(block) == self.open(block, flag):
                raise LcgenError(
                    f"The macro {block!r} of template {self.name} says the same whether {flag!r} is true or not, but this puzzle needs "
                    f"it said. Let {block!r} print more where {flag!r} is true."
                )

    def run(self, block: str, slots: Mapping[str, Any]) -> str:
        """A macro as the sandbox runs it. Raises LcgenError where the template lacks it or it cannot be run."""
        if not self.has(block):
            raise LcgenError(
                f"The template {self.name} has no macro {block!r}, which this puzzle needs. The task's macros: "
                f"{', '.join(map(self.signature, self.blocks))}. {START}"
            )
        try:
            return str(self._within(lambda: getattr(self._module, block)(**slots))).strip()
        except Exception as error:
            raise self._refused(error) from error

    def _refused(self, error: Exception) -> LcgenError:
        what = "does something that is not allowed" if isinstance(error, SecurityError) else "cannot be rendered"
        if isinstance(error, TypeError) and "no loader" in str(error):
            return LcgenError(
                f"The template {self.name} cannot be rendered: it reads another file, but everything must stand in the one."
            )
        return LcgenError(f"The template {self.name} {what}: {str(error).rstrip('.')}.")

    @cached_property
    def _patterns(self) -> dict[str, re.Pattern[str]]:
        return {}

    @cached_property
    def _frames(self) -> dict[str, tuple[str, str, str]]:
        return {}

    @cached_property
    def _parts(self) -> dict[str, list[tuple[str, str]]]:
        return {}

    @cached_property
    def _opened(self) -> dict[tuple[str, str], str]:
        return {}
