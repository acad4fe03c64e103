// The steps of the engine as the log of the fixture shows them: runs, and what each stage says of one object.
import { addValue, type FixtureChange, FixtureLog, type FixtureReference, idOf, instantOf } from './fixture-log.ts';

export interface FixturePerson {
  reference: FixtureReference;
  account: string;
  dn: string;
  department: string;
  joinedOn: string;
  leftOn: string | null;
  /** When the account was disabled; null while it is open. */
  disabledAt: string | null;
}

const HR_CLERK = { initiator: 'm.keller (HR)', initiatorKnown: 'reported' };
export const ENTITLEMENT = { marks: ['entitlement'] };
const HASH = '9f2c4e8b7a6d5c3e1f0a9b8c7d6e5f4a3b2c1d0e9f8a7b6c5d4e3f2a1b0c9d8e';

type Values = FixtureChange['values'];

export class StepWriter {
  readonly log = new FixtureLog();
  readonly people: FixturePerson[] = [];
  readonly groups: FixtureReference[] = ['All Staff', 'Finance Approvers', 'Domain Admins'].map((name, number) => ({
    id: idOf(2, number + 1),
    name,
    type: 'group',
  }));
  protected day = '';
  protected run: Partial<FixtureChange> = {};

  protected holdRun<Result>(agent: string, profile: string, time: string, unchanged: number | null, act: () => Result) {
    const reads = unchanged !== null;
    const kind = !reads ? 'export' : agent === 'hr' ? 'full-import' : 'delta-import';
    const at = (seconds: string): string => instantOf(this.day, `${time}:${seconds}`);
    const base = { agent, initiator: 'schedule', initiatorKnown: 'observed' };
    const id = this.log.nextSequence;
    this.log.emit({ ...base, occurredAt: at('00'), stage: 'run', operation: 'start', outcome: 'in-progress', run: id });
    this.run = { agent, run: id, step: 1, stepKind: kind };
    this.log.runs.push({ id, agent, profile, startedAt: at('00'), finishedAt: at('52'), result: 'success', steps: [] });
    const result = act();
    const input = agent === 'hr' ? { name: `staff-${this.day}.csv`, bytes: 183_204, sha256: HASH } : null;
    const step = { result: 'success', startedAt: at('00'), finishedAt: at('21') };
    const steps = [{ ...step, number: 1, kind, input, unchanged }];
    if (agent === 'hr')
      steps.push({
        ...step,
        number: 2,
        kind: 'delta-synchronization',
        startedAt: at('21'),
        finishedAt: at('52'),
        input: null,
        unchanged: null,
      });
    this.log.runs.at(-1)?.steps.push(...steps);
    this.log.emit({ ...base, occurredAt: at('52'), stage: 'run', operation: 'finish', outcome: 'success', run: id });
    return result;
  }

  protected setResult(result: string): void {
    const run = this.log.runs.at(-1);
    if (run === undefined) return;
    run.result = result;
    for (const step of run.steps) step.result = result;
  }

  protected import(person: FixturePerson, operation: string, outcome: string, values: Values) {
    return this.log.emit({
      ...this.run,
      ...HR_CLERK,
      occurredAt: instantOf(this.day, '06:00:00'),
      recordedAt: instantOf(this.day, '06:30:04'),
      occurredAtKnown: 'reported',
      stage: 'import',
      operation,
      outcome,
      object: person.reference,
      entry: person.reference.id.replace('-8001-', '-8011-'),
      anchor: String(41_000 + this.people.indexOf(person) + 1),
      values,
    });
  }

  protected synchronise(
    person: FixturePerson,
    stage: string,
    outcome: string,
    cause: FixtureChange,
    values: Values = [],
    rule: string | null = null,
  ): FixtureChange {
    const outwards = /provisioning|export/.test(stage);
    return this.log.emit({
      ...this.run,
      occurredAt: instantOf(this.day, '06:31:40'),
      stage,
      outcome,
      object: person.reference,
      agent: outwards ? 'directory' : 'hr',
      dn: outwards ? person.dn : null,
      causes: [cause.sequence],
      rule,
      values,
    });
  }

  protected export(
    person: FixturePerson,
    operation: string,
    outcome: string,
    values: Values,
    cause: FixtureChange,
    error: string | null = null,
  ): FixtureChange {
    return this.log.emit({
      ...this.run,
      occurredAt: instantOf(this.day, '06:45:09'),
      stage: 'export',
      operation,
      outcome,
      error,
      object: person.reference,
      entry: person.reference.id.replace('-8001-', '-8021-'),
      dn: person.dn,
      performer: 'EXAMPLE\\svc-metatrail',
      causes: [cause.sequence],
      values,
    });
  }

  protected confirm(exported: FixtureChange): void {
    this.log.emit({
      ...this.run,
      occurredAt: instantOf(this.day, '07:15:12'),
      stage: 'confirmation',
      outcome: 'export-confirmed',
      object: exported.object,
      dn: exported.dn,
      causes: [exported.sequence],
    });
  }

  protected grant(group: FixtureReference | undefined, person: FixturePerson, more: Partial<FixtureChange>): void {
    if (group === undefined) return;
    const member = addValue('member', person.dn, { ...ENTITLEMENT, type: 'reference', reference: person.reference });
    this.log.emit({
      ...this.run,
      occurredAt: instantOf(this.day, '06:45:10'),
      stage: 'export',
      outcome: 'export-update',
      object: group,
      dn: `CN=${group.name},OU=Groups,DC=example,DC=org`,
      values: [member],
      ...more,
    });
  }
}
