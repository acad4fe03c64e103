// One attribute's change: the old value struck through, the new one beside it.
import type { ReactNode } from 'react';
import { Badge } from '../parts/badge.tsx';
import { ChangeLink, ObjectLink } from '../parts/links.tsx';
import { Columns, TableFrame } from '../parts/table-frame.tsx';
import { describeValueOperation } from '../words/value-words.ts';
import type { ChangeValue } from './change-fields.ts';
import type { ChangeFilter } from './changes-query.ts';

const SHOWN_IN_A_ROW = 3;

export function BeforeAndAfter({ value }: { value: ChangeValue }): ReactNode {
  const before = value.operation !== 'add';
  const after = value.operation !== 'remove';
  return (
    <span className="before-after">
      {before && (
        <del>
          <span className="visually-hidden">was </span>
          <ValueText value={value} text={value.old} reference={after ? null : value.reference} />
        </del>
      )}{' '}
      {after && (
        <ins>
          <span className="visually-hidden">now </span>
          <ValueText value={value} text={value.new} reference={value.reference} />
        </ins>
      )}
    </span>
  );
}

/** What stands in place of a value that whoever looks may not see. */
export function Withheld(): ReactNode {
  return <em title="It is in the log; your roles, or the reason that is missing, keep it from you">withheld</em>;
}

/** A value that the log no longer keeps was erased or has expired; its commitment is still proved. */
interface ValueTextProps {
  value: ChangeValue;
  text: string | null;
  reference: ChangeValue['reference'];
}

function ValueText({ value, text, reference }: ValueTextProps): ReactNode {
  if (value.withheld) return <Withheld />;
  if (reference !== null) return <ObjectLink object={{ ...reference, name: reference.name ?? text }} />;
  if (text === null) return <em title="Erased or expired; the proof of it still holds">no longer kept</em>;
  if (text === '') return <em>empty</em>;
  return text;
}

/** What a filter looks for. */
export type Sought = Pick<ChangeFilter, 'attribute' | 'value'>;

interface ValueSummaryProps {
  values: readonly ChangeValue[];
  /** These values come first: a row must show why it was found. */
  sought?: Sought;
}

/** The first values of a change, for a row of a table. */
export function ValueSummary({ values, sought = {} }: ValueSummaryProps): ReactNode {
  const more = values.length - SHOWN_IN_A_ROW;
  const sorted = [...values].sort((a, b) => Number(isSought(b, sought)) - Number(isSought(a, sought)));
  return (
    <ul className="value-summary">
      {sorted.slice(0, SHOWN_IN_A_ROW).map((value) => (
        <li key={keyOf(value)}>
          <span className="attribute">{value.attribute}</span> <BeforeAndAfter value={value} />
        </li>
      ))}
      {more > 0 && <li className="muted">and {more} more</li>}
    </ul>
  );
}

/** All values of a change with everything the log knows of them. */
export function ValueTable({ values }: { values: readonly ChangeValue[] }): ReactNode {
  if (values.length === 0) return <p className="muted">This change has no attribute values.</p>;
  return (
    <TableFrame label="Attribute values" className="values">
      <Columns names={['Attribute', 'What', 'Before and after', 'Rule', 'Old value set by']} />
      <tbody>
        {values.map((value) => (
          <tr key={keyOf(value)}>
            <th scope="row">
              <span className="attribute">{value.attribute}</span>
              {value.marks.map((mark) => (
                <Badge key={mark} tone={mark === 'entitlement' ? 'warn' : 'neutral'}>
                  {mark}
                </Badge>
              ))}
            </th>
            <td>
              {describeValueOperation(value.operation)} <span className="muted">{value.type}</span>
            </td>
            <td className="wide">
              <BeforeAndAfter value={value} />
            </td>
            <td>{value.rule ?? '—'}</td>
            <td>{value.setBy === null ? '—' : <ChangeLink sequence={value.setBy} />}</td>
          </tr>
        ))}
      </tbody>
    </TableFrame>
  );
}

function isSought(value: ChangeValue, { attribute, value: text }: Sought): boolean {
  return value.attribute === attribute || (text !== undefined && (value.old === text || value.new === text));
}

function keyOf(value: ChangeValue): string {
  return [value.attribute, value.operation, value.old ?? '', value.new ?? ''].join('\u0000');
}
