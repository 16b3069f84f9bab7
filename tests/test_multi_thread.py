"""Needle threading: threads and their directions, uniqueness, the published context, scoring, refusals."""

from __future__ import annotations

import json
import random
import re
import uuid
from collections import Counter
from functools import cache
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lcgen import generators, proof, schemas
from lcgen.api import generate
from lcgen.builders.build import makers
from lcgen.builders.rows import RowMaker
from lcgen.contract import Draft, Plant, Units
from lcgen.errors import CheckFailed, LcgenError
from lcgen.ledger import Ledger
from lcgen.spec import Place
from lcgen.streams import Stream
from lcgen.threads import Line, lay
from lcgen.tokens import Scale, load
from lcgen.wanted import spec
from lcgen.wording import Wording

FEW = settings(max_examples=60, deadline=None, derandomize=True)
TASK = generators.get("multi_thread")
OTHER = "c0ffee00-dead-4bad-beef-0123456789ab"
VARIABLES = {"variant": "thread", "links": "assignments", "alphabet": "consonants", "width": 5, "walk": True}


def rows(lengths: int | str | None = 2500, **options: Any) -> list[dict[str, Any]]:
    """Rows of a build, each held to its proof; parameters of the task and options of the build by name."""
    known = set(TASK.Params.__dataclass_fields__)
    # Counts of pairs are those of the threads asked for, unless a test wants decoys.
    params = {} if "preset" in options else {"decoys": 0}
    params |= {name: options.pop(name) for name in [*options] if name in known}
    native = "pairs" in params or options.get("preset") == "needle-threading:published"
    made = spec("multi_thread", params=params, **({} if native else {"lengths": lengths}), **options)
    maker = makers(made)[made.parts[0].name]
    found = [
        row
        for length in maker.part.lengths
        for index in range(maker.part.samples)
        for depth in maker.part.depths
        for number in range(len(maker.part.params))
        for row in maker.rows(Place(length, depth, number, index))
    ]
    for row in found:
        held(row, maker)
    return found


def held(row: dict[str, Any], maker: RowMaker) -> None:
    schemas.validate_row(row)
    proof.shape(row)
    proof.encode(row, maker.tokenizer, maker.wrapper)
    proof.solve(row, maker.task, maker.wording)


def context(row: dict[str, Any]) -> str:
    return str(row["input"][row["context_start"] : row["context_end"]])


def pairs(row: dict[str, Any]) -> list[tuple[str, str]]:
    return [(key, value) for key, value in json.loads(context(row), object_pairs_hook=list)]


def ranks(row: dict[str, Any], part: int = 0, roles: tuple[str, ...] = ("gold", "step")) -> list[int]:
    """Places in the text of the pairs of a thread, in the order of the thread."""
    pieces = [piece for piece in row["evidence"] if piece["part"] == part and piece["role"] in roles]
    links = {piece["key"]: piece for piece in pieces}
    (start,) = {piece["key"] for piece in pieces} - {piece["value"] for piece in pieces}
    found = []
    while start in links:
        found.append(links[start]["char_start"])
        start = links[start]["value"]
    assert len(found) == len(pieces)
    return found


# ---- what is asked


