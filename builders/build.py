"""Builds: a suite becomes a folder that `load_dataset` reads. All is made below `.building` and moved in at the end.

Any set of workers may make the files, in any order, stopped at any moment: a file that is finished has a note beside it,
and who comes next makes what has none.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, Literal

from lcgen import cards, schemas
from lcgen import spec as specs
from lcgen.builders import executors, harness, manifest, preview, survey
from lcgen.builders.depot import MOVING, STAGING, Depot, Folder, Stopped, depot, trouble
from lcgen.builders.rows import RowMaker
from lcgen.builders.tables import Maker, TableMaker
from lcgen.builders.workshop import Checks, FilePlan, Workshop, crew_of, makers, note, plan, stamp
from lcgen.errors import CheckFailed, LcgenError
from lcgen.spec import Spec, Suite

PLAN = f"{STAGING}/plan.json"
"""What the folder is to hold, for those who finish it."""

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
    """Files written now; 0 means that the folder was up to date."""
    counted: bool
    """Whether lengths were counted in a vocabulary; rows of numbers have theirs without one."""
    tokenizer: str
    wrapper: str
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


class Site:
    """One output folder and what it is to hold."""

    def __init__(self, suite: Suite, out: str, force: bool) -> None:
        self.depot: Depot = depot(out)
        self.out, self.force = out, force
        self.old = self._standing()
        self.crew = crew_of(suite)
        if self.old is not None:
            suite = manifest.merge(self.old["spec"], suite, self.crew)
            self.crew = crew_of(suite)
        self.suite = suite

    def _standing(self) -> dict[str, Any] | None:
        """The manifest of what stands there, None where nothing does or it is to be replaced.

        Raises LcgenError where something else stands there.
        """
        try:
            empty = self.depot.empty()
            data = self.depot.read(manifest.FILE)
            # A build that was killed while it moved its files in leaves them beside a staging folder that says so.
            own = empty or data is not None or self.depot.read(f"{STAGING}/{MOVING}") is not None
        except OSError as error:
            raise LcgenError(
                f"Cannot use the folder {self.depot.shown}: {error.strerror or error}. Choose another --out."
            ) from error
        if not own:
            raise LcgenError(f"The folder {self.depot.shown} holds files that are no lcgen build. Choose another --out.")
        self._read = data
        found = None if data is None else manifest.parse(data, f"{self.depot.shown}/{manifest.FILE}")
        return None if self.force else found

    def files(self) -> list[FilePlan]:
        """All data files, by number."""
        return [file for maker in self.crew.values() for file in plan(maker)]

    def finished(self, files: Sequence[FilePlan]) -> dict[str, dict[str, Any]]:
        """Of these files the entries of those that are made: they stand in the folder, or wait with a note below STAGING."""
        known = self.old["files"] if self.old is not None else {}
        found = {}
        for file in files:
            noted = self._noted(file)
            for entry, places in ((known.get(file.path), [file.path]), (noted, [f"{STAGING}/{file.path}", file.path])):
                if entry and self._enough(entry, file) and any(self.depot.stands(place, entry) for place in places):
                    found[file.path] = entry
                    break
        return found

    def _noted(self, file: FilePlan) -> dict[str, Any] | None:
        try:
            noted = json.loads(self.depot.read(note(file)) or b"{}")
            return dict(noted["entry"]) if noted["of"] == stamp(file, self.crew[file.part]) else None
        except (ValueError, KeyError, TypeError):
            return None

    def _enough(self, entry: Mapping[str, Any], file: FilePlan) -> bool:
        """Whether a file holds so many rows, verified as far as is asked now."""
        # What is encoded again is solved again too, where it can be.
        return bool(entry["rows"] == file.rows and (self.suite.verify != "full" or entry["encoded"] == file.rows))

    def whole(self, done: Mapping[str, Any]) -> bool:
        """Whether nothing is left to do: all files stand in the folder, and all that is made of them."""
        known = self.old["files"] if self.old is not None else {}
        every = all(done.get(file.path) == known.get(file.path, {}) for file in self.files())
        return every and all(self.depot.owns(name) for name in derived(self.suite, self.crew))

    def stale(self) -> bool:
        """Whether another build has ended since this one looked."""
        return self.depot.read(manifest.FILE) != self._read

    def begin(self, shards: int | None) -> None:
        """Writes down what the folder is to hold. Raises LcgenError where another build was stopped there."""
        fresh = manifest.described(self.suite, self.crew)
        held = self.planned()
        if held is not None and not self.force and self.depot.names(f"{STAGING}/notes"):
            if differ := manifest.differences(held["described"], fresh):
                raise LcgenError(
                    f"In {self.depot.shown} another build was stopped: {'; '.join(differ)}. Go on with its command, choose another "
                    "--out, or begin anew with --force."
                )
        elif held is None or (self.force and not held.get("force")):
            self.depot.clear()
        suite = specs.plain(self.suite)
        self.depot.write(
            PLAN,
            json.dumps({"suite": suite, "described": fresh, "shards": shards, "force": self.force}, ensure_ascii=False).encode(),
        )

    def planned(self) -> dict[str, Any] | None:
        """What `begin` wrote down; None where nothing is."""
        return planned(self.depot)

    def close(self, files: Mapping[str, dict[str, Any]]) -> dict[str, Any]:
        """Adds everything that is made of the data files, then moves all into place; gives the manifest."""
        made = manifest.compose(self.suite, self.crew, files)
        staged = {name[len(STAGING) + 1 :] for name in self.depot.names(f"{STAGING}/data")}

        def data(name: str) -> Path:
            return self.depot.local(f"{STAGING}/{name}" if name in staged else name)

        with self.depot.workplace() as folder:
            derive(folder, data, made, self.suite, self.crew)
            manifest.save(folder, made)
            others = [*derived(self.suite, self.crew), manifest.FILE]
            gone = self._replaced() - {*files, *others} if self.force else set()
            self.depot.settle([name for name in files if name in staged], folder, others, sorted(gone))
        return made

    def _replaced(self) -> set[str]:
        """What an earlier build wrote."""
        data = self.depot.read(manifest.FILE)
        if data is None:
            return set()
        old = manifest.parse(data, self.depot.shown)
        schema_files = {name for name in self.depot.names("schemas") if name.endswith(".schema.json")}
        harness_files = {*self.depot.names("lm_eval"), *harness.PYTHON, harness.EVAL}
        return {
            name
            for name in (
                *old["files"],
                *old["templates"],
                *schema_files,
                *harness_files,
                preview.file(old["spec"]["format"]),
                "README.md",
            )
            if self.depot.owns(name)
        }


def build(
    suite: Suite,
    out: Path | str | None = None,
    force: bool = False,
    progress: Callable[[int, int], Any] | None = None,
    jobs: int = 1,
    shard: tuple[int, int] | None = None,
    executor: Literal["local", "ray"] = "local",
) -> Report:
    """Builds the folder `out` (default `./<name>`), or what is missing of it; of a shard (i, n) the files with number mod n = i.

    `progress` is called with the tokens planned and the tokens of each row written. Raises LcgenError before any work for
    what cannot be, CheckFailed for a row that does not hold; the folder is as it was then. A build that is stopped leaves
    its finished files below STAGING, and the same call goes on from there.
    """
    begin = partial(Site, suite, str(out or f"./{suite.name}"), force)
    site = begin()
    for maker in site.crew.values():
        maker.preflight()
    with trouble(site.depot.shown):
        done: dict[str, dict[str, Any]] = {}
        if site.old is not None:
            done = site.finished(site.files()[shard[0] :: shard[1]] if shard else site.files())
            if site.whole(done):
                return _report(site, site.old, 0)
        with site.depot.lock(f"{shard[0]}-of-{shard[1]}" if shard else None):
            if site.stale():
                site, done = begin(), {}
            return _build(site, done, progress, jobs, shard, executor)


def _build(
    site: Site, done: dict[str, dict[str, Any]], progress: Callable[[int, int], Any] | None, jobs: int,
    shard: tuple[int, int] | None, executor: Literal["local", "ray"],
) -> Report:  # fmt: skip
    """The same, the folder being held."""
    site.begin(shard and shard[1])
    files = site.files()
    mine = files[shard[0] :: shard[1]] if shard else files
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
    if shard is None:
        return _report(site, site.close(done), len(missing))
    noted = {name[len(f"{STAGING}/notes/") : -len(".json")] for name in site.depot.names(f"{STAGING}/notes")}
    known = site.old["files"] if site.old is not None else {}
    waits = tuple(file.path for file in files if file.path not in noted and file.path not in known)
    return _report(site, manifest.compose(site.suite, site.crew, done, partly=True), len(missing), waits)


def finish(out: Path | str) -> Report:
    """Joins the files that shards have made into a folder with card and manifest.

    Raises CheckFailed, naming them, where some are missing, LcgenError where no build was begun.
    """
    place = depot(out)
    if planned(place) is None:
        whole = place.read(manifest.FILE) is not None
        raise LcgenError(
            f"{place.shown} is finished: there is nothing to join."
            if whole
            else f"In {place.shown} no build was begun. Begin one: lcgen build TASK --out {out} --shard 0/4, and so on."
        )
    with trouble(place.shown), place.lock():
        begun = planned(place)
        assert begun is not None
        site = Site(specs.from_plain(begun["suite"]), str(out), begun["force"])
        files = site.files()
        done = site.finished(files)
        lacking = [number for number, file in enumerate(files) if file.path not in done]
        if lacking:
            of = begun["shards"]
            shards = (
                f"shards {', '.join(map(str, sorted({number % of for number in lacking})))} of {of}" if of else "the same command"
            )
            shown = ", ".join(files[number].path for number in lacking[:5])
            raise CheckFailed(
                f"{len(lacking)} of {len(files)} files of {place.shown} are missing: {shown}{', ...' if len(lacking) > 5 else ''}. "
                f"Run {shards} again, then lcgen finish."
            )
        return _report(site, site.close(done), 0)


def planned(place: Depot) -> dict[str, Any] | None:
    """What the folder is to hold, where a build was begun there. Raises CheckFailed where that is damaged."""
    data = place.read(PLAN)
    if data is None:
        return None
    try:
        found = json.loads(data)
        specs.from_plain(found["suite"])
        return {key: found[key] for key in ("suite", "described", "shards", "force")}
    except (ValueError, KeyError, TypeError, AssertionError) as error:
        raise CheckFailed(f"{place.shown}/{PLAN} is damaged. Begin anew with --force.") from error


def derived(suite: Suite, crew: Mapping[str, Maker]) -> list[str]:
    """Everything of a folder that `derive` makes, README last."""
    schema_names = sorted({name for maker in crew.values() for name in maker.schemas})
    templates = sorted({name for maker in crew.values() for name in maker.templates})
    names = [*(f"schemas/{name}.schema.json" for name in schema_names), *templates]
    names += harness.names(suite.name, crew)
    return [*names, preview.file(next(iter(crew.values())).spec.format), "README.md"]


def derive(folder: Path, data: Callable[[str], Path], made: Mapping[str, Any], suite: Suite, crew: Mapping[str, Maker]) -> None:
    """Writes into `folder` what is made of manifest, specs and data files; `data` gives the path of one by its name."""
    for name in ("templates", "schemas"):
        (folder / name).mkdir()
    for maker in crew.values():
        for name, source in maker.templates.items():
            (folder / name).write_text(source, encoding="utf-8")
        for name in maker.schemas:
            (folder / "schemas" / f"{name}.schema.json").write_text(schemas.text(name), encoding="utf-8")
    preview.write(folder, data, made)
    harness.write(folder, data, made, crew)
    (folder / "README.md").write_text(cards.dataset(suite, made, crew, survey.survey(folder, data, made)), encoding="utf-8")


def _report(site: Site, found: Mapping[str, Any], written: int, waits: tuple[str, ...] = ()) -> Report:
    maker = next(iter(site.crew.values()))
    texts = [maker for maker in site.crew.values() if isinstance(maker, RowMaker)]
    return Report(
        folder=Path(site.depot.shown) if isinstance(site.depot, Folder) else site.depot.shown,
        name=found["name"],
        split=maker.part.split,
        configs={name: entry["rows"] for name, entry in found["configs"].items()},
        rows=sum(entry["rows"] for entry in found["configs"].values()),
        bytes=sum(entry["bytes"] for entry in found["files"].values()),
        written=written,
        counted=isinstance(maker, RowMaker),
        tokenizer=", ".join(dict.fromkeys(entry["tokenizer"]["name"] for entry in found["counted"])),
        wrapper=", ".join(dict.fromkeys(entry["wrapper"]["name"] for entry in found["counted"])),
        reserve=maker.reserve,
        elsewhere=tuple(dict.fromkeys(m.spec.tokenizer for m in texts if m.spec.tokenizer != m.tokenizer.name)),
        task=maker.task.name,
        repeat=max((entry["repeat"] for entry in found["configs"].values()), default=0.0),
        encoded=found["verification"]["encoded"],
        solved=found["verification"]["solved"],
        waits=waits,
    )


def generate(spec: Spec) -> Iterator[dict[str, Any]]:
    """The rows of a spec, one after another, nothing written; each is verified as the spec asks."""
    crew = makers(spec)
    for maker in crew.values():
        if isinstance(maker, TableMaker):
            yield from maker.each()
            continue
        for length in maker.part.lengths:
            yield from Checks(spec, maker).rows(FilePlan(maker.part.name, length, "", 0, maker.part.samples), None)
