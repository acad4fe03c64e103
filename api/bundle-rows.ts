// Rows of the log for a bundle. Who takes them has the personal data of all of them, so that is a read like any other.
import { readRowsFrom } from '../ingest/bundle/read-rows.ts';
import type { EventRow } from '../ingest/clickhouse/rows.ts';
import { checkMayAsk } from './access/questions.ts';
import type { Asking } from './graphql/context.ts';
import type { Installation } from './installation.ts';
import { readEvent } from './reads/read-event.ts';

/** The rows from `first` to before `end`, emptied of who is erased; that they were taken is accepted before they leave. Throws LogError and ForbiddenError. */
export async function readBundleRows(
  installation: Installation,
  { viewer, address, signal, roles }: Asking,
  first: number,
  end: number,
): Promise<EventRow[]> {
  checkMayAsk({ roles }, 'bundle');
  const { log, reads } = installation;
  const rows = await readRowsFrom(log.questioned, signal)(first, end);
  const parameter = (name: string, value: number) => ({ name, type: 'integer' as const, text: String(value) });
  const read = readEvent({
    viewer,
    address,
    question: 'bundle',
    parameters: [parameter('first', first), parameter('end', end)],
    outcome: 'answered',
    rows: rows.length,
    watermark: log.shipper.shipped,
  });
  await reads.record([read]);
  return rows;
}
