"""`lcgen push`: a proven folder becomes one commit of a dataset repository, is read back, and gets a tag.

A tag is given last, to what was read back: so it says that a version is whole, and a run that was cut short anywhere
before is finished by the next one.
"""

from __future__ import annotations

import hashlib
import tempfile
from collections import Counter, defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from lcgen import cards
from lcgen.builders import harness, manifest, recheck, tables
from lcgen.builders.depot import room
from lcgen.errors import CheckFailed, LcgenError
from lcgen.progress import Progress
from lcgen.remote import Content, Moved, Remote, State, oid

OURS = ("data/", "lm_eval/", "schemas/", "templates/")
"""Folders of a repository in which nothing stands but what a build made."""
UNTOUCHED = {".gitattributes", "README.md"}
"""What a repository may hold that was not filled by lcgen yet."""


@dataclass(frozen=True)
class Pushed:
    """What a push did, or would do."""

    repository: str
    page: str
    tag: str
    commit: str | None
    """None of a dry run."""
    added: list[str] = field(default_factory=list)
    changed: list[str] = field(default_factory=list)
    deleted: list[str] = field(default_factory=list)
    created: bool = False
    done: bool = False
    """Whether anything was written."""


@room()
def push(
    folder: Path, repository: str, *, private: bool = False, gated: str | None = None, tag: str | None = None, license: str | None = None,
    dry_run: bool = False, full: bool = False, tokenizer: Any = None, more: Mapping[str, Content] | None = None, history: str = "",
    measured: list[dict[str, Any]] | None = None, progress: Progress | None = None,
) -> Pushed:  # fmt: skip
    """Publishes a folder. `more` are files that stand beside it, `history` the change log of the card, `measured` the scores
    of what needs no model, where they are known.

    Raises CheckFailed for what does not hold, here or read back, and LcgenError for what cannot be; nothing is seen half-made.
    """
    remote = Remote(repository, write=not dry_run)
    made = manifest.of(folder)
    if license is not None:
        cards.check_license(license)
    tag = tag or f"v-{hashlib.sha256((folder / manifest.FILE).read_bytes()).hexdigest()[:12]}"
    if not _legal(tag):
        raise LcgenError(f"--tag {tag!r} is no tag: letters, digits, _, - and . only, a letter or digit first.")
    _held(recheck.recheck(folder, full, tokenizer, progress).faults, f"{folder} does not hold, so nothing was published")
    state = remote.state()
    _fits(state, repository, private)
    if measured is None:
        measured = baselines(folder, made, progress)
    wanted = contents(folder, made, repository, tag, license, measured, history) | dict(more or {})
    known = remote.tags() if state else {}
    if tag in known:
        tagged = remote.state(tag)
        if tagged is None or any(_difference(wanted, tagged)):
            raise LcgenError(
                f"The tag {tag} of {repository} names another version, and tags are not moved. Choose another --tag."
            )
        return Pushed(repository, remote.page, tag, known[tag])
    added, changed, deleted = _difference(wanted, state)
    if dry_run:
        return Pushed(repository, remote.page, tag, None, added, changed, deleted, state is None)
    created = state is None
    if state is None or (gated and state.gated != gated):
        remote.create(private, gated)
        state = remote.state()
    if state is None:
        raise CheckFailed(f"{repository} was created, but cannot be seen. Run the same command again.")
    commit = state.head
    if added or changed or deleted:
        fresh = {path: wanted[path] for path in (*added, *changed)}
        commit = remote.commit(fresh, deleted, f"{made['name']} {tag}", state.head)
    read_back(remote, commit, wanted, tokenizer, progress)
    remote.tag(tag, commit)
    _tagged(remote, tag, commit, wanted)
    return Pushed(repository, remote.page, tag, commit, added, changed, deleted, created, True)


def _legal(tag: str) -> bool:
    return tag[:1].isalnum() and len(tag) <= 100 and ".." not in tag and not tag.endswith((".", ".lock")) and all(
        sign.isascii() and (sign.isalnum() or sign in "._-") for sign in tag
    )  # fmt: skip


def _held(faults: list[str], said: str) -> None:
    if faults:
        rest = f" and {len(faults) - 1} more" if len(faults) > 1 else ""
        raise CheckFailed(f"{said}: {faults[0]}{rest}")


def _fits(state: State | None, repository: str, private: bool) -> None:
    """Raises LcgenError where a repository is somebody's other work, or open to more eyes than was asked."""
    if state is None:
        return
    if private and not state.private:
        raise LcgenError(f"{repository} is public, but --private was asked. Make it private on the Hub, or choose another name.")
    if manifest.FILE not in state.files and (others := sorted(set(state.files) - UNTOUCHED)):
        raise LcgenError(f"{repository} holds other files, such as {others[0]}, and no lcgen build. Choose another repository.")


