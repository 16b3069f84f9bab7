"""A dataset repository on the Hub: what is there, one atomic commit, tags. Errors are for people, and never hold a token."""

from __future__ import annotations

import errno
import hashlib
import os
import re
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from lcgen.errors import CheckFailed, LcgenError

Answer = TypeVar("Answer")
Content = bytes | Path
"""What a file is to hold: bytes, or another file."""

TRIES = 5
WAIT = 1.0
"""Seconds before the second try; each later one waits twice as long, or as long as the Hub says."""
PASSING = {408, 425, 429, 500, 502, 503, 504}
"""Statuses that may pass."""
COMMIT_FILES, COMMIT_BYTES = 80, 20 * 2**30
"""What one upload brings at most: the Hub advises fewer than a hundred files a commit."""
STAGE = "lcgen-staging"


@dataclass(frozen=True)
class State:
    """A repository at one moment."""

    head: str
    """Commit of main."""
    private: bool
    gated: str | bool
    files: Mapping[str, str]
    """Path -> SHA-256 of what is large, git's SHA-1 of the rest."""


class Moved(CheckFailed):
    """Somebody else committed in the meantime."""


class Remote:
    """One dataset repository, spoken to as `huggingface_hub` is set up: its token, its endpoint, its proxies."""

    def __init__(self, name: str, write: bool = True) -> None:
        """Raises LcgenError for what is no ORG/NAME; where it is to be written, for a token that lacks."""
        import huggingface_hub
        from huggingface_hub.utils import disable_progress_bars

        if not re.fullmatch(r"[\w-][\w.-]*/[\w-][\w.-]{0,95}", name, re.ASCII):
            raise LcgenError(f"{name!r} is no repository. Write ORG/NAME: an organisation, or your own user name, and a name.")
        if not sys.stderr.isatty():
            disable_progress_bars()
        self.name = name
        self._token = huggingface_hub.get_token()
        if write and not self._token:
            raise LcgenError(
                "There is no Hub token. Run `hf auth login`, or set HF_TOKEN to one that may write to the repository."
            )
        self._api = huggingface_hub.HfApi(endpoint=os.environ.get("HF_ENDPOINT"), token=self._token or False)

    @property
    def page(self) -> str:
        """Where a person sees it."""
        return f"{self._api.endpoint}/datasets/{self.name}"

    def state(self, revision: str = "main") -> State | None:
        """What is there; None where there is no such repository."""
        try:
            info = self._ask("look at", lambda: self._api.repo_info(self.name, repo_type="dataset", revision=revision))
        except _Missing:
            return None
        tree = self._ask(
            "list", lambda: list(self._api.list_repo_tree(self.name, repo_type="dataset", revision=info.sha, recursive=True))
        )
        files = {
            entry.path: (entry.lfs.sha256 if entry.lfs else entry.blob_id) for entry in tree if getattr(entry, "blob_id", None)
        }
        return State(info.sha, bool(info.private), info.gated or False, files)

    def tags(self) -> dict[str, str]:
        """Tag -> commit."""
        refs = self._ask("list the tags of", lambda: self._api.list_repo_refs(self.name, repo_type="dataset"))
        return {ref.name: ref.target_commit for ref in refs.tags}

    def create(self, private: bool, gated: str | None) -> None:
        """Makes the repository with its gate shut before anything stands in it."""
        self._ask("create", lambda: self._api.create_repo(self.name, repo_type="dataset", private=private, exist_ok=True))
        if gated:
            self._ask("gate", lambda: self._api.update_repo_settings(self.name, repo_type="dataset", gated=gated))

    def commit(self, files: Mapping[str, Content], gone: Sequence[str], message: str, parent: str) -> str:
        """Makes main hold these files, and not those that are gone, in one commit on `parent`; gives its id.

        More files than one commit takes are sent to a branch first, piece by piece, so that the last commit moves names
        alone. A try whose answer was lost is looked for before another is made. Raises Moved where main is not at `parent`.
        """
        staged = len(files) > COMMIT_FILES or sum(_size(content) for content in files.values()) > COMMIT_BYTES
        if staged:
            self._stage(files, message, parent)
        made = self._commit("main", files, gone, message, parent)
        if staged:
            self._ask("tidy", lambda: self._api.delete_branch(self.name, branch=STAGE, repo_type="dataset"))
        return made

    def _stage(self, files: Mapping[str, Content], message: str, parent: str) -> None:
        """Sends files to a branch, as many at a time as one commit takes. What an earlier run sent is not sent again."""
        self._ask(
            "stage in",
            lambda: self._api.create_branch(self.name, branch=STAGE, revision=parent, repo_type="dataset", exist_ok=True),
        )
        there = self.state(STAGE)
        left = {path: files[path] for path in files if there is None or there.files.get(path) != oid(path, files[path], there)}
        batch: dict[str, Content] = {}
        for path, content in left.items():
            if batch and (
                len(batch) == COMMIT_FILES or sum(_size(one) for one in batch.values()) + _size(content) > COMMIT_BYTES
            ):
                self._commit(STAGE, batch, (), f"{message} (being staged)", None)
                batch = {}
            batch[path] = content
        if batch:
            self._commit(STAGE, batch, (), f"{message} (being staged)", None)

    def _commit(self, branch: str, files: Mapping[str, Content], gone: Sequence[str], message: str, parent: str | None) -> str:
        from huggingface_hub import CommitOperationAdd, CommitOperationDelete

        def send() -> str:
            added = [
                CommitOperationAdd(path, str(content) if isinstance(content, Path) else content)
                for path, content in files.items()
            ]
            removed = [CommitOperationDelete(path) for path in gone]
            made = self._api.create_commit(
                self.name, operations=[*added, *removed], commit_message=message, repo_type="dataset", revision=branch, parent_commit=parent,
            )  # fmt: skip
            return str(made.oid)

        def landed() -> str | None:
            """The commit, where a try came through although its answer did not."""
            now = self.state(branch)
            if now is None or now.head == parent or parent is None:
                return None
            same = all(now.files.get(path) == oid(path, content, now) for path, content in files.items())
            return now.head if same and not set(gone) & set(now.files) else None

        return self._ask("write to", send, landed)

    def tag(self, name: str, commit: str) -> None:
        """Names a commit."""
        self._ask(
            "tag", lambda: self._api.create_tag(self.name, tag=name, revision=commit, repo_type="dataset"),
            lambda: "" if self.tags().get(name) == commit else None,
        )  # fmt: skip

    def untag(self, name: str) -> None:
        """Forgets a tag; its commit stays in the history of main."""
        self._ask(
            "remove a tag of",
            lambda: self._api.delete_tag(self.name, tag=name, repo_type="dataset"),
            lambda: None if name in self.tags() else "",
        )

    def download(self, path: str, revision: str, folder: Path) -> Path:
        """One file at a revision, into a folder that holds nothing of it yet."""
        import huggingface_hub

        # The client would only warn of a file that is shorter than it should be and is there already: so the folder is fresh.
        return Path(
            self._ask(
                f"read {path} from",
                lambda: huggingface_hub.hf_hub_download(
                    self.name, path, repo_type="dataset", revision=revision, cache_dir=folder, token=self._token or False,
                    endpoint=self._api.endpoint, force_download=True,
                ),
            )
        )  # fmt: skip

    def _ask(self, what: str, call: Callable[[], Answer], landed: Callable[[], Answer | None] | None = None) -> Answer:
        """Calls, again and again where the fault may pass. `landed` looks whether a call whose answer was lost was done."""
        for attempt in range(TRIES):
            try:
                return call()
            except Exception as error:
                fault = _root(error)
            response = getattr(fault, "response", None)
            status = getattr(response, "status_code", None)
            if not _passing(fault, status) and not (landed and status == 412 and attempt):
                break
            if landed and (found := landed()) is not None:
                return found
            if status == 412:
                break
            if attempt < TRIES - 1:
                asked = str(getattr(response, "headers", {}).get("Retry-After", ""))
                time.sleep(min(300.0, float(asked)) if asked.isdigit() else WAIT * 2**attempt)
        raise self._said(what, fault) from None

    def _said(self, what: str, error: Exception) -> LcgenError:
        """The error in words. The package's own hold addresses and request ids, and differ between versions."""
        kinds = {kind.__name__ for kind in type(error).__mro__}
        status = getattr(getattr(error, "response", None), "status_code", None)
        doing = f"Cannot {what} {self.name}"
        # Before a download the client looks for room by itself, and raises an error that says so in words alone.
        if getattr(error, "errno", None) in (errno.ENOSPC, errno.EDQUOT) or "free disk space" in str(error):
            return LcgenError(
                f"{doing}: the disk is full. Free some space (the temporary folder takes a copy that is read back), and run the same command again."
            )
        if "OfflineModeIsEnabled" in kinds:
            return LcgenError(f"{doing}: HF_HUB_OFFLINE is set. Unset it.")
        if "GatedRepoError" in kinds:
            return LcgenError(f"{doing}: it is gated, and this token has no access.")
        if status == 401:
            if self._token is None:
                return _Missing(f"{doing}: there is no such dataset, or it is private. Run `hf auth login`, or set HF_TOKEN.")
            return LcgenError(
                f"{doing}: the Hub does not know this token; it may have expired. Run `hf auth login`, or set HF_TOKEN to a fresh one."
            )
        if "RepositoryNotFoundError" in kinds:
            return _Missing(f"{doing}: there is no such dataset, or this token may not see it.")
        if status == 403:
            return LcgenError(
                f"{doing}: this token may not. It needs the right to write there; make one in the settings of the Hub."
            )
        if status == 412:
            return Moved(
                f"Somebody else wrote to {self.name} in the meantime, so nothing was written. Look at what they did, and run the same command again."
            )
        reason = self._clean(str(error).strip().splitlines()[-1:] or [type(error).__name__])
        if isinstance(error, ValueError) and "metadata" in str(error).lower():
            return CheckFailed(f"{doing}: the Hub refuses the card: {self._clean(str(error).splitlines())}")
        if "xet" in str(error).lower() or "xet" in type(error).__module__:
            return LcgenError(
                f"{doing}: the upload through Xet failed ({reason}), and nothing was published. Run the same command again; where a "
                "network or a server knows no Xet, set HF_HUB_DISABLE_XET=1."
            )  # fmt: skip
        if _passing(error, status):
            return LcgenError(
                f"{doing}: the Hub {f'answers {status}' if status else 'does not answer'}, {TRIES} times over ({type(error).__name__}). Run the same command again later."
            )
        return LcgenError(f"{doing}: {reason}")

    def _clean(self, lines: Sequence[str]) -> str:
        """Text of somebody else's as one line, without the token."""
        text = " ".join(line.strip() for line in lines if line.strip())[:300]
        return text.replace(self._token, "***") if self._token else text


