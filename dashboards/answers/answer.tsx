// The three states of every answer: loading, failed, there.
import type { UseQueryResult } from '@tanstack/react-query';
import type { ReactNode } from 'react';
import { ServiceError } from '../service-error.ts';
import { Skeleton } from './skeleton.tsx';

interface AnswerProps<Data> {
  query: UseQueryResult<Data>;
  /** What is being loaded, for people who cannot see the skeleton: "changes". */
  what: string;
  /** Lines of the skeleton. */
  lines?: number;
  children: (data: Data) => ReactNode;
}

export function Answer<Data>({ query, what, lines = 6, children }: AnswerProps<Data>): ReactNode {
  if (query.isPending) return <Skeleton what={what} lines={lines} />;
  if (query.isError) return <FailureNotice error={query.error} retry={() => void query.refetch()} />;
  const waiting = query.isPlaceholderData;
  return (
    <div className={waiting ? 'answer waiting' : 'answer'} aria-busy={waiting}>
      {waiting && (
        <p className="visually-hidden" role="status">
          Loading {what}…
        </p>
      )}
      {children(query.data)}
    </div>
  );
}

export function FailureNotice({ error, retry }: { error: Error; retry: () => void }): ReactNode {
  const network = error instanceof ServiceError && error.failure === 'network';
  return (
    <div className="notice bad" role="alert">
      <div>
        <h2>{network ? 'No connection' : 'This could not be answered'}</h2>
        <p>{error.message}</p>
      </div>
      <button type="button" onClick={retry}>
        Try again
      </button>
    </div>
  );
}

/** Nothing found is an answer, too: it says so, and what one could do. */
export function Empty({ title, children }: { title: string; children?: ReactNode }): ReactNode {
  return (
    <div className="empty">
      <p className="empty-title">{title}</p>
      {children !== undefined && <div className="empty-text">{children}</div>}
    </div>
  );
}
