"""What a receiver's answer leads to: taken, tried again, refused."""

import io
import json
import threading
from typing import Any

import pytest

from consumers.oncall.delivery import (
    Answer,
    ReceiverBusyError,
    StdoutReceiver,
    StoppedError,
    WebhookReceiver,
    deliver,
)
from tests.webhook_receiver import CLOSE, HANG, webhook_server

BODY = {"alerts": [], "status": "firing"}


def _told(answers: list[int], *, timeout_s: float = 5.0) -> tuple[Answer, int]:
    with webhook_server(answers) as server:
        receiver = WebhookReceiver(server.url, timeout_s)
        try:
            answer = deliver(
                receiver,
                BODY,
                give_up_after_s=60.0,
                stop=threading.Event(),
                sleep=lambda _: None,
            )
        finally:
            receiver.close()
        assert server.bodies == [BODY] * len(server.bodies)
        return answer, len(server.bodies)


@pytest.mark.parametrize(
    ("answers", "attempts"),
    [
        ([], 1),
        ([204], 1),
        ([500], 2),
        ([429, 503, 502], 4),
        ([CLOSE], 2),
        ([CLOSE, 500, CLOSE], 4),
    ],
)
def test_it_is_tried_until_it_is_taken(answers: list[int], attempts: int) -> None:
    assert _told(answers) == (Answer(attempts), attempts)


def test_a_receiver_that_hangs_is_let_go_and_tried_again() -> None:
    assert _told([HANG], timeout_s=0.3) == (Answer(2), 2)


@pytest.mark.parametrize("status", [301, 400, 401, 404, 410])
def test_a_receiver_that_says_no_is_not_asked_again(status: int) -> None:
    answer, requests = _told([status])
    assert requests == 1
    assert answer.error == f"answered {status}, which is not tried again"


def test_nobody_listening_is_tried_again() -> None:
    with webhook_server() as server:
        url = server.url
    receiver = WebhookReceiver(url, 1.0)
    with pytest.raises(ReceiverBusyError, match="ConnectError"):
        receiver.send(BODY)
    receiver.close()


@pytest.mark.parametrize(
    "url", ["", "pager.example/hook", "ftp://pager/secret", "http://", "http://a b:x/secret"]
)
def test_an_address_that_is_none_stops_the_start_without_showing_it(url: str) -> None:
    with pytest.raises(ValueError, match="webhook_url") as caught:
        WebhookReceiver(url, 1.0)
    assert "secret" not in str(caught.value)


class _Busy:
    name = "busy"

    def __init__(self) -> None:
        self.asked = 0

    def send(self, body: dict[str, Any]) -> None:
        self.asked += 1
        raise ReceiverBusyError(f"{len(body)} fields are too many now")

    def close(self) -> None:
        """Nothing to give back."""


def test_it_gives_up_after_the_limit_and_names_it() -> None:
    busy = _Busy()
    answer = deliver(busy, BODY, give_up_after_s=0.0, stop=threading.Event())
    assert answer.attempts == busy.asked == 1
    assert answer.error == "gave up after 0 s; last: 2 fields are too many now"


def test_a_stop_ends_the_waiting_and_leaves_it_untold() -> None:
    stop = threading.Event()

    def sleep(_seconds: float) -> None:
        stop.set()

    with pytest.raises(StoppedError):
        deliver(_Busy(), BODY, give_up_after_s=60.0, stop=stop, sleep=sleep)


def test_waits_grow_with_jitter_and_stay_below_the_longest() -> None:
    waits: list[float] = []
    stop = threading.Event()

    def sleep(seconds: float) -> None:
        waits.append(seconds)
        if len(waits) == 200:
            stop.set()

    with pytest.raises(StoppedError):
        deliver(_Busy(), BODY, give_up_after_s=3600.0, stop=stop, sleep=sleep)
    assert waits[0] <= 0.5
    assert 5.0 < max(waits) <= 30.0
    assert len(set(waits)) == len(waits)


def test_stdout_tells_a_line_for_each_alert() -> None:
    out = io.StringIO()
    labels = {"severity": "page", "alertname": "LatencySLOBurn"}
    alert = {"status": "firing", "labels": labels, "annotations": {"summary": "slow\nindeed"}}
    StdoutReceiver(out).send({"alerts": [alert, alert]})
    lines = [json.loads(line) for line in out.getvalue().splitlines()]
    assert (
        lines
        == [
            {
                "status": "firing",
                "severity": "page",
                "alertname": "LatencySLOBurn",
                "summary": "slow\nindeed",
            }
        ]
        * 2
    )
