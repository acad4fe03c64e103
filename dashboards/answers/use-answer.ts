// A question to the service and the state of its answer. Every question is itself an event in the change log (who
// looked at what), so none is asked again by itself: not on focus, not by a timer. People press Refresh.
import { keepPreviousData, QueryClient, type UseQueryResult, useQuery } from '@tanstack/react-query';
import { fetchGraphql } from '../graphql.ts';
import type { AnswerOf, Operation, QuestionOf } from '../operation.ts';
import { ServiceError } from '../service-error.ts';

/** Going back to a page within this time shows the same answer. */
const FRESH_MS = 60_000;

export function createAnswers(): QueryClient {
  return new QueryClient({
    defaultOptions: {
      queries: {
        staleTime: FRESH_MS,
        refetchOnWindowFocus: false,
        refetchOnReconnect: false,
        // A lost connection is worth one more try; an error that the service explains will be explained again.
        retry: (count, error) => count < 1 && error instanceof ServiceError && error.failure === 'network',
        retryDelay: 500,
        networkMode: 'always',
        // The sign-in page takes the place of everything else.
        throwOnError: (error) => error instanceof ServiceError && error.failure === 'sign-in',
      },
    },
  });
}

/** `keep` shows the former answer, dimmed, until the new one is there: for lists whose filter changes. */
export function useAnswer<Document>(
  asked: Operation<Document>,
  variables: QuestionOf<Operation<Document>>,
  options: { keep?: boolean; enabled?: boolean } = {},
): UseQueryResult<AnswerOf<Operation<Document>>> {
  return useQuery({
    queryKey: [asked.text, variables],
    queryFn: ({ signal }) => fetchGraphql(asked, variables, signal),
    enabled: options.enabled ?? true,
    ...(options.keep === true ? { placeholderData: keepPreviousData } : {}),
  });
}
