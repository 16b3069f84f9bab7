"""Verdicts: what the ranks of right answers say of a cell, by exact binomial tests.

A trial is one answer over one prompt. Leaks are judged on fresh values alone, from which nobody can tell a right one that was
never seen, with ties broken by lot; so one trial hits by chance one time in as many as there are. All tests of a run together
accuse sound data less often than ALPHA says.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from lcgen.estimates import share

ALPHA = 0.01
"""How often a whole run of sound rows may be accused of anything."""
SOLVED = 0.05
"""How often a model that only guesses may be said to solve a cell."""
SLIPS = 1e-6
"""How often the reference model fails on a literal answer that stands there."""
Verdict = Literal["sound", "leaking", "broken", "beyond this model", "no meaning"]
FAULTS: tuple[Verdict, ...] = ("leaking", "broken")


@dataclass(frozen=True)
class Trial:
    """One choice over one prompt."""

    hit: bool
    """Whether the right answer ranks above all other candidates."""
    chance: float
    """How often it would by chance."""
    guessed: bool | None = None
    """Whether it ranks first among fresh values; None where there are none, as with labels."""
    guess: float = 1.0
    """How often it would by chance."""
    said: str = ""
    """Of labels the one that ranks first."""
    gold: str = ""
    unit: str = ""
    """Trials of one unit ask for one value, and count as one where it is guessed."""
    copied: bool = False
    """Whether a model that copies finds it without fail."""


@dataclass(frozen=True)
class Count:
    """Trials of one kind of prompt: how many hit, and what chance would give."""

    n: int
    hits: int
    chance: float
    p: float
    """How often chance alone gives so many hits."""

    @property
    def rate(self) -> float | None:
        return self.hits / self.n if self.n else None

    def plain(self) -> dict[str, float | int | None]:
        """As JSON values."""
        return {"n": self.n, "hits": self.hits, "rate": self.rate, "chance": round(self.chance, 6), "p": float(f"{self.p:.6g}")}


def at_least(hits: int, n: int, chance: float) -> float:
    """How often n trials give so many hits or more, each with this chance."""
    return sum(_term(k, n, chance) for k in range(hits, n + 1)) if hits > n * chance else 1.0 - at_most(hits - 1, n, chance)


def at_most(hits: int, n: int, chance: float) -> float:
    """How often n trials give so many hits or fewer."""
    if hits < 0:
        return 0.0
    return sum(_term(k, n, chance) for k in range(hits + 1)) if hits <= n * chance else 1.0 - at_least(hits + 1, n, chance)


def _term(k: int, n: int, chance: float) -> float:
    if chance in (0.0, 1.0):
        return float(k == n * chance)
    ways = math.lgamma(n + 1) - math.lgamma(k + 1) - math.lgamma(n - k + 1)
    return math.exp(ways + k * math.log(chance) + (n - k) * math.log1p(-chance))


def solved(trials: Sequence[Trial]) -> Count:
    """Whether more trials hit than chance gives. Whoever always names one label hits as often as it is right."""
    n, hits = len(trials), sum(trial.hit for trial in trials)
    chance = max((trial.chance for trial in trials), default=1.0)
    labels = [(trial.said, trial.gold) for trial in trials if trial.guessed is None]
    if labels and len(labels) == n:
        names = {gold for _, gold in labels} | {said for said, _ in labels}
        shares = [(sum(said == name for said, _ in labels), sum(gold == name for _, gold in labels)) for name in names]
        chance = max(chance, sum(said * gold for said, gold in shares) / n**2)
    return Count(n, hits, chance, at_least(hits, n, chance) if n else 1.0)


def guessed(trials: Sequence[Trial]) -> Count:
    """Whether fresh values are told from right ones more often than chance does; labels by whether they are right."""
    values: dict[tuple[str, str], Trial] = {}
    for trial in trials:
        if trial.guessed is not None:
            values.setdefault((trial.unit, trial.gold), trial)
    if not values:
        return solved(trials)
    n, hits = len(values), sum(bool(trial.guessed) for trial in values.values())
    chance = max(trial.guess for trial in values.values())
    return Count(n, hits, chance, at_least(hits, n, chance))


def able(trials: Sequence[Trial]) -> float | None:
    """How often the model finds an answer in its evidence, as far as these trials tell; None where it does not."""
    if trials and all(trial.copied for trial in trials):
        return 1 - SLIPS
    count = solved(trials)
    # The lower end of the interval: few trials do not tell much of what a model can do.
    return share(count.hits, count.n).low if count.n and count.p < SOLVED else None


@dataclass(frozen=True)
class Judged:
    """A cell: the three counts, and what they say."""

    full: Count
    evidence: Count
    removed: Count
    verdict: Verdict
    broken: float
    """How often a model as able as this one solves so few from the evidence alone."""
    changed: tuple[int, int] = (0, 0)
    """Prompts without evidence in which what is right then ranks above what was right, and how many have such an answer."""
    faults: int = 0
    """Rows that are at odds with their own evidence, which takes no model to tell."""


def judge(
    trials: Mapping[str, Sequence[Trial]], ability: float | None, tests: int, changed: tuple[int, int] = (0, 0), faults: int = 0
) -> Judged:
    """The verdict on a cell, of which so many are tested; `ability` is that of the model on rows of its kind, and `faults` are
    rows that are at odds with their own evidence."""
    full, evidence = (solved(trials.get(kind, ())) for kind in ("full", "evidence"))
    removed, level = guessed(trials.get("removed", ())), ALPHA / (2 * max(1, tests))
    failed = at_most(evidence.hits, evidence.n, ability) if ability is not None and evidence.n else 1.0
    if removed.n and removed.p < level:
        verdict: Verdict = "leaking"
    elif failed < level or faults:
        verdict = "broken"
    elif not full.n or full.chance >= 1:
        verdict = "no meaning"
    else:
        verdict = "sound" if full.p < SOLVED * (1 + 1e-9) else "beyond this model"
    return Judged(full, evidence, removed, verdict, failed, changed, faults)


def worst(verdicts: Iterable[Verdict]) -> Verdict:
    """What to say of many cells at once."""
    order: tuple[Verdict, ...] = ("leaking", "broken", "beyond this model", "sound", "no meaning")
    held = {*verdicts}
    return next((verdict for verdict in order if verdict in held), "no meaning")
