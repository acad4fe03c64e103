// Key-set paging: "older" goes on after the last row that is shown, so nothing is skipped or shown twice while the log
// grows. The page is in the address, so it can be shared and the browser's Back leads to the newer one.
import type { ReactNode } from 'react';
import { Link, useLocation, useSearchParams } from 'react-router';
import { formatCount } from '../numbers.ts';
import type { Sequence } from '../operation.ts';

interface PagingProps {
  pageInfo: { hasNextPage: boolean; endCursor: string | null };
  watermark?: Sequence;
  /** What would be older but has expired. */
  gone: string | null;
}

export function Paging({ pageInfo, watermark, gone }: PagingProps): ReactNode {
  const [params] = useSearchParams();
  const { pathname } = useLocation();
  const linkTo = (after: string | null): string => {
    const next = new URLSearchParams(params);
    next.delete('after');
    if (after !== null) next.set('after', after);
    return `${pathname}?${next}`;
  };
  return (
    <nav className="paging" aria-label="Pages">
      {params.has('after') && <Link to={linkTo(null)}>Newest</Link>}
      {pageInfo.hasNextPage ? (
        <Link to={linkTo(pageInfo.endCursor)} rel="next">
          Older
        </Link>
      ) : (
        <span className="muted">{gone === null ? 'Nothing older' : 'What was older has expired'}</span>
      )}
      {watermark !== undefined && (
        <span className="muted paging-watermark" title="Every answer stops at what has been delivered to ClickHouse">
          As of watermark {formatCount(watermark)}
        </span>
      )}
    </nav>
  );
}
