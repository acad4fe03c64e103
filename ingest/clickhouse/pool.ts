// Connections handed out fairly: whoever asks much does not keep the others waiting.

/** Whoever asks has their turn after the others that wait, and never the last connection. */
export class Pool<Connection> {
  readonly connections: readonly Connection[];
  readonly #idle: Connection[];
  /** By who asks, in the order of their turns: who was handed a connection last is the last. */
  readonly #waiting = new Map<string | undefined, ((connection: Connection) => void)[]>();
  readonly #busy = new Map<string, number>();

  constructor(connections: readonly Connection[]) {
    this.connections = connections;
    this.#idle = [...connections];
  }

  /** `owner`: for whom; undefined is the program itself, which takes what is free. */
  async use<T>(work: (connection: Connection) => Promise<T>, owner?: string): Promise<T> {
    const connection = await new Promise<Connection>((resolve) => {
      this.#waiting.set(owner, [...(this.#waiting.get(owner) ?? []), resolve]);
      this.#handOut();
    });
    try {
      return await work(connection);
    } finally {
      this.#idle.push(connection);
      this.#count(owner, -1);
      this.#handOut();
    }
  }

  #handOut(): void {
    for (const [owner, waiting] of [...this.#waiting]) {
      const connection = this.#mayHave(owner) ? this.#idle.pop() : undefined;
      const resolve = connection === undefined ? undefined : waiting.shift();
      if (connection === undefined || resolve === undefined) continue;
      this.#count(owner, 1);
      this.#waiting.delete(owner);
      if (waiting.length > 0) this.#waiting.set(owner, waiting);
      resolve(connection);
    }
  }

  #mayHave(owner: string | undefined): boolean {
    return owner === undefined || (this.#busy.get(owner) ?? 0) < Math.max(1, this.connections.length - 1);
  }

  #count(owner: string | undefined, change: 1 | -1): void {
    if (owner === undefined) return;
    const busy = (this.#busy.get(owner) ?? 0) + change;
    if (busy === 0) this.#busy.delete(owner);
    else this.#busy.set(owner, busy);
  }
}
