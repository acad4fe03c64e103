// The balance of an import step against what can be counted: nothing that it claims is taken from itself, where the log holds
// something to hold it against.

/** What each part of a balance is, as outcomes of stage `import`. */
const EVENTS = {
  changed: ['stage-add', 'stage-update', 'stage-rename'],
  refused: ['stage-failure'],
  gone: ['stage-delete'],
} as const;
/** An object that is as it was leaves no event: the counter is a claim too, and no more than that. */
const UNCHANGED = 'stage-no-change';

interface StepNumbers {
  /** As the step's end says: "object type/part" to number. */
  balance: ReadonlyMap<string, number>;
  /** As the step's end says: "stage/agent/object type/outcome" to number. */
  recorded: ReadonlyMap<string, number>;
  /** The same of the events themselves. */
  counted: ReadonlyMap<string, number>;
}

/** What is wrong, as sentences that go on from "In step 1 of run 12, ". */
export function findBalanceFaults({ balance, recorded, counted }: StepNumbers): string[] {
  const [claimed, staged] = [stagedByType(recorded), stagedByType(counted)];
  const types = new Set([...balance.keys()].map((name) => name.slice(0, name.lastIndexOf('/'))));
  for (const type of [...claimed.keys(), ...staged.keys()]) types.add(type);
  return [...types].flatMap((type) => {
    const part = (name: string) => balance.get(`${type}/${name}`) ?? 0;
    const counter = claimed.get(type)?.get('unchanged') ?? 0;
    const faults: string[] = [];
    for (const [name, outcomes] of Object.entries(EVENTS)) {
      const held = staged.get(type)?.get(name) ?? 0;
      if (part(name) !== held)
        faults.push(
          `${part(name)} ${type} objects are said to be ${name}, and the log holds ${held} (${outcomes.join(', ')}).`,
        );
    }
    const [read, unchanged, changed, refused] = ['read', 'unchanged', 'changed', 'refused'].map(part);
    if (unchanged !== counter)
      faults.push(
        `${unchanged} ${type} objects are said to be unchanged, and its counter ${UNCHANGED} says ${counter}.`,
      );
    if (read !== (unchanged ?? 0) + (changed ?? 0) + (refused ?? 0))
      faults.push(
        `of ${read} ${type} objects read, ${unchanged} unchanged, ${changed} changed and ${refused} refused do not add up.`,
      );
    return faults;
  });
}

const PARTS = new Map([
  ...Object.entries(EVENTS).flatMap(([part, outcomes]) => outcomes.map((outcome): [string, string] => [outcome, part])),
  [UNCHANGED, 'unchanged'],
]);

/** Object type to part of the balance to number, of whatever agent. */
function stagedByType(counts: ReadonlyMap<string, number>): Map<string, Map<string, number>> {
  const types = new Map<string, Map<string, number>>();
  for (const [name, count] of counts) {
    const [stage, , ...rest] = name.split('/');
    const part = PARTS.get(rest.pop() ?? '');
    if (stage !== 'import' || part === undefined) continue;
    const type = rest.join('/');
    const parts = types.get(type) ?? new Map<string, number>();
    parts.set(part, (parts.get(part) ?? 0) + count);
    types.set(type, parts);
  }
  return types;
}
