"""Ancestral trace: families have one answer, decoys look like the family asked about, and the scorer reads what is meant."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from itertools import product
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import lcgen
from lcgen import forms, generators, kinship, templates
from lcgen.errors import CheckFailed, LcgenError
from lcgen.generators._trace_params import AncestralTraceParams
from lcgen.kinship import ASKS, Plan
from lcgen.records import RESERVED
from lcgen.relatives import Relatives, read, sayings
from lcgen.streams import Stream
from lcgen.wording import Wording

TASK = generators.get("ancestral_trace")
FEW = settings(max_examples=40, deadline=None, derandomize=True)


def wording(lang: str = "en") -> Wording:
    return Wording(templates.source("ancestral_trace", lang), lang, TASK.blocks)


def rows(**options: Any) -> list[dict[str, Any]]:
    base: dict[str, Any] = {"lengths": "2k", "depths": "0.4", "haystack": "noise"}
    return list(lcgen.generate("ancestral_trace", **{**base, **options}))


def plans() -> st.SearchStrategy[Plan]:
    return st.builds(
        Plan, st.sampled_from(ASKS), st.integers(2, 30), st.just(0), st.integers(0, 6), st.integers(0, 40), st.just("shuffled"), st.just(0.0)
    )  # fmt: skip


def reached(start: int, links: Mapping[int, Sequence[tuple[int, int]]]) -> Counter[tuple[int, int]]:
    """Everyone above or below a person with the generations between them, counted once for each way there."""
    found: Counter[tuple[int, int]] = Counter()
    ahead = [(start, 0)]
    while ahead:
        person, height = ahead.pop()
        for other, generations in links.get(person, ()):
            found[other, height + generations] += 1
            ahead.append((other, height + generations))
    return found


# --- families -----------------------------------------------------------------------------------------------------------


@FEW
@given(plans(), st.integers(0, 10**6))
def test_a_family_is_one_tree_with_one_answer(plan: Plan, seed: int) -> None:
    family = kinship.grow(Stream("test", seed), plan)
    people = {person for held in family.relations for person in (held.elder, held.younger)}
    assert people == set(range(plan.relations + 1)) and len(family.relations) == plan.relations
    above: dict[int, list[tuple[int, int]]] = {}
    below: dict[int, list[tuple[int, int]]] = {}
    for held in family.relations:
        above.setdefault(held.younger, []).append((held.elder, held.generations))
        below.setdefault(held.elder, []).append((held.younger, held.generations))
    # As many relations as people less one, and all of them joined: a tree, so no two ways lead from one to another.
    joined, ahead = {0}, [0]
    while ahead:
        for other, _ in [*above.get(person := ahead.pop(), []), *below.get(person, [])]:
            if other not in joined:
                joined.add(other)
                ahead.append(other)
    assert joined == people
    start, answer = family.trace[0], family.trace[-1]
    found = reached(start, below if plan.ask == "descendant" else above)
    assert found[answer, family.generations] == 1
    if plan.ask == "eldest":
        assert [who for who, height in found if height >= family.generations] == [answer]
    elif plan.ask != "distance":
        assert [who for who, height in found if height == family.generations] == [answer]


@FEW
@given(plans(), st.integers(0, 10**6))
def test_nobody_has_two_fathers_or_is_a_father_and_a_mother(plan: Plan, seed: int) -> None:
    family = kinship.grow(Stream("test", seed), plan)
    genders: dict[int, set[int]] = {}
    parents: Counter[tuple[int, int]] = Counter()
    for held in family.relations:
        genders.setdefault(held.elder, set()).add(held.gender)
        parents[held.younger, held.gender] += held.generations == 1
    assert all(len(found) == 1 for found in genders.values())
    assert max(parents.values()) <= 1
    assert max(Counter(held.younger for held in family.relations).values()) <= 2


def test_every_number_of_generations_is_as_likely() -> None:
    plan = Plan("distance", 4, 0, 2, 4, "shuffled", 0.0)
    found = Counter(kinship.grow(Stream("even", seed), plan).generations for seed in range(2000))
    assert set(found) == {4, 5, 6, 7, 8} and all(330 < count < 470 for count in found.values())
    fixed = Plan("ancestor", 4, 6, 2, 4, "shuffled", 0.0)
    assert {kinship.grow(Stream("fixed", seed), fixed).generations for seed in range(50)} == {6}


@pytest.mark.parametrize("ask", ASKS)
def test_several_people_of_a_family_have_no_parent_or_no_child(ask: kinship.Ask) -> None:
    plan = Plan(ask, 8, 0, 2, 4, "shuffled", 0.0)
    ends = []
    for seed in range(300):
        family = kinship.grow(Stream("ends", seed), plan)
        younger, elder = {held.younger for held in family.relations}, {held.elder for held in family.relations}
        ends.append((len(elder - younger), len(younger - elder)))
    assert np.mean([roots > 1 for roots, _ in ends]) > 0.8 and np.mean([leaves > 1 for _, leaves in ends]) > 0.8


@pytest.mark.parametrize("order", ["forward", "backward", "apart"])
def test_the_chain_stands_in_the_order_asked_for(order: str) -> None:
    for ask, chain, gap in product(("ancestor", "descendant", "distance"), (2, 5, 8), (0.0, 0.1)):
        (row,) = rows(params={"order": order, "ask": ask, "chain": chain, "gap": gap, "families": 1})
        trace = row["metadata"]["trace"]
        places = {frozenset((piece["key"], piece["value"])): piece["char_start"] for piece in row["evidence"]}
        found = [places[frozenset(pair)] for pair in zip(trace, trace[1:])]
        if ask == "distance" and order != "apart":
            # The question may begin at either end; the chain itself runs upwards.
            assert found in (sorted(found), sorted(found, reverse=True))
        elif order == "apart":
            ranks = np.argsort(np.argsort(found))
            assert np.abs(np.diff(ranks)).min() >= max(1, chain // 2 - (chain % 2 == 0) + (chain == 2))
        else:
            assert found == sorted(found, reverse=order == "backward")


def test_gaps_are_what_is_said() -> None:
    (row,) = rows(lengths="8k", depths="0.75", params={"chain": 5, "gap": 0.1, "families": 0})
    depths = sorted(piece["depth"] for piece in row["evidence"] if piece["role"] == "gold")
    assert depths == pytest.approx([0.05, 0.15, 0.75, 0.85, 0.95], abs=0.02) and row["depth"] == 0.75


# --- rows ---------------------------------------------------------------------------------------------------------------


@settings(max_examples=25, deadline=None, derandomize=True)
@given(
    st.sampled_from(["en", "zh"]), st.sampled_from(ASKS), st.sampled_from(["noise", "records"]),
    st.integers(2, 12), st.integers(0, 3), st.integers(0, 6), st.integers(0, 3), st.booleans(), st.integers(0, 99),
)  # fmt: skip
def test_rows_hold_over_parameters(
    lang: str, ask: str, haystack: str, chain: int, beyond: int, branches: int, families: int, path: bool, seed: int
) -> None:
    params = {"ask": ask, "chain": chain, "beyond": beyond, "branches": branches, "families": families, "path": path}
    (row,) = rows(lang=lang, haystack=haystack, params=params, seed=str(seed), lengths="3k")
    meta, context = row["metadata"], row["input"][row["context_start"] : row["context_end"]]
    assert TASK.solve(context, row["question"], wording(lang)) == row["outputs"]
    assert len(meta["trace"]) == chain + 1 and len(row["outputs"]) == (chain if path else 1)
    assert Counter(piece["role"] for piece in row["evidence"]) == +Counter(
        gold=chain, distractor=beyond + branches, decoy=families * (chain + beyond + branches)
    )
    assert meta["facts"] == len(row["evidence"])
    # The text states nothing else of the people on the chain.
    stated = [(elder, younger) for elder, younger, _ in read(context, wording(lang)) if {elder, younger} & {*meta["trace"]}]
    planted = [piece for piece in row["evidence"] if {piece["key"], piece["value"]} & {*meta["trace"]}]
    assert len(stated) == len(planted)


def test_the_four_questions_come_in_turn() -> None:
    found = rows(samples=8, lengths="3k")
    assert Counter(row["metadata"]["ask"] for row in found) == dict.fromkeys(ASKS, 2)


def test_planted_decoys_are_like_the_family_asked_about() -> None:
    """Over many rows asked and other families have as many people without a parent, and spread as far over the text."""
    roots: dict[bool, list[float]] = {True: [], False: []}
    spread: dict[bool, list[float]] = {True: [], False: []}
    for row in rows(samples=60, lengths="2k", depths="random"):
        families: dict[int, list[dict[str, Any]]] = {}
        for piece in row["evidence"]:
            families.setdefault(piece["part"], []).append(piece)
        assert {len(pieces) for pieces in families.values()} == {14}
        down = row["metadata"]["ask"] == "descendant"
        for part, pieces in families.items():
            values, keys = {piece["value"] for piece in pieces}, {piece["key"] for piece in pieces}
            roots[part == 0].append(len(keys - values if down else values - keys))
            spread[part == 0].append(float(np.std([piece["depth"] for piece in pieces])))
    assert np.mean(roots[True]) == pytest.approx(np.mean(roots[False]), abs=0.35)
    assert np.mean(spread[True]) == pytest.approx(np.mean(spread[False]), abs=0.03)


def test_several_questions_share_one_context() -> None:
    found = rows(questions_per_context=4, lengths="4k", params={"families": 0})
    assert len(found) == 4 and len({row["context_id"] for row in found}) == 1
    assert len({row["outputs"][0] for row in found}) == 4 and len({row["metadata"]["people"][0] for row in found}) == 4
    for row in found:
        assert sum(piece["role"] == "gold" for piece in row["evidence"]) == 8


def test_bare_relations_have_a_native_size() -> None:
    found = rows(lengths=None, depths="random", params={"bare": True, "chain": 40, "families": 1})
    assert found[0]["context_end"] and len(found[0]["evidence"]) == 2 * 46
    context = found[0]["input"][found[0]["context_start"] : found[0]["context_end"]]
    assert context == " ".join(piece["text"] for piece in sorted(found[0]["evidence"], key=lambda piece: piece["char_start"]))


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_a_chain_of_512_relations(lang: str) -> None:
    (row,) = rows(lang=lang, lengths="64k", haystack="records", params={"chain": 512, "ask": "ancestor", "path": True})
    assert len(row["outputs"]) == 512 == len(set(row["outputs"]))
    assert TASK.score(TASK.oracle(row), row)["score"] == 1


# --- filler -------------------------------------------------------------------------------------------------------------


def relatives(lang: str = "en", salt: int = 7, **changed: Any) -> Relatives:
    plan = TASK.Params(**changed).plan("ancestor")
    return Relatives(
        forms.Pool(forms.names(lang), Stream("people", lang)), plan, wording(lang), salt, " " if lang == "en" else ""
    )


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_filler_is_whole_families_with_people_of_their_own(lang: str) -> None:
    units = relatives(lang)
    texts = units.text(np.arange(3 * units.block))
    assert texts[17:40] == relatives(lang).text(np.arange(17, 40)), "a unit depends on its id alone"
    seen: set[str] = set(units.names.texts(np.arange(RESERVED)))
    for block in range(3):
        facts = list(read(" ".join(texts[block * units.block : (block + 1) * units.block]), wording(lang)))
        assert len(facts) == units.block
        people = {person for elder, younger, _ in facts for person in (elder, younger)}
        assert len(people) == units.bank.people == len(facts) + kinship.WOVEN
        assert not people & seen
        seen |= people
    assert len({*texts}) == len(texts)


def test_filler_is_worded_as_what_is_planted() -> None:
    units, said = relatives(), sayings(wording())
    texts = units.text(np.arange(4000))
    found = Counter(re.sub(r"[A-Z]\w+ [A-Z]\w+", "*", text) for text in texts)
    own = {wording().say(way.sentence, elder="Ada Stone", younger="Bo Carver", term=way.term) for way in said}
    assert {*found} == {re.sub(r"[A-Z]\w+ [A-Z]\w+", "*", text) for text in own} and len(own) == 16
    assert min(found.values()) > 4000 / 16 * 0.7


def test_more_people_than_names_is_said() -> None:
    units = relatives()
    assert units.limit > 200_000, "a context of a million tokens has about 70,000 relations"
    with pytest.raises(LcgenError, match=rf"{units.names.form.size:,} names are enough for {units.limit:,} relations"):
        units.text(np.array([units.limit]))


def test_filler_holds_names_by_search() -> None:
    units = relatives()
    texts = units.text(np.arange(500))
    name = next(iter(read(texts[123], wording())))[0]
    assert units.holding(np.arange(500), [name]).tolist() == [name in text for text in texts]


# --- shortcuts ----------------------------------------------------------------------------------------------------------


def shares(name: str, found: Sequence[Mapping[str, Any]], ask: str) -> float:
    asked = [row for row in found if row["metadata"]["ask"] == ask]
    right = [
        TASK.baselines[name](row["input"][row["context_start"] : row["context_end"]], row["question"], wording())
        == row["outputs"]
        for row in asked
    ]
    return sum(right) / len(right)


def test_shortcuts_solve_the_published_form_alone() -> None:
    published = [
        row for row in lcgen.generate("ancestral_trace", preset="needlebench_atc:chain_16", samples=24) if row["index"] < 24
    ]
    ours = rows(samples=120, depths="random")
    for ask in ("eldest", "ancestor", "descendant"):
        assert shares("no_parent", published, ask) == 1
        assert shares("no_parent", ours, ask) < 0.3
        assert shares("one_step", ours, ask) == 0
    assert shares("sum", published, "distance") == 1 and shares("sum", ours, "distance") == 0


# --- bad input ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("params", "said"),
    [
        ({"chain": 1}, "chain is 1, but must be 2 to 512: take chain=2"),
        ({"chain": 600}, "chain is 600, but must be 2 to 512: take chain=512"),
        ({"chain": 4, "generations": 9, "ask": "ancestor"}, "9, beyond a chain of 4 relations, which spans 4 to 8.*generations=8, or chain=5"),
        ({"chain": 8, "generations": 5, "ask": "eldest"}, "spans 8 to 16 generations: take generations=8, or chain=5"),
        ({"generations": 9, "ask": "distance"}, "answer to a question for the distance"),
        ({"generations": 9}, "leave it out with ask=mixed"),
        ({"chain": 16, "gap": 0.1}, r"16 relations at gaps of 0.1 need 1.5 texts: take gap=0.0666 or less, or chain=11"),
        ({"gap": -1.0}, "gaps of -1"),
        ({"branches": -1}, "branches is -1, but must be at least 0"),
        ({"chain": 512, "families": 7}, "8 families of 518 relations are 4,144.*at most 4,096.*families=6 or chain=506"),
        ({"chain": 512, "branches": 4000}, "^ancestral_trace: 4 families of 4,514 relations are 18,056, but"),
        ({"ask": "uncle"}, "must be one of mixed, eldest, ancestor, descendant, distance"),
    ],
)  # fmt: skip
def test_what_cannot_be_is_said_with_what_can(params: dict[str, Any], said: str) -> None:
    with pytest.raises(LcgenError, match=said):
        rows(params=params)


def test_what_a_message_offers_works() -> None:
    assert TASK.Params(chain=512, families=6) and TASK.Params(chain=506, families=7)
    assert TASK.Params(chain=16, gap=0.0666) and TASK.Params(chain=11, gap=0.1)
    assert TASK.Params(chain=5, generations=9, ask="ancestor")


def test_bare_has_no_depth_to_ask_for_and_one_question() -> None:
    with pytest.raises(LcgenError, match="take --depths random"):
        rows(lengths=None, params={"bare": True})
    with pytest.raises(LcgenError, match="one question per context"):
        rows(lengths=None, depths="random", params={"bare": True}, questions_per_context=2)


def test_a_chain_that_the_length_cannot_hold_is_said(tmp_path: Any) -> None:
    with pytest.raises(LcgenError, match="2048 tokens are too short for this puzzle.*Ask for at least") as error:
        lcgen.build("ancestral_trace", tmp_path / "out", lengths="2k", params={"chain": 512})
    assert not (tmp_path / "out").exists()
    least = int(re.findall(r"at least (\d+)", str(error.value))[0])
    assert rows(lengths=str(least), params={"chain": 512}, depths="0,1")


def test_templates_that_cannot_be_read_are_refused() -> None:
    source = templates.source("ancestral_trace", "en")
    for change, said in (
        (("father|dad", "father|mother"), "must be one word and stand in one of the macros"),
        (("father|dad", "step father"), "must be one word"),
        (("grandmother|grandma", ""), "has no term in the macro 'grandmother'"),
    ):
        assert change[0] in source
        with pytest.raises(LcgenError, match=said):
            sayings(Wording(source.replace(*change), "en", TASK.blocks))
    twice = source.replace("{{ elder }} is the {{ term }} of", "{{ elder }}, the one and only {{ elder }}, is the {{ term }} of")
    with pytest.raises(LcgenError, match="must name each person once for --haystack records"):
        Relatives(
            forms.Pool(forms.names("en"), Stream("x")), TASK.Params().plan("eldest"), Wording(twice, "en", TASK.blocks), 1, " "
        )


def test_a_text_that_contradicts_itself_is_no_puzzle() -> None:
    en = wording()
    question = en.say("ask_ancestor", n="2", person="Ada Stone")
    told = "Bo Carver is the father of Ada Stone. Cy Field is the dad of Bo Carver."
    assert TASK.solve(told, question, en) == ["Cy Field"]
    assert TASK.solve(f"{told} Di Marsh is the mom of Bo Carver.", question, en) == ["Cy Field", "Di Marsh"], "two answers"
    with pytest.raises(CheckFailed, match="both parent and grandparent"):
        TASK.solve(f"{told} Bo Carver is the granddad of Ada Stone.", question, en)
    with pytest.raises(CheckFailed, match="Two ways"):
        TASK.solve(f"{told} Ada Stone is the mom of Cy Field.", question, en)
    with pytest.raises(CheckFailed, match="none that this task asks"):
        TASK.solve(told, "Who is the uncle of Ada Stone?", en)


# --- scores -------------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module", params=["en", "zh"])
def person(request: pytest.FixtureRequest) -> dict[str, Any]:
    return rows(lang=request.param, params={"ask": "ancestor"}, haystack="records")[0]


@pytest.fixture(scope="module")
def distance() -> dict[str, Any]:
    return rows(params={"ask": "distance"})[0]


@pytest.mark.parametrize(
    "form",
    [
        "{}", "Answer: {}", "**Answer:** {}", "answer: {}.", "Final answer: **{}**", "Answer:\n{}", "The answer is {}.",
        "First {trace}, then on.\n\nAnswer: {}", "\\boxed{{{}}}", "So it is $\\boxed{{\\text{{{}}}}}$.", "Answer: {wrong}\nNo, wait.\nAnswer: {}",
        "\\boxed{{{wrong}}} is wrong, it is \\boxed{{{}}}", "<think>Answer: {wrong}</think>\nAnswer: {}", "答案：{}", "Answer: \"{}\"",
        "Answer: \\boxed{{{}}}", "Answer: {} is the ancestor of {asked}", '{{"answer": "{}"}}', "```\nAnswer: {}\n```",
    ],
)  # fmt: skip
def test_right_answers_in_many_forms(person: dict[str, Any], form: str) -> None:
    trace = person["metadata"]["trace"]
    said = form.format(person["answer"], wrong=trace[2], asked=trace[0], trace=" and ".join(trace[1:4]))
    assert TASK.score(said, person)["score"] == 1, said


@pytest.mark.parametrize(
    "form",
    [
        "", "{wrong}", "Answer: {wrong}", "{}\nAnswer: {wrong}", "Answer: {} or {wrong}", "Answer: {}, {asked}", "\\boxed{{{wrong}}} {}",
        "\\boxed{{{}", "Answer: {}7", "Answer: {half}", "Answer: {}, {stranger}", "Answer: {all}", "{trace}", "<think>Answer: {}", "Answer:",
    ],
)  # fmt: skip
def test_wrong_answers(person: dict[str, Any], form: str) -> None:
    trace, right = person["metadata"]["trace"], person["answer"]
    context = person["input"][person["context_start"] : person["context_end"]]
    known = {name for piece in person["evidence"] for name in (piece["key"], piece["value"])}
    stranger = next(elder for elder, _, _ in read(context, wording(person["lang"])) if elder not in known)
    said = form.format(
        right,
        wrong=trace[2],
        asked=trace[0],
        half=right[:-1],
        stranger=stranger,
        all=", ".join(sorted(known)),
        trace=", ".join(trace),
    )
    assert TASK.score(said, person)["score"] < 1, said
    assert TASK.score(person["input"] + said.replace(right, ""), person)["score"] == 0


def test_distances(distance: dict[str, Any]) -> None:
    right = int(distance["answer"])
    one, other = distance["metadata"]["people"]
    for said in (str(right), f"Answer: {right}", f"{right} generations", f"\\boxed{{{right}}}", f"1 + 2 = 3\nAnswer: {right}"):
        assert TASK.score(said, distance)["score"] == 1, said
    assert TASK.score(f"Answer: {one} and {other} are {right} generations apart.", distance)["score"] == 1
    for said in (f"{right + 1}", f"{right}0", f"{right} or {right + 1}", f"Answer: {right + 10}", f"-{right}.5", "several"):
        assert TASK.score(said, distance)["score"] < 1, said


def test_a_path_is_credited_as_far_as_it_is_right() -> None:
    (row,) = rows(params={"ask": "ancestor", "path": True, "chain": 5})
    right, stray = row["outputs"], next(piece["value"] for piece in row["evidence"] if piece["role"] == "decoy")
    whole = TASK.score(f"Answer: {', '.join(right)}", row)
    assert whole["score"] == whole["prefix"] == whole["answer"] == 1
    broken = TASK.score(f"Answer: {', '.join([*right[:2], stray, *right[3:]])}", row)
    assert broken["prefix"] == 0.4 and broken["score"] < 0.8 and broken["answer"] == 1
    turned = TASK.score(f"Answer: {', '.join(right[::-1])}", row)
    assert turned["score"] < 1 and turned["prefix"] <= 0.2
    assert TASK.score("Answer: " + "\n".join(f"{n}. {name}" for n, name in enumerate(right, 1)), row)["prefix"] >= 0.2
    assert TASK.score("Answer:\n" + "\n".join(f"{n}. {name}" for n, name in enumerate(right, 1)), row)["score"] == 1


def test_the_longest_chain_of_which_half_are_solved() -> None:
    found = [
        {**row, "config": "c", "turn": 0}
        for chain in (2, 4, 8, 16)
        for row in rows(params={"chain": chain, "families": 0}, samples=4, lengths="1500")
    ]
    solved = {2: [1, 1, 1, 1], 4: [1, 1, 1, 0], 8: [0, 1, 1, 0], 16: [0, 0, 1, 0]}
    scores = np.array([float(solved[row["metadata"]["chain"]][row["index"]]) for row in found])
    summary = TASK.summary(found, {"score": scores})
    assert summary["score"].value == pytest.approx(10 / 16) and summary["enl_50"].value == 8
    assert summary["weighted"].value == pytest.approx((2 * 1 + 4 * 0.75 + 8 * 0.5 + 16 * 0.25) / 30)
    assert summary["enl_50"].low is not None and summary["enl_50"].low <= 8 <= (summary["enl_50"].high or 0)
    assert TASK.summary(found, {"score": np.zeros(16)})["enl_50"].value == 0
    assert "enl_50" not in TASK.summary(found[:4], {"score": scores[:4]}), "one chain alone says nothing of it"
    assert "enl_50" not in TASK.summary(found, {"score": np.full(16, np.nan)})


# --- wording ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("lang", "told", "found"),
    [
        ("en", "Chapter One Ada Stone is the dad of Bo Carver. And so on", ("Ada Stone", "Bo Carver", 1)),
        ("en", "“Quite so,” said Di.\nAda Stone has a grandma named Bo Carver.", ("Bo Carver", "Ada Stone", 2)),
        ("zh", "他走了王小明是李建华的爷爷。后来", ("王小明", "李建华", 2)),
        ("zh", "……”王小明的妈妈是李建华。", ("李建华", "王小明", 1)),
    ],
)  # fmt: skip
def test_a_relation_is_read_where_no_stop_stands_before_it(lang: str, told: str, found: tuple[str, str, int]) -> None:
    assert list(read(told, wording(lang))) == [found]


@pytest.mark.parametrize("haystack", ["prose", "records"])
def test_many_relations_without_filler_are_the_whole_context(haystack: str) -> None:
    """More plants than are laid one by one, and nothing between them."""
    params = {"chain": 128, "bare": True, "families": 0, "beyond": 0, "branches": 0}
    (row,) = lcgen.generate("ancestral_trace", params=params, samples=1, depths="random", haystack=haystack, verify="full")
    assert len(row["evidence"]) == 128


def test_more_people_than_names_names_the_chain_that_they_hold() -> None:
    params = AncestralTraceParams(chain=100)
    with pytest.raises(ValueError, match=r"4 families have 428 people, but of 8,500 names 308 .*families=1 or chain=70") as error:
        params.named(1, 8500)
    params.named(1, 8192 + 428)
    AncestralTraceParams(chain=70).named(1, 8500)
    AncestralTraceParams(chain=100, families=1).named(1, 8500)
    with pytest.raises(ValueError, match="larger share"):
        params.named(1, 300)
    assert "chain=71" not in str(error.value)
