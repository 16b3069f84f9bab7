"""A build at a URL of fsspec: an object store, or another machine."""

from __future__ import annotations

import contextlib
import shutil
import tempfile
import weakref
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from lcgen.builders import locks
from lcgen.builders.depot import MOVING, STAGING, Stopped
from lcgen.errors import LcgenError


class Store:
    """The depot of a URL. An object is there whole or not at all.

    Moving one is a copy and a removal, and no move is taken back: the manifest comes last, and a build that stops before
    it goes on with the same command.
    """

    def __init__(self, url: str) -> None:
        import fsspec

        self.shown = url
        try:
            self._system, self._root = fsspec.core.url_to_fs(url)
        except (ImportError, ValueError) as error:
            raise LcgenError(
                f"Cannot use {url}: {' '.join(str(error).split())[:200]}. Name a folder, or a URL that fsspec knows."
            ) from error
        except Exception as error:  # Some file systems connect at once, and raise errors of their own.
            raise Stopped(f"Cannot reach {url}: {' '.join(str(error).split())[:200]}. Choose another --out.") from error
        self._root = self._root.rstrip("/")
        # Copies of what lies there: a folder of this depot's own, so that nobody finds what another left.
        self._copies = Path(tempfile.mkdtemp(prefix="lcgen-"))
        weakref.finalize(self, shutil.rmtree, self._copies, ignore_errors=True)

    def _at(self, name: str) -> str:
        return f"{self._root}/{name}"

    @contextlib.contextmanager
    def _asked(self) -> Iterator[None]:
        """Clients of stores raise errors of their own families."""
        try:
            yield
        except (LcgenError, OSError, AssertionError):
            raise
        except Exception as error:
            raise OSError(f"{type(error).__name__}: {' '.join(str(error).split())[:200]}") from error

    def read(self, name: str) -> bytes | None:
        with self._asked():
            try:
                return bytes(self._system.cat_file(self._at(name)))
            except FileNotFoundError:
                return None

    def write(self, name: str, data: bytes) -> None:
        with self._asked():
            self._system.makedirs(self._at(name).rpartition("/")[0], exist_ok=True)
            self._system.pipe_file(self._at(name), data)

    def names(self, below: str) -> list[str]:
        with self._asked():
            self._system.invalidate_cache()
            try:
                found = self._system.find(self._at(below))
            except FileNotFoundError:
                return []
        return sorted(path[path.index(self._root) + len(self._root) + 1 :] for path in found)

    def empty(self) -> bool:
        return all(name.startswith(f"{STAGING}/") for name in self.names(""))

    @contextlib.contextmanager
    def making(self, name: str) -> Iterator[Path]:
        with tempfile.TemporaryDirectory(prefix="lcgen-") as folder:
            path = Path(folder) / name.rpartition("/")[2]
            yield path
            self._put(path, name)

    def _put(self, path: Path, name: str) -> None:
        with self._asked():
            self._system.makedirs(self._at(name).rpartition("/")[0], exist_ok=True)
            self._system.put_file(str(path), self._at(name))

    def stands(self, name: str, entry: Mapping[str, Any]) -> bool:
        # Whether it was sent whole is the store's promise; `lcgen verify` reads it again.
        with self._asked():
            try:
                return bool(self._system.info(self._at(name))["size"] == entry["bytes"])
            except FileNotFoundError:
                return False

    def owns(self, name: str) -> bool:
        with self._asked():
            return bool(self._system.isfile(self._at(name)))

    def local(self, name: str) -> Path:
        path = self._copies / name
        if not path.is_file():
            path.parent.mkdir(parents=True, exist_ok=True)
            with self._asked():
                self._system.get_file(self._at(name), str(path))
        return path

    @contextlib.contextmanager
    def workplace(self) -> Iterator[Path]:
        with tempfile.TemporaryDirectory(prefix="lcgen-") as folder:
            yield Path(folder)

    @contextlib.contextmanager
    def lock(self, shard: str | None = None) -> Iterator[None]:
        whole = f"{STAGING}/lock"
        name = f"{whole}-{shard}" if shard else whole

        def others() -> list[bytes | None]:
            """The lock of the whole bars each shard, that of a shard bars the whole."""
            found = [whole] if shard else self.names(STAGING)
            return [self.read(one) for one in found if one != name and one.startswith(whole)]

        # What was copied before others could not write any more may be old.
        shutil.rmtree(self._copies, ignore_errors=True)
        with locks.object_lock(
            self.shown,
            lambda: self.read(name),
            lambda data: self.write(name, data),
            lambda: self._system.rm_file(self._at(name)),
            others,
        ):
            yield

    def settle(self, data: Sequence[str], made: Path, others: Sequence[str], gone: Sequence[str]) -> None:
        self.write(f"{STAGING}/{MOVING}", b"")
        with self._asked():
            for name in data:
                self._system.makedirs(self._at(name).rpartition("/")[0], exist_ok=True)
                self._system.mv(self._at(f"{STAGING}/{name}"), self._at(name))
            for name in gone:
                self._system.rm_file(self._at(name))
        for name in others:
            self._put(made / name, name)
        self.clear()

    def clear(self) -> None:
        for name in self.names(STAGING):
            if not name.startswith(f"{STAGING}/lock"):
                with self._asked():
                    self._system.rm_file(self._at(name))
