// What happens in the company in a month by chance: people give notice, leave, come, move and marry.
import { appointLeads, fillProjects, fillRoles } from './appointments.ts';
import { dayOf, daysIn, monthOf } from './calendar.ts';
import { type Company, departmentNamed, type Employee, lastDayOf, placeNamed, telephoneAt } from './company.ts';

import { PLACES } from './names.ts';
import { DEPARTMENTS, MERGER } from './organisation.ts';

/** Notice is given up to so many months ahead. */
const LONGEST_NOTICE_MONTHS = 3;

/** The first month has no past: its people are there, and some have given notice. */
export function liveThroughMonth(company: Company, month: number): void {
  const nearest = month === 1 ? month + 1 : month + LONGEST_NOTICE_MONTHS;
  for (let target = nearest; target <= month + LONGEST_NOTICE_MONTHS; target++) planLeavers(company, month, target);
  enterNotices(company, month);
  if (month === 1) return;
  letGo(company, month);
  hireJoiners(company, month);
  moveSome(company, month);
  marrySome(company);
  takeOnContractor(company, month);
  renewContracts(company, month);
  fillProjects(company, month);
  fillRoles(company);
  appointLeads(company);
}

/** Decides who will leave in the month `target`, and from which feed on HR knows. */
function planLeavers(company: Company, month: number, target: number): void {
  const { random } = company;
  const noticed = new Set(company.notices.map(({ number }) => number));
  const candidates = [...company.employees.values()].filter(
    ({ number, rank, leavingDate, inStory }) =>
      (rank === 'staff' || rank === 'lead') && leavingDate === '' && !inStory && !noticed.has(number),
  );
  for (const { number } of random.pickSome(candidates, random.between(7, 13))) {
    const day = random.happens(0.55) ? daysIn(target) : random.between(1, daysIn(target));
    const notice = Math.max(month, target - random.between(1, LONGEST_NOTICE_MONTHS));
    company.notices.push({ number, leavingDate: dayOf(target, day), month: notice });
  }
}

function enterNotices(company: Company, month: number): void {
  for (const { number, leavingDate } of company.notices.filter((notice) => notice.month === month))
    company.change(number, { leavingDate });
  company.notices = company.notices.filter((notice) => notice.month > month);
}

/** Whose last day has come is not in the feed any more, unless HR forgets it; now and then somebody goes at once. */
function letGo(company: Company, month: number): void {
  const { random, lingering } = company;
  for (const { number, leavingDate, inStory } of [...company.employees.values()]) {
    if (leavingDate === '' || leavingDate > lastDayOf(month)) continue;
    const isForgotten = !inStory && !lingering.has(number) && random.happens(0.04);
    if (isForgotten) lingering.set(number, month);
    else company.dismiss(number);
  }
  if (month % 5 === 0) company.dismiss(random.pick(company.free()).number);
}

function hireJoiners(company: Company, month: number): void {
  const { random } = company;
  for (let count = random.between(9, 18); count > 0; count--) {
    const isFixedTerm = random.happens(0.1);
    company.hire(month, isFixedTerm ? { leavingDate: lastDayOf(month + 12) } : {});
  }
  for (let count = random.between(2, 6); count > 0; count--) company.engage(month);
}

function moveSome(company: Company, month: number): void {
  const { random } = company;
  const isMerger = month === monthOf(MERGER.month);
  if (isMerger) mergeDepartments(company);
  for (const employee of random.pickSome(company.free(), isMerger ? 8 : random.between(16, 30))) {
    const kind = random.fraction();
    if (kind < 0.45) moveToDepartment(company, employee, random.pick(openDepartments(month, employee.department)));
    else if (kind < 0.7) giveTitle(company, employee);
    else moveToPlace(company, employee);
  }
}

function openDepartments(month: number, but: string): string[] {
  return DEPARTMENTS.map(({ name }) => name).filter(
    (name) => name !== but && name !== 'Executive Board' && (name !== MERGER.from || month < monthOf(MERGER.month)),
  );
}

export function moveToDepartment(
  company: Company,
  { number, projects }: Employee,
  department: string,
  editor?: string,
): void {
  const { titles, hasProjects } = departmentNamed(department);
  const change = {
    department,
    team: company.smallestTeam(department),
    title: company.random.pick(titles),
    projects: hasProjects ? projects : [],
    roles: [],
    rank: 'staff' as const,
  };
  company.change(number, change, editor);
}

function giveTitle(company: Company, { number, department, title, band }: Employee): void {
  const { titles } = departmentNamed(department);
  const others = titles.filter((each) => each !== title);
  company.change(number, {
    title: others.length === 0 ? `Senior ${title}` : company.random.pick(others),
    band: Math.min(band + 1, 6),
  });
}

function moveToPlace(company: Company, { number, location }: Employee): void {
  const place = placeNamed(company.random.pick(PLACES.filter(({ name }) => name !== location)).name);
  company.change(number, { location: place.name, telephone: telephoneAt(place, number) });
}

function mergeDepartments(company: Company): void {
  for (const employee of [...company.employees.values()].filter(({ department }) => department === MERGER.from))
    moveToDepartment(company, employee, MERGER.into);
  company.heads.delete(MERGER.from);
}

function marrySome(company: Company): void {
  const { random } = company;
  for (const { number, givenName, surname, location } of random.pickSome(company.free(), random.between(1, 3))) {
    const other = random.pick(placeNamed(location).locale.surnames.filter((each) => each !== surname));
    marry(company, number, givenName, random.happens(0.3) ? `${surname}-${other}` : other);
  }
}

export function marry(company: Company, number: string, givenName: string, surname: string, editor?: string): void {
  company.change(number, { surname, mail: company.newMail(givenName, surname) }, editor);
}

/** Every few months a contractor is taken on, often for another post than before. */
function takeOnContractor(company: Company, month: number): void {
  const { random } = company;
  if (month % 3 !== 0) return;
  const willing = [...company.contractors.values()].filter(
    ({ contractEnd, inStory }) => !inStory && contractEnd !== '',
  );
  const department = random.happens(0.5) ? { department: random.pick(openDepartments(month, '')) } : {};
  company.takeOn(month, random.pick(willing).number, month + random.between(1, 3), department);
}

/** Contracts that end are mostly renewed; whose is not is gone from procurement's feed after its end. */
function renewContracts(company: Company, month: number): void {
  const { random } = company;
  for (const { number, contractEnd, inStory } of [...company.contractors.values()])
    if (!inStory && contractEnd !== '' && contractEnd <= lastDayOf(month)) company.contractors.delete(number);
  for (const [number, last] of company.takenOver) if (last < month) company.contractors.delete(number);
  const due = [...company.contractors.values()].filter(
    ({ contractEnd, inStory }) => !inStory && contractEnd !== '' && contractEnd <= lastDayOf(month + 1),
  );
  const ending = new Set(random.pickSome(due, random.between(1, 4)));
  for (const contractor of due.filter((each) => !ending.has(each)))
    company.changeContractor(contractor.number, { contractEnd: lastDayOf(month + 1 + random.between(3, 9)) });
}
