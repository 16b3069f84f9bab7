"""Builds: a suite becomes a folder that `load_dataset` reads. All is made below `.building` and moved in at the end.

Any set of workers may make the files, in any order, stopped at any moment: a file that is finished has a note beside it,
and who comes next makes what has none.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, Literal

from lcgen import spec as specs
from lcgen.builders import executors, manifest
from lcgen.builders.depot import MOVING, STAGING, Depot, Stopped, depot, trouble
from lcgen.builders.draws import reserve
from lcgen.builders.folder import Folder
from lcgen.builders.site import Site, planned
from lcgen.builders.tables import IDS
from lcgen.builders.workshop import Workshop, makers
from lcgen.errors import CheckFailed, LcgenError, agreed, many
from lcgen.progress import Progress
from lcgen.spec import Spec, Suite

__all__ = ["MOVING", "STAGING", "Report", "build", "finish", "generate", "makers"]


@dataclass(frozen=True)
class Report:
    """What a build did."""

    folder: Path | str
    """A path, or the URL."""
    name: str
    split: str
    """Of the first config."""
    configs: dict[str, int]
    """Config name -> rows."""
    rows: int
    bytes: int
    written: int
    """Files written now, or joined; 0 means that the folder was up to date."""
    counted: bool
    """Whether lengths were counted in a vocabulary; rows of numbers have theirs without one."""
    tokenizer: str
    wrapper: str
    audience: str
    """Of the first config: chat, or base."""
    reserve: int
    elsewhere: tuple[str, ...]
    """Vocabularies as they were asked for, where the manifest must name them otherwise: a path of this machine."""
    task: str
    """Of the first config."""
    repeat: float
    """Largest share of a row's context that stands earlier in it."""
    encoded: int
    solved: int
    waits: tuple[str, ...] = field(default=())
    """Of a shard: files of others that are not there yet. The folder is no dataset before `lcgen finish`."""


def build(
    suite: Suite,
    out: Path | str | None = None,
    force: bool = False,
    progress: Progress | None = None,
    jobs: int = 1,
    shard: tuple[int, int] | None = None,
    executor: Literal["local", "ray"] = "local",
) -> Report:
    """Builds the folder `out` (default `./<name>`), or what is missing of it; of a shard (i, n) the files with number mod n = i.

    `progress` is called with the tokens planned and the tokens of each row written. Raises LcgenError before any work for
    what cannot be, CheckFailed for a row that does not hold; the folder is as it was then. A build that is stopped leaves
    its finished files below STAGING, and the same call goes on from there.
    """
    begin = partial(Site, suite, f"./{suite.name}" if out is None else str(out), force)
    site = begin()
    for maker in site.crew.values():
        maker.preflight()
    with trouble(site.depot.shown):
        done: dict[str, dict[str, Any]] = {}
        if site.old is not None:
            mine = site.files(shard)
            done = site.finished(mine)
            if site.whole(mine, done):
                return _report(site.depot, site.old, 0, site.waits() if shard else (), site.elsewhere())
        with site.depot.lock(f"{shard[0]}-of-{shard[1]}" if shard else None):
            if site.stale():
                site, done = begin(), {}
            return _build(site, done, progress, jobs, shard, executor)


def _build(
    site: Site, done: dict[str, dict[str, Any]], progress: Progress | None, jobs: int,
    shard: tuple[int, int] | None, executor: Literal["local", "ray"],
) -> Report:  # fmt: skip
    """The same, the folder being held."""
    site.begin(shard and shard[1])
    mine = site.files(shard)
    done |= site.finished([file for file in mine if file.path not in done])
    missing = [file for file in mine if file.path not in done]
    tick = progress and partial(progress, sum(file.tokens for file in missing))
    shop = Workshop(site.suite, site.out, site.crew)
    try:
        for file, entry in executors.run(executor, shop, missing, jobs, tick):
            done[file.path] = entry
    except Stopped:
        raise
    except LcgenError:
        # What was asked for cannot be built, so nobody will go on with it.
        if shard is None:
            site.depot.clear()
        raise
    made = manifest.compose(site.suite, site.crew, done, partly=True) if shard else site.close(done)
    return _report(site.depot, made, len(missing), site.waits() if shard else (), site.elsewhere())


def finish(out: Path | str) -> Report:
    """Joins the files that shards have made into a folder with card and manifest.

    A folder that is finished stays as it is. Raises CheckFailed, naming them, where some are missing, LcgenError where no
    build was begun.
    """
    place = depot(out)
    with trouble(place.shown):
        if planned(place) is None:
            data = place.read(manifest.FILE)
            if data is None:
                raise LcgenError(
                    f"In {place.shown} no build was begun. Begin one: lcgen build TASK --out {out} --shard 0/4, and so on."
                )
            return _report(place, manifest.parse(data, f"{place.shown}/{manifest.FILE}"), 0)
    with trouble(place.shown), place.lock():
        begun = planned(place)
        assert begun is not None
        site = Site(specs.from_plain(begun["suite"]), str(out), begun["force"])
        files = site.files()
        done = site.finished(files)
        lacking = [number for number, file in enumerate(files) if file.path not in done]
        if lacking:
            of = begun["shards"]
            own = sorted({number % of for number in lacking}) if of else []
            shards = f"{agreed(len(own), 'shard', 'shards')} {', '.join(map(str, own))} of {of}" if of else "the same command"
            shown = ", ".join(files[number].path for number in lacking[:5])
            raise CheckFailed(
                f"{len(lacking):,} of {many(len(files), 'file')} of {place.shown} {agreed(len(lacking), 'is', 'are')} missing: {shown}{', ...' if len(lacking) > 5 else ''}. "
                f"Run {shards} again, then lcgen finish."
            )
        known = site.old["files"] if site.old is not None else {}
        fresh = [name for name, entry in done.items() if known.get(name) != entry]
        return _report(place, site.close(done), len(fresh), elsewhere=site.elsewhere())


def _report(
    place: Depot, found: Mapping[str, Any], written: int, waits: tuple[str, ...] = (), elsewhere: tuple[str, ...] = ()
) -> Report:
    """What a manifest says, in short."""
    first, counted = found["spec"]["parts"][0], found["counted"]
    of_text = counted[0]["tokenizer"]["fingerprint"] != IDS
    return Report(
        folder=Path(place.shown) if isinstance(place, Folder) else place.shown,
        name=found["name"],
        split=first["split"],
        configs={name: entry["rows"] for name, entry in found["configs"].items()},
        rows=sum(entry["rows"] for entry in found["configs"].values()),
        bytes=sum(entry["bytes"] for entry in found["files"].values()),
        written=written,
        counted=of_text,
        tokenizer=", ".join(dict.fromkeys(entry["tokenizer"]["name"] for entry in counted)),
        wrapper=", ".join(dict.fromkeys(entry["wrapper"]["name"] for entry in counted)),
        audience=first["audience"],
        reserve=reserve(first["reserve"], first["audience"], counted[0]["wrapper"]["name"]) if of_text else 0,
        elsewhere=elsewhere,
        task=first["task"],
        repeat=max((entry["repeat"] for entry in found["configs"].values()), default=0.0),
        encoded=found["verification"]["encoded"],
        solved=found["verification"]["solved"],
        waits=waits,
    )


def generate(spec: Spec) -> Iterator[dict[str, Any]]:
    """The rows of a spec, one after another, nothing written; each is verified as the spec asks."""
    for maker in makers(spec).values():
        yield from maker.each()
