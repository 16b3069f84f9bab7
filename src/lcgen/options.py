"""Options of the command line: under headings, and those that several verbs share."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import click

from lcgen.errors import LcgenError
from lcgen.wanted import DEFAULT_LENGTHS

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
    """An option that knows its heading, and whether it says what is built (an argument of `lcgen.wanted.spec`)."""

    def __init__(self, *args: Any, group: str = "Other", of_spec: bool = False, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.group, self.of_spec = group, of_spec

    def process_value(self, ctx: click.Context, value: Any) -> Any:
        # An empty path is the folder one stands in, and an unset variable of a shell is empty. `lcgen.api.spec` says it itself.
        if not self.of_spec and (value == "" or (isinstance(value, tuple) and "" in value)):
            raise LcgenError(f"{self.opts[-1]} is empty. Give it a value, or leave it out.")
        return super().process_value(ctx, value)


def option(group: str, *names: str, **kwargs: Any) -> Callable[[Command], Command]:
    """A click option under a heading."""
    return click.option(*names, cls=Option, group=group, **kwargs)


def of_spec(group: str, *names: str, **kwargs: Any) -> Callable[[Command], Command]:
    """An option that is an argument of `lcgen.wanted.spec`."""
    return option(group, *names, of_spec=True, **kwargs)


_ROWS = [
    of_spec("What to build", "--lengths", metavar="SPEC", help=f"Total tokens of a row: 4k, 4k..1m (doubling), 1k..8k:1k, 1k~16k, commas.  [{DEFAULT_LENGTHS}]"),
    of_spec("What to build", "--depths", metavar="SPEC", help="Where the first gold piece stands: 0..1:0.1, 0,0.5,1, 50%, random.  [as the task says]"),
    of_spec("What to build", "--samples", type=int, metavar="N", help="Contexts, or groups of twins, of each cell (length, depth, swept values).  [1]"),
    of_spec("What to build", "--preset", metavar="NAME[:VARIANT]", help="A published grid; see `lcgen tasks TASK`."),
    of_spec("What to build", "--set", "params", multiple=True, metavar="NAME=VALUE", help="A parameter of the task, or several values of it: keys=1,2,4. Of one task among several: needle.keys=4."),
    of_spec("What to build", "--lang", default="en", show_default=True, metavar="CODE", help="Language of prompt, needles and haystack."),
    of_spec("What to build", "--haystack", metavar="TEXT", help="prose, noise, records, an added corpus, a file or folder, or hf:DATASET[:column].  [as the task says]"),
    of_spec("What to build", "--template", type=click.Path(dir_okay=False), help="A Jinja file with a wording of your own; begin with a copy of templates/TASK.LANG.j2 in the folder of a build."),
    of_spec("What to build", "--paired", is_flag=True, help="The same puzzles at every length; only the haystack grows."),
    of_spec("What to build", "--disjoint-pools", is_flag=True, help="Splits train, validation and test have no key, value or name asked for in common."),
    of_spec("What to build", "--pool-share", metavar="I/N", help="Draw keys, values and names from share I of N alone, as an epoch does; shares have none in common."),
    of_spec("What to build", "--questions-per-context", type=int, default=1, metavar="Q", help="Rows over one byte-identical context, the question last.  [1]"),
    of_spec("What to build", "--seed", default="0", show_default=True, help="Another seed gives other rows."),
    of_spec("What to build", "--split", metavar="NAME", help="Name of the split; splits share no rows.  [test, or the preset's]"),
    of_spec("What a model gets", "--tokenizer", default="o200k_base", show_default=True, metavar="NAME", help="What counts: see `lcgen tokenizers`; a Hub id, a tokenizer.json, a model folder."),
    of_spec("What a model gets", "--for", "audience", type=click.Choice(["chat", "base"]), default="chat", show_default=True, help="A chat model, or a base model that goes on from an answer prefix."),
    of_spec("What a model gets", "--chat-template", default="auto", show_default=True, metavar="WHICH", help="Wrapper that is counted: auto (the tokenizer's own), none, a Hub id, a model folder, a Jinja file."),
    of_spec("What a model gets", "--chat-template-arg", "template_args", multiple=True, metavar="NAME=VALUE", help="A variable of the chat template, such as enable_thinking=false."),
    of_spec("What a model gets", "--thinking", type=int, default=0, metavar="N", help="Tokens kept for thinking, inside the length.  [0]"),
    of_spec("What a model gets", "--answer-tokens", type=int, metavar="N", help="Tokens kept for the answer.  [measured, or the preset's]"),
    of_spec("What a model gets", "--reserve", type=int, metavar="N", help="Tokens left free.  [0 with a chat template, else 64]"),
]  # fmt: skip


def rows_options(command: Command) -> Command:
    """The options that decide what rows are, shared by the verbs that make them."""
    for decorate in reversed(_ROWS):
        command = decorate(command)
    return command


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
