"""Run by a Python that has lighteval: FOLDER CONFIG. Loads the task and judges right and empty answers; prints scores as JSON."""

from __future__ import annotations

import json
import runpy
import sys
from pathlib import Path

from lighteval.models.model_output import ModelResponse
from lighteval.tasks.lighteval_task import LightevalTask

folder, config = Path(sys.argv[1]), sys.argv[2]
# Its registry downloads data of other tasks before it reads ours.
table = runpy.run_path(str(folder / "lighteval_tasks.py"))["TASKS_TABLE"]
(task,) = (LightevalTask(one) for one in table if one.name == f"lcgen_{config}")
(metric,) = task.metrics
found = {
    mode: [
        metric.sample_level_fn.compute(
            doc, ModelResponse(text=[doc.specific["row"]["reference_output"] if mode == "oracle" else ""])
        )
        for doc in task.eval_docs()
    ]
    for mode in ("oracle", "empty")
}
print(json.dumps(found))
