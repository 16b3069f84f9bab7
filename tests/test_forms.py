"""Keys, values and names: distinct, never part of each other, and made from numbers alone."""

from __future__ import annotations

import re
import uuid
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lcgen import forms, names
from lcgen.atoms import BASE32, HEX, Digits, Form, Joined, Letters, Table
from lcgen.errors import LcgenError
from lcgen.forms import Fresh, Pool, Words
from lcgen.mixing import mix, unmix
from lcgen.slots import WORD
from lcgen.streams import Stream
from lcgen.uuids import LOW, Uuids

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
    "hex": Letters(HEX, 8),
    "codes": Letters(BASE32, 7),
    "numbers": forms.numbers("(###) ###-####"),
    "names": forms.names("en"),
    "names with initials": forms.names("en", initials=True),
    "chinese names": forms.names("zh"),
    "emails": forms.emails(),
    "one table": Table("compass", ["north", "south", "west", "east"]),
}
SLOTS = ("digits", "zeros", "one digit", "18 digits", "english", "chinese", "uuids", "hex", "codes")
every_form = pytest.mark.parametrize("form", ALL.values(), ids=list(ALL))


def some(form: Form, count: int = 20_000) -> list[str]:
    """Texts of numbers from all over a form; all of it where it is small or of words."""
    count = max(count, form.size) if count == 20_000 and form.size < 1_000_000 else count
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
def test_no_text_is_part_of_another_whatever_their_case(form: Form) -> None:
    assert form.apart
    whole = "\n".join(text.casefold() for text in some(form, 2000))
    assert all(whole.count(text) == 1 for text in whole.split("\n"))