@pytest.mark.parametrize("lang", ["en", "zh"])
@pytest.mark.parametrize("haystack", ["records", "noise"])
@pytest.mark.parametrize(
    "params",
    [
        {"variant": "single"},
        {"variant": "multiple", "threads": 5},
        {"variant": "conditional", "threads": 4, "decoys": 3, "condition": "&"},
        {"variant": "thread", "thread_length": 6, "decoys": 2},
        {"variant": "thread", "walk": True, "direction": "backward"},
        {"variant": "multi_thread", "threads": 4, "walk": True, "direction": "forward"},
        {"variant": "branched", "thread_length": 4, "branching": 3},
        {"variant": "branched", "thread_length": 3, "walk": True, "decoys": 1},
    ],
    ids=str,
)
def test_every_variant_asks_for_what_follows_from_the_pairs_alone(params: dict[str, Any], haystack: str, lang: str) -> None:
    alphabet = "hex" if haystack == "records" else "words"
    for row in rows(haystack=haystack, lang=lang, alphabet=alphabet, samples=2, **params):
        asked = row["metadata"]
        assert len(asked["keys"]) == params.get("threads", len(asked["keys"]))
        assert (
            (asked["condition"] in row["question"])
            if asked["condition"]
            else all(key in row["question"] for key in asked["keys"])
        )
        links = {(piece["key"], piece["value"]) for piece in row["evidence"]}
        for key, thread in zip(asked["keys"], asked["threads"]):
            assert set(zip([key, *thread], thread)) <= links, "the thread stands in the text"
            assert thread[-1] not in {key for key, _ in links}, "and its end is no key"
        assert row["outputs"] == [value for thread in asked["threads"] for value in (thread if asked["walk"] else thread[-1:])]
        if haystack == "records":
            found = pairs(row)
            assert len(found) > len(links) and links <= set(found)
            keys, values = [key for key, _ in found], [value for _, value in found]
            if params["variant"] != "branched":
                assert len(set(keys)) == len(keys)
            assert len(set(values)) == len(values)
            planted = {key for key, _ in links}
            assert not {value for key, value in found if (key, value) not in links} & set(keys), "no accidental links"
            assert not {key for key, value in found if (key, value) not in links} & planted


def test_the_conditional_character_stands_in_the_keys_asked_for_and_nowhere_else() -> None:
    for sign in "*&#@%+~!":
        for haystack in ("records", "noise"):
            (row,) = rows(variant="conditional", condition=sign, threads=3, decoys=2, haystack=haystack)
            assert row["input"].count(sign) == 3 + 1, "three keys and the question"
            marked = [piece["key"] for piece in row["evidence"] if sign in piece["key"]]
            assert sorted(marked) == sorted(row["metadata"]["keys"]) and len(set(marked)) == 3
            assert all(re.fullmatch(r"[0-9a-f*&#@%+~!-]{37}", piece["key"]) for piece in row["evidence"])


@pytest.mark.parametrize("walk", [False, True])
@pytest.mark.parametrize("branching,length", [(2, 2), (2, 5), (3, 3), (4, 2)])
def test_exactly_one_branch_is_longest(branching: int, length: int, walk: bool) -> None:
    for row in rows(variant="branched", branching=branching, thread_length=length, walk=walk, samples=4):
        found = pairs(row)
        ways = [[row["metadata"]["keys"][0]]]
        ends = []
        while ways:
            way = ways.pop()
            onward = [value for key, value in found if key == way[-1]]
            ways += [[*way, value] for value in onward]
            ends += [] if onward else [way]
        longest = max(map(len, ends))
        assert longest == length + 1 and [way for way in ends if len(way) == longest] == [
            [*row["metadata"]["keys"], *row["metadata"]["threads"][0]]
        ]
        on_the_way = [row["metadata"]["keys"][0], *row["metadata"]["threads"][0][:-2]]
        assert [sum(key == node for key, _ in found) for node in on_the_way] == [branching] * (length - 1)


def test_variables_are_tracked_in_prose_and_their_number_is_not_told() -> None:
    for preset, count in (("chains_1_hops_4", 5), ("chains_4_hops_4", 5), ("chains_1_hops_8", 9)):
        for row in rows(lengths="4k", preset=f"ruler-vt:{preset}", samples=3):
            said = re.findall(r"Set variable (\w+) to (\w+)\.", context(row))
            start = row["metadata"]["keys"][0]
            assert re.fullmatch(r"[1-9]\d{4}", start) and start in row["question"]
            holding, before = {start}, 0
            while len(holding) > before:
                before = len(holding)
                holding |= {variable for variable, source in said if source in holding}
            assert sorted(holding - {start}) == sorted(row["outputs"]) and len(row["outputs"]) == count
            assert len(said) == count * (1 + row["metadata"]["decoys"])
            assert not re.search(rf"\b{count}\b|five|nine", row["input"].replace(context(row), ""))
            assert ranks(row) == sorted(ranks(row)), "assignments run forward, as in the paper"
            assert TASK.score(", ".join(reversed(row["outputs"])), row)["score"] == 1, "in any order"


