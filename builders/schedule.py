"""`lcgen schedule`: the file that runs `lcgen refresh --push` by the calendar, with secrets left where they belong."""

from __future__ import annotations

import re
import shlex
import sys
from importlib.resources import files
from pathlib import Path
from typing import Literal

import jinja2

import lcgen
from lcgen import suites
from lcgen.errors import LcgenError

Target = Literal["github-actions", "cron", "systemd"]
TIMES = {"day": ("17 3 * * *", "*-*-* 03:17"), "week": ("17 3 * * 1", "Mon *-*-* 03:17"), "month": ("17 3 1 * *", "*-*-01 03:17")}
"""Minutes and hours that not everybody takes, as cron and as systemd write them."""


def schedule(path: str, to: Target, epoch: str = "month", keep: int | None = None) -> dict[str, str]:
    """The files, by the paths where they belong. Raises LcgenError for a suite that names no repository, or an odd path."""
    suite = suites.load(path)
    if suite.hub is None:
        raise LcgenError(f"{path} does not say where it is published. Add hub: {{repository: ORG/NAME, visibility: private}}.")
    if not suites.is_file(path):
        raise LcgenError("A schedule is of a file of a suite. Write one: lcgen build --suite NAME --print > suite.yaml.")
    github = to == "github-actions"
    place = Path(path) if github else Path(path).absolute()
    # Shell, YAML, crontab and systemd each have signs of their own; a path that has none of them is the same in all.
    for what in (str(place), *([] if github else [sys.executable])):
        if not re.fullmatch(r"[\w./@+-]+", what, re.ASCII) or what.startswith("-"):
            raise LcgenError(
                f"{what!r} holds signs that a schedule cannot name safely. Letters, digits and . _ - + @ / are possible."
            )
    if github and (place.is_absolute() or ".." in place.parts):
        raise LcgenError(f"{path} must lie in the repository of the workflow. Name it from there, such as suites/mine.yaml.")
    program = ["lcgen"] if github else [sys.executable, "-m", "lcgen"]
    asked = ["--epoch", epoch, "--push", *(["--keep", str(keep)] if keep else [])]
    cron, calendar = TIMES[epoch]
    name = re.sub(r"[^\w-]", "-", suite.name, flags=re.ASCII)
    unit = f"lcgen-{name}"
    said = {
        "suite": place, "name": name, "unit": unit, "repository": suite.hub.repository, "version": lcgen.__version__,
        "command": shlex.join([*program, "refresh", str(place), *asked]), "cron": cron, "calendar": calendar,
        "folder": shlex.quote(str(place.parent)), "plain_folder": place.parent, "file": f"{unit}.cron",
    }  # fmt: skip
    wanted = {
        "github-actions": {f".github/workflows/{unit}.yml": "github-actions"},
        "cron": {f"{unit}.cron": "cron"},
        "systemd": {f"{unit}.service": "service", f"{unit}.timer": "timer"},
    }[to]
    return {file: _rendered(template, said) for file, template in wanted.items()}


def write(found: dict[str, str], out: Path, force: bool) -> list[Path]:
    """Writes the files below `out`. Raises LcgenError where another stands there."""
    for file, text in found.items():
        path = out / file
        if path.exists() and not force and path.read_text(encoding="utf-8") != text:
            raise LcgenError(f"{path} is there and says something else. Replace it with --force.")
    for file, text in found.items():
        (out / file).parent.mkdir(parents=True, exist_ok=True)
        (out / file).write_text(text, encoding="utf-8")
    return [out / file for file in found]


def _rendered(template: str, said: dict[str, object]) -> str:
    environment = jinja2.Environment(undefined=jinja2.StrictUndefined, keep_trailing_newline=True, autoescape=False)
    source = files("lcgen.cards").joinpath(f"schedule.{template}.j2").read_text(encoding="utf-8")
    return environment.from_string(source).render(**said)
