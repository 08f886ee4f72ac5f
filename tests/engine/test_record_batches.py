"""The worker on the embedded broker: exact through kills, rebalances, poison and failures."""

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from infra.settings import KafkaSettings
from infra.stack.supervisor import Supervisor
from infra.stack.tansu import TansuBroker
from tests.summing import POISON_PRODUCED
from tests.worker_processes import Site, site

pytestmark = pytest.mark.engine


@contextmanager
def broker(folder: Path) -> Iterator[KafkaSettings]:
    """An embedded broker of the test's own: its topics are those of the workers."""
    folder.mkdir()
    with Supervisor(folder) as running:
        embedded = TansuBroker(running)
        embedded.start()
        yield embedded.settings


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Site]:
    with broker(tmp_path / "broker") as kafka, site(kafka, tmp_path) as made:
        yield made


def test_two_workers_kills_and_rebalances_leave_sums_exact(place: Site) -> None:
    place.publish(5_000)
    first = place.start()
    place.wait_for_all()
    second = place.start()
    place.publish(10_000)
    first.send_signal(signal.SIGKILL)
    place.publish(5_000)
    place.wait_for_all()
    third = place.start()
    place.publish(5_000)
    second.send_signal(signal.SIGTERM)
    assert second.wait(15) == 0, place.said()
    place.publish(5_000)
    place.wait_for_all()
    third.send_signal(signal.SIGTERM)
    assert third.wait(15) == 0, place.said()
    assert place.totals() == place.expected()


def test_a_new_version_is_made_again_from_the_log(place: Site) -> None:
    place.publish(3_000)
    old = place.start("1")
    place.wait_for_all("1")
    old.send_signal(signal.SIGTERM)
    assert old.wait(15) == 0, place.said()
    place.start("2")
    place.wait_for_all("2")
    assert place.totals("2") == place.totals("1") == place.expected()
    assert place.orders("2") == place.orders("1")


def test_an_error_nobody_expected_stops_the_worker_before_anything_is_committed(
    place: Site,
) -> None:
    place.publish(1_000)
    worker = place.start("1", str(POISON_PRODUCED))
    place.wait_for_all()
    place.publish(0, extra=POISON_PRODUCED)
    assert worker.wait(20) == 1
    assert "worker stops: ZeroDivisionError: nobody expected this record" in place.said()
    assert place.totals() == place.expected()


def test_state_of_another_broker_is_refused(place: Site) -> None:
    place.publish(1_000)
    worker = place.start()
    place.wait_for_all()
    worker.send_signal(signal.SIGTERM)
    assert worker.wait(15) == 0, place.said()
    with (
        broker(place.folder / "other") as kafka,
        site(kafka, place.folder) as elsewhere,
    ):
        refused = elsewhere.start()
        assert refused.wait(20) == 1
        assert "OtherLogError" in elsewhere.said()
