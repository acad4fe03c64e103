// Any question, typed by hand: GraphiQL, with an example for each of the questions that the log must answer. Nothing of what is
// typed or answered stays in the browser: it may be about people.
import { useQuery } from '@tanstack/react-query';
import { GraphiQL, type GraphiQLProps } from 'graphiql';
import { type ReactNode, useState } from 'react';
import { Link, useSearchParams } from 'react-router';
import 'graphiql/style.css';
import { Answer } from '../answers/answer.tsx';
import { Page } from '../page/page.tsx';
import { request } from '../request.ts';

interface Example {
  name: string;
  title: string;
  query: string;
  variables: Record<string, unknown>;
}

export function GraphiqlPage(): ReactNode {
  const examples = useQuery({ queryKey: ['examples'], queryFn: ({ signal }) => fetchExamples(signal) });
  const [search] = useSearchParams();
  return (
    <Page
      title="GraphiQL"
      lead="Any question that your roles allow, in GraphQL. Each is recorded, as those of the other pages are. An id in an example is to be replaced: search finds it."
    >
      <Answer query={examples} what="examples">
        {(offered) => {
          const chosen = offered.find(({ name }) => name === search.get('example')) ?? offered[0];
          return (
            <>
              <Examples offered={offered} chosen={chosen?.name} />
              <Editor key={chosen?.name} example={chosen} />
            </>
          );
        }}
      </Answer>
    </Page>
  );
}

function Examples({ offered, chosen }: { offered: readonly Example[]; chosen: string | undefined }): ReactNode {
  return (
    <details className="examples">
      <summary>Examples</summary>
      <ul>
        {offered.map(({ name, title }) => (
          <li key={name}>
            <Link to={`?example=${name}`} aria-current={name === chosen ? 'true' : undefined}>
              {title}
            </Link>
          </li>
        ))}
      </ul>
    </details>
  );
}

function Editor({ example }: { example: Example | undefined }): ReactNode {
  const [storage] = useState(forgetful);
  return (
    <div className="graphiql-frame">
      <GraphiQL
        fetcher={ask}
        storage={storage}
        {...(example && { query: example.query, variables: JSON.stringify(example.variables, null, 2) })}
      />
    </div>
  );
}

const ask: GraphiQLProps['fetcher'] = async ({ query, variables, operationName }) => {
  const response = await request('graphql', {
    method: 'POST',
    headers: { 'content-type': 'application/json', accept: 'application/json' },
    body: JSON.stringify({ query, variables, operationName }),
  });
  return response.json();
};

async function fetchExamples(signal: AbortSignal): Promise<Example[]> {
  const response = await request('examples', { signal });
  return response.json();
}

/** What GraphiQL would keep in the browser is forgotten with the page. */
function forgetful(): NonNullable<GraphiQLProps['storage']> {
  const kept = new Map<string, string>();
  return {
    get length() {
      return kept.size;
    },
    getItem: (key) => kept.get(key) ?? null,
    setItem: (key, value) => void kept.set(key, value),
    removeItem: (key) => void kept.delete(key),
    clear: () => kept.clear(),
  };
}
