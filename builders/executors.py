"""Executors: who makes the files of a build. Files are pure, so any of them may make any file, twice too."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from typing import Any, Literal

from lcgen.builders.depot import Stopped
from lcgen.builders.workshop import FilePlan, Workshop

Made = Iterator[tuple[FilePlan, dict[str, Any]]]
"""Files as they are finished, each with its entry."""
Tick = Callable[[int], Any] | None
"""Told of tokens written."""
LOST = 3
"""How often workers may be lost before a build stops."""


def run(kind: Literal["local", "ray"], shop: Workshop, files: Sequence[FilePlan], jobs: int, tick: Tick) -> Made:
    """Makes the files: here, in `jobs` processes of this machine, or on a Ray cluster. Raises Stopped where workers keep dying."""
    if kind == "ray":
        from lcgen.builders import cluster

        return cluster.run(shop, files, jobs, tick)
    return _here(shop, files, tick) if jobs == 1 or len(files) < 2 else _processes(shop, files, jobs, tick)


def biggest_first(files: Sequence[FilePlan]) -> list[FilePlan]:
    """So that no worker begins a long file when the others are through."""
    return sorted(files, key=lambda file: -file.tokens)


def _here(shop: Workshop, files: Sequence[FilePlan], tick: Tick) -> Made:
    for file in files:
        yield file, shop.make(file, tick)


# ---- processes of this machine


class Counter:
    """Tokens written by a worker, told to the parent a few times a second."""

    def __init__(self, queue: Any) -> None:
        self._queue, self._tokens, self._told = queue, 0, time.monotonic()

    def __call__(self, tokens: int) -> None:
        self._tokens += tokens
        if (now := time.monotonic()) - self._told > 0.2:
            self.flush()
            self._told = now

    def flush(self) -> None:
        """Tells what has not been told yet."""
        self._queue.put(self._tokens)
        self._tokens = 0


_shop: Workshop | None = None
_counter: Counter | None = None


def _begin(shop: Workshop, queue: Any) -> None:
    """A worker begins: Ctrl-C is the parent's affair, and where the parent dies, so does the worker."""
    global _shop, _counter
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    parent = multiprocessing.parent_process()
    assert parent is not None
    threading.Thread(target=_end_with, args=(parent,), daemon=True).start()
    _shop, _counter = shop, Counter(queue)


def _end_with(parent: Any) -> None:
    parent.join()
    os._exit(1)


def _make(file: FilePlan) -> dict[str, Any]:
    assert _shop is not None and _counter is not None
    try:
        return _shop.make(file, _counter)
    finally:
        _counter.flush()


def _processes(shop: Workshop, files: Sequence[FilePlan], jobs: int, tick: Tick) -> Made:
    """Processes begun anew, not copies of this one: they map the same corpora, whose pages exist once."""
    context = multiprocessing.get_context("spawn")
    left = biggest_first(files)
    bare = Workshop(shop.suite, shop.out)
    for _ in range(LOST):
        queue = context.SimpleQueue()
        pool = ProcessPoolExecutor(min(jobs, len(left)), context, _begin, (bare, queue))
        futures = {pool.submit(_make, file): file for file in left}
        try:
            while futures:
                done, _others = wait(futures, timeout=0.2, return_when=FIRST_COMPLETED)
                while not queue.empty():
                    tokens = queue.get()
                    if tick:
                        tick(tokens)
                for future in done:
                    file = futures.pop(future)
                    entry = future.result()
                    left.remove(file)
                    yield file, entry
            return
        except BrokenProcessPool:
            continue
        finally:
            _end(pool)
    raise Stopped(
        f"A worker process was killed, {LOST} times: memory may be short. Run the same command again with fewer --jobs; finished files are kept."
    )


def _end(pool: ProcessPoolExecutor) -> None:
    """Ends a pool at once, whatever its workers are doing."""
    workers = list((pool._processes or {}).values())
    pool.shutdown(wait=False, cancel_futures=True)
    for worker in workers:
        worker.terminate()
    for worker in workers:
        worker.join()
