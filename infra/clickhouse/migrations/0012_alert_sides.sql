-- Counts by the labels outside an SLO's key, and whether an alert was judged by part of its window.

ALTER TABLE slo_partials ADD COLUMN IF NOT EXISTS `sides` Array(Tuple(label String, value String, total Int64, bad Int64)) CODEC(ZSTD(1)) COMMENT 'Counts by the labels outside the key, at most 32 values of each.' AFTER `exemplars`;

ALTER TABLE alerts ADD COLUMN IF NOT EXISTS `partial` Bool COMMENT 'A window reaches back before the counts that the log still held.' AFTER `shadow`;