@pytest.mark.parametrize("params", [{"threads": 2}, {"variant": "conditional"}, {"variant": "branched"}, VARIABLES], ids=str)
def test_several_questions_share_one_context(params: dict[str, Any]) -> None:
    haystack = "noise" if "links" in params else "records"
    made = rows(lengths="5k", questions_per_context=4, haystack=haystack, depths="0.2", **params)
    assert len(made) == 4 and len({context(row) for row in made}) == 1
    assert len({row["question"] for row in made}) == 4 == len({tuple(row["outputs"]) for row in made})
    for row in made:
        assert row["input"][: row["context_end"]] == made[0]["input"][: row["context_end"]]
        golds = {piece["value"] for piece in row["evidence"] if piece["role"] == "gold"}
        assert golds == set(row["outputs"]), "what is gold for another question is none here"
        others = {value for other in made for value in other["outputs"] if other is not row}
        assert {piece["role"] for piece in row["evidence"] if piece["value"] in others} == {"distractor"}
        assert TASK.score(", ".join(made[0]["outputs"]), row)["score"] == (row is made[0])


# ---- where it stands


@pytest.mark.parametrize("placement", ["random", "clustered", "stratified"])
@pytest.mark.parametrize("direction", ["forward", "backward", "random"])
@pytest.mark.parametrize("size", [{}, {"pairs": 40}])
def test_threads_keep_their_direction(direction: str, placement: str, size: dict[str, int]) -> None:
    made = rows(threads=3, thread_length=4, decoys=1, direction=direction, placement=placement, samples=6, **size)
    for row in made:
        for part in range(4):
            found = ranks(row, part, ("decoy",) if part == 3 else ("gold", "step"))
            ways = {"forward": sorted(found), "backward": sorted(found, reverse=True)}
            assert direction == "random" or found == ways[direction]
        if placement == "clustered":
            planted = [(piece["key"], piece["value"]) in set(pairs(row)) for piece in row["evidence"]]
            places = sorted(pairs(row).index((piece["key"], piece["value"])) for piece in row["evidence"])
            assert all(planted) and places == list(range(places[0], places[0] + 16)), "side by side"


@FEW
@given(
    lengths=st.lists(st.integers(1, 7), min_size=1, max_size=6),
    direction=st.sampled_from(["forward", "backward", "random"]),
    placement=st.sampled_from(["random", "clustered", "stratified"]),
    last=st.booleans(),
    spare=st.one_of(st.none(), st.integers(0, 30)),
    depth=st.one_of(st.none(), st.floats(0, 1)),
    turn=st.floats(0, 1, exclude_max=True),
    key=st.integers(0, 10**9),
)
def test_places_are_distinct_in_direction_and_as_deep_as_asked(
    lengths: list[int],
    direction: str,
    placement: str,
    last: bool,
    spare: int | None,
    depth: float | None,
    turn: float,
    key: int,
) -> None:
    units = None if spare is None else sum(lengths) + spare
    line = Line(direction, placement, last, units, depth)
    try:
        laid = lay(Stream("test", key), lengths, line, turn)
    except ValueError as error:
        assert depth is not None and direction != "random" and placement != "clustered"
        nearest = re.search(r"from ([\d.]+) on|up to ([\d.]+)|above 0|below 1", str(error))
        assert nearest is not None and (units is not None or depth in (0, 1))
        if units is not None:
            lay(Stream("test", key), lengths, Line(direction, placement, last, units, float(nearest[1] or nearest[2])), turn)
        return
    every = [place for thread in laid.places for place in thread]
    assert [len(thread) for thread in laid.places] == lengths and len(set(every)) == len(every)
    assert units is None or max(every) < units
    for thread in laid.places:
        assert direction == "random" or thread == sorted(thread, reverse=direction == "backward")
    assert depth is None or laid.depth == depth
    anchor = laid.depths[0][-1 if last else 0]
    if placement == "clustered" and units is not None:
        assert max(every) - min(every) == len(every) - 1
    elif units is not None:
        assert abs(anchor - laid.depth) <= 0.5 / max(1, units - 1) + 1e-9
    else:
        assert anchor == laid.depth
    if placement != "clustered":
        depths = sorted(depth for thread in laid.depths for depth in thread)
        assert all(high - low >= 0.99 / (laid.least - 1) for low, high in zip(depths, depths[1:])), "each has a unit of its own"


