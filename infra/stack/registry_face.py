"""The file registry served over HTTP on loopback, for readers that know Confluent's registry."""

import json
import threading
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Final, Self
from urllib.parse import parse_qs, unquote, urlsplit

from infra.stack.registry_routes import Answer, RegistryRoutes
from schemas.registry import FileRegistry

MEDIA_TYPE: Final = "application/vnd.schemaregistry.v1+json"
MAX_BODY_BYTES: Final = 1_000_000
REQUEST_TIMEOUT_S: Final = 10.0


class RegistryFace:
    """A read-only registry on 127.0.0.1.

    Args:
        registry: The schemas it shows.
        port: 0: any free port.
    """

    def __init__(self, registry: FileRegistry, *, port: int = 0) -> None:
        self._routes = RegistryRoutes(registry)
        self._port = port
        self._server: ThreadingHTTPServer | None = None
        self._thread: threading.Thread | None = None

    def start(self) -> str:
        """Serve until stopped; the base address.

        Raises:
            OSError: The port is taken.
        """
        routes = self._routes

        class Handler(_Handler):
            def answer(self, method: str, body: bytes) -> Answer:
                parts = urlsplit(self.path)
                verbose = parse_qs(parts.query).get("verbose") == ["true"]
                return routes.answer(method, unquote(parts.path), body, verbose=verbose)

        self._server = ThreadingHTTPServer(("127.0.0.1", self._port), Handler)
        self._server.daemon_threads = True
        self._thread = threading.Thread(
            target=self._server.serve_forever, name="registry-face", daemon=True
        )
        self._thread.start()
        return f"http://127.0.0.1:{self._server.server_port}"

    def stop(self) -> None:
        """Close the port; a face that was not started is stopped."""
        if self._server is None or self._thread is None:
            return
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()
        self._server = self._thread = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    timeout = REQUEST_TIMEOUT_S
    wbufsize = -1  # headers and body in one packet: apart, the second waits 40 ms for an ACK
    disable_nagle_algorithm = True

    def answer(self, method: str, body: bytes) -> Answer:
        """Answer of the routes."""
        raise NotImplementedError

    def do_GET(self) -> None:
        self._send(self.answer("GET", b""))

    def do_POST(self) -> None:
        self._with_body("POST")

    def do_PUT(self) -> None:
        self._with_body("PUT")

    def do_DELETE(self) -> None:
        self._with_body("DELETE")

    def _with_body(self, method: str) -> None:
        length = self.headers.get("Content-Length", "0")
        if not length.isdigit() or int(length) > MAX_BODY_BYTES:
            self.close_connection = True  # the body was not read
            told = f"Content-Length is a number up to {MAX_BODY_BYTES}"
            status = HTTPStatus.REQUEST_ENTITY_TOO_LARGE
            self._send(Answer(status, {"error_code": int(status), "message": told}))
            return
        self._send(self.answer(method, self.rfile.read(int(length))))

    def _send(self, answer: Answer) -> None:
        raw = json.dumps(answer.body).encode()
        self.send_response(answer.status)
        self.send_header("Content-Type", MEDIA_TYPE)
        self.send_header("Content-Length", str(len(raw)))
        self.end_headers()
        self.wfile.write(raw)

    def log_message(self, *_: Any) -> None:
        """Say nothing: requests are routine."""
