-- The raw change log, in sequence order. A partition is one complete subtree of the Merkle tree (2^24 leaves).
-- The other access paths are projections on _part_offset (indexes, not copies), and a text index over the values. The
-- projections lack the sequence: what is equal in them lies in its order all the same, and it would be half of their size.
-- The events of a run follow each other, those of a root mostly: for them an index of a byte an event does.
-- A question reads a few events from all over the log, each with its granule and its blocks: those are small. ZSTD(3) takes longer to
-- write than ZSTD, and no longer to read.
CREATE TABLE IF NOT EXISTS events
(
    log LowCardinality(String),
    sequence UInt64 CODEC(Delta, ZSTD),
    event_version UInt8,
    recorded_at DateTime64(6, 'UTC') CODEC(Delta, ZSTD),
    occurred_at DateTime64(6, 'UTC') CODEC(Delta, ZSTD),
    occurred_at_known LowCardinality(String),
    stage LowCardinality(String),
    operation LowCardinality(String),
    outcome LowCardinality(String),
    error LowCardinality(String),
    object UUID CODEC(ZSTD(3)),
    entry UUID CODEC(ZSTD(3)),
    object_type LowCardinality(String),
    object_name String CODEC(ZSTD(3)),
    agent LowCardinality(String),
    anchor String CODEC(ZSTD(3)),
    dn String CODEC(ZSTD(3)),
    value Nested
    (
        attribute LowCardinality(String),
        type LowCardinality(String),
        operation LowCardinality(String),
        old String,
        new String,
        reference UUID,
        marks UInt8,
        rule LowCardinality(String),
        set_by UInt64,
        set_by_known UInt8,
        key UInt64,
        commitment String
    ) CODEC(ZSTD(3)),
    initiator LowCardinality(String),
    initiator_known LowCardinality(String),
    performer LowCardinality(String),
    address LowCardinality(String),
    causes Array(UInt64) CODEC(Delta, ZSTD),
    root UInt64 CODEC(Delta, ZSTD),
    rule LowCardinality(String),
    configuration UInt64 CODEC(ZSTD(3)),
    configuration_known UInt8,
    run UInt64 CODEC(ZSTD(3)),
    run_known UInt8,
    step UInt16,
    step_kind LowCardinality(String),
    out_of_band UInt8,
    subject_key UInt64 CODEC(ZSTD(3)),
    actor_key UInt64 CODEC(ZSTD(3)),
    object_commitment String,
    actor_commitment String,
    values_commitment String,
    PROJECTION by_object (SELECT _part_offset ORDER BY object),
    PROJECTION by_entry (SELECT _part_offset ORDER BY entry),
    PROJECTION by_initiator (SELECT _part_offset ORDER BY initiator),
    INDEX run run TYPE minmax GRANULARITY 1,
    INDEX root root TYPE bloom_filter(0.01) GRANULARITY 1,
    INDEX occurred occurred_at TYPE minmax GRANULARITY 1,
    INDEX value_text arrayConcat(value.new, value.old) TYPE text(tokenizer = 'array') GRANULARITY 1,
    INDEX value_reference value.reference TYPE bloom_filter(0.01) GRANULARITY 1
)
ENGINE = MergeTree
PARTITION BY intDiv(sequence, 16777216)
ORDER BY sequence
SETTINGS default_compression_codec = 'ZSTD(3)', non_replicated_deduplication_window = 1000, index_granularity = 256, min_compress_block_size = 16384, fsync_after_insert = 1, fsync_part_directory = 1
