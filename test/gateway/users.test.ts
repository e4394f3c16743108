import { expect } from "chai";
import { AuthService } from "../../gen/cabildo/v1/auth_pb.js";
import { EventService, Visibility } from "../../gen/cabildo/v1/events_pb.js";
import { GroupService } from "../../gen/cabildo/v1/groups_pb.js";
import { UserService } from "../../gen/cabildo/v1/users_pb.js";
import { BOOTSTRAP, failureOf, GatewayBench, PASSWORD } from "./support.js";

const { method } = UserService;
const { register, login } = AuthService.method;

describe("users", function () {
  this.timeout(30_000);
  let bench: GatewayBench;
  let ana: string;
  let admin: string;

  beforeEach(async () => {
    bench = await GatewayBench.open();
    ana = (await bench.person("ana")).accessToken;
    await bench.call(register, {
      userId: "root",
      password: PASSWORD,
      bootstrapCredential: BOOTSTRAP,
    });
    admin = (await bench.call(login, { userId: "root", password: PASSWORD })).accessToken;
  });

  it("are proposed an id where theirs cannot be one", async () => {
    const proposed = async (asked: { userId: string; email?: string; displayName?: string }) => {
      const failure = await failureOf(bench.call(register, { ...asked, password: PASSWORD }));
      expect(failure).to.include({ code: "invalid-argument" });
      return / such as (.*)$/u.exec(failure.message)?.[1] ?? "";
    };
    expect(await proposed({ userId: "Ángela Pérez" })).equals("angela-perez");
    const email = "Angeliki.P@example.org";
    expect(await proposed({ userId: "Αγγελική", email })).equals("angeliki-p");
    expect(await proposed({ userId: "张伟", displayName: "Zhang Wei 张伟" })).equals("zhang-wei");
    const made = await proposed({ userId: "42", email: "7@example.org" });
    expect(made).match(/^user-[0-9a-f]{6}$/);
    expect(await proposed({ userId: "43" })).not.equals(made);
    const user = await bench.call(register, { userId: made, password: PASSWORD });
    expect(user.name).equals(`users/${made}`);
  });

  it("write the fields that a mask names, those that are set without one", async () => {
    const name = "users/ana";
    const user = { name, displayName: "Ana", timeZone: "America/Havana" };
    const updated = await bench.call(method.updateUser, { user }, ana);
    expect(updated).to.include({ displayName: "Ana", timeZone: "America/Havana" });
    const masked = await bench.call(
      method.updateUser,
      {
        user: { name, defaultVisibility: Visibility.PRIVATE, displayName: "not this" },
        updateMask: { paths: ["default_visibility", "time_zone"] },
      },
      ana,
    );
    expect(masked).to.include({
      displayName: "Ana",
      timeZone: "UTC",
      defaultVisibility: Visibility.PRIVATE,
    });
    for (const path of ["password", "working_hours.weekday"]) {
      const call = bench.call(method.updateUser, { user, updateMask: { paths: [path] } }, ana);
      expect(await failureOf(call)).to.include({ code: "invalid-argument" });
    }
  });

  it("have an address of e-mail or none", async () => {
    const change = (email: string) =>
      bench.call(
        method.updateUser,
        { user: { name: "users/ana", email }, updateMask: { paths: ["email"] } },
        ana,
      );
    expect(await failureOf(change("at home"))).to.include({ code: "invalid-argument" });
    expect((await change("ana@example.org")).email).to.equal("ana@example.org");
    expect((await change("")).email).to.equal("");
  });

  it("change nothing where they only ask whether they could", async () => {
    const user = { name: "users/ana", displayName: "Ana" };
    const shown = await bench.call(method.updateUser, { user, validateOnly: true }, ana);
    expect(shown.displayName).to.equal("Ana");
    const found = await bench.call(method.getUser, { name: "users/ana" }, ana);
    expect(found.displayName).to.equal("");
  });

  it("find those whom they can name, or share a group with", async () => {
    const nora = (await bench.person("nora")).accessToken;
    await bench.call(GroupService.method.createGroup, { groupId: "choir", group: {} }, ana);
    const member = { user: "users/nora" };
    await bench.call(GroupService.method.addMember, { parent: "groups/choir", member }, ana);
    const byId = await bench.call(method.findUsers, { userId: "ana" }, nora);
    expect(byId.users.map(({ name }) => name)).to.deep.equal(["users/ana"]);
    const byGroup = await bench.call(method.findUsers, { group: "groups/choir" }, nora);
    expect(byGroup.users.map(({ name }) => name)).to.deep.equal(["users/ana", "users/nora"]);
    const nobody = await bench.call(method.findUsers, { userId: "an" }, nora);
    expect(nobody.users).to.deep.equal([]);
    const stranger = bench.call(method.findUsers, { group: "groups/choir" }, admin);
    expect(await failureOf(stranger)).to.include({ code: "not-found" });
    expect(await failureOf(bench.call(method.findUsers, {}, nora))).to.include({
      code: "invalid-argument",
    });
  });

  it("say once how their events are seen that say nothing", async () => {
    const nora = (await bench.person("nora")).accessToken;
    const { name } = await bench.createEvent(ana, "ana");
    const get = () => bench.call(EventService.method.getEvent, { name }, nora);
    expect(await failureOf(get())).to.include({ code: "not-found" });
    const user = { name: "users/ana", defaultVisibility: Visibility.PUBLIC };
    await bench.call(method.updateUser, { user }, ana);
    expect((await get()).title).to.equal("Council");
  });

  it("are out at once when an administrator disables them", async () => {
    const call = bench.call(method.disableUser, { name: "users/ana" }, ana);
    expect(await failureOf(call)).to.include({ code: "permission-denied" });
    await bench.call(method.disableUser, { name: "users/ana" }, admin);
    const again = bench.call(login, { userId: "ana", password: PASSWORD });
    expect(await failureOf(again)).to.include({ code: "unauthenticated" });
    await bench.call(method.enableUser, { name: "users/ana" }, admin);
    await bench.call(login, { userId: "ana", password: PASSWORD });
  });

  it("see and end their sessions", async () => {
    const second = await bench.call(login, { userId: "ana", password: PASSWORD, client: "phone" });
    const list = async () =>
      (await bench.call(method.listSessions, { parent: "users/ana" }, ana)).sessions;
    expect((await list()).map(({ client }) => client)).to.have.members(["", "phone"]);
    await bench.call(method.revokeSession, { name: second.session }, ana);
    expect((await list()).map(({ client }) => client)).to.deep.equal([""]);
    const dead = bench.call(method.getUser, { name: "users/ana" }, second.accessToken);
    expect(await failureOf(dead)).to.include({ code: "unauthenticated" });
  });

  it("delete themselves, and come back by an administrator's hand", async () => {
    const deleted = await bench.call(method.deleteUser, { name: "users/ana" }, ana);
    expect(deleted.purgeTime).to.not.equal(undefined);
    const gone = bench.call(method.getUser, { name: "users/ana" }, ana);
    expect(await failureOf(gone)).to.include({ code: "unauthenticated" });
    const back = await bench.call(method.undeleteUser, { name: "users/ana" }, admin);
    expect(back.deleteTime).to.equal(undefined);
    await bench.call(login, { userId: "ana", password: PASSWORD });
  });
});