def contents(
    folder: Path, made: Mapping[str, Any], repository: str, tag: str, license: str | None, measured: list[dict[str, Any]], history: str = ""
) -> dict[str, Content]:  # fmt: skip
    """Every file of a version: path in the repository -> what it holds.

    Files that must name repository and tag are made here, as the card is; all others are those of the folder.
    """
    found: dict[str, Content] = {
        name: folder / name for name in (*made["files"], *made["templates"], *made["derived"], manifest.FILE)
    }
    found |= {path: text.encode() for path, text in harness.pinned(folder, repository, tag).items()}
    card = (folder / "README.md").read_text(encoding="utf-8")
    found["README.md"] = cards.published(card, repository, tag, license, measured, history).encode()
    return found


def _difference(wanted: Mapping[str, Content], state: State | None) -> tuple[list[str], list[str], list[str]]:
    """Files that are new, that change, and that go."""
    there = state.files if state else {}
    added = sorted(path for path in wanted if path not in there)
    changed = sorted(
        path for path, content in wanted.items() if state and path in there and there[path] != oid(path, content, state)
    )
    return added, changed, sorted(path for path in there if path.startswith(OURS) and path not in wanted)


def baselines(folder: Path, made: Mapping[str, Any], progress: Progress | None = None) -> list[dict[str, Any]]:
    """Of each config what the oracle, the task's shortcuts and the commonest answer score; nothing where rows are numbers."""
    from lcgen.builders.reading import every_row
    from lcgen.responses import Responses
    from lcgen.scoreboard import table
    from lcgen.scoring import score

    if tables.promised(made):
        return []
    answers: dict[str, Counter[str]] = defaultdict(Counter)
    ids: dict[str, list[str]] = defaultdict(list)
    for config, row in every_row(folder, made):
        answers[config][row["answer"]] += 1
        ids[config].append(row["id"])
    blind = {name: answers[config].most_common(1)[0][0] for config, names in ids.items() for name in names}
    with Responses("no_context", blind) as said:
        cells = table(score(folder, [said], oracle=True, progress=progress), ["config"], None, "zero", str(folder)).cells
    lines = []
    for cell in cells:
        runs = {run: figures["score"].value for run, figures in cell.figures.items() if "score" in figures}
        lines.append({"config": cell.by["config"], "rows": cell.rows, "oracle": runs.pop("oracle"), **runs})
    return lines


def read_back(remote: Remote, commit: str, wanted: Mapping[str, Content], tokenizer: Any, progress: Progress | None) -> None:
    """Downloads a version into a folder of its own and holds it to its hashes, row by row. Raises CheckFailed."""
    with tempfile.TemporaryDirectory(prefix="lcgen-") as place:
        state = remote.state(commit)
        if state is None or any(_difference(wanted, state)[:2]):
            raise Moved(f"{remote.name} at {commit[:8]} is not what was sent. Run the same command again.")
        copy = Path(place)
        for path in wanted:
            copy = remote.download(path, commit, Path(place)).parents[path.count("/")]
            if (copy / path).read_bytes() != _bytes(wanted[path]):
                raise CheckFailed(
                    f"{path} of {remote.name}, read back at {commit[:8]}, is not what was sent: the download was damaged, or the Hub is. "
                    "The version has no tag yet; run the same command again."
                )  # fmt: skip
        faults = recheck.recheck(copy, False, tokenizer, progress).faults
        _held(faults, f"{remote.name}, read back at {commit[:8]}, does not hold; it has no tag yet, run the same command again")


def _tagged(remote: Remote, tag: str, commit: str, wanted: Mapping[str, Content]) -> None:
    """Looks at a version as readers do, by its tag and with an empty cache: it is the one that was read back. Raises CheckFailed."""
    with tempfile.TemporaryDirectory(prefix="lcgen-") as place:
        state = remote.state(tag) if remote.tags().get(tag) == commit else None
        seen = state is not None and not any(_difference(wanted, state)[:2])
        if not seen or remote.download(manifest.FILE, tag, Path(place)).read_bytes() != _bytes(wanted[manifest.FILE]):
            raise CheckFailed(
                f"The tag {tag} of {remote.name} does not give {commit[:8]}, which was read back and tagged. Run the same command again."
            )


def _bytes(content: Content) -> bytes:
    return content.read_bytes() if isinstance(content, Path) else content
