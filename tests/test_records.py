"""Records: written in columns as they would be one by one, weighed as they are counted, and held where a search finds them."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lcgen import forms, generators, templates, tokens
from lcgen.atoms import Digits, Form, Table
from lcgen.contract import Units
from lcgen.errors import LcgenError
from lcgen.forms import Pool, Words
from lcgen.records import BLOCK, Records, weigher
from lcgen.streams import Stream
from lcgen.tokens import Scale, Tokenizer
from lcgen.wording import Wording

FEW = settings(max_examples=20, deadline=None, derandomize=True)
VOCABULARIES = ("o200k_base", "llama3", "qwen3", "mistral_v1")


def needle(stream: Stream, lang: str, kind: str) -> Records:
    wording = Wording(templates.source("needle", lang), lang, generators.get("needle").blocks)
    pools = {"key": Pool(forms.form(kind, lang), stream.child("k")), "value": Pool(Digits(7, False), stream.child("v"))}
    return Records(
        *(pools.get(slot) or text for text, slot in wording.parts("needle")), sep="" if lang == "zh" else " ", start=500
    )


def phone(stream: Stream, names: Form, mask: str) -> Records:
    return Records(Pool(names, stream.child("n")), ": ", Pool(forms.numbers(mask), stream.child("d")), sep="\n")


def pairs(stream: Stream, form: Form) -> Records:
    return Records('"', Pool(form, stream), '": "', Pool(form, stream, form.size // 2), '"', sep=", ")


def listed(stream: Stream, form: Form, sep: str = ", ") -> Records:
    return Records(Pool(form, stream), sep=sep)


KINDS: dict[str, Callable[[Stream], Records]] = {
    "needle": lambda stream: needle(stream, "en", "words"),
    "needle of uuids": lambda stream: needle(stream, "en", "uuids"),
    "needle in chinese": lambda stream: needle(stream, "zh", "words"),
    "phone": lambda stream: phone(stream, forms.names("en"), "###-###-####"),
    "phone with initials": lambda stream: phone(stream, forms.names("en", initials=True), "(###) ###-####"),
    "phone in chinese": lambda stream: phone(stream, forms.names("zh"), "###########"),
    "pairs of uuids": lambda stream: pairs(stream, forms.form("uuids", "en")),
    "pairs of hex": lambda stream: pairs(stream, forms.form("hex", "en", 8)),
    "pairs of words": lambda stream: pairs(stream, Words("en")),
    "words": lambda stream: listed(stream, Words("en")),
    "words in lines": lambda stream: listed(stream, Words("en"), "\n"),
    "chinese words": lambda stream: listed(stream, Words("zh"), "、"),
    "numbers": lambda stream: listed(stream, Digits(5, True)),
    "codes": lambda stream: listed(stream, forms.form("codes", "en", 7), " "),
    "emails": lambda stream: listed(stream, forms.emails(), "; "),
    "names": lambda stream: listed(stream, forms.names("en")),
    "a few words": lambda stream: listed(stream, Table("beasts", ["ant", "bee", "cat", "crow", "elk", "ant bear"])),
}
every_kind = pytest.mark.parametrize("kind", KINDS)


@cache
def tokenizer(name: str) -> Tokenizer:
    return tokens.load(name)


@cache
def scale(name: str, kind: str) -> Scale:
    units = KINDS[kind](Stream("scale"))
    return Scale(tokenizer(name), units.sample(200, units.sep))


def plain(units: Records, ids: np.ndarray) -> list[str]:
    """The records as one would write them, one by one."""
    columns = [
        [part] * len(ids) if isinstance(part, str) else part.texts(ids % units.limit + units.start) for part in units.parts
    ]
    return ["".join(row) for row in zip(*columns)]


def orders(limit: int) -> st.SearchStrategy[list[int]]:
    """Ids of a row in rising order, with gaps or without; in any order; far from all others."""
    few = st.lists(st.integers(0, 3 * BLOCK), min_size=1, max_size=60, unique=True)
    rising = few.map(sorted) | st.integers(1, 700).map(lambda count: list(range(count)))
    return rising | few | st.lists(st.integers(0, 3 * limit), min_size=1, max_size=20)


@every_kind
@FEW
@given(data=st.data())
def test_records_are_written_as_one_by_one(kind: str, data: st.DataObject) -> None:
    units = KINDS[kind](Stream(data.draw(st.integers(0, 9))))
    asked = [np.array(ids) for ids in data.draw(st.lists(orders(units.limit), min_size=1, max_size=3))]
    for ids in asked:
        texts = plain(units, ids)
        assert units.text(ids) == texts
        for sep in (units.sep, " | "):
            whole = "".join(sep + text for text in texts)
            assert b"".join(units.slices(ids, sep)).decode() == whole
            assert units.led(int(ids[0]), sep) == sep + texts[0]


@every_kind
def test_distinct_ids_give_distinct_records(kind: str) -> None:
    units = KINDS[kind](Stream("distinct"))
    count = min(units.limit, 30_000)
    ids = np.arange(count)
    assert len(set(units.text(ids))) == count
    again = units.repeats(np.arange(2 * units.limit if units.limit < 10_000 else count))
    assert not again[:count].any() and again[units.limit :].all()
    if units.limit < 10_000:
        assert units.text(ids + units.limit) == units.text(ids)


@every_kind
def test_a_run_is_handed_out_in_few_pieces(kind: str) -> None:
    units = KINDS[kind](Stream("pieces"))
    ids = np.delete(np.arange(2 * BLOCK + 100), [7, 8, 5000])
    pieces = units.slices(ids, units.sep)
    assert len(pieces) == 3 and all(isinstance(piece, memoryview) for piece in pieces)
    assert units.slices(ids[:0], units.sep) == []
    every, lane = units.text(ids), units.slices(ids[::2], units.sep)
    assert len(lane) == 2 and b"".join(lane).decode() == "".join(units.sep + text for text in every[::2])


@pytest.mark.parametrize("name", VOCABULARIES)
@every_kind
def test_weights_are_tokens(kind: str, name: str) -> None:
    """In rising order, with gaps, in any order and again: weights add up to the count of the whole text."""
    by, rng = scale(name, kind), Stream("weights", kind)
    units = KINDS[kind](rng.child("units"))
    assert units.additive(by.tokenizer)
    whole = np.arange(2500)
    for ids in (whole[:300], whole, whole[::7], np.array(rng.shuffle(range(2500)))[:900], whole[:200] + 40 * BLOCK):
        text = by.context + b"".join(units.slices(ids, units.sep)).decode()
        weights = units.weights(ids, by, units.sep)
        assert weights.dtype == np.int64 and len(weights) == len(ids)
        assert by.tokenizer.count(text) == by.tokenizer.count(by.context) + int(weights.sum())
        some = slice(None, 40)
        assert (weights[some] == by.weights([units.sep + text for text in units.text(ids[some])])).all(), "and one by one"


@every_kind
def test_weights_behind_another_separator(kind: str) -> None:
    units, count = KINDS[kind](Stream("other")), tokenizer("o200k_base").count
    by = Scale(tokenizer("o200k_base"), units.sample(100, "\n\n"))
    ids = np.arange(100)
    text = b"".join(units.slices(ids, "\n\n")).decode()
    assert count(by.context + text) == count(by.context) + int(units.weights(ids, by, "\n\n").sum())


def how(kind: str, name: str = "o200k_base") -> str:
    return weigher(KINDS[kind](Stream("how")).shape, tokenizer(name)).how


def test_what_adds_up_is_found_by_a_probe() -> None:
    assert {how(kind) for kind in ("needle", "phone", "words", "numbers", "names")} == {"columns"}
    assert {how(kind) for kind in ("needle of uuids", "pairs of uuids", "pairs of hex", "codes")} == {"joined"}
    # Words side by side share tokens, and these vocabularies have pieces of some numbers and not of others.
    assert how("chinese words") == "joined"
    assert how("needle", "whisper") == how("phone", "glm4") == "joined"


def test_records_that_begin_alike_need_no_places_of_tokens(monkeypatch: pytest.MonkeyPatch) -> None:
    """And those of which a separator may stand inside another need them."""
    hexes, uuids = forms.form("hex", "en", 8), forms.form("uuids", "en")
    assert (
        Records(Pool(hexes, Stream("lead")), sep=", ").shape.lead
        == Records('"', Pool(uuids, Stream("lead")), sep=", ").shape.lead
        == ","
    )
    for parts, sep in (
        ((Pool(hexes, Stream("x")), ", "), ", "),
        ((Pool(hexes, Stream("x")),), ",,"),
        ((Pool(hexes, Stream("x")),), "、"),
    ):
        assert not Records(*parts, sep=sep).shape.lead
    own = tokenizer("o200k_base")
    units, placed = listed(Stream("alike"), hexes, ", "), listed(Stream("alike"), hexes, ", ")
    ids, by = np.arange(2000), weigher(units.shape, own)
    with monkeypatch.context() as patch:
        patch.setattr(by, "_mark", None)
        wanted = placed.weights(ids, by.scale, ", ")
    monkeypatch.setattr(type(own), "starts", lambda self, text: pytest.fail("tokens were placed"))
    assert (units.weights(ids, by.scale, ", ") == wanted).all()


class Rewriting(Tokenizer):
    """A vocabulary of single characters in which two equal ones beside each other are one token."""

    name, engine, reference, source, specials = "rewriting", "test", "test", "test", frozenset[str]()

    def encode(self, text: str) -> list[int]:
        return [ord(b) for a, b in pairwise("\0" + text) if a != b]

    def starts(self, text: str) -> np.ndarray:
        raise LcgenError("It rewrites the text.")


def test_where_tokens_have_no_places_each_record_is_counted() -> None:
    for kind, adds in (("pairs of hex", True), ("numbers", True)):
        units, own = KINDS[kind](Stream("slow")), Rewriting()
        by = Scale(own, units.sample(100, units.sep))
        ids = np.arange(300)
        assert weigher(units.shape, own).how == "units" and units.additive(own) is adds
        assert (units.weights(ids, by, units.sep) == by.weights([units.led(unit, units.sep) for unit in ids.tolist()])).all()


def test_a_probe_says_where_weights_do_not_add_up() -> None:
    """Here the end of a record and the beginning of the next share a token, but seldom."""
    units, own = listed(Stream("seam"), Digits(5, True), ""), Rewriting()
    assert not units.additive(own)


def test_probes_are_made_once_for_all_rows() -> None:
    one, two = (KINDS["phone"](Stream(seed)) for seed in (1, 2))
    assert one.form == two.form and one.shape is two.shape
    assert weigher(one.shape, tokenizer("o200k_base")) is weigher(two.shape, tokenizer("o200k_base"))
    assert KINDS["names"](Stream(1)).form != KINDS["emails"](Stream(1)).form


@every_kind
@FEW
@given(data=st.data())
def test_held_words_are_found_as_by_a_search(kind: str, data: st.DataObject) -> None:
    """Words of the pools and of others, parts of them, and words of the constants."""
    units = KINDS[kind](Stream(data.draw(st.integers(0, 4))))
    ids = np.array(data.draw(orders(units.limit)))
    texts = units.text(ids)
    own = [part.text(data.draw(st.integers(0, min(9, part.form.size - part.first - 1)))) for part in units.pools]
    near = [part.form.near(word, Stream("near")) for part, word in zip(units.pools, own)]
    there = [part.texts(ids[:1] % units.limit + units.start)[0] for part in units.pools]
    odd = [word[1:-1] or word for word in there] + [texts[0][1:9], texts[-1], "7", "ant", "nowhere!"]
    words = data.draw(st.lists(st.sampled_from([*own, *near, *there, *odd]), min_size=1, max_size=5))
    found = units.holding(ids, words)
    sought = [[word for word in words if word in text] for text in texts]
    assert found.dtype == bool and found.tolist() == [bool(held) for held in sought]


@pytest.mark.parametrize("kind", ["needle", "phone", "phone in chinese", "pairs of uuids", "codes", "names"])
def test_words_of_the_pools_need_no_search(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """What the pools themselves hold is found by its number: hundreds of keys cost next to nothing."""
    monkeypatch.setattr("lcgen.records.mark", lambda *_: pytest.fail("a search"))
    units, ids = KINDS[kind](Stream("held")), np.arange(2000)
    words = [text for pool in units.pools for text in pool.texts(np.array([3, 700]) + units.start)]
    assert np.flatnonzero(units.holding(ids, words)).tolist() == [3, 700]
    assert not units.holding(
        ids, ["Ünwritten", *(text for pool in units.pools for text in pool.texts(np.arange(5000, 5300)))]
    ).any()


@every_kind
@FEW
@given(data=st.data())
def test_words_that_stand_in_records_are_admitted(kind: str, data: st.DataObject) -> None:
    """Any piece of a text of records, across as many of them as it likes; and hardly any other word."""
    units = KINDS[kind](Stream(data.draw(st.integers(0, 4))))
    run = units.shape.render(units.numbers(np.arange(40))).text.decode()
    low = data.draw(st.integers(0, len(run) - 1))
    assert units.shape.admits(run[low : data.draw(st.integers(low + 1, min(len(run), low + 200)))])
    assert not units.shape.admits("Phone book:")


class Plain(Units):
    form = "plain"

    def __init__(self, texts: list[str]) -> None:
        self.texts = texts

    def text(self, ids: np.ndarray) -> list[str]:
        return [self.texts[unit] for unit in ids.tolist()]


@FEW
@given(
    st.lists(st.text("ab é", max_size=6), min_size=1, max_size=12), st.lists(st.text("ab é", min_size=1, max_size=3), max_size=4)
)
def test_any_units_are_searched_as_one_text(texts: list[str], words: list[str]) -> None:
    found = Plain(texts).holding(np.arange(len(texts)), words)
    assert found.tolist() == [any(word in text for word in words) for text in texts]


def test_plants_and_records_share_a_pool_and_no_text() -> None:
    pool = Pool(forms.names("en"), Stream("book"))
    planted = pool.texts(np.arange(400))
    units = Records(pool, ": ", Pool(forms.numbers("###-####"), Stream("numbers")), sep="\n", start=400)
    assert units.limit == pool.form.size - 400
    assert not set(planted) & {text.partition(":")[0] for text in units.text(np.arange(20_000))}
    assert not units.holding(np.arange(20_000), planted).any()


def test_records_that_cannot_be_are_refused() -> None:
    pool = Pool(Digits(2, False), Stream("x"))
    with pytest.raises(ValueError, match="fewer than 91 texts"):
        Records(pool, sep=" ", start=90)
    for parts in (("no column",), (pool, "a\0b")):
        with pytest.raises(LcgenError, match="needs a column beside its constants, and no zero byte"):
            Records(*parts, sep=" ")


def test_memory_holds_arrays_not_records() -> None:
    """Of ten thousand records a few arrays and one text are kept."""
    units = KINDS["phone"](Stream("memory"))
    units.weights(np.arange(10_000), scale("o200k_base", "phone"), units.sep)
    kept = [units._run.text, units._run.borders, units._weighed[1], *units._numbers]
    assert all(isinstance(item, (bytes, np.ndarray)) for item in kept)
    assert sum(len(item) if isinstance(item, bytes) else item.nbytes for item in kept) < 10_000 * 100


GOLDEN = {
    "needle": "A registry entry for leathery-porpoise is 9981362.",
    "needle of uuids": "A registry entry for 10dcfdd2-3894-4d54-81c1-7192c662e95f is 9981362.",
    "needle in chinese": "登记簿载明，「和煦螺丝」的登记项是9981362。",
    "phone": "Adriana Marks: 657-508-6100",
    "phone with initials": "Jane I. Sullivan: (657) 508-6100",
    "phone in chinese": "靳芷茜: 92196525815",
    "pairs of uuids": '"b135e5cd-f5c3-4ec3-a3dd-0e3d5513f045": "552fd1ec-61c5-4206-84c4-17b8915d5871"',
    "pairs of hex": '"fce063e6": "741ec9a0"',
    "pairs of words": '"angular-gibbon": "neighborly-rabbit"',
    "words": "angular-gibbon",
    "words in lines": "angular-gibbon",
    "chinese words": "低矮花猫",
    "numbers": "28588",
    "codes": "E2KLFH6",
    "emails": "alex.shaw@example.net",
    "names": "Bobby Pearson",
    "a few words": "cat",
}


def test_records_are_equal_everywhere() -> None:
    """Golden: texts of each kind, on every Python and machine."""
    found = {kind: make(Stream("golden")).text(np.array([0, 1, 90_000]))[-1] for kind, make in KINDS.items()}
    assert found == GOLDEN
