"""A Hub on the loopback: datasets only, in memory, enough of the protocol for `huggingface_hub` and `datasets`.

It is a server of its own, not a mock: clients reach it by HTTP and do not know. It can be told to fail (`Hub.fail`).
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Literal
from urllib.parse import parse_qs, unquote, urlsplit

import yaml

OWNER, STRANGER = "hf_owner_secret", "hf_stranger_secret"
"""The token that may write, and one that is known and may not see what is private or gated."""
LARGE = re.compile(r"\.(parquet|arrow|npy|zip|gz)$")
"""What goes through LFS whatever its size."""
CHUNK = 64 * 2**10
"""Bytes of a part of a multipart upload; a file of more goes in parts where `Hub.multipart` is set."""


@dataclass(frozen=True)
class Blob:
    data: bytes
    lfs: bool

    @property
    def oid(self) -> str:
        """As the Hub names it: SHA-256 of what is large, git's SHA-1 of the rest."""
        if self.lfs:
            return hashlib.sha256(self.data).hexdigest()
        return hashlib.sha1(b"blob %d\0" % len(self.data) + self.data).hexdigest()


@dataclass(frozen=True)
class Commit:
    sha: str
    parent: str | None
    title: str
    tree: dict[str, Blob]


@dataclass
class Repository:
    name: str
    private: bool = False
    gated: Any = False
    commits: dict[str, Commit] = field(default_factory=dict)
    branches: dict[str, str] = field(default_factory=dict)
    tags: dict[str, str] = field(default_factory=dict)

    def commit(self, branch: str, title: str, tree: dict[str, Blob]) -> Commit:
        parent = self.branches.get(branch)
        listed = json.dumps([parent, title, sorted((path, blob.oid) for path, blob in tree.items()), len(self.commits)])
        made = Commit(hashlib.sha1(listed.encode()).hexdigest(), parent, title, tree)
        self.commits[made.sha], self.branches[branch] = made, made.sha
        return made

    def at(self, revision: str) -> Commit | None:
        sha = self.branches.get(revision) or self.tags.get(revision) or revision
        return self.commits.get(sha)

    def history(self, revision: str = "main") -> list[Commit]:
        """Newest first."""
        found, now = [], self.at(revision)
        while now is not None:
            found.append(now)
            now = self.commits.get(now.parent or "")
        return found


@dataclass
class Fault:
    """What goes wrong when a request fits: a status, a cut before the answer, one after the work is done, or wrong bytes."""

    method: str
    path: re.Pattern[str]
    how: int | Literal["cut", "cut after", "corrupt"] | Callable[[], None]
    times: int


class Refused(Exception):
    def __init__(self, status: int, code: str = "", message: str = "") -> None:
        self.status, self.code, self.message = status, code, message


class Hub:
    """The state of the server, and what tests ask of it."""

    def __init__(self) -> None:
        self.repositories: dict[str, Repository] = {}
        self.store: dict[str, bytes] = {}
        self.parts: dict[str, dict[int, bytes]] = {}
        self.faults: list[Fault] = []
        self.log: list[tuple[str, str, int]] = []
        """Method, path and status of every request."""
        self.multipart = False
        self.url = ""
        self.lock = threading.RLock()

    def fail(self, method: str, path: str, how: Any, times: int = 1) -> None:
        """The next `times` requests of this method, whose path holds this pattern, fail so; a callable is run before."""
        self.faults.append(Fault(method, re.compile(path), how, times))

    def fault(self, method: str, path: str) -> Any:
        with self.lock:
            for fault in self.faults:
                if fault.times and fault.method == method and fault.path.search(path):
                    fault.times -= 1
                    return fault.how
        return None

    def count(self, method: str, path: str) -> int:
        """How many requests fitted so far."""
        return sum(found == method and bool(re.search(path, said)) for found, said, _ in self.log)

    def __getitem__(self, name: str) -> Repository:
        return self.repositories[name]


