import { timingSafeEqual } from "node:crypto";
import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import { AuthService } from "../../../gen/cabildo/v1/auth_pb.js";
import type { RegisterRequest, ResetPasswordRequest } from "../../../gen/cabildo/v1/auth_pb.js";
import { createRefreshToken, parseRefreshToken, sha256Hex } from "../../auth/index.js";
import { ClusterError } from "../../base/index.js";
import type { Caller, Credentials, User } from "../../domain/index.js";
import { isId } from "../../policy/index.js";
import { userToPublic } from "../../wire/index.js";
import { fieldFault, notFound, refused } from "../faults.js";
import { unary } from "../handlers.js";
import type { Call, Handler } from "../handlers.js";
import { proposeId } from "../propose-id.js";
import { SYSTEM } from "../shard-calls.js";
import { mayLogIn } from "../supposed-caller.js";
import { requireTimeZone } from "../time-zone.js";
import type { ServiceContext } from "./context.js";

/** A session that is not refreshed for so long ends. */
const REFRESH_LIFETIME_MS = 30 * 86_400_000;

export function authHandlers(context: ServiceContext): readonly Handler[] {
  const { method } = AuthService;
  return [
    unary(method.register, (call, request) => register(context, call, request)),
    unary(method.login, async (call, { userId, password, client }) => {
      if (!isId(userId)) throw wrongPassword();
      const opened = await context.logins.run(call, userId, async (address) => {
        const found = await findCredentials(call, userId);
        const mayEnter = found !== undefined && mayLogIn(found.user);
        const hash = mayEnter ? found.credentials.passwordHash : undefined;
        const matches = await context.passwords.verify(normal(password), hash);
        if (!matches || found === undefined) return undefined;
        return await openSession(context, call, found.user, { client, address });
      });
      if (opened === undefined) throw wrongPassword();
      return opened;
    }),
    unary(method.resetPassword, (call, request) => resetPassword(context, call, request)),
    unary(method.refresh, (call, { refreshToken }) => refresh(context, call, refreshToken)),
    unary(method.logout, async (call, request) => {
      const { user, sessionId } = requireUser(call.caller);
      const operation = { kind: "revoke-session", user, session: sessionId } as const;
      await call.shards
        .execute(call.shards.of("users", user), call.caller, operation, {
          method: method.logout,
          request,
        })
        .catch(unless("not-found"));
      context.sessions.note(sessionId, false);
      return {};
    }),
    unary(method.changePassword, async (call, request) => {
      const { user, sessionId } = requireUser(call.caller);
      const passwordHash = await context.logins.run(call, user, () =>
        rehash(context, call, user, request),
      );
      if (passwordHash === undefined) {
        throw refused("permission-denied", "current_password is wrong");
      }
      await call.shards.execute(
        call.shards.of("users", user),
        call.caller,
        { kind: "change-password", user, passwordHash, keepSession: sessionId },
        { method: method.changePassword, request },
      );
      return {};
    }),
  ];
}

async function register(context: ServiceContext, call: Call, request: RegisterRequest) {
  const { userId: user, displayName, email, timeZone, bootstrapCredential } = request;
  requireUserId(request);
  requireTimeZone(timeZone, "time_zone");
  requireBootstrap(context, bootstrapCredential);
  const operation = {
    kind: "register-user",
    user,
    uid: context.ids.uuid(),
    displayName,
    email,
    timeZone: timeZone === "" ? "UTC" : timeZone,
    passwordHash: await context.passwords.hash(normal(request.password)),
    bootstrapHash: bootstrapCredential === "" ? "" : context.bootstrapHash,
  } as const;
  const shard = call.shards.of("users", user);
  const { resource } = await call.shards.execute(shard, call.caller, operation, {
    method: AuthService.method.register,
    request,
  });
  if (resource?.kind === "user") {
    const made = userToPublic(resource.user);
    return call.shards.isTrial ? Object.assign(made, { uid: "" }) : made;
  }
  const { answer } = await call.shards.read(shard, SYSTEM, { kind: "get-user", user });
  return userToPublic(answer.user);
}

/** Who may not have the id that they want is told of one that they may have. */
function requireUserId({ userId: id, email, displayName }: RegisterRequest): void {
  if (isId(id)) return;
  const [mailbox = ""] = email.split("@");
  const proposal = proposeId(id, mailbox, displayName);
  throw fieldFault(
    "user_id",
    `1 to 63 lower-case letters, digits and hyphens, a letter first and no hyphen last, such as ${proposal}`,
  );
}

function requireBootstrap({ bootstrapHash }: ServiceContext, credential: string): void {
  if (credential === "") return;
  const presented = Buffer.from(sha256Hex(credential));
  const wanted = Buffer.from(bootstrapHash.padEnd(presented.length));
  const matches = presented.length === wanted.length && timingSafeEqual(presented, wanted);
  if (!matches) throw refused("permission-denied", "the bootstrap credential is wrong");
}

