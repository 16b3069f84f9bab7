"""Run by a Python that has Inspect: FOLDER TASK MODE, where MODE is oracle or empty. Prints the mean and the samples as JSON."""

from __future__ import annotations

import json
import sys
import tempfile
from pathlib import Path

from inspect_ai import eval
from inspect_ai.model import ModelOutput, ModelUsage, get_model
from pyarrow import parquet

folder, task, mode = sys.argv[1:4]
rows = [row for path in sorted((Path(folder) / "data" / task).glob("*.parquet")) for row in parquet.read_table(path).to_pylist()]
answers = {row["input"] + row["gen_prefix"]: row["reference_output"] if mode == "oracle" else "" for row in rows}


def say(input, tools, tool_choice, config):  # type: ignore[no-untyped-def]
    said = ModelOutput.from_content("mockllm/model", answers[input[-1].text])
    # Without a usage the mock counts tokens in a vocabulary that it would have to download.
    said.usage = ModelUsage(input_tokens=1, output_tokens=1, total_tokens=2)
    return said


logs = sys.argv[4] if len(sys.argv) > 4 else tempfile.mkdtemp()
(log,) = eval(
    f"{folder}/inspect_tasks.py@{task}",
    model=get_model("mockllm/model", custom_outputs=say),
    log_dir=logs,
    log_format="json",
    display="none",
)
assert log.status == "success", log.error
print(json.dumps({"mean": log.results.scores[0].metrics["mean"].value, "samples": len(log.samples), "log": log.location}))
