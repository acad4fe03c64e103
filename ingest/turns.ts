/** Work that must not go on beside other work of its kind: each piece begins when the one before it is over, however that ended. */
export class Turns {
  #last: Promise<unknown> = Promise.resolve();

  /** Resolves or rejects as `work` does. */
  run<T>(work: () => Promise<T>): Promise<T> {
    const next = this.#last.catch(() => undefined).then(work);
    this.#last = next;
    return next;
  }

  /** When everything that was asked for so far is over. */
  async over(): Promise<void> {
    await this.#last.catch(() => undefined);
  }
}
