// The object's state at an instant: the metaverse and each system side by side, each value with since when and by whom.
import type { ReactNode } from 'react';
import { useSearchParams } from 'react-router';
import { Answer, Empty } from '../answers/answer.tsx';
import { useAnswer } from '../answers/use-answer.ts';
import { Withheld } from '../changes/value-change.tsx';
import { Badge } from '../parts/badge.tsx';
import { Instant } from '../parts/instant.tsx';
import { ChangeLink, ObjectLink } from '../parts/links.tsx';
import { TableFrame } from '../parts/table-frame.tsx';
import { nameAgent } from '../words/value-words.ts';
import { AnsweredAt, InstantForm, readInstantAsked } from './instant-form.tsx';
import { type AttributeState, type ObjectState, type SystemState, stateQuery } from './object-query.ts';

export function StateView({ id }: { id: string }): ReactNode {
  const [params] = useSearchParams();
  const query = useAnswer(stateQuery, { id, ...readInstantAsked(params) }, { keep: true });
  return (
    <>
      <InstantForm label="State at an instant" />
      <Answer query={query} what="the state" lines={10}>
        {({ object }) => object !== null && <StateTable state={object.state} />}
      </Answer>
    </>
  );
}

function StateTable({ state }: { state: ObjectState }): ReactNode {
  const names = new Set(state.systems.flatMap(({ attributes }) => attributes.map(({ name }) => name)));
  return (
    <>
      <AnsweredAt {...state} />
      {names.size === 0 ? (
        <Empty title="At this instant the object was in no system.">Choose another one.</Empty>
      ) : (
        <TableFrame label="State by system" className="state">
          <thead>
            <tr>
              <th scope="col">Attribute</th>
              {state.systems.map((system) => (
                <th key={keyOf(system)} scope="col">
                  <SystemHead system={system} />
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {[...names]
              .sort((a, b) => a.localeCompare(b))
              .map((name) => (
                <AttributeRow key={name} name={name} systems={state.systems} />
              ))}
          </tbody>
        </TableFrame>
      )}
    </>
  );
}

function SystemHead({ system }: { system: SystemState }): ReactNode {
  return (
    <>
      {nameAgent(system.agent)}
      {system.dn !== null && system.dn !== '' && <span className="dn">{system.dn}</span>}
      {system.anchor !== null && <span className="dn">anchor {system.anchor}</span>}
    </>
  );
}

function AttributeRow({ name, systems }: { name: string; systems: readonly SystemState[] }): ReactNode {
  const found = systems.map((system) => system.attributes.find((attribute) => attribute.name === name));
  const marks = new Set(found.flatMap((attribute) => attribute?.marks ?? []));
  return (
    <tr>
      <th scope="row">
        <span className="attribute">{name}</span>
        {[...marks].map((mark) => (
          <Badge key={mark} tone={mark === 'entitlement' ? 'warn' : 'neutral'}>
            {mark}
          </Badge>
        ))}
      </th>
      {found.map((attribute, position) => (
        <td key={keyOf(systems[position])}>
          {attribute === undefined ? <span className="muted">—</span> : <Values attribute={attribute} />}
        </td>
      ))}
    </tr>
  );
}

function Values({ attribute }: { attribute: AttributeState }): ReactNode {
  return (
    <ul className="state-values">
      {attribute.values.map((value) => (
        <li key={`${value.value} ${value.setBy}`}>
          <span className="state-value">
            {value.withheld && <Withheld />}
            {value.reference === null ? (
              value.value
            ) : (
              <ObjectLink object={{ ...value.reference, name: value.reference.name ?? value.value }} />
            )}
          </span>
          <span className="state-since">
            since <Instant at={value.since} only="date" />
            {value.initiator !== null && ` by ${value.initiator}`} <ChangeLink sequence={value.setBy} />
          </span>
        </li>
      ))}
    </ul>
  );
}

/** A person may have two accounts in one system. */
function keyOf(system: SystemState | undefined): string {
  return `${system?.agent} ${system?.entry ?? ''}`;
}
