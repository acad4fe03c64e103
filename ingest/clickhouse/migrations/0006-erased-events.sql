-- What a mutation of `events` is about to empty, and the commitments that stand there from then on. It is filled for one
-- mutation and emptied after it. `refs` has a commitment in hexadecimal for each value of the event, joined by commas.
CREATE TABLE IF NOT EXISTS erased_events
(
    sequence UInt64,
    object String,
    actor String,
    plain String,
    refs String
)
ENGINE = MergeTree
ORDER BY sequence
SETTINGS non_replicated_deduplication_window = 100
