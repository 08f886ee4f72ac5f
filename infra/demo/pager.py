"""On-call's end of the webhook: takes notifications and remembers each one."""

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self

MAX_BODY = 1_000_000


class Pager:
    """A webhook receiver on loopback, for the demo and for tests.

    Attributes:
        notifications: Bodies received so far, in order (Alertmanager webhook v4).
    """

    def __init__(self, port: int = 0) -> None:
        self.notifications: list[dict[str, Any]] = []
        self._lock = threading.Lock()
        self._server = ThreadingHTTPServer(("127.0.0.1", port), self._handler())
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)

    @property
    def url(self) -> str:
        """Address to send to."""
        return f"http://127.0.0.1:{self._server.server_address[1]}/page"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def deliveries(self, fingerprint: str, status: str | None = None) -> int:
        """Notifications that carried the alert, in that status ("firing", "resolved") or any."""
        with self._lock:
            return sum(
                any(
                    alert["fingerprint"] == fingerprint and status in (None, alert["status"])
                    for alert in body["alerts"]
                )
                for body in self.notifications
            )

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        pager = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                length = int(self.headers.get("Content-Length", "0"))
                if length > MAX_BODY:
                    self.send_error(413, f"at most {MAX_BODY} bytes")
                    return
                try:
                    body = json.loads(self.rfile.read(length))
                except json.JSONDecodeError as error:
                    self.send_error(400, f"not JSON: {error}")
                    return
                with pager._lock:
                    pager.notifications.append(body)
                self.send_response(200)
                self.end_headers()

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - as in the base
                """Stay silent: the story is told elsewhere."""

        return Handler
