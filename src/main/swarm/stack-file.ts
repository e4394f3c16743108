import { VERSION } from "../version.js";
import { apiName, raftName, SWARM_PORTS } from "./swarm-processes.js";
import type { SwarmDoor, SwarmProcesses } from "./swarm-processes.js";

export interface StackPart {
  /** That one service and what it needs: deployed alone, it leaves the others as they are. */
  readonly only: string | undefined;
  /** Shards that this one, a new node, joins. */
  readonly join: readonly string[];
}

/** The stack of a Swarm, as text: one service a process, so that each has its own disk, certificate and host. */
export function stackFile(
  processes: SwarmProcesses,
  { only, join }: StackPart = { only: undefined, join: [] },
): string {
  const wanted = (name: string): boolean => only === undefined || only === name;
  const nodes = processes.nodes.map(({ name }) => name).filter(wanted);
  const doors = processes.doors.filter(({ name }) => wanted(name));
  const watchers = processes.watchers.filter(wanted);
  const certified = [...nodes, ...doors.map(({ name }) => name)];
  return [
    HEAD,
    "services:",
    ...nodes.map((name) => nodeService(name, join)),
    ...doors.map(doorService),
    ...(watchers.includes("prometheus") ? [PROMETHEUS] : []),
    ...(watchers.includes("grafana") ? [GRAFANA] : []),
    NETWORKS,
    volumes([...nodes, ...watchers]),
    CONFIGS,
    SECRETS,
    ...certified.flatMap(ownSecrets),
    "",
  ].join("\n");
}

/** Configs and secrets never change in a Swarm: another content needs another name, which ends in this variable. */
export const versionVariable = (name: string): string =>
  `${name.toUpperCase().replaceAll("-", "_")}_VERSION`;

const RAFT_SUBNET = "${RAFT_SUBNET:-10.91.1.0/24}";
const API_SUBNET = "${API_SUBNET:-10.91.2.0/24}";
const PUBLIC_SUBNET = "${PUBLIC_SUBNET:-10.91.3.0/24}";
const DIR = "${CABILDO_DIR:-../.cabildo-swarm}";
const PREFIX = "${STACK:-cabildo}";

const HEAD = `# A cluster in a Docker Swarm. Made by \`cabildo swarm stack\`, deployed by \`make swarm-up\`, which prepares
# labels, certificates and the directory that CABILDO_DIR names; docs/OPERATIONS.md says how.
#
# * One service a replica, on the host that bears its label, with a volume of its own: Swarm does not move volumes, and a
#   replica that came back without its disk would have forgotten what it voted.
# * Names come from DNS (dnsrr): the virtual addresses of Swarm forget connections that are silent for 15 minutes.
# * Public ports are those of the hosts (mode: host): behind Swarm's own balancer every client would have one address.
# * Add \`driver_opts: { encrypted: "" }\` to networks between sites if you like; every connection is mutual TLS anyway.
version: "3.8"

x-process: &process
  image: \${CABILDO_IMAGE:-cabildo:${VERSION}}
  read_only: true
  cap_drop: [ALL]
  stop_grace_period: 40s
  logging: &logging
    driver: json-file
    options: { max-size: 50m, max-file: "4" }
  # Whether the process lives; who leads is not asked. Others find its name once it has said so. A host that is merely busy
  # must not kill what runs on it: that costs more than it mends.
  healthcheck:
    test: [CMD, node, /opt/cabildo/dist/program/live.js, "${API_SUBNET}", "${SWARM_PORTS.metrics}", /run/secrets/ca.pem]
    interval: \${HEALTH_INTERVAL:-10s}
    timeout: 20s
    retries: 6

x-deploy: &deploy
  replicas: 1
  endpoint_mode: dnsrr
  restart_policy: { condition: any, delay: 1s }
  # Never two processes on one disk.
  update_config: { parallelism: 1, order: stop-first, failure_action: pause, monitor: 5s }
`;

const placement = (name: string): string =>
  `deploy: { <<: *deploy, placement: { constraints: ["node.labels.cabildo.${name} == true"] } }`;

const secret = (name: string): string =>
  `      - { source: ${name}, target: ${name}, uid: "10001", gid: "10001", mode: 0400 }`;

function nodeService(name: string, join: readonly string[]): string {
  // It reads words up to the next option: this one comes last.
  const joining =
    join.length === 0 ? "" : ["--join", ...join].map((word) => `      - ${word}\n`).join("");
  return `  ${name}:
    <<: *process
    command:
      - node
      - --name=${name}
      - --cluster=/etc/cabildo/cluster.json
      - --certs=/run/secrets
      - --data=/var/lib/cabildo/store
      - --listen=${API_SUBNET}
      - --raft-listen=${RAFT_SUBNET}
${joining}    ${placement(name)}
    networks:
      raft-network: { aliases: [${raftName(name)}] }
      api-network: { aliases: [${apiName(name)}] }
    volumes: ["${name}:/var/lib/cabildo"]
    configs: [{ source: cluster, target: /etc/cabildo/cluster.json }]
    secrets:
${[...["ca.pem"], ...ownFiles(name)].map(secret).join("\n")}
`;
}

