// A service over HTTP whose clock a test sets, with everything that it ever logged: for how people and programs get in.
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { type IncomingHttpHeaders, request, type Server } from 'node:http';
import { request as secureRequest } from 'node:https';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { Writable } from 'node:stream';
import { pino } from 'pino';
import type { Role } from '../api/access/access.ts';
import type { OpenId } from '../api/access/openid.ts';
import { createHttpApplication, listen, type Service } from '../api/http/server.ts';
import { SignIn } from '../api/sign-in.ts';
import { systemClock } from '../ingest/clock.ts';
import { ApiWorld } from './api/world.ts';

export const MINUTE = 60_000_000;
export const HOUR = 60 * MINUTE;
export const INDEX = '<!doctype html><base href="/" /><div id="root"></div>';

export interface Sent {
  status: number;
  headers: IncomingHttpHeaders;
  text: string;
}

export interface Refused {
  message: string;
  extensions: { code: string };
}

type Headers = Record<string, string>;

/** What is told what to close in the end: a test, or a file's own list. */
interface Closing {
  after: (close: () => unknown) => unknown;
}

export class SignInWorld {
  readonly api: ApiWorld;
  readonly logged: string[];
  readonly #clock: { ahead: number };
  signIn: SignIn;
  url: string;

  private constructor(api: ApiWorld, clock: { ahead: number }, logged: string[], signIn: SignIn, url: string) {
    this.api = api;
    this.#clock = clock;
    this.logged = logged;
    this.signIn = signIn;
    this.url = url;
  }

  static async open(t: Closing, more: Partial<Service> = {}, openId?: OpenId): Promise<SignInWorld> {
    const api = await ApiWorld.open();
    t.after(() => api.close());
    writeFileSync(join(api.folder, 'index.html'), INDEX);
    const clock = { ahead: 0 };
    const signIn = new SignIn(api.installation.log.journal, () => systemClock() + clock.ahead, openId);
    const world = new SignInWorld(api, clock, [], signIn, '');
    world.url = await world.serve(t, { address: () => new URL(`${world.url}/`), ...more });
    return world;
  }

  /** Another service on the same installation. */
  async serve(t: Closing, more: Partial<Service> = {}): Promise<string> {
    const sink = new Writable({
      write: (chunk: Buffer, _, done) => {
        this.logged.push(chunk.toString());
        done();
      },
    });
    const application = createHttpApplication({
      installation: this.api.installation,
      signIn: this.signIn,
      logger: pino({ level: 'debug' }, sink),
      notReady: () => undefined,
      publicLog: false,
      webFolder: this.api.folder,
      ...more,
    });
    const server: Server = await listen(application, '127.0.0.1', 0);
    t.after(() => {
      server.closeAllConnections();
      server.close();
    });
    return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  }

  /** Lets so many microseconds pass. */
  pass(micros: number): void {
    this.#clock.ahead += micros;
  }

  get commandLine(): Headers {
    return { authorization: `Bearer ${this.signIn.commandLineToken}` };
  }

  send(method: string, path: string, headers: Headers = {}, body?: string): Promise<Sent> {
    return exchange(new URL(path, this.url), method, headers, body);
  }

  async ask(
    query: string,
    headers: Headers = this.commandLine,
  ): Promise<Sent & { data?: unknown; errors?: Refused[] }> {
    const type = { 'content-type': 'application/json' };
    const sent = await this.send('POST', '/graphql', { ...type, ...headers }, JSON.stringify({ query }));
    return { ...sent, ...(JSON.parse(sent.text) as { data?: unknown; errors?: Refused[] }) };
  }

  async makeToken(name: string, roles: readonly Role[], hours = 24): Promise<{ id: number; secret: string }> {
    const expiresAt = new Date((systemClock() + hours * HOUR) / 1000).toISOString();
    const { data, errors } = await this.ask(
      `mutation { createToken(name: "${name}", roles: [${roles}], expiresAt: "${expiresAt}", why: "a test") { secret token { id } } }`,
    );
    assert.equal(errors, undefined);
    const { createToken } = data as { createToken: { secret: string; token: { id: number } } };
    return { id: createToken.token.id, secret: createToken.secret };
  }

  /** The cookie of a session that a one-time link began; `headers`: what else the browser sends. */
  async followLink(headers: Headers = {}): Promise<string> {
    const sent = await this.send('GET', `/sign-in?token=${await this.signIn.createLink()}`, headers);
    assert.equal(sent.status, 303, sent.text);
    return sent.headers['set-cookie']?.[0] ?? '';
  }
}

/** One exchange; redirects are not followed. `certificate`: whom to trust with it; `from`: the address that it comes from. */
export function exchange(
  url: URL,
  method: string,
  headers: Headers,
  body = '',
  certificate?: string,
  from?: string,
): Promise<Sent> {
  return new Promise((resolve, reject) => {
    const options = {
      method,
      headers,
      agent: false,
      ...(certificate !== undefined && { ca: certificate }),
      ...(from && { localAddress: from }),
    };
    const sent = (url.protocol === 'https:' ? secureRequest : request)(url, options, (response) => {
      const chunks: Buffer[] = [];
      response.on('data', (chunk: Buffer) => chunks.push(chunk));
      response.on('error', reject);
      response.on('end', () =>
        resolve({
          status: response.statusCode ?? 0,
          headers: response.headers,
          text: Buffer.concat(chunks).toString('utf8'),
        }),
      );
    });
    sent.on('error', reject);
    sent.end(body);
  });
}

export const bearer = (secret: string) => ({ authorization: `Bearer ${secret}` });
export const withSession = (cookie: string) => ({ cookie: cookie.split(';')[0] ?? '', 'x-metatrail': '1' });
