// What happens to the people of the stories, and when. Each has a cause that could happen in any company; what
// administrators do in the directory and the wiki by hand is in by-hand.ts.
import { AOIFE, PETRA, TOMASZ } from './cast.ts';
import type { Company, Employee } from './company.ts';
import { marry, moveToDepartment } from './life-events.ts';

interface Scene {
  month: string;
  play: (company: Company, month: number) => void;
}

const EWA = '10109';
const ANNA = 'X-2003';
const PIOTR = { contractor: 'X-2001', employee: '10121' };

/** From this feed on, `number` has a last day. */
const givesNotice = (month: string, number: string, leavingDate: string, editor: string): Scene => ({
  month,
  play: (company) => company.change(number, { leavingDate }, editor),
});

const returns = (month: string, number: string, change: Partial<Employee>, editor: string): Scene => ({
  month,
  play: (company) => company.rehire(number, change, editor),
});

const contractorChanges = (
  month: string,
  number: string,
  change: Parameters<Company['changeContractor']>[1],
): Scene => ({
  month,
  play: (company) => company.changeContractor(number, change),
});

const SCENES: readonly Scene[] = [
  // A mover, and a marriage.
  { month: '2025-03', play: (company) => moveToDepartment(company, company.employee('10101'), 'Marketing', TOMASZ) },
  { month: '2025-07', play: (company) => marry(company, '10102', 'Siobhán', 'Brandt', AOIFE) },
  // Two who leave and are taken on again, and one who comes back as a contractor.
  givesNotice('2024-12', '10103', '2025-02-28', PETRA),
  returns('2025-10', '10103', { hireDate: '2025-10-01', leavingDate: '2027-09-30' }, PETRA),
  givesNotice('2025-06', '10104', '2025-08-15', PETRA),
  returns(
    '2026-03',
    '10104',
    { hireDate: '2026-03-16', leavingDate: '2027-03-15', department: 'Sales', title: 'Sales Engineer' },
    PETRA,
  ),
  givesNotice('2025-09', '10105', '2025-11-30', AOIFE),
  {
    month: '2026-05',
    play: (company, month) => {
      const { givenName, surname, mail, department, location } = company.former('10105');
      const contract = { number: 'X-2004', contractEnd: '2026-12-31', title: 'Firmware Consultant', inStory: true };
      company.engage(month, { ...contract, givenName, surname, mail, department, location });
    },
  },
  // A contractor is taken on and stays on procurement's list for a while, with other particulars than HR's.
  {
    month: '2025-04',
    play: (company, month) => {
      const post = { department: 'Research', title: 'Optics Engineer', location: 'Aarhus', inStory: true };
      company.takeOn(month, PIOTR.contractor, month + 3, { number: PIOTR.employee, hireDate: '2025-04-01', ...post });
    },
  },
  contractorChanges('2025-06', PIOTR.contractor, { telephone: '+48 12 555 7777' }),
  // One of two Anna Schmidts also trains for a supplier; which one becomes known three months later.
  {
    month: '2025-09',
    play: (company, month) => {
      const contract = {
        contractEnd: '2026-09-30',
        supplier: 'Kestrel Services',
        title: 'First Aid Trainer',
        mail: '',
      };
      const post = { department: 'People', location: 'Hamburg', inStory: true };
      company.engage(month, { number: ANNA, givenName: 'Anna', surname: 'Schmidt', ...contract, ...post });
    },
  },
  contractorChanges('2025-12', ANNA, { employeeNumber: '10107' }),
  { month: '2026-09', play: (company) => company.contractors.delete(ANNA) },
  // A team's lead leaves, and for two months HR's rows still name her as its manager.
  givesNotice('2025-08', EWA, '2025-10-17', TOMASZ),
  { month: '2025-10', play: (company) => company.vacant.add(company.employee(EWA).team) },
  { month: '2025-12', play: (company) => company.vacant.clear() },
  // Leavers of whose accounts by-hand.ts tells more.
  givesNotice('2026-02', '10110', '2026-03-31', PETRA),
  givesNotice('2025-12', '10111', '2026-02-28', TOMASZ),
  // A notice that is withdrawn.
  givesNotice('2025-05', '10112', '2025-08-31', AOIFE),
  { month: '2025-07', play: (company) => company.change('10112', { leavingDate: '' }, AOIFE) },
  // Joiners whom an administrator gave an account by hand before their own came.
  {
    month: '2026-01',
    play: (company, month) => {
      const post = { department: 'Manufacturing', location: 'Kraków', title: 'Machinist', inStory: true };
      company.hire(month, { number: '10122', givenName: 'Márton', surname: 'Szabó', ...post });
    },
  },
  {
    month: '2026-09',
    play: (company, month) => {
      const post = { department: 'Software Development', location: 'Lyon', title: 'Software Engineer', inStory: true };
      company.hire(month, { number: '10123', givenName: 'Inês', surname: 'Carvalho', ...post });
    },
  },
];

export function playScenes(company: Company, label: string, month: number): void {
  for (const scene of SCENES) if (scene.month === label) scene.play(company, month);
}
