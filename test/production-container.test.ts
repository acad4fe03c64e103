// The container file, as far as it can be tried where no base image can be fetched: it is read by a parser, and its steps are
// performed in a folder.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { type Dockerfile, DockerfileParser } from 'dockerfile-ast';
import { z } from 'zod';
import { INSTALLED, makeCompanyIn, makeFolder, ownFolder, ROOT, startUnprivileged } from './production-world.ts';

const TEXT = readFileSync(join(ROOT, 'api/production/Containerfile'), 'utf8');
const FOLDERS = ['api', 'dashboards', 'engine', 'ingest', 'reports'];

interface Step {
  keyword: string;
  text: string;
}

/** The steps of each stage. */
function readStages(file: Dockerfile): Step[][] {
  const stages: Step[][] = [];
  for (const instruction of file.getInstructions()) {
    const step = { keyword: instruction.getKeyword(), text: instruction.getArgumentsContent() ?? '' };
    if (step.keyword === 'FROM') stages.push([]);
    stages.at(-1)?.push(step);
  }
  return stages;
}

const textOf = (steps: readonly Step[], keyword: string) => steps.find((step) => step.keyword === keyword)?.text ?? '';
/** The words of a command in the form of JSON. */
const wordsOf = (text: string) => z.array(z.string()).parse(JSON.parse(/\[.*\]/s.exec(text)?.[0] ?? ''));

/** Carries out COPY and RUN in a folder. */
function build(steps: readonly Step[], tree: string): void {
  for (const { keyword, text } of steps) {
    if (keyword === 'COPY') {
      const [to = '', ...from] = text.split(' ').reverse();
      for (const path of from) cpSync(join(ROOT, path), join(tree, to === './' ? path : to), { recursive: true });
    }
    if (keyword !== 'RUN') continue;
    const env = { ...process.env, npm_config_prefer_offline: 'true' };
    const { status, stderr } = spawnSync('/bin/sh', ['-c', text], { cwd: tree, encoding: 'utf8', env });
    assert.equal(status, 0, stderr);
  }
}

test('the container file has two stages of an official image, its own user, and nothing secret or superfluous', () => {
  const [first = [], second = [], ...more] = readStages(DockerfileParser.parse(TEXT));
  assert.equal(more.length, 0);
  for (const from of [textOf(first, 'FROM'), textOf(second, 'FROM')])
    assert.match(from, /^node:24-\S+( AS build)?$/, 'from which registry is for whoever builds to say');
  assert.deepEqual(
    first.flatMap(({ keyword, text }) => (keyword === 'COPY' && text.endsWith('/') ? [text] : [])),
    ['package.json package-lock.json ./'],
  );
  assert.equal(textOf(second, 'USER'), 'node');
  assert.match(textOf(second, 'RUN'), /--mode=0700 \/var\/lib\/metatrail && chown node:node \/var\/lib\/metatrail$/);
  assert.doesNotMatch(TEXT, /^ARG |^ADD |TOKEN|SECRET|PASSWORD/m);
  const ignored = readFileSync(join(ROOT, '.dockerignore'), 'utf8').split('\n');
  assert.ok(ignored.includes('*'), 'what is not named stays out');
  const named = ignored.flatMap((line) => /^!(.+)$/.exec(line)?.[1] ?? []);
  assert.deepEqual(named.sort(), [...FOLDERS, 'package-lock.json', 'package.json'].sort());
});

test('its steps make a tree that an unprivileged user runs and cannot change, and its check tells whether it lives', {
  timeout: 400_000,
}, async (t) => {
  const [first = [], second = []] = readStages(DockerfileParser.parse(TEXT));
  const folder = makeFolder(t);
  const tree = join(folder, 'tree');
  mkdirSync(tree);
  assert.equal(textOf(first, 'WORKDIR'), INSTALLED);
  build(first, tree);
  const set = textOf(second, 'ENV')
    .split(' ')
    .map((pair) => pair.split('='));
  const env = {
    ...Object.fromEntries(set),
    METATRAIL_DATA: ownFolder(folder, 'data'),
    METATRAIL_CONFIG: makeCompanyIn(folder),
    METATRAIL_HOST: '127.0.0.1',
    PORT: '0',
  };
  const command = [...wordsOf(textOf(second, 'ENTRYPOINT')), ...wordsOf(textOf(second, 'CMD'))];
  const started = await startUnprivileged(
    command.map((word) => word.replaceAll(INSTALLED, tree)),
    { cwd: tree, env },
  );
  t.after(() => started.child.kill('SIGKILL'));
  const { url } = await started.ready();
  assert.match(await (await fetch(url)).text(), /<div id="root">/, 'the web application is built');
  const [program = '', ...rest] = wordsOf(textOf(second, 'HEALTHCHECK'));
  assert.equal(program, 'node');
  const check = (port: string) => spawnSync(process.execPath, rest, { env: { PORT: port } }).status;
  assert.deepEqual([check(new URL(url).port), check('9')], [0, 1]);
  assert.equal(textOf(second, 'STOPSIGNAL'), 'SIGTERM');
  started.child.kill('SIGTERM');
  assert.deepEqual(await started.closed, [0, null], started.output.text);
});
