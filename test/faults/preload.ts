// Loaded before a process under test, and before each of its threads (`--import`): every statement that the journal's writer
// hands to SQLite, and its answer, is a step that can fail. The program itself knows nothing of it.
import { DatabaseSync, type SQLInputValue, StatementSync } from 'node:sqlite';
import { parentPort } from 'node:worker_threads';
import { atStep, type Step } from './fault.ts';

/** What a statement is a step of; those that only read, and those of opening a folder, are none. */
const STATEMENTS: readonly [RegExp, Step][] = [
  [/^BEGIN IMMEDIATE$/, 'begin'],
  [/^COMMIT$/, 'commit'],
  [/^INSERT INTO journal\b/, 'write journal row'],
  [/^INSERT INTO keys\b/, 'write key'],
  [/^INSERT INTO tiles\b/, 'write tile'],
  [/^(INSERT OR REPLACE INTO|DELETE FROM) state\b/, 'write state'],
  [/^(INSERT INTO|DELETE FROM) state_index\b/, 'write state index'],
  [/^INSERT OR REPLACE INTO facts\b/, 'remember'],
  [/^INSERT OR REPLACE INTO checkpoints\b/, 'sign'],
  [/^DELETE FROM journal\b/, 'trim'],
];
const READING = /^(SELECT|PRAGMA|ROLLBACK|BEGIN EXCLUSIVE)\b/;

function stepOf(sql: string, announces: boolean): Step | undefined {
  const text = sql.trim();
  const step = STATEMENTS.find(([pattern]) => pattern.test(text))?.[1];
  if (step === undefined && !READING.test(text)) throw new Error(`A step of a batch without a name: ${text}`);
  return step === 'remember' && announces ? 'announce' : step;
}

/** As SQLite reports a full disk. */
function failAsSqlite(): never {
  throw Object.assign(new Error('database or disk is full'), { code: 'ERR_SQLITE_ERROR', errcode: 13 });
}

/** What the thread says next is that a batch is accepted. */
let committed = false;

const { exec } = DatabaseSync.prototype;
DatabaseSync.prototype.exec = function (sql) {
  const step = sql.includes(';') ? undefined : stepOf(sql, false);
  if (step === undefined) exec.call(this, sql);
  else atStep(step, failAsSqlite, () => exec.call(this, sql));
  committed = step === 'commit';
};

const { run } = StatementSync.prototype;
Object.defineProperty(StatementSync.prototype, 'run', {
  value: function (this: StatementSync, ...values: SQLInputValue[]) {
    const step = stepOf(this.sourceSQL, values[0] === 'sending');
    const work = (): unknown => Reflect.apply(run, this, values);
    return step === undefined ? work() : atStep(step, failAsSqlite, work);
  },
});

if (parentPort) {
  const port = parentPort;
  const { postMessage } = port;
  port.postMessage = (message: unknown) => {
    const work = () => postMessage.call(port, message);
    if (!committed) return work();
    committed = false;
    return atStep('answer', failAsSqlite, work);
  };
}
