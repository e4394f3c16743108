import { runningCluster } from "../support/running-cluster.js";
import { badInput } from "./operations/bad-input.js";
import { invitationsBetweenShards } from "./operations/invitations.js";
import { noClearText } from "./operations/no-clear-text.js";
import { operatorAtTheCommandLine } from "./operations/operator.js";
import { deliveryBetweenShards } from "./operations/outbox.js";
import { remindersWhileLeadersDie } from "./operations/reminders.js";
import { rightsInside } from "./operations/rights-inside.js";
import { rightsThatEnd } from "./operations/rights-that-end.js";

describe("a cluster that goes on running", () => {
  const cluster = runningCluster();
  badInput(cluster);
  noClearText(cluster);
  operatorAtTheCommandLine(cluster);
  deliveryBetweenShards(cluster);
  invitationsBetweenShards(cluster);
  remindersWhileLeadersDie(cluster);
  rightsInside(cluster);
  rightsThatEnd(cluster);
});
