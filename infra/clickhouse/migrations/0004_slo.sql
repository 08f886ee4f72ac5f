-- Latency counts, alerts and what operators do to them.

CREATE TABLE IF NOT EXISTS slo_partials
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
    `slo` LowCardinality(String) COMMENT 'SLO name; empty for PROGRESS.',
    `key` Map(String, String) CODEC(ZSTD(1)) COMMENT 'Group-by labels.',
    `bucket_start` Nullable(DateTime64(6, 'UTC')) CODEC(Delta, ZSTD(1)) COMMENT 'Begin of the bucket, UTC microseconds.',
    `total` Int64 CODEC(ZSTD(1)) COMMENT 'Events judged, cumulative.',
    `bad` Int64 CODEC(ZSTD(1)) COMMENT 'Bad events, cumulative.',
    `latency_scale` Nullable(Int32) CODEC(ZSTD(1)) COMMENT 'Resolution: bucket i covers (base^i, base^(i+1)], base = 2^(2^-scale).',
    `latency_zero_count` Nullable(Int32) CODEC(ZSTD(1)) COMMENT 'Results whose ratio counted as zero.',
    `latency_offset` Nullable(Int32) CODEC(ZSTD(1)) COMMENT 'Bucket index of counts[0].',
    `latency_counts` Array(Int32) CODEC(ZSTD(1)) COMMENT 'Results by bucket, at most 160.',
    `latency_sum_us` Nullable(Int64) CODEC(ZSTD(1)) COMMENT 'Sum of latencies in microseconds.',
    `latency_min_us` Nullable(Int64) CODEC(ZSTD(1)) COMMENT 'Smallest latency in microseconds; 0 when empty.',
    `latency_max_us` Nullable(Int64) CODEC(ZSTD(1)) COMMENT 'Largest latency in microseconds; 0 when empty.',
    `exemplars` Array(Tuple(event_id String, device_id String, trace_id String, latency_us Int64)) CODEC(ZSTD(1)) COMMENT 'Up to 4 late inferences.',
    `_topic_id` LowCardinality(String) COMMENT 'Identity of the topic the row was read from.',
    `_partition` Int32 COMMENT 'Partition the row was read from.',
    `_offset` Int64 CODEC(Delta, ZSTD(1)) COMMENT 'Offset the row was read from.',
    `_ingested_at` DateTime64(6, 'UTC') CODEC(Delta, ZSTD(1)) COMMENT 'Stamp of the broker (ingest time), UTC.'
)
ENGINE = ReplacingMergeTree
PARTITION BY toYYYYMMDD(_ingested_at)
ORDER BY (slo, source_partition, last_offset, _topic_id, _partition, _offset)
TTL toDateTime(_ingested_at) + INTERVAL 31 DAY
SETTINGS non_replicated_deduplication_window = 10000;

