-- What devices write: themselves, updates, inference, edge cases, disengagements; official reports.

CREATE TABLE IF NOT EXISTS devices
(
    `event_id` String CODEC(ZSTD(1)) COMMENT 'Identity of the record; deterministic where it is derived.',
    `source` LowCardinality(String) COMMENT 'live, simulated, or replay:<data set>.',
    `device_id` String CODEC(ZSTD(1)) COMMENT 'Device that wrote it or that it speaks of.',
    `device_class` LowCardinality(String) COMMENT 'Kind of machine.',
    `hardware` LowCardinality(String) COMMENT 'Hardware generation of the catalogue.',
    `region` LowCardinality(String) COMMENT 'Region of the catalogue.',
    `lifecycle` LowCardinality(String) COMMENT 'Where the device is in its life.',
    `slot_a_digest` LowCardinality(Nullable(String)) COMMENT 'SHA-256 of the model in slot A, hex.',
    `slot_b_digest` LowCardinality(Nullable(String)) COMMENT 'SHA-256 of the model in slot B, hex.',
    `active_slot` LowCardinality(String) COMMENT 'Slot that runs.',
    `heartbeat_interval_ms` Int64 CODEC(ZSTD(1)) COMMENT 'Time between two reports, in milliseconds.',
    `consent_pictures` Bool COMMENT 'Pictures may leave the device.',
    `consent_location` Bool COMMENT 'Places may leave the device.',
    `consent_compute` Bool COMMENT 'Idle computing may be used.',
    `registered_ts` DateTime64(6, 'UTC') CODEC(Delta, ZSTD(1)) COMMENT 'First seen, UTC microseconds.',
    `updated_ts` DateTime64(6, 'UTC') CODEC(Delta, ZSTD(1)) COMMENT 'When this was true, UTC microseconds.',
    `_topic_id` LowCardinality(String) COMMENT 'Identity of the topic the row was read from.',
    `_partition` Int32 COMMENT 'Partition the row was read from.',
    `_offset` Int64 CODEC(Delta, ZSTD(1)) COMMENT 'Offset the row was read from.',
    `_ingested_at` DateTime64(6, 'UTC') CODEC(Delta, ZSTD(1)) COMMENT 'Stamp of the broker (ingest time), UTC.'
)
ENGINE = ReplacingMergeTree
PARTITION BY toYYYYMM(_ingested_at)
ORDER BY (device_id, updated_ts, _topic_id, _partition, _offset)
SETTINGS non_replicated_deduplication_window = 10000;

CREATE TABLE IF NOT EXISTS ota_acks
(
    `event_id` String CODEC(ZSTD(1)) COMMENT 'Identity of the record; deterministic where it is derived.',
    `source` LowCardinality(String) COMMENT 'live, simulated, or replay:<data set>.',
    `device_id` String CODEC(ZSTD(1)) COMMENT 'Device that wrote it or that it speaks of.',
    `device_class` LowCardinality(String) COMMENT 'Kind of machine.',
    `hardware` LowCardinality(String) COMMENT 'Hardware generation of the catalogue.',
    `region` LowCardinality(String) COMMENT 'Region of the catalogue.',
    `release_id` LowCardinality(String) COMMENT 'Release the attempt is about.',
    `model_digest` LowCardinality(Nullable(String)) COMMENT 'SHA-256 of the model that now runs, hex.',
    `attempt` Int32 CODEC(ZSTD(1)) COMMENT 'Attempt number at this release, from 1.',
    `seq` Int32 CODEC(ZSTD(1)) COMMENT 'Step number in the attempt, from 0.',
    `state` LowCardinality(String) COMMENT 'How far the attempt is.',
    `reason_code` LowCardinality(String) COMMENT 'Why, as a code; empty when nothing needs a reason.',
    `slot` LowCardinality(String) COMMENT 'Slot that now runs.',
    `boot_id` String CODEC(ZSTD(1)) COMMENT 'Identity of the boot.',
    `wave` Int32 CODEC(ZSTD(1)) COMMENT 'Wave the device computed itself to be in.',
    `preconditions_parked` Bool COMMENT 'The device stood still.',
    `preconditions_state_of_charge` Float64 CODEC(ZSTD(1)) COMMENT 'Battery charge, share in [0, 1].',
    `preconditions_network` LowCardinality(String) COMMENT 'Network in use: CELLULAR, WIFI or NONE.',
    `device_ts` DateTime64(6, 'UTC') CODEC(Delta, ZSTD(1)) COMMENT 'Device clock, UTC microseconds; for display only.',
    `_topic_id` LowCardinality(String) COMMENT 'Identity of the topic the row was read from.',
    `_partition` Int32 COMMENT 'Partition the row was read from.',
    `_offset` Int64 CODEC(Delta, ZSTD(1)) COMMENT 'Offset the row was read from.',
    `_ingested_at` DateTime64(6, 'UTC') CODEC(Delta, ZSTD(1)) COMMENT 'Stamp of the broker (ingest time), UTC.'
)
ENGINE = ReplacingMergeTree
PARTITION BY toYYYYMM(_ingested_at)
ORDER BY (release_id, device_id, device_ts, _topic_id, _partition, _offset)
TTL toDateTime(_ingested_at) + INTERVAL 400 DAY
SETTINGS non_replicated_deduplication_window = 10000;

