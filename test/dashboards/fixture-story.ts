// One year of a small organisation, as the log would hold it: people join by HR, get an account in the directory, move,
// leave; one export is refused, one join is ambiguous, one value loses on precedence, somebody adds an administrator by hand.
import {
  addValue,
  type FixtureChange,
  type FixtureLog,
  type FixtureReference,
  idOf,
  instantOf,
  replaceValue,
} from './fixture-log.ts';
import { ENTITLEMENT, type FixturePerson, StepWriter } from './fixture-steps.ts';

export interface FixtureStory {
  log: FixtureLog;
  people: FixturePerson[];
  groups: FixtureReference[];
}

const HR_CLERK = { initiator: 'm.keller (HR)', initiatorKnown: 'reported' };
type Values = FixtureChange['values'];

const PERSONAL = { marks: ['personal'] };

const JOINERS: readonly (readonly [day: string, first: string, last: string, department: string])[] = [
  ['2023-07-03', 'Ada', 'Lindgren', 'Finance'],
  ['2023-07-03', 'Bruno', 'Okafor', 'Sales'],
  ['2023-08-01', 'Chiara', 'Weiss', 'Research'],
  ['2023-09-01', 'Dmitri', 'Sanchez', 'Finance'],
  ['2023-09-01', 'Esra', 'Holm', 'Legal'],
  ['2023-10-02', 'Farid', 'Novak', 'Sales'],
  ['2023-11-01', 'Greta', 'Moreau', 'Research'],
  ['2024-01-02', 'Hugo', 'Baptiste', 'Finance'],
  ['2024-01-02', 'Ines', 'Carvalho', 'Operations'],
  ['2024-02-01', 'Jonas', 'Petrov', 'Operations'],
  ['2024-03-01', 'Katarzyna', 'Aalto', 'Legal'],
  ['2024-04-02', 'Liam', 'Fischer', 'Sales'],
];

export function tellStory(): FixtureStory {
  const teller = new Teller();
  for (const day of [...new Set(JOINERS.map(([joined]) => joined))]) {
    teller.hold(
      day,
      JOINERS.filter(([joined]) => joined === day).map((joiner) => () => teller.join(...joiner)),
    );
  }
  teller.hold('2024-04-15', [() => teller.move('Lindgren', 'Research'), () => teller.losePrecedence('Weiss')]);
  teller.hold('2024-05-02', [() => teller.leave('Okafor', true), () => teller.leave('Novak', true)]);
  teller.hold('2024-05-31', [() => teller.leave('Moreau', false), () => teller.failToJoin()]);
  teller.addByHand('2024-06-04', 'Baptiste');
  teller.hold('2024-06-10', [() => teller.rename('Lindgren', 'Ada Lindgren-Roy')]);
  return teller;
}

/** The phases of one change of a person, told in the order of the runs: import, synchronisation, export, confirmation. */
interface Course {
  synchronise: () => Course | undefined;
  export?: () => FixtureChange;
}

class Teller extends StepWriter implements FixtureStory {
  constructor() {
    super();
    this.log.emit({
      occurredAt: instantOf('2023-07-01', '09:00:00'),
      stage: 'configuration',
      operation: 'add',
      outcome: 'add',
      configuration: null,
      initiator: 'administrator',
      initiatorKnown: 'observed',
      values: [addValue('sha256', '7d1c9a')],
    });
  }

  /** One day's runs: HR is imported and synchronised, the directory exported and imported again. */
  hold(day: string, imports: (() => Course)[]): void {
    this.day = day;
    const courses = this.holdRun('hr', 'Full import and synchronisation', '06:30', 40, () => {
      const staged = imports.map((stage) => stage());
      this.run = { ...this.run, step: 2, stepKind: 'delta-synchronization' };
      return staged.flatMap(({ synchronise }) => synchronise() ?? []);
    });
    const exported = this.holdRun('directory', 'Export', '06:45', null, () =>
      courses.flatMap((course) => course.export?.() ?? []),
    );
    const refused = exported.some(({ outcome }) => outcome === 'export-failure');
    if (refused) this.setResult('completed-export-errors');
    this.holdRun('directory', 'Confirming import', '07:15', 200 + this.people.length, () => {
      for (const change of exported.filter(({ outcome }) => outcome !== 'export-failure')) this.confirm(change);
    });
  }

  join(day: string, first: string, last: string, department: string): Course {
    const number = this.people.length + 1;
    const account = `${first}.${last}`.toLowerCase();
    const dn = `CN=${first} ${last},OU=${department},OU=Staff,DC=example,DC=org`;
    const reference = { id: idOf(1, number), name: `${first} ${last}`, type: 'person' };
    const person = { reference, account, dn, department, joinedOn: day, leftOn: null, disabledAt: null };
    this.people.push(person);
    const imported = this.import(person, 'add', 'stage-add', [
      addValue('employeeId', String(41_000 + number)),
      addValue('firstName', first, PERSONAL),
      addValue('lastName', last, PERSONAL),
      addValue('department', department),
      addValue('costCentre', String(700 + number)),
    ]);
    return { synchronise: () => this.project(person, imported, first, last) };
  }

