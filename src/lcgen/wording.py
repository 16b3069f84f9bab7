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
from itertools import product
from typing import Any, Literal

import jinja2
from jinja2.exceptions import SecurityError

from lcgen import languages
from lcgen.errors import LcgenError
from lcgen.limits import within_limits, within_sizes
from lcgen.sandbox import Sandbox

# Private-use characters: no haystack, key or value holds them, so a slot can be told from the words around it.
MARK = "\ue000{}\ue001"
SLOT = re.compile("\ue000(.*?)\ue001")
CONTEXT = MARK.format("context")
PAD = MARK.format("pad")
# A slot is one run of letters, digits and hyphens: it never crosses a space or a mark of punctuation.
WORD = r"[^\W_]+(?:-[^\W_]+)*"
# A full name has a fixed number of parts, so that it can be read where no mark stands before it.
LETTERS = r"[^\W\d_\u3400-\u9fff]"
NAME = rf"(?:(?<!{LETTERS}){LETTERS}+ {LETTERS}+|[\u3400-\u9fff]{{3}})"
NOTHING = re.compile(r"(?!)")
# Values of several kinds, of which every macro must make the same sentence.
PROBES = ("amber-lantern", "7", "6841", "灯塔", "3f2b9c1e-0a4d-4c55-9e07-5b1d2a8c6f10")
KINDS = {
    "": (WORD, PROBES),
    # A word inside which one of these signs may stand like a hyphen.
    "code": (r"[^\W_]+(?:[-*&#@%+~!][^\W_]+)*", (*PROBES, "amb*er-lantern", "灯&塔")),
    "sign": (r"[*&#@%+~!]", ("*", "&", "~")),
    # As little as fits of a line; such a sentence fills its line, so that it is read line by line.
    "line": (r"[^\n]+?", (*PROBES, "Ada B. Stone", "+44 (718) 420-5619")),
    # A given and a family name with a space between, or three signs of a script without spaces.
    "name": (NAME, ("Ada Stone", "Bo Carver", "王小明", "李建华")),
}
"""Kinds of slots, declared as `slot~kind`: the pattern of what may stand there, and values to probe macros with."""
TURNS = max(len(probes) for _, probes in KINDS.values())
START = "Begin with a copy of templates/TASK.LANG.j2 in the folder of any build, and change its words."
"""What to do about a template that lacks much; `docs/template.md` says what each part is for."""
PLACES, AUDIENCES = ("before", "after", "both"), ("chat", "base")


