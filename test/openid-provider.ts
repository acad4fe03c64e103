// A real identity provider (oidc-provider) as a child of the test, on a port of 127.0.0.1 that stays the same when it is
// started again. Sign-in there takes a name; who is known by it, and in which groups, the test says.
import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { createServer } from 'node:net';
import type { TestContext } from 'node:test';
import { fileURLToPath } from 'node:url';

const CHILD = fileURLToPath(new URL('./openid-provider-child.ts', import.meta.url));
export const CLIENT_SECRET = 'a-secret-that-nobody-else-knows-0123456789';

/** Claims of a person by the name they type there. */
export type People = Readonly<Record<string, Readonly<Record<string, unknown>>>>;

export interface ProviderSettings {
  /** Where people come back to. */
  callback: string;
  people: People;
  /** Claims stand in the ID token, not only in the answer about the user. */
  inToken?: boolean;
  /** The keys that it publishes are not those that it signs with. */
  publishesOtherKeys?: boolean;
  /** How the client shows that it knows its secret; `none`: it has none. */
  authentication?: 'client_secret_basic' | 'client_secret_post' | 'none';
}

export class OpenIdProvider {
  readonly port: number;
  #child: ChildProcess | undefined;

  private constructor(port: number) {
    this.port = port;
  }

  /** Not started yet: whoever asks it finds nobody. */
  static async at(t: TestContext): Promise<OpenIdProvider> {
    const server = createServer().listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    server.close();
    await once(server, 'close');
    const provider = new OpenIdProvider(port);
    t.after(() => provider.stop());
    return provider;
  }

  get issuer(): string {
    return `http://127.0.0.1:${this.port}`;
  }

  /** With keys of its own: those that it had before are gone. */
  async start(settings: ProviderSettings): Promise<void> {
    await this.stop();
    const child = spawn(process.execPath, [CHILD, String(this.port), JSON.stringify({ ...settings, CLIENT_SECRET })], {
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    this.#child = child;
    let said = '';
    child.stderr?.on('data', (chunk: Buffer) => {
      said += chunk.toString();
    });
    const listening = once(child.stdout ?? child, 'data');
    const ended = once(child, 'exit').then(() => assert.fail(`the provider ended: ${said}`));
    await Promise.race([listening, ended]);
    ended.catch(() => undefined);
  }

  async stop(): Promise<void> {
    const child = this.#child;
    this.#child = undefined;
    if (!child || child.exitCode !== null || child.signalCode !== null) return;
    child.kill('SIGTERM');
    await once(child, 'exit');
  }
}

/** A browser without pictures: it keeps cookies by host and port, follows redirects, and fills in the provider's forms. */
export class Browser {
  readonly #cookies = new Map<string, Map<string, string>>();

  /** The cookies for an address, as a browser would send them; ports are hosts of their own here. */
  cookie(url: string): string {
    const { host } = new URL(url);
    return [...(this.#cookies.get(host) ?? [])].map(([name, value]) => `${name}=${value}`).join('; ');
  }

  async get(url: string, init: RequestInit = {}): Promise<Response> {
    const headers = new Headers(init.headers);
    headers.set('cookie', this.cookie(url));
    const response = await fetch(url, { ...init, headers, redirect: 'manual' });
    const jar = this.#cookies.get(new URL(url).host) ?? new Map<string, string>();
    this.#cookies.set(new URL(url).host, jar);
    for (const line of response.headers.getSetCookie()) {
      const [pair = '', ...attributes] = line.split(';').map((part) => part.trim());
      const [name = '', ...value] = pair.split('=');
      const expires = attributes.find((each) => /^expires=/i.test(each))?.slice('expires='.length);
      if (value.join('=') === '' || (expires && Date.parse(expires) < Date.now())) jar.delete(name);
      else jar.set(name, value.join('='));
    }
    return response;
  }

  /** Follows redirects from an address on until a page comes, or one that `until` holds of. */
  async follow(url: string, until: (url: string) => boolean = () => false): Promise<{ url: string; page: Response }> {
    let at = url;
    for (let hops = 0; hops < 20; hops += 1) {
      if (until(at)) return { url: at, page: new Response() };
      const page = await this.get(at);
      const location = page.headers.get('location');
      if (location === null) return { url: at, page };
      at = new URL(location, at).href;
    }
    return assert.fail(`no end of redirects from ${url}`);
  }

  /** Signs in from the service's address on, as this name; where the browser ends up. `until`: stop before it goes there. */
  async signIn(
    service: string,
    name: string,
    until?: (url: string) => boolean,
  ): Promise<{ url: string; page: Response }> {
    let { url, page } = await this.follow(service, until);
    for (const fields of [{ prompt: 'login', login: name, password: 'any' }, { prompt: 'consent' }]) {
      const text = await page.clone().text();
      const action = /<form[^>]*action="([^"]+)"/.exec(text)?.[1];
      if (action === undefined) return { url, page };
      const target = new URL(action, url).href;
      const sent = await this.get(target, { method: 'POST', body: new URLSearchParams(fields) });
      const location = sent.headers.get('location');
      assert.ok(location, `${sent.status} of the provider's form`);
      ({ url, page } = await this.follow(new URL(location, target).href, until));
    }
    return { url, page };
  }
}
