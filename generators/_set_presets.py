"""Published sizes of sets, and what is better for training."""

from __future__ import annotations

from typing import Any

from lcgen.contract import Preset, Setting

TRAIN = ("4_16", "16_4", "8_32", "32_8", "64_16", "16_64", "4_128", "128_4", "16_256", "256_16", "4_256", "256_4")
TEST = (
    "1_32", "32_1", "4_32", "32_4", "4_128", "128_4", "16_256", "256_16", "4_256", "256_4", "16_512", "512_16", "4_512", "512_4",
    "8_768", "768_8", "16_768", "768_16", "4_768", "768_4",
)  # fmt: skip
"""Sizes of the first and of the second set, as published; those of the test go beyond those of training."""


def _pairs(**params: Any) -> dict[str, Setting]:
    """The published sizes, 20,000 rows of each for training and 1,000 for the test."""
    found = {}
    for split, pairs, samples in (("train", TRAIN, 20_000), ("test", TEST, 1_000)):
        for pair in pairs:
            short, long = sorted(map(int, pair.split("_")))
            order = "short_first" if pair.startswith(f"{short}_") else "long_first"
            sizes = {"size_small": short, "size_ratio": long // short, "order": order}
            found[f"{split}_{pair}"] = Setting(
                {"style": "tokens", "universe": 2048, **sizes, **params}, samples=samples, split=split
            )
    return found


PRESETS = {
    "just_read_twice": Preset(
        "integer tokens as published: find the one element that two lists share, to train and test small models",
        "arXiv:2407.05483", _pairs(answer_mode="intersect_one", intersecting=1.0), "", 1_000, None, None,
        "Sizes, ids, special ids and numbers of rows as published. The same ids are drawn in another way with the same chances; each row is "
        "kept with its answer, and train and test share no rows.",
        {
            3: "The answer is always an element of the short list: where that has one, naming it is right in every row",
            10: "No pair is disjoint, and the shared id is the only one that stands twice, whichever list it is in",
        },
    ),
    "disjoint_or_not": Preset(
        "the same sizes with half of the pairs disjoint (answer 0), so that there is something to decide: the better default for training",
        "arXiv:2407.05483", _pairs(answer_mode="intersect_one"), "", 1_000, None, None,
        "Half of the rows share nothing, and their answer is id 0, which the paper calls mask and never shows.",
    ),
    "order_and_repetition": Preset(
        "one pair of sets in both orders, once and twice, the question before, after and around: 12 twins",
        "arXiv:2407.05483",
        {
            mode: Setting({"answer_mode": mode, "twins": "all", "length_basis": "once", "element": "word"})
            for mode in ("decide", "intersect_one")
        },
        "1k,2k,4k,8k,16k", 50, None, None,
        "Order and repetition as paired differences. The paper repeats documents of question answering data, and shows the question first only "
        "where it repeats, so that two things change at once; here each changes alone. Half of the pairs are disjoint.",
    ),
}  # fmt: skip
