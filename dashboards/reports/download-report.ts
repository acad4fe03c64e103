// A report is a PDF by GET: an address that can also be kept, or fetched by another program.
import { readInstant } from '../dates.ts';
import { request } from '../request.ts';
import { asSentence, ServiceError } from '../service-error.ts';
import type { ReportDefinition } from './reports-query.ts';

/** The report's address, relative to the application's, with the parameters that were filled in. */
export function writeReportAddress(report: ReportDefinition, filled: FormData): string {
  const params = new URLSearchParams();
  for (const { name, type } of report.parameters) {
    const entry = filled.get(name);
    const text = typeof entry === 'string' ? entry.trim() : '';
    if (text !== '') params.set(name, type === 'datetime' ? (readInstant(text) ?? text) : text);
  }
  const query = params.size === 0 ? '' : `?${params}`;
  return `reports/${encodeURIComponent(report.name)}.pdf${query}`;
}

/** Fetches the PDF and hands it to the browser to keep. Raises a ServiceError with the service's own words. */
export async function downloadReport(report: ReportDefinition, address: string): Promise<void> {
  const response = await request(address, { headers: { accept: 'application/pdf' } });
  if (!response.ok || !response.headers.get('content-type')?.startsWith('application/pdf')) {
    throw new ServiceError('answer', asSentence(await explain(response)));
  }
  const file = URL.createObjectURL(await response.blob());
  const link = document.createElement('a');
  link.href = file;
  link.download = nameFile(response) ?? `${report.name}.pdf`;
  link.click();
  // The browser has begun to read it; a minute is long enough for the largest.
  window.setTimeout(() => URL.revokeObjectURL(file), 60_000);
}

function nameFile(response: Response): string | undefined {
  return /filename="?([^";]+)"?/.exec(response.headers.get('content-disposition') ?? '')?.[1];
}

/** The service explains an error in plain text or JSON; a page of some proxy is not an explanation. */
async function explain(response: Response): Promise<string> {
  const text = (await response.text()).trim();
  const type = response.headers.get('content-type') ?? '';
  if (type.startsWith('text/plain') && text !== '') return text;
  return `The report could not be made: the service answered ${response.status} ${response.statusText}`;
}
