// The example questions of api/examples/, one for each of the eleven that the log must answer: each is asked of a real log over
// HTTP, as GraphiQL asks it, and none is answered with nothing.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { z } from 'zod';
import { readExamples } from '../api/http/examples.ts';
import { liveHalfAYear } from './api/world.ts';
import { withPage } from './dashboards/real-page.ts';
import { bearer, SignInWorld, withSession } from './sign-in-world.ts';

const closing: (() => unknown)[] = [];
let world: SignInWorld;
before(async () => {
  world = await SignInWorld.open({ after: (close) => closing.push(close) });
  const { api } = world;
  await liveHalfAYear(api);
  // Eve moves, and the badges are never told that they are.
  const eve = { id: '5', name: 'Eve Elm', department: 'Sales', projects: 'Red', by: 'carol' };
  api.hr('2024-05', [{ id: '1', name: 'Änne Schmidt', department: 'IT', projects: 'Red;Blue', by: 'dave' }, eve]);
  await api.run('hr', 'full');
  await api.run('directory', 'export', '2024-06-02T10:00:00Z');
  await api.delivered();
});
after(async () => {
  for (const close of closing.reverse()) await close();
});

/** What stands for the objects and events that only this log has. */
function ownVariables(): Record<string, unknown> {
  const { api } = world;
  const bob = api.id('Bob Beech');
  const married = api.sequences(({ objectName }) => objectName === 'Änne Schmidt');
  return {
    text: 'Schmidt',
    value: 'Bob Beech',
    id: api.id('Änne Schmidt'),
    person: bob,
    entitlement: api.id('Red'),
    // Before she was married as far as the log knew, of an instant after it.
    // biome-ignore lint/suspicious/noThenProperty: the name of a variable
    then: married[0],
    sequence: api.sequences(
      ({ object, stage, causes }) => object === bob && stage === 'export' && causes.length > 0,
    )[0],
  };
}

const isFilled = (answer: unknown): boolean =>
  typeof answer === 'object' &&
  answer !== null &&
  (Array.isArray(answer) ? answer.length > 0 : Object.values(answer).some(isFilled));

const answerSchema = z.object({ data: z.record(z.string(), z.unknown()), errors: z.undefined().optional() });

test('there is one for each of the eleven questions, with a sentence on its first line', () => {
  const examples = readExamples();
  assert.deepEqual(
    examples.map(({ name }) => name.slice(0, 2)),
    ['01', '02', '03', '04', '05', '06', '07', '08', '09', '10', '11'],
  );
  for (const { name, title, query } of examples) {
    assert.match(query, /^# /, name);
    assert.match(title, /^[A-Z].*[.?]$/, name);
  }
});

for (const { name, query, variables } of readExamples())
  test(`the example ${name} is answered with something`, async () => {
    const own = ownVariables();
    const given = Object.fromEntries(Object.entries(variables).map(([key, value]) => [key, own[key] ?? value]));
    const headers = { ...world.commandLine, 'content-type': 'application/json' };
    const body = JSON.stringify({ query, variables: given });
    const { text } = await world.send('POST', '/graphql', headers, body);
    const { data } = answerSchema.parse(JSON.parse(text), { error: () => text.slice(0, 500) });
    for (const [key, answer] of Object.entries(data)) {
      assert.ok(isFilled(answer), `${key}: ${JSON.stringify(answer)}`);
      if (key === 'object' && typeof answer === 'object' && answer !== null)
        for (const [below, part] of Object.entries(answer)) if (below !== 'name') assert.ok(isFilled(part), below);
    }
  });

test('they are told to whoever is signed in, those that their roles may ask', async () => {
  const names = async (headers: Record<string, string>) => {
    const { status, text } = await world.send('GET', '/examples', headers);
    assert.equal(status, 200, text);
    return z
      .array(z.looseObject({ name: z.string() }))
      .parse(JSON.parse(text))
      .map(({ name }) => name);
  };
  assert.equal((await world.send('GET', '/examples')).status, 401);
  assert.equal((await names(withSession(await world.followLink()))).length, 11);
  const { secret } = await world.makeToken('runs', ['operator']);
  assert.deepEqual(await names(bearer(secret)), ['09-exports-and-runs']);
});

test('GraphiQL shows the examples and answers one, under the content security policy of the service', async (t) => {
  await withPage(t, world.api.installation, async ({ page, open }) => {
    const refused: string[] = [];
    page.on('console', (message) => {
      if (message.type() === 'error') refused.push(message.text());
    });
    await open('graphiql?example=03-who-set-this-value');
    await page.getByText('Examples', { exact: true }).click();
    assert.equal(await page.locator('.examples a').count(), 11);
    await page.getByRole('button', { name: /Execute query/ }).click();
    const answer = page.locator('.result-window');
    await answer.getByText('"data"').first().waitFor();
    assert.match((await answer.textContent()) ?? '', /"attribute": "displayName"/);
    assert.equal(await page.evaluate(() => window.localStorage.length), 0);
    assert.deepEqual(refused, []);
  });
});
