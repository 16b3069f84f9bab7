"""Locks: one build at a time in a folder, or one process for each shard."""

from __future__ import annotations

import contextlib
import json
import os
import secrets
import socket
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

from lcgen.errors import LcgenError

BEAT = 20.0
"""Seconds between two signs of life of who holds a lock in an object store."""
STALE = 120.0
"""Seconds without one after which the lock is free."""


def taken(shown: str, whose: str) -> LcgenError:
    """The error for a folder that somebody else builds."""
    return LcgenError(f"Another lcgen ({whose}) is building {shown} right now. Wait until it ends, or choose another --out.")


@contextlib.contextmanager
def file_lock(path: Path, shown: str, shared: bool = False) -> Iterator[None]:
    """Holds a lock of the operating system, which ends with the process, however that ends. Raises LcgenError where it is held.

    Several may hold it `shared` at once, but not beside one who holds it alone. Where the system cannot share a lock, such
    holders are not told apart from nobody.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    while True:
        held = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
        try:
            if not _locked(held, shared):
                raise taken(shown, os.pread(held, 200, 0).decode(errors="replace") or "another process")
            # Who held it before may have removed the file between our opening and our locking it.
            with contextlib.suppress(FileNotFoundError):
                if os.path.samestat(os.fstat(held), path.stat()):
                    os.truncate(held, 0)
                    os.pwrite(held, f"process {os.getpid()} on {socket.gethostname()}".encode(), 0)
                    yield
                    return
        finally:
            os.close(held)


def _locked(held: int, shared: bool) -> bool:
    try:
        import fcntl
    except ImportError:
        import msvcrt

        try:
            if not shared:
                msvcrt.locking(held, msvcrt.LK_NBLCK, 1)  # type: ignore[attr-defined]  # of Windows only
        except OSError:
            return False
        return True
    try:
        fcntl.flock(held, (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


@contextlib.contextmanager
def object_lock(
    shown: str,
    read: Callable[[], bytes | None],
    write: Callable[[bytes], Any],
    remove: Callable[[], Any],
    others: Callable[[], Iterable[bytes | None]],
) -> Iterator[None]:
    """Holds a lock that is an object with signs of life, for stores without locks of their own, unless one of `others` is alive.

    It keeps out a second command by mistake. Two that begin within the same second may both get it: then files are made
    twice, with the same bytes.
    """
    mine = secrets.token_hex(8)

    def sign() -> bytes:
        return json.dumps({"owner": mine, "host": socket.gethostname(), "process": os.getpid(), "at": time.time()}).encode()

    for held in (read(), *others()):
        if (whose := _alive(held)) is not None:
            raise taken(shown, whose)
    write(sign())
    found = json.loads(read() or b"{}")
    if found.get("owner") != mine:
        raise taken(shown, f"process {found.get('process')} on {found.get('host')}")
    over = threading.Event()

    def beat() -> None:
        while not over.wait(BEAT):
            with contextlib.suppress(Exception):
                write(sign())

    signs = threading.Thread(target=beat, daemon=True)
    signs.start()
    try:
        yield
    finally:
        over.set()
        signs.join()
        with contextlib.suppress(Exception):
            remove()


def _alive(found: bytes | None) -> str | None:
    """Who holds a lock, None where nobody does any more."""
    try:
        noted = json.loads(found or b"")
        host, process, at = str(noted["host"]), int(noted["process"]), float(noted["at"])
    except (ValueError, KeyError, TypeError):
        return None
    if time.time() - at > STALE or (host == socket.gethostname() and process != os.getpid() and not _running(process)):
        return None
    return f"process {process} on {host}"


def _running(process: int) -> bool:
    if os.name != "posix":
        return True
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except OSError:
        pass
    return True
