// GraphiQL is larger than the rest of the application: it is loaded with the first visit to its page.
import { lazy, type ReactNode, Suspense } from 'react';

const GraphiqlPage = lazy(async () => ({ default: (await import('./graphiql-page.tsx')).GraphiqlPage }));

export function LazyGraphiqlPage(): ReactNode {
  return (
    <Suspense fallback={<main className="page" aria-busy="true" />}>
      <GraphiqlPage />
    </Suspense>
  );
}
