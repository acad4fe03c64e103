// How far a move of a log is: a bar on a terminal, a line now and then elsewhere.
import cliProgress from 'cli-progress';

export class MoveBar {
  readonly #bar = new cliProgress.SingleBar(
    {
      format: '  {bar} {what} {value} of {total} events',
      noTTYOutput: true,
      notTTYSchedule: 5000,
      clearOnComplete: true,
    },
    cliProgress.Presets.shades_classic,
  );
  #started = false;

  show({ what, done, total }: { what: string; done: number; total: number }): void {
    if (!this.#started) this.#bar.start(total, 0, { what });
    this.#started = true;
    this.#bar.setTotal(total);
    this.#bar.update(done, { what });
  }

  stop(): void {
    if (this.#started) this.#bar.stop();
    this.#started = false;
  }
}
