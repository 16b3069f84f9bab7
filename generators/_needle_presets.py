"""The published grids of needles: RULER, NeedleBench, passkeys, the classic test."""

from __future__ import annotations

from lcgen.contract import Preset, Setting

RULER = {
    "single_1": Setting({}, "noise"),
    "single_2": Setting({}, "prose"),
    "single_3": Setting({"value_kind": "uuids"}, "prose"),
    "multikey_1": Setting({"keys": 4, "spread": "random"}, "prose"),
    "multikey_2": Setting({}, "records"),
    "multikey_3": Setting({"key_kind": "uuids", "value_kind": "uuids"}, "records"),
    "multivalue": Setting({"values": 4, "spread": "random"}, "prose"),
    "multiquery": Setting({"keys": 4, "queries": 4, "spread": "random"}, "prose"),
}
OWN = "Our own wording and prose instead of the essays, so scores are not comparable digit for digit; --template takes a published wording."

PRESETS = {
    "ruler": Preset(
        "the eight needle settings of RULER, from one plain fact to all distractors",
        "arXiv:2404.06654", RULER, "4k..128k", 500, "random", 128,
        f"{OWN} Keys and values are distinct, depths are stratified, lengths exact.",
    ),
    "needlebench": Preset(
        "NeedleBench's single and multi retrieval over length and depth",
        "arXiv:2407.11963",
        {"single": Setting({}, "prose"), "multi": Setting({"keys": 11, "queries": 11}, "prose", "0", 25)},
        "1000,2000,4000,8000,16000,32000,64000,128000", 10, "0..1:0.1", None,
        f"{OWN} No fixed buffer is taken off the length, so the short cells do hold text. Lengths are "
        "those of the 128k set; --lengths takes another, such as 25000..200000:25000 for the rest of the 200k set.",
    ),
    "passkey": Preset(
        "the passkey test of Landmark Attention: one number in a repeated passage",
        "arXiv:2305.16300", {"": Setting({"key_kind": "none", "digits": 5}, "noise")},
        "256,512,1k,2k,3k,4k,5k,6k,8k,10k", 50, "random", 10,
        f"{OWN} Lengths are ten of tokens instead of thirteen of filler characters (0 to 38,000), over the same range; numbers all have five digits.",
    ),
    "stuffed_mamba": Preset(
        "the passkey test for recurrent models, every 1k up to 128k",
        "arXiv:2410.07145", {"": Setting({"key_kind": "none", "digits": 5, "leading_zeros": True}, "noise")},
        "1k..128k:1k", 200, "random", 10,
        f"{OWN} 10 answer tokens instead of 5, since digit-wise vocabularies need more; nothing overshoots.",
    ),
    "single_fact": Preset(
        "the classic test: one fact, a fine grid of length and depth",
        "github.com/gkamradt/LLMTest_NeedleInAHaystack", {"": Setting({"value_kind": "words"}, "prose")},
        ",".join(str(round(1000 + 15000 * n / 34)) for n in range(35)), 1, ",".join(f"{n / 34:.6f}" for n in range(35)), 300,
        f"{OWN} Scored by rule instead of by a judge, and every row has its own fact.",
    ),
}  # fmt: skip