CREATE TABLE IF NOT EXISTS inference_events
(
    `event_id` String CODEC(ZSTD(1)) COMMENT 'Identity of the record; deterministic where it is derived.',
    `source` LowCardinality(String) COMMENT 'live, simulated, or replay:<data set>.',
    `device_id` String CODEC(ZSTD(1)) COMMENT 'Device that wrote it or that it speaks of.',
    `device_class` LowCardinality(String) COMMENT 'Kind of machine.',
    `hardware` LowCardinality(String) COMMENT 'Hardware generation of the catalogue.',
    `region` LowCardinality(String) COMMENT 'Region of the catalogue.',
    `release_id` LowCardinality(Nullable(String)) COMMENT 'Release that was running; null only in replays.',
    `model_digest` LowCardinality(Nullable(String)) COMMENT 'SHA-256 of the model that was running, hex; null only in replays.',
    `window_start` DateTime64(6, 'UTC') CODEC(Delta, ZSTD(1)) COMMENT 'Begin of the window, UTC microseconds.',
    `window_end` DateTime64(6, 'UTC') CODEC(Delta, ZSTD(1)) COMMENT 'End of the window, UTC microseconds; at most 10 minutes later.',
    `deadline_us` Int64 CODEC(ZSTD(1)) COMMENT 'Deadline of one inference in microseconds.',
    `expected` Int32 CODEC(ZSTD(1)) COMMENT 'Frames that were due.',
    `produced` Int32 CODEC(ZSTD(1)) COMMENT 'Results delivered.',
    `warmup` Int32 CODEC(ZSTD(1)) COMMENT 'Results not to be judged, right after a model was loaded.',
    `late` Int32 CODEC(ZSTD(1)) COMMENT 'Judged results with latency above the deadline.',
    `latency_scale` Int32 CODEC(ZSTD(1)) COMMENT 'Resolution: bucket i covers (base^i, base^(i+1)], base = 2^(2^-scale).',
    `latency_zero_count` Int32 CODEC(ZSTD(1)) COMMENT 'Results whose ratio counted as zero.',
    `latency_offset` Int32 CODEC(ZSTD(1)) COMMENT 'Bucket index of counts[0].',
    `latency_counts` Array(Int32) CODEC(ZSTD(1)) COMMENT 'Results by bucket, at most 160.',
    `latency_sum_us` Int64 CODEC(ZSTD(1)) COMMENT 'Sum of latencies in microseconds.',
    `latency_min_us` Int64 CODEC(ZSTD(1)) COMMENT 'Smallest latency in microseconds; 0 when empty.',
    `latency_max_us` Int64 CODEC(ZSTD(1)) COMMENT 'Largest latency in microseconds; 0 when empty.',
    `energy_j` Nullable(Float64) CODEC(ZSTD(1)) COMMENT 'Energy used in joules.',
    `distance_m` Nullable(Float64) CODEC(ZSTD(1)) COMMENT 'Distance driven in metres.',
    `confidence` Array(Int32) CODEC(ZSTD(1)) COMMENT 'Results by top-1 confidence: ten bins of 0.1.',
    `classes` Array(Int32) CODEC(ZSTD(1)) COMMENT 'Results by top-1 class.',
    `flips` Int32 CODEC(ZSTD(1)) COMMENT 'Changes of top-1 inside an encounter.',
    `shadow_release_id` LowCardinality(Nullable(String)) COMMENT 'Release that ran beside, outputs unused.',
    `disagreements` Nullable(Int32) CODEC(ZSTD(1)) COMMENT 'Results on which the shadow disagreed.',
    `exemplars` Array(Tuple(inference_id String, ts DateTime64(6, 'UTC'), latency_us Int64, top1 Int32, confidence Float64, trace_id String)) CODEC(ZSTD(1)) COMMENT 'Up to 8 inferences in full.',
    `clock_offset_ms` Nullable(Float64) CODEC(ZSTD(1)) COMMENT 'Device clock ahead of the network time, in milliseconds.',
    `_topic_id` LowCardinality(String) COMMENT 'Identity of the topic the row was read from.',
    `_partition` Int32 COMMENT 'Partition the row was read from.',
    `_offset` Int64 CODEC(Delta, ZSTD(1)) COMMENT 'Offset the row was read from.',
    `_ingested_at` DateTime64(6, 'UTC') CODEC(Delta, ZSTD(1)) COMMENT 'Stamp of the broker (ingest time), UTC.'
)
ENGINE = ReplacingMergeTree
PARTITION BY toYYYYMMDD(_ingested_at)
ORDER BY (hardware, device_id, window_end, _topic_id, _partition, _offset)
TTL toDateTime(_ingested_at) + INTERVAL 90 DAY
SETTINGS non_replicated_deduplication_window = 10000;

