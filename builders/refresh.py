"""`lcgen refresh`: a suite lives on in epochs, each with fresh rows, the newest one on main, every one under its tag."""

from __future__ import annotations

import datetime
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from lcgen import epochs, suites
from lcgen.builders import chronicle
from lcgen.builders.changelog import history
from lcgen.builders.chronicle import Chronicle
from lcgen.builders.depot import room
from lcgen.builders.epoch import Made, make, repository, said, seeds
from lcgen.builders.push import Pushed, baselines, push
from lcgen.errors import CheckFailed, LcgenError
from lcgen.progress import Progress
from lcgen.remote import Content, Remote
from lcgen.spec import Suite

SUITE = "suite.yaml"


@dataclass(frozen=True)
class Refreshed:
    """What a refresh did."""

    epoch: str
    folder: Path
    seed: str
    """Itself, or a commitment to it."""
    share: str
    """Of all keys, values and names."""
    rows: int
    fresh: bool
    """Whether the epoch was made now."""
    shared: Mapping[str, int]
    """How much of each kind stands in earlier epochs too."""
    pushed: Pushed | None = None
    forgotten: list[str] = field(default_factory=list)
    """Tags that `keep` removed."""


@room()
def refresh(
    path: str, *, epoch: str = "month", out: Path | None = None, publish: bool = False, keep: int | None = None,
    check: int | None = None, today: datetime.date | None = None, progress: Progress | None = None,
) -> Refreshed:  # fmt: skip
    """Builds the epoch of a suite in a folder of its own and, with `publish`, pushes it where the suite's `hub` says. Of
    `check` rows the reference model's verdicts stand in the change log.

    Raises CheckFailed where rows do not hold, leak or stand in an earlier epoch too; what was published before stays as it is.
    """
    suite = suites.load(path)
    name = epochs.named(epoch, today or datetime.datetime.now(datetime.timezone.utc).date())
    if keep is not None and (keep < 1 or not publish):
        raise LcgenError("--keep N removes tags of old epochs on the Hub: at least 1 stays, and it goes with --push.")
    remote = repository(suite, path) if publish else None
    known = Chronicle(out or Path(f"{suite.name}_epochs"), remote)
    before = known.before(name)
    own = seeds(suite, name)
    tags = remote.tags() if remote and remote.state() else {}
    if remote and name in tags:
        if name not in known.records:
            raise LcgenError(f"The tag {name} of {remote.name} is no epoch of lcgen's. Choose another --epoch.")
        forgotten = _forget(remote, known.records, tags, keep)
        return _known(known, name, forgotten)
    known.keeps(name, own)
    made = make(suite, name, own, known, progress)
    if name in known.records and not remote and not made.fresh and known.records[name]["seed"] == made.manifest["seed"]:
        return _known(known, name)
    record = _record(
        name, made, [*before][-1:], baselines(made.folder, made.manifest, progress), _checked(made.folder, check, name)
    )
    files, every = chronicle.files(name, record, made.prints), {**before, name: record}
    pushed, forgotten = None, list[str]()
    if remote:
        pushed = _published(suite, path, remote, made, name, files, every, progress)
        forgotten = _forget(remote, every, remote.tags(), keep)
    known.write(files)
    return Refreshed(name, made.folder, made.manifest["seed"], made.share, made.rows, True, made.shared, pushed, forgotten)


def _known(known: Chronicle, name: str, forgotten: list[str] | None = None) -> Refreshed:
    """What there is to say of an epoch that is there."""
    record = known.records[name]
    return Refreshed(
        name, known.home / name, record["seed"], record["share"], record["rows"], False, record["shared"], None, forgotten or []
    )


def _record(
    name: str, made: Made, after: list[str], measured: list[dict[str, Any]], checked: Mapping[str, Any] | None
) -> dict[str, Any]:
    """What is said of an epoch."""
    return {
        "epoch": name, "lcgen": made.manifest["lcgen"], "seed": made.manifest["seed"], "revealed": None, "share": made.share,
        "rows": made.rows, "configs": said(made.manifest), "of": {kind: len(hashes) for kind, hashes in made.prints.items()},
        "shared": made.shared, "overlap": max(entry["overlap"] for entry in made.manifest["configs"].values()), "scores": measured,
        "check": checked, "held_out": made.held_out, "after": after,
    }  # fmt: skip


def _published(
    suite: Suite, path: str, remote: Remote, made: Made, name: str, files: Mapping[str, Content], every: Mapping[str, Any],
    progress: Progress | None,
) -> Pushed:  # fmt: skip
    assert suite.hub is not None
    return push(
        made.folder, remote.name, private=suite.hub.visibility == "private", gated="auto" if suite.hub.visibility == "gated" else None,
        tag=name, license=suite.hub.license, more={**files, **_source(path)}, history=history(every), measured=every[name]["scores"],
        progress=progress,
    )  # fmt: skip


def _checked(folder: Path, rows: int | None, name: str) -> dict[str, Any] | None:
    """What the reference model found in so many rows. Raises CheckFailed where rows leak or cannot be solved."""
    if rows is None:
        return None
    from lcgen.checking.findings import KINDS
    from lcgen.checking.run import Job, run
    from lcgen.checking.verdicts import FAULTS

    found = run(Job(folder, limit=rows))
    configs = {
        cell.by["config"]: {
            "verdict": cell.judged.verdict,
            **{kind: _solved(getattr(cell.judged, kind).plain()) for kind in KINDS},
        }
        for cell in found.cells
        if cell.level == "config"
    }
    if found.verdict in FAULTS:
        bad = [config for config, seen in configs.items() if seen["verdict"] in FAULTS]
        raise CheckFailed(
            f"{name} was not published: {found.verdict} ({', '.join(bad) or 'see the cells'}). Look: lcgen check {folder}"
        )
    return {"model": found.model, "rows": len(found.records), "verdict": found.verdict, "configs": configs}


def _solved(rank: Mapping[str, Any]) -> str:
    return f"{rank['hits']}/{rank['n']}"


def _forget(remote: Remote, records: Mapping[str, Any], known: Mapping[str, str], keep: int | None) -> list[str]:
    """Removes the tags of all epochs but the newest `keep`."""
    gone = [name for name in list(records)[:-keep] if name in known] if keep else []
    for name in gone:
        remote.untag(name)
    return gone


def _source(path: str) -> dict[str, Content]:
    """The suite itself, unless it names places of one machine."""
    text = suites.source(path)
    local = re.search(r"""(?m)(:|-|,|\[)\s+["']?(/|~|\.\.?/|[A-Za-z]:\\)""", text)
    return {} if local else {SUITE: text.encode()}
