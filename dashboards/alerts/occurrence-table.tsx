// Occurrences in a table: when and what, who was told, who has seen it.
import type { ReactNode } from 'react';
import { formatCount } from '../numbers.ts';
import { Badge } from '../parts/badge.tsx';
import { Instant } from '../parts/instant.tsx';
import { ChangeLink } from '../parts/links.tsx';
import { Columns, TableFrame } from '../parts/table-frame.tsx';
import { AcknowledgeForm } from './acknowledge-form.tsx';
import type { Occurrence } from './alerts-query.ts';

const COLUMNS = ['Found (UTC)', 'State', 'What', '#How many', 'Told', 'Acknowledged'];

interface OccurrenceTableProps {
  occurrences: readonly Occurrence[];
  label: string;
  mayAcknowledge: boolean;
}

export function OccurrenceTable({ occurrences, label, mayAcknowledge }: OccurrenceTableProps): ReactNode {
  return (
    <TableFrame label={label}>
      <Columns names={COLUMNS} />
      <tbody>
        {occurrences.map((occurrence) => (
          <tr key={occurrence.id}>
            <td className="when">
              <Instant at={occurrence.raisedAt} />
              <br />
              <ChangeLink sequence={occurrence.id} />
            </td>
            <td>
              {occurrence.endedAt === null ? (
                <Badge tone="bad">open</Badge>
              ) : (
                <Badge title={`until ${occurrence.endedAt}`}>over</Badge>
              )}
            </td>
            <td>
              <Cause occurrence={occurrence} />
            </td>
            <td className="number">{formatCount(occurrence.count)}</td>
            <td>
              <Tellings told={occurrence.told} />
            </td>
            <td>
              <Acknowledged occurrence={occurrence} mayAcknowledge={mayAcknowledge} />
            </td>
          </tr>
        ))}
      </tbody>
    </TableFrame>
  );
}

function Cause({ occurrence: { cause, first, last } }: { occurrence: Occurrence }): ReactNode {
  return (
    <>
      {first === null ? cause : cause.replace(/ \d+$/, '')}
      {first !== null && (
        <>
          {' · '}
          <ChangeLink sequence={first} />
        </>
      )}
      {last !== null && last !== first && (
        <>
          {' to '}
          <ChangeLink sequence={last} />
        </>
      )}
    </>
  );
}

function Tellings({ told }: { told: Occurrence['told'] }): ReactNode {
  return (
    <ul className="parameters">
      {told.map((telling) => (
        <li key={telling.destination}>
          {telling.destination} <span className="muted">{`${telling.kind} ${telling.host}`}</span>{' '}
          {telling.told ? (
            <Badge tone="good">told</Badge>
          ) : telling.failure === null ? (
            <Badge tone="warn" title={telling.problem ?? 'It is under way'}>
              not yet
            </Badge>
          ) : (
            <Badge tone="bad">{telling.failure}</Badge>
          )}
        </li>
      ))}
    </ul>
  );
}

function Acknowledged({ occurrence, mayAcknowledge }: { occurrence: Occurrence; mayAcknowledge: boolean }): ReactNode {
  const { id, acknowledged } = occurrence;
  if (acknowledged === null)
    return mayAcknowledge ? <AcknowledgeForm occurrence={id} /> : <span className="muted">not yet</span>;
  return (
    <>
      {acknowledged.by ?? '—'}: {acknowledged.why ?? ''}
      <br />
      <span className="muted">
        <Instant at={acknowledged.at} /> <ChangeLink sequence={acknowledged.event} />
      </span>
    </>
  );
}
