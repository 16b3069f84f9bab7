"""Options of the command line: under headings, and those that several verbs share."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import click

from lcgen.errors import LcgenError

Command = TypeVar("Command", bound=Callable[..., Any])


class Grouped(click.Command):
    """A command whose help lists its options under headings."""

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        groups: dict[str, list[tuple[str, str]]] = {}
        # Arguments stand in the usage line; what has no heading, which is --help, comes last.
        for param in sorted(self.get_params(ctx), key=lambda param: not hasattr(param, "group")):
            record = param.get_help_record(ctx)
            if record is not None and isinstance(param, click.Option):
                groups.setdefault(getattr(param, "group", "Other"), []).append(record)
        for name, records in groups.items():
            with formatter.section(name):
                formatter.write_dl(records, col_max=24)


class Option(click.Option):
    """An option that knows its heading, and whether it says what is built (an argument of `lcgen.wanted.spec`).

    Its help ends with what holds where it is left out, in brackets: `otherwise`, or the default.
    """

    def __init__(
        self, *args: Any, group: str = "Other", of_spec: bool = False, otherwise: str | None = None, **kwargs: Any
    ) -> None:
        super().__init__(*args, **kwargs)
        self.group, self.of_spec, self.otherwise = group, of_spec, otherwise

    def get_help_extra(self, ctx: click.Context) -> Any:
        return {"required": "required"} if self.required else {}

    def get_help_record(self, ctx: click.Context) -> tuple[str, str] | None:
        record = super().get_help_record(ctx)
        silent = self.is_flag or self.multiple or self.default in (None, "") or not isinstance(self.default, (str, int, float))
        said = self.otherwise or (None if silent else str(self.default))
        return record if record is None or said is None else (record[0], f"{record[1]}  [{said}]")

    def process_value(self, ctx: click.Context, value: Any) -> Any:
        # An empty path is the folder one stands in, and an unset variable of a shell is empty. `lcgen.wanted.spec` says it itself.
        if not self.of_spec and (value == "" or (isinstance(value, tuple) and "" in value)):
            raise LcgenError(f"{self.opts[-1]} is empty. Give it a value, or leave it out.")
        return super().process_value(ctx, value)


class Tokens(click.types.IntParamType):
    """A number of tokens, written as lengths are: 5000 or 5k."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        from lcgen.ranges import counted

        try:
            return int(value)
        except ValueError:
            tokens = counted(value)
        if tokens is None or tokens != int(tokens):
            self.fail(f"{value!r} is not a whole number of tokens, such as 5000 or 5k.", param, ctx)
        return int(tokens)


def option(group: str, *names: str, **kwargs: Any) -> Callable[[Command], Command]:
    """A click option under a heading."""
    return click.option(*names, cls=Option, group=group, **kwargs)


def json_option(help: str = "Report as JSON.") -> Callable[[Command], Command]:
    """The option of every verb that tells something."""
    return option("Where it goes", "--json", "as_json", is_flag=True, help=help)


def of_spec(group: str, *names: str, **kwargs: Any) -> Callable[[Command], Command]:
    """An option that is an argument of `lcgen.wanted.spec`."""
    return option(group, *names, of_spec=True, **kwargs)


def _row(*names: str, **kwargs: Any) -> tuple[tuple[str, ...], dict[str, Any]]:
    return names, kwargs


