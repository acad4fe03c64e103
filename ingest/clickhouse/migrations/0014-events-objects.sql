-- What each object was called, of which metaverse type it is, and whether it is gone, each once with the first and the last event that
-- says so: an answer that names a hundred objects looks at a few rows of each and not at all of their events. Without what is no
-- change of the object: who looked at it, and what the engine remembered of it (`is_change`).
-- The expressions stand in api/queries/names.ts too, or ClickHouse would read the events for it.
ALTER TABLE events
    ADD PROJECTION IF NOT EXISTS objects
    (
        SELECT object, object_name, if((if(stage = 'baseline', step_kind, stage) IN ('recall', 'deletion') OR (if(stage = 'baseline', step_kind, stage) = 'import-flow' AND outcome IN ('connector-flow', 'contributor-changed', 'skipped-not-precedent'))), object_type, ''), stage = 'deletion', if(stage = 'baseline', step_kind, stage) NOT IN ('read', 'state'), min(sequence), max(sequence), min(occurred_at), max(occurred_at)
        GROUP BY object, object_name, if((if(stage = 'baseline', step_kind, stage) IN ('recall', 'deletion') OR (if(stage = 'baseline', step_kind, stage) = 'import-flow' AND outcome IN ('connector-flow', 'contributor-changed', 'skipped-not-precedent'))), object_type, ''), stage = 'deletion', if(stage = 'baseline', step_kind, stage) NOT IN ('read', 'state')
    )
SETTINGS alter_sync = 0
