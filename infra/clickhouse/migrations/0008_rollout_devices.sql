-- How far each device came with each release, and what each device runs now. Every column is a
-- maximum, a minimum, the newest by place, or bits set: adding the same rows again changes nothing,
-- whether an insert is repeated or a device sends twice. The windows only save the work.

CREATE TABLE IF NOT EXISTS rollout_devices
(
    `release_id` LowCardinality(String) COMMENT 'Release the attempt is about.',
    `hardware` LowCardinality(String) COMMENT 'Hardware generation of the catalogue.',
    `device_id` String CODEC(ZSTD(1)) COMMENT 'The device.',
    `attempt` Int32 COMMENT 'Attempt number at this release, from 1.',
    `region` LowCardinality(String) COMMENT 'Region of the catalogue.',
    `ingested_on` Date COMMENT 'Ingest time: day of the broker stamps, UTC.',
    `states` SimpleAggregateFunction(groupUniqArrayArray, Array(String)) COMMENT 'States the attempt went through.',
    `ordered_back` SimpleAggregateFunction(max, UInt8) COMMENT '1 when it went back by order.',
    `offered_at` SimpleAggregateFunction(min, DateTime64(6, 'UTC')) COMMENT 'Ingest time of its first step, UTC.',
    `committed_at` SimpleAggregateFunction(min, Nullable(DateTime64(6, 'UTC'))) COMMENT 'Ingest time of its commit, UTC; null: none.'
)
ENGINE = AggregatingMergeTree
PARTITION BY toYYYYMM(ingested_on)
ORDER BY (release_id, hardware, device_id, attempt, region, ingested_on)
TTL ingested_on + INTERVAL 400 DAY
SETTINGS non_replicated_deduplication_window = 10000;

CREATE MATERIALIZED VIEW IF NOT EXISTS rollout_devices_view TO rollout_devices AS
SELECT
    release_id,
    hardware,
    device_id,
    attempt,
    region,
    toDate(_ingested_at) AS ingested_on,
    groupUniqArray(toString(state)) AS states,
    max(reason_code = 'ROLLBACK_ORDERED') AS ordered_back,
    min(_ingested_at) AS offered_at,
    minIf(toNullable(_ingested_at), state = 'COMMITTED') AS committed_at
FROM ota_acks
GROUP BY release_id, hardware, device_id, attempt, region, ingested_on;

CREATE TABLE IF NOT EXISTS devices_now
(
    `hardware` LowCardinality(String) COMMENT 'Hardware generation of the catalogue.',
    `device_id` String CODEC(ZSTD(1)) COMMENT 'The device.',
    `device_class` LowCardinality(String) COMMENT 'Kind of machine.',
    `region` AggregateFunction(argMax, String, Tuple(DateTime64(6, 'UTC'), Int64)) COMMENT 'Region in its newest record.',
    `lifecycle` AggregateFunction(argMax, String, Tuple(DateTime64(6, 'UTC'), Int64)) COMMENT 'Where it is in its life, in its newest record.',
    `digest` AggregateFunction(argMax, String, Tuple(DateTime64(6, 'UTC'), Int64)) COMMENT 'SHA-256 of the model in the active slot, hex, in its newest record; empty: none.',
    `seen_at` SimpleAggregateFunction(max, DateTime64(6, 'UTC')) COMMENT 'Ingest time of its newest record, UTC.'
)
ENGINE = AggregatingMergeTree
ORDER BY (hardware, device_id, device_class)
SETTINGS non_replicated_deduplication_window = 10000;

CREATE MATERIALIZED VIEW IF NOT EXISTS devices_now_view TO devices_now AS
SELECT
    hardware,
    device_id,
    device_class,
    argMaxState(toString(devices.region), (_ingested_at, _offset)) AS region,
    argMaxState(toString(devices.lifecycle), (_ingested_at, _offset)) AS lifecycle,
    argMaxState(
        ifNull(toString(if(active_slot = 'B', slot_b_digest, slot_a_digest)), ''), (_ingested_at, _offset)
    ) AS digest,
    max(_ingested_at) AS seen_at
FROM devices
GROUP BY hardware, device_id, device_class;