CREATE TABLE IF NOT EXISTS alerts
(
    `event_id` String CODEC(ZSTD(1)) COMMENT 'Identity of the record; deterministic where it is derived.',
    `source` LowCardinality(String) COMMENT 'live, simulated, or replay:<data set>.',
    `alert_id` String CODEC(ZSTD(1)) COMMENT 'uuid5 of fingerprint and starts_at.',
    `fingerprint` String CODEC(ZSTD(1)) COMMENT 'FNV-1a 64 of the labels, 16 hex digits.',
    `seq` Int64 CODEC(ZSTD(1)) COMMENT 'Place in the fingerprint\'s one sequence of steps, from 0.',
    `alertname` LowCardinality(String) COMMENT 'Name of the alert.',
    `kind` LowCardinality(String) COMMENT 'What watches.',
    `severity` LowCardinality(String) COMMENT 'Who is disturbed.',
    `state` LowCardinality(String) COMMENT 'State from now on.',
    `reason` String CODEC(ZSTD(1)) COMMENT 'Why the state changed.',
    `labels` Map(String, String) CODEC(ZSTD(1)) COMMENT 'Identity of the alert.',
    `annotations` Map(String, String) CODEC(ZSTD(1)) COMMENT 'Words and links for the reader.',
    `slo_name` LowCardinality(Nullable(String)) COMMENT 'SLO name.',
    `slo_objective` Nullable(Float64) CODEC(ZSTD(1)) COMMENT 'Share of good events promised, in (0, 1).',
    `slo_window_s` Nullable(Int64) CODEC(ZSTD(1)) COMMENT 'Budget period in seconds.',
    `slo_threshold_us` Nullable(Int64) CODEC(ZSTD(1)) COMMENT 'Latency limit in microseconds.',
    `tiers` Array(Tuple(long_s Int64, short_s Int64, factor Float64, burn_long Float64, burn_short Float64, n_long Int64, bad_long Int64, n_short Int64, bad_short Int64, active Bool)) CODEC(ZSTD(1)) COMMENT 'Conditions at the transition.',
    `budget_remaining` Nullable(Float64) CODEC(ZSTD(1)) COMMENT 'Share of the budget left; negative when overspent.',
    `budget_exhaustion_s` Nullable(Float64) CODEC(ZSTD(1)) COMMENT 'Seconds until nothing is left at the present burn; null when it does not burn.',
    `latency_p50_ms` Nullable(Float64) CODEC(ZSTD(1)) COMMENT 'Median in milliseconds.',
    `latency_p95_ms` Nullable(Float64) CODEC(ZSTD(1)) COMMENT '95th percentile in milliseconds.',
    `latency_p99_ms` Nullable(Float64) CODEC(ZSTD(1)) COMMENT '99th percentile in milliseconds.',
    `latency_max_ms` Nullable(Float64) CODEC(ZSTD(1)) COMMENT 'Largest in milliseconds.',
    `suspects` Array(Tuple(label String, value String, lift Float64, bad Int64, total Int64)) CODEC(ZSTD(1)) COMMENT 'Label values that carry the burn.',
    `exemplars` Array(Tuple(event_id String, device_id String, trace_id String, latency_us Int64)) CODEC(ZSTD(1)) COMMENT 'Up to 8 inferences that show it.',
    `starts_at` DateTime64(6, 'UTC') CODEC(Delta, ZSTD(1)) COMMENT 'Begin of the episode in event time, UTC microseconds.',
    `detected_at` DateTime64(6, 'UTC') CODEC(Delta, ZSTD(1)) COMMENT 'When it was found, ingest time, UTC microseconds.',
    `ends_at` Nullable(DateTime64(6, 'UTC')) CODEC(Delta, ZSTD(1)) COMMENT 'When the condition ended, event time, UTC microseconds.',
    `resolved_at` Nullable(DateTime64(6, 'UTC')) CODEC(Delta, ZSTD(1)) COMMENT 'When it was resolved, ingest time, UTC microseconds.',
    `watermark` DateTime64(6, 'UTC') CODEC(Delta, ZSTD(1)) COMMENT 'Event time up to which was read, UTC microseconds.',
    `evaluated_at` DateTime64(6, 'UTC') CODEC(Delta, ZSTD(1)) COMMENT 'Ingest time of the evaluation, UTC microseconds.',
    `detection_delay_ms` Int64 CODEC(ZSTD(1)) COMMENT 'detected_at minus starts_at, in milliseconds.',
    `late_events` Int64 CODEC(ZSTD(1)) COMMENT 'Events that came after their window was judged.',
    `flapping` Bool COMMENT 'It resolved too often lately.',
    `flap_count` Int32 CODEC(ZSTD(1)) COMMENT 'Resolutions within the last hour.',
    `inhibited_by` Array(String) CODEC(ZSTD(1)) COMMENT 'Fingerprints that mute it.',
    `silenced_by` Array(String) CODEC(ZSTD(1)) COMMENT 'Silences that mute it.',
    `acked_by` Nullable(String) CODEC(ZSTD(1)) COMMENT 'Who acknowledged it.',
    `shadow` Bool COMMENT 'It is recorded, never sent.',
    `_topic_id` LowCardinality(String) COMMENT 'Identity of the topic the row was read from.',
    `_partition` Int32 COMMENT 'Partition the row was read from.',
    `_offset` Int64 CODEC(Delta, ZSTD(1)) COMMENT 'Offset the row was read from.',
    `_ingested_at` DateTime64(6, 'UTC') CODEC(Delta, ZSTD(1)) COMMENT 'Stamp of the broker (ingest time), UTC.'
)
ENGINE = ReplacingMergeTree
PARTITION BY toYYYYMM(_ingested_at)
ORDER BY (fingerprint, seq, _topic_id, _partition, _offset)
TTL toDateTime(_ingested_at) + INTERVAL 3650 DAY
SETTINGS non_replicated_deduplication_window = 10000;

CREATE TABLE IF NOT EXISTS alert_controls
(
    `event_id` String CODEC(ZSTD(1)) COMMENT 'Identity of the record; deterministic where it is derived.',
    `source` LowCardinality(String) COMMENT 'live, simulated, or replay:<data set>.',
    `control_id` String CODEC(ZSTD(1)) COMMENT 'Identity of the control.',
    `kind` LowCardinality(String) COMMENT 'What it does.',
    `matchers` Array(Tuple(name String, op String, value String)) CODEC(ZSTD(1)) COMMENT 'Alerts it is about: all must match.',
    `start_ts` DateTime64(6, 'UTC') CODEC(Delta, ZSTD(1)) COMMENT 'From when, UTC microseconds.',
    `end_ts` Nullable(DateTime64(6, 'UTC')) CODEC(Delta, ZSTD(1)) COMMENT 'Until when, UTC microseconds; null: until removed.',
    `by` String CODEC(ZSTD(1)) COMMENT 'Who.',
    `comment` String CODEC(ZSTD(1)) COMMENT 'Why.',
    `_topic_id` LowCardinality(String) COMMENT 'Identity of the topic the row was read from.',
    `_partition` Int32 COMMENT 'Partition the row was read from.',
    `_offset` Int64 CODEC(Delta, ZSTD(1)) COMMENT 'Offset the row was read from.',
    `_ingested_at` DateTime64(6, 'UTC') CODEC(Delta, ZSTD(1)) COMMENT 'Stamp of the broker (ingest time), UTC.'
)
ENGINE = ReplacingMergeTree
PARTITION BY toYYYYMM(_ingested_at)
ORDER BY (control_id, start_ts, _topic_id, _partition, _offset)
SETTINGS non_replicated_deduplication_window = 10000;
