"""From what a model weighs to trials and records: one row, all its prompts."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from lcgen import generators, proof
from lcgen.checking.judge import Judge, Weighed
from lcgen.checking.prompts import Prompt, prompts
from lcgen.checking.verdicts import Trial
from lcgen.contract import Row
from lcgen.contrasts import Contrast, quoted
from lcgen.errors import CheckFailed, LcgenError
from lcgen.streams import Stream

DECILES = 10
NUMBERLESS = "the model's log-probabilities are no finite numbers (NaN or infinite), as of a damaged model or of one that --dtype is too narrow for"
CELL = ("task", "config", "lang", "variant", "length", "target", "depth", "group_role", "params")
"""What a record keeps of its row, to be put into cells by."""


@dataclass
class Record:
    """One row, checked."""

    id: str
    where: Mapping[str, Any]
    """Config and those columns of the row that tell cells apart."""
    tokens: int = 0
    """Of the whole prompt, as the model reads it."""
    counted: int = 0
    """Of the same prompt, as the build counted it, without its wrapper."""
    trials: dict[str, list[Trial]] = field(default_factory=dict)
    margins: dict[str, list[float]] = field(default_factory=dict)
    """By which the right answer's log-probability is above the best of the others, in nats."""
    logprobs: dict[str, list[float]] = field(default_factory=dict)
    """Of the right answer, in nats."""
    held: dict[str, list[np.ndarray]] = field(default_factory=dict)
    """What ranks the candidates of each choice, until labels in the other order come along."""
    changed: list[bool] = field(default_factory=list)
    """Whether what is right without the evidence ranks above what was right with it."""
    scores: dict[str, float] = field(default_factory=dict)
    """What the task's own scorer says of the model's answer, by prompt."""
    said: dict[str, str] = field(default_factory=dict)
    deciles: list[float] = field(default_factory=list)
    """Mean log-probability of the tokens of a long answer, by tenths of it."""
    skipped: str = ""
    """Why it was not checked."""
    why: str = ""
    """Why a contrast has no meaning."""
    fault: str = ""
    """What is at odds with the row's own evidence, whatever the model says."""

    @property
    def wrong(self) -> str:
        """What is wrong with the row by itself; empty where that takes many rows to tell."""
        missed = [trial.gold for trial in self.trials.get("evidence", ()) if trial.copied and not trial.hit]
        return self.fault or (f"{quoted(missed[0])} is not found in its evidence alone" if missed else "")

    def plain(self) -> dict[str, Any]:
        """As JSON values."""
        ranks = {
            kind: [{"hit": trial.hit, "guessed": trial.guessed, "logprob": round(logprob, 4), "margin": round(margin, 4)}
                   for trial, logprob, margin in zip(trials, self.logprobs[kind], self.margins[kind])]
            for kind, trials in self.trials.items()
        }  # fmt: skip
        rest = {
            name: value
            for name in ("changed", "scores", "said", "deciles", "skipped", "why", "wrong")
            if (value := getattr(self, name))
        }
        return {"id": self.id, **self.where, "tokens": self.tokens, "prompts": ranks, **rest}


def check(rows: Sequence[tuple[str, Row]], judge: Judge, candidates: int, generate: bool) -> Iterator[Record]:
    """Checks some rows, given with their configs; prompts of all of them are weighed together."""
    records: list[Record] = []
    work: list[tuple[int, Row, Prompt]] = []
    for config, row in rows:
        where = {"config": config, **{name: row[name] for name in CELL if name != "config"}}
        record = Record(row["id"], where, counted=row["prompt_tokens"] - row["wrapper_tokens"])
        records.append(record)
        try:
            proof.places(row)
            contrast = generators.get(row["task"]).contrast(row)
            made = list(prompts(row, contrast, judge.reader, candidates)) if contrast and contrast.reference is None else []
        except (CheckFailed, IndexError, KeyError, TypeError, ValueError):
            record.fault = "its evidence does not stand where it is said to"
            continue
        if contrast is None:
            record.why = "their task says of no evidence that it could be taken away"
            continue
        record.why, record.fault = contrast.why, contrast.fault
        if contrast.reference is not None:
            _reference(record, row, contrast, judge)
            continue
        record.tokens = len(made[0].tokens) if made else 0
        longest = max(map(len, made), default=0)
        if judge.window is not None and longest > judge.window:
            record.skipped = f"longer than the {judge.window:,} tokens that the model reads"
            continue
        work += [(len(records) - 1, row, prompt) for prompt in made]
    weighed: dict[int, Sequence[Weighed]] = {}
    for batch in judge.batches([len(prompt) for _, _, prompt in work]):
        try:
            found = judge.weigh([work[place][2] for place in batch])
        except LcgenError as error:
            for place in batch:
                records[work[place][0]].skipped = str(error)
            continue
        for place, told in zip(batch, found):
            # NaN is neither above nor below anything: it would rank the right answer, or the wrong ones, at will.
            if all(map(_finite, told)):
                weighed[place] = told
            else:
                records[work[place][0]].skipped = NUMBERLESS
    for place, (number, row, prompt) in enumerate(work):
        if place in weighed and not records[number].skipped:
            _note(records[number], row, prompt, weighed[place], judge.copies)
            if generate and not prompt.turned:
                _answered(records[number], row, prompt, judge)
    for record in records:
        record.held.clear()
        if record.skipped:
            record.trials.clear()
        yield record


