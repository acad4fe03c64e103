// Which instant, and what was known when: the two times of every question about a state.
import type { ReactNode } from 'react';
import { Link, useSearchParams } from 'react-router';
import { formatInstant, readInstant } from '../dates.ts';
import { formatCount } from '../numbers.ts';
import type { Sequence } from '../operation.ts';
import { InstantField, TextField } from '../parts/field.tsx';
import { Gone } from '../parts/gone.tsx';

/** What the address asks for; none means the latest. */
export function readInstantAsked(params: URLSearchParams): { at: string | null; watermark: Sequence | null } {
  const watermark = params.get('watermark') ?? '';
  return { at: readInstant(params.get('at') ?? '') ?? null, watermark: /^\d+$/.test(watermark) ? watermark : null };
}

export function InstantForm({ label, children }: { label: string; children?: ReactNode }): ReactNode {
  const [params, setParams] = useSearchParams();
  const asked = readInstantAsked(params);
  const view = params.get('view') ?? '';
  return (
    <form
      key={params.toString()}
      className="filter inline"
      aria-label={label}
      onSubmit={(event) => {
        event.preventDefault();
        setParams(writeInstantAsked(view, new FormData(event.currentTarget)));
      }}
    >
      <InstantField label="At" name="at" value={asked.at ?? undefined} />
      <TextField
        label="As known at sequence"
        name="watermark"
        inputMode="numeric"
        pattern="[0-9]*"
        placeholder="now"
        defaultValue={String(asked.watermark ?? '')}
      />
      {children}
      <button type="submit" className="primary">
        Show
      </button>
      {(asked.at ?? asked.watermark) !== null && <Link to={`?view=${view}`}>Latest</Link>}
    </form>
  );
}

function writeInstantAsked(view: string, filled: FormData): URLSearchParams {
  const params = new URLSearchParams({ view });
  for (const [name, entry] of filled) {
    const text = typeof entry === 'string' ? entry.trim() : '';
    const value = name === 'at' ? (readInstant(text) ?? '') : text;
    if (value !== '') params.set(name, value);
  }
  return params;
}

interface AnsweredAtProps {
  at: string;
  watermark: Sequence;
  gone: string | null;
}

/** What the answer says it answers, and what it lacks. */
export function AnsweredAt({ at, watermark, gone }: AnsweredAtProps): ReactNode {
  return (
    <>
      <p className="answered-at">
        At <strong>{formatInstant(at)} UTC</strong>, as known at watermark {formatCount(watermark)}
      </p>
      <Gone gone={gone} />
    </>
  );
}
