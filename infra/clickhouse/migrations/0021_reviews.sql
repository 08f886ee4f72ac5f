-- Several people answer a question; an answer can be taken back; what the device itself saw.

ALTER TABLE dataset_manifests
    ADD COLUMN IF NOT EXISTS `classes` Array(String) CODEC(ZSTD(1)) COMMENT 'Labels an answer may give; set when ASK.' AFTER `assembled_ts`,
    ADD COLUMN IF NOT EXISTS `reviews` Int32 DEFAULT 1 CODEC(ZSTD(1)) COMMENT 'People asked about each encounter; of meaning when ASK.' AFTER `classes`,
    ADD COLUMN IF NOT EXISTS `second_reviews` Int32 CODEC(ZSTD(1)) COMMENT 'Encounters that one person more is asked about, to measure agreement; of meaning when ASK.' AFTER `reviews`,
    ADD COLUMN IF NOT EXISTS `questions_uri` Nullable(String) CODEC(ZSTD(1)) COMMENT 'Object-store address of all questions of the line and their answers; set when ASSEMBLED.' AFTER `second_reviews`,
    ADD COLUMN IF NOT EXISTS `questions_digest` Nullable(String) CODEC(ZSTD(1)) COMMENT 'SHA-256 of these, hex.' AFTER `questions_uri`,
    ADD COLUMN IF NOT EXISTS `agreement_encounters` Nullable(Int32) CODEC(ZSTD(1)) COMMENT 'Encounters that at least two people labelled without knowing of each other.' AFTER `questions_digest`,
    ADD COLUMN IF NOT EXISTS `agreement_agreeing` Nullable(Int32) CODEC(ZSTD(1)) COMMENT 'Of these, encounters they all labelled alike.' AFTER `agreement_encounters`,
    ADD COLUMN IF NOT EXISTS `agreement_alpha` Nullable(Float64) CODEC(ZSTD(1)) COMMENT 'Krippendorff\'s alpha, nominal: 1 full agreement, 0 that of chance; null where all labels are of one class.' AFTER `agreement_agreeing`;

ALTER TABLE label_requests
    ADD COLUMN IF NOT EXISTS `review` Int32 DEFAULT 1 CODEC(ZSTD(1)) COMMENT 'Which answer to the question it pays for, from 1; more than one person answers when it is above 1.' AFTER `asked_ts`,
    ADD COLUMN IF NOT EXISTS `adjudicates` Bool COMMENT 'Whether those who answered disagree and this answer settles it.' AFTER `review`,
    ADD COLUMN IF NOT EXISTS `trigger` LowCardinality(String) DEFAULT 'UNKNOWN' COMMENT 'Why the device kept the encounter.' AFTER `adjudicates`,
    ADD COLUMN IF NOT EXISTS `predicted` Nullable(String) CODEC(ZSTD(1)) COMMENT 'Class the device saw; null: not known by name.' AFTER `trigger`,
    ADD COLUMN IF NOT EXISTS `confidence` Nullable(Float64) CODEC(ZSTD(1)) COMMENT 'The device\'s probability for it, in [0, 1]; null as predicted is.' AFTER `predicted`,
    ADD COLUMN IF NOT EXISTS `release_id` LowCardinality(Nullable(String)) COMMENT 'Release whose model answered on the device; null: not known.' AFTER `confidence`,
    ADD COLUMN IF NOT EXISTS `model_digest` LowCardinality(Nullable(String)) COMMENT 'SHA-256 of that model, hex; null: not known.' AFTER `release_id`;

ALTER TABLE label_reviews
    ADD COLUMN IF NOT EXISTS `budget_line` LowCardinality(String) COMMENT 'Dataset line that asked; empty in records from before it was said.' AFTER `guideline_version`,
    ADD COLUMN IF NOT EXISTS `withdraws` Nullable(String) CODEC(ZSTD(1)) COMMENT 'Event id of the reviewer\'s answer that is taken back, with SKIP as label; null: this is an answer.' AFTER `budget_line`,
    ADD COLUMN IF NOT EXISTS `reason` String CODEC(ZSTD(1)) COMMENT 'Why it is taken back, in the reviewer\'s words; empty for an answer.' AFTER `withdraws`;
