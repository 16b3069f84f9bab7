"""Chat wrappers: what a served model's chat template puts around the user prompt, counted but never written into it.

The template is Jinja from a model folder, the Hub or a file, so it is rendered in a sandbox with a fixed date and a
budget of steps and sizes, the way `transformers` renders it, with a marker as the prompt; what stands before and after the marker
is the wrapper. A template that does not simply wrap its user message is refused.
"""

from __future__ import annotations

import datetime
import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lcgen.errors import LcgenError, unknown

if TYPE_CHECKING:
    from lcgen.tokens import Tokenizer

TODAY = datetime.datetime(2024, 1, 1)
# Two contents of different length, script and punctuation, with nothing at their edges that a template may strip.
MARKERS = (
    'Kestrel 4711: <b class="x">&amp;</b>\n\n  two  spaces, {{ braces }}, {% blocks %} and 100% more, ending here.',
    "视野 " + "one plain sentence of a longer prompt. " * 120 + "\n- a list\n- of items",
)


@dataclass(frozen=True)
class Wrapper:
    """Rendered text around the user prompt; `name` is for people, `fingerprint` (16 hex digits) of the two texts."""

    name: str
    fingerprint: str
    before: str
    after: str

    def count(self, tokenizer: Tokenizer, text: str, prefix: str = "") -> int:
        """Tokens of before + text + after + prefix as the served model gets them, read as one text.

        Control texts are read as control tokens in `before` and `after`; `text` and `prefix` are ordinary.
        """
        return tokenizer.count_parts([(self.before, True), (text, False), (self.after, True), (prefix, False)])


class Plain(Wrapper):
    """No wrapper: only the BOS that the tokenizer adds by itself, which leaves a dummy space where it was."""

    def count(self, tokenizer: Tokenizer, text: str, prefix: str = "") -> int:
        """Tokens of BOS + text + prefix; an EOS is never counted."""
        return tokenizer.count_rendered(self.before) + tokenizer.count(text + prefix)


def plain(tokenizer: Tokenizer) -> Wrapper:
    """What stands around the prompt of a base model, or of a chat model without a template: its BOS, if it adds one."""
    return Plain("none", _fingerprint(tokenizer.bos, ""), tokenizer.bos, "")


def load(source: str | None, tokenizer: Tokenizer, args: Mapping[str, Any]) -> Wrapper | None:
    """The wrapper of a chat template; `args` are extra variables for it.

    `source` is "auto" (the tokenizer's own template, None if it has none), "none" or None (None), a Hub id, a model
    folder, or a Jinja file. Raises LcgenError for a template that cannot be had, fails, or does more than wrap.
    """
    if source is None or source == "none" or (source == "auto" and tokenizer.chat_template is None):
        if args:
            raise LcgenError(
                f"There is no chat template that could read --chat-template-arg {next(iter(args))}: "
                f"{f'{tokenizer.name} has none' if source == 'auto' else 'none was asked for'}. Name one with --chat-template, or leave it out."
            )
        return None
    if source == "auto":
        name, template, texts = tokenizer.name, tokenizer.chat_template, tokenizer.special_texts
    else:
        name, template, texts = _find(source, tokenizer)
    if template is None:
        raise LcgenError(
            f"There is no chat template at {source!r}. Give 'auto' (the tokenizer's own), 'none', a Jinja file, or a "
            "Hub id or model folder with a chat_template.jinja or a chat_template in its tokenizer_config.json."
        )
    _heeded(name, template, args)
    before, after = _split(name, template, {**texts, **args})
    return Wrapper(name, _fingerprint(before, after), before, after)


def _find(source: str, tokenizer: Tokenizer) -> tuple[str, str | None, Mapping[str, str]]:
    """Name, template, if there is one, and special-token texts of what `source` names."""
    from lcgen import hub, vocabularies

    path = Path(source).expanduser()
    if path.is_dir():
        template, config = vocabularies.chat(path)
        return path.absolute().name, template, vocabularies.special_texts(config)
    if path.exists():
        return path.name, _read(path), tokenizer.special_texts
    if not hub.is_hub_id(source):
        return source, None, {}
    repo, _, revision = source.removeprefix("hf:").partition("@")
    template, config = vocabularies.chat(hub.model_folder(repo, revision or None)[0])
    return f"hf:{source.removeprefix('hf:')}", template, vocabularies.special_texts(config)


