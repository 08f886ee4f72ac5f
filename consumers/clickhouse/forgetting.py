"""What the sink does not store because its device was erased; pure."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from consumers.clickhouse.prepared import ErasedPlace, Prepared
from infra.kafka.dead_letters import erased
from schemas.erasures import OF_DEVICES, Erased, ErasureBook
from schemas.topics import DEAD_LETTERS


@dataclass(frozen=True, slots=True)
class PlacesTable:
    """Where the places stand that account for what is not stored: a `Target`."""

    table: str
    types: Mapping[str, str]


PLACES: Final = PlacesTable(
    "erased",
    {
        "topic": "LowCardinality(String)",
        "topic_id": "LowCardinality(String)",
        "partition": "Int32",
        "offset": "Int64",
        "erasure_id": "LowCardinality(String)",
    },
)


def forget(topic: str, prepared: Prepared, book: ErasureBook) -> Prepared:
    """The batch without the rows and letters of erased devices, and their places instead."""
    if not book:
        return prepared
    gone = dict(_erased_rows(topic, prepared.rows, book))
    letters = {each.offset: found for each in prepared.letters if (found := erased(each, book))}
    if not gone and not letters:
        return prepared
    keep = np.setdiff1d(np.arange(len(prepared.messages)), list(gone))
    places = letters | {int(prepared.messages.offsets[row]): gone[row] for row in gone}
    return replace(
        prepared,
        rows=prepared.rows.take(pa.array(keep)),
        messages=prepared.messages.take(keep),
        letters=tuple(each for each in prepared.letters if each.offset not in letters),
        erased=tuple(ErasedPlace(offset, places[offset]) for offset in sorted(places)),
    )


def places(topic: str, topic_id: str, partition: int, prepared: Prepared) -> pa.RecordBatch:
    """Rows of the table `erased`, one for each erased record of the batch."""
    count = len(prepared.erased)
    return pa.record_batch(
        {
            "topic": pa.array([topic] * count).dictionary_encode(),
            "topic_id": pa.array([topic_id] * count).dictionary_encode(),
            "partition": pa.array([partition] * count, pa.int32()),
            "offset": pa.array([place.offset for place in prepared.erased], pa.int64()),
            "erasure_id": pa.array(
                [place.erasure.erasure_id for place in prepared.erased]
            ).dictionary_encode(),
        }
    )


def _erased_rows(
    topic: str, rows: pa.RecordBatch, book: ErasureBook
) -> Iterator[tuple[int, Erased]]:
    """Row numbers with the erasure they fall under."""
    if topic in OF_DEVICES:
        devices, stamps = rows.column("device_id"), rows.column("_ingested_at")
    elif topic == DEAD_LETTERS.name:  # whose the record is, and its own stamp, not the letter's
        of_devices = pa.array(sorted(OF_DEVICES))
        about_devices = pc.is_in(rows.column("topic").cast(pa.string()), of_devices)
        devices = pc.if_else(about_devices, rows.column("key"), None)
        stamps = rows.column("ts")
    else:
        return
    known = pc.is_in(devices, pa.array(book.devices(), devices.type))
    for row in np.flatnonzero(known.to_numpy(zero_copy_only=False)):
        found = book.covering(_text(devices[row].as_py()), stamps[row].value)
        if found is not None:
            yield int(row), found


def _text(device: str | bytes | None) -> str:
    return device.decode(errors="replace") if isinstance(device, bytes) else device or ""
