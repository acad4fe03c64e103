// The company's departments, projects, roles and suppliers.

export interface Department {
  name: string;
  /** People at the beginning. */
  size: number;
  titles: readonly string[];
  /** Works on projects. */
  hasProjects: boolean;
}

export const DEPARTMENTS: readonly Department[] = [
  { name: 'Executive Board', size: 5, titles: ['Board Assistant'], hasProjects: false },
  { name: 'Finance', size: 58, titles: ['Accountant', 'Controller', 'Treasury Analyst', 'Buyer'], hasProjects: false },
  { name: 'People', size: 32, titles: ['HR Adviser', 'Recruiter', 'Payroll Specialist'], hasProjects: false },
  { name: 'Legal', size: 18, titles: ['Counsel', 'Patent Specialist', 'Paralegal'], hasProjects: false },
  {
    name: 'IT Operations',
    size: 66,
    titles: ['System Administrator', 'Network Engineer', 'Service Desk Agent'],
    hasProjects: true,
  },
  {
    name: 'Software Development',
    size: 190,
    titles: ['Software Engineer', 'Senior Software Engineer', 'Test Engineer', 'Firmware Engineer'],
    hasProjects: true,
  },
  { name: 'Product Management', size: 36, titles: ['Product Manager', 'Product Analyst'], hasProjects: true },
  { name: 'Research', size: 82, titles: ['Physicist', 'Optics Engineer', 'Laboratory Technician'], hasProjects: true },
  {
    name: 'Manufacturing',
    size: 218,
    titles: ['Assembler', 'Machinist', 'Calibration Technician', 'Shift Planner'],
    hasProjects: false,
  },
  { name: 'Quality', size: 58, titles: ['Quality Engineer', 'Auditor', 'Inspector'], hasProjects: true },
  { name: 'Logistics', size: 62, titles: ['Warehouse Clerk', 'Dispatcher', 'Customs Specialist'], hasProjects: false },
  { name: 'Sales', size: 104, titles: ['Account Manager', 'Sales Engineer', 'Bid Specialist'], hasProjects: false },
  { name: 'Marketing', size: 36, titles: ['Editor', 'Designer', 'Event Planner'], hasProjects: false },
  {
    name: 'Customer Support',
    size: 76,
    titles: ['Support Engineer', 'Field Engineer', 'Trainer'],
    hasProjects: false,
  },
  { name: 'Facilities', size: 16, titles: ['Caretaker', 'Receptionist'], hasProjects: false },
];

/** In 2026-01 Facilities becomes a part of Logistics. */
export const MERGER = { month: '2026-01', from: 'Facilities', into: 'Logistics' };

export interface Project {
  name: string;
  /** The first and last feed it is in: "2024-11". */
  first: string;
  last: string;
  size: number;
}

export const PROJECTS: readonly Project[] = [
  { name: 'Aurora', first: '2024-11', last: '2026-10', size: 42 },
  { name: 'Borealis', first: '2024-11', last: '2025-08', size: 18 },
  { name: 'Cassini', first: '2024-11', last: '2026-10', size: 30 },
  { name: 'Dragonfly', first: '2024-11', last: '2025-12', size: 22 },
  { name: 'Ember', first: '2024-11', last: '2026-10', size: 16 },
  { name: 'Fjord', first: '2024-11', last: '2026-06', size: 34 },
  { name: 'Glacier', first: '2024-11', last: '2026-10', size: 12 },
  { name: 'Halley', first: '2024-11', last: '2026-10', size: 26 },
  { name: 'Isar', first: '2024-11', last: '2025-04', size: 9 },
  { name: 'Jupiter', first: '2025-03', last: '2026-10', size: 24 },
  { name: 'Kepler', first: '2025-06', last: '2026-10', size: 20 },
  { name: 'Lighthouse', first: '2025-10', last: '2026-10', size: 14 },
  { name: 'Meridian', first: '2026-02', last: '2026-10', size: 28 },
  { name: 'Nimbus', first: '2026-07', last: '2026-10', size: 11 },
];

export interface Role {
  name: string;
  department: string;
  size: number;
}

export const ROLES: readonly Role[] = [
  { name: 'Payment Approvers', department: 'Finance', size: 6 },
  { name: 'Payroll Viewers', department: 'People', size: 8 },
  { name: 'Release Approvers', department: 'Software Development', size: 10 },
  { name: 'Database Administrators', department: 'IT Operations', size: 6 },
  { name: 'Plant Keyholders', department: 'Manufacturing', size: 12 },
  { name: 'Export Control Officers', department: 'Logistics', size: 5 },
];

export const SUPPLIERS: readonly string[] = [
  'Kestrel Services',
  'Brightwater Consulting',
  'Talentis Zeitarbeit',
  'Orion Embedded',
  'Cleanroom Partners',
  'Wawel Software',
];

/** Where contractors work, and as what. */
export const ASSIGNMENTS: readonly { department: string; title: string }[] = [
  { department: 'Software Development', title: 'Software Consultant' },
  { department: 'Software Development', title: 'Test Contractor' },
  { department: 'Software Development', title: 'Embedded Consultant' },
  { department: 'Manufacturing', title: 'Temporary Assembler' },
  { department: 'Manufacturing', title: 'Maintenance Contractor' },
  { department: 'IT Operations', title: 'Infrastructure Consultant' },
  { department: 'Research', title: 'Visiting Scientist' },
  { department: 'Logistics', title: 'Temporary Warehouse Clerk' },
];
