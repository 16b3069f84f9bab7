"""The files of a build made on a Ray cluster. Which node makes what, and what is made again, is Ray's affair."""

from __future__ import annotations

import json
import os
import socket
from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import Any

from lcgen import spec as specs
from lcgen.builders.depot import Stopped
from lcgen.builders.executors import Counter, Tick
from lcgen.builders.maker import FilePlan
from lcgen.builders.workshop import Workshop
from lcgen.errors import LcgenError

RETRIES = 5
"""How often Ray makes a file again whose worker or node was lost."""
PATIENCE = 5.0
"""Seconds in which an address must answer."""


Made = Iterator[tuple[FilePlan, dict[str, Any]]]
"""Files as they are finished, each with its entry."""


def run(shop: Workshop, files: Sequence[FilePlan], tick: Tick | None) -> Made:
    """Makes the files as tasks of the cluster that RAY_ADDRESS names, or of the one on this machine; how many at once Ray decides.

    Raises LcgenError where there is no cluster, Stopped where files are lost again and again.
    """
    try:
        import ray
    except ImportError as error:
        raise LcgenError('--executor ray needs Ray: pip install "lcgen[ray]".') from error
    ours = not ray.is_initialized()
    if ours:
        _connect(ray)
    try:
        yield from _tasks(ray, shop, files, tick)
    finally:
        if ours:
            ray.shutdown()


def _connect(ray: Any) -> None:
    address = os.environ.get("RAY_ADDRESS", "auto")
    host, colon, port = address.removeprefix("ray://").rpartition(":")
    advice = "Start one with `ray start --head`, or set RAY_ADDRESS to the address of yours."
    if colon and port.isdecimal():
        # Ray itself would try for minutes.
        try:
            socket.create_connection((host, int(port)), PATIENCE).close()
        except OSError as error:
            raise LcgenError(f"The Ray cluster at {address} does not answer ({error.strerror or error}). {advice}") from error
    try:
        ray.init(address=address, log_to_driver=False, logging_level="ERROR")
    except Exception as error:  # Ray raises many kinds
        said = "there is none on this machine" if address == "auto" else " ".join(str(error).split())[:200]
        raise LcgenError(f"Cannot connect to a Ray cluster: {said}. {advice}") from error


def _tasks(ray: Any, shop: Workshop, files: Sequence[FilePlan], tick: Tick | None) -> Made:
    from ray.exceptions import RayError
    from ray.util.queue import Queue

    suite = json.dumps(specs.plain(shop.suite))
    queue = Queue(actor_options={"num_cpus": 0}) if tick else None
    make = ray.remote(num_cpus=1, max_retries=RETRIES)(_make)
    left = {make.remote(suite, shop.out, file, queue): file for file in files}
    try:
        while left:
            done, _ = ray.wait(list(left), timeout=0.5)
            if tick and queue is not None and (waiting := queue.qsize()):
                tick(sum(queue.get_nowait_batch(waiting)))
            for task in done:
                file = left.pop(task)
                yield file, ray.get(task)
    except RayError as error:
        cause = getattr(error, "cause", None)
        if isinstance(cause, (LcgenError, OSError)):
            raise cause from error
        raise Stopped(
            f"Ray lost a file {RETRIES} times, or its cluster ({type(error).__name__}). Finished files are kept; run the same command again."
        ) from error
    finally:
        for task in left:
            ray.cancel(task, force=True)


@lru_cache(maxsize=2)
def _shop(suite: str, out: str) -> Workshop:
    """The workshop of a worker process, which makes file after file."""
    return Workshop(specs.from_plain(json.loads(suite)), out)


def _make(suite: str, out: str, file: FilePlan, queue: Any) -> dict[str, Any]:
    if queue is None:
        return _shop(suite, out).make(file)
    counter = Counter(queue)
    try:
        return _shop(suite, out).make(file, counter)
    finally:
        counter.flush()
