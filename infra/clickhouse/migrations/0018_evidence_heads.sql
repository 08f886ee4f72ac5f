-- The head of a device's evidence, as each of its acknowledgements carries it.

ALTER TABLE ota_acks ADD COLUMN IF NOT EXISTS `evidence_head` Nullable(String) CODEC(ZSTD(1)) COMMENT 'Hash of the last line of evidence on the device when it wrote the record, hex; null: it keeps none.' AFTER `device_ts`;
