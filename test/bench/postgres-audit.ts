// The audit trail of postgres-audit.sql, filled with the same identity changes as the log: of each, a request, its execution
// and what was done to two resources, which are four records, with six deltas (the text of one is kept up to three times).
import { MIX } from './mix.ts';
import type { Postgres } from './postgres.ts';

/** SQL expressions of one change. */
interface Change {
  number: string;
  at: string;
  person: string;
  personName: string;
  initiator: string;
  initiatorName: string;
  oldValues: string;
  newValues: string;
}

interface AuditRecord {
  stage: 'REQUEST' | 'EXECUTION' | 'RESOURCE';
  type: string;
  /** 0: the user; else which of the accounts. */
  account: number;
  /** Whose change each delta is, in the same way. */
  deltas: readonly number[];
}

const RECORDS: readonly AuditRecord[] = [
  { stage: 'REQUEST', type: 'REQUEST', account: 0, deltas: [0] },
  { stage: 'EXECUTION', type: 'MODIFY_OBJECT', account: 0, deltas: [0, 1, 2] },
  { stage: 'RESOURCE', type: 'RESOURCE_COMMUNICATION', account: 1, deltas: [1] },
  { stage: 'RESOURCE', type: 'RESOURCE_COMMUNICATION', account: 2, deltas: [2] },
];

const RESOURCE = '0192a000-0000-7000-8000-00000000000';
const PATHS = "ARRAY['title', 'department', 'telephoneNumber', 'metadata/modifyChannel', 'metadata/modifyTimestamp']";
const oidOf = (change: Change, account: number) =>
  account === 0 ? change.person : `md5(${change.person}::text || '${account}')::uuid`;

/** Columns of `audit_event` that have something in such a record; the other nine of the 35 are NULL there, as they would be. */
function eventOf(change: Change, { stage, type, account }: AuditRecord): Record<string, string> {
  const user = account === 0;
  return {
    at: change.at,
    event_identifier: `(${change.number})::text || '-${stage}-${account}'`,
    event_type: `'${type}'::audit_event_type`,
    event_stage: `'${stage}'::audit_stage`,
    session_identifier: `'1735689600000-0-' || (${change.number})::text`,
    request_identifier: `'1735689600000-1-' || (${change.number})::text`,
    task_identifier: "'1735689600000-0-7'",
    task_oid: `'${RESOURCE}7'::uuid`,
    host_identifier: "'identity.example.test'",
    node_identifier: "'node-1'",
    initiator_oid: change.initiator,
    initiator_type: "'USER'::object_kind",
    initiator_name: change.initiatorName,
    principal_oid: change.initiator,
    principal_type: "'USER'::object_kind",
    principal_name: change.initiatorName,
    target_oid: oidOf(change, account),
    target_type: user ? "'USER'::object_kind" : "'SHADOW'::object_kind",
    target_name: change.personName,
    target_owner_oid: user ? 'NULL::uuid' : change.person,
    target_owner_type: user ? 'NULL::object_kind' : "'USER'::object_kind",
    channel: "'http://audit.example/channels-3#liveSync'",
    outcome: "'SUCCESS'::audit_outcome",
    changed_item_paths: stage === 'RESOURCE' ? 'NULL::text[]' : PATHS,
    resource_oids:
      stage === 'REQUEST'
        ? 'NULL::text[]'
        : stage === 'EXECUTION'
          ? `ARRAY['${RESOURCE}1', '${RESOURCE}2']`
          : `ARRAY['${RESOURCE}${account}']`,
    properties: "'{}'::jsonb",
  };
}

function deltaOf(change: Change, record: AuditRecord, account: number): Record<string, string> {
  const user = account === 0;
  const oid = oidOf(change, account);
  const delta = `delta_text(${user}, ${oid}, ${change.oldValues}, ${change.newValues})`;
  return {
    checksum: `md5('${account}' || (${change.newValues})::text || (${change.oldValues})::text)`,
    delta,
    delta_oid: oid,
    delta_type: "'MODIFY'",
    full_result: record.stage === 'REQUEST' ? 'NULL::bytea' : `result_text(${oid})`,
    object_name: change.personName,
    object_name_norm: `lower(${change.personName})`,
    resource_oid: user ? 'NULL::uuid' : `'${RESOURCE}${account}'::uuid`,
    resource_name: user ? 'NULL::text' : `'Directory ${account}'`,
    shadow_kind: user ? 'NULL::text' : "'ACCOUNT'",
    shadow_intent: user ? 'NULL::text' : "'default'",
  };
}

