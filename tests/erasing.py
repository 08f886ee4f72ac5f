"""A fleet of two devices on real engines, of which one is erased."""

import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final

from consumers.clickhouse.client import Native
from consumers.erasure.worker import serve
from infra.kafka.publisher import Publisher
from infra.objects import PICTURE_KIND, ObjectStore, StoredObject
from infra.settings import Settings
from schemas.media import PICTURES
from schemas.topics import (
    ALERTS,
    DEVICES,
    DISENGAGEMENTS,
    EDGE_CASES,
    INFERENCE_EVENTS,
    LABEL_REQUESTS,
    LABEL_REVIEWS,
    OTA_ACKS,
    SLO_PARTIALS,
)
from tests import factories

GONE: Final = "gone-07"
KEPT: Final = "kept-08"
# Tables that say which devices were erased.
EVIDENCE: Final = frozenset({"erasures", "erasure_steps"})


@dataclass(frozen=True, slots=True)
class Strips:
    """Pictures: of the erased device alone, of the other alone, and one that both sent."""

    gone: StoredObject
    kept: StoredObject
    both: StoredObject


def store_strips(objects: ObjectStore, mark: str) -> Strips:
    """Put the pictures into the object store."""
    return Strips(
        *(
            objects.put(f"{mark} {name}".encode(), kind=PICTURE_KIND, suffix=PICTURES.suffix)
            for name in ("gone", "kept", "both")
        )
    )


def publish_life(publisher: Publisher, device: str, strips: Strips, boot: int = 1) -> int:
    """One record of every topic about a device, a malformed one among them; how many they are."""
    own = strips.gone if device.startswith(GONE) else strips.kept
    who: Mapping[str, Any] = {"device_id": device}

    def event(number: int) -> Mapping[str, Any]:
        return {**who, "event_id": f"{device}/{boot}/{number}"}

    publisher.publish(DEVICES, factories.device(**event(0)))
    publisher.publish(OTA_ACKS, factories.ota_ack(**event(1)))
    publisher.publish(INFERENCE_EVENTS, factories.inference_event(**event(2)))
    for number, strip in ((3, own), (4, strips.both)):
        encounter = f"{device}/{boot}{number}"
        frame = factories.frame(uri=strip.uri, digest=strip.digest)
        publisher.publish(
            EDGE_CASES, factories.edge_case(**event(number), encounter_id=encounter, frame=frame)
        )
    publisher.publish(DISENGAGEMENTS, factories.disengagement(**event(5)))
    asked = {**event(6), "encounter_id": f"{device}/{boot}3"}
    publisher.publish(LABEL_REQUESTS, factories.label_request(**asked))
    publisher.publish(LABEL_REVIEWS, factories.label_review(**asked))
    publisher.publish_bytes(OTA_ACKS, device.encode(), f"\xff{device}".encode())
    publisher.flush()
    return 9


def publish_mentions(publisher: Publisher) -> None:
    """An alert and a partial that show an inference of each; an alert for each that lists it."""
    shown = tuple(
        factories.alert_exemplar(device_id=device, event_id=f"{device}/1/2")
        for device in (GONE, KEPT)
    )
    publisher.publish(ALERTS, factories.alert(event_id="mention", exemplars=shown))
    for seq, device in enumerate((GONE, KEPT), start=1):
        listed = {"summary": "2 of 3 devices are silent", "devices": f"other (5m), {device} (2m)"}
        alert = factories.alert(event_id=f"list-{seq}", seq=seq, annotations=listed)
        publisher.publish(ALERTS, alert)
    publisher.publish(SLO_PARTIALS, factories.slo_partial(event_id="mention", exemplars=shown))
    publisher.flush()


@contextmanager
def erasing(settings: Settings) -> Iterator[None]:
    """An erasure worker in a thread, for the time of the block; its end is never silent."""
    stop = threading.Event()
    failures: list[BaseException] = []

    def work() -> None:
        try:
            serve(settings, stop, settle_s=0.0)
        except BaseException as error:  # noqa: BLE001 - raised again below
            failures.append(error)

    thread = threading.Thread(target=work, name="erasure-under-test")
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join(60)
    assert not thread.is_alive(), "the erasure worker did not stop"
    if failures:
        raise failures[0]


def merge_rollups(client: Native) -> None:
    """Merge every rollup's rows now: else a merge between two counts looks like a loss."""
    rollups = client.execute(
        "SELECT name FROM system.tables "
        "WHERE database = currentDatabase() AND engine = 'AggregatingMergeTree'"
    )
    for (table,) in rollups:
        client.execute(f"OPTIMIZE TABLE `{table}` FINAL")


def tables_that_tell(client: Native, device: str) -> dict[str, int]:
    """Rows in which a device's id stands anywhere, states of rollups included, by table."""
    names = client.execute(
        "SELECT name FROM system.tables "
        "WHERE database = currentDatabase() AND engine LIKE '%MergeTree'"
    )
    found = {}
    for (table,) in names:
        ((count,),) = client.execute(
            f"SELECT countIf(position(formatRow('RowBinary', *), '{device}') > 0) FROM `{table}`"  # noqa: S608 - our own tables and devices
        )
        if count and table not in EVIDENCE:
            found[table] = count
    return found


def rows_of(client: Native, device: str) -> int:
    """Rows of the device in the tables of topics."""
    tables = ("devices", "ota_acks", "inference_events", "edge_cases", "disengagements")
    total = 0
    for table in (*tables, "label_requests", "label_reviews"):
        ((count,),) = client.execute(
            f"SELECT count() FROM {table} WHERE device_id = '{device}'"  # noqa: S608 - as above
        )
        total += count
    return total
