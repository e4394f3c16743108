import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { request } from "node:https";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createClient } from "@connectrpc/connect";
import { createGrpcTransport, createGrpcWebTransport } from "@connectrpc/connect-node";
import { expect } from "chai";
import WebSocket from "ws";
import { AuthService } from "../../../gen/cabildo/v1/auth_pb.js";
import { LiveClient } from "../../fanout/support/live-client.js";
import { eventually } from "../../support/eventually.js";
import { runCabildo } from "../../support/run-cabildo.js";
import type { UpCluster } from "../../support/up-cluster.js";

interface Answer {
  readonly status: number;
  readonly text: string;
}

const USER = "selma";
/** How the hash of a password begins. */
const HASH = "$argon2";
/** The private part of a signing key, as JSON and as JSON within it. */
const PRIVATE_PART = /\\?"d\\?":\\?"/u;

/** Everything that was said must have no secret in it, whatever went wrong while it was told. */
export function noSecretIsTold(running: () => UpCluster, log: readonly string[]): void {
  describe("a running cluster that is told secrets", function () {
    this.timeout(120_000);
    let cluster: UpCluster;
    let home: string;
    /** By what they are. */
    const secrets = new Map<string, string>();
    const answers: string[] = [];

    before(() => {
      cluster = running();
      home = mkdtempSync(join(tmpdir(), "secrets-"));
    });
    after(() => rmSync(home, { recursive: true }));

    const secret = (what: string, text = `s3cret ${randomBytes(12).toString("hex")}`): string => {
      secrets.set(what, text);
      return text;
    };
    const post = async (
      path: string,
      body: object | string,
      headers: Readonly<Record<string, string>> = {},
    ): Promise<Answer> => {
      const call = request(`${cluster.ready.api}${path}`, {
        ...{ method: "POST", ca: cluster.ca },
        headers: { "content-type": "application/json", ...headers },
      });
      call.end(typeof body === "string" ? body : JSON.stringify(body));
      const [response] = (await once(call, "response")) as [AsyncIterable<Buffer> & Status];
      let text = "";
      for await (const chunk of response) text += chunk.toString();
      return { status: response.statusCode ?? 0, text };
    };
    /** What is refused, and in which words. */
    const refused = async (...call: Parameters<typeof post>): Promise<void> => {
      const { status, text } = await post(...call);
      expect(status, text).to.be.within(400, 499);
      answers.push(text);
    };
    const tokensOf = ({ text }: Answer): { readonly access: string; readonly refresh: string } => {
      const { accessToken, refreshToken } = JSON.parse(text) as Readonly<Record<string, string>>;
      return { access: accessToken ?? "", refresh: refreshToken ?? "" };
    };
    const bearer = (token: string) => ({ authorization: `Bearer ${token}` });

    async function tellPasswords(): Promise<string> {
      const password = secret("the password");
      await post("/v1/auth:register", { userId: USER, password });
      await refused("/v1/auth:register", { userId: USER, password: secret("of a taken name") });
      await refused("/v1/auth:register", { userId: "NO ID", password: secret("of no name") });
      await refused("/v1/auth:register", {
        ...{ userId: "selma2", password: secret("of who is no administrator") },
        bootstrapCredential: secret("a wrong credential", randomBytes(32).toString("base64url")),
      });
      await refused("/v1/auth:login", `{"userId":"selma","password":"${secret("in broken JSON")}`);
      await refused("/v1/auth:login", { userId: USER, password: [secret("in a list")] });
      await refused("/v1/auth:login", { userId: USER, pasword: secret("in a misspelt field") });
      await refused("/v1/auth:login", { userId: USER, password: secret("a wrong one") });
      await refused("/v1/auth:login", { userId: secret("for a name"), password: "x".repeat(12) });
      await refused(`/v1/auth:login?password=${encodeURIComponent(secret("in a query"))}`, {});
      for (const open of [createGrpcTransport, createGrpcWebTransport]) {
        const baseUrl = cluster.ready.api;
        const transport = open({ baseUrl, httpVersion: "2", nodeOptions: { ca: cluster.ca } });
        const login = { userId: USER, password: secret(`a wrong one by ${open.name}`) };
        const outcome = await createClient(AuthService, transport)
          .login(login)
          .then(String, String);
        answers.push(outcome);
      }
      return password;
    }

    async function tellTokens(password: string): Promise<string> {
      const { access, refresh } = tokensOf(
        await post("/v1/auth:login", { userId: USER, password }),
      );
      secret("an access token", access);
      secret("a refresh token", refresh);
      secret("the signature of a token", access.split(".")[2] ?? "");
      const me = `/v1/users/${USER}:changePassword`;
      await refused(me, {}, bearer(`${access.slice(0, -4)}AAAA`));
      for (const id of [access, encodeURIComponent(password)]) {
        await refused(`/v1/users/${id}:disable`, {}, bearer(access));
      }
      secret("the beginning of a token", access.slice(0, 100));
      await refused(`/v1/calendars/${USER}/events?access_token=${access}`, {});
      await refused("/v1/auth:logout", {}, { cookie: `token=${access}` });
      await refused("/v1/auth:logout", {}, { authorization: access });
      await refused("/v1/auth:refresh", { refreshToken: access });
      const unknown = secret("a refresh token of nobody", randomBytes(40).toString("base64url"));
      await refused("/v1/auth:refresh", { refreshToken: unknown });
      const next = tokensOf(await post("/v1/auth:refresh", { refreshToken: refresh }));
      secret("the next refresh token", next.refresh);
      await refused(
        "/v1/auth:changePassword",
        { currentPassword: secret("a wrong current one"), newPassword: secret("a new one") },
        bearer(next.access),
      );
      await refused(
        "/v1/auth:changePassword",
        { currentPassword: password, newPassword: "no" },
        bearer(next.access),
      );
      return next.access;
    }

    /** In what a socket is opened with, and over it. */
    async function tellSockets(access: string, password: string): Promise<void> {
      const { wss } = cluster.ready;
      const inPath = new WebSocket(`${wss}/?token=${access}`, "cabildo.v1.json", {
        ca: cluster.ca,
      });
      await once(inPath, "open");
      inPath.send(JSON.stringify({ id: 1, connect: { token: `${access}x` } }));
      await once(inPath, "close");
      const offered = new WebSocket(wss, [`bearer.${access}`], { ca: cluster.ca });
      await once(offered, "error");
      const client = await LiveClient.with(access, wss, cluster.ca);
      for (const rpc of [
        { method: "cabildo.v1.AuthService/Login", request: { userId: USER, password } },
        { method: "cabildo.v1.UserService/GetUser", request: { name: `users/${password}` } },
      ]) {
        answers.push(JSON.stringify(await client.ask({ rpc })));
      }
      answers.push(
        JSON.stringify(await client.ask({ subscribe: { channels: [password, access] } })),
      );
      client.close();
    }

    async function resetPassword(): Promise<void> {
      const { dataDir } = cluster.ready;
      const issued = await runCabildo("user", "reset-code", USER, "--data", dataDir);
      const code = secret("a reset code", issued.out.split("\n")[0] ?? "");
      const newPassword = secret("the password after a reset");
      const wrong = secret("a wrong code", randomBytes(20).toString("base64url"));
      await refused("/v1/auth:resetPassword", { userId: USER, resetCode: wrong, newPassword });
      const done = await post("/v1/auth:resetPassword", {
        userId: USER,
        resetCode: code,
        newPassword,
      });
      expect(done.status, done.text).to.equal(200);
      await refused("/v1/auth:resetPassword", { userId: USER, resetCode: code, newPassword });
    }

    /** An answer that the users' shard gives late or not at all is one more way to say something wrong. */
    async function loginWhileLeaderDies(password: string): Promise<void> {
      const { shards } = await cluster.status();
      const leader = shards.find(({ name }) => name === "users")?.leader ?? "";
      const call = (): Promise<Answer> => post("/v1/auth:login", { userId: USER, password });
      const killed = cluster.kill(leader);
      const outcomes = await Promise.all(Array.from({ length: 5 }, call));
      await killed;
      for (const { status, text } of outcomes) {
        if (status === 200) secret("a token of a hard time", tokensOf({ status, text }).refresh);
        else answers.push(text);
      }
      await cluster.healthy();
    }

    function keepKeys(): void {
      const { dataDir, adminCredential } = cluster.ready;
      secret("the first credential", readFileSync(adminCredential, "utf8").trim());
      const certs = join(dataDir, "certs");
      for (const file of readdirSync(certs).filter((name) => name.endsWith("-key.pem"))) {
        const [, line = ""] = readFileSync(join(certs, file), "utf8").split("\n");
        secret(file, line);
      }
    }

    it("tells them to nobody: not in a log, a metric, an entry of the trail or a refusal", async () => {
      keepKeys();
      const password = await tellPasswords();
      const access = await tellTokens(password);
      await tellSockets(access, password);
      await resetPassword();
      await loginWhileLeaderDies(secrets.get("the password after a reset") ?? "");

      const trail = await eventually(async () => {
        const { out } = await runCabildo("audit", "export", "--data", cluster.ready.dataDir);
        return out.includes(`"object":"users/${USER}","decision":"unauthenticated"`)
          ? out
          : undefined;
      });
      const metrics = await Promise.all(
        cluster.ready.metrics.map(async ({ url }) => await (await fetch(url)).text()),
      );
      const told = {
        log: log.join("\n"),
        metrics: metrics.join(""),
        trail,
        answers: answers.join("\n"),
      };
      expect(secrets.size).to.be.at.least(30);
      for (const [where, text] of Object.entries(told)) {
        expect(text.length, where).to.be.greaterThan(1_000);
        const found = [...secrets].filter(([, hidden]) => hidden !== "" && text.includes(hidden));
        expect(
          found.map(([what]) => what),
          where,
        ).to.deep.equal([]);
        expect(text.includes(HASH), `a hash in the ${where}`).to.equal(false);
        expect(PRIVATE_PART.test(text), `a key in the ${where}`).to.equal(false);
      }
    });
  });
}

interface Status {
  readonly statusCode?: number;
}
