// Where this program may send to. What an operator or an administrator types as an address, or what a name resolves to, may
// be inside the network: this machine, a neighbour, the metadata service of a cloud. Nothing is sent there unless
// METATRAIL_SEND_INSIDE names it. It is checked at the address that is connected to, each time, so that a name which means
// another address from one moment to the next gains nothing.
import { type LookupAddress, type LookupOptions, lookup } from 'node:dns';
import { BlockList, isIP } from 'node:net';

/** Not for the internet (IANA's special-purpose registries): this machine, private, link-local with the metadata services of clouds, shared, multicast, documentation, reserved. */
const INSIDE_4 =
  '0.0.0.0/8 10.0.0.0/8 100.64.0.0/10 127.0.0.0/8 169.254.0.0/16 172.16.0.0/12 192.0.0.0/24 192.0.2.0/24 192.88.99.0/24 192.168.0.0/16 198.18.0.0/15 198.51.100.0/24 203.0.113.0/24 224.0.0.0/4 240.0.0.0/4';
/** The same of IPv6, and what carries an IPv4 address within that nobody looks at: mapped, translated, 6to4, Teredo. */
const INSIDE_6 =
  '::/96 ::ffff:0:0:0/96 64:ff9b::/96 64:ff9b:1::/48 100::/64 2001::/23 2001:db8::/32 2002::/16 3fff::/20 5f00::/16 fc00::/7 fe80::/10 fec0::/10 ff00::/8';

const INSIDE = listOf(`${INSIDE_4} ${INSIDE_6}`.split(' '));

function listOf(networks: readonly string[]): BlockList {
  const list = new BlockList();
  for (const network of networks) {
    const [address = '', prefix] = network.split('/');
    const family = isIP(address) === 4 ? 'ipv4' : 'ipv6';
    list.addSubnet(address, prefix === undefined ? (family === 'ipv4' ? 32 : 128) : Number(prefix), family);
  }
  return list;
}

/** It is not sent there: the sentence names the host, and says what allows it. */
export class InsideAddressError extends Error {
  override name = 'InsideAddressError';
  readonly code = 'INSIDE_ADDRESS';

  constructor(host: string) {
    super(
      `${host} is an address inside the network, and nothing is sent there unless METATRAIL_SEND_INSIDE names it or its network.`,
    );
  }
}

type Resolved = (error: Error | null, address: string | LookupAddress[], family?: number) => void;

/** As `lookup` of node:net, node:tls and node:http(s) is. */
export type Lookup = (host: string, options: LookupOptions, resolved: Resolved) => void;

export class AddressCheck {
  readonly #allowed: BlockList;

  /** `allowed`: addresses and networks inside that may be sent to, such as 127.0.0.1 or 10.1.0.0/16. */
  constructor(allowed: readonly string[]) {
    this.#allowed = listOf(allowed);
  }

  /** Whether this address, IPv4 or IPv6, may be connected to. */
  allows(address: string): boolean {
    const version = isIP(address);
    if (version === 0) return false;
    const family = version === 4 ? 'ipv4' : 'ipv6';
    return this.#allowed.check(address, family) || !INSIDE.check(address, family);
  }

  /**
   * Throws InsideAddressError for an address that is written out and may not be connected to: such a one is never looked up.
   * `host`: as in a URL; IPv6 may have its brackets.
   */
  checkHost(host: string): void {
    const bare = host.replace(/^\[|\]$/g, '');
    if (isIP(bare) !== 0 && !this.allows(bare)) throw new InsideAddressError(host);
  }

  /** Resolves a name to those of its addresses that may be connected to; fails with InsideAddressError where there is none. */
  readonly lookup: Lookup = (host, options, resolved) => {
    lookup(host, { ...options, all: true }, (error, found) => {
      if (error) {
        resolved(error, []);
        return;
      }
      const allowed = found.filter(({ address }) => this.allows(address));
      const [first] = allowed;
      if (first === undefined) resolved(new InsideAddressError(host), []);
      else if (options.all) resolved(null, allowed);
      else resolved(null, first.address, first.family);
    });
  };
}
