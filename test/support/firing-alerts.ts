import { readFileSync } from "node:fs";
import { join } from "node:path";
import { repositoryRoot } from "./up-cluster.js";

const RULE = /- alert: (\S+)\n +expr: max by \(shard\) \((\w+)\) (==|>) (\d+)\n/gu;

/** Of the alerts that compare one gauge by shard with a number: whose condition holds for what a process answers on /metrics. */
export function firingAlerts(metrics: string): readonly string[] {
  const rules = readFileSync(join(repositoryRoot(), "deploy/prometheus/alerts.yml"), "utf8");
  return [...rules.matchAll(RULE)].flatMap(([, name = "", metric = "", comparison, than]) => {
    const values = [...metrics.matchAll(new RegExp(`^${metric}\\{.*\\} (\\S+)$`, "gmu"))];
    const holds = values.some(([, value]) =>
      comparison === ">" ? Number(value) > Number(than) : Number(value) === Number(than),
    );
    return holds ? [name] : [];
  });
}
