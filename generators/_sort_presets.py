"""The published grid of ordered segments."""

from __future__ import annotations

from lcgen.contract import Preset, Setting

EDGES = {size: (size // 4, size // 3, size // 2, int(size / 1.25)) for size in (250, 1000, 2500)}
EDGES |= {size: (1000, size // 4, size // 2, int(size / 1.25)) for size in (10_000, 20_000)}
"""Words of an excerpt, and the upper edges of the distance bins, as published."""

PRESETS = {
    "book_sort": Preset(
        "Book-SORT: two segments of 20 or 50 words out of 250 to 20,000 words, in four distance bins; name your books with --haystack",
        "arXiv:2410.08133",
        {
            f"{size}_{length}": Setting({
                "words": size, "segment_length": length, "bins": "..".join(["0", *(f"{edge / size:g}" for edge in edges)]),
                "ask": "first", "twins": False,
            }, "prose")
            for size, edges in EDGES.items() for length in (20, 50)
        },
        "", 400, None, None,
        "Sizes of excerpts and segments, bins and numbers of rows as published: 100 for each bin. Our own wording, and our own prose where no books "
        "are named. Each row has an excerpt of its own; for four questions over one, as published, ask for --questions-per-context 4 --samples 100. "
        "Segments are unique, orders balanced exactly, places dealt evenly instead of being drawn again until a test accepts them. "
        "Each excerpt is from one book, a file of the folder; no title is told.",
    ),
}  # fmt: skip
