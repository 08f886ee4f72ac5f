-- A person may order that an open question is cut with the answers there are.

ALTER TABLE dataset_manifests
    ADD COLUMN IF NOT EXISTS `ordered_by` String CODEC(ZSTD(1)) COMMENT 'Who orders it; set when CUT_ORDERED.' AFTER `agreement_alpha`,
    ADD COLUMN IF NOT EXISTS `reason` String CODEC(ZSTD(1)) COMMENT 'Why, in their words; set when CUT_ORDERED.' AFTER `ordered_by`;
