// One line: that the change is in the log that was signed, and whether the browser found that to be so.
import { useQuery } from '@tanstack/react-query';
import type { ReactNode } from 'react';
import { formatCount } from '../numbers.ts';
import type { AnswerOf } from '../operation.ts';
import { HashText } from '../parts/hash-text.tsx';
import type { changeQuery } from './change-query.ts';
import { type Checked, checkProof } from './check-proof.ts';

type Proof = NonNullable<AnswerOf<typeof changeQuery>['change']>['proof'];

const FOUND: Readonly<Record<Checked, string>> = {
  holds: 'checked in this browser: it is there',
  fails: 'checked in this browser: IT IS NOT THERE',
  unknown: 'not checked: browsers do that over https or on the same machine only',
};

export function ProofLine({ proof }: { proof: Proof }): ReactNode {
  const { leaf, root } = proof;
  const checked = useQuery({ queryKey: ['proof', leaf, root], queryFn: () => checkProof(proof) });
  const signedRoot = proof.checkpoint?.root;
  // The path leads to the root of the answer; that root has to be the one that was signed.
  const found = checked.data === 'holds' && signedRoot !== undefined && signedRoot !== root ? 'fails' : checked.data;
  return (
    <p className={found === 'fails' ? 'proof notice bad' : 'proof'}>
      Leaf <HashText hash={leaf} what="the leaf" /> of the checkpoint of {formatCount(proof.size)} events, root{' '}
      <HashText hash={root} what="the root" />
      {': '}
      <span role="status">{found === undefined ? 'being checked' : FOUND[found]}</span>.
    </p>
  );
}
