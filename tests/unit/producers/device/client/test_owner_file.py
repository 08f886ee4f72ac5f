"""An owner's word in a file reaches the client once, and only about what is offered."""

import pytest

from producers.device.client.memory_files import MemoryFiles
from producers.device.client.owner_file import NAME, OwnerFile, Word, say
from producers.device.readiness import Household
from producers.device.wishes import Install
from schemas.records import AckState as A
from tests.unit.producers.device import kit

R1 = kit.model("r1")
DAY = 86_400


class Asked:
    """A device that offers r1 and waits for its owner."""

    def __init__(self) -> None:
        self.files = MemoryFiles({})
        self.owner = OwnerFile(self.files)
        self.phone = kit.Phone(household=Household(asks=True))
        self.run(2)

    def run(self, seconds: float) -> None:
        for _ in range(round(seconds * 2)):
            self.phone.run(Install(model=R1), 0.5)
            self.owner.speak(self.phone.ota, self.phone.now)

    @property
    def last(self) -> tuple[A, str]:
        return self.phone.states[-1]


def test_without_a_word_it_waits_and_with_consent_it_begins() -> None:
    at = Asked()
    assert at.last == (A.DEFERRED, "NO_CONSENT")
    say(at.files, Word(release_id="r1"))
    at.run(12)
    assert at.last == (A.COMMITTED, "")
    assert NAME not in at.files.content


def test_later_is_kept_and_ends_and_may_be_followed_by_consent() -> None:
    at = Asked()
    say(at.files, Word(release_id="r1", later_s=6.0))
    at.run(4)
    assert at.last == (A.DEFERRED, "POSTPONED")
    at.run(6)
    assert at.last == (A.DEFERRED, "NO_CONSENT")
    say(at.files, Word(release_id="r1"))
    at.run(12)
    assert at.last == (A.COMMITTED, "")


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[]",
        b"{}",
        b"\xff",
        b'{"release_id": "r9"}',
        b'{"release_id": "r1", "later_s": "long"}',
        b'{"release_id": "r1", "later_s": []}',
    ],
)
def test_a_word_that_does_not_count_is_dropped_and_said(
    body: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    at = Asked()
    at.files.write(NAME, body)
    at.run(3)
    assert at.last == (A.DEFERRED, "NO_CONSENT")
    assert NAME not in at.files.content
    assert "owner" in caplog.text


def test_more_than_may_be_said_changes_nothing() -> None:
    at = Asked()
    for _ in range(5):
        say(at.files, Word(release_id="r1", later_s=1.0))
        at.run(4)
    attempt = at.phone.ota.attempt
    assert attempt is not None
    assert attempt.consent.postponed == 3
