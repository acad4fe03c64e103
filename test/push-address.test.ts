// Where the program may send to: which addresses are inside the network, however they are written or resolved.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, request } from 'node:http';
import type { AddressInfo } from 'node:net';
import { test } from 'node:test';
import { AddressCheck, InsideAddressError } from '../api/outgoing/address-check.ts';

const check = new AddressCheck([]);

test('what is inside the network is not allowed, in whatever form its address is written', () => {
  const inside = [
    ...['127.0.0.1', '127.255.0.9', '0.0.0.0', '10.0.0.1', '172.31.255.255', '192.168.1.1', '100.64.0.1'],
    ...['169.254.169.254', '224.0.0.1', '255.255.255.255', '::1', '::', 'fe80::1', 'fd00:ec2::254', 'ff02::1'],
    ...['::ffff:127.0.0.1', '::ffff:7f00:1', '::127.0.0.1', '64:ff9b::7f00:1', '2002:7f00:1::', '2001:0:1::1'],
  ];
  for (const address of inside) assert.equal(check.allows(address), false, address);
  for (const address of ['1.1.1.1', '172.32.0.1', '100.128.0.1', '2606:4700::1111', '2a00:1450::1', '::ffff:1.1.1.1'])
    assert.equal(check.allows(address), true, address);
  assert.equal(check.allows('localhost'), false, 'a name is no address');
});

test('an address or a network that is named is allowed, and no neighbour of it', () => {
  const some = new AddressCheck(['127.0.0.1', '10.1.0.0/16', 'fd00::/8']);
  for (const address of ['127.0.0.1', '::ffff:127.0.0.1', '10.1.2.3', 'fd12::1'])
    assert.equal(some.allows(address), true, address);
  for (const address of ['127.0.0.2', '10.2.0.1', 'fe80::1', '169.254.169.254'])
    assert.equal(some.allows(address), false, address);
});

test('an address written out is refused before anything is connected', () => {
  for (const host of ['127.0.0.1', '[::1]', '[::ffff:a9fe:a9fe]'])
    assert.throws(() => check.checkHost(host), InsideAddressError, host);
  check.checkHost('example.com');
  check.checkHost('1.1.1.1');
  // What other forms of an address mean is settled by the URL: they are the same one by then.
  assert.equal(new URL('http://0x7f.1/').hostname, '127.0.0.1');
  assert.throws(() => check.checkHost(new URL('http://2130706433/').hostname), /METATRAIL_SEND_INSIDE/);
});

test('a name that resolves to this machine is not connected to, and is where that is allowed', async (t) => {
  const server = createServer((_, response) => response.end('here')).listen(0, '127.0.0.1');
  t.after(() => server.close());
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const get = (of: AddressCheck) =>
    new Promise<number>((resolve, reject) => {
      request({ host: 'localhost', port, lookup: of.lookup, agent: false }, (response) => {
        response.resume();
        resolve(response.statusCode ?? 0);
      })
        .on('error', reject)
        .end();
    });
  await assert.rejects(get(check), { code: 'INSIDE_ADDRESS' });
  assert.equal(await get(new AddressCheck(['127.0.0.1'])), 200);
});
