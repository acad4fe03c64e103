// What a server must be and allow: its version, and the rights of the user who ships and asks. Looked at before the first
// batch, so that what is missing is named then and not in the middle of the night.
import { z } from 'zod';
import { LogError } from '../errors.ts';
import { VIEWS } from './comparison.ts';
import type { ClickHouse } from './connect.ts';

/** Text indexes are there for good since 26.2, with packed row numbers. */
const OLDEST = [26, 2] as const;

/** Throws LogError clickhouse-too-old. */
export async function refuseTooOld(clickhouse: ClickHouse): Promise<void> {
  const version = await clickhouse.version();
  const [major = 0, minor = 0] = version.split('.').map(Number);
  if (major > OLDEST[0] || (major === OLDEST[0] && minor >= OLDEST[1])) return;
  const said = `The server is ClickHouse ${version}; ${OLDEST.join('.')} or newer is needed.`;
  throw new LogError('clickhouse-too-old', said);
}

/** For the verifier, which hands ClickHouse the keys in a table of its session. */
const TEMPORARY = ['CREATE ARBITRARY TEMPORARY TABLE ON *.*', 'TABLE ENGINE ON Join'];

/** The rights of the user who ships, asks and verifies, each as `GRANT … TO user` gives it; nothing of it alters or deletes. */
export function requiredRights(database: string, rowsDatabase?: string): string[] {
  const written = ['events', ...VIEWS.map(({ target }) => target)];
  const inDatabase = (place: string) => [
    `SELECT ON ${place}.*`,
    ...written.map((table) => `INSERT ON ${place}.${table}`),
  ];
  // Whether an insert that was given up is still at work is seen there.
  const others = ['SELECT ON system.processes', ...TEMPORARY];
  if (rowsDatabase === undefined) return [...inDatabase(database), ...others];
  return [...inDatabase(database), ...inDatabase(rowsDatabase), 'SELECT ON system.clusters', ...others];
}

/** Throws LogError clickhouse-right-missing with each right that the user of CLICKHOUSE_URL lacks. */
export async function refuseMissingRights(clickhouse: ClickHouse): Promise<void> {
  if (clickhouse.embedded) return;
  const [asked] = await clickhouse.select(
    'SELECT currentUser() AS user, currentDatabase() AS database',
    {},
    z.object({ user: z.string(), database: z.string() }),
  );
  const missing: string[] = [];
  for (const right of requiredRights(asked?.database ?? '', clickhouse.cluster?.rowsDatabase)) {
    if (!(await clickhouse.hasRight(right))) missing.push(right);
  }
  if (missing.length === 0) return;
  const said = `The user ${asked?.user} lacks rights in ClickHouse: ${missing.map((right) => `GRANT ${right} TO ${asked?.user}`).join('; ')}.`;
  throw new LogError('clickhouse-right-missing', said);
}
