-- As for events.
ALTER TABLE entitlement_changes MODIFY SETTING cleanup_delay_period = 5, max_cleanup_delay_period = 10, cleanup_delay_period_random_add = 0