def test_random_orders_are_even() -> None:
    """Of three pairs all six orders come up equally often, in the thread whose depth is dealt too: nothing says where the end stands."""
    for part in range(2):
        found = Counter(
            tuple(
                np.argsort(
                    np.argsort(lay(Stream("even", number), [3, 3], Line("random", "random"), number % 100 / 100).places[part])
                ).tolist()
            )
            for number in range(1500)
        )
        assert len(found) == 6
        assert all(abs(count - 250) < 4 * 250**0.5 for count in found.values()), found


@pytest.mark.parametrize("decoys", [0, 3])
def test_the_ends_of_all_threads_are_the_answer_where_there_are_no_decoys(decoys: int) -> None:
    """Without decoys the question is not needed, which the shortcut chain_ends says."""
    said = wording()
    for row in rows(variant="thread", decoys=decoys, samples=3):
        found = TASK.baselines["chain_ends"](context(row), row["question"], said)
        assert len(found) == 1 + decoys and set(row["outputs"]) <= set(found)
        assert (TASK.score(", ".join(found), row)["score"] == 1) == (decoys == 0)


@pytest.mark.parametrize("anchor", ["first", "last"])
@pytest.mark.parametrize("size", [{}, {"pairs": 60}])
def test_the_asked_depth_is_that_of_the_anchor(anchor: str, size: dict[str, int]) -> None:
    for row in rows(lengths="4k", depths="0,0.37,1", anchor=anchor, thread_length=5, samples=2, **size):
        thread = [row["metadata"]["keys"][0], *row["metadata"]["threads"][0]]
        key = thread[0] if anchor == "first" else thread[-2]
        (piece,) = [piece for piece in row["evidence"] if piece["key"] == key]
        unit = max(other["token_end"] - other["token_start"] for other in row["evidence"])
        assert abs(piece["depth"] - row["depth"]) <= 1.5 * unit / (row["prompt_tokens"] - 250)


def test_paired_rows_ask_the_same_at_every_length() -> None:
    short, long = rows(lengths="2k,8k", paired=True, depths="0.5")
    assert short["question"] == long["question"] and short["puzzle_id"] == long["puzzle_id"]
    assert set(pairs(short)[:10]) <= set(pairs(long))


def test_sweeps_stay_in_one_config() -> None:
    made = rows(threads="1,2,4", samples=2)
    assert [len(row["metadata"]["keys"]) for row in made] == [1, 2, 4] * 2
    assert len({row["id"] for row in made}) == 6


def test_a_count_of_pairs_is_exact() -> None:
    for count in (6, 7, 25, 300):
        (row,) = rows(pairs=count)
        assert len(pairs(row)) == count and row["target"] == row["length"]
    with pytest.raises(LcgenError, match="--lengths"):
        spec("multi_thread", lengths="4k", params={"pairs": 25})


# ---- the published context


def test_the_published_context_is_made_again() -> None:
    """Seed 0, 25 pairs, the needle at depth 50: from the facts that its authors publish, derived here once more."""
    drawn = random.Random(0)
    uuids = [str(uuid.UUID(int=drawn.getrandbits(128))) for _ in range(50)]
    whole = json.dumps(dict(zip(uuids[::2], uuids[1::2])))
    (row,) = rows(preset="needle-threading:published", samples=1, depths="0.5")
    assert context(row) == whole and len(whole) == 25 * 80 == 2000
    assert whole.startswith('{"e3e70682-c209-4cac-629f-6fbed82c07cd": "')
    assert row["metadata"]["keys"] == [uuids[24]] and row["outputs"] == [uuids[25]], "pair 12"
    assert row["evidence"][0]["text"] == f'"{uuids[24]}": "{uuids[25]}"'
    made = rows(preset="needle-threading:published", samples=2)
    assert len({context(row) for row in made}) == 2, "one context for each repetition, eleven depths of it"
    assert [row["metadata"]["keys"][0] for row in made[:11]] == [uuids[2 * int(depth * 2.4 + 0.5)] for depth in range(11)]
    assert not {context(row) for row in rows(preset="needle-threading:published", seed=1, samples=2)} & {context(made[0]), whole}


