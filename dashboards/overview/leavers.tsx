// How long leavers keep their accounts. Open cases are shown as open: they would make every average look better.
import type { ReactNode } from 'react';
import { Empty } from '../answers/answer.tsx';
import { formatHours } from '../dates.ts';
import { formatCount, formatCounted } from '../numbers.ts';
import { Badge } from '../parts/badge.tsx';
import { Instant } from '../parts/instant.tsx';
import { ObjectLink } from '../parts/links.tsx';
import { Columns, TableFrame } from '../parts/table-frame.tsx';
import { nameAgent } from '../words/value-words.ts';
import type { Overview } from './overview-query.ts';

export function LeaverDelayTable({ delays }: { delays: Overview['leaverDelays'] }): ReactNode {
  if (delays.length === 0) return <Empty title="Nobody has left yet." />;
  return (
    <TableFrame label="Hours from leaving to disabled, by system">
      <Columns names={['System', '#Still open', '#Closed', '#Half within', '#95 % within', '#Longest']} />
      <tbody>
        {delays.map((delay) => (
          <tr key={delay.agent}>
            <th scope="row">{nameAgent(delay.agent)}</th>
            <td className="number">{delay.open === 0 ? 0 : <Badge tone="bad">{formatCount(delay.open)}</Badge>}</td>
            <td className="number">{formatCount(delay.closed)}</td>
            {[delay.medianHours, delay.p95Hours, delay.maximumHours].map((hours, position) => (
              // biome-ignore lint/suspicious/noArrayIndexKey: three columns, always in this order
              <td key={position} className="number">
                {hours === null ? '—' : formatHours(hours)}
              </td>
            ))}
          </tr>
        ))}
      </tbody>
    </TableFrame>
  );
}

export function OpenLeaverTable({ leavers, total }: { leavers: Overview['openLeavers']; total: number }): ReactNode {
  if (leavers.length === 0) return <Empty title="No account of a leaver is open." />;
  return (
    <>
      <TableFrame label="Accounts of leavers that are still open">
        <Columns names={['Person', 'System', '#Open for']} />
        <tbody>
          {leavers.map((leaver) => (
            <tr key={`${leaver.person.id} ${leaver.agent}`}>
              <th scope="row">
                <ObjectLink object={leaver.person} />
              </th>
              <td>{nameAgent(leaver.agent)}</td>
              <td className="number">
                {formatHours(leaver.openHours)}
                <div className="muted">
                  left <Instant at={leaver.leftAt} only="date" />
                </div>
              </td>
            </tr>
          ))}
        </tbody>
      </TableFrame>
      {total > leavers.length && (
        <p className="muted">
          The longest {leavers.length} of {formatCounted(total, 'account')}
        </p>
      )}
    </>
  );
}
