// The company as the first feed finds it.
import { appointLeads, fillProjects, fillRoles } from './appointments.ts';
import { CAST, CONTRACTED_CAST } from './cast.ts';
import { type Company, lastDayOf, TOP_BAND } from './company.ts';
import { DEPARTMENTS, type Department } from './organisation.ts';

const FIRST_MONTH = 1;
const CONTRACTORS = 150;

export function foundCompany(company: Company): void {
  for (const given of CAST) company.hire(FIRST_MONTH, { ...given, inStory: true });
  for (const department of DEPARTMENTS) staff(company, department);
  appointLeads(company);
  for (const given of CONTRACTED_CAST) company.engage(FIRST_MONTH, { ...given, inStory: true });
  while (company.contractors.size < CONTRACTORS) {
    company.engage(FIRST_MONTH, { contractEnd: lastDayOf(company.random.between(3, 14)) });
  }
  fillProjects(company, FIRST_MONTH);
  fillRoles(company);
}

function staff(company: Company, { name, size }: Department): void {
  const present = [...company.employees.values()].filter(({ department }) => department === name);
  const chief = present.find(({ rank }) => rank === 'chief');
  const head =
    chief ??
    company.hire(FIRST_MONTH, {
      department: name,
      rank: 'head',
      title: `Head of ${name}`,
      team: '',
      band: TOP_BAND - 1,
    });
  if (chief) company.chief = chief.number;
  company.heads.set(name, head.number);
  for (let count = present.length + (chief ? 0 : 1); count < size; count++)
    company.hire(FIRST_MONTH, { department: name });
}