@pytest.mark.parametrize("placement", ["random", "clustered"])
def test_published_pairs_become_threads_where_they_stand(placement: str) -> None:
    drawn = random.Random(0)
    uuids = [str(uuid.UUID(int=drawn.getrandbits(128))) for _ in range(50)]
    (row,) = rows(alphabet="published", pairs=25, threads=3, thread_length=4, placement=placement)
    assert [key for key, _ in pairs(row)] == uuids[::2]
    changed = [place for place, (_, value) in enumerate(pairs(row)) if value != uuids[2 * place + 1]]
    assert len(changed) == 3 * 3, "all pairs of a thread but the last one lead to its next key"


# ---- the solver


def wording(lang: str = "en") -> Wording:
    made = spec("multi_thread", lengths="2k", lang=lang)
    return makers(made)["multi_thread"].wording


@cache
def asked(**flags: bool) -> str:
    return wording().say("ask_ends", keys=["aa"], walk=flags.get("walk", False), forks=flags.get("forks", False))


def test_the_solver_refuses_what_is_not_unique() -> None:
    said = wording()
    assert TASK.solve('{"aa": "bb", "bb": "cc"}', asked(), said) == ["cc"]
    assert TASK.solve('{"aa": "bb", "bb": "cc"}', asked(walk=True), said) == ["bb", "cc"]
    assert TASK.solve('[["aa", "bb"], ["aa", "cc"], ["cc", "dd"]]', asked(forks=True), said) == ["dd"]
    for text, flags in (
        ('{"aa": "bb", "aa": "cc"}', {}),
        ('{"aa": "bb", "bb": "aa"}', {}),
        ('[["aa", "bb"], ["aa", "cc"]]', {"forks": True}),
        ('[["aa", "bb"], ["bb", "dd"], ["aa", "cc"], ["cc", "ee"]]', {"forks": True}),
    ):
        with pytest.raises(CheckFailed):
            TASK.solve(text, asked(**flags), said)
    sentences = " ".join(said.say("link", key=key, value=value) for key, value in (("aa", "bb"), ("aa", "cc")))
    with pytest.raises(CheckFailed, match="aa"):
        TASK.solve(f"[1] {sentences}", asked(), said)


# ---- scoring


@cache
def scored(**params: Any) -> dict[str, Any]:
    (row,) = rows(**params)
    return row


def test_one_value_is_read_in_many_layouts() -> None:
    row = scored(variant="thread", thread_length=4)
    (gold,) = row["outputs"]
    (key,) = row["metadata"]["keys"]
    for said in (
        gold, f" {gold}.\n", f'"{gold}"', gold.upper(), f"The value is {gold}.", f"**{gold}**", f"```\n{gold}\n```", f'```json\n["{gold}"]\n```',
        f'{{"{key}": "{gold}"}}', f"{key}: {gold}", f"Starting from {key}, you end at {gold}.", f"<think>maybe {key}</think>{gold}", f"Answer: `{gold}`",
        f"{row['question']}\n{gold}", f"1. {gold}", f"- {gold}", f"最后得到的值是「{gold}」。",
    ):  # fmt: skip
        assert TASK.score(said, row)["score"] == 1, said
    assert TASK.score(f'{{"{key}": "{gold}"}}', row)["exact"] == 1 == TASK.score(gold, row)["exact"]
    steps = row["metadata"]["threads"][0][:-1]
    for said in (
        "", key, steps[0], ", ".join([*steps, gold]), f"{gold} or {steps[-1]}", gold[:-1], gold + "a", gold.replace("-", ""), row["input"],
        context(row), "I cannot tell.", f"<think>{gold}</think>", context(row)[:4000], ", ".join(value for _, value in pairs(row)),
        f"{gold}, {OTHER}",
    ):  # fmt: skip
        assert TASK.score(said, row)["score"] == 0, said


