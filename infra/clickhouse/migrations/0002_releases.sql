-- Releases, orders about them, and the counts the gate decides by.

CREATE TABLE IF NOT EXISTS model_releases
(
    `event_id` String CODEC(ZSTD(1)) COMMENT 'Identity of the record; deterministic where it is derived.',
    `source` LowCardinality(String) COMMENT 'live, simulated, or replay:<data set>.',
    `release_id` LowCardinality(String) COMMENT 'The release.',
    `kind` LowCardinality(String) COMMENT 'What this step is.',
    `decision_id` String CODEC(ZSTD(1)) COMMENT 'Hash of release_id and decision_seq.',
    `decision_seq` Int64 CODEC(ZSTD(1)) COMMENT 'Place in the release\'s one sequence of steps, from 0.',
    `decided_ts` DateTime64(6, 'UTC') CODEC(Delta, ZSTD(1)) COMMENT 'When it was decided, UTC microseconds.',
    `signer` LowCardinality(String) COMMENT 'Name of the key that signed.',
    `signature` String CODEC(ZSTD(1)) COMMENT 'Ed25519 signature of the canonical record, hex.',
    `device_class` LowCardinality(String) COMMENT 'Kind of machine the release is for.',
    `stratum` LowCardinality(Nullable(String)) COMMENT 'Stratum the step is about; null: all strata.',
    `wave` Nullable(Int32) CODEC(ZSTD(1)) COMMENT 'Wave number, from 0.',
    `share` Nullable(Float64) CODEC(ZSTD(1)) COMMENT 'Cumulative share of the stratum in the wave, in [0, 1].',
    `rate_per_min` Nullable(Int32) CODEC(ZSTD(1)) COMMENT 'Devices a minute that may begin; null: no limit.',
    `artifact_uri` Nullable(String) CODEC(ZSTD(1)) COMMENT 'Object-store address of the model file.',
    `artifact_digest` Nullable(String) CODEC(ZSTD(1)) COMMENT 'SHA-256 of the file, 64 hex digits.',
    `artifact_bytes` Nullable(Int64) CODEC(ZSTD(1)) COMMENT 'Length of the file in bytes.',
    `artifact_format` LowCardinality(Nullable(String)) COMMENT 'File format, for example ONNX.',
    `artifact_opset` Nullable(Int32) CODEC(ZSTD(1)) COMMENT 'ONNX operator set version.',
    `artifact_input_shape` Array(Int32) CODEC(ZSTD(1)) COMMENT 'Input shape without the batch axis: height, width, channels in pixels.',
    `artifact_runtime` LowCardinality(Nullable(String)) COMMENT 'Runtime and least version that runs it.',
    `parent_release_id` LowCardinality(Nullable(String)) COMMENT 'Release this one replaces; null for the first.',
    `counter` Int64 CODEC(ZSTD(1)) COMMENT 'Release counter; only ever rises.',
    `salt` String CODEC(ZSTD(1)) COMMENT 'Salt of cohort membership.',
    `strata` Array(String) CODEC(ZSTD(1)) COMMENT 'Strata (hardware generations) the release is for.',
    `deadline_us` Map(String, Int64) CODEC(ZSTD(1)) COMMENT 'Inference deadline in microseconds by hardware generation.',
    `preconditions_parked` Nullable(Bool) COMMENT 'The device must stand still.',
    `preconditions_min_state_of_charge` Nullable(Float64) CODEC(ZSTD(1)) COMMENT 'Least battery charge, share in [0, 1].',
    `preconditions_network` LowCardinality(Nullable(String)) COMMENT 'Network the download may use: ANY or UNMETERED.',
    `purpose` String CODEC(ZSTD(1)) COMMENT 'Why the release exists.',
    `affected_functions` Array(String) CODEC(ZSTD(1)) COMMENT 'Functions of the machine it can change.',
    `safety_relevant` Bool COMMENT 'Two people must approve.',
    `recall_id` Nullable(String) CODEC(ZSTD(1)) COMMENT 'Recall it answers.',
    `author` String CODEC(ZSTD(1)) COMMENT 'Who made it.',
    `approvers` Array(String) CODEC(ZSTD(1)) COMMENT 'Who approved it.',
    `dataset_id` Nullable(String) CODEC(ZSTD(1)) COMMENT 'Dataset it was trained from.',
    `metrics` Map(String, Float64) CODEC(ZSTD(1)) COMMENT 'Offline metrics by name; shares in [0, 1] unless the name has a unit.',
    `evidence_n` Nullable(Int64) CODEC(ZSTD(1)) COMMENT 'Devices accepted, in the stratum decided about.',
    `evidence_failures_low` Nullable(Int64) CODEC(ZSTD(1)) COMMENT 'Failures known (undecided devices counted good).',
    `evidence_failures_high` Nullable(Int64) CODEC(ZSTD(1)) COMMENT 'Devices not yet committed (undecided devices counted bad).',
    `evidence_e_harm` Nullable(Float64) CODEC(ZSTD(1)) COMMENT 'E-value against the hypothesis that the release is within its ceiling; no unit.',
    `evidence_e_safe` Nullable(Float64) CODEC(ZSTD(1)) COMMENT 'E-value against the hypothesis that the release is beyond its ceiling; no unit.',
    `evidence_thresholds` Map(String, Float64) CODEC(ZSTD(1)) COMMENT 'Threshold by test name; no unit.',
    `evidence_config_digest` Nullable(String) CODEC(ZSTD(1)) COMMENT 'SHA-256 of the policy in force, hex.',
    `evidence_offsets` Map(String, Int64) CODEC(ZSTD(1)) COMMENT 'Last offset read by the decision, by topic/partition.',
    `rollback_to_release_id` LowCardinality(Nullable(String)) COMMENT 'Release to return to; set when ROLLBACK_ORDERED.',
    `rollback_to_digest` LowCardinality(Nullable(String)) COMMENT 'SHA-256 of the model to return to, hex; set when ROLLBACK_ORDERED.',
    `reason` String CODEC(ZSTD(1)) COMMENT 'Why, in one sentence.',
    `_topic_id` LowCardinality(String) COMMENT 'Identity of the topic the row was read from.',
    `_partition` Int32 COMMENT 'Partition the row was read from.',
    `_offset` Int64 CODEC(Delta, ZSTD(1)) COMMENT 'Offset the row was read from.',
    `_ingested_at` DateTime64(6, 'UTC') CODEC(Delta, ZSTD(1)) COMMENT 'Stamp of the broker (ingest time), UTC.'
)
ENGINE = ReplacingMergeTree
PARTITION BY toYYYYMM(_ingested_at)
ORDER BY (release_id, decision_seq, _topic_id, _partition, _offset)
SETTINGS non_replicated_deduplication_window = 10000;

