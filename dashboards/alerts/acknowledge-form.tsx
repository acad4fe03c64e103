// Says that an occurrence was seen, and why that is enough.
import { useMutation, useQueryClient } from '@tanstack/react-query';
import { type ReactNode, useState } from 'react';
import { fetchGraphql } from '../graphql.ts';
import type { Sequence } from '../operation.ts';
import { TextField } from '../parts/field.tsx';
import { ServiceError } from '../service-error.ts';
import { acknowledgeQuery } from './alerts-query.ts';

export function AcknowledgeForm({ occurrence }: { occurrence: Sequence }): ReactNode {
  const answers = useQueryClient();
  // Sent again after a lost connection it is the same.
  const [key] = useState(() => crypto.randomUUID());
  const acknowledging = useMutation({
    mutationFn: (why: string) => fetchGraphql(acknowledgeQuery, { occurrence, why, key }),
    networkMode: 'always',
    throwOnError: (error) => error instanceof ServiceError && error.failure === 'sign-in',
    onSuccess: () => answers.invalidateQueries(),
  });
  return (
    <form
      aria-label={`Acknowledge occurrence ${occurrence}`}
      onSubmit={(event) => {
        event.preventDefault();
        acknowledging.mutate(String(new FormData(event.currentTarget).get('why') ?? ''));
      }}
    >
      <TextField label="What you found or did (nothing personal)" name="why" required />
      <button type="submit" className="small" disabled={acknowledging.isPending}>
        Acknowledge
      </button>
      {acknowledging.isError && (
        <p className="notice bad" role="alert">
          {acknowledging.error.message}
        </p>
      )}
    </form>
  );
}