@pytest.mark.parametrize("variant", ["thread", "multi_thread", "branched"])
def test_who_writes_down_the_whole_way_claims_its_end(variant: str) -> None:
    row = scored(variant=variant, thread_length=4)
    keys, threads, last = row["metadata"]["keys"], row["metadata"]["threads"], "\n".join(row["outputs"])
    ways = "\n".join(" -> ".join([key, *thread]) for key, thread in zip(keys, threads))
    looked_up = "\n".join(f"{key}: {value}" for first, way in zip(keys, threads) for key, value in zip([first, *way], way))
    for said in (ways, looked_up, f"{ways}\n\nFinal answer: {last}", ways.replace("->", "→")):
        assert TASK.score(said, row)["score"] == TASK.score(said, row)["threads"] == 1, said
    for said in (
        "\n".join(" -> ".join([key, *thread[:-1]]) for key, thread in zip(keys, threads)),
        "\n".join(" -> ".join([key, *thread[::-1]]) for key, thread in zip(keys, threads)),
        ", ".join(value for thread in threads for value in thread),
        f"{ways}\nSo the answer is {', '.join(thread[-2] for thread in threads)}",
    ):
        assert TASK.score(said, row)["score"] == 0, said


@pytest.mark.parametrize("lang", ["en", "zh"])
@pytest.mark.parametrize("variant", ["single", "thread", "branched"])
def test_denials_and_corrections_of_values(variant: str, lang: str) -> None:
    row = scored(variant=variant, lang=lang)
    (right,), (key,) = row["outputs"], row["metadata"]["keys"]
    wrong = next((piece["value"] for piece in row["evidence"] if piece["value"] != right), OTHER)
    forms = {
        "It is {}, not {}.": 1, "{1}. No, actually {0}.": 1, "{0}. No, actually {1}.": 0, "It is {1}, not {0}.": 0, "It is not {0}.": 0,
        "The value of {k} is not {0}.": 0, "{0} is not the value of {k}.": 0, "{k}: {1}. No, actually {0}.": 1, "{k}: {0}. No, actually {1}.": 0,
        "是{0}，不是{1}。": 1, "{1}。不对，是{0}。": 1, "不是{0}。": 0, "{0} or {1}": 0,
    }  # fmt: skip
    for form, worth in forms.items():
        said = form.format(right, wrong, k=key)
        assert TASK.score(said, row)["score"] == worth, said


@pytest.mark.parametrize("said", [None, 7, ["x"], {}], ids=str)
def test_what_is_no_text_says_nothing(said: Any) -> None:
    row = scored(variant="thread", thread_length=4)
    assert TASK.score(said, row) == TASK.score("", row) and TASK.score(said, row)["score"] == 0


def test_several_values_are_read_as_list_or_by_key() -> None:
    row = scored(variant="multiple", threads=3)
    keys, (a, b, c) = row["metadata"]["keys"], row["outputs"]
    for said in (
        f"{a}, {b}, {c}", f"{a}\n{b}\n{c}", json.dumps([a, b, c]), f"['{a}', '{b}', '{c}']", f"1. {a}\n2. {b}\n3. {c}", f"```json\n{json.dumps([a, b, c])}\n```",
        json.dumps(dict(zip(keys, (a, b, c)))), json.dumps(dict(zip(keys[::-1], (c, b, a)))), "\n".join(f"{k}: {v}" for k, v in zip(keys, (a, b, c))),
        "\n".join(f"- **{k}** → `{v}`" for k, v in zip(keys[::-1], (c, b, a))), f"The values are {a}, {b} and {c}.",
        f"{a} ({keys[0]}), {b} ({keys[1]}), {c} ({keys[2]})", f"| {keys[1]} | {b} |\n| {keys[0]} | {a} |\n| {keys[2]} | {c} |",
    ):  # fmt: skip
        found = TASK.score(said, row)
        assert found["score"] == found["threads"] == 1, said
    for said, share in (
        (f"{a}, {c}", 2 / 3), (a, 1 / 3), (f"{b}, {a}, {c}", 2 / 3), (f"{c}, {b}, {a}", 1 / 3),
        (json.dumps({keys[0]: b, keys[1]: a, keys[2]: c}), 1 / 3), (json.dumps({keys[0]: a, keys[1]: "unknown", keys[2]: c}), 2 / 3),
        (f"{a}, {b}, {OTHER}", 1 / 3), (f"{a}, {b}, {c}, {OTHER}", 2 / 3), (json.dumps(keys), 0),
    ):  # fmt: skip
        assert TASK.score(said, row)["score"] == pytest.approx(share), said
    assert TASK.score(json.dumps(dict(zip(keys, (a, b, c)))), row)["exact"] == 1
    unordered = scored(variant="conditional", threads=3)
    assert TASK.score(", ".join(unordered["outputs"][::-1]), unordered)["score"] == 1
    keyed = json.dumps(dict(zip(unordered["metadata"]["keys"], unordered["outputs"])))
    assert TASK.score(keyed, unordered)["score"] == 1 == TASK.score(keyed, unordered)["exact"]
    assert TASK.score(", ".join(value for _, value in pairs(unordered)), unordered)["score"] == 0