const names = (columns: Record<string, string>) => Object.keys(columns).join(', ');
const expressions = (columns: Record<string, string>) => Object.values(columns).join(', ');

/** Changes written by one statement each, so that what happens together lies together. */
const CHUNK = 5000;
const STORED: Change = {
  number: 'number',
  at: 'change.at',
  person: 'person',
  personName: 'person_name',
  initiator: 'initiator',
  initiatorName: 'initiator_name',
  oldValues: 'old_values',
  newValues: 'new_values',
};

/** Writes the changes that are in the table `change`, and leaves the tables as the server's own upkeep would. */
export function fillAudit(postgres: Postgres, changes: number): void {
  for (let from = 0; from < changes; from += CHUNK) {
    const of = `FROM change WHERE number >= ${from} AND number < ${from + CHUNK} ORDER BY number`;
    const statements = RECORDS.flatMap((record, index) => {
      const id = `number * ${RECORDS.length} + ${index + 1}`;
      const event = eventOf(STORED, record);
      const deltas = record.deltas.map((account) => deltaOf(STORED, record, account));
      return [
        `INSERT INTO audit_event (id, ${names(event)}) SELECT ${id}, ${expressions(event)} ${of}`,
        ...deltas.map(
          (delta) =>
            `INSERT INTO audit_delta (record_id, at, ${names(delta)}) SELECT ${id}, change.at, ${expressions(delta)} ${of}`,
        ),
      ];
    });
    postgres.sql(`SET synchronous_commit = off; ${statements.join('; ')}`);
  }
  postgres.sql(`SELECT setval('audit_event_id_seq', ${changes * RECORDS.length + 1})`);
  for (const table of ['audit_event', 'audit_delta']) postgres.sql(`VACUUM ANALYZE ${table}`);
  postgres.sql('CHECKPOINT');
}

/** Tables, indexes and what is too large for a row. */
export function auditBytes(postgres: Postgres): number {
  return Number(
    postgres.sql(
      "SELECT sum(pg_total_relation_size(oid)) FROM pg_class WHERE relkind = 'r' AND (relname LIKE 'audit_event_%' OR relname LIKE 'audit_delta_%' OR relname LIKE 'audit_ref_%')",
    ),
  );
}

/** One identity change for pgbench: each record is one statement and one commit, as one call of the product is. */
export function insertScript(): string {
  const value = (index: number, variable: string) => `'${MIX.attributes[index]?.word} ' || :${variable}`;
  const values = (...variables: [string, string, string]) =>
    `ARRAY[${variables.map((variable, index) => value(index, variable)).join(', ')}]`;
  const change: Change = {
    number: ':number::bigint',
    at: "timestamptz '2025-01-01 00:00:00+00' + :second * interval '1 second'",
    person: "md5('person' || :person)::uuid",
    personName: "'Name of P' || :person",
    initiator: "md5('initiator' || :who)::uuid",
    initiatorName: "'user-' || :who",
    oldValues: values('o1', 'o2', 'o3'),
    newValues: values('n1', 'n2', 'n3'),
  };
  const distinct = [0, 1, 2].map((index) => MIX.attributes[index]?.distinct ?? 1);
  const random = (name: string, most: number) => `\\set ${name} random(0, ${most - 1})`;
  return [
    random('number', 1_000_000_000),
    random('second', 364 * 86_400),
    random('person', MIX.population),
    random('who', MIX.initiators),
    ...distinct.flatMap((most, index) => [random(`o${index + 1}`, most), random(`n${index + 1}`, most)]),
    ...RECORDS.map((record) => {
      const event = eventOf(change, record);
      const deltas = record.deltas.map((account) => deltaOf(change, record, account));
      const rows = deltas.map((delta) => `(${expressions(delta)})`).join(', ');
      const columns = names(deltas[0] ?? {});
      return `WITH event AS (INSERT INTO audit_event (${names(event)}) VALUES (${expressions(event)}) RETURNING id, at) INSERT INTO audit_delta (record_id, at, ${columns}) SELECT event.id, event.at, d.* FROM event, (VALUES ${rows}) AS d (${columns});`;
    }),
  ].join('\n');
}
