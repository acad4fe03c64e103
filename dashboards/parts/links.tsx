// Links to what the log knows, so that every name and number on screen leads to its evidence.
import type { ReactNode } from 'react';
import { Link } from 'react-router';
import type { Sequence } from '../operation.ts';

export function ChangeLink({ sequence, children }: { sequence: Sequence; children?: ReactNode }): ReactNode {
  return (
    <Link to={`/changes/${sequence}`} className={children === undefined ? 'sequence' : undefined}>
      {children ?? `#${sequence}`}
    </Link>
  );
}

export function RunLink({ id, children }: { id: Sequence; children?: ReactNode }): ReactNode {
  return <Link to={`/runs/${id}`}>{children ?? `run #${id}`}</Link>;
}

interface Reference {
  id: string;
  name: string | null;
  type: string | null;
}

export function ObjectLink({ object, withType = false }: { object: Reference; withType?: boolean }): ReactNode {
  return (
    <>
      <Link to={`/objects/${encodeURIComponent(object.id)}`}>{object.name ?? `object ${object.id.slice(0, 8)}`}</Link>
      {withType && object.type !== null && <span className="muted"> {object.type}</span>}
    </>
  );
}
