"""One epoch of a suite: its seeds, its share of all keys and values, its rows, and those that it holds out."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lcgen import epochs
from lcgen.builders import chronicle, manifest, overlap
from lcgen.builders.build import build
from lcgen.builders.chronicle import Chronicle, Seeds
from lcgen.builders.rows import RowMaker
from lcgen.builders.workshop import crew_of
from lcgen.errors import LcgenError
from lcgen.progress import Progress
from lcgen.ranges import fraction
from lcgen.remote import Remote
from lcgen.spec import Place, Suite


@dataclass(frozen=True)
class Made:
    """The rows of an epoch, built and held against those before."""

    folder: Path
    manifest: Mapping[str, Any]
    share: str
    """Of the epoch; its rows have half of it where others are held out."""
    prints: overlap.Prints
    shared: Mapping[str, int]
    held_out: Mapping[str, Any] | None
    """What is said of the rows that are held out."""
    fresh: bool
    """Whether any file was written."""

    @property
    def rows(self) -> int:
        """Of all configs."""
        return sum(entry["rows"] for entry in self.manifest["configs"].values())


def repository(suite: Suite, path: str) -> Remote:
    """Where a suite is published. Raises LcgenError where it does not say so."""
    if suite.hub is None:
        raise LcgenError(f"{path} does not say where it is published. Add hub: {{repository: ORG/NAME, visibility: private}}.")
    return Remote(suite.hub.repository)


def seeds(suite: Suite, name: str) -> Seeds:
    """The seeds of an epoch, from the secrets of the environment."""
    salt, hidden = epochs.secret(epochs.SALT), epochs.secret(epochs.HELD_OUT)
    if salt is not None and salt == hidden:
        raise LcgenError(f"{epochs.SALT} and {epochs.HELD_OUT} are the same secret. Make one of its own for each.")
    return Seeds(epochs.seed(suite.seed, suite.name, name, salt), held_seed(suite, name, hidden))


def held_seed(suite: Suite, name: str, secret: str | None) -> str | None:
    """The seed of what an epoch holds out; None without a secret."""
    return None if secret is None else epochs.seed(suite.seed, suite.name, name, secret, "held out")


def make(suite: Suite, name: str, own: Seeds, known: Chronicle, progress: Progress | None) -> Made:
    """Builds an epoch, and what it holds out. Raises CheckFailed where any of it stands in an earlier one too."""
    if any(spec.share for spec in suite.builds):
        raise LcgenError("The suite asks for a pool_share, but it is the epochs that a refresh deals shares to. Leave it out.")
    folder, share = known.home / name, known.share(name, suite.epochs_apart)
    fresh = _seeded(suite, own.public, _half(share, 0) if own.held_out else share)
    _same_share(folder, fresh)
    if manifest.load(folder) is None:
        _suffices(fresh, share)
    report = build(fresh, str(folder), progress=progress)
    made, others = manifest.of(folder), known.others(name, share)
    prints = overlap.prints(folder, made)
    overlap.refuse(name, prints, others)
    held = None
    if own.held_out is not None:
        mine = overlap.Other(name, prints, suite.epochs_apart > 1)
        held = _held_out(suite, name, own.held_out, share, known.home, [mine, *others], progress)
    shared = overlap.shared(prints, [other.prints for other in others])
    return Made(folder, made, share, prints, shared, held, report.written > 0)


def _held_out(
    suite: Suite, name: str, seed: str, share: str, home: Path, others: list[overlap.Other], progress: Progress | None
) -> dict[str, Any]:
    """Builds the rows that an epoch holds out; gives what is said of them. Raises CheckFailed where they stand elsewhere."""
    place = chronicle.held_out(home, name)
    build(hidden(suite, seed, share), str(place), progress=progress)
    made = manifest.of(place)
    overlap.refuse(f"What {name} holds out", overlap.prints(place, made), others)
    return {"seed": made["seed"], "revealed": None, "configs": said(made)}


def _seeded(suite: Suite, seed: str, share: str) -> Suite:
    """The suite of an epoch."""
    return dataclasses.replace(suite, builds=tuple(dataclasses.replace(spec, seed=seed, share=share) for spec in suite.builds))


def hidden(suite: Suite, seed: str, share: str) -> Suite:
    """The suite of what an epoch holds out: a split of its own, or one for each split, which has the other half of the epoch's share."""
    builds, several = [], len({part.split for part in suite.parts}) > 1
    for spec in _seeded(suite, seed, _half(share, 1)).builds:
        parts = tuple(dataclasses.replace(part, split=f"held_out_{part.split}" if several else "held_out") for part in spec.parts)
        builds.append(dataclasses.replace(spec, parts=parts, disjoint=False))
    return dataclasses.replace(suite, builds=tuple(builds))


def _half(share: str, which: int) -> str:
    """One half of a share: together they are the whole of it, and apart from all that it is apart from."""
    first, of = fraction(share, "--pool-share")
    return f"{first + which * of}/{2 * of}"


def _same_share(folder: Path, fresh: Suite) -> None:
    """Raises LcgenError where a folder was begun with another share: another epoch came first in the meantime."""
    made = manifest.load(folder)
    was = {part["share"] for part in made["spec"]["parts"]} if made else set()
    now = fresh.builds[0].share
    if was - {now}:
        raise LcgenError(
            f"{folder} was built from the share {', '.join(map(str, was))} of all keys and values, but it is the turn of {now} now: other epochs came "
            "first, or what is held out is new. Remove the folder, and run the same command again."
        )


def _suffices(fresh: Suite, share: str) -> None:
    """Raises LcgenError where a share of the pools is too small for the rows, with the most epochs that can be apart."""
    if (error := _lacks(fresh)) is None:
        return
    (_, apart), (_, of) = fraction(share, "--pool-share"), fraction(str(fresh.builds[0].share), "--pool-share")

    def lacks(fewer: int) -> LcgenError | None:
        return _lacks(_seeded(fresh, fresh.seed, f"0/{of // apart * fewer}"))

    # What is too small as a whole is no matter of shares, and the build says so.
    if apart == 1 or lacks(1) is not None:
        return
    least, most = 1, apart
    while most - least > 1:
        middle = (least + most) // 2
        least, most = (middle, most) if lacks(middle) is None else (least, middle)
    raise LcgenError(
        f"{str(error).rstrip('.')}. An epoch draws from a share of its own, one of {apart} of all keys, values and names (epochs_apart: "
        f"{apart}{'; half of it is held out' if of > apart else ''}). In the suite epochs_apart: {least} works."
    )


def _lacks(suite: Suite) -> LcgenError | None:
    """Why the first rows of a suite, or its longest ones, cannot be made."""
    try:
        for maker in crew_of(suite).values():
            maker.preflight()
            if isinstance(maker, RowMaker):
                longest = max(maker.part.lengths, key=lambda length: length.high)
                for params in range(len(maker.params)):
                    maker.rows(Place(dataclasses.replace(longest, low=longest.high), maker.part.depths[0], params, 0))
    except LcgenError as error:
        return error
    return None


def said(made: Mapping[str, Any]) -> dict[str, Any]:
    """Rows and hashes of each config."""
    return {config: {"rows": entry["rows"], "hash": entry["hash"]} for config, entry in made["configs"].items()}
