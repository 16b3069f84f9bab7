"""The published grids of lists of questions."""

from __future__ import annotations

from lcgen.contract import Preset, Setting

OWN = (
    "Questions, demonstrations and wording are our own, made for each row, so figures are not comparable digit for digit; --set source reads "
    "the real sets. Demonstrations are of the row's own list."
)
LISTS = {
    "gsm8k": Setting({"source": "problems", "questions": 35, "demos": 8}, samples=20),
    "mmlu": Setting({"source": "subjects", "questions": 20, "demos": 5}, samples=57),
}
TIERS = {
    "gsm8k_4k": Setting({"source": "problems", "questions": 30, "demos": 8}, samples=43),
    "gsm8k_8k": Setting({"source": "problems", "questions": 60, "demos": 8}, samples=21),
    "mmlu_4k": Setting({"source": "subjects", "questions": 30, "demos": 5}, samples=53),
    "mmlu_8k": Setting({"source": "subjects", "questions": 60, "demos": 5}, samples=53),
    "csqa_4k": Setting({"source": "concepts", "questions": 40, "demos": 5}, samples=30),
    "csqa_8k": Setting({"source": "concepts", "questions": 80, "demos": 5}, samples=15),
}
PRESETS = {
    "liu": Preset(
        "the two grids of LongGenBench's scripts: 35 word problems and 20 items of a subject", "arXiv:2410.04199", LISTS, "4k", 20,
        answer_tokens=4096,
        differs=f"{OWN} Items of all subjects are mixed in a prompt, where there was one prompt for each of 57 subjects.",
    ),
    "scope": Preset(
        "the two tiers of SCOPE, 30 to 80 questions of three sets", "arXiv:2412.13649", TIERS, "4k", 30, answer_tokens=8192,
        differs=f"{OWN} The answer budget is 8192 in both tiers; the published files do not say it.",
    ),
}  # fmt: skip