@every_form
def test_a_text_is_read_back_as_its_number(form: Form) -> None:
    step = max(1, form.size // 500)
    numbers = [*range(0, form.size, step)][:500]
    texts = form.texts(np.array(numbers, np.uint64))
    assert [form.number(text) for text in texts] == numbers
    assert set("".join(texts)) <= form.charset
    for text in texts[:5]:
        assert form.number(text + "-") is form.number(text[1:]) is form.number("") is None


@every_form
def test_blocks_are_the_texts(form: Form) -> None:
    """What is written in columns is what is written one by one, whatever is asked for at once."""
    numbers = np.arange(0, form.size, max(1, form.size // 300), dtype=np.uint64)[:300]
    assert [form.texts(numbers[place : place + 1])[0] for place in range(len(numbers))] == form.texts(numbers)
    assert [form.text(number) for number in numbers.tolist()] == form.texts(numbers)
    for atom, drawn in zip((atom for atom in form.atoms if not isinstance(atom, str)), form.split(numbers), strict=True):
        assert atom.blocks(drawn).dtype.itemsize == atom.width >= max(map(len, atom.blocks(drawn).tolist()))
        assert int(drawn.max()) < atom.size
        assert all(re.fullmatch(atom.pattern, text.decode()) for text in atom.blocks(drawn).tolist())


@pytest.mark.parametrize("alphabet", [HEX, BASE32, "BCDFGHJKLMNPQRSTVWXZ", "01"])
def test_letters_of_every_width_are_digits_of_their_number(alphabet: str) -> None:
    for width in range(1, 13):
        numbers = [number * (len(alphabet) ** width - 1) // 98 for number in range(99)]
        digits = [[number // len(alphabet) ** place % len(alphabet) for place in reversed(range(width))] for number in numbers]
        spelt = ["".join(alphabet[digit] for digit in found) for found in digits]
        assert Letters(alphabet, width).texts(np.array(numbers, np.uint64)) == spelt


def test_words_of_every_width_are_written_whole() -> None:
    words = ["x" * size + "é" for size in range(40)]
    for most in range(1, 41):
        table = Table(f"up to {most}", words[:most])
        assert table.texts(np.arange(most, dtype=np.uint64)[::-1]) == words[:most][::-1]


def test_mixing_is_undone() -> None:
    rng = Stream("mix")
    for number in [0, 1, (1 << 64) - 1, *rng.raw(200).tolist()]:
        assert unmix(mix(number, LOW), LOW) == number


@pytest.mark.parametrize("form", [ALL[name] for name in SLOTS], ids=SLOTS)
def test_a_text_is_one_slot_of_a_pattern(form: Form) -> None:
    assert all(re.fullmatch(WORD, text) for text in some(form, 3000))


@every_form
def test_what_looks_alike_is_of_the_form_and_differs_in_one_piece(form: Form) -> None:
    rng = Stream("near")
    for text in some(form, 40):
        for _ in range(10):
            near = form.near(text, rng)
            # Two halves of one number make a UUID; most others are UUIDs all the same.
            assert near != text and (form.number(near) is not None or isinstance(form, Uuids)), (text, near)
            assert not isinstance(form, Uuids) or uuid.UUID(near).version == 4
            if isinstance(form, Joined):
                one, two = (form.pieces(text), form.pieces(near))
                assert one and two and sum(a != b for a, b in zip(one, two, strict=True)) == 1, (text, near)
            elif not isinstance(form, Table):
                assert sum(a != b for a, b in zip(text, near, strict=True)) == 1, (text, near)


def test_digits_have_their_width() -> None:
    assert {len(text) for text in some(ALL["digits"])} == {7}
    assert not any(text.startswith("0") for text in some(ALL["digits"]))
    assert some(ALL["zeros"])[0] == "0000" and some(Digits(2, True), 100) == [f"{n:02d}" for n in range(100)]
    assert some(ALL["18 digits"])[0] == "1" + "0" * 17


def test_uuids_are_of_version_four() -> None:
    for text in some(ALL["uuids"], 500):
        found = uuid.UUID(text)
        assert found.version == 4 and found.variant == uuid.RFC_4122 and str(found) == text


def test_numbers_come_in_the_groups_of_their_mask() -> None:
    assert all(re.fullmatch(r"\([1-9]\d\d\) \d{3}-\d{4}", text) for text in some(ALL["numbers"], 500))
    assert all(re.fullmatch(r"\+1 [1-9]\d{9}", text) for text in some(forms.numbers("+1 ##########"), 500))


def test_names_are_of_two_plain_parts() -> None:
    assert all(re.fullmatch(r"[A-Z][A-Za-z]+ [A-Z][A-Za-z]+", text) for text in some(ALL["names"], 5000))
    assert all(re.fullmatch(r"[A-Z][A-Za-z]+ [A-Z]\. [A-Z][A-Za-z]+", text) for text in some(ALL["names with initials"], 5000))
    assert all(re.fullmatch(r"[一-鿿]{3}", text) for text in some(ALL["chinese names"], 5000))
    assert ALL["names"].size > 600_000 and ALL["chinese names"].size > 10_000_000
    for name, ends in ((names.given("en"), True), (names.surnames("en"), False)):
        assert names.apart(name, ends) == name and len(set(map(str.casefold, name))) == len(name)
    assert all(len(table) == len(set(table)) > 150 for table in (names.given("zh"), names.surnames("zh")))


def test_name_tables_that_changed_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    from faker.providers.person.en_US import Provider

    names._frozen.cache_clear()
    monkeypatch.setattr(Provider, "last_names", [*Provider.last_names, "Newcomer"])
    with pytest.raises(LcgenError, match="not those that lcgen's rows are made of.*pip install 'faker"):
        names.given("en")
    monkeypatch.undo()
    names._frozen.cache_clear()
    assert names.given("en")


def test_forms_that_cannot_be_are_refused() -> None:
    with pytest.raises(ValueError, match="no digit"):
        forms.numbers("none")
    with pytest.raises(ValueError, match="more texts than a pool can number"):
        Pool(Letters(HEX, 16), Stream("x"))


def test_unknown_languages_have_no_names() -> None:
    with pytest.raises(LcgenError, match="Unknown language 'de'. Known: en, zh"):
        forms.names("de")


def test_words_that_hold_each_other_are_not_apart() -> None:
    assert not Table("x", ["cat", "concatenate"]).apart and not Table("x", ["Cat", "cat"]).apart


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
    assert [pool.find(text) for text in texts] == ids
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
        pool.text(192)


@pytest.mark.parametrize("first", [0, 700, 890, 899])
def test_a_pool_gives_each_of_its_texts_in_turn(first: int) -> None:
    form = Digits(3, False)
    one_by_one = [Pool(form, Stream("turn"), first).text(number) for number in range(form.size - first)]
    assert [*Pool(form, Stream("turn"), first).each()] == one_by_one


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
    with pytest.raises(LcgenError, match=r"Unknown language 'de'\. Known: en, zh"):
        forms.form("words", "de")
