// Statements that change tables are sent to each place that holds rows, as the user who may.
import type { ClickHouse } from './connect.ts';

/** Does this at each place that holds rows, one after the other. Throws what it throws, and LogError when a server is away. */
export async function atEachOwner(clickhouse: ClickHouse, work: (owner: ClickHouse) => Promise<void>): Promise<void> {
  const owners = await clickhouse.openOwners();
  try {
    for (const owner of owners) await work(owner);
  } finally {
    await Promise.all(owners.map((owner) => owner.close()));
  }
}
