"""Executors: who makes the files of a build, or reads them again. Files are pure: anybody may make any of them, twice too."""

from __future__ import annotations

import gc
import multiprocessing
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from typing import Any, Literal, Protocol, TypeVar

from lcgen.builders.depot import Stopped
from lcgen.builders.maker import FilePlan
from lcgen.builders.workshop import Workshop

Tick = Callable[[int], Any]
"""Told of tokens written, or read."""
LOST = 3
"""How often workers may be lost before a command stops."""

Item = TypeVar("Item", contravariant=True)
Entry = TypeVar("Entry", covariant=True)


class Shop(Protocol[Item, Entry]):
    """Who makes something of one item after another. It goes to worker processes as it is pickled."""

    def make(self, item: Item, progress: Tick | None = None, /) -> Entry:
        """What is made of one item."""


def run(
    kind: Literal["local", "ray"], shop: Workshop, files: Sequence[FilePlan], jobs: int, tick: Tick | None
) -> Iterator[tuple[FilePlan, dict[str, Any]]]:
    """Makes files, here, in `jobs` processes of this machine, or on a Ray cluster; gives each with its entry as it is finished.

    Raises Stopped where workers keep dying.
    """
    # So that nobody begins a long file when the others are through.
    ordered = sorted(files, key=lambda file: -file.tokens)
    if kind == "ray":
        from lcgen.builders import cluster

        return cluster.run(shop, ordered, tick)
    return spread(shop, ordered, jobs, tick)


def spread(shop: Shop[Item, Entry], items: Sequence[Item], jobs: int, tick: Tick | None) -> Iterator[tuple[Item, Entry]]:
    """Makes something of each item, in this process or in several, in that order; gives each as it is finished."""
    if jobs == 1 or len(items) < 2:
        return ((item, shop.make(item, tick)) for item in items)
    return _processes(shop, items, jobs, tick)


class Counter:
    """Tokens of a worker, told to the parent a few times a second."""

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


_shop: Any = None
_counter: Counter | None = None


def _begin(shop: Any, queue: Any, garbage: tuple[int, int, int]) -> None:
    """A worker begins: Ctrl-C is the parent's affair, where the parent dies, so does the worker, and it looks for garbage as often."""
    global _shop, _counter
    gc.set_threshold(*garbage)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with, args=(multiprocessing.parent_process(),), daemon=True).start()
    _shop, _counter = shop, Counter(queue)


def _end_with(parent: Any) -> None:
    parent.join()
    os._exit(1)


def _make(item: Any) -> Any:
    assert _counter is not None
    try:
        return _shop.make(item, _counter)
    finally:
        _counter.flush()


def _processes(shop: Shop[Item, Entry], items: Sequence[Item], jobs: int, tick: Tick | None) -> Iterator[tuple[Item, Entry]]:
    """Processes begun anew, not copies of this one: they map the same corpora, whose pages exist once."""
    context = multiprocessing.get_context("spawn")
    left = dict(enumerate(items))
    for _ in range(LOST):
        queue = context.SimpleQueue()
        pool = ProcessPoolExecutor(min(jobs, len(left)), context, _begin, (shop, queue, gc.get_threshold()))
        try:
            futures: dict[Future[Entry], int] = {pool.submit(_make, item): number for number, item in left.items()}
            while futures:
                done, _others = wait(futures, timeout=0.2, return_when=FIRST_COMPLETED)
                while not queue.empty():
                    tokens = queue.get()
                    if tick:
                        tick(tokens)
                for future in done:
                    entry = future.result()
                    number = futures.pop(future)
                    yield left.pop(number), entry
            return
        except BrokenProcessPool:
            continue
        finally:
            _end(pool)
    raise Stopped(
        f"A worker process was killed, {LOST} times: memory may be short. Run the same command again with fewer --jobs; what is "
        "finished is kept."
    )


def _end(pool: ProcessPoolExecutor) -> None:
    """Ends a pool at once, whatever its workers are doing."""
    workers = list((pool._processes or {}).values())
    pool.shutdown(wait=False, cancel_futures=True)
    for worker in workers:
        worker.terminate()
    for worker in workers:
        worker.join()
