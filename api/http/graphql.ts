// /graphql: a POST of JSON, of bounded size, answered by graphql-yoga. Nothing else: no GET that another site's page
// could make, no uploads, no batches, no answers for foreign origins.
import express, { type NextFunction, type Request, type Response, Router } from 'express';
import { createYoga, type Plugin } from 'graphql-yoga';
import { z } from 'zod';
import type { RequestContext } from '../graphql/context.ts';
import { explainError, explainResult, type Report } from '../graphql/errors.ts';
import { parseQuestion } from '../graphql/limits.ts';
import { schema } from '../graphql/schema.ts';
import type { Installation } from '../installation.ts';
import { executeRecorded } from '../reads/execute.ts';
import { readReader } from './authentication.ts';
import { findOperation } from './persisted-operations.ts';
import { refuse } from './refusal.ts';
import { type Pace, serveSubscriptions } from './subscriptions.ts';

/** A body larger than this is no question that a person or a page asks. */
const LARGEST_BODY_BYTES = 100_000;

const bodySchema = z.looseObject({
  query: z.string(),
  variables: z.record(z.string(), z.unknown()).nullish(),
  operationName: z.string().nullish(),
});

/** `report` is given every error that is no mistake of the caller; `pace`: of subscriptions; `webFolder`: of the pages whose operations are known. */
export function serveGraphQL(installation: Installation, report: Report, pace: Pace, webFolder: string): Router {
  const yoga = createYoga<{ req: Request; res: Response }, RequestContext>({
    schema,
    graphqlEndpoint: '/graphql',
    graphiql: false,
    landingPage: false,
    logging: false,
    cors: false,
    multipart: false,
    maskedErrors: { maskError: (error) => explainError(error, report) },
    plugins: [explaining(report), recording(report)],
    context: ({ req, request }) => installation.context({ ...readReader(req), signal: request.signal }),
  });
  const router = Router();
  router.use(refuseOtherMethods, express.json({ limit: LARGEST_BODY_BYTES, type: 'application/json' }));
  router.use(findOperation(webFolder), checkBody);
  router.use(serveSubscriptions(installation, report, pace));
  router.use((request, response, next) => {
    // Yoga makes an address of it; nothing depends on what a client says here.
    request.headers.host = 'metatrail';
    Promise.resolve(yoga(request, response)).catch(next);
  });
  return router;
}

/** Yoga masks what resolvers raise; faults of the question itself pass by that, and get their code here. */
function explaining(report: Report): Plugin {
  return {
    onParse: ({ setParseFn }) => setParseFn(parseQuestion),
    onExecutionResult: ({ result, setResult }) => {
      if (result && !Array.isArray(result) && 'errors' in result) setResult(explainResult(result, report));
    },
  };
}

/** No answer leaves before it is accepted that it was asked for. */
function recording(report: Report): Plugin<RequestContext> {
  return {
    onExecute: ({ setExecuteFn, context }) => setExecuteFn((args) => executeRecorded({ args, context, report })),
  };
}

function refuseOtherMethods(request: Request, response: Response, next: NextFunction): void {
  if (request.method === 'POST') next();
  else {
    response.set('Allow', 'POST');
    refuse(response, 405, 'A question is sent with POST, as JSON.');
  }
}

function checkBody(request: Request, response: Response, next: NextFunction): void {
  if (!request.is('application/json')) {
    refuse(response, 415, 'A question is sent as JSON, with content-type: application/json.');
    return;
  }
  const body = bodySchema.safeParse(request.body);
  if (body.success) next();
  else refuse(response, 400, 'The body must be a JSON object such as {"query": "{ log { size } }", "variables": {}}.');
}
