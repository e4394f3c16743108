#!/bin/sh
# Brings a cluster to the Swarm that this Docker engine manages, and looks after it there:
#
#   swarm.sh up        labels the hosts, deploys, and waits until it serves; a cluster that runs is updated, one process at a time
#   swarm.sh run ...   a command of cabildo, such as `run status`, inside
#   swarm.sh down      stops it; its volumes and its directory stay
#
# SWARM_HOSTS    hosts of the Swarm to run on; all of them if it is not set
# REPLICAS       of every shard: 3, or 5
# PUBLIC_HOSTS   names and addresses by which clients reach the doors, for their certificate
# CABILDO_IMAGE  cabildo:VERSION; hosts that did not build it need one that they can pull
# CABILDO_DIR    certificates, keys and cluster file: whoever has it is the operator
# STACK          name of the stack
# Further variables are those of stack.yml: ports, subnets, images of Prometheus and Grafana.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
version=$(sed -n 's/^  "version": "\(.*\)",$/\1/p' "$here/../package.json" 2>/dev/null || true)
export CABILDO_IMAGE="${CABILDO_IMAGE:-cabildo:$version}" STACK="${STACK:-cabildo}"
export CABILDO_DIR="${CABILDO_DIR:-$(dirname "$here")/.cabildo-swarm}"
REPLICAS=${REPLICAS:-3}
WAIT_SECONDS=${WAIT_SECONDS:-300}
# Digests are asked of a registry, unless the image is on this host alone.
RESOLVE_IMAGE=${RESOLVE_IMAGE:-always}
data=/var/lib/cabildo/.cabildo

say() { echo "swarm: $*" >&2; }

# A command in a container of the image that sees the cluster's directory.
in_image() {
  docker run --rm --user "$(id -u):$(id -g)" --env CABILDO_CONFIG=$data/context.json \
    --volume "$CABILDO_DIR:$data" "$@"
}
on_api_network() { in_image --network "${STACK}_api-network" "$CABILDO_IMAGE" "$@"; }

# Configs and secrets of a Swarm never change: their names end in a digest of what is in them.
digest() { cat "$@" | sha256sum | cut -c1-8; }
export_versions() {
  CLUSTER_VERSION=$(digest "$CABILDO_DIR/cluster.json")
  PROMETHEUS_VERSION=$(digest "$CABILDO_DIR/prometheus.yml")
  ALERTS_VERSION=$(digest "$here/prometheus/alerts.yml")
  GRAFANA_VERSION=$(digest "$here"/grafana/cabildo.json "$here"/grafana/provisioning/*/*.yml "$CABILDO_DIR/grafana-password")
  CA_VERSION=$(digest "$CABILDO_DIR/certs/ca.pem")
  export CLUSTER_VERSION PROMETHEUS_VERSION ALERTS_VERSION GRAFANA_VERSION CA_VERSION
  for key in "$CABILDO_DIR"/certs/*-key.pem; do
    name=$(basename "$key" -key.pem)
    [ "$name" = ca ] && continue
    variable=$(echo "$name" | tr 'a-z-' 'A-Z_')_VERSION
    export "$variable=$(digest "$CABILDO_DIR/certs/$name.pem" "$key")"
  done
}

deploy() { docker stack deploy --resolve-image "$RESOLVE_IMAGE" --compose-file "$1" "$STACK"; }

# A process keeps the host that it has: its disk does not move with it.
label() {
  hosts=${SWARM_HOSTS:-$(docker node ls --format '{{.Hostname}}')}
  # shellcheck disable=SC2086
  docker run --rm "$CABILDO_IMAGE" swarm place --replicas "$REPLICAS" --hosts $hosts |
    while read -r host process; do
      held=$(docker node ls --quiet --filter "node.label=cabildo.$process=true")
      [ -n "$held" ] || docker node update --label-add "cabildo.$process=true" "$host" >/dev/null
    done
}

up() {
  [ "$(docker info --format '{{.Swarm.ControlAvailable}}')" = true ] || {
    say "this engine manages no Swarm: docker swarm init, or docker swarm join, first"
    exit 1
  }
  mkdir -p "$CABILDO_DIR"
  # shellcheck disable=SC2086
  in_image "$CABILDO_IMAGE" swarm plan --data $data --replicas "$REPLICAS" \
    ${PUBLIC_HOSTS:+--public-host $PUBLIC_HOSTS} >/dev/null
  export_versions
  label
  if [ -n "$(docker stack services --quiet "$STACK" 2>/dev/null)" ]; then
    say "it runs: one process after the other"
    roll
  else
    say "deploying"
    case $REPLICAS in 5) deploy "$here/stack.five.yml" ;; *) deploy "$here/stack.yml" ;; esac
  fi
  say "waiting until every shard is led and every replica has caught up"
  on_api_network status --wait "$WAIT_SECONDS"
}

# Replicas by `cabildo rollout`, which hands over what one leads and waits until it is back; then what is in front of them. It
# speaks to the nodes inside, and with Docker outside.
roll() {
  socket=${DOCKER_HOST:-unix:///var/run/docker.sock}
  from_inside() {
    # Its own user may not use Docker's socket.
    docker run --rm --user 0:0 --network "${STACK}_api-network" --volume "$CABILDO_DIR:$data:ro" \
      --volume "${socket#unix://}:/var/run/docker.sock" --volume "$here:/deploy:ro" \
      --volume "$(command -v docker):/usr/local/bin/docker:ro" --env CABILDO_DIR=$data \
      --env-file "$1" --workdir /var/lib/cabildo --entrypoint sh "$CABILDO_IMAGE" -euc "$2"
  }
  settings=$(mktemp)
  trap 'rm -f "$settings"' EXIT
  env | grep -E '^[A-Z0-9_]+_(VERSION|PORT|SUBNET|IMAGE|REPLICAS)=|^(STACK|REPLICAS|RESOLVE_IMAGE)=' >"$settings"
  echo "REPLICAS=$REPLICAS" >>"$settings"
  echo "RESOLVE_IMAGE=$RESOLVE_IMAGE" >>"$settings"
  from_inside "$settings" "
    cabildo rollout --exec 'sh /deploy/swarm.sh service {}'
    for name in coordinator-1 fanout-1 coordinator-2 fanout-2 prometheus grafana; do
      echo \"swarm: \$name\" >&2
      sh /deploy/swarm.sh service \$name
    done"
}

# Inside: one service as the stack has it now. Returns when its process lives: an update without a change waits for that. Swarm
# refuses it while it notes down what it does itself.
service() {
  cd "$here"
  cabildo swarm stack --replicas "$REPLICAS" --only "$1" |
    docker stack deploy --resolve-image "$RESOLVE_IMAGE" --compose-file - "$STACK" >&2
  tries=0
  until docker service update --quiet --detach=false "${STACK}_$1" >&2; do
    tries=$((tries + 1))
    [ "$tries" -lt 10 ] || exit 1
    sleep 1
  done
}

down() {
  docker stack rm "$STACK"
  say "waiting until its processes have ended"
  while [ -n "$(docker ps --all --quiet --filter "label=com.docker.stack.namespace=$STACK")" ]; do sleep 1; done
  while docker network inspect "${STACK}_api-network" >/dev/null 2>&1; do sleep 1; done
  say "its volumes and $CABILDO_DIR stay; swarm.sh up starts it again"
}

case ${1:-} in
  up) up ;;
  down) down ;;
  run) shift; on_api_network "$@" ;;
  service) service "$2" ;;
  *) sed -n '2,/^set -eu/s/^# \{0,1\}//p' "$0" >&2; exit 2 ;;
esac
