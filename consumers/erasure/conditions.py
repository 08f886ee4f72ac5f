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
# FleetSilent lists the devices that are silent longest, in words.
_LISTING: Final = frozenset({table_name(ALERTS.name)})
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
        f"({device} = {literal(each.device_id)} AND {stamp} <= {_until(each)})" for each in batch
    )


def mentions(table: str, batch: Sequence[Erased]) -> str:
    """Condition on rows of a table of MENTIONING that show one of the devices."""
    shown = f"arrayExists(x -> {_shown(batch)}, exemplars)"
    return f"{shown} OR {_listed(batch)}" if table in _LISTING else shown


def without_mentions(table: str, batch: Sequence[Erased]) -> str:
    """What such a row is set to: the rest of it stays."""
    shown = f"exemplars = arrayFilter(x -> NOT ({_shown(batch)}), exemplars)"
    if table not in _LISTING:
        return shown
    listed = f"k = 'devices' AND ({_listed(batch)})"
    return f"{shown}, annotations = mapFilter((k, v) -> NOT ({listed}), annotations)"


def is_one_of(batch: Iterable[Erased], device: str) -> str:
    """Condition: the device is erased, whatever the time."""
    return f"{device} IN ({', '.join(literal(each.device_id) for each in batch)})"


def literal(text: str) -> str:
    """A string constant in which no character can end it: ids come from operators and devices."""
    return f"unhex('{text.encode().hex()}')"


def _shown(batch: Iterable[Erased]) -> str:
    return any_of(batch, "tupleElement(x, 'device_id')", "_ingested_at")


def _listed(batch: Iterable[Erased]) -> str:
    """A list goes whole, also when the id is only a part of another one's: it cannot tell less."""
    return " OR ".join(
        f"(position(annotations['devices'], {literal(each.device_id)}) > 0 "
        f"AND _ingested_at <= {_until(each)})"
        for each in batch
    )


def _until(erased: Erased) -> str:
    return f"fromUnixTimestamp64Micro({erased.until_us}, 'UTC')"
