// Every column of a change that is not a value, in the groups of the change log: order, whom, who, why, run.
import { Fragment, type ReactNode } from 'react';
import { Instant } from '../parts/instant.tsx';
import { ChangeLink, ObjectLink, RunLink } from '../parts/links.tsx';
import { describeStepKind } from '../words/result-words.ts';
import { describeKnown, describeTimeKnown, nameAgent } from '../words/value-words.ts';
import type { Change } from './change-fields.ts';

type Fact = readonly [name: string, content: ReactNode];

export function ChangeFacts({ change }: { change: Change }): ReactNode {
  return (
    <div className="facts">
      <FactGroup title="When" facts={listTimes(change)} />
      <FactGroup title="Whom" facts={listNames(change)} />
      <FactGroup title="Who" facts={listActors(change)} />
      <FactGroup title="Why" facts={listReasons(change)} />
    </div>
  );
}

export function FactGroup({ title, facts }: { title: string; facts: readonly Fact[] }): ReactNode {
  return (
    <section>
      <h3>{title}</h3>
      <dl>
        {facts.map(([name, content]) => (
          <Fragment key={name}>
            <dt>{name}</dt>
            <dd>{content ?? <span className="muted">—</span>}</dd>
          </Fragment>
        ))}
      </dl>
    </section>
  );
}

function listTimes(change: Change): Fact[] {
  return [
    [
      'Occurred (UTC)',
      <>
        <Instant at={change.occurredAt} /> <span className="muted">{describeTimeKnown(change.occurredAtKnown)}</span>
      </>,
    ],
    ['Recorded (UTC)', <Instant key="recorded" at={change.recordedAt} />],
    ['Sequence', `#${change.sequence}`],
    [
      'Stage, operation',
      <>
        <code>{change.stage}</code> <code>{change.operation}</code>
      </>,
    ],
    ['Outcome', <code key="outcome">{change.outcome}</code>],
    ['Error', change.error],
  ];
}

function listNames(change: Change): Fact[] {
  return [
    ['Object', change.object === null ? null : <ObjectLink key="object" object={change.object} withType />],
    ['Agent', nameAgent(change.agent)],
    ['Distinguished name', change.dn],
    ['Anchor', change.anchor],
    ['Entry', change.entry === null ? null : <code key="entry">{change.entry}</code>],
    ['Out of band', change.outOfBand ? 'Yes: no export of ours explains it' : 'No'],
  ];
}

function listActors(change: Change): Fact[] {
  return [
    ['Initiator', change.initiator],
    ['How known', describeKnown(change.initiatorKnown)],
    ['Performed by', change.performer],
    ['Address', change.address],
  ];
}

function listReasons(change: Change): Fact[] {
  const causes = change.causes.map((cause) => <ChangeLink key={cause} sequence={cause} />);
  return [
    ['Rule', change.rule],
    ['Caused by', causes.length === 0 ? 'Nothing in this log' : causes],
    ['Root', <ChangeLink key="root" sequence={change.root} />],
    [
      'Configuration',
      change.configuration === null ? null : <ChangeLink key="configuration" sequence={change.configuration} />,
    ],
    ['Run', change.run === null ? null : <RunLink key="run" id={change.run} />],
    ['Step', change.step === null ? null : `${change.step} ${describeStepKind(change.stepKind ?? '')}`],
  ];
}
