"""Keys and values: distinct, never part of each other, and made from numbers alone."""

from __future__ import annotations

import re
import uuid
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lcgen import forms
from lcgen.errors import LcgenError
from lcgen.forms import BLOCK, Digits, Form, Fresh, Pool, Uuids, Words
from lcgen.streams import Stream
from lcgen.wording import WORD

FEW = settings(max_examples=25, deadline=None, derandomize=True)
ALL = {
    "digits": Digits(7, False),
    "zeros": Digits(4, True),
    "one digit": Digits(1, False),
    "one digit, zero too": Digits(1, True),
    "18 digits": Digits(18, False),
    "english": Words("en"),
    "chinese": Words("zh"),
    "uuids": Uuids(),
}
every_form = pytest.mark.parametrize("form", ALL.values(), ids=list(ALL))


def some(form: Form, count: int = 20_000) -> list[str]:
    """Texts of numbers from all over a form; all of it where it is small or of words."""
    count = max(count, form.size) if isinstance(form, Words) and count == 20_000 else count
    step = max(1, form.size // count)
    return form.texts(np.arange(0, min(form.size, count * step), step, dtype=np.uint64))


@every_form
def test_distinct_numbers_give_distinct_texts(form: Form) -> None:
    texts = some(form, 9_999)
    assert len(set(texts)) == len(texts) >= min(form.size, 9_999)


@every_form
def test_no_text_begins_or_ends_another(form: Form) -> None:
    for texts in (sorted(some(form)), sorted(text[::-1] for text in some(form))):
        assert not any(after.startswith(before) for before, after in pairwise(texts))


@every_form
def test_a_text_is_one_slot_of_a_pattern(form: Form) -> None:
    assert all(re.fullmatch(WORD, text) for text in some(form, 3000))


@every_form
def test_what_looks_alike_is_of_the_form_and_another(form: Form) -> None:
    rng, whole = Stream("near"), set() if isinstance(form, Words) else set(some(form))
    for text in some(form, 40):
        for _ in range(10):
            near = form.near(text, rng)
            assert (near != text and len(near) == len(text)) or isinstance(form, Words)
            if len(whole) == form.size:
                assert near in whole, (text, near)


@every_form
def test_what_looks_alike_differs_in_one_piece(form: Form) -> None:
    rng = Stream("near")
    for text in some(form, 30):
        near = form.near(text, rng)
        if isinstance(form, Words) and form.join:
            same = [a == b for a, b in zip(text.split(form.join), near.split(form.join), strict=True)]
        elif isinstance(form, Words):
            same = [any(text.startswith(word) and near.startswith(word) for word in form.first.entries)]
            same += [any(text.endswith(word) and near.endswith(word) for word in form.second.entries)]
        else:
            assert sum(a != b for a, b in zip(text, near, strict=True)) == 1
            continue
        assert sorted(same) == [False, True], (text, near)


def test_digits_have_their_width() -> None:
    assert {len(text) for text in some(ALL["digits"])} == {7}
    assert not any(text.startswith("0") for text in some(ALL["digits"]))
    assert some(ALL["zeros"])[0] == "0000" and some(Digits(2, True), 100) == [f"{n:02d}" for n in range(100)]
    assert some(ALL["18 digits"])[0] == "1" + "0" * 17


def test_uuids_are_of_version_four() -> None:
    for text in some(ALL["uuids"], 500):
        found = uuid.UUID(text)
        assert found.version == 4 and found.variant == uuid.RFC_4122 and str(found) == text


def test_words_are_words() -> None:
    assert all(re.fullmatch(r"[a-z]+-[a-z]+", text) for text in some(ALL["english"], 5000))
    assert all(re.fullmatch(r"[一-鿿]+", text) for text in some(ALL["chinese"], 5000))
    assert min(ALL["english"].size, ALL["chinese"].size) > 300_000


@every_form
@FEW
@given(seed=st.integers(0, 99), data=st.data())
def test_a_pool_is_an_order_of_its_form(form: Form, seed: int, data: st.DataObject) -> None:
    first = data.draw(st.sampled_from([0, form.size // 2, form.size - 1]))
    pool = Pool(form, Stream(seed), first)
    last = form.size - first
    ids = data.draw(st.lists(st.integers(0, last - 1), min_size=1, max_size=80, unique=True))
    texts = pool.texts(np.array(ids))
    assert len(set(texts)) == len(texts), "distinct ids give distinct texts"
    again = Pool(form, Stream(seed), first)
    assert [again.text(number) for number in reversed(ids)] == texts[::-1], "one by one, in any order"
    if first:
        whole = Pool(form, Stream(seed))
        assert whole.texts(np.array(ids) + first) == texts, "where it starts moves nothing"


def test_a_pool_holds_all_of_a_small_form_once() -> None:
    form = Digits(3, False)
    texts = Pool(form, Stream("all")).texts(np.arange(form.size))
    assert sorted(texts) == [str(n) for n in range(100, 1000)] and texts != sorted(texts)


def test_a_pool_has_an_end() -> None:
    pool = Pool(Digits(2, False), Stream("x"), 40)
    assert len({pool.text(number) for number in range(50)}) == 50
    with pytest.raises(IndexError):
        pool.text(50)
    with pytest.raises(IndexError):
        pool.text(BLOCK * 3)


def test_pools_of_two_streams_differ() -> None:
    ids = np.arange(50)
    assert Pool(ALL["english"], Stream(1)).texts(ids) != Pool(ALL["english"], Stream(2)).texts(ids)


def test_a_pool_is_spread_over_its_form() -> None:
    numbers = [int(text) for text in Pool(Digits(6, True), Stream("spread")).texts(np.arange(4000))]
    counts = np.bincount(np.array(numbers) // 100_000, minlength=10)
    assert ((counts - 400) ** 2 / 400).sum() < 27.9
    assert np.bincount(np.array(numbers) % 10, minlength=10).min() > 330


def test_fresh_keys_and_values_are_taken_by_nobody() -> None:
    words, digits = Pool(ALL["english"], Stream("k")), Pool(Digits(2, False), Stream("v"))
    names, values = words.texts(np.arange(5)), digits.texts(np.arange(5))
    fresh, rng = Fresh(words, digits, 5, 5, names, values), Stream("rng")
    found = [*names, *values]
    for _ in range(8):
        found += [fresh.key(), fresh.value(), fresh.near_key(names[0], rng), fresh.near_value(values[0], rng)]
    assert len(set(found)) == len(found)


def test_too_few_look_alikes_are_said() -> None:
    digits = Pool(Digits(2, False), Stream("v"))
    value = digits.text(0)
    fresh, rng = Fresh(digits, digits, 1, 1, [], [value]), Stream("rng")
    assert len({fresh.near_value(value, rng) for _ in range(9)}) == 9
    with pytest.raises(ValueError, match="not enough look-alikes"):
        fresh.near_value(value, rng)


def test_unknown_forms_are_refused() -> None:
    with pytest.raises(LcgenError, match="Did you mean digits"):
        forms.form("digit", "en")
    with pytest.raises(LcgenError, match="language for keys of words.*Known: en, zh"):
        forms.form("words", "de")
