// Who leads which team, works on which project and holds which role: filled again each month where somebody has left.
import { monthOf } from './calendar.ts';
import { type Company, type Employee, TOP_BAND } from './company.ts';
import { DEPARTMENTS, PROJECTS, ROLES } from './organisation.ts';

const MOST_PROJECTS = 3;

/** Each team without a lead gets the one of its people who has been there longest. */
export function appointLeads(company: Company): void {
  for (const { name } of DEPARTMENTS) {
    for (const [team, members] of company.teamsOf(name)) {
      if (company.vacant.has(team) || members.some(({ rank }) => rank === 'lead')) continue;
      const lead = members.find(isEligible) ?? members[0];
      if (!lead) continue;
      company.leads.set(team, lead.number);
      company.change(lead.number, {
        rank: 'lead',
        title: `Team Lead ${name}`,
        band: Math.min(lead.band + 1, TOP_BAND),
      });
    }
  }
}

function isEligible({ leavingDate, inStory }: Employee): boolean {
  return leavingDate === '' && !inStory;
}

/** Projects that begin get people, those that have ended lose theirs, the others lose and gain a few. */
export function fillProjects(company: Company, month: number): void {
  const { random } = company;
  for (const project of PROJECTS) {
    const members = [...company.employees.values()].filter(({ projects }) => projects.includes(project.name));
    if (month < monthOf(project.first) || month > monthOf(project.last)) {
      for (const { number, projects } of members) company.change(number, { projects: without(projects, project.name) });
      continue;
    }
    const leaving = members.length < project.size ? [] : random.pickSome(members, random.between(0, 2));
    for (const { number, projects } of leaving) company.change(number, { projects: without(projects, project.name) });
    const eligible = company
      .free()
      .filter(
        (each) =>
          worksOnProjects(each) && !each.projects.includes(project.name) && each.projects.length < MOST_PROJECTS,
      );
    for (const { number, projects } of random.pickSome(eligible, project.size - members.length + random.between(0, 1)))
      company.change(number, { projects: [...projects, project.name] });
  }
}

function worksOnProjects({ department }: Employee): boolean {
  return DEPARTMENTS.some(({ name, hasProjects }) => hasProjects && name === department);
}

function without(list: readonly string[], item: string): string[] {
  return list.filter((each) => each !== item);
}

/** Whoever had a role and has left or moved is replaced. */
export function fillRoles(company: Company): void {
  for (const { name, department, size } of ROLES) {
    const holders = [...company.employees.values()].filter(({ roles }) => roles.includes(name));
    const eligible = company.free().filter((each) => each.department === department && each.roles.length === 0);
    for (const { number } of company.random.pickSome(eligible, size - holders.length))
      company.change(number, { roles: [name] });
  }
}
