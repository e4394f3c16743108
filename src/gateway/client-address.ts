import { isIP } from "node:net";

const V4_IN_V6 = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i;
const V6_GROUPS = 8;
/** A household or server has at least so many groups of an IPv6 address to itself: the rest it can change at will. */
const V6_GROUPS_OF_ONE = 4;

/** What of a client's address tells it from others; `unknown` where there is none. */
export function clientAddress(remoteAddress: string): string {
  const bare = remoteAddress.replace(/%.*$/, "");
  const v4 = V4_IN_V6.exec(bare)?.[1] ?? bare;
  switch (isIP(v4)) {
    case 4:
      return v4;
    case 6:
      return `${groupsOf(v4).slice(0, V6_GROUPS_OF_ONE).join(":")}::`;
    default:
      return "unknown";
  }
}

function groupsOf(address: string): readonly string[] {
  const [head = "", tail] = address.toLowerCase().split("::");
  const before = head === "" ? [] : head.split(":");
  const after = tail === undefined || tail === "" ? [] : tail.split(":");
  const missing = tail === undefined ? 0 : Math.max(0, V6_GROUPS - before.length - after.length);
  return [...before, ...Array.from({ length: missing }, () => "0"), ...after].map((group) =>
    group.replace(/^0+(?=.)/, ""),
  );
}
