"""Runs of a text: no word that stands in it, or across a border of its units in any order, is ever said to be absent."""

import numpy as np
import pytest

from lcgen.grams import Grams
from lcgen.streams import Stream

UNITS = {
    "en": [" The old keeper saw Mary Whitlock.", " Nobody knew why", " Peter Hale had gone.", " He", "\n\nA boat came in"],
    "zh": ["灯塔旁边站着李明华。", "没有人知道为什么", "王小明走了。", "船", "来了两条大船"],
}


@pytest.mark.parametrize("lang", UNITS)
def test_every_word_of_the_text_in_any_order_of_its_units_is_able(lang: str) -> None:
    units, rng = UNITS[lang], Stream("grams", lang)
    text = "".join(units).encode()
    grams = Grams(memoryview(text), np.cumsum([0, *(len(unit.encode()) for unit in units)]))
    assert grams.able(["never there at all"], 1) == ["never there at all"], "nothing is hashed for a short search"
    grams.spent = 1 << 40
    for _ in range(50):
        laid = "".join(units[place] for place in rng.shuffle(range(len(units))))
        words = [laid[low : low + size] for size in (1, 3, 8, 14, 30) for low in range(len(laid) - size + 1)]
        assert grams.able(words, 1) == words


@pytest.mark.parametrize(
    "lang, absent", [("en", ["Mary Hale", "Peter Whitlock", "keepers saw"]), ("zh", ["李明华走了", "王小华站着"])]
)
def test_absent_words_are_told(lang: str, absent: list[str]) -> None:
    # Behind a unit without a stop a word may stand across the border, so that only a search tells.
    units = [unit for unit in UNITS[lang] if unit[-1] in ".。"]
    text = "".join(units).encode()
    grams = Grams(memoryview(text), np.cumsum([0, *(len(unit.encode()) for unit in units)]))
    grams.spent = 1 << 40
    assert grams.able([*absent, units[0][1:-1]], 1) == [units[0][1:-1]]
