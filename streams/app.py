"""Makes the Faust application of a worker: one agent over the batches of all its topics."""

from collections.abc import Awaitable, Callable, Sequence
from typing import Any

import faust
from faust.types import StreamT

from infra.settings import KafkaSettings
from schemas.topics import TopicSpec
from streams.fetched import FetchedBatch
from streams.record_batches import BATCH_CODEC, Positions, RecordBatchTransport, register_codec
from streams.settings import faust_settings

Take = Callable[[FetchedBatch], Awaitable[None]]


class WorkerApp(faust.App):
    """A Faust app that reads whole batches and starts where `positions` says."""

    positions: Positions

    def _new_transport(self) -> RecordBatchTransport:
        return RecordBatchTransport(self.conf.broker_consumer, self)


def create_app(
    kafka: KafkaSettings,
    group_id: str,
    topics: Sequence[TopicSpec],
    *,
    positions: Positions,
    take: Take,
    datadir: str,
) -> WorkerApp:
    """An app that hands every fetched batch of `topics` to `take`, one after another.

    `take` must not raise: Faust would log it and go on behind the failed batch. `datadir` is an
    empty folder.
    """
    register_codec()
    app = WorkerApp(**faust_settings(kafka, group_id, datadir))
    app.positions = positions
    channel = app.topic(
        *(spec.name for spec in topics),
        key_type=None,
        value_type=None,
        key_serializer=BATCH_CODEC,
        value_serializer=BATCH_CODEC,
    )

    @app.agent(channel, concurrency=1)
    async def fold_batches(batches: StreamT[Any]) -> None:
        async for batch in batches:
            await take(batch)

    return app
