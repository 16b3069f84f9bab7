"""Lists of questions: K short questions in one prompt, one long numbered answer, scored question by question.

Follows LongGenBench of Liu et al. 2024 (arXiv:2410.04199) in form and grid, and the longer lists of SCOPE (Wu et al. 2024,
arXiv:2412.13649). A length is one of answers: as many questions are asked as have full answers of so many tokens. Another
benchmark of the same name (Wu et al. 2024, arXiv:2409.02076) is the task `golden_thread` here. Left out: asking
again for what was not answered, which needs the model.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from lcgen import estimates, grading, questions
from lcgen.contract import Cell, Context, Draft, Drawn, Estimate, Puzzle, Row, Setting, Source, Task
from lcgen.errors import LcgenError
from lcgen.generators._longgen_params import LongGenParams
from lcgen.generators._longgen_presets import PRESETS
from lcgen.generators._longgen_reading import BASELINES, GAP, posed
from lcgen.questions import answers, lists, published
from lcgen.questions.lists import Answers
from lcgen.streams import Stream
from lcgen.wording import Wording

SINGLES = 20
"""Questions of each list that are asked alone, as the baseline that lists are held against."""


class LongGenBench(Task[LongGenParams]):
    """Many questions, one answer."""

    name = "longgenbench"
    about = "Answers a long list of short questions in one reply: the LongGenBench of Liu et al. (that of Wu et al. is golden_thread)."
    papers = ("arXiv:2410.04199", "arXiv:2412.13649")
    tags = ("long-form-generation", "question-answering")
    Params = LongGenParams
    shares = True
    revision = 2
    axis = "output"
    metric = "accuracy"
    depths = False
    haystack = "records"
    records_only = True
    lengths = (512, 131072)
    presets = PRESETS
    baselines = BASELINES
    limits = (
        "Two benchmarks are called LongGenBench: this is that of Liu et al. (arXiv:2410.04199); that of Wu et al. (arXiv:2409.02076), also "
        "called Spinning the Golden Thread, is golden_thread. A list begins with the same questions at every length, paired or not."
    )
    blocks = {
        "question_header": ("number",), "answer_header": ("number",), "number_answer": ("value",), "letter_answer": ("value",),
        "link": ("number",),
    }  # fmt: skip
    siblings = {"single": Setting({"questions": 1}, samples=SINGLES, answer_tokens=512)}

    def count(self, params: LongGenParams) -> int | None:
        return params.questions or None

    def own(self, params: LongGenParams) -> bool:
        return "@" not in params.source

    def draw(self, rng: Stream, params: LongGenParams, cell: Cell, source: Source, wording: Wording) -> Sequence[Draft]:
        if cell.questions > 1:
            raise ValueError("a list is one question: --questions-per-context is 1, --set questions says how many it holds")
        number, alone = divmod(cell.index, SINGLES) if params.questions == 1 else (cell.index, 0)
        # Lists know nothing of lengths and parameters, so that single questions are those of the lists.
        key = (cell.common or rng).child("list", number).key
        filler = Answers(
            params.source,
            source.lang,
            params.chain,
            key,
            wording,
            params.demos,
            alone,
            params.numbers == "shuffled",
            source.shared,
        )
        if filler.limit is not None and max(1, params.questions) > filler.limit:
            raise ValueError(_few(params, filler, max(1, params.questions)))
        return [Draft((), filler, sep=GAP, count=self.count(params), state=filler)]

    def pose(self, rng: Stream, params: LongGenParams, draft: Draft, context: Context, wording: Wording) -> Sequence[Puzzle]:
        filler: Answers = draft.state
        ids = context.ids[0].tolist()
        if filler.limit is not None and ids and ids[-1] >= filler.limit:
            raise LcgenError(f"longgenbench: {_few(params, filler, len(ids))}.")
        # Closing leaves gaps between the last ids; numbers that rise have none.
        numbers = [filler.number(unit if filler.shuffled else place) for place, unit in enumerate(ids)]
        asked, items, subjects, told = [], [], [], []
        for place, (unit, number) in enumerate(zip(ids, numbers)):
            before = numbers[place - 1] if place and ids[place - 1] == unit - 1 and filler.place(unit) % params.chain else None
            question = filler.questions.question(filler.place(unit), "" if before is None else wording.say("link", number=before))
            asked.append(lists.asked(question, number, wording))
            told.append(lists.answered(question, number, wording))
            pool, _ = filler.questions.pool(filler.place(unit))
            items.append({"number": number, "letters": question.letters, "source": pool.name, "steps": len(question.steps),
                          "after": before})  # fmt: skip
            subjects.append((question.subject, question.answer))
        stop = ["\n" + wording.say("question_header", number="\0").partition("\0")[0]]
        if not filler.shuffled:
            stop.append("\n" + wording.say("answer_header", number=numbers[-1] + 1))
        return [
            Puzzle(
                slots={
                    "question": GAP.join(asked),
                    "place": "after",
                    "demos": self._demos(params, filler, wording),
                    "chained": any(item["after"] is not None for item in items),
                },
                answers=[answer for _, answer in subjects],
                prefix=wording.say("answer_header", number=numbers[0]),
                stop=stop,
                reference=GAP.join(told),
                metadata={
                    "asked": len(ids), "list": filler.questions.rng.key[:16], "first": filler.place(ids[0]), "items": items,
                    "subjects": sorted({subject for subject, _ in subjects} - {""}), "demos": params.demos,
                    "proven": filler.questions.proven,
                },
            )
        ]  # fmt: skip

    def _demos(self, params: LongGenParams, filler: Answers, wording: Wording) -> str:
        """The first questions of the list with their answers, all questions before all answers."""
        shown = [(filler.questions.question(place), place + 1) for place in range(params.demos)]
        said = [lists.asked(question, number, wording) for question, number in shown]
        return GAP.join([*said, *(lists.answered(question, number, wording) for question, number in shown)])

    def solve(self, context: str, question: str, wording: Wording) -> Sequence[str]:
        pools = [questions.load(name, wording.lang) for name in questions.POOLS if questions.worded(name, wording.lang)]
        found: dict[int, str] = {}
        link = wording.pattern("link")

        def read(words: str) -> int | None:
            named = link.fullmatch(words)
            held = found.get(int(named["number"])) if named and named["number"].isdecimal() else None
            return int(held) if held and held.isdecimal() else None

        for number, text in posed(question, wording):
            found[number] = next(filter(None, (pool.solve(text, read) for pool in pools)), "")
        return [*found.values()]

    def provable(self, row: Row) -> bool:
        return bool(row["metadata"]["proven"])

    def drawn(self, row: Row) -> Drawn:
        # Each question of the list without its number; answers are numbers and letters.
        return Drawn(questions=[asked.partition("\n")[2] for asked in row["question"].split(GAP)])

    def score(self, response: str, row: Row) -> Mapping[str, float]:
        said = grading.resumed(grading.visible(response, row["input"]), row["gen_prefix"])
        asked = row["metadata"]["items"]
        items = [
            answers.Item(one["number"], answer, one["letters"], one["source"], one["after"])
            for one, answer in zip(asked, row["outputs"])
        ]
        length = grading.length_score(grading.words(row["reference_output"]), grading.words(said))
        rules = published.figures(items, said) if row["lang"] == "en" else {}
        return {**answers.figures(items, said), **rules, "length_score": length}

    def oracle(self, row: Row) -> str:
        reference: str = row["reference_output"]
        return reference

    def summary(self, rows: Sequence[Row], scores: Mapping[str, np.ndarray]) -> Mapping[str, Estimate]:
        """Means; and where rows of single questions are among those of lists, what lists cost: `degradation`, the accuracy of
        single questions less that of lists, and `degradation_relative`, its share of the accuracy of single questions."""
        found = dict(estimates.means(rows, scores))
        single = np.array([row["metadata"]["asked"] == 1 for row in rows])
        if single.any() and not single.all():
            sums = _by_list(rows, scores["score"], single)
            found["degradation"] = estimates.bootstrap(sums, lambda s: _share(s, 0) - _share(s, 2))
            found["degradation_relative"] = estimates.bootstrap(
                sums, lambda s: estimates.divided(_share(s, 0) - _share(s, 2), _share(s, 0))
            )
        return found


def _few(params: LongGenParams, filler: Answers, wanted: int) -> str:
    return (
        f"{params.source} has {filler.limit} questions beside {params.demos} demonstrations, too few for a list of {wanted}: ask for fewer "
        "(--lengths, --set questions), or join sources with + (problems has no end)"
    )


def _by_list(rows: Sequence[Row], score: np.ndarray, single: np.ndarray) -> np.ndarray:
    """Sums of score and rows, of single questions and of lists, for each list that they come from, shape (lists, 4)."""
    names = [row["metadata"]["list"] for row in rows]
    unit = np.unique(names, return_inverse=True)[1].reshape(-1)
    return np.stack(
        [np.bincount(unit, column * side) for side in (single, ~single) for column in (score, np.ones(len(rows)))], -1
    )


def _share(sums: np.ndarray, column: int) -> np.ndarray:
    return estimates.divided(sums[..., column], sums[..., column + 1])


TASK = LongGenBench()
