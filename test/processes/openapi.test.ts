import { expect } from "chai";
import { DocumentClient } from "../support/document-client.js";
import { UpCluster } from "../support/up-cluster.js";

const PASSWORD = "correct horse battery";
const LUNCH = {
  title: "Lunch",
  timed: { startTime: "2026-12-01T13:00:00Z", endTime: "2026-12-01T14:00:00Z" },
  reminders: [{ minutesBefore: 10 }],
};

describe("a client that knows the OpenAPI document alone", function () {
  this.timeout(120_000);
  let cluster: UpCluster;
  let client: DocumentClient;

  before(async () => {
    cluster = await UpCluster.start();
    client = await DocumentClient.open(cluster.ready.api, cluster.ca);
    const ana = { userId: "ana", password: PASSWORD };
    const registered = await client.call("AuthService_Register", {}, ana);
    expect(registered.status).to.equal(200);
    const { body } = await client.call("AuthService_Login", {}, ana);
    client.token = String(body["accessToken"]);
  });
  after(async () => {
    await (cluster as UpCluster | undefined)?.stop();
  });

  it("keeps a calendar", async () => {
    const key = { "Idempotency-Key": "lunch-of-ana" };
    const made = await client.call("EventService_CreateEvent", { calendar: "ana", ...key }, LUNCH);
    expect(made.status).to.equal(200);
    const again = await client.call("EventService_CreateEvent", { calendar: "ana", ...key }, LUNCH);
    expect(again.body["name"]).to.equal(made.body["name"]);
    const event = String(made.body["name"]).split("/").at(-1) ?? "";
    const place = { calendar: "ana", event };
    const etag = String(made.headers["etag"]);

    const same = await client.call("EventService_GetEvent", { ...place, "If-None-Match": etag });
    expect(same.status).to.equal(304);
    const moved = { ...LUNCH, title: "Late lunch" };
    const mask = { ...place, updateMask: "title" };
    const written = await client.call(
      "EventService_UpdateEvent",
      { ...mask, "If-Match": etag },
      moved,
    );
    expect(written.body).to.include({ title: "Late lunch" });
    const stale = await client.call(
      "EventService_UpdateEvent",
      { ...mask, "If-Match": etag },
      moved,
    );
    expect(stale.status).to.equal(412);

    const listed = await client.call("EventService_ListEvents", {
      ...{ calendar: "ana", pageSize: "10", position: String(written.body["position"]) },
      ...{ startTime: "2026-12-01T00:00:00Z", endTime: "2026-12-02T00:00:00Z" },
    });
    expect(listed.body["events"]).to.have.lengthOf(1);
    const deleted = await client.call("EventService_DeleteEvent", place);
    expect(deleted.body).to.have.property("deleteTime");
    const back = await client.call("EventService_UndeleteEvent", place, {});
    expect(back.body).not.to.have.property("deleteTime");
  });

  it("keeps a group and its members", async () => {
    const named = { displayName: "Choir", kind: "GROUP_KIND_PEER" };
    const made = await client.call("GroupService_CreateGroup", { groupId: "choir" }, named);
    expect(made.body["name"]).to.equal("groups/choir");
    const { body } = await client.call("GroupService_ListMembers", { group: "choir" });
    expect(body["members"]).to.have.lengthOf(1);
    const invited = { invitee: "users/ana" };
    const refused = await client.call("GroupService_CreateInvitation", { group: "choir" }, invited);
    expect(refused.status).to.be.within(400, 499);
  });

  it("is refused as the document says", async () => {
    const absent = { calendar: "ana", event: `e${"0".repeat(26)}` };
    const { status, body } = await client.call("EventService_GetEvent", absent);
    expect(status).to.equal(404);
    expect(body).to.have.nested.property("error.status", "NOT_FOUND");
    const stranger = await DocumentClient.open(cluster.ready.api, cluster.ca);
    expect((await stranger.call("UserService_GetUser", { user: "ana" })).status).to.equal(401);
  });

  it("gets from every operation that it may call without a body what the document says", async () => {
    const window = { startTime: "2026-12-01T00:00:00Z", endTime: "2026-12-02T00:00:00Z" };
    const places = { calendar: "ana", user: "ana", group: "choir", pageSize: "5", ...window };
    const reads = client.operations.filter((id) =>
      /_(?:Get|List)(?!Event$|Instances|Agenda|Audit)/u.test(id),
    );
    expect(reads).to.include("UserService_ListSessions");
    for (const id of reads) {
      const { status } = await client.callWith(id, places);
      expect(status, id).to.equal(200);
    }
    const agenda = await client.callWith("AgendaService_ListAgenda", window);
    expect(agenda.status).to.equal(200);
  });
});
