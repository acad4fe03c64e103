// Where the service listens. With TLS the certificate is for the name that people use, and may be one that only they trust:
// the command line of this machine then has a door of its own, without TLS, which no other machine reaches.
import { readFileSync } from 'node:fs';
import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Express } from 'express';
import type { Environment } from '../environment.ts';
import { type Certificate, ListenError, listen } from '../http/server.ts';

const THIS_MACHINE = '127.0.0.1';

export interface Doors {
  /** Where people reach the service. */
  address: URL;
  /** Where the command line of this machine does. */
  local: string;
  close(): void;
}

/** Throws ListenError. */
export async function openDoors(application: Express, { host, port, tls, url }: Environment): Promise<Doors> {
  const certificate = tls && { cert: readPart('CERT', tls.certificateFile), key: readPart('KEY', tls.keyFile) };
  const server = await listen(application, host, port, certificate);
  const own = addressOf(server, host, certificate);
  const beside = certificate && (await listenBeside(server, application));
  return {
    address: new URL(url ?? own),
    local: beside ? addressOf(beside, THIS_MACHINE, undefined) : own,
    close: () => {
      for (const each of [server, ...(beside ? [beside] : [])]) {
        each.close();
        each.closeAllConnections();
      }
    },
  };
}

async function listenBeside(server: Server, application: Express): Promise<Server> {
  try {
    return await listen(application, THIS_MACHINE, 0);
  } catch (error) {
    server.close();
    throw error;
  }
}

function readPart(part: 'CERT' | 'KEY', file: string): Buffer {
  try {
    return readFileSync(file);
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? String(error.code) : 'unknown';
    throw new ListenError(`The file ${file} of METATRAIL_TLS_${part} cannot be read (${code}).`, { cause: error });
  }
}

function addressOf(server: Server, listening: string, certificate: Certificate | undefined): string {
  const { port } = server.address() as AddressInfo;
  const host = listening === '0.0.0.0' || listening === '::' ? 'localhost' : listening;
  return `${certificate ? 'https' : 'http'}://${host.includes(':') ? `[${host}]` : host}:${port}/`;
}
