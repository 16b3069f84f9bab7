"""The one contract between a task and everything else; the names here are what a task file imports.

A task knows its puzzle and nothing of tokens, files or the Hub. The order of work is
draw -> fit -> pose -> close -> render; a task writes `draw` and `pose`, the composer does the rest.
To be read in this order: `filler`, `drafts`, `puzzles`, `rows`, `presets`, `task`.
"""

from lcgen.contract.drafts import MOST_PLANTS, Cell, Draft, Lane, Plant, Role, wrapped
from lcgen.contract.filler import SPARES, Source, Units, mark
from lcgen.contract.presets import Preset, Setting
from lcgen.contract.puzzles import Context, Puzzle, Quote
from lcgen.contract.rows import Columns, Drawn, Estimate, Row, Table
from lcgen.contract.task import Shortcut, Task

__all__ = [
    "MOST_PLANTS",
    "SPARES",
    "Cell",
    "Columns",
    "Context",
    "Draft",
    "Drawn",
    "Estimate",
    "Lane",
    "Plant",
    "Preset",
    "Puzzle",
    "Quote",
    "Role",
    "Row",
    "Setting",
    "Shortcut",
    "Source",
    "Table",
    "Task",
    "Units",
    "mark",
    "wrapped",
]