CREATE TABLE IF NOT EXISTS edge_cases
(
    `event_id` String CODEC(ZSTD(1)) COMMENT 'Identity of the record; deterministic where it is derived.',
    `source` LowCardinality(String) COMMENT 'live, simulated, or replay:<data set>.',
    `device_id` String CODEC(ZSTD(1)) COMMENT 'Device that wrote it or that it speaks of.',
    `device_class` LowCardinality(String) COMMENT 'Kind of machine.',
    `hardware` LowCardinality(String) COMMENT 'Hardware generation of the catalogue.',
    `region` LowCardinality(String) COMMENT 'Region of the catalogue.',
    `release_id` LowCardinality(Nullable(String)) COMMENT 'Release that was running; null only in replays.',
    `model_digest` LowCardinality(Nullable(String)) COMMENT 'SHA-256 of the model that was running, hex; null only in replays.',
    `captured_ts` DateTime64(6, 'UTC') CODEC(Delta, ZSTD(1)) COMMENT 'When the frame was taken, UTC microseconds.',
    `trigger` LowCardinality(String) COMMENT 'Why it was kept.',
    `campaign_id` LowCardinality(Nullable(String)) COMMENT 'Campaign that asked for it.',
    `encounter_id` String CODEC(ZSTD(1)) COMMENT 'Encounter the frame belongs to.',
    `frame_uri` String CODEC(ZSTD(1)) COMMENT 'Object-store address.',
    `frame_digest` String CODEC(ZSTD(1)) COMMENT 'SHA-256 of the object, 64 hex digits.',
    `frame_bytes` Int64 CODEC(ZSTD(1)) COMMENT 'Length of the object in bytes.',
    `frame_width` Int32 CODEC(ZSTD(1)) COMMENT 'Width in pixels.',
    `frame_height` Int32 CODEC(ZSTD(1)) COMMENT 'Height in pixels.',
    `frame_media_type` LowCardinality(String) COMMENT 'IANA media type, for example image/png.',
    `top1` Int32 CODEC(ZSTD(1)) COMMENT 'Class index with the highest probability.',
    `confidence` Float64 CODEC(ZSTD(1)) COMMENT 'Probability of that class, in [0, 1].',
    `margin` Float64 CODEC(ZSTD(1)) COMMENT 'Best minus second probability, in [0, 1].',
    `entropy` Float64 CODEC(ZSTD(1)) COMMENT 'Entropy of the probabilities in nats.',
    `embedding` Array(Float32) CODEC(ZSTD(1)) COMMENT 'L2-normalised embedding, at most 512 numbers.',
    `context_speed_mps` Nullable(Float64) CODEC(ZSTD(1)) COMMENT 'Speed in metres a second.',
    `context_weather` LowCardinality(Nullable(String)) COMMENT 'Weather as the device sees it.',
    `context_light` LowCardinality(Nullable(String)) COMMENT 'DAY or NIGHT.',
    `context_place_cell` Nullable(String) CODEC(ZSTD(1)) COMMENT 'Coarse cell of the place, never a position.',
    `consent` Bool COMMENT 'The picture may be used for training.',
    `uplink_bytes` Int64 CODEC(ZSTD(1)) COMMENT 'Bytes the device spent on it.',
    `_topic_id` LowCardinality(String) COMMENT 'Identity of the topic the row was read from.',
    `_partition` Int32 COMMENT 'Partition the row was read from.',
    `_offset` Int64 CODEC(Delta, ZSTD(1)) COMMENT 'Offset the row was read from.',
    `_ingested_at` DateTime64(6, 'UTC') CODEC(Delta, ZSTD(1)) COMMENT 'Stamp of the broker (ingest time), UTC.'
)
ENGINE = ReplacingMergeTree
PARTITION BY toYYYYMM(_ingested_at)
ORDER BY (device_id, captured_ts, _topic_id, _partition, _offset)
TTL toDateTime(_ingested_at) + INTERVAL 400 DAY
SETTINGS non_replicated_deduplication_window = 10000;