function doorService({ name, kind, port, published }: SwarmDoor): string {
  const variable = `${name.toUpperCase().replaceAll("-", "_")}_PORT`;
  const tmpfs = `    # Its library takes the key from a file, for a moment.
    volumes: [{ type: tmpfs, target: /tmp, tmpfs: { size: 1048576 } }]
`;
  return `  ${name}:
    <<: *process
    command:
      - ${kind}
      - --name=${name}
      - --cluster=/etc/cabildo/cluster.json
      - --certs=/run/secrets
      - --host=0.0.0.0
      - --port=${port}
      - --metrics-host=${API_SUBNET}
      - --metrics-port=${SWARM_PORTS.metrics}
    ${placement(name)}
    networks:
      api-network: { aliases: [${apiName(name)}] }
      public-network: {}
    ports: [{ target: ${port}, published: "\${${variable}:-${published}}", mode: host }]
${kind === "fanout" ? tmpfs : ""}    configs: [{ source: cluster, target: /etc/cabildo/cluster.json }]
    secrets:
${["ca.pem", ...ownFiles(name), "server.pem", "server-key.pem"].map(secret).join("\n")}
`;
}

const PROMETHEUS = `  prometheus:
    image: \${PROMETHEUS_IMAGE:-prom/prometheus:v3.5.0}
    command:
      - --config.file=/etc/prometheus/prometheus.yml
      - --storage.tsdb.path=/prometheus
      - --storage.tsdb.retention.time=30d
    deploy:
      <<: *deploy
      replicas: \${PROMETHEUS_REPLICAS:-1}
      placement: { constraints: ["node.labels.cabildo.prometheus == true"] }
    logging: *logging
    networks: [api-network]
    volumes: ["prometheus:/prometheus"]
    configs:
      - { source: prometheus, target: /etc/prometheus/prometheus.yml }
      - { source: alerts, target: /etc/prometheus/alerts.yml }
    secrets: [ca.pem]
`;

const GRAFANA = `  grafana:
    image: \${GRAFANA_IMAGE:-grafana/grafana:12.1.1}
    environment:
      GF_SERVER_PROTOCOL: https
      GF_SERVER_CERT_FILE: /run/secrets/grafana.pem
      GF_SERVER_CERT_KEY: /run/secrets/grafana-key.pem
      GF_SECURITY_ADMIN_PASSWORD__FILE: /run/secrets/grafana-password
    deploy:
      <<: *deploy
      replicas: \${GRAFANA_REPLICAS:-1}
      placement: { constraints: ["node.labels.cabildo.grafana == true"] }
    logging: *logging
    networks: [api-network, public-network]
    ports: [{ target: 3000, published: "\${GRAFANA_PORT:-3000}", mode: host }]
    volumes: ["grafana:/var/lib/grafana"]
    configs:
      - { source: datasource, target: /etc/grafana/provisioning/datasources/prometheus.yml }
      - { source: dashboards, target: /etc/grafana/provisioning/dashboards/cabildo.yml }
      - { source: dashboard, target: /var/lib/grafana/dashboards/cabildo.json }
    secrets: [grafana.pem, grafana-key.pem, grafana-password]
`;

const volumes = (names: readonly string[]): string =>
  names.length === 0 ? "" : ["volumes:", ...names.map((name) => `  ${name}: {}`), ""].join("\n");

const NETWORKS = `networks:
  # Consensus alone: replicas, and nobody else.
  raft-network:
    driver: overlay
    internal: true
    ipam: { config: [{ subnet: "${RAFT_SUBNET}" }] }
  # What is inside: replicas, doors, Prometheus; and the commands of operators, which have a certificate.
  api-network:
    driver: overlay
    internal: true
    attachable: true
    ipam: { config: [{ subnet: "${API_SUBNET}" }] }
  # The doors, and clients that run in the Swarm.
  public-network:
    driver: overlay
    attachable: true
    ipam: { config: [{ subnet: "${PUBLIC_SUBNET}" }] }
`;

const stored = (key: string, file: string, variable: string): string =>
  `  ${key}: { name: "${PREFIX}-${key}-\${${variable}:-1}", file: "${file}" }`;

const CONFIGS = [
  "configs:",
  stored("cluster", `${DIR}/cluster.json`, versionVariable("cluster")),
  stored("prometheus", `${DIR}/prometheus.yml`, versionVariable("prometheus")),
  stored("alerts", "prometheus/alerts.yml", versionVariable("alerts")),
  stored(
    "datasource",
    "grafana/provisioning/datasources/prometheus.yml",
    versionVariable("dashboard"),
  ),
  stored("dashboards", "grafana/provisioning/dashboards/cabildo.yml", versionVariable("dashboard")),
  stored("dashboard", "grafana/cabildo.json", versionVariable("dashboard")),
  "",
].join("\n");

const inCerts = (file: string, variable: string): string =>
  stored(file, `${DIR}/certs/${file}`, variable);

const ownFiles = (name: string): readonly string[] => [`${name}.pem`, `${name}-key.pem`];

const ownSecrets = (name: string): readonly string[] =>
  ownFiles(name).map((file) => inCerts(file, versionVariable(name)));

const SECRETS = [
  "secrets:",
  inCerts("ca.pem", versionVariable("ca")),
  ...["server", "grafana"].flatMap(ownSecrets),
  stored("grafana-password", `${DIR}/grafana-password`, versionVariable("grafana-password")),
].join("\n");
