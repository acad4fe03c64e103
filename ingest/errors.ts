// Operational errors of the log: what failed is named, whether trying again can help, and what to do.

export type LogErrorCode =
  | 'data-folder-in-use'
  | 'data-folder-newer'
  | 'data-folder-not-writable'
  | 'journal-full'
  | 'journal-failed'
  | 'journal-damaged'
  | 'journal-closed'
  | 'journal-trimmed'
  | 'log-backlog'
  | 'disk-low'
  | 'event-invalid'
  | 'erasure-outdated'
  | 'erasure-refused'
  | 'certificate-refused'
  | 'hold-unknown'
  | 'retention-unset'
  | 'retention-outdated'
  | 'clickhouse-away'
  | 'clickhouse-ahead'
  | 'clickhouse-different'
  | 'clickhouse-refused'
  | 'clickhouse-right-missing'
  | 'clickhouse-too-old'
  | 'checkpoint-key-missing'
  | 'checkpoint-key-exposed'
  | 'checkpoint-key-malformed'
  | 'checkpoint-key-wrong'
  | 'checkpoint-key-inaccessible'
  | 'checkpoint-different'
  | 'bundle-refused'
  | 'backup-failed'
  | 'backup-damaged'
  | 'restore-refused'
  | 'move-refused';

export class LogError extends Error {
  override name = 'LogError';
  readonly code: LogErrorCode;
  readonly retryable: boolean;

  constructor(code: LogErrorCode, message: string, options: { retryable?: boolean; cause?: unknown } = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    this.retryable = options.retryable ?? false;
  }
}

export function isLogErrorCode(text: string): text is LogErrorCode {
  return Object.hasOwn(REMEDIES, text);
}

/** What a person does about it; shown after the message on the command line and on the health page. */
export const REMEDIES: Record<LogErrorCode, string> = {
  'data-folder-in-use': 'Stop the other process, or let the command talk to the running service.',
  'data-folder-newer': 'Run the newer program again, or restore a backup made before the upgrade.',
  'data-folder-not-writable':
    'Give the user that runs Metatrail the right to write there, or name another folder in METATRAIL_DATA.',
  'journal-full': 'Free space on the disk of the data folder; nothing was accepted, so the run can be repeated.',
  'journal-failed': 'See the cause; nothing of this batch was accepted, so the run can be repeated.',
  'journal-damaged': 'Restore the data folder from a backup; what was delivered is in ClickHouse as well.',
  'journal-closed': 'The service was being stopped; nothing of this batch was accepted. Start it again.',
  'journal-trimmed':
    'What the journal no longer has is in ClickHouse; restore ClickHouse from a backup that holds these events.',
  'log-backlog': 'Bring ClickHouse back; what was accepted is kept and delivered then. Then repeat the run.',
  'disk-low': 'Free space on the disk of the data folder, then repeat the run; what was accepted is kept.',
  'event-invalid': 'This is an error of the program; please report it.',
  'erasure-outdated': 'Ask for it again; nothing was erased.',
  'erasure-refused': 'Remove what stands in the way, then ask for it again; nothing was erased.',
  'certificate-refused':
    'Remove what stands in the way, then ask for the certificate again; what is erased stays erased.',
  'retention-outdated': 'Ask for it again; no partition went.',
  'retention-unset': 'Say under `retention:` in the configuration how long events and reads are kept.',
  'hold-unknown': 'List the holds with `metatrail hold list`.',
  'clickhouse-away': 'The journal keeps every event until ClickHouse answers again.',
  'clickhouse-ahead':
    'The journal was restored from an older backup, or this ClickHouse belongs to another data folder. Nothing is accepted or answered until that is settled: stop the service; `metatrail recover` explains it and repairs what can be.',
  'clickhouse-different':
    'The change log in ClickHouse was altered, lost a part, or belongs to another data folder. Nothing is accepted or answered until that is settled: stop the service; `metatrail recover` explains it and repairs what can be.',
  'clickhouse-refused': 'See what ClickHouse says; the journal keeps every event.',
  'clickhouse-right-missing':
    'Give the user that right, or name one who has it: CLICKHOUSE_OWNER_URL is for those who make and change tables.',
  'clickhouse-too-old': 'Upgrade the server; the journal keeps every event until then.',
  'checkpoint-key-missing':
    'Put the file back from a backup. If the key is lost for good, metatrail rotate-key --lost takes a new one, which the log records.',
  'checkpoint-key-exposed':
    'Take the right away (chmod 600). If somebody may have read it, run metatrail rotate-key afterwards.',
  'checkpoint-key-malformed': 'Put the file back from a backup; it is one line that begins with PRIVATE+KEY+.',
  'checkpoint-key-wrong': 'Put the right file back, or name it in METATRAIL_CHECKPOINT_KEY.',
  'checkpoint-key-inaccessible':
    'Give the user that runs Metatrail the right to read the file and to write in its folder, or name another file in METATRAIL_CHECKPOINT_KEY.',
  'checkpoint-different':
    'The journal was altered after it was signed: keep this data folder as it is for whoever finds out, and restore a backup.',
  'bundle-refused': 'No bundle was made; put right what is said, and export again.',
  'backup-failed': 'Nothing of it was kept; put right what is said and make another one.',
  'backup-damaged': 'Restore another backup: this one is not what was written.',
  'restore-refused': 'Nothing was changed; put right what is said and restore once more.',
  'move-refused': 'No log was made; put right what is said and move it once more.',
};

/** What nobody foresaw, as a LogError, without its words: they may quote a row. `what` begins the sentence. */
export function asLogError(error: unknown, what: string): LogError {
  if (error instanceof LogError) return error;
  if (error instanceof SyntaxError)
    return new LogError('journal-damaged', `${what}: a row of the journal cannot be read.`, { cause: error });
  const name = error instanceof Error ? error.name : typeof error;
  return new LogError('journal-failed', `${what}, for an error of the program (${name}).`, { cause: error });
}
