"""A site: one output folder and what it is to hold, from the first look at it to the moment when all is moved in."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from lcgen import cards, schemas
from lcgen import spec as specs
from lcgen.builders import harness, manifest, preview, survey
from lcgen.builders.depot import MOVING, STAGING, Depot, depot
from lcgen.builders.maker import FilePlan, Maker
from lcgen.builders.workshop import crew_of, note, plan, stamp
from lcgen.errors import CheckFailed, LcgenError
from lcgen.spec import Suite

PLAN = f"{STAGING}/plan.json"
"""What the folder is to hold, for those who finish it."""


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

    def files(self, shard: tuple[int, int] | None = None) -> list[FilePlan]:
        """All data files, by number; of a shard (i, n) those with number mod n = i."""
        every = [file for maker in self.crew.values() for file in plan(maker)]
        return every[shard[0] :: shard[1]] if shard else every

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

    def whole(self, files: Sequence[FilePlan], done: Mapping[str, Any]) -> bool:
        """Whether nothing is left to do for these files: all stand in the folder, and all that is made of them."""
        known = self.old["files"] if self.old is not None else {}
        every = all(done.get(file.path) == known.get(file.path, {}) for file in files)
        noted = self.old["derived"] if self.old is not None else {}
        others = derived(self.suite, self.crew)
        return (
            every
            and all(map(self.depot.owns, others))
            and all(self.depot.stands(*entry) for entry in noted.items())
            and self.old is not None
            and cards.fingerprint((self.depot.read("README.md") or b"").decode(errors="replace")) == self.old["card"]
        )

    def waits(self) -> tuple[str, ...]:
        """The files that nobody has made yet. Whether those that are noted are still whole is looked at when they are joined."""
        known = self.old["files"] if self.old is not None else {}
        noted = {name[len(f"{STAGING}/notes/") : -len(".json")] for name in self.depot.names(f"{STAGING}/notes")}

        def made(file: FilePlan) -> bool:
            entries = (known.get(file.path), self._noted(file) if file.path in noted else None)
            return any(entry is not None and self._enough(entry, file) for entry in entries)

        return tuple(file.path for file in self.files() if not made(file))

    def elsewhere(self) -> tuple[str, ...]:
        """Vocabularies as they were asked for, where the manifest must name them otherwise."""
        return tuple(dict.fromkeys(name for maker in self.crew.values() if (name := maker.elsewhere)))

    def stale(self) -> bool:
        """Whether another build has ended since this one looked."""
        return self.depot.read(manifest.FILE) != self._read

    def begin(self, shards: int | None) -> None:
        """Writes down what the folder is to hold.

        Raises LcgenError where another build was stopped there, and for a shard that asks for less than the others.
        """
        fresh = manifest.described(self.suite, self.crew)
        held = planned(self.depot)
        if held is not None and not self.force and self.depot.names(f"{STAGING}/notes"):
            if differ := manifest.differences(held["described"], fresh):
                raise LcgenError(
                    f"In {self.depot.shown} another build was stopped: {'; '.join(differ)}. Go on with its command, choose another "
                    "--out, or begin anew with --force."
                )
        elif shards is None and (held is None or (self.force and not held.get("force"))):
            # Other shards may be at work here. What is of no use to them has another stamp, and goes at the end.
            self.depot.clear()
        # What is written down last is what `finish` joins: a shard that asks for less would throw away work of the others.
        anew = held is None or held["shards"] is None or (self.force and not held["force"])
        if shards is not None and held is not None and not anew and (less := manifest.lacking(held["described"], fresh)):
            raise LcgenError(
                f"Other shards of {self.depot.shown} make more: {'; '.join(less)}. Ask for the same in every shard, or for more; or choose "
                f"another --out{'' if held['force'] else ', or begin anew with --force'}."
            )
        suite = specs.plain(self.suite)
        self.depot.write(
            PLAN,
            json.dumps({"suite": suite, "described": fresh, "shards": shards, "force": self.force}, ensure_ascii=False).encode(),
        )

    def close(self, files: Mapping[str, dict[str, Any]]) -> dict[str, Any]:
        """Adds everything that is made of the data files, then moves all into place; gives the manifest."""
        made = manifest.compose(self.suite, self.crew, files)
        staged = {name[len(STAGING) + 1 :] for name in self.depot.names(f"{STAGING}/data")}

        def data(name: str) -> Path:
            return self.depot.local(f"{STAGING}/{name}" if name in staged else name)

        with self.depot.workplace() as folder:
            derive(folder, data, made, self.suite, self.crew)
            names = derived(self.suite, self.crew)
            # Templates are known by the hash of their wording, and of the card publishing fills in parts.
            made["card"] = cards.fingerprint((folder / "README.md").read_text(encoding="utf-8"))
            made["derived"] = manifest.derived(folder, {*names} - {*made["templates"], "README.md"})
            manifest.save(folder, made)
            others = [*names, manifest.FILE]
            gone = self._replaced() - {*files, *others} if self.force else set()
            self.depot.settle([name for name in files if name in staged], folder, others, sorted(gone))
        return made

    def _replaced(self) -> set[str]:
        """What an earlier build wrote."""
        data = self.depot.read(manifest.FILE)
        if data is None:
            return set()
        old = manifest.parse(data, self.depot.shown)
        # What Python and a snapshot of the Hub leave beside the sheets goes with them.
        names = {*old["files"], *old["templates"], *old["derived"], *self.depot.names("lm_eval"), "README.md"}
        return {name for name in names if self.depot.owns(name)}


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
