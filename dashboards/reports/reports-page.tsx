// The reports for auditors and managers.
import type { ReactNode } from 'react';
import { Answer, Empty } from '../answers/answer.tsx';
import { useAnswer } from '../answers/use-answer.ts';
import { Page } from '../page/page.tsx';
import { Gone } from '../parts/gone.tsx';
import { ReportForm } from './report-form.tsx';
import { reportsQuery } from './reports-query.ts';

export function ReportsPage(): ReactNode {
  const query = useAnswer(reportsQuery, {});
  return (
    <Page
      title="Reports"
      lead="Each PDF names its parameters, the watermark and the Merkle root of the log, so that it can be checked later."
    >
      <Answer query={query} what="reports">
        {({ reports, log }) =>
          reports.length === 0 ? (
            <Empty title="No report is defined." />
          ) : (
            <>
              <Gone gone={log.gone} />
              <div className="reports">
                {reports.map((report) => (
                  <ReportForm key={report.name} report={report} />
                ))}
              </div>
            </>
          )
        }
      </Answer>
    </Page>
  );
}