_ROWS = [
    _row("What to build", "--lengths", metavar="SPEC", help="Total tokens of a row: 4k, 4k..1m (doubling), 1k..8k:1k, 1k~16k, commas.", otherwise="4k..32k"),
    _row("What to build", "--depths", metavar="SPEC", help="Where the first gold piece stands: 0..1:0.1, 0,0.5,1, 50%, random.", otherwise="as the task says"),
    _row("What to build", "--samples", type=int, metavar="N", help="Contexts, or groups of twins, of each cell (length, depth, swept values).", otherwise="1"),
    _row("What to build", "--preset", metavar="NAME[:VARIANT]", help="A published grid; see `lcgen tasks TASK`."),
    _row("What to build", "--set", "params", multiple=True, metavar="NAME=VALUE", help="A parameter of the task, or several values of it: keys=1,2,4. Of one task among several: needle.keys=4."),
    _row("What to build", "--lang", default="en", metavar="CODE", help="Language of prompt, needles and haystack."),
    _row("What to build", "--haystack", metavar="TEXT", help="prose, noise, records, an added corpus, a file or folder, or hf:DATASET[:column].", otherwise="as the task says"),
    _row("What to build", "--template", type=click.Path(dir_okay=False), help="A Jinja file with a wording of your own; begin with a copy of templates/TASK.LANG.j2 in the folder of a build."),
    _row("What to build", "--paired", is_flag=True, help="The same puzzles at every length; only the haystack grows."),
    _row("What to build", "--disjoint-pools", is_flag=True, help="Splits train, validation and test have no key, value or name asked for in common."),
    _row("What to build", "--pool-share", metavar="I/N", help="Draw keys, values and names from share I of N alone, as an epoch does; shares have none in common."),
    _row("What to build", "--questions-per-context", type=int, default=1, metavar="Q", help="Rows over one byte-identical context, the question last.", otherwise="1"),
    _row("What to build", "--seed", default="0", help="Another seed gives other rows."),
    _row("What to build", "--split", metavar="NAME", help="Name of the split; splits share no rows.", otherwise="test, or the preset's"),
    _row("What a model gets", "--tokenizer", default="o200k_base", metavar="NAME", help="What counts: see `lcgen tokenizers`; a Hub id, a tokenizer.json, a model folder."),
    _row("What a model gets", "--for", "audience", type=click.Choice(["chat", "base"]), default="chat", help="A chat model, or a base model that goes on from an answer prefix."),
    _row("What a model gets", "--chat-template", default="auto", metavar="WHICH", help="Wrapper that is counted: auto (the tokenizer's own), none, a Hub id, a model folder, a Jinja file."),
    _row("What a model gets", "--chat-template-arg", "template_args", multiple=True, metavar="NAME=VALUE", help="A variable of the chat template, such as enable_thinking=false."),
    _row("What a model gets", "--thinking", type=Tokens(), default=0, metavar="N", help="Tokens kept for thinking, inside the length, such as 16k.", otherwise="0"),
    _row("What a model gets", "--answer-tokens", type=Tokens(), metavar="N", help="Tokens kept for the answer.", otherwise="measured, or the preset's"),
    _row("What a model gets", "--reserve", type=Tokens(), metavar="N", help="Tokens left free.", otherwise="0 with a chat template, else 64"),
]  # fmt: skip


def rows_options(**otherwise: str | None) -> Callable[[Command], Command]:
    """The options that decide what rows are, shared by the verbs that make them.

    `otherwise` says of some of them, by name, what holds in this verb where they are left out; None, that it has none such.
    """

    def decorate(command: Command) -> Command:
        for names, kwargs in reversed(_ROWS):
            key = names[1].removeprefix("--").replace("-", "_")
            if key not in otherwise:
                command = of_spec(*names, **kwargs)(command)
            elif otherwise[key] is not None:
                command = of_spec(*names, **{**kwargs, "otherwise": otherwise[key]})(command)
        return command

    return decorate


def given(ctx: click.Context) -> dict[str, Any]:
    """The options for `lcgen.wanted.spec` that stand on the command line: what is not there comes from a suite, a preset, the defaults."""
    from click.core import ParameterSource

    names = [param.name for param in ctx.command.params if getattr(param, "of_spec", False) and param.name]
    found = {name: ctx.params[name] for name in names if ctx.get_parameter_source(name) != ParameterSource.DEFAULT}
    if "template_args" in found:
        found["chat_template_args"] = scalars(found.pop("template_args"))
    return found


def scalars(pairs: Sequence[str]) -> dict[str, Any]:
    """`NAME=VALUE` pairs with values read as YAML where that gives JSON, else as text. Raises LcgenError for a pair without `=`."""
    import yaml

    found: dict[str, Any] = {}
    for pair in pairs:
        name, equals, value = pair.partition("=")
        if not equals:
            raise LcgenError(f"--chat-template-arg takes NAME=VALUE; got {pair!r}.")
        try:
            found[name] = yaml.safe_load(value)
            # A date such as 2024-07-26 is a text to every chat template.
            json.dumps(found[name], allow_nan=False)
        except (yaml.YAMLError, TypeError, ValueError):
            found[name] = value
    return found
