// Three questions asked of the log and of a PostgreSQL audit trail that hold the same identity changes.
import type { ClickHouse } from '../../ingest/clickhouse/connect.ts';
import { EVENTS_OF_CHANGE } from './changes-of-engine.ts';
import { copyChanges, recordedChanges, wholeChanges, withAudit } from './identity-changes.ts';
import { measured, quantile, type Report } from './measurement.ts';
import { MIX } from './mix.ts';
import { withClickHouse } from './places.ts';
import type { Postgres } from './postgres.ts';
import { askAll, type Question, questionOfNothing, questionsOf } from './questions.ts';
import { comeToRest, fillEvents } from './rows-of-select.ts';
import type { Sizes } from './sections.ts';

interface Rival {
  /** The name of the question of questions.ts. */
  question: string;
  /** For pgbench; answers with the newest hundred. */
  script: string;
  times: number;
  /** What PostgreSQL's time divided by the log's must at least be. */
  target: number;
}

const COLUMNS = 'e.id, e.at, e.event_type, e.initiator_name, e.target_name, d.delta';
const title = MIX.attributes[0];
/** How many people are asked about. */
const PEOPLE = 200;
/** The newest hundred records of a condition, with their deltas. */
const newestOf = (condition: string) =>
  `SELECT ${COLUMNS} FROM (SELECT * FROM audit_event WHERE ${condition} ORDER BY at DESC LIMIT 100) AS e
  LEFT JOIN audit_delta AS d ON e.id = d.record_id AND e.at = d.at ORDER BY e.at DESC;`;

const RIVALS: readonly Rival[] = [
  {
    question: 'who set an attribute to a value',
    script: `\\set n random(0, ${(title?.distinct ?? 1) - 1})
SELECT ${COLUMNS} FROM audit_delta AS d JOIN audit_event AS e ON e.id = d.record_id AND e.at = d.at
WHERE e.event_stage = 'EXECUTION' AND e.changed_item_paths @> ARRAY['title']
  AND position(convert_to('title","value":["${title?.word} ' || :n || '"]', 'UTF8') IN d.delta) > 0
ORDER BY e.at DESC LIMIT 100;`,
    times: 10,
    target: 50,
  },
  {
    question: 'a page by initiator',
    script: `\\set n random(1, ${MIX.initiators})
${newestOf('initiator_oid = (SELECT oid FROM initiators WHERE n = :n)')}`,
    times: 10,
    target: 10,
  },
  {
    question: 'a page by an initiator who did nothing',
    script: newestOf("initiator_oid = '00000000-0000-0000-0000-000000000000'"),
    times: 10,
    target: 10,
  },
  {
    question: "an object's last 100 events",
    script: `\\set n random(1, ${PEOPLE})
${newestOf('target_oid = (SELECT oid FROM people WHERE n = :n)')}`,
    times: 50,
    // The log may be ten times slower here.
    target: 0.1,
  },
];

/** What a question is asked about, by number. */
const ASKED_ABOUT = `
  CREATE TABLE initiators AS SELECT row_number() OVER () AS n, oid FROM (SELECT DISTINCT initiator AS oid FROM change) AS all_of_them;
  CREATE TABLE people AS SELECT row_number() OVER () AS n, oid FROM (SELECT DISTINCT person AS oid FROM change LIMIT ${PEOPLE}) AS some_of_them;
  CREATE UNIQUE INDEX ON initiators (n); CREATE UNIQUE INDEX ON people (n); ANALYZE initiators; ANALYZE people`;

export async function measureRivals(report: Report, { events }: Sizes): Promise<void> {
  const changes = wholeChanges(events);
  const source = await recordedChanges();
  await withClickHouse((clickhouse) =>
    withAudit(async (postgres) => {
      await fillEvents(clickhouse, source, changes * EVENTS_OF_CHANGE);
      await copyChanges(clickhouse, postgres, changes);
      postgres.sql(ASKED_ABOUT);
      await comeToRest(clickhouse);
      const held = changes * EVENTS_OF_CHANGE;
      const questions = [...(await questionsOf(clickhouse, held)), questionOfNothing(clickhouse, held)];
      for (const rival of RIVALS)
        await compare(report, rival, find(questions, rival.question), { clickhouse, postgres, changes });
    }),
  );
}

function find(questions: readonly Question[], name: string): Question {
  const found = questions.find((question) => question.name === name);
  if (!found) throw new Error(`There is no question ${name}.`);
  return found;
}

interface Both {
  clickhouse: ClickHouse;
  postgres: Postgres;
  changes: number;
}

async function compare(report: Report, rival: Rival, question: Question, { postgres, changes }: Both): Promise<void> {
  const section = 'queries-postgres';
  const note = `${changes} identity changes`;
  const ours = await askAll(report, section, { ...question, name: `${question.name}: the log` }, note);
  // The first finds nothing in memory.
  postgres.bench(rival.script, { clients: 1, times: 1 });
  const { each } = postgres.bench(rival.script, { clients: 1, times: rival.times });
  report(
    measured(
      { section, name: `${question.name}: PostgreSQL`, unit: 'ms', note: `${note}; no index on the initiator` },
      each,
    ),
  );
  const target = { value: rival.target, must: 'at-least' } as const;
  const name = `${question.name}: how much faster`;
  report(measured({ section, name, unit: '×', target }, [quantile(each, 0.5) / quantile(ours, 0.5)]));
}
