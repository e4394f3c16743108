import { Code, ConnectError } from "@connectrpc/connect";
import { createCabildo } from "cabildo/client";
import type { Cabildo, LiveState } from "cabildo/client";

/** What the server of the page says of its cluster. */
export interface Town {
  readonly api: readonly [string, ...string[]];
  readonly live: readonly [string, ...string[]];
  readonly password: string;
}

export interface Person {
  readonly id: string;
  readonly name: string;
  readonly cabildo: Cabildo;
}

export const GROUP = "demo-peers";

/** Ana's agenda is in events-am, Nora's in events-nz: the names decide. */
export async function enterTown(
  town: Town,
  onState: (state: LiveState) => void,
): Promise<{ readonly ana: Person; readonly nora: Person }> {
  const ana = await enter(town, "ana-demo", "Ana", onState);
  const nora = await enter(town, "nora-demo", "Nora", onState);
  const { groups } = ana.cabildo;
  await unlessThere(groups.createGroup({ groupId: GROUP, group: { displayName: "Peers" } }));
  const member = { user: `users/${nora.id}`, rank: 1 };
  await unlessThere(groups.addMember({ parent: `groups/${GROUP}`, member }));
  return { ana, nora };
}

async function enter(
  { api, live, password }: Town,
  id: string,
  name: string,
  onLiveState: (state: LiveState) => void,
): Promise<Person> {
  const cabildo = createCabildo({ api, live, onLiveState });
  const timeZone = Intl.DateTimeFormat().resolvedOptions().timeZone;
  await unlessThere(cabildo.auth.register({ userId: id, password, displayName: name, timeZone }));
  await cabildo.session.login(id, password, "demo");
  return { id, name, cabildo };
}

async function unlessThere(call: Promise<unknown>): Promise<void> {
  try {
    await call;
  } catch (error) {
    if (ConnectError.from(error).code !== Code.AlreadyExists) throw error;
  }
}
