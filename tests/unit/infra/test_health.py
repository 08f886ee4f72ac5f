"""The health server: alive, ready when every check holds, metrics as text."""

import socket
from collections.abc import Iterator

import httpx
import pytest
from prometheus_client import CollectorRegistry, Counter

from infra.health import Check, Checks, HealthServer


class Ready:
    """A check whose answer the test sets."""

    ok = False

    def __call__(self) -> Check:
        return Check(self.ok, "state loaded" if self.ok else "state not loaded")


@pytest.fixture
def ready() -> Ready:
    return Ready()


@pytest.fixture
def url(ready: Ready) -> Iterator[str]:
    registry = CollectorRegistry()
    Counter("seen", "Things seen.", registry=registry).inc(3)
    checks: Checks = {"recovered": ready, "broker": lambda: Check(ok=True)}
    with HealthServer(0, checks, registry=registry) as server:
        yield f"http://127.0.0.1:{server.port}"


def test_alive_as_long_as_it_answers(url: str) -> None:
    assert httpx.get(f"{url}/livez").json() == {"ok": True}


def test_not_ready_names_the_check_that_fails(url: str) -> None:
    answer = httpx.get(f"{url}/readyz")
    assert answer.status_code == 503
    assert answer.json()["checks"] == {
        "recovered": {"ok": False, "detail": "state not loaded"},
        "broker": {"ok": True, "detail": ""},
    }


def test_ready_when_all_checks_hold(url: str, ready: Ready) -> None:
    ready.ok = True
    answer = httpx.get(f"{url}/readyz")
    assert (answer.status_code, answer.json()["ready"]) == (200, True)


def test_metrics_are_prometheus_text(url: str) -> None:
    assert "seen_total 3.0" in httpx.get(f"{url}/metrics").text


def test_another_path_is_told_the_known_ones(url: str) -> None:
    answer = httpx.get(f"{url}/health")
    assert (answer.status_code, answer.json()["paths"]) == (404, ["/livez", "/metrics", "/readyz"])


def test_a_taken_port_is_named() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(OSError, match=f"health port 127.0.0.1:{port}"):
            HealthServer(port, {})


def test_the_port_is_given_back() -> None:
    with HealthServer(0, {}) as server:
        port = server.port
    with HealthServer(port, {}):
        assert httpx.get(f"http://127.0.0.1:{port}/livez").status_code == 200


def test_a_check_that_fails_to_answer_is_not_ready() -> None:
    def broken() -> Check:
        raise RuntimeError("no partitions yet")

    with HealthServer(0, {"broken": broken}) as server:
        answer = httpx.get(f"http://127.0.0.1:{server.port}/readyz")
    assert answer.status_code == 503
    assert answer.json()["checks"]["broken"]["detail"] == "RuntimeError: no partitions yet"
