import { expect } from "chai";
import { SignJWT, generateKeyPair } from "jose";
import {
  AccessTokens,
  createAuthority,
  createRefreshToken,
  describeCertificate,
  generateClusterKeys,
  generateSigningKey,
  issueCertificate,
  parseRefreshToken,
  Passwords,
  PositionTokens,
} from "../../src/auth/index.js";
import { ClusterError } from "../../src/base/index.js";

const CLUSTER = "01test";

async function failureOf(work: Promise<unknown>): Promise<unknown> {
  try {
    await work;
  } catch (error) {
    return error;
  }
  return undefined;
}

describe("access tokens", () => {
  let nowMs = 1_800_000_000_000;
  const claims = { user: "ana", sessionId: "s1", roles: ["admin"] } as const;

  async function open(): Promise<AccessTokens> {
    const keys = await generateClusterKeys();
    return AccessTokens.open({
      clusterId: CLUSTER,
      keys: [
        { id: keys.current.id, jwk: JSON.parse(keys.current.jwk) as object },
        { id: keys.next.id, jwk: JSON.parse(keys.next.jwk) as object },
      ],
      wallMs: () => nowMs,
      newId: () => "jti",
    });
  }

  it("say who it is, with which session and roles", async () => {
    const tokens = await open();
    const { token, expireTimeMs } = await tokens.mint(claims);
    const verified = await tokens.verify(token);
    expect(verified).to.deep.equal({ ...claims, expireTimeMs });
  });

  it("end after five minutes, also when they were verified before", async () => {
    const tokens = await open();
    const { token } = await tokens.mint(claims);
    await tokens.verify(token);
    nowMs += 306_000;
    expect(await failureOf(tokens.verify(token))).to.include({ code: "unauthenticated" });
  });

  it("are not believed of another cluster, of no signature, or of another algorithm", async () => {
    const tokens = await open();
    const foreign = await (await open()).mint(claims);
    const body = Buffer.from(JSON.stringify({ sub: "ana", sid: "s", exp: 9e9 })).toString(
      "base64url",
    );
    const none = Buffer.from('{"alg":"none","typ":"at+jwt"}').toString("base64url");
    const symmetric = await new SignJWT({ sid: "s1" })
      .setProtectedHeader({ alg: "HS256", typ: "at+jwt" })
      .setSubject("ana")
      .setExpirationTime("5m")
      .sign(Buffer.from(JSON.stringify(tokens.jwks)));
    const { privateKey } = await generateKeyPair("EdDSA", { crv: "Ed25519" });
    const untyped = await new SignJWT({ sid: "s1" })
      .setProtectedHeader({ alg: "EdDSA" })
      .setExpirationTime("5m")
      .sign(privateKey);
    for (const token of [foreign.token, `${none}.${body}.`, symmetric, untyped, "", "a.b.c"]) {
      const failure = await failureOf(tokens.verify(token));
      expect(failure).to.be.instanceOf(ClusterError);
      expect(failure).to.include({ code: "unauthenticated" });
    }
  });

  it("are believed of a key that signed before or will sign, and not of one that is gone", async () => {
    const [a, b, c] = await Promise.all([1, 2, 3].map(() => generateSigningKey()));
    if (a === undefined || b === undefined || c === undefined) throw new Error("no keys");
    const openWith = (...keys: readonly { readonly id: string; readonly jwk: string }[]) => {
      const [first, ...others] = keys.map(({ id, jwk }) => ({
        id,
        jwk: JSON.parse(jwk) as object,
      }));
      if (first === undefined) throw new Error("no key");
      return AccessTokens.open({
        clusterId: CLUSTER,
        keys: [first, ...others],
        wallMs: () => nowMs,
        newId: () => "jti",
      });
    };
    const { token } = await (await openWith(a, b)).mint(claims);
    expect(await (await openWith(b, c, a)).verify(token)).to.include({ user: "ana" });
    const gone = await openWith(c, b);
    expect(await failureOf(gone.verify(token))).to.include({ code: "unauthenticated" });
  });

  it("publish no private key", async () => {
    const tokens = await open();
    expect(JSON.stringify(tokens.jwks)).to.not.include('"d"');
  });
});