def test_a_walk_is_scored_by_its_longest_correct_beginning() -> None:
    row = scored(variant="thread", thread_length=5, walk=True)
    a, b, c, d, e = row["outputs"]
    start = row["metadata"]["keys"][0]
    for said in (f"{a}, {b}, {c}, {d}, {e}", f"{start} -> {a} -> {b} -> {c} -> {d} -> {e}", json.dumps([a, b, c, d, e])):
        assert {TASK.score(said, row)[metric] for metric in ("score", "threads", "prefix")} == {1}, said
    for said, prefix in (
        (f"{a}, {b}", 2),
        (f"{b}, {c}", 0),
        (f"{a}, {c}, {d}, {e}", 1),
        (f"{a}, {b}, {d}, {c}, {e}", 3),
        (e, 0),
        ("", 0),
    ):
        found = TASK.score(said, row)
        assert found["prefix"] == pytest.approx(prefix / 5) and found["score"] < 1 and found["threads"] == 0, said
    several = scored(threads=2, thread_length=3, walk=True)
    first, second = several["metadata"]["threads"]
    found = TASK.score(", ".join([*first, second[0]]), several)
    assert found["threads"] == 0.5 and found["prefix"] == pytest.approx(4 / 6) and found["recall"] == pytest.approx(4 / 6)


def test_naming_every_variable_does_not_pay() -> None:
    (row,) = rows(lengths="4k", preset="ruler-vt:chains_4_hops_4", samples=1)
    every = re.findall(r"Set variable (\w+) to", context(row))
    found = TASK.score(", ".join(every), row)
    assert found["recall"] == 1 and found["score"] == 0, "RULER's metric is full, the exclusive one is not"


def test_base_models_go_on_from_the_key() -> None:
    for haystack in ("records", "noise"):
        for params in ({"variant": "single"}, {"variant": "multiple", "threads": 2}, {"threads": 2}, {"variant": "conditional"}):
            (row,) = rows(audience="base", haystack=haystack, **params)
            followed = params.get("variant") not in ("single", "multiple")
            assert (row["gen_prefix"] == "") == followed
            if not followed:
                keys, values = row["metadata"]["keys"], row["outputs"]
                assert keys[0] in row["gen_prefix"] and TASK.score(values[0], row)["score"] == pytest.approx(1 / len(keys))
                on = ", ".join(f'"{key}": "{value}"' for key, value in zip(keys, values)).partition('": "')[2]
                assert TASK.score(on, row)["score"] == 1


# ---- what cannot be


