-- Feeds entitlement_changes. A replaced value is a revocation of the old and a grant of the new; a boolean is granted
-- when it is true. Marks: bit 1 is entitlement. Only events that took effect count: not intents, failures or losers.
CREATE MATERIALIZED VIEW IF NOT EXISTS entitlement_changes_view TO entitlement_changes AS
SELECT
    if(stage IN ('import', 'export'), agent, '') AS agent,
    if(v.type = 'reference', v.reference, object) AS holder,
    if(v.type = 'reference', object, toUUID('00000000-0000-0000-0000-000000000000')) AS entitlement,
    entry,
    v.attribute AS attribute,
    change.1 AS value,
    change.2 AS granted,
    occurred_at,
    sequence,
    toUInt32(ordinal) AS ordinal
FROM
(
    SELECT stage, outcome, agent, object, entry, occurred_at, sequence, v, ordinal
    FROM events
    ARRAY JOIN
        arrayZip(value.attribute, value.type, value.operation, value.old, value.new, value.reference, value.marks) AS z,
        arrayEnumerate(value.attribute) AS ordinal
    ARRAY JOIN [CAST(z, 'Tuple(attribute String, type String, operation String, old String, new String, reference UUID, marks UInt8)')] AS v
    WHERE bitAnd(z.7, 1) = 1
      AND stage IN ('import', 'export', 'import-flow', 'recall', 'deletion', 'projection')
      AND outcome NOT IN ('export-intent', 'export-failure', 'skipped-not-precedent', 'stage-failure', 'flow-failure', 'unresolved-reference', 'ambiguous-reference', 'reference-not-joined')
)
ARRAY JOIN multiIf(
    v.type = 'boolean' AND v.operation = 'remove', [('true', toUInt8(0))],
    v.type = 'boolean', [('true', toUInt8(v.new = 'true'))],
    v.operation = 'remove', [(if(v.type = 'reference' AND v.reference != toUUID('00000000-0000-0000-0000-000000000000'), '', v.old), toUInt8(0))],
    v.operation = 'add', [(if(v.type = 'reference' AND v.reference != toUUID('00000000-0000-0000-0000-000000000000'), '', v.new), toUInt8(1))],
    [(v.old, toUInt8(0)), (v.new, toUInt8(1))]) AS change
