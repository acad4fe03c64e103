// The people of the stories that README.md tells, as the first feeds have them. Chance leaves them alone.
import type { Contractor, Employee } from './company.ts';

/** HR's clerks, who enter what changes at their places, and procurement's. */
export const PETRA = 'petra.lindqvist';
export const TOMASZ = 'tomasz.wojcik';
export const AOIFE = 'aoife.obrien';
export const GREGOIRE = 'gregoire.lefevre';

export const CLERK_OF_PLACE: Readonly<Record<string, string>> = {
  Hamburg: PETRA,
  Kraków: TOMASZ,
  Dublin: AOIFE,
  Lyon: AOIFE,
  Aarhus: PETRA,
};

type Cast<T> = Partial<T> & {
  number: string;
  givenName: string;
  surname: string;
  department: string;
  location: string;
};

const cast = (
  number: string,
  givenName: string,
  surname: string,
  department: string,
  location: string,
  more: Partial<Employee> = {},
): Cast<Employee> => ({
  number,
  givenName,
  surname,
  department,
  location,
  ...more,
});

/** Those who are there from the first feed on. */
export const CAST: readonly Cast<Employee>[] = [
  cast('10001', 'Henrike', 'Sørensen', 'Executive Board', 'Hamburg', {
    rank: 'chief',
    team: '',
    title: 'Chief Executive',
    band: 9,
  }),
  cast('10011', 'Petra', 'Lindqvist', 'People', 'Hamburg', { title: 'HR Adviser' }),
  cast('10012', 'Tomasz', 'Wójcik', 'People', 'Kraków', { title: 'HR Adviser' }),
  cast('10013', 'Aoife', "O'Brien", 'People', 'Dublin', { title: 'HR Adviser' }),
  cast('10014', 'Grégoire', 'Lefèvre', 'Finance', 'Lyon', { title: 'Buyer' }),
  cast('10101', 'Katarzyna', 'Łukasiewicz', 'Sales', 'Kraków', { title: 'Account Manager' }),
  cast('10102', 'Siobhán', "O'Brien", 'Software Development', 'Dublin', { title: 'Software Engineer' }),
  cast('10103', 'Søren', 'Kjærgaard', 'Research', 'Aarhus', { title: 'Physicist' }),
  cast('10104', 'Zoë', 'Müller', 'Customer Support', 'Hamburg', { title: 'Support Engineer' }),
  cast('10105', 'Brian', "O'Sullivan", 'Software Development', 'Dublin', { title: 'Firmware Engineer' }),
  cast('10106', 'Anna', 'Schmidt', 'Finance', 'Hamburg', { title: 'Controller' }),
  cast('10107', 'Anna', 'Schmidt', 'Quality', 'Hamburg', { title: 'Auditor' }),
  cast('10108', 'Kevin', 'Doyle', 'Finance', 'Dublin', { title: 'Accountant' }),
  cast('10109', 'Ewa', 'Wróblewska', 'Customer Support', 'Kraków', {
    team: 'Customer Support 3',
    rank: 'lead',
    title: 'Team Lead Customer Support',
    band: 5,
  }),
  cast('10110', 'Jürgen', 'Groß', 'IT Operations', 'Hamburg', { title: 'System Administrator' }),
  cast('10111', 'Marek', 'Zawadzki', 'Software Development', 'Kraków', { title: 'Senior Software Engineer' }),
  cast('10112', 'Chloé', 'Rousseau', 'Marketing', 'Lyon', { title: 'Editor' }),
];

export const CONTRACTED_CAST: readonly Cast<Contractor>[] = [
  {
    number: 'X-2001',
    givenName: 'Piotr',
    surname: 'Królikowski',
    department: 'Software Development',
    title: 'Embedded Consultant',
    location: 'Kraków',
    supplier: 'Wawel Software',
    contractEnd: '2025-06-30',
  },
  {
    number: 'X-2002',
    givenName: 'Oisín',
    surname: 'Ó Faoláin',
    department: 'IT Operations',
    title: 'Infrastructure Consultant',
    location: 'Dublin',
    supplier: 'Kestrel Services',
    contractEnd: '2026-03-31',
  },
  {
    number: 'X-2005',
    givenName: 'Ludwig',
    surname: 'Graf',
    department: 'Research',
    title: 'Visiting Scientist',
    location: 'Hamburg',
    supplier: 'Brightwater Consulting',
    contractEnd: '2027-06-30',
  },
];
