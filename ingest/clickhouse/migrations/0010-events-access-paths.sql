-- Access paths, codecs and settings of events as they are now, also for tables made before. Everything here holds for the parts
-- that are written from now on; 0011 makes the access paths for those that are there.
-- A projection holds what it takes to find the newest events of an object, an entry or an initiator without looking at events:
-- they lie together there. The sequence is no larger than the row number that a projection may have in its place. It is not in the
-- order of a projection: what is equal lies in its order all the same, and with a condition on it ClickHouse would look at every mark.
-- The sequences of set_by are of few bytes, as random as the past is long: T64 takes off the others. Row numbers in the text index
-- are packed.
ALTER TABLE events
    ADD PROJECTION IF NOT EXISTS of_object (SELECT object, sequence, stage, outcome ORDER BY object),
    ADD PROJECTION IF NOT EXISTS of_entry (SELECT entry, sequence, object, stage, outcome ORDER BY entry),
    ADD PROJECTION IF NOT EXISTS of_initiator (SELECT initiator, sequence, stage, outcome ORDER BY initiator),
    DROP PROJECTION IF EXISTS by_object,
    DROP PROJECTION IF EXISTS by_entry,
    DROP PROJECTION IF EXISTS by_initiator,
    DROP PROJECTION IF EXISTS by_run,
    DROP PROJECTION IF EXISTS by_root,
    ADD INDEX IF NOT EXISTS run run TYPE minmax GRANULARITY 1,
    ADD INDEX IF NOT EXISTS root root TYPE bloom_filter(0.01) GRANULARITY 1,
    DROP INDEX IF EXISTS value_new,
    DROP INDEX IF EXISTS value_text,
    ADD INDEX IF NOT EXISTS value_texts arrayConcat(value.new, value.old) TYPE text(tokenizer = 'array', posting_list_codec = 'bitpacking') GRANULARITY 1,
    MODIFY COLUMN `value.set_by` Array(UInt64) CODEC(T64, ZSTD(3)),
    MODIFY COLUMN `value.key` Array(UInt64) CODEC(ZSTD(3)),
    MODIFY COLUMN object UUID CODEC(ZSTD(3)),
    MODIFY COLUMN entry UUID CODEC(ZSTD(3)),
    MODIFY COLUMN object_name String CODEC(ZSTD(3)),
    MODIFY COLUMN anchor String CODEC(ZSTD(3)),
    MODIFY COLUMN dn String CODEC(ZSTD(3)),
    MODIFY COLUMN `value.old` Array(String) CODEC(ZSTD(3)),
    MODIFY COLUMN `value.new` Array(String) CODEC(ZSTD(3)),
    MODIFY COLUMN `value.reference` Array(UUID) CODEC(ZSTD(3)),
    MODIFY COLUMN causes Array(UInt64) CODEC(Delta, ZSTD),
    MODIFY COLUMN root UInt64 CODEC(Delta, ZSTD),
    MODIFY COLUMN subject_key UInt64 CODEC(ZSTD(3)),
    MODIFY COLUMN actor_key UInt64 CODEC(ZSTD(3)),
    MODIFY SETTING default_compression_codec = 'ZSTD(3)', min_compress_block_size = 16384
SETTINGS alter_sync = 0
