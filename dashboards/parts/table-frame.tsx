// A table that scrolls sideways by itself where it does not fit, reachable with the keyboard.
import type { ReactNode } from 'react';

interface TableFrameProps {
  /** What the table shows, read out first. */
  label: string;
  className?: string;
  children: ReactNode;
}

export function TableFrame({ label, className = '', children }: TableFrameProps): ReactNode {
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: a region that scrolls must be reachable to be scrolled by keys
    <section className={`table-frame ${className}`} aria-label={label} tabIndex={0}>
      <table>
        <caption className="visually-hidden">{label}</caption>
        {children}
      </table>
    </section>
  );
}

/** Column headings; an empty one is a column of buttons. */
export function Columns({ names }: { names: readonly string[] }): ReactNode {
  return (
    <thead>
      <tr>
        {names.map((name) => (
          <th key={name} scope="col" className={name.startsWith('#') ? 'number' : undefined}>
            {name.replace(/^#/, '')}
          </th>
        ))}
      </tr>
    </thead>
  );
}
