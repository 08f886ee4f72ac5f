"""Which rows an erasure covers, as SQL; pure."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from consumers.clickhouse.layout import table_name
from schemas.erasures import OF_DEVICES, Erased
from schemas.topics import ALERTS, DEAD_LETTERS, SLO_PARTIALS


@dataclass(frozen=True, slots=True)
class Holding:
    """A table with rows about devices.

    Attributes:
        topic: Whose table it is.
        device: Expression that gives a row's device; empty for none.
        stamp: Column with the broker's stamp of the record that the row is about.
        origins: Places on the log that a row stands for: topic, topic id, partition and offset.
    """

    topic: str
    device: str
    stamp: str
    origins: Sequence[str]

    @property
    def table(self) -> str:
        """Name of the table."""
        return table_name(self.topic)

    def covered(self, batch: Iterable[Erased]) -> str:
        """Condition on rows that fall under one of the erasures."""
        return any_of(batch, self.device, self.stamp)


@dataclass(frozen=True, slots=True)
class Rollup:
    """A rollup with rows about single devices, whose states are sets, minima and maxima.

    Attributes:
        device: Expression that gives a row's device.
        views: Source table of each view that writes it.
    """

    table: str
    device: str
    views: dict[str, str]


_DEVICE_TOPICS: Final = ", ".join(f"'{topic}'" for topic in sorted(OF_DEVICES))
# Encounter ids are `device_id/number`.
ENCOUNTER_DEVICE: Final = "extract({}, '^(.*)/[^/]*$')"

HOLDINGS: Final = (
    *(
        Holding(topic, "device_id", "_ingested_at", (f"'{topic}', _topic_id, _partition, _offset",))
        for topic in sorted(OF_DEVICES)
    ),
    # A letter holds the bytes of the record it is about, and stands for it.
    Holding(
        DEAD_LETTERS.name,
        f"if(topic IN ({_DEVICE_TOPICS}), ifNull(key, ''), '')",
        "ts",
        (
            f"'{DEAD_LETTERS.name}', _topic_id, _partition, _offset",
            "topic, topic_id, partition, offset",
        ),
    ),
)
# Decided facts and counts that show single inferences: the row stays, the mention goes.
MENTIONING_TOPICS: Final = (ALERTS.name, SLO_PARTIALS.name)
MENTIONING: Final = tuple(map(table_name, MENTIONING_TOPICS))
ROLLUPS: Final = (
    Rollup("rollout_devices", "device_id", {"rollout_devices_view": "ota_acks"}),
    Rollup("devices_now", "device_id", {"devices_now_view": "devices"}),
    Rollup(
        "encounter_answers",
        ENCOUNTER_DEVICE.format("encounter_id"),
        {
            "encounter_answers_asked_view": "label_requests",
            "encounter_answers_given_view": "label_reviews",
        },
    ),
)


def any_of(batch: Iterable[Erased], device: str, stamp: str) -> str:
    """Condition: the device is erased, and the stamp is not later than its erasure's."""
    return " OR ".join(
        f"({device} = {literal(each.device_id)} "
        f"AND {stamp} <= fromUnixTimestamp64Micro({each.until_us}, 'UTC'))"
        for each in batch
    )


def is_one_of(batch: Iterable[Erased], device: str) -> str:
    """Condition: the device is erased, whatever the time."""
    return f"{device} IN ({', '.join(literal(each.device_id) for each in batch)})"


def literal(text: str) -> str:
    """A string constant in which no character can end it: ids come from operators and devices."""
    return f"unhex('{text.encode().hex()}')"
