import { expect } from "chai";
import { generateSigningKey, publicKeyOf, verifyCheckpoint } from "../../src/auth/index.js";
import { ClusterError } from "../../src/base/index.js";
import type { AuditCheckpoint, ClusterKeys } from "../../src/domain/index.js";
import { chainHash, KEYS, NO_AUDIT } from "../../src/machine/index.js";
import { AuditSigner } from "../../src/node/index.js";
import { createAuditObserver, createRegistry } from "../../src/observability/index.js";
import { DEFAULT_RANGE_MAP } from "../../src/placement/index.js";
import { createStoreCodec } from "../../src/wire/index.js";
import { ANONYMOUS, registerUser, SYSTEM } from "../support/agenda.js";
import { AgendaReplica } from "../support/agenda-replica.js";
import { FakeShard } from "../support/fake-shard.js";
import { firingAlerts } from "../support/firing-alerts.js";
import { ManualClock } from "../support/manual-clock.js";

const USERS = 4;
const CLUSTER_ID = "c1";
const LOOK_MS = 5_000;
const MINUTE_MS = 60_000;
const codec = createStoreCodec();
const nothing = (): void => undefined;

class SignedShard {
  readonly clock = new ManualClock();
  readonly group = new FakeShard(USERS, ["node-1", "node-2"]);
  readonly replica = new AgendaReplica(this.group, "node-1");
  readonly exported: AuditCheckpoint[] = [];
  /** That were logged. */
  readonly faults: unknown[] = [];
  readonly publicKey: Uint8Array;
  hasKeys = true;
  /** Nothing can be written beside the store. */
  isDiskFull = false;
  readonly #signer: AuditSigner;
  readonly #registry = createRegistry({ name: "node-1", version: "0.0.1" });

  constructor(keys: ClusterKeys) {
    this.publicKey = publicKeyOf(keys.audit.jwk);
    this.#signer = new AuditSigner({
      clusterId: CLUSTER_ID,
      rangeMap: DEFAULT_RANGE_MAP,
      shards: {
        read: () => {
          if (!this.hasKeys) return Promise.reject(new ClusterError("no-leader", "nobody leads"));
          const answer = { kind: "cluster-keys", keys } as const;
          return Promise.resolve({ reply: { kind: "answered", answer }, position: [] } as never);
        },
      },
      clock: this.clock,
      chain: { start: NO_AUDIT.hash, next: (before, entry) => chainHash(codec, before, entry) },
      exported: {
        last: async () => this.exported.at(-1)?.number ?? 0,
        add: async (_, checkpoints) => {
          if (this.isDiskFull) throw new Error("ENOSPC");
          this.exported.push(...checkpoints);
        },
      },
      observer: createAuditObserver({
        registry: this.#registry,
        log: {
          debug: nothing,
          info: nothing,
          warn: nothing,
          error: (_, { fault } = {}) => void this.faults.push(fault),
        },
        shardName: () => "users",
      }),
    });
    this.#signer.start(() => [this.replica]);
  }

  register(...users: readonly string[]): void {
    for (const user of users) this.replica.agenda.done(ANONYMOUS, registerUser(user));
  }

  /** Puts another row, or none, in the place of an entry. */
  tamper(number: number, origin: string | undefined): void {
    const { state } = this.replica.agenda.memory;
    const key = KEYS.audit(number);
    const { entry, hash } = codec.rows.audit.decode(state.get(key) ?? new Uint8Array());
    const forged = { entry: { ...entry, origin: origin ?? "" }, hash };
    const value = origin === undefined ? undefined : codec.rows.audit.encode(forged);
    state.write([{ key, value }]);
  }

  forgeHead(): void {
    const { state } = this.replica.agenda.memory;
    const head = codec.rows.auditHead.decode(state.get(KEYS.auditHead) ?? new Uint8Array());
    const forged = codec.rows.auditHead.encode({ ...head, hash: new Uint8Array(32).fill(1) });
    state.write([{ key: KEYS.auditHead, value: forged }]);
  }

  async pass(ms: number): Promise<void> {
    for (let passed = 0; passed < ms; passed += LOOK_MS) {
      await this.clock.turn(LOOK_MS);
      await new Promise((resolve) => setImmediate(resolve));
    }
  }

  async alerts(): Promise<readonly string[]> {
    return firingAlerts(await this.#registry.metrics());
  }

  close(): void {
    this.#signer.close();
  }
}

