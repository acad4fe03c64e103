// What is watched, what was found, who was told, and whether somebody has seen it.
import type { ReactNode } from 'react';
import { Answer, Empty } from '../answers/answer.tsx';
import { useAnswer } from '../answers/use-answer.ts';
import { Page } from '../page/page.tsx';
import { Badge } from '../parts/badge.tsx';
import { type Alert, alertsQuery } from './alerts-query.ts';
import { OccurrenceTable } from './occurrence-table.tsx';

/** Those who may say that they have seen an occurrence. */
const MAY_ACKNOWLEDGE = ['investigator', 'administrator'];

export function AlertsPage(): ReactNode {
  const query = useAnswer(alertsQuery, {});
  return (
    <Page
      title="Alerts"
      lead="What is watched for, and what was found. Each occurrence is told once; a person acknowledges it with a reason, which stays in the log."
    >
      <Answer query={query} what="alerts">
        {({ alerts, viewer }) =>
          alerts.length === 0 ? (
            <Empty title="No alert is set.">The file that METATRAIL_ALERTS names says which there are.</Empty>
          ) : (
            alerts.map((alert) => (
              <AlertSection
                key={alert.name}
                alert={alert}
                mayAcknowledge={viewer.roles.some((role) => MAY_ACKNOWLEDGE.includes(role))}
              />
            ))
          )
        }
      </Answer>
    </Page>
  );
}

function AlertSection({ alert, mayAcknowledge }: { alert: Alert; mayAcknowledge: boolean }): ReactNode {
  const { name, kind, severity, watched, tell, open, occurrences } = alert;
  const { nodes, pageInfo } = occurrences;
  return (
    <section aria-label={`Alert ${name}`}>
      <h2>
        {name} {severity !== null && <Badge>{severity}</Badge>}{' '}
        {open > 0 ? <Badge tone="bad">{`${open} open`}</Badge> : <Badge tone="good">nothing open</Badge>}
      </h2>
      <p className="muted">
        {watched ? `${kind}, told to ${tell.join(', ')}` : 'It is not watched any more; what it found is left.'}
      </p>
      {nodes.length > 0 && (
        <OccurrenceTable
          occurrences={nodes}
          label={`What ${name} found, newest first`}
          mayAcknowledge={mayAcknowledge}
        />
      )}
      {pageInfo.hasNextPage && <p className="muted">Older ones: metatrail alerts --first 1000</p>}
    </section>
  );
}
