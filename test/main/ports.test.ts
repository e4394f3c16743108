import { expect } from "chai";
import { planPorts } from "../../src/main/ports.js";

describe("the ports of a cluster on one machine", () => {
  it("put the API on the base, the fan-out beside it, nodes from 10 and metrics from 50", () => {
    expect(planPorts(7443, { nodes: 3, coordinators: 1, fanouts: 1 })).to.deep.equal({
      coordinators: [7443],
      fanouts: [7444],
      nodes: [7453, 7454, 7455],
      metrics: [7493, 7494, 7495, 7496, 7497],
    });
  });

  it("give further coordinators, then further fan-outs, the ports in between", () => {
    const { coordinators, fanouts } = planPorts(8000, { nodes: 3, coordinators: 3, fanouts: 2 });
    expect(coordinators).to.deep.equal([8000, 8002, 8003]);
    expect(fanouts).to.deep.equal([8001, 8004]);
  });

  it("are all different in the largest cluster that has ports", () => {
    const plan = planPorts(9000, { nodes: 40, coordinators: 5, fanouts: 5 });
    const all = [plan.nodes, plan.coordinators, plan.fanouts, plan.metrics].flat();
    expect(new Set(all).size).to.equal(all.length);
    expect(Math.max(...all)).to.be.lessThan(9100);
  });

  it("are refused for what does not fit", () => {
    expect(() => planPorts(7443, { nodes: 3, coordinators: 6, fanouts: 5 })).to.throw("at most 8");
    expect(() => planPorts(7443, { nodes: 41, coordinators: 1, fanouts: 1 })).to.throw(
      "at most 40",
    );
    expect(() => planPorts(70_000, { nodes: 3, coordinators: 1, fanouts: 1 })).to.throw(
      "base port",
    );
    expect(() => planPorts(7443, { nodes: 3, coordinators: 0, fanouts: 1 })).to.throw("at least");
  });
});