def _read(path: Path) -> str:
    try:
        return path.read_text("utf-8")
    except (OSError, UnicodeDecodeError):
        raise LcgenError(f"The chat template {path.name!r} cannot be read as UTF-8 text.") from None


def _fingerprint(before: str, after: str) -> str:
    return hashlib.sha256(json.dumps([before, after]).encode()).hexdigest()[:16]


_SET = ("messages", "tools", "documents", "add_generation_prompt")
"""What a template is given by lcgen itself."""


def _heeded(name: str, template: str, args: Mapping[str, Any]) -> None:
    """Raises LcgenError for an argument that no template reads: it would change nothing, and a typo would pass unseen."""
    from jinja2 import TemplateError, meta

    environment = _environment()
    try:
        read = meta.find_undeclared_variables(environment.parse(template)) - {*environment.globals, *_SET}
    except TemplateError:
        return  # it cannot be rendered either, which says where
    for arg in args:
        if arg not in read and arg not in _SET:
            raise unknown(f"variable of the chat template of {name!r}", arg, read)


def _split(name: str, template: str, variables: Mapping[str, Any]) -> tuple[str, str]:
    taken = set(_SET) & set(variables)
    if taken:
        raise LcgenError(f"The chat template argument {sorted(taken)[0]!r} is set by lcgen and cannot be given.")
    halves = []
    for marker in MARKERS:
        rendered = _render(name, template, marker, variables)
        pieces = rendered.split(marker)
        if len(pieces) == 1:
            raise LcgenError(f"The chat template of {name!r} drops or alters the user message, so it cannot be counted.")
        if len(pieces) > 2:
            raise LcgenError(f"The chat template of {name!r} repeats the user message {len(pieces) - 1} times.")
        halves.append((pieces[0], pieces[1]))
    if halves[0] != halves[1]:
        raise LcgenError(f"The chat template of {name!r} puts other text around one user message than around another.")
    return halves[0]


def _render(name: str, template: str, content: str, variables: Mapping[str, Any]) -> str:
    from lcgen.limits import within_limits

    messages = [{"role": "user", "content": content}]
    settings = {"tools": None, "documents": None, "add_generation_prompt": True, **variables}
    try:
        made = _environment().from_string(template)
        return within_limits(lambda: str(made.render({"messages": messages, **settings})))
    except Exception as error:  # a template can raise anything
        reason = " ".join(str(error).split())[:300].rstrip(".") or type(error).__name__
        raise LcgenError(
            f"The chat template of {name!r} cannot be rendered for one user message: {reason}. Give its variables with "
            "--chat-template-arg name=value, another template with --chat-template, or --chat-template none."
        ) from None


def _environment() -> Any:
    """Jinja as `transformers` sets it up, less what can hang, fill the memory, differ from run to run, or hide a missing variable."""
    from jinja2 import TemplateError, Undefined, UndefinedError, nodes
    from jinja2.exceptions import SecurityError
    from jinja2.ext import Extension
    from jinja2.utils import missing

    from lcgen.sandbox import Sandbox

    class Loud(Undefined):
        """Tests false like Jinja's own, but a variable that is missing, or forbidden, cannot be printed as nothing."""

        def __str__(self) -> str:
            if self._undefined_exception is SecurityError:
                self._fail_with_undefined_error()
            if self._undefined_obj is missing and self._undefined_hint is None:
                raise UndefinedError(f"it needs the variable {self._undefined_name!r}")
            return ""

    class Generation(Extension):
        """`{% generation %}` marks what a model is trained on; it prints nothing."""

        tags = {"generation"}

        def parse(self, parser: Any) -> nodes.Node:
            line = next(parser.stream).lineno
            return nodes.Scope(parser.parse_statements(("name:endgeneration",), drop_needle=True), lineno=line)

    def raise_exception(message: str) -> None:
        raise TemplateError(message)

    environment = Sandbox(undefined=Loud, extensions=["jinja2.ext.loopcontrols", Generation])
    environment.globals |= {"raise_exception": raise_exception, "strftime_now": TODAY.strftime}
    return environment