async function resetPassword(context: ServiceContext, call: Call, request: ResetPasswordRequest) {
  const { userId: user, resetCode, newPassword } = request;
  if (!isId(user)) throw wrongCode();
  const done = await context.logins.run(call, user, async () => {
    const operation = {
      kind: "reset-password",
      user,
      codeHash: sha256Hex(resetCode),
      passwordHash: await context.passwords.hash(normal(newPassword)),
    } as const;
    return await call.shards
      .execute(call.shards.of("users", user), call.caller, operation, {
        method: AuthService.method.resetPassword,
        request,
      })
      .catch(unless("unauthenticated"));
  });
  if (done === undefined) throw wrongCode();
  return {};
}

async function openSession(
  context: ServiceContext,
  call: Call,
  user: User,
  { client, address }: { readonly client: string; readonly address: string },
) {
  const session = context.ids.session();
  const refreshToken = createRefreshToken(user.id, session);
  const { resource } = await call.shards.execute(call.shards.of("users", user.id), SYSTEM, {
    kind: "create-session",
    user: user.id,
    session,
    client,
    address,
    refreshHash: refreshToken.hash,
    lifetimeMs: REFRESH_LIFETIME_MS,
  });
  const expireTimeMs = resource?.kind === "session" ? resource.session.expireTimeMs : undefined;
  return await answerWith(context, user, session, refreshToken.text, expireTimeMs);
}

/** The user is read first: once the token is exchanged nothing may fail that could lose the new one. */
async function refresh(context: ServiceContext, call: Call, text: string) {
  const presented = parseRefreshToken(text);
  if (presented === undefined || !isId(presented.user)) throw sessionEnded();
  const shard = call.shards.of("users", presented.user);
  const found = await call.shards
    .read(shard, SYSTEM, { kind: "get-user", user: presented.user })
    .catch(unless("not-found"));
  if (found === undefined) throw sessionEnded();
  const next = createRefreshToken(presented.user, presented.session);
  const { resource } = await call.shards.execute(shard, SYSTEM, {
    kind: "rotate-session",
    user: presented.user,
    session: presented.session,
    presentedHash: presented.hash,
    nextHash: next.hash,
    lifetimeMs: REFRESH_LIFETIME_MS,
  });
  const expireTimeMs = resource?.kind === "session" ? resource.session.expireTimeMs : undefined;
  return await answerWith(context, found.answer.user, presented.session, next.text, expireTimeMs);
}

async function answerWith(
  context: ServiceContext,
  user: User,
  sessionId: string,
  refreshToken: string,
  refreshExpireMs = context.clock.wallMs() + REFRESH_LIFETIME_MS,
) {
  const { token, expireTimeMs } = await context.accessTokens().mint({
    user: user.id,
    sessionId,
    roles: user.clusterRoles,
  });
  context.sessions.note(sessionId, true);
  return {
    user: userToPublic(user),
    accessToken: token,
    accessExpireTime: timestampFromMs(expireTimeMs),
    refreshToken,
    refreshExpireTime: timestampFromMs(refreshExpireMs),
    session: `users/${user.id}/sessions/${sessionId}`,
  };
}

/**
 * The new password's hash; undefined where the current one is wrong. Who repeats the call after its answer was lost has the new
 * one already, and is let through.
 */
async function rehash(
  { passwords }: ServiceContext,
  call: Call,
  user: string,
  request: { readonly currentPassword: string; readonly newPassword: string },
): Promise<string | undefined> {
  const found = await findCredentials(call, user);
  if (found === undefined) throw notFound(`users/${user}`);
  const { passwordHash } = found.credentials;
  const current = normal(request.currentPassword);
  const next = normal(request.newPassword);
  const known =
    (await passwords.verify(current, passwordHash)) || (await passwords.verify(next, passwordHash));
  if (!known) return undefined;
  return await passwords.hash(next);
}

async function findCredentials(
  call: Call,
  user: string,
): Promise<{ readonly user: User; readonly credentials: Credentials } | undefined> {
  if (!isId(user)) return undefined;
  const found = await call.shards
    .read(call.shards.of("users", user), SYSTEM, { kind: "get-credentials", user })
    .catch(unless("not-found"));
  return found?.answer;
}

/** As it is typed on one machine and on another: an accent is one character or two. */
function normal(password: string): string {
  return password.normalize("NFC");
}

function requireUser(caller: Caller): Caller & { readonly kind: "user" } {
  if (caller.kind === "user") return caller;
  throw refused("unauthenticated", "log in first");
}

function unless(code: ClusterError["code"]): (cause: unknown) => undefined {
  return (cause) => {
    if (cause instanceof ClusterError && cause.code === code) return undefined;
    throw cause;
  };
}

/** One text for a wrong password and for nobody of that name. */
function wrongPassword(): ClusterError {
  return refused("unauthenticated", "no user of this id has this password");
}

function wrongCode(): ClusterError {
  return refused(
    "unauthenticated",
    "no user of this id has this code, or it was used or is too old",
  );
}

function sessionEnded(): ClusterError {
  return refused("unauthenticated", "the session has ended: log in again");
}