def _finite(weighed: Weighed) -> bool:
    """Whether what a model says of one choice are numbers."""
    return all(np.isfinite(values).all() for values in (weighed.marks, *weighed.logprobs))


def _note(record: Record, row: Row, prompt: Prompt, found: Sequence[Weighed], copies: bool) -> None:
    """Takes down what one prompt says of a row; of one with turned labels the mean with the other order."""
    trials, logprobs, margins = [], [], []
    for number, (told, weighed) in enumerate(zip(prompt.told, found)):
        sums = np.array([sum(one) for one in weighed.logprobs])
        marks = np.asarray(weighed.marks, float)
        if prompt.turned:
            marks = (marks + record.held[prompt.kind][number]) / 2
        else:
            record.held.setdefault(prompt.kind, []).append(marks)
        rng = Stream("ties", row["id"], prompt.kind, number)
        lots = np.array([rng.unit() for _ in marks])
        ranked = sorted(range(len(marks)), key=lambda place: (marks[place], lots[place]), reverse=True)
        fresh = [0, *range(len(marks) - told.fresh, len(marks))]
        best = max(fresh, key=lambda place: (marks[place], lots[place]))
        trials.append(
            Trial(
                hit=bool(marks[0] > marks[1:].max()),
                chance=1 / len(marks),
                guessed=best == 0 if told.fresh else None,
                guess=1 / len(fresh),
                said=told.texts[ranked[0]],
                gold=told.texts[0],
                unit=row["group_id"] or row["context_id"] or row["id"],
                copied=copies and told.literal,
            )
        )
        logprobs.append(float(sums[0]))
        margins.append(float(sums[0] - np.max(sums[1:])))
        if prompt.kind == "removed" and told.changed in told.texts and not prompt.turned:
            record.changed.append(bool(marks[told.texts.index(told.changed)] > marks[0]))
    record.trials[prompt.kind], record.logprobs[prompt.kind], record.margins[prompt.kind] = trials, logprobs, margins


def _answered(record: Record, row: Row, prompt: Prompt, judge: Judge) -> None:
    """Lets the model answer one prompt, and its task score that."""
    try:
        said = judge.answer(prompt, row)
    except LcgenError as error:
        record.skipped = str(error)
        return
    record.said[prompt.kind] = said
    record.scores[prompt.kind] = generators.get(row["task"]).score(said, row)["score"]


def _reference(record: Record, row: Row, contrast: Contrast, judge: Judge) -> None:
    """Weighs a long answer token by token."""
    assert contrast.reference is not None
    whole = len(judge.reader.encode(f"{row['input']}{row['gen_prefix']}{contrast.reference}"))
    record.tokens = whole
    if judge.window is not None and whole > judge.window:
        record.skipped = f"longer than the {judge.window:,} tokens that the model reads"
        return
    try:
        found = judge.follow(f"{row['input']}\n", contrast.reference)
    except LcgenError as error:
        record.skipped = str(error)
        return
    if not np.isfinite(found).all():
        record.skipped = NUMBERLESS
        return
    record.deciles = [round(float(part.mean()), 4) for part in np.array_split(np.array(found), DECILES) if len(part)]
