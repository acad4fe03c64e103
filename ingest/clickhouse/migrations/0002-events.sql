-- The raw change log, in sequence order. A partition is one complete subtree of the Merkle tree (2^24 leaves).
-- The other access paths are projections on _part_offset (indexes, not copies) and a text index over the new values.
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
    object UUID CODEC(ZSTD),
    entry UUID CODEC(ZSTD),
    object_type LowCardinality(String),
    object_name String CODEC(ZSTD),
    agent LowCardinality(String),
    anchor String CODEC(ZSTD),
    dn String CODEC(ZSTD),
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
    ) CODEC(ZSTD),
    initiator LowCardinality(String),
    initiator_known LowCardinality(String),
    performer LowCardinality(String),
    address LowCardinality(String),
    causes Array(UInt64) CODEC(ZSTD),
    root UInt64 CODEC(ZSTD),
    rule LowCardinality(String),
    configuration UInt64 CODEC(ZSTD),
    configuration_known UInt8,
    run UInt64 CODEC(ZSTD),
    run_known UInt8,
    step UInt16,
    step_kind LowCardinality(String),
    out_of_band UInt8,
    subject_key UInt64 CODEC(ZSTD),
    actor_key UInt64 CODEC(ZSTD),
    object_commitment String,
    actor_commitment String,
    values_commitment String,
    PROJECTION by_object (SELECT _part_offset ORDER BY object, sequence),
    PROJECTION by_entry (SELECT _part_offset ORDER BY entry, sequence),
    PROJECTION by_initiator (SELECT _part_offset ORDER BY initiator, sequence),
    PROJECTION by_run (SELECT _part_offset ORDER BY run, sequence),
    PROJECTION by_root (SELECT _part_offset ORDER BY root, sequence),
    INDEX occurred occurred_at TYPE minmax GRANULARITY 1,
    INDEX value_new value.new TYPE text(tokenizer = 'array') GRANULARITY 1,
    INDEX value_reference value.reference TYPE bloom_filter(0.01) GRANULARITY 1
)
ENGINE = MergeTree
PARTITION BY intDiv(sequence, 16777216)
ORDER BY sequence
SETTINGS non_replicated_deduplication_window = 1000, index_granularity = 1024, fsync_after_insert = 1, fsync_part_directory = 1
