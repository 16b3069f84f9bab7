"""The epochs of a suite that came before: what is said of each, the hashes of what it holds, and which share it drew from.

They stand in `epochs/`, on main of the repository or in the folder of the epochs, so that no old version need be read again.
"""

from __future__ import annotations

import json
import re
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lcgen import epochs, shares
from lcgen.builders import manifest, overlap
from lcgen.errors import CheckFailed, LcgenError
from lcgen.remote import Content, Remote

FOLDER = "epochs"
Record = Mapping[str, Any]
NEEDED = ("seed", "revealed", "rows", "of", "shared", "overlap", "scores", "held_out", "after", "share")


@dataclass(frozen=True)
class Seeds:
    """The seeds of an epoch: of what is published, and of what is held out, if anything is."""

    public: str
    held_out: str | None


class Chronicle:
    """The records of all epochs, in the order in which they came."""

    def __init__(self, home: Path, remote: Remote | None) -> None:
        """Reads those of the repository, or, where none is given, those of the folder. Raises CheckFailed for damaged ones."""
        self.home, self.remote = home, remote
        self._state = remote.state() if remote else None
        self.records: dict[str, Record] = _ordered(_read(self._texts()))

    @property
    def place(self) -> str:
        """Where they stand, in words."""
        return self.remote.name if self.remote else str(self.home)

    def _texts(self) -> dict[str, str]:
        if self.remote is None:
            names = sorted(f"{FOLDER}/{path.name}" for path in (self.home / FOLDER).glob("*.json"))
        else:
            names = sorted(self._state.files) if self._state else []
        return {name: self._bytes(name).decode() for name in names if re.fullmatch(rf"{FOLDER}/[\w.-]+\.json", name)}

    def before(self, name: str) -> dict[str, Record]:
        """All but the epoch of this name. Raises LcgenError where one of them is known to be later."""
        for other in self.records:
            if epochs.earlier(name, other):
                raise LcgenError(
                    f"{name} lies before {other}, which is there already; main holds the newest. Choose another --epoch."
                )
        return {other: record for other, record in self.records.items() if other != name}

    def share(self, name: str, of: int) -> str:
        """The share of an epoch: its own where it is known, else the one of so many that was left alone for longest."""
        if name in self.records and self.records[name]["share"]:
            return str(self.records[name]["share"])
        used = [record["share"] for record in self.records.values()]

        def last(share: str) -> int:
            return max((number for number, other in enumerate(used) if not shares.apart(share, other)), default=-1)

        return min((f"{which}/{of}" for which in range(of)), key=last)

    def others(self, name: str, share: str) -> list[overlap.Other]:
        """What the epochs before hold, as hashes; of what they hold out, where it lies here."""
        found: list[overlap.Other] = []
        for other, record in self.before(name).items():
            apart = shares.apart(share, record["share"])
            file = f"{FOLDER}/{other}.u64"
            try:
                found.append(overlap.Other(other, overlap.unpack(self._bytes(file)), apart))
            except (OSError, ValueError) as error:
                raise CheckFailed(f"{file}, the hashes of an earlier epoch, cannot be read: {error}.") from error
            kept = held_out(self.home, other)
            if (made := manifest.load(kept)) is not None:
                found.append(overlap.Other(kept.name, overlap.prints(kept, made), apart))
        return found

    def _bytes(self, file: str) -> bytes:
        if self.remote is None or self._state is None:
            return (self.home / file).read_bytes()
        with tempfile.TemporaryDirectory(prefix="lcgen-") as place:
            return self.remote.download(file, self._state.head, Path(place)).read_bytes()

    def keeps(self, name: str, seeds: Seeds) -> None:
        """Raises LcgenError where this epoch would break what is published: a secret that is lost, or another commitment.

        A secret that is missing is mostly one that was renamed, or that a scheduled job does not get.
        """
        secret = [other for other, record in self.records.items() if record["seed"].startswith("sha256:")]
        hidden = [other for other, record in self.records.items() if record["held_out"]]
        for variable, given, before in (
            (epochs.SALT, seeds.public.startswith(epochs.SECRET), secret),
            (epochs.HELD_OUT, seeds.held_out is not None, hidden),
        ):
            if before and not given:
                what = "a secret seed" if variable == epochs.SALT else "held-out rows"
                raise LcgenError(
                    f"{variable} is not set, but {before[-1]} of {self.place} has {what}, so {name} would go without. Set it. To go on "
                    "without a secret, begin another repository or --out."
                )
        if name in self.records:
            self._committed(name, seeds)

    def _committed(self, name: str, seeds: Seeds) -> None:
        held = self.records[name]["held_out"]
        pairs = [(epochs.SALT, self.records[name]["seed"], seeds.public)]
        if held and seeds.held_out:
            pairs.append((epochs.HELD_OUT, held["seed"], seeds.held_out))
        for variable, was, now in pairs:
            if was != epochs.shown(now):
                raise LcgenError(
                    f"{self.place} holds {name} with the seed {was} already; this would make it with {epochs.shown(now)}, and what is "
                    f"published is not replaced. Set {variable} and the suite as they were, or choose another --epoch."
                )

    def write(self, files: Mapping[str, Content]) -> None:
        """Keeps here what was published, or would be: what stands here is an epoch that is whole."""
        (self.home / FOLDER).mkdir(exist_ok=True)
        for name, content in files.items():
            assert isinstance(content, bytes)
            part = self.home / f"{name}.part"
            part.write_bytes(content)
            part.replace(self.home / name)


def held_out(home: Path, name: str) -> Path:
    """The folder of the rows that an epoch holds out."""
    return home / f"{name}.held_out"


def files(name: str, record: Record, prints: overlap.Prints) -> dict[str, Content]:
    """The files of an epoch's record, the one that says that it is there last."""
    return {f"{FOLDER}/{name}.u64": overlap.pack(prints), **file(name, record)}


def file(name: str, record: Record) -> dict[str, Content]:
    """The file of a record."""
    return {f"{FOLDER}/{name}.json": (json.dumps(record, indent=1, ensure_ascii=False) + "\n").encode()}


def _read(texts: Mapping[str, str]) -> dict[str, Record]:
    try:
        found = {Path(name).stem: json.loads(text) for name, text in texts.items()}
        for record in found.values():
            for key in NEEDED:
                record[key]
    except (ValueError, KeyError, TypeError) as error:
        raise CheckFailed(f"A record of an earlier epoch is damaged ({error}). Restore {FOLDER}/ from the history.") from error
    return found


def _ordered(found: Mapping[str, Record]) -> dict[str, Record]:
    """Records in the order in which they came, which each tells by the one before it."""
    left, ordered = dict(found), dict[str, Record]()
    while left:
        name = next(
            (name for name, record in left.items() if all(one in ordered or one not in found for one in record["after"])),
            min(left),
        )
        ordered[name] = left.pop(name)
    return ordered
