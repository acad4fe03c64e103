// Traces of OpenTelemetry, where the environment says who takes them: a span each for a request over HTTP, the GraphQL operation in
// it, each statement of ClickHouse that it takes, and a run. They hold names of the program's own parts, and numbers: no statement,
// no parameter, no name of a person, no value. Without a configured endpoint nothing of this costs anything: the API does nothing.
import {
  type Attributes,
  context,
  diag,
  propagation,
  type Span,
  SpanKind,
  SpanStatusCode,
  trace,
} from '@opentelemetry/api';
import type { NextFunction, Request, Response } from 'express';
import type { ReadCost } from '../ingest/clickhouse/connect.ts';
import type { Questioned } from '../ingest/erasure/emptied-first.ts';
import { VERSION } from './version.ts';

const NAME = 'metatrail';
/** When the service stops, what is left of the spans has so long. */
const LONGEST_LEAVE_MS = 3000;
/** What there is over HTTP: an address that somebody thought of is the name of no span. */
const PLACES = new Set(['graphql', 'feeds', 'exports', 'reports', 'examples', 'log', 'sign-in', 'health', 'metrics']);

/**
 * Begins to send spans to the endpoint of the environment (OTEL_EXPORTER_OTLP_ENDPOINT; the other variables of the OTLP exporter and
 * OTEL_RESOURCE_ATTRIBUTES count as well). `onFailed` is told that they cannot be sent, each time. Returns how to end it.
 */
export async function startTraces(onFailed: (sentence: string) => void): Promise<() => Promise<void>> {
  const [{ AsyncLocalStorageContextManager }, { W3CTraceContextPropagator }, exporting, resources, sdk] =
    await Promise.all([
      import('@opentelemetry/context-async-hooks'),
      import('@opentelemetry/core'),
      import('@opentelemetry/exporter-trace-otlp-http'),
      import('@opentelemetry/resources'),
      import('@opentelemetry/sdk-trace'),
    ]);
  const { detectResources, envDetector, resourceFromAttributes } = resources;
  const own = resourceFromAttributes({ 'service.name': NAME, 'service.version': VERSION });
  const provider = new sdk.TracerProvider({
    resource: own.merge(detectResources({ detectors: [envDetector] })),
    spanProcessors: [new sdk.BatchSpanProcessor({ exporter: new exporting.OTLPTraceExporter() })],
  });
  const nothing = () => undefined;
  const failed = () => onFailed('Traces cannot be sent to the endpoint of OTEL_EXPORTER_OTLP_ENDPOINT.');
  // What it says may quote an address with a secret in it.
  diag.setLogger({ error: failed, warn: failed, info: nothing, debug: nothing, verbose: nothing });
  context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable());
  propagation.setGlobalPropagator(new W3CTraceContextPropagator());
  trace.setGlobalTracerProvider(provider);
  return async () => {
    const tooLong = new Promise((resolve) => setTimeout(resolve, LONGEST_LEAVE_MS).unref());
    await Promise.race([provider.shutdown().catch(failed), tooLong]);
  };
}

/** Does the work in a span of its own; what it throws marks it as failed, by the error's name alone. */
export function traced<T>(
  name: string,
  attributes: Attributes,
  work: (span: Span) => Promise<T>,
  kind = SpanKind.INTERNAL,
): Promise<T> {
  return trace.getTracer(NAME, VERSION).startActiveSpan(name, { attributes, kind }, async (span) => {
    try {
      return await work(span);
    } catch (error) {
      fail(span, error instanceof Error ? error.name : typeof error);
      throw error;
    } finally {
      span.end();
    }
  });
}

/** The same log, each statement in a span. */
export function tracingStatements({ embedded, select }: Questioned): Questioned {
  const attributes = { 'db.system.name': 'clickhouse' };
  return {
    embedded,
    select: (sql, params, schema, options) =>
      traced(
        'clickhouse select',
        attributes,
        (span) => {
          const onCost = (cost: ReadCost) => {
            span.setAttributes({ 'metatrail.rows_read': cost.rows, 'metatrail.bytes_read': cost.bytes });
            options?.onCost?.(cost);
          };
          return select(sql, params, schema, { ...options, onCost });
        },
        SpanKind.CLIENT,
      ),
  };
}

/** Whoever asks may say which trace their request is part of (W3C Trace Context). */
export function traceRequests(request: Request, response: Response, next: NextFunction): void {
  const [, first = ''] = request.path.split('/');
  const place = PLACES.has(first) ? `/${first}` : '/';
  const { method } = request;
  const parent = propagation.extract(context.active(), request.headers);
  const options = { kind: SpanKind.SERVER, attributes: { 'http.request.method': method, 'http.route': place } };
  const span = trace.getTracer(NAME, VERSION).startSpan(`${method} ${place}`, options, parent);
  response.on('close', () => {
    span.setAttribute('http.response.status_code', response.statusCode);
    if (response.statusCode >= 500) fail(span, String(response.statusCode));
    span.end();
  });
  context.with(trace.setSpan(parent, span), next);
}

function fail(span: Span, type: string): void {
  span.setAttribute('error.type', type);
  span.setStatus({ code: SpanStatusCode.ERROR });
}
