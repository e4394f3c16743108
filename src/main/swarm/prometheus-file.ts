import { apiName, SWARM_PORTS } from "./swarm-processes.js";

/** What Prometheus asks in a Swarm: the metrics of every process, under its own name. */
export function prometheusFile(names: readonly string[]): string {
  const targets = names.map((name) => `          - ${apiName(name)}:${SWARM_PORTS.metrics}`);
  return `global: { scrape_interval: 10s, evaluation_interval: 10s }
rule_files: [/etc/prometheus/alerts.yml]
scrape_configs:
  - job_name: cabildo
    scheme: https
    tls_config: { ca_file: /run/secrets/ca.pem }
    static_configs:
      - targets:
${targets.join("\n")}
    relabel_configs:
      - { source_labels: [__address__], regex: "([^.]+).*", target_label: instance }
`;
}
