// Traces as a collector gets them: which spans there are and how they hang together, and that nothing of the data is in them.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { test } from 'node:test';
import { until } from './alerts-world.ts';
import { makeCompany, metatrail, startService } from './service-world.ts';
import { type Received, startReceiver } from './webhook-receiver.ts';

interface SpanData {
  traceId: string;
  spanId: string;
  parentSpanId?: string;
  name: string;
  attributes: { key: string; value: Record<string, unknown> }[];
}

interface Sent {
  resourceSpans: { resource: { attributes: SpanData['attributes'] }; scopeSpans: { spans: SpanData[] }[] }[];
}

const spansOf = (received: readonly Received[]): SpanData[] =>
  received
    .flatMap(({ body }) => (JSON.parse(body) as Sent).resourceSpans)
    .flatMap(({ scopeSpans }) => scopeSpans.flatMap(({ spans }) => spans));

const TRACE = '4bf92f3577b34da6a3ce929d0e0e4736';
const PARENT = '00f067aa0ba902b7';
const QUESTION =
  'query Anne_Archer { changes(filter: { attribute: "department", value: "Engineering" }) { nodes { sequence } } log { size } }';

test('requests, operations, statements and runs are spans of one trace, and hold nothing of the data', {
  timeout: 300_000,
}, async (t) => {
  const collector = await startReceiver(t);
  const company = makeCompany(t);
  Object.assign(company.environment, {
    OTEL_EXPORTER_OTLP_ENDPOINT: `http://127.0.0.1:${collector.port}`,
    OTEL_BSP_SCHEDULE_DELAY: '50',
    OTEL_RESOURCE_ATTRIBUTES: 'deployment.environment.name=test',
  });
  const service = await startService(t, company);
  await metatrail(company, 'run', 'hr', 'full');
  const { link, url } = service;
  const cookie = (await fetch(link, { redirect: 'manual' })).headers.get('set-cookie')?.split(';')[0] ?? '';
  const answer = await fetch(new URL('graphql', url), {
    method: 'POST',
    headers: {
      cookie,
      'content-type': 'application/json',
      'x-metatrail': 'yes',
      traceparent: `00-${TRACE}-${PARENT}-01`,
    },
    body: JSON.stringify({ query: QUESTION }),
  });
  const text = await answer.text();
  const found = () => spansOf(collector.received).filter(({ traceId }) => traceId === TRACE);
  await until('the request is told', () => found().some(({ parentSpanId }) => parentSpanId === PARENT));
  await service.stop();
  assert.match(text, /^\{"data"/);
  const request = found().find(({ parentSpanId }) => parentSpanId === PARENT) ?? assert.fail();
  assert.equal(request.name, 'POST /graphql');
  assert.ok(request.attributes.some(({ key, value }) => key === 'http.response.status_code' && value.intValue === 200));
  const operation = found().find(({ parentSpanId }) => parentSpanId === request.spanId) ?? assert.fail();
  assert.equal(operation.name, 'query changes log', text);
  const statements = found().filter(({ name }) => name === 'clickhouse select');
  assert.ok(statements.length > 0);
  assert.ok(statements.every(({ parentSpanId }) => parentSpanId === operation.spanId));
  assert.ok(statements.every(({ attributes }) => attributes.some(({ key }) => key === 'metatrail.rows_read')));
  const run = spansOf(collector.received).find(({ name }) => name === 'run') ?? assert.fail();
  assert.ok(run.attributes.some(({ key, value }) => key === 'metatrail.result' && value.stringValue === 'success'));
  const told = collector.received.map(({ body }) => body).join('\n');
  assert.match(told, /"service\.name","value":\{"stringValue":"metatrail"/);
  assert.match(told, /deployment\.environment\.name/);
  assert.doesNotMatch(told, /SELECT|Anne|Archer|Engineering|sign-in\?token|Cookie|cookie/);
  assert.ok(collector.received.every(({ headers }) => headers['content-type'] === 'application/json'));
});

test('a collector that is away keeps no service from answering or from stopping', { timeout: 300_000 }, async (t) => {
  const company = makeCompany(t);
  Object.assign(company.environment, {
    OTEL_EXPORTER_OTLP_ENDPOINT: 'http://127.0.0.1:9',
    OTEL_BSP_SCHEDULE_DELAY: '50',
  });
  const service = await startService(t, company);
  await metatrail(company, 'run', 'hr', 'full');
  const begun = performance.now();
  service.child.kill('SIGTERM');
  await once(service.child, 'exit');
  assert.equal(service.child.exitCode, 0);
  assert.ok(performance.now() - begun < 20_000);
});
