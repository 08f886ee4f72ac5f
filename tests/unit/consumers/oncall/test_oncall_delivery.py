"""What a receiver's answer leads to: taken, tried again, refused."""

import threading
from email.utils import formatdate
from types import SimpleNamespace

import pytest
from pydantic import SecretStr

from consumers.oncall import posting
from consumers.oncall.delivery import Answer, ReceiverBusyError, StoppedError, deliver
from consumers.oncall.notification import Notification
from consumers.oncall.posting import Post
from consumers.oncall.webhook import WebhookReceiver, body
from tests.alert_steps import notification
from tests.webhook_receiver import CLOSE, HANG, webhook_server

TOLD = notification()
NOW_S = 1_763_769_600


def _told(answers: list[int], *, timeout_s: float = 5.0) -> tuple[Answer, int]:
    with webhook_server(answers) as server:
        receiver = WebhookReceiver("webhook", Post(server.url, timeout_s))
        try:
            answer = deliver(
                receiver,
                TOLD,
                give_up_after_s=60.0,
                stop=threading.Event(),
                sleep=lambda _: None,
            )
        finally:
            receiver.close()
        assert server.bodies == [body(TOLD, "webhook")] * len(server.bodies)
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
    assert answer.error == f"answered {status}, which is not tried again: as told"


def test_nobody_listening_is_tried_again() -> None:
    with webhook_server() as server:
        url = server.url
    post = Post(url, 1.0)
    with pytest.raises(ReceiverBusyError, match="ConnectError"):
        post({})
    post.close()


@pytest.mark.parametrize(
    ("told", "low", "high"),
    [
        ("7", 7, 7),
        ("100000", 300, 300),
        ("soon", 0, 0),
        (formatdate(NOW_S + 60, usegmt=True), 60, 60),
        (formatdate(NOW_S - 60, usegmt=True), 0, 0),
    ],
)
def test_a_receiver_that_asks_for_a_pause_gets_it(
    monkeypatch: pytest.MonkeyPatch, told: str, low: float, high: float
) -> None:
    monkeypatch.setattr(posting, "time", SimpleNamespace(time=lambda: NOW_S))
    waits: list[float] = []
    with webhook_server([429], headers={"Retry-After": told}) as server:
        receiver = WebhookReceiver("webhook", Post(server.url, 5.0))
        deliver(receiver, TOLD, give_up_after_s=600.0, stop=threading.Event(), sleep=waits.append)
        receiver.close()
    (waited,) = waits
    assert low <= waited <= high + 0.5, "the pause and up to half a second of jitter"


def test_a_token_is_sent_and_never_shown() -> None:
    with webhook_server() as server:
        post = Post(server.url, 5.0, SecretStr("hush"))
        post({})
        post.close()
        assert server.headers[0]["Authorization"] == "Bearer hush"
    assert "hush" not in repr(post)


class _Busy:
    name = "busy"

    def __init__(self) -> None:
        self.asked = 0

    def send(self, notification: Notification) -> str:
        self.asked += 1
        raise ReceiverBusyError(f"{len(notification.alerts)} alert is too many now")

    def close(self) -> None:
        """Nothing to give back."""


def test_it_gives_up_after_the_limit_and_names_it() -> None:
    busy = _Busy()
    answer = deliver(busy, TOLD, give_up_after_s=0.0, stop=threading.Event())
    assert answer.attempts == busy.asked == 1
    assert answer.error == "gave up after 0 s; last: 1 alert is too many now"


def test_a_stop_ends_the_waiting_and_leaves_it_untold() -> None:
    stop = threading.Event()

    def sleep(_seconds: float) -> None:
        stop.set()

    with pytest.raises(StoppedError):
        deliver(_Busy(), TOLD, give_up_after_s=60.0, stop=stop, sleep=sleep)


def test_waits_grow_with_jitter_and_stay_below_the_longest() -> None:
    waits: list[float] = []
    stop = threading.Event()

    def sleep(seconds: float) -> None:
        waits.append(seconds)
        if len(waits) == 200:
            stop.set()

    with pytest.raises(StoppedError):
        deliver(_Busy(), TOLD, give_up_after_s=3600.0, stop=stop, sleep=sleep)
    assert waits[0] <= 0.5
    assert 5.0 < max(waits) <= 30.0
    assert len(set(waits)) == len(waits)
