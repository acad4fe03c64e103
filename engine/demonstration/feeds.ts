// The feeds: full images as HR and procurement write them, all made from one seed.

import { labelOf, MONTHS } from './calendar.ts';
import { CLERK_OF_PLACE, GREGOIRE } from './cast.ts';
import { Company, type Contractor, type Employee } from './company.ts';
import { foundCompany } from './founding.ts';
import { liveThroughMonth } from './life-events.ts';
import { playScenes } from './scenes.ts';
import { SeededRandom } from './seeded-random.ts';

interface EditedRow {
  row: string;
  clerk: string;
}

export interface Feeds {
  /** From 1. */
  month: number;
  /** The text of HR's image, and of procurement's of an hour later. */
  hr: string;
  contractors: string;
}

const HR_COLUMNS = [
  'employee_number',
  'given_name',
  'surname',
  'mail',
  'birth_date',
  'hire_date',
  'leaving_date',
  'department',
  'title',
  'salary_band',
  'location',
  'telephone',
  'manager',
  'projects',
  'roles',
];
const CONTRACTOR_COLUMNS = [
  'contractor_number',
  'name',
  'given_name',
  'surname',
  'mail',
  'employee_number',
  'supplier',
  'contract_end',
  'department',
  'title',
  'location',
  'telephone',
  'sponsor',
];

/** In this feed somebody typed a comma into a title, and procurement's list quotes nothing: the row cannot be read. */
const SPOILT = { month: '2025-05', number: 'X-2005', title: 'Visiting Scientist, Optics' };

/** All feeds, first to last. The same seed gives the same bytes. */
export function generateFeeds(seed: number): Feeds[] {
  const company = new Company(new SeededRandom(seed));
  foundCompany(company);
  const feeds: Feeds[] = [];
  let rows = new Map<string, EditedRow>();
  for (let month = 1; month <= MONTHS; month++) {
    company.editors.clear();
    playScenes(company, labelOf(month), month);
    liveThroughMonth(company, month);
    rows = editRows(company, rows);
    const hr = [
      [...HR_COLUMNS, 'changed_by'].join(','),
      ...[...rows.values()].map(({ row, clerk }) => `${row},${clerk}`),
    ];
    feeds.push({ month, hr: textOf(hr), contractors: contractorsText(company, month) });
  }
  return feeds;
}

/** Each row with the clerk who edited it last: of a row that changed, whoever is told, else the clerk of its place. */
function editRows(company: Company, before: ReadonlyMap<string, EditedRow>): Map<string, EditedRow> {
  const employees = [...company.employees.values()].sort((a, b) => (a.number < b.number ? -1 : 1));
  return new Map(
    employees.map((employee) => {
      const row = writeRow(employeeFields(company, employee));
      const last = before.get(employee.number);
      const clerk = company.editors.get(employee.number) ?? CLERK_OF_PLACE[employee.location] ?? '';
      return [employee.number, last?.row === row ? last : { row, clerk }];
    }),
  );
}

function employeeFields(company: Company, employee: Employee): string[] {
  return [
    employee.number,
    employee.givenName,
    employee.surname,
    employee.mail,
    employee.birthDate,
    employee.hireDate,
    employee.leavingDate,
    employee.department,
    employee.title,
    `B${employee.band}`,
    employee.location,
    employee.telephone,
    company.managerOf(employee),
    employee.projects.join(';'),
    employee.roles.join(';'),
  ];
}

function contractorsText(company: Company, month: number): string {
  const contractors = [...company.contractors.values()].sort((a, b) => (a.number < b.number ? -1 : 1));
  const rows = contractors.map((contractor) => {
    const isSpoilt = labelOf(month) === SPOILT.month && contractor.number === SPOILT.number;
    const fields = contractorFields(isSpoilt ? { ...contractor, title: SPOILT.title } : contractor);
    return isSpoilt ? fields.join(',') : writeRow(fields);
  });
  return textOf([[...CONTRACTOR_COLUMNS, 'edited_by'].join(','), ...rows.map((row) => `${row},${GREGOIRE}`)]);
}

function contractorFields(contractor: Contractor): string[] {
  return [
    contractor.number,
    `${contractor.givenName} ${contractor.surname}`,
    contractor.givenName,
    contractor.surname,
    contractor.mail,
    contractor.employeeNumber,
    contractor.supplier,
    contractor.contractEnd,
    contractor.department,
    contractor.title,
    contractor.location,
    contractor.telephone,
    contractor.sponsor,
  ];
}

function writeRow(fields: readonly string[]): string {
  return fields.map((field) => (/[",\n]/.test(field) ? `"${field.replaceAll('"', '""')}"` : field)).join(',');
}

function textOf(lines: readonly string[]): string {
  return lines.map((line) => `${line}\n`).join('');
}
