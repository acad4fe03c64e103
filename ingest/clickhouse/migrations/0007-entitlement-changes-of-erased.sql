-- What entitlement_changes is fed with, once persons can be erased. An erased reference names nobody any more: its holder is
-- a UUID made of the number of the erased key, so that one erased person is told from another. An erased value that is no
-- reference is unknown: it neither grants nor revokes. A baseline event carries forward what another stage granted: step_kind
-- says which.
ALTER TABLE entitlement_changes_view MODIFY QUERY
SELECT
    if(stage_of_effect IN ('import', 'export'), agent, '') AS agent,
    multiIf(
        v.type != 'reference', object,
        v.commitment = '', v.reference,
        toUUID(concat('00000000-0000-8000-8000-', leftPad(lower(hex(v.key)), 12, '0')))) AS holder,
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
    SELECT if(stage = 'baseline', step_kind, stage) AS stage_of_effect, agent, object, entry, occurred_at, sequence, values_commitment, v, ordinal
    FROM events
    ARRAY JOIN
        arrayZip(value.attribute, value.type, value.operation, value.old, value.new, value.reference, value.marks, value.key, value.commitment) AS z,
        arrayEnumerate(value.attribute) AS ordinal
    ARRAY JOIN [CAST(z, 'Tuple(attribute String, type String, operation String, old String, new String, reference UUID, marks UInt8, key UInt64, commitment String)')] AS v
    WHERE bitAnd(z.7, 1) = 1
      AND if(stage = 'baseline', step_kind, stage) IN ('import', 'export', 'import-flow', 'recall', 'deletion', 'projection')
      AND outcome NOT IN ('export-intent', 'export-failure', 'skipped-not-precedent', 'stage-failure', 'flow-failure', 'unresolved-reference', 'ambiguous-reference', 'reference-not-joined')
)
ARRAY JOIN multiIf(
    v.type != 'reference' AND values_commitment != '', [],
    v.type = 'boolean' AND v.operation = 'remove', [('true', toUInt8(0))],
    v.type = 'boolean', [('true', toUInt8(v.new = 'true'))],
    v.operation = 'remove', [(if(v.type = 'reference' AND v.reference != toUUID('00000000-0000-0000-0000-000000000000'), '', v.old), toUInt8(0))],
    v.operation = 'add', [(if(v.type = 'reference' AND v.reference != toUUID('00000000-0000-0000-0000-000000000000'), '', v.new), toUInt8(1))],
    [(v.old, toUInt8(0)), (v.new, toUInt8(1))]) AS change
