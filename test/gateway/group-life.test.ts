import { expect } from "chai";
import { AuthService } from "../../gen/cabildo/v1/auth_pb.js";
import {
  GroupKind,
  GroupService,
  InvitationState,
  MemberRole,
} from "../../gen/cabildo/v1/groups_pb.js";
import { failureOf, GatewayBench, PASSWORD } from "./support.js";

const { method } = GroupService;
const name = "groups/choir";

describe("a group, over its life,", function () {
  this.timeout(30_000);
  let bench: GatewayBench;
  let ana: string;
  let nora: string;

  beforeEach(async () => {
    bench = await GatewayBench.open();
    ana = (await bench.person("ana")).accessToken;
    nora = (await bench.person("nora")).accessToken;
    const group = { displayName: "Choir", kind: GroupKind.HIERARCHICAL };
    await bench.call(method.createGroup, { groupId: "choir", group }, ana);
  });

  const join = async (rank = 10): Promise<void> => {
    const invitation = { invitee: "users/nora", rank };
    const made = await bench.call(method.createInvitation, { parent: name, invitation }, ana);
    await bench.call(method.acceptInvitation, { name: made.name }, nora);
  };

  it("gets members by invitation", async () => {
    const invitation = { invitee: "users/nora", rank: 10, role: MemberRole.DEPUTY };
    const made = await bench.call(method.createInvitation, { parent: name, invitation }, ana);
    expect(made).to.include({ invitee: "users/nora", inviter: "users/ana", rank: 10 });
    expect(made.state).to.equal(InvitationState.PENDING);
    const accepted = await bench.call(method.acceptInvitation, { name: made.name }, nora);
    expect(accepted.state).to.equal(InvitationState.ACCEPTED);
    const { groups } = await bench.call(method.listGroups, {}, nora);
    expect(groups.map((group) => group.name)).to.deep.equal([name]);
    const { members } = await bench.call(method.listMembers, { parent: name }, nora);
    expect(members.map((member) => [member.user, member.rank])).to.deep.equal([
      ["users/ana", 100],
      ["users/nora", 10],
    ]);
  });

  it("shows an invitation as expired once its time has passed", async () => {
    const invitation = { invitee: "users/nora" };
    const made = await bench.call(method.createInvitation, { parent: name, invitation }, ana);
    // A session outlives neither.
    bench.clock.aheadMs += 15 * 86_400_000;
    const login = { userId: "ana", password: PASSWORD };
    const again = (await bench.call(AuthService.method.login, login)).accessToken;
    const { invitations } = await bench.call(method.listInvitations, { parent: name }, again);
    expect(invitations.map((each) => [each.name, each.state])).to.deep.equal([
      [made.name, InvitationState.EXPIRED],
    ]);
  });

  it("changes what a mask names", async () => {
    const group = { name, displayName: "Chorus" };
    const updated = await bench.call(method.updateGroup, { group }, ana);
    expect(updated.displayName).to.equal("Chorus");
    const stale = bench.call(method.updateGroup, { group: { ...group, etag: '"r1"' } }, ana);
    expect(await failureOf(stale)).to.include({ code: "stale-etag" });
    await join();
    const below = bench.call(method.updateGroup, { group, validateOnly: true }, nora);
    expect(await failureOf(below)).to.include({ code: "permission-denied" });
  });

  it("has its members in the groups below", async () => {
    await join();
    const group = { parentGroup: name };
    await bench.call(method.createGroup, { groupId: "altos", group }, ana);
    const { members } = await bench.call(method.listMembers, { parent: "groups/altos" }, nora);
    expect(members.map((member) => [member.name, member.inherited])).to.deep.equal([
      ["groups/altos/members/ana", false],
      ["groups/altos/members/nora", true],
    ]);
  });

  it("is left, handed on and deleted", async () => {
    await join();
    const member = { name: `${name}/members/nora`, rank: 20 };
    const raised = await bench.call(method.updateMember, { member }, ana);
    expect(raised.rank).to.equal(20);
    await bench.call(method.transferLeadership, { name, successor: "users/nora" }, ana);
    const denied = bench.call(method.deleteGroup, { name }, ana);
    expect(await failureOf(denied)).to.include({ code: "permission-denied" });
    const deleted = await bench.call(method.deleteGroup, { name }, nora);
    expect(deleted.purgeTime).to.not.equal(undefined);
    await bench.call(method.undeleteGroup, { name }, nora);
    await bench.call(method.removeMember, { name: `${name}/members/ana` }, nora);
    const outside = bench.call(method.getGroup, { name }, ana);
    expect(await failureOf(outside)).to.include({ code: "not-found" });
    await bench.call(method.leaveGroup, { name }, nora);
    expect((await bench.call(method.listGroups, {}, nora)).groups).to.deep.equal([]);
  });
});
