// What the user who makes and changes tables on a server must be allowed for an erasure: looked at before it is accepted, for
// what is accepted has to be done.
import { z } from 'zod';
import type { ClickHouse } from '../clickhouse/connect.ts';
import { atEachOwner } from '../clickhouse/owners.ts';
import { LogError } from '../errors.ts';

const rightsIn = (database: string): string[] => [
  ...['SELECT', 'INSERT', 'ALTER', 'TRUNCATE', 'CREATE TABLE', 'DROP TABLE'].map(
    (right) => `${right} ON ${database}.*`,
  ),
  ...['mutations', 'parts', 'projections', 'data_skipping_indices'].map((table) => `SELECT ON system.${table}`),
  'TABLE ENGINE ON Memory',
];

/** Throws LogError: clickhouse-right-missing with the GRANTs that are missing, clickhouse-away when a server does not answer. */
export async function refuseMissingOwnerRights(clickhouse: ClickHouse): Promise<void> {
  if (clickhouse.embedded) return;
  await atEachOwner(clickhouse, async (owner) => {
    const [asked] = await owner.select(
      'SELECT currentUser() AS user, currentDatabase() AS database',
      {},
      z.object({ user: z.string(), database: z.string() }),
    );
    const { user = '', database = '' } = asked ?? {};
    const missing: string[] = [];
    for (const right of rightsIn(database)) if (!(await owner.hasRight(right))) missing.push(right);
    if (missing.length === 0) return;
    const grants = missing.map((right) => `GRANT ${right} TO ${user}`).join('; ');
    throw new LogError(
      'clickhouse-right-missing',
      `Nothing was erased: the user ${user} lacks rights for it: ${grants}.`,
    );
  });
}
