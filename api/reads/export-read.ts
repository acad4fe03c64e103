// An export is a question whose answer takes long: that it was asked is accepted before its first byte leaves, and how much was
// told before its last.
import { ForbiddenError } from '../access/questions.ts';
import { ExportParameterError } from '../exports/parameters.ts';
import type { RequestContext } from '../graphql/context.ts';
import { explainError } from '../graphql/errors.ts';
import { type Parameter, type Read, readEvent } from './read-event.ts';

export interface AskedExport {
  /** Its own id, in both of its reads. */
  id: string;
  list: string;
  format: string;
  parameters: readonly Parameter[];
  object?: string | undefined;
  watermark: number;
}

/** What became of it. */
export interface EndedExport {
  rows: number;
  /** Of the whole file; undefined: it was cut off. */
  file?: { bytes: number; sha256: string } | undefined;
}

/** Throws UnrecordedReadError: then nothing may leave. */
export function recordAsked(context: RequestContext, asked: AskedExport): Promise<void> {
  return record(context, asked, { question: 'export', parameters: asked.parameters, outcome: 'answered' });
}

/** A question that was refused or failed tells something too. Throws UnrecordedReadError. */
export async function recordRefused(context: RequestContext, asked: AskedExport, error: unknown): Promise<void> {
  // Whoever cancelled has seen nothing.
  if (context.queries.signal?.aborted) return;
  await record(context, asked, { question: 'export', parameters: asked.parameters, ...becameOf(error) });
}

/** Throws UnrecordedReadError. */
export function recordEnded(context: RequestContext, asked: AskedExport, { rows, file }: EndedExport): Promise<void> {
  const parameters: Parameter[] = file
    ? [
        { name: 'bytes', type: 'integer', text: String(file.bytes) },
        { name: 'sha256', type: 'string', text: file.sha256 },
      ]
    : [];
  const became = file ? { outcome: 'answered' as const } : { outcome: 'failed' as const, error: 'cut-off' };
  return record(context, asked, { question: 'exportEnd', parameters, rows, ...became });
}

function record(
  { viewer, address, access, reads }: RequestContext,
  { id, list, format, object, watermark }: AskedExport,
  read: Pick<Read, 'question' | 'outcome' | 'error' | 'rows' | 'parameters'>,
): Promise<void> {
  const named = Object.entries({ export: id, list, format }).map(
    ([name, text]): Parameter => ({ name, type: 'string', text }),
  );
  const parameters = [...named, ...read.parameters];
  return reads.record([readEvent({ viewer, address, reason: access.reason, object, watermark, ...read, parameters })]);
}

function becameOf(error: unknown): Pick<Read, 'outcome' | 'error'> {
  if (error instanceof ExportParameterError) return { outcome: 'refused', error: 'bad-user-input' };
  if (error instanceof ForbiddenError) return { outcome: 'refused', error: 'forbidden' };
  const code = String(explainError(error, () => undefined).extensions.code);
  const isRefused = ['ANSWER_TOO_LARGE', 'FORBIDDEN'].includes(code);
  return { outcome: isRefused ? 'refused' : 'failed', error: code.toLowerCase().replaceAll('_', '-') };
}