describe("the signer of an audit trail", () => {
  let shard: SignedShard;
  beforeEach(async () => {
    const key = { ...(await generateSigningKey()), sinceMs: 0 };
    const position = { positionKey: "", positionKeyId: 1 };
    shard = new SignedShard({ current: key, next: key, audit: key, ...position });
    shard.register("ana", "bea", "carl");
  });
  afterEach(() => shard.close());

  const signedTo = (): number | undefined => shard.exported.at(-1)?.number;

  it("signs its end after a minute", async () => {
    await shard.pass(MINUTE_MS);
    expect(signedTo()).to.equal(undefined);
    await shard.pass(LOOK_MS);
    const [checkpoint] = shard.exported;
    if (checkpoint === undefined) throw new Error("nothing was signed");
    const { number, hash, signature } = checkpoint;
    const statement = { clusterId: CLUSTER_ID, shard: "users", number, hash };
    expect(number).to.equal(3);
    expect(verifyCheckpoint(shard.publicKey, statement, signature)).to.equal(true);
  });

  it("signs a hundred entries at once, however many pages there are", async () => {
    shard.register(...Array.from({ length: 600 }, (_, i) => `user-${i}`));
    await shard.pass(LOOK_MS);
    expect(signedTo()).to.equal(603);
    expect(await shard.alerts()).to.deep.equal([]);
  });

  it("writes later what could not be written when it was signed", async () => {
    shard.isDiskFull = true;
    await shard.pass(2 * MINUTE_MS);
    shard.register("dora");
    await shard.pass(2 * MINUTE_MS);
    expect(shard.exported).to.deep.equal([]);
    shard.isDiskFull = false;
    await shard.pass(LOOK_MS);
    expect(shard.exported.map(({ number }) => number)).to.deep.equal([3, 4]);
  });

  it("goes on from what it signed, when that is pruned too", async () => {
    await shard.pass(2 * MINUTE_MS);
    shard.replica.agenda.done(SYSTEM, { kind: "prune-audit", upTo: 3 });
    shard.register("dora");
    await shard.pass(2 * MINUTE_MS);
    expect(signedTo()).greaterThan(3);
    expect(await shard.alerts()).to.deep.equal([]);
  });

  for (const [what, number, origin, fault] of [
    ["was changed", 2, "::1", "entry 2 does not follow from the one before"],
    ["that came last was changed", 3, "::1", "entry 3 does not follow from the one before"],
    ["is missing", 2, undefined, "entries after 0 are missing"],
    ["that came last is missing", 3, undefined, "entries after 2 are missing"],
  ] as const) {
    it(`does not sign where an entry ${what}, and wakes somebody`, async () => {
      shard.tamper(number, origin);
      await shard.pass(2 * MINUTE_MS);
      expect(signedTo()).to.equal(undefined);
      expect(await shard.alerts()).to.deep.equal(["CabildoAuditChainBroken"]);
      expect(shard.faults).to.deep.equal([fault]);
    });
  }

  it("does not sign what was chained to another entry than the signed one", async () => {
    await shard.pass(2 * MINUTE_MS);
    shard.forgeHead();
    shard.register("dora");
    await shard.pass(2 * MINUTE_MS);
    expect(signedTo()).to.equal(3);
    expect(await shard.alerts()).to.deep.equal(["CabildoAuditChainBroken"]);
  });

  it("does not sign an end that is not the one which was written last", async () => {
    shard.forgeHead();
    await shard.pass(2 * MINUTE_MS);
    expect(signedTo()).to.equal(undefined);
    expect(shard.faults).to.deep.equal(["entry 3 is not the one that was written last"]);
  });

  it("wakes nobody any more where another node leads", async () => {
    shard.tamper(2, "::1");
    await shard.pass(10 * MINUTE_MS);
    expect(await shard.alerts()).to.include("CabildoAuditChainBroken");
    shard.group.leader = "node-2";
    await shard.pass(LOOK_MS);
    expect(await shard.alerts()).to.deep.equal([]);
  });

  it("tells of entries that nobody can sign, until somebody can", async () => {
    shard.hasKeys = false;
    await shard.pass(7 * MINUTE_MS);
    expect(await shard.alerts()).to.deep.equal(["CabildoAuditUnsigned"]);
    shard.hasKeys = true;
    await shard.pass(LOOK_MS);
    expect(signedTo()).to.equal(3);
    expect(await shard.alerts()).to.deep.equal([]);
  });
});
