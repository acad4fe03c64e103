// A POST to an address that the operator has configured, and to no other: redirects are not followed.
import { DeliveryError, readCode } from './destination.ts';

/** A server that says nothing for so long has not taken it. */
const ANSWER_TIMEOUT_MS = 10_000;
/** No answer that is understood here is longer. */
const LARGEST_ANSWER_BYTES = 64 * 1024;

export interface PostAnswer {
  status: number;
  /** The media type, without its parameters. */
  type: string;
  text: string;
}

/** Raises DeliveryError when there is no answer, one that is too long, or a redirect. */
export async function postText(who: string, url: URL, body: string, signal: AbortSignal): Promise<PostAnswer> {
  const timeout = AbortSignal.timeout(ANSWER_TIMEOUT_MS);
  try {
    const response = await fetch(url, {
      method: 'POST',
      redirect: 'manual',
      headers: { 'content-type': 'text/plain; charset=utf-8' },
      body,
      signal: AbortSignal.any([signal, timeout]),
    });
    const { status } = response;
    if (status >= 300 && status < 400) {
      await response.body?.cancel();
      throw new DeliveryError(`The ${who} answered with a redirect (${status}), and none is followed.`);
    }
    const [type = ''] = (response.headers.get('content-type') ?? '').split(';');
    return { status, type: type.trim(), text: await readText(who, response) };
  } catch (error) {
    if (error instanceof DeliveryError) throw error;
    if (timeout.aborted) throw new DeliveryError(`The ${who} did not answer within ${ANSWER_TIMEOUT_MS / 1000} s.`);
    throw new DeliveryError(`The ${who} cannot be reached (${readCode(error)}).`, { cause: error });
  }
}

async function readText(who: string, response: Response): Promise<string> {
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of response.body ?? []) {
    bytes += chunk.length;
    if (bytes > LARGEST_ANSWER_BYTES) throw new DeliveryError(`The ${who} answered with more than 64 KiB.`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}
