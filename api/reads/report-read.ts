// A report is a question too: that it was asked for is accepted before the first page leaves.
import { REPORTS, ReportParameterError } from '../../reports/definitions.ts';
import type { ProducedReport } from '../../reports/produce.ts';
import { checkMayAsk, ForbiddenError } from '../access/questions.ts';
import type { RequestContext } from '../graphql/context.ts';
import { AnswerTooLargeError } from '../queries/context.ts';
import { asObjectId, type Parameter, type Read, readEvent } from './read-event.ts';

/** Produces a report and records that. Throws what `produce` throws, and UnrecordedReadError. */
export async function recordReport(
  context: RequestContext,
  name: string,
  given: Readonly<Record<string, string>>,
  produce: () => Promise<ProducedReport>,
): Promise<ProducedReport> {
  const read = (became: Pick<Read, 'outcome' | 'error' | 'rows'>, watermark: number) =>
    context.reads.record([
      readEvent({
        viewer: context.viewer,
        address: context.address,
        reason: context.access.reason,
        through: context.access.through,
        question: 'report',
        parameters: parametersOf(name, given),
        object: asObjectId(given.entitlement ?? ''),
        watermark,
        ...became,
      }),
    ]);
  let report: ProducedReport;
  try {
    checkMayAsk(context.access, 'report');
    report = await produce();
  } catch (error) {
    // Whoever cancelled has seen nothing.
    if (!context.queries.signal?.aborted) await read(refusalOf(error), context.queries.watermark);
    throw error;
  }
  try {
    await read({ outcome: 'answered', rows: report.rows }, report.watermark);
  } catch (error) {
    report.pdf.destroy();
    throw error;
  }
  return report;
}

function refusalOf(error: unknown): Pick<Read, 'outcome' | 'error'> {
  if (error instanceof ReportParameterError) return { outcome: 'refused', error: 'bad-user-input' };
  if (error instanceof AnswerTooLargeError) return { outcome: 'refused', error: 'answer-too-large' };
  if (error instanceof ForbiddenError) return { outcome: 'refused', error: 'forbidden' };
  return { outcome: 'failed' };
}

/** Its name, and the parameters that it has: what else stands in an address is nobody's question. */
function parametersOf(name: string, given: Readonly<Record<string, string>>): Parameter[] {
  const known = Object.values(REPORTS).find((report) => report.name === name)?.parameters ?? [];
  return [
    { name: 'report', type: 'string', text: name },
    ...known.flatMap((parameter): Parameter[] => {
      const text = given[parameter.name];
      if (text === undefined || text === '') return [];
      return [{ name: parameter.name, type: asObjectId(text) ? 'id' : 'string', text }];
    }),
  ];
}
