// The company as HR and procurement know it at one moment: who works there, in which team, for whom.
import { dayOf, daysIn } from './calendar.ts';
import { addressOf, MAIL_DOMAIN, PLACES, type Place } from './names.ts';
import { ASSIGNMENTS, DEPARTMENTS, type Department, SUPPLIERS } from './organisation.ts';
import type { SeededRandom } from './seeded-random.ts';

export type Rank = 'chief' | 'head' | 'lead' | 'staff';

export interface Employee {
  number: string;
  givenName: string;
  surname: string;
  mail: string;
  birthDate: string;
  hireDate: string;
  leavingDate: string;
  department: string;
  team: string;
  rank: Rank;
  title: string;
  band: number;
  location: string;
  telephone: string;
  projects: readonly string[];
  roles: readonly string[];
  /** Plays a part in a story: chance leaves them alone. */
  inStory: boolean;
}

export interface Contractor {
  number: string;
  givenName: string;
  surname: string;
  mail: string;
  employeeNumber: string;
  supplier: string;
  contractEnd: string;
  department: string;
  title: string;
  location: string;
  telephone: string;
  sponsor: string;
  inStory: boolean;
}

export interface Notice {
  number: string;
  leavingDate: string;
  /** The first feed that tells it. */
  month: number;
}

const TEAM_SIZE = 11;
export const TOP_BAND = 8;

export class Company {
  readonly random: SeededRandom;
  readonly employees = new Map<string, Employee>();
  readonly contractors = new Map<string, Contractor>();
  /** Team to the number of whoever leads it, who may be gone. */
  readonly leads = new Map<string, string>();
  /** Department to the number of its head. */
  readonly heads = new Map<string, string>();
  /** Who HR or procurement says has edited a row this month, where it is told. */
  readonly editors = new Map<string, string>();
  chief = '';
  /** Teams whose lead has left and not been replaced. */
  readonly vacant = new Set<string>();
  /** Resignations that HR has not entered yet. */
  notices: Notice[] = [];
  /** Leavers whose rows HR forgets to take out, and the last feed that has them. */
  readonly lingering = new Map<string, number>();
  /** Contractors who are employees now, and the last feed in which procurement still lists them. */
  readonly takenOver = new Map<string, number>();
  readonly #former = new Map<string, Employee>();
  readonly #fullNames = new Set<string>();
  readonly #addresses = new Set<string>();
  #lastEmployee = 10200;
  #lastContractor = 2100;

  constructor(random: SeededRandom) {
    this.random = random;
  }

