import { readFileSync } from "node:fs";
import { join } from "node:path";
import { repositoryRoot } from "./up-cluster.js";

/** Where people look: whatever stands here must be told by some process. */
const WATCHED = ["deploy/prometheus/alerts.yml", "deploy/grafana/cabildo.json"];
const METRIC = /\b(?:cabildo|grpc_server|process|nodejs)_[a-z0-9_]+/gu;
const SERIES_OF_A_HISTOGRAM = /_(?:bucket|sum|count)$/u;

/** Names of the metrics that the alert rules and the dashboard use. */
export function watchedMetrics(): readonly string[] {
  const texts = WATCHED.map((file) => readFileSync(join(repositoryRoot(), file), "utf8"));
  const names = texts.flatMap((text) => text.match(METRIC) ?? []);
  return [...new Set(names.map((name) => name.replace(SERIES_OF_A_HISTOGRAM, "")))].sort();
}

/** Names of the metrics in what a process answers on /metrics. */
export function toldMetrics(text: string): readonly string[] {
  return [...text.matchAll(/^# TYPE (\S+) /gmu)].map(([, name = ""]) => name);
}

/** Upper bounds of a histogram's buckets in what a process answers on /metrics. */
export function toldBounds(text: string, metric: string): readonly string[] {
  const lines = text.split("\n").filter((line) => line.startsWith(`${metric}_bucket{`));
  return lines.map((line) => /le="([^"]+)"/u.exec(line)?.[1] ?? "");
}
