"""An OpenAI-compatible server on loopback that answers as it is told: what stands between a batch of requests and its output."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.request import Request, urlopen

Said = tuple[str, str]
"""What is answered, and why it ended."""


@contextmanager
def serving(answer: Callable[[str], Said]) -> Iterator[str]:
    """The URL of a server that answers the last user message, or the prompt."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            chat = self.path == "/v1/chat/completions"
            assert body["max_tokens"] > 0 and body["model"]
            text, reason = answer(body["messages"][-1]["content"] if chat else body["prompt"])
            said: dict[str, Any] = {"index": 0, "finish_reason": reason}
            said |= {"message": {"role": "assistant", "content": text}} if chat else {"text": text}
            out = json.dumps({"id": "x", "object": "chat.completion", "model": body["model"], "choices": [said]}).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(out)))
            self.end_headers()
            self.wfile.write(out)

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def run_batch(requests: Path, url: str, out: Path) -> None:
    """Sends each line of a file of batch requests, and writes what a batch's output file holds."""
    with out.open("a", encoding="utf-8") as file:
        for line in filter(None, requests.read_text(encoding="utf-8").split("\n")):
            request = json.loads(line)
            sent = Request(url + request["url"], json.dumps(request["body"]).encode(), {"Content-Type": "application/json"})
            with urlopen(sent, timeout=20) as reply:
                body = json.loads(reply.read())
            line = {"id": "b", "custom_id": request["custom_id"], "response": {"status_code": 200, "body": body}, "error": None}
            file.write(json.dumps(line) + "\n")
