// Feeds that are sent, on a small company: what the file says, read as the program does, and who takes them.
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { AddressCheck } from '../api/outgoing/address-check.ts';
import { Feeds } from '../api/push/feeds.ts';
import { type FeedSettings, readFeedSettings } from '../api/push/settings.ts';
import type { ChangeEvent } from '../ingest/event.ts';
import { ApiWorld, liveHalfAYear } from './api/world.ts';

const QUICK = { firstPauseMs: 20, longestPauseMs: 50 };

/** Reads a file of feeds as the program does. */
export function feedsOf(t: TestContext, yaml: string, files: Record<string, string> = {}): FeedSettings[] {
  const folder = mkdtempSync(join(tmpdir(), 'metatrail-feeds-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  for (const [name, content] of Object.entries(files)) writeFileSync(join(folder, name), content);
  writeFileSync(join(folder, 'feeds.yaml'), yaml);
  return readFeedSettings(join(folder, 'feeds.yaml'));
}

export class PushWorld {
  readonly api: ApiWorld;
  readonly said: string[] = [];
  feeds: Feeds;

  private constructor(api: ApiWorld) {
    this.api = api;
    this.feeds = this.#make([], []);
  }

  /** With half a year in the log. */
  static async open(t: TestContext): Promise<PushWorld> {
    const api = await ApiWorld.open();
    const world = new PushWorld(api);
    t.after(async () => {
      await world.feeds.close();
      await api.close();
    });
    await liveHalfAYear(api);
    await api.delivered();
    return world;
  }

  #make(feeds: readonly FeedSettings[], inside: readonly string[]): Feeds {
    const { installation } = this.api;
    const made = new Feeds({
      log: installation.log,
      context: (asking) => installation.context(asking),
      feeds,
      check: new AddressCheck(inside),
      pace: QUICK,
    });
    made.onFailed((sentence) => this.said.push(sentence));
    return made;
  }

  /** Sends these feeds from now on, as a service does after a restart. */
  async send(feeds: readonly FeedSettings[], inside: readonly string[] = ['127.0.0.0/8']): Promise<void> {
    await this.feeds.close();
    this.feeds = this.#make(feeds, inside);
    this.feeds.start();
  }

  /** People come. */
  async people(month: string, ...names: string[]): Promise<void> {
    this.api.hr(
      month,
      names.map((name) => ({ id: name, name, department: 'Sales', by: 'carol' })),
    );
    await this.api.run('hr', 'full');
    await this.api.delivered();
  }

  /** Reads of the log aside, which are in a feed only for whoever asks for them. */
  changes(): ChangeEvent[] {
    return this.api.events().filter(({ stage }) => stage !== 'read');
  }

  reads(): ChangeEvent[] {
    return this.api.events().filter(({ stage }) => stage === 'read');
  }

  get state() {
    const [state] = this.feeds.states;
    return state ?? assert.fail('there is no feed');
  }
}
