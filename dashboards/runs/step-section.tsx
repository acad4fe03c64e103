// One step of a run: its input, its balance, and its counters beside what the log says they are.
import type { ReactNode } from 'react';
import { Link } from 'react-router';
import { formatDuration, measureDelay } from '../dates.ts';
import { formatBytes, formatCount } from '../numbers.ts';
import type { Sequence } from '../operation.ts';
import { Section } from '../page/page.tsx';
import { Badge, ResultBadge } from '../parts/badge.tsx';
import { HashText } from '../parts/hash-text.tsx';
import { Instant } from '../parts/instant.tsx';
import { Columns, TableFrame } from '../parts/table-frame.tsx';
import { describeOutcome } from '../words/outcome-words.ts';
import { describeStepKind } from '../words/result-words.ts';
import { describeStage } from '../words/stage-words.ts';
import { Balance } from './balance.tsx';
import { type CounterName, keyOfCounter, linkCounted } from './counter-name.ts';
import type { RunStep } from './run-query.ts';

export function StepSection({ run, step }: { run: Sequence; step: RunStep }): ReactNode {
  return (
    <Section
      title={`Step ${step.number}: ${describeStepKind(step.kind)}`}
      note={
        <>
          <ResultBadge result={step.result} /> started <Instant at={step.startedAt} /> UTC
          {step.finishedAt !== null && `, took ${formatDuration(measureDelay(step.startedAt, step.finishedAt))}`}
        </>
      }
      className="step"
    >
      {step.input !== null && (
        <dl className="pairs step-input">
          <dt>Input</dt>
          <dd className="dn">{step.input.name}</dd>
          <dt>Size</dt>
          <dd title={`${formatCount(step.input.bytes)} bytes`}>{formatBytes(step.input.bytes)}</dd>
          <dt>SHA-256</dt>
          <dd>
            <HashText hash={step.input.sha256} what="the SHA-256 of the input" />
          </dd>
        </dl>
      )}
      {step.message !== null && <p className="verdict bad">{step.message}</p>}
      {step.balance !== null && <Balance balance={step.balance} />}
      <CounterTable run={run} step={step} />
    </Section>
  );
}

function CounterTable({ run, step }: { run: Sequence; step: RunStep }): ReactNode {
  const counted = new Map(step.counted.map((counter) => [keyOfCounter(counter), counter.count]));
  const kept = new Map(step.counters.map((counter) => [keyOfCounter(counter), counter.count]));
  const counters = new Map([...step.counters, ...step.counted].map((counter) => [keyOfCounter(counter), counter]));
  if (counters.size === 0) return <p className="muted">This step counted nothing.</p>;
  return (
    <>
      <TableFrame label={`Counters of step ${step.number}`} className="compact counters">
        <Columns names={['Counter', 'Stage', 'Agent', 'Type', '#Engine', '#Log', 'Equal']} />
        <tbody>
          {[...counters].map(([key, counter]) => (
            <CounterRow key={key} run={run} counter={counter} engine={kept.get(key) ?? 0} log={counted.get(key)} />
          ))}
        </tbody>
      </TableFrame>
      <p className={step.complete ? 'verdict good' : 'verdict bad'}>
        {step.complete
          ? 'Complete: what the engine counted, and its balance, are what the log holds.'
          : step.finishedAt === null
            ? 'Not finished yet.'
            : 'Incomplete: the log does not hold what the engine counted.'}
      </p>
      {step.faults.length > 0 && (
        <ul className="step-faults">
          {step.faults.map((fault) => (
            <li key={fault}>{fault}</li>
          ))}
        </ul>
      )}
    </>
  );
}

interface CounterRowProps {
  run: Sequence;
  counter: CounterName;
  engine: number;
  /** Undefined: the log does not count it, like unchanged entries, which make no event. */
  log: number | undefined;
}

function CounterRow({ run, counter, engine, log }: CounterRowProps): ReactNode {
  return (
    <tr>
      <th scope="row">
        {describeOutcome(counter.stage, counter.name)} <code>{counter.name}</code>
      </th>
      <td className="muted">{counter.stage !== '' && describeStage(counter.stage)}</td>
      <td className="muted">{counter.agent}</td>
      <td className="muted">{counter.objectType}</td>
      <td className="number">
        {engine > 0 && log !== undefined ? (
          <Link to={`/changes?${linkCounted(run, counter)}`}>{formatCount(engine)}</Link>
        ) : (
          formatCount(engine)
        )}
      </td>
      <td className="number">{log === undefined ? '—' : formatCount(log)}</td>
      <td>
        {log === undefined ? (
          <span className="muted">not an event</span>
        ) : log === engine ? (
          <Badge tone="good">equal</Badge>
        ) : (
          <Badge tone="bad">differs by {formatCount(log - engine)}</Badge>
        )}
      </td>
    </tr>
  );
}
