// A hash, shortened, with a button that copies all of it.
import { type ReactNode, useState } from 'react';
import { shortenHash } from '../numbers.ts';

const SAID_MS = 2000;

export function HashText({ hash, what }: { hash: string; what: string }): ReactNode {
  const [said, setSaid] = useState('');
  const say = (text: string): void => {
    setSaid(text);
    window.setTimeout(() => setSaid(''), SAID_MS);
  };
  const copy = (): void => {
    copyText(hash).then(
      () => say('Copied'),
      () => say('Not allowed here'),
    );
  };
  return (
    <span className="hash">
      <code title={hash}>{shortenHash(hash)}</code>
      <span className="print-only hash-full">{hash}</span>
      <button type="button" className="small" onClick={copy} aria-label={`Copy ${what}`}>
        {said === '' ? 'Copy' : said}
      </button>
      <span className="visually-hidden" role="status">
        {said}
      </span>
    </span>
  );
}

/** The clipboard is there on https and localhost only; rejects elsewhere. */
async function copyText(text: string): Promise<void> {
  await navigator.clipboard.writeText(text);
}