describe("refresh tokens", () => {
  it("name the user and the session, and are kept as a hash alone", () => {
    const token = createRefreshToken("ana", "01hx");
    expect(parseRefreshToken(token.text)).to.deep.equal(token);
    expect(token.hash).to.match(/^[0-9a-f]{64}$/);
    expect(token.text).to.not.include(token.hash);
  });

  it("are refused when malformed", () => {
    for (const text of ["", "cr1", "cr1.ana.x.short", "cr2.ana.x.".padEnd(60, "a"), "cr1..."]) {
      expect(parseRefreshToken(text)).to.equal(undefined);
    }
  });
});

describe("passwords", function () {
  this.timeout(20_000);

  it("are matched by their hash alone, and never for a user that there is not", async () => {
    const passwords = new Passwords();
    const stored = await passwords.hash("correct horse");
    expect(stored).to.match(/^\$argon2id\$v=19\$m=19456,t=2,p=1\$/);
    expect(await passwords.verify("correct horse", stored)).to.equal(true);
    expect(await passwords.verify("battery staple", stored)).to.equal(false);
    expect(await passwords.verify("nobody has this password", undefined)).to.equal(false);
  });

  it("are refused politely when too many wait", async () => {
    const passwords = new Passwords();
    const waiting = Array.from({ length: 64 }, () => passwords.verify("x", undefined));
    expect(await failureOf(passwords.verify("x", undefined))).to.include({ code: "overloaded" });
    await Promise.all(waiting);
  });
});

describe("positions", () => {
  const positions = new PositionTokens({
    key: Buffer.alloc(32, 7).toString("base64url"),
    keyId: 3,
    clusterId: CLUSTER,
  });
  const places = [
    { shard: 1, epoch: 1, sequence: 42 },
    { shard: 4, epoch: 2, sequence: 2 ** 40 },
  ];

  it("come back as they were", () => {
    expect(positions.decode(positions.encode(places))).to.deep.equal(places);
    expect(positions.decode(positions.encode([]))).to.deep.equal([]);
  });

  it("are refused when a single bit is another, or when another cluster made them", () => {
    const bytes = Buffer.from(positions.encode(places), "base64url");
    for (let i = 0; i < bytes.length; i++) {
      const changed = Buffer.from(bytes);
      changed[i] = (changed[i] ?? 0) ^ 1;
      expect(() => positions.decode(changed.toString("base64url"))).to.throw(ClusterError);
    }
    const other = new PositionTokens({ key: "aaaa", keyId: 3, clusterId: CLUSTER });
    expect(() => positions.decode(other.encode(places))).to.throw(ClusterError);
    for (const text of ["", "x", "{}", "A".repeat(4000)]) {
      expect(() => positions.decode(text)).to.throw(ClusterError);
    }
  });

  it("open no other bytes that read as the text that was sealed", () => {
    const sealed = Buffer.from(positions.seal("page", "after \ufffd"), "base64url");
    const other = Buffer.concat([sealed.subarray(0, -3), Buffer.of(0xff)]).toString("base64url");
    expect(positions.open("page", other)).to.equal(undefined);
  });

  it("seal other text for one purpose alone", () => {
    const sealed = positions.seal("page", "after ana");
    expect(positions.open("page", sealed)).to.equal("after ana");
    expect(positions.open("other", sealed)).to.equal(undefined);
    expect(positions.open("page", `${sealed}x`)).to.equal(undefined);
  });
});

describe("certificates", () => {
  it("name cluster, role and process in one URI, and the hosts under which it is reached", async () => {
    const nowMs = Date.now();
    const authority = await createAuthority({ cluster: "test", days: 10, nowMs });
    const { cert, key } = await issueCertificate(authority, {
      cluster: "test",
      role: "node",
      name: "node-1",
      hosts: ["localhost", "127.0.0.1"],
      days: 5,
      nowMs,
    });
    const facts = describeCertificate(cert);
    expect(facts.names).to.equal(
      "URI:cabildo://test/node/node-1, DNS:localhost, IP Address:127.0.0.1",
    );
    expect(facts.issuer).to.equal(describeCertificate(authority.cert).subject);
    expect(key).to.match(/^-----BEGIN PRIVATE KEY-----/);
  });
});
