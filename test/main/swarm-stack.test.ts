import { execFileSync, spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect } from "chai";
import { majorityHosts, spreadOverHosts } from "../../src/placement/index.js";
import { stackFile } from "../../src/main/swarm/stack-file.js";
import { processNames, swarmProcesses } from "../../src/main/swarm/swarm-processes.js";

const DEPLOY = "deploy";
const STACKS = [
  { replicas: 3, file: "stack.yml" },
  { replicas: 5, file: "stack.five.yml" },
] as const;
const DOORS = ["coordinator-1", "coordinator-2", "fanout-1", "fanout-2"];

const hosts = (count: number): readonly string[] =>
  Array.from({ length: count }, (_, index) => `host-${index + 1}`);

/** Text of each service, by its name. */
function servicesOf(stack: string): ReadonlyMap<string, string> {
  const [, text = ""] = /^services:\n(.*?)^networks:/msu.exec(stack) ?? [];
  const parts = text.split(/^ {2}([a-z0-9-]+):\n/mu).slice(1);
  const names = parts.filter((_, index) => index % 2 === 0);
  return new Map(names.map((name, index) => [name, parts[index * 2 + 1] ?? ""]));
}

/** Sources of a service's secrets, in either form of the list. */
function secretsOf(service: string): readonly string[] {
  const [, list = ""] = /^ {4}secrets:(.*?)(?=^ {4}\S|(?![^]))/msu.exec(service) ?? [];
  const named = [...list.matchAll(/source: ([^,\s]+)/gu)].map(([, name = ""]) => name);
  return named.length > 0 ? named : list.replaceAll(/[[\]]/gu, "").trim().split(/,\s*/u);
}

function onNetwork(services: ReadonlyMap<string, string>, network: string): readonly string[] {
  return [...services].filter(([, text]) => text.includes(network)).map(([name]) => name);
}

function placed(replicas: number, on: readonly string[]) {
  const processes = swarmProcesses(replicas);
  const hostOf = spreadOverHosts(processNames(processes), on);
  return processes.nodes.flatMap((node) =>
    node.replicas.map(({ shard }) => ({ shard, host: hostOf.get(node.name) ?? "" })),
  );
}

describe("the stack of a Swarm", () => {
  for (const { replicas, file } of STACKS) {
    const stack = stackFile(swarmProcesses(replicas));
    const nodes = swarmProcesses(replicas).nodes.map(({ name }) => name);
    const services = servicesOf(stack);

    describe(`with ${replicas} replicas of each shard`, () => {
      it(`is what deploy/${file} says (cabildo swarm stack --replicas ${replicas})`, () => {
        expect(readFileSync(join(DEPLOY, file), "utf8")).to.equal(stack);
      });

      it("has a service for every replica, on the host that bears its label, with its own volume", () => {
        expect(nodes).to.have.lengthOf(replicas * 4);
        expect([...services.keys()]).to.deep.equal([...nodes, ...DOORS, "prometheus", "grafana"]);
        for (const [name, text] of services) {
          const label = `node.labels.cabildo.${name} == true`;
          expect(text.match(/node\.labels\.[^"]*/gu)).to.deep.equal([label]);
        }
        for (const name of nodes) {
          expect(services.get(name)).to.contain(`volumes: ["${name}:/var/lib/cabildo"]`);
        }
      });

      it("lets replicas alone speak Raft, and publishes none of their ports", () => {
        expect(onNetwork(services, "raft-network")).to.deep.equal(nodes);
        expect(onNetwork(services, "api-network")).to.deep.equal([...services.keys()]);
        expect(onNetwork(services, "public-network")).to.deep.equal([...DOORS, "grafana"]);
        expect(onNetwork(services, "ports:")).to.deep.equal([...DOORS, "grafana"]);
      });

      it("gives each process the secrets of its own role and nobody else's", () => {
        const pair = (name: string) => [`${name}.pem`, `${name}-key.pem`];
        for (const [name, text] of services) {
          const ofRole = nodes.includes(name)
            ? ["ca.pem", ...pair(name)]
            : DOORS.includes(name)
              ? ["ca.pem", ...pair(name), ...pair("server")]
              : name === "grafana"
                ? [...pair(name), "grafana-password"]
                : ["ca.pem"];
          expect(secretsOf(text), name).to.deep.equal(ofRole);
        }
      });

      it("is understood by Docker", function () {
        const docker = ["stack", "config", "--compose-file", "-"];
        if (spawnSync("docker", [...docker, "--help"]).status !== 0) this.skip(); // no Docker here
        const env = { ...process.env, CABILDO_DIR: "none" };
        const text = execFileSync("docker", docker, { input: stack, cwd: DEPLOY, env });
        expect(text.toString()).to.contain("cabildo.users-1 == true");
      });
    });
  }

  it("can be deployed one service at a time", () => {
    for (const name of processNames(swarmProcesses(3))) {
      const stack = stackFile(swarmProcesses(3), { only: name, join: [] });
      expect([...servicesOf(stack).keys()]).to.deep.equal([name]);
      const hasVolume = !DOORS.includes(name);
      expect(/^volumes:$/mu.test(stack), name).to.equal(hasVolume);
    }
  });
});

describe("the hosts of a Swarm", () => {
  it("hold one replica of a shard at most, where there are as many as replicas", () => {
    for (const replicas of [3, 5]) {
      for (const count of [replicas, replicas + 1, replicas + 2, 2 * replicas]) {
        const pairs = placed(replicas, hosts(count)).map(({ shard, host }) => `${shard} ${host}`);
        expect(new Set(pairs).size).to.equal(pairs.length);
      }
    }
  });

  it("hold as many processes as another, or one more", () => {
    for (const count of [1, 2, 3, 5]) {
      const names = processNames(swarmProcesses(3));
      const hostOf = spreadOverHosts(names, hosts(count));
      const held = hosts(count).map((host) => names.filter((one) => hostOf.get(one) === host));
      const counts = held.map(({ length }) => length);
      expect(Math.max(...counts) - Math.min(...counts)).to.be.at.most(1);
    }
  });

  it("are told apart by how many shards stop with them", () => {
    const { nodes } = swarmProcesses(3);
    const names = nodes.map(({ name }) => name);
    const stopping = (count: number): readonly number[] =>
      [...majorityHosts(nodes, spreadOverHosts(names, hosts(count))).values()].map(
        ({ length }) => length,
      );
    expect(stopping(1)).to.deep.equal([5]);
    expect(stopping(2)).to.deep.equal([2, 3]);
    expect(stopping(3)).to.deep.equal([]);
  });
});