CREATE TABLE IF NOT EXISTS disengagements
(
    `event_id` String CODEC(ZSTD(1)) COMMENT 'Identity of the record; deterministic where it is derived.',
    `source` LowCardinality(String) COMMENT 'live, simulated, or replay:<data set>.',
    `device_id` String CODEC(ZSTD(1)) COMMENT 'Device that wrote it or that it speaks of.',
    `device_class` LowCardinality(String) COMMENT 'Kind of machine.',
    `hardware` LowCardinality(String) COMMENT 'Hardware generation of the catalogue.',
    `region` LowCardinality(String) COMMENT 'Region of the catalogue.',
    `release_id` LowCardinality(Nullable(String)) COMMENT 'Release that was running; null only in replays.',
    `model_digest` LowCardinality(Nullable(String)) COMMENT 'SHA-256 of the model that was running, hex; null only in replays.',
    `event_ts` DateTime64(6, 'UTC') CODEC(Delta, ZSTD(1)) COMMENT 'When, UTC microseconds.',
    `precision` LowCardinality(String) COMMENT 'How exactly event_ts is known.',
    `initiator` LowCardinality(String) COMMENT 'Who ended autonomy.',
    `mode_before` LowCardinality(String) COMMENT 'Driving mode before.',
    `mode_after` LowCardinality(String) COMMENT 'Driving mode after.',
    `cause` LowCardinality(Nullable(String)) COMMENT 'Cause as a code.',
    `cause_text` Nullable(String) CODEC(ZSTD(1)) COMMENT 'Cause in words.',
    `cause_model` LowCardinality(Nullable(String)) COMMENT 'Classifier and version that named the cause.',
    `speed_mps` Nullable(Float64) CODEC(ZSTD(1)) COMMENT 'Speed in metres a second.',
    `road_type` LowCardinality(Nullable(String)) COMMENT 'Kind of road.',
    `encounter_id` Nullable(String) CODEC(ZSTD(1)) COMMENT 'Encounter it happened in.',
    `context_uri` Nullable(String) CODEC(ZSTD(1)) COMMENT 'Object-store address of the seconds before.',
    `_topic_id` LowCardinality(String) COMMENT 'Identity of the topic the row was read from.',
    `_partition` Int32 COMMENT 'Partition the row was read from.',
    `_offset` Int64 CODEC(Delta, ZSTD(1)) COMMENT 'Offset the row was read from.',
    `_ingested_at` DateTime64(6, 'UTC') CODEC(Delta, ZSTD(1)) COMMENT 'Stamp of the broker (ingest time), UTC.'
)
ENGINE = ReplacingMergeTree
PARTITION BY toYYYYMM(_ingested_at)
ORDER BY (device_id, event_ts, _topic_id, _partition, _offset)
TTL toDateTime(_ingested_at) + INTERVAL 3650 DAY
SETTINGS non_replicated_deduplication_window = 10000;

CREATE TABLE IF NOT EXISTS incidents
(
    `event_id` String CODEC(ZSTD(1)) COMMENT 'Identity of the record; deterministic where it is derived.',
    `source` LowCardinality(String) COMMENT 'live, simulated, or replay:<data set>.',
    `report_id` String CODEC(ZSTD(1)) COMMENT 'Identity of the report.',
    `report_version` Int32 CODEC(ZSTD(1)) COMMENT 'Version of the report.',
    `incident_id` String CODEC(ZSTD(1)) COMMENT 'Incident that several reports may share.',
    `operator` LowCardinality(String) COMMENT 'Reporting entity.',
    `software_version` Nullable(String) CODEC(ZSTD(1)) COMMENT 'Version the operator named.',
    `severity` LowCardinality(String) COMMENT 'Highest injury severity.',
    `month` String CODEC(ZSTD(1)) COMMENT 'Month of the incident, YYYY-MM.',
    `state` LowCardinality(String) COMMENT 'State or territory.',
    `engaged` Nullable(Bool) COMMENT 'Automation was engaged.',
    `narrative` String CODEC(ZSTD(1)) COMMENT 'What happened, in the operator\'s words.',
    `_topic_id` LowCardinality(String) COMMENT 'Identity of the topic the row was read from.',
    `_partition` Int32 COMMENT 'Partition the row was read from.',
    `_offset` Int64 CODEC(Delta, ZSTD(1)) COMMENT 'Offset the row was read from.',
    `_ingested_at` DateTime64(6, 'UTC') CODEC(Delta, ZSTD(1)) COMMENT 'Stamp of the broker (ingest time), UTC.'
)
ENGINE = ReplacingMergeTree
PARTITION BY toYYYYMM(_ingested_at)
ORDER BY (report_id, report_version, _topic_id, _partition, _offset)
SETTINGS non_replicated_deduplication_window = 10000;