  /** Somebody new, with what is given and the rest made up. */
  hire(month: number, given: Partial<Employee> = {}): Employee {
    const department = departmentNamed(given.department ?? this.#weightedDepartment());
    const place = placeNamed(given.location ?? this.#weightedPlace());
    const name = given.givenName && given.surname ? given : this.#newName(place);
    const { givenName = '', surname = '' } = name;
    this.#fullNames.add(`${givenName} ${surname}`);
    const number = given.number ?? String(++this.#lastEmployee);
    const hireDate = given.hireDate ?? this.#hireDate(month);
    const employee: Employee = {
      number,
      givenName,
      surname,
      mail: given.mail ?? this.newMail(givenName, surname),
      birthDate: birthDateOf(this.random, hireDate),
      hireDate,
      leavingDate: '',
      department: department.name,
      team: this.smallestTeam(department.name),
      rank: 'staff',
      title: this.random.pick(department.titles),
      band: this.random.between(1, 4),
      location: place.name,
      telephone: telephoneAt(place, number),
      projects: [],
      roles: [],
      inStory: false,
      ...given,
    };
    this.employees.set(number, employee);
    if (employee.rank === 'lead') this.leads.set(employee.team, number);
    return employee;
  }

  engage(month: number, given: Partial<Contractor> = {}): Contractor {
    const place = placeNamed(given.location ?? this.#weightedPlace());
    const name = given.givenName && given.surname ? given : this.#newName(place);
    const { givenName = '', surname = '' } = name;
    this.#fullNames.add(`${givenName} ${surname}`);
    const number = given.number ?? `X-${++this.#lastContractor}`;
    const assignment = this.random.pick(ASSIGNMENTS);
    const contractor: Contractor = {
      number,
      givenName,
      surname,
      mail: given.mail ?? this.newMail(givenName, surname),
      employeeNumber: '',
      supplier: this.random.pick(SUPPLIERS),
      contractEnd: lastDayOf(month + this.random.between(4, 16)),
      ...assignment,
      location: place.name,
      telephone: telephoneAt(place, number.slice(2)),
      sponsor: this.sponsorIn(given.department ?? assignment.department),
      inStory: false,
      ...given,
    };
    this.contractors.set(number, contractor);
    return contractor;
  }

  employee(number: string): Employee {
    return known(this.employees, number);
  }

  contractor(number: string): Contractor {
    return known(this.contractors, number);
  }

  /** An employee as they were when they left. */
  former(number: string): Employee {
    return known(this.#former, number);
  }

  dismiss(number: string): void {
    this.#former.set(number, this.employee(number));
    this.employees.delete(number);
  }

  /** Takes somebody who left on again, under the number they had. */
  rehire(number: string, change: Partial<Employee>, editor: string): void {
    const former = this.former(number);
    const team = this.smallestTeam(change.department ?? former.department);
    this.employees.set(number, { ...former, rank: 'staff', team, projects: [], roles: [], ...change });
    this.editors.set(number, editor);
  }

  /** Makes a contractor an employee; procurement strikes the end of the contract, and the row some months later. */
  takeOn(month: number, contractor: string, listedUntil: number, given: Partial<Employee> = {}): void {
    const { givenName, surname, mail, department, location } = this.contractor(contractor);
    this.hire(month, { givenName, surname, mail, department, location, ...given });
    this.changeContractor(contractor, { contractEnd: '' });
    this.takenOver.set(contractor, listedUntil);
  }

  /** Changes an employee; `editor` is told in the feed. */
  change(number: string, change: Partial<Employee>, editor?: string): void {
    this.employees.set(number, { ...this.employee(number), ...change });
    if (editor !== undefined) this.editors.set(number, editor);
  }

  changeContractor(number: string, change: Partial<Contractor>): void {
    this.contractors.set(number, { ...this.contractor(number), ...change });
  }

  /** An address that nobody has ever had. */
  newMail(givenName: string, surname: string): string {
    const base = addressOf(givenName, surname);
    let address = base;
    for (let count = 2; this.#addresses.has(address); count++) address = `${base}${count}`;
    this.#addresses.add(address);
    return `${address}@${MAIL_DOMAIN}`;
  }

  /** Whom an employee reports to: a number, of somebody who may be gone; '' for the chief. */
  managerOf(employee: Employee): string {
    if (employee.rank === 'chief') return '';
    if (employee.rank === 'head') return this.chief;
    const head = this.heads.get(employee.department) ?? this.chief;
    return employee.rank === 'lead' ? head : (this.leads.get(employee.team) ?? head);
  }

  teamsOf(department: string): Map<string, Employee[]> {
    const teams = new Map<string, Employee[]>();
    for (const employee of this.employees.values()) {
      if (employee.department !== department || employee.team === '') continue;
      const team = teams.get(employee.team);
      if (team) team.push(employee);
      else teams.set(employee.team, [employee]);
    }
    return teams;
  }

  /** The team of a department that has the fewest people; a new one when all are full. */
  smallestTeam(department: string): string {
    const teams = [...this.teamsOf(department)].sort(([, a], [, b]) => a.length - b.length);
    const [smallest] = teams;
    if (smallest && smallest[1].length < TEAM_SIZE) return smallest[0];
    for (let number = 1; ; number++) {
      const name = `${department} ${number}`;
      if (!teams.some(([team]) => team === name)) return name;
    }
  }

  sponsorIn(department: string): string {
    return this.employees.get(this.heads.get(department) ?? '')?.mail ?? '';
  }

  /** People whom chance may do something to: no leads, no heads, nobody on the way out, nobody of a story. */
  free(): Employee[] {
    return [...this.employees.values()].filter(
      ({ rank, leavingDate, inStory }) => rank === 'staff' && leavingDate === '' && !inStory,
    );
  }

  #newName(place: Place): { givenName: string; surname: string } {
    for (;;) {
      const givenName = this.random.pick(place.locale.given);
      const surname = this.random.pick(place.locale.surnames);
      if (!this.#fullNames.has(`${givenName} ${surname}`)) return { givenName, surname };
    }
  }

  #weightedDepartment(): string {
    const from = DEPARTMENTS.filter(({ name }) => name !== 'Executive Board' && name !== 'Facilities');
    return this.random.pickWeighted(from, ({ size }) => size).name;
  }

  #weightedPlace(): string {
    return this.random.pickWeighted(PLACES, ({ weight }) => weight).name;
  }

  /** Those of the first feed came over many years, the others in that month, most of them on its first day. */
  #hireDate(month: number): string {
    if (month > 1) return dayOf(month, this.random.happens(0.7) ? 1 : this.random.between(2, daysIn(month)));
    return dayOf(1 - this.random.between(1, 240), 1);
  }
}

function known<T>(people: ReadonlyMap<string, T>, number: string): T {
  const found = people.get(number);
  if (!found) throw new Error(`There is nobody with the number ${number}.`);
  return found;
}

export function departmentNamed(name: string): Department {
  const found = DEPARTMENTS.find((department) => department.name === name);
  if (!found) throw new Error(`There is no department ${name}.`);
  return found;
}

export function placeNamed(name: string): Place {
  const found = PLACES.find((place) => place.name === name);
  if (!found) throw new Error(`There is no place ${name}.`);
  return found;
}

export function telephoneAt(place: Place, number: string): string {
  return `${place.prefix} ${number.slice(-4)}`;
}

export function lastDayOf(month: number): string {
  return dayOf(month + 1, 0);
}

/** Nobody is younger than 18 or older than 65. */
function birthDateOf(random: SeededRandom, hireDate: string): string {
  const year = Math.max(Number(hireDate.slice(0, 4)) - random.between(19, 45), 1961);
  return `${year}-${twoDigits(random.between(1, 12))}-${twoDigits(random.between(1, 28))}`;
}

function twoDigits(value: number): string {
  return String(value).padStart(2, '0');
}