def serve(handler: Handler, hub: Hub, path: str, query: dict[str, list[str]], body: bytes) -> None:
    """Answers one request, or raises Refused."""
    method, token = handler.command, handler.token
    if path == "/api/whoami-v2":
        if not token:
            raise Refused(401, message="Invalid credentials")
        auth = {"type": "access_token", "accessToken": {"displayName": "t", "role": "write"}}
        return handler.reply({"type": "user", "name": "org", "fullname": "Org", "orgs": [], "auth": auth})
    if path == "/api/validate-yaml":
        said = validated(json.loads(body)["content"])
        return handler.reply(said, 400 if said["errors"] else 200)
    if path in ("/api/repos/create", "/api/repos/delete"):
        return administer(handler, hub, path, json.loads(body))
    if match := re.fullmatch(r"/lfs/(\w+)(?:/(\w+))?", path):
        return large(handler, hub, match[1], match[2] or "", body)
    match = re.fullmatch(r"(/api)?/datasets/([\w.-]+/[\w.-]+?)(\.git)?(?:/(.*))?", path)
    if not match:
        raise Refused(404, "EntryNotFound", f"no route {method} {path}")
    name, rest = match[2], match[4] or ""
    repository = hub.repositories.get(name)
    writes = match[3] is not None or (method in ("POST", "PUT", "DELETE") and not rest.startswith("paths-info"))
    if repository is None or (repository.private and token != OWNER):
        raise Refused(404 if token else 401, "RepoNotFound", "Repository not found")
    if writes and token != OWNER:
        raise Refused(403 if token else 401, message="You have no right to write here" if token else "Invalid credentials")
    verb, _, rest = rest.partition("/")
    if match[1] is None and verb == "resolve" and repository.gated and token != OWNER:
        raise Refused(403 if token else 401, "GatedRepo", "Access to this dataset is restricted")
    if match[3]:
        return batch(handler, hub, json.loads(body))
    return (web if match[1] is None else api)(handler, hub, repository, verb, rest, query, body)


def validated(content: str) -> dict[str, Any]:
    """What the Hub says of a card's head: the keys that it checks, by its own rules as far as they are known."""
    errors = []
    match = re.match(r"---\n(.*?)\n---", content, re.S)
    try:
        head = yaml.safe_load(match[1]) if match else {}
    except yaml.YAMLError as error:
        return {"errors": [{"message": f"YAML does not parse: {error}"}], "warnings": []}
    sizes = [f"{low}<n<{high}" for low, high in zip(("1K", "10K", "100K", "1M", "10M"), ("10K", "100K", "1M", "10M", "100M"))]
    if not set(head.get("size_categories", [])) <= {"n<1K", *sizes}:
        errors.append({"message": "size_categories must be one of the known ones"})
    if "license" in head and head["license"] == "other" and not ({"license_name", "license_link"} <= set(head)):
        errors.append({"message": "license: other needs license_name and license_link"})
    if not all(re.fullmatch(r"[a-z]{2,3}", code) for code in head.get("language", [])):
        errors.append({"message": "language must be ISO codes"})
    names = [config.get("config_name") for config in head.get("configs", [])]
    if len(set(names)) < len(names) or any(not name or re.search(r"[<>:/\\|?*]", name) for name in names):
        errors.append({"message": "configs need names of their own, without < > : / \\ | ? *"})
    if sum(bool(config.get("default")) for config in head.get("configs", [])) > 1:
        errors.append({"message": "only one config may be the default"})
    for config in head.get("configs", []):
        files = config.get("data_files")
        for item in files if isinstance(files, list) else []:
            if isinstance(item, dict) and (
                set(item) != {"split", "path"} or not re.fullmatch(r"\w+(\.\w+)*", str(item["split"]))
            ):
                errors.append({"message": f"data_files of {config['config_name']} need split and path"})
    infos = head.get("dataset_info", [])
    for info in infos if isinstance(infos, list) else [infos]:
        if not all(isinstance(split.get("num_examples"), int) for split in info.get("splits", [])):
            errors.append({"message": "dataset_info.splits need num_examples"})
    return {"errors": errors, "warnings": []}


