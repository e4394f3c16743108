import { BlockList, isIPv6 } from "node:net";
import { networkInterfaces } from "node:os";

/** What `os.networkInterfaces` tells of an interface. */
export type Interfaces = Readonly<
  Record<string, readonly { readonly address: string }[] | undefined>
>;

/**
 * Where to listen: an address as it is; for a network, such as 10.80.1.0/24, the address that this machine has in it. A
 * container knows its networks, but learns its addresses when it starts.
 */
export function ownAddress(where: string, interfaces: Interfaces = networkInterfaces()): string {
  const [network = "", prefix] = where.split("/", 2);
  if (prefix === undefined) return where;
  const wanted = new BlockList();
  wanted.addSubnet(network, Number(prefix), familyOf(network));
  const own = Object.values(interfaces).flatMap((addresses) => addresses ?? []);
  const found = own.find(({ address }) => wanted.check(address, familyOf(address)));
  if (found !== undefined) return found.address;
  const all = own.map(({ address }) => address).join(", ");
  throw new Error(`this machine has no address in ${where}: it has ${all}`);
}

const familyOf = (address: string): "ipv4" | "ipv6" => (isIPv6(address) ? "ipv6" : "ipv4");
