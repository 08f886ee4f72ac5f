"""How far each erasure is, written down in ClickHouse: what was found, then that it is done."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime

from consumers.clickhouse.client import Native


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One line of an erasure's life.

    Attributes:
        objects: Digests of pictures that are deleted from the object store.
        shared: Pictures left there, since another device has the same.
        datasets: Datasets built before that hold examples of the device.
        releases: Releases trained on them.
    """

    erasure_id: str
    device_id: str
    objects: Collection[str] = ()
    shared: int = 0
    datasets: Collection[str] = ()
    releases: Collection[str] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """All lines of one erasure together.

    Attributes:
        completed_at: When all was done; None: it is under way.
        records: Records erased by topic, rows and letters and those never stored.
    """

    step: Step
    completed_at: datetime | None
    records: dict[str, int]


_PROGRESS = """
SELECT
    erasure_id,
    any(device_id),
    groupUniqArrayArray(objects),
    max(shared),
    arraySort(groupUniqArrayArray(datasets)),
    arraySort(groupUniqArrayArray(releases)),
    max(completed_at)
FROM erasure_steps GROUP BY erasure_id"""
_RECORDS = """
SELECT erasure_id, topic, uniqExact(topic_id, partition, offset)
FROM erased GROUP BY erasure_id, topic ORDER BY erasure_id, topic"""


def write(client: Native, steps: Iterable[Step], completed_at: datetime | None = None) -> None:
    """Add a line for each; a line written twice changes nothing. Raises as `Native.insert`."""
    rows = [
        (
            step.erasure_id,
            step.device_id,
            sorted(step.objects),
            step.shared,
            sorted(step.datasets),
            sorted(step.releases),
            completed_at,
        )
        for step in steps
    ]
    client.insert(
        "INSERT INTO erasure_steps (erasure_id, device_id, objects, shared, datasets, releases, "
        "completed_at) VALUES",
        rows,
    )


def completed(client: Native) -> set[str]:
    """Ids of erasures that are done. Raises as `Native.execute`."""
    rows = client.execute(
        "SELECT DISTINCT erasure_id FROM erasure_steps WHERE completed_at IS NOT NULL"
    )
    return {str(erasure_id) for (erasure_id,) in rows}


def progress(client: Native) -> dict[str, Progress]:
    """Every erasure that was begun, by id. Raises as `Native.execute`."""
    records: dict[str, dict[str, int]] = {}
    for erasure_id, topic, count in client.execute(_RECORDS):
        records.setdefault(erasure_id, {})[topic] = count
    return {
        erasure_id: Progress(
            step=Step(
                erasure_id=erasure_id,
                device_id=device_id,
                objects=objects,
                shared=shared,
                datasets=datasets,
                releases=releases,
            ),
            completed_at=at.replace(tzinfo=UTC) if at is not None else None,
            records=records.get(erasure_id, {}),
        )
        for erasure_id, device_id, objects, shared, datasets, releases, at in client.execute(
            _PROGRESS
        )
    }
