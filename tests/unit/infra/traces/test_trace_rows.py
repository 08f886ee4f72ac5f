"""What the sink writes into columns is read back as the record it was."""

from typing import Any

import pytest

from consumers.clickhouse.columns import Origin, TableMapping
from infra.traces.rows import Rows
from schemas.facts import Fact
from schemas.registry import FileRegistry
from schemas.topics import (
    DISENGAGEMENTS,
    EDGE_CASES,
    INFERENCE_EVENTS,
    MODEL_RELEASES,
    OTA_ACKS,
    ROLLOUT_COMMANDS,
    ROLLOUT_PARTIALS,
    TopicSpec,
)
from streams.rollout.batches import Batches
from tests import factories

RECORDS = [
    (OTA_ACKS, factories.ota_ack()),
    (OTA_ACKS, factories.ota_ack(model_digest=None)),
    (INFERENCE_EVENTS, factories.inference_event()),
    (DISENGAGEMENTS, factories.disengagement()),
    (EDGE_CASES, factories.edge_case()),
    (ROLLOUT_PARTIALS, factories.rollout_partial()),
    (ROLLOUT_PARTIALS, factories.rollout_partial(window_start=None)),
    (MODEL_RELEASES, factories.model_release()),
    (MODEL_RELEASES, factories.model_release(artifact=None, preconditions=None, evidence=None)),
    (ROLLOUT_COMMANDS, factories.rollout_command(stratum=None)),
]


@pytest.mark.parametrize("tuples", [False, True], ids=["by name", "by place"])
@pytest.mark.parametrize(("topic", "record"), RECORDS, ids=lambda one: getattr(one, "name", ""))
def test_a_row_becomes_its_record_again(topic: TopicSpec, record: Any, *, tuples: bool) -> None:
    fact = Fact(topic=topic.name, partition=0, offset=5, stamp_us=7, record=record)
    batch = Batches().of([fact])
    registry = FileRegistry()
    mapping = TableMapping(topic.name, registry.schema(registry.schema_id(topic)))
    origin = Origin(topic_id="id", partition=0, offsets=batch.offsets, stamps_us=batch.stamps_us)
    (row,) = mapping.rows(batch.rows, origin).to_pylist(maps_as_pydicts="strict")
    rows = Rows(topic)
    values = [_driven(row[name]) if tuples else row[name] for name in rows.names]
    assert rows.record(values) == record


def _driven(value: Any) -> Any:
    """As the driver has it: records in arrays as tuples."""
    if isinstance(value, list):
        return [tuple(one.values()) if isinstance(one, dict) else one for one in value]
    return value