class Wording:
    """How one task speaks in one language.

    `blocks` are the macros of the task, each with the slots that it must print; `slot*` takes a list, `slot?` is a flag
    that is not printed but changes what is, `slot~kind` holds what its kind lets stand there (KINDS), else a word. A template may leave out the macros of puzzles that it is not used for; one
    that has them all serves all puzzles. Raises LcgenError, with the place, for a template that does not parse, loses a
    slot, words two macros so that one is read as the other, or does what the sandbox forbids.
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
        self._plain = {block for block, slots in blocks.items() if not any(slot.endswith(("*", "?")) for slot in slots)}
        """Macros all of whose slots take one text each, so that their text can be read back."""
        self.hash = hashlib.sha256(template.encode()).hexdigest()[:16]
        if "\ue000" in template or "\ue001" in template:
            raise LcgenError(f"The template {name} holds private-use characters (U+E000, U+E001), which mark its slots.")
        try:
            self._template = Sandbox().from_string(template)
            # A macro sees the variables of the body only when it is called, so the module is made with the slots open.
            open_slots = {"context": CONTEXT, "question": MARK.format("question"), "pad": PAD}
            self._module = self._within(lambda: self._template.make_module({**open_slots, "place": "after", "audience": "chat"}))
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
            if block in self._plain:
                self._probe(block, slots)
        self._tell_apart()
        self._whole(axis)
        if all(hasattr(self._module, block) for block in blocks):
            for block, slots in blocks.items():
                self._heed(block, {slot.rstrip("?"): True for slot in slots if slot.endswith("?")})
        self.fences: frozenset[str] = frozenset()
        if axis == "input":
            self.fences = self._fences()

    def _whole(self, axis: str) -> None:
        """Raises LcgenError, with all that is wrong at once, for a body that does not print what a prompt is made of."""
        wrong: dict[str, list[str]] = {}
        for place, audience in product(PLACES, AUDIENCES):
            slots = {"question": MARK.format("question"), "place": place, "audience": audience}
            for demand in self._demands(self._rendered(slots), slots, axis):
                wrong.setdefault(demand, []).append(f"{place}/{audience}")
        if not wrong:
            return
        every = len(PLACES) * len(AUDIENCES)
        said = [d if len(where) == every else f"{d} (place/audience {', '.join(where)})" for d, where in wrong.items()]
        lost = [name for name in self.blocks if not hasattr(self._module, name)]
        macros = f" It has no macros {', '.join(map(self._signature, lost))}, of which every puzzle needs some." if lost else ""
        raise LcgenError(f"The template {self.name} {'; '.join(said)}.{macros} {START}")

    def _demands(self, text: str, slots: Mapping[str, Any], axis: str = "input") -> list[str]:
        """What a rendered body does not print as it must, in words."""
        wrong = []
        if axis != "input":
            if CONTEXT in text or PAD in text:
                wrong.append("prints a context or a pad, but its task has none")
        elif text.count(CONTEXT) != 1 or text.count(PAD) != 1 or text.index(CONTEXT) > text.index(PAD):
            wrong.append("must print {{ context }} once and {{ pad }} once after it")
        if MARK.format("question") == slots.get("question") and MARK.format("question") not in text:
            wrong.append("does not print {{ question }}")
        return wrong

    def _signature(self, block: str) -> str:
        return f"{block}({', '.join(map(_stem, self.blocks[block]))})"

    def _refused(self, error: Exception) -> LcgenError:
        what = "does something that is not allowed" if isinstance(error, SecurityError) else "cannot be rendered"
        if isinstance(error, TypeError) and "no loader" in str(error):
            return LcgenError(
                f"The template {self.name} cannot be rendered: it reads another file, but everything must stand in the one."
            )
        return LcgenError(f"The template {self.name} {what}: {error}.")

    def _probe(self, block: str, slots: Sequence[str]) -> None:
        """Raises LcgenError for a macro that alters its slots, words them by their value, or lets them run together."""
        for turn in range(TURNS):
            values = self._values(block, turn)
            said = self.say(block, **values)
            found = self.pattern(block).fullmatch(said)
            if said != self._run(block, values) or found is None or found.groupdict() != values:
                raise LcgenError(
                    f"The macro {block!r} of template {self.name} must print its slots as they are, with words or spaces "
                    f"between them, and the same words for all values; with {values} it makes {self._run(block, values)[:200]!r}."
                )

    def _values(self, block: str, turn: int) -> dict[str, str]:
        found = {}
        for number, slot in enumerate(self.blocks[block]):
            _, probes = KINDS[_kind(slot)]
            found[_stem(slot)] = probes[(turn + number) % len(probes)]
        return found

    def _tell_apart(self) -> None:
        """Raises LcgenError for a pattern that finds anything but its own macro's sentences, in full, between others."""
        spoken = [
            block
            for block, slots in self.blocks.items()
            if slots and block in self._plain and hasattr(self._module, block) and "line" not in map(_kind, slots)
        ]
        for turn, block, other in product(range(TURNS), spoken, spoken):
            own, beside = (self.say(name, **self._values(name, turn)) for name in (block, other))
            found = self.pattern(block)
            if other != block and (inside := found.search(beside)):
                raise LcgenError(
                    f"The macros {block!r} and {other!r} of template {self.name} cannot be told apart: in {beside[:200]!r}, a sentence "
                    f"of {other!r}, {inside.group()[:200]!r} reads like one of {block!r}. Word one of them in another way."
                )
            # Other text stands next to a sentence, so a slot at its end must be closed by a mark or a space.
            text = self.sep.join(["字", beside, own, "字"])
            if [m.group() for m in found.finditer(text)] != [own] * (1 + (other == block)):
                raise LcgenError(
                    f"A sentence of the macro {block!r} of template {self.name} runs together with the text next to it, in {text[:300]!r}. "
                    "Let it begin and end with words or marks of its own."
                )

    def _heed(self, block: str, flags: Mapping[str, Any]) -> None:
        """Raises LcgenError for a flag that is up and changes nothing."""
        for flag in (flag for flag, up in flags.items() if up):
            if self._open(block) == self._open(block, flag):
                raise LcgenError(
                    f"The macro {block!r} of template {self.name} says the same whether {flag!r} is true or not, but this puzzle needs "
                    f"it said. Let {block!r} print more where {flag!r} is true."
                )

    @property
    def sep(self) -> str:
        """What stands between two sentences of the language."""
        return languages.load(self.lang).gap

    def say(self, block: str, **slots: Any) -> str:
        """One macro as text, without white space at its ends. Raises LcgenError where it does not heed a flag."""
        if block in self._plain:
            return "".join([text or str(slots[slot]) for text, slot in self.parts(block)])
        said = self._run(block, slots)
        self._heed(block, {slot[:-1]: slots.get(slot[:-1]) for slot in self.blocks.get(block, ()) if slot.endswith("?")})
        return said

    def _run(self, block: str, slots: Mapping[str, Any]) -> str:
        if not hasattr(self._module, block):
            raise LcgenError(
                f"The template {self.name} has no macro {block!r}, which this puzzle needs. The task's macros: "
                f"{', '.join(map(self._signature, self.blocks))}. {START}"
            )
        try:
            return str(self._within(lambda: getattr(self._module, block)(**slots))).strip()
        except Exception as error:
            raise self._refused(error) from error

    def _open(self, block: str, flag: str = "") -> str:
        """One macro with its slots marked, and this flag up."""
        if (block, flag) not in self._opened:
            marks: dict[str, Any] = {}
            for slot in self.blocks[block]:
                stem = _stem(slot)
                marks[stem] = (
                    stem == flag if slot.endswith("?") else [MARK.format(stem)] if slot.endswith("*") else MARK.format(stem)
                )
            self._opened[block, flag] = self._run(block, marks)
        return self._opened[block, flag]

    def page(self, **slots: Any) -> str:
        """The whole prompt of the output axis, which has no context."""
        return self._body(slots, "output")

    def frame(self, **slots: Any) -> tuple[str, str, str]:
        """The prompt around the context: what stands before it, between it and the pad, and after the pad."""
        before, _, rest = self._body(slots, "input").partition(CONTEXT)
        between, _, after = rest.partition(PAD)
        return before, between, after

    def _body(self, slots: Mapping[str, Any], axis: str) -> str:
        """The body with a question in it. Raises LcgenError where it heeds the question's words and loses what must stand."""
        text = self._rendered(slots)
        if wrong := self._demands(text, slots, axis):
            raise LcgenError(f"The template {self.name} {'; '.join(wrong)}. {START}")
        return text

    def _rendered(self, slots: Mapping[str, Any]) -> str:
        try:
            return self._within(lambda: self._template.render(context=CONTEXT, pad=PAD, **slots)).strip()
        except Exception as error:
            raise self._refused(error) from error

    def _fences(self) -> frozenset[str]:
        """The lines next to the context in any frame: text that held one would seem to begin or end the context.

        Lines of one or two characters are too common to be taken for a fence, and the question is none.
        """
        found = set()
        for place, audience in product(PLACES, AUDIENCES):
            before, between, _ = self.frame(question=MARK.format("question"), place=place, audience=audience)
            if before.endswith("\n"):
                found.add(before.rstrip().rpartition("\n")[2].strip())
            if between.startswith("\n"):
                found.add(between.lstrip().partition("\n")[0].strip())
        return frozenset(line for line in found if len(line) > 2 and not SLOT.search(line))

    def pattern(self, block: str) -> re.Pattern[str]:
        """The macro as a regular expression with a named group for each slot: all that generator and solver share.

        The pattern of a macro that the template lacks matches nothing.
        """
        if not hasattr(self._module, block):
            return NOTHING
        if block not in self._patterns:
            seen: set[str] = set()
            kinds = {_stem(slot): _kind(slot) for slot in self.blocks[block]}
            parts = []
            for number, piece in enumerate(SLOT.split(self._open(block))):
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
    def _opened(self) -> dict[tuple[str, str], str]:
        return {}

    @cached_property
    def _parts(self) -> dict[str, list[tuple[str, str]]]:
        return {}

    @cached_property
    def pads(self) -> list[str]:
        """Neutral sentences of many lengths, for the slot that closes what units of filler cannot."""
        return languages.text(self.lang, "pads.txt").split("\n")[:-1]


def _stem(slot: str) -> str:
    """The name of a slot, without its kind and what it takes."""
    return slot.partition("~")[0].rstrip("*?")


def _kind(slot: str) -> str:
    return slot.partition("~")[2]
