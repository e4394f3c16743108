import { expect } from "chai";
import { DocumentClient } from "../../support/document-client.js";
import type { UpCluster } from "../../support/up-cluster.js";

const PASSWORD = "correct horse battery";
const LUNCH = {
  title: "Lunch",
  timed: { startTime: "2026-12-01T13:00:00Z", endTime: "2026-12-01T14:00:00Z" },
  reminders: [{ minutesBefore: 10 }],
};

export function documentAlone(running: () => UpCluster): void {
  describe("a client that knows the OpenAPI document alone", function () {
    this.timeout(120_000);
    let cluster: UpCluster;
    let client: DocumentClient;

    before(async () => {
      cluster = running();
      client = await DocumentClient.open(cluster.ready.api, cluster.ca);
      const aida = { userId: "aida", password: PASSWORD };
      const registered = await client.call("AuthService_Register", {}, aida);
      expect(registered.status).to.equal(200);
      const { body } = await client.call("AuthService_Login", {}, aida);
      client.token = String(body["accessToken"]);
    });

    it("keeps a calendar", async () => {
      const key = { "Idempotency-Key": "lunch-of-aida" };
      const made = await client.call(
        "EventService_CreateEvent",
        { calendar: "aida", ...key },
        LUNCH,
      );
      expect(made.status).to.equal(200);
      const again = await client.call(
        "EventService_CreateEvent",
        { calendar: "aida", ...key },
        LUNCH,
      );
      expect(again.body["name"]).to.equal(made.body["name"]);
      const event = String(made.body["name"]).split("/").at(-1) ?? "";
      const place = { calendar: "aida", event };
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
        ...{ calendar: "aida", pageSize: "10", position: String(written.body["position"]) },
        ...{ startTime: "2026-12-01T00:00:00Z", endTime: "2026-12-02T00:00:00Z" },
      });
      expect(listed.body["events"]).to.have.lengthOf(1);
      const deleted = await client.call("EventService_DeleteEvent", place);
      expect(deleted.body).to.have.property("deleteTime");
      const back = await client.call("EventService_UndeleteEvent", place, {});
      expect(back.body).not.to.have.property("deleteTime");
    });

    it("keeps a group and its members", async () => {
      const named = { displayName: "Orchestra", kind: "GROUP_KIND_PEER" };
      const made = await client.call("GroupService_CreateGroup", { groupId: "orchestra" }, named);
      expect(made.body["name"]).to.equal("groups/orchestra");
      const { body } = await client.call("GroupService_ListMembers", { group: "orchestra" });
      expect(body["members"]).to.have.lengthOf(1);
      const invited = { invitee: "users/aida" };
      const refused = await client.call(
        "GroupService_CreateInvitation",
        { group: "orchestra" },
        invited,
      );
      expect(refused.status).to.be.within(400, 499);
    });

    it("is refused as the document says", async () => {
      const absent = { calendar: "aida", event: `e${"0".repeat(26)}` };
      const { status, body } = await client.call("EventService_GetEvent", absent);
      expect(status).to.equal(404);
      expect(body).to.have.nested.property("error.status", "NOT_FOUND");
      const stranger = await DocumentClient.open(cluster.ready.api, cluster.ca);
      expect((await stranger.call("UserService_GetUser", { user: "aida" })).status).to.equal(401);
    });

    it("gets from every operation that it may call without a body what the document says", async () => {
      const window = { startTime: "2026-12-01T00:00:00Z", endTime: "2026-12-02T00:00:00Z" };
      const places = {
        calendar: "aida",
        user: "aida",
        group: "orchestra",
        pageSize: "5",
        ...window,
      };
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
}
