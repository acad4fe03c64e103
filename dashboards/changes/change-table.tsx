// A page of changes. Each row opens in place, and leads to the change's own page.
import { Fragment, type ReactNode, useState } from 'react';
import { Instant } from '../parts/instant.tsx';
import { ChangeLink, ObjectLink } from '../parts/links.tsx';
import { Columns, TableFrame } from '../parts/table-frame.tsx';
import { nameAgent } from '../words/value-words.ts';
import { ChangeFacts } from './change-facts.tsx';
import type { Change } from './change-fields.ts';
import { WhatHappened, Who, Why } from './change-words.tsx';
import { type Sought, ValueSummary, ValueTable } from './value-change.tsx';

const COLUMNS = ['When (UTC)', 'What happened', 'To what', 'Before and after', 'Who and why'];

interface ChangeTableProps {
  changes: readonly Change[];
  label: string;
  sought: Sought;
}

export function ChangeTable({ changes, label, sought }: ChangeTableProps): ReactNode {
  return (
    <TableFrame label={label} className="changes">
      <Columns names={COLUMNS} />
      <tbody>
        {changes.map((change) => (
          <ChangeRow key={change.sequence} change={change} sought={sought} />
        ))}
      </tbody>
    </TableFrame>
  );
}

function ChangeRow({ change, sought }: { change: Change; sought: Sought }): ReactNode {
  const [open, setOpen] = useState(false);
  const details = `details-${change.sequence}`;
  return (
    <Fragment>
      <tr className={open ? 'open' : undefined}>
        <td className="when">
          <Instant at={change.occurredAt} />
          <span className="row-links">
            <button
              type="button"
              className="expander"
              aria-expanded={open}
              aria-controls={details}
              aria-label={`${open ? 'Hide' : 'Show'} the details of change ${change.sequence}`}
              onClick={() => setOpen(!open)}
            />
            <ChangeLink sequence={change.sequence} />
          </span>
        </td>
        <td>
          <WhatHappened change={change} />
        </td>
        <td>
          <ToWhat change={change} />
        </td>
        <td className="wide">
          <ValueSummary values={change.values} sought={sought} />
        </td>
        <td>
          <Who change={change} />
          <Why change={change} />
        </td>
      </tr>
      {open && (
        <tr id={details} className="row-details">
          <td colSpan={COLUMNS.length}>
            <ValueTable values={change.values} />
            <ChangeFacts change={change} />
            <p>
              <ChangeLink sequence={change.sequence}>What led to this change, and what it led to</ChangeLink>
            </p>
          </td>
        </tr>
      )}
    </Fragment>
  );
}

/** The object as it was called then, the agent, and the name in its system. */
export function ToWhat({ change }: { change: Change }): ReactNode {
  return (
    <div className="to-what">
      {change.object !== null && (
        <span>
          <ObjectLink object={change.object} withType />
        </span>
      )}
      <span className="muted place" title={change.dn ?? undefined}>
        {describePlace(change)}
      </span>
    </div>
  );
}

/** The agent, and the name in its system. */
export function describePlace(change: Change): string {
  const agent = nameAgent(change.agent);
  return change.dn === null || change.dn === '' ? agent : `${agent} · ${change.dn}`;
}
