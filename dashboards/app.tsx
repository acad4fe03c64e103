// Which address shows which page.
import { QueryClientProvider, useQueryErrorResetBoundary } from '@tanstack/react-query';
import { type ReactNode, useState } from 'react';
import { BrowserRouter, Route, Routes, useLocation } from 'react-router';
import { AlertsPage } from './alerts/alerts-page.tsx';
import { FailureBoundary } from './answers/failure-boundary.tsx';
import { createAnswers } from './answers/use-answer.ts';
import { ChangePage } from './changes/change-page.tsx';
import { ChangesPage } from './changes/changes-page.tsx';
import { LazyGraphiqlPage } from './graphiql/lazy-graphiql-page.tsx';
import { ObjectPage } from './objects/object-page.tsx';
import { ObjectsPage } from './objects/objects-page.tsx';
import { OverviewPage } from './overview/overview-page.tsx';
import { NotFoundPage } from './page/not-found-page.tsx';
import { SiteHeader } from './page/site-header.tsx';
import { ReadsPage } from './reads/reads-page.tsx';
import { ReportsPage } from './reports/reports-page.tsx';
import { RunPage } from './runs/run-page.tsx';
import { RunsPage } from './runs/runs-page.tsx';

/** The path of <base href>, without the slash at its end. */
const BASE_PATH = new URL(document.baseURI).pathname.replace(/\/$/, '');

export function App(): ReactNode {
  const [answers] = useState(createAnswers);
  return (
    <QueryClientProvider client={answers}>
      <BrowserRouter basename={BASE_PATH}>
        <Guarded>
          <SiteHeader />
          <Routes>
            <Route path="/" element={<OverviewPage />} />
            <Route path="/changes" element={<ChangesPage />} />
            <Route path="/changes/:sequence" element={<ChangePage />} />
            <Route path="/objects" element={<ObjectsPage />} />
            <Route path="/objects/:id" element={<ObjectPage />} />
            <Route path="/runs" element={<RunsPage />} />
            <Route path="/runs/:id" element={<RunPage />} />
            <Route path="/alerts" element={<AlertsPage />} />
            <Route path="/reads" element={<ReadsPage />} />
            <Route path="/reports" element={<ReportsPage />} />
            <Route path="/graphiql" element={<LazyGraphiqlPage />} />
            <Route path="*" element={<NotFoundPage />} />
          </Routes>
        </Guarded>
      </BrowserRouter>
    </QueryClientProvider>
  );
}

function Guarded({ children }: { children: ReactNode }): ReactNode {
  const { reset } = useQueryErrorResetBoundary();
  const { key } = useLocation();
  return (
    <FailureBoundary onRetry={reset} place={key}>
      {children}
    </FailureBoundary>
  );
}
