/** It was not taken by whoever was to be told: a sentence that says where and why, without any secret. */
export class TellingError extends Error {
  override name = 'TellingError';
  /** A word for why trying again cannot help; undefined: it may. */
  readonly final: string | undefined;

  constructor(message: string, { final, cause }: { final?: string | undefined; cause?: unknown } = {}) {
    super(message, { cause });
    this.final = final;
  }
}
