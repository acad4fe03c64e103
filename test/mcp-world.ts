// An assistant under test: the SDK's own client, and `metatrail mcp` as its child.
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { fileURLToPath } from 'node:url';
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { StdioClientTransport } from '@modelcontextprotocol/sdk/client/stdio.js';
import { z } from 'zod';

export const PROGRAM = fileURLToPath(new URL('../api/metatrail.ts', import.meta.url));

const resultSchema = z.looseObject({
  isError: z.boolean().optional(),
  content: z.tuple([z.looseObject({ type: z.literal('text'), text: z.string() })]),
  structuredContent: z
    .looseObject({
      watermark: z.number(),
      gone: z.string().nullable(),
      withheld: z.array(z.string()),
      scope: z.string().nullable(),
      cursor: z.string().nullable(),
      cut: z.array(z.unknown()),
      evidence: z.array(z.number()),
      answer: z.unknown(),
    })
    .optional(),
});

export interface Told {
  text: string;
  /** What is told as structured content; an error fails the test. */
  told: NonNullable<z.infer<typeof resultSchema>['structuredContent']>;
}

export class Assistant {
  readonly client: Client;

  private constructor(client: Client) {
    this.client = client;
  }

  static async start(
    t: TestContext,
    environment: Record<string, string | undefined>,
    ...options: string[]
  ): Promise<Assistant> {
    const given = Object.entries({ UV_THREADPOOL_SIZE: '16', ...environment });
    const env = Object.fromEntries(given.flatMap(([name, value]) => (value === undefined ? [] : [[name, value]])));
    const transport = new StdioClientTransport({
      command: process.execPath,
      args: [PROGRAM, 'mcp', ...options],
      env,
      stderr: 'pipe',
    });
    const client = new Client({ name: 'test', version: '1' });
    await client.connect(transport);
    t.after(() => client.close());
    return new Assistant(client);
  }

  async #call(name: string, given: Record<string, unknown>) {
    return resultSchema.parse(await this.client.callTool({ name, arguments: given }));
  }

  async ask(name: string, given: Record<string, unknown> = {}): Promise<Told> {
    const { isError, content, structuredContent } = await this.#call(name, given);
    assert.ok(!isError && structuredContent, `${name}: ${content[0].text}`);
    return { text: content[0].text, told: structuredContent };
  }

  /** The sentence with which it is refused. */
  async refusal(name: string, given: Record<string, unknown> = {}): Promise<string> {
    const { isError, content, structuredContent } = await this.#call(name, given);
    assert.ok(isError === true && structuredContent === undefined, `${name} was answered`);
    return content[0].text;
  }
}

/** The environment of an assistant that asks a service with a token. */
export function withToken(t: TestContext, url: string, secret: string): Record<string, string> {
  const folder = mkdtempSync(join(tmpdir(), 'metatrail-mcp-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const file = join(folder, 'token');
  writeFileSync(file, `${secret}\n`, { mode: 0o600 });
  return { METATRAIL_URL: `${url}/`, METATRAIL_TOKEN_FILE: file, METATRAIL_DATA: join(folder, 'none') };
}