  private project(person: FixturePerson, imported: FixtureChange, first: string, last: string): Course {
    const projected = this.synchronise(person, 'projection', 'disconnector-projected-flow', imported, [], 'person');
    const flowed = this.synchronise(person, 'import-flow', 'connector-flow', projected, [
      addValue('displayName', `${first} ${last}`, { ...PERSONAL, rule: 'display-name' }),
      addValue('department', person.department),
      addValue('accountName', person.account),
    ]);
    const provisioned = this.synchronise(
      person,
      'provisioning',
      'provisioned-add-flow',
      flowed,
      [],
      'directory-account',
    );
    const values = [
      addValue('cn', `${first} ${last}`, PERSONAL),
      addValue('sAMAccountName', person.account),
      addValue('department', person.department),
      addValue('accountEnabled', 'true', ENTITLEMENT),
    ];
    this.synchronise(person, 'export-flow', 'connector-flow', provisioned, values, 'directory-account');
    return {
      synchronise: () => undefined,
      export: () => {
        const made = this.export(person, 'add', 'export-add', values, provisioned);
        this.grant(this.groups[0], person, { causes: [made.sequence] });
        if (person.department === 'Finance') this.grant(this.groups[1], person, { causes: [made.sequence] });
        return made;
      },
    };
  }

  move(last: string, department: string): Course {
    const person = this.find(last);
    const values = [replaceValue('department', person.department, department, { setBy: this.findSetting(person) })];
    const imported = this.import(person, 'update', 'stage-update', values);
    person.department = department;
    return { synchronise: () => this.flow(person, imported, values) };
  }

  rename(last: string, name: string): Course {
    const person = this.find(last);
    const values = [replaceValue('displayName', person.reference.name ?? '', name, PERSONAL)];
    person.reference = { ...person.reference, name };
    const imported = this.import(person, 'update', 'stage-update', values);
    return { synchronise: () => this.flow(person, imported, values) };
  }

  leave(last: string, disabled: boolean): Course {
    const person = this.find(last);
    person.leftOn = this.day;
    const imported = this.import(person, 'update', 'stage-update', [addValue('leavingDate', this.day)]);
    const values = [replaceValue('accountEnabled', 'true', 'false', ENTITLEMENT)];
    return {
      synchronise: () => {
        const flowed = this.synchronise(person, 'import-flow', 'connector-flow', imported, [
          addValue('employeeStatus', 'left'),
        ]);
        const staged = this.synchronise(person, 'deprovisioning', 'provisioned-disconnect', flowed, [], 'leaver');
        return { synchronise: () => undefined, export: () => this.disable(person, staged, values, disabled) };
      },
    };
  }

  private disable(person: FixturePerson, cause: FixtureChange, values: Values, done: boolean) {
    if (!done) return this.export(person, 'update', 'export-failure', values, cause, 'permission-issue');
    const exported = this.export(person, 'update', 'export-update', values, cause);
    person.disabledAt = exported.occurredAt;
    return exported;
  }

  /** HR has another value than the directory, which wins. */
  losePrecedence(last: string): Course {
    const person = this.find(last);
    const values = [addValue('telephoneNumber', '+49 30 5550 117', PERSONAL)];
    const imported = this.import(person, 'update', 'stage-update', values);
    return {
      synchronise: () => {
        this.synchronise(person, 'import-flow', 'skipped-not-precedent', imported, values, 'telephone');
        return undefined;
      },
    };
  }

  failToJoin(): Course {
    const imported = this.log.emit({
      ...this.run,
      ...HR_CLERK,
      occurredAt: instantOf(this.day, '06:00:00'),
      stage: 'import',
      operation: 'add',
      outcome: 'stage-add',
      anchor: '41900',
      values: [addValue('lastName', 'Weiss', PERSONAL)],
    });
    return {
      synchronise: () => {
        this.log.emit({
          ...this.run,
          occurredAt: instantOf(this.day, '06:31:40'),
          stage: 'join',
          outcome: 'ambiguous-join',
          error: 'Two objects fit the join rule.',
          anchor: '41900',
          causes: [imported.sequence],
          rule: 'by-name',
        });
        return undefined;
      },
    };
  }

  /** Somebody with rights in the directory makes a member of Domain Admins: no export of ours explains it. */
  addByHand(day: string, last: string): void {
    this.day = day;
    this.holdRun('directory', 'Delta import', '13:15', 212, () => {
      this.grant(this.groups[2], this.find(last), {
        stage: 'import',
        outcome: 'stage-update',
        occurredAt: instantOf(day, '12:47:31'),
        occurredAtKnown: 'reported',
        initiator: 'EXAMPLE\\adm-brandt',
        initiatorKnown: 'matched',
        performer: 'EXAMPLE\\adm-brandt',
        address: '10.20.4.17',
        outOfBand: true,
      });
    });
  }

  private flow(person: FixturePerson, imported: FixtureChange, values: Values): Course {
    const flowed = this.synchronise(person, 'import-flow', 'connector-flow', imported, values);
    this.synchronise(person, 'export-flow', 'connector-flow', flowed, values, 'directory-account');
    return {
      synchronise: () => undefined,
      export: () => this.export(person, 'update', 'export-update', values, flowed),
    };
  }

  private find(last: string): FixturePerson {
    const person = this.people.find(({ reference }) => reference.name?.includes(last) === true);
    if (person === undefined) throw new Error(`nobody in the story is called ${last}`);
    return person;
  }

  private findSetting(person: FixturePerson): string | null {
    return this.log.changes.find(({ object }) => object?.id === person.reference.id)?.sequence ?? null;
  }
}
