// Alerts on a small company: a clock that a test moves, a mail server that keeps what it gets, and the events that are left.
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import type { TestContext } from 'node:test';
import { SMTPServer } from 'smtp-server';
import { Alerts } from '../api/alerts/alerts.ts';
import type { Destination } from '../api/alerts/destination.ts';
import { createDestinations } from '../api/alerts/destinations.ts';
import { type AlertSettings, readAlertSettings } from '../api/alerts/settings.ts';
import { AddressCheck } from '../api/outgoing/address-check.ts';
import type { Pace } from '../api/outgoing/pace.ts';
import { systemClock } from '../ingest/clock.ts';
import type { ChangeEvent } from '../ingest/event.ts';
import { ApiWorld } from './api/world.ts';

export const MINUTE = 60_000_000;
export const HOUR = 60 * MINUTE;
const QUICK: Pace = { firstPauseMs: 20, longestPauseMs: 50 };

export interface MailServer {
  port: number;
  url: URL;
  mails: string[];
  /** Each recipient is answered so; undefined: it is taken. */
  refuse: { code: number; text: string } | undefined;
  /** Mails are taken only after so many milliseconds. */
  slowMs: number;
  stop: () => Promise<void>;
}

export async function startMailServer(t: TestContext, port = 0): Promise<MailServer> {
  const kept: MailServer = {
    port,
    url: new URL('smtp://127.0.0.1'),
    mails: [],
    refuse: undefined,
    slowMs: 0,
    stop: () => new Promise((resolve) => void server.close(() => resolve())),
  };
  const server = new SMTPServer({
    authOptional: true,
    disabledCommands: ['STARTTLS'],
    onRcptTo(_, __, done) {
      done(kept.refuse ? Object.assign(new Error(kept.refuse.text), { responseCode: kept.refuse.code }) : null);
    },
    onData(stream, _, done) {
      text(stream).then(async (mail) => {
        if (kept.slowMs > 0) await new Promise((resolve) => setTimeout(resolve, kept.slowMs));
        kept.mails.push(mail);
        done();
      }, done);
    },
  });
  await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', () => resolve()));
  t.after(() => kept.stop().catch(() => undefined));
  kept.port = (server.server.address() as AddressInfo).port;
  kept.url = new URL(`smtp://127.0.0.1:${kept.port}`);
  return kept;
}

/** Without the line breaks that mail has within a line. */
export const unfolded = (mail: string): string => mail.replace(/=\r\n/g, '').replace(/=3D/g, '=');
export const headerOf = (mail: string, name: string): string =>
  new RegExp(`^${name}: (.*)$`, 'im').exec(mail.replace(/\r\n[ \t]+/g, ' ').replace(/\r/g, ''))?.[1] ?? '';

/** Reads a file of alerts as the program does. */
export function settingsOf(t: TestContext, yaml: string, files: Record<string, string> = {}): AlertSettings {
  const folder = mkdtempSync(join(tmpdir(), 'metatrail-alerts-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  for (const [name, content] of Object.entries(files)) writeFileSync(join(folder, name), content);
  writeFileSync(join(folder, 'alerts.yaml'), yaml);
  return readAlertSettings(join(folder, 'alerts.yaml'), true);
}

export class AlertsWorld {
  readonly api: ApiWorld;
  readonly said: string[] = [];
  /** How far the clock is ahead, microseconds. */
  ahead = 0;
  alerts: Alerts;
  readonly #server: URL;

  private constructor(api: ApiWorld, server: URL) {
    this.api = api;
    this.#server = server;
    this.alerts = new Alerts({ ...this.#parts, alerts: [], destinations: [] });
  }

  static async open(t: TestContext, server: URL): Promise<AlertsWorld> {
    const api = await ApiWorld.open();
    const world = new AlertsWorld(api, server);
    t.after(async () => {
      await world.alerts.close();
      await api.close();
    });
    return world;
  }

  get #parts() {
    const { installation } = this.api;
    const context = installation.context.bind(installation);
    return { log: installation.log, context, clock: () => systemClock() + this.ahead, pace: QUICK, gatherMs: 10 };
  }

  /** Watches by these settings from now on, as a service does after a restart. */
  async watch(
    settings: AlertSettings,
    inside: readonly string[] = ['127.0.0.0/8'],
    more: readonly Destination[] = [],
  ): Promise<Alerts> {
    await this.alerts.close();
    const mail = { server: this.#server, from: 'log@example.org' };
    const destinations = createDestinations(settings.destinations, mail, new AddressCheck(inside));
    this.alerts = new Alerts({ ...this.#parts, alerts: settings.alerts, destinations: [...destinations, ...more] });
    this.alerts.onFailed((sentence) => this.said.push(sentence));
    this.alerts.start(new URL('https://log.example.org/'));
    await this.alerts.look();
    return this.alerts;
  }

  /** The people of a month come, or go. */
  async people(month: string, ...names: string[]): Promise<void> {
    this.api.hr(
      month,
      names.map((name, index) => ({ id: `${name}-${index}`, name, department: 'Sales', by: 'carol' })),
    );
    await this.api.run('hr', 'full');
    await this.look();
  }

  /** Delivers what there is, and looks. */
  async look(): Promise<void> {
    await this.api.delivered();
    await this.alerts.look();
  }

  /** The events of alerts. */
  events(outcome?: string): ChangeEvent[] {
    return this.api
      .events()
      .filter((event) => event.stage === 'alert' && (outcome === undefined || event.outcome === outcome));
  }
}

export const factOf = ({ values }: ChangeEvent, name: string) =>
  values.find(({ attribute }) => attribute === name)?.new;

export async function until(what: string, is: () => boolean): Promise<void> {
  for (let turn = 0; !is(); turn++) {
    assert.ok(turn < 3000, `it never came to be that ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}
