// read = unchanged + changed + refused: no entry of an input is lost without a trace. Entries that a full image no
// longer has are counted apart, they were not read.
import type { ReactNode } from 'react';
import { formatCount } from '../numbers.ts';
import type { RunStep } from './run-query.ts';

export function Balance({ balance }: { balance: NonNullable<RunStep['balance']> }): ReactNode {
  const { read, unchanged, changed, refused, gone } = balance;
  const missing = read - unchanged - changed - refused;
  return (
    <div className={missing === 0 ? 'balance good' : 'balance bad'}>
      <Term count={read} name="read" />
      <span className="balance-sign">=</span>
      <Term count={unchanged} name="unchanged" />
      <span className="balance-sign">+</span>
      <Term count={changed} name="changed" />
      <span className="balance-sign">+</span>
      <Term count={refused} name="refused" />
      <span className="balance-verdict">
        {missing === 0 ? 'adds up' : `${formatCount(Math.abs(missing))} entries unaccounted for`}
      </span>
      <Term count={gone} name="gone" />
    </div>
  );
}

function Term({ count, name }: { count: number; name: string }): ReactNode {
  return (
    <span className={`balance-term ${name}`}>
      <strong>{formatCount(count)}</strong> {name}
    </span>
  );
}
