import { expect } from "chai";
import { ownAddress } from "../../src/main/own-address.js";

const INTERFACES = {
  lo: [{ address: "127.0.0.1" }, { address: "::1" }],
  eth0: [{ address: "10.80.1.7" }],
  eth1: [{ address: "10.80.2.7" }, { address: "fd00:2::7" }],
};

describe("the address to listen on", () => {
  it("is the one that is named", () => {
    expect(ownAddress("0.0.0.0", INTERFACES)).to.equal("0.0.0.0");
    expect(ownAddress("node-1.example.org", INTERFACES)).to.equal("node-1.example.org");
  });

  it("is the one that this machine has in a network", () => {
    expect(ownAddress("10.80.2.0/24", INTERFACES)).to.equal("10.80.2.7");
    expect(ownAddress("fd00:2::/64", INTERFACES)).to.equal("fd00:2::7");
  });

  it("is none outside of that network, not even that of a wider one", () => {
    expect(() => ownAddress("10.80.3.0/24", INTERFACES)).to.throw(
      "no address in 10.80.3.0/24: it has 127.0.0.1",
    );
  });
});
