// The documents name only what is there: every link inside the project, and every path of a file in backticks.
import assert from 'node:assert/strict';
import { existsSync, globSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { REMEDIES } from '../ingest/errors.ts';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const DOCUMENTS = globSync('{*.md,{ingest,engine,api,dashboards,reports,test}/**/*.md}', { cwd: ROOT });
const LINK = /\]\((?!https?:|#)([^)#\s]+)(?:#[^)]*)?\)/g;
/** `engine/stage.ts`, `api/queries/`: a path from the root that starts with one of the project's folders. */
const PATH = /`((?:ingest|engine|api|dashboards|reports|test)\/[\w./-]+)`/g;
/** Made by a build, which takes it away first: in a fresh clone, and while another test builds, it is not there. */
const MADE = 'dashboards/dist';

test('every link and every path in a document leads to something', () => {
  assert.ok(DOCUMENTS.length > 8, DOCUMENTS.join(', '));
  const lost = DOCUMENTS.flatMap((document) => {
    const text = readFileSync(join(ROOT, document), 'utf8');
    const links = [...text.matchAll(LINK)].map(([, link = '']) => join(dirname(document), link));
    const paths = [...text.matchAll(PATH)].map(([, path = '']) => path);
    return [...links, ...paths]
      .filter((path) => path !== MADE && !existsSync(join(ROOT, path)))
      .map((path) => `${document}: ${path}`);
  });
  assert.deepEqual(lost, []);
});

test('every error of the log has a row that says what it means, and every row is of an error', () => {
  const [, section = ''] = /^## Errors\n(.*?)^## /ms.exec(readFileSync(join(ROOT, 'ingest/README.md'), 'utf8')) ?? [];
  const rows = [...section.matchAll(/^\| (`[^|]+`) \|/gm)].flatMap(([, cell = '']) => cell.match(/[\w-]+/g) ?? []);
  assert.deepEqual(rows.sort(), Object.keys(REMEDIES).sort());
});
