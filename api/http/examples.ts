// The example questions, for whoever is signed in: those that their roles may ask, with what stands in api/examples/.
import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import type { RequestHandler } from 'express';
import { parse } from 'graphql';
import { z } from 'zod';
import { mayAsk } from '../access/questions.ts';
import { schema } from '../graphql/schema.ts';
import { rootFieldsOf } from '../reads/questions.ts';
import { readReader } from './authentication.ts';

const FOLDER = path.join(import.meta.dirname, '..', 'examples');
const variablesSchema = z.record(z.string(), z.unknown());

export interface Example {
  /** In addresses: the name of its file. */
  name: string;
  /** What it asks, in a sentence: the comment on its first line. */
  title: string;
  query: string;
  variables: Record<string, unknown>;
}

/** All of them, in the order of their names. */
export function readExamples(): Example[] {
  const files = readdirSync(FOLDER).filter((file) => file.endsWith('.graphql'));
  return files.sort().map((file) => {
    const name = file.replace(/\.graphql$/, '');
    const query = readFileSync(path.join(FOLDER, file), 'utf8');
    const variables = variablesSchema.parse(JSON.parse(readFileSync(path.join(FOLDER, `${name}.json`), 'utf8')));
    return { name, title: query.split('\n')[0]?.replace(/^# /, '') ?? '', query, variables };
  });
}

export function serveExamples(): RequestHandler {
  const examples = readExamples().map((example) => {
    const { query, variables } = example;
    return { example, ...rootFieldsOf({ schema, document: parse(query), variables }) };
  });
  return (request, response) => {
    const access = readReader(request);
    const offered = examples.filter(({ fields }) => fields.every((field) => mayAsk(access, field)));
    response.json(offered.map(({ example }) => example));
  };
}
