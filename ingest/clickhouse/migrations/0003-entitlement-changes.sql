-- Every grant and revocation: each value of an attribute marked entitlement that took effect, in the metaverse
-- (agent '') or in a connected system. The population's access at an instant is a fold over this table alone.
CREATE TABLE IF NOT EXISTS entitlement_changes
(
    agent LowCardinality(String),
    -- Who holds it: the object a reference names, else the object itself. Zero: a reference to nobody we know.
    holder UUID CODEC(ZSTD(3)),
    -- What is held: the object whose attribute holds the reference (a group); zero: the value itself is the entitlement.
    entitlement UUID CODEC(ZSTD(3)),
    -- The connector-space object that the attribute is on: the group's, or the account's.
    entry UUID CODEC(ZSTD(3)),
    attribute LowCardinality(String),
    value String CODEC(ZSTD(3)),
    granted UInt8,
    occurred_at DateTime64(6, 'UTC') CODEC(Delta, ZSTD),
    sequence UInt64 CODEC(Delta, ZSTD),
    ordinal UInt32
)
ENGINE = MergeTree
ORDER BY (entitlement, holder, attribute, sequence, ordinal)
SETTINGS default_compression_codec = 'ZSTD(3)', non_replicated_deduplication_window = 1000, index_granularity = 1024, fsync_after_insert = 1, fsync_part_directory = 1