CREATE TABLE IF NOT EXISTS rollout_commands
(
    `event_id` String CODEC(ZSTD(1)) COMMENT 'Identity of the record; deterministic where it is derived.',
    `source` LowCardinality(String) COMMENT 'live, simulated, or replay:<data set>.',
    `release_id` LowCardinality(String) COMMENT 'The release.',
    `command` LowCardinality(String) COMMENT 'The order.',
    `by` String CODEC(ZSTD(1)) COMMENT 'Who orders.',
    `reason` String CODEC(ZSTD(1)) COMMENT 'Why.',
    `stratum` LowCardinality(Nullable(String)) COMMENT 'Stratum it is about; null: all.',
    `issued_ts` DateTime64(6, 'UTC') CODEC(Delta, ZSTD(1)) COMMENT 'When, UTC microseconds.',
    `signer` LowCardinality(String) COMMENT 'Name of the key that signed.',
    `signature` String CODEC(ZSTD(1)) COMMENT 'Ed25519 signature of the canonical record, hex.',
    `_topic_id` LowCardinality(String) COMMENT 'Identity of the topic the row was read from.',
    `_partition` Int32 COMMENT 'Partition the row was read from.',
    `_offset` Int64 CODEC(Delta, ZSTD(1)) COMMENT 'Offset the row was read from.',
    `_ingested_at` DateTime64(6, 'UTC') CODEC(Delta, ZSTD(1)) COMMENT 'Stamp of the broker (ingest time), UTC.'
)
ENGINE = ReplacingMergeTree
PARTITION BY toYYYYMM(_ingested_at)
ORDER BY (release_id, issued_ts, _topic_id, _partition, _offset)
SETTINGS non_replicated_deduplication_window = 10000;

