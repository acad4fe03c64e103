// Who is signed in, of whom they are told, and whether they see sensitive values: these are shown to an investigator who
// says why.
import { useQueryClient } from '@tanstack/react-query';
import { type FormEvent, type ReactNode, useState } from 'react';
import { useAnswer } from '../answers/use-answer.ts';
import { TextField } from '../parts/field.tsx';
import { forgetReason, keepReason, LONGEST_REASON, readReason } from './reason.ts';
import { viewerQuery } from './viewer-query.ts';

export function ViewerState(): ReactNode {
  const { data } = useAnswer(viewerQuery, {});
  if (data === undefined) return null;
  const { name, roles, scope } = data.viewer;
  return (
    <>
      <span title={`${roles.join(', ')}${scope === null ? '' : `. ${scope}`}`}>
        {name}
        {scope !== null && ' · your people'}
      </span>
      {roles.includes('investigator') && <SensitiveValues />}
    </>
  );
}

function SensitiveValues(): ReactNode {
  const answers = useQueryClient();
  const [reason, setReason] = useState(readReason());
  const [isAsking, setAsking] = useState(false);
  const answerAnew = (): void => {
    setReason(readReason());
    setAsking(false);
    void answers.resetQueries();
  };
  if (reason !== undefined)
    return (
      <button
        type="button"
        className="small"
        title={`Sensitive values are shown, for this reason, which stands in the log: ${reason}`}
        onClick={() => {
          forgetReason();
          answerAnew();
        }}
      >
        Hide sensitive values
      </button>
    );
  if (!isAsking)
    return (
      <button type="button" className="small" onClick={() => setAsking(true)}>
        Sensitive values…
      </button>
    );
  const give = (event: FormEvent<HTMLFormElement>): void => {
    event.preventDefault();
    const given = String(new FormData(event.currentTarget).get('reason') ?? '').trim();
    if (given === '') return;
    keepReason(given);
    answerAnew();
  };
  return (
    <form className="reason" onSubmit={give} aria-label="Why sensitive values are shown">
      <TextField
        label="Why? It stands in the log with all you look at"
        name="reason"
        required
        maxLength={LONGEST_REASON}
        autoFocus
      />
      <button type="submit">Show</button>
      <button type="button" onClick={() => setAsking(false)}>
        Cancel
      </button>
    </form>
  );
}
