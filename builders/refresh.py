"""`lcgen refresh` and `reveal`: a suite lives on in epochs, each with fresh rows, the newest one on main, every one under its tag."""

from __future__ import annotations

import dataclasses
import datetime
import json
import re
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from lcgen import cards, epochs, suites
from lcgen.builders import manifest, overlap
from lcgen.builders.build import build
from lcgen.builders.push import Pushed, baselines, push
from lcgen.errors import CheckFailed, LcgenError
from lcgen.remote import Content, Remote
from lcgen.spec import Suite

RECORDS = "epochs"
"""Folder of a repository, and of a folder of epochs: what is said of each, and the hashes of what it holds."""
SUITE = "suite.yaml"
Progress = Callable[[int, int], Any]


@dataclass(frozen=True)
class Refreshed:
    """What a refresh did."""

    epoch: str
    folder: Path
    seed: str
    """Itself, or a commitment to it."""
    rows: int
    fresh: bool
    """Whether the epoch was made now."""
    shared: Mapping[str, int]
    """How much of each kind stands in earlier epochs too."""
    pushed: Pushed | None = None
    forgotten: list[str] = field(default_factory=list)
    """Tags that `keep` removed."""


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
    remote = _remote(suite, path) if publish else None
    home = out or Path(f"{suite.name}_epochs")
    folder = home / name
    records = _published(remote) if remote else _local(home)
    known = remote.tags() if remote and remote.state() else {}
    for other in records:
        if epochs.earlier(name, other):
            raise LcgenError(
                f"{name} lies before {other}, which is there already; main holds the newest. Choose another --epoch."
            )
    salt, hidden = epochs.secret(epochs.SALT), epochs.secret(epochs.HELD_OUT)
    if salt is not None and salt == hidden:
        raise LcgenError(f"{epochs.SALT} and {epochs.HELD_OUT} are the same secret. Make one of its own for each.")
    if remote and name in known:
        if name not in records:
            raise LcgenError(f"The tag {name} of {remote.name} is no epoch of lcgen's. Choose another --epoch.")
        record, forgotten = records[name], _forget(remote, records, known, keep)
        return Refreshed(name, folder, record["seed"], record["rows"], False, record["shared"], forgotten=forgotten)
    seed = epochs.seed(suite.seed, suite.name, name, salt)
    apart = None if hidden is None else epochs.seed(suite.seed, suite.name, name, hidden, "held out")
    _kept(records, name, seed, apart, remote.name if remote else str(home))
    fresh = _seeded(suite, seed)
    report = build(fresh, str(folder), progress=progress)
    made = manifest.of(folder)
    prints = overlap.prints(folder, made)
    before = {other: record for other, record in records.items() if other != name}
    others = _prints(remote, home, before)
    shared = overlap.shared(prints, others)
    held = None
    if apart is not None:
        place = home / f"{name}.held_out"
        build(_seeded(suite, apart, "held_out"), str(place), progress=progress)
        kept = manifest.of(place)
        _none(overlap.shared(overlap.prints(place, kept), [prints, *others]), f"the held-out rows of {name}")
        held = {"seed": kept["seed"], "configs": {config: _said(entry) for config, entry in kept["configs"].items()}}
    _none(shared, name)
    if name in records and not remote and records[name]["seed"] == made["seed"] and not report.written:
        return Refreshed(name, folder, made["seed"], report.rows, False, shared)
    measured = baselines(folder, made, progress)
    checked = _checked(folder, check, name) if check is not None else None
    record = {
        "epoch": name, "lcgen": made["lcgen"], "seed": made["seed"], "revealed": None, "rows": report.rows,
        "configs": {config: _said(entry) for config, entry in made["configs"].items()},
        "of": {kind: len(hashes) for kind, hashes in prints.items()}, "shared": shared,
        "overlap": max(entry["overlap"] for entry in made["configs"].values()), "scores": measured, "check": checked, "held_out": held,
        "after": list(before)[-1:],
    }  # fmt: skip
    files: dict[str, Content] = {f"{RECORDS}/{name}.json": _json(record), f"{RECORDS}/{name}.u64": overlap.pack(prints)}
    pushed, forgotten = None, list[str]()
    every = {**before, name: record}
    if remote:
        assert suite.hub is not None
        pushed = push(
            folder, remote.name, private=suite.hub.visibility == "private", gated="auto" if suite.hub.visibility == "gated" else None,
            tag=name, license=suite.hub.license, more={**files, **_source(path)}, history=history(every), measured=measured, progress=progress,
        )  # fmt: skip
        forgotten = _forget(remote, every, {**remote.tags()}, keep)
    # Written when all else is done: what stands here is an epoch that is whole.
    (home / RECORDS).mkdir(exist_ok=True)
    for file, content in files.items():
        assert isinstance(content, bytes)
        (home / file).write_bytes(content)
    return Refreshed(name, folder, made["seed"], report.rows, True, shared, pushed, forgotten)


