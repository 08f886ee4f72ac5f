"""A webhook receiver on loopback that answers as it is told to."""

import json
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Final

CLOSE: Final = -1
HANG: Final = 0


class WebhookServer(ThreadingHTTPServer):
    """Answers each request with the next of `answers`, 200 once they are used up.

    CLOSE closes the connection without an answer; HANG answers only when the server ends.

    Attributes:
        bodies: What was posted, in order, whatever was answered.
        headers: What came with each.
        arrived_us: When each came, UTC microseconds.
        headers_told: Sent with each answer.
    """

    daemon_threads = True

    def __init__(
        self, answers: Sequence[int] = (), headers: Mapping[str, str] | None = None
    ) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.answers = list(answers)
        self.bodies: list[dict[str, Any]] = []
        self.headers: list[dict[str, str]] = []
        self.arrived_us: list[int] = []
        self.headers_told = dict(headers or {})
        self.ended = threading.Event()
        self.lock = threading.Lock()

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self.server_address[1]}/hook"


class _Handler(BaseHTTPRequestHandler):
    server: WebhookServer

    def do_POST(self) -> None:
        """Take a notification."""
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        with self.server.lock:
            self.server.bodies.append(body)
            self.server.headers.append(dict(self.headers))
            self.server.arrived_us.append(time.time_ns() // 1_000)
            answer = self.server.answers.pop(0) if self.server.answers else 200
        if answer == HANG:
            self.server.ended.wait(30)
            answer = CLOSE
        if answer == CLOSE:
            self.close_connection = True
            return
        self.send_response(answer)
        said = b"" if answer in {204, 304} else b"as told"
        for name, value in self.server.headers_told.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(said)))
        self.end_headers()
        self.wfile.write(said)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - http.server's name
        """Requests are no news."""


@contextmanager
def webhook_server(
    answers: Sequence[int] = (), headers: Mapping[str, str] | None = None
) -> Iterator[WebhookServer]:
    """A receiver that runs while the block does."""
    server = WebhookServer(answers, headers)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.ended.set()
        server.shutdown()
        thread.join()
        server.server_close()