CREATE TABLE IF NOT EXISTS rollout_partials
(
    `event_id` String CODEC(ZSTD(1)) COMMENT 'Identity of the record; deterministic where it is derived.',
    `source` LowCardinality(String) COMMENT 'live, simulated, or replay:<data set>.',
    `kind` LowCardinality(String) COMMENT 'A count or progress.',
    `generation` LowCardinality(String) COMMENT 'Generation of the stage that wrote it.',
    `ingest_ts` DateTime64(6, 'UTC') CODEC(Delta, ZSTD(1)) COMMENT 'Highest ingest time included, UTC microseconds.',
    `source_topic` LowCardinality(String) COMMENT 'Topic counted.',
    `source_partition` Int32 CODEC(ZSTD(1)) COMMENT 'Partition counted.',
    `last_offset` Int64 CODEC(ZSTD(1)) COMMENT 'Last offset included.',
    `watermark` DateTime64(6, 'UTC') CODEC(Delta, ZSTD(1)) COMMENT 'No earlier event time is expected from this partition, UTC microseconds.',
    `release_id` LowCardinality(String) COMMENT 'The release; empty for PROGRESS.',
    `stratum` LowCardinality(String) COMMENT 'Stratum counted.',
    `arm` LowCardinality(String) COMMENT 'Side of the rollout.',
    `window_start` Nullable(DateTime64(6, 'UTC')) CODEC(Delta, ZSTD(1)) COMMENT 'Begin of the window, UTC microseconds; null: the whole rollout.',
    `offered` Int64 CODEC(ZSTD(1)) COMMENT 'Devices offered the release.',
    `accepted` Int64 CODEC(ZSTD(1)) COMMENT 'Devices that accepted.',
    `committed` Int64 CODEC(ZSTD(1)) COMMENT 'Devices that ever committed with the release\'s digest.',
    `failed` Int64 CODEC(ZSTD(1)) COMMENT 'Devices that failed or reverted by themselves.',
    `silent` Int64 CODEC(ZSTD(1)) COMMENT 'Devices that accepted and said nothing final in time.',
    `deferred` Int64 CODEC(ZSTD(1)) COMMENT 'Devices that deferred.',
    `critical` Int64 CODEC(ZSTD(1)) COMMENT 'Critical events.',
    `rolled_back` Int64 CODEC(ZSTD(1)) COMMENT 'Devices back on the earlier model by order.',
    `exposure_m` Float64 CODEC(ZSTD(1)) COMMENT 'Distance driven with the release, in metres.',
    `events` Int64 CODEC(ZSTD(1)) COMMENT 'Disengagements with the release.',
    `windows_judged` Int64 CODEC(ZSTD(1)) COMMENT 'Device windows judged.',
    `windows_over` Int64 CODEC(ZSTD(1)) COMMENT 'Device windows beyond the latency objective.',
    `_topic_id` LowCardinality(String) COMMENT 'Identity of the topic the row was read from.',
    `_partition` Int32 COMMENT 'Partition the row was read from.',
    `_offset` Int64 CODEC(Delta, ZSTD(1)) COMMENT 'Offset the row was read from.',
    `_ingested_at` DateTime64(6, 'UTC') CODEC(Delta, ZSTD(1)) COMMENT 'Stamp of the broker (ingest time), UTC.'
)
ENGINE = ReplacingMergeTree
PARTITION BY toYYYYMM(_ingested_at)
ORDER BY (release_id, stratum, source_partition, last_offset, _topic_id, _partition, _offset)
TTL toDateTime(_ingested_at) + INTERVAL 400 DAY
SETTINGS non_replicated_deduplication_window = 10000;
