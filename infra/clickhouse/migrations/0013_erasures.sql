-- What stands for the records of erased devices, and how far each erasure is. Neither holds anything
-- of the records themselves. Both are sets: a place or a step written twice is one.

CREATE TABLE IF NOT EXISTS erased
(
    `topic` LowCardinality(String) COMMENT 'Topic of the record.',
    `topic_id` LowCardinality(String) COMMENT 'Identity of the topic.',
    `partition` Int32 COMMENT 'Partition of the record.',
    `offset` Int64 CODEC(Delta, ZSTD(1)) COMMENT 'Offset of the record.',
    `erasure_id` LowCardinality(String) COMMENT 'Event id of the erasure it fell under.',
    `was_stored` Bool DEFAULT false COMMENT 'It was a row or a dead letter before; false: it never became one.'
)
ENGINE = ReplacingMergeTree
ORDER BY (topic, topic_id, partition, offset)
SETTINGS non_replicated_deduplication_window = 10000;

CREATE TABLE IF NOT EXISTS erasure_steps
(
    `erasure_id` String COMMENT 'Event id of the erasure.',
    `device_id` String COMMENT 'The device.',
    `objects` Array(String) COMMENT 'Digests (SHA-256, hex) of the pictures deleted from the object store.',
    `shared` UInt64 COMMENT 'Pictures left in the object store, since another device has the same.',
    `datasets` Array(String) COMMENT 'Datasets built before that hold examples of the device.',
    `releases` Array(String) COMMENT 'Releases trained on those datasets.',
    `completed_at` Nullable(DateTime64(6, 'UTC')) COMMENT 'When all was done, UTC; null: begun.',
    `written_at` DateTime64(6, 'UTC') DEFAULT now64(6) COMMENT 'When this step was written, UTC.'
)
ENGINE = MergeTree
ORDER BY (erasure_id, written_at)
SETTINGS non_replicated_deduplication_window = 10000;