@pytest.mark.parametrize(
    "params,says",
    [
        ({"pairs": 25, "threads": 30}, r"need 90 pairs, but pairs is 25: possible are pairs=90, or threads=8"),
        ({"pairs": 20, "threads": 5, "decoys": 4}, r"pairs=27, or threads=2, or thread_length=2, or decoys=1\."),
        (
            {"pairs": 30, "variant": "branched", "thread_length": 10},
            r"55 pairs, but pairs is 30: possible are pairs=55, or thread_length=7",
        ),
        (
            {"pairs": 10, "variant": "thread", "thread_length": 12},
            r"1 thread of 12 pairs needs 12 pairs, but pairs is 10: possible are pairs=12, or thread_length=10\.",
        ),
        (
            {"pairs": 10, "variant": "thread", "thread_length": 12, "decoys": 1},
            r"1 thread and 1 decoy of 12 pairs need 24 pairs, but pairs is 10: possible are pairs=24, or thread_length=5\.",
        ),
        (
            {"variant": "branched", "thread_length": 60, "branching": 8},
            r"1 thread of 60 pairs and their branches need 12,450 pairs, but a row holds at most 4,096 planted ones",
        ),
        ({"threads": 10**9}, r"at most 4,096 planted ones: possible are threads=1365"),
        ({"variant": "thread", "threads": 2}, "threads=1, or variant=multi_thread"),
        ({"variant": "thread", "thread_length": 1}, "at least 2; for single pairs take variant=multiple"),
        ({"variant": "single", "thread_length": 3}, "thread_length is 1, not 3"),
        ({"branching": 2}, "variant=branched alone"),
        ({"width": 4, "alphabet": "hex"}, "5 to 14"),
        ({"width": 10}, "alphabet=uuids has no width: leave it out, or take alphabet=hex or consonants"),
        ({"condition": "x", "variant": "conditional"}, r"one of \* &"),
        ({"variant": "multiple", "walk": True}, "walk needs a thread"),
        ({"links": "assignments"}, "walk=true"),
        ({"alphabet": "published"}, "pairs=25"),
        ({"pairs": 10**9}, "pairs is 1,000,000,000, but must be at most 1,048,576"),
        ({"variant": "branched", "branching": 60_000}, r"possible are branching=1365\."),
        ({"decoys": -1}, "decoys is -1, but must be at least 0"),
    ],
    ids=str,
)
def test_what_cannot_be_is_said_with_what_can(params: dict[str, Any], says: str) -> None:
    with pytest.raises(LcgenError, match=says):
        next(iter(generate("multi_thread", params={"decoys": 0, **params}, **({} if "pairs" in params else {"lengths": "2k"}))))


@pytest.mark.parametrize(
    "options,says",
    [
        ({"params": VARIABLES}, "--haystack noise or prose"),
        ({"params": {"pairs": 25}, "haystack": "noise"}, "--haystack records"),
        ({"params": {"pairs": 20, "decoys": 0}, "questions_per_context": 4}, "pairs=24"),
        ({"params": {"variant": "conditional"}, "lengths": "8k", "questions_per_context": 8}, "at most 7 questions"),
        ({"params": {"direction": "forward"}, "lengths": "4k", "depths": "1"}, "--depths below 1 or random, or take anchor=last"),
        ({"params": {"direction": "backward"}, "lengths": "4k", "depths": "0"}, "--depths above 0"),
        ({"params": {"direction": "forward", "pairs": 25}, "depths": "0.95"}, "--depths up to 0.9167"),
        ({"params": {"direction": "forward"}, "lengths": "2k", "depths": "0.97"}, "Ask for at least 4"),
        ({"params": {"thread_length": 40}, "lengths": "2k"}, "Ask for at least"),
    ],
    ids=str,
)
def test_what_a_build_cannot_hold_is_said_before_any_work(options: dict[str, Any], says: str) -> None:
    with pytest.raises(LcgenError, match=says):
        made = spec("multi_thread", **options)
        makers(made)["multi_thread"].preflight()


def test_pairs_of_words_end_with_the_words() -> None:
    with pytest.raises(LcgenError, match="too few for this length"):
        next(iter(generate("multi_thread", lengths="16m", params={"alphabet": "words"})))


# ---- what the core learned for it


class Rows(Units):
    form = "toy rows"

    def text(self, ids: np.ndarray) -> list[str]:
        return [f"Row {n + 100} is here." for n in ids.tolist()]


def test_plants_of_one_depth_stand_together_round_it() -> None:
    ledger = Ledger(
        Draft(tuple(Plant(f"Flag {n}.", 1.0) for n in range(4)), Rows()), Scale(load(), Rows().sample(200, " ")), tokens=400
    )
    (order,) = ledger.lanes(ledger.ids[:30])
    assert order.tolist()[-4:] == [-1, -2, -3, -4]


def test_where_units_are_counted_depth_counts_them_too() -> None:
    plants = tuple(Plant(f"Flag {'long ' * 40 * (n == 0)}{n}.", place / 24) for n, place in enumerate((3, 4, 20)))
    ledger = Ledger(Draft(plants, Rows(), count=25), Scale(load(), Rows().sample(200, " ")), tokens=1)
    (order,) = ledger.lanes(ledger.ids[:22])
    assert np.flatnonzero(order < 0).tolist() == [3, 4, 20]