def reveal(path: str, epoch: str) -> Pushed:
    """Publishes the secret seed of a published epoch on main, so that anybody can build it again and compare.

    Tags stay where they are. Raises LcgenError where the salt is not that of the epoch, or where nothing is published.
    """
    suite = suites.load(path)
    remote = _remote(suite, path)
    name, salt = epochs.named(epoch, datetime.date.min), epochs.secret(epochs.SALT)
    if salt is None:
        raise LcgenError(f"Set {epochs.SALT} to the secret with which the epoch was made.")
    records = _published(remote)
    state = remote.state()
    if state is None or name not in records or name not in remote.tags():
        raise LcgenError(
            f"{remote.name} has no epoch {name}, so there is nothing to reveal. It has: {', '.join(records) or 'none'}."
        )
    record = records[name]
    seed = epochs.seed(suite.seed, suite.name, name, salt)
    if epochs.shown(seed) != record["seed"]:
        raise LcgenError(
            f"{epochs.SALT} is not the secret of {name}: its seed would be {epochs.shown(seed)}, not {record['seed']}."
        )
    if record["revealed"] == seed:
        return Pushed(remote.name, remote.page, name, state.head)
    records[name] = {**record, "revealed": seed}
    with tempfile.TemporaryDirectory(prefix="lcgen-") as place:
        card = remote.download("README.md", state.head, Path(place)).read_text(encoding="utf-8")
    files: dict[str, Content] = {
        f"{RECORDS}/{name}.json": _json(records[name]), "README.md": cards.between(card, "history", history(records)).encode(),
    }  # fmt: skip
    commit = remote.commit(files, (), f"{suite.name}: the seed of {name}", state.head)
    return Pushed(remote.name, remote.page, name, commit, changed=sorted(files), done=True)


def history(records: Mapping[str, Mapping[str, Any]]) -> str:
    """The change log of a card: every epoch, the newest first, what it shares with those before, and what needs no model scores."""
    lines = [
        "| epoch | rows | oracle | best shortcut | check | shared rows, facts | keys, values, questions | filler | seed |",
        "|---|---:|---:|---:|---|---:|---:|---:|---|",
    ]
    for name, record in [*records.items()][::-1]:
        scores = [{run: value for run, value in line.items() if run not in ("config", "rows")} for line in record["scores"]]
        oracle = min((line["oracle"] for line in scores), default=1.0)
        best = max((value for line in scores for run, value in line.items() if run != "oracle"), default=0.0)
        shared, of, check = record["shared"], record["of"], record.get("check")
        words = ", ".join(f"{shared[kind]} of {of[kind]}" for kind in ("keys", "values", "questions"))
        lines.append(
            f"| `{name}` | {record['rows']} | {oracle:.3f} | {best:.3f} | {check['verdict'] if check else '-'} | {shared['rows']}, {shared['facts']} | {words} | {record['overlap']:.2%} | `{record['revealed'] or record['seed']}` |"
        )
    said = [
        "## Epochs", "", *lines, "",
        "`main` holds the newest epoch, its tag names each. `shared`: what stands in an earlier epoch too. Keys, values and questions are drawn "
        "from lists that all epochs share; `filler` is the share of text that two rows are expected to have in common. A seed `sha256:...` is a "
        f"commitment: `lcgen reveal` publishes the seed, and `lcgen build {SUITE} --seed SEED` then makes the same rows; `manifest.json` has their hashes.",
    ]  # fmt: skip
    said += _beside(records)
    held = {name: record["held_out"] for name, record in records.items() if record["held_out"]}
    if held:
        said += ["", "Held out and private; these are hashes of their rows:", ""]
        for name, entry in [*held.items()][::-1]:
            said += [f"- `{name}`, seed `{entry['seed']}`: " + ", ".join(f"`{config}` {one['rows']} rows `{one['hash']}`" for config, one in entry["configs"].items())]  # fmt: skip
    return "\n".join(said)