def administer(handler: Handler, hub: Hub, path: str, asked: dict[str, Any]) -> None:
    if handler.token != OWNER:
        raise Refused(403 if handler.token else 401, message="You have no right to create here")
    name = f"{asked.get('organization') or 'org'}/{asked['name']}"
    if path.endswith("delete"):
        hub.repositories.pop(name, None)
        return handler.reply({})
    if name in hub.repositories:
        return handler.reply({"url": f"{hub.url}/datasets/{name}", "error": "You already created this dataset"}, 409)
    private = asked.get("visibility") == "private" or bool(asked.get("private"))
    hub.repositories[name] = made = Repository(name, private)
    made.commit("main", "initial commit", {".gitattributes": Blob(b"*.parquet filter=lfs diff=lfs merge=lfs -text\n", False)})
    return handler.reply({"url": f"{hub.url}/datasets/{name}"})


def batch(handler: Handler, hub: Hub, asked: dict[str, Any]) -> None:
    """Where objects are to be sent: nowhere for those that are there."""
    objects, many = [], False
    for one in asked["objects"]:
        oid, size = one["oid"], one["size"]
        if oid in hub.store:
            objects.append({"oid": oid, "size": size})
            continue
        header = {}
        if many := hub.multipart and size > CHUNK:
            header = {f"{n + 1:05d}": f"{hub.url}/lfs/{oid}/{n + 1}" for n in range(-(-size // CHUNK))}
            header["chunk_size"] = str(CHUNK)
        verify = {"href": f"{hub.url}/lfs/{oid}/verify", "header": {}}
        upload = {"href": f"{hub.url}/lfs/{oid}" + ("/complete" if many else ""), "header": header}
        objects.append({"oid": oid, "size": size, "actions": {"upload": upload, "verify": verify}})
    return handler.reply({"transfer": "multipart" if many else "basic", "objects": objects})


def large(handler: Handler, hub: Hub, oid: str, step: str, body: bytes) -> None:
    """One object, or a part of it; what is stored has the hash that it was named by."""
    if step == "verify":
        return handler.reply({}, 200 if oid in hub.store else 404)
    if step.isdigit():
        hub.parts.setdefault(oid, {})[int(step)] = body
        return handler.reply({}, headers={"ETag": f'"{step}"'})
    data = b"".join(part for _, part in sorted(hub.parts.pop(oid, {}).items())) if step == "complete" else body
    if hashlib.sha256(data).hexdigest() != oid:
        raise Refused(400, message="the object has another hash")
    hub.store[oid] = data
    return handler.reply({})


def listed(path: str, blob: Blob) -> dict[str, Any]:
    found: dict[str, Any] = {"type": "file", "path": path, "size": len(blob.data), "oid": blob.oid}
    if blob.lfs:
        found["lfs"] = {"oid": blob.oid, "size": len(blob.data), "pointerSize": 130}
    return found


def api(
    handler: Handler, hub: Hub, repository: Repository, verb: str, rest: str, query: dict[str, list[str]], body: bytes
) -> None:
    method = handler.command
    if verb == "settings":
        asked = json.loads(body)
        repository.gated = asked.get("gated", repository.gated)
        repository.private = asked.get("visibility", "private" if repository.private else "public") == "private"
        return handler.reply({})
    if verb == "refs":
        kinds = (("branches", repository.branches, "heads"), ("tags", repository.tags, "tags"))
        shown = {
            kind: [{"name": name, "ref": f"refs/{folder}/{name}", "targetCommit": sha} for name, sha in refs.items()]
            for kind, refs, folder in kinds
        }
        return handler.reply({**shown, "converts": [], "pullRequests": []})
    if verb in ("tag", "branch"):
        return refer(handler, repository, verb, unquote(rest), json.loads(body or b"{}"))
    if verb == "commit":
        return commit(handler, hub, repository, unquote(rest), [json.loads(line) for line in body.splitlines() if line.strip()])
    revision, _, below = rest.partition("/")
    now = repository.at(unquote(revision) or "main")
    if now is None:
        raise Refused(404, "RevisionNotFound", "Invalid rev id")
    if verb in ("", "revision"):
        siblings = [{"rfilename": path, "size": len(blob.data), "blobId": blob.oid} for path, blob in sorted(now.tree.items())]
        date = "2026-01-01T00:00:00.000Z"
        return handler.reply(
            {"_id": "1", "id": repository.name, "author": repository.name.split("/")[0], "sha": now.sha, "private": repository.private,
             "gated": repository.gated, "disabled": False, "downloads": 0, "likes": 0, "tags": [], "lastModified": date, "createdAt": date,
             "siblings": siblings}
        )  # fmt: skip
    if verb == "preupload":
        files = []
        for one in json.loads(body)["files"]:
            known = now.tree.get(one["path"])
            mode = "lfs" if LARGE.search(one["path"]) or one["size"] > 10 * 2**20 else "regular"
            files.append(
                {"path": one["path"], "uploadMode": mode, "shouldIgnore": False, **({"oid": known.oid} if known else {})}
            )
        return handler.reply({"files": files})
    if verb == "commits":
        history = repository.history(now.sha)
        return handler.reply([
            {"id": one.sha, "title": one.title, "message": "", "date": "2026-01-01T00:00:00.000Z", "authors": [{"user": "org"}]}
            for one in history
        ])  # fmt: skip
    if verb == "paths-info":
        paths = json.loads(body)["paths"] if body.startswith(b"{") else parse_qs(body.decode()).get("paths", [])
        return handler.reply([listed(path, now.tree[path]) for path in paths if path in now.tree])
    if verb == "tree":
        root = unquote(below).strip("/")
        inside = {path: blob for path, blob in now.tree.items() if not root or path.startswith(root + "/")}
        if root and not inside:
            raise Refused(404, "EntryNotFound", "Entry not found")
        deep = query.get("recursive", ["False"])[0].lower() == "true"
        start = len(root) + 1 if root else 0
        files = [listed(path, blob) for path, blob in sorted(inside.items()) if deep or "/" not in path[start:]]
        ends = {path[: path.index("/", at)] for path in inside for at in range(start, len(path)) if path[at] == "/"}
        folders = [{"type": "directory", "path": path, "oid": "0" * 40, "size": 0} for path in sorted(ends)]
        return handler.reply([*(one for one in folders if deep or "/" not in one["path"][start:]), *files])
    raise Refused(404, "EntryNotFound", f"no route {method} {verb}")


def refer(handler: Handler, repository: Repository, verb: str, rest: str, asked: dict[str, Any]) -> None:
    """Makes and removes tags and branches."""
    refs = repository.tags if verb == "tag" else repository.branches
    if handler.command == "DELETE":
        if refs.pop(rest, None) is None:
            raise Refused(404, "RevisionNotFound", "no such reference")
        return handler.reply({})
    name, origin = (asked["tag"], rest) if verb == "tag" else (rest, asked.get("startingPoint", "main"))
    if name in refs:
        raise Refused(409, message="Reference already exists")
    if (start := repository.at(origin)) is None:
        raise Refused(404, "RevisionNotFound", "Invalid rev id")
    refs[name] = start.sha
    return handler.reply({})


def commit(handler: Handler, hub: Hub, repository: Repository, branch: str, lines: list[dict[str, Any]]) -> None:
    if branch not in repository.branches:
        raise Refused(404, "RevisionNotFound", "Invalid rev id")
    with hub.lock:
        head = lines[0]["value"]
        if (parent := head.get("parentCommit")) and parent != repository.branches[branch]:
            raise Refused(412, message="A commit has happened since. Please refresh and try again.")
        tree = dict(repository.commits[repository.branches[branch]].tree)
        for line in lines[1:]:
            value = line["value"]
            if line["key"] == "file":
                tree[value["path"]] = Blob(base64.b64decode(value["content"]), False)
            elif line["key"] == "lfsFile":
                if value["oid"] not in hub.store:
                    raise Refused(400, message=f"the object of {value['path']} was never sent")
                tree[value["path"]] = Blob(hub.store[value["oid"]], True)
            else:
                gone = value["path"].rstrip("/")
                tree = {path: blob for path, blob in tree.items() if path != gone and not path.startswith(gone + "/")}
        made = repository.commit(branch, head["summary"], tree)
    url = f"{hub.url}/datasets/{repository.name}/commit/{made.sha}"
    return handler.reply({"success": True, "commitOid": made.sha, "commitUrl": url})


def web(
    handler: Handler, hub: Hub, repository: Repository, verb: str, rest: str, query: dict[str, list[str]], body: bytes
) -> None:
    """Downloads."""
    revision, _, path = rest.partition("/")
    now = repository.at(unquote(revision))
    if verb != "resolve" or now is None:
        raise Refused(404, "RevisionNotFound", "Invalid rev id")
    blob = now.tree.get(unquote(path))
    if blob is None:
        return handler.reply({"error": "Entry not found"}, 404, {"X-Error-Code": "EntryNotFound", "X-Repo-Commit": now.sha})
    headers = {"X-Repo-Commit": now.sha, "ETag": f'"{blob.oid}"', "Accept-Ranges": "bytes"}
    if blob.lfs:
        headers |= {"X-Linked-Etag": f'"{blob.oid}"', "X-Linked-Size": str(len(blob.data))}
    data, status = blob.data, 200
    if span := re.fullmatch(r"bytes=(\d+)-(\d*)", handler.headers.get("Range", "")):
        low, high = int(span[1]), min(int(span[2] or len(data)), len(data) - 1)
        headers["Content-Range"] = f"bytes {low}-{high}/{len(data)}"
        data, status = data[low : high + 1], 206
    return handler.send(status, data, headers)


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    # Head and body leave in two writes; the second would wait 40 ms for the receipt of the first.
    disable_nagle_algorithm = True
    hub: Hub
    fault: Any = None

    @property
    def token(self) -> str:
        """The token of a known caller, else nothing."""
        said = self.headers.get("Authorization", "").removeprefix("Bearer ")
        return said if said in (OWNER, STRANGER) else ""

    def reply(self, value: Any, status: int = 200, headers: dict[str, str] | None = None) -> None:
        self.send(status, json.dumps(value).encode(), {"Content-Type": "application/json", **(headers or {})})

    def send(self, status: int, data: bytes, headers: dict[str, str]) -> None:
        self.status = status
        if self.fault == "cut after":
            return self.cut()
        if self.fault == "corrupt" and data:
            data = bytes([data[0] ^ 1]) + data[1:]
        self.send_response(status)
        for name, value in {**headers, "Content-Length": str(len(data))}.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(data)
        return None

    def cut(self) -> None:
        self.close_connection = True
        self.connection.shutdown(2)

    def _body(self) -> bytes:
        if self.headers.get("Transfer-Encoding", "").lower() != "chunked":
            return self.rfile.read(int(self.headers.get("Content-Length", 0)))
        pieces = []
        while size := int(self.rfile.readline().split(b";")[0], 16):
            pieces.append(self.rfile.read(size))
            self.rfile.readline()
        self.rfile.readline()
        return b"".join(pieces)

    def answer(self) -> None:
        parts = urlsplit(self.path)
        self.status, self.fault = 0, self.hub.fault(self.command, self.path)
        try:
            if self.fault == "cut":
                # In the middle of what the client sends, where it sends anything.
                self.rfile.read(min(1024, int(self.headers.get("Content-Length", 0))))
                return self.cut()
            body = self._body()
            if callable(self.fault):
                self.fault()
            if isinstance(self.fault, int):
                raise Refused(self.fault, message="told to fail")
            serve(self, self.hub, parts.path, parse_qs(parts.query), body)
        except Refused as refused:
            headers = {"X-Error-Message": refused.message} | ({"X-Error-Code": refused.code} if refused.code else {})
            self.reply({"error": refused.message}, refused.status, headers)
        except (BrokenPipeError, ConnectionError):
            self.close_connection = True
        finally:
            self.hub.log.append((self.command, self.path, self.status))

    do_GET = do_HEAD = do_POST = do_PUT = do_DELETE = answer

    def log_message(self, format: str, *args: Any) -> None:
        """Nothing on stderr: `Hub.log` has it."""


@contextmanager
def hub() -> Iterator[Hub]:
    """A running Hub."""
    state = Hub()
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Bound", (Handler,), {"hub": state}))
    server.daemon_threads = True
    state.url = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        yield state
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
