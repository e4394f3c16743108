import { expect } from "chai";
import { GroupKind, GroupService, MemberRole } from "../../gen/cabildo/v1/groups_pb.js";
import { UserService } from "../../gen/cabildo/v1/users_pb.js";
import { failureOf, GatewayBench } from "./support.js";

const { createGroup, getGroup, addMember, listMembers } = GroupService.method;

describe("groups", function () {
  this.timeout(30_000);
  let bench: GatewayBench;
  let ana: string;
  let nora: string;

  before(async () => {
    bench = await GatewayBench.open();
    ana = (await bench.person("ana")).accessToken;
    nora = (await bench.person("nora")).accessToken;
    await bench.person("zoe");
    const group = { displayName: "Choir", kind: GroupKind.HIERARCHICAL };
    await bench.call(createGroup, { groupId: "choir", group }, ana);
  });

  it("belong to who founds them, and exist for members alone", async () => {
    const group = await bench.call(getGroup, { name: "groups/choir" }, ana);
    expect(group).to.include({
      name: "groups/choir",
      displayName: "Choir",
      kind: GroupKind.HIERARCHICAL,
      calendar: "calendars/choir.group",
    });
    const stranger = await failureOf(bench.call(getGroup, { name: "groups/choir" }, nora));
    const absent = await failureOf(bench.call(getGroup, { name: "groups/other" }, nora));
    expect(stranger).to.include({ code: "not-found" });
    expect(stranger.message.replace("choir", "other")).to.equal(absent.message);
  });

  it("have an id that is not given twice", async () => {
    const again = { groupId: "choir", group: { displayName: "Other" } };
    for (const validateOnly of [false, true]) {
      const call = bench.call(createGroup, { ...again, validateOnly }, nora);
      expect(await failureOf(call)).to.include({ code: "already-exists" });
    }
  });

  it("are of peers unless they say otherwise", async () => {
    const group = await bench.call(createGroup, { groupId: "peers", group: {} }, ana);
    expect(group.kind).to.equal(GroupKind.PEER);
  });

  it("take members whom someone above them adds", async () => {
    const parent = "groups/choir";
    const missing = { parent, member: { user: "users/nobody" } };
    expect(await failureOf(bench.call(addMember, missing, ana))).to.include({ code: "not-found" });
    const checked = { parent, member: { user: "users/nora", rank: 5 }, validateOnly: true };
    await bench.call(addMember, checked, ana);
    expect(await failureOf(bench.call(addMember, checked, nora))).to.include({
      code: "not-found",
    });
    const added = await bench.call(
      addMember,
      { parent, member: { user: "users/nora", role: MemberRole.MEMBER, rank: 5 } },
      ana,
    );
    expect(added).to.include({ name: "groups/choir/members/nora", user: "users/nora", rank: 5 });
    const below = { parent, member: { user: "users/zoe", rank: 1 } };
    for (const validateOnly of [false, true]) {
      const call = bench.call(addMember, { ...below, validateOnly }, nora);
      expect(await failureOf(call)).to.include({ code: "permission-denied" });
    }
    const unnamed = bench.call(addMember, { parent, member: { user: "nora" } }, ana);
    expect((await failureOf(unnamed)).details.violations?.[0]?.field).to.equal("member.user");
  });

  it("list their members page by page", async () => {
    const parent = "groups/choir";
    const first = await bench.call(listMembers, { parent, pageSize: 1 }, nora);
    expect(first.members.map(({ user }) => user)).to.deep.equal(["users/ana"]);
    const { nextPageToken: pageToken } = first;
    const second = await bench.call(listMembers, { parent, pageSize: 1, pageToken }, nora);
    expect(second.members.map(({ user }) => user)).to.deep.equal(["users/nora"]);
    expect(second).to.include({ nextPageToken: "", position: first.position });
    const other = bench.call(listMembers, { parent, pageToken }, ana);
    expect(await failureOf(other)).to.include({ code: "invalid-argument" });
  });

  it("open their channel to members alone", async () => {
    const member = (await bench.gateway.authenticate(nora)).caller;
    await bench.gateway.authorizeChannel(member, "groups/choir");
    const { accessToken } = await bench.person("eve");
    const stranger = (await bench.gateway.authenticate(accessToken)).caller;
    const call = bench.gateway.authorizeChannel(stranger, "groups/choir");
    expect(await failureOf(call)).to.include({ code: "not-found" });
  });

  it("show of other people what they are known by", async () => {
    const seen = await bench.call(UserService.method.getUser, { name: "users/ana" }, nora);
    expect(seen).to.include({ name: "users/ana", email: "", timeZone: "", uid: "", etag: "" });
  });
});
