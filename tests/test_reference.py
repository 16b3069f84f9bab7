"""The output axis, for a document that no task writes: numbered entries, each with a flag or a line of filler."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lcgen import reference, tokens, wrapper
from lcgen.compose import Composer, Pose, TooShort
from lcgen.contract import Context, Draft, Lane, Plant, Puzzle, Units
from lcgen.errors import LcgenError
from lcgen.frames import Prompt
from lcgen.wording import Wording

FEW = settings(max_examples=25, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
TEMPLATE = """{% macro flag(name) %}Flag {{ name }} is up.{% endmacro %}Write so many lines.
{{ question }}"""


class Lines(Units):
    """Filler of several costs."""

    form = "toy lines"

    def text(self, ids: np.ndarray) -> list[str]:
        return ["A line" + " more" * (n * n % 7) + "." for n in ids.tolist()]


class Alike(Units):
    """Filler of one cost, which cannot close every length."""

    form = "toy alike"

    def text(self, ids: np.ndarray) -> list[str]:
        return ["One and the same line of eight words here."] * len(ids)


@cache
def composer(vocabulary: str) -> Composer:
    made = tokens.load(vocabulary)
    return Composer(made, wrapper.plain(made), Wording(TEMPLATE, "en", {"flag": ("name",)}, axis="output"), "chat")


def draft(filler: Units, depths: Sequence[float], count: int | None = None) -> Draft:
    plants = tuple(Plant(f"Flag f{n} is up.", depth, value=f"f{n}") for n, depth in enumerate(depths))
    return Draft(plants, filler, sep="\n", count=count)


def pose(context: Context) -> Sequence[Puzzle]:
    """Asks for as many lines as the document has."""
    return [Puzzle({"question": f"Write {len(context.ids[0])} lines.", "place": "after"}, ["x"])]


def written(made: Composer, drafted: Draft, posed: Pose, asked: int) -> list[Prompt]:
    """The prompts, written out."""
    return [composed.write() for composed in reference.compose(made, drafted, posed, asked)]


@pytest.mark.parametrize("vocabulary", ["o200k_base", "llama3", "mistral_v1"])
@FEW
@given(asked=st.integers(150, 3000), depths=st.lists(st.floats(0, 1), max_size=4))
def test_the_reference_has_exactly_the_asked_tokens(vocabulary: str, asked: int, depths: list[float]) -> None:
    made, drafted = composer(vocabulary), draft(Lines(), depths)
    (prompt,) = written(made, drafted, pose, asked)
    assert prompt.reference is not None and not prompt.native
    assert made.tokenizer.count(prompt.reference) == prompt.output_tokens == asked
    assert f"Write {len(prompt.reference.splitlines())} lines." in prompt.input and prompt.context_id is None
    assert prompt.prompt_tokens == made.wrapper.count(made.tokenizer, prompt.input)
    for piece in prompt.pieces:
        plant = drafted.plants[piece.plant]
        assert prompt.reference[piece.char_start : piece.char_end] == plant.text
        assert abs(piece.depth - plant.depth) <= 40 / asked


@pytest.mark.parametrize("asked", range(200, 212))
def test_where_filler_cannot_close_one_more_unit_would_pass(asked: int) -> None:
    made = composer("o200k_base")
    (prompt,) = written(made, draft(Alike(), [0.5]), pose, asked)
    assert prompt.reference is not None and prompt.output_tokens is not None
    assert prompt.output_tokens == made.tokenizer.count(prompt.reference) <= asked
    assert made.tokenizer.count(prompt.reference + "\n" + Alike().text(np.array([0]))[0]) > asked


def test_a_native_size_is_met_and_a_reference_of_its_own_is_measured() -> None:
    def own(context: Context) -> Sequence[Puzzle]:
        return [Puzzle({"question": "Write.", "place": "after"}, ["x"], reference="Something else.")]

    made = composer("o200k_base")
    (prompt,) = written(made, draft(Lines(), [0.5], count=12), pose, 0)
    assert prompt.reference is not None and len(prompt.reference.splitlines()) == 12 and prompt.native
    (other,) = written(made, draft(Lines(), [], count=12), own, 0)
    assert other.reference == "Something else." and other.output_tokens == made.tokenizer.count("Something else.")


def test_what_cannot_be_is_said() -> None:
    with pytest.raises(TooShort, match="cannot hold this puzzle"):
        reference.compose(composer("o200k_base"), draft(Lines(), [0.1] * 40), pose, 100)
    with pytest.raises(LcgenError, match="prints a context or a pad"):
        Wording(TEMPLATE + "{{ context }}", "en", {"flag": ("name",)}, axis="output")
    with pytest.raises(LcgenError, match="does not print"):
        Wording(TEMPLATE.replace("{{ question }}", ""), "en", {"flag": ("name",)}, axis="output")


@pytest.mark.parametrize("vocabulary", ["o200k_base", "mistral_v1"])
@FEW
@given(asked=st.integers(700, 4000), lanes=st.integers(2, 30), planted=st.lists(st.integers(0, 29), max_size=40))
def test_level_lanes_are_equally_long_within_a_unit(vocabulary: str, asked: int, lanes: int, planted: list[int]) -> None:
    made = composer(vocabulary)
    plants = tuple(Plant(f"Flag f{n} is up.", 0.5, value=f"f{n}", lane=lane % lanes) for n, lane in enumerate(planted))
    parts = tuple(Lane(head=f"Part {number}:\n") for number in range(lanes))
    drafted = Draft(plants, Lines(), sep="\n", lanes=parts, join="\n\n", level=True)
    own = [sum(made.tokenizer.count("\n" + plant.text) for plant in plants if plant.lane == lane) for lane in range(lanes)]
    try:
        (prompt,) = written(made, drafted, lambda context: [Puzzle({"question": "Go.", "place": "after"}, ["x"])], asked)
    except TooShort as error:
        # Each part is as long as the longest, and holds a line of filler: the longest has ten tokens.
        heads = sum(made.tokenizer.count(part.head + "\n") for part in parts)
        assert heads + lanes * (max(own) + 10) > asked, "it would have held"
        assert error.needs > asked
        return
    assert prompt.reference is not None
    assert made.tokenizer.count(prompt.reference) == prompt.output_tokens == asked
    sizes = [made.tokenizer.count(part.partition(":\n")[2]) for part in prompt.reference.split("\n\n")]
    longest = max(made.tokenizer.count("\n" + text) for text in Lines().text(np.arange(20)))
    free = [size for size, held in zip(sizes, own) if held < min(sizes)]
    assert len(sizes) == lanes and max(free) - min(sizes) <= longest + 4
