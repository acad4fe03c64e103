// Finding an object by what it is or was called; also those that are deleted.
import type { ReactNode } from 'react';
import { Link, useSearchParams } from 'react-router';
import { Answer, Empty } from '../answers/answer.tsx';
import { useAnswer } from '../answers/use-answer.ts';
import { formatCount } from '../numbers.ts';
import { Page } from '../page/page.tsx';
import { Badge } from '../parts/badge.tsx';
import { SelectField, TextField } from '../parts/field.tsx';
import { Gone } from '../parts/gone.tsx';
import { Instant } from '../parts/instant.tsx';
import { ObjectLink } from '../parts/links.tsx';
import { Columns, TableFrame } from '../parts/table-frame.tsx';
import { objectsQuery, objectTypesQuery } from './objects-query.ts';

const MOST_SHOWN = 50;

export function ObjectsPage(): ReactNode {
  const [params] = useSearchParams();
  const search = params.get('search');
  const type = params.get('type');
  const query = useAnswer(objectsQuery, { search, type, first: MOST_SHOWN }, { keep: true });
  return (
    <Page
      title="Objects"
      lead="Everyone and everything that is or was in the metaverse. Deleted objects stay findable."
    >
      <ObjectSearch search={search ?? ''} type={type ?? ''} />
      <Answer query={query} what="objects">
        {({ objects, log }) => (
          <>
            {objects.length === 0 ? (
              <Empty title={search === null ? 'There are no objects yet.' : `Nothing is or was called “${search}”.`}>
                {(search ?? type) !== null && <Link to="?">Show all objects</Link>}
              </Empty>
            ) : (
              <ObjectTable objects={objects} />
            )}
            <Gone gone={log.gone} />
          </>
        )}
      </Answer>
    </Page>
  );
}

function ObjectSearch({ search, type }: { search: string; type: string }): ReactNode {
  const [, setParams] = useSearchParams();
  const { data } = useAnswer(objectTypesQuery, {});
  const types = data?.overview.objectCounts ?? [];
  return (
    <search>
      <form
        key={`${search} ${type}`}
        className="filter inline"
        aria-label="Search objects"
        onSubmit={(event) => {
          event.preventDefault();
          const filled = [...new FormData(event.currentTarget)].filter(([, entry]) => entry !== '');
          setParams(filled.map(([name, entry]): [string, string] => [name, String(entry).trim()]));
        }}
      >
        <TextField
          label="Name, anchor or distinguished name, now or ever"
          name="search"
          type="search"
          className="field-search"
          defaultValue={search}
        />
        <SelectField
          key={types.length}
          label="Type"
          name="type"
          value={type}
          choices={types.map(({ name, count }) => ({ value: name, text: `${name} (${formatCount(count)})` }))}
        />
        <button type="submit" className="primary">
          Search
        </button>
      </form>
    </search>
  );
}

interface ObjectTableProps {
  objects: readonly {
    id: string;
    type: string;
    name: string | null;
    formerNames: readonly string[];
    deleted: boolean;
    firstSeen: string;
    lastChanged: string;
  }[];
}

function ObjectTable({ objects }: ObjectTableProps): ReactNode {
  return (
    <>
      <TableFrame label="Objects">
        <Columns names={['Name', 'Type', 'Also called', 'First seen (UTC)', 'Last changed (UTC)']} />
        <tbody>
          {objects.map((object) => (
            <tr key={object.id}>
              <th scope="row">
                <ObjectLink object={object} /> {object.deleted && <Badge tone="bad">deleted</Badge>}
              </th>
              <td>{object.type}</td>
              <td className="wide">{object.formerNames.join(', ')}</td>
              <td>
                <Instant at={object.firstSeen} />
              </td>
              <td>
                <Instant at={object.lastChanged} />
              </td>
            </tr>
          ))}
        </tbody>
      </TableFrame>
      {objects.length === MOST_SHOWN && (
        <p className="muted">The first {MOST_SHOWN} are shown. Search for more of the name to find the others.</p>
      )}
    </>
  );
}