def _beside(records: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """What needs no model, and what the reference model found, of the newest epoch and of the one before, by config."""
    names = [*records][-2:]
    found: dict[tuple[str, str], dict[str, str]] = {}
    for name in names:
        for line in records[name]["scores"]:
            for run, value in line.items():
                if run not in ("config", "rows"):
                    found.setdefault((line["config"], run), {})[name] = f"{value:.3f}"
        for config, seen in ((records[name].get("check") or {}).get("configs") or {}).items():
            for kind, value in seen.items():
                found.setdefault((config, f"check: {kind}"), {})[name] = value
    if len(names) < 2 or not found:
        return []
    lines = [f"| config | run | `{names[1]}` | `{names[0]}` |", "|---|---|---:|---:|"]
    for config in dict.fromkeys(config for config, _ in found):
        lines += [
            f"| `{config}` | {run} | {of.get(names[1], '-')} | {of.get(names[0], '-')} |"
            for (other, run), of in found.items()
            if other == config
        ]
    return ["", "The newest epoch beside the one before it; `check` counts rows that the reference model solved:", "", *lines]


def _checked(folder: Path, rows: int, name: str) -> dict[str, Any]:
    """What the reference model found in so many rows. Raises CheckFailed where rows leak or cannot be solved."""
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


def _remote(suite: Suite, path: str) -> Remote:
    if suite.hub is None:
        raise LcgenError(f"{path} does not say where it is published. Add hub: {{repository: ORG/NAME, visibility: private}}.")
    return Remote(suite.hub.repository)


def _seeded(suite: Suite, seed: str, split: str | None = None) -> Suite:
    """The suite with another seed, and with one split for all rows where that is asked."""
    builds = tuple(
        dataclasses.replace(
            spec, seed=seed, parts=tuple(dataclasses.replace(part, split=split or part.split) for part in spec.parts)
        )
        for spec in suite.builds
    )
    return dataclasses.replace(suite, builds=builds)


def _kept(records: Mapping[str, Mapping[str, Any]], name: str, seed: str, apart: str | None, where: str) -> None:
    """Raises LcgenError where this epoch would break what is published: a secret that is lost, or another commitment.

    A secret that is missing is mostly one that was renamed, or that a scheduled job does not get.
    """
    secret = [other for other, record in records.items() if record["seed"].startswith("sha256:")]
    hidden = [other for other, record in records.items() if record["held_out"]]
    for variable, given, before in (
        (epochs.SALT, seed.startswith(epochs.SECRET), secret),
        (epochs.HELD_OUT, apart is not None, hidden),
    ):
        if before and not given:
            what = "a secret seed" if variable == epochs.SALT else "held-out rows"
            raise LcgenError(
                f"{variable} is not set, but {before[-1]} of {where} has {what}, so {name} would go without. Set it. To go on without "
                "a secret, begin another repository or --out."
            )  # fmt: skip
    if name not in records:
        return
    held = records[name]["held_out"]
    pairs = [(epochs.SALT, records[name]["seed"], seed), *([(epochs.HELD_OUT, held["seed"], apart)] if held and apart else [])]
    for variable, was, now in pairs:
        if was != epochs.shown(now):
            raise LcgenError(
                f"{where} holds {name} with the seed {was} already; this would make it with {epochs.shown(now)}, and what is published is not "
                f"replaced. Set {variable} and the suite as they were, or choose another --epoch."
            )


def _none(shared: Mapping[str, int], what: str) -> None:
    if found := {kind: shared[kind] for kind in overlap.NONE if shared[kind]}:
        raise CheckFailed(
            f"{what} shares {', '.join(f'{count} {kind}' for kind, count in found.items())} with earlier epochs, so it was not published. "
            "Take another seed in the suite, or parameters with more values."
        )


def _said(entry: Mapping[str, Any]) -> dict[str, Any]:
    return {"rows": entry["rows"], "hash": entry["hash"]}


def _json(record: Mapping[str, Any]) -> bytes:
    return (json.dumps(record, indent=1, ensure_ascii=False) + "\n").encode()


def _ordered(found: Mapping[str, dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """Records in the order in which they came, which each tells by the one before it."""
    left, ordered = dict(found), dict[str, dict[str, Any]]()
    while left:
        name = next(
            (name for name, record in left.items() if all(one in ordered or one not in found for one in record["after"])),
            min(left),
        )
        ordered[name] = left.pop(name)
    return ordered


def _read(texts: Mapping[str, str]) -> dict[str, dict[str, Any]]:
    try:
        found = {Path(name).stem: json.loads(text) for name, text in texts.items()}
        for record in found.values():
            for key in ("seed", "revealed", "rows", "of", "shared", "overlap", "scores", "held_out", "after"):
                record[key]
    except (ValueError, KeyError, TypeError) as error:
        raise CheckFailed(f"A record of an earlier epoch is damaged ({error}). Restore {RECORDS}/ from the history.") from error
    return _ordered(found)


def _local(home: Path) -> dict[str, dict[str, Any]]:
    return _read({path.name: path.read_text(encoding="utf-8") for path in sorted((home / RECORDS).glob("*.json"))})


def _published(remote: Remote) -> dict[str, dict[str, Any]]:
    """The records of the epochs that main knows of."""
    state = remote.state()
    names = [name for name in sorted(state.files) if re.fullmatch(rf"{RECORDS}/[\w.-]+\.json", name)] if state else []
    with tempfile.TemporaryDirectory(prefix="lcgen-") as place:
        texts = (
            {name: remote.download(name, state.head, Path(place)).read_text(encoding="utf-8") for name in names} if state else {}
        )
    return _read(texts)


def _prints(remote: Remote | None, home: Path, records: Mapping[str, Any]) -> list[overlap.Prints]:
    """What earlier epochs hold, as hashes."""
    state = remote.state() if remote else None
    found: list[overlap.Prints] = []
    with tempfile.TemporaryDirectory(prefix="lcgen-") as place:
        for name in records:
            file = f"{RECORDS}/{name}.u64"
            try:
                path = remote.download(file, state.head, Path(place)) if remote and state else home / file
                found.append(overlap.unpack(path.read_bytes()))
            except (OSError, ValueError) as error:
                raise CheckFailed(f"{file}, the hashes of an earlier epoch, cannot be read: {error}.") from error
    return found


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
