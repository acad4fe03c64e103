// Who held what at an instant: what this object held, and who held this object (the members of a group).
import type { ReactNode } from 'react';
import { useSearchParams } from 'react-router';
import { Answer, Empty } from '../answers/answer.tsx';
import { useAnswer } from '../answers/use-answer.ts';
import { AgentField } from '../changes/change-filter-form.tsx';
import { OutOfBandBadge } from '../changes/change-words.tsx';
import { Withheld } from '../changes/value-change.tsx';
import { formatCounted } from '../numbers.ts';
import { Instant } from '../parts/instant.tsx';
import { ChangeLink, ObjectLink } from '../parts/links.tsx';
import { Columns, TableFrame } from '../parts/table-frame.tsx';
import { nameAgent } from '../words/value-words.ts';
import { AnsweredAt, InstantForm, readInstantAsked } from './instant-form.tsx';
import { accessQuery, type Holding, holdersQuery } from './object-query.ts';

export function AccessView({ id }: { id: string }): ReactNode {
  const [params] = useSearchParams();
  const query = useAnswer(accessQuery, { id, ...readInstantAsked(params) }, { keep: true });
  return (
    <>
      <InstantForm label="Access at an instant" />
      <Answer query={query} what="the access">
        {({ object }) =>
          object !== null && (
            <>
              <AnsweredAt {...object.access} />
              {object.access.holdings.length === 0 ? (
                <Empty title="At this instant it held nothing." />
              ) : (
                <HoldingTable holdings={object.access.holdings} of="entitlement" />
              )}
            </>
          )
        }
      </Answer>
    </>
  );
}

export function HoldersView({ id }: { id: string }): ReactNode {
  const [params] = useSearchParams();
  const agent = params.get('agent');
  const query = useAnswer(holdersQuery, { id, agent, ...readInstantAsked(params) }, { keep: true });
  return (
    <>
      <InstantForm label="Members at an instant">
        <AgentField value={agent ?? ''} />
      </InstantForm>
      <Answer query={query} what="the members">
        {({ holders }) => (
          <>
            <AnsweredAt {...holders} />
            {holders.holdings.length === 0 ? (
              <Empty title="At this instant it had no members." />
            ) : (
              <HoldingTable holdings={holders.holdings} of="holder" />
            )}
          </>
        )}
      </Answer>
    </>
  );
}

function HoldingTable({ holdings, of }: { holdings: readonly Holding[]; of: 'entitlement' | 'holder' }): ReactNode {
  const first = of === 'holder' ? 'Member' : 'Entitlement';
  return (
    <>
      <TableFrame label={of === 'holder' ? 'Members' : 'Entitlements held'} className="holdings">
        <Columns names={[first, 'System', 'Attribute', 'Since (UTC)', 'By', 'Change']} />
        <tbody>
          {holdings.map((holding) => (
            <tr
              key={[holding.agent, holding.attribute, holding.value, holding.holder?.id, holding.grantedBy].join(' ')}
            >
              <th scope="row">
                <Held holding={holding} of={of} /> {holding.outOfBand && <OutOfBandBadge />}
              </th>
              <td>{nameAgent(holding.agent)}</td>
              <td>
                <span className="attribute">{holding.attribute}</span>
              </td>
              <td>
                <Instant at={holding.since} />
              </td>
              <td>{holding.initiator ?? <span className="muted">not known</span>}</td>
              <td>
                <ChangeLink sequence={holding.grantedBy} />
              </td>
            </tr>
          ))}
        </tbody>
      </TableFrame>
      <p className="muted">{formatCounted(holdings.length, of === 'holder' ? 'membership' : 'entitlement')}</p>
    </>
  );
}

/** A group is named; an attribute that is an entitlement by itself (an enabled account) shows its value. */
function Held({ holding, of }: { holding: Holding; of: 'entitlement' | 'holder' }): ReactNode {
  const object = of === 'holder' ? holding.holder : holding.entitlement;
  if (object !== null) return <ObjectLink object={{ ...object, name: object.name ?? holding.value }} withType />;
  if (holding.withheld) return <Withheld />;
  return of === 'entitlement' ? `${holding.attribute}: ${holding.value}` : <span className="dn">{holding.value}</span>;
}
