// People under two managers, one of whom goes from the one to the other.
import type { ApiWorld } from './api/world.ts';

export const MONA = 'Mona Moss';
export const NILS = 'Nils Nord';
export const ANN = 'Ann Ash';
export const BEN = 'Ben Birch';
export const CLEO = 'Cleo Clay';
export const OTTO = 'Otto Oak';
/** Departments are marked sensitive in this world. */
export const SENSITIVE = /Vault-\d/;

/** Ann reports to Mona, and to Nils from April on; Cleo to Ann, Ben to Nils, Otto to nobody. */
export async function liveUnderManagers(world: ApiWorld): Promise<void> {
  const person = (id: string, name: string, manager = '') => ({
    ...{ id, name, manager, department: `Vault-${id}`, projects: 'Red', by: 'carol' },
  });
  const others = [
    person('1', MONA),
    person('2', NILS),
    person('4', BEN, '2'),
    person('5', CLEO, '3'),
    person('6', OTTO),
  ];
  world.hr('2024-01', [...others, person('3', ANN, '1')]);
  await world.run('hr', 'full');
  await world.exportTo('directory', '2024-02-02T10:00:00Z', '2024-02-02T11:00:00Z');
  world.hr('2024-02', [...others, { ...person('3', ANN, '1'), lastDay: '2030-01-01' }]);
  await world.run('hr', 'full');
  world.hr('2024-03', [...others, { ...person('3', ANN, '2'), lastDay: '2031-01-01' }]);
  await world.run('hr', 'full');
  world.hr('2024-04', [...others, { ...person('3', ANN, '2'), lastDay: '2032-01-01', department: 'Vault-9' }]);
  await world.run('hr', 'full');
  await world.exportTo('directory', '2024-05-02T10:00:00Z', '2024-05-02T11:00:00Z');
  await world.delivered();
}
