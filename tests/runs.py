"""Running lcgen as a person does: in this process where speed matters, in one of its own where that matters."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from lcgen.cli import main


def cli(*args: Any) -> tuple[int, str, str]:
    """Exit code, stdout and stderr of the command line. A traceback fails the test."""
    result = CliRunner().invoke(main, [str(arg) for arg in args], prog_name="lcgen")
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    assert "Traceback" not in result.output
    return result.exit_code, result.stdout, result.stderr


def done(*args: Any) -> str:
    """What a command that succeeds prints."""
    code, out, err = cli(*args)
    assert code == 0, err or out
    return out


def typed(command: str, folder: Path) -> str:
    """What a command of the documents prints when it is typed in a folder, where it must succeed.

    Dozens are, and a process takes longer to begin than most of them to end; what only a process shows, `process` is for.
    """
    words = shlex.split(command)
    assert words[0] == "lcgen", command
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        return done(*words[1:])


def refused(*args: Any, code: int = 2, says: str = "") -> str:
    """The one message of a command that is refused: nothing on stdout, the exit code, the words."""
    found, out, err = cli(*args)
    message = err.partition("Error: ")[2].strip()
    assert found == code, (found, out, err)
    assert out == "" and message and "\n" not in message, (out, err)
    assert "did not expect" not in message, "an error that nobody thought of: " + message
    assert re.search(says, message), message
    return message


def process(*args: Any, cwd: Path | None = None, **env: str) -> subprocess.CompletedProcess[str]:
    """The command line in a process of its own."""
    command = [sys.executable, "-m", "lcgen", *map(str, args)]
    return subprocess.run(command, cwd=cwd, env={**os.environ, **env}, capture_output=True, text=True, timeout=120, check=False)


def tree(folder: Path) -> dict[str, bytes] | None:
    """Every file below a folder with its bytes, folders too; None where there is no folder."""
    if not folder.exists():
        return None
    return {
        path.relative_to(folder).as_posix(): path.read_bytes() if path.is_file() else b"(folder)"
        for path in sorted(folder.rglob("*"))
    }
