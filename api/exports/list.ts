// A list that can be taken out of the log: what may be given with it, its columns, and its pages.
import type { z } from 'zod';
import type { RequestContext } from '../graphql/context.ts';
import type { Parameter } from '../reads/read-event.ts';
import { describeParameters, type ParameterDescription, parametersOf, readParameters } from './parameters.ts';
import type { Pages, Shape } from './table.ts';

export interface OpenedList {
  pages: Pages;
  /** Everything is told up to here, and nothing of what came later. */
  watermark: number;
  /** What it lacks because it has expired, in a sentence; known for good when the last page was read. */
  gone: () => string | undefined;
  /** The one object that it is about. */
  object?: string | undefined;
}

export interface AskedList {
  /** As they are written into the log. */
  parameters: Parameter[];
  open: (context: RequestContext) => OpenedList;
}

interface Described {
  /** As it is called in an address. */
  name: string;
  about: string;
  /** The question of api/access/questions.ts whose roles may have it. */
  question: string;
  /** In which order the entries come. */
  order: string;
  shape: Shape;
}

export interface ExportList extends Described {
  parameters: ParameterDescription[];
  /** Reads what was given. Throws ExportParameterError. */
  ask: (given: Readonly<Record<string, string>>) => AskedList;
}

export function defineList<S extends z.ZodObject>(
  described: Described,
  schema: S,
  open: (context: RequestContext, given: z.output<S>) => OpenedList,
): ExportList {
  return {
    ...described,
    parameters: parametersOf(schema),
    ask: (given) => {
      const read = readParameters(schema, given);
      return { parameters: describeParameters(schema, read), open: (context) => open(context, read) };
    },
  };
}
