import { create } from "@bufbuild/protobuf";
import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import { Code, ConnectError, createClient, createRouterTransport } from "@connectrpc/connect";
import { expect } from "chai";
import { AuthService, LoginResponseSchema } from "../../gen/cabildo/v1/auth_pb.js";
import { Session } from "../../src/client/tokens.js";

const HOUR_MS = 3_600_000;

describe("a session of the client", () => {
  let refreshed: string[];
  let lifetimeMs: number;
  let session: Session;

  beforeEach(() => {
    refreshed = [];
    lifetimeMs = HOUR_MS;
    let issued = 0;
    const tokens = () => {
      issued++;
      return create(LoginResponseSchema, {
        accessToken: `access ${issued}`,
        accessExpireTime: timestampFromMs(Date.now() + lifetimeMs),
        refreshToken: `refresh ${issued}`,
        refreshExpireTime: timestampFromMs(Date.now() + 24 * HOUR_MS),
      });
    };
    const transport = createRouterTransport(({ service }) => {
      service(AuthService, {
        login: ({ password }) => {
          if (password !== "right") throw new ConnectError("no", Code.Unauthenticated);
          return tokens();
        },
        refresh: ({ refreshToken }) => {
          refreshed.push(refreshToken);
          return tokens();
        },
        logout: () => ({}),
      });
    });
    session = new Session(createClient(AuthService, transport));
  });

  it("gives its token as long as it is good", async () => {
    await session.login("ana", "right");
    expect(await session.accessToken()).to.equal("access 1");
    expect(await session.accessToken()).to.equal("access 1");
    expect(refreshed).to.deep.equal([]);
  });

  // https://github.com/supabase/supabase-js/issues/1732
  it("exchanges a refresh token once for all who wait", async () => {
    lifetimeMs = 1000;
    await session.login("ana", "right");
    lifetimeMs = HOUR_MS;
    const given = await Promise.all([1, 2, 3].map(() => session.accessToken()));
    expect(given).to.deep.equal(["access 2", "access 2", "access 2"]);
    expect(refreshed).to.deep.equal(["refresh 1"]);
  });

  it("says so where nobody is logged in, never or no longer", async () => {
    const why = async (): Promise<string> => session.accessToken().catch(String);
    expect(await why()).to.contain("nobody is logged in");
    await session.login("ana", "wrong").catch(() => undefined);
    expect(await why()).to.contain("nobody is logged in");
    await session.login("ana", "right");
    await session.logout();
    expect(await why()).to.contain("nobody is logged in");
  });
});
