// The numbers of a chart as a table, to be opened: for screen readers, for copying, for print.
import type { ReactNode } from 'react';
import { formatCount } from '../numbers.ts';
import { Columns, TableFrame } from '../parts/table-frame.tsx';

interface ChartTableProps {
  label: string;
  /** The name of the first column, then those of the numbers. */
  columns: readonly string[];
  rows: readonly { name: string; numbers: readonly number[] }[];
}

export function ChartTable({ label, columns, rows }: ChartTableProps): ReactNode {
  return (
    <details className="chart-table">
      <summary>The same as a table</summary>
      <TableFrame label={label} className="compact">
        <Columns names={columns.map((name, position) => (position === 0 ? name : `#${name}`))} />
        <tbody>
          {rows.map(({ name, numbers }) => (
            <tr key={name}>
              <th scope="row">{name}</th>
              {numbers.map((number, position) => (
                <td key={columns[position + 1]} className="number">
                  {formatCount(number)}
                </td>
              ))}
            </tr>
          ))}
        </tbody>
      </TableFrame>
    </details>
  );
}
