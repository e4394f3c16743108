import { execFileSync } from "node:child_process";
import { expect } from "chai";
import { DAY_MS, eventContent, eventId, NOW_MS } from "../support/agenda.js";
import { AgendaCluster } from "../support/agenda-cluster.js";

const ID = eventId(1);
const made = { kind: "create-event", event: ID, content: eventContent() } as const;

function answer(user: string, response: "accepted" | "declined") {
  return { kind: "respond-event", calendar: user, event: ID, response, comment: "" } as const;
}

/** What went wrong in other distributed agendas. */
describe("a distributed agenda", () => {
  let cluster: AgendaCluster;

  beforeEach(() => {
    cluster = new AgendaCluster();
    cluster.nowMs = NOW_MS;
    cluster.found("choir", "peer", { ana: 100, bea: 10, zoe: 10 });
  });

  it("keeps two events of one owner, group, time and title apart (github.com/LiaLopezRosales/Agenda_Distribuida)", () => {
    cluster.calendar("ana", { ...made, calendar: "choir.group" });
    cluster.calendar("ana", { ...made, calendar: "choir.group", event: eventId(2) });
    cluster.carry();
    expect(cluster.event("zoe", ID)?.title).equals(cluster.event("zoe", eventId(2))?.title);
  });

  it("looks for conflicts of group events too (github.com/LiaLopezRosales/Agenda_Distribuida)", () => {
    const content = {
      displayName: "",
      timeZone: "",
      conflictPolicy: "reject",
      public: false,
    } as const;
    const fields = ["conflictPolicy"] as const;
    cluster.calendar("ana", {
      kind: "update-calendar",
      calendar: "ana",
      content,
      fields,
      etag: "",
    });
    cluster.calendar("ana", { ...made, calendar: "ana", event: eventId(2) });
    cluster.refused("ana", { ...made, calendar: "ana", group: "choir" }, "failed-precondition");
  });

  it("lets an answer be changed (github.com/LiaLopezRosales/Agenda_Distribuida)", () => {
    cluster.calendar("ana", { ...made, calendar: "choir.group" });
    cluster.carry();
    for (const response of ["declined", "accepted"] as const) {
      for (const user of ["bea", "zoe"]) cluster.calendar(user, answer(user, response));
      cluster.carry();
    }
    expect(cluster.event("zoe", ID)?.state).equals("confirmed");
  });

  it("takes its times from the log (github.com/LiaLopezRosales/Agenda_Distribuida)", () => {
    cluster.nowMs = NOW_MS + DAY_MS;
    cluster.calendar("bea", { ...made, calendar: "bea" });
    expect(cluster.event("bea", ID)).to.include({ createTimeMs: NOW_MS + DAY_MS });
  });

  it("counts those who were asked, not who is a member by now (github.com/gaboCiber/Agenda_Distribuida)", () => {
    cluster.calendar("ana", { ...made, calendar: "choir.group" });
    cluster.group("ana", {
      kind: "add-member",
      group: "choir",
      user: "eve",
      role: "member",
      rank: 1,
    });
    cluster.carry();
    for (const user of ["bea", "zoe"]) cluster.calendar(user, answer(user, "accepted"));
    cluster.carry();
    expect(cluster.event("ana", ID)?.state).equals("confirmed");
  });

  it("loses no acceptance that crosses another, and stands once all accepted (github.com/aka-cs/distributed-agenda)", () => {
    cluster.calendar("ana", { ...made, calendar: "choir.group" });
    cluster.carry();
    cluster.calendar("bea", answer("bea", "accepted"));
    cluster.calendar("zoe", answer("zoe", "accepted"));
    expect(cluster.event("choir.group", ID, "ana")?.state).equals("pending");
    cluster.carry();
    expect(cluster.event("choir.group", ID, "ana")?.state).equals("confirmed");
  });

  it("keeps an event that someone declined, as rejected (github.com/aka-cs/distributed-agenda)", () => {
    cluster.calendar("ana", { ...made, calendar: "choir.group" });
    cluster.carry();
    cluster.calendar("bea", answer("bea", "declined"));
    cluster.carry();
    expect(cluster.event("zoe", ID)?.state).equals("rejected");
  });

  it("names and changes the same in every process (github.com/karendcl/Distributed-Agenda)", () => {
    const here = told({ TZ: "UTC", LANG: "C" });
    expect(JSON.parse(here)).to.have.length.above(3);
    expect(told({ TZ: "Asia/Tokyo", LANG: "es_ES.UTF-8" })).to.equal(here);
  });
});

/** The changes of all shards, as a process of its own comes to them. */
function told(env: Readonly<Record<string, string>>): string {
  const agendaCluster = new URL("../support/agenda-cluster.js", import.meta.url).href;
  const script = `
    import { AgendaCluster } from ${JSON.stringify(agendaCluster)};
    const cluster = new AgendaCluster();
    cluster.nowMs = ${NOW_MS};
    cluster.found("choir", "peer", { ana: 100, bea: 10, zoe: 10 });
    cluster.calendar("ana", ${JSON.stringify({ ...made, calendar: "choir.group" })});
    cluster.carry();
    cluster.calendar("bea", ${JSON.stringify(answer("bea", "accepted"))});
    cluster.carry();
    console.log(JSON.stringify([...cluster.shards.values()].flatMap(({ memory }) => memory.changes)));
  `;
  const flags = ["--import", "tsx/esm", "--input-type=module", "--eval", script];
  return execFileSync(process.execPath, flags, {
    encoding: "utf8",
    env: { ...process.env, ...env },
  });
}
