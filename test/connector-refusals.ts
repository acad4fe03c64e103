// How tests see a connector refuse.
import assert from 'node:assert/strict';
import { ConnectorError } from '../engine/connector.ts';

/** The whole import or export stops with this code, and says so in a sentence. */
export async function assertStops(action: Promise<unknown>, code: string, message: RegExp): Promise<void> {
  await assert.rejects(action, (error: unknown) => {
    assert.ok(error instanceof ConnectorError, String(error));
    assert.equal(error.code, code);
    assert.match(error.message, message);
    assert.match(error.message, /\.$/);
    return true;
  });
}

/** Runs as an account without rights; root, who may do everything, becomes nobody meanwhile. */
export async function asNobody(action: () => Promise<void>): Promise<void> {
  const isRoot = process.geteuid?.() === 0;
  if (isRoot) process.seteuid?.(65534);
  try {
    await action();
  } finally {
    if (isRoot) process.seteuid?.(0);
  }
}
