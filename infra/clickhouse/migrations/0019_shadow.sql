-- What a release run beside the live model was seen to do, on the device and added up by the gate.

ALTER TABLE inference_events
    ADD COLUMN IF NOT EXISTS `shadow_encounters` Array(Int32) CODEC(ZSTD(1)) COMMENT 'Encounters that both models saw whole, by the class the live model gave the nearest frame; empty: no model ran beside.' AFTER `clock_offset_ms`,
    ADD COLUMN IF NOT EXISTS `shadow_differing` Array(Int32) CODEC(ZSTD(1)) COMMENT 'Of these, encounters whose nearest frame the shadow gave another class, by the same class.' AFTER `shadow_encounters`,
    ADD COLUMN IF NOT EXISTS `shadow_judged` Int32 CODEC(ZSTD(1)) COMMENT 'Frames the shadow was to answer, without those right after it was loaded.' AFTER `shadow_differing`,
    ADD COLUMN IF NOT EXISTS `shadow_late` Int32 CODEC(ZSTD(1)) COMMENT 'Of these, frames it answered after the deadline or not at all.' AFTER `shadow_judged`,
    ADD COLUMN IF NOT EXISTS `shadow_busy_us` Int64 CODEC(ZSTD(1)) COMMENT 'Sum of the shadow\'s latencies in microseconds: what running it beside cost.' AFTER `shadow_late`;

ALTER TABLE rollout_partials
    ADD COLUMN IF NOT EXISTS `shadow_devices` Int64 CODEC(ZSTD(1)) COMMENT 'Devices judged by the latency of the release as a shadow, cumulative.' AFTER `windows_over`,
    ADD COLUMN IF NOT EXISTS `shadow_failed` Int64 CODEC(ZSTD(1)) COMMENT 'Of these, devices that failed by it, cumulative.' AFTER `shadow_devices`,
    ADD COLUMN IF NOT EXISTS `shadow_slices` Array(Tuple(slice String, encounters Int64, differing Int64)) CODEC(ZSTD(1)) COMMENT 'Encounters compared in shadow, by class and by region.' AFTER `shadow_failed`;
