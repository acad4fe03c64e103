// Reads in a table: when, who, what was asked with which parameters, and how much was told.
import type { ReactNode } from 'react';
import { formatCount } from '../numbers.ts';
import { Badge } from '../parts/badge.tsx';
import { Instant } from '../parts/instant.tsx';
import { ChangeLink, ObjectLink } from '../parts/links.tsx';
import { Columns, TableFrame } from '../parts/table-frame.tsx';
import { describeQuestion, describeReadOutcome, judgeReadOutcome } from '../words/read-words.ts';
import type { Read } from './reads-query.ts';

const COLUMNS = ['When (UTC)', 'Who', 'Asked', 'About', 'With', 'Became of it', '#Rows told', '#As of'];

export function ReadTable({ reads, label }: { reads: readonly Read[]; label: string }): ReactNode {
  return (
    <TableFrame label={label} className="reads">
      <Columns names={COLUMNS} />
      <tbody>
        {reads.map((read) => (
          <tr key={read.sequence}>
            <td className="when">
              <Instant at={read.at} />
              <br />
              <ChangeLink sequence={read.sequence} />
            </td>
            <td>
              {read.viewer ?? '—'}
              <br />
              <span className="muted">{read.address === null ? 'on the machine itself' : `from ${read.address}`}</span>
            </td>
            <td>
              <span title={read.question}>{describeQuestion(read.question)}</span>
              <br />
              <span className="muted">{read.fields.join(', ')}</span>
            </td>
            <td>{read.object === null ? '' : <ObjectLink object={read.object} withType />}</td>
            <td>
              <Parameters parameters={read.parameters} />
            </td>
            <td>
              <Badge tone={judgeReadOutcome(read.outcome)} title={read.error ?? read.outcome}>
                {describeReadOutcome(read.outcome)}
              </Badge>
            </td>
            <td className="number">{read.rows === null ? '—' : formatCount(read.rows)}</td>
            <td className="number">{formatCount(read.answeredAt)}</td>
          </tr>
        ))}
      </tbody>
    </TableFrame>
  );
}

function Parameters({ parameters }: { parameters: Read['parameters'] }): ReactNode {
  if (parameters.length === 0) return null;
  return (
    <ul className="parameters">
      {parameters.map(({ name, value, reference }) => (
        <li key={name}>
          <span className="muted">{name.replaceAll('/', ' / ')}</span>{' '}
          {reference === null ? (
            (value ?? <em title="It may be a secret, or the name of somebody who is erased">withheld</em>)
          ) : (
            <ObjectLink object={reference} />
          )}
        </li>
      ))}
    </ul>
  );
}
