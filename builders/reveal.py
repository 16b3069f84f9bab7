"""`lcgen reveal`: a secret seed is published, so that anybody can build an epoch, or what it held out, and compare."""

from __future__ import annotations

import datetime
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from lcgen import cards, epochs, suites
from lcgen.builders import chronicle, epoch, manifest
from lcgen.builders.build import build
from lcgen.builders.changelog import HELD, history
from lcgen.builders.chronicle import Chronicle
from lcgen.builders.depot import room
from lcgen.builders.push import Pushed
from lcgen.errors import CheckFailed, LcgenError
from lcgen.remote import Content
from lcgen.spec import Suite


@room()
def reveal(path: str, named: str, *, held_out: bool = False, out: Path | None = None) -> Pushed:
    """Publishes the secret seed of a published epoch on main, or, with `held_out`, that of the rows which it holds out, so that
    anybody can build them and compare. Those are built below `out` where they are not there any more.

    Tags stay where they are. Raises LcgenError where the secret is not that of the epoch, or where nothing is published.
    """
    suite = suites.load(path)
    remote, name = epoch.repository(suite, path), epochs.named(named, datetime.datetime.now(datetime.timezone.utc).date())
    variable = epochs.HELD_OUT if held_out else epochs.SALT
    secret = epochs.secret(variable)
    if secret is None:
        raise LcgenError(f"Set {variable} to the secret with which the epoch was made.")
    known = Chronicle(out or Path(f"{suite.name}_epochs"), remote)
    state = remote.state()
    if state is None or name not in known.records or name not in remote.tags():
        raise LcgenError(
            f"{remote.name} has no epoch {name}, so there is nothing to reveal. It has: {', '.join(known.records) or 'none'}."
        )
    record = known.records[name]
    committed = record["held_out"] if held_out else record
    if committed is None:
        raise LcgenError(f"{name} of {remote.name} holds nothing out.")
    seed = str(epoch.held_seed(suite, name, secret)) if held_out else epochs.seed(suite.seed, suite.name, name, secret)
    if epochs.shown(seed) != committed["seed"]:
        raise LcgenError(
            f"{variable} is not the secret of {name}: its seed would be {epochs.shown(seed)}, not {committed['seed']}."
        )
    if committed.get("revealed") == seed:
        return Pushed(remote.name, remote.page, name, state.head)
    told = {**committed, "revealed": seed}
    records = {**known.records, name: {**record, "held_out": told} if held_out else told}
    with tempfile.TemporaryDirectory(prefix="lcgen-") as place:
        card = remote.download("README.md", state.head, Path(place)).read_text(encoding="utf-8")
    files = {**chronicle.file(name, records[name]), "README.md": cards.between(card, "history", history(records)).encode()}
    if held_out:
        files |= _opened(suite, name, seed, record, known.home)
    commit = remote.commit(files, (), f"{suite.name}: the seed of {name}{', held out' if held_out else ''}", state.head)
    return Pushed(remote.name, remote.page, name, commit, changed=sorted(files), done=True)


def _opened(suite: Suite, name: str, seed: str, record: Mapping[str, Any], home: Path) -> dict[str, Content]:
    """What describes the rows that an epoch held out. Raises CheckFailed where they are not those whose hashes are public."""
    place = chronicle.held_out(home, name)
    build(epoch.hidden(suite, seed, record["share"]), str(place))
    made = manifest.of(place)
    if epoch.said(made) != record["held_out"]["configs"]:
        raise CheckFailed(
            f"{place} does not hold the rows whose hashes are published. Reveal them with the suite, the texts and the lcgen {record['lcgen']} "
            "with which the epoch was made."
        )
    names = (manifest.FILE, *made["templates"])
    return {f"{HELD}/{name}/{file}": (place / file).read_bytes() for file in names}
