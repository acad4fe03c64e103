-- A mutation leaves the parts as they were beside the new ones. How soon ClickHouse looks for those that may go is said
-- here; how long they stay is changed only around an erasure (480 s else, for what the disk has not written yet).
ALTER TABLE events MODIFY SETTING cleanup_delay_period = 5, max_cleanup_delay_period = 10, cleanup_delay_period_random_add = 0
