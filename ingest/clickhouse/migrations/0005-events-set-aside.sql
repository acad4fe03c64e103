-- Rows that `metatrail recover` took out of `events`, because the journal that could prove them is gone or says otherwise.
-- Nothing is thrown away: here they stay as they were, with the time at which they were set aside. Columns added to `events`
-- are added here as well.
CREATE TABLE IF NOT EXISTS events_set_aside
ENGINE = MergeTree
ORDER BY sequence
SETTINGS non_replicated_deduplication_window = 1000, fsync_after_insert = 1, fsync_part_directory = 1
EMPTY AS SELECT *, toDateTime64(0, 6, 'UTC') AS set_aside_at FROM events
