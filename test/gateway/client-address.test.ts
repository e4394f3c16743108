import { expect } from "chai";
import { clientAddress } from "../../src/gateway/client-address.js";

describe("the address of a client", () => {
  for (const [given, known] of [
    ["203.0.113.7", "203.0.113.7"],
    ["::ffff:203.0.113.7", "203.0.113.7"],
    ["2001:db8:1:2:3:4:5:6", "2001:db8:1:2::"],
    ["2001:DB8:1:2::6", "2001:db8:1:2::"],
    ["2001:db8::6", "2001:db8:0:0::"],
    ["fe80::1%eth0", "fe80:0:0:0::"],
    ["::1", "0:0:0:0::"],
    ["", "unknown"],
    ["nonsense/1", "unknown"],
  ] as const) {
    it(`"${given}" counts as ${known}`, () => {
      expect(clientAddress(given)).equals(known);
    });
  }
});
