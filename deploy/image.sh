#!/bin/sh
# Builds the image of this source. IMAGE names it; BASE_IMAGE, NODE_IMAGE and UWS_SOURCE choose what it is made of
# (deploy/Dockerfile says what each is), and what they leave open is looked for here.
set -eu
cd "$(dirname "$0")/.."
version=$(sed -n 's/^  "version": "\(.*\)",$/\1/p' package.json)
image=${IMAGE:-cabildo:$version}
base=${BASE_IMAGE:-debian:trixie-slim}
node=${NODE_IMAGE:-node:24-trixie-slim}
official=https://codeload.github.com/uNetworking/uWebSockets.js/tar.gz/refs/tags/v20.57.0
republished=npm:@btc-vision/uwebsockets.js@20.57.0

is_here() {
  docker image inspect "$1" >/dev/null 2>&1 || docker pull --quiet "$1" >/dev/null 2>&1
}
if ! is_here "$base" || ! is_here "$node"; then
  base=cabildo-base:trixie node=cabildo-node:24
  if ! is_here "$base" || ! is_here "$node"; then
    echo "no image can be pulled here: making $base and $node on this machine" >&2
    sh deploy/local-images.sh
  fi
fi
uws=${UWS_SOURCE:-}
if [ -z "$uws" ]; then
  uws=$official
  curl --silent --fail --location --max-time 20 --range 0-0 --output /dev/null "$official" || {
    uws=$republished
    echo "GitHub is out of reach: uWebSockets.js comes from $uws" >&2
  }
fi
docker build --network "${BUILD_NETWORK:-default}" --file deploy/Dockerfile --tag "$image" \
  --build-arg BASE_IMAGE="$base" --build-arg NODE_IMAGE="$node" --build-arg UWS_SOURCE="$uws" .
docker image inspect --format "$image: {{.Size}} bytes" "$image"
