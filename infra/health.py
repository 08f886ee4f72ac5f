"""What a process tells about itself over HTTP: /livez, /readyz and /metrics."""

import json
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Final, Self

from prometheus_client import CONTENT_TYPE_LATEST, REGISTRY, CollectorRegistry, generate_latest

LOOPBACK: Final = "127.0.0.1"


@dataclass(frozen=True, slots=True)
class Check:
    """Answer of one check: whether it holds, and a sentence about it."""

    ok: bool
    detail: str = ""


Checks = Mapping[str, Callable[[], Check]]


class HealthServer:
    """Serves health and metrics from a thread of its own.

    /livez answers while the process does; /readyz answers 200 when every check holds and 503
    otherwise, its JSON body names each check; /metrics is Prometheus text.

    Args:
        port: Port to listen on; 0 takes a free one, see `port`.
        checks: Called for each /readyz, from the server's thread; they must not block.
        registry: Whose metrics are served.

    Raises:
        OSError: The port is taken; the message names it.
    """

    def __init__(
        self,
        port: int,
        checks: Checks,
        *,
        registry: CollectorRegistry = REGISTRY,
    ) -> None:
        try:
            self._server = _Server((LOOPBACK, port), _Handler)
        except OSError as error:
            raise OSError(
                error.errno, f"health port {LOOPBACK}:{port}: {error.strerror}; choose another"
            ) from error
        self._server.checks = checks
        self._server.registry = registry
        self._thread = threading.Thread(
            target=self._server.serve_forever, args=(0.1,), name="health", daemon=True
        )

    @property
    def port(self) -> int:
        """Port it listens on."""
        return int(self._server.server_address[1])

    def start(self) -> None:
        """Begin to answer."""
        self._thread.start()

    def close(self) -> None:
        """Stop answering and give the port back."""
        if self._thread.is_alive():
            self._server.shutdown()
            self._thread.join()
        self._server.server_close()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


def _asked(check: Callable[[], Check]) -> Check:
    try:
        return check()
    except Exception as error:  # noqa: BLE001 - whatever it is, this process is not known to be ready
        return Check(ok=False, detail=f"{type(error).__name__}: {error}")


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    checks: Checks
    registry: CollectorRegistry


class _Handler(BaseHTTPRequestHandler):
    server: _Server

    def do_GET(self) -> None:
        """Answer one request."""
        answers: dict[str, Callable[[], tuple[int, str, bytes]]] = {
            "/livez": lambda: (200, "application/json", b'{"ok": true}'),
            "/readyz": self._ready,
            "/metrics": lambda: (200, CONTENT_TYPE_LATEST, generate_latest(self.server.registry)),
        }
        answer = answers.get(self.path.split("?", 1)[0])
        known = json.dumps({"paths": sorted(answers)}).encode()
        status, kind, body = answer() if answer else (404, "application/json", known)
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - http.server's name
        """Health requests are no news."""

    def _ready(self) -> tuple[int, str, bytes]:
        found = {name: _asked(check) for name, check in self.server.checks.items()}
        ready = all(check.ok for check in found.values())
        body = {
            "ready": ready,
            "checks": {
                name: {"ok": check.ok, "detail": check.detail} for name, check in found.items()
            },
        }
        return 200 if ready else 503, "application/json", json.dumps(body).encode()
