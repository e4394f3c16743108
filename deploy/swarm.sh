#!/bin/sh
# Brings a cluster to the Swarm that this Docker engine manages, and looks after it there:
#
#   swarm.sh up        labels the hosts, deploys, and waits until it serves; a cluster that runs is updated, one process at a time
#   swarm.sh run ...   a command of cabildo inside, such as `run status`; files are those of the directory where it is called
#   swarm.sh replace OLD NEW [HOST]
#                      a node NEW, with an empty disk, in the place of OLD, whose disk is lost; on its host, or another one
#   swarm.sh down      stops it; its volumes and its directory stay
#
# SWARM_HOSTS    hosts of the Swarm to run on; all of them if it is not set
# REPLICAS       of every shard of a new cluster: 3, or 5
# PUBLIC_HOSTS   names and addresses by which clients reach the doors, for their certificate
# CABILDO_IMAGE  cabildo:VERSION; hosts that did not build it need one that they can pull
# CABILDO_DIR    certificates, keys and cluster file: whoever has it is the operator
# STACK          name of the stack
# Further variables are those of stack.yml: ports, subnets, images of Prometheus and Grafana.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
version=$(sed -n 's/^  "version": "\(.*\)",$/\1/p' "$here/../package.json" 2>/dev/null || true)
export CABILDO_IMAGE="${CABILDO_IMAGE:-cabildo:$version}" STACK="${STACK:-cabildo}"
CABILDO_DIR=${CABILDO_DIR:-$(dirname "$here")/.cabildo-swarm}
# Docker takes a relative one for the name of a volume.
case $CABILDO_DIR in /*) ;; *) CABILDO_DIR=$PWD/$CABILDO_DIR ;; esac
export CABILDO_DIR
WAIT_SECONDS=${WAIT_SECONDS:-300}
# Digests are asked of a registry, unless the image is on this host alone.
RESOLVE_IMAGE=${RESOLVE_IMAGE:-always}
# Where whoever calls may go: what is below /var/lib/cabildo is the processes' own.
data=/srv/cabildo

say() { echo "swarm: $*" >&2; }

# A command in a container of the image, that sees the cluster's directory and is the caller's, as is what it writes.
in_image() {
  docker run --rm --init --read-only --user "$(id -u):$(id -g)" --env CABILDO_DIR=$data \
    --env CABILDO_CONFIG=$data/context.json --env NO_COLOR --volume "$CABILDO_DIR:$data" "$@"
}
on_api_network() { in_image --network "${STACK}_api-network" "$CABILDO_IMAGE" "$@"; }
# What asks nobody. In a container of the image the program is there.
offline() { if [ -n "${INSIDE:-}" ]; then cabildo "$@"; else in_image "$CABILDO_IMAGE" "$@"; fi; }

# The same where the caller stands, and with the caller's terminal or pipes. Nothing can be written where it would be lost.
run() {
  [ -d "$CABILDO_DIR" ] || {
    say "there is no $CABILDO_DIR: swarm.sh up makes it, or CABILDO_DIR names another"
    exit 1
  }
  terminal=
  if [ -t 0 ] && [ -t 1 ]; then terminal=--tty; fi
  in_image --network "${STACK}_api-network" --interactive $terminal \
    --volume "$PWD:/mnt" --workdir /mnt "$CABILDO_IMAGE" "$@"
}

# Configs and secrets of a Swarm never change: their names end in a digest of what is in them.
digest() { cat "$@" | sha256sum | cut -c1-8; }
export_versions() {
  CLUSTER_VERSION=$(digest "$CABILDO_DIR/cluster.json")
  PROMETHEUS_VERSION=$(digest "$CABILDO_DIR/prometheus.yml")
  ALERTS_VERSION=$(digest "$here/prometheus/alerts.yml")
  DASHBOARD_VERSION=$(digest "$here"/grafana/cabildo.json "$here"/grafana/provisioning/*/*.yml)
  GRAFANA_PASSWORD_VERSION=$(digest "$CABILDO_DIR/grafana-password")
  CA_VERSION=$(digest "$CABILDO_DIR/certs/ca.pem")
  export CLUSTER_VERSION PROMETHEUS_VERSION ALERTS_VERSION DASHBOARD_VERSION GRAFANA_PASSWORD_VERSION CA_VERSION
  for key in "$CABILDO_DIR"/certs/*-key.pem; do
    name=$(basename "$key" -key.pem)
    [ "$name" = ca ] && continue
    variable=$(echo "$name" | tr 'a-z-' 'A-Z_')_VERSION
    export "$variable=$(digest "$CABILDO_DIR/certs/$name.pem" "$key")"
  done
}

# The stack of the cluster file, or a part of it.
deploy() {
  cd "$here"
  offline swarm stack --data $data "$@" |
    docker stack deploy --resolve-image "$RESOLVE_IMAGE" --compose-file - "$STACK" >&2
}

# Of configs and secrets those of earlier versions: Swarm keeps what a service has.
remove_unused() {
  for kind in config secret; do
    docker "$kind" ls --quiet --filter "label=com.docker.stack.namespace=$STACK" |
      xargs -r docker "$kind" rm >/dev/null 2>&1 || true
  done
}

# A process keeps the host that it has: its disk does not move with it.
label() {
  hosts=${SWARM_HOSTS:-$(docker node ls --format '{{.Hostname}}')}
  # shellcheck disable=SC2086
  offline swarm place --data $data --hosts $hosts |
    while read -r host process; do
      held=$(docker node ls --quiet --filter "node.label=cabildo.$process=true")
      [ -n "$held" ] || docker node update --label-add "cabildo.$process=true" "$host" >/dev/null
    done
}

plan() {
  # shellcheck disable=SC2086
  offline swarm plan --data $data ${REPLICAS:+--replicas "$REPLICAS"} \
    ${PUBLIC_HOSTS:+--public-host $PUBLIC_HOSTS} >/dev/null
  export_versions
}

up() {
  [ "$(docker info --format '{{.Swarm.ControlAvailable}}')" = true ] || {
    say "this engine manages no Swarm: docker swarm init, or docker swarm join, first"
    exit 1
  }
  mkdir -p "$CABILDO_DIR"
  plan
  label
  if [ -n "$(docker stack services --quiet "$STACK" 2>/dev/null)" ]; then
    say "it runs: one process after the other"
    roll
  else
    say "deploying"
    deploy
  fi
  say "waiting until every shard is led and every replica has caught up"
  on_api_network status --wait "$WAIT_SECONDS"
  remove_unused
}

# Where it was interrupted, the same again goes on.
replace() {
  old=$1 new=$2 host=${3:-}
  if on_api_network replica list | grep -q " $old "; then
    on_api_network replica remove all "$old" --dry-run >&2
  fi
  shards=$(offline swarm add "$new" --in-place-of "$old" --data $data)
  plan
  if [ -z "$(docker node ls --quiet --filter "node.label=cabildo.$new=true")" ]; then
    host=${host:-$(docker node ls --quiet --filter "node.label=cabildo.$old=true")}
    [ -n "$host" ] || { say "no host bears the label of $old: say on which $new is to run"; exit 1; }
    docker node update --label-add "cabildo.$new=true" "$host" >/dev/null
  fi
  say "$new joins $shards"
  # shellcheck disable=SC2086
  service "$new" --join $shards
  tries=0
  until would=$(on_api_network replica replace "$old" "$new" --dry-run 2>&1); do
    tries=$((tries + 1))
    [ "$tries" -lt "$WAIT_SECONDS" ] || { say "$would"; exit 1; }
    sleep 1
  done
  on_api_network replica replace "$old" "$new" >&2
  docker service rm "${STACK}_$old" >/dev/null 2>&1 || true
  for held in $(docker node ls --quiet --filter "node.label=cabildo.$old=true"); do
    docker node update --label-rm "cabildo.$old" "$held" >/dev/null
  done
  rm -f "$CABILDO_DIR/certs/$old.pem" "$CABILDO_DIR/certs/$old-key.pem"
  plan
  service prometheus
  on_api_network status --wait "$WAIT_SECONDS"
  remove_unused
  say "$old is gone; where its host still has the volume ${STACK}_$old, nobody needs that"
}

# Replicas by `cabildo rollout`, which hands over what one leads and waits until it is back; then what is in front of them. It
# speaks to the nodes inside, and with Docker outside.
roll() {
  socket=${DOCKER_HOST:-unix:///var/run/docker.sock}
  from_inside() {
    # Its own user may not use Docker's socket.
    docker run --rm --user 0:0 --network "${STACK}_api-network" --volume "$CABILDO_DIR:$data:ro" \
      --volume "${socket#unix://}:/var/run/docker.sock" --volume "$here:/deploy:ro" \
      --volume "$(command -v docker):/usr/local/bin/docker:ro" --env CABILDO_DIR=$data --env INSIDE=1 \
      --env-file "$1" --workdir /var/lib/cabildo --entrypoint sh "$CABILDO_IMAGE" -euc "$2"
  }
  settings=$(mktemp)
  trap 'rm -f "$settings"' EXIT
  env | grep -E '^[A-Z0-9_]+_(VERSION|PORT|SUBNET|IMAGE|REPLICAS|INTERVAL)=|^STACK=' >"$settings"
  echo "RESOLVE_IMAGE=$RESOLVE_IMAGE" >>"$settings"
  from_inside "$settings" "
    cabildo rollout --grace 2 --exec 'sh /deploy/swarm.sh service {}'
    for name in coordinator-1 fanout-1 coordinator-2 fanout-2 prometheus grafana; do
      echo \"swarm: \$name\" >&2
      sh /deploy/swarm.sh service \$name
    done"
}

# One service as the stack has it now. Returns when its process lives: an update without a change waits for that. Swarm refuses
# it while it notes down what it does itself.
service() {
  (deploy --only "$@")
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

usage() {
  sed -n '2,/^set -eu/s/^# \{0,1\}//p' "$0" >&2
  exit 2
}

case ${1:-} in
  up) up ;;
  replace) [ $# -ge 3 ] || usage; replace "$2" "$3" "${4:-}" ;;
  down) down ;;
  run) shift; run "$@" ;;
  service) service "$2" ;;
  *) usage ;;
esac