class _Missing(LcgenError):
    """There is nothing of this name that may be seen."""


def _root(error: BaseException) -> Exception:
    """What is behind an error that says no more than at which file it happened."""
    while error.__cause__ is not None and (isinstance(error, RuntimeError) or "above error" in str(error)):
        error = error.__cause__
    return error if isinstance(error, Exception) else RuntimeError(str(error))


def _passing(error: Exception, status: int | None) -> bool:
    """Whether the fault may be gone the next time."""
    if status is not None:
        return status in PASSING
    kinds = {kind.__name__ for kind in type(error).__mro__}
    return (
        bool(kinds & {"TransportError", "ConnectionError", "TimeoutError", "ReadTimeout", "ConnectTimeout"})
        and "xet" not in str(error).lower()
    )


def _size(content: Content) -> int:
    return content.stat().st_size if isinstance(content, Path) else len(content)


def oid(path: str, content: Content, state: State) -> str:
    """The hash by which the repository would name this content: of the kind that it has for the path now, if any."""
    if len(state.files.get(path, "")) == 64:
        return _sha256(content)
    data = content.read_bytes() if isinstance(content, Path) else content
    return hashlib.sha1(b"blob %d\0" % len(data) + data).hexdigest()


def _sha256(content: Content) -> str:
    if isinstance(content, bytes):
        return hashlib.sha256(content).hexdigest()
    from lcgen.vault import file_hash

    return file_hash(content)
