// What the system says, by name: also a quota, which the runtime has no name for.
import assert from 'node:assert/strict';
import { constants } from 'node:os';
import { test } from 'node:test';
import { isFull, systemCode } from '../ingest/system-error.ts';

const quota = Object.assign(new Error('write'), {
  errno: -constants.errno.EDQUOT,
  code: `Unknown system error -${constants.errno.EDQUOT}`,
});

test('a quota that is used up is a full disk', () => {
  assert.equal(systemCode(quota), 'EDQUOT');
  assert.ok(isFull(quota));
  assert.ok(isFull(Object.assign(new Error('write'), { errno: -constants.errno.ENOSPC, code: 'ENOSPC' })));
});

test('what fails otherwise is not', () => {
  assert.ok(!isFull(Object.assign(new Error('write'), { errno: -constants.errno.EIO, code: 'EIO' })));
  assert.equal(systemCode(new Error('no')), '');
  assert.equal(systemCode(undefined), '');
});
