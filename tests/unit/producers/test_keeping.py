"""What devices keep: saved behind the log, never in front of it, and no frame waits for it."""

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from infra.kafka.errors import DeliveryError
from producers.device.flash import Flash, Tried
from producers.device.slots import Slots
from producers.keeping import FLUSH_EVERY_US, SAVE_EVERY_US, Keeper
from tests.unit.producers.device import kit
from tests.unit.producers.device.fleet_kit import Inline


class Shore:
    """A log and a store that say in which order they were asked."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.error: Exception | None = None
        self.saved: dict[str, Flash] = {}

    def flush(self) -> None:
        self.asked.append("flush")
        if self.error is not None:
            error, self.error = self.error, None  # a publisher tells of a failure once
            raise error

    def save(self, flashes: dict[str, Flash]) -> None:
        self.asked.append("save")
        self.saved = flashes


def flashes() -> dict[str, Flash]:
    return {"d": Flash(boot=7, registered_ts=0)}


def test_a_boot_is_saved_before_any_record_and_a_step_only_behind_the_log() -> None:
    shore, kept = Shore(), flashes()
    keeper = Keeper(shore.flush, shore.save, Inline())
    keeper.begin(kept, 0)
    assert shore.asked == ["save"]
    kept["d"].slots = Slots(a=kit.model())
    keeper.turn(kept, SAVE_EVERY_US)
    assert shore.asked == ["save", "flush", "save"]


def test_a_failed_attempt_is_kept_although_no_slot_changed() -> None:
    shore, kept = Shore(), flashes()
    keeper = Keeper(shore.flush, shore.save, Inline())
    keeper.begin(kept, 0)
    kept["d"].remember("r1", Tried(attempt=1, over=True))
    keeper.turn(kept, SAVE_EVERY_US)
    assert shore.saved["d"].tried["r1"].over


def test_what_is_saved_does_not_change_while_it_waits_for_the_log() -> None:
    shore, kept, let = Shore(), flashes(), threading.Event()
    pool = ThreadPoolExecutor(1)

    def slow_flush() -> None:
        assert let.wait(10)
        shore.flush()

    keeper = Keeper(slow_flush, shore.save, pool)
    keeper.begin(kept, 0)
    kept["d"].remember("r1", Tried(attempt=1))
    keeper.turn(kept, SAVE_EVERY_US)  # returns although the log does not answer
    kept["d"].remember("r1", Tried(attempt=2))
    keeper.turn(kept, 3 * SAVE_EVERY_US)
    assert shore.asked == ["save"]
    let.set()
    pool.shutdown(wait=True)
    assert shore.saved["d"].tried["r1"].attempt == 1


def test_a_record_the_log_did_not_take_stops_the_process_and_is_not_remembered() -> None:
    shore, kept = Shore(), flashes()
    keeper = Keeper(shore.flush, shore.save, Inline())
    keeper.begin(kept, 0)
    shore.error = DeliveryError("ota-acks", 1, "gone")
    keeper.turn(kept, FLUSH_EVERY_US)
    with pytest.raises(DeliveryError):
        keeper.turn(kept, FLUSH_EVERY_US + 1)
    kept["d"].remember("r1", Tried(attempt=1, over=True))
    keeper.close(kept)
    assert shore.saved["d"].tried == {}
