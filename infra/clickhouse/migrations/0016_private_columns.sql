-- Where a device was, and where its pictures are, is kept shorter than the rows: docs/privacy.md. A
-- merge empties the column. The picture's digest stays: erasures and duplicates are found by it.

ALTER TABLE edge_cases MODIFY COLUMN `context_place_cell` TTL toDateTime(_ingested_at) + INTERVAL 30 DAY;

ALTER TABLE edge_cases MODIFY COLUMN `frame_uri` TTL toDateTime(_ingested_at) + INTERVAL 90 DAY;

ALTER TABLE label_requests MODIFY COLUMN `frames` TTL toDateTime(_ingested_at) + INTERVAL 90 DAY;

ALTER TABLE disengagements MODIFY COLUMN `context_uri` TTL toDateTime(_ingested_at) + INTERVAL 90 DAY;

-- Rows are counted in their tables now: whether an erased record had been one needs no column.
ALTER TABLE erased DROP COLUMN IF EXISTS was_stored;
