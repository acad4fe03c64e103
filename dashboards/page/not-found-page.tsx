// An address that leads nowhere.
import type { ReactNode } from 'react';
import { Link } from 'react-router';
import { Empty } from '../answers/answer.tsx';
import { Page } from './page.tsx';

export function NotFoundPage(): ReactNode {
  return (
    <Page title="No such page">
      <Empty title="This address leads nowhere.">
        <Link to="/">To the overview</Link>
      </Empty>
    </Page>
  );
}
